//! `boatyard node`

use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use boatyard_abi::{format_amount, parse_amount};
use boatyard_chain::config::{DEFAULT_CHAIN_ID, DEFAULT_MNEMONIC};
use boatyard_chain::{ChainHandle, KeyKind, MiningMode};
use boatyard_node::{
    BundleSource, Node, NodeConfig, NodeError, ProvidersConfig, RunningNode, ServeOptions,
};
use boatyard_proofs::Scheme;
use boatyard_sdk::NetworkVariant;
use clap::{Args, ValueEnum};
use console::style;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorSize;
use serde_json::{Value, json};
use tokio::time::timeout;
use tracing_subscriber::EnvFilter;

use super::dev::MachineName;
use crate::args::Global;
use crate::failure::Failure;
use crate::output::say;

/// Run a devnet.
///
/// One process with its own chain, from genesis, in memory or in a directory. It
/// serves Ethereum's and Filecoin's JSON-RPC on one port, over HTTP and WebSocket.
/// Messages are executed as soon as they arrive unless told otherwise; Ctrl-C stops
/// it.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct NodeArgs {
    /// Port to listen on; 0 takes any free one
    #[arg(short, long, default_value_t = 8545)]
    port: u16,

    /// Address to listen on; 0.0.0.0 lets other machines in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,

    /// Let an epoch pass every so many seconds, instead of with every message
    #[arg(short, long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    block_time: Option<u64>,

    /// Let epochs pass on request only (evm_mine and the like)
    #[arg(long)]
    no_mining: bool,

    /// Number of development accounts
    #[arg(short, long, value_name = "N", default_value_t = 10)]
    accounts: u32,

    /// Balance of each address of each account: "50", "1.5 FIL", "20 nanoFIL"
    #[arg(long, value_name = "AMOUNT", default_value = "10000", value_parser = fil)]
    balance: TokenAmount,

    /// Phrase that the accounts' keys are derived from
    #[arg(short, long, value_name = "PHRASE", default_value = DEFAULT_MNEMONIC, hide_default_value = true)]
    mnemonic: String,

    /// EIP-155 chain ID
    #[arg(long, value_name = "ID", default_value_t = DEFAULT_CHAIN_ID)]
    chain_id: u64,

    /// Run the actors of this bundle (a CAR file) instead of Boatyard's own
    #[arg(long, value_name = "FILE", conflicts_with = "network")]
    bundle: Option<PathBuf>,

    /// Whose policy the built-in actors follow
    #[arg(long, value_enum, default_value_t = NetworkName::Devnet)]
    network: NetworkName,

    /// Which machine executes messages; gas is real on the FVM only
    #[arg(long, value_enum, default_value_t = MachineName::Fvm)]
    machine: MachineName,

    /// How proofs of storage get into messages and are checked
    #[arg(long, value_enum, value_name = "SCHEME", default_value_t = SchemeName::Vanilla)]
    proofs: SchemeName,

    /// Number of storage providers: f01000 and on, each with a sealed sector and power
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=50))]
    providers: u32,

    /// Port of the first storage provider's HTTP interface, the others follow; 0 takes
    /// any free ones
    #[arg(long, value_name = "PORT", default_value_t = 8700)]
    provider_port: u16,

    /// What the storage providers ask for a GiB (2^30 bytes of pieces) and epoch:
    /// "20 nanoFIL", or attoFIL
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, default_value = "0.5 nanoFIL")]
    storage_price: TokenAmount,

    /// What the storage providers want for each byte that they give out, in attoFIL
    #[arg(long, value_name = "ATTOFIL", default_value_t = 0)]
    retrieval_price: u64,

    /// Bytes in the providers' sectors
    #[arg(long, value_enum, default_value_t = SectorSizeName::KiB2)]
    sector_size: SectorSizeName,

    /// Keep the chain in this directory, and go on with what is there; without it
    /// the chain is gone when the node stops
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,

    /// Answer requests as Lotus does, where Ethereum tools expect something else
    #[arg(long)]
    strict: bool,

    /// Ask for this token from whoever wants to do more than read
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,

    /// Leave out the methods that change chain, clock and state from outside
    #[arg(long)]
    no_dev_methods: bool,

    /// Let only web pages from this origin ask (several times for several)
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allow_origin: Vec<String>,

    /// What the node calls itself (web3_clientVersion); test helpers look at how it
    /// begins [default: anvil/…]
    #[arg(long, value_name = "TEXT")]
    client_version: Option<String>,

    /// Timestamp of genesis, seconds since 1970 [default: now]; with it, runs
    /// are the same bit for bit
    #[arg(long, value_name = "SECONDS")]
    genesis_time: Option<u64>,
}

