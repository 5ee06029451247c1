//! The call tree of a message with names instead of bytes.

use std::collections::HashMap;

use boatyard_abi::evm::DecodedCall;
use boatyard_abi::{
    Abi, DecodedEvent, EventEntry, Schema, Style, any, decode_with, describe_exit_code,
    exit_code_name,
};
use boatyard_chain::ethereum::{INVOKE_EVM, from_cbor_bytes};
use boatyard_chain::handle::Found;
use boatyard_chain::message::message_cid;
use boatyard_chain::{CallPoint, CallRequest, Overrides, StateView};
use boatyard_vm::context::Tracing;
use boatyard_vm::machine::Applied;
use boatyard_vm::trace::{CallTrace, Outcome, StateAccess};
use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::event::ActorEvent;
use fvm_shared::message::Message;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::boatyard::actor_name;
use crate::call::Call;
use crate::deep;
use crate::error::{RpcError, quote};
use crate::fil::json::{MessageJson, address_text};
use crate::params::{CidParam, Hash, Text, param_by_serde};
use crate::registry::{Method, Param, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The call tree of a message on the chain, by CID or Ethereum hash.
        ["boatyard_traceMessage"]
        (message: Text, options: Option<TraceOptions>) -> "MessageTrace" = wait trace_message;

        /// The call tree of a message that is only tried, on the newest state.
        ["boatyard_traceCall"]
        (message: MessageJson, options: Option<TraceOptions>) -> "MessageTrace" = wait trace_call;
    ]
}

/// What to put into a trace.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct TraceOptions {
    detail: Detail,
}

/// How much of a message's inside to show.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Detail {
    #[default]
    Calls,
    Full,
}

param_by_serde! { TraceOptions = "{detail: \"calls\" | \"full\"}" }

impl TraceOptions {
    fn tracing(self) -> Tracing {
        match self.detail {
            Detail::Calls => Tracing::Calls,
            Detail::Full => Tracing::Full,
        }
    }
}

/// A message with everything that happened inside.
#[derive(Debug, Clone, Serialize)]
pub struct MessageTrace {
    /// CID of the message.
    pub cid: String,
    /// Ethereum hash; none for a message that was only tried.
    pub hash: Option<alloy::primitives::B256>,
    /// Epoch of its tipset; of the head for a message that was only tried.
    pub epoch: i64,
    /// Place in its tipset.
    pub index: Option<usize>,
    /// Exit code.
    pub exit_code: u32,
    /// The exit code's name and meaning.
    pub exit: String,
    /// Why it failed, in words.
    pub error: Option<String>,
    /// Gas used, all included.
    pub gas_used: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// What the sender paid for gas, attoFIL: burns and tip.
    pub gas_cost: String,
    /// The call tree; none when the message was refused before execution.
    pub call: Option<CallNode>,
}

/// Somebody in a call.
#[derive(Debug, Clone, Serialize)]
pub struct Party {
    /// ID; none when the address resolved to nobody.
    pub id: Option<ActorID>,
    /// Address: as the caller wrote it for a receiver, the best known for a caller.
    pub address: String,
    /// 0x form, if it is known to Ethereum clients by more than its ID.
    pub eth: Option<alloy::primitives::Address>,
    /// Name of its code.
    pub actor: Option<String>,
}

/// A block of parameters or return data.
#[derive(Debug, Clone, Serialize)]
pub struct Data {
    /// Codec of the block.
    pub codec: u64,
    /// The bytes.
    pub hex: String,
    /// Decoded through the description of the actor or contract; else the CBOR.
    pub decoded: Value,
}

