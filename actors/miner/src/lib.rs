//! Storage miner: one actor for each storage provider. It keeps the provider's
//! identity and collateral, takes sectors on, holds it to proving them, and pays out
//! what is left. Created by the power actor through init.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | ControlAddresses | 2 | any | owner, worker, control addresses | [`methods`]`::queries` |
//! | ChangeWorkerAddress | 3 | owner | proposes a worker, sets control addresses | `identity` |
//! | ChangePeerID | 4 | control | | `identity` |
//! | ApplyRewards | 14 | f02 | takes a block reward, locks most of it | `rewards` |
//! | ReportConsensusFault | 15 | any | punishes for two blocks | `consensus_fault` |
//! | WithdrawBalance | 16 | owner, beneficiary | pays out what is not spoken for | `withdrawal` |
//! | ChangeMultiaddrs | 18 | control | | `identity` |
//! | ConfirmChangeWorkerAddress | 21 | owner | the worker to come takes over | `identity` |
//! | RepayDebt | 22 | control | | `withdrawal` |
//! | ChangeOwnerAddress | 23 | owner, owner to come | proposes, takes over | `identity` |
//! | ChangeBeneficiary | 30 | owner, beneficiaries | proposes, consents | `beneficiary` |
//! | GetBeneficiary | 31 | any | | `queries` |
//!
//! "Control" is owner, worker or a control address. Exit codes of its own:
//! [`exit_codes`]; events: [`events`].
//!
//! | module | answers |
//! |---|---|
//! | [`schema`] | what the state holds, block by block |
//! | [`identity`] | who the miner is |
//! | [`schedule`], [`deadlines`] | when deadlines are, where they lie |
//! | [`deadline`], [`partition`] | what happens to sectors that are proven together |
//! | [`expiration_queue`], [`bitfield_queue`] | what ends, and is to be done, when |
//! | [`sectors`], [`pre_commits`] | records by number |
//! | [`power`] | what sectors are worth |
//! | [`assignment`] | which deadline a sector gets |
//! | [`lifecycle`] | the end of a deadline, early terminations of the whole miner |
//! | [`sector_map`] | sectors addressed by deadline and partition |
//! | [`amt`], [`blocks`] | access to the store under the miner's rule of errors |
//! | [`funds`], [`vesting`] | what of the balance is spoken for, what is locked |
//! | [`monies`] | what things cost: formulas without state |
//! | [`methods`] | checks, transactions and sends of each method |
//! | [`sends`] | what goes to other actors |
//! | [`types`] | parameters and returns |
//!
//! Source: specs 05 and 06.

use boatyard_actors_shared::ext::miner::{ApplyRewardsParams, ControlAddressesReturn};
use boatyard_sdk::{ActorError, Runtime, actor};
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;

pub mod amt;
pub mod assignment;
pub mod bitfield_queue;
pub mod blocks;
pub mod commitments;
pub mod deadline;
pub mod deadlines;
pub mod events;
pub mod exit_codes;
pub mod expiration_queue;
pub mod funds;
pub mod identity;
pub mod lifecycle;
pub mod lifetimes;
pub mod methods;
pub mod monies;
pub mod partition;
pub mod power;
pub mod pre_commits;
pub mod schedule;
pub mod schema;
pub mod sector_map;
pub mod sectors;
pub mod sends;
#[cfg(test)]
mod testing;
pub mod types;
pub mod vesting;

use methods::{beneficiary, consensus_fault, identity as who, queries, rewards, withdrawal};
pub use schema::State;
use types::{
    ChangeBeneficiaryParams, ChangeMultiaddrsParams, ChangePeerIDParams, ChangeWorkerAddressParams,
    GetBeneficiaryReturn, GetMultiaddrsReturn, GetOwnerReturn, GetPeerIDReturn,
    GetVestingFundsReturn, MaxTerminationFeeParams, ReportConsensusFaultParams,
    WithdrawBalanceParams,
};

/// Holds a storage provider to its promises.
pub struct Miner;

#[actor(name = "storageminer", state = State, exit_codes = exit_codes::NAMES, events = events::EVENTS)]
impl Miner {
    /// Gives owner, worker and control addresses.
    #[method(2)]
    fn control_addresses(rt: &impl Runtime) -> Result<ControlAddressesReturn, ActorError> {
        queries::control_addresses(rt)
    }

    /// Replaces the control addresses and, after a delay, the worker.
    #[method(3, exported)]
    fn change_worker_address(
        rt: &impl Runtime,
        params: ChangeWorkerAddressParams,
    ) -> Result<(), ActorError> {
        who::change_worker(rt, params)
    }

