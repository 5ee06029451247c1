//! Who and where the chain is.

use std::collections::BTreeMap;
use std::time::Instant;

use alloy::primitives::{Address as EthAddr, B256, U64, keccak256};
use boatyard_chain::{Key, MiningMode};
use fvm_shared::version::NetworkVersion;

use crate::call::Call;
use crate::error::RpcError;
use crate::params::HexBytes;
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// EIP-155 chain ID.
        ["eth_chainId", "Filecoin.EthChainId"]
        () -> "quantity" = compute chain_id;

        /// Chain ID as decimal text.
        ["net_version", "Filecoin.NetVersion"]
        () -> "decimal text" = compute net_version;

        /// True: requests are answered.
        ["net_listening", "Filecoin.NetListening"]
        () -> "bool" = compute listening;

        /// Number of peers: a development network has none.
        ["net_peerCount"]
        () -> "quantity" = compute zero;

        /// Name and version of the node. Test helpers of Hardhat and OpenZeppelin look at
        /// how it begins.
        ["web3_clientVersion", "Filecoin.Web3ClientVersion"]
        () -> "text" = compute client_version;

        /// Keccak-256.
        ["web3_sha3"]
        (data: HexBytes) -> "32-byte hash" = compute sha3;

        /// Network version.
        ["eth_protocolVersion", "Filecoin.EthProtocolVersion"]
        () -> "quantity" = compute protocol_version;

        /// False: the node makes the chain itself.
        ["eth_syncing", "Filecoin.EthSyncing"]
        () -> "bool" = compute syncing;

        /// Epoch of the newest block.
        ["eth_blockNumber", "Filecoin.EthBlockNumber"]
        () -> "quantity" = wait block_number;

        /// Addresses that the node signs for.
        ["eth_accounts", "Filecoin.EthAccounts", "eth_requestAccounts"]
        () -> "0x addresses" = compute shown_accounts;

        /// Zero address: rewards go to the provider's Filecoin address.
        ["eth_coinbase"]
        () -> "0x address" = compute coinbase;

        /// Whether tipsets are made without being asked for.
        ["eth_mining"]
        () -> "bool" = compute mining;

        /// 0: nothing is hashed.
        ["eth_hashrate"]
        () -> "quantity" = compute zero;

        /// 0: there are no blobs.
        ["eth_blobBaseFee"]
        () -> "quantity" = compute zero;

        /// All methods, with JSON schemas of what they take and give.
        ["rpc.discover", "Filecoin.Discover"]
        () -> "object" = compute discover;

        /// Groups of methods, with versions.
        ["rpc_modules"]
        () -> "module versions" = compute modules;
    ]
}

fn chain_id(call: &Call) -> Result<U64, RpcError> {
    Ok(U64::from(call.node.chain_id()))
}

fn net_version(call: &Call) -> Result<String, RpcError> {
    Ok(call.node.chain_id().to_string())
}

fn listening(_: &Call) -> Result<bool, RpcError> {
    Ok(true)
}

fn zero(_: &Call) -> Result<U64, RpcError> {
    Ok(U64::ZERO)
}

fn client_version(call: &Call) -> Result<String, RpcError> {
    Ok(call.node.options.client_version.clone())
}

fn sha3(_: &Call, data: HexBytes) -> Result<B256, RpcError> {
    Ok(keccak256(data.0))
}

fn protocol_version(_: &Call) -> Result<U64, RpcError> {
    Ok(U64::from(u32::from(NETWORK_VERSION)))
}

/// The network version that the node runs (DESIGN §3).
pub const NETWORK_VERSION: NetworkVersion = NetworkVersion::V28;

fn syncing(_: &Call) -> Result<bool, RpcError> {
    Ok(false)
}

async fn block_number(call: Call) -> Result<U64, RpcError> {
    Ok(U64::from(polled_head(&call).await?.unsigned_abs()))
}

/// The head's epoch for a client that may be polling for it to grow.
pub async fn polled_head(call: &Call) -> Result<i64, RpcError> {
    let node = &call.node;
    let head = node.chain.head().height();
    let limit = node.options.confirmations_on_demand;
    let due = limit > 0
        && node.chain.mining() == MiningMode::OnMessage
        && node.patience.poll(head, limit, Instant::now());
    if !due {
        return Ok(head);
    }
    Ok(node.chain.wait_epoch(head + 1).await?.height())
}

/// Lotus shows none.
fn shown_accounts(call: &Call) -> Result<Vec<EthAddr>, RpcError> {
    match call.node.options.strict {
        true => Ok(Vec::new()),
        false => accounts(call),
    }
}

/// The Ethereum addresses of the node's keys, in order of addition.
pub fn accounts(call: &Call) -> Result<Vec<EthAddr>, RpcError> {
    let keyring = call.node.chain.keyring();
    let keys = keyring.addresses();
    Ok(keys
        .iter()
        .filter_map(|address| keyring.get(address))
        .filter_map(eth_address)
        .collect())
}

fn eth_address(key: Key) -> Option<EthAddr> {
    key.eth_address()
}

fn coinbase(_: &Call) -> Result<EthAddr, RpcError> {
    Ok(EthAddr::ZERO)
}

/// The methods of this node.
fn discover(call: &Call) -> Result<serde_json::Value, RpcError> {
    let methods: Vec<Method> = crate::methods()
        .into_iter()
        .filter(|method| method.exists(&call.node.options))
        .collect();
    Ok(crate::openrpc::document(methods.iter()))
}

fn modules(_: &Call) -> Result<BTreeMap<&'static str, &'static str>, RpcError> {
    let groups = [
        "anvil", "debug", "eth", "evm", "net", "trace", "txpool", "web3",
    ];
    Ok(groups.into_iter().map(|group| (group, "1.0")).collect())
}

fn mining(call: &Call) -> Result<bool, RpcError> {
    Ok(call.node.chain.mining() != MiningMode::OnRequest)
}
