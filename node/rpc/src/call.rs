//! What a method knows about the request that it answers.

use std::sync::Arc;

use jsonrpsee::server::ConnectionId;

use crate::node::Node;

/// The API version, chosen by the URL's path (spec 10 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Path {
    /// `/rpc/v0`
    V0,
    /// `/rpc/v1`, and `/` for tools whose URLs have no path.
    V1,
    /// `/rpc/v2`
    V2,
}

impl Path {
    /// The version behind a URL path; `None` for a path that is not served.
    pub fn of(path: &str) -> Option<Self> {
        match path.trim_end_matches('/') {
            "" | "/rpc/v1" => Some(Path::V1),
            "/rpc/v0" => Some(Path::V0),
            "/rpc/v2" => Some(Path::V2),
            _ => None,
        }
    }
}

/// How the request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One HTTP request, one answer.
    Http,
    /// A socket that stays open, on which streams are possible.
    WebSocket,
}

/// One request on its way to a method.
#[derive(Clone)]
pub struct Call {
    /// The node that is asked.
    pub node: Arc<Node>,
    /// On which path.
    pub path: Path,
    /// Over which WebSocket; none for HTTP.
    pub socket: Option<ConnectionId>,
}
