//! Bytes of pieces that contracts tell where to find.

use std::time::Duration;

use axum::body::Bytes;
use boatyard_proofs::piece;
use fvm_shared::piece::PieceInfo;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::http::Office;

/// Between two attempts to fetch what could not be had.
const AGAIN: Duration = Duration::from_secs(10);
/// How long one piece may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Fetches what the provider's orders wait for, as long as it is polled.
pub(crate) async fn run(office: Office) {
    loop {
        let mut missing = false;
        for (piece, url) in office.provider.wanted() {
            match tokio::time::timeout(PATIENCE, fetch(&office, &piece, &url)).await {
                Ok(Ok(())) => crate::http::nudge(&office.chain).await,
                failed => {
                    missing = true;
                    let reason = match failed {
                        Ok(Err(reason)) => reason,
                        _ => "it takes too long".into(),
                    };
                    tracing::warn!(piece = %piece.cid, url, reason, "a piece cannot be fetched");
                }
            }
        }
        match missing {
            true => {
                let _ = tokio::time::timeout(AGAIN, office.provider.awake()).await;
            }
            false => office.provider.awake().await,
        }
    }
}

async fn fetch(office: &Office, piece: &PieceInfo, url: &str) -> Result<(), String> {
    let most = piece.size.unpadded().0;
    let most = usize::try_from(most).map_err(|error| error.to_string())?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let url = url.parse().map_err(|error| format!("the URL: {error}"))?;
    let answer = client.get(url).await.map_err(|error| error.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("the answer is {}", answer.status()));
    }
    let body = Limited::new(answer.into_body(), most).collect().await;
    let bytes = body.map_err(|error| error.to_string())?.to_bytes();
    let (wanted, files) = (piece.clone(), office.provider.clone());
    let saved = tokio::task::spawn_blocking(move || {
        let made = piece::of_reader(&bytes[..], wanted.size.unpadded());
        let made = made.map_err(|error| error.to_string())?;
        if made.cid != wanted.cid {
            return Err(format!("these bytes are the piece {}", made.cid));
        }
        let saved = files.files().save_piece(&wanted.cid, &bytes);
        saved.map_err(|error| error.to_string())
    });
    saved.await.map_err(|error| error.to_string())?
}
