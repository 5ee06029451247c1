//! Honest proofs hold, everything else fails.

mod fixture;
mod honest;
mod large;
