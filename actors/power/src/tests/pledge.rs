use super::*;

#[test]
fn only_miners_with_a_claim_change_the_pledge() {
    let rt = with_miners(&[MINER]);
    for caller in [0, ACCOUNT, CRON_ACTOR_ID] {
        assert_eq!(pledge(&rt.caller(caller), &fil(1)), 18);
    }
    let unclaimed = rt.caller_of_type(MINER_2, Type::Miner);
    assert_eq!(pledge(&unclaimed, &fil(1)), 18);
    assert_eq!(pledge(&unclaimed, &fil(-1)), 18, "before the amount");
    let malformed = code(&rt.caller(ACCOUNT), UPDATE_PLEDGE_TOTAL, &(fil(1),));
    assert_eq!(malformed, 21, "the amount is bare");
}

/// The comparison is with the pledge of all miners together.
#[test]
fn the_pledge_is_never_negative() {
    let rt = with_miners(&[MINER, MINER_2]);
    assert_eq!(pledge(&rt, &fil(-1)), 20);
    assert_eq!(pledge(&rt.caller(MINER_2), &fil(5)), 0);
    assert_eq!(pledge(&rt.caller(MINER), &fil(-3)), 0);
    assert_eq!(pledge(&rt, &fil(-3)), 20);
    assert_eq!(state(&rt).total_pledge_collateral, fil(2));
    assert_eq!(pledge(&rt, &fil(-2)), 0);
    assert_eq!(state(&rt).total_pledge_collateral, fil(0));
}

#[test]
fn others_see_the_pledge_after_the_next_tick() {
    let rt = with_miners(&[MINER]);
    assert_eq!(pledge(&rt, &fil(5)), 0);
    let seen = |rt: &MockRuntime| {
        let total: CurrentTotalPowerReturn = get(rt, CURRENT_TOTAL_POWER).unwrap();
        total.pledge_collateral
    };
    assert_eq!(seen(&rt), fil(0));
    quiet_tick(&rt, 1, 0);
    assert_eq!(seen(&rt), fil(5));
}
