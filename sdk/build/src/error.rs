//! Why there is no module.

use std::path::PathBuf;

use crate::check::Problem;

/// Why an actor could not be built, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No compiler that can make Wasm.
    #[error(
        "no Rust toolchain here can build Wasm:\n{}\n\
         install one of\n  \
         rustup target add wasm32-unknown-unknown\n  \
         apt-get install rustc-web rust-web-src lld    (Debian; used with the cargo that is on the PATH)",
        bullets(.looked_at)
    )]
    NoToolchain {
        /// What was tried, and what it lacked.
        looked_at: Vec<String>,
    },
    /// A program could not be started.
    #[error("cannot run {program}: {source}; is it installed and on the PATH?")]
    Start {
        /// The program's name or path.
        program: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// `cargo metadata` failed.
    #[error("cannot read the project in {}: {reason}", .dir.display())]
    Metadata {
        /// The folder it was asked about.
        dir: PathBuf,
        /// Cargo's words.
        reason: String,
    },
    /// The project has no package of that name.
    #[error("no package `{package}` here; there are: {}", .packages.join(", "))]
    NoSuchPackage {
        /// The name asked for.
        package: String,
        /// The names there are.
        packages: Vec<String>,
    },
    /// Several packages, and none was named.
    #[error(
        "the project has several packages, name the actor's with --package: {}",
        .packages.join(", ")
    )]
    WhichPackage {
        /// The names there are.
        packages: Vec<String>,
    },
    /// The package has no library.
    #[error("package `{package}` has no library; an actor is one: put its code into src/lib.rs")]
    NoLibrary {
        /// The package.
        package: String,
    },
    /// `[package.metadata.boatyard]` holds something unknown.
    #[error("package `{package}`, [package.metadata.boatyard]: {reason}")]
    BadSettings {
        /// The package.
        package: String,
        /// Which setting, and what it may be.
        reason: String,
    },
    /// The compiler refused.
    #[error("package `{package}` did not compile for Wasm{}", after_colon(.diagnostics))]
    Compile {
        /// The package.
        package: String,
        /// What the compiler printed, where it was not shown at once.
        diagnostics: String,
    },
    /// Cargo succeeded but named no module.
    #[error(
        "cargo built package `{package}` but named no .wasm file; report this as a bug of boatyard"
    )]
    NoModule {
        /// The package.
        package: String,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The FVM would not take the module.
    #[error("the FVM would refuse the module of `{package}`:\n{}", bullets(.problems))]
    Refused {
        /// The package.
        package: String,
        /// Everything found.
        problems: Vec<Problem>,
    },
    /// The bytes are no module, or a damaged one.
    #[error("not a Wasm module: {0}")]
    NotAModule(String),
    /// The network's number occurs more than once.
    #[error(
        "the module carries the network marker {count} times and it is unclear which counts; \
         read the policy through the sdk only, and do not copy its marker"
    )]
    ManyMarkers {
        /// How often it was found.
        count: usize,
    },
    /// The ABI section is not text.
    #[error("the module's ABI section is damaged: {0}")]
    BadAbi(String),
}

fn bullets<T: std::fmt::Display>(items: &[T]) -> String {
    items
        .iter()
        .map(|item| format!("  - {item}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn after_colon(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(":\n{text}")
    }
}
