//! The actors that are called.

mod evm;
mod market;
mod miner;
mod money;
mod network;
mod plain;
mod power;
mod tokens;

use crate::stage::{Played, play};

/// An actor as a target of random calls.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name in the manifest.
    pub name: &'static str,
    /// Plays what the bytes say; panics when something does not hold.
    pub play: fn(&[u8]) -> Played,
}

/// One per built-in actor, in the manifest's order.
pub const TARGETS: [Target; 16] = [
    of("system", play::<network::System>),
    of("init", play::<network::Init>),
    of("cron", play::<network::Cron>),
    of("account", play::<plain::Account>),
    of("storagepower", play::<power::Power>),
    of("storageminer", play::<miner::Miner>),
    of("storagemarket", play::<market::Market>),
    of("paymentchannel", play::<money::PaymentChannel>),
    of("multisig", play::<money::Multisig>),
    of("reward", play::<power::Reward>),
    of("verifiedregistry", play::<tokens::VerifiedRegistry>),
    of("datacap", play::<tokens::DataCap>),
    of("placeholder", play::<plain::Placeholder>),
    of("evm", play::<evm::Evm>),
    of("eam", play::<evm::Eam>),
    of("ethaccount", play::<plain::EthAccount>),
];

const fn of(name: &'static str, play: fn(&[u8]) -> Played) -> Target {
    Target { name, play }
}

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}
