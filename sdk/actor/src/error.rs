//! Why a method failed: an exit code, a sentence, and perhaps data for the caller.

use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::Response;
use fvm_shared::error::{ErrorNumber, ExitCode};
use serde::de::DeserializeOwned;

/// A failure of an actor method.
///
/// Ends the call with [`exit_code`](Self::exit_code); the message is for people,
/// the data (if any) reaches the caller (spec 00 §10.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorError {
    exit_code: ExitCode,
    message: String,
    data: Option<IpldBlock>,
}

impl ActorError {
    /// A failure without data.
    pub fn new(exit_code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            exit_code,
            message: message.into(),
            data: None,
        }
    }

    /// A failure whose data the caller sees.
    pub fn with_data(
        exit_code: ExitCode,
        message: impl Into<String>,
        data: Option<IpldBlock>,
    ) -> Self {
        Self {
            exit_code,
            message: message.into(),
            data,
        }
    }

    /// The code with which the call ends.
    pub fn exit_code(&self) -> ExitCode {
        self.exit_code
    }

    /// What happened, for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the caller gets to see besides the code.
    pub fn data(&self) -> Option<&IpldBlock> {
        self.data.as_ref()
    }

    /// The parts, for a machine that ends the call with them.
    pub fn into_parts(self) -> (ExitCode, String, Option<IpldBlock>) {
        (self.exit_code, self.message, self.data)
    }

    /// The same failure with words in front; code and data stay.
    pub fn context(mut self, words: impl std::fmt::Display) -> Self {
        self.message = format!("{words}: {}", self.message);
        self
    }

    /// The same words under another code; the data is dropped (spec 00 §10.3).
    pub fn with_code(self, exit_code: ExitCode) -> Self {
        Self {
            exit_code,
            message: self.message,
            data: None,
        }
    }
}

impl std::fmt::Display for ActorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (exit code {})", self.message, self.exit_code.value())
    }
}

impl std::error::Error for ActorError {}

/// Builds an [`ActorError`] from one of the `USR_…` codes of [`ExitCode`] (or any
/// expression of that type) and a format string.
///
/// ```
/// # use boatyard_sdk::actor_error;
/// let error = actor_error!(USR_FORBIDDEN, "{} may not do this", 7);
/// assert_eq!(error.exit_code().value(), 18);
/// ```
#[macro_export]
macro_rules! actor_error {
    ($code:ident, $($words:tt)+) => {{
        #[allow(unused_imports)]
        use $crate::exit_codes::*;
        $crate::ActorError::new($code, format!($($words)+))
    }};
}

/// Leaves the function with an [`ActorError`] unless the condition holds.
///
/// ```
/// # use boatyard_sdk::{ensure, ActorError};
/// fn positive(n: i64) -> Result<i64, ActorError> {
///     ensure!(n > 0, USR_ILLEGAL_ARGUMENT, "{n} is not positive");
///     Ok(n)
/// }
/// assert_eq!(positive(-1).unwrap_err().exit_code().value(), 16);
/// ```
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $code:ident, $($words:tt)+) => {
        if !$condition {
            return Err($crate::actor_error!($code, $($words)+));
        }
    };
}

/// The exit codes by their protocol names, for [`actor_error!`] and [`ensure!`].
pub mod exit_codes {
    use fvm_shared::error::ExitCode;

    macro_rules! names {
        ($($name:ident),+ $(,)?) => {
            $(
                #[doc = concat!("See [`ExitCode::", stringify!($name), "`].")]
                pub const $name: ExitCode = ExitCode::$name;
            )+
        };
    }

    names!(
        USR_ILLEGAL_ARGUMENT,
        USR_NOT_FOUND,
        USR_FORBIDDEN,
        USR_INSUFFICIENT_FUNDS,
        USR_ILLEGAL_STATE,
        USR_SERIALIZATION,
        USR_UNHANDLED_MESSAGE,
        USR_UNSPECIFIED,
        USR_ASSERTION_FAILED,
        USR_READ_ONLY,
        USR_NOT_PAYABLE,
    );
}

/// Turns any displayable error into an [`ActorError`] with a chosen code.
pub trait Context<T> {
    /// Fails with `exit_code` and these words in front of the cause.
    fn or_exit(self, exit_code: ExitCode, words: impl std::fmt::Display) -> Result<T, ActorError>;
}

impl<T, E: std::fmt::Display> Context<T> for Result<T, E> {
    fn or_exit(self, exit_code: ExitCode, words: impl std::fmt::Display) -> Result<T, ActorError> {
        self.map_err(|cause| ActorError::new(exit_code, format!("{words}: {cause}")))
    }
}

