//! `CompactPartitions` and `CompactSectorNumbers` (spec 05 §20, §21; 06 §15.11).

use boatyard_actors_shared::PolicyExt;
use boatyard_actors_shared::sectors::MAX_SECTOR_NUMBER;
use boatyard_sdk::{ActorError, Context, Runtime, ensure, exit_codes::*};

use crate::pre_commits::Collisions;
use crate::schema::State;
use crate::sectors::Sectors;
use crate::types::{CompactPartitionsParams, CompactSectorNumbersParams};

/// Dissolves partitions of a deadline: their terminated sectors are forgotten, the
/// live ones move together.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | the deadline or a partition is not there, has faults, unproven sectors or terminations to settle; there are too many |
/// | `USR_FORBIDDEN` (18) | the caller does not control the miner; the deadline is open, the next, or open to disputes |
///
/// Source: spec 06 §15.11.
pub(crate) fn partitions(
    rt: &impl Runtime,
    params: CompactPartitionsParams,
) -> Result<(), ActorError> {
    let (policy, index) = (rt.policy(), params.deadline);
    ensure!(
        index < policy.wpost_period_deadlines,
        USR_ILLEGAL_ARGUMENT,
        "there is no deadline {index}"
    );
    rt.transaction(|state: &mut State| {
        let store = &rt.store();
        let info = state.load_info(store)?;
        rt.validate_caller_is(info.controllers())?;
        ensure!(
            state.is_deadline_compactable(policy, index, rt.epoch()),
            USR_FORBIDDEN,
            "deadline {index} cannot be compacted while it is open, next, or open to disputes"
        );
        let (count, limit) = (params.partitions.len(), info.partitions_max(policy));
        ensure!(
            count <= limit,
            USR_ILLEGAL_ARGUMENT,
            "{count} partitions are more than {limit}"
        );

        let mut deadlines = state.load_deadlines(store)?;
        let mut deadline = deadlines.load(store, index)?;
        let mut sectors = Sectors::load(store, &state.sectors)?;
        let daily_fee = deadline.daily_fee.clone();
        let dead = deadline.compact(
            state.frame(policy, store, info.sector_size, index),
            info.window_post_partition_sectors,
            &params.partitions,
            &sectors,
        )?;
        sectors.delete_all(&dead)?;
        state.sectors = sectors.flush()?;
        deadlines.save(store, index, &deadline)?;
        state.save_deadlines(store, &deadlines)?;
        ensure!(
            deadline.daily_fee == daily_fee,
            USR_ILLEGAL_STATE,
            "compaction would change the fee of deadline {index}"
        );
        Ok(())
    })
}

/// Uses sector numbers up, so that all used ones make a shorter set.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | no numbers, or one above 2^63-1 |
/// | `USR_FORBIDDEN` (18) | the caller does not control the miner |
/// | `USR_SERIALIZATION` (21) | the set gets too large |
///
/// Source: spec 05 §20.
pub(crate) fn sector_numbers(
    rt: &impl Runtime,
    params: CompactSectorNumbersParams,
) -> Result<(), ActorError> {
    let numbers = params.mask_sector_numbers;
    let highest = numbers
        .last()
        .or_exit(USR_ILLEGAL_ARGUMENT, "no sector numbers are given")?;
    ensure!(
        highest <= MAX_SECTOR_NUMBER,
        USR_ILLEGAL_ARGUMENT,
        "{highest} is above the highest sector number"
    );
    rt.transaction(|state: &mut State| {
        let store = &rt.store();
        rt.validate_caller_is(state.load_info(store)?.controllers())?;
        state.allocate_sector_numbers(store, &numbers, Collisions::Allow)
    })
}

#[cfg(test)]
mod tests;
