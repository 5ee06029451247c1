//! Orders to sectors: pack, seal, pre-commit, prove (spec 05 §9, §12).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use boatyard_actors_shared::MARKET_ACTOR;
use boatyard_chain::{ChainError, Turn};
use boatyard_miner::lifetimes::max_prove_commit_duration;
use boatyard_miner::schema::{SectorPreCommitInfo, SectorPreCommitOnChainInfo};
use boatyard_miner::types::{
    DataActivationNotification, PieceActivationManifest, PreCommitSectorBatchParams,
    ProveCommitSectors3Params, SectorActivationManifest, VerifiedAllocationKey,
};
use boatyard_proofs::seal::{self, PieceSource, SealError};
use boatyard_proofs::sector::{Interaction, SectorSpec, seal_type};
use boatyard_proofs::{ProveError, SealedSector};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::{RegisteredSealProof, SectorNumber};

use crate::deposit;
use crate::files::FilesError;
use crate::miner::{MinerError, MinerView};
use crate::non_interactive;
use crate::order::{Order, OrderId, Placement, Purpose};
use crate::provider::{Shelf, encode};
use crate::record::{SectorPiece, SectorRecord};
use crate::refusal;
use crate::replica;
use crate::task::Task;
use crate::update;
use crate::window::miner_entropy;

/// Domain of tickets (spec 05 §10).
const SEAL_TICKET: i64 = 5;
/// Domain of the interactive seed (spec 05 §10).
const INTERACTIVE_SEED: i64 = 6;
/// A day more than the least that is needed, for what may come between.
const MARGIN: ChainEpoch = 2_880;
/// How old a ticket may be when the pre-commit is sent.
const TICKET_AGE: ChainEpoch = 900;
/// The least time that a sector has to last (spec 05 §5.8).
const MIN_LIFETIME: ChainEpoch = 180 * 2_880;

/// Why a sector cannot be sealed or proven.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// Its files.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Sealing.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Proving.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The miner's state.
    #[error(transparent)]
    Miner(#[from] MinerError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The bytes of a piece are gone.
    #[error("the bytes of piece {0} are gone; hand them in again: PUT /piece/{0}")]
    NoData(cid::Cid),
    /// The provider's own copy of a piece is damaged.
    #[error(
        "the bytes of piece {piece} are not here, and its copy in sector {sector} cannot be \
         unsealed: {reason}. Hand them in: PUT /piece/{piece}"
    )]
    NotGivenBack {
        /// The piece.
        piece: cid::Cid,
        /// The sector.
        sector: SectorNumber,
        /// Why not.
        reason: String,
    },
    /// Sealing again gave something else.
    #[error("sector {0} sealed again is not what it was; its pieces or its ticket are others")]
    OtherReplica(SectorNumber),
}

/// A message that takes a sector further.
pub struct Move {
    /// What it is for.
    pub task: Task,
    /// attoFIL that go with it.
    pub value: TokenAmount,
    /// Method of the miner.
    pub method: u64,
    /// Its parameters.
    pub params: RawBytes,
}

/// Puts ready orders into new sectors, the large ones first.
pub(crate) fn pack(
    shelf: &mut Shelf<'_>,
    view: &MinerView,
    epoch: ChainEpoch,
) -> Result<(), PipelineError> {
    let mut ready: Vec<Order> = shelf
        .orders
        .values()
        .filter(|order| is_packed(order))
        .cloned()
        .collect();
    ready.sort_by_key(|order| (std::cmp::Reverse(order.piece.size.0), order.id));
    let capacity = shelf.config.sector_size() as u64;
    let least = least_expiration(view, shelf.config.seal_proof, epoch);
    while !ready.is_empty() {
        let mut taken: Vec<Order> = Vec::new();
        let mut free = capacity;
        let (mut end, mut latest) = (least, ChainEpoch::MAX);
        ready.retain(|order| {
            let next_end = end.max(order.end);
            let next_latest = order
                .latest_end(epoch)
                .map_or(latest, |last| last.min(latest));
            let fits = order.piece.size.0 <= free && next_end <= next_latest;
            if fits {
                free -= order.piece.size.0;
                (end, latest) = (next_end, next_latest);
                taken.push(order.clone());
            }
            !fits
        });
        if taken.is_empty() {
            for mut order in ready.drain(..) {
                order.failed = Some(match order.piece.size.0 > capacity {
                    true => format!(
                        "a piece of {} bytes does not fit into a sector of {capacity}",
                        order.piece.size.0
                    ),
                    false => format!(
                        "its datacap counts until epoch {} at most, and no sector begun now may \
                         end before {}; a longer term_max is needed",
                        order.latest_end(epoch).unwrap_or_default(),
                        least.max(order.end)
                    ),
                });
                shelf.put_order(order)?;
            }
            break;
        }
        let number = free_number(shelf, view)?;
        let end = taken.iter().map(|order| order.end).max().unwrap_or(epoch);
        let pieces = taken
            .iter()
            .map(|order| SectorPiece {
                piece: order.piece.clone(),
                order: order.id,
            })
            .collect();
        shelf.put_sector(SectorRecord::new(number, end, pieces))?;
        for mut order in taken {
            order.sector = Some(number);
            shelf.put_order(order)?;
        }
    }
    Ok(())
}

