//! How a HAMT or AMT from anybody is walked safely.
//!
//! An actor's author says that a link leads to a map or an array; its state may
//! say otherwise. The published readers are made for trees of one's own making
//! and give up the process on some broken ones, so these walk the layouts of
//! spec 00 §5 themselves: read-only, with a limit on blocks, in the order of the
//! protocol, starting anywhere.

use std::ops::ControlFlow;

use cid::Cid;
use minicbor::data::Type;
use minicbor::decode::{Decoder, Error as CborError};
use multihash_codetable::{Code, MultihashDigest};

use crate::decode::{CID_TAG, cid_of};

/// Widest nodes that are walked; the protocol's are at most 8 bits wide.
const MAX_BIT_WIDTH: u32 = 16;

/// Why a tree cannot be walked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The store has no such block.
    #[error("block {0} is missing")]
    Missing(Box<Cid>),
    /// The store failed.
    #[error("block {cid} cannot be read: {reason}")]
    Fetch {
        /// The block.
        cid: Box<Cid>,
        /// The store's words.
        reason: String,
    },
    /// The limit was reached.
    #[error("more than {0} blocks would have to be read; name a part of the state")]
    TooManyBlocks(usize),
    /// The block is not a node of such a tree.
    #[error("block {cid} is no node of {kind}: {reason}")]
    Malformed {
        /// The block.
        cid: Box<Cid>,
        /// Of what.
        kind: &'static str,
        /// Why not.
        reason: String,
    },
}

/// Where blocks come from.
pub type Fetch<'a> = dyn FnMut(&Cid) -> Result<Option<Vec<u8>>, String> + 'a;

/// Takes an entry of a map: its key, and its value as an encoded CBOR item.
pub type VisitEntry<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Takes an entry of an array: its index, and its value as an encoded CBOR item.
pub type VisitIndex<'a> = dyn FnMut(u64, &[u8]) -> ControlFlow<()> + 'a;

/// A source of blocks that serves a limited number of them.
pub struct Blocks<'a> {
    fetch: Box<Fetch<'a>>,
    limit: usize,
    left: usize,
}

impl<'a> Blocks<'a> {
    /// Serves `limit` blocks from `fetch`, which gives `None` for one that it
    /// does not have.
    pub fn new(
        fetch: impl FnMut(&Cid) -> Result<Option<Vec<u8>>, String> + 'a,
        limit: usize,
    ) -> Self {
        Self {
            fetch: Box::new(fetch),
            limit,
            left: limit,
        }
    }

    /// A block.
    ///
    /// # Errors
    /// It is missing, cannot be read, or is one too many.
    pub fn get(&mut self, cid: &Cid) -> Result<Vec<u8>, TreeError> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(TreeError::TooManyBlocks(self.limit))?;
        (self.fetch)(cid)
            .map_err(|reason| TreeError::Fetch {
                cid: Box::new(*cid),
                reason,
            })?
            .ok_or(TreeError::Missing(Box::new(*cid)))
    }
}

/// Visits the entries of a map in its own order (by hash), from `start` on (the
/// place where that key is or would be) until `visit` breaks off. Values are
/// encoded CBOR items.
///
/// # Errors
/// A block that is missing or no node.
pub fn walk_map(
    blocks: &mut Blocks<'_>,
    root: &Cid,
    bit_width: u32,
    start: Option<&[u8]>,
    visit: &mut VisitEntry<'_>,
) -> Result<(), TreeError> {
    let start = start.map(|key| (key, slots(key, bit_width)));
    let walk = MapWalk { bit_width };
    let start = start.as_ref().map(|(key, slots)| (*key, slots.as_slice()));
    walk.node(blocks, root, 0, start, visit).map(|_| ())
}

