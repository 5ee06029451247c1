//! The prover's end of a proof.

use fvm_shared::ActorID;
use fvm_shared::sector::{RegisteredPoStProof, SectorNumber};
use sha2::{Digest, Sha256};

use crate::block::{ProofBlock, digest};
use crate::commitment::prover_id;
use crate::scheme::Scheme;
use crate::sector::{Replica, SealedSector, SectorDir, UpdatedSector};
use crate::stand_in::StandIn;
use crate::statement::{AggregateStatement, mask};

/// What a prover hands over: bytes for the message, and the blocks they name.
///
/// The blocks must be in the chain's block store before the message enters the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What goes into the message's proof field.
    pub bytes: Vec<u8>,
    /// Blocks named by the bytes; none for Groth16.
    pub blocks: Vec<ProofBlock>,
}

impl Proof {
    /// The same with one bit changed in the proof itself, the outside in order: what a
    /// provider that cheats, or whose disk does, would send. For fault injection.
    pub fn spoiled(&self) -> Self {
        let mut spoiled = self.clone();
        match (StandIn::parse(&self.bytes), spoiled.blocks.first_mut()) {
            (Ok(stand_in), Some(block)) => {
                if let Some(byte) = block.data.last_mut() {
                    *byte ^= 1;
                }
                *block = ProofBlock::new(std::mem::take(&mut block.data));
                let proof = digest(&block.data);
                spoiled.bytes = StandIn { proof, ..stand_in }.to_bytes(self.bytes.len());
            }
            _ => {
                if let Some(byte) = spoiled.bytes.last_mut() {
                    *byte ^= 1;
                }
            }
        }
        spoiled
    }
}

/// What a proof of spacetime has to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostChallenge {
    /// PoSt type; says whether it is window or winning, and the sector size.
    pub proof: RegisteredPoStProof,
    /// Randomness drawn from the chain; need not be masked.
    pub randomness: [u8; 32],
    /// Actor ID of the miner.
    pub prover: ActorID,
}

/// Which of a miner's `count` sectors must be proven for a block, counted from 0 in
/// ascending order of their numbers; `None` when there are none. Source: spec 11 §1.
pub fn winning_sector(challenge: &PostChallenge, count: u64) -> Option<u64> {
    let hash = Sha256::new()
        .chain_update(prover_id(challenge.prover))
        .chain_update(mask(challenge.randomness))
        .chain_update(0u64.to_le_bytes())
        .finalize();
    let (first, _) = hash.split_first_chunk().expect("SHA-256 has 32 bytes");
    u64::from_le_bytes(*first).checked_rem(count)
}

/// Makes proofs under one [`Scheme`]. Every method reads the sector's files and
/// fails when they are lost or damaged; none writes to them.
pub trait Prover: Send + Sync {
    /// Which scheme.
    fn scheme(&self) -> Scheme;

    /// Proof of replication for one sector. `seed` is the interactive randomness;
    /// for non-interactive seal types pass 32 times `01`, as the miner actor does.
    ///
    /// # Errors
    /// [`ProveError::Faulty`] when files are lost or damaged, or the sealing files
    /// were [released](crate::seal::release).
    fn prove_seal(
        &self,
        dir: &SectorDir,
        sector: &SealedSector,
        seed: &[u8; 32],
    ) -> Result<Proof, ProveError>;

    /// One proof for several seals; `proofs` are those of
    /// [`prove_seal`](Self::prove_seal) in the statement's order.
    ///
    /// # Errors
    /// When the numbers of seals and proofs differ or a proof is of another sector.
    fn aggregate_seals(
        &self,
        statement: &AggregateStatement,
        proofs: &[Proof],
    ) -> Result<Proof, ProveError>;

    /// One proof that all `replicas` are stored. Order and repetition of replicas do
    /// not matter. The field holds one proof however many partitions are proven.
    ///
    /// # Errors
    /// [`ProveError::Faulty`] names every sector that cannot be proven; leave those
    /// out (declare them faulty) and try again.
    fn prove_window(
        &self,
        challenge: &PostChallenge,
        replicas: &[Replica],
    ) -> Result<Proof, ProveError>;

    /// Proof that the sector drawn with [`winning_sector`] is stored.
    ///
    /// # Errors
    /// As [`prove_window`](Self::prove_window).
    fn prove_winning(
        &self,
        challenge: &PostChallenge,
        replica: &Replica,
    ) -> Result<Proof, ProveError>;

    /// Proof that a sector's replica was updated.
    ///
    /// # Errors
    /// [`ProveError::Faulty`] when files of the old or the new replica are lost or
    /// damaged.
    fn prove_update(
        &self,
        dir: &SectorDir,
        sector: &SealedSector,
        update: &UpdatedSector,
    ) -> Result<Proof, ProveError>;
}

/// Why there is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// Data of these sectors is lost or damaged, or never was what it should be.
    #[error("{}", list(.0))]
    Faulty(Vec<FaultySector>),
    /// The inputs do not fit together; the prover was asked wrongly.
    #[error("cannot prove: {0}")]
    Refused(String),
    /// The scheme needs Groth16 parameters which are not there.
    #[error("cannot prove: {0}; `boatyard proofs setup` makes them for sectors of 2 KiB")]
    NoParameters(String),
    /// The proof library failed for no fault of the sector.
    #[error("proving failed: {0}")]
    Failed(String),
}

/// A sector that cannot be proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultySector {
    /// Its number.
    pub number: SectorNumber,
    /// What the prover found.
    pub reason: String,
}

fn list(sectors: &[FaultySector]) -> String {
    let each: Vec<_> = sectors
        .iter()
        .map(|sector| {
            format!(
                "sector {} cannot be proven: {}",
                sector.number, sector.reason
            )
        })
        .collect();
    each.join("; ")
}
