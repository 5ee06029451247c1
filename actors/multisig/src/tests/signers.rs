//! Construction, and who signs.

use fvm_shared::error::ErrorNumber;

use super::*;

fn key(byte: u8) -> Address {
    Address::new_secp256k1(&[byte; 65]).unwrap()
}

fn construct(rt: &MockRuntime, params: &ConstructorParams) -> u32 {
    code(rt, 1, params)
}

/// Calls a method as the wallet itself does.
fn by_itself(rt: &MockRuntime, method: MethodNum, params: &impl Serialize) -> u32 {
    let result = code(&rt.caller_of_type(WALLET, Type::Multisig), method, params);
    rt.caller(ANNE);
    result
}

fn signer_ids(rt: &MockRuntime) -> Vec<ActorID> {
    state(rt).signers.iter().map(|a| a.id().unwrap()).collect()
}

/// Source: spec 04 §1.16.
#[test]
fn construction_gives_the_protocols_state() {
    let rt = wallet(2, 2);
    assert_eq!(
        hex::encode(fvm_ipld_encoding::to_vec(&state(&rt)).unwrap()),
        "87824200644200650200400000d82a5827000171a0e4022018fe6acc61a3a36b0c373c4a3a8ea64b812bf2ca9b528050909c78d408558a0c"
    );
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzacebpgb5lqb4cwjrhmla5efyjneqkh2b5okvtfscec5etohcmiht2wk"
    );
}

#[test]
fn a_duration_locks_the_value_received() {
    let rt = world().value(fil(3));
    let params = ConstructorParams {
        unlock_duration: 1_000,
        start_epoch: -7,
        ..construction(&[ANNE], 1)
    };
    assert_eq!(construct(&rt, &params), 0);
    let State {
        initial_balance,
        start_epoch,
        unlock_duration,
        ..
    } = state(&rt);
    assert_eq!(
        (initial_balance, start_epoch, unlock_duration),
        (fil(3), -7, 1_000)
    );

    // Without one the start is dropped too.
    let rt = world().value(fil(3));
    let params = ConstructorParams {
        unlock_duration: 0,
        ..params
    };
    assert_eq!(construct(&rt, &params), 0);
    assert_eq!(
        (state(&rt).initial_balance, state(&rt).start_epoch),
        (fil(0), 0)
    );
}

#[test]
fn construction_refuses_in_the_sheets_order() {
    // Everything is wrong with it; one thing after the other gets right.
    let mut params = ConstructorParams {
        signers: vec![],
        num_approvals_threshold: 9,
        unlock_duration: -1,
        start_epoch: 0,
    };
    let rt = world();
    assert_eq!(construct(&rt.caller(ANNE), &params), 18, "the caller");
    rt.caller(INIT_ACTOR_ID);
    assert_eq!(construct(&rt, &params), 16, "no signers");
    params.signers = vec![Address::new_actor(b"nobody"); 257];
    assert_eq!(construct(&rt, &params), 16, "too many: nothing is resolved");
    params.signers = vec![id(ANNE), id(999)];
    assert_eq!(construct(&rt, &params), 17, "no actor");
    params.signers = vec![id(ANNE), key(1)];
    rt.resolves(key(1), ANNE);
    assert_eq!(construct(&rt, &params), 16, "twice the same");
    params.signers = vec![id(ANNE), id(BOB)];
    assert_eq!(construct(&rt, &params), 16, "threshold");
    params.num_approvals_threshold = 0;
    assert_eq!(construct(&rt, &params), 16, "no threshold");
    params.num_approvals_threshold = 2;
    assert_eq!(construct(&rt, &params), 16, "duration");
    params.unlock_duration = 0;
    assert_eq!(construct(&rt, &params), 0);
    assert_eq!(construct(&rt, &params), 20, "twice");
}

#[test]
fn signers_may_be_of_any_type_and_new_keys_get_their_account() {
    let rt = world().actor(300, Type::Evm);
    let robust = Address::new_actor(b"contract");
    rt.resolves(robust, 300);
    let params = ConstructorParams {
        signers: vec![key(1), robust, id(5)],
        ..construction(&[], 1)
    };
    rt.expect_send(key(1), 0).effect(|rt| {
        rt.actor(301, Type::Account).resolves(key(1), 301);
    });
    assert_eq!(construct(&rt, &params), 0);
    assert_eq!(signer_ids(&rt), [301, 300, 5]);

    let rt = world();
    let nobody = ConstructorParams {
        signers: vec![Address::new_actor(b"nobody")],
        ..params
    };
    rt.expect_send(Address::new_actor(b"nobody"), 0)
        .refused(ErrorNumber::NotFound);
    assert_eq!(construct(&rt, &nobody), 23);
}

