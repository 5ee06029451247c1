//! The block store under the machines.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use anyhow::Result;
use cid::{Cid, Version};
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::DAG_CBOR;
use multihash_codetable::Code;

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
    blocks: RwLock<HashMap<Key, Arc<[u8]>>>,
}

/// A CID in little room: there is one for each block, and they are nearly all of one kind.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    /// Version 1, DAG-CBOR, BLAKE2b-256.
    Usual([u8; 32]),
    Other(Box<Cid>),
}

impl From<&Cid> for Key {
    fn from(cid: &Cid) -> Self {
        let usual = cid.version() == Version::V1
            && cid.codec() == DAG_CBOR
            && cid.hash().code() == u64::from(Code::Blake2b256);
        match cid.hash().digest().try_into() {
            Ok(digest) if usual => Self::Usual(digest),
            _ => Self::Other(Box::new(*cid)),
        }
    }
}

impl MemoryStore {
    fn blocks(&self) -> std::sync::RwLockReadGuard<'_, HashMap<Key, Arc<[u8]>>> {
        self.blocks
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Blockstore for MemoryStore {
    fn get(&self, cid: &Cid) -> Result<Option<Vec<u8>>> {
        Ok(self.blocks().get(&cid.into()).map(|block| block.to_vec()))
    }

    fn has(&self, cid: &Cid) -> Result<bool> {
        Ok(self.blocks().contains_key(&cid.into()))
    }

    fn put_keyed(&self, cid: &Cid, block: &[u8]) -> Result<()> {
        self.blocks
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .insert(cid.into(), block.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::IPLD_RAW;
    use multihash_codetable::MultihashDigest;

    use super::*;

    #[test]
    fn blocks_with_the_same_digest_but_another_cid_are_others() {
        let store = MemoryStore::default();
        let digest = Code::Blake2b256.digest(b"block");
        let wrapped = |code| cid::multihash::Multihash::wrap(code, digest.digest()).unwrap();
        let cids = [
            Cid::new_v1(DAG_CBOR, digest),
            Cid::new_v1(IPLD_RAW, digest),
            Cid::new_v1(DAG_CBOR, wrapped(u64::from(Code::Sha2_256))),
            Cid::new_v1(DAG_CBOR, Code::Sha2_512.digest(b"block")),
            Cid::new_v0(wrapped(u64::from(Code::Sha2_256))).unwrap(),
        ];
        for (at, cid) in cids.iter().enumerate() {
            assert!(!store.has(cid).unwrap(), "{cid}");
            store.put_keyed(cid, &[at as u8]).unwrap();
        }
        for (at, cid) in cids.iter().enumerate() {
            assert_eq!(store.get(cid).unwrap().unwrap(), [at as u8], "{cid}");
        }
    }
}
