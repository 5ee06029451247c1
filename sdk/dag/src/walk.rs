//! Which blocks a path, a file or a whole DAG takes.

use std::collections::HashSet;
use std::ops::Range;

use bytes::Bytes;
use cid::Cid;
use ipld_core::serde::ExtractLinks;

use crate::block::{self, Block, BlockSource, DAG_CBOR, DAG_PB, RAW};
use crate::error::DagError;
use crate::export;
use crate::pb::{Link, Node};
use crate::unixfs::{self, Entry, Shard};

/// The deepest DAG that is followed. A file of 174 links per node that fills a sector
/// of 64 GiB has four levels.
pub const MAX_DEPTH: usize = 64;
/// Bytes of the largest hash in a CID.
const CID_SIZE: usize = 64;

/// How much of a DAG is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The block alone.
    Block,
    /// A whole file or a part of it in bytes; of a directory the blocks that list it.
    Entity(Option<Range<u64>>),
    /// Everything.
    All,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What it leads to.
    pub cid: Cid,
    /// The blocks on the way, without the last.
    pub way: Vec<Block>,
}

/// What a caller is ready to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of blocks.
    pub bytes: u64,
    /// Whether a block that is linked twice is given twice.
    pub duplicates: bool,
}

/// Follows a path through directories.
///
/// # Errors
/// [`DagError`]; [`DagError::NoEntry`] and [`DagError::NotADirectory`] when there is
/// nothing at its end.
pub fn resolve<'a>(
    source: &impl BlockSource,
    root: &Cid,
    path: impl IntoIterator<Item = &'a str>,
) -> Result<Resolved, DagError> {
    let mut resolved = Resolved {
        cid: *root,
        way: Vec::new(),
    };
    for (depth, name) in path.into_iter().enumerate() {
        if depth >= MAX_DEPTH {
            return Err(DagError::TooDeep(*root));
        }
        let directory = resolved.cid;
        let data = block::load(source, &directory)?;
        let entry = unixfs::entry(&directory, &data)?;
        resolved.way.push(Block {
            cid: directory,
            data,
        });
        let found = match entry {
            Entry::Directory(links) => links
                .iter()
                .find(|link| link.name.as_deref() == Some(name))
                .map(|link| link.cid),
            Entry::Shard(shard) => {
                let mut budget = MAX_SHARDS;
                find_in_shard(source, &shard, name, &mut resolved.way, 0, &mut budget)?
            }
            _ => return Err(DagError::NotADirectory(directory)),
        };
        resolved.cid = found.ok_or_else(|| DagError::NoEntry {
            directory,
            name: name.into(),
        })?;
    }
    Ok(resolved)
}

/// Blocks of a directory that are looked through for a name.
const MAX_SHARDS: usize = 100_000;

/// Looks for a name in all parts of a directory, and leaves the way in `way`.
fn find_in_shard(
    source: &impl BlockSource,
    shard: &Shard,
    name: &str,
    way: &mut Vec<Block>,
    depth: usize,
    budget: &mut usize,
) -> Result<Option<Cid>, DagError> {
    let mut parts = Vec::new();
    for link in &shard.links {
        let full = link.name.as_deref().unwrap_or_default();
        match full.get(shard.digits..) {
            Some("") => parts.push(link.cid),
            Some(rest) if rest == name => return Ok(Some(link.cid)),
            _ => {}
        }
    }
    for part in parts {
        if depth >= MAX_DEPTH || *budget == 0 {
            return Err(DagError::TooDeep(part));
        }
        *budget -= 1;
        let data = block::load(source, &part)?;
        let Entry::Shard(below) = unixfs::entry(&part, &data)? else {
            return Err(DagError::malformed(&part, "it is no part of a directory"));
        };
        way.push(Block { cid: part, data });
        if let Some(found) = find_in_shard(source, &below, name, way, depth + 1, budget)? {
            return Ok(Some(found));
        }
        way.pop();
    }
    Ok(None)
}

/// The entries of a directory: names and what they lead to, in the directory's order.
///
/// # Errors
/// [`DagError`]; [`DagError::NotADirectory`] for anything else.
pub fn list(source: &impl BlockSource, directory: &Cid) -> Result<Vec<Link>, DagError> {
    let mut entries = Vec::new();
    let mut stack = vec![(*directory, 0)];
    let mut budget = MAX_SHARDS;
    while let Some((cid, depth)) = stack.pop() {
        if depth > MAX_DEPTH || budget == 0 {
            return Err(DagError::TooDeep(*directory));
        }
        budget -= 1;
        let data = block::load(source, &cid)?;
        match unixfs::entry(&cid, &data)? {
            Entry::Directory(links) if depth == 0 => return Ok(links),
            Entry::Shard(shard) => {
                for mut link in shard.links {
                    let name = link.name.take().unwrap_or_default();
                    match name.get(shard.digits..) {
                        Some("") => stack.push((link.cid, depth + 1)),
                        Some(rest) => {
                            link.name = Some(rest.to_owned());
                            entries.push(link);
                        }
                        None => return Err(DagError::malformed(&cid, "a name without digits")),
                    }
                }
            }
            _ if depth == 0 => return Err(DagError::NotADirectory(cid)),
            _ => return Err(DagError::malformed(&cid, "it is no part of a directory")),
        }
    }
    Ok(entries)
}

