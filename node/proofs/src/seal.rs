//! Data to sealed files and back: replication, unsealing, replica updates.
//!
//! The way of a sector: [`stage`] its pieces, [`replicate`], prove
//! ([`Prover::prove_seal`](crate::Prover::prove_seal)), [`release`] what only sealing
//! needed. Each step either leaves its results in place or nothing: after a kill in
//! the middle, repeat it. Steps of one sector must not run at the same time; those of
//! different sectors may.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use filecoin_proofs_api as api;
use fvm_shared::piece::{PieceInfo, UnpaddedPieceSize};
use fvm_shared::sector::{RegisteredSealProof, SectorSize};

use crate::commitment::{self, prover_id};
use crate::guard::guard;
use crate::parents;
use crate::piece::{self, PieceError};
use crate::sector::{SealedSector, SectorDir, SectorSpec, UpdatedSector};
use crate::settings::{self, SettingsError};

/// Why a sector could not be sealed, updated or unsealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A file cannot be read or written.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// Pieces do not fit together.
    #[error(transparent)]
    Piece(#[from] PieceError),
    /// The data is not what the piece's commitment says.
    #[error("the data of piece {expected} has the commitment {found}")]
    WrongData {
        /// CommP that was announced.
        expected: cid::Cid,
        /// CommP of the data.
        found: cid::Cid,
    },
    /// This kind of sector cannot be sealed here.
    #[error("cannot seal: {0}")]
    Refused(String),
    /// Files of the sector are damaged.
    #[error("files of the sector are damaged: {0}")]
    Damaged(String),
    /// The proof library failed.
    #[error("sealing failed: {0}")]
    Failed(String),
    /// The proof library cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// A piece on its way into a sector.
pub struct PieceSource<'a> {
    /// Delivers the data; what it is shorter than the piece is filled with zeros.
    pub data: Box<dyn Read + 'a>,
    /// Size of the piece.
    pub size: UnpaddedPieceSize,
    /// CommP that the data must have, if known.
    pub expected: Option<cid::Cid>,
}

/// Writes a sector's data, padded, to `target` ([`SectorDir::unsealed`] or
/// [`SectorDir::update_unsealed`]): the pieces in order, each at a multiple of its
/// size, zeros everywhere else. Without pieces the sector is one of committed
/// capacity. Gives the pieces that fill the sector, zero pieces included.
///
/// # Errors
/// Pieces that do not fit, data that is not what was announced, failing files.
pub fn stage(
    target: &Path,
    size: SectorSize,
    pieces: Vec<PieceSource<'_>>,
) -> Result<Vec<PieceInfo>, SealError> {
    let unfinished = unfinished(target);
    if let Some(folder) = target.parent() {
        at(folder, fs::create_dir_all(folder))?;
    }
    let file = at(&unfinished, File::create(&unfinished))?;
    at(&unfinished, file.set_len(size as u64))?;
    let mut file = BufWriter::new(file);
    let mut infos: Vec<PieceInfo> = Vec::with_capacity(pieces.len());
    let mut end = 0;
    for source in pieces {
        let padded = piece::padded(source.size)?.0;
        let start = u64::next_multiple_of(end, padded);
        end = start.saturating_add(padded);
        if end > size as u64 {
            return Err(PieceError::Overfull {
                needed: end.into(),
                sector: size as u64,
            }
            .into());
        }
        at(&unfinished, file.seek(SeekFrom::Start(start)))?;
        let info = piece::pad(source.data, source.size, |bytes| file.write_all(bytes))?;
        match source.expected {
            Some(expected) if expected != info.cid => {
                return Err(SealError::WrongData {
                    expected,
                    found: info.cid,
                });
            }
            _ => infos.push(info),
        }
    }
    let file = file.into_inner().map_err(io::IntoInnerError::into_error);
    at(&unfinished, file.and_then(|file| file.sync_all()))?;
    at(target, fs::rename(&unfinished, target))?;
    Ok(piece::fill(size, &infos)?)
}

