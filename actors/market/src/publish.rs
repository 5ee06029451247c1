//! Publishing deals: `PublishStorageDeals`.
//!
//! | step | sheet |
//! |---|---|
//! | `provider_of`: who stores, and may the caller speak for it | 2-4 |
//! | `validate`: what is wrong with a proposal by itself | 5-7 |
//! | `select`: which ones the parties can afford | 8 |
//! | `datacap`: allocations for verified deals | 9 |
//! | `store`: the deals get numbers and lock money | 11 |
//! | `announce`: clients and the world are told | 12 |

use std::collections::BTreeMap;

use boatyard_actors_shared::PolicyExt;
use boatyard_actors_shared::ext::market::{MARKET_NOTIFY_DEAL, MarketNotifyDealParams};
use boatyard_actors_shared::ext::miner::IS_CONTROLLING_ADDRESS;
use boatyard_actors_shared::ext::verifreg::AllocationId;
use boatyard_sdk::nested::SetMultimap;
use boatyard_sdk::{
    ActorError, Context, Host, Runtime, SendResultExt, Type, cbor_params, ensure, exit_codes::*,
};
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;

use crate::balances::{Ledger, Reason};
use crate::deal::{DealProposal, next_update_epoch};
use crate::events;
use crate::state::State;
use crate::types::{ClientDealProposal, PublishStorageDealsParams, PublishStorageDealsReturn};

mod datacap;
mod select;
mod validate;

/// A proposal that will be a deal.
struct Accepted {
    /// Its position among the proposals that came.
    index: usize,
    /// With ID addresses.
    proposal: DealProposal,
    client: ActorID,
    /// The proposal as it will be stored.
    encoded: RawBytes,
    cid: Cid,
    /// The datacap set aside for it.
    allocation: Option<AllocationId>,
}

/// Publishes deals of one provider. Proposals that are no good are left out; the
/// return tells which ones.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | there are no proposals |
/// | `USR_NOT_FOUND` (17) | the first one's provider is no actor |
/// | `USR_ILLEGAL_ARGUMENT` (16) | it is no miner |
/// | `USR_FORBIDDEN` (18) | the caller does not control it |
/// | `USR_NOT_FOUND` (17) | a client's datacap cannot be asked for |
/// | `USR_ILLEGAL_STATE` (20) | datacap does not become allocations |
/// | `USR_ILLEGAL_ARGUMENT` (16) | no proposal is good |
/// | `USR_INSUFFICIENT_FUNDS` (19) | money was withdrawn in between |
/// | `USR_ILLEGAL_ARGUMENT` (16) | a client refuses its deal |
///
/// Source: spec 07 §7, PublishStorageDeals.
pub(crate) fn publish(
    rt: &impl Runtime,
    params: PublishStorageDealsParams,
) -> Result<PublishStorageDealsReturn, ActorError> {
    rt.accept_any_caller()?;
    let deals = params.deals;
    let provider = provider_of(rt, &deals)?;
    let bounds = validate::Bounds::ask(rt)?;
    let valid = validate::validate_all(rt, &deals, &bounds)?;
    let mut accepted = select::select(rt, valid, &provider)?;
    datacap::allocate(rt, provider.id, &mut accepted)?;
    ensure!(
        !accepted.is_empty(),
        USR_ILLEGAL_ARGUMENT,
        "none of the proposals is valid and affordable"
    );
    let ids = store(rt, &accepted)?;
    for (id, deal) in ids.iter().zip(&accepted) {
        announce(rt, *id, deal)?;
    }
    let valid_deals = BitField::try_from_bits(accepted.iter().map(|deal| deal.index as u64))
        .or_exit(USR_ASSERTION_FAILED, "too many proposals")?;
    Ok(PublishStorageDealsReturn { ids, valid_deals })
}

/// The provider, by its ID and as the first proposal names it.
struct Provider {
    id: ActorID,
    raw: Address,
}

impl Provider {
    fn address(&self) -> Address {
        Address::new_id(self.id)
    }
}

