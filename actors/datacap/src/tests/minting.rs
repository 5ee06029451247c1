//! Construction, new datacap, and what is taken away.

use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::error::{ErrorNumber, ExitCode};

use super::*;

/// Source: spec 08 §B3.
#[test]
fn construction_gives_the_protocols_state() {
    let rt = datacap();
    assert_eq!(
        rt.head().to_string(),
        "bafy2bzacedvbi5u76loih5l52kha6yuq7tz25r76lthjofph2mcocmdwbb5q4"
    );
    assert_eq!(state(&rt).governor, VERIFREG_ACTOR);
}

#[test]
fn construction_refuses() {
    let rt = MockRuntime::new().receiver(DATACAP_ACTOR_ID).caller(6);
    let construct = |governor: Address| call::<()>(&rt, 1, &governor);
    assert_eq!(construct(key(1)), Err(Some(18)), "the caller comes first");
    rt.caller(0);
    assert_eq!(construct(key(1)), Err(Some(16)));
    // The governor is kept as given.
    rt.resolves(key(1), 6);
    assert_eq!(construct(key(1)), Err(None));
    assert_eq!(rt.state::<State>().governor, key(1));
    assert_eq!(construct(VERIFREG_ACTOR), Err(Some(20)));
}

#[test]
fn it_says_what_it_is_to_anybody() {
    let rt = datacap().caller_of_type(300, Type::Evm);
    let text = |name| -> String {
        rt.read_only()
            .get::<DataCap, _>(method_number(name))
            .unwrap()
    };
    assert_eq!(
        (text("Name"), text("Symbol")),
        ("DataCap".into(), "DCAP".into())
    );
    let granularity = rt.get::<DataCap, u64>(method_number("Granularity"));
    assert_eq!(granularity, Ok(1_000_000_000_000_000_000));
    for name in ["Name", "Symbol", "Granularity", "TotalSupply"] {
        let surplus = call::<String>(&rt, method_number(name), &"parameters");
        assert_eq!(surplus, Err(Some(16)), "{name}");
    }
}

/// Source: spec 08 §B2.
#[test]
fn methods_have_the_sheets_numbers_and_no_others() {
    for (name, number) in [
        ("Mint", 116935346),
        ("Destroy", 2624896501),
        ("Name", 48890204),
        ("Symbol", 2061153854),
        ("Granularity", 3936767397),
        ("TotalSupply", 114981429),
        ("Balance", 3261979605),
        ("Transfer", 80475954),
        ("TransferFrom", 3621052141),
        ("IncreaseAllowance", 1777121560),
        ("DecreaseAllowance", 1529376545),
        ("RevokeAllowance", 2765635761),
        ("Burn", 1434719642),
        ("BurnFrom", 2979674018),
        ("Allowance", 4205072950),
    ] {
        let methods = <DataCap as boatyard_sdk::Actor>::ABI.methods;
        assert!(methods.iter().any(|m| m.name == name && m.number == number));
    }
    let rt = datacap().caller(MARKET_ACTOR_ID);
    for old in [2, 3, 10, 21, 1 << 24] {
        assert_eq!(call::<()>(&rt, old, &"anything"), Err(Some(22)), "{old}");
    }
    let contract = rt.caller_of_type(300, Type::Evm);
    assert_eq!(call::<()>(&contract, 10, &"anything"), Err(Some(18)));
}

#[test]
fn minting_tells_the_receiver_and_lets_operators_spend() {
    let rt = datacap();
    let params = MintParams {
        operators: vec![MARKET_ACTOR, id(BOB)],
        ..minting(id(ALICE), tokens(5))
    };
    expect_hook(&rt, id(ALICE), &told(7, ALICE, 6, tokens(5))).returns(&"thanks");
    let returned = mint(&rt, &params).unwrap();
    assert_eq!(
        returned,
        MintReturn {
            balance: tokens(5),
            supply: tokens(5),
            recipient_data: RawBytes::serialize("thanks").unwrap(),
        }
    );
    for operator in [MARKET_ACTOR, id(BOB)] {
        assert_eq!(allowance(&rt, id(ALICE), operator), infinite_allowance());
    }
    assert_eq!(
        infinite_allowance().atto().to_string(),
        format!("1{}", "0".repeat(39))
    );
    assert_eq!(
        (balance(&rt, id(ALICE)), supply(&rt)),
        (tokens(5), tokens(5))
    );
    state(&rt);
}

/// The hook goes to the address as given; a receiver without answer gives no data.
#[test]
fn a_receiver_is_told_under_the_address_that_was_given() {
    let rt = datacap().resolves(key(1), ALICE);
    expect_hook(&rt, key(1), &told(7, ALICE, 6, tokens(1)));
    let returned = mint(&rt, &minting(key(1), tokens(1))).unwrap();
    assert_eq!(returned.recipient_data, RawBytes::default());
    assert_eq!(returned.balance, tokens(1));
}

#[test]
fn minting_refuses_in_the_sheets_order() {
    let rt = datacap();
    // All is wrong; one thing after the other gets right.
    let mut params = MintParams {
        to: key(1),
        amount: tokens(-1),
        operators: vec![MARKET_ACTOR, key(2)],
    };
    rt.caller(MARKET_ACTOR_ID);
    assert_eq!(mint(&rt, &params), Err(Some(18)), "the caller");
    rt.caller(VERIFREG_ACTOR_ID);
    assert_eq!(
        mint(&rt, &params),
        Err(Some(17)),
        "an operator's error wins"
    );
    params.operators.clear();
    assert_eq!(mint(&rt, &params), Err(Some(16)), "negative");
    params.amount = atto(1);
    assert_eq!(mint(&rt, &params), Err(Some(16)), "not whole");
    params.amount = tokens(1);
    assert_eq!(mint(&rt, &params), Err(Some(17)), "nobody, and no send");
    params.to = id(ALICE);
    params.operators = vec![MARKET_ACTOR, key(2)];
    assert_eq!(
        mint(&rt, &params),
        Err(Some(24)),
        "only the operator is wrong"
    );
    assert_eq!(supply(&rt), tokens(0));
}

