//! Committed capacity that is proven by one message, without pre-commit (FIP-0092,
//! spec 05 §15).

use boatyard_chain::Turn;
use boatyard_miner::types::{ProveCommitSectorsNiParams, SectorNiActivationInfo};
use boatyard_proofs::statement::AggregateStatement;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredAggregateProof, SectorNumber};

use crate::miner::{MinerError, MinerView};
use crate::pipeline::{Move, PipelineError};
use crate::provider::Shelf;
use crate::task::Task;

/// Method of the miner.
const PROVE_COMMIT_SECTORS_NI: u64 = 36;
/// What stands in the place of a seed: challenges follow from the sealed sector alone.
const SEED: [u8; 32] = [1; 32];

/// The message that proves a sealed sector.
pub(crate) fn prove(
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
    let prover = &shelf.config.prover;
    let proof = prover.prove_seal(&shelf.files.sector(number), sealed, &SEED)?;
    let statement = AggregateStatement {
        aggregate: RegisteredAggregateProof::SnarkPackV2,
        seals: vec![sealed.statement(&SEED)],
    };
    let proof = prover.aggregate_seals(&statement, &[proof])?;
    shelf.store_blocks(turn, &proof)?;
    let params = ProveCommitSectorsNiParams {
        sectors: vec![SectorNiActivationInfo {
            sealing_number: number,
            sealer_id: shelf.config.miner,
            sealed_cid: sealed.sealed_cid(),
            sector_number: number,
            seal_rand_epoch: record.ticket_epoch,
            expiration: record.expiration,
        }],
        aggregate_proof: RawBytes::new(proof.bytes),
        seal_proof_type: sealed.spec.proof,
        aggregate_proof_type: statement.aggregate,
        proving_deadline: emptiest_deadline(view, turn.epoch())?,
        require_activation_success: true,
    };
    Ok(Some(Move {
        task,
        value: TokenAmount::default(),
        method: PROVE_COMMIT_SECTORS_NI,
        params: shelf.encode(&params)?,
    }))
}

/// The deadline with the fewest sectors among those that take some now.
fn emptiest_deadline(view: &MinerView, epoch: ChainEpoch) -> Result<u64, MinerError> {
    let deadlines = view.deadlines()?;
    let mut emptiest: Option<(u64, u64)> = None;
    for index in 0..deadlines.due.len() as u64 {
        if !view.state.is_deadline_mutable(view.policy(), index, epoch) {
            continue;
        }
        let candidate = (view.deadline(&deadlines, index)?.live_sectors, index);
        emptiest = Some(emptiest.map_or(candidate, |best| best.min(candidate)));
    }
    emptiest
        .map(|(_, index)| index)
        .ok_or_else(|| MinerError::State("no deadline takes sectors now".into()))
}
