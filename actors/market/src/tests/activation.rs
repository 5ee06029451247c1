//! Deals of proven sectors begin.

use super::*;

fn activated(byte: u8, allocation_id: u64) -> ActivatedDeal {
    ActivatedDeal {
        client: CLIENT,
        allocation_id,
        data: piece(byte),
        size: PaddedPieceSize(KIB),
    }
}

fn set_allocation(rt: &MockRuntime, deal: DealID, allocation: u64) {
    let mut state: State = rt.state();
    let mut allocations = state.pending_deal_allocation_ids.load(rt.store()).unwrap();
    allocations.set(&deal, allocation).unwrap();
    state.pending_deal_allocation_ids = allocations.flush().unwrap();
    rt.set_state(&state);
}

fn codes(returned: &BatchActivateDealsReturn) -> Vec<u32> {
    let codes = returned.activation_results.codes();
    codes.iter().map(|code| code.value()).collect()
}

#[test]
fn sectors_begin_their_deals() {
    let rt = with_deals(4).epoch(START).caller(PROVIDER);
    set_allocation(&rt, 2, 70);
    let sectors = [sector(7, &[2, 0]), sector(8, &[]), sector(9, &[1])];
    let returned = batch_activate(&rt, &sectors, false).unwrap();
    assert_eq!(codes(&returned), [0, 0, 0]);
    let deals: Vec<_> = returned
        .activations
        .iter()
        .map(|a| a.activated.clone())
        .collect();
    assert_eq!(
        deals,
        [
            vec![activated(2, 70), activated(0, 0)],
            vec![],
            vec![activated(1, 0)]
        ]
    );
    assert!(
        returned
            .activations
            .iter()
            .all(|a| a.unsealed_cid.is_none())
    );
    assert_eq!(
        events(&rt),
        [2, 0, 1].map(|deal| event("deal-activated", deal))
    );
    for (deal, sector_number) in [(0, 7), (1, 9), (2, 7)] {
        let expected = DealState {
            sector_number,
            sector_start_epoch: START,
            last_updated_epoch: -1,
            slash_epoch: -1,
        };
        assert_eq!(deal_state(&rt, deal), Some(expected));
    }
    assert_eq!(deal_state(&rt, 3), None);
    assert_eq!(in_sector(&rt, PROVIDER, 7), Some(vec![0, 2]), "ascending");
    assert_eq!(
        in_sector(&rt, PROVIDER, 8),
        Some(vec![]),
        "even without deals"
    );
    assert_eq!(in_sector(&rt, PROVIDER, 9), Some(vec![1]));
    assert_eq!(waiting(&rt), BTreeSet::from([0, 1, 2, 3]), "all wait still");
    let state = state(&rt);
    let allocations = state.pending_deal_allocation_ids.load(rt.store()).unwrap();
    assert!(allocations.is_empty());
}

#[test]
fn commd_is_computed_when_it_is_wanted() {
    let rt = with_deals(2).caller(PROVIDER);
    let any_type = SectorDeals {
        // Nobody looks at the type but the machine.
        sector_type: RegisteredSealProof::Invalid(99),
        ..sector(7, &[1, 0])
    };
    let returned = batch_activate(&rt, &[any_type, sector(8, &[])], true).unwrap();
    assert!(returned.activations[0].unsealed_cid.is_some());
    assert_eq!(returned.activations[1].unsealed_cid, None);
}

#[test]
fn no_sectors_no_entries() {
    let rt = with_deals(1).caller(PROVIDER);
    let before = rt.head();
    let returned = batch_activate(&rt, &[], true).unwrap();
    assert_eq!(returned.activation_results, BatchReturn::empty());
    assert_eq!(rt.head(), before);
    let returned = batch_activate(&rt, &[sector(1, &[9])], true).unwrap();
    assert_eq!(codes(&returned), [17]);
    assert_eq!(rt.head(), before);
}

/// Spec 07 §7, BatchActivateDeals 1-2: one deal decides over its sector, and sectors
/// do not touch each other.
#[test]
fn a_sector_fails_alone() {
    let rt = with_deals(6);
    let other = DealProposal {
        provider: id(PROVIDER),
        end_epoch: END + 1,
        ..proposal(10)
    };
    publish(&rt, &[other]);
    activate(&rt, 1, &[5]);
    rt.caller(PROVIDER);
    let sectors = [
        sector(2, &[0, 0]),  // 16: named twice
        sector(3, &[0, 99]), // 17: no such deal
        sector(4, &[0, 6]),  // 16: ends after the sector
        sector(5, &[0, 5]),  // 16: activated before
        sector(6, &[0, 1]),  // fine
        sector(7, &[2, 1]),  // 16: activated in the same message
        sector(8, &[2]),     // fine: the failure before left no trace
        sector(6, &[3]),     // fine: the same sector again
    ];
    let returned = batch_activate(&rt, &sectors, false).unwrap();
    assert_eq!(codes(&returned), [16, 17, 16, 16, 0, 16, 0, 0]);
    assert_eq!(returned.activations.len(), 3, "of those that did not fail");
    assert_eq!(
        events(&rt),
        [0, 1, 2, 3].map(|deal| event("deal-activated", deal))
    );
    assert_eq!(in_sector(&rt, PROVIDER, 6), Some(vec![0, 1, 3]));
    assert_eq!(in_sector(&rt, PROVIDER, 8), Some(vec![2]));
    assert_eq!(in_sector(&rt, PROVIDER, 7), None);
    state(&rt);
}

#[test]
fn checks_are_made_in_the_sheets_order() {
    let rt = with_deals(2);
    activate(&rt, 1, &[1]);
    let one = |deal, expiry| SectorDeals {
        sector_expiry: expiry,
        ..sector(2, &[deal])
    };
    let fails = |deal, expiry, code| {
        let returned = batch_activate(&rt, &[one(deal, expiry)], false).unwrap();
        assert_eq!(codes(&returned), [code]);
    };
    rt.caller(PROVIDER_2).epoch(START + 1);
    fails(1, END - 1, 18); // another provider's
    rt.caller(PROVIDER);
    fails(1, END - 1, 32); // too late
    rt.epoch(START);
    fails(1, END - 1, 16); // ends after the sector

    // Activated comes before not waiting.
    let mut broken: State = rt.state();
    broken.pending_proposals = boatyard_sdk::MapRoot::empty(rt.store()).unwrap();
    rt.set_state(&broken);
    fails(1, END, 16);
    fails(0, END, 20);

    // What cannot be a deal's number fails the message.
    let sectors = [sector(3, &[]), sector(2, &[u64::MAX])];
    assert_eq!(batch_activate(&rt, &sectors, false), Err(Some(20)));
    rt.caller(CLIENT);
    assert_eq!(batch_activate(&rt, &[], false), Err(Some(18)), "no miner");
}

#[test]
fn a_deal_that_is_over_cannot_begin() {
    let rt = with_deals(1);
    expect_burn(&rt, PROVIDER_COLLATERAL);
    tick(&rt, START + INTERVAL).unwrap();
    rt.caller(PROVIDER);
    let returned = batch_activate(&rt, &[sector(2, &[0])], false).unwrap();
    assert_eq!(codes(&returned), [32]);
}

/// The event comes before the state is set, and cannot be told either.
#[test]
fn a_read_only_call_begins_nothing() {
    let rt = with_deals(1).caller(PROVIDER);
    rt.read_only();
    assert_eq!(
        batch_activate(&rt, &[sector(2, &[0])], false),
        Err(Some(24))
    );
    rt.read_only();
    assert_eq!(batch_activate(&rt, &[sector(2, &[])], false), Err(Some(25)));
}
