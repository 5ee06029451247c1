//! `boatyard deal make`

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use boatyard_actors_shared::MARKET_ACTOR;
use boatyard_market::{DealProposal, Market};
use fvm_shared::econ::TokenAmount;
use serde::Deserialize;
use serde_json::{Value, json};

use super::MakeArgs;
use super::offer::{self, LARGER, Parcel};
use super::progress::{self, Progress, follow};
use crate::builtin::{Sender, call, field};
use crate::commands::market::Held;
use crate::failure::Failure;
use crate::message::Draft;
use crate::output::{Output, grouped, printable, say};
use crate::provider::{About, Order, Provider};
use crate::rpc::Rpc;

/// Answer to a deal that is taken.
#[derive(Deserialize)]
struct Taken {
    order: u64,
}

pub(super) fn run(rpc: &Rpc, output: Output, args: &MakeArgs) -> Result<(), Failure> {
    let progress = Progress::start(output, "packing the file");
    let made = make(rpc, output, args, &progress);
    progress.finish();
    let (facts, order) = made?;
    match output.json {
        // A line, so that it is the last one.
        true => say!("{facts}"),
        false => say_deal(output, &facts, &order, args),
    }
    Ok(())
}

fn make(
    rpc: &Rpc,
    output: Output,
    args: &MakeArgs,
    progress: &Progress,
) -> Result<(Value, Order), Failure> {
    let mut parcel = Parcel::pack(&args.file)?;
    let size = parcel.piece.size.0;
    let unfit = format!(
        "no storage provider of this node takes a piece of {} bytes now",
        grouped(size)
    );
    let provider = Provider::find(
        rpc,
        &args.provider,
        |entry| entry.sector_size >= size,
        &unfit,
    )
    .map_err(|failure| match failure.to_string() == unfit {
        true => failure.help(LARGER),
        false => failure,
    })?;
    let about = provider.about()?;
    parcel.fit(&about)?;
    say_parcel(&parcel, progress);

    progress::announce(rpc, progress)?;
    progress.now("paying into the market");
    let sender = args.sending.sender(rpc, output)?;
    let proposal = offer::propose(rpc, args, &about, &parcel, sender.address())?;
    if args.verified {
        check_datacap(rpc, &sender, &proposal)?;
    }
    fund(rpc, &provider, &sender, &proposal, progress)?;

    progress.now(format!(
        "handing {} bytes in",
        grouped(parcel.car.len() as u64)
    ));
    let order = hand_in(&provider, args, &sender, &parcel, &proposal)?;
    let facts = json!({
        "order": order,
        "provider": about.miner.to_string(),
        "url": provider.http().url(),
    });
    progress.done(
        "accepted",
        &format!("order {order} of {}", about.miner),
        facts,
    );

    let order = match args.no_wait {
        true => provider.order(order)?,
        false => follow(rpc, &provider, order, progress)?,
    };
    Ok((
        summary(&parcel, &proposal, &about, &provider, &order),
        order,
    ))
}

fn say_parcel(parcel: &Parcel, progress: &Progress) {
    let facts = format!(
        "{}  {} bytes in a CAR of {}",
        parcel.root,
        grouped(parcel.length),
        grouped(parcel.car.len() as u64)
    );
    let json = json!({
        "ipfs_cid": parcel.root.to_string(),
        "file_size": parcel.length,
        "car_size": parcel.car.len(),
    });
    progress.done("packed", &facts, json);
    let facts = format!(
        "{}  {} bytes",
        parcel.piece.cid,
        grouped(parcel.piece.size.0)
    );
    let json = json!({
        "piece_cid": parcel.piece.cid.to_string(),
        "piece_size": parcel.piece.size.0,
    });
    progress.done("committed", &facts, json);
}

/// Whether the client has datacap for the piece.
fn check_datacap(rpc: &Rpc, sender: &Sender<'_>, deal: &DealProposal) -> Result<(), Failure> {
    let client = sender.address();
    let has: Option<String> = rpc.call(
        "Filecoin.StateVerifiedClientStatus",
        [json!(client.to_string()), Value::Null],
    )?;
    let has: u64 = has.and_then(|text| text.parse().ok()).unwrap_or(0);
    match has >= deal.piece_size.0 {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "{client} has datacap for {} bytes, and the piece has {}",
            grouped(has),
            grouped(deal.piece_size.0)
        ))
        .help(format!(
            "boatyard verifreg add-client {client} 1MiB gives some, from a verifier; without \
             --verified none is needed"
        ))),
    }
}

