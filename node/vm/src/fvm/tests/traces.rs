//! What is recorded of a message.

use std::sync::{Arc, Mutex};

use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::Address;
use fvm_shared::error::{ErrorNumber, ExitCode};

use super::world::*;
use crate::context::{Intercept, Interceptor, Tracing};
use crate::engine::{Engine, EngineOptions};
use crate::machine::Mode;
use crate::trace::{Call, CallTrace, METHOD_UPGRADE, Outcome, StateAccess};

fn id(actor: u64) -> Vec<u8> {
    Address::new_id(actor).to_bytes()
}

fn ended(exit_code: u32) -> Outcome {
    Outcome::Returned {
        exit_code: ExitCode::new(exit_code),
        data: None,
    }
}

/// A short form of a call tree: receiver, method, exit code, children.
fn shape(trace: &CallTrace) -> String {
    let children: Vec<String> = trace.calls.iter().map(shape).collect();
    let mark = if trace.constructor { "!" } else { "" };
    let to = trace.to_id.map_or("?".to_owned(), |id| id.to_string());
    let code = match &trace.outcome {
        Outcome::Returned { exit_code, .. } => exit_code.value().to_string(),
        Outcome::Refused(number) => format!("{number:?}"),
        Outcome::Aborted(words) => words.clone(),
    };
    format!(
        "{mark}{to}.{}={code}[{}]",
        trace.call.method,
        children.join(" ")
    )
}

#[test]
fn the_tree_has_every_call_with_its_outcome() {
    let caller = actor_with(
        &[
            (1024, &id(TWO)),
            (1030, &key_address(44).to_bytes()),
            (1060, &id(555)),
        ],
        "(drop (call $call (i32.const 1024) (i32.const 3) (i64.const 7) (i64.const 5)
           (i64.const 0) (i64.const 50000000)))
         (drop (call $call (i32.const 1030) (i32.const 21) (i64.const 0) (i64.const 5)
           (i64.const 0) (i64.const -1)))
         (drop (call $call (i32.const 1060) (i32.const 3) (i64.const 4) (i64.const 0)
           (i64.const 0) (i64.const -1)))
         (drop (call $call (i32.const 1024) (i32.const 3) (i64.const 0) (i64.const 900)
           (i64.const 0) (i64.const -1)))
         (drop (call $call (i32.const 1024) (i32.const 3) (i64.const 6) (i64.const 1)
           (i64.const 1) (i64.const -1)))
         (drop (call $call (i32.const 1024) (i32.const 3) (i64.const 8) (i64.const 0)
           (i64.const 1) (i64.const -1)))
         (return (call $number (i32.const 1)))",
    );
    let callee = actor(
        "(if (i64.eq (call $method) (i64.const 8)) (then (unreachable)))
         (call $check (call $emit))
         (call $fail (i32.const 35))",
    );
    let mut world = World::new()
        .with_actor(ONE, &caller)
        .with_actor(TWO, &callee)
        .with_balance(ONE, atto(100))
        .traced(Tracing::Calls);
    let applied = world.call();
    let root = applied.trace.unwrap();
    assert_eq!(
        shape(&root),
        "1001.2=0[1002.7=35[] 1100.0=0[!1100.1=0[]] 555.4=NotFound[] 1002.0=InsufficientFunds[] \
         1002.6=ReadOnly[] 1002.8=4[]]"
    );
    assert_eq!(root.gas_used, applied.receipt.gas_used);
    assert_eq!(root.call.from, ALICE);
    assert_eq!(
        root.outcome,
        Outcome::Returned {
            exit_code: ExitCode::OK,
            data: Some(IpldBlock {
                codec: 0x51,
                data: b"\x1a\0\0\0\x01".to_vec()
            })
        }
    );

    let first = &root.calls[0];
    assert_eq!(
        (first.call.from, &first.call.to),
        (ONE, &Address::new_id(TWO))
    );
    assert_eq!(
        (first.call.gas_limit, first.call.read_only),
        (Some(50_000_000), false)
    );
    assert_eq!(first.message.as_deref(), Some("it failed"));
    assert_eq!(first.events.len(), 1, "rolled back, but emitted");
    assert!(first.gas_used > 0 && first.gas_used < root.gas_used);

    let constructor = &root.calls[1].calls[0];
    assert_eq!(constructor.call.from, 0);
    let params = constructor.call.params.as_ref().unwrap();
    assert_eq!(
        params.data,
        fvm_ipld_encoding::to_vec(&key_address(44)).unwrap()
    );
    assert_eq!(constructor.code, Some(world.code("account")));
    assert_eq!(
        root.calls[1].call.to,
        key_address(44),
        "as the caller gave it"
    );
    assert_eq!(root.calls[1].code, None, "there was nobody before");

    assert!(root.calls[5].call.read_only);
    assert!(
        root.calls[5]
            .message
            .as_ref()
            .unwrap()
            .contains("unreachable")
    );
    assert!(
        root.charges.is_empty() && root.accesses.is_empty(),
        "not asked for"
    );
}

