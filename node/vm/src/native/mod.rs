//! The machine that runs Rust: actors compiled into this process.
//!
//! The same actor crates, the same rules around a message ([`crate::apply`]) and
//! the same state tree as on the FVM, without Wasm and without gas: for debuggers,
//! coverage, and for long stretches of epochs. Knows only code that was compiled
//! in: the built-in actors, and what [`Engine::register_native`] adds.
//!
//! | module | answers |
//! |---|---|
//! | `actors` | which code runs as which actor |
//! | `call` | how calls nest, and what a failed one undoes |
//! | `host` | what an actor gets when it calls the system |
//! | `links` | which blocks an actor may open |
//! | `buffer` | what is kept in memory between messages |
//! | `recorder` | the call tree while it grows |
//! | `panics` | how actor code ends other than by returning |
//! | `crypto` | hashes and signatures |
//!
//! Invariant: with a base fee and premium of zero it leaves the roots that the FVM
//! leaves. What only Wasm has cannot occur: running out of memory (contracts have a
//! bound of their own, as large), traps that are no panics, and most ways of running
//! out of gas (asking the FVM for the randomness of a future epoch is one). Counted against the message's limit are calls and the
//! work that actors tell of ([`boatyard_sdk::Host::charge_gas`]), so that contracts
//! end; nothing stops an actor that runs for ever in silence. Who asks for the gas
//! that is left hears the limit less that work.

use std::cell::RefCell;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use boatyard_sdk::{NetworkContext, Type};
use cid::Cid;
use fvm_ipld_amt::Amt;
use fvm_ipld_blockstore::{Blockstore as _, MemoryBlockstore};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, CborStore as _, IPLD_RAW, RawBytes};
use fvm_shared::address::Address;
use fvm_shared::error::ErrorNumber;
use fvm_shared::event::StampedEvent;
use fvm_shared::message::Message;
use fvm_shared::receipt::Receipt;
use fvm_shared::state::ActorState;
use fvm_shared::{ActorID, METHOD_SEND};

use crate::apply::{TreeLedger, admit, effective_premium, inclusion_gas, settle};
use crate::context::{Context, Substitutions};
use crate::engine::Engine;
use crate::engine::overlay::{Faults, OverlayStore};
use crate::machine::{Applied, GasOutputs, Machine, Mode, VmError};
use crate::state::{Manifest, StateTree};
use crate::store::SharedStore;
use crate::trace::Outcome;

mod actors;
mod buffer;
mod call;
mod crypto;
mod host;
mod links;
mod panics;
mod recorder;

pub(crate) use actors::{NativeActor, Registry};

use buffer::Buffer;
use call::{Block, Entry, Execution, Request, Stop};

/// Bit width of the array of events that a receipt points at (spec 00 §15).
const EVENTS_BIT_WIDTH: u32 = 5;

/// A machine that runs actors in this process. Made by [`Engine::open`].
pub(crate) struct NativeMachine {
    engine: Engine,
    /// `None` after a fault.
    core: Option<Box<Core>>,
}

/// What the messages of a machine share.
struct Core {
    engine: Engine,
    tree: RefCell<StateTree<Buffer>>,
    manifest: Manifest,
    context: Context,
    network: NetworkContext,
    substitutions: Substitutions,
}

impl NativeMachine {
    pub(crate) fn open(
        engine: &Engine,
        store: SharedStore,
        root: Cid,
        context: Context,
    ) -> Result<Self, VmError> {
        let buffer = Buffer::new(OverlayStore {
            base: store,
            code: engine.code_map().clone(),
            faults: Arc::<Faults>::default(),
        });
        let tree = StateTree::load(buffer, &root)?;
        let core = Core {
            manifest: manifest(engine, &tree)?,
            tree: RefCell::new(tree),
            network: network(&context),
            substitutions: substitutions(&context),
            context,
            engine: engine.clone(),
        };
        Ok(Self {
            engine: engine.clone(),
            core: Some(Box::new(core)),
        })
    }

    fn core(&self) -> Result<&Core, VmError> {
        self.core.as_deref().ok_or_else(unusable)
    }

    fn core_mut(&mut self) -> Result<&mut Core, VmError> {
        self.core.as_deref_mut().ok_or_else(unusable)
    }
}

