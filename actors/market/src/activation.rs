//! Deals begin: their pieces are in sectors.

use std::collections::BTreeSet;

use boatyard_actors_shared::batch::BatchBuilder;
use boatyard_actors_shared::ext::market::{
    ActivatedDeal, BatchActivateDealsParams, BatchActivateDealsReturn, PieceChange,
    SectorContentChangedParams, SectorContentChangedReturn, SectorDealActivation, SectorDeals,
};
use boatyard_actors_shared::ext::verifreg::AllocationId;
use boatyard_sdk::{
    ActorError, Array, Context, Map, Runtime, Type, actor_error, ensure, exit_codes::*,
};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::deal::DealID;
use fvm_shared::sector::SectorNumber;

use crate::deal::{DealProposal, DealState};
use crate::state::State;
use crate::verify::{check_deal, commd};
use crate::{events, provider_sectors};

/// What may be wrong with a deal without the message failing.
type Judged<T> = Result<T, ActorError>;

/// Begins the deals of proven sectors. A sector with a deal that cannot begin fails
/// alone.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is no miner |
/// | `USR_ILLEGAL_ARGUMENT` (16) | CommD is wanted, and the pieces make no sector |
///
/// Source: spec 07 §7, BatchActivateDeals.
pub(crate) fn batch_activate(
    rt: &impl Runtime,
    params: BatchActivateDealsParams,
) -> Result<BatchActivateDealsReturn, ActorError> {
    rt.validate_caller_type(&[Type::Miner])?;
    rt.transaction(|state: &mut State| {
        let mut book = Activations::open(state, rt.store())?;
        let mut results = BatchBuilder::default();
        let mut activations = Vec::new();
        for sector in params.sectors {
            let deals = match book.judge_sector(rt, &sector)? {
                Ok(deals) => deals,
                Err(why) => {
                    let number = sector.sector_number;
                    rt.log(|| format!("sector {number} is left out: {}", why.message()));
                    results.add_failure(why.exit_code());
                    continue;
                }
            };
            activations.push(book.activate_sector(rt, sector, &deals, params.compute_cid)?);
            results.add_success();
        }
        book.close(rt, state, rt.store())?;
        Ok(BatchActivateDealsReturn {
            activation_results: results.build(),
            activations,
        })
    })
}

/// Begins the deals whose pieces a miner stored; each piece's payload is a deal's
/// number. What cannot begin is not accepted.
///
/// # Errors
/// `USR_FORBIDDEN` (18) when the caller is no miner; `USR_ILLEGAL_STATE` (20) for the
/// deal number 2^64 − 1.
///
/// Source: spec 07 §7, SectorContentChanged.
pub(crate) fn sector_content_changed(
    rt: &impl Runtime,
    sectors: SectorContentChangedParams,
) -> Result<SectorContentChangedReturn, ActorError> {
    rt.validate_caller_type(&[Type::Miner])?;
    rt.transaction(|state: &mut State| {
        let mut book = Activations::open(state, rt.store())?;
        let mut answers = Vec::with_capacity(sectors.len());
        for sector in &sectors {
            let until = sector.minimum_commitment_epoch;
            let mut ids = Vec::new();
            let mut accepted = Vec::with_capacity(sector.added.len());
            for piece in &sector.added {
                let judged = book.judge_piece(rt, piece, until)?;
                accepted.push(judged.is_ok());
                match judged {
                    Ok((id, deal)) => {
                        events::emit(rt, events::DEAL_ACTIVATED, id, &deal)?;
                        book.activate(id)?;
                        ids.push(id);
                    }
                    Err(why) => rt.log(|| format!("a piece is left out: {}", why.message())),
                }
            }
            book.sectors.push((sector.sector, ids));
            answers.push(accepted);
        }
        book.close(rt, state, rt.store())?;
        Ok(answers)
    })
}

/// What an activation reads, as it was at the start, and what it changes.
struct Activations<BS> {
    before: State,
    proposals: Array<BS, DealProposal, 5>,
    states: Array<BS, DealState, 6>,
    pending: Map<BS, Cid, ()>,
    allocations: Map<BS, DealID, AllocationId>,
    activated: BTreeSet<DealID>,
    /// In the order of the message; a sector may be without deals.
    sectors: Vec<(SectorNumber, Vec<DealID>)>,
}

impl<BS: Blockstore + Clone> Activations<BS> {
    fn open(state: &State, store: BS) -> Result<Self, ActorError> {
        Ok(Self {
            before: state.clone(),
            proposals: state.proposals.load(store.clone())?,
            states: state.states.load(store.clone())?,
            pending: state.pending_proposals.load(store.clone())?,
            allocations: state.pending_deal_allocation_ids.load(store)?,
            activated: BTreeSet::new(),
            sectors: Vec::new(),
        })
    }

    /// Stores what changed. Proposals go on waiting, so that they are not published
    /// again at once.
    fn close(mut self, rt: &impl Runtime, state: &mut State, store: BS) -> Result<(), ActorError> {
        for (sector, ids) in &self.sectors {
            for id in ids {
                self.states
                    .set(*id, DealState::activated(*sector, rt.epoch()))?;
            }
        }
        state.states = self.states.flush()?;
        provider_sectors::put(state, store, rt.message().caller, &self.sectors)?;
        state.pending_deal_allocation_ids = self.allocations.flush()?;
        Ok(())
    }

