//! What natively run actors get when they call the system.
//!
//! Each answer and each refusal is the FVM's (its kernel, version 4.8), except that
//! nothing costs gas.

use anyhow::anyhow;
use boatyard_sdk::{Host, Instruction, MessageContext, NetworkContext, NetworkVariant};
use cid::Cid;
use cid::multihash::Multihash;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, IPLD_RAW};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::crypto::hash::SupportedHashes;
use fvm_shared::crypto::signature::SignatureType;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ErrorNumber;
use fvm_shared::event::{ActorEvent, Flags, StampedEvent};
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};
use fvm_shared::state::ActorState;
use fvm_shared::sys::SendFlags;
use fvm_shared::{ActorID, IDENTITY_HASH, MethodNum, Response};
use multihash_codetable::{Code, MultihashDigest as _};

use super::call::{Block, Entry, Execution, Frame, Reply, Request, Returned, as_error};
use super::crypto;
use super::links::BLAKE2B_256;
use super::panics::{Order, catch, or_fault, order};
use crate::context::{
    Interceptor, LookupError, ProofVerifier, UNMETERED_GAS_AVAILABLE, VerifyError, Watched,
};
use crate::machine::VmError;
use crate::state::INIT_ACTOR;
use crate::trace::StateAccess;

/// Most entries of an event.
const MAX_EVENT_ENTRIES: usize = 255;
/// Longest key of an event's entry, in bytes.
const MAX_EVENT_KEY_BYTES: usize = 31;
/// Most bytes in the values of an event.
const MAX_EVENT_VALUE_BYTES: usize = 8 << 10;

/// The system calls of one running actor.
pub(crate) struct NativeHost<'a> {
    execution: &'a Execution<'a>,
    frame: &'a Frame<'a>,
    message: MessageContext,
}

impl<'a> NativeHost<'a> {
    pub(super) fn new(execution: &'a Execution<'a>, frame: &'a Frame<'a>) -> Self {
        Self {
            execution,
            frame,
            message: MessageContext {
                origin: execution.origin,
                nonce: execution.nonce,
                caller: frame.caller,
                receiver: frame.actor,
                method: frame.method,
                value: frame.value.clone(),
                gas_premium: execution.premium.clone(),
                read_only: frame.read_only,
            },
        }
    }

    fn actor(&self, id: ActorID) -> Option<ActorState> {
        or_fault(self.execution.core.tree.borrow().actor(id))
    }

    /// The record of the running actor; `None` once it is deleted.
    fn me(&self) -> Option<ActorState> {
        self.actor(self.frame.actor)
    }

    fn writable(&self) -> Result<(), ErrorNumber> {
        if self.frame.read_only {
            Err(ErrorNumber::ReadOnly)
        } else {
            Ok(())
        }
    }

    fn interceptor(&self) -> Option<&dyn Interceptor> {
        self.execution.core.context.interceptor.as_deref()
    }

    /// Tells whoever watches, who may not take the actor down.
    fn tell(&self, what: impl FnOnce(&dyn Interceptor)) {
        if let Some(interceptor) = self.interceptor()
            && catch(|| what(interceptor)).is_err()
        {
            order(Order::Fault(VmError::Fatal(anyhow!(
                "the interceptor panicked"
            ))));
        }
    }

    fn record_access(&self, access: impl FnOnce() -> StateAccess) {
        self.execution.recorder.borrow_mut().access(access);
    }

    fn params(&self, params: Option<IpldBlock>) -> Result<Option<Block>, ErrorNumber> {
        params
            .map(|params| self.frame.create_block(params))
            .transpose()
    }

    /// What the actor gets to see of a call.
    fn response(&self, returned: Returned) -> Result<Response, ErrorNumber> {
        let Reply { exit_code, data } = returned.map_err(as_error)?;
        let return_data = data.map(|Block { block, links }| {
            self.frame.reach(&links);
            block
        });
        Ok(Response {
            exit_code,
            return_data,
        })
    }

    fn randomness(
        &self,
        epoch: ChainEpoch,
        look_up: impl FnOnce() -> Result<[u8; 32], LookupError>,
    ) -> Result<[u8; 32], ErrorNumber> {
        let core = self.execution.core;
        let age = core
            .context
            .epoch
            .checked_sub(epoch)
            .ok_or(ErrorNumber::IllegalArgument)?;
        match core.substitutions.randomness {
            Some(fixed) => Ok(fixed),
            None if age < 0 => Err(ErrorNumber::IllegalArgument),
            None => look_up().map_err(|_| ErrorNumber::IllegalArgument),
        }
    }

