//! Where machines come from.

use boatyard_vm::context::Context;
use boatyard_vm::engine::{Engine, MachineKind};
use boatyard_vm::machine::{Machine, VmError};
use boatyard_vm::store::SharedStore;
use cid::Cid;

/// What a machine is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Executing a tipset.
    Tipset,
    /// Running cron in null rounds. Any machine will do: nothing pays for gas.
    NullRounds,
    /// A call, an estimate, or the pending state.
    Call,
    /// Executing a tipset again with a trace; must agree with [`Purpose::Tipset`].
    Trace,
    /// Executing a message once more to see each instruction of its contracts,
    /// which only the native machine shows.
    Watch,
}

/// Opens machines for the chain. Exchanging it exchanges how messages are
/// executed; tests script it.
pub trait Machines: Send + Sync + 'static {
    /// Opens a machine on the state below `root`.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn open(
        &self,
        purpose: Purpose,
        store: SharedStore,
        root: Cid,
        context: Context,
    ) -> Result<Box<dyn Machine>, VmError>;

    /// Runs work that opens machines, on a thread that suits them.
    ///
    /// # Errors
    /// When the work panics.
    fn run(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), VmError> {
        work();
        Ok(())
    }
}

/// Machines of an [`Engine`].
pub struct EngineMachines {
    engine: Engine,
    kind: MachineKind,
    null_rounds: MachineKind,
}

impl EngineMachines {
    /// Machines of one kind.
    pub fn new(engine: Engine, kind: MachineKind) -> Self {
        Self {
            engine,
            kind,
            null_rounds: kind,
        }
    }

    /// Lets null rounds run on another kind of machine. Both must give the same
    /// state roots: only use the native one with the actors of this build.
    pub fn with_null_rounds(mut self, kind: MachineKind) -> Self {
        self.null_rounds = kind;
        self
    }
}

impl Machines for EngineMachines {
    fn open(
        &self,
        purpose: Purpose,
        store: SharedStore,
        root: Cid,
        context: Context,
    ) -> Result<Box<dyn Machine>, VmError> {
        let kind = match purpose {
            Purpose::NullRounds => self.null_rounds,
            Purpose::Watch => MachineKind::Native,
            Purpose::Tipset | Purpose::Call | Purpose::Trace => self.kind,
        };
        self.engine.open(kind, store, root, context)
    }

    fn run(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), VmError> {
        self.engine.with_big_stack(work)
    }
}
