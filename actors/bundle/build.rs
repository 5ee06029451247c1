//! Compiles the built-in actors to Wasm for `src/embedded.rs` to include.
//!
//! An actor crate takes part once its manifest names it under
//! `[package.metadata.boatyard]`. For a type without a crate a module is made
//! that refuses every call, for the manifest has sixteen entries.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use boatyard_build::{Actor, Diagnostics, Options, Workspace};

/// The types of built-in actors in the order of the manifest (spec 00 §1). A
/// test compares them with the sdk's.
const MANIFEST: [&str; 16] = [
    "system",
    "init",
    "cron",
    "account",
    "storagepower",
    "storageminer",
    "storagemarket",
    "paymentchannel",
    "multisig",
    "reward",
    "verifiedregistry",
    "datacap",
    "placeholder",
    "evm",
    "eam",
    "ethaccount",
];

/// Part of devnets, but not of the manifest.
const REGISTRY: &str = "registry";

/// What the actors are made of besides their own folders.
const SHARED_SOURCES: [&str; 8] = [
    "Cargo.toml",
    "Cargo.lock",
    "actors/shared/Cargo.toml",
    "actors/shared/src",
    "sdk/actor/Cargo.toml",
    "sdk/actor/src",
    "sdk/macros/Cargo.toml",
    "sdk/macros/src",
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    println!(
        "cargo::rerun-if-env-changed={}",
        boatyard_build::toolchain::RUSTC_VARIABLE
    );
    let workspace = Workspace::open(&here)?;
    let root = workspace.root().to_owned();
    for source in SHARED_SOURCES {
        watch(&root.join(source));
    }
    // A manifest may come to name an actor, so all of them are watched.
    for entry in std::fs::read_dir(root.join("actors"))? {
        let manifest = entry?.path().join("Cargo.toml");
        if manifest.is_file() {
            watch(&manifest);
        }
    }
    let crates = actor_crates(&workspace)?;
    for actor in crates.values() {
        watch(&actor.dir.join("src"));
    }

    let mut table = String::from("&[\n");
    for name in MANIFEST {
        let (file, missing) = match crates.get(name) {
            Some(actor) => (compile(&workspace, actor, &out)?, false),
            None => (stand_in(name, &out)?, true),
        };
        writeln!(
            table,
            "    ({name:?}, include_bytes!({file:?}), {missing}),"
        )?;
    }
    table.push_str("]\n");
    std::fs::write(out.join("manifest.rs"), table)?;
    let registry = match crates.get(REGISTRY) {
        Some(actor) => format!(
            "Some(include_bytes!({:?}))",
            compile(&workspace, actor, &out)?
        ),
        None => "None".to_owned(),
    };
    std::fs::write(out.join("registry.rs"), registry)?;
    Ok(())
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

/// The crates below `actors/` by the actor that each is.
fn actor_crates(workspace: &Workspace) -> Result<BTreeMap<String, Actor>, Box<dyn Error>> {
    let folder = workspace.root().join("actors");
    let mut crates = BTreeMap::new();
    for actor in workspace.actors()? {
        if !actor.dir.starts_with(&folder) {
            continue;
        }
        let name = actor.name.clone();
        if !MANIFEST.contains(&name.as_str()) && name != REGISTRY {
            return Err(format!(
                "package {} says it is the built-in actor `{name}`, which there is not; \
                 one of {}, {REGISTRY}",
                actor.package,
                MANIFEST.join(", ")
            )
            .into());
        }
        if let Some(other) = crates.insert(name.clone(), actor) {
            return Err(format!(
                "two packages say they are `{name}`; one is {}",
                other.package
            )
            .into());
        }
    }
    Ok(crates)
}

fn compile(workspace: &Workspace, actor: &Actor, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let options = Options {
        diagnostics: Diagnostics::Show,
        any_size: true,
        ..Options::default()
    };
    let artifact = workspace.build(Some(&actor.package), &options)?;
    let file = out.join(format!("{}.wasm", actor.name));
    std::fs::write(&file, artifact.wasm)?;
    Ok(file)
}

/// A module that ends every call with USR_UNHANDLED_MESSAGE (22) and says why.
/// The actor's name in it gives each its own code CID.
fn stand_in(name: &str, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let message = format!("this bundle has no code for the built-in actor `{name}`");
    let text = format!(
        r#"(module
            (import "vm" "exit" (func $exit (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "{message}")
            (func (export "invoke") (param i32) (result i32)
                (call $exit (i32.const 22) (i32.const 0) (i32.const 0) (i32.const {}))
                unreachable))"#,
        message.len()
    );
    let file = out.join(format!("{name}.wasm"));
    std::fs::write(&file, wat::parse_str(text)?)?;
    Ok(file)
}
