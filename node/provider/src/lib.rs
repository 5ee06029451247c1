//! Storage providers: they seal what they are asked to keep, and prove it as long as
//! it was promised.
//!
//! A [`Provider`] takes part in the chain ([`boatyard_chain::Participant`]): whenever
//! a tipset is made it looks at its miner's state, compares it with what it has on
//! disk and what it was asked for, and sends what is missing. It keeps no plan of its
//! own, so it goes on after a restart, a rollback or a lost message by looking again.
//!
//! | module | answers |
//! |---|---|
//! | [`provider`] | what a provider does in a tipset, and when it wants one |
//! | `board` | what others see of it while it works |
//! | [`genesis`] | providers of a devnet: what they have at genesis, how they join |
//! | [`config`] | what can be chosen about a provider |
//! | [`order`] | what a provider was asked to keep, and how far it is |
//! | [`record`] | what it remembers of a sector |
//! | [`files`] | where sectors, pieces, orders and records lie |
//! | [`miner`], [`market`], [`verifreg`] | its miner's state, the market's, the registry's |
//! | [`window`] | Window PoSt: which partitions are due, and their proofs |
//! | [`recovery`] | faulty sectors that can be proven again |
//! | [`intake`] | which proposals are taken |
//! | [`listen`] | what contracts and the registry tell it |
//! | [`publish`] | deals on their way to the market, and at their end |
//! | [`retrieval`] | what was stored goes out again, over plain HTTP |
//! | [`pipeline`] | orders to sectors: pack, seal, pre-commit, prove |
//! | [`non_interactive`] | the same for capacity that is proven by one message |
//! | [`update`] | orders to sectors of committed capacity |
//! | [`replica`] | bytes of pieces out of its own sectors |
//! | [`refusal`] | orders for whose sake the chain does not take a sector |
//! | [`place`] | where a sector is proven, and how it is there |
//! | [`http`] | what clients ask of it |
//! | [`standing`] | how far an order is |
//! | [`deposit`] | what goes with a pre-commit |
//! | [`task`] | what a message is for, and when to try again |
//! | [`mischief`], [`control`] | everything that goes wrong on request, and what else is asked of sectors |
//! | [`dispute`] | wrong proofs that others sent, and who reports them |
//!
//! Every proof is made from the files on disk by `boatyard-proofs`, and checked by
//! the chain. Nothing here decides whether a proof is valid.

mod board;
pub mod config;
pub mod control;
pub mod deposit;
pub mod dispute;
mod fetch;
pub mod files;
pub mod genesis;
pub mod http;
pub mod intake;
pub mod listen;
pub mod market;
pub mod miner;
pub mod mischief;
pub mod non_interactive;
pub mod order;
pub mod pipeline;
pub mod place;
pub mod provider;
pub mod publish;
pub mod record;
pub mod recovery;
pub mod refusal;
pub mod replica;
pub mod retrieval;
pub mod standing;
pub mod task;
pub mod update;
pub mod verifreg;
pub mod window;

pub use config::{Ask, ProviderConfig};
pub use control::{ControlError, Pledge};
pub use dispute::Watchdog;
pub use files::{Files, FilesError};
pub use genesis::{Prepared, ProviderError, ProvidersConfig};
pub use mischief::Mischief;
pub use order::{Order, OrderId, Origin, Placement, Purpose};
pub use provider::Provider;
pub use record::SectorRecord;
