//! The root of the state.

use boatyard_sdk::{AbiType, ArrayRoot, MapRoot};
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;

use super::sector::{SectorOnChainInfo, SectorPreCommitOnChainInfo};

/// Bits per level of `State::sectors` and of its snapshots.
pub const SECTORS_BITS: u32 = 5;
/// Bits per level of `State::pre_committed_sectors_cleanup`.
pub const PRE_COMMIT_CLEANUP_BITS: u32 = 6;

/// State of a miner (spec 05 §3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// A [`MinerInfo`](super::MinerInfo).
    pub info: Cid,
    /// attoFIL, the sum of all pre-commits' deposits.
    pub pre_commit_deposits: TokenAmount,
    /// attoFIL, the sum of the vesting table.
    pub locked_funds: TokenAmount,
    /// What is locked, and until when.
    pub vesting_funds: Option<VestingFunds>,
    /// attoFIL of fees and penalties not paid yet, never negative.
    pub fee_debt: TokenAmount,
    /// attoFIL pledged for live sectors and for terminated ones not settled yet.
    pub initial_pledge: TokenAmount,
    /// Pre-commits by sector number.
    pub pre_committed_sectors: MapRoot<SectorNumber, SectorPreCommitOnChainInfo>,
    /// Epoch, quantised, → numbers of sectors whose pre-commits may expire then.
    pub pre_committed_sectors_cleanup: ArrayRoot<BitField, PRE_COMMIT_CLEANUP_BITS>,
    /// A block that is one bitfield: all sector numbers ever used.
    pub allocated_sectors: Cid,
    /// Sectors by number, the terminated among them until their partition is compacted.
    pub sectors: ArrayRoot<SectorOnChainInfo, SECTORS_BITS>,
    /// First epoch of a proving period, perhaps negative.
    pub proving_period_start: ChainEpoch,
    /// The deadline that cron closes next, as it noted.
    pub current_deadline: u64,
    /// A [`Deadlines`](super::Deadlines).
    pub deadlines: Cid,
    /// Deadlines with early terminations not settled yet.
    pub early_terminations: BitField,
    /// Whether cron is enrolled for the end of deadlines.
    pub deadline_cron_active: bool,
}

/// The vesting table: the next amount in the root, the others in a block of their own
/// (spec 05 §3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct VestingFunds {
    /// What is free next; its amount may be nought.
    pub head: VestingFund,
    /// A block `[[epoch, amount]…]` in the order of epochs, perhaps empty.
    pub tail: Cid,
}

/// An amount and when it is free (spec 05 §3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct VestingFund {
    /// After which epoch.
    pub epoch: ChainEpoch,
    /// attoFIL.
    pub amount: TokenAmount,
}
