//! The vesting table: what is locked, and until when (spec 06 §12.2, §12.3).
//!
//! The next amount to come free lies in the root of the state, the others in a block
//! of their own, so that a fee that the next amount covers touches no block. A table
//! is a list by epoch; an amount is free in the first epoch after its own.

use boatyard_actors_shared::QuantSpec;
use boatyard_actors_shared::time::{EPOCHS_IN_DAY, EPOCHS_IN_HOUR};
use boatyard_sdk::ActorError;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use num_traits::Zero;

use crate::blocks;
use crate::schema::{VestingFund, VestingFunds};

/// How an amount comes free. All in epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VestSpec {
    /// How long nothing comes free.
    pub initial_delay: ChainEpoch,
    /// When, from then on, all of it is free.
    pub vest_period: ChainEpoch,
    /// How often a part of it comes free.
    pub step_duration: ChainEpoch,
    /// The raster that parts come free on.
    pub quantization: ChainEpoch,
}

/// Of block rewards, and of what a miner is created with (spec 06 §2.2).
pub const REWARD_VESTING_SPEC: VestSpec = VestSpec {
    initial_delay: 0,
    vest_period: 180 * EPOCHS_IN_DAY,
    step_duration: EPOCHS_IN_DAY,
    quantization: 12 * EPOCHS_IN_HOUR,
};

/// What was taken out of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// Free before, in attoFIL.
    pub vested: TokenAmount,
    /// Not free yet, in attoFIL.
    pub unvested: TokenAmount,
}

/// The table by epoch. A next amount of nought is left out.
///
/// # Errors
/// Those of [`blocks::get`].
pub fn load(
    store: &impl Blockstore,
    funds: &Option<VestingFunds>,
) -> Result<Vec<VestingFund>, ActorError> {
    let Some(VestingFunds { head, tail }) = funds else {
        return Ok(Vec::new());
    };
    let rest: Vec<VestingFund> = blocks::get(store, tail, "the vesting table")?;
    let next = head.amount.is_positive().then(|| head.clone());
    Ok(next.into_iter().chain(rest).collect())
}

/// Stores a table.
///
/// # Errors
/// Those of [`blocks::put`].
pub fn save(
    store: &impl Blockstore,
    table: &[VestingFund],
) -> Result<Option<VestingFunds>, ActorError> {
    let Some((head, rest)) = table.split_first() else {
        return Ok(None);
    };
    Ok(Some(VestingFunds {
        head: head.clone(),
        tail: blocks::put(store, rest, "the vesting table")?,
    }))
}

/// Takes out what is free in `epoch` and gives its sum.
///
/// # Errors
/// Those of [`load`] and [`save`].
pub fn take_vested(
    store: &impl Blockstore,
    funds: &mut Option<VestingFunds>,
    epoch: ChainEpoch,
) -> Result<TokenAmount, ActorError> {
    match funds {
        Some(VestingFunds { head, .. }) if head.epoch < epoch => {}
        _ => return Ok(TokenAmount::zero()),
    }
    let (vested, table) = split_vested(load(store, funds)?, epoch);
    *funds = save(store, &table)?;
    Ok(vested)
}

/// Locks `sum` from `epoch` on, takes out what is free then, and gives the sum of it.
///
/// # Errors
/// Those of [`load`] and [`save`].
pub fn add(
    store: &impl Blockstore,
    funds: &mut Option<VestingFunds>,
    epoch: ChainEpoch,
    sum: &TokenAmount,
    proving_period_start: ChainEpoch,
    spec: &VestSpec,
) -> Result<TokenAmount, ActorError> {
    let added = schedule(epoch, sum, proving_period_start, spec);
    let (vested, table) = split_vested(merge(load(store, funds)?, added), epoch);
    *funds = save(store, &table)?;
    Ok(vested)
}

/// Takes up to `target` out of what is not free yet, the earliest first, and with it
/// all that is free in `epoch`.
///
/// # Errors
/// Those of [`load`] and [`save`].
pub fn take(
    store: &impl Blockstore,
    funds: &mut Option<VestingFunds>,
    epoch: ChainEpoch,
    target: &TokenAmount,
) -> Result<Taken, ActorError> {
    let Some(VestingFunds { head, .. }) = funds else {
        return Ok(Taken::default());
    };
    if head.epoch >= epoch && head.amount >= *target {
        head.amount -= target;
        return Ok(Taken {
            vested: TokenAmount::zero(),
            unvested: target.clone(),
        });
    }
    let (vested, mut table) = split_vested(load(store, funds)?, epoch);
    let unvested = draw(&mut table, target);
    *funds = save(store, &table)?;
    Ok(Taken { vested, unvested })
}

/// When which part of `sum`, locked in `epoch`, is free. Parts of small sums may be
/// nought.
pub fn schedule(
    epoch: ChainEpoch,
    sum: &TokenAmount,
    proving_period_start: ChainEpoch,
    spec: &VestSpec,
) -> Vec<VestingFund> {
    let begin = epoch + spec.initial_delay;
    let raster = QuantSpec {
        unit: spec.quantization,
        offset: proving_period_start,
    };
    let mut table = Vec::new();
    let mut step = begin;
    let mut done = TokenAmount::zero();
    while done < *sum {
        step += spec.step_duration;
        let free_after = raster.up(step);
        let elapsed = free_after - begin;
        let target = if elapsed < spec.vest_period {
            (sum * elapsed).div_floor(spec.vest_period)
        } else {
            sum.clone()
        };
        table.push(VestingFund {
            epoch: free_after,
            amount: &target - &done,
        });
        done = target;
    }
    table
}

/// Both tables in one, amounts of equal epochs added up.
pub fn merge(left: Vec<VestingFund>, right: Vec<VestingFund>) -> Vec<VestingFund> {
    let mut merged: Vec<VestingFund> = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        let from_left = match (left.peek(), right.peek()) {
            (Some(l), Some(r)) => l.epoch <= r.epoch,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return merged,
        };
        let Some(next) = (if from_left { left.next() } else { right.next() }) else {
            return merged;
        };
        match merged.last_mut() {
            Some(last) if last.epoch == next.epoch => last.amount += next.amount,
            _ => merged.push(next),
        }
    }
}

/// The sum of what is free in `epoch`, and the rest of the table.
fn split_vested(mut table: Vec<VestingFund>, epoch: ChainEpoch) -> (TokenAmount, Vec<VestingFund>) {
    let count = table
        .iter()
        .position(|fund| fund.epoch >= epoch)
        .unwrap_or(table.len());
    let rest = table.split_off(count);
    (table.iter().map(|fund| &fund.amount).sum(), rest)
}

/// Takes up to `target` from the front. The last amount touched stays, even if
/// nothing is left of it.
fn draw(table: &mut Vec<VestingFund>, target: &TokenAmount) -> TokenAmount {
    let mut missing = target.clone();
    let mut used_up = 0;
    for fund in table.iter_mut() {
        if fund.amount >= missing {
            fund.amount -= &missing;
            missing = TokenAmount::zero();
            break;
        }
        missing -= &fund.amount;
        used_up += 1;
    }
    table.drain(..used_up);
    target - missing
}

#[cfg(test)]
mod tests;
