//! The world around one actor, and what must hold after every call.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use boatyard_mock::MockRuntime;
use boatyard_mock::hostile::{Choices, Known, Seeded, drawn};
use boatyard_sdk::{Actor, ActorError, Type};
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, DAG_CBOR, IPLD_RAW, from_slice, to_vec};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::{ActorID, MethodNum};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answers::{self, Mood, Notes};
use crate::cast::{self, CALLERS};
use crate::input::{Input, once_in, one_of};

/// At most so many calls follow from an input.
const MOST_STEPS: usize = 48;
/// No epoch is later, so that times stay plausible.
const LAST_EPOCH: ChainEpoch = 20_000_000;

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who calls.
    pub caller: ActorID,
    /// Which method.
    pub method: MethodNum,
    /// With which block.
    pub params: Option<IpldBlock>,
    /// With how much money.
    pub value: TokenAmount,
}

impl Call {
    /// A call without parameters and money.
    pub fn new(caller: ActorID, method: MethodNum) -> Self {
        Self {
            caller,
            method,
            params: None,
            value: TokenAmount::default(),
        }
    }

    /// With these parameters.
    pub fn with(mut self, params: &(impl Serialize + ?Sized)) -> Self {
        let data = to_vec(params).expect("made parameters encode");
        self.params = Some(IpldBlock { codec: CBOR, data });
        self
    }

    /// With money.
    pub fn paying(mut self, value: TokenAmount) -> Self {
        self.value = value;
        self
    }
}

/// An actor that is called.
pub trait Subject {
    /// Its code.
    type Actor: Actor;
    /// Where it is.
    const ID: ActorID;

    /// The calls by which it comes to life, all of which succeed.
    fn begin(stage: &Stage, choices: &mut dyn Choices) -> Vec<Call>;

    /// Callers whose word the actor takes, as their code is the network's own: they
    /// make planned calls only.
    const TRUSTED: &'static [ActorID] = &[0];

    /// A call that an honest user could make; `None` if there is nothing to do.
    fn plan(stage: &Stage, choices: &mut dyn Choices) -> Option<Call>;

    /// Lets time pass, with what others do meanwhile.
    fn advance(stage: &Stage, to: ChainEpoch) {
        stage.rt.epoch(to);
    }

    /// What is wrong with the state.
    fn violations(stage: &Stage) -> Vec<String>;

    /// Whether an exit code is one that the actor may give.
    fn may_exit(code: u32) -> bool {
        code >= 16
    }
}

/// What came of an input.
#[derive(Debug, Clone, Default)]
pub struct Played {
    /// How many calls there were.
    pub calls: usize,
    /// How many of them succeeded.
    pub successes: usize,
    /// Which methods succeeded.
    pub methods: BTreeSet<MethodNum>,
}

/// An actor in its world.
pub struct Stage {
    /// The world.
    pub rt: MockRuntime,
    /// The actor.
    pub receiver: ActorID,
    known: RefCell<Known>,
    pub(crate) notes: Rc<RefCell<Notes>>,
}

impl Stage {
    fn of<S: Subject>() -> Self {
        let rt = cast::world(S::ID);
        let name = <S::Actor as Actor>::ABI.name;
        if let Some(kind) = Type::ALL.into_iter().find(|kind| kind.name() == name) {
            rt.actor(S::ID, kind);
        }
        let notes = Rc::new(RefCell::new(Notes::new(S::ID)));
        let heard = notes.clone();
        rt.answer_requests(move |rt, request| answers::answer::<S::Actor>(rt, request, &heard));
        Self {
            rt,
            receiver: S::ID,
            known: RefCell::new(cast::known(S::ID)),
            notes,
        }
    }

    /// The state of the actor.
    pub fn state<T: DeserializeOwned>(&self) -> T {
        self.rt.state()
    }

    /// The current epoch.
    pub fn now(&self) -> ChainEpoch {
        self.rt.epoch_now()
    }

