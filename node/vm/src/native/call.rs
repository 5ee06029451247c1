//! The calls of one message.
//!
//! Every call, the message's own and nested ones, passes through
//! [`Execution::call`]: layer, depth, receiver, value, code, in the order of spec
//! 00 §9. Each has a layer of the state tree and of the events; both vanish when
//! it fails. What does not vanish: the count of created actors.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::Arc;

use anyhow::anyhow;
use cid::Cid;
use fvm_ipld_encoding::CBOR;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::{Address, Payload};
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::event::StampedEvent;
use fvm_shared::state::ActorState;
use fvm_shared::{ActorID, METHOD_CONSTRUCTOR, METHOD_SEND, MethodNum};

use super::Core;
use super::host::NativeHost;
use super::links::links;
use super::panics::{Ended, Order, catch, order};
use super::recorder::Recorder;
use crate::context::Intercept;
use crate::machine::VmError;
use crate::state::{EAM_ACTOR, SYSTEM_ACTOR};
use crate::trace::{Call, METHOD_UPGRADE, Outcome};

/// How many calls may be open at the same time (spec 00 §9).
const MAX_CALL_DEPTH: u32 = 1024;

/// What a call counts against the limit of gas, so that calls cannot multiply
/// without end; on the FVM each costs more than this.
const CALL_WORK: u64 = 100_000;

/// Largest block that an actor can make, in bytes.
const MAX_BLOCK_BYTES: usize = 1 << 20;

/// Longest message of an actor that is kept, in bytes; of longer ones the ends.
const MAX_MESSAGE_BYTES: usize = 1024;

/// A data block with the links that its reader may follow.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) block: IpldBlock,
    pub(super) links: Arc<[Cid]>,
}

impl Block {
    /// A block whose links cannot be followed.
    pub(super) fn opaque(block: IpldBlock) -> Self {
        Self {
            block,
            links: Arc::default(),
        }
    }
}

/// What a call returned.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) exit_code: ExitCode,
    pub(super) data: Option<Block>,
}

impl Reply {
    fn empty(exit_code: ExitCode) -> Self {
        Self {
            exit_code,
            data: None,
        }
    }
}

/// Why a call returned nothing.
pub(super) enum Stop {
    /// It was not made.
    Refused(ErrorNumber, String),
    /// It used up the gas, or an interceptor pretends so.
    OutOfGas,
    /// The machine is over.
    Fault(VmError),
}

impl From<VmError> for Stop {
    fn from(fault: VmError) -> Self {
        Stop::Fault(fault)
    }
}

fn refused(number: ErrorNumber, words: impl Into<String>) -> Stop {
    Stop::Refused(number, words.into())
}

pub(super) type Returned = Result<Reply, Stop>;

/// A call to be made.
pub(super) struct Request<'a> {
    pub(super) from: ActorID,
    pub(super) to: Address,
    pub(super) entry: Entry,
    pub(super) params: Option<Block>,
    pub(super) value: &'a TokenAmount,
    pub(super) gas_limit: Option<u64>,
    pub(super) read_only: bool,
}

/// What is called of an actor's code.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entry {
    /// A method.
    Invoke(MethodNum),
    /// The hook of code that has replaced this one.
    Upgrade(Cid),
}

impl Entry {
    fn method(self) -> MethodNum {
        match self {
            Entry::Invoke(method) => method,
            Entry::Upgrade(_) => METHOD_UPGRADE,
        }
    }
}

/// One running actor.
pub(super) struct Frame<'a> {
    pub(super) caller: ActorID,
    pub(super) actor: ActorID,
    pub(super) method: MethodNum,
    pub(super) value: &'a TokenAmount,
    pub(super) read_only: bool,
    /// What the actor may open: blocks it has come across links to.
    pub(super) reachable: RefCell<HashSet<Cid>>,
}

/// An actor on the call stack, and whether it is there because of an upgrade.
type Occupied = (ActorID, bool);

