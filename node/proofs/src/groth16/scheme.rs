//! The two ends of the Groth16 scheme.

use std::collections::BTreeMap;

use filecoin_proofs::caches::get_stacked_srs_verifier_key;
use filecoin_proofs::{FallbackPoStSectorProof, PoStConfig};
use filecoin_proofs_api as api;
use fvm_shared::sector::{RegisteredSealProof, SectorSize};

use super::setup::{MAX_AGGREGATED, Part};
use crate::block::ProofBlocks;
use crate::commitment::prover_id;
use crate::guard::guard;
use crate::library::{self, refused};
use crate::prover::{FaultySector, PostChallenge, Proof, ProveError, Prover};
use crate::scheme::Scheme;
use crate::sector::{Replica, SealedSector, SectorDir, UpdatedSector};
use crate::settings::SettingsError;
use crate::shape::{SectorShapeBase, Shape, with_shape};
use crate::stand_in::field_length;
use crate::statement::{
    AggregateStatement, PostKind, PostStatement, SealStatement, Statement, UpdateStatement,
};
use crate::vanilla::update;
use crate::verifier::{Verdict, Verifier};

/// Compresses vanilla proofs.
#[derive(Debug, Default, Clone, Copy)]
pub struct Groth16Prover;

/// The parameters must be there before hours of work are not.
fn need(part: Part, size: SectorSize) -> Result<(), ProveError> {
    if size != SectorSize::_2KiB {
        return Err(ProveError::NoParameters(format!(
            "there are Groth16 parameters for sectors of 2 KiB alone, not for {size:?}"
        )));
    }
    match part.is_complete() {
        true => Ok(()),
        false => Err(ProveError::NoParameters(format!(
            "the Groth16 parameters for {} are missing",
            part.name()
        ))),
    }
}

fn compressed(bytes: Vec<u8>) -> Proof {
    Proof {
        bytes,
        blocks: Vec::new(),
    }
}

fn prove_seal<S: Shape>(
    dir: &SectorDir,
    sector: &SealedSector,
    seed: &[u8; 32],
) -> Result<Vec<u8>, ProveError> {
    let output = library::seal::<S>(dir, sector, seed)?;
    let spec = &sector.spec;
    let proof: api::RegisteredSealProof = spec.proof.try_into().map_err(refused)?;
    let config = proof.as_v1_config();
    guard(|| {
        let output = match proof.feature_enabled(api::ApiFeature::NonInteractivePoRep) {
            // Goes on chain in an aggregate only, which is made of these.
            true => filecoin_proofs::seal_commit_phase2_circuit_proofs::<S>(
                &config,
                output,
                spec.number.into(),
            ),
            false => filecoin_proofs::seal_commit_phase2::<S>(
                &config,
                output,
                prover_id(spec.miner),
                spec.number.into(),
            ),
        };
        Ok(output?.proof)
    })
    .map_err(ProveError::Failed)
}

fn prove_post<S: Shape>(
    kind: PostKind,
    statement: &PostStatement,
    inputs: &[(&Replica, Vec<u64>)],
) -> Result<Vec<u8>, ProveError> {
    let config: PoStConfig = library::post_config(statement)?;
    let mut proofs: Vec<FallbackPoStSectorProof<S>> = Vec::with_capacity(inputs.len());
    let mut faulty = Vec::new();
    for (replica, challenges) in inputs {
        match library::post_sector::<S>(&config, replica, challenges) {
            Ok(proof) => proofs.push(proof),
            Err(reason) => faulty.push(FaultySector {
                number: replica.number,
                reason,
            }),
        }
    }
    if !faulty.is_empty() {
        return Err(ProveError::Faulty(faulty));
    }
    let prover = prover_id(statement.prover);
    let make = match kind {
        PostKind::Window => filecoin_proofs::generate_window_post_with_vanilla::<S>,
        PostKind::Winning => filecoin_proofs::generate_winning_post_with_vanilla::<S>,
    };
    guard(|| make(&config, &statement.randomness, prover, proofs)).map_err(ProveError::Failed)
}

