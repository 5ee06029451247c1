//! What calls do to the state.

use super::world::*;
use crate::context::Tracing;
use crate::machine::Mode;
use crate::state::{INIT_ACTOR, InitState, SYSTEM_ACTOR};
use fvm_ipld_amt::Amt;
use fvm_ipld_blockstore::{Blockstore, MemoryBlockstore};
use fvm_shared::EMPTY_ARR_CID;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use fvm_shared::event::StampedEvent;
use fvm_shared::state::ActorState;

fn id(actor: u64) -> Vec<u8> {
    Address::new_id(actor).to_bytes()
}

fn code(n: u32) -> ExitCode {
    ExitCode::new(n)
}

#[test]
fn a_new_head_outlives_the_machine() {
    let mut world = World::new().with_actor(
        ONE,
        &actor_with(
            &[(1024, b"\x82\x01\x02")],
            "(call $check (call $save (i32.const 1024) (i32.const 3)))",
        ),
    );
    let mut machine = world.open();
    let applied = machine.apply(&to(ONE), Mode::Unchecked).unwrap();
    assert_eq!(
        applied.receipt.exit_code,
        ExitCode::OK,
        "{:?}",
        applied.error
    );
    let head = cid_of(0x71, b"\x82\x01\x02");
    let root = machine.flush().unwrap();
    assert_eq!(
        world.store.get(&head).unwrap().as_deref(),
        Some(&b"\x82\x01\x02"[..])
    );
    assert_eq!(world.open_on(root).actor(ONE).unwrap().unwrap().state, head);
}

#[test]
fn a_failure_takes_everything_back_but_the_nonce() {
    let mut world = World::new()
        .with_actor(
            ONE,
            &actor_with(
                &[(1024, b"\x82\x01\x02"), (1030, &id(TWO))],
                "(call $check (call $save (i32.const 1024) (i32.const 3)))
             (call $check (call $emit))
             (call $check (call $call (i32.const 1030) (i32.const 3) (i64.const 0) (i64.const 5)
               (i64.const 0) (i64.const -1)))
             (call $fail (i32.const 20))",
            ),
        )
        .with_actor(TWO, &actor(""))
        .with_balance(ONE, atto(9));
    let mut machine = world.open();
    let applied = machine.apply(&to(ONE), Mode::Unchecked).unwrap();
    assert_eq!(applied.receipt.exit_code, code(20));
    assert_eq!(applied.error.as_deref(), Some("it failed"));
    assert!(applied.events.is_empty() && applied.receipt.events_root.is_none());
    let one = machine.actor(ONE).unwrap().unwrap();
    assert_eq!((one.state, one.balance), (EMPTY_ARR_CID, atto(9)));
    assert_eq!(machine.actor(ALICE).unwrap().unwrap().sequence, 1);
}

#[test]
fn a_callee_gets_the_value_and_its_return_comes_back() {
    let caller = actor_with(
        &[(1024, &id(TWO))],
        "(call $check (call $call (i32.const 1024) (i32.const 3) (i64.const 7) (i64.const 5)
           (i64.const 0) (i64.const -1)))
         (return (i32.load (i32.const 196)))",
    );
    let callee = actor(
        "(drop (call $method))
         (return (call $number (i32.add (i32.mul (i32.wrap_i64 (call $method)) (i32.const 100))
           (i32.load (i32.const 40)))))",
    );
    let mut world = World::new()
        .with_actor(ONE, &caller)
        .with_actor(TWO, &callee)
        .with_balance(ONE, atto(9));
    let mut machine = world.open();
    let applied = machine.apply(&to(ONE), Mode::Unchecked).unwrap();
    assert_eq!(
        applied.receipt.return_data.bytes(),
        b"\x1a\x00\x00\x02\xc1",
        "method 7, value 5"
    );
    assert_eq!(applied.return_codec, Some(0x51));
    assert_eq!(machine.actor(TWO).unwrap().unwrap().balance, atto(5));
}

