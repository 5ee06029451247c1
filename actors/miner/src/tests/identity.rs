//! Owner, worker, control addresses and peer.

use boatyard_actors_shared::ext::account::PUBKEY_ADDRESS;

use super::*;

const CHANGE_WORKER: MethodNum = 3;
const CHANGE_PEER_ID: MethodNum = 4;
const CHANGE_MULTIADDRS: MethodNum = 18;
const CONFIRM_WORKER: MethodNum = 21;
const CHANGE_OWNER: MethodNum = 23;
/// Epochs until a new worker may take over.
const DELAY: ChainEpoch = 900;

fn worker_params(worker: Address, controls: &[Address]) -> ChangeWorkerAddressParams {
    ChangeWorkerAddressParams {
        new_worker: worker,
        new_control_addresses: controls.to_vec(),
    }
}

fn pending_worker(rt: &MockRuntime) -> Option<(Address, ChainEpoch)> {
    let pending = info(rt).pending_worker_key?;
    Some((pending.new_worker, pending.effective_at))
}

#[test]
fn a_new_worker_takes_over_after_900_epochs() {
    let rt = miner();
    assert_eq!(code(&rt, CHANGE_WORKER, &worker_params(bls(2), &[])), 0);
    assert_eq!(pending_worker(&rt), Some((id(NEW_WORKER), BIRTH + DELAY)));
    assert_eq!(info(&rt).control_addresses, []);

    rt.epoch(BIRTH + DELAY - 1);
    assert_eq!(code_without_params(&rt, CONFIRM_WORKER), 0);
    assert_eq!(info(&rt).worker, id(WORKER), "too early, but no failure");
    rt.epoch(BIRTH + DELAY);
    assert_eq!(code_without_params(&rt.caller(WORKER), CONFIRM_WORKER), 18);
    assert_eq!(code_without_params(&rt.caller(OWNER), CONFIRM_WORKER), 0);
    assert_eq!(
        (info(&rt).worker, pending_worker(&rt)),
        (id(NEW_WORKER), None)
    );
}

#[test]
fn a_waiting_worker_is_neither_replaced_nor_sent_away() {
    let rt = miner();
    code(&rt, CHANGE_WORKER, &worker_params(bls(2), &[]));
    rt.epoch(BIRTH + 1).resolves(bls(3), STRANGER);
    for worker in [bls(3), bls(1)] {
        let controls = [id(CONTROL), id(STRANGER)];
        assert_eq!(
            code(&rt, CHANGE_WORKER, &worker_params(worker, &controls)),
            0
        );
        assert_eq!(pending_worker(&rt), Some((id(NEW_WORKER), BIRTH + DELAY)));
        assert_eq!(info(&rt).control_addresses, controls);
    }
}

#[test]
fn the_present_worker_does_not_wait() {
    let rt = miner();
    assert_eq!(code(&rt, CHANGE_WORKER, &worker_params(bls(1), &[])), 0);
    assert_eq!(pending_worker(&rt), None);
}

#[test]
fn a_worker_named_by_id_is_asked_for_its_key() {
    let rt = miner();
    for (key, expected) in [(bls(9), 0), (secp(9), 16)] {
        rt.expect_send(id(NEW_WORKER), PUBKEY_ADDRESS).returns(&key);
        let params = worker_params(id(NEW_WORKER), &[]);
        assert_eq!(code(&rt, CHANGE_WORKER, &params), expected);
    }
}

/// Source: spec 05 §7.2, §25.
#[test]
fn a_worker_is_judged_before_the_caller() {
    let rt = miner().caller(STRANGER).actor(200, Type::Multisig);
    rt.expect_send(id(NEW_WORKER), PUBKEY_ADDRESS)
        .returns(&bls(9));
    for (what, params, expected) in [
        (
            "controls",
            worker_params(id(NEW_WORKER), &[id(CONTROL); 11]),
            16,
        ),
        ("unknown key", worker_params(bls(77), &[]), 16),
        ("nobody", worker_params(id(77_777), &[]), 16),
        ("no account", worker_params(id(200), &[]), 16),
        (
            "unknown control",
            worker_params(bls(2), &[id(CONTROL), secp(77)]),
            16,
        ),
    ] {
        let rt = miner().caller(STRANGER).actor(200, Type::Multisig);
        assert_eq!(code(&rt, CHANGE_WORKER, &params), expected, "{what}");
    }
    let params = worker_params(id(NEW_WORKER), &[]);
    assert_eq!(code(&rt, CHANGE_WORKER, &params), 18);
}

