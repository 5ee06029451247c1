//! Deals: the miners behind them, and the datacap set aside for them (spec 00 §22,
//! 07 §10).

use std::collections::BTreeMap;

use boatyard_actors_shared::{MARKET_ACTOR_ID, VERIFREG_ACTOR_ID};
use boatyard_market::invariants::check_others;
use boatyard_sdk::Type;
use boatyard_verifreg::invariants::for_each_allocation;
use fvm_ipld_blockstore::Blockstore;

use crate::actors::Facts;
use crate::checker::{Found, World};
use crate::report::Total;

pub(super) fn check<S: Blockstore>(world: &World<'_, S>, found: &mut Found) {
    let Facts::Market(market) = world.facts(MARKET_ACTOR_ID) else {
        return;
    };
    let mut allocations = BTreeMap::new();
    if let Facts::VerifiedRegistry(registry) = world.facts(VERIFREG_ACTOR_ID) {
        let walked = for_each_allocation(registry, world.store, |client, id, allocation| {
            allocations.insert((client, id), (allocation.provider, allocation.data));
            Ok(())
        });
        if walked.is_err() {
            // Reported as the registry's.
            return;
        }
    }
    let others = check_others(
        market,
        |client, id| allocations.get(&(client, id)).copied(),
        |id| world.is(id, Type::Miner),
    );
    for text in others {
        found.add(MARKET_ACTOR_ID, text);
    }
}

pub(super) fn totals<S>(world: &World<'_, S>) -> Vec<Total> {
    let Facts::Market(market) = world.facts(MARKET_ACTOR_ID) else {
        return Vec::new();
    };
    vec![
        Total::fil("escrow of the market", &market.escrow),
        Total::fil("of it, locked for storage", &market.storage_fee),
        Total::fil(
            "of it, collateral of providers",
            &market.provider_collateral,
        ),
        Total::fil("of it, collateral of clients", &market.client_collateral),
    ]
}
