//! `ReportConsensusFault` (spec 06 §15.8).

use boatyard_actors_shared::PolicyExt;
use boatyard_sdk::{ActorError, Context, Host, Runtime, ensure, exit_codes::*};
use fvm_shared::econ::TokenAmount;

use crate::schema::State;
use crate::types::ReportConsensusFaultParams;
use crate::{monies, sends};

/// Punishes the miner for two blocks that it must not have made both: it pays an
/// epoch's share of the reward and is barred for 900 epochs. A part goes to the
/// caller.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | the headers show no fault, or another miner's, or one of this epoch or later |
/// | `USR_FORBIDDEN` (18) | the fault was before the end of the present bar |
/// | `USR_ASSERTION_FAILED` (24) | the fault's epoch is so far away that its age overflows |
///
/// Source: spec 06 §15.8.
pub(crate) fn report(
    rt: &impl Runtime,
    params: ReportConsensusFaultParams,
) -> Result<(), ActorError> {
    rt.accept_any_caller()?;
    let reporter = rt.caller();
    let fault = rt
        .host()
        .verify_consensus_fault(&params.header1, &params.header2, &params.header_extra)
        .or_exit(USR_ILLEGAL_ARGUMENT, "the headers cannot be judged")?
        .or_exit(USR_ILLEGAL_ARGUMENT, "the headers show no fault")?;
    ensure!(
        fault.target == rt.receiver(),
        USR_ILLEGAL_ARGUMENT,
        "the fault is that of {}, not of {}",
        fault.target,
        rt.receiver()
    );
    let age = rt.epoch().checked_sub(fault.epoch).or_exit(
        USR_ASSERTION_FAILED,
        format_args!("a fault of epoch {} is too far away", fault.epoch),
    )?;
    ensure!(
        age > 0,
        USR_ILLEGAL_ARGUMENT,
        "a fault of epoch {} is not in the past",
        fault.epoch
    );

    let reward = sends::this_epoch_reward(rt)?;
    let reward = TokenAmount::from_atto(reward.this_epoch_reward_smoothed.estimate());
    let penalty = monies::consensus_fault_penalty(&reward);
    let (burn, pay, pledge_delta) = rt.transaction(|state: &mut State| {
        let (store, epoch) = (&rt.store(), rt.epoch());
        let mut info = state.load_info(store)?;
        ensure!(
            fault.epoch >= info.consensus_fault_elapsed,
            USR_FORBIDDEN,
            "the miner is barred until {} already, the fault was at {}",
            info.consensus_fault_elapsed,
            fault.epoch
        );
        state.apply_penalty(&penalty)?;
        let repaid = state.repay_partial_debt(store, epoch, &rt.current_balance())?;
        let pay = monies::reporter_reward(&reward).min(repaid.burn.clone());
        info.consensus_fault_elapsed = epoch + rt.policy().consensus_fault_ineligibility_duration;
        state.save_info(store, &info)?;
        Ok((repaid.burn - &pay, pay, -repaid.unlocked))
    })?;

    // Sent even if it is nothing; what the reporter does not take stays here.
    if let Err(refusal) = sends::pay(rt, &reporter, &pay) {
        rt.log(|| format!("the reporter is not paid: {refusal}"));
    }
    sends::burn(rt, &burn)?;
    sends::update_pledge(rt, &pledge_delta)?;
    sends::check_balance_invariants(rt)
}
