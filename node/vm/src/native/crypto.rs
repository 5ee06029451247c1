//! Hashes and signatures, as the FVM computes them.

use fvm_shared::address::{Address, Payload};
use fvm_shared::crypto::hash::SupportedHashes;
use fvm_shared::crypto::signature::{self, SignatureType, ops};
use fvm_shared::error::ErrorNumber;
use multihash_codetable::{Code, MultihashDigest as _};

use super::panics::catch;

/// Digest of `data`.
pub(super) fn hash(hasher: SupportedHashes, data: &[u8]) -> Vec<u8> {
    let code = match hasher {
        SupportedHashes::Sha2_256 => Code::Sha2_256,
        SupportedHashes::Blake2b256 => Code::Blake2b256,
        SupportedHashes::Blake2b512 => Code::Blake2b512,
        SupportedHashes::Keccak256 => Code::Keccak256,
        SupportedHashes::Ripemd160 => Code::Ripemd160,
    };
    code.digest(data).digest().to_vec()
}

/// Whether a key signed `plaintext`.
///
/// # Errors
/// `IllegalArgument` when the signer is no key address.
pub(super) fn verify(
    kind: SignatureType,
    signature: &[u8],
    signer: &Address,
    plaintext: &[u8],
) -> Result<bool, ErrorNumber> {
    match signer.payload() {
        Payload::BLS(_) | Payload::Secp256k1(_) => {}
        _ => return Err(ErrorNumber::IllegalArgument),
    }
    catch(|| signature::verify(kind, signature, plaintext, signer).is_ok())
        .map_err(|_| ErrorNumber::IllegalArgument)
}

/// Whether one signature covers all messages. Malformed keys and signatures are
/// invalid ones.
///
/// # Errors
/// `IllegalArgument` when there are not as many keys as messages.
pub(super) fn verify_aggregate(
    signature: &[u8; 96],
    keys: &[[u8; 48]],
    plaintexts: &[&[u8]],
) -> Result<bool, ErrorNumber> {
    if keys.len() != plaintexts.len() {
        return Err(ErrorNumber::IllegalArgument);
    }
    Ok(ops::verify_bls_aggregate(signature, keys, plaintexts).unwrap_or(false))
}

/// The uncompressed key that made a recoverable signature.
///
/// # Errors
/// `IllegalArgument` when no key can have made it.
pub(super) fn recover(hash: &[u8; 32], signature: &[u8; 65]) -> Result<[u8; 65], ErrorNumber> {
    ops::recover_secp_public_key(hash, signature).map_err(|_| ErrorNumber::IllegalArgument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        for (hasher, digest) in [
            (
                SupportedHashes::Sha2_256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                SupportedHashes::Keccak256,
                "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
            ),
            (
                SupportedHashes::Ripemd160,
                "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
            ),
            (
                SupportedHashes::Blake2b256,
                "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
            ),
        ] {
            let text: String = hash(hasher, b"abc")
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(text, digest);
        }
        assert_eq!(hash(SupportedHashes::Blake2b512, b"abc").len(), 64);
    }

    #[test]
    fn only_keys_sign() {
        let verdict = |signer: &Address| verify(SignatureType::BLS, &[1; 96], signer, b"text");
        assert_eq!(
            verdict(&Address::new_id(5)),
            Err(ErrorNumber::IllegalArgument)
        );
        assert_eq!(verdict(&Address::new_bls(&[9; 48]).unwrap()), Ok(false));
    }

    #[test]
    fn an_aggregate_needs_a_key_for_each_message() {
        assert_eq!(verify_aggregate(&[0; 96], &[], &[]), Ok(true));
        assert_eq!(
            verify_aggregate(&[0; 96], &[[0; 48]], &[b"text"]),
            Ok(false)
        );
        assert_eq!(
            verify_aggregate(&[0; 96], &[[0; 48]], &[]),
            Err(ErrorNumber::IllegalArgument)
        );
    }
}
