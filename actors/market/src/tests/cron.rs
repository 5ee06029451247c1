//! The end of an epoch.

use boatyard_sdk::nested::SetMultimap;
use boatyard_sdk::{ArrayRoot, MapRoot};

use super::*;
use crate::deal::next_update_epoch;

/// Cron's first look at a deal.
fn first_look(id: DealID) -> ChainEpoch {
    next_update_epoch(id, INTERVAL, START)
}

const CLIENT_HAD: i64 = 100 * CLIENT_NEEDS;
const PROVIDER_HAD: i64 = 100 * PROVIDER_COLLATERAL;

#[test]
fn only_cron_ticks() {
    let rt = market().caller(STRANGER);
    let error = rt.call::<Market>(9, None).unwrap_err();
    assert_eq!(error.exit_code().value(), 18);
    let error = rt
        .caller(CRON_ACTOR_ID)
        .call_with::<Market>(9, &())
        .unwrap_err();
    assert_eq!(error.exit_code().value(), 16, "it takes nothing");
}

#[test]
fn a_quiet_tick_only_moves_on() {
    let rt = with_deals(2);
    let before: State = rt.state();
    for epoch in [NOW, NOW, START - 1] {
        tick(&rt, epoch).unwrap();
        let expected = State {
            last_cron: epoch,
            ..before.clone()
        };
        assert_eq!(state(&rt), expected);
    }
}

/// However many there are: a tick without deals that are due costs the same.
#[test]
fn a_quiet_tick_reads_nothing_of_the_deals() {
    let rt = with_active_deals(3);
    let mut unreadable: State = rt.state();
    unreadable.proposals = ArrayRoot::from_cid(piece(1));
    unreadable.states = ArrayRoot::from_cid(piece(1));
    unreadable.pending_proposals = MapRoot::from_cid(piece(1));
    unreadable.escrow_table = MapRoot::from_cid(piece(1));
    unreadable.locked_table = MapRoot::from_cid(piece(1));
    unreadable.pending_deal_allocation_ids = MapRoot::from_cid(piece(1));
    unreadable.provider_sectors = MapRoot::from_cid(piece(1));
    rt.set_state(&unreadable);
    tick(&rt, first_look(0) - 1).unwrap();
    assert_eq!(tick(&rt, first_look(0)), Err(20));
}

#[test]
fn deals_that_were_not_activated_lapse() {
    let rt = with_deals(3);
    tick(&rt, first_look(0) - 1).unwrap();
    assert_eq!(deal(&rt, 0), Some(proposal(0)), "not looked at yet");
    expect_burn(&rt, PROVIDER_COLLATERAL);
    tick(&rt, first_look(0)).unwrap();
    assert_eq!(deal(&rt, 0), None);
    assert_eq!(waiting(&rt), BTreeSet::from([1, 2]));
    assert_eq!(balances(&rt, CLIENT), [CLIENT_HAD, 2 * CLIENT_NEEDS]);
    assert_eq!(
        balances(&rt, PROVIDER),
        [PROVIDER_HAD - PROVIDER_COLLATERAL, 2 * PROVIDER_COLLATERAL]
    );
    assert!(scheduled(&rt, 0).is_empty());
    state(&rt);

    // What was missed is made up for, all in one.
    expect_burn(&rt, 2 * PROVIDER_COLLATERAL);
    tick(&rt, first_look(2) + 1_000).unwrap();
    assert_eq!(events(&rt), [], "nobody is told");
    let state = state(&rt);
    let empty: State = market().state();
    assert_eq!(state.deal_ops_by_epoch, empty.deal_ops_by_epoch);
    assert_eq!(state.pending_proposals, empty.pending_proposals);
    assert_eq!(state.proposals, empty.proposals);
}

/// Cron does not come back; payment is up to the parties.
#[test]
fn cron_looks_once_at_a_deal_that_nobody_settles() {
    let rt = with_active_deals(1);
    tick(&rt, first_look(0)).unwrap();
    assert_eq!(waiting(&rt), BTreeSet::new());
    assert_eq!(deal_state(&rt, 0), Some(DealState::activated(7, NOW)));
    assert!(scheduled(&rt, 0).is_empty());
    assert_eq!(balances(&rt, PROVIDER)[0], PROVIDER_HAD);
    tick(&rt, END + INTERVAL).unwrap();
    assert_eq!(events(&rt), []);
    let settled = settle(&rt, &[0]).unwrap();
    assert_eq!(settled.settlements[0].payment, atto(FEE));
    state(&rt);
}

