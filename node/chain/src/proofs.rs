//! Proofs as machines ask for them: a scheme's verifier over the chain's blocks.

use std::sync::Arc;

use boatyard_proofs::statement::{
    AggregateStatement, MalformedStatement, PostStatement, SealStatement, UpdateStatement,
};
use boatyard_proofs::{Statement, Verdict, Verifier, commitment, piece, stand_in};
use boatyard_vm::context::{ProofVerifier, VerifyError};
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, PoStProof, RegisteredSealProof, ReplicaUpdateInfo,
    SealVerifyInfo, WindowPoStVerifyInfo, WinningPoStVerifyInfo,
};

use crate::error::ChainError;

/// Checks what messages prove, with proof blocks from the chain's store.
pub struct ChainProofs {
    verifier: Arc<dyn Verifier>,
    blocks: SharedStore,
}

impl ChainProofs {
    /// A verifier, and the store that holds the blocks of proofs.
    pub fn new(verifier: Arc<dyn Verifier>, blocks: SharedStore) -> Self {
        Self { verifier, blocks }
    }

    /// Whether the proof in a block's header shows that the miner stores the sector
    /// drawn for it.
    ///
    /// # Errors
    /// As the methods of [`ProofVerifier`].
    pub fn verify_winning(&self, info: &WinningPoStVerifyInfo) -> Result<bool, VerifyError> {
        let statement = PostStatement::try_from(info).map_err(malformed)?;
        self.check(&Statement::Winning(statement), only(&info.proofs)?)
    }

    fn check(&self, statement: &Statement, proof: &[u8]) -> Result<bool, VerifyError> {
        match self.verifier.verify(statement, proof, &self.blocks) {
            Verdict::Valid => Ok(true),
            Verdict::Invalid(reason) => {
                tracing::info!(kind = statement.kind(), reason, "a proof is invalid");
                Ok(false)
            }
            Verdict::Missing(cid) => Err(VerifyError::MissingBlock(cid)),
            Verdict::Unable(reason) => Err(VerifyError::Unable(reason)),
        }
    }
}

impl ProofVerifier for ChainProofs {
    fn verify_post(&self, info: &WindowPoStVerifyInfo) -> Result<bool, VerifyError> {
        let statement = PostStatement::try_from(info).map_err(malformed)?;
        self.check(&Statement::Window(statement), only(&info.proofs)?)
    }

    fn batch_verify_seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>, VerifyError> {
        seals
            .iter()
            .map(|info| match SealStatement::try_from(info) {
                Ok(statement) => self.check(&Statement::Seal(statement), &info.proof),
                // One that makes no sense does not spoil the batch (spec 11 §2).
                Err(_) => Ok(false),
            })
            .collect()
    }

