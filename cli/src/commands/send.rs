//! `boatyard send`

use clap::Args;
use console::style;
use fvm_shared::address::{Address, Protocol};
use fvm_shared::econ::TokenAmount;
use serde_json::{Value, json};

use super::target::{ContractArgs, Target};
use crate::actor::{self, address_text};
use crate::args::Global;
use crate::failure::Failure;
use crate::message::{self, Sending, Traced, people_amount};
use crate::output::{Output, grouped, printable, say, short};
use crate::rpc::Rpc;
use crate::signer::{Side, SignerArgs};

/// Send a message: call a method for real, or transfer money.
///
/// The message is signed here with a development account's key (or
/// --private-key), sent, and waited for. What it returned, emitted and cost is
/// printed; if it failed, where and why. Without a method it is a transfer.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct SendArgs {
    /// Address of the receiver: f0…, f1…, f2…, f3…, f410f…, 0x…
    address: String,

    /// Method: name or number; for a contract a function's name or signature, or
    /// call data (0x…)
    method: Option<String>,

    /// Parameters
    #[arg(allow_negative_numbers = true)]
    params: Vec<String>,

    /// Value to send along: "1.5 FIL", "20 nanoFIL", or attoFIL
    #[arg(long, value_name = "AMOUNT", value_parser = boatyard_abi::parse_amount)]
    value: Option<TokenAmount>,

    /// Gas limit; estimated if none is given, and then a message that would fail
    /// is not sent
    #[arg(long, value_name = "GAS")]
    gas_limit: Option<u64>,

    /// Do not wait until the message is executed
    #[arg(long, conflicts_with = "trace")]
    no_wait: bool,

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
  boatyard send f01000 Add by=5                          a native actor's method, by name
  boatyard send f01000 Deposit --value \"2 FIL\" --from 1
  boatyard send 0x7099… --value 1.5FIL                   a transfer
  boatyard send 0x5FbD… transfer 0x7099… 100             a contract's function
  boatyard send 0x5FbD… \"open(uint64)\" 7 --from 0xf39F…
  boatyard send f01000 Add by=5 --trace --json           everything, for a program

Parameters can be written
  by position            5 f01000 \"1.5 FIL\"
  by name                by=5 to=f01000
  as JSON                '{\"by\": 5, \"to\": \"f01000\"}'  or  '[5, \"f01000\"]'
  in a file              @params.json
`boatyard abi ADDRESS` lists an actor's methods with their parameters.";

/// Runs the command.
///
/// # Errors
/// The message cannot be sent, or fails.
pub fn run(global: &Global, args: SendArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    let to = actor::address(&args.address)?;
    let value = args.value.clone().unwrap_or_default();
    let target = match &args.method {
        Some(method) => Target::method(&rpc, to, method, &args.params, value, &args.contract)?,
        None if args.value.is_none() => {
            return Err(Failure::new("there is nothing to send")
                .help("name a method, or an amount: --value \"1 FIL\""));
        }
        None => transfer(&rpc, to, value, &args.signer)?,
    };
    let sending = Sending {
        gas_limit: args.gas_limit,
        no_wait: args.no_wait,
    };
    send_and_show(&rpc, output, &target, &args.signer, sending, args.trace)
}

/// A transfer, as an Ethereum transaction where both sides have an Ethereum
/// address, or where the sender is named by one; else as a Filecoin message.
fn transfer(
    rpc: &Rpc,
    mut to: Address,
    value: TokenAmount,
    signer: &SignerArgs,
) -> Result<Target, Failure> {
    let natural = match to.protocol() {
        Protocol::Delegated => Side::Ethereum,
        _ => Side::Native,
    };
    let side = signer.named_side().unwrap_or(natural);
    if side == Side::Ethereum && !matches!(to.protocol(), Protocol::Delegated | Protocol::ID) {
        // Ethereum knows f1, f2 and f3 addresses by their IDs only.
        let id: String = rpc
            .call(
                "Filecoin.StateLookupID",
                [json!(to.to_string()), Value::Null],
            )
            .map_err(|error| {
                Failure::from(error)
                    .context(format!("{to} cannot be reached from a 0x address yet"))
                    .help("send it something from an f1 address first, which creates it")
            })?;
        to = actor::address(&id)?;
    }
    Ok(Target::transfer(to, value, side))
}

