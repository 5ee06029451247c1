use boatyard_mock::MockRuntime;
use boatyard_sdk::{EMPTY_STATE, MapRoot, NetworkVariant};
use fvm_shared::address::Address;
use fvm_shared::bigint::bigint_ser::BigIntDe;

use super::*;
use crate::state::RemoveDataCapProposalId;

const NOW: ChainEpoch = 100;

fn violations(state: &State, rt: &MockRuntime) -> usize {
    let policy = Policy::of(NetworkVariant::Mainnet);
    check(state, rt.store(), policy, NOW).len()
}

fn registry() -> (MockRuntime, State) {
    let rt = MockRuntime::new();
    let state = State::new(rt.store(), Address::new_id(80)).unwrap();
    assert_eq!(violations(&state, &rt), 0);
    (rt, state)
}

fn allocation() -> Allocation {
    Allocation {
        client: 120,
        provider: 1_000,
        data: EMPTY_STATE,
        size: 1 << 20,
        term_min: 518_400,
        term_max: 5_259_485,
        expiration: NOW,
    }
}

fn claim() -> Claim {
    Claim {
        provider: 1_000,
        client: 120,
        data: EMPTY_STATE,
        size: 1 << 20,
        term_min: 518_400,
        term_max: i64::MAX,
        term_start: NOW,
        sector: 7,
    }
}

#[test]
fn verifiers_have_an_id_and_something_or_nothing() {
    let (rt, mut state) = registry();
    state.root_key = Address::new_actor(b"root");
    assert_eq!(violations(&state, &rt), 1);
    state
        .put_verifier(rt.store(), &Address::new_id(110), 0.into())
        .unwrap();
    assert_eq!(violations(&state, &rt), 1);
    let root = state.root_key;
    state.put_verifier(rt.store(), &root, (-1).into()).unwrap();
    // No ID, the root key, less than nothing.
    assert_eq!(violations(&state, &rt), 4);
}

#[test]
fn a_number_that_was_never_used_is_not_stored() {
    let (rt, mut state) = registry();
    let mut ids = state.remove_data_cap_proposal_ids.load(rt.store()).unwrap();
    ids.set(&vec![0, 1], RemoveDataCapProposalId { id: 0 })
        .unwrap();
    state.remove_data_cap_proposal_ids = ids.flush().unwrap();
    assert_eq!(violations(&state, &rt), 1);
}

#[test]
fn allocations_keep_to_the_policy() {
    for (bad, expected) in [
        (allocation(), 0),
        (
            Allocation {
                client: 121,
                ..allocation()
            },
            1,
        ),
        (
            Allocation {
                size: 1,
                ..allocation()
            },
            1,
        ),
        (
            Allocation {
                term_min: 1,
                ..allocation()
            },
            1,
        ),
        (
            Allocation {
                term_max: 5_259_486,
                ..allocation()
            },
            1,
        ),
        (
            Allocation {
                term_max: 1,
                ..allocation()
            },
            1,
        ),
        (
            Allocation {
                expiration: NOW + 172_801,
                ..allocation()
            },
            1,
        ),
    ] {
        let (rt, mut state) = registry();
        let mut allocations = state.load_allocations(rt.store()).unwrap();
        allocations.set(&120, &1, bad.clone()).unwrap();
        state.allocations = allocations.flush().unwrap();
        assert_eq!(violations(&state, &rt), expected + 1, "the number {bad:?}");
        state.next_allocation_id = 2;
        assert_eq!(violations(&state, &rt), expected, "{bad:?}");
    }
}

#[test]
fn claims_keep_to_the_policy_but_for_the_longest_term() {
    for (bad, expected) in [
        (claim(), 0),
        (
            Claim {
                provider: 1_001,
                ..claim()
            },
            1,
        ),
        (Claim { size: 1, ..claim() }, 1),
        (
            Claim {
                term_min: 1,
                ..claim()
            },
            1,
        ),
        (
            Claim {
                term_max: 1,
                ..claim()
            },
            1,
        ),
        (
            Claim {
                term_start: NOW + 1,
                ..claim()
            },
            1,
        ),
    ] {
        let (rt, mut state) = registry();
        state.next_allocation_id = 2;
        let mut claims = state.load_claims(rt.store()).unwrap();
        claims.set(&1_000, &1, bad.clone()).unwrap();
        state.claims = claims.flush().unwrap();
        assert_eq!(violations(&state, &rt), expected, "{bad:?}");
    }
}

#[test]
fn others_are_checked_too() {
    let (rt, mut state) = registry();
    state.next_allocation_id = 3;
    state
        .insert_allocations(rt.store(), &[allocation()])
        .unwrap();
    state.put_claims(rt.store(), &[(1, claim())]).unwrap();
    let verifiers = &mut state.verifiers.load(rt.store()).unwrap();
    verifiers
        .set(&Address::new_id(110), BigIntDe(1.into()))
        .unwrap();
    state.verifiers = verifiers.flush().unwrap();
    let count = |registry: u64, verifier: u64, miner: bool| {
        let datacap_of = |who| match who {
            6 => TokenAmount::from_whole(registry),
            _ => TokenAmount::from_atto(verifier),
        };
        check_others(&state, rt.store(), datacap_of, |_| miner).len()
    };
    assert_eq!(count(1 << 20, 0, true), 0);
    assert_eq!(count((1 << 20) - 1, 0, true), 1);
    assert_eq!(count(1 << 20, 1, true), 1);
    assert_eq!(count(1 << 20, 0, false), 1);
}

#[test]
fn what_cannot_be_read_and_what_is_empty_is_reported() {
    let (rt, mut state) = registry();
    let empty = MapRoot::empty(rt.store()).unwrap();
    let mut claims = state.claims.load(rt.store()).unwrap();
    claims.set(&1_000, empty).unwrap();
    state.claims = claims.flush().unwrap();
    assert_eq!(violations(&state, &rt), 1);

    state.verifiers = MapRoot::from_cid(EMPTY_STATE);
    state.remove_data_cap_proposal_ids = MapRoot::from_cid(EMPTY_STATE);
    state.allocations = MapRoot::from_cid(EMPTY_STATE);
    state.claims = MapRoot::from_cid(EMPTY_STATE);
    assert_eq!(violations(&state, &rt), 5);
    assert_eq!(
        check_others(&state, rt.store(), |_| TokenAmount::default(), |_| true).len(),
        3
    );
}
