//! Searching events, and being told of new ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::event::{ActorEvent, StampedEvent};
use tokio::sync::broadcast;

use crate::message::PoolMessage;
use crate::tipset::{ExecutedMessage, ExecutedTipset};

/// A value that an event's entry may have: codec (`None` for any) and bytes.
pub type AcceptedValue = (Option<u64>, Vec<u8>);

/// Which events are wanted.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// First epoch, inclusive.
    pub from: ChainEpoch,
    /// Last epoch, inclusive; `None` is the head.
    pub to: Option<ChainEpoch>,
    /// Emitters; empty means any. Addresses that no actor has match nothing.
    pub emitters: Vec<Address>,
    /// Key → accepted values (codec, bytes); all keys must match. A value of
    /// codec `None` matches any codec. Topics of Ethereum logs are the keys `t1` to `t4`.
    pub keys: BTreeMap<String, Vec<AcceptedValue>>,
    /// Give up with [`crate::ChainError::TooManyEvents`] beyond this number of
    /// matches spread over more than one tipset; `None` is no limit.
    pub limit: Option<usize>,
}

/// An event that was found.
#[derive(Debug, Clone)]
pub struct EventRecord {
    /// The tipset it happened in.
    pub tipset: Arc<ExecutedTipset>,
    /// Its message's place in the tipset.
    pub message_index: usize,
    /// Its place among all events of the tipset.
    pub event_index: usize,
    /// Its place among the tipset's Ethereum logs (see [`is_eth_log`]), if it is one.
    pub log_index: Option<usize>,
    /// The event.
    pub event: StampedEvent,
}

impl EventRecord {
    /// The message that emitted it.
    pub fn message(&self) -> &ExecutedMessage {
        &self.tipset.messages[self.message_index]
    }
}

/// Whether an event is a log for Ethereum clients: all entries raw, keys `t1` to
/// `t4` and `d` (spec 10 §2.10).
pub fn is_eth_log(event: &StampedEvent) -> bool {
    is_log(&event.event)
}

/// The same of an event without its emitter.
pub fn is_log(event: &ActorEvent) -> bool {
    const RAW: u64 = 0x55;
    event.entries.iter().all(|entry| {
        entry.codec == RAW
            && match entry.key.as_str() {
                "d" => true,
                "t1" | "t2" | "t3" | "t4" => entry.value.len() == 32,
                _ => false,
            }
    })
}

/// Something that happened to the chain or its pool.
#[derive(Debug, Clone)]
pub enum ChainEvent {
    /// A tipset became the head. Its events are new.
    Applied(Arc<ExecutedTipset>),
    /// The head was taken back; its parent is head again. Its events are void.
    Reverted(Arc<ExecutedTipset>),
    /// A message entered the pool.
    Pending(Arc<PoolMessage>),
    /// A message left the pool without being mined: replaced, dropped, or gone
    /// with a revert.
    Dropped(Arc<PoolMessage>),
}

/// What a [`Subscription`] delivers.
#[derive(Debug, Clone)]
pub enum Notice {
    /// The next thing that happened, in order.
    Event(ChainEvent),
    /// The subscriber was too slow; this many events are lost. Start over from
    /// the current head.
    Missed(u64),
}

/// A stream of what happens from now on.
#[derive(Debug)]
pub struct Subscription {
    pub(crate) receiver: broadcast::Receiver<ChainEvent>,
}

impl Subscription {
    /// Waits for the next event; `None` once the chain has stopped.
    pub async fn next(&mut self) -> Option<Notice> {
        match self.receiver.recv().await {
            Ok(event) => Some(Notice::Event(event)),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(Notice::Missed(count)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<Notice> {
        match self.receiver.try_recv() {
            Ok(event) => Some(Notice::Event(event)),
            Err(broadcast::error::TryRecvError::Lagged(count)) => Some(Notice::Missed(count)),
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => {
                None
            }
        }
    }
}

/// Searches the events of tipsets, given in order.
pub(crate) fn search(
    tipsets: &[Arc<ExecutedTipset>],
    emitters: Option<&[fvm_shared::ActorID]>,
    filter: &EventFilter,
) -> Result<Vec<EventRecord>, crate::ChainError> {
    let mut found = Vec::new();
    for tipset in tipsets {
        let before = found.len();
        let mut logs = 0;
        for (event_index, (message_index, event)) in tipset.events().enumerate() {
            let log_index = is_eth_log(event).then(|| {
                logs += 1;
                logs - 1
            });
            let wanted = emitters.is_none_or(|emitters| emitters.contains(&event.emitter));
            if wanted && matches_keys(event, filter) {
                found.push(EventRecord {
                    tipset: tipset.clone(),
                    message_index,
                    event_index,
                    log_index,
                    event: event.clone(),
                });
            }
        }
        // One tipset may have any number: nobody could ask for less than it.
        if let Some(limit) = filter.limit
            && found.len() > limit
            && before > 0
        {
            return Err(crate::ChainError::TooManyEvents(limit));
        }
    }
    Ok(found)
}

fn matches_keys(event: &StampedEvent, filter: &EventFilter) -> bool {
    filter.keys.iter().all(|(key, values)| {
        values.is_empty()
            || event.event.entries.iter().any(|entry| {
                entry.key == *key
                    && values.iter().any(|(codec, value)| {
                        codec.is_none_or(|codec| codec == entry.codec) && *value == entry.value
                    })
            })
    })
}
