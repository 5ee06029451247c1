//! What a block says of a file or directory: the message in a node's data.

use bytes::Bytes;
use cid::Cid;

use crate::block::{DAG_PB, RAW};
use crate::error::DagError;
use crate::pb::{Field, Link, Node, field, number, put_bytes, put_number};

/// Fields of the message.
const TYPE: u64 = 1;
const DATA: u64 = 2;
const FILE_SIZE: u64 = 3;
const BLOCK_SIZES: u64 = 4;
const FANOUT: u64 = 6;

/// Kinds of nodes, as the message numbers them.
const KIND_RAW: u64 = 0;
const KIND_DIRECTORY: u64 = 1;
const KIND_FILE: u64 = 2;
const KIND_METADATA: u64 = 3;
const KIND_SYMLINK: u64 = 4;
const KIND_SHARD: u64 = 5;

/// What a block is to UnixFS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file, or a part of one.
    File(FileNode),
    /// A directory in one block.
    Directory(Vec<Link>),
    /// A part of a directory that is spread over many blocks.
    Shard(Shard),
    /// A path to something else.
    Symlink,
    /// What says something about another node; nobody writes it any more.
    Metadata,
}

/// A file, or a part of one: bytes of its own, then those of its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNode {
    /// Bytes of its own.
    pub inline: Bytes,
    /// Its children in order, each with the bytes of the file that it holds.
    pub children: Vec<(Cid, u64)>,
    /// Bytes in all.
    pub size: u64,
}

/// A part of a large directory (a HAMT). The names of its links start with digits;
/// a link with no more than those leads to a further part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Digits before a name.
    pub digits: usize,
    /// Entries and further parts.
    pub links: Vec<Link>,
}

/// Reads a block that was [checked](crate::block::load).
///
/// # Errors
/// [`DagError::Malformed`] and [`DagError::UnknownCodec`].
pub fn entry(cid: &Cid, block: &Bytes) -> Result<Entry, DagError> {
    match cid.codec() {
        RAW => Ok(Entry::File(FileNode {
            inline: block.clone(),
            children: Vec::new(),
            size: block.len() as u64,
        })),
        DAG_PB => {
            let node = Node::decode(block).map_err(|reason| DagError::malformed(cid, reason))?;
            node_entry(node).map_err(|reason| DagError::malformed(cid, reason))
        }
        codec => Err(DagError::UnknownCodec { cid: *cid, codec }),
    }
}

fn node_entry(node: Node) -> Result<Entry, String> {
    let data = node.data.ok_or("a node without data is no file")?;
    let message = Message::decode(&data)?;
    match message.kind {
        KIND_RAW | KIND_FILE => message.file(node.links).map(Entry::File),
        KIND_DIRECTORY => Ok(Entry::Directory(node.links)),
        KIND_SHARD => {
            let fanout = message.fanout.unwrap_or(256);
            if !(2..=1 << 16).contains(&fanout) || !fanout.is_power_of_two() {
                return Err(format!("a directory cannot be spread {fanout} ways"));
            }
            Ok(Entry::Shard(Shard {
                digits: (fanout.trailing_zeros() as usize).div_ceil(4),
                links: node.links,
            }))
        }
        KIND_SYMLINK => Ok(Entry::Symlink),
        KIND_METADATA => Ok(Entry::Metadata),
        kind => Err(format!("UnixFS has no type {kind}")),
    }
}

#[derive(Default)]
struct Message {
    kind: u64,
    data: Bytes,
    file_size: Option<u64>,
    block_sizes: Vec<u64>,
    fanout: Option<u64>,
}

impl Message {
    fn decode(bytes: &Bytes) -> Result<Self, String> {
        let mut message = Self::default();
        let mut kind = None;
        let mut rest: &[u8] = bytes;
        while !rest.is_empty() {
            let (key, value, after) = field(rest)?;
            match (key, value) {
                (TYPE, Field::Number(value)) => kind = Some(value),
                (DATA, Field::Bytes(value)) => message.data = bytes.slice_ref(value),
                (FILE_SIZE, Field::Number(value)) => message.file_size = Some(value),
                (BLOCK_SIZES, Field::Number(value)) => message.block_sizes.push(value),
                (BLOCK_SIZES, Field::Bytes(mut packed)) => {
                    while !packed.is_empty() {
                        let (size, left) = number(packed)?;
                        message.block_sizes.push(size);
                        packed = left;
                    }
                }
                (FANOUT, Field::Number(value)) => message.fanout = Some(value),
                (TYPE | DATA | FILE_SIZE | BLOCK_SIZES | FANOUT, _) => {
                    return Err(format!("field {key} of UnixFS has a wrong type"));
                }
                // Permissions, times and what may come.
                _ => {}
            }
            rest = after;
        }
        message.kind = kind.ok_or("UnixFS data without a type")?;
        Ok(message)
    }

