//! What all machines of a process share: compiled actors, threads, extra code.
//!
//! Actor code compiles on first use. [`Engine::preload`] does it ahead of time in
//! the background; [`Engine::validate_code`] says beforehand whether code can run
//! at all. Each engine reserves several TiB of address space (no memory), so a
//! process has one or a few of them.
//!
//! | module | answers |
//! |---|---|
//! | `code` | may this Wasm run on the FVM, and if not, why |
//! | `syscalls` | what a module may import |
//! | `overlay` | the block store that a machine sees |
//! | `preload` | compiling ahead without being in the way |
//! | `stack` | threads with the stack that the FVM needs |

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ::fvm::engine::{EnginePool, MultiEngine};
use ::fvm::machine::NetworkConfig;
use anyhow::{Context as _, anyhow};
use boatyard_sdk::{Actor, NetworkVariant};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::version::NetworkVersion;

use crate::context::Context;
use crate::fvm::FvmMachine;
use crate::machine::{Machine, VmError};
use crate::native::{self, NativeActor, NativeMachine};
use crate::state::Manifest;
use crate::store::SharedStore;

mod code;
pub(crate) mod overlay;
mod preload;
mod stack;
mod syscalls;

pub use code::CodeError;
pub use overlay::CodeMap;

use preload::{Preloader, Traffic};
use stack::BigStacks;

/// Which machine to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MachineKind {
    /// Actors as Wasm on the published FVM, with real gas.
    #[default]
    Fvm,
    /// Actors compiled into this process, without gas.
    Native,
}

/// How an [`Engine`] works.
#[derive(Clone)]
pub struct EngineOptions {
    /// How many messages may run at the same time, each on a machine of its own;
    /// further ones wait. Leave room for messages that are applied from inside
    /// an interceptor.
    pub concurrency: NonZeroU32,
    /// Code that lies in no block store.
    pub code: CodeMap,
    /// Policy set that natively run actors follow; in Wasm it is part of the code.
    pub policy: NetworkVariant,
    /// Largest user Wasm that [`Engine::validate_code`] accepts, in bytes.
    pub max_code_bytes: usize,
    /// Whether actors may log. Logging costs gas, so all engines that are to
    /// agree on gas must agree on this; mainnet has it off.
    pub actor_logs: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(4, |cores| cores.get());
        let concurrency = u32::try_from(cores.clamp(4, 64))
            .ok()
            .and_then(NonZeroU32::new);
        Self {
            concurrency: concurrency.unwrap_or(NonZeroU32::MIN),
            code: CodeMap::default(),
            policy: NetworkVariant::default(),
            // The largest block that an actor can store (spec 00 §7).
            max_code_bytes: 1 << 20,
            actor_logs: false,
        }
    }
}

/// Opens machines. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(crate) struct Inner {
    options: EngineOptions,
    code: Arc<CodeMap>,
    native: native::Registry,
    compilers: RwLock<Arc<MultiEngine>>,
    /// What is known about code that somebody wanted to run.
    verdicts: Mutex<HashMap<Cid, Result<(), CodeError>>>,
    /// The built-in actors of the state on which a machine was opened last.
    manifest: Mutex<Option<(Cid, Manifest)>>,
    stacks: BigStacks,
    traffic: Traffic,
    preloader: Preloader,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(EngineOptions::default())
    }
}

impl Engine {
    /// An engine that has compiled nothing yet.
    pub fn new(options: EngineOptions) -> Self {
        Self(Arc::new(Inner {
            code: Arc::new(options.code.clone()),
            native: native::Registry::new(options.policy),
            compilers: RwLock::new(Arc::new(compilers(&options))),
            options,
            verdicts: Mutex::default(),
            manifest: Mutex::default(),
            stacks: BigStacks::default(),
            traffic: Traffic::default(),
            preloader: Preloader::default(),
        }))
    }

    /// Opens a machine on the state below `root`.
    ///
    /// # Errors
    /// When the state cannot be read or names no built-in actors (and the
    /// [`CodeMap`] names none either), or when the network version is not one
    /// that the FVM knows.
    pub fn open(
        &self,
        kind: MachineKind,
        store: SharedStore,
        root: Cid,
        context: Context,
    ) -> Result<Box<dyn Machine>, VmError> {
        match kind {
            MachineKind::Fvm => Ok(Box::new(FvmMachine::open(self, store, root, context)?)),
            MachineKind::Native => Ok(Box::new(NativeMachine::open(self, store, root, context)?)),
        }
    }

    /// Compiles actors in the background, in the order given. Messages that are
    /// being applied come first: a module is only begun when none is, and each
    /// uses all cores. Code that `store` does not have is passed over.
    pub fn preload(&self, store: SharedStore, codes: impl IntoIterator<Item = Cid>) {
        preload::start(&self.0, store, codes);
    }

    /// Lets native machines run the actor `A` wherever the code is `code`, the CID
    /// of its Wasm. Built-in actors need no registration.
    pub fn register_native<A: Actor>(&self, code: Cid) {
        self.0.native.register(code, NativeActor::of::<A>());
    }

