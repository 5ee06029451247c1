//! Transactions that are executed.

use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, IPLD_RAW};
use fvm_shared::error::ErrorNumber;

use super::*;

#[test]
fn the_last_approval_executes() {
    let rt = wallet(3, 2);
    propose(&rt, &payment()).unwrap();
    rt.caller(BOB);
    rt.expect_send(id(CHUCK), 0).value(fil(1));
    assert_eq!(approve(&rt, 0), Ok(ended(true, 0, b"")));
    assert_eq!(rt.balance_of(CHUCK), Some(fil(1)));
    assert_eq!(approvers(&rt, 0), None);
    assert_eq!(approve(&rt, 0), Err(17));
}

#[test]
fn one_of_many_executes_at_once() {
    let rt = wallet(3, 1);
    rt.expect_send(id(CHUCK), 0).value(fil(1));
    let outcome = propose(&rt, &payment()).unwrap();
    assert_eq!((outcome.txn_id, outcome.applied), (0, true));
    assert_eq!(state(&rt).next_tx_id, 1);
}

/// Value that came with the message can leave with it.
#[test]
fn the_value_received_counts() {
    let rt = wallet(1, 1);
    rt.value(fil(1));
    rt.expect_send(id(CHUCK), 0).value(fil(2));
    let params = ProposeParams {
        value: fil(2),
        ..payment()
    };
    assert!(propose(&rt, &params).unwrap().applied);
}

#[test]
fn what_the_balance_does_not_cover_is_not_kept() {
    let rt = wallet(1, 1);
    let params = ProposeParams {
        value: fil(2),
        ..payment()
    };
    let before = rt.head();
    assert_eq!(propose(&rt, &params), Err(19));
    assert_eq!(rt.head(), before);

    // An approval that would be the last one is not recorded either.
    let rt = wallet(2, 2);
    assert!(!propose(&rt, &params).unwrap().applied);
    assert_eq!(approve(&rt.caller(BOB), 0), Err(19));
    assert_eq!(approvers(&rt, 0), Some(vec![id(ANNE)]));
}

#[test]
fn what_is_locked_does_not_leave() {
    let rt = wallet(1, 1);
    let lock = LockBalanceParams {
        start_epoch: 10,
        unlock_duration: 1_000,
        amount: fil(1),
    };
    assert_eq!(
        code(&rt.caller_of_type(WALLET, Type::Multisig), 9, &lock),
        0
    );
    rt.caller(ANNE).epoch(509);
    let half = ProposeParams {
        value: TokenAmount::from_nano(500_000_000),
        ..payment()
    };
    assert_eq!(propose(&rt, &half), Err(19));
    rt.epoch(510);
    rt.expect_send(id(CHUCK), 0).value(half.value.clone());
    assert!(propose(&rt, &half).unwrap().applied);
    // Nothing may leave whatever is locked.
    let nothing = ProposeParams {
        value: fil(0),
        ..payment()
    };
    rt.epoch(0).expect_send(id(CHUCK), 0);
    assert!(propose(&rt, &nothing).unwrap().applied);
}

#[test]
fn parameters_go_as_one_block_or_none() {
    let rt = wallet(1, 1);
    let call = ProposeParams {
        to: id(STRANGER),
        value: fil(0),
        method: 42,
        params: RawBytes::new(b"not even CBOR".to_vec()),
    };
    rt.expect_send(id(STRANGER), 42).block(Some(IpldBlock {
        codec: CBOR,
        data: b"not even CBOR".to_vec(),
    }));
    assert!(propose(&rt, &call).unwrap().applied);
    let empty = ProposeParams {
        params: RawBytes::default(),
        ..call
    };
    rt.expect_send(id(STRANGER), 42).block(None);
    assert!(propose(&rt, &empty).unwrap().applied);
}

