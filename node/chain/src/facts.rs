//! What every call on a state wants to know of it, and what follows from the root alone.

use std::sync::{Arc, Mutex, PoisonError};

use boatyard_vm::state::{Manifest, StateTree};
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_shared::econ::TokenAmount;

use crate::error::ChainError;
use crate::supply::supply;

/// Facts about one state.
pub(crate) struct Facts {
    /// Circulating supply.
    pub circulating: TokenAmount,
    /// The built-in actors.
    pub manifest: Manifest,
}

impl Facts {
    /// Reads them.
    pub fn read(store: &SharedStore, root: &Cid) -> Result<Self, ChainError> {
        let tree = StateTree::load(store.clone(), root)?;
        Ok(Self {
            circulating: supply(&tree)?.circulating,
            manifest: tree.manifest()?,
        })
    }
}

/// The facts about the state that was asked for last: most calls are about the head.
#[derive(Default)]
pub(crate) struct LastFacts(Mutex<Option<(Cid, Arc<Facts>)>>);

impl LastFacts {
    /// Facts about the state below `root` in `store`.
    pub fn of(&self, store: &SharedStore, root: &Cid) -> Result<Arc<Facts>, ChainError> {
        let last = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, facts)) = &*last()
            && known == root
        {
            return Ok(facts.clone());
        }
        let facts = Arc::new(Facts::read(store, root)?);
        *last() = Some((*root, facts.clone()));
        Ok(facts)
    }
}
