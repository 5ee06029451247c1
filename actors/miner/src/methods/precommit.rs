//! PreCommitSectorBatch2: announcing sectors and leaving a deposit for them.

use std::collections::BTreeSet;

use boatyard_actors_shared::ext::market::SectorDeals;
use boatyard_actors_shared::sectors::MAX_SECTOR_NUMBER;
use boatyard_actors_shared::{Policy, PolicyExt};
use boatyard_sdk::{ActorError, Context, Runtime, ensure, exit_codes::*};
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredSealProof, SectorNumber};

use crate::lifetimes::{check_expiration, max_deals, max_prove_commit_duration};
use crate::power::qa_power_max;
use crate::pre_commits::Collisions;
use crate::schema::{MinerInfo, SectorPreCommitInfo, SectorPreCommitOnChainInfo, State};
use crate::types::PreCommitSectorBatchParams;
use crate::{commitments, events, monies, sends};

/// Announces sectors: all or none.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | 16 | no sectors; a sector twice, or with a number used before; what is said of one is out of bounds, or not what the market says of its deals |
/// | 18 | the caller does not control the miner; the miner is barred for a consensus fault |
/// | 19 | debt cannot be repaid, deposits not be covered |
/// | 21 | too many numbers are in use |
/// | 24 | sector number 2^64 - 1 |
///
/// Source: spec 05 §9.1.
pub(crate) fn pre_commit(
    rt: &impl Runtime,
    params: PreCommitSectorBatchParams,
) -> Result<(), ActorError> {
    let policy = rt.policy();
    let now = rt.epoch();
    let sectors = params.sectors;
    let numbers = check_batch(policy, now, &sectors)?;

    let reward = sends::this_epoch_reward(rt)?;
    let power = sends::current_total_power(rt)?;
    let computed = sends::verify_deals(rt, sectors.iter().map(deals).collect())?;

    let store = &rt.store();
    let (debt, starts_cron) = rt.transaction(|state: &mut State| {
        let balance = rt.current_balance();
        let available = state.available_balance(&balance)?;
        let debt = state.repay_debts(&balance)?;
        let info = state.load_info(store)?;
        rt.validate_caller_is(info.controllers())?;
        ensure!(
            !info.consensus_fault_active(now),
            USR_FORBIDDEN,
            "barred for a consensus fault until epoch {}",
            info.consensus_fault_elapsed
        );
        let deposit = monies::pre_commit_deposit(
            &reward.this_epoch_reward_smoothed,
            &power.quality_adj_power_smoothed,
            &qa_power_max(info.sector_size),
        )?;
        let mut cleanups = Vec::with_capacity(sectors.len());
        for (sector, computed) in sectors.iter().zip(&computed) {
            check_against_miner(policy, &info, sector, computed.as_ref())?;
            let duration = interactive_duration(policy, sector.seal_proof)?;
            let epoch = now + duration + policy.expired_pre_commit_clean_up_delay;
            cleanups.push((epoch, sector.sector_number));
        }
        let total = &deposit * sectors.len();
        ensure!(
            available >= total,
            USR_INSUFFICIENT_FUNDS,
            "{available} do not cover deposits of {total}"
        );
        state.add_pre_commit_deposit(&total)?;
        state.allocate_sector_numbers(store, &numbers, Collisions::Refuse)?;
        state.put_pre_commits(store, records(sectors, &deposit, now))?;
        state.add_pre_commit_cleanups(policy, store, &cleanups)?;
        for number in numbers.iter() {
            events::sector_precommitted(rt, number)?;
        }
        let starts_cron = !std::mem::replace(&mut state.deadline_cron_active, true);
        Ok((debt, starts_cron))
    })?;

    sends::burn(rt, &debt)?;
    let state: State = rt.state()?;
    state.check_balance_invariants(&rt.current_balance())?;
    if starts_cron {
        sends::enroll_deadline_cron(rt, &state, now)?;
    }
    Ok(())
}

/// Checks what can be checked without the state; gives the sectors' numbers.
fn check_batch(
    policy: &Policy,
    now: ChainEpoch,
    sectors: &[SectorPreCommitInfo],
) -> Result<BitField, ActorError> {
    ensure!(
        !sectors.is_empty(),
        USR_ILLEGAL_ARGUMENT,
        "no sectors to pre-commit"
    );
    let mut numbers = BTreeSet::new();
    for sector in sectors {
        ensure!(
            numbers.insert(sector.sector_number),
            USR_ILLEGAL_ARGUMENT,
            "sector {} comes twice",
            sector.sector_number
        );
        ensure!(
            sector.sector_number != SectorNumber::MAX,
            USR_ASSERTION_FAILED,
            "no set holds sector number {}",
            sector.sector_number
        );
        check_alone(policy, now, sector).map_err(|error| {
            error.context(format_args!(
                "pre-commit of sector {}",
                sector.sector_number
            ))
        })?;
    }
    BitField::try_from_bits(numbers).or_exit(USR_ASSERTION_FAILED, "numbers of sectors")
}

