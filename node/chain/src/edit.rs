//! Changing a state from outside: balances, code, nonces, storage (spec 10 §8.6-9).

use alloy::primitives::B256;
use boatyard_vm::state::{Manifest, StateTree};
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_encoding::CborStore;
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Payload};
use fvm_shared::econ::TokenAmount;
use fvm_shared::state::ActorState;
use multihash_codetable::Code;

use crate::accounts::OPERATOR;
use crate::call::Overrides;
use crate::core::Core;
use crate::error::ChainError;
use crate::ethereum::EAM;
use crate::evm_state::{self, EvmState};
use crate::genesis::BURNT_FUNDS;
use crate::keys::Keyring;

/// A change to the head's state that no message makes. Seen at once by every
/// read of the head's state, and by the next tipset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateEdit {
    /// Sets a balance. An f410 address without actor becomes an `ethaccount` with
    /// a known key and a placeholder otherwise; an f1 or f3 address an account.
    ///
    /// The difference comes from, or goes to, the faucet f0100. What the faucet
    /// does not have is brought into being, and counted
    /// ([`crate::ChainHandle::minted_by_edits`]).
    Balance {
        /// Whose.
        address: Address,
        /// How much, in attoFIL.
        amount: TokenAmount,
    },
    /// Sets the runtime bytecode: a contract keeps its storage, an account or a
    /// free f410 address becomes a contract with nonce 1.
    Code {
        /// Whose, an f410 address or the ID of a contract.
        address: Address,
        /// Runtime bytecode; empty for an empty contract.
        code: Vec<u8>,
    },
    /// Sets the nonce: of a contract the one in its state, else the sequence.
    Nonce {
        /// Whose.
        address: Address,
        /// The new value.
        nonce: u64,
    },
    /// Sets a storage slot. A free f410 address becomes an empty contract.
    Storage {
        /// Whose, an f410 address or the ID of a contract.
        address: Address,
        /// Slot.
        slot: B256,
        /// Value; zero clears the slot.
        value: B256,
    },
}

/// Applies edits to the state below `root`; gives the new root and what is minted
/// after it.
pub(crate) fn apply(
    store: &SharedStore,
    keyring: &Keyring,
    root: &Cid,
    minted: TokenAmount,
    edits: &[StateEdit],
) -> Result<(Cid, TokenAmount), ChainError> {
    let mut tree = StateTree::load(store.clone(), root)?;
    let manifest = tree.manifest()?;
    let mut editor = Editor {
        tree: &mut tree,
        manifest: &manifest,
        keyring,
    };
    let mut minted = minted;
    for edit in edits {
        match edit {
            StateEdit::Balance { address, amount } => {
                editor.fund(address, amount, &mut minted)?;
            }
            StateEdit::Code { address, code } => {
                editor.contract(address, |store, state| state.set_code(store, code))?;
            }
            StateEdit::Nonce { address, nonce } => editor.set_nonce(address, *nonce)?,
            StateEdit::Storage {
                address,
                slot,
                value,
            } => {
                editor.contract(address, |store, state| {
                    state.set_slots(store, [(*slot, *value)])
                })?;
            }
        }
    }
    Ok((tree.flush()?, minted))
}

/// Makes the changes of a call's overrides.
pub(crate) fn apply_overrides(
    core: &Core,
    tree: &mut StateTree<SharedStore>,
    overrides: &Overrides,
) -> Result<(), ChainError> {
    if overrides.accounts.is_empty() {
        return Ok(());
    }
    let manifest = tree.manifest()?;
    let mut editor = Editor {
        tree,
        manifest: &manifest,
        keyring: &core.keyring,
    };
    for (address, account) in &overrides.accounts {
        if let Some(code) = &account.code {
            editor.contract(address, |store, state| state.set_code(store, code))?;
        }
        if let Some(storage) = &account.storage {
            editor.contract(address, |store, state| {
                state.clear_slots(store)?;
                state.set_slots(store, storage.iter().map(|(slot, value)| (*slot, *value)))
            })?;
        }
        if !account.storage_diff.is_empty() {
            let slots = account
                .storage_diff
                .iter()
                .map(|(slot, value)| (*slot, *value));
            editor.contract(address, |store, state| state.set_slots(store, slots))?;
        }
        if let Some(nonce) = account.nonce {
            editor.set_nonce(address, nonce)?;
        }
        if let Some(balance) = &account.balance {
            // Money of a call comes from nowhere.
            editor.set_balance(address, balance)?;
        }
    }
    Ok(())
}

struct Editor<'a> {
    tree: &'a mut StateTree<SharedStore>,
    manifest: &'a Manifest,
    keyring: &'a Keyring,
}

