//! `boatyard check`

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use boatyard_actors_shared::REWARD_ACTOR_ID;
use boatyard_chain::{BlockHeader, ChainFile, DumpedState};
use boatyard_invariants::{Report, Surroundings, Total, Unit};
use boatyard_sdk::NetworkVariant;
use boatyard_vm::state::StateTree;
use boatyard_vm::store::SharedStore;
use cid::Cid;
use clap::Args;
use console::style;
use flate2::bufread::GzDecoder;
use fvm_ipld_blockstore::Blockstore as _;
use fvm_ipld_car::load_car;
use fvm_ipld_encoding::CborStore as _;
use fvm_shared::clock::ChainEpoch;
use serde_json::{Value, json};

use super::node::NetworkName;
use super::state::block_param;
use crate::args::Global;
use crate::failure::Failure;
use crate::message::people_amount;
use crate::output::{Output, printable, say, table};

/// Check a state: does everything hold that must hold?
///
/// Looks at every built-in actor's state by itself and at all of them together: money,
/// addresses, power, pledge, deals, datacap. Whatever does not hold is listed, and the
/// command ends with exit code 1.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct CheckArgs {
    /// The state after this block: number, hash, or latest
    #[arg(long, value_name = "BLOCK", default_value = "latest")]
    block: String,

    /// Check the newest state in the data directory of a node that does not run
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["car", "block"])]
    data_dir: Option<PathBuf>,

    /// Check a state in a file: a snapshot of a chain or a single state as CAR,
    /// packed or not, or what anvil_dumpState answered
    #[arg(long, value_name = "FILE", conflicts_with = "block")]
    car: Option<PathBuf>,

    /// Whose policy the actors follow [default: the node's, devnet for files]
    #[arg(long, value_enum)]
    network: Option<NetworkName>,
}

const EXAMPLES: &str = "\
Examples:
  boatyard check                                 the newest state of the node
  boatyard check --block 12
  boatyard check --data-dir ~/devnet             of a node that was stopped
  boatyard check --car snapshot.car --network calibration
  boatyard check --json | jq '.violations[].text'";

/// Runs the command.
///
/// # Errors
/// Something does not hold, or there is no such state.
pub fn run(global: &Global, args: CheckArgs) -> Result<(), Failure> {
    let report = match (&args.data_dir, &args.car) {
        (Some(directory), _) => of_directory(directory, args.network)?,
        (None, Some(file)) => of_file(file, args.network)?,
        (None, None) => of_node(global, &args)?,
    };
    show(global.output(), &report);
    match report.violations.len() {
        0 => Ok(()),
        1 => Err(broken("one thing does not hold")),
        count => Err(broken(&format!("{count} things do not hold"))),
    }
}

fn broken(what: &str) -> Failure {
    Failure::new(what).help(
        "was the state edited from outside? If not, an actor or the machine has a fault: \
         `boatyard check --block N` finds the first block after which it shows",
    )
}

fn of_node(global: &Global, args: &CheckArgs) -> Result<Report, Failure> {
    let rpc = global.rpc()?;
    let network = args
        .network
        .map(|network| NetworkVariant::from(network).name());
    let spinner = global.output().spinner("the node looks at its state");
    let report = rpc.call(
        "boatyard_check",
        [block_param(&args.block)?, json!(network)],
    );
    spinner.finish_and_clear();
    Ok(report?)
}

fn of_directory(directory: &Path, network: Option<NetworkName>) -> Result<Report, Failure> {
    let shown = directory.display();
    if !directory.join(boatyard_chain::disk::CHAIN_FILE).is_file() {
        return Err(Failure::new(format!("there is no chain in {shown}"))
            .help("name the directory that the node was given with --data-dir"));
    }
    let unreadable =
        |error| Failure::new(format!("the chain in {shown} cannot be read")).because(error);
    let file = ChainFile::open(directory).map_err(unreadable)?;
    let newest = file.newest().map_err(unreadable)?;
    let (epoch, root) =
        newest.ok_or_else(|| Failure::new(format!("the chain in {shown} has not begun")))?;
    Ok(check(&file.store(), &root, epoch, network))
}

