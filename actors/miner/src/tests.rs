use boatyard_actors_shared::ext::miner::ConstructorParams;
use boatyard_actors_shared::ext::power::{
    CURRENT_TOTAL_POWER, CurrentTotalPowerReturn, ENROLL_CRON_EVENT, EnrollCronEventParams,
    UPDATE_CLAIMED_POWER, UPDATE_PLEDGE_TOTAL, UpdateClaimedPowerParams,
};
use boatyard_actors_shared::ext::reward::{THIS_EPOCH_REWARD, ThisEpochRewardReturn};
use boatyard_actors_shared::{
    BURNT_FUNDS_ACTOR, FilterEstimate, INIT_ACTOR_ID, POWER_ACTOR, POWER_ACTOR_ID, REWARD_ACTOR,
    REWARD_ACTOR_ID,
};
use boatyard_mock::{ExpectedSend, MockRuntime};
use boatyard_sdk::{NetworkVariant, Type};
use fvm_ipld_encoding::{CBOR, RawBytes};
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::RegisteredPoStProof;
use fvm_shared::{ActorID, MethodNum};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::schema::{MinerInfo, PowerPair};

mod beneficiary;
mod construction;
mod cron;
mod hostile;
mod identity;
mod money;
mod queries;

const MINER: ActorID = 1_000;
const OWNER: ActorID = 100;
const WORKER: ActorID = 101;
const CONTROL: ActorID = 102;
const CONTROL_2: ActorID = 103;
const STRANGER: ActorID = 104;
const NOMINEE: ActorID = 105;
const NEW_WORKER: ActorID = 106;

/// When miners of these tests are created.
const BIRTH: ChainEpoch = 12_345;
/// Where their proving period begins then (spec 05 §26).
const PERIOD: ChainEpoch = 10_093;

fn id(id: ActorID) -> Address {
    Address::new_id(id)
}

fn atto(amount: i64) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

fn fil(amount: i64) -> TokenAmount {
    TokenAmount::from_whole(amount)
}

/// A BLS key.
fn bls(byte: u8) -> Address {
    Address::new_bls(&[byte; 48]).unwrap()
}

fn secp(byte: u8) -> Address {
    Address::new_secp256k1(&[byte; 65]).unwrap()
}

/// 36 FIL an epoch for 20 EiB.
fn reward_and_power() -> (FilterEstimate, FilterEstimate) {
    (
        FilterEstimate::from_integers(BigInt::from(36_000_000_000_000_000_000u128), 0),
        FilterEstimate::from_integers(BigInt::from(20u64) << 60, 0),
    )
}

/// What the reward and the power actor say.
fn answers() -> (ThisEpochRewardReturn, CurrentTotalPowerReturn) {
    let (reward, power) = reward_and_power();
    let reward = ThisEpochRewardReturn {
        this_epoch_reward_smoothed: reward,
        this_epoch_baseline_power: BigInt::from(25u64) << 60,
    };
    let power = CurrentTotalPowerReturn {
        raw_byte_power: BigInt::from(10u64) << 60,
        quality_adj_power: BigInt::from(20u64) << 60,
        pledge_collateral: TokenAmount::default(),
        quality_adj_power_smoothed: power,
        ramp_start_epoch: 0,
        ramp_duration_epochs: 0,
    };
    (reward, power)
}

fn expect_reward(rt: &MockRuntime) -> ExpectedSend<'_> {
    rt.expect_send(REWARD_ACTOR, THIS_EPOCH_REWARD)
        .returns(&answers().0)
}

fn expect_power(rt: &MockRuntime) -> ExpectedSend<'_> {
    rt.expect_send(POWER_ACTOR, CURRENT_TOTAL_POWER)
        .returns(&answers().1)
}

fn expect_burn(rt: &MockRuntime, amount: TokenAmount) -> ExpectedSend<'_> {
    rt.expect_send(BURNT_FUNDS_ACTOR, 0).value(amount)
}

fn expect_pledge(rt: &MockRuntime, delta: TokenAmount) -> ExpectedSend<'_> {
    rt.expect_send(POWER_ACTOR, UPDATE_PLEDGE_TOTAL)
        .params(&delta)
}

