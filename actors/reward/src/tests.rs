use boatyard_actors_shared::ext::miner::{APPLY_REWARDS, ApplyRewardsParams};
use boatyard_actors_shared::ext::reward::{
    AWARD_BLOCK_REWARD, THIS_EPOCH_REWARD, UPDATE_NETWORK_KPI,
};
use boatyard_actors_shared::{BURNT_FUNDS_ACTOR, REWARD_ACTOR_ID};
use boatyard_mock::{ExpectedSend, MockRuntime};
use boatyard_sdk::Type;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ErrorNumber;

use super::*;

const MINER: Address = Address::new_id(1_000);
/// A fifth of the first epoch's reward (spec 03 §4.1).
const BLOCK_REWARD: u64 = 7_253_252_858_755_426_947;

fn atto(amount: u64) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

/// The reward actor at genesis, with all its funds, called by the system actor.
fn reward() -> MockRuntime {
    let rt = MockRuntime::new()
        .receiver(REWARD_ACTOR_ID)
        .caller(0)
        .balance(REWARD_ACTOR_ID, TokenAmount::from_whole(1_100_000_000))
        .actor(1_000, Type::Miner);
    let power = Some(BigIntDe(BigInt::from(0)));
    assert_eq!(rt.call_with::<Reward>(1, &power), Ok(None));
    rt
}

fn block() -> AwardBlockRewardParams {
    AwardBlockRewardParams {
        miner: MINER,
        penalty: atto(0),
        gas_reward: atto(0),
        win_count: 1,
    }
}

fn expect_payment(rt: &MockRuntime, total: TokenAmount, penalty: u64) -> ExpectedSend<'_> {
    rt.expect_send(MINER, APPLY_REWARDS)
        .params(&ApplyRewardsParams {
            reward: total.clone(),
            penalty: atto(penalty),
        })
        .value(total)
}

fn paid(rt: &MockRuntime) -> TokenAmount {
    rt.state::<State>().total_storage_power_reward
}

fn award(rt: &MockRuntime, params: &AwardBlockRewardParams) -> u32 {
    match rt.call_with::<Reward>(AWARD_BLOCK_REWARD, params) {
        Ok(returned) => {
            assert_eq!(returned, None);
            0
        }
        Err(error) => error.exit_code().value(),
    }
}

#[test]
fn construction_refuses() {
    let rt = MockRuntime::new().receiver(REWARD_ACTOR_ID).caller(0);
    let code = |rt: &MockRuntime, power: &Option<BigIntDe>| {
        let error = rt.call_with::<Reward>(1, power).unwrap_err();
        error.exit_code().value()
    };
    assert_eq!(code(&rt, &None), 16);
    let power = Some(BigIntDe(BigInt::from(0)));
    let stranger = rt.caller_of_type(100, Type::Account);
    assert_eq!(code(&stranger, &None), 18, "the caller comes first");
    assert_eq!(code(&reward(), &power), 20);
}

#[test]
fn a_block_earns_a_fifth_of_the_epoch_per_election_won() {
    let rt = reward();
    expect_payment(&rt, atto(BLOCK_REWARD), 0);
    assert_eq!(award(&rt, &block()), 0);
    assert_eq!(paid(&rt), atto(BLOCK_REWARD));

    // Twice the reward, rounded once; gas comes on top and is no storage reward.
    let double = TokenAmount::from_atto(14_506_505_717_510_853_895u64);
    expect_payment(&rt, &double + atto(100), 21);
    let params = AwardBlockRewardParams {
        win_count: 2,
        gas_reward: atto(100),
        penalty: atto(7),
        ..block()
    };
    assert_eq!(award(&rt, &params), 0);
    assert_eq!(paid(&rt), atto(BLOCK_REWARD) + double);
}

/// Source: spec 09 §13.
#[test]
fn the_first_two_blocks_earn_what_the_sheet_says() {
    let rt = reward().epoch(1);
    expect_payment(&rt, atto(BLOCK_REWARD), 0);
    assert_eq!(award(&rt, &block()), 0);
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzacedpxbq7kgnblillnba4kkyjgyugjhfo3tuuj3i6cf4rtyyhe5z6bg"
    );
    let power = Some(BigIntDe(BigInt::from(0)));
    let ended = rt.caller(4).call_with::<Reward>(UPDATE_NETWORK_KPI, &power);
    assert_eq!(ended, Ok(None));

    let second = 7_253_251_264_523_052_386;
    let rt = rt.epoch(2).caller(0);
    expect_payment(&rt, atto(second), 0);
    assert_eq!(award(&rt, &block()), 0);
    assert_eq!(paid(&rt), atto(BLOCK_REWARD + second));
}

