//! Actors and their states (spec 10 §5.4).

use std::collections::BTreeMap;

use boatyard_actors_shared::Policy;
use boatyard_chain::StateView;
use fvm_shared::address::{Address, Protocol};
use fvm_shared::state::ActorState;
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::Call;
use crate::error::RpcError;
use crate::eth::chain::NETWORK_VERSION;
use crate::fil::json::{ActorJson, AddressJson, AttoJson, CidJson, address_text};
use crate::params::{CidParam, FilAddress, TipsetParam};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// An actor's record.
        ["Filecoin.StateGetActor"]
        (address: FilAddress, tipset: TipsetParam) -> "Actor" = compute get_actor;

        /// An actor's state, decoded.
        ["Filecoin.StateReadState"]
        (address: FilAddress, tipset: TipsetParam) -> "ActorState" = compute read_state;

        /// The ID behind an address.
        ["Filecoin.StateLookupID"]
        (address: FilAddress, tipset: TipsetParam) -> "Filecoin address" = compute lookup_id;

        /// The key address of an account, or the t4 address of an actor.
        ["Filecoin.StateAccountKey"]
        (address: FilAddress, tipset: TipsetParam) -> "Filecoin address" = compute account_key;

        /// An address of an ID that is valid on every fork.
        ["Filecoin.StateLookupRobustAddress"]
        (address: FilAddress, tipset: TipsetParam) -> "Filecoin address" = compute robust_address;

        /// All actors, by ID.
        ["Filecoin.StateListActors"]
        (tipset: TipsetParam) -> "Filecoin addresses" = compute list_actors;

        /// The network version.
        ["Filecoin.StateNetworkVersion"]
        (tipset: TipsetParam) -> "number" = compute network_version;

        /// FIL in circulation after a tipset.
        ["Filecoin.StateCirculatingSupply"]
        (tipset: TipsetParam) -> "attoFIL" = compute circulating_supply;

        /// The parts of the FIL in circulation, as actors see it.
        ["Filecoin.StateVMCirculatingSupplyInternal"]
        (tipset: TipsetParam) -> "CirculatingSupply" = compute supply;

        /// What the network is made with.
        ["Filecoin.StateGetNetworkParams"]
        () -> "NetworkParams" = compute network_params;

        /// Actors that differ between two state roots, by address.
        ["Filecoin.StateChangedActors"]
        (old: CidParam, new: CidParam) -> "Actors" = compute changed_actors;
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DecodedState {
    balance: AttoJson,
    code: CidJson,
    state: Value,
}

/// The record of an actor, which must exist.
pub fn actor(view: &StateView, address: &Address) -> Result<(u64, ActorState), RpcError> {
    view.actor(address)?
        .ok_or_else(|| RpcError::actor_not_found(address_text(address)))
}

fn get_actor(call: &Call, address: FilAddress, tipset: TipsetParam) -> Result<ActorJson, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    Ok((&actor(&view, &address.0)?.1).into())
}

fn read_state(
    call: &Call,
    address: FilAddress,
    tipset: TipsetParam,
) -> Result<DecodedState, RpcError> {
    let node = &call.node;
    let view = node.state_at(&tipset.0)?;
    let (_, actor) = actor(&view, &address.0)?;
    Ok(DecodedState {
        state: node.abis.lotus_state(&view, &actor)?,
        balance: actor.balance.into(),
        code: actor.code.into(),
    })
}

fn lookup_id(
    call: &Call,
    address: FilAddress,
    tipset: TipsetParam,
) -> Result<AddressJson, RpcError> {
    let id = call.node.state_at(&tipset.0)?.resolve(&address.0)?;
    let id = id.ok_or_else(|| RpcError::actor_not_found(address_text(&address.0)))?;
    Ok(Address::new_id(id).into())
}

fn account_key(
    call: &Call,
    address: FilAddress,
    tipset: TipsetParam,
) -> Result<AddressJson, RpcError> {
    let text = address_text(&address.0);
    if address.0.protocol() == Protocol::Actor {
        return Err(RpcError::failure(format!(
            "{text} is an actor's address, not an account's"
        )));
    }
    let view = call.node.state_at(&tipset.0)?;
    if let Some(key) = view.account_key(&address.0)? {
        return Ok(key.into());
    }
    actor(&view, &address.0)?;
    Err(RpcError::failure(format!(
        "{text} is no account and has no t4 address"
    )))
}

