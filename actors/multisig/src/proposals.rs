//! `Propose`, `Approve`, `Cancel`: a transaction from proposal to execution.

use boatyard_sdk::{
    ActorError, Context, Runtime, SendResultExt, ensure, exit_codes::*, raw_params,
};
use fvm_ipld_encoding::{RawBytes, to_vec};
use fvm_shared::error::ExitCode;

use crate::state::{State, Transaction, TxnId};
use crate::types::{ApproveReturn, ProposeParams, ProposeReturn, TxnIdParams};

/// Proposes a transaction with the caller's approval, and executes it if no other
/// is needed.
///
/// A transaction that fails is executed nevertheless: its code is in the return. One
/// that the balance does not cover is not even kept.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | the value is negative |
/// | `USR_FORBIDDEN` (18) | the caller is no signer |
/// | `USR_INSUFFICIENT_FUNDS` (19) | it would be executed, but there is too little or it is locked |
///
/// Source: spec 04 §1.5.
pub(crate) fn propose(
    rt: &impl Runtime,
    params: ProposeParams,
) -> Result<ProposeReturn, ActorError> {
    rt.accept_any_caller()?;
    ensure!(
        !params.value.is_negative(),
        USR_ILLEGAL_ARGUMENT,
        "a transaction of {}",
        params.value
    );
    let txn = Transaction {
        to: params.to,
        value: params.value,
        method: params.method,
        params: params.params,
        approved: Vec::new(),
    };
    let txn_id = rt.transaction(|state: &mut State| {
        require_signer(rt, state)?;
        let id = state.next_tx_id;
        state.next_tx_id = id
            .checked_add(1)
            .or_exit(USR_ASSERTION_FAILED, "the transaction IDs are used up")?;
        state.change_pending(rt.store(), |pending| {
            pending.set(&id, txn.clone())?;
            Ok(())
        })?;
        Ok(id)
    })?;
    let outcome = approve_and_execute(rt, txn_id, txn)?;
    Ok(ProposeReturn {
        txn_id,
        applied: outcome.applied,
        code: outcome.code,
        ret: outcome.ret,
    })
}

/// Approves a transaction, and executes it once it has enough approvals. One that
/// has enough already is executed without another one.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is no signer, or approved before |
/// | `USR_NOT_FOUND` (17) | there is no such transaction |
/// | `USR_ILLEGAL_ARGUMENT` (16) | it is not the one that the caller means |
/// | `USR_INSUFFICIENT_FUNDS` (19) | it would be executed, but there is too little or it is locked |
///
/// Source: spec 04 §1.6.
pub(crate) fn approve(rt: &impl Runtime, params: TxnIdParams) -> Result<ApproveReturn, ActorError> {
    rt.accept_any_caller()?;
    let (state, txn) = rt.transaction(|state: &mut State| {
        require_signer(rt, state)?;
        let txn = pending_transaction(rt, state, params.id)?;
        ensure!(
            is_meant(rt, &txn, &params.proposal_hash)?,
            USR_ILLEGAL_ARGUMENT,
            "transaction {} has another hash",
            params.id
        );
        Ok((state.clone(), txn))
    })?;
    let outcome = execute_if_approved(rt, &state, params.id, &txn)?;
    if outcome.applied {
        return Ok(outcome);
    }
    approve_and_execute(rt, params.id, txn)
}

/// Forgets a transaction.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is no signer, or not the first approver |
/// | `USR_NOT_FOUND` (17) | there is no such transaction |
/// | `USR_ILLEGAL_STATE` (20) | it is not the one that the caller means |
///
/// Source: spec 04 §1.11.
pub(crate) fn cancel(rt: &impl Runtime, params: TxnIdParams) -> Result<(), ActorError> {
    rt.accept_any_caller()?;
    rt.transaction(|state: &mut State| {
        require_signer(rt, state)?;
        let txn = pending_transaction(rt, state, params.id)?;
        ensure!(
            txn.approved.first() == Some(&rt.caller()),
            USR_FORBIDDEN,
            "transaction {} was not proposed by {}",
            params.id,
            rt.caller()
        );
        // Approve answers the same with 16.
        ensure!(
            is_meant(rt, &txn, &params.proposal_hash)?,
            USR_ILLEGAL_STATE,
            "transaction {} has another hash",
            params.id
        );
        state.change_pending(rt.store(), |pending| {
            pending.remove(&params.id)?;
            Ok(())
        })
    })
}

fn require_signer(rt: &impl Runtime, state: &State) -> Result<(), ActorError> {
    ensure!(
        state.is_signer(&rt.caller()),
        USR_FORBIDDEN,
        "{} is no signer",
        rt.caller()
    );
    Ok(())
}

fn pending_transaction(
    rt: &impl Runtime,
    state: &State,
    id: TxnId,
) -> Result<Transaction, ActorError> {
    let pending = state.pending_txs.load(rt.store())?;
    pending.get(&id)?.cloned().or_exit(
        USR_NOT_FOUND,
        format_args!("no transaction {id} is pending"),
    )
}

/// Whether a transaction has the hash that the caller gave; every one is meant by
/// none.
fn is_meant(rt: &impl Runtime, txn: &Transaction, hash: &[u8]) -> Result<bool, ActorError> {
    if hash.is_empty() {
        return Ok(true);
    }
    let data = to_vec(&txn.hash_data()).or_exit(
        USR_SERIALIZATION,
        "what the proposal hash is made of cannot be encoded",
    )?;
    Ok(rt.blake2b(&data) == hash)
}

/// Records the caller's approval and executes the transaction if that is enough.
fn approve_and_execute(
    rt: &impl Runtime,
    id: TxnId,
    mut txn: Transaction,
) -> Result<ApproveReturn, ActorError> {
    let caller = rt.caller();
    ensure!(
        !txn.approved.contains(&caller),
        USR_FORBIDDEN,
        "{caller} approved transaction {id} before"
    );
    txn.approved.push(caller);
    let state = rt.transaction(|state: &mut State| {
        state.change_pending(rt.store(), |pending| {
            pending.set(&id, txn.clone())?;
            Ok(())
        })?;
        Ok(state.clone())
    })?;
    execute_if_approved(rt, &state, id, &txn)
}

/// Executes a transaction that has enough approvals. It is consumed whatever
/// becomes of it, and before it is sent: the callee may call back.
///
/// Source: spec 04 §1.8.
fn execute_if_approved(
    rt: &impl Runtime,
    state: &State,
    id: TxnId,
    txn: &Transaction,
) -> Result<ApproveReturn, ActorError> {
    if !state.is_approved(txn) {
        return Ok(ApproveReturn {
            applied: false,
            code: ExitCode::OK,
            ret: RawBytes::default(),
        });
    }
    state.check_available(&rt.current_balance(), &txn.value, rt.epoch())?;
    rt.transaction(|state: &mut State| {
        state.change_pending(rt.store(), |pending| {
            pending.remove(&id)?;
            Ok(())
        })
    })?;

    let sent = rt
        .send(
            &txn.to,
            txn.method,
            raw_params(&txn.params),
            txn.value.clone(),
        )
        .success();
    let (code, data) = match sent {
        Ok(returned) => (ExitCode::OK, returned),
        Err(failure) => {
            let (code, _, data) = failure.into_parts();
            (code, data)
        }
    };
    Ok(ApproveReturn {
        applied: true,
        code,
        ret: data.map(|block| block.data.into()).unwrap_or_default(),
    })
}