/// The blocks of a scope, depth first, the root first. Each was checked.
///
/// # Errors
/// [`DagError`].
pub fn blocks(
    source: &impl BlockSource,
    root: &Cid,
    scope: &Scope,
    limits: Limits,
) -> Result<Vec<Block>, DagError> {
    let mut taken = Taken {
        blocks: Vec::new(),
        known: HashSet::new(),
        limits,
        bytes: 0,
        root: *root,
    };
    match scope {
        Scope::Block => {
            let data = block::load(source, root)?;
            taken.take(root, &data)?;
        }
        Scope::All => taken.follow(source, |_| true)?,
        Scope::Entity(range) => {
            let data = block::load(source, root)?;
            let entry = match root.codec() {
                RAW | DAG_PB => unixfs::entry(root, &data)?,
                _ => {
                    taken.take(root, &data)?;
                    return Ok(taken.blocks);
                }
            };
            match entry {
                Entry::File(_) => {
                    let range = range.clone().unwrap_or(0..u64::MAX);
                    let mut refused = None;
                    export::for_each_block(source, root, range, limits.bytes, &mut |cid, data| {
                        refused = refused.take().or(taken.take(cid, data).err());
                    })?;
                    if let Some(error) = refused {
                        return Err(error);
                    }
                }
                // Further parts of the directory, but not what it lists.
                Entry::Shard(shard) => {
                    taken.follow(source, |link| {
                        link.name
                            .as_ref()
                            .is_none_or(|name| name.len() <= shard.digits)
                    })?;
                }
                _ => {
                    taken.take(root, &data)?;
                }
            }
        }
    }
    Ok(taken.blocks)
}

struct Taken {
    blocks: Vec<Block>,
    known: HashSet<Cid>,
    limits: Limits,
    bytes: u64,
    root: Cid,
}

impl Taken {
    fn take(&mut self, cid: &Cid, data: &Bytes) -> Result<(), DagError> {
        let new = self.known.insert(*cid);
        if new || self.limits.duplicates {
            // A block costs something even if it is empty.
            self.bytes = self.bytes.saturating_add(data.len() as u64 + 40);
            if self.bytes > self.limits.bytes {
                return Err(DagError::TooLarge {
                    cid: self.root,
                    limit: self.limits.bytes,
                });
            }
            self.blocks.push(Block {
                cid: *cid,
                data: data.clone(),
            });
        }
        Ok(())
    }

    /// Takes the root and what the chosen links lead to.
    fn follow(
        &mut self,
        source: &impl BlockSource,
        chosen: impl Fn(&Link) -> bool,
    ) -> Result<(), DagError> {
        let mut stack = vec![(self.root, 0)];
        while let Some((cid, depth)) = stack.pop() {
            if self.known.contains(&cid) && !self.limits.duplicates {
                continue;
            }
            if depth > MAX_DEPTH {
                return Err(DagError::TooDeep(self.root));
            }
            let data = block::load(source, &cid)?;
            self.take(&cid, &data)?;
            let links = links(&cid, &data)?;
            let wanted = links.iter().rev().filter(|link| chosen(link));
            stack.extend(wanted.map(|link| (link.cid, depth + 1)));
        }
        Ok(())
    }
}

/// The links of a block that was [checked](crate::block::load), in order.
///
/// # Errors
/// [`DagError::Malformed`], and [`DagError::UnknownCodec`] when nobody can say.
pub fn links(cid: &Cid, data: &Bytes) -> Result<Vec<Link>, DagError> {
    match cid.codec() {
        RAW => Ok(Vec::new()),
        DAG_PB => Ok(Node::decode(data)
            .map_err(|reason| DagError::malformed(cid, reason))?
            .links),
        DAG_CBOR => {
            let found: ExtractLinks<CID_SIZE> = serde_ipld_dagcbor::from_slice(data)
                .map_err(|error| DagError::malformed(cid, error))?;
            Ok(found
                .into_vec()
                .into_iter()
                .map(|cid| Link {
                    cid,
                    name: None,
                    size: None,
                })
                .collect())
        }
        codec => Err(DagError::UnknownCodec { cid: *cid, codec }),
    }
}