#[test]
fn the_balance_limits_the_reward_but_not_the_gas() {
    let rt = reward().balance(REWARD_ACTOR_ID, atto(150));
    expect_payment(&rt, atto(150), 0);
    let params = AwardBlockRewardParams {
        gas_reward: atto(100),
        ..block()
    };
    assert_eq!(award(&rt, &params), 0);
    assert_eq!(paid(&rt), atto(50));
    assert_eq!(award(&rt, &params), 20, "no gas reward left");

    expect_payment(&rt, atto(0), 0);
    assert_eq!(award(&rt, &block()), 0, "nothing is sent too");
}

#[test]
fn awards_refuse_in_the_sheets_order() {
    let rt = reward().balance(REWARD_ACTOR_ID, atto(10));
    let mut params = AwardBlockRewardParams {
        miner: Address::new_actor(b"nobody"),
        penalty: TokenAmount::from_atto(-1),
        gas_reward: TokenAmount::from_atto(-1),
        win_count: 0,
    };
    let stranger = rt.caller_of_type(100, Type::Account);
    assert_eq!(award(&stranger, &params), 18);
    rt.caller(0);
    assert_eq!(award(&rt, &params), 16, "penalty");
    params.penalty = atto(0);
    assert_eq!(award(&rt, &params), 16, "gas reward");
    params.gas_reward = atto(11);
    assert_eq!(award(&rt, &params), 20, "too little balance");
    params.gas_reward = atto(10);
    assert_eq!(award(&rt, &params), 16, "win count");
    params.win_count = 1;
    assert_eq!(award(&rt, &params), 17, "no such miner");
    params.miner = Address::new_id(1_234);
    rt.expect_send(params.miner, APPLY_REWARDS)
        .params(&ApplyRewardsParams {
            reward: atto(10),
            penalty: atto(0),
        })
        .value(atto(10))
        .refused(ErrorNumber::NotFound);
    rt.expect_send(BURNT_FUNDS_ACTOR, 0).value(atto(10));
    assert_eq!(award(&rt, &params), 0, "an ID is not looked for");
}

#[test]
fn what_the_miner_refuses_is_burnt_and_counts_as_paid() {
    let rt = reward();
    expect_payment(&rt, atto(BLOCK_REWARD), 0).exits(18);
    rt.expect_send(BURNT_FUNDS_ACTOR, 0)
        .value(atto(BLOCK_REWARD));
    assert_eq!(award(&rt, &block()), 0);
    assert_eq!(rt.balance_of(99), Some(atto(BLOCK_REWARD)));
    assert_eq!(paid(&rt), atto(BLOCK_REWARD));

    let before = rt.balance_of(REWARD_ACTOR_ID);
    expect_payment(&rt, atto(BLOCK_REWARD), 0).exits(18);
    rt.expect_send(BURNT_FUNDS_ACTOR, 0)
        .value(atto(BLOCK_REWARD))
        .exits(24);
    assert_eq!(award(&rt, &block()), 0);
    assert_eq!(rt.balance_of(REWARD_ACTOR_ID), before, "stays here");
}

#[test]
fn anybody_built_in_reads_the_reward() {
    let rt = reward().caller_of_type(100, Type::Miner).read_only();
    let answer: ThisEpochRewardReturn = rt.get::<Reward, _>(THIS_EPOCH_REWARD).unwrap();
    let state: State = rt.state();
    assert_eq!(
        answer.this_epoch_reward_smoothed,
        state.this_epoch_reward_smoothed
    );
    assert_eq!(
        answer.this_epoch_baseline_power,
        2_888_888_879_999_999_999u64.into()
    );
    let contract = rt.caller_of_type(101, Type::Evm).call::<Reward>(3, None);
    assert_eq!(contract.unwrap_err().exit_code().value(), 18);
}

/// Source: spec 03 §4.2.
#[test]
fn the_power_actor_lets_epochs_pass() {
    let rt = reward().epoch(1).caller(4);
    let power = Some(BigIntDe(BigInt::from(0)));
    assert_eq!(rt.call_with::<Reward>(UPDATE_NETWORK_KPI, &power), Ok(None));
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzacec2d4ad5rvederinh5gtqh5vy5wtcu7e6ub2o6baehve42b5zsapc"
    );
    let code = |power: &Option<BigIntDe>| {
        let error = rt
            .call_with::<Reward>(UPDATE_NETWORK_KPI, power)
            .unwrap_err();
        error.exit_code().value()
    };
    assert_eq!(code(&None), 16);
    rt.read_only();
    assert_eq!(code(&power), 25);
    rt.caller(0);
    assert_eq!(code(&power), 18);
}
