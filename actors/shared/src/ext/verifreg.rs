//! Verified registry, f06 (spec 08 part A).

use boatyard_sdk::AbiType;
use cid::Cid;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::bigint::{BigInt, bigint_ser};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::SectorNumber;
use fvm_shared::{ActorID, MethodNum};
use serde::{Deserialize, Serialize};

use crate::batch::BatchReturn;

/// A miner claims allocations.
pub const CLAIM_ALLOCATIONS: MethodNum = 9;
/// The claims behind IDs.
pub const GET_CLAIMS: MethodNum = 10;

/// Number of an allocation; 0 is none.
pub type AllocationId = u64;

/// Number of a claim: that of the allocation that it was.
pub type ClaimId = u64;

/// Bytes of datacap.
pub type DataCap = BigInt;

/// A proven allocation: a provider stores a client's piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct Claim {
    /// The miner that stores it.
    pub provider: ActorID,
    /// Whose datacap it was.
    pub client: ActorID,
    /// Commitment of the piece.
    pub data: Cid,
    /// Its padded size in bytes.
    pub size: u64,
    /// Epochs that the provider has to store it at least.
    pub term_min: ChainEpoch,
    /// Epochs that it counts at most.
    pub term_max: ChainEpoch,
    /// When it was proven first.
    pub term_start: ChainEpoch,
    /// Number of the sector that held it then.
    pub sector: SectorNumber,
}

/// Parameters of [`CLAIM_ALLOCATIONS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ClaimAllocationsParams {
    /// Sectors with what they hold.
    pub sectors: Vec<SectorAllocationClaims>,
    /// Whether one failure makes all fail.
    pub all_or_nothing: bool,
}

/// What a sector claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SectorAllocationClaims {
    /// Number of the sector.
    pub sector: SectorNumber,
    /// When it expires.
    pub expiry: ChainEpoch,
    /// The allocations.
    pub claims: Vec<AllocationClaim>,
}

/// An allocation as the provider means it; must equal what the client made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct AllocationClaim {
    /// The client.
    pub client: ActorID,
    /// The allocation's number.
    pub allocation_id: AllocationId,
    /// Commitment of the piece.
    pub data: Cid,
    /// Its padded size in bytes.
    pub size: u64,
}

/// Return of [`CLAIM_ALLOCATIONS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ClaimAllocationsReturn {
    /// Which sectors failed.
    pub sector_results: BatchReturn,
    /// One for each that did not.
    pub sector_claims: Vec<SectorClaimSummary>,
}

/// What a sector claimed. In CBOR the number alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, AbiType)]
#[serde(transparent)]
#[abi(transparent)]
pub struct SectorClaimSummary {
    /// Sum of the sizes in bytes.
    #[serde(with = "bigint_ser")]
    pub claimed_space: BigInt,
}

/// Parameters of [`GET_CLAIMS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetClaimsParams {
    /// The miner.
    pub provider: ActorID,
    /// Its claims' numbers.
    pub claim_ids: Vec<ClaimId>,
}

/// Return of [`GET_CLAIMS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetClaimsReturn {
    /// Which numbers are not there.
    pub batch_info: BatchReturn,
    /// The claims of the others.
    pub claims: Vec<Claim>,
}

/// What a transfer of datacap to the registry asks for, as its operator data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct AllocationRequests {
    /// New allocations.
    pub allocations: Vec<AllocationRequest>,
    /// Claims that shall last longer.
    pub extensions: Vec<ClaimExtensionRequest>,
}

/// A new allocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct AllocationRequest {
    /// The miner that may claim it.
    pub provider: ActorID,
    /// Commitment of the piece.
    pub data: Cid,
    /// Its padded size in bytes.
    pub size: u64,
    /// Epochs that the provider has to store it at least.
    pub term_min: ChainEpoch,
    /// Epochs that it counts at most.
    pub term_max: ChainEpoch,
    /// The last epoch in which it can be claimed.
    pub expiration: ChainEpoch,
}

/// A claim that shall last longer, for datacap as large as it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ClaimExtensionRequest {
    /// The miner.
    pub provider: ActorID,
    /// Its claim's number.
    pub claim: ClaimId,
    /// Its new longest term in epochs.
    pub term_max: ChainEpoch,
}

/// What the registry answers to a transfer of datacap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct AllocationsResponse {
    /// All requests succeed, or none.
    pub allocation_results: BatchReturn,
    /// All extensions succeed, or none.
    pub extension_results: BatchReturn,
    /// Numbers of the new allocations, in the order of the requests.
    pub new_allocations: Vec<AllocationId>,
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::to_vec;

    use super::*;

    /// Source: spec 08 §A2.
    #[test]
    fn claimed_space_is_a_bare_number() {
        let summary = SectorClaimSummary {
            claimed_space: 256.into(),
        };
        assert_eq!(to_vec(&summary).unwrap(), b"\x43\x00\x01\x00");
    }
}