/// A call of the tree.
#[derive(Debug, Clone, Serialize)]
pub struct CallNode {
    /// Caller.
    pub from: Party,
    /// Receiver.
    pub to: Party,
    /// attoFIL.
    pub value: String,
    /// Method number.
    pub method: u64,
    /// Method name; `Send` for 0, a function's name for a described contract.
    pub method_name: Option<String>,
    /// Signature of the contract's function.
    pub signature: Option<String>,
    /// Parameters; none when the call had no block.
    pub params: Option<Data>,
    /// Whether the call runs read-only.
    pub read_only: bool,
    /// Whether the machine made the call, to set up an account.
    pub constructor: bool,
    /// Gas limit that the caller asked for.
    pub gas_limit: Option<u64>,
    /// Gas used with all calls inside.
    pub gas_used: u64,
    /// Gas used without the calls inside.
    pub gas_self: u64,
    /// `returned`, `refused` (the machine did not run it) or `aborted` (the
    /// message ended inside).
    pub outcome: &'static str,
    /// Exit code, or the one which the same failure has at top level.
    pub exit_code: u32,
    /// The exit code's name.
    pub exit: String,
    /// Why it failed, in words; the reason of a contract's revert.
    pub error: Option<String>,
    /// Return data, or the data of a failure.
    pub returned: Option<Data>,
    /// Events that the call itself emitted: `{name, fields, entries}` each.
    pub events: Vec<Value>,
    /// Debug output.
    pub logs: Vec<String>,
    /// With detail `full`: `{name, compute, other}` each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<Value>,
    /// With detail `full`: `{kind: "read" | "write" | "head", cid, size?}` each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accesses: Vec<Value>,
    /// Calls inside, in order.
    pub calls: Vec<CallNode>,
}

async fn trace_message(
    call: Call,
    wanted: Text,
    options: Option<TraceOptions>,
) -> Result<Box<RawValue>, RpcError> {
    let chain = &call.node.chain;
    let value = Value::String(wanted.0.clone());
    let found = if wanted.0.starts_with("0x") {
        let hash = Hash::read(value).map_err(RpcError::invalid_params)?;
        chain.message_by_hash(&hash.0)
    } else {
        let cid = CidParam::read(value).map_err(RpcError::invalid_params)?;
        chain.message(&cid.0)
    };
    let location = match found {
        Some(Found::Mined(location)) => location,
        Some(Found::Pending(_)) => {
            return Err(RpcError::failure(
                "the message still waits in the pool; there is a trace once it is executed",
            ));
        }
        None => {
            return Err(RpcError::failure(format!(
                "unknown message {}",
                quote(&wanted.0)
            )));
        }
    };
    let tracing = options.unwrap_or_default().tracing();
    let traced = chain
        .trace_message(&location.message().cid, tracing)
        .await?;
    let view = chain.state(location.tipset.state_root);
    let namer = Namer::new(call.clone(), view);
    deep::walk(move || {
        let message = location.message();
        let mut trace = namer.message(&message.cid, &message.signed.message, traced.applied);
        trace.hash = Some(message.eth_hash);
        trace.epoch = location.tipset.height();
        trace.index = Some(location.index);
        Ok(trace)
    })
    .await
}

async fn trace_call(
    call: Call,
    message: MessageJson,
    options: Option<TraceOptions>,
) -> Result<Box<RawValue>, RpcError> {
    let chain = &call.node.chain;
    let message = message.into_message()?;
    let head = chain.head();
    let request = CallRequest {
        message: message.clone(),
        at: CallPoint::After(head.clone()),
        overrides: Overrides::default(),
        tracing: options.unwrap_or_default().tracing(),
    };
    let applied = chain.call(request).await?;
    let namer = Namer::new(call.clone(), chain.state(head.state_root));
    deep::walk(move || {
        let mut trace = namer.message(&message_cid(&message), &message, applied);
        trace.epoch = head.height();
        Ok(trace)
    })
    .await
}

/// Puts names to what a trace holds, with the actors of one state.
struct Namer {
    call: Call,
    view: StateView,
    parties: HashMap<ActorID, (String, Option<alloy::primitives::Address>, Option<String>)>,
}

impl Namer {
    fn new(call: Call, view: StateView) -> Self {
        Self {
            call,
            view,
            parties: HashMap::new(),
        }
    }

