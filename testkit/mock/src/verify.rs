//! What signature and proof checks say, by rule instead of by cryptography.

use cid::Cid;
use cid::multihash::Multihash;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::consensus::{ConsensusFault, ConsensusFaultType};
use fvm_shared::crypto::signature::SignatureType;
use fvm_shared::error::ErrorNumber;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};
use multihash_codetable::{Code, MultihashDigest};

/// A check that an actor asked for, in order; see [`crate::MockRuntime::checks`].
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Check {
    Signature {
        kind: SignatureType,
        signature: Vec<u8>,
        signer: Address,
        plaintext: Vec<u8>,
    },
    BlsAggregate {
        signature: [u8; 96],
        keys: Vec<[u8; 48]>,
        plaintexts: Vec<Vec<u8>>,
    },
    UnsealedCid {
        proof: RegisteredSealProof,
        pieces: Vec<PieceInfo>,
    },
    Post(WindowPoStVerifyInfo),
    Seals(Vec<SealVerifyInfo>),
    AggregateSeals(AggregateSealVerifyProofAndInfos),
    ReplicaUpdate(ReplicaUpdateInfo),
    ConsensusFault {
        header_1: Vec<u8>,
        header_2: Vec<u8>,
        extra: Vec<u8>,
    },
    Gas {
        name: String,
        compute: u64,
    },
}

/// Answers signature and proof checks. The defaults are those of the recorded
/// vectors; a test overrides what it is about.
///
/// ```
/// # use boatyard_mock::{MockRuntime, Verifier};
/// # use fvm_shared::sector::WindowPoStVerifyInfo;
/// # use fvm_shared::error::ErrorNumber;
/// struct NoPost;
/// impl Verifier for NoPost {
///     fn post(&self, _: &WindowPoStVerifyInfo) -> Result<bool, ErrorNumber> {
///         Ok(false)
///     }
/// }
/// let rt = MockRuntime::new().verifier(NoPost);
/// ```
pub trait Verifier {
    /// Valid if the signature equals what it signs.
    fn signature(
        &self,
        kind: SignatureType,
        signature: &[u8],
        signer: &Address,
        plaintext: &[u8],
    ) -> Result<bool, ErrorNumber> {
        let _ = (kind, signer);
        Ok(signature == plaintext)
    }

    /// Valid if the signature begins with the first plaintext.
    fn bls_aggregate(
        &self,
        signature: &[u8; 96],
        keys: &[[u8; 48]],
        plaintexts: &[&[u8]],
    ) -> Result<bool, ErrorNumber> {
        Ok(keys.len() == plaintexts.len()
            && plaintexts
                .first()
                .is_none_or(|first| signature.starts_with(first)))
    }

    /// SHA-256 of the proof's number and of every piece's CID and size, in the
    /// shape of a CommD.
    fn unsealed_sector_cid(
        &self,
        proof: RegisteredSealProof,
        pieces: &[PieceInfo],
    ) -> Result<Cid, ErrorNumber> {
        let number = i64::from(proof);
        let mut input = Vec::new();
        leb128(((number << 1) ^ (number >> 63)) as u64, &mut input);
        for piece in pieces {
            input.extend_from_slice(&piece.cid.to_bytes());
            leb128(piece.size.0, &mut input);
        }
        let digest = Code::Sha2_256.digest(&input);
        let hash = Multihash::wrap(0x1012, digest.digest()).expect("a digest has 32 bytes");
        Ok(Cid::new_v1(0xf101, hash))
    }

    /// Invalid if a proof reads `i_am_invalid_post`.
    fn post(&self, info: &WindowPoStVerifyInfo) -> Result<bool, ErrorNumber> {
        Ok(info
            .proofs
            .iter()
            .all(|proof| proof.proof_bytes != b"i_am_invalid_post"))
    }

    /// Each invalid if its proof reads `i_am_invalid_proof`.
    fn seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>, ErrorNumber> {
        Ok(seals.iter().map(|seal| is_valid(&seal.proof)).collect())
    }

    /// Invalid if the proof reads `i_am_invalid_proof`.
    fn aggregate_seals(
        &self,
        aggregate: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, ErrorNumber> {
        Ok(is_valid(&aggregate.proof))
    }

    /// Invalid if the proof reads `i_am_invalid_proof`.
    fn replica_update(&self, update: &ReplicaUpdateInfo) -> Result<bool, ErrorNumber> {
        Ok(is_valid(&update.proof))
    }

    /// A fault if the first header is `fault`, its kind (1 byte), the ID of the
    /// guilty (8 bytes) and the epoch (8 bytes), big-endian.
    fn consensus_fault(
        &self,
        header_1: &[u8],
        header_2: &[u8],
        extra: &[u8],
    ) -> Result<Option<ConsensusFault>, ErrorNumber> {
        let _ = (header_2, extra);
        Ok(scripted_fault(header_1))
    }
}

/// The rules of the recorded vectors, for all checks.
#[derive(Debug, Clone, Copy, Default)]
pub struct VectorRules;

impl Verifier for VectorRules {}

fn is_valid(proof: &[u8]) -> bool {
    proof != b"i_am_invalid_proof"
}

fn scripted_fault(header: &[u8]) -> Option<ConsensusFault> {
    let (kind, rest) = header.strip_prefix(b"fault")?.split_first()?;
    let (target, epoch) = rest.split_at_checked(8)?;
    Some(ConsensusFault {
        target: Address::new_id(ActorID::from_be_bytes(target.try_into().ok()?)),
        epoch: i64::from_be_bytes(epoch.try_into().ok()?),
        fault_type: match kind {
            1 => ConsensusFaultType::DoubleForkMining,
            2 => ConsensusFaultType::ParentGrinding,
            3 => ConsensusFaultType::TimeOffsetMining,
            _ => return None,
        },
    })
}

fn leb128(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The uncompressed key behind a recoverable secp256k1 signature (spec 00 §14).
pub(crate) fn recover(hash: &[u8; 32], signature: &[u8; 65]) -> Option<[u8; 65]> {
    use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
    let [rs @ .., mut v] = *signature;
    let mut signature = Signature::from_slice(&rs).ok()?;
    if let Some(low) = signature.normalize_s() {
        signature = low;
        v ^= 1;
    }
    let key =
        VerifyingKey::recover_from_prehash(hash, &signature, RecoveryId::from_byte(v)?).ok()?;
    key.to_encoded_point(false).as_bytes().try_into().ok()
}
