//! `boatyard_*`: what the command line and the explorer ask beyond the two
//! standard interfaces.
//!
//! Conventions, different from the Filecoin dialect because people read the
//! answers: field names in snake case, bytes as `0x…`, amounts as decimal strings
//! of attoFIL, CIDs as plain text, addresses `t…` with the Ethereum form beside
//! them where there is one. Values decoded through ABIs are as `boatyard-abi`
//! writes them (there addresses begin with `f`; amounts have a unit).
//!
//! | method | parameters | answer |
//! |---|---|---|
//! | `boatyard_nodeInfo` | – | [`NodeInfo`] |
//! | `boatyard_accounts` | – | development accounts, [`Account`] each |
//! | `boatyard_actors` | – | built-in actors: `{name, code, type}` each |
//! | `boatyard_resolve` | address (t… or 0x…), block? | [`ActorInfo`] |
//! | `boatyard_abi` | address, code CID or name of a built-in actor | `{name, code, abi}`; `abi` as the module carries it |
//! | `boatyard_registerContractAbi` | Solidity ABI: JSON (array, artefact) or lines of Solidity as text | true; traces decode with it from now on |
//! | `boatyard_readState` | address, path of names?, `{limit, start, inner_limit, block}`? | [`StatePart`] |
//! | `boatyard_traceMessage` | message CID or Ethereum hash, `{detail: "calls" \| "full"}`? | [`trace::MessageTrace`] |
//! | `boatyard_traceCall` | Message (Filecoin JSON), `{detail}`? | the same, of a message that is only tried on the newest state |
//! | `boatyard_providers` | – | storage providers with the URL of each: [`ProviderEntry`] |
//! | `boatyard_check` | block?, name of a network for its policy? | what must hold of the state after the block and does not: [`boatyard_invariants::Report`] |
//! | `boatyard_advance` | epochs | `{epoch, tipset_epoch_before, null_rounds}`: one tipset that many epochs on, null rounds before it |
//!
//! Errors are as everywhere: 11 for an unknown actor, −32602 for parameters that
//! cannot be read, 1 otherwise.

mod check;
pub mod trace;

use boatyard_abi::tree::Blocks;
use boatyard_abi::{EvmAbi, Page, Schema, StateReader, Style};
use boatyard_chain::{KeyKind, MiningMode, StateView};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::address::Address;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::Call;
use crate::deep;
use crate::dev::AnyAddress;
use crate::error::RpcError;
use crate::eth::block_param::BlockParam;
use crate::fil::json::address_text;
use crate::fil::state::actor;
use crate::node::ProviderEntry;
use crate::params::{CidParam, Json, Quantity, Text, param_by_serde};
use crate::registry::{Method, Param, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    let mut methods = methods![
        /// What runs here.
        ["boatyard_nodeInfo"]
        () -> "NodeInfo" = compute node_info;

        /// The development accounts with their keys.
        ["boatyard_accounts"]
        () -> "Accounts" = compute accounts;

        /// The built-in actors of the newest state.
        ["boatyard_actors"]
        () -> "actors" = compute actors;

        /// Everything about the actor behind an address.
        ["boatyard_resolve"]
        (address: AnyAddress, block: BlockParam) -> "ActorInfo" = wait resolve;

        /// The description of an actor, by address, code CID or name of a built-in actor.
        ["boatyard_abi"]
        (actor: Text) -> "ABI" = compute abi;

        /// Adds the description of a Solidity contract, for traces.
        ["boatyard_registerContractAbi"]
        (abi: Json) -> "bool" = compute register_contract;

        /// An actor's state, or a part of it, decoded.
        ["boatyard_readState"]
        (address: AnyAddress, path: Option<Vec<Text>>, options: Option<ReadOptions>)
            -> "StatePart" = wait read_state;

        /// The node's storage providers, and where they serve their clients.
        ["boatyard_providers"]
        () -> "Providers" = compute providers;

        /// Lets epochs pass at once: null rounds and one tipset.
        ["boatyard_advance"]
        (epochs: Quantity) -> "object" = wait advance;
    ];
    methods.extend(check::methods());
    methods.extend(trace::methods());
    methods
}

/// Blocks that one answer may read.
const MOST_BLOCKS: usize = 1 << 16;

