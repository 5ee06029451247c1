//! Allocations that become claims, or expire.

use boatyard_sdk::method_number;
use fvm_shared::error::ErrorNumber;

use super::*;

fn remove_expired(
    rt: &MockRuntime,
    client: ActorID,
    ids: &[u64],
) -> Result<RemoveExpiredAllocationsReturn, Option<u32>> {
    let params = RemoveExpiredAllocationsParams {
        client,
        allocation_ids: ids.to_vec(),
    };
    rt.caller(CLIENT_2);
    call(rt, 8, &params)
}

fn outcome(considered: &[u64], codes: &[u32], recovered: u64) -> RemoveExpiredAllocationsReturn {
    RemoveExpiredAllocationsReturn {
        considered: considered.to_vec(),
        results: batch(codes),
        datacap_recovered: bytes(recovered),
    }
}

/// Five allocations of 1 to 5 MiB, of which every other one expires at NOW + 100.
fn expiring() -> MockRuntime {
    let rt = registry();
    let requests: Vec<_> = (1..=5u8)
        .map(|n| AllocationRequest {
            expiration: NOW + if n % 2 == 1 { 100 } else { 200 },
            ..request(MINER, n, u64::from(n) * MIB)
        })
        .collect();
    assert_eq!(allocate(&rt, CLIENT, &requests), [1, 2, 3, 4, 5]);
    rt.events();
    rt
}

#[test]
fn named_allocations_are_removed_when_they_have_expired() {
    let rt = expiring().epoch(NOW + 100);
    expect_transfer(&rt, CLIENT, 6 * MIB);
    assert_eq!(
        remove_expired(&rt, CLIENT, &[2, 5, 9, 1]),
        Ok(outcome(&[2, 5, 9, 1], &[18, 0, 17, 0], 6 * MIB))
    );
    let names = |n| ("allocation-removed".to_owned(), n);
    assert_eq!(event_names(&rt), [names(5), names(1)], "in the given order");
    for (number, there) in [(1, false), (2, true), (3, true), (4, true), (5, false)] {
        assert_eq!(get_allocation(&rt, CLIENT, number).is_some(), there);
    }
}

#[test]
fn without_names_all_that_have_expired_are_removed() {
    let rt = expiring().epoch(NOW + 99);
    expect_transfer(&rt, CLIENT, 0);
    assert_eq!(remove_expired(&rt, CLIENT, &[]), Ok(outcome(&[], &[], 0)));
    rt.epoch(NOW + 100);
    expect_transfer(&rt, CLIENT, 9 * MIB);
    let removed = remove_expired(&rt, CLIENT, &[]).unwrap();
    let mut sorted = removed.considered.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [1, 3, 5]);
    assert_eq!(removed.results, batch(&[0, 0, 0]));

    rt.epoch(NOW + 200);
    expect_transfer(&rt, CLIENT, 6 * MIB);
    remove_expired(&rt, CLIENT, &[]).unwrap();
    // The client's map is gone, too.
    assert_eq!(
        state(&rt).allocations,
        registry().state::<State>().allocations
    );
}

/// The order of the tree: by the hash of the number, here the one of spec 00 §5.1.
#[test]
fn all_that_have_expired_come_in_the_order_of_the_tree() {
    let rt = registry();
    let requests: Vec<_> = (0..40u8).map(|n| request(MINER, n, MIB)).collect();
    let ids = allocate(&rt, CLIENT, &requests);
    let mut by_hash = ids.clone();
    by_hash.sort_by_key(|id| {
        use multihash_codetable::MultihashDigest;
        let key = boatyard_sdk::MapKey::to_key(id).unwrap();
        multihash_codetable::Code::Sha2_256
            .digest(&key)
            .digest()
            .to_vec()
    });
    rt.epoch(NOW + EXPIRATION);
    expect_transfer(&rt, CLIENT, 40 * MIB);
    let removed = remove_expired(&rt, CLIENT, &[]).unwrap();
    assert_ne!(removed.considered, ids);
    // Buckets hold up to three entries by key; among them the hash does not decide.
    let slots = |ids: &[u64]| -> Vec<u8> { ids.iter().map(|id| slot(*id)).collect() };
    assert_eq!(slots(&removed.considered), slots(&by_hash));
}

/// The slot of a number in the root of a map: the first five bits of its hash.
fn slot(id: u64) -> u8 {
    use multihash_codetable::{Code, MultihashDigest};
    let key = boatyard_sdk::MapKey::to_key(&id).unwrap();
    Code::Sha2_256.digest(&key).digest()[0] >> 3
}

