//! `boatyard paych`

use boatyard_abi::{format_amount, parse_amount};
use boatyard_actors_shared::INIT_ACTOR;
use boatyard_init::{ExecParams, ExecReturn, Init};
use boatyard_paych::{ConstructorParams, PaymentChannel, State};
use boatyard_sdk::Type;
use clap::{Args, Subcommand};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use serde_json::{Value, json};

use crate::actor;
use crate::args::Global;
use crate::builtin::{
    Blocks, Sender, SendingArgs, bare_call, broken, call, code_of, epoch, field, say_message,
    with_message,
};
use crate::failure::Failure;
use crate::message::{Draft, Sent, encoded, returned};
use crate::output::{Output, say, table};
use crate::rpc::Rpc;

pub(super) mod voucher;

/// Payment channels: many payments off the chain, two messages on it.
///
/// Who pays puts money into a channel and signs vouchers; who is paid redeems the
/// last one of each lane. Closing takes half a day, in which later vouchers can
/// still be shown.
#[derive(Debug, Args)]
pub struct PaychArgs {
    #[command(subcommand)]
    command: PaychCommand,
}

#[derive(Debug, Subcommand)]
enum PaychCommand {
    Create(CreateArgs),
    Show(ShowArgs),
    Voucher(voucher::VoucherArgs),
    Settle(SettleArgs),
    Collect(CollectArgs),
}

/// Open a channel and put money into it. More can be sent to it later.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard paych create f1… --value \"10 FIL\"
  boatyard paych create f0103 --value \"10 FIL\" --from 1")]
struct CreateArgs {
    /// Who is paid
    to: String,

