//! `WithdrawBalance` and `RepayDebt` (spec 06 §15.9, §15.10).

use boatyard_sdk::{ActorError, Runtime, ensure};
use fvm_shared::econ::TokenAmount;

use crate::schema::{MinerInfo, State};
use crate::sends;
use crate::types::WithdrawBalanceParams;

/// Pays up to an amount to the beneficiary, out of what is not spoken for, after all
/// debt was paid; gives what was paid.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | a negative amount |
/// | `USR_FORBIDDEN` (18) | the caller is neither owner nor beneficiary; early terminations wait to be settled; the beneficiary may have nothing any more |
/// | `USR_INSUFFICIENT_FUNDS` (19) | the debt is larger than what is not spoken for |
/// | `USR_ILLEGAL_STATE` (20) | more is spoken for than there is |
///
/// Source: spec 06 §15.9.
pub(crate) fn withdraw(
    rt: &impl Runtime,
    params: WithdrawBalanceParams,
) -> Result<TokenAmount, ActorError> {
    ensure!(
        !params.amount_requested.is_negative(),
        USR_ILLEGAL_ARGUMENT,
        "a withdrawal of {}",
        params.amount_requested
    );
    let (info, amount, burn, vested, state) = rt.transaction(|state: &mut State| {
        let (store, balance) = (&rt.store(), rt.current_balance());
        let mut info = state.load_info(store)?;
        rt.validate_caller_is([&info.owner, &info.beneficiary])?;
        ensure!(
            state.early_terminations.is_empty(),
            USR_FORBIDDEN,
            "sectors that ended early are not settled yet"
        );
        let vested = state.unlock_vested_funds(store, rt.epoch())?;
        let available = state.available_balance(&balance)?;
        let burn = state.repay_debts(&balance)?;
        let mut amount = available.min(params.amount_requested);
        ensure!(
            !amount.is_negative(),
            USR_ILLEGAL_STATE,
            "a withdrawal of {amount}"
        );
        if info.beneficiary != info.owner {
            amount = within_quota(rt, &mut info, amount)?;
            if amount.is_positive() {
                state.save_info(store, &info)?;
            }
        }
        Ok((info, amount, burn, vested, state.clone()))
    })?;
    if amount.is_positive() {
        sends::pay(rt, &info.beneficiary, &amount)?;
    }
    sends::burn(rt, &burn)?;
    sends::update_pledge(rt, &-vested)?;
    state.check_balance_invariants(&rt.current_balance())?;
    Ok(amount)
}

/// As much of `amount` as the beneficiary may have; books it.
fn within_quota(
    rt: &impl Runtime,
    info: &mut MinerInfo,
    amount: TokenAmount,
) -> Result<TokenAmount, ActorError> {
    let remaining = info.beneficiary_term.available(rt.epoch());
    ensure!(
        !remaining.is_zero(),
        USR_FORBIDDEN,
        "{} has had its {} or its term has expired at {}",
        info.beneficiary,
        info.beneficiary_term.quota,
        info.beneficiary_term.expiration
    );
    let amount = amount.min(remaining);
    info.beneficiary_term.used_quota += &amount;
    Ok(amount)
}

/// Pays as much debt as possible, out of locked funds too.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller does not control the miner |
/// | `USR_ILLEGAL_STATE` (20) | more is spoken for than there is |
///
/// Source: spec 06 §15.10.
pub(crate) fn repay_debt(rt: &impl Runtime) -> Result<(), ActorError> {
    let (repaid, state) = rt.transaction(|state: &mut State| {
        let store = &rt.store();
        let info = state.load_info(store)?;
        rt.validate_caller_is(info.controllers())?;
        let repaid = state.repay_partial_debt(store, rt.epoch(), &rt.current_balance())?;
        Ok((repaid, state.clone()))
    })?;
    sends::update_pledge(rt, &-repaid.unlocked)?;
    sends::burn(rt, &repaid.burn)?;
    state.check_balance_invariants(&rt.current_balance())
}
