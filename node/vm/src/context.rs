//! What surrounds the messages of one epoch.

use std::sync::Arc;

use cid::Cid;
use fvm_shared::ActorID;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};
use fvm_shared::version::NetworkVersion;

/// The surroundings of every message applied by one machine (spec 09 §8).
#[derive(Clone)]
pub struct Context {
    /// Epoch the messages run in.
    pub epoch: ChainEpoch,
    /// Timestamp of the tipset, seconds since the Unix epoch.
    pub timestamp: u64,
    /// Base fee in attoFIL per unit of gas.
    pub base_fee: TokenAmount,
    /// Circulating supply, constant for all messages of the machine.
    pub circulating_supply: TokenAmount,
    /// EIP-155 chain ID that contracts see.
    pub chain_id: u64,
    /// Network version; 28 unless a test says otherwise.
    pub network_version: NetworkVersion,
    /// Randomness and tipset CIDs of the chain that is being extended.
    pub chain: Arc<dyn ChainView>,
    /// Who checks proofs and consensus faults.
    pub verifier: Arc<dyn ProofVerifier>,
    /// Changes to the rules for tests and vectors; `None` in a normal node.
    pub substitutions: Option<Arc<Substitutions>>,
    /// Whether to record a [`crate::trace::CallTrace`] for each message.
    pub tracing: Tracing,
    /// The seam for test powers: sees every send before it is made. `None` in a
    /// node started without test powers.
    pub interceptor: Option<Arc<dyn Interceptor>>,
}

/// How much of a message's inside to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tracing {
    /// Nothing.
    #[default]
    Off,
    /// Calls, events, logs, exit codes and gas per call.
    Calls,
    /// The same with every gas charge and state access.
    Full,
}

/// What a machine asks the chain that it extends.
pub trait ChainView: Send + Sync {
    /// Ticket-chain randomness of `epoch` before any mixing.
    ///
    /// # Errors
    /// When the chain has no such epoch (yet).
    fn ticket_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], LookupError>;
    /// Beacon randomness of `epoch` before any mixing.
    ///
    /// # Errors
    /// When the chain has no such epoch (yet).
    fn beacon_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], LookupError>;
    /// CID of the tipset key at `epoch`, or of the last tipset before it for a
    /// null round. The machine has checked that `epoch` lies in the past.
    ///
    /// # Errors
    /// When the chain has no such epoch.
    fn tipset_cid(&self, epoch: ChainEpoch) -> Result<Cid, LookupError>;
}

/// The chain has no answer for this epoch.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no chain data for epoch {epoch}: {reason}")]
pub struct LookupError {
    /// The epoch asked for.
    pub epoch: ChainEpoch,
    /// Why there is nothing.
    pub reason: &'static str,
}

/// Checks what actors cannot check themselves. Exchanging it exchanges the
/// proof scheme without touching a machine (DESIGN §4).
///
/// `Ok(false)` is an invalid proof. A [`VerifyError::Malformed`] is one too, only
/// worse: the actor sees an illegal argument. A [`VerifyError::MissingBlock`] or
/// [`VerifyError::Unable`] is no verdict at all and stops the message (spec 11).
pub trait ProofVerifier: Send + Sync {
    /// Window proof of spacetime.
    fn verify_post(&self, info: &WindowPoStVerifyInfo) -> Result<bool, VerifyError>;
    /// One verdict per seal.
    fn batch_verify_seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>, VerifyError>;
    /// Aggregated seal proofs.
    fn verify_aggregate_seals(
        &self,
        aggregate: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, VerifyError>;
    /// Replica update proof.
    fn verify_replica_update(&self, update: &ReplicaUpdateInfo) -> Result<bool, VerifyError>;
    /// CommD of the sector that holds `pieces` in order.
    fn unsealed_sector_cid(
        &self,
        proof_type: RegisteredSealProof,
        pieces: &[PieceInfo],
    ) -> Result<Cid, VerifyError>;
    /// The fault that the block headers prove, if any.
    fn verify_consensus_fault(
        &self,
        header_1: &[u8],
        header_2: &[u8],
        extra: &[u8],
    ) -> Result<Option<ConsensusFault>, VerifyError>;
}

/// A check could not be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VerifyError {
    /// The input cannot be a statement or a proof; every node finds the same.
    #[error("cannot verify: {0}")]
    Malformed(String),
    /// This node lacks a block that the proof refers to. Read as a verdict it
    /// would make nodes disagree, so the machine gives up the message instead.
    #[error("cannot verify: proof block {0} is missing from the block store")]
    MissingBlock(Cid),
    /// This node is not able to check proofs of this kind. No verdict either.
    #[error("cannot verify: {0}")]
    Unable(String),
}

/// The test configuration of both machines under which the golden vectors were
/// recorded (vectors README §4). Proofs and commitments are substituted through
/// [`ProofVerifier`], tipset CIDs through [`ChainView`].
#[derive(Debug, Clone, Default)]
pub struct Substitutions {
    /// Every draw of randomness, mixed or not, gives this. The machine answers
    /// both the base value and the hash over `tag ‖ base ‖ epoch ‖ entropy` with it.
    pub randomness: Option<[u8; 32]>,
    /// A signature is valid if and only if its bytes equal the signed message's.
    pub signatures_equal_message: bool,
    /// Gas is not metered: limits of sub-calls are ignored and actors that ask
    /// see [`UNMETERED_GAS_AVAILABLE`].
    pub unmetered: bool,
}

/// What an actor sees as available gas when gas is not metered.
pub const UNMETERED_GAS_AVAILABLE: u64 = 4_294_967_295;

/// Sees each send (nested ones and the top-level call) before it is made and may
/// answer in the callee's place. Impersonation, mocked calls, expectations and
/// cheatcodes build on it (DESIGN §2).
pub trait Interceptor: Send + Sync {
    /// What to do with this call.
    fn before_call(&self, call: &crate::trace::Call) -> Intercept;

    /// Whether [`Self::instruction`] is to be called. Only the native machine can.
    fn watches_instructions(&self) -> bool {
        false
    }

    /// A contract is about to run an instruction.
    fn instruction(&self, at: &Watched<'_>) {
        let _ = at;
    }

    /// The instruction seen last has failed, and its contract's run with it.
    fn instruction_failed(&self, why: &str) {
        let _ = why;
    }
}

/// An instruction of a contract that is about to run.
pub struct Watched<'a> {
    /// The contract whose storage it works on.
    pub actor: ActorID,
    /// Calls that are open, native ones included: 1 in the message's own.
    pub depth: u32,
    /// Gas that is left of the message's limit, as far as the machine counts.
    pub gas_left: u64,
    /// Code, stack and memory.
    pub inside: &'a dyn boatyard_sdk::Instruction,
}

/// An [`Interceptor`]'s decision.
#[derive(Debug, Clone)]
pub enum Intercept {
    /// Let the call happen.
    Proceed,
    /// Do not run the callee (no value moves); its caller sees this outcome.
    Answer(crate::trace::Outcome),
}