/// Replicates the staged data: labels, encoding, CommC, CommRLast, CommR. Leaves the
/// replica and its trees in `dir`, replacing what was there.
///
/// # Errors
/// When staged data and pieces do not agree, or files fail. Synthetic types need
/// sectors of 2 KiB: for larger ones the library would write gigabytes.
pub fn replicate(
    dir: &SectorDir,
    spec: &SectorSpec,
    pieces: &[PieceInfo],
) -> Result<SealedSector, SealError> {
    settings::check()?;
    let size = sector_size(spec.proof)?;
    let proof = api_type(spec.proof)?;
    let synthetic = proof.feature_enabled(api::ApiFeature::SyntheticPoRep);
    if synthetic && size != SectorSize::_2KiB {
        return Err(SealError::Refused(format!(
            "synthetic proofs of {size:?} sectors take gigabytes; use the interactive type"
        )));
    }
    let pieces = piece::fill(size, pieces)?;
    let comm_d = piece::comm_d(size, &pieces)?;
    let infos = api_pieces(&pieces)?;
    parents::ensure(spec.proof)?;

    let scratch = fresh(&dir.scratch())?;
    let (cache, sealed) = (scratch.join("cache"), scratch.join("sealed"));
    at(&cache, fs::create_dir(&cache))?;
    at(&sealed, File::create(&sealed))?;
    let prover = prover_id(spec.miner);
    let number = api::SectorId::from(spec.number);
    let committed = guard(|| {
        let labels = api::seal::seal_pre_commit_phase1(
            proof,
            &cache,
            dir.unsealed(),
            &sealed,
            prover,
            number,
            spec.ticket,
            &infos,
        )?;
        let committed = api::seal::seal_pre_commit_phase2(labels, &cache, &sealed)?;
        if synthetic {
            api::seal::generate_synth_proofs(
                &cache,
                &sealed,
                prover,
                number,
                spec.ticket,
                committed.clone(),
                &infos,
            )?;
        }
        Ok(committed)
    })
    .map_err(SealError::Failed)?;
    if committed.comm_d != comm_d {
        return Err(SealError::Refused(
            "the staged data is not that of the pieces; stage it again".into(),
        ));
    }
    sync_all(&scratch)?;
    move_over(&cache, &dir.cache())?;
    move_over(&sealed, &dir.sealed())?;
    at(&scratch, fs::remove_dir_all(&scratch))?;
    Ok(SealedSector {
        spec: spec.clone(),
        pieces,
        comm_d,
        comm_r: committed.comm_r,
    })
}

/// Deletes what only sealing and its proof need: labels, data tree, column tree and
/// synthetic proofs. Proofs of spacetime and replica updates work without them.
///
/// # Errors
/// When files cannot be deleted.
pub fn release(dir: &SectorDir) -> Result<(), SealError> {
    let cache = dir.cache();
    guard(|| {
        api::seal::clear_cache(&cache)?;
        api::seal::clear_synthetic_proofs(&cache)
    })
    .map_err(SealError::Failed)
}

/// Deletes what only a replica update's proof needs.
///
/// # Errors
/// When files cannot be deleted.
pub fn release_update(dir: &SectorDir) -> Result<(), SealError> {
    let cache = dir.update_cache();
    guard(|| api::seal::clear_cache(&cache)).map_err(SealError::Failed)
}

/// Gives back the [unsealed file](SectorDir::unsealed) from the replica and the
/// sector's public data alone, and compares it with CommD. Takes as long as sealing.
///
/// # Errors
/// [`SealError::Damaged`] when what comes out is not the data.
pub fn unseal(dir: &SectorDir, sector: &SealedSector) -> Result<(), SealError> {
    settings::check()?;
    let spec = &sector.spec;
    let size = sector_size(spec.proof)?;
    let proof = api_type(spec.proof)?;
    parents::ensure(spec.proof)?;
    // The library writes labels into the cache directory it is given.
    let scratch = fresh(&dir.scratch())?;
    let cache = scratch.join("cache");
    at(&cache, fs::create_dir(&cache))?;
    let output = scratch.join("data");
    let target = at(&output, File::create(&output))?;
    let replica = at(&dir.sealed(), File::open(dir.sealed()))?;
    check_length(&dir.sealed(), size)?;
    let data_size = api::UnpaddedBytesAmount::from(api::PaddedBytesAmount(size as u64));
    guard(|| {
        api::seal::unseal_range(
            proof,
            &cache,
            BufReader::new(replica),
            BufWriter::new(target),
            prover_id(spec.miner),
            api::SectorId::from(spec.number),
            sector.comm_d,
            spec.ticket,
            api::UnpaddedByteIndex(0),
            data_size,
        )
    })
    .map_err(SealError::Failed)?;
    let source = PieceSource {
        data: Box::new(BufReader::new(at(&output, File::open(&output))?)),
        size: UnpaddedPieceSize(data_size.0),
        expected: Some(sector.unsealed_cid()),
    };
    let unsealed = scratch.join("unsealed");
    stage(&unsealed, size, vec![source]).map_err(damaged)?;
    move_over(&unsealed, &dir.unsealed())?;
    at(&scratch, fs::remove_dir_all(&scratch))
}

