//! The bytes of pieces, handed in before or after somebody asks for them to be kept.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::put;
use boatyard_proofs::commitment;
use boatyard_proofs::piece::{self, piece_size};
use cid::Cid;
use fvm_shared::piece::PaddedPieceSize;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::door::Limits;
use super::{Answer, Office, Refusal, nudge};
use crate::files::FilesError;
use crate::provider::Provider;
use crate::retrieval::index;

/// Pieces whose commitments are computed at the same time: each is in memory then.
const AT_ONCE: usize = 2;
/// What a file takes at least on a disk, in bytes.
const LEAST_FILE: u64 = 4_096;

/// Pieces on their way in.
struct Uploads {
    /// Where they lie until they have come; what is there from before is deleted.
    folder: PathBuf,
    /// One for each whose commitment may be computed now.
    turns: Semaphore,
    limits: Limits,
}

/// The routes of this file.
pub fn routes(provider: &Provider, limits: Limits) -> Router<Office> {
    let folder = provider.files().root().join("uploads");
    // What a kill left.
    let _ = fs::remove_dir_all(&folder);
    let uploads = Uploads {
        folder,
        turns: Semaphore::new(AT_ONCE),
        limits,
    };
    Router::new()
        .route("/piece/{cid}", put(receive))
        .layer(Extension(Arc::new(uploads)))
}

#[derive(Deserialize)]
struct Wanted {
    /// Padded size of the piece.
    size: Option<u64>,
}

async fn receive(
    State(office): State<Office>,
    Extension(uploads): Extension<Arc<Uploads>>,
    Path(text): Path<String>,
    query: Result<Query<Wanted>, QueryRejection>,
    body: Body,
) -> Result<Answer, Refusal> {
    let Query(wanted) = query.map_err(|error| Refusal::bad(error.body_text()))?;
    let sector = office.provider.config().sector_size() as u64;
    let expected = piece_cid(&text)?;
    let upload = uploads.take_in(body, sector).await?;
    if upload.length == 0 {
        return Err(Refusal::bad(
            "there are no bytes; send those of the piece as the body",
        ));
    }
    let least = piece_size(upload.length).padded();
    let size = wanted.size.map_or(least, PaddedPieceSize);
    if size.validate().is_err() || size.0 < least.0 || size.0 > sector {
        return Err(Refusal::bad(format!(
            "{} bytes do not make a piece of {}: its size is a power of two from {} to {sector}",
            upload.length, size.0, least.0
        )));
    }
    let turn = uploads.turns.acquire().await;
    let _turn = turn.map_err(|error| Refusal::internal(&error))?;
    let most = uploads.limits.unused_pieces;
    let answer = office
        .work(move |office| keep(office, upload, size, &expected, most))
        .await?;
    if office.provider.waits_for(&expected) {
        nudge(&office.chain).await;
    }
    Ok(answer)
}

/// Bytes that have come, in a file that is deleted with this.
struct Upload {
    file: NamedTempFile,
    length: u64,
}

impl Uploads {
    /// Takes a body in as it comes, so that it costs no memory however many come.
    async fn take_in(&self, mut body: Body, sector: u64) -> Result<Upload, Refusal> {
        let failed = |reason| {
            Refusal::from(FilesError {
                path: self.folder.clone(),
                reason,
            })
        };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let mut file = NamedTempFile::new_in(&self.folder).map_err(failed)?;
        let most = PaddedPieceSize(sector).unpadded().0;
        let mut length = 0u64;
        let end = Instant::now() + self.limits.piece;
        loop {
            let patience = end.min(Instant::now() + self.limits.body);
            let Ok(frame) = timeout_at(patience, body.frame()).await else {
                return Err(Refusal::new(
                    StatusCode::REQUEST_TIMEOUT,
                    format!(
                        "the bytes of the piece stopped coming, or took longer than {} s in all",
                        self.limits.piece.as_secs()
                    ),
                ));
            };
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|error| Refusal::bad(format!("the body: {error}")))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            length = length.saturating_add(data.len() as u64);
            if length > most {
                return Err(Refusal::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!(
                        "the sectors here hold {most} bytes; send less, or ask a provider with \
                         larger sectors (boatyard node --sector-size)"
                    ),
                ));
            }
            file.write_all(&data).map_err(failed)?;
        }
        Ok(Upload { file, length })
    }
}

/// Keeps bytes if they are those of the piece.
fn keep(
    office: &Office,
    upload: Upload,
    size: PaddedPieceSize,
    expected: &Cid,
    most_unused: u64,
) -> Result<Answer, Refusal> {
    let path = upload.file.path().to_path_buf();
    let failed = |reason| {
        Refusal::from(FilesError {
            path: path.clone(),
            reason,
        })
    };
    let mut file: File = upload.file.reopen().map_err(failed)?;
    file.rewind().map_err(failed)?;
    let info = piece::of_reader(io::BufReader::new(file), size.unpadded())
        .map_err(|error| Refusal::internal(&error))?;
    if info.cid != *expected {
        return Err(Refusal::unfit(format!(
            "these {} bytes are the piece {} of {} bytes, not {expected}: name that, or the size \
             of the piece as ?size=N",
            upload.length, info.cid, size.0
        )));
    }
    let files = office.provider.files();
    let bytes = fs::read(&path).map_err(failed)?;
    files.save_piece(&info.cid, &bytes)?;
    drop_unused(&office.provider, &info.cid, most_unused);
    Ok(Answer(
        StatusCode::CREATED,
        json!({
            "piece_cid": info.cid.to_string(),
            "piece_size": info.size.0,
            "length": upload.length,
        }),
    ))
}

/// Deletes the pieces that nobody has asked to keep and that came first, until the rest
/// of such takes up no more than `most` bytes; never the one that came just now.
fn drop_unused(provider: &Provider, newest: &Cid, most: u64) {
    let files = provider.files();
    let orders = provider.orders();
    let ordered = orders.iter().filter(|order| order.failed.is_none());
    let sectors = provider.sectors();
    let mut used: HashSet<Cid> = ordered.map(|order| order.piece.cid).collect();
    for record in &sectors {
        let update = record.update.iter().flat_map(|update| &update.pieces);
        used.extend(
            record
                .pieces
                .iter()
                .chain(update)
                .map(|held| held.piece.cid),
        );
    }
    let mut unused: Vec<(SystemTime, u64, Cid)> = Vec::new();
    let entries = fs::read_dir(files.root().join("pieces"));
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let piece = name.to_str().and_then(|name| Cid::try_from(name).ok());
        // What is not there any more has no size.
        if let (Some(piece), Ok(meta)) = (piece, entry.metadata())
            && !used.contains(&piece)
            && piece != *newest
        {
            let came = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            unused.push((came, meta.len().max(LEAST_FILE), piece));
        }
    }
    unused.sort();
    let mut held: u64 = unused.iter().map(|(_, length, _)| length).sum();
    for (_, length, piece) in unused {
        if held <= most {
            break;
        }
        held -= length;
        tracing::info!(%piece, "a piece that nobody asked to keep is deleted");
        // If that fails it is tried again with the next one that comes.
        let _ = fs::remove_file(files.piece(&piece));
        index::forget(files, &piece);
    }
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