    /// Sets the libp2p peer.
    #[method(4, exported = "ChangePeerID")]
    fn change_peer_id(rt: &impl Runtime, params: ChangePeerIDParams) -> Result<(), ActorError> {
        who::change_peer_id(rt, params)
    }

    /// Takes a block reward and pays debt.
    #[method(14)]
    fn apply_rewards(rt: &impl Runtime, params: ApplyRewardsParams) -> Result<(), ActorError> {
        rewards::apply(rt, params)
    }

    /// Punishes the miner for two blocks that it must not have made both.
    #[method(15)]
    fn report_consensus_fault(
        rt: &impl Runtime,
        params: ReportConsensusFaultParams,
    ) -> Result<(), ActorError> {
        consensus_fault::report(rt, params)
    }

    /// Pays up to an amount to the beneficiary and gives what was paid.
    #[method(16, exported)]
    fn withdraw_balance(
        rt: &impl Runtime,
        params: WithdrawBalanceParams,
    ) -> Result<TokenAmount, ActorError> {
        withdrawal::withdraw(rt, params)
    }

    /// Sets the addresses under which the peer is to be reached.
    #[method(18, exported)]
    fn change_multiaddrs(
        rt: &impl Runtime,
        params: ChangeMultiaddrsParams,
    ) -> Result<(), ActorError> {
        who::change_multiaddrs(rt, params)
    }

    /// Lets the worker to come take over if its time has come.
    #[method(21, exported)]
    fn confirm_change_worker_address(rt: &impl Runtime) -> Result<(), ActorError> {
        who::confirm_worker(rt)
    }

    /// Pays as much debt as possible, out of locked funds too.
    #[method(22, exported)]
    fn repay_debt(rt: &impl Runtime) -> Result<(), ActorError> {
        withdrawal::repay_debt(rt)
    }

    /// Proposes an owner, or takes the miner over as the one proposed.
    #[method(23, exported)]
    fn change_owner_address(rt: &impl Runtime, new_owner: Address) -> Result<(), ActorError> {
        who::change_owner(rt, new_owner)
    }

    /// Proposes a beneficiary, or consents to the one proposed.
    #[method(30, exported)]
    fn change_beneficiary(
        rt: &impl Runtime,
        params: ChangeBeneficiaryParams,
    ) -> Result<(), ActorError> {
        beneficiary::change(rt, params)
    }

    /// Gives the beneficiary, its term, and the one proposed.
    #[method(31, exported)]
    fn get_beneficiary(rt: &impl Runtime) -> Result<GetBeneficiaryReturn, ActorError> {
        queries::beneficiary(rt)
    }

    /// Gives the owner and the one proposed.
    #[method(exported)]
    fn get_owner(rt: &impl Runtime) -> Result<GetOwnerReturn, ActorError> {
        queries::owner(rt)
    }

    /// Tells whether an address is owner, worker or a control address.
    #[method(exported)]
    fn is_controlling_address(rt: &impl Runtime, address: Address) -> Result<bool, ActorError> {
        queries::is_controlling(rt, address)
    }

    /// Gives the size of the miner's sectors in bytes.
    #[method(exported)]
    fn get_sector_size(rt: &impl Runtime) -> Result<u64, ActorError> {
        queries::sector_size(rt)
    }

    /// Gives what is not spoken for, in attoFIL; negative for more debt than that.
    #[method(exported)]
    fn get_available_balance(rt: &impl Runtime) -> Result<TokenAmount, ActorError> {
        queries::available_balance(rt)
    }

    /// Gives what is locked, and until when.
    #[method(exported)]
    fn get_vesting_funds(rt: &impl Runtime) -> Result<GetVestingFundsReturn, ActorError> {
        queries::vesting_funds(rt)
    }

    /// Gives the libp2p peer.
    #[method(exported = "GetPeerID")]
    fn get_peer_id(rt: &impl Runtime) -> Result<GetPeerIDReturn, ActorError> {
        queries::peer_id(rt)
    }

    /// Gives the addresses under which the peer is to be reached.
    #[method(exported)]
    fn get_multiaddrs(rt: &impl Runtime) -> Result<GetMultiaddrsReturn, ActorError> {
        queries::multiaddrs(rt)
    }

    /// Gives what the early end of a sector would cost at most.
    #[method(exported)]
    fn max_termination_fee(
        rt: &impl Runtime,
        params: MaxTerminationFeeParams,
    ) -> Result<TokenAmount, ActorError> {
        queries::max_termination_fee(rt, params)
    }

    /// Gives the sum of all pledges in attoFIL.
    #[method(exported)]
    fn initial_pledge(rt: &impl Runtime) -> Result<TokenAmount, ActorError> {
        queries::initial_pledge(rt)
    }
}

boatyard_sdk::entry!(Miner);