/// The value of a key, as an encoded CBOR item.
///
/// # Errors
/// A block that is missing or no node.
pub fn get_in_map(
    blocks: &mut Blocks<'_>,
    root: &Cid,
    bit_width: u32,
    key: &[u8],
) -> Result<Option<Vec<u8>>, TreeError> {
    let mut cid = *root;
    for slot in slots(key, bit_width) {
        let block = blocks.get(&cid)?;
        let node = map_node(&cid, &block, bit_width)?;
        match node.into_iter().find(|(at, _)| *at == slot) {
            None => return Ok(None),
            Some((_, Pointer::Link(child))) => cid = child,
            Some((_, Pointer::Bucket(entries))) => {
                return Ok(entries
                    .into_iter()
                    .find(|(found, _)| *found == key)
                    .map(|(_, value)| value.to_vec()));
            }
        }
    }
    Err(TreeError::Malformed {
        cid: Box::new(cid),
        kind: "a map",
        reason: "deeper than a hash is long".into(),
    })
}

struct MapWalk {
    bit_width: u32,
}

impl MapWalk {
    fn node(
        &self,
        blocks: &mut Blocks<'_>,
        cid: &Cid,
        depth: usize,
        start: Option<(&[u8], &[usize])>,
        visit: &mut VisitEntry<'_>,
    ) -> Result<ControlFlow<()>, TreeError> {
        if depth > slot_count(self.bit_width) {
            return Err(TreeError::Malformed {
                cid: Box::new(*cid),
                kind: "a map",
                reason: "deeper than a hash is long".into(),
            });
        }
        let block = blocks.get(cid)?;
        let first = start.and_then(|(_, slots)| slots.get(depth).copied());
        for (slot, pointer) in map_node(cid, &block, self.bit_width)? {
            // Only along the path of the first key are there entries to leave out.
            let start = match first {
                Some(first) if slot < first => continue,
                Some(first) if slot == first => start,
                _ => None,
            };
            match pointer {
                Pointer::Link(child) => {
                    if self
                        .node(blocks, &child, depth + 1, start, visit)?
                        .is_break()
                    {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Pointer::Bucket(entries) => {
                    for (key, value) in entries {
                        let before = start.is_some_and(|(first, _)| key < first);
                        if !before && visit(key, value).is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The slots on the way to a key, one per level.
fn slots(key: &[u8], bit_width: u32) -> Vec<usize> {
    let digest = Code::Sha2_256.digest(key);
    let hash = digest.digest();
    // Nodes of any other width are refused when they are read.
    let bit_width = bit_width.clamp(1, MAX_BIT_WIDTH) as usize;
    (0..256 / bit_width)
        .map(|level| {
            (0..bit_width).fold(0, |slot, bit| {
                let position = level * bit_width + bit;
                let set = hash[position / 8] >> (7 - position % 8) & 1;
                slot << 1 | usize::from(set)
            })
        })
        .collect()
}

/// How many levels a map has at most.
fn slot_count(bit_width: u32) -> usize {
    256 / bit_width.clamp(1, MAX_BIT_WIDTH) as usize
}

enum Pointer<'b> {
    Link(Cid),
    Bucket(Vec<(&'b [u8], &'b [u8])>),
}

/// The occupied slots of a map's node.
fn map_node<'b>(
    cid: &Cid,
    block: &'b [u8],
    bit_width: u32,
) -> Result<Vec<(usize, Pointer<'b>)>, TreeError> {
    let parse = || -> Result<Vec<(usize, Pointer<'b>)>, CborError> {
        if !(1..=MAX_BIT_WIDTH).contains(&bit_width) {
            return Err(CborError::message("its bit width is out of range"));
        }
        let mut input = Decoder::new(block);
        expect_array(&mut input, 2)?;
        let bits = set_bits_big_endian(input.bytes()?);
        if bits.last().is_some_and(|slot| *slot >= 1 << bit_width) {
            return Err(CborError::message("a slot is out of range"));
        }
        expect_array(&mut input, bits.len() as u64)?;
        let mut pointers = Vec::new();
        for slot in bits {
            let pointer = match input.datatype()? {
                Type::Tag => Pointer::Link(link(&mut input)?),
                _ => {
                    let count = length(&mut input)?;
                    let mut entries = Vec::new();
                    for _ in 0..count {
                        expect_array(&mut input, 2)?;
                        entries.push((input.bytes()?, item(&mut input)?));
                    }
                    Pointer::Bucket(entries)
                }
            };
            pointers.push((slot, pointer));
        }
        Ok(pointers)
    };
    parse().map_err(|error| TreeError::Malformed {
        cid: Box::new(*cid),
        kind: "a map",
        reason: error.to_string(),
    })
}

/// Visits the entries of an array from index `start` on until `visit` breaks
/// off, and gives the number of entries that its root claims. Values are
/// encoded CBOR items.
///
/// # Errors
/// A block that is missing or no node.
pub fn walk_array(
    blocks: &mut Blocks<'_>,
    root: &Cid,
    start: u64,
    visit: &mut VisitIndex<'_>,
) -> Result<u64, TreeError> {
    let block = blocks.get(root)?;
    let (shape, count, node) = array_root(root, &block)?;
    let walk = ArrayWalk { shape, start };
    let _whether_all = walk.node(blocks, root, node, shape.height, 0, visit)?;
    Ok(count)
}

/// The value at an index, as an encoded CBOR item.
///
/// # Errors
/// A block that is missing or no node.
pub fn get_in_array(
    blocks: &mut Blocks<'_>,
    root: &Cid,
    index: u64,
) -> Result<Option<Vec<u8>>, TreeError> {
    let mut found = None;
    walk_array(blocks, root, index, &mut |at, value| {
        if at == index {
            found = Some(value.to_vec());
        }
        ControlFlow::Break(())
    })?;
    Ok(found)
}

#[derive(Clone, Copy)]
struct ArrayShape {
    bit_width: u32,
    height: u32,
}

impl ArrayShape {
    /// Indexes below one slot of a node at this height.
    fn span(self, height: u32) -> u128 {
        1u128 << (u64::from(self.bit_width) * u64::from(height)).min(64)
    }
}

struct ArrayWalk {
    shape: ArrayShape,
    start: u64,
}

impl ArrayWalk {
    fn node(
        &self,
        blocks: &mut Blocks<'_>,
        cid: &Cid,
        node: ArrayNode<'_>,
        height: u32,
        offset: u128,
        visit: &mut VisitIndex<'_>,
    ) -> Result<ControlFlow<()>, TreeError> {
        let malformed = |reason: &str| TreeError::Malformed {
            cid: Box::new(*cid),
            kind: "an array",
            reason: reason.into(),
        };
        let span = self.shape.span(height);
        match node {
            ArrayNode::Leaf(values) => {
                if height != 0 && !values.is_empty() {
                    return Err(malformed("values above the lowest level"));
                }
                for (slot, value) in values {
                    let index = u64::try_from(offset + slot as u128)
                        .map_err(|_| malformed("an index above 64 bits"))?;
                    if index >= self.start && visit(index, value).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            ArrayNode::Inner(links) => {
                if height == 0 {
                    return Err(malformed("links at the lowest level"));
                }
                for (slot, child) in links {
                    let offset = offset + slot as u128 * span;
                    if offset + span <= u128::from(self.start) {
                        continue;
                    }
                    let block = blocks.get(&child)?;
                    let node = array_node(&child, &mut Decoder::new(&block), self.shape.bit_width)?;
                    if self
                        .node(blocks, &child, node, height - 1, offset, visit)?
                        .is_break()
                    {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

enum ArrayNode<'b> {
    Inner(Vec<(usize, Cid)>),
    Leaf(Vec<(usize, &'b [u8])>),
}

fn array_root<'b>(
    cid: &Cid,
    block: &'b [u8],
) -> Result<(ArrayShape, u64, ArrayNode<'b>), TreeError> {
    let mut input = Decoder::new(block);
    let mut head = || -> Result<(ArrayShape, u64), CborError> {
        expect_array(&mut input, 4)?;
        let shape = ArrayShape {
            bit_width: input.u32()?,
            height: input.u32()?,
        };
        if !(1..=MAX_BIT_WIDTH).contains(&shape.bit_width) {
            return Err(CborError::message("its bit width is out of range"));
        }
        if u64::from(shape.bit_width) * u64::from(shape.height) > 64 {
            return Err(CborError::message("higher than 64 bits of index"));
        }
        Ok((shape, input.u64()?))
    };
    let (shape, count) = head().map_err(|error| TreeError::Malformed {
        cid: Box::new(*cid),
        kind: "an array",
        reason: error.to_string(),
    })?;
    let node = array_node(cid, &mut input, shape.bit_width)?;
    Ok((shape, count, node))
}

fn array_node<'b>(
    cid: &Cid,
    input: &mut Decoder<'b>,
    bit_width: u32,
) -> Result<ArrayNode<'b>, TreeError> {
    let mut parse = || -> Result<ArrayNode<'b>, CborError> {
        expect_array(input, 3)?;
        let bits = set_bits_little_endian(input.bytes()?);
        if bits.last().is_some_and(|slot| *slot >= 1 << bit_width) {
            return Err(CborError::message("a slot is out of range"));
        }
        let links = length(input)?;
        if links > 0 {
            if links != bits.len() as u64 {
                return Err(CborError::message("as many links as slots are occupied"));
            }
            let mut children = Vec::new();
            for slot in bits {
                children.push((slot, link(input)?));
            }
            expect_array(input, 0)?;
            return Ok(ArrayNode::Inner(children));
        }
        expect_array(input, bits.len() as u64)?;
        let mut values = Vec::new();
        for slot in bits {
            values.push((slot, item(input)?));
        }
        Ok(ArrayNode::Leaf(values))
    };
    parse().map_err(|error| TreeError::Malformed {
        cid: Box::new(*cid),
        kind: "an array",
        reason: error.to_string(),
    })
}

/// Set bits of a big-endian number in increasing order.
fn set_bits_big_endian(bytes: &[u8]) -> Vec<usize> {
    let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
    set_bits_little_endian(&reversed)
}

/// Set bits in increasing order, the lowest in the first byte.
fn set_bits_little_endian(bytes: &[u8]) -> Vec<usize> {
    let mut bits = Vec::new();
    for (position, byte) in bytes.iter().enumerate() {
        bits.extend(
            (0..8)
                .filter(|bit| byte >> bit & 1 == 1)
                .map(|bit| position * 8 + bit),
        );
    }
    bits
}

fn length(input: &mut Decoder<'_>) -> Result<u64, CborError> {
    input
        .array()?
        .ok_or_else(|| CborError::message("an array of indefinite length"))
}

fn expect_array(input: &mut Decoder<'_>, expected: u64) -> Result<(), CborError> {
    let found = length(input)?;
    if found != expected {
        return Err(CborError::message(format!(
            "an array of {expected} elements belongs here, not of {found}"
        )));
    }
    Ok(())
}

pub(crate) fn link(input: &mut Decoder<'_>) -> Result<Cid, CborError> {
    if input.tag()?.as_u64() != CID_TAG {
        return Err(CborError::message("a link has tag 42"));
    }
    cid_of(input.bytes()?).ok_or_else(|| CborError::message("not a CID"))
}

/// The bytes of the next item.
pub(crate) fn item<'b>(input: &mut Decoder<'b>) -> Result<&'b [u8], CborError> {
    if input.datatype()? == Type::Break {
        return Err(CborError::message("a break where an item belongs"));
    }
    let start = input.position();
    input.skip()?;
    input
        .input()
        .get(start..input.position())
        .ok_or_else(|| CborError::message("an item beyond the end"))
}

#[cfg(test)]
mod tests;
