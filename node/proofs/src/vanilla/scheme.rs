//! The two ends of the vanilla scheme.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::{porep, post, small, update};
use crate::block::{ProofBlock, ProofBlocks, digest};
use crate::guard::guard;
use crate::library::{self, refused};
use crate::prover::{FaultySector, PostChallenge, Proof, ProveError, Prover};
use crate::scheme::Scheme;
use crate::sector::{Replica, SealedSector, SectorDir, UpdatedSector};
use crate::shape::{Shape, with_shape};
use crate::stand_in::{self, StandIn};
use crate::statement::{AggregateStatement, PostKind, PostStatement, Statement};
use crate::verifier::{Verdict, Verifier};

/// Makes vanilla proofs, and stand-ins for them.
#[derive(Default)]
pub struct VanillaProver {
    trees: small::Trees,
}

impl VanillaProver {
    /// A prover.
    pub fn new() -> Self {
        Self::default()
    }

    fn post(
        &self,
        kind: PostKind,
        challenge: &PostChallenge,
        replicas: &[Replica],
    ) -> Result<(PostStatement, Vec<u8>), ProveError> {
        let (statement, inputs) = library::post_inputs(kind, challenge, replicas)?;
        let size = library::sector_size(&statement)?;
        let sectors: Vec<Result<Vec<u8>, FaultySector>> = inputs
            .into_par_iter()
            .map(|(replica, challenges)| {
                let proven = match small::fits(size) {
                    true => self.trees.prove(replica, size, &challenges),
                    false => {
                        with_shape!(size, large_sector(&statement, size, replica, &challenges))
                    }
                };
                proven.map_err(|reason| FaultySector {
                    number: replica.number,
                    reason,
                })
            })
            .collect();
        let mut encoded = Vec::new();
        let mut faulty = Vec::new();
        for sector in sectors {
            match sector {
                Ok(bytes) => encoded.extend(bytes),
                Err(fault) => faulty.push(fault),
            }
        }
        match faulty.is_empty() {
            true => Ok((statement, encoded)),
            false => Err(ProveError::Faulty(faulty)),
        }
    }
}

/// A sector whose trees lie on disk.
fn large_sector<S: Shape>(
    statement: &PostStatement,
    size: fvm_shared::sector::SectorSize,
    replica: &Replica,
    challenges: &[u64],
) -> Result<Vec<u8>, String> {
    let config = library::post_config(statement).map_err(|error| error.to_string())?;
    let proof = library::post_sector::<S>(&config, replica, challenges)?;
    let encoded = post::encode(size, challenges, &proof)?;
    let alone = PostStatement {
        sectors: statement
            .sectors
            .iter()
            .filter(|sector| sector.number == replica.number)
            .copied()
            .collect(),
        ..statement.clone()
    };
    post::verify(&alone, &encoded)?;
    Ok(encoded)
}

fn prove_seal<S: Shape>(
    dir: &SectorDir,
    sector: &SealedSector,
    seed: &[u8; 32],
) -> Result<Vec<u8>, ProveError> {
    let output = library::seal::<S>(dir, sector, seed)?;
    porep::encode::<S>(&sector.statement(seed), &output.vanilla_proofs).map_err(ProveError::Failed)
}

fn prove_update<S: Shape>(
    dir: &SectorDir,
    sector: &SealedSector,
    updated: &UpdatedSector,
) -> Result<Vec<u8>, ProveError> {
    let partitions = library::update::<S>(dir, sector, updated)?;
    update::encode(&updated.statement(), &partitions).map_err(ProveError::Failed)
}

/// Puts a proof into a block and a stand-in into the message.
fn stand_in_for(statement: &Statement, encoded: Vec<u8>) -> Result<Proof, ProveError> {
    let field = stand_in::field_length(statement).map_err(ProveError::Refused)?;
    let length = u32::try_from(encoded.len()).map_err(refused)?;
    let stand_in = StandIn {
        kind: stand_in::kind(statement),
        length,
        statement: statement.digest(),
        proof: digest(&encoded),
    };
    Ok(Proof {
        bytes: stand_in.to_bytes(field),
        blocks: vec![ProofBlock::new(encoded)],
    })
}

