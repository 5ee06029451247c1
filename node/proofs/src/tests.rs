//! Honest proofs hold, everything else fails.

mod changed;
mod fixture;
mod honest;
mod large;
