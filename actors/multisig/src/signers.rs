//! Who signs, and how many approvals a transaction needs.

use boatyard_actors_shared::resolve::Existence;
use boatyard_actors_shared::{INIT_ACTOR, resolve_to_id};
use boatyard_sdk::{ActorError, Runtime, ensure};
use fvm_shared::address::Address;

use crate::state::{MAX_SIGNERS, State};
use crate::types::{
    AddSignerParams, ChangeThresholdParams, ConstructorParams, RemoveSignerParams, SwapSignerParams,
};

/// Sets a wallet up. With an unlock duration, the value received is locked.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is not f01 |
/// | `USR_ILLEGAL_ARGUMENT` (16) | no signers, more than 256, one twice, a threshold out of reach, a negative duration |
/// | those of [`resolve_to_id`] | a signer is no actor |
/// | `USR_ILLEGAL_STATE` (20) | constructed already |
///
/// Source: spec 04 §1.4.
pub(crate) fn construct(rt: &impl Runtime, params: ConstructorParams) -> Result<(), ActorError> {
    rt.validate_caller_is(&[INIT_ACTOR])?;
    ensure!(
        !params.signers.is_empty(),
        USR_ILLEGAL_ARGUMENT,
        "a wallet without signers"
    );
    ensure!(
        params.signers.len() <= MAX_SIGNERS,
        USR_ILLEGAL_ARGUMENT,
        "{} signers are more than {MAX_SIGNERS}",
        params.signers.len()
    );
    let mut signers = Vec::with_capacity(params.signers.len());
    for signer in &params.signers {
        let id_address = Address::new_id(resolve_to_id(rt, signer, Existence::Checked)?);
        ensure!(
            !signers.contains(&id_address),
            USR_ILLEGAL_ARGUMENT,
            "{signer} is a signer twice, as {id_address}"
        );
        signers.push(id_address);
    }
    require_reachable(params.num_approvals_threshold, signers.len())?;
    ensure!(
        params.unlock_duration >= 0,
        USR_ILLEGAL_ARGUMENT,
        "an unlock duration of {} epochs",
        params.unlock_duration
    );

    let mut state = State::new(rt.store(), signers, params.num_approvals_threshold)?;
    if params.unlock_duration != 0 {
        state.initial_balance = rt.value_received().clone();
        state.start_epoch = params.start_epoch;
        state.unlock_duration = params.unlock_duration;
    }
    rt.create(&state)
}

/// Adds a signer.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is not the wallet, there are 256 signers, or it is one already |
/// | those of [`resolve_to_id`] | the signer is no actor |
///
/// Source: spec 04 §1.12.
pub(crate) fn add(rt: &impl Runtime, params: AddSignerParams) -> Result<(), ActorError> {
    rt.validate_caller_is(&[rt.receiver()])?;
    let signer = Address::new_id(resolve_to_id(rt, &params.signer, Existence::Checked)?);
    rt.transaction(|state: &mut State| {
        ensure!(
            state.signers.len() < MAX_SIGNERS,
            USR_FORBIDDEN,
            "there are {MAX_SIGNERS} signers already"
        );
        ensure!(
            !state.is_signer(&signer),
            USR_FORBIDDEN,
            "{signer} is a signer already"
        );
        state.signers.push(signer);
        if params.increase {
            state.num_approvals_threshold += 1;
        }
        Ok(())
    })
}

/// Removes a signer and its approvals.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is not the wallet, it is no signer, or the only one |
/// | `USR_ILLEGAL_ARGUMENT` (16) | the threshold would be out of reach or 0 |
/// | those of [`resolve_to_id`] | the address does not resolve |
///
/// Source: spec 04 §1.12.
pub(crate) fn remove(rt: &impl Runtime, params: RemoveSignerParams) -> Result<(), ActorError> {
    rt.validate_caller_is(&[rt.receiver()])?;
    let signer = Address::new_id(resolve_to_id(rt, &params.signer, Existence::Assumed)?);
    rt.transaction(|state: &mut State| {
        ensure!(
            state.is_signer(&signer),
            USR_FORBIDDEN,
            "{signer} is no signer"
        );
        let left = state.signers.len() - 1;
        ensure!(left > 0, USR_FORBIDDEN, "{signer} is the only signer");
        if params.decrease {
            ensure!(
                state.num_approvals_threshold >= 2,
                USR_ILLEGAL_ARGUMENT,
                "the threshold is {} and cannot fall",
                state.num_approvals_threshold
            );
            state.num_approvals_threshold -= 1;
        } else {
            ensure!(
                left as u64 >= state.num_approvals_threshold,
                USR_ILLEGAL_ARGUMENT,
                "{left} signers would be left for a threshold of {}",
                state.num_approvals_threshold
            );
        }
        state.purge_approvals(rt.store(), &signer)?;
        state.signers.retain(|other| *other != signer);
        Ok(())
    })
}

/// Puts a new signer, last in the list, for an old one, whose approvals go.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_FORBIDDEN` (18) | the caller is not the wallet, or `from` is no signer |
/// | `USR_ILLEGAL_ARGUMENT` (16) | `to` is a signer already |
/// | those of [`resolve_to_id`] | `from` does not resolve, or `to` is no actor |
///
/// Source: spec 04 §1.12.
pub(crate) fn swap(rt: &impl Runtime, params: SwapSignerParams) -> Result<(), ActorError> {
    rt.validate_caller_is(&[rt.receiver()])?;
    let from = Address::new_id(resolve_to_id(rt, &params.from, Existence::Assumed)?);
    let to = Address::new_id(resolve_to_id(rt, &params.to, Existence::Checked)?);
    rt.transaction(|state: &mut State| {
        ensure!(state.is_signer(&from), USR_FORBIDDEN, "{from} is no signer");
        // AddSigner answers the same with 18.
        ensure!(
            !state.is_signer(&to),
            USR_ILLEGAL_ARGUMENT,
            "{to} is a signer already"
        );
        state.signers.retain(|other| *other != from);
        state.signers.push(to);
        state.purge_approvals(rt.store(), &from)
    })
}

/// Sets the threshold. Transactions that reach a lower one wait for their next
/// `Approve`.
///
/// # Errors
/// `USR_FORBIDDEN` (18) when the caller is not the wallet, `USR_ILLEGAL_ARGUMENT`
/// (16) for 0 or more than there are signers.
///
/// Source: spec 04 §1.12.
pub(crate) fn change_threshold(
    rt: &impl Runtime,
    params: ChangeThresholdParams,
) -> Result<(), ActorError> {
    rt.validate_caller_is(&[rt.receiver()])?;
    rt.transaction(|state: &mut State| {
        require_reachable(params.new_threshold, state.signers.len())?;
        state.num_approvals_threshold = params.new_threshold;
        Ok(())
    })
}

fn require_reachable(threshold: u64, signers: usize) -> Result<(), ActorError> {
    ensure!(
        (1..=signers as u64).contains(&threshold),
        USR_ILLEGAL_ARGUMENT,
        "a threshold of {threshold} with {signers} signers"
    );
    Ok(())
}