/// One message while it runs.
pub(super) struct Execution<'a> {
    pub(super) core: &'a Core,
    pub(super) origin: ActorID,
    /// The sender as the message has it; new f2 addresses depend on the form.
    pub(super) origin_address: Address,
    pub(super) nonce: u64,
    pub(super) premium: TokenAmount,
    gas_limit: u64,
    /// Units of gas that the actors' work would cost at least.
    work: Cell<u64>,
    pub(super) recorder: RefCell<Recorder>,
    events: RefCell<Vec<StampedEvent>>,
    created: Cell<u64>,
    depth: Cell<u32>,
    stack: RefCell<Vec<Occupied>>,
    failures: RefCell<Vec<Failed>>,
}

/// A call that failed, for the explanation.
struct Failed {
    actor: ActorID,
    method: MethodNum,
    code: ExitCode,
    words: String,
}

impl<'a> Execution<'a> {
    /// A message that has been admitted.
    pub(super) fn new(
        core: &'a Core,
        message: &fvm_shared::message::Message,
        origin: ActorID,
        premium: TokenAmount,
    ) -> Self {
        Self {
            core,
            origin,
            origin_address: message.from,
            nonce: message.sequence,
            premium,
            gas_limit: message.gas_limit,
            work: Cell::new(0),
            recorder: RefCell::new(Recorder::new(core.context.tracing)),
            events: RefCell::default(),
            created: Cell::new(0),
            depth: Cell::new(0),
            stack: RefCell::default(),
            failures: RefCell::default(),
        }
    }

    /// The events that remained.
    pub(super) fn take_events(&self) -> Vec<StampedEvent> {
        self.events.take()
    }

    /// Makes a call.
    pub(super) fn call(&self, request: Request<'_>) -> Returned {
        let interceptor = self.core.context.interceptor.as_ref();
        if interceptor.is_none() && !self.recorder.borrow().is_on() {
            return self.pass_on(&request);
        }
        let call = recordable(&request);
        let code = self.code_at(&request.to)?;
        self.recorder.borrow_mut().begin(call.clone(), code);
        let answer = match interceptor.map(|interceptor| catch(|| interceptor.before_call(&call))) {
            None | Some(Ok(Intercept::Proceed)) => None,
            Some(Ok(Intercept::Answer(outcome))) => Some(outcome),
            Some(Err(_)) => {
                return Err(Stop::Fault(VmError::Fatal(anyhow!(
                    "the interceptor panicked"
                ))));
            }
        };
        let returned = match answer {
            Some(outcome) => answered(outcome),
            None => self.pass_on(&request),
        };
        self.recorded(&request.to, &returned)?;
        returned
    }

    /// Replaces the code of a running actor and runs the new code's hook. It is
    /// no send: nobody can answer in the new code's place.
    pub(super) fn upgrade(&self, frame: &Frame<'_>, code: Cid, params: Option<Block>) -> Returned {
        let to = Address::new_id(frame.actor);
        let value = TokenAmount::default();
        let request = |old_code| Request {
            from: frame.caller,
            to,
            entry: Entry::Upgrade(old_code),
            params: params.clone(),
            value: &value,
            gas_limit: None,
            read_only: false,
        };
        self.recorder
            .borrow_mut()
            .begin(recordable(&request(code)), Some(code));
        let returned = if frame.read_only {
            Err(refused(
                ErrorNumber::ReadOnly,
                "no code can change in a read-only call",
            ))
        } else if !self.may_upgrade(frame.actor) {
            Err(refused(
                ErrorNumber::Forbidden,
                "the actor has called others that called it",
            ))
        } else {
            self.in_layer(|| {
                let old_code = self.replace_code(frame.actor, code)?;
                self.one_deeper(|| self.dispatch(&request(old_code)))
            })
        };
        self.recorded(&to, &returned)?;
        returned
    }

