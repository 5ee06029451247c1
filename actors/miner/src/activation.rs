//! Pre-commits become sectors: the change of state (spec 05 §13).

use boatyard_actors_shared::PolicyExt;
use boatyard_sdk::{ActorError, Runtime, ensure};
use fvm_shared::econ::TokenAmount;
use num_traits::Zero;

use crate::monies::PledgeInputs;
use crate::pieces::DataSpaces;
use crate::records;
use crate::schema::{MinerInfo, SectorPreCommitOnChainInfo, State};
use crate::sectors::Sectors;
use crate::sends;

/// Turns proven pre-commits into sectors, not proven to be stored yet: deposits are
/// free, pledges are taken, deadlines are chosen. Then tells the network's pledge.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | 16 | a sector would expire too soon |
/// | 19 | what is not spoken for does not cover the pledges |
/// | 20 | a sector comes twice; no deadline has room |
/// | 1000 | the balance does not cover what is spoken for |
pub(crate) fn activate<'a>(
    rt: &impl Runtime,
    info: &MinerInfo,
    sectors: impl IntoIterator<Item = (&'a SectorPreCommitOnChainInfo, &'a DataSpaces)>,
    pledge: &PledgeInputs,
) -> Result<(), ActorError> {
    let policy = rt.policy();
    let now = rt.epoch();
    let store = &rt.store();
    let total_pledge = rt.transaction(|state: &mut State| {
        let mut records = Vec::new();
        let mut numbers = Vec::new();
        let mut deposits = TokenAmount::zero();
        let mut total_pledge = TokenAmount::zero();
        for (pre_commit, data) in sectors {
            let record = records::proven(policy, info, pre_commit, data, pledge, now)?;
            deposits += &pre_commit.pre_commit_deposit;
            total_pledge += &record.initial_pledge;
            numbers.push(record.sector_number);
            records.push(record);
        }
        let mut all = Sectors::load(store, &state.sectors)?;
        all.set_all(records.clone())?;
        state.sectors = all.flush()?;
        state.delete_pre_commits(store, &numbers)?;
        state.assign_sectors_to_deadlines(
            policy,
            store,
            now,
            records,
            info.window_post_partition_sectors,
            info.sector_size,
        )?;
        state.add_pre_commit_deposit(&-deposits)?;

        let balance = rt.current_balance();
        state.cover_pledge(&balance, &total_pledge)?;
        state.add_initial_pledge(&total_pledge)?;
        state.check_balance_invariants(&balance)?;
        Ok(total_pledge)
    })?;
    sends::update_pledge(rt, &total_pledge)
}

impl State {
    /// What is not spoken for, debt left aside, must cover a new pledge.
    ///
    /// # Errors
    /// `USR_INSUFFICIENT_FUNDS` (19); those of [`unlocked_balance`](Self::unlocked_balance).
    pub(crate) fn cover_pledge(
        &self,
        balance: &TokenAmount,
        pledge: &TokenAmount,
    ) -> Result<(), ActorError> {
        let unlocked = self.unlocked_balance(balance)?;
        ensure!(
            unlocked >= *pledge,
            USR_INSUFFICIENT_FUNDS,
            "{unlocked} do not cover a pledge of {pledge}"
        );
        Ok(())
    }
}
