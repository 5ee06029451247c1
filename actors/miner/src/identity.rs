//! Who the miner is: the rules of [`MinerInfo`] (spec 05 §1.1, §3.2, §7).

use boatyard_sdk::{ActorError, Context, exit_codes::*};
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::RegisteredPoStProof;
use num_traits::Zero;

use crate::blocks;
use crate::schema::{BeneficiaryTerm, MinerInfo, State};

/// `MinerInfo::consensus_fault_elapsed` of a miner that never committed one.
const NO_CONSENSUS_FAULT: ChainEpoch = -1;

impl State {
    /// Loads the identity.
    ///
    /// # Errors
    /// Those of [`blocks::get`].
    pub fn load_info(&self, store: &impl Blockstore) -> Result<MinerInfo, ActorError> {
        blocks::get(store, &self.info, "the miner's info")
    }

    /// Stores the identity.
    ///
    /// # Errors
    /// Those of [`blocks::put`].
    pub fn save_info(
        &mut self,
        store: &impl Blockstore,
        info: &MinerInfo,
    ) -> Result<(), ActorError> {
        self.info = blocks::put(store, info, "the miner's info")?;
        Ok(())
    }
}

impl MinerInfo {
    /// A new miner's; all addresses are ID ones.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for an unknown proof type.
    pub fn new(
        owner: Address,
        worker: Address,
        control_addresses: Vec<Address>,
        peer_id: RawBytes,
        multi_address: Vec<RawBytes>,
        window_post_proof_type: RegisteredPoStProof,
    ) -> Result<Self, ActorError> {
        let sector_size = window_post_proof_type
            .sector_size()
            .or_exit(USR_ILLEGAL_ARGUMENT, "the proof type has no sector size")?;
        let window_post_partition_sectors = window_post_proof_type
            .window_post_partition_sectors()
            .or_exit(USR_ILLEGAL_ARGUMENT, "the proof type has no partition size")?;
        Ok(Self {
            owner,
            worker,
            control_addresses,
            pending_worker_key: None,
            peer_id,
            multi_address,
            window_post_proof_type,
            sector_size,
            window_post_partition_sectors,
            consensus_fault_elapsed: NO_CONSENSUS_FAULT,
            pending_owner_address: None,
            beneficiary: owner,
            beneficiary_term: BeneficiaryTerm::default(),
            pending_beneficiary_term: None,
        })
    }

    /// Who may send what a worker sends: control addresses, worker and owner. The
    /// beneficiary is not among them.
    pub fn controllers(&self) -> impl Iterator<Item = &Address> {
        self.control_addresses
            .iter()
            .chain([&self.worker, &self.owner])
    }

    /// Whether the miner is barred for a consensus fault.
    pub fn consensus_fault_active(&self, epoch: ChainEpoch) -> bool {
        epoch <= self.consensus_fault_elapsed
    }

    /// Lets the pending worker take over if its time has come; tells whether it did.
    pub fn confirm_worker(&mut self, epoch: ChainEpoch) -> bool {
        let due = self
            .pending_worker_key
            .take_if(|pending| epoch >= pending.effective_at);
        match due {
            Some(change) => {
                self.worker = change.new_worker;
                true
            }
            None => false,
        }
    }
}

impl BeneficiaryTerm {
    /// attoFIL that the beneficiary may still have.
    pub fn available(&self, epoch: ChainEpoch) -> TokenAmount {
        if self.expiration > epoch {
            (&self.quota - &self.used_quota).max(TokenAmount::zero())
        } else {
            TokenAmount::zero()
        }
    }
}
