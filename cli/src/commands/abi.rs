//! `boatyard abi`

use std::path::Path;

use boatyard_abi::{Abi, Schema};
use clap::Args;
use console::style;
use serde_json::json;

use crate::actor;
use crate::args::Global;
use crate::failure::Failure;
use crate::output::{printable_value, say};

/// List an actor's methods, events and exit codes.
///
/// The description lies in the actor's code; it is there for every actor that
/// was written with the Boatyard SDK, the built-in ones included.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct AbiArgs {
    /// An actor's address, the name of a built-in actor, a code CID, or a Wasm file
    actor: String,
}

const EXAMPLES: &str = "\
Examples:
  boatyard abi f01000              an actor on the chain
  boatyard abi reward              a built-in actor
  boatyard abi counter.wasm        a file; no node is asked
  boatyard abi f01000 --json       the description itself";

/// Runs the command.
///
/// # Errors
/// There is no such actor, or it does not describe itself.
pub fn run(global: &Global, args: AbiArgs) -> Result<(), Failure> {
    let output = global.output();
    let path = Path::new(&args.actor);
    let abi = if path.is_file() {
        let module = std::fs::read(path).map_err(|error| {
            Failure::new(format!("{} cannot be read", path.display())).because(error)
        })?;
        Abi::from_wasm(&module).map_err(|error| {
            Failure::new(format!("{} has no readable ABI", path.display())).because(error)
        })?
    } else {
        let rpc = global.rpc()?;
        match boatyard_abi::parse_address(&args.actor) {
            Ok(address) => actor::abi(&rpc, &actor::resolve(&rpc, &address)?.code)?,
            Err(_) => actor::abi(&rpc, &args.actor).map_err(|failure| {
                failure.help("`boatyard abi evm` describes a built-in actor; files must exist")
            })?,
        }
    };
    let abi = abi.ok_or_else(|| {
        Failure::new(format!("{} does not describe itself", args.actor))
            .help("actors do that when they are written with boatyard-sdk and built with `boatyard build`")
    })?;
    output.result(&json!(abi), || {
        // A file's names have not been made safe to print yet.
        let safe = printable_value(&json!(abi)).to_string();
        print(Abi::from_json(&safe).as_ref().unwrap_or(&abi));
    });
    Ok(())
}

fn print(abi: &Abi) {
    say!("{}  {}", style(&abi.name).bold(), style(&abi.doc).dim());
    for method in &abi.methods {
        let params = match &method.params {
            Schema::Nothing => "()".to_owned(),
            Schema::Tuple { .. } => method.params.to_string(),
            schema => format!("({schema})"),
        };
        let returns = match &method.returns {
            Schema::Nothing => String::new(),
            schema => format!(" → {schema}"),
        };
        say!(
            "  {} {params}{returns}  {}",
            style(&method.name).green(),
            style(method.number).dim()
        );
        if !method.doc.is_empty() {
            say!("      {}", style(&method.doc).dim());
        }
    }
    if abi.state != Schema::Nothing {
        say!("{} {}", style("state").cyan(), abi.state);
    }
    for event in &abi.events {
        let fields: Vec<String> = event
            .fields
            .iter()
            .map(|field| format!("{}: {}", field.name, field.schema))
            .collect();
        say!(
            "{} {} {{{}}}",
            style("event").magenta(),
            event.name,
            fields.join(", ")
        );
    }
    for code in &abi.exit_codes {
        say!("{} {} {}", style("exit").red(), code.code, code.name);
    }
}
