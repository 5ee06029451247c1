//! Parameters that nobody should send: an exit code, never a panic.

use boatyard_mock::hostile::nobody;
use boatyard_sdk::Actor;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, DAG_CBOR, IPLD_RAW};
use fvm_shared::bigint::BigInt;
use proptest::prelude::*;

use super::*;

fn never_panics(rt: &MockRuntime, method: MethodNum, params: Option<IpldBlock>) {
    if let Err(error) = rt.call::<DataCap>(method, params) {
        assert!(!error.message().contains("panicked"), "{error}");
        assert!(error.exit_code().value() >= 16, "{error}");
    }
}

fn cbor(params: &impl Serialize) -> Option<IpldBlock> {
    Some(IpldBlock {
        codec: CBOR,
        data: to_vec(params).unwrap(),
    })
}

#[test]
fn parameters_of_another_shape_do_not_decode() {
    let rt = datacap().caller(BOB);
    for method in DataCap::ABI.methods {
        if matches!(method.params, boatyard_sdk::Schema::Nothing) {
            continue;
        }
        for params in [cbor(&()), cbor(&(1, 2, 3, 4, 5)), cbor(&"text")] {
            let error = rt.call::<DataCap>(method.number, params).unwrap_err();
            assert_eq!(error.exit_code().value(), 21, "{}", method.name);
        }
        let error = rt.call::<DataCap>(method.number, None).unwrap_err();
        assert_eq!(error.exit_code().value(), 16, "{}", method.name);
    }
}

/// Amounts of up to 127 bytes decode, but their sum is not stored.
#[test]
fn sums_beyond_an_encoding_are_refused() {
    let rt = datacap();
    let huge = TokenAmount::from_atto(BigInt::from(6) * BigInt::from(10).pow(305));
    expect_hook(&rt, id(ALICE), &told(7, ALICE, 6, huge.clone()));
    assert!(mint(&rt, &minting(id(ALICE), huge.clone())).is_ok());
    let head = rt.head();
    // The balance is too long for its map; the supply for the state, after the hook
    // was prepared.
    assert_eq!(mint(&rt, &minting(id(ALICE), huge.clone())), Err(Some(21)));
    assert_eq!(mint(&rt, &minting(id(BOB), huge)), Err(Some(24)));
    assert_eq!(rt.head(), head);
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(
        index in 0usize..16,
        caller in prop::sample::select(vec![0, VERIFREG_ACTOR_ID, MARKET_ACTOR_ID, ALICE]),
        codec in prop::sample::select(vec![CBOR, DAG_CBOR, IPLD_RAW, 0x99]),
        data in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let method = DataCap::ABI.methods[index].number;
        let rt = datacap().caller(caller).answer_sends(nobody);
        never_panics(&rt, method, Some(IpldBlock { codec, data }));
        state(&rt);
    }

    /// Everything but a mint or transfer that succeeds, which the others test.
    #[test]
    fn any_amount_is_moved_or_refused(
        amount in prop_oneof![Just(i64::MIN), Just(i64::MAX), any::<i64>(), -2i64..9],
        whole in any::<bool>(),
        owner in prop::sample::select(vec![id(ALICE), id(u64::MAX >> 1), key(9), VERIFREG_ACTOR]),
        caller in prop::sample::select(vec![VERIFREG_ACTOR_ID, MARKET_ACTOR_ID, ALICE]),
    ) {
        let rt = datacap();
        give(&rt, ALICE, 5);
        rt.caller(caller);
        let amount = if whole { tokens(amount) } else { atto(amount) };
        let name = method_number;
        never_panics(&rt, name("Burn"), cbor(&BurnParams { amount: amount.clone() }));
        for method in [name("BurnFrom"), name("Destroy")] {
            never_panics(&rt, method, cbor(&BurnFromParams { owner, amount: amount.clone() }));
        }
        for method in [name("IncreaseAllowance"), name("DecreaseAllowance")] {
            let params = IncreaseAllowanceParams { operator: owner, increase: amount.clone() };
            never_panics(&rt, method, cbor(&params));
        }
        never_panics(&rt, name("RevokeAllowance"), cbor(&RevokeAllowanceParams { operator: owner }));
        never_panics(&rt, name("Balance"), cbor(&owner));
    }
}