/// Whether an order waits for a sector that is sealed with it.
fn is_packed(order: &Order) -> bool {
    order.is_ready() && order.placement == Placement::New
}

/// The lowest number that neither chain nor provider has used.
pub(crate) fn free_number(shelf: &Shelf<'_>, view: &MinerView) -> Result<SectorNumber, MinerError> {
    let mut number = shelf
        .sectors
        .last_key_value()
        .map_or(0, |(last, _)| last + 1);
    while view.is_number_taken(number)? {
        number += 1;
    }
    Ok(number)
}

/// Takes every sector as far as it gets in this tipset.
pub(crate) fn advance(shelf: &mut Shelf<'_>, view: &MinerView, turn: &Turn<'_>) -> Vec<Move> {
    let open: Vec<SectorNumber> = shelf
        .sectors
        .values()
        .filter(|record| record.failed.is_none() && !record.released)
        .map(|record| record.number)
        .collect();
    let mut moves = Vec::new();
    for number in open {
        match step(shelf, view, turn, number) {
            Ok(next) => moves.extend(next),
            Err(error) => {
                tracing::error!(miner = shelf.config.miner, sector = number, %error, "a sector gets no further");
                let rest = [Task::PreCommit(number), Task::Prove(number)];
                for task in rest {
                    shelf.tasks.rest(task, turn.epoch());
                }
            }
        }
    }
    moves
}

/// When a sector wants a tipset, seen from this head.
pub(crate) fn next(shelf: &Shelf<'_>, view: &MinerView, head: ChainEpoch) -> Option<ChainEpoch> {
    let now = head + 1;
    let packing = shelf.orders.values().any(is_packed).then_some(now);
    let sectors = shelf
        .sectors
        .values()
        .filter(|record| record.failed.is_none() && !record.released)
        .filter_map(|record| {
            let number = record.number;
            if record.non_interactive || view.sector(number).ok()?.is_some() {
                return Some(shelf.tasks.ready_at(&Task::Prove(number), now));
            }
            match view.pre_commit(number).ok()? {
                Some(pre_commit) => {
                    let seeded = seed_epoch(view, &pre_commit) + 1;
                    Some(shelf.tasks.ready_at(&Task::Prove(number), seeded.max(now)))
                }
                None => Some(shelf.tasks.ready_at(&Task::PreCommit(number), now)),
            }
        })
        .min();
    packing.into_iter().chain(sectors).min()
}

fn seed_epoch(view: &MinerView, pre_commit: &SectorPreCommitOnChainInfo) -> ChainEpoch {
    pre_commit.pre_commit_epoch + view.policy().pre_commit_challenge_delay
}

