//! When proofs are due: deadlines of the proving period (spec 00 §18).

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::clock::ChainEpoch;

use crate::policy::Policy;
use crate::quantize::QuantSpec;

/// A deadline of a proving period, seen from an epoch.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize_tuple, Deserialize_tuple, AbiType,
)]
pub struct DeadlineInfo {
    /// The epoch from which it is seen.
    pub current_epoch: ChainEpoch,
    /// First epoch of the proving period.
    pub period_start: ChainEpoch,
    /// Its index in the period; the number of deadlines stands for "after all".
    pub index: u64,
    /// First epoch in which a proof is taken.
    pub open: ChainEpoch,
    /// First epoch in which none is taken any more.
    pub close: ChainEpoch,
    /// Epoch whose randomness the proof answers.
    pub challenge: ChainEpoch,
    /// First epoch in which faults cannot be declared any more.
    pub fault_cutoff: ChainEpoch,

    /// Number of deadlines in a period.
    pub period_deadlines: u64,
    /// Length of a period in epochs.
    pub proving_period: ChainEpoch,
    /// Length of a deadline's window in epochs.
    pub challenge_window: ChainEpoch,
    /// Epochs from `challenge` to `open`.
    pub challenge_lookback: ChainEpoch,
    /// Epochs from `fault_cutoff` to `open`.
    pub fault_declaration_cutoff: ChainEpoch,
}

impl DeadlineInfo {
    /// The deadline `index` of the period that begins at `period_start`, seen from
    /// `current_epoch`.
    pub fn new(
        policy: &Policy,
        period_start: ChainEpoch,
        index: u64,
        current_epoch: ChainEpoch,
    ) -> Self {
        let mut info = Self {
            current_epoch,
            period_start,
            index,
            period_deadlines: policy.wpost_period_deadlines,
            proving_period: policy.wpost_proving_period,
            challenge_window: policy.wpost_challenge_window,
            challenge_lookback: policy.wpost_challenge_lookback,
            fault_declaration_cutoff: policy.fault_declaration_cutoff,
            ..Self::default()
        };
        if index < info.period_deadlines {
            info.open = period_start + index as ChainEpoch * info.challenge_window;
            info.close = info.open + info.challenge_window;
            info.challenge = info.open - info.challenge_lookback;
            info.fault_cutoff = info.open - info.fault_declaration_cutoff;
        } else {
            let after = period_start + info.proving_period;
            (info.open, info.close, info.challenge) = (after, after, after);
        }
        info
    }

    /// The deadline in whose window `current_epoch` falls, for periods that begin
    /// at `seed` plus multiples of the proving period.
    pub fn at(policy: &Policy, seed: ChainEpoch, current_epoch: ChainEpoch) -> Self {
        let periods = QuantSpec {
            unit: policy.wpost_proving_period,
            offset: seed,
        };
        let period_start = periods.down(current_epoch);
        let index = (current_epoch - period_start) / policy.wpost_challenge_window;
        Self::new(policy, period_start, index as u64, current_epoch)
    }

    /// Whether the proving period has begun.
    pub fn period_started(&self) -> bool {
        self.current_epoch >= self.period_start
    }

    /// Whether the proving period is over.
    pub fn period_elapsed(&self) -> bool {
        self.current_epoch >= self.next_period_start()
    }

    /// Last epoch of the proving period.
    pub fn period_end(&self) -> ChainEpoch {
        self.period_start + self.proving_period - 1
    }

    /// First epoch of the next proving period.
    pub fn next_period_start(&self) -> ChainEpoch {
        self.period_start + self.proving_period
    }

    /// Whether proofs are taken.
    pub fn is_open(&self) -> bool {
        (self.open..self.close).contains(&self.current_epoch)
    }

    /// Whether the window is over.
    pub fn has_elapsed(&self) -> bool {
        self.current_epoch >= self.close
    }

    /// Last epoch in which a proof is taken.
    pub fn last(&self) -> ChainEpoch {
        self.close - 1
    }

    /// First epoch of the following deadline.
    pub fn next_open(&self) -> ChainEpoch {
        self.close
    }

    /// Whether faults cannot be declared any more.
    pub fn fault_cutoff_passed(&self) -> bool {
        self.current_epoch >= self.fault_cutoff
    }

    /// This deadline in the first period in which it is not over.
    pub fn next_not_elapsed(self) -> Self {
        if !self.has_elapsed() {
            return self;
        }
        let periods = 1 + (self.current_epoch - self.close) / self.proving_period;
        let advance = periods * self.proving_period;
        let mut next = self;
        next.period_start += advance;
        next.open += advance;
        next.close += advance;
        next.challenge += advance;
        if self.index < self.period_deadlines {
            next.fault_cutoff += advance;
        }
        next
    }

    /// The raster of this deadline's last epochs.
    pub fn quant_spec(&self) -> QuantSpec {
        QuantSpec {
            unit: self.proving_period,
            offset: self.last(),
        }
    }
}

/// Whether sectors may be added to a deadline or moved: not while it is open, nor
/// in the window before.
pub fn is_mutable(
    policy: &Policy,
    period_start: ChainEpoch,
    index: u64,
    current_epoch: ChainEpoch,
) -> bool {
    let next = DeadlineInfo::new(policy, period_start, index, current_epoch).next_not_elapsed();
    current_epoch < next.open - policy.wpost_challenge_window
}

