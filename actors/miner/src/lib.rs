//! Storage miner: one actor for each storage provider. It keeps the provider's
//! identity and collateral, takes sectors on, holds it to proving them, and pays out
//! what is left. Created by the power actor through init.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f01 | locks a deposit | `construct` |
//! | ControlAddresses | 2 | any | owner, worker, control addresses | [`methods`]`::queries` |
//! | ChangeWorkerAddress | 3 | owner | proposes a worker, sets control addresses | `identity` |
//! | ChangePeerID | 4 | control | | `identity` |
//! | SubmitWindowedPoSt | 5 | control | proves sectors | `window_post` |
//! | TerminateSectors | 9 | control | ends sectors | `terminate` |
//! | DeclareFaults | 10 | control | | `faults` |
//! | DeclareFaultsRecovered | 11 | control | | `faults` |
//! | OnDeferredCronEvent | 12 | f04 | the end of a deadline, settlement | `cron` |
//! | CheckSectorProven | 13 | any | | `sector_status` |
//! | ApplyRewards | 14 | f02 | takes a block reward, locks most of it | `rewards` |
//! | ReportConsensusFault | 15 | any | punishes for two blocks | `consensus_fault` |
//! | WithdrawBalance | 16 | owner, beneficiary | pays out what is not spoken for | `withdrawal` |
//! | InternalSectorSetupForPreseal | 17 | f00 | sectors of the genesis block | `preseal` |
//! | ChangeMultiaddrs | 18 | control | | `identity` |
//! | CompactPartitions | 19 | control | forgets terminated sectors | `compact` |
//! | CompactSectorNumbers | 20 | control | uses sector numbers up | `compact` |
//! | ConfirmChangeWorkerAddress | 21 | owner | the worker to come takes over | `identity` |
//! | RepayDebt | 22 | control | | `withdrawal` |
//! | ChangeOwnerAddress | 23 | owner, owner to come | proposes, takes over | `identity` |
//! | DisputeWindowedPoSt | 24 | any | has a proof checked | `window_post` |
//! | PreCommitSectorBatch2 | 28 | control | announces sectors | `precommit` |
//! | ChangeBeneficiary | 30 | owner, beneficiaries | proposes, consents | `beneficiary` |
//! | GetBeneficiary | 31 | any | | `queries` |
//! | ExtendSectorExpiration2 | 32 | control | sectors live longer | `extend` |
//! | ProveCommitSectors3 | 34 | control | announced sectors are proven | `prove_commit` |
//! | ProveReplicaUpdates3 | 35 | control | sectors of zeros get data | `replica_update` |
//! | ProveCommitSectorsNI | 36 | control | sectors of zeros, not announced | `prove_commit_ni` |
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
//! | [`settlement`] | what sectors that ended early cost |
//! | [`creation`] | the first state |
//! | [`sector_map`] | sectors addressed by deadline and partition |
//! | [`amt`], [`blocks`] | access to the store under the miner's rule of errors |
//! | [`invariants`] | what must hold of a state |
//! | [`funds`], [`vesting`] | what of the balance is spoken for, what is locked |
//! | [`monies`] | what things cost: formulas without state |
//! | `records` | what becomes of a sector's record: formulas without state |
//! | [`lifetimes`], [`commitments`] | how long sectors live, what they commit to |
//! | `seals`, `pieces` | what proofs answer, what sectors hold |
//! | `activation` | pre-commits become sectors |
//! | `notifications`, [`events`] | who is told |
//! | [`methods`] | checks, transactions and sends of each method |
//! | [`sends`] | what goes to other actors |
//! | [`types`] | parameters and returns |
//!
//! Source: specs 05 and 06.

use boatyard_actors_shared::BatchReturn;
use boatyard_actors_shared::ext::miner::{
    ApplyRewardsParams, ConstructorParams, ControlAddressesReturn, DeferredCronEventParams,
};
use boatyard_sdk::{ActorError, Runtime, actor};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;

