use boatyard_actors_shared::ext::account::{AUTHENTICATE_MESSAGE, PUBKEY_ADDRESS};
use boatyard_mock::{Check, MockRuntime};
use boatyard_sdk::Type;
use fvm_ipld_encoding::{RawBytes, to_vec};
use fvm_shared::econ::TokenAmount;

use super::*;

/// The address of the sheets' examples: f1 with payload 00…13.
fn secp() -> Address {
    let mut bytes = vec![1];
    bytes.extend(0..20);
    Address::from_bytes(&bytes).unwrap()
}

fn bls() -> Address {
    Address::new_bls(&[0xc8; 48]).unwrap()
}

fn account(address: Address) -> MockRuntime {
    let rt = MockRuntime::new().caller(0);
    assert_eq!(rt.call_with::<Account>(1, &address), Ok(None));
    rt
}

fn signed(signature: &[u8], message: &[u8]) -> AuthenticateMessageParams {
    AuthenticateMessageParams {
        signature: RawBytes::new(signature.to_vec()),
        message: RawBytes::new(message.to_vec()),
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ActorError>) -> u32 {
    result.unwrap_err().exit_code().value()
}

/// Source: spec 01 §4.
#[test]
fn construction_gives_the_protocols_state() {
    let rt = account(secp());
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzaced44pb42o3ju3ecr44knn3z27sdnbxyuno2fbugx34q4ox3gfxiws"
    );
    assert_eq!(account(bls()).state::<State>().address, bls());

    let burnt = State {
        address: Address::new_id(99),
    };
    assert_eq!(to_vec(&burnt).unwrap(), b"\x81\x42\x00\x63");
    assert_eq!(
        rt.set_state(&burnt).head().to_string(),
        "bafy2bzacedpuk5ggwoq3s2wixsyjjnexpsjstdlyntio76vs2lt2jvy3o6mau"
    );
}

#[test]
fn construction_refuses() {
    let stranger = MockRuntime::new().caller_of_type(100, Type::Account);
    assert_eq!(code(stranger.call_with::<Account>(1, &secp())), 18);
    let system = MockRuntime::new().caller(0);
    for address in [
        Address::new_id(100),
        Address::new_actor(b"x"),
        Address::new_delegated(10, &[1; 20]).unwrap(),
    ] {
        assert_eq!(code(system.call_with::<Account>(1, &address)), 16);
    }
    assert_eq!(code(system.call_with::<Account>(1, &"text")), 21);
    assert_eq!(code(account(secp()).call_with::<Account>(1, &secp())), 20);
}

#[test]
fn the_key_address_is_for_built_in_callers() {
    let rt = account(secp()).caller_of_type(100, Type::Multisig);
    let method = PUBKEY_ADDRESS;
    assert_eq!(rt.read_only().get::<Account, Address>(method), Ok(secp()));
    let contract = rt.caller_of_type(101, Type::Evm);
    assert_eq!(code(contract.get::<Account, Address>(method)), 18);
}

#[test]
fn a_signature_is_checked_with_the_keys_scheme() {
    for (address, scheme) in [
        (secp(), SignatureType::Secp256k1),
        (bls(), SignatureType::BLS),
    ] {
        let rt = account(address).caller_of_type(101, Type::Evm).read_only();
        let answer = rt.call_for::<Account, bool>(AUTHENTICATE_MESSAGE, &signed(b"same", b"same"));
        assert_eq!(answer, Ok(true));
        assert_eq!(
            rt.checks(),
            [Check::Signature {
                kind: scheme,
                signature: b"same".into(),
                signer: address,
                plaintext: b"same".into(),
            }]
        );
        let wrong = signed(b"other", b"same");
        assert_eq!(
            code(rt.call_with::<Account>(AUTHENTICATE_MESSAGE, &wrong)),
            16
        );
    }
}

#[test]
fn burnt_funds_authenticate_nothing() {
    let rt = MockRuntime::new().receiver(99).set_state(&State {
        address: Address::new_id(99),
    });
    let params = signed(b"same", b"same");
    assert_eq!(
        code(rt.call_with::<Account>(AUTHENTICATE_MESSAGE, &params)),
        20
    );
}

#[test]
fn exported_methods_succeed_and_keep_the_value() {
    let rt = account(secp()).caller_of_type(101, Type::Evm);
    let head = rt.head();
    rt.value(TokenAmount::from_atto(3));
    assert_eq!(rt.call_with::<Account>(3_726_118_371, "token"), Ok(None));
    assert_eq!(rt.balance_of(1000), Some(TokenAmount::from_atto(3)));
    assert_eq!(rt.head(), head);
}

/// AuthenticateMessage had number 3 once.
#[test]
fn other_methods_do_not_exist() {
    let rt = account(secp()).caller_of_type(100, Type::Account);
    for method in [3, (1 << 24) - 1] {
        assert_eq!(code(rt.call::<Account>(method, None)), 22);
    }
    let contract = rt.caller_of_type(101, Type::Evm);
    assert_eq!(code(contract.call::<Account>(3, None)), 18);
}
