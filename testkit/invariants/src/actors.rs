//! Which check belongs to which type of actor.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use boatyard_actors_shared::Policy;
use boatyard_sdk::{ActorError, EAM_ACTOR_ID, EMPTY_STATE, Type};
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::CborStore;
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Payload};
use fvm_shared::state::ActorState;
use serde::de::DeserializeOwned;

use crate::checker::Surroundings;

/// What the checks between actors need of an actor's state.
#[derive(Debug, Clone)]
pub(crate) enum Facts {
    /// Nothing beyond the actor's record, or a state that cannot be read.
    None,
    Init(boatyard_init::State),
    Cron(boatyard_cron::State),
    Reward(boatyard_reward::State),
    Account(Address),
    Power(boatyard_power::invariants::Summary),
    Market(boatyard_market::invariants::Summary),
    Miner(boatyard_miner::invariants::Summary),
    VerifiedRegistry(boatyard_verifreg::State),
    DataCap(boatyard_datacap::State),
    CodeRegistry(boatyard_registry::State),
}

/// What a look at an actor found.
#[derive(Debug, Clone)]
pub(crate) struct Looked {
    pub violations: Vec<String>,
    pub facts: Facts,
}

/// An actor, and where it stands.
pub(crate) struct At<'a, S> {
    pub id: ActorID,
    pub record: &'a ActorState,
    pub store: &'a S,
    pub around: &'a Surroundings,
}

/// Looks at an actor of the protocol: the one line that a type has to have.
pub(crate) fn look<S: Blockstore + Clone>(kind: Type, at: &At<'_, S>) -> Looked {
    let &At {
        id,
        record,
        store,
        around,
    } = at;
    let (epoch, policy) = (around.epoch, Policy::of(around.policy));
    match kind {
        Type::System => at.read(|state: &boatyard_system::State| {
            boatyard_system::invariants::check(state, store)
        }),
        Type::Init => at.keep(Facts::Init, |state| {
            boatyard_init::invariants::check(state, store)
        }),
        Type::Cron => at.keep(Facts::Cron, boatyard_cron::invariants::check),
        Type::Reward => at.keep(Facts::Reward, |state| {
            // Without a cron that one knows of, any epoch is right.
            let last_tick = around.last_tick.unwrap_or(state.epoch.saturating_sub(1));
            boatyard_reward::invariants::check(state, &record.balance, last_tick)
        }),
        Type::Account => at.keep(
            |state: boatyard_account::State| Facts::Account(state.address),
            |state| boatyard_account::invariants::check(id, state),
        ),
        Type::Multisig => at.read(|state: &boatyard_multisig::State| {
            boatyard_multisig::invariants::check(state, store)
        }),
        Type::PaymentChannel => at.read(|state: &boatyard_paych::State| {
            boatyard_paych::invariants::check(state, &record.balance, store)
        }),
        Type::VerifiedRegistry => at.keep(Facts::VerifiedRegistry, |state| {
            boatyard_verifreg::invariants::check(state, store, policy, epoch)
        }),
        Type::DataCap => at.keep(Facts::DataCap, |state| {
            boatyard_datacap::invariants::check(state, store)
        }),
        Type::Evm => at.read(|state: &boatyard_evm::state::State| {
            boatyard_evm::invariants::check(store, state, record.delegated_address.as_ref())
        }),
        Type::Eam => at.stateless(),
        Type::EthAccount | Type::Placeholder => at.stateless().and(delegated_address(record)),
        Type::Power => at.keep(
            |state| {
                readable(
                    boatyard_power::invariants::summary(&state, store),
                    Facts::Power,
                )
            },
            |state| boatyard_power::invariants::check(state, store, policy),
        ),
        Type::Market => at.keep(
            |state| {
                readable(
                    boatyard_market::invariants::summary(&state, store),
                    Facts::Market,
                )
            },
            |state| boatyard_market::invariants::check(state, store, &record.balance, epoch),
        ),
        Type::Miner => at.both(|state| {
            let balance = &record.balance;
            let (summary, found) =
                boatyard_miner::invariants::check(&state, store, policy, balance);
            (found, summary.map_or(Facts::None, Facts::Miner))
        }),
    }
}

/// Looks at the code registry of devnets, which is not in the manifest.
pub(crate) fn look_at_registry<S: Blockstore + Clone>(at: &At<'_, S>) -> Looked {
    at.keep(Facts::CodeRegistry, |state| {
        boatyard_registry::invariants::check(state, at.store)
    })
}

impl Default for Looked {
    fn default() -> Self {
        Self {
            violations: Vec::new(),
            facts: Facts::None,
        }
    }
}

impl Looked {
    fn and(mut self, violation: Option<String>) -> Self {
        self.violations.extend(violation);
        self
    }
}

impl<S: Blockstore + Clone> At<'_, S> {
    /// Checks a state of which nobody else needs anything.
    fn read<T: DeserializeOwned>(&self, check: impl FnOnce(&T) -> Vec<String>) -> Looked {
        self.keep(|_| Facts::None, check)
    }

    /// Checks a state and keeps what others need of it.
    fn keep<T: DeserializeOwned>(
        &self,
        facts: impl FnOnce(T) -> Facts,
        check: impl FnOnce(&T) -> Vec<String>,
    ) -> Looked {
        self.both(|state: T| {
            let violations = check(&state);
            (violations, facts(state))
        })
    }

    /// Checks a state and keeps what others need of it, both in one walk.
    fn both<T: DeserializeOwned>(&self, look: impl FnOnce(T) -> (Vec<String>, Facts)) -> Looked {
        let unreadable = |why: String| Looked {
            violations: vec![format!("the state cannot be read: {why}")],
            facts: Facts::None,
        };
        let state: T = match self.store.get_cbor(&self.record.state) {
            Ok(Some(state)) => state,
            Ok(None) => return unreadable(format!("block {} is missing", self.record.state)),
            Err(error) => return unreadable(format!("{error:#}")),
        };
        // Numbers of a state that somebody made up can overflow in any formula.
        match catch_unwind(AssertUnwindSafe(|| look(state))) {
            Ok((violations, facts)) => Looked { violations, facts },
            Err(panic) => Looked {
                violations: vec![format!("the check broke down: {}", words(&*panic))],
                facts: Facts::None,
            },
        }
    }

    fn stateless(&self) -> Looked {
        Looked::default().and((self.record.state != EMPTY_STATE).then(|| {
            format!(
                "the head is {}, but the actor has no state",
                self.record.state
            )
        }))
    }
}

/// A summary, if the state could be read; if not, the check has said so.
fn readable<T>(summary: Result<T, ActorError>, facts: impl FnOnce(T) -> Facts) -> Facts {
    summary.map_or(Facts::None, facts)
}

/// An actor that is nothing but an address has one below f410 (spec 00 §12). Of any
/// length: the machine makes a placeholder for each.
fn delegated_address(record: &ActorState) -> Option<String> {
    let Some(address) = &record.delegated_address else {
        return Some("it has no delegated address".into());
    };
    let fits = matches!(address.payload(), Payload::Delegated(delegated)
        if delegated.namespace() == EAM_ACTOR_ID);
    (!fits).then(|| format!("its delegated address {address} is no f410 address"))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    if let Some(words) = panic.downcast_ref::<&str>() {
        words
    } else if let Some(words) = panic.downcast_ref::<String>() {
        words
    } else {
        "for an unknown reason"
    }
}
