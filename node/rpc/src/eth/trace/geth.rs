//! Traces as geth writes them: `callTracer`, `4byteTracer`.

use std::collections::BTreeMap;

use alloy::primitives::{Address as EthAddr, B256, Bytes, U64, U256};
use alloy::sol_types::{Revert, SolError};
use fvm_shared::error::ExitCode;
use serde::{Deserialize, Serialize};

use super::frames::{Failure, Frame, Kind};
use crate::abis::Abis;
use crate::eth::revert::{exit_text, reason};

/// What `callTracer` can be told.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CallOptions {
    only_top_call: bool,
    with_log: bool,
}

/// A call in geth's form.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallFrame {
    #[serde(rename = "type")]
    kind: &'static str,
    from: EthAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<EthAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<U256>,
    gas: U64,
    gas_used: U64,
    input: Bytes,
    #[serde(skip_serializing_if = "is_empty")]
    output: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revert_reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    calls: Vec<CallFrame>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logs: Vec<CallLog>,
}

#[derive(Debug, Clone, Serialize)]
struct CallLog {
    address: EthAddr,
    topics: Vec<B256>,
    data: Bytes,
    /// Place among all logs of the message that remained.
    index: U64,
}

fn is_empty(bytes: &Bytes) -> bool {
    bytes.as_ref().is_empty()
}

/// Writes a tree of calls.
pub fn call_frame(frame: &Frame, options: CallOptions, abis: &Abis) -> CallFrame {
    let mut logs = 0;
    write(frame, options, abis, &mut logs, true)
}

/// `kept` says whether the logs of this call remain: those of a failed one, and of all
/// calls inside, are gone.
fn write(
    frame: &Frame,
    options: CallOptions,
    abis: &Abis,
    logs: &mut u64,
    kept: bool,
) -> CallFrame {
    let kept = kept && frame.failure.is_none();
    let own = frame
        .logs
        .iter()
        .filter(|_| options.with_log && kept)
        .map(|log| {
            let index = U64::from(*logs);
            *logs += 1;
            CallLog {
                address: log.address,
                topics: log.topics.clone(),
                data: log.data.clone(),
                index,
            }
        })
        .collect();
    let calls = match options.only_top_call {
        true => Vec::new(),
        false => frame
            .calls
            .iter()
            .map(|inner| write(inner, options, abis, logs, kept))
            .collect(),
    };
    let failure = frame.failure.as_ref();
    CallFrame {
        kind: match frame.kind {
            Kind::Call => "CALL",
            Kind::Static => "STATICCALL",
            Kind::Delegate => "DELEGATECALL",
            Kind::Create => "CREATE",
            Kind::Create2 => "CREATE2",
        },
        from: frame.from,
        to: frame.to,
        value: (frame.kind != Kind::Static).then_some(frame.value),
        gas: U64::from(frame.gas),
        gas_used: U64::from(frame.gas_used),
        input: shown(frame, &frame.input),
        output: shown(frame, &frame.output),
        error: failure.map(|failure| words(failure, frame.native)),
        revert_reason: failure
            .filter(|failure| is_revert(failure) && !frame.native)
            .and_then(|_| revert_reason(&frame.output, abis)),
        calls,
        logs: own,
    }
}

/// Who only moves money says nothing on Ethereum.
fn shown(frame: &Frame, data: &Bytes) -> Bytes {
    if frame.transfer {
        Bytes::new()
    } else {
        data.clone()
    }
}

fn is_revert(failure: &Failure) -> bool {
    failure.code.value() == super::REVERTED
}

/// geth gives texts only; errors that are known by their description are worth as much.
fn revert_reason(output: &[u8], abis: &Abis) -> Option<String> {
    match Revert::abi_decode(output) {
        Ok(revert) => Some(revert.reason),
        Err(_) => reason(output, abis).filter(|reason| !reason.starts_with("0x")),
    }
}

/// geth's words for a failure; of a native actor its own.
pub fn words(failure: &Failure, native: bool) -> String {
    let known = match failure.code.value() {
        _ if native => None,
        super::REVERTED => Some("execution reverted"),
        34 => Some("invalid opcode: INVALID"),
        35 => Some("invalid opcode"),
        36 => Some("stack underflow"),
        37 => Some("stack limit reached 1024"),
        38 => Some("gas uint64 overflow"),
        39 => Some("invalid jump destination"),
        25 => Some("write protection"),
        6 => Some("insufficient balance for transfer"),
        _ => None,
    };
    if failure.code == ExitCode::SYS_OUT_OF_GAS {
        return "out of gas".into();
    }
    match (known, &failure.words) {
        (Some(known), _) => known.into(),
        (None, Some(words)) => format!("exit {}: {words}", exit_text(failure.code)),
        (None, None) => format!("exit {}", exit_text(failure.code)),
    }
}

/// How often which function was called with how much data, by `selector-length`.
pub fn four_bytes(frame: &Frame) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    count(frame, &mut counts);
    counts
}

fn count(frame: &Frame, counts: &mut BTreeMap<String, u64>) {
    if !frame.kind.creates()
        && !frame.transfer
        && let Some((selector, rest)) = frame.input.split_first_chunk::<4>()
    {
        let key = format!("0x{}-{}", hex::encode(selector), rest.len());
        *counts.entry(key).or_default() += 1;
    }
    frame.calls.iter().for_each(|inner| count(inner, counts));
}
