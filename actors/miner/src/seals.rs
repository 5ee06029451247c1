//! Whether pre-committed sectors may be proven, and what their proofs answer
//! (spec 05 §10).

use boatyard_actors_shared::{BatchReturn, Policy, batch::BatchBuilder};
use boatyard_sdk::{
    ActorError, Context, Host, RandomnessTag, Runtime, actor_error, ensure, exit_codes::*,
};
use cid::Cid;
use fvm_ipld_encoding::to_vec;
use fvm_shared::ActorID;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::randomness::Randomness;
use fvm_shared::sector::{
    AggregateSealVerifyInfo, AggregateSealVerifyProofAndInfos, RegisteredAggregateProof,
    RegisteredSealProof, SealVerifyInfo, SectorID, SectorNumber,
};

use crate::commitments;
use crate::lifetimes::max_prove_commit_duration;
use crate::schema::SectorPreCommitOnChainInfo;

/// What the proof of one sector answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SealInput {
    pub number: SectorNumber,
    pub seal_proof: RegisteredSealProof,
    pub ticket: [u8; 32],
    pub interactive: [u8; 32],
    pub sealed_cid: Cid,
    pub unsealed_cid: Cid,
}

/// Looks at pre-commits in the order in which their sectors are to be proven: which
/// may be, and what their proofs answer. The inputs are those of all, the refused
/// ones too.
///
/// A sector with deals, or one whose time has run out, is refused with 16: it alone,
/// or the whole message if one failure makes all fail.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | 16 | a sector is refused and `all_or_nothing`; randomness is not to be had |
/// | 18 | a sector comes before the challenge's epoch |
/// | 20 | sectors are sealed in different ways, or in one without pre-commits |
pub(crate) fn validate(
    rt: &impl Runtime,
    policy: &Policy,
    pre_commits: &[SectorPreCommitOnChainInfo],
    all_or_nothing: bool,
) -> Result<(BatchReturn, Vec<SealInput>), ActorError> {
    let entropy = receiver_entropy(rt)?;
    let now = rt.epoch();
    let mut batch = BatchBuilder::default();
    let mut inputs: Vec<SealInput> = Vec::with_capacity(pre_commits.len());
    for pre_commit in pre_commits {
        let info = &pre_commit.info;
        let number = info.sector_number;
        let mut refused = None;
        if !info.deal_ids.is_empty() {
            refused = Some("it has deals, which is over");
        }
        let duration = max_prove_commit_duration(policy, info.seal_proof).or_exit(
            USR_ILLEGAL_STATE,
            format_args!(
                "sector {number} has seal proof {}, which is not pre-committed",
                i64::from(info.seal_proof)
            ),
        )?;
        if now > pre_commit.pre_commit_epoch + duration {
            refused = refused.or(Some("its time has run out"));
        }
        if let Some(before) = inputs.last() {
            ensure!(
                before.seal_proof == info.seal_proof,
                USR_ILLEGAL_STATE,
                "sectors {} and {number} are sealed in different ways",
                before.number
            );
        }
        let challenge = pre_commit.pre_commit_epoch + policy.pre_commit_challenge_delay;
        ensure!(
            now > challenge,
            USR_FORBIDDEN,
            "sector {number} cannot be proven before epoch {}",
            challenge + 1
        );
        inputs.push(SealInput {
            number,
            seal_proof: info.seal_proof,
            ticket: ticket(rt, info.seal_rand_epoch, &entropy)?,
            interactive: rt.beacon_randomness(
                RandomnessTag::InteractiveSealChallengeSeed,
                challenge,
                &entropy,
            )?,
            sealed_cid: info.sealed_cid,
            unsealed_cid: commitments::expand(info.unsealed_cid.as_ref(), info.seal_proof)?,
        });
        match refused {
            None => batch.add_success(),
            Some(why) if all_or_nothing => {
                return Err(actor_error!(
                    USR_ILLEGAL_ARGUMENT,
                    "sector {number} cannot be proven: {why}"
                ));
            }
            Some(_) => batch.add_failure(USR_ILLEGAL_ARGUMENT),
        }
    }
    Ok((batch.build(), inputs))
}

