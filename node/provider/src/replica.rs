//! Bytes of pieces out of the provider's own replicas.
//!
//! Once a piece is sealed its bytes are deleted. Where they are needed again they come out
//! of the sector: compared with the piece's commitment, so that a damaged replica gives
//! nothing rather than something else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use boatyard_proofs::seal::{self, SealError};
use boatyard_proofs::{UpdatedSector, piece};
use cid::Cid;
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::SectorNumber;

use crate::order::OrderId;
use crate::pipeline::PipelineError;
use crate::provider::{Provider, Shelf};
use crate::record::{SectorPiece, SectorRecord, place};
use crate::task::Tasks;

/// A proven sector that holds a piece, and whose replica is not known to be damaged.
pub(crate) fn holder(
    sectors: &BTreeMap<SectorNumber, SectorRecord>,
    tasks: &Tasks,
    wanted: &Cid,
) -> Option<SectorNumber> {
    let records = sectors.values();
    records
        .filter(|record| record.released && record.failed.is_none() && record.sealed.is_some())
        .filter(|record| !tasks.is_unreadable(record.number))
        .find(|record| {
            let mut held = record.held().iter();
            held.any(|piece| piece.piece.cid == *wanted)
        })
        .map(|record| record.number)
}

/// Has the bytes of a piece lie where those of pieces lie that wait to be sealed, if they
/// are there or a sector of the provider's holds the piece. Gives whether they are there.
/// A sector that does not give them is not asked again until something is done about it.
///
/// # Errors
/// [`PipelineError::NotGivenBack`], failing files.
pub(crate) fn fetch(shelf: &mut Shelf<'_>, wanted: &Cid) -> Result<bool, PipelineError> {
    let mut trouble = None;
    loop {
        if shelf.files.piece(wanted).exists() {
            return Ok(true);
        }
        let Some(sector) = holder(shelf.sectors, shelf.tasks, wanted) else {
            return trouble.map_or(Ok(false), Err);
        };
        match unseal(shelf, sector, wanted) {
            Ok(bytes) => shelf.files.save_piece(wanted, &bytes)?,
            Err(error) => {
                tracing::warn!(miner = shelf.config.miner, sector, piece = %wanted, %error, "a sector does not give a piece back");
                shelf.tasks.note_unreadable(sector);
                trouble = Some(PipelineError::NotGivenBack {
                    piece: *wanted,
                    sector,
                    reason: error.to_string(),
                });
            }
        }
    }
}

/// The same for whoever is not at the desk; waits for it only if there is something to
/// unseal.
///
/// # Errors
/// As [`fetch`].
pub(crate) fn have(provider: &Provider, wanted: &Cid) -> Result<bool, PipelineError> {
    match provider.files().piece(wanted).exists() {
        true => Ok(true),
        false => provider.at_desk(|shelf| fetch(shelf, wanted)),
    }
}

/// The bytes of a piece out of a sector that holds it.
fn unseal(shelf: &Shelf<'_>, number: SectorNumber, wanted: &Cid) -> Result<Vec<u8>, PipelineError> {
    let record = shelf.sectors.get(&number);
    let Some((record, sealed)) = record.and_then(|record| Some((record, record.sealed.as_ref()?)))
    else {
        return Err(PipelineError::NoData(*wanted));
    };
    let dir = shelf.files.sector(number);
    let proven = record.update.as_ref().filter(|update| update.proven);
    let data = match proven.and_then(|update| update.updated.as_ref()) {
        Some(updated) => {
            seal::decode_update(&dir, updated)?;
            dir.update_unsealed()
        }
        None => {
            seal::unseal(&dir, sealed)?;
            dir.unsealed()
        }
    };
    let bytes = cut(&data, record.held(), wanted, length_of(shelf, None, wanted));
    let _ = fs::remove_file(data);
    bytes
}

/// Has the bytes of an update's pieces lie where those of pieces lie that wait to be
/// sealed, as far as they do not.
///
/// # Errors
/// The replicas do not give them.
pub(crate) fn keep_update(
    shelf: &Shelf<'_>,
    number: SectorNumber,
    pieces: &[SectorPiece],
    updated: &UpdatedSector,
) -> Result<(), PipelineError> {
    let here = |held: &SectorPiece| shelf.files.piece(&held.piece.cid).exists();
    if pieces.iter().all(here) {
        return Ok(());
    }
    let dir = shelf.files.sector(number);
    seal::decode_update(&dir, updated)?;
    let data = dir.update_unsealed();
    keep(shelf, pieces, &data)?;
    let _ = fs::remove_file(data);
    Ok(())
}

/// Saves the bytes of those pieces that are not here, out of the padded data of a sector
/// that holds all of these.
///
/// # Errors
/// It does not hold them.
pub(crate) fn keep(
    shelf: &Shelf<'_>,
    pieces: &[SectorPiece],
    data: &Path,
) -> Result<(), PipelineError> {
    for held in pieces {
        let cid = &held.piece.cid;
        if !shelf.files.piece(cid).exists() {
            let bytes = cut(data, pieces, cid, length_of(shelf, Some(held.order), cid))?;
            shelf.files.save_piece(cid, &bytes)?;
        }
    }
    Ok(())
}

/// How many bytes were handed in for a piece: for this order, or for any.
fn length_of(shelf: &Shelf<'_>, order: Option<OrderId>, piece: &Cid) -> Option<u64> {
    let known = |length: u64| (length > 0).then_some(length);
    let own = order.and_then(|id| shelf.orders.get(&id));
    let same = shelf.orders.values().filter(|one| one.piece.cid == *piece);
    own.and_then(|order| known(order.length))
        .or_else(|| known(same.map(|one| one.length).max()?))
}

/// The bytes of a piece out of the padded data of a sector that holds these pieces.
fn cut(
    data: &Path,
    pieces: &[SectorPiece],
    wanted: &Cid,
    length: Option<u64>,
) -> Result<Vec<u8>, PipelineError> {
    let (offset, size) = place(pieces, wanted).ok_or(PipelineError::NoData(*wanted))?;
    let size = PaddedPieceSize(size).unpadded();
    let start = PaddedPieceSize(offset).unpadded().0;
    let length = length.unwrap_or(size.0).min(size.0);
    let bytes = seal::read_unsealed(data, start..start.saturating_add(length))?;
    let found = piece::of_reader(&bytes[..], size).map_err(SealError::from)?;
    match found.cid == *wanted {
        true => Ok(bytes),
        false => Err(SealError::WrongData {
            expected: *wanted,
            found: found.cid,
        }
        .into()),
    }
}
