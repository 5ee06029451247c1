//! What tests of actors and of the machines are made with.
//!
//! | module | answers |
//! |---|---|
//! | [`vectors`] | does a machine do what was recorded on chain code? |
//! | [`invariants`] | is a whole state in order? A crate of its own, for nodes need it too |
//!
//! The mock runtime for unit tests of one actor is a crate of its own below this
//! one, so that actors can use it without depending on a node.

pub use boatyard_invariants as invariants;

pub mod vectors;
