//! What others can ask of the chain.
//!
//! | file | methods |
//! |---|---|
//! | this one | starting and stopping, what the chain is |
//! | `read` | tipsets, states, messages, events, fees |
//! | `run` | calls, estimates, traces |
//! | `change` | pool, mining, time, edits, snapshots |
//! | `dump` | a state as a file |

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use alloy::primitives::{B256, keccak256};
use boatyard_vm::context::ProofVerifier;
use boatyard_vm::store::SharedStore;
use cid::Cid;

use crate::accounts::Accounts;
use crate::block::Tipset;
use crate::config::ChainConfig;
use crate::core::Core;
use crate::disk::ChainFile;
use crate::error::ChainError;
use crate::events::Subscription;
use crate::execute;
use crate::fees::MINIMUM_BASE_FEE;
use crate::genesis::{self, GenesisActors};
use crate::history;
use crate::keys::{Key, Keyring};
use crate::machines::Machines;
use crate::message::PoolMessage;
use crate::participant::Participant;
use crate::producer;
use crate::threads::Threads;
use crate::tipset::{ExecutedTipset, MessageLocation};

mod change;
mod dump;
mod read;
mod run;
#[cfg(test)]
mod tests;

pub use dump::DumpedState;

/// The chain, as RPC, providers and tests see it. Cheap to clone; all clones are
/// the same chain, which stops when the last one is dropped.
///
/// Methods that are not `async` look something up in memory and return at once.
/// `async` methods execute messages: changes of the chain one after another on a
/// thread of their own, calls and estimates on several others. They work on any
/// async runtime. Futures that are dropped do not undo what they asked for.
#[derive(Clone)]
pub struct ChainHandle {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    threads: Threads,
    genesis: Arc<ExecutedTipset>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Nobody can ask for what is still being done.
        self.core.announce_stop();
    }
}

/// What a chain is made of.
pub struct ChainSetup {
    /// Parameters.
    pub config: ChainConfig,
    /// Where blocks lie; the code of the actors is there already. With a file, its
    /// [`ChainFile::store`].
    pub store: SharedStore,
    /// Where the chain is kept, and gone on with; `None` for one in memory.
    pub file: Option<ChainFile>,
    /// The actors of the genesis state.
    pub actors: GenesisActors,
    /// Who executes messages.
    pub machines: Arc<dyn Machines>,
    /// Who checks proofs.
    pub verifier: Arc<dyn ProofVerifier>,
}

/// A snapshot to go back to with [`ChainHandle::revert`]. Counts up from 0.
pub type SnapshotId = u64;

/// What the pool did with a message.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// CID on chain.
    pub cid: Cid,
    /// Hash for Ethereum clients.
    pub eth_hash: B256,
    /// Where it was mined, if that happened at once
    /// ([`crate::MiningMode::OnMessage`]).
    pub location: Option<MessageLocation>,
}

/// A message, wherever it is.
#[derive(Debug, Clone)]
pub enum Found {
    /// On the chain.
    Mined(MessageLocation),
    /// In the pool.
    Pending(Arc<PoolMessage>),
}

