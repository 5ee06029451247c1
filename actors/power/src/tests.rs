use boatyard_actors_shared::ext::miner::{DeferredCronEventParams, ON_DEFERRED_CRON_EVENT};
use boatyard_actors_shared::ext::power::*;
use boatyard_actors_shared::ext::reward::{
    THIS_EPOCH_REWARD, ThisEpochRewardReturn, UPDATE_NETWORK_KPI,
};
use boatyard_actors_shared::{CRON_ACTOR_ID, FilterEstimate, POWER_ACTOR_ID, Policy, REWARD_ACTOR};
use boatyard_mock::{ExpectedSend, MockRuntime};
use boatyard_sdk::NetworkVariant;
use fvm_ipld_encoding::{CBOR, RawBytes, to_vec};
use fvm_shared::MethodNum;
use fvm_shared::bigint::BigInt;
use fvm_shared::bigint::bigint_ser::BigIntSer;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::{RegisteredPoStProof, StoragePower};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

mod claims;
mod creation;
mod getters;
mod hostile;
mod pledge;
mod queue;
mod sums;
mod tick;

const ACCOUNT: ActorID = 100;
const MINER: ActorID = 1_000;
const MINER_2: ActorID = 1_001;

/// The minimum of the devnet in bytes, which is one sector of its.
const MINIMUM: i64 = 2_048;

const WINDOW_2KIB: RegisteredPoStProof = RegisteredPoStProof::StackedDRGWindow2KiBV1P1;

/// From the constructor on (spec 03 §4.3).
const INITIAL_POSITION: &str = "274031556999544297163190906134303066185487351808000000";
const INITIAL_VELOCITY: &str = "1403041571837666801475537439407631698869695241256960";

fn id(id: ActorID) -> Address {
    Address::new_id(id)
}

fn big(digits: &str) -> BigInt {
    digits.parse().unwrap()
}

fn fil(amount: i64) -> TokenAmount {
    TokenAmount::from_whole(amount)
}

/// The power actor at genesis of a devnet, with an account that calls.
fn power() -> MockRuntime {
    let rt = MockRuntime::new()
        .variant(NetworkVariant::Devnet)
        .receiver(POWER_ACTOR_ID)
        .caller(0);
    assert_eq!(rt.call::<Power>(1, None), Ok(None));
    rt.caller_of_type(ACCOUNT, Type::Account)
}

/// The same with these miners, which have 2 KiB sectors; the first one calls.
fn with_miners(miners: &[ActorID]) -> MockRuntime {
    let rt = power();
    for miner in miners {
        create(&rt, *miner, WINDOW_2KIB);
    }
    rt.caller(miners[0])
}

/// The same with these powers, raw and quality-adjusted.
fn with_power(claims: &[(ActorID, i64, i64)]) -> MockRuntime {
    let miners: Vec<_> = claims.iter().map(|(miner, ..)| *miner).collect();
    let rt = with_miners(&miners);
    for (miner, raw, quality_adjusted) in claims {
        assert_eq!(change(&rt.caller(*miner), *raw, *quality_adjusted), 0);
    }
    rt.caller(miners[0])
}

/// A miner that f01 creates with this ID.
fn create(rt: &MockRuntime, miner: ActorID, proof: RegisteredPoStProof) {
    rt.actor(miner, Type::Miner);
    let params = creation::params(proof);
    creation::expect_exec(rt, &params).returns(&creation::created(miner));
    let created: CreateMinerReturn = call(rt, CREATE_MINER, &params).unwrap();
    assert_eq!(created.id_address, id(miner));
}

/// What a call returns; `Err(None)` for no block, `Err(Some(code))` for a failure.
fn call<R: DeserializeOwned>(
    rt: &MockRuntime,
    method: MethodNum,
    params: &impl Serialize,
) -> Result<R, Option<u32>> {
    returned(rt.call_with::<Power>(method, params))
}

fn get<R: DeserializeOwned>(rt: &MockRuntime, method: MethodNum) -> Result<R, Option<u32>> {
    returned(rt.call::<Power>(method, None))
}

fn returned<R: DeserializeOwned>(
    result: Result<Option<fvm_ipld_encoding::ipld_block::IpldBlock>, ActorError>,
) -> Result<R, Option<u32>> {
    match result {
        Ok(Some(block)) => {
            assert_eq!(block.codec, CBOR);
            Ok(block.deserialize().unwrap())
        }
        Ok(None) => Err(None),
        Err(error) => {
            assert!(!error.message().contains("panicked"), "{error}");
            Err(Some(error.exit_code().value()))
        }
    }
}

/// The exit code of a call that returns no data.
fn code(rt: &MockRuntime, method: MethodNum, params: &impl Serialize) -> u32 {
    match call::<()>(rt, method, params) {
        Err(code) => code.unwrap_or(0),
        Ok(()) => panic!("a block was returned"),
    }
}

/// The caller's power changes.
fn change(rt: &MockRuntime, raw: i64, quality_adjusted: i64) -> u32 {
    let delta = UpdateClaimedPowerParams {
        raw_byte_delta: raw.into(),
        quality_adjusted_delta: quality_adjusted.into(),
    };
    code(rt, UPDATE_CLAIMED_POWER, &delta)
}

