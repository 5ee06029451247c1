//! Checks of deals that sectors will hold.

use std::collections::BTreeSet;

use boatyard_actors_shared::ext::market::{
    SectorDeals, VerifyDealsForActivationParams, VerifyDealsForActivationReturn,
};
use boatyard_sdk::{ActorError, Context, Host, Runtime, Type, ensure, exit_codes::*};
use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::RegisteredSealProof;

use crate::EX_DEAL_EXPIRED;
use crate::deal::DealProposal;
use crate::state::State;

/// Checks deals that sectors will hold, and tells the sectors' CommD. Does not look
/// whether they are activated already.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is no miner |
/// | `USR_ILLEGAL_ARGUMENT` (16) | a deal is named twice in a sector |
/// | `USR_NOT_FOUND` (17), [`EX_DEAL_EXPIRED`] (32) | there is no deal, or not any more |
/// | `USR_ILLEGAL_ARGUMENT` (16) | the sector's type is unknown |
/// | `USR_FORBIDDEN` (18) | a deal is another provider's |
/// | [`EX_DEAL_EXPIRED`] (32) | its start is over |
/// | `USR_ILLEGAL_ARGUMENT` (16) | it lasts longer than the sector |
/// | `USR_ILLEGAL_ARGUMENT` (16) | the pieces do not fit into the sector |
///
/// Source: spec 07 §7, VerifyDealsForActivation.
pub(crate) fn verify(
    rt: &impl Runtime,
    params: VerifyDealsForActivationParams,
) -> Result<VerifyDealsForActivationReturn, ActorError> {
    rt.validate_caller_type(&[Type::Miner])?;
    let state: State = rt.state()?;
    let proposals = state.proposals.load(rt.store())?;
    let mut unsealed_cids = Vec::with_capacity(params.sectors.len());
    for sector in &params.sectors {
        let mut seen = BTreeSet::new();
        let mut deals = Vec::with_capacity(sector.deal_ids.len());
        for id in &sector.deal_ids {
            ensure!(
                seen.insert(*id),
                USR_ILLEGAL_ARGUMENT,
                "deal {id} is twice in sector {}",
                sector.sector_number
            );
            let found = proposals.get(*id)?.cloned();
            deals.push(found.ok_or_else(|| state.no_deal(*id))?);
        }
        check_fit(rt, sector, &deals)?;
        unsealed_cids.push(commd(rt, sector.sector_type, &deals)?);
    }
    Ok(VerifyDealsForActivationReturn { unsealed_cids })
}

/// Whether a sector may hold deals, all together.
fn check_fit(
    rt: &impl Runtime,
    sector: &SectorDeals,
    deals: &[DealProposal],
) -> Result<(), ActorError> {
    let number = sector.sector_number;
    let size = sector.sector_type.sector_size().or_exit(
        USR_ILLEGAL_ARGUMENT,
        format_args!("the size of sector {number}"),
    )?;
    let mut total: u64 = 0;
    for deal in deals {
        check_deal(deal, &rt.caller(), rt.epoch(), sector.sector_expiry)?;
        total = total
            .checked_add(deal.piece_size.0)
            .or_exit(USR_ASSERTION_FAILED, "more than 2^64 bytes of pieces")?;
    }
    ensure!(
        total <= size as u64,
        USR_ILLEGAL_ARGUMENT,
        "pieces of {total} bytes do not fit into sector {number}"
    );
    Ok(())
}

/// Whether a provider may activate a deal now, in a sector that is there until
/// `until`.
pub(crate) fn check_deal(
    deal: &DealProposal,
    provider: &Address,
    now: ChainEpoch,
    until: ChainEpoch,
) -> Result<(), ActorError> {
    ensure!(
        deal.provider == *provider,
        USR_FORBIDDEN,
        "the deal is that of provider {}, not {provider}",
        deal.provider
    );
    ensure!(
        now <= deal.start_epoch,
        EX_DEAL_EXPIRED,
        "the deal should have begun at {}",
        deal.start_epoch
    );
    ensure!(
        deal.end_epoch <= until,
        USR_ILLEGAL_ARGUMENT,
        "the deal ends at {}, after its sector at {until}",
        deal.end_epoch
    );
    Ok(())
}

/// CommD of a sector with these deals' pieces; nothing without deals.
pub(crate) fn commd<'a>(
    rt: &impl Runtime,
    sector_type: RegisteredSealProof,
    deals: impl IntoIterator<Item = &'a DealProposal>,
) -> Result<Option<Cid>, ActorError> {
    let pieces: Vec<PieceInfo> = deals
        .into_iter()
        .map(|deal| PieceInfo {
            size: deal.piece_size,
            cid: deal.piece_cid,
        })
        .collect();
    if pieces.is_empty() {
        return Ok(None);
    }
    rt.host()
        .unsealed_sector_cid(sector_type, &pieces)
        .map(Some)
        .or_exit(USR_ILLEGAL_ARGUMENT, "the pieces make no sector")
}
