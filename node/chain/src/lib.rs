//! The chain: genesis, tipsets, epochs, message pool, base fee, snapshots.
//!
//! Turns messages into tipsets; executing one message is `boatyard-vm`'s work.
//! Everything above talks to it through one type, [`ChainHandle`]. Start at
//! [`producer`]: every way of letting an epoch pass ends there.
//!
//! | module | answers |
//! |---|---|
//! | [`handle`] | what others can ask of the chain |
//! | [`block`] | what a block header and a tipset key are |
//! | [`message`] | signed messages, their CIDs and Ethereum hashes |
//! | [`ethereum`] | how Ethereum addresses and transactions map onto Filecoin's |
//! | [`tipset`] | what came of a tipset: receipts, events, state |
//! | [`view`] | reading a state: actors, accounts, contracts |
//! | [`call`] | trying a message without a trace on the chain, gas estimates |
//! | [`edit`] | changing a state from outside |
//! | [`events`] | searching events, and being told of new ones |
//! | [`keys`] | keys of accounts, and signing with them |
//! | [`config`] | what a chain is started with |
//! | [`error`] | what can go wrong |
//!
//! Knows nothing of JSON. Invariant: same genesis, epochs and messages, same
//! roots and CIDs. Nothing in a block depends on the wall clock (but the genesis
//! timestamp, which is given), thread order or the order of a hash map.

pub mod block;
pub mod call;
pub mod config;
pub mod edit;
pub mod error;
pub mod ethereum;
pub mod events;
pub mod handle;
pub mod keys;
pub mod message;
pub mod tipset;
pub mod view;

pub use block::{BlockHeader, Tipset, TipsetKey};
pub use call::{CallPoint, CallRequest, GasEstimate, Overrides};
pub use config::{ChainConfig, MiningMode};
pub use edit::StateEdit;
pub use error::{ChainError, EstimateError, Rejection};
pub use events::{ChainEvent, EventFilter, EventRecord, Notice, Subscription};
pub use handle::ChainHandle;
pub use keys::{Key, KeyKind, Keyring};
pub use message::{Authority, PoolMessage, Signature, SignatureKind, SignedMessage};
pub use tipset::{ExecutedMessage, ExecutedTipset, MessageLocation, TipsetRef, TracedMessage};
pub use view::StateView;
