//! Code that cannot run is refused before the FVM meets it.

use fvm_ipld_blockstore::Blockstore;
use fvm_shared::error::ExitCode;

use super::world::*;
use crate::context::Tracing;
use crate::machine::{Mode, VmError};
use crate::state::INIT_ACTOR;

/// Runs code with a start function would leave the FVM's locks poisoned.
fn with_start_function() -> Vec<u8> {
    module(
        &[],
        &format!(
            "(func $early (call $check (call $emit))) (start $early)
             (func (export \"invoke\") {ENTRY} {EXIT})"
        ),
    )
}

#[test]
fn an_actor_whose_code_cannot_run_is_the_nodes_fault() {
    for (wasm, says) in [
        (b"not wasm".to_vec(), "no Wasm module"),
        (with_start_function(), "start function"),
        (
            module(
                &[],
                "(func (export \"invoke\") (param i32) (result i64) (i64.const 0))",
            ),
            "(i64)",
        ),
    ] {
        let mut world = World::new()
            .with_actor(ONE, &wasm)
            .with_actor(TWO, &actor(""))
            .traced(Tracing::Full);
        let mut machine = world.open();
        let error = machine.apply(&to(ONE), Mode::Unchecked).unwrap_err();
        assert!(matches!(error, VmError::Code { .. }), "{error}");
        assert!(error.to_string().contains(says), "{error}");
        // Money can be sent to it all the same: no code runs.
        let mut machine = world.open();
        let message = transfer(fvm_shared::address::Address::new_id(ONE), atto(1));
        let applied = machine.apply(&message, Mode::Unchecked).unwrap();
        assert_eq!(applied.receipt.exit_code, ExitCode::OK);
        let applied = machine.apply(&to(TWO), Mode::Unchecked).unwrap();
        assert_eq!(applied.receipt.exit_code, ExitCode::OK);
    }
}

#[test]
fn an_upgrade_to_code_that_cannot_run_is_refused() {
    let world = World::new();
    let bad = put_code(&world.store, &with_start_function());
    let missing = cid_of(0x55, b"nowhere");
    let mut world = world;
    for (code, expected, says) in [
        (bad, 101, "start function"),
        (missing, 106, "install the actor's Wasm first"),
    ] {
        let old = actor_with(
            &[(1024, &code.to_bytes())],
            "(call $check (call $upgrade_actor (i32.const 512) (i32.const 1024) (i32.const 0)))",
        );
        world = world.with_actor(ONE, &old);
        let mut machine = world.open();
        let before = machine.actor(ONE).unwrap();
        let applied = machine.apply(&to(ONE), Mode::Unchecked).unwrap();
        assert_eq!(applied.receipt.exit_code, ExitCode::new(expected));
        assert!(
            applied.error.as_ref().unwrap().contains(says),
            "{:?}",
            applied.error
        );
        assert_eq!(machine.actor(ONE).unwrap(), before);
    }
    // Code that arrives later is looked at again.
    world.store.put_keyed(&missing, &actor("")).unwrap();
    let applied = world.call();
    assert_eq!(
        applied.receipt.exit_code,
        ExitCode::OK,
        "no upgrade entry, but runnable"
    );
}

/// Only the init actor makes actors, and only of code that can run.
#[test]
fn actors_are_made_of_runnable_code_only() {
    let create = |code: cid::Cid| {
        actor_with(
            &[(1024, &code.to_bytes())],
            "(call $check (call $create_actor (i64.const 5000) (i32.const 1024) (i32.const 0)
               (i32.const 0)))",
        )
    };
    let good = actor("(return (call $number (i32.const 6)))");
    let good_code = cid_of(0x55, &good);
    let bad_code = cid_of(0x55, &with_start_function());
    for (code, expected) in [
        (good_code, 0),
        (bad_code, 101),
        (cid_of(0x55, b"nowhere"), 106),
    ] {
        let mut world = World::with_types(|name| match name {
            "init" => create(code),
            _ => actor(""),
        })
        .with_actor(ONE, &create(code));
        put_code(&world.store, &good);
        put_code(&world.store, &with_start_function());
        let mut machine = world.open();
        let applied = machine.apply(&to(INIT_ACTOR), Mode::Unchecked).unwrap();
        assert_eq!(
            applied.receipt.exit_code,
            ExitCode::new(expected),
            "{:?}",
            applied.error
        );
        assert_eq!(machine.actor(5000).unwrap().is_some(), expected == 0);
        let applied = machine.apply(&to(ONE), Mode::Unchecked).unwrap();
        assert_eq!(
            applied.receipt.exit_code,
            ExitCode::new(111),
            "forbidden to anybody else"
        );
    }
}
