//! Which actors a vector runs.
//!
//! All sixteen types stand in the world of every vector; what matters is whose
//! code the recorded calls execute.

use std::collections::{BTreeMap, BTreeSet};

use boatyard_sdk::Type;
use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::{ActorID, METHOD_SEND};
use ipld_core::ipld::Ipld;

use super::format::{Call, Post, Step, Vector};
use super::substitutes::code_cid;

const INIT: ActorID = 1;

/// The types whose code some message of the vector executes.
pub fn types_run(vector: &Vector) -> BTreeSet<Type> {
    let mut types = BTreeSet::new();
    let genesis: BTreeMap<ActorID, Type> = vector
        .pre
        .actors
        .iter()
        .filter_map(|actor| Some((actor.id, Type::from_name(&actor.kind)?)))
        .collect();
    let mut world = genesis.clone();
    for step in &vector.steps {
        match step {
            Step::Reset => world.clone_from(&genesis),
            Step::SetActor(actor) => {
                if let Some(kind) = Type::from_name(&actor.kind) {
                    world.insert(actor.id, kind);
                }
            }
            Step::Message(message) => {
                let before = world.clone();
                for post in &message.expect.post {
                    match post {
                        Post::Is(actor) => {
                            if let Some(kind) = Type::from_name(&actor.kind) {
                                world.insert(actor.id, kind);
                            }
                        }
                        Post::Deleted(id) => {
                            world.remove(id);
                        }
                    }
                }
                collect(&message.expect.trace, None, &[&before, &world], &mut types);
            }
            _ => {}
        }
    }
    types
}

/// Adds what `call` and its children execute. An actor that changed its type in
/// the message counts as both.
fn collect(
    call: &Call,
    parent: Option<&Call>,
    worlds: &[&BTreeMap<ActorID, Type>],
    types: &mut BTreeSet<Type>,
) {
    if call.method != METHOD_SEND && call.error.is_none() {
        let known: BTreeSet<Type> = match call.to.0.id() {
            Ok(id) => worlds
                .iter()
                .filter_map(|world| world.get(&id))
                .copied()
                .collect(),
            Err(_) => BTreeSet::new(),
        };
        if call.constructor {
            types.insert(Type::Account);
        } else if known.is_empty() {
            // Created in this message and gone with its failure.
            types.extend(parent.and_then(constructed));
        }
        types.extend(known);
    }
    for child in &call.calls {
        collect(child, Some(call), worlds, types);
    }
}

/// The type that a call to the init actor's Exec or Exec4 asks for.
fn constructed(call: &Call) -> Option<Type> {
    if call.to.0 != Address::new_id(INIT) {
        return None;
    }
    let params = call.params.as_ref()?;
    let Ok(Ipld::List(fields)) = fvm_ipld_encoding::from_slice(&params.data.0) else {
        return None;
    };
    match fields.first()? {
        Ipld::Link(code) => type_of(code),
        _ => None,
    }
}

/// The type with this code in the recordings.
pub fn type_of(code: &Cid) -> Option<Type> {
    Type::ALL.into_iter().find(|kind| code_cid(*kind) == *code)
}
