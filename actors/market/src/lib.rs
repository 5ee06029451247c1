//! Storage market, f05: the escrow of clients and providers, and the deals between
//! them from publication to their end. Created at genesis.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f00 | | here |
//! | AddBalance | 2, 822473126 | any | money in | [`escrow`] |
//! | WithdrawBalance | 3, 2280458852 | owner or worker, client | money out | [`escrow`] |
//! | PublishStorageDeals | 4, 2236929350 | who controls the provider | deals get numbers | [`publish`] |
//! | VerifyDealsForActivation | 5 | a miner | will they fit? | [`verify`] |
//! | BatchActivateDeals | 6 | a miner | deals begin | [`activation`] |
//! | OnMinerSectorsTerminate | 7 | a miner | deals end early | [`termination`] |
//! | CronTick | 9 | f03 | deals lapse, are paid | [`cron`] |
//! | GetBalance | 726108461 | any | | [`escrow`] |
//! | GetDealDataCommitment | 1157985802 | any | | [`getters`] |
//! | GetDealClient | 128053329 | any | | [`getters`] |
//! | GetDealProvider | 935081690 | any | | [`getters`] |
//! | GetDealLabel | 46363526 | any | | [`getters`] |
//! | GetDealTerm | 163777312 | any | | [`getters`] |
//! | GetDealTotalPrice | 4287162428 | any | | [`getters`] |
//! | GetDealClientCollateral | 200567895 | any | | [`getters`] |
//! | GetDealProviderCollateral | 2986712137 | any | | [`getters`] |
//! | GetDealVerified | 2627389465 | any | | [`getters`] |
//! | GetDealActivation | 2567238399 | any | | [`getters`] |
//! | GetDealSector | 2611213344 | any | | [`getters`] |
//! | SettleDealPayments | 1900091594 | any | deals are paid, end | [`settlement`] |
//! | SectorContentChanged | 2034386435 | a miner | deals begin | [`activation`] |
//!
//! | exit code | when |
//! |---|---|
//! | [`EX_DEAL_EXPIRED`] (32) | a deal is over, or its start |
//! | [`EX_DEAL_NOT_ACTIVATED`] (33) | a deal is in no sector yet |
//!
//! No fallback. Number 8 belongs to a method that is gone. What happens to a deal is
//! told by [events].
//!
//! | module | answers |
//! |---|---|
//! | [`state`] | what the state holds |
//! | [`deal`], [`label`] | what a deal is |
//! | [`balances`] | who has how much, and how much of it is locked |
//! | [`book`] | what time does to a deal, and to the money behind it |
//! | [`provider_sectors`] | which deals are in which sector |
//! | [`types`] | parameters and returns that other actors do not send |
//! | [`events`] | what the world is told |
//! | [`invariants`] | what must hold of the state, and across actors |
//!
//! A deal's way through the state: spec 07 §8. Source: spec 07.

use boatyard_actors_shared::SYSTEM_ACTOR;
use boatyard_actors_shared::ext::market::{
    BatchActivateDealsParams, BatchActivateDealsReturn, OnMinerSectorsTerminateParams,
    SectorContentChangedParams, SectorContentChangedReturn, VerifyDealsForActivationParams,
    VerifyDealsForActivationReturn,
};
use boatyard_sdk::{ActorError, Runtime, actor};
use fvm_ipld_bitfield::BitField;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use fvm_shared::sector::SectorNumber;

pub mod activation;
pub mod balances;
pub mod book;
pub mod cron;
pub mod deal;
pub mod escrow;
pub mod events;
pub mod getters;
pub mod invariants;
pub mod label;
pub mod provider_sectors;
pub mod publish;
pub mod settlement;
pub mod state;
pub mod termination;
pub mod types;
pub mod verify;

pub use deal::{DealProposal, DealState};
pub use events::EVENTS;
pub use label::Label;
pub use state::State;
pub use types::{
    ClientDealProposal, DealSettlement, GetBalanceReturn, GetDealActivationReturn,
    GetDealDataCommitmentReturn, GetDealTermReturn, PublishStorageDealsParams,
    PublishStorageDealsReturn, SettleDealPaymentsReturn, WithdrawBalanceParams,
};

/// A deal is over and forgotten, or it is too late to activate it.
pub const EX_DEAL_EXPIRED: ExitCode = ExitCode::new(32);
/// A deal is in no sector yet.
pub const EX_DEAL_NOT_ACTIVATED: ExitCode = ExitCode::new(33);

const EXIT_CODES: &[(u32, &str)] = &[(32, "EX_DEAL_EXPIRED"), (33, "EX_DEAL_NOT_ACTIVATED")];

/// Brings clients and providers together, and keeps their money.
pub struct Market;

#[actor(name = "storagemarket", state = State, exit_codes = EXIT_CODES, events = EVENTS)]
impl Market {
    /// Opens a market without deals.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the caller is not f00, `USR_ILLEGAL_STATE` (20) when
    /// constructed already.
    #[method(1)]
    fn constructor(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.validate_caller_is(&[SYSTEM_ACTOR])?;
        let state = State::new(rt.store())?;
        rt.create(&state)
    }

    /// Puts the value received into the escrow of a provider or client.
    #[method(2, exported)]
    fn add_balance(rt: &impl Runtime, provider_or_client: Address) -> Result<(), ActorError> {
        escrow::add_balance(rt, provider_or_client)
    }

