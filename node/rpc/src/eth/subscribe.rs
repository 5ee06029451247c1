//! Subscriptions: what a client is told over a WebSocket (spec 10 §2.14).

use boatyard_chain::ChainEvent;

use crate::call::Call;
use crate::error::{RpcError, quote};
use crate::eth::logs::{self, LogFilter, Numbering};
use crate::eth::patience::Listening;
use crate::follow::Follower;
use crate::params::{Json, Text};
use crate::registry::{Method, Param, ParamDoc, Paths, Permission, Presence, Work, methods};
use crate::stream::{Gone, Outlet, Protocol, Source};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    let mut methods = methods![
        /// Begins to tell of `newHeads`, `logs` (with a filter), `newPendingTransactions` or
        /// `syncing`. WebSocket only.
        ["eth_subscribe", "Filecoin.EthSubscribe"]
        (kind: Text, filter: Option<Json>) -> "subscription id" = stream subscribe;
    ];
    methods.push(Method {
        name: "eth_unsubscribe",
        aliases: &["Filecoin.EthUnsubscribe"],
        doc: "Ends a subscription of this connection.",
        paths: Paths::All,
        permission: Permission::Read,
        presence: Presence::Always,
        params: vec![ParamDoc::of::<Text>("id")],
        result: "bool",
        work: Work::Unsubscribe,
    });
    methods
}

enum Topic {
    Heads,
    Logs(Box<LogFilter>),
    Pending,
}

fn subscribe(call: &Call, kind: Text, filter: Option<Json>) -> Result<Source, RpcError> {
    let topic = match kind.0.as_str() {
        "newHeads" => Topic::Heads,
        "logs" => {
            let filter = filter.map(|filter| LogFilter::read(filter.0)).transpose();
            let filter = filter.map_err(RpcError::invalid_params)?;
            Topic::Logs(Box::new(filter.unwrap_or_default()))
        }
        "newPendingTransactions" | "pendingTransactions" => Topic::Pending,
        // Says once that the node is not behind, which will not change.
        "syncing" if !call.node.options.strict => {
            let node = call.node.clone();
            return Ok(Source::new(Protocol::Ethereum, async move |outlet| {
                if outlet.send(&false).await.is_ok() {
                    node.stopping().await;
                }
            }));
        }
        other => {
            return Err(RpcError::failure(format!(
                "unsupported subscription \"{}\"; there are newHeads, logs, \
                 newPendingTransactions and syncing",
                quote(other)
            )));
        }
    };
    let mut follower = Follower::new(&call.node.chain);
    let call = call.clone();
    let listens = matches!(topic, Topic::Heads);
    let listening = call
        .socket
        .filter(|_| listens)
        .map(|client| Listening::new(call.node.clone(), client));
    Ok(Source::new(Protocol::Ethereum, async move |outlet| {
        let _listening = listening;
        while let Some(event) = follower.next().await {
            if tell(&call, &topic, event, &outlet).await.is_err() {
                break;
            }
        }
    }))
}

/// Sends what of an event is wanted.
async fn tell(call: &Call, topic: &Topic, event: ChainEvent, outlet: &Outlet) -> Result<(), Gone> {
    let node = &call.node;
    let numbering = Numbering::of(node, Numbering::None);
    match (topic, event) {
        (Topic::Heads, ChainEvent::Applied(tipset)) => {
            match node.writer(&tipset).block(&tipset, node.options.strict) {
                Ok(block) => outlet.send(&block).await,
                Err(error) => Err(give_up(&error)),
            }
        }
        (Topic::Logs(filter), ChainEvent::Applied(tipset)) => {
            send_logs(
                outlet,
                logs::of_tipset(node, filter, &tipset, false, numbering),
            )
            .await
        }
        (Topic::Logs(filter), ChainEvent::Reverted(tipset)) => {
            send_logs(
                outlet,
                logs::of_tipset(node, filter, &tipset, true, numbering),
            )
            .await
        }
        (Topic::Pending, ChainEvent::Pending(message)) => outlet.send(&message.eth_hash).await,
        _ => Ok(()),
    }
}

async fn send_logs(
    outlet: &Outlet,
    logs: Result<Vec<crate::eth::types::Log>, RpcError>,
) -> Result<(), Gone> {
    for log in logs.map_err(|error| give_up(&error))? {
        outlet.send(&log).await?;
    }
    Ok(())
}

fn give_up(error: &dyn std::fmt::Display) -> Gone {
    tracing::error!(%error, "a subscription ends because the chain cannot be read");
    Gone
}