/// What is mixed into randomness for this miner.
///
/// # Errors
/// `USR_SERIALIZATION` (21); an ID address always encodes.
pub(crate) fn receiver_entropy(rt: &impl Runtime) -> Result<Vec<u8>, ActorError> {
    to_vec(&rt.receiver()).or_exit(USR_SERIALIZATION, "encoding the miner's address")
}

/// The ticket that a sector was sealed with.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) for an epoch whose randomness is not to be had.
pub(crate) fn ticket(
    rt: &impl Runtime,
    epoch: ChainEpoch,
    entropy: &[u8],
) -> Result<[u8; 32], ActorError> {
    rt.ticket_randomness(RandomnessTag::SealRandomness, epoch, entropy)
}

/// Checks a proof for each sector.
///
/// A wrong one is refused with 16: it alone, or the whole message if one failure
/// makes all fail.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) also when the check cannot be made.
pub(crate) fn verify_each<'a>(
    rt: &impl Runtime,
    proofs: impl IntoIterator<Item = (&'a SealInput, &'a [u8])>,
    all_or_nothing: bool,
) -> Result<BatchReturn, ActorError> {
    let miner = rt.message().receiver;
    let seals: Vec<_> = proofs
        .into_iter()
        .map(|(input, proof)| SealVerifyInfo {
            registered_proof: input.seal_proof,
            sector_id: SectorID {
                miner,
                number: input.number,
            },
            deal_ids: vec![],
            randomness: Randomness(input.ticket.to_vec()),
            interactive_randomness: Randomness(input.interactive.to_vec()),
            proof: proof.to_vec(),
            sealed_cid: input.sealed_cid,
            unsealed_cid: input.unsealed_cid,
        })
        .collect();
    let verdicts = rt
        .host()
        .batch_verify_seals(&seals)
        .or_exit(USR_ILLEGAL_ARGUMENT, "the proofs cannot be checked")?;
    ensure!(
        verdicts.len() == seals.len(),
        USR_ILLEGAL_ARGUMENT,
        "{} verdicts on {} proofs",
        verdicts.len(),
        seals.len()
    );
    let mut batch = BatchBuilder::default();
    for (seal, valid) in seals.iter().zip(verdicts) {
        if valid {
            batch.add_success();
            continue;
        }
        ensure!(
            !all_or_nothing,
            USR_ILLEGAL_ARGUMENT,
            "the proof of sector {} is not valid",
            seal.sector_id.number
        );
        batch.add_failure(USR_ILLEGAL_ARGUMENT);
    }
    Ok(batch.build())
}

/// Checks one proof for all sectors.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) when it is not valid or cannot be checked.
pub(crate) fn verify_aggregate(
    rt: &impl Runtime,
    miner: ActorID,
    seal_proof: RegisteredSealProof,
    aggregate_proof: RegisteredAggregateProof,
    proof: &[u8],
    inputs: &[SealInput],
) -> Result<(), ActorError> {
    let infos = inputs
        .iter()
        .map(|input| AggregateSealVerifyInfo {
            sector_number: input.number,
            randomness: Randomness(input.ticket.to_vec()),
            interactive_randomness: Randomness(input.interactive.to_vec()),
            sealed_cid: input.sealed_cid,
            unsealed_cid: input.unsealed_cid,
        })
        .collect();
    let valid = rt
        .host()
        .verify_aggregate_seals(&AggregateSealVerifyProofAndInfos {
            miner,
            seal_proof,
            aggregate_proof,
            proof: proof.to_vec(),
            infos,
        })
        .or_exit(USR_ILLEGAL_ARGUMENT, "the proof cannot be checked")?;
    ensure!(
        valid,
        USR_ILLEGAL_ARGUMENT,
        "the proof of {} sectors is not valid",
        inputs.len()
    );
    Ok(())
}
