//! Every instruction of a transaction, as geth's struct logger writes them.
//!
//! The steps come from executing the transaction once more on the native machine. Gas is
//! what the GAS instruction would give there: the FVM charges for the Wasm in which
//! contracts run and not for their instructions, so no instruction has a price.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy::primitives::{B256, hex};
use boatyard_vm::context::{Intercept, Interceptor, Watched};
use boatyard_vm::trace::Call;
use fvm_shared::ActorID;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::depth::Depth;
use super::opcodes::{self, SLOAD, SSTORE};
use crate::error::RpcError;

/// What the struct logger can be told; geth's names, and the older ones that other tools
/// use.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StepOptions {
    enable_memory: bool,
    disable_memory: Option<bool>,
    disable_stack: bool,
    disable_storage: bool,
    enable_return_data: bool,
    /// Most steps that are shown; 0 shows all.
    limit: u64,
}

impl StepOptions {
    fn memory(self) -> bool {
        self.enable_memory || self.disable_memory == Some(false)
    }
}

/// Writes steps while they happen.
pub struct StepLog {
    options: StepOptions,
    /// Most bytes that the steps may take.
    most: usize,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    text: String,
    written: u64,
    depth: Depth,
    last: Option<Step>,
    /// Slots seen so far, by contract.
    slots: BTreeMap<ActorID, BTreeMap<B256, B256>>,
    full: bool,
}

/// A step that waits for what comes of it.
struct Step {
    json: String,
    actor: ActorID,
    depth: u32,
    /// A slot that is being read.
    reads: Option<B256>,
    shows_slots: bool,
    error: Option<String>,
}

impl StepLog {
    /// A log of at most `most` bytes.
    pub fn new(options: StepOptions, most: usize) -> Self {
        Self {
            options,
            most,
            log: Mutex::default(),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The steps as a JSON array.
    ///
    /// # Errors
    /// When they were too many.
    pub fn finish(&self) -> Result<Box<RawValue>, RpcError> {
        let mut log = self.log();
        log.settle(None, self.most);
        if log.full {
            return Err(RpcError::failure(format!(
                "the steps take more than {} bytes; leave some out with disableStack, \
                 disableStorage, no enableMemory, or a limit",
                self.most
            )));
        }
        let text = format!("[{}]", std::mem::take(&mut log.text));
        RawValue::from_string(text)
            .map_err(|error| RpcError::failure(format!("the steps cannot be written: {error}")))
    }

    fn step(&self, at: &Watched<'_>, depth: u32) -> Step {
        let inside = at.inside;
        let opcode = inside.opcode();
        let name = opcodes::name(opcode);
        let mut json = String::with_capacity(160);
        // Writing to a string does not fail.
        let _ = write!(
            json,
            r#"{{"pc":{},"op":"{name}","gas":{},"gasCost":0,"depth":{depth}"#,
            inside.position(),
            at.gas_left,
        );
        if !self.options.disable_stack {
            json.push_str(r#","stack":["#);
            for place in (0..inside.stack_len()).rev() {
                let word = inside.stack_word(place).unwrap_or_default();
                let digits = hex::encode(word);
                let digits = digits.trim_start_matches('0');
                let comma = if place == 0 { "" } else { "," };
                let digits = if digits.is_empty() { "0" } else { digits };
                let _ = write!(json, r#""0x{digits}"{comma}"#);
            }
            json.push(']');
        }
        if self.options.memory() {
            json.push_str(r#","memory":["#);
            for (place, word) in inside.memory().chunks(32).enumerate() {
                let comma = if place == 0 { "" } else { "," };
                let _ = write!(json, r#"{comma}"0x{}""#, hex::encode(word));
            }
            json.push(']');
        }
        if self.options.enable_return_data {
            let _ = write!(
                json,
                r#","returnData":"0x{}""#,
                hex::encode(inside.return_data())
            );
        }
        let slot = |place| inside.stack_word(place).map(B256::from);
        let mut reads = None;
        if opcode == SLOAD {
            reads = slot(0);
        }
        let shows_slots = matches!(opcode, SLOAD | SSTORE) && !self.options.disable_storage;
        if opcode == SSTORE
            && let (Some(slot), Some(value)) = (slot(0), slot(1))
        {
            self.log()
                .slots
                .entry(at.actor)
                .or_default()
                .insert(slot, value);
        }
        Step {
            json,
            actor: at.actor,
            depth: at.depth,
            reads,
            shows_slots,
            error: None,
        }
    }
}

impl Log {
    /// Writes the step that waits. `next` tells what is on the stack after it, and at
    /// which depth.
    fn settle(&mut self, next: Option<(u32, B256)>, most: usize) {
        let Some(mut step) = self.last.take() else {
            return;
        };
        if let (Some(slot), Some((depth, value))) = (step.reads, next)
            && depth == step.depth
        {
            self.slots
                .entry(step.actor)
                .or_default()
                .insert(slot, value);
        }
        if step.shows_slots
            && let Some(slots) = self.slots.get(&step.actor)
        {
            step.json.push_str(r#","storage":{"#);
            for (place, (slot, value)) in slots.iter().enumerate() {
                let comma = if place == 0 { "" } else { "," };
                let _ = write!(step.json, r#"{comma}"{slot:#x}":"{value:#x}""#);
            }
            step.json.push('}');
        }
        if let Some(error) = step.error {
            let _ = write!(step.json, r#","error":{}"#, serde_json::json!(error));
        }
        step.json.push('}');
        if self.text.len() + step.json.len() > most {
            self.full = true;
            self.text = String::new();
            return;
        }
        if self.written > 0 {
            self.text.push(',');
        }
        self.text.push_str(&step.json);
        self.written += 1;
    }
}

impl Interceptor for StepLog {
    fn before_call(&self, _: &Call) -> Intercept {
        Intercept::Proceed
    }

    fn watches_instructions(&self) -> bool {
        true
    }

    fn instruction(&self, at: &Watched<'_>) {
        let depth = {
            let mut log = self.log();
            let top = at.inside.stack_word(0).map_or(B256::ZERO, B256::from);
            log.settle(Some((at.depth, top)), self.most);
            let shown = self.options.limit;
            if log.full || (shown > 0 && log.written >= shown) {
                return;
            }
            log.depth.of_contract(at.depth)
        };
        let step = self.step(at, depth);
        self.log().last = Some(step);
    }

    fn instruction_failed(&self, why: &str) {
        if let Some(last) = self.log().last.as_mut() {
            last.error = Some(why.to_owned());
        }
    }
}
