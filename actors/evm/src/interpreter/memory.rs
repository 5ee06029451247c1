//! Instructions that touch memory, and how large it can be.
//!
//! The stock ones trust `usize` to be 64 bits wide; here it is 32 on chain, and
//! the rule is the same everywhere: a region ends below 2^32 (spec 02 §7.3).

use std::ops::Range;

use boatyard_sdk::{ActorError, Runtime, actor_error};
use revm_interpreter::interpreter::EthInterpreter;
use revm_interpreter::interpreter_types::{LegacyBytecode, LoopControl};
use revm_interpreter::primitives::{B256, Bytes, U256};
use revm_interpreter::{
    CallInput, InstructionResult, Interpreter, InterpreterAction, SharedMemory,
};

use super::{Machine, OrAbort, Outcome, Step, pop, top};

/// Memory that the FVM gives to one instance of an actor, in bytes.
const INSTANCE_MEMORY: u64 = 512 << 20;

/// From here on a buffer cannot even be asked for: on chain addresses have 32
/// bits and a size must fit a signed one.
const IMPOSSIBLE: u64 = 1 << 31;

/// Whether a buffer of this many bytes can be had at all.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) for what cannot be asked for. What the FVM would
/// refuse is the trap that it would be on chain, and natively an error with that
/// trap's code, `SYS_ILLEGAL_INSTRUCTION` (4). Source: spec 02 §7.3.
pub(crate) fn obtainable(bytes: u64) -> Result<(), ActorError> {
    if bytes >= IMPOSSIBLE {
        return Err(actor_error!(
            USR_ASSERTION_FAILED,
            "{bytes} bytes of memory cannot be addressed"
        ));
    }
    if bytes > INSTANCE_MEMORY {
        #[cfg(target_arch = "wasm32")]
        std::process::abort();
        #[cfg(not(target_arch = "wasm32"))]
        return Err(ActorError::new(
            fvm_shared::error::ExitCode::SYS_ILLEGAL_INSTRUCTION,
            format!("{bytes} bytes of memory are more than an actor gets"),
        ));
    }
    Ok(())
}

/// Tells a native machine of bytes that one instruction fills, copies or hashes, at
/// what a byte costs there. On chain the FVM counts it.
pub(crate) fn tell<RT: Runtime>(rt: &RT, bytes: u64, milligas: u64) {
    #[cfg(not(target_arch = "wasm32"))]
    {
        use boatyard_sdk::Host;

        /// Of less the number of instructions says enough.
        const WORTH_TELLING: u64 = 4096;

        if bytes >= WORTH_TELLING {
            rt.host()
                .charge_gas("EVM memory", bytes.saturating_mul(milligas) / 1000);
        }
    }
    #[cfg(target_arch = "wasm32")]
    let _ = (rt, bytes, milligas);
}

/// What filling or copying a byte costs on chain, in thousandths of gas.
pub(crate) const MILLIGAS_PER_BYTE: u64 = 400;

/// What hashing a byte costs on chain, in thousandths of gas.
const MILLIGAS_PER_HASHED_BYTE: u64 = 33_000;

/// Memory of a run, counted together with that of the runs that called it: on chain
/// all of them share what the FVM gives to a message.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Default)]
pub(super) struct Held(u64);

#[cfg(not(target_arch = "wasm32"))]
impl Held {
    /// Memory that the FVM gives to all running instances, in bytes.
    const OF_A_MESSAGE: u64 = 2 << 30;

