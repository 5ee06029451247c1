//! What is known of a deal. All can be called from contracts, in read-only calls too.
//!
//! They fail alike (spec 07 §6.3): 17 for a deal that never was, 32 for one that is
//! over and forgotten, 20 for the number 2^64 − 1, which no deal can have.

use boatyard_sdk::{ActorError, Runtime, ensure};
use fvm_shared::clock::EPOCH_UNDEFINED;
use fvm_shared::deal::DealID;
use fvm_shared::sector::SectorNumber;

use crate::deal::{DealProposal, DealState};
use crate::state::State;
use crate::types::GetDealActivationReturn;
use crate::{EX_DEAL_EXPIRED, EX_DEAL_NOT_ACTIVATED};

/// What was agreed.
pub(crate) fn proposal(rt: &impl Runtime, id: DealID) -> Result<DealProposal, ActorError> {
    rt.accept_any_caller()?;
    let state: State = rt.state()?;
    state.proposal(rt.store(), id)
}

/// What became of a deal; `None` while it is not activated.
fn activated(rt: &impl Runtime, id: DealID) -> Result<Option<DealState>, ActorError> {
    rt.accept_any_caller()?;
    let state: State = rt.state()?;
    let Some(deal) = state.deal_state(rt.store(), id)? else {
        state.proposal(rt.store(), id)?;
        return Ok(None);
    };
    ensure!(
        deal.slashed().is_none(),
        EX_DEAL_EXPIRED,
        "deal {id} ended early"
    );
    Ok(Some(deal))
}

/// When it was activated.
pub(crate) fn activation(
    rt: &impl Runtime,
    id: DealID,
) -> Result<GetDealActivationReturn, ActorError> {
    let state = activated(rt, id)?;
    Ok(GetDealActivationReturn {
        activated: state.map_or(EPOCH_UNDEFINED, |state| state.sector_start_epoch),
        terminated: EPOCH_UNDEFINED,
    })
}

/// The sector that holds its piece.
///
/// # Errors
/// [`EX_DEAL_NOT_ACTIVATED`] (33) when none does yet.
pub(crate) fn sector(rt: &impl Runtime, id: DealID) -> Result<SectorNumber, ActorError> {
    activated(rt, id)?
        .map(|state| state.sector_number)
        .ok_or_else(|| {
            ActorError::new(
                EX_DEAL_NOT_ACTIVATED,
                format!("deal {id} is in no sector yet"),
            )
        })
}
