use cid::Cid;
use fvm_shared::error::ErrorNumber;

use super::*;

#[test]
fn only_cron_ends_an_epoch() {
    let rt = with_miners(&[MINER]);
    for caller in [0, ACCOUNT, MINER] {
        assert_eq!(
            get::<()>(&rt.caller(caller), ON_EPOCH_TICK_END),
            Err(Some(18))
        );
    }
    assert_eq!(code(&rt, ON_EPOCH_TICK_END, &()), 16);
}

/// Source: spec 03 §4.3.
#[test]
fn a_tick_without_miners_has_the_sheets_head() {
    let rt = power();
    quiet_tick(&rt, 1, 0);
    let state = state(&rt);
    assert_eq!(state.first_cron_epoch, 2);
    assert_eq!(
        state.this_epoch_qa_power_smoothed,
        FilterEstimate {
            position: big("275179822530440438563066443573710697884357047049256960"),
            velocity: big("1402963348486306421792721439407631698869695241256960"),
        }
    );
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzacecg5mcycpvihqflutsjroiv4wifqpgad7gxhfhfx2udvn5ahtz6jw"
    );
}

#[test]
fn a_tick_fails_with_the_reward_actor() {
    let rt = with_miners(&[MINER]);
    assert_eq!(enroll(&rt, 1, b""), 0);
    let head = rt.head();
    rt.expect_send(REWARD_ACTOR, THIS_EPOCH_REWARD).exits(20);
    assert_eq!(tick_at(&rt, 1), 20);
    rt.expect_send(REWARD_ACTOR, THIS_EPOCH_REWARD);
    assert_eq!(tick_at(&rt, 1), 24, "no return value");
    rt.expect_send(REWARD_ACTOR, THIS_EPOCH_REWARD).returns(&1);
    assert_eq!(tick_at(&rt, 1), 21);
    expect_reward(&rt);
    expect_callback(&rt, MINER, b"");
    expect_kpi(&rt, 0).exits(16);
    assert_eq!(tick_at(&rt, 1), 16, "the calls are undone as well");
    assert_eq!(rt.head(), head);
}

#[test]
fn miners_are_called_by_epoch_and_then_in_the_order_of_asking() {
    let rt = with_miners(&[MINER, MINER_2]);
    let empty: Cid = *state(&rt).cron_event_queue.cid();
    for (miner, epoch, payload) in [
        (MINER, 12, b"d"),
        (MINER_2, 11, b"b"),
        (MINER, 11, b"c"),
        (MINER_2, 3, b"a"),
        (MINER, 13, b"e"),
    ] {
        assert_eq!(enroll(&rt.caller(miner), epoch, payload), 0);
    }
    expect_reward(&rt);
    expect_callback(&rt, MINER_2, b"a");
    expect_callback(&rt, MINER_2, b"b");
    expect_callback(&rt, MINER, b"c");
    expect_callback(&rt, MINER, b"d");
    expect_kpi(&rt, 0);
    assert_eq!(tick_at(&rt, 12), 0);
    assert_eq!(state(&rt).first_cron_epoch, 13);

    expect_reward(&rt);
    expect_callback(&rt, MINER, b"e");
    expect_kpi(&rt, 0);
    assert_eq!(tick_at(&rt, 13), 0);
    assert_eq!(*state(&rt).cron_event_queue.cid(), empty);
    quiet_tick(&rt, 14, 0);
}

#[test]
fn events_without_a_claim_are_dropped() {
    let rt = with_miners(&[MINER]).actor(MINER_2, Type::Miner);
    let empty: Cid = *state(&rt).cron_event_queue.cid();
    assert_eq!(enroll(&rt.caller(MINER_2), 1, b"x"), 0);
    assert_eq!(enroll(&rt.caller(MINER), 2, b"y"), 0);
    assert_eq!(enroll(&rt.caller(MINER_2), 2, b"z"), 0);
    quiet_tick(&rt, 1, 0);
    expect_reward(&rt);
    expect_callback(&rt, MINER, b"y");
    expect_kpi(&rt, 0);
    assert_eq!(tick_at(&rt, 2), 0);
    assert_eq!(*state(&rt).cron_event_queue.cid(), empty);
    assert_eq!(state(&rt).miner_count, 1, "nobody is punished");
}

/// The first epoch follows the current one even if it was ahead of it.
#[test]
fn the_first_epoch_is_always_the_next() {
    let rt = power();
    for epoch in [10, 5, 11] {
        quiet_tick(&rt, epoch, 0);
        assert_eq!(state(&rt).first_cron_epoch, epoch + 1);
    }
}

#[test]
fn a_damaged_queue_stops_the_tick() {
    let rt = with_miners(&[MINER]);
    let nowhere = rt.head();
    let mut state: State = rt.state();
    let mut queue = state.cron_event_queue.load(rt.store()).unwrap();
    let head_is_no_array = boatyard_sdk::ArrayRoot::from_cid(nowhere);
    queue.set(&1, head_is_no_array).unwrap();
    state.cron_event_queue = queue.flush().unwrap();
    rt.set_state(&state);
    expect_reward(&rt);
    assert_eq!(tick_at(&rt, 1), 20);
}

