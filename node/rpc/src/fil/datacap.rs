//! Verified storage: datacap, allocations, claims (spec 10 §5.6).

use std::collections::BTreeMap;

use boatyard_actors_shared::ext::verifreg::Claim;
use boatyard_actors_shared::{DATACAP_ACTOR_ID, MARKET_ACTOR_ID, VERIFREG_ACTOR_ID};
use boatyard_chain::StateView;
use boatyard_verifreg::Allocation;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use serde::Serialize;

use crate::call::Call;
use crate::error::RpcError;
use crate::fil::json::{AddressJson, BigJson, CidJson, address_text};
use crate::fil::typed::state_of;
use crate::params::{FilAddress, TipsetParam};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The root key of the verified registry.
        ["Filecoin.StateVerifiedRegistryRootKey"]
        (tipset: TipsetParam) -> "Filecoin address" = compute root_key;

        /// Bytes of datacap that a client has; null for none.
        ["Filecoin.StateVerifiedClientStatus"]
        (address: FilAddress, tipset: TipsetParam) -> "big number or null" = compute client;

        /// Bytes of datacap that a verifier may hand out; null for an address that is none.
        ["Filecoin.StateVerifierStatus"]
        (address: FilAddress, tipset: TipsetParam) -> "big number or null" = compute verifier;

        /// An allocation of a client; null when there is none of this number.
        ["Filecoin.StateGetAllocation"]
        (client: FilAddress, id: u64, tipset: TipsetParam) -> "Allocation or null" = compute allocation;

        /// The allocations of a client by number.
        ["Filecoin.StateGetAllocations"]
        (client: FilAddress, tipset: TipsetParam) -> "Allocations" = compute allocations;

        /// All allocations by number.
        ["Filecoin.StateGetAllAllocations"]
        (tipset: TipsetParam) -> "Allocations" = compute all_allocations;

        /// A claim of a provider; null when there is none of this number.
        ["Filecoin.StateGetClaim"]
        (provider: FilAddress, id: u64, tipset: TipsetParam) -> "Claim or null" = compute claim;

        /// The claims of a provider by number.
        ["Filecoin.StateGetClaims"]
        (provider: FilAddress, tipset: TipsetParam) -> "Claims" = compute claims;

        /// All claims by number.
        ["Filecoin.StateGetAllClaims"]
        (tipset: TipsetParam) -> "Claims" = compute all_claims;

        /// The allocation of a deal that is not activated yet; null when it has none.
        ["Filecoin.StateGetAllocationForPendingDeal"]
        (deal: u64, tipset: TipsetParam) -> "Allocation or null" = compute allocation_of_deal;

        /// The number of the allocation of a deal that is not activated yet; 0 when it has
        /// none.
        ["Filecoin.StateGetAllocationIdForPendingDeal"]
        (deal: u64, tipset: TipsetParam) -> "number" = compute allocation_id_of_deal;
    ]
}

/// Tokens of datacap have 18 decimals, one for a byte.
const DECIMALS: u64 = 1_000_000_000_000_000_000;

fn registry(view: &StateView) -> Result<boatyard_verifreg::State, RpcError> {
    let registry = Address::new_id(VERIFREG_ACTOR_ID);
    Ok(state_of(view, &registry, "verifiedregistry")?.2)
}

fn id_of(view: &StateView, address: &FilAddress) -> Result<ActorID, RpcError> {
    view.resolve(&address.0)?
        .ok_or_else(|| RpcError::actor_not_found(address_text(&address.0)))
}

fn root_key(call: &Call, tipset: TipsetParam) -> Result<AddressJson, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    Ok(registry(&view)?.root_key.into())
}

fn client(
    call: &Call,
    address: FilAddress,
    tipset: TipsetParam,
) -> Result<Option<BigJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let id = id_of(&view, &address)?;
    let token = Address::new_id(DATACAP_ACTOR_ID);
    let state: boatyard_datacap::State = state_of(&view, &token, "datacap")?.2;
    let balance = state.balance(view.store(), id)?;
    let bytes: BigInt = balance.atto() / DECIMALS;
    Ok((!balance.is_zero()).then(|| bytes.into()))
}

fn verifier(
    call: &Call,
    address: FilAddress,
    tipset: TipsetParam,
) -> Result<Option<BigJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let id = Address::new_id(id_of(&view, &address)?);
    let cap = registry(&view)?.verifier_cap(view.store(), &id)?;
    Ok(cap.map(Into::into))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AllocationJson {
    client: ActorID,
    provider: ActorID,
    data: CidJson,
    size: u64,
    term_min: ChainEpoch,
    term_max: ChainEpoch,
    expiration: ChainEpoch,
}

