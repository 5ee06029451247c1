//! Vouchers.

use fvm_ipld_encoding::CBOR;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::error::ErrorNumber;

use super::*;

/// Source: spec 04 §2.6.
#[test]
fn signing_bytes_are_the_protocols() {
    let plain = SignedVoucher {
        channel_addr: id(1_001),
        ..voucher()
    };
    assert_eq!(
        hex::encode(plain.signing_bytes().unwrap()),
        "8b4300e907000040f6010142000a0080f6"
    );
    let full = SignedVoucher {
        time_lock_min: 5,
        time_lock_max: 100,
        secret_pre_image: RawBytes::new(vec![0; 32]),
        extra: Some(ModVerifyParams {
            actor: id(1_002),
            method: 7,
            data: RawBytes::new(vec![0x80]),
        }),
        nonce: 2,
        amount: TokenAmount::from_whole(1),
        min_settle_height: 1_440,
        merges: vec![Merge { lane: 2, nonce: 3 }, Merge { lane: 4, nonce: 5 }],
        ..plain
    };
    assert_eq!(
        hex::encode(full.signing_bytes().unwrap()),
        "8b4300e90705186458200000000000000000000000000000000000000000000000000000000000000000834300ea07074180010249000de0b6b3a76400001905a082820203820405f6"
    );
}

/// Source: spec 04 §2.12.
#[test]
fn a_redeemed_voucher_gives_the_protocols_state() {
    let rt = channel();
    assert_eq!(update_signed(&rt, &voucher()), 0);
    assert_eq!(
        state(&rt).lane_states.cid().to_string(),
        "bafy2bzacebjhr5gjzvyigc4xnegsmffxpe6fwcffphnfc7ev3rula6ms46ktg"
    );
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzaceahoxjni3vukjm2owujqiitlimuf2cejxbjbluawje3jtwzehtfme"
    );
}

#[test]
fn the_other_party_must_have_signed() {
    for (caller, signer) in [(PAYEE, PAYER), (PAYER, PAYEE)] {
        let rt = channel().caller(caller);
        expect_authentication_of(&rt, signer, &voucher());
        assert_eq!(update(&rt, &voucher()), 0);
    }
    // A channel with oneself.
    let rt = world().value(atto(1_000));
    let params = ConstructorParams {
        from: id(PAYER),
        to: id(PAYER),
    };
    assert_eq!(code(&rt, 1, &params), 0);
    assert_eq!(update_signed(&rt.caller(PAYER), &voucher()), 0);
}

/// Everything is wrong with a voucher; one thing after the other gets right.
#[test]
fn vouchers_are_checked_in_the_sheets_order() {
    let rt = channel();
    assert_eq!(settle(&rt), 0);
    let robust = Address::new_actor(b"channel");
    let secret = b"open sesame";
    let hash = rt.within(|rt| Ok(rt.blake2b(secret))).unwrap();
    let mut sv = SignedVoucher {
        channel_addr: robust,
        time_lock_min: 2_000,
        time_lock_max: 1_500,
        secret_pre_image: RawBytes::new(hash.to_vec()),
        extra: Some(ModVerifyParams {
            actor: id(STRANGER),
            method: 42,
            data: RawBytes::default(),
        }),
        lane: MAX_LANE + 1,
        amount: atto(-1),
        signature: None,
        ..voucher()
    };
    let long_secret = [1; 257];

    rt.caller(STRANGER).epoch(1_450);
    assert_eq!(update_secret(&rt, &sv, &long_secret), 18, "the caller");
    rt.caller(PAYEE);
    assert_eq!(update_secret(&rt, &sv, &long_secret), 16, "no signature");
    sv.signature = voucher().signature;
    assert_eq!(update_secret(&rt, &sv, &long_secret), 32, "settled");
    rt.epoch(1_449);
    assert_eq!(update_secret(&rt, &sv, &long_secret), 16, "a long secret");

    // The signature, whatever goes wrong with it.
    let wrong = &long_secret[..256];
    for (exits, expected) in [(16, 16), (22, 22), (11, 23), (7, 24)] {
        expect_authentication(&rt, &sv).exits(exits);
        assert_eq!(update_secret(&rt, &sv, wrong), expected, "{exits}");
    }
    expect_authentication(&rt, &sv).responds(ExitCode::OK, None);
    assert_eq!(update_secret(&rt, &sv, wrong), 24, "no answer");
    expect_authentication(&rt, &sv).returns(&"yes");
    assert_eq!(update_secret(&rt, &sv, wrong), 21, "a strange answer");
    expect_authentication(&rt, &sv).returns(&false);
    assert_eq!(update_secret(&rt, &sv, wrong), 16, "no");
    expect_authentication(&rt, &sv).refused(ErrorNumber::NotFound);
    assert_eq!(update_secret(&rt, &sv, wrong), 23, "nobody");

    // Its own conditions, then the call, then the lane.
    let next = |sv: &SignedVoucher, secret: &[u8], expected, why| {
        expect_authentication(&rt, sv);
        assert_eq!(update_secret(&rt, sv, secret), expected, "{why}");
    };
    next(&sv, wrong, 16, "no such channel");
    rt.resolves(robust, 1_001);
    next(&sv, wrong, 16, "another channel");
    rt.resolves(robust, CHANNEL);
    next(&sv, wrong, 16, "too early");
    sv.time_lock_min = 1_449;
    sv.time_lock_max = 1_448;
    next(&sv, wrong, 16, "too late");
    sv.time_lock_max = 1_449;
    next(&sv, wrong, 16, "less than nothing");
    sv.amount = atto(1_001);
    next(&sv, wrong, 16, "the wrong secret");

    let expect_extra = |sv: &SignedVoucher| {
        expect_authentication(&rt, sv);
        rt.expect_send(id(STRANGER), 42).block(Some(IpldBlock {
            codec: CBOR,
            data: vec![],
        }))
    };
    expect_extra(&sv).exits(35);
    assert_eq!(update_secret(&rt, &sv, secret), 35, "the call fails");
    expect_extra(&sv).refused(ErrorNumber::NotFound);
    assert_eq!(update_secret(&rt, &sv, secret), 23, "nobody to call");
    expect_extra(&sv);
    assert_eq!(update_secret(&rt, &sv, secret), 16, "a lane out of range");
    sv.lane = MAX_LANE;
    expect_extra(&sv);
    assert_eq!(update_secret(&rt, &sv, secret), 16, "more than there is");
    sv.amount = atto(1_000);
    expect_extra(&sv).returns(&"ignored");
    assert_eq!(update_secret(&rt, &sv, secret), 0);
    assert_eq!(lane(&rt, MAX_LANE), Some((atto(1_000), 1)));
}

