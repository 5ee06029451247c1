//! The bytes of a piece, unsealed if need be.
//!
//! What comes out of here was compared with a commitment: a sector's data with CommD, a
//! waiting piece with its own. A few sectors stay in memory as long as their files do
//! not change.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::body::Bytes;
use boatyard_proofs::piece;
use boatyard_proofs::seal::{self, SealError};
use boatyard_proofs::sector::SectorDir;
use cid::Cid;
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::SectorNumber;

use super::scratch;
use crate::http::Refusal;
use crate::provider::Provider;
use crate::record::{SectorRecord, place};

/// Bytes that stay in memory. The last one stays however large it is.
const IN_MEMORY: usize = 64 << 20;

/// Why data cannot be given out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Trouble {
    /// It is not kept here.
    #[error("piece {0} is not kept here; GET /sectors tells which are")]
    Unknown(Cid),
    /// Files of the sector are gone.
    #[error(
        "piece {piece} was sealed in sector {sector}, whose files are lost: {file} is missing. \
         Ask another provider, or have the sector restored (boatyard provider restore-sector)"
    )]
    Lost {
        /// The piece.
        piece: Cid,
        /// The sector.
        sector: SectorNumber,
        /// What is missing.
        file: String,
    },
    /// What comes out of the sector is not what went in.
    #[error(
        "piece {piece} cannot be unsealed, for sector {sector} is damaged: {reason}. Ask another \
         provider, or have the sector restored (boatyard provider restore-sector)"
    )]
    Damaged {
        /// The piece.
        piece: Cid,
        /// The sector.
        sector: SectorNumber,
        /// What is wrong.
        reason: String,
    },
    /// The bytes that wait to be sealed are not those of the piece.
    #[error("the bytes kept for piece {0} are not its own; hand them in again (PUT /piece)")]
    Spoiled(Cid),
    /// The system does not give a file.
    #[error("{0}")]
    File(String),
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        let error = trouble.to_string();
        match trouble {
            Trouble::Unknown(_) => Self::not_found(error),
            Trouble::Lost { .. } => Self::new(axum::http::StatusCode::GONE, error),
            Trouble::Damaged { .. } | Trouble::Spoiled(_) | Trouble::File(_) => {
                Self::internal(&error)
            }
        }
    }
}

/// A piece's bytes.
#[derive(Debug, Clone)]
pub struct PieceBytes {
    /// As they were handed in, without the zeros that fill the piece; with them when
    /// nobody knows the length any more.
    pub bytes: Bytes,
    /// Padded size of the piece.
    pub size: u64,
}

/// What a provider keeps, as it is at one moment.
pub struct Holdings {
    sectors: Vec<SectorRecord>,
    /// Piece → bytes handed in.
    lengths: BTreeMap<Cid, u64>,
    /// Pieces that wait in files.
    waiting: Vec<Cid>,
}

impl Holdings {
    /// Everything that a provider keeps now.
    pub fn of(provider: &Provider) -> Self {
        let mut lengths = BTreeMap::new();
        for order in provider.orders() {
            let length: &mut u64 = lengths.entry(order.piece.cid).or_default();
            *length = order.length.max(*length);
        }
        let mut sectors = provider.sectors();
        sectors.retain(|record| record.sealed.is_some() && record.failed.is_none());
        // Those that are proven first.
        sectors.sort_by_key(|record| (!record.released, record.number));
        Self {
            sectors,
            lengths,
            waiting: waiting(provider.files().root()),
        }
    }

    /// All pieces.
    pub fn pieces(&self) -> Vec<Cid> {
        let sealed = self.sectors.iter().flat_map(SectorRecord::held);
        let mut pieces: Vec<Cid> = sealed.map(|piece| piece.piece.cid).collect();
        pieces.extend(&self.waiting);
        pieces.sort();
        pieces.dedup();
        pieces
    }
}

fn waiting(root: &Path) -> Vec<Cid> {
    let entries = fs::read_dir(root.join("pieces")).into_iter().flatten();
    entries
        .filter_map(|entry| Cid::try_from(entry.ok()?.file_name().to_str()?).ok())
        .collect()
}

/// The bytes of a provider's pieces.
pub struct Vault {
    provider: Provider,
    memory: Mutex<Memory>,
    /// Held by whoever unseals: it keeps all processors busy by itself.
    unsealing: Mutex<()>,
}

impl Vault {
    /// The vault of a provider; nothing is read yet.
    pub fn new(provider: Provider) -> Self {
        Self {
            provider,
            memory: Mutex::default(),
            unsealing: Mutex::default(),
        }
    }

