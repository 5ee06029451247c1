//! What things cost: pledge, deposits, fees, penalties. Formulas without state.
//!
//! Everything goes back to the reward that some power is expected to earn over some
//! time, which follows from the filtered estimates of reward and power.
//!
//! Source: spec 05 §5.4-§5.7, 06 §13.

use boatyard_actors_shared::ext::power::CurrentTotalPowerReturn;
use boatyard_actors_shared::ext::reward::ThisEpochRewardReturn;
use boatyard_actors_shared::fixed_point::{PRECISION, div_floor};
use boatyard_actors_shared::smoothing::extrapolated_cum_sum_of_ratio;
use boatyard_actors_shared::time::{EPOCHS_IN_DAY, EXPECTED_LEADERS_PER_EPOCH};
use boatyard_actors_shared::{FilterEstimate, Policy};
use boatyard_sdk::{ActorError, Host, Runtime};
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::StoragePower;
use num_traits::Zero;

/// Epochs whose reward a fault costs: 3.51 days.
pub const CONTINUED_FAULT_PROJECTION_PERIOD: ChainEpoch = EPOCHS_IN_DAY * 351 / 100;
/// Epochs whose reward an invalid Window PoSt costs: a fault's and two days.
pub const INVALID_WINDOW_POST_PROJECTION_PERIOD: ChainEpoch =
    CONTINUED_FAULT_PROJECTION_PERIOD + 2 * EPOCHS_IN_DAY;
/// Epochs whose reward a pre-commit deposits: 20 days.
pub const PRE_COMMIT_DEPOSIT_PROJECTION_PERIOD: ChainEpoch = 20 * EPOCHS_IN_DAY;
/// Epochs whose reward a sector pledges at least: 20 days.
pub const INITIAL_PLEDGE_PROJECTION_PERIOD: ChainEpoch = 20 * EPOCHS_IN_DAY;

/// attoFIL that the pledge for a byte of quality-adjusted power never exceeds: 1 FIL
/// for 32 GiB.
pub const INITIAL_PLEDGE_MAX_PER_BYTE: i64 = 1_000_000_000_000_000_000 / (32 << 30);

/// The share of the money in circulation that pledges aim at: 3/10.
const LOCK_TARGET_NUM: u64 = 3;
const LOCK_TARGET_DENOM: u64 = 10;

/// Shares of the two rules for the pledge are in thousandths.
const GAMMA_DENOM: u64 = 1_000;
/// What FIP-0081's ramp moves from the old rule to the new one, in thousandths.
const GAMMA_SHIFT: u64 = 300;

/// attoFIL for whoever disputes a Window PoSt with success.
pub fn dispute_reward() -> TokenAmount {
    TokenAmount::from_whole(4)
}

/// attoFIL that an invalid Window PoSt costs at least.
pub fn dispute_base_penalty() -> TokenAmount {
    TokenAmount::from_whole(20)
}

/// How many epochs' share of the reward a consensus fault costs.
const CONSENSUS_FAULT_FACTOR: i64 = 5;
/// The part of an epoch's share of the reward that reporting a consensus fault earns.
const CONSENSUS_FAULT_REPORTER_SHARE: i64 = 4;

/// The age from which a termination costs no more than before: 140 days.
pub const TERMINATION_LIFETIME_CAP: ChainEpoch = 140 * EPOCHS_IN_DAY;

/// What power is expected to earn over some time from now on (BR).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Projection {
    /// A network without power gives its whole reward of one epoch, whatever the
    /// power.
    Flat(TokenAmount),
    /// attoFIL for a byte of quality-adjusted power, in Q.128.
    PerByte(BigInt),
}

impl Projection {
    /// Over `epochs` epochs.
    ///
    /// # Errors
    /// `USR_ASSERTION_FAILED` (24) where the estimates cannot be extrapolated.
    ///
    /// Source: spec 06 §13.1.
    pub fn new(
        reward: &FilterEstimate,
        network_qa: &FilterEstimate,
        epochs: ChainEpoch,
    ) -> Result<Self, ActorError> {
        if network_qa.estimate().is_zero() {
            return Ok(Self::Flat(TokenAmount::from_atto(reward.estimate())));
        }
        extrapolated_cum_sum_of_ratio(epochs, 0, reward, network_qa).map(Self::PerByte)
    }

