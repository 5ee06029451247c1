//! From construction to deletion.

use fvm_ipld_encoding::to_vec;
use fvm_shared::error::ErrorNumber;

use super::*;

fn key(byte: u8) -> Address {
    Address::new_secp256k1(&[byte; 65]).unwrap()
}

/// Source: spec 04 §2.12.
#[test]
fn construction_gives_the_protocols_state() {
    let rt = channel();
    assert_eq!(
        hex::encode(to_vec(&state(&rt)).unwrap()),
        "86420064420065400000d82a5827000171a0e40220d09b7f98a23ee9d5dedb4abd9c70d5479a63f6bea6d7cec41fb2c5f2b5cfec42"
    );
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzaced3vb3l6f47b6de7vur65acawqghtiqtknkfyqcae3mdqwk54dice"
    );
}

#[test]
fn construction_refuses() {
    for caller in [0, PAYER] {
        let nobody = ConstructorParams {
            from: id(999),
            to: id(999),
        };
        assert_eq!(code(&world().caller(caller), 1, &nobody), 18);
    }
    let missing = |from, to| {
        let params = ConstructorParams {
            from: id(from),
            to: id(to),
        };
        code(&world(), 1, &params)
    };
    assert_eq!(missing(PAYER, 999), 17);
    assert_eq!(missing(999, PAYEE), 17);
    assert_eq!(missing(PAYER, PAYER), 0, "a party may be both");
    let rt = channel().caller(INIT_ACTOR_ID);
    assert_eq!(code(&rt, 1, &parties()), 20, "constructed already");
}

#[test]
fn the_payee_is_resolved_first() {
    let rt = world();
    rt.expect_send(key(2), 0).effect(|rt| {
        rt.actor(302, Type::Account).resolves(key(2), 302);
    });
    rt.expect_send(key(1), 0).effect(|rt| {
        rt.actor(301, Type::Account).resolves(key(1), 301);
    });
    let params = ConstructorParams {
        from: key(1),
        to: key(2),
    };
    assert_eq!(code(&rt, 1, &params), 0);
    assert_eq!((state(&rt).from, state(&rt).to), (id(301), id(302)));

    let rt = world();
    let robust = Address::new_actor(b"nobody");
    rt.expect_send(robust, 0).refused(ErrorNumber::NotFound);
    let params = ConstructorParams {
        from: id(999),
        to: robust,
    };
    assert_eq!(code(&rt, 1, &params), 23);
}

#[test]
fn a_channel_settles_half_a_day_later() {
    for party in [PAYER, PAYEE] {
        let rt = channel().caller(party);
        assert_eq!(settle(&rt), 0);
        assert_eq!(state(&rt).settling_at, 10 + 1_440);
        assert_eq!(settle(&rt), 20, "again");
        assert_eq!(settle(&rt.caller(STRANGER)), 18, "the caller comes first");
    }
    let rt = channel();
    assert_eq!(code(&rt, 3, &"parameters"), 16);
    rt.read_only();
    assert_eq!(settle(&rt), 25);
}

#[test]
fn settling_waits_for_the_highest_voucher_height() {
    let rt = channel();
    for (nonce, min_settle_height, expected) in
        [(1, 5_000, 5_000), (2, 4_000, 5_000), (3, -7, 5_000)]
    {
        let sv = SignedVoucher {
            nonce,
            min_settle_height,
            ..voucher()
        };
        assert_eq!(update_signed(&rt, &sv), 0);
        assert_eq!(state(&rt).min_settle_height, expected);
        assert_eq!(state(&rt).settling_at, 0);
    }
    assert_eq!(settle(&rt), 0);
    assert_eq!(state(&rt).settling_at, 5_000);
}

#[test]
fn a_voucher_delays_a_channel_that_is_settling() {
    let rt = channel();
    assert_eq!(settle(&rt), 0);
    for (nonce, min_settle_height, settling_at, height) in [
        (1, 1_000, 1_450, 1_000),
        (2, 2_000, 2_000, 2_000),
        (3, 0, 2_000, 2_000),
    ] {
        let sv = SignedVoucher {
            nonce,
            min_settle_height,
            ..voucher()
        };
        assert_eq!(update_signed(&rt, &sv), 0);
        assert_eq!(
            (state(&rt).settling_at, state(&rt).min_settle_height),
            (settling_at, height)
        );
    }
}

#[test]
fn collecting_pays_both_and_deletes() {
    let rt = channel();
    assert_eq!(update_signed(&rt, &voucher()), 0);
    assert_eq!(settle(&rt), 0);
    assert_eq!(collect(&rt.epoch(1_449)), 18, "too early");
    rt.epoch(1_450);
    rt.expect_send(id(PAYEE), 0).value(atto(10));
    rt.expect_send(id(PAYER), 0).value(atto(990));
    assert_eq!(collect(&rt), 0);
    assert_eq!(rt.balance_of(CHANNEL), None);
    assert_eq!(rt.balance_of(PAYEE), Some(atto(10)));
    assert_eq!(rt.balance_of(PAYER), Some(atto(990)));
}

#[test]
fn collecting_refuses_in_the_sheets_order() {
    let rt = channel();
    assert_eq!(collect(&rt.caller(STRANGER)), 18);
    assert_eq!(collect(&rt.caller(PAYER)), 18, "open");
    assert_eq!(settle(&rt), 0);
    assert_eq!(code(&rt.epoch(1_450), 4, &"parameters"), 16);

    // Who does not take its share keeps the channel alive.
    rt.expect_send(id(PAYEE), 0).exits(33);
    assert_eq!(collect(&rt), 33);
    rt.expect_send(id(PAYEE), 0);
    rt.expect_send(id(PAYER), 0)
        .value(atto(1_000))
        .refused(ErrorNumber::NotFound);
    assert_eq!(collect(&rt), 23);
    assert_eq!(rt.balance_of(CHANNEL), Some(atto(1_000)));

    // A party that sends something back keeps it alive too.
    rt.expect_send(id(PAYEE), 0);
    rt.expect_send(id(PAYER), 0)
        .value(atto(1_000))
        .effect(|rt| {
            rt.balance(CHANNEL, atto(1));
        });
    assert_eq!(collect(&rt), 16);
}

#[test]
fn an_empty_channel_sends_nothing_twice() {
    let rt = channel().balance(CHANNEL, atto(0));
    assert_eq!(settle(&rt), 0);
    rt.epoch(9_999).expect_send(id(PAYEE), 0);
    rt.expect_send(id(PAYER), 0);
    assert_eq!(collect(&rt), 0);
}

#[test]
fn other_methods_do_not_exist() {
    let rt = channel();
    for method in [5, 3_726_118_371] {
        assert_eq!(code(&rt, method, &"anything"), 22);
    }
    let contract = rt.caller_of_type(300, Type::Evm);
    assert_eq!(settle(&contract), 18);
    assert_eq!(without_params(&contract, 5), 18);
    assert_eq!(without_params(&contract, 1 << 24), 22);
}

#[test]
fn the_init_actor_is_known_by_its_type() {
    assert_eq!(INIT_ACTOR, id(INIT_ACTOR_ID));
    let rt = world().no_actor(77).caller(77);
    assert_eq!(code(&rt, 1, &parties()), 18, "an actor that is gone");
}