#[test]
fn only_the_owner_changes_the_worker() {
    for caller in [WORKER, CONTROL, STRANGER] {
        let rt = miner().caller(caller);
        assert_eq!(code(&rt, CHANGE_WORKER, &worker_params(bls(2), &[])), 18);
    }
}

#[test]
fn those_in_control_set_the_peer() {
    let peer = ChangePeerIDParams {
        new_id: RawBytes::new(vec![1; 128]),
    };
    let addresses = ChangeMultiaddrsParams {
        new_multi_addrs: vec![RawBytes::new(vec![2; 1_024])],
    };
    for (caller, expected) in [
        (OWNER, 0),
        (WORKER, 0),
        (CONTROL, 0),
        (CONTROL_2, 0),
        (STRANGER, 18),
    ] {
        let rt = miner().caller(caller);
        assert_eq!(code(&rt, CHANGE_PEER_ID, &peer), expected, "{caller}");
        assert_eq!(code(&rt, CHANGE_MULTIADDRS, &addresses), expected);
        let changed = info(&rt);
        assert_eq!(changed.peer_id == peer.new_id, expected == 0);
        assert_eq!(
            changed.multi_address == addresses.new_multi_addrs,
            expected == 0
        );
    }
}

#[test]
fn a_peers_limits_come_before_the_caller() {
    let rt = miner().caller(STRANGER);
    let peer = ChangePeerIDParams {
        new_id: RawBytes::new(vec![1; 129]),
    };
    assert_eq!(code(&rt, CHANGE_PEER_ID, &peer), 16);
    for addresses in [vec![vec![2; 1_025]], vec![vec![1], vec![]]] {
        let params = ChangeMultiaddrsParams {
            new_multi_addrs: addresses.into_iter().map(RawBytes::new).collect(),
        };
        assert_eq!(code(&rt, CHANGE_MULTIADDRS, &params), 16);
    }
    let nowhere = ChangeMultiaddrsParams {
        new_multi_addrs: vec![],
    };
    assert_eq!(code(&rt.caller(OWNER), CHANGE_MULTIADDRS, &nowhere), 0);
}

fn owners(rt: &MockRuntime) -> (Address, Option<Address>) {
    let info = info(rt);
    (info.owner, info.pending_owner_address)
}

#[test]
fn an_owner_is_proposed_and_takes_over() {
    let rt = miner();
    assert_eq!(code(&rt, CHANGE_OWNER, &id(NOMINEE)), 0);
    assert_eq!(owners(&rt), (id(OWNER), Some(id(NOMINEE))));
    assert_eq!(code(&rt.caller(NOMINEE), CHANGE_OWNER, &id(NOMINEE)), 0);
    assert_eq!(owners(&rt), (id(NOMINEE), None));
    assert_eq!(info(&rt).beneficiary, id(NOMINEE), "it was the owner's");
}

#[test]
fn a_proposal_of_an_owner_is_replaced_or_taken_back() {
    let rt = miner();
    for (proposed, left) in [
        (NOMINEE, Some(id(NOMINEE))),
        (STRANGER, Some(id(STRANGER))),
        (OWNER, None),
    ] {
        assert_eq!(code(&rt, CHANGE_OWNER, &id(proposed)), 0);
        assert_eq!(owners(&rt), (id(OWNER), left));
    }
}

#[test]
fn an_owner_to_come_names_itself() {
    let rt = miner();
    code(&rt, CHANGE_OWNER, &id(NOMINEE));
    assert_eq!(code(&rt.caller(NOMINEE), CHANGE_OWNER, &id(STRANGER)), 16);
    assert_eq!(code(&rt.caller(STRANGER), CHANGE_OWNER, &id(NOMINEE)), 18);
    assert_eq!(owners(&rt), (id(OWNER), Some(id(NOMINEE))));
}

#[test]
fn without_a_proposal_only_the_owner_has_a_say() {
    let rt = miner().caller(NOMINEE);
    assert_eq!(code(&rt, CHANGE_OWNER, &id(NOMINEE)), 18);
    assert_eq!(
        code(&rt, CHANGE_OWNER, &secp(1)),
        16,
        "no ID address, which comes first"
    );
}

#[test]
fn a_change_of_owner_keeps_the_beneficiarys_term() {
    let rt = miner();
    edit_info(&rt, |info| {
        info.beneficiary = id(STRANGER);
        info.beneficiary_term.quota = atto(9);
    });
    code(&rt, CHANGE_OWNER, &id(NOMINEE));
    code(&rt.caller(NOMINEE), CHANGE_OWNER, &id(NOMINEE));
    let info = info(&rt);
    assert_eq!(
        (info.beneficiary, info.beneficiary_term.quota),
        (id(STRANGER), atto(9))
    );
}
