//! What must hold of the state.

use boatyard_actors_shared::{FIRST_NON_SINGLETON_ADDR, Violations};
use fvm_shared::ActorID;
use fvm_shared::address::Protocol;

use crate::State;

/// Every violation of spec 01 §4: an account that is no singleton has a key.
pub fn check(id: ActorID, state: &State) -> Vec<String> {
    let mut found = Violations::default();
    let has_key = matches!(
        state.address.protocol(),
        Protocol::Secp256k1 | Protocol::BLS
    );
    found.require(has_key || id < FIRST_NON_SINGLETON_ADDR, || {
        format!(
            "the account has {}, which is not the address of a key",
            state.address
        )
    });
    found.into_vec()
}

#[cfg(test)]
mod tests {
    use fvm_shared::address::Address;

    use super::*;

    #[test]
    fn only_singletons_may_be_without_a_key() {
        let burnt = State {
            address: Address::new_id(99),
        };
        assert_eq!(check(99, &burnt), [""; 0]);
        assert_eq!(check(100, &burnt).len(), 1);
    }
}