/// Reads data out of an unsealed file; offsets count bytes before padding.
///
/// # Errors
/// A range that ends behind the file, failing reads.
pub fn read_unsealed(file: &Path, range: Range<u64>) -> Result<Vec<u8>, SealError> {
    const QUAD: u64 = 127;
    const PADDED_QUAD: u64 = 128;
    let outside = || SealError::File {
        path: file.into(),
        reason: io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("bytes {}..{} are not in it", range.start, range.end),
        ),
    };
    let mut source = at(file, File::open(file))?;
    let length = at(file, source.metadata())?.len() / PADDED_QUAD * QUAD;
    let wanted = range.end.checked_sub(range.start).ok_or_else(outside)?;
    if range.end > length {
        return Err(outside());
    }
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let first = range.start / QUAD;
    let last = range.end.div_ceil(QUAD);
    let mut padded = vec![0; ((last - first) * PADDED_QUAD) as usize];
    at(file, source.seek(SeekFrom::Start(first * PADDED_QUAD)))?;
    at(file, source.read_exact(&mut padded))?;
    let mut data = Vec::with_capacity(wanted as usize);
    let skip = (range.start - first * QUAD) as usize;
    let written = fr32::write_unpadded(&padded, &mut data, skip, wanted as usize);
    at(file, written)?;
    Ok(data)
}

/// Encodes the data staged at [`SectorDir::update_unsealed`] into the replica of a
/// committed-capacity sector. The old replica stays: proving and decoding need it.
///
/// # Errors
/// When staged data and pieces do not agree, or files are missing or damaged.
pub fn update(
    dir: &SectorDir,
    sector: &SealedSector,
    pieces: &[PieceInfo],
) -> Result<UpdatedSector, SealError> {
    settings::check()?;
    let size = sector_size(sector.spec.proof)?;
    let proof = sector
        .spec
        .proof
        .registered_update_proof()
        .map_err(SealError::Refused)?;
    let pieces = piece::fill(size, pieces)?;
    let comm_d = piece::comm_d(size, &pieces)?;
    let infos = api_pieces(&pieces)?;
    let staged = dir.update_unsealed();
    check_length(&staged, size)?;
    check_length(&dir.sealed(), size)?;
    let scratch = fresh(&dir.scratch())?;
    let (cache, replica) = (scratch.join("cache"), scratch.join("update"));
    at(&cache, fs::create_dir(&cache))?;
    let file = at(&replica, File::create(&replica))?;
    at(&replica, file.set_len(size as u64))?;
    let encoded = guard(|| {
        api::update::empty_sector_update_encode_into(
            api_update_type(proof)?,
            &replica,
            &cache,
            dir.sealed(),
            dir.cache(),
            &staged,
            &infos,
        )
    })
    .map_err(SealError::Failed)?;
    if encoded.comm_d_new != comm_d {
        return Err(SealError::Refused(
            "the staged data is not that of the pieces; stage it again".into(),
        ));
    }
    sync_all(&scratch)?;
    move_over(&cache, &dir.update_cache())?;
    move_over(&replica, &dir.update())?;
    at(&scratch, fs::remove_dir_all(&scratch))?;
    Ok(UpdatedSector {
        proof,
        pieces,
        comm_r_old: sector.comm_r,
        comm_d,
        comm_r: encoded.comm_r_new,
    })
}

