//! Which allocations of a client, or claims of a provider, have expired.

use boatyard_actors_shared::batch::{BatchBuilder, BatchReturn};
use boatyard_actors_shared::ext::verifreg::Claim;
use boatyard_sdk::nested::MapMap;
use boatyard_sdk::{ActorError, exit_codes::*};
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::ActorID;
use fvm_shared::clock::ChainEpoch;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::state::Allocation;

/// Something that expires.
pub trait Expires {
    /// The first epoch in which it has expired; beyond all epochs it saturates.
    fn expiration(&self) -> ChainEpoch;
}

impl Expires for Allocation {
    fn expiration(&self) -> ChainEpoch {
        self.expiration
    }
}

impl Expires for Claim {
    fn expiration(&self) -> ChainEpoch {
        self.term_start.saturating_add(self.term_max)
    }
}

/// What was looked at, and what may be removed.
pub(crate) struct Considered {
    /// The numbers that were looked at.
    pub ids: Vec<u64>,
    /// Which of them may not be removed: 17 for those that are not there, 18 for
    /// those that have not expired.
    pub results: BatchReturn,
    /// The numbers that may be removed, in order.
    pub expired: Vec<u64>,
}

/// Looks at the given numbers of an actor, or at all that it has if none is given.
///
/// All is in the order of the tree, and then only what has expired is considered.
///
/// # Errors
/// `USR_ILLEGAL_STATE` (20) when the entries cannot be read.
///
/// Source: spec 08 §A6, RemoveExpiredAllocations.
pub(crate) fn consider<BS, T>(
    entries: &mut MapMap<BS, ActorID, u64, T>,
    owner: ActorID,
    ids: Vec<u64>,
    epoch: ChainEpoch,
) -> Result<Considered, ActorError>
where
    BS: Blockstore + Clone,
    T: Expires + Serialize + DeserializeOwned + PartialEq,
{
    let mut expired = Vec::new();
    if ids.is_empty() {
        entries.for_each_of(&owner, |id, entry| {
            if epoch >= entry.expiration() {
                expired.push(id);
            }
            Ok(())
        })?;
        return Ok(Considered {
            ids: expired.clone(),
            results: BatchReturn::ok(expired.len() as u32),
            expired,
        });
    }
    let mut results = BatchBuilder::default();
    for id in &ids {
        match entries.get(&owner, id)? {
            None => results.add_failure(USR_NOT_FOUND),
            Some(entry) if epoch < entry.expiration() => results.add_failure(USR_FORBIDDEN),
            Some(_) => {
                results.add_success();
                expired.push(*id);
            }
        }
    }
    Ok(Considered {
        ids,
        results: results.build(),
        expired,
    })
}