impl ChainHandle {
    /// Writes the genesis state and block and starts the threads.
    ///
    /// # Errors
    /// [`ChainError::Config`] with what is wrong; [`ChainError::Store`].
    pub fn start(setup: ChainSetup) -> Result<Self, ChainError> {
        let ChainSetup {
            config,
            store,
            file,
            actors,
            machines,
            verifier,
        } = setup;
        check(&config)?;
        let accounts = Accounts::derive(&config, actors.providers.len())?;
        let (mut root, owners) = genesis::write_state(&store, &config, &accounts, &actors)?;
        if !actors.providers.is_empty() {
            root = genesis::add_providers(
                &store,
                &machines,
                verifier.clone(),
                &config,
                root,
                owners,
                actors.providers,
            )?;
        }
        let header = genesis::header(&store, &config, root)?;
        let genesis = Arc::new(ExecutedTipset {
            receipts_root: header.parent_message_receipts,
            next_base_fee: header.parent_base_fee.clone(),
            tipset: Tipset::single(header),
            messages: Arc::default(),
            start_root: root,
            state_root: root,
            circulating_supply: execute::circulating(&store, &root)?,
        });
        let keyring = Keyring::default();
        for (eth, native) in accounts.dev.iter().zip(&accounts.dev_native) {
            keyring.add(eth.clone());
            keyring.add(native.clone());
        }
        keyring.add(accounts.operator.clone());
        keyring.add(accounts.worker.clone());
        for worker in &accounts.more_workers {
            keyring.add(worker.clone());
        }
        if let Some(first) = accounts.dev_native.first() {
            keyring.set_default(&first.address());
        }
        let resumed = match &file {
            Some(file) => file.resume()?,
            None => None,
        };
        if let Some(resumed) = &resumed
            && resumed.genesis.key() != genesis.key()
        {
            return Err(ChainError::Config(format!(
                "the data directory holds a chain with another genesis ({}, this would be {}): \
                 start the node with the same network name, chain ID, accounts, actors, \
                 storage providers and their ports, or \
                 name another data directory",
                resumed.genesis.tipset.key_cid(),
                genesis.tipset.key_cid(),
            )));
        }
        let instance = new_instance(&genesis);
        let core = Core::new(
            config,
            store,
            machines,
            verifier,
            accounts,
            keyring,
            genesis.clone(),
            instance,
            file,
        );
        producer::store_headers(&core, &genesis.tipset)?;
        match resumed {
            Some(resumed) => history::resume(&core, resumed)?,
            None => {
                if let Some(file) = &core.file {
                    file.begin(&genesis)?;
                }
                core.persist()?;
            }
        }
        let threads = Threads::start(&core)?;
        Ok(Self {
            inner: Arc::new(Inner {
                core,
                threads,
                genesis,
            }),
        })
    }

    /// Stops mining and executing. Pending requests fail with
    /// [`ChainError::Stopped`]; look-ups still work. Returns when threads have ended.
    pub async fn stop(&self) {
        self.inner.threads.stop(self.core()).await;
    }

    /// What the chain was started with.
    pub fn config(&self) -> &ChainConfig {
        &self.core().config
    }

    /// A random-looking number that changes with every start and
    /// [`reset`](Self::reset), but not with [`revert`](Self::revert).
    pub fn instance_id(&self) -> B256 {
        self.core().data().instance
    }

    /// The block store: everything that the chain and its states consist of.
    pub fn store(&self) -> &SharedStore {
        &self.core().store
    }

    /// Keys that the node signs with: the development accounts (f410 and f1 of
    /// each in turn), the operator f0100, the worker f0101, and those of further
    /// providers. The default is the
    /// f1 address of the first account.
    pub fn keyring(&self) -> &Keyring {
        &self.core().keyring
    }

    /// Keys of the development accounts, as f410 addresses, in order of derivation.
    pub fn dev_accounts(&self) -> &[Key] {
        &self.core().accounts.dev
    }

    /// What happens from now on. Subscribe first, look at the head then: nothing
    /// is missed that way.
    pub fn subscribe(&self) -> Subscription {
        Subscription {
            receiver: self.core().listen(),
        }
    }

    /// Lets somebody act by itself from the next tipset on, and make blocks.
    pub fn join(&self, participant: Arc<dyn Participant>) {
        self.core().join(participant);
    }

    /// Keys of the owners and workers of the providers f01000 and on, at least one.
    pub fn worker_keys(&self) -> Vec<Key> {
        let accounts = &self.core().accounts;
        let first = std::iter::once(&accounts.worker);
        first.chain(&accounts.more_workers).cloned().collect()
    }

    fn core(&self) -> &Arc<Core> {
        &self.inner.core
    }
}

fn check(config: &ChainConfig) -> Result<(), ChainError> {
    if config.block_time_secs == 0 {
        return Err(ChainError::Config(
            "the block time must be at least one second".into(),
        ));
    }
    let min = fvm_shared::econ::TokenAmount::from_atto(MINIMUM_BASE_FEE);
    if config.initial_base_fee < min {
        return Err(ChainError::Config(format!(
            "the initial base fee must be at least {MINIMUM_BASE_FEE} attoFIL"
        )));
    }
    Ok(())
}

/// Differs between any two calls, in this process and others.
fn new_instance(genesis: &ExecutedTipset) -> B256 {
    let mut seed = genesis.tipset.eth_hash().to_vec();
    for _ in 0..2 {
        // Keyed at random by the standard library.
        seed.extend_from_slice(&RandomState::new().build_hasher().finish().to_be_bytes());
    }
    keccak256(seed)
}