fn expect_cron(rt: &MockRuntime, epoch: ChainEpoch, event: u8) -> ExpectedSend<'_> {
    rt.expect_send(POWER_ACTOR, ENROLL_CRON_EVENT)
        .params(&EnrollCronEventParams {
            event_epoch: epoch,
            payload: RawBytes::new(vec![0x81, event]),
        })
}

/// Everybody of these tests, and nobody's state.
fn world() -> MockRuntime {
    let rt = MockRuntime::new()
        .receiver(MINER)
        .epoch(BIRTH)
        .variant(NetworkVariant::Mainnet)
        .circulating_supply(fil(600_000_000));
    for account in [
        OWNER, WORKER, CONTROL, CONTROL_2, STRANGER, NOMINEE, NEW_WORKER,
    ] {
        rt.actor(account, Type::Account);
    }
    rt.resolves(bls(1), WORKER)
        .resolves(bls(2), NEW_WORKER)
        .resolves(secp(1), CONTROL)
}

/// What a miner deposits when it is created (spec 05 §26).
fn creation_deposit() -> TokenAmount {
    TokenAmount::from_atto(7_480_316_162_109_375_000u128)
}

fn constructor_params() -> ConstructorParams {
    ConstructorParams {
        owner: id(OWNER),
        worker: bls(1),
        control_addresses: vec![secp(1), id(CONTROL_2), id(CONTROL)],
        window_post_proof_type: RegisteredPoStProof::StackedDRGWindow32GiBV1P1,
        peer_id: RawBytes::new(vec![7; 8]),
        multi_addresses: vec![RawBytes::new(vec![8]), RawBytes::new(vec![9, 9])],
    }
}

/// A miner as its constructor leaves it, with `free` on top of its deposit.
fn miner_with(free: TokenAmount) -> MockRuntime {
    let rt = world()
        .caller(INIT_ACTOR_ID)
        .value(creation_deposit() + free);
    expect_reward(&rt);
    expect_power(&rt);
    assert_eq!(code(&rt, 1, &constructor_params()), 0);
    rt.caller(OWNER)
}

fn miner() -> MockRuntime {
    miner_with(TokenAmount::default())
}

/// What a call returns; `Err(None)` for no block, `Err(Some(code))` for a failure.
fn call<R: DeserializeOwned>(
    rt: &MockRuntime,
    method: MethodNum,
    params: &(impl Serialize + ?Sized),
) -> Result<R, Option<u32>> {
    returned(rt.call_with::<Miner>(method, params))
}

/// [`call`] of a method without parameters.
fn get<R: DeserializeOwned>(rt: &MockRuntime, method: MethodNum) -> Result<R, Option<u32>> {
    returned(rt.call::<Miner>(method, None))
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
fn code(rt: &MockRuntime, method: MethodNum, params: &(impl Serialize + ?Sized)) -> u32 {
    exit_code(call::<()>(rt, method, params))
}

/// [`code`] of a method without parameters.
fn code_without_params(rt: &MockRuntime, method: MethodNum) -> u32 {
    exit_code(get::<()>(rt, method))
}

fn exit_code(result: Result<(), Option<u32>>) -> u32 {
    match result {
        Err(code) => code.unwrap_or(0),
        Ok(()) => panic!("a block was returned"),
    }
}

fn state(rt: &MockRuntime) -> State {
    rt.state()
}

fn info(rt: &MockRuntime) -> MinerInfo {
    state(rt).load_info(rt.store()).unwrap()
}

/// Changes the state from outside.
fn edit(rt: &MockRuntime, change: impl FnOnce(&mut State)) {
    let mut edited = state(rt);
    change(&mut edited);
    rt.set_state(&edited);
}

fn edit_info(rt: &MockRuntime, change: impl FnOnce(&mut MinerInfo)) {
    let mut edited = info(rt);
    change(&mut edited);
    edit(rt, |state| state.save_info(rt.store(), &edited).unwrap());
}

fn balance(rt: &MockRuntime) -> TokenAmount {
    rt.balance_of(MINER).unwrap()
}