/// Who the provider is. The caller must be in control of it.
fn provider_of(rt: &impl Runtime, deals: &[ClientDealProposal]) -> Result<Provider, ActorError> {
    let first = deals
        .first()
        .or_exit(USR_ILLEGAL_ARGUMENT, "there are no proposals to publish")?;
    let raw = first.proposal.provider;
    let id = rt.resolve(&raw).or_exit(
        USR_NOT_FOUND,
        format_args!("provider {raw} does not resolve"),
    )?;
    let code = rt
        .host()
        .code_cid(id)
        .or_exit(USR_NOT_FOUND, format_args!("there is no provider f0{id}"))?;
    ensure!(
        rt.builtin_type(&code) == Some(Type::Miner),
        USR_ILLEGAL_ARGUMENT,
        "provider {raw} is no miner"
    );
    let provider = Provider { id, raw };
    let caller = rt.caller();
    let controlled: bool = rt
        .send(
            &provider.address(),
            IS_CONTROLLING_ADDRESS,
            cbor_params(&caller)?,
            TokenAmount::default(),
        )
        .value()
        .map_err(|error| error.context(format_args!("asking miner {raw} for its controllers")))?;
    ensure!(
        controlled,
        USR_FORBIDDEN,
        "{caller} does not control miner {raw}"
    );
    Ok(provider)
}

/// Gives the deals numbers, locks the parties' money and schedules cron's first look.
fn store(rt: &impl Runtime, accepted: &[Accepted]) -> Result<Vec<DealID>, ActorError> {
    let interval = rt.policy().deal_updates_interval;
    rt.transaction(|state: &mut State| {
        let mut ledger = Ledger::open(state, rt.store())?;
        let mut proposals = state.proposals.load(rt.store())?;
        let mut pending = state.pending_proposals.load(rt.store())?;
        let mut allocations = state.pending_deal_allocation_ids.load(rt.store())?;
        let mut schedule: BTreeMap<ChainEpoch, Vec<DealID>> = BTreeMap::new();
        let mut ids = Vec::with_capacity(accepted.len());
        for deal in accepted {
            lock_for(&mut ledger, &deal.proposal)?;
            let id = state.next_id;
            state.next_id = id
                .checked_add(1)
                .or_exit(USR_ASSERTION_FAILED, "the numbers of deals are used up")?;
            pending.set(&deal.cid, ())?;
            proposals.set(id, deal.proposal.clone())?;
            if let Some(allocation) = deal.allocation {
                allocations.set(&id, allocation)?;
            }
            let first_look = next_update_epoch(id, interval, deal.proposal.start_epoch);
            schedule.entry(first_look).or_default().push(id);
            ids.push(id);
        }
        let mut ops = SetMultimap::load(&state.deal_ops_by_epoch, rt.store())?;
        for (epoch, ids) in &schedule {
            ops.add(epoch, ids)?;
        }
        ledger.close(state)?;
        state.pending_proposals = pending.flush()?;
        state.proposals = proposals.flush()?;
        state.pending_deal_allocation_ids = allocations.flush()?;
        state.deal_ops_by_epoch = ops.flush()?;
        Ok(ids)
    })
}

/// Source: spec 07 §6.2.
fn lock_for<BS>(ledger: &mut Ledger<BS>, deal: &DealProposal) -> Result<(), ActorError>
where
    BS: fvm_ipld_blockstore::Blockstore + Clone,
{
    ledger.lock(&deal.client, &deal.client_balance_requirement())?;
    ledger.lock(&deal.provider, &deal.provider_collateral)?;
    ledger.locked_for(Reason::ClientCollateral, &deal.client_collateral);
    ledger.locked_for(Reason::StorageFee, &deal.total_storage_fee());
    ledger.locked_for(Reason::ProviderCollateral, &deal.provider_collateral);
    Ok(())
}

/// Tells the client, who may refuse the whole message, and then the world.
fn announce(rt: &impl Runtime, id: DealID, deal: &Accepted) -> Result<(), ActorError> {
    let params = MarketNotifyDealParams {
        proposal: deal.encoded.clone(),
        deal_id: id,
    };
    rt.send(
        &Address::new_id(deal.client),
        MARKET_NOTIFY_DEAL,
        cbor_params(&params)?,
        TokenAmount::default(),
    )
    .success()
    .map_err(|error| {
        error
            .context(format_args!("client f0{} refuses deal {id}", deal.client))
            .with_code(USR_ILLEGAL_ARGUMENT)
    })?;
    events::emit(rt, events::DEAL_PUBLISHED, id, &deal.proposal)
}