    /// What there is to pay with: "1.5 FIL", "20 nanoFIL", or attoFIL
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    value: Option<TokenAmount>,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Show a channel: both sides, money, lanes.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard paych show f01000")]
struct ShowArgs {
    /// The channel
    channel: String,
}

/// Begin to close a channel. Either side may.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard paych settle f01000")]
struct SettleArgs {
    /// The channel
    channel: String,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Pay out a channel that is closed: what is owed to one side, the rest to the other.
/// The channel is gone then.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard paych collect f01000")]
struct CollectArgs {
    /// The channel
    channel: String,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Runs the command.
///
/// # Errors
/// There is no such channel, or it refuses.
pub fn run(global: &Global, args: PaychArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    match args.command {
        PaychCommand::Create(args) => create(&rpc, output, &args),
        PaychCommand::Show(args) => show(&rpc, output, &args),
        PaychCommand::Voucher(args) => voucher::run(&rpc, output, args),
        PaychCommand::Settle(args) => settle(&rpc, output, &args),
        PaychCommand::Collect(args) => collect(&rpc, output, &args),
    }
}

/// Opens a channel from the sender to somebody, with money in it.
///
/// # Errors
/// The message fails.
pub(super) fn open(
    rpc: &Rpc,
    sender: &Sender<'_>,
    to: Address,
    value: TokenAmount,
) -> Result<(Sent, ExecReturn), Failure> {
    let params = ConstructorParams {
        from: sender.address(),
        to,
    };
    let exec = ExecParams {
        code_cid: code_of(rpc, Type::PaymentChannel)?,
        constructor_params: RawBytes::new(encoded(&params)?),
    };
    let draft = Draft {
        value,
        ..call::<Init>(INIT_ACTOR, "Exec", &exec)?
    };
    let sent = sender.send(&draft, "the channel was not opened")?;
    let created = returned(&sent, "the channel was not opened")?;
    Ok((sent, created))
}

fn create(rpc: &Rpc, output: Output, args: &CreateArgs) -> Result<(), Failure> {
    let to = actor::address(&args.to)?;
    let sender = args.sending.sender(rpc, output)?;
    let (sent, created) = open(rpc, &sender, to, args.value.clone().unwrap_or_default())?;
    let result = json!({
        "id": created.id_address.to_string(),
        "robust": created.robust_address.to_string(),
        "from": sender.address().to_string(),
        "to": to.to_string(),
    });
    output.result(&with_message(result, &sent), || {
        field("channel", created.id_address);
        field("address", created.robust_address);
        say_message(&sent);
        output.hint(format!(
            "boatyard paych voucher create {} \"1 FIL\" makes a payment",
            created.id_address
        ));
    });
    Ok(())
}

fn show(rpc: &Rpc, output: Output, args: &ShowArgs) -> Result<(), Failure> {
    let address = actor::address(&args.channel)?;
    let blocks = Blocks::of(rpc);
    let (info, state): (_, State) = blocks.state(&address, Type::PaymentChannel)?;
    let balance = parse_amount(&info.balance)
        .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))?;
    let mut lanes = Vec::new();
    let mut walk = || {
        state.lane_states.load(&blocks)?.for_each(|number, lane| {
            lanes.push((number, lane.clone()));
            Ok(())
        })
    };
    walk().map_err(broken)?;
    let id = format!("f0{}", info.id()?);
    let result = json!({
        "id": id,
        "robust": info.robust(),
        "from": state.from.to_string(),
        "to": state.to.to_string(),
        "balance": balance.atto().to_string(),
        "owed": state.to_send.atto().to_string(),
        "settling_at": (state.is_settling()).then_some(state.settling_at),
        "min_settle_height": state.min_settle_height,
        "lanes": lanes.iter().map(|(number, lane)| json!({
            "lane": number,
            "nonce": lane.nonce,
            "redeemed": lane.redeemed.atto().to_string(),
        })).collect::<Vec<_>>(),
    });
    output.result(&result, || {
        field("channel", &id);
        if let Some(robust) = info.robust() {
            field("address", robust);
        }
        field("from", state.from);
        field("to", state.to);
        field("balance", format_amount(&balance));
        field("owed", format_amount(&state.to_send));
        match state.is_settling() {
            true => field("closes", format_args!("in epoch {}", state.settling_at)),
            false => field("closes", "not yet asked to"),
        }
        if lanes.is_empty() {
            return output.hint("no voucher was redeemed yet");
        }
        say!("");
        table(
            &["lane", "nonce", "redeemed"],
            lanes
                .iter()
                .map(|(number, lane)| {
                    vec![
                        number.to_string(),
                        lane.nonce.to_string(),
                        format_amount(&lane.redeemed),
                    ]
                })
                .collect(),
        );
    });
    Ok(())
}

fn settle(rpc: &Rpc, output: Output, args: &SettleArgs) -> Result<(), Failure> {
    let channel = actor::address(&args.channel)?;
    let blocks = Blocks::of(rpc);
    blocks.state::<State>(&channel, Type::PaymentChannel)?;
    let sender = args.sending.sender(rpc, output)?;
    let draft = bare_call::<PaymentChannel>(channel, "Settle");
    let sent = sender.send(&draft, "the channel does not close")?;
    let (_, state): (_, State) = Blocks::of(rpc).state(&channel, Type::PaymentChannel)?;
    let result = json!({ "settling_at": state.settling_at });
    output.result(&with_message(result, &sent), || {
        field("closes", format_args!("in epoch {}", state.settling_at));
        say_message(&sent);
        output.hint(format!(
            "boatyard paych collect {channel} pays out from then on"
        ));
    });
    Ok(())
}

fn collect(rpc: &Rpc, output: Output, args: &CollectArgs) -> Result<(), Failure> {
    let channel = actor::address(&args.channel)?;
    let blocks = Blocks::of(rpc);
    let (info, state): (_, State) = blocks.state(&channel, Type::PaymentChannel)?;
    let balance = parse_amount(&info.balance)
        .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))?;
    let now = epoch(rpc)?;
    if !state.is_settling() {
        return Err(Failure::new(format!("{channel} is open")).help(format!(
            "boatyard paych settle {channel} begins to close it"
        )));
    }
    if now + 1 < state.settling_at {
        return Err(Failure::new(format!(
            "{channel} closes in epoch {}, now is {now}",
            state.settling_at
        ))
        .help("on a devnet `evm_mine` and `boatyard_advance` let epochs pass"));
    }
    let sender = args.sending.sender(rpc, output)?;
    let draft = bare_call::<PaymentChannel>(channel, "Collect");
    let sent = sender.send(&draft, "nothing was paid out")?;
    let back = &balance - &state.to_send;
    let result: Value = json!({
        "paid": { "to": state.to.to_string(), "amount": state.to_send.atto().to_string() },
        "returned": { "to": state.from.to_string(), "amount": back.atto().to_string() },
    });
    output.result(&with_message(result, &sent), || {
        field(
            "paid",
            format_args!("{} to {}", format_amount(&state.to_send), state.to),
        );
        field(
            "returned",
            format_args!("{} to {}", format_amount(&back), state.from),
        );
        say_message(&sent);
    });
    Ok(())
}
