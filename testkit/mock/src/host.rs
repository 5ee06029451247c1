//! What an actor sees of the world during one call.

use std::rc::Rc;

use boatyard_sdk::{Host, MessageContext, NetworkContext, NetworkVariant, Type};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, DAG_CBOR, IPLD_RAW};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::crypto::hash::SupportedHashes;
use fvm_shared::crypto::signature::SignatureType;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ErrorNumber;
use fvm_shared::event::{ActorEvent, StampedEvent};
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};
use fvm_shared::sys::SendFlags;
use fvm_shared::{ActorID, MethodNum, Response};
use multihash_codetable::{Code, MultihashDigest};

use crate::runtime::MockRuntime;
use crate::sends::{Request, Sent};
use crate::verify::{Check, recover};
use crate::world::{ActorRecord, StandIn, Upgraded, World, code_cid};

/// Blocks are at most this long (spec 00 §7).
pub const MAX_BLOCK_BYTES: usize = 1 << 20;

/// ID of the init actor, the only one that may create actors.
const INIT_ACTOR_ID: ActorID = 1;

/// The system calls of one call, answered by a [`MockRuntime`]'s world.
pub struct MockHost {
    world: Rc<World>,
    message: MessageContext,
    network: NetworkContext,
    variant: NetworkVariant,
}

impl MockHost {
    pub(crate) fn new(
        world: Rc<World>,
        message: MessageContext,
        network: NetworkContext,
        variant: NetworkVariant,
    ) -> Self {
        Self {
            world,
            message,
            network,
            variant,
        }
    }

    fn with_actor<T>(&self, read: impl FnOnce(&mut ActorRecord) -> T) -> Result<T, ErrorNumber> {
        self.world
            .ledger
            .borrow_mut()
            .actors
            .get_mut(&self.message.receiver)
            .map(read)
            .ok_or(ErrorNumber::IllegalOperation)
    }

    fn check(&self, check: Check) {
        self.world.checks.borrow_mut().push(check);
    }

    fn base_randomness(
        &self,
        chain: &str,
        epoch: ChainEpoch,
        set: Option<[u8; 32]>,
    ) -> Result<[u8; 32], ErrorNumber> {
        if epoch > self.network.epoch {
            return Err(ErrorNumber::IllegalArgument);
        }
        Ok(set.unwrap_or_else(|| default_randomness(chain, epoch)))
    }
}

/// Base randomness of an epoch for which the test set none: BLAKE2b-256 of the
/// chain's name and the epoch.
pub(crate) fn default_randomness(chain: &str, epoch: ChainEpoch) -> [u8; 32] {
    let digest = Code::Blake2b256.digest(format!("{chain} {epoch}").as_bytes());
    digest.digest().try_into().expect("the digest has 32 bytes")
}

impl Host for MockHost {
    fn message(&self) -> &MessageContext {
        &self.message
    }

    fn network(&self) -> &NetworkContext {
        &self.network
    }

    fn variant(&self) -> NetworkVariant {
        self.variant
    }

    fn block_get(&self, cid: &Cid) -> Result<Vec<u8>, ErrorNumber> {
        self.world
            .store
            .get(cid)
            .ok()
            .flatten()
            .ok_or(ErrorNumber::NotFound)
    }

    fn block_put(&self, codec: u64, hash: u64, data: &[u8]) -> Result<Cid, ErrorNumber> {
        if data.len() > MAX_BLOCK_BYTES {
            return Err(ErrorNumber::LimitExceeded);
        }
        if ![CBOR, DAG_CBOR, IPLD_RAW].contains(&codec) {
            return Err(ErrorNumber::IllegalCodec);
        }
        if hash != u64::from(Code::Blake2b256) {
            return Err(ErrorNumber::IllegalCid);
        }
        let cid = Cid::new_v1(codec, Code::Blake2b256.digest(data));
        self.world
            .store
            .put_keyed(&cid, data)
            .expect("a memory block store takes every block");
        Ok(cid)
    }

    fn root(&self) -> Result<Cid, ErrorNumber> {
        self.with_actor(|actor| actor.head)
    }

    fn set_root(&self, root: &Cid) -> Result<(), ErrorNumber> {
        if self.message.read_only {
            return Err(ErrorNumber::ReadOnly);
        }
        self.block_get(root)?;
        self.with_actor(|actor| actor.head = *root)
    }

    fn current_balance(&self) -> TokenAmount {
        self.with_actor(|actor| actor.balance.clone())
            .unwrap_or_default()
    }

