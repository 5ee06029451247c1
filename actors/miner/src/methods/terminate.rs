//! `TerminateSectors` (spec 06 §15.5).

use boatyard_actors_shared::PolicyExt;
use boatyard_sdk::{ActorError, Runtime, ensure};

use crate::bitfield_queue::bits_of;
use crate::schema::{PowerPair, State};
use crate::sector_map::DeadlineSectorMap;
use crate::sectors::Sectors;
use crate::types::{SectorDeclaration, TerminateSectorsParams, TerminateSectorsReturn};
use crate::{sends, settlement};

/// Ends live sectors before their time and settles what that costs, as far as one
/// message can. The rest is left to cron.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | a deadline is not there, or open, or the next; too much is addressed; a sector does not live in its partition |
/// | `USR_NOT_FOUND` (17) | a partition or sector is not there |
/// | `USR_FORBIDDEN` (18) | the caller does not control the miner |
/// | those of the market | it cannot end deals |
///
/// Source: spec 06 §15.5.
pub(crate) fn terminate(
    rt: &impl Runtime,
    params: TerminateSectorsParams,
) -> Result<TerminateSectorsReturn, ActorError> {
    let addressed = params.terminations.iter().map(SectorDeclaration::address);
    let to_end = DeadlineSectorMap::collect(rt.policy(), addressed)?;
    let (settling_already, lost) = rt.transaction(|state: &mut State| end(rt, state, &to_end))?;

    let reward = sends::this_epoch_reward(rt)?;
    let power = sends::current_total_power(rt)?;
    let more = settlement::settle(
        rt,
        &reward.this_epoch_reward_smoothed,
        &power.quality_adj_power_smoothed,
    )?;
    if more && !settling_already {
        settlement::schedule(rt)?;
    }
    sends::check_balance_invariants(rt)?;
    sends::update_power(rt, &-lost)?;
    Ok(TerminateSectorsReturn { done: !more })
}

/// Ends the sectors. Tells whether others were to be settled before, and the active
/// power that is lost.
fn end(
    rt: &impl Runtime,
    state: &mut State,
    to_end: &DeadlineSectorMap,
) -> Result<(bool, PowerPair), ActorError> {
    let (store, policy) = (&rt.store(), rt.policy());
    let settling_already = !state.early_terminations.is_empty();
    let info = state.load_info(store)?;
    rt.validate_caller_is(info.controllers())?;

    let mut deadlines = state.load_deadlines(store)?;
    let sectors = Sectors::load(store, &state.sectors)?;
    let mut lost = PowerPair::zero();
    for (index, partitions) in to_end.iter() {
        ensure!(
            state.is_deadline_mutable(policy, index, rt.epoch()),
            USR_ILLEGAL_ARGUMENT,
            "sectors of deadline {index} cannot be terminated now"
        );
        let frame = state.frame(policy, store, info.sector_size, index);
        let mut deadline = deadlines.load(store, index)?;
        lost += &deadline.terminate(frame, partitions, &sectors, rt.epoch())?;
        state.early_terminations |= bits_of([index])?;
        deadlines.save(store, index, &deadline)?;
    }
    state.save_deadlines(store, &deadlines)?;
    Ok((settling_already, lost))
}

#[cfg(test)]
mod tests;
