//! Deals are paid when somebody asks for it.

use super::*;

fn payment(amount: i64, completed: bool) -> DealSettlement {
    DealSettlement {
        payment: atto(amount),
        completed,
    }
}

fn settled(codes: &[u32], settlements: &[DealSettlement]) -> SettleDealPaymentsReturn {
    SettleDealPaymentsReturn {
        results: batch(codes),
        settlements: settlements.to_vec(),
    }
}

const CLIENT_HAD: i64 = 100 * CLIENT_NEEDS;
const PROVIDER_HAD: i64 = 100 * PROVIDER_COLLATERAL;

#[test]
fn an_active_deal_is_paid_up_to_now() {
    let rt = with_active_deals(1);
    for (epoch, paid) in [(START, 0), (START + 5, 5), (START + 5, 0), (START + 7, 2)] {
        rt.epoch(epoch);
        let expected = settled(&[0], &[payment(PRICE * paid, false)]);
        assert_eq!(settle(&rt, &[0]), Ok(expected));
        let deal = deal_state(&rt, 0).unwrap();
        assert_eq!(deal.last_updated_epoch, epoch);
        state(&rt);
    }
    assert_eq!(balances(&rt, CLIENT), [CLIENT_HAD - 70, CLIENT_NEEDS - 70]);
    assert_eq!(
        balances(&rt, PROVIDER),
        [PROVIDER_HAD + 70, PROVIDER_COLLATERAL]
    );
    assert_eq!(waiting(&rt), BTreeSet::new(), "it does not wait any more");
    assert_eq!(events(&rt), []);
    assert_eq!(scheduled(&rt, 0).len(), 1, "cron comes all the same");
}

/// The proposal does not wait any more, and the deal counts as updated.
#[test]
fn settling_before_the_start_pays_nothing_but_leaves_a_mark() {
    let rt = with_active_deals(1);
    rt.epoch(START - 1);
    assert_eq!(settle(&rt, &[0]), Ok(settled(&[0], &[payment(0, false)])));
    assert_eq!(deal_state(&rt, 0).unwrap().last_updated_epoch, START - 1);
    assert_eq!(waiting(&rt), BTreeSet::new());
    rt.epoch(START + 3);
    let paid = settled(&[0], &[payment(3 * PRICE, false)]);
    assert_eq!(settle(&rt, &[0]), Ok(paid), "from the start on");
    state(&rt);
}

#[test]
fn a_deal_that_has_ended_is_paid_out() {
    let rt = with_active_deals(2);
    rt.epoch(END - 1);
    let most = PRICE * (DURATION - 1);
    let paid = settled(&[0], &[payment(most, false)]);
    assert_eq!(settle(&rt, &[0]), Ok(paid));
    rt.epoch(END + 50);
    let paid = settled(&[0, 0], &[payment(PRICE, true), payment(FEE, true)]);
    assert_eq!(settle(&rt, &[0, 1]), Ok(paid));
    assert_eq!(
        events(&rt),
        [event("deal-completed", 0), event("deal-completed", 1)]
    );
    for id in [0, 1] {
        assert_eq!((deal(&rt, id), deal_state(&rt, id)), (None, None));
    }
    assert_eq!(in_sector(&rt, PROVIDER, 7), None, "the sector is empty");
    assert_eq!(balances(&rt, CLIENT), [CLIENT_HAD - 2 * FEE, 0]);
    assert_eq!(balances(&rt, PROVIDER), [PROVIDER_HAD + 2 * FEE, 0]);
    let state = state(&rt);
    assert!(state.total_client_storage_fee.is_zero());
    assert_eq!(settle(&rt, &[0, 1]), Ok(settled(&[32, 32], &[])));
}

/// Those that stay are still in the sector.
#[test]
fn a_sector_keeps_its_other_deals() {
    let rt = with_deals(2);
    let longer = DealProposal {
        end_epoch: END + 10,
        ..proposal(9)
    };
    publish(&rt, &[longer]);
    rt.caller(PROVIDER);
    let sectors = [SectorDeals {
        sector_expiry: END + 10,
        ..sector(7, &[0, 1, 2])
    }];
    batch_activate(&rt, &sectors, false).unwrap();
    rt.epoch(END);
    settle(&rt, &[0, 1, 2]).unwrap();
    assert_eq!(in_sector(&rt, PROVIDER, 7), Some(vec![2]));
    state(&rt);
}

