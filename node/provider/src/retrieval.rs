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
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use boatyard_chain::ChainHandle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
/// Bytes of answers that clients have not taken yet, in units of [`UNIT`]: 1 GiB.
const ON_THE_WAY: usize = 1 << 14;
/// What shorter answers take up, in bytes.
const UNIT: usize = 1 << 16;
/// How long an answer waits until others have taken theirs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that a provider needs to give data out.
pub struct Counter {
    provider: Provider,
    chain: ChainHandle,
    vault: Vault,
    catalogue: Catalogue,
    till: Till,
    /// One for each answer that may be prepared now.
    turns: Arc<Semaphore>,
    /// Room for answers that are on their way.
    room: Arc<Semaphore>,
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
        turns: Arc::new(Semaphore::new(AT_ONCE)),
        room: Arc::new(Semaphore::new(ON_THE_WAY)),
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
    /// Prepares an answer on a thread of its own, a few at once. Its turn lasts until
    /// there is room for it on its way.
    async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<(T, OwnedSemaphorePermit), Refusal> {
        let (counter, turns) = (self.clone(), self.turns.clone());
        let turn = turns.acquire_owned().await;
        let turn = turn.map_err(|error| Refusal::internal(&error))?;
        // A client that leaves does not end the work, which goes on with its turn.
        tokio::task::spawn_blocking(move || work(&counter).map(|made| (made, turn)))
            .await
            .map_err(|error| Refusal::internal(&error))?
    }

    /// Room for so many bytes on their way to a client.
    async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let units = bytes.div_ceil(UNIT).clamp(1, ON_THE_WAY);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(units);
        match tokio::time::timeout(PATIENCE, room).await {
            Ok(room) => room.map_err(|error| Refusal::internal(&error)),
            Err(_) => Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "others have not taken what they asked for yet; try again, or ask for a part",
            )),
        }
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
