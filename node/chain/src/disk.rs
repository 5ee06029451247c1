//! A chain on disk: its blocks, its tipsets, what waits, and the keys, in one file.
//!
//! Every tipset is committed durably before anybody hears of it, with all blocks that
//! it needs; a process that is killed comes up again at the last one. Snapshots live
//! as long as the process.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use anyhow::{Context, Result, anyhow, bail};
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::{from_slice, to_vec};
use fvm_shared::clock::ChainEpoch;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use crate::core::Data;
use crate::disk::record::{ChainRecord, PoolRecord, TipsetRecord};
use crate::error::ChainError;
use crate::keys::Keyring;
use crate::tipset::ExecutedTipset;

pub(crate) mod record;

/// Name of the file in a data directory.
pub const CHAIN_FILE: &str = "chain.redb";
/// Changes with the records.
const FORMAT: u64 = 1;

/// CID → block.
const BLOCKS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("blocks");
/// Epoch → [`TipsetRecord`].
const TIPSETS: TableDefinition<'_, ChainEpoch, &[u8]> = TableDefinition::new("tipsets");
/// Everything else by name.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

const META_FORMAT: &str = "format";
const META_CHAIN: &str = "chain";
const META_POOL: &str = "pool";
const META_GENESIS: &str = "genesis";

/// The file of a chain.
#[derive(Clone)]
pub struct ChainFile(Arc<Inner>);

struct Inner {
    path: PathBuf,
    database: Database,
    /// Blocks of which the file does not know yet.
    fresh: RwLock<HashMap<Cid, Arc<[u8]>>>,
    written: Mutex<Written>,
}

/// What the file holds, so that only changes are written.
#[derive(Default)]
struct Written {
    tipsets: BTreeMap<ChainEpoch, Arc<ExecutedTipset>>,
    chain: Vec<u8>,
    pool: Vec<u8>,
}

/// What a chain goes on from.
pub(crate) struct Resumed {
    pub tipsets: Vec<Arc<ExecutedTipset>>,
    pub genesis: Arc<ExecutedTipset>,
    pub chain: ChainRecord,
    pub pool: Vec<PoolRecord>,
}

impl ChainFile {
    /// Opens the file in a data directory; makes both if there are none.
    ///
    /// # Errors
    /// [`ChainError::Config`]: the directory cannot be written, another node uses the
    /// file, or it is of another version.
    pub fn open(directory: &Path) -> Result<Self, ChainError> {
        let path = directory.join(CHAIN_FILE);
        Self::try_open(directory, path.clone()).map_err(|error| {
            ChainError::Config(format!("cannot use {}: {error:#}", path.display()))
        })
    }

    fn try_open(directory: &Path, path: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let database = match Database::create(&path) {
            Ok(database) => database,
            Err(redb::DatabaseError::DatabaseAlreadyOpen) => {
                bail!("another node uses it; stop that one or name another data directory")
            }
            Err(error) => return Err(error.into()),
        };
        let file = Self(Arc::new(Inner {
            path,
            database,
            fresh: RwLock::default(),
            written: Mutex::default(),
        }));
        file.check_format()?;
        Ok(file)
    }

