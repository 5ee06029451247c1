//! Who hands out datacap.

use boatyard_sdk::method_number;
use fvm_shared::error::ErrorNumber;

use super::*;

/// Source: spec 08 §A4.
#[test]
fn construction_gives_the_protocols_state() {
    let rt = registry();
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzacea3u25p5rea2k2gs5k5ldo3jqwsfw7sra7sm4rmpdnx4snxapzgvk"
    );
    state(&rt);
}

#[test]
fn construction_refuses() {
    let rt = MockRuntime::new().receiver(VERIFREG_ACTOR_ID).caller(7);
    assert_eq!(code(&rt, 1, &key(1)), 18, "the caller comes first");
    rt.caller(0);
    assert_eq!(code(&rt, 1, &key(1)), 16);
    rt.resolves(key(1), ROOT);
    assert_eq!(code(&rt, 1, &key(1)), 0);
    assert_eq!(state(&rt).root_key, id(ROOT));
    assert_eq!(code(&rt, 1, &key(1)), 20);
}

#[test]
fn a_verifier_is_added_or_changed() {
    let rt = registry().resolves(key(1), VERIFIER);
    for allowance in [MIB, 5 * MIB, 3 * MIB] {
        expect_balance(&rt, VERIFIER, TokenAmount::default());
        assert_eq!(code(&rt, 2, &verifier(key(1), allowance)), 0);
        assert_eq!(cap(&rt, VERIFIER), Some(bytes(allowance)));
    }
    state(&rt);
}

#[test]
fn adding_verifiers_refuses_in_the_sheets_order() {
    let rt = registry().caller(CLIENT);
    let nobody = Address::new_actor(b"nobody");
    assert_eq!(code(&rt, 2, &verifier(nobody, MIB - 1)), 16, "too little");
    rt.expect_send(nobody, 0).refused(ErrorNumber::NotFound);
    assert_eq!(code(&rt, 2, &verifier(nobody, MIB)), 23, "no such address");
    assert_eq!(code(&rt, 2, &verifier(id(999), MIB)), 17, "no actor");
    // The account is made before the caller is looked at.
    rt.expect_send(key(1), 0).effect(|rt| {
        rt.actor(300, Type::Account).resolves(key(1), 300);
    });
    assert_eq!(code(&rt, 2, &verifier(key(1), MIB)), 18, "not the root key");
    rt.caller(ROOT);
    assert_eq!(code(&rt, 2, &verifier(id(ROOT), MIB)), 16, "the root key");
    expect_balance(&rt, VERIFIER, TokenAmount::default()).exits(21);
    assert_eq!(code(&rt, 2, &verifier(id(VERIFIER), MIB)), 21, "the token");
    expect_balance(&rt, VERIFIER, TokenAmount::from_whole(1));
    assert_eq!(
        code(&rt, 2, &verifier(id(VERIFIER), MIB)),
        16,
        "has datacap"
    );
    rt.read_only();
    expect_balance(&rt, VERIFIER, TokenAmount::default());
    assert_eq!(code(&rt, 2, &verifier(id(VERIFIER), MIB)), 25);
    // Less than a byte does not count.
    expect_balance(&rt, VERIFIER, TokenAmount::from_atto(999));
    assert_eq!(code(&rt, 2, &verifier(id(VERIFIER), MIB)), 0);
}

#[test]
fn the_smallest_allocation_is_the_networks() {
    let rt = registry().variant(NetworkVariant::Devnet);
    assert_eq!(code(&rt, 2, &verifier(id(VERIFIER), 255)), 16);
    expect_balance(&rt, VERIFIER, TokenAmount::default());
    assert_eq!(code(&rt, 2, &verifier(id(VERIFIER), 256)), 0);
}

#[test]
fn removing_verifiers_refuses_in_the_sheets_order() {
    let rt = with_verifiers(MIB).caller(CLIENT);
    let nobody = Address::new_actor(b"nobody");
    rt.expect_send(nobody, 0).refused(ErrorNumber::NotFound);
    assert_eq!(code(&rt, 3, &nobody), 23, "no such address");
    assert_eq!(code(&rt, 3, &id(999)), 18, "not the root key");
    rt.caller(ROOT);
    assert_eq!(code(&rt, 3, &id(999)), 16, "no verifier, unlike elsewhere");
    rt.read_only();
    assert_eq!(code(&rt, 3, &id(VERIFIER)), 25);
    assert_eq!(code(&rt, 3, &id(VERIFIER)), 0);
    assert_eq!(cap(&rt, VERIFIER), None);
    assert_eq!(code(&rt, 3, &id(VERIFIER)), 16);
}

