//! Which blocks a block links to.
//!
//! An actor may open a block only if it has come across a link to it, and may only
//! store links that it could follow. Both rest on this scan, which accepts and
//! refuses what the FVM's does (FVM 4.8, `ipld`).

use cid::Cid;
use fvm_ipld_encoding::{CBOR, DAG_CBOR, IPLD_RAW};
use fvm_shared::IDENTITY_HASH;
use fvm_shared::commcid::{FIL_COMMITMENT_SEALED, FIL_COMMITMENT_UNSEALED};
use fvm_shared::error::ErrorNumber;

/// BLAKE2b-256, the only hash of blocks in the state.
pub(super) const BLAKE2B_256: u64 = 0xb220;

/// Links of a block in order, repetitions included. Commitments to pieces and
/// sectors are no links; a block inside an identity CID counts with its own links.
///
/// # Errors
/// `IllegalCodec` unless the block is raw, CBOR (whose links are opaque) or
/// DAG-CBOR, `Serialization` when it is malformed, `NotFound` for a link that no
/// block can have.
pub(super) fn links(codec: u64, data: &[u8]) -> Result<Vec<Cid>, ErrorNumber> {
    let mut found = Vec::new();
    collect(codec, data, &mut found)?;
    Ok(found)
}

fn collect(codec: u64, data: &[u8], found: &mut Vec<Cid>) -> Result<(), ErrorNumber> {
    match codec {
        IPLD_RAW | CBOR => Ok(()),
        DAG_CBOR => scan(data, found),
        _ => Err(ErrorNumber::IllegalCodec),
    }
}

fn scan(data: &[u8], found: &mut Vec<Cid>) -> Result<(), ErrorNumber> {
    let mut input = Input(data);
    // Values still to come; a loop, so that nesting costs no stack.
    let mut pending: u64 = 1;
    while pending > 0 {
        pending -= 1;
        let (major, argument) = input.head()?;
        let more = match major {
            UNSIGNED | NEGATIVE | SIMPLE => 0,
            BYTES | TEXT => {
                input.take(argument)?;
                0
            }
            ARRAY => argument,
            MAP => argument.checked_mul(2).ok_or(ErrorNumber::Serialization)?,
            _ if argument == CID_TAG => {
                visit(&input.cid()?, found)?;
                0
            }
            _ => 1,
        };
        pending = pending
            .checked_add(more)
            .ok_or(ErrorNumber::Serialization)?;
    }
    if input.0.is_empty() {
        Ok(())
    } else {
        Err(ErrorNumber::Serialization)
    }
}

fn visit(cid: &Cid, found: &mut Vec<Cid>) -> Result<(), ErrorNumber> {
    let (codec, hash) = (cid.codec(), cid.hash());
    if [FIL_COMMITMENT_UNSEALED, FIL_COMMITMENT_SEALED].contains(&codec) {
        return Ok(());
    }
    if ![IPLD_RAW, CBOR, DAG_CBOR].contains(&codec) {
        return Err(ErrorNumber::NotFound);
    }
    if hash.code() == IDENTITY_HASH {
        // At most 64 bytes of digest: it cannot nest deep.
        return collect(codec, hash.digest(), found);
    }
    if hash.code() != BLAKE2B_256 || hash.size() != 32 {
        return Err(ErrorNumber::NotFound);
    }
    found.push(*cid);
    Ok(())
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const SIMPLE: u8 = 7;
const CID_TAG: u64 = 42;

/// What is left of the block.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: u64) -> Result<&'a [u8], ErrorNumber> {
        let len = usize::try_from(len).map_err(|_| ErrorNumber::Serialization)?;
        let (taken, rest) = self
            .0
            .split_at_checked(len)
            .ok_or(ErrorNumber::Serialization)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Major type and argument of the next item.
    fn head(&mut self) -> Result<(u8, u64), ErrorNumber> {
        let first = self.take(1)?[0];
        let argument = match first & 0x1f {
            small @ 0..=23 => u64::from(small),
            width @ 24..=27 => self
                .take(1 << (width - 24))?
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte)),
            _ => return Err(ErrorNumber::Serialization),
        };
        Ok((first >> 5, argument))
    }

    /// What stands behind a CID tag.
    fn cid(&mut self) -> Result<Cid, ErrorNumber> {
        let (BYTES, len) = self.head()? else {
            return Err(ErrorNumber::Serialization);
        };
        match self.take(len)?.split_first() {
            Some((0, cid)) => Cid::try_from(cid).map_err(|_| ErrorNumber::Serialization),
            _ => Err(ErrorNumber::Serialization),
        }
    }
}

#[cfg(test)]
mod tests {
    use cid::multihash::Multihash;
    use multihash_codetable::{Code, MultihashDigest as _};

    use super::*;

    fn block(text: &str) -> Cid {
        Cid::new_v1(DAG_CBOR, Code::Blake2b256.digest(text.as_bytes()))
    }

    fn encoded(value: &impl serde::Serialize) -> Vec<u8> {
        fvm_ipld_encoding::to_vec(value).unwrap()
    }

    #[test]
    fn links_come_in_order_from_any_depth() {
        let (a, b) = (block("a"), block("b"));
        let data = encoded(&(1_u64 << 40, -5, "text", [Some(b), None], (a, [b])));
        assert_eq!(links(DAG_CBOR, &data), Ok(vec![b, a, b]));
        assert_eq!(links(CBOR, &data), Ok(vec![]));
        assert_eq!(links(IPLD_RAW, &[1, 2, 3]), Ok(vec![]));
    }

    #[test]
    fn commitments_are_no_links_and_inline_blocks_are_looked_into() {
        let piece = Cid::new_v1(
            FIL_COMMITMENT_UNSEALED,
            Multihash::wrap(0x1012, &[7; 32]).unwrap(),
        );
        let inner = encoded(&(block("a"),));
        let inline = Cid::new_v1(DAG_CBOR, Multihash::wrap(IDENTITY_HASH, &inner).unwrap());
        let data = encoded(&(piece, inline));
        assert_eq!(links(DAG_CBOR, &data), Ok(vec![block("a")]));
    }

    #[test]
    fn links_that_no_block_can_have_are_refused() {
        let sha = Cid::new_v1(DAG_CBOR, Code::Sha2_256.digest(b""));
        let json = Cid::new_v1(0x0129, Code::Blake2b256.digest(b""));
        for cid in [sha, json] {
            assert_eq!(
                links(DAG_CBOR, &encoded(&(cid,))),
                Err(ErrorNumber::NotFound)
            );
        }
        assert_eq!(links(0x0129, b"{}"), Err(ErrorNumber::IllegalCodec));
    }

    #[test]
    fn malformed_blocks_are_refused() {
        let cid_without_zero = [&[0xd8, 42, 0x43, 1, 2, 3][..]].concat();
        let cases: [&[u8]; 9] = [
            &[],
            &[0x82, 0x01],
            &[0x01, 0x01],
            &[0x9f, 0xff],
            &[0x42, 0x01],
            &[0x1b, 0, 0],
            &[0xd8, 42, 0x01],
            &[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &cid_without_zero,
        ];
        for data in cases {
            assert_eq!(
                links(DAG_CBOR, data),
                Err(ErrorNumber::Serialization),
                "{data:x?}"
            );
        }
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let mut data = vec![0x81; 1 << 20];
        data.push(0x80);
        assert_eq!(links(DAG_CBOR, &data), Ok(vec![]));
    }
}
