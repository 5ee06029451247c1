//! Transactions as the bytes that were signed.

use std::sync::Arc;

use alloy::eips::Encodable2718;
use alloy::primitives::Bytes;
use boatyard_chain::ethereum::transaction_of;
use boatyard_chain::handle::Found;
use boatyard_chain::{ExecutedTipset, SignedMessage};

use crate::call::Call;
use crate::error::RpcError;
use crate::eth::block_param::BlockParam;
use crate::params::{Hash, Quantity};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The signed bytes of a transaction; null for a hash that nobody knows.
        ["eth_getRawTransactionByHash", "debug_getRawTransaction"]
        (hash: Hash) -> "hex bytes or null" = compute by_hash;

        /// The signed bytes of a transaction by its place.
        ["eth_getRawTransactionByBlockNumberAndIndex"]
        (block: BlockParam, index: Quantity) -> "hex bytes or null" = compute by_number_and_index;

        /// The signed bytes of a transaction by its place.
        ["eth_getRawTransactionByBlockHashAndIndex"]
        (hash: Hash, index: Quantity) -> "hex bytes or null" = compute by_hash_and_index;
    ]
}

/// A native message has no such bytes: what was signed is a Filecoin message.
fn bytes(call: &Call, signed: &SignedMessage) -> Result<Bytes, RpcError> {
    let transaction = transaction_of(signed, call.node.chain_id()).map_err(|_| {
        RpcError::failure(format!(
            "message {} is no Ethereum transaction; Filecoin.ChainGetMessage shows it",
            signed.cid()
        ))
    })?;
    Ok(transaction.encoded_2718().into())
}

fn by_hash(call: &Call, hash: Hash) -> Result<Option<Bytes>, RpcError> {
    match call.node.chain.message_by_hash(&hash.0) {
        None => Ok(None),
        Some(Found::Mined(location)) => bytes(call, &location.message().signed).map(Some),
        Some(Found::Pending(message)) => bytes(call, &message.signed).map(Some),
    }
}

fn at(
    call: &Call,
    tipset: Option<Arc<ExecutedTipset>>,
    index: Quantity,
) -> Result<Option<Bytes>, RpcError> {
    let index = usize::try_from(index.0).unwrap_or(usize::MAX);
    match tipset
        .as_ref()
        .and_then(|tipset| tipset.messages.get(index))
    {
        None => Ok(None),
        Some(message) => bytes(call, &message.signed).map(Some),
    }
}

fn by_number_and_index(
    call: &Call,
    block: BlockParam,
    index: Quantity,
) -> Result<Option<Bytes>, RpcError> {
    at(call, call.node.find_block(block)?, index)
}

fn by_hash_and_index(call: &Call, hash: Hash, index: Quantity) -> Result<Option<Bytes>, RpcError> {
    by_number_and_index(call, BlockParam::Hash(hash.0), index)
}
