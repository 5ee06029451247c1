//! `OnDeferredCronEvent`: the end of a deadline, and settlement that was put off
//! (spec 06 §15.6, §16).

use boatyard_actors_shared::ext::miner::{
    CRON_EVENT_PROCESS_EARLY_TERMINATIONS, CRON_EVENT_PROVING_DEADLINE, CronEventPayload,
    DeferredCronEventParams,
};
use boatyard_actors_shared::{FilterEstimate, POWER_ACTOR, PolicyExt};
use boatyard_sdk::{ActorError, Context, Runtime, exit_codes::*};
use fvm_ipld_encoding::from_slice;
use fvm_shared::econ::TokenAmount;

use crate::schema::{PowerPair, State};
use crate::{monies, sends, settlement};

/// Does what the miner wanted to be called for. Unknown events are nothing.
///
/// When this fails the power actor deletes the miner's claim.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is not f04 |
/// | `USR_ILLEGAL_STATE` (20) | the event does not decode, the state is broken |
///
/// Source: spec 06 §15.6.
pub(crate) fn on_event(
    rt: &impl Runtime,
    params: DeferredCronEventParams,
) -> Result<(), ActorError> {
    rt.validate_caller_is(&[POWER_ACTOR])?;
    let event: CronEventPayload =
        from_slice(&params.event_payload).or_exit(USR_ILLEGAL_STATE, "decoding the event")?;
    let (reward, network_qa) = (&params.reward_smoothed, &params.quality_adj_power_smoothed);
    match event.event_type {
        CRON_EVENT_PROVING_DEADLINE => end_deadline(rt, reward, network_qa)?,
        CRON_EVENT_PROCESS_EARLY_TERMINATIONS => go_on_settling(rt, reward, network_qa)?,
        _ => {}
    }
    sends::check_balance_invariants(rt)
}

/// What the end of a deadline came to.
struct Ended {
    power_delta: PowerPair,
    pledge_delta: TokenAmount,
    burn: TokenAmount,
    /// Whether sectors ended early, and nobody has been asked to settle them.
    to_settle: bool,
    state: State,
}

/// Closes the deadline whose window ends with this epoch: sectors without proof become
/// faulty, others expire, fees are paid, rewards vest (spec 06 §16).
fn end_deadline(
    rt: &impl Runtime,
    reward: &FilterEstimate,
    network_qa: &FilterEstimate,
) -> Result<(), ActorError> {
    let ended = rt.transaction(|state: &mut State| close(rt, state, reward, network_qa))?;
    sends::update_power(rt, &ended.power_delta)?;
    sends::burn(rt, &ended.burn)?;
    sends::update_pledge(rt, &ended.pledge_delta)?;
    if ended.state.has_funds_at_stake() {
        sends::enroll_deadline_cron(rt, &ended.state, rt.epoch() + 1)?;
    }
    if ended.to_settle {
        go_on_settling(rt, reward, network_qa)?;
    }
    Ok(())
}

/// Settles what ended early; what is left goes on in the next epoch.
fn go_on_settling(
    rt: &impl Runtime,
    reward: &FilterEstimate,
    network_qa: &FilterEstimate,
) -> Result<(), ActorError> {
    if settlement::settle(rt, reward, network_qa)? {
        settlement::schedule(rt)?;
    }
    Ok(())
}

fn close(
    rt: &impl Runtime,
    state: &mut State,
    reward: &FilterEstimate,
    network_qa: &FilterEstimate,
) -> Result<Ended, ActorError> {
    let (store, policy, epoch) = (&rt.store(), rt.policy(), rt.epoch());
    let mut info = state.load_info(store)?;
    if info.confirm_worker(epoch) {
        state.save_info(store, &info)?;
    }
    let deposits = state.clean_up_expired_pre_commits(policy, store, epoch)?;
    state.apply_penalty(&deposits)?;

    let settling_already = !state.early_terminations.is_empty();
    let advance = state.advance_deadline(policy, store, info.sector_size, epoch)?;
    let fault_fee = monies::continued_fault_fee(reward, network_qa, &advance.previously_faulty.qa)?;
    state.apply_penalty(&fault_fee)?;
    if advance.daily_fee.is_positive() {
        let fee = monies::capped_daily_fee(
            policy,
            &advance.daily_fee,
            reward,
            network_qa,
            &advance.live_power.qa,
        )?;
        state.apply_penalty(&fee)?;
    }
    let repaid = state.repay_partial_debt(store, epoch, &rt.current_balance())?;
    let vested = state.unlock_vested_funds(store, epoch)?;
    if !state.has_funds_at_stake() {
        state.deadline_cron_active = false;
    }
    Ok(Ended {
        power_delta: advance.power_delta,
        pledge_delta: advance.pledge_delta - repaid.unlocked - vested,
        burn: repaid.burn,
        to_settle: !settling_already && !state.early_terminations.is_empty(),
        state: state.clone(),
    })
}
