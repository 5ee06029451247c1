//! What is the node's trouble, and what is only a message's.

use std::sync::Arc;

use fvm_ipld_blockstore::Blockstore;
use fvm_shared::error::ExitCode;

use super::world::*;
use crate::context::{Intercept, Interceptor};
use crate::machine::{Mode, VmError};
use crate::trace::Call;

const READ_STATE: &str =
    "(call $check (call $root (i32.const 600) (i32.const 640) (i32.const 100)))
    (call $check (call $block_open (i32.const 600) (i32.const 640)))";

#[test]
fn a_missing_state_block_stops_the_message_and_the_machine() {
    let missing = cid_of(0x71, b"\x81\x80");
    let mut world = World::new()
        .with_actor(ONE, &actor(READ_STATE))
        .with_head(ONE, missing);
    let mut machine = world.open();
    let error = machine.apply(&to(ONE), EXPLICIT).unwrap_err();
    assert!(matches!(error, VmError::State(_)));
    assert!(
        error
            .to_string()
            .contains(&format!("block {missing} is missing")),
        "{error}"
    );
    let error = machine.apply(&to(ONE), EXPLICIT).unwrap_err();
    assert!(error.to_string().contains("open a new one"), "{error}");
    assert!(machine.flush().is_err() && machine.actor(ONE).is_err());
    // With the block in its place the same message works.
    world.store.put_keyed(&missing, b"\x81\x80").unwrap();
    let applied = world.open().apply(&to(ONE), EXPLICIT).unwrap();
    assert_eq!(applied.receipt.exit_code, ExitCode::OK);
}

/// Exiting with a block that does not exist is a fault inside the FVM, but one
/// that an actor can cause: it costs the message all its gas and nothing more.
#[test]
fn a_fault_that_an_actor_provokes_costs_its_message_all_gas() {
    let body = "(drop (call $exit (i32.const 20) (i32.const 99) (i32.const 0) (i32.const 0)))";
    let mut world = World::new()
        .with_actor(ONE, &actor(body))
        .with_actor(TWO, &actor(""));
    let mut machine = world.open();
    let mut message = to(ONE);
    message.gas_limit = 50_000_000;
    let applied = machine.apply(&message, EXPLICIT).unwrap();
    assert_eq!(applied.receipt.exit_code, ExitCode::SYS_ASSERTION_FAILED);
    assert_eq!(applied.receipt.gas_used, message.gas_limit);
    assert!(applied.error.unwrap().contains("invalid block handle"));
    let applied = machine.apply(&to(TWO), Mode::Unchecked).unwrap();
    assert_eq!(
        applied.receipt.exit_code,
        ExitCode::OK,
        "the machine goes on"
    );
}

struct Panics;

impl Interceptor for Panics {
    fn before_call(&self, call: &Call) -> Intercept {
        assert_ne!(call.method, 3, "told to panic");
        Intercept::Proceed
    }
}

#[test]
fn a_panic_ends_a_machine_but_not_the_engine() {
    let mut world = World::new()
        .with_actor(ONE, &actor(""))
        .with_context(|context| context.interceptor = Some(Arc::new(Panics)));
    let mut machine = world.open();
    let message = fvm_shared::message::Message {
        method_num: 3,
        ..to(ONE)
    };
    let error = machine.apply(&message, Mode::Unchecked).unwrap_err();
    assert!(error.to_string().contains("told to panic"), "{error}");
    assert!(machine.apply(&to(ONE), Mode::Unchecked).is_err());
    assert_eq!(world.call().receipt.exit_code, ExitCode::OK);
}

#[test]
fn a_root_that_is_missing_is_named() {
    let world = World::new();
    let root = cid_of(0x71, b"nowhere");
    let error = world
        .engine
        .open(
            Default::default(),
            world.store.clone(),
            root,
            world.context.clone(),
        )
        .err()
        .unwrap();
    assert!(error.to_string().contains(&root.to_string()), "{error}");
}

#[test]
fn machines_may_run_at_the_same_time_and_move_between_threads() {
    let body = "(return (call $number (i32.const 3)))";
    let mut world = World::new().with_actor(ONE, &actor(body));
    let root = world.root();
    let machines: Vec<_> = (0..8).map(|_| world.open_on(root)).collect();
    let roots: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = machines
            .into_iter()
            .map(|mut machine| {
                scope.spawn(move || {
                    for nonce in 0..20 {
                        let mut message = to(ONE);
                        message.sequence = nonce;
                        let applied = machine.apply(&message, EXPLICIT).unwrap();
                        assert_eq!(applied.receipt.exit_code, ExitCode::OK);
                    }
                    machine.flush().unwrap()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(roots.windows(2).all(|pair| pair[0] == pair[1]));
}
