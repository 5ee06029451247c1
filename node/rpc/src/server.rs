//! The port: one listener for HTTP and WebSocket, every path.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::server::middleware::rpc::RpcServiceBuilder;
use jsonrpsee::server::{
    BatchRequestConfig, Server, ServerConfig, ServerHandle, serve_with_graceful_shutdown,
    stop_channel,
};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use boatyard_chain::ChainHandle;

use crate::accept::Door;
use crate::auth::Gate;
use crate::dispatch::{Dispatch, MOST_IN_BATCHES, Shared, stream_methods};
use crate::http::Front;
use crate::node::{Node, ServeOptions};
use crate::pressure::{Flow, Paced};
use crate::registry::Registry;
use crate::stream::Streams;

/// How long a stop waits for clients that do not hang up.
const FAREWELL: Duration = Duration::from_secs(3);

/// Answers and notifications that wait on a WebSocket for a client that reads slowly; while
/// there are so many, no other answer and no stream goes on.
const MOST_UNREAD: u32 = 64;

/// Why the port cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else listens there.
    #[error("{address} is in use; stop the other program or choose another port")]
    PortBusy {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The port is reserved for the administrator.
    #[error("not allowed to listen on {address}; choose a port of 1024 or more")]
    NotAllowed {
        /// The address asked for.
        address: SocketAddr,
    },
    /// No origin of a web page.
    #[error("\"{0}\" is no origin; expected something like http://localhost:3000")]
    Origin(String),
    /// The address is none of this machine's, or the system refuses.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        reason: std::io::Error,
    },
}

/// A server that answers requests until it is stopped or dropped.
pub struct RunningServer {
    address: SocketAddr,
    handle: ServerHandle,
    shared: Arc<Shared>,
}

impl RunningServer {
    /// Where it listens; the port is the real one when 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Its methods, for documentation.
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// Waits until a client asks the node to stop (`Filecoin.Shutdown`).
    pub async fn asked_to_stop(&self) {
        self.shared.node.asked_to_stop().await;
    }

    /// Stops listening, answers what still waits with an error, closes sockets.
    pub async fn stop(self) {
        self.shared.node.stop();
        // Fails only when it has stopped already.
        let _ = self.handle.stop();
        if tokio::time::timeout(FAREWELL, self.handle.stopped())
            .await
            .is_err()
        {
            tracing::warn!("some clients did not hang up in time");
        }
    }
}

/// Serves a chain on `options.address`. The process may then open as many files as that
/// many connections need.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(
    handle: ChainHandle,
    options: ServeOptions,
) -> Result<RunningServer, ServeError> {
    let wanted = options.address;
    let listener = std::net::TcpListener::bind(wanted).map_err(|error| refused(wanted, error))?;
    let address = listener
        .set_nonblocking(true)
        .and_then(|()| listener.local_addr())
        .map_err(|error| refused(wanted, error))?;

    let config = ServerConfig::builder()
        .max_request_body_size(options.max_request_bytes)
        .max_response_body_size(options.max_response_bytes)
        .max_connections(options.max_connections)
        .set_message_buffer_capacity(MOST_UNREAD)
        .set_batch_request_config(BatchRequestConfig::Limit(MOST_IN_BATCHES as u32))
        .build();
    if !address.ip().is_loopback() && options.token.is_none() {
        tracing::warn!(
            %address,
            "everybody who reaches this address can use the node's keys and change the chain; \
             set a token, or listen on 127.0.0.1"
        );
    }
    let cors = CorsLayer::new()
        .allow_origin(origins(&options.origins)?)
        .allow_methods(Any)
        .allow_headers(AllowHeaders::mirror_request());
    // Many systems allow a process 1024 files unless it asks for more. Where more is not to
    // be had, clients beyond them wait in the system's queue.
    if let Err(error) = rlimit::increase_nofile_limit(u64::from(options.max_connections) * 2) {
        tracing::debug!(%error, "the number of open files stays as it is");
    }
    let strict = options.strict;
    let methods = crate::methods().into_iter();
    let methods = methods.filter(|method| method.exists(&options));
    let registry = Registry::new(methods);
    let gate = Gate::new(options.token.clone());
    let max_response = options.max_response_bytes as usize;
    let shared = Arc::new(Shared {
        node: Node::new(handle, options),
        registry,
        streams: Arc::new(Streams::default()),
        max_response,
    });

    crate::narrate::start(&shared.node);
    let listener =
        tokio::net::TcpListener::from_std(listener).map_err(|error| refused(wanted, error))?;
    let (stop, handle) = stop_channel();
    let service = shared.clone();
    let rpc = RpcServiceBuilder::new().layer_fn(move |inner| Dispatch::new(inner, service.clone()));
    let builder = Server::builder()
        .set_config(config)
        .set_rpc_middleware(rpc)
        .to_service_builder();
    let methods = stream_methods(&shared);
    let stops = stop.clone();
    // Of one connection.
    let service = move |flow| {
        let front = Front {
            gate: gate.clone(),
            strict,
            flow,
        };
        let http = tower::ServiceBuilder::new()
            .layer(cors.clone())
            .layer(front);
        builder
            .clone()
            .set_http_middleware(http)
            .build(methods.clone(), stops.clone())
    };
    tokio::spawn(async move {
        let mut door = Door::new(listener);
        let stopped = stop.clone().shutdown();
        tokio::pin!(stopped);
        loop {
            let (stream, leaving) = tokio::select! {
                client = door.next() => client,
                () = &mut stopped => return,
            };
            // Answers are small and waited for. A client that is gone already is noticed below.
            let _ = stream.set_nodelay(true);
            let flow = Arc::<Flow>::default();
            let service = service(flow.clone());
            let stopped = stop.clone().shutdown();
            tokio::spawn(async move {
                let stream = Paced::new(stream, flow, leaving);
                if let Err(error) = serve_with_graceful_shutdown(stream, service, stopped).await {
                    tracing::debug!(%error, "a connection ended badly");
                }
            });
        }
    });
    Ok(RunningServer {
        address,
        handle,
        shared,
    })
}

/// The origins from which browsers may ask.
fn origins(allowed: &[String]) -> Result<AllowOrigin, ServeError> {
    if allowed.is_empty() {
        return Ok(Any.into());
    }
    let parsed = allowed.iter().map(|origin| {
        origin
            .parse()
            .map_err(|_| ServeError::Origin(origin.clone()))
    });
    Ok(AllowOrigin::list(parsed.collect::<Result<Vec<_>, _>>()?))
}

fn refused(address: SocketAddr, reason: std::io::Error) -> ServeError {
    match reason.kind() {
        std::io::ErrorKind::AddrInUse => ServeError::PortBusy { address },
        std::io::ErrorKind::PermissionDenied => ServeError::NotAllowed { address },
        _ => ServeError::Listen { address, reason },
    }
}