fn prove_update<S: Shape>(
    dir: &SectorDir,
    sector: &SealedSector,
    updated: &UpdatedSector,
) -> Result<Vec<u8>, ProveError> {
    let partitions = library::update::<S>(dir, sector, updated)?;
    guard(|| {
        let config = crate::seal::api_update_type(updated.proof)?.as_v1_config();
        let proof = filecoin_proofs::generate_empty_sector_update_proof_with_vanilla::<S>(
            &config,
            partitions,
            updated.comm_r_old,
            updated.comm_r,
            updated.comm_d,
        )?;
        Ok(proof.0)
    })
    .map_err(ProveError::Failed)
}

impl Groth16Prover {
    fn post(
        kind: PostKind,
        part: Part,
        challenge: &PostChallenge,
        replicas: &[Replica],
    ) -> Result<Proof, ProveError> {
        let (statement, inputs) = library::post_inputs(kind, challenge, replicas)?;
        let size = library::sector_size(&statement)?;
        need(part, size)?;
        let proof = with_shape!(size, prove_post(kind, &statement, &inputs))?;
        Ok(compressed(proof))
    }
}

impl Prover for Groth16Prover {
    fn scheme(&self) -> Scheme {
        Scheme::Groth16
    }

    fn prove_seal(
        &self,
        dir: &SectorDir,
        sector: &SealedSector,
        seed: &[u8; 32],
    ) -> Result<Proof, ProveError> {
        let size = sector.spec.proof.sector_size().map_err(refused)?;
        need(Part::Seal, size)?;
        let proof = with_shape!(size, prove_seal(dir, sector, seed))?;
        Ok(compressed(proof))
    }

    fn aggregate_seals(
        &self,
        statement: &AggregateStatement,
        proofs: &[Proof],
    ) -> Result<Proof, ProveError> {
        let first = match statement.seals.first() {
            Some(first) if statement.seals.len() == proofs.len() => first,
            _ => {
                return Err(ProveError::Refused(format!(
                    "{} proofs for {} seals",
                    proofs.len(),
                    statement.seals.len()
                )));
            }
        };
        need(
            Part::Aggregation,
            first.proof.sector_size().map_err(refused)?,
        )?;
        let comm_rs: Vec<_> = statement.seals.iter().map(|seal| seal.comm_r).collect();
        let seeds: Vec<_> = statement.seals.iter().map(|seal| seal.seed).collect();
        let outputs: Vec<_> = proofs
            .iter()
            .map(|proof| api::seal::SealCommitPhase2Output {
                proof: proof.bytes.clone(),
            })
            .collect();
        let proof = first.proof.try_into().map_err(refused)?;
        let aggregate = statement.aggregate.try_into().map_err(refused)?;
        let bytes = guard(|| {
            api::seal::aggregate_seal_commit_proofs(proof, aggregate, &comm_rs, &seeds, &outputs)
        })
        .map_err(ProveError::Failed)?;
        Ok(compressed(bytes))
    }

    fn prove_window(
        &self,
        challenge: &PostChallenge,
        replicas: &[Replica],
    ) -> Result<Proof, ProveError> {
        Self::post(PostKind::Window, Part::Window, challenge, replicas)
    }

    fn prove_winning(
        &self,
        challenge: &PostChallenge,
        replica: &Replica,
    ) -> Result<Proof, ProveError> {
        let replicas = std::slice::from_ref(replica);
        Self::post(PostKind::Winning, Part::Winning, challenge, replicas)
    }

    fn prove_update(
        &self,
        dir: &SectorDir,
        sector: &SealedSector,
        updated: &UpdatedSector,
    ) -> Result<Proof, ProveError> {
        let size = sector.spec.proof.sector_size().map_err(refused)?;
        need(Part::Update, size)?;
        let proof = with_shape!(size, prove_update(dir, sector, updated))?;
        Ok(compressed(proof))
    }
}

/// Checks compressed proofs with the verifying keys of this machine, which are in
/// memory once it exists.
#[derive(Debug)]
pub struct Groth16Verifier {
    parts: Vec<Part>,
}

impl Groth16Verifier {
    /// A verifier for everything.
    ///
    /// # Errors
    /// When parameters are missing.
    pub fn new() -> Result<Self, SettingsError> {
        Self::for_parts(&Part::ALL)
    }

