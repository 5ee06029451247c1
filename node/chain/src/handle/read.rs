//! Looking things up.

use std::sync::Arc;

use alloy::primitives::B256;
use boatyard_vm::context::ChainView as _;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;

use super::{ChainHandle, Found};
use crate::admission::canonical_sender;
use crate::block::{BeaconEntry, TipsetKey};
use crate::config::MiningMode;
use crate::error::ChainError;
use crate::events::{self, EventFilter, EventRecord};
use crate::fees;
use crate::message::{Authority, PoolMessage};
use crate::producer;
use crate::randomness::View;
use crate::supply::{self, Supply};
use crate::tipset::{ExecutedTipset, TipsetRef};
use crate::view::StateView;

/// Tipsets and blocks.
impl ChainHandle {
    /// The newest tipset; executed, like all.
    pub fn head(&self) -> Arc<ExecutedTipset> {
        self.core().head()
    }

    /// The tipset of epoch 0.
    pub fn genesis(&self) -> Arc<ExecutedTipset> {
        self.core().data().tipsets.genesis().clone()
    }

    /// The tipset meant by `which`.
    ///
    /// # Errors
    /// [`ChainError::UnknownTipset`], [`ChainError::FutureEpoch`],
    /// [`ChainError::NegativeEpoch`].
    pub fn tipset(&self, which: &TipsetRef) -> Result<Arc<ExecutedTipset>, ChainError> {
        let data = self.core().data();
        let tipsets = &data.tipsets;
        let found = match which {
            TipsetRef::Head => Some(tipsets.head()),
            TipsetRef::Key(key) if key.is_empty() => Some(tipsets.head()),
            TipsetRef::Key(key) => tipsets.by_hash(&key.eth_hash()),
            TipsetRef::Hash(hash) => tipsets.by_hash(hash),
            TipsetRef::Height(epoch) => {
                check_epoch(*epoch, tipsets.head().height())?;
                tipsets.at_or_before(*epoch)
            }
        };
        found.cloned().ok_or_else(|| {
            ChainError::UnknownTipset(match which {
                TipsetRef::Key(key) => key.to_string(),
                TipsetRef::Hash(hash) => hash.to_string(),
                TipsetRef::Height(epoch) => format!("at epoch {epoch}"),
                TipsetRef::Head => "head".into(),
            })
        })
    }

    /// The tipset at this epoch, or the first after it if that is a null round.
    ///
    /// # Errors
    /// [`ChainError::FutureEpoch`] beyond the head, [`ChainError::NegativeEpoch`].
    pub fn tipset_after(&self, epoch: ChainEpoch) -> Result<Arc<ExecutedTipset>, ChainError> {
        let data = self.core().data();
        let head = data.tipsets.head().height();
        check_epoch(epoch, head)?;
        data.tipsets
            .at_or_after(epoch)
            .cloned()
            .ok_or(ChainError::FutureEpoch { epoch, head })
    }

    /// The parent; `None` for genesis, and for a tipset that is no longer on the chain
    /// if its parent is not either.
    pub fn parent(&self, tipset: &ExecutedTipset) -> Option<Arc<ExecutedTipset>> {
        let hash = tipset.tipset.parents().eth_hash();
        self.core().data().tipsets.by_hash(&hash).cloned()
    }

    /// The child on the chain; `None` for the head.
    pub fn child(&self, tipset: &ExecutedTipset) -> Option<Arc<ExecutedTipset>> {
        self.core()
            .data()
            .tipsets
            .at_or_after(tipset.height() + 1)
            .cloned()
    }

    /// The tipset that contains a block.
    ///
    /// # Errors
    /// [`ChainError::UnknownTipset`].
    pub fn tipset_of_block(&self, block: &Cid) -> Result<Arc<ExecutedTipset>, ChainError> {
        self.core()
            .data()
            .tipsets
            .by_block(block)
            .cloned()
            .ok_or_else(|| ChainError::UnknownTipset(format!("of block {block}")))
    }

    /// The key itself, or the head's for the empty one.
    pub fn key_or_head(&self, key: &TipsetKey) -> TipsetKey {
        if key.is_empty() {
            self.head().key().clone()
        } else {
            key.clone()
        }
    }

