//! What an actor gets when it calls the system.
//!
//! Everything is the FVM's own, except: proofs go to the node's verifier, the
//! vectors' substitutions are made, what is wanted for traces is written down, and
//! code that cannot run is refused in time.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::fvm::DefaultKernel;
use ::fvm::call_manager::{CallManager as _, DefaultCallManager};
use ::fvm::gas::GasCharge;
use ::fvm::kernel::filecoin::{DefaultFilecoinKernel, FilecoinKernel};
use ::fvm::kernel::prelude::*;
use ::fvm::kernel::{ExecutionError, Result, SyscallError};
use ::fvm::machine::Machine as _;
use ::fvm::syscalls::{Abort, Context, Linker};
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::error::ErrorNumber;
use fvm_shared::event::{ActorEvent, Entry};
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};

use super::Core;
use super::externs::Externs;
use super::recorder::{BEGIN, END};
use crate::context::{ProofVerifier, UNMETERED_GAS_AVAILABLE, VerifyError};
use crate::engine::overlay::Fault;
use crate::state::INIT_ACTOR;
use crate::trace::StateAccess;

/// The FVM's call manager over our machine.
pub(super) type CallManager = DefaultCallManager<Box<Core>>;

const BLAKE2B_256: u64 = 0xb220;

/// Longest abort message that is kept, in bytes; of longer ones the ends.
const MAX_MESSAGE_BYTES: usize = 1024;

/// The kernel of one running actor.
#[derive(Delegate)]
#[allow(
    clippy::duplicated_attributes,
    reason = "each delegation names its target"
)]
#[delegate(MessageOps, target = "inner")]
#[delegate(NetworkOps, target = "inner")]
pub(super) struct FvmKernel {
    pub(super) inner: DefaultKernel<CallManager>,
    /// The actor is an account that the FVM has just made and now constructs.
    constructs_account: bool,
}

impl FvmKernel {
    pub(super) fn externs(&self) -> &Externs {
        self.inner.call_manager.externs()
    }

    fn charge(&self, charge: GasCharge) -> Result<GasTimer> {
        self.inner.call_manager.charge_gas(charge)
    }

    fn prices(&self) -> &PriceList {
        self.inner.call_manager.price_list()
    }

    fn record_access(&self, access: impl FnOnce() -> StateAccess) {
        let mut recorder = self.externs().recorder();
        if recorder.is_full() {
            recorder.access(access());
        }
    }

    /// Asks the node's verifier, which may not take the machine down.
    fn verify<T>(
        &self,
        ask: impl FnOnce(&dyn ProofVerifier) -> std::result::Result<T, VerifyError>,
    ) -> Result<T> {
        let verifier = &self.externs().verifier;
        match catch_unwind(AssertUnwindSafe(|| ask(&**verifier))) {
            Ok(Ok(verdict)) => Ok(verdict),
            Ok(Err(VerifyError::MissingBlock(cid))) => {
                self.externs().faults.note(Fault::MissingProof(cid));
                Err(ExecutionError::Fatal(VerifyError::MissingBlock(cid).into()))
            }
            Ok(Err(error @ VerifyError::Unable(_))) => {
                self.externs().faults.note(Fault::Chain(error.to_string()));
                Err(ExecutionError::Fatal(error.into()))
            }
            Ok(Err(error @ VerifyError::Malformed(_))) => {
                Err(SyscallError::new(ErrorNumber::IllegalArgument, error).into())
            }
            Err(_) => Err(SyscallError::new(
                ErrorNumber::IllegalArgument,
                "cannot verify: the verifier panicked",
            )
            .into()),
        }
    }
}

impl Kernel for FvmKernel {
    type CallManager = CallManager;
    type Limiter = <DefaultKernel<CallManager> as Kernel>::Limiter;

    fn into_inner(mut self) -> (CallManager, BlockRegistry) {
        if self.constructs_account {
            let tracker = self.inner.call_manager.gas_tracker();
            let (used, left) = (tracker.gas_used(), tracker.gas_available());
            let mut recorder = self.externs().recorder();
            recorder.end_constructor(left == Gas::default(), used);
            let full = recorder.is_full();
            drop(recorder);
            if full {
                self.inner.call_manager.log(END.into());
            }
        }
        self.inner.into_inner()
    }

