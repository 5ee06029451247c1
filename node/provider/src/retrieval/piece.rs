//! `GET /piece/CID`: a piece as it was handed in.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;

use super::answer::{Content, part};
use super::vault::Holdings;
use super::{Counter, payment};
use crate::http::Refusal;
use crate::http::pieces::piece_cid;

/// `GET /piece/CID`.
pub async fn get(
    State(counter): State<Arc<Counter>>,
    method: Method,
    headers: HeaderMap,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    let cid = piece_cid(&text)?;
    let asked = headers.clone();
    let ready = counter
        .work(move |counter| {
            let holdings = Holdings::of(&counter.provider);
            let piece = counter.vault.piece(&holdings, &cid)?;
            let total = piece.bytes.len() as u64;
            let tag = cid.to_string();
            let range = part(&asked, &tag, total)?;
            Ok(Content {
                bytes: match &range {
                    Some(range) => piece.bytes.slice(range.start as usize..range.end as usize),
                    None => piece.bytes,
                },
                part: range.map(|range| (range.start, total)),
                kind: "application/octet-stream",
                save_as: Some(format!("{tag}.piece")),
                tag,
                ranges: true,
                headers: vec![("x-piece-size", piece.size.to_string())],
            })
        })
        .await?;
    payment::deliver(&counter, &method, &headers, ready).await
}
