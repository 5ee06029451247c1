//! The chain: genesis, tipsets, epochs, message pool, base fee, snapshots.
//!
//! Turns messages into tipsets; executing one message is `boatyard-vm`'s work.
//! Everything above talks to it through one type, [`ChainHandle`]. Start at
//! `producer`: every way of letting an epoch pass ends there.
//!
//! | module | answers |
//! |---|---|
//! | [`handle`] | what others can ask of the chain |
//! | [`accounts`], [`genesis`] | who and what exists from the start |
//! | `producer` | what goes into the next tipset, and when |
//! | [`participant`] | who acts by itself as epochs pass, and who makes a block |
//! | `execute` | how null rounds and tipsets become states |
//! | `pool`, `admission` | which messages wait, in which order, and which may |
//! | `tipsets` | where a message, a hash or an event ended up |
//! | [`disk`] | the chain in a file |
//! | `history` | snapshots and going back |
//! | [`fees`] | base fee and premium |
//! | [`supply`] | circulating supply |
//! | [`proofs`] | whether what messages prove is proven |
//! | `facts` | what calls on a state ask again and again
//! | [`faults`] | whether block headers show that their miner cheated |
//! | `randomness` | tickets and beacon |
//! | [`block`] | what a block header and a tipset key are |
//! | [`message`] | signed messages, their CIDs and Ethereum hashes |
//! | [`ethereum`] | how Ethereum addresses and transactions map onto Filecoin's |
//! | [`tipset`] | what came of a tipset: receipts, events, state |
//! | [`view`] | reading a state: actors, accounts, contracts |
//! | [`call`] | trying a message without a trace on the chain, gas estimates |
//! | `watch` | looking inside a message, instruction by instruction |
//! | [`console`] | what contracts under test log |
//! | [`edit`] | changing a state from outside |
//! | [`events`] | searching events, and being told of new ones |
//! | [`keys`] | keys of accounts, and signing with them |
//! | [`config`] | what a chain is started with |
//! | [`error`] | what can go wrong |
//!
//! Knows nothing of JSON. Invariant: same genesis, epochs and messages, same
//! roots and CIDs. Nothing in a block depends on the wall clock (but the genesis
//! timestamp, which is given), thread order or the order of a hash map.

pub mod accounts;
mod admission;
pub mod block;
pub mod call;
mod calls;
pub mod config;
pub mod console;
mod core;
pub mod disk;
pub mod edit;
pub mod error;
pub mod ethereum;
pub mod events;
mod evm_state;
mod execute;
mod facts;
pub mod faults;
pub mod fees;
pub mod genesis;
pub mod handle;
mod history;
pub mod keys;
pub mod machines;
pub mod message;
mod message_meta;
pub mod participant;
mod pool;
mod producer;
pub mod proofs;
mod randomness;
pub mod store;
pub mod supply;
#[cfg(test)]
mod testing;
mod threads;
pub mod tipset;
mod tipsets;
pub mod view;
mod watch;

pub use block::{BlockHeader, Tipset, TipsetKey};
pub use boatyard_vm::store::SharedStore;
pub use call::{AccountOverride, CallPoint, CallRequest, GasEstimate, Overrides};
pub use config::{ChainConfig, MiningMode};
pub use disk::ChainFile;
pub use edit::StateEdit;
pub use error::{ChainError, EstimateError, Rejection};
pub use events::{ChainEvent, EventFilter, EventRecord, Notice, Subscription};
pub use genesis::{GenesisProvider, PresealedSector};
pub use handle::{ChainHandle, ChainSetup, DumpedState, Found, Pushed, SnapshotId};
pub use keys::{Key, KeyKind, Keyring};
pub use machines::{EngineMachines, Machines, Purpose};
pub use message::{Authority, PoolMessage, Signature, SignatureKind, SignedMessage};
pub use participant::{BlockProducer, NotSent, Participant, Turn};
pub use proofs::ChainProofs;
pub use supply::Supply;
pub use tipset::{
    ExecutedMessage, ExecutedTipset, MessageLocation, MessageRole, TipsetRef, TracedMessage,
};
pub use view::StateView;
pub use watch::{Watched, Watchers};
