//! When tipsets are made, and the pool.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;
use boatyard_chain::ethereum::to_filecoin;
use boatyard_chain::{ExecutedTipset, MiningMode};
use serde_json::Value;

use crate::call::Call;
use crate::dev::AnyAddress;
use crate::error::RpcError;
use crate::eth::send::send;
use crate::eth::transaction::TransactionRequest;
use crate::eth::types::Block;
use crate::params::{Hash, Quantity, Word};
use crate::registry::{Method, Param, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Makes a tipset, or several, the first one not before a timestamp.
        ["evm_mine"]
        (options: Option<MineOptions>) -> "text" = wait evm_mine;

        /// Makes tipsets. An interval that is a multiple of the epoch's length puts null
        /// rounds between them; any other is ignored.
        ["anvil_mine", "hardhat_mine"]
        (blocks: Option<Quantity>, interval: Option<Quantity>) -> "null" = wait mine;

        /// Makes a tipset for each message, or no longer.
        ["evm_setAutomine", "anvil_setAutomine"]
        (on: bool) -> "null" = wait set_automine;

        /// Whether a tipset is made for each message.
        ["anvil_getAutomine", "hardhat_getAutomine"]
        () -> "bool" = compute get_automine;

        /// Makes a tipset every so many seconds; 0 ends that.
        ["anvil_setIntervalMining"]
        (seconds: Quantity) -> "null" = wait set_interval;

        /// Makes a tipset every so many seconds (milliseconds when the node calls itself
        /// Hardhat); 0 ends that.
        ["evm_setIntervalMining"]
        (interval: MiningInterval) -> "null" = wait evm_set_interval;

        /// Seconds between tipsets, null when they are made otherwise.
        ["anvil_getIntervalMining"]
        () -> "number or null" = compute get_interval;

        /// Takes a transaction out of the pool; null when it is not there.
        ["anvil_dropTransaction"]
        (hash: Hash) -> "32-byte hash or null" = wait drop_transaction;

        /// Takes a transaction out of the pool; false when it is not there.
        ["hardhat_dropTransaction"]
        (hash: Hash) -> "bool" = wait drop_transaction_bool;

        /// Empties the pool.
        ["anvil_dropAllTransactions", "hardhat_dropAllTransactions", "debug_clearTxpool"]
        () -> "null" = wait drop_all;

        /// Takes all transactions of a sender out of the pool.
        ["anvil_removePoolTransactions"]
        (address: AnyAddress) -> "null" = wait drop_of;

        /// Sets the base fee of the next block, in attoFIL.
        ["anvil_setNextBlockBaseFeePerGas", "hardhat_setNextBlockBaseFeePerGas"]
        (fee: Quantity) -> "null" = wait set_base_fee;

        /// Replaces the beacon's value in the next block's epoch.
        ["hardhat_setPrevRandao", "anvil_setNextBlockPrevRandao"]
        (value: Word) -> "bool" = wait set_beacon;

        /// How much gas the messages of a block may ask for together.
        ["evm_setBlockGasLimit"]
        (limit: Quantity) -> "bool" = wait set_gas_limit;

        /// Does the same as `evm_mine` and gives the blocks with their transactions.
        ["evm_mine_detailed", "anvil_mine_detailed"]
        (options: Option<MineOptions>) -> "blocks" = wait mine_detailed;

        /// Sends a transaction of anybody, as if the sender were impersonated.
        ["eth_sendUnsignedTransaction", "anvil_sendUnsignedTransaction"]
        (transaction: TransactionRequest) -> "32-byte hash" = wait send_unsigned;

        /// Blocks lie an epoch apart, or a number of epochs with `anvil_mine`; this can only
        /// be asked for what is so already.
        ["anvil_setBlockTimestampInterval"]
        (seconds: Quantity) -> "null" = compute set_block_interval;

        /// False: blocks lie an epoch apart.
        ["anvil_removeBlockTimestampInterval"]
        () -> "bool" = compute remove_block_interval;
    ]
}

/// Most tipsets that one request makes: each is real and stays.
const MOST_BLOCKS: u64 = 100_000;

