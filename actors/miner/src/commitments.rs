//! Commitments to what a sector holds: CommR, CommD, and the CommD of nothing
//! (spec 05 §5.9).

use boatyard_sdk::{ActorError, Context, exit_codes::*};
use cid::{Cid, Version};
use fvm_shared::commcid::{
    FIL_COMMITMENT_SEALED, FIL_COMMITMENT_UNSEALED, POSEIDON_BLS12_381_A1_FC1,
    SHA2_256_TRUNC254_PADDED, data_commitment_v1_to_cid,
};
use fvm_shared::sector::{RegisteredSealProof, SectorSize};

/// Whether a CID has the shape of a CommR.
pub fn is_sealed(cid: &Cid) -> bool {
    has_shape(cid, FIL_COMMITMENT_SEALED, POSEIDON_BLS12_381_A1_FC1)
}

/// Whether a CID has the shape of a CommD.
pub fn is_unsealed(cid: &Cid) -> bool {
    has_shape(cid, FIL_COMMITMENT_UNSEALED, SHA2_256_TRUNC254_PADDED)
}

fn has_shape(cid: &Cid, codec: u64, hash: u64) -> bool {
    cid.version() == Version::V1
        && cid.codec() == codec
        && cid.hash().code() == hash
        && cid.hash().size() == 32
}

/// CommD of a sector of zeros.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) for an unknown seal proof.
pub fn zero_commd(seal_proof: RegisteredSealProof) -> Result<Cid, ActorError> {
    let size = seal_proof
        .sector_size()
        .or_exit(USR_ILLEGAL_ARGUMENT, "the zeros of a sector")?;
    let digest = match size {
        SectorSize::_2KiB => ZEROS_2_KIB,
        SectorSize::_8MiB => ZEROS_8_MIB,
        SectorSize::_512MiB => ZEROS_512_MIB,
        SectorSize::_32GiB => ZEROS_32_GIB,
        SectorSize::_64GiB => ZEROS_64_GIB,
    };
    data_commitment_v1_to_cid(&digest).or_exit(USR_ILLEGAL_ARGUMENT, "the zeros of a sector")
}

/// A declared CommD in full: `None` says all zeros.
///
/// # Errors
/// Those of [`zero_commd`].
pub fn expand(declared: Option<&Cid>, seal_proof: RegisteredSealProof) -> Result<Cid, ActorError> {
    match declared {
        Some(cid) => Ok(*cid),
        None => zero_commd(seal_proof),
    }
}

const ZEROS_2_KIB: [u8; 32] = [
    0xfc, 0x7e, 0x92, 0x82, 0x96, 0xe5, 0x16, 0xfa, 0xad, 0xe9, 0x86, 0xb2, 0x8f, 0x92, 0xd4, 0x4a,
    0x4f, 0x24, 0xb9, 0x35, 0x48, 0x52, 0x23, 0x37, 0x6a, 0x79, 0x90, 0x27, 0xbc, 0x18, 0xf8, 0x33,
];
const ZEROS_8_MIB: [u8; 32] = [
    0x65, 0xf2, 0x9e, 0x5d, 0x98, 0xd2, 0x46, 0xc3, 0x8b, 0x38, 0x8c, 0xfc, 0x06, 0xdb, 0x1f, 0x6b,
    0x02, 0x13, 0x03, 0xc5, 0xa2, 0x89, 0x00, 0x0b, 0xdc, 0xe8, 0x32, 0xa9, 0xc3, 0xec, 0x42, 0x1c,
];
const ZEROS_512_MIB: [u8; 32] = [
    0x39, 0x56, 0x0e, 0x7b, 0x13, 0xa9, 0x3b, 0x07, 0xa2, 0x43, 0xfd, 0x27, 0x20, 0xff, 0xa7, 0xcb,
    0x3e, 0x1d, 0x2e, 0x50, 0x5a, 0xb3, 0x62, 0x9e, 0x79, 0xf4, 0x63, 0x13, 0x51, 0x2c, 0xda, 0x06,
];
const ZEROS_32_GIB: [u8; 32] = [
    0x07, 0x7e, 0x5f, 0xde, 0x35, 0xc5, 0x0a, 0x93, 0x03, 0xa5, 0x50, 0x09, 0xe3, 0x49, 0x8a, 0x4e,
    0xbe, 0xdf, 0xf3, 0x9c, 0x42, 0xb7, 0x10, 0xb7, 0x30, 0xd8, 0xec, 0x7a, 0xc7, 0xaf, 0xa6, 0x3e,
];
const ZEROS_64_GIB: [u8; 32] = [
    0xe6, 0x40, 0x05, 0xa6, 0xbf, 0xe3, 0x77, 0x79, 0x53, 0xb8, 0xad, 0x6e, 0xf9, 0x3f, 0x0f, 0xca,
    0x10, 0x49, 0xb2, 0x04, 0x16, 0x54, 0xf2, 0xa4, 0x11, 0xf7, 0x70, 0x27, 0x99, 0xce, 0xce, 0x02,
];

#[cfg(test)]
mod tests {
    use cid::multihash::Multihash;

    use super::*;

    /// Source: spec 05 §5.9.
    #[test]
    fn the_zeros_of_every_size_are_the_sheets() {
        for (column, digest) in [
            "fc7e928296e516faade986b28f92d44a4f24b935485223376a799027bc18f833",
            "65f29e5d98d246c38b388cfc06db1f6b021303c5a289000bdce832a9c3ec421c",
            "39560e7b13a93b07a243fd2720ffa7cb3e1d2e505ab3629e79f46313512cda06",
            "077e5fde35c50a9303a55009e3498a4ebedff39c42b710b730d8ec7ac7afa63e",
            "e64005a6bfe3777953b8ad6ef93f0fca1049b2041654f2a411f7702799cece02",
        ]
        .into_iter()
        .enumerate()
        {
            for family in 0..4 {
                let proof = RegisteredSealProof::from((family * 5 + column) as i64);
                let zeros = zero_commd(proof).unwrap();
                assert_eq!(hex::encode(zeros.hash().digest()), digest);
                assert!(is_unsealed(&zeros) && !is_sealed(&zeros));
                assert_eq!(expand(None, proof), Ok(zeros));
            }
        }
        let unknown = zero_commd(RegisteredSealProof::Invalid(20)).unwrap_err();
        assert_eq!(unknown.exit_code().value(), 16);
    }

    #[test]
    fn every_part_of_a_commitments_shape_counts() {
        let commitment =
            |codec, hash, digest: &[u8]| Cid::new_v1(codec, Multihash::wrap(hash, digest).unwrap());
        assert!(is_sealed(&commitment(0xf102, 0xb401, &[0; 32])));
        for other in [
            commitment(0xf101, 0xb401, &[0; 32]),
            commitment(0xf102, 0x1012, &[0; 32]),
            commitment(0xf102, 0xb401, &[0; 31]),
            commitment(0xf102, 0xb401, &[0; 33]),
            Cid::default(),
        ] {
            assert!(!is_sealed(&other), "{other}");
            assert!(!is_unsealed(&other), "{other}");
        }
    }
}
