//! The state tree: which actors there are, and which address belongs to whom.
//!
//! A root is the block `[5, tree, info]`; the tree is a HAMT of bit width 5 from
//! binary ID addresses to actor records (spec 00 §8). Keys other than IDs resolve
//! through the address map in the init actor's state (spec 01 §2).
//!
//! [`StateTree::load`] serves whoever wants to look at a root without opening a
//! machine; its changes stay in memory until [`StateTree::flush`].

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, anyhow};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::CborStore;
use fvm_ipld_hamt::{BytesKey, Hamt};
use fvm_shared::address::{Address, Payload};
use fvm_shared::state::{ActorState, StateRoot, StateTreeVersion};
use fvm_shared::{ActorID, EMPTY_ARR_CID, HAMT_BIT_WIDTH};
use multihash_codetable::Code;

use crate::machine::VmError;

mod manifest;

pub use manifest::Manifest;

/// The system actor, nominal sender of implicit messages.
pub const SYSTEM_ACTOR: ActorID = 0;
/// The init actor, keeper of the address map.
pub const INIT_ACTOR: ActorID = 1;
/// The reward actor, where miner tips go.
pub const REWARD_ACTOR: ActorID = 2;
/// The Ethereum address manager, namespace of f410 addresses.
pub const EAM_ACTOR: ActorID = 10;
/// The account that burnt funds go to.
pub const BURNT_FUNDS_ACTOR: ActorID = 99;

/// State of the init actor: `[address_map, next_id, network_name]` (spec 01 §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitState {
    /// HAMT of bit width 5: binary address → actor ID.
    pub address_map: Cid,
    /// The ID that the next new address gets.
    pub next_id: ActorID,
    /// Name of the network, fixed at genesis.
    pub network_name: String,
}

impl InitState {
    /// Reads the state below `head`.
    ///
    /// # Errors
    /// When the block is missing or is no such state.
    pub fn load(store: &impl Blockstore, head: &Cid) -> Result<Self, VmError> {
        let (address_map, next_id, network_name) = store
            .get_cbor(head)
            .and_then(|found| found.ok_or_else(|| anyhow!("block {head} is missing")))
            .context("cannot read the init actor's state")
            .map_err(VmError::State)?;
        Ok(Self {
            address_map,
            next_id,
            network_name,
        })
    }

    /// Stores the state and gives its head.
    ///
    /// # Errors
    /// When the store fails.
    pub fn save(&self, store: &impl Blockstore) -> Result<Cid, VmError> {
        store
            .put_cbor(
                &(self.address_map, self.next_id, &self.network_name),
                Code::Blake2b256,
            )
            .context("cannot store the init actor's state")
            .map_err(VmError::State)
    }

    /// The ID that the map has for `address`.
    ///
    /// # Errors
    /// When the map is broken.
    pub fn lookup(
        &self,
        store: &impl Blockstore,
        address: &Address,
    ) -> Result<Option<ActorID>, VmError> {
        let map = Hamt::<_, ActorID>::load_with_bit_width(&self.address_map, store, HAMT_BIT_WIDTH)
            .context("cannot load the init actor's address map")
            .map_err(VmError::State)?;
        let id = map
            .get(&BytesKey(address.to_bytes()))
            .context("cannot read the init actor's address map")
            .map_err(VmError::State)?;
        Ok(id.copied())
    }

    /// Gives `address` the next ID, whether or not it has one already.
    ///
    /// # Errors
    /// When the map is broken or cannot be stored.
    pub fn assign(
        &mut self,
        store: &impl Blockstore,
        address: &Address,
    ) -> Result<ActorID, VmError> {
        let id = self.next_id;
        let write = || {
            let mut map =
                Hamt::<_, ActorID>::load_with_bit_width(&self.address_map, store, HAMT_BIT_WIDTH)?;
            map.set(BytesKey(address.to_bytes()), id)?;
            map.flush()
        };
        self.address_map = write()
            .context("cannot write the init actor's address map")
            .map_err(VmError::State)?;
        self.next_id += 1;
        Ok(id)
    }
}

