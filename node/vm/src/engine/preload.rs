//! Compiling ahead without being in the way.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use tracing::{debug, warn};

use super::Inner;
use super::overlay::{Faults, OverlayStore};
use crate::store::SharedStore;

/// How long no message must have been applied before a module is begun, so that
/// none falls into the gap between two messages of a tipset. It decides when
/// something is compiled, never what comes out.
const QUIET: Duration = Duration::from_millis(20);

/// How many messages are being applied right now.
#[derive(Default)]
pub(super) struct Traffic {
    active: Mutex<usize>,
    changed: Condvar,
}

/// Somebody applies a message.
pub(crate) struct AtWork<'a>(&'a Traffic);

impl Traffic {
    pub(super) fn enter(&self) -> AtWork<'_> {
        *self.active() += 1;
        self.changed.notify_all();
        AtWork(self)
    }

    /// Waits until nothing was applied for [`QUIET`].
    fn wait_until_quiet(&self) {
        let mut active = self.active();
        loop {
            active = self
                .changed
                .wait_while(active, |active| *active > 0)
                .unwrap_or_else(PoisonError::into_inner);
            let (guard, waited) = self
                .changed
                .wait_timeout_while(active, QUIET, |active| *active == 0)
                .unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() {
                return;
            }
            active = guard;
        }
    }

    fn active(&self) -> MutexGuard<'_, usize> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        *self.0.active() -= 1;
        self.0.changed.notify_all();
    }
}

/// What is to be compiled.
#[derive(Default)]
pub(super) struct Preloader {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(SharedStore, Cid)>,
    running: bool,
}

impl Preloader {
    /// Whether something waits or is being compiled.
    #[cfg(test)]
    pub(super) fn is_busy(&self) -> bool {
        self.queue().running
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts codes into the queue and sees to it that somebody works on it.
pub(super) fn start(engine: &Arc<Inner>, store: SharedStore, codes: impl IntoIterator<Item = Cid>) {
    let mut queue = engine.preloader.queue();
    queue
        .waiting
        .extend(codes.into_iter().map(|code| (store.clone(), code)));
    if queue.running || queue.waiting.is_empty() {
        return;
    }
    let engine = Arc::downgrade(engine);
    match std::thread::Builder::new()
        .name("boatyard-preload".into())
        // Compilers recurse over the module.
        .stack_size(64 << 20)
        .spawn(move || work(&engine))
    {
        Ok(_) => queue.running = true,
        // Then everything compiles when it is first called.
        Err(error) => warn!("actors are not compiled ahead, no thread: {error}"),
    }
}

fn work(engine: &Weak<Inner>) {
    // Between modules nothing keeps the engine alive.
    while let Some(engine) = engine.upgrade() {
        let next = {
            let mut queue = engine.preloader.queue();
            let next = queue.waiting.pop_front();
            queue.running = next.is_some();
            next
        };
        let Some((base, code)) = next else { return };
        engine.traffic.wait_until_quiet();
        let store = OverlayStore {
            base,
            code: engine.code.clone(),
            faults: Arc::<Faults>::default(),
        };
        if !store.has(&code).unwrap_or(false) {
            debug!("no code {code} to compile ahead");
            continue;
        }
        let compiled = engine
            .default_pool()
            .map(|pool| pool.acquire().preload(&code, &store));
        match compiled {
            Ok(Ok(size)) => debug!("compiled {code}, {size} bytes"),
            Ok(Err(error)) => warn!("actor code {code} does not compile: {error:#}"),
            Err(error) => warn!("actors are not compiled ahead: {error}"),
        }
    }
}
