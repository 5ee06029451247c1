//! What counts as a module.

use boatyard_sdk::{ActorError, ensure};
use cid::Cid;
use fvm_ipld_encoding::IPLD_RAW;
use multihash_codetable::{Code, MultihashDigest};

/// The longest module, in bytes: the longest block that the machine takes from an
/// actor (spec 00 §7).
pub const MAX_MODULE_BYTES: u64 = 1 << 20;

/// The shortest chunk that is not the last one, in bytes: fits into a signed message
/// and bounds the list of chunks to 32.
pub const MIN_CHUNK_BYTES: u64 = 32 << 10;

/// How a Wasm module of version 1 begins.
const MAGIC: [u8; 8] = *b"\0asm\x01\0\0\0";

/// CID of a module: version 1, raw, BLAKE2b-256. The same as for built-in code.
///
/// ```
/// let code = boatyard_registry::module::code_cid(b"\0asm\x01\0\0\0");
/// assert!(code.to_string().starts_with("bafk2bz"));
/// ```
pub fn code_cid(module: &[u8]) -> Cid {
    Cid::new_v1(IPLD_RAW, Code::Blake2b256.digest(module))
}

/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) unless the bytes begin like a Wasm module.
pub(crate) fn check_wasm(module: &[u8]) -> Result<(), ActorError> {
    ensure!(
        module.starts_with(&MAGIC),
        USR_ILLEGAL_ARGUMENT,
        "not a Wasm module: it must begin with 00 61 73 6d 01 00 00 00"
    );
    Ok(())
}

/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) unless the CID can be that of a module.
pub(crate) fn check_code_cid(code: &Cid) -> Result<(), ActorError> {
    let hash = code.hash();
    ensure!(
        code.version() == cid::Version::V1
            && code.codec() == IPLD_RAW
            && hash.code() == u64::from(Code::Blake2b256)
            && hash.size() == 32,
        USR_ILLEGAL_ARGUMENT,
        "{code} cannot be a module's CID, which is version 1, raw, BLAKE2b-256"
    );
    Ok(())
}
