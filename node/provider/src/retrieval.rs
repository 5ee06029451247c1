//! Retrieval: what was stored goes out again, over plain HTTP.
//!
//! A provider keeps no copy of what it sealed. Whoever asks for a file gets it out of
//! the sealed replica: the sector is unsealed, its data compared with CommD, the block
//! found in it and checked against its CID, and only then sent.
//!
//! | file | answers |
//! |---|---|
//! | [`vault`] | the bytes of a piece, unsealed if need be |
//! | [`index`] | in which piece a block lies, and where |
//! | [`blocks`] | any block by its CID |
//! | [`gateway`] | `GET /ipfs/CID/path`, the trustless gateway of IPFS |
//! | [`piece`] | `GET /piece/CID` |
//! | [`answer`] | ranges, caching, and what an answer looks like |
//! | [`payment`] | who pays, by vouchers of payment channels |
//! | [`till`] | which vouchers a provider has, and what for |
//!
//! Start at [`routes`].

pub mod answer;
pub mod blocks;
pub mod gateway;
pub mod index;
pub mod payment;
pub mod piece;
pub mod till;
pub mod vault;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use boatyard_chain::ChainHandle;
use tokio::sync::Semaphore;

use crate::files::Files;
use crate::http::Refusal;
use crate::provider::Provider;
use index::Catalogue;
use till::Till;
use vault::Vault;

/// Folder of what retrieval keeps.
const FOLDER: &str = "retrieval";
/// Answers that are prepared at the same time; each may take [`gateway::MAX_FILE`].
const AT_ONCE: usize = 4;

/// Everything that a provider needs to give data out.
pub struct Counter {
    provider: Provider,
    chain: ChainHandle,
    vault: Vault,
    catalogue: Catalogue,
    till: Till,
    /// One for each answer that may be prepared now.
    turns: Semaphore,
}

/// Serves what a provider keeps.
pub fn routes<S: Clone + Send + Sync + 'static>(
    provider: Provider,
    chain: ChainHandle,
) -> Router<S> {
    // What a kill left of unsealing.
    let _ = fs::remove_dir_all(scratch(provider.files()));
    let counter = Counter {
        vault: Vault::new(provider.clone()),
        catalogue: Catalogue::default(),
        till: Till::new(till_folder(provider.files())),
        turns: Semaphore::new(AT_ONCE),
        provider,
        chain,
    };
    Router::new()
        .route("/ipfs/{cid}", get(gateway::root))
        .route("/ipfs/{cid}/", get(gateway::root))
        .route("/ipfs/{cid}/{*path}", get(gateway::path))
        .route("/piece/{cid}", get(piece::get))
        .route("/vouchers", get(payment::list))
        .route("/vouchers/redeem", post(payment::redeem))
        .with_state(Arc::new(counter))
}

impl Counter {
    /// Does what takes its time on a thread of its own, a few at once.
    async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let counter = self.clone();
        let _turn = self
            .turns
            .acquire()
            .await
            .map_err(|error| Refusal::internal(&error))?;
        tokio::task::spawn_blocking(move || work(&counter))
            .await
            .map_err(|error| Refusal::internal(&error))?
    }
}

fn folder(files: &Files) -> PathBuf {
    files.root().join(FOLDER)
}

/// Where sectors are unsealed; safe to delete when nothing runs.
fn scratch(files: &Files) -> PathBuf {
    folder(files).join("unsealing")
}

fn index_folder(files: &Files) -> PathBuf {
    folder(files).join("index")
}

fn till_folder(files: &Files) -> PathBuf {
    folder(files).join("vouchers")
}
