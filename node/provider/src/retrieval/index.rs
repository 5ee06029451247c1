//! In which piece a block lies, and where.
//!
//! Every piece that is a CAR has an index in a file, made when the piece is handed in,
//! or else when somebody first asks for a block that nobody knows. The index is only a
//! way to find things: what is found is checked, and an index that leads astray is made
//! again.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use boatyard_dag::{block, car};
use cid::Cid;
use cid::multihash::Multihash;
use fvm_ipld_encoding::from_slice;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};

use super::index_folder;
use crate::files::{self, Files, FilesError};

/// The blocks of a piece.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct PieceIndex {
    /// In the order in which they lie; none if the piece is no CAR.
    pub blocks: Vec<Spot>,
}

/// Where a block lies in a piece, in bytes as they were handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct Spot {
    /// Its CID, which was checked.
    pub cid: Cid,
    /// Where its bytes start.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
}

impl PieceIndex {
    /// Goes through a piece. Of a damaged CAR it finds what comes before the damage, and
    /// it passes over blocks that are not what their CIDs say.
    pub fn of(bytes: &[u8]) -> Self {
        let Ok(reader) = car::Reader::new(bytes) else {
            return Self::default();
        };
        let blocks = reader
            .map_while(Result::ok)
            .filter(|(entry, data)| block::verify(&entry.cid, data).is_ok())
            .map(|(entry, _)| Spot {
                cid: entry.cid,
                offset: entry.offset,
                length: entry.length,
            })
            .collect();
        Self { blocks }
    }
}

/// Makes the index of a piece that was handed in, and keeps it.
///
/// # Errors
/// [`FilesError`].
pub fn note(files: &Files, piece: &Cid, bytes: &[u8]) -> Result<PieceIndex, FilesError> {
    let folder = index_folder(files);
    fs::create_dir_all(&folder).map_err(|reason| FilesError {
        path: folder,
        reason,
    })?;
    let index = PieceIndex::of(bytes);
    files::write(&path(files, piece), &index)?;
    Ok(index)
}

/// Forgets the index of a piece that is not kept.
pub fn forget(files: &Files, piece: &Cid) {
    // One that stays leads nowhere.
    let _ = fs::remove_file(path(files, piece));
}

fn path(files: &Files, piece: &Cid) -> PathBuf {
    index_folder(files).join(piece.to_string())
}

/// The blocks of all pieces that were looked into.
#[derive(Default)]
pub struct Catalogue(Mutex<Known>);

#[derive(Default)]
struct Known {
    pieces: HashSet<Cid>,
    /// Block → piece, offset, length. Its hash names a block; the rest of the CID says
    /// how to read it.
    places: HashMap<Multihash<64>, Vec<(Cid, u64, u64)>>,
}

impl Catalogue {
    /// Where a block lies: pieces, offsets and lengths.
    pub fn places(&self, block: &Cid) -> Vec<(Cid, u64, u64)> {
        self.known()
            .places
            .get(block.hash())
            .cloned()
            .unwrap_or_default()
    }

    /// Reads the indices of pieces; gives those that have none.
    pub fn load(&self, files: &Files, pieces: Vec<Cid>) -> Vec<Cid> {
        let mut known = self.known();
        let mut without = Vec::new();
        for piece in pieces {
            if known.pieces.contains(&piece) {
                continue;
            }
            let read = fs::read(path(files, &piece))
                .ok()
                .and_then(|bytes| from_slice(&bytes).ok());
            match read {
                Some(index) => known.add(piece, index),
                None => without.push(piece),
            }
        }
        without
    }

    /// Makes the index of a piece.
    pub fn make(&self, files: &Files, piece: Cid, bytes: &[u8]) {
        let index = note(files, &piece, bytes).unwrap_or_else(|error| {
            tracing::warn!(%error, "an index is not kept");
            PieceIndex::of(bytes)
        });
        self.known().add(piece, index);
    }

    /// Forgets everything, on disk as well: an index led astray.
    pub fn forget(&self, files: &Files) {
        let mut known = self.known();
        let _ = fs::remove_dir_all(index_folder(files));
        *known = Known::default();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, piece: Cid, index: PieceIndex) {
        if !self.pieces.insert(piece) {
            return;
        }
        for spot in index.blocks {
            let places = self.places.entry(*spot.cid.hash()).or_default();
            places.push((piece, spot.offset, spot.length));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use boatyard_dag::import_with;
    use boatyard_proofs::piece;
    use tempfile::TempDir;

    fn car() -> (Cid, Vec<u8>) {
        let layout = boatyard_dag::Layout {
            chunk_size: 100,
            links: 3,
        };
        let dag = import_with(
            [b"mars".repeat(99), b"moon".repeat(99)].concat().as_slice(),
            layout,
        )
        .unwrap();
        (dag.root, car::to_vec(&[dag.root], &dag.blocks))
    }

    #[test]
    fn an_index_is_kept_and_made_again_when_it_is_damaged() {
        let folder = TempDir::new().unwrap();
        let files = Files::open(Some(folder.path())).unwrap();
        let (root, bytes) = car();
        let piece = piece::of_bytes(&bytes).cid;
        let index = note(&files, &piece, &bytes).unwrap();
        let catalogue = Catalogue::default();
        assert_eq!(catalogue.load(&files, vec![piece]), []);
        let spot = index.blocks[0];
        assert_eq!(catalogue.places(&root), [(piece, spot.offset, spot.length)]);

        fs::write(path(&files, &piece), b"mars").unwrap();
        let catalogue = Catalogue::default();
        assert_eq!(catalogue.load(&files, vec![piece]), [piece]);
        catalogue.make(&files, piece, &bytes);
        assert_eq!(catalogue.load(&files, vec![piece]), []);
        assert_eq!(catalogue.places(&root).len(), 1);
        catalogue.forget(&files);
        assert_eq!(catalogue.places(&root), []);
        assert_eq!(Catalogue::default().load(&files, vec![piece]), [piece]);
    }

    #[test]
    fn blocks_that_lie_are_passed_over() {
        let (root, mut bytes) = car();
        let whole = PieceIndex::of(&bytes).blocks.len();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let index = PieceIndex::of(&bytes);
        assert_eq!(index.blocks.len(), whole - 1);
        assert_eq!(index.blocks[0].cid, root);
        assert_eq!(PieceIndex::of(b"mars"), PieceIndex::default());
        bytes.truncate(last);
        assert_eq!(PieceIndex::of(&bytes).blocks.len(), whole - 1);
    }
}
