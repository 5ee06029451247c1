//! Slots (spec 02 §8.4).

use boatyard_sdk::Runtime;

use super::{OrAbort, Outcome, Step, pop, top, writable};

pub(super) fn sload<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let slot = top(ctx.interpreter)?;
    *slot = ctx.host.contract.storage().get(*slot).or_abort(ctx.host)?;
    Ok(())
}

pub(super) fn sstore<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [slot, value] = pop(ctx.interpreter)?;
    writable(ctx.host)?;
    let changed = ctx.host.contract.storage().set(slot, value);
    if changed.or_abort(ctx.host)? {
        ctx.host.contract.mark_changed();
    }
    Ok(())
}

pub(super) fn tload<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let slot = top(ctx.interpreter)?;
    *slot = ctx
        .host
        .contract
        .transient()
        .get(*slot)
        .or_abort(ctx.host)?;
    Ok(())
}

pub(super) fn tstore<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [slot, value] = pop(ctx.interpreter)?;
    writable(ctx.host)?;
    let changed = ctx.host.contract.transient().set(slot, value);
    if changed.or_abort(ctx.host)? {
        ctx.host.contract.mark_changed();
    }
    Ok(())
}
