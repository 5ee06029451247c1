//! DAG-PB, the blocks of UnixFS: links and some bytes, as a protobuf message.
//!
//! There is one way to write a node: links (field 2) before data (field 1), a link's
//! hash, name and size in this order, lengths in as few bytes as they need. Reading
//! accepts data before links too, as old nodes have it, and nothing else: no unknown,
//! repeated or misplaced fields.

use bytes::Bytes;
use cid::Cid;
use unsigned_varint::{decode, encode};

/// Field of the data, in a node.
const DATA: u64 = 1;
/// Field of a link, in a node.
const LINKS: u64 = 2;
/// Fields of a link.
const HASH: u64 = 1;
const NAME: u64 = 2;
const TSIZE: u64 = 3;

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its links, in order.
    pub links: Vec<Link>,
    /// Its bytes.
    pub data: Option<Bytes>,
}

/// A link of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it leads to.
    pub cid: Cid,
    /// The entry's name in a directory, nothing in a file.
    pub name: Option<String>,
    /// Bytes of all blocks below it, as the writer counted them; nobody checks.
    pub size: Option<u64>,
}

/// A field of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// A number.
    Number(u64),
    /// A string of bytes, or a message.
    Bytes(&'a [u8]),
    /// Four or eight bytes, which nothing here uses.
    Fixed,
}

/// Splits the next field off a message.
pub(crate) fn field(input: &[u8]) -> Result<(u64, Field<'_>, &[u8]), String> {
    let (key, rest) = number(input)?;
    let fixed = |length: usize| {
        rest.split_at_checked(length)
            .map(|(_, rest)| (key >> 3, Field::Fixed, rest))
            .ok_or_else(cut_off)
    };
    match key & 7 {
        0 => number(rest).map(|(value, rest)| (key >> 3, Field::Number(value), rest)),
        1 => fixed(8),
        2 => {
            let (length, rest) = number(rest)?;
            let length = usize::try_from(length).map_err(|_| cut_off())?;
            let (bytes, rest) = rest.split_at_checked(length).ok_or_else(cut_off)?;
            Ok((key >> 3, Field::Bytes(bytes), rest))
        }
        5 => fixed(4),
        wire => Err(format!("wire type {wire} is not in use")),
    }
}

/// Splits a number off a message.
pub(crate) fn number(input: &[u8]) -> Result<(u64, &[u8]), String> {
    decode::u64(input).map_err(|error| format!("a number: {error}"))
}

fn cut_off() -> String {
    "a field is cut off".into()
}

pub(crate) fn put_number(out: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(out, field << 3);
    put_varint(out, value);
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn put_varint(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(encode::u64(value, &mut encode::u64_buffer()));
}

impl Node {
    /// The node's block.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for link in &self.links {
            put_bytes(&mut out, LINKS, &link.encode());
        }
        if let Some(data) = &self.data {
            put_bytes(&mut out, DATA, data);
        }
        out
    }

    /// Reads a block.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(block: &Bytes) -> Result<Self, String> {
        let mut node = Self::default();
        let mut rest: &[u8] = block;
        // Links stand together, before or after the data.
        let mut links_ended = false;
        while !rest.is_empty() {
            let (number, value, after) = field(rest)?;
            match (number, value) {
                (DATA, Field::Bytes(data)) if node.data.is_none() => {
                    links_ended = !node.links.is_empty();
                    node.data = Some(block.slice_ref(data));
                }
                (LINKS, Field::Bytes(link)) if !links_ended => {
                    node.links.push(Link::decode(link)?);
                }
                (DATA, Field::Bytes(_)) => return Err("it has data twice".into()),
                (LINKS, Field::Bytes(_)) => return Err("its links do not stand together".into()),
                (other, _) => return Err(format!("field {other} is none of a node")),
            }
            rest = after;
        }
        Ok(node)
    }
}

