//! What the methods of one server share.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use boatyard_chain::{ChainHandle, ExecutedTipset, StateView, TipsetKey, TipsetRef};
use boatyard_sdk::NetworkVariant;
use fvm_shared::clock::ChainEpoch;
use serde::Serialize;
use tokio::sync::watch;

use crate::abis::Abis;
use crate::auth::Gate;
use crate::error::RpcError;
use crate::eth::block_param::{BlockParam, Tag};
use crate::eth::convert::Writer;
use crate::eth::filters::Filters;
use crate::eth::patience::{Listeners, Patience};

/// How a chain is served.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Where to listen; port 0 takes any free one.
    pub address: SocketAddr,
    /// Answer as Lotus does where Ethereum tools expect something else (spec 10 §9).
    pub strict: bool,
    /// Answer of `web3_clientVersion`. Test helpers of Hardhat and OpenZeppelin
    /// look at how it begins (spec 10 §7.6).
    pub client_version: String,
    /// Distance of the block `safe` from the head, in epochs.
    pub safe_distance: ChainEpoch,
    /// Distance of the block `finalized` from the head, in epochs.
    pub finalized_distance: ChainEpoch,
    /// While tipsets are made on message: how many empty ones are made at most for
    /// a client that polls for confirmations of a transaction; 0 makes none.
    pub confirmations_on_demand: u64,
    /// Whether development methods exist: those that change the chain, its clock or its
    /// state from outside.
    pub development: bool,
    /// What clients must send to do more than read; without it everybody may do
    /// everything.
    pub token: Option<String>,
    /// Origins from which browsers may ask; none stands for any.
    pub origins: Vec<String>,
    /// Policy that the actors follow; what must hold of their states depends on it.
    pub policy: NetworkVariant,
    /// Longest request in bytes.
    pub max_request_bytes: u32,
    /// Longest answer in bytes.
    pub max_response_bytes: u32,
    /// Connections at a time.
    pub max_connections: u32,
    /// The node's storage providers.
    pub providers: Providers,
}

/// A storage provider, as clients find it.
#[derive(Debug, Clone, Serialize)]
pub struct ProviderEntry {
    /// Its miner, an f0 address.
    pub miner: String,
    /// The worker's key address.
    pub worker: String,
    /// Where it serves its clients.
    pub url: String,
    /// Bytes in its sectors.
    pub sector_size: u64,
    /// Whether it was told to do nothing.
    pub stopped: bool,
}

/// Whoever knows the node's storage providers; by default there are none.
#[derive(Clone, Default)]
pub struct Providers(Option<Arc<dyn Fn() -> Vec<ProviderEntry> + Send + Sync>>);

impl Providers {
    /// Those that `list` gives whenever somebody asks; it may block.
    pub fn new(list: impl Fn() -> Vec<ProviderEntry> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(list)))
    }

    /// All of them, f01000 and on.
    pub fn list(&self) -> Vec<ProviderEntry> {
        self.0.as_ref().map(|list| list()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Providers")
    }
}

/// Name and version that Ethereum tools take for anvil's: their helpers then work.
const ANVIL_LIKE: &str = concat!("anvil/v1.8.0-boatyard/", env!("CARGO_PKG_VERSION"));

impl Default for ServeOptions {
    /// Lenient, on port 8545 of this machine.
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8545)),
            strict: false,
            client_version: ANVIL_LIKE.into(),
            safe_distance: 0,
            finalized_distance: 0,
            confirmations_on_demand: 12,
            development: true,
            token: None,
            origins: Vec::new(),
            policy: NetworkVariant::Devnet,
            max_request_bytes: 64 << 20,
            max_response_bytes: 256 << 20,
            max_connections: 4096,
            providers: Providers::default(),
        }
    }
}

/// A chain being served.
pub struct Node {
    /// The chain.
    pub chain: ChainHandle,
    /// How it is served.
    pub options: ServeOptions,
    /// Who may do what.
    pub gate: Gate,
    /// Descriptions of actors and contracts.
    pub abis: Abis,
    /// Filters that clients poll.
    pub filters: Filters,
    /// Watches for clients that poll for confirmations.
    pub patience: Patience,
    /// Clients that listen to new heads.
    pub listeners: Listeners,
    /// Keeps transactions that the node signs from taking the same nonce.
    pub signing: tokio::sync::Mutex<()>,
    /// When serving began.
    pub started: (SystemTime, Instant),
    stop: watch::Sender<bool>,
    asked: watch::Sender<bool>,
}

