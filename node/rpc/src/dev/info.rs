//! What the node is, as development tools ask for it (spec 10 §7.5).

use alloy::primitives::{B256, U64};
use boatyard_chain::fees::BLOCK_GAS_LIMIT;
use serde_json::{Value, json};

use crate::call::Call;
use crate::error::RpcError;
use crate::params::{Quantity, Text, quantity};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// What the chain is; `instanceId` changes with every reset.
        ["anvil_metadata"]
        () -> "metadata" = compute metadata;

        /// The same for tools that look for Hardhat's node; it exists where the node calls
        /// itself Hardhat.
        ["hardhat_metadata"]
        () -> "metadata" = compute hardhat_metadata;

        /// The newest block, and what transactions find.
        ["anvil_nodeInfo"]
        () -> "node info" = compute node_info;

        /// Accepted and without effect: what is logged is chosen when the node is started.
        ["hardhat_setLoggingEnabled", "anvil_setLoggingEnabled"]
        (on: bool) -> "null" = compute set_logging;

        /// Not to be had: the chain ID is part of what is signed and of genesis.
        ["anvil_setChainId"]
        (id: Quantity) -> "error" = compute set_chain_id;

        /// Not to be had: on which network a chain stands is chosen when it is started.
        ["anvil_setRpcUrl"]
        (url: Text) -> "error" = compute set_rpc_url;

        /// Not to be had: what a transaction must pay is its base fee.
        ["anvil_setMinGasPrice", "hardhat_setMinGasPrice"]
        (price: Quantity) -> "error" = compute set_min_gas_price;

        /// Not to be had: signatures are checked by the FVM itself.
        ["anvil_impersonateSignature"]
        (signature: Text, address: Text) -> "error" = compute impersonate_signature;
    ]
}

fn is_hardhat(call: &Call) -> bool {
    let version = call.node.options.client_version.to_lowercase();
    version.starts_with("hardhat")
}

fn metadata(call: &Call) -> Result<Value, RpcError> {
    let chain = &call.node.chain;
    let head = chain.head();
    Ok(json!({
        "clientVersion": call.node.options.client_version,
        "clientSemver": env!("CARGO_PKG_VERSION"),
        "clientCommitSha": null,
        "chainId": call.node.chain_id(),
        "instanceId": chain.instance_id(),
        "latestBlockNumber": head.height(),
        "latestBlockHash": head.tipset.eth_hash(),
        "snapshots": {},
    }))
}

fn hardhat_metadata(call: &Call) -> Result<Value, RpcError> {
    if !is_hardhat(call) {
        return Err(RpcError::method_not_found("hardhat_metadata"));
    }
    metadata(call)
}

/// The name of the Ethereum release whose instructions contracts have: the youngest that
/// both Solidity's tools and the EVM actor know.
const HARD_FORK: &str = "osaka";

fn node_info(call: &Call) -> Result<Value, RpcError> {
    let chain = &call.node.chain;
    let head = chain.head();
    let base_fee = quantity(&chain.next_base_fee());
    let gas_price = base_fee.saturating_add(quantity(&chain.gas_premium(1)));
    let nothing: Option<B256> = None;
    Ok(json!({
        "currentBlockNumber": U64::from(head.height().unsigned_abs()),
        "currentBlockTimestamp": head.tipset.timestamp(),
        "currentBlockHash": head.tipset.eth_hash(),
        "hardFork": HARD_FORK,
        "transactionOrder": "fees",
        "environment": {
            "baseFee": base_fee,
            "chainId": call.node.chain_id(),
            "gasLimit": U64::from(BLOCK_GAS_LIMIT),
            "gasPrice": gas_price,
        },
        "forkConfig": {
            "forkUrl": nothing,
            "forkBlockNumber": nothing,
            "forkRetryBackoff": nothing,
        },
        "network": nothing,
    }))
}

fn set_logging(_: &Call, _on: bool) -> Result<(), RpcError> {
    Ok(())
}

fn set_chain_id(call: &Call, id: Quantity) -> Result<(), RpcError> {
    if id.as_u64("id")? == call.node.chain_id() {
        return Ok(());
    }
    Err(RpcError::failure(
        "the chain ID of a running chain cannot change; start the node with --chain-id",
    ))
}

fn set_rpc_url(_: &Call, _url: Text) -> Result<(), RpcError> {
    Err(RpcError::failure(
        "this chain stands on no other network, and cannot be put on one while it runs",
    ))
}

fn set_min_gas_price(_: &Call, _price: Quantity) -> Result<(), RpcError> {
    Err(RpcError::failure(
        "there is no minimum gas price beside the base fee; \
         anvil_setNextBlockBaseFeePerGas sets that",
    ))
}

fn impersonate_signature(_: &Call, _signature: Text, _address: Text) -> Result<(), RpcError> {
    Err(RpcError::failure(
        "a signature cannot be made to recover to another address: contracts ask the FVM, \
         which checks; impersonate the sender with anvil_impersonateAccount instead",
    ))
}
