//! How far an order is, seen from the state of the chain.

use boatyard_chain::ChainHandle;
use fvm_shared::clock::ChainEpoch;

use crate::market::MarketView;
use crate::miner::{MinerError, MinerView};
use crate::order::{Order, Purpose};
use crate::place::{Health, Place};
use crate::provider::Provider;

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Taken on; a deal is not published yet.
    Accepted,
    /// A deal has its number.
    Published,
    /// It has a sector, which is being sealed.
    Sealing,
    /// Its sector is pre-committed.
    PreCommitted,
    /// Its sector is proven; its deal runs.
    Active,
    /// It was kept as long as it was promised.
    Expired,
    /// It ended before that.
    Slashed,
    /// Nothing came of it.
    Failed,
}

impl Standing {
    /// Its name for clients.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Published => "published",
            Self::Sealing => "sealing",
            Self::PreCommitted => "pre-committed",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Slashed => "slashed",
            Self::Failed => "failed",
        }
    }
}

/// The parts of a state that decide how far orders are.
pub struct Surroundings {
    epoch: ChainEpoch,
    miner: MinerView,
    market: MarketView,
}

impl Surroundings {
    /// Those of the newest state.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(provider: &Provider, chain: &ChainHandle) -> Result<Self, MinerError> {
        let head = chain.head();
        let state = chain.state(head.state_root);
        Ok(Self {
            epoch: head.height(),
            miner: provider.miner(&state)?,
            market: MarketView::load(&state)?,
        })
    }

    /// How far an order is.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn standing(&self, order: &Order) -> Result<Standing, MinerError> {
        if order.failed.is_some() {
            return Ok(Standing::Failed);
        }
        for (name, standing) in [
            ("slashed", Standing::Slashed),
            ("expired", Standing::Expired),
        ] {
            if order.has_step(name) {
                return Ok(standing);
            }
        }
        let over = self.epoch >= order.end;
        let ended = match over {
            true => Standing::Expired,
            false => Standing::Slashed,
        };
        if order.has_step("active") {
            let kept = match (&order.purpose, order.sector) {
                (
                    Purpose::Deal {
                        deal: Some(deal), ..
                    },
                    _,
                ) => self.market.deal_state(*deal)?.is_some(),
                (_, Some(number)) => Place::find(&self.miner, number)?
                    .is_some_and(|place| place.health != Health::Terminated),
                (_, None) => false,
            };
            return Ok(match kept && !over {
                true => Standing::Active,
                false => ended,
            });
        }
        Ok(match order.sector {
            Some(_) if order.has_step("pre-committed") => Standing::PreCommitted,
            Some(_) => Standing::Sealing,
            None if order.deal().is_some() => Standing::Published,
            None => Standing::Accepted,
        })
    }
}