fn step(
    shelf: &mut Shelf<'_>,
    view: &MinerView,
    turn: &Turn<'_>,
    number: SectorNumber,
) -> Result<Option<Move>, PipelineError> {
    let epoch = turn.epoch();
    if let Some(on_chain) = view.sector(number)? {
        let ours = shelf.sealed(number).map(SealedSector::sealed_cid);
        match ours == Some(on_chain.sealed_cid) {
            true => release(shelf, number)?,
            false => shelf.give_up(number, "the chain has another sector of this number")?,
        }
        return Ok(None);
    }
    if let Some(pre_commit) = view.pre_commit(number)? {
        let task = Task::Prove(number);
        if epoch <= seed_epoch(view, &pre_commit) || !shelf.tasks.may(&task, epoch) {
            return Ok(None);
        }
        let record = shelf.sectors.get(&number);
        if record.is_some_and(|record| waits_for_market(shelf, &record.pieces)) {
            return Ok(None);
        }
        return prove(shelf, view, turn, number, &pre_commit, task).map(Some);
    }
    if view.is_number_taken(number)? {
        shelf.give_up(number, "its pre-commit ran out before it was proven")?;
        return Ok(None);
    }
    if shelf
        .sectors
        .get(&number)
        .is_some_and(|record| record.non_interactive)
    {
        let task = Task::Prove(number);
        if !shelf.tasks.may(&task, epoch) {
            return Ok(None);
        }
        ensure_sealed(shelf, view, turn, number)?;
        return non_interactive::prove(shelf, view, turn, number, task);
    }
    let task = Task::PreCommit(number);
    if !shelf.tasks.may(&task, epoch) {
        return Ok(None);
    }
    if let Some(late) = late_order(shelf, number, epoch) {
        shelf.give_up(number, &format!("order {late} was to start before"))?;
        return Ok(None);
    }
    ensure_sealed(shelf, view, turn, number)?;
    pre_commit(shelf, view, turn, number, task)
}

/// Seals a sector unless that is done, with a ticket that the chain still takes and all
/// that its proof needs.
fn ensure_sealed(
    shelf: &mut Shelf<'_>,
    view: &MinerView,
    turn: &Turn<'_>,
    number: SectorNumber,
) -> Result<(), PipelineError> {
    let provable = can_prove_seal(&shelf.files.sector(number).cache());
    if !provable || !has_valid_ticket(shelf, turn, number)? {
        seal_sector(shelf, view, turn, number)?;
    }
    Ok(())
}

/// Whether deals among these pieces are not published, because the chain went back: what
/// proves the pieces has to tell of the deals.
pub(crate) fn waits_for_market(shelf: &Shelf<'_>, pieces: &[SectorPiece]) -> bool {
    let mut orders = pieces
        .iter()
        .filter_map(|piece| shelf.orders.get(&piece.order));
    orders.any(|order| order.failed.is_none() && !order.is_known_to_market())
}

/// Whether a cache directory holds what a proof of replication or of an update needs
/// and [`release`] deletes.
pub(crate) fn can_prove_seal(cache: &Path) -> bool {
    cache.join("sc-02-data-tree-d.dat").exists()
}

/// An order of the sector that should have started by now.
fn late_order(shelf: &Shelf<'_>, number: SectorNumber, epoch: ChainEpoch) -> Option<OrderId> {
    let record = shelf.sectors.get(&number)?;
    let orders = record
        .pieces
        .iter()
        .filter_map(|piece| shelf.orders.get(&piece.order));
    orders
        .filter(|order| order.start < epoch)
        .map(|order| order.id)
        .next()
}

/// Whether the sector is sealed with a ticket that this chain has and still takes.
fn has_valid_ticket(
    shelf: &Shelf<'_>,
    turn: &Turn<'_>,
    number: SectorNumber,
) -> Result<bool, PipelineError> {
    let Some(record) = shelf.sectors.get(&number) else {
        return Ok(false);
    };
    let Some(sealed) = &record.sealed else {
        return Ok(false);
    };
    let age = turn.epoch().saturating_sub(record.ticket_epoch);
    if !(1..=TICKET_AGE).contains(&age) {
        return Ok(false);
    }
    Ok(ticket(shelf, turn, record.ticket_epoch)? == sealed.spec.ticket)
}

fn ticket(shelf: &Shelf<'_>, turn: &Turn<'_>, epoch: ChainEpoch) -> Result<[u8; 32], ChainError> {
    turn.ticket_randomness(SEAL_TICKET, epoch, &miner_entropy(shelf.config.miner))
}

fn seal_sector(
    shelf: &mut Shelf<'_>,
    view: &MinerView,
    turn: &Turn<'_>,
    number: SectorNumber,
) -> Result<(), PipelineError> {
    let Some(mut record) = shelf.sectors.get(&number).cloned() else {
        return Ok(());
    };
    let dir = shelf.files.sector(number);
    record.ticket_epoch = turn.epoch() - 1;
    let proof = match record.non_interactive {
        true => seal_type(shelf.config.sector_size(), Interaction::NonInteractive),
        false => shelf.config.seal_proof,
    };
    let spec = SectorSpec {
        proof,
        miner: shelf.config.miner,
        number,
        ticket: ticket(shelf, turn, record.ticket_epoch)?,
    };
    let pieces = data(shelf, &record)?;
    update::withdraw(shelf, &mut record)?;
    record.sealed = Some(seal::replicate(&dir, &spec, &pieces)?);
    let least = least_expiration(view, spec.proof, turn.epoch());
    record.expiration = record.expiration.max(least);
    shelf.put_sector(record)?;
    Ok(())
}

