//! Which commands and options there are.

use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::commands::{
    abi::AbiArgs, accounts::AccountsArgs, build::BuildArgs, call::CallArgs, check::CheckArgs,
    deal::DealArgs, deploy::DeployArgs, dev::DevArgs, market::MarketArgs, miner::MinerArgs,
    msig::MsigArgs, node::NodeArgs, paych::PaychArgs, proofs::ProofsArgs,
    provider::ProviderCommandArgs, retrieve::RetrieveArgs, send::SendArgs, state::StateArgs,
    trace::TraceArgs, verifreg::VerifregArgs, warp::WarpArgs,
};
use crate::failure::Failure;
use crate::output::Output;
use crate::rpc::{DEFAULT_URL, Rpc};

/// Filecoin on your own machine: a devnet, native actors, contracts, and a look
/// into all of it.
#[derive(Debug, Parser)]
#[command(
    name = "boatyard",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_long_help = AFTER_HELP
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,

    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
The first five minutes:
  boatyard node                                a devnet on 127.0.0.1:8545; leave it running
  boatyard accounts                            ten accounts with money and keys
  boatyard deploy examples/native-counter      build a native actor and create it
  boatyard call f01000 Get                     ask it something
  boatyard send f01000 Add by=5                change it
  boatyard state f01000                        look at what it keeps
  boatyard trace <HASH>                        see every call inside a message

A file on the network:
  boatyard node --providers 1                  a devnet with a storage provider
  boatyard deal make mars.jpg                  have a file stored, and watch it
  boatyard retrieve <CID> -o mars.jpg          get it back, every byte checked
  boatyard warp --days 180                     half a year passes, and it is proven all along
  boatyard provider lose-sector 1              things go wrong

Exit codes:
  0  done
  1  the command could not do its work
  2  the command line does not make sense
  3  a message was executed, or tried, and failed
  4  no node answers";

/// Options of all commands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The node to talk to.
    #[arg(long, global = true, value_name = "URL", env = "BOATYARD_RPC", hide_env_values = true, default_value = DEFAULT_URL)]
    pub rpc: String,

    /// Seconds to wait for an answer of the node.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 120)]
    pub timeout: u64,

    /// Print JSON, for programs; errors too, to standard error.
    #[arg(long, global = true, action = ArgAction::SetTrue)]
    pub json: bool,

    /// Print results only: no progress, no hints.
    #[arg(short, long, global = true, action = ArgAction::SetTrue)]
    pub quiet: bool,
}

impl Global {
    /// How to talk to the user.
    pub fn output(&self) -> Output {
        Output {
            json: self.json,
            quiet: self.quiet,
        }
    }

    /// The node to talk to.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn rpc(&self) -> Result<Rpc, Failure> {
        Rpc::new(&self.rpc, Duration::from_secs(self.timeout.max(1)))
    }
}

/// What there is to do; each command's help stands with its options.
#[derive(Debug, Subcommand)]
pub enum Command {
    Node(NodeArgs),
    Build(BuildArgs),
    Deploy(DeployArgs),
    Call(CallArgs),
    Send(SendArgs),
    Accounts(AccountsArgs),
    State(StateArgs),
    Trace(TraceArgs),
    Abi(AbiArgs),
    Check(CheckArgs),
    Warp(WarpArgs),
    Msig(MsigArgs),
    Paych(PaychArgs),
    Deal(DealArgs),
    Retrieve(RetrieveArgs),
    Market(MarketArgs),
    Miner(MinerArgs),
    Verifreg(VerifregArgs),
    Provider(ProviderCommandArgs),
    Proofs(ProofsArgs),
    Dev(DevArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_by_example() {
        fn check(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands() {
                let path = format!("{path} {}", sub.get_name());
                if sub.has_subcommands() {
                    check(sub, &path);
                    continue;
                }
                let help = sub
                    .get_after_long_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                assert!(help.contains("Examples:"), "{path} has no examples");
                assert!(help.contains(&path), "the examples of {path} do not use it");
            }
        }
        check(&Cli::command(), "boatyard");
    }
}
