//! Ethereum addresses and what they stand for (spec 02 §4, spec 00 §3).

use boatyard_sdk::{AbiType, ActorError, EAM_ACTOR_ID, Host, Runtime, Schema, actor_error};
use fvm_ipld_encoding::strict_bytes;
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Payload};
use revm_interpreter::primitives::{self, U256};
use serde::{Deserialize, Serialize};

/// The 20 bytes of an Ethereum address.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct EthAddress(#[serde(with = "strict_bytes")] pub [u8; 20]);

impl AbiType for EthAddress {
    const SCHEMA: Schema = Schema::EthAddress;
}

impl EthAddress {
    /// The address that stands for an actor ID: `ff`, eleven zero bytes, the ID.
    pub fn from_id(id: ActorID) -> Self {
        let mut bytes = [0; 20];
        bytes[0] = 0xff;
        bytes[12..].copy_from_slice(&id.to_be_bytes());
        Self(bytes)
    }

    /// The ID, if the address stands for one.
    pub fn as_id(&self) -> Option<ActorID> {
        let (head, id) = self.0.split_at(12);
        (head[0] == 0xff && head[1..].iter().all(|byte| *byte == 0))
            .then(|| id.iter().fold(0, |id, byte| id << 8 | u64::from(*byte)))
    }

    /// The low 20 bytes of a word; the others do not matter.
    pub fn from_word(word: U256) -> Self {
        let bytes = word.to_be_bytes::<32>();
        let mut low = [0; 20];
        low.copy_from_slice(&bytes[12..]);
        Self(low)
    }

    /// The address as a word.
    pub fn to_word(self) -> U256 {
        U256::from_be_slice(&self.0)
    }

    /// The Filecoin address: an ID, or an f410 address that need not exist.
    pub fn to_filecoin(self) -> Address {
        match self.as_id() {
            Some(id) => Address::new_id(id),
            None => Address::new_delegated(EAM_ACTOR_ID, &self.0)
                .expect("a sub-address of 20 bytes is not too long"),
        }
    }
}

impl From<EthAddress> for primitives::Address {
    fn from(address: EthAddress) -> Self {
        Self(address.0.into())
    }
}

impl From<primitives::Address> for EthAddress {
    fn from(address: primitives::Address) -> Self {
        Self(address.into_array())
    }
}

/// The Ethereum address of an actor: its f410 address if it has one, else the
/// address that stands for its ID.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) when its f410 address has other than 20 bytes.
pub fn of_actor(rt: &impl Runtime, id: ActorID) -> Result<EthAddress, ActorError> {
    let delegated = rt.host().delegated_address(id);
    if let Some(Payload::Delegated(delegated)) = delegated.as_ref().map(Address::payload)
        && delegated.namespace() == EAM_ACTOR_ID
    {
        let bytes = delegated.subaddress().try_into().map_err(|_| {
            actor_error!(
                USR_ASSERTION_FAILED,
                "f0{id} has an f410 address that is no Ethereum address"
            )
        })?;
        return Ok(EthAddress(bytes));
    }
    Ok(EthAddress::from_id(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: spec 02 §17.
    #[test]
    fn an_id_has_its_own_address() {
        let address = EthAddress::from_id(1001);
        let mut expected = [0; 20];
        (expected[0], expected[18], expected[19]) = (0xff, 0x03, 0xe9);
        assert_eq!(address.0, expected);
        assert_eq!(address.as_id(), Some(1001));
        assert_eq!(address.to_filecoin(), Address::new_id(1001));
        assert_eq!(EthAddress::from_id(u64::MAX).as_id(), Some(u64::MAX));
    }

    #[test]
    fn anything_else_is_f410_the_zero_address_too() {
        let mut nearly = EthAddress::from_id(7).0;
        nearly[11] = 1;
        for bytes in [[0; 20], [0xff; 20], nearly] {
            let filecoin = EthAddress(bytes).to_filecoin();
            assert_eq!(filecoin.to_bytes()[..2], [4, 10]);
            assert_eq!(filecoin.to_bytes()[2..], bytes);
        }
    }

    #[test]
    fn the_high_bytes_of_a_word_do_not_matter() {
        let word = U256::MAX << 160 | U256::from(5);
        assert_eq!(EthAddress::from_word(word).to_word(), U256::from(5));
    }
}
