//! Where the proof libraries keep what they make once.

use std::path::PathBuf;

use boatyard_proofs::settings;

use crate::failure::Failure;

/// Names the directory in place of the user's cache.
const VARIABLE: &str = "BOATYARD_CACHE";

/// Points the proof libraries to the user's cache directory. To be called while the
/// process has one thread.
///
/// # Errors
/// The directory cannot be used.
pub fn use_cache() -> Result<(), Failure> {
    let directory = cache_directory().join("proofs");
    settings::use_directory(&directory).map_err(|error| {
        Failure::new("the proof libraries cannot keep their files")
            .because(error)
            .help("BOATYARD_CACHE=DIRECTORY chooses another place for them")
    })
}

fn cache_directory() -> PathBuf {
    let named = |variable| std::env::var_os(variable).filter(|path| !path.is_empty());
    named(VARIABLE)
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(named("XDG_CACHE_HOME")?).join("boatyard")))
        .or_else(|| Some(PathBuf::from(named("HOME")?).join(".cache/boatyard")))
        .unwrap_or_else(|| std::env::temp_dir().join("boatyard"))
}
