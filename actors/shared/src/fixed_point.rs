//! Q.128 fixed-point numbers: a big integer that counts 2^-128ths.
//!
//! Shifts and divisions round toward minus infinity. Where they stand between
//! the multiplications decides the last bits, so they stand where the protocol
//! has them. Source: spec 00 §19, 03 §3.

use std::sync::LazyLock;

use boatyard_sdk::{ActorError, ensure};
use fvm_shared::bigint::{BigInt, Integer};
use num_traits::Zero;

/// Fractional bits.
pub const PRECISION: u32 = 128;

/// ln 2.
const LN_2: u128 = 235_865_763_225_513_294_137_944_142_764_154_484_399;

/// With [`LN_DENOMINATOR`], ln on [1, 2); highest degree first.
static LN_NUMERATOR: LazyLock<Vec<BigInt>> = LazyLock::new(|| {
    coefficients(&[
        "261417938209272870992496419296200268025",
        "7266615505142943436908456158054846846897",
        "32458783941900493142649393804518050491988",
        "17078670566130897220338060387082146864806",
        "-35150353308172866634071793531642638290419",
        "-20351202052858059355702509232125230498980",
        "-1563932590352680681114104005183375350999",
    ])
});

static LN_DENOMINATOR: LazyLock<Vec<BigInt>> = LazyLock::new(|| {
    coefficients(&[
        "49928077726659937662124949977867279384",
        "2508163877009111928787629628566491583994",
        "21757751789594546643737445330202599887121",
        "53400635271583923415775576342898617051826",
        "41248834748603606604000911015235164348839",
        "9015227820322455780436733526367238305537",
        "340282366920938463463374607431768211456",
    ])
});

/// Coefficients of a polynomial from their decimal form.
///
/// # Panics
/// When one of them is no number; they are constants of the code.
pub fn coefficients(decimal: &[&str]) -> Vec<BigInt> {
    decimal
        .iter()
        .map(|digits| digits.parse().expect("coefficients are decimal numbers"))
        .collect()
}

/// A polynomial's value at `x`, coefficients from the highest degree down.
///
/// Truncates to Q.128 after every multiplication.
pub fn evaluate(coefficients: &[BigInt], x: &BigInt) -> BigInt {
    coefficients
        .iter()
        .fold(BigInt::zero(), |sum, coefficient| {
            ((sum * x) >> PRECISION) + coefficient
        })
}

/// `numerator / denominator` in Q.128, both in the same format.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) when the denominator is zero.
pub fn ratio(numerator: &BigInt, denominator: &BigInt) -> Result<BigInt, ActorError> {
    div_floor(&(numerator << PRECISION), denominator)
}

/// Division rounded toward minus infinity.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) when the denominator is zero.
pub fn div_floor(numerator: &BigInt, denominator: &BigInt) -> Result<BigInt, ActorError> {
    ensure!(
        !denominator.is_zero(),
        USR_ASSERTION_FAILED,
        "division by zero"
    );
    Ok(numerator.div_floor(denominator))
}

/// Natural logarithm, input and output in Q.128. Accurate near 10^-36 only: the
/// logarithm of 1 is 878·2^-128.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) where the approximation has a pole; not for
/// positive numbers.
pub fn ln(z: &BigInt) -> Result<BigInt, ActorError> {
    let k = z.bits() as i64 - 1 - i64::from(PRECISION);
    let x = if k > 0 { z >> k } else { z << -k };
    let mantissa = ratio(&evaluate(&LN_NUMERATOR, &x), &evaluate(&LN_DENOMINATOR, &x))?;
    Ok(BigInt::from(LN_2) * k + mantissa)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: spec 00 appendix A, 03 §4.1.
    #[test]
    fn logarithms_are_the_sheets() {
        let one = BigInt::from(1) << PRECISION;
        assert_eq!(ln(&one).unwrap(), BigInt::from(878));
        assert_eq!(
            ln(&(one * 4)).unwrap().to_string(),
            "471731526451026588275888285528308969676"
        );
    }

    #[test]
    fn a_number_below_one_has_a_negative_logarithm() {
        let half = BigInt::from(1) << (PRECISION - 1);
        assert_eq!(ln(&half).unwrap(), BigInt::from(878) - BigInt::from(LN_2));
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        let zero = BigInt::zero();
        assert_eq!(
            ratio(&BigInt::from(1), &zero)
                .unwrap_err()
                .exit_code()
                .value(),
            24
        );
    }
}
