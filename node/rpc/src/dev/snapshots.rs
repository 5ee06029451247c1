//! Going back, and states as files.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use alloy::primitives::Bytes;
use boatyard_chain::MiningMode;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::call::Call;
use crate::error::RpcError;
use crate::eth::send::send;
use crate::eth::transaction::TransactionRequest;
use crate::params::{HexBytes, Json, Quantity};
use crate::registry::{Method, Param, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Remembers the chain as it is; gives an id to go back to.
        ["evm_snapshot", "anvil_snapshot"]
        () -> "text" = wait snapshot;

        /// Goes back to a snapshot, which is used up with all later ones; false when there
        /// is none with this id.
        ["evm_revert", "anvil_revert"]
        (id: Quantity) -> "bool" = wait revert;

        /// Takes back the newest blocks.
        ["anvil_rollback"]
        (depth: Option<Quantity>) -> "null" = wait rollback;

        /// Goes back to genesis.
        ["anvil_reset", "hardhat_reset"]
        (options: Option<Json>) -> "null" = wait reset;

        /// Takes back the newest blocks and makes as many others: each transaction, raw or as an
        /// object, goes into the block with its number, counted from 0.
        ["anvil_reorg"]
        (depth: Quantity, transactions: Option<Vec<Json>>) -> "null" = wait reorg;

        /// The newest state as bytes that `anvil_loadState` takes.
        ["anvil_dumpState", "hardhat_dumpState"]
        (history: Option<bool>) -> "hex bytes" = compute dump;

        /// Puts a dumped state in the place of the newest one. If it is of a later epoch, the
        /// chain goes there first.
        ["anvil_loadState", "hardhat_loadState"]
        (state: HexBytes) -> "bool" = wait load;
    ]
}

async fn snapshot(call: Call) -> Result<String, RpcError> {
    Ok(format!("{:#x}", call.node.chain.snapshot().await?))
}

async fn revert(call: Call, id: Quantity) -> Result<bool, RpcError> {
    match u64::try_from(id.0) {
        Ok(id) => Ok(call.node.chain.revert(id).await?),
        Err(_) => Ok(false),
    }
}

async fn rollback(call: Call, depth: Option<Quantity>) -> Result<(), RpcError> {
    let depth = depth.map_or(Ok(1), |depth| depth.as_u64("depth"))?;
    call.node.chain.rollback(depth).await?;
    Ok(())
}

async fn reset(call: Call, options: Option<Json>) -> Result<(), RpcError> {
    // viem always names a fork; without an address it means the chain that is here.
    let fork = options
        .as_ref()
        .and_then(|options| options.0.pointer("/forking/jsonRpcUrl"));
    if fork.is_some_and(|url| !url.is_null()) {
        return Err(RpcError::failure(
            "a running node cannot become a fork of another network; start it as one",
        ));
    }
    Ok(call.node.chain.reset().await?)
}

/// Most blocks that a reorganisation replaces.
const DEEPEST_REORG: u64 = 10_000;

async fn reorg(
    call: Call,
    depth: Quantity,
    transactions: Option<Vec<Json>>,
) -> Result<(), RpcError> {
    let depth = depth.as_u64("depth")?;
    if depth > DEEPEST_REORG {
        return Err(RpcError::failure(format!(
            "{depth} blocks are too many, at most {DEEPEST_REORG} at once"
        )));
    }
    let mut wanted: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for pair in transactions.unwrap_or_default() {
        let Value::Array(pair) = pair.0 else {
            return Err(RpcError::invalid_params(
                "expected pairs of a transaction and the number of its block",
            ));
        };
        let [transaction, block] = <[Value; 2]>::try_from(pair).map_err(|_| {
            RpcError::invalid_params("expected pairs of a transaction and the number of its block")
        })?;
        let block = Quantity::read(block).map_err(RpcError::invalid_params)?;
        let block = block.as_u64("block")?;
        if block >= depth {
            return Err(RpcError::invalid_params(format!(
                "block {block} is none of the {depth} new ones, which count from 0"
            )));
        }
        wanted.entry(block).or_default().push(transaction);
    }
    let chain = call.node.chain.clone();
    let mode = chain.mining();
    // Messages wait for the block that they are meant for.
    chain.set_mining(MiningMode::OnRequest).await?;
    let done = replace_blocks(&call, depth, wanted).await;
    chain.set_mining(mode).await?;
    done
}

async fn replace_blocks(
    call: &Call,
    depth: u64,
    mut wanted: BTreeMap<u64, Vec<Value>>,
) -> Result<(), RpcError> {
    let chain = &call.node.chain;
    chain.rollback(depth).await?;
    for block in 0..depth {
        for transaction in wanted.remove(&block).unwrap_or_default() {
            match transaction {
                Value::String(raw) => {
                    let raw = HexBytes::parse(&raw).map_err(RpcError::invalid_params)?;
                    chain.push_transaction(&raw.0).await?;
                }
                object => {
                    let request =
                        TransactionRequest::read(object).map_err(RpcError::invalid_params)?;
                    send(call.clone(), request).await?;
                }
            }
        }
        chain.mine(1).await?;
    }
    Ok(())
}

/// Longest state that is taken, unpacked, in bytes.
const LONGEST_STATE: u64 = 1 << 30;

fn dump(call: &Call, _history: Option<bool>) -> Result<Bytes, RpcError> {
    let state = call.node.chain.dump_state()?;
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = packer.write_all(&state).and_then(|()| packer.finish());
    let packed = packed.map_err(|error| RpcError::failure(error.to_string()))?;
    Ok(packed.into())
}

async fn load(call: Call, state: HexBytes) -> Result<bool, RpcError> {
    let mut unpacked = Vec::new();
    GzDecoder::new(state.0.as_slice())
        .take(LONGEST_STATE)
        .read_to_end(&mut unpacked)
        .map_err(|error| {
            RpcError::invalid_params(format!(
                "this is no state that anvil_dumpState of this node gives: {error}"
            ))
        })?;
    call.node.chain.load_state(&unpacked).await?;
    Ok(true)
}