/// What `evm_mine` may be given: a timestamp, or an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MineOptions {
    timestamp: Option<u64>,
    blocks: Option<u64>,
}

impl Param for MineOptions {
    const SHAPE: &'static str = "timestamp or {timestamp, blocks}";

    fn read(value: Value) -> Result<Self, String> {
        let number = |value: Value| {
            let quantity = Quantity::read(value)?;
            u64::try_from(quantity.0).map_err(|_| format!("{} is too large", quantity.0))
        };
        match value {
            Value::Object(mut fields) => {
                let mut field = |name: &str| match fields.remove(name) {
                    None | Some(Value::Null) => Ok(None),
                    Some(value) => number(value).map(Some),
                };
                Ok(Self {
                    timestamp: field("timestamp")?,
                    blocks: field("blocks")?,
                })
            }
            value => Ok(Self {
                timestamp: Some(number(value)?),
                blocks: None,
            }),
        }
    }
}

fn count(blocks: u64) -> Result<u64, RpcError> {
    if blocks > MOST_BLOCKS {
        return Err(RpcError::failure(format!(
            "{blocks} blocks are too many, at most {MOST_BLOCKS} at once; \
             to let time pass use evm_increaseTime, which makes none"
        )));
    }
    Ok(blocks)
}

async fn evm_mine(call: Call, options: Option<MineOptions>) -> Result<&'static str, RpcError> {
    mine_with(&call, options).await?;
    Ok("0x0")
}

async fn mine_with(
    call: &Call,
    options: Option<MineOptions>,
) -> Result<Vec<Arc<ExecutedTipset>>, RpcError> {
    let options = options.unwrap_or_default();
    let blocks = count(options.blocks.unwrap_or(1))?;
    let chain = &call.node.chain;
    if let Some(timestamp) = options.timestamp.filter(|timestamp| *timestamp > 0) {
        chain.set_next_timestamp(timestamp).await?;
    }
    Ok(chain.mine(blocks).await?)
}

async fn mine(
    call: Call,
    blocks: Option<Quantity>,
    interval: Option<Quantity>,
) -> Result<(), RpcError> {
    let blocks = blocks.map_or(Ok(1), |blocks| blocks.as_u64("blocks"))?;
    let blocks = count(blocks)?;
    let interval = interval.map_or(Ok(0), |interval| interval.as_u64("interval"))?;
    let chain = &call.node.chain;
    let epoch = chain.config().block_time_secs.max(1);
    let stride = if interval % epoch == 0 {
        interval / epoch
    } else {
        1
    };
    if stride > 1 {
        chain.mine_spaced(blocks, stride).await?;
    } else {
        chain.mine(blocks).await?;
    }
    Ok(())
}

async fn set_automine(call: Call, on: bool) -> Result<(), RpcError> {
    let chain = &call.node.chain;
    match (on, chain.mining()) {
        (true, _) => chain.set_mining(MiningMode::OnMessage).await?,
        (false, MiningMode::OnMessage) => chain.set_mining(MiningMode::OnRequest).await?,
        (false, MiningMode::Interval(_) | MiningMode::OnRequest) => {}
    }
    Ok(())
}

fn get_automine(call: &Call) -> Result<bool, RpcError> {
    Ok(call.node.chain.mining() == MiningMode::OnMessage)
}

async fn set_interval(call: Call, seconds: Quantity) -> Result<(), RpcError> {
    interval_mining(&call, Duration::from_secs(seconds.as_u64("seconds")?)).await
}

/// A length of time, or the shortest and the longest, of which the shortest is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MiningInterval(Quantity);

impl Param for MiningInterval {
    const SHAPE: &'static str = "interval";

    fn read(value: Value) -> Result<Self, String> {
        let value = match value {
            Value::Array(bounds) => bounds.into_iter().next().unwrap_or_default(),
            value => value,
        };
        Quantity::read(value).map(Self)
    }
}

async fn evm_set_interval(call: Call, interval: MiningInterval) -> Result<(), RpcError> {
    let number = interval.0.as_u64("interval")?;
    let hardhat = call
        .node
        .options
        .client_version
        .to_lowercase()
        .starts_with("hardhat");
    let interval = if hardhat {
        Duration::from_millis(number)
    } else {
        Duration::from_secs(number)
    };
    interval_mining(&call, interval).await
}

