//! `boatyard provider`

use std::path::PathBuf;

use boatyard_abi::format_amount;
use clap::{Args, Subcommand, ValueEnum};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::SectorNumber;
use serde_json::{Value, json};

use crate::actor;
use crate::args::Global;
use crate::commands::deal::offer::Parcel;
use crate::failure::Failure;
use crate::message::people_amount;
use crate::output::{Output, grouped, lines, printable, say, table};
use crate::provider::{Provider, ProviderArgs, listed};
use crate::rpc::Rpc;

/// Storage providers of a node: what they do, and what goes wrong with them.
///
/// What happens to them is real: files that are gone cannot be proven, proofs that are
/// missing make sectors faulty, and the chain takes its fees. Let time pass with
/// `boatyard warp` and look with `boatyard miner faults`.
#[derive(Debug, Args)]
pub struct ProviderCommandArgs {
    #[command(subcommand)]
    command: ProviderCommand,
}

#[derive(Debug, Subcommand)]
enum ProviderCommand {
    List(ListArgs),
    Sectors(SectorsArgs),
    Stop(StopArgs),
    Resume(ResumeArgs),
    SkipPost(SkipPostArgs),
    BadProof(BadProofArgs),
    LoseSector(LoseArgs),
    CorruptSector(CorruptArgs),
    RestoreSector(RestoreArgs),
    Pledge(PledgeArgs),
    Extend(ExtendArgs),
    Terminate(TerminateArgs),
    DoubleSign(DoubleSignArgs),
    Redeem(RedeemArgs),
}

/// List the node's storage providers, where they serve their clients, and their prices.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider list
  boatyard provider list --json | jq -r '.[0].url'")]
struct ListArgs {}

/// List a provider's sectors: on chain, and its files of them.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider sectors
  boatyard provider sectors --provider f01001")]
struct SectorsArgs {
    #[command(flatten)]
    provider: ProviderArgs,
}

/// Have a provider do nothing any more, not even prove.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider stop
  boatyard provider stop --provider f01001")]
struct StopArgs {
    #[command(flatten)]
    provider: ProviderArgs,
}

/// Have a provider go on that was stopped.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider resume")]
struct ResumeArgs {
    #[command(flatten)]
    provider: ProviderArgs,
}

/// Have a provider send no Window PoSts, until it is switched off again.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider skip-post
  boatyard provider skip-post off")]
struct SkipPostArgs {
    /// Whether it skips them
    #[arg(value_enum, default_value_t = Switch::On)]
    switch: Switch,

    #[command(flatten)]
    provider: ProviderArgs,
}

/// Have a provider spoil a bit of every Window PoSt, until it is switched off again.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider bad-proof
  boatyard provider bad-proof off")]
struct BadProofArgs {
    /// Whether it spoils them
    #[arg(value_enum, default_value_t = Switch::On)]
    switch: Switch,

    #[command(flatten)]
    provider: ProviderArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// From now on
    On,
    /// Not any more
    Off,
}

/// Delete a sector's files; it cannot be proven any more.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider lose-sector 3")]
struct LoseArgs {
    /// Number of the sector
    sector: SectorNumber,

    #[command(flatten)]
    provider: ProviderArgs,
}

/// Change a byte of a sealed sector. The provider finds out when it has to prove it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider corrupt-sector 3")]
struct CorruptArgs {
    /// Number of the sector
    sector: SectorNumber,

    #[command(flatten)]
    provider: ProviderArgs,
}

/// Seal a sector again whose files are lost or corrupt, so that it can recover.
///
/// A provider keeps no copy of what it sealed: files that were stored in the sector
/// are handed in again.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider restore-sector 0                    without data
  boatyard provider restore-sector 3 --file mars.jpg    what `boatyard deal make` stored")]
struct RestoreArgs {
    /// Number of the sector
    sector: SectorNumber,

    /// A file that was stored in it
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,

    #[command(flatten)]
    provider: ProviderArgs,
}

/// Have a provider seal committed capacity: sectors without data.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider pledge
  boatyard provider pledge --count 2 --non-interactive")]
struct PledgeArgs {
    /// How many sectors
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,

    /// By non-interactive proofs, without announcing them
    #[arg(long)]
    non_interactive: bool,

    /// The epoch in which they end [default: as late as the provider likes]
    #[arg(long, value_name = "EPOCH")]
    expiration: Option<ChainEpoch>,

    #[command(flatten)]
    provider: ProviderArgs,
}

/// Have a provider let a sector live longer.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider extend 3 --expiration 2000000")]
struct ExtendArgs {
    /// Number of the sector
    sector: SectorNumber,

    /// The epoch in which it ends from now on
    #[arg(long, value_name = "EPOCH")]
    expiration: ChainEpoch,

    #[command(flatten)]
    provider: ProviderArgs,
}

/// Have a provider end a sector before its time.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider terminate 3")]
struct TerminateArgs {
    /// Number of the sector
    sector: SectorNumber,

    #[command(flatten)]
    provider: ProviderArgs,
}

/// Have a provider sign two blocks of one epoch, and report it: a consensus fault.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider double-sign --provider f01001")]
struct DoubleSignArgs {
    #[command(flatten)]
    provider: ProviderArgs,
}

/// Have a provider redeem the vouchers that it was paid with for retrievals: the best one
/// of each lane. Who is paid gets the money when the channel is closed.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard provider redeem
  boatyard provider redeem --channel f01005")]
struct RedeemArgs {
    /// Of this payment channel only
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,

    #[command(flatten)]
    provider: ProviderArgs,
}