/// A verifier whose actor is gone can be removed.
#[test]
fn a_verifier_need_not_exist_to_be_removed() {
    let rt = with_verifiers(MIB).no_actor(VERIFIER);
    assert_eq!(code(&rt, 3, &id(VERIFIER)), 0);
}

fn client(address: Address, allowance: u64) -> AddVerifiedClientParams {
    AddVerifiedClientParams {
        address,
        allowance: bytes(allowance),
    }
}

#[test]
fn verifiers_hand_out_what_they_may() {
    let rt = with_verifiers(5 * MIB).resolves(key(1), CLIENT);
    rt.caller(VERIFIER);
    expect_mint(&rt, CLIENT, 3 * MIB);
    assert_eq!(code(&rt, 4, &client(key(1), 3 * MIB)), 0);
    assert_eq!(cap(&rt, VERIFIER), Some(bytes(2 * MIB)));
    expect_mint(&rt, CLIENT, 2 * MIB);
    let exported = method_number("AddVerifiedClient");
    assert_eq!(code(&rt, exported, &client(id(CLIENT), 2 * MIB)), 0);
    assert_eq!(cap(&rt, VERIFIER), Some(bytes(0)), "stays a verifier");
    assert_eq!(cap(&rt, VERIFIER_2), Some(bytes(5 * MIB)));
    state(&rt);
}

#[test]
fn handing_out_refuses_in_the_sheets_order() {
    let rt = with_verifiers(5 * MIB).caller(CLIENT);
    assert_eq!(code(&rt, 4, &client(id(999), MIB - 1)), 16, "too little");
    assert_eq!(code(&rt, 4, &client(id(999), MIB)), 17, "no actor");
    assert_eq!(code(&rt, 4, &client(id(ROOT), MIB)), 16, "to the root key");
    assert_eq!(code(&rt, 4, &client(id(VERIFIER), MIB)), 17, "no verifier");
    rt.caller(VERIFIER);
    assert_eq!(
        code(&rt, 4, &client(id(VERIFIER_2), 9 * MIB)),
        16,
        "to a verifier"
    );
    assert_eq!(code(&rt, 4, &client(id(VERIFIER), MIB)), 16, "to oneself");
    assert_eq!(
        code(&rt, 4, &client(id(CLIENT), 6 * MIB)),
        16,
        "more than it may"
    );
    // The event is emitted before the state is saved.
    rt.read_only();
    assert_eq!(code(&rt, 4, &client(id(CLIENT), MIB)), 24);
    expect_mint(&rt, CLIENT, MIB).exits(35);
    assert_eq!(code(&rt, 4, &client(id(CLIENT), MIB)), 35, "the client");
    assert_eq!(cap(&rt, VERIFIER), Some(bytes(5 * MIB)), "undone");
}

/// Source: spec 08 §A2.
#[test]
fn methods_have_the_sheets_numbers_and_no_others() {
    for (name, number) in [
        ("AddVerifiedClient", 3916220144),
        ("RemoveExpiredAllocations", 2421068268),
        ("GetClaims", 2199871187),
        ("ExtendClaimTerms", 1752273514),
        ("RemoveExpiredClaims", 2873373899),
        ("Receive", 3726118371),
    ] {
        let methods = <VerifiedRegistry as boatyard_sdk::Actor>::ABI.methods;
        assert!(methods.iter().any(|m| m.name == name && m.number == number));
    }
    let rt = registry();
    for method in [5, 6, 13, 1 << 24] {
        assert_eq!(code(&rt, method, &"anything"), 22, "{method}");
    }
    let contract = rt.caller_of_type(300, Type::Evm);
    assert_eq!(code(&contract, 4, &client(id(CLIENT), MIB)), 18);
    let exported = method_number("AddVerifiedClient");
    assert_eq!(code(&contract, exported, &client(id(CLIENT), MIB)), 17);
}
