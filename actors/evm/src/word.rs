//! 256-bit words: their CBOR form, and what they mean as money.

use std::borrow::Cow;

use boatyard_sdk::{AbiType, Schema};
use fvm_ipld_encoding::strict_bytes;
use fvm_ipld_kamt::AsHashedKey;
use fvm_shared::bigint::{BigInt, Sign};
use fvm_shared::econ::TokenAmount;
use revm_interpreter::primitives::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A word whose CBOR form is the big-endian value without leading zero bytes.
///
/// Decoding takes 0 to 32 bytes, leading zeros included. Source: spec 02 §0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Word(pub U256);

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.to_be_bytes::<32>();
        serializer.serialize_bytes(&bytes[self.0.leading_zeros() / 8..])
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: Cow<'de, [u8]> = strict_bytes::Deserialize::deserialize(deserializer)?;
        if bytes.len() > 32 {
            return Err(serde::de::Error::invalid_length(
                bytes.len(),
                &"at most 32 bytes",
            ));
        }
        Ok(Self(U256::from_be_slice(&bytes)))
    }
}

impl AbiType for Word {
    const SCHEMA: Schema = Schema::U256;
}

/// The path of a word in a KAMT: its 32 big-endian bytes, not hashed.
#[derive(Debug)]
pub struct WordPath;

impl AsHashedKey<Word, 32> for WordPath {
    fn as_hashed_key(key: &Word) -> Cow<'_, [u8; 32]> {
        Cow::Owned(key.0.to_be_bytes())
    }
}

/// An amount that is not negative, as a word of attoFIL.
pub(crate) fn from_amount(amount: &TokenAmount) -> U256 {
    let (_, bytes) = amount.atto().to_bytes_be();
    // Supply is below 2^91 attoFIL.
    U256::try_from_be_slice(&bytes).unwrap_or(U256::MAX)
}

/// A word of attoFIL as an amount.
pub(crate) fn to_amount(word: U256) -> TokenAmount {
    TokenAmount::from_atto(BigInt::from_bytes_be(Sign::Plus, &word.to_be_bytes::<32>()))
}

/// A word as an amount to send; `None` from 2^128 on, which no send can carry.
pub(crate) fn to_sendable(word: U256) -> Option<TokenAmount> {
    (word.bit_len() <= 128).then(|| to_amount(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cbor_form_has_no_leading_zeros() {
        for (word, bytes) in [
            (U256::ZERO, vec![0x40]),
            (U256::from(1), vec![0x41, 1]),
            (U256::from(0x1234), vec![0x42, 0x12, 0x34]),
        ] {
            assert_eq!(fvm_ipld_encoding::to_vec(&Word(word)).unwrap(), bytes);
            assert_eq!(
                fvm_ipld_encoding::from_slice::<Word>(&bytes).unwrap().0,
                word
            );
        }
        let largest = fvm_ipld_encoding::to_vec(&Word(U256::MAX)).unwrap();
        assert_eq!(largest[..2], [0x58, 32]);
    }

    #[test]
    fn decoding_takes_leading_zeros_but_no_33_bytes() {
        assert_eq!(
            fvm_ipld_encoding::from_slice::<Word>(&[0x42, 0, 5])
                .unwrap()
                .0,
            U256::from(5)
        );
        let mut long = vec![0x58, 33];
        long.extend([0; 33]);
        assert!(fvm_ipld_encoding::from_slice::<Word>(&long).is_err());
        assert!(fvm_ipld_encoding::from_slice::<Word>(&[0x05]).is_err());
    }

    #[test]
    fn sendable_amounts_end_at_128_bits() {
        let largest = (U256::from(1) << 128) - U256::from(1);
        assert_eq!(from_amount(&to_sendable(largest).unwrap()), largest);
        assert_eq!(to_sendable(largest + U256::from(1)), None);
    }
}
