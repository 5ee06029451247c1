//! What Lotus's command line asks before it sends: one verdict per rule.

use boatyard_chain::fees::BLOCK_GAS_LIMIT;
use boatyard_chain::message::message_bytes;
use boatyard_vm::apply::inclusion_gas;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use num_traits::Signed;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::error::RpcError;
use crate::eth::chain::NETWORK_VERSION;
use crate::fil::json::{CidJson, MessageJson};
use crate::params::{FilAddress, param_by_serde};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Verdicts on messages that somebody wants to send.
        ["Filecoin.MpoolCheckMessages"]
        (messages: Vec<MessagePrototype>) -> "CheckStatuses" = compute check_messages;

        /// Verdicts on the messages of a sender that wait.
        ["Filecoin.MpoolCheckPendingMessages"]
        (address: FilAddress) -> "CheckStatuses" = compute check_pending;

        /// Verdicts on messages that are to replace pending ones.
        ["Filecoin.MpoolCheckReplaceMessages"]
        (messages: Vec<MessageJson>) -> "CheckStatuses" = compute check_replacements;
    ]
}

/// A message that is not sent yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessagePrototype {
    /// The message.
    pub message: MessageJson,
    /// Whether its nonce is meant.
    #[serde(default)]
    pub valid_nonce: bool,
}

param_by_serde! { MessagePrototype = "MessagePrototype" }

/// Largest message in bytes.
const LARGEST: usize = 64 << 10;
/// Lowest base fee in attoFIL.
const LOWEST_BASE_FEE: u64 = 100;
/// Length in bytes of a signature of the usual kind, with its type.
const SIGNATURE: usize = 66;

/// A verdict.
#[derive(Debug, Clone, Serialize)]
struct CheckStatus {
    #[serde(rename = "Cid")]
    cid: CidJson,
    #[serde(rename = "Code")]
    code: u8,
    #[serde(rename = "OK")]
    ok: bool,
    #[serde(rename = "Err")]
    err: String,
    #[serde(rename = "Hint")]
    hint: Hint,
}

#[derive(Debug, Clone, Serialize)]
struct Hint {}

fn check_messages(
    call: &Call,
    messages: Vec<MessagePrototype>,
) -> Result<Vec<Vec<CheckStatus>>, RpcError> {
    messages
        .into_iter()
        .map(|prototype| {
            let message = prototype.message.into_message()?;
            check(call, &message, prototype.valid_nonce)
        })
        .collect()
}

fn check_replacements(
    call: &Call,
    messages: Vec<MessageJson>,
) -> Result<Vec<Vec<CheckStatus>>, RpcError> {
    messages
        .into_iter()
        .map(|message| check(call, &message.into_message()?, true))
        .collect()
}

fn check_pending(call: &Call, address: FilAddress) -> Result<Vec<Vec<CheckStatus>>, RpcError> {
    let pending = call.node.chain.pending();
    let state = call.node.chain.head_state();
    let sender = state.resolve(&address.0)?;
    let mut verdicts = Vec::new();
    for waiting in pending {
        let message = &waiting.signed.message;
        let same = message.from == address.0
            || (sender.is_some() && state.resolve(&message.from)? == sender);
        if same {
            verdicts.push(check(call, message, true)?);
        }
    }
    Ok(verdicts)
}

/// The rules in Lotus's order, with Lotus's numbers (spec 10 §4.1).
fn check(call: &Call, message: &Message, valid_nonce: bool) -> Result<Vec<CheckStatus>, RpcError> {
    let chain = &call.node.chain;
    let size = message_bytes(message).len() + SIGNATURE;
    let base_fee = chain.next_base_fee();
    let state = chain.head_state();
    let cost = &message.gas_fee_cap * message.gas_limit;
    let balance = state.balance(&message.from)?;
    let sequence = state.sequence(&message.from)?;
    let minimum = inclusion_gas(NETWORK_VERSION, size);
    let lowest = TokenAmount::from_atto(LOWEST_BASE_FEE);

    let below = |fee: &TokenAmount| {
        (message.gas_fee_cap < *fee).then(|| {
            format!(
                "GasFeeCap {} is below {}",
                message.gas_fee_cap.atto(),
                fee.atto()
            )
        })
    };
    let size_error = (size > LARGEST).then(|| format!("{size} bytes, at most {LARGEST}"));
    let gas_error = (message.gas_limit < minimum).then(|| {
        format!(
            "GasLimit {} is below the cost of inclusion {minimum}",
            message.gas_limit
        )
    });
    let nonce_error = (valid_nonce && message.sequence < sequence)
        .then(|| format!("nonce {} is used, the next is {sequence}", message.sequence));
    let balance_error = (balance < cost).then(|| format!("balance {balance}, may cost {cost}"));

    let verdicts = [
        (1, None),
        (2, size_error),
        (3, invalid(message)),
        (4, gas_error),
        (5, below(&lowest)),
        (6, below(&base_fee)),
        (7, below(&lowest)),
        (8, below(&base_fee)),
        (9, None),
        (10, nonce_error),
        (11, None),
        (12, balance_error),
    ];
    let cid = CidJson(boatyard_chain::message::message_cid(message));
    Ok(verdicts
        .into_iter()
        .map(|(code, error)| CheckStatus {
            cid: cid.clone(),
            code,
            ok: error.is_none(),
            err: error.unwrap_or_default(),
            hint: Hint {},
        })
        .collect())
}

/// What is wrong with the fields alone.
fn invalid(message: &Message) -> Option<String> {
    if message.version != 0 {
        Some(format!("version {}, only 0 is known", message.version))
    } else if message.value.atto().is_negative() {
        Some("the value is negative".into())
    } else if message.gas_premium > message.gas_fee_cap {
        Some("'GasFeeCap' less than 'GasPremium'".into())
    } else if message.gas_limit > BLOCK_GAS_LIMIT {
        Some("'GasLimit' field cannot be greater than a block's gas limit".into())
    } else {
        None
    }
}
