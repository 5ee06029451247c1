//! What is said to the datacap token, f07.

use boatyard_actors_shared::ext::datacap::{
    BALANCE, BURN, BurnParams, DESTROY, DestroyParams, MINT, MintParams, TRANSFER, TransferParams,
    datacap_bytes, tokens,
};
use boatyard_actors_shared::ext::verifreg::DataCap;
use boatyard_actors_shared::{DATACAP_ACTOR, MARKET_ACTOR};
use boatyard_sdk::{ActorError, Runtime, SendResultExt, cbor_params};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use num_traits::Zero;
use serde::Serialize;

/// Bytes of datacap that an address holds.
///
/// # Errors
/// Those of the token.
pub(crate) fn balance(rt: &impl Runtime, owner: &Address) -> Result<DataCap, ActorError> {
    let balance: TokenAmount = rt
        .send_read_only(&DATACAP_ACTOR, BALANCE, cbor_params(owner)?)
        .value()
        .map_err(|error| error.context(format_args!("asking for the datacap of {owner}")))?;
    Ok(datacap_bytes(&balance))
}

/// Makes new datacap, which the market may spend for the client.
///
/// # Errors
/// Those of the token, and of the client that does not want it.
pub(crate) fn mint(rt: &impl Runtime, client: &Address, bytes: &DataCap) -> Result<(), ActorError> {
    let params = MintParams {
        to: *client,
        amount: tokens(bytes),
        operators: vec![MARKET_ACTOR],
    };
    tell(rt, MINT, &params, "minting datacap")
}

/// Burns datacap that the registry holds; nothing is not even said.
///
/// # Errors
/// Those of the token.
pub(crate) fn burn(rt: &impl Runtime, bytes: &DataCap) -> Result<(), ActorError> {
    if bytes.is_zero() {
        return Ok(());
    }
    let params = BurnParams {
        amount: tokens(bytes),
    };
    tell(rt, BURN, &params, "burning datacap")
}

/// Takes datacap away from a client; nothing is not even said.
///
/// # Errors
/// Those of the token, 16 for less than nothing.
pub(crate) fn destroy(
    rt: &impl Runtime,
    owner: &Address,
    bytes: &DataCap,
) -> Result<(), ActorError> {
    if bytes.is_zero() {
        return Ok(());
    }
    let params = DestroyParams {
        owner: *owner,
        amount: tokens(bytes),
    };
    tell(rt, DESTROY, &params, "taking datacap away")
}

/// Gives datacap that the registry holds back to a client, even nothing.
///
/// # Errors
/// Those of the token, and of the client that does not want it.
pub(crate) fn transfer(
    rt: &impl Runtime,
    client: &Address,
    bytes: &DataCap,
) -> Result<(), ActorError> {
    let params = TransferParams {
        to: *client,
        amount: tokens(bytes),
        operator_data: RawBytes::default(),
    };
    tell(rt, TRANSFER, &params, "giving datacap back")
}

fn tell(
    rt: &impl Runtime,
    method: MethodNum,
    params: &impl Serialize,
    what: &str,
) -> Result<(), ActorError> {
    rt.send(
        &DATACAP_ACTOR,
        method,
        cbor_params(params)?,
        TokenAmount::default(),
    )
    .success()
    .map_err(|error| error.context(what))?;
    Ok(())
}
