//! Peers, synchronisation, F3, payment channels: what a node of its own network has not
//! (spec 10 §5.8).

use std::collections::BTreeMap;

use cid::multibase::Base;
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::Call;
use crate::error::RpcError;
use crate::fil::json::TipsetJson;
use crate::params::{Json, TipsetParam};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The node's name among peers, of which there are none.
        ["Filecoin.ID"]
        () -> "text" = compute id;

        /// Where peers could reach the node: nowhere.
        ["Filecoin.NetAddrsListen"]
        () -> "AddrInfo" = compute addrs;

        /// Peers that are connected: none.
        ["Filecoin.NetPeers"]
        () -> "AddrInfos" = compute nobody;

        /// Scores of peers: none.
        ["Filecoin.NetPubsubScores"]
        () -> "list" = compute nobody;

        /// Accepted and without effect: a development network has no peers.
        ["Filecoin.NetConnect", "Filecoin.NetDisconnect", "Filecoin.NetProtectAdd",
         "Filecoin.NetProtectRemove", "Filecoin.NetBlockAdd", "Filecoin.NetBlockRemove"]
        (peer: Option<Json>) -> "null" = compute nothing;

        /// 0: not connected, as to anybody.
        ["Filecoin.NetConnectedness"]
        (peer: Json) -> "number" = compute zero;

        /// Peers that are protected: none.
        ["Filecoin.NetProtectList"]
        () -> "list" = compute nobody;

        /// Peers that are blocked: none.
        ["Filecoin.NetBlockList"]
        () -> "object" = compute blocked;

        /// Whether the node can be reached from outside: unknown.
        ["Filecoin.NetAutoNatStatus"]
        () -> "object" = compute nat;

        /// Traffic with peers: none.
        ["Filecoin.NetBandwidthStats"]
        () -> "object" = compute bandwidth;

        /// Traffic with peers: none.
        ["Filecoin.NetBandwidthStatsByPeer", "Filecoin.NetBandwidthStatsByProtocol"]
        () -> "object" = compute bandwidth_by;

        /// The state of synchronisation: complete, for the node makes the chain itself.
        ["Filecoin.SyncState"]
        () -> "SyncState" = compute sync_state;

        /// Empty: no block is known to be bad.
        ["Filecoin.SyncCheckBad"]
        (cid: Json) -> "text" = compute no_reason;

        /// True for every tipset of the chain: it was executed when it was made.
        ["Filecoin.SyncValidateTipset"]
        (tipset: TipsetParam) -> "bool" = compute validate;

        /// Accepted and without effect: nothing but a revert takes tipsets back.
        ["Filecoin.SyncCheckpoint"]
        (tipset: TipsetParam) -> "null" = compute checkpoint;

        /// False.
        ["Filecoin.F3IsRunning"]
        () -> "bool" = compute f3_is_running;

        /// Error 4: there is no F3.
        ["Filecoin.F3GetLatestCertificate", "Filecoin.F3GetCertificate", "Filecoin.F3GetManifest",
         "Filecoin.F3GetProgress", "Filecoin.F3GetECPowerTable", "Filecoin.F3GetF3PowerTable",
         "Filecoin.F3GetPowerTableByInstance", "Filecoin.F3ListParticipants",
         "Filecoin.F3Participate", "Filecoin.F3GetOrRenewParticipationTicket"]
        (argument: Option<Json>, other: Option<Json>, third: Option<Json>) -> "error" = compute no_f3;

        /// Error 13: the node manages no payment channels; their actors are reached by messages.
        ["Filecoin.PaychGet", "Filecoin.PaychFund", "Filecoin.PaychGetWaitReady",
         "Filecoin.PaychStatus", "Filecoin.PaychAllocateLane", "Filecoin.PaychSettle",
         "Filecoin.PaychCollect", "Filecoin.PaychAvailableFunds",
         "Filecoin.PaychAvailableFundsByFromTo", "Filecoin.PaychNewPayment",
         "Filecoin.PaychVoucherCreate", "Filecoin.PaychVoucherCheckValid",
         "Filecoin.PaychVoucherCheckSpendable", "Filecoin.PaychVoucherAdd",
         "Filecoin.PaychVoucherList", "Filecoin.PaychVoucherSubmit"]
        (argument: Option<Json>, second: Option<Json>, third: Option<Json>, fourth: Option<Json>)
            -> "error" = compute no_channels;

        /// Payment channels that the node manages: none.
        ["Filecoin.PaychList"]
        () -> "Filecoin addresses" = compute nobody;

        /// How far the node is, and how many blocks there are to a tipset.
        ["Filecoin.NodeStatus"]
        (chain: Option<bool>) -> "NodeStatus" = compute node_status;
    ]
}