/// Runs the command.
///
/// # Errors
/// There is no such provider, or it refuses.
pub fn run(global: &Global, args: ProviderCommandArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    let control = |provider: &ProviderArgs, path: &str, body: Value| {
        let provider = Provider::only(&rpc, provider)?;
        let said = provider.post(&format!("/control/{path}"), &body)?;
        say_answer(output, &said);
        Ok(())
    };
    let sector = |number: SectorNumber| json!({ "sector": number });
    let switch = |switch: Switch| json!({ "on": switch == Switch::On });
    match args.command {
        ProviderCommand::List(_) => list(&rpc, output),
        ProviderCommand::Sectors(args) => sectors(&rpc, output, &args),
        ProviderCommand::Stop(args) => control(&args.provider, "stop", json!({})),
        ProviderCommand::Resume(args) => control(&args.provider, "resume", json!({})),
        ProviderCommand::SkipPost(args) => {
            control(&args.provider, "skip-post", switch(args.switch))
        }
        ProviderCommand::BadProof(args) => {
            control(&args.provider, "bad-proof", switch(args.switch))
        }
        ProviderCommand::LoseSector(args) => {
            control(&args.provider, "lose-sector", sector(args.sector))
        }
        ProviderCommand::CorruptSector(args) => {
            control(&args.provider, "corrupt-sector", sector(args.sector))
        }
        ProviderCommand::RestoreSector(args) => restore(&rpc, output, &args),
        ProviderCommand::Pledge(args) => {
            let body = json!({
                "count": args.count,
                "non_interactive": args.non_interactive,
                "expiration": args.expiration,
            });
            control(&args.provider, "pledge", body)
        }
        ProviderCommand::Extend(args) => {
            let mut body = sector(args.sector);
            body["expiration"] = json!(args.expiration);
            control(&args.provider, "extend", body)
        }
        ProviderCommand::Terminate(args) => {
            control(&args.provider, "terminate", sector(args.sector))
        }
        ProviderCommand::DoubleSign(args) => control(&args.provider, "double-sign", json!({})),
        ProviderCommand::Redeem(args) => redeem(&rpc, output, &args),
    }
}

fn redeem(rpc: &Rpc, output: Output, args: &RedeemArgs) -> Result<(), Failure> {
    let provider = Provider::only(rpc, &args.provider)?;
    let channel = args.channel.as_deref().map(actor::address).transpose()?;
    let which = json!({ "channel": channel.map(|channel| channel.to_string()) });
    let said = provider.post("/vouchers/redeem", &which)?;
    output.result(&said, || {
        let rows = said["redeemed"].as_array().cloned().unwrap_or_default();
        if rows.is_empty() {
            return output.hint("there is nothing to redeem that was not redeemed before");
        }
        let text = |value: &Value| printable(value.as_str().unwrap_or_default());
        let cells = rows.iter().map(|row| {
            let amount = people_amount(&text(&row["amount"]));
            vec![
                text(&row["channel"]),
                row["lane"].to_string(),
                amount,
                text(&row["message"]),
            ]
        });
        table(&["channel", "lane", "in all", "message"], cells.collect());
    });
    Ok(())
}

fn restore(rpc: &Rpc, output: Output, args: &RestoreArgs) -> Result<(), Failure> {
    let provider = Provider::only(rpc, &args.provider)?;
    for file in &args.file {
        let mut parcel = Parcel::pack(file)?;
        parcel.fit(&provider.about()?)?;
        parcel.hand_in(&provider)?;
    }
    let said = provider
        .post("/control/restore-sector", &json!({ "sector": args.sector }))
        .map_err(|failure| match args.file.is_empty() {
            true => failure.help("--file FILE hands a file in again that was stored in it"),
            false => failure,
        })?;
    say_answer(output, &said);
    Ok(())
}

/// What a provider answers to a wish, as it is.
fn say_answer(output: Output, said: &Value) {
    output.result(said, || {
        for line in lines(said) {
            say!("{line}");
        }
    });
}

fn list(rpc: &Rpc, output: Output) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut cells = Vec::new();
    for entry in listed(rpc)? {
        // One that does not answer is listed all the same.
        let about = Provider::at(&entry.url, rpc.timeout())?.about().ok();
        let price = about.as_ref().map(|about| &about.ask.price_per_gib_epoch);
        rows.push(json!({
            "miner": entry.miner.to_string(),
            "worker": entry.worker,
            "url": entry.url,
            "sector_size": entry.sector_size,
            "stopped": entry.stopped,
            "price_per_gib_epoch": price.map(|price| price.atto().to_string()),
        }));
        cells.push(vec![
            entry.miner.to_string(),
            printable(&entry.url),
            grouped(entry.sector_size),
            if entry.stopped { "stopped" } else { "works" }.to_owned(),
            price.map_or_else(|| "-".to_owned(), format_amount),
        ]);
    }
    output.result(&Value::Array(rows), || {
        if cells.is_empty() {
            return output.hint("none; `boatyard node --providers 1` starts a node with one");
        }
        let head = ["miner", "url", "sector size", "state", "a GiB and epoch"];
        table(&head, cells);
    });
    Ok(())
}

fn sectors(rpc: &Rpc, output: Output, args: &SectorsArgs) -> Result<(), Failure> {
    let provider = Provider::only(rpc, &args.provider)?;
    let rows: Vec<Value> = provider.get("/sectors")?;
    output.result(&Value::Array(rows.clone()), || {
        let columns = [
            "sector",
            "state",
            "files",
            "deadline",
            "partition",
            "activation",
            "expiration",
            "error",
        ];
        let cell = |value: &Value| match value {
            Value::String(text) => printable(text),
            Value::Null => "-".into(),
            other => other.to_string(),
        };
        let cells = rows
            .iter()
            .map(|row| columns.iter().map(|column| cell(&row[*column])).collect());
        table(&columns, cells.collect());
    });
    Ok(())
}
