//! `trace_*`.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy::primitives::{Address as EthAddr, B256, Bytes};
use boatyard_chain::ethereum::{decode_transaction, from_cbor_bytes};
use boatyard_chain::{CallPoint, CallRequest, ExecutedTipset, Overrides, TipsetRef, Watched};
use boatyard_vm::context::{Interceptor, Tracing};
use fvm_shared::message::Message;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::debug::{mined, position};
use super::frame;
use super::parity::{FlatTrace, PlacedTrace, flatten};
use super::prestate::{TouchLog, state_diff};
use crate::call::Call;
use crate::deep;
use crate::error::{RpcError, quote};
use crate::eth::block_param::{BlockParam, Tag};
use crate::eth::blocks::exactly;
use crate::eth::calls::call_point;
use crate::eth::transaction::TransactionRequest;
use crate::node::{Node, unknown_block};
use crate::params::{EthAddress, Hash, HexBytes, Quantity};
use crate::registry::{Method, Param, kind, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The calls of all messages of a block, flat.
        ["trace_block", "Filecoin.EthTraceBlock"]
        (block: BlockParam) -> "flat traces" = wait block;

        /// The calls of a transaction, flat.
        ["trace_transaction", "Filecoin.EthTraceTransaction"]
        (hash: Hash) -> "flat traces" = wait transaction;

        /// One call of a transaction, by its way from the top; null when there is none.
        ["trace_get"]
        (hash: Hash, way: Vec<Quantity>) -> "flat trace or null" = wait one;

        /// All messages of a block executed again: `trace` gives the calls, `stateDiff` what
        /// changed. There is no `vmTrace`: debug_traceTransaction shows instructions.
        ["trace_replayBlockTransactions", "Filecoin.EthTraceReplayBlockTransactions"]
        (block: BlockParam, types: TraceTypes) -> "replays" = wait replay_block;

        /// A transaction executed again.
        ["trace_replayTransaction"]
        (hash: Hash, types: TraceTypes) -> "replay" = wait replay;

        /// A transaction that is only tried.
        ["trace_call", "Forest.EthTraceCall"]
        (transaction: TransactionRequest, types: TraceTypes, block: BlockParam)
            -> "replay" = wait call;

        /// A signed transaction that is only tried.
        ["trace_rawTransaction"]
        (raw: HexBytes, types: TraceTypes) -> "replay" = wait raw;

        /// The calls of a range of blocks between certain addresses, flat.
        ["trace_filter", "Filecoin.EthTraceFilter"]
        (filter: TraceFilter) -> "flat traces" = wait filter;
    ]
}

/// Longest range in strict mode, in epochs.
const LONGEST_RANGE: i64 = 2880;
/// Most results in strict mode, as on Lotus.
const MOST_RESULTS_STRICT: usize = 500;
/// Most results otherwise.
const MOST_RESULTS: usize = 10_000;

/// What of a replay is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceTypes {
    trace: bool,
    state_diff: bool,
}

impl Param for TraceTypes {
    const SHAPE: &'static str = "trace types";

    fn read(value: Value) -> Result<Self, String> {
        let Value::Array(items) = value else {
            return Err(format!("expected an array, got {}", kind(&value)));
        };
        let mut types = Self {
            trace: false,
            state_diff: false,
        };
        for item in items {
            match item.as_str() {
                Some("trace") => types.trace = true,
                Some("stateDiff") => types.state_diff = true,
                Some("vmTrace") => {
                    return Err("there is no vmTrace; debug_traceTransaction shows every \
                                instruction"
                        .into());
                }
                _ => {
                    return Err(format!(
                        "expected trace or stateDiff, got {}",
                        quote(&item.to_string())
                    ));
                }
            }
        }
        Ok(types)
    }
}

impl TraceTypes {
    fn watcher(self) -> Option<Arc<TouchLog>> {
        self.state_diff.then(Arc::default)
    }

    /// Lotus knows one type only.
    fn check(self, node: &Node) -> Result<(), RpcError> {
        if node.options.strict && (self.state_diff || !self.trace) {
            return Err(RpcError::failure(
                "invalid trace type: only [\"trace\"] is supported",
            ));
        }
        Ok(())
    }
}

/// A message executed again.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replay {
    output: Bytes,
    state_diff: Option<Value>,
    trace: Vec<FlatTrace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_hash: Option<B256>,
    vm_trace: Option<Value>,
}

/// Wants a large stack.
fn write_replay(
    types: TraceTypes,
    touched: Option<&TouchLog>,
    message: &Message,
    watched: &Watched,
    hash: Option<B256>,
) -> Result<Replay, RpcError> {
    let returned = watched.applied.receipt.return_data.bytes();
    let diff = match touched {
        None => None,
        Some(log) => {
            let diff = state_diff(log, &watched.before, &watched.after)?;
            let members = diff
                .into_iter()
                .map(|(address, change)| (format!("{address:#x}"), change));
            Some(Value::Object(members.collect::<Map<_, _>>()))
        }
    };
    Ok(Replay {
        output: from_cbor_bytes(returned)
            .unwrap_or_else(|| returned.to_vec())
            .into(),
        state_diff: diff,
        trace: match types.trace {
            true => flatten(&frame(message, watched)?),
            false => Vec::new(),
        },
        transaction_hash: hash,
        vm_trace: None,
    })
}