/// Gives back [`SectorDir::update_unsealed`] from the updated and the old replica, and
/// compares it with CommD. Much faster than [`unseal`].
///
/// # Errors
/// [`SealError::Damaged`] when what comes out is not the data.
pub fn decode_update(dir: &SectorDir, update: &UpdatedSector) -> Result<(), SealError> {
    settings::check()?;
    let proof = update.proof;
    let scratch = fresh(&dir.scratch())?;
    let output = scratch.join("data");
    let size = at(&dir.update(), fs::metadata(dir.update()))?.len();
    let file = at(&output, File::create(&output))?;
    at(&output, file.set_len(size))?;
    guard(|| {
        api::update::empty_sector_update_decode_from(
            api_update_type(proof)?,
            &output,
            dir.update(),
            dir.sealed(),
            dir.cache(),
            update.comm_d,
        )
    })
    .map_err(SealError::Failed)?;
    let source = BufReader::new(at(&output, File::open(&output))?);
    let found = at(&output, piece::of_padded(source, size))?;
    if found != update.comm_d {
        return Err(SealError::Damaged(
            "decoding the replica does not give the data of its CommD".into(),
        ));
    }
    move_over(&output, &dir.update_unsealed())?;
    at(&scratch, fs::remove_dir_all(&scratch))
}

/// Sector size of a seal type.
pub(crate) fn sector_size(proof: RegisteredSealProof) -> Result<SectorSize, SealError> {
    proof.sector_size().map_err(SealError::Refused)
}

pub(crate) fn api_type(proof: RegisteredSealProof) -> Result<api::RegisteredSealProof, SealError> {
    proof.try_into().map_err(SealError::Refused)
}

pub(crate) fn api_update_type(
    proof: fvm_shared::sector::RegisteredUpdateProof,
) -> anyhow::Result<api::RegisteredUpdateProof> {
    proof.try_into().map_err(anyhow::Error::msg)
}

pub(crate) fn api_pieces(pieces: &[PieceInfo]) -> Result<Vec<api::PieceInfo>, SealError> {
    pieces
        .iter()
        .map(|piece| {
            Ok(api::PieceInfo {
                commitment: commitment::from_unsealed_cid(&piece.cid).map_err(PieceError::from)?,
                size: api::UnpaddedBytesAmount(piece.size.unpadded().0),
            })
        })
        .collect()
}

fn damaged(error: SealError) -> SealError {
    match error {
        SealError::WrongData { .. } => {
            SealError::Damaged("unsealing the replica does not give the data of its CommD".into())
        }
        other => other,
    }
}

fn check_length(path: &Path, size: SectorSize) -> Result<(), SealError> {
    let length = at(path, fs::metadata(path))?.len();
    if length != size as u64 {
        return Err(SealError::Damaged(format!(
            "{} has {length} bytes instead of {}",
            path.display(),
            size as u64
        )));
    }
    Ok(())
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// An empty directory; what a killed run left in it is deleted.
fn fresh(directory: &Path) -> Result<PathBuf, SealError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => at(directory, Err(error))?,
        _ => at(directory, fs::create_dir_all(directory))?,
    }
    Ok(directory.into())
}

/// Puts a file or directory in the place of another.
fn move_over(from: &Path, to: &Path) -> Result<(), SealError> {
    let removed = match to.is_dir() {
        true => fs::remove_dir_all(to),
        false => fs::remove_file(to),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => at(to, Err(error))?,
        _ => at(to, fs::rename(from, to))?,
    }
    Ok(())
}

/// Makes what lies in a directory durable.
fn sync_all(directory: &Path) -> Result<(), SealError> {
    for entry in at(directory, fs::read_dir(directory))? {
        let path = at(directory, entry)?.path();
        match path.is_dir() {
            true => sync_all(&path)?,
            false => at(&path, File::open(&path).and_then(|file| file.sync_all()))?,
        }
    }
    Ok(())
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, SealError> {
    result.map_err(|reason| SealError::File {
        path: path.into(),
        reason,
    })
}
