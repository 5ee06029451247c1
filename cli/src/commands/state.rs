//! `boatyard state`

use clap::Args;
use console::style;
use serde_json::{Value, json};

use crate::actor::{self, address_text};
use crate::args::Global;
use crate::failure::Failure;
use crate::message::people_amount;
use crate::output::{lines, printable, say};

/// Look at an actor's state.
///
/// Fields have the names of the actor's source; maps and arrays show their first
/// entries. A path leads deeper: field names, keys of maps as people write them,
/// indexes, one after another or with slashes. State of actors that do not
/// describe themselves is shown as the CBOR it is.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct StateArgs {
    /// Address of the actor: f0…, f1…, f2…, f410f…, 0x…
    address: String,

    /// The way to a part of the state: balances f0101, or balances/f0101
    path: Vec<String>,

    /// Entries to show of the map or array that the path names
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,

    /// First entry to show: the `next` of the page before
    #[arg(long, value_name = "KEY")]
    start: Option<String>,

    /// Entries to show of each map or array inside; 0 shows links only
    #[arg(long, value_name = "N", default_value_t = 5)]
    inner_limit: usize,

    /// The state after this block: number, hash, or latest
    #[arg(long, value_name = "BLOCK", default_value = "latest")]
    block: String,
}

const EXAMPLES: &str = "\
Examples:
  boatyard state f01000                          all of it
  boatyard state f01 address_map                 a map, its first 50 entries
  boatyard state f01 address_map f410f…          one entry
  boatyard state f01 address_map --start f410f…  the next page
  boatyard state f01000 --block 12               as it was";

/// Runs the command.
///
/// # Errors
/// No such actor or part of its state.
pub fn run(global: &Global, args: StateArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    let address = actor::address(&args.address)?;
    let path: Vec<&str> = args
        .path
        .iter()
        .flat_map(|words| words.split('/'))
        .filter(|segment| !segment.is_empty())
        .collect();
    let options = json!({
        "limit": args.limit,
        "start": args.start,
        "inner_limit": args.inner_limit,
        "block": block_param(&args.block)?,
    });
    if actor::find(&rpc, &address)?.is_none() && args.block == "latest" {
        return Err(actor::resolve(&rpc, &address)
            .err()
            .unwrap_or_else(|| Failure::new(format!("there is no actor at {address}"))));
    }
    let part: Value = rpc
        .call(
            "boatyard_readState",
            [json!(address.to_string()), json!(path), options],
        )
        .map_err(|error| {
            let what = match path.is_empty() {
                true => format!("the state of {address} cannot be shown"),
                false => format!("{address} has no {}", path.join("/")),
            };
            Failure::from(error).context(what)
        })?;
    output.result(&part, || {
        let text = |name: &str| part[name].as_str().unwrap_or("").to_owned();
        if path.is_empty() {
            say!(
                "{} {} {}",
                style(address_text(&text("id"))).bold(),
                printable(part["actor"].as_str().unwrap_or("(unknown code)")),
                style(people_amount(&text("balance"))).dim()
            );
        }
        for line in lines(&part["state"]) {
            say!("{line}");
        }
        if let Some(next) = part["state"]["next"].as_str()
            && !path.is_empty()
        {
            output.hint(format!("more with --start {next}"));
        }
    });
    Ok(())
}

/// A block as the node takes it: numbers in hexadecimal.
///
/// # Errors
/// The text names no block.
pub fn block_param(text: &str) -> Result<Value, Failure> {
    match text.parse::<u64>() {
        Ok(number) => Ok(json!(format!("{number:#x}"))),
        Err(_) if text.starts_with("0x") || text.chars().all(|c| c.is_ascii_lowercase()) => {
            Ok(json!(text))
        }
        Err(_) => Err(Failure::new(format!("`{text}` names no block"))
            .help("give its number, its hash, or latest")),
    }
}
