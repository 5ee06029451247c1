//! Reward actor, f02: holds the mining allocation, pays block rewards, and tracks
//! how much of the baseline the network has reached. Created at genesis.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f00 | begins at epoch 0 | here |
//! | AwardBlockReward | 2 | f00 | pays for a block | [`award`] |
//! | ThisEpochReward | 3 | any built-in | smoothed reward and baseline | here |
//! | UpdateNetworkKPI | 4 | f04 | the epoch's power | here |
//!
//! No exit codes of its own, no events.
//!
//! | module | answers |
//! |---|---|
//! | [`minting`] | how much is minted: formulas without state |
//! | [`state`] | what the state holds, and how an epoch passes |
//! | [`types`] | parameters and returns |
//! | [`invariants`] | what must hold of the state |
//!
//! Source: spec 03 §2.

use boatyard_actors_shared::{POWER_ACTOR, SYSTEM_ACTOR};
use boatyard_sdk::{ActorError, Context, Runtime, actor, exit_codes::*};
use fvm_shared::bigint::BigInt;
use fvm_shared::bigint::bigint_ser::BigIntDe;

pub mod award;
pub mod invariants;
pub mod minting;
pub mod state;
pub mod types;

pub use state::State;
pub use types::{AwardBlockRewardParams, ThisEpochRewardReturn};

/// Pays block rewards.
pub struct Reward;

#[actor(name = "reward", state = State)]
impl Reward {
    /// Begins with the power at genesis, in bytes.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the caller is not f00, `USR_ILLEGAL_ARGUMENT` (16)
    /// for null, `USR_ILLEGAL_STATE` (20) when constructed already.
    #[method(1)]
    fn constructor(rt: &impl Runtime, realized_power: Option<BigIntDe>) -> Result<(), ActorError> {
        rt.validate_caller_is(&[SYSTEM_ACTOR])?;
        let state = State::new(&given(realized_power)?)?;
        rt.create(&state)
    }

    /// Pays a block's reward to its miner.
    #[method(2)]
    fn award_block_reward(
        rt: &impl Runtime,
        params: AwardBlockRewardParams,
    ) -> Result<(), ActorError> {
        award::award(rt, params)
    }

    /// Gives the smoothed reward per epoch and the epoch's baseline power.
    #[method(3)]
    fn this_epoch_reward(rt: &impl Runtime) -> Result<ThisEpochRewardReturn, ActorError> {
        rt.accept_any_caller()?;
        let state: State = rt.state()?;
        Ok(ThisEpochRewardReturn {
            this_epoch_reward_smoothed: state.this_epoch_reward_smoothed,
            this_epoch_baseline_power: state.this_epoch_baseline_power,
        })
    }

    /// Lets the epochs up to the current one pass, with the power in bytes that the
    /// network has now, and computes the next one's reward.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the caller is not f04, `USR_ILLEGAL_ARGUMENT` (16)
    /// for null.
    #[method(4)]
    fn update_network_kpi(
        rt: &impl Runtime,
        realized_power: Option<BigIntDe>,
    ) -> Result<(), ActorError> {
        rt.validate_caller_is(&[POWER_ACTOR])?;
        let power = given(realized_power)?;
        rt.transaction(|state: &mut State| state.pass_epochs(rt.epoch(), &power))
    }
}

fn given(power: Option<BigIntDe>) -> Result<BigInt, ActorError> {
    Ok(power
        .or_exit(USR_ILLEGAL_ARGUMENT, "the power is missing")?
        .0)
}

boatyard_sdk::entry!(Reward);

#[cfg(test)]
mod tests;
