//! Honest proofs hold, everything else fails.

mod changed;
mod circuit;
mod compressed;
mod damaged;
mod fixture;
mod forged;
mod honest;
mod large;
mod library_form;
mod statements;
mod swapped;
