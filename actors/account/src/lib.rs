//! Account: the actor behind an f1 or f3 key. The machine creates it when the key's
//! address is first used; f099 (burnt funds) has this code too.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f00 | stores the address | here |
//! | PubkeyAddress | 2 | any built-in | gives it | here |
//! | AuthenticateMessage | 2643134072 | any | checks a signature of the key | here |
//! | (fallback) | ≥ 2^24 | any | succeeds without data | here |
//!
//! No exit codes of its own, no events.
//!
//! | module | answers |
//! |---|---|
//! | [`state`] | what the state holds |
//! | [`invariants`] | what must hold of it |
//!
//! Source: spec 01 §4.

use boatyard_actors_shared::ext::account::AuthenticateMessageParams;
use boatyard_actors_shared::{SYSTEM_ACTOR, fallback};
use boatyard_sdk::{ActorError, Runtime, actor, actor_error, ensure};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::MethodNum;
use fvm_shared::address::{Address, Protocol};
use fvm_shared::crypto::signature::SignatureType;

pub mod invariants;
pub mod state;

pub use state::State;

/// The actor behind a key.
pub struct Account;

#[actor(name = "account", state = State)]
impl Account {
    /// Stores the key address.
    ///
    /// # Errors
    /// | exit code | when |
    /// |---|---|
    /// | `USR_FORBIDDEN` (18) | the caller is not f00 |
    /// | `USR_ILLEGAL_ARGUMENT` (16) | the address is neither f1 nor f3 |
    /// | `USR_ILLEGAL_STATE` (20) | constructed already |
    #[method(1)]
    fn constructor(rt: &impl Runtime, address: Address) -> Result<(), ActorError> {
        rt.validate_caller_is(&[SYSTEM_ACTOR])?;
        ensure!(
            matches!(address.protocol(), Protocol::Secp256k1 | Protocol::BLS),
            USR_ILLEGAL_ARGUMENT,
            "{address} is not the address of a key"
        );
        rt.create(&State { address })
    }

    /// Gives the key address.
    #[method(2)]
    fn pubkey_address(rt: &impl Runtime) -> Result<Address, ActorError> {
        rt.accept_any_caller()?;
        let state: State = rt.state()?;
        Ok(state.address)
    }

    /// Checks that the key signed a message. Gives true or fails.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when there is no key (f099), `USR_ILLEGAL_ARGUMENT`
    /// (16) when the signature is not valid, whatever the reason.
    #[method(exported)]
    fn authenticate_message(
        rt: &impl Runtime,
        params: AuthenticateMessageParams,
    ) -> Result<bool, ActorError> {
        rt.accept_any_caller()?;
        let State { address } = rt.state()?;
        let kind = match address.protocol() {
            Protocol::Secp256k1 => SignatureType::Secp256k1,
            Protocol::BLS => SignatureType::BLS,
            _ => return Err(actor_error!(USR_ILLEGAL_STATE, "{address} has no key")),
        };
        rt.verify_signature(kind, &params.signature, &address, &params.message)?;
        Ok(true)
    }

    /// Succeeds for every exported method.
    #[fallback]
    fn fallback(
        rt: &impl Runtime,
        method: MethodNum,
        _params: Option<IpldBlock>,
    ) -> Result<(), ActorError> {
        fallback::accept_exported(rt, method)
    }
}

boatyard_sdk::entry!(Account);

#[cfg(test)]
mod tests;
