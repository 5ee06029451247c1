//! Unit tests under the mock runtime: no node, no Wasm, a debugger if you like.

use boatyard_mock::MockRuntime;
use boatyard_sdk::method_number;
use fvm_ipld_encoding::BytesSer;

use super::*;

/// A fresh counter, called by f0100.
fn counter() -> MockRuntime {
    let rt = MockRuntime::new().caller(1);
    rt.call::<Counter>(1, None).unwrap();
    rt.caller(100)
}

fn add(rt: &MockRuntime, by: u64) -> Result<u64, ActorError> {
    rt.call_for::<Counter, u64>(method_number("Add"), &AddParams { by })
}

#[test]
fn it_adds_and_remembers_who_did() {
    let rt = counter();
    assert_eq!(add(&rt, 5), Ok(5));
    assert_eq!(add(&rt.caller(101), 2), Ok(7));
    assert_eq!(rt.get::<Counter, u64>(method_number("Get")), Ok(7));

    let state: State = rt.state();
    let by_caller = state.by_caller.load(rt.store()).unwrap();
    assert_eq!(by_caller.get(&100).unwrap(), Some(&5));
    assert_eq!(by_caller.get(&101).unwrap(), Some(&2));
}

#[test]
fn it_tells_the_world() {
    let rt = counter();
    add(&rt, 5).unwrap();
    let events = rt.events();
    assert_eq!(events.len(), 1);
    let keys: Vec<&str> = events[0]
        .event
        .entries
        .iter()
        .map(|entry| entry.key.as_str())
        .collect();
    assert_eq!(keys, ["$type", "who", "by", "sum"]);
}

#[test]
fn a_sum_that_does_not_fit_is_refused_and_changes_nothing() {
    let rt = counter();
    add(&rt, u64::MAX).unwrap();
    let error = add(&rt, 1).unwrap_err();
    assert_eq!(error.exit_code(), COUNT_TOO_LARGE);
    assert_eq!(rt.state::<State>().count, u64::MAX);
}

#[test]
fn it_reports_to_a_contract_as_solidity_expects_to_be_called() {
    let contract = Address::new_delegated(10, &[0xab; 20]).unwrap();
    let rt = counter();
    add(&rt, 7).unwrap();

    let word = |n: u8| [&[0; 31][..], &[n]].concat();
    let call_data = [&[0xfc, 0x61, 0x48, 0xa7][..], &word(7)].concat();
    rt.expect_send(contract, solidity::INVOKE_EVM)
        .params(&BytesSer(&call_data))
        .returns(&BytesSer(&word(14)));
    let report = ReportParams { to: contract };
    let answer = rt.call_for::<Counter, u64>(method_number("Report"), &report);
    assert_eq!(answer, Ok(14));
}

#[test]
fn a_contract_that_answers_nonsense_is_an_error() {
    let contract = Address::new_id(200);
    for output in [vec![], vec![0; 31], vec![1; 32]] {
        let rt = counter();
        rt.expect_send(contract, solidity::INVOKE_EVM)
            .any_params()
            .returns(&BytesSer(&output));
        let report = ReportParams { to: contract };
        let error = rt
            .call_with::<Counter>(method_number("Report"), &report)
            .unwrap_err();
        assert_eq!(error.exit_code().value(), 21);
    }
}
