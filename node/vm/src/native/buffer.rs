//! Blocks in memory between the machine and the node's store.
//!
//! What actors write stays here until [`Buffer::flush`] hands the store what a
//! root still needs; blocks read once are kept, with their links. So a machine
//! that runs through many epochs neither reads a block twice nor stores what was
//! only true for a moment.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;

use super::links::links;
use crate::engine::overlay::OverlayStore;

/// How much is kept of what the store has too, in bytes. Beyond it all of that is
/// forgotten at the next flush.
const CACHE_BYTES: usize = 64 << 20;

/// A block and its links.
type Opened = (Arc<[u8]>, Arc<[Cid]>);

/// A block store with a memory.
pub(super) struct Buffer {
    base: OverlayStore,
    blocks: RefCell<HashMap<Cid, Kept>>,
    /// Size of the blocks that the store has too.
    cached_bytes: Cell<usize>,
}

#[derive(Clone)]
struct Kept {
    data: Arc<[u8]>,
    /// Scanned when somebody asks.
    links: Option<Arc<[Cid]>>,
    /// The store does not have it.
    new: bool,
}

impl Buffer {
    /// An empty memory over `base`.
    pub(super) fn new(base: OverlayStore) -> Self {
        Self {
            base,
            blocks: RefCell::default(),
            cached_bytes: Cell::new(0),
        }
    }

    /// A block with its links; `None` if there is no such block.
    ///
    /// # Errors
    /// When the store fails, or the block cannot be one of the state.
    pub(super) fn open(&self, cid: &Cid) -> Result<Option<Opened>> {
        let Some(mut kept) = self.kept(cid)? else {
            return Ok(None);
        };
        if let Some(links) = kept.links {
            return Ok(Some((kept.data, links)));
        }
        let found: Arc<[Cid]> = links(cid.codec(), &kept.data)
            .map_err(|error| anyhow!("block {cid} is in the store but malformed: {error}"))?
            .into();
        kept.links = Some(found.clone());
        let data = kept.data.clone();
        self.blocks.borrow_mut().insert(*cid, kept);
        Ok(Some((data, found)))
    }

    /// Keeps a block that an actor made. Its links are known by then.
    pub(super) fn keep(&self, cid: Cid, data: &[u8], links: Arc<[Cid]>) {
        self.blocks.borrow_mut().entry(cid).or_insert_with(|| Kept {
            data: data.into(),
            links: Some(links),
            new: true,
        });
    }

    /// Hands the store every new block below `root`, parents last, and forgets the
    /// other new ones. A block that the store has is taken to be complete there.
    ///
    /// # Errors
    /// When the store fails; nothing is forgotten then.
    pub(super) fn flush(&self, root: &Cid) -> Result<()> {
        let mut order = Vec::new();
        let mut seen = HashSet::new();
        let mut pending = vec![*root];
        while let Some(cid) = pending.pop() {
            let new = self.blocks.borrow().get(&cid).is_some_and(|kept| kept.new);
            if !new || !seen.insert(cid) {
                continue;
            }
            let (data, links) = self
                .open(&cid)?
                .with_context(|| format!("block {cid} is not kept"))?;
            pending.extend(links.iter());
            order.push((cid, data));
        }
        order.reverse();
        self.base
            .put_many_keyed(order.iter().map(|(cid, data)| (*cid, data)))?;

        let mut blocks = self.blocks.borrow_mut();
        let cached =
            self.cached_bytes.get() + order.iter().map(|(_, data)| data.len()).sum::<usize>();
        if cached > CACHE_BYTES {
            blocks.clear();
            self.cached_bytes.set(0);
            return Ok(());
        }
        blocks.retain(|cid, kept| !kept.new || seen.contains(cid));
        for cid in seen {
            if let Some(kept) = blocks.get_mut(&cid) {
                kept.new = false;
            }
        }
        self.cached_bytes.set(cached);
        Ok(())
    }