/// The earliest end that a sector pre-committed now may have, with some time to spare.
pub(crate) fn least_expiration(
    view: &MinerView,
    proof: RegisteredSealProof,
    epoch: ChainEpoch,
) -> ChainEpoch {
    let proving = max_prove_commit_duration(view.policy(), proof).unwrap_or_default();
    epoch + proving + MIN_LIFETIME + MARGIN
}

/// Seals a sector with the ticket that it had, so that the same replica results.
pub(crate) fn seal_again(shelf: &Shelf<'_>, record: &SectorRecord) -> Result<(), PipelineError> {
    let Some(sealed) = &record.sealed else {
        return Ok(());
    };
    let pieces = data(shelf, record)?;
    let again = seal::replicate(&shelf.files.sector(record.number), &sealed.spec, &pieces)?;
    if again.comm_r != sealed.comm_r {
        return Err(PipelineError::OtherReplica(record.number));
    }
    Ok(())
}

/// Writes a sector's data: the bytes of its pieces or, where they are gone because the
/// sector was proven before the chain went back, what its replica holds.
fn data(
    shelf: &Shelf<'_>,
    record: &SectorRecord,
) -> Result<Vec<fvm_shared::piece::PieceInfo>, PipelineError> {
    let dir = shelf.files.sector(record.number);
    match (
        stage(shelf, &record.pieces, &dir.unsealed()),
        &record.sealed,
    ) {
        (Err(PipelineError::NoData(_)), Some(sealed)) if dir.sealed().exists() => {
            seal::unseal(&dir, sealed)?;
            // For the case that the replica is exchanged and its record is not.
            replica::keep(shelf, &record.pieces, &dir.unsealed())?;
            Ok(sealed.pieces.clone())
        }
        (staged, _) => staged,
    }
}

/// Writes the pieces' bytes as a sector's data.
pub(crate) fn stage(
    shelf: &Shelf<'_>,
    pieces: &[SectorPiece],
    target: &std::path::Path,
) -> Result<Vec<fvm_shared::piece::PieceInfo>, PipelineError> {
    let mut sources = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let path = shelf.files.piece(&piece.piece.cid);
        let file = File::open(&path).map_err(|_| PipelineError::NoData(piece.piece.cid))?;
        sources.push(PieceSource {
            data: Box::new(file),
            size: PaddedPieceSize(piece.piece.size.0).unpadded(),
            expected: Some(piece.piece.cid),
        });
    }
    Ok(seal::stage(target, shelf.config.sector_size(), sources)?)
}

fn pre_commit(
    shelf: &Shelf<'_>,
    view: &MinerView,
    turn: &Turn<'_>,
    number: SectorNumber,
    task: Task,
) -> Result<Option<Move>, PipelineError> {
    let Some(record) = shelf.sectors.get(&number) else {
        return Ok(None);
    };
    let Some(sealed) = &record.sealed else {
        return Ok(None);
    };
    tracing::debug!(miner = shelf.config.miner, sector = number, epoch = turn.epoch(), free = %view.available_balance()?, "pre-committing");
    let params = PreCommitSectorBatchParams {
        sectors: vec![SectorPreCommitInfo {
            seal_proof: sealed.spec.proof,
            sector_number: number,
            sealed_cid: sealed.sealed_cid(),
            seal_rand_epoch: record.ticket_epoch,
            deal_ids: Vec::new(),
            expiration: record.expiration,
            unsealed_cid: (!record.pieces.is_empty()).then(|| sealed.unsealed_cid()),
        }],
    };
    Ok(Some(Move {
        task,
        value: deposit::to_send(shelf, view, turn)?,
        method: PRE_COMMIT_SECTOR_BATCH2,
        params: shelf.encode(&params)?,
    }))
}

/// Methods of the miner.
const PRE_COMMIT_SECTOR_BATCH2: u64 = 28;
const PROVE_COMMIT_SECTORS3: u64 = 34;

