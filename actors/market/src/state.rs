//! What the state holds.

use boatyard_actors_shared::ext::verifreg::AllocationId;
use boatyard_sdk::nested::{MapMapRoot, SetMultimapRoot};
use boatyard_sdk::{AbiType, ActorError, ArrayRoot, MapRoot, SetRoot, actor_error};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::{ChainEpoch, EPOCH_UNDEFINED};
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;

use crate::EX_DEAL_EXPIRED;
use crate::deal::{DealProposal, DealState};

/// A link to deals by number.
pub type ProposalsRoot = ArrayRoot<DealProposal, 5>;
/// A link to the states of activated deals by number.
pub type StatesRoot = ArrayRoot<DealState, 6>;
/// A link to balances by ID address.
pub type BalancesRoot = MapRoot<Address, TokenAmount, 6>;
/// A link to the deals in the sectors of every provider.
pub type ProviderSectorsRoot = MapMapRoot<ActorID, SectorNumber, Vec<DealID>>;

/// State of the storage market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// Deal → what was agreed, until the deal is over.
    pub proposals: ProposalsRoot,
    /// Activated deal → what became of it.
    pub states: StatesRoot,
    /// CIDs of the proposals that cannot be published again.
    pub pending_proposals: SetRoot<Cid>,
    /// ID address → what it has here, locked or not; entries of nothing occur.
    pub escrow_table: BalancesRoot,
    /// ID address → what of it is locked; entries of nothing occur.
    pub locked_table: BalancesRoot,
    /// Number of the next deal.
    pub next_id: DealID,
    /// Epoch → deals that cron looks at in it.
    pub deal_ops_by_epoch: SetMultimapRoot<ChainEpoch, DealID>,
    /// The last epoch that cron has processed; −1 before the first.
    pub last_cron: ChainEpoch,
    /// What clients have locked besides fees.
    pub total_client_locked_collateral: TokenAmount,
    /// What providers have locked.
    pub total_provider_locked_collateral: TokenAmount,
    /// What clients have locked to pay for storage.
    pub total_client_storage_fee: TokenAmount,
    /// Verified deal that is not activated → its allocation.
    pub pending_deal_allocation_ids: MapRoot<DealID, AllocationId>,
    /// Provider → sector → its activated deals, ascending; perhaps none.
    pub provider_sectors: ProviderSectorsRoot,
}

impl State {
    /// A market without deals.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the empty collections cannot be stored.
    pub fn new(store: impl Blockstore + Clone) -> Result<Self, ActorError> {
        Ok(Self {
            proposals: ArrayRoot::empty(store.clone())?,
            states: ArrayRoot::empty(store.clone())?,
            pending_proposals: MapRoot::empty(store.clone())?,
            escrow_table: MapRoot::empty(store.clone())?,
            locked_table: MapRoot::empty(store.clone())?,
            next_id: 0,
            deal_ops_by_epoch: MapRoot::empty(store.clone())?,
            last_cron: EPOCH_UNDEFINED,
            total_client_locked_collateral: TokenAmount::default(),
            total_provider_locked_collateral: TokenAmount::default(),
            total_client_storage_fee: TokenAmount::default(),
            pending_deal_allocation_ids: MapRoot::empty(store.clone())?,
            provider_sectors: MapRoot::empty(store)?,
        })
    }

    /// The proposal of a deal.
    ///
    /// # Errors
    /// Those of [`no_deal`](Self::no_deal); `USR_ILLEGAL_STATE` (20) when the
    /// proposals cannot be read, and for the number 2^64 − 1, which is beyond them.
    pub fn proposal(&self, store: impl Blockstore, id: DealID) -> Result<DealProposal, ActorError> {
        let proposals = self.proposals.load(store)?;
        let found = proposals.get(id)?.cloned();
        found.ok_or_else(|| self.no_deal(id))
    }

    /// Why there is no proposal: [`EX_DEAL_EXPIRED`] (32) when there was one,
    /// `USR_NOT_FOUND` (17) otherwise.
    pub fn no_deal(&self, id: DealID) -> ActorError {
        if id < self.next_id {
            return actor_error!(EX_DEAL_EXPIRED, "deal {id} is over");
        }
        actor_error!(USR_NOT_FOUND, "there is no deal {id}")
    }

    /// What became of a deal, if it is activated.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) as in [`proposal`](Self::proposal).
    pub fn deal_state(
        &self,
        store: impl Blockstore,
        id: DealID,
    ) -> Result<Option<DealState>, ActorError> {
        Ok(self.states.load(store)?.get(id)?.copied())
    }
}
