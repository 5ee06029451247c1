use boatyard_mock::MockRuntime;
use boatyard_sdk::{ArrayRoot, MapRoot, NetworkVariant};
use fvm_ipld_encoding::RawBytes;

use super::*;
use crate::CronEvent;

const MINER: ActorID = 1_000;
const PROOF: RegisteredPoStProof = RegisteredPoStProof::StackedDRGWindow2KiBV1P1;

fn policy() -> &'static Policy {
    Policy::of(NetworkVariant::Devnet)
}

fn event(miner_addr: Address, payload: &[u8]) -> CronEvent {
    CronEvent {
        miner_addr,
        callback_payload: RawBytes::new(payload.to_vec()),
    }
}

/// A miner with one sector that waits for a deadline.
fn healthy(rt: &MockRuntime) -> State {
    let store = rt.store();
    let miner = Address::new_id(MINER);
    let mut state = State::new(store).unwrap();
    state.add_miner(policy(), store, &miner, PROOF).unwrap();
    let mut claims = state.claims.load(store).unwrap();
    let delta = crate::UpdateClaimedPowerParams {
        raw_byte_delta: 2_048.into(),
        quality_adjusted_delta: 4_096.into(),
    };
    let claim = claims.get(&miner).unwrap().unwrap();
    let claim = state.change_claim(policy(), claim, &delta).unwrap();
    claims.set(&miner, claim).unwrap();
    state.claims = claims.flush().unwrap();
    state.first_cron_epoch = 10;
    state.enroll(store, 10, event(miner, b"\x81\x01")).unwrap();
    state
}

fn facts() -> MinerFacts {
    MinerFacts {
        window_post_proof_type: PROOF,
        raw_byte_power: 2_048.into(),
        quality_adj_power: 4_096.into(),
        deadline_cron_active: true,
    }
}

fn set_claim(state: &mut State, rt: &MockRuntime, miner: Address, claim: Claim) {
    let mut claims = state.claims.load(rt.store()).unwrap();
    claims.set(&miner, claim).unwrap();
    state.claims = claims.flush().unwrap();
}

#[test]
fn a_healthy_state_has_none() {
    let rt = MockRuntime::new();
    let state = healthy(&rt);
    assert_eq!(check(&state, rt.store(), policy()), [""; 0]);
    let summary = summary(&state, rt.store()).unwrap();
    let miners = BTreeMap::from([(MINER, facts())]);
    assert_eq!(check_miners(&summary, &miners), [""; 0]);
}

/// Every break of a healthy state is found, as often as it says.
#[test]
fn every_violation_is_reported() {
    type Break = fn(&mut State, &MockRuntime);
    let breaks: [(&str, usize, Break); 9] = [
        ("sum of bytes", 1, |state, _| {
            state.total_bytes_committed += 1;
        }),
        ("negative power and wrong sums", 3, |state, _| {
            state.total_raw_byte_power = (-1).into();
            state.total_quality_adj_power = (-2).into();
        }),
        ("more at the minimum than committed", 2, |state, _| {
            state.total_quality_adj_power += 1;
        }),
        ("count", 1, |state, _| {
            state.miner_above_min_power_count = 2;
        }),
        ("pledge", 1, |state, _| {
            state.total_pledge_collateral = TokenAmount::from_atto(-1);
        }),
        ("call in the past", 1, |state, _| {
            state.first_cron_epoch = 11;
        }),
        ("proofs", 1, |state, _| {
            state.proof_validation_batch = Some(*state.claims.cid());
        }),
        (
            "claim of a robust address of unknown type",
            2,
            |state, rt| {
                let claim = Claim::new(RegisteredPoStProof::Invalid(99));
                set_claim(state, rt, Address::new_actor(b"x"), claim);
            },
        ),
        ("call of a robust address", 1, |state, rt| {
            let call = event(Address::new_actor(b"x"), b"");
            state.enroll(rt.store(), 11, call).unwrap();
        }),
    ];
    for (what, count, break_it) in breaks {
        let rt = MockRuntime::new();
        let mut state = healthy(&rt);
        break_it(&mut state, &rt);
        let found = check(&state, rt.store(), policy());
        assert_eq!(found.len(), count, "{what}: {found:?}");
    }
}