    fn message(mut self, cid: &Cid, message: &Message, applied: Applied) -> MessageTrace {
        let exit_code = applied.receipt.exit_code.value();
        let abi = self.abi_of(applied.trace.as_ref().and_then(|trace| trace.code.as_ref()));
        let gas = &applied.gas;
        let cost = &gas.base_fee_burn + &gas.over_estimation_burn + &gas.miner_tip;
        MessageTrace {
            cid: cid.to_string(),
            hash: None,
            epoch: 0,
            index: None,
            exit_code,
            exit: describe_exit_code(abi.as_deref(), exit_code),
            error: applied.error.clone(),
            gas_used: applied.receipt.gas_used,
            gas_limit: message.gas_limit,
            gas_cost: cost.atto().to_string(),
            call: applied.trace.as_ref().map(|trace| self.node(trace)),
        }
    }

    fn node(&mut self, trace: &CallTrace) -> CallNode {
        // Depth is bounded by the machine: 1024 calls.
        let calls: Vec<CallNode> = trace.calls.iter().map(|inner| self.node(inner)).collect();
        let abi = self.abi_of(trace.code.as_ref());
        let abi = abi.as_deref();
        let method = abi.and_then(|abi| abi.method_by_number(trace.call.method));
        let contract = self.is_contract(trace);
        let function = contract.then(|| self.function(trace)).flatten();
        let params = trace.call.params.as_ref().map(|block| {
            data(block, method.map(|method| &method.params), || {
                function.as_ref().map(DecodedCall::to_json)
            })
        });
        let exit_code = trace.outcome.exit_code().value();
        let (outcome, block, refusal) = match &trace.outcome {
            Outcome::Returned { data, .. } => ("returned", data.as_ref(), None),
            Outcome::Refused(number) => ("refused", None, Some(format!("{number:?}"))),
            Outcome::Aborted(reason) => ("aborted", None, Some(reason.clone())),
        };
        let succeeded = trace.outcome.exit_code().is_success();
        let reason = block
            .filter(|_| contract && !succeeded)
            .and_then(|block| from_cbor_bytes(&block.data))
            .map(|data| {
                self.call
                    .node
                    .abis
                    .with_contracts(|evm| evm.decode_revert(&data))
            });
        let returns = method.filter(|_| succeeded).map(|method| &method.returns);
        let answered = succeeded && function.is_some();
        let returned = block.map(|block| {
            data(block, returns, || {
                answered.then(|| self.result(trace, block)).flatten()
            })
        });
        let inner_gas: u64 = calls.iter().map(|inner| inner.gas_used).sum();
        CallNode {
            from: self.party(trace.call.from, None),
            to: self.receiver(trace),
            value: trace.call.value.atto().to_string(),
            method: trace.call.method,
            method_name: match (trace.call.method, &function) {
                (0, _) => Some("Send".into()),
                (_, Some(function)) => Some(function.name.clone()),
                _ => method.map(|method| method.name.clone()),
            },
            signature: function.map(|function| function.signature),
            params,
            read_only: trace.call.read_only,
            constructor: trace.constructor,
            gas_limit: trace.call.gas_limit,
            gas_used: trace.gas_used,
            gas_self: trace.gas_used.saturating_sub(inner_gas),
            outcome,
            exit_code,
            exit: exit_code_name(abi, exit_code).into_owned(),
            error: reason.or_else(|| trace.message.clone()).or(refusal),
            returned,
            events: trace.events.iter().map(|event| self.event(abi, event)).collect(),
            logs: logs(trace),
            charges: trace
                .charges
                .iter()
                .map(|charge| {
                    json!({ "name": charge.name, "compute": charge.compute, "other": charge.other })
                })
                .collect(),
            accesses: trace.accesses.iter().map(access).collect(),
            calls,
        }
    }

    fn abi_of(&self, code: Option<&Cid>) -> Option<std::sync::Arc<Abi>> {
        self.call.node.abis.of_code(&self.view, code?)
    }

    fn is_contract(&self, trace: &CallTrace) -> bool {
        let code = trace.code.as_ref();
        code.and_then(|code| actor_name(&self.call, &self.view, code))
            .as_deref()
            == Some("evm")
    }

    /// The contract's function that a call names.
    fn function(&self, trace: &CallTrace) -> Option<DecodedCall> {
        if trace.call.method != INVOKE_EVM {
            return None;
        }
        let input = from_cbor_bytes(&trace.call.params.as_ref()?.data)?;
        self.call
            .node
            .abis
            .with_contracts(|evm| evm.decode_call(&input))
    }

