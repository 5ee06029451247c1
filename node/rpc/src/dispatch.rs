//! From a JSON-RPC request to the method that answers it.
//!
//! jsonrpsee carries requests and answers; which method answers is decided
//! here, because a name can mean different things on different paths, because
//! channels and cancellations are not JSON-RPC subscriptions (spec 10 §1.5), and
//! so that no fault of a method gets further than its own answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jsonrpsee::core::middleware::{Batch, BatchEntry, Notification, RpcServiceT};
use jsonrpsee::core::server::{BatchResponseBuilder, MethodCallback};
use jsonrpsee::server::{ConnectionId, MethodResponse};
use jsonrpsee::types::{ErrorObjectOwned, Extensions, Id, Request};
use jsonrpsee::{Methods, ResponsePayload};
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use crate::call::{Call, Path, Transport};
use crate::error::RpcError;
use crate::node::Node;
use crate::pressure::Flow;
use crate::registry::{Answer, Method, Params, Permission, Registry, Work};
use crate::stream::{Source, Streams};

/// What all connections share.
pub struct Shared {
    /// The node.
    pub node: Arc<Node>,
    /// Its methods.
    pub registry: Registry,
    /// Streams and calls that can be ended.
    pub streams: Arc<Streams>,
    /// Longest answer in bytes.
    pub max_response: usize,
}

/// The stream methods in the form jsonrpsee wants them: it alone can hand out
/// the sending end of a socket.
pub fn stream_methods(shared: &Arc<Shared>) -> Methods {
    let mut methods = Methods::new();
    for method in shared.registry.methods() {
        if !matches!(method.work, Work::Stream(_)) {
            continue;
        }
        for name in method.names() {
            let shared = shared.clone();
            let callback = MethodCallback::Subscription(Arc::new(
                move |id, params, sink, state, extensions| {
                    let id = id.into_owned();
                    let call = shared.call(path_of(&extensions), Some(state.conn_id));
                    let allowed = permission_of(&extensions);
                    let source = shared
                        .source(name, &call, allowed, params.as_str())
                        .and_then(|source| shared.streams.reserve(state.conn_id).map(|()| source));
                    let answer = match source {
                        Ok(source) => {
                            let flow = flow_of(&extensions);
                            shared.streams.open(source, id, state.conn_id, sink, flow)
                        }
                        Err(error) => MethodResponse::error(id, shared.object(error)),
                    };
                    Box::pin(std::future::ready(answer.with_extensions(extensions)))
                },
            ));
            methods
                .verify_and_insert(name, callback)
                .expect("the registry has every name once");
        }
    }
    methods
}

impl Shared {
    /// Where the values of a stream come from.
    fn source(
        &self,
        name: &str,
        call: &Call,
        allowed: Permission,
        params: Option<&str>,
    ) -> Result<Source, RpcError> {
        let method = self.lookup(name, call.path, allowed)?;
        let params = self.params(&method, params)?;
        match &method.work {
            Work::Stream(work) => work(call, params),
            _ => Err(RpcError::method_not_found(name)),
        }
    }

    fn call(&self, path: Path, socket: Option<ConnectionId>) -> Call {
        Call {
            node: self.node.clone(),
            path,
            socket,
        }
    }

    fn lookup(&self, name: &str, path: Path, allowed: Permission) -> Result<Arc<Method>, RpcError> {
        let method = self
            .registry
            .find(name, path)
            .ok_or_else(|| RpcError::method_not_found(name))?;
        if method.permission > allowed {
            return Err(RpcError::permission(name, method.permission.name()));
        }
        Ok(method.clone())
    }

    fn object(&self, error: RpcError) -> ErrorObjectOwned {
        error.into_object(self.node.options.strict)
    }

    fn params(&self, method: &Method, text: Option<&str>) -> Result<Params, RpcError> {
        let params = Params::parse(method.name, text, self.node.options.strict)?;
        params.check_count(&method.params)?;
        Ok(params)
    }

