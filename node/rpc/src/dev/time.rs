//! Jumps: every wish to move time becomes a number of epochs (DESIGN §5).

use alloy::primitives::U64;

use crate::call::Call;
use crate::error::RpcError;
use crate::params::Quantity;
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Lets the next block lie so many seconds later, rounded up to epochs; gives the
        /// seconds added so far.
        ["evm_increaseTime", "anvil_increaseTime"]
        (seconds: Quantity) -> "number" = wait increase_time;

        /// Lets the next block lie in the first epoch that is not before a timestamp.
        ["evm_setNextBlockTimestamp", "anvil_setNextBlockTimestamp"]
        (timestamp: Quantity) -> "null" = wait set_next_timestamp;

        /// Moves the clock: the next block lies in the first epoch that is not before a
        /// time in seconds (or milliseconds); gives the difference in seconds.
        ["evm_setTime", "anvil_setTime"]
        (time: Quantity) -> "number" = wait set_time;

        /// Timestamp of the genesis block.
        ["anvil_getGenesisTime"]
        () -> "quantity" = compute genesis_time;
    ]
}

/// Larger times are milliseconds.
const LARGEST_SECONDS: u64 = 1_000_000_000_000;

async fn increase_time(call: Call, seconds: Quantity) -> Result<u64, RpcError> {
    Ok(call
        .node
        .chain
        .increase_time(seconds.as_u64("seconds")?)
        .await?)
}

async fn set_next_timestamp(call: Call, timestamp: Quantity) -> Result<(), RpcError> {
    call.node
        .chain
        .set_next_timestamp(timestamp.as_u64("timestamp")?)
        .await?;
    Ok(())
}

async fn set_time(call: Call, time: Quantity) -> Result<u64, RpcError> {
    let mut time = time.as_u64("time")?;
    if time > LARGEST_SECONDS {
        time /= 1_000;
    }
    let before = call.node.chain.head().tipset.timestamp();
    let reached = call.node.chain.set_next_timestamp(time).await?;
    Ok(reached.saturating_sub(before))
}

fn genesis_time(call: &Call) -> Result<U64, RpcError> {
    Ok(U64::from(call.node.chain.genesis().tipset.timestamp()))
}
