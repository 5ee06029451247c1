//! Clients that poll for confirmations must not wait for ever (spec 10 §8.4).
//!
//! While tipsets are made on message, nobody makes the blocks that
//! `tx.wait(3)`, `cast send --confirmations 3` or an Ignition deployment wait
//! for; such a client asks for the block number over and over. When somebody has
//! asked for a receipt, and the number has then been asked for repeatedly for a
//! while without a change, an empty tipset is made for whoever waits.

//!
//! Over a WebSocket clients do not poll but listen to `newHeads` while they wait.
//! When one that listens asks for a receipt, empty tipsets are made at a slow pace
//! until it does not listen any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use boatyard_chain::MiningMode;
use fvm_shared::clock::ChainEpoch;
use jsonrpsee::server::ConnectionId;

use crate::node::Node;

/// How long the head must have stood still since the receipt or the last poll
/// that made a tipset.
const STANDSTILL: Duration = Duration::from_millis(900);

/// Polls closer together than this count as one.
const APART: Duration = Duration::from_millis(150);

/// Polls needed.
const POLLS: u32 = 2;

/// Nobody has waited since so long: start over.
const FORGET: Duration = Duration::from_secs(60);

/// Watches polls of one node.
#[derive(Debug, Default)]
pub struct Patience(Mutex<Option<Waiting>>);

#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// Newest block of a transaction whose receipt was asked for.
    block: ChainEpoch,
    /// Head at the time of the polls counted.
    head: ChainEpoch,
    since: Instant,
    last: Instant,
    polls: u32,
}

impl Patience {
    /// A receipt from `block` was asked for while the head was at `head`.
    pub fn receipt(&self, block: ChainEpoch, head: ChainEpoch, now: Instant) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.as_mut() {
            // Asking again is part of waiting and does not begin it anew.
            Some(known) if known.block >= block => {}
            _ => {
                *waiting = Some(Waiting {
                    block,
                    head,
                    since: now,
                    last: now,
                    polls: 0,
                });
            }
        }
    }

    /// The block number was asked for while the head was at `head`. True when a
    /// tipset should be made, at most `limit` of them after the receipt's block.
    pub fn poll(&self, head: ChainEpoch, limit: u64, now: Instant) -> bool {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = guard.as_mut() else {
            return false;
        };
        let confirmed = head.saturating_sub(waiting.block);
        if now.duration_since(waiting.last) > FORGET || confirmed.unsigned_abs() >= limit {
            *guard = None;
            return false;
        }
        if head != waiting.head {
            waiting.head = head;
            waiting.since = now;
            waiting.last = now;
            waiting.polls = 0;
            return false;
        }
        if now.duration_since(waiting.last) >= APART {
            waiting.polls += 1;
            waiting.last = now;
        }
        let due = waiting.polls >= POLLS && now.duration_since(waiting.since) >= STANDSTILL;
        if due {
            waiting.since = now;
            waiting.polls = 0;
        }
        due
    }
}

/// Clients that listen to new heads, by their WebSocket.
#[derive(Debug, Default)]
pub struct Listeners(Mutex<HashMap<ConnectionId, Listener>>);

#[derive(Debug, Default)]
struct Listener {
    /// Subscriptions to new heads.
    subscriptions: usize,
    /// Newest block of a transaction whose receipt was asked for, while tipsets
    /// are being made for the client.
    waits_since: Option<ChainEpoch>,
}

impl Listeners {
    fn table(&self) -> MutexGuard<'_, HashMap<ConnectionId, Listener>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the client listens no longer, or has what it may wait for.
    fn content(&self, client: ConnectionId, head: ChainEpoch, limit: u64) -> bool {
        let mut table = self.table();
        let Some(listener) = table.get_mut(&client) else {
            return true;
        };
        let since = listener.waits_since.unwrap_or(head);
        let content = head.saturating_sub(since).unsigned_abs() >= limit;
        if content {
            listener.waits_since = None;
        }
        content
    }
}

/// A client listens to new heads as long as this lives.
pub struct Listening {
    node: Arc<Node>,
    client: ConnectionId,
}

impl Listening {
    /// One more subscription of `client`.
    pub fn new(node: Arc<Node>, client: ConnectionId) -> Self {
        node.listeners
            .table()
            .entry(client)
            .or_default()
            .subscriptions += 1;
        Self { node, client }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut table = self.node.listeners.table();
        if let Some(listener) = table.get_mut(&self.client) {
            listener.subscriptions -= 1;
            if listener.subscriptions == 0 {
                table.remove(&self.client);
            }
        }
    }
}

/// A client asked for a receipt from `block`: if it listens to new heads, tipsets
/// are made for it.
pub fn receipt_over_socket(node: &Arc<Node>, client: ConnectionId, block: ChainEpoch) {
    let limit = node.options.confirmations_on_demand;
    {
        let mut table = node.listeners.table();
        let Some(listener) = table.get_mut(&client).filter(|_| limit > 0) else {
            return;
        };
        let before = listener.waits_since;
        listener.waits_since = Some(before.unwrap_or(block).max(block));
        if before.is_some() {
            return;
        }
    }
    let node = node.clone();
    tokio::spawn(async move {
        let mut seen = node.chain.head().height();
        loop {
            tokio::time::sleep(STANDSTILL).await;
            let head = node.chain.head().height();
            if node.listeners.content(client, head, limit) {
                break;
            }
            let idle = head == seen && node.chain.mining() == MiningMode::OnMessage;
            if idle && node.chain.wait_epoch(head + 1).await.is_err() {
                break;
            }
            seen = node.chain.head().height();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Polls every `step` and gives the epochs reached at the end.
    fn epochs_after(patience: &Patience, polls: u32, step: Duration, limit: u64) -> ChainEpoch {
        let start = Instant::now();
        patience.receipt(10, 10, start);
        let mut head = 10;
        for poll in 1..=polls {
            if patience.poll(head, limit, start + step * poll) {
                head += 1;
            }
        }
        head
    }

    #[test]
    fn a_client_that_keeps_asking_gets_its_confirmations() {
        let reached = epochs_after(&Patience::default(), 40, Duration::from_millis(500), 100);
        assert!(reached >= 15, "{reached}");
        let slow = epochs_after(&Patience::default(), 12, Duration::from_secs(4), 100);
        assert!(slow >= 13, "{slow}");
    }

    #[test]
    fn a_look_at_the_number_makes_no_block() {
        assert_eq!(
            epochs_after(&Patience::default(), 50, Duration::from_millis(5), 100),
            10
        );
        assert_eq!(
            epochs_after(&Patience::default(), 1, Duration::from_secs(5), 100),
            10
        );
    }

    #[test]
    fn waiting_ends_after_the_agreed_number_of_blocks() {
        assert_eq!(
            epochs_after(&Patience::default(), 200, Duration::from_secs(1), 3),
            13
        );
    }

    #[test]
    fn without_a_receipt_nobody_waits() {
        let patience = Patience::default();
        let start = Instant::now();
        for poll in 0..20 {
            assert!(!patience.poll(10, 100, start + Duration::from_secs(poll)));
        }
    }
}
