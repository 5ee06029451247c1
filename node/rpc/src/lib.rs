//! JSON-RPC over HTTP and WebSocket: Ethereum, Filecoin and development methods.
//!
//! Asks a [`boatyard_chain::ChainHandle`] and nothing else; holds filters,
//! subscriptions and descriptions of actors, but no state of the chain. All JSON
//! and all Ethereum wire types live here. Start at [`serve`], which opens the
//! port, and at [`registry`], where every method is declared once.
//!
//! | module | answers |
//! |---|---|
//! | [`server`], [`accept`] | the port, and who comes in |
//! | [`pressure`] | how much of a WebSocket is read |
//! | [`http`] | paths, content types, status codes |
//! | [`dispatch`] | which method answers a request |
//! | [`registry`] | what a method is: names, parameters, result, work |
//! | [`auth`] | who may do what |
//! | [`openrpc`] | what methods take and give, as a document |
//! | [`params`] | which forms of a parameter are understood |
//! | [`error`], [`refusal`] | what a client is told when a call fails |
//! | [`stream`], [`follow`] | what is told to clients over WebSockets, without gaps |
//! | [`narrate`] | what happens to messages, in the log |
//! | [`node`], [`call`] | what all methods share, and what one call knows |
//! | [`deep`] | traces and types that nest deeply |
//! | [`abis`] | names instead of bytes |
//! | [`eth`] | `eth_*`, `net_*`, `web3_*` |
//! | [`fil`] | `Filecoin.*` |
//! | [`dev`] | `evm_*`, `anvil_*`, `hardhat_*` |
//! | [`boatyard`] | `boatyard_*`, for our own command line |
//!
//! Invariants: whatever a client sends, it gets an answer, and the node lives on;
//! a request that fails has changed nothing.

pub mod abis;
pub mod accept;
pub mod auth;
pub mod boatyard;
pub mod call;
pub mod deep;
pub mod dev;
pub mod dispatch;
pub mod error;
pub mod eth;
pub mod fil;
pub mod follow;
pub mod http;
pub mod narrate;
pub mod node;
pub mod openrpc;
pub mod params;
pub mod pressure;
pub mod refusal;
pub mod registry;
pub mod server;
pub mod stream;

pub use error::RpcError;
pub use node::{ProviderEntry, Providers, ServeOptions};
pub use server::{RunningServer, ServeError, serve};

/// Every method, in the order of the reference.
pub fn methods() -> Vec<registry::Method> {
    let mut methods = eth::methods();
    methods.extend(fil::methods());
    methods.extend(dev::methods());
    methods.extend(boatyard::methods());
    methods
}
