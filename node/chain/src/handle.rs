//! What others can ask of the chain.

use std::sync::Arc;

use alloy::primitives::B256;
use boatyard_vm::context::Tracing;
use boatyard_vm::machine::Applied;
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;

use crate::block::TipsetKey;
use crate::call::{CallPoint, CallRequest, GasEstimate, Overrides};
use crate::config::{ChainConfig, MiningMode};
use crate::edit::StateEdit;
use crate::error::{ChainError, EstimateError, Rejection};
use crate::events::{EventFilter, EventRecord, Subscription};
use crate::keys::{Key, Keyring};
use crate::message::{PoolMessage, SignedMessage};
use crate::tipset::{ExecutedTipset, MessageLocation, TipsetRef, TracedMessage};
use crate::view::StateView;

/// The chain, as RPC, providers and tests see it. Cheap to clone; all clones are
/// the same chain.
///
/// Methods that are not `async` look something up in memory and return at once.
/// `async` methods execute messages: changes of the chain one after another on a
/// thread of their own, calls and estimates on several others. They work on any
/// async runtime. Futures that are dropped do not undo what they asked for.
#[derive(Clone)]
pub struct ChainHandle {
    // Filled in with the implementation.
}

/// A snapshot to go back to with [`ChainHandle::revert`]. Counts up from 0.
pub type SnapshotId = u64;

/// What the pool did with a message.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// CID on chain.
    pub cid: Cid,
    /// Hash for Ethereum clients.
    pub eth_hash: B256,
    /// Where it was mined, if that happened at once ([`MiningMode::OnMessage`]).
    pub location: Option<MessageLocation>,
}

/// A message, wherever it is.
#[derive(Debug, Clone)]
pub enum Found {
    /// On the chain.
    Mined(MessageLocation),
    /// In the pool.
    Pending(Arc<PoolMessage>),
}

/// Parts of the circulating supply, in attoFIL (spec 09 §11).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supply {
    /// Genesis allocations unlocked by now.
    pub vested: TokenAmount,
    /// Block rewards paid so far.
    pub mined: TokenAmount,
    /// What left the reserve f090.
    pub reserve_disbursed: TokenAmount,
    /// Balance of f099.
    pub burnt: TokenAmount,
    /// Pledge of miners and funds locked in the market.
    pub locked: TokenAmount,
    /// max(0, vested + mined + reserve disbursed − burnt − locked).
    pub circulating: TokenAmount,
}

// --- What the chain is ------------------------------------------------------
impl ChainHandle {
    /// What the chain was started with.
    pub fn config(&self) -> &ChainConfig { todo!() }

    /// A random-looking number that changes with every start and
    /// [`reset`](Self::reset), but not with [`revert`](Self::revert).
    pub fn instance_id(&self) -> B256 { todo!() }

    /// The block store: everything that the chain and its states consist of.
    pub fn store(&self) -> &SharedStore { todo!() }

    /// Keys that the node signs with; the development accounts to begin with
    /// (f410 and f1 of each), then the operator f0100 and the worker f0101.
    pub fn keyring(&self) -> &Keyring { todo!() }

    /// Keys of the development accounts, as f410 addresses, in order of derivation.
    pub fn dev_accounts(&self) -> &[Key] { todo!() }

    /// What happens from now on.
    pub fn subscribe(&self) -> Subscription { todo!() }

    /// Stops mining and executing. Pending requests fail with
    /// [`ChainError::Stopped`]; look-ups still work. Returns when threads have ended.
    pub async fn stop(&self) { todo!() }
}

// --- Tipsets and blocks -------------------------------------------------------
impl ChainHandle {
    /// The newest tipset; executed, like all.
    pub fn head(&self) -> Arc<ExecutedTipset> { todo!() }

    /// The tipset of epoch 0.
    pub fn genesis(&self) -> Arc<ExecutedTipset> { todo!() }

    /// The tipset meant by `which`.
    ///
    /// # Errors
    /// [`ChainError::UnknownTipset`], [`ChainError::FutureEpoch`],
    /// [`ChainError::NegativeEpoch`].
    pub fn tipset(&self, which: &TipsetRef) -> Result<Arc<ExecutedTipset>, ChainError> {
        todo!()
    }

    /// The tipset at this epoch, or the first after it if that is a null round.
    ///
    /// # Errors
    /// [`ChainError::FutureEpoch`] beyond the head.
    pub fn tipset_after(&self, epoch: ChainEpoch) -> Result<Arc<ExecutedTipset>, ChainError> {
        todo!()
    }

