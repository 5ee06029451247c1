//! What all parts of the chain share.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use alloy::primitives::B256;
use boatyard_vm::context::{ChainView, Context, ProofVerifier, Tracing};
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::version::NetworkVersion;
use tokio::sync::broadcast;

use crate::accounts::{Accounts, WORKER};
use crate::block::{BeaconEntry, Ticket};
use crate::config::{ChainConfig, MiningMode};
use crate::disk::ChainFile;
use crate::error::ChainError;
use crate::events::ChainEvent;
use crate::facts::LastFacts;
use crate::faults::Judge;
use crate::fees::BLOCK_GAS_LIMIT;
use crate::keys::Keyring;
use crate::machines::Machines;
use crate::participant::{self, BlockProducer, Participant};
use crate::pool::Pool;
use crate::randomness;
use crate::tipset::ExecutedTipset;
use crate::tipsets::Tipsets;
use crate::view::StateView;

/// Network version in force, from genesis on.
pub const NETWORK_VERSION: NetworkVersion = NetworkVersion::V28;

/// How many events a subscriber may be behind.
pub(crate) const NEWS_CAPACITY: usize = 4096;

/// What all parts of the chain share. The producer's thread is the only one that
/// changes [`Data`]; nobody holds its lock while a machine runs.
pub(crate) struct Core {
    pub config: ChainConfig,
    pub store: SharedStore,
    pub machines: Arc<dyn Machines>,
    pub verifier: Arc<dyn ProofVerifier>,
    pub accounts: Accounts,
    pub keyring: Keyring,
    /// `None` once stopped: subscribers hear of that.
    news: RwLock<Option<broadcast::Sender<ChainEvent>>>,
    pub impersonated: RwLock<Impersonated>,
    participants: RwLock<Vec<Arc<dyn Participant>>>,
    pub facts: LastFacts,
    /// Where the chain is kept; `None` for one in memory.
    pub file: Option<ChainFile>,
    /// Set once; long work ends early.
    stopping: AtomicBool,
    data: RwLock<Data>,
}

/// The chain as it is now.
pub(crate) struct Data {
    pub tipsets: Tipsets,
    pub pool: Pool,
    pub clock: Clock,
    pub mode: MiningMode,
    /// Gas that the messages of a block may ask for together.
    pub block_gas_limit: u64,
    /// Values of the beacon that somebody chose.
    pub beacon: BTreeMap<ChainEpoch, [u8; 32]>,
    /// What edits brought into being beyond the faucet's money.
    pub minted: TokenAmount,
    pub snapshots: BTreeMap<u64, Snapshot>,
    pub next_snapshot: u64,
    pub instance: B256,
}

/// Wishes about the next tipset's epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    /// The next tipset lies here or later.
    pub not_before: Option<ChainEpoch>,
    /// Epochs added by `increase_time` so far.
    pub added: u64,
}

/// What a revert restores.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// The head, with its edits.
    pub head: Arc<ExecutedTipset>,
    pub pool: Pool,
    pub clock: Clock,
    pub beacon: BTreeMap<ChainEpoch, [u8; 32]>,
    pub minted: TokenAmount,
}

/// Whose messages are taken without signature.
#[derive(Debug, Default)]
pub(crate) struct Impersonated {
    pub everybody: bool,
    pub senders: HashSet<Address>,
}

impl Core {
    #[allow(clippy::too_many_arguments)] // The parts of a chain, each once.
    pub fn new(
        config: ChainConfig,
        store: SharedStore,
        machines: Arc<dyn Machines>,
        verifier: Arc<dyn ProofVerifier>,
        accounts: Accounts,
        keyring: Keyring,
        genesis: Arc<ExecutedTipset>,
        instance: B256,
        file: Option<ChainFile>,
    ) -> Arc<Self> {
        let data = Data {
            tipsets: Tipsets::new(genesis),
            pool: Pool::default(),
            clock: Clock::default(),
            mode: config.mining,
            block_gas_limit: BLOCK_GAS_LIMIT,
            beacon: BTreeMap::new(),
            minted: TokenAmount::default(),
            snapshots: BTreeMap::new(),
            next_snapshot: 0,
            instance,
        };
        Arc::new(Self {
            config,
            store,
            machines,
            verifier,
            accounts,
            keyring,
            news: RwLock::new(Some(broadcast::channel(NEWS_CAPACITY).0)),
            impersonated: RwLock::default(),
            participants: RwLock::default(),
            facts: LastFacts::default(),
            file,
            stopping: AtomicBool::new(false),
            data: RwLock::new(data),
        })
    }