impl From<&Allocation> for AllocationJson {
    fn from(allocation: &Allocation) -> Self {
        Self {
            client: allocation.client,
            provider: allocation.provider,
            data: allocation.data.into(),
            size: allocation.size,
            term_min: allocation.term_min,
            term_max: allocation.term_max,
            expiration: allocation.expiration,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ClaimJson {
    provider: ActorID,
    client: ActorID,
    data: CidJson,
    size: u64,
    term_min: ChainEpoch,
    term_max: ChainEpoch,
    term_start: ChainEpoch,
    sector: u64,
}

impl From<&Claim> for ClaimJson {
    fn from(claim: &Claim) -> Self {
        Self {
            provider: claim.provider,
            client: claim.client,
            data: claim.data.into(),
            size: claim.size,
            term_min: claim.term_min,
            term_max: claim.term_max,
            term_start: claim.term_start,
            sector: claim.sector,
        }
    }
}

type ById<T> = BTreeMap<String, T>;

fn allocation(
    call: &Call,
    client: FilAddress,
    id: u64,
    tipset: TipsetParam,
) -> Result<Option<AllocationJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let client = id_of(&view, &client)?;
    let mut all = registry(&view)?.load_allocations(view.store())?;
    Ok(all.get(&client, &id)?.map(Into::into))
}

fn allocations(
    call: &Call,
    client: FilAddress,
    tipset: TipsetParam,
) -> Result<ById<AllocationJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let client = id_of(&view, &client)?;
    let mut found = BTreeMap::new();
    registry(&view)?
        .load_allocations(view.store())?
        .for_each_of(&client, |id, allocation| {
            found.insert(id.to_string(), allocation.into());
            Ok(())
        })?;
    Ok(found)
}

fn all_allocations(call: &Call, tipset: TipsetParam) -> Result<ById<AllocationJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let state = registry(&view)?;
    let mut clients = Vec::new();
    state
        .allocations
        .load(view.store())?
        .for_each(|client, _| {
            clients.push(client);
            Ok(())
        })?;
    let mut all = state.load_allocations(view.store())?;
    let mut found = BTreeMap::new();
    for client in clients {
        all.for_each_of(&client, |id, allocation| {
            found.insert(id.to_string(), allocation.into());
            Ok(())
        })?;
    }
    Ok(found)
}

fn claim(
    call: &Call,
    provider: FilAddress,
    id: u64,
    tipset: TipsetParam,
) -> Result<Option<ClaimJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let provider = id_of(&view, &provider)?;
    let mut all = registry(&view)?.load_claims(view.store())?;
    Ok(all.get(&provider, &id)?.map(Into::into))
}

fn claims(
    call: &Call,
    provider: FilAddress,
    tipset: TipsetParam,
) -> Result<ById<ClaimJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let provider = id_of(&view, &provider)?;
    let mut found = BTreeMap::new();
    registry(&view)?
        .load_claims(view.store())?
        .for_each_of(&provider, |id, claim| {
            found.insert(id.to_string(), claim.into());
            Ok(())
        })?;
    Ok(found)
}

fn all_claims(call: &Call, tipset: TipsetParam) -> Result<ById<ClaimJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let state = registry(&view)?;
    let mut providers = Vec::new();
    state.claims.load(view.store())?.for_each(|provider, _| {
        providers.push(provider);
        Ok(())
    })?;
    let mut all = state.load_claims(view.store())?;
    let mut found = BTreeMap::new();
    for provider in providers {
        all.for_each_of(&provider, |id, claim| {
            found.insert(id.to_string(), claim.into());
            Ok(())
        })?;
    }
    Ok(found)
}

fn pending_allocation(view: &StateView, deal: u64) -> Result<Option<u64>, RpcError> {
    let market = Address::new_id(MARKET_ACTOR_ID);
    let state: boatyard_market::State = state_of(view, &market, "storagemarket")?.2;
    let pending = state.pending_deal_allocation_ids.load(view.store())?;
    Ok(pending.get(&deal)?.copied())
}

fn allocation_of_deal(
    call: &Call,
    deal: u64,
    tipset: TipsetParam,
) -> Result<Option<AllocationJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let Some(id) = pending_allocation(&view, deal)? else {
        return Ok(None);
    };
    let client = crate::fil::market::proposal(&view, deal)?.client;
    let client = id_of(&view, &FilAddress(client))?;
    let mut all = registry(&view)?.load_allocations(view.store())?;
    Ok(all.get(&client, &id)?.map(Into::into))
}

fn allocation_id_of_deal(call: &Call, deal: u64, tipset: TipsetParam) -> Result<u64, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    Ok(pending_allocation(&view, deal)?.unwrap_or(0))
}
