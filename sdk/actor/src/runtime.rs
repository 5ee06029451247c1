//! What an actor method can do.
//!
//! [`Runtime`] is the same on every machine: it adds the rules of the actor
//! protocol (caller validation, state transactions, propagation of failures) to
//! the bare system calls of a [`Host`]. Source: spec 00 §8-§12, §15-§16.

use std::cell::Cell;

use anyhow::anyhow;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, DAG_CBOR, IPLD_RAW, RawBytes};
use fvm_shared::address::{Address, Payload};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::crypto::hash::SupportedHashes;
use fvm_shared::crypto::signature::SignatureType;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::event::ActorEvent;
use fvm_shared::sys::SendFlags;
use fvm_shared::{ActorID, EMPTY_ARR_CID, MethodNum, Response};
use multihash_codetable::Code;
use num_traits::Zero;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ActorError, Context, SendResult, SendResultExt};
use crate::host::{Host, MessageContext, NetworkContext};
use crate::network::{NetworkVariant, Type};
use crate::{actor_error, ensure};

/// What has happened in the current call: which of the once-only rules are used up.
#[derive(Debug, Default)]
pub struct Guard {
    caller_validated: Cell<bool>,
    in_transaction: Cell<bool>,
}

impl Guard {
    /// Whether a caller validation has passed.
    pub fn caller_validated(&self) -> bool {
        self.caller_validated.get()
    }
}

/// A [`Runtime`] on any [`Host`].
pub struct ActorRuntime<H> {
    host: H,
    guard: Guard,
}

impl<H: Host> ActorRuntime<H> {
    /// A runtime for one call.
    pub fn new(host: H) -> Self {
        Self {
            host,
            guard: Guard::default(),
        }
    }

    /// The host, after the call.
    pub fn into_host(self) -> H {
        self.host
    }
}

impl<H: Host> Runtime for ActorRuntime<H> {
    type Host = H;

    fn host(&self) -> &H {
        &self.host
    }

    fn guard(&self) -> &Guard {
        &self.guard
    }
}

/// The host's block store, for collections.
pub struct HostStore<'a, H>(&'a H);

impl<H> Clone for HostStore<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for HostStore<'_, H> {}

impl<H: Host> Blockstore for HostStore<'_, H> {
    fn get(&self, cid: &Cid) -> anyhow::Result<Option<Vec<u8>>> {
        match self.0.block_get(cid) {
            Ok(block) => Ok(Some(block)),
            Err(ErrorNumber::NotFound) => Ok(None),
            Err(other) => Err(anyhow!("reading block {cid}: {other}")),
        }
    }

    fn put_keyed(&self, cid: &Cid, block: &[u8]) -> anyhow::Result<()> {
        let stored = self
            .0
            .block_put(cid.codec(), cid.hash().code(), block)
            .map_err(|error| anyhow!("storing block {cid}: {error}"))?;
        if stored != *cid {
            return Err(anyhow!("block stored as {stored}, not as {cid}"));
        }
        Ok(())
    }

    fn put<D>(&self, hash: Code, block: &fvm_ipld_blockstore::Block<D>) -> anyhow::Result<Cid>
    where
        D: AsRef<[u8]>,
    {
        self.0
            .block_put(block.codec, hash.into(), block.data.as_ref())
            .map_err(|error| anyhow!("storing a block: {error}"))
    }
}

/// Domain separation tags of drawn randomness (spec 00 §16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
#[allow(missing_docs)]
pub enum RandomnessTag {
    TicketProduction = 1,
    ElectionProofProduction = 2,
    WinningPoStChallengeSeed = 3,
    WindowedPoStChallengeSeed = 4,
    SealRandomness = 5,
    InteractiveSealChallengeSeed = 6,
    WindowPoStDeadlineAssignment = 7,
    MarketDealCronSeed = 8,
    PoStChainCommit = 9,
    EvmPrevRandao = 10,
}

/// What an actor method can do. Only [`host`](Runtime::host) and
/// [`guard`](Runtime::guard) differ between machines.
pub trait Runtime: Sized {
    /// The machine below.
    type Host: Host;

    /// The bare system calls. Actors reach for them where this trait has no
    /// rule to add (proof checks, gas, hashes).
    fn host(&self) -> &Self::Host;

