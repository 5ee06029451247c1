//! Window PoSt: which partitions are due, and their proofs (spec 06 §15.1).

use boatyard_actors_shared::DeadlineInfo;
use boatyard_chain::Turn;
use boatyard_miner::schema::Partition;
use boatyard_miner::types::{PoStPartition, SubmitWindowedPoStParams};
use boatyard_proofs::{PostChallenge, ProveError, Replica};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::{RawBytes, to_vec};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::{PoStProof, SectorNumber};

use crate::miner::{MinerError, MinerView};
use crate::provider::Shelf;
use crate::task::Task;

/// Domain of the window's challenge (spec 06 §14.3).
pub(crate) const WINDOW_CHALLENGE: i64 = 4;
/// Domain of the chain's commitment (spec 06 §15.1).
const CHAIN_COMMIT: i64 = 9;
/// Method of the miner.
pub(crate) const SUBMIT_WINDOWED_POST: u64 = 5;
/// Partitions that one message may prove.
const MAX_PARTITIONS: usize = 3;

/// A deadline with something to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// Its index.
    pub index: u64,
    /// Whether all of it is proven for the window that is open, if it is.
    pub posted: bool,
}

/// A partition that lacks a proof for the window that is open.
#[derive(Debug, Clone)]
pub struct Due {
    /// Its index in the deadline.
    pub index: u64,
    /// The sectors to prove: live, and not faulty unless recovering.
    pub sectors: BitField,
}

/// What a partition has to prove.
fn provable(partition: &Partition) -> BitField {
    let faults = &partition.faults - &partition.recoveries;
    &partition.live() - &faults
}

/// The deadlines with something to prove.
///
/// # Errors
/// [`MinerError`].
pub fn busy(view: &MinerView) -> Result<Vec<Busy>, MinerError> {
    let deadlines = view.deadlines()?;
    let mut busy = Vec::new();
    for index in 0..deadlines.due.len() as u64 {
        let deadline = view.deadline(&deadlines, index)?;
        if deadline.live_sectors == 0 {
            continue;
        }
        let mut any = false;
        let mut posted = true;
        for (number, partition) in (0..).zip(view.partitions(&deadline)?) {
            if provable(&partition).is_empty() {
                continue;
            }
            any = true;
            posted &= deadline.partitions_posted.get(number);
        }
        if any {
            busy.push(Busy { index, posted });
        }
    }
    Ok(busy)
}

/// The first epoch after `head` at which a window with something to prove is open.
pub fn next_open(view: &MinerView, busy: &[Busy], head: ChainEpoch) -> Option<ChainEpoch> {
    let now = head + 1;
    busy.iter()
        .map(|deadline| {
            let window = view.state.next_window(view.policy(), deadline.index, now);
            match (window.is_open(), deadline.posted) {
                (true, true) => window.open + view.policy().wpost_proving_period,
                (true, false) => now,
                (false, _) => window.open.max(now),
            }
        })
        .min()
}

/// The window that is open at an epoch and its partitions that lack a proof.
///
/// # Errors
/// [`MinerError`].
pub fn due(view: &MinerView, epoch: ChainEpoch) -> Result<(DeadlineInfo, Vec<Due>), MinerError> {
    let window = view.deadline_at(epoch);
    let deadlines = view.deadlines()?;
    let deadline = view.deadline(&deadlines, window.index)?;
    let mut due = Vec::new();
    if window.is_open() && deadline.live_sectors > 0 {
        for (index, partition) in (0..).zip(view.partitions(&deadline)?) {
            let sectors = provable(&partition);
            if !sectors.is_empty() && !deadline.partitions_posted.get(index) {
                due.push(Due { index, sectors });
            }
        }
    }
    Ok((window, due))
}

/// A proof of some partitions, ready to be sent.
pub struct Post {
    /// What it is for.
    pub task: Task,
    /// Parameters of `SubmitWindowedPoSt`.
    pub params: SubmitWindowedPoStParams,
}

