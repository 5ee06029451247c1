//! `boatyard deal status` and `boatyard deal list`

use std::collections::BTreeMap;

use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use serde_json::{Value, json};

use super::{ListArgs, Name, StatusArgs};
use crate::actor;
use crate::builtin::{epoch, field, id_of};
use crate::commands::market::{self, Deal, label};
use crate::failure::Failure;
use crate::message::people_amount;
use crate::output::{Output, grouped, printable, say, table};
use crate::provider::{Provider, ProviderArgs, listed};
use crate::rpc::Rpc;

/// A provider and its miner.
type Named = (Address, Provider);

/// The provider that a user named, or all of the node's that answer.
fn providers(rpc: &Rpc, args: &ProviderArgs) -> Result<Vec<Named>, Failure> {
    if args.provider.is_some() {
        let provider = Provider::only(rpc, args)?;
        let miner = provider.about()?.miner;
        return Ok(vec![(miner, provider)]);
    }
    listed(rpc)?
        .iter()
        .map(|entry| Ok((entry.miner, Provider::at(&entry.url, rpc.timeout())?)))
        .collect()
}

/// What chain and provider know of a deal.
#[derive(Default)]
struct Known {
    deal: Option<Deal>,
    /// The provider's miner and the order, as it came.
    order: Option<(Address, Value)>,
}

impl Known {
    fn row(&self, id: Option<u64>, now: ChainEpoch) -> Value {
        let order = |name: &str| match &self.order {
            Some((_, order)) => order[name].clone(),
            None => Value::Null,
        };
        let deal = self.deal.as_ref().map(|deal| &deal.proposal);
        let state = match (&self.order, &self.deal) {
            (Some((_, order)), _) => order["state"].clone(),
            (None, Some(deal)) => json!(deal.stage(now)),
            (None, None) => Value::Null,
        };
        let provider = match (&self.order, deal) {
            (Some((miner, _)), _) => Some(miner.to_string()),
            (None, deal) => deal.map(|deal| deal.provider.to_string()),
        };
        let sector = self.deal.as_ref().and_then(|deal| deal.state);
        let either = |name: &str, chain: Option<Value>| chain.unwrap_or_else(|| order(name));
        json!({
            "deal_id": id,
            "order": order("order"),
            "state": state,
            "ipfs_cid": deal.map(label).filter(|label| !label.is_empty()),
            "piece_cid": either("piece_cid", deal.map(|deal| json!(deal.piece_cid.to_string()))),
            "piece_size": either("piece_size", deal.map(|deal| json!(deal.piece_size.0))),
            "client": either("client", deal.map(|deal| json!(deal.client.to_string()))),
            "provider": provider,
            "sector": either("sector", sector.map(|state| json!(state.sector_number))),
            "verified": either("verified", deal.map(|deal| json!(deal.verified_deal))),
            "start_epoch": either("start_epoch", deal.map(|deal| json!(deal.start_epoch))),
            "end_epoch": either("end_epoch", deal.map(|deal| json!(deal.end_epoch))),
            "price_per_epoch": deal
                .map(|deal| deal.storage_price_per_epoch.atto().to_string()),
            "cost": deal.map(|deal| deal.total_storage_fee().atto().to_string()),
            "steps": order("steps"),
            "error": order("error"),
        })
    }
}

pub(super) fn status(rpc: &Rpc, output: Output, args: &StatusArgs) -> Result<(), Failure> {
    let mut known = Known::default();
    match args.name {
        Name::Order(number) => {
            let provider = Provider::only(rpc, &args.provider)?;
            let miner = provider.about()?.miner;
            known.order = Some((miner, provider.get(&format!("/orders/{number}"))?));
        }
        Name::Deal(id) => {
            for (miner, provider) in providers(rpc, &args.provider)? {
                // A provider that has nothing to do with the deal says so.
                if let Ok(order) = provider.get(&format!("/deals/{id}")) {
                    known.order = Some((miner, order));
                    break;
                }
            }
        }
    }
    let id = match (args.name, &known.order) {
        (Name::Deal(id), _) => Some(id),
        (Name::Order(_), Some((_, order))) => order["deal_id"].as_u64(),
        (Name::Order(_), None) => None,
    };
    if let Some(id) = id {
        match market::find(rpc, id) {
            Ok(deal) => known.deal = Some(deal),
            // Its provider remembers deals that are over.
            Err(failure) if known.order.is_none() => return Err(failure),
            Err(_) => {}
        }
    }
    let row = known.row(id, epoch(rpc)?);
    output.result(&row, || say_status(&row));
    Ok(())
}

