//! Parameters and returns of proofs, faults, terminations and compaction (spec 06
//! §3).

use boatyard_sdk::AbiType;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::PoStProof;

/// A partition that a Window PoSt is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct PoStPartition {
    /// Its index in the deadline.
    pub index: u64,
    /// Sectors that are not proven, and become faulty unless they are.
    pub skipped: BitField,
}

/// Parameters of `SubmitWindowedPoSt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SubmitWindowedPoStParams {
    /// The deadline that is open.
    pub deadline: u64,
    /// What is proven.
    pub partitions: Vec<PoStPartition>,
    /// Exactly one proof, over all of it.
    pub proofs: Vec<PoStProof>,
    /// An epoch between challenge and now, which ties the proof to this chain.
    pub chain_commit_epoch: ChainEpoch,
    /// The randomness of the ticket chain at that epoch, 32 bytes.
    pub chain_commit_rand: RawBytes,
}

/// Parameters of `DisputeWindowedPoSt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct DisputeWindowedPoStParams {
    /// The deadline whose last window the proof is of.
    pub deadline: u64,
    /// Index of the proof.
    pub post_index: u64,
}

/// Sectors of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorDeclaration {
    /// Index of the deadline.
    pub deadline: u64,
    /// Index of the partition in it.
    pub partition: u64,
    /// Numbers of the sectors.
    pub sectors: BitField,
}

impl SectorDeclaration {
    /// For [`DeadlineSectorMap::collect`](crate::sector_map::DeadlineSectorMap::collect).
    pub(crate) fn address(&self) -> (u64, u64, &BitField) {
        (self.deadline, self.partition, &self.sectors)
    }
}

/// Parameters of `TerminateSectors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct TerminateSectorsParams {
    /// Live sectors to end; perhaps none, to go on with the settlement.
    pub terminations: Vec<SectorDeclaration>,
}

/// Return of `TerminateSectors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct TerminateSectorsReturn {
    /// Whether all terminations are settled.
    pub done: bool,
}

/// Parameters of `DeclareFaults`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct DeclareFaultsParams {
    /// Sectors that are faulty.
    pub faults: Vec<SectorDeclaration>,
}

/// Parameters of `DeclareFaultsRecovered`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct DeclareFaultsRecoveredParams {
    /// Sectors that are well again and will be proven.
    pub recoveries: Vec<SectorDeclaration>,
}

/// Parameters of `CompactPartitions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct CompactPartitionsParams {
    /// Index of the deadline.
    pub deadline: u64,
    /// Indices of the partitions that are dissolved.
    pub partitions: BitField,
}

/// Parameters of `CompactSectorNumbers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct CompactSectorNumbersParams {
    /// Numbers that are used up, whether they were used or not.
    pub mask_sector_numbers: BitField,
}
