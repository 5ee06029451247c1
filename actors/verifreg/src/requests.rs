//! The receiver's hook: datacap becomes allocations and longer claims.

use boatyard_actors_shared::batch::BatchReturn;
use boatyard_actors_shared::ext::datacap::datacap_bytes;
use boatyard_actors_shared::ext::verifreg::{
    AllocationRequest, AllocationRequests, AllocationsResponse, Claim, ClaimExtensionRequest,
    ClaimId, DataCap,
};
use boatyard_actors_shared::frc46::{
    FRC46_TOKEN_TYPE, FRC46TokenReceived, UniversalReceiverParams,
};
use boatyard_actors_shared::{DATACAP_ACTOR, PolicyExt};
use boatyard_sdk::{ActorError, Context, Runtime, Type, actor_error, ensure, exit_codes::*};
use fvm_shared::ActorID;

use crate::state::{Allocation, State};
use crate::{datacap, events};

/// Makes allocations and longer claims of datacap that was sent here, as the
/// operator data ask. All of it must be used up. What the extensions cost is burnt
/// before the state changes.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is not f07 |
/// | `USR_ILLEGAL_ARGUMENT` (16) | other tokens, or for somebody else |
/// | `USR_SERIALIZATION` (21) | what the token tells, or the requests, do not decode |
/// | `USR_ILLEGAL_ARGUMENT` (16) | an allocation's size, terms, expiration or provider |
/// | `USR_NOT_FOUND` (17) | no claim to extend |
/// | `USR_ILLEGAL_ARGUMENT` (16) | an extension too long, or none |
/// | `USR_FORBIDDEN` (18) | the claim to extend has expired |
/// | `USR_ILLEGAL_ARGUMENT` (16) | the sizes do not sum up to the datacap |
///
/// Source: spec 08 §A6, UniversalReceiverHook.
pub(crate) fn receive(
    rt: &impl Runtime,
    params: UniversalReceiverParams,
) -> Result<AllocationsResponse, ActorError> {
    rt.validate_caller_is(&[DATACAP_ACTOR])?;
    let received = tokens_received(rt, &params)?;
    let requests: AllocationRequests = received
        .operator_data
        .deserialize()
        .or_exit(USR_SERIALIZATION, "the requests do not decode")?;

    let mut total = DataCap::default();
    let mut new_allocations = Vec::with_capacity(requests.allocations.len());
    for request in &requests.allocations {
        check_allocation(rt, request)?;
        total += request.size;
        new_allocations.push(allocation(received.from, request));
    }
    let (updated_claims, extension_total) = extended_claims(rt, &requests.extensions)?;
    total += &extension_total;

    let paid = datacap_bytes(&received.amount);
    ensure!(
        total == paid,
        USR_ILLEGAL_ARGUMENT,
        "{total} bytes are asked for, {paid} are paid"
    );
    datacap::burn(rt, &extension_total)?;

    let ids = rt.transaction(|state: &mut State| {
        let ids = state.insert_allocations(rt.store(), &new_allocations)?;
        for (id, allocation) in ids.iter().zip(&new_allocations) {
            events::allocation(rt, events::ALLOCATION, *id, allocation)?;
        }
        state.put_claims(rt.store(), &updated_claims)?;
        for (id, claim) in &updated_claims {
            events::claim(rt, events::CLAIM_UPDATED, *id, claim)?;
        }
        Ok(ids)
    })?;
    Ok(AllocationsResponse {
        allocation_results: BatchReturn::ok(requests.allocations.len() as u32),
        extension_results: BatchReturn::ok(requests.extensions.len() as u32),
        new_allocations: ids,
    })
}

fn tokens_received(
    rt: &impl Runtime,
    params: &UniversalReceiverParams,
) -> Result<FRC46TokenReceived, ActorError> {
    ensure!(
        params.type_ == FRC46_TOKEN_TYPE,
        USR_ILLEGAL_ARGUMENT,
        "assets of kind {} are not FRC-46 tokens",
        params.type_
    );
    let received: FRC46TokenReceived = params
        .payload
        .deserialize()
        .or_exit(USR_SERIALIZATION, "what the token tells does not decode")?;
    ensure!(
        received.to == rt.message().receiver,
        USR_ILLEGAL_ARGUMENT,
        "the tokens are f0{}'s, not the registry's",
        received.to
    );
    Ok(received)
}

