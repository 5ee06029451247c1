//! Faulty sectors that can be proven again (spec 06 §15.4).

use boatyard_chain::Turn;
use boatyard_miner::types::{DeclareFaultsRecoveredParams, SectorDeclaration};
use boatyard_proofs::PostChallenge;
use fvm_ipld_bitfield::BitField;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::SectorNumber;

use crate::miner::{MinerError, MinerView};
use crate::provider::Shelf;
use crate::task::Task;
use crate::window::replica;

/// Method of the miner.
pub(crate) const DECLARE_FAULTS_RECOVERED: u64 = 11;

/// Sectors of a deadline that are well again.
pub struct Recovery {
    /// What it is for.
    pub task: Task,
    /// Parameters of `DeclareFaultsRecovered`.
    pub params: DeclareFaultsRecoveredParams,
}

/// The deadlines with sectors that are faulty and not declared well.
///
/// # Errors
/// [`MinerError`].
pub fn faulty(view: &MinerView) -> Result<Vec<u64>, MinerError> {
    let deadlines = view.deadlines()?;
    let mut faulty = Vec::new();
    for index in 0..deadlines.due.len() as u64 {
        let deadline = view.deadline(&deadlines, index)?;
        if deadline.faulty_power.is_zero() {
            continue;
        }
        let partitions = view.partitions(&deadline)?;
        let mut open = partitions
            .iter()
            .map(|partition| &partition.faults - &partition.recoveries);
        if open.any(|faults| !faults.is_empty()) {
            faulty.push(index);
        }
    }
    Ok(faulty)
}

/// Tries all faulty sectors, and declares those well that can be proven. A deadline
/// is looked at once in every proving period, before its cutoff.
///
/// # Errors
/// [`MinerError`].
pub(crate) fn find(
    shelf: &mut Shelf<'_>,
    view: &MinerView,
    turn: &Turn<'_>,
) -> Result<Vec<Recovery>, MinerError> {
    let epoch = turn.epoch();
    let deadlines = view.deadlines()?;
    let mut found = Vec::new();
    for index in 0..deadlines.due.len() as u64 {
        let task = Task::Recover { deadline: index };
        let deadline = view.deadline(&deadlines, index)?;
        if deadline.faulty_power.is_zero() || !shelf.tasks.may(&task, epoch) {
            continue;
        }
        let window = view.state.next_window(view.policy(), index, epoch);
        if window.fault_cutoff_passed() {
            shelf.tasks.rest_until(task, window.close);
            continue;
        }
        let mut recoveries = Vec::new();
        for (partition, state) in (0..).zip(view.partitions(&deadline)?) {
            let faulty = &state.faults - &state.recoveries;
            let well = well(shelf, view, &faulty)?;
            if !well.is_empty() {
                recoveries.push(SectorDeclaration {
                    deadline: index,
                    partition,
                    sectors: well,
                });
            }
        }
        match recoveries.is_empty() {
            true => shelf.tasks.rest_until(task, window.close),
            false => found.push(Recovery {
                task,
                params: DeclareFaultsRecoveredParams { recoveries },
            }),
        }
    }
    Ok(found)
}

/// When the sectors of faulty deadlines may be looked at next, seen from this head.
pub(crate) fn next(shelf: &Shelf<'_>, faulty: &[u64], head: ChainEpoch) -> Option<ChainEpoch> {
    faulty
        .iter()
        .map(|deadline| {
            let deadline = *deadline;
            shelf.tasks.ready_at(&Task::Recover { deadline }, head + 1)
        })
        .min()
}

/// Those sectors that can be proven as they lie on disk.
fn well(shelf: &Shelf<'_>, view: &MinerView, faulty: &BitField) -> Result<BitField, MinerError> {
    let mut well = Vec::new();
    for number in faulty.iter() {
        if is_well(shelf, view, number)? {
            well.push(number);
        }
    }
    BitField::try_from_bits(well).map_err(|error| MinerError::State(error.to_string()))
}

/// Whether a sector can be proven as it lies on disk, by trying.
///
/// # Errors
/// [`MinerError`].
pub(crate) fn is_well(
    shelf: &Shelf<'_>,
    view: &MinerView,
    number: SectorNumber,
) -> Result<bool, MinerError> {
    let challenge = PostChallenge {
        proof: view.info()?.window_post_proof_type,
        // A trial; the chain draws the one that counts.
        randomness: [1; 32],
        prover: shelf.config.miner,
    };
    let Some(replica) = replica(shelf, view, number)? else {
        return Ok(false);
    };
    let trial = shelf.config.prover.prove_window(&challenge, &[replica]);
    Ok(trial.is_ok())
}
