//! Values that flow to a client over a WebSocket after one request.
//!
//! Two protocols share a socket (spec 10 §1.4): subscriptions of the Ethereum
//! kind, and the channels of go-jsonrpc. They differ in framing and in how they
//! end; where the values come from is the same kind of [`Source`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jsonrpsee::ResponsePayload;
use jsonrpsee::core::server::MethodSink;
use jsonrpsee::server::{ConnectionId, MethodResponse};
use jsonrpsee::types::{Id, SubscriptionId};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::error::RpcError;
use crate::pressure::Flow;
use crate::registry::Boxed;

/// Streams that one connection may have at a time.
const MOST_OF_ONE: usize = 10_000;

/// Streams of all connections: each takes a few KiB.
const MOST_OF_ALL: usize = 100_000;

/// How values are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `eth_subscription` notifications, ended by `eth_unsubscribe`.
    Ethereum,
    /// `xrpc.ch.val` notifications, ended by `xrpc.cancel` or `xrpc.ch.close`.
    Channel,
}

/// Where the values of one stream come from.
pub struct Source {
    protocol: Protocol,
    run: Box<dyn FnOnce(Outlet) -> Boxed<()> + Send>,
}

impl Source {
    /// A stream that `run` feeds until it returns.
    pub fn new<F, W>(protocol: Protocol, run: F) -> Self
    where
        F: FnOnce(Outlet) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        Self {
            protocol,
            run: Box::new(|outlet| Box::pin(run(outlet))),
        }
    }
}

/// The client does not listen any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// The end of a stream at which values are put in.
#[derive(Clone)]
pub struct Outlet {
    sink: MethodSink,
    flow: Option<Arc<Flow>>,
    name: Name,
}

#[derive(Debug, Clone)]
enum Name {
    Subscription(String),
    Channel(u64),
}

impl Outlet {
    /// Sends a value; waits while the client is slow.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn send(&self, value: &impl Serialize) -> Result<(), Gone> {
        let frame = match &self.name {
            Name::Subscription(id) => json!({
                "jsonrpc": "2.0",
                "method": "eth_subscription",
                "params": { "subscription": id, "result": value },
            }),
            Name::Channel(id) => json!({
                "jsonrpc": "2.0",
                "method": "xrpc.ch.val",
                "params": [id, value],
            }),
        };
        self.push(&frame).await
    }

    async fn push(&self, frame: &serde_json::Value) -> Result<(), Gone> {
        let frame = RawValue::from_string(frame.to_string()).map_err(|_| Gone)?;
        if let Some(flow) = &self.flow {
            flow.unasked();
        }
        self.sink.send(frame).await.map_err(|_| Gone)
    }

    async fn close(&self) -> Result<(), Gone> {
        match self.name {
            Name::Subscription(_) => Ok(()),
            Name::Channel(id) => {
                self.push(&json!({ "jsonrpc": "2.0", "method": "xrpc.ch.close", "params": [id] }))
                    .await
            }
        }
    }
}

/// What a client may end: a stream, or a call that still runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// By subscription id.
    Subscription(String),
    /// By the id of its request.
    Request(Id<'static>),
}

/// Everything of all connections that can be ended from outside.
#[derive(Default)]
pub struct Streams {
    names: AtomicU64,
    open: Mutex<Open>,
    running: Mutex<HashMap<(ConnectionId, Key), oneshot::Sender<()>>>,
}

/// How many streams there are.
#[derive(Default)]
struct Open {
    all: usize,
    of: HashMap<ConnectionId, usize>,
}

impl Open {
    fn end(&mut self, connection: ConnectionId) {
        self.all = self.all.saturating_sub(1);
        if let Some(count) = self.of.get_mut(&connection) {
            *count -= 1;
            if *count == 0 {
                self.of.remove(&connection);
            }
        }
    }
}

