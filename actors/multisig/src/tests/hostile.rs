//! Parameters that nobody should send: an exit code, never a panic.

use boatyard_mock::hostile::nobody;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, DAG_CBOR, IPLD_RAW, to_vec};
use proptest::prelude::*;

use super::*;

const METHODS: [MethodNum; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 3_726_118_371];

/// A wallet whose proposals wait, called by this one.
fn called_by(caller: ActorID) -> MockRuntime {
    let rt = wallet(3, 3);
    propose(&rt, &payment()).unwrap();
    rt.actor(WALLET, Type::Multisig).caller(caller)
}

fn never_panics(rt: &MockRuntime, method: MethodNum, params: Option<IpldBlock>) {
    if let Err(error) = rt.call::<Multisig>(method, params) {
        assert!(!error.message().contains("panicked"), "{error}");
        assert!(error.exit_code().value() >= 16, "{error}");
    }
    state(rt);
}

/// Bytes of a parameter type, with the first byte (the arity) off by one.
fn of_wrong_arity(params: &impl Serialize) -> [Vec<u8>; 2] {
    let bytes = to_vec(params).unwrap();
    let (mut short, mut long) = (bytes.clone(), bytes);
    short[0] -= 1;
    long[0] += 1;
    [short, long]
}

#[test]
fn parameters_of_another_shape_do_not_decode() {
    let cases: [(MethodNum, [Vec<u8>; 2]); 8] = [
        (1, of_wrong_arity(&construction(&[ANNE], 1))),
        (2, of_wrong_arity(&payment())),
        (3, of_wrong_arity(&txn(0, b""))),
        (4, of_wrong_arity(&txn(0, b""))),
        (5, of_wrong_arity(&(id(ANNE), true))),
        (7, of_wrong_arity(&(id(ANNE), id(BOB)))),
        (
            8,
            of_wrong_arity(&ChangeThresholdParams { new_threshold: 1 }),
        ),
        (9, of_wrong_arity(&(0, 1, atto(1)))),
    ];
    let rt = wallet(2, 2).caller(STRANGER);
    for (method, params) in cases {
        for data in params {
            let block = IpldBlock { codec: CBOR, data };
            let error = rt.call::<Multisig>(method, Some(block)).unwrap_err();
            assert_eq!(error.exit_code().value(), 21, "{method}");
        }
        let error = rt.call::<Multisig>(method, None).unwrap_err();
        assert_eq!(error.exit_code().value(), 16, "{method}");
    }
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(
        method in prop::sample::select(METHODS.to_vec()),
        caller in prop::sample::select(vec![INIT_ACTOR_ID, ANNE, STRANGER, WALLET]),
        codec in prop::sample::select(vec![CBOR, DAG_CBOR, IPLD_RAW, 0x99]),
        data in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let rt = called_by(caller).answer_sends(nobody);
        never_panics(&rt, method, Some(IpldBlock { codec, data }));
    }

    #[test]
    fn extreme_numbers_do_no_harm(
        number in prop_oneof![Just(i64::MIN), Just(i64::MAX), any::<i64>(), -2i64..300],
        other in prop_oneof![Just(i64::MIN), Just(i64::MAX), any::<i64>(), -2i64..300],
        actor in any::<u64>(),
        flag in any::<bool>(),
        hash in prop::collection::vec(any::<u8>(), 0..70),
    ) {
        let block = |params: Vec<u8>| Some(IpldBlock { codec: CBOR, data: params });
        let rt = called_by(WALLET);
        let signer = id(actor >> 1);
        never_panics(&rt, 5, block(to_vec(&(signer, flag)).unwrap()));
        never_panics(&rt, 6, block(to_vec(&(signer, flag)).unwrap()));
        never_panics(&rt, 7, block(to_vec(&(id(ANNE), signer)).unwrap()));
        let new_threshold = number as u64;
        never_panics(&rt, 8, block(to_vec(&ChangeThresholdParams { new_threshold }).unwrap()));
        rt.epoch(other.max(0));
        never_panics(&rt, 9, block(to_vec(&(number, other, atto(number))).unwrap()));
        let rt = called_by(ANNE);
        for method in [3, 4] {
            never_panics(&rt, method, block(to_vec(&txn(number, &hash)).unwrap()));
        }
        let proposal = ProposeParams {
            to: signer,
            value: atto(number),
            method: actor,
            params: RawBytes::new(hash),
        };
        never_panics(&rt, 2, block(to_vec(&proposal).unwrap()));
    }

    /// A lock from any epoch on is checked without overflow.
    #[test]
    fn any_lock_can_be_checked(
        start_epoch in any::<i64>(), unlock_duration in 1i64.., epoch in 0i64..,
    ) {
        let rt = wallet(2, 2);
        let lock = LockBalanceParams { start_epoch, unlock_duration, amount: fil(1) };
        prop_assert_eq!(code(&rt.caller_of_type(WALLET, Type::Multisig), 9, &lock), 0);
        propose(&rt.caller(ANNE).epoch(epoch), &payment()).unwrap();
        let all_free = epoch.checked_sub(start_epoch).map(|elapsed| elapsed >= unlock_duration);
        if all_free == Some(true) {
            rt.expect_send(id(CHUCK), 0).value(fil(1));
        }
        let expected = match all_free {
            None => Err(24),
            Some(true) => Ok(ended(true, 0, b"")),
            Some(false) => Err(19),
        };
        prop_assert_eq!(approve(&rt.caller(BOB), 0), expected);
    }
}
