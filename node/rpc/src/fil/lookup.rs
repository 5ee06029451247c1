//! Trying, searching and awaiting messages (spec 10 §5.3).

use std::sync::Arc;
use std::time::Instant;

use boatyard_chain::handle::Found;
use boatyard_chain::message::message_cid;
use boatyard_chain::{CallPoint, CallRequest, ExecutedTipset, MessageLocation, Overrides};
use boatyard_vm::context::Tracing;
use cid::Cid;
use fvm_shared::clock::ChainEpoch;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::{Call, Path};
use crate::deep;
use crate::error::RpcError;
use crate::fil::json::{CidJson, KeyJson, MessageJson, ReceiptJson, address_text};
use crate::fil::traces::InvocResult;
use crate::params::{CidParam, TipsetParam};
use crate::registry::{Method, Paths, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    let mut all = methods![
        /// Runs a message on a tipset's parent state without a trace on the chain. That it
        /// fails is said inside the result.
        ["Filecoin.StateCall"]
        (message: MessageJson, tipset: TipsetParam) -> "InvocResult" = wait state_call;

        /// Executes a message of the chain again and gives its trace.
        ["Filecoin.StateReplay"]
        (tipset: TipsetParam, cid: CidParam) -> "InvocResult" = wait replay;

        /// Where on the chain a message is; null when it is not.
        ["Filecoin.StateSearchMsg"]
        (from: TipsetParam, cid: CidParam, limit: Option<i64>, replaced: Option<bool>)
            -> "MsgLookup or null" = compute search;

        /// Waits until a message is on the chain with some tipsets on top of it; makes
        /// them, while tipsets are made on message.
        ["Filecoin.StateWaitMsg"]
        (cid: CidParam, confidence: u64, limit: Option<i64>, replaced: Option<bool>)
            -> "MsgLookup" = wait wait_message;
    ];
    let v0 = methods![
        /// Where on the chain a message is; null when it is not.
        ["Filecoin.StateSearchMsg"]
        (cid: CidParam) -> "MsgLookup or null" = compute search_v0;

        /// Where on the chain a message is, looking back a number of epochs.
        ["Filecoin.StateSearchMsgLimited"]
        (cid: CidParam, limit: Option<i64>) -> "MsgLookup or null" = compute search_limited;

        /// Waits until a message is on the chain with some tipsets on top of it.
        ["Filecoin.StateWaitMsg"]
        (cid: CidParam, confidence: u64) -> "MsgLookup" = wait wait_v0;

        /// Waits until a message is on the chain with some tipsets on top of it.
        ["Filecoin.StateWaitMsgLimited"]
        (cid: CidParam, confidence: u64, limit: Option<i64>) -> "MsgLookup" = wait wait_limited;

        /// The receipt of a message; null when it is not on the chain.
        ["Filecoin.StateGetReceipt"]
        (cid: CidParam, tipset: TipsetParam) -> "Receipt or null" = compute receipt;
    ];
    all.extend(
        v0.into_iter()
            .map(|method| method.on(Paths::Only(Path::V0))),
    );
    all
}

/// Most tipsets that a client may wait for.
const MOST_CONFIDENCE: u64 = 900;

/// Where on the chain a message is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MsgLookup {
    message: CidJson,
    receipt: ReceiptJson,
    return_dec: Option<Value>,
    tip_set: KeyJson,
    height: i64,
}

/// The tipset named is the one whose parent receipts hold the message's; for a
/// message in the head, which has no child yet, the head itself (spec 10 §8.3).
fn lookup(call: &Call, location: &MessageLocation) -> MsgLookup {
    let node = &call.node;
    let message = location.message();
    let shown: Arc<ExecutedTipset> = node
        .chain
        .child(&location.tipset)
        .unwrap_or_else(|| location.tipset.clone());
    MsgLookup {
        message: message.cid.into(),
        receipt: (&message.receipt).into(),
        return_dec: node
            .abis
            .decode_return(&node.chain.state(location.tipset.state_root), location),
        tip_set: shown.key().clone().into(),
        height: shown.height(),
    }
}