    fn self_destruct(&self) -> Result<(), ErrorNumber> {
        if self.message.read_only {
            return Err(ErrorNumber::ReadOnly);
        }
        if !self.with_actor(|actor| actor.balance.is_zero())? {
            return Err(ErrorNumber::IllegalOperation);
        }
        let mut ledger = self.world.ledger.borrow_mut();
        ledger.actors.remove(&self.message.receiver);
        Ok(())
    }

    fn resolve_address(&self, address: &Address) -> Option<ActorID> {
        self.world.resolve(address)
    }

    fn delegated_address(&self, id: ActorID) -> Option<Address> {
        self.world.ledger.borrow().actors.get(&id)?.delegated
    }

    fn code_cid(&self, id: ActorID) -> Option<Cid> {
        Some(self.world.ledger.borrow().actors.get(&id)?.code)
    }

    fn balance_of(&self, id: ActorID) -> Option<TokenAmount> {
        Some(self.world.ledger.borrow().actors.get(&id)?.balance.clone())
    }

    fn builtin_type(&self, code: &Cid) -> u32 {
        Type::ALL
            .into_iter()
            .find(|kind| code_cid(*kind) == *code)
            .map_or(0, |kind| kind as u32)
    }

    fn builtin_code(&self, position: u32) -> Option<Cid> {
        Type::from_position(position).map(code_cid)
    }

    fn next_actor_address(&self) -> Address {
        let settings = self.world.settings.borrow();
        let origin = settings
            .origin_address
            .unwrap_or(Address::new_id(self.message.origin));
        let mut preimage =
            fvm_ipld_encoding::to_vec(&origin).expect("an address has a binary form");
        preimage.extend_from_slice(&self.message.nonce.to_be_bytes());
        preimage.extend_from_slice(&self.world.actors_created.get().to_be_bytes());
        Address::new_actor(&preimage)
    }

    /// Source: spec 00 §13.
    fn create_actor(
        &self,
        code: &Cid,
        id: ActorID,
        delegated: Option<Address>,
    ) -> Result<(), ErrorNumber> {
        if self.message.receiver != INIT_ACTOR_ID {
            return Err(ErrorNumber::Forbidden);
        }
        if self.message.read_only {
            return Err(ErrorNumber::ReadOnly);
        }
        let placeholder = code_cid(Type::Placeholder);
        if *code == placeholder {
            return Err(ErrorNumber::Forbidden);
        }
        let mut ledger = self.world.ledger.borrow_mut();
        match ledger.actors.get_mut(&id) {
            Some(actor) if actor.code == placeholder && actor.delegated == delegated => {
                actor.code = *code;
            }
            Some(_) => return Err(ErrorNumber::Forbidden),
            None => {
                let mut actor = ActorRecord::of_code(*code);
                actor.delegated = delegated;
                ledger.actors.insert(id, actor);
            }
        }
        drop(ledger);
        let created = &self.world.actors_created;
        created.set(created.get() + 1);
        Ok(())
    }

    /// Changes the code CID and ends the call without data, as if the new code's
    /// `upgrade` had done nothing; see [`MockRuntime::upgrade_fails`].
    fn upgrade_actor(
        &self,
        code: &Cid,
        _params: Option<IpldBlock>,
    ) -> Result<Response, ErrorNumber> {
        if self.message.read_only {
            return Err(ErrorNumber::ReadOnly);
        }
        if let Some(failure) = self.world.settings.borrow_mut().upgrade_failure.take() {
            return failure;
        }
        self.with_actor(|actor| actor.code = *code)?;
        std::panic::resume_unwind(Box::new(Upgraded))
    }