    /// For a short look.
    pub fn data(&self) -> RwLockReadGuard<'_, Data> {
        self.data
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// For a short change, by the producer's thread only.
    pub fn data_mut(&self) -> RwLockWriteGuard<'_, Data> {
        self.data
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn head(&self) -> Arc<ExecutedTipset> {
        self.data().tipsets.head().clone()
    }

    pub fn head_state(&self) -> StateView {
        StateView::new(self.store.clone(), self.head().state_root)
    }

    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Tells subscribers. Nobody listening is fine.
    pub fn tell(&self, event: ChainEvent) {
        let news = self
            .news
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(news) = news.as_ref() {
            let _ = news.send(event);
        }
    }

    /// What happens from now on; ends at once if the chain has stopped.
    pub fn listen(&self) -> broadcast::Receiver<ChainEvent> {
        let news = self
            .news
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        match news.as_ref() {
            Some(news) => news.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    /// Writes what has changed to the chain's file, if it has one.
    pub fn persist(&self) -> Result<(), ChainError> {
        match &self.file {
            Some(file) => file.commit(&self.data(), &self.keyring),
            None => Ok(()),
        }
    }

    /// Lets long work and subscriptions end.
    pub fn announce_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        *self
            .news
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
    }

    /// Who acts by itself as epochs pass, in the order of joining.
    pub fn participants(&self) -> Vec<Arc<dyn Participant>> {
        self.participants
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone()
    }

    /// Somebody more who acts by itself.
    pub fn join(&self, participant: Arc<dyn Participant>) {
        self.participants
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .push(participant);
    }

    /// Who makes the block at `height` on top of a tipset with this state. Without
    /// providers it is the worker f0101.
    pub fn block_producer(
        &self,
        state_root: &Cid,
        height: ChainEpoch,
    ) -> Result<BlockProducer, ChainError> {
        let elected = participant::elect(self, state_root, height)?;
        Ok(elected.unwrap_or_else(|| BlockProducer {
            miner: WORKER,
            worker: self.accounts.worker.clone(),
        }))
    }

    pub fn timestamp_of(&self, epoch: ChainEpoch) -> u64 {
        let elapsed = epoch
            .unsigned_abs()
            .saturating_mul(self.config.block_time_secs);
        self.config.genesis_timestamp.saturating_add(elapsed)
    }

    /// The first epoch whose timestamp is not below `timestamp`.
    pub fn epoch_at(&self, timestamp: u64) -> ChainEpoch {
        let elapsed = timestamp.saturating_sub(self.config.genesis_timestamp);
        let epoch = elapsed.div_ceil(self.config.block_time_secs);
        ChainEpoch::try_from(epoch).unwrap_or(ChainEpoch::MAX)
    }

    /// The epoch that the next tipset is for.
    pub fn next_epoch(&self) -> ChainEpoch {
        let data = self.data();
        let next = data.tipsets.head().height() + 1;
        next.max(data.clock.not_before.unwrap_or(next))
    }

    /// The beacon's entry of an epoch.
    pub fn beacon_entry(&self, epoch: ChainEpoch) -> BeaconEntry {
        match self.data().beacon.get(&epoch) {
            Some(value) => BeaconEntry {
                round: epoch.unsigned_abs(),
                data: value.to_vec(),
            },
            None => randomness::beacon_entry(&self.config.beacon_seed, epoch),
        }
    }

    /// The ticket of a tipset at `height` on top of the one at `parent`.
    pub fn ticket_on(&self, parent: ChainEpoch, height: ChainEpoch) -> Result<Ticket, ChainError> {
        let parent = self.data().tipsets.at_or_before(parent).cloned();
        let parent = parent.ok_or(ChainError::NegativeEpoch(height))?;
        let producer = self.block_producer(&parent.state_root, height)?;
        let parent_ticket = parent.tipset.block().ticket.as_ref();
        Ok(randomness::ticket(
            &producer.worker,
            &Address::new_id(producer.miner),
            &self.beacon_entry(height),
            height,
            parent_ticket.map_or(&[], |ticket| &ticket.vrf_proof),
        ))
    }

    /// The surroundings of a machine.
    pub fn context(
        self: &Arc<Self>,
        epoch: ChainEpoch,
        base_fee: TokenAmount,
        circulating_supply: TokenAmount,
        chain: Arc<dyn ChainView>,
        tracing: Tracing,
    ) -> Context {
        Context {
            epoch,
            timestamp: self.timestamp_of(epoch),
            base_fee,
            circulating_supply,
            chain_id: self.config.chain_id,
            network_version: NETWORK_VERSION,
            chain,
            verifier: Judge::at(self, epoch),
            substitutions: None,
            tracing,
            interceptor: None,
        }
    }
}