fn check_allocation(rt: &impl Runtime, request: &AllocationRequest) -> Result<(), ActorError> {
    let policy = rt.policy();
    ensure!(
        request.size >= policy.minimum_verified_allocation_size,
        USR_ILLEGAL_ARGUMENT,
        "a piece of {} bytes is smaller than {}",
        request.size,
        policy.minimum_verified_allocation_size
    );
    ensure!(
        request.term_min >= policy.minimum_verified_allocation_term,
        USR_ILLEGAL_ARGUMENT,
        "a minimum term of {} epochs is shorter than {}",
        request.term_min,
        policy.minimum_verified_allocation_term
    );
    ensure!(
        request.term_max <= policy.maximum_verified_allocation_term,
        USR_ILLEGAL_ARGUMENT,
        "a maximum term of {} epochs is longer than {}",
        request.term_max,
        policy.maximum_verified_allocation_term
    );
    ensure!(
        request.term_min <= request.term_max,
        USR_ILLEGAL_ARGUMENT,
        "a minimum term of {} epochs is above the maximum of {}",
        request.term_min,
        request.term_max
    );
    ensure!(
        request.expiration >= rt.epoch(),
        USR_ILLEGAL_ARGUMENT,
        "expiration {} has passed",
        request.expiration
    );
    let last = rt.epoch() + policy.maximum_verified_allocation_expiration;
    ensure!(
        request.expiration <= last,
        USR_ILLEGAL_ARGUMENT,
        "expiration {} is after {last}",
        request.expiration
    );
    ensure!(
        rt.type_of(request.provider) == Some(Type::Miner),
        USR_ILLEGAL_ARGUMENT,
        "provider f0{} is no miner",
        request.provider
    );
    Ok(())
}

fn allocation(client: ActorID, request: &AllocationRequest) -> Allocation {
    Allocation {
        client,
        provider: request.provider,
        data: request.data,
        size: request.size,
        term_min: request.term_min,
        term_max: request.term_max,
        expiration: request.expiration,
    }
}

/// The claims with their new terms, and the sum of their sizes. Each is extended
/// from what it is now: a claim that is named twice is paid for twice. Anybody may
/// pay for a claim; it stays its client's.
fn extended_claims(
    rt: &impl Runtime,
    requests: &[ClaimExtensionRequest],
) -> Result<(Vec<(ClaimId, Claim)>, DataCap), ActorError> {
    let state: State = rt.state()?;
    let mut claims = state.load_claims(rt.store())?;
    let mut updated = Vec::with_capacity(requests.len());
    let mut total = DataCap::default();
    for request in requests {
        let claim = claims.get(&request.provider, &request.claim)?.or_exit(
            USR_NOT_FOUND,
            format_args!("f0{} has no claim {}", request.provider, request.claim),
        )?;
        check_extension(rt, request, claim)?;
        total += claim.size;
        let extended = Claim {
            term_max: request.term_max,
            ..claim.clone()
        };
        updated.push((request.claim, extended));
    }
    Ok((updated, total))
}

fn check_extension(
    rt: &impl Runtime,
    request: &ClaimExtensionRequest,
    claim: &Claim,
) -> Result<(), ActorError> {
    let overflow = || {
        actor_error!(
            USR_ASSERTION_FAILED,
            "the epochs of claim {}",
            request.claim
        )
    };
    let longest = (rt.epoch() + rt.policy().maximum_verified_allocation_term)
        .checked_sub(claim.term_start)
        .ok_or_else(overflow)?;
    ensure!(
        request.term_max <= longest,
        USR_ILLEGAL_ARGUMENT,
        "a term of {} epochs for claim {} is longer than {longest}",
        request.term_max,
        request.claim
    );
    ensure!(
        request.term_max > claim.term_max,
        USR_ILLEGAL_ARGUMENT,
        "a term of {} epochs for claim {} is not longer than {}",
        request.term_max,
        request.claim,
        claim.term_max
    );
    let end = claim
        .term_start
        .checked_add(claim.term_max)
        .ok_or_else(overflow)?;
    ensure!(
        rt.epoch() <= end,
        USR_FORBIDDEN,
        "claim {} ended at {end}",
        request.claim
    );
    Ok(())
}
