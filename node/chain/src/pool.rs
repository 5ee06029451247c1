//! Which messages wait, and in which order they are mined.
//!
//! Each sender's messages are mined in the order of their nonces; between senders
//! the one whose next message tips more goes first, and of equal ones the one
//! that came first. Messages behind a gap, or with a fee cap below the base fee,
//! wait. Knows nothing of signatures and balances: [`crate::admission`] does.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use alloy::primitives::B256;
use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;

use crate::error::Rejection;
use crate::fees::effective_premium;
use crate::message::{Authority, PoolMessage, SignedMessage, message_cid};

/// Messages that one sender may have waiting.
pub const MAX_PENDING_PER_SENDER: usize = 1_000;
/// Messages in a block.
const MAX_MESSAGES_PER_BLOCK: usize = 10_000;
/// A replacement must offer this many percent of the premium that it replaces.
pub const REPLACE_BY_FEE_PERCENT: u64 = 125;

/// Messages that wait. Cloning shares the messages.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool {
    senders: BTreeMap<Address, BTreeMap<u64, Arc<PoolMessage>>>,
    by_cid: HashMap<Cid, (Address, u64)>,
    by_hash: HashMap<B256, (Address, u64)>,
    arrivals: u64,
}

/// What [`Pool::insert`] did.
#[derive(Debug)]
pub(crate) struct Inserted {
    pub message: Arc<PoolMessage>,
    pub replaced: Option<Arc<PoolMessage>>,
}

impl Pool {
    /// Puts a message in, or in the place of one with the same nonce.
    pub fn insert(
        &mut self,
        signed: SignedMessage,
        eth_hash: B256,
        authority: Authority,
    ) -> Result<Inserted, Rejection> {
        let sender = signed.message.from;
        let nonce = signed.message.sequence;
        let cid = signed.cid();
        if self.by_cid.contains_key(&cid) {
            return Err(Rejection::AlreadyKnown(cid));
        }
        let waiting = self.senders.get(&sender);
        match waiting.and_then(|queue| queue.get(&nonce)) {
            Some(old) => {
                let old = &old.signed.message.gas_premium;
                let min = replacement_premium(old);
                // Impersonated messages pay nothing: the newer one counts.
                if authority == Authority::Signed && signed.message.gas_premium < min {
                    return Err(Rejection::Underpriced {
                        sender,
                        nonce,
                        old: old.clone(),
                        min,
                    });
                }
            }
            None if waiting.is_some_and(|queue| queue.len() >= MAX_PENDING_PER_SENDER) => {
                return Err(Rejection::TooManyPending {
                    sender,
                    max: MAX_PENDING_PER_SENDER,
                });
            }
            None => {}
        }
        let arrival = self.arrivals;
        self.arrivals += 1;
        let message = Arc::new(PoolMessage {
            signed,
            cid,
            eth_hash,
            authority,
            arrival,
        });
        let replaced = self
            .senders
            .entry(sender)
            .or_default()
            .insert(nonce, message.clone());
        if let Some(old) = &replaced {
            self.forget(old);
        }
        self.by_cid.insert(cid, (sender, nonce));
        self.by_cid
            .insert(message_cid(&message.signed.message), (sender, nonce));
        self.by_hash.insert(eth_hash, (sender, nonce));
        Ok(Inserted { message, replaced })
    }

    /// The message with this CID, signed or unsigned.
    pub fn get(&self, cid: &Cid) -> Option<&Arc<PoolMessage>> {
        let (sender, nonce) = self.by_cid.get(cid)?;
        self.senders.get(sender)?.get(nonce)
    }

    /// The message with this Ethereum hash.
    pub fn by_hash(&self, hash: &B256) -> Option<&Arc<PoolMessage>> {
        let (sender, nonce) = self.by_hash.get(hash)?;
        self.senders.get(sender)?.get(nonce)
    }

    /// All messages by sender and nonce.
    pub fn all(&self) -> impl Iterator<Item = &Arc<PoolMessage>> {
        self.senders.values().flat_map(|queue| queue.values())
    }

    /// A sender's messages by nonce.
    pub fn of(&self, sender: &Address) -> impl Iterator<Item = &Arc<PoolMessage>> {
        self.senders
            .get(sender)
            .into_iter()
            .flat_map(|queue| queue.values())
    }

    /// Whether the sender has messages here.
    pub fn has_sender(&self, sender: &Address) -> bool {
        self.senders.contains_key(sender)
    }

