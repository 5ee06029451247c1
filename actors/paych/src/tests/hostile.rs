//! Parameters that nobody should send: an exit code, never a panic.

use boatyard_mock::hostile::nobody;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, DAG_CBOR, IPLD_RAW, to_vec};
use proptest::prelude::*;

use super::*;

fn never_panics(rt: &MockRuntime, method: MethodNum, params: Option<IpldBlock>) {
    if let Err(error) = rt.call::<PaymentChannel>(method, params) {
        assert!(!error.message().contains("panicked"), "{error}");
        assert!(error.exit_code().value() >= 16, "{error}");
    }
    state(rt);
}

fn cbor(data: Vec<u8>) -> Option<IpldBlock> {
    Some(IpldBlock { codec: CBOR, data })
}

#[test]
fn parameters_of_another_shape_do_not_decode() {
    let update = UpdateChannelStateParams {
        sv: voucher(),
        secret: RawBytes::default(),
    };
    let good = [
        (1, to_vec(&parties()).unwrap()),
        (2, to_vec(&update).unwrap()),
    ];
    let rt = channel().caller(STRANGER);
    for (method, bytes) in good {
        for arity in [bytes[0] - 1, bytes[0] + 1] {
            let mut data = bytes.clone();
            data[0] = arity;
            let error = rt.call::<PaymentChannel>(method, cbor(data)).unwrap_err();
            assert_eq!(error.exit_code().value(), 21);
        }
        let mut trailing = bytes.clone();
        trailing.push(0);
        let error = rt
            .call::<PaymentChannel>(method, cbor(trailing))
            .unwrap_err();
        assert_eq!(error.exit_code().value(), 21);
        assert_eq!(without_params(&rt, method), 16);
    }
}

/// An empty signature, and those of a type that is no key's.
#[test]
fn signatures_have_a_known_type() {
    let rt = channel();
    let good = to_vec(&UpdateChannelStateParams {
        sv: voucher(),
        secret: RawBytes::default(),
    })
    .unwrap();
    let signature = b"\x47\x02signed";
    let (before, after) = good.split_at(
        good.windows(signature.len())
            .position(|window| window == signature)
            .unwrap(),
    );
    for other in [&b"\x40"[..], b"\x47\x00signed", b"\x47\x03signed", b"\xf5"] {
        let data = [before, other, &after[signature.len()..]].concat();
        let error = rt.call::<PaymentChannel>(2, cbor(data)).unwrap_err();
        assert_eq!(error.exit_code().value(), 21, "{other:x?}");
    }
    let unsigned = [before, b"\xf6", &after[signature.len()..]].concat();
    let error = rt.call::<PaymentChannel>(2, cbor(unsigned)).unwrap_err();
    assert_eq!(error.exit_code().value(), 16, "none at all decodes");
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(
        method in prop::sample::select(vec![1u64, 2, 3, 4, 5]),
        caller in prop::sample::select(vec![INIT_ACTOR_ID, PAYER, PAYEE, STRANGER]),
        codec in prop::sample::select(vec![CBOR, DAG_CBOR, IPLD_RAW, 0x99]),
        data in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let rt = channel().caller(caller).answer_sends(nobody);
        never_panics(&rt, method, Some(IpldBlock { codec, data }));
    }

    #[test]
    fn any_voucher_is_redeemed_or_refused(
        time_locks in (any::<i64>(), any::<i64>()),
        secret in prop::collection::vec(any::<u8>(), 0..300),
        hash in prop::collection::vec(any::<u8>(), 0..40),
        lane in any::<u64>(),
        nonce in any::<u64>(),
        amount in any::<i64>(),
        min_settle_height in any::<i64>(),
        merges in prop::collection::vec((any::<u64>(), any::<u64>()), 0..4),
    ) {
        let rt = channel();
        let sv = SignedVoucher {
            time_lock_min: time_locks.0,
            time_lock_max: time_locks.1,
            secret_pre_image: RawBytes::new(hash),
            lane,
            nonce,
            amount: atto(amount),
            min_settle_height,
            merges: merges.into_iter().map(|(lane, nonce)| Merge { lane, nonce }).collect(),
            ..voucher()
        };
        if secret.len() <= MAX_SECRET_SIZE {
            expect_authentication(&rt, &sv);
        }
        let params = UpdateChannelStateParams { sv, secret: RawBytes::new(secret) };
        never_panics(&rt, 2, cbor(to_vec(&params).unwrap()));
        never_panics(&rt, 3, None);
    }
}
