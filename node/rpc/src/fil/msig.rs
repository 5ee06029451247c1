//! Proposals of multisigs (spec 10 §5.7).

use fvm_ipld_encoding::{RawBytes, strict_bytes, tuple::Serialize_tuple};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;

use crate::call::{Call, Path};
use crate::error::RpcError;
use crate::fil::checks::MessagePrototype;
use crate::fil::gas::SendSpec;
use crate::fil::json::CidJson;
use crate::fil::mpool::send;
use crate::params::{Atto, Base64, FilAddress};
use crate::registry::{Method, Paths, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    let mut all = methods![
        /// The message that proposes a transaction; nothing is sent.
        ["Filecoin.MsigPropose"]
        (msig: FilAddress, to: FilAddress, value: Atto, from: FilAddress, method: u64, params: Base64)
            -> "MessagePrototype" = compute propose;
    ];
    let v0 = methods![
        /// Proposes a transaction: the message is signed and sent.
        ["Filecoin.MsigPropose"]
        (msig: FilAddress, to: FilAddress, value: Atto, from: FilAddress, method: u64, params: Base64)
            -> "CID" = wait propose_and_send;
    ];
    all.extend(
        v0.into_iter()
            .map(|method| method.on(Paths::Only(Path::V0))),
    );
    all
}

/// Number of the multisig's method (spec 04 §1).
const PROPOSE: MethodNum = 2;

#[derive(Serialize_tuple)]
struct ProposeParams {
    to: Address,
    value: TokenAmount,
    method: MethodNum,
    #[serde(with = "strict_bytes")]
    params: Vec<u8>,
}

fn proposal(
    msig: FilAddress,
    to: FilAddress,
    value: Atto,
    from: FilAddress,
    method: u64,
    params: Base64,
) -> Result<Message, RpcError> {
    let proposal = ProposeParams {
        to: to.0,
        value: value.0,
        method,
        params: params.0,
    };
    let params = RawBytes::serialize(&proposal)
        .map_err(|error| RpcError::invalid_params(format!("the proposal: {error}")))?;
    Ok(Message {
        version: 0,
        from: from.0,
        to: msig.0,
        sequence: 0,
        value: TokenAmount::default(),
        method_num: PROPOSE,
        params,
        gas_limit: 0,
        gas_fee_cap: TokenAmount::default(),
        gas_premium: TokenAmount::default(),
    })
}

fn propose(
    _: &Call,
    msig: FilAddress,
    to: FilAddress,
    value: Atto,
    from: FilAddress,
    method: u64,
    params: Base64,
) -> Result<MessagePrototype, RpcError> {
    let message = proposal(msig, to, value, from, method, params)?;
    Ok(MessagePrototype {
        message: (&message).into(),
        valid_nonce: false,
    })
}

async fn propose_and_send(
    call: Call,
    msig: FilAddress,
    to: FilAddress,
    value: Atto,
    from: FilAddress,
    method: u64,
    params: Base64,
) -> Result<CidJson, RpcError> {
    let message = proposal(msig, to, value, from, method, params)?;
    Ok(send(&call, message, &SendSpec::default())
        .await?
        .cid()
        .into())
}