/// The form of a peer's name, an Ed25519 key; this one nobody has. Changes with the
/// chain's instance.
fn peer_id(call: &Call) -> String {
    // Identity multihash of a protobuf: key type 1, key of 32 bytes.
    let mut bytes = vec![0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
    bytes.extend(call.node.chain.instance_id());
    Base::Base58Btc.encode(bytes)
}

fn id(call: &Call) -> Result<String, RpcError> {
    Ok(peer_id(call))
}

fn addrs(call: &Call) -> Result<Value, RpcError> {
    Ok(json!({ "ID": peer_id(call), "Addrs": [] }))
}

fn nobody(_: &Call) -> Result<[(); 0], RpcError> {
    Ok([])
}

fn nothing(_: &Call, _peer: Option<Json>) -> Result<(), RpcError> {
    Ok(())
}

fn zero(_: &Call, _peer: Json) -> Result<u64, RpcError> {
    Ok(0)
}

fn blocked(_: &Call) -> Result<Value, RpcError> {
    Ok(json!({ "Peers": [], "IPAddrs": [], "IPSubnets": [] }))
}

fn nat(_: &Call) -> Result<Value, RpcError> {
    Ok(json!({ "Reachability": 0, "PublicAddrs": null }))
}

fn bandwidth(_: &Call) -> Result<Value, RpcError> {
    Ok(json!({ "TotalIn": 0, "TotalOut": 0, "RateIn": 0, "RateOut": 0 }))
}

fn bandwidth_by(_: &Call) -> Result<BTreeMap<String, Value>, RpcError> {
    Ok(BTreeMap::new())
}

/// Stage of a synchronisation that is over.
const COMPLETE: u8 = 4;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ActiveSync {
    #[serde(rename = "WorkerID")]
    worker_id: u64,
    base: TipsetJson,
    target: TipsetJson,
    stage: u8,
    height: i64,
    start: String,
    end: String,
    message: String,
}

#[derive(Serialize)]
struct SyncState {
    #[serde(rename = "ActiveSyncs")]
    active_syncs: [ActiveSync; 1],
    #[serde(rename = "VMApplied")]
    vm_applied: u64,
}

fn sync_state(call: &Call) -> Result<SyncState, RpcError> {
    let head = call.node.chain.head();
    let since = humantime::format_rfc3339_seconds(call.node.started.0).to_string();
    Ok(SyncState {
        active_syncs: [ActiveSync {
            worker_id: 1,
            base: head.tipset.as_ref().into(),
            target: head.tipset.as_ref().into(),
            stage: COMPLETE,
            height: head.height(),
            start: since.clone(),
            end: since,
            message: String::new(),
        }],
        vm_applied: 0,
    })
}

fn no_reason(_: &Call, _cid: Json) -> Result<&'static str, RpcError> {
    Ok("")
}

fn validate(call: &Call, tipset: TipsetParam) -> Result<bool, RpcError> {
    call.node.tipset(&tipset.0).map(|_| true)
}

fn checkpoint(call: &Call, tipset: TipsetParam) -> Result<(), RpcError> {
    call.node.tipset(&tipset.0).map(drop)
}

fn f3_is_running(_: &Call) -> Result<bool, RpcError> {
    Ok(false)
}

/// F3 is disabled (spec 10 §1.3).
const F3_DISABLED: i32 = 4;
/// The manager of payment channels is disabled.
const PAYCH_DISABLED: i32 = 13;

fn no_f3(
    _: &Call,
    _argument: Option<Json>,
    _other: Option<Json>,
    _third: Option<Json>,
) -> Result<(), RpcError> {
    Err(RpcError {
        code: F3_DISABLED,
        ..RpcError::failure("f3 is disabled")
    })
}

fn no_channels(
    _: &Call,
    _argument: Option<Json>,
    _second: Option<Json>,
    _third: Option<Json>,
    _fourth: Option<Json>,
) -> Result<(), RpcError> {
    Err(RpcError {
        code: PAYCH_DISABLED,
        ..RpcError::failure("payment channel manager is disabled")
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NodeStatus {
    sync_status: Value,
    peer_status: Value,
    chain_status: ChainStatus,
}

#[derive(Serialize)]
struct ChainStatus {
    #[serde(rename = "BlocksPerTipsetLast100")]
    last_100: f64,
    #[serde(rename = "BlocksPerTipsetLastFinality")]
    last_finality: f64,
}

fn node_status(call: &Call, chain: Option<bool>) -> Result<NodeStatus, RpcError> {
    let head = call.node.chain.head();
    // Blocks by the epochs in which they are, null rounds counted.
    let density = |epochs: i64| -> f64 {
        let first = head.height() - epochs;
        let mut blocks = 0;
        let mut at = Some(head.clone());
        while let Some(tipset) = at.take().filter(|tipset| tipset.height() > first) {
            blocks += tipset.tipset.blocks().len();
            at = call.node.chain.parent(&tipset);
        }
        blocks as f64 / epochs as f64
    };
    let included = chain.unwrap_or(false) && head.height() > 0;
    let of = |epochs: i64| match included {
        true => density(epochs.min(head.height())),
        false => 0.0,
    };
    Ok(NodeStatus {
        sync_status: json!({ "Epoch": head.height(), "Behind": 0 }),
        peer_status: json!({ "PeersToPublishMsgs": 0, "PeersToPublishBlocks": 0 }),
        chain_status: ChainStatus {
            last_100: of(100),
            last_finality: of(900),
        },
    })
}