fn check_alone(
    policy: &Policy,
    now: ChainEpoch,
    sector: &SectorPreCommitInfo,
) -> Result<(), ActorError> {
    ensure!(
        policy
            .valid_pre_commit_proof_type
            .contains(sector.seal_proof),
        USR_ILLEGAL_ARGUMENT,
        "seal proof {} is not taken on this network",
        i64::from(sector.seal_proof)
    );
    ensure!(
        sector.sector_number <= MAX_SECTOR_NUMBER,
        USR_ILLEGAL_ARGUMENT,
        "sector numbers end at {MAX_SECTOR_NUMBER}"
    );
    ensure!(
        commitments::is_sealed(&sector.sealed_cid),
        USR_ILLEGAL_ARGUMENT,
        "{} is no CommR",
        sector.sealed_cid
    );
    ensure!(
        sector.seal_rand_epoch < now,
        USR_ILLEGAL_ARGUMENT,
        "the ticket of epoch {} is not known before it is over",
        sector.seal_rand_epoch
    );
    let earliest = now - policy.max_pre_commit_randomness_lookback;
    ensure!(
        sector.seal_rand_epoch >= earliest,
        USR_ILLEGAL_ARGUMENT,
        "the ticket of epoch {} is too old, {earliest} is the first",
        sector.seal_rand_epoch
    );
    if let Some(unsealed) = &sector.unsealed_cid {
        ensure!(
            commitments::is_unsealed(unsealed),
            USR_ILLEGAL_ARGUMENT,
            "{unsealed} is no CommD"
        );
    }
    let latest_activation = now + interactive_duration(policy, sector.seal_proof)?;
    check_expiration(
        policy,
        now,
        latest_activation,
        sector.expiration,
        sector.seal_proof,
    )
}

/// Checks what depends on the miner and on what the market says of the sector's deals.
fn check_against_miner(
    policy: &Policy,
    info: &MinerInfo,
    sector: &SectorPreCommitInfo,
    computed: Option<&Cid>,
) -> Result<(), ActorError> {
    let number = sector.sector_number;
    let post_proof = sector.seal_proof.registered_window_post_proof().or_exit(
        USR_ILLEGAL_ARGUMENT,
        format_args!("the proofs of sector {number}"),
    )?;
    ensure!(
        post_proof == info.window_post_proof_type,
        USR_ILLEGAL_ARGUMENT,
        "sector {number} is proven by {post_proof:?}, the miner by {:?}",
        info.window_post_proof_type
    );
    let most = max_deals(policy, info.sector_size);
    ensure!(
        sector.deal_ids.len() as u64 <= most,
        USR_ILLEGAL_ARGUMENT,
        "sector {number} has {} deals, more than {most}",
        sector.deal_ids.len()
    );
    if let Some(computed) = computed {
        let declared = commitments::expand(sector.unsealed_cid.as_ref(), sector.seal_proof)?;
        ensure!(
            declared == *computed,
            USR_ILLEGAL_ARGUMENT,
            "sector {number} declares {declared}, its deals make {computed}"
        );
    }
    Ok(())
}

fn interactive_duration(
    policy: &Policy,
    seal_proof: RegisteredSealProof,
) -> Result<ChainEpoch, ActorError> {
    max_prove_commit_duration(policy, seal_proof).or_exit(
        USR_ILLEGAL_ARGUMENT,
        format_args!("seal proof {} is not pre-committed", i64::from(seal_proof)),
    )
}

fn deals(sector: &SectorPreCommitInfo) -> SectorDeals {
    SectorDeals {
        sector_number: sector.sector_number,
        sector_type: sector.seal_proof,
        sector_expiry: sector.expiration,
        deal_ids: sector.deal_ids.clone(),
    }
}

fn records(
    sectors: Vec<SectorPreCommitInfo>,
    deposit: &TokenAmount,
    now: ChainEpoch,
) -> Vec<SectorPreCommitOnChainInfo> {
    sectors
        .into_iter()
        .map(|info| SectorPreCommitOnChainInfo {
            info,
            pre_commit_deposit: deposit.clone(),
            pre_commit_epoch: now,
        })
        .collect()
}

#[cfg(test)]
mod tests;
