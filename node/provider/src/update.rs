//! Data for committed capacity: replica updates (spec 05 §16).
//!
//! An order that is to go into committed capacity waits until a sector of zeros is
//! proven that lasts long enough. Its data is encoded into the sector's replica, the
//! update is proven, and from then on Window PoSts are made from the new replica. The
//! old one stays: the data is decoded with it.

use std::fs;

use boatyard_chain::Turn;
use boatyard_miner::types::{ProveReplicaUpdates3Params, SectorUpdateManifest};
use boatyard_proofs::seal;
use boatyard_proofs::sector::SectorDir;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;

use crate::miner::{MinerError, MinerView};
use crate::order::{Order, Placement};
use crate::pipeline::{
    Move, PipelineError, can_prove_seal, discard, manifests, stage, waits_for_market,
};
use crate::place::{Health, Place};
use crate::provider::{Shelf, encode as encoded};
use crate::record::{SectorPiece, SectorRecord, UpdateRecord};
use crate::refusal;
use crate::replica;
use crate::task::Task;

/// Method of the miner.
const PROVE_REPLICA_UPDATES3: u64 = 35;
/// Why an update without orders is given up.
const UNWANTED: &str = "nobody wants its data any more";

/// Puts ready orders into sectors of zeros, the large ones first. What finds none waits.
pub(crate) fn pack(
    shelf: &mut Shelf<'_>,
    view: &MinerView,
    epoch: ChainEpoch,
) -> Result<(), PipelineError> {
    let mut waiting = waiting(shelf);
    if waiting.is_empty() {
        return Ok(());
    }
    waiting.sort_by_key(|order| (std::cmp::Reverse(order.piece.size.0), order.id));
    for (number, expiration) in vacancies(shelf, view)? {
        let mut free = shelf.config.sector_size() as u64;
        let mut taken: Vec<Order> = Vec::new();
        waiting.retain(|order| {
            let fits = order.piece.size.0 <= free && lasts(order, epoch, expiration);
            if fits {
                free -= order.piece.size.0;
                taken.push(order.clone());
            }
            !fits
        });
        if taken.is_empty() {
            continue;
        }
        let Some(mut record) = shelf.sectors.get(&number).cloned() else {
            continue;
        };
        let pieces = taken.iter().map(|order| SectorPiece {
            piece: order.piece.clone(),
            order: order.id,
        });
        record.update = Some(UpdateRecord {
            pieces: pieces.collect(),
            updated: None,
            proven: false,
        });
        shelf.put_sector(record)?;
        for mut order in taken {
            order.sector = Some(number);
            shelf.put_order(order)?;
        }
    }
    Ok(())
}

fn waiting(shelf: &Shelf<'_>) -> Vec<Order> {
    let orders = shelf.orders.values();
    orders
        .filter(|order| order.is_ready() && order.placement == Placement::CommittedCapacity)
        .cloned()
        .collect()
}

/// Whether a sector that ends then suits an order.
fn lasts(order: &Order, epoch: ChainEpoch, expiration: ChainEpoch) -> bool {
    let latest = order.latest_end(epoch);
    order.end <= expiration && latest.is_none_or(|latest| expiration <= latest)
}

/// Sectors of zeros that are proven and whose replica is here, with their last epochs:
/// those that end soonest first, so that long ones stay free.
fn vacancies(
    shelf: &Shelf<'_>,
    view: &MinerView,
) -> Result<Vec<(SectorNumber, ChainEpoch)>, MinerError> {
    let mut vacancies = Vec::new();
    for record in shelf.sectors.values() {
        let number = record.number;
        let empty = record.pieces.is_empty() && record.update.is_none();
        if !empty || !record.released || record.failed.is_some() {
            continue;
        }
        let Some(sealed) = &record.sealed else {
            continue;
        };
        let Some(on_chain) = view.sector(number)? else {
            continue;
        };
        let ours = on_chain.sealed_cid == sealed.sealed_cid();
        if !ours || !shelf.files.sector(number).sealed().exists() {
            continue;
        }
        let place = Place::find(view, number)?;
        if place.is_some_and(|place| place.health == Health::Active) {
            vacancies.push((on_chain.expiration, number));
        }
    }
    vacancies.sort_unstable();
    Ok(vacancies
        .into_iter()
        .map(|(expiration, number)| (number, expiration))
        .collect())
}

