//! Deals end with their sectors: `OnMinerSectorsTerminate`.

use boatyard_actors_shared::ext::market::OnMinerSectorsTerminateParams;
use boatyard_sdk::{ActorError, Context, Runtime, Type, ensure, exit_codes::*};
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;
use num_traits::Zero;

use crate::book::DealBook;
use crate::escrow::burn;
use crate::state::State;
use crate::{events, provider_sectors};

/// Ends the deals of sectors that ended early: they are paid up to then, the client
/// gets the rest back, the provider's collateral is burnt. Deals that are over by
/// then stay, to be settled.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is no miner |
/// | `USR_ILLEGAL_STATE` (20) | a deal in its sectors is another provider's |
/// | `USR_ILLEGAL_ARGUMENT` (16) | a deal in its sectors is not activated |
///
/// Source: spec 07 §7, OnMinerSectorsTerminate.
pub(crate) fn on_miner_sectors_terminate(
    rt: &impl Runtime,
    params: OnMinerSectorsTerminateParams,
) -> Result<(), ActorError> {
    rt.validate_caller_type(&[Type::Miner])?;
    let slashed = rt.transaction(|state: &mut State| {
        let provider = rt.message().caller;
        let ids = provider_sectors::pop(state, rt.store(), provider, &params.sectors)?;
        let mut book = DealBook::open(state, rt.store())?;
        let mut slashed = TokenAmount::zero();
        for id in ids {
            slashed += end_deal(rt, &mut book, id, params.epoch)?;
        }
        book.close(state)?;
        Ok(slashed)
    })?;
    burn(rt, slashed)
}

/// Gives what the provider lost.
fn end_deal<BS: Blockstore + Clone>(
    rt: &impl Runtime,
    book: &mut DealBook<BS>,
    id: DealID,
    end: ChainEpoch,
) -> Result<TokenAmount, ActorError> {
    let Some(deal) = book.proposals.get(id)?.cloned() else {
        return Ok(TokenAmount::zero());
    };
    ensure!(
        deal.provider == rt.caller(),
        USR_ILLEGAL_STATE,
        "deal {id} is that of provider {}, not {}",
        deal.provider,
        rt.caller()
    );
    if deal.end_epoch <= end {
        return Ok(TokenAmount::zero());
    }
    let state = book.states.get(id)?.copied().or_exit(
        USR_ILLEGAL_ARGUMENT,
        format_args!("deal {id} is not activated"),
    )?;
    if state.last_updated().is_none() {
        book.pending.remove(&deal.cid(rt)?)?;
    }
    let lost = book.terminate(&deal, &state, end)?;
    book.remove(id)?;
    events::emit(rt, events::DEAL_TERMINATED, id, &deal)?;
    Ok(lost)
}
