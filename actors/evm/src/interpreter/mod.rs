//! Running bytecode: the loop of `revm-interpreter`, with the instructions that
//! mean something else on Filecoin replaced (spec 02 §7, §8, §15).
//!
//! | module | instructions |
//! |---|---|
//! | [`table`] | which function runs for which opcode |
//! | [`host`] | what the loop's own instructions ask the world |
//! | [`memory`] | everything that touches memory, and its limits |
//! | [`stack`] | DUP1..DUP16 |
//! | [`context`] | GAS, ORIGIN, BALANCE and the like |
//! | [`storage`] | SLOAD, SSTORE, TLOAD, TSTORE |
//! | [`log`] | LOG0..LOG4 |
//! | [`introspection`] | EXTCODESIZE, EXTCODECOPY, EXTCODEHASH |
//! | [`call`] | CALL, STATICCALL, DELEGATECALL |
//! | [`create`] | CREATE, CREATE2, SELFDESTRUCT |
//! | `view` | none: what a native machine sees of a run |

mod call;
mod context;
mod create;
mod host;
mod introspection;
mod log;
pub(crate) mod memory;
mod stack;
mod storage;
mod table;
#[cfg(not(target_arch = "wasm32"))]
mod view;

use boatyard_actors_shared::EthAddress;
use boatyard_sdk::{ActorError, Runtime, actor_error};
use fvm_shared::error::ExitCode;
use revm_interpreter::bytecode::Bytecode;
use revm_interpreter::interpreter::{EthInterpreter, ExtBytecode};
use revm_interpreter::interpreter_types::Jumps;
use revm_interpreter::primitives::hardfork::SpecId;
use revm_interpreter::primitives::{Bytes, U256};
use revm_interpreter::{
    CallInput, GasTable, InputsImpl, InstructionContext, InstructionExecResult, InstructionResult,
    Interpreter, InterpreterAction, SharedMemory,
};

pub(crate) use self::call::{CallKind, capped_gas};
pub(crate) use self::host::Machine;
use crate::exit_codes::*;
use crate::state::Contract;

/// What an instruction works on.
type Step<'a, 'rt, RT> = InstructionContext<'a, Machine<'rt, RT>, EthInterpreter>;

/// How an instruction ends; `Err` ends the run.
type Outcome<T = ()> = InstructionExecResult<T>;

/// No instruction costs anything here: the machine below counts.
const FREE: GasTable = [0; 256];

/// One run of one bytecode.
pub(crate) struct Frame {
    /// The code; not empty.
    pub code: Bytes,
    /// ADDRESS.
    pub address: EthAddress,
    /// CALLER.
    pub caller: EthAddress,
    /// CALLVALUE in attoFIL.
    pub value: U256,
    /// Calldata.
    pub input: Bytes,
}

/// How a run ended without failing.
pub(crate) enum Ended {
    /// RETURN, STOP, SELFDESTRUCT or the end of the code.
    Returned(Bytes),
    /// REVERT.
    Reverted(Bytes),
}

/// Runs a frame on a contract; gives the contract back as the run left it, not
/// flushed.
///
/// # Errors
/// The exit codes 34 to 40, 25, and what sends inside the run abort with.
pub(crate) fn run<'rt, RT: Runtime>(
    rt: &'rt RT,
    contract: Contract<'rt, RT>,
    frame: Frame,
) -> Result<(Contract<'rt, RT>, Ended), ActorError> {
    let mut interpreter = Interpreter::<EthInterpreter>::new(
        SharedMemory::new(),
        ExtBytecode::new(Bytecode::new_legacy(frame.code)),
        InputsImpl {
            target_address: frame.address.0.into(),
            caller_address: frame.caller.0.into(),
            input: CallInput::Bytes(frame.input),
            call_value: frame.value,
            ..InputsImpl::default()
        },
        contract.is_read_only(),
        SpecId::OSAKA,
        u64::MAX,
    );
    let mut machine = Machine::new(rt, contract);
    let action = execute(&mut interpreter, &mut machine);

    if let Some(error) = machine.abort.take() {
        return Err(error);
    }
    let InterpreterAction::Return(end) = action else {
        return Err(actor_error!(
            USR_ASSERTION_FAILED,
            "no instruction suspends the run"
        ));
    };
    let ended = match end.result {
        InstructionResult::Stop | InstructionResult::Return | InstructionResult::SelfDestruct => {
            Ended::Returned(end.output)
        }
        InstructionResult::Revert => Ended::Reverted(end.output),
        halt => return Err(halted(halt, interpreter.bytecode.pc())),
    };
    Ok((machine.contract, ended))
}

/// The only place where instructions are executed: on chain the loop of revm as it
/// is, for there the FVM counts every step.
#[cfg(target_arch = "wasm32")]
fn execute<RT: Runtime>(
    interpreter: &mut Interpreter<EthInterpreter>,
    machine: &mut Machine<'_, RT>,
) -> InterpreterAction {
    interpreter.run_plain(const { &table::instructions() }, &FREE, machine)
}

