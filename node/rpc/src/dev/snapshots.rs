//! Going back.

use serde_json::{Value, json};

use crate::call::Call;
use crate::error::RpcError;
use crate::params::{Json, Quantity};
use crate::registry::{Method, methods};

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

        /// What the chain is; `instanceId` changes with every reset.
        ["anvil_metadata"]
        () -> "metadata" = compute metadata;
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
    let fork = options
        .as_ref()
        .and_then(|options| options.0.get("forking"));
    if fork.is_some_and(|fork| !fork.is_null()) {
        return Err(RpcError::failure(
            "a running node cannot become a fork of another network; start it as one",
        ));
    }
    Ok(call.node.chain.reset().await?)
}

fn metadata(call: &Call) -> Result<Value, RpcError> {
    let chain = &call.node.chain;
    let head = chain.head();
    Ok(json!({
        "clientVersion": call.node.options.client_version,
        "clientSemver": env!("CARGO_PKG_VERSION"),
        "chainId": call.node.chain_id(),
        "instanceId": chain.instance_id(),
        "latestBlockNumber": head.height(),
        "latestBlockHash": head.tipset.eth_hash(),
    }))
}