    /// The checks of spec 00 §9 that do not depend on the receiver, then the
    /// next expected send.
    fn send(
        &self,
        to: &Address,
        method: MethodNum,
        params: Option<IpldBlock>,
        value: TokenAmount,
        gas_limit: Option<u64>,
        flags: SendFlags,
    ) -> Result<Response, ErrorNumber> {
        if value.is_negative() || value.atto().bits() > 128 {
            return Err(ErrorNumber::InsufficientFunds);
        }
        if let Some(params) = &params {
            if params.data.len() > MAX_BLOCK_BYTES {
                return Err(ErrorNumber::LimitExceeded);
            }
            if ![CBOR, DAG_CBOR, IPLD_RAW].contains(&params.codec) {
                return Err(ErrorNumber::IllegalCodec);
            }
        }
        let read_only = self.message.read_only || flags.contains(SendFlags::READ_ONLY);
        if read_only && !value.is_zero() {
            return Err(ErrorNumber::ReadOnly);
        }

        let world = &self.world;
        world.sends_made.set(world.sends_made.get() + 1);
        let sent = Sent {
            to,
            method,
            params: &params,
            value: &value,
            flags,
            gas_limit,
        };
        let expected = world.expected.borrow_mut().pop_front();
        let Some(expected) = expected else {
            let stand_in = world.stand_in.borrow().clone();
            if let Some(stand_in) = stand_in {
                return self.answer(&*stand_in, &sent);
            }
            world.complain(format!(
                "send {} was not expected:\n  {sent}",
                world.sends_made.get()
            ));
        };
        if !expected.matches(&sent) {
            world.complain(format!(
                "send {} is not the expected one:\n  sent     {sent}\n  expected {expected}",
                world.sends_made.get()
            ));
        }
        let succeeds = matches!(&expected.answer, Ok(response) if response.exit_code.is_success());
        if succeeds && !value.is_zero() {
            self.transfer(to, &value, &sent);
        }
        if let Some(effect) = expected.effect {
            // A call back into an actor makes the sends expected in the effect; those
            // expected before are of the call that waits.
            let waiting = world.expected.take();
            let made = world.sends_made.get();
            effect(&MockRuntime::around(world.clone()));
            world.expected.borrow_mut().extend(waiting);
            world.sends_made.set(made);
        }
        expected.answer
    }

    fn ticket_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ErrorNumber> {
        let set = self.world.settings.borrow().tickets.get(&epoch).copied();
        self.base_randomness("ticket", epoch, set)
    }

    fn beacon_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ErrorNumber> {
        let set = self.world.settings.borrow().beacons.get(&epoch).copied();
        self.base_randomness("beacon", epoch, set)
    }

    fn tipset_cid(&self, epoch: ChainEpoch) -> Result<Cid, ErrorNumber> {
        if !(0..self.network.epoch).contains(&epoch) {
            return Err(ErrorNumber::IllegalArgument);
        }
        let set = self.world.settings.borrow().tipsets.get(&epoch).copied();
        Ok(set.unwrap_or_else(|| {
            Cid::new_v1(
                DAG_CBOR,
                Code::Blake2b256.digest(format!("tipset {epoch}").as_bytes()),
            )
        }))
    }

    fn circulating_supply(&self) -> TokenAmount {
        self.world.settings.borrow().circulating_supply.clone()
    }

    fn gas_available(&self) -> u64 {
        let gas = self.world.settings.borrow().gas;
        gas.saturating_sub(self.world.gas_charged.get())
    }

    fn charge_gas(&self, name: &str, compute: u64) {
        let charged = &self.world.gas_charged;
        charged.set(charged.get().saturating_add(compute));
        self.check(Check::Gas {
            name: name.into(),
            compute,
        });
    }

    fn hash(&self, hasher: SupportedHashes, data: &[u8]) -> Vec<u8> {
        let code = match hasher {
            SupportedHashes::Sha2_256 => Code::Sha2_256,
            SupportedHashes::Blake2b256 => Code::Blake2b256,
            SupportedHashes::Blake2b512 => Code::Blake2b512,
            SupportedHashes::Keccak256 => Code::Keccak256,
            SupportedHashes::Ripemd160 => Code::Ripemd160,
        };
        self.world.hash(code, data)
    }

    fn verify_signature(
        &self,
        kind: SignatureType,
        signature: &[u8],
        signer: &Address,
        plaintext: &[u8],
    ) -> Result<bool, ErrorNumber> {
        self.check(Check::Signature {
            kind,
            signature: signature.to_vec(),
            signer: *signer,
            plaintext: plaintext.to_vec(),
        });
        let verifier = self.world.verifier.borrow().clone();
        verifier.signature(kind, signature, signer, plaintext)
    }

    fn verify_bls_aggregate(
        &self,
        signature: &[u8; 96],
        keys: &[[u8; 48]],
        plaintexts: &[&[u8]],
    ) -> Result<bool, ErrorNumber> {
        self.check(Check::BlsAggregate {
            signature: *signature,
            keys: keys.to_vec(),
            plaintexts: plaintexts.iter().map(|text| text.to_vec()).collect(),
        });
        let verifier = self.world.verifier.borrow().clone();
        verifier.bls_aggregate(signature, keys, plaintexts)
    }

    fn recover_secp_key(
        &self,
        hash: &[u8; 32],
        signature: &[u8; 65],
    ) -> Result<[u8; 65], ErrorNumber> {
        recover(hash, signature).ok_or(ErrorNumber::IllegalArgument)
    }