    /// Weight of the chain up to and including a tipset.
    ///
    /// # Errors
    /// When the state is broken.
    pub fn weight(&self, tipset: &ExecutedTipset) -> Result<BigInt, ChainError> {
        producer::weight(self.core(), tipset)
    }

    /// A block of the store; `None` if it has none.
    ///
    /// # Errors
    /// [`ChainError::Store`].
    pub fn read_block(&self, cid: &Cid) -> Result<Option<Vec<u8>>, ChainError> {
        self.core().store.get(cid).map_err(ChainError::Store)
    }
}

/// States and randomness.
impl ChainHandle {
    /// The state with this root. `tipset.state_root` is the state after a tipset,
    /// `tipset.tipset.parent_state_root()` the one before it.
    pub fn state(&self, root: Cid) -> StateView {
        StateView::new(self.core().store.clone(), root)
    }

    /// The state after executing the head.
    pub fn head_state(&self) -> StateView {
        self.core().head_state()
    }

    /// Circulating supply and its parts in a state.
    ///
    /// # Errors
    /// When the state is broken.
    pub fn supply(&self, state: &StateView) -> Result<Supply, ChainError> {
        supply::supply(&state.tree()?)
    }

    /// FIL that edits brought into being beyond what the faucet had, in attoFIL.
    pub fn minted_by_edits(&self) -> TokenAmount {
        self.core().data().minted.clone()
    }

    /// Randomness of the ticket chain at `epoch` before mixing, as seen from the
    /// head: the digest of the ticket of the last tipset at or before it.
    ///
    /// # Errors
    /// [`ChainError::FutureEpoch`], [`ChainError::NegativeEpoch`].
    pub fn ticket_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ChainError> {
        let view = self.view(epoch)?;
        view.ticket_randomness(epoch)
            .map_err(|_| ChainError::NegativeEpoch(epoch))
    }

    /// Randomness of the beacon at `epoch` before mixing.
    ///
    /// # Errors
    /// As [`Self::ticket_randomness`].
    pub fn beacon_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ChainError> {
        let view = self.view(epoch)?;
        view.beacon_randomness(epoch)
            .map_err(|_| ChainError::NegativeEpoch(epoch))
    }

    /// The beacon's entry of an epoch; null rounds have one, too.
    ///
    /// # Errors
    /// As [`Self::ticket_randomness`].
    pub fn beacon_entry(&self, epoch: ChainEpoch) -> Result<BeaconEntry, ChainError> {
        check_epoch(epoch, self.head().height())?;
        Ok(self.core().beacon_entry(epoch))
    }

    fn view(&self, epoch: ChainEpoch) -> Result<Arc<View>, ChainError> {
        let head = self.head().height();
        check_epoch(epoch, head)?;
        Ok(View::on_chain(self.core(), head))
    }
}

/// Messages and events.
impl ChainHandle {
    /// The message with this CID (signed or unsigned form), on the chain or in
    /// the pool.
    pub fn message(&self, cid: &Cid) -> Option<Found> {
        let data = self.core().data();
        if let Some(location) = data.tipsets.message(cid) {
            return Some(Found::Mined(location));
        }
        data.pool.get(cid).cloned().map(Found::Pending)
    }

    /// The message with this Ethereum hash, on the chain or in the pool.
    pub fn message_by_hash(&self, hash: &B256) -> Option<Found> {
        let data = self.core().data();
        if let Some(location) = data.tipsets.message_by_hash(hash) {
            return Some(Found::Mined(location));
        }
        data.pool.by_hash(hash).cloned().map(Found::Pending)
    }

    /// The CID of the message with this Ethereum hash.
    pub fn cid_by_hash(&self, hash: &B256) -> Option<Cid> {
        match self.message_by_hash(hash)? {
            Found::Mined(location) => Some(location.message().cid),
            Found::Pending(message) => Some(message.cid),
        }
    }

    /// Searches events in the index, in order of their happening.
    ///
    /// # Errors
    /// [`ChainError::TooManyEvents`].
    pub fn events(&self, filter: &EventFilter) -> Result<Vec<EventRecord>, ChainError> {
        let state = self.head_state();
        let emitters = match filter.emitters.as_slice() {
            [] => None,
            some => {
                let tree = state.tree()?;
                let mut ids = Vec::new();
                for address in some {
                    ids.extend(tree.resolve(address)?);
                }
                Some(ids)
            }
        };
        let tipsets = {
            let data = self.core().data();
            let to = filter
                .to
                .unwrap_or(ChainEpoch::MAX)
                .min(data.tipsets.head().height());
            data.tipsets
                .eventful(filter.from.max(0)..=to, emitters.as_deref())
        };
        events::search(&tipsets, emitters.as_deref(), filter)
    }

