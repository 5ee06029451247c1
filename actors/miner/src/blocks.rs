//! Blocks of their own that the state links to.

use boatyard_sdk::{ActorError, Context, exit_codes::*};
use cid::Cid;
use fvm_ipld_blockstore::{Block, Blockstore};
use fvm_ipld_encoding::{DAG_CBOR, from_slice, to_vec};
use multihash_codetable::Code;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Loads a block.
///
/// # Errors
/// `USR_ILLEGAL_STATE` (20) when it is missing, `USR_SERIALIZATION` (21) when it is
/// of another type.
pub fn get<T: DeserializeOwned>(
    store: &impl Blockstore,
    cid: &Cid,
    what: &str,
) -> Result<T, ActorError> {
    let block = store
        .get(cid)
        .or_exit(USR_ILLEGAL_STATE, format_args!("loading {what}"))?
        .or_exit(
            USR_ILLEGAL_STATE,
            format_args!("the block of {what} is missing"),
        )?;
    from_slice(&block).or_exit(USR_SERIALIZATION, format_args!("decoding {what}"))
}

/// Stores a block.
///
/// # Errors
/// `USR_SERIALIZATION` (21) when it cannot be encoded, `USR_ILLEGAL_STATE` (20) when
/// it cannot be stored.
pub fn put<T: Serialize + ?Sized>(
    store: &impl Blockstore,
    value: &T,
    what: &str,
) -> Result<Cid, ActorError> {
    let data = to_vec(value).or_exit(USR_SERIALIZATION, format_args!("encoding {what}"))?;
    let block = Block {
        codec: DAG_CBOR,
        data,
    };
    store
        .put(Code::Blake2b256, &block)
        .or_exit(USR_ILLEGAL_STATE, format_args!("storing {what}"))
}