    fn new(
        mut manager: CallManager,
        blocks: BlockRegistry,
        caller: ActorID,
        actor_id: ActorID,
        method: MethodNum,
        value_received: TokenAmount,
        read_only: bool,
    ) -> Self {
        let account = *manager.machine().builtin_actors().get_account_code();
        let gas_used = manager.gas_tracker().gas_used();
        let mut recorder = manager.externs().recorder();
        let constructs_account = recorder.starts_constructor(caller, actor_id, account, gas_used);
        let mark = constructs_account && recorder.is_full();
        drop(recorder);
        if mark {
            manager.log(BEGIN.into());
        }
        let inner = DefaultKernel::new(
            manager,
            blocks,
            caller,
            actor_id,
            method,
            value_received,
            read_only,
        );
        Self {
            inner,
            constructs_account,
        }
    }

    fn machine(&self) -> &Box<Core> {
        self.inner.machine()
    }

    fn limiter_mut(&mut self) -> &mut Self::Limiter {
        self.inner.limiter_mut()
    }

    fn gas_available(&self) -> Gas {
        self.inner.gas_available()
    }

    fn charge_gas(&self, name: &str, compute: Gas) -> Result<GasTimer> {
        self.inner.charge_gas(name, compute)
    }
}

impl SyscallHandler<FvmKernel> for FvmKernel {
    fn link_syscalls(linker: &mut Linker<FvmKernel>) -> anyhow::Result<()> {
        DefaultFilecoinKernel::<CallManager>::link_syscalls(linker)?;
        // These two take the place of the FVM's.
        linker.link_syscall("vm", "exit", exit)?;
        linker.link_syscall("gas", "available", gas_available)?;
        Ok(())
    }
}

/// Ends the actor. As the FVM does it, but what the actor said is written down.
fn exit(
    context: Context<'_, FvmKernel>,
    code: u32,
    data: u32,
    message_off: u32,
    message_len: u32,
) -> Abort {
    let (code, words) = match ExitCode::new(code) {
        // Codes of the system are not for actors (spec 00 §9).
        code if code.is_system_error() && !code.is_success() => (
            ExitCode::SYS_ILLEGAL_EXIT_CODE,
            format!("actor aborted with code {code}"),
        ),
        code if message_len == 0 => (code, "actor aborted".to_owned()),
        code => match context.memory.try_slice(message_off, message_len) {
            Ok(bytes) => (code, shorten(bytes)),
            Err(error) => (code, format!("failed to extract error message: {error}")),
        },
    };
    let mut recorder = context.kernel.externs().recorder();
    if recorder.is_on() && !code.is_success() {
        recorder.exit(code, &words);
    }
    Abort::Exit(code, words, data)
}

fn shorten(message: &[u8]) -> String {
    if message.len() <= MAX_MESSAGE_BYTES {
        return String::from_utf8_lossy(message).into_owned();
    }
    let (start, rest) = message.split_at(MAX_MESSAGE_BYTES / 2);
    let (middle, end) = rest.split_at(rest.len() - MAX_MESSAGE_BYTES / 2);
    format!(
        "{} ... (skipped {} bytes) ... {}",
        String::from_utf8_lossy(start),
        middle.len(),
        String::from_utf8_lossy(end)
    )
}

/// Gas that the actor may still use, in whole units.
fn gas_available(context: Context<'_, FvmKernel>) -> Result<u64> {
    if context.kernel.externs().substitutions.unmetered {
        return Ok(UNMETERED_GAS_AVAILABLE);
    }
    Ok(context.kernel.gas_available().round_down())
}

impl FilecoinKernel for FvmKernel {
    fn compute_unsealed_sector_cid(
        &self,
        proof_type: RegisteredSealProof,
        pieces: &[PieceInfo],
    ) -> Result<Cid> {
        let timer = self.charge(
            self.prices()
                .on_compute_unsealed_sector_cid(proof_type, pieces),
        )?;
        timer.record(self.verify(|verifier| verifier.unsealed_sector_cid(proof_type, pieces)))
    }

    fn verify_post(&self, info: &WindowPoStVerifyInfo) -> Result<bool> {
        let timer = self.charge(self.prices().on_verify_post(info))?;
        timer.record(self.verify(|verifier| verifier.verify_post(info)))
    }

    fn verify_consensus_fault(
        &self,
        header_1: &[u8],
        header_2: &[u8],
        extra: &[u8],
    ) -> Result<Option<ConsensusFault>> {
        let timer = self.charge(self.prices().on_verify_consensus_fault(
            header_1.len(),
            header_2.len(),
            extra.len(),
        ))?;
        timer.record(
            self.verify(|verifier| verifier.verify_consensus_fault(header_1, header_2, extra)),
        )
    }

    fn batch_verify_seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>> {
        for seal in seals {
            self.charge(self.prices().on_verify_seal(seal))?.stop();
        }
        self.verify(|verifier| verifier.batch_verify_seals(seals))
    }

