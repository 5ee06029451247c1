//! Events, entry by entry.

use super::*;

const BOTH: Flags = Flags::FLAG_INDEXED_ALL;
const KEY: Flags = Flags::FLAG_INDEXED_KEY;

fn entry(flags: Flags, key: &str, value: &(impl Serialize + ?Sized)) -> Entry {
    Entry {
        flags,
        key: key.into(),
        codec: CBOR,
        value: to_vec(value).unwrap(),
    }
}

fn events(rt: &MockRuntime) -> Vec<Vec<Entry>> {
    rt.events().into_iter().map(|e| e.event.entries).collect()
}

fn of_allocation(name: &str, id: u64, allocation: &Allocation) -> Vec<Entry> {
    vec![
        entry(BOTH, "$type", name),
        entry(BOTH, "id", &id),
        entry(BOTH, "client", &allocation.client),
        entry(BOTH, "provider", &allocation.provider),
        entry(BOTH, "piece-cid", &allocation.data),
        entry(KEY, "piece-size", &allocation.size),
        entry(KEY, "term-min", &allocation.term_min),
        entry(KEY, "term-max", &allocation.term_max),
        entry(KEY, "expiration", &allocation.expiration),
    ]
}

fn of_claim(name: &str, id: u64, claim: &Claim) -> Vec<Entry> {
    vec![
        entry(BOTH, "$type", name),
        entry(BOTH, "id", &id),
        entry(BOTH, "client", &claim.client),
        entry(BOTH, "provider", &claim.provider),
        entry(BOTH, "piece-cid", &claim.data),
        entry(KEY, "piece-size", &claim.size),
        entry(KEY, "term-min", &claim.term_min),
        entry(KEY, "term-max", &claim.term_max),
        entry(KEY, "term-start", &claim.term_start),
        entry(BOTH, "sector", &claim.sector),
    ]
}

#[test]
fn a_verifiers_balance_is_told() {
    let rt = registry();
    let balance = |verifier: u64, balance: u64| {
        vec![
            entry(BOTH, "$type", "verifier-balance"),
            entry(BOTH, "verifier", &verifier),
            entry(KEY, "balance", &BigIntSer(&bytes(balance))),
        ]
    };
    expect_balance(&rt, VERIFIER, TokenAmount::default());
    assert_eq!(code(&rt, 2, &verifier(id(VERIFIER), 5 * MIB)), 0);
    assert_eq!(events(&rt), [balance(VERIFIER, 5 * MIB)]);

    let client = AddVerifiedClientParams {
        address: id(CLIENT),
        allowance: bytes(MIB),
    };
    expect_mint(&rt, CLIENT, MIB);
    assert_eq!(code(&rt.caller(VERIFIER), 4, &client), 0);
    let mut with_client = balance(VERIFIER, 4 * MIB);
    with_client.push(entry(BOTH, "client", &CLIENT));
    assert_eq!(events(&rt), [with_client]);

    assert_eq!(code(&rt.caller(ROOT), 3, &id(VERIFIER)), 0);
    let none = balance(VERIFIER, 0);
    assert_eq!(none[2].value, b"\x40", "zero is an empty string");
    assert_eq!(events(&rt), [none]);
}

#[test]
fn allocations_and_claims_are_told() {
    let rt = registry();
    let ids = allocate(
        &rt,
        CLIENT,
        &[request(MINER, 1, MIB), request(MINER_2, 2, MIB)],
    );
    let made: Vec<_> = ids
        .iter()
        .map(|n| get_allocation(&rt, CLIENT, *n).unwrap())
        .collect();
    assert_eq!(
        events(&rt),
        [
            of_allocation("allocation", 1, &made[0]),
            of_allocation("allocation", 2, &made[1])
        ]
    );

    expect_burn(&rt, MIB);
    let sectors = [sector(&rt, 7, &[piece_claim(CLIENT, 1, 1, MIB)])];
    claim_sectors(&rt, MINER, &sectors, true).unwrap();
    assert_eq!(events(&rt), [of_claim("claim", 1, &claim_of(1, MIB))]);

    // New allocations come before longer claims.
    rt.epoch(NOW + 10);
    expect_burn(&rt, MIB);
    let requests = AllocationRequests {
        allocations: vec![request(MINER, 3, MIB)],
        extensions: vec![extension(MINER, 1, TERM_MAX + 1)],
    };
    receive(&rt, CLIENT, 2 * MIB, &requests).unwrap();
    let extended = get_claim(&rt, MINER, 1).unwrap();
    let third = get_allocation(&rt, CLIENT, 3).unwrap();
    assert_eq!(
        events(&rt),
        [
            of_allocation("allocation", 3, &third),
            of_claim("claim-updated", 1, &extended)
        ]
    );

    rt.epoch(NOW + 2 * TERM_MAX).caller(CLIENT);
    expect_transfer(&rt, CLIENT, MIB);
    let removal = RemoveExpiredAllocationsParams {
        client: CLIENT,
        allocation_ids: vec![2],
    };
    call::<RemoveExpiredAllocationsReturn>(&rt, 8, &removal).unwrap();
    assert_eq!(
        events(&rt),
        [of_allocation("allocation-removed", 2, &made[1])]
    );

    let removal = RemoveExpiredClaimsParams {
        provider: MINER,
        claim_ids: vec![1],
    };
    call::<RemoveExpiredClaimsReturn>(&rt, 12, &removal).unwrap();
    assert_eq!(events(&rt), [of_claim("claim-removed", 1, &extended)]);
}

#[test]
fn the_description_names_the_entries_that_are_emitted() {
    let rt = with_claims(&[MIB]);
    let ids = allocate(&rt, CLIENT, &[request(MINER, 2, MIB)]);
    let emitted = of_allocation(
        "allocation",
        ids[0],
        &get_allocation(&rt, CLIENT, 2).unwrap(),
    );
    let emitted_claim = of_claim("claim", 1, &claim_of(1, MIB));
    for (name, entries) in [("allocation", emitted), ("claim", emitted_claim)] {
        for suffix in ["", "-removed"] {
            let name = format!("{name}{suffix}");
            let described = EVENTS.iter().find(|event| event.name == name).unwrap();
            let keys: Vec<_> = described.fields.iter().map(|(key, _)| *key).collect();
            let emitted: Vec<_> = entries[1..]
                .iter()
                .map(|entry| entry.key.as_str())
                .collect();
            assert_eq!(keys, emitted);
        }
    }
}