#[test]
fn there_are_at_most_256_signers() {
    let rt = world();
    let signers: Vec<_> = (2_000..2_256).collect();
    for signer in &signers {
        rt.actor(*signer, Type::Account);
    }
    assert_eq!(construct(&rt, &construction(&signers, 256)), 0);
    let add = AddSignerParams {
        signer: id(ANNE),
        increase: false,
    };
    assert_eq!(by_itself(&rt, 5, &add), 18);
    // The number comes before the question whether it is one already.
    let again = AddSignerParams {
        signer: id(2_000),
        ..add
    };
    assert_eq!(by_itself(&rt, 5, &again), 18);
}

/// Before anything else: no address is resolved.
#[test]
fn only_the_wallet_changes_itself() {
    let rt = wallet(2, 1);
    let nobody = Address::new_actor(b"nobody");
    let add = AddSignerParams {
        signer: nobody,
        increase: true,
    };
    let remove = RemoveSignerParams {
        signer: nobody,
        decrease: true,
    };
    let swap = SwapSignerParams {
        from: nobody,
        to: nobody,
    };
    let threshold = ChangeThresholdParams { new_threshold: 0 };
    let lock = LockBalanceParams {
        start_epoch: 0,
        unlock_duration: -1,
        amount: atto(-1),
    };
    assert_eq!(code(&rt, 5, &add), 18);
    assert_eq!(code(&rt, 6, &remove), 18);
    assert_eq!(code(&rt, 7, &swap), 18);
    assert_eq!(code(&rt, 8, &threshold), 18);
    assert_eq!(code(&rt, 9, &lock), 18);
}

#[test]
fn signers_are_added_last() {
    let rt = wallet(2, 2);
    rt.resolves(key(3), STRANGER);
    let params = AddSignerParams {
        signer: key(3),
        increase: false,
    };
    assert_eq!(by_itself(&rt, 5, &params), 0);
    assert_eq!(signer_ids(&rt), [ANNE, BOB, STRANGER]);
    assert_eq!(state(&rt).num_approvals_threshold, 2);
    assert_eq!(by_itself(&rt, 5, &params), 18, "already one");

    let missing = AddSignerParams {
        signer: id(999),
        increase: true,
    };
    assert_eq!(by_itself(&rt, 5, &missing), 17);
    let params = AddSignerParams {
        signer: id(CHUCK),
        increase: true,
    };
    assert_eq!(by_itself(&rt, 5, &params), 0);
    assert_eq!(signer_ids(&rt), [ANNE, BOB, STRANGER, CHUCK]);
    assert_eq!(state(&rt).num_approvals_threshold, 3);
}

#[test]
fn removal_refuses_in_the_sheets_order() {
    let remove = |rt: &MockRuntime, signer, decrease| {
        by_itself(
            rt,
            6,
            &RemoveSignerParams {
                signer: id(signer),
                decrease,
            },
        )
    };
    let alone = wallet(1, 1);
    assert_eq!(remove(&alone, 999, true), 18, "no signer, existing or not");
    assert_eq!(remove(&alone, ANNE, true), 18, "the only one");

    let rt = wallet(2, 1);
    assert_eq!(remove(&rt, BOB, true), 16, "threshold 0");
    let rt = wallet(3, 3);
    assert_eq!(remove(&rt, BOB, false), 16, "out of reach");
    assert_eq!(remove(&rt, BOB, true), 0);
    assert_eq!(signer_ids(&rt), [ANNE, CHUCK]);
    assert_eq!(state(&rt).num_approvals_threshold, 2);
    let rt = wallet(3, 2);
    assert_eq!(remove(&rt, ANNE, false), 0);
    assert_eq!(signer_ids(&rt), [BOB, CHUCK]);
    assert_eq!(state(&rt).num_approvals_threshold, 2);
}

/// A signer whose actor is gone can still be removed.
#[test]
fn a_signer_without_an_actor_can_go() {
    let rt = wallet(3, 2);
    rt.no_actor(BOB).no_actor(CHUCK);
    let remove = RemoveSignerParams {
        signer: id(BOB),
        decrease: false,
    };
    assert_eq!(by_itself(&rt, 6, &remove), 0);
    let swap = SwapSignerParams {
        from: id(CHUCK),
        to: id(BOB),
    };
    assert_eq!(by_itself(&rt, 7, &swap), 17, "but nobody joins without one");
    let swap = SwapSignerParams {
        to: id(STRANGER),
        ..swap
    };
    assert_eq!(by_itself(&rt, 7, &swap), 0);
    assert_eq!(signer_ids(&rt), [ANNE, STRANGER]);
}

