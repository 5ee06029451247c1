//! The inside of transactions: `debug_*` as geth answers, `trace_*` as Parity and Lotus
//! do (spec 10 §2.15).
//!
//! | module | answers |
//! |---|---|
//! | [`debug`] | `debug_trace…`: which tracer, of what |
//! | [`flat`] | `trace_…` |
//! | [`frames`] | the calls of a message as Ethereum tools know calls |
//! | [`geth`], [`parity`] | how those are written |
//! | [`steps`] | every instruction |
//! | [`prestate`] | what a message found and changed |
//! | `depth`, `opcodes` | small things that these share |
//!
//! Calls and gas are the FVM's. Instructions, and which accounts and slots were touched,
//! come from executing the message once more on the native machine.

pub mod debug;
mod depth;
pub mod flat;
pub mod frames;
pub mod geth;
mod opcodes;
pub mod parity;
pub mod prestate;
pub mod steps;

use boatyard_chain::Watched;
use fvm_shared::message::Message;

use crate::error::RpcError;
use crate::registry::Method;
use frames::{Failure, Frame, Framer, Kind};

/// Exit code of a contract that reverts.
const REVERTED: u32 = 33;

/// The methods of this folder.
pub fn methods() -> Vec<Method> {
    let mut methods = debug::methods();
    methods.extend(flat::methods());
    methods
}

/// The calls of a message; of one that was refused, the call that it asked for.
fn frame(message: &Message, watched: &Watched) -> Result<Frame, RpcError> {
    let applied = &watched.applied;
    let mut framer = Framer::new(watched.before.clone(), watched.after.clone())?;
    if let Some(trace) = &applied.trace {
        let mut frame = framer.frame(trace, message.gas_limit)?;
        frame.gas = message.gas_limit;
        frame.gas_used = applied.receipt.gas_used;
        return Ok(frame);
    }
    let shown = |address| {
        let seen = watched.after.eth_address(address)?;
        Ok::<_, RpcError>(seen.unwrap_or(crate::eth::convert::NOBODY))
    };
    Ok(Frame {
        kind: Kind::Call,
        from: shown(&message.from)?,
        to: Some(shown(&message.to)?),
        value: crate::params::quantity(&message.value),
        gas: message.gas_limit,
        gas_used: applied.receipt.gas_used,
        input: message.params.to_vec().into(),
        output: Default::default(),
        native: true,
        transfer: false,
        failure: Some(Failure {
            code: applied.receipt.exit_code,
            words: applied.error.clone(),
        }),
        logs: Vec::new(),
        calls: Vec::new(),
    })
}
