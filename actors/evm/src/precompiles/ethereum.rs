//! Ethereum's precompiles, without its gas (spec 02 §9.1).
//!
//! Hashes and the recovery of keys are system calls; the curves and BLAKE2 come
//! from `revm-precompile`.

use boatyard_sdk::{Host, Runtime};
use fvm_shared::crypto::hash::SupportedHashes;
use revm_interpreter::primitives::U256;
use revm_precompile::{EthPrecompileResult, blake2, bls12_381, bn254, modexp as big, secp256r1};

use super::{Failure, Output, Reader};
use crate::interpreter::memory::obtainable;

/// Gas for those that count it: enough for anything.
const NO_LIMIT: u64 = u64::MAX;

/// Order of secp256k1.
const SECP256K1_ORDER: U256 = U256::from_limbs([
    0xbfd2_5e8c_d036_4141,
    0xbaae_dce6_af48_a03b,
    0xffff_ffff_ffff_fffe,
    0xffff_ffff_ffff_ffff,
]);

/// The address whose key made a signature; nothing if it is none.
pub(super) fn ecrecover(rt: &impl Runtime, input: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(input);
    let hash = reader.array::<32>();
    let recovery = reader.word().wrapping_sub(U256::from(27));
    let (r, s) = (reader.word(), reader.word());
    let scalar = |word: U256| !word.is_zero() && word < SECP256K1_ORDER;
    if recovery > U256::from(1) || !scalar(r) || !scalar(s) {
        return Vec::new();
    }
    let mut signature = [0; 65];
    signature[..32].copy_from_slice(&r.to_be_bytes::<32>());
    signature[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    signature[64] = recovery.byte(0);
    match rt.host().recover_secp_key(&hash, &signature) {
        Ok(key) => {
            let mut address = rt.keccak(&key[1..]);
            address[..12].fill(0);
            address.to_vec()
        }
        Err(_) => Vec::new(),
    }
}

pub(super) fn sha256(rt: &impl Runtime, input: &[u8]) -> Vec<u8> {
    rt.host().hash(SupportedHashes::Sha2_256, input)
}

pub(super) fn ripemd160(rt: &impl Runtime, input: &[u8]) -> Vec<u8> {
    let mut word = vec![0; 12];
    word.extend(rt.host().hash(SupportedHashes::Ripemd160, input));
    word
}

/// Without the limit of 1024 bytes (EIP-7823).
///
/// What is too long to be read ends the call as reading one operand after the other
/// would; where neither base nor modulus has any bytes, nothing is read.
pub(super) fn modexp(input: &[u8]) -> Output {
    let mut reader = Reader::new(input);
    let lengths = [reader.u32()?, reader.u32()?, reader.u32()?];
    let [base, _, modulus] = lengths;
    if base == 0 && modulus == 0 {
        return Ok(Vec::new());
    }
    for length in lengths {
        obtainable(length.into())?;
    }
    obtainable(lengths.into_iter().map(u64::from).sum())?;
    output(big::run_inner::<_, false>(
        input,
        NO_LIMIT,
        0,
        |_, _, _, _| 0,
    ))
}

pub(super) fn bn254_add(input: &[u8]) -> Output {
    output(bn254::run_add(input, 0, NO_LIMIT))
}

pub(super) fn bn254_mul(input: &[u8]) -> Output {
    output(bn254::run_mul(input, 0, NO_LIMIT))
}

pub(super) fn bn254_pairing(input: &[u8]) -> Output {
    output(bn254::run_pair(input, 0, 0, NO_LIMIT))
}

pub(super) fn blake2f(input: &[u8]) -> Output {
    output(blake2::run(input, NO_LIMIT))
}

pub(super) fn bls_g1_add(input: &[u8]) -> Output {
    output(bls12_381::g1_add::g1_add(input, NO_LIMIT))
}

pub(super) fn bls_g1_msm(input: &[u8]) -> Output {
    output(bls12_381::g1_msm::g1_msm(input, NO_LIMIT))
}

pub(super) fn bls_g2_add(input: &[u8]) -> Output {
    output(bls12_381::g2_add::g2_add(input, NO_LIMIT))
}

pub(super) fn bls_g2_msm(input: &[u8]) -> Output {
    output(bls12_381::g2_msm::g2_msm(input, NO_LIMIT))
}

pub(super) fn bls_pairing(input: &[u8]) -> Output {
    output(bls12_381::pairing::pairing(input, NO_LIMIT))
}

pub(super) fn bls_map_fp_to_g1(input: &[u8]) -> Output {
    output(bls12_381::map_fp_to_g1::map_fp_to_g1(input, NO_LIMIT))
}

pub(super) fn bls_map_fp2_to_g2(input: &[u8]) -> Output {
    output(bls12_381::map_fp2_to_g2::map_fp2_to_g2(input, NO_LIMIT))
}

/// 1 for a valid signature, nothing otherwise.
pub(super) fn p256_verify(input: &[u8]) -> Vec<u8> {
    if secp256r1::verify_impl(input) {
        U256::from(1).to_be_bytes_vec()
    } else {
        Vec::new()
    }
}

fn output(result: EthPrecompileResult) -> Output {
    result
        .map(|output| output.bytes.into())
        .map_err(|_| Failure::Failed)
}
