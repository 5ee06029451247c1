//! Openings of small replicas, whose trees fit into memory.
//!
//! The library rebuilds the tree for every opening. Here it is built once and used as
//! long as the replica on disk is the same: every proof reads the whole replica, so a
//! changed or lost one is noticed at once.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use fvm_shared::sector::SectorSize;

use super::nodes::{Tree, poseidon};
use crate::block::digest;
use crate::commitment::Commitment;
use crate::sector::Replica;
use crate::shape::{NODE, SectorShapeBase, nodes};

/// The library's file with CommC and CommRLast.
const AUX: &str = "p_aux";
/// Trees kept; one takes about 4 kB.
const KEPT: usize = 16_384;

/// Whether a sector is small enough.
pub(super) fn fits(size: SectorSize) -> bool {
    size == SectorSize::_2KiB
}

/// Trees of replicas by CommR.
#[derive(Default)]
pub(super) struct Trees {
    known: Mutex<HashMap<Commitment, Arc<Known>>>,
}

struct Known {
    /// Of the replica's bytes and of CommC.
    digest: [u8; 32],
    comm_c: Commitment,
    rows: Vec<Vec<Commitment>>,
}

impl Trees {
    /// The encoded proof of one sector, as [`super::post`] describes it.
    pub(super) fn prove(
        &self,
        replica: &Replica,
        size: SectorSize,
        challenges: &[u64],
    ) -> Result<Vec<u8>, String> {
        let tree = Tree::replica::<SectorShapeBase>(nodes(size));
        let known = self.tree(&tree, replica, size)?;
        let mut out = Vec::with_capacity((1 + challenges.len() * (1 + tree.siblings())) * NODE);
        out.extend(known.comm_c);
        for challenge in challenges {
            let index = *challenge as usize;
            out.extend(known.rows[0][index]);
            tree.siblings_in(&known.rows, index, &mut out);
        }
        Ok(out)
    }

    fn tree(&self, tree: &Tree, replica: &Replica, size: SectorSize) -> Result<Arc<Known>, String> {
        let mut bytes = read(&replica.sealed, size as usize)?;
        let aux = read(&replica.cache.join(AUX), 2 * NODE)?;
        bytes.extend(&aux);
        let digest = digest(&bytes);
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&replica.comm_r)
            && known.digest == digest
        {
            return Ok(known.clone());
        }
        let comm_c: Commitment = aux[..NODE].try_into().expect("two nodes were read");
        let leaves = bytes[..size as usize]
            .chunks_exact(NODE)
            .map(|node| node.try_into().expect("chunks have 32 bytes"))
            .collect();
        let rows = tree.rows(leaves)?;
        let root = rows.last().and_then(|row| row.first());
        let root = root.ok_or("a tree without a root")?;
        super::nodes::field_element(&comm_c)?;
        if *root != aux[NODE..] || poseidon(&[comm_c, *root]) != replica.comm_r {
            return Err("the replica on disk is not that of CommR".into());
        }
        let known = Arc::new(Known {
            digest,
            comm_c,
            rows,
        });
        let mut all = lock();
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(replica.comm_r, known.clone());
        Ok(known)
    }
}

fn read(path: &Path, length: usize) -> Result<Vec<u8>, String> {
    let found = fs::metadata(path).and_then(|file| match file.len() == length as u64 {
        true => fs::read(path),
        false => Err(io::Error::other(format!(
            "it has {} bytes instead of {length}",
            file.len()
        ))),
    });
    found.map_err(|error| format!("{}: {error}", path.display()))
}
