//! What a proof says: kinds of statements and their normalised public inputs.
//!
//! Built from what the FVM hands over (spec 11 §2); the conversions refuse what can
//! be no statement. Two calls that mean the same give the same statement, and its
//! [digest](Statement::digest) names it.

use std::collections::BTreeMap;

use cid::Cid;
use fvm_shared::ActorID;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredAggregateProof, RegisteredPoStProof,
    RegisteredSealProof, RegisteredUpdateProof, ReplicaUpdateInfo, SealVerifyInfo, SectorInfo,
    SectorNumber, WindowPoStVerifyInfo, WinningPoStVerifyInfo,
};
use serde::Serialize;
use serde_tuple::Serialize_tuple;

use crate::block::digest;
use crate::commitment::{self, Commitment};

/// The public inputs cannot be a statement; every node finds the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the public inputs are no statement: {0}")]
pub struct MalformedStatement(pub String);

/// A statement of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// A replica holds the data (proof of replication).
    Seal(SealStatement),
    /// The replicas of some sectors are stored at a challenge window.
    Window(PostStatement),
    /// The replica of the sector drawn for a block is stored.
    Winning(PostStatement),
    /// New data was encoded into an old replica.
    Update(UpdateStatement),
    /// Several seals at once.
    Aggregate(AggregateStatement),
}

/// Public inputs of a proof of replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple)]
pub struct SealStatement {
    /// Seal type; part of the replica.
    pub proof: RegisteredSealProof,
    /// Actor ID of the miner; part of the replica.
    pub miner: ActorID,
    /// Sector number; part of the replica.
    pub number: SectorNumber,
    /// Seal randomness; part of the replica.
    pub ticket: [u8; 32],
    /// Interactive randomness; unused by non-interactive seal types.
    pub seed: [u8; 32],
    /// CommR.
    pub comm_r: Commitment,
    /// CommD.
    pub comm_d: Commitment,
}

/// Public inputs of a window or winning proof of spacetime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple)]
pub struct PostStatement {
    /// PoSt type.
    pub proof: RegisteredPoStProof,
    /// Challenge randomness, byte 31 masked with `3f`.
    pub randomness: [u8; 32],
    /// Actor ID of the miner.
    pub prover: ActorID,
    /// Sectors, ascending by number, each once; at least one.
    pub sectors: Vec<PostSector>,
}

/// A sector in a proof of spacetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple)]
pub struct PostSector {
    /// Sector number.
    pub number: SectorNumber,
    /// CommR.
    pub comm_r: Commitment,
}

/// Public inputs of a replica update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple)]
pub struct UpdateStatement {
    /// Update type.
    pub proof: RegisteredUpdateProof,
    /// CommR before.
    pub comm_r_old: Commitment,
    /// CommR after.
    pub comm_r_new: Commitment,
    /// CommD of the new data.
    pub comm_d_new: Commitment,
}

/// Public inputs of an aggregated proof. The order of the seals matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple)]
pub struct AggregateStatement {
    /// Aggregate type.
    pub aggregate: RegisteredAggregateProof,
    /// The seals: one miner, one type, at least one.
    pub seals: Vec<SealStatement>,
}

/// Separates statement digests from all other uses of the hash.
const DOMAIN: &str = "boatyard/proofs/statement/1";

impl Statement {
    /// A short name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Seal(_) => "seal",
            Self::Window(_) => "window PoSt",
            Self::Winning(_) => "winning PoSt",
            Self::Update(_) => "replica update",
            Self::Aggregate(_) => "aggregated seals",
        }
    }

    /// BLAKE2b-256 over a domain tag and the canonical CBOR of kind and inputs.
    pub fn digest(&self) -> [u8; 32] {
        match self {
            Self::Seal(seal) => named(1, seal),
            Self::Window(post) => named(2, post),
            Self::Winning(post) => named(3, post),
            Self::Update(update) => named(4, update),
            Self::Aggregate(aggregate) => named(5, aggregate),
        }
    }
}

fn named(kind: u8, inputs: &impl Serialize) -> [u8; 32] {
    let bytes = fvm_ipld_encoding::to_vec(&(DOMAIN, kind, inputs))
        .expect("numbers and byte arrays are encodable");
    digest(&bytes)
}

/// Byte 31 of PoSt randomness is masked so that it is a field element.
pub fn mask(mut randomness: [u8; 32]) -> [u8; 32] {
    randomness[31] &= 0x3f;
    randomness
}

impl TryFrom<&SealVerifyInfo> for SealStatement {
    type Error = MalformedStatement;

    fn try_from(info: &SealVerifyInfo) -> Result<Self, MalformedStatement> {
        Ok(Self {
            proof: known_seal(info.registered_proof)?,
            miner: info.sector_id.miner,
            number: info.sector_id.number,
            ticket: randomness("ticket", &info.randomness.0)?,
            seed: randomness("seed", &info.interactive_randomness.0)?,
            comm_r: comm_r(&info.sealed_cid)?,
            comm_d: comm_d(&info.unsealed_cid)?,
        })
    }
}

impl TryFrom<&AggregateSealVerifyProofAndInfos> for AggregateStatement {
    type Error = MalformedStatement;