/// Settled before its first look, a deal is paid by cron in every interval.
#[test]
fn cron_pays_deals_that_were_settled() {
    let rt = with_active_deals(2);
    settle(&rt, &[0]).unwrap();
    let mut looks = vec![first_look(0)];
    while looks.last() < Some(&END) {
        looks.push(looks.last().unwrap() + INTERVAL);
    }
    let mut last = START;
    for look in &looks {
        assert_eq!(scheduled(&rt, 0), [*look]);
        tick(&rt, look - 1).unwrap();
        tick(&rt, *look).unwrap();
        let paid = PRICE * (look.min(&END) - START);
        assert_eq!(balances(&rt, CLIENT)[0], CLIENT_HAD - paid);
        assert_eq!(balances(&rt, PROVIDER)[0], PROVIDER_HAD + paid);
        assert!(last < *look);
        last = *look;
        state(&rt);
    }
    assert_eq!(events(&rt), [event("deal-completed", 0)]);
    assert_eq!((deal(&rt, 0), deal_state(&rt, 0)), (None, None));
    assert_eq!(in_sector(&rt, PROVIDER, 7), Some(vec![1]));
    assert!(scheduled(&rt, 0).is_empty());
}

/// A late tick pays up to its own epoch and goes on from there.
#[test]
fn a_late_tick_reschedules_behind_itself() {
    let rt = with_active_deals(1);
    settle(&rt, &[0]).unwrap();
    let late = first_look(0) + INTERVAL;
    tick(&rt, late).unwrap();
    assert_eq!(deal_state(&rt, 0).unwrap().last_updated_epoch, late);
    assert_eq!(scheduled(&rt, 0), [late + INTERVAL], "not this epoch again");
}

#[test]
fn a_deal_that_is_gone_is_passed_over() {
    let rt = with_active_deals(1);
    rt.epoch(END);
    settle(&rt, &[0]).unwrap();
    rt.events();
    tick(&rt, END).unwrap();
    assert_eq!(events(&rt), []);
    assert!(scheduled(&rt, 0).is_empty());
}

/// The order of the set's tree decides over the order of events.
#[test]
fn deals_of_an_epoch_come_in_the_order_of_the_tree() {
    let count = 20u64;
    let rt = with_active_deals(count as u8);
    let all: Vec<_> = (0..count).collect();
    settle(&rt, &all).unwrap();
    let mut state: State = rt.state();
    let mut ops = SetMultimap::load(&MapRoot::empty(rt.store()).unwrap(), rt.store()).unwrap();
    ops.add(&END, &all).unwrap();
    state.deal_ops_by_epoch = ops.flush().unwrap();
    rt.set_state(&state);
    let mut in_order = Vec::new();
    ops.for_each_of(&END, |id| {
        in_order.push(event("deal-completed", id));
        Ok(())
    })
    .unwrap();
    tick(&rt, END).unwrap();
    assert!(!in_order.is_sorted_by_key(|(_, id)| *id));
    assert_eq!(events(&rt), in_order);
}

/// Only states from long ago have such marks.
#[test]
fn a_deal_marked_as_ended_early_is_broken_off() {
    let rt = with_active_deals(2);
    settle(&rt, &[0]).unwrap();
    let marked = DealState {
        slash_epoch: START + 5,
        ..deal_state(&rt, 0).unwrap()
    };
    set_deal_state(&rt, 0, marked);
    expect_burn(&rt, PROVIDER_COLLATERAL);
    tick(&rt, first_look(0)).unwrap();
    assert_eq!(events(&rt), [event("deal-terminated", 0)]);
    assert_eq!(
        balances(&rt, CLIENT),
        [CLIENT_HAD - 5 * PRICE, CLIENT_NEEDS]
    );
    assert_eq!(in_sector(&rt, PROVIDER, 7), Some(vec![1]));
    state(&rt);
}

/// A tick that fails leaves everything to the next one.
#[test]
fn broken_states_stop_the_tick() {
    let rt = with_deals(1);
    let before = rt.head();
    expect_burn(&rt, PROVIDER_COLLATERAL).exits(17);
    assert_eq!(tick(&rt, first_look(0)), Err(17));
    assert_eq!(rt.head(), before);

    // Scheduled too early.
    let mut early: State = rt.state();
    let mut ops = SetMultimap::load(&early.deal_ops_by_epoch, rt.store()).unwrap();
    ops.add(&START.saturating_sub(1), &[0]).unwrap();
    early.deal_ops_by_epoch = ops.flush().unwrap();
    rt.set_state(&early);
    assert_eq!(tick(&rt, START - 1), Err(20));

    // Activated, never settled, and not waiting.
    let rt = with_active_deals(1);
    let mut broken: State = rt.state();
    broken.pending_proposals = MapRoot::empty(rt.store()).unwrap();
    rt.set_state(&broken);
    assert_eq!(tick(&rt, first_look(0)), Err(20));

    // Paid until later than now.
    let rt = with_active_deals(1);
    let later = DealState {
        last_updated_epoch: first_look(0) + 1,
        ..deal_state(&rt, 0).unwrap()
    };
    set_deal_state(&rt, 0, later);
    assert_eq!(tick(&rt, first_look(0)), Err(20));

    // Ended early in the future.
    let marked = DealState {
        last_updated_epoch: START,
        slash_epoch: first_look(0) + 1,
        ..later
    };
    set_deal_state(&rt, 0, marked);
    assert_eq!(tick(&rt, first_look(0)), Err(20));
}
