//! Groth16 parameters for sectors of 2 KiB.
//!
//! About 1.8 GB in five files, made once. A file that a killed run left unfinished is
//! never repaired by the library; so a record with the digests of the verifying keys
//! and the lengths of the others is written when a part is complete, and a part
//! without one is made anew.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use filecoin_proofs::parameters::{
    public_params, window_post_public_params, winning_post_public_params,
};
use filecoin_proofs_api as api;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use storage_proofs_core::compound_proof::CompoundProof;
use storage_proofs_core::parameter_cache::{
    CacheableParameters, parameter_cache_params_path, parameter_cache_srs_key_path,
    parameter_cache_verifying_key_path,
};
use storage_proofs_porep::stacked::{StackedCompound, StackedDrg};
use storage_proofs_post::fallback::{FallbackPoSt, FallbackPoStCircuit, FallbackPoStCompound};
use storage_proofs_update::{
    EmptySectorUpdate, EmptySectorUpdateCircuit, EmptySectorUpdateCompound,
};

use crate::block::digest;
use crate::guard::guard;
use crate::settings::{self, SettingsError};
use crate::shape::{DataHasher, SectorShapeBase};

/// The shape of the sectors that parameters are made for.
type S = SectorShapeBase;
type Seal = StackedCompound<S, DataHasher>;
type Post = FallbackPoStCompound<S>;
type Update = EmptySectorUpdateCompound<S>;

/// Bytes of the sectors that parameters are made for.
pub const SECTOR_BYTES: u64 = 2048;
/// Most proofs in an aggregate: 819 seals, rounded up to a power of two.
pub(crate) const MAX_AGGREGATED: usize = 1024;

/// A part of the parameters, one circuit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Proofs of spacetime in windows.
    Window,
    /// Proofs of spacetime for blocks.
    Winning,
    /// Replica updates.
    Update,
    /// Proofs of replication of all types.
    Seal,
    /// Aggregating proofs of replication; needs [`Self::Seal`].
    Aggregation,
}

impl Part {
    /// All parts in the order in which they are made, the quick ones first.
    pub const ALL: [Self; 5] = [
        Self::Window,
        Self::Winning,
        Self::Update,
        Self::Seal,
        Self::Aggregation,
    ];

    /// What it is for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Window => "window PoSt",
            Self::Winning => "winning PoSt",
            Self::Update => "replica update",
            Self::Seal => "seal",
            Self::Aggregation => "aggregation",
        }
    }

    /// About how many seconds two processor cores take for it.
    pub fn seconds(self) -> u64 {
        match self {
            Self::Window => 6,
            Self::Winning => 20,
            Self::Update => 240,
            Self::Seal => 400,
            Self::Aggregation => 5,
        }
    }

    fn slug(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Winning => "winning",
            Self::Update => "update",
            Self::Seal => "seal",
            Self::Aggregation => "aggregation",
        }
    }

    /// Its own, so that the files do not depend on the order in which they are made.
    fn random(self) -> ChaCha20Rng {
        let name = format!("boatyard/groth16/2KiB/{}/1", self.slug());
        ChaCha20Rng::from_seed(digest(name.as_bytes()))
    }

    /// The file with the verifying key, and the larger one.
    fn files(self) -> anyhow::Result<(Option<PathBuf>, PathBuf)> {
        let id = match self {
            Self::Seal | Self::Aggregation => seal_id()?,
            Self::Window | Self::Winning => {
                let config = post_type(self).as_v1_config();
                config.get_cache_identifier::<S>()?
            }
            Self::Update => <Update as CacheableParameters<
                EmptySectorUpdateCircuit<S>,
                storage_proofs_update::PublicParams,
            >>::cache_identifier(&update_params()),
        };
        Ok(match self {
            Self::Aggregation => (None, parameter_cache_srs_key_path(&id, MAX_AGGREGATED)),
            _ => (
                Some(parameter_cache_verifying_key_path(&id)),
                parameter_cache_params_path(&id),
            ),
        })
    }

    fn make(self) -> anyhow::Result<()> {
        let random = &mut self.random();
        match self {
            Self::Window | Self::Winning => {
                let config = post_type(self).as_v1_config();
                let parameters = match self {
                    Self::Window => window_post_public_params::<S>(&config)?,
                    _ => winning_post_public_params::<S>(&config)?,
                };
                type P = FallbackPoStCircuit<S>;
                <Post as CompoundProof<FallbackPoSt<'_, S>, P>>::groth_params(
                    Some(random),
                    &parameters,
                )?;
                <Post as CompoundProof<FallbackPoSt<'_, S>, P>>::verifying_key::<ChaCha20Rng>(
                    None,
                    &parameters,
                )?;
            }
            Self::Update => {
                type C = EmptySectorUpdateCircuit<S>;
                let parameters = update_params();
                <Update as CompoundProof<EmptySectorUpdate<S>, C>>::groth_params(
                    Some(random),
                    &parameters,
                )?;
                <Update as CompoundProof<EmptySectorUpdate<S>, C>>::verifying_key::<ChaCha20Rng>(
                    None,
                    &parameters,
                )?;
            }
            Self::Seal => {
                let parameters = public_params::<S>(&seal_type().as_v1_config())?;
                <Seal as CompoundProof<StackedDrg<'_, S, DataHasher>, _>>::groth_params(
                    Some(random),
                    &parameters,
                )?;
                <Seal as CompoundProof<StackedDrg<'_, S, DataHasher>, _>>::verifying_key::<
                    ChaCha20Rng,
                >(None, &parameters)?;
            }
            Self::Aggregation => {
                let parameters = public_params::<S>(&seal_type().as_v1_config())?;
                <Seal as CompoundProof<StackedDrg<'_, S, DataHasher>, _>>::srs_key(
                    Some(random),
                    &parameters,
                    MAX_AGGREGATED,
                )?;
            }
        }
        Ok(())
    }

    fn record(self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.complete", self.slug()))
    }

    /// What a complete part looks like: the verifying key's digest and the length of
    /// the larger file.
    fn fingerprint(self) -> anyhow::Result<String> {
        let (key, large) = self.files()?;
        let key = match key {
            Some(key) => format!("{:02x?}", digest(&fs::read(key)?)),
            None => String::from("none"),
        };
        Ok(format!("key {key}, {} bytes\n", fs::metadata(large)?.len()))
    }

    /// Whether the part is there and whole.
    pub fn is_complete(self) -> bool {
        let Ok(directory) = settings::parameters() else {
            return false;
        };
        match (
            fs::read_to_string(self.record(&directory)),
            self.fingerprint(),
        ) {
            (Ok(recorded), Ok(found)) => recorded == found,
            _ => false,
        }
    }
}

