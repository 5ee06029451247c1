//! Commitments: 32 bytes that name data (CommP, CommD) or a replica (CommR).

use cid::Cid;
use fvm_shared::ActorID;
use fvm_shared::commcid;
use serde::{Deserialize as _, Deserializer, de::Error as _};

/// A root of a Merkle tree over data or over a replica; a field element in 32
/// little-endian bytes, the two top bits of the last byte clear.
pub type Commitment = [u8; 32];

/// A CID or 32 bytes that are no commitment of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is no {kind} commitment: {reason}")]
pub struct NotACommitment {
    what: String,
    kind: &'static str,
    reason: &'static str,
}

/// The CID of CommD or CommP: codec `0xf101`, hash `0x1012`.
///
/// # Errors
/// An all-zero commitment has no CID.
pub fn unsealed_cid(commitment: &Commitment) -> Result<Cid, NotACommitment> {
    commcid::data_commitment_v1_to_cid(commitment)
        .map_err(|reason| refuse_bytes(commitment, "data", reason))
}

/// The CID of CommR: codec `0xf102`, hash `0xb401`.
///
/// # Errors
/// An all-zero commitment has no CID.
pub fn sealed_cid(commitment: &Commitment) -> Result<Cid, NotACommitment> {
    commcid::replica_commitment_v1_to_cid(commitment)
        .map_err(|reason| refuse_bytes(commitment, "replica", reason))
}

/// CommD or CommP from its CID.
///
/// # Errors
/// When the CID has another codec or hash, or the commitment is all zero.
pub fn from_unsealed_cid(cid: &Cid) -> Result<Commitment, NotACommitment> {
    let commitment = commcid::cid_to_data_commitment_v1(cid)
        .map_err(|reason| refuse_cid(cid, "data", reason))?;
    not_zero(&commitment).map_err(|reason| refuse_cid(cid, "data", reason))?;
    Ok(commitment)
}

/// CommR from its CID.
///
/// # Errors
/// When the CID has another codec or hash, or the commitment is all zero.
pub fn from_sealed_cid(cid: &Cid) -> Result<Commitment, NotACommitment> {
    let commitment = commcid::cid_to_replica_commitment_v1(cid)
        .map_err(|reason| refuse_cid(cid, "replica", reason))?;
    not_zero(&commitment).map_err(|reason| refuse_cid(cid, "replica", reason))?;
    Ok(commitment)
}

/// Decodes a commitment that has a CID.
pub(crate) fn decode<'de, D: Deserializer<'de>>(source: D) -> Result<Commitment, D::Error> {
    let commitment = Commitment::deserialize(source)?;
    match not_zero(&commitment) {
        Ok(()) => Ok(commitment),
        Err(_) => Err(D::Error::custom(
            "a commitment is all zero, which neither data nor a replica has",
        )),
    }
}

/// A miner as it goes into replica ids and challenges: the LEB128 form of its actor
/// ID at the front of 32 bytes. Source: spec 11 §1.
pub fn prover_id(miner: ActorID) -> [u8; 32] {
    let mut id = [0; 32];
    let mut rest = miner;
    for byte in &mut id {
        *byte = (rest & 0x7f) as u8;
        rest >>= 7;
        if rest == 0 {
            break;
        }
        *byte |= 0x80;
    }
    id
}

fn not_zero(commitment: &Commitment) -> Result<(), &'static str> {
    match commitment.iter().all(|byte| *byte == 0) {
        true => Err("all zero"),
        false => Ok(()),
    }
}

fn refuse_cid(cid: &Cid, kind: &'static str, reason: &'static str) -> NotACommitment {
    NotACommitment {
        what: cid.to_string(),
        kind,
        reason,
    }
}

fn refuse_bytes(bytes: &Commitment, kind: &'static str, reason: &'static str) -> NotACommitment {
    NotACommitment {
        what: format!("{bytes:02x?}"),
        kind,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miner_is_leb128_at_the_front() {
        assert_eq!(prover_id(1000)[..3], [0xe8, 0x07, 0]);
        assert_eq!(prover_id(0), [0; 32]);
        assert_eq!(prover_id(127)[..2], [0x7f, 0]);
        assert_eq!(
            prover_id(u64::MAX)[..11],
            [
                0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0
            ]
        );
    }

    #[test]
    fn cids_of_data_and_replicas_are_told_apart() {
        let data = unsealed_cid(&[7; 32]).unwrap();
        let replica = sealed_cid(&[7; 32]).unwrap();
        assert_eq!(from_unsealed_cid(&data).unwrap(), [7; 32]);
        assert_eq!(from_sealed_cid(&replica).unwrap(), [7; 32]);
        assert!(from_unsealed_cid(&replica).is_err());
        assert!(from_sealed_cid(&data).is_err());
        assert!(data.to_string().starts_with("baga6ea4sea"));
        assert!(replica.to_string().starts_with("bagboea4b5abc"));
    }
}
