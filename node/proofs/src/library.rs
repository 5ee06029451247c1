//! What the proof libraries do for every scheme: vanilla proofs in their own types.

use std::collections::BTreeMap;

use filecoin_proofs::{
    FallbackPoStSectorProof, PartitionProof, PoStConfig, PrivateReplicaInfo,
    SealCommitPhase1Output, SealPreCommitOutput, SectorUpdateConfig,
};
use filecoin_proofs_api as api;
use fvm_shared::sector::SectorSize;

use crate::commitment::prover_id;
use crate::guard::guard;
use crate::prover::{FaultySector, PostChallenge, ProveError};
use crate::sector::{Replica, SealedSector, SectorDir, UpdatedSector};
use crate::settings;
use crate::shape::{Shape, nodes};
use crate::statement::{PostKind, PostStatement};
use crate::vanilla::post;

/// Makes the vanilla proof of replication, which the library checks once itself.
pub(crate) fn seal<S: Shape>(
    dir: &SectorDir,
    sector: &SealedSector,
    seed: &[u8; 32],
) -> Result<SealCommitPhase1Output<S>, ProveError> {
    ready()?;
    let spec = &sector.spec;
    let config = crate::seal::api_type(spec.proof)
        .map_err(|error| ProveError::Refused(error.to_string()))?
        .as_v1_config();
    let pieces = crate::seal::api_pieces(&sector.pieces)
        .map_err(|error| ProveError::Refused(error.to_string()))?;
    guard(|| {
        filecoin_proofs::seal_commit_phase1::<_, S>(
            &config,
            dir.cache(),
            dir.sealed(),
            prover_id(spec.miner),
            spec.number.into(),
            spec.ticket,
            *seed,
            SealPreCommitOutput {
                comm_r: sector.comm_r,
                comm_d: sector.comm_d,
            },
            &pieces,
        )
    })
    .map_err(|reason| faulty(spec.number, reason))
}

/// Makes the vanilla proof of one sector for a window or winning PoSt.
pub(crate) fn post_sector<S: Shape>(
    config: &PoStConfig,
    replica: &Replica,
    challenges: &[u64],
) -> Result<FallbackPoStSectorProof<S>, String> {
    guard(|| {
        let private = PrivateReplicaInfo::<S>::new(
            replica.sealed.clone(),
            replica.comm_r,
            replica.cache.clone(),
        )?;
        filecoin_proofs::generate_single_vanilla_proof::<S>(
            config,
            replica.number.into(),
            &private,
            challenges,
        )
    })
}

/// The library's settings for a PoSt type.
pub(crate) fn post_config(statement: &PostStatement) -> Result<PoStConfig, ProveError> {
    let proof: api::RegisteredPoStProof = statement.proof.try_into().map_err(refused)?;
    Ok(proof.as_v1_config())
}

/// Makes the vanilla proofs of a replica update, partition by partition.
pub(crate) fn update<S: Shape>(
    dir: &SectorDir,
    sector: &SealedSector,
    update: &UpdatedSector,
) -> Result<Vec<PartitionProof<S>>, ProveError> {
    ready()?;
    guard(|| {
        let config = crate::seal::api_update_type(update.proof)?.as_v1_config();
        filecoin_proofs::generate_partition_proofs::<S>(
            SectorUpdateConfig::from_porep_config(&config),
            update.comm_r_old,
            update.comm_r,
            update.comm_d,
            &dir.sealed(),
            &dir.cache(),
            &dir.update(),
            &dir.update_cache(),
        )
    })
    .map_err(|reason| faulty(sector.spec.number, reason))
}

/// Replicas in the order of a statement, each with its challenged nodes.
pub(crate) type Challenged<'a> = Vec<(&'a Replica, Vec<u64>)>;

/// The statement that a challenge and replicas ask to prove, and the replicas in its
/// order with their challenged nodes.
pub(crate) fn post_inputs<'a>(
    kind: PostKind,
    challenge: &PostChallenge,
    replicas: impl IntoIterator<Item = &'a Replica>,
) -> Result<(PostStatement, Challenged<'a>), ProveError> {
    ready()?;
    let by_number: BTreeMap<_, _> = replicas
        .into_iter()
        .map(|replica| (replica.number, replica))
        .collect();
    let infos: Vec<_> = by_number.values().map(|replica| replica.info()).collect();
    let statement = PostStatement::new(
        kind,
        challenge.proof,
        &challenge.randomness,
        challenge.prover,
        &infos,
    )
    .map_err(refused)?;
    let size = sector_size(&statement)?;
    let count = post::challenge_count(kind);
    let with_challenges = by_number
        .into_values()
        .map(|replica| {
            let nodes = nodes(size);
            let challenges = post::challenges(&statement.randomness, replica.number, count, nodes);
            (replica, challenges)
        })
        .collect();
    Ok((statement, with_challenges))
}

pub(crate) fn sector_size(statement: &PostStatement) -> Result<SectorSize, ProveError> {
    statement.proof.sector_size().map_err(refused)
}

pub(crate) fn ready() -> Result<(), ProveError> {
    settings::check().map_err(|error| ProveError::Failed(error.to_string()))
}

pub(crate) fn faulty(number: u64, reason: String) -> ProveError {
    ProveError::Faulty(vec![FaultySector { number, reason }])
}

pub(crate) fn refused(reason: impl ToString) -> ProveError {
    ProveError::Refused(reason.to_string())
}
