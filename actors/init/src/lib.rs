//! Init actor, f01: hands out IDs, keeps the map from addresses to IDs for ever,
//! creates actors. Created at genesis.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f00 | names the network | here |
//! | Exec | 2 | any built-in | creates a multisig, a payment channel, or (for power) a miner | [`exec`] |
//! | Exec4 | 3 | f010 | creates an actor at an f4 address | [`exec`] |
//!
//! No exit codes of its own, no events. On devnets `Exec` also creates actors from
//! code that users installed in the registry (f08); see [`exec`].
//!
//! | module | answers |
//! |---|---|
//! | [`state`] | what the state holds, and how an address gets its ID |
//! | [`types`] | parameters and returns |
//! | [`invariants`] | what must hold of the state |
//!
//! Source: spec 01 §2.

use boatyard_actors_shared::SYSTEM_ACTOR;
use boatyard_sdk::{ActorError, Runtime, actor};

pub mod exec;
pub mod invariants;
pub mod state;
pub mod types;

pub use state::State;
pub use types::{ConstructorParams, Exec4Params, ExecParams, ExecReturn};

/// Creates actors.
pub struct Init;

#[actor(name = "init", state = State)]
impl Init {
    /// Names the network; no address is known yet.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the caller is not f00, `USR_ILLEGAL_STATE` (20)
    /// when constructed already.
    #[method(1)]
    fn constructor(rt: &impl Runtime, params: ConstructorParams) -> Result<(), ActorError> {
        rt.validate_caller_is(&[SYSTEM_ACTOR])?;
        let state = State::new(rt.store(), params.network_name)?;
        rt.create(&state)
    }

    /// Creates an actor at a new ID and runs its constructor.
    #[method(2)]
    fn exec(rt: &impl Runtime, params: ExecParams) -> Result<ExecReturn, ActorError> {
        exec::exec(rt, params)
    }

    /// Creates an actor at an f4 address of the caller's namespace, perhaps over a
    /// placeholder, and runs its constructor.
    #[method(3)]
    fn exec4(rt: &impl Runtime, params: Exec4Params) -> Result<ExecReturn, ActorError> {
        exec::exec4(rt, params)
    }
}

boatyard_sdk::entry!(Init);
