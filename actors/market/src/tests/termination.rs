//! Deals end with their sectors.

use boatyard_actors_shared::ext::market::OnMinerSectorsTerminateParams;

use super::*;

fn terminate(rt: &MockRuntime, epoch: ChainEpoch, sectors: &[u64]) -> u32 {
    let params = OnMinerSectorsTerminateParams {
        epoch,
        sectors: BitField::try_from_bits(sectors.iter().copied()).unwrap(),
    };
    code(rt, 7, &params)
}

const CLIENT_HAD: i64 = 100 * CLIENT_NEEDS;
const PROVIDER_HAD: i64 = 100 * PROVIDER_COLLATERAL;

#[test]
fn the_deals_of_a_sector_end_with_it() {
    let rt = with_deals(4);
    activate(&rt, 7, &[1, 2]);
    activate(&rt, 8, &[0]);
    rt.epoch(START + 5).caller(PROVIDER);
    expect_burn(&rt, 2 * PROVIDER_COLLATERAL);
    assert_eq!(terminate(&rt, START + 5, &[7, 9]), 0);
    assert_eq!(
        events(&rt),
        [event("deal-terminated", 1), event("deal-terminated", 2)]
    );
    for id in [1, 2] {
        assert_eq!((deal(&rt, id), deal_state(&rt, id)), (None, None));
        assert_eq!(scheduled(&rt, id).len(), 1, "cron will find nothing");
    }
    assert_eq!(in_sector(&rt, PROVIDER, 7), None);
    assert_eq!(in_sector(&rt, PROVIDER, 8), Some(vec![0]));
    assert_eq!(waiting(&rt), BTreeSet::from([0, 3]));
    let paid = 2 * 5 * PRICE;
    assert_eq!(balances(&rt, CLIENT), [CLIENT_HAD - paid, 2 * CLIENT_NEEDS]);
    assert_eq!(
        balances(&rt, PROVIDER),
        [
            PROVIDER_HAD + paid - 2 * PROVIDER_COLLATERAL,
            2 * PROVIDER_COLLATERAL
        ]
    );
    state(&rt);
    rt.caller(PROVIDER);
    assert_eq!(terminate(&rt, START + 5, &[7]), 0, "nothing is left of it");
}

/// By sector, whatever the numbers of the deals.
#[test]
fn deals_end_in_the_order_of_their_sectors() {
    let rt = with_deals(3);
    activate(&rt, 9, &[0]);
    activate(&rt, 8, &[2, 1]);
    rt.caller(PROVIDER);
    expect_burn(&rt, 3 * PROVIDER_COLLATERAL);
    assert_eq!(terminate(&rt, NOW, &[9, 8]), 0);
    let expected = [1, 2, 0].map(|deal| event("deal-terminated", deal));
    assert_eq!(events(&rt), expected);
    // Before the start nothing is paid.
    assert_eq!(balances(&rt, CLIENT), [CLIENT_HAD, 0]);
    let empty: State = market().state();
    assert_eq!(state(&rt).provider_sectors, empty.provider_sectors);
}

#[test]
fn what_was_settled_is_not_paid_again() {
    let rt = with_active_deals(1);
    rt.epoch(START + 5);
    settle(&rt, &[0]).unwrap();
    rt.epoch(START + 9).caller(PROVIDER);
    expect_burn(&rt, PROVIDER_COLLATERAL);
    // The epoch that the miner tells counts, not the current one.
    assert_eq!(terminate(&rt, START + 8, &[7]), 0);
    assert_eq!(balances(&rt, CLIENT), [CLIENT_HAD - 8 * PRICE, 0]);
    assert_eq!(
        balances(&rt, PROVIDER),
        [PROVIDER_HAD + 8 * PRICE - PROVIDER_COLLATERAL, 0]
    );
    state(&rt);
}

/// A settlement after the epoch that the miner tells: nothing is paid for it.
#[test]
fn time_does_not_run_backwards() {
    let rt = with_active_deals(1);
    rt.epoch(START + 5);
    settle(&rt, &[0]).unwrap();
    rt.caller(PROVIDER);
    // The client gets more back than is locked for it.
    assert_eq!(terminate(&rt, START + 4, &[7]), 16);
    let wild = [i64::MIN, i64::MIN + START];
    for epoch in wild {
        assert_eq!(terminate(&rt, epoch, &[7]), 24);
    }
}

/// Such deals are paid in full by the next settlement.
#[test]
fn deals_that_are_over_stay_to_be_settled() {
    let rt = with_active_deals(1);
    rt.epoch(END).caller(PROVIDER);
    assert_eq!(terminate(&rt, END, &[7]), 0, "nothing is burnt");
    assert_eq!(events(&rt), []);
    assert_eq!(in_sector(&rt, PROVIDER, 7), None);
    assert!(deal_state(&rt, 0).is_some());
    state(&rt);
    let settled = settle(&rt, &[0]).unwrap();
    assert_eq!(settled.settlements[0].payment, atto(FEE));
    state(&rt);
}

#[test]
fn a_sector_without_deals_loses_its_entry() {
    let rt = with_deals(1);
    activate(&rt, 7, &[]);
    assert_eq!(in_sector(&rt, PROVIDER, 7), Some(vec![]));
    rt.caller(PROVIDER);
    assert_eq!(terminate(&rt, NOW, &[7]), 0);
    let empty: State = market().state();
    assert_eq!(state(&rt).provider_sectors, empty.provider_sectors);
}

#[test]
fn terminating_refuses() {
    let rt = with_active_deals(1);
    rt.caller(CLIENT);
    assert_eq!(terminate(&rt, NOW, &[7]), 18, "no miner");
    rt.caller(PROVIDER_2);
    let before = rt.head();
    assert_eq!(terminate(&rt, NOW, &[7]), 0, "another one's sector 7");
    assert_eq!(rt.head(), before);

    rt.caller(PROVIDER);
    expect_burn(&rt, PROVIDER_COLLATERAL).exits(17);
    assert_eq!(terminate(&rt, NOW, &[7]), 17);
    assert_eq!(rt.head(), before);
}

/// States that no message leads to.
#[test]
fn a_broken_map_of_sectors_stops_the_message() {
    let rt = with_deals(1);
    let listed = |provider: ActorID| {
        let mut state: State = rt.state();
        let sectors = [(7, vec![0])];
        provider_sectors::put(&mut state, rt.store(), provider, &sectors).unwrap();
        rt.set_state(&state);
        rt.caller(provider);
        terminate(&rt, NOW, &[7])
    };
    assert_eq!(listed(PROVIDER_2), 20, "another provider's deal");
    assert_eq!(listed(PROVIDER), 16, "not activated");
    assert_eq!(terminate(&rt, END, &[7]), 0, "over by then");
}

/// More sectors than one would ask for one by one.
#[test]
fn all_sectors_may_end_at_once() {
    let rt = with_deals(2);
    activate(&rt, 9, &[0]);
    activate(&rt, 8, &[1]);
    rt.caller(PROVIDER);
    let params = OnMinerSectorsTerminateParams {
        epoch: NOW,
        sectors: almost_all(),
    };
    expect_burn(&rt, 2 * PROVIDER_COLLATERAL);
    assert_eq!(code(&rt, 7, &params), 0);
    assert_eq!(
        events(&rt),
        [event("deal-terminated", 1), event("deal-terminated", 0)]
    );
    state(&rt);
}
