//! Who is called every epoch: power first, then the market (spec 09 §2).

use boatyard_actors_shared::{CRON_ACTOR_ID, MARKET_ACTOR_ID, POWER_ACTOR_ID};
use boatyard_sdk::Type;
use fvm_shared::address::Address;
use fvm_shared::{ActorID, MethodNum};

use crate::actors::Facts;
use crate::checker::{Found, World};

/// Receiver, its type, and the method of its tick.
const TICKS: [(ActorID, Type, MethodNum); 2] = [
    (POWER_ACTOR_ID, Type::Power, 5),
    (MARKET_ACTOR_ID, Type::Market, 9),
];

pub(super) fn check<S>(world: &World<'_, S>, found: &mut Found) {
    let Facts::Cron(cron) = world.facts(CRON_ACTOR_ID) else {
        return found.add(CRON_ACTOR_ID, "there is no cron actor that can be read");
    };
    for entry in &cron.entries {
        let exists = entry
            .receiver
            .id()
            .is_ok_and(|id| world.actors.contains_key(&id));
        found.require(exists, CRON_ACTOR_ID, || {
            format!("it calls {}, who does not exist", entry.receiver)
        });
    }
    let place = |id, method| {
        cron.entries
            .iter()
            .position(|entry| entry.receiver == Address::new_id(id) && entry.method_num == method)
    };
    let mut last = None;
    for (id, kind, method) in TICKS {
        if !world.is(id, kind) {
            continue;
        }
        let at = place(id, method);
        found.require(at.is_some(), CRON_ACTOR_ID, || {
            format!("it does not call method {method} of f0{id}")
        });
        found.require(at.is_none() || at >= last, CRON_ACTOR_ID, || {
            format!("it calls f0{id} too early: power comes before the market")
        });
        last = at;
    }
}