#[test]
fn what_is_not_active_is_not_paid() {
    let rt = with_deals(2);
    rt.epoch(START - 1);
    let expected = settled(&[0, 32], &[payment(0, false)]);
    assert_eq!(
        settle(&rt, &[0, 99]),
        Ok(expected),
        "too early; no such deal"
    );
    assert_eq!(waiting(&rt), BTreeSet::from([0, 1]), "left as it was");

    // At its start a deal has lapsed.
    rt.epoch(START);
    expect_burn(&rt, PROVIDER_COLLATERAL);
    assert_eq!(settle(&rt, &[0]), Ok(settled(&[32], &[])));
    assert_eq!(events(&rt), []);
    assert_eq!(deal(&rt, 0), None);
    assert_eq!(waiting(&rt), BTreeSet::from([1]));
    assert_eq!(balances(&rt, CLIENT), [CLIENT_HAD, CLIENT_NEEDS]);
    assert_eq!(
        balances(&rt, PROVIDER),
        [PROVIDER_HAD - PROVIDER_COLLATERAL, PROVIDER_COLLATERAL]
    );
    state(&rt);
}

/// One that cannot be settled does not stop the others; what providers lose is burnt
/// at once.
#[test]
fn deals_are_settled_together() {
    let rt = with_deals(5);
    activate(&rt, 7, &[1, 3]);
    rt.epoch(START + 1);
    expect_burn(&rt, 3 * PROVIDER_COLLATERAL);
    let paid = payment(PRICE, false);
    assert_eq!(
        settle(&rt, &[0, 1, 2, 3, 4, 77]),
        Ok(settled(&[32, 0, 32, 0, 32, 32], &[paid.clone(), paid]))
    );
    state(&rt);
    rt.epoch(START + 2);
    assert_eq!(settle(&rt, &[]), Ok(settled(&[], &[])));
}

#[test]
fn a_burn_that_fails_undoes_everything() {
    let rt = with_deals(1).epoch(START);
    let before = rt.head();
    expect_burn(&rt, PROVIDER_COLLATERAL).exits(17);
    assert_eq!(settle(&rt, &[0]), Err(Some(17)));
    assert_eq!(rt.head(), before);
}

/// Only states from long ago have such marks.
#[test]
fn a_deal_marked_as_ended_early_stops_the_message() {
    let rt = with_active_deals(2);
    let marked = DealState {
        slash_epoch: START,
        ..deal_state(&rt, 1).unwrap()
    };
    set_deal_state(&rt, 1, marked);
    rt.epoch(START + 1);
    assert_eq!(settle(&rt, &[0, 1]), Err(Some(16)));
    assert!(settle(&rt, &[0]).is_ok());
}

/// An error of one deal is its own.
#[test]
fn a_broken_deal_fails_alone() {
    let rt = with_active_deals(2);
    let later = DealState {
        last_updated_epoch: START + 10,
        ..deal_state(&rt, 0).unwrap()
    };
    set_deal_state(&rt, 0, later);
    rt.epoch(START + 1);
    let expected = settled(&[20, 0], &[payment(PRICE, false)]);
    assert_eq!(settle(&rt, &[0, 1]), Ok(expected));
}

#[test]
fn a_read_only_call_pays_nothing() {
    let rt = with_active_deals(1);
    rt.epoch(START + 1).read_only();
    assert_eq!(settle(&rt, &[0]), Err(Some(25)));
    rt.epoch(END).read_only();
    assert_eq!(settle(&rt, &[0]), Err(Some(24)), "the event comes first");
}

#[test]
fn more_deals_than_can_be_answered_are_refused_at_once() {
    let rt = with_active_deals(1);
    let ids = almost_all();
    assert_eq!(
        call::<()>(&rt, 1_900_091_594, &ids),
        Err(Some(24)),
        "a bitfield of twelve bytes"
    );
}
