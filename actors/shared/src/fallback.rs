//! What accounts and multisigs do with methods that they do not have.

use boatyard_sdk::{ActorError, FIRST_EXPORTED_METHOD, Runtime, ensure};
use fvm_shared::MethodNum;

/// Accepts every exported method and does nothing, so that tokens and contracts
/// may call whoever holds a key (spec 01 §4, "fallback").
///
/// # Errors
/// `USR_UNHANDLED_MESSAGE` (22) for a method below 2^24.
pub fn accept_exported(rt: &impl Runtime, method: MethodNum) -> Result<(), ActorError> {
    rt.accept_any_caller()?;
    ensure!(
        method >= FIRST_EXPORTED_METHOD,
        USR_UNHANDLED_MESSAGE,
        "there is no method {method}"
    );
    Ok(())
}
