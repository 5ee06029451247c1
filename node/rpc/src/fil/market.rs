//! Deals of the storage market (spec 10 §5.6).

use std::collections::BTreeMap;

use boatyard_actors_shared::{MARKET_ACTOR_ID, Policy, REWARD_ACTOR_ID};
use boatyard_chain::StateView;
use boatyard_market::{DealProposal, DealState, Label};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::METHOD_SEND;
use fvm_shared::address::Address;
use fvm_shared::bigint::{BigInt, Integer};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use serde::Serialize;

use crate::call::Call;
use crate::error::RpcError;
use crate::fil::gas::SendSpec;
use crate::fil::json::{AddressJson, AttoJson, CidJson, address_text};
use crate::fil::miners::power_state;
use crate::fil::mpool::send;
use crate::fil::typed::state_of;
use crate::params::{Atto, CidParam, FilAddress, TipsetParam};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// What somebody has in the market, and what of it is locked.
        ["Filecoin.StateMarketBalance"]
        (address: FilAddress, tipset: TipsetParam) -> "MarketBalance" = compute balance;

        /// A deal.
        ["Filecoin.StateMarketStorageDeal"]
        (deal: u64, tipset: TipsetParam) -> "MarketDeal" = compute deal;

        /// All deals by number.
        ["Filecoin.StateMarketDeals"]
        (tipset: TipsetParam) -> "MarketDeals" = compute deals;

        /// What everybody has in the market, by address.
        ["Filecoin.StateMarketParticipants"]
        (tipset: TipsetParam) -> "MarketBalances" = compute participants;

        /// Whether a proposal, by its CID, is published and not over.
        ["Filecoin.StateMarketProposalPending"]
        (proposal: CidParam, tipset: TipsetParam) -> "bool" = compute is_pending;

        /// How much collateral a provider may offer for a piece of a padded size.
        ["Filecoin.StateDealProviderCollateralBounds"]
        (size: u64, verified: bool, tipset: TipsetParam) -> "CollateralBounds" = compute bounds;

        /// Puts money of a key of the node into the market, for somebody; gives the message's
        /// CID.
        ["Filecoin.MarketAddBalance"]
        (wallet: FilAddress, address: FilAddress, amount: Atto) -> "CID" [Sign] = wait add_balance;

        /// Takes somebody's money out of the market; gives the message's CID.
        ["Filecoin.MarketWithdraw"]
        (wallet: FilAddress, address: FilAddress, amount: Atto) -> "CID" [Sign] = wait withdraw;

        /// 0: the node sets nothing aside for deals.
        ["Filecoin.MarketGetReserved"]
        (address: FilAddress) -> "attoFIL" = compute reserved;
    ]
}

/// Most deals of one answer.
const MOST_DEALS: usize = 1 << 20;
/// All the FIL that there can ever be.
const TOTAL_FIL: u64 = 2_000_000_000;

fn market(view: &StateView) -> Result<boatyard_market::State, RpcError> {
    Ok(state_of(view, &Address::new_id(MARKET_ACTOR_ID), "storagemarket")?.2)
}

