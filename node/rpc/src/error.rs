//! What a client is told when a call fails.

use jsonrpsee::types::ErrorObjectOwned;
use serde_json::Value;

/// An error object of JSON-RPC: code, message and data as clients expect them
/// (spec 10 §1.3).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct RpcError {
    /// One of the constants in [`code`].
    pub code: i32,
    /// What happened and, where there is a remedy, what to do.
    pub message: String,
    /// Revert data, epochs and the like.
    pub data: Option<Value>,
}

/// The error codes in use (spec 10 §1.3).
pub mod code {
    /// Any failure without a code of its own.
    pub const APPLICATION: i32 = 1;
    /// Estimating gas: the message ran out of gas.
    pub const OUT_OF_GAS: i32 = 2;
    /// The message reverted; `data` holds the revert bytes.
    pub const EXECUTION_REVERTED: i32 = 3;
    /// No such actor.
    pub const ACTOR_NOT_FOUND: i32 = 11;
    /// The epoch has no tipset; `data` is the epoch.
    pub const NULL_ROUND: i32 = 12;
    /// The range of blocks is too long.
    pub const RANGE_TOO_LONG: i32 = -32005;
    /// There is no such method.
    pub const METHOD_NOT_FOUND: i32 = -32601;
    /// Parameters are missing or cannot be read.
    pub const INVALID_PARAMS: i32 = -32602;
}

/// Longest text of a client that an error repeats, in characters.
const LONGEST_QUOTE: usize = 120;

impl RpcError {
    /// An ordinary failure, code 1.
    pub fn failure(message: impl Into<String>) -> Self {
        Self {
            code: code::APPLICATION,
            message: message.into(),
            data: None,
        }
    }

    /// Parameters that are missing or cannot be read.
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self {
            code: code::INVALID_PARAMS,
            message: message.into(),
            data: None,
        }
    }

    /// An unknown method.
    pub fn method_not_found(name: &str) -> Self {
        Self {
            code: code::METHOD_NOT_FOUND,
            message: format!("method '{}' not found", quote(name)),
            data: None,
        }
    }

    /// A message that reverted with these bytes.
    pub fn reverted(message: impl Into<String>, data: &[u8]) -> Self {
        Self {
            code: code::EXECUTION_REVERTED,
            message: message.into(),
            data: Some(Value::String(format!("0x{}", hex::encode(data)))),
        }
    }

    /// A message that ran out of gas while its limit was being searched for.
    pub fn out_of_gas(message: impl Into<String>) -> Self {
        Self {
            code: code::OUT_OF_GAS,
            message: message.into(),
            data: None,
        }
    }

    /// An address without an actor.
    pub fn actor_not_found(what: impl std::fmt::Display) -> Self {
        Self {
            code: code::ACTOR_NOT_FOUND,
            message: format!("actor not found: {what}"),
            data: None,
        }
    }

    /// An epoch without a tipset, where one was asked for by number.
    pub fn null_round(epoch: i64) -> Self {
        Self {
            code: code::NULL_ROUND,
            message: format!("requested epoch was a null round ({epoch})"),
            data: Some(epoch.into()),
        }
    }

    /// More epochs than one request may cover.
    pub fn range_too_long(maximum: i64, got: i64) -> Self {
        Self {
            code: code::RANGE_TOO_LONG,
            message: format!("block range exceeds maximum of {maximum} (got {got})"),
            data: None,
        }
    }

    /// The same error with words put before its message.
    pub fn context(mut self, before: &str) -> Self {
        self.message = format!("{before}: {}", self.message);
        self
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        ErrorObjectOwned::owned(error.code, error.message, error.data)
    }
}

/// Text of a client, cut to a length that an error message can carry.
pub(crate) fn quote(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST_QUOTE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revert_data_is_a_hex_string() {
        let error = RpcError::reverted("execution reverted", &[0x08, 0xc3]);
        let object = ErrorObjectOwned::from(error);
        assert_eq!(
            serde_json::to_string(&object).unwrap(),
            r#"{"code":3,"message":"execution reverted","data":"0x08c3"}"#
        );
    }

    #[test]
    fn a_long_name_is_not_repeated_in_full() {
        let message = RpcError::method_not_found(&"x".repeat(10_000)).message;
        assert!(message.len() < 200, "{message}");
    }
}