    /// The bytes of a piece, out of a sealed sector if it is in one.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn piece(&self, holdings: &Holdings, piece: &Cid) -> Result<PieceBytes, Trouble> {
        let mut trouble = None;
        let file = self.provider.files().piece(piece);
        for record in &holdings.sectors {
            let Some((offset, size)) = place(record.held(), piece) else {
                continue;
            };
            // While a sector is not proven it may still be sealed anew. The file is deleted
            // as soon as it is, perhaps right now.
            if !record.released {
                match self.waiting(piece, &file) {
                    Err(Trouble::Unknown(_)) => {}
                    found => return found,
                }
            }
            match self.sector(record, piece) {
                Ok(data) => {
                    let start = PaddedPieceSize(offset).unpadded().0;
                    let full = PaddedPieceSize(size).unpadded().0;
                    let length = holdings.lengths.get(piece).copied().unwrap_or(full);
                    let end = start.saturating_add(length.min(full));
                    let range =
                        start.min(data.len() as u64) as usize..end.min(data.len() as u64) as usize;
                    return Ok(PieceBytes {
                        bytes: data.slice(range),
                        size,
                    });
                }
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        match trouble {
            Some(trouble) => Err(trouble),
            None => self.waiting(piece, &file),
        }
    }

    /// A sector's data, without padding.
    fn sector(&self, record: &SectorRecord, piece: &Cid) -> Result<Bytes, Trouble> {
        let number = record.number;
        let dir = self.provider.files().sector(number);
        let updated = record.update.as_ref().filter(|update| update.proven);
        let sources = match updated {
            Some(_) => vec![dir.sealed(), dir.update()],
            None => vec![dir.sealed()],
        };
        let look = || {
            stamp(&sources).map_err(|path| Trouble::Lost {
                piece: *piece,
                sector: number,
                file: file_name(&path),
            })
        };
        let key = Key::Sector(number);
        if let Some(known) = self.memory().find(&key, &look()?) {
            return self.known(known, piece, number);
        }
        let _turn = self
            .unsealing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let stamp = look()?;
        if let Some(known) = self.memory().find(&key, &stamp) {
            return self.known(known, piece, number);
        }
        let known = match self.unseal(record, &dir) {
            Ok(data) => Ok(data),
            Err(Failure::Missing(path)) => {
                return Err(Trouble::Lost {
                    piece: *piece,
                    sector: number,
                    file: file_name(&path),
                });
            }
            Err(Failure::System(reason)) => return Err(Trouble::File(reason)),
            Err(Failure::Damaged(reason)) => Err(reason),
        };
        self.memory().keep(key, stamp, known.clone());
        self.known(known, piece, number)
    }

    fn known(
        &self,
        known: Result<Bytes, String>,
        piece: &Cid,
        sector: SectorNumber,
    ) -> Result<Bytes, Trouble> {
        known.map_err(|reason| Trouble::Damaged {
            piece: *piece,
            sector,
            reason,
        })
    }

    /// Unseals in a directory of its own, so that nobody who works on the sector's own
    /// is disturbed.
    fn unseal(&self, record: &SectorRecord, dir: &SectorDir) -> Result<Bytes, Failure> {
        let Some(sealed) = &record.sealed else {
            return Err(Failure::Missing(dir.sealed()));
        };
        let folder = scratch(self.provider.files());
        fs::create_dir_all(&folder).map_err(|reason| Failure::system(&folder, &reason))?;
        let own =
            tempfile::tempdir_in(&folder).map_err(|error| Failure::system(&folder, &error))?;
        let copy = SectorDir::new(own.path());
        link(&dir.sealed(), &copy.sealed())?;
        let updated = record
            .update
            .as_ref()
            .filter(|update| update.proven)
            .and_then(|update| update.updated.as_ref());
        let file = match updated {
            Some(updated) => {
                link(&dir.update(), &copy.update())?;
                link_all(&dir.cache(), &copy.cache())?;
                seal::decode_update(&copy, updated)?;
                copy.update_unsealed()
            }
            None => {
                seal::unseal(&copy, sealed)?;
                copy.unsealed()
            }
        };
        let size = self.provider.config().sector_size() as u64;
        let data = seal::read_unsealed(&file, 0..PaddedPieceSize(size).unpadded().0)?;
        tracing::debug!(sector = record.number, "unsealed");
        Ok(data.into())
    }

    /// The bytes of a piece that is not sealed yet.
    fn waiting(&self, piece: &Cid, file: &Path) -> Result<PieceBytes, Trouble> {
        let paths = [file.to_path_buf()];
        let Ok(stamp) = stamp(&paths) else {
            return Err(Trouble::Unknown(*piece));
        };
        let key = Key::Waiting(*piece);
        let remembered = self.memory().find(&key, &stamp);
        let known = match remembered {
            Some(known) => known,
            None => {
                let bytes = fs::read(file)
                    .map_err(|error| Trouble::File(format!("{}: {error}", file.display())))?;
                let known = match self.padded_size(piece, &bytes) {
                    Some(_) => Ok(Bytes::from(bytes)),
                    None => Err(String::new()),
                };
                self.memory().keep(key, stamp, known.clone());
                known
            }
        };
        let bytes = known.map_err(|_| Trouble::Spoiled(*piece))?;
        let size = piece::piece_size(bytes.len() as u64).padded().0;
        Ok(PieceBytes { bytes, size })
    }

    /// The size with which bytes have a commitment, if there is one.
    fn padded_size(&self, expected: &Cid, bytes: &[u8]) -> Option<u64> {
        let mut size = piece::piece_size(bytes.len() as u64);
        let most = PaddedPieceSize(self.provider.config().sector_size() as u64).unpadded();
        while size.0 <= most.0 {
            let found = piece::of_reader(bytes, size).ok()?;
            if found.cid == *expected {
                return Some(found.size.0);
            }
            size.0 *= 2;
        }
        None
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a sector is not unsealed.
enum Failure {
    Missing(PathBuf),
    Damaged(String),
    System(String),
}

impl Failure {
    fn system(path: &Path, reason: &io::Error) -> Self {
        match reason.kind() {
            io::ErrorKind::NotFound => Self::Missing(path.into()),
            _ => Self::System(format!("{}: {reason}", path.display())),
        }
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        match &error {
            SealError::Settings(_) => Self::System(error.to_string()),
            _ => Self::Damaged(error.to_string()),
        }
    }
}

fn link(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::hard_link(from, to)
        .or_else(|_| fs::copy(from, to).map(|_| ()))
        .map_err(|reason| Failure::system(from, &reason))
}

fn link_all(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |reason: io::Error| Failure::system(from, &reason);
    fs::create_dir(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        link(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Lengths and times of files: whether they are the same as before.
type Stamp = Vec<(u64, Option<SystemTime>)>;

/// The stamp of files, or the one that is missing.
fn stamp(paths: &[PathBuf]) -> Result<Stamp, PathBuf> {
    paths
        .iter()
        .map(|path| {
            let meta = fs::metadata(path).map_err(|_| path.clone())?;
            Ok((meta.len(), meta.modified().ok()))
        })
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Sector(SectorNumber),
    Waiting(Cid),
}

/// What was unsealed lately, and what could not be.
#[derive(Default)]
struct Memory {
    /// The oldest first.
    data: VecDeque<(Key, Stamp, Bytes)>,
    /// Why, while the files do not change.
    damaged: HashMap<Key, (Stamp, String)>,
}

impl Memory {
    fn find(&mut self, key: &Key, stamp: &Stamp) -> Option<Result<Bytes, String>> {
        if let Some((then, reason)) = self.damaged.get(key)
            && then == stamp
        {
            return Some(Err(reason.clone()));
        }
        let at = self
            .data
            .iter()
            .position(|(held, then, _)| held == key && then == stamp)?;
        let entry = self.data.remove(at)?;
        let bytes = entry.2.clone();
        self.data.push_back(entry);
        Some(Ok(bytes))
    }

    fn keep(&mut self, key: Key, stamp: Stamp, known: Result<Bytes, String>) {
        self.data.retain(|(held, ..)| *held != key);
        self.damaged.remove(&key);
        match known {
            Ok(bytes) => self.data.push_back((key, stamp, bytes)),
            Err(reason) => {
                self.damaged.insert(key, (stamp, reason));
            }
        }
        let held = |data: &VecDeque<(Key, Stamp, Bytes)>| -> usize {
            data.iter().map(|(.., bytes)| bytes.len()).sum()
        };
        while self.data.len() > 1 && held(&self.data) > IN_MEMORY {
            self.data.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_holds_what_was_used_last_and_only_for_the_same_files() {
        let mut memory = Memory::default();
        let stamp = |length| vec![(length, None)];
        let big = Bytes::from(vec![0; IN_MEMORY / 2]);
        for number in [1, 2] {
            memory.keep(Key::Sector(number), stamp(number), Ok(big.clone()));
        }
        assert!(memory.find(&Key::Sector(1), &stamp(1)).is_some());
        memory.keep(Key::Sector(3), stamp(3), Ok(big));
        assert!(
            memory.find(&Key::Sector(2), &stamp(2)).is_none(),
            "the oldest"
        );
        assert!(memory.find(&Key::Sector(1), &stamp(1)).is_some());
        assert!(memory.find(&Key::Sector(1), &stamp(7)).is_none(), "changed");
        memory.keep(Key::Sector(1), stamp(7), Err("damaged".into()));
        assert_eq!(
            memory.find(&Key::Sector(1), &stamp(7)),
            Some(Err("damaged".into()))
        );
        assert!(memory.find(&Key::Sector(1), &stamp(1)).is_none());
    }
}