    /// Pays escrow that is not locked out to the client or the provider's owner.
    #[method(3, exported)]
    fn withdraw_balance(
        rt: &impl Runtime,
        params: WithdrawBalanceParams,
    ) -> Result<TokenAmount, ActorError> {
        escrow::withdraw_balance(rt, params)
    }

    /// Publishes proposals that clients signed, all of one provider.
    #[method(4, exported)]
    fn publish_storage_deals(
        rt: &impl Runtime,
        params: PublishStorageDealsParams,
    ) -> Result<PublishStorageDealsReturn, ActorError> {
        publish::publish(rt, params)
    }

    /// Checks deals that sectors of the caller will hold.
    #[method(5)]
    fn verify_deals_for_activation(
        rt: &impl Runtime,
        params: VerifyDealsForActivationParams,
    ) -> Result<VerifyDealsForActivationReturn, ActorError> {
        verify::verify(rt, params)
    }

    /// Begins the deals of proven sectors of the caller.
    #[method(6)]
    fn batch_activate_deals(
        rt: &impl Runtime,
        params: BatchActivateDealsParams,
    ) -> Result<BatchActivateDealsReturn, ActorError> {
        activation::batch_activate(rt, params)
    }

    /// Ends the deals of sectors of the caller that ended early.
    #[method(7)]
    fn on_miner_sectors_terminate(
        rt: &impl Runtime,
        params: OnMinerSectorsTerminateParams,
    ) -> Result<(), ActorError> {
        termination::on_miner_sectors_terminate(rt, params)
    }

    /// Ends and pays the deals that are due.
    #[method(9)]
    fn cron_tick(rt: &impl Runtime) -> Result<(), ActorError> {
        cron::tick(rt)
    }

    /// What an address has in escrow, and what of it is locked.
    #[method(exported)]
    fn get_balance(rt: &impl Runtime, account: Address) -> Result<GetBalanceReturn, ActorError> {
        escrow::get_balance(rt, account)
    }

    /// A deal's piece.
    #[method(exported)]
    fn get_deal_data_commitment(
        rt: &impl Runtime,
        id: DealID,
    ) -> Result<GetDealDataCommitmentReturn, ActorError> {
        let deal = getters::proposal(rt, id)?;
        Ok(GetDealDataCommitmentReturn {
            data: deal.piece_cid,
            size: deal.piece_size,
        })
    }

    /// A deal's client.
    #[method(exported)]
    fn get_deal_client(rt: &impl Runtime, id: DealID) -> Result<ActorID, ActorError> {
        getters::proposal(rt, id)?.client_id()
    }

    /// A deal's provider.
    #[method(exported)]
    fn get_deal_provider(rt: &impl Runtime, id: DealID) -> Result<ActorID, ActorError> {
        getters::proposal(rt, id)?.provider_id()
    }

    /// A deal's label, text or bytes.
    #[method(exported)]
    fn get_deal_label(rt: &impl Runtime, id: DealID) -> Result<Label, ActorError> {
        Ok(getters::proposal(rt, id)?.label)
    }

    /// When a deal starts, and how long it lasts.
    #[method(exported)]
    fn get_deal_term(rt: &impl Runtime, id: DealID) -> Result<GetDealTermReturn, ActorError> {
        let deal = getters::proposal(rt, id)?;
        Ok(GetDealTermReturn {
            start: deal.start_epoch,
            duration: deal.duration(),
        })
    }

    /// What the storage costs in all.
    #[method(exported)]
    fn get_deal_total_price(rt: &impl Runtime, id: DealID) -> Result<TokenAmount, ActorError> {
        Ok(getters::proposal(rt, id)?.total_storage_fee())
    }

    /// What the client set aside besides the price.
    #[method(exported)]
    fn get_deal_client_collateral(
        rt: &impl Runtime,
        id: DealID,
    ) -> Result<TokenAmount, ActorError> {
        Ok(getters::proposal(rt, id)?.client_collateral)
    }

    /// What the provider set aside.
    #[method(exported)]
    fn get_deal_provider_collateral(
        rt: &impl Runtime,
        id: DealID,
    ) -> Result<TokenAmount, ActorError> {
        Ok(getters::proposal(rt, id)?.provider_collateral)
    }

    /// Whether the client spent datacap.
    #[method(exported)]
    fn get_deal_verified(rt: &impl Runtime, id: DealID) -> Result<bool, ActorError> {
        Ok(getters::proposal(rt, id)?.verified_deal)
    }

    /// When a deal was activated, if it was.
    #[method(exported)]
    fn get_deal_activation(
        rt: &impl Runtime,
        id: DealID,
    ) -> Result<GetDealActivationReturn, ActorError> {
        getters::activation(rt, id)
    }

    /// The sector that holds a deal's piece.
    #[method(exported)]
    fn get_deal_sector(rt: &impl Runtime, id: DealID) -> Result<SectorNumber, ActorError> {
        getters::sector(rt, id)
    }

    /// Pays deals up to now, and ends those that are over.
    #[method(exported)]
    fn settle_deal_payments(
        rt: &impl Runtime,
        deal_ids: BitField,
    ) -> Result<SettleDealPaymentsReturn, ActorError> {
        settlement::settle(rt, deal_ids)
    }

    /// Begins the deals whose pieces the caller stored.
    #[method(exported)]
    fn sector_content_changed(
        rt: &impl Runtime,
        sectors: SectorContentChangedParams,
    ) -> Result<SectorContentChangedReturn, ActorError> {
        activation::sector_content_changed(rt, sectors)
    }
}

boatyard_sdk::entry!(Market);

#[cfg(test)]
mod tests;
