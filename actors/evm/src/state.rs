//! The state object, and the contract in memory while it runs.
//!
//! When the object is written and re-read is observable in every intermediate
//! head; [`Contract`] keeps those rules (spec 02 §5).

use boatyard_sdk::runtime::HostStore;
use boatyard_sdk::{AbiType, ActorError, Context, Host, Runtime, actor_error, ensure};
use cid::Cid;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_ipld_encoding::{DAG_CBOR, IPLD_RAW};
use fvm_shared::ActorID;
use fvm_shared::error::ExitCode;
use multihash_codetable::Code;

use crate::storage::Slots;
use crate::types::BytecodeHash;

/// The state object of a contract. Source: spec 02 §3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// The bytecode, a raw block.
    pub bytecode: Cid,
    /// Its Keccak-256.
    pub bytecode_hash: BytecodeHash,
    /// Slots: root of a KAMT of words.
    pub contract_state: Cid,
    /// Transient slots of the message that last wrote this object; `None` if it
    /// left none.
    pub transient_data: Option<TransientData>,
    /// Creations attempted, plus 1 (EIP-161).
    pub nonce: u64,
    /// The message in which the contract destroyed itself.
    pub tombstone: Option<Lifespan>,
}

/// Transient slots and how long they are good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct TransientData {
    /// Root of a KAMT of words.
    pub transient_data_state: Cid,
    /// The message whose slots these are.
    pub transient_data_lifespan: Lifespan,
}

/// A top-level message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct Lifespan {
    /// ID of its sender.
    pub origin: ActorID,
    /// Its nonce.
    pub nonce: u64,
}

impl Lifespan {
    /// The message that is being executed.
    pub fn current(rt: &impl Runtime) -> Self {
        let message = rt.message();
        Self {
            origin: message.origin,
            nonce: message.nonce,
        }
    }
}

impl State {
    /// Whether the contract destroyed itself in an earlier message.
    pub fn is_dead(&self, rt: &impl Runtime) -> bool {
        self.tombstone
            .is_some_and(|tombstone| tombstone != Lifespan::current(rt))
    }

    /// Reads the actor's own object and says where it lies.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when it is missing, `USR_SERIALIZATION` (21) when
    /// it does not decode.
    pub fn load(rt: &impl Runtime) -> Result<(Cid, Self), ActorError> {
        let root = rt
            .host()
            .root()
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "the actor was deleted")?;
        let block = rt
            .host()
            .block_get(&root)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "no state block")?;
        let state = fvm_ipld_encoding::from_slice(&block)
            .or_exit(ExitCode::USR_SERIALIZATION, "the state does not decode")?;
        Ok((root, state))
    }
}

/// A bytecode block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytecode {
    /// Where it lies.
    pub cid: Cid,
    /// Its Keccak-256.
    pub hash: BytecodeHash,
}

/// A contract while it runs.
pub struct Contract<'rt, RT: Runtime> {
    rt: &'rt RT,
    /// `None` while there is no code yet, and for the dead.
    bytecode: Option<Bytecode>,
    storage: Slots<HostStore<'rt, RT::Host>>,
    transient: Slots<HostStore<'rt, RT::Host>>,
    nonce: u64,
    tombstone: Option<Lifespan>,
    read_only: bool,
    /// Head that holds exactly this; `None` once something changed.
    saved: Option<Cid>,
}

impl<'rt, RT: Runtime> Contract<'rt, RT> {
    /// A contract without code and slots, not stored yet.
    pub fn new(rt: &'rt RT) -> Self {
        Self {
            rt,
            bytecode: None,
            storage: Slots::empty(rt.store()),
            transient: Slots::empty(rt.store()),
            nonce: 1,
            tombstone: None,
            read_only: rt.message().read_only,
            saved: None,
        }
    }

    /// The actor's own contract. A dead one is empty and cannot change.
    ///
    /// # Errors
    /// Those of [`State::load`].
    pub fn load(rt: &'rt RT) -> Result<Self, ActorError> {
        let (root, state) = State::load(rt)?;
        let mut contract = Self::new(rt);
        if state.is_dead(rt) {
            contract.read_only = true;
        } else {
            contract.storage = Slots::stored(state.contract_state, rt.store());
            contract.take_over(state);
        }
        contract.saved = Some(root);
        Ok(contract)
    }

    /// All but the storage, of which more may be in memory already.
    fn take_over(&mut self, state: State) {
        let store = self.rt.store();
        self.transient = match state.transient_data {
            Some(data) if data.transient_data_lifespan == Lifespan::current(self.rt) => {
                Slots::stored(data.transient_data_state, store)
            }
            _ => Slots::empty(store),
        };
        self.bytecode = Some(Bytecode {
            cid: state.bytecode,
            hash: state.bytecode_hash,
        });
        self.nonce = state.nonce;
        self.tombstone = state.tombstone;
    }