    /// A verifier for some kinds of proofs, for tests that have not all parameters.
    ///
    /// # Errors
    /// When their parameters are missing.
    pub fn for_parts(parts: &[Part]) -> Result<Self, SettingsError> {
        let missing: Vec<_> = parts
            .iter()
            .filter(|part| !part.is_complete())
            .map(|part| part.name())
            .collect();
        if !missing.is_empty() {
            return Err(SettingsError::new(format!(
                "Groth16 parameters for {} are missing; `boatyard proofs setup` makes them",
                missing.join(", ")
            )));
        }
        let verifier = Self {
            parts: parts.to_vec(),
        };
        // Keys are read at first use. That must not be when somebody waits for a
        // verdict and the files are gone.
        for statement in examples() {
            if let Ok(length) = field_length(&statement)
                && verifier.able(&statement).is_ok()
            {
                let _ = guard(|| check(&statement, &vec![0; length]));
            }
        }
        Ok(verifier)
    }

    /// Whether this verifier has the keys for a statement.
    fn able(&self, statement: &Statement) -> Result<(), String> {
        let (part, size) = match statement {
            Statement::Seal(seal) => (Part::Seal, seal.proof.sector_size()?),
            Statement::Window(post) => (Part::Window, post.proof.sector_size()?),
            Statement::Winning(post) => (Part::Winning, post.proof.sector_size()?),
            Statement::Update(statement) => (Part::Update, update::sector_size(statement.proof)?),
            Statement::Aggregate(aggregate) => {
                let first = aggregate.seals.first().ok_or("an aggregate of no seals")?;
                (Part::Aggregation, first.proof.sector_size()?)
            }
        };
        if size != SectorSize::_2KiB || !self.parts.contains(&part) {
            return Err(format!(
                "this node has no Groth16 keys for {} of {size:?} sectors",
                part.name()
            ));
        }
        if let Statement::Aggregate(aggregate) = statement {
            let proofs = aggregated(aggregate);
            if proofs <= MAX_AGGREGATED {
                guard(|| srs(aggregate, proofs))?;
            }
        }
        Ok(())
    }
}

/// Proofs in an aggregate, padded as SnarkPack does it.
fn aggregated(aggregate: &AggregateStatement) -> usize {
    let partitions = match aggregate.seals.first().map(|seal| seal.proof) {
        Some(proof) => match api::RegisteredSealProof::try_from(proof) {
            Ok(proof) => proof.partitions().into(),
            Err(_) => 1,
        },
        None => 1,
    };
    let proofs: usize = aggregate.seals.len() * partitions;
    proofs.next_power_of_two().max(2)
}

/// Reads the key for aggregates of a size, if it was not read before.
fn srs(aggregate: &AggregateStatement, proofs: usize) -> anyhow::Result<()> {
    if let Some(first) = aggregate.seals.first() {
        let proof: api::RegisteredSealProof = first.proof.try_into().map_err(anyhow::Error::msg)?;
        get_stacked_srs_verifier_key::<SectorShapeBase>(&proof.as_v1_config(), proofs)?;
    }
    Ok(())
}

/// One statement of each kind, true of nothing.
fn examples() -> [Statement; 4] {
    use fvm_shared::sector::{RegisteredPoStProof, RegisteredUpdateProof};
    let commitment = [1; 32];
    let post = |proof| PostStatement {
        proof,
        randomness: [1; 32],
        prover: 1,
        sectors: vec![crate::statement::PostSector {
            number: 1,
            comm_r: commitment,
        }],
    };
    [
        Statement::Seal(SealStatement {
            proof: RegisteredSealProof::StackedDRG2KiBV1P1,
            miner: 1,
            number: 1,
            ticket: [1; 32],
            seed: [1; 32],
            comm_r: commitment,
            comm_d: commitment,
        }),
        Statement::Window(post(RegisteredPoStProof::StackedDRGWindow2KiBV1P1)),
        Statement::Winning(post(RegisteredPoStProof::StackedDRGWinning2KiBV1)),
        Statement::Update(UpdateStatement {
            proof: RegisteredUpdateProof::StackedDRG2KiBV1,
            comm_r_old: commitment,
            comm_r_new: commitment,
            comm_d_new: commitment,
        }),
    ]
}

