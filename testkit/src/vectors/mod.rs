//! Recorded scenarios, played on our machines.
//!
//! A vector says for each message what the actors on chain did: exit code, return
//! value, events, the tree of calls and every changed actor. Playing it compares
//! all of that and then the state root, so nothing may change unrecorded. The
//! format and where the files come from: `testkit/vectors/README.md`.
//!
//! | module | answers |
//! |---|---|
//! | [`format`] | what stands in a file |
//! | [`substitutes`] | what stood in for proofs, randomness and the chain |
//! | [`needs`] | which actors a vector runs |
//! | [`play`] | how its steps become calls to a machine |
//! | [`compare`] | what is not as recorded |
//! | `watch` | whether the state stays in order |
//! | [`names`] | how that is put into words |
//!
//! Start at [`Runner`].

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use boatyard_bundle::Bundle;
use boatyard_sdk::{NetworkVariant, Type};
use boatyard_vm::engine::{CodeMap, Engine, EngineOptions, MachineKind};

pub mod compare;
pub mod format;
pub mod names;
pub mod needs;
pub mod play;
pub mod substitutes;
mod watch;

use format::Vector;
use names::{Descriptions, descriptions};
use play::{Disorder, Failure, play};
use substitutes::code_cid;

/// Differences of one step that are shown; the first one says most.
const SHOWN_DIFFERENCES: usize = 8;

/// What came of a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VectorOutcome {
    /// Everything was as recorded.
    Passed {
        /// How many messages were compared.
        messages: usize,
        /// Where the invariants ask for more than the recorded state keeps.
        disorders: Vec<Disorder>,
    },
    /// A step was not, or the file could not be used.
    Failed(Box<Failure>),
    /// It runs actors that are not written yet.
    Skipped {
        /// Their types.
        missing: Vec<Type>,
    },
}

impl fmt::Display for VectorOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VectorOutcome::Passed {
                messages,
                disorders,
            } => {
                let plural = if *messages == 1 { "" } else { "s" };
                write!(f, "passed, {messages} message{plural}")?;
                for disorder in disorders {
                    write!(f, "\n    as recorded, but out of order after {disorder}")?;
                }
                Ok(())
            }
            VectorOutcome::Failed(failure) => write!(f, "FAILED at {failure}"),
            VectorOutcome::Skipped { missing } => {
                let names: Vec<_> = missing.iter().map(|kind| kind.name()).collect();
                write!(f, "skipped, no {} yet", names.join(", "))
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {}", self.step, self.title)?;
        for difference in self.differences.iter().take(SHOWN_DIFFERENCES) {
            let text = difference.to_string().replace('\n', "\n    ");
            write!(f, "\n    {text}")?;
        }
        match self.differences.len().saturating_sub(SHOWN_DIFFERENCES) {
            0 => Ok(()),
            more => write!(f, "\n    and {more} more differences"),
        }
    }
}

impl fmt::Display for Disorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {}", self.step, self.title)?;
        for violation in &self.violations {
            write!(f, "\n      {violation}")?;
        }
        Ok(())
    }
}

/// How many vectors passed, failed and were skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Everything as recorded.
    pub passed: usize,
    /// Something was not.
    pub failed: usize,
    /// Not run.
    pub skipped: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Plays vectors on machines of one kind. Engines are shared between vectors, so
/// that Wasm compiles once.
pub struct Runner {
    kind: MachineKind,
    descriptions: Descriptions,
    engines: Mutex<BTreeMap<NetworkVariant, Arc<OnceLock<Engine>>>>,
}

impl Runner {
    /// Nothing compiled yet.
    pub fn new(kind: MachineKind) -> Self {
        Self {
            kind,
            descriptions: descriptions(),
            engines: Mutex::default(),
        }
    }

