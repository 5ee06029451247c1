//! Reading a state: actors, accounts, contracts. Needs no machine, so it answers
//! while actors are still being compiled.

use std::collections::BTreeMap;

use alloy::primitives::{Address as EthAddress, B256, U256};
use anyhow::anyhow;
use boatyard_vm::machine::VmError;
use boatyard_vm::state::{Manifest, StateTree};
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::CborStore;
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Payload, Protocol};
use fvm_shared::econ::TokenAmount;
use fvm_shared::state::ActorState;

use crate::error::ChainError;
use crate::ethereum;
use crate::evm_state::{self, EvmState};

/// A state to read from: a root and the store below it. Cheap to clone.
#[derive(Clone)]
pub struct StateView {
    store: SharedStore,
    root: Cid,
}

impl StateView {
    /// The state with this root.
    pub fn new(store: SharedStore, root: Cid) -> Self {
        Self { store, root }
    }

    /// State root.
    pub fn root(&self) -> Cid {
        self.root
    }

    /// The store below.
    pub fn store(&self) -> &SharedStore {
        &self.store
    }

    /// The tree itself, for several reads in a row.
    ///
    /// # Errors
    /// When the root is missing or broken; so for all methods here.
    pub fn tree(&self) -> Result<StateTree<SharedStore>, ChainError> {
        Ok(StateTree::load(self.store.clone(), &self.root)?)
    }

    /// The built-in actors of this state.
    pub fn manifest(&self) -> Result<Manifest, ChainError> {
        Ok(self.tree()?.manifest()?)
    }

    /// The ID behind an address. `None` for an address that nobody has; an ID
    /// address is taken as it is.
    pub fn resolve(&self, address: &Address) -> Result<Option<ActorID>, ChainError> {
        Ok(self.tree()?.resolve(address)?)
    }

    /// ID and record of the actor behind an address.
    pub fn actor(&self, address: &Address) -> Result<Option<(ActorID, ActorState)>, ChainError> {
        let tree = self.tree()?;
        let Some(id) = tree.resolve(address)? else {
            return Ok(None);
        };
        Ok(tree.actor(id)?.map(|actor| (id, actor)))
    }

    /// All actors by ID. Walks the whole tree.
    pub fn actors(&self) -> Result<BTreeMap<ActorID, ActorState>, ChainError> {
        Ok(self.tree()?.actors()?)
    }

    /// Balance in attoFIL; zero where there is no actor.
    pub fn balance(&self, address: &Address) -> Result<TokenAmount, ChainError> {
        Ok(self
            .actor(address)?
            .map(|(_, actor)| actor.balance)
            .unwrap_or_default())
    }

    /// The nonce of the next message of a sender; zero where there is no actor.
    pub fn sequence(&self, address: &Address) -> Result<u64, ChainError> {
        Ok(self
            .actor(address)?
            .map(|(_, actor)| actor.sequence)
            .unwrap_or_default())
    }

    /// The raw block of an actor's state.
    ///
    /// # Errors
    /// Also [`ChainError::ActorNotFound`] and [`ChainError::MissingBlock`].
    pub fn head_block(&self, address: &Address) -> Result<(ActorState, Vec<u8>), ChainError> {
        let (_, actor) = self
            .actor(address)?
            .ok_or(ChainError::ActorNotFound(*address))?;
        let block = self
            .store
            .get(&actor.state)
            .map_err(ChainError::Store)?
            .ok_or(ChainError::MissingBlock(actor.state))?;
        Ok((actor, block))
    }

    /// The key address of an actor: f1 or f3 of an account, f410 of whoever has
    /// one. `None` for all others. Key and f4 addresses come back unchanged.
    pub fn account_key(&self, address: &Address) -> Result<Option<Address>, ChainError> {
        match address.protocol() {
            Protocol::Secp256k1 | Protocol::BLS | Protocol::Delegated => return Ok(Some(*address)),
            Protocol::ID | Protocol::Actor => {}
        }
        let Some((_, actor)) = self.actor(address)? else {
            return Ok(None);
        };
        if actor.delegated_address.is_some() {
            return Ok(actor.delegated_address);
        }
        if !self.manifest()?.is(&actor.code, "account") {
            return Ok(None);
        }
        let state: Option<(Address,)> = self
            .store
            .get_cbor(&actor.state)
            .map_err(ChainError::Store)?;
        let (key,) = state.ok_or(ChainError::MissingBlock(actor.state))?;
        Ok(Some(key))
    }

