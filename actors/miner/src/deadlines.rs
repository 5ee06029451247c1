//! Loading and storing the 48 deadlines.

use boatyard_actors_shared::Policy;
use boatyard_sdk::{ActorError, Context, ensure, exit_codes::*};
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::sector::SectorSize;

use crate::blocks;
use crate::partition::Frame;
use crate::schema::{Deadline, Deadlines, State};

impl Deadlines {
    /// All of them empty.
    pub fn new(policy: &Policy, store: &impl Blockstore) -> Result<Self, ActorError> {
        let empty = blocks::put(store, &Deadline::new(store)?, "an empty deadline")?;
        let count = usize::try_from(policy.wpost_period_deadlines)
            .or_exit(USR_ILLEGAL_STATE, "there are too many deadlines")?;
        Ok(Self {
            due: vec![empty; count],
        })
    }

    /// A deadline.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) when there is none of this index.
    pub fn load(&self, store: &impl Blockstore, index: u64) -> Result<Deadline, ActorError> {
        let cid = usize::try_from(index)
            .ok()
            .and_then(|index| self.due.get(index))
            .or_exit(
                USR_ILLEGAL_ARGUMENT,
                format_args!("there is no deadline {index}"),
            )?;
        blocks::get(store, cid, "a deadline")
    }

    /// Stores a deadline if it is consistent (D-STORE).
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when it is not, or there is none of this index.
    pub fn save(
        &mut self,
        store: &impl Blockstore,
        index: u64,
        deadline: &Deadline,
    ) -> Result<(), ActorError> {
        ensure!(
            deadline.live_sectors <= deadline.total_sectors,
            USR_ILLEGAL_STATE,
            "deadline {index} would have {} live sectors of {}",
            deadline.live_sectors,
            deadline.total_sectors
        );
        ensure!(
            !deadline.faulty_power.is_negative(),
            USR_ILLEGAL_STATE,
            "deadline {index} would have less than no faulty power"
        );
        let place = usize::try_from(index)
            .ok()
            .and_then(|index| self.due.get_mut(index))
            .or_exit(
                USR_ILLEGAL_STATE,
                format_args!("there is no deadline {index}"),
            )?;
        *place = blocks::put(store, deadline, "a deadline")?;
        Ok(())
    }
}

impl State {
    /// The deadlines.
    pub fn load_deadlines(&self, store: &impl Blockstore) -> Result<Deadlines, ActorError> {
        blocks::get(store, &self.deadlines, "the deadlines")
    }

    /// Stores the deadlines.
    pub fn save_deadlines(
        &mut self,
        store: &impl Blockstore,
        deadlines: &Deadlines,
    ) -> Result<(), ActorError> {
        self.deadlines = blocks::put(store, deadlines, "the deadlines")?;
        Ok(())
    }

    /// What the operations on one deadline need besides it.
    pub fn frame<'s, BS: Blockstore>(
        &self,
        policy: &Policy,
        store: &'s BS,
        size: SectorSize,
        index: u64,
    ) -> Frame<'s, BS> {
        Frame {
            store,
            size,
            quant: self.deadline_quant(policy, index),
        }
    }
}
