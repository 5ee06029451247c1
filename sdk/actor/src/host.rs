//! What the machine under an actor provides: the system calls, one by one.
//!
//! Three machines implement [`Host`]: the FVM adapter in this crate (Wasm), the
//! native machine of `boatyard-vm`, and the mock of the test kit. Actors do not
//! call it; they use [`crate::Runtime`], whose rules are the same on all three.

use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::crypto::hash::SupportedHashes;
use fvm_shared::crypto::signature::SignatureType;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ErrorNumber;
use fvm_shared::event::ActorEvent;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};
use fvm_shared::sys::SendFlags;
use fvm_shared::{ActorID, MethodNum, Response};

use crate::network::NetworkVariant;

/// The message that is being executed, as the actor sees it.
#[derive(Debug, Clone)]
pub struct MessageContext {
    /// ID of the top-level sender.
    pub origin: ActorID,
    /// Nonce of the top-level message.
    pub nonce: u64,
    /// ID of the immediate caller.
    pub caller: ActorID,
    /// ID of the actor that runs.
    pub receiver: ActorID,
    /// Method number called.
    pub method: MethodNum,
    /// Value received with the call, in attoFIL.
    pub value: TokenAmount,
    /// Effective premium of the top-level message, attoFIL per unit of gas.
    pub gas_premium: TokenAmount,
    /// Whether the call may change nothing.
    pub read_only: bool,
}

/// The network at the epoch of the message.
#[derive(Debug, Clone)]
pub struct NetworkContext {
    /// Current epoch.
    pub epoch: ChainEpoch,
    /// Timestamp of the tipset, seconds since the Unix epoch.
    pub timestamp: u64,
    /// Base fee, attoFIL per unit of gas.
    pub base_fee: TokenAmount,
    /// EIP-155 chain ID.
    pub chain_id: u64,
    /// Network version.
    pub network_version: u32,
}

/// The system calls. Failures are the FVM's error numbers; what they become is
/// decided in [`crate::Runtime`].
pub trait Host {
    /// The message being executed.
    fn message(&self) -> &MessageContext;
    /// The network it is executed on.
    fn network(&self) -> &NetworkContext;
    /// The policy set this code runs under.
    fn variant(&self) -> NetworkVariant;

    /// A block that the actor can reach; `NotFound` otherwise.
    fn block_get(&self, cid: &Cid) -> Result<Vec<u8>, ErrorNumber>;
    /// Stores a block under the given codec and 32-byte hash.
    fn block_put(&self, codec: u64, hash: u64, data: &[u8]) -> Result<Cid, ErrorNumber>;

    /// Head of the actor; `IllegalOperation` once it is deleted.
    fn root(&self) -> Result<Cid, ErrorNumber>;
    /// Sets the head; `ReadOnly`, or `IllegalOperation` once deleted.
    fn set_root(&self, root: &Cid) -> Result<(), ErrorNumber>;
    /// Balance of the actor, value received included.
    fn current_balance(&self) -> TokenAmount;
    /// Deletes the actor; `IllegalOperation` while it has funds, `ReadOnly`.
    fn self_destruct(&self) -> Result<(), ErrorNumber>;

    /// The ID behind an address; an ID address is itself, existing or not.
    fn resolve_address(&self, address: &Address) -> Option<ActorID>;
    /// The f4 address of an actor.
    fn delegated_address(&self, id: ActorID) -> Option<Address>;
    /// The code of an actor.
    fn code_cid(&self, id: ActorID) -> Option<Cid>;
    /// The balance of an actor.
    fn balance_of(&self, id: ActorID) -> Option<TokenAmount>;
    /// Position of a code CID in the manifest, from 1; 0 if it is not built in.
    fn builtin_type(&self, code: &Cid) -> u32;
    /// Code CID at a manifest position; `None` if there is none.
    fn builtin_code(&self, position: u32) -> Option<Cid>;
    /// The f2 address of the next actor that is created (spec 00 §13).
    fn next_actor_address(&self) -> Address;
    /// Creates an actor record. Open to the init actor only.
    fn create_actor(
        &self,
        code: &Cid,
        id: ActorID,
        delegated: Option<Address>,
    ) -> Result<(), ErrorNumber>;
    /// Replaces the running actor's code. On success the call ends with what the
    /// new code's `upgrade` returns; a failed upgrade gives its response.
    fn upgrade_actor(&self, code: &Cid, params: Option<IpldBlock>)
    -> Result<Response, ErrorNumber>;

