//! What the miner sends to other actors (spec 05 §5.10, 06 §14.1).
//!
//! A function sends nothing where the sheet says so: changes of nothing, amounts not
//! positive, empty sets. A failing send fails the method with the callee's code,
//! unless said otherwise.

use boatyard_actors_shared::ext::account::PUBKEY_ADDRESS;
use boatyard_actors_shared::ext::market::{
    self, BatchActivateDealsParams, BatchActivateDealsReturn, OnMinerSectorsTerminateParams,
    SectorDeals, VerifyDealsForActivationParams, VerifyDealsForActivationReturn,
};
use boatyard_actors_shared::ext::miner::{CRON_EVENT_PROVING_DEADLINE, CronEventPayload};
use boatyard_actors_shared::ext::power::{
    self, CurrentTotalPowerReturn, EnrollCronEventParams, UpdateClaimedPowerParams,
};
use boatyard_actors_shared::ext::reward::{THIS_EPOCH_REWARD, ThisEpochRewardReturn};
use boatyard_actors_shared::ext::verifreg::{
    self, ClaimAllocationsParams, ClaimAllocationsReturn, ClaimId, GetClaimsParams,
    GetClaimsReturn, SectorAllocationClaims,
};
use boatyard_actors_shared::{
    BURNT_FUNDS_ACTOR, DeadlineInfo, MARKET_ACTOR, POWER_ACTOR, PolicyExt, REWARD_ACTOR,
    SYSTEM_ACTOR_ID, VERIFREG_ACTOR,
};
use boatyard_sdk::{
    ActorError, Context, Runtime, SendResultExt, cbor_params, ensure, exit_codes::*,
};
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::{METHOD_SEND, MethodNum};
use num_traits::Zero;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::schema::{PowerPair, State};

fn call(
    rt: &impl Runtime,
    to: &Address,
    method: MethodNum,
    params: &(impl Serialize + ?Sized),
) -> Result<Option<IpldBlock>, ActorError> {
    let params = cbor_params(params)?;
    rt.send(to, method, params, TokenAmount::zero()).success()
}

fn call_for<R: DeserializeOwned>(
    rt: &impl Runtime,
    to: &Address,
    method: MethodNum,
    params: &(impl Serialize + ?Sized),
) -> Result<R, ActorError> {
    let params = cbor_params(params)?;
    rt.send(to, method, params, TokenAmount::zero()).value()
}

fn ask<R: DeserializeOwned>(
    rt: &impl Runtime,
    to: &Address,
    method: MethodNum,
) -> Result<R, ActorError> {
    rt.send(to, method, None, TokenAmount::zero()).value()
}

// --- Reward and power ---

/// The reward per epoch, and the baseline.
pub fn this_epoch_reward(rt: &impl Runtime) -> Result<ThisEpochRewardReturn, ActorError> {
    ask(rt, &REWARD_ACTOR, THIS_EPOCH_REWARD)
        .map_err(|error| error.context("asking for the reward"))
}

/// The power of the network.
pub fn current_total_power(rt: &impl Runtime) -> Result<CurrentTotalPowerReturn, ActorError> {
    ask(rt, &POWER_ACTOR, power::CURRENT_TOTAL_POWER)
        .map_err(|error| error.context("asking for the network's power"))
}

/// Tells by how much the proven power of the miner changes.
pub fn update_power(rt: &impl Runtime, delta: &PowerPair) -> Result<(), ActorError> {
    if delta.raw.is_zero() && delta.qa.is_zero() {
        return Ok(());
    }
    let params = UpdateClaimedPowerParams {
        raw_byte_delta: delta.raw.clone(),
        quality_adjusted_delta: delta.qa.clone(),
    };
    call(rt, &POWER_ACTOR, power::UPDATE_CLAIMED_POWER, &params)
        .map_err(|error| error.context("changing the claimed power"))?;
    Ok(())
}

/// Tells by how much the pledge of the miner changes, locked rewards included.
pub fn update_pledge(rt: &impl Runtime, delta: &TokenAmount) -> Result<(), ActorError> {
    if delta.is_zero() {
        return Ok(());
    }
    call(rt, &POWER_ACTOR, power::UPDATE_PLEDGE_TOTAL, delta)
        .map_err(|error| error.context("changing the network's pledge"))?;
    Ok(())
}

/// Asks to be called by cron at the end of `event_epoch`, for one of the
/// `CRON_EVENT_…`.
pub fn enroll_cron(
    rt: &impl Runtime,
    event_epoch: ChainEpoch,
    event_type: i64,
) -> Result<(), ActorError> {
    let payload = RawBytes::serialize(CronEventPayload { event_type })
        .or_exit(USR_SERIALIZATION, "encoding a cron event")?;
    let params = EnrollCronEventParams {
        event_epoch,
        payload,
    };
    call(rt, &POWER_ACTOR, power::ENROLL_CRON_EVENT, &params)
        .map_err(|error| error.context("enrolling with cron"))?;
    Ok(())
}