/// Sends a message and prints what came of it.
///
/// # Errors
/// The message cannot be sent, or fails.
pub fn send_and_show(
    rpc: &Rpc,
    output: Output,
    target: &Target,
    signer: &SignerArgs,
    sending: Sending,
    trace: bool,
) -> Result<(), Failure> {
    let key = signer.key(rpc, target.side)?;
    let sent = message::send(rpc, output, &key, &target.draft, sending)?;
    let Some(traced) = &sent.outcome else {
        let result = json!({ "cid": sent.cid.to_string(), "hash": sent.hash });
        output.result(&result, || {
            say!("{} {}", style("message").cyan(), sent.cid);
            say!("{} {}", style("hash   ").cyan(), sent.hash);
            output.hint(format!(
                "boatyard trace {} tells what came of it",
                sent.hash
            ));
        });
        return Ok(());
    };
    let failed = traced.trace.exit_code != 0;
    let returned = match failed {
        true => Value::Null,
        false => target.returned(traced)?,
    };
    let mut result = receipt_json(&sent.hash, traced, &returned);
    if trace {
        result["trace"] = traced.json.clone();
    }
    output.result(&result, || match trace {
        true => traced.trace.lines().iter().for_each(|line| say!("{line}")),
        false => print_receipt(&sent.hash, traced, &returned),
    });
    if failed {
        let failure = target.failure(traced, "the message was executed and failed");
        return Err(failure.help(format!(
            "boatyard trace {} shows every call inside",
            sent.hash
        )));
    }
    Ok(())
}

/// What became of a message, for programs.
pub fn receipt_json(hash: &str, traced: &Traced, returned: &Value) -> Value {
    let trace = &traced.trace;
    let events: Vec<Value> = trace
        .events()
        .into_iter()
        .map(|(emitter, event)| {
            json!({
                "emitter": emitter.id.map(|id| format!("f0{id}")),
                "name": event["name"],
                "fields": event["fields"],
            })
        })
        .collect();
    json!({
        "cid": trace.cid,
        "hash": hash,
        "epoch": trace.epoch,
        "exit_code": trace.exit_code,
        "exit": trace.exit,
        "return": returned,
        "gas_used": trace.gas_used,
        "gas_limit": trace.gas_limit,
        "gas_cost": trace.gas_cost,
        "events": events,
    })
}

/// What became of a message, for people.
pub fn print_receipt(hash: &str, traced: &Traced, returned: &Value) {
    let trace = &traced.trace;
    let label = |text: &'static str| style(text).cyan();
    say!("{} {}", label("hash   "), hash);
    say!("{} {}", label("message"), trace.cid);
    say!("{} {}", label("epoch  "), trace.epoch);
    match trace.exit_code {
        0 => say!("{} {}", label("exit   "), style("OK").green()),
        _ => say!("{} {}", label("exit   "), style(&trace.exit).red()),
    }
    say!(
        "{} {} of {}, {}",
        label("gas    "),
        grouped(trace.gas_used),
        grouped(trace.gas_limit),
        people_amount(&trace.gas_cost)
    );
    for (emitter, event) in trace.events() {
        let who = emitter
            .actor
            .clone()
            .unwrap_or_else(|| address_text(&emitter.address));
        say!(
            "{} {who}: {}",
            label("event  "),
            crate::trace::event_text(event)
        );
    }
    if !returned.is_null() {
        say!("{} {}", label("return "), printable(&short(returned)));
    }
}