    /// The actor's balance.
    pub fn balance(&self) -> TokenAmount {
        self.rt.balance_of(self.receiver).unwrap_or_default()
    }

    /// A number that will be drawn often from now on.
    pub fn learn(&self, number: i64) {
        let mut known = self.known.borrow_mut();
        if !known.numbers.contains(&number) {
            if known.numbers.len() > 60 {
                known.numbers.remove(30);
            }
            known.numbers.push(number);
        }
    }

    /// Makes a call and checks all that must hold.
    ///
    /// # Panics
    /// When something does not hold.
    pub fn call<S: Subject>(&self, call: &Call) -> Result<Option<IpldBlock>, ActorError> {
        self.call_reading::<S>(call, false)
    }

    fn call_reading<S: Subject>(
        &self,
        call: &Call,
        read_only: bool,
    ) -> Result<Option<IpldBlock>, ActorError> {
        let head = self.rt.head();
        let enrolled = self.notes.borrow().enrolled.clone();
        let result = answers::call_as::<S::Actor>(&self.rt, &self.notes, call, read_only);
        let panics = std::mem::take(&mut self.notes.borrow_mut().panics);
        assert!(panics.is_empty(), "{panics:?} after {call:?}");
        match &result {
            Ok(_) if self.exists() => {
                let violations = S::violations(self);
                assert!(violations.is_empty(), "{violations:?} after {call:?}");
            }
            Ok(_) => {}
            Err(error) => {
                let code = error.exit_code().value();
                assert!(S::may_exit(code), "{error} after {call:?}");
                assert_eq!(self.rt.head(), head, "a failed call changed the state");
                self.notes.borrow_mut().enrolled = enrolled;
            }
        }
        self.rt.events();
        self.rt.checks();
        result
    }

    /// Whether the actor was not deleted.
    pub fn exists(&self) -> bool {
        self.rt.code_of(self.receiver).is_some()
    }
}

/// Plays what the bytes say.
///
/// # Panics
/// When an actor panicked, gave a code that is not its own, or left a state in which
/// something does not hold.
pub fn play<S: Subject>(bytes: &[u8]) -> Played {
    let stage = Stage::of::<S>();
    let mut input = Input::new(bytes);
    for call in S::begin(&stage, &mut input) {
        if let Err(error) = stage.call::<S>(&call) {
            panic!("the beginning failed: {error} after {call:?}");
        }
    }
    let mut played = Played::default();
    while !input.is_empty() && played.calls < MOST_STEPS && stage.exists() {
        if once_in(&mut input, 8) {
            pass_time::<S>(&stage, &mut input);
            continue;
        }
        let Some(call) = next_call::<S>(&stage, &mut input) else {
            continue;
        };
        let mood = Mood::drawn(&mut input);
        let tape = Seeded(input.random());
        stage.notes.borrow_mut().set(mood, tape);
        // Nothing but the top of a message can bring money into a reading call.
        let read_only = call.value.is_zero() && once_in(&mut input, 16);
        played.calls += 1;
        stage.rt.nonce(played.calls as u64);
        if stage.call_reading::<S>(&call, read_only).is_ok() {
            played.successes += 1;
            played.methods.insert(call.method);
        }
        stage.notes.borrow_mut().set(Mood::Honest, Seeded(0));
    }
    played
}

/// What the next call is; the state is whatever the calls before made of it.
fn next_call<S: Subject>(stage: &Stage, input: &mut Input<'_>) -> Option<Call> {
    let mut call = match input.below(8) {
        0 => raw_call::<S>(input),
        1..=3 => shaped_call::<S>(stage, input),
        _ => {
            let planned = S::plan(stage, input)?;
            if once_in(input, 2) {
                return Some(planned);
            }
            planned
        }
    };
    if once_in(input, 4) {
        call.caller = one_of(input, &CALLERS);
    }
    if once_in(input, 4)
        && let Some(block) = &mut call.params
    {
        damage(&mut block.data, input);
    }
    if S::TRUSTED.contains(&call.caller) {
        call.caller = cast::STRANGER;
    }
    if once_in(input, 6) {
        call.value = one_of(
            input,
            &[
                TokenAmount::from_atto(1),
                TokenAmount::from_whole(1),
                TokenAmount::from_whole(1_000_000),
            ],
        );
    }
    Some(call)
}