#[test]
fn a_failing_call_names_the_account_that_goes_with_it() {
    let caller = actor_with(
        &[(1030, &key_address(44).to_bytes())],
        "(drop (call $call (i32.const 1030) (i32.const 21) (i64.const 7) (i64.const 0)
           (i64.const 0) (i64.const -1)))",
    );
    let refuse_seven = "(if (i64.eq (call $method) (i64.const 7))
        (then (call $fail (i32.const 35))))";
    let mut world = World::with_types(|_| actor(refuse_seven))
        .with_actor(ONE, &caller)
        .traced(Tracing::Calls);
    let root = world.call().trace.unwrap();
    assert_eq!(shape(&root), "1001.2=0[1100.7=35[!1100.1=0[]]]");
}

#[test]
fn a_call_that_ends_the_message_is_in_the_tree() {
    let caller = actor_with(
        &[(1024, &id(TWO))],
        "(drop (call $call (i32.const 1024) (i32.const 3) (i64.const 7) (i64.const 0)
           (i64.const 0) (i64.const -1)))",
    );
    let callee = actor("(loop $forever (br $forever))");
    let mut world = World::new()
        .with_actor(ONE, &caller)
        .with_actor(TWO, &callee)
        .traced(Tracing::Calls);
    let mut message = to(ONE);
    message.gas_limit = 100_000_000;
    let applied = world.open().apply(&message, Mode::Unchecked).unwrap();
    assert_eq!(
        shape(applied.trace.as_ref().unwrap()),
        "1001.2=out of gas[1002.7=out of gas[]]"
    );
    assert_eq!(
        applied.trace.unwrap().outcome.exit_code(),
        ExitCode::SYS_OUT_OF_GAS
    );
}

#[test]
fn the_full_trace_accounts_for_all_gas_and_every_block() {
    let caller = actor_with(
        &[
            (1024, &id(TWO)),
            (1030, &key_address(44).to_bytes()),
            (1100, b"\x82\x01\x02"),
        ],
        "(call $check (call $save (i32.const 1100) (i32.const 3)))
         (call $check (call $root (i32.const 600) (i32.const 640) (i32.const 100)))
         (call $check (call $block_open (i32.const 600) (i32.const 640)))
         (call $check (call $call (i32.const 1024) (i32.const 3) (i64.const 7) (i64.const 0)
           (i64.const 0) (i64.const 50000000)))
         (call $check (call $call (i32.const 1030) (i32.const 21) (i64.const 0) (i64.const 0)
           (i64.const 0) (i64.const -1)))",
    );
    let callee = actor("(return (call $number (i32.const 5)))");
    let mut world = World::new()
        .with_actor(ONE, &caller)
        .with_actor(TWO, &callee)
        .traced(Tracing::Full);
    let applied = world.open().apply(&to(ONE), EXPLICIT).unwrap();
    assert_eq!(
        applied.receipt.exit_code,
        ExitCode::OK,
        "{:?}",
        applied.error
    );
    let root = applied.trace.unwrap();

    fn all(trace: &CallTrace) -> (u64, u64) {
        let own = trace
            .charges
            .iter()
            .map(|charge| charge.compute + charge.other)
            .sum::<u64>();
        let (mut sum, mut count) = (own, trace.charges.len() as u64);
        for call in &trace.calls {
            let (more, charges) = all(call);
            // Rounded up, at most by one per part of a charge.
            assert!(
                more >= call.gas_used && more <= call.gas_used + 2 * charges,
                "{call:?}"
            );
            sum += more;
            count += charges;
        }
        (sum, count)
    }
    let (sum, count) = all(&root);
    assert!(sum >= applied.receipt.gas_used && sum <= applied.receipt.gas_used + 2 * count);
    assert_eq!(root.charges[0].name, "OnChainMessage");
    assert!(
        root.calls[0]
            .charges
            .iter()
            .any(|charge| charge.name == "OnBlockCreate")
    );
    let constructor = &root.calls[1].calls[0];
    assert!(
        constructor
            .charges
            .iter()
            .any(|charge| charge.name == "wasm_exec")
    );

    let cid = cid_of(0x71, b"\x82\x01\x02");
    assert_eq!(
        root.accesses,
        [
            StateAccess::Write { cid, size: 3 },
            StateAccess::Head { cid },
            StateAccess::Read { cid, size: 3 }
        ]
    );
}

