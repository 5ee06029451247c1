//! `boatyard deal`

use std::path::PathBuf;
use std::str::FromStr;

use boatyard_abi::parse_amount;
use clap::{Args, Subcommand, ValueEnum};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;

use crate::args::Global;
use crate::builtin::SendingArgs;
use crate::failure::Failure;
use crate::provider::ProviderArgs;

mod list;
mod make;
pub(super) mod offer;
mod progress;

/// Epochs in a day on chain.
const DAY: ChainEpoch = 2_880;

/// Storage deals: have a file kept by a storage provider.
#[derive(Debug, Args)]
pub struct DealArgs {
    #[command(subcommand)]
    command: DealCommand,
}

#[derive(Debug, Subcommand)]
enum DealCommand {
    Make(MakeArgs),
    Status(StatusArgs),
    List(ListArgs),
}

/// Have a file kept: offer a provider a deal, and wait until it is active.
///
/// The file becomes a UnixFS DAG in a CAR, which is the piece that is stored: it has
/// an IPFS CID for whoever wants the file, and a piece CID for the chain. What the deal
/// costs is put into the market first, from the sender's Filecoin address; the
/// provider then publishes the deal, seals the piece and proves it. On a node that
/// mines on demand epochs pass as they are needed.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard deal make mars.jpg
  boatyard deal make mars.jpg --duration 200d --price \"0.1 nanoFIL\" --provider f01001
  boatyard deal make mars.jpg --verified --from 1
  boatyard deal make mars.jpg --into committed-capacity
  boatyard deal make mars.jpg --json | tail -1 | jq -r .ipfs_cid")]
struct MakeArgs {
    /// The file
    file: PathBuf,

    #[command(flatten)]
    provider: ProviderArgs,

    /// What to pay for a GiB and epoch: "20 nanoFIL", or attoFIL [default: what the
    /// provider asks]
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, conflicts_with = "price_per_epoch")]
    price: Option<TokenAmount>,

    /// What to pay for the whole piece and epoch
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    price_per_epoch: Option<TokenAmount>,

    /// How long: 180d for days, 518400 for epochs
    #[arg(long, value_name = "TIME", default_value = "180d")]
    duration: Duration,

    /// Spend datacap of the sender's
    #[arg(long)]
    verified: bool,

    /// What kind of sector the file goes into
    #[arg(long, value_enum, default_value_t = Into::New)]
    into: Into,

    /// Do not wait until the deal is active
    #[arg(long)]
    no_wait: bool,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Kinds of sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Into {
    /// One that is sealed with the file in it
    New,
    /// One without data that is proven already (a replica update)
    CommittedCapacity,
}

impl Into {
    fn name(self) -> &'static str {
        match self {
            Into::New => "new",
            Into::CommittedCapacity => "committed-capacity",
        }
    }
}

/// Show how a deal is, by its number or by that of the order at its provider.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard deal status 7
  boatyard deal status order:3 --provider f01001")]
struct StatusArgs {
    /// Number of the deal, or order:N for one that is not published yet
    #[arg(value_name = "ID")]
    name: Name,

    #[command(flatten)]
    provider: ProviderArgs,
}

/// List deals, those that are not published yet included.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard deal list
  boatyard deal list --client f1…
  boatyard deal list --provider f01001")]
struct ListArgs {
    /// Of this client only
    #[arg(long, value_name = "ADDRESS")]
    client: Option<String>,

    #[command(flatten)]
    provider: ProviderArgs,
}

/// A deal or an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Deal(u64),
    Order(u64),
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = match text.strip_prefix("order:") {
            Some(number) => number.parse().map(Name::Order),
            None => text.parse().map(Name::Deal),
        };
        name.map_err(|_| "neither the number of a deal, 7, nor of an order, order:3".into())
    }
}

/// A time in epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Duration(ChainEpoch);

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = text.trim();
        let digits = words.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match words.get(digits.len()..).unwrap_or_default().trim() {
            "" | "e" | "epochs" => 1,
            "d" | "day" | "days" => DAY,
            other => {
                return Err(format!(
                    "`{other}` is no unit; write 180d or 518400 (epochs)"
                ));
            }
        };
        let number: Option<ChainEpoch> = digits.parse().ok().filter(|number| *number > 0);
        number
            .and_then(|number| number.checked_mul(unit))
            .map(Self)
            .ok_or_else(|| "not a time; write 180d or 518400 (epochs)".into())
    }
}

/// Runs the command.
///
/// # Errors
/// The file cannot be read, or nobody wants to keep it.
pub fn run(global: &Global, args: DealArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    match args.command {
        DealCommand::Make(args) => make::run(&rpc, output, &args),
        DealCommand::Status(args) => list::status(&rpc, output, &args),
        DealCommand::List(args) => list::run(&rpc, output, &args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days_or_epochs() {
        for (text, epochs) in [
            ("180d", 518_400),
            ("1 day", 2_880),
            ("518400", 518_400),
            ("7 epochs", 7),
        ] {
            assert_eq!(text.parse(), Ok(Duration(epochs)), "{text}");
        }
        for wrong in ["", "d", "0", "-5d", "5 weeks", "9223372036854775807d"] {
            assert!(wrong.parse::<Duration>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn deals_and_orders_are_told_apart() {
        assert_eq!("7".parse(), Ok(Name::Deal(7)));
        assert_eq!("order:3".parse(), Ok(Name::Order(3)));
        assert!("order:x".parse::<Name>().is_err());
    }
}
