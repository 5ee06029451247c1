//! Claims: reading, longer terms, the end.

use boatyard_actors_shared::PolicyExt;
use boatyard_actors_shared::batch::{BatchBuilder, BatchReturn};
use boatyard_actors_shared::ext::verifreg::{Claim, GetClaimsParams, GetClaimsReturn};
use boatyard_sdk::{ActorError, Context, Runtime, exit_codes::*};

use crate::events;
use crate::expiration::consider;
use crate::state::State;
use crate::types::{ExtendClaimTermsParams, RemoveExpiredClaimsParams, RemoveExpiredClaimsReturn};

/// Gives claims of a provider; those that are not there fail with 17.
///
/// Source: spec 08 §A6, GetClaims.
pub(crate) fn get(
    rt: &impl Runtime,
    params: GetClaimsParams,
) -> Result<GetClaimsReturn, ActorError> {
    rt.accept_any_caller()?;
    let state: State = rt.state()?;
    let mut claims = state.load_claims(rt.store())?;
    let mut found = Vec::new();
    let mut results = BatchBuilder::default();
    for id in &params.claim_ids {
        match claims.get(&params.provider, id)? {
            Some(claim) => {
                found.push(claim.clone());
                results.add_success();
            }
            None => results.add_failure(USR_NOT_FOUND),
        }
    }
    Ok(GetClaimsReturn {
        batch_info: results.build(),
        claims: found,
    })
}

/// Lets claims of the caller last longer, expired ones too. No failure undoes the
/// others: 16 (too long, or shorter than it was), 17 (no such claim), 18 (not the
/// caller's).
///
/// Source: spec 08 §A6, ExtendClaimTerms.
pub(crate) fn extend_terms(
    rt: &impl Runtime,
    params: ExtendClaimTermsParams,
) -> Result<BatchReturn, ActorError> {
    rt.accept_any_caller()?;
    let longest = rt.policy().maximum_verified_allocation_term;
    let mut results = BatchBuilder::default();
    rt.transaction(|state: &mut State| {
        let mut claims = state.load_claims(rt.store())?;
        for term in &params.terms {
            if term.term_max > longest {
                results.add_failure(USR_ILLEGAL_ARGUMENT);
                continue;
            }
            let Some(claim) = claims.get(&term.provider, &term.claim_id)? else {
                results.add_failure(USR_NOT_FOUND);
                continue;
            };
            if claim.client != rt.message().caller {
                results.add_failure(USR_FORBIDDEN);
                continue;
            }
            if term.term_max < claim.term_max {
                results.add_failure(USR_ILLEGAL_ARGUMENT);
                continue;
            }
            let extended = Claim {
                term_max: term.term_max,
                ..claim.clone()
            };
            claims.set(&term.provider, &term.claim_id, extended.clone())?;
            results.add_success();
            events::claim(rt, events::CLAIM_UPDATED, term.claim_id, &extended)?;
        }
        state.claims = claims.flush()?;
        Ok(())
    })?;
    Ok(results.build())
}

/// Forgets expired claims of a provider.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) when an expired one is named twice.
///
/// Source: spec 08 §A6, RemoveExpiredClaims.
pub(crate) fn remove_expired(
    rt: &impl Runtime,
    params: RemoveExpiredClaimsParams,
) -> Result<RemoveExpiredClaimsReturn, ActorError> {
    rt.accept_any_caller()?;
    let provider = params.provider;
    let considered = rt.transaction(|state: &mut State| {
        let mut claims = state.load_claims(rt.store())?;
        let considered = consider(&mut claims, provider, params.claim_ids, rt.epoch())?;
        for id in &considered.expired {
            let removed = claims.remove(&provider, id)?.or_exit(
                USR_ASSERTION_FAILED,
                format_args!("claim {id} is removed twice"),
            )?;
            events::claim(rt, events::CLAIM_REMOVED, *id, &removed)?;
        }
        state.claims = claims.flush()?;
        Ok(considered)
    })?;
    Ok(RemoveExpiredClaimsReturn {
        considered: considered.ids,
        results: considered.results,
    })
}