/// Whatever becomes of it, the message succeeds and the transaction is gone.
#[test]
fn a_failed_transaction_is_consumed() {
    let data = |bytes: &[u8]| {
        Some(IpldBlock {
            codec: IPLD_RAW,
            data: bytes.to_vec(),
        })
    };
    let of_callee = [
        (0, 0),
        (16, 16),
        (33, 33),
        (4, 23),
        (9, 23),
        (11, 23),
        (5, 24),
        (7, 24),
    ];
    for (callee, seen) in of_callee {
        let rt = wallet(1, 1);
        rt.expect_send(id(CHUCK), 0)
            .value(fil(1))
            .responds(ExitCode::new(callee), data(b"why"));
        let outcome = propose(&rt, &payment()).unwrap();
        assert_eq!(outcome.code.value(), seen, "{callee}");
        assert_eq!(outcome.ret.bytes(), b"why", "{callee}");
        assert!(outcome.applied);
        assert_eq!(approvers(&rt, 0), None);
    }
    let of_machine = [
        (ErrorNumber::NotFound, 23),
        (ErrorNumber::InsufficientFunds, 19),
        (ErrorNumber::LimitExceeded, 24),
        (ErrorNumber::ReadOnly, 25),
    ];
    for (refusal, seen) in of_machine {
        let rt = wallet(2, 2);
        propose(&rt, &payment()).unwrap();
        rt.expect_send(id(CHUCK), 0).value(fil(1)).refused(refusal);
        assert_eq!(approve(&rt.caller(BOB), 0), Ok(ended(true, seen, b"")));
        assert_eq!(rt.balance_of(WALLET), Some(fil(1)));
    }
}

/// The threshold may have fallen since: then the approver may have approved before.
#[test]
fn what_has_enough_approvals_is_executed_without_another() {
    let rt = wallet(3, 2);
    propose(&rt, &payment()).unwrap();
    let threshold = ChangeThresholdParams { new_threshold: 1 };
    rt.caller_of_type(WALLET, Type::Multisig);
    assert_eq!(code(&rt, 8, &threshold), 0);
    assert_eq!(approvers(&rt, 0), Some(vec![id(ANNE)]), "still waits");

    rt.caller(ANNE);
    rt.expect_send(id(CHUCK), 0).value(fil(1));
    assert_eq!(approve(&rt, 0), Ok(ended(true, 0, b"")));
}

/// State is saved before the send and not touched after it.
#[test]
fn the_callee_may_call_back() {
    let rt = wallet(2, 1);
    let swap = SwapSignerParams {
        from: id(ANNE),
        to: id(STRANGER),
    };
    let params = fvm_ipld_encoding::to_vec(&swap).unwrap();
    let to_itself = ProposeParams {
        to: id(WALLET),
        value: fil(0),
        method: 7,
        params: RawBytes::new(params),
    };
    rt.expect_send(id(WALLET), 7)
        .params(&swap)
        .effect(move |rt| {
            assert_eq!(approvers(rt, 0), None, "consumed already");
            assert_eq!(
                code(&rt.caller_of_type(WALLET, Type::Multisig), 7, &swap),
                0
            );
        });
    assert!(propose(&rt, &to_itself).unwrap().applied);
    assert_eq!(state(&rt).signers, [id(BOB), id(STRANGER)]);
}

#[test]
fn tokens_and_exported_methods_are_accepted() {
    let rt = wallet(1, 1).caller_of_type(300, Type::Evm);
    let head = rt.head();
    let receive = boatyard_sdk::method_number("Receive");
    let params = UniversalReceiverParams {
        type_: 7,
        payload: RawBytes::new(b"anything".to_vec()),
    };
    rt.read_only();
    assert_eq!(code(&rt, receive, &params), 0);
    assert_eq!(code(&rt, receive, &"something else"), 21);
    let without = rt.call::<Multisig>(receive, None).unwrap_err();
    assert_eq!(without.exit_code().value(), 16);
    for method in [1 << 24, u64::MAX] {
        rt.read_only();
        assert_eq!(rt.call::<Multisig>(method, None), Ok(None));
        assert_eq!(code(&rt, method, &"anything"), 0);
    }
    assert_eq!(rt.head(), head);
}

#[test]
fn other_methods_do_not_exist() {
    let rt = wallet(1, 1);
    for method in [10, (1 << 24) - 1] {
        assert_eq!(code(&rt, method, &"anything"), 22);
        let contract = rt.caller_of_type(300, Type::Evm);
        assert_eq!(code(&contract, method, &"anything"), 18);
        rt.caller(ANNE);
    }
}
