//! Changing the chain: pool, mining, time, edits, snapshots.

use std::sync::Arc;

use alloy::primitives::B256;
use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;

use super::{ChainHandle, Found, Pushed, SnapshotId};
use crate::admission::{
    canonical_sender, check_form, check_state, fill_impersonated, with_fake_signature,
};
use crate::config::MiningMode;
use crate::core::Core;
use crate::edit::{self, StateEdit};
use crate::error::{ChainError, Rejection};
use crate::ethereum;
use crate::events::{ChainEvent, Notice};
use crate::fees::{BLOCK_GAS_LIMIT, MINIMUM_BASE_FEE};
use crate::history;
use crate::message::{Authority, SignedMessage};
use crate::participant::{self, NotSent};
use crate::producer;
use crate::threads::Lane;
use crate::tipset::{ExecutedTipset, MessageLocation};

/// Pool.
impl ChainHandle {
    /// Takes a signed message into the pool. While tipsets are made on message, it
    /// is mined before this returns, if nothing holds it back.
    ///
    /// # Errors
    /// [`Rejection`]: nothing has changed then.
    pub async fn push(&self, message: SignedMessage) -> Result<Pushed, Rejection> {
        check_form(&message, Authority::Signed, self.config().chain_id)?;
        self.change(move |core| accept(core, message, Authority::Signed))
            .await?
    }

    /// Takes a raw signed Ethereum transaction (RLP) into the pool.
    ///
    /// # Errors
    /// [`Rejection`].
    pub async fn push_transaction(&self, raw: &[u8]) -> Result<Pushed, Rejection> {
        self.push(ethereum::decode_transaction(raw, self.config().chain_id)?)
            .await
    }

    /// Takes a message without signature from an impersonated sender. Sequence
    /// `u64::MAX` stands for the sender's next one, gas limit 0 for a block's.
    ///
    /// # Errors
    /// [`Rejection::NotImpersonated`] and others.
    pub async fn push_impersonated(&self, message: Message) -> Result<Pushed, Rejection> {
        if !self.is_impersonated(&message.from) {
            return Err(Rejection::NotImpersonated(message.from));
        }
        self.change(move |core| {
            let mut message = message;
            let state = core.head_state();
            message.from = canonical_sender(&state, &message.from)?;
            if message.sequence == u64::MAX {
                let next = state.sequence(&message.from)?;
                message.sequence = core.data().pool.next_nonce(&message.from, next);
            }
            fill_impersonated(core, &mut message);
            let signed = with_fake_signature(message);
            check_form(&signed, Authority::Impersonated, core.config.chain_id)?;
            accept(core, signed, Authority::Impersonated)
        })
        .await?
    }

    /// Signs a message with a key of the node and takes it into the pool, with the
    /// sender's next sequence, with fees and, where it is 0, the gas limit filled in.
    /// The sender may be an ID. Nothing comes between finding the sequence and using it.
    ///
    /// # Errors
    /// [`NotSent`]: tried first on the state that it would meet, it fails; the pool
    /// refuses it; the node has no such key.
    pub async fn send(&self, message: Message) -> Result<Pushed, NotSent> {
        self.change(move |core| {
            let message = participant::sign(core, message)?;
            Ok(accept(core, message, Authority::Signed)?)
        })
        .await?
    }

    /// Lets messages from `address` be pushed without signature, or no longer;
    /// gives what was the case before.
    pub fn set_impersonated(&self, address: &Address, allowed: bool) -> bool {
        let sender = canonical_sender(&self.head_state(), address).unwrap_or(*address);
        let mut impersonated = self
            .core()
            .impersonated
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if allowed {
            !impersonated.senders.insert(sender)
        } else {
            // It may have been named before it had an actor.
            impersonated.senders.remove(address) | impersonated.senders.remove(&sender)
        }
    }

    /// Lets everybody be impersonated, or no longer.
    pub fn set_auto_impersonate(&self, allowed: bool) {
        let mut impersonated = self
            .core()
            .impersonated
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        impersonated.everybody = allowed;
    }

    /// Takes a message out of the pool; false if it is not there.
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn drop_message(&self, cid: &Cid) -> Result<bool, ChainError> {
        let cid = *cid;
        self.change(move |core| {
            let dropped = core.data_mut().pool.remove(&cid);
            let found = dropped.is_some();
            if let Some(message) = dropped {
                core.tell(ChainEvent::Dropped(message));
            }
            found
        })
        .await
    }

    /// Takes all messages out of the pool, or all of one sender; gives their number.
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn clear_pool(&self, sender: Option<Address>) -> Result<usize, ChainError> {
        self.change(move |core| {
            let sender = sender
                .map(|sender| canonical_sender(&core.head_state(), &sender))
                .transpose()?;
            let dropped = core.data_mut().pool.clear(sender.as_ref());
            let count = dropped.len();
            for message in dropped {
                core.tell(ChainEvent::Dropped(message));
            }
            Ok(count)
        })
        .await?
    }
}

