//! Who has which address: the init actor's map and the actors themselves agree
//! (spec 01 §2, 09 §3).
//!
//! The address of a key or an f4 address belongs to somebody who knows it. An f2
//! address may outlive its actor: payment channels delete themselves.

use std::collections::BTreeMap;

use boatyard_actors_shared::{FIRST_NON_SINGLETON_ADDR, INIT_ACTOR_ID};
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Protocol};

use crate::actors::Facts;
use crate::checker::{Found, World};

pub(super) fn check<S: Blockstore>(world: &World<'_, S>, found: &mut Found) {
    let Facts::Init(init) = world.facts(INIT_ACTOR_ID) else {
        return found.add(INIT_ACTOR_ID, "there is no init actor that can be read");
    };
    let mut map: BTreeMap<Vec<u8>, ActorID> = BTreeMap::new();
    let walked = init.address_map.load(world.store).and_then(|entries| {
        entries.for_each(|address, id| {
            found.require(*id < init.next_id, INIT_ACTOR_ID, || {
                format!(
                    "{address} has the ID {id}, the next one is {}",
                    init.next_id
                )
            });
            check_entry(world, &address, *id, found);
            map.insert(address.to_bytes(), *id);
            Ok(())
        })
    });
    if walked.is_err() {
        // Said already, and without a map nobody has an address.
        return;
    }
    for (id, entry) in world.actors {
        found.require(
            *id < FIRST_NON_SINGLETON_ADDR || *id < init.next_id,
            *id,
            || format!("the next ID is {}", init.next_id),
        );
        let key = match &entry.looked.facts {
            Facts::Account(address) if *id >= FIRST_NON_SINGLETON_ADDR => Some(address),
            _ => None,
        };
        for address in key.into_iter().chain(&entry.record.delegated_address) {
            let mapped = map.get(&address.to_bytes());
            found.require(mapped == Some(id), *id, || match mapped {
                Some(other) => format!("its address {address} is mapped to f0{other}"),
                None => format!("its address {address} is mapped to nobody"),
            });
        }
    }
}

/// An entry of the map leads to an actor that knows the address.
fn check_entry<S>(world: &World<'_, S>, address: &Address, id: ActorID, found: &mut Found) {
    match address.protocol() {
        Protocol::Secp256k1 | Protocol::BLS => {
            let knows = match world.facts(id) {
                Facts::Account(key) => key == address,
                _ => false,
            };
            found.require(knows, INIT_ACTOR_ID, || {
                format!("{address} is mapped to f0{id}, which is no account of this key")
            });
        }
        Protocol::Delegated => {
            let knows = world
                .actors
                .get(&id)
                .is_some_and(|entry| entry.record.delegated_address.as_ref() == Some(address));
            found.require(knows, INIT_ACTOR_ID, || {
                format!("{address} is mapped to f0{id}, which has another address")
            });
        }
        Protocol::Actor | Protocol::ID => {}
    }
}
