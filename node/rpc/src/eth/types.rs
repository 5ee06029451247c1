//! The JSON of blocks, transactions, receipts and logs (spec 10 §2.7-2.10).

use alloy::primitives::{Address, B64, B256, Bloom, Bytes, U64, U256, b256};
use serde::Serialize;

/// Hash of an empty list of uncles.
pub const NO_UNCLES: B256 =
    b256!("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
/// Root of an empty transaction trie.
pub const NO_TRANSACTIONS: B256 =
    b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// A tipset as a block. Fields that Filecoin has no value for are constants.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// Digest of the tipset key's CID.
    pub hash: B256,
    /// The same of the parent.
    pub parent_hash: B256,
    /// [`NO_UNCLES`].
    pub sha3_uncles: B256,
    /// Zero.
    pub miner: Address,
    /// Zero.
    pub state_root: B256,
    /// [`NO_TRANSACTIONS`] or zero.
    pub transactions_root: B256,
    /// Zero.
    pub receipts_root: B256,
    /// Of the logs of all transactions.
    pub logs_bloom: Bloom,
    /// 0.
    pub difficulty: U64,
    /// 0.
    pub total_difficulty: U64,
    /// Epoch.
    pub number: U64,
    /// Block gas limit × blocks.
    pub gas_limit: U64,
    /// Sum over the messages.
    pub gas_used: U64,
    /// Seconds since the Unix epoch.
    pub timestamp: U64,
    /// Empty.
    pub extra_data: Bytes,
    /// Zero.
    pub mix_hash: B256,
    /// Zero.
    pub nonce: B64,
    /// What messages of this block burn, attoFIL per gas.
    pub base_fee_per_gas: U256,
    /// 0.
    pub size: U64,
    /// Hashes or full transactions.
    pub transactions: Transactions,
    /// Empty.
    pub uncles: [B256; 0],
}

/// A block's transactions.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Transactions {
    /// By hash.
    Hashes(Vec<B256>),
    /// In full.
    Full(Vec<Transaction>),
}

/// A message as a transaction.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// 0 for legacy transactions without replay protection.
    pub chain_id: U64,
    /// Sequence of the sender.
    pub nonce: U64,
    /// Hash.
    pub hash: B256,
    /// Null while pending.
    pub block_hash: Option<B256>,
    /// Null while pending.
    pub block_number: Option<U64>,
    /// Null while pending.
    pub transaction_index: Option<U64>,
    /// Sender.
    pub from: Address,
    /// Receiver, null for a creation.
    pub to: Option<Address>,
    /// attoFIL.
    pub value: U256,
    /// 0x0 or 0x2.
    #[serde(rename = "type")]
    pub kind: U64,
    /// Call data.
    pub input: Bytes,
    /// Gas limit.
    pub gas: U64,
    /// Type 2 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_fee_per_gas: Option<U256>,
    /// Type 2 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_priority_fee_per_gas: Option<U256>,
    /// Legacy: as signed. Type 2: the price paid, or the cap while pending;
    /// absent in strict mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gas_price: Option<U256>,
    /// Always empty; null for Ethereum transactions in strict mode.
    pub access_list: Option<[B256; 0]>,
    /// Signature.
    pub v: U64,
    /// Signature.
    pub r: U256,
    /// Signature.
    pub s: U256,
    /// Type 2 only; absent in strict mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y_parity: Option<U64>,
}

/// What came of a transaction.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Hash of the transaction.
    pub transaction_hash: B256,
    /// Place in the block.
    pub transaction_index: U64,
    /// Block.
    pub block_hash: B256,
    /// Block.
    pub block_number: U64,
    /// Sender.
    pub from: Address,
    /// Receiver, null for a creation.
    pub to: Option<Address>,
    /// Zero.
    pub root: B256,
    /// 1 for success.
    pub status: U64,
    /// The new contract of a creation that succeeded.
    pub contract_address: Option<Address>,
    /// Gas used by the block up to and with this transaction; 0 in strict mode.
    pub cumulative_gas_used: U64,
    /// Gas used.
    pub gas_used: U64,
    /// What the sender lost per gas used, burns and tip included.
    pub effective_gas_price: U256,
    /// Of the logs.
    pub logs_bloom: Bloom,
    /// Logs.
    pub logs: Vec<Log>,
    /// 0x0 or 0x2.
    #[serde(rename = "type")]
    pub kind: U64,
}

/// An event of a contract.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// Contract.
    pub address: Address,
    /// Data.
    pub data: Bytes,
    /// Up to four topics.
    pub topics: Vec<B256>,
    /// True when its block was taken back.
    pub removed: bool,
    /// Place among the block's logs.
    pub log_index: U64,
    /// Place of its transaction in the block.
    pub transaction_index: U64,
    /// Transaction.
    pub transaction_hash: B256,
    /// Block.
    pub block_hash: B256,
    /// Block.
    pub block_number: U64,
}

/// Answer of `eth_feeHistory`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeeHistory {
    /// Number of the first block.
    pub oldest_block: U64,
    /// Base fees of the blocks and of the one after them.
    pub base_fee_per_gas: Vec<U256>,
    /// Gas used as a part of the limit.
    pub gas_used_ratio: Vec<f64>,
    /// Premiums at the percentiles asked for, per block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reward: Option<Vec<Vec<U256>>>,
}
