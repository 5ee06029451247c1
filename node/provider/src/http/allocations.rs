//! Pieces that are kept without a deal: for datacap, or as a favour.

use std::str::FromStr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use boatyard_proofs::piece;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::piece::{PaddedPieceSize, PieceInfo};
use serde::Deserialize;
use serde_json::json;

use super::deals::Destination;
use super::pieces::piece_cid;
use super::{Answer, Office, Refusal, nudge, read};
use crate::market::MarketView;
use crate::order::{Order, Origin, Purpose};
use crate::pipeline;
use crate::replica;
use crate::verifreg::{self, VerifregView};

/// Receivers of notifications that one order may have.
const MAX_RECEIVERS: usize = 16;
/// Epochs within which a favour is begun.
const FAVOUR_DELAY: i64 = 30 * 2_880;

/// The routes of this file.
pub fn routes() -> Router<Office> {
    Router::new()
        .route("/allocations", post(claim))
        .route("/favours", post(favour))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    client: ActorID,
    allocation: u64,
    #[serde(default)]
    notify: Vec<Notify>,
    #[serde(default)]
    into: Destination,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Favour {
    piece_cid: String,
    duration: i64,
    #[serde(default)]
    notify: Vec<Notify>,
    #[serde(default)]
    into: Destination,
}

/// Who is told that a piece is kept, and with which words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notify {
    address: String,
    #[serde(default)]
    payload: String,
}

fn receivers(notify: &[Notify]) -> Result<Vec<(Address, RawBytes)>, Refusal> {
    if notify.len() > MAX_RECEIVERS {
        return Err(Refusal::bad(format!(
            "{} receivers of notifications are too many; up to {MAX_RECEIVERS} are told",
            notify.len()
        )));
    }
    notify
        .iter()
        .map(|one| {
            let address = Address::from_str(&one.address).map_err(|error| {
                Refusal::bad(format!("\"{}\" is no address: {error}", one.address))
            })?;
            let digits = one.payload.trim_start_matches("0x");
            let payload = hex::decode(digits)
                .map_err(|error| Refusal::bad(format!("the payload is not 0x…: {error}")))?;
            Ok((address, RawBytes::new(payload)))
        })
        .collect()
}

async fn claim(State(office): State<Office>, body: Bytes) -> Result<Answer, Refusal> {
    let request: Claim = read(&body)?;
    office.is_open().await?;
    let notify = receivers(&request.notify)?;
    let taken = office
        .work(move |office| {
            let order = claimed(office, &request, notify)?;
            office
                .provider
                .take_allocation(order)
                .map_err(Refusal::from)
        })
        .await?;
    nudge(&office.chain).await;
    Ok(Answer(StatusCode::ACCEPTED, json!({ "order": taken })))
}

/// The order for an allocation that is there, ours, and long enough.
fn claimed(
    office: &Office,
    request: &Claim,
    notify: Vec<(Address, RawBytes)>,
) -> Result<Order, Refusal> {
    let head = office.chain.head();
    let state = office.chain.state(head.state_root);
    let (client, id) = (request.client, request.allocation);
    let found = VerifregView::load(&state)?.allocation(client, id)?;
    let allocation = found.ok_or_else(|| {
        Refusal::not_found(format!(
            "the client f0{client} has no allocation {id}; it was claimed or removed, or never made"
        ))
    })?;
    if MarketView::load(&state)?
        .pending_allocations()?
        .contains(&id)
    {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            format!("allocation {id} belongs to a deal of the market, which is kept anyway"),
        ));
    }
    let ours = office.provider.config().miner;
    if allocation.provider != ours {
        return Err(Refusal::unfit(format!(
            "allocation {id} is for provider f0{}; this is f0{ours}",
            allocation.provider
        )));
    }
    let sector = office.provider.config().sector_size() as u64;
    if allocation.size > sector {
        return Err(Refusal::unfit(format!(
            "the piece has {} bytes, and the sectors here {sector}",
            allocation.size
        )));
    }
    let epoch = head.height();
    let mut order = verifreg::order_of(&allocation, id, epoch, Origin::Client, notify);
    order.placement = request.into.into();
    let view = office.provider.miner(&state)?;
    let proof = office.provider.config().seal_proof;
    let least = pipeline::least_expiration(&view, proof, epoch).max(order.end);
    let latest = order.latest_end(epoch).unwrap_or(i64::MAX);
    if order.placement == crate::order::Placement::New && least > latest {
        return Err(Refusal::unfit(format!(
            "the allocation counts until epoch {latest} at most, and no sector begun now may end \
             before {least}; its term_max has to be {} or more",
            least - epoch
        )));
    }
    Ok(order)
}

async fn favour(State(office): State<Office>, body: Bytes) -> Result<Answer, Refusal> {
    let request: Favour = read(&body)?;
    office.is_open().await?;
    let notify = receivers(&request.notify)?;
    let taken = office
        .work(move |office| {
            let order = kept(office, &request, notify)?;
            Ok(office.provider.take(order)?)
        })
        .await?;
    nudge(&office.chain).await;
    Ok(Answer(StatusCode::ACCEPTED, json!({ "order": taken })))
}

fn kept(
    office: &Office,
    request: &Favour,
    notify: Vec<(Address, RawBytes)>,
) -> Result<Order, Refusal> {
    let cid = piece_cid(&request.piece_cid)?;
    // What is kept already need not be handed in again.
    replica::have(&office.provider, &cid)?;
    let path = office.provider.files().piece(&cid);
    let bytes = std::fs::read(path).map_err(|_| {
        Refusal::not_found(format!(
            "the bytes of piece {cid} are not here; hand them in first: PUT /piece/{cid}"
        ))
    })?;
    let most = office.provider.ask().max_duration;
    if !(1..=most).contains(&request.duration) {
        return Err(Refusal::bad(format!(
            "a duration of {} epochs; it has to be from 1 to {most}",
            request.duration
        )));
    }
    let sector = office.provider.config().sector_size() as u64;
    let mut size = piece::piece_size(bytes.len() as u64).padded();
    // The CID was checked when the bytes came; the size that makes it is found again.
    while size.0 <= sector {
        if piece::of_reader(&bytes[..], size.unpadded()).is_ok_and(|made| made.cid == cid) {
            let now = office.chain.head().height();
            let piece = PieceInfo { cid, size };
            let purpose = Purpose::Favour { notify };
            let length = bytes.len() as u64;
            let (start, end) = (now + FAVOUR_DELAY, now + request.duration);
            return Ok(Order {
                placement: request.into.into(),
                since: now,
                ..Order::new(piece, length, purpose, start, end)
            });
        }
        size = PaddedPieceSize(size.0 * 2);
    }
    Err(Refusal::internal(&format!(
        "the bytes here are not those of piece {cid}; hand them in again"
    )))
}