    /// The once-only rules of this call.
    fn guard(&self) -> &Guard;

    // --- The message and the network ---

    /// The message being executed.
    fn message(&self) -> &MessageContext {
        self.host().message()
    }

    /// The network it is executed on.
    fn network(&self) -> &NetworkContext {
        self.host().network()
    }

    /// Current epoch.
    fn epoch(&self) -> ChainEpoch {
        self.network().epoch
    }

    /// The policy set this code runs under.
    fn variant(&self) -> NetworkVariant {
        self.host().variant()
    }

    /// ID address of the immediate caller.
    fn caller(&self) -> Address {
        Address::new_id(self.message().caller)
    }

    /// ID address of this actor.
    fn receiver(&self) -> Address {
        Address::new_id(self.message().receiver)
    }

    /// Value received with the call, in attoFIL; part of the balance already.
    fn value_received(&self) -> &TokenAmount {
        &self.message().value
    }

    /// Balance of this actor in attoFIL.
    fn current_balance(&self) -> TokenAmount {
        self.host().current_balance()
    }

    // --- Who calls: exactly one of these per successful call (spec 00 §11) ---

    /// Accepts any caller.
    fn accept_any_caller(&self) -> Result<(), ActorError> {
        self.first_validation()?;
        self.guard().caller_validated.set(true);
        Ok(())
    }

