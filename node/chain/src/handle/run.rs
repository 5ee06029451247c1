//! Calls, estimates, traces: execution that leaves nothing behind.

use std::sync::Arc;

use boatyard_vm::context::{Interceptor, Tracing};
use boatyard_vm::machine::Applied;
use cid::Cid;
use fvm_shared::message::Message;

use super::ChainHandle;
use crate::call::{CallPoint, CallRequest, GasEstimate, Overrides};
use crate::calls;
use crate::error::{ChainError, EstimateError};
use crate::execute;
use crate::threads::Lane;
use crate::tipset::{ExecutedTipset, MessageRole, TracedMessage};
use crate::view::StateView;
use crate::watch::{self, Watched, Watchers};

impl ChainHandle {
    /// Tries a message without a trace on the chain. Failure of the message is a
    /// non-zero exit code in the answer.
    ///
    /// # Errors
    /// [`ChainError::Vm`]; [`ChainError::Edit`] for overrides that make no sense;
    /// [`ChainError::ActorNotFound`] for a sender that cannot be made up.
    pub async fn call(&self, request: CallRequest) -> Result<Applied, ChainError> {
        self.inner
            .threads
            .run(Lane::Calls, move |core| calls::call(core, request))
            .await?
    }

    /// Tries a message and shows its inside; `watcher` sees the instructions of its
    /// contracts.
    ///
    /// # Errors
    /// As [`Self::call`]; [`ChainError::Vm`] when a watched message runs code that only
    /// exists as Wasm.
    pub async fn watch_call(
        &self,
        request: CallRequest,
        watcher: Option<Arc<dyn Interceptor>>,
    ) -> Result<Watched, ChainError> {
        self.inner
            .threads
            .run(Lane::Calls, move |core| {
                calls::watch(core, request, watcher)
            })
            .await?
    }

    /// Executes messages of a tipset again and shows their inside, and the states
    /// between them; `watchers` see the instructions of contracts.
    ///
    /// # Errors
    /// As [`Self::watch_call`].
    pub async fn watch_tipset(
        &self,
        tipset: &Arc<ExecutedTipset>,
        messages: std::ops::Range<usize>,
        watchers: Watchers,
    ) -> Result<Vec<Watched>, ChainError> {
        let tipset = tipset.clone();
        self.inner
            .threads
            .run(Lane::Calls, move |core| {
                watch::tipset(core, &tipset, messages, &watchers)
            })
            .await?
    }

    /// How much gas a message needs at `at` (usually [`CallPoint::PendingOfSender`]).
    ///
    /// # Errors
    /// [`EstimateError::Failed`] with the failed run, [`EstimateError::OutOfGas`].
    pub async fn estimate_gas(
        &self,
        message: Message,
        at: CallPoint,
        overrides: Overrides,
    ) -> Result<GasEstimate, EstimateError> {
        self.inner
            .threads
            .run(Lane::Calls, move |core| {
                calls::estimate(core, message, &at, &overrides)
            })
            .await?
    }

    /// The state after executing the head and whatever of the pool could be
    /// executed on top of it.
    ///
    /// # Errors
    /// [`ChainError::Vm`] when the machine breaks down.
    pub async fn pending_state(&self) -> Result<StateView, ChainError> {
        if self.core().data().pool.all().next().is_none() {
            return Ok(self.head_state());
        }
        self.inner
            .threads
            .run(Lane::Calls, calls::pending_state)
            .await?
    }

    /// Executes a message of the chain again, with a trace.
    ///
    /// # Errors
    /// [`ChainError::UnknownMessage`], [`ChainError::Vm`].
    pub async fn trace_message(
        &self,
        cid: &Cid,
        tracing: Tracing,
    ) -> Result<TracedMessage, ChainError> {
        let unknown = || ChainError::UnknownMessage(cid.to_string());
        let location = self
            .core()
            .data()
            .tipsets
            .message(cid)
            .ok_or_else(unknown)?;
        let traces = self.trace_tipset(&location.tipset, tracing).await?;
        traces
            .into_iter()
            .find(|trace| trace.role == MessageRole::Explicit(location.index))
            .ok_or_else(unknown)
    }

    /// Executes a tipset again, with traces of all its messages, the reward and
    /// cron included. Genesis was never executed and has none.
    ///
    /// # Errors
    /// [`ChainError::Vm`].
    pub async fn trace_tipset(
        &self,
        tipset: &Arc<ExecutedTipset>,
        tracing: Tracing,
    ) -> Result<Vec<TracedMessage>, ChainError> {
        if tipset.height() == 0 {
            return Ok(Vec::new());
        }
        let tipset = tipset.clone();
        self.inner
            .threads
            .run(Lane::Calls, move |core| {
                execute::again(core, &tipset, tracing)
            })
            .await?
    }
}
