//! Tipsets executed again, and parameters in and out of JSON (spec 10 §5.3).

use std::collections::HashMap;
use std::time::Instant;

use boatyard_chain::message::message_cid;
use boatyard_vm::context::Tracing;
use fvm_shared::address::Address;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::deep;
use crate::error::{RpcError, quote};
use crate::fil::json::{AddressJson, BlobJson, CidJson, MessageJson};
use crate::fil::state::actor;
use crate::fil::traces::InvocResult;
use crate::params::{Base64, CidParam, FilAddress, Json, TipsetParam, param_by_serde};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Executes a tipset again: the state after it, and a trace of every message, the
        /// block reward's and cron's included.
        ["Filecoin.StateCompute"]
        (epoch: i64, messages: Option<Vec<MessageJson>>, tipset: TipsetParam)
            -> "ComputedState" = wait compute_state;

        /// CIDs of the messages of or to somebody, from a tipset back to an epoch.
        ["Filecoin.StateListMessages"]
        (filter: MessageMatch, tipset: TipsetParam, epoch: i64) -> "CIDs" = compute list_messages;

        /// Parameters of a method as JSON.
        ["Filecoin.StateDecodeParams"]
        (to: FilAddress, method: u64, params: Base64, tipset: TipsetParam) -> "any" = compute decode_params;

        /// Parameters of a method from JSON.
        ["Filecoin.StateEncodeParams"]
        (code: CidParam, method: u64, params: Json) -> "base64 bytes" = compute encode_params;

        /// Names of built-in actors with the CIDs of their code.
        ["Filecoin.StateActorCodeCIDs"]
        (version: u32) -> "code CIDs" = compute code_cids;

        /// CID of the list of built-in actors.
        ["Filecoin.StateActorManifestCID"]
        (version: u32) -> "CID" = compute manifest_cid;
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Computed {
    root: CidJson,
    trace: Vec<InvocResult>,
}

async fn compute_state(
    call: Call,
    epoch: i64,
    messages: Option<Vec<MessageJson>>,
    tipset: TipsetParam,
) -> Result<Box<RawValue>, RpcError> {
    let chain = &call.node.chain;
    if messages.is_some_and(|messages| !messages.is_empty()) {
        return Err(RpcError::failure(
            "StateCompute executes what is in the tipset; try other messages with StateCall",
        ));
    }
    let tipset = call.node.tipset(&tipset.0)?;
    if epoch != tipset.height() {
        return Err(RpcError::failure(format!(
            "the tipset is at epoch {}, not {epoch}; null rounds after it have nothing but cron",
            tipset.height()
        )));
    }
    let began = Instant::now();
    let traced = chain.trace_tipset(&tipset, Tracing::Full).await?;
    let took = began.elapsed();
    deep::walk(move || {
        let trace = traced.iter().map(|one| {
            let cid = message_cid(&one.message);
            InvocResult::new(cid, &one.message, &one.applied, took)
        });
        Ok(Computed {
            root: tipset.state_root.into(),
            trace: trace.collect(),
        })
    })
    .await
}

/// Whose messages are wanted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MessageMatch {
    to: Option<AddressJson>,
    from: Option<AddressJson>,
}

param_by_serde! { MessageMatch = "MessageMatch" }

/// Most tipsets that are searched.
const MOST_TIPSETS: usize = 100_000;

fn list_messages(
    call: &Call,
    filter: MessageMatch,
    tipset: TipsetParam,
    epoch: i64,
) -> Result<Vec<CidJson>, RpcError> {
    if filter.to.is_none() && filter.from.is_none() {
        return Err(RpcError::failure(
            "must specify at least To or From in message filter",
        ));
    }
    let state = call.node.chain.head_state();
    // Different addresses may mean the same actor.
    let mut known: HashMap<Address, Address> = HashMap::new();
    let mut id = |address: &Address| -> Result<Address, RpcError> {
        if let Some(known) = known.get(address) {
            return Ok(*known);
        }
        let resolved = state.resolve(address)?.map_or(*address, Address::new_id);
        known.insert(*address, resolved);
        Ok(resolved)
    };
    let to = filter.to.map(|address| id(&address.0)).transpose()?;
    let from = filter.from.map(|address| id(&address.0)).transpose()?;
    let mut found = Vec::new();
    let mut searched = 0;
    let mut at = Some(call.node.tipset(&tipset.0)?);
    while let Some(tipset) = at.take().filter(|tipset| tipset.height() >= epoch) {
        for message in tipset.messages.iter() {
            let fields = &message.signed.message;
            let wanted = to.map_or(Ok::<_, RpcError>(true), |to| Ok(id(&fields.to)? == to))?
                && from.map_or(
                    Ok::<_, RpcError>(true),
                    |from| Ok(id(&fields.from)? == from),
                )?;
            if wanted {
                found.push(message.cid.into());
            }
        }
        searched += 1;
        if searched >= MOST_TIPSETS {
            return Err(RpcError::failure(format!(
                "no more than {MOST_TIPSETS} tipsets are searched at once"
            )));
        }
        at = call.node.chain.parent(&tipset);
    }
    Ok(found)
}

fn decode_params(
    call: &Call,
    to: FilAddress,
    method: u64,
    params: Base64,
    tipset: TipsetParam,
) -> Result<Value, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let (_, actor) = actor(&view, &to.0)?;
    call.node
        .abis
        .decode_params(&view, &actor.code, method, &params.0)
}

fn encode_params(
    call: &Call,
    code: CidParam,
    method: u64,
    params: Json,
) -> Result<BlobJson, RpcError> {
    let view = call.node.chain.head_state();
    // Clients send the JSON itself, or its text.
    let value = match params.0 {
        Value::String(text) => serde_json::from_str(&text).map_err(|error| {
            RpcError::invalid_params(format!("the parameters \"{}\": {error}", quote(&text)))
        })?,
        value => value,
    };
    let bytes = call
        .node
        .abis
        .encode_params(&view, &code.0, method, value)?;
    Ok(bytes.into())
}

fn check_version(version: u32) -> Result<(), RpcError> {
    let ours = u32::from(crate::eth::chain::NETWORK_VERSION);
    if version != ours {
        return Err(RpcError::failure(format!(
            "this network has the actors of network version {ours} only, not of {version}"
        )));
    }
    Ok(())
}

fn code_cids(call: &Call, version: u32) -> Result<HashMap<String, CidJson>, RpcError> {
    check_version(version)?;
    let manifest = call.node.chain.head_state().manifest()?;
    let entries = manifest.entries().iter();
    Ok(entries
        .map(|(name, code)| (name.to_string(), CidJson(*code)))
        .collect())
}

/// The system actor's state is a link to it.
fn manifest_cid(call: &Call, version: u32) -> Result<CidJson, RpcError> {
    check_version(version)?;
    let view = call.node.chain.head_state();
    let (_, block) = view.head_block(&Address::new_id(0))?;
    let (list,): (cid::Cid,) = fvm_ipld_encoding::from_slice(&block)
        .map_err(|error| RpcError::failure(format!("the system actor's state: {error}")))?;
    Ok(list.into())
}