    /// Writes the format into a new file, and refuses others'.
    fn check_format(&self) -> Result<()> {
        let transaction = self.0.database.begin_write()?;
        {
            transaction.open_table(BLOCKS)?;
            transaction.open_table(TIPSETS)?;
            let mut meta = transaction.open_table(META)?;
            let format = meta.get(META_FORMAT)?.map(|format| format.value().to_vec());
            match format {
                None => {
                    meta.insert(META_FORMAT, to_vec(&FORMAT)?.as_slice())?;
                }
                Some(format) if from_slice::<u64>(&format)? == FORMAT => {}
                Some(_) => bail!(
                    "it was written by another version of Boatyard; use that one, or another data directory"
                ),
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// The file's blocks, and those that wait for the next commit.
    pub fn store(&self) -> SharedStore {
        SharedStore::new(self.clone())
    }

    /// Timestamp of the genesis in the file, seconds since the Unix epoch; `None` if
    /// the file is new.
    ///
    /// # Errors
    /// [`ChainError::Store`] when the file cannot be read.
    pub fn genesis_timestamp(&self) -> Result<Option<u64>, ChainError> {
        let read = || -> Result<Option<u64>> {
            let transaction = self.0.database.begin_read()?;
            let meta = transaction.open_table(META)?;
            let Some(genesis) = meta.get(META_GENESIS)? else {
                return Ok(None);
            };
            let genesis: TipsetRecord = from_slice(genesis.value())?;
            Ok(Some(genesis.restore()?.tipset.timestamp()))
        };
        read().map_err(|error| self.broken(error))
    }

    /// Epoch and state root of the newest tipset in the file; `None` if there is none.
    ///
    /// # Errors
    /// [`ChainError::Store`] when the file cannot be read.
    pub fn newest(&self) -> Result<Option<(ChainEpoch, Cid)>, ChainError> {
        let read = || -> Result<Option<(ChainEpoch, Cid)>> {
            let transaction = self.0.database.begin_read()?;
            let tipsets = transaction.open_table(TIPSETS)?;
            let Some((height, record)) = tipsets.last()? else {
                return Ok(None);
            };
            let record: TipsetRecord = from_slice(record.value())?;
            Ok(Some((height.value(), record.restore()?.state_root)))
        };
        read().map_err(|error| self.broken(error))
    }

    /// What is in the file; `None` if it is new.
    pub(crate) fn resume(&self) -> Result<Option<Resumed>, ChainError> {
        self.try_resume().map_err(|error| {
            ChainError::Config(format!(
                "{} cannot be read: {error:#}",
                self.0.path.display()
            ))
        })
    }

    fn try_resume(&self) -> Result<Option<Resumed>> {
        let transaction = self.0.database.begin_read()?;
        let meta = transaction.open_table(META)?;
        let Some(chain) = meta.get(META_CHAIN)? else {
            return Ok(None);
        };
        let chain = chain.value().to_vec();
        let pool = meta.get(META_POOL)?.map(|pool| pool.value().to_vec());
        let pool = pool.ok_or_else(|| anyhow!("the pool is missing"))?;
        let genesis = meta.get(META_GENESIS)?;
        let genesis = genesis.ok_or_else(|| anyhow!("the genesis is missing"))?;
        let genesis: TipsetRecord = from_slice(genesis.value())?;
        let mut written = Written {
            chain: chain.clone(),
            pool: pool.clone(),
            ..Written::default()
        };
        for entry in transaction.open_table(TIPSETS)?.iter()? {
            let (height, record) = entry?;
            let height = height.value();
            let record: TipsetRecord =
                from_slice(record.value()).with_context(|| format!("tipset {height}"))?;
            written.tipsets.insert(height, Arc::new(record.restore()?));
        }
        let tipsets: Vec<_> = written.tipsets.values().cloned().collect();
        if tipsets.first().is_none_or(|first| first.height() != 0) {
            bail!("there is no tipset of epoch 0");
        }
        *self.written() = written;
        Ok(Some(Resumed {
            tipsets,
            genesis: Arc::new(genesis.restore()?),
            chain: from_slice(&chain)?,
            pool: from_slice(&pool)?,
        }))
    }

    /// Writes the genesis to which a reset goes back.
    pub(crate) fn begin(&self, genesis: &ExecutedTipset) -> Result<(), ChainError> {
        let record = to_vec(&TipsetRecord::of(genesis)).map_err(|error| self.broken(error))?;
        let write = || -> Result<()> {
            let transaction = self.0.database.begin_write()?;
            transaction
                .open_table(META)?
                .insert(META_GENESIS, record.as_slice())?;
            transaction.commit()?;
            Ok(())
        };
        write().map_err(|error| self.broken(error))
    }

    /// Writes what has changed; returns when it cannot be lost any more. Messages that
    /// only wait are written, but may be lost if the machine itself goes down.
    pub(crate) fn commit(&self, data: &Data, keyring: &Keyring) -> Result<(), ChainError> {
        let changes =
            Changes::find(&self.written(), data, keyring).map_err(|error| self.broken(error))?;
        if changes.none() {
            return Ok(());
        }
        let fresh: Vec<(Cid, Arc<[u8]>)> = {
            let fresh = self.fresh();
            fresh
                .iter()
                .map(|(cid, block)| (*cid, block.clone()))
                .collect()
        };
        self.write(&changes, &fresh)
            .map_err(|error| self.broken(error))?;
        {
            let mut waiting = self.0.fresh.write().unwrap_or_else(PoisonError::into_inner);
            for (cid, _) in &fresh {
                waiting.remove(cid);
            }
        }
        let mut written = self.written();
        for height in &changes.gone {
            written.tipsets.remove(height);
        }
        for tipset in changes.tipsets {
            written.tipsets.insert(tipset.height(), tipset);
        }
        written.chain = changes.chain;
        written.pool = changes.pool;
        Ok(())
    }

    fn write(&self, changes: &Changes, fresh: &[(Cid, Arc<[u8]>)]) -> Result<()> {
        let mut transaction = self.0.database.begin_write()?;
        if changes.only_the_pool() {
            transaction.set_durability(Durability::None)?;
        }
        {
            let mut blocks = transaction.open_table(BLOCKS)?;
            for (cid, block) in fresh {
                blocks.insert(cid.to_bytes().as_slice(), block.as_ref())?;
            }
            let mut tipsets = transaction.open_table(TIPSETS)?;
            for height in &changes.gone {
                tipsets.remove(height)?;
            }
            for tipset in &changes.tipsets {
                let record = to_vec(&TipsetRecord::of(tipset))?;
                tipsets.insert(tipset.height(), record.as_slice())?;
            }
            let mut meta = transaction.open_table(META)?;
            meta.insert(META_CHAIN, changes.chain.as_slice())?;
            meta.insert(META_POOL, changes.pool.as_slice())?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn broken(&self, error: impl Into<anyhow::Error>) -> ChainError {
        let path = self.0.path.display().to_string();
        ChainError::Store(error.into().context(path))
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.0
            .written
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self) -> std::sync::RwLockReadGuard<'_, HashMap<Cid, Arc<[u8]>>> {
        self.0.fresh.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The difference between a chain and its file.
struct Changes {
    gone: Vec<ChainEpoch>,
    tipsets: Vec<Arc<ExecutedTipset>>,
    chain: Vec<u8>,
    pool: Vec<u8>,
    chain_changed: bool,
    pool_changed: bool,
}

impl Changes {
    fn find(written: &Written, data: &Data, keyring: &Keyring) -> Result<Self> {
        let head = data.tipsets.head().height();
        let gone = written
            .tipsets
            .range(head + 1..)
            .map(|(height, _)| *height)
            .collect();
        let tipsets = data
            .tipsets
            .newest_first()
            .take_while(|tipset| {
                let known = written.tipsets.get(&tipset.height());
                known.is_none_or(|known| !Arc::ptr_eq(known, tipset))
            })
            .cloned()
            .collect();
        let chain = to_vec(&ChainRecord::of(data, keyring))?;
        let pool: Vec<PoolRecord> = data
            .pool
            .all()
            .map(|message| message.as_ref().into())
            .collect();
        let pool = to_vec(&pool)?;
        Ok(Self {
            gone,
            tipsets,
            chain_changed: chain != written.chain,
            pool_changed: pool != written.pool,
            chain,
            pool,
        })
    }

    fn none(&self) -> bool {
        !self.pool_changed && self.only_the_pool()
    }

    fn only_the_pool(&self) -> bool {
        self.gone.is_empty() && self.tipsets.is_empty() && !self.chain_changed
    }
}

impl Blockstore for ChainFile {
    fn get(&self, cid: &Cid) -> Result<Option<Vec<u8>>> {
        if let Some(block) = self.fresh().get(cid) {
            return Ok(Some(block.to_vec()));
        }
        let blocks = self.0.database.begin_read()?.open_table(BLOCKS)?;
        let block = blocks.get(cid.to_bytes().as_slice())?;
        Ok(block.map(|block| block.value().to_vec()))
    }

    fn has(&self, cid: &Cid) -> Result<bool> {
        if self.fresh().contains_key(cid) {
            return Ok(true);
        }
        let blocks = self.0.database.begin_read()?.open_table(BLOCKS)?;
        Ok(blocks.get(cid.to_bytes().as_slice())?.is_some())
    }

    fn put_keyed(&self, cid: &Cid, block: &[u8]) -> Result<()> {
        if self.has(cid)? {
            return Ok(());
        }
        self.0
            .fresh
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(*cid, block.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
