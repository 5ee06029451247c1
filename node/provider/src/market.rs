//! The market's state, as a provider looks at it.

use std::collections::BTreeSet;

use boatyard_actors_shared::MARKET_ACTOR;
use boatyard_chain::{SharedStore, StateView};
use boatyard_market::balances::BalanceTable;
use boatyard_market::{DealProposal, DealState, State};
use cid::Cid;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;

use crate::miner::{self, MinerError};

/// The market in some state of the chain.
pub struct MarketView {
    store: SharedStore,
    /// Its state.
    pub state: State,
}

impl MarketView {
    /// Reads the market.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn load(state: &StateView) -> Result<Self, MinerError> {
        let (_, decoded) = miner::decode(state, &MARKET_ACTOR)?;
        Ok(Self {
            state: decoded,
            store: state.store().clone(),
        })
    }

    /// What became of a deal, if it is activated and not over.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn deal_state(&self, deal: DealID) -> Result<Option<DealState>, MinerError> {
        Ok(self.state.deal_state(&self.store, deal)?)
    }

    /// What was agreed, until the deal is over.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn proposal(&self, deal: DealID) -> Result<Option<DealProposal>, MinerError> {
        let proposals = self.state.proposals.load(&self.store)?;
        Ok(proposals.get(deal)?.cloned())
    }

    /// The allocation of a verified deal that is not activated.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn pending_allocation(&self, deal: DealID) -> Result<Option<u64>, MinerError> {
        let pending = self.state.pending_deal_allocation_ids.load(&self.store)?;
        Ok(pending.get(&deal)?.copied())
    }

    /// The allocations of all verified deals that are not activated.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn pending_allocations(&self) -> Result<BTreeSet<u64>, MinerError> {
        let mut all = BTreeSet::new();
        let pending = self.state.pending_deal_allocation_ids.load(&self.store)?;
        pending.for_each(|_, id| {
            all.insert(*id);
            Ok(())
        })?;
        Ok(all)
    }

    /// Whether a proposal, by the CID of its form with ID addresses, cannot be
    /// published (again).
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn is_pending(&self, proposal: &Cid) -> Result<bool, MinerError> {
        let pending = self.state.pending_proposals.load(&self.store)?;
        Ok(pending.contains(proposal)?)
    }

    /// attoFIL of an escrow that is not locked.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn free(&self, owner: ActorID) -> Result<TokenAmount, MinerError> {
        let owner = Address::new_id(owner);
        let escrow = BalanceTable::load(&self.state.escrow_table, &self.store)?.get(&owner)?;
        Ok(escrow - self.locked(owner.id().unwrap_or_default())?)
    }

    /// attoFIL of an escrow that is locked.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn locked(&self, owner: ActorID) -> Result<TokenAmount, MinerError> {
        let locked = BalanceTable::load(&self.state.locked_table, &self.store)?;
        Ok(locked.get(&Address::new_id(owner))?)
    }
}
