//! Money in, money out.

use fvm_shared::error::ErrorNumber;

use super::*;

fn withdraw(rt: &MockRuntime, holder: Address, amount: i64) -> Result<TokenAmount, Option<u32>> {
    let params = WithdrawBalanceParams {
        provider_or_client: holder,
        amount: atto(amount),
    };
    call(rt, 3, &params)
}

fn expect_payout(rt: &MockRuntime, to: ActorID, amount: i64) -> ExpectedSend<'_> {
    rt.expect_send(id(to), 0).value(atto(amount))
}

#[test]
fn anybody_adds_to_anybodys_escrow() {
    let rt = market();
    let key = Address::new_secp256k1(&[4; 65]).unwrap();
    rt.resolves(key, CLIENT).value(atto(5));
    assert_eq!(code(&rt, 2, &key), 0);
    rt.value(atto(6));
    assert_eq!(code(&rt, 822_473_126, &id(CLIENT)), 0);
    assert_eq!(balances(&rt, CLIENT), [11, 0]);
    assert_eq!(entries(&rt, CLIENT)[1], None, "nothing is locked");

    expect_control_addresses(&rt, PROVIDER);
    rt.value(atto(7));
    assert_eq!(code(&rt, 2, &id(PROVIDER)), 0);
    assert_eq!(balances(&rt, PROVIDER), [7, 0], "the miner has it");
    assert_eq!(balances(&rt, OWNER), [0, 0]);
    state(&rt);
}

/// The value comes before everything, even before a miner is asked.
#[test]
fn adding_refuses() {
    let rt = market();
    assert_eq!(code(&rt, 2, &id(PROVIDER)), 16, "no value");
    let nowhere = Address::new_actor(b"nobody");
    for (address, why) in [(nowhere, "unresolved"), (id(999), "no actor")] {
        rt.value(atto(1));
        assert_eq!(code(&rt, 2, &address), 16, "{why}");
    }
    rt.value(atto(1));
    expect_control_addresses(&rt, PROVIDER).exits(22);
    assert_eq!(code(&rt, 2, &id(PROVIDER)), 22);
    rt.value(atto(1));
    expect_control_addresses(&rt, PROVIDER).responds(ExitCode::OK, None);
    assert_eq!(code(&rt, 2, &id(PROVIDER)), 24, "no answer");
    rt.value(atto(1));
    expect_control_addresses(&rt, PROVIDER).returns(&7u64);
    assert_eq!(code(&rt, 2, &id(PROVIDER)), 21, "another answer");
}

#[test]
fn a_client_withdraws_its_own() {
    let rt = market();
    deposit(&rt, CLIENT, 20);
    for caller in [STRANGER, OWNER, PROVIDER] {
        rt.caller(caller);
        assert_eq!(withdraw(&rt, id(CLIENT), 1), Err(Some(18)));
    }
    rt.caller(CLIENT);
    expect_payout(&rt, CLIENT, 8);
    assert_eq!(withdraw(&rt, id(CLIENT), 8), Ok(atto(8)));
    expect_payout(&rt, CLIENT, 12);
    assert_eq!(withdraw(&rt, id(CLIENT), 100), Ok(atto(12)), "all there is");
    assert_eq!(entries(&rt, CLIENT), [None, None]);
    expect_payout(&rt, CLIENT, 0);
    assert_eq!(
        withdraw(&rt, id(CLIENT), 5),
        Ok(atto(0)),
        "sent all the same"
    );
    assert_eq!(entries(&rt, CLIENT), [None, None], "no entry of nothing");
}

#[test]
fn owner_and_worker_withdraw_a_providers_for_the_owner() {
    let rt = market();
    deposit(&rt, PROVIDER, 20);
    for (caller, amount) in [(OWNER, 5), (WORKER, 6)] {
        rt.caller(caller);
        expect_control_addresses(&rt, PROVIDER);
        expect_payout(&rt, OWNER, amount);
        assert_eq!(withdraw(&rt, id(PROVIDER), amount), Ok(atto(amount)));
    }
    // The miner is asked before the caller is looked at.
    for caller in [CONTROL, PROVIDER, STRANGER] {
        rt.caller(caller);
        expect_control_addresses(&rt, PROVIDER);
        assert_eq!(withdraw(&rt, id(PROVIDER), 1), Err(Some(18)));
    }
    rt.caller(STRANGER);
    expect_control_addresses(&rt, PROVIDER).refused(ErrorNumber::LimitExceeded);
    assert_eq!(withdraw(&rt, id(PROVIDER), 1), Err(Some(24)));
}

#[test]
fn what_is_locked_stays() {
    let rt = with_deals(1);
    rt.caller(CLIENT);
    expect_payout(&rt, CLIENT, 99 * CLIENT_NEEDS);
    let all = i64::MAX;
    assert_eq!(withdraw(&rt, id(CLIENT), all), Ok(atto(99 * CLIENT_NEEDS)));
    expect_payout(&rt, CLIENT, 0);
    assert_eq!(withdraw(&rt, id(CLIENT), all), Ok(atto(0)));
    assert_eq!(balances(&rt, CLIENT), [CLIENT_NEEDS; 2]);
    state(&rt);
}

#[test]
fn withdrawing_refuses() {
    let rt = market();
    deposit(&rt, CLIENT, 20);
    assert_eq!(withdraw(&rt, id(999), -1), Err(Some(16)), "negative first");
    assert_eq!(withdraw(&rt, id(999), 1), Err(Some(16)), "no actor");
    rt.caller(CLIENT);
    expect_payout(&rt, CLIENT, 8).exits(33);
    assert_eq!(withdraw(&rt, id(CLIENT), 8), Err(Some(33)));
    assert_eq!(balances(&rt, CLIENT), [20, 0], "nothing happened");
    rt.read_only();
    assert_eq!(withdraw(&rt, id(CLIENT), 8), Err(Some(25)));
}

#[test]
fn everybody_sees_balances() {
    let rt = with_deals(1).caller(STRANGER);
    let get = |address: Address| call::<GetBalanceReturn>(&rt, 726_108_461, &address);
    let balance = |balance, locked| {
        Ok(GetBalanceReturn {
            balance: atto(balance),
            locked: atto(locked),
        })
    };
    rt.read_only();
    assert_eq!(get(id(CLIENT)), balance(100 * CLIENT_NEEDS, CLIENT_NEEDS));
    assert_eq!(
        get(id(PROVIDER)),
        balance(100 * PROVIDER_COLLATERAL, PROVIDER_COLLATERAL),
        "the miner is not asked"
    );
    assert_eq!(get(id(999)), balance(0, 0), "it need not exist");
    assert_eq!(get(Address::new_actor(b"nobody")), Err(Some(16)));
}