    /// Whether user Wasm can run as an actor.
    ///
    /// # Errors
    /// The first thing that stands in the way, with what to do about it.
    pub fn validate_code(&self, wasm: &[u8]) -> Result<(), CodeError> {
        code::check_size(wasm, self.0.options.max_code_bytes)?;
        code::check_structure(wasm)?;
        // On a big stack: compilers recurse over the module.
        let owned = wasm.to_vec();
        self.with_big_stack(move || code::check_by_compiling(&owned))
            .unwrap_or_else(|fault| Err(CodeError::Rejected(fault.to_string())))
    }

    /// Runs `work` on a thread that has stack enough for the FVM. Machines do so
    /// by themselves, message by message; whoever applies many in a row saves the
    /// change of threads by moving the machine in here.
    ///
    /// # Errors
    /// When `work` panics or the thread cannot be had.
    pub fn with_big_stack<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, VmError> {
        self.0.stacks.run(work)
    }

    /// The compiled modules for a network configuration.
    pub(crate) fn pool(&self, network: &NetworkConfig) -> Result<EnginePool, VmError> {
        self.0.pool(network)
    }

    /// Forgets everything compiled. After a panic inside the FVM its locks may be
    /// poisoned for good; machines opened from now on do not see them.
    pub(crate) fn replace_compilers(&self) {
        let fresh = Arc::new(compilers(&self.0.options));
        *self
            .0
            .compilers
            .write()
            .unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// Makes background work wait while the result lives.
    pub(crate) fn at_work(&self) -> preload::AtWork<'_> {
        self.0.traffic.enter()
    }

    /// The code that native machines run.
    pub(crate) fn native(&self) -> &native::Registry {
        &self.0.native
    }

    /// The code that lies in no store.
    pub(crate) fn code_map(&self) -> &Arc<CodeMap> {
        &self.0.code
    }

    /// Whether actors may log.
    pub(crate) fn actor_logs(&self) -> bool {
        self.0.options.actor_logs
    }

    /// The built-in actors of the state below `root`, read with `read` if the last machine
    /// was opened on another one.
    pub(crate) fn manifest(
        &self,
        root: &Cid,
        read: impl FnOnce() -> Result<Manifest, VmError>,
    ) -> Result<Manifest, VmError> {
        let last = || {
            let last = self.0.manifest.lock();
            last.unwrap_or_else(PoisonError::into_inner)
        };
        if let Some((known, manifest)) = &*last()
            && known == root
        {
            return Ok(manifest.clone());
        }
        let manifest = read()?;
        *last() = Some((*root, manifest.clone()));
        Ok(manifest)
    }

    /// Makes sure that code can be run before the FVM tries to, because there a
    /// failure would cost the message or worse. Each code is looked at once.
    ///
    /// # Errors
    /// Why it cannot be run.
    pub(crate) fn ensure_runnable(
        &self,
        code: &Cid,
        builtin: bool,
        compiler: &::fvm::engine::Engine,
        store: &impl Blockstore,
    ) -> Result<(), CodeError> {
        if let Some(verdict) = self.verdicts().get(code) {
            return verdict.clone();
        }
        let wasm = store
            .get(code)
            .map_err(|error| CodeError::Unreadable {
                code: *code,
                reason: format!("{error:#}"),
            })?
            .ok_or(CodeError::Missing(*code))?;
        let verdict = if builtin {
            code::check_structure(&wasm)
        } else {
            self.validate_code(&wasm)
        }
        .and_then(|()| {
            // Compiled once more, now for use: what `validate_code` compiled
            // was thrown away because it could not be trusted yet.
            compiler
                .preload(code, store)
                .map(drop)
                .map_err(|error| CodeError::Rejected(format!("{error:#}")))
        });
        self.verdicts().insert(*code, verdict.clone());
        verdict
    }

    fn verdicts(&self) -> std::sync::MutexGuard<'_, HashMap<Cid, Result<(), CodeError>>> {
        self.0
            .verdicts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn pool(&self, network: &NetworkConfig) -> Result<EnginePool, VmError> {
        let compilers = self
            .compilers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        // The FVM aborts by panic when it cannot reserve its memories.
        catch_unwind(AssertUnwindSafe(|| compilers.get(network)))
            .unwrap_or_else(|_| Err(anyhow!("the Wasm engine panicked")))
            .context("cannot set up the Wasm engine")
            .map_err(VmError::Fatal)
    }

    /// The compiled modules of the network version that a normal node runs.
    fn default_pool(&self) -> Result<EnginePool, VmError> {
        self.pool(&NetworkConfig::new(NetworkVersion::V28))
    }
}

fn compilers(options: &EngineOptions) -> MultiEngine {
    // One more for the preloader.
    MultiEngine::new(options.concurrency.get().saturating_add(1))
}

#[cfg(test)]
mod tests;
