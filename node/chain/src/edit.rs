//! Changing a state from outside: balances, code, nonces, storage (spec 10 §8.6-9).

use alloy::primitives::B256;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;

/// A change to the head's state that no message makes. Seen at once by every
/// read of the head's state, and by the next tipset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateEdit {
    /// Sets a balance. An f410 address without actor becomes an `ethaccount` with
    /// a known key and a placeholder otherwise; an f1 or f3 address an account. The
    /// difference comes from, or goes to, the faucet f0100 as long as it has money.
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
