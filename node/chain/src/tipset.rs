//! What came of a tipset.

use std::sync::Arc;

use alloy::primitives::B256;
use boatyard_vm::machine::{Applied, GasOutputs};
use cid::Cid;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::event::StampedEvent;
use fvm_shared::message::Message;
use fvm_shared::receipt::Receipt;

use crate::block::{Tipset, TipsetKey};
use crate::message::{Authority, SignedMessage};

/// Which tipset is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TipsetRef {
    /// The newest one.
    Head,
    /// The one at this epoch, or the last before it if that is a null round.
    /// Compare the answer's height to tell the two apart.
    Height(ChainEpoch),
    /// The one with this key; the empty key is the head.
    Key(TipsetKey),
    /// The one with this hash as an Ethereum block.
    Hash(B256),
}

/// A tipset with the result of executing it. Tipsets are executed as soon as they
/// are made, so there is no other kind.
#[derive(Debug, Clone)]
pub struct ExecutedTipset {
    /// Headers and key.
    pub tipset: Arc<Tipset>,
    /// Messages in the order of execution, with what came of them.
    pub messages: Arc<Vec<ExecutedMessage>>,
    /// State before the first message: the parent's state after the cron of the
    /// null rounds between.
    pub start_root: Cid,
    /// State after executing it, with edits made from outside while it was head.
    /// A child's `parent_state_root` equals it.
    pub state_root: Cid,
    /// Root of the legacy AMT of receipts. A child's `parent_message_receipts`.
    pub receipts_root: Cid,
    /// Base fee of a tipset on top of this one.
    pub next_base_fee: TokenAmount,
    /// Circulating supply that its messages saw.
    pub circulating_supply: TokenAmount,
}

impl ExecutedTipset {
    /// Epoch.
    pub fn height(&self) -> ChainEpoch {
        self.tipset.height()
    }

    /// Key.
    pub fn key(&self) -> &TipsetKey {
        self.tipset.key()
    }

    /// Gas used by all its messages.
    pub fn gas_used(&self) -> u64 {
        self.messages
            .iter()
            .map(|message| message.receipt.gas_used)
            .sum()
    }

    /// Its events in order, each with the index of its message. An event's position
    /// here is its index in the tipset.
    pub fn events(&self) -> impl Iterator<Item = (usize, &StampedEvent)> {
        self.messages
            .iter()
            .enumerate()
            .flat_map(|(index, message)| message.events.iter().map(move |event| (index, event)))
    }
}

/// A message on the chain, with what came of it.
#[derive(Debug, Clone)]
pub struct ExecutedMessage {
    /// The message.
    pub signed: SignedMessage,
    /// [`SignedMessage::cid`].
    pub cid: Cid,
    /// [`SignedMessage::eth_hash`].
    pub eth_hash: B256,
    /// Why the sender was accepted.
    pub authority: Authority,
    /// Exit code, return bytes, gas used, events root.
    pub receipt: Receipt,
    /// Codec of the return bytes; `None` when there was no block.
    pub return_codec: Option<u64>,
    /// Events in order of emission.
    pub events: Vec<StampedEvent>,
    /// Where the gas money went.
    pub gas: GasOutputs,
    /// Why it failed, in words.
    pub error: Option<String>,
}

/// Where on the chain a message is.
#[derive(Debug, Clone)]
pub struct MessageLocation {
    /// The tipset that includes it.
    pub tipset: Arc<ExecutedTipset>,
    /// Its place among the tipset's messages.
    pub index: usize,
}

impl MessageLocation {
    /// The message with what came of it.
    pub fn message(&self) -> &ExecutedMessage {
        &self.tipset.messages[self.index]
    }
}

/// Part of a tipset's execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageRole {
    /// A message that somebody sent; its index in the tipset.
    Explicit(usize),
    /// The award of a block's reward.
    Reward,
    /// The cron of the tipset's epoch.
    Cron,
}

/// A message executed again, with its trace.
#[derive(Debug, Clone)]
pub struct TracedMessage {
    /// The message.
    pub message: Message,
    /// Why it was executed.
    pub role: MessageRole,
    /// What came of it; `trace` is set.
    pub applied: Applied,
}
