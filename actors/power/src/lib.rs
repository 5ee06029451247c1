//! Storage power actor, f04: creates miners, keeps one claim of power per miner and
//! the network's power and pledge, and calls miners back at epochs they asked for.
//! Created at genesis.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f00 | begins without miners | here |
//! | CreateMiner | 2, 1173380165 | any | | [`creation`] |
//! | UpdateClaimedPower | 3 | a miner | its proven power changes | here |
//! | EnrollCronEvent | 4 | a miner | it wants to be called back | here |
//! | OnEpochTickEnd | 5 | f03 | calls miners back, freezes the epoch's power | [`tick`] |
//! | UpdatePledgeTotal | 6 | a miner | its pledge changes | here |
//! | CurrentTotalPower | 9 | any built-in | what the last tick froze | here |
//! | NetworkRawPower | 931722534 | any | | here |
//! | MinerRawPower | 3753401894 | any | | here |
//! | MinerCount | 1987646258 | any | | here |
//! | MinerConsensusCount | 196739875 | any | | here |
//! | MinerPower | 36284446 | any | | here |
//!
//! No events, no fallback. Numbers 7 and 8 belong to methods that are gone, and so
//! does exit code 32 (too many prove-commits), which nothing gives any more.
//!
//! | module | answers |
//! |---|---|
//! | [`state`] | what the state holds, which power counts |
//! | [`queue`] | who is called back when |
//! | [`types`] | parameters and returns |
//! | [`invariants`] | what must hold of the state, and across actors |
//!
//! A claim counts for the network's power only from the minimum of the policy on,
//! unless fewer than four miners reach it.
//!
//! Source: spec 03 §1.

use boatyard_actors_shared::{PolicyExt, SYSTEM_ACTOR};
use boatyard_sdk::{ActorError, Context, Runtime, Type, actor, ensure, exit_codes::*};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::bigint::bigint_ser::BigIntDe;
use fvm_shared::econ::TokenAmount;

pub mod creation;
pub mod invariants;
pub mod queue;
pub mod state;
pub mod tick;
pub mod types;

pub use queue::CronEvent;
pub use state::{Claim, State};
pub use types::{
    CreateMinerParams, CreateMinerReturn, CurrentTotalPowerReturn, EnrollCronEventParams,
    MinerPowerReturn, MinerRawPowerReturn, UpdateClaimedPowerParams,
};

/// Keeps the power of miners and of the network.
pub struct Power;

#[actor(name = "storagepower", state = State)]
impl Power {
    /// Begins without miners and without power.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the caller is not f00, `USR_ILLEGAL_STATE` (20)
    /// when constructed already.
    #[method(1)]
    fn constructor(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.validate_caller_is(&[SYSTEM_ACTOR])?;
        let state = State::new(rt.store())?;
        rt.create(&state)
    }

    /// Creates a miner with all the value received.
    #[method(2, exported)]
    fn create_miner(
        rt: &impl Runtime,
        params: CreateMinerParams,
    ) -> Result<CreateMinerReturn, ActorError> {
        creation::create_miner(rt, params)
    }

    /// Changes the calling miner's claim, and the network's power as far as the
    /// claim counts or counted for it.
    ///
    /// # Errors
    /// | exit code | when |
    /// |---|---|
    /// | `USR_FORBIDDEN` (18) | the caller is no miner |
    /// | `USR_NOT_FOUND` (17) | it has no claim |
    /// | `USR_ILLEGAL_STATE` (20) | its proof type is unknown, its power would be negative |
    #[method(3)]
    fn update_claimed_power(
        rt: &impl Runtime,
        delta: UpdateClaimedPowerParams,
    ) -> Result<(), ActorError> {
        rt.validate_caller_type(&[Type::Miner])?;
        let miner = rt.caller();
        rt.transaction(|state: &mut State| {
            let mut claims = state.claims.load(rt.store())?;
            let claim = claims
                .get(&miner)?
                .or_exit(USR_NOT_FOUND, format_args!("{miner} has no claim"))?;
            let changed = state.change_claim(rt.policy(), claim, &delta)?;
            claims.set(&miner, changed)?;
            state.claims = claims.flush()?;
            Ok(())
        })
    }

    /// Has the calling miner called back at an epoch, or at the next tick if that
    /// has passed. It needs no claim to ask for it, only when it is called.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the caller is no miner, `USR_ILLEGAL_ARGUMENT` (16)
    /// for a negative epoch.
    #[method(4)]
    fn enroll_cron_event(
        rt: &impl Runtime,
        params: EnrollCronEventParams,
    ) -> Result<(), ActorError> {
        rt.validate_caller_type(&[Type::Miner])?;
        let EnrollCronEventParams {
            event_epoch: epoch,
            payload: callback_payload,
        } = params;
        ensure!(
            epoch >= 0,
            USR_ILLEGAL_ARGUMENT,
            "epoch {epoch} is before genesis"
        );
        let miner_addr = rt.caller();
        rt.transaction(|state: &mut State| {
            let event = CronEvent {
                miner_addr,
                callback_payload,
            };
            state.enroll(rt.store(), epoch, event)
        })
    }

