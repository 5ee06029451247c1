//! Transactions that wait.

use fvm_ipld_encoding::to_vec;

use super::*;

/// Source: spec 04 §1.16.
#[test]
fn a_proposal_gives_the_protocols_state_and_return() {
    let rt = wallet(2, 2);
    let returned = rt.call_with::<Multisig>(2, &payment()).unwrap().unwrap();
    assert_eq!(returned.codec, fvm_ipld_encoding::CBOR);
    assert_eq!(hex::encode(&returned.data), "8400f40040");
    assert_eq!(
        state(&rt).pending_txs.cid().to_string(),
        "bafy2bzacebwdgym25eoupafy2a2bod3wq5pft35sr3qrperlrpgtt53khx6ww"
    );
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzacecu6zd64w6bld4o3rov4b3rw7iwbbyuiko3arbecfj2pubsny5yb2"
    );
    assert_eq!(state(&rt).next_tx_id, 1);
    assert_eq!(approvers(&rt, 0), Some(vec![id(ANNE)]));
}

/// Source: spec 04 §1.16.
#[test]
fn returns_have_the_protocols_bytes() {
    let executed = ProposeReturn {
        txn_id: 0,
        applied: true,
        code: ExitCode::OK,
        ret: RawBytes::default(),
    };
    assert_eq!(hex::encode(to_vec(&executed).unwrap()), "8400f50040");
    let failed = ended(true, 19, b"");
    assert_eq!(hex::encode(to_vec(&failed).unwrap()), "83f51340");
}

/// Source: spec 04 §1.10.
#[test]
fn a_proposal_hash_has_the_protocols_bytes() {
    let txn = Transaction {
        to: id(CHUCK),
        value: fil(1),
        method: 0,
        params: RawBytes::default(),
        approved: vec![id(ANNE), id(BOB)],
    };
    let bytes = to_vec(&txn.hash_data()).unwrap();
    assert_eq!(
        hex::encode(&bytes),
        "8542006442006649000de0b6b3a76400000040"
    );
    let hash = world().within(move |rt| Ok(rt.blake2b(&bytes))).unwrap();
    assert_eq!(
        hex::encode(hash),
        "b8c12d4083a5a0656f3af6fafe544ec7d68f20d3c4bf37540d3289ecbe0b3f76"
    );
    let orphan = Transaction {
        approved: vec![],
        ..txn
    };
    assert_eq!(to_vec(&orphan.hash_data()).unwrap()[1], 0xf6);
}

#[test]
fn proposing_refuses_in_the_sheets_order() {
    let rt = wallet(2, 2).caller(STRANGER);
    let negative = ProposeParams {
        value: atto(-1),
        ..payment()
    };
    assert_eq!(propose(&rt, &negative), Err(16), "the sign comes first");
    assert_eq!(propose(&rt, &payment()), Err(18));
    rt.read_only();
    assert_eq!(propose(&rt, &payment()), Err(18));
    rt.caller(ANNE).read_only();
    assert_eq!(propose(&rt, &payment()), Err(25));
    let contract = rt.caller_of_type(300, Type::Evm);
    assert_eq!(propose(&contract, &payment()), Err(18));
    assert_eq!(state(&rt).next_tx_id, 0);
}

#[test]
fn approving_refuses_in_the_sheets_order() {
    let rt = wallet(3, 2);
    propose(&rt, &payment()).unwrap();
    let wrong = [7; 32];
    rt.caller(STRANGER);
    assert_eq!(approve_hash(&rt, 9, &wrong), Err(18), "no signer");
    rt.caller(ANNE);
    assert_eq!(approve_hash(&rt, 9, &wrong), Err(17), "no transaction");
    assert_eq!(approve_hash(&rt, -1, &wrong), Err(17));
    assert_eq!(approve_hash(&rt, 0, &wrong), Err(16), "another hash");
    assert_eq!(approve_hash(&rt, 0, &wrong[..31]), Err(16), "a short one");
    assert_eq!(approve(&rt, 0), Err(18), "approved before");
    rt.caller(BOB).read_only();
    assert_eq!(approve(&rt, 0), Err(25));
}

#[test]
fn approvals_are_kept_in_order() {
    let rt = wallet(4, 4);
    propose(&rt, &payment()).unwrap();
    assert_eq!(approve(&rt.caller(CHUCK), 0), Ok(waiting()));
    assert_eq!(approve(&rt.caller(BOB), 0), Ok(waiting()));
    assert_eq!(approvers(&rt, 0), Some(vec![id(ANNE), id(CHUCK), id(BOB)]));
    state(&rt);
}

#[test]
fn a_hash_names_what_is_approved() {
    let rt = wallet(3, 3);
    propose(&rt, &payment()).unwrap();
    let hash = hex::decode("b8c12d4083a5a0656f3af6fafe544ec7d68f20d3c4bf37540d3289ecbe0b3f76");
    rt.caller(BOB);
    assert_eq!(approve_hash(&rt, 0, &hash.unwrap()), Ok(waiting()));
}

/// Codes differ from those of Approve.
#[test]
fn cancelling_refuses_in_the_sheets_order() {
    let rt = wallet(3, 3);
    propose(&rt, &payment()).unwrap();
    approve(&rt.caller(BOB), 0).unwrap();
    let wrong = |number| txn(number, &[7; 32]);
    assert_eq!(code(&rt.caller(STRANGER), 4, &wrong(9)), 18, "no signer");
    assert_eq!(code(&rt.caller(BOB), 4, &wrong(9)), 17, "no transaction");
    assert_eq!(code(&rt, 4, &wrong(0)), 18, "not the first approver");
    assert_eq!(code(&rt.caller(ANNE), 4, &wrong(0)), 20, "another hash");
    assert_eq!(cancel(&rt, 0), 0);
    assert_eq!(approvers(&rt, 0), None);
    assert_eq!(cancel(&rt, 0), 17);
    assert_eq!(state(&rt).next_tx_id, 1, "IDs are not used again");
    assert_eq!(propose(&rt, &payment()).unwrap().txn_id, 1);
}

/// The next approver takes the proposer's place, and the hash changes.
#[test]
fn the_next_approver_inherits_a_proposal() {
    let rt = wallet(4, 3);
    propose(&rt, &payment()).unwrap();
    approve(&rt.caller(BOB), 0).unwrap();
    let remove = RemoveSignerParams {
        signer: id(ANNE),
        decrease: false,
    };
    assert_eq!(
        code(&rt.caller_of_type(WALLET, Type::Multisig), 6, &remove),
        0
    );
    let old = hex::decode("b8c12d4083a5a0656f3af6fafe544ec7d68f20d3c4bf37540d3289ecbe0b3f76");
    rt.caller(CHUCK);
    assert_eq!(approve_hash(&rt, 0, &old.unwrap()), Err(16));
    assert_eq!(cancel(&rt, 0), 18);
    assert_eq!(cancel(&rt.caller(BOB), 0), 0);
}

#[test]
fn transaction_ids_do_not_wrap() {
    let rt = wallet(2, 2);
    let mut full = state(&rt);
    full.next_tx_id = i64::MAX;
    rt.set_state(&full);
    assert_eq!(propose(&rt, &payment()), Err(24));
}
