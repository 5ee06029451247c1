//! The `boatyard` command.
//!
//! A thin layer over the crates that do the work: what it adds is the way people
//! write and read things. Talks to a node through JSON-RPC only, also to its own.
//!
//! | module | answers |
//! |---|---|
//! | [`args`] | which commands and options there are |
//! | [`commands`] | what each command does, one file per command |
//! | [`params`] | how words become parameters |
//! | [`signer`] | who sends, with which key |
//! | [`message`] | how a message is tried, signed, sent and waited for |
//! | [`actor`] | what is behind an address |
//! | [`builtin`] | states of built-in actors, and messages to them |
//! | [`trace`] | how a call tree looks |
//! | [`output`] | how results are printed, for people and programs |
//! | [`failure`] | what a person reads when something went wrong |
//! | [`rpc`] | how a node is asked |
//! | [`http`], [`provider`], [`multiaddr`] | how a storage provider is found and asked |
//!
//! Keeps nothing on disk but what it is told to write, and the vouchers that it signed
//! to pay for retrievals.

mod actor;
mod args;
mod builtin;
mod commands;
mod failure;
mod http;
mod message;
mod multiaddr;
mod output;
mod params;
mod provider;
#[cfg(test)]
mod reference;
mod rpc;
mod signer;
mod trace;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.global.json;
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.code();
            match json {
                true => eprintln!("{:#}", failure.to_json()),
                false => eprintln!("{:?}", miette::Report::new(failure)),
            }
            ExitCode::from(code as u8)
        }
    }
}
