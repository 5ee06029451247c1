//! The tipsets of the chain, and where to find what they contain.
//!
//! Everything here is derived from the tipsets and follows them forwards and
//! backwards. Look-ups cost the same however long the chain is, but for the
//! logarithm of a search by epoch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use alloy::primitives::B256;
use cid::Cid;
use fvm_shared::ActorID;
use fvm_shared::clock::ChainEpoch;

use crate::message::message_cid;
use crate::tipset::{ExecutedTipset, MessageLocation};

/// The chain from genesis to head.
#[derive(Debug, Clone)]
pub(crate) struct Tipsets {
    by_height: BTreeMap<ChainEpoch, Arc<ExecutedTipset>>,
    /// Tipset hash (digest of the key's CID) → epoch.
    by_hash: HashMap<B256, ChainEpoch>,
    by_block: HashMap<Cid, ChainEpoch>,
    /// Message CID, signed and unsigned → epoch and place.
    messages: HashMap<Cid, (ChainEpoch, usize)>,
    /// Ethereum hash → epoch and place.
    hashes: HashMap<B256, (ChainEpoch, usize)>,
    /// Emitter → epochs in which it emitted something.
    emitters: HashMap<ActorID, BTreeSet<ChainEpoch>>,
    /// Epochs with events.
    eventful: BTreeSet<ChainEpoch>,
}

impl Tipsets {
    /// A chain of nothing but genesis.
    pub fn new(genesis: Arc<ExecutedTipset>) -> Self {
        let mut chain = Self {
            by_height: BTreeMap::new(),
            by_hash: HashMap::new(),
            by_block: HashMap::new(),
            messages: HashMap::new(),
            hashes: HashMap::new(),
            emitters: HashMap::new(),
            eventful: BTreeSet::new(),
        };
        chain.push(genesis);
        chain
    }

    /// The newest tipset.
    pub fn head(&self) -> &Arc<ExecutedTipset> {
        self.by_height
            .last_key_value()
            .expect("the chain has a genesis")
            .1
    }

    /// The tipset of epoch 0.
    pub fn genesis(&self) -> &Arc<ExecutedTipset> {
        self.by_height
            .first_key_value()
            .expect("the chain has a genesis")
            .1
    }

    /// The tipset at an epoch or the last before it; `None` before genesis.
    pub fn at_or_before(&self, epoch: ChainEpoch) -> Option<&Arc<ExecutedTipset>> {
        self.by_height
            .range(..=epoch)
            .next_back()
            .map(|(_, tipset)| tipset)
    }

    /// The tipset at an epoch or the first after it; `None` after the head.
    pub fn at_or_after(&self, epoch: ChainEpoch) -> Option<&Arc<ExecutedTipset>> {
        self.by_height
            .range(epoch..)
            .next()
            .map(|(_, tipset)| tipset)
    }

    /// The tipset with this hash.
    pub fn by_hash(&self, hash: &B256) -> Option<&Arc<ExecutedTipset>> {
        self.by_height.get(self.by_hash.get(hash)?)
    }

    /// The tipset that contains a block.
    pub fn by_block(&self, block: &Cid) -> Option<&Arc<ExecutedTipset>> {
        self.by_height.get(self.by_block.get(block)?)
    }

    /// Newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Arc<ExecutedTipset>> {
        self.by_height.values().rev()
    }

    /// How many tipsets lie on top of an epoch's, counted up to `limit`.
    pub fn on_top_of(&self, epoch: ChainEpoch, limit: u64) -> u64 {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.by_height.range(epoch + 1..).take(limit).count() as u64
    }

    /// The place of the message with this CID, signed or unsigned.
    pub fn message(&self, cid: &Cid) -> Option<MessageLocation> {
        self.locate(*self.messages.get(cid)?)
    }

    /// The place of the message with this Ethereum hash.
    pub fn message_by_hash(&self, hash: &B256) -> Option<MessageLocation> {
        self.locate(*self.hashes.get(hash)?)
    }

    /// Tipsets of the range that have events, of one of these emitters if any
    /// are given, in order.
    pub fn eventful(
        &self,
        range: RangeInclusive<ChainEpoch>,
        emitters: Option<&[ActorID]>,
    ) -> Vec<Arc<ExecutedTipset>> {
        if range.is_empty() {
            return Vec::new();
        }
        let epochs: BTreeSet<ChainEpoch> = match emitters {
            None => self.eventful.range(range).copied().collect(),
            Some(emitters) => emitters
                .iter()
                .filter_map(|emitter| self.emitters.get(emitter))
                .flat_map(|epochs| epochs.range(range.clone()).copied())
                .collect(),
        };
        epochs
            .iter()
            .filter_map(|epoch| self.by_height.get(epoch).cloned())
            .collect()
    }

    /// Puts a tipset on top.
    pub fn push(&mut self, tipset: Arc<ExecutedTipset>) {
        let height = tipset.height();
        self.by_hash.insert(tipset.tipset.eth_hash(), height);
        for block in tipset.key().cids() {
            self.by_block.insert(*block, height);
        }
        for (index, message) in tipset.messages.iter().enumerate() {
            self.messages.insert(message.cid, (height, index));
            self.messages
                .insert(message_cid(&message.signed.message), (height, index));
            self.hashes.insert(message.eth_hash, (height, index));
        }
        for (_, event) in tipset.events() {
            self.emitters
                .entry(event.emitter)
                .or_default()
                .insert(height);
            self.eventful.insert(height);
        }
        self.by_height.insert(height, tipset);
    }

    /// Takes the head off and gives it; `None`, and nothing happens, at genesis.
    pub fn pop(&mut self) -> Option<Arc<ExecutedTipset>> {
        if self.by_height.len() == 1 {
            return None;
        }
        let (height, tipset) = self.by_height.pop_last()?;
        self.by_hash.remove(&tipset.tipset.eth_hash());
        for block in tipset.key().cids() {
            self.by_block.remove(block);
        }
        for message in tipset.messages.iter() {
            self.messages.remove(&message.cid);
            self.messages.remove(&message_cid(&message.signed.message));
            self.hashes.remove(&message.eth_hash);
        }
        for (_, event) in tipset.events() {
            if let Some(epochs) = self.emitters.get_mut(&event.emitter) {
                epochs.remove(&height);
                if epochs.is_empty() {
                    self.emitters.remove(&event.emitter);
                }
            }
            self.eventful.remove(&height);
        }
        Some(tipset)
    }

    /// Exchanges what is known of the head for the same tipset after an edit.
    pub fn replace_head(&mut self, head: Arc<ExecutedTipset>) {
        debug_assert_eq!(head.key(), self.head().key());
        self.by_height.insert(head.height(), head);
    }

    fn locate(&self, (height, index): (ChainEpoch, usize)) -> Option<MessageLocation> {
        let tipset = self.by_height.get(&height)?.clone();
        Some(MessageLocation { tipset, index })
    }
}
