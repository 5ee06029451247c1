//! Who deploys, at which address, and how.

use boatyard_actors_shared::ext::account::PUBKEY_ADDRESS;
use boatyard_actors_shared::ext::eam::{Create2Params, CreateParams, Return};
use boatyard_actors_shared::ext::evm::{ConstructorParams, RESURRECT};
use boatyard_actors_shared::ext::init::{EXEC4, Exec4Params, ExecReturn};
use boatyard_actors_shared::{EthAddress, INIT_ACTOR};
use boatyard_sdk::error::decode_return;
use boatyard_sdk::{
    ActorError, Context, Host, Runtime, SendResultExt, Type, actor_error, cbor_params, ensure,
    exit_codes::*,
};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::address::Address;

use crate::address::{self, keccak_address};

/// The CREATE instruction of a contract.
///
/// # Errors
/// `USR_FORBIDDEN` (18) when the caller is no EVM contract; those of [`deploy`].
pub(crate) fn create(rt: &impl Runtime, params: CreateParams) -> Result<Return, ActorError> {
    rt.validate_caller_type(&[Type::Evm])?;
    let creator = eth_address_of(rt, rt.message().caller)?;
    let new = address::create(rt, &creator, params.nonce);
    deploy(rt, creator, new, params.initcode)
}

/// The CREATE2 instruction of a contract.
///
/// # Errors
/// `USR_FORBIDDEN` (18) when the caller is no EVM contract; those of [`deploy`].
pub(crate) fn create2(rt: &impl Runtime, params: Create2Params) -> Result<Return, ActorError> {
    rt.validate_caller_type(&[Type::Evm])?;
    let creator = eth_address_of(rt, rt.message().caller)?;
    let new = address::create2(rt, &creator, &params.salt, &params.initcode);
    deploy(rt, creator, new, params.initcode)
}

/// Deployment by the account that sent the message, with the message's nonce.
///
/// A native account appears to the contract under its masked ID; but its address
/// is derived from the key, which a reorganisation does not change.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller did not send the message itself, or is no account |
/// | `USR_ASSERTION_FAILED` (24) | the account does not tell its key |
/// | those of [`deploy`] | |
pub(crate) fn create_external(rt: &impl Runtime, initcode: RawBytes) -> Result<Return, ActorError> {
    rt.validate_caller_is(&[Address::new_id(rt.message().origin)])?;
    let caller = rt.message().caller;
    let code = rt
        .host()
        .code_cid(caller)
        .or_exit(USR_ASSERTION_FAILED, "the caller is no actor")?;
    let (creator, stable) = match rt.builtin_type(&code) {
        Some(Type::Account) => {
            let key = key_address_of(rt, &rt.caller())?;
            (
                EthAddress::from_id(caller),
                keccak_address(rt, &key.to_bytes()),
            )
        }
        Some(Type::EthAccount) => {
            let address = eth_address_of(rt, caller)?;
            (address, address)
        }
        other => {
            return Err(actor_error!(
                USR_FORBIDDEN,
                "an actor of type {} may not deploy contracts",
                other.map_or("not built in", Type::name)
            ));
        }
    };
    let new = address::create(rt, &stable, rt.message().nonce);
    deploy(rt, creator, new, initcode)
}

/// The 20 bytes of an actor's f410 address.
fn eth_address_of(rt: &impl Runtime, id: ActorID) -> Result<EthAddress, ActorError> {
    rt.host()
        .delegated_address(id)
        .and_then(|address| EthAddress::from_f410(&address))
        .or_exit(
            USR_FORBIDDEN,
            format_args!("f0{id} has no Ethereum address"),
        )
}

fn key_address_of(rt: &impl Runtime, account: &Address) -> Result<Address, ActorError> {
    let response = rt
        .send_read_only(account, PUBKEY_ADDRESS, None)
        .or_exit(USR_ASSERTION_FAILED, "asking for the account's key")?;
    let returned = Ok(response).success().map_err(|error| {
        // An account's failure passes on its code, but not its data.
        let code = error.exit_code();
        error.with_code(code)
    })?;
    decode_return(returned)
}

/// Deploys a contract at `new`: with the init actor's help, or over a dead one.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the address is reserved, or taken by no contract |
/// | that of the contract's constructor, with its data | it fails |
///
/// Source: spec 01 §7, "Deploy".
fn deploy(
    rt: &impl Runtime,
    creator: EthAddress,
    new: EthAddress,
    initcode: RawBytes,
) -> Result<Return, ActorError> {
    ensure!(
        !new.is_reserved(),
        USR_FORBIDDEN,
        "no contract may be created at {new}"
    );
    let params = ConstructorParams { creator, initcode };
    let value = rt.value_received().clone();

    if let Some(id) = rt.resolve(&new.to_f410()) {
        let code = rt
            .host()
            .code_cid(id)
            .or_exit(USR_ASSERTION_FAILED, format_args!("f0{id} has no code"))?;
        match rt.builtin_type(&code) {
            Some(Type::Evm) => {
                rt.send(
                    &Address::new_id(id),
                    RESURRECT,
                    cbor_params(&params)?,
                    value,
                )
                .success()?;
                return Ok(Return {
                    actor_id: id,
                    robust_address: None,
                    eth_address: new,
                });
            }
            Some(Type::Placeholder) => {}
            _ => return Err(actor_error!(USR_FORBIDDEN, "there is an actor at {new}")),
        }
    }

    let exec = Exec4Params {
        code_cid: rt.code_of(Type::Evm)?,
        constructor_params: RawBytes::serialize(params)
            .or_exit(USR_SERIALIZATION, "the constructor's parameters")?,
        subaddress: RawBytes::new(new.0.to_vec()),
    };
    let created: ExecReturn = rt
        .send(&INIT_ACTOR, EXEC4, cbor_params(&exec)?, value)
        .value()?;
    Ok(Return {
        actor_id: created
            .id_address
            .id()
            .or_exit(USR_SERIALIZATION, "the new actor's ID")?,
        robust_address: Some(created.robust_address),
        eth_address: new,
    })
}

#[cfg(test)]
mod tests;
