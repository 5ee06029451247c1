//! The alpha-beta filter of reward and power, and sums over its extrapolation.
//!
//! Source: spec 00 §19, 03 §3.

use boatyard_sdk::{AbiType, ActorError};
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::bigint::{BigInt, bigint_ser};
use fvm_shared::clock::ChainEpoch;

use crate::fixed_point::{PRECISION, div_floor, ln};

/// Weight of an observation for the position, about 9.25e-4.
const ALPHA: u128 = 314_760_000_000_000_000_000_000_000_000_000_000;

/// Weight of an observation for the velocity, about 2.84e-7.
const BETA: u128 = 96_640_100_000_000_000_000_000_000_000_000;

/// Below this squared velocity the denominator counts as constant: 2^78.
const EPSILON: u128 = 302_231_454_903_657_293_676_544;

/// A smoothed quantity: where it is and how it moves per epoch, both in Q.128.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct FilterEstimate {
    /// Value.
    #[serde(with = "bigint_ser")]
    pub position: BigInt,
    /// Change per epoch.
    #[serde(with = "bigint_ser")]
    pub velocity: BigInt,
}

impl FilterEstimate {
    /// An estimate from whole numbers.
    pub fn from_integers(position: impl Into<BigInt>, velocity: impl Into<BigInt>) -> Self {
        Self {
            position: position.into() << PRECISION,
            velocity: velocity.into() << PRECISION,
        }
    }

    /// The position as a whole number, rounded down.
    ///
    /// ```
    /// use boatyard_actors_shared::FilterEstimate;
    /// assert_eq!(FilterEstimate::from_integers(7, 1).estimate(), 7.into());
    /// ```
    pub fn estimate(&self) -> BigInt {
        &self.position >> PRECISION
    }

    /// The position `epochs` later, in Q.256.
    pub fn extrapolate(&self, epochs: ChainEpoch) -> BigInt {
        &self.velocity * (BigInt::from(epochs) << PRECISION) + (&self.position << PRECISION)
    }

    /// The estimate after an observation made `epochs` later.
    ///
    /// # Errors
    /// `USR_ASSERTION_FAILED` (24) when no epoch has passed.
    pub fn next(&self, observation: &BigInt, epochs: ChainEpoch) -> Result<Self, ActorError> {
        let elapsed = BigInt::from(epochs) << PRECISION;
        let predicted = ((&elapsed * &self.velocity) >> PRECISION) + &self.position;
        let residual = (observation << PRECISION) - &predicted;
        let velocity = &self.velocity + div_floor(&(&residual * BETA), &elapsed)?;
        let position = predicted + ((residual * ALPHA) >> PRECISION);
        Ok(Self { position, velocity })
    }
}