/// Proves what is due. Partitions of which nothing can be proven are left out: the
/// chain finds them faulty.
///
/// # Errors
/// [`MinerError`]; the chain's randomness cannot be drawn.
pub(crate) fn prove(
    shelf: &Shelf<'_>,
    view: &MinerView,
    turn: &Turn<'_>,
    window: &DeadlineInfo,
    due: &[Due],
) -> Result<Vec<Post>, MinerError> {
    let entropy = miner_entropy(shelf.config.miner);
    let challenge = PostChallenge {
        proof: view.info()?.window_post_proof_type,
        randomness: turn.beacon_randomness(WINDOW_CHALLENGE, window.challenge, &entropy)?,
        prover: shelf.config.miner,
    };
    let commit_epoch = turn.epoch() - 1;
    let commit_rand = turn.ticket_randomness(CHAIN_COMMIT, commit_epoch, &[])?;
    let mut posts = Vec::new();
    for chunk in due.chunks(MAX_PARTITIONS) {
        let task = Task::Post {
            deadline: window.index,
            open: window.open,
            partition: chunk[0].index,
        };
        if !shelf.tasks.may(&task, turn.epoch()) {
            continue;
        }
        let Some((partitions, proof)) = prove_chunk(shelf, view, &challenge, chunk)? else {
            tracing::warn!(
                miner = shelf.config.miner,
                deadline = window.index,
                "nothing of it can be proven"
            );
            continue;
        };
        let proof = match shelf.mischief.spoils_posts {
            true => proof.spoiled(),
            false => proof,
        };
        shelf.store_blocks(turn, &proof)?;
        posts.push(Post {
            task,
            params: SubmitWindowedPoStParams {
                deadline: window.index,
                partitions,
                proofs: vec![PoStProof {
                    post_proof: challenge.proof,
                    proof_bytes: proof.bytes,
                }],
                chain_commit_epoch: commit_epoch,
                chain_commit_rand: RawBytes::new(commit_rand.to_vec()),
            },
        });
    }
    Ok(posts)
}

type Proven = (Vec<PoStPartition>, boatyard_proofs::Proof);

/// One proof for some partitions; sectors that cannot be proven are skipped.
fn prove_chunk(
    shelf: &Shelf<'_>,
    view: &MinerView,
    challenge: &PostChallenge,
    chunk: &[Due],
) -> Result<Option<Proven>, MinerError> {
    let mut lost: Vec<SectorNumber> = Vec::new();
    let mut replicas: Vec<Replica> = Vec::new();
    for partition in chunk {
        for number in partition.sectors.iter() {
            match replica(shelf, view, number)? {
                Some(replica) => replicas.push(replica),
                None => lost.push(number),
            }
        }
    }
    let proof = loop {
        if replicas.is_empty() {
            return Ok(None);
        }
        match shelf.config.prover.prove_window(challenge, &replicas) {
            Ok(proof) => break proof,
            Err(ProveError::Faulty(faulty)) if !faulty.is_empty() => {
                for sector in &faulty {
                    tracing::warn!(miner = shelf.config.miner, sector = sector.number, reason = %sector.reason, "a sector cannot be proven");
                }
                let before = replicas.len();
                replicas
                    .retain(|replica| !faulty.iter().any(|sector| sector.number == replica.number));
                lost.extend(faulty.iter().map(|sector| sector.number));
                if replicas.len() == before {
                    return Ok(None);
                }
            }
            Err(error) => {
                tracing::error!(miner = shelf.config.miner, %error, "no proof of spacetime");
                return Ok(None);
            }
        }
    };
    let lost =
        BitField::try_from_bits(lost).map_err(|error| MinerError::State(error.to_string()))?;
    let partitions = chunk
        .iter()
        .filter(|partition| !(&partition.sectors - &lost).is_empty())
        .map(|partition| PoStPartition {
            index: partition.index,
            skipped: &partition.sectors & &lost,
        })
        .collect();
    Ok(Some((partitions, proof)))
}

/// The replica that the chain holds the provider to; `None` if it has none.
pub(crate) fn replica(
    shelf: &Shelf<'_>,
    view: &MinerView,
    number: SectorNumber,
) -> Result<Option<Replica>, MinerError> {
    let Some(on_chain) = view.sector(number)? else {
        return Ok(None);
    };
    let Some(record) = shelf.sectors.get(&number) else {
        return Ok(None);
    };
    let Some(sealed) = &record.sealed else {
        return Ok(None);
    };
    let dir = shelf.files.sector(number);
    if sealed.sealed_cid() == on_chain.sealed_cid {
        return Ok(Some(sealed.replica(&dir)));
    }
    let updated = record
        .update
        .as_ref()
        .and_then(|update| update.updated.as_ref());
    Ok(updated
        .filter(|updated| updated.sealed_cid() == on_chain.sealed_cid)
        .map(|updated| updated.replica(sealed, &dir)))
}

/// What is drawn for a miner: CBOR of its ID address.
pub(crate) fn miner_entropy(miner: fvm_shared::ActorID) -> Vec<u8> {
    to_vec(&Address::new_id(miner)).expect("an address encodes")
}
