//! `debug_traceTransaction`, `debug_traceCall`, `debug_traceBlock…`.

use std::sync::Arc;

use alloy::primitives::{B256, Bytes};
use boatyard_chain::ethereum::from_cbor_bytes;
use boatyard_chain::handle::Found;
use boatyard_chain::{CallRequest, ExecutedTipset, MessageLocation, Watched};
use boatyard_vm::context::{Interceptor, Tracing};
use fvm_shared::message::Message;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::frame;
use super::geth::{CallOptions, call_frame, four_bytes};
use super::parity::{PlacedTrace, Position, flatten};
use super::prestate::{PrestateOptions, TouchLog, prestate};
use super::steps::{StepLog, StepOptions};
use crate::abis::Abis;
use crate::call::Call;
use crate::deep;
use crate::error::{RpcError, quote};
use crate::eth::block_param::BlockParam;
use crate::eth::calls::call_point;
use crate::eth::convert::number;
use crate::eth::transaction::{BlockOverride, StateOverride, TransactionRequest, overrides};
use crate::node::unknown_block;
use crate::params::{Hash, param_by_serde};
use crate::registry::{Answer, Method, answer, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// What happened inside a transaction. Without a tracer every instruction, else by
        /// `callTracer`, `prestateTracer`, `flatCallTracer`, `4byteTracer` or `noopTracer`.
        ["debug_traceTransaction", "Forest.EthDebugTraceTransaction"]
        (hash: Hash, options: Option<TraceOptions>) -> "trace" = wait transaction;

        /// What would happen inside a transaction.
        ["debug_traceCall"]
        (transaction: TransactionRequest, block: BlockParam, options: Option<TraceOptions>)
            -> "trace" = wait call;

        /// What happened inside all messages of a block.
        ["debug_traceBlockByNumber"]
        (block: BlockParam, options: Option<TraceOptions>) -> "traces" = wait block;

        /// What happened inside all messages of a block.
        ["debug_traceBlockByHash"]
        (hash: Hash, options: Option<TraceOptions>) -> "traces" = wait block_by_hash;
    ]
}

/// Which tracer, and what it is told.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TraceOptions {
    tracer: Option<String>,
    tracer_config: Value,
    #[serde(flatten)]
    steps: StepOptions,
    state_overrides: Option<StateOverride>,
    block_overrides: Option<BlockOverride>,
}

param_by_serde! { TraceOptions = "trace options" }

/// A tracer with what it was told.
#[derive(Debug, Clone, Copy)]
enum Tracer {
    Steps(StepOptions),
    Calls(CallOptions),
    Flat,
    Prestate(PrestateOptions),
    FourBytes,
    Nothing,
}

impl TraceOptions {
    fn tracer(&self) -> Result<Tracer, RpcError> {
        fn config<T: Default + serde::de::DeserializeOwned>(value: &Value) -> Result<T, RpcError> {
            if value.is_null() {
                return Ok(T::default());
            }
            serde_json::from_value(value.clone())
                .map_err(|error| RpcError::invalid_params(format!("tracerConfig: {error}")))
        }
        Ok(match self.tracer.as_deref().unwrap_or_default() {
            "" | "structLogger" => Tracer::Steps(self.steps),
            "callTracer" => Tracer::Calls(config(&self.tracer_config)?),
            "flatCallTracer" => Tracer::Flat,
            "prestateTracer" => Tracer::Prestate(config(&self.tracer_config)?),
            "4byteTracer" => Tracer::FourBytes,
            "noopTracer" => Tracer::Nothing,
            other => {
                return Err(RpcError::invalid_params(format!(
                    "unknown tracer \"{}\"; there are callTracer, flatCallTracer, \
                     prestateTracer, 4byteTracer and noopTracer, and without a name every \
                     instruction",
                    quote(other)
                )));
            }
        })
    }
}