/// A state tree over a block store, with changes in memory.
///
/// Reads are cached. Changes are undone layer by layer: see [`StateTree::begin`].
pub struct StateTree<S> {
    actors: Hamt<S, ActorState>,
    info: Cid,
    cache: RefCell<Cache>,
}

#[derive(Default)]
struct Cache {
    actors: HashMap<ActorID, Record>,
    addresses: HashMap<Address, ActorID>,
    /// What to do, last entry first, to get back to where the outermost layer
    /// was opened; empty outside layers.
    undo: Vec<Undo>,
    /// How many layers are open.
    depth: usize,
}

#[derive(Clone)]
struct Record {
    /// `None`: there is no such actor.
    actor: Option<ActorState>,
    /// Not in the HAMT yet.
    dirty: bool,
}

enum Undo {
    Actor(ActorID, Option<Box<Record>>),
    Address(Address),
}

/// A point in the history of a [`StateTree`] to which it can go back.
#[derive(Debug)]
#[must_use = "commit or revert the layer"]
pub struct Layer {
    /// Length of the undo list when it was opened.
    mark: usize,
    /// Layers that were open around it.
    depth: usize,
}

impl<S: Blockstore> StateTree<S> {
    /// An empty tree.
    ///
    /// # Errors
    /// When the store fails.
    pub fn new(store: S) -> Result<Self, VmError> {
        let info = store
            .put_cbor(&[(); 0], Code::Blake2b256)
            .context("cannot store the tree's info block")
            .map_err(VmError::State)?;
        Ok(Self {
            actors: Hamt::new_with_bit_width(store, HAMT_BIT_WIDTH),
            info,
            cache: RefCell::default(),
        })
    }

    /// The tree below `root`.
    ///
    /// # Errors
    /// When the root is missing, is no state root, or has another version than 5.
    pub fn load(store: S, root: &Cid) -> Result<Self, VmError> {
        let read = || -> anyhow::Result<_> {
            let root: StateRoot = store.get_cbor(root)?.context("its block is missing")?;
            if root.version != StateTreeVersion::V5 {
                return Err(anyhow!(
                    "its version is {:?}, only V5 is known",
                    root.version
                ));
            }
            Ok(root)
        };
        let StateRoot { actors, info, .. } = read()
            .with_context(|| format!("cannot load state root {root}"))
            .map_err(VmError::State)?;
        let actors = Hamt::load_with_bit_width(&actors, store, HAMT_BIT_WIDTH)
            .with_context(|| format!("cannot load the actors of state root {root}"))
            .map_err(VmError::State)?;
        Ok(Self {
            actors,
            info,
            cache: RefCell::default(),
        })
    }

    /// The store under the tree.
    pub fn store(&self) -> &S {
        self.actors.store()
    }

    /// The record of an actor.
    ///
    /// # Errors
    /// When the tree is broken.
    pub fn actor(&self, id: ActorID) -> Result<Option<ActorState>, VmError> {
        if let Some(record) = self.cache.borrow().actors.get(&id) {
            return Ok(record.actor.clone());
        }
        let actor = self
            .actors
            .get(&key(id))
            .with_context(|| format!("cannot read actor {id}"))
            .map_err(VmError::State)?
            .cloned();
        let record = Record {
            actor: actor.clone(),
            dirty: false,
        };
        self.cache.borrow_mut().actors.insert(id, record);
        Ok(actor)
    }

    /// Writes an actor's record.
    pub fn set_actor(&mut self, id: ActorID, actor: ActorState) {
        self.write(id, Some(actor));
    }

    /// Removes an actor's record, if there is one. Addresses keep pointing at its ID.
    pub fn delete_actor(&mut self, id: ActorID) {
        self.write(id, None);
    }

