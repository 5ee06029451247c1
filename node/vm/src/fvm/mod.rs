//! The machine that runs Wasm: the published FVM with our kernel in it.
//!
//! State tree, call manager, gas and engine are the FVM's own. Ours are the rules
//! around a message ([`crate::apply`]) and the kernel between actors and the FVM,
//! which passes everything on except what a devnet wants to see or to replace.
//!
//! | module | answers |
//! |---|---|
//! | `execute` | how a message runs, step by step |
//! | `kernel` | what an actor gets when it calls the system |
//! | `send` | the one place where every call passes |
//! | `externs` | what a running message knows of the node |
//! | `recorder` | the call tree while it grows |
//!
//! Invariant: with tracing, without substitutions and interceptor, results and gas
//! are those of the FVM's own executor and kernel.

use std::sync::Arc;

use ::fvm::engine::EnginePool;
use ::fvm::kernel::{ExecutionError, Result as FvmResult};
use ::fvm::machine::{DefaultMachine, Machine as _, NetworkConfig};
use anyhow::{Context as _, anyhow};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore as _;
use fvm_shared::ActorID;
use fvm_shared::EMPTY_ARR_CID;
use fvm_shared::address::Address;
use fvm_shared::chainid::ChainID;
use fvm_shared::message::Message;
use fvm_shared::state::ActorState;

use crate::context::{Context, Tracing};
use crate::engine::Engine;
use crate::engine::overlay::{Faults, OverlayStore};
use crate::machine::{Applied, Machine, Mode, VmError};
use crate::state::{INIT_ACTOR, Manifest, SYSTEM_ACTOR, StateTree};
use crate::store::SharedStore;

mod execute;
mod externs;
mod kernel;
mod recorder;
mod send;

use externs::Externs;

/// The FVM's machine with our store and externs.
type Core = DefaultMachine<OverlayStore, Externs>;

/// A machine that runs actors as Wasm. Made by [`Engine::open`].
pub(crate) struct FvmMachine {
    engine: Engine,
    store: SharedStore,
    context: Context,
    pool: EnginePool,
    /// `None` after a fault.
    core: Option<Box<Core>>,
}

impl FvmMachine {
    pub(crate) fn open(
        engine: &Engine,
        store: SharedStore,
        root: Cid,
        context: Context,
    ) -> Result<Self, VmError> {
        let network = network(engine, &context);
        let pool = engine.pool(&network)?;
        let core = core(engine, &store, root, &context, network)?;
        Ok(Self {
            engine: engine.clone(),
            store,
            context,
            pool,
            core: Some(core),
        })
    }

    fn core(&self) -> Result<&Core, VmError> {
        self.core.as_deref().ok_or_else(unusable)
    }

    fn core_mut(&mut self) -> Result<&mut Core, VmError> {
        self.core.as_deref_mut().ok_or_else(unusable)
    }
}

impl Machine for FvmMachine {
    fn apply(&mut self, message: &Message, mode: Mode) -> Result<Applied, VmError> {
        let core = self.core.take().ok_or_else(unusable)?;
        let (pool, message) = (self.pool.clone(), message.clone());
        let at_work = self.engine.at_work();
        let outcome = self
            .engine
            .with_big_stack(move || execute::run(core, &pool, &message, mode))
            .inspect_err(|_| self.engine.replace_compilers());
        drop(at_work);
        let (core, applied) = outcome?;
        let applied = applied?;
        self.core = Some(core);
        Ok(applied)
    }

    fn flush(&mut self) -> Result<Cid, VmError> {
        self.core_mut()?.flush().map_err(state_error)
    }

    fn resolve(&self, address: &Address) -> Result<Option<ActorID>, VmError> {
        self.core()?
            .state_tree()
            .lookup_id(address)
            .map_err(state_error)
    }

    fn actor(&self, id: ActorID) -> Result<Option<ActorState>, VmError> {
        self.core()?.state_tree().get_actor(id).map_err(state_error)
    }

