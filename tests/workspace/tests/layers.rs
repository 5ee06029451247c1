//! Dependencies between our crates point down.

use boatyard_workspace_tests::{folder, metadata};
use cargo_metadata::DependencyKind;

/// The floors of the house, from the ground up; a folder belongs to the first
/// line that names it or, with `*`, a folder above it. A crate may depend on
/// crates of lower floors, never of its own or higher ones.
const FLOORS: [&[&str]; 13] = [
    &["sdk/macros", "sdk/build"],
    &["sdk/actor"],
    &["sdk/abi"],
    &["actors/shared"],
    &["actors/bundle", "testkit/mock"],
    &["actors/*"],
    &["node/vm", "node/proofs"],
    &["node/chain"],
    &["node/rpc", "node/provider"],
    &["node"],
    &["testkit"],
    &["cli"],
    &["tests/workspace", "examples/*", "sdk/solidity/*"],
];

/// Arrows that go down, but past the handle that is meant to be used.
const FORBIDDEN: [(&str, &str); 2] = [("node/rpc", "node/vm"), ("node/provider", "node/vm")];

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
            if FORBIDDEN.contains(&(from.as_str(), to.as_str())) {
                wrong.push(format!(
                    "{from} depends on {to}, which it has to reach through the chain"
                ));
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
