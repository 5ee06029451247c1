//! Asking a node.

use std::time::Duration;

use jsonrpsee::core::client::{ClientT, Error as ClientError};
use jsonrpsee::core::params::ArrayParams;
use jsonrpsee_http_client::{HttpClient, HttpClientBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::{Exit, Failure};

/// Where a node listens unless told otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:8545";

/// Answers of this size are still taken: full traces are large.
const MAX_RESPONSE: u32 = 1 << 30;

/// A chunk of code is 1 MiB, in base64 with its wrapping less than this.
const MAX_REQUEST: u32 = 64 << 20;

/// A connection to a node. Calls block.
pub struct Rpc {
    url: String,
    timeout: Duration,
    client: HttpClient,
    runtime: tokio::runtime::Runtime,
}

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The node says no.
    #[error("{message}")]
    Refused {
        /// Method that was called.
        method: String,
        /// JSON-RPC error code.
        code: i32,
        /// The node's words.
        message: String,
        /// What it gave besides.
        data: Option<Value>,
    },
    /// Nobody answers.
    #[error("{reason}")]
    Unreachable {
        /// Where nobody is.
        url: String,
        /// The system's words.
        reason: String,
    },
    /// The answer took too long.
    #[error("no answer to {method} within {seconds} s")]
    Timeout {
        /// Method that was called.
        method: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The answer is not what the method gives.
    #[error("{method}: {reason}")]
    Answer {
        /// Method that was called.
        method: String,
        /// What is wrong.
        reason: String,
    },
}

/// JSON-RPC code for a method that the node does not have.
const METHOD_NOT_FOUND: i32 = -32601;

impl RpcError {
    /// Whether the node does not have the method: another program's, perhaps.
    pub fn is_unknown_method(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if *code == METHOD_NOT_FOUND)
    }
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        match error {
            RpcError::Unreachable { url, reason } => {
                Failure::new(format!("no node answers at {url}"))
                    .why(reason)
                    .help("start one with `boatyard node`, or name another with --rpc URL or BOATYARD_RPC")
                    .exit(Exit::Unreachable)
            }
            RpcError::Refused { method, code, message, .. } if code == METHOD_NOT_FOUND => {
                Failure::new(format!("the node does not know {method}"))
                    .why(message)
                    .help("this command needs a Boatyard node; is --rpc another program's address?")
            }
            RpcError::Refused { message, .. } => Failure::new(message),
            RpcError::Timeout { .. } => Failure::new(error.to_string()).help(
                "a busy node may need longer: --timeout SECONDS; with --no-mining nothing happens until somebody mines (evm_mine)",
            ),
            RpcError::Answer { .. } => Failure::new("the node's answer cannot be read")
                .because(error)
                .help("is it a Boatyard node of this version?"),
        }
    }
}

impl Rpc {
    /// Prepares calls to `url`; nothing is sent yet.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, Failure> {
        let bad_url = |reason: String| {
            Failure::new(format!("`{url}` cannot be used as an RPC URL"))
                .why(reason)
                .help(format!("write it as {DEFAULT_URL}"))
        };
        if !url.contains("://") {
            return Err(bad_url("it does not begin with http://".into()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new("the RPC client could not start").because(error))?;
        let client = HttpClientBuilder::new()
            .max_request_size(MAX_REQUEST)
            .max_response_size(MAX_RESPONSE)
            .request_timeout(timeout)
            .build(url)
            .map_err(|error| bad_url(error.to_string()))?;
        Ok(Self {
            url: url.to_owned(),
            timeout,
            client,
            runtime,
        })
    }

    /// How long an answer may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Calls a method.
    ///
    /// # Errors
    /// See [`RpcError`].
    pub fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: impl IntoIterator<Item = Value>,
    ) -> Result<T, RpcError> {
        let answer = |reason: String| RpcError::Answer {
            method: method.to_owned(),
            reason,
        };
        let mut array = ArrayParams::new();
        for param in params {
            array
                .insert(param)
                .map_err(|error| answer(error.to_string()))?;
        }
        let value: Value = self
            .runtime
            .block_on(self.client.request(method, array))
            .map_err(|error| self.failed(method, error))?;
        serde_json::from_value(value).map_err(|error| answer(error.to_string()))
    }

    fn failed(&self, method: &str, error: ClientError) -> RpcError {
        match error {
            ClientError::Call(error) => RpcError::Refused {
                method: method.to_owned(),
                code: error.code(),
                message: error.message().to_owned(),
                data: error
                    .data()
                    .and_then(|data| serde_json::from_str(data.get()).ok()),
            },
            ClientError::RequestTimeout => RpcError::Timeout {
                method: method.to_owned(),
                seconds: self.timeout.as_secs(),
            },
            ClientError::Transport(error) => RpcError::Unreachable {
                url: self.url.clone(),
                reason: innermost(&*error),
            },
            other => RpcError::Answer {
                method: method.to_owned(),
                reason: other.to_string(),
            },
        }
    }
}

/// The reason behind all the wrappings of an HTTP client's error.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_scheme_is_refused_with_an_example() {
        let error = Rpc::new("127.0.0.1:8545", Duration::from_secs(1))
            .err()
            .unwrap();
        assert_eq!(
            error.to_json()["error"]["help"],
            "write it as http://127.0.0.1:8545"
        );
    }

    #[test]
    fn a_dead_node_is_answered_with_how_to_start_one() {
        // Port 1 of this machine: nobody listens there.
        let rpc = Rpc::new("http://127.0.0.1:1", Duration::from_secs(5)).unwrap();
        let failure = Failure::from(rpc.call::<Value>("eth_chainId", []).unwrap_err());
        let shown = failure.to_json();
        assert_eq!(shown["exit_code"], 4);
        assert!(
            shown["error"]["help"]
                .as_str()
                .unwrap()
                .contains("boatyard node"),
            "{shown}"
        );
    }
}