#[test]
fn unreadable_collections_are_violations() {
    let rt = MockRuntime::new();
    let mut state = healthy(&rt);
    let nowhere = *ArrayRoot::<u64>::empty(rt.store()).unwrap().cid();
    state.claims = MapRoot::from_cid(nowhere);
    state.cron_event_queue = MapRoot::from_cid(nowhere);
    assert_eq!(check(&state, rt.store(), policy()).len(), 2);
    assert!(summary(&state, rt.store()).is_err());
}

#[test]
fn a_summary_lists_calls_in_the_order_in_which_they_come() {
    let rt = MockRuntime::new();
    let mut state = healthy(&rt);
    let miner = Address::new_id(MINER);
    for (epoch, payload) in [(300, b"c"), (20, b"a"), (20, b"b")] {
        state
            .enroll(rt.store(), epoch, event(miner, payload))
            .unwrap();
    }
    let summary = summary(&state, rt.store()).unwrap();
    let epochs: Vec<_> = summary.events[&MINER].iter().map(|e| e.epoch).collect();
    assert_eq!(epochs, [10, 20, 20, 300]);
    assert_eq!(summary.events[&MINER][1].payload.bytes(), b"a");
    assert_eq!(summary.claims[&MINER].raw_byte_power, 2_048.into());
}

#[test]
fn a_miner_agrees_with_its_claim() {
    type Break = fn(&mut MinerFacts);
    let breaks: [(&str, Break); 4] = [
        ("raw power", |facts| facts.raw_byte_power += 1),
        ("quality-adjusted power", |facts| {
            facts.quality_adj_power += 1
        }),
        ("proof type", |facts| {
            facts.window_post_proof_type = RegisteredPoStProof::StackedDRGWindow8MiBV1P1;
        }),
        ("deadline", |facts| facts.deadline_cron_active = false),
    ];
    let rt = MockRuntime::new();
    let summary = summary(&healthy(&rt), rt.store()).unwrap();
    for (what, break_it) in breaks {
        let mut facts = facts();
        break_it(&mut facts);
        let found = check_miners(&summary, &BTreeMap::from([(MINER, facts)]));
        assert_eq!(found.len(), 1, "{what}: {found:?}");
    }
    let mut poor = summary.clone();
    let claim = poor.claims.get_mut(&MINER).unwrap();
    claim.quality_adj_power = 2_047.into();
    let found = check_miners(&poor, &BTreeMap::from([(MINER, facts())]));
    assert_eq!(found.len(), 2, "less quality than bytes: {found:?}");
    let nobody = check_miners(&summary, &BTreeMap::new());
    assert_eq!(nobody.len(), 2, "a claim and a call of no miner");
    let another = BTreeMap::from([(MINER, facts()), (MINER + 1, facts())]);
    assert_eq!(
        check_miners(&summary, &another).len(),
        2,
        "no claim, no call"
    );
}

#[test]
fn miners_wait_for_events_that_they_know() {
    let rt = MockRuntime::new();
    let miners = BTreeMap::from([(MINER, facts())]);
    for (payload, count) in [
        (&b"\x81\x02"[..], 0),
        (b"\x81\x01", 1),
        (b"\x81\x00", 1),
        (b"\x81\x03", 1),
        (b"", 1),
    ] {
        let mut state = healthy(&rt);
        let call = event(Address::new_id(MINER), payload);
        state.enroll(rt.store(), 12, call).unwrap();
        let summary = summary(&state, rt.store()).unwrap();
        let found = check_miners(&summary, &miners);
        assert_eq!(found.len(), count, "{payload:?}: {found:?}");
    }
}
