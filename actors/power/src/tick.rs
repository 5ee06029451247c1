//! OnEpochTickEnd.

use boatyard_actors_shared::ext::miner::{DeferredCronEventParams, ON_DEFERRED_CRON_EVENT};
use boatyard_actors_shared::ext::reward::{
    THIS_EPOCH_REWARD, ThisEpochRewardReturn, UPDATE_NETWORK_KPI,
};
use boatyard_actors_shared::{CRON_ACTOR, FilterEstimate, PolicyExt, REWARD_ACTOR};
use boatyard_sdk::{ActorError, Runtime, SendResultExt, cbor_params};
use fvm_shared::address::Address;
use fvm_shared::bigint::bigint_ser::BigIntSer;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::StoragePower;

use crate::queue::CronEvent;
use crate::state::State;

/// Calls back the miners whose time has come, takes away those that fail, freezes
/// the network's power and pledge, and tells the reward actor.
///
/// Miners call this actor while they are called, so every step works on the state
/// as it is then; what they enroll waits for the next tick, even for past epochs.
///
/// # Errors
/// `USR_FORBIDDEN` (18) when the caller is not f03, `USR_ILLEGAL_STATE` (20) when the
/// queue or the claims cannot be read, and those of the reward actor. A failing
/// miner is none.
///
/// Source: spec 03 §1.5.4.
pub(crate) fn end_epoch(rt: &impl Runtime) -> Result<(), ActorError> {
    rt.validate_caller_is(&[CRON_ACTOR])?;
    let reward: ThisEpochRewardReturn = rt
        .send(
            &REWARD_ACTOR,
            THIS_EPOCH_REWARD,
            None,
            TokenAmount::default(),
        )
        .value()?;
    // As the last tick left it: the miners get the estimate of the same epoch.
    let state: State = rt.state()?;
    let estimates = Estimates {
        reward: reward.this_epoch_reward_smoothed,
        power: state.this_epoch_qa_power_smoothed,
    };

    let due = rt.transaction(|state: &mut State| state.take_due_events(rt.store(), rt.epoch()))?;
    let failed = call_back(rt, due, &estimates)?;
    if !failed.is_empty() {
        rt.transaction(|state: &mut State| state.remove_miners(rt.policy(), rt.store(), &failed))?;
    }
    let raw_power = rt.transaction(freeze)?;
    rt.send(
        &REWARD_ACTOR,
        UPDATE_NETWORK_KPI,
        cbor_params(&BigIntSer(&raw_power))?,
        TokenAmount::default(),
    )
    .success()?;
    Ok(())
}

/// What every called miner is told.
struct Estimates {
    reward: FilterEstimate,
    power: FilterEstimate,
}

/// Calls the miners in order and gives those that failed, each as often as it did.
fn call_back(
    rt: &impl Runtime,
    due: Vec<CronEvent>,
    estimates: &Estimates,
) -> Result<Vec<Address>, ActorError> {
    let mut failed = Vec::new();
    for CronEvent {
        miner_addr: miner,
        callback_payload,
    } in due
    {
        let params = cbor_params(&DeferredCronEventParams {
            event_payload: callback_payload,
            reward_smoothed: estimates.reward.clone(),
            quality_adj_power_smoothed: estimates.power.clone(),
        })?;
        let called = rt.send(
            &miner,
            ON_DEFERRED_CRON_EVENT,
            params,
            TokenAmount::default(),
        );
        if let Err(error) = called.success() {
            rt.log(|| format!("{miner} loses its claim, its callback failed: {error}"));
            failed.push(miner);
        }
    }
    Ok(failed)
}

/// Freezes the network's power and pledge, and gives the raw byte power.
///
/// The filter steps by one epoch, however many passed since the last tick.
fn freeze(state: &mut State) -> Result<StoragePower, ActorError> {
    let (raw, quality_adjusted) = state.network_power();
    let (raw, quality_adjusted) = (raw.clone(), quality_adjusted.clone());
    state.this_epoch_qa_power_smoothed = state
        .this_epoch_qa_power_smoothed
        .next(&quality_adjusted, 1)?;
    state.this_epoch_pledge_collateral = state.total_pledge_collateral.clone();
    state.this_epoch_quality_adj_power = quality_adjusted;
    state.this_epoch_raw_byte_power = raw.clone();
    Ok(raw)
}
