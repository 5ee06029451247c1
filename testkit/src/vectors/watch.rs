//! Whether the state stays in order while a vector is played.
//!
//! Worlds may begin in disorder, and some recorded messages are sent by actors that
//! send nothing of their own accord, such as a miner that reports any power it
//! likes. What was wrong before is therefore not held against a message, and after
//! such a message actors need no longer agree with one another.

use std::collections::BTreeSet;

use boatyard_actors_shared::ext::reward::AwardBlockRewardParams;
use boatyard_actors_shared::{CRON_ACTOR, REWARD_ACTOR, SYSTEM_ACTOR};
use boatyard_invariants::{Checker, Surroundings, Violation};
use boatyard_sdk::Type;
use boatyard_vm::context::Context;
use boatyard_vm::machine::VmError;
use boatyard_vm::state::{Manifest, StateTree};
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_shared::ActorID;

use super::format::{Message, Vector};
use super::names::Names;
use super::substitutes::code_cid;

/// Looks at the state after every message.
pub(super) struct Watch {
    checker: Checker,
    around: Surroundings,
    /// What was wrong already: with whom, and whether among several actors.
    known: BTreeSet<(Option<ActorID>, bool)>,
    /// Whether all messages could have happened on a chain.
    natural: bool,
}

impl Watch {
    /// Begins with the state before the first message.
    pub fn new(
        vector: &Vector,
        store: &SharedStore,
        root: &Cid,
        context: &Context,
    ) -> Result<Self, VmError> {
        let mut watch = Self {
            checker: Checker::default(),
            around: Surroundings {
                last_tick: None,
                // The recorded system actor names no actors.
                manifest: Manifest::new(Type::ALL.map(|kind| (kind.name(), code_cid(kind)))),
                ..Surroundings::after_epoch(vector.pre.epoch, vector.pre.policy.0)
            },
            known: BTreeSet::new(),
            natural: true,
        };
        watch.begin_again(store, root, context)?;
        Ok(watch)
    }

    /// Takes the state as it is.
    pub fn begin_again(
        &mut self,
        store: &SharedStore,
        root: &Cid,
        context: &Context,
    ) -> Result<(), VmError> {
        self.natural = true;
        self.known.clear();
        self.edited(store, root, context)
    }

    /// Takes what was changed from outside as it is.
    pub fn edited(
        &mut self,
        store: &SharedStore,
        root: &Cid,
        context: &Context,
    ) -> Result<(), VmError> {
        let actors = StateTree::load(store.clone(), root)?.actors()?;
        self.around.supply = Some(actors.values().map(|actor| &actor.balance).sum());
        let found = self.look(store, root, context);
        self.known.extend(found.iter().map(place));
        Ok(())
    }

    /// What is wrong since a message, each thing once.
    pub fn after(
        &mut self,
        message: &Message,
        names: &Names,
        store: &SharedStore,
        root: &Cid,
        context: &Context,
    ) -> Vec<Violation> {
        let mut found = self.look(store, root, context);
        if message.expect.exit_code == 0 && !is_natural(message, names) {
            self.natural = false;
            // Whoever believed the message is taken as it is.
            self.known.extend(found.iter().map(place));
        }
        found.retain(|violation| {
            (self.natural || !violation.across) && !self.known.contains(&place(violation))
        });
        self.known.extend(found.iter().map(place));
        found
    }

    fn look(&mut self, store: &SharedStore, root: &Cid, context: &Context) -> Vec<Violation> {
        self.around.epoch = context.epoch;
        self.checker.check(store, root, &self.around).violations
    }
}

/// Whether a message could have happened as it is: the protocol sends it, somebody
/// with a key, or an actor that sends whatever its users like.
fn is_natural(message: &Message, names: &Names) -> bool {
    let (from, to) = (message.from.0, message.to.0);
    if from == SYSTEM_ACTOR {
        return to == CRON_ACTOR || to == REWARD_ACTOR && pays_no_tips(message);
    }
    let Ok(id) = from.id() else {
        return true;
    };
    let users = [
        Type::Account,
        Type::EthAccount,
        Type::Placeholder,
        Type::Multisig,
        Type::Evm,
    ];
    names
        .kinds
        .get(&id)
        .is_some_and(|kind| users.contains(kind))
}

/// Whether a block reward promises no tips: in vectors nobody has paid any.
fn pays_no_tips(message: &Message) -> bool {
    let params = message.params.as_ref().map(|block| block.data.0.as_slice());
    params
        .and_then(|bytes| fvm_ipld_encoding::from_slice::<AwardBlockRewardParams>(bytes).ok())
        .is_some_and(|params| params.gas_reward.is_zero())
}

fn place(violation: &Violation) -> (Option<ActorID>, bool) {
    (violation.actor, violation.across)
}
