//! What stood in for proofs, randomness and the chain while recording.
//!
//! The vectors' README, section 4, as configuration of the machines: nothing here
//! executes a message.

use std::sync::Arc;

use boatyard_sdk::Type;
use boatyard_vm::context::{ChainView, LookupError, ProofVerifier, Substitutions, VerifyError};
use cid::Cid;
use cid::multihash::Multihash;
use fvm_ipld_encoding::IPLD_RAW;
use fvm_shared::IDENTITY_HASH;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::commcid::{
    FIL_COMMITMENT_UNSEALED, SHA2_256_TRUNC254_PADDED, data_commitment_v1_to_cid,
};
use fvm_shared::consensus::{ConsensusFault, ConsensusFaultType};
use fvm_shared::piece::{PaddedPieceSize, PieceInfo, zero_piece_commitment};
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};
use multihash_codetable::{Code, MultihashDigest as _};

/// What every draw of randomness gives: the bytes 1 to 32.
pub const RANDOMNESS: [u8; 32] = {
    let mut bytes = [0; 32];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = at as u8 + 1;
        at += 1;
    }
    bytes
};

/// Bytes of a Window PoSt that is found invalid.
const INVALID_POST: &[u8] = b"i_am_invalid_post";

/// Bytes of any other proof that is found invalid.
const INVALID_PROOF: &[u8] = b"i_am_invalid_proof";

/// The code CID of a type in the recordings.
pub fn code_cid(kind: Type) -> Cid {
    identity_cid(&format!("fil/test/{}", kind.name()))
}

/// The machines' own substitutions.
pub fn substitutions() -> Arc<Substitutions> {
    Arc::new(Substitutions {
        randomness: Some(RANDOMNESS),
        signatures_equal_message: true,
        unmetered: true,
    })
}

fn identity_cid(text: &str) -> Cid {
    let digest = Multihash::wrap(IDENTITY_HASH, text.as_bytes())
        .expect("the texts used here fit into 64 bytes");
    Cid::new_v1(IPLD_RAW, digest)
}

/// A chain of which only the tipset CIDs are ever looked at.
pub struct SubstituteChain;

impl ChainView for SubstituteChain {
    fn ticket_randomness(&self, _: ChainEpoch) -> Result<[u8; 32], LookupError> {
        Ok(RANDOMNESS)
    }

    fn beacon_randomness(&self, _: ChainEpoch) -> Result<[u8; 32], LookupError> {
        Ok(RANDOMNESS)
    }

    fn tipset_cid(&self, _: ChainEpoch) -> Result<Cid, LookupError> {
        Ok(identity_cid("faketipset"))
    }
}

/// Judges proofs by their text.
#[derive(Debug, Clone, Copy, Default)]
pub struct SubstituteVerifier {
    /// Mode `zero_when_empty` of the primitive `compute_unsealed_sector_cid`: no
    /// pieces give the real commitment of an empty sector.
    pub zero_when_empty: bool,
}

impl ProofVerifier for SubstituteVerifier {
    fn verify_post(&self, info: &WindowPoStVerifyInfo) -> Result<bool, VerifyError> {
        Ok(info
            .proofs
            .iter()
            .all(|proof| proof.proof_bytes != INVALID_POST))
    }

    fn batch_verify_seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>, VerifyError> {
        Ok(seals
            .iter()
            .map(|seal| seal.proof != INVALID_PROOF)
            .collect())
    }

    fn verify_aggregate_seals(
        &self,
        aggregate: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, VerifyError> {
        Ok(aggregate.proof != INVALID_PROOF)
    }

    fn verify_replica_update(&self, update: &ReplicaUpdateInfo) -> Result<bool, VerifyError> {
        Ok(update.proof != INVALID_PROOF)
    }

    fn unsealed_sector_cid(
        &self,
        proof_type: RegisteredSealProof,
        pieces: &[PieceInfo],
    ) -> Result<Cid, VerifyError> {
        if self.zero_when_empty && pieces.is_empty() {
            let size = proof_type.sector_size().map_err(VerifyError::Malformed)?;
            return data_commitment_v1_to_cid(&zero_piece_commitment(PaddedPieceSize(size as u64)))
                .map_err(|error| VerifyError::Malformed(error.to_owned()));
        }
        let mut input = Vec::new();
        leb128(zigzag(proof_type.into()), &mut input);
        for piece in pieces {
            input.extend(piece.cid.to_bytes());
            leb128(piece.size.0, &mut input);
        }
        let digest = Multihash::wrap(
            SHA2_256_TRUNC254_PADDED,
            Code::Sha2_256.digest(&input).digest(),
        )
        .map_err(|error| VerifyError::Malformed(error.to_string()))?;
        Ok(Cid::new_v1(FIL_COMMITMENT_UNSEALED, digest))
    }

    /// The first header is `fault` ‖ kind ‖ ID ‖ epoch, or there is no fault.
    fn verify_consensus_fault(
        &self,
        header_1: &[u8],
        _header_2: &[u8],
        _extra: &[u8],
    ) -> Result<Option<ConsensusFault>, VerifyError> {
        let Some(fault) = header_1.strip_prefix(b"fault") else {
            return Ok(None);
        };
        let Some((kind, fault)) = fault.split_first() else {
            return Ok(None);
        };
        let Some((target, epoch)) = fault.split_first_chunk::<8>() else {
            return Ok(None);
        };
        let Ok(epoch) = epoch.try_into().map(ChainEpoch::from_be_bytes) else {
            return Ok(None);
        };
        let fault_type = match kind {
            1 => ConsensusFaultType::DoubleForkMining,
            2 => ConsensusFaultType::ParentGrinding,
            3 => ConsensusFaultType::TimeOffsetMining,
            _ => return Ok(None),
        };
        Ok(Some(ConsensusFault {
            target: Address::new_id(u64::from_be_bytes(*target)),
            epoch,
            fault_type,
        }))
    }
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn leb128(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_cids_are_those_of_the_recordings() {
        assert_eq!(
            code_cid(Type::Init).to_string(),
            "bafkqadlgnfwc65dfon2c62lonf2a"
        );
        assert_eq!(
            code_cid(Type::Account).to_string(),
            "bafkqaedgnfwc65dfon2c6yldmnxxk3tu"
        );
    }

    #[test]
    fn a_fault_is_read_from_the_first_header_only() {
        let header: Vec<u8> = [
            b"fault".as_slice(),
            &[2],
            &1_000_u64.to_be_bytes(),
            &77_i64.to_be_bytes(),
        ]
        .concat();
        let verify = |header: &[u8]| {
            SubstituteVerifier::default()
                .verify_consensus_fault(header, b"", b"")
                .unwrap()
        };
        let fault = verify(&header).unwrap();
        assert_eq!((fault.target, fault.epoch), (Address::new_id(1_000), 77));
        assert!(verify(&header[..21]).is_none());
        assert!(verify(&[header.as_slice(), &[0]].concat()).is_none());
        assert!(verify(b"").is_none());
    }

    #[test]
    fn an_empty_sector_has_its_real_commitment_on_demand() {
        let cid = |zero_when_empty| {
            SubstituteVerifier { zero_when_empty }
                .unsealed_sector_cid(RegisteredSealProof::StackedDRG2KiBV1P1, &[])
                .unwrap()
                .to_string()
        };
        assert_eq!(
            cid(true),
            "baga6ea4seaqpy7usqklokfx2vxuynmupslkeutzexe2uqurdg5vhtebhxqmpqmy"
        );
        assert_ne!(cid(false), cid(true));
    }
}