#[test]
fn events_are_stamped_and_counted_in_the_receipt_without_those_rolled_back() {
    let caller = actor_with(
        &[(1024, &id(TWO))],
        "(call $check (call $emit))
         (call $check (call $call (i32.const 1024) (i32.const 3) (i64.const 7) (i64.const 0)
           (i64.const 0) (i64.const -1)))",
    );
    let callee = actor("(call $check (call $emit)) (call $fail (i32.const 33))");
    let applied = World::new()
        .with_actor(ONE, &caller)
        .with_actor(TWO, &callee)
        .call();
    assert_eq!(applied.receipt.exit_code, ExitCode::OK);
    assert_eq!(applied.events.len(), 1);
    let StampedEvent { emitter, event } = &applied.events[0];
    assert_eq!(*emitter, ONE);
    assert_eq!(
        (
            event.entries[0].key.as_str(),
            event.entries[0].value.as_slice()
        ),
        ("k", &[1][..])
    );
    let root =
        Amt::new_from_iter_with_bit_width(MemoryBlockstore::default(), 5, applied.events.iter());
    assert_eq!(applied.receipt.events_root, Some(root.unwrap()));
}

/// The callee gives 100 + errno if something is refused: 13 is "read only".
#[test]
fn a_read_only_call_may_not_change_anything() {
    let caller = actor_with(
        &[(1024, &id(TWO))],
        "(call $check (call $call (i32.const 1024) (i32.const 3) (i64.const 7) (i64.const 0)
           (i64.const 1) (i64.const -1)))
         (return (call $number (i32.load (i32.const 192))))",
    );
    for (what, body) in [
        (
            "set_root",
            "(call $check (call $save (i32.const 512) (i32.const 1)))",
        ),
        ("event", "(call $check (call $emit))"),
        (
            "transfer",
            "(call $check (call $call (i32.const 1024) (i32.const 3) (i64.const 0) (i64.const 1)
               (i64.const 0) (i64.const -1)))",
        ),
        (
            "upgrade",
            "(call $check (call $upgrade_actor (i32.const 512) (i32.const 320) (i32.const 0)))",
        ),
    ] {
        let empty = EMPTY_ARR_CID.to_bytes();
        let callee = actor_with(&[(320, &empty), (512, b"\x80"), (1024, &id(ONE))], body);
        let applied = World::new()
            .with_actor(ONE, &caller)
            .with_actor(TWO, &callee)
            .call();
        assert_eq!(
            applied.receipt.return_data.bytes(),
            b"\x1a\x00\x00\x00\x71",
            "{what}"
        );
    }
}

#[test]
fn ways_to_end_have_their_exit_codes() {
    let exit = |n: u32| format!("(call $fail (i32.const {n}))");
    for (body, expected) in [
        ("(unreachable)".to_owned(), 4),
        ("(drop (i32.div_u (i32.const 1) (local.get $n)))".into(), 4),
        (exit(1), 9),
        (exit(15), 9),
        (exit(16), 16),
        (exit(4_000_000_000), 4_000_000_000),
        (exit(0), 0),
        ("(return (i32.const 77))".into(), 11),
        ("(loop $forever (br $forever))".into(), 7),
    ] {
        let mut world = World::new().with_actor(ONE, &actor(&body));
        let mut message = to(ONE);
        message.gas_limit = 100_000_000;
        let applied = world.open().apply(&message, Mode::Unchecked).unwrap();
        assert_eq!(applied.receipt.exit_code, code(expected), "{body}");
        assert_eq!(applied.error.is_some(), expected != 0, "{body}");
        if expected == 7 {
            assert_eq!(applied.receipt.gas_used, message.gas_limit);
        }
    }
}

#[test]
fn a_failure_may_carry_data() {
    let body = "(drop (call $exit (i32.const 33) (call $number (i32.const 9)) (i32.const 0) (i32.const 0)))";
    let applied = World::new().with_actor(ONE, &actor(body)).call();
    assert_eq!(applied.receipt.exit_code, code(33));
    assert_eq!(applied.receipt.return_data.bytes(), b"\x1a\x00\x00\x00\x09");
    assert_eq!(applied.error.as_deref(), Some("actor aborted"));
}