    /// What the contract's function that a call names returned.
    fn result(&self, trace: &CallTrace, block: &IpldBlock) -> Option<Value> {
        let input = from_cbor_bytes(&trace.call.params.as_ref()?.data)?;
        let output = from_cbor_bytes(&block.data)?;
        self.call
            .node
            .abis
            .with_contracts(|evm| evm.decode_result(&input, &output))
    }

    fn event(&self, abi: Option<&Abi>, event: &ActorEvent) -> Value {
        let entries: Vec<EventEntry> = event
            .entries
            .iter()
            .map(|entry| EventEntry {
                flags: entry.flags.bits(),
                key: entry.key.clone(),
                codec: entry.codec,
                value: entry.value.clone(),
            })
            .collect();
        let log = boatyard_abi::event::evm_log(&entries).and_then(|(topics, data)| {
            self.call
                .node
                .abis
                .with_contracts(|evm| evm.decode_log(&topics, &data))
        });
        let decoded: DecodedEvent =
            log.unwrap_or_else(|| boatyard_abi::event::decode_event(abi, &entries, Style::People));
        let mut shown = decoded.to_json();
        let entries: Vec<Value> = entries
            .iter()
            .map(|entry| {
                json!({
                    "flags": entry.flags,
                    "key": entry.key,
                    "codec": entry.codec,
                    "value": format!("0x{}", hex::encode(&entry.value)),
                })
            })
            .collect();
        shown["entries"] = Value::Array(entries);
        shown
    }

    fn party(&mut self, id: ActorID, code: Option<&Cid>) -> Party {
        let id_address = Address::new_id(id);
        if !self.parties.contains_key(&id) {
            let actor = self.view.actor(&id_address).ok().flatten();
            let delegated = actor
                .as_ref()
                .and_then(|(_, actor)| actor.delegated_address);
            let name = actor.and_then(|(_, actor)| actor_name(&self.call, &self.view, &actor.code));
            let address = delegated.unwrap_or(id_address);
            let eth = delegated.and_then(|address| boatyard_chain::ethereum::to_ethereum(&address));
            self.parties.insert(id, (address_text(&address), eth, name));
        }
        let (address, eth, name) = self.parties[&id].clone();
        Party {
            id: Some(id),
            address,
            eth,
            actor: code
                .and_then(|code| actor_name(&self.call, &self.view, code))
                .or(name),
        }
    }

    fn receiver(&mut self, trace: &CallTrace) -> Party {
        let written = address_text(&trace.call.to);
        match trace.to_id {
            Some(id) => Party {
                address: written,
                ..self.party(id, trace.code.as_ref())
            },
            None => Party {
                id: None,
                address: written,
                eth: boatyard_chain::ethereum::to_ethereum(&trace.call.to),
                actor: None,
            },
        }
    }
}

/// A block with what it means: by `other` if that knows, else by the schema, else
/// as CBOR.
fn data(block: &IpldBlock, schema: Option<&Schema>, other: impl FnOnce() -> Option<Value>) -> Data {
    let decoded = other()
        .or_else(|| decode_with(schema?, &block.data, Style::People).ok())
        .unwrap_or_else(|| any::raw(&block.data, Style::People));
    Data {
        codec: block.codec,
        hex: format!("0x{}", hex::encode(&block.data)),
        decoded,
    }
}

fn access(access: &StateAccess) -> Value {
    match access {
        StateAccess::Read { cid, size } => {
            json!({ "kind": "read", "cid": cid.to_string(), "size": size })
        }
        StateAccess::Write { cid, size } => {
            json!({ "kind": "write", "cid": cid.to_string(), "size": size })
        }
        StateAccess::Head { cid } => json!({ "kind": "head", "cid": cid.to_string() }),
    }
}

/// Debug output of the call itself, and what a contract logs to the console.
fn logs(trace: &CallTrace) -> Vec<String> {
    let console = trace.calls.iter().filter_map(|inner| {
        let line = boatyard_chain::console::line_of(&inner.call)?;
        Some(format!("console.log: {line}"))
    });
    trace.logs.iter().cloned().chain(console).collect()
}