/// Mining and waiting.
impl ChainHandle {
    /// Chooses when tipsets are made. Switching to [`MiningMode::OnMessage`] mines
    /// what waits.
    ///
    /// # Errors
    /// [`ChainError::Config`] for an interval of 0; [`ChainError::Vm`].
    pub async fn set_mining(&self, mode: MiningMode) -> Result<(), ChainError> {
        if mode == MiningMode::Interval(std::time::Duration::ZERO) {
            return Err(ChainError::Config(
                "the mining interval must not be 0".into(),
            ));
        }
        self.change(move |core| {
            core.data_mut().mode = mode;
            producer::drain(core).map(drop)
        })
        .await?
    }

    /// Makes `count` tipsets in consecutive epochs and gives them. The first one
    /// honours what [`increase_time`](Self::increase_time) and its kin asked for.
    ///
    /// # Errors
    /// [`ChainError::Vm`]; tipsets made before it stay.
    pub async fn mine(&self, count: u64) -> Result<Vec<Arc<ExecutedTipset>>, ChainError> {
        self.mine_spaced(count, 1).await
    }

    /// Makes `count` tipsets that lie `stride` epochs apart, with null rounds
    /// between them. The first one is the next.
    ///
    /// # Errors
    /// As [`Self::mine`]; [`ChainError::TooFar`].
    pub async fn mine_spaced(
        &self,
        count: u64,
        stride: u64,
    ) -> Result<Vec<Arc<ExecutedTipset>>, ChainError> {
        let stride = ChainEpoch::try_from(stride.max(1)).unwrap_or(ChainEpoch::MAX);
        let epochs = ChainEpoch::try_from(count)
            .unwrap_or(ChainEpoch::MAX)
            .saturating_mul(stride);
        if epochs > producer::MAX_JUMP {
            return Err(ChainError::TooFar {
                epochs,
                max: producer::MAX_JUMP,
            });
        }
        self.change(move |core| {
            let mut made = Vec::new();
            for index in 0..count {
                let next = core.next_epoch();
                let height = if index == 0 { next } else { next + stride - 1 };
                made.push(producer::at(core, height)?.tipset);
            }
            Ok(made)
        })
        .await?
    }

    /// Jumps: makes one tipset at `epoch`, with null rounds before it. Does nothing
    /// if the head is there already or beyond.
    ///
    /// # Errors
    /// As [`Self::mine`]; [`ChainError::TooFar`].
    pub async fn advance_to(&self, epoch: ChainEpoch) -> Result<Arc<ExecutedTipset>, ChainError> {
        self.change(move |core| {
            let head = core.head();
            if head.height() >= epoch {
                return Ok(head);
            }
            Ok(producer::at(core, epoch)?.tipset)
        })
        .await?
    }

    /// Somebody waits for the head to reach `epoch` (an Ethereum client that polls
    /// for confirmations): while tipsets are made on message, makes the missing
    /// ones; else waits.
    ///
    /// # Errors
    /// As [`Self::mine`]; [`ChainError::TooFar`].
    pub async fn wait_epoch(&self, epoch: ChainEpoch) -> Result<Arc<ExecutedTipset>, ChainError> {
        let mut news = self.subscribe();
        loop {
            let head = self.head();
            if head.height() >= epoch {
                return Ok(head);
            }
            if self.mining() == MiningMode::OnMessage {
                self.change(move |core| {
                    let missing = epoch - core.head().height();
                    if missing > producer::MAX_JUMP {
                        return Err(ChainError::TooFar {
                            epochs: missing,
                            max: producer::MAX_JUMP,
                        });
                    }
                    while core.head().height() < epoch {
                        producer::next(core)?;
                    }
                    Ok(())
                })
                .await??;
            } else {
                self.next_notice(&mut news).await?;
            }
        }
    }

    /// Waits until a message is on the chain with `confidence` tipsets on top of
    /// it. While tipsets are made on message, the missing ones are made for the
    /// waiter (spec 10 §8.4). With `allow_replaced`, a pending message that was
    /// replaced is followed by sender and nonce.
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn wait_message(
        &self,
        cid: &Cid,
        confidence: u64,
        allow_replaced: bool,
    ) -> Result<MessageLocation, ChainError> {
        let mut news = self.subscribe();
        let mut cid = *cid;
        let mut followed = None;
        loop {
            match self.message(&cid) {
                Some(Found::Mined(location)) => {
                    let height = location.tipset.height();
                    let on_top = self.core().data().tipsets.on_top_of(height, confidence);
                    if on_top >= confidence {
                        return Ok(location);
                    }
                    if self.mining() == MiningMode::OnMessage {
                        self.mine(confidence - on_top).await?;
                        continue;
                    }
                }
                Some(Found::Pending(message)) => {
                    let fields = &message.signed.message;
                    followed = Some((fields.from, fields.sequence));
                }
                None if allow_replaced => {
                    if let Some(other) = followed.and_then(|followed| self.replacement(followed)) {
                        cid = other;
                        continue;
                    }
                }
                None => {}
            }
            self.next_notice(&mut news).await?;
        }
    }