    /// Writes or, with `None`, removes an actor's record from outside: not as an
    /// actor's doing, so nothing that was resolved before is trusted any longer.
    pub fn edit_actor(&mut self, id: ActorID, actor: Option<ActorState>) {
        if id == INIT_ACTOR {
            self.cache.get_mut().addresses.clear();
        }
        self.write(id, actor);
    }

    /// Changes an actor's record in place.
    ///
    /// # Errors
    /// When there is no such actor, the tree is broken, or `change` fails.
    pub fn modify<T>(
        &mut self,
        id: ActorID,
        change: impl FnOnce(&mut ActorState) -> Result<T, VmError>,
    ) -> Result<T, VmError> {
        let mut actor = self
            .actor(id)?
            .ok_or_else(|| VmError::State(anyhow!("there is no actor f0{id}")))?;
        let result = change(&mut actor)?;
        self.set_actor(id, actor);
        Ok(result)
    }

    /// The ID behind an address. An ID address is its own answer, without a look
    /// whether there is such an actor (spec 00 §12).
    ///
    /// # Errors
    /// When the init actor or its address map is broken.
    pub fn resolve(&self, address: &Address) -> Result<Option<ActorID>, VmError> {
        if let Payload::ID(id) = address.payload() {
            return Ok(Some(*id));
        }
        if let Some(id) = self.cache.borrow().addresses.get(address) {
            return Ok(Some(*id));
        }
        let found = self.init_state()?.lookup(self.store(), address)?;
        if let Some(id) = found {
            self.remember(address, id);
        }
        Ok(found)
    }

    /// Gives an address the next ID and rewrites the init actor's head; makes no
    /// actor record (spec 00 §12).
    ///
    /// # Errors
    /// When the init actor or its address map is broken.
    pub fn register(&mut self, address: &Address) -> Result<ActorID, VmError> {
        let mut init = self.init_state()?;
        let id = init.assign(self.store(), address)?;
        let head = init.save(self.store())?;
        self.modify(INIT_ACTOR, |actor| {
            actor.state = head;
            Ok(())
        })?;
        self.remember(address, id);
        Ok(id)
    }

    /// The init actor's state.
    ///
    /// # Errors
    /// When there is no init actor or its state is broken.
    pub fn init_state(&self) -> Result<InitState, VmError> {
        let init = self
            .actor(INIT_ACTOR)?
            .ok_or_else(|| VmError::State(anyhow!("the state has no init actor f01")))?;
        InitState::load(self.store(), &init.state)
    }

    /// The built-in actors that the system actor's state names; empty in states
    /// that name none.
    ///
    /// # Errors
    /// When there is no system actor or its state is broken.
    pub fn manifest(&self) -> Result<Manifest, VmError> {
        let system = self
            .actor(SYSTEM_ACTOR)?
            .ok_or_else(|| VmError::State(anyhow!("the state has no system actor f00")))?;
        if system.state == EMPTY_ARR_CID {
            // Not constructed yet.
            return Ok(Manifest::default());
        }
        let (list,): (Cid,) = self
            .store()
            .get_cbor(&system.state)
            .and_then(|found| found.ok_or_else(|| anyhow!("block {} is missing", system.state)))
            .context("cannot read the system actor's state")
            .map_err(VmError::State)?;
        Manifest::load(self.store(), &list)
    }

    /// All actors in order of their IDs, changes included.
    ///
    /// # Errors
    /// When the tree is broken.
    pub fn actors(&self) -> Result<BTreeMap<ActorID, ActorState>, VmError> {
        let mut all = BTreeMap::new();
        self.actors
            .for_each_cacheless(|key, actor: &ActorState| {
                all.insert(Address::from_bytes(&key.0)?.id()?, actor.clone());
                Ok(())
            })
            .context("cannot walk the state tree")
            .map_err(VmError::State)?;
        for (id, record) in &self.cache.borrow().actors {
            match &record.actor {
                Some(actor) => all.insert(*id, actor.clone()),
                None => all.remove(id),
            };
        }
        Ok(all)
    }

