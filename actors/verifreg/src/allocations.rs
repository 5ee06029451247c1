//! Allocations that become claims, or expire.

use boatyard_actors_shared::batch::BatchBuilder;
use boatyard_actors_shared::ext::verifreg::{
    AllocationClaim, Claim, ClaimAllocationsParams, ClaimAllocationsReturn, DataCap,
    SectorAllocationClaims, SectorClaimSummary,
};
use boatyard_sdk::{ActorError, Context, Runtime, Type, ensure, exit_codes::*};
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::error::ExitCode;

use crate::expiration::consider;
use crate::state::{Allocation, Allocations, Claims, State};
use crate::types::{RemoveExpiredAllocationsParams, RemoveExpiredAllocationsReturn};
use crate::{datacap, events};

/// Removes expired allocations of a client and gives their datacap back, which runs
/// the client's hook even if it is nothing.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ASSERTION_FAILED` (24) | an expired one is named twice |
/// | that of the token or the client | there is no client, or it does not want it |
///
/// Source: spec 08 §A6, RemoveExpiredAllocations.
pub(crate) fn remove_expired(
    rt: &impl Runtime,
    params: RemoveExpiredAllocationsParams,
) -> Result<RemoveExpiredAllocationsReturn, ActorError> {
    rt.accept_any_caller()?;
    let client = params.client;
    let (considered, recovered) = rt.transaction(|state: &mut State| {
        let mut allocations = state.load_allocations(rt.store())?;
        let considered = consider(&mut allocations, client, params.allocation_ids, rt.epoch())?;
        let mut recovered = DataCap::default();
        for id in &considered.expired {
            let removed = allocations.remove(&client, id)?.or_exit(
                USR_ASSERTION_FAILED,
                format_args!("allocation {id} is removed twice"),
            )?;
            events::allocation(rt, events::ALLOCATION_REMOVED, *id, &removed)?;
            recovered += removed.size;
        }
        state.allocations = allocations.flush()?;
        Ok((considered, recovered))
    })?;
    datacap::transfer(rt, &Address::new_id(client), &recovered)?;
    Ok(RemoveExpiredAllocationsReturn {
        considered: considered.ids,
        results: considered.results,
        datacap_recovered: recovered,
    })
}

/// Makes claims of allocations, sector by sector: a sector whose allocations do not
/// all match fails as a whole. The datacap is burnt.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is no miner |
/// | `USR_ILLEGAL_ARGUMENT` (16) | no sectors, an allocation twice in one, or a failure if there must be none |
/// | `USR_ASSERTION_FAILED` (24) | a sector's lifetime overflows |
///
/// Sectors fail with 17 (no such allocation) or 18 (it does not match).
///
/// Source: spec 08 §A6, ClaimAllocations.
pub(crate) fn claim(
    rt: &impl Runtime,
    params: ClaimAllocationsParams,
) -> Result<ClaimAllocationsReturn, ActorError> {
    rt.validate_caller_type(&[Type::Miner])?;
    let provider = rt.message().caller;
    ensure!(
        !params.sectors.is_empty(),
        USR_ILLEGAL_ARGUMENT,
        "no sectors to claim for"
    );
    let mut results = BatchBuilder::default();
    let mut sector_claims = Vec::new();
    let mut total = DataCap::default();
    rt.transaction(|state: &mut State| {
        let mut ledger = Ledger {
            allocations: state.load_allocations(rt.store())?,
            claims: state.load_claims(rt.store())?,
        };
        for sector in &params.sectors {
            match ledger.check(provider, sector, rt.epoch())? {
                Err(code) => results.add_failure(code),
                Ok(new_claims) => {
                    let claimed_space = ledger.commit(rt, sector, new_claims)?;
                    total += &claimed_space;
                    sector_claims.push(SectorClaimSummary { claimed_space });
                    results.add_success();
                }
            }
        }
        state.allocations = ledger.allocations.flush()?;
        state.claims = ledger.claims.flush()?;
        Ok(())
    })?;
    let sector_results = results.build();
    ensure!(
        !params.all_or_nothing || sector_results.all_ok(),
        USR_ILLEGAL_ARGUMENT,
        "{} of {} sectors cannot claim, and all or nothing was asked for",
        sector_results.fail_codes.len(),
        sector_results.size()
    );
    datacap::burn(rt, &total)?;
    Ok(ClaimAllocationsReturn {
        sector_results,
        sector_claims,
    })
}

/// Allocations and claims while one becomes the other.
struct Ledger<BS> {
    allocations: Allocations<BS>,
    claims: Claims<BS>,
}

impl<BS: Blockstore + Clone> Ledger<BS> {
    /// The claims that a sector makes, or the code with which it fails.
    fn check(
        &mut self,
        provider: ActorID,
        sector: &SectorAllocationClaims,
        epoch: ChainEpoch,
    ) -> Result<Result<Vec<Claim>, ExitCode>, ActorError> {
        let mut claims = Vec::with_capacity(sector.claims.len());
        for claim in &sector.claims {
            let found = self.allocations.get(&claim.client, &claim.allocation_id)?;
            let Some(allocation) = found else {
                return Ok(Err(USR_NOT_FOUND));
            };
            let lifetime = sector.expiry.checked_sub(epoch).or_exit(
                USR_ASSERTION_FAILED,
                format_args!("the lifetime of a sector until {}", sector.expiry),
            )?;
            if !is_claimable(allocation, claim, provider, lifetime, epoch) {
                return Ok(Err(USR_FORBIDDEN));
            }
            claims.push(Claim {
                provider,
                client: allocation.client,
                data: allocation.data,
                size: allocation.size,
                term_min: allocation.term_min,
                term_max: allocation.term_max,
                term_start: epoch,
                sector: sector.sector,
            });
        }
        Ok(Ok(claims))
    }

    /// Puts a sector's claims in the place of its allocations. Gives the sum of
    /// their sizes.
    fn commit(
        &mut self,
        rt: &impl Runtime,
        sector: &SectorAllocationClaims,
        new_claims: Vec<Claim>,
    ) -> Result<DataCap, ActorError> {
        let mut claimed = DataCap::default();
        for (AllocationClaim { allocation_id, .. }, claim) in sector.claims.iter().zip(new_claims) {
            let (provider, client, size) = (claim.provider, claim.client, claim.size);
            let is_new = self
                .claims
                .set_if_absent(&provider, allocation_id, claim.clone())?;
            ensure!(
                is_new,
                USR_ILLEGAL_ARGUMENT,
                "allocation {allocation_id} is claimed already"
            );
            events::claim(rt, events::CLAIM, *allocation_id, &claim)?;
            self.allocations.remove(&client, allocation_id)?;
            claimed += size;
        }
        Ok(claimed)
    }
}

/// Whether a provider may claim an allocation as it describes it, for a sector that
/// lives `lifetime` epochs from now on.
fn is_claimable(
    allocation: &Allocation,
    claim: &AllocationClaim,
    provider: ActorID,
    lifetime: ChainEpoch,
    epoch: ChainEpoch,
) -> bool {
    provider == allocation.provider
        && claim.client == allocation.client
        && claim.data == allocation.data
        && claim.size == allocation.size
        && epoch <= allocation.expiration
        && (allocation.term_min..=allocation.term_max).contains(&lifetime)
}
