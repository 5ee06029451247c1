//! The chain's events without gaps, for streams and filters.

use std::collections::VecDeque;
use std::sync::Arc;

use boatyard_chain::{ChainEvent, ChainHandle, ExecutedTipset, Notice, Subscription};

/// A [`Subscription`] that fills in what it missed: the head only ever moves from
/// a tipset to its parent or to its child.
pub struct Follower {
    chain: ChainHandle,
    subscription: Subscription,
    head: Arc<ExecutedTipset>,
    queue: VecDeque<ChainEvent>,
}

impl Follower {
    /// Follows `chain` from its present head on.
    pub fn new(chain: &ChainHandle) -> Self {
        // Subscribed first: what happens between the two lines comes twice and is
        // recognised, instead of not at all.
        let subscription = chain.subscribe();
        Self {
            head: chain.head(),
            chain: chain.clone(),
            subscription,
            queue: VecDeque::new(),
        }
    }

    /// The head at which the follower is.
    pub fn head(&self) -> &Arc<ExecutedTipset> {
        &self.head
    }

    /// Waits for the next event; `None` once the chain has stopped.
    pub async fn next(&mut self) -> Option<ChainEvent> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            let notice = self.subscription.next().await?;
            self.take(notice);
        }
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<ChainEvent> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            let notice = self.subscription.try_next()?;
            self.take(notice);
        }
    }

    fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Event(ChainEvent::Applied(tipset)) => {
                if tipset.tipset.parents() == *self.head.key() {
                    self.head = tipset.clone();
                    self.queue.push_back(ChainEvent::Applied(tipset));
                } else if tipset.key() != self.head.key() {
                    self.catch_up();
                }
            }
            Notice::Event(ChainEvent::Reverted(tipset)) => {
                if tipset.key() != self.head.key() {
                    self.catch_up();
                } else if let Some(parent) = self.chain.parent(&tipset) {
                    self.head = parent;
                    self.queue.push_back(ChainEvent::Reverted(tipset));
                }
            }
            Notice::Event(event @ (ChainEvent::Pending(_) | ChainEvent::Dropped(_))) => {
                self.queue.push_back(event);
            }
            Notice::Missed(_) => self.catch_up(),
        }
    }

    /// Queues the way from the head known here to the chain's present one.
    fn catch_up(&mut self) {
        self.subscription = self.chain.subscribe();
        let target = self.chain.head();
        let mut applied = Vec::new();
        let mut new = target.clone();
        let mut old = self.head.clone();
        while new.key() != old.key() {
            let step_new = new.height() >= old.height();
            let step = if step_new { &new } else { &old };
            let Some(parent) = self.chain.parent(step) else {
                // Two chains without a common block: a reset came in between.
                break;
            };
            if step_new {
                applied.push(std::mem::replace(&mut new, parent));
            } else {
                self.queue
                    .push_back(ChainEvent::Reverted(std::mem::replace(&mut old, parent)));
            }
        }
        self.queue
            .extend(applied.into_iter().rev().map(ChainEvent::Applied));
        self.head = target;
    }
}