const EXAMPLES: &str = "\
Examples:
  boatyard node                              a devnet for everyday use
  boatyard node --block-time 4               an epoch every four seconds
  boatyard node --port 0 --quiet             any free port, no list of accounts
  boatyard node --bundle builtin-actors.car  mainnet's own actors and gas
  boatyard node --providers 2                two storage providers that prove their sectors
  boatyard node --data-dir ~/devnet          a devnet that survives a restart
  boatyard node --network mainnet            Boatyard's actors under mainnet's policy

When requests are served it prints one line, last: Listening on HOST:PORT
BOATYARD_LOG=debug shows what it does (or boatyard_chain=debug for one part).";

/// Proof schemes by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SchemeName {
    /// Real proofs, checked as a whole, not compressed
    Vanilla,
    /// As on mainnet; needs `boatyard proofs setup`
    Groth16,
    /// Nothing is proven and everything believed; for tests of other things
    Accept,
}

impl From<SchemeName> for Scheme {
    fn from(name: SchemeName) -> Self {
        match name {
            SchemeName::Vanilla => Scheme::Vanilla,
            SchemeName::Groth16 => Scheme::Groth16,
            SchemeName::Accept => Scheme::Accept,
        }
    }
}

/// Sector sizes by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SectorSizeName {
    /// Sealed in an instant; pieces of up to 2 032 bytes
    #[value(name = "2KiB")]
    KiB2,
    /// Sealed in seconds; pieces of up to 8 323 072 bytes
    #[value(name = "8MiB")]
    MiB8,
}

impl From<SectorSizeName> for SectorSize {
    fn from(name: SectorSizeName) -> Self {
        match name {
            SectorSizeName::KiB2 => SectorSize::_2KiB,
            SectorSizeName::MiB8 => SectorSize::_8MiB,
        }
    }
}

/// Policies by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NetworkName {
    /// Small sectors; users may install actor code
    Devnet,
    /// As on mainnet
    Mainnet,
    /// As on the calibration network
    Calibration,
    /// All sector sizes, no provider collateral
    Testing,
}

impl From<NetworkName> for NetworkVariant {
    fn from(name: NetworkName) -> Self {
        match name {
            NetworkName::Devnet => NetworkVariant::Devnet,
            NetworkName::Mainnet => NetworkVariant::Mainnet,
            NetworkName::Calibration => NetworkVariant::Calibration,
            NetworkName::Testing => NetworkVariant::Testing,
        }
    }
}

/// An amount; a bare number is FIL, as other devnets count in whole coins.
fn fil(text: &str) -> Result<TokenAmount, String> {
    let bare = text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | '_'));
    let amount = match bare {
        true => parse_amount(&format!("{text} FIL"))?,
        false => parse_amount(text)?,
    };
    match amount.is_negative() {
        true => Err("a balance is not negative".into()),
        false => Ok(amount),
    }
}