    fn kept(&self, cid: &Cid) -> Result<Option<Kept>> {
        if let Some(kept) = self.blocks.borrow().get(cid) {
            return Ok(Some(kept.clone()));
        }
        let Some(data) = self.base.get(cid)? else {
            return Ok(None);
        };
        self.cached_bytes.set(self.cached_bytes.get() + data.len());
        let kept = Kept {
            data: data.into(),
            links: None,
            new: false,
        };
        self.blocks.borrow_mut().insert(*cid, kept.clone());
        Ok(Some(kept))
    }
}

impl Blockstore for Buffer {
    fn get(&self, cid: &Cid) -> Result<Option<Vec<u8>>> {
        Ok(self.kept(cid)?.map(|kept| kept.data.to_vec()))
    }

    fn has(&self, cid: &Cid) -> Result<bool> {
        Ok(self.blocks.borrow().contains_key(cid) || self.base.has(cid)?)
    }

    fn put_keyed(&self, cid: &Cid, block: &[u8]) -> Result<()> {
        self.blocks
            .borrow_mut()
            .entry(*cid)
            .or_insert_with(|| Kept {
                data: block.into(),
                links: None,
                new: true,
            });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::CborStore as _;
    use multihash_codetable::Code;

    use super::*;
    use crate::engine::CodeMap;
    use crate::store::SharedStore;

    fn buffer(base: &SharedStore) -> Buffer {
        Buffer::new(OverlayStore {
            base: base.clone(),
            code: Arc::new(CodeMap::default()),
            faults: Arc::default(),
        })
    }

    #[test]
    fn only_what_the_root_needs_reaches_the_store() {
        let base = SharedStore::memory();
        let buffer = buffer(&base);
        let leaf = buffer.put_cbor(&"leaf", Code::Blake2b256).unwrap();
        let shared = buffer.put_cbor(&(leaf, leaf), Code::Blake2b256).unwrap();
        let root = buffer.put_cbor(&[shared, leaf], Code::Blake2b256).unwrap();
        let passing = buffer
            .put_cbor(&"only true for a moment", Code::Blake2b256)
            .unwrap();
        assert!(!base.has(&root).unwrap());

        buffer.flush(&root).unwrap();
        for kept in [leaf, shared, root] {
            assert!(base.has(&kept).unwrap());
        }
        assert!(!base.has(&passing).unwrap());
        assert!(!buffer.has(&passing).unwrap());
    }

    #[test]
    fn a_block_written_again_after_a_flush_is_stored_again_if_needed() {
        let base = SharedStore::memory();
        let buffer = buffer(&base);
        let leaf = buffer.put_cbor(&"leaf", Code::Blake2b256).unwrap();
        let first = buffer.put_cbor(&("first",), Code::Blake2b256).unwrap();
        buffer.flush(&first).unwrap();
        assert!(!buffer.has(&leaf).unwrap());

        assert_eq!(buffer.put_cbor(&"leaf", Code::Blake2b256).unwrap(), leaf);
        let second = buffer.put_cbor(&(leaf,), Code::Blake2b256).unwrap();
        buffer.flush(&second).unwrap();
        assert!(base.has(&leaf).unwrap());
    }

    #[test]
    fn what_was_flushed_is_still_known_without_the_store() {
        let base = SharedStore::memory();
        let buffer = buffer(&base);
        let leaf = buffer.put_cbor(&"leaf", Code::Blake2b256).unwrap();
        let root = buffer.put_cbor(&(leaf,), Code::Blake2b256).unwrap();
        buffer.flush(&root).unwrap();
        let (_, links) = buffer.open(&root).unwrap().unwrap();
        assert_eq!(*links, [leaf]);
        assert_eq!(buffer.get_cbor::<String>(&leaf).unwrap().unwrap(), "leaf");
        assert!(buffer.open(&Cid::default()).unwrap().is_none());
    }
}
