//! Who the miner is (spec 05 §3.2).

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredPoStProof, SectorSize};

/// Identity of a miner; every address in it is an ID one, but pending ones where said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct MinerInfo {
    /// Who may take the funds.
    pub owner: Address,
    /// The key that signs for the miner.
    pub worker: Address,
    /// Others that may send what a worker sends, in the given order.
    pub control_addresses: Vec<Address>,
    /// The worker to come.
    pub pending_worker_key: Option<WorkerKeyChange>,
    /// libp2p peer.
    pub peer_id: RawBytes,
    /// Where it listens, binary multiaddrs.
    pub multi_address: Vec<RawBytes>,
    /// Decides the sector size.
    pub window_post_proof_type: RegisteredPoStProof,
    /// Bytes.
    pub sector_size: SectorSize,
    /// Sectors in a partition.
    pub window_post_partition_sectors: u64,
    /// The last epoch in which it is barred for a consensus fault; -1 for none.
    pub consensus_fault_elapsed: ChainEpoch,
    /// Who is to become owner.
    pub pending_owner_address: Option<Address>,
    /// Who withdrawals are paid to.
    pub beneficiary: Address,
    /// How much and how long, if the beneficiary is not the owner.
    pub beneficiary_term: BeneficiaryTerm,
    /// The beneficiary to come.
    pub pending_beneficiary_term: Option<PendingBeneficiaryChange>,
}

/// A worker to come (spec 05 §3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct WorkerKeyChange {
    /// Its ID address.
    pub new_worker: Address,
    /// From which epoch on it may be confirmed.
    pub effective_at: ChainEpoch,
}

/// What a beneficiary may have (spec 05 §3.2).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct BeneficiaryTerm {
    /// attoFIL in all.
    pub quota: TokenAmount,
    /// attoFIL of it that were paid out.
    pub used_quota: TokenAmount,
    /// The first epoch in which it gets nothing any more.
    pub expiration: ChainEpoch,
}

/// A beneficiary to come, with the consents there are (spec 05 §3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct PendingBeneficiaryChange {
    /// Its ID address.
    pub new_beneficiary: Address,
    /// attoFIL in all.
    pub new_quota: TokenAmount,
    /// The first epoch in which it gets nothing any more.
    pub new_expiration: ChainEpoch,
    /// Whether the present beneficiary consents.
    pub approved_by_beneficiary: bool,
    /// Whether the one to come does.
    pub approved_by_nominee: bool,
}