impl Node {
    /// Serves `chain`.
    pub fn new(chain: ChainHandle, options: ServeOptions) -> Arc<Self> {
        Arc::new(Self {
            chain,
            gate: Gate::new(options.token.clone()),
            options,
            abis: Abis::default(),
            filters: Filters::default(),
            patience: Patience::default(),
            listeners: Listeners::default(),
            signing: tokio::sync::Mutex::new(()),
            started: (SystemTime::now(), Instant::now()),
            stop: watch::Sender::new(false),
            asked: watch::Sender::new(false),
        })
    }

    /// A client wants the node to stop. Whoever runs it decides.
    pub fn ask_to_stop(&self) {
        self.asked.send_replace(true);
    }

    /// Waits for [`Self::ask_to_stop`].
    pub async fn asked_to_stop(&self) {
        // An error means that the sender is gone, which is a stop as well.
        let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }

    /// Lets everything that waits give up.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for [`Self::stop`].
    pub async fn stopping(&self) {
        // An error means that the sender is gone, which is a stop as well.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// EIP-155 chain ID.
    pub fn chain_id(&self) -> u64 {
        self.chain.config().chain_id
    }

    /// Writes messages and events of a tipset as Ethereum JSON.
    pub fn writer(&self, tipset: &ExecutedTipset) -> Writer {
        let view = self.chain.state(tipset.state_root);
        Writer::new(view, self.chain_id(), self.options.strict)
    }

    /// The tipset that a client means; the last before it for a null round.
    /// `None` for an unknown hash or a number beyond the head.
    pub fn find_block(&self, block: BlockParam) -> Result<Option<Arc<ExecutedTipset>>, RpcError> {
        let head = self.chain.head();
        let distance = match block {
            BlockParam::Tag(Tag::Latest | Tag::Pending) => 0,
            BlockParam::Tag(Tag::Safe) => self.options.safe_distance,
            BlockParam::Tag(Tag::Finalized) => self.options.finalized_distance,
            BlockParam::Tag(Tag::Earliest) if self.options.strict => {
                return Err(RpcError::failure(
                    "block param \"earliest\" is not supported",
                ));
            }
            BlockParam::Tag(Tag::Earliest) => head.height(),
            BlockParam::Number(number) => {
                return match ChainEpoch::try_from(number) {
                    Ok(epoch) if epoch <= head.height() => {
                        Ok(Some(self.chain.tipset(&TipsetRef::Height(epoch))?))
                    }
                    _ => Ok(None),
                };
            }
            BlockParam::Hash(hash) => return Ok(self.chain.tipset(&TipsetRef::Hash(hash)).ok()),
        };
        if distance == 0 {
            return Ok(Some(head));
        }
        let epoch = (head.height() - distance).max(0);
        Ok(Some(self.chain.tipset(&TipsetRef::Height(epoch))?))
    }

    /// The tipset that a client means, which must exist.
    pub fn block(&self, block: BlockParam) -> Result<Arc<ExecutedTipset>, RpcError> {
        self.find_block(block)?
            .ok_or_else(|| unknown_block(block, self.chain.head().height()))
    }

    /// The state that a client means: after executing the block.
    pub async fn state(&self, block: BlockParam) -> Result<StateView, RpcError> {
        if block == BlockParam::Tag(Tag::Pending) {
            return Ok(self.chain.pending_state().await?);
        }
        Ok(self.chain.state(self.block(block)?.state_root))
    }

    /// The tipset with this key, the head for an empty one.
    pub fn tipset(&self, key: &TipsetKey) -> Result<Arc<ExecutedTipset>, RpcError> {
        let which = if key.is_empty() {
            TipsetRef::Head
        } else {
            TipsetRef::Key(key.clone())
        };
        Ok(self.chain.tipset(&which)?)
    }

    /// The state that Filecoin methods read: without a key the newest one, which
    /// includes the head's own messages, so that it shows what `eth_*` shows; with
    /// a key the tipset's parent state (spec 10 §8.3).
    pub fn state_at(&self, key: &TipsetKey) -> Result<StateView, RpcError> {
        if key.is_empty() {
            return Ok(self.chain.head_state());
        }
        let tipset = self.tipset(key)?;
        Ok(self.chain.state(tipset.tipset.parent_state_root()))
    }
}

/// The error for a block that does not exist.
pub fn unknown_block(block: BlockParam, head: ChainEpoch) -> RpcError {
    match block {
        BlockParam::Hash(hash) => RpcError::failure(format!("unknown block {hash}")),
        BlockParam::Number(number) => RpcError::failure(format!(
            "requested a future epoch (beyond 'latest'): {number}, the head is at {head}"
        )),
        BlockParam::Tag(_) => RpcError::failure("there is no such block"),
    }
}