impl Machine for NativeMachine {
    fn apply(&mut self, message: &Message, mode: Mode) -> Result<Applied, VmError> {
        let mut core = self.core.take().ok_or_else(unusable)?;
        let message = message.clone();
        let (core, applied) = self.engine.with_big_stack(move || {
            let applied = core.apply(&message, mode);
            (core, applied)
        })?;
        let applied = applied?;
        self.core = Some(core);
        Ok(applied)
    }

    fn flush(&mut self) -> Result<Cid, VmError> {
        let tree = self.core_mut()?.tree.get_mut();
        let root = tree.flush()?;
        tree.store()
            .flush(&root)
            .context("cannot store the state")
            .map_err(VmError::State)?;
        Ok(root)
    }

    fn resolve(&self, address: &Address) -> Result<Option<ActorID>, VmError> {
        self.core()?.tree.borrow().resolve(address)
    }

    fn actor(&self, id: ActorID) -> Result<Option<ActorState>, VmError> {
        self.core()?.tree.borrow().actor(id)
    }

    fn set_actor(&mut self, id: ActorID, actor: Option<ActorState>) -> Result<(), VmError> {
        let engine = self.engine.clone();
        let core = self.core_mut()?;
        core.tree.get_mut().edit_actor(id, actor);
        if id == crate::state::SYSTEM_ACTOR {
            core.manifest = manifest(&engine, core.tree.get_mut())?;
        }
        Ok(())
    }

    fn register(&mut self, address: &Address) -> Result<ActorID, VmError> {
        self.core_mut()?.tree.get_mut().register(address)
    }

    fn enter(&mut self, context: &Context) -> bool {
        let Some(core) = self.core.as_deref_mut() else {
            return false;
        };
        core.network = network(context);
        core.substitutions = substitutions(context);
        core.context = context.clone();
        true
    }

    fn block(&self, cid: &Cid) -> Result<Option<Vec<u8>>, VmError> {
        let tree = self.core()?.tree.borrow();
        tree.store().get(cid).map_err(VmError::State)
    }
}

/// What actors see of a context.
fn network(context: &Context) -> NetworkContext {
    NetworkContext {
        epoch: context.epoch,
        timestamp: context.timestamp,
        base_fee: context.base_fee.clone(),
        chain_id: context.chain_id,
        network_version: context.network_version.into(),
    }
}

fn substitutions(context: &Context) -> Substitutions {
    context
        .substitutions
        .as_deref()
        .cloned()
        .unwrap_or_default()
}

impl Core {
    /// Applies a message. Wants a big stack.
    fn apply(&mut self, message: &Message, mode: Mode) -> Result<Applied, VmError> {
        let base_fee = self.context.base_fee.clone();
        let inclusion = match mode {
            Mode::Explicit { chain_length } => {
                inclusion_gas(self.context.network_version, chain_length)
            }
            Mode::Implicit | Mode::Unchecked => 0,
        };
        let mut ledger = TreeLedger {
            tree: self.tree.get_mut(),
            manifest: &self.manifest,
        };
        let sender = match admit(&mut ledger, message, mode, &base_fee, inclusion)? {
            Ok(sender) => sender,
            Err(refusal) => return Ok(refusal.into()),
        };
        let mut applied = self.execute(message, sender)?;
        if let Mode::Explicit { .. } = mode {
            let mut ledger = TreeLedger {
                tree: self.tree.get_mut(),
                manifest: &self.manifest,
            };
            let gas_used = applied.receipt.gas_used;
            applied.gas = settle(&mut ledger, sender, message, gas_used, &base_fee)?;
        }
        Ok(applied)
    }

