//! How a state is walked.

use std::collections::BTreeMap;

use boatyard_actors_shared::REGISTRY_ACTOR_ID;
use boatyard_sdk::{NetworkVariant, Type};
use boatyard_vm::machine::VmError;
use boatyard_vm::state::{Manifest, StateTree};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::ActorID;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::state::ActorState;

use crate::across;
use crate::actors::{At, Facts, Looked, look, look_at_registry};
use crate::report::{Report, Violation};

/// What a state does not say itself.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Epoch that the state belongs to: that of the last message executed.
    pub epoch: ChainEpoch,
    /// The last epoch that cron ran for, −1 at genesis; none where nobody knows.
    pub last_tick: Option<ChainEpoch>,
    /// Policy that the actors follow.
    pub policy: NetworkVariant,
    /// All money that there is, in attoFIL; none where nobody knows.
    pub supply: Option<TokenAmount>,
    /// The built-in actors, for a state whose system actor names none.
    pub manifest: Manifest,
}

impl Surroundings {
    /// What a network after an epoch whose cron has run is like.
    pub fn after_epoch(epoch: ChainEpoch, policy: NetworkVariant) -> Self {
        Self {
            epoch,
            // Genesis is never executed (spec 09 §5).
            last_tick: Some(if epoch == 0 { -1 } else { epoch }),
            policy,
            supply: None,
            manifest: Manifest::default(),
        }
    }
}

/// Checks a state, once.
///
/// ```
/// use boatyard_invariants::{Surroundings, check};
/// use boatyard_sdk::NetworkVariant;
/// use fvm_ipld_blockstore::MemoryBlockstore;
///
/// let nowhere = boatyard_sdk::EMPTY_STATE;
/// let around = Surroundings::after_epoch(10, NetworkVariant::Devnet);
/// let report = check(&MemoryBlockstore::new(), &nowhere, &around);
/// assert!(report.violations[0].text.contains("its block is missing"));
/// ```
pub fn check<S: Blockstore + Clone>(store: &S, root: &Cid, around: &Surroundings) -> Report {
    Checker::default().check(store, root, around)
}

/// Checks one state after another of the same store, and looks again at those actors
/// only that changed; what concerns several actors is always looked at.
#[derive(Default)]
pub struct Checker {
    seen: BTreeMap<ActorID, Entry>,
    /// Epoch and policy for which they were seen.
    when: Option<(ChainEpoch, NetworkVariant, Option<ChainEpoch>)>,
}

/// An actor and what was found in it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub record: ActorState,
    pub kind: Kind,
    pub looked: Looked,
}

/// What an actor's code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An actor of the protocol.
    Builtin(Type),
    /// The devnet's code registry, by its place.
    CodeRegistry,
    /// Somebody's own code.
    Users,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Builtin(kind) => kind.name(),
            Kind::CodeRegistry => "registry",
            Kind::Users => "user",
        }
    }
}

/// A whole state, each actor looked at by itself.
pub(crate) struct World<'a, S> {
    pub store: &'a S,
    pub around: &'a Surroundings,
    pub actors: &'a BTreeMap<ActorID, Entry>,
}

impl<S> World<'_, S> {
    /// What is known of an actor; nothing if there is no such actor, or no state of
    /// the expected kind.
    pub fn facts(&self, id: ActorID) -> &Facts {
        self.actors
            .get(&id)
            .map_or(&Facts::None, |entry| &entry.looked.facts)
    }

    pub fn kind(&self, id: ActorID) -> Option<Kind> {
        self.actors.get(&id).map(|entry| entry.kind)
    }

    /// All miners whose state can be read.
    pub fn miners(&self) -> impl Iterator<Item = (ActorID, &boatyard_miner::invariants::Summary)> {
        let actors = self.actors.iter();
        actors.filter_map(|(id, entry)| match &entry.looked.facts {
            Facts::Miner(summary) => Some((*id, summary)),
            _ => None,
        })
    }

    pub fn is(&self, id: ActorID, kind: Type) -> bool {
        self.kind(id) == Some(Kind::Builtin(kind))
    }
}

/// Violations between actors, as they are found.
#[derive(Default)]
pub(crate) struct Found(Vec<(Option<ActorID>, String)>);

impl Found {
    /// An actor disagrees with others.
    pub fn add(&mut self, id: ActorID, text: impl Into<String>) {
        self.0.push((Some(id), text.into()));
    }

    /// An actor disagrees with others unless the condition holds.
    pub fn require(&mut self, holds: bool, id: ActorID, text: impl FnOnce() -> String) {
        if !holds {
            self.add(id, text());
        }
    }

