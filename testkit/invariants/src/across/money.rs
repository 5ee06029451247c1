//! How much money there is, and where.

use boatyard_actors_shared::{BURNT_FUNDS_ACTOR_ID, REWARD_ACTOR_ID};
use fvm_shared::ActorID;
use fvm_shared::econ::TokenAmount;

use crate::actors::Facts;
use crate::checker::{Found, World};
use crate::report::Total;

pub(super) fn check<S>(world: &World<'_, S>, found: &mut Found) {
    for (id, entry) in world.actors {
        let balance = &entry.record.balance;
        found.require(!balance.is_negative(), *id, || {
            format!("its balance is {balance} FIL")
        });
    }
    if let Some(supply) = &world.around.supply {
        let sum = all(world);
        if sum != *supply {
            found.add_whole(format!(
                "the balances of all actors are {sum} FIL, there should be {supply}"
            ));
        }
    }
}

pub(super) fn totals<S>(world: &World<'_, S>) -> Vec<Total> {
    let mut totals = vec![
        Total::fil("all balances", &all(world)),
        Total::fil("mining reserve f02", &balance(world, REWARD_ACTOR_ID)),
        Total::fil("burnt f099", &balance(world, BURNT_FUNDS_ACTOR_ID)),
    ];
    if let Facts::Reward(reward) = world.facts(REWARD_ACTOR_ID) {
        totals.push(Total::fil(
            "block rewards paid",
            &reward.total_storage_power_reward,
        ));
    }
    totals
}

fn all<S>(world: &World<'_, S>) -> TokenAmount {
    let balances = world.actors.values().map(|entry| &entry.record.balance);
    balances.sum()
}

fn balance<S>(world: &World<'_, S>, id: ActorID) -> TokenAmount {
    let entry = world.actors.get(&id);
    entry.map_or_else(TokenAmount::default, |entry| entry.record.balance.clone())
}