    /// Opens a layer: changes from here on can be undone together.
    pub fn begin(&mut self) -> Layer {
        let cache = self.cache.get_mut();
        let layer = Layer {
            mark: cache.undo.len(),
            depth: cache.depth,
        };
        cache.depth += 1;
        layer
    }

    /// Keeps the changes since `layer` was opened, as part of the layer around it.
    pub fn commit(&mut self, layer: Layer) {
        self.cache.get_mut().close(&layer);
    }

    /// Undoes every change since `layer` was opened, those of layers opened and
    /// committed inside it too.
    pub fn revert(&mut self, layer: Layer) {
        let cache = self.cache.get_mut();
        let undone = cache.undo.split_off(layer.mark.min(cache.undo.len()));
        for step in undone.into_iter().rev() {
            match step {
                // The HAMT may hold what is being undone: write again.
                Undo::Actor(id, Some(record)) => {
                    cache.actors.insert(
                        id,
                        Record {
                            dirty: true,
                            ..*record
                        },
                    );
                }
                Undo::Actor(id, None) => {
                    cache.actors.remove(&id);
                }
                Undo::Address(address) => {
                    cache.addresses.remove(&address);
                }
            }
        }
        cache.close(&layer);
    }

    /// Stores the tree and gives its root. Open layers stay open.
    ///
    /// # Errors
    /// When the store fails or the tree is broken.
    pub fn flush(&mut self) -> Result<Cid, VmError> {
        let cache = self.cache.get_mut();
        let mut dirty: Vec<ActorID> = cache
            .actors
            .iter()
            .filter(|(_, record)| record.dirty)
            .map(|(id, _)| *id)
            .collect();
        dirty.sort_unstable();
        for id in dirty {
            let Some(record) = cache.actors.get_mut(&id) else {
                continue;
            };
            match &record.actor {
                Some(actor) => self.actors.set(key(id), actor.clone()).map(drop),
                None => self.actors.delete(&key(id)).map(drop),
            }
            .with_context(|| format!("cannot write actor {id}"))
            .map_err(VmError::State)?;
            record.dirty = false;
        }
        let actors = self
            .actors
            .flush()
            .context("cannot store the state tree")
            .map_err(VmError::State)?;
        let root = StateRoot {
            version: StateTreeVersion::V5,
            actors,
            info: self.info,
        };
        self.store()
            .put_cbor(&root, Code::Blake2b256)
            .context("cannot store the state root")
            .map_err(VmError::State)
    }

    fn write(&mut self, id: ActorID, actor: Option<ActorState>) {
        let cache = self.cache.get_mut();
        if cache.depth > 0 {
            let previous = match cache.actors.get(&id) {
                Some(record) => Some(Box::new(record.clone())),
                // Unreadable stays unreadable: undoing then means forgetting.
                None => self.actors.get(&key(id)).ok().map(|actor| {
                    Box::new(Record {
                        actor: actor.cloned(),
                        dirty: false,
                    })
                }),
            };
            cache.undo.push(Undo::Actor(id, previous));
        }
        cache.actors.insert(id, Record { actor, dirty: true });
    }

    fn remember(&self, address: &Address, id: ActorID) {
        let mut cache = self.cache.borrow_mut();
        cache.addresses.insert(*address, id);
        if cache.depth > 0 {
            // It may have been found in an address map that is undone later.
            cache.undo.push(Undo::Address(*address));
        }
    }
}

impl Cache {
    fn close(&mut self, layer: &Layer) {
        self.depth = layer.depth;
        if self.depth == 0 {
            self.undo.clear();
        }
    }
}

fn key(id: ActorID) -> BytesKey {
    BytesKey(Address::new_id(id).to_bytes())
}

#[cfg(test)]
mod tests;