#[test]
fn swapping_puts_the_new_signer_last() {
    let rt = wallet(3, 2);
    let swap = |from, to| SwapSignerParams {
        from: id(from),
        to: id(to),
    };
    assert_eq!(by_itself(&rt, 7, &swap(STRANGER, ANNE)), 18, "from first");
    assert_eq!(by_itself(&rt, 7, &swap(ANNE, BOB)), 16);
    assert_eq!(by_itself(&rt, 7, &swap(ANNE, ANNE)), 16);
    assert_eq!(by_itself(&rt, 7, &swap(ANNE, STRANGER)), 0);
    assert_eq!(signer_ids(&rt), [BOB, CHUCK, STRANGER]);
    assert_eq!(state(&rt).num_approvals_threshold, 2);
}

/// Resolving creates actors, from before to.
#[test]
fn swapping_resolves_both_addresses_in_order() {
    let rt = wallet(1, 1);
    rt.expect_send(key(1), 0).effect(|rt| {
        rt.resolves(key(1), ANNE);
    });
    rt.expect_send(key(2), 0).effect(|rt| {
        rt.resolves(key(2), BOB);
    });
    let swap = SwapSignerParams {
        from: key(1),
        to: key(2),
    };
    assert_eq!(by_itself(&rt, 7, &swap), 0);
    assert_eq!(signer_ids(&rt), [BOB]);
}

/// Source: spec 04 §1.13.
#[test]
fn who_leaves_takes_the_approvals_along() {
    let rt = wallet(4, 4);
    for proposer in [ANNE, BOB, ANNE] {
        propose(&rt.caller(proposer), &payment()).unwrap();
    }
    approve(&rt.caller(BOB), 0).unwrap();
    approve(&rt.caller(CHUCK), 1).unwrap();
    let remove = RemoveSignerParams {
        signer: id(ANNE),
        decrease: true,
    };
    assert_eq!(by_itself(&rt, 6, &remove), 0);
    assert_eq!(approvers(&rt, 0), Some(vec![id(BOB)]), "the next proposer");
    assert_eq!(approvers(&rt, 1), Some(vec![id(BOB), id(CHUCK)]));
    assert_eq!(approvers(&rt, 2), None, "nobody is left");

    let swap = SwapSignerParams {
        from: id(BOB),
        to: id(STRANGER),
    };
    assert_eq!(by_itself(&rt, 7, &swap), 0);
    assert_eq!(approvers(&rt, 0), None);
    assert_eq!(approvers(&rt, 1), Some(vec![id(CHUCK)]));
    assert_eq!(state(&rt).next_tx_id, 3);
}

#[test]
fn the_threshold_stays_in_reach() {
    let rt = wallet(3, 2);
    for (new_threshold, expected) in [(0, 16), (4, 16), (u64::MAX, 16), (1, 0), (3, 0)] {
        let params = ChangeThresholdParams { new_threshold };
        assert_eq!(by_itself(&rt, 8, &params), expected, "{new_threshold}");
    }
    assert_eq!(state(&rt).num_approvals_threshold, 3);
}

#[test]
fn a_lock_is_set_once() {
    let rt = wallet(1, 1);
    let mut params = LockBalanceParams {
        start_epoch: 500,
        unlock_duration: 0,
        amount: atto(-1),
    };
    assert_eq!(by_itself(&rt, 9, &params), 16, "no duration");
    params.unlock_duration = -5;
    assert_eq!(by_itself(&rt, 9, &params), 16, "a negative one");
    params.unlock_duration = 5;
    assert_eq!(by_itself(&rt, 9, &params), 16, "a negative amount");
    params.amount = fil(1_000);
    assert_eq!(by_itself(&rt, 9, &params), 0, "more than there is");
    let State {
        initial_balance,
        start_epoch,
        unlock_duration,
        ..
    } = state(&rt);
    assert_eq!(
        (initial_balance, start_epoch, unlock_duration),
        (fil(1_000), 500, 5)
    );
    assert_eq!(by_itself(&rt, 9, &params), 18, "again");
    params.unlock_duration = 0;
    assert_eq!(by_itself(&rt, 9, &params), 16, "the duration comes first");
}

#[test]
fn a_wallet_with_an_empty_lock_may_be_locked_again() {
    let rt = world();
    let params = ConstructorParams {
        unlock_duration: 10,
        ..construction(&[ANNE], 1)
    };
    assert_eq!(construct(&rt, &params), 0);
    let lock = LockBalanceParams {
        start_epoch: 0,
        unlock_duration: 5,
        amount: atto(1),
    };
    assert_eq!(by_itself(&rt, 9, &lock), 18, "the duration says so");
}
