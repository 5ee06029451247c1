//! What must hold of the state.

use boatyard_actors_shared::Violations;
use fvm_shared::address::Protocol;

use crate::State;

/// Every violation of spec 01 §3: receivers are ID addresses, method numbers are
/// not 0.
pub fn check(state: &State) -> Vec<String> {
    let mut found = Violations::default();
    for (entry, position) in state.entries.iter().zip(0..) {
        found.require(entry.receiver.protocol() == Protocol::ID, || {
            format!(
                "entry {position} calls {}, which is no ID address",
                entry.receiver
            )
        });
        found.require(entry.method_num > 0, || {
            format!("entry {position} is a mere transfer to {}", entry.receiver)
        });
    }
    found.into_vec()
}

#[cfg(test)]
mod tests {
    use fvm_shared::address::Address;

    use super::*;
    use crate::Entry;

    #[test]
    fn all_violations_are_reported() {
        let robust = Address::new_actor(b"x");
        let entry = |receiver, method_num| Entry {
            receiver,
            method_num,
        };
        let state = State {
            entries: vec![entry(Address::new_id(4), 5), entry(robust, 0)],
        };
        assert_eq!(check(&state).len(), 2);
    }
}