fn say_status(row: &Value) {
    let text = |name: &str| match &row[name] {
        Value::String(text) => printable(text),
        Value::Null => "-".into(),
        other => other.to_string(),
    };
    field("deal", text("deal_id"));
    field("order", text("order"));
    field("state", text("state"));
    field("ipfs cid", text("ipfs_cid"));
    field("piece", text("piece_cid"));
    let size = row["piece_size"].as_u64().unwrap_or_default();
    field("size", format_args!("{} bytes", grouped(size)));
    field("client", text("client"));
    field("provider", text("provider"));
    field("sector", text("sector"));
    field(
        "epochs",
        format_args!("{} to {}", text("start_epoch"), text("end_epoch")),
    );
    if let Some(cost) = row["cost"].as_str() {
        field("cost", people_amount(cost));
    }
    if let Some(error) = row["error"].as_str() {
        field("error", printable(error));
    }
    let steps = row["steps"].as_array();
    let Some(steps) = steps.filter(|steps| !steps.is_empty()) else {
        return;
    };
    say!("");
    let cell = |step: &Value, name: &str| match &step[name] {
        Value::String(text) if name == "cost" => people_amount(text),
        Value::String(text) => printable(text),
        other => other.to_string(),
    };
    let columns = ["name", "epoch", "message", "cost"];
    let rows = steps
        .iter()
        .map(|step| columns.iter().map(|name| cell(step, name)).collect());
    table(&["step", "epoch", "message", "cost"], rows.collect());
}

pub(super) fn run(rpc: &Rpc, output: Output, args: &ListArgs) -> Result<(), Failure> {
    let client = match &args.client {
        Some(text) => Some(Address::new_id(id_of(rpc, &actor::address(text)?)?)),
        None => None,
    };
    let named = args.provider.provider.is_some();
    let mut by_deal: BTreeMap<u64, Known> = BTreeMap::new();
    let mut unpublished = Vec::new();
    let mut miners = Vec::new();
    for (miner, provider) in providers(rpc, &args.provider)? {
        miners.push(miner);
        let orders: Vec<Value> = match provider.get("/orders") {
            Ok(orders) => orders,
            Err(failure) if named => return Err(failure),
            // The chain's deals are listed whether their provider answers or not.
            Err(_) => continue,
        };
        for order in orders.into_iter().filter(|order| order["kind"] == "deal") {
            if !is_of(rpc, &order, client.as_ref())? {
                continue;
            }
            let id = order["deal_id"].as_u64();
            let known = Known {
                deal: None,
                order: Some((miner, order)),
            };
            match id {
                Some(id) => {
                    by_deal.insert(id, known);
                }
                None => unpublished.push(known),
            }
        }
    }
    let wanted = |deal: &boatyard_market::DealProposal| {
        client.is_none_or(|client| client == deal.client)
            && (!named || miners.contains(&deal.provider))
    };
    for (id, deal) in market::all(rpc, wanted)? {
        by_deal.entry(id).or_default().deal = Some(deal);
    }
    let now = epoch(rpc)?;
    let published = by_deal.iter().map(|(id, known)| known.row(Some(*id), now));
    let rows: Vec<Value> = published
        .chain(unpublished.iter().map(|known| known.row(None, now)))
        .collect();
    output.result(&Value::Array(rows.clone()), || say_list(output, &rows));
    Ok(())
}

/// Whether an order is this client's; its address may be written in several ways.
fn is_of(rpc: &Rpc, order: &Value, client: Option<&Address>) -> Result<bool, Failure> {
    let Some(client) = client else {
        return Ok(true);
    };
    let text = order["client"].as_str().unwrap_or_default();
    let Ok(address) = boatyard_abi::parse_address(text) else {
        return Ok(false);
    };
    Ok(Address::new_id(id_of(rpc, &address)?) == *client)
}

fn say_list(output: Output, rows: &[Value]) {
    if rows.is_empty() {
        return output.hint("there are no deals; boatyard deal make FILE makes one");
    }
    let columns = [
        "deal_id",
        "order",
        "state",
        "client",
        "provider",
        "sector",
        "start_epoch",
        "end_epoch",
        "ipfs_cid",
    ];
    let head = [
        "deal", "order", "state", "client", "provider", "sector", "start", "end", "ipfs cid",
    ];
    let cell = |row: &Value, column: &str| match &row[column] {
        Value::String(text) => printable(text),
        Value::Null => "-".into(),
        other => other.to_string(),
    };
    let cells = rows
        .iter()
        .map(|row| columns.iter().map(|column| cell(row, column)).collect());
    table(&head, cells.collect());
}