    /// Plays one file.
    pub fn run_vector(&self, path: &Path) -> VectorOutcome {
        let vector = match Vector::load(path) {
            Ok(vector) => vector,
            Err(error) => {
                return VectorOutcome::Failed(Box::new(Failure {
                    step: 0,
                    title: error.to_string(),
                    differences: Vec::new(),
                }));
            }
        };
        let policy = vector.pre.policy.0;
        let missing: Vec<Type> = needs::types_run(&vector)
            .into_iter()
            .filter(|kind| !is_written(policy, *kind))
            .collect();
        if !missing.is_empty() {
            return VectorOutcome::Skipped { missing };
        }
        let engine = self.engine(policy);
        let open = |store, root, context| engine.open(self.kind, store, root, context);
        match play(&vector, &self.descriptions, &open) {
            Ok(disorders) => VectorOutcome::Passed {
                messages: vector.messages(),
                disorders,
            },
            Err(failure) => VectorOutcome::Failed(Box::new(failure)),
        }
    }

    /// Plays every `.json.zst` of a directory on `threads` threads. Writes a line
    /// per vector, in the order of their names, and last the [`Summary`] alone on
    /// a line.
    ///
    /// # Errors
    /// When the directory cannot be read or `out` cannot be written.
    pub fn run_dir(
        &self,
        dir: &Path,
        threads: NonZeroUsize,
        out: &mut dyn Write,
    ) -> io::Result<Summary> {
        let paths = vector_files(dir)?;
        let next = AtomicUsize::new(0);
        let mut summary = Summary::default();
        std::thread::scope(|scope| -> io::Result<()> {
            let (sender, results) = channel();
            for _ in 0..threads.get().min(paths.len()) {
                let (sender, paths, next) = (sender.clone(), &paths, &next);
                scope.spawn(move || {
                    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                        // Nobody listens any more after an error of `out`.
                        if sender.send((path, self.run_vector(path))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let mut early = BTreeMap::new();
            let mut expected = paths.iter();
            let mut due = expected.next();
            for (path, outcome) in results {
                early.insert(path, outcome);
                while let Some(outcome) = due.and_then(|path| early.remove(path)) {
                    if let Some(path) = due {
                        writeln!(out, "{}: {outcome}", name(path))?;
                    }
                    match outcome {
                        VectorOutcome::Passed { .. } => summary.passed += 1,
                        VectorOutcome::Failed(_) => summary.failed += 1,
                        VectorOutcome::Skipped { .. } => summary.skipped += 1,
                    }
                    due = expected.next();
                }
            }
            Ok(())
        })?;
        writeln!(out, "{summary}")?;
        Ok(summary)
    }

    fn engine(&self, policy: NetworkVariant) -> Engine {
        let slot = self
            .engines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(policy)
            .or_default()
            .clone();
        slot.get_or_init(|| {
            Engine::new(EngineOptions {
                code: code_map(policy),
                policy,
                ..Default::default()
            })
        })
        .clone()
    }
}

/// The vectors of a directory, ordered by name.
///
/// # Errors
/// When the directory cannot be read.
pub fn vector_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path
            .to_str()
            .is_some_and(|path| path.ends_with(".json.zst"))
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The file's name without its endings.
pub fn name(path: &Path) -> &str {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name.strip_suffix(".json.zst").unwrap_or(name)
}

/// Whether the bundle has code of its own for this type.
pub fn is_written(policy: NetworkVariant, kind: Type) -> bool {
    !Bundle::embedded(policy)
        .missing()
        .iter()
        .any(|name| name == kind.name())
}

/// Our modules under the code CIDs of the recordings.
fn code_map(policy: NetworkVariant) -> CodeMap {
    let bundle = Bundle::embedded(policy);
    let mut map =
        CodeMap::default().with_builtin_actors(Type::ALL.map(|kind| (kind.name(), code_cid(kind))));
    for kind in Type::ALL {
        if let Some(wasm) = bundle.code(kind.name()).and_then(|code| bundle.wasm(&code)) {
            map = map.with_module(code_cid(kind), wasm);
        }
    }
    map
}
