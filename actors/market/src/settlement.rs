//! Deals are paid when somebody asks for it: `SettleDealPayments`.

use boatyard_actors_shared::batch::BatchBuilder;
use boatyard_sdk::{ActorError, Runtime, actor_error, ensure};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use num_traits::Zero;

use crate::book::{DealBook, Standing, Update};
use crate::deal::DealState;
use crate::escrow::burn;
use crate::provider_sectors::{self, SectorDealIds};
use crate::state::State;
use crate::types::{DealSettlement, SettleDealPaymentsReturn};
use crate::{EX_DEAL_EXPIRED, events};

/// More deals than the return value has room for: in CBOR, each takes 3 bytes of the
/// 1 MiB at least.
const MAX_SETTLEMENTS: u64 = (1 << 20) / 3;

/// Pays deals up to now, and ends those that are over or have lapsed. What cannot be
/// settled fails alone, with [`EX_DEAL_EXPIRED`] (32) for every deal that is not
/// there (any more).
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | a deal is marked as ended early |
/// | `USR_ASSERTION_FAILED` (24) | more deals than the return value has room for |
///
/// Source: spec 07 §7, SettleDealPayments.
pub(crate) fn settle(
    rt: &impl Runtime,
    ids: BitField,
) -> Result<SettleDealPaymentsReturn, ActorError> {
    rt.accept_any_caller()?;
    // They would fail anyhow, but only after a very long time.
    ensure!(
        ids.len() <= MAX_SETTLEMENTS,
        USR_ASSERTION_FAILED,
        "{} deals cannot be settled at once",
        ids.len()
    );
    let mut results = BatchBuilder::default();
    let mut settlements = Vec::new();
    let slashed = rt.transaction(|state: &mut State| {
        let mut slashed = TokenAmount::zero();
        let mut over = SectorDealIds::new();
        let mut book = DealBook::open(state, rt.store())?;
        for id in ids.iter() {
            match settle_deal(rt, &mut book, id, &mut over, &mut slashed)? {
                Ok(settlement) => {
                    settlements.push(settlement);
                    results.add_success();
                }
                Err(code) => results.add_failure(code),
            }
        }
        book.close(state)?;
        provider_sectors::remove(state, rt.store(), &over)?;
        Ok(slashed)
    })?;
    burn(rt, slashed)?;
    Ok(SettleDealPaymentsReturn {
        results: results.build(),
        settlements,
    })
}

fn settle_deal<BS: Blockstore + Clone>(
    rt: &impl Runtime,
    book: &mut DealBook<BS>,
    id: DealID,
    over: &mut SectorDealIds,
    slashed: &mut TokenAmount,
) -> Result<Result<DealSettlement, ExitCode>, ActorError> {
    let Ok(Some(deal)) = book.proposals.get(id).map(|found| found.cloned()) else {
        return Ok(Err(EX_DEAL_EXPIRED));
    };
    let state = match book.active_or_lapsed(rt, id, &deal) {
        Ok(Standing::Active(state)) => state,
        Ok(Standing::TooEarly) => return Ok(Ok(not_yet())),
        Ok(Standing::Lapsed(penalty)) => {
            *slashed += penalty;
            return Ok(Err(EX_DEAL_EXPIRED));
        }
        Err(error) => return Ok(Err(error.exit_code())),
    };
    ensure!(
        state.slashed().is_none(),
        USR_ILLEGAL_ARGUMENT,
        "deal {id} is marked as ended early"
    );
    match book.update(rt, id, &deal, &state) {
        Ok(Update::Paid(payment)) => {
            // Also before the start: from now on cron reschedules the deal.
            let updated = DealState {
                last_updated_epoch: rt.epoch(),
                ..state
            };
            book.states.set(id, updated)?;
            Ok(Ok(DealSettlement {
                payment,
                completed: false,
            }))
        }
        Ok(Update::Completed(payment)) => {
            book.remove(id)?;
            provider_sectors::note(over, deal.provider_id()?, state.sector_number, id);
            events::emit(rt, events::DEAL_COMPLETED, id, &deal)?;
            Ok(Ok(DealSettlement {
                payment,
                completed: true,
            }))
        }
        Ok(Update::Terminated(_)) => Err(actor_error!(
            USR_ILLEGAL_STATE,
            "deal {id} ended early without being marked"
        )),
        Err(error) => Ok(Err(error.exit_code())),
    }
}

fn not_yet() -> DealSettlement {
    DealSettlement {
        payment: TokenAmount::zero(),
        completed: false,
    }
}
