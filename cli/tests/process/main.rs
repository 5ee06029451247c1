//! The command as a process, against real nodes.

mod actor;
mod check;
mod common;
mod deal;
mod deal_ways;
mod market;
mod miner;
mod msig;
mod node;
mod paych;
mod provider;
mod restart;
mod retrieve;
mod verifreg;
