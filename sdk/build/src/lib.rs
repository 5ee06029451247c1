//! From an actor's source to a Wasm module that the FVM accepts.
//!
//! Finds a compiler, builds one package's library as a module, checks the
//! module against what the FVM takes and reads the ABI that the sdk left in
//! it. `actors/bundle` builds the built-in actors with it, `boatyard build`
//! those of users. Start at [`Workspace::build`].
//!
//! | module | answers |
//! |---|---|
//! | [`toolchain`] | which compiler there is, or what to install |
//! | [`compile`] | how a package becomes a module, the same one on every machine |
//! | [`check`] | why the FVM would refuse a module |
//! | [`sections`] | what the sdk left in a module besides code: its ABI, the network's number |
//!
//! Knows nothing of CIDs, bundles or chains, and never changes the project it
//! builds, except for its own folder below `target`.
//!
//! ```no_run
//! use boatyard_build::{Options, Workspace};
//!
//! let workspace = Workspace::open("examples/counter".as_ref())?;
//! let artifact = workspace.build(None, &Options::default())?;
//! std::fs::write("counter.wasm", &artifact.wasm)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod check;
pub mod compile;
mod error;
pub mod sections;
pub mod toolchain;

pub use check::{Facts, Problem, check_module};
pub use compile::{Actor, Artifact, Diagnostics, OptLevel, Options, Workspace};
pub use error::BuildError;
pub use sections::{abi, set_network};
pub use toolchain::Toolchain;