fn nobody() -> boatyard_chain::Watchers {
    Arc::new(|_| None)
}

/// The flat traces of some messages of a tipset. Wants a large stack.
fn placed(
    tipset: &ExecutedTipset,
    from: usize,
    watched: &[Watched],
) -> Result<Vec<PlacedTrace>, RpcError> {
    let mut all = Vec::new();
    for (index, watched) in (from..).zip(watched) {
        let message = &tipset.messages[index].signed.message;
        let at = position(tipset, index);
        let traces = flatten(&frame(message, watched)?);
        all.extend(traces.into_iter().map(|one| PlacedTrace::new(one, at)));
    }
    Ok(all)
}

/// The tipset of a block that must exist; in strict mode a null round is an error.
fn existing(call: &Call, block: BlockParam) -> Result<Arc<ExecutedTipset>, RpcError> {
    exactly(call, block)?.ok_or_else(|| unknown_block(block, call.node.chain.head().height()))
}

async fn block(call: Call, block: BlockParam) -> Result<Box<RawValue>, RpcError> {
    let tipset = existing(&call, block)?;
    let count = tipset.messages.len();
    let watched = call
        .node
        .chain
        .watch_tipset(&tipset, 0..count, nobody())
        .await?;
    deep::walk(move || placed(&tipset, 0, &watched)).await
}

async fn transaction(call: Call, hash: Hash) -> Result<Box<RawValue>, RpcError> {
    let location = mined(&call, &hash.0)?;
    let range = location.index..location.index + 1;
    let watched = call
        .node
        .chain
        .watch_tipset(&location.tipset, range, nobody())
        .await?;
    deep::walk(move || placed(&location.tipset, location.index, &watched)).await
}

async fn one(call: Call, hash: Hash, way: Vec<Quantity>) -> Result<Box<RawValue>, RpcError> {
    let location = mined(&call, &hash.0)?;
    let range = location.index..location.index + 1;
    let watched = call
        .node
        .chain
        .watch_tipset(&location.tipset, range, nobody())
        .await?;
    deep::walk(move || {
        let way: Vec<usize> = way
            .iter()
            .map(|step| usize::try_from(step.0).unwrap_or(usize::MAX))
            .collect();
        let traces = placed(&location.tipset, location.index, &watched)?;
        Ok(traces.into_iter().find(|one| one.address() == way))
    })
    .await
}

async fn replay_block(
    call: Call,
    block: BlockParam,
    types: TraceTypes,
) -> Result<Box<RawValue>, RpcError> {
    types.check(&call.node)?;
    let tipset = existing(&call, block)?;
    replay_range(
        call,
        tipset.clone(),
        0..tipset.messages.len(),
        types,
        |all| crate::registry::answer(&all),
    )
    .await
}

async fn replay(call: Call, hash: Hash, types: TraceTypes) -> Result<Box<RawValue>, RpcError> {
    let location = mined(&call, &hash.0)?;
    let range = location.index..location.index + 1;
    replay_range(call, location.tipset, range, types, |all| {
        crate::registry::answer(&all.into_iter().next())
    })
    .await
}

async fn replay_range(
    call: Call,
    tipset: Arc<ExecutedTipset>,
    range: std::ops::Range<usize>,
    types: TraceTypes,
    write: fn(Vec<Replay>) -> crate::registry::Answer,
) -> Result<Box<RawValue>, RpcError> {
    let logs: Vec<Option<Arc<TouchLog>>> =
        tipset.messages.iter().map(|_| types.watcher()).collect();
    let watching = logs.clone();
    let watchers = Arc::new(move |index: usize| {
        let log = watching.get(index)?.clone()?;
        Some(log as Arc<dyn Interceptor>)
    });
    let watched = call
        .node
        .chain
        .watch_tipset(&tipset, range.clone(), watchers)
        .await?;
    deep::walk(move || {
        let replays = range.zip(&watched).map(|(index, watched)| {
            let message = &tipset.messages[index];
            write_replay(
                types,
                logs[index].as_deref(),
                &message.signed.message,
                watched,
                Some(message.eth_hash),
            )
        });
        write(replays.collect::<Result<Vec<_>, _>>()?)
    })
    .await
}

async fn call(
    call: Call,
    transaction: TransactionRequest,
    types: TraceTypes,
    block: BlockParam,
) -> Result<Box<RawValue>, RpcError> {
    let at = call_point(&call, block)?;
    let message = transaction.as_call(call.node.options.strict)?;
    try_message(call, message, at, types).await
}

async fn raw(call: Call, raw: HexBytes, types: TraceTypes) -> Result<Box<RawValue>, RpcError> {
    let signed = decode_transaction(&raw.0, call.node.chain_id())?;
    try_message(call, signed.message, CallPoint::PendingOfSender, types).await
}