fn robust_address(
    call: &Call,
    address: FilAddress,
    tipset: TipsetParam,
) -> Result<AddressJson, RpcError> {
    let Ok(id) = address.0.id() else {
        return Ok(address.0.into());
    };
    let robust = call.node.state_at(&tipset.0)?.robust_address(id)?;
    let robust = robust.ok_or_else(|| RpcError::actor_not_found(address_text(&address.0)))?;
    Ok(robust.into())
}

fn list_actors(call: &Call, tipset: TipsetParam) -> Result<Vec<AddressJson>, RpcError> {
    let actors = call.node.state_at(&tipset.0)?.actors()?;
    Ok(actors
        .into_keys()
        .map(|id| Address::new_id(id).into())
        .collect())
}

fn network_version(call: &Call, tipset: TipsetParam) -> Result<u32, RpcError> {
    call.node.tipset(&tipset.0)?;
    Ok(u32::from(NETWORK_VERSION))
}

fn circulating_supply(call: &Call, tipset: TipsetParam) -> Result<AttoJson, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    Ok(call.node.chain.supply(&view)?.circulating.into())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SupplyJson {
    fil_vested: AttoJson,
    fil_mined: AttoJson,
    fil_burnt: AttoJson,
    fil_locked: AttoJson,
    fil_circulating: AttoJson,
    fil_reserve_disbursed: AttoJson,
}

fn supply(call: &Call, tipset: TipsetParam) -> Result<SupplyJson, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let supply = call.node.chain.supply(&view)?;
    Ok(SupplyJson {
        fil_vested: supply.vested.into(),
        fil_mined: supply.mined.into(),
        fil_burnt: supply.burnt.into(),
        fil_locked: supply.locked.into(),
        fil_circulating: supply.circulating.into(),
        fil_reserve_disbursed: supply.reserve_disbursed.into(),
    })
}

/// Upgrades of Filecoin, all before genesis here.
const UPGRADES: [&str; 32] = [
    "Smoke",
    "Breeze",
    "Ignition",
    "Liftoff",
    "Assembly",
    "Refuel",
    "Tape",
    "Kumquat",
    "Calico",
    "Persian",
    "Orange",
    "Claus",
    "Trust",
    "Norwegian",
    "Turbo",
    "Hyperdrive",
    "Chocolate",
    "OhSnap",
    "Skyr",
    "Shark",
    "Hygge",
    "Lightning",
    "Thunder",
    "Watermelon",
    "Dragon",
    "Phoenix",
    "Waffle",
    "TukTuk",
    "Teep",
    "Tock",
    "GoldenWeek",
    "FireHorse",
];
/// An epoch before genesis.
const BEFORE_GENESIS: i64 = -1;

fn network_params(call: &Call) -> Result<Value, RpcError> {
    let config = call.node.chain.config();
    let policy = Policy::of(call.node.options.policy);
    let mut upgrades: serde_json::Map<String, Value> = UPGRADES
        .iter()
        .map(|name| (format!("Upgrade{name}Height"), json!(BEFORE_GENESIS)))
        .collect();
    upgrades.insert("BreezeGasTampingDuration".into(), json!(0));
    Ok(json!({
        "NetworkName": config.network_name,
        "BlockDelaySecs": config.block_time_secs,
        "ConsensusMinerMinPower": policy.minimum_consensus_power.to_string(),
        "PreCommitChallengeDelay": policy.pre_commit_challenge_delay,
        "ForkUpgradeParams": upgrades,
        "Eip155ChainID": config.chain_id,
        "GenesisTimestamp": call.node.chain.genesis().tipset.timestamp(),
    }))
}

fn changed_actors(
    call: &Call,
    old: CidParam,
    new: CidParam,
) -> Result<BTreeMap<String, ActorJson>, RpcError> {
    let before = call.node.chain.state(old.0).actors()?;
    let after = call.node.chain.state(new.0).actors()?;
    Ok(after
        .into_iter()
        .filter(|(id, actor)| before.get(id) != Some(actor))
        .map(|(id, actor)| (address_text(&Address::new_id(id)), (&actor).into()))
        .collect())
}
