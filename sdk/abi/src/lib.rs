//! Names instead of bytes: what an actor's description makes of its parameters,
//! returns, state and events.
//!
//! `boatyard-sdk` writes a description into every actor it compiles. This crate
//! reads it back and translates both ways between the bytes on chain and JSON
//! that people write and read. The command line, traces and the explorer use it.
//! Knows nothing of nodes, networks or terminals.
//!
//! | module | answers |
//! |---|---|
//! | [`schema`] | what an actor says about itself |
//! | [`wasm`] | where the description lies in a module |
//! | [`decode`] | which JSON stands for these bytes |
//! | [`encode`] | which bytes stand for this JSON |
//! | [`any`] | CBOR of unknown shape as JSON, and back |
//! | [`diagnostic`] | CBOR of unknown shape, for reading |
//! | [`address`], [`amount`] | how people write addresses and money |
//! | [`state`] | what is in an actor's state, through its maps and arrays |
//! | [`tree`] | how a HAMT or AMT from anybody is walked safely |
//! | [`event`] | what an actor's event says |
//! | [`exit_code`] | what an exit code means |
//! | [`evm`] | the same for Solidity: calls, logs, errors |
//!
//! Start at [`Abi`], [`decode()`] and [`encode()`]:
//!
//! ```
//! use boatyard_abi::{Abi, decode, encode};
//! use serde_json::json;
//!
//! let abi = Abi::from_json(r#"{
//!     "name": "counter", "doc": "", "state": "nothing", "exit_codes": [], "events": [],
//!     "methods": [{"name": "Add", "number": 17, "doc": "", "returns": "uint",
//!         "params": {"tuple": {"name": "AddParams", "fields": [{"name": "by", "type": "uint"}]}}}]
//! }"#)?;
//! let add = abi.method("add")?;
//! let bytes = encode(&add.params, &json!({"by": 5}))?;
//! assert_eq!(bytes, [0x81, 0x05]);
//! assert_eq!(decode(&add.params, &bytes)?, json!({"by": 5}));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariant: no bytes, no JSON and no blocks, however made, cause a panic, and
//! the work done is bounded by the size of the input or by a stated limit.

pub mod address;
pub mod amount;
pub mod any;
pub mod decode;
pub mod diagnostic;
pub mod encode;
pub mod event;
pub mod evm;
pub mod exit_code;
mod path;
pub mod schema;
pub mod state;
pub mod tree;
pub mod wasm;

pub use address::{parse_address, parse_cid};
pub use amount::{format_amount, parse_amount};
pub use decode::{DecodeError, Style, decode, decode_with};
pub use diagnostic::diagnose;
pub use encode::{EncodeError, encode};
pub use event::{DecodedEvent, EventEntry};
pub use evm::EvmAbi;
pub use exit_code::{describe_exit_code, exit_code_name};
pub use path::Path;
pub use schema::{Abi, AbiError, Event, Field, KeySchema, Method, Schema};
pub use state::{Page, StateError, StateReader};
pub use wasm::SECTION;