    /// Calls back the miners whose time has come and freezes what the network's
    /// power and pledge are.
    #[method(5)]
    fn on_epoch_tick_end(rt: &impl Runtime) -> Result<(), ActorError> {
        tick::end_epoch(rt)
    }

    /// Changes the network's pledge by an amount that may be negative.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the caller is no miner or has no claim,
    /// `USR_ILLEGAL_STATE` (20) when less than nothing would be left.
    #[method(6)]
    fn update_pledge_total(rt: &impl Runtime, delta: TokenAmount) -> Result<(), ActorError> {
        rt.validate_caller_type(&[Type::Miner])?;
        let miner = rt.caller();
        rt.transaction(|state: &mut State| {
            ensure!(
                state.claim_of(rt.store(), &miner)?.is_some(),
                USR_FORBIDDEN,
                "{miner} has no claim"
            );
            state.total_pledge_collateral += &delta;
            ensure!(
                !state.total_pledge_collateral.is_negative(),
                USR_ILLEGAL_STATE,
                "a change of {delta} makes the network's pledge {}",
                state.total_pledge_collateral
            );
            Ok(())
        })
    }

    /// Gives what the last tick froze.
    #[method(9)]
    fn current_total_power(rt: &impl Runtime) -> Result<CurrentTotalPowerReturn, ActorError> {
        rt.accept_any_caller()?;
        let state: State = rt.state()?;
        Ok(CurrentTotalPowerReturn {
            raw_byte_power: state.this_epoch_raw_byte_power,
            quality_adj_power: state.this_epoch_quality_adj_power,
            pledge_collateral: state.this_epoch_pledge_collateral,
            quality_adj_power_smoothed: state.this_epoch_qa_power_smoothed,
            ramp_start_epoch: state.ramp_start_epoch,
            ramp_duration_epochs: state.ramp_duration_epochs,
        })
    }

    /// Gives the network's raw byte power as the last tick froze it.
    #[method(exported)]
    fn network_raw_power(rt: &impl Runtime) -> Result<BigIntDe, ActorError> {
        rt.accept_any_caller()?;
        let state: State = rt.state()?;
        Ok(BigIntDe(state.this_epoch_raw_byte_power))
    }

    /// Gives a miner's raw byte power now, and whether it may mine with it.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) when the miner has no claim, `USR_ILLEGAL_STATE`
    /// (20) when its proof type is unknown.
    #[method(exported)]
    fn miner_raw_power(
        rt: &impl Runtime,
        miner: ActorID,
    ) -> Result<MinerRawPowerReturn, ActorError> {
        rt.accept_any_caller()?;
        let state: State = rt.state()?;
        let claim = state
            .claim_of(rt.store(), &Address::new_id(miner))?
            .or_exit(USR_ILLEGAL_ARGUMENT, format_args!("f0{miner} has no claim"))?;
        Ok(MinerRawPowerReturn {
            meets_consensus_minimum: state.may_mine(rt.policy(), &claim)?,
            raw_byte_power: claim.raw_byte_power,
        })
    }

    /// Gives how many miners there are.
    #[method(exported)]
    fn miner_count(rt: &impl Runtime) -> Result<i64, ActorError> {
        rt.accept_any_caller()?;
        let state: State = rt.state()?;
        Ok(state.miner_count)
    }

    /// Gives how many miners reach the minimum power.
    #[method(exported)]
    fn miner_consensus_count(rt: &impl Runtime) -> Result<i64, ActorError> {
        rt.accept_any_caller()?;
        let state: State = rt.state()?;
        Ok(state.miner_above_min_power_count)
    }

    /// Gives a miner's power now, raw and quality-adjusted.
    ///
    /// # Errors
    /// `USR_NOT_FOUND` (17) when the miner has no claim.
    #[method(exported)]
    fn miner_power(rt: &impl Runtime, miner: ActorID) -> Result<MinerPowerReturn, ActorError> {
        rt.accept_any_caller()?;
        let state: State = rt.state()?;
        let claim = state
            .claim_of(rt.store(), &Address::new_id(miner))?
            .or_exit(USR_NOT_FOUND, format_args!("f0{miner} has no claim"))?;
        Ok(MinerPowerReturn {
            raw_byte_power: claim.raw_byte_power,
            quality_adj_power: claim.quality_adj_power,
        })
    }
}

boatyard_sdk::entry!(Power);

#[cfg(test)]
mod tests;