/// The sum over `epochs` epochs, beginning `start` epochs from now, of the ratio of
/// two extrapolated estimates; in Q.128.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) when the denominator is constantly zero.
pub fn extrapolated_cum_sum_of_ratio(
    epochs: ChainEpoch,
    start: ChainEpoch,
    numerator: &FilterEstimate,
    denominator: &FilterEstimate,
) -> Result<BigInt, ActorError> {
    let elapsed = BigInt::from(epochs) << PRECISION;
    let begin = BigInt::from(start) << PRECISION;
    let (p1, v1) = (&numerator.position, &numerator.velocity);
    let (p2, v2) = (&denominator.position, &denominator.velocity);

    let squared_velocity = (v2 * v2) >> PRECISION;
    if squared_velocity > BigInt::from(EPSILON) {
        let first = ((v2 * begin) >> PRECISION) + p2;
        let last = ((v2 * &elapsed) >> PRECISION) + &first;
        let (ln_first, ln_last) = (ln(&first)?, ln(&last)?);
        let m1 = ((&ln_last - &ln_first) * p1 * v2) >> PRECISION;
        let m2 = (((ln_first - ln_last) * p2 + v2 * elapsed) * v1) >> PRECISION;
        div_floor(&(m2 + m1), &squared_velocity)
    } else {
        let middle = begin + (&elapsed >> 1);
        let numerator = ((v1 * middle) >> PRECISION) + p1;
        div_floor(&(numerator * elapsed), p2)
    }
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::to_vec;

    use super::*;

    fn big(digits: &str) -> BigInt {
        digits.parse().unwrap()
    }

    /// Source: spec 00 appendix A.
    #[test]
    fn an_observation_moves_the_estimate_as_the_sheet_says() {
        let next = FilterEstimate::from_integers(1000, 5)
            .next(&BigInt::from(1500), 1)
            .unwrap();
        assert_eq!(
            next.position,
            big("342139584955543155780691480468927052513280")
        );
        assert_eq!(
            next.velocity,
            big("1701459671454192317316873037158841057280")
        );

        let next = FilterEstimate::from_integers(big("100000000000000000000"), -3)
            .next(&big("90000000000000000000"), 7)
            .unwrap();
        assert_eq!(
            next.position,
            big("34025089092093846339198140997837113412869133243932867559424")
        );
        assert_eq!(
            next.velocity,
            big("-138057285715306561096556801104675838108009590348654")
        );
    }

    /// Source: spec 03 §4.2, "filter check".
    #[test]
    fn the_reward_estimate_steps_as_the_sheet_says() {
        let initial = FilterEstimate {
            position: big("12340768897043811082913117521041414330876498465539749838848"),
            velocity: big("-37396269384748225153347462373739139597454335279104"),
        };
        assert_eq!(
            initial,
            FilterEstimate::from_integers(36_266_260_308_195_979_333u128, -109_897_758_509i64)
        );
        let next = initial.next(&big("36266252337034982540"), 3).unwrap();
        assert_eq!(
            next.position,
            big("12340768782449774548722755900999027209659079673176744001536")
        );
        assert_eq!(
            next.velocity,
            big("-37396515542149801792802995707072472930787668612438")
        );
    }

    /// Source: spec 00 appendix A, 03 §4.1.
    #[test]
    fn cumulative_ratios_are_the_sheets() {
        let numerator = FilterEstimate::from_integers(1_000_000_000_000_000_000i64, 12);
        let denominator = FilterEstimate::from_integers(10_000_000_000_000_000i64, 8_000_000);
        assert_eq!(
            extrapolated_cum_sum_of_ratio(2880, 10, &numerator, &denominator).unwrap(),
            big("98001207991874068645354077352537680622140548")
        );

        let reward =
            FilterEstimate::from_integers(36_266_260_308_195_979_333u128, -109_897_758_509i64);
        let power = FilterEstimate::from_integers(750_000i64 << 30, 3840i64 << 30);
        assert_eq!(
            extrapolated_cum_sum_of_ratio(57_600, 0, &reward, &power).unwrap(),
            big("17030016431590576366266882764452886002623082094")
        );
    }

    /// With a constant denominator the sum is that of the numerator, taken in the
    /// middle of the interval.
    #[test]
    fn a_constant_denominator_needs_no_logarithm() {
        let numerator = FilterEstimate::from_integers(100, 2);
        let denominator = FilterEstimate::from_integers(10, 0);
        assert_eq!(
            extrapolated_cum_sum_of_ratio(10, 5, &numerator, &denominator).unwrap(),
            BigInt::from((100 + 2 * 10) * 10 / 10) << PRECISION
        );
    }

    #[test]
    fn what_would_divide_by_zero_fails_with_24() {
        let estimate = FilterEstimate::from_integers(1, 0);
        let errors = [
            estimate.next(&BigInt::from(1), 0).unwrap_err(),
            extrapolated_cum_sum_of_ratio(1, 0, &estimate, &FilterEstimate::default()).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.exit_code().value(), 24);
        }
    }

    #[test]
    fn extrapolation_is_linear() {
        let estimate = FilterEstimate::from_integers(100, -3);
        assert_eq!(estimate.extrapolate(7), BigInt::from(79) << (2 * PRECISION));
        assert_eq!(
            to_vec(&FilterEstimate::default()).unwrap(),
            [0x82, 0x40, 0x40]
        );
    }
}