/// Puts what the deal locks into the market, as far as it is not there.
fn fund(
    rpc: &Rpc,
    provider: &Provider,
    sender: &Sender<'_>,
    deal: &DealProposal,
    progress: &Progress,
) -> Result<(), Failure> {
    let client = sender.address();
    let needed = deal.client_balance_requirement();
    // What deals will lock that the provider has not published yet is not free either.
    let orders: Vec<Order> = provider.get("/orders")?;
    let promised: TokenAmount = orders
        .iter()
        .filter(|order| {
            order.state == "accepted" && order.client.as_deref() == Some(&client.to_string())
        })
        .filter_map(|order| boatyard_abi::parse_amount(order.client_locks.as_ref()?).ok())
        .sum();
    let free = Held::of(rpc, &client)?.available() - promised;
    let missing = &needed - free;
    if !missing.is_positive() {
        let facts = json!({ "needed": needed.atto().to_string() });
        progress.done("funded", "with what is in the market already", facts);
        return Ok(());
    }
    let draft = Draft {
        value: missing,
        ..call::<Market>(MARKET_ACTOR, "AddBalance", &client)?
    };
    let sent = sender.send(&draft, "what the deal costs cannot be put into the market")?;
    if let Some(traced) = &sent.outcome {
        let cost = boatyard_abi::parse_amount(&traced.trace.gas_cost).unwrap_or_default();
        let (epoch, message) = (traced.trace.epoch, sent.cid.to_string());
        progress.on_chain("funded", epoch, &message, &cost);
    }
    Ok(())
}

/// Hands the piece in and offers the deal; gives the order's number.
fn hand_in(
    provider: &Provider,
    args: &MakeArgs,
    sender: &Sender<'_>,
    parcel: &Parcel,
    deal: &DealProposal,
) -> Result<u64, Failure> {
    parcel.hand_in(provider)?;
    let offer = json!({
        "proposal": BASE64.encode(offer::sign(sender, deal)?),
        "into": args.into.name(),
    });
    let answer = provider.http().post("/deals", &offer)?.ok();
    let taken: Taken = answer
        .map_err(|failure| failure.context("the provider does not take the deal"))?
        .json()?;
    Ok(taken.order)
}

/// The deal, for programs.
fn summary(
    parcel: &Parcel,
    deal: &DealProposal,
    about: &About,
    provider: &Provider,
    order: &Order,
) -> Value {
    let atto = |amount: &TokenAmount| amount.atto().to_string();
    let gas: TokenAmount = order.steps.iter().map(|step| step.cost.clone()).sum();
    json!({
        "deal_id": order.deal_id,
        "order": order.order,
        "state": order.state,
        "ipfs_cid": parcel.root.to_string(),
        "piece_cid": parcel.piece.cid.to_string(),
        "piece_size": parcel.piece.size.0,
        "file_size": parcel.length,
        "car_size": parcel.car.len(),
        "client": deal.client.to_string(),
        "provider": about.miner.to_string(),
        "url": provider.http().url(),
        "sector": order.sector,
        "verified": deal.verified_deal,
        "start_epoch": deal.start_epoch,
        "end_epoch": deal.end_epoch,
        "price_per_epoch": atto(&deal.storage_price_per_epoch),
        "cost": atto(&deal.total_storage_fee()),
        "provider_gas": atto(&gas),
    })
}

fn say_deal(output: Output, facts: &Value, order: &Order, args: &MakeArgs) {
    let text = |name: &str| printable(facts[name].as_str().unwrap_or("-"));
    say!("");
    match order.deal_id {
        Some(deal) => field("deal", format_args!("{deal}, {}", printable(&order.state))),
        None => field(
            "order",
            format_args!("{}, {}", order.order, printable(&order.state)),
        ),
    }
    field("file", args.file.display());
    field("ipfs cid", text("ipfs_cid"));
    field("piece", text("piece_cid"));
    field("provider", text("provider"));
    if let Some(sector) = order.sector {
        field("sector", sector);
    }
    field(
        "epochs",
        format_args!("{} to {}", facts["start_epoch"], facts["end_epoch"]),
    );
    field("cost", crate::message::people_amount(&text("cost")));
    match order.deal_id {
        Some(deal) => output.hint(format!("boatyard deal status {deal} looks at it")),
        None => output.hint(format!(
            "boatyard deal status order:{} looks at it",
            order.order
        )),
    }
    output.hint(format!(
        "boatyard retrieve {} -o FILE gets it back",
        text("ipfs_cid")
    ));
}
