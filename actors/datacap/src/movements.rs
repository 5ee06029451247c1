//! Datacap that is made, moved and burnt.
//!
//! Mint, Transfer and TransferFrom have the same shape: the state changes and is
//! saved, it is read again at once, the receiver's hook runs, and the balances in
//! the return are those of before the hook, whatever it did (spec 08 §B5).

use boatyard_actors_shared::ext::datacap::{
    BurnParams, BurnReturn, DestroyParams, MintParams, MintReturn, TransferFromParams,
    TransferFromReturn, TransferParams, TransferReturn,
};
use boatyard_sdk::{ActorError, Context, Runtime, ensure, exit_codes::*};
use frc46_token::token::types::BurnReturn as LibraryBurnReturn;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;

use crate::state::State;
use crate::token::{Library, PreparedHook};
use crate::types::{BurnFromParams, BurnFromReturn};

/// What the operators of newly minted datacap may spend: 10^21 tokens. An ordinary
/// number that falls as they do.
pub fn infinite_allowance() -> TokenAmount {
    TokenAmount::from_whole(10u128.pow(21))
}

/// Makes new datacap and lets operators spend all that its owner has.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is not the governor |
/// | `USR_NOT_FOUND` (17) | an operator does not resolve, and one of the following is wrong too |
/// | `USR_ILLEGAL_ARGUMENT` (16) | less than nothing, or not whole tokens |
/// | `USR_NOT_FOUND` (17) | the receiver does not resolve |
/// | `USR_ASSERTION_FAILED` (24) | only an operator does not resolve; all is right in a read-only call |
/// | that of the receiver | it does not want it |
///
/// Source: spec 08 §B5, Mint.
pub(crate) fn mint(rt: &impl Runtime, params: MintParams) -> Result<MintReturn, ActorError> {
    let library = Library::new(rt);
    let hook = library.prepare(|state| {
        rt.validate_caller_is(&[state.governor])?;
        let governor = state.governor;
        let minted = library
            .with(state, |token| {
                token.mint(
                    &governor,
                    &params.to,
                    &params.amount,
                    RawBytes::default(),
                    RawBytes::default(),
                )
            })
            .map(PreparedHook::new);
        let allowed = library.with(state, |token| {
            for operator in &params.operators {
                token.set_allowance(&params.to, operator, &infinite_allowance())?;
            }
            Ok(())
        });
        match (minted, allowed) {
            // Mainnet's token panics: the hook is left uncalled.
            (Ok(_), Err(error)) => Err(error.with_code(USR_ASSERTION_FAILED)),
            (Err(_), Err(error)) => Err(error),
            (minted, Ok(())) => minted,
        }
    })?;
    let mut state: State = rt.state()?;
    let told = library.tell(hook)?;
    let returned = library.with(&mut state, |token| token.mint_return(told))?;
    Ok(MintReturn {
        balance: returned.balance,
        supply: returned.supply,
        recipient_data: returned.recipient_data,
    })
}

/// Takes datacap away, without allowance. Nobody is told.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is not the governor |
/// | `USR_ILLEGAL_ARGUMENT` (16) | less than nothing, or not whole tokens |
/// | `USR_NOT_FOUND` (17) | the owner does not resolve |
/// | `USR_INSUFFICIENT_FUNDS` (19) | the owner has less |
///
/// Source: spec 08 §B5, Destroy.
pub(crate) fn destroy(rt: &impl Runtime, params: DestroyParams) -> Result<BurnReturn, ActorError> {
    rt.transaction(|state: &mut State| {
        rt.validate_caller_is(&[state.governor])?;
        Library::new(rt)
            .with(state, |token| token.burn(&params.owner, &params.amount))
            .map(burnt)
    })
}