    /// Does what a client wants without an answer.
    fn notice(&self, notification: &Notification<'_>) {
        let connection = notification.extensions.get::<ConnectionId>().copied();
        if let (Some(connection), "xrpc.cancel") = (connection, notification.method_name())
            && let Some(params) = notification.params.as_ref()
            && let Ok([id]) = serde_json::from_str::<[Id<'_>; 1]>(RawValue::get(params))
        {
            self.streams.cancel(connection, id);
        }
    }

    /// Answers a call that is not a stream.
    pub async fn answer(
        &self,
        name: &str,
        params: Option<&str>,
        path: Path,
        allowed: Permission,
        connection: Option<ConnectionId>,
    ) -> Answer {
        let method = self.lookup(name, path, allowed)?;
        let params = self.params(&method, params)?;
        let call = self.call(path, connection);
        let work = match method.work.clone() {
            Work::Compute(work) => tokio::task::spawn_blocking(move || work(&call, params)),
            Work::Wait(work) => tokio::spawn(work(call, params)),
            Work::Unsubscribe => {
                let mut params = params;
                let id: crate::params::Text = params.take("id")?;
                let ended = connection
                    .is_some_and(|connection| self.streams.unsubscribe(connection, &id.0));
                return crate::registry::answer(&ended);
            }
            Work::Stream(_) => {
                return Err(RpcError::failure(format!(
                    "{name} streams values and this connection doesn't support callbacks; \
                     use a WebSocket"
                )));
            }
        };
        // A call whose client gives up is not waited for any longer.
        let abort = AbortOnDrop(work.abort_handle());
        let outcome = work.await;
        drop(abort);
        outcome.unwrap_or_else(|fault| {
            tracing::error!(method = name, %fault, "a method failed inside");
            Err(RpcError::failure(format!(
                "{name} failed inside the node; this is a fault of Boatyard, please report it"
            )))
        })
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn path_of(extensions: &Extensions) -> Path {
    extensions.get::<Path>().copied().unwrap_or(Path::V1)
}

fn permission_of(extensions: &Extensions) -> Permission {
    extensions
        .get::<Permission>()
        .copied()
        .unwrap_or(Permission::Read)
}

/// Of a WebSocket.
fn flow_of(extensions: &Extensions) -> Option<Arc<Flow>> {
    extensions.get().cloned()
}

/// Calls of one WebSocket that are worked on or whose answers wait for the client to read;
/// further ones wait their turn.
const MOST_AT_WORK: usize = 128;

/// Calls that wait for something to happen. Miners have hundreds of them open; they take no
/// one's turn, and their answers are short.
const PATIENT: [&str; 4] = [
    "Filecoin.StateWaitMsg",
    "Filecoin.StateWaitMsgLimited",
    "Filecoin.StateGetBeaconEntry",
    "eth_sendRawTransactionSync",
];

/// Such calls of one WebSocket at a time.
const MOST_PATIENT: usize = 10_000;

/// Requests in one batch, and in all unfinished batches of one WebSocket: each takes a few
/// hundred bytes, however short it is.
pub const MOST_IN_BATCHES: usize = 65_536;

/// Bytes of parameters that wait their turn on one WebSocket.
const MOST_WAITING: usize = 256 << 20;

/// What one WebSocket has asked for and not read yet.
struct Backlog {
    at_work: Arc<Semaphore>,
    patient: AtomicUsize,
    in_batches: AtomicUsize,
    waiting: AtomicUsize,
}

/// What counts towards a bound until it is dropped.
struct Held<'a>(&'a AtomicUsize, usize);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

/// Adds to what is held already, unless that would be more than `most`.
fn hold<'a>(
    held: &'a AtomicUsize,
    more: usize,
    most: usize,
    what: &str,
) -> Result<Held<'a>, RpcError> {
    let before = held.fetch_add(more, Ordering::Relaxed);
    let holding = Held(held, more);
    if before.saturating_add(more) > most {
        return Err(RpcError::failure(format!(
            "too much at once: {before} {what} of this connection are unfinished and {most} may \
             be; wait for answers before asking for more"
        )));
    }
    Ok(holding)
}

impl Backlog {
    fn patient(&self) -> Result<Held<'_>, RpcError> {
        hold(
            &self.patient,
            1,
            MOST_PATIENT,
            "calls that wait for something",
        )
    }

    fn batch(&self, requests: usize) -> Result<Held<'_>, RpcError> {
        hold(
            &self.in_batches,
            requests,
            MOST_IN_BATCHES,
            "requests in batches",
        )
    }

    fn wait(&self, bytes: usize) -> Result<Held<'_>, RpcError> {
        hold(&self.waiting, bytes, MOST_WAITING, "bytes of parameters")
    }
}

/// The JSON-RPC service of one connection.
#[derive(Clone)]
pub struct Dispatch<S> {
    inner: S,
    shared: Arc<Shared>,
    backlog: Arc<Backlog>,
}

impl<S> Dispatch<S> {
    /// Puts the methods of `shared` before jsonrpsee's own service.
    pub fn new(inner: S, shared: Arc<Shared>) -> Self {
        let backlog = Arc::new(Backlog {
            at_work: Arc::new(Semaphore::new(MOST_AT_WORK)),
            patient: AtomicUsize::new(0),
            in_batches: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        });
        Self {
            inner,
            shared,
            backlog,
        }
    }
}

