//! Actors and their states (spec 10 §5.4).

use boatyard_chain::StateView;
use fvm_ipld_encoding::from_slice;
use fvm_shared::address::{Address, Protocol};
use fvm_shared::state::ActorState;
use serde::Serialize;
use serde_json::Value;

use crate::call::Call;
use crate::error::RpcError;
use crate::eth::chain::NETWORK_VERSION;
use crate::fil::json::{ActorJson, AddressJson, AttoJson, CidJson, address_text};
use crate::fil::miners::elements_of;
use crate::params::{FilAddress, TipsetParam};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// An actor's record.
        ["Filecoin.StateGetActor"]
        (address: FilAddress, tipset: TipsetParam) -> "Actor" = compute get_actor;

        /// An actor's state, decoded.
        ["Filecoin.StateReadState"]
        (address: FilAddress, tipset: TipsetParam) -> "ActorState" = compute read_state;

        /// The ID behind an address.
        ["Filecoin.StateLookupID"]
        (address: FilAddress, tipset: TipsetParam) -> "Filecoin address" = compute lookup_id;

        /// The key address of an account, or the t4 address of an actor.
        ["Filecoin.StateAccountKey"]
        (address: FilAddress, tipset: TipsetParam) -> "Filecoin address" = compute account_key;

        /// An address of an ID that is valid on every fork.
        ["Filecoin.StateLookupRobustAddress"]
        (address: FilAddress, tipset: TipsetParam) -> "Filecoin address" = compute robust_address;

        /// All actors, by ID.
        ["Filecoin.StateListActors"]
        (tipset: TipsetParam) -> "Filecoin addresses" = compute list_actors;

        /// The network version.
        ["Filecoin.StateNetworkVersion"]
        (tipset: TipsetParam) -> "number" = compute network_version;

        /// The root key of the verified registry.
        ["Filecoin.StateVerifiedRegistryRootKey"]
        (tipset: TipsetParam) -> "Filecoin address" = compute root_key;
    ]
}

/// ID of the verified registry.
const VERIFIED_REGISTRY: u64 = 6;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DecodedState {
    balance: AttoJson,
    code: CidJson,
    state: Value,
}

/// The record of an actor, which must exist.
pub fn actor(view: &StateView, address: &Address) -> Result<(u64, ActorState), RpcError> {
    view.actor(address)?
        .ok_or_else(|| RpcError::actor_not_found(address_text(address)))
}

fn get_actor(call: &Call, address: FilAddress, tipset: TipsetParam) -> Result<ActorJson, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    Ok((&actor(&view, &address.0)?.1).into())
}

fn read_state(
    call: &Call,
    address: FilAddress,
    tipset: TipsetParam,
) -> Result<DecodedState, RpcError> {
    let node = &call.node;
    let view = node.state_at(&tipset.0)?;
    let (_, actor) = actor(&view, &address.0)?;
    Ok(DecodedState {
        state: node.abis.lotus_state(&view, &actor)?,
        balance: actor.balance.into(),
        code: actor.code.into(),
    })
}

fn lookup_id(
    call: &Call,
    address: FilAddress,
    tipset: TipsetParam,
) -> Result<AddressJson, RpcError> {
    let id = call.node.state_at(&tipset.0)?.resolve(&address.0)?;
    let id = id.ok_or_else(|| RpcError::actor_not_found(address_text(&address.0)))?;
    Ok(Address::new_id(id).into())
}

fn account_key(
    call: &Call,
    address: FilAddress,
    tipset: TipsetParam,
) -> Result<AddressJson, RpcError> {
    let text = address_text(&address.0);
    if address.0.protocol() == Protocol::Actor {
        return Err(RpcError::failure(format!(
            "{text} is an actor's address, not an account's"
        )));
    }
    let view = call.node.state_at(&tipset.0)?;
    if let Some(key) = view.account_key(&address.0)? {
        return Ok(key.into());
    }
    actor(&view, &address.0)?;
    Err(RpcError::failure(format!(
        "{text} is no account and has no t4 address"
    )))
}

fn robust_address(
    call: &Call,
    address: FilAddress,
    tipset: TipsetParam,
) -> Result<AddressJson, RpcError> {
    let Ok(id) = address.0.id() else {
        return Ok(address.0.into());
    };
    let robust = call.node.state_at(&tipset.0)?.robust_address(id)?;
    let robust = robust.ok_or_else(|| RpcError::actor_not_found(address_text(&address.0)))?;
    Ok(robust.into())
}

fn list_actors(call: &Call, tipset: TipsetParam) -> Result<Vec<AddressJson>, RpcError> {
    let actors = call.node.state_at(&tipset.0)?.actors()?;
    Ok(actors
        .into_keys()
        .map(|id| Address::new_id(id).into())
        .collect())
}

fn network_version(call: &Call, tipset: TipsetParam) -> Result<u32, RpcError> {
    call.node.tipset(&tipset.0)?;
    Ok(u32::from(NETWORK_VERSION))
}

fn root_key(call: &Call, tipset: TipsetParam) -> Result<AddressJson, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let (_, block) = view.head_block(&Address::new_id(VERIFIED_REGISTRY))?;
    let mut fields = elements_of(&block).into_iter().flatten();
    let root_key: Address = fields
        .next()
        .and_then(|field| from_slice(field).ok())
        .ok_or_else(|| RpcError::failure("the verified registry's state has no root key"))?;
    Ok(root_key.into())
}
