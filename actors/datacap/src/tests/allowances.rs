//! Who may spend whose datacap.

use super::*;

fn increase(
    rt: &MockRuntime,
    operator: Address,
    increase: TokenAmount,
) -> Result<TokenAmount, Option<u32>> {
    let params = IncreaseAllowanceParams { operator, increase };
    call(rt, method_number("IncreaseAllowance"), &params)
}

fn decrease(
    rt: &MockRuntime,
    operator: Address,
    decrease: TokenAmount,
) -> Result<TokenAmount, Option<u32>> {
    let params = DecreaseAllowanceParams { operator, decrease };
    call(rt, method_number("DecreaseAllowance"), &params)
}

fn revoke(rt: &MockRuntime, operator: Address) -> Result<TokenAmount, Option<u32>> {
    let params = RevokeAllowanceParams { operator };
    call(rt, method_number("RevokeAllowance"), &params)
}

#[test]
fn allowances_rise_and_fall_in_any_units() {
    let rt = datacap().caller(ALICE).resolves(key(1), BOB);
    let empty = state(&rt).token.allowances;
    assert_eq!(increase(&rt, id(BOB), atto(5)), Ok(atto(5)));
    assert_eq!(increase(&rt, key(1), atto(2)), Ok(atto(7)));
    assert_eq!(increase(&rt, id(BOB), atto(0)), Ok(atto(7)));
    assert_eq!(decrease(&rt, id(BOB), atto(3)), Ok(atto(4)));
    assert_eq!(allowance(&rt, id(ALICE), key(1)), atto(4));
    assert_eq!(allowance(&rt, id(BOB), id(ALICE)), atto(0));
    assert_eq!(decrease(&rt, id(BOB), atto(9)), Ok(atto(0)), "not below 0");
    assert_eq!(decrease(&rt, id(BOB), atto(9)), Ok(atto(0)), "nor from 0");
    assert_eq!(state(&rt).token.allowances, empty, "nothing is left behind");
}

#[test]
fn allowances_refuse_in_the_sheets_order() {
    let rt = datacap().caller(ALICE);
    for change in [increase, decrease] {
        assert_eq!(change(&rt, key(1), atto(-1)), Err(Some(16)), "negative");
        assert_eq!(change(&rt, key(1), atto(0)), Err(Some(17)), "nobody");
        rt.read_only();
        assert_eq!(change(&rt, id(BOB), atto(1)), Err(Some(25)));
    }
}

#[test]
fn revoking_gives_what_there_was() {
    let rt = datacap().caller(ALICE);
    increase(&rt, id(BOB), atto(5)).unwrap();
    assert_eq!(revoke(&rt, key(1)), Ok(atto(0)), "nobody");
    assert_eq!(revoke(&rt, MARKET_ACTOR), Ok(atto(0)));
    rt.read_only();
    assert_eq!(revoke(&rt, key(1)), Err(Some(25)), "the state is written");
    assert_eq!(revoke(&rt, id(BOB)), Ok(atto(5)));
    assert_eq!(revoke(&rt, id(BOB)), Ok(atto(0)));
    assert_eq!(state(&rt), datacap().state());
}

/// Not refused; the check of the state names it.
#[test]
fn one_may_allow_oneself_something() {
    let rt = datacap().caller(ALICE);
    assert_eq!(increase(&rt, id(ALICE), atto(5)), Ok(atto(5)));
    assert_eq!(invariants::check(&rt.state(), rt.store()).len(), 1);
}

#[test]
fn unknown_addresses_have_nothing() {
    let rt = datacap().caller_of_type(300, Type::Evm);
    assert_eq!(balance(&rt, key(1)), atto(0));
    assert_eq!(allowance(&rt, key(1), id(BOB)), atto(0));
    assert_eq!(allowance(&rt, id(BOB), key(1)), atto(0));
}
