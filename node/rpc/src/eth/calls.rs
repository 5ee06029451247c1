//! Trying a message: `eth_call` and `eth_estimateGas`.

use alloy::primitives::{Bytes, U64};
use boatyard_chain::ethereum::from_cbor_bytes;
use boatyard_chain::{CallPoint, CallRequest};
use boatyard_vm::context::Tracing;
use serde::Serialize;

use crate::call::Call;
use crate::error::RpcError;
use crate::eth::block_param::{BlockParam, Tag};
use crate::eth::revert;
use crate::eth::transaction::{BlockOverride, StateOverride, TransactionRequest, overrides};
use crate::refusal;
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Runs a call on the state after a block and gives what it returns. A failure is
        /// error 3 with the revert data.
        ["eth_call", "Filecoin.EthCall"]
        (transaction: TransactionRequest, block: BlockParam, state: Option<StateOverride>,
         surroundings: Option<BlockOverride>) -> "hex bytes" = wait eth_call;

        /// The gas that a transaction uses, with an empty access list: on Filecoin access costs
        /// the same whether announced or not.
        ["eth_createAccessList"]
        (transaction: TransactionRequest, block: BlockParam, state: Option<StateOverride>)
            -> "access list" = wait access_list;

        /// A gas limit with which a transaction succeeds, on top of the sender's pending
        /// messages.
        ["eth_estimateGas", "Filecoin.EthEstimateGas"]
        (transaction: TransactionRequest, block: Option<BlockParam>, state: Option<StateOverride>,
         surroundings: Option<BlockOverride>) -> "quantity" = wait estimate_gas;
    ]
}

async fn eth_call(
    call: Call,
    transaction: TransactionRequest,
    block: BlockParam,
    state: Option<StateOverride>,
    surroundings: Option<BlockOverride>,
) -> Result<Bytes, RpcError> {
    let node = &call.node;
    let strict = node.options.strict;
    let at = call_point(&call, block)?;
    let request = CallRequest {
        message: transaction.as_call(strict)?,
        at,
        overrides: overrides(state, surroundings)?,
        tracing: Tracing::Off,
    };
    let applied = node.chain.call(request).await?;
    if !applied.receipt.exit_code.is_success() {
        return Err(revert::failure(&applied, strict, &node.abis));
    }
    let returned = applied.receipt.return_data.bytes();
    if transaction.to.is_none() || returned.is_empty() {
        return Ok(Bytes::new());
    }
    from_cbor_bytes(returned).map(Bytes::from).ok_or_else(|| {
        RpcError::failure(format!(
            "the receiver returned 0x{}, which is no CBOR byte string as contracts return it",
            hex::encode(returned)
        ))
    })
}

/// Answer of `eth_createAccessList`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessList {
    access_list: [U64; 0],
    gas_used: U64,
    /// Why the transaction would fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

async fn access_list(
    call: Call,
    transaction: TransactionRequest,
    block: BlockParam,
    state: Option<StateOverride>,
) -> Result<AccessList, RpcError> {
    let node = &call.node;
    let request = CallRequest {
        message: transaction.as_call(node.options.strict)?,
        at: call_point(&call, block)?,
        overrides: overrides(state, None)?,
        tracing: Tracing::Off,
    };
    let applied = node.chain.call(request).await?;
    let failed = !applied.receipt.exit_code.is_success();
    Ok(AccessList {
        access_list: [],
        gas_used: U64::from(applied.receipt.gas_used),
        error: failed.then(|| revert::failure(&applied, false, &node.abis).message),
    })
}

/// Where a call of a client takes place.
pub(crate) fn call_point(call: &Call, block: BlockParam) -> Result<CallPoint, RpcError> {
    Ok(match block {
        BlockParam::Tag(Tag::Pending) => CallPoint::Pending,
        block => CallPoint::After(call.node.block(block)?),
    })
}

async fn estimate_gas(
    call: Call,
    transaction: TransactionRequest,
    block: Option<BlockParam>,
    state: Option<StateOverride>,
    surroundings: Option<BlockOverride>,
) -> Result<U64, RpcError> {
    let node = &call.node;
    let at = match block {
        None | Some(BlockParam::Tag(Tag::Pending | Tag::Latest)) => CallPoint::PendingOfSender,
        Some(block) => CallPoint::After(node.block(block)?),
    };
    let message = transaction.as_call(node.options.strict)?;
    let changes = overrides(state, surroundings)?;
    let estimate = node
        .chain
        .estimate_gas(message, at, changes)
        .await
        .map_err(|error| refusal::estimate(error, node))?;
    Ok(U64::from(estimate.limit))
}