impl<S> RpcServiceT for Dispatch<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            BatchResponse = MethodResponse,
            NotificationResponse = MethodResponse,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    type MethodResponse = MethodResponse;
    type BatchResponse = MethodResponse;
    type NotificationResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let inner = self.inner.clone();
        let shared = self.shared.clone();
        let backlog = self.backlog.clone();
        async move {
            let path = path_of(&request.extensions);
            let allowed = permission_of(&request.extensions);
            let socket = request.extensions.get::<Transport>() == Some(&Transport::WebSocket);
            let connection = request
                .extensions
                .get::<ConnectionId>()
                .copied()
                .filter(|_| socket);
            let method = shared.registry.find(&request.method, path);
            let streams = method.is_some_and(|method| matches!(method.work, Work::Stream(_)));
            let patient = method.is_some_and(|method| PATIENT.contains(&method.name));
            if socket && streams {
                return inner.call(request).await;
            }

            let id = request.id.into_owned();
            let params = request.params.as_ref().map(|params| RawValue::get(params));
            let refused = |error| {
                let payload = ResponsePayload::<()>::error(shared.object(error));
                MethodResponse::response(id.clone(), payload, shared.max_response)
            };
            let mut waits = None;
            let turn = if !socket {
                None
            } else if patient {
                match backlog.patient() {
                    Ok(held) => waits = Some(held),
                    Err(error) => return refused(error).with_extensions(request.extensions),
                }
                None
            } else {
                let _waiting = match backlog.wait(params.map_or(0, str::len)) {
                    Ok(held) => held,
                    Err(error) => return refused(error).with_extensions(request.extensions),
                };
                // An error would mean that it is closed, which nobody does.
                backlog.at_work.clone().acquire_owned().await.ok()
            };
            let work = shared.answer(&request.method, params, path, allowed, connection);
            let answer = match connection {
                None => tokio::select! {
                    answer = work => answer,
                    () = shared.node.stopping() => Err(stopping()),
                },
                Some(connection) => {
                    let (cancelled, _running) = shared.streams.started(connection, id.clone());
                    tokio::select! {
                        answer = work => answer,
                        Ok(()) = cancelled => Err(RpcError::failure("the request was cancelled")),
                        () = shared.node.stopping() => Err(stopping()),
                    }
                }
            };
            drop(waits);
            let payload = match answer {
                Ok(json) => ResponsePayload::success(json),
                Err(error) => ResponsePayload::error(shared.object(error)),
            };
            let Some(turn) = turn else {
                return MethodResponse::response(id, payload, shared.max_response)
                    .with_extensions(request.extensions);
            };
            // The next one's turn comes when this answer is on its way, or never will be.
            let (payload, sent) = payload.notify_on_completion();
            tokio::spawn(async move {
                let _ = sent.await;
                drop(turn);
            });
            MethodResponse::response(id, payload, shared.max_response)
                .with_extensions(request.extensions)
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let service = self.clone();
        async move {
            let (mut flow, mut bytes) = (None, 0);
            for entry in batch.iter().flatten() {
                let (extensions, params) = match entry {
                    BatchEntry::Call(request) => (&request.extensions, &request.params),
                    BatchEntry::Notification(notification) => {
                        (&notification.extensions, &notification.params)
                    }
                };
                flow = flow.or_else(|| flow_of(extensions));
                bytes += params.as_ref().map_or(0, |params| params.get().len());
            }
            let held = flow.is_some().then(|| {
                let requests = service.backlog.batch(batch.len())?;
                Ok::<_, RpcError>((requests, service.backlog.wait(bytes)?))
            });
            if let Some(Err(error)) = held {
                return MethodResponse::error(Id::Null, service.shared.object(error));
            }
            // In order, one by one: later requests may build on earlier ones.
            let mut answers = BatchResponseBuilder::new_with_limit(service.shared.max_response);
            let mut only_notifications = !batch.is_empty();
            for entry in batch {
                let answer = match entry {
                    Ok(BatchEntry::Call(request)) => service.call(request).await,
                    Ok(BatchEntry::Notification(notification)) => {
                        service.shared.notice(&notification);
                        continue;
                    }
                    Err(error) => {
                        let (error, id) = error.into_parts();
                        MethodResponse::error(id, error)
                    }
                };
                only_notifications = false;
                if let Err(too_long) = answers.append(answer) {
                    return too_long;
                }
            }
            if !only_notifications {
                return MethodResponse::from_batch(answers.finish());
            }
            if let Some(flow) = flow {
                flow.silent();
            }
            MethodResponse::notification()
        }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.shared.notice(&notification);
        if let Some(flow) = flow_of(&notification.extensions) {
            flow.silent();
        }
        async move { MethodResponse::notification().with_extensions(notification.extensions) }
    }
}

fn stopping() -> RpcError {
    RpcError::failure("the node is stopping")
}
