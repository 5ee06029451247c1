//! `DeclareFaults` and `DeclareFaultsRecovered` (spec 06 §15.3, §15.4).

use boatyard_actors_shared::{DeadlineInfo, PolicyExt};
use boatyard_sdk::{ActorError, Runtime, ensure};

use crate::schema::{PowerPair, State};
use crate::sector_map::DeadlineSectorMap;
use crate::sectors::Sectors;
use crate::sends;
use crate::types::{DeclareFaultsParams, DeclareFaultsRecoveredParams, SectorDeclaration};

/// Makes sectors faulty before their window opens. What is faulty or terminated stays
/// so; what was to recover is not any more.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | a deadline is not there, or too near; too much is addressed; a sector is not in its partition |
/// | `USR_NOT_FOUND` (17) | a partition or sector is not there |
/// | `USR_FORBIDDEN` (18) | the caller does not control the miner |
///
/// Source: spec 06 §15.3.
pub(crate) fn declare(rt: &impl Runtime, params: DeclareFaultsParams) -> Result<(), ActorError> {
    let declared = collect(rt, &params.faults)?;
    let power_delta = rt.transaction(|state: &mut State| {
        let (store, policy) = (&rt.store(), rt.policy());
        let info = state.load_info(store)?;
        rt.validate_caller_is(info.controllers())?;

        let mut deadlines = state.load_deadlines(store)?;
        let sectors = Sectors::load(store, &state.sectors)?;
        let mut power_delta = PowerPair::zero();
        for (index, partitions) in declared.iter() {
            let window = declaration_window(rt, state, index)?;
            let frame = state.frame(policy, store, info.sector_size, index);
            let faults_end = window.last() + policy.fault_max_age;
            let mut deadline = deadlines.load(store, index)?;
            power_delta += &deadline.declare_faults(frame, partitions, &sectors, faults_end)?;
            deadlines.save(store, index, &deadline)?;
        }
        state.save_deadlines(store, &deadlines)?;
        Ok(power_delta)
    })?;
    sends::update_power(rt, &power_delta)
}

/// Says that faulty sectors will be proven in their next window; their power returns
/// with the proof. All debt must be paid.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | a deadline is not there, or too near; too much is addressed; a sector is not in its partition |
/// | `USR_NOT_FOUND` (17) | a partition or sector is not there |
/// | `USR_FORBIDDEN` (18) | the caller does not control the miner; the miner is barred |
/// | `USR_INSUFFICIENT_FUNDS` (19) | the debt cannot be paid; told even to strangers |
///
/// Source: spec 06 §15.4.
pub(crate) fn declare_recovered(
    rt: &impl Runtime,
    params: DeclareFaultsRecoveredParams,
) -> Result<(), ActorError> {
    let declared = collect(rt, &params.recoveries)?;
    let burn = rt.transaction(|state: &mut State| {
        let burn = state.repay_debts(&rt.current_balance())?;
        let (store, policy) = (&rt.store(), rt.policy());
        let info = state.load_info(store)?;
        rt.validate_caller_is(info.controllers())?;
        ensure!(
            !info.consensus_fault_active(rt.epoch()),
            USR_FORBIDDEN,
            "recovery is not allowed until epoch {} for a consensus fault",
            info.consensus_fault_elapsed
        );

        let mut deadlines = state.load_deadlines(store)?;
        let sectors = Sectors::load(store, &state.sectors)?;
        for (index, partitions) in declared.iter() {
            declaration_window(rt, state, index)?;
            let frame = state.frame(policy, store, info.sector_size, index);
            let mut deadline = deadlines.load(store, index)?;
            deadline.declare_recovered(frame, partitions, &sectors)?;
            deadlines.save(store, index, &deadline)?;
        }
        state.save_deadlines(store, &deadlines)?;
        Ok(burn)
    })?;
    sends::burn(rt, &burn)?;
    sends::check_balance_invariants(rt)
}

fn collect(
    rt: &impl Runtime,
    declared: &[SectorDeclaration],
) -> Result<DeadlineSectorMap, ActorError> {
    let addressed = declared.iter().map(SectorDeclaration::address);
    DeadlineSectorMap::collect(rt.policy(), addressed)
}

/// The next window of a deadline, if it is not too late to declare something for it.
fn declaration_window(
    rt: &impl Runtime,
    state: &State,
    index: u64,
) -> Result<DeadlineInfo, ActorError> {
    let window = state.next_window(rt.policy(), index, rt.epoch());
    ensure!(
        !window.fault_cutoff_passed(),
        USR_ILLEGAL_ARGUMENT,
        "it is too late to declare anything for the window of deadline {index} at epoch {}",
        window.open
    );
    Ok(window)
}

#[cfg(test)]
mod tests;
