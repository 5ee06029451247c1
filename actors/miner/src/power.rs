//! What sectors are worth: power by bytes and by quality, fees (spec 06 §6).

use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use boatyard_sdk::{ActorError, ensure};
use fvm_shared::bigint::{BigInt, Integer};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorSize;
use num_traits::{Signed, Zero};

use crate::schema::{PowerPair, SectorOnChainInfo};

/// Quality of space without datacap.
const BASE_MULTIPLIER: i64 = 10;
/// Quality of space with datacap.
const VERIFIED_MULTIPLIER: i64 = 100;
/// Bits behind the point of a quality.
const QUALITY_PRECISION: usize = 20;

/// Power by quality of a sector that stores verified data of `verified_weight`
/// byte-epochs for `duration` epochs, in bytes.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) for a duration of nought.
///
/// Source: spec 06 §6, with both of its roundings.
///
/// ```
/// use boatyard_miner::power::qa_power_of;
/// use fvm_shared::bigint::BigInt;
/// use fvm_shared::sector::SectorSize;
///
/// let weight = BigInt::from(123_456_789i64) * 518_400;
/// let power = qa_power_of(SectorSize::_32GiB, 518_400, &weight).unwrap();
/// assert_eq!(power, BigInt::from(35_470_835_712i64));
/// ```
pub fn qa_power_of(
    size: SectorSize,
    duration: ChainEpoch,
    verified_weight: &BigInt,
) -> Result<BigInt, ActorError> {
    let bytes = BigInt::from(size as u64);
    let space_time = &bytes * duration;
    ensure!(
        !space_time.is_zero(),
        USR_ASSERTION_FAILED,
        "a sector without duration has no quality"
    );
    let weighted =
        (&space_time - verified_weight) * BASE_MULTIPLIER + verified_weight * VERIFIED_MULTIPLIER;
    let quality = (weighted << QUALITY_PRECISION)
        .div_floor(&space_time)
        .div_floor(&BASE_MULTIPLIER.into());
    Ok((bytes * quality) >> QUALITY_PRECISION)
}

/// Power by quality of a sector that is full of verified data, in bytes.
pub fn qa_power_max(size: SectorSize) -> BigInt {
    BigInt::from(size as u64) * VERIFIED_MULTIPLIER / BASE_MULTIPLIER
}

/// Power of several sectors.
///
/// # Errors
/// Those of [`qa_power_of`].
pub fn power_of<'a>(
    size: SectorSize,
    sectors: impl IntoIterator<Item = &'a SectorOnChainInfo>,
) -> Result<PowerPair, ActorError> {
    let mut sum = PowerPair::zero();
    for sector in sectors {
        sum += &sector.power(size)?;
    }
    Ok(sum)
}

/// What several sectors cost a day, in attoFIL.
pub fn fee_of<'a>(sectors: impl IntoIterator<Item = &'a SectorOnChainInfo>) -> TokenAmount {
    sectors.into_iter().map(|sector| &sector.daily_fee).sum()
}

impl SectorOnChainInfo {
    /// Power by quality, in bytes.
    ///
    /// # Errors
    /// Those of [`qa_power_of`].
    pub fn qa_power(&self, size: SectorSize) -> Result<BigInt, ActorError> {
        let duration = self.expiration - self.power_base_epoch;
        qa_power_of(size, duration, &self.verified_deal_weight)
    }

    /// Its size and its power by quality.
    ///
    /// # Errors
    /// Those of [`qa_power_of`].
    pub fn power(&self, size: SectorSize) -> Result<PowerPair, ActorError> {
        Ok(PowerPair {
            raw: BigInt::from(size as u64),
            qa: self.qa_power(size)?,
        })
    }
}

impl PowerPair {
    /// No power.
    pub fn zero() -> Self {
        Self::default()
    }

    /// Whether both are nought.
    pub fn is_zero(&self) -> bool {
        self.raw.is_zero() && self.qa.is_zero()
    }

    /// Whether one of them is below nought.
    pub fn is_negative(&self) -> bool {
        self.raw.is_negative() || self.qa.is_negative()
    }
}

impl AddAssign<&PowerPair> for PowerPair {
    fn add_assign(&mut self, other: &PowerPair) {
        self.raw += &other.raw;
        self.qa += &other.qa;
    }
}

impl SubAssign<&PowerPair> for PowerPair {
    fn sub_assign(&mut self, other: &PowerPair) {
        self.raw -= &other.raw;
        self.qa -= &other.qa;
    }
}

impl Add<&PowerPair> for PowerPair {
    type Output = PowerPair;

    fn add(mut self, other: &PowerPair) -> PowerPair {
        self += other;
        self
    }
}

impl Sub<&PowerPair> for PowerPair {
    type Output = PowerPair;

    fn sub(mut self, other: &PowerPair) -> PowerPair {
        self -= other;
        self
    }
}

impl Add<&PowerPair> for &PowerPair {
    type Output = PowerPair;

    fn add(self, other: &PowerPair) -> PowerPair {
        self.clone() + other
    }
}

impl Sub<&PowerPair> for &PowerPair {
    type Output = PowerPair;

    fn sub(self, other: &PowerPair) -> PowerPair {
        self.clone() - other
    }
}

impl Neg for PowerPair {
    type Output = PowerPair;

    fn neg(self) -> PowerPair {
        PowerPair {
            raw: -self.raw,
            qa: -self.qa,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: spec 05 §26.
    #[test]
    fn qualities_are_the_sheets() {
        let power = |size, duration, weight: i64, per_epoch: i64| {
            let weight = BigInt::from(weight) * per_epoch;
            qa_power_of(size, duration, &weight).unwrap()
        };
        for (size, duration, weight, epochs, expected) in [
            (SectorSize::_32GiB, 518_400, 0, 1, 34_359_738_368i64),
            (
                SectorSize::_32GiB,
                518_400,
                123_456_789,
                518_400,
                35_470_835_712,
            ),
            (
                SectorSize::_64GiB,
                1_000_000,
                7 << 30,
                999_999,
                136_365_080_576,
            ),
        ] {
            assert_eq!(power(size, duration, weight, epochs), expected.into());
        }
        assert_eq!(qa_power_max(SectorSize::_2KiB), 20_480.into());
        let full = power(SectorSize::_2KiB, 1_000, 2_048, 1_000);
        assert_eq!(full, qa_power_max(SectorSize::_2KiB));
    }

    /// Weights may be left over from a longer life; the rounding is downwards.
    #[test]
    fn a_negative_duration_flows_through_and_nought_fails() {
        let none = BigInt::zero();
        let power = qa_power_of(SectorSize::_2KiB, -5, &none).unwrap();
        assert_eq!(power, 2_048.into());
        let power = qa_power_of(SectorSize::_2KiB, -1, &1_000.into()).unwrap();
        assert_eq!(power, (-6_952).into());
        let failure = qa_power_of(SectorSize::_2KiB, 0, &none).unwrap_err();
        assert_eq!(failure.exit_code().value(), 24);
    }
}