impl Streams {
    fn count(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for one more stream of a connection; [`Self::open`] fills it.
    ///
    /// # Errors
    /// When the connection, or all together, have too many.
    pub fn reserve(&self, connection: ConnectionId) -> Result<(), RpcError> {
        let mut open = self.count();
        let own = open.of.get(&connection).copied().unwrap_or_default();
        if own >= MOST_OF_ONE || open.all >= MOST_OF_ALL {
            return Err(RpcError::failure(format!(
                "too many subscriptions: {own} on this connection and {} in all; end some that \
                 nobody reads",
                open.all
            )));
        }
        open.all += 1;
        *open.of.entry(connection).or_default() += 1;
        Ok(())
    }

    fn running(&self) -> MutexGuard<'_, HashMap<(ConnectionId, Key), oneshot::Sender<()>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers the request `id` with the name of a new stream, for which there is room, and
    /// lets its values flow once the answer is on its way.
    pub fn open(
        self: &Arc<Self>,
        source: Source,
        id: Id<'static>,
        connection: ConnectionId,
        sink: MethodSink,
        flow: Option<Arc<Flow>>,
    ) -> MethodResponse {
        let number = self.names.fetch_add(1, Ordering::Relaxed) + 1;
        let (name, key, shown) = match source.protocol {
            Protocol::Ethereum => {
                let text = format!("0x{number:032x}");
                (
                    Name::Subscription(text.clone()),
                    Key::Subscription(text.clone()),
                    SubscriptionId::Str(text.into()),
                )
            }
            Protocol::Channel => (
                Name::Channel(number),
                Key::Request(id.clone()),
                SubscriptionId::Num(number),
            ),
        };
        let (payload, answered) = ResponsePayload::success(shown).notify_on_completion();
        let response = MethodResponse::response(id, payload, sink.max_response_size() as usize);

        let (stop, stopped) = oneshot::channel();
        let key = (connection, key);
        self.running().insert(key.clone(), stop);
        let streams = self.clone();
        tokio::spawn(async move {
            // Inside a batch nobody reports that the answer went out; the error
            // then only means "cannot tell".
            let _ = answered.await;
            let gone = sink.clone();
            let outlet = Outlet { sink, flow, name };
            let farewell = outlet.clone();
            tokio::select! {
                () = (source.run)(outlet) => { let _ = farewell.close().await; }
                _ = stopped => { let _ = farewell.close().await; }
                () = gone.closed() => {}
            }
            streams.running().remove(&key);
            streams.count().end(connection);
        });
        response
    }

    /// Ends a subscription; false when the connection has none of this name.
    pub fn unsubscribe(&self, connection: ConnectionId, id: &str) -> bool {
        self.running()
            .remove(&(connection, Key::Subscription(id.to_owned())))
            .is_some_and(|stop| stop.send(()).is_ok())
    }

    /// Ends whatever the request `id` of this connection started.
    pub fn cancel(&self, connection: ConnectionId, id: Id<'_>) {
        let key = (connection, Key::Request(id.into_owned()));
        if let Some(stop) = self.running().remove(&key) {
            // A receiver that is gone has ended by itself.
            let _ = stop.send(());
        }
    }

    /// Notes that the call `id` runs. The receiver fires when it is cancelled;
    /// dropping the guard forgets the call.
    pub fn started(
        self: &Arc<Self>,
        connection: ConnectionId,
        id: Id<'static>,
    ) -> (oneshot::Receiver<()>, Running) {
        let (stop, stopped) = oneshot::channel();
        let key = (connection, Key::Request(id));
        self.running().insert(key.clone(), stop);
        let guard = Running {
            streams: self.clone(),
            key,
        };
        (stopped, guard)
    }
}

/// A call that runs; see [`Streams::started`].
pub struct Running {
    streams: Arc<Streams>,
    key: (ConnectionId, Key),
}

impl Drop for Running {
    fn drop(&mut self) {
        self.streams.running().remove(&self.key);
    }
}
