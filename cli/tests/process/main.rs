//! The command as a process, against real nodes.

mod actor;
mod check;
mod common;
mod market;
mod msig;
mod node;
mod paych;
mod provider;
mod restart;
mod verifreg;
