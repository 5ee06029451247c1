//! The verified registry's state, as a provider looks at it: allocations that it may
//! claim (spec 08).

use boatyard_actors_shared::VERIFREG_ACTOR;
use boatyard_actors_shared::ext::verifreg::Claim;
use boatyard_chain::{SharedStore, StateView};
use boatyard_verifreg::State;
use boatyard_verifreg::state::Allocation;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::piece::{PaddedPieceSize, PieceInfo};
use fvm_shared::sector::SectorNumber;

use crate::miner::{self, MinerError};
use crate::order::{Order, Origin, Purpose};

/// Added to the least time that an allocation asks for: it counts from the claim on.
const MARGIN: ChainEpoch = 2_880;

/// The registry in some state of the chain.
pub struct VerifregView {
    store: SharedStore,
    state: State,
}

impl VerifregView {
    /// Reads the registry.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn load(state: &StateView) -> Result<Self, MinerError> {
        let (_, decoded) = miner::decode(state, &VERIFREG_ACTOR)?;
        Ok(Self {
            state: decoded,
            store: state.store().clone(),
        })
    }

    /// An allocation that is neither claimed nor removed.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn allocation(&self, client: ActorID, id: u64) -> Result<Option<Allocation>, MinerError> {
        let mut allocations = self.state.load_allocations(self.store.clone())?;
        Ok(allocations.get(&client, &id)?.cloned())
    }

    /// The claims of a provider in a sector, with the last epoch of each, by number.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn claims_in(
        &self,
        provider: ActorID,
        sector: SectorNumber,
    ) -> Result<Vec<(u64, ChainEpoch)>, MinerError> {
        let mut claims = self.state.load_claims(self.store.clone())?;
        let mut found = Vec::new();
        claims.for_each_of(&provider, |id, claim| {
            if claim.sector == sector {
                found.push((id, claim.term_start.saturating_add(claim.term_max)));
            }
            Ok(())
        })?;
        found.sort_unstable();
        Ok(found)
    }

    /// What a provider claimed.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn claim(&self, provider: ActorID, id: u64) -> Result<Option<Claim>, MinerError> {
        let mut claims = self.state.load_claims(self.store.clone())?;
        Ok(claims.get(&provider, &id)?.cloned())
    }
}

/// The order that an allocation is, seen at an epoch; of its bytes nothing is known.
pub(crate) fn order_of(
    allocation: &Allocation,
    id: u64,
    epoch: ChainEpoch,
    origin: Origin,
    notify: Vec<(Address, RawBytes)>,
) -> Order {
    let least = allocation.term_min.saturating_add(MARGIN);
    let end = epoch.saturating_add(least.min(allocation.term_max));
    let purpose = Purpose::Allocation {
        client: allocation.client,
        id,
        term_max: allocation.term_max,
        notify,
    };
    let piece = PieceInfo {
        cid: allocation.data,
        size: PaddedPieceSize(allocation.size),
    };
    Order {
        origin,
        since: epoch,
        ..Order::new(piece, 0, purpose, allocation.expiration, end)
    }
}

/// Whether an order is for this allocation.
pub(crate) fn is_for(order: &Order, wanted: (ActorID, u64)) -> bool {
    match &order.purpose {
        Purpose::Allocation { client, id, .. } => (*client, *id) == wanted,
        Purpose::Deal { allocation, .. } => {
            allocation.is_some_and(|key| (key.client, key.id) == wanted)
        }
        Purpose::Favour { .. } => false,
    }
}
