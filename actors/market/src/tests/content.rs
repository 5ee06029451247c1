//! Pieces that miners stored.

use boatyard_actors_shared::ext::market::{PieceChange, SECTOR_CONTENT_CHANGED, SectorChanges};

use super::*;

fn change(deal: DealID) -> PieceChange {
    PieceChange {
        data: piece(deal as u8),
        size: PaddedPieceSize(KIB),
        payload: RawBytes::serialize(deal).unwrap(),
    }
}

fn changes(sector: u64, added: &[PieceChange]) -> SectorChanges {
    SectorChanges {
        sector,
        minimum_commitment_epoch: END,
        added: added.to_vec(),
    }
}

fn notify(rt: &MockRuntime, sectors: &[SectorChanges]) -> Result<Vec<Vec<bool>>, Option<u32>> {
    call(rt, SECTOR_CONTENT_CHANGED, sectors)
}

#[test]
fn pieces_begin_their_deals() {
    let rt = with_deals(4).caller(PROVIDER);
    let sectors = [
        changes(7, &[change(2), change(0)]),
        changes(8, &[]),
        changes(9, &[change(99), change(1)]),
        changes(7, &[change(3)]),
    ];
    let accepted = notify(&rt, &sectors).unwrap();
    assert_eq!(
        accepted,
        [vec![true, true], vec![], vec![false, true], vec![true]]
    );
    assert_eq!(
        events(&rt),
        [2, 0, 1, 3].map(|deal| event("deal-activated", deal))
    );
    for (deal, sector) in [(0, 7), (1, 9), (2, 7), (3, 7)] {
        assert_eq!(
            deal_state(&rt, deal),
            Some(DealState::activated(sector, NOW))
        );
    }
    assert_eq!(in_sector(&rt, PROVIDER, 7), Some(vec![0, 2, 3]));
    assert_eq!(in_sector(&rt, PROVIDER, 8), Some(vec![]));
    assert_eq!(in_sector(&rt, PROVIDER, 9), Some(vec![1]));
    assert_eq!(waiting(&rt), BTreeSet::from([0, 1, 2, 3]));
    state(&rt);
}

#[test]
fn the_allocation_is_not_pending_any_more() {
    let rt = with_deals(1);
    let mut state: State = rt.state();
    let mut allocations = state.pending_deal_allocation_ids.load(rt.store()).unwrap();
    allocations.set(&0, 70).unwrap();
    state.pending_deal_allocation_ids = allocations.flush().unwrap();
    rt.set_state(&state);
    rt.caller(PROVIDER);
    notify(&rt, &[changes(7, &[change(0)])]).unwrap();
    let root = super::state(&rt).pending_deal_allocation_ids;
    assert!(root.load(rt.store()).unwrap().is_empty());
}

/// Spec 07 §7, SectorContentChanged 1-5.
#[test]
fn what_does_not_fit_is_not_accepted() {
    let rt = with_deals(3);
    activate(&rt, 1, &[2]);
    rt.caller(PROVIDER);
    let payload = |bytes: &[u8]| PieceChange {
        payload: RawBytes::new(bytes.to_vec()),
        ..change(0)
    };
    let refused = [
        ("no payload", payload(&[])),
        ("not a number", payload(&[0x60])),
        ("a negative number", payload(&[0x20])),
        ("a list", payload(&[0x81, 0])),
        ("more behind it", payload(&[0, 0])),
        ("no such deal", change(99)),
        ("activated", change(2)),
        (
            "another piece",
            PieceChange {
                data: piece(1),
                ..change(0)
            },
        ),
        (
            "another size",
            PieceChange {
                size: PaddedPieceSize(2 * KIB),
                ..change(0)
            },
        ),
    ];
    for (why, piece) in refused {
        let accepted = notify(&rt, &[changes(7, &[piece])]).unwrap();
        assert_eq!(accepted, [[false]], "{why}");
        assert_eq!(in_sector(&rt, PROVIDER, 7), Some(vec![]), "{why}");
    }
    assert_eq!(events(&rt), []);

    let short = SectorChanges {
        minimum_commitment_epoch: END - 1,
        ..changes(7, &[change(0)])
    };
    assert_eq!(notify(&rt, &[short]), Ok(vec![vec![false]]));
    let one = [changes(7, &[change(0)])];
    rt.caller(PROVIDER_2);
    assert_eq!(notify(&rt, &one), Ok(vec![vec![false]]), "another's deal");
    rt.caller(PROVIDER).epoch(START + 1);
    assert_eq!(notify(&rt, &one), Ok(vec![vec![false]]), "too late");
    rt.epoch(START);
    assert_eq!(notify(&rt, &one), Ok(vec![vec![true]]), "just in time");
    state(&rt);
}

/// A deal that was not accepted may be accepted later in the same message.
#[test]
fn a_deal_is_accepted_once() {
    let rt = with_deals(1).caller(PROVIDER);
    let wrong = PieceChange {
        size: PaddedPieceSize(1),
        ..change(0)
    };
    let sectors = [
        changes(7, &[wrong, change(0), change(0)]),
        changes(8, &[change(0)]),
    ];
    assert_eq!(
        notify(&rt, &sectors),
        Ok(vec![vec![false, true, false], vec![false]])
    );
    assert_eq!(in_sector(&rt, PROVIDER, 8), Some(vec![]));
    state(&rt);
}

#[test]
fn the_message_fails_only_for_strangers_and_impossible_numbers() {
    let rt = with_deals(1).caller(CLIENT);
    assert_eq!(notify(&rt, &[]), Err(Some(18)));
    rt.caller(PROVIDER);
    assert_eq!(notify(&rt, &[]), Ok(vec![]));
    let impossible = PieceChange {
        payload: RawBytes::serialize(u64::MAX).unwrap(),
        ..change(0)
    };
    assert_eq!(notify(&rt, &[changes(7, &[impossible])]), Err(Some(20)));
}
