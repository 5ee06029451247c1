//! What must hold of a whole state: each actor's own invariants, and those between
//! actors.
//!
//! An actor's invariants stand beside the actor (`actors/*/src/invariants.rs`) and
//! need nothing but its state. What takes several actors stands here: all money, all
//! addresses, datacap, power, pledge, deals. The test kit runs it after every message
//! of a recorded scenario, `boatyard check` on a running node or a file.
//!
//! | module | answers |
//! |---|---|
//! | [`checker`] | how a state is walked, once or again and again |
//! | `actors` | which check belongs to which type of actor: one line each |
//! | `across` | what must hold between actors, one file per subject |
//! | [`report`] | what was found, for people and programs |
//!
//! Start at [`check`]. Reads only; never fails: what cannot be read is a violation.
//! Knows nothing of chains, but is told what of one it needs ([`Surroundings`]).
//!
//! Source: spec 00 §22 and the invariants of sheets 01 to 09.

mod across;
mod actors;
pub mod checker;
pub mod report;
#[cfg(test)]
mod tests;

pub use checker::{Checker, Surroundings, check};
pub use report::{Report, Total, Unit, Violation};
