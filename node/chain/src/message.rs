//! Signed messages as they lie in the pool and on the chain.

use alloy::primitives::B256;
use cid::Cid;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_ipld_encoding::{DAG_CBOR, strict_bytes, to_vec};
use fvm_shared::message::Message;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ethereum;
use crate::store::{block_cid, digest_of};

/// Kind of a signature, with its number on chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SignatureKind {
    /// f1 senders: 65 bytes over the message CID.
    Secp256k1 = 1,
    /// f3 senders: 96 bytes over the message CID.
    Bls = 2,
    /// f410 senders: over the Ethereum transaction (spec 00 §14).
    Delegated = 3,
}

impl SignatureKind {
    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Secp256k1),
            2 => Some(Self::Bls),
            3 => Some(Self::Delegated),
            _ => None,
        }
    }
}

/// A signature; in CBOR the byte string kind ‖ data.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Signature {
    /// Kind.
    pub kind: SignatureKind,
    /// The bytes without the kind.
    pub data: Vec<u8>,
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(1 + self.data.len());
        bytes.push(self.kind as u8);
        bytes.extend_from_slice(&self.data);
        strict_bytes::Serialize::serialize(&bytes, serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: Vec<u8> = strict_bytes::Deserialize::deserialize(deserializer)?;
        let (number, data) = bytes
            .split_first()
            .ok_or_else(|| serde::de::Error::custom("a signature is empty"))?;
        let kind = SignatureKind::from_number(*number).ok_or_else(|| {
            serde::de::Error::custom(format!("signature kind {number}, expected 1, 2 or 3"))
        })?;
        Ok(Self {
            kind,
            data: data.to_vec(),
        })
    }
}

/// A message with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct SignedMessage {
    /// The message.
    pub message: Message,
    /// The sender's signature.
    pub signature: Signature,
}

impl SignedMessage {
    /// DAG-CBOR encoding of message and signature.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_vec(self).expect("a message has no value that CBOR cannot express")
    }

    /// CID under which the chain knows it: of the signed message, for BLS
    /// signatures of the unsigned one (they are aggregated in the block).
    pub fn cid(&self) -> Cid {
        match self.signature.kind {
            SignatureKind::Bls => message_cid(&self.message),
            SignatureKind::Secp256k1 | SignatureKind::Delegated => block_cid(&self.to_bytes()),
        }
    }

    /// Hash by which Ethereum clients know it (spec 10 §2.5): of the signed
    /// transaction if it is one, else the digest of [`Self::cid`].
    pub fn eth_hash(&self, chain_id: u64) -> B256 {
        match ethereum::transaction_of(self, chain_id) {
            Ok(transaction) => *transaction.hash(),
            Err(_) => digest_of(&self.cid()).expect("a BLAKE2b-256 digest has 32 bytes"),
        }
    }

    /// Size in bytes that the sender pays for (spec 00 §14): of the message
    /// alone for BLS, else with the signature.
    pub fn chain_length(&self) -> usize {
        match self.signature.kind {
            SignatureKind::Bls => message_bytes(&self.message).len(),
            SignatureKind::Secp256k1 | SignatureKind::Delegated => self.to_bytes().len(),
        }
    }
}

/// DAG-CBOR encoding of a message without signature.
pub fn message_bytes(message: &Message) -> Vec<u8> {
    to_vec(message).expect("a message has no value that CBOR cannot express")
}

/// CID of a message without signature; its bytes are what f1 and f3 keys sign.
pub fn message_cid(message: &Message) -> Cid {
    let cid = block_cid(&message_bytes(message));
    debug_assert_eq!(cid.codec(), DAG_CBOR);
    cid
}

/// Why the chain accepted a message's sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// The signature is valid.
    Signed,
    /// The sender was impersonated (spec 10 §8.10): the signature is a fake, any
    /// actor may send, nothing is paid for gas.
    Impersonated,
}

/// A message that waits in the pool.
#[derive(Debug, Clone)]
pub struct PoolMessage {
    /// The message.
    pub signed: SignedMessage,
    /// [`SignedMessage::cid`].
    pub cid: Cid,
    /// [`SignedMessage::eth_hash`].
    pub eth_hash: B256,
    /// Why the sender was accepted.
    pub authority: Authority,
    /// Counts up with every message that enters the pool.
    pub arrival: u64,
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::from_slice;
    use fvm_shared::address::Address;
    use proptest::prelude::*;

    use super::*;

    fn message(kind: SignatureKind) -> SignedMessage {
        SignedMessage {
            message: Message {
                version: 0,
                from: Address::new_id(1),
                to: Address::new_id(2),
                sequence: 0,
                value: Default::default(),
                method_num: 0,
                params: Default::default(),
                gas_limit: 1,
                gas_fee_cap: Default::default(),
                gas_premium: Default::default(),
            },
            signature: Signature {
                kind,
                data: vec![1, 2, 3],
            },
        }
    }

    #[test]
    fn bls_messages_go_by_the_cid_of_the_unsigned_message() {
        let bls = message(SignatureKind::Bls);
        assert_eq!(bls.cid(), message_cid(&bls.message));
        assert_eq!(bls.chain_length(), message_bytes(&bls.message).len());
        let other = message(SignatureKind::Secp256k1);
        assert_eq!(other.cid(), block_cid(&other.to_bytes()));
        assert_eq!(other.chain_length(), other.to_bytes().len());
    }

    #[test]
    fn a_signature_is_its_kind_and_its_bytes() {
        for kind in [
            SignatureKind::Secp256k1,
            SignatureKind::Bls,
            SignatureKind::Delegated,
        ] {
            let signed = message(kind);
            assert_eq!(
                to_vec(&signed.signature).unwrap(),
                [0x44, kind as u8, 1, 2, 3]
            );
            assert_eq!(
                from_slice::<SignedMessage>(&signed.to_bytes()).unwrap(),
                signed
            );
        }
        for bad in [&[0x40][..], &[0x41, 0], &[0x41, 4], &[0x61, 0x41]] {
            assert!(from_slice::<Signature>(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = from_slice::<SignedMessage>(&bytes);
        }
    }
}