#[test]
fn a_failing_miner_loses_its_claim() {
    let rt = with_power(&[(MINER, MINIMUM, 2 * MINIMUM), (MINER_2, 1, 1)]);
    assert_eq!(pledge(&rt, &fil(4)), 0);
    assert_eq!(enroll(&rt.caller(MINER), 1, b"a"), 0);
    assert_eq!(enroll(&rt.caller(MINER), 9, b"b"), 0);
    assert_eq!(enroll(&rt.caller(MINER_2), 1, b"c"), 0);
    expect_reward(&rt);
    expect_callback(&rt, MINER, b"a").exits(20);
    expect_callback(&rt, MINER_2, b"c");
    expect_kpi(&rt, 1);
    assert_eq!(tick_at(&rt, 1), 0);

    assert_eq!(claim(&rt, MINER), None);
    assert_eq!(totals(&rt), bytes([0, 1, 0, 1]));
    let after = state(&rt);
    assert_eq!(
        (after.miner_count, after.miner_above_min_power_count),
        (1, 0)
    );
    assert_eq!(after.total_pledge_collateral, fil(4), "the pledge stays");
    assert_eq!(pledge(&rt.caller(MINER), &fil(1)), 18);
    assert_eq!(change(&rt, 1, 1), 17);

    let waiting = invariants::summary(&after, rt.store()).unwrap().events;
    assert_eq!(
        waiting[&MINER].len(),
        1,
        "later calls stay, and are dropped"
    );
    quiet_tick(&rt, 9, 1);
}

#[test]
fn a_miner_that_cannot_be_called_loses_its_claim_too() {
    let rt = with_miners(&[MINER]);
    assert_eq!(enroll(&rt, 1, b""), 0);
    expect_reward(&rt);
    expect_callback(&rt, MINER, b"").refused(ErrorNumber::NotFound);
    expect_kpi(&rt, 0);
    assert_eq!(tick_at(&rt, 1), 0);
    assert_eq!(claim(&rt, MINER), None);
}

/// Mainnet's quirk: the count falls for every failure.
#[test]
fn a_miner_that_fails_twice_is_counted_down_twice() {
    let rt = with_power(&[(MINER, MINIMUM, MINIMUM), (MINER_2, 1, 1)]);
    for payload in [b"a", b"b"] {
        assert_eq!(enroll(&rt.caller(MINER), 1, payload), 0);
    }
    expect_reward(&rt);
    expect_callback(&rt, MINER, b"a").exits(24);
    expect_callback(&rt, MINER, b"b").exits(24);
    expect_kpi(&rt, 1);
    assert_eq!(tick_at(&rt, 1), 0);
    assert_eq!(state(&rt).miner_count, 0);
    assert_eq!(totals(&rt), bytes([0, 1, 0, 1]));
}

#[test]
fn called_miners_change_what_is_frozen() {
    let rt = with_power(&[(MINER, 2 * MINIMUM, 2 * MINIMUM)]);
    quiet_tick(&rt, 1, 2 * MINIMUM);
    assert_eq!(enroll(&rt.caller(MINER), 2, b"a"), 0);
    expect_reward(&rt);
    expect_callback(&rt, MINER, b"a").effect(|rt| {
        let rt = rt.caller(MINER);
        assert_eq!(change(&rt, -MINIMUM, -MINIMUM), 0);
        assert_eq!(pledge(&rt, &fil(7)), 0);
        let seen: CurrentTotalPowerReturn = get(&rt, CURRENT_TOTAL_POWER).unwrap();
        assert_eq!(seen.raw_byte_power, (2 * MINIMUM).into(), "still frozen");
        assert_eq!(enroll(&rt, 0, b"b"), 0);
    });
    expect_kpi(&rt, MINIMUM);
    assert_eq!(tick_at(&rt, 2), 0);
    let after = state(&rt);
    assert_eq!(after.this_epoch_raw_byte_power, MINIMUM.into());
    assert_eq!(after.this_epoch_pledge_collateral, fil(7));
    assert_eq!(after.first_cron_epoch, 0, "enrolled while it was called");

    expect_reward(&rt);
    expect_callback(&rt, MINER, b"b");
    expect_kpi(&rt, MINIMUM);
    assert_eq!(tick_at(&rt, 3), 0);
    assert_eq!(state(&rt).first_cron_epoch, 4);
}

/// All miners are told the estimate of the last tick, which the expected
/// parameters are made of.
#[test]
fn the_estimate_moves_after_the_calls() {
    let rt = with_power(&[(MINER, MINIMUM, MINIMUM)]);
    assert_eq!(enroll(&rt, 1, b""), 0);
    let before = state(&rt).this_epoch_qa_power_smoothed;
    expect_reward(&rt);
    expect_callback(&rt, MINER, b"");
    expect_kpi(&rt, MINIMUM);
    assert_eq!(tick_at(&rt, 1), 0);
    let after = state(&rt).this_epoch_qa_power_smoothed;
    assert_eq!(after, before.next(&MINIMUM.into(), 1).unwrap());
}

/// Unlike the reward's, the filter takes one step however many epochs passed.
#[test]
fn the_filter_steps_by_one_epoch() {
    let rt = power();
    let before = state(&rt).this_epoch_qa_power_smoothed;
    quiet_tick(&rt, 1_000, 0);
    let after = state(&rt).this_epoch_qa_power_smoothed;
    assert_eq!(after, before.next(&0.into(), 1).unwrap());
}

#[test]
fn small_miners_count_while_large_ones_are_few() {
    let large = |count: u64| {
        let mut claims = vec![(MINER, 7, 70)];
        claims.extend((0..count).map(|i| (2_000 + i, MINIMUM, 2 * MINIMUM)));
        with_power(&claims)
    };
    for (count, small) in [(3, 7), (4, 0)] {
        let rt = large(count);
        let raw = count as i64 * MINIMUM + small;
        quiet_tick(&rt, 1, raw);
        let frozen = state(&rt);
        assert_eq!(frozen.this_epoch_raw_byte_power, raw.into());
        assert_eq!(
            frozen.this_epoch_quality_adj_power,
            (count as i64 * 2 * MINIMUM + 10 * small).into()
        );
    }
}

#[test]
fn a_read_only_tick_fails() {
    let rt = power();
    expect_reward(&rt);
    assert_eq!(tick_at(&rt.read_only(), 1), 25);
}
