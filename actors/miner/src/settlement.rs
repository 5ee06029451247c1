//! Sectors that ended early: what they cost, and who is told (spec 06 §14.4).

use boatyard_actors_shared::ext::miner::CRON_EVENT_PROCESS_EARLY_TERMINATIONS;
use boatyard_actors_shared::{FilterEstimate, PolicyExt};
use boatyard_sdk::{ActorError, Context, Runtime, exit_codes::*};
use fvm_ipld_bitfield::BitField;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;
use num_traits::Signed;

use crate::funds::Repaid;
use crate::monies::{CONTINUED_FAULT_PROJECTION_PERIOD, Projection, termination_fee};
use crate::partition::ends::TerminationResult;
use crate::schema::State;
use crate::sectors::Sectors;
use crate::{events, sends};

/// Settles sectors that ended early, as many as fit into one message; tells whether
/// some are left. Released pledge pays the fees.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_NOT_FOUND` (17) | a sector's record is missing |
/// | `USR_ILLEGAL_STATE` (20) | a queue cannot be read; more pledge is released than there is |
/// | those of the sends | |
///
/// Source: spec 06 §14.4.
pub fn settle(
    rt: &impl Runtime,
    reward: &FilterEstimate,
    network_qa: &FilterEstimate,
) -> Result<bool, ActorError> {
    let (settled, more) = rt.transaction(|state: &mut State| {
        let (ended, more) = state
            .pop_early_terminations(rt.policy(), &rt.store())
            .map_err(|error| error.with_code(USR_ILLEGAL_STATE))?;
        if ended.sectors_processed == 0 {
            return Ok((None, more));
        }
        Ok((Some(charge(rt, state, &ended, reward, network_qa)?), more))
    })?;
    if let Some(settled) = settled {
        let Repaid { burn, unlocked } = settled.repaid;
        sends::burn(rt, &burn)?;
        sends::update_pledge(rt, &-(settled.pledge + unlocked))?;
        sends::terminate_deals(rt, settled.with_data)?;
        for sector in settled.sectors {
            events::sector_terminated(rt, sector)?;
        }
    }
    Ok(more)
}

/// Asks cron to go on with the settlement in the next epoch.
///
/// # Errors
/// Those of the send.
pub fn schedule(rt: &impl Runtime) -> Result<(), ActorError> {
    sends::enroll_cron(rt, rt.epoch() + 1, CRON_EVENT_PROCESS_EARLY_TERMINATIONS)
}

/// What the settlement of some sectors came to.
struct Settled {
    /// By epoch of termination and number.
    sectors: Vec<SectorNumber>,
    /// Those of them that the market may know.
    with_data: BitField,
    /// attoFIL that they had pledged.
    pledge: TokenAmount,
    repaid: Repaid,
}

fn charge(
    rt: &impl Runtime,
    state: &mut State,
    ended: &TerminationResult,
    reward: &FilterEstimate,
    network_qa: &FilterEstimate,
) -> Result<Settled, ActorError> {
    let store = &rt.store();
    let size = state.load_info(store)?.sector_size;
    let records = Sectors::load(store, &state.sectors)?;
    let fault_fee = Projection::new(reward, network_qa, CONTINUED_FAULT_PROJECTION_PERIOD)?;

    let (mut sectors, mut with_data) = (Vec::new(), Vec::new());
    let (mut pledge, mut penalty) = (TokenAmount::default(), TokenAmount::default());
    for (epoch, numbers) in &ended.sectors {
        for sector in records.load_all(numbers)? {
            pledge += &sector.initial_pledge;
            penalty += termination_fee(
                &sector.initial_pledge,
                epoch - sector.activation,
                &fault_fee.of(&sector.qa_power(size)?),
            );
            if sector.deal_weight.is_positive() || sector.verified_deal_weight.is_positive() {
                with_data.push(sector.sector_number);
            }
            sectors.push(sector.sector_number);
        }
    }
    state.apply_penalty(&penalty)?;
    state.add_initial_pledge(&-&pledge)?;
    let repaid = state.repay_partial_debt(store, rt.epoch(), &rt.current_balance())?;
    let with_data = BitField::try_from_bits(with_data)
        .or_exit(USR_ILLEGAL_STATE, "a sector number out of range")?;
    Ok(Settled {
        sectors,
        with_data,
        pledge,
        repaid,
    })
}
