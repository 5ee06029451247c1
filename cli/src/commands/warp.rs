//! `boatyard warp`

use clap::Args;
use console::style;
use serde::Deserialize;
use serde_json::json;

use crate::args::Global;
use crate::failure::Failure;
use crate::output::say;

/// Epochs in a day.
const DAY: u64 = 2_880;
/// Epochs in a step, between which the progress is shown.
const STEP: u64 = 7 * DAY;

/// Let time pass at once.
///
/// Cron runs in every epoch, and storage providers go on proving: a tipset is made
/// wherever one of them has something to send. The days are days on chain, of 2 880
/// epochs of 30 seconds.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct WarpArgs {
    /// So many epochs
    #[arg(long, value_name = "N", required_unless_present_any = ["to", "days"], conflicts_with_all = ["to", "days"])]
    epochs: Option<u64>,

    /// To this epoch
    #[arg(long, value_name = "EPOCH", conflicts_with = "days")]
    to: Option<u64>,

    /// So many days
    #[arg(long, value_name = "D")]
    days: Option<u64>,
}

const EXAMPLES: &str = "\
Examples:
  boatyard warp --days 180       half a year of a deal
  boatyard warp --epochs 60      one proving deadline
  boatyard warp --to 100000      to an epoch";

/// What the node answers.
#[derive(Debug, Deserialize)]
struct Advanced {
    epoch: u64,
}

/// Runs the command.
///
/// # Errors
/// The epoch has passed already; the node gives up on the way, where it stays.
pub fn run(global: &Global, args: WarpArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    let head: String = rpc.call("eth_blockNumber", [])?;
    let from = u64::from_str_radix(head.trim_start_matches("0x"), 16)
        .map_err(|error| Failure::new("the node's block number is none").because(error))?;
    let too_far = || Failure::new("that is further than epochs can be counted");
    let target = match (args.epochs, args.to, args.days) {
        (Some(epochs), _, _) => from.checked_add(epochs).ok_or_else(too_far)?,
        (_, Some(epoch), _) => epoch,
        (_, _, days) => days
            .unwrap_or_default()
            .checked_mul(DAY)
            .and_then(|epochs| from.checked_add(epochs))
            .ok_or_else(too_far)?,
    };
    if target < from {
        return Err(
            Failure::new(format!("the chain is at epoch {from}, past {target}"))
                .help("time goes back with evm_snapshot and evm_revert only"),
        );
    }
    let spinner = output.spinner(format!("epoch {from}"));
    let mut epoch = from;
    while epoch < target {
        let step = (target - epoch).min(STEP);
        let advanced: Advanced = rpc
            .call("boatyard_advance", [json!(step)])
            .map_err(|error| {
                Failure::from(error).context(format!("time stopped at epoch {epoch}"))
            })?;
        epoch = advanced.epoch;
        spinner.set_message(format!("epoch {epoch} of {target}"));
    }
    spinner.finish_and_clear();
    output.result(&json!({ "from": from, "epoch": epoch }), || {
        say!(
            "epoch {} {}",
            style(epoch).bold(),
            style(span(epoch - from)).dim()
        );
    });
    Ok(())
}

/// How long some epochs are, in words: whole days, or what is less than one.
fn span(epochs: u64) -> String {
    match (epochs / DAY, epochs) {
        (0, 1) => "one epoch later".into(),
        (0, _) => format!("{epochs} epochs later"),
        (1, _) => "one day later".into(),
        (days, _) => format!("{days} days later"),
    }
}
