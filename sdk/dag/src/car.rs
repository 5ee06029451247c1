//! What is in a CAR, and how one is written.
//!
//! A CAR is a header (CBOR: root CIDs, version 1) and then blocks, each as the length
//! of the rest, its CID, its bytes. Of a CAR of version 2 the CAR of version 1 inside
//! is read. Zeros after the last block, as in a piece, end it.

use std::collections::HashMap;
use std::io::{self, Write};

use bytes::Bytes;
use cid::Cid;
use cid::multihash::Multihash;
use serde::{Deserialize, Serialize};
use unsigned_varint::{decode, encode};

use crate::block::{Block, BlockSource, MAX_BLOCK};
use crate::error::DagError;

/// The longest header that is read, in bytes.
const MAX_HEADER: u64 = 1 << 20;
/// The longest CID that is read, in bytes.
const MAX_CID: u64 = 256;
/// A header of version 2 without roots, with its length: how version 2 starts.
const VERSION_2: [u8; 11] = [
    0x0a, 0xa1, 0x67, b'v', b'e', b'r', b's', b'i', b'o', b'n', 0x02,
];
/// Bytes of the header that follows in version 2.
const VERSION_2_HEADER: usize = 40;

/// Why something is no CAR.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarError {
    /// The header is none.
    #[error("this is no CAR: {0}")]
    Header(String),
    /// The version is not known.
    #[error("a CAR of version {0}; 1 and 2 are known")]
    Version(u64),
    /// A block is none.
    #[error("the CAR is damaged at byte {offset}: {reason}")]
    Block {
        /// Where it starts, in bytes from the start of the CAR.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Header {
    #[serde(default)]
    roots: Vec<Cid>,
    version: u64,
}

/// Writes a CAR of version 1; gives its length in bytes.
///
/// # Errors
/// When writing fails.
pub fn write<'a>(
    mut out: impl Write,
    roots: &[Cid],
    blocks: impl IntoIterator<Item = &'a Block>,
) -> io::Result<u64> {
    let header = Header {
        roots: roots.to_vec(),
        version: 1,
    };
    let header = serde_ipld_dagcbor::to_vec(&header).map_err(io::Error::other)?;
    let mut buffer = encode::u64_buffer();
    let length = encode::u64(header.len() as u64, &mut buffer);
    out.write_all(length)?;
    out.write_all(&header)?;
    let mut written = (length.len() + header.len()) as u64;
    for block in blocks {
        let cid = block.cid.to_bytes();
        let mut buffer = encode::u64_buffer();
        let length = encode::u64((cid.len() + block.data.len()) as u64, &mut buffer);
        out.write_all(length)?;
        out.write_all(&cid)?;
        out.write_all(&block.data)?;
        written += (length.len() + cid.len() + block.data.len()) as u64;
    }
    out.flush()?;
    Ok(written)
}

/// The same in memory.
pub fn to_vec<'a>(roots: &[Cid], blocks: impl IntoIterator<Item = &'a Block>) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, roots, blocks).expect("memory takes what is written");
    out
}

/// Where a block lies in a CAR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub cid: Cid,
    /// Where its bytes start, from the start of the CAR.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
}

/// Goes through a CAR, block by block.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    roots: Vec<Cid>,
    rest: &'a [u8],
    /// Where `rest` starts.
    offset: u64,
    failed: bool,
}

impl<'a> Reader<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`CarError::Header`] and [`CarError::Version`].
    pub fn new(car: &'a [u8]) -> Result<Self, CarError> {
        let (start, inner) = version_1_of(car)?;
        let bad = |reason: &str| CarError::Header(reason.into());
        let (length, after) =
            decode::u64(inner).map_err(|_| bad("it starts with no length of a header"))?;
        if length == 0 || length > MAX_HEADER {
            return Err(bad("no header has such a length"));
        }
        let (header, rest) = after
            .split_at_checked(length as usize)
            .ok_or_else(|| bad("it ends within its header"))?;
        let header: Header = serde_ipld_dagcbor::from_slice(header)
            .map_err(|error| CarError::Header(error.to_string()))?;
        if header.version != 1 {
            return Err(CarError::Version(header.version));
        }
        Ok(Self {
            roots: header.roots,
            rest,
            offset: start + (inner.len() - rest.len()) as u64,
            failed: false,
        })
    }

    /// The CIDs that the header names.
    pub fn roots(&self) -> &[Cid] {
        &self.roots
    }

    fn block(&mut self) -> Result<(Entry, &'a [u8]), String> {
        let (length, after) = decode::u64(self.rest).map_err(|_| "no length of a block")?;
        if length > MAX_BLOCK as u64 + MAX_CID {
            return Err(format!("a block of {length} bytes is longer than any"));
        }
        let (block, rest) = after
            .split_at_checked(length as usize)
            .ok_or("the block is cut off")?;
        let mut data = block;
        let cid = Cid::read_bytes(&mut data).map_err(|error| format!("a CID: {error}"))?;
        let entry = Entry {
            cid,
            offset: self.offset + (self.rest.len() - rest.len() - data.len()) as u64,
            length: data.len() as u64,
        };
        self.offset += (self.rest.len() - rest.len()) as u64;
        self.rest = rest;
        Ok((entry, data))
    }
}

