//! From a method number and a block to a method, and back to a block.
//!
//! `#[actor]` writes an [`Actor`] implementation out of these pieces. The order of
//! the steps is observable (spec 00 §7): gate, lookup, parameters, body, caller
//! validation, return value.

use fvm_ipld_encoding::CBOR;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::MethodNum;
use fvm_shared::error::ExitCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::abi::ActorAbi;
use crate::ensure;
use crate::error::{ActorError, Context};
use crate::host::Host;
use crate::network::Type;
use crate::runtime::Runtime;

/// The first method number that any actor may call (FRC-0042).
pub const FIRST_EXPORTED_METHOD: MethodNum = 1 << 24;

/// An actor: its table of methods and its description. `#[actor]` implements it.
pub trait Actor {
    /// The actor's description.
    const ABI: ActorAbi;

    /// Runs a method and gives its return block.
    fn invoke<RT: Runtime>(
        rt: &RT,
        method: MethodNum,
        params: Option<IpldBlock>,
    ) -> Result<Option<IpldBlock>, ActorError>;

    /// Runs when the actor's code was replaced by this one. Actors without an
    /// `#[upgrade]` method refuse with `USR_UNHANDLED_MESSAGE` (22).
    fn upgrade<RT: Runtime>(
        rt: &RT,
        old_code: cid::Cid,
        params: Option<IpldBlock>,
    ) -> Result<Option<IpldBlock>, ActorError> {
        let _ = (rt, old_code, params);
        Err(ActorError::new(
            ExitCode::USR_UNHANDLED_MESSAGE,
            "this code accepts no upgrade",
        ))
    }
}

/// Step 1: methods below 2^24 are for built-in callers other than EVM contracts.
///
/// # Errors
/// `USR_FORBIDDEN` (18).
pub fn gate(rt: &impl Runtime, method: MethodNum) -> Result<(), ActorError> {
    if method >= FIRST_EXPORTED_METHOD {
        return Ok(());
    }
    let caller = rt.message().caller;
    let kind = rt.type_of(caller);
    ensure!(
        kind.is_some_and(|kind| kind != Type::Evm),
        USR_FORBIDDEN,
        "method {method} is for built-in actors; f0{caller} is none (contracts call methods from {FIRST_EXPORTED_METHOD} on)"
    );
    Ok(())
}

/// Step 3 for a method with parameters.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) without a block, `USR_SERIALIZATION` (21) when it
/// does not decode.
pub fn params<T: DeserializeOwned>(block: Option<IpldBlock>) -> Result<T, ActorError> {
    block
        .or_exit(
            ExitCode::USR_ILLEGAL_ARGUMENT,
            "the method takes parameters, none were passed",
        )?
        .deserialize()
        .or_exit(ExitCode::USR_SERIALIZATION, "the parameters do not decode")
}

/// Step 3 for a method without parameters.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) with any block, even an empty one.
pub fn no_params(block: Option<IpldBlock>) -> Result<(), ActorError> {
    ensure!(
        block.is_none(),
        USR_ILLEGAL_ARGUMENT,
        "the method takes no parameters"
    );
    Ok(())
}

/// A method that nobody has.
pub fn unknown(method: MethodNum) -> ActorError {
    ActorError::new(
        ExitCode::USR_UNHANDLED_MESSAGE,
        format!("there is no method {method}"),
    )
}

/// Step 5: the caller must have been validated.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24).
pub fn finished(rt: &impl Runtime) -> Result<(), ActorError> {
    ensure!(
        rt.guard().caller_validated(),
        USR_ASSERTION_FAILED,
        "the method did not validate its caller"
    );
    Ok(())
}

/// What a method's return value becomes.
pub trait Return {
    /// The return block.
    fn into_block(self) -> Result<Option<IpldBlock>, ActorError>;
}

/// Nothing: no block at all.
impl Return for () {
    fn into_block(self) -> Result<Option<IpldBlock>, ActorError> {
        Ok(None)
    }
}

/// A block made by the method itself.
impl Return for Option<IpldBlock> {
    fn into_block(self) -> Result<Option<IpldBlock>, ActorError> {
        Ok(self)
    }
}

/// Any other value, as a CBOR block (codec 0x51).
pub struct Value<T>(pub T);

impl<T: Serialize> Return for Value<T> {
    fn into_block(self) -> Result<Option<IpldBlock>, ActorError> {
        IpldBlock::serialize(CBOR, &self.0).map(Some).or_exit(
            ExitCode::USR_SERIALIZATION,
            "the return value cannot be encoded",
        )
    }
}

/// The FRC-0042 number of a method name: the first big-endian 32-bit word of
/// BLAKE2b-512("1|" ‖ name) that is at least 2^24. `Constructor` is 1.
///
/// ```
/// assert_eq!(boatyard_sdk::method_number("AuthenticateMessage"), 2643134072);
/// ```
pub fn method_number(name: &str) -> MethodNum {
    if name == "Constructor" {
        return fvm_shared::METHOD_CONSTRUCTOR;
    }
    let digest = blake2b_simd::blake2b(format!("1|{name}").as_bytes());
    digest
        .as_bytes()
        .chunks_exact(4)
        .map(|word| MethodNum::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]])))
        .find(|number| *number >= FIRST_EXPORTED_METHOD)
        .expect("sixteen words below 2^24 in one digest do not occur")
}

/// Runs one call on a host, as every machine does it.
///
/// # Errors
/// Whatever the method fails with.
pub fn run<A: Actor, H: Host>(
    host: H,
    params: Option<IpldBlock>,
) -> Result<Option<IpldBlock>, ActorError> {
    let rt = crate::runtime::ActorRuntime::new(host);
    let method = rt.message().method;
    A::invoke(&rt, method, params)
}
