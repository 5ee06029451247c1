//! Streams of head changes and pool updates, as go-jsonrpc channels.

use std::sync::Arc;

use boatyard_chain::{ChainEvent, ExecutedTipset, PoolMessage};
use serde::Serialize;

use crate::call::Call;
use crate::error::RpcError;
use crate::fil::json::{SignedMessageJson, TipsetJson};
use crate::follow::Follower;
use crate::registry::{Method, methods};
use crate::stream::{Protocol, Source};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Tells of every change of the head: first the present one, then each step.
        /// WebSocket only.
        ["Filecoin.ChainNotify"]
        () -> "channel of HeadChanges" = stream chain_notify;

        /// Tells of messages that enter and leave the pool. WebSocket only.
        ["Filecoin.MpoolSub"]
        () -> "channel of MpoolUpdates" = stream mpool_sub;
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HeadChange {
    #[serde(rename = "Type")]
    kind: &'static str,
    val: TipsetJson,
}

impl HeadChange {
    fn new(kind: &'static str, tipset: &ExecutedTipset) -> [Self; 1] {
        [Self {
            kind,
            val: tipset.tipset.as_ref().into(),
        }]
    }
}

fn chain_notify(call: &Call) -> Result<Source, RpcError> {
    let mut follower = Follower::new(&call.node.chain);
    Ok(Source::new(Protocol::Channel, async move |outlet| {
        let mut open = outlet
            .send(&HeadChange::new("current", follower.head()))
            .await
            .is_ok();
        while open {
            open = match follower.next().await {
                Some(ChainEvent::Applied(tipset)) => outlet
                    .send(&HeadChange::new("apply", &tipset))
                    .await
                    .is_ok(),
                Some(ChainEvent::Reverted(tipset)) => outlet
                    .send(&HeadChange::new("revert", &tipset))
                    .await
                    .is_ok(),
                Some(ChainEvent::Pending(_) | ChainEvent::Dropped(_)) => true,
                None => false,
            };
        }
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MpoolUpdate {
    /// 0 added, 1 removed.
    #[serde(rename = "Type")]
    kind: u8,
    message: SignedMessageJson,
}

impl MpoolUpdate {
    fn new(kind: u8, message: &Arc<PoolMessage>) -> Self {
        Self {
            kind,
            message: (&message.signed).into(),
        }
    }
}

fn mpool_sub(call: &Call) -> Result<Source, RpcError> {
    let mut follower = Follower::new(&call.node.chain);
    Ok(Source::new(Protocol::Channel, async move |outlet| {
        while let Some(event) = follower.next().await {
            let updates: Vec<MpoolUpdate> = match &event {
                ChainEvent::Pending(message) => vec![MpoolUpdate::new(0, message)],
                ChainEvent::Dropped(message) => vec![MpoolUpdate::new(1, message)],
                ChainEvent::Applied(tipset) => tipset
                    .messages
                    .iter()
                    .map(|message| MpoolUpdate {
                        kind: 1,
                        message: (&message.signed).into(),
                    })
                    .collect(),
                ChainEvent::Reverted(_) => Vec::new(),
            };
            for update in updates {
                if outlet.send(&update).await.is_err() {
                    return;
                }
            }
        }
    }))
}
