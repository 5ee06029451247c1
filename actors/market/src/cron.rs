//! The end of an epoch: `CronTick`.
//!
//! Looks at the deals that are due and at no others: a deal when it starts, and, if
//! somebody settled it before, once in every interval from then on.

use std::collections::BTreeMap;

use boatyard_actors_shared::{CRON_ACTOR, PolicyExt};
use boatyard_sdk::nested::SetMultimap;
use boatyard_sdk::{ActorError, Context, Runtime, actor_error, exit_codes::*};
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;
use num_traits::Zero;

use crate::book::{DealBook, Standing, Update};
use crate::deal::{DealState, next_update_epoch};
use crate::escrow::burn;
use crate::events;
use crate::provider_sectors::{self, SectorDealIds};
use crate::state::State;

/// Ends deals that were not activated in time, and pays those that were settled
/// before. What providers lost is burnt.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is not f03 |
/// | `USR_ILLEGAL_STATE` (20), `USR_ILLEGAL_ARGUMENT` (16) | the state is broken |
///
/// Source: spec 07 §7, CronTick.
pub(crate) fn tick(rt: &impl Runtime) -> Result<(), ActorError> {
    rt.validate_caller_is(&[CRON_ACTOR])?;
    let slashed = rt.transaction(|state: &mut State| {
        let mut ops = SetMultimap::load(&state.deal_ops_by_epoch, rt.store())?;
        let mut due = Vec::new();
        let mut visited = Vec::new();
        for epoch in state.last_cron + 1..=rt.epoch() {
            let Some(ids) = ops.get(&epoch)? else {
                continue;
            };
            // In the order of the tree, which decides over the order of events.
            ids.for_each(|id, ()| {
                due.push(id);
                Ok(())
            })?;
            visited.push(epoch);
        }
        state.last_cron = rt.epoch();
        if visited.is_empty() {
            return Ok(TokenAmount::zero());
        }

        let mut visit = Visit::default();
        let mut book = DealBook::open(state, rt.store())?;
        for id in due {
            visit.deal(rt, &mut book, id)?;
        }
        book.close(state)?;
        provider_sectors::remove(state, rt.store(), &visit.over)?;
        for epoch in &visited {
            ops.remove_all(epoch)?;
        }
        for (epoch, ids) in &visit.later {
            ops.add(epoch, ids)?;
        }
        state.deal_ops_by_epoch = ops.flush()?;
        Ok(visit.slashed)
    })?;
    burn(rt, slashed)
}

/// What comes of looking at deals.
#[derive(Default)]
struct Visit {
    slashed: TokenAmount,
    /// Deals that leave their sectors.
    over: SectorDealIds,
    /// Deals to look at again.
    later: BTreeMap<ChainEpoch, Vec<DealID>>,
}

impl Visit {
    fn deal<BS: Blockstore + Clone>(
        &mut self,
        rt: &impl Runtime,
        book: &mut DealBook<BS>,
        id: DealID,
    ) -> Result<(), ActorError> {
        // Settled, or terminated with its sector.
        let Some(deal) = book.proposals.get(id)?.cloned() else {
            return Ok(());
        };
        let state = match book.active_or_lapsed(rt, id, &deal)? {
            Standing::Active(state) => state,
            Standing::Lapsed(penalty) => {
                self.slashed += penalty;
                return Ok(());
            }
            Standing::TooEarly => {
                return Err(actor_error!(
                    USR_ILLEGAL_STATE,
                    "deal {id} is due before its start {}",
                    deal.start_epoch
                ));
            }
        };
        if state.last_updated().is_none() {
            // From now on others see to its payments; cron does not come back.
            book.pending.remove(&deal.cid(rt)?)?.or_exit(
                USR_ILLEGAL_STATE,
                format_args!("the proposal of deal {id} does not wait"),
            )?;
            return Ok(());
        }
        let ended = match book.update(rt, id, &deal, &state)? {
            Update::Paid(_) => {
                let epoch = rt.epoch();
                let updated = DealState {
                    last_updated_epoch: epoch,
                    ..state
                };
                book.states.set(id, updated)?;
                let interval = rt.policy().deal_updates_interval;
                let next = next_update_epoch(id, interval, epoch + 1);
                self.later.entry(next).or_default().push(id);
                return Ok(());
            }
            Update::Completed(_) => events::DEAL_COMPLETED,
            Update::Terminated(lost) => {
                self.slashed += lost;
                events::DEAL_TERMINATED
            }
        };
        book.remove(id)?;
        let provider = deal.provider_id()?;
        provider_sectors::note(&mut self.over, provider, state.sector_number, id);
        events::emit(rt, ended, id, &deal)
    }
}
