//! Deadlines and their partitions, and what expires in them when (specs 05 §3.6,
//! 06 §4).

use boatyard_sdk::{AbiType, ArrayRoot};
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::bigint::{BigInt, bigint_ser};
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::PoStProof;

use super::sector::SectorOnChainInfo;
use super::state::SECTORS_BITS;

/// Bits per level of `Deadline::partitions` and its snapshot.
pub const PARTITIONS_BITS: u32 = 3;
/// Bits per level of `Deadline::expirations_epochs`.
pub const DEADLINE_EXPIRATIONS_BITS: u32 = 5;
/// Bits per level of `Deadline::optimistic_post_submissions` and its snapshot.
pub const POST_SUBMISSIONS_BITS: u32 = 2;
/// Bits per level of `Partition::expirations_epochs`.
pub const PARTITION_EXPIRATIONS_BITS: u32 = 4;
/// Bits per level of `Partition::early_terminated`.
pub const EARLY_TERMINATED_BITS: u32 = 3;

/// The 48 deadlines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct Deadlines {
    /// A [`Deadline`] each.
    pub due: Vec<Cid>,
}

/// Raw power and quality-adjusted power, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct PowerPair {
    /// Bytes.
    #[serde(with = "bigint_ser")]
    pub raw: BigInt,
    /// Bytes, by quality.
    #[serde(with = "bigint_ser")]
    pub qa: BigInt,
}

/// The partitions that are due together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct Deadline {
    /// By index, without gaps.
    pub partitions: ArrayRoot<Partition, PARTITIONS_BITS>,
    /// Epoch, quantised, → partitions in which something may expire then.
    pub expirations_epochs: ArrayRoot<BitField, DEADLINE_EXPIRATIONS_BITS>,
    /// Partitions proven in the present window.
    pub partitions_posted: BitField,
    /// Partitions with early terminations not settled yet.
    pub early_terminations: BitField,
    /// How many sectors are not terminated.
    pub live_sectors: u64,
    /// How many sectors there are, the terminated until compaction among them.
    pub total_sectors: u64,
    /// The sum over the partitions.
    pub faulty_power: PowerPair,
    /// Proofs of the present window, taken on trust.
    pub optimistic_post_submissions: ArrayRoot<WindowedPoSt, POST_SUBMISSIONS_BITS>,
    /// `State::sectors` when the last window closed.
    pub sectors_snapshot: ArrayRoot<SectorOnChainInfo, SECTORS_BITS>,
    /// `partitions` when the last window closed.
    pub partitions_snapshot: ArrayRoot<Partition, PARTITIONS_BITS>,
    /// Proofs of the last window, open to dispute.
    pub optimistic_post_submissions_snapshot: ArrayRoot<WindowedPoSt, POST_SUBMISSIONS_BITS>,
    /// Active, faulty and unproven.
    pub live_power: PowerPair,
    /// attoFIL, the sum over live sectors.
    pub daily_fee: TokenAmount,
}

/// Sectors that are proven with one proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct Partition {
    /// All that were put here and not compacted away.
    pub sectors: BitField,
    /// Those never proven yet.
    pub unproven: BitField,
    /// Those that are faulty.
    pub faults: BitField,
    /// The faulty that are said to be well again.
    pub recoveries: BitField,
    /// Those that ended.
    pub terminated: BitField,
    /// Epoch, quantised, → what expires then.
    pub expirations_epochs: ArrayRoot<ExpirationSet, PARTITION_EXPIRATIONS_BITS>,
    /// Epoch of termination → sectors not settled yet.
    pub early_terminated: ArrayRoot<BitField, EARLY_TERMINATED_BITS>,
    /// Active, faulty and unproven.
    pub live_power: PowerPair,
    /// Never proven yet.
    pub unproven_power: PowerPair,
    /// Faulty.
    pub faulty_power: PowerPair,
    /// Said to be well again.
    pub recovering_power: PowerPair,
}

/// What expires together: read with five elements or six, written with six.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ExpirationSet {
    /// Sectors at the end they were promised for.
    pub on_time_sectors: BitField,
    /// Faulty sectors that end before.
    pub early_sectors: BitField,
    /// attoFIL pledged for those on time.
    pub on_time_pledge: TokenAmount,
    /// Power of those not faulty.
    pub active_power: PowerPair,
    /// Power of those that are.
    pub faulty_power: PowerPair,
    /// attoFIL by which the deadline's daily fee falls; nought in records of five
    /// elements.
    #[serde(default)]
    pub fee_deduction: TokenAmount,
}

/// A submitted Window PoSt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct WindowedPoSt {
    /// The partitions it is for.
    pub partitions: BitField,
    /// The proofs.
    pub proofs: Vec<PoStProof>,
}