    /// Stores the contract if it changed. Comes before every send that can run
    /// code, and after every run that did not fail.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) for a change in a read-only call, `USR_ILLEGAL_STATE`
    /// (20) when a block cannot be stored.
    pub fn flush(&mut self) -> Result<(), ActorError> {
        if self.saved.is_some() {
            return Ok(());
        }
        ensure!(
            !self.read_only,
            USR_FORBIDDEN,
            "the contract changed in a read-only call"
        );
        let bytecode = match self.bytecode {
            Some(bytecode) => bytecode,
            None => self.store_bytecode(&[], BytecodeHash::EMPTY)?,
        };
        let transient_data = if self.transient.is_empty()? {
            None
        } else {
            Some(TransientData {
                transient_data_state: self.transient.flush()?,
                transient_data_lifespan: Lifespan::current(self.rt),
            })
        };
        let state = State {
            bytecode: bytecode.cid,
            bytecode_hash: bytecode.hash,
            contract_state: self.storage.flush()?,
            transient_data,
            nonce: self.nonce,
            tombstone: self.tombstone,
        };
        let block = fvm_ipld_encoding::to_vec(&state)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "the state cannot be encoded")?;
        let root = self
            .rt
            .host()
            .block_put(DAG_CBOR, Code::Blake2b256.into(), &block)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "the state cannot be stored")?;
        self.rt.set_root(&root)?;
        self.saved = Some(root);
        Ok(())
    }

    /// Takes over what a callee may have done to the contract. Comes after every
    /// send that ended with exit code 0.
    ///
    /// # Errors
    /// Those of [`State::load`].
    pub fn reload(&mut self) -> Result<(), ActorError> {
        if self.read_only {
            return Ok(());
        }
        let root = self
            .rt
            .host()
            .root()
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "the actor was deleted")?;
        if self.saved == Some(root) {
            return Ok(());
        }
        let (root, state) = State::load(self.rt)?;
        self.storage.reload(state.contract_state)?;
        self.take_over(state);
        self.saved = Some(root);
        Ok(())
    }

    /// The code, `None` if there is none yet or the contract is dead.
    pub fn bytecode(&self) -> Option<Bytecode> {
        self.bytecode
    }

    /// Gives the contract its code.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the block cannot be stored.
    pub fn set_bytecode(&mut self, code: &[u8]) -> Result<(), ActorError> {
        let hash = BytecodeHash(self.rt.keccak(code));
        self.bytecode = Some(self.store_bytecode(code, hash)?);
        self.saved = None;
        Ok(())
    }

    fn store_bytecode(&self, code: &[u8], hash: BytecodeHash) -> Result<Bytecode, ActorError> {
        let cid = self
            .rt
            .host()
            .block_put(IPLD_RAW, Code::Blake2b256.into(), code)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "the bytecode cannot be stored")?;
        Ok(Bytecode { cid, hash })
    }

    /// The slots that stay.
    pub fn storage(&mut self) -> &mut Slots<HostStore<'rt, RT::Host>> {
        &mut self.storage
    }

    /// The slots that are gone with the message.
    pub fn transient(&mut self) -> &mut Slots<HostStore<'rt, RT::Host>> {
        &mut self.transient
    }

    /// To be called when a slot changed. Changing it back does not undo this.
    pub fn mark_changed(&mut self) {
        self.saved = None;
    }

    /// Counts a creation and gives the nonce before it.
    ///
    /// # Errors
    /// `USR_ASSERTION_FAILED` (24) after 2^64-1.
    pub fn take_nonce(&mut self) -> Result<u64, ActorError> {
        let nonce = self.nonce;
        self.nonce = nonce.checked_add(1).ok_or_else(|| {
            actor_error!(USR_ASSERTION_FAILED, "the contract's nonces are used up")
        })?;
        self.saved = None;
        Ok(nonce)
    }

    /// Makes the contract die with the message.
    pub fn bury(&mut self) {
        self.tombstone = Some(Lifespan::current(self.rt));
        self.saved = None;
    }

    /// Whether nothing may change.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: spec 02 §17.
    #[test]
    fn a_fresh_contract_has_the_protocols_bytes() {
        let state = State {
            bytecode: "bafk2bzaceahfouoae3suhmxivmxlayez3kq5dzo7i53y654h7kvultprf7r2q"
                .parse()
                .unwrap(),
            bytecode_hash: BytecodeHash::EMPTY,
            contract_state: "bafy2bzaceamp42wmmgr2g2ymg46euououzfyck7szknvfacqscohrvaikwfay"
                .parse()
                .unwrap(),
            transient_data: None,
            nonce: 1,
            tombstone: None,
        };
        let bytes = fvm_ipld_encoding::to_vec(&state).unwrap();
        assert_eq!(
            hex::encode(&bytes),
            "86d82a5827000155a0e402200e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8\
             5820c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470\
             d82a5827000171a0e4022018fe6acc61a3a36b0c373c4a3a8ea64b812bf2ca9b528050909c78d408558a0cf601f6"
        );
        assert_eq!(
            fvm_ipld_encoding::from_slice::<State>(&bytes).unwrap(),
            state
        );
        let older = [&[0x85], &bytes[1..bytes.len() - 1]].concat();
        assert!(fvm_ipld_encoding::from_slice::<State>(&older).is_err());
    }
}
