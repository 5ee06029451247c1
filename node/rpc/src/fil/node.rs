//! Version, network name, tokens.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::call::{Call, Path};
use crate::error::RpcError;
use crate::params::Text;
use crate::registry::{Method, Permission, methods};
use crate::stream::{Protocol, Source};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Version of the node and of its API.
        ["Filecoin.Version"]
        () -> "Version" = compute version;

        /// Name of the network.
        ["Filecoin.StateNetworkName"]
        () -> "text" = compute network_name;

        /// A token for the header `Authorization` that allows `read`, `write`, `sign` or `admin`.
        /// A node that was started without a token asks nobody for one.
        ["Filecoin.AuthNew"]
        (permissions: Option<Vec<Text>>) -> "base64 bytes" [Admin] = compute auth_new;

        /// What a token allows.
        ["Filecoin.AuthVerify"]
        (token: Text) -> "texts" = compute auth_verify;

        /// Changes whenever the node is started.
        ["Filecoin.Session"]
        () -> "text" = compute session;

        /// When serving began.
        ["Filecoin.StartTime"]
        () -> "time" = compute start_time;

        /// Stops the node.
        ["Filecoin.Shutdown"]
        () -> "null" [Admin] = compute shutdown;

        /// What can be logged.
        ["Filecoin.LogList"]
        () -> "texts" [Write] = compute log_list;

        /// Alerts: none.
        ["Filecoin.LogAlerts"]
        () -> "list" [Admin] = compute log_alerts;

        /// A channel that is closed when the node stops.
        ["Filecoin.Closing"]
        () -> "channel" = stream closing;
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
    #[serde(rename = "APIVersion")]
    api_version: u32,
    block_delay: u64,
    agent: String,
}

/// Version 2.3.0 of the API on v1 and v2, 1.5.0 on v0; clients refuse others.
fn version(call: &Call) -> Result<Version, RpcError> {
    let version = concat!("boatyard-", env!("CARGO_PKG_VERSION"));
    Ok(Version {
        version: version.into(),
        api_version: match call.path {
            Path::V0 => 1 << 16 | 5 << 8,
            Path::V1 | Path::V2 => 2 << 16 | 3 << 8,
        },
        block_delay: call.node.chain.config().block_time_secs,
        agent: version.into(),
    })
}

fn network_name(call: &Call) -> Result<String, RpcError> {
    Ok(call.node.chain.config().network_name.clone())
}

fn auth_new(call: &Call, permissions: Option<Vec<Text>>) -> Result<String, RpcError> {
    let mut allow = Vec::new();
    for name in permissions.unwrap_or_default() {
        allow.push(Permission::named(&name.0).ok_or_else(|| {
            RpcError::failure(format!(
                "unknown permission {}; there are read, write, sign and admin",
                crate::error::quote(&name.0)
            ))
        })?);
    }
    Ok(STANDARD.encode(call.node.gate.issue(&allow)))
}

fn auth_verify(call: &Call, token: Text) -> Result<Vec<&'static str>, RpcError> {
    let allowed = call
        .node
        .gate
        .verify(&token.0)
        .map_err(|_| RpcError::failure("the token is not one of this node's"))?;
    Ok(allowed
        .into_iter()
        .map(|permission| permission.name())
        .collect())
}

fn session(call: &Call) -> Result<String, RpcError> {
    // A UUID's form; what matters is that another start gives another one.
    let since_epoch = call.node.started.0.duration_since(std::time::UNIX_EPOCH);
    let id = call.node.chain.instance_id();
    let seed = [
        id.as_slice(),
        &since_epoch.unwrap_or_default().as_nanos().to_be_bytes(),
    ]
    .concat();
    let hex = hex::encode(&alloy::primitives::keccak256(seed)[..16]);
    Ok([
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-"))
}

fn start_time(call: &Call) -> Result<String, RpcError> {
    Ok(humantime::format_rfc3339_seconds(call.node.started.0).to_string())
}

fn shutdown(call: &Call) -> Result<(), RpcError> {
    call.node.ask_to_stop();
    Ok(())
}

fn log_list(_: &Call) -> Result<[&'static str; 4], RpcError> {
    Ok([
        "boatyard_rpc",
        "boatyard_chain",
        "boatyard_vm",
        boatyard_chain::console::TARGET,
    ])
}

fn log_alerts(_: &Call) -> Result<[(); 0], RpcError> {
    Ok([])
}

fn closing(call: &Call) -> Result<Source, RpcError> {
    let node = call.node.clone();
    Ok(Source::new(Protocol::Channel, async move |_outlet| {
        node.stopping().await
    }))
}
