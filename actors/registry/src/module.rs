//! What counts as a module, and its bytes for the node.

use boatyard_sdk::{ActorError, Context, actor_error, ensure, exit_codes::*};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::IPLD_RAW;
use multihash_codetable::{Code, MultihashDigest};

use crate::state::State;

/// The longest block that the machine takes from an actor, in bytes.
pub const MAX_BLOCK_BYTES: u64 = 1 << 20;

/// The longest module, in bytes. Far above what fits into the gas of a few blocks;
/// it bounds the memory for joining chunks.
pub const MAX_MODULE_BYTES: u64 = 16 << 20;

/// The shortest chunk that is not the last one, in bytes. Bounds the list of chunks
/// to 512.
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

/// The bytes of an installed module; `None` if it is not installed.
///
/// For the node, which gives them to the engine: a module above 1 MiB is in the
/// block store only in chunks.
///
/// # Errors
/// `USR_ILLEGAL_STATE` (20) when a block is missing or the bytes do not have the
/// code's CID.
pub fn load(
    state: &State,
    store: &impl Blockstore,
    code: &Cid,
) -> Result<Option<Vec<u8>>, ActorError> {
    let Some(installed) = state.find(store, code)? else {
        return Ok(None);
    };
    let module = join(installed.size, &installed.chunks, |chunk| {
        store
            .get(chunk)
            .or_exit(USR_ILLEGAL_STATE, "a chunk of the module")?
            .or_exit(
                USR_ILLEGAL_STATE,
                format_args!("chunk {chunk} of the module is missing"),
            )
    })?;
    ensure!(
        code_cid(&module) == *code,
        USR_ILLEGAL_STATE,
        "the chunks of module {code} make up another one"
    );
    Ok(Some(module))
}

/// Chunks in order, as far as `size` bytes.
pub(crate) fn join(
    size: u64,
    chunks: &[Cid],
    read: impl Fn(&Cid) -> Result<Vec<u8>, ActorError>,
) -> Result<Vec<u8>, ActorError> {
    ensure!(
        size <= MAX_MODULE_BYTES,
        USR_ILLEGAL_STATE,
        "a module of {size} bytes"
    );
    let mut module = Vec::with_capacity(size as usize);
    for chunk in chunks {
        module.extend_from_slice(&read(chunk)?);
        ensure!(
            module.len() as u64 <= size,
            USR_ILLEGAL_STATE,
            "the chunks have more than {size} bytes"
        );
    }
    Ok(module)
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
    let fits = code.version() == cid::Version::V1
        && code.codec() == IPLD_RAW
        && hash.code() == u64::from(Code::Blake2b256)
        && hash.size() == 32;
    if fits {
        return Ok(());
    }
    Err(actor_error!(
        USR_ILLEGAL_ARGUMENT,
        "{code} cannot be a module's CID, which is version 1, raw, BLAKE2b-256"
    ))
}
