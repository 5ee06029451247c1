//! Builds the fixtures with the compilers that this machine has.

use std::path::{Path, PathBuf};
use std::process::Command;

use boatyard_build::toolchain::StandardLibrary;
use boatyard_build::{BuildError, OptLevel, Options, Toolchain, Workspace, abi, set_network};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Kept between runs, so that only the first one compiles the dependencies.
fn options() -> Options {
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures");
    Options {
        target_dir: Some(target_dir),
        locked: true,
        ..Options::default()
    }
}

#[test]
fn an_actor_becomes_a_module_with_its_abi_and_its_network() {
    let workspace = Workspace::open(&fixtures().join("counter")).unwrap();
    let mut artifact = workspace.build(None, &options()).unwrap();
    assert_eq!(artifact.package, "counter");
    assert_eq!(artifact.abi.as_deref(), Some(r#"{"actor":"counter"}"#));
    assert_eq!(artifact.abi, abi(&artifact.wasm).unwrap());
    assert!(
        artifact.facts.syscalls.contains("self.set_root"),
        "{:?}",
        artifact.facts
    );
    assert!(!artifact.facts.upgrades);
    assert_eq!(artifact.facts.size_bytes, artifact.wasm.len());
    let unpatched = artifact.wasm.clone();
    assert!(set_network(&mut artifact.wasm, 4).unwrap());
    let changed = unpatched
        .iter()
        .zip(&artifact.wasm)
        .filter(|(old, new)| old != new)
        .count();
    assert_eq!(changed, 1);
}

#[test]
fn every_system_call_has_the_type_that_the_check_expects() {
    let workspace = Workspace::open(&fixtures()).unwrap();
    let artifact = workspace.build(Some("syscalls"), &options()).unwrap();
    assert_eq!(
        artifact.facts.syscalls.len(),
        42,
        "{:?}",
        artifact.facts.syscalls
    );
    assert!(artifact.facts.upgrades);
}

#[test]
fn the_same_source_elsewhere_gives_the_same_module() {
    let here = Workspace::open(&fixtures()).unwrap();
    let module = here.build(Some("counter"), &options()).unwrap().wasm;
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("another/place");
    copy(&fixtures(), &moved);
    // Another target folder as well, for its path must not matter either.
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures-moved");
    let options = Options {
        target_dir: Some(target_dir),
        ..options()
    };
    let again = Workspace::open(&moved)
        .unwrap()
        .build(Some("counter"), &options)
        .unwrap()
        .wasm;
    assert_eq!(module.len(), again.len());
    assert!(module == again, "the modules differ");
}

#[test]
fn nothing_of_this_machine_is_in_a_module() {
    let workspace = Workspace::open(&fixtures()).unwrap();
    let wasm = workspace.build(Some("counter"), &options()).unwrap().wasm;
    let sysroot = workspace.toolchain().sysroot.display().to_string();
    let home = std::env::var("HOME").unwrap_or_else(|_| "/home".to_owned());
    for path in [
        fixtures().display().to_string(),
        home,
        sysroot,
        "/usr".to_owned(),
    ] {
        let path = format!("{path}/");
        let found = wasm
            .windows(path.len())
            .any(|window| window == path.as_bytes());
        assert!(!found, "{path} is in the module");
    }
}

/// What the developer's environment says about native code must not matter.
#[test]
fn flags_for_native_code_do_not_reach_the_module() {
    if std::env::var_os("BOATYARD_TEST_INNER").is_some() {
        let workspace = Workspace::open(&fixtures()).unwrap();
        let wasm = workspace.build(Some("counter"), &options()).unwrap().wasm;
        std::fs::write(std::env::var_os("BOATYARD_TEST_INNER").unwrap(), wasm).unwrap();
        return;
    }
    let workspace = Workspace::open(&fixtures()).unwrap();
    let plain = workspace.build(Some("counter"), &options()).unwrap().wasm;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("inner.wasm");
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "flags_for_native_code_do_not_reach_the_module"])
        .env("BOATYARD_TEST_INNER", &file)
        .env("RUSTFLAGS", "-C target-cpu=native --cfg no_such_thing")
        .env("CARGO_PROFILE_WASM_OPT_LEVEL", "0")
        .status()
        .unwrap();
    assert!(status.success());
    assert!(std::fs::read(file).unwrap() == plain, "the modules differ");
}

