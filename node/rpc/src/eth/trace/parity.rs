//! Traces as Parity and Lotus write them: flat, every call with its way from the top
//! (spec 10 §2.15).

use alloy::primitives::{Address as EthAddr, B256, Bytes, U64, U256};
use fvm_shared::error::ExitCode;
use serde::Serialize;

use super::frames::{Failure, Frame, Kind};
use crate::eth::revert::exit_text;

/// Code that stands for a native actor's.
const NATIVE_CODE: [u8; 1] = [0xfe];

/// One call.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlatTrace {
    #[serde(rename = "type")]
    kind: &'static str,
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    subtraces: usize,
    trace_address: Vec<usize>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Action {
    #[serde(rename_all = "camelCase")]
    Call {
        call_type: &'static str,
        from: EthAddr,
        to: EthAddr,
        gas: U64,
        value: U256,
        input: Bytes,
    },
    Create {
        from: EthAddr,
        gas: U64,
        value: U256,
        init: Bytes,
    },
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Outcome {
    #[serde(rename_all = "camelCase")]
    Call { gas_used: U64, output: Bytes },
    #[serde(rename_all = "camelCase")]
    Create {
        #[serde(skip_serializing_if = "Option::is_none")]
        address: Option<EthAddr>,
        gas_used: U64,
        code: Bytes,
    },
}

/// A call with the place of its message.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlacedTrace {
    #[serde(flatten)]
    trace: FlatTrace,
    block_hash: B256,
    block_number: u64,
    transaction_hash: B256,
    transaction_position: usize,
}

/// Where the message of a trace is.
#[derive(Debug, Clone, Copy)]
pub struct Position {
    /// Block.
    pub block_hash: B256,
    /// Block.
    pub block_number: u64,
    /// Hash of the message.
    pub transaction: B256,
    /// Place in the block.
    pub index: usize,
}

impl PlacedTrace {
    /// Puts a trace where it belongs.
    pub fn new(trace: FlatTrace, at: Position) -> Self {
        Self {
            trace,
            block_hash: at.block_hash,
            block_number: at.block_number,
            transaction_hash: at.transaction,
            transaction_position: at.index,
        }
    }

    /// Whether caller or callee are among those asked for; nobody asked for is anybody.
    pub fn is_between(&self, from: &[EthAddr], to: &[EthAddr]) -> bool {
        let sender = match &self.trace.action {
            Action::Call { from, .. } | Action::Create { from, .. } => *from,
        };
        let receiver = match (&self.trace.action, &self.trace.result) {
            (Action::Call { to, .. }, _) => Some(*to),
            (Action::Create { .. }, Some(Outcome::Create { address, .. })) => *address,
            (Action::Create { .. }, _) => None,
        };
        let wanted = |list: &[EthAddr], one: Option<EthAddr>| {
            list.is_empty() || one.is_some_and(|one| list.contains(&one))
        };
        wanted(from, Some(sender)) && wanted(to, receiver)
    }

    /// The way from the top.
    pub fn address(&self) -> &[usize] {
        &self.trace.trace_address
    }
}

/// A tree of calls, flat, callers before callees.
pub fn flatten(frame: &Frame) -> Vec<FlatTrace> {
    let mut traces = Vec::new();
    add(frame, &mut Vec::new(), &mut traces);
    traces
}

fn add(frame: &Frame, way: &mut Vec<usize>, traces: &mut Vec<FlatTrace>) {
    traces.push(one(frame, way.clone()));
    for (index, inner) in frame.calls.iter().enumerate() {
        way.push(index);
        add(inner, way, traces);
        way.pop();
    }
}

fn one(frame: &Frame, trace_address: Vec<usize>) -> FlatTrace {
    let creates = frame.kind.creates();
    let error = frame
        .failure
        .as_ref()
        .map(|failure| words(failure, frame.native));
    FlatTrace {
        kind: if creates { "create" } else { "call" },
        action: match creates {
            true => Action::Create {
                from: frame.from,
                gas: U64::from(frame.gas),
                value: frame.value,
                init: frame.input.clone(),
            },
            false => Action::Call {
                call_type: match frame.kind {
                    Kind::Static => "staticcall",
                    Kind::Delegate => "delegatecall",
                    Kind::Call | Kind::Create | Kind::Create2 => "call",
                },
                from: frame.from,
                to: frame.to.unwrap_or_default(),
                gas: U64::from(frame.gas),
                value: frame.value,
                input: frame.input.clone(),
            },
        },
        result: Some(match creates {
            true => Outcome::Create {
                address: frame.to.filter(|_| error.is_none()),
                gas_used: U64::from(frame.gas_used),
                code: match frame.native {
                    true => NATIVE_CODE.to_vec().into(),
                    false => frame.output.clone(),
                },
            },
            false => Outcome::Call {
                gas_used: U64::from(frame.gas_used),
                output: frame.output.clone(),
            },
        }),
        error,
        subtraces: frame.calls.len(),
        trace_address,
    }
}

/// Lotus's words for a failure.
fn words(failure: &Failure, native: bool) -> String {
    let code = failure.code;
    if code == ExitCode::SYS_OUT_OF_GAS {
        return "out of gas".into();
    }
    let known = match code.value() {
        _ if native => None,
        super::REVERTED => Some("Reverted"),
        34 => Some("invalid instruction"),
        35 => Some("undefined instruction"),
        36 => Some("stack underflow"),
        37 => Some("stack overflow"),
        38 => Some("illegal memory access"),
        39 => Some("invalid jump destination"),
        40 => Some("self destruct failed"),
        _ => None,
    };
    match known {
        Some(known) => known.into(),
        None if code.is_system_error() => format!("vm error: {}", exit_text(code)),
        None => format!("actor error: {}", exit_text(code)),
    }
}