impl<T> Context<T> for Option<T> {
    fn or_exit(self, exit_code: ExitCode, words: impl std::fmt::Display) -> Result<T, ActorError> {
        self.ok_or_else(|| ActorError::new(exit_code, words.to_string()))
    }
}

/// What became of a send: dispatched with a response, or refused by the machine.
///
/// Most callers want [`SendResult::success`]; those that treat failures in their
/// own way look at the variants.
pub type SendResult = Result<Response, ErrorNumber>;

/// The standard way to read a [`SendResult`] (spec 00 §10.2).
pub trait SendResultExt {
    /// The returned block; a failure becomes an error with the callee's code
    /// (system codes mapped to 23 or 24) and its data.
    fn success(self) -> Result<Option<IpldBlock>, ActorError>;

    /// The returned value; no block is [`ExitCode::USR_ASSERTION_FAILED`], one
    /// that does not decode [`ExitCode::USR_SERIALIZATION`].
    fn value<T: DeserializeOwned>(self) -> Result<T, ActorError>;
}

impl SendResultExt for SendResult {
    fn success(self) -> Result<Option<IpldBlock>, ActorError> {
        match self {
            Ok(response) if response.exit_code.is_success() => Ok(response.return_data),
            Ok(response) => Err(ActorError::with_data(
                propagated_code(response.exit_code),
                format!(
                    "the called actor failed with exit code {}",
                    response.exit_code.value()
                ),
                response.return_data,
            )),
            Err(refusal) => Err(ActorError::new(
                refused_code(refusal),
                format!("the call was not made: {refusal}"),
            )),
        }
    }

    fn value<T: DeserializeOwned>(self) -> Result<T, ActorError> {
        decode_return(self.success()?)
    }
}

/// Decodes a return block that must be there.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) without a block, `USR_SERIALIZATION` (21) when it
/// does not decode. Source: spec 00 §10.2.
pub fn decode_return<T: DeserializeOwned>(block: Option<IpldBlock>) -> Result<T, ActorError> {
    block
        .or_exit(
            ExitCode::USR_ASSERTION_FAILED,
            "the called actor returned nothing",
        )?
        .deserialize()
        .or_exit(
            ExitCode::USR_SERIALIZATION,
            "the returned value does not decode",
        )
}

/// The code under which an actor passes on a callee's code.
pub fn propagated_code(code: ExitCode) -> ExitCode {
    match code.value() {
        4 | 9 | 11 => ExitCode::USR_UNSPECIFIED,
        system if system < ExitCode::FIRST_USER_EXIT_CODE => ExitCode::USR_ASSERTION_FAILED,
        _ => code,
    }
}

/// The code under which an actor passes on a send that was not made (spec 00 §9).
pub fn refused_code(refusal: ErrorNumber) -> ExitCode {
    match refusal {
        ErrorNumber::NotFound => ExitCode::USR_UNSPECIFIED,
        ErrorNumber::InsufficientFunds => ExitCode::USR_INSUFFICIENT_FUNDS,
        ErrorNumber::ReadOnly => ExitCode::USR_READ_ONLY,
        _ => ExitCode::USR_ASSERTION_FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_codes_of_a_callee_never_pass_through() {
        for (callee, seen) in [
            (4, 23),
            (5, 24),
            (6, 24),
            (7, 24),
            (9, 23),
            (10, 24),
            (11, 23),
            (16, 16),
            (33, 33),
        ] {
            assert_eq!(
                propagated_code(ExitCode::new(callee)).value(),
                seen,
                "{callee}"
            );
        }
    }

    #[test]
    fn a_callees_data_travels_with_its_code() {
        let data = IpldBlock::serialize_cbor(&"why").unwrap();
        let response = Response {
            exit_code: ExitCode::new(33),
            return_data: data.clone(),
        };
        let error = Ok(response).success().unwrap_err();
        assert_eq!(
            (error.exit_code().value(), error.data()),
            (33, data.as_ref())
        );
        assert_eq!(error.with_code(ExitCode::USR_FORBIDDEN).data(), None);
    }

    #[test]
    fn a_missing_return_is_no_decoding_failure() {
        let empty = Response {
            exit_code: ExitCode::OK,
            return_data: None,
        };
        assert_eq!(
            Ok(empty).value::<u64>().unwrap_err().exit_code().value(),
            24
        );
        let text = Response {
            exit_code: ExitCode::OK,
            return_data: IpldBlock::serialize_cbor(&"text").unwrap(),
        };
        assert_eq!(Ok(text).value::<u64>().unwrap_err().exit_code().value(), 21);
    }
}
