//! A sector's files, and what its prover must remember.

use std::path::{Path, PathBuf};

use cid::Cid;
use fvm_shared::ActorID;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    RegisteredSealProof, RegisteredUpdateProof, SectorID, SectorInfo, SectorNumber, SectorSize,
};
use serde_tuple::{Deserialize_tuple, Serialize_tuple};

use crate::commitment::{self, Commitment};
use crate::statement::{SealStatement, UpdateStatement};

/// What is decided about a sector before sealing. All of it goes into the replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct SectorSpec {
    /// Seal type, and with it the sector size.
    pub proof: RegisteredSealProof,
    /// Actor ID of the miner.
    pub miner: ActorID,
    /// Sector number.
    pub number: SectorNumber,
    /// Seal randomness.
    pub ticket: [u8; 32],
}

impl SectorSpec {
    /// Miner and number.
    pub fn id(&self) -> SectorID {
        SectorID {
            miner: self.miner,
            number: self.number,
        }
    }
}

/// A sealed sector as its prover remembers it; encodes to CBOR, and is not decoded with a
/// commitment that is all zero. With the files in its [`SectorDir`] every proof about it
/// can be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct SealedSector {
    /// What was decided before.
    pub spec: SectorSpec,
    /// Pieces in order that fill the whole sector, zero pieces included.
    pub pieces: Vec<PieceInfo>,
    /// CommD, the root over the pieces.
    #[serde(deserialize_with = "commitment::decode")]
    pub comm_d: Commitment,
    /// CommR, the commitment to the replica.
    #[serde(deserialize_with = "commitment::decode")]
    pub comm_r: Commitment,
}

impl SealedSector {
    /// CID of CommD.
    pub fn unsealed_cid(&self) -> Cid {
        commitment::unsealed_cid(&self.comm_d).expect("no tree has the root zero")
    }

    /// CID of CommR.
    pub fn sealed_cid(&self) -> Cid {
        commitment::sealed_cid(&self.comm_r).expect("no tree has the root zero")
    }

    /// What a proof of replication says of this sector.
    pub fn statement(&self, seed: &[u8; 32]) -> SealStatement {
        SealStatement {
            proof: self.spec.proof,
            miner: self.spec.miner,
            number: self.spec.number,
            ticket: self.spec.ticket,
            seed: *seed,
            comm_r: self.comm_r,
            comm_d: self.comm_d,
        }
    }

    /// What proofs of spacetime read.
    pub fn replica(&self, dir: &SectorDir) -> Replica {
        Replica {
            proof: self.spec.proof,
            number: self.spec.number,
            comm_r: self.comm_r,
            sealed: dir.sealed(),
            cache: dir.cache(),
        }
    }
}

/// A sector whose replica was updated with data, as its prover remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct UpdatedSector {
    /// Update type.
    pub proof: RegisteredUpdateProof,
    /// Pieces in order that fill the whole sector, zero pieces included.
    pub pieces: Vec<PieceInfo>,
    /// CommR of the replica that was updated.
    #[serde(deserialize_with = "commitment::decode")]
    pub comm_r_old: Commitment,
    /// CommD of the new data.
    #[serde(deserialize_with = "commitment::decode")]
    pub comm_d: Commitment,
    /// CommR of the new replica.
    #[serde(deserialize_with = "commitment::decode")]
    pub comm_r: Commitment,
}

impl UpdatedSector {
    /// CID of the new CommD.
    pub fn unsealed_cid(&self) -> Cid {
        commitment::unsealed_cid(&self.comm_d).expect("no tree has the root zero")
    }

    /// CID of the new CommR.
    pub fn sealed_cid(&self) -> Cid {
        commitment::sealed_cid(&self.comm_r).expect("no tree has the root zero")
    }

    /// What a proof of the update says.
    pub fn statement(&self) -> UpdateStatement {
        UpdateStatement {
            proof: self.proof,
            comm_r_old: self.comm_r_old,
            comm_r_new: self.comm_r,
            comm_d_new: self.comm_d,
        }
    }

    /// What proofs of spacetime read once the update is on chain.
    pub fn replica(&self, sector: &SealedSector, dir: &SectorDir) -> Replica {
        Replica {
            proof: sector.spec.proof,
            number: sector.spec.number,
            comm_r: self.comm_r,
            sealed: dir.update(),
            cache: dir.update_cache(),
        }
    }
}

/// A replica on disk, as proofs of spacetime read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Seal type of the sector.
    pub proof: RegisteredSealProof,
    /// Sector number.
    pub number: SectorNumber,
    /// CommR that stands on chain.
    pub comm_r: Commitment,
    /// The replica itself.
    pub sealed: PathBuf,
    /// Directory of its trees.
    pub cache: PathBuf,
}

impl Replica {
    /// As verifiers get it.
    pub fn info(&self) -> SectorInfo {
        SectorInfo {
            proof: self.proof,
            sector_number: self.number,
            sealed_cid: commitment::sealed_cid(&self.comm_r).expect("no tree has the root zero"),
        }
    }
}

