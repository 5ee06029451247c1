//! ProveCommitSectorsNI: sectors of zeros that were sealed without a challenge from
//! the chain, and so need no pre-commit.

use std::collections::BTreeSet;

use boatyard_actors_shared::batch::{BatchBuilder, BatchReturn};
use boatyard_actors_shared::sectors::MAX_SECTOR_NUMBER;
use boatyard_actors_shared::{Policy, PolicyExt};
use boatyard_sdk::{ActorError, Context, Runtime, ensure, exit_codes::*};
use fvm_ipld_bitfield::BitField;
use fvm_shared::ActorID;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredSealProof, SectorNumber};

use super::prove_commit::{AGGREGATION, check_aggregate, some_succeed};
use crate::lifetimes::check_expiration;
use crate::monies::{self, PledgeInputs};
use crate::pre_commits::Collisions;
use crate::schema::{SectorOnChainInfo, State};
use crate::seals::{self, SealInput};
use crate::sectors::Sectors;
use crate::types::{ProveCommitSectorsNiParams, SectorNiActivationInfo};
use crate::{commitments, events, sends};

/// What stands for the chain's challenge in a proof that has none.
const NO_CHALLENGE: [u8; 32] = [1; 32];

/// Proves sectors that were not announced. Unless one failure makes all fail, each
/// is validated on its own; the proof is one for all of them. The numbers of failed
/// ones are used up as well.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | 16 | sectors or proof of a wrong number, kind or length; a sector twice, or with a number used before; a ticket from the future; no sector is valid, or one is not and all should; a wrong proof |
/// | 18 | the caller does not control the miner; the miner is barred; the deadline is too near |
/// | 19 | the pledge is not covered, debt cannot be repaid |
/// | 20 | the deadline cannot take the sectors |
/// | 24 | sector number 2^64 - 1 |
/// | 1000 | the balance does not cover what is spoken for |
///
/// Source: spec 05 §15.
pub(crate) fn prove_commit_ni(
    rt: &impl Runtime,
    params: ProveCommitSectorsNiParams,
) -> Result<BatchReturn, ActorError> {
    let policy = rt.policy();
    let now = rt.epoch();
    let store = &rt.store();
    let state: State = rt.state()?;
    let info = state.load_info(store)?;

    let limits = policy.min_aggregated_sectors_ni..=policy.max_aggregated_sectors_ni;
    check_aggregate(
        policy,
        params.sectors.len(),
        limits,
        &params.aggregate_proof,
    )?;
    rt.validate_caller_is(info.controllers())?;
    let deadline = params.proving_deadline;
    ensure!(
        deadline < policy.wpost_period_deadlines,
        USR_ILLEGAL_ARGUMENT,
        "there is no deadline {deadline}"
    );
    ensure!(
        state.is_deadline_mutable(policy, deadline, now),
        USR_FORBIDDEN,
        "deadline {deadline} is open or next and takes no sectors"
    );
    ensure!(
        !info.consensus_fault_active(now),
        USR_FORBIDDEN,
        "barred for a consensus fault until epoch {}",
        info.consensus_fault_elapsed
    );
    let seal_proof = params.seal_proof_type;
    ensure!(
        policy.valid_prove_commit_ni_proof_type.contains(seal_proof),
        USR_ILLEGAL_ARGUMENT,
        "seal proof {} is not taken on this network",
        i64::from(seal_proof)
    );
    ensure!(
        params.aggregate_proof_type == AGGREGATION,
        USR_ILLEGAL_ARGUMENT,
        "proofs are aggregated by {AGGREGATION:?}, not by {:?}",
        params.aggregate_proof_type
    );

    let Validated {
        batch,
        inputs,
        numbers,
    } = validate(rt, policy, &params)?;
    some_succeed(&batch, "is valid")?;
    let valid = batch.successes(&params.sectors)?;
    let sealer = valid.first().map_or(rt.message().receiver, |s| s.sealer_id);
    let proof = &params.aggregate_proof;
    seals::verify_aggregate(rt, sealer, seal_proof, AGGREGATION, proof, &inputs)?;

    let reward = sends::this_epoch_reward(rt)?;
    let power = sends::current_total_power(rt)?;
    let pledge = PledgeInputs::new(rt, &reward, &power);
    // Sectors of zeros have the power of their size.
    let qa_power = BigInt::from(info.sector_size as u64);
    let initial_pledge = pledge.initial_pledge(&qa_power)?;
    let daily_fee = monies::daily_fee(policy, &pledge.circulating_supply, &qa_power);
    let records: Vec<_> = valid
        .iter()
        .map(|sector| SectorOnChainInfo {
            initial_pledge: initial_pledge.clone(),
            daily_fee: daily_fee.clone(),
            ..SectorOnChainInfo::committed(
                sector.sector_number,
                seal_proof,
                sector.sealed_cid,
                now,
                sector.expiration,
            )
        })
        .collect();
    let total_pledge: TokenAmount = records.iter().map(|r| &r.initial_pledge).sum();

    let (debt, starts_cron) = rt.transaction(|state: &mut State| {
        let balance = rt.current_balance();
        state.cover_pledge(&balance, &total_pledge)?;
        let starts_cron = !std::mem::replace(&mut state.deadline_cron_active, true);
        state.allocate_sector_numbers(store, &numbers, Collisions::Refuse)?;
        let mut all = Sectors::load(store, &state.sectors)?;
        all.set_all(records.clone())?;
        state.sectors = all.flush()?;
        state.assign_sectors_to_deadline(
            policy,
            store,
            now,
            deadline,
            records,
            info.window_post_partition_sectors,
            info.sector_size,
        )?;
        state.add_initial_pledge(&total_pledge)?;
        let debt = state.repay_debts(&balance)?;
        Ok((debt, starts_cron))
    })?;

    sends::burn(rt, &debt)?;
    sends::update_pledge(rt, &total_pledge)?;
    let state: State = rt.state()?;
    state.check_balance_invariants(&rt.current_balance())?;
    for sector in valid {
        events::sector_activated(rt, sector.sector_number, None, &[])?;
    }
    if starts_cron {
        sends::enroll_deadline_cron(rt, &state, now)?;
    }
    Ok(batch)
}

