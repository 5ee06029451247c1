//! What only this machine does. What both do is compared by the test kit
//! (`testkit/tests/machines.rs`), which runs the same probe on both.

use boatyard_probe::{Probe, Step, script};
use fvm_ipld_blockstore::Blockstore as _;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::message::Message;

use super::*;
use crate::context::Tracing;
use crate::engine::MachineKind;
use crate::fvm::tests::world::{ALICE, EXPLICIT, ONE, TWO, World, atto, cid_of, to};
use crate::machine::Applied;

/// Stands for the Wasm of a probe; nobody runs it.
const PROBE: &[u8] = b"probe";

/// A world with a probe at [`ONE`], and at [`TWO`] code that nobody knows.
fn world() -> World {
    let world = World::new()
        .with_actor(ONE, PROBE)
        .with_actor(TWO, b"unknown");
    world.engine.register_native::<Probe>(cid_of(0x55, PROBE));
    world
}

fn open(world: &mut World) -> Box<dyn Machine> {
    let root = world.root();
    let (store, context) = (world.store.clone(), world.context.clone());
    world
        .engine
        .open(MachineKind::Native, store, root, context)
        .unwrap()
}

fn running(steps: &[Step]) -> Message {
    Message {
        params: RawBytes::new(script(steps).1.into()),
        ..to(ONE)
    }
}

fn run(world: &mut World, steps: &[Step]) -> Result<Applied, VmError> {
    open(world).apply(&running(steps), Mode::Unchecked)
}

#[test]
fn code_that_was_not_compiled_in_ends_the_machine() {
    let mut world = world();
    let mut machine = open(&mut world);
    let fault = machine.apply(&to(TWO), Mode::Unchecked).unwrap_err();
    assert!(matches!(fault, VmError::Code { code, .. } if code == cid_of(0x55, b"unknown")));
    assert!(fault.to_string().contains("register_native"), "{fault}");
    assert!(matches!(
        machine.apply(&to(ONE), Mode::Unchecked),
        Err(VmError::Fatal(_))
    ));
    assert!(machine.flush().is_err());
}

#[test]
fn a_missing_block_ends_the_machine() {
    let head = cid_of(0x71, b"lost");
    let mut world = world().with_head(ONE, head);
    let fault = run(&mut world, &[Step::Root, Step::Get(head)]).unwrap_err();
    assert!(matches!(&fault, VmError::State(_)), "{fault}");
    assert!(fault.to_string().contains(&head.to_string()), "{fault}");
}

#[test]
fn a_panic_is_told_with_its_place() {
    let applied = run(&mut world(), &[Step::Panic("no luck".to_owned())]).unwrap();
    assert_eq!(applied.receipt.exit_code.value(), 24);
    let words = applied.error.unwrap();
    assert!(
        words.contains("no luck") && words.contains("probe/src/lib.rs"),
        "{words}"
    );
}

#[test]
fn the_explanation_follows_the_exit_code_down() {
    let inner = boatyard_probe::SendStep {
        to: Address::new_id(ONE),
        method: 7,
        params: Some(script(&[Step::Exit(33, None)])),
        value: atto(0),
        flags: 0,
    };
    let steps = [Step::Send(inner), Step::Exit(33, None)];
    let applied = run(&mut world(), &steps).unwrap();
    let words = applied.error.unwrap();
    assert_eq!(
        words,
        "told to give up; in f01001 method 7: told to give up"
    );
    let applied = run(&mut world(), &steps[..1]).unwrap();
    assert_eq!(applied.error, None);
}

/// Gas is not metered: nothing is used, so all of the limit counts as too much.
#[test]
fn explicit_messages_pay_for_their_limit() {
    let mut world = world();
    let mut machine = open(&mut world);
    let applied = machine.apply(&running(&[]), EXPLICIT).unwrap();
    assert_eq!(applied.receipt.gas_used, 0);
    let limit = to(ONE).gas_limit;
    assert_eq!(applied.gas.over_estimation_burn, atto(10) * limit);
    assert_eq!(applied.gas.miner_tip, atto(3) * limit);
    assert_eq!(machine.actor(ALICE).unwrap().unwrap().sequence, 1);
}

#[test]
fn nothing_reaches_the_store_before_a_flush() {
    let mut world = world();
    let block = boatyard_probe::Data::new(0x71, [0x81, 0x07]);
    let head = cid_of(0x71, &[0x81, 0x07]);
    let steps = [Step::Put(block, 0xb220), Step::SetRoot(head)];
    let before = world.root();
    let mut machine = open(&mut world);
    machine.apply(&running(&steps), Mode::Unchecked).unwrap();
    assert!(!world.store.has(&head).unwrap());
    let after = machine.flush().unwrap();
    assert!(world.store.has(&head).unwrap() && world.store.has(&after).unwrap());
    assert_ne!(before, after);
    assert_eq!(
        open(&mut world).actor(ONE).unwrap().unwrap().state,
        fvm_shared::EMPTY_ARR_CID
    );
}

#[test]
fn traces_tell_blocks_heads_and_logs() {
    let mut world = world().traced(Tracing::Full);
    let block = boatyard_probe::Data::new(0x71, [0x81, 0x07]);
    let head = cid_of(0x71, &[0x81, 0x07]);
    let steps = [
        Step::Put(block, 0xb220),
        Step::SetRoot(head),
        Step::Get(head),
        Step::Log("line".to_owned()),
    ];
    let trace = run(&mut world, &steps).unwrap().trace.unwrap();
    use crate::trace::StateAccess::{Head, Read, Write};
    assert_eq!(
        trace.accesses,
        [
            Write { cid: head, size: 2 },
            Head { cid: head },
            Read { cid: head, size: 2 }
        ]
    );
    assert_eq!(trace.logs, ["line"]);
    assert_eq!(trace.to_id, Some(ONE));
    assert_eq!(trace.code, Some(cid_of(0x55, PROBE)));
}

#[test]
fn every_built_in_actor_runs_under_its_own_name() {
    for kind in Type::ALL {
        let actor = actors::builtin(kind);
        assert_eq!(
            format!("{actor:?}"),
            format!("NativeActor({:?})", kind.name())
        );
    }
}