impl Prover for VanillaProver {
    fn scheme(&self) -> Scheme {
        Scheme::Vanilla
    }

    fn prove_seal(
        &self,
        dir: &SectorDir,
        sector: &SealedSector,
        seed: &[u8; 32],
    ) -> Result<Proof, ProveError> {
        let size = sector.spec.proof.sector_size().map_err(refused)?;
        let encoded = with_shape!(size, prove_seal(dir, sector, seed))?;
        let statement = sector.statement(seed);
        // Damage that the library's own check overlooks must not leave the house.
        porep::verify(&statement, &encoded)
            .map_err(|reason| library::faulty(sector.spec.number, reason))?;
        stand_in_for(&Statement::Seal(statement), encoded)
    }

    fn aggregate_seals(
        &self,
        statement: &AggregateStatement,
        proofs: &[Proof],
    ) -> Result<Proof, ProveError> {
        if statement.seals.is_empty() || proofs.len() != statement.seals.len() {
            return Err(ProveError::Refused(format!(
                "{} proofs for {} seals",
                proofs.len(),
                statement.seals.len()
            )));
        }
        let mut digests = Vec::with_capacity(proofs.len() * 32);
        for (seal, proof) in statement.seals.iter().zip(proofs) {
            let stand_in = StandIn::parse(&proof.bytes).map_err(refused)?;
            if stand_in.statement != Statement::Seal(seal.clone()).digest() {
                return Err(ProveError::Refused(format!(
                    "the proof in the place of sector {} is another's",
                    seal.number
                )));
            }
            digests.extend(stand_in.proof);
        }
        let mut aggregate = stand_in_for(&Statement::Aggregate(statement.clone()), digests)?;
        for proof in proofs {
            aggregate.blocks.extend(proof.blocks.iter().cloned());
        }
        Ok(aggregate)
    }

    fn prove_window(
        &self,
        challenge: &PostChallenge,
        replicas: &[Replica],
    ) -> Result<Proof, ProveError> {
        let (statement, encoded) = self.post(PostKind::Window, challenge, replicas)?;
        stand_in_for(&Statement::Window(statement), encoded)
    }

    fn prove_winning(
        &self,
        challenge: &PostChallenge,
        replica: &Replica,
    ) -> Result<Proof, ProveError> {
        let replicas = std::slice::from_ref(replica);
        let (statement, encoded) = self.post(PostKind::Winning, challenge, replicas)?;
        stand_in_for(&Statement::Winning(statement), encoded)
    }

    fn prove_update(
        &self,
        dir: &SectorDir,
        sector: &SealedSector,
        updated: &UpdatedSector,
    ) -> Result<Proof, ProveError> {
        let size = sector.spec.proof.sector_size().map_err(refused)?;
        let encoded = with_shape!(size, prove_update(dir, sector, updated))?;
        let statement = updated.statement();
        update::verify(&statement, &encoded)
            .map_err(|reason| library::faulty(sector.spec.number, reason))?;
        stand_in_for(&Statement::Update(statement), encoded)
    }
}

/// Verdicts kept, so that a message that is applied again costs no second check.
const REMEMBERED: usize = 4096;

/// Statement digest and proof digest: together they decide the verdict.
type Case = ([u8; 32], [u8; 32]);

/// Checks vanilla proofs through their stand-ins.
#[derive(Default)]
pub struct VanillaVerifier {
    verdicts: Mutex<HashMap<Case, Result<(), String>>>,
}

