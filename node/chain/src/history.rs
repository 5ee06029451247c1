//! Going back: snapshots, rollbacks, reset. Runs on the producer's thread only.

use std::sync::Arc;

use alloy::primitives::B256;
use fvm_shared::clock::ChainEpoch;

use crate::core::{Clock, Core, Data, Snapshot};
use crate::disk::Resumed;
use crate::error::ChainError;
use crate::events::ChainEvent;
use crate::fees::BLOCK_GAS_LIMIT;
use crate::message::PoolMessage;
use crate::pool::Pool;
use crate::tipset::ExecutedTipset;

/// Remembers the chain as it is.
pub(crate) fn snapshot(core: &Core) -> u64 {
    let mut data = core.data_mut();
    let snapshot = Snapshot {
        head: data.tipsets.head().clone(),
        pool: data.pool.clone(),
        clock: data.clock,
        beacon: data.beacon.clone(),
        minted: data.minted.clone(),
    };
    let id = data.next_snapshot;
    data.next_snapshot += 1;
    data.snapshots.insert(id, snapshot);
    id
}

/// Goes back to a snapshot; false if there is none with this number.
pub(crate) fn revert(core: &Core, id: u64) -> bool {
    let news = {
        let mut data = core.data_mut();
        let Some(snapshot) = data.snapshots.get(&id).cloned() else {
            return false;
        };
        // Later ones are of a chain that is no more.
        data.snapshots.split_off(&id);
        let reverted = unwind(&mut data, snapshot.head.height());
        data.tipsets.replace_head(snapshot.head);
        data.clock = snapshot.clock;
        data.beacon = snapshot.beacon;
        data.minted = snapshot.minted;
        let dropped = exchange_pool(&mut data.pool, snapshot.pool);
        (reverted, dropped)
    };
    tell(core, news);
    true
}

/// Takes back the newest tipsets.
pub(crate) fn rollback(core: &Core, depth: u64) -> Result<Arc<ExecutedTipset>, ChainError> {
    let (news, head) = {
        let mut data = core.data_mut();
        let depth = usize::try_from(depth).unwrap_or(usize::MAX);
        let target = data
            .tipsets
            .newest_first()
            .nth(depth)
            .map(|tipset| tipset.height());
        let target = target.ok_or(ChainError::NegativeEpoch(-1))?;
        let reverted = unwind(&mut data, target);
        // What waited may build on what is gone.
        let dropped = exchange_pool(&mut data.pool, Pool::default());
        data.clock = Clock::default();
        data.snapshots
            .retain(|_, snapshot| snapshot.head.height() <= target);
        data.beacon.retain(|epoch, _| *epoch <= target);
        ((reverted, dropped), data.tipsets.head().clone())
    };
    tell(core, news);
    Ok(head)
}

/// Goes back to genesis as it was at the start.
pub(crate) fn reset(core: &Core, genesis: &Arc<ExecutedTipset>, instance: B256) {
    let news = {
        let mut data = core.data_mut();
        let reverted = unwind(&mut data, genesis.height());
        data.tipsets.replace_head(genesis.clone());
        data.clock = Clock::default();
        data.beacon.clear();
        data.minted = Default::default();
        data.snapshots.clear();
        data.block_gas_limit = BLOCK_GAS_LIMIT;
        data.instance = instance;
        let dropped = exchange_pool(&mut data.pool, Pool::default());
        (reverted, dropped)
    };
    tell(core, news);
}

/// Goes on where the chain's file ends.
pub(crate) fn resume(core: &Core, resumed: Resumed) -> Result<(), ChainError> {
    let mut data = core.data_mut();
    let mut tipsets = resumed.tipsets.into_iter();
    if let Some(genesis) = tipsets.next() {
        // It may have been edited.
        data.tipsets.replace_head(genesis);
    }
    for tipset in tipsets {
        data.tipsets.push(tipset);
    }
    resumed
        .chain
        .restore(&mut data, &core.keyring)
        .map_err(ChainError::Store)?;
    for waiting in resumed.pool {
        let authority = waiting.authority();
        let eth_hash = waiting.signed.eth_hash(core.config.chain_id);
        if let Err(reason) = data.pool.insert(waiting.signed, eth_hash, authority) {
            tracing::warn!(%reason, "a message that waited is dropped");
        }
    }
    Ok(())
}

/// Takes tipsets off until the head is at `height`.
fn unwind(data: &mut Data, height: ChainEpoch) -> Vec<Arc<ExecutedTipset>> {
    let mut reverted = Vec::new();
    while data.tipsets.head().height() > height {
        match data.tipsets.pop() {
            Some(tipset) => reverted.push(tipset),
            None => break,
        }
    }
    reverted
}

/// Exchanges the pool and gives what is not in the new one.
fn exchange_pool(pool: &mut Pool, new: Pool) -> Vec<Arc<PoolMessage>> {
    let old = std::mem::replace(pool, new);
    old.all()
        .filter(|message| pool.get(&message.cid).is_none())
        .cloned()
        .collect()
}

fn tell(core: &Core, (reverted, dropped): (Vec<Arc<ExecutedTipset>>, Vec<Arc<PoolMessage>>)) {
    for tipset in reverted {
        core.tell(ChainEvent::Reverted(tipset));
    }
    for message in dropped {
        core.tell(ChainEvent::Dropped(message));
    }
    let head = core.head();
    for participant in core.participants() {
        participant.rewound(&head);
    }
}