/// When an update, or an order that waits for one, wants a tipset, seen from this head.
///
/// # Errors
/// [`MinerError`].
pub(crate) fn next(
    shelf: &Shelf<'_>,
    view: &MinerView,
    head: ChainEpoch,
) -> Result<Option<ChainEpoch>, MinerError> {
    let now = head + 1;
    let waiting = waiting(shelf);
    if !waiting.is_empty() {
        let suits = |(_, expiration): &(SectorNumber, ChainEpoch)| {
            waiting.iter().any(|order| lasts(order, now, *expiration))
        };
        if vacancies(shelf, view)?.iter().any(suits) {
            return Ok(Some(now));
        }
    }
    let mut wishes = Vec::new();
    for number in open(shelf) {
        let ready = shelf.tasks.ready_at(&Task::Update(number), now);
        match Place::find(view, number)? {
            Some(place) if place.health == Health::Active => {
                wishes.push(place.mutable_from(view, now).max(ready));
            }
            // It is looked at again when something else changes its state.
            Some(place) if place.health != Health::Terminated => {}
            _ => wishes.push(ready),
        }
    }
    Ok(wishes.into_iter().min())
}

/// Sectors with an update that is not known to be proven.
fn open(shelf: &Shelf<'_>) -> Vec<SectorNumber> {
    let records = shelf.sectors.values();
    records
        .filter(|record| record.failed.is_none() && record.released)
        .filter(|record| record.update.as_ref().is_some_and(|update| !update.proven))
        .map(|record| record.number)
        .collect()
}

/// Takes every update as far as it gets in this tipset.
pub(crate) fn advance(shelf: &mut Shelf<'_>, view: &MinerView, turn: &Turn<'_>) -> Vec<Move> {
    let mut moves = Vec::new();
    for number in open(shelf) {
        match step(shelf, view, turn, number) {
            Ok(next) => moves.extend(next),
            Err(error) => {
                tracing::error!(miner = shelf.config.miner, sector = number, %error, "an update gets no further");
                shelf.tasks.rest(Task::Update(number), turn.epoch());
            }
        }
    }
    moves
}

fn step(
    shelf: &mut Shelf<'_>,
    view: &MinerView,
    turn: &Turn<'_>,
    number: SectorNumber,
) -> Result<Option<Move>, PipelineError> {
    let Some(mut record) = shelf.sectors.get(&number).cloned() else {
        return Ok(None);
    };
    let (Some(sealed), Some(mut update)) = (record.sealed.clone(), record.update.clone()) else {
        return Ok(None);
    };
    // The records of sectors that have ended stay for a while.
    let place = Place::find(view, number)?.filter(|place| place.health != Health::Terminated);
    let (Some(on_chain), Some(place)) = (view.sector(number)?, place) else {
        return abandon(shelf, number, "the sector has ended");
    };
    let updated = update.updated.as_ref().map(|updated| updated.sealed_cid());
    if updated == Some(on_chain.sealed_cid) {
        update.proven = true;
        record.update = Some(update);
        shelf.put_sector(record)?;
        release(shelf, number)?;
        return Ok(None);
    }
    if on_chain.sealed_cid != sealed.sealed_cid() {
        return abandon(
            shelf,
            number,
            "the chain has another replica of this sector",
        );
    }
    if is_unwanted(shelf, &update.pieces) {
        return abandon(shelf, number, UNWANTED);
    }
    let task = Task::Update(number);
    if place.health != Health::Active {
        // It has to recover first.
        return Ok(None);
    }
    let epoch = turn.epoch();
    if place.mutable_from(view, epoch) > epoch || !shelf.tasks.may(&task, epoch) {
        return Ok(None);
    }
    if waits_for_market(shelf, &update.pieces) {
        return Ok(None);
    }
    let dir = shelf.files.sector(number);
    if !can_prove_seal(&dir.update_cache()) {
        let updated = encode(shelf, &dir, &sealed, &update)?;
        update.updated = Some(updated);
        record.update = Some(update.clone());
        shelf.put_sector(record)?;
    }
    let Some(updated) = &update.updated else {
        return Ok(None);
    };
    let proof = shelf.config.prover.prove_update(&dir, &sealed, updated)?;
    shelf.store_blocks(turn, &proof)?;
    let params = |pieces| {
        let params = ProveReplicaUpdates3Params {
            sector_updates: vec![SectorUpdateManifest {
                sector: number,
                deadline: place.deadline,
                partition: place.partition,
                new_sealed_cid: updated.sealed_cid(),
                pieces,
            }],
            sector_proofs: vec![RawBytes::new(proof.bytes.clone())],
            aggregate_proof: RawBytes::default(),
            update_proofs_type: updated.proof,
            aggregate_proof_type: None,
            require_activation_success: true,
            require_notification_success: true,
        };
        Ok(encoded(&params)?)
    };
    let (pieces, method) = (&update.pieces, PROVE_REPLICA_UPDATES3);
    refusal::settle(shelf, turn, &task, pieces, method, params)?;
    if is_unwanted(shelf, pieces) {
        return abandon(shelf, number, UNWANTED);
    }
    Ok(Some(Move {
        task,
        value: TokenAmount::default(),
        method,
        params: params(manifests(shelf.orders, pieces))?,
    }))
}