async fn interval_mining(call: &Call, interval: Duration) -> Result<(), RpcError> {
    let chain = &call.node.chain;
    if !interval.is_zero() {
        chain.set_mining(MiningMode::Interval(interval)).await?;
    } else if let MiningMode::Interval(_) = chain.mining() {
        chain.set_mining(MiningMode::OnRequest).await?;
    }
    Ok(())
}

fn get_interval(call: &Call) -> Result<Option<u64>, RpcError> {
    Ok(match call.node.chain.mining() {
        MiningMode::Interval(interval) => Some(interval.as_secs()),
        MiningMode::OnMessage | MiningMode::OnRequest => None,
    })
}

async fn drop_transaction(call: Call, hash: Hash) -> Result<Option<B256>, RpcError> {
    let dropped = drop_transaction_bool(call, hash).await?;
    Ok(dropped.then_some(hash.0))
}

async fn drop_transaction_bool(call: Call, hash: Hash) -> Result<bool, RpcError> {
    let chain = &call.node.chain;
    match chain.cid_by_hash(&hash.0) {
        Some(cid) => Ok(chain.drop_message(&cid).await?),
        None => Ok(false),
    }
}

async fn drop_all(call: Call) -> Result<(), RpcError> {
    call.node.chain.clear_pool(None).await?;
    Ok(())
}

async fn drop_of(call: Call, address: AnyAddress) -> Result<(), RpcError> {
    call.node.chain.clear_pool(Some(address.0)).await?;
    Ok(())
}

async fn set_base_fee(call: Call, fee: Quantity) -> Result<(), RpcError> {
    Ok(call.node.chain.set_next_base_fee(fee.as_tokens()).await?)
}

async fn set_beacon(call: Call, value: Word) -> Result<bool, RpcError> {
    call.node.chain.set_next_beacon(value.0).await?;
    Ok(true)
}

async fn set_gas_limit(call: Call, limit: Quantity) -> Result<bool, RpcError> {
    call.node
        .chain
        .set_block_gas_limit(limit.as_u64("limit")?)
        .await?;
    Ok(true)
}

async fn mine_detailed(call: Call, options: Option<MineOptions>) -> Result<Vec<Block>, RpcError> {
    let made = mine_with(&call, options).await?;
    let mut blocks = Vec::new();
    for tipset in &made {
        blocks.push(call.node.writer(tipset).block(tipset, true)?);
    }
    Ok(blocks)
}

async fn send_unsigned(call: Call, transaction: TransactionRequest) -> Result<B256, RpcError> {
    let from = transaction.from.ok_or_else(|| {
        RpcError::invalid_params("an unsigned transaction must name its sender in `from`")
    })?;
    let chain = call.node.chain.clone();
    let address = to_filecoin(&from.0);
    let before = chain.set_impersonated(&address, true);
    let sent = send(call, transaction).await;
    if !before {
        chain.set_impersonated(&address, false);
    }
    sent
}

fn set_block_interval(call: &Call, seconds: Quantity) -> Result<(), RpcError> {
    let epoch = call.node.chain.config().block_time_secs;
    if seconds.as_u64("seconds")? == epoch {
        return Ok(());
    }
    Err(RpcError::failure(format!(
        "blocks lie one epoch of {epoch} seconds apart; choose another length with --block-time \
         when the node is started, or pass an interval to anvil_mine"
    )))
}

fn remove_block_interval(_: &Call) -> Result<bool, RpcError> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn evm_mine_takes_a_timestamp_or_an_object() {
        let both = MineOptions {
            timestamp: Some(5),
            blocks: Some(2),
        };
        assert_eq!(
            MineOptions::read(json!({ "timestamp": "0x5", "blocks": 2 })),
            Ok(both)
        );
        let only = MineOptions {
            timestamp: Some(5),
            blocks: None,
        };
        assert_eq!(MineOptions::read(json!(5)), Ok(only));
        assert_eq!(MineOptions::read(json!({})), Ok(MineOptions::default()));
        assert!(MineOptions::read(json!([])).is_err());
    }
}