impl Editor<'_> {
    /// Sets a balance and lets the faucet make up for it.
    fn fund(
        &mut self,
        address: &Address,
        amount: &TokenAmount,
        minted: &mut TokenAmount,
    ) -> Result<(), ChainError> {
        let before = self.set_balance(address, amount)?;
        let id = self.tree.resolve(address)?;
        // Who edits the faucet itself deals with the burnt funds instead.
        let other = if id == Some(OPERATOR) {
            BURNT_FUNDS
        } else {
            OPERATOR
        };
        let mut faucet = self
            .tree
            .actor(other)?
            .ok_or_else(|| ChainError::ActorNotFound(Address::new_id(other)))?;
        let nothing = TokenAmount::default();
        if *amount >= before {
            let needed = amount - &before;
            let given = if other == OPERATOR {
                needed.clone().min(faucet.balance.clone())
            } else {
                nothing
            };
            faucet.balance -= &given;
            *minted += needed - given;
        } else {
            let left_over = &before - amount;
            let unminted = left_over.clone().min(minted.clone());
            *minted -= &unminted;
            faucet.balance += left_over - unminted;
        }
        self.tree.set_actor(other, faucet);
        Ok(())
    }

    /// Sets a balance and gives the one before.
    fn set_balance(
        &mut self,
        address: &Address,
        amount: &TokenAmount,
    ) -> Result<TokenAmount, ChainError> {
        if amount.is_negative() {
            return Err(ChainError::Edit(format!("balance {amount} is negative")));
        }
        let (id, mut actor) = self.actor_or_new(address)?;
        let before = std::mem::replace(&mut actor.balance, amount.clone());
        self.tree.set_actor(id, actor);
        Ok(before)
    }

    fn set_nonce(&mut self, address: &Address, nonce: u64) -> Result<(), ChainError> {
        let (id, mut actor) = self.actor_or_new(address)?;
        if self.manifest.is(&actor.code, "evm") {
            let mut state = evm_state::load(self.tree.store(), &actor.state)?;
            state.nonce = nonce;
            actor.state = state.save(self.tree.store())?;
        } else {
            if nonce > 0 && self.manifest.is(&actor.code, "placeholder") {
                // A placeholder that has sent something is none any more.
                actor.code = self.code("ethaccount")?;
            }
            actor.sequence = nonce;
        }
        self.tree.set_actor(id, actor);
        Ok(())
    }

    /// Changes the state of a contract, made of an account or of nothing if need be.
    fn contract(
        &mut self,
        address: &Address,
        change: impl FnOnce(&SharedStore, &mut EvmState) -> Result<(), ChainError>,
    ) -> Result<(), ChainError> {
        let (id, mut actor) = self.actor_or_new(address)?;
        let store = self.tree.store().clone();
        let mut state = match self.manifest.name_of(&actor.code) {
            Some("evm") => evm_state::load(&store, &actor.state)?,
            Some("placeholder" | "ethaccount") => {
                actor.code = self.code("evm")?;
                // Contracts have no sequence of their own.
                actor.sequence = 0;
                EvmState::new(&store, &[])?
            }
            other => {
                return Err(ChainError::Edit(format!(
                    "{address} is an actor of type {}, only contracts and Ethereum accounts can be edited so",
                    other.unwrap_or("unknown")
                )));
            }
        };
        change(&store, &mut state)?;
        actor.state = state.save(&store)?;
        self.tree.set_actor(id, actor);
        Ok(())
    }

    /// The actor of an address; if there is none, the one that a transfer would create.
    fn actor_or_new(&mut self, address: &Address) -> Result<(ActorID, ActorState), ChainError> {
        let id = self.tree.resolve(address)?;
        if let Some(id) = id
            && let Some(actor) = self.tree.actor(id)?
        {
            return Ok((id, actor));
        }
        let actor = match address.payload() {
            Payload::Delegated(delegated) if delegated.namespace() == EAM => {
                let known = self.keyring.get(address).is_some();
                let code = self.code(if known { "ethaccount" } else { "placeholder" })?;
                ActorState::new_empty(code, Some(*address))
            }
            Payload::Secp256k1(_) | Payload::BLS(_) if !address.is_bls_zero_address() => {
                let head = self
                    .tree
                    .store()
                    .put_cbor(&(address,), Code::Blake2b256)
                    .map_err(ChainError::Store)?;
                ActorState::new(self.code("account")?, head, TokenAmount::default(), 0, None)
            }
            _ => return Err(ChainError::ActorNotFound(*address)),
        };
        let id = match id {
            Some(id) => id,
            None => self.tree.register(address)?,
        };
        Ok((id, actor))
    }

    fn code(&self, name: &str) -> Result<Cid, ChainError> {
        self.manifest
            .code_of(name)
            .ok_or_else(|| ChainError::Config(format!("there is no actor called {name}")))
    }
}
