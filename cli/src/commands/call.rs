//! `boatyard call`

use clap::Args;
use fvm_shared::econ::TokenAmount;
use serde_json::json;

use super::target::{ContractArgs, Target};
use crate::actor;
use crate::args::Global;
use crate::failure::Failure;
use crate::message::{self, Sending};
use crate::output::{lines, printable, say, short};
use crate::signer::SignerArgs;

/// Ask an actor or contract something; nothing changes.
///
/// The call is tried on the newest state and forgotten: it needs no key, costs
/// nothing and changes nothing. To change something, use `boatyard send`, which
/// takes the same words.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct CallArgs {
    /// Address of the actor or contract: f0…, f2…, f410f…, 0x…
    address: String,

    /// Method: name or number; for a contract a function's name or signature, or
    /// call data (0x…)
    method: String,

    /// Parameters
    #[arg(allow_negative_numbers = true)]
    params: Vec<String>,

    /// Value that the call carries: "1.5 FIL", or attoFIL
    #[arg(long, value_name = "AMOUNT", value_parser = boatyard_abi::parse_amount)]
    value: Option<TokenAmount>,

    /// Send the message after all, as `boatyard send` does
    #[arg(long)]
    send: bool,

    /// Show every call inside as well
    #[arg(long)]
    trace: bool,

    #[command(flatten)]
    contract: ContractArgs,

    #[command(flatten)]
    signer: SignerArgs,
}

const EXAMPLES: &str = "\
Examples:
  boatyard call f01000 Get                             a native actor's method, by name
  boatyard call f01000 Price units=3 --trace           with every call that it makes
  boatyard call f02 3                                  by number
  boatyard call 0x5FbD… balanceOf 0xf39F…              a function that everybody knows
  boatyard call 0x5FbD… \"limit(address)(uint256)\" 0xf39F…
  boatyard call 0x5FbD… limit f0101 --abi out/Bank.sol/Bank.json

Parameters can be written
  by position            5 f01000 \"1.5 FIL\"
  by name                by=5 to=f01000
  as JSON                '{\"by\": 5, \"to\": \"f01000\"}'  or  '[5, \"f01000\"]'
  in a file              @params.json
`boatyard abi ADDRESS` lists an actor's methods with their parameters.";

/// Runs the command.
///
/// # Errors
/// The call cannot be made, or fails.
pub fn run(global: &Global, args: CallArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    let to = actor::address(&args.address)?;
    let value = args.value.unwrap_or_default();
    let target = Target::method(&rpc, to, &args.method, &args.params, value, &args.contract)?;
    if args.send {
        let sending = Sending::default();
        return super::send::send_and_show(
            &rpc,
            output,
            &target,
            &args.signer,
            sending,
            args.trace,
        );
    }
    let sender = args.signer.sender(&rpc, target.side)?;
    let traced = message::simulate(&rpc, sender, &target.draft, false)?;
    if args.trace && !output.json {
        for line in traced.trace.lines() {
            say!("{line}");
        }
    }
    if traced.trace.exit_code != 0 {
        let failure = target.failure(&traced, "the call failed");
        return Err(match args.trace {
            true => failure,
            false => failure.help("--trace shows every call inside"),
        });
    }
    let returned = target.returned(&traced)?;
    let mut result = json!({ "return": returned, "gas_used": traced.trace.gas_used });
    if args.trace {
        result["trace"] = traced.json;
    }
    output.result(&result, || {
        if args.trace {
            return;
        }
        if returned.is_null() {
            output.hint("the call succeeds and returns nothing");
        } else if returned.is_object() || returned.is_array() {
            lines(&returned).iter().for_each(|line| say!("{line}"));
        } else {
            say!("{}", printable(&short(&returned)));
        }
    });
    Ok(())
}
