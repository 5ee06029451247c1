//! How much is minted: formulas without state, in Q.128.
//!
//! Two parts: simple minting halves every six years; baseline minting follows an
//! effective network time θ, which runs with the network's power against an
//! exponentially growing baseline. Source: spec 03 §2.6.

use std::sync::LazyLock;

use boatyard_actors_shared::fixed_point::{PRECISION, coefficients, evaluate, ratio};
use boatyard_sdk::ActorError;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;

/// Growth of the baseline per epoch, so that it doubles in 365 days.
pub(crate) static BASELINE_EXPONENT: LazyLock<BigInt> = LazyLock::new(|| {
    // 2^128 + 2^128 · (2^(1/1051200) − 1); the whole does not fit into 128 bits.
    (BigInt::from(1) << PRECISION) + BigInt::from(BASELINE_GROWTH)
});

const BASELINE_GROWTH: u128 = 224_377_702_615_002_589_582_494_545_262_197;

/// Baseline power of epoch 0 in bytes.
pub(crate) const BASELINE_INITIAL_VALUE: u64 = 2_888_888_880_000_000_000;

/// Baseline power one epoch before, rounded down twice.
pub(crate) const INIT_BASELINE_POWER: u64 = 2_888_886_975_106_048_385;

/// ln 2 / (6 years of 365 days), in Q.128.
const LAMBDA: u128 = 37_396_271_439_864_487_274_534_522_888_786;

/// e^λ − 1, in Q.128.
const EXP_LAMBDA_MINUS_ONE: u128 = 37_396_273_494_747_879_394_193_016_954_629;

/// Numerator of e^−x, degree 7 first.
static EXPNEG_NUMERATOR: LazyLock<Vec<BigInt>> = LazyLock::new(|| {
    coefficients(&[
        "-648770010757830093818553637600",
        "67469480939593786226847644286976",
        "-3197587544499098424029388939001856",
        "89244641121992890118377641805348864",
        "-1579656163641440567800982336819953664",
        "17685496037279256458459817590917169152",
        "-115682590513835356866803355398940131328",
        "340282366920938463463374607431768211456",
    ])
});

/// Denominator of e^−x, degree 13 first.
static EXPNEG_DENOMINATOR: LazyLock<Vec<BigInt>> = LazyLock::new(|| {
    coefficients(&[
        "1225524182432722209606361",
        "114095592300906098243859450",
        "5665570424063336070530214243",
        "194450132448609991765137938448",
        "5068267641632683791026134915072",
        "104716890604972796896895427629056",
        "1748338658439454459487681798864896",
        "23704654329841312470660182937960448",
        "259380097567996910282699886670381056",
        "2250336698853390384720606936038375424",
        "14978272436876548034486263159246028800",
        "72144088983913131323343765784380833792",
        "224599776407103106596571252037123047424",
        "340282366920938463463374607431768211456",
    ])
});

/// e^−x; fails with 24 at a pole, which no x from 0 on is.
pub(crate) fn expneg(x: &BigInt) -> Result<BigInt, ActorError> {
    ratio(
        &evaluate(&EXPNEG_NUMERATOR, x),
        &evaluate(&EXPNEG_DENOMINATOR, x),
    )
}

/// What simple minting gives an epoch, in Q.128 attoFIL.
pub(crate) fn simple_reward(
    epoch: ChainEpoch,
    simple_total: &TokenAmount,
) -> Result<BigInt, ActorError> {
    let decay = expneg(&(BigInt::from(LAMBDA) * epoch))?;
    Ok((simple_total.atto() * EXP_LAMBDA_MINUS_ONE * decay) >> PRECISION)
}

/// What baseline minting has given by effective time `theta` (Q.128), in Q.128
/// attoFIL.
pub(crate) fn baseline_supply(
    theta: &BigInt,
    baseline_total: &TokenAmount,
) -> Result<BigInt, ActorError> {
    let one = BigInt::from(1) << PRECISION;
    let decay = expneg(&((theta * LAMBDA) >> PRECISION))?;
    Ok((one - decay) * baseline_total.atto())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Source: spec 03 §2.6.
    #[test]
    fn constants_are_the_sheets() {
        assert_eq!(
            BASELINE_EXPONENT.to_string(),
            "340282591298641078465964189926313473653"
        );
        let before = ((BigInt::from(BASELINE_INITIAL_VALUE) << 256) / &*BASELINE_EXPONENT) >> 128;
        assert_eq!(before, BigInt::from(INIT_BASELINE_POWER));
    }

    /// Source: spec 03 §4.1.
    #[test]
    fn decays_are_the_sheets() {
        let at = |x: BigInt| expneg(&x).unwrap().to_string();
        let one = BigInt::from(1);
        for (x, decay) in [
            (BigInt::from(0), "340282366920938463463374607431768211456"),
            (&one << 120, "338955731696479810470146282672851999090"),
            (&one << 128, "125182886983370532117250726296964572306"),
            (
                BigInt::from(5) << 128,
                "2292804553034967735506083028203095447",
            ),
            (
                BigInt::from(LAMBDA) * 1_000_000,
                "304867726623773331222767625339351866067",
            ),
        ] {
            assert_eq!(at(x), decay);
        }
    }

    /// Source: spec 03 §4.1.
    #[test]
    fn simple_rewards_are_the_sheets() {
        let total = TokenAmount::from_whole(330_000_000);
        for (epoch, reward) in [
            (0, "36266264293777134739"),
            (5_000, "36246341860983438171"),
            (10_000, "36226430372336764970"),
        ] {
            let minted = simple_reward(epoch, &total).unwrap() >> PRECISION;
            assert_eq!(minted.to_string(), reward, "epoch {epoch}");
        }
    }

    proptest! {
        #[test]
        fn a_later_epoch_mints_less(epoch in 0i64..20_000_000, step in 1i64..1_000_000) {
            let total = TokenAmount::from_whole(330_000_000);
            let early = simple_reward(epoch, &total).unwrap();
            let late = simple_reward(epoch + step, &total).unwrap();
            prop_assert!(late < early);
        }

        #[test]
        fn supply_grows_up_to_its_total(theta in 0u64..50_000_000) {
            let total = TokenAmount::from_whole(770_000_000);
            let supply = |theta: u64| {
                baseline_supply(&(BigInt::from(theta) << PRECISION), &total).unwrap()
            };
            prop_assert!(supply(theta) < supply(theta + 1));
            prop_assert!((supply(theta) >> PRECISION) < *total.atto());
        }
    }
}
