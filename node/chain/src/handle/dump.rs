//! The newest state as a file, and taking over such a file.
//!
//! A CAR of all blocks below the state root, with a first block that says what it is:
//! `[“boatyard state”, 1, epoch, state root]`. Code of built-in actors is left out, for
//! every node of the same build has it.

use std::collections::HashSet;
use std::io::Cursor;
use std::sync::Arc;

use boatyard_vm::state::StateTree;
use boatyard_vm::store::MemoryStore;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_car::{Block, CarHeader, CarReader, CarWriter};
use fvm_ipld_encoding::{CBOR, DAG_CBOR, IPLD_RAW, from_slice, to_vec};
use fvm_shared::clock::ChainEpoch;
use serde_ipld_dagcbor::codec::DagCborCodec;

use super::ChainHandle;
use crate::error::ChainError;
use crate::events::ChainEvent;
use crate::store::{Scratch, block_cid};
use crate::tipset::ExecutedTipset;

const MAGIC: &str = "boatyard state";
const VERSION: u64 = 1;

type Title = (String, u64, ChainEpoch, Cid);

/// Which state a dumped file holds, as its first block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DumpedState {
    /// Epoch of the state.
    pub epoch: ChainEpoch,
    /// State root.
    pub root: Cid,
}

impl DumpedState {
    /// Reads the block that the file's root names; `None` if it is another one.
    pub fn from_title(block: &[u8]) -> Option<Self> {
        let (magic, version, epoch, root): Title = from_slice(block).ok()?;
        (magic == MAGIC && version == VERSION).then_some(Self { epoch, root })
    }
}

fn broken(error: impl std::fmt::Display) -> ChainError {
    ChainError::Edit(format!("this is no state that a node has dumped: {error}"))
}

impl ChainHandle {
    /// The newest state as a file that [`load_state`](Self::load_state) reads.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn dump_state(&self) -> Result<Vec<u8>, ChainError> {
        let head = self.head();
        let store = self.store();
        let manifest = StateTree::load(store.clone(), &head.state_root)?.manifest()?;
        let mut seen: HashSet<Cid> = manifest.entries().iter().map(|(_, code)| *code).collect();
        let title: Title = (MAGIC.into(), VERSION, head.height(), head.state_root);
        let title = to_vec(&title).expect("text, numbers and a CID encode");
        let failed = |error: fvm_ipld_car::Error| ChainError::Store(error.into());
        let mut file = Vec::new();
        let header = CarHeader::new(vec![block_cid(&title)], 1);
        let mut writer = CarWriter::new(header, &mut file).map_err(failed)?;
        let block = |cid, data| Block { cid, data };
        writer
            .write(block(block_cid(&title), title))
            .map_err(failed)?;
        let mut open = vec![head.state_root];
        while let Some(cid) = open.pop() {
            if !matches!(cid.codec(), DAG_CBOR | CBOR | IPLD_RAW) || !seen.insert(cid) {
                continue;
            }
            // Actors may name blocks that nobody has.
            let Some(data) = store.get(&cid).map_err(ChainError::Store)? else {
                continue;
            };
            if cid.codec() == DAG_CBOR {
                let links = <DagCborCodec as ipld_core::codec::Links>::links(&data)
                    .map_err(|error| ChainError::Store(anyhow::anyhow!(error.to_string())))?;
                open.extend(links);
            }
            writer.write(block(cid, data)).map_err(failed)?;
        }
        writer.flush().map_err(failed)?;
        drop(writer);
        Ok(file)
    }

    /// Puts a dumped state in the place of the newest one; the pool is emptied. If the
    /// state is of a later epoch, the chain goes there first, for actors count in epochs.
    ///
    /// # Errors
    /// [`ChainError::Edit`] when it is no dumped state, is incomplete, or of actors that
    /// this node does not have; nothing has changed then.
    pub async fn load_state(&self, file: &[u8]) -> Result<(), ChainError> {
        let found = MemoryStore::default();
        let roots = CarReader::new(Cursor::new(file))
            .and_then(|reader| reader.read_into(&found))
            .map_err(broken)?;
        let root = roots.first().ok_or_else(|| broken("it has no root"))?;
        let title = found.get(root).map_err(ChainError::Store)?;
        let title = title.ok_or_else(|| broken("its root is missing"))?;
        let (magic, version, epoch, state_root): Title = from_slice(&title).map_err(broken)?;
        if magic != MAGIC || version != VERSION {
            return Err(broken(format_args!("it calls itself {magic} {version}")));
        }
        let scratch = Scratch::with(self.store(), found);
        self.check_state(&scratch, &state_root)?;
        if epoch > self.head().height() {
            self.advance_to(epoch).await?;
        }
        scratch.keep(&state_root)?;
        self.change(move |core| {
            let dropped = {
                let mut data = core.data_mut();
                let head = ExecutedTipset {
                    state_root,
                    ..(**data.tipsets.head()).clone()
                };
                data.tipsets.replace_head(Arc::new(head));
                data.pool.clear(None)
            };
            for message in dropped {
                core.tell(ChainEvent::Dropped(message));
            }
        })
        .await
    }

    /// A state must be whole as far as it can be seen from outside, and its built-in
    /// actors this node's.
    fn check_state(&self, scratch: &Scratch, root: &Cid) -> Result<(), ChainError> {
        let store = scratch.shared();
        let tree = StateTree::load(store.clone(), root).map_err(broken)?;
        let ours = self.head_state().manifest()?;
        let theirs = tree.manifest().map_err(broken)?;
        if ours.entries() != theirs.entries() {
            return Err(ChainError::Edit(
                "the state is of other actors than this node's: it was dumped by another \
                 version, or by a node with another --bundle"
                    .into(),
            ));
        }
        let state = crate::view::StateView::new(store.clone(), *root);
        for (id, actor) in state.actors().map_err(broken)? {
            for (what, cid) in [("state", actor.state), ("code", actor.code)] {
                if !store.has(&cid).map_err(ChainError::Store)? {
                    return Err(broken(format_args!("the {what} of f0{id} is missing")));
                }
            }
        }
        Ok(())
    }
}
