//! `SubmitWindowedPoSt` and `DisputeWindowedPoSt` (spec 06 §15.1, §15.2).
//!
//! A proof is checked at once only if it recovers power. Otherwise it is taken on
//! trust and anybody may have it checked until its dispute window is over.

use boatyard_actors_shared::{DeadlineInfo, Policy, PolicyExt, sectors::POST_PROOF_BYTES};
use boatyard_sdk::host::Host;
use boatyard_sdk::runtime::RandomnessTag;
use boatyard_sdk::{ActorError, Context, Runtime, ensure, exit_codes::*};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::randomness::Randomness;
use fvm_shared::sector::{PoStProof, SectorInfo, WindowPoStVerifyInfo};

use crate::deadline::proofs::PoStResult;
use crate::funds::Repaid;
use crate::schema::{Deadline, MinerInfo, PowerPair, SectorOnChainInfo, State};
use crate::sectors::Sectors;
use crate::types::{DisputeWindowedPoStParams, SubmitWindowedPoStParams};
use crate::{monies, sends};

/// Length of the randomness that ties a proof to a chain, in bytes.
const RANDOMNESS_BYTES: usize = 32;

/// Proves partitions of the open deadline. What is skipped becomes faulty, what was to
/// recover does, what was never proven becomes active.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | the parameters, the deadline or the partitions are not right; nothing is left to prove; the proof is checked and wrong |
/// | `USR_NOT_FOUND` (17) | a partition or sector is not there |
/// | `USR_FORBIDDEN` (18) | the caller does not control the miner |
///
/// Source: spec 06 §15.1.
pub(crate) fn submit(
    rt: &impl Runtime,
    params: SubmitWindowedPoStParams,
) -> Result<(), ActorError> {
    check_form(rt.policy(), &params)?;
    let power_delta = rt.transaction(|state: &mut State| {
        let (store, policy) = (&rt.store(), rt.policy());
        let info = state.load_info(store)?;
        rt.validate_caller_is(info.controllers())?;
        check_size(policy, &info, &params)?;
        let window = state.deadline_info(policy, rt.epoch());
        check_time(rt, &window, &params)?;

        let sectors = Sectors::load(store, &state.sectors)?;
        let mut deadlines = state.load_deadlines(store)?;
        let mut deadline = deadlines.load(store, window.index)?;
        let frame = state.frame(policy, store, info.sector_size, window.index);
        let faults_end = window.last() + policy.fault_max_age;
        let result = deadline.record_proven(frame, &params.partitions, &sectors, faults_end)?;
        let power_delta = result.power_delta.clone();
        accept(
            rt,
            &mut deadline,
            &sectors,
            window.challenge,
            result,
            params.proofs,
        )?;
        deadlines.save(store, window.index, &deadline)?;
        state.save_deadlines(store, &deadlines)?;
        Ok(power_delta)
    })?;
    sends::update_power(rt, &power_delta)?;
    sends::check_balance_invariants(rt)
}

/// What can be said without the state.
fn check_form(policy: &Policy, params: &SubmitWindowedPoStParams) -> Result<(), ActorError> {
    let [proof] = params.proofs.as_slice() else {
        return Err(ActorError::new(
            USR_ILLEGAL_ARGUMENT,
            format!("{} proofs instead of one", params.proofs.len()),
        ));
    };
    ensure!(
        policy.valid_post_proof_type.contains(proof.post_proof),
        USR_ILLEGAL_ARGUMENT,
        "proofs of type {:?} are not taken on this network",
        proof.post_proof
    );
    ensure!(
        params.deadline < policy.wpost_period_deadlines,
        USR_ILLEGAL_ARGUMENT,
        "there is no deadline {}",
        params.deadline
    );
    ensure!(
        params.chain_commit_rand.len() <= RANDOMNESS_BYTES,
        USR_ILLEGAL_ARGUMENT,
        "{} bytes of randomness are more than {RANDOMNESS_BYTES}",
        params.chain_commit_rand.len()
    );
    Ok(())
}

