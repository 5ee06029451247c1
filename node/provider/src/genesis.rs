//! Providers of a devnet: what they have at genesis, and how they join the chain.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use boatyard_chain::genesis::{FIRST_FREE_ID, GenesisProvider, PRESEAL_LIFETIME, PresealedSector};
use boatyard_chain::{ChainHandle, Key};
use boatyard_proofs::Prover;
use boatyard_proofs::seal::{self, SealError};
use boatyard_proofs::sector::{Interaction, SectorSpec, seal_type};
use boatyard_sdk::NetworkVariant;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredSealProof, SectorSize};

use crate::config::ProviderConfig;
use crate::dispute::Watchdog;
use crate::files::{Files, FilesError};
use crate::provider::Provider;
use crate::record::SectorRecord;

/// Number of the sector that every provider has at genesis.
const FIRST_SECTOR: u64 = 0;
/// Folder of the providers in the data directory.
const FOLDER: &str = "providers";

/// What is chosen about a node's providers.
#[derive(Debug, Clone)]
pub struct ProvidersConfig {
    /// How many: f01000 and on.
    pub count: u32,
    /// Bytes in their sectors.
    pub sector_size: SectorSize,
    /// attoFIL that they want for a GiB and an epoch.
    pub ask: TokenAmount,
    /// attoFIL that they want for a byte that they give out.
    pub retrieval_price: TokenAmount,
    /// Where the first one serves its clients, the others on the ports after it; 0 takes
    /// any free ones. Miners say at genesis where they are, unless it is 0.
    pub port: u16,
    /// Address at which they do.
    pub host: IpAddr,
}

