//! Directories and switches of the proof libraries.
//!
//! The libraries read their settings once, at first use, from environment variables
//! and a file in the current directory. Whoever starts a process calls
//! [`use_directory`] first; without it they keep their caches below `/var/tmp`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use storage_proofs_core::settings::{DEFAULT_ROWS_TO_DISCARD, SETTINGS};

/// Folder of the graphs' parent caches inside the directory.
const PARENTS: &str = "parents";
/// Folder of the Groth16 parameters inside the directory.
const PARAMETERS: &str = "parameters";

/// The settings of the proof libraries are not what this crate needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the proof libraries cannot be used: {0}")]
pub struct SettingsError(String);

impl SettingsError {
    pub(crate) fn new(reason: String) -> Self {
        Self(reason)
    }
}

/// Makes the libraries keep caches and parameters below `directory`, and turns off
/// what this crate cannot use. To be called before the first proof, and before
/// other threads read the environment; repeating it with the same directory is fine.
///
/// # Errors
/// When the directory cannot be made, or the libraries were used with others before.
pub fn use_directory(directory: &Path) -> Result<(), SettingsError> {
    static DONE: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if done.as_deref() == Some(directory) {
        return Ok(());
    }
    let parents = made(&directory.join(PARENTS))?;
    let parameters = made(&directory.join(PARAMETERS))?;
    if done.is_none() {
        for (name, value) in [
            ("PARENT_CACHE", parents.as_str()),
            ("PARAMETER_CACHE", parameters.as_str()),
            // A parent cache cut off by a kill would be taken over silently.
            ("VERIFY_CACHE", "true"),
            ("VERIFY_PRODUCTION_PARAMS", "false"),
            ("ROWS_TO_DISCARD", "2"),
            ("USE_MULTICORE_SDR", "false"),
        ] {
            // SAFETY: the caller has no other threads yet that read the environment
            // other than through the standard library, which takes the same lock.
            #[expect(
                unsafe_code,
                reason = "the libraries have no other way of setting these"
            )]
            unsafe {
                std::env::set_var(format!("FIL_PROOFS_{name}"), value);
            }
        }
    }
    check()?;
    if SETTINGS.parent_cache != parents || SETTINGS.parameter_cache != parameters {
        return Err(SettingsError(format!(
            "they use {} already and cannot change to {}",
            SETTINGS.parent_cache,
            directory.display()
        )));
    }
    *done = Some(directory.into());
    Ok(())
}

/// Where Groth16 parameters lie.
///
/// # Errors
/// When the settings do not parse.
pub fn parameters() -> Result<PathBuf, SettingsError> {
    check()?;
    Ok(PathBuf::from(&SETTINGS.parameter_cache))
}

/// Reads the settings, which may fail once and for all.
pub(crate) fn check() -> Result<(), SettingsError> {
    let rows = catch_unwind(AssertUnwindSafe(|| SETTINGS.rows_to_discard)).map_err(|_| {
        SettingsError(
            "a FIL_PROOFS_… environment variable or rust-fil-proofs.config.toml in the \
             current directory holds a value that does not parse; remove it"
                .into(),
        )
    })?;
    if rows != DEFAULT_ROWS_TO_DISCARD {
        return Err(SettingsError(format!(
            "FIL_PROOFS_ROWS_TO_DISCARD is {rows}; trees of sectors need the default, remove it"
        )));
    }
    Ok(())
}

fn made(directory: &Path) -> Result<String, SettingsError> {
    std::fs::create_dir_all(directory)
        .map_err(|error| SettingsError(format!("cannot make {}: {error}", directory.display())))?;
    directory.to_str().map(str::to_owned).ok_or_else(|| {
        SettingsError(format!(
            "the path {} is not Unicode; choose another",
            directory.display()
        ))
    })
}