/// A tracer at work on one message.
#[derive(Clone)]
enum Work {
    Steps(Arc<StepLog>),
    Calls(CallOptions),
    Flat,
    Prestate(PrestateOptions, Arc<TouchLog>),
    FourBytes,
    Nothing,
}

/// Answer of the struct logger.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Steps {
    gas: u64,
    failed: bool,
    return_value: Bytes,
    struct_logs: Box<RawValue>,
    /// What differs between the chain and the machine that shows the steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    differs: Option<String>,
}

impl Work {
    fn new(tracer: Tracer, most_bytes: usize) -> Self {
        match tracer {
            Tracer::Steps(options) => Work::Steps(Arc::new(StepLog::new(options, most_bytes))),
            Tracer::Calls(options) => Work::Calls(options),
            Tracer::Flat => Work::Flat,
            Tracer::Prestate(options) => Work::Prestate(options, Arc::default()),
            Tracer::FourBytes => Work::FourBytes,
            Tracer::Nothing => Work::Nothing,
        }
    }

    fn watcher(&self) -> Option<Arc<dyn Interceptor>> {
        match self {
            Work::Steps(log) => Some(log.clone()),
            Work::Prestate(_, log) => Some(log.clone()),
            Work::Calls(_) | Work::Flat | Work::FourBytes | Work::Nothing => None,
        }
    }

    /// Writes what was seen. Wants a large stack.
    fn write(
        &self,
        message: &Message,
        watched: &Watched,
        at: Option<Position>,
        abis: &Abis,
    ) -> Answer {
        match self {
            Work::Steps(log) => answer(&steps(log, watched)?),
            Work::Calls(options) => answer(&call_frame(&frame(message, watched)?, *options, abis)),
            Work::Flat => {
                let traces = flatten(&frame(message, watched)?);
                match at {
                    None => answer(&traces),
                    Some(at) => {
                        let placed = traces.into_iter().map(|one| PlacedTrace::new(one, at));
                        answer(&placed.collect::<Vec<_>>())
                    }
                }
            }
            Work::Prestate(options, log) => {
                answer(&prestate(log, &watched.before, &watched.after, *options)?)
            }
            Work::FourBytes => answer(&four_bytes(&frame(message, watched)?)),
            Work::Nothing => answer(&json!({})),
        }
    }
}

fn steps(log: &StepLog, watched: &Watched) -> Result<Steps, RpcError> {
    let receipt = &watched.applied.receipt;
    let returned = receipt.return_data.bytes();
    let differs = watched.native.as_ref().and_then(|native| {
        let (chain, other) = (receipt.exit_code, native.receipt.exit_code);
        let same = chain == other && receipt.return_data == native.receipt.return_data;
        (!same).then(|| {
            format!(
                "on the chain the message ended with exit code {chain}, on the machine that \
                 shows steps with {other}: it depends on what gas costs, which only the FVM \
                 counts"
            )
        })
    });
    Ok(Steps {
        gas: receipt.gas_used,
        failed: !receipt.exit_code.is_success(),
        return_value: from_cbor_bytes(returned)
            .unwrap_or_else(|| returned.to_vec())
            .into(),
        struct_logs: log.finish()?,
        differs,
    })
}

/// A mined transaction.
///
/// # Errors
/// When it is unknown or waits.
pub(super) fn mined(call: &Call, hash: &B256) -> Result<MessageLocation, RpcError> {
    match call.node.chain.message_by_hash(hash) {
        Some(Found::Mined(location)) => Ok(location),
        Some(Found::Pending(_)) => Err(RpcError::failure("no trace for pending transactions")),
        None => Err(RpcError::failure("transaction not found")),
    }
}

/// Where a message of a tipset is.
pub(super) fn position(tipset: &ExecutedTipset, index: usize) -> Position {
    Position {
        block_hash: tipset.tipset.eth_hash(),
        block_number: number(tipset),
        transaction: tipset.messages[index].eth_hash,
        index,
    }
}