/// Whether all orders of an update have failed or are gone.
fn is_unwanted(shelf: &Shelf<'_>, pieces: &[SectorPiece]) -> bool {
    pieces.iter().all(|piece| {
        let order = shelf.orders.get(&piece.order);
        order.is_none_or(|order| order.failed.is_some())
    })
}

/// Encodes the update's data into the replica: the bytes of the pieces or, where they
/// are gone because the update was proven before the chain went back, what the updated
/// replica holds.
pub(crate) fn encode(
    shelf: &Shelf<'_>,
    dir: &SectorDir,
    sealed: &boatyard_proofs::SealedSector,
    update: &UpdateRecord,
) -> Result<boatyard_proofs::UpdatedSector, PipelineError> {
    let pieces = match (
        stage(shelf, &update.pieces, &dir.update_unsealed()),
        &update.updated,
    ) {
        (Ok(pieces), _) => pieces,
        (Err(PipelineError::NoData(_)), Some(updated)) if dir.update().exists() => {
            seal::decode_update(dir, updated)?;
            updated.pieces.clone()
        }
        (Err(error), _) => return Err(error),
    };
    Ok(seal::update(dir, sealed, &pieces)?)
}

/// Takes an update back before its sector is sealed anew, into another replica: its data
/// is to be encoded again. If the old replica does not give the data back, the orders wait
/// for another sector and for their bytes.
pub(crate) fn withdraw(
    shelf: &mut Shelf<'_>,
    record: &mut SectorRecord,
) -> Result<(), PipelineError> {
    let number = record.number;
    let Some(update) = &mut record.update else {
        return Ok(());
    };
    let Some(updated) = update.updated.take() else {
        return Ok(());
    };
    update.proven = false;
    if let Err(error) = replica::keep_update(shelf, number, &update.pieces, &updated) {
        tracing::warn!(miner = shelf.config.miner, sector = number, %error, "the data of an update is lost; its orders wait for it");
        for piece in record
            .update
            .take()
            .into_iter()
            .flat_map(|update| update.pieces)
        {
            let Some(mut order) = shelf.orders.get(&piece.order).cloned() else {
                continue;
            };
            order.sector = None;
            if !shelf.files.piece(&piece.piece.cid).exists() {
                order.length = 0;
            }
            shelf.put_order(order)?;
        }
    }
    delete(&shelf.files.sector(number));
    Ok(())
}

/// Deletes all files of an update.
fn delete(dir: &SectorDir) {
    let _ = fs::remove_file(dir.update_unsealed());
    let _ = fs::remove_file(dir.update());
    let _ = fs::remove_dir_all(dir.update_cache());
}

/// Deletes what only the update's proof needed.
pub(crate) fn release(shelf: &Shelf<'_>, number: SectorNumber) -> Result<(), PipelineError> {
    let dir = shelf.files.sector(number);
    if dir.update_cache().exists() {
        seal::release_update(&dir)?;
    }
    let _ = fs::remove_file(dir.update_unsealed());
    if let Some(record) = shelf.sectors.get(&number) {
        discard(shelf, number, record.held());
    }
    Ok(())
}

/// Leaves the sector as it is; its orders that can still start wait for another one.
fn abandon(
    shelf: &mut Shelf<'_>,
    number: SectorNumber,
    reason: &str,
) -> Result<Option<Move>, PipelineError> {
    tracing::warn!(
        miner = shelf.config.miner,
        sector = number,
        reason,
        "an update is given up"
    );
    let Some(mut record) = shelf.sectors.get(&number).cloned() else {
        return Ok(None);
    };
    let dir = shelf.files.sector(number);
    let update = record.update.take();
    shelf.put_sector(record)?;
    for piece in update.map(|update| update.pieces).unwrap_or_default() {
        if let Some(mut order) = shelf.orders.get(&piece.order).cloned() {
            order.sector = None;
            shelf.put_order(order)?;
        }
    }
    delete(&dir);
    Ok(None)
}