/// The directory of one sector. It may be moved as a whole.
///
/// | file | holds | may be deleted |
/// |---|---|---|
/// | `unsealed` | the padded data | always; [unsealing](crate::seal::unseal) gives it back |
/// | `sealed` | the replica | when the sector ends |
/// | `cache/` | trees and labels; after [release](crate::seal::release) only what PoSts need | when the sector ends |
/// | `update-unsealed`, `update`, `update-cache/` | the same of a replica update | likewise; keep `sealed` and `cache`, from which update data is decoded |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectorDir {
    root: PathBuf,
}

impl SectorDir {
    /// A directory that need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The padded data.
    pub fn unsealed(&self) -> PathBuf {
        self.root.join("unsealed")
    }

    /// The replica.
    pub fn sealed(&self) -> PathBuf {
        self.root.join("sealed")
    }

    /// Trees and labels of the replica.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// The padded data of a replica update.
    pub fn update_unsealed(&self) -> PathBuf {
        self.root.join("update-unsealed")
    }

    /// The updated replica.
    pub fn update(&self) -> PathBuf {
        self.root.join("update")
    }

    /// Trees of the updated replica.
    pub fn update_cache(&self) -> PathBuf {
        self.root.join("update-cache")
    }

    /// Where unfinished work lies; safe to delete when nobody works.
    pub fn scratch(&self) -> PathBuf {
        self.root.join("unfinished")
    }
}

/// The seal types of a sector size that new sectors use.
pub fn seal_type(size: SectorSize, interactive: Interaction) -> RegisteredSealProof {
    use RegisteredSealProof as P;
    match (interactive, size) {
        (Interaction::Interactive, SectorSize::_2KiB) => P::StackedDRG2KiBV1P1,
        (Interaction::Interactive, SectorSize::_8MiB) => P::StackedDRG8MiBV1P1,
        (Interaction::Interactive, SectorSize::_512MiB) => P::StackedDRG512MiBV1P1,
        (Interaction::Interactive, SectorSize::_32GiB) => P::StackedDRG32GiBV1P1,
        (Interaction::Interactive, SectorSize::_64GiB) => P::StackedDRG64GiBV1P1,
        (Interaction::NonInteractive, SectorSize::_2KiB) => P::StackedDRG2KiBV1P2_Feat_NiPoRep,
        (Interaction::NonInteractive, SectorSize::_8MiB) => P::StackedDRG8MiBV1P2_Feat_NiPoRep,
        (Interaction::NonInteractive, SectorSize::_512MiB) => P::StackedDRG512MiBV1P2_Feat_NiPoRep,
        (Interaction::NonInteractive, SectorSize::_32GiB) => P::StackedDRG32GiBV1P2_Feat_NiPoRep,
        (Interaction::NonInteractive, SectorSize::_64GiB) => P::StackedDRG64GiBV1P2_Feat_NiPoRep,
    }
}

/// Whether the chain takes part in choosing a seal's challenges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interaction {
    /// Pre-commit first, then answer challenges drawn later (PreCommitSectorBatch2,
    /// ProveCommitSectors3).
    Interactive,
    /// One message (ProveCommitSectorsNI); only for sectors without data.
    NonInteractive,
}

#[cfg(test)]
mod tests {
    use super::*;
    use fvm_ipld_encoding::{from_slice, to_vec};

    fn sealed() -> SealedSector {
        SealedSector {
            spec: SectorSpec {
                proof: RegisteredSealProof::StackedDRG2KiBV1P1,
                miner: 1000,
                number: 7,
                ticket: [0; 32],
            },
            pieces: Vec::new(),
            comm_d: [3; 32],
            comm_r: [4; 32],
        }
    }

    #[test]
    fn a_record_with_a_zero_commitment_is_refused() {
        let updated = UpdatedSector {
            proof: RegisteredUpdateProof::StackedDRG2KiBV1,
            pieces: Vec::new(),
            comm_r_old: [4; 32],
            comm_d: [5; 32],
            comm_r: [6; 32],
        };
        let read: SealedSector = from_slice(&to_vec(&sealed()).unwrap()).unwrap();
        assert_eq!(read, sealed());
        let read: UpdatedSector = from_slice(&to_vec(&updated).unwrap()).unwrap();
        assert_eq!(read, updated);

        for spoilt in [
            SealedSector {
                comm_d: [0; 32],
                ..sealed()
            },
            SealedSector {
                comm_r: [0; 32],
                ..sealed()
            },
        ] {
            let refused = from_slice::<SealedSector>(&to_vec(&spoilt).unwrap());
            let words = refused.unwrap_err().to_string();
            assert!(words.contains("all zero"), "{words}");
        }
        for spoilt in [
            UpdatedSector {
                comm_r_old: [0; 32],
                ..updated.clone()
            },
            UpdatedSector {
                comm_d: [0; 32],
                ..updated.clone()
            },
            UpdatedSector {
                comm_r: [0; 32],
                ..updated.clone()
            },
        ] {
            let refused = from_slice::<UpdatedSector>(&to_vec(&spoilt).unwrap());
            assert!(refused.is_err());
        }
    }
}
