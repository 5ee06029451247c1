//! Setting a world up, calling a method, looking at what is left.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use boatyard_sdk::error::decode_return;
use boatyard_sdk::{
    Actor, ActorError, ActorRuntime, MessageContext, NetworkContext, NetworkVariant, Type,
};
use cid::Cid;
use fvm_ipld_blockstore::{Blockstore, MemoryBlockstore};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, DAG_CBOR};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::event::StampedEvent;
use fvm_shared::{ActorID, MethodNum, Response};
use multihash_codetable::{Code, MultihashDigest};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::{MAX_BLOCK_BYTES, MockHost};
use crate::sends::{Expected, ExpectedSend, Request, show_block};
use crate::verify::{Check, Verifier};
use crate::world::{ActorRecord, Settings, Stopped, Upgraded, World, code_cid, named_code_cid};

/// A world around one actor.
///
/// It is a handle: clones share the world. So the setters work both while
/// building (`MockRuntime::new().epoch(7).caller(100)`) and later on
/// (`rt.epoch(8);`). A new world is on the mainnet variant at epoch 0; the
/// singletons of spec 00 §2 exist, with empty state; f00 calls f01000.
#[derive(Clone)]
pub struct MockRuntime {
    world: Rc<World>,
}

impl Default for MockRuntime {
    fn default() -> Self {
        Self::new()
    }
}

impl MockRuntime {
    /// A new world.
    pub fn new() -> Self {
        Self::around(Rc::new(World::new()))
    }