    fn grow_to(&mut self, bytes: u64) -> Result<(), ActorError> {
        let together = HELD.get() - self.0 + bytes;
        if together > Self::OF_A_MESSAGE {
            return Err(ActorError::new(
                fvm_shared::error::ExitCode::SYS_ILLEGAL_INSTRUCTION,
                format!("{together} bytes of memory are more than a message gets"),
            ));
        }
        HELD.set(together);
        self.0 = bytes;
        Ok(())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Drop for Held {
    fn drop(&mut self) {
        HELD.set(HELD.get() - self.0);
    }
}

#[cfg(not(target_arch = "wasm32"))]
thread_local! {
    /// What all runs on this thread hold. A message stays on one.
    static HELD: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// The region of memory that two operands mean, grown to exist, for work on all of
/// it.
///
/// # Errors
/// Exit code 38 unless size, offset and end fit 32 bits; without a size the offset
/// does not matter.
pub(super) fn region<RT: Runtime>(
    interpreter: &mut Interpreter<EthInterpreter>,
    machine: &mut Machine<'_, RT>,
    offset: U256,
    size: U256,
) -> Outcome<Range<usize>> {
    let region = space(interpreter, machine, offset, size)?;
    tell(machine.rt, region.len() as u64, MILLIGAS_PER_BYTE);
    Ok(region)
}

/// [`region`] of which perhaps only a part is used.
///
/// # Errors
/// Those of [`region`].
pub(super) fn space<RT: Runtime>(
    interpreter: &mut Interpreter<EthInterpreter>,
    machine: &mut Machine<'_, RT>,
    offset: U256,
    size: U256,
) -> Outcome<Range<usize>> {
    let size = fits(&size)?;
    if size == 0 {
        return Ok(0..0);
    }
    let start = fixed(interpreter, machine, &offset, size)?;
    Ok(start..start + size as usize)
}

/// The start of a region of `size` bytes, not 0, grown to exist.
#[inline]
fn fixed<RT: Runtime>(
    interpreter: &mut Interpreter<EthInterpreter>,
    machine: &mut Machine<'_, RT>,
    offset: &U256,
    size: u32,
) -> Outcome<usize> {
    let start = fits(offset)?;
    let end = start
        .checked_add(size)
        .ok_or(InstructionResult::OutOfOffset)?;
    if end as usize > interpreter.memory.len() {
        grow(interpreter, machine, end)?;
    }
    Ok(start as usize)
}

#[inline]
fn fits(operand: &U256) -> Outcome<u32> {
    let [low, rest @ ..] = operand.as_limbs();
    match u32::try_from(*low) {
        Ok(low) if *rest == [0; 3] => Ok(low),
        _ => Err(InstructionResult::OutOfOffset),
    }
}

#[cold]
fn grow<RT: Runtime>(
    interpreter: &mut Interpreter<EthInterpreter>,
    machine: &mut Machine<'_, RT>,
    end: u32,
) -> Outcome {
    let bytes = u64::from(end).next_multiple_of(32);
    obtainable(bytes).or_abort(machine)?;
    #[cfg(not(target_arch = "wasm32"))]
    machine.held.grow_to(bytes).or_abort(machine)?;
    let more = bytes - interpreter.memory.len() as u64;
    tell(machine.rt, more, MILLIGAS_PER_BYTE);
    interpreter.memory.resize(bytes as usize);
    Ok(())
}

/// Copies to memory what lies at `offset` of a source, zeros behind its end.
pub(super) fn copy(memory: &mut SharedMemory, target: Range<usize>, source: &[u8], offset: U256) {
    if !target.is_empty() {
        let offset =
            usize::try_from(offset).map_or(source.len(), |offset| offset.min(source.len()));
        memory.set_data(target.start, offset, target.len(), source);
    }
}

pub(super) fn mload<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let offset = *top(ctx.interpreter)?;
    let start = fixed(ctx.interpreter, ctx.host, &offset, 32)?;
    let word = ctx.interpreter.memory.get_u256(start);
    *top(ctx.interpreter)? = word;
    Ok(())
}

pub(super) fn mstore<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [offset, word] = pop(ctx.interpreter)?;
    let start = fixed(ctx.interpreter, ctx.host, &offset, 32)?;
    ctx.interpreter.memory.set_u256(start, word);
    Ok(())
}

pub(super) fn mstore8<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [offset, word] = pop(ctx.interpreter)?;
    let start = fixed(ctx.interpreter, ctx.host, &offset, 1)?;
    ctx.interpreter.memory.set_byte(start, word.byte(0));
    Ok(())
}

