//! Datacap that arrives.

use super::*;

fn response(allocations: u32, extensions: u32, ids: &[u64]) -> AllocationsResponse {
    AllocationsResponse {
        allocation_results: BatchReturn::ok(allocations),
        extension_results: BatchReturn::ok(extensions),
        new_allocations: ids.to_vec(),
    }
}

#[test]
fn datacap_becomes_allocations_with_numbers_in_order() {
    let rt = registry();
    let requests = AllocationRequests {
        allocations: vec![
            request(MINER, 1, MIB),
            // Neither a power of two nor a piece.
            AllocationRequest {
                data: Cid::new_v1(0x55, Multihash::wrap(0, b"not a piece").unwrap()),
                ..request(MINER_2, 2, 3 * MIB + 1)
            },
        ],
        extensions: vec![],
    };
    let got = receive(&rt, CLIENT, 4 * MIB + 1, &requests);
    assert_eq!(got, Ok(response(2, 0, &[1, 2])));
    assert_eq!(allocate(&rt, CLIENT_2, &[request(MINER, 1, MIB)]), [3]);
    assert_eq!(
        get_allocation(&rt, CLIENT, 2),
        Some(Allocation {
            client: CLIENT,
            provider: MINER_2,
            data: requests.allocations[1].data,
            size: 3 * MIB + 1,
            term_min: TERM_MIN,
            term_max: TERM_MAX,
            expiration: NOW + EXPIRATION,
        })
    );
    assert_eq!(get_allocation(&rt, CLIENT, 3), None, "another client's");
    assert_eq!(state(&rt).next_allocation_id, 4);
}

#[test]
fn nothing_for_nothing_is_accepted() {
    let rt = registry();
    let head = rt.head();
    let none = AllocationRequests::default();
    assert_eq!(receive(&rt, CLIENT, 0, &none), Ok(response(0, 0, &[])));
    assert_eq!(rt.head(), head);
    assert_eq!(receive(&rt, CLIENT, 1, &none), Err(Some(16)));
}

#[test]
fn the_hook_refuses_in_the_sheets_order() {
    let rt = registry();
    let good = hook(CLIENT, 0, &AllocationRequests::default());
    let nonsense = UniversalReceiverParams {
        type_: 7,
        payload: RawBytes::new(b"nonsense".to_vec()),
    };
    rt.caller(CLIENT);
    assert_eq!(code(&rt, RECEIVE, &nonsense), 18, "not the token");
    rt.caller(DATACAP_ACTOR_ID);
    assert_eq!(code(&rt, RECEIVE, &nonsense), 16, "another asset");
    let nonsense = UniversalReceiverParams {
        type_: FRC46_TOKEN_TYPE,
        ..nonsense
    };
    assert_eq!(code(&rt, RECEIVE, &nonsense), 21, "payload");
    let told = |to, operator_data: &[u8]| UniversalReceiverParams {
        payload: RawBytes::serialize(FRC46TokenReceived {
            to,
            operator_data: RawBytes::new(operator_data.to_vec()),
            ..good.payload.deserialize().unwrap()
        })
        .unwrap(),
        ..good.clone()
    };
    assert_eq!(code(&rt, RECEIVE, &told(7, b"nonsense")), 16, "for another");
    assert_eq!(code(&rt, RECEIVE, &told(6, b"nonsense")), 21, "requests");
    assert_eq!(code(&rt, RECEIVE, &told(6, b"")), 21, "no requests");
    rt.read_only();
    assert_eq!(
        call::<AllocationsResponse>(&rt, RECEIVE, &good),
        Err(Some(25))
    );
    assert!(call::<AllocationsResponse>(&rt, RECEIVE, &good).is_ok());
}

#[test]
fn allocations_are_checked_one_by_one() {
    let rt = registry().actor(300, Type::Account);
    rt.actor_of_code(301, piece(1));
    let good = || request(MINER, 1, MIB);
    let cases = [
        (
            "small",
            AllocationRequest {
                size: MIB - 1,
                ..good()
            },
        ),
        (
            "short",
            AllocationRequest {
                term_min: TERM_MIN - 1,
                ..good()
            },
        ),
        (
            "long",
            AllocationRequest {
                term_max: TERM_MAX + 1,
                ..good()
            },
        ),
        (
            "inverted",
            AllocationRequest {
                term_max: TERM_MIN - 1,
                ..good()
            },
        ),
        (
            "past",
            AllocationRequest {
                expiration: NOW - 1,
                ..good()
            },
        ),
        (
            "far",
            AllocationRequest {
                expiration: NOW + EXPIRATION + 1,
                ..good()
            },
        ),
        (
            "nobody",
            AllocationRequest {
                provider: 999,
                ..good()
            },
        ),
        (
            "no miner",
            AllocationRequest {
                provider: 300,
                ..good()
            },
        ),
        (
            "no built-in",
            AllocationRequest {
                provider: 301,
                ..good()
            },
        ),
    ];
    for (why, bad) in cases {
        // The sums are right.
        let requests = AllocationRequests {
            allocations: vec![good(), bad.clone()],
            extensions: vec![],
        };
        let got = receive(&rt, CLIENT, MIB + bad.size, &requests);
        assert_eq!(got, Err(Some(16)), "{why}");
    }
    let edge = AllocationRequest {
        term_max: TERM_MIN,
        expiration: NOW,
        ..good()
    };
    assert_eq!(allocate(&rt, CLIENT, &[edge]), [1]);
}

