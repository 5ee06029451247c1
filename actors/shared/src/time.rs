//! Lengths of time in epochs (spec 00 §17).

use fvm_shared::clock::ChainEpoch;

/// Seconds per epoch.
pub const EPOCH_DURATION_SECONDS: i64 = 30;
/// Seconds in an hour.
pub const SECONDS_IN_HOUR: i64 = 60 * 60;
/// Seconds in a day.
pub const SECONDS_IN_DAY: i64 = 24 * SECONDS_IN_HOUR;
/// Seconds in a tropical year.
pub const SECONDS_IN_YEAR: i64 = 31_556_925;
/// Epochs in an hour.
pub const EPOCHS_IN_HOUR: ChainEpoch = SECONDS_IN_HOUR / EPOCH_DURATION_SECONDS;
/// Epochs in a day.
pub const EPOCHS_IN_DAY: ChainEpoch = SECONDS_IN_DAY / EPOCH_DURATION_SECONDS;
/// Epochs in a year, rounded down.
pub const EPOCHS_IN_YEAR: ChainEpoch = SECONDS_IN_YEAR / EPOCH_DURATION_SECONDS;

/// Expected number of block producers per epoch.
pub const EXPECTED_LEADERS_PER_EPOCH: i64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: spec 00 §17.
    #[test]
    fn epochs_are_the_sheets() {
        assert_eq!(
            (EPOCHS_IN_HOUR, EPOCHS_IN_DAY, EPOCHS_IN_YEAR),
            (120, 2_880, 1_051_897)
        );
    }
}
