//! What must hold of the state.

use boatyard_actors_shared::Violations;
use boatyard_sdk::ActorError;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::address::Protocol;
use fvm_shared::econ::TokenAmount;

use crate::State;
use crate::state::MAX_LANE;

/// Every violation of spec 04 §2.10. `balance` is the actor's, in attoFIL.
///
/// Two of the sheet's are weakened to what vouchers cannot break: an open channel
/// may have a `min_settle_height`, and a lane may have redeemed nothing. Added is
/// that no more is owed than the lanes have redeemed.
pub fn check(state: &State, balance: &TokenAmount, store: &impl Blockstore) -> Vec<String> {
    let mut found = Violations::default();
    for (who, address) in [("from", state.from), ("to", state.to)] {
        found.require(address.protocol() == Protocol::ID, || {
            format!("{who} is {address}, no ID address")
        });
    }
    found.require(!state.to_send.is_negative(), || {
        format!("{} are owed", state.to_send)
    });
    found.require(*balance >= state.to_send, || {
        format!("{} are owed out of {balance}", state.to_send)
    });
    found.require(
        !state.is_settling() || state.settling_at >= state.min_settle_height,
        || {
            format!(
                "settles at {}, before the height of {}",
                state.settling_at, state.min_settle_height
            )
        },
    );
    let redeemed = check_lanes(state, store, &mut found);
    if let Some(redeemed) = found.read("lanes", redeemed) {
        found.require(state.to_send <= redeemed, || {
            format!("{} are owed for {redeemed} redeemed", state.to_send)
        });
    }
    found.into_vec()
}

/// Gives the sum of what the lanes have redeemed.
fn check_lanes(
    state: &State,
    store: &impl Blockstore,
    found: &mut Violations,
) -> Result<TokenAmount, ActorError> {
    let mut sum = TokenAmount::default();
    state.lane_states.load(store)?.for_each(|number, lane| {
        found.require(number <= MAX_LANE, || format!("lane {number}"));
        found.require(!lane.redeemed.is_negative(), || {
            format!("lane {number} has redeemed {}", lane.redeemed)
        });
        sum += &lane.redeemed;
        Ok(())
    })?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;
    use boatyard_sdk::ArrayRoot;
    use fvm_shared::address::Address;

    use super::*;
    use crate::state::LaneState;

    #[test]
    fn all_violations_are_reported() {
        let atto = |amount: i64| TokenAmount::from_atto(amount);
        let rt = MockRuntime::new();
        let (from, to) = (Address::new_id(100), Address::new_id(101));
        let mut state = State::new(rt.store(), from, to).unwrap();
        assert_eq!(check(&state, &atto(0), rt.store()), [""; 0]);

        state.from = Address::new_actor(b"robust");
        state.to_send = atto(5);
        state.settling_at = 7;
        state.min_settle_height = 8;
        // The address, the balance, the height, nothing redeemed.
        assert_eq!(check(&state, &atto(4), rt.store()).len(), 4);

        let mut lanes = state.lane_states.load(rt.store()).unwrap();
        for (number, redeemed) in [(1, -1), (MAX_LANE + 1, 10)] {
            let redeemed = atto(redeemed);
            lanes.set(number, LaneState { redeemed, nonce: 1 }).unwrap();
        }
        state.lane_states = lanes.flush().unwrap();
        state.to_send = atto(-1);
        // The address, less than nothing, the height, both lanes.
        assert_eq!(check(&state, &atto(4), rt.store()).len(), 5);

        state.lane_states = ArrayRoot::from_cid(boatyard_sdk::EMPTY_STATE);
        assert_eq!(check(&state, &atto(4), rt.store()).len(), 4);
    }
}