#[test]
fn a_transfer_to_an_unknown_key_makes_an_account() {
    for address in [key_address(7), Address::new_bls(&[3; 48]).unwrap()] {
        let mut world = World::new();
        let mut machine = world.open();
        let applied = machine
            .apply(&transfer(address, atto(5)), EXPLICIT)
            .unwrap();
        assert_eq!(
            applied.receipt.exit_code,
            ExitCode::OK,
            "{:?}",
            applied.error
        );
        let made = machine.resolve(&address).unwrap().unwrap();
        assert_eq!(made, 1100);
        let expected = ActorState::new(world.code("account"), EMPTY_ARR_CID, atto(5), 0, None);
        assert_eq!(machine.actor(made).unwrap(), Some(expected));
        machine.flush().unwrap();
        let init = machine.actor(INIT_ACTOR).unwrap().unwrap();
        let init = InitState::load(&world.store, &init.state).unwrap();
        assert_eq!(init.next_id, 1101);
    }
}

#[test]
fn an_ethereum_address_becomes_a_placeholder_and_then_an_ethaccount() {
    let mut world = World::new();
    let mut machine = world.open();
    let funds = TokenAmount::from_whole(10);
    machine
        .apply(&transfer(f410(5), funds.clone()), EXPLICIT)
        .unwrap();
    let made = machine.resolve(&f410(5)).unwrap().unwrap();
    let record = |name, nonce, balance| {
        ActorState::new(
            world.code(name),
            EMPTY_ARR_CID,
            balance,
            nonce,
            Some(f410(5)),
        )
    };
    assert_eq!(
        machine.actor(made).unwrap(),
        Some(record("placeholder", 0, funds.clone()))
    );

    let mut message = transfer(Address::new_id(ALICE), atto(1));
    message.from = f410(5);
    let applied = machine.apply(&message, EXPLICIT).unwrap();
    assert_eq!(
        applied.receipt.exit_code,
        ExitCode::OK,
        "{:?}",
        applied.error
    );
    let spent = atto(1)
        + &applied.gas.base_fee_burn
        + &applied.gas.miner_tip
        + &applied.gas.over_estimation_burn;
    assert_eq!(
        machine.actor(made).unwrap(),
        Some(record("ethaccount", 1, funds - spent))
    );
}

#[test]
fn addresses_that_nobody_can_have_are_invalid_receivers() {
    let f2 = Address::new_actor(b"somebody");
    let foreign_f4 = Address::new_delegated(77, b"x").unwrap();
    let mut bls_zero = [0; 48];
    bls_zero[0] = 0xc0;
    for (address, expected) in [
        (f2, 5),
        (foreign_f4, 5),
        (Address::new_id(4711), 5),
        (Address::new_bls(&bls_zero).unwrap(), 10),
    ] {
        let applied = World::new()
            .open()
            .apply(&transfer(address, atto(0)), EXPLICIT)
            .unwrap();
        assert_eq!(applied.receipt.exit_code, code(expected), "{address}");
        assert!(applied.error.is_some() && !applied.refused);
    }
}

#[test]
fn more_than_the_balance_cannot_be_sent() {
    let all = TokenAmount::from_whole(5000);
    let applied = World::new()
        .open()
        .apply(&transfer(key_address(9), all), EXPLICIT)
        .unwrap();
    assert_eq!(applied.receipt.exit_code, ExitCode::SYS_INSUFFICIENT_FUNDS);

    let caller = actor_with(
        &[(1024, &id(ALICE))],
        "(call $check (call $call (i32.const 1024) (i32.const 2) (i64.const 0) (i64.const 1)
           (i64.const 0) (i64.const -1)))",
    );
    let applied = World::new().with_actor(ONE, &caller).call();
    assert_eq!(
        applied.receipt.exit_code,
        code(105),
        "100 + InsufficientFunds"
    );
}