    /// The state as a whole is wrong.
    pub fn add_whole(&mut self, text: impl Into<String>) {
        self.0.push((None, text.into()));
    }
}

impl Checker {
    /// Checks a state.
    pub fn check<S: Blockstore + Clone>(
        &mut self,
        store: &S,
        root: &Cid,
        around: &Surroundings,
    ) -> Report {
        let mut report = Report {
            root: root.to_string(),
            epoch: around.epoch,
            actors: BTreeMap::new(),
            totals: Vec::new(),
            violations: Vec::new(),
        };
        let mut whole = |text: String| {
            report.violations.push(Violation {
                actor: None,
                kind: None,
                across: true,
                text,
            });
        };
        let (records, manifest) = match read(store, root) {
            Ok(read) => read,
            Err(error) => {
                whole(chain_of(&error));
                return report;
            }
        };
        let manifest = match manifest {
            Ok(manifest) if manifest.is_empty() => around.manifest.clone(),
            Ok(manifest) => manifest,
            Err(error) => {
                whole(chain_of(&error));
                around.manifest.clone()
            }
        };
        self.look(store, around, &manifest, records);

        let name = |id| self.seen.get(&id).map(|entry| entry.kind.name().to_owned());
        for (id, entry) in &self.seen {
            *report
                .actors
                .entry(entry.kind.name().to_owned())
                .or_default() += 1;
            for text in &entry.looked.violations {
                report.violations.push(Violation {
                    actor: Some(*id),
                    kind: name(*id),
                    across: false,
                    text: text.clone(),
                });
            }
        }
        let world = World {
            store,
            around,
            actors: &self.seen,
        };
        let mut found = Found::default();
        across::check(&world, &mut found);
        for (actor, text) in found.0 {
            report.violations.push(Violation {
                actor,
                kind: actor.and_then(name),
                across: true,
                text,
            });
        }
        report.totals = across::totals(&world);
        report
    }

    /// Looks at every actor that is not as it was.
    fn look<S: Blockstore + Clone>(
        &mut self,
        store: &S,
        around: &Surroundings,
        manifest: &Manifest,
        records: BTreeMap<ActorID, ActorState>,
    ) {
        // With time states get better only: nothing that was in order comes to lie
        // in the future. Backwards is another matter.
        let still = self
            .when
            .is_some_and(|(epoch, policy, _)| epoch <= around.epoch && policy == around.policy);
        let same_tick = self
            .when
            .is_some_and(|(_, _, tick)| tick == around.last_tick);
        self.when = Some((around.epoch, around.policy, around.last_tick));
        let mut before = std::mem::take(&mut self.seen);
        for (id, record) in records {
            let kind = kind_of(id, &record.code, manifest);
            let known = before.remove(&id).filter(|entry| {
                still
                    && entry.kind == kind
                    && same_but_for_sequence(&entry.record, &record)
                    && (same_tick || kind != Kind::Builtin(Type::Reward))
            });
            let looked = match known {
                Some(entry) => entry.looked,
                None => {
                    let at = At {
                        id,
                        record: &record,
                        store,
                        around,
                    };
                    match kind {
                        Kind::Builtin(kind) => look(kind, &at),
                        Kind::CodeRegistry => look_at_registry(&at),
                        Kind::Users => Looked::default(),
                    }
                }
            };
            let entry = Entry {
                record,
                kind,
                looked,
            };
            self.seen.insert(id, entry);
        }
    }
}

type Read = (BTreeMap<ActorID, ActorState>, Result<Manifest, VmError>);

fn read<S: Blockstore + Clone>(store: &S, root: &Cid) -> Result<Read, VmError> {
    let tree = StateTree::load(store.clone(), root)?;
    Ok((tree.actors()?, tree.manifest()))
}

fn kind_of(id: ActorID, code: &Cid, manifest: &Manifest) -> Kind {
    match manifest.name_of(code).and_then(Type::from_name) {
        Some(kind) => Kind::Builtin(kind),
        None if id == REGISTRY_ACTOR_ID => Kind::CodeRegistry,
        None => Kind::Users,
    }
}

fn same_but_for_sequence(one: &ActorState, other: &ActorState) -> bool {
    one.code == other.code
        && one.state == other.state
        && one.balance == other.balance
        && one.delegated_address == other.delegated_address
}

/// An error with its reasons.
fn chain_of(error: &VmError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        source = error.source();
    }
    text
}
