//! InternalSectorSetupForPreseal: sectors of the genesis block, which nobody proves.

use boatyard_actors_shared::ext::market::{
    ActivatedDeal, BatchActivateDealsReturn, SectorDealActivation, SectorDeals,
};
use boatyard_actors_shared::ext::verifreg::{AllocationClaim, SectorAllocationClaims};
use boatyard_actors_shared::{BatchReturn, SYSTEM_ACTOR};
use boatyard_sdk::{ActorError, Host, Runtime, ensure};
use fvm_shared::bigint::BigInt;
use fvm_shared::piece::PieceInfo;

use super::prove_commit::some_succeed;
use crate::monies::PledgeInputs;
use crate::pieces::{self, DataSpaces};
use crate::schema::{SectorPreCommitOnChainInfo, State};
use crate::types::InternalSectorSetupForPresealParams;
use crate::{activation, events, sends};

/// A deal with this allocation has none.
const NO_ALLOCATION: u64 = 0;

/// Activates pre-committed sectors and their deals without proof; passes over those
/// that are not pre-committed.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | 16 | nothing to activate; a sector would expire too soon |
/// | 18 | the caller is not f00 |
/// | 19, 20, 1000 | as of `ProveCommitSectors3` |
///
/// Source: spec 05 §14.
pub(crate) fn set_up(
    rt: &impl Runtime,
    params: InternalSectorSetupForPresealParams,
) -> Result<(), ActorError> {
    rt.validate_caller_is(&[SYSTEM_ACTOR])?;
    let store = &rt.store();
    let state: State = rt.state()?;
    let pre_commits = state.find_pre_commits(store, &params.sectors)?;
    let info = state.load_info(store)?;

    let (batch, deals) = activate_deals(rt, &pre_commits)?;
    some_succeed(&batch, "has its deals")?;
    let activated = batch.successes(&pre_commits)?;
    let spaces = claim(rt, &activated, &deals)?;

    let pledge = PledgeInputs {
        reward: params.reward_smoothed,
        network_qa: params.quality_adj_power_smoothed,
        baseline: params.reward_baseline_power,
        circulating_supply: rt.host().circulating_supply(),
        epochs_since_ramp_start: 0,
        ramp_duration_epochs: 0,
    };
    let sectors = activated.iter().copied().zip(&spaces);
    activation::activate(rt, &info, sectors, &pledge)?;

    for (sector, activation) in activated.iter().zip(&deals) {
        let pieces: Vec<_> = activation.activated.iter().map(piece_info).collect();
        let unsealed = sector.info.unsealed_cid.as_ref();
        events::sector_activated(rt, sector.info.sector_number, unsealed, &pieces)?;
    }
    Ok(())
}

/// Lets the deals of all sectors begin, if there are any.
fn activate_deals(
    rt: &impl Runtime,
    pre_commits: &[SectorPreCommitOnChainInfo],
) -> Result<(BatchReturn, Vec<SectorDealActivation>), ActorError> {
    if pre_commits.iter().all(|p| p.info.deal_ids.is_empty()) {
        let nothing = SectorDealActivation {
            activated: vec![],
            unsealed_cid: None,
        };
        let count = pre_commits.len();
        return Ok((BatchReturn::ok(count as u32), vec![nothing; count]));
    }
    let sectors = pre_commits
        .iter()
        .map(|pre_commit| SectorDeals {
            sector_number: pre_commit.info.sector_number,
            sector_type: pre_commit.info.seal_proof,
            sector_expiry: pre_commit.info.expiration,
            deal_ids: pre_commit.info.deal_ids.clone(),
        })
        .collect();
    let BatchActivateDealsReturn {
        activation_results: results,
        activations,
    } = sends::activate_deals(rt, sectors, false)?;
    ensure!(
        activations.len() == results.success_count as usize,
        USR_ASSERTION_FAILED,
        "the market activated {} sectors and describes {}",
        results.success_count,
        activations.len()
    );
    Ok((results, activations))
}

/// Claims the allocations of all deals: all or none.
fn claim(
    rt: &impl Runtime,
    sectors: &[&SectorPreCommitOnChainInfo],
    deals: &[SectorDealActivation],
) -> Result<Vec<DataSpaces>, ActorError> {
    let groups = sectors
        .iter()
        .zip(deals)
        .map(|(sector, activation)| SectorAllocationClaims {
            sector: sector.info.sector_number,
            expiry: sector.info.expiration,
            claims: activation
                .activated
                .iter()
                .filter(|deal| deal.allocation_id != NO_ALLOCATION)
                .map(allocation_claim)
                .collect(),
        })
        .collect();
    let (batch, claimed) = pieces::claim_groups(rt, groups, true)?;
    ensure!(
        batch.all_ok(),
        USR_ILLEGAL_ARGUMENT,
        "the allocations of {} sectors cannot be claimed",
        batch.size()
    );
    Ok(deals
        .iter()
        .zip(claimed)
        .map(|(activation, claimed)| DataSpaces {
            unverified: activation
                .activated
                .iter()
                .filter(|deal| deal.allocation_id == NO_ALLOCATION)
                .map(|deal| BigInt::from(deal.size.0))
                .sum(),
            verified: claimed.claimed_space,
        })
        .collect())
}

fn allocation_claim(deal: &ActivatedDeal) -> AllocationClaim {
    AllocationClaim {
        client: deal.client,
        allocation_id: deal.allocation_id,
        data: deal.data,
        size: deal.size.0,
    }
}

fn piece_info(deal: &ActivatedDeal) -> PieceInfo {
    PieceInfo {
        size: deal.size,
        cid: deal.data,
    }
}

#[cfg(test)]
mod tests;