/// Answer of `boatyard_nodeInfo`.
#[derive(Debug, Clone, Serialize)]
pub struct NodeInfo {
    /// Version of Boatyard.
    pub version: &'static str,
    /// Answer of `web3_clientVersion`.
    pub client_version: String,
    /// Name of the network.
    pub network: String,
    /// EIP-155 chain ID.
    pub chain_id: u64,
    /// Network version.
    pub network_version: u32,
    /// Timestamp of genesis, seconds since the Unix epoch.
    pub genesis_timestamp: u64,
    /// Length of an epoch in seconds.
    pub block_time_secs: u64,
    /// `on_message`, `interval` or `on_request`.
    pub mining: &'static str,
    /// Milliseconds between tipsets in mode `interval`.
    pub interval_ms: Option<u64>,
    /// Epoch of the head.
    pub epoch: i64,
    /// Timestamp of the head.
    pub timestamp: u64,
    /// Hash of the head as an Ethereum block.
    pub block_hash: alloy::primitives::B256,
    /// Root of the newest state.
    pub state_root: String,
    /// Base fee of the next tipset, attoFIL.
    pub base_fee: String,
    /// Messages that wait.
    pub pending: usize,
    /// Changes with every start and reset.
    pub instance_id: alloy::primitives::B256,
}

fn node_info(call: &Call) -> Result<NodeInfo, RpcError> {
    let node = &call.node;
    let config = node.chain.config();
    let head = node.chain.head();
    let (mining, interval_ms) = match node.chain.mining() {
        MiningMode::OnMessage => ("on_message", None),
        MiningMode::Interval(interval) => ("interval", u64::try_from(interval.as_millis()).ok()),
        MiningMode::OnRequest => ("on_request", None),
    };
    Ok(NodeInfo {
        version: env!("CARGO_PKG_VERSION"),
        client_version: node.options.client_version.clone(),
        network: config.network_name.clone(),
        chain_id: config.chain_id,
        network_version: u32::from(crate::eth::chain::NETWORK_VERSION),
        genesis_timestamp: node.chain.genesis().tipset.timestamp(),
        block_time_secs: config.block_time_secs,
        mining,
        interval_ms,
        epoch: head.height(),
        timestamp: head.tipset.timestamp(),
        block_hash: head.tipset.eth_hash(),
        state_root: head.state_root.to_string(),
        base_fee: node.chain.next_base_fee().atto().to_string(),
        pending: node.chain.pending().len(),
        instance_id: node.chain.instance_id(),
    })
}

/// A development account.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// 0x address.
    pub eth: Option<alloy::primitives::Address>,
    /// The same as t410 address.
    pub delegated: String,
    /// t1 address of the same key.
    pub secp256k1: Option<String>,
    /// Private key, `0x…`.
    pub private_key: String,
    /// Balance of the t410 address, attoFIL.
    pub balance: String,
    /// Nonce of the t410 address.
    pub nonce: u64,
}

fn accounts(call: &Call) -> Result<Vec<Account>, RpcError> {
    let chain = &call.node.chain;
    let state = chain.head_state();
    chain
        .dev_accounts()
        .iter()
        .map(|key| {
            let address = key.address();
            Ok(Account {
                eth: key.eth_address(),
                delegated: address_text(&address),
                secp256k1: key
                    .as_kind(KeyKind::Secp256k1)
                    .ok()
                    .map(|key| address_text(&key.address())),
                private_key: format!("0x{}", hex::encode(key.private_bytes())),
                balance: state.balance(&address)?.atto().to_string(),
                nonce: state.sequence(&address)?,
            })
        })
        .collect()
}

fn actors(call: &Call) -> Result<Vec<Value>, RpcError> {
    let manifest = call.node.chain.head_state().manifest()?;
    let entries = manifest.entries().iter().enumerate();
    Ok(entries
        .map(|(index, (name, code))| {
            json!({ "name": name, "code": code.to_string(), "type": index + 1 })
        })
        .collect())
}

/// Everything about an actor.
#[derive(Debug, Clone, Serialize)]
pub struct ActorInfo {
    /// ID address.
    pub id: String,
    /// t4 address, or what the init actor's table has.
    pub robust: Option<String>,
    /// How Ethereum clients see it.
    pub eth: Option<alloy::primitives::Address>,
    /// Manifest name of its code, or the name in its own description.
    pub actor: Option<String>,
    /// Code CID.
    pub code: String,
    /// State root.
    pub head: String,
    /// Sequence.
    pub nonce: u64,
    /// attoFIL.
    pub balance: String,
}

async fn resolve(
    call: Call,
    address: AnyAddress,
    block: BlockParam,
) -> Result<ActorInfo, RpcError> {
    let view = call.node.state(block).await?;
    let (id, actor) = actor(&view, &address.0)?;
    Ok(ActorInfo {
        id: address_text(&Address::new_id(id)),
        robust: view
            .robust_address(id)?
            .map(|address| address_text(&address)),
        eth: view.eth_address(&Address::new_id(id))?,
        actor: actor_name(&call, &view, &actor.code),
        code: actor.code.to_string(),
        head: actor.state.to_string(),
        nonce: actor.sequence,
        balance: actor.balance.atto().to_string(),
    })
}

/// Name of an actor's code: from the manifest, else from its own description.
pub(crate) fn actor_name(call: &Call, view: &StateView, code: &Cid) -> Option<String> {
    let manifest = view.manifest().ok()?;
    match manifest.name_of(code) {
        Some(name) => Some(name.to_owned()),
        None => call
            .node
            .abis
            .of_code(view, code)
            .map(|abi| abi.name.clone()),
    }
}

