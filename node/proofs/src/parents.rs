//! The parent caches: files with the graph of a seal type, which sealing reads.
//!
//! The library takes over a file that a killed run left half written. So a digest is
//! written beside each file once it is complete, and compared at first use.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use filecoin_hashers::poseidon::PoseidonHasher;
use fvm_shared::sector::RegisteredSealProof;
use storage_proofs_core::api_version::ApiVersion;
use storage_proofs_core::drgraph::BASE_DEGREE;
use storage_proofs_core::settings::SETTINGS;
use storage_proofs_porep::stacked::{EXP_DEGREE, StackedBucketGraph};

use crate::guard::guard;
use crate::seal::{SealError, api_type, sector_size};
use crate::shape::nodes;

/// Makes sure that the cache of a seal type is there and whole.
pub(crate) fn ensure(proof: RegisteredSealProof) -> Result<(), SealError> {
    static WHOLE: Mutex<Option<HashSet<i64>>> = Mutex::new(None);
    let mut whole = WHOLE.lock().unwrap_or_else(PoisonError::into_inner);
    let whole = whole.get_or_insert_default();
    if whole.contains(&proof.into()) {
        return Ok(());
    }
    let nodes = nodes(sector_size(proof)?);
    let config = api_type(proof)?.as_v1_config();
    // Without verification the library does not tell the digest of a file it finds.
    if SETTINGS.verify_cache {
        guard(|| check(nodes, config.porep_id, config.api_version)).map_err(SealError::Failed)?;
    }
    whole.insert(proof.into());
    Ok(())
}

fn check(nodes: usize, porep_id: [u8; 32], version: ApiVersion) -> anyhow::Result<()> {
    let graph = StackedBucketGraph::<PoseidonHasher>::new_stacked(
        nodes,
        BASE_DEGREE,
        EXP_DEGREE,
        porep_id,
        version,
    )?;
    let found = graph.parent_cache()?;
    if recorded(&found.path).as_deref() == Some(&found.digest) {
        return Ok(());
    }
    let path = found.path.clone();
    drop(found);
    fs::remove_file(&path)?;
    let made = graph.parent_cache()?;
    fs::write(record(&made.path), &made.digest)?;
    Ok(())
}

fn recorded(path: &std::path::Path) -> Option<String> {
    fs::read_to_string(record(path)).ok()
}

fn record(path: &std::path::Path) -> PathBuf {
    path.with_extension("digest")
}