/// None of these checks can be told from its neighbour by the code alone: each is
/// made to fail by itself.
#[test]
fn each_condition_fails_by_itself() {
    let good = voucher;
    let cases = [
        (
            "another channel",
            SignedVoucher {
                channel_addr: id(1_001),
                ..good()
            },
        ),
        (
            "too early",
            SignedVoucher {
                time_lock_min: 11,
                ..good()
            },
        ),
        (
            "too late",
            SignedVoucher {
                time_lock_max: 9,
                ..good()
            },
        ),
        (
            "negative",
            SignedVoucher {
                amount: atto(-1),
                ..good()
            },
        ),
        (
            "a secret",
            SignedVoucher {
                secret_pre_image: RawBytes::new(vec![1]),
                ..good()
            },
        ),
        (
            "a lane out of range",
            SignedVoucher {
                lane: u64::MAX,
                ..good()
            },
        ),
        (
            "too much",
            SignedVoucher {
                amount: atto(1_001),
                ..good()
            },
        ),
    ];
    for (why, sv) in cases {
        let rt = channel();
        assert_eq!(update_signed(&rt, &sv), 16, "{why}");
        assert_eq!(update_signed(&rt, &good()), 0);
    }
}

#[test]
fn a_secret_that_nobody_asks_for_is_ignored() {
    let rt = channel();
    expect_authentication(&rt, &voucher());
    assert_eq!(update_secret(&rt, &voucher(), b"anything"), 0);
}

#[test]
fn an_empty_secret_can_be_asked_for() {
    let rt = channel();
    let hash = rt.within(|rt| Ok(rt.blake2b(b""))).unwrap();
    let sv = SignedVoucher {
        secret_pre_image: RawBytes::new(hash.to_vec()),
        ..voucher()
    };
    assert_eq!(update_signed(&rt, &sv), 0);
}

#[test]
fn nonces_of_a_lane_grow() {
    let rt = channel();
    assert_eq!(
        update_signed(&rt, &on_lane(1, 0, 5)),
        0,
        "any on a new lane"
    );
    assert_eq!(update_signed(&rt, &on_lane(1, 0, 6)), 16, "the same");
    assert_eq!(update_signed(&rt, &on_lane(1, 7, 6)), 0);
    assert_eq!(update_signed(&rt, &on_lane(1, 6, 6)), 16, "a lower one");
    assert_eq!(update_signed(&rt, &on_lane(1, u64::MAX, 6)), 0);
    assert_eq!(lane(&rt, 1), Some((atto(6), u64::MAX)));
    assert_eq!(state(&rt).to_send, atto(6));
}