mod activation;
pub mod amt;
pub mod assignment;
pub mod bitfield_queue;
pub mod blocks;
pub mod commitments;
pub mod creation;
pub mod deadline;
pub mod deadlines;
pub mod events;
pub mod exit_codes;
pub mod expiration_queue;
pub mod funds;
pub mod identity;
pub mod invariants;
pub mod lifecycle;
pub mod lifetimes;
pub mod methods;
pub mod monies;
mod notifications;
pub mod partition;
mod pieces;
pub mod power;
pub mod pre_commits;
mod records;
pub mod schedule;
pub mod schema;
mod seals;
pub mod sector_map;
pub mod sectors;
pub mod sends;
pub mod settlement;
#[cfg(test)]
mod testing;
pub mod types;
pub mod vesting;

use methods::{
    beneficiary, compact, consensus_fault, construct, cron, extend, faults, identity as who,
    precommit, preseal, prove_commit, prove_commit_ni, queries, replica_update, rewards,
    sector_status, terminate, window_post, withdrawal,
};
pub use schema::State;
use types::{
    ChangeBeneficiaryParams, ChangeMultiaddrsParams, ChangePeerIDParams, ChangeWorkerAddressParams,
    CheckSectorProvenParams, CompactPartitionsParams, CompactSectorNumbersParams,
    DeclareFaultsParams, DeclareFaultsRecoveredParams, DisputeWindowedPoStParams,
    ExtendSectorExpiration2Params, GenerateSectorLocationParams, GenerateSectorLocationReturn,
    GetBeneficiaryReturn, GetMultiaddrsReturn, GetOwnerReturn, GetPeerIDReturn,
    GetVestingFundsReturn, InternalSectorSetupForPresealParams, MaxTerminationFeeParams,
    PreCommitSectorBatchParams, ProveCommitSectors3Params, ProveCommitSectorsNiParams,
    ProveReplicaUpdates3Params, ReportConsensusFaultParams, SubmitWindowedPoStParams,
    TerminateSectorsParams, TerminateSectorsReturn, ValidateSectorStatusParams,
    WithdrawBalanceParams,
};

/// Holds a storage provider to its promises.
pub struct Miner;

#[actor(name = "storageminer", state = State, exit_codes = exit_codes::NAMES, events = events::EVENTS)]
impl Miner {
    /// Sets a miner up and locks its deposit.
    #[method(1)]
    fn constructor(rt: &impl Runtime, params: ConstructorParams) -> Result<(), ActorError> {
        construct::construct(rt, params)
    }

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

    /// Proves partitions of the open deadline.
    #[method(5)]
    fn submit_windowed_po_st(
        rt: &impl Runtime,
        params: SubmitWindowedPoStParams,
    ) -> Result<(), ActorError> {
        window_post::submit(rt, params)
    }

    /// Ends sectors before their time; tells whether all of it is settled.
    #[method(9)]
    fn terminate_sectors(
        rt: &impl Runtime,
        params: TerminateSectorsParams,
    ) -> Result<TerminateSectorsReturn, ActorError> {
        terminate::terminate(rt, params)
    }

    /// Declares sectors faulty.
    #[method(10)]
    fn declare_faults(rt: &impl Runtime, params: DeclareFaultsParams) -> Result<(), ActorError> {
        faults::declare(rt, params)
    }

    /// Declares that faulty sectors will be proven again; debt must be paid.
    #[method(11)]
    fn declare_faults_recovered(
        rt: &impl Runtime,
        params: DeclareFaultsRecoveredParams,
    ) -> Result<(), ActorError> {
        faults::declare_recovered(rt, params)
    }

    /// Does what the miner wanted to be called for.
    #[method(12)]
    fn on_deferred_cron_event(
        rt: &impl Runtime,
        params: DeferredCronEventParams,
    ) -> Result<(), ActorError> {
        cron::on_event(rt, params)
    }