async fn state_call(
    call: Call,
    message: MessageJson,
    tipset: TipsetParam,
) -> Result<Box<RawValue>, RpcError> {
    let node = &call.node;
    let message = message.into_message()?;
    let at = if tipset.0.is_empty() {
        CallPoint::After(node.chain.head())
    } else {
        CallPoint::Before(node.tipset(&tipset.0)?)
    };
    if node.state_at(&tipset.0)?.actor(&message.from)?.is_none() {
        return Err(RpcError::actor_not_found(address_text(&message.from)));
    }
    let began = Instant::now();
    let request = CallRequest {
        message: message.clone(),
        at,
        overrides: Overrides::default(),
        tracing: Tracing::Full,
    };
    let applied = node.chain.call(request).await?;
    let took = began.elapsed();
    deep::walk(move || {
        Ok(InvocResult::new(
            message_cid(&message),
            &message,
            &applied,
            took,
        ))
    })
    .await
}

async fn replay(call: Call, tipset: TipsetParam, cid: CidParam) -> Result<Box<RawValue>, RpcError> {
    let chain = &call.node.chain;
    let Some(Found::Mined(location)) = chain.message(&cid.0) else {
        return Err(RpcError::failure(format!(
            "message {} is not on the chain",
            cid.0
        )));
    };
    if !tipset.0.is_empty() && tipset.0 != *location.tipset.key() {
        return Err(RpcError::failure(format!(
            "message {} is not in tipset {}, but in {}",
            cid.0,
            tipset.0,
            location.tipset.key()
        )));
    }
    let began = Instant::now();
    let traced = chain
        .trace_message(&location.message().cid, Tracing::Full)
        .await?;
    let took = began.elapsed();
    deep::walk(move || {
        Ok(InvocResult::of_executed(
            location.message(),
            &traced.applied,
            took,
        ))
    })
    .await
}

fn find(
    call: &Call,
    cid: &Cid,
    from: Option<ChainEpoch>,
    limit: Option<i64>,
) -> Option<MessageLocation> {
    let Some(Found::Mined(location)) = call.node.chain.message(cid) else {
        return None;
    };
    let from = from.unwrap_or_else(|| call.node.chain.head().height());
    let age = from - location.tipset.height();
    let within = limit
        .filter(|limit| *limit >= 0)
        .is_none_or(|limit| age <= limit);
    (age >= 0 && within).then_some(location)
}

fn search(
    call: &Call,
    from: TipsetParam,
    cid: CidParam,
    limit: Option<i64>,
    _replaced: Option<bool>,
) -> Result<Option<MsgLookup>, RpcError> {
    let from = match from.0.is_empty() {
        true => None,
        false => Some(call.node.tipset(&from.0)?.height()),
    };
    Ok(find(call, &cid.0, from, limit).map(|location| lookup(call, &location)))
}

fn search_v0(call: &Call, cid: CidParam) -> Result<Option<MsgLookup>, RpcError> {
    search_limited(call, cid, None)
}

fn search_limited(
    call: &Call,
    cid: CidParam,
    limit: Option<i64>,
) -> Result<Option<MsgLookup>, RpcError> {
    Ok(find(call, &cid.0, None, limit).map(|location| lookup(call, &location)))
}

async fn wait_message(
    call: Call,
    cid: CidParam,
    confidence: u64,
    _limit: Option<i64>,
    replaced: Option<bool>,
) -> Result<MsgLookup, RpcError> {
    if confidence > MOST_CONFIDENCE {
        return Err(RpcError::failure(format!(
            "confidence {confidence} is too high, at most {MOST_CONFIDENCE}"
        )));
    }
    let allow_replaced = replaced.unwrap_or(true);
    let location = call
        .node
        .chain
        .wait_message(&cid.0, confidence, allow_replaced)
        .await?;
    Ok(lookup(&call, &location))
}

async fn wait_v0(call: Call, cid: CidParam, confidence: u64) -> Result<MsgLookup, RpcError> {
    wait_message(call, cid, confidence, None, None).await
}

async fn wait_limited(
    call: Call,
    cid: CidParam,
    confidence: u64,
    limit: Option<i64>,
) -> Result<MsgLookup, RpcError> {
    wait_message(call, cid, confidence, limit, None).await
}

fn receipt(
    call: &Call,
    cid: CidParam,
    _tipset: TipsetParam,
) -> Result<Option<ReceiptJson>, RpcError> {
    Ok(find(call, &cid.0, None, None).map(|location| (&location.message().receipt).into()))
}