/// The transfer is made, and so the client's hook runs, even for nothing.
#[test]
fn the_client_decides_whether_it_takes_nothing() {
    let rt = registry();
    expect_transfer(&rt, 999, 0).exits(23);
    assert_eq!(remove_expired(&rt, 999, &[]), Err(Some(23)), "nobody");
    let rt = expiring().epoch(NOW + 100);
    let before = rt.head();
    expect_transfer(&rt, CLIENT, MIB).refused(ErrorNumber::LimitExceeded);
    assert_eq!(remove_expired(&rt, CLIENT, &[1]), Err(Some(24)));
    assert_eq!(rt.head(), before);
}

#[test]
fn an_allocation_named_twice_is_an_assertion() {
    let rt = expiring();
    expect_transfer(&rt, CLIENT, 0);
    let both = outcome(&[1, 1], &[18, 18], 0);
    assert_eq!(remove_expired(&rt, CLIENT, &[1, 1]), Ok(both));
    rt.epoch(NOW + 100);
    assert_eq!(remove_expired(&rt, CLIENT, &[1, 1]), Err(Some(24)));
    // Events come before the state in a read-only call.
    rt.read_only();
    assert_eq!(remove_expired(&rt, CLIENT, &[1]), Err(Some(24)));
    rt.read_only();
    assert_eq!(remove_expired(&rt, CLIENT, &[2]), Err(Some(25)));
    let contract = rt.caller_of_type(300, Type::Evm);
    let params = RemoveExpiredAllocationsParams {
        client: CLIENT,
        allocation_ids: vec![2],
    };
    expect_transfer(&contract, CLIENT, 0);
    let exported = method_number("RemoveExpiredAllocations");
    let by_contract = call::<RemoveExpiredAllocationsReturn>(&contract, exported, &params);
    assert_eq!(by_contract, Ok(outcome(&[2], &[18], 0)));
}

fn claimed(codes: &[u32], spaces: &[u64]) -> ClaimAllocationsReturn {
    let summary = |space: &u64| boatyard_actors_shared::ext::verifreg::SectorClaimSummary {
        claimed_space: bytes(*space),
    };
    ClaimAllocationsReturn {
        sector_results: batch(codes),
        sector_claims: spaces.iter().map(summary).collect(),
    }
}

/// Allocations 1 and 2 of CLIENT and 3 of CLIENT_2, of 1, 2 and 3 MiB, for MINER.
fn allocated() -> MockRuntime {
    let rt = registry();
    let first = [request(MINER, 1, MIB), request(MINER, 2, 2 * MIB)];
    assert_eq!(allocate(&rt, CLIENT, &first), [1, 2]);
    assert_eq!(allocate(&rt, CLIENT_2, &[request(MINER, 3, 3 * MIB)]), [3]);
    rt.events();
    rt
}

#[test]
fn allocations_become_claims_and_their_datacap_is_burnt() {
    let rt = allocated().epoch(NOW + 5);
    let sectors = [
        sector(
            &rt,
            7,
            &[
                piece_claim(CLIENT, 1, 1, MIB),
                piece_claim(CLIENT_2, 3, 3, 3 * MIB),
            ],
        ),
        sector(&rt, 8, &[]),
        sector(&rt, 9, &[piece_claim(CLIENT, 2, 2, 2 * MIB)]),
    ];
    expect_burn(&rt, 6 * MIB).effect(|rt| {
        assert!(get_claim(rt, MINER, 1).is_some(), "saved before");
    });
    assert_eq!(
        claim_sectors(&rt, MINER, &sectors, true),
        Ok(claimed(&[0, 0, 0], &[4 * MIB, 0, 2 * MIB]))
    );
    assert_eq!(
        get_claim(&rt, MINER, 3),
        Some(Claim {
            client: CLIENT_2,
            term_start: NOW + 5,
            ..claim_of(3, 3 * MIB)
        })
    );
    let event = |n| ("claim".to_owned(), n);
    assert_eq!(event_names(&rt), [event(1), event(3), event(2)]);
    assert_eq!(
        state(&rt).allocations,
        registry().state::<State>().allocations
    );
}