/// The only place where instructions are executed: natively the same loop, round by
/// round, so that the machine hears of the work and can end what does not end by
/// itself.
///
/// Before a round the machine may look at stack, memory and program counter.
#[cfg(not(target_arch = "wasm32"))]
fn execute<RT: Runtime>(
    interpreter: &mut Interpreter<EthInterpreter>,
    machine: &mut Machine<'_, RT>,
) -> InterpreterAction {
    use boatyard_sdk::Host;
    use revm_interpreter::interpreter_types::LoopControl;

    use self::view::{View, words};

    /// About what an instruction costs on chain.
    const GAS_PER_ROUND: u64 = 700;
    const ROUNDS_PER_CHARGE: u64 = 1 << 16;

    let table = const { &table::instructions() };
    let watched = machine.rt.host().watches_instructions();
    let end = 'run: loop {
        for _ in 0..ROUNDS_PER_CHARGE {
            if watched {
                machine.rt.host().instruction(&View(interpreter));
            }
            if let Err(end) = interpreter.step(table, &FREE, machine) {
                break 'run end;
            }
        }
        let gas = ROUNDS_PER_CHARGE * GAS_PER_ROUND;
        machine.rt.host().charge_gas("EVM instructions", gas);
    };
    if watched && let Some(why) = words(end) {
        machine.rt.host().instruction_failed(why);
    }
    if interpreter.bytecode.action().is_none() {
        interpreter.halt(end);
    }
    interpreter.take_next_action()
}

/// The exit code of an exceptional halt (spec 02 §15).
fn halted(halt: InstructionResult, position: usize) -> ActorError {
    use InstructionResult as Halt;
    let (code, what) = match halt {
        Halt::OpcodeNotFound | Halt::NotActivated => (
            EVM_CONTRACT_UNDEFINED_INSTRUCTION,
            "an undefined instruction",
        ),
        Halt::InvalidFEOpcode => (EVM_CONTRACT_INVALID_INSTRUCTION, "INVALID"),
        Halt::StackUnderflow => (EVM_CONTRACT_STACK_UNDERFLOW, "too few items on the stack"),
        Halt::StackOverflow => (
            EVM_CONTRACT_STACK_OVERFLOW,
            "more than 1024 items on the stack",
        ),
        Halt::OutOfOffset | Halt::InvalidOperandOOG | Halt::MemoryOOG | Halt::MemoryLimitOOG => (
            EVM_CONTRACT_ILLEGAL_MEMORY_ACCESS,
            "a memory range that cannot be",
        ),
        Halt::InvalidJump => (EVM_CONTRACT_BAD_JUMPDEST, "a jump to no JUMPDEST"),
        Halt::StateChangeDuringStaticCall | Halt::CallNotAllowedInsideStatic => {
            (ExitCode::USR_READ_ONLY, "a change in a read-only call")
        }
        _ => (ExitCode::USR_ASSERTION_FAILED, "an unexpected end"),
    };
    ActorError::new(code, format!("{what}, before byte {position} of the code"))
}

/// Ends the run with an error of an actor, for which the loop has no place.
#[cold]
fn abort<RT: Runtime>(machine: &mut Machine<'_, RT>, error: ActorError) -> InstructionResult {
    machine.abort = Some(error);
    InstructionResult::FatalExternalError
}

/// The result of an actor's operation as one of an instruction.
trait OrAbort<T> {
    fn or_abort<RT: Runtime>(self, machine: &mut Machine<'_, RT>) -> Outcome<T>;
}

impl<T> OrAbort<T> for Result<T, ActorError> {
    fn or_abort<RT: Runtime>(self, machine: &mut Machine<'_, RT>) -> Outcome<T> {
        self.map_err(|error| abort(machine, error))
    }
}

/// Takes `N` items, the top one first, or none at all.
fn pop<const N: usize>(interpreter: &mut Interpreter<EthInterpreter>) -> Outcome<[U256; N]> {
    interpreter
        .stack
        .popn()
        .ok_or(InstructionResult::StackUnderflow)
}

/// The top item, to be replaced by the result.
fn top(interpreter: &mut Interpreter<EthInterpreter>) -> Outcome<&mut U256> {
    interpreter
        .stack
        .top()
        .ok_or(InstructionResult::StackUnderflow)
}

fn push(interpreter: &mut Interpreter<EthInterpreter>, word: U256) -> Outcome {
    if interpreter.stack.push(word) {
        Ok(())
    } else {
        Err(InstructionResult::StackOverflow)
    }
}

/// What instructions do first that push a value which costs something to get.
fn room(interpreter: &Interpreter<EthInterpreter>) -> Outcome {
    if interpreter.stack.len() < revm_interpreter::STACK_LIMIT {
        Ok(())
    } else {
        Err(InstructionResult::StackOverflow)
    }
}

/// What instructions do that change something, after they took their inputs.
fn writable<RT: Runtime>(machine: &Machine<'_, RT>) -> Outcome {
    if machine.contract.is_read_only() {
        Err(InstructionResult::StateChangeDuringStaticCall)
    } else {
        Ok(())
    }
}