    /// Gives the code that was there. The delegated address goes with it, as in
    /// FVM 4.8.
    fn replace_code(&self, id: ActorID, code: Cid) -> Result<Cid, Stop> {
        let mut tree = self.core.tree.borrow_mut();
        let Some(mut actor) = tree.actor(id)? else {
            return Err(refused(
                ErrorNumber::IllegalOperation,
                "the actor was deleted",
            ));
        };
        actor.delegated_address = None;
        let old_code = std::mem::replace(&mut actor.code, code);
        tree.set_actor(id, actor);
        Ok(old_code)
    }

    /// Records how the innermost open call ended.
    fn recorded(&self, to: &Address, returned: &Returned) -> Result<(), VmError> {
        let (outcome, words) = match returned {
            Ok(reply) => {
                let data = reply.data.as_ref().map(|data| data.block.clone());
                (
                    Outcome::Returned {
                        exit_code: reply.exit_code,
                        data,
                    },
                    None,
                )
            }
            Err(Stop::Refused(number, words)) => (Outcome::Refused(*number), Some(words.clone())),
            Err(Stop::OutOfGas) => (Outcome::Aborted("out of gas".to_owned()), None),
            // The message has no outcome then.
            Err(Stop::Fault(_)) => return Ok(()),
        };
        let to_id = self.core.tree.borrow().resolve(to)?;
        self.recorder.borrow_mut().end(outcome, to_id, words);
        Ok(())
    }

    fn code_at(&self, to: &Address) -> Result<Option<Cid>, VmError> {
        let tree = self.core.tree.borrow();
        match tree.resolve(to)? {
            Some(id) => Ok(tree.actor(id)?.map(|actor| actor.code)),
            None => Ok(None),
        }
    }

    /// Counts work against the limit of gas. False if it is used up.
    pub(super) fn count_work(&self, gas: u64) -> bool {
        let work = self.work.get().saturating_add(gas);
        self.work.set(work);
        self.core.substitutions.unmetered || work <= self.gas_limit
    }

    /// How many calls are open.
    pub(super) fn depth(&self) -> u32 {
        self.depth.get()
    }

    /// What is left of the limit of gas after the work that was counted.
    pub(super) fn gas_left(&self) -> u64 {
        self.gas_limit.saturating_sub(self.work.get())
    }

    /// Makes a call that nobody answers in the callee's place.
    fn pass_on(&self, request: &Request<'_>) -> Returned {
        if !self.count_work(CALL_WORK) {
            return Err(Stop::OutOfGas);
        }
        if request.read_only && !request.value.is_zero() {
            return Err(refused(
                ErrorNumber::ReadOnly,
                "no value can be sent in a read-only call",
            ));
        }
        self.in_layer(|| self.one_deeper(|| self.dispatch(request)))
    }

    /// Undoes what a failed call has changed.
    pub(super) fn in_layer(&self, work: impl FnOnce() -> Returned) -> Returned {
        let layer = self.core.tree.borrow_mut().begin();
        let events = self.events.borrow().len();
        let returned = work();
        let mut tree = self.core.tree.borrow_mut();
        match &returned {
            Ok(reply) if reply.exit_code.is_success() => tree.commit(layer),
            _ => {
                tree.revert(layer);
                self.events.borrow_mut().truncate(events);
            }
        }
        returned
    }

    fn one_deeper(&self, work: impl FnOnce() -> Returned) -> Returned {
        let depth = self.depth.get();
        if depth >= MAX_CALL_DEPTH {
            return Err(refused(
                ErrorNumber::LimitExceeded,
                format!("calls nest at most {MAX_CALL_DEPTH} deep"),
            ));
        }
        self.depth.set(depth + 1);
        let returned = work();
        self.depth.set(depth);
        returned
    }

    fn dispatch(&self, request: &Request<'_>) -> Returned {
        let found = self.core.tree.borrow().resolve(&request.to)?;
        let id = match found {
            Some(id) => id,
            None => self.create_receiver(&request.to, request.read_only)?,
        };
        let upgrade = matches!(request.entry, Entry::Upgrade(_));
        self.stack.borrow_mut().push((id, upgrade));
        let returned = self.call_resolved(id, request);
        self.stack.borrow_mut().pop();
        returned
    }

