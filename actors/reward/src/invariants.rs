//! What must hold of the state.

use boatyard_actors_shared::Violations;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use num_traits::Signed;

use crate::State;

/// What the actor holds at genesis. Anybody may add to it.
const ALLOCATION_FIL: u64 = 1_100_000_000;

/// Every violation of spec 03 §2.7. `balance` is the actor's, `last_epoch` the last
/// epoch that cron has run for.
///
/// The effective time may lead by one epoch, unlike in the sheet: a network with
/// power at genesis begins so (spec 03 §4.2, `constructor(2^50)`).
pub fn check(state: &State, balance: &TokenAmount, last_epoch: ChainEpoch) -> Vec<String> {
    let mut found = Violations::default();
    let accounted = &state.total_storage_power_reward + balance;
    found.require(accounted >= TokenAmount::from_whole(ALLOCATION_FIL), || {
        format!("rewards paid and balance are {accounted} FIL, less than the allocation")
    });
    found.require(state.epoch == last_epoch + 1, || {
        format!(
            "the reward is that of epoch {} after {last_epoch}",
            state.epoch
        )
    });
    found.require(state.effective_network_time <= state.epoch + 1, || {
        format!(
            "effective network time {} is ahead of epoch {}",
            state.effective_network_time, state.epoch
        )
    });
    found.require(!state.cumsum_realized.is_negative(), || {
        format!("negative sum of power {}", state.cumsum_realized)
    });
    found.require(state.cumsum_realized <= state.cumsum_baseline, || {
        format!(
            "the sum of power, {}, is above the baseline's, {}",
            state.cumsum_realized, state.cumsum_baseline
        )
    });
    found.into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_keeps_them_from_genesis_on() {
        let allocation = TokenAmount::from_whole(ALLOCATION_FIL);
        let mut state = State::new(&(1u64 << 50).into()).unwrap();
        assert_eq!(check(&state, &allocation, -1), [""; 0]);
        for epoch in [1, 2, 10] {
            state.pass_epochs(epoch, &(1u64 << 62).into()).unwrap();
            assert_eq!(check(&state, &allocation, epoch), [""; 0]);
        }
    }

    #[test]
    fn all_violations_are_reported() {
        let mut state = State::new(&0.into()).unwrap();
        state.effective_network_time = 2;
        state.cumsum_realized = 1.into();
        assert_eq!(check(&state, &TokenAmount::default(), 7).len(), 4);
        state.cumsum_realized = (-1).into();
        assert_eq!(check(&state, &TokenAmount::default(), -1).len(), 3);
    }
}