    /// Of `qa` bytes of quality-adjusted power.
    pub fn of(&self, qa: &StoragePower) -> TokenAmount {
        match self {
            Self::Flat(reward) => reward.clone(),
            Self::PerByte(rate) => {
                let earned: BigInt = (qa * rate) >> PRECISION;
                TokenAmount::from_atto(earned.max(BigInt::zero()))
            }
        }
    }
}

/// [`Projection`] for `qa` bytes.
///
/// # Errors
/// Those of [`Projection::new`].
pub fn expected_reward(
    reward: &FilterEstimate,
    network_qa: &FilterEstimate,
    qa: &StoragePower,
    epochs: ChainEpoch,
) -> Result<TokenAmount, ActorError> {
    Ok(Projection::new(reward, network_qa, epochs)?.of(qa))
}

/// [`expected_reward`], but an attoFIL if it is nothing.
fn expected_reward_at_least_one(
    reward: &FilterEstimate,
    network_qa: &FilterEstimate,
    qa: &StoragePower,
    epochs: ChainEpoch,
) -> Result<TokenAmount, ActorError> {
    let expected = expected_reward(reward, network_qa, qa, epochs)?;
    Ok(expected.max(TokenAmount::from_atto(1)))
}

/// What a pre-commit of `qa` bytes deposits (spec 05 §5.5).
///
/// # Errors
/// Those of [`expected_reward`].
pub fn pre_commit_deposit(
    reward: &FilterEstimate,
    network_qa: &FilterEstimate,
    qa: &StoragePower,
) -> Result<TokenAmount, ActorError> {
    expected_reward_at_least_one(reward, network_qa, qa, PRE_COMMIT_DEPOSIT_PROJECTION_PERIOD)
}

/// What of the network the pledge depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PledgeInputs {
    /// Reward per epoch, filtered.
    pub reward: FilterEstimate,
    /// Quality-adjusted power, filtered.
    pub network_qa: FilterEstimate,
    /// Baseline power of the epoch in bytes.
    pub baseline: StoragePower,
    /// attoFIL in circulation.
    pub circulating_supply: TokenAmount,
    /// Epochs since FIP-0081's ramp began, negative before.
    pub epochs_since_ramp_start: ChainEpoch,
    /// Epochs that the ramp lasts; 0 for one that is over.
    pub ramp_duration_epochs: u64,
}

impl PledgeInputs {
    /// From what reward and power say, at the present epoch.
    pub fn new(
        rt: &impl Runtime,
        reward: &ThisEpochRewardReturn,
        power: &CurrentTotalPowerReturn,
    ) -> Self {
        Self {
            reward: reward.this_epoch_reward_smoothed.clone(),
            network_qa: power.quality_adj_power_smoothed.clone(),
            baseline: reward.this_epoch_baseline_power.clone(),
            circulating_supply: rt.host().circulating_supply(),
            epochs_since_ramp_start: rt.epoch() - power.ramp_start_epoch,
            ramp_duration_epochs: power.ramp_duration_epochs,
        }
    }

    /// What `qa` bytes of quality-adjusted power pledge.
    ///
    /// # Errors
    /// Those of [`expected_reward`]; `USR_ASSERTION_FAILED` (24) for no power in a
    /// network without power.
    ///
    /// Source: spec 05 §5.6.
    pub fn initial_pledge(&self, qa: &StoragePower) -> Result<TokenAmount, ActorError> {
        let base = expected_reward_at_least_one(
            &self.reward,
            &self.network_qa,
            qa,
            INITIAL_PLEDGE_PROJECTION_PERIOD,
        )?;
        let gamma = GAMMA_DENOM - self.skew();
        let target = self.circulating_supply.atto() * LOCK_TARGET_NUM * qa;
        let denominator = LOCK_TARGET_DENOM * GAMMA_DENOM;

        let simple_share = self.network_qa.estimate().max(qa.clone());
        let baseline_share = simple_share.clone().max(self.baseline.clone());
        let by_baseline = div_floor(&(&target * gamma), &(baseline_share * denominator))?;
        let simple = div_floor(
            &(target * (GAMMA_DENOM - gamma)),
            &(simple_share * denominator),
        )?;

        let pledge = base + TokenAmount::from_atto(by_baseline + simple);
        Ok(pledge.min(TokenAmount::from_atto(qa * INITIAL_PLEDGE_MAX_PER_BYTE)))
    }

    /// How far the ramp has come, in thousandths of the pledge.
    fn skew(&self) -> u64 {
        let (elapsed, duration) = (self.epochs_since_ramp_start, self.ramp_duration_epochs);
        match u64::try_from(elapsed) {
            Err(_) => 0,
            Ok(elapsed) if elapsed >= duration => GAMMA_SHIFT,
            Ok(elapsed) => {
                ((u128::from(elapsed) * u128::from(GAMMA_SHIFT)) / u128::from(duration)) as u64
            }
        }
    }
}

