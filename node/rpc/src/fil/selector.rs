//! Tipsets and states by selector, on `/rpc/v2` (spec 10 §6.2).

use std::sync::Arc;

use boatyard_chain::{ExecutedTipset, TipsetRef};
use serde::{Deserialize, Serialize};

use crate::call::{Call, Path};
use crate::error::RpcError;
use crate::eth::block_param::{BlockParam, Tag};
use crate::fil::json::{ActorJson, AddressJson, TipsetJson, address_text};
use crate::fil::state::actor;
use crate::params::{FilAddress, TipsetParam, param_by_serde};
use crate::registry::{Method, Param, Paths, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    let v2 = methods![
        /// The tipset that a selector means.
        ["Filecoin.ChainGetTipSet"]
        (selector: Selector) -> "TipSet" = compute tipset;

        /// The tipsets that count as final, and the head.
        ["Filecoin.ChainGetTipSetFinalityStatus"]
        () -> "FinalityStatus" = compute finality;

        /// An actor's record after the tipset that a selector means.
        ["Filecoin.StateGetActor"]
        (address: FilAddress, selector: Selector) -> "Actor" = compute get_actor;

        /// The ID behind an address after the tipset that a selector means.
        ["Filecoin.StateGetID"]
        (address: FilAddress, selector: Selector) -> "Filecoin address" = compute get_id;
    ];
    v2.into_iter()
        .map(|method| method.on(Paths::Only(Path::V2)))
        .collect()
}

/// Exactly one way of naming a tipset.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selector {
    key: Option<serde_json::Value>,
    height: Option<Height>,
    tag: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Height {
    at: i64,
    #[serde(default)]
    previous: bool,
    #[serde(default)]
    anchor: Option<Box<Anchor>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Anchor {
    key: Option<serde_json::Value>,
    tag: Option<String>,
}

param_by_serde! { Selector = "tipset selector" }

fn by_key(call: &Call, key: serde_json::Value) -> Result<Arc<ExecutedTipset>, RpcError> {
    let key = TipsetParam::read(key).map_err(RpcError::invalid_params)?;
    call.node.tipset(&key.0)
}

fn by_tag(call: &Call, tag: &str) -> Result<Arc<ExecutedTipset>, RpcError> {
    let tag = match tag {
        "latest" => Tag::Latest,
        "safe" => Tag::Safe,
        "finalized" => Tag::Finalized,
        other => {
            return Err(RpcError::invalid_params(format!(
                "unknown tag \"{}\"; there are latest, safe and finalized",
                crate::error::quote(other)
            )));
        }
    };
    call.node.block(BlockParam::Tag(tag))
}

fn find(call: &Call, selector: Selector) -> Result<Arc<ExecutedTipset>, RpcError> {
    match (selector.key, selector.height, selector.tag) {
        (Some(key), None, None) => by_key(call, key),
        (None, None, Some(tag)) => by_tag(call, &tag),
        (None, Some(height), None) => {
            let anchor = match height.anchor.map(|anchor| *anchor) {
                Some(Anchor {
                    key: Some(key),
                    tag: None,
                }) => by_key(call, key)?,
                Some(Anchor {
                    key: None,
                    tag: Some(tag),
                }) => by_tag(call, &tag)?,
                None => by_tag(call, "finalized")?,
                Some(_) => {
                    return Err(RpcError::invalid_params(
                        "an anchor has either a key or a tag",
                    ));
                }
            };
            if height.at > anchor.height() {
                return Err(RpcError::failure(format!(
                    "looking for tipset with height greater than start point: {} is after the \
                     anchor at {}",
                    height.at,
                    anchor.height()
                )));
            }
            let found = call.node.chain.tipset(&TipsetRef::Height(height.at))?;
            match found.height() == height.at || height.previous {
                true => Ok(found),
                false => Ok(call.node.chain.tipset_after(height.at)?),
            }
        }
        _ => Err(RpcError::invalid_params(
            "a selector has exactly one of key, height and tag",
        )),
    }
}

fn tipset(call: &Call, selector: Selector) -> Result<TipsetJson, RpcError> {
    Ok(find(call, selector)?.tipset.as_ref().into())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finality {
    ec_finality_threshold_depth: i64,
    ec_finalized_tip_set: TipsetJson,
    f3_finalized_tip_set: Option<TipsetJson>,
    finalized_tip_set: TipsetJson,
    head: TipsetJson,
}

fn finality(call: &Call) -> Result<Finality, RpcError> {
    let finalized = by_tag(call, "finalized")?;
    Ok(Finality {
        ec_finality_threshold_depth: call.node.options.finalized_distance,
        ec_finalized_tip_set: finalized.tipset.as_ref().into(),
        f3_finalized_tip_set: None,
        finalized_tip_set: finalized.tipset.as_ref().into(),
        head: call.node.chain.head().tipset.as_ref().into(),
    })
}

fn get_actor(call: &Call, address: FilAddress, selector: Selector) -> Result<ActorJson, RpcError> {
    let view = call.node.chain.state(find(call, selector)?.state_root);
    Ok((&actor(&view, &address.0)?.1).into())
}

fn get_id(call: &Call, address: FilAddress, selector: Selector) -> Result<AddressJson, RpcError> {
    let view = call.node.chain.state(find(call, selector)?.state_root);
    let id = view
        .resolve(&address.0)?
        .ok_or_else(|| RpcError::actor_not_found(address_text(&address.0)))?;
    Ok(fvm_shared::address::Address::new_id(id).into())
}
