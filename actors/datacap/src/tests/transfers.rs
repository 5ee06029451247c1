//! Datacap that moves or burns.

use fvm_shared::error::ErrorNumber;

use super::*;

fn transfer(
    rt: &MockRuntime,
    to: Address,
    amount: TokenAmount,
) -> Result<TransferReturn, Option<u32>> {
    let params = TransferParams {
        to,
        amount,
        operator_data: RawBytes::new(b"data".to_vec()),
    };
    call(rt, ext::TRANSFER, &params)
}

fn transfer_from(
    rt: &MockRuntime,
    from: Address,
    to: Address,
    amount: TokenAmount,
) -> Result<TransferFromReturn, Option<u32>> {
    let params = TransferFromParams {
        from,
        to,
        amount,
        operator_data: RawBytes::new(b"data".to_vec()),
    };
    call(rt, ext::TRANSFER_FROM, &params)
}

/// The hook of a transfer with the data of these tests.
fn expect_transfer<'a>(
    rt: &'a MockRuntime,
    from: ActorID,
    to: ActorID,
    operator: ActorID,
    amount: TokenAmount,
) -> ExpectedSend<'a> {
    let told = FRC46TokenReceived {
        operator_data: RawBytes::new(b"data".to_vec()),
        ..told(from, to, operator, amount)
    };
    expect_hook(rt, id(to), &told)
}

#[test]
fn datacap_moves_to_and_from_the_governor() {
    let rt = datacap().resolves(key(1), VERIFREG_ACTOR_ID);
    give(&rt, ALICE, 5);
    rt.caller(ALICE);
    // The hook goes to the ID address.
    expect_transfer(&rt, ALICE, 6, ALICE, tokens(2)).returns(&7u64);
    assert_eq!(
        transfer(&rt, key(1), tokens(2)),
        Ok(TransferReturn {
            from_balance: tokens(3),
            to_balance: tokens(2),
            recipient_data: RawBytes::new(vec![7]),
        })
    );
    rt.caller(VERIFREG_ACTOR_ID);
    expect_transfer(&rt, 6, BOB, 6, tokens(2));
    let returned = transfer(&rt, id(BOB), tokens(2)).unwrap();
    assert_eq!(returned.from_balance, tokens(0));
    assert_eq!(returned.recipient_data, RawBytes::default());
    assert_eq!(balance(&rt, id(BOB)), tokens(2));
    assert_eq!(supply(&rt), tokens(5));
    state(&rt);
}

#[test]
fn transfers_refuse_in_the_sheets_order() {
    let rt = datacap();
    give(&rt, ALICE, 5);
    rt.caller(ALICE);
    assert_eq!(transfer(&rt, key(1), tokens(-1)), Err(Some(16)), "nobody");
    assert_eq!(
        transfer(&rt, id(BOB), tokens(-1)),
        Err(Some(18)),
        "not the governor"
    );
    assert_eq!(
        transfer(&rt, id(ALICE), tokens(1)),
        Err(Some(18)),
        "not oneself either"
    );
    assert_eq!(
        transfer(&rt, VERIFREG_ACTOR, tokens(-1)),
        Err(Some(16)),
        "negative"
    );
    assert_eq!(
        transfer(&rt, VERIFREG_ACTOR, atto(1)),
        Err(Some(16)),
        "not whole"
    );
    assert_eq!(
        transfer(&rt, VERIFREG_ACTOR, tokens(6)),
        Err(Some(19)),
        "too little"
    );
    rt.read_only();
    assert_eq!(transfer(&rt, VERIFREG_ACTOR, tokens(6)), Err(Some(19)));
    rt.read_only();
    assert_eq!(
        transfer(&rt, VERIFREG_ACTOR, tokens(5)),
        Err(Some(24)),
        "not 25"
    );
    expect_transfer(&rt, ALICE, 6, ALICE, tokens(5)).exits(20);
    assert_eq!(
        transfer(&rt, VERIFREG_ACTOR, tokens(5)),
        Err(Some(20)),
        "the receiver"
    );
    assert_eq!(balance(&rt, id(ALICE)), tokens(5));
}

/// The registry returns what expired even to a client that is gone.
#[test]
fn nothing_moves_to_nobody_with_a_hook_all_the_same() {
    let rt = datacap();
    expect_transfer(&rt, 6, 999, 6, tokens(0)).refused(ErrorNumber::NotFound);
    assert_eq!(transfer(&rt, id(999), tokens(0)), Err(Some(23)));
}

#[test]
fn the_governor_may_move_to_itself_what_it_has() {
    let rt = datacap();
    give(&rt, VERIFREG_ACTOR_ID, 3);
    let head = rt.head();
    expect_transfer(&rt, 6, 6, 6, tokens(3));
    let returned = transfer(&rt, VERIFREG_ACTOR, tokens(3)).unwrap();
    assert_eq!(
        (returned.from_balance, returned.to_balance),
        (tokens(3), tokens(3))
    );
    assert_eq!(rt.head(), head);
    assert_eq!(transfer(&rt, VERIFREG_ACTOR, tokens(4)), Err(Some(19)));
}

#[test]
fn an_operator_moves_out_of_its_allowance() {
    let rt = datacap().resolves(key(1), ALICE);
    give(&rt, ALICE, 5);
    rt.caller(MARKET_ACTOR_ID);
    expect_transfer(&rt, ALICE, 6, MARKET_ACTOR_ID, tokens(2)).returns(&7u64);
    let left = infinite_allowance() - tokens(2);
    assert_eq!(
        transfer_from(&rt, key(1), VERIFREG_ACTOR, tokens(2)),
        Ok(TransferFromReturn {
            from_balance: tokens(3),
            to_balance: tokens(2),
            allowance: left.clone(),
            recipient_data: RawBytes::new(vec![7]),
        })
    );
    assert_eq!(allowance(&rt, id(ALICE), MARKET_ACTOR), left);
    state(&rt);
}