    pub(crate) fn around(world: Rc<World>) -> Self {
        Self { world }
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.world.settings.borrow_mut());
        self.clone()
    }

    fn actor_mut(&self, id: ActorID, change: impl FnOnce(&mut ActorRecord)) -> Self {
        let mut ledger = self.world.ledger.borrow_mut();
        let record = ledger
            .actors
            .entry(id)
            .or_insert_with(|| ActorRecord::of_code(named_code_cid("unknown")));
        change(record);
        drop(ledger);
        self.clone()
    }

    // --- The message ---

    /// The actor that is called. If there is none with this ID, the first call
    /// makes one with the code of the actor type that it calls.
    pub fn receiver(&self, id: ActorID) -> Self {
        self.set(|s| s.receiver = id)
    }

    /// Who calls.
    pub fn caller(&self, id: ActorID) -> Self {
        self.set(|s| s.caller = id)
    }

    /// Who calls, and of which built-in type it is.
    pub fn caller_of_type(&self, id: ActorID, kind: Type) -> Self {
        self.actor(id, kind).caller(id)
    }

    /// The top-level sender; the caller if it was never set.
    pub fn origin(&self, id: ActorID) -> Self {
        self.set(|s| s.origin = Some(id))
    }

    /// The top-level sender's address as written in the message, from which f2
    /// addresses are made; its ID address if it was never set.
    pub fn origin_address(&self, address: Address) -> Self {
        self.set(|s| s.origin_address = Some(address))
    }

    /// Nonce of the top-level message.
    pub fn nonce(&self, nonce: u64) -> Self {
        self.set(|s| s.nonce = nonce)
    }

    /// Effective gas premium of the top-level message.
    pub fn gas_premium(&self, premium: TokenAmount) -> Self {
        self.set(|s| s.gas_premium = premium)
    }

    /// What [`boatyard_sdk::Host::gas_available`] starts from in every call.
    pub fn gas(&self, available: u64) -> Self {
        self.set(|s| s.gas = available)
    }

    /// Value that the next call carries, and only that one. It is added to the
    /// receiver's balance; nobody pays for it.
    pub fn value(&self, value: TokenAmount) -> Self {
        self.set(|s| s.value = value)
    }

    /// Makes the next call, and only that one, read-only.
    pub fn read_only(&self) -> Self {
        self.set(|s| s.read_only = true)
    }

    // --- The network ---

    /// Current epoch.
    pub fn epoch(&self, epoch: ChainEpoch) -> Self {
        self.set(|s| s.epoch = epoch)
    }

    /// The current epoch, as set last.
    pub fn epoch_now(&self) -> ChainEpoch {
        self.world.settings.borrow().epoch
    }

    /// Timestamp of the tipset, seconds since the Unix epoch.
    pub fn timestamp(&self, seconds: u64) -> Self {
        self.set(|s| s.timestamp = seconds)
    }

    /// Base fee.
    pub fn base_fee(&self, fee: TokenAmount) -> Self {
        self.set(|s| s.base_fee = fee)
    }

    /// EIP-155 chain ID.
    pub fn chain_id(&self, id: u64) -> Self {
        self.set(|s| s.chain_id = id)
    }

    /// Network version; 28 if it was never set.
    pub fn network_version(&self, version: u32) -> Self {
        self.set(|s| s.network_version = version)
    }

    /// The policy set.
    pub fn variant(&self, variant: NetworkVariant) -> Self {
        self.set(|s| s.variant = variant)
    }

    /// Circulating supply.
    pub fn circulating_supply(&self, supply: TokenAmount) -> Self {
        self.set(|s| s.circulating_supply = supply)
    }

    /// Ticket randomness of an epoch before mixing. Other epochs up to the
    /// current one have values of their own; later ones have none.
    pub fn ticket_randomness(&self, epoch: ChainEpoch, base: [u8; 32]) -> Self {
        self.set(|s| {
            s.tickets.insert(epoch, base);
        })
    }

    /// Beacon randomness of an epoch before mixing. Other epochs up to the
    /// current one have values of their own; later ones have none.
    pub fn beacon_randomness(&self, epoch: ChainEpoch, base: [u8; 32]) -> Self {
        self.set(|s| {
            s.beacons.insert(epoch, base);
        })
    }

    /// CID of the tipset at an epoch. Other past epochs have CIDs of their own.
    pub fn tipset(&self, epoch: ChainEpoch, cid: Cid) -> Self {
        self.set(|s| {
            s.tipsets.insert(epoch, cid);
        })
    }

    // --- Actors ---

    /// There is an actor of this built-in type.
    pub fn actor(&self, id: ActorID, kind: Type) -> Self {
        self.actor_of_code(id, code_cid(kind))
    }

    /// There is an actor with this code.
    pub fn actor_of_code(&self, id: ActorID, code: Cid) -> Self {
        self.actor_mut(id, |actor| actor.code = code)
    }

    /// There is no such actor (any more).
    pub fn no_actor(&self, id: ActorID) -> Self {
        self.world.ledger.borrow_mut().actors.remove(&id);
        self.clone()
    }

    /// An actor's balance.
    pub fn balance(&self, id: ActorID, amount: TokenAmount) -> Self {
        self.actor_mut(id, |actor| actor.balance = amount)
    }

    /// An f1, f2, f3 or f4 address resolves to this ID.
    pub fn resolves(&self, address: Address, id: ActorID) -> Self {
        self.world.ledger.borrow_mut().addresses.insert(address, id);
        self.clone()
    }

    /// An actor has this f4 address, which resolves to it.
    pub fn delegated(&self, id: ActorID, address: Address) -> Self {
        self.resolves(address, id)
            .actor_mut(id, |actor| actor.delegated = Some(address))
    }

    /// What signature and proof checks say.
    pub fn verifier(&self, verifier: impl Verifier + 'static) -> Self {
        *self.world.verifier.borrow_mut() = Rc::new(verifier);
        self.clone()
    }

    /// The receiver's state is this.
    pub fn set_state(&self, state: &impl Serialize) -> Self {
        let block = fvm_ipld_encoding::to_vec(state).expect("the test's state encodes");
        let head = Cid::new_v1(DAG_CBOR, Code::Blake2b256.digest(&block));
        self.world
            .store
            .put_keyed(&head, &block)
            .expect("a memory block store takes every block");
        self.set_head(head)
    }

    /// The receiver's head is this.
    pub fn set_head(&self, head: Cid) -> Self {
        let id = self.world.settings.borrow().receiver;
        self.actor_mut(id, |actor| actor.head = head)
    }

    // --- Sends ---

    /// The next call makes this send, after those expected before. The answer
    /// says more about it.
    #[track_caller]
    pub fn expect_send(&self, to: Address, method: MethodNum) -> ExpectedSend<'_> {
        let id = self.world.next_expectation.get();
        self.world.next_expectation.set(id + 1);
        self.world.expected.borrow_mut().push_back(Expected::new(
            id,
            to,
            method,
            Location::caller(),
        ));
        ExpectedSend::new(&self.world, id)
    }

    /// Sends that are not expected one by one are answered by this, if the actor has
    /// the value. Without it they make the test fail.
    pub fn answer_sends(
        &self,
        answer: impl Fn(&Address, MethodNum) -> Result<Response, ErrorNumber> + 'static,
    ) -> Self {
        self.answer_requests(move |_, request| answer(request.to, request.method))
    }

    /// As [`answer_sends`](Self::answer_sends), by one who sees the whole request and
    /// may act in the world, also by a call back into the actor that waits. The
    /// value has arrived by then; it and all that happened go back if the answer is
    /// no success.
    pub fn answer_requests(
        &self,
        answer: impl Fn(&MockRuntime, &Request<'_>) -> Result<Response, ErrorNumber> + 'static,
    ) -> Self {
        *self.world.stand_in.borrow_mut() = Some(Rc::new(answer));
        self.clone()
    }

    /// The next upgrade that the actor asks for is not made, or its new code ends
    /// with a failure. Otherwise an upgrade changes the code and ends the call.
    pub fn upgrade_fails(&self, answer: Result<Response, ErrorNumber>) -> Self {
        self.set(|s| s.upgrade_failure = Some(answer))
    }

    // --- Calls ---

    /// Calls a method with a parameter block, as a machine does.
    ///
    /// # Errors
    /// The method's failure; exit codes 1 to 15 are 9, a panic is 24, and so is a
    /// return block above 1 MiB.
    ///
    /// # Panics
    /// When the sends differ from the expected ones.
    #[track_caller]
    pub fn call<A: Actor>(
        &self,
        method: MethodNum,
        params: Option<IpldBlock>,
    ) -> Result<Option<IpldBlock>, ActorError> {
        let shown = format!("{} method {method}({})", A::ABI.name, show_block(&params));
        self.receiver_exists(A::ABI.name);
        let returned = self.execute(method, &shown, |rt| A::invoke(rt, method, params))?;
        Ok(returned)
    }

    /// Calls a method with parameters as a CBOR block (codec 0x51).
    ///
    /// # Errors
    /// Those of [`call`](Self::call).
    #[track_caller]
    pub fn call_with<A: Actor>(
        &self,
        method: MethodNum,
        params: &(impl Serialize + ?Sized),
    ) -> Result<Option<IpldBlock>, ActorError> {
        let block = IpldBlock::serialize(CBOR, params).expect("the test's parameters encode");
        self.call::<A>(method, Some(block))
    }

    /// Calls a method with parameters and decodes what it returns.
    ///
    /// # Errors
    /// Those of [`call`](Self::call); 24 without a return block, 21 if it is of
    /// another type.
    #[track_caller]
    pub fn call_for<A: Actor, R: DeserializeOwned>(
        &self,
        method: MethodNum,
        params: &(impl Serialize + ?Sized),
    ) -> Result<R, ActorError> {
        decode_return(self.call_with::<A>(method, params)?)
    }

    /// Calls a method without parameters and decodes what it returns.
    ///
    /// # Errors
    /// Those of [`call_for`](Self::call_for).
    #[track_caller]
    pub fn get<A: Actor, R: DeserializeOwned>(&self, method: MethodNum) -> Result<R, ActorError> {
        decode_return(self.call::<A>(method, None)?)
    }

    /// Runs an actor's `upgrade` entry point.
    ///
    /// # Errors
    /// Those of [`call`](Self::call).
    #[track_caller]
    pub fn upgrade<A: Actor>(
        &self,
        old_code: Cid,
        params: Option<IpldBlock>,
    ) -> Result<Option<IpldBlock>, ActorError> {
        let shown = format!("{} upgrade({})", A::ABI.name, show_block(&params));
        self.receiver_exists(A::ABI.name);
        self.execute(0, &shown, |rt| A::upgrade(rt, old_code, params))
    }

    /// Runs a piece of actor code as the body of a call (method 0).
    ///
    /// # Errors
    /// Those of the body; a panic is 24.
    #[track_caller]
    pub fn within<T: 'static>(
        &self,
        body: impl FnOnce(&ActorRuntime<MockHost>) -> Result<T, ActorError>,
    ) -> Result<T, ActorError> {
        self.receiver_exists("unknown");
        self.execute(0, "a piece of actor code", body)
    }

    fn receiver_exists(&self, name: &str) {
        let id = self.world.settings.borrow().receiver;
        let mut ledger = self.world.ledger.borrow_mut();
        ledger
            .actors
            .entry(id)
            .or_insert_with(|| ActorRecord::of_code(named_code_cid(name)));
    }

    #[track_caller]
    fn execute<T: Any>(
        &self,
        method: MethodNum,
        shown: &str,
        body: impl FnOnce(&ActorRuntime<MockHost>) -> Result<T, ActorError>,
    ) -> Result<T, ActorError> {
        let world = &self.world;
        let before = world.ledger.borrow().clone();
        let host = self.next_host(method);
        let receiver = boatyard_sdk::Host::message(&host).receiver;
        if let Some(actor) = world.ledger.borrow_mut().actors.get_mut(&receiver) {
            actor.balance += &boatyard_sdk::Host::message(&host).value;
        }
        world.gas_charged.set(0);
        world.sends_made.set(0);

        let rt = ActorRuntime::new(host);
        let result = catch_unwind(AssertUnwindSafe(|| body(&rt)))
            .unwrap_or_else(ended_early)
            .and_then(within_limit)
            .map_err(checked_exit_code);

        let unmet: Vec<_> = world.expected.borrow_mut().drain(..).collect();
        if let Some(complaint) = world.complaint.borrow_mut().take() {
            panic!("{shown}: {complaint}");
        }
        if !unmet.is_empty() {
            let list: String = unmet.iter().map(|send| format!("\n  {send}")).collect();
            let end = match &result {
                Ok(_) => "succeeded".into(),
                Err(error) => format!("failed: {error}"),
            };
            panic!("{shown} {end}, and these sends were not made:{list}");
        }
        if result.is_err() {
            *world.ledger.borrow_mut() = before;
        }
        result
    }

    fn next_host(&self, method: MethodNum) -> MockHost {
        let mut settings = self.world.settings.borrow_mut();
        let message = MessageContext {
            origin: settings.origin.unwrap_or(settings.caller),
            nonce: settings.nonce,
            caller: settings.caller,
            receiver: settings.receiver,
            method,
            value: std::mem::take(&mut settings.value),
            gas_premium: settings.gas_premium.clone(),
            read_only: std::mem::take(&mut settings.read_only),
        };
        let network = NetworkContext {
            epoch: settings.epoch,
            timestamp: settings.timestamp,
            base_fee: settings.base_fee.clone(),
            chain_id: settings.chain_id,
            network_version: settings.network_version,
        };
        MockHost::new(self.world.clone(), message, network, settings.variant)
    }

    // --- What is left ---

    /// The receiver's state.
    ///
    /// # Panics
    /// When it is of another type.
    #[track_caller]
    pub fn state<S: DeserializeOwned>(&self) -> S {
        let head = self.head();
        let block = self
            .world
            .store
            .get(&head)
            .ok()
            .flatten()
            .unwrap_or_else(|| panic!("there is no block {head}"));
        fvm_ipld_encoding::from_slice(&block)
            .unwrap_or_else(|error| panic!("the state is of another type: {error}"))
    }

    /// The receiver's head.
    ///
    /// # Panics
    /// When it was deleted.
    #[track_caller]
    pub fn head(&self) -> Cid {
        let id = self.world.settings.borrow().receiver;
        match self.world.ledger.borrow().actors.get(&id) {
            Some(actor) => actor.head,
            None => panic!("there is no actor f0{id}"),
        }
    }

    /// The block store of all actors.
    pub fn store(&self) -> &MemoryBlockstore {
        &self.world.store
    }

    /// Code of an actor; `None` if there is no such actor.
    pub fn code_of(&self, id: ActorID) -> Option<Cid> {
        Some(self.world.ledger.borrow().actors.get(&id)?.code)
    }

    /// The f4 address of an actor.
    pub fn delegated_of(&self, id: ActorID) -> Option<Address> {
        self.world.ledger.borrow().actors.get(&id)?.delegated
    }

    /// Balance of an actor; `None` if there is no such actor.
    pub fn balance_of(&self, id: ActorID) -> Option<TokenAmount> {
        Some(self.world.ledger.borrow().actors.get(&id)?.balance.clone())
    }

    /// The events of successful calls since the last time of asking.
    pub fn events(&self) -> Vec<StampedEvent> {
        std::mem::take(&mut self.world.ledger.borrow_mut().events)
    }

    /// The signature and proof checks, and gas charges, that actors asked for
    /// since the last time of asking, in order; those of failed calls too.
    pub fn checks(&self) -> Vec<Check> {
        std::mem::take(&mut self.world.checks.borrow_mut())
    }
}