    /// The caller must be one of these ID addresses (others never match).
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18).
    fn validate_caller_is<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a Address>,
    ) -> Result<(), ActorError> {
        self.first_validation()?;
        let caller = self.caller();
        ensure!(
            addresses.into_iter().any(|address| *address == caller),
            USR_FORBIDDEN,
            "{caller} may not call this method"
        );
        self.guard().caller_validated.set(true);
        Ok(())
    }

    /// The caller's code must be of one of these built-in types.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18).
    fn validate_caller_type(&self, types: &[Type]) -> Result<(), ActorError> {
        self.first_validation()?;
        let code = self
            .host()
            .code_cid(self.message().caller)
            .or_exit(ExitCode::USR_ASSERTION_FAILED, "the caller is no actor")?;
        let kind = self.builtin_type(&code);
        ensure!(
            kind.is_some_and(|kind| types.contains(&kind)),
            USR_FORBIDDEN,
            "an actor of type {} may not call this method",
            kind.map_or("not built in", Type::name)
        );
        self.guard().caller_validated.set(true);
        Ok(())
    }

    #[doc(hidden)]
    fn first_validation(&self) -> Result<(), ActorError> {
        ensure!(
            !self.guard().caller_validated(),
            USR_ASSERTION_FAILED,
            "the caller was validated twice"
        );
        Ok(())
    }

    // --- State (spec 00 §8) ---

    /// The block store that holds this actor's state.
    fn store(&self) -> HostStore<'_, Self::Host> {
        HostStore(self.host())
    }

    /// Stores the first state; constructors call it.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the actor has a state.
    fn create<S: Serialize>(&self, state: &S) -> Result<(), ActorError> {
        let root = self
            .host()
            .root()
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "the actor was deleted")?;
        ensure!(
            root == EMPTY_ARR_CID,
            USR_ILLEGAL_STATE,
            "the actor has a state already"
        );
        self.save(state)
    }

    /// A copy of the state.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the actor was deleted or a block is missing,
    /// `USR_ILLEGAL_ARGUMENT` (16) when the state is of another type.
    fn state<S: DeserializeOwned>(&self) -> Result<S, ActorError> {
        let root = self
            .host()
            .root()
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "the actor was deleted")?;
        self.load(&root)
    }

    /// Changes the state: loads it, runs `change` on the copy, and stores what it
    /// left, even if nothing changed. If `change` fails nothing is stored. While
    /// it runs no message can be sent and no actor created or deleted.
    ///
    /// # Errors
    /// Those of `change`; `USR_ILLEGAL_ARGUMENT` (16) when the state does not
    /// decode or cannot be stored, `USR_READ_ONLY` (25) in a read-only call.
    fn transaction<S, T>(
        &self,
        change: impl FnOnce(&mut S) -> Result<T, ActorError>,
    ) -> Result<T, ActorError>
    where
        S: Serialize + DeserializeOwned,
    {
        ensure!(
            !self.guard().in_transaction.get(),
            USR_ASSERTION_FAILED,
            "a transaction inside a transaction"
        );
        let root = self
            .host()
            .root()
            .or_exit(ExitCode::USR_ILLEGAL_ARGUMENT, "the actor was deleted")?;
        let mut state = self.load(&root)?;
        self.guard().in_transaction.set(true);
        let result = change(&mut state);
        self.guard().in_transaction.set(false);
        let value = result?;
        self.save(&state)?;
        Ok(value)
    }

    #[doc(hidden)]
    fn load<S: DeserializeOwned>(&self, root: &Cid) -> Result<S, ActorError> {
        let block = self
            .host()
            .block_get(root)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "no state block")?;
        fvm_ipld_encoding::from_slice(&block).or_exit(
            ExitCode::USR_ILLEGAL_ARGUMENT,
            "the state is of another type",
        )
    }

    #[doc(hidden)]
    fn save<S: Serialize>(&self, state: &S) -> Result<(), ActorError> {
        let block = fvm_ipld_encoding::to_vec(state).or_exit(
            ExitCode::USR_ILLEGAL_ARGUMENT,
            "the state cannot be encoded",
        )?;
        let root = self
            .host()
            .block_put(DAG_CBOR, Code::Blake2b256.into(), &block)
            .or_exit(ExitCode::USR_ILLEGAL_ARGUMENT, "the state cannot be stored")?;
        self.set_root(&root)
    }

    /// Sets the head to a block stored before. For actors that manage their
    /// state themselves; others use [`transaction`](Runtime::transaction).
    ///
    /// # Errors
    /// `USR_READ_ONLY` (25), `USR_ILLEGAL_STATE` (20) when the actor was deleted.
    fn set_root(&self, root: &Cid) -> Result<(), ActorError> {
        self.host().set_root(root).map_err(|error| match error {
            ErrorNumber::ReadOnly => {
                actor_error!(USR_READ_ONLY, "the state cannot change in a read-only call")
            }
            other => actor_error!(USR_ILLEGAL_STATE, "the state root cannot be set: {other}"),
        })
    }

    /// Stores a value as a block of its own (DAG-CBOR), for the state to link to.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20).
    fn put<T: Serialize + ?Sized>(&self, value: &T) -> Result<Cid, ActorError> {
        let block = fvm_ipld_encoding::to_vec(value)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "the value cannot be encoded")?;
        self.put_block(DAG_CBOR, &block)
    }

    /// Stores bytes as a raw block, for the state to link to.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20), above 1 MiB too.
    fn put_raw(&self, bytes: &[u8]) -> Result<Cid, ActorError> {
        self.put_block(IPLD_RAW, bytes)
    }

    #[doc(hidden)]
    fn put_block(&self, codec: u64, block: &[u8]) -> Result<Cid, ActorError> {
        self.host()
            .block_put(codec, Code::Blake2b256.into(), block)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "the block cannot be stored")
    }

    /// The bytes of a block that the state links to.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the actor cannot reach it.
    fn get_block(&self, cid: &Cid) -> Result<Vec<u8>, ActorError> {
        self.host()
            .block_get(cid)
            .or_exit(ExitCode::USR_ILLEGAL_STATE, "the block cannot be read")
    }

    /// Replaces this actor's code; the new code's `upgrade` gets `params`.
    ///
    /// Ends the call with what `upgrade` returns. Comes back only if the upgrade
    /// failed, with the reason: its exit code, or 24 when the machine refused.
    fn upgrade_actor(&self, code: &Cid, params: Option<IpldBlock>) -> ActorError {
        if self.guard().in_transaction.get() {
            return actor_error!(
                USR_ASSERTION_FAILED,
                "an actor cannot be upgraded inside a transaction"
            );
        }
        match self.host().upgrade_actor(code, params).success() {
            Ok(_) => actor_error!(
                USR_ASSERTION_FAILED,
                "the machine came back from an upgrade to {code}"
            ),
            Err(failure) => failure.context(format_args!("upgrading to {code}")),
        }
    }

    // --- Other actors ---

    /// Sends a message with all gas that is left and no flags.
    fn send(
        &self,
        to: &Address,
        method: MethodNum,
        params: Option<IpldBlock>,
        value: TokenAmount,
    ) -> SendResult {
        self.send_with(to, method, params, value, None, SendFlags::empty())
    }

    /// Sends a message without value that may change nothing.
    fn send_read_only(
        &self,
        to: &Address,
        method: MethodNum,
        params: Option<IpldBlock>,
    ) -> SendResult {
        self.send_with(
            to,
            method,
            params,
            TokenAmount::zero(),
            None,
            SendFlags::READ_ONLY,
        )
    }

    /// Sends a message.
    ///
    /// `gas_limit` is in units of gas, `None` for all that is left. The `Err` side
    /// is a call that was not made; see [`crate::SendResultExt`] for the usual
    /// way on. Fails with `IllegalOperation` inside a state transaction.
    fn send_with(
        &self,
        to: &Address,
        method: MethodNum,
        params: Option<IpldBlock>,
        value: TokenAmount,
        gas_limit: Option<u64>,
        flags: SendFlags,
    ) -> SendResult {
        if self.guard().in_transaction.get() {
            return Err(ErrorNumber::IllegalOperation);
        }
        self.host()
            .send(to, method, params, value, gas_limit, flags)
    }

    /// The ID behind an address; an ID address is itself, existing or not.
    fn resolve(&self, address: &Address) -> Option<ActorID> {
        match address.payload() {
            Payload::ID(id) => Some(*id),
            _ => self.host().resolve_address(address),
        }
    }

    /// The built-in type of a code CID.
    fn builtin_type(&self, code: &Cid) -> Option<Type> {
        Type::from_position(self.host().builtin_type(code))
    }

    /// The built-in type of an actor; `None` if it is missing or of other code.
    fn type_of(&self, id: ActorID) -> Option<Type> {
        self.builtin_type(&self.host().code_cid(id)?)
    }

    /// The code CID of a built-in type.
    fn code_of(&self, kind: Type) -> Result<Cid, ActorError> {
        self.host().builtin_code(kind as u32).or_exit(
            ExitCode::USR_ASSERTION_FAILED,
            "the manifest has no such actor",
        )
    }

    /// Creates an actor record; open to the init actor only.
    ///
    /// # Errors
    /// 16 for illegal arguments, 18 when the ID is taken, 24 otherwise
    /// (spec 00 §13).
    fn create_actor(
        &self,
        code: &Cid,
        id: ActorID,
        delegated: Option<Address>,
    ) -> Result<(), ActorError> {
        ensure!(
            !self.guard().in_transaction.get(),
            USR_ASSERTION_FAILED,
            "an actor cannot be created inside a transaction"
        );
        self.host()
            .create_actor(code, id, delegated)
            .map_err(|error| match error {
                ErrorNumber::IllegalArgument => {
                    actor_error!(
                        USR_ILLEGAL_ARGUMENT,
                        "the actor cannot be created from {code}"
                    )
                }
                ErrorNumber::Forbidden => actor_error!(USR_FORBIDDEN, "actor {id} exists already"),
                other => actor_error!(
                    USR_ASSERTION_FAILED,
                    "actor {id} cannot be created: {other}"
                ),
            })
    }

    /// Deletes this actor, whose balance must be zero.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) with a balance or in a read-only call.
    fn delete_actor(&self) -> Result<(), ActorError> {
        ensure!(
            !self.guard().in_transaction.get(),
            USR_ASSERTION_FAILED,
            "an actor cannot be deleted inside a transaction"
        );
        self.host().self_destruct().or_exit(
            ExitCode::USR_ILLEGAL_ARGUMENT,
            "the actor cannot be deleted",
        )
    }

    // --- Services ---

    /// Emits an event.
    ///
    /// # Errors
    /// `USR_ASSERTION_FAILED` (24), in read-only calls too.
    fn emit(&self, event: &ActorEvent) -> Result<(), ActorError> {
        self.host().emit_event(event).or_exit(
            ExitCode::USR_ASSERTION_FAILED,
            "the event cannot be emitted",
        )
    }

    /// Randomness drawn from the ticket chain.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for an epoch that is not to be had.
    fn ticket_randomness(
        &self,
        tag: RandomnessTag,
        epoch: ChainEpoch,
        entropy: &[u8],
    ) -> Result<[u8; 32], ActorError> {
        let base = self
            .host()
            .ticket_randomness(epoch)
            .map_err(|e| lookback_error(e, epoch))?;
        Ok(self.draw(tag, base, epoch, entropy))
    }

    /// Randomness drawn from the beacon.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for an epoch that is not to be had.
    fn beacon_randomness(
        &self,
        tag: RandomnessTag,
        epoch: ChainEpoch,
        entropy: &[u8],
    ) -> Result<[u8; 32], ActorError> {
        let base = self.raw_beacon_randomness(epoch)?;
        Ok(self.draw(tag, base, epoch, entropy))
    }

    /// The beacon's value at an epoch, undrawn.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) for an epoch that is not to be had.
    fn raw_beacon_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], ActorError> {
        self.host()
            .beacon_randomness(epoch)
            .map_err(|e| lookback_error(e, epoch))
    }

    #[doc(hidden)]
    fn draw(
        &self,
        tag: RandomnessTag,
        base: [u8; 32],
        epoch: ChainEpoch,
        entropy: &[u8],
    ) -> [u8; 32] {
        let mut input = Vec::with_capacity(48 + entropy.len());
        input.extend_from_slice(&(tag as i64).to_be_bytes());
        input.extend_from_slice(&base);
        input.extend_from_slice(&epoch.to_be_bytes());
        input.extend_from_slice(entropy);
        self.blake2b(&input)
    }

    /// BLAKE2b-256 of `data`.
    fn blake2b(&self, data: &[u8]) -> [u8; 32] {
        digest_32(self.host().hash(SupportedHashes::Blake2b256, data))
    }

    /// Keccak-256 of `data`.
    fn keccak(&self, data: &[u8]) -> [u8; 32] {
        digest_32(self.host().hash(SupportedHashes::Keccak256, data))
    }

    /// Whether raw signature bytes over `plaintext` are valid for a key address.
    ///
    /// # Errors
    /// `USR_ILLEGAL_ARGUMENT` (16) if not.
    fn verify_signature(
        &self,
        kind: SignatureType,
        signature: &[u8],
        signer: &Address,
        plaintext: &[u8],
    ) -> Result<(), ActorError> {
        let valid = self
            .host()
            .verify_signature(kind, signature, signer, plaintext);
        ensure!(
            valid == Ok(true),
            USR_ILLEGAL_ARGUMENT,
            "the signature is not valid for {signer}"
        );
        Ok(())
    }

    /// A line for the log; costs nothing when nobody reads it.
    fn log(&self, line: impl FnOnce() -> String) {
        if self.host().log_enabled() {
            self.host().log(&line());
        }
    }
}

