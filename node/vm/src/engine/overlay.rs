//! The block store that a machine sees.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::DAG_CBOR;
use multihash_codetable::{Code, MultihashDigest};

use super::CodeError;
use crate::machine::VmError;
use crate::store::SharedStore;

/// Actor code that lies in no block store, and the list of built-in actors for
/// states that name none.
///
/// The golden vectors need it: their code CIDs are identity hashes of names
/// (vectors README §4). Machines read these blocks as if they were in the store
/// but never write them there. A code must mean the same module for the whole
/// life of an [`super::Engine`].
#[derive(Debug, Clone, Default)]
pub struct CodeMap {
    blocks: HashMap<Cid, Arc<[u8]>>,
    manifest: Option<Cid>,
}

impl CodeMap {
    /// Adds a module under any CID.
    pub fn with_module(mut self, code: Cid, wasm: impl Into<Arc<[u8]>>) -> Self {
        self.blocks.insert(code, wasm.into());
        self
    }

    /// Names the built-in actors, in the order that numbers their types, for
    /// states in which the system actor's list is empty. Actors without a module
    /// may be listed; calling one is then a [`VmError::Code`].
    pub fn with_builtin_actors<'a>(
        mut self,
        entries: impl IntoIterator<Item = (&'a str, Cid)>,
    ) -> Self {
        let entries: Vec<(&str, Cid)> = entries.into_iter().collect();
        let list = self.insert_cbor(&entries);
        self.manifest = Some(self.insert_cbor(&(1, list)));
        self
    }

    /// CID of the block `[1, list]` that stands in for an empty list.
    pub(crate) fn manifest(&self) -> Option<Cid> {
        self.manifest
    }

    fn insert_cbor(&mut self, value: &impl serde::Serialize) -> Cid {
        let block = fvm_ipld_encoding::to_vec(value).expect("names and CIDs always encode");
        let cid = Cid::new_v1(DAG_CBOR, Code::Blake2b256.digest(&block));
        self.blocks.insert(cid, block.into());
        cid
    }
}

/// A store with a [`CodeMap`] over it. Takes note of what it failed to give.
#[derive(Clone)]
pub(crate) struct OverlayStore {
    pub(crate) base: SharedStore,
    pub(crate) code: Arc<CodeMap>,
    pub(crate) faults: Arc<Faults>,
}

impl Blockstore for OverlayStore {
    fn get(&self, cid: &Cid) -> Result<Option<Vec<u8>>> {
        if let Some(block) = self.code.blocks.get(cid) {
            return Ok(Some(block.to_vec()));
        }
        let found = self.base.get(cid);
        match &found {
            Ok(Some(_)) => {}
            Ok(None) => self.faults.note(Fault::MissingBlock(*cid)),
            Err(error) => self.faults.note(Fault::Store(format!("{error:#}"))),
        }
        found
    }

    fn has(&self, cid: &Cid) -> Result<bool> {
        Ok(self.code.blocks.contains_key(cid) || self.base.has(cid)?)
    }

    fn put_keyed(&self, cid: &Cid, block: &[u8]) -> Result<()> {
        let stored = self.base.put_keyed(cid, block);
        if let Err(error) = &stored {
            self.faults.note(Fault::Store(format!("{error:#}")));
        }
        stored
    }
}

/// Trouble of this node that the FVM would turn into the trouble of a message:
/// it answers every internal error with exit code 10 (spec 00 §10.4). What is
/// noted here tells the node's own faults from those that an actor provoked.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Option<Fault>>);

/// A fault of the node.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    MissingBlock(Cid),
    MissingProof(Cid),
    Store(String),
    Chain(String),
    Code(Cid, CodeError),
}

impl Faults {
    pub(crate) fn note(&self, fault: Fault) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }

    /// The last fault since the last call.
    pub(crate) fn take(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Fault {
    /// As an error of the machine; `during` is what the FVM made of it.
    pub(crate) fn into_error(self, during: &str) -> VmError {
        match self {
            Fault::MissingBlock(cid) => VmError::State(anyhow::anyhow!(
                "block {cid} is missing from the store: {during}"
            )),
            Fault::MissingProof(cid) => VmError::Fatal(anyhow::anyhow!(
                "proof block {cid} is missing from the store; the message can be applied when it \
                 is there: {during}"
            )),
            Fault::Store(reason) => VmError::State(anyhow::anyhow!(
                "the block store failed: {reason}: {during}"
            )),
            Fault::Chain(reason) => VmError::Fatal(anyhow::anyhow!("{reason}: {during}")),
            Fault::Code(code, reason) => VmError::Code {
                code,
                reason: reason.to_string(),
            },
        }
    }
}