/// What [`make`] tells while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A part is there already.
    Present(Part),
    /// A part is being made.
    Started(Part),
    /// A part was made, and how long it took.
    Made(Part, Duration),
}

/// Why parameters cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The libraries cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file cannot be written or deleted.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// The library failed.
    #[error("making the parameters for {part} failed: {reason}")]
    Failed {
        /// For what.
        part: &'static str,
        /// Why.
        reason: String,
    },
}

/// Makes `parts` that are missing. Takes minutes and, for seals, 3 GB of memory.
///
/// # Errors
/// Files that cannot be written; failures of the library.
pub fn make(parts: &[Part], mut tell: impl FnMut(Progress)) -> Result<(), SetupError> {
    let directory = settings::parameters()?;
    let at = |path: &Path, result: io::Result<()>| {
        result.map_err(|reason| SetupError::File {
            path: path.into(),
            reason,
        })
    };
    at(&directory, fs::create_dir_all(&directory))?;
    for part in parts {
        if part.is_complete() {
            tell(Progress::Present(*part));
            continue;
        }
        let failed = |reason| SetupError::Failed {
            part: part.name(),
            reason,
        };
        let started = Instant::now();
        tell(Progress::Started(*part));
        let (key, large) = guard(|| part.files()).map_err(failed)?;
        let record = part.record(&directory);
        for leftover in key.iter().chain([&large, &record]) {
            match fs::remove_file(leftover) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    at(leftover, Err(error))?;
                }
                _ => {}
            }
        }
        guard(|| part.make()).map_err(failed)?;
        let fingerprint = guard(|| part.fingerprint()).map_err(failed)?;
        at(&record, fs::write(&record, fingerprint))?;
        tell(Progress::Made(*part, started.elapsed()));
    }
    Ok(())
}

/// The parts that are missing.
pub fn missing() -> Vec<Part> {
    Part::ALL
        .into_iter()
        .filter(|part| !part.is_complete())
        .collect()
}

fn seal_type() -> api::RegisteredSealProof {
    api::RegisteredSealProof::StackedDrg2KiBV1_1
}

fn seal_id() -> anyhow::Result<String> {
    seal_type().circuit_identifier()
}

fn post_type(part: Part) -> api::RegisteredPoStProof {
    match part {
        Part::Winning => api::RegisteredPoStProof::StackedDrgWinning2KiBV1,
        _ => api::RegisteredPoStProof::StackedDrgWindow2KiBV1_2,
    }
}

fn update_params() -> storage_proofs_update::PublicParams {
    storage_proofs_update::PublicParams::from_sector_size(SECTOR_BYTES)
}