    /// Succeeds if a sector was proven once and is not compacted away.
    #[method(13)]
    fn check_sector_proven(
        rt: &impl Runtime,
        params: CheckSectorProvenParams,
    ) -> Result<(), ActorError> {
        sector_status::check_proven(rt, params)
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

    /// Activates sectors of the genesis block without proof.
    #[method(17)]
    fn internal_sector_setup_for_preseal(
        rt: &impl Runtime,
        params: InternalSectorSetupForPresealParams,
    ) -> Result<(), ActorError> {
        preseal::set_up(rt, params)
    }

    /// Sets the addresses under which the peer is to be reached.
    #[method(18, exported)]
    fn change_multiaddrs(
        rt: &impl Runtime,
        params: ChangeMultiaddrsParams,
    ) -> Result<(), ActorError> {
        who::change_multiaddrs(rt, params)
    }

    /// Dissolves partitions and forgets their terminated sectors.
    #[method(19)]
    fn compact_partitions(
        rt: &impl Runtime,
        params: CompactPartitionsParams,
    ) -> Result<(), ActorError> {
        compact::partitions(rt, params)
    }

    /// Uses sector numbers up.
    #[method(20)]
    fn compact_sector_numbers(
        rt: &impl Runtime,
        params: CompactSectorNumbersParams,
    ) -> Result<(), ActorError> {
        compact::sector_numbers(rt, params)
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

    /// Has a proof checked that was taken on trust.
    #[method(24)]
    fn dispute_windowed_po_st(
        rt: &impl Runtime,
        params: DisputeWindowedPoStParams,
    ) -> Result<(), ActorError> {
        window_post::dispute(rt, params)
    }

    /// Announces sectors and leaves a deposit for each.
    #[method(28)]
    fn pre_commit_sector_batch2(
        rt: &impl Runtime,
        params: PreCommitSectorBatchParams,
    ) -> Result<(), ActorError> {
        precommit::pre_commit(rt, params)
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

    /// Lets sectors live longer, with the claims that they keep.
    #[method(32)]
    fn extend_sector_expiration2(
        rt: &impl Runtime,
        params: ExtendSectorExpiration2Params,
    ) -> Result<(), ActorError> {
        extend::extend(rt, params)
    }

    /// Proves announced sectors, claims and tells what they hold.
    #[method(34)]
    fn prove_commit_sectors3(
        rt: &impl Runtime,
        params: ProveCommitSectors3Params,
    ) -> Result<BatchReturn, ActorError> {
        prove_commit::prove_commit(rt, params)
    }

    /// Puts data into sectors of zeros, claims and tells it.
    #[method(35)]
    fn prove_replica_updates3(
        rt: &impl Runtime,
        params: ProveReplicaUpdates3Params,
    ) -> Result<BatchReturn, ActorError> {
        replica_update::prove_updates(rt, params)
    }

    /// Proves sectors of zeros that were not announced.
    #[method(36)]
    fn prove_commit_sectors_ni(
        rt: &impl Runtime,
        params: ProveCommitSectorsNiParams,
    ) -> Result<BatchReturn, ActorError> {
        prove_commit_ni::prove_commit_ni(rt, params)
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

    /// Gives how a sector is, and where.
    #[method(exported)]
    fn generate_sector_location(
        rt: &impl Runtime,
        params: GenerateSectorLocationParams,
    ) -> Result<GenerateSectorLocationReturn, ActorError> {
        sector_status::locate(rt, params)
    }

    /// Tells whether a sector is as somebody says, at a place that was given before.
    #[method(exported)]
    fn validate_sector_status(
        rt: &impl Runtime,
        params: ValidateSectorStatusParams,
    ) -> Result<bool, ActorError> {
        sector_status::validate(rt, params)
    }

    /// Gives the epoch in which a sector expires if nothing happens.
    #[method(exported)]
    fn get_nominal_sector_expiration(
        rt: &impl Runtime,
        sector_number: SectorNumber,
    ) -> Result<ChainEpoch, ActorError> {
        sector_status::nominal_expiration(rt, sector_number)
    }
}

boatyard_sdk::entry!(Miner);

#[cfg(test)]
mod tests;
