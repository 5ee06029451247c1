//! Sending messages, and what waits (spec 10 §5.3).

use boatyard_chain::{Authority, Signature, SignatureKind, SignedMessage};
use fvm_shared::address::Address;
use fvm_shared::message::Message;

use crate::call::Call;
use crate::error::RpcError;
use crate::fil::gas::{SendSpec, fill};
use crate::fil::json::{CidJson, MessageJson, SignedMessageJson, address_text};
use crate::params::{FilAddress, TipsetParam};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The nonce of a sender's next message, pending ones counted.
        ["Filecoin.MpoolGetNonce"]
        (address: FilAddress) -> "number" = compute next_nonce;

        /// Takes a signed message.
        ["Filecoin.MpoolPush", "Filecoin.MpoolPushUntrusted"]
        (message: SignedMessageJson) -> "CID" [Write] = wait push;

        /// Fills in gas and nonce, signs with a key of the node (or, for an impersonated
        /// sender, does without) and sends.
        ["Filecoin.MpoolPushMessage"]
        (message: MessageJson, spec: Option<SendSpec>) -> "SignedMessage" [Sign] = wait push_message;

        /// Does the same for several messages in order.
        ["Filecoin.MpoolBatchPushMessage"]
        (messages: Vec<MessageJson>, spec: Option<SendSpec>) -> "SignedMessages" [Sign] = wait push_messages;

        /// Takes several signed messages in order.
        ["Filecoin.MpoolBatchPush", "Filecoin.MpoolBatchPushUntrusted"]
        (messages: Vec<SignedMessageJson>) -> "CIDs" [Write] = wait push_all;

        /// The messages that the next block could take, in their senders' order.
        ["Filecoin.MpoolSelect"]
        (tipset: TipsetParam, quality: Option<f64>) -> "SignedMessages" = compute select;

        /// Empties the pool.
        ["Filecoin.MpoolClear"]
        (local: Option<bool>) -> "null" [Write] = wait clear;

        /// The rules of the pool.
        ["Filecoin.MpoolGetConfig"]
        () -> "MpoolConfig" = compute config;

        /// All messages that wait.
        ["Filecoin.MpoolPending"]
        (tipset: TipsetParam) -> "SignedMessages" = compute pending;
    ]
}

fn next_nonce(call: &Call, address: FilAddress) -> Result<u64, RpcError> {
    Ok(call.node.chain.next_nonce(&address.0)?)
}

async fn push(call: Call, message: SignedMessageJson) -> Result<CidJson, RpcError> {
    Ok(call
        .node
        .chain
        .push(message.into_signed()?)
        .await?
        .cid
        .into())
}

async fn push_all(call: Call, messages: Vec<SignedMessageJson>) -> Result<Vec<CidJson>, RpcError> {
    let mut sent = Vec::with_capacity(messages.len());
    for message in messages {
        sent.push(push(call.clone(), message).await?);
    }
    Ok(sent)
}

fn select(
    call: &Call,
    _tipset: TipsetParam,
    _quality: Option<f64>,
) -> Result<Vec<SignedMessageJson>, RpcError> {
    let state = call.node.chain.head_state();
    let mut run: Option<(Address, u64)> = None;
    let mut selected = Vec::new();
    // By sender and nonce: what lies behind a gap cannot be taken.
    for message in call.node.chain.pending() {
        let fields = &message.signed.message;
        let next = match run {
            Some((sender, next)) if sender == fields.from => next,
            _ => state.sequence(&fields.from)?,
        };
        let fits = fields.sequence == next;
        run = Some((fields.from, next + u64::from(fits)));
        if fits {
            selected.push((&message.signed).into());
        }
    }
    Ok(selected)
}

async fn clear(call: Call, _local: Option<bool>) -> Result<(), RpcError> {
    call.node.chain.clear_pool(None).await?;
    Ok(())
}

/// Lotus's names for what is fixed here (spec 10 §5.3).
fn config(_: &Call) -> Result<serde_json::Value, RpcError> {
    Ok(serde_json::json!({
        "PriorityAddrs": null,
        "SizeLimitHigh": 30_000,
        "SizeLimitLow": 20_000,
        "ReplaceByFeeRatio": 1.25,
        "PruneCooldown": 60_000_000_000u64,
        "GasLimitOverestimation": 1.25,
    }))
}

