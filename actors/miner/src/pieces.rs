//! What sectors hold: CommD of their pieces, and the allocations that are claimed
//! for them (spec 05 §11).

use boatyard_actors_shared::BatchReturn;
use boatyard_actors_shared::ext::verifreg::{
    AllocationClaim, SectorAllocationClaims, SectorClaimSummary,
};
use boatyard_sdk::{ActorError, Context, Host, Runtime, ensure, exit_codes::*};
use cid::Cid;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{RegisteredSealProof, SectorNumber};

use crate::commitments;
use crate::sends;
use crate::types::PieceActivationManifest;

/// A proven sector and the pieces that it is said to hold.
pub(crate) struct SectorPieces<'a> {
    pub sector: SectorNumber,
    pub expiration: ChainEpoch,
    pub pieces: &'a [PieceActivationManifest],
}

/// How much of a sector is used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DataSpaces {
    /// Bytes of pieces without datacap.
    pub unverified: BigInt,
    /// Bytes of pieces with datacap, as the registry says.
    pub verified: BigInt,
}

/// The pieces of manifests, in order.
pub(crate) fn piece_infos(manifests: &[PieceActivationManifest]) -> Vec<PieceInfo> {
    manifests
        .iter()
        .map(|manifest| PieceInfo {
            size: manifest.size,
            cid: manifest.cid,
        })
        .collect()
}

/// CommD of a sector that holds these pieces; `None`, which says zeros, without any.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) when they do not fit or are no pieces.
pub(crate) fn commd(
    rt: &impl Runtime,
    seal_proof: RegisteredSealProof,
    manifests: &[PieceActivationManifest],
) -> Result<Option<Cid>, ActorError> {
    if manifests.is_empty() {
        return Ok(None);
    }
    let computed = rt
        .host()
        .unsealed_sector_cid(seal_proof, &piece_infos(manifests))
        .or_exit(USR_ILLEGAL_ARGUMENT, "the pieces make no sector")?;
    Ok(Some(computed))
}

/// The pieces must be those for which the sector declared its CommD.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16).
pub(crate) fn check_commd(
    rt: &impl Runtime,
    seal_proof: RegisteredSealProof,
    declared: Option<&Cid>,
    sector: &SectorPieces<'_>,
) -> Result<(), ActorError> {
    let computed = commd(rt, seal_proof, sector.pieces)?;
    let computed = commitments::expand(computed.as_ref(), seal_proof)?;
    let declared = commitments::expand(declared, seal_proof)?;
    ensure!(
        computed == declared,
        USR_ILLEGAL_ARGUMENT,
        "the pieces of sector {} make {computed}, but {declared} was declared",
        sector.sector
    );
    Ok(())
}

/// Claims the allocations of all sectors at once and says how much of each sector
/// that succeeded is used.
///
/// # Errors
/// The registry's, also if one failure makes all fail; `USR_ASSERTION_FAILED` (24)
/// when it answers out of turn.
pub(crate) fn claim(
    rt: &impl Runtime,
    sectors: &[SectorPieces<'_>],
    all_or_nothing: bool,
) -> Result<(BatchReturn, Vec<DataSpaces>), ActorError> {
    let groups = sectors
        .iter()
        .map(|sector| SectorAllocationClaims {
            sector: sector.sector,
            expiry: sector.expiration,
            claims: sector.pieces.iter().filter_map(allocation_claim).collect(),
        })
        .collect();
    let (batch, claimed) = claim_groups(rt, groups, all_or_nothing)?;
    let spaces = batch
        .successes(sectors)?
        .into_iter()
        .zip(claimed)
        .map(|(sector, claimed)| DataSpaces {
            unverified: sector
                .pieces
                .iter()
                .filter(|piece| piece.verified_allocation_key.is_none())
                .map(|piece| BigInt::from(piece.size.0))
                .sum(),
            verified: claimed.claimed_space,
        })
        .collect();
    Ok((batch, spaces))
}

fn allocation_claim(piece: &PieceActivationManifest) -> Option<AllocationClaim> {
    let key = piece.verified_allocation_key?;
    Some(AllocationClaim {
        client: key.client,
        allocation_id: key.id,
        data: piece.cid,
        size: piece.size.0,
    })
}

/// Claims allocations, if there are any; then the registry hears of sectors without
/// claims as well. Gives the claimed space of each sector that succeeded.
///
/// # Errors
/// Those of [`claim`].
pub(crate) fn claim_groups(
    rt: &impl Runtime,
    groups: Vec<SectorAllocationClaims>,
    all_or_nothing: bool,
) -> Result<(BatchReturn, Vec<SectorClaimSummary>), ActorError> {
    let count = groups.len();
    if groups.iter().all(|group| group.claims.is_empty()) {
        let nothing = vec![SectorClaimSummary::default(); count];
        return Ok((BatchReturn::ok(count as u32), nothing));
    }
    let answer = sends::claim_allocations(rt, groups, all_or_nothing)?;
    let results = &answer.sector_results;
    ensure!(
        !all_or_nothing || results.all_ok() || results.success_count == 0,
        USR_ASSERTION_FAILED,
        "the registry let {} of {count} sectors claim, though all or none should",
        results.success_count
    );
    ensure!(
        results.size() == count && answer.sector_claims.len() == results.success_count as usize,
        USR_ASSERTION_FAILED,
        "the registry answered with {} claims in a batch of {} for {count} sectors",
        answer.sector_claims.len(),
        results.size()
    );
    Ok((answer.sector_results, answer.sector_claims))
}
