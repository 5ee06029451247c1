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
    /// The phrases that Ethereum tools look for; left out by a node that answers as
    /// Lotus does.
    pub hint: Option<String>,
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
            hint: None,
        }
    }

    /// Parameters that are missing or cannot be read.
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self {
            code: code::INVALID_PARAMS,
            message: message.into(),
            data: None,
            hint: None,
        }
    }

    /// An unknown method.
    pub fn method_not_found(name: &str) -> Self {
        Self {
            code: code::METHOD_NOT_FOUND,
            message: format!("method '{}' not found", quote(name)),
            data: None,
            hint: None,
        }
    }

    /// A message that reverted with these bytes.
    pub fn reverted(message: impl Into<String>, data: &[u8]) -> Self {
        Self {
            code: code::EXECUTION_REVERTED,
            message: message.into(),
            data: Some(Value::String(format!("0x{}", hex::encode(data)))),
            hint: None,
        }
    }

    /// A message that ran out of gas while its limit was being searched for.
    pub fn out_of_gas(message: impl Into<String>) -> Self {
        Self {
            code: code::OUT_OF_GAS,
            message: message.into(),
            data: None,
            hint: None,
        }
    }

    /// An address without an actor.
    pub fn actor_not_found(what: impl std::fmt::Display) -> Self {
        Self {
            code: code::ACTOR_NOT_FOUND,
            message: format!("actor not found: {what}"),
            data: None,
            hint: None,
        }
    }

    /// An epoch without a tipset, where one was asked for by number.
    pub fn null_round(epoch: i64) -> Self {
        Self {
            code: code::NULL_ROUND,
            message: format!("requested epoch was a null round ({epoch})"),
            data: Some(epoch.into()),
            hint: None,
        }
    }

    /// More epochs than one request may cover.
    pub fn range_too_long(maximum: i64, got: i64) -> Self {
        Self {
            code: code::RANGE_TOO_LONG,
            message: format!("block range exceeds maximum of {maximum} (got {got})"),
            data: None,
            hint: None,
        }
    }

    /// A method that a token would have to allow.
    pub fn permission(name: &str, needed: &str) -> Self {
        Self {
            hint: Some("send a token of this node that allows it".into()),
            ..Self::failure(format!(
                "missing permission to invoke '{}' (need '{needed}')",
                quote(name)
            ))
        }
    }

    /// The same error with the phrases of Ethereum tools.
    pub fn hint(mut self, phrases: impl Into<String>) -> Self {
        self.hint = Some(phrases.into());
        self
    }

    /// The error object for a client, with or without what Lotus does not say.
    pub fn into_object(self, strict: bool) -> ErrorObjectOwned {
        let message = match self.hint.filter(|_| !strict) {
            Some(hint) => format!("{}: {hint}", self.message),
            None => self.message,
        };
        ErrorObjectOwned::owned(self.code, message, self.data)
    }

    /// The same error with words put before its message.
    pub fn context(mut self, before: &str) -> Self {
        self.message = format!("{before}: {}", self.message);
        self
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
        let object = error.into_object(false);
        assert_eq!(
            serde_json::to_string(&object).unwrap(),
            r#"{"code":3,"message":"execution reverted","data":"0x08c3"}"#
        );
    }

    #[test]
    fn what_lotus_does_not_say_is_left_out_when_asked() {
        let error = RpcError::failure("not enough funds").hint("insufficient funds");
        assert_eq!(
            error.clone().into_object(false).message(),
            "not enough funds: insufficient funds"
        );
        assert_eq!(error.into_object(true).message(), "not enough funds");
    }

    #[test]
    fn a_long_name_is_not_repeated_in_full() {
        let message = RpcError::method_not_found(&"x".repeat(10_000)).message;
        assert!(message.len() < 200, "{message}");
    }
}
