//! One message in, one receipt out.
//!
//! Executes messages on a state tree with either of two machines that share
//! every type of this crate: the published FVM with our kernel ([`mod@fvm`]) runs
//! actors as Wasm with real gas; the native machine ([`native`]) runs the same actor crates
//! compiled into this process. Knows nothing of tipsets, mempools or JSON.
//!
//! | module | answers |
//! |---|---|
//! | [`machine`] | what every machine can do: apply a message, read and edit state, flush |
//! | [`context`] | what surrounds a message: epoch, base fee, randomness, verifiers |
//! | [`apply`] | who may send, and what gas costs: the rules around a call, once for both machines |
//! | [`trace`] | what happened inside a message |
//! | [`state`] | reading and editing the state tree |
//! | [`store`] | the block store under it all |
//! | [`engine`] | what machines share: compiled code, threads; opens them |
//! | [`mod@fvm`] | the machine that runs Wasm |
//! | [`native`] | the machine that runs Rust |
//!
//! Start at [`Engine::open`].
//!
//! Invariant: the same root, context and messages give the same roots and
//! receipts; without gas fees both machines give the same roots.

pub mod apply;
pub mod context;
pub mod engine;
pub mod fvm;
pub mod machine;
pub mod native;
pub mod state;
pub mod store;
pub mod trace;

pub use engine::{CodeError, CodeMap, Engine, EngineOptions, MachineKind};
