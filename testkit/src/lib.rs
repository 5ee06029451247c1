//! What tests of actors and of the machines are made with.
//!
//! | module | answers |
//! |---|---|
//! | [`vectors`] | does a machine do what was recorded on chain code? |
//!
//! The mock runtime for unit tests of one actor is a crate of its own below this
//! one, so that actors can use it without depending on a node.

pub mod vectors;
