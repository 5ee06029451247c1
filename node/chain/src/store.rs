//! CIDs of our own blocks, and a store whose writes can be forgotten.

use std::sync::Arc;

use alloy::primitives::B256;
use anyhow::Result;
use boatyard_vm::store::{MemoryStore, SharedStore};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::DAG_CBOR;
use multihash_codetable::{Code, MultihashDigest};
use serde_ipld_dagcbor::codec::DagCborCodec;

use crate::error::ChainError;

/// CID of a DAG-CBOR block: version 1, BLAKE2b-256.
pub(crate) fn block_cid(block: &[u8]) -> Cid {
    Cid::new_v1(DAG_CBOR, Code::Blake2b256.digest(block))
}

/// The digest of a CID, if it has 32 bytes.
pub fn digest_of(cid: &Cid) -> Option<B256> {
    B256::try_from(cid.hash().digest()).ok()
}

/// The CID of a DAG-CBOR block with this BLAKE2b-256 digest.
pub fn cid_of(digest: &B256) -> Cid {
    let hash = cid::multihash::Multihash::wrap(u64::from(Code::Blake2b256), digest.as_slice())
        .expect("a multihash has room for 32 bytes");
    Cid::new_v1(DAG_CBOR, hash)
}

/// A store on top of another one. Writes stay in it, until [`Self::keep`] takes
/// over what is worth it; the rest is forgotten with it.
#[derive(Clone)]
pub(crate) struct Scratch {
    base: SharedStore,
    new: Arc<MemoryStore>,
}

impl Scratch {
    pub fn over(base: &SharedStore) -> Self {
        Self {
            base: base.clone(),
            new: Arc::default(),
        }
    }

    /// A store with blocks that are not written yet.
    pub fn with(base: &SharedStore, new: MemoryStore) -> Self {
        Self {
            base: base.clone(),
            new: Arc::new(new),
        }
    }

    /// The same store for those who want a [`SharedStore`].
    pub fn shared(&self) -> SharedStore {
        SharedStore::new(self.clone())
    }

    /// Writes what is new and reachable from `root` to the store below.
    pub fn keep(&self, root: &Cid) -> Result<(), ChainError> {
        // Not by recursion: lists can be long. Parents are written after their
        // children only by accident, which does not matter to a store in memory.
        let mut open = vec![*root];
        while let Some(cid) = open.pop() {
            let Some(block) = self.new.get(&cid).map_err(ChainError::Store)? else {
                continue;
            };
            if self.base.has(&cid).map_err(ChainError::Store)? {
                continue;
            }
            if cid.codec() == DAG_CBOR {
                let links = <DagCborCodec as ipld_core::codec::Links>::links(&block)
                    .map_err(|error| ChainError::Store(anyhow::anyhow!(error.to_string())))?;
                open.extend(links);
            }
            self.base
                .put_keyed(&cid, &block)
                .map_err(ChainError::Store)?;
        }
        Ok(())
    }
}

impl Blockstore for Scratch {
    fn get(&self, cid: &Cid) -> Result<Option<Vec<u8>>> {
        match self.new.get(cid)? {
            Some(block) => Ok(Some(block)),
            None => self.base.get(cid),
        }
    }

    fn has(&self, cid: &Cid) -> Result<bool> {
        Ok(self.new.has(cid)? || self.base.has(cid)?)
    }

    fn put_keyed(&self, cid: &Cid, block: &[u8]) -> Result<()> {
        self.new.put_keyed(cid, block)
    }
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::CborStore;

    use super::*;

    #[test]
    fn keeping_a_root_takes_what_it_links_to_and_nothing_else() {
        let base = SharedStore::memory();
        let old = base.put_cbor(&"old", Code::Blake2b256).unwrap();
        let scratch = Scratch::over(&base);
        let leaf = scratch.put_cbor(&"leaf", Code::Blake2b256).unwrap();
        let middle = scratch
            .put_cbor(&vec![leaf, old], Code::Blake2b256)
            .unwrap();
        let root = scratch.put_cbor(&(1, middle), Code::Blake2b256).unwrap();
        let garbage = scratch.put_cbor(&"garbage", Code::Blake2b256).unwrap();
        assert!(scratch.has(&old).unwrap() && !base.has(&root).unwrap());
        scratch.keep(&root).unwrap();
        for cid in [root, middle, leaf, old] {
            assert!(base.has(&cid).unwrap());
        }
        assert!(!base.has(&garbage).unwrap());
    }

    #[test]
    fn a_digest_and_its_cid_are_each_others_inverse() {
        let cid = block_cid(b"\x80");
        assert_eq!(cid_of(&digest_of(&cid).unwrap()), cid);
    }
}