/// Moves the caller's datacap to or from the governor.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | the receiver does not resolve |
/// | `USR_FORBIDDEN` (18) | neither side is the governor |
/// | `USR_ILLEGAL_ARGUMENT` (16) | less than nothing, or not whole tokens |
/// | `USR_INSUFFICIENT_FUNDS` (19) | the caller has less |
/// | `USR_ASSERTION_FAILED` (24) | all is right in a read-only call |
/// | that of the receiver | it does not want it |
///
/// Source: spec 08 §B5, Transfer.
pub(crate) fn transfer(
    rt: &impl Runtime,
    params: TransferParams,
) -> Result<TransferReturn, ActorError> {
    rt.accept_any_caller()?;
    let from = rt.caller();
    let to = receiver(rt, &params.to)?;
    let library = Library::new(rt);
    let hook = library.prepare(|state| {
        ensure!(
            to == state.governor || from == state.governor,
            USR_FORBIDDEN,
            "datacap moves to or from {} only, not from {from} to {to}",
            state.governor
        );
        library
            .with(state, |token| {
                token.transfer(
                    &from,
                    &to,
                    &params.amount,
                    params.operator_data,
                    RawBytes::default(),
                )
            })
            .map(PreparedHook::new)
    })?;
    let mut state: State = rt.state()?;
    let told = library.tell(hook)?;
    let returned = library.with(&mut state, |token| token.transfer_return(told))?;
    Ok(TransferReturn {
        from_balance: returned.from_balance,
        to_balance: returned.to_balance,
        recipient_data: returned.recipient_data,
    })
}

/// Moves somebody's datacap to the governor, out of the caller's allowance.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | the receiver does not resolve |
/// | `USR_FORBIDDEN` (18) | the receiver is not the governor |
/// | `USR_ILLEGAL_ARGUMENT` (16) | less than nothing, not whole tokens, or the caller's own |
/// | `USR_INSUFFICIENT_FUNDS` (19) | the owner does not resolve, allows less or has less |
/// | `USR_ASSERTION_FAILED` (24) | all is right in a read-only call |
/// | that of the receiver | it does not want it |
///
/// Source: spec 08 §B5, TransferFrom.
pub(crate) fn transfer_from(
    rt: &impl Runtime,
    params: TransferFromParams,
) -> Result<TransferFromReturn, ActorError> {
    rt.accept_any_caller()?;
    let operator = rt.caller();
    let to = receiver(rt, &params.to)?;
    let library = Library::new(rt);
    let hook = library.prepare(|state| {
        ensure!(
            to == state.governor,
            USR_FORBIDDEN,
            "an operator moves datacap to {} only, not to {to}",
            state.governor
        );
        library
            .with(state, |token| {
                token.transfer_from(
                    &operator,
                    &params.from,
                    &to,
                    &params.amount,
                    params.operator_data,
                    RawBytes::default(),
                )
            })
            .map(PreparedHook::new)
    })?;
    let mut state: State = rt.state()?;
    let told = library.tell(hook)?;
    let returned = library.with(&mut state, |token| token.transfer_from_return(told))?;
    Ok(TransferFromReturn {
        from_balance: returned.from_balance,
        to_balance: returned.to_balance,
        allowance: returned.allowance,
        recipient_data: returned.recipient_data,
    })
}

/// Burns the caller's datacap.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) for less than nothing or not whole tokens,
/// `USR_INSUFFICIENT_FUNDS` (19) when the caller has less.
///
/// Source: spec 08 §B5, Burn.
pub(crate) fn burn(rt: &impl Runtime, params: BurnParams) -> Result<BurnReturn, ActorError> {
    rt.accept_any_caller()?;
    Library::new(rt)
        .change(|token| token.burn(&rt.caller(), &params.amount))
        .map(burnt)
}

/// Burns somebody's datacap, out of the caller's allowance.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | less than nothing, not whole tokens, or the caller's own |
/// | `USR_INSUFFICIENT_FUNDS` (19) | the owner does not resolve, allows less or has less |
///
/// Source: spec 08 §B5, BurnFrom.
pub(crate) fn burn_from(
    rt: &impl Runtime,
    params: BurnFromParams,
) -> Result<BurnFromReturn, ActorError> {
    rt.accept_any_caller()?;
    let returned = Library::new(rt)
        .change(|token| token.burn_from(&rt.caller(), &params.owner, &params.amount))?;
    Ok(BurnFromReturn {
        balance: returned.balance,
        allowance: returned.allowance,
    })
}

fn burnt(returned: LibraryBurnReturn) -> BurnReturn {
    BurnReturn {
        balance: returned.balance,
    }
}

/// The ID address of who gets datacap.
fn receiver(rt: &impl Runtime, to: &Address) -> Result<Address, ActorError> {
    let id = rt
        .resolve(to)
        .or_exit(USR_ILLEGAL_ARGUMENT, format_args!("{to} does not resolve"))?;
    Ok(Address::new_id(id))
}