#[test]
fn amounts_are_totals_and_may_fall() {
    let rt = channel();
    for (nonce, amount, to_send) in [(1, 10, 10), (2, 25, 25), (3, 5, 5), (4, 0, 0)] {
        assert_eq!(update_signed(&rt, &on_lane(1, nonce, amount)), 0);
        assert_eq!(state(&rt).to_send, atto(to_send));
    }
    assert_eq!(lane(&rt, 1), Some((atto(0), 4)));
    assert_eq!(update_signed(&rt, &on_lane(2, 1, 1_000)), 0, "all of it");
    assert_eq!(update_signed(&rt, &on_lane(3, 1, 1)), 16, "and no more");
}

fn merging(sv: SignedVoucher, merges: &[(u64, u64)]) -> SignedVoucher {
    SignedVoucher {
        merges: merges
            .iter()
            .map(|(lane, nonce)| Merge {
                lane: *lane,
                nonce: *nonce,
            })
            .collect(),
        ..sv
    }
}

#[test]
fn a_voucher_takes_other_lanes_in() {
    let rt = channel();
    for (number, amount) in [(1, 10), (2, 20), (3, 30)] {
        assert_eq!(update_signed(&rt, &on_lane(number, 1, amount)), 0);
    }
    let merged = merging(on_lane(1, 2, 70), &[(2, 5), (3, 2)]);
    assert_eq!(update_signed(&rt, &merged), 0);
    // 60 were redeemed on all three: 10 more are owed.
    assert_eq!(state(&rt).to_send, atto(70));
    assert_eq!(lane(&rt, 1), Some((atto(70), 2)));
    assert_eq!(lane(&rt, 2), Some((atto(20), 5)), "the total stays");
    assert_eq!(lane(&rt, 3), Some((atto(30), 2)));
}

#[test]
fn merging_refuses_in_the_sheets_order() {
    let rt = channel();
    for number in [1, 2] {
        assert_eq!(update_signed(&rt, &on_lane(number, 5, 10)), 0);
    }
    let before = rt.head();
    for (why, nonce, merges) in [
        ("its own nonce", 5, &[(2, 6)][..]),
        ("with itself", 6, &[(1, 9)]),
        ("out of range", 6, &[(MAX_LANE + 1, 9)]),
        ("no such lane", 6, &[(3, 9)]),
        ("a nonce too low", 6, &[(2, 5)]),
        ("the second one", 6, &[(2, 6), (2, 6)]),
    ] {
        let sv = merging(on_lane(1, nonce, 20), merges);
        assert_eq!(update_signed(&rt, &sv), 16, "{why}");
        assert_eq!(rt.head(), before);
    }
    assert_eq!(
        update_signed(&rt, &merging(on_lane(3, 0, 20), &[(2, 6), (1, 6)])),
        0,
        "a new lane may merge"
    );
}

/// Its total counts twice: a quirk of the protocol.
#[test]
fn a_lane_may_be_merged_twice_with_growing_nonces() {
    let rt = channel();
    assert_eq!(update_signed(&rt, &on_lane(2, 1, 20)), 0);
    let twice = |amount| merging(on_lane(1, 1, amount), &[(2, 2), (2, 3)]);
    assert_eq!(update_signed(&rt, &twice(19)), 16, "less than nothing owed");
    assert_eq!(update_signed(&rt, &twice(50)), 0);
    assert_eq!(state(&rt).to_send, atto(20 + 50 - 40));
    assert_eq!(lane(&rt, 2), Some((atto(20), 3)));
}

/// The lanes are read after the voucher's call, which may have redeemed another.
#[test]
fn a_call_back_is_not_lost() {
    let rt = channel();
    let sv = SignedVoucher {
        extra: Some(ModVerifyParams {
            actor: id(STRANGER),
            method: 42,
            data: RawBytes::new(vec![0x80]),
        }),
        ..on_lane(1, 1, 10)
    };
    expect_authentication(&rt, &sv);
    rt.expect_send(id(STRANGER), 42)
        .block(Some(IpldBlock {
            codec: CBOR,
            data: vec![0x80],
        }))
        .effect(|rt| assert_eq!(update_signed(rt, &on_lane(2, 1, 30)), 0));
    assert_eq!(update(&rt, &sv), 0);
    assert_eq!(state(&rt).to_send, atto(40));
}

#[test]
fn damaged_lanes_are_an_illegal_state() {
    let rt = channel();
    let mut damaged = state(&rt);
    damaged.lane_states = boatyard_sdk::ArrayRoot::from_cid(boatyard_sdk::EMPTY_STATE);
    rt.set_state(&damaged);
    assert_eq!(update_signed(&rt, &voucher()), 20);
}

#[test]
fn a_read_only_call_changes_nothing() {
    let rt = channel().read_only();
    assert_eq!(update_signed(&rt, &voucher()), 25);
}
