//! `ApplyRewards` (spec 06 §15.7).

use boatyard_actors_shared::REWARD_ACTOR;
use boatyard_actors_shared::ext::miner::ApplyRewardsParams;
use boatyard_sdk::{ActorError, Runtime, ensure, exit_codes::*};

use crate::schema::State;
use crate::vesting::REWARD_VESTING_SPEC;
use crate::{monies, sends};

/// Takes a block reward, locks three quarters of it, and pays the penalty and older
/// debt as far as it can.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | reward or penalty negative |
/// | `USR_FORBIDDEN` (18) | the caller is not f02 |
/// | `USR_INSUFFICIENT_FUNDS` (19) | what is not spoken for is less than what has to be locked |
/// | `USR_ILLEGAL_STATE` (20) | more is spoken for than there is |
///
/// Source: spec 06 §15.7.
pub(crate) fn apply(rt: &impl Runtime, params: ApplyRewardsParams) -> Result<(), ActorError> {
    ensure!(
        !params.reward.is_negative(),
        USR_ILLEGAL_ARGUMENT,
        "negative reward {}",
        params.reward
    );
    ensure!(
        !params.penalty.is_negative(),
        USR_ILLEGAL_ARGUMENT,
        "negative penalty {}",
        params.penalty
    );
    let (pledge_delta, burn) = rt.transaction(|state: &mut State| {
        rt.validate_caller_is(&[REWARD_ACTOR])?;
        let (store, epoch, balance) = (&rt.store(), rt.epoch(), rt.current_balance());
        let locked = monies::locked_share(&params.reward);
        let unlocked = state.unlocked_balance(&balance)?;
        ensure!(
            unlocked >= locked,
            USR_INSUFFICIENT_FUNDS,
            "{unlocked} do not cover the {locked} of the reward to be locked"
        );
        let vested = state
            .add_locked_funds(store, epoch, &locked, &REWARD_VESTING_SPEC)
            .map_err(|error| error.with_code(USR_ILLEGAL_STATE))?;
        state.apply_penalty(&params.penalty)?;
        let repaid = state.repay_partial_debt(store, epoch, &balance)?;
        Ok((locked - vested - repaid.unlocked, repaid.burn))
    })?;
    sends::update_pledge(rt, &pledge_delta)?;
    sends::burn(rt, &burn)?;
    sends::check_balance_invariants(rt)
}
