//! The bytes of pieces, handed in before or after somebody asks for them to be kept.

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::put;
use boatyard_proofs::commitment;
use boatyard_proofs::piece::{self, piece_size};
use cid::Cid;
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::SectorSize;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Office, Refusal, nudge};

/// The routes of this file; the longest body fills a sector.
pub fn routes(sector: SectorSize) -> Router<Office> {
    let most = PaddedPieceSize(sector as u64).unpadded().0;
    // Beyond what a 32-bit machine could hold there is no limit to set.
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    Router::new()
        .route("/piece/{cid}", put(receive))
        .layer(DefaultBodyLimit::max(most))
}

#[derive(Deserialize)]
struct Wanted {
    /// Padded size of the piece.
    size: Option<u64>,
}

async fn receive(
    State(office): State<Office>,
    Path(text): Path<String>,
    query: Result<Query<Wanted>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Answer, Refusal> {
    let Query(wanted) = query.map_err(|error| Refusal::bad(error.body_text()))?;
    let sector = office.provider.config().sector_size() as u64;
    let bytes = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "the sectors here hold {} bytes; send less, or ask a provider with larger \
                 sectors (boatyard node --sector-size)",
                PaddedPieceSize(sector).unpadded().0
            ),
        ),
        _ => Refusal::bad(error.body_text()),
    })?;
    let expected = piece_cid(&text)?;
    if bytes.is_empty() {
        return Err(Refusal::bad(
            "there are no bytes; send those of the piece as the body",
        ));
    }
    let least = piece_size(bytes.len() as u64).padded();
    let size = wanted.size.map_or(least, PaddedPieceSize);
    if size.validate().is_err() || size.0 < least.0 || size.0 > sector {
        return Err(Refusal::bad(format!(
            "{} bytes do not make a piece of {}: its size is a power of two from {} to {sector}",
            bytes.len(),
            size.0,
            least.0
        )));
    }
    let answer = office
        .work(move |office| {
            let info = piece::of_reader(&bytes[..], size.unpadded())
                .map_err(|error| Refusal::internal(&error))?;
            if info.cid != expected {
                return Err(Refusal::unfit(format!(
                    "these {} bytes are the piece {} of {} bytes, not {expected}: name that, or \
                     the size of the piece as ?size=N",
                    bytes.len(),
                    info.cid,
                    size.0
                )));
            }
            office.provider.files().save_piece(&info.cid, &bytes)?;
            Ok(Answer(
                StatusCode::CREATED,
                json!({
                    "piece_cid": info.cid.to_string(),
                    "piece_size": info.size.0,
                    "length": bytes.len(),
                }),
            ))
        })
        .await?;
    let provider = office.provider.clone();
    let wanted = office.work(move |_| Ok(provider.waits_for(&expected)));
    if wanted.await? {
        nudge(&office.chain).await;
    }
    Ok(answer)
}

/// Reads the CID of a piece.
///
/// # Errors
/// 400 when it is none.
pub fn piece_cid(text: &str) -> Result<Cid, Refusal> {
    let cid = Cid::try_from(text)
        .map_err(|error| Refusal::bad(format!("\"{text}\" is no CID: {error}")))?;
    commitment::from_unsealed_cid(&cid)
        .map_err(|error| Refusal::bad(format!("{error}; the CID of a piece begins with baga")))?;
    Ok(cid)
}
