//! The bytes of a file, or a part of them.

use std::ops::Range;

use bytes::Bytes;
use cid::Cid;

use crate::block::{self, BlockSource};
use crate::error::DagError;
use crate::unixfs::{self, Entry, FileNode};
use crate::walk::MAX_DEPTH;

/// How much more than its bytes a file's blocks may take.
const OVERHEAD: u64 = 16;
/// What a file's blocks may take in any case.
const FREE: u64 = 32 << 20;

/// A file's bytes, every block checked against its CID; at most `limit` of them.
///
/// # Errors
/// [`DagError`]: blocks that are missing, wrong or malformed, something that is no
/// file, a file larger than the limit.
pub fn export(source: &impl BlockSource, root: &Cid, limit: u64) -> Result<Vec<u8>, DagError> {
    let size = file_size(source, root)?;
    export_range(source, root, 0..size, limit)
}

/// Bytes in a file, as its root says. That they are right is known once all of them
/// were read.
///
/// # Errors
/// As [`export`].
pub fn file_size(source: &impl BlockSource, root: &Cid) -> Result<u64, DagError> {
    let data = block::load(source, root)?;
    Ok(file_node(root, &data)?.size)
}

/// A part of a file's bytes; reads only the blocks that it takes. A range that goes
/// beyond the end of the file ends there.
///
/// # Errors
/// As [`export`].
pub fn export_range(
    source: &impl BlockSource,
    root: &Cid,
    range: Range<u64>,
    limit: u64,
) -> Result<Vec<u8>, DagError> {
    let mut reader = Reader {
        source,
        root,
        wanted: range,
        limit,
        out: Vec::new(),
        // A DAG made to waste time links much and holds little.
        budget: limit.saturating_mul(OVERHEAD).saturating_add(FREE),
        seen: &mut |_, _| {},
    };
    reader.read(root, None, 0, 0)?;
    Ok(reader.out)
}

/// The blocks that a part of a file takes, in order, the root first.
pub(crate) fn for_each_block(
    source: &impl BlockSource,
    root: &Cid,
    range: Range<u64>,
    limit: u64,
    seen: &mut dyn FnMut(&Cid, &Bytes),
) -> Result<(), DagError> {
    let mut reader = Reader {
        source,
        root,
        wanted: range,
        limit,
        out: Vec::new(),
        budget: limit.saturating_mul(OVERHEAD).saturating_add(FREE),
        seen,
    };
    reader.read(root, None, 0, 0)
}

struct Reader<'a, S> {
    source: &'a S,
    root: &'a Cid,
    /// Bytes of the file.
    wanted: Range<u64>,
    limit: u64,
    out: Vec<u8>,
    /// Bytes of blocks that may still be read.
    budget: u64,
    seen: &'a mut dyn FnMut(&Cid, &Bytes),
}

impl<S: BlockSource> Reader<'_, S> {
    /// Reads the part of a file below a CID, which starts at an offset and has the
    /// size that its parent says.
    fn read(
        &mut self,
        cid: &Cid,
        stated: Option<u64>,
        start: u64,
        depth: usize,
    ) -> Result<(), DagError> {
        if depth > MAX_DEPTH {
            return Err(DagError::TooDeep(*self.root));
        }
        let data = block::load(self.source, cid)?;
        self.budget = self
            .budget
            .checked_sub(data.len() as u64)
            .ok_or_else(|| self.too_large())?;
        let node = file_node(cid, &data)?;
        if let Some(stated) = stated
            && stated != node.size
        {
            let reason = format!("it holds {} bytes where {stated} were announced", node.size);
            return Err(DagError::malformed(cid, reason));
        }
        (self.seen)(cid, &data);
        let mut end = start.saturating_add(node.inline.len() as u64);
        self.take(&node, start)?;
        for (child, size) in &node.children {
            let begin = end;
            end = begin.saturating_add(*size);
            // Parts without bytes are never looked at, so that the work is bounded.
            if begin < self.wanted.end && end > self.wanted.start && *size > 0 {
                self.read(child, Some(*size), begin, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Takes what is wanted of a node's own bytes.
    fn take(&mut self, node: &FileNode, start: u64) -> Result<(), DagError> {
        let length = node.inline.len() as u64;
        let from = self.wanted.start.saturating_sub(start).min(length);
        let to = self.wanted.end.saturating_sub(start).min(length);
        if from >= to {
            return Ok(());
        }
        let own = &node.inline[from as usize..to as usize];
        if self.out.len() as u64 + own.len() as u64 > self.limit {
            return Err(self.too_large());
        }
        self.out.extend_from_slice(own);
        Ok(())
    }

    fn too_large(&self) -> DagError {
        DagError::TooLarge {
            cid: *self.root,
            limit: self.limit,
        }
    }
}

fn file_node(cid: &Cid, data: &Bytes) -> Result<FileNode, DagError> {
    let not = |kind| DagError::NotAFile { cid: *cid, kind };
    match unixfs::entry(cid, data)? {
        Entry::File(node) => Ok(node),
        Entry::Directory(_) | Entry::Shard(_) => Err(DagError::IsDirectory(*cid)),
        Entry::Symlink => Err(not("a symbolic link")),
        Entry::Metadata => Err(not("metadata of something else")),
    }
}
