//! `boatyard trace`

use clap::Args;
use serde_json::{Value, json};

use super::target::ContractArgs;
use crate::args::Global;
use crate::failure::Failure;
use crate::message::Traced;
use crate::output::say;

/// Show every call inside a message.
///
/// A tree with the names of actors and methods, parameters, returns, events and
/// gas of each call. Actors built with Boatyard describe themselves; for
/// contracts well-known functions are named, and others once the node has been
/// given their ABI with --abi.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct TraceArgs {
    /// The message: Ethereum hash (0x…) or CID (bafy…)
    message: String,

    /// Also show every gas charge and state access
    #[arg(long)]
    full: bool,

    #[command(flatten)]
    contract: ContractArgs,
}

const EXAMPLES: &str = "\
Examples:
  boatyard trace 0x1f2e…
  boatyard trace bafy2bzace… --full
  boatyard trace 0x1f2e… --abi out/Bank.sol/Bank.json
  boatyard trace 0x1f2e… --json | jq .call.gas_used";

/// Runs the command.
///
/// # Errors
/// No such message, or it still waits. A message that failed is shown like any.
pub fn run(global: &Global, args: TraceArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    if let Some(path) = &args.contract.abi {
        // Checked here first, for the better words.
        super::target::read_evm_abi(path)?;
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::new(format!("{} cannot be read", path.display())).because(error)
        })?;
        let _known: bool = rpc.call("boatyard_registerContractAbi", [json!(text)])?;
    }
    let digits = args.message.strip_prefix("0x");
    let is_hash = digits.is_some_and(|digits| digits.len() == 64 && hex::decode(digits).is_ok());
    if !is_hash && boatyard_abi::parse_cid(&args.message).is_err() {
        return Err(Failure::new(format!("`{}` names no message", args.message))
            .help("give an Ethereum hash (0x and 64 digits) or a message CID (bafy…)"));
    }
    let options = json!({ "detail": if args.full { "full" } else { "calls" } });
    let spinner = output.spinner("executing the message again");
    let answer: Result<Value, _> =
        rpc.call("boatyard_traceMessage", [json!(args.message), options]);
    spinner.finish_and_clear();
    let answer = answer.map_err(|error| {
        Failure::from(error)
            .context("there is no trace")
            .help("was it sent to this node? A devnet forgets everything when it stops")
    })?;
    let traced = Traced::new(answer)?;
    output.result(&traced.json, || {
        for line in traced.trace.lines() {
            say!("{line}");
        }
    });
    Ok(())
}
