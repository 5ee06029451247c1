//! When the deadlines of a miner are (spec 06 §5).
//!
//! Everything follows from the residue of `proving_period_start`, so it is right
//! also while cron is not enrolled and the noted deadline stands still.

use boatyard_actors_shared::{DeadlineInfo, Policy, QuantSpec, deadlines};
use fvm_shared::clock::ChainEpoch;

use crate::schema::State;

impl State {
    /// The deadline in whose window `epoch` falls.
    pub fn deadline_info(&self, policy: &Policy, epoch: ChainEpoch) -> DeadlineInfo {
        DeadlineInfo::at(policy, self.proving_period_start, epoch)
    }

    /// First epoch of the proving period in which `epoch` falls.
    pub fn period_start(&self, policy: &Policy, epoch: ChainEpoch) -> ChainEpoch {
        self.deadline_info(policy, epoch).period_start
    }

    /// The raster of the last epochs of a deadline, on which its sectors expire.
    pub fn deadline_quant(&self, policy: &Policy, index: u64) -> QuantSpec {
        DeadlineInfo::new(policy, self.proving_period_start, index, 0).quant_spec()
    }

    /// The raster on which pre-commits are cleaned up: every deadline.
    pub fn cleanup_quant(&self, policy: &Policy) -> QuantSpec {
        QuantSpec {
            unit: policy.wpost_challenge_window,
            offset: self.proving_period_start,
        }
    }

    /// Whether sectors may be added to a deadline: not while it is open, nor in the
    /// window before.
    pub fn is_deadline_mutable(&self, policy: &Policy, index: u64, epoch: ChainEpoch) -> bool {
        deadlines::is_mutable(policy, self.period_start(policy, epoch), index, epoch)
    }

    /// Whether a proof of a deadline's last window can be disputed.
    pub fn is_deadline_disputable(&self, policy: &Policy, index: u64, epoch: ChainEpoch) -> bool {
        deadlines::is_disputable(policy, self.period_start(policy, epoch), index, epoch)
    }

    /// Whether the partitions of a deadline may be compacted.
    pub fn is_deadline_compactable(&self, policy: &Policy, index: u64, epoch: ChainEpoch) -> bool {
        deadlines::is_compactable(policy, self.period_start(policy, epoch), index, epoch)
    }

    /// The window of a deadline for which faults and recoveries are declared now: the
    /// open one or the next.
    pub fn next_window(&self, policy: &Policy, index: u64, epoch: ChainEpoch) -> DeadlineInfo {
        let period_start = self.period_start(policy, epoch);
        DeadlineInfo::new(policy, period_start, index, epoch).next_not_elapsed()
    }
}