/// Runs the command until it is told to stop.
///
/// # Errors
/// The node does not start.
pub fn run(global: &Global, args: NodeArgs) -> Result<(), Failure> {
    let filter = EnvFilter::try_from_env("BOATYARD_LOG")
        .unwrap_or_else(|_| EnvFilter::new("warn,console=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    // Before any thread is there, as this sets variables of the environment.
    super::proofs::use_cache()?;
    let config = config(&args);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("the node could not start its threads").because(error))?;
    let ended = runtime.block_on(async {
        // Listened for before there is anything to stop, so that no signal is lost.
        let stop = Stop::new()
            .map_err(|error| Failure::new("signals cannot be received").because(error))?;
        let node = Node::start(config).await.map_err(not_started)?;
        announce(global, &args, &node);
        let providers = node.providers().to_vec();
        tokio::select! {
            () = stop.asked(1) => {}
            () = node.asked_to_stop() => {}
        }
        let stopping = async {
            let mut stopping = pin!(node.stop());
            if timeout(PATIENCE, &mut stopping).await.is_err() {
                if !global.quiet {
                    let hint = "Stopping when what is under way is finished, such as a sector that \
                                is sealed; Ctrl-C once more leaves it at once";
                    eprintln!("{}", style(hint).dim());
                }
                stopping.await;
            }
        };
        tokio::select! {
            () = stopping => {}
            // Asked twice, it does not wait for requests and providers that still work.
            () = stop.asked(2) => {}
        }
        for provider in providers {
            provider.files().delete_temporary();
        }
        Ok(())
    });
    // Work that nobody waits for any more, such as compiling actors, is left.
    runtime.shutdown_background();
    ended
}

fn config(args: &NodeArgs) -> NodeConfig {
    let defaults = NodeConfig::default();
    let config = NodeConfig {
        host: args.host,
        port: args.port,
        block_time_secs: args.block_time.unwrap_or(defaults.block_time_secs),
        accounts: args.accounts,
        balance: args.balance.clone(),
        mnemonic: args.mnemonic.clone(),
        chain_id: args.chain_id,
        genesis_timestamp: args.genesis_time,
        data_dir: args.data_dir.clone(),
        bundle: match &args.bundle {
            Some(path) => BundleSource::File(path.clone()),
            None => BundleSource::Embedded,
        },
        variant: args.network.into(),
        machine: args.machine.into(),
        proofs: args.proofs.into(),
        providers: ProvidersConfig {
            count: args.providers,
            sector_size: args.sector_size.into(),
            port: args.provider_port,
            ask: args.storage_price.clone(),
            retrieval_price: TokenAmount::from_atto(args.retrieval_price),
            ..defaults.providers.clone()
        },
        serve: ServeOptions {
            strict: args.strict,
            token: args.token.clone(),
            development: !args.no_dev_methods,
            origins: args.allow_origin.clone(),
            client_version: args
                .client_version
                .clone()
                .unwrap_or(defaults.serve.client_version),
            ..defaults.serve
        },
        ..defaults
    };
    match (args.no_mining, args.block_time) {
        (true, _) => NodeConfig {
            mining: MiningMode::OnRequest,
            ..config
        },
        (false, Some(_)) => config.mine_in_real_time(),
        (false, None) => config,
    }
}

fn not_started(error: NodeError) -> Failure {
    let help = match &error {
        NodeError::Serve(_) => {
            "--port chooses another port, --port 0 any free one; --host another address"
        }
        NodeError::ReadBundle { .. } | NodeError::BadBundle { .. } => {
            "--bundle takes the CAR file of a built-in actors release, such as builtin-actors-mainnet.car"
        }
        NodeError::Proofs(_) => "--proofs vanilla works everywhere",
        NodeError::ProviderPort(_) => {
            "--provider-port chooses other ports, --provider-port 0 any free ones"
        }
        NodeError::Provider(_) => {
            "--providers 0 does without; --data-dir keeps what is sealed for the next start"
        }
        NodeError::Chain(_) => "see `boatyard node --help` for what the options accept",
    };
    Failure::new("the node did not start")
        .because(error)
        .help(help)
}

/// Prints the accounts, unless asked to be quiet, and the line that tells
/// programs that the node is ready.
fn announce(global: &Global, args: &NodeArgs, node: &RunningNode) {
    let address = node.local_addr();
    if global.json {
        let accounts = match global.quiet {
            true => Vec::new(),
            false => accounts(node.chain()),
        };
        say!(
            "{}",
            json!({
                "listening": address.to_string(),
                "accounts": accounts,
                "providers": node.provider_urls(),
            })
        );
        return;
    }
    if !global.quiet {
        for (number, account) in accounts(node.chain()).iter().enumerate() {
            let text = |name: &str| account[name].as_str().unwrap_or("-").to_owned();
            say!("{} {}", style(format!("({number})")).bold(), text("eth"));
            say!("    {}", style(text("f410")).dim());
            say!("    {}", text("f1"));
            say!("    {} {}", style("key").dim(), text("private_key"));
        }
        if args.accounts > 0 {
            say!(
                "{} on each address; the phrase is \"{}\"",
                format_amount(&args.balance),
                args.mnemonic
            );
            say!(
                "{}",
                style("These keys are public. Never use them anywhere else.").yellow()
            );
        }
        say!("Chain ID {}", args.chain_id);
        for (provider, url) in node.providers().iter().zip(node.provider_urls()) {
            say!("Storage provider f0{} on {url}", provider.config().miner);
        }
    }
    say!("Listening on {address}");
}

fn accounts(chain: &ChainHandle) -> Vec<Value> {
    chain
        .dev_accounts()
        .iter()
        .map(|key| {
            json!({
                "eth": key.eth_address().map(|address| address.to_string()),
                "f410": key.address().to_string(),
                "f1": key.as_kind(KeyKind::Secp256k1).ok().map(|key| key.address().to_string()),
                "private_key": format!("0x{}", hex::encode(key.private_bytes())),
            })
        })
        .collect()
}

/// A node that takes longer to stop says why.
const PATIENCE: Duration = Duration::from_secs(1);

/// SIGINT and SIGTERM.
struct Stop {
    count: tokio::sync::watch::Receiver<u32>,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (sender, count) = tokio::sync::watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                sender.send_modify(|count| *count += 1);
            }
        });
        Ok(Self { count })
    }

    /// Returns once so many signals have come, also if they came before.
    async fn asked(&self, times: u32) {
        let mut count = self.count.clone();
        // The sender lives as long as the process.
        let _ = count.wait_for(|count| *count >= times).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_balance_is_in_fil() {
        for (text, expected) in [
            ("50", TokenAmount::from_whole(50)),
            ("0.5", TokenAmount::from_nano(500_000_000)),
            ("7 attoFIL", TokenAmount::from_atto(7)),
        ] {
            assert_eq!(fil(text).unwrap(), expected);
        }
        assert!(fil("-1 FIL").is_err());
        assert!(fil("lots").is_err());
    }
}