fn lookback_error(error: ErrorNumber, epoch: ChainEpoch) -> ActorError {
    match error {
        ErrorNumber::LimitExceeded | ErrorNumber::IllegalArgument => {
            actor_error!(
                USR_ILLEGAL_ARGUMENT,
                "there is no randomness for epoch {epoch}"
            )
        }
        other => actor_error!(USR_ASSERTION_FAILED, "randomness of epoch {epoch}: {other}"),
    }
}

fn digest_32(digest: Vec<u8>) -> [u8; 32] {
    digest.try_into().expect("a 256-bit hash has 32 bytes")
}

/// Encodes parameters as a CBOR block (codec 0x51).
///
/// # Errors
/// `USR_SERIALIZATION` (21).
pub fn cbor_params<T: Serialize + ?Sized>(params: &T) -> Result<Option<IpldBlock>, ActorError> {
    IpldBlock::serialize(CBOR, params).map(Some).or_exit(
        ExitCode::USR_SERIALIZATION,
        "the parameters cannot be encoded",
    )
}

/// Passes on parameters encoded elsewhere; an empty payload is "no block"
/// (spec 00 §9).
pub fn raw_params(params: &RawBytes) -> Option<IpldBlock> {
    (!params.is_empty()).then(|| IpldBlock {
        codec: CBOR,
        data: params.to_vec(),
    })
}

/// A response for a host that answers without running anything.
pub fn empty_response() -> Response {
    Response {
        exit_code: ExitCode::OK,
        return_data: None,
    }
}