/// An ID without an actor has a balance until the hook finds nobody.
#[test]
fn a_receiver_that_does_not_want_it_undoes_everything() {
    let rt = datacap();
    let params = minting(id(ALICE), tokens(1));
    let told = told(7, ALICE, 6, tokens(1));
    let data = Some(IpldBlock {
        codec: 0x51,
        data: b"why".to_vec(),
    });
    for (callee, seen) in [(33, 33), (22, 22), (4, 23), (7, 24)] {
        expect_hook(&rt, id(ALICE), &told).responds(ExitCode::new(callee), data.clone());
        assert_eq!(mint(&rt, &params), Err(Some(seen)), "{callee}");
    }
    expect_hook(&rt, id(ALICE), &told).refused(ErrorNumber::NotFound);
    assert_eq!(mint(&rt, &params), Err(Some(23)));
    assert_eq!(
        (balance(&rt, id(ALICE)), supply(&rt)),
        (tokens(0), tokens(0))
    );
}

/// What the hook does persists but does not show in the return.
#[test]
fn returned_balances_are_those_before_the_hook() {
    let rt = datacap();
    expect_hook(&rt, id(ALICE), &told(7, ALICE, 6, tokens(5))).effect(|rt| {
        rt.caller(ALICE);
        let burnt = call(rt, ext::BURN, &BurnParams { amount: tokens(2) });
        assert_eq!(burnt, Ok(BurnReturn { balance: tokens(3) }));
    });
    let returned = mint(&rt, &minting(id(ALICE), tokens(5))).unwrap();
    assert_eq!((returned.balance, returned.supply), (tokens(5), tokens(5)));
    assert_eq!(
        (balance(&rt, id(ALICE)), supply(&rt)),
        (tokens(3), tokens(3))
    );
    state(&rt);
}

/// Nothing was minted, but the hook runs; nothing is stored.
#[test]
fn minting_nothing_tells_all_the_same() {
    let rt = datacap();
    let head = rt.head();
    expect_hook(&rt, id(ALICE), &told(7, ALICE, 6, tokens(0)));
    mint(&rt, &minting(id(ALICE), tokens(0))).unwrap();
    assert_eq!(rt.head(), head);
}

/// Not 25: the hook that was prepared is not called (spec 08 §B7).
#[test]
fn a_read_only_mint_is_an_assertion() {
    let rt = datacap().read_only();
    assert_eq!(mint(&rt, &minting(id(ALICE), tokens(1))), Err(Some(24)));
    rt.read_only();
    assert_eq!(mint(&rt, &minting(id(ALICE), tokens(-1))), Err(Some(16)));
}

#[test]
fn destroying_needs_no_allowance_and_tells_nobody() {
    let rt = datacap().resolves(key(1), ALICE);
    give(&rt, ALICE, 5);
    let destroy = |owner, amount| -> Result<BurnReturn, _> {
        call(&rt, ext::DESTROY, &DestroyParams { owner, amount })
    };
    assert_eq!(
        destroy(key(1), tokens(2)),
        Ok(BurnReturn { balance: tokens(3) })
    );
    assert_eq!(supply(&rt), tokens(3));
    rt.caller(ALICE);
    assert_eq!(destroy(key(2), tokens(-1)), Err(Some(18)), "the caller");
    rt.caller(VERIFREG_ACTOR_ID);
    assert_eq!(destroy(key(2), tokens(-1)), Err(Some(16)), "negative");
    assert_eq!(destroy(key(2), atto(1)), Err(Some(16)), "not whole");
    assert_eq!(destroy(key(2), tokens(1)), Err(Some(17)), "nobody");
    assert_eq!(destroy(id(ALICE), tokens(4)), Err(Some(19)), "too little");
    rt.read_only();
    assert_eq!(destroy(id(ALICE), tokens(3)), Err(Some(25)));
    assert_eq!(
        destroy(id(ALICE), tokens(3)),
        Ok(BurnReturn { balance: tokens(0) })
    );
    let state = state(&rt);
    assert_eq!(state.balance(rt.store(), ALICE), Ok(tokens(0)));
}

#[test]
fn damaged_maps_are_a_serialization_error() {
    let rt = datacap();
    let mut damaged: State = rt.state();
    damaged.token.balances = boatyard_sdk::EMPTY_STATE;
    damaged.token.allowances = boatyard_sdk::EMPTY_STATE;
    rt.set_state(&damaged);
    assert_eq!(mint(&rt, &minting(id(ALICE), tokens(1))), Err(Some(21)));
    let read: Result<TokenAmount, _> = call(&rt, ext::BALANCE, &id(ALICE));
    assert_eq!(read, Err(Some(21)));
    assert_eq!(
        damaged
            .balance(rt.store(), ALICE)
            .unwrap_err()
            .exit_code()
            .value(),
        21
    );
    assert_eq!(
        damaged
            .allowance(rt.store(), ALICE, BOB)
            .unwrap_err()
            .exit_code()
            .value(),
        21
    );
}