    /// The parent; `None` for genesis.
    pub fn parent(&self, tipset: &ExecutedTipset) -> Option<Arc<ExecutedTipset>> { todo!() }

    /// The child on the chain; `None` for the head.
    pub fn child(&self, tipset: &ExecutedTipset) -> Option<Arc<ExecutedTipset>> { todo!() }

    /// The tipset that contains a block.
    ///
    /// # Errors
    /// [`ChainError::UnknownTipset`].
    pub fn tipset_of_block(&self, block: &Cid) -> Result<Arc<ExecutedTipset>, ChainError> {
        todo!()
    }

    /// Weight of the chain up to and including a tipset.
    pub fn weight(&self, tipset: &ExecutedTipset) -> fvm_shared::bigint::BigInt { todo!() }

    /// A block of the store; `None` if it has none.
    ///
    /// # Errors
    /// [`ChainError::Store`].
    pub fn read_block(&self, cid: &Cid) -> Result<Option<Vec<u8>>, ChainError> { todo!() }
}

// --- State --------------------------------------------------------------------
impl ChainHandle {
    /// The state with this root. `tipset.state_root` is the state after a tipset,
    /// `tipset.tipset.parent_state_root()` the one before it.
    pub fn state(&self, root: Cid) -> StateView { todo!() }

    /// The state after executing the head.
    pub fn head_state(&self) -> StateView { todo!() }

    /// The state after executing the head and whatever of the pool could be
    /// executed on top of it.
    ///
    /// # Errors
    /// [`ChainError::Vm`] when the machine breaks down.
    pub async fn pending_state(&self) -> Result<StateView, ChainError> { todo!() }

    /// Circulating supply and its parts in a state.
    ///
    /// # Errors
    /// When the state is broken.
    pub fn supply(&self, state: &StateView) -> Result<Supply, ChainError> { todo!() }

    /// Randomness of the ticket chain at `epoch` before mixing, as seen from the
    /// head: the digest of the ticket of the last tipset at or before it.
    ///
    /// # Errors
    /// [`ChainError::FutureEpoch`], [`ChainError::NegativeEpoch`].
    pub fn ticket_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ChainError> {
        todo!()
    }

    /// Randomness of the beacon at `epoch` before mixing.
    ///
    /// # Errors
    /// As [`Self::ticket_randomness`].
    pub fn beacon_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ChainError> {
        todo!()
    }

    /// The beacon's entry of an epoch; known for every epoch up to the head.
    ///
    /// # Errors
    /// As [`Self::ticket_randomness`].
    pub fn beacon_entry(
        &self,
        epoch: ChainEpoch,
    ) -> Result<crate::block::BeaconEntry, ChainError> {
        todo!()
    }
}

// --- Messages -----------------------------------------------------------------
impl ChainHandle {
    /// The message with this CID (signed or unsigned form), on the chain or in
    /// the pool.
    pub fn message(&self, cid: &Cid) -> Option<Found> { todo!() }

    /// The message with this Ethereum hash, on the chain or in the pool.
    pub fn message_by_hash(&self, hash: &B256) -> Option<Found> { todo!() }

    /// The CID of the message with this Ethereum hash.
    pub fn cid_by_hash(&self, hash: &B256) -> Option<Cid> { todo!() }

    /// Waits until a message is on the chain with `confidence` tipsets on top of
    /// it. While tipsets are made on message, the missing ones are made for the
    /// waiter (spec 10 §8.4). A pending message that was replaced is followed by
    /// sender and nonce if `allow_replaced`.
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn wait_message(
        &self,
        cid: &Cid,
        confidence: u64,
        allow_replaced: bool,
    ) -> Result<MessageLocation, ChainError> {
        todo!()
    }

    /// Searches events in the index, in order of their happening.
    ///
    /// # Errors
    /// [`ChainError::TooManyEvents`].
    pub fn events(&self, filter: &EventFilter) -> Result<Vec<EventRecord>, ChainError> {
        todo!()
    }

    /// Executes a message of the chain again, with a trace.
    ///
    /// # Errors
    /// [`ChainError::UnknownMessage`], [`ChainError::Vm`].
    pub async fn trace_message(
        &self,
        cid: &Cid,
        tracing: Tracing,
    ) -> Result<TracedMessage, ChainError> {
        todo!()
    }

