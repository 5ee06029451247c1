//! Blocks, transactions, receipts.

use std::sync::Arc;
use std::time::Instant;

use alloy::primitives::{B256, U64};
use boatyard_chain::ExecutedTipset;
use boatyard_chain::handle::Found;

use crate::call::Call;
use crate::error::RpcError;
use crate::eth::block_param::{BlockParam, Tag};
use crate::eth::chain::polled_head;
use crate::eth::patience::receipt_over_socket;
use crate::eth::types::{Block, Receipt, Transaction};
use crate::fil::json::CidJson;
use crate::node::unknown_block;
use crate::params::{CidParam, Flag, Hash, Quantity};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The block at an epoch. Without `strict`, a null round is answered with the last block
        /// before it, because clients that walk over block numbers stop at an error.
        ["eth_getBlockByNumber", "Filecoin.EthGetBlockByNumber"]
        (block: BlockParam, full: Flag) -> "block or null" = wait by_number;

        /// The block with a hash.
        ["eth_getBlockByHash", "Filecoin.EthGetBlockByHash"]
        (hash: Hash, full: Flag) -> "block or null" = compute by_hash;

        /// Number of messages in a block.
        ["eth_getBlockTransactionCountByNumber", "Filecoin.EthGetBlockTransactionCountByNumber"]
        (block: BlockParam) -> "quantity or null" = compute count_by_number;

        /// Number of messages in a block.
        ["eth_getBlockTransactionCountByHash", "Filecoin.EthGetBlockTransactionCountByHash"]
        (hash: Hash) -> "quantity or null" = compute count_by_hash;

        /// A transaction by its place.
        ["eth_getTransactionByBlockNumberAndIndex", "Filecoin.EthGetTransactionByBlockNumberAndIndex"]
        (block: BlockParam, index: Quantity) -> "transaction or null" = compute by_number_and_index;

        /// A transaction by its place.
        ["eth_getTransactionByBlockHashAndIndex", "Filecoin.EthGetTransactionByBlockHashAndIndex"]
        (hash: Hash, index: Quantity) -> "transaction or null" = compute by_hash_and_index;

        /// A transaction or native message, mined or pending.
        ["eth_getTransactionByHash", "Filecoin.EthGetTransactionByHash"]
        (hash: Hash) -> "transaction or null" = compute transaction;

        /// What came of a transaction; null while it is pending.
        ["eth_getTransactionReceipt", "Filecoin.EthGetTransactionReceipt"]
        (hash: Hash) -> "receipt or null" = compute receipt;

        /// A transaction no older than some epochs, mined or pending.
        ["Filecoin.EthGetTransactionByHashLimited", "eth_getTransactionByHashLimited"]
        (hash: Hash, epochs: i64) -> "transaction or null" = compute transaction_limited;

        /// What came of a transaction no older than some epochs.
        ["Filecoin.EthGetTransactionReceiptLimited", "eth_getTransactionReceiptLimited"]
        (hash: Hash, epochs: i64) -> "receipt or null" = compute receipt_limited;

        /// The receipts of all messages of a block no older than some epochs.
        ["Filecoin.EthGetBlockReceiptsLimited", "eth_getBlockReceiptsLimited"]
        (block: BlockParam, epochs: i64) -> "receipts or null" = compute block_receipts_limited;

        /// 0: tipsets have no uncles.
        ["eth_getUncleCountByBlockNumber"]
        (block: BlockParam) -> "quantity or null" = compute uncle_count;

        /// 0: tipsets have no uncles.
        ["eth_getUncleCountByBlockHash"]
        (hash: Hash) -> "quantity or null" = compute uncle_count_by_hash;

        /// Null: tipsets have no uncles.
        ["eth_getUncleByBlockNumberAndIndex", "eth_getUncleByBlockHashAndIndex"]
        (block: BlockParam, index: Quantity) -> "null" = compute uncle;

        /// The receipts of all messages of a block.
        ["eth_getBlockReceipts", "Filecoin.EthGetBlockReceipts"]
        (block: BlockParam) -> "receipts or null" = compute block_receipts;

        /// The Ethereum hash of a message.
        ["Filecoin.EthGetTransactionHashByCid", "eth_getTransactionHashByCid"]
        (cid: CidParam) -> "32-byte hash or null" = compute hash_by_cid;

        /// The CID of a message.
        ["Filecoin.EthGetMessageCidByTransactionHash", "eth_getMessageCidByTransactionHash"]
        (hash: Hash) -> "CID or null" = compute cid_by_hash;
    ]
}

/// The tipset of exactly this block; `None` where Ethereum tools expect null.
pub(crate) fn exactly(
    call: &Call,
    block: BlockParam,
) -> Result<Option<Arc<ExecutedTipset>>, RpcError> {
    let node = &call.node;
    let Some(tipset) = node.find_block(block)? else {
        return if node.options.strict {
            Err(unknown_block(block, node.chain.head().height()))
        } else {
            Ok(None)
        };
    };
    if let BlockParam::Number(number) = block
        && node.options.strict
        && tipset.height().unsigned_abs() != number
    {
        return Err(RpcError::null_round(number as i64));
    }
    Ok(Some(tipset))
}

async fn by_number(call: Call, block: BlockParam, full: Flag) -> Result<Option<Block>, RpcError> {
    if let BlockParam::Tag(Tag::Latest | Tag::Pending) = block {
        polled_head(&call).await?;
    }
    shown(&call, block, full)
}