#[test]
fn sizes_must_sum_up_to_the_datacap() {
    let rt = with_claims(&[MIB]);
    let requests = AllocationRequests {
        allocations: vec![request(MINER, 1, MIB), request(MINER, 2, MIB)],
        extensions: vec![extension(MINER, 1, TERM_MAX + 1)],
    };
    rt.epoch(NOW + 1);
    for wrong in [0, 3 * MIB - 1, 3 * MIB + 1] {
        assert_eq!(receive(&rt, CLIENT, wrong, &requests), Err(Some(16)));
    }
    expect_burn(&rt, MIB);
    assert_eq!(
        receive(&rt, CLIENT, 3 * MIB, &requests),
        Ok(response(2, 1, &[2, 3]))
    );
}

/// Parts of a token are rounded down; the token never sends any.
#[test]
fn parts_of_a_byte_do_not_count() {
    let rt = registry().caller(DATACAP_ACTOR_ID);
    let requests = AllocationRequests {
        allocations: vec![request(MINER, 1, MIB)],
        extensions: vec![],
    };
    let received = FRC46TokenReceived {
        amount: TokenAmount::from_whole(MIB) + TokenAmount::from_atto(999),
        ..hook(CLIENT, 0, &requests).payload.deserialize().unwrap()
    };
    let params = UniversalReceiverParams {
        type_: FRC46_TOKEN_TYPE,
        payload: RawBytes::serialize(received).unwrap(),
    };
    assert!(call::<AllocationsResponse>(&rt, RECEIVE, &params).is_ok());
}

#[test]
fn anybody_may_pay_for_a_longer_claim() {
    let rt = with_claims(&[MIB, 2 * MIB]).epoch(NOW + 10);
    expect_burn(&rt, 3 * MIB).effect(|rt| {
        // The burn precedes the change of state.
        assert_eq!(get_claim(rt, MINER, 1), Some(claim_of(1, MIB)));
    });
    let both = [
        extension(MINER, 1, TERM_MAX + 1),
        extension(MINER, 2, TERM_MAX + 10),
    ];
    assert_eq!(
        extend(&rt, CLIENT_2, 3 * MIB, &both),
        Ok(response(0, 2, &[]))
    );
    let extended = |number, size, by| Claim {
        term_max: TERM_MAX + by,
        ..claim_of(number, size)
    };
    assert_eq!(get_claim(&rt, MINER, 1), Some(extended(1, MIB, 1)));
    assert_eq!(get_claim(&rt, MINER, 2), Some(extended(2, 2 * MIB, 10)));
}

#[test]
fn extensions_refuse_in_the_sheets_order() {
    let rt = with_claims(&[MIB]);
    let one = |provider, claim, term_max| {
        extend(&rt, CLIENT, MIB, &[extension(provider, claim, term_max)])
    };
    assert_eq!(one(MINER, 2, TERM_MAX), Err(Some(17)), "no claim");
    assert_eq!(
        one(MINER_2, 1, TERM_MAX),
        Err(Some(17)),
        "another provider's"
    );
    assert_eq!(
        one(MINER, 1, TERM_MAX),
        Err(Some(16)),
        "no longer than it was"
    );
    assert_eq!(
        one(MINER, 1, TERM_MAX + 1),
        Err(Some(16)),
        "five years from now"
    );

    // At its last epoch it can be extended, later it cannot; too long comes first.
    let end = NOW + TERM_MAX;
    rt.epoch(end + 1);
    assert_eq!(one(MINER, 1, 2 * TERM_MAX + 2), Err(Some(16)));
    assert_eq!(one(MINER, 1, TERM_MAX), Err(Some(16)));
    assert_eq!(one(MINER, 1, 2 * TERM_MAX + 1), Err(Some(18)));
    rt.epoch(end);
    expect_burn(&rt, MIB).exits(19);
    assert_eq!(one(MINER, 1, 2 * TERM_MAX), Err(Some(19)), "the token");
    expect_burn(&rt, MIB);
    assert!(one(MINER, 1, 2 * TERM_MAX).is_ok());
}

/// A claim named twice is paid for twice; each request starts from what was there,
/// and the last one wins.
#[test]
fn a_claim_extended_twice_is_paid_for_twice() {
    let rt = with_claims(&[MIB]).epoch(NOW + 10);
    expect_burn(&rt, 2 * MIB);
    let twice = [
        extension(MINER, 1, TERM_MAX + 9),
        extension(MINER, 1, TERM_MAX + 2),
    ];
    assert_eq!(
        extend(&rt, CLIENT, 2 * MIB, &twice),
        Ok(response(0, 2, &[]))
    );
    let claim = get_claim(&rt, MINER, 1).unwrap();
    assert_eq!(claim.term_max, TERM_MAX + 2);
}

#[test]
fn allocation_numbers_do_not_wrap() {
    let rt = registry();
    let mut full: State = rt.state();
    full.next_allocation_id = u64::MAX;
    rt.set_state(&full);
    let requests = AllocationRequests {
        allocations: vec![request(MINER, 1, MIB)],
        extensions: vec![],
    };
    assert_eq!(receive(&rt, CLIENT, MIB, &requests), Err(Some(24)));
}
