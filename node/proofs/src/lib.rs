//! Proofs: piece commitments, sealing, and proofs of replication, spacetime and
//! replica updates.
//!
//! Everything up to the vanilla proof (labels, Merkle paths) is real. Only the last
//! step, compressing it to the few hundred bytes that a message carries, differs
//! between [schemes](Scheme). Start at [`seal::replicate`], which turns data into a
//! sealed sector, then at [`Prover`] and [`Verifier`], which stand at the two ends
//! of a proof.
//!
//! | module | answers |
//! |---|---|
//! | [`commitment`] | CommP, CommD and CommR as bytes and as CIDs |
//! | [`piece`] | the commitment of any file, of a sector's pieces, of zeros |
//! | [`sector`] | which files a sector has and what its prover must remember |
//! | [`seal`] | replication, unsealing, replica updates: data to sealed files and back |
//! | [`statement`] | what a proof says, with which public inputs |
//! | [`prover`] | the prover's end: a sector and a challenge to message bytes and proof blocks |
//! | [`verifier`] | the verifier's end: a statement and message bytes to a verdict |
//! | [`scheme`] | which schemes there are, and how to get their two ends |
//! | [`block`] | proof blocks: where vanilla proofs lie |
//! | [`stand_in`] | the bytes that stand in a message for a vanilla proof |
//! | [`vanilla`], [`groth16`], [`accept`] | the schemes themselves |
//! | [`settings`] | directories and switches of the proof libraries |
//!
//! Invariant: a verdict is a pure function of the statement, the bytes in the message
//! and the blocks they name. No file, clock, environment or random number takes part,
//! and a block that is missing gives no verdict at all.
//!
//! Work is blocking and uses the global Rayon pool: never call it from an async
//! worker. This crate knows nothing of chains, messages and machines.

pub mod accept;
pub mod block;
pub mod commitment;
pub mod groth16;
mod guard;
mod library;
mod parents;
pub mod piece;
pub mod prover;
pub mod scheme;
pub mod seal;
pub mod sector;
pub mod settings;
mod shape;
pub mod stand_in;
pub mod statement;
#[cfg(test)]
mod tests;
pub mod vanilla;
pub mod verifier;

pub use block::{ProofBlock, ProofBlocks};
pub use commitment::Commitment;
pub use prover::{PostChallenge, Proof, ProveError, Prover};
pub use scheme::Scheme;
pub use sector::{Replica, SealedSector, SectorDir, SectorSpec, UpdatedSector};
pub use statement::Statement;
pub use verifier::{Verdict, Verifier};