    /// Asks the node's verifier, which may not take the machine down.
    fn verify<T>(
        &self,
        ask: impl FnOnce(&dyn ProofVerifier) -> Result<T, VerifyError>,
    ) -> Result<T, ErrorNumber> {
        let verifier = &self.execution.core.context.verifier;
        match catch(|| ask(&**verifier)) {
            Ok(Ok(verdict)) => Ok(verdict),
            Ok(Err(error @ (VerifyError::MissingBlock(_) | VerifyError::Unable(_)))) => {
                order(Order::Fault(VmError::Fatal(error.into())))
            }
            Ok(Err(VerifyError::Malformed(_))) | Err(_) => Err(ErrorNumber::IllegalArgument),
        }
    }
}

impl Host for NativeHost<'_> {
    fn message(&self) -> &MessageContext {
        &self.message
    }

    fn network(&self) -> &NetworkContext {
        &self.execution.core.network
    }

    fn variant(&self) -> NetworkVariant {
        self.execution.core.engine.native().policy
    }

    fn block_get(&self, cid: &Cid) -> Result<Vec<u8>, ErrorNumber> {
        if cid.hash().code() == IDENTITY_HASH {
            return Ok(cid.hash().digest().to_vec());
        }
        if !self.frame.reachable.borrow().contains(cid) {
            return Err(ErrorNumber::NotFound);
        }
        let (data, links) = {
            let tree = self.execution.core.tree.borrow();
            let found = tree.store().open(cid).map_err(VmError::State);
            let missing = || VmError::State(anyhow!("block {cid} is missing from the store"));
            or_fault(found.and_then(|found| found.ok_or_else(missing)))
        };
        self.frame.reach(&links);
        self.record_access(|| StateAccess::Read {
            cid: *cid,
            size: data.len(),
        });
        Ok(data.to_vec())
    }

    fn block_put(&self, codec: u64, hash: u64, data: &[u8]) -> Result<Cid, ErrorNumber> {
        if hash == IDENTITY_HASH {
            // A block in its own CID is not stored, and must be as long as any hash.
            let digest = Multihash::wrap(hash, data).map_err(|_| ErrorNumber::IllegalCid)?;
            return match data.len() {
                32 => Ok(Cid::new_v1(codec, digest)),
                _ => Err(ErrorNumber::IllegalCid),
            };
        }
        let Block { block, links } = self.frame.create_block(IpldBlock {
            codec,
            data: data.to_vec(),
        })?;
        if hash != BLAKE2B_256 {
            return Err(ErrorNumber::IllegalCid);
        }
        let cid = Cid::new_v1(codec, Code::Blake2b256.digest(&block.data));
        self.execution
            .core
            .tree
            .borrow()
            .store()
            .keep(cid, &block.data, links);
        self.frame.reach(&[cid]);
        self.record_access(|| StateAccess::Write {
            cid,
            size: block.data.len(),
        });
        Ok(cid)
    }

    fn root(&self) -> Result<Cid, ErrorNumber> {
        let root = self.me().ok_or(ErrorNumber::IllegalOperation)?.state;
        self.frame.reach(&[root]);
        Ok(root)
    }

    fn set_root(&self, root: &Cid) -> Result<(), ErrorNumber> {
        self.writable()?;
        // The FVM's sdk takes this for the end of the actor.
        assert!(
            self.frame.reachable.borrow().contains(root),
            "{root} cannot become the head: the actor has not come across it"
        );
        let mut me = self.me().ok_or(ErrorNumber::IllegalOperation)?;
        me.state = *root;
        self.execution
            .core
            .tree
            .borrow_mut()
            .set_actor(self.frame.actor, me);
        self.record_access(|| StateAccess::Head { cid: *root });
        Ok(())
    }

    fn current_balance(&self) -> TokenAmount {
        self.me().map(|me| me.balance).unwrap_or_default()
    }

    fn self_destruct(&self) -> Result<(), ErrorNumber> {
        self.writable()?;
        if !self.current_balance().is_zero() {
            return Err(ErrorNumber::IllegalOperation);
        }
        self.execution
            .core
            .tree
            .borrow_mut()
            .delete_actor(self.frame.actor);
        Ok(())
    }

    fn resolve_address(&self, address: &Address) -> Option<ActorID> {
        or_fault(self.execution.core.tree.borrow().resolve(address))
    }

    fn delegated_address(&self, id: ActorID) -> Option<Address> {
        self.actor(id)?.delegated_address
    }

    fn code_cid(&self, id: ActorID) -> Option<Cid> {
        Some(self.actor(id)?.code)
    }

    fn balance_of(&self, id: ActorID) -> Option<TokenAmount> {
        Some(self.actor(id)?.balance)
    }

    fn builtin_type(&self, code: &Cid) -> u32 {
        self.execution.core.manifest.type_of(code).unwrap_or(0)
    }

    fn builtin_code(&self, position: u32) -> Option<Cid> {
        self.execution.core.manifest.code_of_type(position)
    }

    fn next_actor_address(&self) -> Address {
        self.execution.next_actor_address()
    }

    fn create_actor(
        &self,
        code: &Cid,
        id: ActorID,
        delegated: Option<Address>,
    ) -> Result<(), ErrorNumber> {
        if self.frame.actor != INIT_ACTOR {
            return Err(ErrorNumber::Forbidden);
        }
        self.writable()?;
        let core = self.execution.core;
        if core.manifest.type_of(code).is_none() {
            core.check_user_code(code)?;
        }
        let is_placeholder = |code: &Cid| core.manifest.is(code, "placeholder");
        if is_placeholder(code) {
            return Err(ErrorNumber::Forbidden);
        }
        let created = match self.actor(id) {
            None => ActorState::new_empty(*code, delegated),
            Some(found)
                if is_placeholder(&found.code)
                    && found.delegated_address.is_some()
                    && found.delegated_address == delegated =>
            {
                ActorState {
                    code: *code,
                    ..found
                }
            }
            Some(_) => return Err(ErrorNumber::Forbidden),
        };
        core.tree.borrow_mut().set_actor(id, created);
        self.execution.count_created();
        Ok(())
    }

    fn upgrade_actor(
        &self,
        code: &Cid,
        params: Option<IpldBlock>,
    ) -> Result<Response, ErrorNumber> {
        let params = self.params(params)?;
        if !self.frame.read_only {
            self.execution.core.check_user_code(code)?;
        }
        match self.execution.upgrade(self.frame, *code, params) {
            Ok(reply) if reply.exit_code.is_success() => order(Order::Exit(reply)),
            returned => self.response(returned),
        }
    }

    fn send(
        &self,
        to: &Address,
        method: MethodNum,
        params: Option<IpldBlock>,
        value: TokenAmount,
        gas_limit: Option<u64>,
        flags: SendFlags,
    ) -> Result<Response, ErrorNumber> {
        if u128::try_from(value.atto()).is_err() {
            return Err(ErrorNumber::InsufficientFunds);
        }
        let params = self.params(params)?;
        if SendFlags::from_bits(flags.bits()).is_none() {
            return Err(ErrorNumber::IllegalArgument);
        }
        self.response(self.execution.call(Request {
            from: self.frame.actor,
            to: *to,
            entry: Entry::Invoke(method),
            params,
            value: &value,
            gas_limit: gas_limit.filter(|limit| *limit < u64::MAX),
            read_only: self.frame.read_only || flags.read_only(),
        }))
    }

    fn ticket_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ErrorNumber> {
        self.randomness(epoch, || {
            self.execution.core.context.chain.ticket_randomness(epoch)
        })
    }

    fn beacon_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ErrorNumber> {
        self.randomness(epoch, || {
            self.execution.core.context.chain.beacon_randomness(epoch)
        })
    }

    fn tipset_cid(&self, epoch: ChainEpoch) -> Result<Cid, ErrorNumber> {
        let context = &self.execution.core.context;
        if epoch < 0 || epoch >= context.epoch {
            return Err(ErrorNumber::IllegalArgument);
        }
        // A past epoch that the chain does not know is the node's fault.
        let found = context.chain.tipset_cid(epoch);
        Ok(or_fault(
            found.map_err(|error| VmError::Fatal(error.into())),
        ))
    }

    fn circulating_supply(&self) -> TokenAmount {
        self.execution.core.context.circulating_supply.clone()
    }

    /// The message's limit, but for the little that is counted here.
    fn gas_available(&self) -> u64 {
        match self.execution.core.substitutions.unmetered {
            true => UNMETERED_GAS_AVAILABLE,
            false => self.execution.gas_left(),
        }
    }

    /// Nobody pays for it, but beyond the message's limit the actor ends.
    fn charge_gas(&self, _name: &str, compute: u64) {
        if !self.execution.count_work(compute) {
            order(Order::OutOfGas);
        }
    }

    /// Actors mix drawn randomness themselves, by hashing tag (8 bytes) ‖ base
    /// (32) ‖ epoch (8) ‖ entropy: where randomness is fixed, so is this hash.
    fn hash(&self, hasher: SupportedHashes, data: &[u8]) -> Vec<u8> {
        match self.execution.core.substitutions.randomness {
            Some(fixed)
                if hasher == SupportedHashes::Blake2b256
                    && data.len() >= 48
                    && data[8..40] == fixed =>
            {
                fixed.to_vec()
            }
            _ => crypto::hash(hasher, data),
        }
    }

    fn verify_signature(
        &self,
        kind: SignatureType,
        signature: &[u8],
        signer: &Address,
        plaintext: &[u8],
    ) -> Result<bool, ErrorNumber> {
        match self.execution.core.substitutions.signatures_equal_message {
            true => Ok(signature == plaintext),
            false => crypto::verify(kind, signature, signer, plaintext),
        }
    }

    fn verify_bls_aggregate(
        &self,
        signature: &[u8; 96],
        keys: &[[u8; 48]],
        plaintexts: &[&[u8]],
    ) -> Result<bool, ErrorNumber> {
        crypto::verify_aggregate(signature, keys, plaintexts)
    }

    fn recover_secp_key(
        &self,
        hash: &[u8; 32],
        signature: &[u8; 65],
    ) -> Result<[u8; 65], ErrorNumber> {
        crypto::recover(hash, signature)
    }

    fn unsealed_sector_cid(
        &self,
        proof: RegisteredSealProof,
        pieces: &[PieceInfo],
    ) -> Result<Cid, ErrorNumber> {
        self.verify(|verifier| verifier.unsealed_sector_cid(proof, pieces))
    }

    fn verify_post(&self, info: &WindowPoStVerifyInfo) -> Result<bool, ErrorNumber> {
        self.verify(|verifier| verifier.verify_post(info))
    }

    fn batch_verify_seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>, ErrorNumber> {
        self.verify(|verifier| verifier.batch_verify_seals(seals))
    }

    fn verify_aggregate_seals(
        &self,
        aggregate: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, ErrorNumber> {
        self.verify(|verifier| verifier.verify_aggregate_seals(aggregate))
    }

    fn verify_replica_update(&self, update: &ReplicaUpdateInfo) -> Result<bool, ErrorNumber> {
        self.verify(|verifier| verifier.verify_replica_update(update))
    }

    fn verify_consensus_fault(
        &self,
        header_1: &[u8],
        header_2: &[u8],
        extra: &[u8],
    ) -> Result<Option<ConsensusFault>, ErrorNumber> {
        self.verify(|verifier| verifier.verify_consensus_fault(header_1, header_2, extra))
    }

    fn emit_event(&self, event: &ActorEvent) -> Result<(), ErrorNumber> {
        self.writable()?;
        let value_bytes: usize = event.entries.iter().map(|entry| entry.value.len()).sum();
        if event.entries.len() > MAX_EVENT_ENTRIES || value_bytes > MAX_EVENT_VALUE_BYTES {
            return Err(ErrorNumber::LimitExceeded);
        }
        for entry in &event.entries {
            if Flags::from_bits(entry.flags.bits()).is_none() {
                return Err(ErrorNumber::IllegalArgument);
            }
            if entry.key.len() > MAX_EVENT_KEY_BYTES {
                return Err(ErrorNumber::LimitExceeded);
            }
            if ![IPLD_RAW, CBOR].contains(&entry.codec) {
                return Err(ErrorNumber::IllegalCodec);
            }
        }
        self.execution
            .append_event(StampedEvent::new(self.frame.actor, event.clone()));
        Ok(())
    }

    /// Logging costs no gas here, so a trace is reader enough.
    fn log_enabled(&self) -> bool {
        self.execution.recorder.borrow().is_on() || self.execution.core.engine.actor_logs()
    }

    fn log(&self, line: &str) {
        tracing::debug!(target: "boatyard_vm::actor", actor = self.frame.actor, "{line}");
        self.execution.recorder.borrow_mut().log(line);
    }

    fn watches_instructions(&self) -> bool {
        self.interceptor()
            .is_some_and(|interceptor| interceptor.watches_instructions())
    }

    fn instruction(&self, at: &dyn Instruction) {
        self.tell(|interceptor| {
            interceptor.instruction(&Watched {
                actor: self.frame.actor,
                depth: self.execution.depth(),
                gas_left: self.execution.gas_left(),
                inside: at,
            });
        });
    }

    fn instruction_failed(&self, why: &str) {
        self.tell(|interceptor| interceptor.instruction_failed(why));
    }
}
