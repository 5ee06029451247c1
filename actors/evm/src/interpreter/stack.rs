//! DUP1..DUP16: a full stack counts before a short one (spec 02 §7.2), which the
//! stock instruction does not tell apart.

use boatyard_sdk::Runtime;
use revm_interpreter::InstructionResult;

use super::{Outcome, Step, room};

pub(super) fn dup<const N: usize, RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    room(ctx.interpreter)?;
    if ctx.interpreter.stack.dup(N) {
        Ok(())
    } else {
        Err(InstructionResult::StackUnderflow)
    }
}
