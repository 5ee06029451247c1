//! What a provider was asked to keep, and how far it is.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use fvm_shared::address::Address;
use serde_json::{Value, json};

use super::{Answer, Office, Refusal, number};
use crate::order::{Order, Origin, Purpose};
use crate::standing::Surroundings;

/// The routes of this file.
pub fn routes() -> Router<Office> {
    Router::new()
        .route("/orders", get(all))
        .route("/orders/{order}", get(one))
        .route("/deals/{deal}", get(by_deal))
}

async fn all(State(office): State<Office>) -> Result<Answer, Refusal> {
    office
        .work(|office| {
            let around = around(office)?;
            let orders = office.provider.orders();
            let shown = orders.iter().map(|order| show(order, &around));
            Ok(Answer::ok(shown.collect::<Result<Value, Refusal>>()?))
        })
        .await
}

async fn one(State(office): State<Office>, Path(text): Path<String>) -> Result<Answer, Refusal> {
    let wanted = number(&text, "an order")?;
    office
        .work(move |office| {
            let order = office.provider.order(wanted).ok_or_else(|| {
                Refusal::not_found(format!("there is no order {wanted} here; see /orders"))
            })?;
            Ok(Answer::ok(show(&order, &around(office)?)?))
        })
        .await
}

async fn by_deal(
    State(office): State<Office>,
    Path(text): Path<String>,
) -> Result<Answer, Refusal> {
    let wanted = number(&text, "a deal")?;
    office
        .work(move |office| {
            let orders = office.provider.orders();
            let order = orders.iter().find(|order| order.deal() == Some(wanted));
            let order = order.ok_or_else(|| {
                Refusal::not_found(format!(
                    "deal {wanted} is none of this provider's; see /orders for those that are"
                ))
            })?;
            Ok(Answer::ok(show(order, &around(office)?)?))
        })
        .await
}

fn around(office: &Office) -> Result<Surroundings, Refusal> {
    Ok(Surroundings::of(&office.provider, &office.chain)?)
}

/// An order as clients see it.
fn show(order: &Order, around: &Surroundings) -> Result<Value, Refusal> {
    let proposal = order.proposal();
    // What the deal keeps of the client's money from its publication on.
    let locks = proposal
        .as_ref()
        .map(|deal| deal.client_balance_requirement().atto().to_string());
    let (kind, client, verified, allocation) = match &order.purpose {
        Purpose::Deal { allocation, .. } => {
            let client = proposal.as_ref().map(|deal| deal.client.to_string());
            let verified = proposal.is_some_and(|deal| deal.verified_deal);
            ("deal", client, verified, allocation.map(|key| key.id))
        }
        Purpose::Allocation { client, id, .. } => {
            let client = Address::new_id(*client).to_string();
            ("allocation", Some(client), true, Some(*id))
        }
        Purpose::Favour { .. } => ("favour", None, false, None),
    };
    let origin = match order.origin {
        Origin::Client => "client",
        Origin::Contract => "contract",
        Origin::Event => "event",
    };
    let standing = around.standing(order)?;
    let steps = order.steps.iter().map(|step| {
        json!({
            "name": step.name,
            "epoch": step.epoch,
            "message": step.message.map(|cid| cid.to_string()),
            "cost": step.cost,
        })
    });
    Ok(json!({
        "order": order.id,
        "kind": kind,
        "origin": origin,
        "piece_cid": order.piece.cid.to_string(),
        "piece_size": order.piece.size.0,
        "length": order.length,
        "client": client,
        "verified": verified,
        "client_locks": locks,
        "start_epoch": order.start,
        "end_epoch": order.end,
        "deal_id": order.deal(),
        "allocation": allocation,
        "sector": order.sector,
        "state": standing.name(),
        "steps": steps.collect::<Vec<_>>(),
        "error": order.failed,
    }))
}