    fn verify_aggregate_seals(&self, aggregate: &AggregateSealVerifyProofAndInfos) -> Result<bool> {
        let timer = self.charge(self.prices().on_verify_aggregate_seals(aggregate))?;
        timer.record(self.verify(|verifier| verifier.verify_aggregate_seals(aggregate)))
    }

    fn verify_replica_update(&self, update: &ReplicaUpdateInfo) -> Result<bool> {
        let timer = self.charge(self.prices().on_verify_replica_update(update))?;
        timer.record(self.verify(|verifier| verifier.verify_replica_update(update)))
    }

    fn total_fil_circ_supply(&self) -> Result<TokenAmount> {
        Ok(self.machine().context().circ_supply.clone())
    }
}

impl FvmKernel {
    /// Randomness that is the same for every epoch, those to come included.
    fn fixed_randomness(
        &self,
        epoch: ChainEpoch,
        fixed: [u8; RANDOMNESS_LENGTH],
    ) -> Result<[u8; RANDOMNESS_LENGTH]> {
        let lookback = self
            .machine()
            .context()
            .epoch
            .checked_sub(epoch)
            .ok_or_else(|| {
                SyscallError::new(
                    ErrorNumber::IllegalArgument,
                    format_args!("randomness epoch {epoch} is out of range"),
                )
            })?;
        self.charge(self.prices().on_get_randomness(lookback.max(0)))?
            .stop();
        Ok(fixed)
    }
}

impl RandomnessOps for FvmKernel {
    fn get_randomness_from_tickets(&self, epoch: ChainEpoch) -> Result<[u8; RANDOMNESS_LENGTH]> {
        match self.externs().substitutions.randomness {
            Some(fixed) => self.fixed_randomness(epoch, fixed),
            None => self.inner.get_randomness_from_tickets(epoch),
        }
    }

    fn get_randomness_from_beacon(&self, epoch: ChainEpoch) -> Result<[u8; RANDOMNESS_LENGTH]> {
        match self.externs().substitutions.randomness {
            Some(fixed) => self.fixed_randomness(epoch, fixed),
            None => self.inner.get_randomness_from_beacon(epoch),
        }
    }
}

impl IpldBlockOps for FvmKernel {
    fn block_open(&mut self, cid: &Cid) -> Result<(BlockId, BlockStat)> {
        let (id, stat) = self.inner.block_open(cid)?;
        self.record_access(|| StateAccess::Read {
            cid: *cid,
            size: stat.size as usize,
        });
        Ok((id, stat))
    }

    fn block_create(&mut self, codec: u64, data: &[u8]) -> Result<BlockId> {
        self.inner.block_create(codec, data)
    }

    fn block_link(&mut self, id: BlockId, hash_fun: u64, hash_len: u32) -> Result<Cid> {
        let cid = self.inner.block_link(id, hash_fun, hash_len)?;
        let size = self.inner.blocks.get(id)?.size() as usize;
        self.record_access(|| StateAccess::Write { cid, size });
        Ok(cid)
    }

    fn block_read(&self, id: BlockId, offset: u32, buf: &mut [u8]) -> Result<i32> {
        self.inner.block_read(id, offset, buf)
    }

    fn block_stat(&self, id: BlockId) -> Result<BlockStat> {
        self.inner.block_stat(id)
    }
}

impl SelfOps for FvmKernel {
    fn root(&mut self) -> Result<Cid> {
        self.inner.root()
    }

    fn set_root(&mut self, root: Cid) -> Result<()> {
        self.inner.set_root(root)?;
        self.record_access(|| StateAccess::Head { cid: root });
        Ok(())
    }

    fn current_balance(&self) -> Result<TokenAmount> {
        self.inner.current_balance()
    }

    fn self_destruct(&mut self, burn_unspent: bool) -> Result<()> {
        self.inner.self_destruct(burn_unspent)
    }
}

impl ActorOps for FvmKernel {
    fn resolve_address(&self, address: &Address) -> Result<ActorID> {
        self.inner.resolve_address(address)
    }

    fn lookup_delegated_address(&self, actor_id: ActorID) -> Result<Option<Address>> {
        self.inner.lookup_delegated_address(actor_id)
    }

    fn get_actor_code_cid(&self, id: ActorID) -> Result<Cid> {
        self.inner.get_actor_code_cid(id)
    }

    fn next_actor_address(&self) -> Result<Address> {
        self.inner.next_actor_address()
    }

    /// Refuses user code that cannot be run. Built-in code is looked at when it
    /// is called: that it runs is no question of the message.
    fn create_actor(
        &mut self,
        code: Cid,
        actor_id: ActorID,
        delegated_address: Option<Address>,
    ) -> Result<()> {
        let allowed = self.inner.actor_id == INIT_ACTOR && !self.inner.read_only;
        if allowed && self.externs().manifest.type_of(&code).is_none() {
            self.check_new_code(&code)?;
        }
        self.inner.create_actor(code, actor_id, delegated_address)
    }