impl Default for ProvidersConfig {
    /// None; sectors of 2 KiB; free of charge; on port 8700 and after of this machine.
    fn default() -> Self {
        Self {
            count: 0,
            sector_size: SectorSize::_2KiB,
            ask: TokenAmount::default(),
            retrieval_price: TokenAmount::default(),
            port: 8700,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

impl ProvidersConfig {
    /// Binary multiaddr (`/ip4/…/tcp/…/http`) of a provider by its place, if it is known
    /// before the start.
    fn multiaddr(&self, index: u64) -> Option<Vec<u8>> {
        const IP4: u8 = 0x04;
        const IP6: u8 = 0x29;
        const TCP: u8 = 0x06;
        // 480 as a varint.
        const HTTP: [u8; 2] = [0xe0, 0x03];
        let port = match self.port {
            0 => return None,
            first => u16::try_from(u64::from(first) + index).ok()?,
        };
        let mut address = match self.host {
            // What listens everywhere is reached here.
            host if host.is_unspecified() => vec![IP4, 127, 0, 0, 1],
            IpAddr::V4(host) => [&[IP4][..], &host.octets()].concat(),
            IpAddr::V6(host) => [&[IP6][..], &host.octets()].concat(),
        };
        address.push(TCP);
        address.extend(port.to_be_bytes());
        address.extend(HTTP);
        Some(address)
    }
}

/// Why a provider did not start.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Its files.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Its first sector.
    #[error("the first sector of f0{miner} cannot be sealed: {reason}")]
    Seal {
        /// The miner.
        miner: u64,
        /// Why not.
        reason: SealError,
    },
    /// Nobody could check the others' proofs.
    #[error(transparent)]
    Settings(#[from] boatyard_proofs::settings::SettingsError),
    /// No seal type has this size here.
    #[error("sectors of {0:?} have no seal type here")]
    Size(SectorSize),
}

/// A provider before there is a chain.
pub struct Prepared {
    files: Files,
    record: SectorRecord,
    config: ProviderConfig,
    genesis: GenesisProvider,
}

impl Prepared {
    /// What the genesis says of it.
    pub fn genesis(&self) -> GenesisProvider {
        self.genesis.clone()
    }
}

/// Seals the first sector of each provider, unless that was done already.
///
/// # Errors
/// [`ProviderError`].
pub fn prepare(
    config: &ProvidersConfig,
    variant: NetworkVariant,
    data_dir: Option<&Path>,
    prover: &Arc<dyn Prover>,
) -> Result<Vec<Prepared>, ProviderError> {
    (0..u64::from(config.count))
        .map(|index| {
            let miner = FIRST_FREE_ID + index;
            let directory = data_dir.map(|root| root.join(FOLDER).join(format!("f0{miner}")));
            let mut one = one(config, variant, miner, directory, prover.clone())?;
            one.genesis.multiaddrs.extend(config.multiaddr(index));
            Ok(one)
        })
        .collect()
}

fn one(
    config: &ProvidersConfig,
    variant: NetworkVariant,
    miner: u64,
    directory: Option<PathBuf>,
    prover: Arc<dyn Prover>,
) -> Result<Prepared, ProviderError> {
    let seal_proof = seal_type(config.sector_size, Interaction::Interactive);
    let post_proof = seal_proof
        .registered_window_post_proof()
        .map_err(|_| ProviderError::Size(config.sector_size))?;
    let files = Files::open(directory.as_deref())?;
    let known = files
        .load_sectors()?
        .into_iter()
        .find(|record| record.number == FIRST_SECTOR);
    let record = match known {
        Some(record) if record.is_unknown() => {
            // What it was sealed from is known: the same replica results. Data that was
            // put into it later is lost.
            tracing::error!(
                miner,
                sector = FIRST_SECTOR,
                reason = record.failed,
                "the first sector is sealed again; its damaged record is kept as record.damaged"
            );
            files.set_record_aside(FIRST_SECTOR)?;
            preseal(&files, seal_proof, config.sector_size, miner)?
        }
        Some(record) => record,
        None => preseal(&files, seal_proof, config.sector_size, miner)?,
    };
    let sectors = record.sealed.iter().map(|sealed| PresealedSector {
        number: FIRST_SECTOR,
        seal_proof: sealed.spec.proof,
        sealed_cid: sealed.sealed_cid(),
    });
    Ok(Prepared {
        genesis: GenesisProvider {
            post_proof,
            peer_id: Vec::new(),
            multiaddrs: Vec::new(),
            sectors: sectors.collect(),
        },
        config: ProviderConfig {
            miner,
            // Exchanged for the chain's when it joins.
            worker: Key::bls_from_seed(&[0; 32]),
            variant,
            seal_proof,
            directory,
            prover,
            ask: config.ask.clone(),
            retrieval_price: config.retrieval_price.clone(),
        },
        files,
        record,
    })
}

/// Seals a sector of zeros with a ticket of zeros: there is no chain to draw one from.
fn preseal(
    files: &Files,
    proof: RegisteredSealProof,
    size: SectorSize,
    miner: u64,
) -> Result<SectorRecord, ProviderError> {
    let failed = |reason| ProviderError::Seal { miner, reason };
    tracing::info!(miner, "sealing the provider's first sector");
    let dir = files.sector(FIRST_SECTOR);
    let spec = SectorSpec {
        proof,
        miner,
        number: FIRST_SECTOR,
        ticket: [0; 32],
    };
    let pieces = seal::stage(&dir.unsealed(), size, Vec::new()).map_err(failed)?;
    let sealed = seal::replicate(&dir, &spec, &pieces).map_err(failed)?;
    seal::release(&dir).map_err(failed)?;
    let mut record = SectorRecord::new(FIRST_SECTOR, PRESEAL_LIFETIME, Vec::new());
    record.sealed = Some(sealed);
    record.released = true;
    Ok(record)
}

/// Lets the providers join a chain that has them in its genesis, and somebody who
/// disputes wrong proofs of theirs.
///
/// # Errors
/// [`ProviderError`].
pub fn join(prepared: Vec<Prepared>, chain: &ChainHandle) -> Result<Vec<Provider>, ProviderError> {
    let mut providers = Vec::with_capacity(prepared.len());
    for (one, worker) in prepared.into_iter().zip(chain.worker_keys()) {
        let config = ProviderConfig {
            worker,
            ..one.config
        };
        let provider = Provider::with_files(config, one.files)?;
        provider.remember(one.record)?;
        chain.join(Arc::new(provider.clone()));
        providers.push(provider);
    }
    if let Some(first) = providers.first() {
        let miners = providers.iter().map(|one| one.config().miner).collect();
        let verifier = first.config().prover.scheme().verifier()?;
        let watchdog = Watchdog::new(miners, first.policy(), verifier);
        chain.join(Arc::new(watchdog));
    }
    Ok(providers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn miners_say_where_they_are_if_the_port_is_chosen() {
        let config = ProvidersConfig::default();
        // /ip4/127.0.0.1/tcp/8701/http
        let expected = [4, 127, 0, 0, 1, 6, 0x21, 0xfd, 0xe0, 0x03];
        assert_eq!(config.multiaddr(1), Some(expected.to_vec()));
        let free = ProvidersConfig { port: 0, ..config };
        assert_eq!(free.multiaddr(1), None);
    }
}