/// Asks to be called at the last epoch of the deadline that `epoch` falls into.
pub fn enroll_deadline_cron(
    rt: &impl Runtime,
    state: &State,
    epoch: ChainEpoch,
) -> Result<(), ActorError> {
    let deadline = DeadlineInfo::at(rt.policy(), state.proving_period_start, epoch);
    enroll_cron(rt, deadline.last(), CRON_EVENT_PROVING_DEADLINE)
}

// --- Money ---

/// Burns an amount if it is positive.
pub fn burn(rt: &impl Runtime, amount: &TokenAmount) -> Result<(), ActorError> {
    if !amount.is_positive() {
        return Ok(());
    }
    pay(rt, &BURNT_FUNDS_ACTOR, amount).map_err(|error| error.context("burning"))
}

/// Pays an amount, nought too.
pub fn pay(rt: &impl Runtime, to: &Address, amount: &TokenAmount) -> Result<(), ActorError> {
    rt.send(to, METHOD_SEND, None, amount.clone())
        .success()
        .map_err(|error| error.context(format_args!("paying {amount} to {to}")))?;
    Ok(())
}

/// What must hold of the funds as they are now.
///
/// # Errors
/// `ERR_BALANCE_INVARIANTS_BROKEN` (1000).
pub fn check_balance_invariants(rt: &impl Runtime) -> Result<(), ActorError> {
    let state: State = rt.state()?;
    state.check_balance_invariants(&rt.current_balance())
}

// --- Market ---

/// CommD of every sector in order, nothing for one without deals. Asks the market if
/// any has.
///
/// # Errors
/// `USR_ILLEGAL_STATE` (20) when the market answers for another number of sectors.
pub fn verify_deals(
    rt: &impl Runtime,
    sectors: Vec<SectorDeals>,
) -> Result<Vec<Option<Cid>>, ActorError> {
    let count = sectors.len();
    if sectors.iter().all(|sector| sector.deal_ids.is_empty()) {
        return Ok(vec![None; count]);
    }
    let answer: VerifyDealsForActivationReturn = call_for(
        rt,
        &MARKET_ACTOR,
        market::VERIFY_DEALS_FOR_ACTIVATION,
        &VerifyDealsForActivationParams { sectors },
    )
    .map_err(|error| error.context("verifying deals"))?;
    ensure!(
        answer.unsealed_cids.len() == count,
        USR_ILLEGAL_STATE,
        "the market answered for {} sectors out of {count}",
        answer.unsealed_cids.len()
    );
    Ok(answer.unsealed_cids)
}

/// Lets deals begin, and their sectors' CommD be computed if it is wanted.
pub fn activate_deals(
    rt: &impl Runtime,
    sectors: Vec<SectorDeals>,
    compute_cid: bool,
) -> Result<BatchActivateDealsReturn, ActorError> {
    let params = BatchActivateDealsParams {
        sectors,
        compute_cid,
    };
    call_for(rt, &MARKET_ACTOR, market::BATCH_ACTIVATE_DEALS, &params)
        .map_err(|error| error.context("activating deals"))
}

/// Tells the market that sectors ended early, if there are any. Under cron it does
/// not matter whether the market listens.
pub fn terminate_deals(rt: &impl Runtime, sectors: BitField) -> Result<(), ActorError> {
    if sectors.is_empty() {
        return Ok(());
    }
    let params = cbor_params(&OnMinerSectorsTerminateParams {
        epoch: rt.epoch(),
        sectors,
    })?;
    let told = rt
        .send(
            &MARKET_ACTOR,
            market::ON_MINER_SECTORS_TERMINATE,
            params,
            TokenAmount::zero(),
        )
        .success();
    match told {
        Err(error) if rt.message().origin == SYSTEM_ACTOR_ID => {
            rt.log(|| format!("the market does not end the deals: {error}"));
            Ok(())
        }
        Err(error) => Err(error.context("terminating deals")),
        Ok(_) => Ok(()),
    }
}

// --- Verified registry ---

/// Claims allocations for sectors.
pub fn claim_allocations(
    rt: &impl Runtime,
    sectors: Vec<SectorAllocationClaims>,
    all_or_nothing: bool,
) -> Result<ClaimAllocationsReturn, ActorError> {
    let params = ClaimAllocationsParams {
        sectors,
        all_or_nothing,
    };
    call_for(rt, &VERIFREG_ACTOR, verifreg::CLAIM_ALLOCATIONS, &params)
        .map_err(|error| error.context("claiming allocations"))
}

/// The miner's own claims behind numbers.
pub fn get_claims(
    rt: &impl Runtime,
    claim_ids: Vec<ClaimId>,
) -> Result<GetClaimsReturn, ActorError> {
    let params = GetClaimsParams {
        provider: rt.message().receiver,
        claim_ids,
    };
    call_for(rt, &VERIFREG_ACTOR, verifreg::GET_CLAIMS, &params)
        .map_err(|error| error.context("reading claims"))
}

// --- Accounts ---

/// The key address of an account.
pub fn pubkey_address(rt: &impl Runtime, account: &Address) -> Result<Address, ActorError> {
    ask(rt, account, PUBKEY_ADDRESS)
        .map_err(|error| error.context(format_args!("asking {account} for its key")))
}
