//! Parameters and returns that other actors do not send, in the sheet's order; the
//! rest is in [`boatyard_actors_shared::ext::market`].

use boatyard_actors_shared::batch::BatchReturn;
use boatyard_sdk::AbiType;
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::PaddedPieceSize;

use crate::deal::DealProposal;

/// Parameters of `WithdrawBalance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct WithdrawBalanceParams {
    /// Whose escrow.
    pub provider_or_client: Address,
    /// How much of it, if as much is not locked.
    pub amount: TokenAmount,
}

/// Return of `GetBalance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetBalanceReturn {
    /// What is in escrow, with what is locked.
    pub balance: TokenAmount,
    /// What of it is locked for deals.
    pub locked: TokenAmount,
}

/// Parameters of `PublishStorageDeals`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct PublishStorageDealsParams {
    /// Deals of one provider.
    pub deals: Vec<ClientDealProposal>,
}

/// A proposal and the client's consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ClientDealProposal {
    /// What is agreed on.
    pub proposal: DealProposal,
    /// The client's signature of the encoded proposal.
    pub client_signature: Signature,
}

/// Return of `PublishStorageDeals`.
#[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct PublishStorageDealsReturn {
    /// Numbers of the deals that were accepted.
    pub ids: Vec<DealID>,
    /// Which of the proposals they are, by position.
    pub valid_deals: BitField,
}

/// Return of `GetDealDataCommitment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetDealDataCommitmentReturn {
    /// Commitment of the piece.
    pub data: Cid,
    /// Its padded size in bytes.
    pub size: PaddedPieceSize,
}

/// Return of `GetDealTerm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetDealTermReturn {
    /// The first epoch that is paid for.
    pub start: ChainEpoch,
    /// How many there are.
    pub duration: ChainEpoch,
}

/// Return of `GetDealActivation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetDealActivationReturn {
    /// When the deal was activated; −1 if it is not.
    pub activated: ChainEpoch,
    /// When it ended early; always −1, as such deals are removed.
    pub terminated: ChainEpoch,
}

/// Return of `SettleDealPayments`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SettleDealPaymentsReturn {
    /// Which deals could not be settled.
    pub results: BatchReturn,
    /// One for each that could.
    pub settlements: Vec<DealSettlement>,
}

/// What settling a deal paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct DealSettlement {
    /// What the provider got.
    pub payment: TokenAmount,
    /// Whether the deal is over.
    pub completed: bool,
}
