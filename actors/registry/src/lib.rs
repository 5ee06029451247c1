//! Code registry, f08: lets anybody on a devnet install actor code of their own.
//!
//! Not an actor of the protocol. Its ID is one that the protocol leaves unused, its
//! code is not in the manifest, and networks other than devnets do without it.
//!
//! | method | caller | purpose | done in |
//! |---|---|---|---|
//! | Constructor (1) | f00 | begins empty, at genesis | here |
//! | Install | any | a whole module | [`install`] |
//! | BeginUpload | any | announces a module that comes in chunks | [`upload`] |
//! | AppendUpload | any | the next chunk | [`upload`] |
//! | CommitUpload | any | all chunks are there | [`upload`] |
//! | AbortUpload | any | forgets an upload | [`upload`] |
//! | IsInstalled | any | for the init actor's `Exec` | [`install`] |
//! | CodeInfo | any | who installed a module, and when | [`install`] |
//!
//! All but the constructor are exported (FRC-0042), so contracts may call them too.
//!
//! | module | answers |
//! |---|---|
//! | [`module`] | what counts as a module |
//! | [`state`] | what the state holds |
//! | [`types`] | parameters, returns, events |
//! | [`invariants`] | what must hold of the state |
//!
//! # From a file to an actor
//!
//! 1. `boatyard deploy` sends `Install` with the Wasm bytes. A signed message has
//!    room for 64 KiB, so larger modules come in chunks: `BeginUpload`,
//!    `AppendUpload` for every chunk in order, `CommitUpload`.
//! 2. The module is stored as one raw block that the state links to. Its CID is the
//!    code CID, so a node finds it in its block store as it finds built-in code,
//!    and it travels with snapshots. The machine takes no block above 1 MiB from an
//!    actor; therefore no module can be longer.
//! 3. `Init.Exec` with the code CID asks `IsInstalled` and creates the actor, with
//!    an ID and an f2 address, and calls its method 1 with caller f01.
//! 4. An actor may replace its own code if it exports `upgrade`. The machine asks
//!    neither the init actor nor this one: it runs whatever code the node finds in
//!    its block store. So the new code has to be installed first; a node refuses an
//!    upgrade to code that it does not find.
//!
//! Wasm itself is not checked beyond its first bytes; an invalid module fails when
//! the node compiles it.

use boatyard_actors_shared::SYSTEM_ACTOR;
use boatyard_sdk::{ActorError, Runtime, actor};
use cid::Cid;
use fvm_ipld_encoding::RawBytes;

pub mod install;
pub mod invariants;
pub mod module;
pub mod state;
pub mod types;
pub mod upload;

pub use state::{Installed, State, Upload};
pub use types::{
    AppendUploadParams, BeginUploadParams, CodeInfoReturn, EVENTS, InstallReturn, UploadProgress,
};

/// Installs actor code on devnets.
pub struct Registry;

#[actor(name = "registry", state = State, events = EVENTS)]
impl Registry {
    /// Begins without code.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the caller is not f00, `USR_ILLEGAL_STATE` (20)
    /// when constructed already.
    #[method(1)]
    fn constructor(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.validate_caller_is(&[SYSTEM_ACTOR])?;
        let state = State::new(rt.store())?;
        rt.create(&state)
    }

    /// Installs a Wasm module.
    #[method(exported)]
    fn install(rt: &impl Runtime, module: RawBytes) -> Result<InstallReturn, ActorError> {
        install::install(rt, &module)
    }

    /// Announces a module that comes in chunks; tells what is there of it already.
    #[method(exported)]
    fn begin_upload(
        rt: &impl Runtime,
        params: BeginUploadParams,
    ) -> Result<UploadProgress, ActorError> {
        upload::begin(rt, params)
    }

    /// Adds the next chunk of the caller's upload.
    #[method(exported)]
    fn append_upload(
        rt: &impl Runtime,
        params: AppendUploadParams,
    ) -> Result<UploadProgress, ActorError> {
        upload::append(rt, params)
    }

    /// Installs the module whose chunks the caller has uploaded.
    #[method(exported)]
    fn commit_upload(rt: &impl Runtime, code: Cid) -> Result<InstallReturn, ActorError> {
        upload::commit(rt, &code)
    }

    /// Forgets the caller's upload of a module, if there is one.
    #[method(exported)]
    fn abort_upload(rt: &impl Runtime, code: Cid) -> Result<(), ActorError> {
        upload::abort(rt, &code)
    }

    /// Tells whether actors can be created from this code.
    #[method(exported)]
    fn is_installed(rt: &impl Runtime, code: Cid) -> Result<bool, ActorError> {
        install::is_installed(rt, &code)
    }

    /// Tells who installed a module, and when; null if nobody did.
    #[method(exported)]
    fn code_info(rt: &impl Runtime, code: Cid) -> Result<Option<CodeInfoReturn>, ActorError> {
        install::code_info(rt, &code)
    }
}

boatyard_sdk::entry!(Registry);

#[cfg(test)]
mod tests;
