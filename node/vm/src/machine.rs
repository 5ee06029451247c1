//! What every machine can do.

use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::event::StampedEvent;
use fvm_shared::message::Message;
use fvm_shared::receipt::Receipt;
use fvm_shared::state::ActorState;
use fvm_shared::{ActorID, MethodNum};

use crate::context::Context;
use crate::trace::CallTrace;

/// Executes messages on one state tree in one [`Context`].
///
/// A machine is opened on a root, applies messages one after another, and is
/// flushed to a new root. Dropping it without a flush leaves no trace. A handle
/// may move between ordinary threads: machines find the stack they need.
pub trait Machine: Send {
    /// Applies a message.
    ///
    /// A message that fails is an [`Applied`] with a non-zero exit code. The
    /// error is for faults of the machine itself (a missing block, a broken
    /// tree); the machine must not be used after one.
    fn apply(&mut self, message: &Message, mode: Mode) -> Result<Applied, VmError>;

    /// Writes the state tree to the store and gives its root.
    fn flush(&mut self) -> Result<Cid, VmError>;

    /// The ID behind an address, without creating anything.
    fn resolve(&self, address: &Address) -> Result<Option<ActorID>, VmError>;

    /// The actor record of an ID.
    fn actor(&self, id: ActorID) -> Result<Option<ActorState>, VmError>;

    /// Overwrites (or with `None` deletes) an actor record: an edit from
    /// outside. The new head must be in the store.
    fn set_actor(&mut self, id: ActorID, actor: Option<ActorState>) -> Result<(), VmError>;

    /// Takes the next ID from the init actor's table for `address`, as automatic
    /// creation does, without creating the actor record.
    fn register(&mut self, address: &Address) -> Result<ActorID, VmError>;

    /// Goes on in other surroundings with all that it has in memory, as if it had
    /// been flushed and another machine opened on the root. False, and nothing has
    /// changed, if this machine cannot do that. Long jumps in time live on it.
    fn enter(&mut self, context: &Context) -> bool {
        let _ = context;
        false
    }

    /// A block as the actors see it: from the store, or one that will be stored by
    /// the next flush.
    fn block(&self, cid: &Cid) -> Result<Option<Vec<u8>>, VmError>;
}

/// Under which rules a message is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A signed message: sender, nonce and balance are checked, gas is paid
    /// (spec 00 §14, 09 §9). `chain_length` is the size in bytes of the signed
    /// message on chain, which is paid for.
    Explicit {
        /// Size of the signed message in bytes.
        chain_length: usize,
    },
    /// A message of the protocol itself (cron, block reward): no checks, no
    /// nonce, no fees (spec 09 §7).
    Implicit,
    /// A message without a valid signature or a paying sender: `eth_call`,
    /// estimates, impersonation, vectors. Any existing actor may send; the nonce
    /// is incremented and a placeholder sender becomes an `ethaccount` as for
    /// explicit messages; gas is metered, nothing is paid.
    Unchecked,
}

/// What came of a message.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Exit code, return bytes, gas used and events root.
    pub receipt: Receipt,
    /// Codec of the return bytes; `None` when there was no block.
    pub return_codec: Option<u64>,
    /// Events in order of emission, without those rolled back.
    pub events: Vec<StampedEvent>,
    /// Who got the gas money. Zero unless the message was explicit.
    pub gas: GasOutputs,
    /// Why it failed, in words.
    pub error: Option<String>,
    /// The call tree, if tracing was asked for and the message was executed.
    pub trace: Option<CallTrace>,
    /// True when the message was refused before execution (bad sender, nonce,
    /// balance, gas limit below the inclusion cost): nothing changed.
    pub refused: bool,
}

/// Where a message's gas money went (spec 09 §9).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GasOutputs {
    /// Burnt for gas used.
    pub base_fee_burn: TokenAmount,
    /// Burnt for asking for too much.
    pub over_estimation_burn: TokenAmount,
    /// What the block's miner owes for including it at too low a fee.
    pub miner_penalty: TokenAmount,
    /// Paid to the reward actor for the miner.
    pub miner_tip: TokenAmount,
    /// Given back to the sender.
    pub refund: TokenAmount,
    /// Units of gas given back.
    pub gas_refund: u64,
    /// Units of gas burnt for over-estimation.
    pub gas_burned: u64,
}

/// A fault of the machine, not of a message.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// The state tree or the store below it is broken.
    #[error("state: {0:#}")]
    State(anyhow::Error),
    /// The machine met a condition that it cannot turn into an exit code.
    #[error("machine fault: {0:#}")]
    Fatal(anyhow::Error),
    /// The node is not able to run actors of this code.
    #[error("actor code {code} cannot be run: {reason}")]
    Code {
        /// Code CID.
        code: Cid,
        /// What is wrong with it.
        reason: String,
    },
    /// A call named a method that nobody can answer.
    #[error("unknown method {0}")]
    Method(MethodNum),
}