impl VanillaVerifier {
    /// A verifier that remembers nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn check(
        &self,
        statement: &Statement,
        field: &[u8],
        blocks: &dyn ProofBlocks,
    ) -> Result<(), Verdict> {
        let stand_in = StandIn::parse(field).map_err(invalid)?;
        if stand_in.kind != stand_in::kind(statement) {
            return Err(invalid("the proof is of another kind"));
        }
        if stand_in.statement != statement.digest() {
            return Err(invalid("the proof is of another statement"));
        }
        if Ok(field.len()) != stand_in::field_length(statement) {
            return Err(invalid(format!("a proof field of {} bytes", field.len())));
        }
        if Ok(stand_in.length as usize) != length(statement) {
            return Err(invalid(format!("a proof of {} bytes", stand_in.length)));
        }
        match statement {
            Statement::Aggregate(aggregate) => {
                let digests = fetch(&stand_in.proof, stand_in.length as usize, blocks)?;
                let checks: Vec<_> = aggregate
                    .seals
                    .par_iter()
                    .zip(digests.par_chunks_exact(32))
                    .map(|(seal, digest)| {
                        let digest = digest.try_into().expect("chunks have 32 bytes");
                        let statement = Statement::Seal(seal.clone());
                        (statement, digest)
                    })
                    .collect();
                for (statement, digest) in checks {
                    self.check_block(&statement, digest, blocks)?;
                }
                Ok(())
            }
            statement => self.check_block(statement, stand_in.proof, blocks),
        }
    }

    /// Checks the proof in a block.
    fn check_block(
        &self,
        statement: &Statement,
        proof: [u8; 32],
        blocks: &dyn ProofBlocks,
    ) -> Result<(), Verdict> {
        let case = (statement.digest(), proof);
        if let Some(verdict) = self.verdicts().get(&case) {
            return verdict.clone().map_err(Verdict::Invalid);
        }
        let length = length(statement).map_err(Verdict::Invalid)?;
        let bytes = fetch(&proof, length, blocks)?;
        let verdict = guard(|| Ok(verify(statement, &bytes))).and_then(|verdict| verdict);
        let mut verdicts = self.verdicts();
        if verdicts.len() >= REMEMBERED {
            verdicts.clear();
        }
        verdicts.insert(case, verdict.clone());
        verdict.map_err(Verdict::Invalid)
    }

    fn verdicts(&self) -> std::sync::MutexGuard<'_, HashMap<Case, Result<(), String>>> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of the block that a stand-in names.
fn length(statement: &Statement) -> Result<usize, String> {
    match statement {
        Statement::Seal(seal) => porep::length(seal.proof),
        Statement::Window(post) | Statement::Winning(post) => {
            Ok(post::sector_length(post.proof)? * post.sectors.len())
        }
        Statement::Update(statement) => update::length(statement.proof),
        Statement::Aggregate(aggregate) => Ok(aggregate.seals.len() * 32),
    }
}

fn verify(statement: &Statement, bytes: &[u8]) -> Result<(), String> {
    match statement {
        Statement::Seal(seal) => porep::verify(seal, bytes),
        Statement::Window(post) | Statement::Winning(post) => post::verify(post, bytes),
        Statement::Update(statement) => update::verify(statement, bytes),
        Statement::Aggregate(_) => Err("an aggregate is checked seal by seal".into()),
    }
}

/// A block of the store. One that is lost, unreadable or not what its name says is
/// missing; that the proof is invalid would be a verdict, and other nodes would not
/// come to it.
fn fetch(proof: &[u8; 32], length: usize, blocks: &dyn ProofBlocks) -> Result<Vec<u8>, Verdict> {
    let cid = crate::block::raw_cid(proof);
    let block = match blocks.proof_block(&cid) {
        Ok(Some(block)) if digest(&block) == *proof => block,
        Ok(Some(_)) => {
            tracing::error!(%cid, "the block store gave other bytes for a proof block");
            return Err(Verdict::Missing(cid));
        }
        Ok(None) => return Err(Verdict::Missing(cid)),
        Err(error) => {
            tracing::error!(%cid, %error, "the block store cannot be read");
            return Err(Verdict::Missing(cid));
        }
    };
    if block.len() != length {
        return Err(invalid(format!("a proof block of {} bytes", block.len())));
    }
    Ok(block)
}

fn invalid(reason: impl ToString) -> Verdict {
    Verdict::Invalid(reason.to_string())
}

impl Verifier for VanillaVerifier {
    fn scheme(&self) -> Scheme {
        Scheme::Vanilla
    }

    fn verify(&self, statement: &Statement, proof: &[u8], blocks: &dyn ProofBlocks) -> Verdict {
        match self.check(statement, proof, blocks) {
            Ok(()) => Verdict::Valid,
            Err(verdict) => verdict,
        }
    }
}