    /// An address of an ID that survives a change of IDs: f4 if the actor has one,
    /// else what the init actor's map says (walks it).
    pub fn robust_address(&self, id: ActorID) -> Result<Option<Address>, ChainError> {
        let tree = self.tree()?;
        if let Some(actor) = tree.actor(id)?
            && actor.delegated_address.is_some()
        {
            return Ok(actor.delegated_address);
        }
        let init = tree.init_state()?;
        let map = fvm_ipld_hamt::Hamt::<_, ActorID>::load_with_bit_width(
            &init.address_map,
            &self.store,
            fvm_shared::HAMT_BIT_WIDTH,
        )
        .map_err(|error| ChainError::Store(error.into()))?;
        for entry in &map {
            let (key, value) = entry.map_err(|error| ChainError::Store(error.into()))?;
            if *value == id {
                let address = Address::from_bytes(&key.0)
                    .map_err(|error| ChainError::Vm(VmError::State(anyhow!(error))))?;
                return Ok(Some(address));
            }
        }
        Ok(None)
    }

    /// How Ethereum clients see an address: the 20 bytes of its f410 form if the
    /// actor has one, else its masked ID; `None` if there is no such actor.
    pub fn eth_address(&self, address: &Address) -> Result<Option<EthAddress>, ChainError> {
        if let Payload::Delegated(_) = address.payload()
            && let Some(eth) = ethereum::to_ethereum(address)
        {
            return Ok(Some(eth));
        }
        let tree = self.tree()?;
        let Some(id) = tree.resolve(address)? else {
            return Ok(None);
        };
        let delegated = tree.actor(id)?.and_then(|actor| actor.delegated_address);
        Ok(Some(
            delegated
                .and_then(|address| ethereum::to_ethereum(&address))
                .unwrap_or_else(|| ethereum::masked_id(id)),
        ))
    }

    /// The nonce that Ethereum clients see: of a contract the number of its
    /// creations plus one, else the sequence.
    pub fn eth_nonce(&self, address: &EthAddress) -> Result<u64, ChainError> {
        let Some((_, actor)) = self.actor(&ethereum::to_filecoin(address))? else {
            return Ok(0);
        };
        match self.contract(&actor)? {
            Some(contract) => Ok(contract.nonce),
            None => Ok(actor.sequence),
        }
    }

    /// Runtime bytecode; empty for whatever is no living contract.
    pub fn eth_code(&self, address: &EthAddress) -> Result<Vec<u8>, ChainError> {
        let Some((_, actor)) = self.actor(&ethereum::to_filecoin(address))? else {
            return Ok(Vec::new());
        };
        match self.contract(&actor)? {
            // Self-destructed contracts are dead once their message is over.
            Some(contract) if contract.tombstone.is_none() => self
                .store
                .get(&contract.bytecode)
                .map_err(ChainError::Store)?
                .ok_or(ChainError::MissingBlock(contract.bytecode)),
            _ => Ok(Vec::new()),
        }
    }

    /// A storage slot; zero for whatever is no living contract.
    pub fn eth_storage(&self, address: &EthAddress, slot: U256) -> Result<B256, ChainError> {
        let Some((_, actor)) = self.actor(&ethereum::to_filecoin(address))? else {
            return Ok(B256::ZERO);
        };
        match self.contract(&actor)? {
            Some(contract) if contract.tombstone.is_none() => {
                evm_state::read_slot(&self.store, &contract, slot)
            }
            _ => Ok(B256::ZERO),
        }
    }

    /// The state of a contract; `None` if the actor is none.
    fn contract(&self, actor: &ActorState) -> Result<Option<EvmState>, ChainError> {
        if !self.manifest()?.is(&actor.code, "evm") {
            return Ok(None);
        }
        evm_state::load(&self.store, &actor.state).map(Some)
    }
}
