//! Consensus faults: whether two block headers show that their miner cheated.
//!
//! | fault | two blocks of one miner that |
//! |---|---|
//! | double-fork mining | are of the same epoch |
//! | time-offset mining | have the same parents and are of different epochs |
//! | parent grinding | are such that the later one leaves the earlier one out of its parents, but not a sibling of it, the third header |
//!
//! Whether the blocks could ever be on a chain does not matter, and is not looked at:
//! what counts is that the miner's worker signed both. Its key is that of the state
//! from which the power of miners is taken, 900 epochs before the block; blocks older
//! than that are past judging.

use std::sync::Arc;

use boatyard_miner::schema::{MinerInfo, State as MinerState};
use boatyard_vm::context::{ProofVerifier, VerifyError};
use cid::Cid;
use fvm_ipld_encoding::{CborStore, from_slice};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::consensus::{ConsensusFault, ConsensusFaultType};
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};

use crate::block::BlockHeader;
use crate::core::Core;
use crate::error::ChainError;
use crate::keys;
use crate::view::StateView;

/// Epochs after which a block is final, and between a block and the state that says
/// who may make it.
pub const FINALITY: ChainEpoch = 900;

/// The chain's verifier as messages of an epoch see it: proofs are checked by the
/// scheme, faults by the chain.
pub(crate) struct Judge {
    proofs: Arc<dyn ProofVerifier>,
    core: Arc<Core>,
    epoch: ChainEpoch,
}

impl Judge {
    /// The verifier for messages of an epoch.
    pub fn at(core: &Arc<Core>, epoch: ChainEpoch) -> Arc<Self> {
        Arc::new(Self {
            proofs: core.verifier.clone(),
            core: core.clone(),
            epoch,
        })
    }

    /// Whether the miner's worker signed the block; an error says why not.
    fn is_signed(&self, block: &BlockHeader) -> Result<Result<(), String>, VerifyError> {
        let Some(signature) = &block.block_sig else {
            return Ok(Err("it has no signature".into()));
        };
        if block.height < self.epoch.saturating_sub(FINALITY) {
            return Ok(Err(format!("epoch {} is final", block.height)));
        }
        match self.worker(&block.miner, block.height) {
            Ok(Some(worker)) => Ok(keys::verify(signature, &block.signing_bytes(), &worker)),
            Ok(None) => Ok(Err(format!("{} was no miner then", block.miner))),
            Err(error) => Err(VerifyError::Unable(error.to_string())),
        }
    }

    /// Key address of the worker that could make a miner's block of an epoch.
    fn worker(&self, miner: &Address, height: ChainEpoch) -> Result<Option<Address>, ChainError> {
        let lookback = height.saturating_sub(FINALITY).max(0);
        // What messages of an epoch see ends with the tipset before it.
        let newest = lookback.min(self.epoch - 1);
        let root = match self.core.data().tipsets.at_or_before(newest) {
            Some(tipset) => tipset.state_root,
            None => return Ok(None),
        };
        let state = StateView::new(self.core.store.clone(), root);
        match miner_info(&state, miner)? {
            Some(info) => state.account_key(&info.worker),
            None => Ok(None),
        }
    }
}

/// Whether a miner may make no block at an epoch, for it made two of one not long ago.
///
/// # Errors
/// The state cannot be read.
pub(crate) fn is_barred(
    state: &StateView,
    miner: ActorID,
    height: ChainEpoch,
) -> Result<bool, ChainError> {
    let info = miner_info(state, &Address::new_id(miner))?;
    Ok(info.is_some_and(|info| height <= info.consensus_fault_elapsed))
}

