//! What a pre-commit deposits, and who brings it (spec 05 §5.5).
//!
//! The deposit is what the sector may earn in twenty days. In a network as small as a
//! devnet's that is much of all rewards, far more than a miner has of its own, so that
//! the worker sends along what is missing. It comes back to the miner with the proof.

use boatyard_actors_shared::ext::power::{CURRENT_TOTAL_POWER, CurrentTotalPowerReturn};
use boatyard_actors_shared::ext::reward::{THIS_EPOCH_REWARD, ThisEpochRewardReturn};
use boatyard_actors_shared::{POWER_ACTOR, REWARD_ACTOR};
use boatyard_chain::Turn;
use boatyard_miner::monies::pre_commit_deposit;
use boatyard_miner::power::qa_power_max;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use serde::de::DeserializeOwned;

use crate::intake;
use crate::miner::{MinerError, MinerView};
use crate::pipeline::PipelineError;
use crate::provider::Shelf;

/// attoFIL to send with a pre-commit: nothing if the miner can pay for all sectors that
/// wait for one, else the whole deposit, with a tenth more for what changes until then.
pub(crate) fn to_send(
    shelf: &Shelf<'_>,
    view: &MinerView,
    turn: &Turn<'_>,
) -> Result<TokenAmount, PipelineError> {
    let reward: ThisEpochRewardReturn = ask(turn, REWARD_ACTOR, THIS_EPOCH_REWARD)?;
    let power: CurrentTotalPowerReturn = ask(turn, POWER_ACTOR, CURRENT_TOTAL_POWER)?;
    let exact = pre_commit_deposit(
        &reward.this_epoch_reward_smoothed,
        &power.quality_adj_power_smoothed,
        &qa_power_max(shelf.config.sector_size()),
    )
    .map_err(MinerError::from)?;
    let deposit = &exact + exact.div_floor(10);
    let waiting = shelf
        .sectors
        .values()
        .filter(|record| record.failed.is_none() && !record.released)
        .count() as u64;
    Ok(if view.available_balance()? >= &deposit * waiting {
        TokenAmount::default()
    } else {
        deposit
    })
}

fn ask<T: DeserializeOwned>(turn: &Turn<'_>, to: Address, method: u64) -> Result<T, PipelineError> {
    let applied = turn.call(intake::question(to, method, RawBytes::default()))?;
    let answer = applied.receipt.return_data.deserialize();
    answer.map_err(|error| MinerError::State(format!("{to} does not answer: {error}")).into())
}
