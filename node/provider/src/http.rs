//! A provider's port: what clients ask of it, and what goes wrong on request.
//!
//! JSON everywhere: amounts are decimal strings of attoFIL, CIDs and addresses are
//! strings, epochs are numbers, errors are `{"error": "what and what to do"}`.
//!
//! | file | paths |
//! |---|---|
//! | [`about`] | `GET /` |
//! | [`pieces`] | `PUT /piece/CID` |
//! | [`deals`] | `POST /deals` |
//! | [`allocations`] | `POST /allocations`, `/favours` |
//! | [`orders`] | `GET /orders`, `/orders/N`, `/deals/ID` |
//! | [`sectors`] | `GET /sectors`, `/sectors/N` |
//! | [`control`] | `POST /control/…` |
//! | [`retrieval`] | `GET /ipfs/CID`, `/piece/CID`, `/vouchers` |
//!
//! Whoever asks may mean no good: [`door`] bounds connections, requests and patience.
//!
//! Start at [`Server::start`].

pub mod about;
pub mod allocations;
pub mod control;
pub mod deals;
pub mod door;
pub mod orders;
pub mod pieces;
pub mod sectors;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use boatyard_chain::{ChainError, ChainHandle, MiningMode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fetch;
use crate::files::FilesError;
use crate::miner::{MinerError, MinerView};
use crate::pipeline::PipelineError;
use crate::provider::Provider;
use crate::retrieval;
use door::Limits;

/// How long a stop waits for clients that do not hang up.
const FAREWELL: Duration = Duration::from_secs(3);

/// Why a provider's port cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Somebody else listens there.
    #[error(
        "{address} is in use, and a storage provider is to listen there: choose other ports with \
         --provider-port, or free ones with --provider-port 0"
    )]
    PortBusy {
        /// The address asked for.
        address: SocketAddr,
    },
    /// There are not as many ports behind the first one.
    #[error("there are no {count} ports from {first} on; choose a lower --provider-port")]
    NoPorts {
        /// The first port.
        first: u16,
        /// How many are needed.
        count: u32,
    },
    /// The system refuses.
    #[error("a storage provider cannot listen on {address}: {reason}; see --provider-port")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        reason: std::io::Error,
    },
}

/// Opens the ports of `count` providers: `first` and those after it, or any free ones
/// when it is 0.
///
/// # Errors
/// [`HttpError`].
pub fn listen(
    host: std::net::IpAddr,
    first: u16,
    count: u32,
) -> Result<Vec<TcpListener>, HttpError> {
    let last = u32::from(first) + count.saturating_sub(1);
    if first != 0 && last > u32::from(u16::MAX) {
        return Err(HttpError::NoPorts { first, count });
    }
    (0..count)
        .map(|index| {
            let port = match first {
                0 => 0,
                _ => u16::try_from(u32::from(first) + index).unwrap_or(u16::MAX),
            };
            let address = SocketAddr::new(host, port);
            let refused = |reason: std::io::Error| match reason.kind() {
                std::io::ErrorKind::AddrInUse => HttpError::PortBusy { address },
                _ => HttpError::Listen { address, reason },
            };
            let listener = TcpListener::bind(address).map_err(refused)?;
            listener.set_nonblocking(true).map_err(refused)?;
            Ok(listener)
        })
        .collect()
}

/// A provider's port being served, until it is stopped or dropped.
pub struct Server {
    address: SocketAddr,
    /// Dropping it stops the server as well.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves a provider on an open port. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`HttpError::Listen`].
    pub fn start(
        provider: Provider,
        chain: ChainHandle,
        listener: TcpListener,
    ) -> Result<Self, HttpError> {
        Self::start_with(provider, chain, listener, Limits::default())
    }

    /// The same with other limits than the usual ones.
    ///
    /// # Errors
    /// [`HttpError::Listen`].
    pub fn start_with(
        provider: Provider,
        chain: ChainHandle,
        listener: TcpListener,
        limits: Limits,
    ) -> Result<Self, HttpError> {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let address = listener.local_addr().map_err(|reason| HttpError::Listen {
            address: unknown,
            reason,
        })?;
        let listener = tokio::net::TcpListener::from_std(listener)
            .map_err(|reason| HttpError::Listen { address, reason })?;
        let (stop, stopped) = oneshot::channel::<()>();
        let office = Office { provider, chain };
        let router = router(office.clone(), limits);
        let task = tokio::spawn(async move {
            tokio::select! {
                () = door::serve(listener, router, limits, stopped) => {}
                () = fetch::run(office) => {}
            }
        });
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// URL for clients, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops listening, and waits a little for requests that still run.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let abort = self.task.abort_handle();
        if tokio::time::timeout(FAREWELL, self.task).await.is_err() {
            abort.abort();
        }
    }
}

