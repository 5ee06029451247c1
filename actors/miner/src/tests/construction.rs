//! The constructor.

use super::*;

const CONSTRUCTOR: MethodNum = 1;

fn newborn() -> MockRuntime {
    world().caller(INIT_ACTOR_ID).value(creation_deposit())
}

#[test]
fn a_miner_is_who_its_creator_says() {
    let rt = miner();
    let info = info(&rt);
    assert_eq!(
        (info.owner, info.worker, info.beneficiary),
        (id(OWNER), id(WORKER), id(OWNER))
    );
    assert_eq!(
        info.control_addresses,
        [id(CONTROL), id(CONTROL_2), id(CONTROL)],
        "resolved, in order, repetitions kept"
    );
    assert_eq!(
        (info.sector_size as u64, info.window_post_partition_sectors),
        (32 << 30, 2_349)
    );
    assert_eq!(info.consensus_fault_elapsed, -1);
    assert_eq!(info.beneficiary_term.quota, atto(0));
    assert_eq!(
        (&info.pending_worker_key, &info.pending_owner_address),
        (&None, &None)
    );
}

/// Source: spec 05 §3.7, §6.
#[test]
fn a_new_miner_has_locked_its_deposit_and_nothing_else() {
    let rt = miner_with(atto(5));
    let state = state(&rt);
    assert_eq!(
        (state.proving_period_start, state.current_deadline),
        (PERIOD, 37)
    );
    assert_eq!(state.locked_funds, creation_deposit());
    for nought in [
        &state.pre_commit_deposits,
        &state.fee_debt,
        &state.initial_pledge,
    ] {
        assert_eq!(*nought, atto(0));
    }
    assert!(!state.deadline_cron_active && state.early_terminations.is_empty());
    assert_eq!(
        state.deadlines.to_string(),
        "bafy2bzacea7crkj7k6zqyzjdaqpepuyf5bp2dgleclpxse7pujbkoz5k7gdz4"
    );
    assert_eq!(
        state.allocated_sectors.to_string(),
        "bafy2bzacea456askyutsf7uk4ta2q5aojrlcji4mhaqokbfalgvoq4ueeh4l2"
    );
    assert_eq!(
        state.pre_committed_sectors_cleanup.cid().to_string(),
        "bafy2bzaceaa2jny7gkgdwnid4kuldau6bnvgyss5bszo4uy6uikrncvdu5mc2"
    );
    let table = crate::vesting::load(rt.store(), &state.vesting_funds).unwrap();
    assert_eq!(table.len(), 180);
    assert_eq!(balance(&rt), creation_deposit() + atto(5));
}

#[test]
fn limits_come_before_sends() {
    let base = constructor_params();
    let mut cases = Vec::new();
    let mut params = base.clone();
    params.control_addresses = vec![id(CONTROL); 11];
    cases.push(("control addresses", params));
    let mut params = base.clone();
    params.peer_id = RawBytes::new(vec![0; 129]);
    cases.push(("peer", params));
    let mut params = base.clone();
    params.multi_addresses = vec![RawBytes::new(vec![1]), RawBytes::default()];
    cases.push(("an empty multiaddr", params));
    let mut params = base.clone();
    params.multi_addresses = vec![RawBytes::new(vec![1; 1_000]), RawBytes::new(vec![1; 25])];
    cases.push(("multiaddrs", params));
    for number in [0, 10, 12, 99, -1] {
        let mut params = base.clone();
        params.window_post_proof_type = RegisteredPoStProof::from(number);
        cases.push(("proof type", params));
    }
    for (what, params) in cases {
        let rt = newborn();
        assert_eq!(code(&rt, CONSTRUCTOR, &params), 16, "{what}");
        assert_eq!(code(&rt.caller(OWNER), CONSTRUCTOR, &params), 18, "{what}");
    }
}

#[test]
fn limits_are_allowed_themselves() {
    let rt = newborn();
    let mut params = constructor_params();
    params.control_addresses = vec![id(CONTROL); 10];
    params.peer_id = RawBytes::new(vec![0; 128]);
    params.multi_addresses = vec![RawBytes::new(vec![1; 1_000]), RawBytes::new(vec![1; 24])];
    expect_reward(&rt);
    expect_power(&rt);
    assert_eq!(code(&rt, CONSTRUCTOR, &params), 0);
}

#[test]
fn the_deposit_comes_before_addresses() {
    let mut params = constructor_params();
    params.owner = secp(99);
    let rt = newborn().value(creation_deposit() - atto(1));
    expect_reward(&rt);
    expect_power(&rt);
    assert_eq!(code(&rt, CONSTRUCTOR, &params), 19);
    let rt = newborn();
    expect_reward(&rt);
    expect_power(&rt);
    assert_eq!(code(&rt, CONSTRUCTOR, &params), 16);
}

#[test]
fn an_owner_need_not_exist_but_a_worker_must() {
    let mut params = constructor_params();
    params.owner = id(77_777);
    let rt = newborn();
    expect_reward(&rt);
    expect_power(&rt);
    assert_eq!(code(&rt, CONSTRUCTOR, &params), 0);
    assert_eq!(info(&rt).owner, id(77_777));

    params.worker = id(77_777);
    let rt = newborn();
    expect_reward(&rt);
    expect_power(&rt);
    assert_eq!(code(&rt, CONSTRUCTOR, &params), 16);
}

#[test]
fn a_miner_is_constructed_once() {
    let rt = miner().caller(INIT_ACTOR_ID).value(creation_deposit());
    expect_reward(&rt);
    expect_power(&rt);
    assert_eq!(code(&rt, CONSTRUCTOR, &constructor_params()), 20);
}

#[test]
fn a_failing_query_fails_the_construction() {
    let rt = newborn();
    expect_reward(&rt).exits(33);
    assert_eq!(code(&rt, CONSTRUCTOR, &constructor_params()), 33);
    let rt = newborn();
    expect_reward(&rt);
    expect_power(&rt).returns(&());
    assert_eq!(code(&rt, CONSTRUCTOR, &constructor_params()), 21);
}