    /// The proposal of a deal that the caller may activate now, in a sector that is
    /// there until `until`; or why it may not.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the deal cannot be looked up.
    fn judge(
        &self,
        rt: &impl Runtime,
        id: DealID,
        until: ChainEpoch,
    ) -> Result<Judged<DealProposal>, ActorError> {
        let Some(deal) = self.proposals.get(id)? else {
            return Ok(Err(self.before.no_deal(id)));
        };
        if let Err(why) = check_deal(deal, &rt.caller(), rt.epoch(), until) {
            return Ok(Err(why));
        }
        let is_active = self.states.get(id)?.is_some();
        let waits = self.pending.contains(&deal.cid(rt)?)?;
        Ok(judge_standing(id, is_active, waits).map(|()| deal.clone()))
    }

    /// The deals of a sector that may begin all together, or why one may not.
    fn judge_sector(
        &self,
        rt: &impl Runtime,
        sector: &SectorDeals,
    ) -> Result<Judged<Vec<(DealID, DealProposal)>>, ActorError> {
        let ids: BTreeSet<_> = sector.deal_ids.iter().collect();
        if ids.len() < sector.deal_ids.len() {
            return Ok(Err(actor_error!(
                USR_ILLEGAL_ARGUMENT,
                "a deal is named twice"
            )));
        }
        let mut deals = Vec::with_capacity(sector.deal_ids.len());
        for id in &sector.deal_ids {
            if self.activated.contains(id) {
                return Ok(Err(actor_error!(
                    USR_ILLEGAL_ARGUMENT,
                    "deal {id} is in a sector before"
                )));
            }
            match self.judge(rt, *id, sector.sector_expiry)? {
                Ok(deal) => deals.push((*id, deal)),
                Err(why) => return Ok(Err(why.context(format_args!("deal {id}")))),
            }
        }
        Ok(Ok(deals))
    }

    /// Begins the deals of a sector, in order.
    fn activate_sector(
        &mut self,
        rt: &impl Runtime,
        sector: SectorDeals,
        deals: &[(DealID, DealProposal)],
        compute_cid: bool,
    ) -> Result<SectorDealActivation, ActorError> {
        let mut activated = Vec::with_capacity(deals.len());
        for (id, deal) in deals {
            activated.push(ActivatedDeal {
                client: deal.client_id()?,
                allocation_id: self.activate(*id)?,
                data: deal.piece_cid,
                size: deal.piece_size,
            });
        }
        let unsealed_cid = match compute_cid {
            true => commd(rt, sector.sector_type, deals.iter().map(|(_, deal)| deal))?,
            false => None,
        };
        for (id, deal) in deals {
            events::emit(rt, events::DEAL_ACTIVATED, *id, deal)?;
        }
        self.sectors.push((sector.sector_number, sector.deal_ids));
        Ok(SectorDealActivation {
            activated,
            unsealed_cid,
        })
    }

    /// Marks a deal and gives its allocation, which is not pending any more; 0 if
    /// there is none.
    fn activate(&mut self, id: DealID) -> Result<AllocationId, ActorError> {
        self.activated.insert(id);
        Ok(self.allocations.remove(&id)?.unwrap_or_default())
    }

    /// The deal that a piece is of, if it may begin; or why it may not.
    fn judge_piece(
        &self,
        rt: &impl Runtime,
        piece: &PieceChange,
        until: ChainEpoch,
    ) -> Result<Judged<(DealID, DealProposal)>, ActorError> {
        let id = match decode_deal_id(piece) {
            Ok(id) => id,
            Err(why) => return Ok(Err(why)),
        };
        if self.activated.contains(&id) {
            return Ok(Err(actor_error!(
                USR_ILLEGAL_ARGUMENT,
                "deal {id} is of a piece before"
            )));
        }
        let deal = match self.judge(rt, id, until)? {
            Ok(deal) => deal,
            Err(why) => return Ok(Err(why.context(format_args!("deal {id}")))),
        };
        Ok(judge_content(id, &deal, piece).map(|()| (id, deal)))
    }
}

fn judge_standing(id: DealID, is_active: bool, waits: bool) -> Judged<()> {
    ensure!(
        !is_active,
        USR_ILLEGAL_ARGUMENT,
        "deal {id} is activated already"
    );
    ensure!(
        waits,
        USR_ILLEGAL_STATE,
        "the proposal of deal {id} does not wait"
    );
    Ok(())
}

fn decode_deal_id(piece: &PieceChange) -> Judged<DealID> {
    piece
        .payload
        .deserialize()
        .or_exit(USR_SERIALIZATION, "the payload is no deal's number")
}

fn judge_content(id: DealID, deal: &DealProposal, piece: &PieceChange) -> Judged<()> {
    ensure!(
        deal.piece_cid == piece.data && deal.piece_size == piece.size,
        USR_ILLEGAL_ARGUMENT,
        "the piece is {} of {} bytes, but deal {id} is of {} of {} bytes",
        piece.data,
        piece.size.0,
        deal.piece_cid,
        deal.piece_size.0
    );
    Ok(())
}