    fn try_from(info: &AggregateSealVerifyProofAndInfos) -> Result<Self, MalformedStatement> {
        if let RegisteredAggregateProof::Invalid(number) = info.aggregate_proof {
            return Err(MalformedStatement(format!("aggregate type {number}")));
        }
        if info.infos.is_empty() {
            return Err(MalformedStatement("an aggregate of no seals".into()));
        }
        let proof = known_seal(info.seal_proof)?;
        let seals = info
            .infos
            .iter()
            .map(|seal| {
                Ok(SealStatement {
                    proof,
                    miner: info.miner,
                    number: seal.sector_number,
                    ticket: randomness("ticket", &seal.randomness.0)?,
                    seed: randomness("seed", &seal.interactive_randomness.0)?,
                    comm_r: comm_r(&seal.sealed_cid)?,
                    comm_d: comm_d(&seal.unsealed_cid)?,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            aggregate: info.aggregate_proof,
            seals,
        })
    }
}

impl TryFrom<&WindowPoStVerifyInfo> for PostStatement {
    type Error = MalformedStatement;

    fn try_from(info: &WindowPoStVerifyInfo) -> Result<Self, MalformedStatement> {
        let [proof] = info.proofs.as_slice() else {
            return Err(MalformedStatement(format!(
                "{} window proofs instead of one",
                info.proofs.len()
            )));
        };
        Self::new(
            PostKind::Window,
            proof.post_proof,
            &info.randomness.0,
            info.prover,
            &info.challenged_sectors,
        )
    }
}

impl TryFrom<&WinningPoStVerifyInfo> for PostStatement {
    type Error = MalformedStatement;

    fn try_from(info: &WinningPoStVerifyInfo) -> Result<Self, MalformedStatement> {
        let [proof] = info.proofs.as_slice() else {
            return Err(MalformedStatement(format!(
                "{} winning proofs instead of one",
                info.proofs.len()
            )));
        };
        Self::new(
            PostKind::Winning,
            proof.post_proof,
            &info.randomness.0,
            info.prover,
            &info.challenge_sectors,
        )
    }
}

/// Which of the two proofs of spacetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostKind {
    /// Once per proving period, all sectors of a deadline.
    Window,
    /// For a block, one sector.
    Winning,
}

impl PostKind {
    /// The kind of a PoSt type, `None` for an unknown type.
    pub fn of(proof: RegisteredPoStProof) -> Option<Self> {
        use RegisteredPoStProof as P;
        match proof {
            P::StackedDRGWinning2KiBV1
            | P::StackedDRGWinning8MiBV1
            | P::StackedDRGWinning512MiBV1
            | P::StackedDRGWinning32GiBV1
            | P::StackedDRGWinning64GiBV1 => Some(Self::Winning),
            P::StackedDRGWindow2KiBV1P1
            | P::StackedDRGWindow8MiBV1P1
            | P::StackedDRGWindow512MiBV1P1
            | P::StackedDRGWindow32GiBV1P1
            | P::StackedDRGWindow64GiBV1P1 => Some(Self::Window),
            P::Invalid(_) => None,
        }
    }
}

impl PostStatement {
    /// Normalises the inputs: masks the randomness, sorts the sectors, and keeps the
    /// last of those with the same number.
    ///
    /// # Errors
    /// No sectors, several for a winning proof, a type of another kind or sector
    /// size, randomness of other than 32 bytes, a sealed CID that is none.
    pub fn new(
        kind: PostKind,
        proof: RegisteredPoStProof,
        random: &[u8],
        prover: ActorID,
        sectors: &[SectorInfo],
    ) -> Result<Self, MalformedStatement> {
        if PostKind::of(proof) != Some(kind) {
            return Err(MalformedStatement(format!(
                "{proof:?} is no type of {kind:?} PoSt"
            )));
        }
        let mut by_number = BTreeMap::new();
        for sector in sectors {
            if sector.proof.sector_size() != proof.sector_size() {
                return Err(MalformedStatement(format!(
                    "sector {} of type {:?} in a {proof:?}",
                    sector.sector_number, sector.proof
                )));
            }
            by_number.insert(sector.sector_number, comm_r(&sector.sealed_cid)?);
        }
        let wrong_count = match kind {
            PostKind::Window => by_number.is_empty(),
            PostKind::Winning => by_number.len() != 1,
        };
        if wrong_count {
            return Err(MalformedStatement(format!(
                "{} sectors in a {kind:?} PoSt",
                by_number.len()
            )));
        }
        Ok(Self {
            proof,
            randomness: mask(randomness("challenge", random)?),
            prover,
            sectors: by_number
                .into_iter()
                .map(|(number, comm_r)| PostSector { number, comm_r })
                .collect(),
        })
    }
}

impl TryFrom<&ReplicaUpdateInfo> for UpdateStatement {
    type Error = MalformedStatement;

    fn try_from(info: &ReplicaUpdateInfo) -> Result<Self, MalformedStatement> {
        if let RegisteredUpdateProof::Invalid(number) = info.update_proof_type {
            return Err(MalformedStatement(format!("update type {number}")));
        }
        Ok(Self {
            proof: info.update_proof_type,
            comm_r_old: comm_r(&info.old_sealed_cid)?,
            comm_r_new: comm_r(&info.new_sealed_cid)?,
            comm_d_new: comm_d(&info.new_unsealed_cid)?,
        })
    }
}

fn known_seal(proof: RegisteredSealProof) -> Result<RegisteredSealProof, MalformedStatement> {
    match proof {
        RegisteredSealProof::Invalid(number) => {
            Err(MalformedStatement(format!("seal type {number}")))
        }
        known => Ok(known),
    }
}

fn randomness(what: &str, bytes: &[u8]) -> Result<[u8; 32], MalformedStatement> {
    bytes.try_into().map_err(|_| {
        MalformedStatement(format!(
            "randomness of the {what} has {} bytes instead of 32",
            bytes.len()
        ))
    })
}

fn comm_r(cid: &Cid) -> Result<Commitment, MalformedStatement> {
    commitment::from_sealed_cid(cid).map_err(|error| MalformedStatement(error.to_string()))
}

fn comm_d(cid: &Cid) -> Result<Commitment, MalformedStatement> {
    commitment::from_unsealed_cid(cid).map_err(|error| MalformedStatement(error.to_string()))
}