    /// Makes the actor that a send to an unknown address brings into being (spec
    /// 00 §12).
    fn create_receiver(&self, to: &Address, read_only: bool) -> Result<ActorID, Stop> {
        let kind = match to.payload() {
            Payload::BLS(_) | Payload::Secp256k1(_) => "account",
            Payload::Delegated(f4) if f4.namespace() == EAM_ACTOR => "placeholder",
            _ => {
                return Err(refused(
                    ErrorNumber::NotFound,
                    format!("there is no actor at {to}"),
                ));
            }
        };
        if read_only {
            let words = format!("{to} cannot be created in a read-only call");
            return Err(refused(ErrorNumber::ReadOnly, words));
        }
        if to.is_bls_zero_address() {
            return Err(refused(
                ErrorNumber::IllegalArgument,
                "the BLS zero address has no actor",
            ));
        }
        let code = self
            .core
            .manifest
            .code_of(kind)
            .ok_or_else(|| VmError::State(anyhow!("the state has no code for {kind}")))?;
        let delegated = (kind == "placeholder").then_some(*to);
        let id = {
            let mut tree = self.core.tree.borrow_mut();
            let id = tree.register(to)?;
            tree.set_actor(id, ActorState::new_empty(code, delegated));
            id
        };
        if kind == "account" {
            self.construct_account(id, code, to)?;
        }
        Ok(id)
    }

    /// Runs the constructor of a new account. Its exit code is nobody's concern.
    fn construct_account(&self, id: ActorID, code: Cid, address: &Address) -> Result<(), Stop> {
        let params = IpldBlock::serialize(CBOR, address)
            .map_err(|error| refused(ErrorNumber::IllegalArgument, error.to_string()))?;
        let to = Address::new_id(id);
        let value = TokenAmount::default();
        let request = Request {
            from: SYSTEM_ACTOR,
            to,
            entry: Entry::Invoke(METHOD_CONSTRUCTOR),
            params: Some(Block::opaque(params.clone())),
            value: &value,
            gas_limit: None,
            read_only: false,
        };
        let mut recorder = self.recorder.borrow_mut();
        let recorded = recorder.is_on();
        if recorded {
            recorder.begin_constructor(id, code, params);
        }
        drop(recorder);
        let returned = self.call_resolved(id, &request);
        if recorded {
            self.recorded(&to, &returned)?;
        }
        returned.map(drop)
    }

    fn call_resolved(&self, id: ActorID, request: &Request<'_>) -> Returned {
        let Some(actor) = self.core.tree.borrow().actor(id)? else {
            return Err(refused(
                ErrorNumber::NotFound,
                format!("there is no actor f0{id}"),
            ));
        };
        if !request.value.is_zero() {
            self.transfer(request.from, id, request.value)?;
        }
        if let Entry::Invoke(METHOD_SEND) = request.entry {
            return Ok(Reply::empty(ExitCode::OK));
        }
        let code = self.core.native_code(&actor.code)?;
        let reachable = request
            .params
            .iter()
            .flat_map(|params| params.links.iter().copied());
        let frame = Frame {
            caller: request.from,
            actor: id,
            method: request.entry.method(),
            value: request.value,
            read_only: request.read_only,
            reachable: RefCell::new(reachable.collect()),
        };
        let params = request.params.as_ref().map(|params| params.block.clone());
        let failures = self.failures.borrow().len();
        let host = NativeHost::new(self, &frame);
        let ended = catch(|| match request.entry {
            Entry::Invoke(_) => code.invoke(host, params),
            Entry::Upgrade(old_code) => code.upgrade(host, old_code, params),
        });
        let (reply, words) = match ended {
            Ok(result) => finished(&frame, code.is_builtin(), result),
            Err(Ended::Panicked(words)) => {
                (Reply::empty(ExitCode::USR_ASSERTION_FAILED), Some(words))
            }
            Err(Ended::Ordered(Order::Exit(reply))) => (reply, None),
            // It ends with the actor that wanted more: its caller may have gas left,
            // as on the FVM under a limit of gas.
            Err(Ended::Ordered(Order::OutOfGas)) => (
                Reply::empty(ExitCode::SYS_OUT_OF_GAS),
                Some("out of gas".to_owned()),
            ),
            Err(Ended::Ordered(Order::Fault(fault))) => return Err(Stop::Fault(fault)),
        };
        self.note_end(failures, &frame, &reply, words);
        Ok(reply)
    }