fn by_hash(call: &Call, hash: Hash, full: Flag) -> Result<Option<Block>, RpcError> {
    shown(call, BlockParam::Hash(hash.0), full)
}

fn shown(call: &Call, block: BlockParam, full: Flag) -> Result<Option<Block>, RpcError> {
    let Some(tipset) = exactly(call, block)? else {
        return Ok(None);
    };
    Ok(Some(call.node.writer(&tipset).block(&tipset, full.0)?))
}

fn count_by_number(call: &Call, block: BlockParam) -> Result<Option<U64>, RpcError> {
    Ok(exactly(call, block)?.map(|tipset| U64::from(tipset.messages.len())))
}

fn count_by_hash(call: &Call, hash: Hash) -> Result<Option<U64>, RpcError> {
    count_by_number(call, BlockParam::Hash(hash.0))
}

fn by_number_and_index(
    call: &Call,
    block: BlockParam,
    index: Quantity,
) -> Result<Option<Transaction>, RpcError> {
    let Some(tipset) = exactly(call, block)? else {
        return Ok(None);
    };
    let index = usize::try_from(index.0).unwrap_or(usize::MAX);
    if index >= tipset.messages.len() {
        return Ok(None);
    }
    Ok(Some(call.node.writer(&tipset).mined(&tipset, index)?))
}

fn by_hash_and_index(
    call: &Call,
    hash: Hash,
    index: Quantity,
) -> Result<Option<Transaction>, RpcError> {
    by_number_and_index(call, BlockParam::Hash(hash.0), index)
}

fn transaction(call: &Call, hash: Hash) -> Result<Option<Transaction>, RpcError> {
    let node = &call.node;
    match node.chain.message_by_hash(&hash.0) {
        None => Ok(None),
        Some(Found::Mined(location)) => {
            let tipset = &location.tipset;
            Ok(Some(node.writer(tipset).mined(tipset, location.index)?))
        }
        Some(Found::Pending(message)) => {
            let writer = node.writer(&node.chain.head());
            Ok(Some(writer.transaction(&message.signed, message.eth_hash)?))
        }
    }
}

fn receipt(call: &Call, hash: Hash) -> Result<Option<Receipt>, RpcError> {
    let node = &call.node;
    match node.chain.message_by_hash(&hash.0) {
        Some(Found::Mined(location)) => {
            let tipset = &location.tipset;
            let head = node.chain.head().height();
            node.patience.receipt(tipset.height(), head, Instant::now());
            if let Some(client) = call.socket {
                receipt_over_socket(node, client, tipset.height());
            }
            Ok(Some(node.writer(tipset).receipt(tipset, location.index)?))
        }
        Some(Found::Pending(_)) | None => Ok(None),
    }
}

fn block_receipts(call: &Call, block: BlockParam) -> Result<Option<Vec<Receipt>>, RpcError> {
    let Some(tipset) = exactly(call, block)? else {
        return Ok(None);
    };
    Ok(Some(call.node.writer(&tipset).receipts(&tipset)?))
}

/// Whether a look-back of so many epochs reaches an epoch; negative ones reach any.
fn reached(call: &Call, epoch: i64, limit: i64) -> bool {
    limit < 0 || call.node.chain.head().height() - epoch <= limit
}

fn mined_at(call: &Call, hash: &Hash) -> Option<i64> {
    match call.node.chain.message_by_hash(&hash.0)? {
        Found::Mined(location) => Some(location.tipset.height()),
        Found::Pending(_) => None,
    }
}

fn transaction_limited(
    call: &Call,
    hash: Hash,
    epochs: i64,
) -> Result<Option<Transaction>, RpcError> {
    match mined_at(call, &hash) {
        Some(epoch) if !reached(call, epoch, epochs) => Ok(None),
        _ => transaction(call, hash),
    }
}

fn receipt_limited(call: &Call, hash: Hash, epochs: i64) -> Result<Option<Receipt>, RpcError> {
    match mined_at(call, &hash) {
        Some(epoch) if !reached(call, epoch, epochs) => Ok(None),
        _ => receipt(call, hash),
    }
}

fn block_receipts_limited(
    call: &Call,
    block: BlockParam,
    epochs: i64,
) -> Result<Option<Vec<Receipt>>, RpcError> {
    if let Some(tipset) = exactly(call, block)?
        && !reached(call, tipset.height(), epochs)
    {
        return Err(RpcError::failure(format!(
            "tipset {} is older than the allowed lookback limit of {epochs} epochs",
            tipset.key()
        )));
    }
    block_receipts(call, block)
}

fn uncle_count(call: &Call, block: BlockParam) -> Result<Option<U64>, RpcError> {
    Ok(exactly(call, block)?.map(|_| U64::ZERO))
}

fn uncle_count_by_hash(call: &Call, hash: Hash) -> Result<Option<U64>, RpcError> {
    uncle_count(call, BlockParam::Hash(hash.0))
}

fn uncle(_: &Call, _block: BlockParam, _index: Quantity) -> Result<(), RpcError> {
    Ok(())
}

fn hash_by_cid(call: &Call, cid: CidParam) -> Result<Option<B256>, RpcError> {
    Ok(call.node.chain.message(&cid.0).map(|found| match found {
        Found::Mined(location) => location.message().eth_hash,
        Found::Pending(message) => message.eth_hash,
    }))
}

fn cid_by_hash(call: &Call, hash: Hash) -> Result<Option<CidJson>, RpcError> {
    Ok(call.node.chain.cid_by_hash(&hash.0).map(CidJson))
}