    fn unsealed_sector_cid(
        &self,
        proof: RegisteredSealProof,
        pieces: &[PieceInfo],
    ) -> Result<Cid, ErrorNumber> {
        self.check(Check::UnsealedCid {
            proof,
            pieces: pieces.to_vec(),
        });
        let verifier = self.world.verifier.borrow().clone();
        verifier.unsealed_sector_cid(proof, pieces)
    }

    fn verify_post(&self, info: &WindowPoStVerifyInfo) -> Result<bool, ErrorNumber> {
        self.check(Check::Post(info.clone()));
        let verifier = self.world.verifier.borrow().clone();
        verifier.post(info)
    }

    fn batch_verify_seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>, ErrorNumber> {
        self.check(Check::Seals(seals.to_vec()));
        let verifier = self.world.verifier.borrow().clone();
        verifier.seals(seals)
    }

    fn verify_aggregate_seals(
        &self,
        aggregate: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, ErrorNumber> {
        self.check(Check::AggregateSeals(aggregate.clone()));
        let verifier = self.world.verifier.borrow().clone();
        verifier.aggregate_seals(aggregate)
    }

    fn verify_replica_update(&self, update: &ReplicaUpdateInfo) -> Result<bool, ErrorNumber> {
        self.check(Check::ReplicaUpdate(update.clone()));
        let verifier = self.world.verifier.borrow().clone();
        verifier.replica_update(update)
    }

    fn verify_consensus_fault(
        &self,
        header_1: &[u8],
        header_2: &[u8],
        extra: &[u8],
    ) -> Result<Option<ConsensusFault>, ErrorNumber> {
        self.check(Check::ConsensusFault {
            header_1: header_1.to_vec(),
            header_2: header_2.to_vec(),
            extra: extra.to_vec(),
        });
        let verifier = self.world.verifier.borrow().clone();
        verifier.consensus_fault(header_1, header_2, extra)
    }

    /// The limits of spec 00 §15.
    fn emit_event(&self, event: &ActorEvent) -> Result<(), ErrorNumber> {
        if self.message.read_only {
            return Err(ErrorNumber::ReadOnly);
        }
        let entries = &event.entries;
        let values: usize = entries.iter().map(|entry| entry.value.len()).sum();
        if entries.len() > 255 || values > 8192 || entries.iter().any(|e| e.key.len() > 31) {
            return Err(ErrorNumber::LimitExceeded);
        }
        if entries
            .iter()
            .any(|entry| ![CBOR, IPLD_RAW].contains(&entry.codec))
        {
            return Err(ErrorNumber::IllegalCodec);
        }
        let stamped = StampedEvent::new(self.message.receiver, event.clone());
        self.world.ledger.borrow_mut().events.push(stamped);
        Ok(())
    }

    fn log_enabled(&self) -> bool {
        true
    }

    fn log(&self, line: &str) {
        println!("f0{}: {line}", self.message.receiver);
    }
}

impl MockHost {
    /// Answers a send that was not expected, as a machine would treat its value.
    fn answer(&self, stand_in: &StandIn, sent: &Sent<'_>) -> Result<Response, ErrorNumber> {
        if self.current_balance() < *sent.value {
            return Err(ErrorNumber::InsufficientFunds);
        }
        let before = self.world.ledger.borrow().clone();
        let made = self.world.sends_made.get();
        let charged = self.world.gas_charged.get();
        self.transfer(sent.to, sent.value, sent);
        let request = Request {
            to: sent.to,
            method: sent.method,
            params: sent.params,
            value: sent.value,
            read_only: self.message.read_only || sent.flags.contains(SendFlags::READ_ONLY),
        };
        let answer = stand_in(&MockRuntime::around(self.world.clone()), &request);
        if !matches!(&answer, Ok(response) if response.exit_code.is_success()) {
            *self.world.ledger.borrow_mut() = before;
        }
        self.world.sends_made.set(made);
        self.world.gas_charged.set(charged);
        answer
    }

    fn transfer(&self, to: &Address, value: &TokenAmount, sent: &Sent<'_>) {
        let target = self.world.resolve(to);
        let mut ledger = self.world.ledger.borrow_mut();
        let balance = ledger
            .actors
            .get(&self.message.receiver)
            .map(|actor| actor.balance.clone())
            .unwrap_or_default();
        if balance < *value {
            drop(ledger);
            self.world.complain(format!(
                "the test lets a send succeed for which the actor has too little ({} atto):\n  {sent}",
                balance.atto()
            ));
        }
        if let Some(actor) = ledger.actors.get_mut(&self.message.receiver) {
            actor.balance -= value;
        }
        if let Some(actor) = target.and_then(|id| ledger.actors.get_mut(&id)) {
            actor.balance += value;
        }
    }
}
