//! What happens to the miner as a whole: a deadline ends, early terminations are
//! settled (spec 06 §11).

use boatyard_actors_shared::Policy;
use boatyard_sdk::ActorError;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorSize;

use crate::bitfield_queue::bits_of;
use crate::partition::ends::Limits;
use crate::schema::{PowerPair, State};

pub use crate::partition::ends::TerminationResult;

/// What the end of a deadline changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advance {
    /// What was faulty before the end.
    pub previously_faulty: PowerPair,
    /// Power that the miner gains; negative or nought.
    pub power_delta: PowerPair,
    /// attoFIL of pledge that are more; negative or nought.
    pub pledge_delta: TokenAmount,
    /// attoFIL that the deadline's sectors cost a day, without those that expired.
    pub daily_fee: TokenAmount,
    /// Power of its live sectors, without those that expired.
    pub live_power: PowerPair,
}

impl State {
    /// Takes early terminations for settlement, as many as one message may settle
    /// (S-POPEARLY). Also tells whether there are more.
    pub fn pop_early_terminations(
        &mut self,
        policy: &Policy,
        store: &impl Blockstore,
    ) -> Result<(TerminationResult, bool), ActorError> {
        let mut result = TerminationResult::default();
        if self.early_terminations.is_empty() {
            return Ok((result, false));
        }
        let limits = Limits {
            partitions: policy.addressed_partitions_max,
            sectors: policy.addressed_sectors_max,
        };
        let mut deadlines = self.load_deadlines(store)?;
        let mut finished = Vec::new();
        for index in self.early_terminations.iter() {
            let mut deadline = deadlines.load(store, index)?;
            let (taken, more) = deadline.pop_early_terminations(store, limits.after(&result))?;
            result.add(taken);
            if !more {
                finished.push(index);
            }
            deadlines.save(store, index, &deadline)?;
            if result.is_full(limits) {
                break;
            }
        }
        self.early_terminations -= &bits_of(finished)?;
        self.save_deadlines(store, &deadlines)?;
        Ok((result, !self.early_terminations.is_empty()))
    }

    /// Ends the deadline in whose window `epoch` falls (S-ADVANCE).
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when more pledge is released than there is.
    pub fn advance_deadline(
        &mut self,
        policy: &Policy,
        store: &impl Blockstore,
        size: SectorSize,
        epoch: ChainEpoch,
    ) -> Result<Advance, ActorError> {
        let info = self.deadline_info(policy, epoch);
        if !info.period_started() {
            return Ok(Advance::default());
        }
        self.current_deadline = (info.index + 1) % policy.wpost_period_deadlines;
        if self.current_deadline == 0 {
            self.proving_period_start = info.next_period_start();
        }

        let mut deadlines = self.load_deadlines(store)?;
        let mut deadline = deadlines.load(store, info.index)?;
        let previously_faulty = deadline.faulty_power.clone();
        if !deadline.is_live() {
            return Ok(Advance {
                previously_faulty,
                ..Default::default()
            });
        }

        let frame = self.frame(policy, store, size, info.index);
        let faults_end = info.last() + policy.fault_max_age;
        let end = deadline.end_window(frame, faults_end, self.sectors)?;
        let expired = deadline.pop_expired(frame, info.last())?;
        let pledge_delta = -expired.on_time_pledge;
        self.add_initial_pledge(&pledge_delta)?;
        if !expired.early_sectors.is_empty() {
            self.early_terminations |= bits_of([info.index])?;
        }
        deadlines.save(store, info.index, &deadline)?;
        self.save_deadlines(store, &deadlines)?;
        Ok(Advance {
            previously_faulty,
            power_delta: end.power_delta - &expired.active_power,
            pledge_delta,
            daily_fee: deadline.daily_fee,
            live_power: deadline.live_power,
        })
    }
}