fn of_file(path: &Path, network: Option<NetworkName>) -> Result<Report, Failure> {
    let shown = path.display();
    let unreadable =
        |error: io::Error| Failure::new(format!("{shown} cannot be read")).because(error);
    let file = File::open(path).map_err(unreadable)?;
    let car = unpacked(BufReader::new(file)).map_err(unreadable)?;
    let store = SharedStore::memory();
    let roots = load_car(&store, car).map_err(|error| {
        Failure::new(format!("{shown} is no CAR file, or a damaged one")).because(error)
    })?;
    let found = roots.iter().find_map(|root| state_below(&store, root));
    let (epoch, root) = found.ok_or_else(|| {
        Failure::new(format!("there is no state in {shown}")).why(
            "its root is neither a state, nor a block of a chain, nor a state that a node dumped",
        )
    })?;
    Ok(check(&store, &root, epoch, network))
}

/// What is in a file that may be packed by zstd, as snapshots of networks are, or by
/// gzip and written in hexadecimal, as `anvil_dumpState` answers.
fn unpacked(mut file: impl BufRead + 'static) -> io::Result<Box<dyn Read>> {
    let start = file.fill_buf()?;
    if start.starts_with(b"\"") || start.starts_with(b"0x") {
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let digits = text.trim().trim_matches('"').trim_start_matches("0x");
        let bytes = hex::decode(digits).map_err(io::Error::other)?;
        return unpacked(io::Cursor::new(bytes));
    }
    Ok(match start {
        [0x1f, 0x8b, ..] => Box::new(GzDecoder::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::Decoder::with_buffer(file)?),
        _ => Box::new(file),
    })
}

/// The state that a root of a file leads to, and its epoch as far as it is known: a
/// dumped state, the state that a block was made on, or the root itself.
fn state_below(store: &SharedStore, root: &Cid) -> Option<(Option<ChainEpoch>, Cid)> {
    let block = store.get(root).ok()??;
    if let Some(dumped) = DumpedState::from_title(&block) {
        return Some((Some(dumped.epoch), dumped.root));
    }
    if let Ok(header) = fvm_ipld_encoding::from_slice::<BlockHeader>(&block) {
        let parent = header.parents.first()?;
        let parent: Option<BlockHeader> = store.get_cbor(parent).ok()?;
        return Some((
            Some(parent.map_or(0, |parent| parent.height)),
            header.parent_state_root,
        ));
    }
    StateTree::load(store.clone(), root).ok()?;
    Some((None, *root))
}

fn check(
    store: &SharedStore,
    root: &Cid,
    epoch: impl Into<Option<ChainEpoch>>,
    network: Option<NetworkName>,
) -> Report {
    let policy = network.map_or(NetworkVariant::Devnet, NetworkVariant::from);
    let epoch = epoch.into().or_else(|| epoch_of(store, root)).unwrap_or(0);
    let around = Surroundings::after_epoch(epoch, policy);
    boatyard_invariants::check(store, root, &around)
}

/// The epoch of a state by its reward actor, which is one ahead after every epoch.
fn epoch_of(store: &SharedStore, root: &Cid) -> Option<ChainEpoch> {
    let tree = StateTree::load(store.clone(), root).ok()?;
    let head = tree.actor(REWARD_ACTOR_ID).ok()??.state;
    let state: boatyard_reward::State = store.get_cbor(&head).ok()??;
    Some(state.epoch.saturating_sub(1).max(0))
}

fn show(output: Output, report: &Report) {
    let json = serde_json::to_value(report).unwrap_or(Value::Null);
    output.result(&json, || {
        say!("{} {}", style("state").cyan(), report.root);
        let kinds: Vec<String> = report
            .actors
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let count: u64 = report.actors.values().sum();
        say!("{} {count}: {}", style("actors").cyan(), kinds.join(", "));
        if !report.totals.is_empty() {
            say!("");
            let rows = report
                .totals
                .iter()
                .map(|total| vec![total.name.clone(), amount(total)]);
            table(&["total", ""], rows.collect());
        }
        say!("");
        if report.holds() {
            return say!("{}", style("everything holds").green());
        }
        let rows = report.violations.iter().map(|violation| {
            vec![
                violation.actor.map_or("-".into(), |id| format!("f0{id}")),
                violation.kind.clone().unwrap_or_else(|| "-".into()),
                printable(&violation.text).replace('\n', " "),
            ]
        });
        table(&["actor", "type", "does not hold"], rows.collect());
    });
}

fn amount(total: &Total) -> String {
    match total.unit {
        Unit::AttoFil => people_amount(&total.value),
        Unit::Bytes => format!("{} bytes", crate::output::grouped_text(&total.value)),
    }
}
