//! ProveCommitSectors3: pre-committed sectors are proven, and what they hold is
//! claimed and told.

use boatyard_actors_shared::batch::{self, BatchReturn};
use boatyard_actors_shared::sectors::seal_proof_bytes;
use boatyard_actors_shared::{Policy, PolicyExt};
use boatyard_sdk::{ActorError, Context, Runtime, ensure, exit_codes::*};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::sector::{RegisteredAggregateProof, RegisteredSealProof};

use crate::monies::PledgeInputs;
use crate::pieces::{self, SectorPieces};
use crate::schema::{SectorPreCommitOnChainInfo, State};
use crate::seals::{self, SealInput};
use crate::types::{ProveCommitSectors3Params, SectorActivationManifest};
use crate::{activation, events, notifications, sends};

/// The only way in which proofs are aggregated.
pub(crate) const AGGREGATION: RegisteredAggregateProof = RegisteredAggregateProof::SnarkPackV2;

/// A sector on its way through the stages.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    /// Its place in the request.
    index: usize,
    manifest: &'a SectorActivationManifest,
    pre_commit: &'a SectorPreCommitOnChainInfo,
    input: &'a SealInput,
}

impl<'a> Candidate<'a> {
    fn pieces(&self) -> SectorPieces<'a> {
        SectorPieces {
            sector: self.manifest.sector_number,
            expiration: self.pre_commit.info.expiration,
            pieces: &self.manifest.pieces,
        }
    }
}

/// Proves pre-committed sectors. Unless one failure makes all fail, each succeeds or
/// fails on its own at validation, proof or claim.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | 16 | no sectors; proofs of the wrong number, kind or length; pieces that are not the declared ones; nothing succeeds, or one fails and all should |
/// | 17 | a sector is not pre-committed |
/// | 18 | the caller does not control the miner; a sector comes too early |
/// | 19 | the pledge is not covered |
/// | 20 | sectors sealed in different ways; a sector twice; no deadline has room |
/// | 1000-1004 | funds; notifications, if they must succeed |
///
/// Source: spec 05 §12.
pub(crate) fn prove_commit(
    rt: &impl Runtime,
    params: ProveCommitSectors3Params,
) -> Result<BatchReturn, ActorError> {
    let policy = rt.policy();
    let store = &rt.store();
    let state: State = rt.state()?;
    let info = state.load_info(store)?;
    rt.validate_caller_is(info.controllers())?;

    let numbers: Vec<_> = params
        .sector_activations
        .iter()
        .map(|manifest| manifest.sector_number)
        .collect();
    let pre_commits = state.get_pre_commits(store, &numbers)?;
    let first = pre_commits
        .first()
        .or_exit(USR_ILLEGAL_ARGUMENT, "no sectors to prove")?;
    let seal_proof = first.info.seal_proof;
    check_proofs(policy, &params, seal_proof)?;

    let all_or_nothing = params.require_activation_success;
    let (validation, inputs) = seals::validate(rt, policy, &pre_commits, all_or_nothing)?;
    some_succeed(&validation, "can be proven")?;
    let candidates: Vec<_> = (params.sector_activations.iter().zip(&pre_commits))
        .zip(&inputs)
        .enumerate()
        .map(|(index, ((manifest, pre_commit), input))| Candidate {
            index,
            manifest,
            pre_commit,
            input,
        })
        .collect();
    let valid = keep(&validation, &candidates)?;

    let proof = if params.sector_proofs.is_empty() {
        let miner = rt.message().receiver;
        let proof = &params.aggregate_proof;
        seals::verify_aggregate(rt, miner, seal_proof, AGGREGATION, proof, &inputs)?;
        BatchReturn::ok(valid.len() as u32)
    } else {
        let proofs = valid
            .iter()
            .map(|sector| (sector.input, params.sector_proofs[sector.index].bytes()));
        seals::verify_each(rt, proofs, all_or_nothing)?
    };
    some_succeed(&proof, "is proven")?;
    let proven = keep(&proof, &valid)?;

    let contents: Vec<_> = proven.iter().map(Candidate::pieces).collect();
    for (sector, content) in proven.iter().zip(&contents) {
        let declared = sector.pre_commit.info.unsealed_cid.as_ref();
        pieces::check_commd(rt, sector.input.seal_proof, declared, content)?;
    }
    let (data, spaces) = pieces::claim(rt, &contents, all_or_nothing)?;
    some_succeed(&data, "has its data")?;
    let activated = keep(&data, &proven)?;

    let reward = sends::this_epoch_reward(rt)?;
    let power = sends::current_total_power(rt)?;
    let pledge = PledgeInputs::new(rt, &reward, &power);
    let pre_commits = activated.iter().map(|sector| sector.pre_commit);
    activation::activate(rt, &info, pre_commits.zip(&spaces), &pledge)?;

    for sector in &activated {
        events::sector_activated(
            rt,
            sector.manifest.sector_number,
            sector.pre_commit.info.unsealed_cid.as_ref(),
            &pieces::piece_infos(&sector.manifest.pieces),
        )?;
    }
    let told = activated.iter().map(Candidate::pieces);
    notifications::notify(rt, told, params.require_notification_success)?;
    batch::stack(&[validation, proof, data])
}

