//! The deals with the money behind them, open for changes: what time does to a deal.
//!
//! | step | sheet |
//! |---|---|
//! | `DealBook::active_or_lapsed` | §6.4: a deal that was not activated in time ends |
//! | `DealBook::update` | §6.6: an activated deal is paid, or paid out |
//! | `DealBook::terminate` | §6.7: an activated deal ends early |
//! | `DealBook::remove` | §6.8: what is over is forgotten |
//!
//! The order of the steps with money leaves its mark on the tables; see
//! [`crate::balances`].

use boatyard_actors_shared::ext::verifreg::AllocationId;
use boatyard_sdk::{ActorError, Array, Context, Map, Runtime, ensure, exit_codes::*};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;
use num_traits::Zero;

use crate::balances::{Ledger, Reason};
use crate::deal::{DealProposal, DealState};
use crate::state::State;

/// All collections that the end of a deal touches, but for the map of sectors.
pub(crate) struct DealBook<BS> {
    pub proposals: Array<BS, DealProposal, 5>,
    pub states: Array<BS, DealState, 6>,
    pub pending: Map<BS, Cid, ()>,
    pub allocations: Map<BS, DealID, AllocationId>,
    pub ledger: Ledger<BS>,
}

/// Whether a published deal is on its way.
pub(crate) enum Standing {
    /// It is activated.
    Active(DealState),
    /// It may be activated still.
    TooEarly,
    /// It was not activated in time and is gone; the provider lost this.
    Lapsed(TokenAmount),
}

/// What an update did to an activated deal.
pub(crate) enum Update {
    /// It goes on; the provider got this.
    Paid(TokenAmount),
    /// It is over; the provider got this.
    Completed(TokenAmount),
    /// It had ended early; the provider lost this.
    Terminated(TokenAmount),
}

impl<BS: Blockstore + Clone> DealBook<BS> {
    /// Opens the state's book.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when it cannot be read, here and everywhere else.
    pub fn open(state: &State, store: BS) -> Result<Self, ActorError> {
        Ok(Self {
            proposals: state.proposals.load(store.clone())?,
            states: state.states.load(store.clone())?,
            pending: state.pending_proposals.load(store.clone())?,
            allocations: state.pending_deal_allocation_ids.load(store.clone())?,
            ledger: Ledger::open(state, store)?,
        })
    }

    /// Stores what changed.
    pub fn close(mut self, state: &mut State) -> Result<(), ActorError> {
        state.proposals = self.proposals.flush()?;
        state.states = self.states.flush()?;
        state.pending_proposals = self.pending.flush()?;
        state.pending_deal_allocation_ids = self.allocations.flush()?;
        self.ledger.close(state)
    }

    /// Ends a deal that was not activated by its start: the client gets everything
    /// back, the provider loses its collateral. A verified deal's allocation stays
    /// with the registry.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) or `USR_ILLEGAL_ARGUMENT` (16) when the book is
    /// broken.
    ///
    /// Source: spec 07 §6.4.
    pub fn active_or_lapsed(
        &mut self,
        rt: &impl Runtime,
        id: DealID,
        deal: &DealProposal,
    ) -> Result<Standing, ActorError> {
        if let Some(state) = self.states.get(id)? {
            return Ok(Standing::Active(*state));
        }
        if rt.epoch() < deal.start_epoch {
            return Ok(Standing::TooEarly);
        }
        let fee = deal.total_storage_fee();
        let ledger = &mut self.ledger;
        ledger.unlock(&deal.client, &fee, Reason::StorageFee)?;
        ledger.unlock(
            &deal.client,
            &deal.client_collateral,
            Reason::ClientCollateral,
        )?;
        let penalty = deal.provider_collateral.clone();
        ledger.slash(&deal.provider, &penalty, Reason::ProviderCollateral)?;
        // What would be left of the collateral had the penalty not been all of it.
        ledger.unlock(
            &deal.provider,
            &TokenAmount::zero(),
            Reason::ProviderCollateral,
        )?;
        let removed = self.proposals.remove(id)?;
        ensure!(
            removed.is_some(),
            USR_ILLEGAL_STATE,
            "there is no proposal of deal {id}"
        );
        self.pending.remove(&deal.cid(rt)?)?.or_exit(
            USR_ILLEGAL_STATE,
            format_args!("the proposal of deal {id} does not wait"),
        )?;
        self.allocations.remove(&id)?;
        Ok(Standing::Lapsed(penalty))
    }