/// Everything that a provider serves.
fn router(office: Office, limits: Limits) -> Router {
    Router::new()
        .merge(about::routes())
        .merge(allocations::routes())
        .merge(deals::routes())
        .merge(orders::routes())
        .merge(sectors::routes())
        .merge(control::routes())
        .merge(retrieval::routes(
            office.provider.clone(),
            office.chain.clone(),
        ))
        .layer(from_fn_with_state(limits, door::whole))
        .merge(pieces::routes(&office.provider, limits))
        .fallback(async || {
            Refusal::not_found("there is nothing under this path; GET / tells who this is")
        })
        .with_state(office)
}

/// A provider and the chain that it works on, as its port sees them.
#[derive(Clone)]
pub struct Office {
    /// The provider.
    pub provider: Provider,
    /// The chain.
    pub chain: ChainHandle,
}

impl Office {
    /// Does something that takes its time, such as waiting for the provider to seal,
    /// on a thread of its own.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let office = self.clone();
        tokio::task::spawn_blocking(move || work(&office))
            .await
            .map_err(|error| Refusal::internal(&error))?
    }

    /// Whether orders are taken.
    ///
    /// # Errors
    /// 503 while the provider is stopped.
    pub async fn is_open(&self) -> Result<(), Refusal> {
        let check = |office: &Self| match office.provider.mischief().stopped {
            true => Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the provider is stopped; POST /control/resume has it work again",
            )),
            false => Ok(()),
        };
        self.work(check).await
    }

    /// The miner in the newest state.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn miner(&self) -> Result<MinerView, Refusal> {
        let state = self.chain.head_state();
        Ok(self.provider.miner(&state)?)
    }
}

/// Lets an epoch pass where epochs pass with messages: what a client asks of a provider
/// makes it send some.
pub(crate) async fn nudge(chain: &ChainHandle) {
    if matches!(chain.mining(), MiningMode::OnMessage)
        && let Err(error) = chain.mine(1).await
    {
        tracing::warn!(%error, "no epoch passes for a new order");
    }
}

/// Why a request is refused.
#[derive(Debug)]
pub struct Refusal {
    /// Its kind, for programs.
    pub status: StatusCode,
    /// What is wrong and what to do, for people.
    pub error: String,
}

impl Refusal {
    /// 400: the request is not what is expected.
    pub fn bad(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// 404: there is no such thing.
    pub fn not_found(error: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    /// 422: it is understood and not done.
    pub fn unfit(error: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error)
    }

    /// 500: the provider's own trouble.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }

    /// Any status.
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Answer(self.status, json!({ "error": self.error })).into_response()
    }
}

impl From<ChainError> for Refusal {
    fn from(error: ChainError) -> Self {
        Self::internal(&error)
    }
}

impl From<MinerError> for Refusal {
    fn from(error: MinerError) -> Self {
        Self::internal(&error)
    }
}

impl From<FilesError> for Refusal {
    fn from(error: FilesError) -> Self {
        Self::internal(&error)
    }
}

impl From<PipelineError> for Refusal {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::NoData(_) | PipelineError::NotGivenBack { .. } => {
                Self::not_found(error.to_string())
            }
            other => Self::internal(&other),
        }
    }
}

/// An answer in JSON.
pub struct Answer(pub StatusCode, pub Value);

impl Answer {
    /// 200.
    pub fn ok(value: Value) -> Self {
        Self(StatusCode::OK, value)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (self.0, kind, self.1.to_string()).into_response()
    }
}

/// Reads a request's JSON; no bytes stand for an empty object.
///
/// # Errors
/// 400 with what is wrong.
pub fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let bytes: &[u8] = match body.is_empty() {
        true => b"{}",
        false => body,
    };
    serde_json::from_slice(bytes)
        .map_err(|error| Refusal::bad(format!("the request's JSON: {error}")))
}

/// Reads a number out of a path.
///
/// # Errors
/// 400 for anything else.
pub fn number(text: &str, what: &str) -> Result<u64, Refusal> {
    text.parse()
        .map_err(|_| Refusal::bad(format!("\"{text}\" is no number of {what}")))
}