async fn try_message(
    call: Call,
    mut message: Message,
    at: CallPoint,
    types: TraceTypes,
) -> Result<Box<RawValue>, RpcError> {
    let request = CallRequest {
        message: message.clone(),
        at,
        overrides: Overrides::default(),
        tracing: Tracing::Calls,
    };
    if message.gas_limit == 0 {
        message.gas_limit = boatyard_chain::fees::BLOCK_GAS_LIMIT;
    }
    let log = types.watcher();
    let watcher = log.clone().map(|log| log as Arc<dyn Interceptor>);
    let watched = call.node.chain.watch_call(request, watcher).await?;
    deep::walk(move || write_replay(types, log.as_deref(), &message, &watched, None)).await
}

/// Which calls are wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TraceFilter {
    from_block: Option<BlockParam>,
    to_block: Option<BlockParam>,
    from: BTreeSet<EthAddr>,
    to: BTreeSet<EthAddr>,
    after: usize,
    count: Option<usize>,
}

impl Param for TraceFilter {
    const SHAPE: &'static str = "trace filter";

    fn read(value: Value) -> Result<Self, String> {
        let Value::Object(mut fields) = value else {
            return Err(format!("expected an object, got {}", kind(&value)));
        };
        fn member<T: Param>(
            fields: &mut Map<String, Value>,
            name: &str,
        ) -> Result<Option<T>, String> {
            match fields.remove(name) {
                None | Some(Value::Null) => Ok(None),
                Some(value) => T::read(value)
                    .map(Some)
                    .map_err(|error| format!("{name}: {error}")),
            }
        }
        let addresses = |list: Option<Vec<EthAddress>>| {
            list.unwrap_or_default()
                .into_iter()
                .map(|address| address.0)
                .collect()
        };
        let number = |quantity: Quantity| usize::try_from(quantity.0).unwrap_or(usize::MAX);
        Ok(Self {
            from_block: member(&mut fields, "fromBlock")?,
            to_block: member(&mut fields, "toBlock")?,
            from: addresses(member(&mut fields, "fromAddress")?),
            to: addresses(member(&mut fields, "toAddress")?),
            after: member(&mut fields, "after")?.map_or(0, number),
            count: member(&mut fields, "count")?.map(number),
        })
    }
}

async fn filter(call: Call, filter: TraceFilter) -> Result<Box<RawValue>, RpcError> {
    let node = call.node.clone();
    let strict = node.options.strict;
    let head = node.chain.head().height();
    let epoch = |block: Option<BlockParam>| match block.unwrap_or(BlockParam::LATEST) {
        BlockParam::Number(number) => Ok(i64::try_from(number).unwrap_or(i64::MAX)),
        BlockParam::Tag(Tag::Earliest) => Ok(0),
        block => Ok::<_, RpcError>(node.block(block)?.height()),
    };
    let (first, last) = (epoch(filter.from_block)?, epoch(filter.to_block)?.min(head));
    if strict && last - first > LONGEST_RANGE {
        return Err(RpcError::range_too_long(LONGEST_RANGE, last - first));
    }
    let most = if strict {
        MOST_RESULTS_STRICT
    } else {
        MOST_RESULTS
    };
    let count = filter.count.unwrap_or(most);
    if count > most {
        return Err(RpcError::failure(format!(
            "at most {most} results at once, {count} were asked for; use `after` and `count`"
        )));
    }
    let (from, to): (Vec<_>, Vec<_>) = (
        filter.from.iter().copied().collect(),
        filter.to.iter().copied().collect(),
    );
    // From the newest block down to the oldest, then in order.
    let mut tipsets = Vec::new();
    let mut at = (first <= last)
        .then(|| node.chain.tipset(&TipsetRef::Height(last)))
        .transpose()?;
    while let Some(tipset) = at.take().filter(|tipset| tipset.height() >= first) {
        at = node.chain.parent(&tipset);
        if !tipset.messages.is_empty() {
            tipsets.push(tipset);
        }
    }
    let mut skip = filter.after;
    let mut found: Vec<Box<RawValue>> = Vec::new();
    for tipset in tipsets.into_iter().rev() {
        let messages = tipset.messages.len();
        let watched = node
            .chain
            .watch_tipset(&tipset, 0..messages, nobody())
            .await?;
        let (from, to) = (from.clone(), to.clone());
        let room = count - found.len();
        let of_tipset = deep::compute(move || {
            let mut traces = placed(&tipset, 0, &watched)?;
            traces.retain(|one| one.is_between(&from, &to));
            let passed = skip.min(traces.len());
            let kept: Vec<Box<RawValue>> = traces
                .iter()
                .skip(passed)
                .take(room)
                .map(crate::registry::answer)
                .collect::<Result<_, _>>()?;
            Ok((kept, passed))
        })
        .await?;
        let (kept, passed) = of_tipset;
        skip -= passed;
        found.extend(kept);
        if found.len() >= count {
            break;
        }
    }
    crate::registry::answer(&found)
}
