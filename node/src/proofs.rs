//! Who checks proofs while there are no providers.

use boatyard_vm::context::{ProofVerifier, VerifyError};
use cid::Cid;
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};

/// Believes nothing: no proof is valid, no consensus fault is proven, no
/// commitment can be computed. Right for a node that cannot check any of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProofs;

impl ProofVerifier for NoProofs {
    fn verify_post(&self, _: &WindowPoStVerifyInfo) -> Result<bool, VerifyError> {
        Ok(false)
    }

    fn batch_verify_seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>, VerifyError> {
        Ok(vec![false; seals.len()])
    }

    fn verify_aggregate_seals(
        &self,
        _: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, VerifyError> {
        Ok(false)
    }

    fn verify_replica_update(&self, _: &ReplicaUpdateInfo) -> Result<bool, VerifyError> {
        Ok(false)
    }

    fn unsealed_sector_cid(
        &self,
        _: RegisteredSealProof,
        _: &[PieceInfo],
    ) -> Result<Cid, VerifyError> {
        Err(VerifyError::Malformed(
            "this node computes no commitments of sectors".into(),
        ))
    }

    fn verify_consensus_fault(
        &self,
        _: &[u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<Option<ConsensusFault>, VerifyError> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_believed() {
        assert_eq!(
            NoProofs.batch_verify_seals(&[]).unwrap(),
            Vec::<bool>::new()
        );
        assert!(
            NoProofs
                .verify_consensus_fault(&[], &[], &[])
                .unwrap()
                .is_none()
        );
        let commitment = NoProofs.unsealed_sector_cid(RegisteredSealProof::StackedDRG2KiBV1P1, &[]);
        assert!(matches!(commitment, Err(VerifyError::Malformed(_))));
    }
}