/// The proposal of a deal.
///
/// # Errors
/// When there is none of this number.
pub fn proposal(view: &StateView, deal: u64) -> Result<DealProposal, RpcError> {
    let state = market(view)?;
    let found = state.proposals.load(view.store())?.get(deal)?.cloned();
    found.ok_or_else(|| {
        RpcError::failure(format!(
            "deal {deal} not found - deal may not have completed sealing before deal proposal \
             start epoch, or deal may have been slashed"
        ))
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BalanceJson {
    escrow: AttoJson,
    locked: AttoJson,
}

fn balance(call: &Call, address: FilAddress, tipset: TipsetParam) -> Result<BalanceJson, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let state = market(&view)?;
    let id = view
        .resolve(&address.0)?
        .ok_or_else(|| RpcError::actor_not_found(address_text(&address.0)))?;
    let owner = Address::new_id(id);
    let of = |table: &boatyard_market::state::BalancesRoot| -> Result<AttoJson, RpcError> {
        let found = table.load(view.store())?.get(&owner)?.cloned();
        Ok(found.unwrap_or_default().into())
    };
    Ok(BalanceJson {
        escrow: of(&state.escrow_table)?,
        locked: of(&state.locked_table)?,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DealJson {
    proposal: ProposalJson,
    state: DealStateJson,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProposalJson {
    #[serde(rename = "PieceCID")]
    piece_cid: CidJson,
    piece_size: u64,
    verified_deal: bool,
    client: AddressJson,
    provider: AddressJson,
    label: String,
    start_epoch: ChainEpoch,
    end_epoch: ChainEpoch,
    storage_price_per_epoch: AttoJson,
    provider_collateral: AttoJson,
    client_collateral: AttoJson,
}

impl From<DealProposal> for ProposalJson {
    fn from(proposal: DealProposal) -> Self {
        Self {
            piece_cid: proposal.piece_cid.into(),
            piece_size: proposal.piece_size.0,
            verified_deal: proposal.verified_deal,
            client: proposal.client.into(),
            provider: proposal.provider.into(),
            label: match proposal.label {
                Label::Text(text) => text,
                Label::Bytes(_) => String::new(),
            },
            start_epoch: proposal.start_epoch,
            end_epoch: proposal.end_epoch,
            storage_price_per_epoch: proposal.storage_price_per_epoch.into(),
            provider_collateral: proposal.provider_collateral.into(),
            client_collateral: proposal.client_collateral.into(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DealStateJson {
    sector_number: u64,
    sector_start_epoch: ChainEpoch,
    last_updated_epoch: ChainEpoch,
    slash_epoch: ChainEpoch,
}

impl DealStateJson {
    fn new(state: Option<DealState>) -> Self {
        match state {
            Some(state) => Self {
                sector_number: state.sector_number,
                sector_start_epoch: state.sector_start_epoch,
                last_updated_epoch: state.last_updated_epoch,
                slash_epoch: state.slash_epoch,
            },
            None => Self {
                sector_number: 0,
                sector_start_epoch: -1,
                last_updated_epoch: -1,
                slash_epoch: -1,
            },
        }
    }
}

fn deal(call: &Call, deal: u64, tipset: TipsetParam) -> Result<DealJson, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let state = market(&view)?.deal_state(view.store(), deal)?;
    Ok(DealJson {
        proposal: proposal(&view, deal)?.into(),
        state: DealStateJson::new(state),
    })
}

fn deals(call: &Call, tipset: TipsetParam) -> Result<BTreeMap<String, DealJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let state = market(&view)?;
    let states = state.states.load(view.store())?;
    let proposals = state.proposals.load(view.store())?;
    let count = usize::try_from(proposals.count()).unwrap_or(usize::MAX);
    if count > MOST_DEALS {
        return Err(RpcError::failure(format!(
            "{count} deals are too many for one answer; ask for them with StateMarketStorageDeal"
        )));
    }
    let mut all = BTreeMap::new();
    proposals.for_each(|id, proposal| {
        let deal = DealJson {
            proposal: proposal.clone().into(),
            state: DealStateJson::new(states.get(id)?.copied()),
        };
        all.insert(id.to_string(), deal);
        Ok(())
    })?;
    Ok(all)
}

fn participants(
    call: &Call,
    tipset: TipsetParam,
) -> Result<BTreeMap<String, BalanceJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let state = market(&view)?;
    let locked = state.locked_table.load(view.store())?;
    let mut all = BTreeMap::new();
    state
        .escrow_table
        .load(view.store())?
        .for_each(|owner, escrow| {
            let balance = BalanceJson {
                escrow: escrow.clone().into(),
                locked: locked.get(&owner)?.cloned().unwrap_or_default().into(),
            };
            all.insert(address_text(&owner), balance);
            Ok(())
        })?;
    Ok(all)
}

fn is_pending(call: &Call, proposal: CidParam, tipset: TipsetParam) -> Result<bool, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let pending = market(&view)?.pending_proposals.load(view.store())?;
    Ok(pending.contains(&proposal.0)?)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BoundsJson {
    min: AttoJson,
    max: AttoJson,
}

/// A share of the circulating supply, by the piece's share of the network's power.
fn bounds(
    call: &Call,
    size: u64,
    _verified: bool,
    tipset: TipsetParam,
) -> Result<BoundsJson, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let power = power_state(&view)?;
    let reward: boatyard_reward::State =
        state_of(&view, &Address::new_id(REWARD_ACTOR_ID), "reward")?.2;
    let supply = call.node.chain.supply(&view)?.circulating;
    let policy = Policy::of(call.node.options.policy);
    let size = BigInt::from(size.max(1));
    let network = (&power.this_epoch_raw_byte_power)
        .max(&reward.this_epoch_baseline_power)
        .max(&size);
    let share = supply.atto() * policy.prov_collateral_percent_supply_num * &size;
    let least = share.div_floor(&(network * policy.prov_collateral_percent_supply_denom));
    Ok(BoundsJson {
        min: TokenAmount::from_atto(least).into(),
        max: TokenAmount::from_whole(TOTAL_FIL).into(),
    })
}

/// Numbers of the market's methods (spec 07).
const ADD_BALANCE: u64 = 2;
const WITHDRAW_BALANCE: u64 = 3;

async fn to_market(
    call: &Call,
    wallet: Address,
    value: TokenAmount,
    method_num: u64,
    params: &impl Serialize,
) -> Result<CidJson, RpcError> {
    debug_assert_ne!(method_num, METHOD_SEND);
    let params = RawBytes::serialize(params)
        .map_err(|error| RpcError::invalid_params(format!("the parameters: {error}")))?;
    let message = Message {
        version: 0,
        from: wallet,
        to: Address::new_id(MARKET_ACTOR_ID),
        sequence: 0,
        value,
        method_num,
        params,
        gas_limit: 0,
        gas_fee_cap: TokenAmount::default(),
        gas_premium: TokenAmount::default(),
    };
    let signed = send(call, message, &SendSpec::default()).await?;
    Ok(signed.cid().into())
}

async fn add_balance(
    call: Call,
    wallet: FilAddress,
    address: FilAddress,
    amount: Atto,
) -> Result<CidJson, RpcError> {
    to_market(&call, wallet.0, amount.0, ADD_BALANCE, &address.0).await
}

async fn withdraw(
    call: Call,
    wallet: FilAddress,
    address: FilAddress,
    amount: Atto,
) -> Result<CidJson, RpcError> {
    let params = (address.0, amount.0);
    to_market(
        &call,
        wallet.0,
        TokenAmount::default(),
        WITHDRAW_BALANCE,
        &params,
    )
    .await
}

fn reserved(_: &Call, _address: FilAddress) -> Result<AttoJson, RpcError> {
    Ok(TokenAmount::default().into())
}
