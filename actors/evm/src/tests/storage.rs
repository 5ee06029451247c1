//! Slots, and when the state object is written (spec 02 §5, §8.4).

use boatyard_actors_shared::ext::evm::INVOKE_CONTRACT;
use revm_interpreter::primitives::U256;

use super::world::*;
use crate::state::{Lifespan, State, TransientData};
use crate::storage::Slots;

#[test]
fn slots_stay() {
    let rt = contract("0 CALLDATALOAD 5 SSTORE");
    assert_eq!(eval("5 SLOAD"), U256::ZERO);
    invoke(&rt, &U256::from(42).to_be_bytes::<32>()).unwrap();
    assert_eq!(slot(&rt, 5), U256::from(42));
    invoke(&rt, &U256::ZERO.to_be_bytes::<32>()).unwrap();
    assert_eq!(slot(&rt, 5), U256::ZERO);
    let mut empty = Slots::empty(rt.store());
    assert_eq!(rt.state::<State>().contract_state, empty.flush().unwrap());
}

#[test]
fn a_failed_run_leaves_nothing() {
    for end in ["0 0 REVERT", "INVALID", "POP"] {
        let rt = contract(&format!("1 0 SSTORE {end}"));
        let before = rt.head();
        exit(&rt);
        assert_eq!(rt.head(), before, "{end}");
    }
}

#[test]
fn changes_are_refused_in_a_read_only_call() {
    for program in [
        "1 0 SSTORE",
        "0 0 SSTORE",
        "1 0 TSTORE",
        "0 0 LOG0",
        "0 0 0 CREATE",
        "0 0 0 0 CREATE2",
        "0 SELFDESTRUCT",
        "0 0 0 0 1 0 0 CALL",
    ] {
        assert_eq!(exit_read_only(program), 25, "{program}");
    }
    assert_eq!(exit_read_only("0 SLOAD 0 TLOAD"), 0);
}

/// The static flag comes after the operands, but before what they mean.
#[test]
fn a_read_only_call_does_not_look_at_regions() {
    let huge = "0x100000000";
    for program in [
        format!("{huge} 0 LOG0"),
        format!("{huge} 0 0 CREATE"),
        format!("0 0 {huge} 0 1 0 0 CALL"),
    ] {
        assert_eq!(exit_read_only(&program), 25, "{program}");
        assert_eq!(exit_of(&program), 38, "{program}");
    }
}

fn with_transient(rt: &boatyard_mock::MockRuntime, nonce: u64) -> TransientData {
    let mut slots = Slots::empty(rt.store());
    slots.set(U256::from(1), U256::from(77)).unwrap();
    TransientData {
        transient_data_state: slots.flush().unwrap(),
        transient_data_lifespan: Lifespan {
            origin: CALLER,
            nonce,
        },
    }
}

#[test]
fn transient_slots_live_for_one_message() {
    for (nonce, seen) in [(7, 77), (6, 0)] {
        let rt = contract(&returning("1 TLOAD"));
        let mut state: State = rt.state();
        state.transient_data = Some(with_transient(&rt, nonce));
        rt.set_state(&state);
        let before = rt.head();
        assert_eq!(word(&rt), U256::from(seen), "written by message {nonce}");
        assert_eq!(
            rt.head(),
            before,
            "a read leaves stale slots where they are"
        );
    }
}

#[test]
fn transient_slots_are_stored_with_the_message() {
    let rt = contract("5 1 TSTORE");
    invoke(&rt, &[]).unwrap();
    let state: State = rt.state();
    let data = state.transient_data.unwrap();
    assert_eq!(
        data.transient_data_lifespan,
        Lifespan {
            origin: CALLER,
            nonce: 7
        }
    );
    let mut slots = Slots::stored(data.transient_data_state, rt.store());
    assert_eq!(slots.get(U256::from(1)).unwrap(), U256::from(5));
}

/// A write that is undone still rewrites the object, which drops stale slots.
#[test]
fn a_change_that_is_undone_is_a_change() {
    let rt = contract("1 0 SSTORE 0 0 SSTORE");
    let mut state: State = rt.state();
    state.transient_data = Some(with_transient(&rt, 6));
    rt.set_state(&state);
    invoke(&rt, &[]).unwrap();
    state.transient_data = None;
    assert_eq!(rt.state::<State>(), state);
}

#[test]
fn a_write_without_a_change_is_none() {
    let rt = contract("0 0 SSTORE 0 0 TSTORE");
    let mut state: State = rt.state();
    state.transient_data = Some(with_transient(&rt, 6));
    rt.set_state(&state);
    let before = rt.head();
    invoke(&rt, &[]).unwrap();
    assert_eq!(rt.head(), before);
}

/// The callee sees what was written before the call, and what it does to the
/// contract is seen after it.
#[test]
fn the_state_is_written_before_a_call_and_read_after_it() {
    let callee = word_of(eth(OTHER));
    let program = format!("11 0 SSTORE 0 0 0 0 0 {callee} 1000 CALL 0 SLOAD 1 SSTORE");
    for (answer, seen) in [(0, 22), (33, 11)] {
        let rt = contract(&program);
        rt.expect_send(f410(OTHER), INVOKE_CONTRACT)
            .gas_limit(1000)
            .exits(answer)
            .effect(|rt| {
                assert_eq!(slot(rt, 0), U256::from(11));
                let mut state: State = rt.state();
                let mut slots = Slots::stored(state.contract_state, rt.store());
                slots.set(U256::ZERO, U256::from(22)).unwrap();
                state.contract_state = slots.flush().unwrap();
                rt.set_state(&state);
            });
        invoke(&rt, &[]).unwrap();
        assert_eq!(
            slot(&rt, 1),
            U256::from(seen),
            "the callee ended with {answer}"
        );
    }
}