struct Validated {
    batch: BatchReturn,
    /// What the proofs of all sectors answer, of the refused too.
    inputs: Vec<SealInput>,
    /// The numbers of all sectors.
    numbers: BitField,
}

fn validate(
    rt: &impl Runtime,
    policy: &Policy,
    params: &ProveCommitSectorsNiParams,
) -> Result<Validated, ActorError> {
    let now = rt.epoch();
    let entropy = seals::receiver_entropy(rt)?;
    let seal_proof = params.seal_proof_type;
    let mut batch = BatchBuilder::default();
    let mut inputs = Vec::with_capacity(params.sectors.len());
    let mut numbers = BTreeSet::new();
    for sector in &params.sectors {
        let number = sector.sector_number;
        ensure!(
            numbers.insert(number),
            USR_ILLEGAL_ARGUMENT,
            "sector {number} comes twice"
        );
        ensure!(
            number != SectorNumber::MAX,
            USR_ASSERTION_FAILED,
            "no set holds sector number {number}"
        );
        let verdict = check_alone(policy, rt.message().receiver, now, seal_proof, sector);
        ensure!(
            sector.seal_rand_epoch < now,
            USR_ILLEGAL_ARGUMENT,
            "the ticket of epoch {} is not known before it is over",
            sector.seal_rand_epoch
        );
        inputs.push(SealInput {
            number: sector.sealing_number,
            seal_proof,
            ticket: seals::ticket(rt, sector.seal_rand_epoch, &entropy)?,
            interactive: NO_CHALLENGE,
            sealed_cid: sector.sealed_cid,
            unsealed_cid: commitments::zero_commd(seal_proof)?,
        });
        match verdict {
            Ok(()) => batch.add_success(),
            Err(error) if params.require_activation_success => {
                return Err(error.context(format_args!("sector {number}")));
            }
            Err(_) => batch.add_failure(USR_ILLEGAL_ARGUMENT),
        }
    }
    let numbers =
        BitField::try_from_bits(numbers).or_exit(USR_ASSERTION_FAILED, "numbers of sectors")?;
    Ok(Validated {
        batch: batch.build(),
        inputs,
        numbers,
    })
}

/// What makes a sector fail alone.
fn check_alone(
    policy: &Policy,
    miner: ActorID,
    now: ChainEpoch,
    seal_proof: RegisteredSealProof,
    sector: &SectorNiActivationInfo,
) -> Result<(), ActorError> {
    ensure!(
        sector.sector_number <= MAX_SECTOR_NUMBER,
        USR_ILLEGAL_ARGUMENT,
        "sector numbers end at {MAX_SECTOR_NUMBER}"
    );
    check_expiration(policy, now, now, sector.expiration, seal_proof)?;
    ensure!(
        sector.sealer_id == miner,
        USR_ILLEGAL_ARGUMENT,
        "it was sealed for miner {}, not for {miner}",
        sector.sealer_id
    );
    ensure!(
        sector.sealing_number == sector.sector_number,
        USR_ILLEGAL_ARGUMENT,
        "it was sealed as sector {}",
        sector.sealing_number
    );
    ensure!(
        commitments::is_sealed(&sector.sealed_cid),
        USR_ILLEGAL_ARGUMENT,
        "{} is no CommR",
        sector.sealed_cid
    );
    let earliest = now - policy.max_prove_commit_ni_randomness_lookback;
    ensure!(
        sector.seal_rand_epoch >= earliest,
        USR_ILLEGAL_ARGUMENT,
        "the ticket of epoch {} is too old, {earliest} is the first",
        sector.seal_rand_epoch
    );
    Ok(())
}

#[cfg(test)]
mod tests;
