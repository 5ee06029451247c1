//! What can be chosen about a provider.

use std::path::PathBuf;
use std::sync::Arc;

use boatyard_chain::Key;
use boatyard_proofs::Prover;
use boatyard_sdk::NetworkVariant;
use fvm_shared::ActorID;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredSealProof, SectorSize};

/// What a provider is started with.
#[derive(Clone)]
pub struct ProviderConfig {
    /// Its miner.
    pub miner: ActorID,
    /// Key of the miner's worker, which sends and pays for all its messages.
    pub worker: Key,
    /// Policy of the actors.
    pub variant: NetworkVariant,
    /// How it seals; decides the sectors' size.
    pub seal_proof: RegisteredSealProof,
    /// Where its files lie; `None` for a directory that is gone when it stops.
    pub directory: Option<PathBuf>,
    /// Who makes its proofs.
    pub prover: Arc<dyn Prover>,
    /// attoFIL that it wants for a GiB and an epoch, at least.
    pub ask: TokenAmount,
    /// attoFIL that it wants for a byte given out; 0 for nothing.
    pub retrieval_price: TokenAmount,
}

/// What a provider asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// attoFIL for a GiB (2^30 padded bytes) and an epoch.
    pub price: TokenAmount,
    /// The same where the client spends datacap.
    pub verified_price: TokenAmount,
    /// Smallest piece in padded bytes.
    pub min_piece_size: u64,
    /// Largest piece in padded bytes.
    pub max_piece_size: u64,
    /// Shortest deal in epochs.
    pub min_duration: ChainEpoch,
    /// Epochs from now until the end of the longest-lasting deal.
    pub max_duration: ChainEpoch,
    /// Epochs that publishing, sealing and proving may take.
    pub start_delay: ChainEpoch,
}

impl ProviderConfig {
    /// Bytes in a sector.
    ///
    /// # Panics
    /// Never: seal types of no size are refused by [`crate::Provider::start`].
    pub fn sector_size(&self) -> SectorSize {
        self.seal_proof.sector_size().unwrap_or(SectorSize::_2KiB)
    }
}
