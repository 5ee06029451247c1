//! What must hold of the state.

use boatyard_actors_shared::Violations;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::address::Protocol;

use crate::state::{HAMT_BIT_WIDTH, State};
use crate::token::GRANULARITY;

/// Every violation of spec 08 §B6: those of the governor, and what the published
/// crate finds in supply, balances and allowances.
///
/// A self-allowance is among them, though `IncreaseAllowance` lets anybody make one.
pub fn check(state: &State, store: &impl Blockstore) -> Vec<String> {
    let mut found = Violations::default();
    found.require(state.governor.protocol() == Protocol::ID, || {
        format!("the governor is {}, no ID address", state.governor)
    });
    let width = state.token.hamt_bit_width;
    found.require(width == HAMT_BIT_WIDTH, || {
        format!("maps of {width} bits per level")
    });
    // Other widths make the crate's maps panic.
    if (1..=8).contains(&width) {
        let (_, errors) = state.token.check_invariants(store, GRANULARITY);
        for error in errors {
            found.add(error.to_string());
        }
    }
    found.into_vec()
}

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;
    use fvm_shared::address::Address;
    use fvm_shared::econ::TokenAmount;

    use super::*;

    fn token() -> (MockRuntime, State) {
        let rt = MockRuntime::new();
        let state = State::new(rt.store(), Address::new_id(6)).unwrap();
        assert_eq!(check(&state, rt.store()), [""; 0]);
        (rt, state)
    }

    #[test]
    fn the_governor_has_an_id_and_the_width_is_fixed() {
        let (rt, mut state) = token();
        state.governor = Address::new_actor(b"robust");
        state.token.hamt_bit_width = 0;
        assert_eq!(check(&state, rt.store()).len(), 2);
    }

    #[test]
    fn supply_is_the_sum_of_whole_balances() {
        let (rt, mut state) = token();
        let half = TokenAmount::from_nano(500_000_000);
        state.token.set_balance(rt.store(), 100, &half).unwrap();
        assert_eq!(check(&state, rt.store()).len(), 2);
        state.token.supply = half;
        assert_eq!(check(&state, rt.store()).len(), 1);
    }

    #[test]
    fn missing_maps_are_reported() {
        let (rt, mut state) = token();
        state.token.balances = boatyard_sdk::EMPTY_STATE;
        state.token.allowances = boatyard_sdk::EMPTY_STATE;
        assert_eq!(check(&state, rt.store()).len(), 2);
    }
}