fn ended_early<T: Any>(panic: Box<dyn Any + Send>) -> Result<T, ActorError> {
    if panic.is::<Upgraded>() {
        let nothing: Box<dyn Any> = Box::new(None::<IpldBlock>);
        return nothing.downcast().map(|nothing| *nothing).map_err(|_| {
            ActorError::new(
                ExitCode::USR_ASSERTION_FAILED,
                "only a whole call can end with an upgrade",
            )
        });
    }
    Err(panicked(panic))
}

fn panicked(panic: Box<dyn Any + Send>) -> ActorError {
    if panic.is::<Stopped>() {
        return ActorError::new(ExitCode::USR_ASSERTION_FAILED, "ended by the mock");
    }
    let words = panic
        .downcast_ref::<&str>()
        .map(|words| (*words).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without words".into());
    ActorError::new(
        ExitCode::USR_ASSERTION_FAILED,
        format!("the actor panicked: {words}"),
    )
}

/// Spec 00 §7: a return block above 1 MiB cannot be stored.
fn within_limit<T: Any>(value: T) -> Result<T, ActorError> {
    let block = (&value as &dyn Any).downcast_ref::<Option<IpldBlock>>();
    match block {
        Some(Some(block)) if block.data.len() > MAX_BLOCK_BYTES => Err(ActorError::new(
            ExitCode::USR_ASSERTION_FAILED,
            "the return value is longer than 1 MiB",
        )),
        _ => Ok(value),
    }
}

/// Spec 00 §9: an actor that ends with a system's code is reported as 9, with its
/// data.
fn checked_exit_code(error: ActorError) -> ActorError {
    if error.exit_code().value() < ExitCode::FIRST_USER_EXIT_CODE {
        let (_, words, data) = error.into_parts();
        return ActorError::with_data(ExitCode::SYS_ILLEGAL_EXIT_CODE, words, data);
    }
    error
}

#[cfg(test)]
mod tests;
