//! The built-in actors as Wasm, and the manifest that lists them.
//!
//! The build script compiles every actor crate of this workspace and embeds the
//! modules. A [`Bundle`] is made of them ([`Bundle::embedded`]) or of a file
//! that somebody else built ([`Bundle::from_car`]); a chain starts by
//! installing one into its block store.
//!
//! | module | answers |
//! |---|---|
//! | [`car`] | how a bundle is read from a file and written to one |
//! | `embedded` | what this build carries |
//!
//! Knows nothing of the actors' methods: their descriptions travel in the
//! modules, as JSON ([`Bundle::abi`]).
//!
//! ```
//! use boatyard_bundle::Bundle;
//! use boatyard_sdk::NetworkVariant;
//!
//! let bundle = Bundle::embedded(NetworkVariant::Devnet);
//! assert_eq!(bundle.actors().len(), 16);
//! assert_eq!(bundle.actors()[0].0, "system");
//! let again = Bundle::from_car(&bundle.to_car())?;
//! assert_eq!(again.manifest_cid(), bundle.manifest_cid());
//! # Ok::<(), boatyard_bundle::BundleError>(())
//! ```

mod bundle;
pub mod car;
mod embedded;

pub use bundle::Bundle;
pub use car::BundleError;