fn keep<T: Copy>(batch: &BatchReturn, items: &[T]) -> Result<Vec<T>, ActorError> {
    Ok(batch.successes(items)?.into_iter().copied().collect())
}

/// A stage that leaves nothing ends the message.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16).
pub(crate) fn some_succeed(stage: &BatchReturn, what: &str) -> Result<(), ActorError> {
    ensure!(
        stage.success_count > 0,
        USR_ILLEGAL_ARGUMENT,
        "no sector of {} {what}",
        stage.size()
    );
    Ok(())
}

/// The right number of proofs, of a possible length.
fn check_proofs(
    policy: &Policy,
    params: &ProveCommitSectors3Params,
    seal_proof: RegisteredSealProof,
) -> Result<(), ActorError> {
    ensure!(
        params.sector_proofs.is_empty() != params.aggregate_proof.is_empty(),
        USR_ILLEGAL_ARGUMENT,
        "either a proof for each sector or one for all, not both and not none"
    );
    let count = params.sector_activations.len();
    if params.sector_proofs.is_empty() {
        ensure!(
            params.aggregate_proof_type == Some(AGGREGATION),
            USR_ILLEGAL_ARGUMENT,
            "proofs are aggregated by {AGGREGATION:?}, not by {:?}",
            params.aggregate_proof_type
        );
        let limits = policy.min_aggregated_sectors..=policy.max_aggregated_sectors;
        check_aggregate(policy, count, limits, &params.aggregate_proof)
    } else {
        ensure!(
            params.aggregate_proof_type.is_none(),
            USR_ILLEGAL_ARGUMENT,
            "a way of aggregation, but a proof for each sector"
        );
        ensure!(
            params.sector_proofs.len() == count,
            USR_ILLEGAL_ARGUMENT,
            "{} proofs for {count} sectors",
            params.sector_proofs.len()
        );
        let longest = seal_proof_bytes(seal_proof).or_exit(
            USR_ILLEGAL_STATE,
            format_args!("unknown seal proof {}", i64::from(seal_proof)),
        )?;
        let too_long = params.sector_proofs.iter().find(|p| p.len() > longest);
        ensure!(
            too_long.is_none(),
            USR_ILLEGAL_ARGUMENT,
            "a seal proof is longer than {longest} bytes"
        );
        Ok(())
    }
}

/// One proof is for so many sectors, and so long at most.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16).
pub(crate) fn check_aggregate(
    policy: &Policy,
    count: usize,
    limits: std::ops::RangeInclusive<u64>,
    proof: &RawBytes,
) -> Result<(), ActorError> {
    ensure!(
        limits.contains(&(count as u64)),
        USR_ILLEGAL_ARGUMENT,
        "one proof is for {} to {} sectors, not for {count}",
        limits.start(),
        limits.end()
    );
    ensure!(
        proof.len() <= policy.max_aggregated_proof_size,
        USR_ILLEGAL_ARGUMENT,
        "a proof of {} bytes is longer than {}",
        proof.len(),
        policy.max_aggregated_proof_size
    );
    Ok(())
}

#[cfg(test)]
mod tests;