#[test]
fn nothing_is_recorded_unless_asked_for() {
    let mut world = World::new().with_actor(ONE, &actor("(call $check (call $emit))"));
    assert!(world.call().trace.is_none());
}

#[test]
fn the_record_of_one_message_does_not_leak_into_the_next() {
    let mut world = World::new()
        .with_actor(ONE, &actor("(call $check (call $emit))"))
        .with_actor(TWO, &actor("(unreachable)"))
        .traced(Tracing::Full);
    let mut machine = world.open();
    for _ in 0..2 {
        let failed = machine
            .apply(&to(TWO), Mode::Unchecked)
            .unwrap()
            .trace
            .unwrap();
        assert_eq!(shape(&failed), "1002.2=4[]");
        let trace = machine
            .apply(&to(ONE), Mode::Unchecked)
            .unwrap()
            .trace
            .unwrap();
        assert_eq!(shape(&trace), "1001.2=0[]");
        assert_eq!((trace.events.len(), trace.message), (1, None));
    }
}

#[test]
fn actors_log_where_the_engine_lets_them() {
    let body = "(call $check (call $log (i32.const 256) (i32.const 9)))";
    let mut world = World::new()
        .with_actor(ONE, &actor(body))
        .traced(Tracing::Calls);
    assert!(world.call().trace.unwrap().logs.is_empty());
    world.engine = Engine::new(EngineOptions {
        actor_logs: true,
        ..Default::default()
    });
    assert_eq!(world.call().trace.unwrap().logs, ["it failed"]);
}

#[test]
fn the_error_tells_the_whole_story_of_a_failure_that_was_passed_on() {
    let caller = actor_with(
        &[(1024, &id(TWO))],
        "(call $check (call $call (i32.const 1024) (i32.const 3) (i64.const 7) (i64.const 0)
           (i64.const 0) (i64.const -1)))
         (call $fail (i32.load (i32.const 192)))",
    );
    let callee = actor_with(
        &[(320, &fvm_shared::EMPTY_ARR_CID.to_bytes())],
        "(call $check (call $set_root (i32.const 320)))",
    );
    let applied = World::new()
        .with_actor(ONE, &caller)
        .with_actor(TWO, &callee)
        .call();
    assert_eq!(applied.receipt.exit_code, ExitCode::new(106));
    let error = applied.error.unwrap();
    assert!(
        error.starts_with("it failed; in f01002 method 7: it failed; self::set_root: "),
        "{error}"
    );
    assert!(error.contains("not reachable"), "{error}");
}

/// Answers calls to one actor; remembers all calls.
struct Mock {
    to: Address,
    answer: Outcome,
    seen: Mutex<Vec<Call>>,
}

impl Interceptor for Mock {
    fn before_call(&self, call: &Call) -> Intercept {
        self.seen.lock().unwrap().push(call.clone());
        match call.to == self.to {
            true => Intercept::Answer(self.answer.clone()),
            false => Intercept::Proceed,
        }
    }
}

fn mock(to: u64, answer: Outcome) -> Arc<Mock> {
    Arc::new(Mock {
        to: Address::new_id(to),
        answer,
        seen: Mutex::default(),
    })
}

