//! Which blocks and which CID a file has.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use cid::Cid;

use crate::block::{Block, DAG_PB, RAW};
use crate::pb::{Link, Node};
use crate::unixfs;

/// The largest chunk, in bytes: with links and all, blocks have to stay below 2 MiB.
pub const MAX_CHUNK: usize = 1 << 20;

/// How a file is cut and joined. The CID depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Bytes in a leaf; between 1 and [`MAX_CHUNK`].
    pub chunk_size: usize,
    /// Links in a node; at least 2.
    pub links: usize,
}

impl Default for Layout {
    /// As `ipfs add --cid-version=1`: leaves of 256 KiB, 174 links.
    fn default() -> Self {
        Self {
            chunk_size: 256 << 10,
            links: 174,
        }
    }
}

/// A file as blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dag {
    /// Its CID.
    pub root: Cid,
    /// Its blocks, each once: the root first, then depth first in the file's order.
    pub blocks: Vec<Block>,
    /// Bytes of the file.
    pub length: u64,
}

/// The part of a file below a link.
struct Part {
    cid: Cid,
    /// Bytes of the file.
    length: u64,
    /// Bytes of all blocks, counted as often as they are linked.
    total: u64,
    /// Its own block, then those below.
    blocks: Vec<Block>,
}

/// A file as IPFS has it by default.
///
/// # Errors
/// When reading fails.
///
/// ```
/// let dag = boatyard_dag::import(&b""[..])?;
/// assert_eq!(
///     dag.root.to_string(),
///     "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
/// );
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn import(source: impl Read) -> io::Result<Dag> {
    import_with(source, Layout::default())
}

/// The same for a file of the system.
///
/// # Errors
/// When it cannot be read.
pub fn import_file(path: impl AsRef<Path>) -> io::Result<Dag> {
    import(File::open(path)?)
}

/// A file cut and joined in another way.
///
/// # Errors
/// When reading fails, or with a layout that nothing can be done with.
pub fn import_with(mut source: impl Read, layout: Layout) -> io::Result<Dag> {
    if !(1..=MAX_CHUNK).contains(&layout.chunk_size) || layout.links < 2 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("chunks have 1 to {MAX_CHUNK} bytes, nodes 2 links or more"),
        ));
    }
    let mut parts = Vec::new();
    loop {
        let mut chunk = Vec::new();
        (&mut source)
            .take(layout.chunk_size as u64)
            .read_to_end(&mut chunk)?;
        let last = chunk.len() < layout.chunk_size;
        if !chunk.is_empty() || parts.is_empty() {
            parts.push(leaf(chunk));
        }
        if last {
            break;
        }
    }
    while parts.len() > 1 {
        let mut joined = Vec::with_capacity(parts.len().div_ceil(layout.links));
        let mut left = parts.into_iter();
        loop {
            let children: Vec<Part> = left.by_ref().take(layout.links).collect();
            match children.is_empty() {
                true => break,
                false => joined.push(join(children)),
            }
        }
        parts = joined;
    }
    let whole = parts.pop().unwrap_or_else(|| leaf(Vec::new()));
    let mut known = HashSet::new();
    Ok(Dag {
        root: whole.cid,
        length: whole.length,
        blocks: whole
            .blocks
            .into_iter()
            .filter(|block| known.insert(block.cid))
            .collect(),
    })
}

fn leaf(chunk: Vec<u8>) -> Part {
    let block = Block::new(RAW, chunk);
    let length = block.data.len() as u64;
    Part {
        cid: block.cid,
        length,
        total: length,
        blocks: vec![block],
    }
}

fn join(children: Vec<Part>) -> Part {
    let sizes: Vec<u64> = children.iter().map(|child| child.length).collect();
    let links = children
        .iter()
        .map(|child| Link {
            cid: child.cid,
            name: Some(String::new()),
            size: Some(child.total),
        })
        .collect();
    let node = Node {
        links,
        data: Some(unixfs::file_data(&sizes).into()),
    };
    let block = Block::new(DAG_PB, node.encode());
    let below: u64 = children.iter().map(|child| child.total).sum();
    Part {
        cid: block.cid,
        length: sizes.iter().sum(),
        total: below + block.data.len() as u64,
        blocks: std::iter::once(block)
            .chain(children.into_iter().flat_map(|child| child.blocks))
            .collect(),
    }
}
