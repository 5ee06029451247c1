//! What happened inside a message: one type for both machines.

use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::event::ActorEvent;
use fvm_shared::{ActorID, MethodNum};

/// Method number under which an upgrade of an actor's code appears: a call to
/// itself that runs the new code's `upgrade` entry point. It is also what that
/// code sees as its method (FVM 4.8).
pub const METHOD_UPGRADE: MethodNum = 932_083;

/// A call as its caller made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// ID of the caller.
    pub from: ActorID,
    /// Receiver exactly as the caller gave it.
    pub to: Address,
    /// Value in attoFIL.
    pub value: TokenAmount,
    /// Method number.
    pub method: MethodNum,
    /// Parameters; `None` is "no block", not an empty one.
    pub params: Option<IpldBlock>,
    /// Gas limit asked for by the caller, `None` for "all that is left".
    pub gas_limit: Option<u64>,
    /// Whether the call runs read-only, by its own flag or inherited.
    pub read_only: bool,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The receiver ran (or the value arrived) and ended with this code and data.
    Returned {
        /// 0 for success.
        exit_code: ExitCode,
        /// Return value, or the data of a failure.
        data: Option<IpldBlock>,
    },
    /// The machine did not run the call; the caller saw this error.
    Refused(ErrorNumber),
    /// The message ended inside the call: out of gas, or a fault of the machine.
    Aborted(String),
}

impl Outcome {
    /// The exit code, or the one which the same failure has at top level
    /// (spec 00 §10.4).
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Outcome::Returned { exit_code, .. } => *exit_code,
            Outcome::Refused(ErrorNumber::NotFound) => ExitCode::SYS_INVALID_RECEIVER,
            Outcome::Refused(ErrorNumber::InsufficientFunds) => ExitCode::SYS_INSUFFICIENT_FUNDS,
            Outcome::Refused(_) => ExitCode::SYS_ASSERTION_FAILED,
            Outcome::Aborted(_) => ExitCode::SYS_OUT_OF_GAS,
        }
    }
}

/// A node of the call tree.
#[derive(Debug, Clone, PartialEq)]
pub struct CallTrace {
    /// The call.
    pub call: Call,
    /// The receiver's ID, if it resolved after the call, or in it: a failing call
    /// takes the account with it that it created.
    pub to_id: Option<ActorID>,
    /// The receiver's code before the call, if it had any.
    pub code: Option<Cid>,
    /// Account constructor that the machine runs when a transfer creates an
    /// account; the first child of the call that caused the creation.
    pub constructor: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed, in words, when the actor or the machine said so.
    pub message: Option<String>,
    /// Gas used by the call with all its children; 0 on the native machine.
    pub gas_used: u64,
    /// Events emitted by this call itself, also those rolled back later.
    pub events: Vec<ActorEvent>,
    /// Debug output of this call.
    pub logs: Vec<String>,
    /// Gas charges, with [`crate::context::Tracing::Full`].
    pub charges: Vec<GasCharge>,
    /// State accesses, with [`crate::context::Tracing::Full`].
    pub accesses: Vec<StateAccess>,
    /// Nested calls in order.
    pub calls: Vec<CallTrace>,
}

impl CallTrace {
    /// The account that the call created for its receiver, even if it is gone since.
    pub(crate) fn created_account(&self) -> Option<ActorID> {
        self.calls
            .first()
            .filter(|call| call.constructor)
            .and_then(|call| call.to_id)
    }
}

/// One gas charge, in whole units of gas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GasCharge {
    /// What was charged, as the FVM's price list names it.
    pub name: String,
    /// For computation.
    pub compute: u64,
    /// For storage and other costs.
    pub other: u64,
}

/// What a call did to its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateAccess {
    /// A block was read.
    Read {
        /// The block.
        cid: Cid,
        /// Its size in bytes.
        size: usize,
    },
    /// A block was stored.
    Write {
        /// The block.
        cid: Cid,
        /// Its size in bytes.
        size: usize,
    },
    /// The state root was set.
    Head {
        /// The new root.
        cid: Cid,
    },
}
