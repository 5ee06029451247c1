//! `Settle` and `Collect`: the end of a channel.

use boatyard_sdk::{ActorError, Runtime, SendResultExt, ensure};
use fvm_shared::METHOD_SEND;

use crate::SETTLE_DELAY;
use crate::state::State;

/// Starts the closing period, after which `Collect` pays out.
///
/// It ends [`SETTLE_DELAY`] epochs from now, or at the highest
/// `min_settle_height` of the redeemed vouchers if that is later.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is neither `from` nor `to` |
/// | `USR_ILLEGAL_STATE` (20) | the channel is closing already |
///
/// Source: spec 04 §2.8.
pub(crate) fn settle(rt: &impl Runtime) -> Result<(), ActorError> {
    rt.transaction(|state: &mut State| {
        rt.validate_caller_is(&[state.from, state.to])?;
        ensure!(
            !state.is_settling(),
            USR_ILLEGAL_STATE,
            "the channel settles at {} already",
            state.settling_at
        );
        state.settling_at = (rt.epoch() + SETTLE_DELAY).max(state.min_settle_height);
        Ok(())
    })
}

/// Pays `to` what it is owed, `from` the rest, and deletes the channel. Both are
/// sent to even if it is nothing.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is neither `from` nor `to`, or the closing period is not over |
/// | that of a send | a party does not take it |
///
/// Source: spec 04 §2.9.
pub(crate) fn collect(rt: &impl Runtime) -> Result<(), ActorError> {
    let state: State = rt.state()?;
    rt.validate_caller_is(&[state.from, state.to])?;
    ensure!(
        state.is_settled(rt.epoch()),
        USR_FORBIDDEN,
        "the channel has not settled (at {}; 0 is never)",
        state.settling_at
    );
    rt.send(&state.to, METHOD_SEND, None, state.to_send)
        .success()
        .map_err(|error| error.context("paying the payee"))?;
    rt.send(&state.from, METHOD_SEND, None, rt.current_balance())
        .success()
        .map_err(|error| error.context("paying the rest back"))?;
    rt.delete_actor()
}