/// What the library says. It knows neither of lengths nor of empty lists.
fn check(statement: &Statement, proof: &[u8]) -> anyhow::Result<bool> {
    match statement {
        Statement::Seal(seal) => api::seal::verify_seal(
            seal.proof.try_into().map_err(anyhow::Error::msg)?,
            seal.comm_r,
            seal.comm_d,
            prover_id(seal.miner),
            seal.number.into(),
            seal.ticket,
            seal.seed,
            proof,
        ),
        Statement::Window(post) => {
            let (proof_type, replicas) = replicas(post)?;
            api::post::verify_window_post(
                &post.randomness,
                &[(proof_type, proof)],
                &replicas,
                prover_id(post.prover),
            )
        }
        Statement::Winning(post) => {
            let (_, replicas) = replicas(post)?;
            api::post::verify_winning_post(
                &post.randomness,
                proof,
                &replicas,
                prover_id(post.prover),
            )
        }
        Statement::Update(update) => api::update::verify_empty_sector_update_proof(
            crate::seal::api_update_type(update.proof)?,
            proof,
            update.comm_r_old,
            update.comm_r_new,
            update.comm_d_new,
        ),
        Statement::Aggregate(aggregate) => check_aggregate(aggregate, proof),
    }
}

fn check_aggregate(aggregate: &AggregateStatement, proof: &[u8]) -> anyhow::Result<bool> {
    let Some(first) = aggregate.seals.first() else {
        return Ok(false);
    };
    let seal_type: api::RegisteredSealProof = first.proof.try_into().map_err(anyhow::Error::msg)?;
    let mut inputs = Vec::new();
    for seal in &aggregate.seals {
        inputs.extend(api::seal::get_seal_inputs(
            seal_type,
            seal.comm_r,
            seal.comm_d,
            prover_id(seal.miner),
            seal.number.into(),
            seal.ticket,
            seal.seed,
        )?);
    }
    let comm_rs: Vec<_> = aggregate.seals.iter().map(|seal| seal.comm_r).collect();
    let seeds: Vec<_> = aggregate.seals.iter().map(|seal| seal.seed).collect();
    api::seal::verify_aggregate_seal_commit_proofs(
        seal_type,
        aggregate.aggregate.try_into().map_err(anyhow::Error::msg)?,
        proof.to_vec(),
        &comm_rs,
        &seeds,
        inputs,
    )
}

type Replicas = BTreeMap<api::SectorId, api::PublicReplicaInfo>;

fn replicas(post: &PostStatement) -> anyhow::Result<(api::RegisteredPoStProof, Replicas)> {
    let proof: api::RegisteredPoStProof = post.proof.try_into().map_err(anyhow::Error::msg)?;
    let replicas = post
        .sectors
        .iter()
        .map(|sector| {
            let info = api::PublicReplicaInfo::new(proof, sector.comm_r);
            (sector.number.into(), info)
        })
        .collect();
    Ok((proof, replicas))
}

impl Verifier for Groth16Verifier {
    fn scheme(&self) -> Scheme {
        Scheme::Groth16
    }

    fn verify(&self, statement: &Statement, proof: &[u8], _: &dyn ProofBlocks) -> Verdict {
        if let Err(reason) = self.able(statement) {
            return Verdict::Unable(reason);
        }
        let expected = match statement {
            // The library's parser of aggregates knows their length.
            Statement::Aggregate(aggregate) if aggregated(aggregate) > MAX_AGGREGATED => {
                return Verdict::Invalid("too many seals in an aggregate".into());
            }
            Statement::Aggregate(_) => Ok(proof.len()),
            statement => field_length(statement),
        };
        if Ok(proof.len()) != expected {
            return Verdict::Invalid(format!("a proof of {} bytes", proof.len()));
        }
        match guard(|| check(statement, proof)) {
            Ok(true) => Verdict::Valid,
            Ok(false) => Verdict::Invalid("the proof does not hold".into()),
            Err(reason) => Verdict::Invalid(reason),
        }
    }
}
