//! Claims: reading, longer terms, the end.

use boatyard_actors_shared::ext::verifreg::GetClaimsReturn;

use super::*;

fn get(rt: &MockRuntime, provider: ActorID, ids: &[u64]) -> Result<GetClaimsReturn, Option<u32>> {
    let params = GetClaimsParams {
        provider,
        claim_ids: ids.to_vec(),
    };
    call(rt, 10, &params)
}

#[test]
fn claims_are_given_in_the_order_asked() {
    let rt = with_claims(&[MIB, 2 * MIB]).caller(CLIENT_2).read_only();
    let got = get(&rt, MINER, &[2, 9, 1, 1]).unwrap();
    assert_eq!(got.batch_info, batch(&[0, 17, 0, 0]));
    let (one, two) = (claim_of(1, MIB), claim_of(2, 2 * MIB));
    assert_eq!(got.claims, [two, one.clone(), one]);
    assert_eq!(get(&rt, MINER_2, &[1]).unwrap().batch_info, batch(&[17]));
    assert_eq!(get(&rt, MINER, &[]).unwrap().batch_info, batch(&[]));
}

fn extend_terms(
    rt: &MockRuntime,
    terms: &[(ActorID, u64, ChainEpoch)],
) -> Result<BatchReturn, Option<u32>> {
    let term = |(provider, claim_id, term_max): &(ActorID, u64, ChainEpoch)| ClaimTerm {
        provider: *provider,
        claim_id: *claim_id,
        term_max: *term_max,
    };
    let params = ExtendClaimTermsParams {
        terms: terms.iter().map(term).collect(),
    };
    call(rt, 11, &params)
}

/// A registry with a claim of CLIENT on MINER whose term is the shortest.
fn short_claim() -> MockRuntime {
    let rt = registry();
    let short = AllocationRequest {
        term_max: TERM_MIN,
        ..request(MINER, 1, MIB)
    };
    assert_eq!(allocate(&rt, CLIENT, &[short]), [1]);
    expect_burn(&rt, MIB);
    let claim = piece_claim(CLIENT, 1, 1, MIB);
    claim_sectors(&rt, MINER, &[sector(&rt, 7, &[claim])], true).unwrap();
    rt.events();
    rt.caller(CLIENT)
}

#[test]
fn a_client_lets_its_claims_last_longer() {
    // Long after it has expired, too.
    let rt = short_claim().epoch(NOW + 2 * TERM_MAX);
    let terms = [
        (MINER, 1, TERM_MIN + 1),
        (MINER, 1, TERM_MIN),
        (MINER, 1, TERM_MIN + 1),
        (MINER, 1, TERM_MAX),
    ];
    assert_eq!(extend_terms(&rt, &terms), Ok(batch(&[0, 16, 0, 0])));
    assert_eq!(get_claim(&rt, MINER, 1).unwrap().term_max, TERM_MAX);
    let event = ("claim-updated".to_owned(), 1);
    assert_eq!(event_names(&rt), [event.clone(), event.clone(), event]);
}

#[test]
fn terms_fail_in_the_sheets_order() {
    let rt = short_claim();
    rt.caller(CLIENT_2);
    let terms = [
        (MINER_2, 9, TERM_MAX + 1),
        (MINER_2, 1, TERM_MIN - 1),
        (MINER, 9, TERM_MIN - 1),
        (MINER, 1, TERM_MIN - 1),
    ];
    assert_eq!(extend_terms(&rt, &terms), Ok(batch(&[16, 17, 17, 18])));
    rt.caller(CLIENT);
    let terms = [(MINER, 1, TERM_MIN - 1), (MINER, 1, i64::MIN)];
    let head = rt.head();
    assert_eq!(extend_terms(&rt, &terms), Ok(batch(&[16, 16])));
    assert_eq!(extend_terms(&rt, &[]), Ok(batch(&[])));
    assert_eq!(rt.head(), head);
    assert_eq!(event_names(&rt), []);
    rt.read_only();
    assert_eq!(
        extend_terms(&rt, &terms),
        Err(Some(25)),
        "written all the same"
    );
    rt.read_only();
    assert_eq!(
        extend_terms(&rt, &[(MINER, 1, TERM_MAX)]),
        Err(Some(24)),
        "the event"
    );
}

fn remove_expired(
    rt: &MockRuntime,
    provider: ActorID,
    ids: &[u64],
) -> Result<RemoveExpiredClaimsReturn, Option<u32>> {
    let params = RemoveExpiredClaimsParams {
        provider,
        claim_ids: ids.to_vec(),
    };
    rt.caller(CLIENT_2);
    call(rt, 12, &params)
}

fn outcome(considered: &[u64], codes: &[u32]) -> RemoveExpiredClaimsReturn {
    RemoveExpiredClaimsReturn {
        considered: considered.to_vec(),
        results: batch(codes),
    }
}

#[test]
fn claims_expire_after_their_term() {
    let rt = with_claims(&[MIB, MIB, MIB]).epoch(NOW + TERM_MAX - 1);
    assert_eq!(
        remove_expired(&rt, MINER, &[1, 9]),
        Ok(outcome(&[1, 9], &[18, 17]))
    );
    assert_eq!(remove_expired(&rt, MINER, &[]), Ok(outcome(&[], &[])));
    assert_eq!(
        remove_expired(&rt, 999, &[]),
        Ok(outcome(&[], &[])),
        "no provider"
    );
    rt.epoch(NOW + TERM_MAX);
    assert_eq!(
        remove_expired(&rt, MINER, &[2, 2]),
        Err(Some(24)),
        "named twice"
    );
    assert_eq!(remove_expired(&rt, MINER, &[2]), Ok(outcome(&[2], &[0])));
    assert_eq!(get_claim(&rt, MINER, 2), None);
    let all = remove_expired(&rt, MINER, &[]).unwrap();
    assert_eq!(all.results, batch(&[0, 0]));
    let names: Vec<_> = event_names(&rt).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["claim-removed"; 3]);
    assert_eq!(state(&rt).claims, registry().state::<State>().claims);
}