    fn set_actor(&mut self, id: ActorID, actor: Option<ActorState>) -> Result<(), VmError> {
        let tree = self.core_mut()?.state_tree_mut();
        match actor {
            Some(actor) => tree.set_actor(id, actor),
            None => tree.delete_actor(id),
        }
        // The FVM remembers addresses and built-in actors from when it started.
        if id == INIT_ACTOR || id == SYSTEM_ACTOR {
            let root = self.flush()?;
            let network = network(&self.engine, &self.context);
            self.core = Some(core(
                &self.engine,
                &self.store,
                root,
                &self.context,
                network,
            )?);
        }
        Ok(())
    }

    fn block(&self, cid: &Cid) -> Result<Option<Vec<u8>>, VmError> {
        self.core()?.blockstore().get(cid).map_err(VmError::State)
    }

    fn register(&mut self, address: &Address) -> Result<ActorID, VmError> {
        self.core_mut()?
            .state_tree_mut()
            .register_new_address(address)
            .map_err(state_error)
    }
}

fn network(engine: &Engine, context: &Context) -> NetworkConfig {
    let mut network = NetworkConfig::new(context.network_version);
    network.chain_id(ChainID::from(context.chain_id));
    if engine.actor_logs() {
        network.enable_actor_debugging();
    }
    network
}

/// Opens the FVM's own machine on a root.
fn core(
    engine: &Engine,
    store: &SharedStore,
    root: Cid,
    context: &Context,
    mut network: NetworkConfig,
) -> Result<Box<Core>, VmError> {
    let faults = Arc::<Faults>::default();
    let overlay = || OverlayStore {
        base: store.clone(),
        code: engine.code_map().clone(),
        faults: faults.clone(),
    };
    let manifest = manifest(engine, overlay(), &root, &mut network)?;
    let mut machine = network.for_epoch(context.epoch, context.timestamp, root);
    machine.set_base_fee(context.base_fee.clone());
    machine.set_circulating_supply(context.circulating_supply.clone());
    machine.tracing = context.tracing == Tracing::Full;
    let externs = Externs::new(engine.clone(), context, manifest, faults.clone());
    let core = DefaultMachine::new(&machine, overlay(), externs)
        .with_context(|| format!("cannot open a machine on state {root}"))
        .map_err(VmError::State)?;
    Ok(Box::new(core))
}

/// The built-in actors of a state, or those that stand in when it names none.
fn manifest(
    engine: &Engine,
    store: OverlayStore,
    root: &Cid,
    network: &mut NetworkConfig,
) -> Result<Manifest, VmError> {
    let named = || StateTree::load(store.clone(), root)?.manifest();
    let manifest = engine.manifest(root, named)?;
    if !manifest.is_empty() {
        return Ok(manifest);
    }
    let Some(stand_in) = engine.code_map().manifest() else {
        return Err(VmError::State(anyhow!(
            "state {root} names no built-in actors (its list is the empty array {EMPTY_ARR_CID}); \
             give the engine a code map that does"
        )));
    };
    network.override_actors(stand_in);
    let (_, list): (u32, Cid) = fvm_ipld_encoding::CborStore::get_cbor(&store, &stand_in)
        .and_then(|found| found.ok_or_else(|| anyhow!("block {stand_in} is missing")))
        .map_err(VmError::State)?;
    Manifest::load(&store, &list)
}

fn state_error(error: ExecutionError) -> VmError {
    VmError::State(error.into())
}

/// For reads of the state outside of any call.
fn state<T>(result: FvmResult<T>) -> Result<T, VmError> {
    result.map_err(state_error)
}

fn unusable() -> VmError {
    VmError::Fatal(anyhow!(
        "the machine cannot be used after a fault: open a new one"
    ))
}

#[cfg(test)]
pub(crate) mod tests;
