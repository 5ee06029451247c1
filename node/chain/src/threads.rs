//! The threads of a chain: one that changes it, several that answer calls.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::config::MiningMode;
use crate::core::Core;
use crate::error::ChainError;
use crate::producer;

type Job = Box<dyn FnOnce(&Arc<Core>) + Send>;

/// Where to send work to.
pub(crate) struct Threads {
    /// `None` once stopped.
    queues: Mutex<Option<Queues>>,
    /// One per thread; completes when the thread has ended.
    ended: Mutex<Vec<oneshot::Receiver<()>>>,
}

#[derive(Clone)]
struct Queues {
    producer: Sender<Job>,
    calls: Sender<Job>,
}

/// Which threads do the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// The one that may change the chain.
    Producer,
    /// Those that only read it.
    Calls,
}

impl Threads {
    /// Starts the threads of a chain.
    pub fn start(core: &Arc<Core>) -> Result<Self, ChainError> {
        let (producer, producer_jobs) = mpsc::channel::<Job>();
        let (calls, call_jobs) = mpsc::channel::<Job>();
        let mut ended = vec![spawn("boatyard-chain", core, move |core| {
            produce(core, &producer_jobs);
        })?];
        let call_jobs = Arc::new(Mutex::new(call_jobs));
        for _ in 0..call_threads(core.config.call_threads) {
            let jobs = call_jobs.clone();
            ended.push(spawn("boatyard-call", core, move |core| {
                answer(core, &jobs)
            })?);
        }
        Ok(Self {
            queues: Mutex::new(Some(Queues { producer, calls })),
            ended: Mutex::new(ended),
        })
    }

    /// Has work done on one of the threads of a lane.
    pub async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&Arc<Core>) -> T + Send + 'static,
    ) -> Result<T, ChainError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |core| {
            // Whoever asked may have gone away: what changes the chain is done all the same,
            // what only reads is not.
            if lane == Lane::Calls && answer.is_closed() {
                return;
            }
            let _ = answer.send(work(core));
        });
        {
            let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            let queues = queues.as_ref().ok_or(ChainError::Stopped)?;
            let queue = match lane {
                Lane::Producer => &queues.producer,
                Lane::Calls => &queues.calls,
            };
            queue.send(job).map_err(|_| ChainError::Stopped)?;
        }
        match answered.await {
            Ok(outcome) => Ok(outcome),
            Err(_) if self.stopped() => Err(ChainError::Stopped),
            Err(_) => Err(ChainError::Crashed),
        }
    }

    /// Lets the threads end after the work at hand, and waits for them.
    pub async fn stop(&self, core: &Core) {
        core.announce_stop();
        *self.queues.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let ended = std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in ended {
            // An error means that the thread has ended without saying so.
            let _ = thread.await;
        }
    }

    fn stopped(&self) -> bool {
        self.queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }
}

fn call_threads(wanted: usize) -> usize {
    if wanted > 0 {
        return wanted;
    }
    std::thread::available_parallelism()
        .map_or(2, |cores| cores.get())
        .clamp(2, 16)
}

fn spawn(
    name: &str,
    core: &Arc<Core>,
    body: impl FnOnce(&Arc<Core>) + Send + 'static,
) -> Result<oneshot::Receiver<()>, ChainError> {
    let (end, ended) = oneshot::channel();
    let core = core.clone();
    let machines = core.machines.clone();
    std::thread::Builder::new()
        .name(name.into())
        .spawn(move || {
            // All its life where machines like to run: no job has to change threads for it.
            if let Err(error) = machines.run(Box::new(move || body(&core))) {
                tracing::error!(%error, "a thread of the chain ended badly");
            }
            let _ = end.send(());
        })
        .map_err(|error| ChainError::Config(format!("cannot start a thread: {error}")))?;
    Ok(ended)
}

/// Does the jobs of the producer, and makes a tipset whenever the interval is over.
fn produce(core: &Arc<Core>, jobs: &Receiver<Job>) {
    let mut timer: Option<(Duration, Instant)> = None;
    loop {
        let interval = match core.data().mode {
            MiningMode::Interval(interval) => Some(interval),
            MiningMode::OnMessage | MiningMode::OnRequest => None,
        };
        timer = interval.map(|interval| match timer {
            Some((same, due)) if same == interval => (same, due),
            _ => (interval, Instant::now() + interval),
        });
        let job = match timer {
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some((_, due)) => jobs.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match job {
            Ok(job) => perform(core, job),
            Err(RecvTimeoutError::Timeout) => {
                perform(
                    core,
                    Box::new(|core| {
                        if let Err(error) = producer::next(core) {
                            tracing::error!(%error, "no tipset was made");
                        }
                    }),
                );
                // Late ones are not made up for.
                timer = timer.map(|(interval, _)| (interval, Instant::now() + interval));
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn answer(core: &Arc<Core>, jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => perform(core, job),
            Err(_) => return,
        }
    }
}

/// Does a job where machines like to run. A panic ends the job, not the thread.
fn perform(core: &Arc<Core>, job: Job) {
    if core.stopping() {
        return;
    }
    let machines = core.machines.clone();
    let core = core.clone();
    let outcome = catch_unwind(AssertUnwindSafe(move || {
        machines.run(Box::new(move || job(&core)))
    }));
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "a request failed badly"),
        Err(_) => tracing::error!("a request panicked"),
    }
}