    /// Sends a message. `gas_limit` `None` is "all that is left".
    fn send(
        &self,
        to: &Address,
        method: MethodNum,
        params: Option<IpldBlock>,
        value: TokenAmount,
        gas_limit: Option<u64>,
        flags: SendFlags,
    ) -> Result<Response, ErrorNumber>;

    /// Ticket randomness of an epoch before any mixing.
    fn ticket_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ErrorNumber>;
    /// Beacon randomness of an epoch before any mixing.
    fn beacon_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ErrorNumber>;
    /// CID of the tipset at a past epoch.
    fn tipset_cid(&self, epoch: ChainEpoch) -> Result<Cid, ErrorNumber>;
    /// Circulating supply in attoFIL.
    fn circulating_supply(&self) -> TokenAmount;
    /// Units of gas left, rounded down.
    fn gas_available(&self) -> u64;
    /// Charges gas for work that the machine cannot see.
    fn charge_gas(&self, name: &str, compute: u64);

    /// Digest of `data`.
    fn hash(&self, hasher: SupportedHashes, data: &[u8]) -> Vec<u8>;
    /// Whether `signature` (raw bytes) of `signer` over `plaintext` is valid.
    fn verify_signature(
        &self,
        kind: SignatureType,
        signature: &[u8],
        signer: &Address,
        plaintext: &[u8],
    ) -> Result<bool, ErrorNumber>;
    /// Whether one aggregate BLS signature covers all messages.
    fn verify_bls_aggregate(
        &self,
        signature: &[u8; 96],
        keys: &[[u8; 48]],
        plaintexts: &[&[u8]],
    ) -> Result<bool, ErrorNumber>;
    /// The uncompressed secp256k1 key behind a recoverable signature.
    fn recover_secp_key(
        &self,
        hash: &[u8; 32],
        signature: &[u8; 65],
    ) -> Result<[u8; 65], ErrorNumber>;

    /// CommD of the sector that holds `pieces` in order.
    fn unsealed_sector_cid(
        &self,
        proof: RegisteredSealProof,
        pieces: &[PieceInfo],
    ) -> Result<Cid, ErrorNumber>;
    /// Window proof of spacetime.
    fn verify_post(&self, info: &WindowPoStVerifyInfo) -> Result<bool, ErrorNumber>;
    /// One verdict per seal.
    fn batch_verify_seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>, ErrorNumber>;
    /// Aggregated seal proofs.
    fn verify_aggregate_seals(
        &self,
        aggregate: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, ErrorNumber>;
    /// Replica update proof.
    fn verify_replica_update(&self, update: &ReplicaUpdateInfo) -> Result<bool, ErrorNumber>;
    /// The fault that block headers prove, if any.
    fn verify_consensus_fault(
        &self,
        header_1: &[u8],
        header_2: &[u8],
        extra: &[u8],
    ) -> Result<Option<ConsensusFault>, ErrorNumber>;

    /// Emits an event of the running actor.
    fn emit_event(&self, event: &ActorEvent) -> Result<(), ErrorNumber>;
    /// Whether anybody reads the log.
    fn log_enabled(&self) -> bool;
    /// A line for the log.
    fn log(&self, line: &str);

    /// Whether [`Self::instruction`] wants to be told of instructions. Machines that
    /// run actors natively may; on the FVM nobody can.
    fn watches_instructions(&self) -> bool {
        false
    }
    /// An interpreter inside the actor is about to run an instruction.
    fn instruction(&self, at: &dyn Instruction) {
        let _ = at;
    }
    /// The instruction told of last has failed, and the run with it.
    fn instruction_failed(&self, why: &str) {
        let _ = why;
    }
}

/// What is open to view before an interpreter inside an actor runs an instruction: a
/// stack machine with 256-bit words and a memory of bytes.
pub trait Instruction {
    /// Offset of the instruction in the code, in bytes.
    fn position(&self) -> usize;
    /// The instruction.
    fn opcode(&self) -> u8;
    /// How many words lie on the stack.
    fn stack_len(&self) -> usize;
    /// A word of the stack, big-endian; 0 is the top one.
    fn stack_word(&self, from_top: usize) -> Option<[u8; 32]>;
    /// The memory so far.
    fn memory(&self) -> Vec<u8>;
    /// What the last call returned.
    fn return_data(&self) -> &[u8];
}
