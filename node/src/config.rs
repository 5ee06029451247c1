//! What can be chosen about a node.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use boatyard_chain::MiningMode;
use boatyard_chain::config::{DEFAULT_CHAIN_ID, DEFAULT_MNEMONIC};
use boatyard_proofs::Scheme;
use boatyard_provider::ProvidersConfig;
use boatyard_rpc::ServeOptions;
use boatyard_sdk::NetworkVariant;
use boatyard_vm::engine::MachineKind;
use fvm_shared::econ::TokenAmount;

/// Where the built-in actors come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BundleSource {
    /// This build, with the policy of [`NodeConfig::variant`].
    #[default]
    Embedded,
    /// A bundle CAR as published for networks. Its policy is its own.
    File(PathBuf),
}

/// What can be chosen about a node. Start from the default and change fields.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 takes any free one.
    pub port: u16,
    /// Length of an epoch in seconds.
    pub block_time_secs: u64,
    /// When tipsets are made.
    pub mining: MiningMode,
    /// Number of development accounts.
    pub accounts: u32,
    /// Balance of each of their addresses.
    pub balance: TokenAmount,
    /// Mnemonic that their keys are derived from.
    pub mnemonic: String,
    /// EIP-155 chain ID.
    pub chain_id: u64,
    /// Name of the network.
    pub network_name: String,
    /// Timestamp of genesis; `None` is the time of the start, rounded down to
    /// whole epochs.
    pub genesis_timestamp: Option<u64>,
    /// Base fee of the first epoch in attoFIL.
    pub base_fee: TokenAmount,
    /// Where the built-in actors come from.
    pub bundle: BundleSource,
    /// Policy of the embedded actors.
    pub variant: NetworkVariant,
    /// Which machine executes messages.
    pub machine: MachineKind,
    /// Whether to compile actors in the background before somebody needs them.
    pub preload: bool,
    /// Its storage providers.
    pub providers: ProvidersConfig,
    /// How proofs get into messages and are checked; decides state.
    pub proofs: Scheme,
    /// Directory in which the chain is kept and gone on with; `None` keeps it in
    /// memory.
    pub data_dir: Option<PathBuf>,
    /// How requests are answered; `address` is taken from `host` and `port`.
    pub serve: ServeOptions,
}

impl Default for NodeConfig {
    /// 127.0.0.1:8545, ten accounts of 10 000 FIL, tipsets on message.
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8545,
            block_time_secs: 30,
            mining: MiningMode::OnMessage,
            accounts: 10,
            balance: TokenAmount::from_whole(10_000),
            mnemonic: DEFAULT_MNEMONIC.into(),
            chain_id: DEFAULT_CHAIN_ID,
            network_name: "devnet".into(),
            genesis_timestamp: None,
            base_fee: TokenAmount::from_atto(boatyard_chain::fees::MINIMUM_BASE_FEE),
            bundle: BundleSource::Embedded,
            variant: NetworkVariant::Devnet,
            machine: MachineKind::Fvm,
            preload: true,
            providers: ProvidersConfig::default(),
            proofs: Scheme::default(),
            data_dir: None,
            serve: ServeOptions::default(),
        }
    }
}

impl NodeConfig {
    /// Makes a tipset per epoch of wall-clock time.
    pub fn mine_in_real_time(mut self) -> Self {
        self.mining = MiningMode::Interval(Duration::from_secs(self.block_time_secs));
        self
    }
}
