//! Random calls to the built-in actors, one target per actor.
//!
//! Bytes decide everything: who calls which method with which parameters, how much
//! time passes, what other actors answer. A coverage-guided fuzzer looks for bytes
//! that go further (`fuzz/`); `make test` runs the same targets with bytes that
//! follow from seeds and with those that a fuzzer once found (`fuzz/corpus`).
//!
//! | module | answers |
//! |---|---|
//! | [`input`] | how bytes become choices |
//! | [`stage`] | the world around an actor, and what must hold after every call |
//! | `cast` | who is there, and what they own |
//! | `answers` | what others say when the actor calls them |
//! | `subjects` | one file per actor: how it begins, what an honest user asks of it |
//!
//! Start at [`TARGETS`]. After every call: no panic, an exit code that an actor may
//! give, an unchanged head after a failure; after a success a state that decodes and
//! keeps the invariants of `actors/*/src/invariants.rs`.
//!
//! Absent on purpose: gas (a long loop is cut by the fuzzer's time limit), and what
//! takes several actors at once, which the recorded vectors cover.

mod answers;
mod cast;
pub mod input;
pub mod stage;
mod subjects;

pub use stage::Played;
pub use subjects::{TARGETS, Target, target};
