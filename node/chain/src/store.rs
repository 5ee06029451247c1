//! CIDs of our own blocks, and stores on top of stores.

use alloy::primitives::B256;
use cid::Cid;
use fvm_ipld_encoding::DAG_CBOR;
use multihash_codetable::{Code, MultihashDigest};

/// CID of a DAG-CBOR block: version 1, BLAKE2b-256.
pub(crate) fn block_cid(block: &[u8]) -> Cid {
    Cid::new_v1(DAG_CBOR, Code::Blake2b256.digest(block))
}

/// The digest of a CID, if it has 32 bytes.
pub fn digest_of(cid: &Cid) -> Option<B256> {
    B256::try_from(cid.hash().digest()).ok()
}

/// The CID of a DAG-CBOR block with this BLAKE2b-256 digest.
pub fn cid_of(digest: &B256) -> Cid {
    let hash = multihash_codetable::Multihash::wrap(u64::from(Code::Blake2b256), digest.as_slice())
        .expect("a multihash has room for 32 bytes");
    Cid::new_v1(DAG_CBOR, hash)
}
