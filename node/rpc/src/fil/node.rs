//! Version, network name, tokens.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::{Call, Path};
use crate::error::RpcError;
use crate::params::Text;
use crate::registry::{Method, methods};
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

        /// A token for the header `Authorization`. The node asks nobody for one.
        ["Filecoin.AuthNew"]
        (permissions: Option<Vec<Text>>) -> "base64 bytes" = compute auth_new;

        /// The permissions in a token; everything for a token of somebody else.
        ["Filecoin.AuthVerify"]
        (token: Text) -> "texts" = compute auth_verify;

        /// Changes whenever the node is started.
        ["Filecoin.Session"]
        () -> "text" = compute session;

        /// When serving began.
        ["Filecoin.StartTime"]
        () -> "time" = compute start_time;

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

/// All permissions there are.
const PERMISSIONS: [&str; 4] = ["read", "write", "sign", "admin"];

fn auth_new(_: &Call, permissions: Option<Vec<Text>>) -> Result<String, RpcError> {
    let permissions = permissions.unwrap_or_default();
    let allow: Vec<&str> = permissions.iter().map(|text| text.0.as_str()).collect();
    if let Some(unknown) = allow
        .iter()
        .find(|permission| !PERMISSIONS.contains(permission))
    {
        return Err(RpcError::failure(format!(
            "unknown permission {}; there are read, write, sign and admin",
            crate::error::quote(unknown)
        )));
    }
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    // Unsigned: whoever reaches the port may do everything anyway.
    let token = format!(
        "{}.{}.",
        part(json!({ "alg": "none", "typ": "JWT" })),
        part(json!({ "Allow": allow }))
    );
    Ok(STANDARD.encode(token))
}

fn auth_verify(_: &Call, token: Text) -> Result<Vec<String>, RpcError> {
    let allowed = token
        .0
        .split('.')
        .nth(1)
        .and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok())
        .and_then(|payload| serde_json::from_slice::<Value>(&payload).ok())
        .and_then(|payload| serde_json::from_value(payload.get("Allow")?.clone()).ok());
    Ok(allowed.unwrap_or_else(|| PERMISSIONS.iter().map(|text| text.to_string()).collect()))
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

fn closing(call: &Call) -> Result<Source, RpcError> {
    let node = call.node.clone();
    Ok(Source::new(Protocol::Channel, async move |_outlet| {
        node.stopping().await
    }))
}