/// The caller wants to be called back.
fn enroll(rt: &MockRuntime, epoch: ChainEpoch, payload: &[u8]) -> u32 {
    let params = EnrollCronEventParams {
        event_epoch: epoch,
        payload: RawBytes::new(payload.to_vec()),
    };
    code(rt, ENROLL_CRON_EVENT, &params)
}

fn pledge(rt: &MockRuntime, delta: &TokenAmount) -> u32 {
    code(rt, UPDATE_PLEDGE_TOTAL, delta)
}

/// The state, in which everything holds that must.
fn state(rt: &MockRuntime) -> State {
    let state: State = rt.state();
    let policy = Policy::of(NetworkVariant::Devnet);
    let violations = invariants::check(&state, rt.store(), policy);
    assert_eq!(violations, [""; 0]);
    state
}

fn claim(rt: &MockRuntime, miner: ActorID) -> Option<Claim> {
    state(rt).claim_of(rt.store(), &id(miner)).unwrap()
}

/// Total raw, committed, total quality-adjusted and committed power.
fn totals(rt: &MockRuntime) -> [StoragePower; 4] {
    let state = state(rt);
    [
        state.total_raw_byte_power,
        state.total_bytes_committed,
        state.total_quality_adj_power,
        state.total_qa_bytes_committed,
    ]
}

fn bytes(numbers: [i64; 4]) -> [StoragePower; 4] {
    numbers.map(StoragePower::from)
}

/// What the reward actor says in these tests.
fn reward() -> ThisEpochRewardReturn {
    ThisEpochRewardReturn {
        this_epoch_reward_smoothed: FilterEstimate::from_integers(36, -1),
        this_epoch_baseline_power: 1.into(),
    }
}

fn expect_reward(rt: &MockRuntime) -> ExpectedSend<'_> {
    rt.expect_send(REWARD_ACTOR, THIS_EPOCH_REWARD)
        .returns(&reward())
}

fn expect_kpi(rt: &MockRuntime, raw: i64) -> ExpectedSend<'_> {
    rt.expect_send(REWARD_ACTOR, UPDATE_NETWORK_KPI)
        .params(&BigIntSer(&raw.into()))
}

/// A miner is called back with the estimate that the state has now.
fn expect_callback<'a>(rt: &'a MockRuntime, miner: ActorID, payload: &[u8]) -> ExpectedSend<'a> {
    let params = DeferredCronEventParams {
        event_payload: RawBytes::new(payload.to_vec()),
        reward_smoothed: reward().this_epoch_reward_smoothed,
        quality_adj_power_smoothed: rt.state::<State>().this_epoch_qa_power_smoothed,
    };
    rt.expect_send(id(miner), ON_DEFERRED_CRON_EVENT)
        .params(&params)
}

/// Cron's call at an epoch.
fn tick_at(rt: &MockRuntime, epoch: ChainEpoch) -> u32 {
    let result = get::<()>(&rt.epoch(epoch).caller(CRON_ACTOR_ID), ON_EPOCH_TICK_END);
    result.unwrap_err().unwrap_or(0)
}

/// A tick at which nobody is called; `raw` is the network's power in bytes.
fn quiet_tick(rt: &MockRuntime, epoch: ChainEpoch, raw: i64) {
    expect_reward(rt);
    expect_kpi(rt, raw);
    assert_eq!(tick_at(rt, epoch), 0);
}

/// Source: spec 03 §4.3 and 09 §2.
#[test]
fn the_first_state_is_the_protocols() {
    let rt = power();
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzaceasliok4bbcsxu5i47crjwa4kit7uwdz6257fu2o66vqtot3trak4"
    );
    let smoothed = state(&rt).this_epoch_qa_power_smoothed;
    assert_eq!(smoothed.position, big(INITIAL_POSITION));
    assert_eq!(smoothed.velocity, big(INITIAL_VELOCITY));
}

#[test]
fn construction_refuses() {
    let rt = power();
    let constructed = |rt: &MockRuntime| rt.call::<Power>(1, None).unwrap_err().exit_code();
    assert_eq!(
        constructed(&rt).value(),
        18,
        "before \"constructed already\""
    );
    assert_eq!(constructed(&rt.caller(0)).value(), 20);
    assert_eq!(code(&rt, 1, &()), 16, "there are no parameters");
}

#[test]
fn numbers_of_methods_that_are_gone_are_unknown() {
    let rt = with_miners(&[MINER]);
    for method in [7, 8, 10, 33_554_432] {
        assert_eq!(get::<()>(&rt, method), Err(Some(22)), "{method}");
    }
    let contract = rt.caller_of_type(1_234, Type::Evm);
    assert_eq!(get::<()>(&contract, 7), Err(Some(18)), "the gate");
    assert_eq!(get::<()>(&contract, CURRENT_TOTAL_POWER), Err(Some(18)));
    assert_eq!(get::<i64>(&contract, MINER_COUNT), Ok(1));
}
