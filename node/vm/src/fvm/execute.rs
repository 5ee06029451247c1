//! How a message runs, step by step.

use ::fvm::call_manager::backtrace::Cause;
use ::fvm::call_manager::{Backtrace, CallManager as _, Entrypoint, FinishRet, InvocationResult};
use ::fvm::engine::EnginePool;
use ::fvm::kernel::{Block, ExecutionError, Result as FvmResult};
use ::fvm::machine::Machine as _;
use anyhow::anyhow;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, IPLD_RAW, RawBytes};
use fvm_shared::address::Address;
use fvm_shared::error::ExitCode;
use fvm_shared::message::Message;
use fvm_shared::receipt::Receipt;
use fvm_shared::state::ActorState;
use fvm_shared::{ActorID, METHOD_SEND};

use super::kernel::{CallManager, FvmKernel};
use super::recorder::{refusal, refused};
use super::send::{Receiver, begin, end, intercept};
use super::{Core, state};
use crate::apply::{Ledger, admit, effective_premium, inclusion_gas, settle};
use crate::machine::{Applied, GasOutputs, Mode, VmError};
use crate::state::Manifest;
use crate::trace::{Call, Outcome};

/// Applies a message. Wants a big stack.
pub(super) fn run(
    mut core: Box<Core>,
    pool: &EnginePool,
    message: &Message,
    mode: Mode,
) -> (Box<Core>, Result<Applied, VmError>) {
    core.externs().recorder().reset();
    core.externs().faults.take();
    let prepared = match prepare(&mut core, message, mode) {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(refused)) => return (core, Ok(refused)),
        Err(error) => return (core, Err(error)),
    };

    let limit = match core.externs().substitutions.unmetered {
        // As much as gas is counted in.
        true => u64::MAX,
        false => message.gas_limit,
    };
    let mut manager = CallManager::new(
        core,
        pool.acquire(),
        limit,
        prepared.sender,
        message.from,
        prepared.receiver,
        message.to,
        message.sequence,
        prepared.premium.clone(),
    );
    let result = call(&mut manager, message, &prepared);
    let (finished, mut core) = manager.finish();
    let applied = match finished {
        Ok(finished) => conclude(&mut core, message, mode, &prepared, result, finished),
        Err(error) => Err(VmError::Fatal(error.into())),
    };
    (core, applied)
}

/// What is known of a message before it runs.
struct Prepared {
    sender: ActorID,
    /// The receiver's ID, if it has one yet.
    receiver: Option<ActorID>,
    /// The gas premium that contracts see.
    premium: fvm_shared::econ::TokenAmount,
    /// Size on chain, if that is to be paid for.
    chain_length: Option<usize>,
}

