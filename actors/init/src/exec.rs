//! `Exec` and `Exec4`: a new actor and its constructor.

use boatyard_actors_shared::ext::registry::IS_INSTALLED;
use boatyard_actors_shared::{EAM_ACTOR, REGISTRY_ACTOR, REGISTRY_ACTOR_ID};
use boatyard_sdk::{
    ActorError, Context, Host, NetworkVariant, Runtime, SendResultExt, Type, cbor_params, ensure,
    exit_codes::*, raw_params,
};
use cid::Cid;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::{ActorID, METHOD_CONSTRUCTOR};

use crate::state::{Mapping, State};
use crate::types::{Exec4Params, ExecParams, ExecReturn};

/// Creates an actor at a new ID and runs its constructor, which gets all value.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_STATE` (20) | the caller is no actor (any more) |
/// | `USR_FORBIDDEN` (18) | the caller may not create an actor of this code |
/// | that of the constructor, with its data | the constructor fails |
///
/// Source: spec 01 §2.
pub(crate) fn exec(rt: &impl Runtime, params: ExecParams) -> Result<ExecReturn, ActorError> {
    rt.accept_any_caller()?;
    let caller_code = rt
        .host()
        .code_cid(rt.message().caller)
        .or_exit(USR_ILLEGAL_STATE, "the caller is no actor")?;
    let caller_type = rt.builtin_type(&caller_code);
    ensure!(
        may_create(rt, caller_type, &params.code_cid),
        USR_FORBIDDEN,
        "an actor of type {} may not create one of code {}",
        caller_type.map_or("not built in", Type::name),
        params.code_cid
    );

    let robust = rt.host().next_actor_address();
    let (id, mapping) =
        rt.transaction(|state: &mut State| state.map_addresses(rt.store(), &robust, None))?;
    ensure!(
        mapping == Mapping::New,
        USR_FORBIDDEN,
        "actor {id} exists already"
    );
    rt.create_actor(&params.code_cid, id, None)?;
    construct(rt, id, robust, &params.constructor_params)
}

/// Creates an actor at an f4 address, perhaps over a placeholder, and runs its
/// constructor, which gets all value.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is not f010, or something other than a placeholder is or was there |
/// | `USR_ILLEGAL_ARGUMENT` (16) | the sub-address is longer than 54 bytes |
/// | that of the constructor, with its data | the constructor fails |
///
/// Source: spec 01 §2.
pub(crate) fn exec4(rt: &impl Runtime, params: Exec4Params) -> Result<ExecReturn, ActorError> {
    rt.validate_caller_is(&[EAM_ACTOR])?;
    let delegated = Address::new_delegated(rt.message().caller, &params.subaddress)
        .or_exit(USR_ILLEGAL_ARGUMENT, "the sub-address")?;

    let robust = rt.host().next_actor_address();
    let (id, mapping) = rt.transaction(|state: &mut State| {
        state.map_addresses(rt.store(), &robust, Some(&delegated))
    })?;
    if mapping == Mapping::Existing {
        let code = rt
            .host()
            .code_cid(id)
            .or_exit(USR_FORBIDDEN, "the actor at this address was deleted")?;
        ensure!(
            rt.builtin_type(&code) == Some(Type::Placeholder),
            USR_FORBIDDEN,
            "there is an actor at {delegated} already"
        );
    }
    rt.create_actor(&params.code_cid, id, Some(delegated))?;
    construct(rt, id, robust, &params.constructor_params)
}

fn construct(
    rt: &impl Runtime,
    id: ActorID,
    robust_address: Address,
    params: &RawBytes,
) -> Result<ExecReturn, ActorError> {
    let id_address = Address::new_id(id);
    rt.send(
        &id_address,
        METHOD_CONSTRUCTOR,
        raw_params(params),
        rt.value_received().clone(),
    )
    .success()
    .map_err(|error| error.context("constructor"))?;
    Ok(ExecReturn {
        id_address,
        robust_address,
    })
}

/// Who may create what. Code that is not built in exists on devnets only.
fn may_create(rt: &impl Runtime, caller: Option<Type>, code: &Cid) -> bool {
    match rt.builtin_type(code) {
        Some(Type::Multisig | Type::PaymentChannel) => true,
        Some(Type::Miner) => caller == Some(Type::Power),
        Some(_) => false,
        None => is_installed(rt, code),
    }
}

/// Whether a devnet's registry holds the code.
///
/// Without a registry nothing is sent, so that a network of a devnet's policy but
/// without our addition behaves as the protocol says.
fn is_installed(rt: &impl Runtime, code: &Cid) -> bool {
    let is_devnet = matches!(
        rt.variant(),
        NetworkVariant::Devnet | NetworkVariant::Testing
    );
    if !is_devnet || rt.host().code_cid(REGISTRY_ACTOR_ID).is_none() {
        return false;
    }
    cbor_params(code)
        .and_then(|params| {
            rt.send_read_only(&REGISTRY_ACTOR, IS_INSTALLED, params)
                .value()
        })
        .unwrap_or(false)
}

#[cfg(test)]
mod tests;