    fn verify_aggregate_seals(
        &self,
        aggregate: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, VerifyError> {
        let statement = AggregateStatement::try_from(aggregate).map_err(malformed)?;
        self.check(&Statement::Aggregate(statement), &aggregate.proof)
    }

    fn verify_replica_update(&self, update: &ReplicaUpdateInfo) -> Result<bool, VerifyError> {
        let statement = UpdateStatement::try_from(update).map_err(malformed)?;
        self.check(&Statement::Update(statement), &update.proof)
    }

    fn unsealed_sector_cid(
        &self,
        proof_type: RegisteredSealProof,
        pieces: &[PieceInfo],
    ) -> Result<Cid, VerifyError> {
        let size = proof_type.sector_size().map_err(VerifyError::Malformed)?;
        let comm_d = piece::comm_d(size, pieces)
            .map_err(|error| VerifyError::Malformed(error.to_string()))?;
        commitment::unsealed_cid(&comm_d).map_err(|error| VerifyError::Malformed(error.to_string()))
    }

    /// Gives no verdict: it takes the chain to judge blocks, see [`crate::faults`].
    fn verify_consensus_fault(
        &self,
        _: &[u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<Option<ConsensusFault>, VerifyError> {
        Err(VerifyError::Unable(
            "block headers are judged by a chain, and there is none yet".into(),
        ))
    }
}

/// Refuses a message while a proof that it names is not in the store: applying it
/// would have to stop, and a window PoSt that nobody can open could not be disputed.
pub(crate) fn check_blocks(params: &[u8], store: &SharedStore) -> Result<(), ChainError> {
    let missing = stand_in::missing_blocks(params, store).map_err(ChainError::Store)?;
    match missing.first() {
        Some(cid) => Err(ChainError::MissingBlock(*cid)),
        None => Ok(()),
    }
}

fn only(proofs: &[PoStProof]) -> Result<&[u8], VerifyError> {
    match proofs {
        [proof] => Ok(&proof.proof_bytes),
        _ => Err(VerifyError::Malformed(format!("{} proofs", proofs.len()))),
    }
}

fn malformed(error: MalformedStatement) -> VerifyError {
    VerifyError::Malformed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use boatyard_proofs::Scheme;
    use fvm_ipld_blockstore::Blockstore;
    use fvm_shared::randomness::Randomness;
    use fvm_shared::sector::{RegisteredUpdateProof, SectorID};

    fn proofs(scheme: Scheme) -> (ChainProofs, SharedStore) {
        let store = SharedStore::memory();
        let verifier = scheme.verifier().unwrap();
        (ChainProofs::new(verifier, store.clone()), store)
    }

    fn seal() -> SealVerifyInfo {
        SealVerifyInfo {
            registered_proof: RegisteredSealProof::StackedDRG2KiBV1P1,
            sector_id: SectorID {
                miner: 1000,
                number: 1,
            },
            deal_ids: Vec::new(),
            randomness: Randomness(vec![1; 32]),
            interactive_randomness: Randomness(vec![2; 32]),
            proof: vec![0; 192],
            sealed_cid: commitment::sealed_cid(&[3; 32]).unwrap(),
            unsealed_cid: commitment::unsealed_cid(&[4; 32]).unwrap(),
        }
    }

    /// A stand-in for a proof of `seal` that lies in a block of zeros.
    fn stand_in(seal: &SealVerifyInfo) -> (Vec<u8>, boatyard_proofs::ProofBlock) {
        let block = boatyard_proofs::ProofBlock::new(vec![0; 16_640]);
        let statement = Statement::Seal(SealStatement::try_from(seal).unwrap());
        let stand_in = stand_in::StandIn {
            kind: 1,
            length: block.data.len() as u32,
            statement: statement.digest(),
            proof: block.cid.hash().digest().try_into().unwrap(),
        };
        (stand_in.to_bytes(192), block)
    }

    #[test]
    fn a_proof_whose_block_is_missing_stops_instead_of_failing() {
        let (proofs, store) = proofs(Scheme::Vanilla);
        let mut seal = seal();
        let (field, block) = stand_in(&seal);
        seal.proof = field;
        assert!(matches!(
            proofs.batch_verify_seals(std::slice::from_ref(&seal)),
            Err(VerifyError::MissingBlock(cid)) if cid == block.cid
        ));
        assert!(matches!(
            check_blocks(&seal.proof, &store),
            Err(ChainError::MissingBlock(cid)) if cid == block.cid
        ));
        store.put_keyed(&block.cid, &block.data).unwrap();
        assert!(check_blocks(&seal.proof, &store).is_ok());
        assert_eq!(proofs.batch_verify_seals(&[seal]).unwrap(), [false]);
    }

    #[test]
    fn what_is_no_statement_is_false_in_a_batch_and_an_error_elsewhere() {
        let (proofs, _) = proofs(Scheme::Accept);
        let mut wrong = seal();
        wrong.randomness = Randomness(vec![1; 31]);
        assert_eq!(
            proofs.batch_verify_seals(&[seal(), wrong]).unwrap(),
            [true, false]
        );
        let cid = commitment::sealed_cid(&[3; 32]).unwrap();
        let update = ReplicaUpdateInfo {
            update_proof_type: RegisteredUpdateProof::StackedDRG2KiBV1,
            old_sealed_cid: cid,
            new_sealed_cid: cid,
            new_unsealed_cid: cid,
            proof: Vec::new(),
        };
        let verdict = proofs.verify_replica_update(&update);
        assert!(matches!(verdict, Err(VerifyError::Malformed(_))));
        let none = WindowPoStVerifyInfo::default();
        let verdict = proofs.verify_post(&none);
        assert!(matches!(verdict, Err(VerifyError::Malformed(_))));
        let none = WinningPoStVerifyInfo::default();
        assert!(proofs.verify_winning(&none).is_err());
    }

    #[test]
    fn commitments_of_sectors_are_computed() {
        let (proofs, _) = proofs(Scheme::Vanilla);
        let commitment = |pieces: &[PieceInfo]| {
            proofs.unsealed_sector_cid(RegisteredSealProof::StackedDRG2KiBV1P1, pieces)
        };
        let empty = commitment(&[]).unwrap();
        let zeros = piece::of_bytes(&[0; 1016]);
        assert_eq!(commitment(&[zeros.clone(), zeros]).unwrap(), empty);
        let large = piece::of_bytes(&[0; 2033]);
        assert!(matches!(
            commitment(&[large]),
            Err(VerifyError::Malformed(_))
        ));
    }
}