    /// Executes a tipset again, with traces of all its messages, the reward and
    /// cron included.
    ///
    /// # Errors
    /// [`ChainError::Vm`].
    pub async fn trace_tipset(
        &self,
        tipset: &Arc<ExecutedTipset>,
        tracing: Tracing,
    ) -> Result<Vec<TracedMessage>, ChainError> {
        todo!()
    }
}

// --- Calls and gas ------------------------------------------------------------
impl ChainHandle {
    /// Tries a message without a trace on the chain. Failure of the message is a
    /// non-zero exit code in the answer.
    ///
    /// # Errors
    /// [`ChainError::Vm`]; [`ChainError::Edit`] for overrides that make no sense.
    pub async fn call(&self, request: CallRequest) -> Result<Applied, ChainError> { todo!() }

    /// How much gas a message needs at `at` (usually [`CallPoint::PendingOfSender`]).
    ///
    /// # Errors
    /// [`EstimateError::Failed`] with the failed run, [`EstimateError::OutOfGas`].
    pub async fn estimate_gas(
        &self,
        message: Message,
        at: CallPoint,
        overrides: Overrides,
    ) -> Result<GasEstimate, EstimateError> {
        todo!()
    }

    /// Base fee of the next tipset, in attoFIL.
    pub fn next_base_fee(&self) -> TokenAmount { todo!() }

    /// A gas premium with which a message should be mined within `blocks` tipsets
    /// (spec 10 §2.12, without the noise).
    pub fn gas_premium(&self, blocks: u64) -> TokenAmount { todo!() }
}

// --- Pool -----------------------------------------------------------------------
impl ChainHandle {
    /// Takes a signed message into the pool. While tipsets are made on message, it
    /// is mined before this returns, if nothing holds it back.
    ///
    /// # Errors
    /// [`Rejection`]: nothing has changed then.
    pub async fn push(&self, message: SignedMessage) -> Result<Pushed, Rejection> { todo!() }

    /// Takes a raw signed Ethereum transaction (RLP) into the pool.
    ///
    /// # Errors
    /// [`Rejection`].
    pub async fn push_transaction(&self, raw: &[u8]) -> Result<Pushed, Rejection> { todo!() }

    /// Takes a message without signature from an impersonated sender. Its nonce is
    /// set to the sender's next one if `message.sequence` is `u64::MAX`.
    ///
    /// # Errors
    /// [`Rejection::NotImpersonated`] and others.
    pub async fn push_impersonated(&self, message: Message) -> Result<Pushed, Rejection> {
        todo!()
    }

    /// All messages that wait, by sender and nonce.
    pub fn pending(&self) -> Vec<Arc<PoolMessage>> { todo!() }

    /// The nonce that the next message of a sender should have: after its state
    /// and the unbroken run of its pending messages.
    ///
    /// # Errors
    /// [`ChainError::ActorNotFound`] for a sender without actor and messages.
    pub fn next_nonce(&self, sender: &Address) -> Result<u64, ChainError> { todo!() }

    /// Takes a message out of the pool; false if it is not there.
    pub async fn drop_message(&self, cid: &Cid) -> Result<bool, ChainError> { todo!() }

    /// Takes all messages out of the pool, or all of one sender; gives their number.
    pub async fn clear_pool(&self, sender: Option<Address>) -> Result<usize, ChainError> {
        todo!()
    }

    /// Lets messages from `address` be pushed without signature, or no longer;
    /// gives what was the case before.
    pub fn set_impersonated(&self, address: &Address, allowed: bool) -> bool { todo!() }

    /// Lets everybody be impersonated, or no longer.
    pub fn set_auto_impersonate(&self, allowed: bool) { todo!() }

    /// Whether messages from `address` are taken without signature.
    pub fn is_impersonated(&self, address: &Address) -> bool { todo!() }
}

// --- Mining and time ------------------------------------------------------------
impl ChainHandle {
    /// When tipsets are made.
    pub fn mining(&self) -> MiningMode { todo!() }

    /// Chooses when tipsets are made. Switching to [`MiningMode::OnMessage`] mines
    /// what waits.
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn set_mining(&self, mode: MiningMode) -> Result<(), ChainError> { todo!() }

    /// Makes `count` tipsets in consecutive epochs and gives them. The first one
    /// honours what [`increase_time`](Self::increase_time) and its kin asked for.
    ///
    /// # Errors
    /// [`ChainError::Vm`]; tipsets made before it stay.
    pub async fn mine(&self, count: u64) -> Result<Vec<Arc<ExecutedTipset>>, ChainError> {
        todo!()
    }