#[test]
fn an_implicit_message_is_not_checked_counted_or_paid() {
    let mut world = World::new().with_actor(ONE, &actor("(return (call $number (i32.const 1)))"));
    let mut machine = world.open();
    let before = machine.actor(SYSTEM_ACTOR).unwrap();
    let mut message = to(ONE);
    message.from = Address::new_id(SYSTEM_ACTOR);
    message.sequence = 50;
    let applied = machine.apply(&message, Mode::Implicit).unwrap();
    assert_eq!(applied.receipt.exit_code, ExitCode::OK);
    assert_eq!(applied.gas, Default::default());
    assert_ne!(applied.receipt.gas_used, 0);
    assert_eq!(machine.actor(SYSTEM_ACTOR).unwrap(), before);
}

#[test]
fn refused_messages_change_nothing_and_say_why() {
    let mut world = World::new().with_actor(ONE, &actor(""));
    let root = world.root();
    for (what, change, says) in [
        (
            "nonce",
            (|m| m.sequence = 3) as fn(&mut fvm_shared::message::Message),
            "continues with 0",
        ),
        (
            "poor",
            |m| m.gas_fee_cap = TokenAmount::from_whole(1),
            "may cost",
        ),
        ("limit", |m| m.gas_limit = 10, "including the message costs"),
        (
            "user actor",
            |m| m.from = Address::new_id(ONE),
            "only accounts",
        ),
        ("nobody", |m| m.from = key_address(77), "does not exist"),
    ] {
        let mut message = to(ONE);
        change(&mut message);
        let mut machine = world.open_on(root);
        let applied = machine.apply(&message, EXPLICIT).unwrap();
        assert!(applied.refused && applied.trace.is_none(), "{what}");
        assert!(
            applied.error.as_ref().unwrap().contains(says),
            "{what}: {:?}",
            applied.error
        );
        assert_eq!(machine.flush().unwrap(), root, "{what}");
    }
}

/// 1024 calls may be open at once, and the machine has the stack for them.
#[test]
fn recursion_ends_at_the_depth_limit_not_with_the_stack() {
    let body = "(if (call $call (i32.const 1024) (i32.const 3) (i64.const 2) (i64.const 0)
             (i64.const 0) (i64.const -1))
           (then (return (call $number (i32.const 1)))))
         (return (call $number
           (i32.add (i32.const 1) (call $number_in (i32.load (i32.const 196))))))";
    for tracing in [Tracing::Off, Tracing::Full] {
        let mut world = World::new()
            .with_actor(ONE, &actor_with(&[(1024, &id(ONE))], body))
            .traced(tracing);
        let applied = world.call();
        assert_eq!(applied.receipt.return_data.bytes(), b"\x1a\x00\x00\x04\x00");
    }
}

#[test]
fn edits_from_outside_are_seen_by_later_messages() {
    let mut world = World::new().with_actor(ONE, &actor("(return (call $number (i32.const 8)))"));
    let mut machine = world.open();
    let one = machine.actor(ONE).unwrap();
    let fresh = machine.register(&f410(9)).unwrap();
    assert_eq!(fresh, 1100);
    machine.set_actor(fresh, one).unwrap();
    let applied = machine
        .apply(&message(f410(9), 2), Mode::Unchecked)
        .unwrap();
    assert_eq!(applied.receipt.return_data.bytes(), b"\x1a\x00\x00\x00\x08");
    machine.set_actor(fresh, None).unwrap();
    let applied = machine
        .apply(&message(f410(9), 2), Mode::Unchecked)
        .unwrap();
    assert_eq!(applied.receipt.exit_code, ExitCode::SYS_INVALID_RECEIVER);

    // An older init actor knows less.
    let init = world.open().actor(INIT_ACTOR).unwrap();
    machine.set_actor(INIT_ACTOR, init).unwrap();
    assert_eq!(machine.resolve(&f410(9)).unwrap(), None);
    assert_eq!(
        machine.actor(ALICE).unwrap().unwrap().sequence,
        2,
        "the rest is kept"
    );
}
