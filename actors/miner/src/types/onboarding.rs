//! Parameters of the methods through which sectors come, in the sheet's order
//! (spec 05 §9, §12, §14-§16, §19).

use boatyard_actors_shared::FilterEstimate;
use boatyard_actors_shared::ext::verifreg::{AllocationId, ClaimId};
use boatyard_sdk::AbiType;
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::bigint::{BigInt, bigint_ser};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::{
    RegisteredAggregateProof, RegisteredSealProof, RegisteredUpdateProof, SectorNumber,
};

use crate::schema::SectorPreCommitInfo;

/// Parameters of `PreCommitSectorBatch2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct PreCommitSectorBatchParams {
    /// What is said of the sectors.
    pub sectors: Vec<SectorPreCommitInfo>,
}

/// Parameters of `ProveCommitSectors3`: either one proof for each sector or one for
/// all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ProveCommitSectors3Params {
    /// The sectors with what they hold.
    pub sector_activations: Vec<SectorActivationManifest>,
    /// A proof for each, in the same order; or none.
    pub sector_proofs: Vec<RawBytes>,
    /// One proof for all; or empty.
    pub aggregate_proof: RawBytes,
    /// How the one for all was made; nothing without it.
    pub aggregate_proof_type: Option<RegisteredAggregateProof>,
    /// Whether one failed sector makes all fail.
    pub require_activation_success: bool,
    /// Whether those who are notified may make all fail.
    pub require_notification_success: bool,
}

/// What a new sector holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorActivationManifest {
    /// Number of a pre-committed sector.
    pub sector_number: SectorNumber,
    /// Its pieces in order; none for zeros.
    pub pieces: Vec<PieceActivationManifest>,
}

/// A piece in a sector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct PieceActivationManifest {
    /// Commitment of the piece.
    pub cid: Cid,
    /// Its padded size in bytes.
    pub size: PaddedPieceSize,
    /// The allocation to claim for it.
    pub verified_allocation_key: Option<VerifiedAllocationKey>,
    /// Whom to tell of it.
    pub notify: Vec<DataActivationNotification>,
}

/// Names an allocation of datacap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct VerifiedAllocationKey {
    /// Whose datacap.
    pub client: ActorID,
    /// Its number.
    pub id: AllocationId,
}

/// Whom to tell of a piece, and what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct DataActivationNotification {
    /// Who gets `SectorContentChanged`.
    pub address: Address,
    /// What it understands; to the market, a deal's number in CBOR.
    pub payload: RawBytes,
}

/// Parameters of `InternalSectorSetupForPreseal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct InternalSectorSetupForPresealParams {
    /// Numbers of pre-committed sectors; others are passed over.
    pub sectors: Vec<SectorNumber>,
    /// Reward per epoch, filtered, in attoFIL.
    pub reward_smoothed: FilterEstimate,
    /// Baseline power in bytes.
    #[serde(with = "bigint_ser")]
    pub reward_baseline_power: BigInt,
    /// Quality-adjusted power of the network, filtered, in bytes.
    pub quality_adj_power_smoothed: FilterEstimate,
}

/// Parameters of `ProveCommitSectorsNI`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ProveCommitSectorsNiParams {
    /// The sectors, all of zeros.
    pub sectors: Vec<SectorNiActivationInfo>,
    /// One proof for all.
    pub aggregate_proof: RawBytes,
    /// How they are sealed.
    pub seal_proof_type: RegisteredSealProof,
    /// How the proof was made.
    pub aggregate_proof_type: RegisteredAggregateProof,
    /// The deadline that takes them.
    pub proving_deadline: u64,
    /// Whether one failed sector makes all fail.
    pub require_activation_success: bool,
}

/// A sector that needs no pre-commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorNiActivationInfo {
    /// Its number when it was sealed: the same as `sector_number`.
    pub sealing_number: SectorNumber,
    /// The miner for which it was sealed: this one.
    pub sealer_id: ActorID,
    /// CommR.
    pub sealed_cid: Cid,
    /// Its number from now on.
    pub sector_number: SectorNumber,
    /// Of which epoch the ticket is.
    pub seal_rand_epoch: ChainEpoch,
    /// Its last epoch.
    pub expiration: ChainEpoch,
}

/// Parameters of `ProveReplicaUpdates3`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ProveReplicaUpdates3Params {
    /// The sectors with what they hold now.
    pub sector_updates: Vec<SectorUpdateManifest>,
    /// A proof for each, in the same order.
    pub sector_proofs: Vec<RawBytes>,
    /// One proof for all; refused so far.
    pub aggregate_proof: RawBytes,
    /// What is proven.
    pub update_proofs_type: RegisteredUpdateProof,
    /// How the one proof for all was made; nothing without it.
    pub aggregate_proof_type: Option<RegisteredAggregateProof>,
    /// Whether one failed sector makes all fail.
    pub require_activation_success: bool,
    /// Whether those who are notified may make all fail.
    pub require_notification_success: bool,
}

/// What a sector of zeros holds now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorUpdateManifest {
    /// Number of the sector.
    pub sector: SectorNumber,
    /// The deadline that it is in.
    pub deadline: u64,
    /// The partition that it is in.
    pub partition: u64,
    /// CommR of the new content.
    pub new_sealed_cid: Cid,
    /// Its pieces in order; none for zeros.
    pub pieces: Vec<PieceActivationManifest>,
}

/// Parameters of `ExtendSectorExpiration2`.
#[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ExtendSectorExpiration2Params {
    /// One after the other.
    pub extensions: Vec<ExpirationExtension2>,
}

/// Sectors of one partition that shall live longer.
#[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ExpirationExtension2 {
    /// The deadline.
    pub deadline: u64,
    /// The partition in it.
    pub partition: u64,
    /// Sectors without claims.
    pub sectors: BitField,
    /// Sectors with claims.
    pub sectors_with_claims: Vec<SectorClaim>,
    /// Their last epoch from now on.
    pub new_expiration: ChainEpoch,
}

/// What becomes of a sector's claims when it shall live longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorClaim {
    /// Number of the sector.
    pub sector_number: SectorNumber,
    /// Claims that it keeps.
    pub maintain_claims: Vec<ClaimId>,
    /// Claims that it gives up.
    pub drop_claims: Vec<ClaimId>,
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::{from_slice, to_vec};

    use super::*;

    /// Source: spec 05 §26.
    #[test]
    fn parameters_without_sectors_have_the_sheets_bytes() {
        let params = ProveCommitSectorsNiParams {
            sectors: vec![],
            aggregate_proof: RawBytes::default(),
            seal_proof_type: RegisteredSealProof::StackedDRG32GiBV1P1,
            aggregate_proof_type: RegisteredAggregateProof::SnarkPackV2,
            proving_deadline: 2,
            require_activation_success: false,
        };
        let bytes = to_vec(&params).unwrap();
        assert_eq!(hex::encode(&bytes), "868040080102f4");
        assert_eq!(
            from_slice::<ProveCommitSectorsNiParams>(&bytes).unwrap(),
            params
        );
    }

    #[test]
    fn unknown_proof_types_decode() {
        let bytes = hex::decode("878080402019270ff4f4").unwrap();
        let params: ProveReplicaUpdates3Params = from_slice(&bytes).unwrap();
        assert_eq!(
            params.update_proofs_type,
            RegisteredUpdateProof::Invalid(-1)
        );
        assert_eq!(
            params.aggregate_proof_type,
            Some(RegisteredAggregateProof::Invalid(9_999))
        );
    }
}
