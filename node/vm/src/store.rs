//! The block store under the machines.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use anyhow::Result;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;

/// A store that threads share. Cloning shares it.
#[derive(Clone)]
pub struct SharedStore(Arc<dyn Blockstore + Send + Sync>);

impl SharedStore {
    /// Shares a store.
    pub fn new(store: impl Blockstore + Send + Sync + 'static) -> Self {
        Self(Arc::new(store))
    }

    /// An empty store in memory.
    pub fn memory() -> Self {
        Self::new(MemoryStore::default())
    }
}

impl Blockstore for SharedStore {
    fn get(&self, cid: &Cid) -> Result<Option<Vec<u8>>> {
        self.0.get(cid)
    }

    fn has(&self, cid: &Cid) -> Result<bool> {
        self.0.has(cid)
    }

    fn put_keyed(&self, cid: &Cid, block: &[u8]) -> Result<()> {
        self.0.put_keyed(cid, block)
    }
}

/// Blocks in memory, shared between threads.
#[derive(Default)]
pub struct MemoryStore {
    blocks: RwLock<HashMap<Cid, Arc<[u8]>>>,
}

impl MemoryStore {
    fn blocks(&self) -> std::sync::RwLockReadGuard<'_, HashMap<Cid, Arc<[u8]>>> {
        self.blocks
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Blockstore for MemoryStore {
    fn get(&self, cid: &Cid) -> Result<Option<Vec<u8>>> {
        Ok(self.blocks().get(cid).map(|block| block.to_vec()))
    }

    fn has(&self, cid: &Cid) -> Result<bool> {
        Ok(self.blocks().contains_key(cid))
    }

    fn put_keyed(&self, cid: &Cid, block: &[u8]) -> Result<()> {
        self.blocks
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .insert(*cid, block.into());
        Ok(())
    }
}
