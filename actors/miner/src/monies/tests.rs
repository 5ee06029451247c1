use boatyard_sdk::NetworkVariant;
use num_traits::Pow;
use proptest::prelude::*;

use super::*;

const GIB_32: u64 = 32 << 30;

fn ten_to(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

fn atto(amount: u128) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

/// The sheet's estimate E1: nothing moves.
fn still() -> (FilterEstimate, FilterEstimate) {
    (
        FilterEstimate::from_integers(36 * ten_to(18), 0),
        FilterEstimate::from_integers(BigInt::from(20u64) << 60, 0),
    )
}

/// The sheet's estimate E2: the reward falls, the power grows.
fn moving() -> (FilterEstimate, FilterEstimate) {
    (
        FilterEstimate::from_integers(36 * ten_to(18), -3 * ten_to(10)),
        FilterEstimate::from_integers(BigInt::from(20u64) << 60, 1 << 30),
    )
}

fn inputs(
    (reward, network_qa): (FilterEstimate, FilterEstimate),
    epochs_since_ramp_start: ChainEpoch,
    ramp_duration_epochs: u64,
) -> PledgeInputs {
    PledgeInputs {
        reward,
        network_qa,
        baseline: BigInt::from(25u64) << 60,
        circulating_supply: TokenAmount::from_whole(600_000_000),
        epochs_since_ramp_start,
        ramp_duration_epochs,
    }
}

#[test]
fn periods_are_the_sheets() {
    assert_eq!(
        (
            CONTINUED_FAULT_PROJECTION_PERIOD,
            INVALID_WINDOW_POST_PROJECTION_PERIOD,
            PRE_COMMIT_DEPOSIT_PROJECTION_PERIOD,
            INITIAL_PLEDGE_MAX_PER_BYTE,
            TERMINATION_LIFETIME_CAP,
        ),
        (10_108, 15_868, 57_600, 29_103_830, 403_200)
    );
}

/// Source: spec 06 §19.
#[test]
fn expected_rewards_are_the_sheets() {
    let reward = FilterEstimate::from_integers(50 * ten_to(18), 25);
    let qa = BigInt::from(GIB_32);
    let columns = [2_880, 10_108, 15_868, 57_600];
    for (velocity, expected) in [
        (
            BigInt::from((10i64 << 50) / 2_880),
            [
                494_501_904_883_463,
                1_733_119_134_657_832,
                2_717_680_905_296_764,
                9_785_834_854_864_652,
            ],
        ),
        (
            BigInt::zero(),
            [
                494_780_232_499_200,
                1_736_541_177_118_724,
                2_726_101_642_117_130,
                9_895_604_649_984_142,
            ],
        ),
    ] {
        let power = FilterEstimate::from_integers(ten_to(19), velocity);
        for (epochs, amount) in columns.into_iter().zip(expected) {
            assert_eq!(
                expected_reward(&reward, &power, &qa, epochs),
                Ok(atto(amount)),
                "{epochs}"
            );
        }
        assert_eq!(
            continued_fault_fee(&reward, &power, &qa),
            Ok(atto(expected[1]))
        );
        assert_eq!(
            invalid_post_penalty(&reward, &power, &qa),
            Ok(atto(expected[2]) + TokenAmount::from_whole(20))
        );
    }
}

/// Source: spec 06 §18, point 35.
#[test]
fn a_network_without_power_gives_all_to_anybody() {
    let reward = FilterEstimate::from_integers(7, 1);
    let none = FilterEstimate::default();
    for qa in [0, GIB_32] {
        assert_eq!(
            expected_reward(&reward, &none, &qa.into(), 10_108),
            Ok(atto(7))
        );
    }
    let negative = FilterEstimate::from_integers(-7, 0);
    assert_eq!(
        expected_reward(&negative, &none, &GIB_32.into(), 10_108),
        Ok(TokenAmount::from_atto(-7))
    );
    assert_eq!(
        pre_commit_deposit(&negative, &none, &GIB_32.into()),
        Ok(atto(1))
    );
}

#[test]
fn a_falling_reward_is_never_negative() {
    let (_, power) = still();
    let falling = FilterEstimate::from_integers(1, -1_000);
    assert_eq!(
        expected_reward(&falling, &power, &GIB_32.into(), 57_600),
        Ok(atto(0))
    );
}

/// Source: spec 05 §26.
#[test]
fn deposits_are_the_sheets() {
    let qa = BigInt::from(10 * GIB_32);
    for ((reward, power), expected) in [
        (still(), 30_899_047_851_562_500),
        (moving(), 30_898_264_836_962_459),
    ] {
        assert_eq!(pre_commit_deposit(&reward, &power, &qa), Ok(atto(expected)));
    }
}

/// Source: spec 05 §26.
#[test]
fn pledges_are_the_sheets() {
    for (network, elapsed, duration, qa, expected) in [
        (still(), 1_000, 1_000, GIB_32, 233_759_880_065_917_968),
        (still(), 7, 0, GIB_32, 233_759_880_065_917_968),
        (still(), -1, 1_000, GIB_32, 217_666_625_976_562_500),
        (still(), -1, 0, GIB_32, 217_666_625_976_562_500),
        (still(), 1_000, 1_000, 1 << 40, 7_480_316_162_109_375_000),
        (moving(), 100, 1_000, GIB_32, 219_275_873_084_038_041),
        (moving(), 100, 1_000, 10 * GIB_32, 2_192_758_730_840_380_427),
    ] {
        assert_eq!(
            inputs(network, elapsed, duration).initial_pledge(&qa.into()),
            Ok(atto(expected)),
            "{elapsed} {duration} {qa}"
        );
    }
}

#[test]
fn a_pledge_is_at_most_a_fil_for_32_gib() {
    let mut rich = inputs(still(), 0, 0);
    rich.circulating_supply = TokenAmount::from_whole(2_000_000_000_000i64);
    let qa = BigInt::from(GIB_32);
    assert_eq!(
        rich.initial_pledge(&qa),
        Ok(TokenAmount::from_atto(qa * INITIAL_PLEDGE_MAX_PER_BYTE))
    );
}

#[test]
fn no_power_in_no_network_has_no_pledge() {
    let mut empty = inputs(still(), 0, 0);
    empty.network_qa = FilterEstimate::default();
    empty.baseline = BigInt::zero();
    let error = empty.initial_pledge(&BigInt::zero()).unwrap_err();
    assert_eq!(error.exit_code().value(), 24);
}

/// Source: spec 05 §26, 06 §19.
#[test]
fn daily_fees_are_the_sheets() {
    let policy = Policy::of(NetworkVariant::Mainnet);
    for (supply, qa, expected) in [
        (600_000_000, GIB_32, 3_335_993_870_096),
        (600_000_000, 10 * GIB_32, 33_359_938_700_967),
        (696_700_000, GIB_32, 3_873_644_882_160),
    ] {
        let supply = TokenAmount::from_whole(supply);
        assert_eq!(daily_fee(policy, &supply, &qa.into()), atto(expected));
    }
    let fee = atto(10);
    assert_eq!(
        adjusted_daily_fee(&fee, &3.into(), &7.into()),
        Ok(atto(23)),
        "rounded down"
    );
    assert_eq!(
        adjusted_daily_fee(&fee, &BigInt::zero(), &BigInt::zero()),
        Ok(fee.clone()),
        "nothing is divided if nothing changed"
    );
    let from_nothing = adjusted_daily_fee(&fee, &BigInt::zero(), &7.into());
    assert_eq!(from_nothing.unwrap_err().exit_code().value(), 24);
}

#[test]
fn a_deadline_pays_half_of_its_days_reward_at_most() {
    let policy = Policy::of(NetworkVariant::Mainnet);
    let (reward, power) = still();
    let qa = BigInt::from(GIB_32);
    let day = expected_reward(&reward, &power, &qa, 2_880).unwrap();
    for (fee, paid) in [
        (atto(1), atto(1)),
        (&day * 2u8, day.div_floor(2)),
        (day.clone(), day.div_floor(2)),
    ] {
        assert_eq!(
            capped_daily_fee(policy, &fee, &reward, &power, &qa),
            Ok(paid)
        );
    }
}

/// Source: spec 06 §19.
#[test]
fn termination_fees_are_the_sheets() {
    let pledge = TokenAmount::from_whole(1) + atto(7);
    let fault_fee = atto(1_000_000_000_000_003);
    for (age, expected) in [
        (0, 20_000_000_000_000_000),
        (2_880, 20_000_000_000_000_000),
        (28_800, 20_000_000_000_000_000),
        (403_200, 85_000_000_000_000_000),
        (4_032_000, 85_000_000_000_000_000),
    ] {
        assert_eq!(
            termination_fee(&pledge, age, &fault_fee),
            atto(expected),
            "{age}"
        );
    }
    let high = TokenAmount::from_whole(3);
    assert_eq!(
        termination_fee(&pledge, 403_200, &high),
        atto(3_150_000_000_000_000_000),
        "the fault fee is the floor, above the pledge too"
    );
}

#[test]
fn consensus_faults_cost_an_epochs_share() {
    let reward = atto(103);
    assert_eq!(consensus_fault_penalty(&reward), atto(103));
    assert_eq!(reporter_reward(&reward), atto(5));
    assert_eq!(locked_share(&reward), atto(77));
}

proptest! {
    #[test]
    fn a_termination_costs_more_with_age_up_to_the_cap(
        pledge in 0u64..u64::MAX,
        fault_fee in 0u64..u64::MAX / 100,
        age in 0i64..1_000_000,
    ) {
        let (pledge, fault_fee) = (atto(pledge.into()), atto(fault_fee.into()));
        let fee = |age| termination_fee(&pledge, age, &fault_fee);
        prop_assert!(fee(age) <= fee(age + 2_880));
        prop_assert!(fee(age) <= fee(TERMINATION_LIFETIME_CAP));
        prop_assert!(fee(age) >= fault_fee);
    }

    #[test]
    fn more_power_pledges_more(
        qa in 1u64..1 << 50,
        more in 0u64..1 << 50,
        elapsed in -10i64..2_000,
        duration in 0u64..2_000,
    ) {
        let inputs = inputs(moving(), elapsed, duration);
        let pledge = |qa: u64| inputs.initial_pledge(&qa.into()).unwrap();
        prop_assert!(pledge(qa) <= pledge(qa + more));
    }
}
