//! Blocks, where they come from, and whether they are what they say.

use bytes::Bytes;
use cid::Cid;
use multihash_codetable::{Code, MultihashDigest};

use crate::error::DagError;

/// Codec of bytes that are just bytes.
pub const RAW: u64 = 0x55;
/// Codec of UnixFS nodes.
pub const DAG_PB: u64 = 0x70;
/// Codec of CBOR with links.
pub const DAG_CBOR: u64 = 0x71;
/// The largest block that is read, in bytes. IPFS exchanges blocks of 2 MiB at most.
pub const MAX_BLOCK: usize = 8 << 20;

/// "Hash function" of CIDs that hold their block themselves.
const IDENTITY: u64 = 0;

/// A block and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its name.
    pub cid: Cid,
    /// Its bytes.
    pub data: Bytes,
}

impl Block {
    /// Names bytes of a codec by their SHA-256.
    pub fn new(codec: u64, data: impl Into<Bytes>) -> Self {
        let data = data.into();
        let cid = Cid::new_v1(codec, Code::Sha2_256.digest(&data));
        Self { cid, data }
    }
}

/// Where blocks come from. What it delivers is checked by whoever asks.
pub trait BlockSource {
    /// The bytes of a block; `None` when it is not there.
    ///
    /// # Errors
    /// [`DagError::Source`] when it may be there but cannot be read.
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DagError>;
}

impl<S: BlockSource + ?Sized> BlockSource for &S {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DagError> {
        (**self).find(cid)
    }
}

/// Whether bytes are those of a CID.
///
/// # Errors
/// [`DagError::WrongBytes`], or [`DagError::UnknownHash`] when nobody can say.
pub fn verify(cid: &Cid, data: &[u8]) -> Result<(), DagError> {
    let hash = cid.hash();
    let same = match hash.code() {
        IDENTITY => hash.digest() == data,
        code => {
            let function =
                Code::try_from(code).map_err(|_| DagError::UnknownHash { cid: *cid, code })?;
            function.digest(data) == *hash
        }
    };
    match same {
        true => Ok(()),
        false => Err(DagError::WrongBytes(*cid)),
    }
}

/// A block, checked against its CID. A CID that holds its block needs no source.
///
/// # Errors
/// [`DagError`]: missing, wrong, too large.
pub fn load(source: &impl BlockSource, cid: &Cid) -> Result<Bytes, DagError> {
    if cid.hash().code() == IDENTITY {
        return Ok(Bytes::copy_from_slice(cid.hash().digest()));
    }
    let data = source.find(cid)?.ok_or(DagError::Missing(*cid))?;
    if data.len() > MAX_BLOCK {
        return Err(DagError::TooLarge {
            cid: *cid,
            limit: MAX_BLOCK as u64,
        });
    }
    verify(cid, &data)?;
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Says(&'static [u8]);

    impl BlockSource for Says {
        fn find(&self, _: &Cid) -> Result<Option<Bytes>, DagError> {
            Ok(Some(Bytes::from_static(self.0)))
        }
    }

    #[test]
    fn a_source_that_lies_is_caught() {
        let block = Block::new(RAW, &b"mars"[..]);
        assert_eq!(load(&Says(b"mars"), &block.cid).unwrap(), block.data);
        assert_eq!(
            load(&Says(b"venus"), &block.cid),
            Err(DagError::WrongBytes(block.cid))
        );
    }

    #[test]
    fn other_hash_functions_are_known_and_unknown_ones_refused() {
        for code in [Code::Sha2_512, Code::Blake2b256, Code::Sha3_256] {
            let cid = Cid::new_v1(RAW, code.digest(b"mars"));
            verify(&cid, b"mars").unwrap();
            assert!(verify(&cid, b"venus").is_err());
        }
        let odd = cid::multihash::Multihash::<64>::wrap(0x1234, &[1; 32]).unwrap();
        let cid = Cid::new_v1(RAW, odd);
        assert!(matches!(
            verify(&cid, b"mars"),
            Err(DagError::UnknownHash { code: 0x1234, .. })
        ));
    }

    #[test]
    fn a_cid_may_hold_its_block() {
        let held = cid::multihash::Multihash::<64>::wrap(0, b"mars").unwrap();
        let cid = Cid::new_v1(RAW, held);
        assert_eq!(load(&Says(b"venus"), &cid).unwrap(), &b"mars"[..]);
    }

    /// `printf 'hello world' | ipfs add --cid-version=1`.
    #[test]
    fn a_block_is_named_as_ipfs_names_it() {
        assert_eq!(
            Block::new(RAW, &b"hello world"[..]).cid.to_string(),
            "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
        );
    }
}