async fn push_message(
    call: Call,
    message: MessageJson,
    spec: Option<SendSpec>,
) -> Result<SignedMessageJson, RpcError> {
    let signed = send(&call, message.into_message()?, &spec.unwrap_or_default()).await?;
    Ok((&signed).into())
}

async fn push_messages(
    call: Call,
    messages: Vec<MessageJson>,
    spec: Option<SendSpec>,
) -> Result<Vec<SignedMessageJson>, RpcError> {
    let messages: Vec<Message> = messages
        .into_iter()
        .map(MessageJson::into_message)
        .collect::<Result<_, _>>()?;
    let spec = spec.unwrap_or_default();
    let mut sent = Vec::with_capacity(messages.len());
    for message in messages {
        sent.push((&send(&call, message, &spec).await?).into());
    }
    Ok(sent)
}

/// Fills in, signs and sends a message of one of the node's keys or of an
/// impersonated sender.
///
/// # Errors
/// When the nonce is set, the node may not sign for the sender, or the pool
/// refuses.
pub async fn send(
    call: &Call,
    mut message: Message,
    spec: &SendSpec,
) -> Result<SignedMessage, RpcError> {
    let node = &call.node;
    if message.sequence != 0 {
        return Err(RpcError::failure(format!(
            "MpoolPushMessage expects message nonce to be 0, was {}; the node fills it in",
            message.sequence
        )));
    }
    let key = signing_key(call, &message.from)?;
    let turn = node.signing.lock().await;
    if let Some(key) = key {
        message.from = key.address();
        let mut message = fill(call, message, spec, &TipsetParam(Default::default())).await?;
        message.sequence = node.chain.next_nonce(&message.from)?;
        let signed = key
            .sign_message(message, node.chain_id())
            .map_err(|error| RpcError::failure(error.to_string()))?;
        node.chain.push(signed.clone()).await?;
        drop(turn);
        return Ok(signed);
    }
    let mut message = fill(call, message, spec, &TipsetParam(Default::default())).await?;
    message.sequence = u64::MAX;
    let pushed = node.chain.push_impersonated(message.clone()).await?;
    drop(turn);
    use boatyard_chain::handle::Found;
    Ok(match node.chain.message(&pushed.cid) {
        Some(Found::Mined(location)) => location.message().signed.clone(),
        Some(Found::Pending(waiting)) => {
            debug_assert_eq!(waiting.authority, Authority::Impersonated);
            waiting.signed.clone()
        }
        // Reverted meanwhile: what was sent, as far as it is known.
        None => SignedMessage {
            message,
            signature: Signature {
                kind: SignatureKind::Delegated,
                data: vec![0; 65],
            },
        },
    })
}

/// The key that signs for an address, which may be an ID; `None` for an
/// impersonated sender.
fn signing_key(call: &Call, address: &Address) -> Result<Option<boatyard_chain::Key>, RpcError> {
    if let Some(key) = find_key(call, address)? {
        return Ok(Some(key));
    }
    if call.node.chain.is_impersonated(address) {
        return Ok(None);
    }
    Err(no_key(address))
}

/// The node's key for an address, which may be the ID of an account.
pub fn find_key(call: &Call, address: &Address) -> Result<Option<boatyard_chain::Key>, RpcError> {
    let chain = &call.node.chain;
    if let Some(key) = chain.keyring().get(address) {
        return Ok(Some(key));
    }
    let resolved = chain.head_state().account_key(address)?;
    Ok(resolved.and_then(|address| chain.keyring().get(&address)))
}

/// The error for an address that the node cannot sign for.
pub fn no_key(address: &Address) -> RpcError {
    let address = address_text(address);
    RpcError::failure(format!(
        "key not found: the node cannot sign for {address}; import the key with \
         Filecoin.WalletImport, sign the message yourself, or impersonate the sender"
    ))
}

fn pending(call: &Call, _tipset: TipsetParam) -> Result<Vec<SignedMessageJson>, RpcError> {
    Ok(call
        .node
        .chain
        .pending()
        .iter()
        .map(|message| (&message.signed).into())
        .collect())
}
