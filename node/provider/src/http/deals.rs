//! Deals that clients propose.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boatyard_market::ClientDealProposal;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::PieceInfo;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Office, Refusal, nudge, read};
use crate::intake::{self, Measure, Refused};
use crate::market::MarketView;
use crate::order::{Order, Placement, Purpose};
use crate::replica;

/// The routes of this file.
pub fn routes() -> Router<Office> {
    Router::new().route("/deals", post(propose))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// Base64 of the CBOR of the market's `ClientDealProposal`.
    proposal: String,
    #[serde(default)]
    into: Destination,
}

/// What kind of sector the piece is to go into.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// One that is sealed with it.
    #[default]
    New,
    /// One of committed capacity.
    CommittedCapacity,
}

impl From<Destination> for Placement {
    fn from(into: Destination) -> Self {
        match into {
            Destination::New => Self::New,
            Destination::CommittedCapacity => Self::CommittedCapacity,
        }
    }
}

async fn propose(State(office): State<Office>, body: Bytes) -> Result<Answer, Refusal> {
    let request: Request = read(&body)?;
    office.is_open().await?;
    let bytes = STANDARD
        .decode(request.proposal.trim())
        .map_err(|error| Refusal::bad(format!("the proposal is not base64: {error}")))?;
    let bytes = RawBytes::new(bytes);
    let signed: ClientDealProposal = bytes.deserialize().map_err(|error| {
        Refusal::bad(format!(
            "the proposal is not the CBOR of a ClientDealProposal [proposal, signature]: {error}"
        ))
    })?;
    let circulating = office.chain.head().circulating_supply.clone();
    let size = signed.proposal.piece_size.0;
    let policy = office.provider.policy();
    let least = intake::least_collateral(&office.chain, policy, &circulating, size)
        .await
        .map_err(|error| Refusal::internal(&error))?;
    // What is cheap to find out comes first, and again when the order is taken: others
    // may have come in between.
    let (signed, length) = {
        let least = least.clone();
        let check = move |office: &Office| {
            check(office, &signed, &least)?;
            let piece = PieceInfo {
                cid: signed.proposal.piece_cid,
                size: signed.proposal.piece_size,
            };
            // What is kept already need not be handed in again.
            replica::have(&office.provider, &piece.cid)?;
            let length = intake::bytes_of(office.provider.files(), &piece)?;
            Ok((signed, length))
        };
        office.work(check).await?
    };
    intake::ask_client(&office.chain, &signed).await?;
    let deal = &signed.proposal;
    let order = Order {
        placement: request.into.into(),
        since: office.chain.head().height(),
        ..Order::new(
            PieceInfo {
                cid: deal.piece_cid,
                size: deal.piece_size,
            },
            length,
            Purpose::Deal {
                proposal: bytes,
                deal: None,
                allocation: None,
            },
            deal.start_epoch,
            deal.end_epoch,
        )
    };
    let taken = office
        .work(move |office| take(office, &signed, &least, order))
        .await?;
    nudge(&office.chain).await;
    Ok(Answer(StatusCode::ACCEPTED, json!({ "order": taken })))
}

fn check(office: &Office, signed: &ClientDealProposal, least: &TokenAmount) -> Result<(), Refused> {
    measured(office, least, |measure| {
        let orders = office.provider.orders();
        let orders = orders.into_iter().map(|order| (order.id, order)).collect();
        intake::fits(measure, signed, &orders)
    })
}

fn take(
    office: &Office,
    signed: &ClientDealProposal,
    least: &TokenAmount,
    order: Order,
) -> Result<u64, Refusal> {
    let taken = measured(office, least, |measure| {
        office
            .provider
            .take_if(order, |orders| intake::fits(measure, signed, orders))
    })?;
    Ok(taken)
}

/// Does something with what a proposal is measured by in the newest state.
fn measured<T>(
    office: &Office,
    least: &TokenAmount,
    work: impl FnOnce(&Measure<'_>) -> Result<T, Refused>,
) -> Result<T, Refused> {
    let head = office.chain.head();
    let state = office.chain.state(head.state_root);
    let market = MarketView::load(&state)?;
    work(&Measure {
        config: office.provider.config(),
        ask: office.provider.ask(),
        state: &state,
        market: &market,
        epoch: head.height(),
        least_collateral: least.clone(),
    })
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let status = match &refused {
            Refused::Known(_) | Refused::Published => StatusCode::CONFLICT,
            Refused::Escrow { .. } | Refused::Price { .. } | Refused::DataCap { .. } => {
                StatusCode::PAYMENT_REQUIRED
            }
            Refused::Consent { .. } => StatusCode::FORBIDDEN,
            Refused::NoBytes { .. } => StatusCode::NOT_FOUND,
            Refused::State(_) | Refused::Files(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Refused::OtherProvider { .. }
            | Refused::NoClient(_)
            | Refused::Label(_)
            | Refused::PieceSize { .. }
            | Refused::PieceCid(_)
            | Refused::OtherSize { .. }
            | Refused::TooSoon { .. }
            | Refused::Duration { .. }
            | Refused::TooLate { .. }
            | Refused::Amount { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, refused.to_string())
    }
}
