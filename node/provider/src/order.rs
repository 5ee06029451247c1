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
    /// Bytes of the file that was handed in, the rest of the piece being zeros.
    pub length: u64,
    /// What it is kept for.
    pub purpose: Purpose,
    /// How it came.
    pub origin: Origin,
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
    /// By which message.
    pub message: Cid,
    /// attoFIL that the message's gas cost.
    pub cost: String,
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
            placement: Placement::New,
            start,
            end,
            sector: None,
            steps: Vec::new(),
            failed: None,
        }
    }

    /// Whether it can go into a sector: a deal has to be published first.
    pub fn is_ready(&self) -> bool {
        self.failed.is_none()
            && self.sector.is_none()
            && !matches!(self.purpose, Purpose::Deal { deal: None, .. })
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
