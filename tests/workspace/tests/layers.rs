//! Dependencies between our crates point down.

use boatyard_workspace_tests::{files, folder, metadata, root};
use cargo_metadata::DependencyKind;

/// The floors of the house, from the ground up; a folder belongs to the first
/// line that names it or, with `*`, a folder above it. A crate may depend on
/// crates of lower floors, never of its own or higher ones.
const FLOORS: [&[&str]; 14] = [
    &["sdk/macros", "sdk/build", "sdk/dag"],
    &["sdk/actor"],
    &["sdk/abi"],
    &["actors/shared"],
    &["actors/bundle", "testkit/mock", "testkit/probe"],
    &["actors/*"],
    &["node/vm", "node/proofs"],
    &["testkit/invariants", "testkit/fuzz"],
    &["node/chain"],
    &["node/rpc", "node/provider"],
    &["node"],
    &["testkit"],
    &["cli"],
    &["tests/workspace", "examples/*", "sdk/solidity/*"],
];

/// Crates that talk to the chain through its handle, and the modules of the
/// machines' crate whose data types they may name all the same.
const THROUGH_THE_HANDLE: [&str; 2] = ["node/rpc/src", "node/provider/src"];
const DATA_OF_THE_MACHINES: [&str; 4] = ["apply", "context", "machine", "trace"];

fn floor(folder: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| {
        floor.iter().any(|place| match place.strip_suffix("/*") {
            Some(above) => folder
                .strip_prefix(above)
                .is_some_and(|rest| rest.starts_with('/')),
            None => *place == folder,
        })
    })
}

#[test]
fn arrows_between_our_crates_point_down() {
    let metadata = metadata();
    let ours = metadata.workspace_packages();
    let mut wrong = Vec::new();
    for package in &ours {
        let from = folder(package);
        let Some(floor_from) = floor(&from) else {
            wrong.push(format!(
                "{from} has no floor; give it one here and in docs/architecture"
            ));
            continue;
        };
        for dependency in &package.dependencies {
            // Tests may use what stands above: the mock, the test kit.
            if dependency.kind == DependencyKind::Development {
                continue;
            }
            let Some(to) = ours.iter().find(|package| package.name == dependency.name) else {
                continue;
            };
            let to = folder(to);
            if floor(&to).is_some_and(|floor_to| floor_to >= floor_from) {
                wrong.push(format!(
                    "{from} depends on {to}, which does not stand below it"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn nothing_above_the_chain_reaches_into_the_machines() {
    let mut wrong = Vec::new();
    for folder in THROUGH_THE_HANDLE.map(|folder| root().join(folder)) {
        if !folder.exists() {
            continue;
        }
        for file in files(&folder, &[".rs"]) {
            let text = std::fs::read_to_string(&file).expect("the file was just listed");
            for rest in text.split("boatyard_vm::").skip(1) {
                let module: String = rest
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if !DATA_OF_THE_MACHINES.contains(&module.as_str()) {
                    wrong.push(format!("{}: boatyard_vm::{module}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn floors_are_found_by_folder() {
    assert_eq!(floor("actors/init"), floor("actors/evm"));
    assert!(floor("actors/shared") < floor("actors/init"));
    assert!(floor("node") > floor("node/rpc"));
    assert_eq!(floor("actors"), None);
    assert_eq!(floor("harbour"), None);
}
