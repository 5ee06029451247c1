//! Who withdrawals are paid to (spec 05 §7.5, §7.6).

use boatyard_sdk::{ActorError, Context, Runtime, ensure, exit_codes::*};
use fvm_shared::address::Address;
use num_traits::Zero;

use super::identity::change_info;
use crate::schema::{MinerInfo, PendingBeneficiaryChange};
use crate::types::ChangeBeneficiaryParams;

/// Proposes a beneficiary, as the owner, or consents, as the present one or the one to
/// come. It takes both consents; a beneficiary that may have nothing any more need not
/// consent.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | the address does not resolve; a beneficiary without quota; an owner with quota or expiration; who consents says other terms |
/// | `USR_FORBIDDEN` (18) | the caller has no say |
///
/// Source: spec 05 §7.6.
pub(crate) fn change(rt: &impl Runtime, params: ChangeBeneficiaryParams) -> Result<(), ActorError> {
    rt.accept_any_caller()?;
    let caller = rt.caller();
    let nominee = rt.resolve(&params.new_beneficiary).or_exit(
        USR_ILLEGAL_ARGUMENT,
        format_args!("there is no beneficiary {}", params.new_beneficiary),
    )?;
    let nominee = Address::new_id(nominee);
    change_info(rt, |info| {
        let mut pending = if caller == info.owner {
            check_terms(info, nominee, &params)?;
            let consented = info.beneficiary_term.available(rt.epoch()).is_zero();
            PendingBeneficiaryChange {
                new_beneficiary: nominee,
                new_quota: params.new_quota,
                new_expiration: params.new_expiration,
                approved_by_beneficiary: consented,
                approved_by_nominee: false,
            }
        } else {
            let pending = info.pending_beneficiary_term.clone().or_exit(
                USR_FORBIDDEN,
                format_args!("{caller} is not the owner, and no beneficiary is proposed"),
            )?;
            check_consent(info, &pending, caller, nominee, &params)?;
            pending
        };
        pending.approved_by_beneficiary |= caller == info.beneficiary;
        pending.approved_by_nominee |= caller == pending.new_beneficiary;
        if pending.approved_by_beneficiary && pending.approved_by_nominee {
            install(info, pending);
        } else {
            info.pending_beneficiary_term = Some(pending);
        }
        Ok(())
    })
}

fn check_terms(
    info: &MinerInfo,
    nominee: Address,
    params: &ChangeBeneficiaryParams,
) -> Result<(), ActorError> {
    if nominee != info.owner {
        ensure!(
            params.new_quota.is_positive(),
            USR_ILLEGAL_ARGUMENT,
            "a beneficiary with a quota of {}",
            params.new_quota
        );
        return Ok(());
    }
    ensure!(
        params.new_quota.is_zero(),
        USR_ILLEGAL_ARGUMENT,
        "the owner needs no quota, not {}",
        params.new_quota
    );
    ensure!(
        params.new_expiration == 0,
        USR_ILLEGAL_ARGUMENT,
        "the owner's term does not expire, not at {}",
        params.new_expiration
    );
    Ok(())
}

fn check_consent(
    info: &MinerInfo,
    pending: &PendingBeneficiaryChange,
    caller: Address,
    nominee: Address,
    params: &ChangeBeneficiaryParams,
) -> Result<(), ActorError> {
    ensure!(
        caller == info.beneficiary || caller == pending.new_beneficiary,
        USR_FORBIDDEN,
        "{caller} is neither owner nor beneficiary, present or to come"
    );
    ensure!(
        nominee == pending.new_beneficiary,
        USR_ILLEGAL_ARGUMENT,
        "{} is proposed, not {nominee}",
        pending.new_beneficiary
    );
    ensure!(
        params.new_quota == pending.new_quota,
        USR_ILLEGAL_ARGUMENT,
        "a quota of {} is proposed, not {}",
        pending.new_quota,
        params.new_quota
    );
    ensure!(
        params.new_expiration == pending.new_expiration,
        USR_ILLEGAL_ARGUMENT,
        "a term to {} is proposed, not to {}",
        pending.new_expiration,
        params.new_expiration
    );
    Ok(())
}

fn install(info: &mut MinerInfo, change: PendingBeneficiaryChange) {
    if change.new_beneficiary != info.beneficiary {
        info.beneficiary_term.used_quota.set_zero();
    }
    info.beneficiary = change.new_beneficiary;
    info.beneficiary_term.quota = change.new_quota;
    info.beneficiary_term.expiration = change.new_expiration;
    info.pending_beneficiary_term = None;
}
