//! Playing a vector's steps on a machine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use boatyard_sdk::Type;
use boatyard_vm::context::{Context, Tracing};
use boatyard_vm::machine::{Machine, Mode, VmError};
use boatyard_vm::state::StateTree;
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore as _;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message as VmMessage;
use fvm_shared::state::ActorState;

use super::compare::{Comparison, Difference};
use super::format::{Message, Post, Step, Vector};
use super::names::{Descriptions, Names};
use super::substitutes::{SubstituteChain, SubstituteVerifier, substitutions};
use super::watch::Watch;

/// Gas limit of every message; nothing is metered, but a limit of 0 is refused.
const GAS_LIMIT: u64 = 100_000_000_000_000;

/// The one primitive that vectors replace.
const UNSEALED_SECTOR_CID: (&str, &str) = ("compute_unsealed_sector_cid", "zero_when_empty");

/// A step that did not go as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Index of the step.
    pub step: usize,
    /// The step in words.
    pub title: String,
    /// What differs; at least one entry.
    pub differences: Vec<Difference>,
}

/// A state that is as recorded, and yet not what the invariants ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disorder {
    /// Index of the step after which it is so.
    pub step: usize,
    /// The step in words.
    pub title: String,
    /// What is wrong, a sentence each; at least one.
    pub violations: Vec<String>,
}

/// Opens a machine on a root.
pub type Open<'a> = dyn Fn(SharedStore, Cid, Context) -> Result<Box<dyn Machine>, VmError> + 'a;

/// Plays all steps, up to the first that does not go as recorded. Says after which of
/// them the state is not in order.
///
/// # Errors
/// The first step that does not go as recorded.
pub fn play(
    vector: &Vector,
    descriptions: &Descriptions,
    open: &Open<'_>,
) -> Result<Vec<Disorder>, Failure> {
    let fault = |step, title: &str, error: VmError| Failure {
        step,
        title: title.to_owned(),
        differences: vec![machine_fault(&error)],
    };
    let mut player = Player::new(vector, descriptions, open)
        .map_err(|error| fault(0, "the world before it", error))?;
    let mut disorders = Vec::new();
    for (at, step) in vector.steps.iter().enumerate() {
        let title = || match step {
            Step::Message(message) => player_title(&player.names, message),
            other => format!("{other:?}"),
        };
        let title = title();
        let differences = player
            .step(step)
            .map_err(|error| fault(at, &title, error))?;
        let violations = std::mem::take(&mut player.violations);
        if !differences.is_empty() {
            return Err(Failure {
                step: at,
                title,
                differences,
            });
        }
        if !violations.is_empty() {
            disorders.push(Disorder {
                step: at,
                title,
                violations,
            });
        }
    }
    Ok(disorders)
}

fn machine_fault(error: &VmError) -> Difference {
    Difference {
        what: "the machine".to_owned(),
        expected: "an outcome".to_owned(),
        got: error.to_string(),
    }
}

fn player_title(names: &Names, message: &Message) -> String {
    format!(
        "epoch {}: {} → {}, value {}",
        message.epoch,
        message.from.0,
        names.call(&message.expect.trace.to.0, message.method),
        message.value.0
    )
}

struct Player<'a> {
    vector: &'a Vector,
    open: &'a Open<'a>,
    store: SharedStore,
    /// Root of [`Vector::pre`].
    genesis: Cid,
    context: Context,
    machine: Option<Box<dyn Machine>>,
    root: Cid,
    /// What the state must be, by the recordings alone and in a store of its own.
    expected: StateTree<SharedStore>,
    watch: Watch,
    /// What the last message put out of order.
    violations: Vec<String>,
    names: Names,
}

impl<'a> Player<'a> {
    fn new(
        vector: &'a Vector,
        descriptions: &Descriptions,
        open: &'a Open<'a>,
    ) -> Result<Self, VmError> {
        let store = SharedStore::memory();
        for (cid, block) in &vector.blocks {
            store.put_keyed(&cid.0, &block.0).map_err(VmError::State)?;
        }
        let genesis = world(vector, store.clone())?.flush()?;
        let expected = world(vector, SharedStore::memory())?;
        let pre = &vector.pre;
        let context = Context {
            epoch: pre.epoch,
            timestamp: pre.timestamp,
            base_fee: pre.base_fee.0.clone(),
            circulating_supply: pre.circulating_supply.0.clone(),
            chain_id: pre.chain_id,
            network_version: pre.network_version.into(),
            chain: Arc::new(SubstituteChain),
            verifier: Arc::new(SubstituteVerifier::default()),
            substitutions: Some(substitutions()),
            tracing: Tracing::Calls,
            interceptor: None,
        };
        let watch = Watch::new(vector, &store, &genesis, &context)?;
        Ok(Self {
            vector,
            open,
            store,
            genesis,
            context,
            machine: None,
            root: genesis,
            expected,
            watch,
            violations: Vec::new(),
            names: names(vector, descriptions),
        })
    }