fn check_size(
    policy: &Policy,
    info: &MinerInfo,
    params: &SubmitWindowedPoStParams,
) -> Result<(), ActorError> {
    let partitions = params.partitions.len();
    for proof in &params.proofs {
        ensure!(
            proof.post_proof == info.window_post_proof_type,
            USR_ILLEGAL_ARGUMENT,
            "a proof of type {:?} where the miner's is {:?}",
            proof.post_proof,
            info.window_post_proof_type
        );
        ensure!(
            proof.proof_bytes.len() <= POST_PROOF_BYTES.saturating_mul(partitions),
            USR_ILLEGAL_ARGUMENT,
            "a proof of {} bytes for {partitions} partitions",
            proof.proof_bytes.len()
        );
    }
    let limit = info
        .partitions_max(policy)
        .min(policy.posted_partitions_max);
    ensure!(
        partitions as u64 <= limit,
        USR_ILLEGAL_ARGUMENT,
        "{partitions} partitions are more than {limit}"
    );
    Ok(())
}

fn check_time(
    rt: &impl Runtime,
    window: &DeadlineInfo,
    params: &SubmitWindowedPoStParams,
) -> Result<(), ActorError> {
    ensure!(
        window.is_open(),
        USR_ILLEGAL_STATE,
        "deadline {} opens at epoch {}",
        window.index,
        window.open
    );
    ensure!(
        params.deadline == window.index,
        USR_ILLEGAL_ARGUMENT,
        "deadline {} is not open, {} is",
        params.deadline,
        window.index
    );
    let committed = params.chain_commit_epoch;
    ensure!(
        committed >= window.challenge,
        USR_ILLEGAL_ARGUMENT,
        "chain epoch {committed} is before the challenge at {}",
        window.challenge
    );
    ensure!(
        committed < rt.epoch(),
        USR_ILLEGAL_ARGUMENT,
        "chain epoch {committed} is not over"
    );
    let randomness = rt.ticket_randomness(RandomnessTag::PoStChainCommit, committed, &[])?;
    ensure!(
        params.chain_commit_rand.bytes() == randomness,
        USR_ILLEGAL_ARGUMENT,
        "the randomness of epoch {committed} is another on this chain"
    );
    Ok(())
}

/// Keeps a proof for disputes, or checks it if it recovers power.
fn accept<RT: Runtime>(
    rt: &RT,
    deadline: &mut Deadline,
    sectors: &Sectors<'_, impl fvm_ipld_blockstore::Blockstore>,
    challenge: ChainEpoch,
    result: PoStResult,
    proofs: Vec<PoStProof>,
) -> Result<(), ActorError> {
    ensure!(
        !result.ignored.contains_all(&result.all),
        USR_ILLEGAL_ARGUMENT,
        "no sector is left to prove"
    );
    if result.recovered_power.is_zero() {
        return deadline.store_proofs(&rt.store(), result.partitions, proofs);
    }
    let proven = sectors.for_proof(&result.all, &result.ignored)?;
    ensure!(
        is_proof_valid(rt, challenge, proven, proofs)?,
        USR_ILLEGAL_ARGUMENT,
        "the proof is not valid"
    );
    Ok(())
}

/// What a successful dispute changes.
struct Disputed {
    power_delta: PowerPair,
    repaid: Repaid,
    reward: TokenAmount,
}

