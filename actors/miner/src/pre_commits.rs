//! Pre-commits, the sector numbers they take, and their cleaning up (spec 05 §3, §9;
//! 06 §11).

use boatyard_actors_shared::Policy;
use boatyard_actors_shared::sectors::MAX_SECTOR_NUMBER;
use boatyard_sdk::{ActorError, Context, ensure, exit_codes::*};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;
use num_traits::Zero;

use crate::bitfield_queue::BitFieldQueue;
use crate::blocks;
use crate::schema::{SectorPreCommitOnChainInfo, State};

/// What to do about sector numbers that were used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collisions {
    /// The message fails.
    Refuse,
    /// They stay used.
    Allow,
}

impl State {
    /// Adds pre-commits.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when one is there already.
    pub fn put_pre_commits(
        &mut self,
        store: &impl Blockstore,
        pre_commits: impl IntoIterator<Item = SectorPreCommitOnChainInfo>,
    ) -> Result<(), ActorError> {
        let mut map = self.pre_committed_sectors.load(store)?;
        for pre_commit in pre_commits {
            let number = pre_commit.info.sector_number;
            ensure!(
                map.set_if_absent(&number, pre_commit)?,
                USR_ILLEGAL_STATE,
                "sector {number} is pre-committed already"
            );
        }
        self.pre_committed_sectors = map.flush()?;
        Ok(())
    }

    /// Pre-commits that have to be there, in the order asked for.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for a number above 2^63-1, `USR_NOT_FOUND` (17)
    /// when one is not there.
    pub fn get_pre_commits(
        &self,
        store: &impl Blockstore,
        numbers: &[SectorNumber],
    ) -> Result<Vec<SectorPreCommitOnChainInfo>, ActorError> {
        let map = self.pre_committed_sectors.load(store)?;
        let mut found = Vec::with_capacity(numbers.len());
        for number in numbers {
            ensure!(
                *number <= MAX_SECTOR_NUMBER,
                USR_ILLEGAL_ARGUMENT,
                "{number} is above the highest sector number"
            );
            let pre_commit = map.get(number)?.or_exit(
                USR_NOT_FOUND,
                format_args!("sector {number} is not pre-committed"),
            )?;
            found.push(pre_commit.clone());
        }
        Ok(found)
    }

    /// Those pre-commits that are there, in the order asked for.
    pub fn find_pre_commits(
        &self,
        store: &impl Blockstore,
        numbers: &[SectorNumber],
    ) -> Result<Vec<SectorPreCommitOnChainInfo>, ActorError> {
        let map = self.pre_committed_sectors.load(store)?;
        let mut found = Vec::with_capacity(numbers.len());
        for number in numbers {
            found.extend(map.get(number)?.cloned());
        }
        Ok(found)
    }

    /// Removes pre-commits.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when one is not there.
    pub fn delete_pre_commits(
        &mut self,
        store: &impl Blockstore,
        numbers: &[SectorNumber],
    ) -> Result<(), ActorError> {
        let mut map = self.pre_committed_sectors.load(store)?;
        for number in numbers {
            map.remove(number)?.or_exit(
                USR_ILLEGAL_STATE,
                format_args!("sector {number} is not pre-committed"),
            )?;
        }
        self.pre_committed_sectors = map.flush()?;
        Ok(())
    }

    /// Notes when pre-commits are to be cleaned up. The notes stay when a sector is
    /// proven.
    pub fn add_pre_commit_cleanups(
        &mut self,
        policy: &Policy,
        store: &impl Blockstore,
        cleanups: &[(ChainEpoch, SectorNumber)],
    ) -> Result<(), ActorError> {
        let quant = self.cleanup_quant(policy);
        let mut queue = BitFieldQueue::load(store, &self.pre_committed_sectors_cleanup, quant)?;
        queue.add_many(cleanups.iter().copied())?;
        self.pre_committed_sectors_cleanup = queue.flush()?;
        Ok(())
    }

    /// Removes the pre-commits that expired and are not proven (S-CLEANUP). Gives the
    /// sum of their deposits, which `pre_commit_deposits` has lost.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when there are fewer deposits than that.
    pub fn clean_up_expired_pre_commits(
        &mut self,
        policy: &Policy,
        store: &impl Blockstore,
        epoch: ChainEpoch,
    ) -> Result<TokenAmount, ActorError> {
        let mut lost = TokenAmount::zero();
        let quant = self.cleanup_quant(policy);
        let mut queue = BitFieldQueue::load(store, &self.pre_committed_sectors_cleanup, quant)?;
        let Some(due) = queue.pop_until(epoch)? else {
            return Ok(lost);
        };
        self.pre_committed_sectors_cleanup = queue.flush()?;

        let mut map = self.pre_committed_sectors.load(store)?;
        for number in due.iter() {
            if let Some(expired) = map.remove(&number)? {
                lost += expired.pre_commit_deposit;
            }
        }
        self.pre_committed_sectors = map.flush()?;
        self.add_pre_commit_deposit(&-lost.clone())?;
        Ok(lost)
    }

    /// Takes sector numbers for good.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) when one is used and that is refused,
    /// `USR_SERIALIZATION` (21) when all that are used make too large a set.
    pub fn allocate_sector_numbers(
        &mut self,
        store: &impl Blockstore,
        numbers: &BitField,
        collisions: Collisions,
    ) -> Result<(), ActorError> {
        let allocated: BitField =
            blocks::get(store, &self.allocated_sectors, "the used sector numbers")?;
        ensure!(
            collisions == Collisions::Allow || !allocated.contains_any(numbers),
            USR_ILLEGAL_ARGUMENT,
            "a sector number was used before"
        );
        let allocated = allocated | numbers;
        self.allocated_sectors = blocks::put(store, &allocated, "the used sector numbers")?;
        Ok(())
    }
}
