//! Proof blocks: vanilla proofs as raw blocks of the chain's block store.

use anyhow::Result;
use cid::Cid;
use cid::multihash::Multihash;
use fvm_ipld_blockstore::Blockstore;

/// Codec of raw bytes.
const RAW: u64 = 0x55;
/// Multihash code of BLAKE2b-256.
const BLAKE2B_256: u64 = 0xb220;

/// A block that has to be in the store before the message that names it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofBlock {
    /// CIDv1, raw, BLAKE2b-256 of the data.
    pub cid: Cid,
    /// The bytes.
    pub data: Vec<u8>,
}

impl ProofBlock {
    /// Names the bytes.
    pub fn new(data: Vec<u8>) -> Self {
        Self {
            cid: raw_cid(&digest(&data)),
            data,
        }
    }
}

/// Where a verifier looks for proof blocks. Every block store is one.
pub trait ProofBlocks {
    /// The block, or `None` when this store does not have it.
    ///
    /// # Errors
    /// When the store cannot tell.
    fn proof_block(&self, cid: &Cid) -> Result<Option<Vec<u8>>>;
}

impl<S: Blockstore> ProofBlocks for S {
    fn proof_block(&self, cid: &Cid) -> Result<Option<Vec<u8>>> {
        self.get(cid)
    }
}

/// BLAKE2b-256.
pub(crate) fn digest(data: &[u8]) -> [u8; 32] {
    let hash = blake2b_simd::Params::new().hash_length(32).hash(data);
    hash.as_bytes()
        .try_into()
        .expect("a hash of 32 bytes was asked for")
}

/// The CID of a raw block from its digest.
pub(crate) fn raw_cid(digest: &[u8; 32]) -> Cid {
    let hash = Multihash::wrap(BLAKE2B_256, digest).expect("32 bytes fit into a multihash");
    Cid::new_v1(RAW, hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fvm_ipld_blockstore::{Block, MemoryBlockstore};
    use multihash_codetable::Code;

    #[test]
    fn a_block_is_named_as_block_stores_name_it() {
        let store = MemoryBlockstore::default();
        let block = ProofBlock::new(b"proof".to_vec());
        let cid = store
            .put(Code::Blake2b256, &Block::new(RAW, block.data.as_slice()))
            .unwrap();
        assert_eq!(block.cid, cid);
        assert_eq!(store.proof_block(&cid).unwrap(), Some(block.data));
    }
}
