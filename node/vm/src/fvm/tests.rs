//! The machine with tiny actors written in Wasm text.

mod calls;
mod code;
mod faults;
mod gas;
mod substitutions;
mod traces;
pub(crate) mod world;