fn abi(call: &Call, wanted: Text) -> Result<Value, RpcError> {
    let view = call.node.chain.head_state();
    let text = wanted.0;
    let code = if let Some(code) = view.manifest()?.code_of(&text) {
        code
    } else if let Ok(address) = AnyAddress::read(Value::String(text.clone())) {
        actor(&view, &address.0)?.1.code
    } else if let Ok(cid) = CidParam::read(Value::String(text.clone())) {
        cid.0
    } else {
        return Err(RpcError::invalid_params(format!(
            "expected an address, a code CID or the name of a built-in actor, got \"{}\"",
            crate::error::quote(&text)
        )));
    };
    let abi = call.node.abis.of_code(&view, &code).ok_or_else(|| {
        RpcError::failure(format!(
            "the code {code} carries no description; actors built with `boatyard build` do"
        ))
    })?;
    Ok(json!({ "name": abi.name, "code": code.to_string(), "abi": *abi }))
}

fn register_contract(call: &Call, abi: Json) -> Result<bool, RpcError> {
    let invalid = |error: &dyn std::fmt::Display| RpcError::invalid_params(error.to_string());
    let text = match abi.0 {
        Value::String(text) if !text.trim_start().starts_with(['{', '[']) => {
            deep::check_nesting(&text)?;
            text
        }
        json => {
            let json = match json {
                Value::String(text) => {
                    serde_json::from_str(&text).map_err(|error| invalid(&error))?
                }
                value => value,
            };
            // Of a compiler's artefact only the member `abi` matters.
            let abi = json.get("abi").unwrap_or(&json);
            deep::check_texts(abi)?;
            abi.to_string()
        }
    };
    let abi = EvmAbi::parse(&text).map_err(|error| invalid(&error))?;
    call.node.abis.add_contract(abi);
    Ok(true)
}

/// How much of a state to show, and of which block.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ReadOptions {
    limit: Option<usize>,
    start: Option<String>,
    inner_limit: Option<usize>,
    block: Option<Value>,
}

param_by_serde! { ReadOptions = "{limit, start, inner_limit, block}" }

/// A part of an actor's state.
#[derive(Debug, Clone, Serialize)]
pub struct StatePart {
    /// ID address.
    pub id: String,
    /// Name of the actor's code.
    pub actor: Option<String>,
    /// attoFIL.
    pub balance: String,
    /// The part, decoded; as CBOR when the actor is not described.
    pub state: Value,
}

async fn read_state(
    call: Call,
    address: AnyAddress,
    path: Option<Vec<Text>>,
    options: Option<ReadOptions>,
) -> Result<StatePart, RpcError> {
    let options = options.unwrap_or_default();
    let block = match options.block {
        Some(block) if !block.is_null() => {
            BlockParam::read(block).map_err(RpcError::invalid_params)?
        }
        _ => BlockParam::LATEST,
    };
    let view = call.node.state(block).await?;
    let (id, record) = actor(&view, &address.0)?;
    let described = call.node.abis.of_code(&view, &record.code);
    let schema = described.as_ref().map_or(&Schema::Any, |abi| &abi.state);
    let default = Page::default();
    let page = Page {
        limit: options.limit.unwrap_or(default.limit),
        start: options.start,
        inner_limit: options.inner_limit.unwrap_or(default.inner_limit),
    };
    let path = path.unwrap_or_default();
    let path: Vec<&str> = path.iter().map(|segment| segment.0.as_str()).collect();
    let store = view.store().clone();
    let fetch = |cid: &Cid| store.get(cid).map_err(|error| error.to_string());
    let state = StateReader::new(Blocks::new(fetch, MOST_BLOCKS), Style::People)
        .read(schema, &record.state, &path, &page)
        .map_err(|error| RpcError::failure(error.to_string()))?;
    Ok(StatePart {
        id: address_text(&Address::new_id(id)),
        actor: actor_name(&call, &view, &record.code),
        balance: record.balance.atto().to_string(),
        state,
    })
}

fn providers(call: &Call) -> Result<Vec<ProviderEntry>, RpcError> {
    Ok(call.node.options.providers.list())
}

async fn advance(call: Call, epochs: Quantity) -> Result<Value, RpcError> {
    let epochs = i64::try_from(epochs.as_u64("epochs")?)
        .map_err(|_| RpcError::invalid_params("epochs is too large"))?;
    let before = call.node.chain.head().height();
    let target = before
        .checked_add(epochs)
        .ok_or_else(|| RpcError::invalid_params("epochs is too large"))?;
    let reached = call.node.chain.advance_to(target).await?.height();
    Ok(json!({
        "epoch": reached,
        "tipset_epoch_before": before,
        "null_rounds": (reached - before - 1).max(0),
    }))
}