/// Who a miner is; nothing for an actor that is none.
fn miner_info(state: &StateView, miner: &Address) -> Result<Option<MinerInfo>, ChainError> {
    let Some((_, actor)) = state.actor(miner)? else {
        return Ok(None);
    };
    if !state.manifest()?.is(&actor.code, "storageminer") {
        return Ok(None);
    }
    let store = state.store();
    let miner: Option<MinerState> = store.get_cbor(&actor.state).map_err(ChainError::Store)?;
    let miner = miner.ok_or(ChainError::MissingBlock(actor.state))?;
    let info = miner
        .load_info(store)
        .map_err(|error| ChainError::Store(anyhow::anyhow!("{error}")))?;
    Ok(Some(info))
}

impl ProofVerifier for Judge {
    fn verify_post(&self, info: &WindowPoStVerifyInfo) -> Result<bool, VerifyError> {
        self.proofs.verify_post(info)
    }

    fn batch_verify_seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>, VerifyError> {
        self.proofs.batch_verify_seals(seals)
    }

    fn verify_aggregate_seals(
        &self,
        aggregate: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, VerifyError> {
        self.proofs.verify_aggregate_seals(aggregate)
    }

    fn verify_replica_update(&self, update: &ReplicaUpdateInfo) -> Result<bool, VerifyError> {
        self.proofs.verify_replica_update(update)
    }

    fn unsealed_sector_cid(
        &self,
        proof_type: RegisteredSealProof,
        pieces: &[PieceInfo],
    ) -> Result<Cid, VerifyError> {
        self.proofs.unsealed_sector_cid(proof_type, pieces)
    }

    /// Headers that do not decode show no fault.
    fn verify_consensus_fault(
        &self,
        header_1: &[u8],
        header_2: &[u8],
        extra: &[u8],
    ) -> Result<Option<ConsensusFault>, VerifyError> {
        let decode = |bytes: &[u8]| from_slice::<BlockHeader>(bytes).ok();
        let (Some(first), Some(second)) = (decode(header_1), decode(header_2)) else {
            return Ok(None);
        };
        let witness = match extra {
            [] => None,
            bytes => match decode(bytes) {
                Some(witness) => Some(witness),
                None => return Ok(None),
            },
        };
        let Some(fault) = find(&first, &second, witness.as_ref()) else {
            return Ok(None);
        };
        // The third one need not be signed: the second names it as its parent.
        for block in [&first, &second] {
            if let Err(reason) = self.is_signed(block)? {
                tracing::info!(miner = %block.miner, reason, "a reported block does not count");
                return Ok(None);
            }
        }
        Ok(Some(fault))
    }
}

/// The fault that headers show if both are signed, the first being the earlier one
/// where they differ.
fn find(
    first: &BlockHeader,
    second: &BlockHeader,
    witness: Option<&BlockHeader>,
) -> Option<ConsensusFault> {
    let same_block = first.cid() == second.cid();
    if same_block || first.miner != second.miner || second.height < first.height {
        return None;
    }
    first.miner.id().ok()?;
    let mut kind = None;
    if first.height == second.height {
        kind = Some(ConsensusFaultType::DoubleForkMining);
    } else if first.parents == second.parents {
        kind = Some(ConsensusFaultType::TimeOffsetMining);
    }
    if let Some(witness) = witness {
        let siblings = first.parents == witness.parents && first.height == witness.height;
        let has = |block: &BlockHeader| second.parents.contains(&block.cid());
        if siblings && has(witness) && !has(first) {
            kind = Some(ConsensusFaultType::ParentGrinding);
        }
    }
    kind.map(|fault_type| ConsensusFault {
        target: first.miner,
        epoch: second.height,
        fault_type,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Ticket;
    use crate::store::block_cid;
    use fvm_shared::bigint::BigInt;
    use fvm_shared::econ::TokenAmount;

    fn block(miner: u64, height: ChainEpoch, parent: u8, salt: u8) -> BlockHeader {
        let root = block_cid(b"root");
        BlockHeader {
            miner: Address::new_id(miner),
            ticket: Some(Ticket {
                vrf_proof: vec![salt; 96],
            }),
            election_proof: None,
            beacon_entries: Vec::new(),
            win_post_proof: Vec::new(),
            parents: vec![block_cid(&[parent])],
            parent_weight: BigInt::from(7),
            height,
            parent_state_root: root,
            parent_message_receipts: root,
            messages: root,
            bls_aggregate: None,
            timestamp: 1_700_000_000,
            block_sig: None,
            fork_signaling: 0,
            parent_base_fee: TokenAmount::from_atto(100),
        }
    }

    fn kind(
        first: &BlockHeader,
        second: &BlockHeader,
        witness: Option<&BlockHeader>,
    ) -> Option<u8> {
        find(first, second, witness).map(|fault| fault.fault_type as u8)
    }

    const DOUBLE_FORK: Option<u8> = Some(1);
    const GRINDING: Option<u8> = Some(2);
    const TIME_OFFSET: Option<u8> = Some(3);

    #[test]
    fn two_blocks_of_an_epoch_are_a_double_fork() {
        let first = block(1000, 50, 1, 1);
        let fault = find(&first, &block(1000, 50, 2, 2), None).unwrap();
        assert_eq!(fault.target, Address::new_id(1000));
        assert_eq!((fault.epoch, fault.fault_type as u8), (50, 1));
        assert_eq!(kind(&first, &block(1000, 50, 1, 2), None), DOUBLE_FORK);
    }

    #[test]
    fn one_parent_for_two_epochs_is_a_time_offset() {
        let fault = find(&block(1000, 50, 1, 1), &block(1000, 52, 1, 2), None).unwrap();
        assert_eq!((fault.epoch, fault.fault_type as u8), (52, 3));
    }

    #[test]
    fn leaving_out_ones_own_block_for_its_sibling_is_parent_grinding() {
        let (own, sibling) = (block(1000, 50, 1, 1), block(1001, 50, 1, 9));
        let mut later = block(1000, 51, 3, 2);
        later.parents = vec![sibling.cid()];
        assert_eq!(kind(&own, &later, Some(&sibling)), GRINDING);
        // Without the witness nothing is shown.
        assert_eq!(kind(&own, &later, None), None);
        // Nor if the own block is among the parents, or the witness is not, or is no
        // sibling: of another epoch, of other parents.
        let mut both = later.clone();
        both.parents.push(own.cid());
        assert_eq!(kind(&own, &both, Some(&sibling)), None);
        for stranger in [block(1001, 50, 1, 8), own.clone()] {
            assert_eq!(kind(&own, &later, Some(&stranger)), None);
        }
        for cousin in [block(1001, 49, 1, 9), block(1001, 50, 2, 9)] {
            let mut later = later.clone();
            later.parents = vec![cousin.cid()];
            assert_eq!(kind(&own, &later, Some(&cousin)), None);
        }
    }

    #[test]
    fn a_witness_does_not_hide_another_fault() {
        let (first, second) = (block(1000, 50, 1, 1), block(1000, 51, 1, 2));
        let stranger = block(1001, 50, 1, 3);
        assert_eq!(kind(&first, &second, Some(&stranger)), TIME_OFFSET);
    }

    #[test]
    fn honest_blocks_show_no_fault() {
        let first = block(1000, 50, 1, 1);
        for (second, why) in [
            (first.clone(), "the same block"),
            (block(1001, 50, 1, 2), "another miner's"),
            (block(1000, 51, 2, 2), "a block on top of others"),
            (block(1000, 49, 1, 2), "the later one first"),
        ] {
            assert_eq!(kind(&first, &second, None), None, "{why}");
        }
        let mut first = block(1000, 50, 1, 1);
        let mut second = block(1000, 50, 2, 2);
        let key = Address::new_secp256k1(&[4; 65]).unwrap();
        (first.miner, second.miner) = (key, key);
        assert_eq!(kind(&first, &second, None), None, "no ID");
    }
}