/// Blocks in the order in which they lie; their CIDs are not checked. An error is the
/// last item.
impl<'a> Iterator for Reader<'a> {
    type Item = Result<(Entry, &'a [u8]), CarError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || matches!(self.rest.first(), None | Some(0)) {
            return None;
        }
        let offset = self.offset;
        let item = self
            .block()
            .map_err(|reason| CarError::Block { offset, reason });
        self.failed = item.is_err();
        Some(item)
    }
}

/// Where the CAR of version 1 starts, and its bytes.
fn version_1_of(car: &[u8]) -> Result<(u64, &[u8]), CarError> {
    let Some(rest) = car.strip_prefix(&VERSION_2) else {
        return Ok((0, car));
    };
    let bad = || CarError::Header("its header of version 2 leads outside of it".into());
    let header = rest.get(..VERSION_2_HEADER).ok_or_else(bad)?;
    let number = |at: usize| {
        let bytes = header.get(at..at + 8)?.try_into().ok()?;
        Some(u64::from_le_bytes(bytes))
    };
    // Characteristics (16 bytes), start, length, start of an index.
    let start = number(16).ok_or_else(bad)?;
    let length = number(24).ok_or_else(bad)?;
    let end = start.checked_add(length).ok_or_else(bad)?;
    let inner = usize::try_from(start)
        .ok()
        .zip(usize::try_from(end).ok())
        .and_then(|(start, end)| car.get(start..end))
        .ok_or_else(bad)?;
    if inner.starts_with(&VERSION_2) {
        return Err(CarError::Header(
            "version 2 holds version 1, not itself".into(),
        ));
    }
    Ok((start, inner))
}

/// The blocks of a CAR by their CIDs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// The CIDs that the header names.
    pub roots: Vec<Cid>,
    /// The blocks in the order in which they lie.
    pub entries: Vec<Entry>,
}

impl Index {
    /// Goes through a whole CAR. CIDs are not checked.
    ///
    /// # Errors
    /// [`CarError`].
    pub fn new(car: &[u8]) -> Result<Self, CarError> {
        let mut reader = Reader::new(car)?;
        let entries = reader
            .by_ref()
            .map(|item| item.map(|(entry, _)| entry))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            roots: reader.roots,
            entries,
        })
    }
}

/// A CAR in memory as a source of blocks.
#[derive(Debug, Clone)]
pub struct Store {
    car: Bytes,
    roots: Vec<Cid>,
    /// Hash → offset and length. The rest of a CID says how to read a block, not which
    /// it is.
    places: HashMap<Multihash<64>, (usize, usize)>,
}

impl Store {
    /// Goes through a whole CAR.
    ///
    /// # Errors
    /// [`CarError`].
    pub fn new(car: impl Into<Bytes>) -> Result<Self, CarError> {
        let car = car.into();
        let index = Index::new(&car)?;
        Ok(Self {
            car,
            roots: index.roots,
            places: index
                .entries
                .iter()
                .map(|entry| {
                    (
                        *entry.cid.hash(),
                        (entry.offset as usize, entry.length as usize),
                    )
                })
                .collect(),
        })
    }

    /// The CIDs that the header names.
    pub fn roots(&self) -> &[Cid] {
        &self.roots
    }
}