fn most_bytes(call: &Call) -> usize {
    call.node.options.max_response_bytes as usize / 2
}

async fn transaction(
    call: Call,
    hash: Hash,
    options: Option<TraceOptions>,
) -> Result<Box<RawValue>, RpcError> {
    let tracer = options.unwrap_or_default().tracer()?;
    let location = mined(&call, &hash.0)?;
    let work = Work::new(tracer, most_bytes(&call));
    let range = location.index..location.index + 1;
    let watching = work.clone();
    let watched = call
        .node
        .chain
        .watch_tipset(
            &location.tipset,
            range,
            Arc::new(move |_| watching.watcher()),
        )
        .await?;
    deep::walk(move || {
        let at = position(&location.tipset, location.index);
        let message = &location.message().signed.message;
        let watched = watched.first().ok_or_else(gone)?;
        work.write(message, watched, Some(at), &call.node.abis)
    })
    .await
}

fn gone() -> RpcError {
    RpcError::failure("the transaction was not executed again; this is a fault of Boatyard")
}

async fn call(
    call: Call,
    transaction: TransactionRequest,
    block: BlockParam,
    options: Option<TraceOptions>,
) -> Result<Box<RawValue>, RpcError> {
    let options = options.unwrap_or_default();
    let work = Work::new(options.tracer()?, most_bytes(&call));
    let mut message = transaction.as_call(call.node.options.strict)?;
    if let Some(gas) = transaction.gas {
        message.gas_limit = gas
            .as_u64("gas")?
            .min(boatyard_chain::fees::BLOCK_GAS_LIMIT);
    }
    let request = CallRequest {
        message: message.clone(),
        at: call_point(&call, block)?,
        overrides: overrides(options.state_overrides, options.block_overrides)?,
        tracing: Tracing::Calls,
    };
    if message.gas_limit == 0 {
        message.gas_limit = boatyard_chain::fees::BLOCK_GAS_LIMIT;
    }
    let watched = call.node.chain.watch_call(request, work.watcher()).await?;
    deep::walk(move || work.write(&message, &watched, None, &call.node.abis)).await
}

/// The trace of one message of a block.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfBlock {
    tx_hash: B256,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

async fn block(
    call: Call,
    block: BlockParam,
    options: Option<TraceOptions>,
) -> Result<Box<RawValue>, RpcError> {
    let tracer = options.unwrap_or_default().tracer()?;
    let head = call.node.chain.head().height();
    let tipset = call
        .node
        .find_block(block)?
        .ok_or_else(|| unknown_block(block, head))?;
    let count = tipset.messages.len();
    // All of them together may take what one answer may.
    let share = most_bytes(&call) / count.max(1);
    let work: Vec<Work> = (0..count).map(|_| Work::new(tracer, share)).collect();
    let watching = work.clone();
    let watchers = Arc::new(move |index: usize| watching.get(index).and_then(Work::watcher));
    let watched = call
        .node
        .chain
        .watch_tipset(&tipset, 0..count, watchers)
        .await?;
    deep::walk(move || {
        let traces = work.iter().zip(&watched).enumerate();
        let all: Vec<OfBlock> = traces
            .map(|(index, (work, watched))| {
                let message = &tipset.messages[index];
                let at = position(&tipset, index);
                let written =
                    work.write(&message.signed.message, watched, Some(at), &call.node.abis);
                let (result, error) = match written {
                    Ok(result) => (Some(result), None),
                    Err(error) => (None, Some(error.message)),
                };
                OfBlock {
                    tx_hash: message.eth_hash,
                    result,
                    error,
                }
            })
            .collect();
        Ok(all)
    })
    .await
}

async fn block_by_hash(
    call: Call,
    hash: Hash,
    options: Option<TraceOptions>,
) -> Result<Box<RawValue>, RpcError> {
    block(call, BlockParam::Hash(hash.0), options).await
}
