//! Threads with the stack that the FVM needs.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow};

use crate::machine::VmError;

/// A message may nest 1024 calls, each with frames of Wasm and host. The FVM asks
/// for 64 MiB when optimised; unoptimised frames are several times as large. Only
/// touched pages cost memory.
const STACK_BYTES: usize = 512 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// Worker threads, as many as were ever busy at once.
#[derive(Default)]
pub(super) struct BigStacks {
    idle: Arc<Mutex<Vec<Sender<Job>>>>,
}

thread_local! {
    static ON_BIG_STACK: Cell<bool> = const { Cell::new(false) };
}

impl BigStacks {
    /// Runs `work` on a big stack and waits for it; right here if this is one.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, VmError> {
        if ON_BIG_STACK.get() {
            return catch_unwind(AssertUnwindSafe(work)).map_err(panicked);
        }
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let worker = match idle {
            Some(worker) => worker,
            None => spawn()?,
        };
        let (answer, answers) = channel();
        let (pool, me) = (Arc::downgrade(&self.idle), worker.clone());
        let job: Job = Box::new(move || {
            let outcome = catch_unwind(AssertUnwindSafe(work));
            // Ready for the next job before anybody hears of the end of this one.
            if let Some(pool) = pool.upgrade() {
                pool.lock().unwrap_or_else(PoisonError::into_inner).push(me);
            }
            // Nobody listens only if the caller was killed.
            let _ = answer.send(outcome);
        });
        worker.send(job).map_err(|_| gone())?;
        answers.recv().map_err(|_| gone())?.map_err(panicked)
    }
}

fn spawn() -> Result<Sender<Job>, VmError> {
    let (sender, jobs) = channel::<Job>();
    std::thread::Builder::new()
        .name("boatyard-vm".into())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            ON_BIG_STACK.set(true);
            // Ends when the engine drops its senders.
            while let Ok(job) = jobs.recv() {
                job();
            }
        })
        .context("cannot start a thread for the machine")
        .map_err(VmError::Fatal)?;
    Ok(sender)
}

fn gone() -> VmError {
    VmError::Fatal(anyhow!("the machine's thread is gone"))
}

fn panicked(panic: Box<dyn Any + Send>) -> VmError {
    let words = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(words), _) => words,
        (_, Some(words)) => words.as_str(),
        _ => "no message",
    };
    VmError::Fatal(anyhow!("panic: {words}"))
}