    fn install_actor(&mut self, code: Cid) -> Result<()> {
        self.inner.install_actor(code)
    }

    fn get_builtin_actor_type(&self, code: &Cid) -> Result<u32> {
        self.inner.get_builtin_actor_type(code)
    }

    fn get_code_cid_for_type(&self, number: u32) -> Result<Cid> {
        self.inner.get_code_cid_for_type(number)
    }

    fn balance_of(&self, actor_id: ActorID) -> Result<TokenAmount> {
        self.inner.balance_of(actor_id)
    }
}

impl CryptoOps for FvmKernel {
    fn verify_signature(
        &self,
        kind: SignatureType,
        signature: &[u8],
        signer: &Address,
        plaintext: &[u8],
    ) -> Result<bool> {
        if !self.externs().substitutions.signatures_equal_message {
            return self
                .inner
                .verify_signature(kind, signature, signer, plaintext);
        }
        self.charge(self.prices().on_verify_signature(kind, plaintext.len()))?
            .stop();
        Ok(signature == plaintext)
    }

    fn verify_bls_aggregate(
        &self,
        aggregate: &[u8; fvm_shared::crypto::signature::BLS_SIG_LEN],
        keys: &[[u8; fvm_shared::crypto::signature::BLS_PUB_LEN]],
        plaintexts: &[u8],
        plaintext_lens: &[u32],
    ) -> Result<bool> {
        self.inner
            .verify_bls_aggregate(aggregate, keys, plaintexts, plaintext_lens)
    }

    fn recover_secp_public_key(
        &self,
        hash: &[u8; SECP_SIG_MESSAGE_HASH_SIZE],
        signature: &[u8; SECP_SIG_LEN],
    ) -> Result<[u8; SECP_PUB_LEN]> {
        self.inner.recover_secp_public_key(hash, signature)
    }

    /// Actors mix drawn randomness themselves, by hashing tag (8 bytes) ‖ base
    /// (32) ‖ epoch (8) ‖ entropy: where randomness is fixed, so is this hash.
    fn hash(&self, code: u64, data: &[u8]) -> Result<Multihash> {
        let digest = self.inner.hash(code, data)?;
        match self.externs().substitutions.randomness {
            Some(fixed) if code == BLAKE2B_256 && data.len() >= 48 && data[8..40] == fixed => {
                Multihash::wrap(code, &fixed)
                    .map_err(|error| ExecutionError::Fatal(anyhow::Error::new(error)))
            }
            _ => Ok(digest),
        }
    }
}

impl DebugOps for FvmKernel {
    fn log(&mut self, line: String) {
        tracing::debug!(target: "boatyard_vm::actor", actor = self.inner.actor_id, "{line}");
        let mut recorder = self.externs().recorder();
        if recorder.is_on() {
            recorder.log(line);
        }
    }

    fn debug_enabled(&self) -> bool {
        self.inner.debug_enabled()
    }

    /// Artifacts are for files, and machines write none: logged by name.
    fn store_artifact(&self, name: &str, data: &[u8]) -> Result<()> {
        let mut recorder = self.externs().recorder();
        if recorder.is_on() {
            recorder.log(format!(
                "artifact {name:?}, {} bytes, not stored",
                data.len()
            ));
        }
        Ok(())
    }
}

impl EventOps for FvmKernel {
    fn emit_event(
        &mut self,
        headers: &[fvm_shared::sys::EventEntry],
        keys: &[u8],
        values: &[u8],
    ) -> Result<()> {
        self.inner.emit_event(headers, keys, values)?;
        let mut recorder = self.externs().recorder();
        if recorder.is_on() {
            recorder.event(event(headers, keys, values));
        }
        Ok(())
    }
}

/// An event that the FVM has accepted, put together again.
fn event(headers: &[fvm_shared::sys::EventEntry], keys: &[u8], values: &[u8]) -> ActorEvent {
    fn split<'a>(rest: &mut &'a [u8], len: u32) -> &'a [u8] {
        let (taken, left) = rest.split_at((len as usize).min(rest.len()));
        *rest = left;
        taken
    }
    let (mut keys, mut values) = (keys, values);
    let entry = |header: &fvm_shared::sys::EventEntry| Entry {
        flags: header.flags,
        key: String::from_utf8_lossy(split(&mut keys, header.key_len)).into_owned(),
        codec: header.codec,
        value: split(&mut values, header.val_len).to_vec(),
    };
    headers.iter().map(entry).collect::<Vec<_>>().into()
}