    fn file(self, links: Vec<Link>) -> Result<FileNode, String> {
        if links.len() != self.block_sizes.len() {
            return Err(format!(
                "it has {} links and sizes for {}",
                links.len(),
                self.block_sizes.len()
            ));
        }
        let size = self
            .block_sizes
            .iter()
            .try_fold(self.data.len() as u64, |sum, size| sum.checked_add(*size))
            .ok_or("its parts are larger than any file")?;
        if self.file_size.is_some_and(|stated| stated != size) {
            return Err(format!(
                "it states {} bytes and its parts have {size}",
                self.file_size.unwrap_or_default()
            ));
        }
        Ok(FileNode {
            inline: self.data,
            children: links
                .into_iter()
                .map(|link| link.cid)
                .zip(self.block_sizes)
                .collect(),
            size,
        })
    }
}

/// The data of a node that joins parts of a file, by the parts' sizes in bytes.
pub(crate) fn file_data(sizes: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, TYPE, KIND_FILE);
    put_number(&mut out, FILE_SIZE, sizes.iter().sum());
    for size in sizes {
        put_number(&mut out, BLOCK_SIZES, *size);
    }
    out
}

/// The block of a directory. Entries are put into the order that UnixFS wants.
///
/// ```
/// use boatyard_dag::{Block, block::DAG_PB, unixfs};
/// let empty = Block::new(DAG_PB, unixfs::directory(Vec::new()));
/// assert_eq!(
///     empty.cid.to_string(),
///     "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
/// );
/// ```
pub fn directory(mut entries: Vec<Link>) -> Vec<u8> {
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let mut data = Vec::new();
    put_number(&mut data, TYPE, KIND_DIRECTORY);
    let node = Node {
        links: entries,
        data: Some(data.into()),
    };
    node.encode()
}

/// The block of a file that lies in one DAG-PB node, as IPFS once wrote small files.
pub fn small_file(content: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    put_number(&mut data, TYPE, KIND_FILE);
    if !content.is_empty() {
        put_bytes(&mut data, DATA, content);
    }
    put_number(&mut data, FILE_SIZE, content.len() as u64);
    let node = Node {
        links: Vec::new(),
        data: Some(data.into()),
    };
    node.encode()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;
    use proptest::prelude::*;

    /// `echo hello world | ipfs add`, the first thing that everybody adds.
    #[test]
    fn a_small_old_file_has_its_well_known_name() {
        let block = Block::new(DAG_PB, small_file(b"hello world\n"));
        let old = Cid::new_v0(*block.cid.hash()).unwrap();
        assert_eq!(
            old.to_string(),
            "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o"
        );
        let Entry::File(file) = entry(&old, &block.data).unwrap() else {
            panic!("a file");
        };
        assert_eq!(file.inline, &b"hello world\n"[..]);
        assert_eq!(file.size, 12);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let child = Block::new(RAW, &b"mars"[..]).cid;
        let link = Link {
            cid: child,
            name: Some(String::new()),
            size: Some(4),
        };
        let with = |links: usize, build: &dyn Fn(&mut Vec<u8>)| {
            let mut data = Vec::new();
            build(&mut data);
            let node = Node {
                links: vec![link.clone(); links],
                data: Some(data.into()),
            };
            let block = Block::new(DAG_PB, node.encode());
            entry(&block.cid, &block.data)
        };
        assert!(with(1, &|out| out.extend(file_data(&[4]))).is_ok());
        assert!(
            with(2, &|out| out.extend(file_data(&[4]))).is_err(),
            "a size is missing"
        );
        assert!(
            with(1, &|out| {
                put_number(out, TYPE, KIND_FILE);
                put_number(out, FILE_SIZE, 5);
                put_number(out, BLOCK_SIZES, 4);
            })
            .is_err(),
            "another sum"
        );
        assert!(
            with(2, &|out| {
                put_number(out, TYPE, KIND_FILE);
                put_number(out, BLOCK_SIZES, u64::MAX);
                put_number(out, BLOCK_SIZES, 1);
            })
            .is_err(),
            "a sum of more than 64 bits"
        );
        assert!(
            with(0, &|out| put_number(out, TYPE, 6)).is_err(),
            "an unknown type"
        );
        assert!(with(0, &|_| {}).is_err(), "no type");
        assert!(
            with(0, &|out| {
                put_number(out, TYPE, KIND_SHARD);
                put_number(out, FANOUT, 3);
            })
            .is_err(),
            "a directory spread three ways"
        );
    }

    proptest! {
        #[test]
        fn any_data_is_read_or_refused(bytes: Vec<u8>) {
            let node = Node { links: Vec::new(), data: Some(bytes.into()) };
            let block = Block::new(DAG_PB, node.encode());
            let _ = entry(&block.cid, &block.data);
        }
    }
}
