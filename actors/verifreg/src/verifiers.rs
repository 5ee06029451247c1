//! Who hands out datacap, and to whom.

use boatyard_actors_shared::resolve::Existence;
use boatyard_actors_shared::{PolicyExt, resolve_to_id};
use boatyard_sdk::{ActorError, Context, Runtime, ensure, exit_codes::*};
use fvm_shared::address::Address;
use num_traits::Signed;

use boatyard_actors_shared::ext::verifreg::DataCap;

use crate::state::State;
use crate::types::{AddVerifiedClientParams, VerifierParams};
use crate::{datacap, events};

/// Lets somebody hand out datacap. The address gets its actor before the caller is
/// looked at.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | less than the smallest allocation |
/// | those of [`resolve_to_id`] | the verifier is no actor |
/// | `USR_FORBIDDEN` (18) | the caller is not the root key |
/// | `USR_ILLEGAL_ARGUMENT` (16) | it is the root key, or has datacap itself |
///
/// Source: spec 08 §A6, AddVerifier.
pub(crate) fn add(rt: &impl Runtime, params: VerifierParams) -> Result<(), ActorError> {
    require_allocatable(rt, &params.allowance)?;
    let id = resolve_to_id(rt, &params.address, Existence::Checked)?;
    let verifier = Address::new_id(id);
    let state: State = rt.state()?;
    rt.validate_caller_is(&[state.root_key])?;
    ensure!(
        verifier != state.root_key,
        USR_ILLEGAL_ARGUMENT,
        "the root key {verifier} cannot be a verifier"
    );
    let balance = datacap::balance(rt, &verifier)?;
    ensure!(
        !balance.is_positive(),
        USR_ILLEGAL_ARGUMENT,
        "{verifier} has {balance} bytes of datacap and cannot be a verifier"
    );
    rt.transaction(|state: &mut State| {
        state.put_verifier(rt.store(), &verifier, params.allowance.clone())
    })?;
    events::verifier_balance(rt, id, &params.allowance, None)
}

/// Lets somebody hand out nothing any more.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | those of [`resolve_to_id`] | the address does not resolve |
/// | `USR_FORBIDDEN` (18) | the caller is not the root key |
/// | `USR_ILLEGAL_ARGUMENT` (16) | it is no verifier |
///
/// Source: spec 08 §A6, RemoveVerifier.
pub(crate) fn remove(rt: &impl Runtime, verifier: Address) -> Result<(), ActorError> {
    let id = resolve_to_id(rt, &verifier, Existence::Assumed)?;
    rt.transaction(|state: &mut State| {
        rt.validate_caller_is(&[state.root_key])?;
        state.remove_verifier(rt.store(), &Address::new_id(id))
    })?;
    events::verifier_balance(rt, id, &DataCap::default(), None)
}

/// Hands out the caller's datacap: new datacap for the client, which the market may
/// spend, and as much less for the caller to hand out.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | less than the smallest allocation |
/// | those of [`resolve_to_id`] | the client is no actor |
/// | `USR_ILLEGAL_ARGUMENT` (16) | the client is the root key |
/// | `USR_NOT_FOUND` (17) | the caller is no verifier |
/// | `USR_ILLEGAL_ARGUMENT` (16) | the client is a verifier, or the caller has less |
/// | that of the token or the client | the client does not want it |
///
/// Source: spec 08 §A6, AddVerifiedClient.
pub(crate) fn add_client(
    rt: &impl Runtime,
    params: AddVerifiedClientParams,
) -> Result<(), ActorError> {
    rt.accept_any_caller()?;
    require_allocatable(rt, &params.allowance)?;
    let id = resolve_to_id(rt, &params.address, Existence::Checked)?;
    let client = Address::new_id(id);
    rt.transaction(|state: &mut State| {
        ensure!(
            client != state.root_key,
            USR_ILLEGAL_ARGUMENT,
            "the root key {client} cannot be a client"
        );
        let verifier = rt.caller();
        let cap = state
            .verifier_cap(rt.store(), &verifier)?
            .or_exit(USR_NOT_FOUND, format_args!("{verifier} is no verifier"))?;
        ensure!(
            state.verifier_cap(rt.store(), &client)?.is_none(),
            USR_ILLEGAL_ARGUMENT,
            "the verifier {client} cannot be a client"
        );
        ensure!(
            cap >= params.allowance,
            USR_ILLEGAL_ARGUMENT,
            "{verifier} has {cap} bytes to hand out, not {}",
            params.allowance
        );
        let left = cap - &params.allowance;
        state.put_verifier(rt.store(), &verifier, left.clone())?;
        events::verifier_balance(rt, rt.message().caller, &left, Some(id))
    })?;
    datacap::mint(rt, &client, &params.allowance)
}

fn require_allocatable(rt: &impl Runtime, allowance: &DataCap) -> Result<(), ActorError> {
    let smallest = rt.policy().minimum_verified_allocation_size;
    ensure!(
        *allowance >= DataCap::from(smallest),
        USR_ILLEGAL_ARGUMENT,
        "{allowance} bytes are less than the smallest allocation, {smallest}"
    );
    Ok(())
}
