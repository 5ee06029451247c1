//! Which code an actor may run (spec 00 §22): code of the manifest, or on a devnet
//! code that its registry has.

use boatyard_actors_shared::REGISTRY_ACTOR_ID;
use fvm_ipld_blockstore::Blockstore;

use crate::actors::Facts;
use crate::checker::{Found, Kind, World};

pub(super) fn check<S: Blockstore>(world: &World<'_, S>, found: &mut Found) {
    let installed = match world.facts(REGISTRY_ACTOR_ID) {
        // What cannot be read has been said already.
        Facts::CodeRegistry(state) => state.installed.load(world.store).ok(),
        _ => None,
    };
    let users = world
        .actors
        .iter()
        .filter(|(_, entry)| entry.kind == Kind::Users);
    for (id, entry) in users {
        let code = &entry.record.code;
        let known = installed
            .as_ref()
            .is_some_and(|modules| modules.contains(code).unwrap_or(false));
        found.require(known, *id, || {
            format!("its code {code} is neither built in nor installed")
        });
    }
}