impl BlockSource for Store {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DagError> {
        let place = self.places.get(cid.hash());
        Ok(place.map(|(offset, length)| self.car.slice(*offset..offset + length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::RAW;
    use proptest::prelude::*;

    fn blocks() -> Vec<Block> {
        [&b"mars"[..], b"", b"venus"]
            .map(|data| Block::new(RAW, data))
            .to_vec()
    }

    #[test]
    fn what_was_written_is_found_again() {
        let blocks = blocks();
        let car = to_vec(&[blocks[0].cid], &blocks);
        let index = Index::new(&car).unwrap();
        assert_eq!(index.roots, [blocks[0].cid]);
        for (entry, block) in index.entries.iter().zip(&blocks) {
            assert_eq!(entry.cid, block.cid);
            let place = entry.offset as usize..(entry.offset + entry.length) as usize;
            assert_eq!(car[place], block.data[..]);
        }
        assert_eq!(index.entries.len(), 3);
    }

    /// The header of every CAR with one root of 36 bytes.
    #[test]
    fn the_header_is_the_customary_one() {
        let blocks = blocks();
        let car = to_vec(&[blocks[0].cid], []);
        assert_eq!(car.len(), 59);
        assert_eq!(
            &car[..18],
            b"\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\x00\x01\x55\x12\x20"
        );
        assert_eq!(&car[50..], b"\x67version\x01");
    }

    #[test]
    fn zeros_end_a_car_as_in_a_piece() {
        let blocks = blocks();
        let mut car = to_vec(&[blocks[0].cid], &blocks);
        let index = Index::new(&car).unwrap();
        car.resize(2_032, 0);
        assert_eq!(Index::new(&car).unwrap(), index);
    }

    #[test]
    fn version_2_holds_version_1() {
        let blocks = blocks();
        let inner = to_vec(&[blocks[0].cid], &blocks);
        let mut car = VERSION_2.to_vec();
        car.extend([0; 16]);
        for number in [51, inner.len() as u64, 0] {
            car.extend(number.to_le_bytes());
        }
        car.extend(&inner);
        car.extend(b"an index");
        let store = Store::new(car.clone()).unwrap();
        for block in &blocks {
            assert_eq!(store.find(&block.cid).unwrap().unwrap(), block.data);
        }
        for (at, value) in [(27, u64::MAX), (35, u64::MAX), (35, 1 << 20)] {
            let mut bad = car.clone();
            bad[at..at + 8].copy_from_slice(&value.to_le_bytes());
            assert!(
                matches!(Index::new(&bad), Err(CarError::Header(_))),
                "{at} {value}"
            );
        }
        assert!(Index::new(&car[..40]).is_err());
    }

    #[test]
    fn a_car_that_is_cut_off_is_refused_or_ends_between_blocks() {
        let blocks = blocks();
        let car = to_vec(&[blocks[0].cid], &blocks);
        let whole = Index::new(&car).unwrap().entries.len();
        let mut fewer = 0;
        for end in 0..car.len() {
            match Index::new(&car[..end]) {
                Ok(index) => {
                    assert!(index.entries.len() < whole);
                    fewer += 1;
                }
                Err(CarError::Block { offset, .. }) => assert!(offset <= end as u64),
                Err(CarError::Header(_)) => assert!(end < 59),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(fewer, whole);
    }

    #[test]
    fn lengths_beyond_reason_are_refused() {
        let mut car = to_vec(&[], []);
        let mut buffer = encode::u64_buffer();
        car.extend_from_slice(encode::u64(u64::MAX, &mut buffer));
        assert!(matches!(Index::new(&car), Err(CarError::Block { .. })));
        assert!(matches!(
            Index::new(encode::u64(u64::MAX, &mut buffer)),
            Err(CarError::Header(_))
        ));
        let header = serde_ipld_dagcbor::to_vec(&Header {
            roots: Vec::new(),
            version: 3,
        })
        .unwrap();
        let mut car = vec![header.len() as u8];
        car.extend(header);
        assert_eq!(Index::new(&car), Err(CarError::Version(3)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, start in prop::sample::select(vec![0, 11, 59])) {
            let good = to_vec(&[blocks()[0].cid], &blocks());
            let mut car = if start == 11 { VERSION_2.to_vec() } else { good[..start].to_vec() };
            car.extend(bytes);
            let _ = Store::new(car);
        }

        #[test]
        fn a_changed_byte_does_no_harm(at in 0..150usize, value: u8) {
            let mut car = to_vec(&[blocks()[0].cid], &blocks());
            let at = at % car.len();
            car[at] = value;
            if let Ok(store) = Store::new(car) {
                for hash in store.places.keys() {
                    for codec in [RAW, crate::block::DAG_PB] {
                        let _ = crate::export(&store, &Cid::new_v1(codec, *hash), 1 << 20);
                    }
                }
            }
        }

        #[test]
        fn any_blocks_come_back(contents in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let blocks: Vec<Block> = contents.into_iter().map(|data| Block::new(RAW, data)).collect();
            let store = Store::new(to_vec(&[], &blocks)).unwrap();
            for block in blocks {
                prop_assert_eq!(store.find(&block.cid).unwrap(), Some(block.data));
            }
        }
    }
}
