//! A miner's state, as its provider looks at it.

use boatyard_actors_shared::{DeadlineInfo, Policy};
use boatyard_chain::{ChainError, SharedStore, StateView};
use boatyard_miner::schema::{
    Deadline, Deadlines, MinerInfo, Partition, SectorOnChainInfo, SectorPreCommitOnChainInfo, State,
};
use boatyard_sdk::ActorError;
use cid::Cid;
use fvm_ipld_encoding::{CborStore, from_slice};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;
use fvm_shared::state::ActorState;
use serde::de::DeserializeOwned;

/// Why a miner's state cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MinerError {
    /// The chain cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The state is not what an actor of this kind has.
    #[error("the state of {address} cannot be read: {reason}")]
    Actor {
        /// Whose.
        address: Address,
        /// Why not.
        reason: String,
    },
    /// The state is not what a miner's is.
    #[error("the state of the miner: {0}")]
    State(String),
}

impl From<ActorError> for MinerError {
    fn from(error: ActorError) -> Self {
        Self::State(error.to_string())
    }
}

/// An actor, and its state as its own type.
///
/// # Errors
/// [`MinerError`]: there is no such actor, or it is of another kind.
pub(crate) fn decode<S: DeserializeOwned>(
    state: &StateView,
    address: &Address,
) -> Result<(ActorState, S), MinerError> {
    let (actor, block) = state.head_block(address)?;
    let decoded = from_slice(&block).map_err(|error| MinerError::Actor {
        address: *address,
        reason: error.to_string(),
    })?;
    Ok((actor, decoded))
}

/// A miner in some state of the chain.
pub struct MinerView {
    store: SharedStore,
    policy: &'static Policy,
    /// Head of the miner's state.
    pub head: Cid,
    /// attoFIL that it has.
    pub balance: TokenAmount,
    /// Its state.
    pub state: State,
}

impl MinerView {
    /// Reads a miner.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn load(
        state: &StateView,
        policy: &'static Policy,
        miner: ActorID,
    ) -> Result<Self, MinerError> {
        let (actor, decoded) = decode(state, &Address::new_id(miner))?;
        Ok(Self {
            state: decoded,
            store: state.store().clone(),
            policy,
            head: actor.state,
            balance: actor.balance,
        })
    }

    /// Policy of the actors.
    pub fn policy(&self) -> &'static Policy {
        self.policy
    }

    /// Who it is.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn info(&self) -> Result<MinerInfo, MinerError> {
        Ok(self.state.load_info(&self.store)?)
    }

    /// attoFIL that is free: neither locked, pledged, deposited nor owed.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn available_balance(&self) -> Result<TokenAmount, MinerError> {
        Ok(self.state.available_balance(&self.balance)?)
    }

    /// The deadline that is, or is next to be, open at an epoch.
    pub fn deadline_at(&self, epoch: ChainEpoch) -> DeadlineInfo {
        self.state.deadline_info(self.policy, epoch)
    }

    /// All deadlines.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn deadlines(&self) -> Result<Deadlines, MinerError> {
        Ok(self.state.load_deadlines(&self.store)?)
    }

    /// A deadline.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn deadline(&self, deadlines: &Deadlines, index: u64) -> Result<Deadline, MinerError> {
        Ok(deadlines.load(&self.store, index)?)
    }

    /// A deadline's partitions, in order.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn partitions(&self, deadline: &Deadline) -> Result<Vec<Partition>, MinerError> {
        let partitions = deadline.partitions.load(&self.store)?;
        let mut all = Vec::new();
        for index in 0..partitions.count() {
            all.extend(partitions.get(index)?.cloned());
        }
        Ok(all)
    }

    /// A pre-commit that is not proven yet.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn pre_commit(
        &self,
        number: SectorNumber,
    ) -> Result<Option<SectorPreCommitOnChainInfo>, MinerError> {
        let pre_commits = self.state.pre_committed_sectors.load(&self.store)?;
        Ok(pre_commits.get(&number)?.cloned())
    }

    /// A sector that was proven, ended or not.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn sector(&self, number: SectorNumber) -> Result<Option<SectorOnChainInfo>, MinerError> {
        Ok(self.state.get_sector(&self.store, number)?)
    }

    /// Whether a number was used already.
    ///
    /// # Errors
    /// [`MinerError`].
    pub fn is_number_taken(&self, number: SectorNumber) -> Result<bool, MinerError> {
        let taken: Option<fvm_ipld_bitfield::BitField> = self
            .store
            .get_cbor(&self.state.allocated_sectors)
            .map_err(|error| MinerError::State(error.to_string()))?;
        Ok(taken.is_some_and(|taken| taken.get(number)))
    }
}
