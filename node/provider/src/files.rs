//! Where sectors, pieces, orders and records lie.
//!
//! | path | what |
//! |---|---|
//! | `sectors/N/` | files of a sector, as `boatyard-proofs` lays them out |
//! | `sectors/N/record` | its [`SectorRecord`], CBOR |
//! | `orders/N` | an [`Order`], CBOR |
//! | `pieces/CID` | bytes of a piece that is not sealed yet |
//!
//! A record is exchanged as a whole: it is there before or after, never half.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use boatyard_proofs::sector::SectorDir;
use cid::Cid;
use fvm_ipld_encoding::{from_slice, to_vec};
use fvm_shared::sector::SectorNumber;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::order::{Order, OrderId};
use crate::record::SectorRecord;
use crate::retrieval;

const SECTORS: &str = "sectors";
const ORDERS: &str = "orders";
const PIECES: &str = "pieces";
const RECORD: &str = "record";

/// A provider's directory.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    /// Deletes the directory in the end, if it is nobody's.
    temporary: Mutex<Option<TempDir>>,
}

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct FilesError {
    /// Which.
    pub path: PathBuf,
    /// Why not.
    pub reason: io::Error,
}

impl FilesError {
    /// The same with what to do about it.
    fn advise(self, advice: &str) -> Self {
        let reason = io::Error::new(self.reason.kind(), format!("{}; {advice}", self.reason));
        Self { reason, ..self }
    }
}

impl Files {
    /// Opens a provider's directory, and makes it if there is none.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn open(directory: Option<&Path>) -> Result<Self, FilesError> {
        let (root, temporary) = match directory {
            Some(directory) => (directory.to_path_buf(), None),
            None => {
                let temporary = tempfile::Builder::new()
                    .prefix("boatyard-provider-")
                    .tempdir()
                    .map_err(|reason| FilesError {
                        path: std::env::temp_dir(),
                        reason,
                    })?;
                (temporary.path().to_path_buf(), Some(temporary))
            }
        };
        let files = Self {
            root,
            temporary: Mutex::new(temporary),
        };
        for folder in [SECTORS, ORDERS, PIECES] {
            let path = files.root.join(folder);
            at(&path, fs::create_dir_all(&path))?;
        }
        Ok(files)
    }

    /// Deletes the directory if it is nobody's, although somebody may still look into it.
    pub fn delete_temporary(&self) {
        let mut temporary = self
            .temporary
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = temporary.take().map(TempDir::close) {
            tracing::warn!(directory = %self.root.display(), %error, "a provider's temporary directory stays");
        }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A sector's files.
    pub fn sector(&self, number: SectorNumber) -> SectorDir {
        SectorDir::new(self.root.join(SECTORS).join(number.to_string()))
    }

    /// Where the bytes of a piece lie until it is sealed.
    pub fn piece(&self, piece: &Cid) -> PathBuf {
        self.root.join(PIECES).join(piece.to_string())
    }

    /// Keeps the bytes of a piece until it is sealed, and for ever where its blocks lie.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn save_piece(&self, piece: &Cid, bytes: &[u8]) -> Result<(), FilesError> {
        write_whole(&self.piece(piece), bytes)?;
        retrieval::index::note(self, piece, bytes)?;
        Ok(())
    }

    /// All sectors, by number. Of one whose record cannot be read the number is known
    /// from its folder, and it has [failed](SectorRecord::failed) for a reason that names
    /// the file and says what to do; the file stays as it is.
    ///
    /// # Errors
    /// [`FilesError`]: the folder of sectors cannot be read.
    pub fn load_sectors(&self) -> Result<Vec<SectorRecord>, FilesError> {
        let mut records: Vec<SectorRecord> = Vec::new();
        for folder in self.list(SECTORS)? {
            let name = folder.file_name().and_then(|name| name.to_str());
            let Some(number) = name.and_then(|name| name.parse().ok()) else {
                continue;
            };
            let path = folder.join(RECORD);
            if path.exists() {
                let record = read_record(&path, number);
                records
                    .push(record.unwrap_or_else(|error| SectorRecord::unreadable(number, &error)));
            }
        }
        records.sort_by_key(|record| record.number);
        Ok(records)
    }

    /// Takes a sector's record out of the way, and keeps it as `record.damaged`.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn set_record_aside(&self, number: SectorNumber) -> Result<(), FilesError> {
        let path = self.sector(number).root().join(RECORD);
        at(&path, fs::rename(&path, path.with_extension("damaged")))
    }

    /// All orders, by number.
    ///
    /// # Errors
    /// [`FilesError`]; a file that holds no order is named.
    pub fn load_orders(&self) -> Result<Vec<Order>, FilesError> {
        let mut orders: Vec<Order> = Vec::new();
        for path in self.list(ORDERS)? {
            if path.extension().is_none() {
                orders.push(read(&path).map_err(|error| {
                    error.advise(
                        "put a copy of the file back, or move it away to go on without this order",
                    )
                })?);
            }
        }
        orders.sort_by_key(|order| order.id);
        Ok(orders)
    }

    /// Writes a sector's record.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn save_sector(&self, record: &SectorRecord) -> Result<(), FilesError> {
        let folder = self.sector(record.number).root().to_path_buf();
        at(&folder, fs::create_dir_all(&folder))?;
        write(&folder.join(RECORD), record)
    }

    /// Writes an order.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn save_order(&self, order: &Order) -> Result<(), FilesError> {
        write(&self.root.join(ORDERS).join(order.id.to_string()), order)
    }

    /// Forgets an order.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn forget_order(&self, id: OrderId) -> Result<(), FilesError> {
        let path = self.root.join(ORDERS).join(id.to_string());
        match fs::remove_file(&path) {
            Err(reason) if reason.kind() != io::ErrorKind::NotFound => {
                Err(FilesError { path, reason })
            }
            _ => Ok(()),
        }
    }

    /// Forgets a sector with all its files.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn forget_sector(&self, number: SectorNumber) -> Result<(), FilesError> {
        let folder = self.sector(number).root().to_path_buf();
        match fs::remove_dir_all(&folder) {
            Err(reason) if reason.kind() != io::ErrorKind::NotFound => Err(FilesError {
                path: folder,
                reason,
            }),
            _ => Ok(()),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<PathBuf>, FilesError> {
        let folder = self.root.join(folder);
        let mut paths = Vec::new();
        for entry in at(&folder, fs::read_dir(&folder))? {
            paths.push(at(&folder, entry)?.path());
        }
        paths.sort();
        Ok(paths)
    }
}