fn prove(
    shelf: &mut Shelf<'_>,
    view: &MinerView,
    turn: &Turn<'_>,
    number: SectorNumber,
    pre_commit: &SectorPreCommitOnChainInfo,
    task: Task,
) -> Result<Move, PipelineError> {
    let entropy = miner_entropy(shelf.config.miner);
    let seed = turn.beacon_randomness(INTERACTIVE_SEED, seed_epoch(view, pre_commit), &entropy)?;
    let record = shelf.sectors.get(&number).cloned();
    let Some((record, sealed)) = record.and_then(|record| {
        let sealed = record.sealed.clone()?;
        Some((record, sealed))
    }) else {
        return Err(MinerError::State(format!(
            "sector {number} is pre-committed and not sealed here"
        ))
        .into());
    };
    if !can_prove_seal(&shelf.files.sector(number).cache()) {
        seal_again(shelf, &record)?;
    }
    let proof = shelf
        .config
        .prover
        .prove_seal(&shelf.files.sector(number), &sealed, &seed)?;
    shelf.store_blocks(turn, &proof)?;
    let params = |pieces| {
        let params = ProveCommitSectors3Params {
            sector_activations: vec![SectorActivationManifest {
                sector_number: number,
                pieces,
            }],
            sector_proofs: vec![RawBytes::new(proof.bytes.clone())],
            aggregate_proof: RawBytes::default(),
            aggregate_proof_type: None,
            require_activation_success: true,
            require_notification_success: true,
        };
        Ok(encode(&params)?)
    };
    let (pieces, method) = (&record.pieces, PROVE_COMMIT_SECTORS3);
    refusal::settle(shelf, turn, &task, pieces, method, params)?;
    Ok(Move {
        task,
        value: TokenAmount::default(),
        method,
        params: params(manifests(shelf.orders, pieces))?,
    })
}

/// What the chain is told of a sector's pieces: which allocation each claims, and who
/// hears of it. Deals are activated by telling the market.
pub(crate) fn manifests(
    orders: &BTreeMap<OrderId, Order>,
    pieces: &[SectorPiece],
) -> Vec<PieceActivationManifest> {
    let notification = |(address, payload): &(fvm_shared::address::Address, RawBytes)| {
        DataActivationNotification {
            address: *address,
            payload: payload.clone(),
        }
    };
    pieces
        .iter()
        .map(|piece| {
            let mut manifest = PieceActivationManifest {
                cid: piece.piece.cid,
                size: piece.piece.size,
                verified_allocation_key: None,
                notify: Vec::new(),
            };
            // Of an order that failed only the bytes are kept, for the others' sake.
            let order = orders
                .get(&piece.order)
                .filter(|order| order.failed.is_none());
            match order.map(|order| &order.purpose) {
                Some(Purpose::Deal {
                    deal: Some(deal),
                    allocation,
                    ..
                }) => {
                    manifest.verified_allocation_key = *allocation;
                    manifest.notify.push(DataActivationNotification {
                        address: MARKET_ACTOR,
                        payload: RawBytes::serialize(deal).unwrap_or_default(),
                    });
                }
                Some(Purpose::Allocation {
                    client, id, notify, ..
                }) => {
                    manifest.verified_allocation_key = Some(VerifiedAllocationKey {
                        client: *client,
                        id: *id,
                    });
                    manifest.notify.extend(notify.iter().map(notification));
                }
                Some(Purpose::Favour { notify }) => {
                    manifest.notify.extend(notify.iter().map(notification));
                }
                Some(Purpose::Deal { deal: None, .. }) | None => {}
            }
            manifest
        })
        .collect()
}

/// Deletes what only sealing needed, once the sector is proven.
pub(crate) fn release(shelf: &mut Shelf<'_>, number: SectorNumber) -> Result<(), PipelineError> {
    let Some(mut record) = shelf.sectors.get(&number).cloned() else {
        return Ok(());
    };
    let dir = shelf.files.sector(number);
    if dir.cache().exists() {
        seal::release(&dir)?;
    }
    discard(shelf, number, &record.pieces);
    let _ = fs::remove_file(dir.unsealed());
    record.released = true;
    shelf.put_sector(record)?;
    Ok(())
}

/// Deletes the bytes of a sector's pieces: from now on they are unsealed when somebody
/// wants them. Those that another order still needs stay.
pub(crate) fn discard(shelf: &Shelf<'_>, number: SectorNumber, pieces: &[SectorPiece]) {
    for piece in pieces {
        let cid = &piece.piece.cid;
        let wanted = shelf.orders.values().any(|order| {
            order.piece.cid == *cid && order.is_under_way() && order.sector != Some(number)
        });
        if !wanted {
            let _ = fs::remove_file(shelf.files.piece(cid));
        }
    }
}