    /// The nonce after the unbroken run of messages that starts at `next`.
    pub fn next_nonce(&self, sender: &Address, next: u64) -> u64 {
        let Some(queue) = self.senders.get(sender) else {
            return next;
        };
        queue
            .range(next..)
            .zip(next..)
            .take_while(|((nonce, _), next)| **nonce == *next)
            .count() as u64
            + next
    }

    /// Takes a message out.
    pub fn remove(&mut self, cid: &Cid) -> Option<Arc<PoolMessage>> {
        let (sender, nonce) = *self.by_cid.get(cid)?;
        let queue = self.senders.get_mut(&sender)?;
        let message = queue.remove(&nonce)?;
        if queue.is_empty() {
            self.senders.remove(&sender);
        }
        self.forget(&message);
        Some(message)
    }

    /// Takes all messages of a sender out, or all.
    pub fn clear(&mut self, sender: Option<&Address>) -> Vec<Arc<PoolMessage>> {
        let gone: Vec<_> = match sender {
            Some(sender) => self.of(sender).cloned().collect(),
            None => self.all().cloned().collect(),
        };
        for message in &gone {
            self.remove(&message.cid);
        }
        gone
    }

    /// Takes out a sender's messages with nonces below `next`.
    pub fn prune(&mut self, sender: &Address, next: u64) -> Vec<Arc<PoolMessage>> {
        let gone: Vec<_> = self
            .of(sender)
            .take_while(|message| message.signed.message.sequence < next)
            .cloned()
            .collect();
        for message in &gone {
            self.remove(&message.cid);
        }
        gone
    }

    /// The messages of the next block, in order.
    ///
    /// `next_nonce` gives the nonce with which a sender continues in the state.
    pub fn select<E>(
        &self,
        next_nonce: impl Fn(&Address) -> Result<u64, E>,
        base_fee: &TokenAmount,
        gas_limit: u64,
    ) -> Result<Vec<Arc<PoolMessage>>, E> {
        let mut candidates = BinaryHeap::new();
        for (sender, queue) in &self.senders {
            if let Some(message) = queue.get(&next_nonce(sender)?) {
                candidates.extend(Candidate::new(message, base_fee));
            }
        }
        let mut room = gas_limit;
        let mut chosen = Vec::new();
        while let Some(Candidate { message, .. }) = candidates.pop() {
            let limit = message.signed.message.gas_limit;
            if limit > room {
                // Neither this one nor what its sender has behind it.
                continue;
            }
            room -= limit;
            let next = message.signed.message.sequence.checked_add(1);
            let queue = &self.senders[&message.signed.message.from];
            if let Some(message) = next.and_then(|next| queue.get(&next)) {
                candidates.extend(Candidate::new(message, base_fee));
            }
            chosen.push(message.clone());
            if chosen.len() == MAX_MESSAGES_PER_BLOCK {
                break;
            }
        }
        Ok(chosen)
    }

    fn forget(&mut self, message: &PoolMessage) {
        self.by_cid.remove(&message.cid);
        self.by_cid.remove(&message_cid(&message.signed.message));
        self.by_hash.remove(&message.eth_hash);
    }
}

/// What a message must offer to replace one with this premium: a quarter more,
/// rounded up, and in any case more.
pub(crate) fn replacement_premium(old: &TokenAmount) -> TokenAmount {
    let raised = (old * BigInt::from(REPLACE_BY_FEE_PERCENT)).div_ceil(100);
    raised.max(old + TokenAmount::from_atto(1))
}

/// A message that could be mined next. The greatest is taken first.
struct Candidate<'a> {
    message: &'a Arc<PoolMessage>,
    rank: (TokenAmount, Reverse<u64>),
}

impl<'a> Candidate<'a> {
    fn new(message: &'a Arc<PoolMessage>, base_fee: &TokenAmount) -> Option<Self> {
        let fields = &message.signed.message;
        let tip = match message.authority {
            Authority::Signed if fields.gas_fee_cap < *base_fee => return None,
            Authority::Signed => {
                effective_premium(base_fee, &fields.gas_fee_cap, &fields.gas_premium)
            }
            Authority::Impersonated => TokenAmount::default(),
        };
        Some(Self {
            message,
            rank: (tip, Reverse(message.arrival)),
        })
    }
}

impl PartialEq for Candidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Candidate<'_> {}

impl PartialOrd for Candidate<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

#[cfg(test)]
mod tests;
