//! Parameters and returns of identity, money and queries, in the sheet's order. What
//! other built-in actors send is in [`boatyard_actors_shared::ext::miner`].

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::address::Address;
use fvm_shared::bigint::bigint_ser;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{SectorNumber, StoragePower};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub mod onboarding;
pub mod proving;

pub use onboarding::{
    DataActivationNotification, ExpirationExtension2, ExtendSectorExpiration2Params,
    InternalSectorSetupForPresealParams, PieceActivationManifest, PreCommitSectorBatchParams,
    ProveCommitSectors3Params, ProveCommitSectorsNiParams, ProveReplicaUpdates3Params,
    SectorActivationManifest, SectorClaim, SectorNiActivationInfo, SectorUpdateManifest,
    VerifiedAllocationKey,
};

pub use proving::{
    CompactPartitionsParams, CompactSectorNumbersParams, DeclareFaultsParams,
    DeclareFaultsRecoveredParams, DisputeWindowedPoStParams, PoStPartition, SectorDeclaration,
    SubmitWindowedPoStParams, TerminateSectorsParams, TerminateSectorsReturn,
};

use crate::schema::{BeneficiaryTerm, PendingBeneficiaryChange, VestingFund};

/// Parameters of `ChangeWorkerAddress`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ChangeWorkerAddressParams {
    /// The worker to come: an account with a BLS key.
    pub new_worker: Address,
    /// All control addresses from now on.
    pub new_control_addresses: Vec<Address>,
}

/// Parameters of `ChangePeerID`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ChangePeerIDParams {
    /// libp2p peer.
    pub new_id: RawBytes,
}

/// Parameters of `ChangeMultiaddrs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ChangeMultiaddrsParams {
    /// Where the peer listens, binary multiaddrs.
    pub new_multi_addrs: Vec<RawBytes>,
}

/// Parameters of `ChangeBeneficiary`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ChangeBeneficiaryParams {
    /// Who withdrawals are to be paid to.
    pub new_beneficiary: Address,
    /// attoFIL in all; 0 for the owner.
    pub new_quota: TokenAmount,
    /// The first epoch in which it gets nothing any more; 0 for the owner.
    pub new_expiration: ChainEpoch,
}

/// The beneficiary and what it may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ActiveBeneficiary {
    /// Who withdrawals are paid to.
    pub beneficiary: Address,
    /// What it may have if it is not the owner.
    pub term: BeneficiaryTerm,
}

/// Return of `GetBeneficiary`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetBeneficiaryReturn {
    /// The present one.
    pub active: ActiveBeneficiary,
    /// The one to come, with the consents there are.
    pub proposed: Option<PendingBeneficiaryChange>,
}

/// Return of `GetOwner`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetOwnerReturn {
    /// The present one.
    pub owner: Address,
    /// The one to come.
    pub proposed: Option<Address>,
}

/// Return of `GetPeerID`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetPeerIDReturn {
    /// libp2p peer.
    pub peer_id: RawBytes,
}

/// Return of `GetMultiaddrs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetMultiaddrsReturn {
    /// Where the peer listens, binary multiaddrs.
    pub multi_addrs: Vec<RawBytes>,
}

/// Return of `GetVestingFunds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetVestingFundsReturn {
    /// By epoch.
    pub vesting_funds: Vec<VestingFund>,
}

/// Parameters of `MaxTerminationFee`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct MaxTerminationFeeParams {
    /// Quality-adjusted power of the sector in bytes.
    #[serde(with = "bigint_ser")]
    pub power: StoragePower,
    /// attoFIL that it pledged.
    pub initial_pledge: TokenAmount,
}

/// Parameters of `CheckSectorProven`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct CheckSectorProvenParams {
    /// The sector.
    pub sector_number: SectorNumber,
}

/// Parameters of `GenerateSectorLocation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GenerateSectorLocationParams {
    /// The sector.
    pub sector_number: SectorNumber,
}

/// Return of `GenerateSectorLocation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GenerateSectorLocationReturn {
    /// How the sector is.
    pub status: SectorStatusCode,
    /// Where it is: an encoded [`SectorLocation`].
    pub aux_data: RawBytes,
}

/// Parameters of `ValidateSectorStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ValidateSectorStatusParams {
    /// The sector.
    pub sector_number: SectorNumber,
    /// How it is said to be.
    pub status: SectorStatusCode,
    /// Where it is said to be: an encoded [`SectorLocation`].
    pub aux_data: RawBytes,
}

/// How a sector is. In CBOR a number; others do not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SectorStatusCode {
    /// Terminated, or never there.
    Dead = 0,
    /// Neither terminated nor faulty.
    Active = 1,
    /// Faulty.
    Faulty = 2,
}

impl Serialize for SectorStatusCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

impl<'de> Deserialize<'de> for SectorStatusCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(Self::Dead),
            1 => Ok(Self::Active),
            2 => Ok(Self::Faulty),
            other => Err(serde::de::Error::custom(format_args!(
                "{other} is no status of a sector"
            ))),
        }
    }
}

impl AbiType for SectorStatusCode {
    const SCHEMA: boatyard_sdk::Schema = boatyard_sdk::Schema::Uint;
}

/// Where a sector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorLocation {
    /// Index of its deadline; -1 for a sector that is nowhere.
    pub deadline: i64,
    /// Index of its partition; -1 for a sector that is nowhere.
    pub partition: i64,
}

impl SectorLocation {
    /// Of a sector that was never there, or was compacted away.
    pub const NOWHERE: Self = Self {
        deadline: -1,
        partition: -1,
    };
}

/// Parameters of `ReportConsensusFault`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ReportConsensusFaultParams {
    /// The earlier block header.
    pub header1: RawBytes,
    /// The later block header, or another of the same epoch.
    pub header2: RawBytes,
    /// The block header that shows parent grinding; empty otherwise.
    pub header_extra: RawBytes,
}

/// Parameters of `WithdrawBalance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct WithdrawBalanceParams {
    /// attoFIL at most.
    pub amount_requested: TokenAmount,
}