    fn note_end(&self, failures: usize, frame: &Frame<'_>, reply: &Reply, words: Option<String>) {
        let mut failed = self.failures.borrow_mut();
        if reply.exit_code.is_success() {
            failed.truncate(failures);
            return;
        }
        let words = shortened(words.unwrap_or_else(|| "the actor gave up".to_owned()));
        self.recorder.borrow_mut().say(&words);
        failed.push(Failed {
            actor: frame.actor,
            method: frame.method,
            code: reply.exit_code,
            words,
        });
    }

    fn transfer(&self, from: ActorID, to: ActorID, value: &TokenAmount) -> Result<(), Stop> {
        let mut tree = self.core.tree.borrow_mut();
        if value.is_negative() {
            let words = format!("a value cannot be negative, this one is {value}");
            return Err(refused(ErrorNumber::IllegalArgument, words));
        }
        // A sender that is gone has no funds: "not found" is for receivers.
        let sender = tree.actor(from)?;
        let balance = sender
            .as_ref()
            .map(|sender| sender.balance.clone())
            .unwrap_or_default();
        let Some(mut sender) = sender.filter(|_| balance >= *value) else {
            let words = format!("f0{from} has {balance}, too little to send {value}");
            return Err(refused(ErrorNumber::InsufficientFunds, words));
        };
        if from == to {
            return Ok(());
        }
        let Some(mut receiver) = tree.actor(to)? else {
            return Err(refused(
                ErrorNumber::NotFound,
                format!("there is no actor f0{to}"),
            ));
        };
        sender.balance -= value;
        receiver.balance += value;
        tree.set_actor(from, sender);
        tree.set_actor(to, receiver);
        Ok(())
    }

    /// The f2 address of the next actor that is created (spec 00 §13).
    pub(super) fn next_actor_address(&self) -> Address {
        let mut origin = fvm_ipld_encoding::to_vec(&self.origin_address)
            .expect("an address encodes to a byte string");
        origin.extend(self.nonce.to_be_bytes());
        origin.extend(self.created.get().to_be_bytes());
        Address::new_actor(&origin)
    }

    /// Counts an actor created by the init actor.
    pub(super) fn count_created(&self) {
        self.created.set(self.created.get() + 1);
    }

    /// Whether `actor` may be upgraded: nobody else may run above its first call,
    /// except upgrades of itself.
    fn may_upgrade(&self, actor: ActorID) -> bool {
        let stack = self.stack.borrow();
        let mut above = stack
            .iter()
            .skip_while(|entry| **entry != (actor, false))
            .skip(1);
        above.all(|entry| *entry == (actor, true))
    }

    pub(super) fn append_event(&self, event: StampedEvent) {
        self.recorder.borrow_mut().event(&event.event);
        self.events.borrow_mut().push(event);
    }

    /// Why the message failed, in words: what the called actor said, then those
    /// deeper down from whom it has the exit code.
    pub(super) fn explanation(&self, exit_code: ExitCode) -> String {
        let failures = self.failures.borrow();
        let same = failures
            .iter()
            .rev()
            .take_while(|failed| failed.code == exit_code);
        let words: Vec<_> = same
            .enumerate()
            .map(|(depth, failed)| match depth {
                0 => failed.words.clone(),
                _ => format!(
                    "in f0{} method {}: {}",
                    failed.actor, failed.method, failed.words
                ),
            })
            .collect();
        if words.is_empty() {
            format!("exit code {exit_code}")
        } else {
            words.join("; ")
        }
    }
}

