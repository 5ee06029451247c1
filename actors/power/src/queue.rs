//! Who is called back when.

use boatyard_sdk::nested::Multimap;
use boatyard_sdk::{AbiType, ActorError, Context, exit_codes::*};
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;

use crate::state::State;

/// A miner that wants to be called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct CronEvent {
    /// Its ID address.
    pub miner_addr: Address,
    /// What it wants to be told then.
    pub callback_payload: RawBytes,
}

impl State {
    /// Puts an event behind the others of its epoch.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the queue cannot be read or written.
    pub fn enroll(
        &mut self,
        store: impl Blockstore + Clone,
        epoch: ChainEpoch,
        event: CronEvent,
    ) -> Result<(), ActorError> {
        self.first_cron_epoch = self.first_cron_epoch.min(epoch);
        let mut queue = Multimap::load(&self.cron_event_queue, store)?;
        queue.add(&epoch, event)?;
        self.cron_event_queue = queue.flush()?;
        Ok(())
    }

    /// Takes the events up to an epoch out of the queue, in order. Those of miners
    /// without a claim are dropped.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when queue or claims cannot be read or written.
    pub fn take_due_events(
        &mut self,
        store: impl Blockstore + Clone,
        epoch: ChainEpoch,
    ) -> Result<Vec<CronEvent>, ActorError> {
        let mut queue = Multimap::load(&self.cron_event_queue, store.clone())?;
        let mut due = Vec::new();
        for past in self.first_cron_epoch..=epoch {
            let Some(events) = queue.get(&past)? else {
                continue;
            };
            events.for_each(|_, event| {
                due.push(event.clone());
                Ok(())
            })?;
            queue.remove_all(&past)?;
        }
        self.first_cron_epoch = epoch
            .checked_add(1)
            .or_exit(USR_ASSERTION_FAILED, "there is no later epoch")?;
        if due.is_empty() {
            // The usual case: the queue is not written, nor are claims read.
            return Ok(due);
        }
        self.cron_event_queue = queue.flush()?;
        let claims = self.claims.load(store)?;
        let mut claimed = Vec::with_capacity(due.len());
        for event in due {
            if claims.contains(&event.miner_addr)? {
                claimed.push(event);
            }
        }
        Ok(claimed)
    }
}
