//! 20-byte Ethereum addresses and the Filecoin addresses they stand for (spec 00 §3).

use std::fmt;

use boatyard_sdk::{AbiType, Schema};
use fvm_ipld_encoding::strict_bytes;
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Payload};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::singletons::EAM_ACTOR_ID;

/// An Ethereum address. In CBOR a byte string of exactly 20 bytes.
///
/// ```
/// use boatyard_actors_shared::EthAddress;
/// use fvm_shared::address::Address;
///
/// let masked = EthAddress::from_id(1001);
/// assert_eq!(masked.to_string(), "0xff000000000000000000000000000000000003e9");
/// assert_eq!(masked.to_address(), Address::new_id(1001));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EthAddress(pub [u8; 20]);

impl EthAddress {
    /// The null address.
    pub const NULL: EthAddress = EthAddress([0; 20]);

    /// The masked form of an ID: `ff`, eleven zeros, the ID big-endian.
    pub fn from_id(id: ActorID) -> Self {
        let mut bytes = [0; 20];
        bytes[0] = 0xff;
        bytes[12..].copy_from_slice(&id.to_be_bytes());
        Self(bytes)
    }

    /// The ID of a masked address.
    pub fn as_id(&self) -> Option<ActorID> {
        let (mask, id) = self.0.split_at(12);
        let masked = mask[0] == 0xff && mask[1..].iter().all(|byte| *byte == 0);
        masked.then(|| ActorID::from_be_bytes(id.try_into().expect("20 − 12 = 8")))
    }

    /// Whether it stands for an ID.
    pub fn is_masked_id(&self) -> bool {
        self.as_id().is_some()
    }

    /// Whether it is the null address.
    pub fn is_null(&self) -> bool {
        *self == Self::NULL
    }

    /// Whether it is in the precompile ranges `00…00xx` and `fe…00xx`, where the
    /// null address is too.
    pub fn is_precompile(&self) -> bool {
        matches!(self.0[0], 0x00 | 0xfe) && self.0[1..19].iter().all(|byte| *byte == 0)
    }

    /// Whether no contract may be created there: null, precompile or masked ID.
    pub fn is_reserved(&self) -> bool {
        self.is_precompile() || self.is_masked_id()
    }

    /// What it stands for: f0 for a masked ID, f410 for everything else.
    pub fn to_address(&self) -> Address {
        match self.as_id() {
            Some(id) => Address::new_id(id),
            None => self.to_f410(),
        }
    }

    /// Its f410 address, whatever it is.
    pub fn to_f410(&self) -> Address {
        Address::new_delegated(EAM_ACTOR_ID, &self.0).expect("20 bytes are a sub-address")
    }

    /// The Ethereum form of an address: the 20 bytes of an f410, the masked form
    /// of an f0, nothing for others.
    pub fn from_address(address: &Address) -> Option<Self> {
        match address.payload() {
            Payload::ID(id) => Some(Self::from_id(*id)),
            Payload::Delegated(delegated) if delegated.namespace() == EAM_ACTOR_ID => {
                delegated.subaddress().try_into().ok().map(Self)
            }
            _ => None,
        }
    }

    /// The 20 bytes of an f410 address whose sub-address has that length.
    pub fn from_f410(address: &Address) -> Option<Self> {
        match address.payload() {
            Payload::Delegated(_) => Self::from_address(address),
            _ => None,
        }
    }
}

impl fmt::Display for EthAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EthAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl AsRef<[u8]> for EthAddress {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for EthAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        strict_bytes::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for EthAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: Vec<u8> = strict_bytes::deserialize(deserializer)?;
        let length = bytes.len();
        bytes.try_into().map(Self).map_err(|_| {
            serde::de::Error::invalid_length(length, &"the 20 bytes of an Ethereum address")
        })
    }
}

impl AbiType for EthAddress {
    const SCHEMA: Schema = Schema::EthAddress;
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::{from_slice, to_vec};

    use super::*;

    const SAMPLE: EthAddress = EthAddress([
        0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
        0xff, 0x00, 0x11, 0x22, 0x33,
    ]);

    fn with(changes: &[(usize, u8)]) -> EthAddress {
        let mut bytes = [0; 20];
        for (index, byte) in changes {
            bytes[*index] = *byte;
        }
        EthAddress(bytes)
    }

    /// Source: spec 00 appendix A.
    #[test]
    fn f410_addresses_have_the_protocols_form() {
        let f410 = SAMPLE.to_address();
        let mut binary = vec![4, 10];
        binary.extend(SAMPLE.0);
        assert_eq!(f410.to_bytes(), binary);
        assert_eq!(
            f410.to_string(),
            "f410faaisem2ekvthpcezvk54zxpo74abcirtrrczgzy"
        );
        assert_eq!(EthAddress::from_address(&f410), Some(SAMPLE));
    }

    #[test]
    fn masked_addresses_stand_for_ids() {
        let masked = EthAddress::from_id(1001);
        assert_eq!(masked, with(&[(0, 0xff), (18, 0x03), (19, 0xe9)]));
        assert_eq!(masked.as_id(), Some(1001));
        assert_eq!(EthAddress::from_id(u64::MAX).as_id(), Some(u64::MAX));
        assert_eq!(
            EthAddress::from_address(&Address::new_id(1001)),
            Some(masked)
        );
        assert_eq!(EthAddress::from_f410(&Address::new_id(1001)), None);
        let nearly = with(&[(0, 0xff), (11, 1), (19, 5)]);
        assert_eq!(nearly.as_id(), None);
        assert_eq!(nearly.to_address(), nearly.to_f410());
    }

    #[test]
    fn some_addresses_are_reserved() {
        for (address, reserved) in [
            (EthAddress::NULL, true),
            (with(&[(19, 0xff)]), true),
            (with(&[(0, 0xfe), (19, 3)]), true),
            (with(&[(0, 0xff)]), true),
            (with(&[(18, 1)]), false),
            (with(&[(0, 0xfd)]), false),
            (with(&[(0, 0xff), (1, 1)]), false),
            (SAMPLE, false),
        ] {
            assert_eq!(address.is_reserved(), reserved, "{address}");
        }
    }

    #[test]
    fn only_twenty_bytes_decode() {
        let bytes = to_vec(&SAMPLE).unwrap();
        assert_eq!(bytes[0], 0x54);
        assert_eq!(from_slice::<EthAddress>(&bytes).unwrap(), SAMPLE);
        for length in [0, 19, 21] {
            let bytes = to_vec(&fvm_ipld_encoding::BytesSer(&vec![1; length])).unwrap();
            assert!(from_slice::<EthAddress>(&bytes).is_err(), "{length}");
        }
        assert!(from_slice::<EthAddress>(&to_vec(&"text text text text ").unwrap()).is_err());
    }

    #[test]
    fn other_addresses_have_no_ethereum_form() {
        let long = Address::new_delegated(EAM_ACTOR_ID, &[1; 21]).unwrap();
        let foreign = Address::new_delegated(11, &SAMPLE.0).unwrap();
        for address in [long, foreign, Address::new_actor(b"x")] {
            assert_eq!(EthAddress::from_address(&address), None, "{address}");
        }
    }
}
