//! Parameters and returns that other built-in actors do not use, in the sheet's
//! order; the rest is in [`boatyard_actors_shared::ext::verifreg`].

use boatyard_actors_shared::batch::BatchReturn;
use boatyard_actors_shared::ext::verifreg::{AllocationId, ClaimId, DataCap};
use boatyard_sdk::AbiType;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::bigint::bigint_ser;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::crypto::signature::Signature;

use crate::state::RemoveDataCapProposalId;

/// Parameters of `AddVerifier`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct VerifierParams {
    /// Who may hand out datacap.
    pub address: Address,
    /// How many bytes of it.
    #[serde(with = "bigint_ser")]
    pub allowance: DataCap,
}

/// Parameters of `AddVerifiedClient`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct AddVerifiedClientParams {
    /// Who gets datacap.
    pub address: Address,
    /// How many bytes of it.
    #[serde(with = "bigint_ser")]
    pub allowance: DataCap,
}

/// Parameters of `RemoveVerifiedClientDataCap`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct RemoveDataCapParams {
    /// Who loses datacap.
    pub verified_client_to_remove: Address,
    /// How many bytes of it, if there are as many.
    #[serde(with = "bigint_ser")]
    pub data_cap_amount_to_remove: DataCap,
    /// A verifier's consent.
    pub verifier_request_1: RemoveDataCapRequest,
    /// Another verifier's consent.
    pub verifier_request_2: RemoveDataCapRequest,
}

/// A verifier's consent to taking datacap away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct RemoveDataCapRequest {
    /// The verifier.
    pub verifier: Address,
    /// Its signature of a [`RemoveDataCapProposal`].
    pub signature: Signature,
}

/// What a verifier signs, behind [`crate::removal::SIGNATURE_PREFIX`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct RemoveDataCapProposal {
    /// ID address of who loses datacap.
    pub verified_client: Address,
    /// How many bytes.
    #[serde(with = "bigint_ser")]
    pub data_cap_amount: DataCap,
    /// How often the verifier consented to take from this client before.
    pub removal_proposal_id: RemoveDataCapProposalId,
}

/// Return of `RemoveVerifiedClientDataCap`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct RemoveDataCapReturn {
    /// ID address of who lost datacap.
    pub verified_client: Address,
    /// How many bytes.
    #[serde(with = "bigint_ser")]
    pub data_cap_removed: DataCap,
}

/// Parameters of `RemoveExpiredAllocations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct RemoveExpiredAllocationsParams {
    /// Whose allocations.
    pub client: ActorID,
    /// Which ones; empty for all that have expired.
    pub allocation_ids: Vec<AllocationId>,
}

/// Return of `RemoveExpiredAllocations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct RemoveExpiredAllocationsReturn {
    /// Which ones were looked at.
    pub considered: Vec<AllocationId>,
    /// Which of them could not be removed.
    pub results: BatchReturn,
    /// Bytes that the client got back.
    #[serde(with = "bigint_ser")]
    pub datacap_recovered: DataCap,
}

/// Parameters of `ExtendClaimTerms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ExtendClaimTermsParams {
    /// New terms, each on top of those before.
    pub terms: Vec<ClaimTerm>,
}

/// A claim's new term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ClaimTerm {
    /// The claim's miner.
    pub provider: ActorID,
    /// Its number.
    pub claim_id: ClaimId,
    /// Epochs that it counts at most from now on.
    pub term_max: ChainEpoch,
}

/// Parameters of `RemoveExpiredClaims`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct RemoveExpiredClaimsParams {
    /// Whose claims.
    pub provider: ActorID,
    /// Which ones; empty for all that have expired.
    pub claim_ids: Vec<ClaimId>,
}

/// Return of `RemoveExpiredClaims`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct RemoveExpiredClaimsReturn {
    /// Which ones were looked at.
    pub considered: Vec<ClaimId>,
    /// Which of them could not be removed.
    pub results: BatchReturn,
}
