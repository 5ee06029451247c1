//! Trying a message without a trace on the chain.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::B256;
use boatyard_vm::context::Tracing;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;

use crate::tipset::ExecutedTipset;

/// On which state, and in which epoch, a message is tried.
#[derive(Debug, Clone)]
pub enum CallPoint {
    /// After executing the tipset, in the tipset's own epoch (`eth_call`,
    /// spec 10 §2.11).
    After(Arc<ExecutedTipset>),
    /// On the tipset's parent state, after those messages of the tipset that have
    /// the same sender (`StateCall`).
    Before(Arc<ExecutedTipset>),
    /// After the head and all messages of the pool that could be executed, in the
    /// epoch after the head.
    Pending,
    /// After the head and the sender's own messages in the pool (gas estimates),
    /// in the epoch after the head.
    PendingOfSender,
}

/// A message to try.
#[derive(Debug, Clone)]
pub struct CallRequest {
    /// The message. Its sequence and fees are ignored; gas limit 0 stands for the
    /// block gas limit. The sender may be any actor, or a key or f410 address
    /// without one.
    pub message: Message,
    /// Where to try it.
    pub at: CallPoint,
    /// Changes to make before.
    pub overrides: Overrides,
    /// What to record.
    pub tracing: Tracing,
}

impl CallRequest {
    /// A call without overrides and trace.
    pub fn new(message: Message, at: CallPoint) -> Self {
        Self {
            message,
            at,
            overrides: Overrides::default(),
            tracing: Tracing::Off,
        }
    }
}

/// Changes to a state and its surroundings that only one call sees.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// By account.
    pub accounts: BTreeMap<Address, AccountOverride>,
    /// Epoch that the call sees.
    pub epoch: Option<ChainEpoch>,
    /// Timestamp that the call sees.
    pub timestamp: Option<u64>,
    /// Base fee that the call sees.
    pub base_fee: Option<TokenAmount>,
}

/// Changes to one account.
#[derive(Debug, Clone, Default)]
pub struct AccountOverride {
    /// Balance in attoFIL.
    pub balance: Option<TokenAmount>,
    /// Nonce: of the contract if it is one, else the actor's sequence.
    pub nonce: Option<u64>,
    /// Runtime bytecode.
    pub code: Option<Vec<u8>>,
    /// Replaces the whole storage.
    pub storage: Option<BTreeMap<B256, B256>>,
    /// Replaces single slots.
    pub storage_diff: BTreeMap<B256, B256>,
}

/// How much gas a message needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GasEstimate {
    /// Gas used when it ran with the block gas limit.
    pub used: u64,
    /// A limit with which it was seen to succeed: `used` with a margin, or more if
    /// inner calls need it.
    pub limit: u64,
}