/// Whether a proof of the deadline's last window can still be disputed.
pub fn is_disputable(
    policy: &Policy,
    period_start: ChainEpoch,
    index: u64,
    current_epoch: ChainEpoch,
) -> bool {
    if period_start > current_epoch {
        return false;
    }
    let next = DeadlineInfo::new(policy, period_start, index, current_epoch).next_not_elapsed();
    let last_close = next.close - next.proving_period;
    !next.is_open() && current_epoch < last_close + policy.wpost_dispute_window
}

/// Whether a deadline's partitions may be compacted.
pub fn is_compactable(
    policy: &Policy,
    period_start: ChainEpoch,
    index: u64,
    current_epoch: ChainEpoch,
) -> bool {
    is_mutable(policy, period_start, index, current_epoch)
        && !is_disputable(policy, period_start, index, current_epoch)
}

#[cfg(test)]
mod tests {
    use boatyard_sdk::NetworkVariant;
    use proptest::prelude::*;

    use super::*;

    fn policy() -> &'static Policy {
        Policy::of(NetworkVariant::Mainnet)
    }

    #[test]
    fn a_deadlines_epochs_follow_from_its_index() {
        let info = DeadlineInfo::new(policy(), 1_000, 3, 1_200);
        assert_eq!(
            (info.open, info.close, info.challenge, info.fault_cutoff),
            (1_180, 1_240, 1_160, 1_110)
        );
        assert_eq!((info.last(), info.next_open()), (1_239, 1_240));
        assert_eq!(
            (info.period_end(), info.next_period_start()),
            (3_879, 3_880)
        );
        assert!(info.is_open() && info.fault_cutoff_passed() && info.period_started());
        assert!(!info.has_elapsed() && !info.period_elapsed());
        assert_eq!(
            info.quant_spec(),
            QuantSpec {
                unit: 2_880,
                offset: 1_239
            }
        );
    }

    #[test]
    fn the_deadline_after_all_is_the_periods_end() {
        let info = DeadlineInfo::new(policy(), 1_000, 48, 1_200);
        assert_eq!(
            (info.open, info.close, info.challenge, info.fault_cutoff),
            (3_880, 3_880, 3_880, 0)
        );
    }

    #[test]
    fn windows_are_half_open() {
        for (now, open, elapsed) in [
            (1_179, false, false),
            (1_180, true, false),
            (1_239, true, false),
            (1_240, false, true),
        ] {
            let info = DeadlineInfo::new(policy(), 1_000, 3, now);
            assert_eq!(
                (info.is_open(), info.has_elapsed()),
                (open, elapsed),
                "{now}"
            );
        }
    }

    #[test]
    fn an_elapsed_deadline_comes_again() {
        let next = |now| {
            let info = DeadlineInfo::new(policy(), 1_000, 3, now).next_not_elapsed();
            assert_eq!(
                info,
                DeadlineInfo::new(policy(), info.period_start, 3, now),
                "all fields move together"
            );
            info.period_start
        };
        assert_eq!(next(1_239), 1_000);
        assert_eq!(next(1_240), 3_880);
        assert_eq!(next(1_240 + 2_879), 3_880);
        assert_eq!(next(1_240 + 2_880), 6_760);
    }

    #[test]
    fn a_deadline_is_found_by_seed_and_epoch() {
        let info = DeadlineInfo::at(policy(), 100, 100 + 2 * 2_880 + 125);
        assert_eq!((info.period_start, info.index), (100 + 2 * 2_880, 2));
        let before = DeadlineInfo::at(policy(), 100, 40);
        assert_eq!((before.period_start, before.index), (100 - 2_880, 47));
    }

    #[test]
    fn sectors_move_until_the_window_before() {
        for (now, mutable) in [(1_119, true), (1_120, false), (1_239, false), (1_240, true)] {
            assert_eq!(is_mutable(policy(), 1_000, 3, now), mutable, "{now}");
        }
    }

    #[test]
    fn a_proof_is_disputable_for_1800_epochs() {
        // Deadline 3 of the period from 1000 closes at 1240.
        for (now, disputable) in [
            (1_239, false),
            (1_240, true),
            (1_240 + 1_799, true),
            (1_240 + 1_800, false),
        ] {
            assert_eq!(is_disputable(policy(), 1_000, 3, now), disputable, "{now}");
            assert_eq!(
                is_compactable(policy(), 1_000, 3, now),
                is_mutable(policy(), 1_000, 3, now) && !disputable
            );
        }
        assert!(
            !is_disputable(policy(), 1_000, 3, 999),
            "nothing proven yet"
        );
    }

    proptest! {
        #[test]
        fn the_deadline_of_an_epoch_is_open_in_it(seed in 0i64..2_880, now in 0i64..10_000_000) {
            let info = DeadlineInfo::at(policy(), seed, now);
            prop_assert!(info.is_open());
            prop_assert!(info.index < info.period_deadlines);
        }

        #[test]
        fn the_next_one_is_never_over(start in -2_880i64..100_000, index in 0u64..=48, now in 0i64..1_000_000) {
            let info = DeadlineInfo::new(policy(), start, index, now).next_not_elapsed();
            prop_assert!(!info.has_elapsed());
            prop_assert!(info.period_start == start || info.close - info.proving_period <= now);
        }
    }
}