#[test]
fn sectors_fail_on_their_own_unless_all_must_succeed() {
    let rt = allocated();
    let sectors = [
        sector(
            &rt,
            7,
            &[
                piece_claim(CLIENT, 1, 1, MIB),
                piece_claim(CLIENT, 9, 1, MIB),
            ],
        ),
        sector(&rt, 8, &[piece_claim(CLIENT, 2, 2, 2 * MIB)]),
        sector(&rt, 9, &[piece_claim(CLIENT, 2, 2, 2 * MIB)]),
        sector(&rt, 10, &[piece_claim(CLIENT, 1, 2, MIB)]),
    ];
    let before = rt.head();
    assert_eq!(claim_sectors(&rt, MINER, &sectors, true), Err(Some(16)));
    assert_eq!(rt.head(), before);
    expect_burn(&rt, 2 * MIB);
    assert_eq!(
        claim_sectors(&rt, MINER, &sectors, false),
        Ok(claimed(&[17, 0, 17, 18], &[2 * MIB]))
    );
    assert!(
        get_allocation(&rt, CLIENT, 1).is_some(),
        "a failed sector takes nothing"
    );

    // Where nothing is claimed nothing is burnt.
    let failed = claim_sectors(&rt, MINER, &sectors[1..2], false);
    assert_eq!(failed, Ok(claimed(&[17], &[])));
    let empty = claim_sectors(&rt, MINER, &[sector(&rt, 1, &[])], true);
    assert_eq!(empty, Ok(claimed(&[0], &[0])));
}

#[test]
fn only_what_matches_the_allocation_is_claimed() {
    let rt = allocated();
    let good = piece_claim(CLIENT, 1, 1, MIB);
    let of = |claim: AllocationClaim, lifetime| SectorAllocationClaims {
        expiry: NOW + lifetime,
        ..sector(&rt, 7, &[claim])
    };
    let cases = [
        (
            "another client",
            17,
            of(piece_claim(CLIENT_2, 1, 1, MIB), TERM_MIN),
        ),
        (
            "another piece",
            18,
            of(piece_claim(CLIENT, 1, 2, MIB), TERM_MIN),
        ),
        (
            "another size",
            18,
            of(piece_claim(CLIENT, 1, 1, MIB + 1), TERM_MIN),
        ),
        ("too short", 18, of(good.clone(), TERM_MIN - 1)),
        ("too long", 18, of(good.clone(), TERM_MAX + 1)),
    ];
    for (why, expected, sector) in cases {
        let got = claim_sectors(&rt, MINER, &[sector], false);
        assert_eq!(got, Ok(claimed(&[expected], &[])), "{why}");
    }
    let other = claim_sectors(&rt, MINER_2, &[of(good.clone(), TERM_MIN)], false);
    assert_eq!(other, Ok(claimed(&[18], &[])), "another provider");
    let late = rt.epoch(NOW + EXPIRATION + 1);
    let late = claim_sectors(
        &late,
        MINER,
        &[sector(&late, 7, std::slice::from_ref(&good))],
        false,
    );
    assert_eq!(late, Ok(claimed(&[18], &[])), "expired");

    // In the epoch of its expiration it is both claimable and removable.
    rt.epoch(NOW + EXPIRATION);
    let longest = SectorAllocationClaims {
        expiry: NOW + EXPIRATION + TERM_MAX,
        ..of(good, 0)
    };
    expect_burn(&rt, MIB);
    assert_eq!(
        claim_sectors(&rt, MINER, &[longest], false),
        Ok(claimed(&[0], &[MIB]))
    );
    expect_transfer(&rt, CLIENT, 2 * MIB);
    assert_eq!(
        remove_expired(&rt, CLIENT, &[2]),
        Ok(outcome(&[2], &[0], 2 * MIB))
    );
}

#[test]
fn claiming_refuses_in_the_sheets_order() {
    let rt = allocated();
    assert_eq!(
        claim_sectors(&rt, CLIENT, &[], true),
        Err(Some(18)),
        "no miner"
    );
    assert_eq!(
        claim_sectors(&rt, MINER, &[], true),
        Err(Some(16)),
        "no sectors"
    );
    let good = piece_claim(CLIENT, 1, 1, MIB);
    let twice = sector(&rt, 7, &[good.clone(), good.clone()]);
    assert_eq!(
        claim_sectors(&rt, MINER, &[twice], false),
        Err(Some(16)),
        "twice in one"
    );
    let overflow = SectorAllocationClaims {
        expiry: i64::MIN,
        ..sector(&rt, 7, std::slice::from_ref(&good))
    };
    assert_eq!(claim_sectors(&rt, MINER, &[overflow], false), Err(Some(24)));
    let sectors = [sector(&rt, 7, std::slice::from_ref(&good))];
    expect_burn(&rt, MIB).exits(19);
    assert_eq!(
        claim_sectors(&rt, MINER, &sectors, true),
        Err(Some(19)),
        "the token"
    );
    rt.read_only();
    assert_eq!(
        claim_sectors(&rt, MINER, &sectors, true),
        Err(Some(24)),
        "the event"
    );
    rt.read_only();
    let failing = [sector(&rt, 7, &[piece_claim(CLIENT, 9, 1, MIB)])];
    assert_eq!(
        claim_sectors(&rt, MINER, &failing, true),
        Err(Some(25)),
        "the state"
    );
}