#[test]
fn operators_are_refused_in_the_sheets_order() {
    let rt = datacap();
    give(&rt, ALICE, 5);
    rt.caller(BOB);
    let from = |who, amount| transfer_from(&rt, who, VERIFREG_ACTOR, amount);
    assert_eq!(
        transfer_from(&rt, key(2), key(1), tokens(-1)),
        Err(Some(16)),
        "nobody"
    );
    assert_eq!(
        transfer_from(&rt, key(2), id(ALICE), tokens(-1)),
        Err(Some(18))
    );
    assert_eq!(from(key(2), tokens(-1)), Err(Some(16)), "negative");
    assert_eq!(from(key(2), atto(1)), Err(Some(16)), "not whole");
    assert_eq!(from(id(BOB), tokens(1)), Err(Some(16)), "one's own");
    assert_eq!(from(key(2), tokens(1)), Err(Some(19)), "nobody's");
    rt.resolves(key(2), BOB);
    assert_eq!(
        from(key(2), tokens(1)),
        Err(Some(16)),
        "one's own by its key"
    );
    assert_eq!(
        from(id(ALICE), tokens(0)),
        Err(Some(19)),
        "no allowance, not even for nothing"
    );
    let increase = IncreaseAllowanceParams {
        operator: id(BOB),
        increase: tokens(9),
    };
    rt.caller(ALICE);
    call::<TokenAmount>(&rt, method_number("IncreaseAllowance"), &increase).unwrap();
    rt.caller(BOB);
    assert_eq!(
        from(id(ALICE), tokens(10)),
        Err(Some(19)),
        "more than allowed"
    );
    assert_eq!(
        from(id(ALICE), tokens(6)),
        Err(Some(19)),
        "more than there is"
    );
    assert_eq!(allowance(&rt, id(ALICE), id(BOB)), tokens(9), "kept");
    rt.read_only();
    assert_eq!(from(id(ALICE), tokens(1)), Err(Some(24)), "not 25");
    expect_transfer(&rt, ALICE, 6, BOB, tokens(1)).exits(18);
    assert_eq!(from(id(ALICE), tokens(1)), Err(Some(18)), "the receiver");
}

/// A re-entrant burn, as the registry does for extensions.
#[test]
fn a_transfer_returns_the_balances_before_the_hook() {
    let rt = datacap();
    give(&rt, ALICE, 5);
    rt.caller(ALICE);
    expect_transfer(&rt, ALICE, 6, ALICE, tokens(5)).effect(|rt| {
        rt.caller(VERIFREG_ACTOR_ID);
        call::<BurnReturn>(rt, ext::BURN, &BurnParams { amount: tokens(5) }).unwrap();
    });
    let returned = transfer(&rt, VERIFREG_ACTOR, tokens(5)).unwrap();
    assert_eq!(
        (returned.from_balance, returned.to_balance),
        (tokens(0), tokens(5))
    );
    assert_eq!(
        (balance(&rt, VERIFREG_ACTOR), supply(&rt)),
        (tokens(0), tokens(0))
    );
    let state = state(&rt);
    assert_eq!(
        state.token.balances,
        datacap().state::<State>().token.balances
    );
}

#[test]
fn burning_refuses_in_the_sheets_order() {
    let rt = datacap();
    give(&rt, ALICE, 5);
    rt.caller(ALICE);
    let burn = |amount| -> Result<BurnReturn, _> { call(&rt, ext::BURN, &BurnParams { amount }) };
    assert_eq!(burn(tokens(-1)), Err(Some(16)));
    assert_eq!(burn(atto(1)), Err(Some(16)));
    assert_eq!(burn(tokens(6)), Err(Some(19)));
    rt.read_only();
    assert_eq!(burn(tokens(1)), Err(Some(25)));
    assert_eq!(burn(tokens(0)), Ok(BurnReturn { balance: tokens(5) }));
    assert_eq!(burn(tokens(5)), Ok(BurnReturn { balance: tokens(0) }));
    assert_eq!(supply(&rt), tokens(0));
}

#[test]
fn an_operator_burns_out_of_its_allowance() {
    let rt = datacap();
    give(&rt, ALICE, 5);
    let burn = |owner, amount| -> Result<BurnFromReturn, _> {
        call(
            &rt,
            method_number("BurnFrom"),
            &BurnFromParams { owner, amount },
        )
    };
    rt.caller(MARKET_ACTOR_ID);
    assert_eq!(burn(key(1), tokens(-1)), Err(Some(16)), "negative");
    assert_eq!(burn(key(1), atto(1)), Err(Some(16)), "not whole");
    assert_eq!(burn(MARKET_ACTOR, tokens(1)), Err(Some(16)), "one's own");
    assert_eq!(burn(key(1), tokens(1)), Err(Some(19)), "nobody's");
    assert_eq!(burn(id(BOB), tokens(0)), Err(Some(19)), "no allowance");
    assert_eq!(burn(id(ALICE), tokens(6)), Err(Some(19)), "too little");
    rt.read_only();
    assert_eq!(burn(id(ALICE), tokens(1)), Err(Some(25)));
    assert_eq!(
        burn(id(ALICE), tokens(4)),
        Ok(BurnFromReturn {
            balance: tokens(1),
            allowance: infinite_allowance() - tokens(4),
        })
    );
    assert_eq!(supply(&rt), tokens(1));
    state(&rt);
}