    /// The message, pending or in the head, with this sender and nonce.
    fn replacement(&self, (sender, nonce): (Address, u64)) -> Option<Cid> {
        let data = self.core().data();
        let same = |message: &Message| message.from == sender && message.sequence == nonce;
        let pending = data
            .pool
            .of(&sender)
            .find(|message| same(&message.signed.message))
            .map(|m| m.cid);
        pending.or_else(|| {
            let head = data.tipsets.head();
            head.messages
                .iter()
                .find(|message| same(&message.signed.message))
                .map(|m| m.cid)
        })
    }

    async fn next_notice(
        &self,
        news: &mut crate::events::Subscription,
    ) -> Result<Notice, ChainError> {
        if self.core().stopping() {
            return Err(ChainError::Stopped);
        }
        news.next().await.ok_or(ChainError::Stopped)
    }
}

/// Time and fees.
impl ChainHandle {
    /// Lets the next tipset lie ⌈`seconds` / epoch⌉ epochs after where it would be
    /// counted from now: after the head, or after what such calls asked for
    /// already. Gives the seconds that all such calls have added, as whole epochs.
    ///
    /// # Errors
    /// [`ChainError::TooFar`].
    pub async fn increase_time(&self, seconds: u64) -> Result<u64, ChainError> {
        self.change(move |core| {
            let epochs = seconds.div_ceil(core.config.block_time_secs);
            let mut data = core.data_mut();
            let head = data.tipsets.head().height();
            let from = data.clock.not_before.map_or(head, |epoch| epoch.max(head));
            let jump = ChainEpoch::try_from(epochs).unwrap_or(ChainEpoch::MAX);
            let target = from.saturating_add(jump);
            check_jump(head, target)?;
            if epochs > 0 {
                data.clock.not_before = Some(target);
                data.clock.added = data.clock.added.saturating_add(epochs);
            }
            Ok(data.clock.added.saturating_mul(core.config.block_time_secs))
        })
        .await?
    }

    /// Lets the next tipset lie in the first epoch whose timestamp is not below
    /// `timestamp`; gives that epoch's timestamp.
    ///
    /// # Errors
    /// [`ChainError::TimestampNotAfterHead`], [`ChainError::TooFar`].
    pub async fn set_next_timestamp(&self, timestamp: u64) -> Result<u64, ChainError> {
        self.change(move |core| {
            let epoch = core.epoch_at(timestamp);
            let mut data = core.data_mut();
            let head = data.tipsets.head().clone();
            if timestamp <= head.tipset.timestamp() {
                return Err(ChainError::TimestampNotAfterHead {
                    requested: timestamp,
                    head: head.tipset.timestamp(),
                });
            }
            check_jump(head.height(), epoch)?;
            data.clock.not_before = Some(epoch);
            Ok(core.timestamp_of(epoch))
        })
        .await?
    }

    /// Sets the base fee of the next tipset.
    ///
    /// # Errors
    /// [`ChainError::Edit`] below the minimum of 100 attoFIL.
    pub async fn set_next_base_fee(&self, base_fee: TokenAmount) -> Result<(), ChainError> {
        if base_fee < TokenAmount::from_atto(MINIMUM_BASE_FEE) {
            return Err(ChainError::Edit(format!(
                "a base fee of {} attoFIL is below the minimum of {MINIMUM_BASE_FEE}",
                base_fee.atto()
            )));
        }
        self.change(move |core| {
            let mut data = core.data_mut();
            let head = ExecutedTipset {
                next_base_fee: base_fee,
                ..(**data.tipsets.head()).clone()
            };
            data.tipsets.replace_head(Arc::new(head));
        })
        .await
    }

    /// Replaces the beacon's value in the next tipset's epoch.
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn set_next_beacon(&self, value: B256) -> Result<(), ChainError> {
        self.change(move |core| {
            let epoch = core.next_epoch();
            core.data_mut().beacon.insert(epoch, value.0);
        })
        .await
    }

