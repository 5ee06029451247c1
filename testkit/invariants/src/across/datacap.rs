//! Datacap: the token f07 and the registry f06 that governs it (spec 08 §A8).

use boatyard_actors_shared::{DATACAP_ACTOR_ID, VERIFREG_ACTOR, VERIFREG_ACTOR_ID};
use boatyard_sdk::Type;
use boatyard_verifreg::invariants::check_others;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;

use crate::actors::Facts;
use crate::checker::{Found, World};
use crate::report::Total;

/// A token is one byte.
const PRECISION: u64 = TokenAmount::PRECISION;

pub(super) fn check<S: Blockstore>(world: &World<'_, S>, found: &mut Found) {
    let (Facts::VerifiedRegistry(registry), Facts::DataCap(datacap)) = (
        world.facts(VERIFREG_ACTOR_ID),
        world.facts(DATACAP_ACTOR_ID),
    ) else {
        return;
    };
    found.require(datacap.governor == VERIFREG_ACTOR, DATACAP_ACTOR_ID, || {
        format!("its governor is {}, not the registry", datacap.governor)
    });
    let root = registry.root_key.id().ok();
    found.require(
        root.is_some_and(|id| world.actors.contains_key(&id)),
        VERIFREG_ACTOR_ID,
        || format!("its root key {} is that of nobody", registry.root_key),
    );
    let others = check_others(
        registry,
        world.store,
        // Balances that cannot be read have been reported.
        |id| datacap.balance(world.store, id).unwrap_or_default(),
        |id| world.is(id, Type::Miner),
    );
    for text in others {
        found.add(VERIFREG_ACTOR_ID, text);
    }
}

pub(super) fn totals<S: Blockstore>(world: &World<'_, S>) -> Vec<Total> {
    let Facts::DataCap(datacap) = world.facts(DATACAP_ACTOR_ID) else {
        return Vec::new();
    };
    let bytes = |amount: &TokenAmount| amount.atto() / BigInt::from(PRECISION);
    let allocated = datacap.balance(world.store, VERIFREG_ACTOR_ID);
    let mut totals = vec![Total::bytes("datacap", bytes(&datacap.token.supply))];
    if let Ok(allocated) = allocated {
        totals.push(Total::bytes("datacap allocated", bytes(&allocated)));
    }
    totals
}
