//! Raw blocks of the store (spec 10 §5.2).

use std::collections::HashSet;

use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::DAG_CBOR;
use multihash_codetable::{Code, MultihashDigest};
use serde::Serialize;
use serde_ipld_dagcbor::codec::DagCborCodec;

use crate::call::Call;
use crate::error::RpcError;
use crate::fil::json::BlobJson;
use crate::params::{Base64, CidParam};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// A block of the store.
        ["Filecoin.ChainReadObj"]
        (cid: CidParam) -> "base64 bytes" = compute read_object;

        /// Whether the store has a block.
        ["Filecoin.ChainHasObj"]
        (cid: CidParam) -> "bool" = compute has_object;

        /// How many bytes and links lie below a CID, and not below another.
        ["Filecoin.ChainStatObj"]
        (cid: CidParam, base: Option<CidParam>) -> "ObjStat" = compute stat_object;

        /// Stores a block of bytes under the CID of DAG-CBOR.
        ["Filecoin.ChainPutObj"]
        (block: Base64) -> "null" [Admin] = compute put_object;
    ]
}

/// A block that must be there.
pub(crate) fn object(call: &Call, cid: &Cid) -> Result<Vec<u8>, RpcError> {
    call.node
        .chain
        .read_block(cid)?
        .ok_or_else(|| RpcError::failure(format!("blockstore: block not found: {cid}")))
}

/// Most blocks that one look below a CID takes in.
const MOST_BLOCKS: usize = 1 << 20;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ObjStat {
    size: u64,
    links: u64,
}

/// Everything below a CID, itself included, that the store has.
fn walk(
    call: &Call,
    root: &Cid,
    mut seen: HashSet<Cid>,
) -> Result<(ObjStat, HashSet<Cid>), RpcError> {
    let mut stat = ObjStat { size: 0, links: 0 };
    let mut open = vec![*root];
    while let Some(cid) = open.pop() {
        if !seen.insert(cid) {
            continue;
        }
        if seen.len() > MOST_BLOCKS {
            return Err(RpcError::failure(format!(
                "more than {MOST_BLOCKS} blocks lie below {root}"
            )));
        }
        let Some(block) = call.node.chain.read_block(&cid)? else {
            continue;
        };
        stat.size += block.len() as u64;
        if cid.codec() == DAG_CBOR {
            let links = <DagCborCodec as ipld_core::codec::Links>::links(&block)
                .map_err(|error| RpcError::failure(format!("block {cid}: {error}")))?;
            for link in links {
                stat.links += 1;
                open.push(link);
            }
        }
    }
    Ok((stat, seen))
}

fn stat_object(call: &Call, cid: CidParam, base: Option<CidParam>) -> Result<ObjStat, RpcError> {
    object(call, &cid.0)?;
    let known = match base {
        None => HashSet::new(),
        Some(base) => walk(call, &base.0, HashSet::new())?.1,
    };
    Ok(walk(call, &cid.0, known)?.0)
}

fn put_object(call: &Call, block: Base64) -> Result<(), RpcError> {
    let cid = Cid::new_v1(DAG_CBOR, Code::Blake2b256.digest(&block.0));
    call.node
        .chain
        .store()
        .put_keyed(&cid, &block.0)
        .map_err(|error| RpcError::failure(format!("block store: {error:#}")))
}

fn read_object(call: &Call, cid: CidParam) -> Result<BlobJson, RpcError> {
    Ok(object(call, &cid.0)?.into())
}

fn has_object(call: &Call, cid: CidParam) -> Result<bool, RpcError> {
    Ok(call.node.chain.read_block(&cid.0)?.is_some())
}
