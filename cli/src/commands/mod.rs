//! What each command does, one file per command.

pub mod abi;
pub mod accounts;
pub mod build;
pub mod call;
pub mod deploy;
pub mod dev;
pub mod node;
pub mod proofs;
pub mod send;
pub mod state;
pub mod trace;

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
        Command::Proofs(args) => proofs::run(global, args),
        Command::Dev(args) => dev::run(global, args),
    }
}
