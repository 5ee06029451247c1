//! What must hold of the state.

use std::collections::BTreeSet;

use boatyard_actors_shared::{FIRST_NON_SINGLETON_ADDR, Violations};
use boatyard_sdk::ActorError;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::address::Protocol;

use crate::State;

/// Every violation of spec 01 §2.
pub fn check(state: &State, store: &impl Blockstore) -> Vec<String> {
    let mut found = Violations::default();
    found.require(!state.network_name.is_empty(), || {
        "the network has no name".into()
    });
    found.require(state.next_id >= FIRST_NON_SINGLETON_ADDR, || {
        format!("the next ID is {}, below 100", state.next_id)
    });
    let walked = check_map(state, store, &mut found);
    found.read("address map", walked);
    found.into_vec()
}

fn check_map(
    state: &State,
    store: &impl Blockstore,
    found: &mut Violations,
) -> Result<(), ActorError> {
    let (mut with_f4, mut with_other) = (BTreeSet::new(), BTreeSet::new());
    state.address_map.load(store)?.for_each(|address, id| {
        found.require(address.protocol() != Protocol::ID, || {
            format!("{address}, an ID address, is mapped to {id}")
        });
        found.require(*id >= FIRST_NON_SINGLETON_ADDR, || {
            format!("{address} is mapped to {id}, below 100")
        });
        let seen = match address.protocol() {
            Protocol::Delegated => &mut with_f4,
            _ => &mut with_other,
        };
        found.require(seen.insert(*id), || {
            format!("{address} is another address of its kind for {id}")
        });
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;
    use fvm_shared::address::Address;

    use super::*;

    fn check_entries(entries: &[(Address, u64)]) -> usize {
        let rt = MockRuntime::new();
        let mut state = State::new(rt.store(), "devnet".into()).unwrap();
        let mut map = state.address_map.load(rt.store()).unwrap();
        for (address, id) in entries {
            map.set(address, *id).unwrap();
        }
        state.address_map = map.flush().unwrap();
        check(&state, rt.store()).len()
    }

    #[test]
    fn an_actor_has_one_address_of_each_kind() {
        let f2 = Address::new_actor;
        let f4 = |byte| Address::new_delegated(10, &[byte; 20]).unwrap();
        assert_eq!(check_entries(&[(f2(b"a"), 100), (f4(1), 100)]), 0);
        assert_eq!(check_entries(&[(f2(b"a"), 100), (f2(b"b"), 100)]), 1);
        assert_eq!(check_entries(&[(f4(1), 100), (f4(2), 100)]), 1);
        assert_eq!(check_entries(&[(f2(b"a"), 99)]), 1);
        assert_eq!(check_entries(&[(Address::new_id(100), 100)]), 1);
    }

    #[test]
    fn all_violations_are_reported() {
        let state = State {
            address_map: boatyard_sdk::MapRoot::from_cid(boatyard_sdk::EMPTY_STATE),
            next_id: 99,
            network_name: String::new(),
        };
        assert_eq!(check(&state, MockRuntime::new().store()).len(), 3);
    }
}