/// What a sector of `qa` bytes costs a day (spec 05 §5.7).
pub fn daily_fee(
    policy: &Policy,
    circulating_supply: &TokenAmount,
    qa: &StoragePower,
) -> TokenAmount {
    let share = policy.daily_fee_circulating_supply_qap_multiplier_num;
    (circulating_supply * share * qa.clone())
        .div_floor(policy.daily_fee_circulating_supply_qap_multiplier_denom)
}

/// A sector's fee after its power changed from `old_qa` to `new_qa`
/// (spec 05 §5.7).
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) when it had no power.
pub fn adjusted_daily_fee(
    fee: &TokenAmount,
    old_qa: &StoragePower,
    new_qa: &StoragePower,
) -> Result<TokenAmount, ActorError> {
    if old_qa == new_qa {
        return Ok(fee.clone());
    }
    Ok(TokenAmount::from_atto(div_floor(
        &(fee.atto() * new_qa),
        old_qa,
    )?))
}

/// What a deadline pays for a day: its sectors' fees, but at most half of what their
/// power of `live_qa` bytes is expected to earn (spec 06 §13.2).
///
/// # Errors
/// Those of [`expected_reward`].
pub fn capped_daily_fee(
    policy: &Policy,
    fee: &TokenAmount,
    reward: &FilterEstimate,
    network_qa: &FilterEstimate,
    live_qa: &StoragePower,
) -> Result<TokenAmount, ActorError> {
    let earned = expected_reward(reward, network_qa, live_qa, EPOCHS_IN_DAY)?;
    let cap = earned.div_floor(policy.daily_fee_block_reward_cap_denom);
    Ok(fee.clone().min(cap))
}

/// What `qa` bytes of power cost that stay faulty (spec 06 §13.2).
///
/// # Errors
/// Those of [`expected_reward`].
pub fn continued_fault_fee(
    reward: &FilterEstimate,
    network_qa: &FilterEstimate,
    qa: &StoragePower,
) -> Result<TokenAmount, ActorError> {
    expected_reward(reward, network_qa, qa, CONTINUED_FAULT_PROJECTION_PERIOD)
}

/// What an invalid Window PoSt costs for `qa` bytes of power (spec 06 §13.2).
///
/// # Errors
/// Those of [`expected_reward`].
pub fn invalid_post_penalty(
    reward: &FilterEstimate,
    network_qa: &FilterEstimate,
    qa: &StoragePower,
) -> Result<TokenAmount, ActorError> {
    let lost = expected_reward(
        reward,
        network_qa,
        qa,
        INVALID_WINDOW_POST_PROJECTION_PERIOD,
    )?;
    Ok(lost + dispute_base_penalty())
}

/// What the early end of a sector costs (spec 06 §13.2).
///
/// `pledge` is the sector's, `age` counts from its activation, `fault_fee` is the
/// [`continued_fault_fee`] of its power.
pub fn termination_fee(
    pledge: &TokenAmount,
    age: ChainEpoch,
    fault_fee: &TokenAmount,
) -> TokenAmount {
    let simple = (pledge * 85u8).div_floor(1_000);
    let by_age = (&simple * age).div_floor(TERMINATION_LIFETIME_CAP);
    let by_pledge = (pledge * 2u8).div_floor(100);
    let by_fault = (fault_fee * 105u8).div_floor(100);
    simple.min(by_age).max(by_pledge.max(by_fault))
}

/// What a consensus fault costs, `reward` being an epoch's (spec 06 §13.2).
pub fn consensus_fault_penalty(reward: &TokenAmount) -> TokenAmount {
    (reward * CONSENSUS_FAULT_FACTOR).div_floor(EXPECTED_LEADERS_PER_EPOCH)
}

/// What reporting a consensus fault earns (spec 06 §13.2).
pub fn reporter_reward(reward: &TokenAmount) -> TokenAmount {
    reward.div_floor(EXPECTED_LEADERS_PER_EPOCH * CONSENSUS_FAULT_REPORTER_SHARE)
}

/// What of a block reward is locked (spec 06 §13.2).
pub fn locked_share(reward: &TokenAmount) -> TokenAmount {
    (reward * 3u8).div_floor(4)
}

#[cfg(test)]
mod tests;
