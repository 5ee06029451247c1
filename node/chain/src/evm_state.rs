//! The state of contracts (spec 02 §3): read by views, written by edits.

use std::borrow::Cow;

use alloy::primitives::{B256, U256, keccak256};
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_ipld_encoding::{CborStore, IPLD_RAW, strict_bytes};
use fvm_ipld_kamt::{AsHashedKey, Config, HashedKey, Kamt};
use multihash_codetable::{Code, MultihashDigest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::ChainError;

/// State of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct EvmState {
    /// Raw block of the runtime bytecode.
    pub bytecode: Cid,
    /// Its Keccak-256 hash.
    #[serde(with = "strict_bytes")]
    pub bytecode_hash: Vec<u8>,
    /// Root of the KAMT slot → value.
    pub contract_state: Cid,
    /// Transient storage of the last message that used it.
    pub transient_data: Option<TransientData>,
    /// Starts at 1, counts creations.
    pub nonce: u64,
    /// Set when the contract self-destructed.
    pub tombstone: Option<Lifespan>,
}

/// Transient storage with the message that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct TransientData {
    pub state: Cid,
    pub lifespan: Lifespan,
}

/// A top-level message: its origin's ID and nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct Lifespan {
    pub origin: u64,
    pub nonce: u64,
}

impl EvmState {
    /// A contract with this bytecode and empty storage, as after a deployment.
    pub fn new(store: &SharedStore, code: &[u8]) -> Result<Self, ChainError> {
        let mut storage = Storage::new_with_config(store.clone(), config());
        let contract_state = storage
            .flush()
            .map_err(|error| ChainError::Store(error.into()))?;
        let mut state = Self {
            bytecode: contract_state,
            bytecode_hash: Vec::new(),
            contract_state,
            transient_data: None,
            nonce: 1,
            tombstone: None,
        };
        state.set_code(store, code)?;
        Ok(state)
    }

    /// Exchanges the bytecode.
    pub fn set_code(&mut self, store: &SharedStore, code: &[u8]) -> Result<(), ChainError> {
        let cid = Cid::new_v1(IPLD_RAW, Code::Blake2b256.digest(code));
        store.put_keyed(&cid, code).map_err(ChainError::Store)?;
        self.bytecode = cid;
        self.bytecode_hash = keccak256(code).to_vec();
        self.tombstone = None;
        Ok(())
    }

    /// Writes slots; zero clears.
    pub fn set_slots(
        &mut self,
        store: &SharedStore,
        slots: impl IntoIterator<Item = (B256, B256)>,
    ) -> Result<(), ChainError> {
        let mut storage = open(store, &self.contract_state)?;
        for (slot, value) in slots {
            let (slot, value) = (U256::from_be_bytes(slot.0), U256::from_be_bytes(value.0));
            if value.is_zero() {
                storage.delete(&Word(slot)).map(drop)
            } else {
                storage.set(Word(slot), Word(value)).map(drop)
            }
            .map_err(|error| ChainError::Store(error.into()))?;
        }
        self.contract_state = storage
            .flush()
            .map_err(|error| ChainError::Store(error.into()))?;
        Ok(())
    }

    /// Forgets all slots.
    pub fn clear_slots(&mut self, store: &SharedStore) -> Result<(), ChainError> {
        let mut storage = Storage::new_with_config(store.clone(), config());
        self.contract_state = storage
            .flush()
            .map_err(|error| ChainError::Store(error.into()))?;
        Ok(())
    }

    /// Stores the state and gives its head.
    pub fn save(&self, store: &SharedStore) -> Result<Cid, ChainError> {
        store
            .put_cbor(self, Code::Blake2b256)
            .map_err(ChainError::Store)
    }
}

/// Reads a contract's state.
pub(crate) fn load(store: &SharedStore, head: &Cid) -> Result<EvmState, ChainError> {
    store
        .get_cbor(head)
        .map_err(ChainError::Store)?
        .ok_or(ChainError::MissingBlock(*head))
}

/// Reads a slot.
pub(crate) fn read_slot(
    store: &SharedStore,
    contract: &EvmState,
    slot: U256,
) -> Result<B256, ChainError> {
    let storage = open(store, &contract.contract_state)?;
    let value = storage
        .get(&Word(slot))
        .map_err(|error| ChainError::Store(error.into()))?;
    Ok(value.map_or(B256::ZERO, |word| B256::from(word.0.to_be_bytes::<32>())))
}

type Storage = Kamt<SharedStore, Word, Word, BigEndian>;

fn open(store: &SharedStore, root: &Cid) -> Result<Storage, ChainError> {
    Storage::load_with_config(root, store.clone(), config())
        .map_err(|error| ChainError::Store(error.into()))
}

fn config() -> Config {
    Config {
        bit_width: 5,
        min_data_depth: 0,
        max_array_width: 1,
    }
}

/// A 256-bit word, in CBOR a byte string without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Word(U256);

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        strict_bytes::Serialize::serialize(&self.0.to_be_bytes_trimmed_vec(), serializer)
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: Vec<u8> = strict_bytes::Deserialize::deserialize(deserializer)?;
        U256::try_from_be_slice(&bytes)
            .map(Word)
            .ok_or_else(|| serde::de::Error::custom("a word has at most 32 bytes"))
    }
}

/// The path of a key: its 32 bytes, most significant first, not hashed.
struct BigEndian;

impl AsHashedKey<Word, 32> for BigEndian {
    fn as_hashed_key(key: &Word) -> Cow<'_, HashedKey<32>> {
        Cow::Owned(key.0.to_be_bytes())
    }
}
