//! Beneficiaries.

use super::*;
use crate::schema::BeneficiaryTerm;

const CHANGE: MethodNum = 30;
const GET: MethodNum = 31;

fn terms(to: ActorID, quota: i64, expiration: ChainEpoch) -> ChangeBeneficiaryParams {
    ChangeBeneficiaryParams {
        new_beneficiary: id(to),
        new_quota: atto(quota),
        new_expiration: expiration,
    }
}

fn now(rt: &MockRuntime) -> GetBeneficiaryReturn {
    get(rt, GET).unwrap()
}

fn consents(rt: &MockRuntime) -> Option<(bool, bool)> {
    let proposed = now(rt).proposed?;
    Some((
        proposed.approved_by_beneficiary,
        proposed.approved_by_nominee,
    ))
}

/// A miner that pays the nominee, 50 of 100 so far.
fn with_beneficiary() -> MockRuntime {
    let rt = miner();
    edit_info(&rt, |info| {
        info.beneficiary = id(NOMINEE);
        info.beneficiary_term = BeneficiaryTerm {
            quota: atto(100),
            used_quota: atto(50),
            expiration: BIRTH + 1,
        };
    });
    rt
}

#[test]
fn an_owner_proposes_and_the_nominee_consents() {
    let rt = miner();
    assert_eq!(code(&rt, CHANGE, &terms(NOMINEE, 100, 7)), 0);
    assert_eq!(consents(&rt), Some((true, false)));
    assert_eq!(now(&rt).active.beneficiary, id(OWNER));

    rt.caller(NOMINEE);
    assert_eq!(code(&rt, CHANGE, &terms(NOMINEE, 100, 7)), 0);
    let active = now(&rt).active;
    assert_eq!(active.beneficiary, id(NOMINEE));
    assert_eq!(
        (active.term.quota, active.term.expiration),
        (atto(100), 7),
        "a term in the past is allowed"
    );
    assert_eq!(consents(&rt), None);
}

#[test]
fn a_beneficiary_that_may_have_more_has_to_consent() {
    let rt = with_beneficiary();
    assert_eq!(code(&rt, CHANGE, &terms(STRANGER, 7, 9)), 0);
    assert_eq!(consents(&rt), Some((false, false)));
    rt.caller(STRANGER);
    assert_eq!(code(&rt, CHANGE, &terms(STRANGER, 7, 9)), 0);
    assert_eq!(consents(&rt), Some((false, true)));
    rt.caller(NOMINEE);
    assert_eq!(code(&rt, CHANGE, &terms(STRANGER, 7, 9)), 0);
    let active = now(&rt).active;
    assert_eq!(active.beneficiary, id(STRANGER));
    assert_eq!(
        active.term.used_quota,
        atto(0),
        "a new one begins at nought"
    );
}

#[test]
fn a_beneficiary_that_had_all_need_not_consent() {
    for (used, expiration, needed) in [
        (99, BIRTH + 1, true),
        (100, BIRTH + 1, false),
        (101, BIRTH + 1, false),
        (0, BIRTH, false),
    ] {
        let rt = with_beneficiary();
        edit_info(&rt, |info| {
            info.beneficiary_term.used_quota = atto(used);
            info.beneficiary_term.expiration = expiration;
        });
        code(&rt, CHANGE, &terms(STRANGER, 7, 9));
        assert_eq!(consents(&rt), Some((!needed, false)), "{used} {expiration}");
    }
}

#[test]
fn an_owner_that_takes_the_role_back_needs_the_beneficiary_only() {
    let rt = with_beneficiary();
    assert_eq!(code(&rt, CHANGE, &terms(OWNER, 0, 0)), 0);
    assert_eq!(consents(&rt), Some((false, true)));
    assert_eq!(code(&rt.caller(NOMINEE), CHANGE, &terms(OWNER, 0, 0)), 0);
    assert_eq!(now(&rt).active.beneficiary, id(OWNER));
}

#[test]
fn a_new_quota_for_the_same_keeps_what_it_had() {
    let rt = with_beneficiary();
    assert_eq!(code(&rt, CHANGE, &terms(NOMINEE, 70, 9)), 0);
    assert_eq!(code(&rt.caller(NOMINEE), CHANGE, &terms(NOMINEE, 70, 9)), 0);
    let term = now(&rt).active.term;
    assert_eq!((term.quota, term.used_quota), (atto(70), atto(50)));
}

#[test]
fn terms_have_to_make_sense() {
    let rt = miner();
    for (params, expected) in [
        (terms(NOMINEE, 0, 7), 16),
        (terms(NOMINEE, -1, 7), 16),
        (terms(OWNER, 1, 0), 16),
        (terms(OWNER, -1, 0), 16),
        (terms(OWNER, 0, 1), 16),
        (terms(OWNER, 0, 0), 0),
        (terms(NOMINEE, 1, -5), 0),
    ] {
        assert_eq!(code(&rt, CHANGE, &params), expected, "{params:?}");
    }
    let mut unknown = terms(NOMINEE, 1, 7);
    unknown.new_beneficiary = secp(99);
    assert_eq!(code(&rt, CHANGE, &unknown), 16);
    assert_eq!(code(&rt.caller(STRANGER), CHANGE, &unknown), 16);
}

#[test]
fn who_consents_says_the_same() {
    let rt = miner();
    code(&rt, CHANGE, &terms(NOMINEE, 100, 7));
    for (params, expected) in [
        (terms(STRANGER, 100, 7), 16),
        (terms(NOMINEE, 99, 7), 16),
        (terms(NOMINEE, 100, 8), 16),
    ] {
        assert_eq!(code(&rt.caller(NOMINEE), CHANGE, &params), expected);
        assert_eq!(code(&rt.caller(STRANGER), CHANGE, &params), 18);
    }
}

#[test]
fn without_a_proposal_there_is_nothing_to_consent_to() {
    let rt = miner().caller(NOMINEE);
    assert_eq!(code(&rt, CHANGE, &terms(NOMINEE, 100, 7)), 18);
}
