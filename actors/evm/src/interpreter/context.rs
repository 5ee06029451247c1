//! Instructions about the message, accounts and the block that need the machine
//! and can fail, or that must see a full stack first (spec 02 §8.2).

use boatyard_sdk::{Host, RandomnessTag, Runtime};
use revm_interpreter::primitives::U256;

use super::{OrAbort, Outcome, Step, push, room, top};
use crate::address;
use crate::word;

pub(super) fn gas<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    room(ctx.interpreter)?;
    let gas = ctx.host.rt.host().gas_available();
    push(ctx.interpreter, U256::from(gas))
}

pub(super) fn origin<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    room(ctx.interpreter)?;
    let id = ctx.host.rt.message().origin;
    let origin = address::of_actor(ctx.host.rt, id).or_abort(ctx.host)?;
    push(ctx.interpreter, address::to_word(origin))
}

/// 0 for an address without an actor.
pub(super) fn balance<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let word = top(ctx.interpreter)?;
    let balance = ctx
        .host
        .resolve(address::from_word(*word))
        .and_then(|id| ctx.host.rt.host().balance_of(id));
    *word = balance.map_or(U256::ZERO, |balance| word::from_amount(&balance));
    Ok(())
}

pub(super) fn selfbalance<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    room(ctx.interpreter)?;
    let balance = ctx.host.rt.current_balance();
    push(ctx.interpreter, word::from_amount(&balance))
}

pub(super) fn prevrandao<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    room(ctx.interpreter)?;
    let random = match ctx.host.prevrandao {
        Some(random) => random,
        None => {
            let rt = ctx.host.rt;
            let drawn = rt
                .beacon_randomness(RandomnessTag::EvmPrevRandao, rt.epoch(), b"prevrandao")
                .or_abort(ctx.host)?;
            *ctx.host.prevrandao.insert(U256::from_be_bytes(drawn))
        }
    };
    push(ctx.interpreter, random)
}