/// Reads the record of the sector with this number.
fn read_record(path: &Path, number: SectorNumber) -> Result<SectorRecord, FilesError> {
    let record: SectorRecord = read(path)?;
    let foreign = |found: SectorNumber| FilesError {
        path: path.to_path_buf(),
        reason: io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is the record of sector {found}"),
        ),
    };
    let sealed = record.sealed.as_ref().map(|sealed| sealed.spec.number);
    for found in [Some(record.number), sealed].into_iter().flatten() {
        if found != number {
            return Err(foreign(found));
        }
    }
    Ok(record)
}

pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, FilesError> {
    let bytes = at(path, fs::read(path))?;
    from_slice(&bytes).map_err(|error| FilesError {
        path: path.to_path_buf(),
        reason: io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
    })
}

pub(crate) fn write(path: &Path, value: &impl Serialize) -> Result<(), FilesError> {
    let bytes = to_vec(value).map_err(|error| FilesError {
        path: path.to_path_buf(),
        reason: io::Error::other(error.to_string()),
    })?;
    write_whole(path, &bytes)
}

/// Writes a file so that it is there as a whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    let unfinished = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    at(path, write())
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, FilesError> {
    result.map_err(|reason| FilesError {
        path: path.to_path_buf(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_and_a_broken_one_says_so_beside_the_others() {
        let folder = TempDir::new().unwrap();
        let files = Files::open(Some(folder.path())).unwrap();
        for number in [10, 9] {
            let record = SectorRecord::new(number, 1_000, Vec::new());
            files.save_sector(&record).unwrap();
        }
        let again = Files::open(Some(folder.path())).unwrap();
        let numbers: Vec<_> = again.load_sectors().unwrap();
        assert_eq!(
            numbers
                .iter()
                .map(|record| record.number)
                .collect::<Vec<_>>(),
            [9, 10]
        );
        let broken = folder.path().join("sectors/9/record");
        let foreign = fs::read(folder.path().join("sectors/10/record")).unwrap();
        for (bytes, words) in [(&b"mars"[..], "terminate 9"), (&foreign, "of sector 10")] {
            fs::write(&broken, bytes).unwrap();
            let loaded = again.load_sectors().unwrap();
            assert_eq!((loaded[0].number, loaded.len()), (9, 2));
            let reason = loaded[0].failed.clone().unwrap();
            assert!(reason.contains(broken.to_str().unwrap()), "{reason}");
            assert!(reason.contains(words), "{reason}");
            assert_eq!(loaded[1].failed, None);
            assert_eq!(fs::read(&broken).unwrap(), bytes);
        }
        again.set_record_aside(9).unwrap();
        assert_eq!(again.load_sectors().unwrap().len(), 1);
        again.forget_sector(10).unwrap();
        assert_eq!(again.load_sectors().unwrap(), []);

        let order = folder.path().join("orders/3");
        fs::write(&order, b"mars").unwrap();
        let refused = again.load_orders().unwrap_err();
        assert_eq!(refused.path, order);
        assert!(refused.to_string().contains("move it away"), "{refused}");
    }
}
