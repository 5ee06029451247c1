//! What a provider was asked to keep.

use boatyard_market::{ClientDealProposal, DealProposal};
use boatyard_miner::types::VerifiedAllocationKey;
use cid::Cid;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::deal::DealID;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::SectorNumber;
use serde::{Deserialize, Serialize};

/// Number of an order at its provider; counts up from 1.
pub type OrderId = u64;

/// A piece that a provider promised to keep, or thinks of promising.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// Commitment and padded size.
    pub piece: PieceInfo,
    /// Bytes of the file that was handed in, the rest of the piece being zeros; 0 as
    /// long as they are not here.
    pub length: u64,
    /// What it is kept for.
    pub purpose: Purpose,
    /// How it came.
    pub origin: Origin,
    /// When it came.
    pub since: ChainEpoch,
    /// Where its bytes can be fetched, if somebody said so.
    pub location: Option<String>,
    /// What kind of sector it goes into.
    pub placement: Placement,
    /// The epoch by which its sector must be proven.
    pub start: ChainEpoch,
    /// The epoch until which its sector must last.
    pub end: ChainEpoch,
    /// The sector that it went into.
    pub sector: Option<SectorNumber>,
    /// What happened to it, in order.
    pub steps: Vec<Step>,
    /// Why nothing more is done about it.
    pub failed: Option<String>,
}

/// How an order came to its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Somebody asked the provider itself.
    Client,
    /// A contract proposed a deal.
    Contract,
    /// The chain told of an allocation.
    Event,
}

/// What kind of sector an order goes into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placement {
    /// One that is sealed with it.
    #[default]
    New,
    /// One of committed capacity that is proven already, by a replica update.
    CommittedCapacity,
}

/// What a piece is kept for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// A deal of the market.
    Deal {
        /// The client's signed proposal, CBOR of the market's `ClientDealProposal`.
        proposal: RawBytes,
        /// Its number, once published.
        deal: Option<DealID>,
        /// The allocation of datacap that publishing it made, for a verified deal.
        allocation: Option<VerifiedAllocationKey>,
    },
    /// An allocation of datacap.
    Allocation {
        /// Whose datacap.
        client: ActorID,
        /// Its number.
        id: u64,
        /// Epochs for which a claim of it counts at most; its sector must not last longer.
        term_max: ChainEpoch,
        /// Who is told that the piece is kept, and with which words.
        notify: Vec<(Address, RawBytes)>,
    },
    /// Nothing on chain: kept as a favour.
    Favour {
        /// Who is told that the piece is kept, and with which words.
        notify: Vec<(Address, RawBytes)>,
    },
}

/// Something that happened to an order on chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct Step {
    /// What, in a word: `published`, `pre-committed`, `active` …
    pub name: String,
    /// When.
    pub epoch: ChainEpoch,
    /// By which message; none for what time brought.
    pub message: Option<Cid>,
    /// attoFIL that the message's gas cost, or the order's share of it.
    pub cost: String,
}

/// Longest term of the allocation that the market makes for a deal (spec 07 §5).
fn allocation_term_max(duration: ChainEpoch) -> ChainEpoch {
    const BUFFER: ChainEpoch = 90 * 2_880;
    const MOST: ChainEpoch = 5_259_485;
    (duration + BUFFER).min(MOST)
}

impl Order {
    /// A client's order that nothing has happened to, for a new sector; it gets its
    /// number when it is taken on.
    pub fn new(
        piece: PieceInfo,
        length: u64,
        purpose: Purpose,
        start: ChainEpoch,
        end: ChainEpoch,
    ) -> Self {
        Self {
            id: 0,
            piece,
            length,
            purpose,
            origin: Origin::Client,
            since: 0,
            location: None,
            placement: Placement::New,
            start,
            end,
            sector: None,
            steps: Vec::new(),
            failed: None,
        }
    }

    /// Whether it can go into a sector: a deal has to be published first, and the
    /// allocation of a verified one be known.
    pub fn is_ready(&self) -> bool {
        self.failed.is_none()
            && self.sector.is_none()
            && self.length > 0
            && self.is_known_to_market()
    }

    /// Whether its deal, if it is one, is published, and the allocation of a verified one
    /// known.
    pub fn is_known_to_market(&self) -> bool {
        match &self.purpose {
            Purpose::Deal { deal: None, .. } => false,
            Purpose::Deal {
                allocation: None, ..
            } => !self.is_verified(),
            _ => true,
        }
    }

    /// Whether it costs its client datacap.
    pub fn is_verified(&self) -> bool {
        match &self.purpose {
            Purpose::Deal { .. } => self.proposal().is_some_and(|deal| deal.verified_deal),
            Purpose::Allocation { .. } => true,
            Purpose::Favour { .. } => false,
        }
    }

    /// The last epoch at which a sector may end that is proven no earlier than `epoch`:
    /// what datacap pays for must not last longer than its claim.
    pub fn latest_end(&self, epoch: ChainEpoch) -> Option<ChainEpoch> {
        match &self.purpose {
            Purpose::Deal { .. } => self
                .proposal()
                .filter(|deal| deal.verified_deal)
                .map(|deal| epoch + allocation_term_max(deal.duration())),
            Purpose::Allocation { term_max, .. } => Some(epoch.saturating_add(*term_max)),
            Purpose::Favour { .. } => None,
        }
    }

    /// Whether its bytes have to come before anything is done about it.
    pub fn waits_for_bytes(&self) -> bool {
        self.failed.is_none() && self.length == 0
    }

    /// Whether something is still to be done so that it is kept.
    pub fn is_under_way(&self) -> bool {
        self.failed.is_none() && !self.has_step("active")
    }

    /// The number of its deal, once that is published.
    pub fn deal(&self) -> Option<DealID> {
        match &self.purpose {
            Purpose::Deal { deal, .. } => *deal,
            Purpose::Allocation { .. } | Purpose::Favour { .. } => None,
        }
    }

    /// What the client of its deal signed.
    pub fn proposal(&self) -> Option<DealProposal> {
        match &self.purpose {
            Purpose::Deal { proposal, .. } => proposal
                .deserialize::<ClientDealProposal>()
                .ok()
                .map(|signed| signed.proposal),
            Purpose::Allocation { .. } | Purpose::Favour { .. } => None,
        }
    }

    /// Whether something happened to it under this name.
    pub fn has_step(&self, name: &str) -> bool {
        self.steps.iter().any(|step| step.name == name)
    }
}
