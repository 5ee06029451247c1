//! Pre-commits and sectors (spec 05 §3.4, §3.5).

use boatyard_sdk::AbiType;
use cid::Cid;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::bigint::{BigInt, bigint_ser};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredSealProof, SectorNumber};

/// Flag of a sector whose quality counts by space alone, not by space and time
/// (spec 05 §3.5); every new one has it.
pub const SIMPLE_QA_POWER: u32 = 1;

/// What a provider says of a sector before it proves it; also the element of
/// `PreCommitSectorBatch2` (spec 05 §3.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorPreCommitInfo {
    /// How it is sealed; unknown numbers are kept.
    pub seal_proof: RegisteredSealProof,
    /// Its number.
    pub sector_number: SectorNumber,
    /// CommR.
    pub sealed_cid: Cid,
    /// Of which epoch the ticket is.
    pub seal_rand_epoch: ChainEpoch,
    /// Deals of the market. A sector with some can be announced, not proven any more.
    pub deal_ids: Vec<DealID>,
    /// Its last epoch.
    pub expiration: ChainEpoch,
    /// CommD; `None` says all zeros, and is stored as it came.
    pub unsealed_cid: Option<Cid>,
}

/// A pre-commit as it lies in state (spec 05 §3.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorPreCommitOnChainInfo {
    /// What the provider said.
    pub info: SectorPreCommitInfo,
    /// attoFIL that are kept until it is proven.
    pub pre_commit_deposit: TokenAmount,
    /// When it said so.
    pub pre_commit_epoch: ChainEpoch,
}

/// A sector (spec 05 §3.5): read with 15 elements or 16, written with 16.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorOnChainInfo {
    /// Its number.
    pub sector_number: SectorNumber,
    /// How it was sealed.
    pub seal_proof: RegisteredSealProof,
    /// CommR.
    pub sealed_cid: Cid,
    /// Empty for new sectors.
    pub deprecated_deal_ids: Vec<DealID>,
    /// When it was proven first.
    pub activation: ChainEpoch,
    /// Its last epoch.
    pub expiration: ChainEpoch,
    /// Byte-epochs of deals without datacap.
    #[serde(with = "bigint_ser")]
    pub deal_weight: BigInt,
    /// Byte-epochs of pieces with datacap.
    #[serde(with = "bigint_ser")]
    pub verified_deal_weight: BigInt,
    /// attoFIL.
    pub initial_pledge: TokenAmount,
    /// attoFIL; `None` for new sectors.
    pub expected_day_reward: Option<TokenAmount>,
    /// attoFIL; `None` for new sectors.
    pub expected_storage_pledge: Option<TokenAmount>,
    /// From when its weights count.
    pub power_base_epoch: ChainEpoch,
    /// attoFIL; `None` for new sectors.
    pub replaced_day_reward: Option<TokenAmount>,
    /// CommR before the first replica update.
    pub sector_key_cid: Option<Cid>,
    /// [`SIMPLE_QA_POWER`] and bits that are kept.
    pub flags: u32,
    /// attoFIL for a day; nought in records of 15 elements.
    #[serde(default)]
    pub daily_fee: TokenAmount,
}
