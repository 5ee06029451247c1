use super::*;

/// The smallest good actor, with more text in it.
fn actor(imports: &str, more: &str) -> Vec<u8> {
    let text = format!(
        r#"(module {imports} (memory (export "memory") 1)
            (func (export "invoke") (param i32) (result i32) i32.const 0) {more})"#
    );
    wat::parse_str(text).unwrap()
}

fn problems(wasm: &[u8]) -> Vec<Problem> {
    check_module(wasm, Some(MAX_MODULE_BYTES)).expect_err("the module is bad")
}

#[test]
fn a_good_module_is_described() {
    let exit = r#"(import "vm" "exit" (func (param i32 i32 i32 i32) (result i32)))"#;
    let upgrade = r#"(func (export "upgrade") (param i32 i32) (result i32) i32.const 0)"#;
    let wasm = actor(exit, upgrade);
    let facts = check_module(&wasm, Some(MAX_MODULE_BYTES)).unwrap();
    assert_eq!(facts.size_bytes, wasm.len());
    assert!(facts.upgrades);
    assert_eq!(facts.syscalls, BTreeSet::from(["vm.exit".to_owned()]));
    assert!(!check_module(&actor("", ""), None).unwrap().upgrades);
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    for bytes in [
        &b""[..],
        b"\0asm",
        b"hello, world",
        b"\0asm\x01\0\0\0\x01\xff\xff",
    ] {
        let found = problems(bytes);
        assert!(
            matches!(found[..], [Problem::Invalid { .. }]),
            "{bytes:?}: {found:?}"
        );
    }
}

#[test]
fn every_truncation_is_refused_without_a_panic() {
    // `memory.init` makes the module announce its data, which otherwise could
    // be cut off with a valid module left.
    let whole = actor(
        r#"(import "gas" "available" (func (param i32) (result i32)))"#,
        r#"(table 2 funcref) (elem (i32.const 0) 0 1) (data "abc")
           (func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 3)))"#,
    );
    check_module(&whole, None).unwrap();
    for length in 0..whole.len() {
        assert!(
            check_module(&whole[..length], None).is_err(),
            "{length} bytes were accepted"
        );
    }
}

#[test]
fn missing_exports_are_all_named() {
    let found = problems(&wat::parse_str("(module)").unwrap());
    assert_eq!(
        found,
        [
            Problem::NoExport { name: "memory" },
            Problem::NoExport { name: "invoke" }
        ]
    );
    assert!(found[1].to_string().contains("entry!"), "{}", found[1]);
}

#[test]
fn exports_of_another_type_are_refused() {
    let invoke = r#"(module (memory (export "memory") 1) (func (export "invoke") (param i64)))"#;
    let found = problems(&wat::parse_str(invoke).unwrap());
    assert!(
        matches!(&found[..], [Problem::WrongExport { name, found, wanted }]
            if name == "invoke" && found == "(i64) -> ()" && wanted == "(i32) -> (i32)"),
        "{found:?}"
    );
    let global =
        r#"(module (memory (export "memory") 1) (global (export "invoke") i32 i32.const 0))"#;
    let found = problems(&wat::parse_str(global).unwrap());
    assert!(
        matches!(&found[..], [Problem::WrongExport { .. }]),
        "{found:?}"
    );
    let found = problems(&actor(
        "",
        r#"(func (export "upgrade") (param i32) (result i32) i32.const 0)"#,
    ));
    assert!(
        matches!(&found[..], [Problem::WrongExport { .. }]),
        "{found:?}"
    );
}

#[test]
fn imports_are_system_calls_of_the_right_type() {
    for (what, import) in [
        (
            "WASI",
            r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32) (result i32)))"#,
        ),
        (
            "unknown call",
            r#"(import "vm" "run" (func (param i32) (result i32)))"#,
        ),
        ("memory", r#"(import "env" "memory" (global i32))"#),
    ] {
        let found = problems(&actor(import, ""));
        assert!(
            matches!(&found[..], [Problem::ForeignImport { .. }]),
            "{what}: {found:?}"
        );
    }
    let wrong = r#"(import "vm" "exit" (func (param i32)))"#;
    let found = problems(&actor(wrong, ""));
    assert!(
        matches!(&found[..], [Problem::WrongImport { .. }]),
        "{found:?}"
    );
}

#[test]
fn features_the_fvm_lacks_are_refused() {
    for (what, more) in [
        (
            "multiple results",
            "(func (result i32 i32) i32.const 0 i32.const 0)",
        ),
        ("SIMD", "(func (result v128) v128.const i64x2 0 0)"),
        ("reference types", "(func (param externref))"),
        ("tail calls", "(func return_call 0)"),
        (
            "extended constants",
            "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
        ),
        ("atomics", "(func atomic.fence)"),
        ("a second memory", "(memory 1)"),
        ("a memory of 64 bits", "(memory i64 1)"),
        ("exceptions", "(tag)"),
    ] {
        let text = format!(
            r#"(module (memory (export "memory") 1)
            (func (export "invoke") (param i32) (result i32) i32.const 0) {more})"#
        );
        let found = problems(&wat::parse_str(text).unwrap());
        assert!(
            matches!(found[..], [Problem::Invalid { .. }, ..]),
            "{what}: {found:?}"
        );
    }
    for (what, more) in [
        (
            "sign extension",
            "(func (param i32) (result i32) local.get 0 i32.extend8_s)",
        ),
        (
            "bulk memory",
            "(func i32.const 0 i32.const 0 i32.const 0 memory.fill)",
        ),
        (
            "saturating",
            "(func (param f64) (result i32) local.get 0 i32.trunc_sat_f64_s)",
        ),
        (
            "mutable globals",
            r#"(global (export "g") (mut i32) i32.const 0)"#,
        ),
    ] {
        check_module(&actor("", more), None).unwrap_or_else(|found| panic!("{what}: {found:?}"));
    }
}

#[test]
fn limits_of_size_memory_and_table_hold() {
    let wasm = actor("", "");
    assert_eq!(
        check_module(&wasm, Some(wasm.len() - 1)).unwrap_err(),
        [Problem::TooLarge {
            size: wasm.len(),
            limit: wasm.len() - 1
        }]
    );
    assert!(check_module(&wasm, Some(wasm.len())).is_ok());
    let memory = |pages: u64| {
        let text = format!(
            r#"(module (memory (export "memory") {pages})
            (func (export "invoke") (param i32) (result i32) i32.const 0))"#
        );
        check_module(&wat::parse_str(text).unwrap(), None)
    };
    assert!(memory(8192).is_ok());
    assert_eq!(
        memory(8193).unwrap_err(),
        [Problem::MemoryTooLarge { pages: 8193 }]
    );
    assert!(check_module(&actor("", "(table 20000 funcref)"), None).is_ok());
    assert_eq!(
        problems(&actor("", "(table 20001 funcref)")),
        [Problem::TableTooLarge { entries: 20001 }]
    );
}