fn prepare(
    core: &mut Core,
    message: &Message,
    mode: Mode,
) -> Result<Result<Prepared, Applied>, VmError> {
    let base_fee = core.context().base_fee.clone();
    let chain_length = match mode {
        Mode::Explicit { chain_length } => Some(chain_length),
        Mode::Implicit | Mode::Unchecked => None,
    };
    let version = core.context().network_version;
    let inclusion = chain_length.map_or(0, |length| inclusion_gas(version, length));
    let verdict = admit(
        &mut CoreLedger::new(core),
        message,
        mode,
        &base_fee,
        inclusion,
    )?;
    let sender = match verdict {
        Ok(sender) => sender,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    Ok(Ok(Prepared {
        sender,
        receiver: state(core.state_tree().lookup_id(&message.to))?,
        premium: effective_premium(message, &base_fee),
        chain_length,
    }))
}

/// Makes the call that the message asks for.
fn call(
    manager: &mut CallManager,
    message: &Message,
    prepared: &Prepared,
) -> FvmResult<InvocationResult> {
    if let Some(length) = prepared.chain_length {
        let charge = manager.price_list().on_chain_message(length);
        manager.charge_gas(charge)?.stop();
    }
    // The codec is CBOR because links from off chain cannot be followed. Nobody
    // sees the parameters of a plain send.
    let codec = if message.method_num == METHOD_SEND {
        IPLD_RAW
    } else {
        CBOR
    };
    let params = (!message.params.is_empty()).then(|| message.params.bytes());
    let call = Call {
        from: prepared.sender,
        to: message.to,
        value: message.value.clone(),
        method: message.method_num,
        params: params.map(|data| IpldBlock {
            codec,
            data: data.to_vec(),
        }),
        gas_limit: None,
        read_only: false,
    };
    let receiver = Receiver::look_up(manager, &message.to)?;
    begin(manager, &call, receiver.code(), receiver.makes_account());
    let result = match intercept(manager, &call) {
        Some(outcome) => answer(outcome),
        None => receiver
            .ensure_runnable(manager, message.method_num)
            .and_then(|()| {
                manager.with_transaction(|manager| {
                    manager.call_actor::<FvmKernel>(
                        prepared.sender,
                        message.to,
                        Entrypoint::Invoke(message.method_num),
                        params.map(|data| Block::new(codec, data, Vec::new())),
                        &message.value,
                        None,
                        false,
                    )
                })
            }),
    };
    let (outcome, words) = match &result {
        Ok(returned) => {
            let data = returned.value.as_ref().map(Into::into);
            (
                Outcome::Returned {
                    exit_code: returned.exit_code,
                    data,
                },
                None,
            )
        }
        Err(error) => {
            let (outcome, words) = refusal(error);
            (outcome, Some(words))
        }
    };
    end(manager, &message.to, outcome, words)?;
    result
}

/// An interceptor's outcome as the FVM would have it.
fn answer(outcome: Outcome) -> FvmResult<InvocationResult> {
    match outcome {
        Outcome::Returned { exit_code, data } => Ok(InvocationResult {
            exit_code,
            value: data.map(|data| Block::new(data.codec, data.data, Vec::new())),
        }),
        Outcome::Refused(number) => Err(refused(number)),
        Outcome::Aborted(_) => Err(ExecutionError::OutOfGas),
    }
}

/// Makes the receipt and settles the gas.
fn conclude(
    core: &mut Core,
    message: &Message,
    mode: Mode,
    prepared: &Prepared,
    result: FvmResult<InvocationResult>,
    finished: FinishRet,
) -> Result<Applied, VmError> {
    let FinishRet {
        mut gas_used,
        mut backtrace,
        exec_trace,
        events,
        events_root,
    } = finished;
    let mut value = None;
    let exit_code = match result {
        Ok(returned) => {
            value = returned.value;
            returned.exit_code
        }
        Err(ExecutionError::OutOfGas) => ExitCode::SYS_OUT_OF_GAS,
        Err(ExecutionError::Syscall(error)) => {
            let code = Outcome::Refused(error.1).exit_code();
            backtrace.begin(Cause::from_syscall("send", "send", error));
            code
        }
        Err(ExecutionError::Fatal(error)) => {
            let words = format!("{error:#}");
            // The node's own trouble is no business of the message.
            if let Some(fault) = core.externs().faults.take() {
                return Err(fault.into_error(&words));
            }
            // What an actor provoked costs it everything (spec 00 §10.4).
            backtrace.set_cause(Cause::from_fatal(anyhow!(words)));
            gas_used = message.gas_limit;
            ExitCode::SYS_ASSERTION_FAILED
        }
    };
    let gas = match mode {
        Mode::Explicit { .. } => {
            let base_fee = core.context().base_fee.clone();
            settle(
                &mut CoreLedger::new(core),
                prepared.sender,
                message,
                gas_used,
                &base_fee,
            )?
        }
        Mode::Implicit | Mode::Unchecked => GasOutputs::default(),
    };
    let trace = core
        .externs()
        .recorder()
        .finish(gas_used, &backtrace, exec_trace);
    Ok(Applied {
        return_codec: value.as_ref().map(Block::codec),
        receipt: Receipt {
            exit_code,
            return_data: value
                .map(|block| RawBytes::new(block.data().to_vec()))
                .unwrap_or_default(),
            gas_used,
            events_root,
        },
        events,
        gas,
        error: (!exit_code.is_success()).then(|| explain(exit_code, &backtrace)),
        trace,
        refused: false,
    })
}

/// Why a message failed, in words: what the called actor said, then those deeper
/// down from whom it has the exit code, then the syscall that began it.
fn explain(exit_code: ExitCode, backtrace: &Backtrace) -> String {
    let mut words = Vec::new();
    // Frames run from the innermost failed call outwards.
    let same_code = backtrace
        .frames
        .iter()
        .rev()
        .take_while(|frame| frame.code == exit_code);
    for (depth, frame) in same_code.enumerate() {
        let who = Address::new_id(frame.source);
        match depth {
            0 => words.push(frame.message.clone()),
            _ => words.push(format!(
                "in {who} method {}: {}",
                frame.method, frame.message
            )),
        }
    }
    // The cause belongs to the innermost frame.
    let to_the_ground = words.len() == backtrace.frames.len();
    match &backtrace.cause {
        Some(Cause::Syscall {
            module,
            function,
            error,
            message,
        }) if to_the_ground => {
            words.push(format!("{module}::{function}: {message} ({error})"));
        }
        Some(Cause::Fatal { error_msg, .. }) => words.push(format!("fault: {error_msg}")),
        _ => {}
    }
    if words.is_empty() {
        words.push(match exit_code {
            ExitCode::SYS_OUT_OF_GAS => "out of gas".into(),
            code => format!("exit code {code}"),
        });
    }
    words.join("; ")
}

/// The FVM's state tree as a [`Ledger`].
struct CoreLedger<'a> {
    core: &'a mut Core,
}

impl<'a> CoreLedger<'a> {
    fn new(core: &'a mut Core) -> Self {
        Self { core }
    }
}

impl Ledger for CoreLedger<'_> {
    fn resolve(&self, address: &Address) -> Result<Option<ActorID>, VmError> {
        state(self.core.state_tree().lookup_id(address))
    }

    fn actor(&self, id: ActorID) -> Result<Option<ActorState>, VmError> {
        state(self.core.state_tree().get_actor(id))
    }

    fn set_actor(&mut self, id: ActorID, actor: ActorState) {
        self.core.state_tree_mut().set_actor(id, actor);
    }

    fn manifest(&self) -> &Manifest {
        &self.core.externs().manifest
    }
}
