//! The scheme that looks at nothing, for tests and vectors.

use crate::block::ProofBlocks;
use crate::library::refused;
use crate::prover::{PostChallenge, Proof, ProveError, Prover};
use crate::scheme::Scheme;
use crate::sector::{Replica, SealedSector, SectorDir, UpdatedSector};
use crate::stand_in::field_length;
use crate::statement::{AggregateStatement, PostKind, PostStatement, Statement};
use crate::verifier::{Verdict, Verifier};

/// What a test lets pass.
type Script = dyn Fn(&Statement, &[u8]) -> bool + Send + Sync;

/// Believes every proof, or those that a test's script lets pass.
#[derive(Default)]
pub struct AcceptVerifier {
    script: Option<Box<Script>>,
}

impl AcceptVerifier {
    /// Believes everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Believes what `script` says, given the statement and the bytes in the message.
    pub fn scripted(script: impl Fn(&Statement, &[u8]) -> bool + Send + Sync + 'static) -> Self {
        Self {
            script: Some(Box::new(script)),
        }
    }
}

impl Verifier for AcceptVerifier {
    fn scheme(&self) -> Scheme {
        Scheme::Accept
    }

    fn verify(&self, statement: &Statement, proof: &[u8], _: &dyn ProofBlocks) -> Verdict {
        match &self.script {
            Some(script) if !script(statement, proof) => {
                Verdict::Invalid("the test's script says so".into())
            }
            _ => Verdict::Valid,
        }
    }
}

/// Gives zeros for proofs, as many as a proof has bytes, and reads no sector.
#[derive(Default, Debug, Clone, Copy)]
pub struct AcceptProver;

impl AcceptProver {
    fn zeros(statement: &Statement) -> Result<Proof, ProveError> {
        Ok(Proof {
            bytes: vec![0; field_length(statement).map_err(ProveError::Refused)?],
            blocks: Vec::new(),
        })
    }

    fn post(
        kind: PostKind,
        challenge: &PostChallenge,
        replicas: &[Replica],
    ) -> Result<PostStatement, ProveError> {
        let infos: Vec<_> = replicas.iter().map(Replica::info).collect();
        PostStatement::new(
            kind,
            challenge.proof,
            &challenge.randomness,
            challenge.prover,
            &infos,
        )
        .map_err(refused)
    }
}

impl Prover for AcceptProver {
    fn scheme(&self) -> Scheme {
        Scheme::Accept
    }

    fn prove_seal(
        &self,
        _: &SectorDir,
        sector: &SealedSector,
        seed: &[u8; 32],
    ) -> Result<Proof, ProveError> {
        Self::zeros(&Statement::Seal(sector.statement(seed)))
    }

    fn aggregate_seals(
        &self,
        statement: &AggregateStatement,
        _: &[Proof],
    ) -> Result<Proof, ProveError> {
        Self::zeros(&Statement::Aggregate(statement.clone()))
    }

    fn prove_window(
        &self,
        challenge: &PostChallenge,
        replicas: &[Replica],
    ) -> Result<Proof, ProveError> {
        let statement = Self::post(PostKind::Window, challenge, replicas)?;
        Self::zeros(&Statement::Window(statement))
    }

    fn prove_winning(
        &self,
        challenge: &PostChallenge,
        replica: &Replica,
    ) -> Result<Proof, ProveError> {
        let statement = Self::post(PostKind::Winning, challenge, std::slice::from_ref(replica))?;
        Self::zeros(&Statement::Winning(statement))
    }

    fn prove_update(
        &self,
        _: &SectorDir,
        _: &SealedSector,
        update: &UpdatedSector,
    ) -> Result<Proof, ProveError> {
        Self::zeros(&Statement::Update(update.statement()))
    }
}