impl Link {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, HASH, &self.cid.to_bytes());
        if let Some(name) = &self.name {
            put_bytes(&mut out, NAME, name.as_bytes());
        }
        if let Some(size) = self.size {
            put_number(&mut out, TSIZE, size);
        }
        out
    }

    fn decode(mut rest: &[u8]) -> Result<Self, String> {
        let mut last = 0;
        let (mut cid, mut name, mut size) = (None, None, None);
        while !rest.is_empty() {
            let (number, value, after) = field(rest)?;
            if number <= last {
                return Err("fields of a link are not in order".into());
            }
            match (number, value) {
                (HASH, Field::Bytes(mut bytes)) => {
                    let read = Cid::read_bytes(&mut bytes);
                    cid = Some(read.map_err(|error| format!("a link's CID: {error}"))?);
                    if !bytes.is_empty() {
                        return Err("bytes after a link's CID".into());
                    }
                }
                (NAME, Field::Bytes(bytes)) => {
                    let text = std::str::from_utf8(bytes);
                    name = Some(text.map_err(|_| "a name is not UTF-8")?.to_owned());
                }
                (TSIZE, Field::Number(value)) => size = Some(value),
                (other, _) => return Err(format!("field {other} is none of a link")),
            }
            last = number;
            rest = after;
        }
        let cid = cid.ok_or("a link leads nowhere")?;
        Ok(Self { cid, name, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{Block, DAG_PB, RAW};
    use proptest::prelude::*;

    fn link(name: Option<&str>, size: Option<u64>) -> Link {
        Link {
            cid: Block::new(RAW, &b"mars"[..]).cid,
            name: name.map(str::to_owned),
            size,
        }
    }

    #[test]
    fn a_node_is_what_was_written() {
        for node in [
            Node::default(),
            Node {
                links: vec![
                    link(None, None),
                    link(Some(""), Some(0)),
                    link(Some("ж"), None),
                ],
                data: None,
            },
            Node {
                links: vec![link(Some("a"), Some(u64::MAX))],
                data: Some(Bytes::from_static(b"data")),
            },
        ] {
            let block = Bytes::from(node.encode());
            assert_eq!(Node::decode(&block).unwrap(), node);
        }
    }

    /// The empty node is the oldest of IPFS.
    #[test]
    fn the_empty_node_has_its_well_known_name() {
        let cid = Block::new(DAG_PB, Node::default().encode()).cid;
        let old = Cid::new_v0(*cid.hash()).unwrap();
        assert_eq!(
            old.to_string(),
            "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n"
        );
    }

    #[test]
    fn other_ways_to_write_a_node_are_refused() {
        let good = link(Some("a"), Some(1)).encode();
        let mut bad: Vec<(&str, Vec<u8>)> = Vec::new();
        let mut node = |what, build: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            build(&mut out);
            bad.push((what, out));
        };
        node("data twice", &|out| {
            put_bytes(out, DATA, b"a");
            put_bytes(out, DATA, b"a");
        });
        node("links around the data", &|out| {
            put_bytes(out, LINKS, &good);
            put_bytes(out, DATA, b"a");
            put_bytes(out, LINKS, &good);
        });
        node("an unknown field", &|out| put_bytes(out, 3, b"a"));
        node("data as a number", &|out| put_number(out, DATA, 1));
        node("a link to nowhere", &|out| put_bytes(out, LINKS, b""));
        node("a link's size before its hash", &|out| {
            let mut link = Vec::new();
            put_number(&mut link, TSIZE, 1);
            link.extend_from_slice(&good);
            put_bytes(out, LINKS, &link);
        });
        node("bytes after a link's CID", &|out| {
            let mut cid = link(None, None).cid.to_bytes();
            cid.push(0);
            let mut link = Vec::new();
            put_bytes(&mut link, HASH, &cid);
            put_bytes(out, LINKS, &link);
        });
        node("a name of no text", &|out| {
            let mut link = link(None, None).encode();
            put_bytes(&mut link, NAME, &[0xff]);
            put_bytes(out, LINKS, &link);
        });
        node("a length in more bytes than it needs", &|out| {
            out.extend_from_slice(&[0x0a, 0x81, 0x00, b'a']);
        });
        node("a length beyond the end", &|out| {
            out.extend_from_slice(&[0x0a, 0x02, b'a'])
        });
        node("a length of all there is", &|out| {
            out.push(0x0a);
            put_varint(out, u64::MAX);
        });
        for (what, block) in bad {
            assert!(Node::decode(&Bytes::from(block)).is_err(), "{what}");
        }
        let mut data_first = Vec::new();
        put_bytes(&mut data_first, DATA, b"a");
        put_bytes(&mut data_first, LINKS, &good);
        assert!(
            Node::decode(&Bytes::from(data_first)).is_ok(),
            "as old nodes have it"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let block = Bytes::from(bytes);
            if let Ok(node) = Node::decode(&block) {
                let again = Bytes::from(node.encode());
                prop_assert_eq!(Node::decode(&again), Ok(node));
            }
        }

        #[test]
        fn any_data_with_any_links_comes_back(
            data: Option<Vec<u8>>,
            links in prop::collection::vec((any::<[u8; 8]>(), any::<Option<String>>(), any::<Option<u64>>()), 0..6),
        ) {
            let node = Node {
                links: links
                    .into_iter()
                    .map(|(bytes, name, size)| Link {
                        cid: Block::new(RAW, bytes.to_vec()).cid,
                        name,
                        size,
                    })
                    .collect(),
                data: data.map(Bytes::from),
            };
            prop_assert_eq!(Node::decode(&Bytes::from(node.encode())), Ok(node));
        }
    }
}
