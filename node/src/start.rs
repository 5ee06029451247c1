//! In which order a node comes up and goes down.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use boatyard_actors_shared::REGISTRY_ACTOR_ID;
use boatyard_bundle::{Bundle, BundleError};
use boatyard_chain::genesis::{ExtraActor, GenesisActors};
use boatyard_chain::{
    ChainConfig, ChainError, ChainFile, ChainHandle, ChainProofs, ChainSetup, EngineMachines,
};
use boatyard_proofs::settings::SettingsError;
use boatyard_provider::Provider;
use boatyard_provider::genesis::{self as providers, Prepared, ProviderError};
use boatyard_provider::http::{self, HttpError};
use boatyard_rpc::{ProviderEntry, Providers, RunningServer, ServeError, ServeOptions};
use boatyard_sdk::NetworkVariant;
use boatyard_vm::engine::{Engine, EngineOptions, MachineKind};
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_shared::address::Address;

use crate::config::{BundleSource, NodeConfig};

/// Actors in the order in which a devnet needs them: what every epoch runs, then
/// what the first transactions touch.
const PRELOAD_ORDER: [&str; 16] = [
    "reward",
    "account",
    "cron",
    "storagepower",
    "storagemarket",
    "ethaccount",
    "placeholder",
    "evm",
    "eam",
    "init",
    "multisig",
    "storageminer",
    "datacap",
    "verifiedregistry",
    "paymentchannel",
    "system",
];

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The file cannot be read.
    #[error("cannot read the actor bundle {}: {reason}", path.display())]
    ReadBundle {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The file is no bundle.
    #[error("{} is no actor bundle: {reason}", path.display())]
    BadBundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: BundleError,
    },
    /// The chain does not start.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The proof scheme cannot be used.
    #[error(transparent)]
    Proofs(#[from] SettingsError),
    /// A storage provider does not start.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A storage provider's port cannot be served.
    #[error(transparent)]
    ProviderPort(#[from] HttpError),
    /// The port cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// A devnet node.
pub struct Node;

impl Node {
    /// Starts a node: returns once requests are served. Actors may still be
    /// compiling then; messages wait for those that they need.
    ///
    /// # Errors
    /// [`NodeError`] with what stands in the way.
    pub async fn start(config: NodeConfig) -> Result<RunningNode, NodeError> {
        // Ports first: nothing is sealed for a node that cannot be reached.
        let wanted = &config.providers;
        let listeners = http::listen(wanted.host, wanted.port, wanted.count)?;
        let (chain, providers) = Self::start_parts(&config)?;
        match Self::serve(config, &chain, &providers, listeners).await {
            Ok((server, counters)) => Ok(RunningNode {
                chain,
                providers,
                counters,
                server,
            }),
            Err(error) => {
                chain.stop().await;
                Err(error)
            }
        }
    }

    /// Opens the node to its clients, and to those of its providers.
    async fn serve(
        config: NodeConfig,
        chain: &ChainHandle,
        providers: &[Provider],
        listeners: Vec<TcpListener>,
    ) -> Result<(RunningServer, Vec<http::Server>), NodeError> {
        let counters = providers
            .iter()
            .zip(listeners)
            .map(|(provider, listener)| {
                http::Server::start(provider.clone(), chain.clone(), listener)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let known: Vec<(Provider, String)> = providers
            .iter()
            .cloned()
            .zip(counters.iter().map(http::Server::url))
            .collect();
        let options = ServeOptions {
            address: SocketAddr::new(config.host, config.port),
            policy: config.variant,
            providers: Providers::new(move || {
                known.iter().map(|(one, url)| entry(one, url)).collect()
            }),
            ..config.serve
        };
        let server = boatyard_rpc::serve(chain.clone(), options).await?;
        Ok((server, counters))
    }

    /// Starts the chain alone, without a port. For tests and tools in the same
    /// process.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_chain(config: &NodeConfig) -> Result<ChainHandle, NodeError> {
        Ok(Self::start_parts(config)?.0)
    }

    /// Starts the chain and its providers without a port.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_parts(config: &NodeConfig) -> Result<(ChainHandle, Vec<Provider>), NodeError> {
        let file;
        let bundle = match &config.bundle {
            BundleSource::Embedded => Bundle::embedded(config.variant),
            BundleSource::File(path) => {
                file = read_bundle(path)?;
                &file
            }
        };
        let file = config
            .data_dir
            .as_deref()
            .map(ChainFile::open)
            .transpose()?;
        let store = match &file {
            Some(file) => file.store(),
            None => SharedStore::memory(),
        };
        bundle.install(&store).map_err(ChainError::Store)?;
        let engine = engine(config.variant);
        // Not in the manifest, so native machines have to be told.
        if let Some(code) = bundle.registry() {
            engine.register_native::<boatyard_registry::Registry>(code);
        }
        if config.preload {
            let codes: Vec<Cid> = PRELOAD_ORDER
                .iter()
                .filter_map(|name| bundle.code(name))
                .collect();
            engine.preload(store.clone(), codes);
        }
        let machines = EngineMachines::new(engine, config.machine);
        let machines = match &config.bundle {
            // The same actors natively: the same roots, and faster by far.
            BundleSource::Embedded => machines.with_null_rounds(MachineKind::Native),
            BundleSource::File(_) => machines,
        };
        let extra = registry(bundle, &store)?;
        // A chain that goes on keeps the genesis that it has.
        let begun = match &file {
            Some(file) => file.genesis_timestamp()?,
            None => None,
        };
        let verifier = config.proofs.verifier()?;
        let prepared = match config.providers.count {
            0 => Vec::new(),
            _ => {
                let prover = config.proofs.prover()?;
                let data_dir = config.data_dir.as_deref();
                providers::prepare(&config.providers, config.variant, data_dir, &prover)?
            }
        };
        let chain = ChainHandle::start(ChainSetup {
            config: chain_config(config, begun),
            store: store.clone(),
            file,
            actors: GenesisActors {
                builtin: bundle.actors().to_vec(),
                extra,
                providers: prepared.iter().map(Prepared::genesis).collect(),
            },
            machines: Arc::new(machines),
            verifier: Arc::new(ChainProofs::new(verifier, store)),
        })?;
        let providers = providers::join(prepared, &chain)?;
        Ok((chain, providers))
    }
}

/// A node that serves requests until it is stopped. Dropping it stops the chain's
/// threads as well, but does not wait for them.
pub struct RunningNode {
    chain: ChainHandle,
    providers: Vec<Provider>,
    /// Where the providers serve their clients, in the same order.
    counters: Vec<http::Server>,
    server: RunningServer,
}

impl RunningNode {
    /// The chain.
    pub fn chain(&self) -> &ChainHandle {
        &self.chain
    }

    /// Its storage providers, f01000 and on.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// Where each of its storage providers serves its clients, f01000 and on.
    pub fn provider_urls(&self) -> Vec<String> {
        self.counters.iter().map(http::Server::url).collect()
    }

    /// Where requests are served; the port is the real one when 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// URL for HTTP clients; with `ws` in place of `http` for WebSockets.
    pub fn url(&self) -> String {
        format!("http://{}", self.local_addr())
    }

    /// Waits until a client asks the node to stop (`Filecoin.Shutdown`).
    pub async fn asked_to_stop(&self) {
        self.server.asked_to_stop().await;
    }

    /// Stops serving, then the chain. Requests that wait are answered with an
    /// error; a tipset being made is finished or given up as a whole.
    pub async fn stop(self) {
        for counter in self.counters {
            counter.stop().await;
        }
        self.server.stop().await;
        self.chain.stop().await;
        // Somebody who was aborted may hold them as long as the process lives.
        for provider in &self.providers {
            provider.files().delete_temporary();
        }
    }
}

/// A provider as clients find it.
fn entry(provider: &Provider, url: &str) -> ProviderEntry {
    let config = provider.config();
    ProviderEntry {
        miner: Address::new_id(config.miner).to_string(),
        worker: config.worker.address().to_string(),
        url: url.to_owned(),
        sector_size: config.sector_size() as u64,
        stopped: provider.mischief().stopped,
    }
}

/// The engine of this process for a policy. Nodes share it, and with it what is
/// compiled already; code is told apart by its CID.
fn engine(policy: NetworkVariant) -> Engine {
    static ENGINES: Mutex<BTreeMap<u8, Engine>> = Mutex::new(BTreeMap::new());
    let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = engines.entry(policy as u8).or_insert_with(|| {
        Engine::new(EngineOptions {
            policy,
            ..EngineOptions::default()
        })
    });
    engine.clone()
}

/// The code registry, where the bundle has one. A foreign bundle has none, and its
/// init actor would not ask it.
fn registry(bundle: &Bundle, store: &SharedStore) -> Result<Vec<ExtraActor>, NodeError> {
    let Some(code) = bundle.registry() else {
        return Ok(Vec::new());
    };
    let state = boatyard_registry::State::new(store)
        .map_err(|error| ChainError::Store(anyhow::anyhow!("the registry's state: {error}")))?;
    let state = fvm_ipld_encoding::to_vec(&state)
        .map_err(|error| ChainError::Store(anyhow::anyhow!("the registry's state: {error}")))?;
    Ok(vec![ExtraActor {
        id: REGISTRY_ACTOR_ID,
        code,
        state,
    }])
}

fn read_bundle(path: &PathBuf) -> Result<Bundle, NodeError> {
    let bytes = std::fs::read(path).map_err(|reason| NodeError::ReadBundle {
        path: path.clone(),
        reason,
    })?;
    Bundle::from_car(&bytes).map_err(|reason| NodeError::BadBundle {
        path: path.clone(),
        reason,
    })
}

fn chain_config(config: &NodeConfig, begun: Option<u64>) -> ChainConfig {
    let genesis_timestamp = begun.or(config.genesis_timestamp).unwrap_or_else(|| {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        now - now % config.block_time_secs.max(1)
    });
    ChainConfig {
        network_name: config.network_name.clone(),
        chain_id: config.chain_id,
        block_time_secs: config.block_time_secs,
        genesis_timestamp,
        initial_base_fee: config.base_fee.clone(),
        mnemonic: config.mnemonic.clone(),
        accounts: config.accounts,
        account_balance: config.balance.clone(),
        mining: config.mining,
        variant: config.variant,
        ..ChainConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genesis_is_at_a_whole_epoch_unless_a_time_is_given() {
        let config = NodeConfig {
            block_time_secs: 7,
            ..NodeConfig::default()
        };
        assert_eq!(chain_config(&config, None).genesis_timestamp % 7, 0);
        let config = NodeConfig {
            genesis_timestamp: Some(12),
            ..config
        };
        assert_eq!(chain_config(&config, None).genesis_timestamp, 12);
        assert_eq!(chain_config(&config, Some(5)).genesis_timestamp, 5);
    }

    #[test]
    fn a_block_time_of_zero_is_an_error_and_no_panic() {
        let config = NodeConfig {
            block_time_secs: 0,
            ..NodeConfig::default()
        };
        assert_eq!(chain_config(&config, None).block_time_secs, 0);
    }
}
