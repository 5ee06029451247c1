//! What each command does, one file per command.

pub mod abi;
pub mod accounts;
pub mod build;
pub mod call;
pub mod check;
pub mod deal;
pub mod deploy;
pub mod dev;
pub mod market;
pub mod miner;
pub mod msig;
pub mod node;
pub mod paych;
pub mod proofs;
pub mod provider;
pub mod retrieve;
pub mod send;
pub mod state;
pub mod trace;
pub mod verifreg;
pub mod warp;

mod target;

use crate::args::{Cli, Command};
use crate::failure::Failure;

/// Runs the command that was asked for.
///
/// # Errors
/// Whatever the command fails with.
pub fn run(cli: Cli) -> Result<(), Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Node(args) => node::run(global, args),
        Command::Build(args) => build::run(global, args),
        Command::Deploy(args) => deploy::run(global, args),
        Command::Call(args) => call::run(global, args),
        Command::Send(args) => send::run(global, args),
        Command::Accounts(args) => accounts::run(global, args),
        Command::State(args) => state::run(global, args),
        Command::Trace(args) => trace::run(global, args),
        Command::Abi(args) => abi::run(global, args),
        Command::Check(args) => check::run(global, args),
        Command::Msig(args) => msig::run(global, args),
        Command::Paych(args) => paych::run(global, args),
        Command::Deal(args) => deal::run(global, args),
        Command::Retrieve(args) => retrieve::run(global, args),
        Command::Market(args) => market::run(global, args),
        Command::Miner(args) => miner::run(global, args),
        Command::Verifreg(args) => verifreg::run(global, args),
        Command::Provider(args) => provider::run(global, args),
        Command::Proofs(args) => proofs::run(global, args),
        Command::Warp(args) => warp::run(global, args),
        Command::Dev(args) => dev::run(global, args),
    }
}