    /// Those events of one tipset that match a filter, whatever range it names; also of
    /// a tipset that is no longer on the chain.
    ///
    /// # Errors
    /// When the state is broken.
    pub fn events_of(
        &self,
        tipset: &Arc<ExecutedTipset>,
        filter: &EventFilter,
    ) -> Result<Vec<EventRecord>, ChainError> {
        let emitters = match filter.emitters.as_slice() {
            [] => None,
            some => {
                let tree = self.state(tipset.state_root).tree()?;
                let mut ids = Vec::new();
                for address in some {
                    ids.extend(tree.resolve(address)?);
                }
                Some(ids)
            }
        };
        events::search(std::slice::from_ref(tipset), emitters.as_deref(), filter)
    }
}

/// Fees, pool, time.
impl ChainHandle {
    /// Base fee of the next tipset, in attoFIL.
    pub fn next_base_fee(&self) -> TokenAmount {
        self.head().next_base_fee.clone()
    }

    /// A gas premium with which a message should be mined within `blocks` tipsets
    /// (spec 10 §2.12, without the noise).
    pub fn gas_premium(&self, blocks: u64) -> TokenAmount {
        // Nobody plans further ahead than Lotus does.
        let window = usize::try_from(blocks.clamp(1, 900) * 2).unwrap_or(usize::MAX);
        let data = self.core().data();
        let paid = data
            .tipsets
            .newest_first()
            .take(window)
            .flat_map(|tipset| tipset.messages.iter())
            .filter(|message| message.authority == Authority::Signed)
            .map(|message| {
                let fields = &message.signed.message;
                (fields.gas_premium.clone(), fields.gas_limit)
            })
            .collect();
        fees::premium_estimate(blocks, paid)
    }

    /// Gas that the messages of a block may ask for together.
    pub fn block_gas_limit(&self) -> u64 {
        self.core().data().block_gas_limit
    }

    /// All messages that wait, by sender and nonce.
    pub fn pending(&self) -> Vec<Arc<PoolMessage>> {
        self.core().data().pool.all().cloned().collect()
    }

    /// The nonce that the next message of a sender should have: after its state
    /// and the unbroken run of its pending messages.
    ///
    /// # Errors
    /// [`ChainError::ActorNotFound`] for a sender without actor.
    pub fn next_nonce(&self, sender: &Address) -> Result<u64, ChainError> {
        let state = self.head_state();
        let (_, actor) = state
            .actor(sender)?
            .ok_or(ChainError::ActorNotFound(*sender))?;
        let sender = canonical_sender(&state, sender)?;
        Ok(self.core().data().pool.next_nonce(&sender, actor.sequence))
    }

    /// Whether messages from `address` are taken without signature.
    pub fn is_impersonated(&self, address: &Address) -> bool {
        let impersonated = self
            .core()
            .impersonated
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if impersonated.everybody {
            return true;
        }
        let sender = canonical_sender(&self.head_state(), address).unwrap_or(*address);
        impersonated.senders.contains(&sender) || impersonated.senders.contains(address)
    }

    /// When tipsets are made.
    pub fn mining(&self) -> MiningMode {
        self.core().data().mode
    }

    /// The epoch that the next tipset is for.
    pub fn next_epoch(&self) -> ChainEpoch {
        self.core().next_epoch()
    }

    /// Timestamp of an epoch, in seconds since the Unix epoch.
    pub fn timestamp_of(&self, epoch: ChainEpoch) -> u64 {
        self.core().timestamp_of(epoch)
    }

    /// The first epoch whose timestamp is not below `timestamp`.
    pub fn epoch_at(&self, timestamp: u64) -> ChainEpoch {
        self.core().epoch_at(timestamp)
    }
}

fn check_epoch(epoch: ChainEpoch, head: ChainEpoch) -> Result<(), ChainError> {
    if epoch < 0 {
        return Err(ChainError::NegativeEpoch(epoch));
    }
    if epoch > head {
        return Err(ChainError::FutureEpoch { epoch, head });
    }
    Ok(())
}