fn any_method<S: Subject>(input: &mut Input<'_>) -> MethodNum {
    let methods = <S::Actor as Actor>::ABI.methods;
    let odd = [0, 1, 2, 6, 1 << 24, u64::MAX, 2_643_134_072, 3_726_118_371];
    let index = input.below((methods.len() + odd.len()) as u64) as usize;
    match methods.get(index) {
        Some(method) => method.number,
        None => odd[index - methods.len()],
    }
}

/// Any bytes for any method.
fn raw_call<S: Subject>(input: &mut Input<'_>) -> Call {
    let mut call = Call::new(one_of(input, &CALLERS), any_method::<S>(input));
    let codec = one_of(input, &[CBOR, DAG_CBOR, IPLD_RAW, 0x99]);
    let length = input.below(128) as usize;
    if length > 0 {
        let data = input.bytes(length);
        call.params = Some(IpldBlock { codec, data });
    }
    call
}

/// Parameters of the right shape, with whatever values.
fn shaped_call<S: Subject>(stage: &Stage, input: &mut Input<'_>) -> Call {
    let methods = <S::Actor as Actor>::ABI.methods;
    let mut call = Call::new(one_of(input, &CALLERS), any_method::<S>(input));
    if let Some(method) = methods.iter().find(|method| method.number == call.method) {
        call.params = drawn(&method.params, input, &stage.known.borrow());
    }
    call
}

/// Changes bytes, cuts them short, or claims lengths that are not there.
fn damage(data: &mut Vec<u8>, input: &mut Input<'_>) {
    if data.is_empty() {
        return;
    }
    let at = input.below(data.len() as u64) as usize;
    match input.below(5) {
        0 => data[at] ^= 1 << input.below(8),
        1 => data[at] = input.below(256) as u8,
        2 => data.truncate(at),
        3 => {
            let head = one_of(
                input,
                &[
                    &[0x9a, 0xff, 0xff, 0xff, 0xff][..],
                    &[0x5a, 0x7f, 0xff, 0xff, 0xff],
                    &[0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                    &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                    &[0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                    &[0xf6],
                    &[0x40],
                    &[0x80],
                ],
            );
            data.splice(at..=at, head.iter().copied());
        }
        _ => {
            let byte = input.below(256) as u8;
            data.insert(at, byte);
        }
    }
}

fn pass_time<S: Subject>(stage: &Stage, input: &mut Input<'_>) {
    let epochs = one_of(
        input,
        &[
            1, 1, 10, 60, 60, 200, 700, 2_880, 2_880, 8_000, 100_000, 600_000,
        ],
    );
    let to = stage.now() + epochs;
    if to < LAST_EPOCH {
        S::advance(stage, to);
        for epoch in [stage.now() - 1, stage.now(), stage.now() + 600_000] {
            stage.learn(epoch);
        }
    }
}

/// A state of the right type, or what is wrong with it.
pub(crate) fn readable<T: DeserializeOwned>(
    stage: &Stage,
    check: impl FnOnce(&T) -> Vec<String>,
) -> Vec<String> {
    let head = stage.rt.head();
    let block = stage.rt.store().get(&head).ok().flatten();
    match block.as_deref().map(from_slice::<T>) {
        Some(Ok(state)) => check(&state),
        Some(Err(error)) => vec![format!("the state does not decode: {error}")],
        None => vec![format!("there is no block {head}")],
    }
}
