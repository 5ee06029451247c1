//! `boatyard dev`

use std::num::NonZeroUsize;
use std::path::PathBuf;

use boatyard_testkit::vectors::{Runner, vector_files};
use boatyard_vm::engine::MachineKind;
use clap::{Args, Subcommand, ValueEnum};

use crate::args::Global;
use crate::failure::Failure;

/// Tools for the development of Boatyard itself.
#[derive(Debug, Args)]
pub struct DevArgs {
    #[command(subcommand)]
    command: DevCommand,
}

#[derive(Debug, Subcommand)]
enum DevCommand {
    Vectors(VectorsArgs),
}

/// Play recorded scenarios and compare everything with the recording.
///
/// Prints a line per vector; for a failure the step, what was recorded and what
/// came instead. The last line counts: N passed, N failed, N skipped. Vectors
/// that need actors which do not exist yet are skipped.
#[derive(Debug, Args)]
#[command(after_long_help = VECTORS_EXAMPLES)]
struct VectorsArgs {
    /// Folder with .json.zst files
    dir: PathBuf,

    /// Which machine executes the messages
    #[arg(long, value_enum, default_value_t = MachineName::Native)]
    machine: MachineName,

    /// How many vectors to play at the same time [default: one per processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

const VECTORS_EXAMPLES: &str = "\
Examples:
  boatyard dev vectors testkit/vectors
  boatyard dev vectors testkit/vectors --machine fvm --threads 1";

/// Machines by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MachineName {
    /// Actors as Rust in this process, without gas
    Native,
    /// Actors as Wasm on the FVM
    Fvm,
}

impl From<MachineName> for MachineKind {
    fn from(name: MachineName) -> Self {
        match name {
            MachineName::Native => MachineKind::Native,
            MachineName::Fvm => MachineKind::Fvm,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// A vector failed, or there are none.
pub fn run(global: &Global, args: DevArgs) -> Result<(), Failure> {
    match args.command {
        DevCommand::Vectors(args) => vectors(global, args),
    }
}

fn vectors(global: &Global, args: VectorsArgs) -> Result<(), Failure> {
    let shown = args.dir.display().to_string();
    let unreadable =
        |error: std::io::Error| Failure::new(format!("{shown} cannot be read")).because(error);
    if vector_files(&args.dir).map_err(unreadable)?.is_empty() {
        return Err(Failure::new(format!("there are no vectors in {shown}"))
            .help("vectors are files whose names end in .json.zst"));
    }
    let threads = args
        .threads
        .or_else(|| std::thread::available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN);
    let runner = Runner::new(args.machine.into());
    let mut lines = Vec::new();
    let summary = match global.json {
        true => runner.run_dir(&args.dir, threads, &mut lines),
        false => runner.run_dir(&args.dir, threads, &mut std::io::stdout().lock()),
    }
    .map_err(unreadable)?;
    global.output().result(
        &serde_json::json!({
            "passed": summary.passed,
            "failed": summary.failed,
            "skipped": summary.skipped,
            "lines": String::from_utf8_lossy(&lines).lines().collect::<Vec<_>>(),
        }),
        || {},
    );
    match summary.failed {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{failed} vectors failed"))),
    }
}