#[test]
fn an_interceptor_sees_every_call_and_may_answer_for_the_callee() {
    let caller = actor_with(
        &[(1024, &id(4711))],
        "(call $check (call $call (i32.const 1024) (i32.const 3) (i64.const 7) (i64.const 5)
           (i64.const 0) (i64.const -1)))
         (return (call $number (i32.add (i32.load (i32.const 192))
           (call $number_in (i32.load (i32.const 196))))))",
    );
    let data = Some(IpldBlock {
        codec: 0x51,
        data: b"\x1a\0\0\0\x40".to_vec(),
    });
    let answer = Outcome::Returned {
        exit_code: ExitCode::new(33),
        data,
    };
    let mock = mock(4711, answer.clone());
    let interceptor = mock.clone();
    let mut world = World::new()
        .with_actor(ONE, &caller)
        .traced(Tracing::Calls)
        .with_context(|context| context.interceptor = Some(interceptor));
    let applied = world.call();
    assert_eq!(
        applied.receipt.return_data.bytes(),
        b"\x1a\0\0\0\x61",
        "33 + 64"
    );
    let seen = mock.seen.lock().unwrap();
    assert_eq!(
        seen.iter()
            .map(|call| (call.from, call.method))
            .collect::<Vec<_>>(),
        [(ALICE, 2), (ONE, 7)]
    );
    assert_eq!(
        seen[1].value,
        atto(5),
        "which the caller does not even have"
    );
    assert_eq!(applied.trace.unwrap().calls[0].outcome, answer);
}

#[test]
fn an_interceptor_may_refuse_a_call_or_answer_the_message_itself() {
    let caller = actor_with(
        &[(1024, &id(TWO))],
        "(call $check (call $call (i32.const 1024) (i32.const 3) (i64.const 7) (i64.const 0)
           (i64.const 0) (i64.const -1)))",
    );
    for (at, answer, expected) in [
        (TWO, Outcome::Refused(ErrorNumber::Forbidden), 111),
        (TWO, Outcome::Aborted("enough".into()), 7),
        (ONE, Outcome::Refused(ErrorNumber::NotFound), 5),
        (ONE, ended(40), 40),
        (ONE, Outcome::Aborted("enough".into()), 7),
    ] {
        let mut world = World::new()
            .with_actor(ONE, &caller)
            .with_context(|context| context.interceptor = Some(mock(at, answer.clone())));
        assert_eq!(
            world.call().receipt.exit_code,
            ExitCode::new(expected),
            "{at} {answer:?}"
        );
    }
}

#[test]
fn an_upgrade_is_a_call_to_the_new_code() {
    let new = module(
        &[],
        &format!(
            "(func (export \"invoke\") {ENTRY} (return (call $number (i32.const 2))))
             (func (export \"upgrade\") (param $old i32) {ENTRY}
               (call $check (call $emit)) (return (call $number (i32.const 7))))"
        )
        .replace(
            "(param $old i32) (param $params i32)",
            "(param $params i32) (param $old i32)",
        ),
    );
    let world = World::new();
    let code = put_code(&world.store, &new);
    let old = actor_with(
        &[(1024, &code.to_bytes())],
        "(call $check (call $upgrade_actor (i32.const 512) (i32.const 1024) (i32.const 0)))",
    );
    let mut world = world.with_actor(ONE, &old).traced(Tracing::Full);
    let mut machine = world.open();
    let applied = machine.apply(&to(ONE), Mode::Unchecked).unwrap();
    assert_eq!(
        applied.receipt.exit_code,
        ExitCode::OK,
        "{:?}",
        applied.error
    );
    assert_eq!(
        applied.receipt.return_data.bytes(),
        b"\x1a\0\0\0\x07",
        "of the upgrade"
    );
    let trace = applied.trace.unwrap();
    assert_eq!(
        shape(&trace),
        format!("1001.2=0[1001.{METHOD_UPGRADE}=0[]]")
    );
    assert_eq!(
        (trace.calls[0].code, trace.calls[0].events.len()),
        (Some(code), 1)
    );
    assert_eq!(machine.actor(ONE).unwrap().unwrap().code, code);
    let applied = machine.apply(&to(ONE), Mode::Unchecked).unwrap();
    assert_eq!(
        applied.receipt.return_data.bytes(),
        b"\x1a\0\0\0\x02",
        "of the new code"
    );
}
