//! A devnet in one process: configuration, assembly, start and stop.
//!
//! Puts the layers together, bottom up: actors into a block store, an engine of
//! machines, the chain over both, JSON-RPC over the chain. Start at
//! [`Node::start`]; what it gives is stopped with [`RunningNode::stop`].
//!
//! | module | answers |
//! |---|---|
//! | [`config`] | what can be chosen |
//! | [`start`] | in which order a node comes up and goes down |
//!
//! Reads neither environment nor configuration files, prints nothing, handles no
//! signals: whoever starts a node does.

pub mod config;
pub mod start;

pub use boatyard_provider::{Provider, ProviderError, ProvidersConfig};
pub use boatyard_rpc::ServeOptions;
pub use config::{BundleSource, NodeConfig};
pub use start::{Node, NodeError, RunningNode};
