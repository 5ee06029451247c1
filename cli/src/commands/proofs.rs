//! `boatyard proofs`, and where the proof libraries keep what they make once.

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use boatyard_proofs::groth16::setup::{self, Part, Progress};
use boatyard_proofs::settings;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::args::Global;
use crate::failure::Failure;
use crate::output::say;

/// Names the directory in place of the user's cache.
const VARIABLE: &str = "BOATYARD_CACHE";

/// Parameters for proofs that are compressed as on mainnet.
#[derive(Debug, Args)]
pub struct ProofsArgs {
    #[command(subcommand)]
    command: ProofsCommand,
}

#[derive(Debug, Subcommand)]
enum ProofsCommand {
    Setup(SetupArgs),
}

/// Make the Groth16 parameters for sectors of 2 KiB.
///
/// Takes about ten minutes on two processor cores, 3 GB of memory and 1.8 GB on disk,
/// once; parts that are there already are kept. Nothing is downloaded. Everybody can
/// make the same parameters and forge proofs with them: they are for rehearsals.
/// `boatyard node --proofs groth16` uses them.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
struct SetupArgs {
    /// Only say what is there and what is missing
    #[arg(long)]
    check: bool,
}

const EXAMPLES: &str = "\
Examples:
  boatyard proofs setup
  boatyard proofs setup --check
  BOATYARD_CACHE=/mnt/large boatyard proofs setup

They are kept in BOATYARD_CACHE or, without it, in the user's cache directory.";

/// Runs the command.
///
/// # Errors
/// Parameters cannot be made, or are missing when that was the question.
pub fn run(global: &Global, args: ProofsArgs) -> Result<(), Failure> {
    match args.command {
        ProofsCommand::Setup(args) => run_setup(global, &args),
    }
}

fn run_setup(global: &Global, args: &SetupArgs) -> Result<(), Failure> {
    use_cache()?;
    if args.check {
        return check(global);
    }
    let bar = bar(global);
    let mut done = 0;
    let mut moving = None;
    let made = setup::make(&Part::ALL, |progress| match progress {
        Progress::Present(part) => {
            done += part.seconds();
            bar.set_position(done);
        }
        Progress::Started(part) => {
            bar.set_message(part.name());
            moving = Some(Moving::start(bar.clone(), done, part.seconds()));
        }
        Progress::Made(part, took) => {
            drop(moving.take());
            done += part.seconds();
            bar.set_position(done);
            if !global.json && !global.quiet {
                bar.suspend(|| say!("{:<16}{:>6} s", part.name(), took.as_secs()));
            }
        }
    });
    drop(moving);
    made.map_err(|error| {
        bar.abandon();
        Failure::new("the parameters could not be made")
            .because(error)
            .help("what is complete is kept; the command goes on from there")
    })?;
    bar.finish_and_clear();
    check(global)
}

/// Moves the bar while a part is made, which takes minutes without a sign of life: by
/// the time that it usually takes, and not quite to its end.
struct Moving {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Moving {
    fn start(bar: ProgressBar, done: u64, seconds: u64) -> Self {
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let mut elapsed = 0;
            while stopped.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                elapsed += 1;
                bar.set_position(done + elapsed.min(seconds * 19 / 20));
            }
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only draws; if that panicked, the work goes on all the same.
            let _ = thread.join();
        }
    }
}

fn bar(global: &Global) -> ProgressBar {
    let total = Part::ALL.iter().map(|part| part.seconds()).sum();
    let bar = ProgressBar::new(total);
    if global.json || global.quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{spinner} {bar:30} {elapsed_precise}  {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn check(global: &Global) -> Result<(), Failure> {
    let missing = setup::missing();
    let directory = settings::parameters()
        .map_err(|error| Failure::new("the parameters cannot be found").because(error))?;
    let names = |wanted: bool| -> Vec<&str> {
        Part::ALL
            .into_iter()
            .filter(|part| missing.contains(part) == wanted)
            .map(Part::name)
            .collect()
    };
    if global.json {
        say!(
            "{}",
            json!({
                "directory": directory,
                "present": names(false),
                "missing": names(true),
            })
        );
    } else {
        for part in Part::ALL {
            let state = match missing.contains(&part) {
                true => "missing",
                false => "ready",
            };
            say!("{:<16}{state}", part.name());
        }
        say!("in {}", directory.display());
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Failure::new("parameters are missing")
            .help("`boatyard proofs setup` makes them, in about ten minutes")),
    }
}

/// Points the proof libraries to the user's cache directory. To be called while the
/// process has one thread.
///
/// # Errors
/// The directory cannot be used.
pub fn use_cache() -> Result<(), Failure> {
    let directory = cache_directory().join("proofs");
    settings::use_directory(&directory).map_err(|error| {
        Failure::new("the proof libraries cannot keep their files")
            .because(error)
            .help("BOATYARD_CACHE=DIRECTORY chooses another place for them")
    })
}

fn cache_directory() -> PathBuf {
    let named = |variable| std::env::var_os(variable).filter(|path| !path.is_empty());
    named(VARIABLE)
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(named("XDG_CACHE_HOME")?).join("boatyard")))
        .or_else(|| Some(PathBuf::from(named("HOME")?).join(".cache/boatyard")))
        .unwrap_or_else(|| std::env::temp_dir().join("boatyard"))
}