/// Without a size neither offset matters.
pub(super) fn mcopy<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [target, source, size] = pop(ctx.interpreter)?;
    let source = region(ctx.interpreter, ctx.host, source, size)?;
    let target = region(ctx.interpreter, ctx.host, target, size)?;
    if !source.is_empty() {
        ctx.interpreter
            .memory
            .copy(target.start, source.start, source.len());
    }
    Ok(())
}

/// Hashes with the system call: cheaper than hashing in Wasm.
pub(super) fn keccak256<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [offset, size] = pop(ctx.interpreter)?;
    let data = space(ctx.interpreter, ctx.host, offset, size)?;
    tell(ctx.host.rt, data.len() as u64, MILLIGAS_PER_HASHED_BYTE);
    let hash = ctx
        .host
        .rt
        .keccak(&ctx.interpreter.memory.slice_range(data));
    super::push(ctx.interpreter, B256::from(hash).into())
}

pub(super) fn calldatacopy<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [target, offset, size] = pop(ctx.interpreter)?;
    let target = region(ctx.interpreter, ctx.host, target, size)?;
    let interpreter = ctx.interpreter;
    if let CallInput::Bytes(source) = &interpreter.input.input {
        copy(&mut interpreter.memory, target, source, offset);
    }
    Ok(())
}

pub(super) fn codecopy<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [target, offset, size] = pop(ctx.interpreter)?;
    let target = region(ctx.interpreter, ctx.host, target, size)?;
    let interpreter = ctx.interpreter;
    let source = interpreter.bytecode.bytecode_slice();
    copy(&mut interpreter.memory, target, source, offset);
    Ok(())
}

/// Unlike other sources this one has no zeros behind its end: reading past it is
/// an error, also of no bytes.
pub(super) fn returndatacopy<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [target, offset, size] = pop(ctx.interpreter)?;
    let target = region(ctx.interpreter, ctx.host, target, size)?;
    let interpreter = ctx.interpreter;
    let source = &interpreter.return_data.0;
    let start = fits(&offset)? as usize;
    if start > source.len() || target.len() > source.len() - start {
        return Err(InstructionResult::OutOfOffset);
    }
    copy(&mut interpreter.memory, target, source, offset);
    Ok(())
}

pub(super) fn ret<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    end(ctx, InstructionResult::Return)
}

pub(super) fn revert<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    end(ctx, InstructionResult::Revert)
}

fn end<RT: Runtime>(ctx: Step<'_, '_, RT>, result: InstructionResult) -> Outcome {
    let [offset, size] = pop(ctx.interpreter)?;
    let output = region(ctx.interpreter, ctx.host, offset, size)?;
    let output = Bytes::from(ctx.interpreter.memory.slice_range(output).to_vec());
    let gas = ctx.interpreter.gas;
    ctx.interpreter
        .bytecode
        .set_action(InterpreterAction::new_return(result, output, gas));
    Err(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: spec 02 §7.3.
    #[test]
    fn all_runs_together_get_2_gib() {
        const GIB: u64 = 1 << 30;
        let (mut outer, mut inner) = (Held::default(), Held::default());
        outer.grow_to(GIB).unwrap();
        inner.grow_to(32).unwrap();
        inner.grow_to(GIB).unwrap();
        let refused = Held::default().grow_to(32).unwrap_err();
        assert_eq!(refused.exit_code().value(), 4);
        drop(inner);
        assert!(outer.grow_to(2 * GIB + 32).is_err());
        outer.grow_to(2 * GIB).unwrap();
        drop(outer);
        assert_eq!(HELD.get(), 0);
    }
}
