//! Ethereum address manager, f010: deploys EVM contracts at the addresses that
//! Ethereum would give them. Created at genesis.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f00 | nothing to store | here |
//! | Create | 2 | EVM contracts | the CREATE instruction | [`deploy`] |
//! | Create2 | 3 | EVM contracts | the CREATE2 instruction | [`deploy`] |
//! | CreateExternal | 4 | the sender of the message | deployment by an account | [`deploy`] |
//!
//! No state, exit codes, events or invariants; no gate for methods below 2^24.
//!
//! | module | answers |
//! |---|---|
//! | [`address`] | which address a contract gets |
//!
//! Source: spec 01 §7.

use boatyard_actors_shared::ext::eam::{Create2Params, CreateParams, Return};
use boatyard_actors_shared::{EAM_ACTOR_ID, SYSTEM_ACTOR};
use boatyard_sdk::{ActorError, Runtime, actor, ensure};
use fvm_ipld_encoding::RawBytes;

pub mod address;
pub mod deploy;

/// Deploys EVM contracts.
pub struct Eam;

#[actor(name = "eam", unrestricted)]
impl Eam {
    /// Checks where it is; stores nothing.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when this is not f010 or the caller is not f00.
    #[method(1)]
    fn constructor(rt: &impl Runtime) -> Result<(), ActorError> {
        ensure!(
            rt.message().receiver == EAM_ACTOR_ID,
            USR_FORBIDDEN,
            "the Ethereum address manager must be f0{EAM_ACTOR_ID}"
        );
        rt.validate_caller_is(&[SYSTEM_ACTOR])
    }

    /// Deploys at the address that CREATE gives a contract with some nonce.
    #[method(2)]
    fn create(rt: &impl Runtime, params: CreateParams) -> Result<Return, ActorError> {
        deploy::create(rt, params)
    }

    /// Deploys at the address that CREATE2 gives a contract with some salt.
    #[method(3)]
    fn create2(rt: &impl Runtime, params: Create2Params) -> Result<Return, ActorError> {
        deploy::create2(rt, params)
    }

    /// Deploys for the account that sent the message.
    #[method(4)]
    fn create_external(rt: &impl Runtime, initcode: RawBytes) -> Result<Return, ActorError> {
        deploy::create_external(rt, initcode)
    }
}

boatyard_sdk::entry!(Eam);
