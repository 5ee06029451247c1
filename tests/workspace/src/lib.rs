//! What holds of the workspace as a whole, tested over its files and over
//! `cargo metadata`. No other crate depends on this one.
//!
//! | test | answers |
//! |---|---|
//! | `layers` | does every dependency between our crates point down the map of `docs/architecture` |
//! | `licences` | may every crate that we link be linked |
//! | `texts` | do the paths named in the architecture exist, does every crate open with a map, is nothing of one machine in the files |
//!
//! Checkers report all they find. Advisories are not among it: their database
//! is not a crate, so looking them up needs the network (`cargo audit` does).

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package};

/// The workspace's root folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("this crate lies two folders deep")
        .to_owned()
}

/// What cargo knows of the workspace and of everything it links on this
/// machine and on the FVM. Needs no network after a build.
///
/// # Panics
/// If cargo cannot read the workspace.
pub fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(
            ["--offline", "--locked", "--filter-platform", host()]
                .map(str::to_owned)
                .to_vec(),
        )
        .exec()
        .unwrap_or_else(|error| panic!("cargo metadata: {error}"))
}

/// The folder of one of our packages, relative to the root, as in `node/vm`.
pub fn folder(package: &Package) -> String {
    let folder = package
        .manifest_path
        .parent()
        .expect("a manifest lies in a folder");
    let folder = folder
        .as_std_path()
        .strip_prefix(root())
        .expect("ours lie below the root");
    folder.to_string_lossy().replace('\\', "/")
}

/// The files below a folder whose names end so, without build results.
///
/// # Panics
/// If a folder cannot be read.
pub fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if ![
                    "target",
                    "node_modules",
                    ".git",
                    ".cache",
                    "cache",
                    "artifacts",
                    "out",
                    "broadcast",
                    "deployments",
                ]
                .contains(&name.as_str())
                {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn host() -> &'static str {
    if cfg!(all(target_arch = "aarch64", target_os = "macos")) {
        "aarch64-apple-darwin"
    } else if cfg!(all(target_arch = "x86_64", target_os = "macos")) {
        "x86_64-apple-darwin"
    } else if cfg!(target_arch = "aarch64") {
        "aarch64-unknown-linux-gnu"
    } else {
        "x86_64-unknown-linux-gnu"
    }
}