/// Has a proof of a deadline's last window checked that was taken on trust. If it is
/// wrong the sectors become faulty, and the miner pays the caller and a penalty.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | there is no such deadline or proof; the proof is valid |
/// | `USR_FORBIDDEN` (18) | the time for disputes is over, or has not begun |
///
/// Source: spec 06 §15.2.
pub(crate) fn dispute(
    rt: &impl Runtime,
    params: DisputeWindowedPoStParams,
) -> Result<(), ActorError> {
    rt.accept_any_caller()?;
    ensure!(
        params.deadline < rt.policy().wpost_period_deadlines,
        USR_ILLEGAL_ARGUMENT,
        "there is no deadline {}",
        params.deadline
    );
    let reward = sends::this_epoch_reward(rt)?;
    let power = sends::current_total_power(rt)?;

    let disputed = rt.transaction(|state: &mut State| {
        let (penalized, power_delta) = refute(rt, state, &params)?;
        let reward_target = monies::dispute_reward();
        let penalty = monies::invalid_post_penalty(
            &reward.this_epoch_reward_smoothed,
            &power.quality_adj_power_smoothed,
            &penalized.qa,
        )?;
        state.apply_penalty(&(penalty + &reward_target))?;
        let repaid = state.repay_partial_debt(&rt.store(), rt.epoch(), &rt.current_balance())?;
        Ok(Disputed {
            power_delta,
            reward: repaid.burn.clone().min(reward_target),
            repaid,
        })
    })?;

    sends::update_power(rt, &disputed.power_delta)?;
    let mut burn = disputed.repaid.burn - &disputed.reward;
    if !disputed.reward.is_zero() && sends::pay(rt, &rt.caller(), &disputed.reward).is_err() {
        burn += disputed.reward;
    }
    sends::burn(rt, &burn)?;
    sends::update_pledge(rt, &-disputed.repaid.unlocked)?;
    sends::check_balance_invariants(rt)
}

/// Makes faulty what a wrong proof was about. Gives the power for which it was taken,
/// and the power that the miner gains, which is negative or nought.
fn refute(
    rt: &impl Runtime,
    state: &mut State,
    params: &DisputeWindowedPoStParams,
) -> Result<(PowerPair, PowerPair), ActorError> {
    let (store, policy, index) = (&rt.store(), rt.policy(), params.deadline);
    ensure!(
        state.is_deadline_disputable(policy, index, rt.epoch()),
        USR_FORBIDDEN,
        "proofs of deadline {index} cannot be disputed now"
    );
    let info = state.load_info(store)?;
    let now = state.deadline_info(policy, rt.epoch());
    let period_start = match now.index < index {
        true => now.period_start - policy.wpost_proving_period,
        false => now.period_start,
    };
    let window = DeadlineInfo::new(policy, period_start, index, rt.epoch());

    let mut deadlines = state.load_deadlines(store)?;
    let mut deadline = deadlines.load(store, index)?;
    let submission = deadline.take_proofs(store, params.post_index)?;
    let about = deadline.dispute_info(store, &submission.partitions)?;
    let sectors = Sectors::load(store, &deadline.sectors_snapshot)?;
    let proven = sectors.for_proof(&about.all, &about.ignored)?;
    ensure!(
        !is_proof_valid(rt, window.challenge, proven, submission.proofs)?,
        USR_ILLEGAL_ARGUMENT,
        "proof {} is valid",
        params.post_index
    );

    let frame = state.frame(policy, store, info.sector_size, index);
    let faults_end = window.last() + policy.fault_max_age;
    let power_delta = deadline.declare_faults(frame, &about.disputed, &sectors, faults_end)?;
    deadlines.save(store, index, &deadline)?;
    state.save_deadlines(store, &deadlines)?;
    Ok((about.power, power_delta))
}

/// Whether proofs answer the challenge of an epoch for these sectors. A check that
/// fails says no.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) for an epoch without randomness.
///
/// Source: spec 06 §14.3.
fn is_proof_valid(
    rt: &impl Runtime,
    challenge: ChainEpoch,
    sectors: Vec<SectorOnChainInfo>,
    proofs: Vec<PoStProof>,
) -> Result<bool, ActorError> {
    let entropy = fvm_ipld_encoding::to_vec(&rt.receiver())
        .or_exit(USR_SERIALIZATION, "encoding the miner's address")?;
    let tag = RandomnessTag::WindowedPoStChallengeSeed;
    let randomness = rt.beacon_randomness(tag, challenge, &entropy)?;
    let challenged_sectors = sectors.into_iter().map(|sector| SectorInfo {
        proof: sector.seal_proof,
        sector_number: sector.sector_number,
        sealed_cid: sector.sealed_cid,
    });
    let check = WindowPoStVerifyInfo {
        randomness: Randomness(randomness.to_vec()),
        proofs,
        challenged_sectors: challenged_sectors.collect(),
        prover: rt.message().receiver,
    };
    Ok(rt.host().verify_post(&check).unwrap_or(false))
}

#[cfg(test)]
mod tests;
