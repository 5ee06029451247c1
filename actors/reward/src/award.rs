//! `AwardBlockReward`: what a block earns, and to whom it goes.

use boatyard_actors_shared::ext::miner::{APPLY_REWARDS, ApplyRewardsParams};
use boatyard_actors_shared::time::EXPECTED_LEADERS_PER_EPOCH;
use boatyard_actors_shared::{BURNT_FUNDS_ACTOR, SYSTEM_ACTOR};
use boatyard_sdk::{
    ActorError, Context, Runtime, SendResultExt, cbor_params, ensure, exit_codes::*,
};
use fvm_shared::METHOD_SEND;
use fvm_shared::address::Address;

use crate::state::State;
use crate::types::AwardBlockRewardParams;

/// The miner's penalty is this many times what its messages cost the network.
const PENALTY_MULTIPLIER: u8 = 3;

/// Pays the reward of a block and its gas fees to the miner, or burns them when the
/// miner does not take them.
///
/// The miner takes its penalty out of the reward itself. An epoch's reward is
/// divided by the expected number of winners, whatever their real number.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is not f00 |
/// | `USR_ILLEGAL_ARGUMENT` (16) | penalty or gas reward negative, no election won |
/// | `USR_ILLEGAL_STATE` (20) | the gas reward is not there |
/// | `USR_NOT_FOUND` (17) | the miner's address does not resolve |
///
/// Source: spec 03 §2.5.
pub(crate) fn award(rt: &impl Runtime, params: AwardBlockRewardParams) -> Result<(), ActorError> {
    rt.validate_caller_is(&[SYSTEM_ACTOR])?;
    let balance = rt.current_balance();
    ensure!(
        !params.penalty.is_negative(),
        USR_ILLEGAL_ARGUMENT,
        "negative penalty {}",
        params.penalty
    );
    ensure!(
        !params.gas_reward.is_negative(),
        USR_ILLEGAL_ARGUMENT,
        "negative gas reward {}",
        params.gas_reward
    );
    ensure!(
        balance >= params.gas_reward,
        USR_ILLEGAL_STATE,
        "{balance} do not cover the gas reward of {}",
        params.gas_reward
    );
    ensure!(
        params.win_count > 0,
        USR_ILLEGAL_ARGUMENT,
        "a block with {} elections won",
        params.win_count
    );
    let miner = rt.resolve(&params.miner).or_exit(
        USR_NOT_FOUND,
        format_args!("there is no miner {}", params.miner),
    )?;

    let total = rt.transaction(|state: &mut State| {
        let mut block =
            (&state.this_epoch_reward * params.win_count).div_floor(EXPECTED_LEADERS_PER_EPOCH);
        let mut total = &params.gas_reward + &block;
        if total > balance {
            total = balance.clone();
            block = &total - &params.gas_reward;
            ensure!(
                !block.is_negative(),
                USR_ILLEGAL_STATE,
                "{balance} do not cover the gas reward"
            );
        }
        state.total_storage_power_reward += block;
        Ok(total)
    })?;
    ensure!(
        total <= balance,
        USR_ILLEGAL_STATE,
        "a reward of {total} out of {balance}"
    );

    let rewards = ApplyRewardsParams {
        reward: total.clone(),
        penalty: params.penalty * PENALTY_MULTIPLIER,
    };
    let paid = rt
        .send(
            &Address::new_id(miner),
            APPLY_REWARDS,
            cbor_params(&rewards)?,
            total.clone(),
        )
        .success();
    if let Err(refusal) = paid {
        rt.log(|| format!("f0{miner} does not take its reward: {refusal}"));
        // The block must not fail for it: what cannot be burnt stays here.
        if let Err(failure) = rt
            .send(&BURNT_FUNDS_ACTOR, METHOD_SEND, None, total)
            .success()
        {
            rt.log(|| format!("the reward cannot be burnt either: {failure}"));
        }
    }
    Ok(())
}