fn recordable(request: &Request<'_>) -> Call {
    Call {
        from: request.from,
        to: request.to,
        value: request.value.clone(),
        method: request.entry.method(),
        params: request.params.as_ref().map(|params| params.block.clone()),
        gas_limit: request.gas_limit,
        read_only: request.read_only,
    }
}

impl Frame<'_> {
    /// Makes a block of the actor's, as parameters, return value or state.
    ///
    /// # Errors
    /// `LimitExceeded` beyond 1 MiB, `IllegalCodec`, `Serialization`, `NotFound`
    /// for a link that the actor cannot follow.
    pub(super) fn create_block(&self, block: IpldBlock) -> Result<Block, ErrorNumber> {
        if block.data.len() > MAX_BLOCK_BYTES {
            return Err(ErrorNumber::LimitExceeded);
        }
        let links = links(block.codec, &block.data)?;
        let reachable = self.reachable.borrow();
        if links.iter().any(|link| !reachable.contains(link)) {
            return Err(ErrorNumber::NotFound);
        }
        Ok(Block {
            block,
            links: links.into(),
        })
    }

    /// Lets the actor open these.
    pub(super) fn reach(&self, links: &[Cid]) {
        self.reachable.borrow_mut().extend(links);
    }
}

/// What an actor's result becomes (spec 00 §7 step 5, §10). Data that cannot be a
/// block is the actor's failure.
fn finished(
    frame: &Frame<'_>,
    builtin: bool,
    result: Result<Option<IpldBlock>, boatyard_sdk::ActorError>,
) -> (Reply, Option<String>) {
    let (exit_code, words, data) = match result {
        Ok(data) => (ExitCode::OK, None, data),
        Err(error) => {
            let (code, words, data) = error.into_parts();
            (code, Some(words), data)
        }
    };
    let data = match data.map(|data| frame.create_block(data)).transpose() {
        Ok(data) => data,
        Err(error) => {
            let words = format!("what the actor returns cannot be stored: {error}");
            return (Reply::empty(ExitCode::USR_ASSERTION_FAILED), Some(words));
        }
    };
    if builtin && exit_code == ExitCode::SYS_ILLEGAL_INSTRUCTION {
        // What the built-in actors say natively where their Wasm would trap.
        return (Reply::empty(exit_code), words);
    }
    if exit_code.is_system_error() && !exit_code.is_success() {
        // Codes of the system are not for actors (spec 00 §9).
        let words = format!("actor aborted with code {exit_code}");
        return (
            Reply {
                exit_code: ExitCode::SYS_ILLEGAL_EXIT_CODE,
                data,
            },
            Some(words),
        );
    }
    (Reply { exit_code, data }, words)
}

/// An interceptor's outcome as a call's.
fn answered(outcome: Outcome) -> Returned {
    match outcome {
        Outcome::Returned { exit_code, data } => Ok(Reply {
            exit_code,
            data: data.map(Block::opaque),
        }),
        Outcome::Refused(number) => Err(refused(number, number.to_string())),
        Outcome::Aborted(_) => Err(Stop::OutOfGas),
    }
}

/// What a stopped call is to the actor that made it.
pub(super) fn as_error(stop: Stop) -> ErrorNumber {
    match stop {
        Stop::Refused(number, _) => number,
        Stop::OutOfGas => order(Order::OutOfGas),
        Stop::Fault(fault) => order(Order::Fault(fault)),
    }
}

fn shortened(words: String) -> String {
    if words.len() <= MAX_MESSAGE_BYTES {
        return words;
    }
    let start = words.floor_char_boundary(MAX_MESSAGE_BYTES / 2);
    let end = words.ceil_char_boundary(words.len() - MAX_MESSAGE_BYTES / 2);
    format!(
        "{} ... (skipped {} bytes) ... {}",
        &words[..start],
        end - start,
        &words[end..]
    )
}