    /// Makes `count` tipsets that lie `stride` epochs apart, with null rounds
    /// between them.
    ///
    /// # Errors
    /// As [`Self::mine`].
    pub async fn mine_spaced(
        &self,
        count: u64,
        stride: u64,
    ) -> Result<Vec<Arc<ExecutedTipset>>, ChainError> {
        todo!()
    }

    /// Jumps: makes one tipset at `epoch`, with null rounds before it. Does nothing
    /// if the head is there already.
    ///
    /// # Errors
    /// As [`Self::mine`].
    pub async fn advance_to(&self, epoch: ChainEpoch) -> Result<Arc<ExecutedTipset>, ChainError> {
        todo!()
    }

    /// Somebody waits for the head to reach `epoch` (an Ethereum client that polls
    /// for confirmations): while tipsets are made on message, makes the missing
    /// ones; else waits.
    ///
    /// # Errors
    /// As [`Self::mine`].
    pub async fn wait_epoch(&self, epoch: ChainEpoch) -> Result<Arc<ExecutedTipset>, ChainError> {
        todo!()
    }

    /// Lets the next tipset lie ⌈`seconds` / epoch⌉ epochs later than it would;
    /// gives the seconds added so far by all such calls, rounded up to epochs.
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn increase_time(&self, seconds: u64) -> Result<u64, ChainError> { todo!() }

    /// Lets the next tipset lie in the first epoch whose timestamp is not below
    /// `timestamp`; gives that epoch's timestamp.
    ///
    /// # Errors
    /// [`ChainError::TimestampNotAfterHead`].
    pub async fn set_next_timestamp(&self, timestamp: u64) -> Result<u64, ChainError> { todo!() }

    /// Timestamp of an epoch, in seconds since the Unix epoch.
    pub fn timestamp_of(&self, epoch: ChainEpoch) -> u64 { todo!() }

    /// The first epoch whose timestamp is not below `timestamp`.
    pub fn epoch_at(&self, timestamp: u64) -> ChainEpoch { todo!() }

    /// Sets the base fee of the next tipset.
    ///
    /// # Errors
    /// [`ChainError::Edit`] below the minimum of 100 attoFIL.
    pub async fn set_next_base_fee(&self, base_fee: TokenAmount) -> Result<(), ChainError> {
        todo!()
    }

    /// Replaces the beacon's value in the next tipset's epoch.
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn set_next_beacon(&self, value: B256) -> Result<(), ChainError> { todo!() }

    /// Gas that the messages of a block may ask for together; applies to packing only.
    ///
    /// # Errors
    /// [`ChainError::Edit`] for 0 or more than the protocol's limit.
    pub async fn set_block_gas_limit(&self, limit: u64) -> Result<(), ChainError> { todo!() }
}

// --- Development ------------------------------------------------------------------
impl ChainHandle {
    /// Changes the head's state from outside, all edits or none.
    ///
    /// # Errors
    /// [`ChainError::Edit`] with what is wrong.
    pub async fn edit(&self, edits: Vec<StateEdit>) -> Result<(), ChainError> { todo!() }

    /// Remembers the chain as it is: head, pool, base fee, clock.
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn snapshot(&self) -> Result<SnapshotId, ChainError> { todo!() }

    /// Goes back to a snapshot, which is used up with all later ones. False if
    /// there is none with this number. Mining mode and impersonation stay.
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn revert(&self, snapshot: SnapshotId) -> Result<bool, ChainError> { todo!() }

    /// Takes back the newest `depth` tipsets; their messages are dropped.
    ///
    /// # Errors
    /// [`ChainError::NegativeEpoch`] when there are fewer.
    pub async fn rollback(&self, depth: u64) -> Result<Arc<ExecutedTipset>, ChainError> {
        todo!()
    }

    /// Goes back to genesis with an empty pool, no snapshots, and a new
    /// [`instance_id`](Self::instance_id).
    ///
    /// # Errors
    /// [`ChainError::Stopped`].
    pub async fn reset(&self) -> Result<(), ChainError> { todo!() }

    /// FIL that edits brought into being beyond what the faucet had, in attoFIL.
    pub fn minted_by_edits(&self) -> TokenAmount { todo!() }

    /// A key of a tipset as the head sees it: resolves the empty key.
    pub fn key_or_head(&self, key: &TipsetKey) -> TipsetKey { todo!() }
}