    fn step(&mut self, step: &Step) -> Result<Vec<Difference>, VmError> {
        match step {
            Step::Message(message) => return self.message(message),
            Step::SetEpoch(epoch) => self.surroundings(|context| context.epoch = *epoch),
            Step::SetCirculatingSupply(supply) => {
                self.surroundings(|context| context.circulating_supply.clone_from(supply));
            }
            Step::SetBaseFee(fee) => self.surroundings(|context| context.base_fee.clone_from(fee)),
            Step::SetTimestamp(time) => self.surroundings(|context| context.timestamp = *time),
            Step::SetActor(actor) => {
                let record = actor.record();
                self.machine()?.set_actor(actor.id, Some(record.clone()))?;
                self.expected.edit_actor(actor.id, Some(record));
                if let Some(kind) = Type::from_name(&actor.kind) {
                    self.names.kinds.insert(actor.id, kind);
                }
                self.root = self.machine()?.flush()?;
                self.watch.edited(&self.store, &self.root, &self.context)?;
            }
            Step::OverridePrimitive { name, mode } => {
                if (name.as_str(), mode.as_str()) != UNSEALED_SECTOR_CID {
                    return Ok(vec![Difference {
                        what: "primitive to replace".to_owned(),
                        expected: format!("{name} by {mode}"),
                        got: "this runner does not know it".to_owned(),
                    }]);
                }
                let verifier = Arc::new(SubstituteVerifier {
                    zero_when_empty: true,
                });
                self.surroundings(|context| context.verifier = verifier);
            }
            Step::Reset => {
                let pre = &self.vector.pre;
                self.surroundings(|context| {
                    context.epoch = pre.epoch;
                    context
                        .circulating_supply
                        .clone_from(&pre.circulating_supply.0);
                });
                self.root = self.genesis;
                self.expected = world(self.vector, SharedStore::memory())?;
                self.names = names(self.vector, &self.names.descriptions);
                self.watch
                    .begin_again(&self.store, &self.root, &self.context)?;
            }
        }
        Ok(Vec::new())
    }

    /// Changes what surrounds the messages; the next one runs on a new machine.
    fn surroundings(&mut self, change: impl FnOnce(&mut Context)) {
        change(&mut self.context);
        self.machine = None;
    }

    fn machine(&mut self) -> Result<&mut Box<dyn Machine>, VmError> {
        let machine = match self.machine.take() {
            Some(machine) => machine,
            None => (self.open)(self.store.clone(), self.root, self.context.clone())?,
        };
        Ok(self.machine.insert(machine))
    }

    fn message(&mut self, message: &Message) -> Result<Vec<Difference>, VmError> {
        let post: BTreeMap<ActorID, Option<ActorState>> = message
            .expect
            .post
            .iter()
            .map(|post| match post {
                Post::Is(actor) => (actor.id, Some(actor.record())),
                Post::Deleted(id) => (*id, None),
            })
            .collect();
        for (id, record) in &post {
            self.expected.edit_actor(*id, record.clone());
        }
        for post in &message.expect.post {
            if let Post::Is(actor) = post
                && let Some(kind) = Type::from_name(&actor.kind)
            {
                self.names.kinds.insert(actor.id, kind);
            }
        }
        let expected_root = self.expected.flush()?;

        let applied = self
            .machine()?
            .apply(&vm_message(message), Mode::Unchecked)?;
        self.root = self.machine()?.flush()?;

        let mut comparison = Comparison::new(&self.names);
        let show = |amount: &TokenAmount| amount.to_string();
        comparison.same(
            || "epoch in force".to_owned(),
            &message.epoch,
            &self.context.epoch,
            ToString::to_string,
        );
        comparison.same(
            || "circulating supply in force".to_owned(),
            &message.circulating_supply.0,
            &self.context.circulating_supply,
            show,
        );
        comparison.applied(message, &applied);
        if self.root != expected_root {
            self.compare_states(&mut comparison, &expected_root)?;
        }
        let found = self
            .watch
            .after(message, &self.names, &self.store, &self.root, &self.context);
        self.violations = found.iter().map(ToString::to_string).collect();
        Ok(comparison.finish())
    }

    /// Finds out why the roots differ.
    fn compare_states(
        &self,
        comparison: &mut Comparison<'_>,
        expected_root: &Cid,
    ) -> Result<(), VmError> {
        let got = StateTree::load(self.store.clone(), &self.root)?.actors()?;
        let expected = self.expected.actors()?;
        let ids: BTreeSet<ActorID> = got.keys().chain(expected.keys()).copied().collect();
        for id in ids {
            comparison.actor(id, expected.get(&id), got.get(&id), |actor| {
                match self.store.get(&actor.state) {
                    Ok(Some(block)) => self.names.state(id, &block),
                    _ => "which is not in the store".to_owned(),
                }
            });
        }
        comparison.same(
            || "state root".to_owned(),
            expected_root,
            &self.root,
            ToString::to_string,
        );
        Ok(())
    }
}

/// The state before the first step.
fn world(vector: &Vector, store: SharedStore) -> Result<StateTree<SharedStore>, VmError> {
    let mut tree = StateTree::new(store)?;
    for actor in &vector.pre.actors {
        tree.edit_actor(actor.id, Some(actor.record()));
    }
    tree.flush()?;
    Ok(tree)
}

fn names(vector: &Vector, descriptions: &Descriptions) -> Names {
    let actors = vector.pre.actors.iter();
    Names {
        kinds: actors
            .filter_map(|actor| Some((actor.id, Type::from_name(&actor.kind)?)))
            .collect(),
        descriptions: descriptions.clone(),
    }
}

fn vm_message(message: &Message) -> VmMessage {
    VmMessage {
        version: 0,
        from: message.from.0,
        to: message.to.0,
        sequence: message.nonce,
        value: message.value.0.clone(),
        method_num: message.method,
        params: RawBytes::new(
            message
                .params
                .as_ref()
                .map(|block| block.data.0.clone())
                .unwrap_or_default(),
        ),
        gas_limit: GAS_LIMIT,
        gas_fee_cap: TokenAmount::default(),
        gas_premium: TokenAmount::default(),
    }
}
