//! Money in, money out, how much there is.

use boatyard_actors_shared::BURNT_FUNDS_ACTOR;
use boatyard_actors_shared::ext::miner::{CONTROL_ADDRESSES, ControlAddressesReturn};
use boatyard_sdk::{
    ActorError, Context, Host, Runtime, SendResultExt, Type, ensure, exit_codes::*,
};
use fvm_shared::METHOD_SEND;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;

use crate::balances::BalanceTable;
use crate::state::State;
use crate::types::{GetBalanceReturn, WithdrawBalanceParams};

/// Whose money it is, and who disposes of it. All are ID addresses.
struct EscrowAccount {
    /// Key of the tables.
    holder: Address,
    /// Who gets what is withdrawn.
    recipient: Address,
    /// Who may withdraw.
    allowed: Vec<Address>,
}

/// A miner's money is its owner's, and its worker may withdraw it for the owner;
/// others dispose of their own.
///
/// Source: spec 07 §6.9.
fn escrow_account(rt: &impl Runtime, address: &Address) -> Result<EscrowAccount, ActorError> {
    let id = rt.resolve(address).or_exit(
        USR_ILLEGAL_ARGUMENT,
        format_args!("address {address} does not resolve"),
    )?;
    let code = rt.host().code_cid(id).or_exit(
        USR_ILLEGAL_ARGUMENT,
        format_args!("there is no actor f0{id}"),
    )?;
    let holder = Address::new_id(id);
    if rt.builtin_type(&code) != Some(Type::Miner) {
        return Ok(EscrowAccount {
            holder,
            recipient: holder,
            allowed: vec![holder],
        });
    }
    let control: ControlAddressesReturn = rt
        .send(&holder, CONTROL_ADDRESSES, None, TokenAmount::default())
        .value()
        .map_err(|error| error.context(format_args!("asking miner {holder} for its owner")))?;
    Ok(EscrowAccount {
        holder,
        recipient: control.owner,
        allowed: vec![control.owner, control.worker],
    })
}

/// Puts the value received into escrow.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | no value came along |
/// | `USR_ILLEGAL_ARGUMENT` (16) | there is no such actor |
/// | those of the miner | it does not tell its owner |
///
/// Source: spec 07 §7, AddBalance.
pub(crate) fn add_balance(rt: &impl Runtime, holder: Address) -> Result<(), ActorError> {
    let value = rt.value_received().clone();
    ensure!(
        value.is_positive(),
        USR_ILLEGAL_ARGUMENT,
        "send the amount to add as the message's value"
    );
    rt.accept_any_caller()?;
    let account = escrow_account(rt, &holder)?;
    rt.transaction(|state: &mut State| {
        let mut escrow = BalanceTable::load(&state.escrow_table, rt.store())?;
        escrow.add(&account.holder, &value)?;
        state.escrow_table = escrow.flush()?;
        Ok(())
    })
}

/// Pays escrow out that is not locked, and tells how much it was.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | the amount is negative |
/// | `USR_ILLEGAL_ARGUMENT` (16) | there is no such actor |
/// | those of the miner | it does not tell its owner |
/// | `USR_FORBIDDEN` (18) | the caller does not dispose of it |
/// | those of the recipient | it does not take the money |
///
/// Source: spec 07 §7, WithdrawBalance.
pub(crate) fn withdraw_balance(
    rt: &impl Runtime,
    params: WithdrawBalanceParams,
) -> Result<TokenAmount, ActorError> {
    ensure!(
        !params.amount.is_negative(),
        USR_ILLEGAL_ARGUMENT,
        "an amount of {} cannot be withdrawn",
        params.amount
    );
    let account = escrow_account(rt, &params.provider_or_client)?;
    rt.validate_caller_is(&account.allowed)?;
    let withdrawn = rt.transaction(|state: &mut State| {
        let locked = BalanceTable::load(&state.locked_table, rt.store())?;
        let floor = locked.get(&account.holder)?;
        let mut escrow = BalanceTable::load(&state.escrow_table, rt.store())?;
        let taken = escrow.subtract_with_minimum(&account.holder, &params.amount, &floor)?;
        state.escrow_table = escrow.flush()?;
        Ok(taken)
    })?;
    // Even nothing is paid out, so that the send is always there.
    rt.send(&account.recipient, METHOD_SEND, None, withdrawn.clone())
        .success()
        .map_err(|error| error.context(format_args!("paying out to {}", account.recipient)))?;
    Ok(withdrawn)
}

/// Burns what was taken from providers; nothing is not even said.
///
/// # Errors
/// Those of the send.
pub(crate) fn burn(rt: &impl Runtime, amount: TokenAmount) -> Result<(), ActorError> {
    if amount.is_zero() {
        return Ok(());
    }
    rt.send(&BURNT_FUNDS_ACTOR, METHOD_SEND, None, amount)
        .success()
        .map_err(|error| error.context("burning collateral"))?;
    Ok(())
}

/// What an address has here, whether or not there is such an actor.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) when the address does not resolve.
///
/// Source: spec 07 §7, GetBalance.
pub(crate) fn get_balance(
    rt: &impl Runtime,
    account: Address,
) -> Result<GetBalanceReturn, ActorError> {
    rt.accept_any_caller()?;
    let id = rt.resolve(&account).or_exit(
        USR_ILLEGAL_ARGUMENT,
        format_args!("address {account} does not resolve"),
    )?;
    let holder = Address::new_id(id);
    let state: State = rt.state()?;
    Ok(GetBalanceReturn {
        balance: BalanceTable::load(&state.escrow_table, rt.store())?.get(&holder)?,
        locked: BalanceTable::load(&state.locked_table, rt.store())?.get(&holder)?,
    })
}