    /// Gas that the messages of a block may ask for together; applies to packing
    /// only, the protocol's limit stays what it is.
    ///
    /// # Errors
    /// [`ChainError::Edit`] for 0 or more than the protocol's limit.
    pub async fn set_block_gas_limit(&self, limit: u64) -> Result<(), ChainError> {
        if limit == 0 || limit > BLOCK_GAS_LIMIT {
            return Err(ChainError::Edit(format!(
                "a block gas limit must lie between 1 and {BLOCK_GAS_LIMIT}, not be {limit}"
            )));
        }
        self.change(move |core| core.data_mut().block_gas_limit = limit)
            .await
    }
}

/// Edits and history.
impl ChainHandle {
    /// Changes the head's state from outside, all edits or none.
    ///
    /// # Errors
    /// [`ChainError::Edit`] with what is wrong.
    pub async fn edit(&self, edits: Vec<StateEdit>) -> Result<(), ChainError> {
        self.change(move |core| {
            let head = core.head();
            let minted = core.data().minted.clone();
            let (root, minted) =
                edit::apply(&core.store, &core.keyring, &head.state_root, minted, &edits)?;
            let mut dropped = Vec::new();
            {
                let state = crate::view::StateView::new(core.store.clone(), root);
                let mut data = core.data_mut();
                let head = ExecutedTipset {
                    state_root: root,
                    ..(*head).clone()
                };
                data.tipsets.replace_head(Arc::new(head));
                data.minted = minted;
                // Whoever got another nonce starts over.
                for edit in &edits {
                    if let StateEdit::Nonce { address, .. } = edit {
                        let sender = canonical_sender(&state, address)?;
                        dropped.extend(data.pool.clear(Some(&sender)));
                    }
                }
            }
            for message in dropped {
                core.tell(ChainEvent::Dropped(message));
            }
            Ok(())
        })
        .await?
    }

    /// Remembers the chain as it is: head, pool, base fee, clock.
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn snapshot(&self) -> Result<SnapshotId, ChainError> {
        self.change(|core| history::snapshot(core)).await
    }

    /// Goes back to a snapshot, which is used up with all later ones. False if
    /// there is none with this number. Mining mode and impersonation stay.
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn revert(&self, snapshot: SnapshotId) -> Result<bool, ChainError> {
        self.change(move |core| history::revert(core, snapshot))
            .await
    }

    /// Takes back the newest `depth` tipsets with their messages, and empties the pool.
    ///
    /// # Errors
    /// [`ChainError::NegativeEpoch`] when there are fewer.
    pub async fn rollback(&self, depth: u64) -> Result<Arc<ExecutedTipset>, ChainError> {
        self.change(move |core| history::rollback(core, depth))
            .await?
    }

    /// Goes back to genesis as it was at the start, with an empty pool, no
    /// snapshots, and a new [`instance_id`](Self::instance_id).
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn reset(&self) -> Result<(), ChainError> {
        let genesis = self.inner.genesis.clone();
        self.change(move |core| {
            history::reset(core, &genesis, super::new_instance(&genesis));
        })
        .await
    }

    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Core>) -> T + Send + 'static,
    ) -> Result<T, ChainError> {
        let work = move |core: &Arc<Core>| {
            let done = work(core);
            core.persist().map(|()| done)
        };
        self.inner.threads.run(Lane::Producer, work).await?
    }
}

/// Takes a message whose form is checked into the pool, and mines it if it may be.
fn accept(
    core: &Arc<Core>,
    signed: SignedMessage,
    authority: Authority,
) -> Result<Pushed, Rejection> {
    check_state(&core.head_state(), &signed.message, authority)?;
    let eth_hash = signed.eth_hash(core.config.chain_id);
    let inserted = {
        let mut data = core.data_mut();
        if let Some(location) = data.tipsets.message_by_hash(&eth_hash) {
            return Err(Rejection::AlreadyKnown(location.message().cid));
        }
        data.pool.insert(signed, eth_hash, authority)?
    };
    if let Some(old) = inserted.replaced {
        core.tell(ChainEvent::Dropped(old));
    }
    core.tell(ChainEvent::Pending(inserted.message.clone()));
    let cid = inserted.message.cid;
    for produced in producer::drain(core)? {
        for (broken, error) in produced.broken {
            if broken == cid {
                return Err(Rejection::Chain(error.into()));
            }
        }
    }
    let location = core.data().tipsets.message(&cid);
    Ok(Pushed {
        cid,
        eth_hash,
        location,
    })
}

fn check_jump(head: ChainEpoch, target: ChainEpoch) -> Result<(), ChainError> {
    let epochs = target.saturating_sub(head);
    if epochs > producer::MAX_JUMP {
        return Err(ChainError::TooFar {
            epochs,
            max: producer::MAX_JUMP,
        });
    }
    Ok(())
}
