//! How the published crate `frc46_token` sits on our runtime.
//!
//! The crate wants its own runtime and panics when a receiver's hook that it
//! prepared is dropped uncalled. `Library` gives it ours; `PreparedHook` turns
//! the panic into the exit code that it would become.

use boatyard_sdk::host::Host;
use boatyard_sdk::runtime::HostStore;
use boatyard_sdk::{ActorError, Runtime, SendResultExt, exit_codes::*};
use cid::Cid;
use frc46_token::token::state::StateError;
use frc46_token::token::{Token, TokenError};
use fvm_actor_utils::messaging::{Messaging, MessagingError};
use fvm_actor_utils::receiver::{ReceiverHook, RecipientData};
use fvm_actor_utils::syscalls::{NoStateError, Syscalls};
use fvm_actor_utils::util::ActorRuntime;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::{ActorID, MethodNum, Response};

use crate::state::State;

pub use boatyard_actors_shared::ext::datacap::TOKEN_PRECISION as GRANULARITY;

/// The published token on a runtime of ours.
pub(crate) type TokenOn<'a, 'st, RT> =
    Token<'st, Calls<'a, RT>, HostStore<'a, <RT as Runtime>::Host>>;

/// The published crate's runtime on ours.
pub(crate) struct Library<'a, RT: Runtime> {
    rt: &'a RT,
    runtime: ActorRuntime<Calls<'a, RT>, HostStore<'a, RT::Host>>,
}

impl<'a, RT: Runtime> Library<'a, RT> {
    pub(crate) fn new(rt: &'a RT) -> Self {
        Self {
            rt,
            runtime: ActorRuntime::new(Calls(rt), rt.store()),
        }
    }

    /// Does something with a copy of the state.
    ///
    /// # Errors
    /// Those of the token.
    pub(crate) fn with<T>(
        &self,
        state: &mut State,
        work: impl FnOnce(&mut TokenOn<'a, '_, RT>) -> Result<T, TokenError>,
    ) -> Result<T, ActorError> {
        let mut token = Token::wrap(&self.runtime, GRANULARITY, &mut state.token);
        work(&mut token).map_err(failed)
    }

    /// Changes the state in a transaction.
    ///
    /// # Errors
    /// Those of the token.
    pub(crate) fn change<T>(
        &self,
        work: impl FnOnce(&mut TokenOn<'a, '_, RT>) -> Result<T, TokenError>,
    ) -> Result<T, ActorError> {
        self.rt
            .transaction(|state: &mut State| self.with(state, work))
    }

    /// Changes the state in a transaction that prepares a receiver's hook.
    ///
    /// # Errors
    /// Those of `change`; `USR_ASSERTION_FAILED` (24) when it prepared a hook and
    /// the state cannot be saved, as in a read-only call (spec 08 §B7).
    pub(crate) fn prepare<T: RecipientData>(
        &self,
        change: impl FnOnce(&mut State) -> Result<PreparedHook<T>, ActorError>,
    ) -> Result<PreparedHook<T>, ActorError> {
        let mut prepared = None;
        let saved = self.rt.transaction(|state: &mut State| {
            prepared = Some(change(state)?);
            Ok(())
        });
        match (saved, prepared) {
            (Ok(()), Some(hook)) => Ok(hook),
            (Err(error), None) => Err(error),
            (Err(error), Some(_)) => Err(error
                .with_code(USR_ASSERTION_FAILED)
                .context("the receiver was not told")),
            (Ok(()), None) => Err(ActorError::new(
                USR_ASSERTION_FAILED,
                "the transaction prepared no hook",
            )),
        }
    }

    /// Tells the receiver. Gives what the return value is made of.
    ///
    /// # Errors
    /// The receiver's code without its data (spec 08 §B4).
    pub(crate) fn tell<T: RecipientData>(&self, hook: PreparedHook<T>) -> Result<T, ActorError> {
        hook.call(&self.runtime)
    }
}

/// A receiver's hook that is called or quietly dropped.
pub(crate) struct PreparedHook<T: RecipientData>(Option<ReceiverHook<T>>);

impl<T: RecipientData> PreparedHook<T> {
    pub(crate) fn new(hook: ReceiverHook<T>) -> Self {
        Self(Some(hook))
    }

    fn call(mut self, messaging: &dyn Messaging) -> Result<T, ActorError> {
        let mut hook = self
            .0
            .take()
            .ok_or_else(|| ActorError::new(USR_ASSERTION_FAILED, "there is no hook"))?;
        hook.call(messaging)
            .map_err(|error| ActorError::new(ExitCode::from(&error), error.to_string()))
    }
}

impl<T: RecipientData> Drop for PreparedHook<T> {
    /// The crate panics unless the hook was called, so it is: by nobody's means.
    fn drop(&mut self) {
        if let Some(mut hook) = self.0.take() {
            // It cannot arrive, which is the point.
            let _ = hook.call(&Nowhere);
        }
    }
}

/// A way to send that leads nowhere.
struct Nowhere;

impl Messaging for Nowhere {
    fn send(
        &self,
        _to: &Address,
        _method: MethodNum,
        _params: Option<IpldBlock>,
        _value: TokenAmount,
    ) -> Result<Response, MessagingError> {
        Err(MessagingError::Syscall(ErrorNumber::IllegalOperation))
    }
}

/// The system calls that the published crate makes.
pub(crate) struct Calls<'a, RT>(&'a RT);

impl<RT: Runtime> Syscalls for Calls<'_, RT> {
    fn root(&self) -> Result<Cid, NoStateError> {
        self.0.host().root().map_err(|_| NoStateError)
    }

    fn set_root(&self, root: &Cid) -> Result<(), NoStateError> {
        self.0.host().set_root(root).map_err(|_| NoStateError)
    }

    fn receiver(&self) -> ActorID {
        self.0.message().receiver
    }

    fn caller(&self) -> ActorID {
        self.0.message().caller
    }

    /// A response with the code under which the failure travels on.
    ///
    /// The crate wants to make accounts inside a transaction, where nothing can be
    /// sent: it learns that there is nobody, which it turns into 17.
    fn send(
        &self,
        to: &Address,
        method: MethodNum,
        params: Option<IpldBlock>,
        value: TokenAmount,
    ) -> Result<Response, ErrorNumber> {
        let sent = self.0.send(to, method, params, value);
        if let Err(ErrorNumber::IllegalOperation) = sent {
            return Err(ErrorNumber::NotFound);
        }
        Ok(match sent.success() {
            Ok(return_data) => Response {
                exit_code: ExitCode::OK,
                return_data,
            },
            Err(failure) => Response {
                exit_code: failure.exit_code(),
                return_data: None,
            },
        })
    }

    fn resolve_address(&self, address: &Address) -> Option<ActorID> {
        self.0.resolve(address)
    }
}

/// The exit code of the token's failure, by the published crate's table.
pub(crate) fn failed(error: TokenError) -> ActorError {
    ActorError::new(ExitCode::from(&error), error.to_string())
}

/// The exit code of a failure in the token's state.
pub(crate) fn failed_state(error: StateError) -> ActorError {
    ActorError::new(ExitCode::from(&error), error.to_string())
}