    /// Makes the call that the message asks for, and a receipt.
    fn execute(&self, message: &Message, sender: ActorID) -> Result<Applied, VmError> {
        let premium = effective_premium(message, &self.context.base_fee);
        let execution = Execution::new(self, message, sender, premium);
        // The codec is CBOR because links from off chain cannot be followed. Nobody
        // sees the parameters of a plain send.
        let codec = if message.method_num == METHOD_SEND {
            IPLD_RAW
        } else {
            CBOR
        };
        let params = (!message.params.is_empty()).then(|| {
            Block::opaque(IpldBlock {
                codec,
                data: message.params.to_vec(),
            })
        });
        let returned = execution.call(Request {
            from: sender,
            to: message.to,
            entry: Entry::Invoke(message.method_num),
            params,
            value: &message.value,
            gas_limit: None,
            read_only: false,
        });
        let (exit_code, data, refusal) = match returned {
            Ok(reply) => (reply.exit_code, reply.data.map(|data| data.block), None),
            Err(Stop::Refused(number, words)) => {
                (Outcome::Refused(number).exit_code(), None, Some(words))
            }
            Err(Stop::OutOfGas) => {
                let out_of_gas = Outcome::Aborted(String::new()).exit_code();
                (out_of_gas, None, Some("out of gas".to_owned()))
            }
            Err(Stop::Fault(fault)) => return Err(fault),
        };
        let error = (!exit_code.is_success())
            .then(|| refusal.unwrap_or_else(|| execution.explanation(exit_code)));
        let events = execution.take_events();
        Ok(Applied {
            return_codec: data.as_ref().map(|data| data.codec),
            receipt: Receipt {
                exit_code,
                return_data: data
                    .map(|data| RawBytes::new(data.data))
                    .unwrap_or_default(),
                gas_used: 0,
                events_root: events_root(&events)?,
            },
            events,
            gas: GasOutputs::default(),
            error,
            trace: execution.recorder.into_inner().finish(),
            refused: false,
        })
    }

    /// The actor that runs as this code.
    fn native_code(&self, code: &Cid) -> Result<NativeActor, VmError> {
        if let Some(kind) = self.manifest.name_of(code).and_then(Type::from_name) {
            return Ok(actors::builtin(kind));
        }
        self.engine
            .native()
            .find(code)
            .ok_or_else(|| VmError::Code {
                code: *code,
                reason:
                    "it was not compiled into this process: use the FVM machine, or register the \
                     actor with Engine::register_native"
                        .to_owned(),
            })
    }

    /// Whether an actor may get this code, which is not built in.
    ///
    /// # Errors
    /// `NotFound` when nobody has it, `IllegalArgument` when it is no actor. Code
    /// that the FVM could run, but not this machine, ends the machine.
    fn check_user_code(&self, code: &Cid) -> Result<(), ErrorNumber> {
        let Err(only_wasm) = self.native_code(code) else {
            return Ok(());
        };
        let stored = self.tree.borrow().store().get(code);
        match panics::or_fault(stored.map_err(VmError::State)) {
            None => Err(ErrorNumber::NotFound),
            Some(block) => match self.engine.validate_code(&block) {
                Ok(()) => panics::or_fault(Err(only_wasm)),
                Err(_) => Err(ErrorNumber::IllegalArgument),
            },
        }
    }
}

/// The built-in actors of a state, or those that stand in when it names none.
fn manifest(engine: &Engine, tree: &StateTree<Buffer>) -> Result<Manifest, VmError> {
    let manifest = tree.manifest()?;
    if !manifest.is_empty() {
        return Ok(manifest);
    }
    let Some(stand_in) = engine.code_map().manifest() else {
        return Err(VmError::State(anyhow!(
            "the state names no built-in actors; give the engine a code map that does"
        )));
    };
    let (_, list): (u32, Cid) = tree
        .store()
        .get_cbor(&stand_in)
        .and_then(|found| found.ok_or_else(|| anyhow!("block {stand_in} is missing")))
        .map_err(VmError::State)?;
    Manifest::load(tree.store(), &list)
}

/// Root of the array of a message's events; `None` without any. The array itself
/// is for whoever wants to store it.
fn events_root(events: &[StampedEvent]) -> Result<Option<Cid>, VmError> {
    if events.is_empty() {
        return Ok(None);
    }
    let store = MemoryBlockstore::default();
    Amt::new_from_iter_with_bit_width(&store, EVENTS_BIT_WIDTH, events)
        .map(Some)
        .context("cannot make the array of events")
        .map_err(VmError::Fatal)
}

fn unusable() -> VmError {
    VmError::Fatal(anyhow!(
        "the machine cannot be used after a fault: open a new one"
    ))
}

#[cfg(test)]
mod tests;
