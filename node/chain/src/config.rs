//! What a chain is started with.

use std::time::Duration;

use boatyard_sdk::NetworkVariant;
use fvm_shared::econ::TokenAmount;

/// When tipsets are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MiningMode {
    /// As soon as a message can be executed; empty ones when somebody waits for
    /// confirmations.
    OnMessage,
    /// One tipset per interval of wall-clock time.
    Interval(Duration),
    /// Only when asked.
    OnRequest,
}

/// What a chain is started with.
#[derive(Debug, Clone)]
pub struct ChainConfig {
    /// Name of the network, written into the init actor.
    pub network_name: String,
    /// EIP-155 chain ID.
    pub chain_id: u64,
    /// Length of an epoch in seconds, at least 1.
    pub block_time_secs: u64,
    /// Timestamp of the genesis block, seconds since the Unix epoch.
    pub genesis_timestamp: u64,
    /// Base fee of the first epoch, in attoFIL; at least 100.
    pub initial_base_fee: TokenAmount,
    /// Mnemonic of the development accounts.
    pub mnemonic: String,
    /// Number of development accounts, at most 400.
    pub accounts: u32,
    /// Balance of each development account.
    pub account_balance: TokenAmount,
    /// When tipsets are made.
    pub mining: MiningMode,
    /// Seed of the random beacon.
    pub beacon_seed: [u8; 32],
    /// Policy of the actors; decides which sectors providers can have.
    pub variant: NetworkVariant,
    /// Threads that answer calls and estimates; 0 chooses by the machine.
    pub call_threads: usize,
}

/// Mnemonic that development tools know by heart.
pub const DEFAULT_MNEMONIC: &str = "test test test test test test test test test test test junk";

/// Chain ID of local Filecoin networks.
pub const DEFAULT_CHAIN_ID: u64 = 31_415_926;

impl Default for ChainConfig {
    /// Ten accounts of 10 000 FIL, epochs of 30 seconds, tipsets on message,
    /// genesis at the Unix epoch (set the timestamp for a real node).
    fn default() -> Self {
        Self {
            network_name: "devnet".into(),
            chain_id: DEFAULT_CHAIN_ID,
            block_time_secs: 30,
            genesis_timestamp: 0,
            initial_base_fee: TokenAmount::from_atto(100),
            mnemonic: DEFAULT_MNEMONIC.into(),
            accounts: 10,
            account_balance: TokenAmount::from_whole(10_000),
            mining: MiningMode::OnMessage,
            beacon_seed: [0; 32],
            variant: NetworkVariant::Devnet,
            call_threads: 0,
        }
    }
}