#[test]
fn speed_costs_size() {
    let workspace = Workspace::open(&fixtures()).unwrap();
    let build = |opt_level| {
        let options = Options {
            opt_level,
            ..options()
        };
        workspace.build(Some("counter"), &options).unwrap().wasm
    };
    assert_eq!(build(None), build(Some(OptLevel::Size)));
    assert!(build(Some(OptLevel::Speed)).len() > build(Some(OptLevel::Size)).len());
}

#[test]
fn packages_that_cannot_be_built_are_named() {
    let workspace = Workspace::open(&fixtures()).unwrap();
    let error = |package| {
        workspace
            .build(package, &options())
            .unwrap_err()
            .to_string()
    };
    assert!(
        error(Some("tool")).contains("`tool` has no library"),
        "{}",
        error(Some("tool"))
    );
    assert!(
        error(Some("boat")).contains("counter, syscalls, tool"),
        "{}",
        error(Some("boat"))
    );
    assert!(error(None).contains("--package"), "{}", error(None));
    let nowhere = tempfile::tempdir().unwrap();
    let error = Workspace::open(nowhere.path()).unwrap_err();
    assert!(matches!(error, BuildError::Metadata { .. }), "{error}");
}

#[test]
fn what_the_compiler_says_is_in_the_error() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "Cargo.toml",
        "[package]\nname = \"broken\"\nedition = \"2024\"\n",
    );
    write(
        dir.path(),
        "src/lib.rs",
        "pub fn broken() -> u32 { \"not a number\" }\n",
    );
    let options = Options {
        locked: false,
        ..options()
    };
    let error = Workspace::open(dir.path())
        .unwrap()
        .build(None, &options)
        .unwrap_err();
    let message = error.to_string();
    assert!(message.contains("`broken` did not compile"), "{message}");
    assert!(message.contains("mismatched types"), "{message}");
    write(dir.path(), "src/lib.rs", "pub fn no_actor() {}\n");
    let error = Workspace::open(dir.path())
        .unwrap()
        .build(None, &options)
        .unwrap_err();
    assert!(error.to_string().contains("entry!"), "{error}");
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"odd\"\nedition = \"2024\"\n[package.metadata.boatyard]\n";
    write(dir.path(), "src/lib.rs", "");
    for (setting, part) in [
        ("opt-level = \"9\"", "opt-level is"),
        ("actor = 5", "actor is"),
        ("colour = \"red\"", "no setting `colour`"),
    ] {
        write(dir.path(), "Cargo.toml", &format!("{manifest}{setting}\n"));
        let error = Workspace::open(dir.path())
            .unwrap()
            .actors()
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{setting}: {error}");
    }
}

/// Runs where a compiler with the library's sources is installed, as on a
/// Debian machine without rustup's target.
#[test]
fn the_library_can_be_built_from_its_sources() {
    let system = Path::new("/usr/bin/rustc");
    let sources = Path::new("/usr/lib/rustlib/src/rust/library/std/Cargo.toml");
    if !(system.is_file() && sources.is_file()) {
        eprintln!("skipped: the packages rustc-web and rust-web-src are not installed");
        return;
    }
    let found = Toolchain::find(&fixtures()).unwrap();
    let toolchain = Toolchain {
        rustc: system.into(),
        sysroot: "/usr".into(),
        standard: StandardLibrary::FromSource,
        linker: Some("/usr/bin/wasm-ld".into()),
        ..found
    };
    let workspace = Workspace::open_with(&fixtures().join("counter"), toolchain).unwrap();
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures-from-source");
    let options = Options {
        target_dir: Some(target_dir),
        ..options()
    };
    let artifact = workspace.build(None, &options).unwrap();
    assert_eq!(artifact.abi.as_deref(), Some(r#"{"actor":"counter"}"#));
    for path in ["/usr/", "/home/", "/root/"] {
        let found = artifact
            .wasm
            .windows(path.len())
            .any(|window| window == path.as_bytes());
        assert!(!found, "{path} is in the module");
    }
}

fn write(dir: &Path, name: &str, text: &str) {
    let file = dir.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
