//! Verified registry, f06: who may hand out datacap, which datacap is set aside for
//! which piece (allocations), and which pieces are stored for it (claims). Created
//! at genesis.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f00 | names the root key | here |
//! | AddVerifier | 2 | root key | lets somebody hand out datacap | [`verifiers`] |
//! | RemoveVerifier | 3 | root key | | [`verifiers`] |
//! | AddVerifiedClient | 4, 3916220144 | a verifier | hands out datacap | [`verifiers`] |
//! | RemoveVerifiedClientDataCap | 7 | root key | takes datacap back, with two verifiers' consent | [`removal`] |
//! | RemoveExpiredAllocations | 8, 2421068268 | any | gives unclaimed datacap back | [`allocations`] |
//! | ClaimAllocations | 9 | a miner | allocations become claims | [`allocations`] |
//! | GetClaims | 10, 2199871187 | any | | [`claims`] |
//! | ExtendClaimTerms | 11, 1752273514 | a claim's client | lets claims last longer | [`claims`] |
//! | RemoveExpiredClaims | 12, 2873373899 | any | | [`claims`] |
//! | Receive | 3726118371 | f07 | datacap becomes allocations and longer claims | [`requests`] |
//!
//! No exit codes of its own, no fallback. Numbers 5 and 6 belong to methods that are
//! gone. Every change tells of itself by an [event](events).
//!
//! | module | answers |
//! |---|---|
//! | [`state`] | what the state holds |
//! | [`types`] | parameters and returns that other actors do not send |
//! | [`datacap`] | what is said to the token (f07) |
//! | [`expiration`] | which allocations or claims have expired |
//! | [`events`] | what the world is told |
//! | [`invariants`] | what must hold of the state, and across actors |
//!
//! Source: spec 08 part A.

use boatyard_actors_shared::SYSTEM_ACTOR;
use boatyard_actors_shared::batch::BatchReturn;
use boatyard_actors_shared::ext::verifreg::{
    AllocationsResponse, ClaimAllocationsParams, ClaimAllocationsReturn, GetClaimsParams,
    GetClaimsReturn,
};
use boatyard_actors_shared::frc46::UniversalReceiverParams;
use boatyard_sdk::{ActorError, Context, Runtime, actor, exit_codes::*};
use fvm_shared::address::Address;

pub mod allocations;
pub mod claims;
pub mod datacap;
pub mod events;
pub mod expiration;
pub mod invariants;
pub mod removal;
pub mod requests;
pub mod state;
pub mod types;
pub mod verifiers;

pub use events::EVENTS;
pub use state::{Allocation, RemoveDataCapProposalId, State};
pub use types::{
    AddVerifiedClientParams, ClaimTerm, ExtendClaimTermsParams, RemoveDataCapParams,
    RemoveDataCapProposal, RemoveDataCapRequest, RemoveDataCapReturn,
    RemoveExpiredAllocationsParams, RemoveExpiredAllocationsReturn, RemoveExpiredClaimsParams,
    RemoveExpiredClaimsReturn, VerifierParams,
};

/// Hands out datacap and keeps what it is spent on.
pub struct VerifiedRegistry;

#[actor(name = "verifiedregistry", state = State, events = EVENTS)]
impl VerifiedRegistry {
    /// Names the root key, which names the verifiers.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the caller is not f00, `USR_ILLEGAL_ARGUMENT` (16)
    /// when the address does not resolve, `USR_ILLEGAL_STATE` (20) when constructed
    /// already.
    #[method(1)]
    fn constructor(rt: &impl Runtime, root_key: Address) -> Result<(), ActorError> {
        rt.validate_caller_is(&[SYSTEM_ACTOR])?;
        let root = rt.resolve(&root_key).or_exit(
            USR_ILLEGAL_ARGUMENT,
            format_args!("the root key {root_key} does not resolve"),
        )?;
        let state = State::new(rt.store(), Address::new_id(root))?;
        rt.create(&state)
    }

    /// Lets somebody hand out this much datacap, in place of what it could before.
    #[method(2)]
    fn add_verifier(rt: &impl Runtime, params: VerifierParams) -> Result<(), ActorError> {
        verifiers::add(rt, params)
    }

    /// Lets somebody hand out no datacap any more.
    #[method(3)]
    fn remove_verifier(rt: &impl Runtime, verifier: Address) -> Result<(), ActorError> {
        verifiers::remove(rt, verifier)
    }

    /// Hands out the caller's datacap to a client.
    #[method(4, exported)]
    fn add_verified_client(
        rt: &impl Runtime,
        params: AddVerifiedClientParams,
    ) -> Result<(), ActorError> {
        verifiers::add_client(rt, params)
    }

    /// Takes a client's datacap back, with the signatures of two verifiers.
    #[method(7)]
    fn remove_verified_client_data_cap(
        rt: &impl Runtime,
        params: RemoveDataCapParams,
    ) -> Result<RemoveDataCapReturn, ActorError> {
        removal::remove_datacap(rt, params)
    }

    /// Gives the datacap of a client's expired allocations back.
    #[method(8, exported)]
    fn remove_expired_allocations(
        rt: &impl Runtime,
        params: RemoveExpiredAllocationsParams,
    ) -> Result<RemoveExpiredAllocationsReturn, ActorError> {
        allocations::remove_expired(rt, params)
    }

    /// Makes claims of allocations whose pieces are in sectors of the caller.
    #[method(9)]
    fn claim_allocations(
        rt: &impl Runtime,
        params: ClaimAllocationsParams,
    ) -> Result<ClaimAllocationsReturn, ActorError> {
        allocations::claim(rt, params)
    }

    /// Gives claims of a provider.
    #[method(10, exported)]
    fn get_claims(
        rt: &impl Runtime,
        params: GetClaimsParams,
    ) -> Result<GetClaimsReturn, ActorError> {
        claims::get(rt, params)
    }

    /// Lets claims of the caller last longer, without datacap, up to five years.
    #[method(11, exported)]
    fn extend_claim_terms(
        rt: &impl Runtime,
        params: ExtendClaimTermsParams,
    ) -> Result<BatchReturn, ActorError> {
        claims::extend_terms(rt, params)
    }

    /// Forgets expired claims of a provider.
    #[method(12, exported)]
    fn remove_expired_claims(
        rt: &impl Runtime,
        params: RemoveExpiredClaimsParams,
    ) -> Result<RemoveExpiredClaimsReturn, ActorError> {
        claims::remove_expired(rt, params)
    }

    /// Makes allocations and longer claims of datacap that was sent here.
    #[method(exported)]
    fn receive(
        rt: &impl Runtime,
        params: UniversalReceiverParams,
    ) -> Result<AllocationsResponse, ActorError> {
        requests::receive(rt, params)
    }
}

boatyard_sdk::entry!(VerifiedRegistry);

#[cfg(test)]
mod tests;