    /// Pays an activated deal up to now, and pays it out if it has ended. Its state
    /// and proposal stay.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) or `USR_ILLEGAL_ARGUMENT` (16) when the book is
    /// broken.
    ///
    /// Source: spec 07 §6.6.
    pub fn update(
        &mut self,
        rt: &impl Runtime,
        id: DealID,
        deal: &DealProposal,
        state: &DealState,
    ) -> Result<Update, ActorError> {
        let epoch = rt.epoch();
        match state.last_updated() {
            None => {
                self.pending.remove(&deal.cid(rt)?)?;
            }
            Some(last) => ensure!(
                last <= epoch,
                USR_ILLEGAL_STATE,
                "deal {id} is paid until {last}, after {epoch}"
            ),
        }
        if deal.start_epoch > epoch {
            return Ok(Update::Paid(TokenAmount::zero()));
        }

        let paid_until = match state.slashed() {
            Some(slashed) => {
                ensure!(
                    slashed <= epoch && slashed <= deal.end_epoch,
                    USR_ILLEGAL_STATE,
                    "deal {id} ended early at {slashed}, but it is {epoch} and the end {}",
                    deal.end_epoch
                );
                slashed
            }
            None => deal.end_epoch.min(epoch),
        };
        let paid_from = state.last_updated_epoch.max(deal.start_epoch);
        let payment = deal.price_of(paid_until - paid_from);
        if payment.is_positive() {
            self.ledger
                .transfer(&deal.client, &deal.provider, &payment)?;
        }

        if let Some(slashed) = state.slashed() {
            let lost = self.break_off(deal, slashed)?;
            return Ok(Update::Terminated(lost));
        }
        if epoch < deal.end_epoch {
            return Ok(Update::Paid(payment));
        }
        ensure!(
            state.sector_start_epoch >= 0,
            USR_ILLEGAL_STATE,
            "deal {id} ends without having begun"
        );
        let ledger = &mut self.ledger;
        ledger.unlock(
            &deal.provider,
            &deal.provider_collateral,
            Reason::ProviderCollateral,
        )?;
        ledger.unlock(
            &deal.client,
            &deal.client_collateral,
            Reason::ClientCollateral,
        )?;
        Ok(Update::Completed(payment))
    }

    /// Ends an activated deal early: pays it up to `end`, gives the rest back to the
    /// client and tells what the provider lost. `end` is before the deal's end.
    ///
    /// # Errors
    /// `USR_ASSERTION_FAILED` (24) for an `end` out of all bounds;
    /// `USR_ILLEGAL_ARGUMENT` (16) when the book is broken.
    ///
    /// Source: spec 07 §6.7.
    pub fn terminate(
        &mut self,
        deal: &DealProposal,
        state: &DealState,
        end: ChainEpoch,
    ) -> Result<TokenAmount, ActorError> {
        let paid_from = deal.start_epoch.max(state.last_updated_epoch);
        let elapsed = deal.end_epoch.min(end).checked_sub(paid_from).or_exit(
            USR_ASSERTION_FAILED,
            format_args!("a deal cannot end at {end}"),
        )?;
        let payment = deal.price_of(elapsed.max(0));
        if payment.is_positive() {
            self.ledger
                .transfer(&deal.client, &deal.provider, &payment)?;
        }
        self.break_off(deal, end)
    }

    /// Gives the client back what is not paid for, and takes the provider's
    /// collateral.
    fn break_off(
        &mut self,
        deal: &DealProposal,
        end: ChainEpoch,
    ) -> Result<TokenAmount, ActorError> {
        ensure!(
            end <= deal.end_epoch,
            USR_ILLEGAL_STATE,
            "a deal that ends at {} cannot be broken off at {end}",
            deal.end_epoch
        );
        let remaining = deal.price_of(deal.end_epoch - end.max(deal.start_epoch));
        let ledger = &mut self.ledger;
        ledger.unlock(&deal.client, &remaining, Reason::StorageFee)?;
        ledger.unlock(
            &deal.client,
            &deal.client_collateral,
            Reason::ClientCollateral,
        )?;
        let lost = deal.provider_collateral.clone();
        ledger.slash(&deal.provider, &lost, Reason::ProviderCollateral)?;
        Ok(lost)
    }

    /// Forgets a deal that was activated.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when it is not there.
    ///
    /// Source: spec 07 §6.8.
    pub fn remove(&mut self, id: DealID) -> Result<(), ActorError> {
        let there = self.states.remove(id)?.is_some() && self.proposals.remove(id)?.is_some();
        ensure!(there, USR_ILLEGAL_STATE, "deal {id} is not in the book");
        Ok(())
    }
}
