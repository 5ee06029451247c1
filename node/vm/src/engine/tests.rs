use super::*;
use crate::fvm::tests::world::{ENTRY, EXIT, ONE, World, actor, engine, module, put_code, to};
use crate::machine::Mode;

fn text(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap_or_else(|error| panic!("{error}"))
}

const MEMORY: &str = "(memory (export \"memory\") 1)";
const INVOKE: &str = "(func (export \"invoke\") (param i32) (result i32) (i32.const 0))";

#[test]
fn a_small_actor_is_accepted() {
    engine().validate_code(&actor("")).unwrap();
}

/// The table of syscalls is right if a module that imports all of them links.
#[test]
fn a_module_may_import_every_syscall() {
    let imports: String = syscalls::SYSCALLS
        .iter()
        .map(|(module, name, parameters)| {
            let types: Vec<_> = parameters
                .chars()
                .map(|c| if c == 'I' { "i64" } else { "i32" })
                .collect();
            format!(
                "(import \"{module}\" \"{name}\" (func (param {}) (result i32)))",
                types.join(" ")
            )
        })
        .collect();
    let wasm = text(&format!("(module {imports} {MEMORY} {INVOKE})"));
    engine().validate_code(&wasm).unwrap();
    let applied = World::new().with_actor(ONE, &wasm).call();
    assert!(
        applied.receipt.exit_code.is_success(),
        "{:?}",
        applied.error
    );
}

#[test]
fn code_that_cannot_run_is_refused_with_advice() {
    let body = |body: &str| text(&format!("(module {MEMORY} {INVOKE} {body})"));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "no Wasm module"),
        ("text", b"(module)".to_vec(), "no Wasm module"),
        (
            "cut short",
            actor("")[..200].to_vec(),
            "cannot run this module",
        ),
        ("no invoke", text(&format!("(module {MEMORY})")), "#[actor]"),
        (
            "no memory",
            text(&format!("(module {INVOKE})")),
            "no memory called `memory`",
        ),
        (
            "invoke of another type",
            text(&format!(
                "(module {MEMORY} (func (export \"invoke\") (param i64)))"
            )),
            "(i64) -> ()",
        ),
        (
            "invoke is no function",
            text("(module (memory (export \"invoke\") 1))"),
            "a memory",
        ),
        (
            "upgrade of another type",
            body("(func (export \"upgrade\") (param i32) (result i32) (i32.const 0))"),
            "(i32, i32) -> (i32)",
        ),
        (
            "start function",
            body("(func $f) (start $f)"),
            "start function",
        ),
        (
            "unknown import",
            text(&format!(
                "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func)) {MEMORY} {INVOKE})"
            )),
            "wasi_snapshot_preview1::fd_write",
        ),
        (
            "syscall of another type",
            text(&format!(
                "(module (import \"vm\" \"exit\" (func (param i32))) {MEMORY} {INVOKE})"
            )),
            "(i32, i32, i32, i32) -> (i32)",
        ),
        (
            "imported memory",
            text(&format!(
                "(module (import \"env\" \"memory\" (memory 1)) {INVOKE})"
            )),
            "env::memory",
        ),
        ("simd", body("(func (drop (v128.const i64x2 0 0)))"), "SIMD"),
        ("tail call", body("(func $f return_call $f)"), "tail calls"),
        (
            "multi-value",
            body("(func (result i32 i32) (i32.const 0) (i32.const 0))"),
            "multi-value",
        ),
        (
            "reference types",
            body("(func (param externref))"),
            "reference types",
        ),
        (
            "64-bit memory",
            text(&format!(
                "(module (memory (export \"memory\") i64 1) {INVOKE})"
            )),
            "memory64",
        ),
        (
            "threads",
            text(&format!(
                "(module (memory (export \"memory\") 1 1 shared) {INVOKE})"
            )),
            "threads",
        ),
        (
            "table beyond the pool",
            body("(table 30000 funcref)"),
            "does not accept this module",
        ),
        (
            "memory beyond the pool",
            text(&format!(
                "(module (memory (export \"memory\") 20000) {INVOKE})"
            )),
            "does not accept this module",
        ),
    ];
    for (what, wasm, says) in cases {
        let error = engine().validate_code(&wasm).expect_err(what).to_string();
        assert!(error.contains(says), "{what}: {error}");
    }
}

#[test]
fn code_beyond_the_size_limit_is_refused_with_both_sizes() {
    let padding = "x".repeat(1 << 20);
    let wasm = module(
        &[],
        &format!("(func (export \"invoke\") {ENTRY} {EXIT}) (@custom \"pad\" \"{padding}\")"),
    );
    let error = engine().validate_code(&wasm).unwrap_err();
    assert_eq!(
        error,
        CodeError::TooLarge {
            size: wasm.len(),
            max: 1 << 20
        }
    );
}

/// A module for every kind of code that nobody has written: no input may panic.
#[test]
fn damaged_modules_are_errors_or_fine_but_never_a_panic() {
    let sound = actor("(return (call $number (i32.const 1)))");
    let engine = engine();
    for at in (8..sound.len()).step_by(23) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x55;
        // Either verdict will do.
        let _ = engine.validate_code(&damaged);
    }
}

#[test]
fn actors_compiled_ahead_are_ready_and_bad_ones_do_not_stop_the_rest() {
    let engine = engine();
    let mut world =
        World::new().with_actor(ONE, &actor("(return (call $number (i32.const 123456)))"));
    let code = world.open().actor(ONE).unwrap().unwrap().code;
    let bad = put_code(&world.store, b"no wasm");
    let missing = cid::Cid::new_v1(0x55, *code.hash());
    engine.preload(world.store.clone(), [bad, missing, code]);
    engine.preload(world.store.clone(), [world.code("account")]);
    // While that goes on messages are served.
    let applied = world.open().apply(&to(ONE), Mode::Unchecked).unwrap();
    assert!(applied.receipt.exit_code.is_success());
    // The queue empties; its thread ends.
    while engine.0.preloader.is_busy() {
        std::thread::yield_now();
    }
}

#[test]
fn work_on_the_big_stack_may_nest_and_panic() {
    let engine = engine();
    let inner = engine.clone();
    let sum = engine
        .with_big_stack(move || 1 + inner.with_big_stack(|| 2).expect("runs in place"))
        .unwrap();
    assert_eq!(sum, 3);
    let error = engine
        .with_big_stack(|| -> u8 { panic!("on purpose") })
        .unwrap_err();
    assert!(error.to_string().contains("on purpose"), "{error}");
    assert_eq!(engine.with_big_stack(|| 5).unwrap(), 5);
}
