//! What must hold of the state.

use std::collections::BTreeSet;

use boatyard_actors_shared::Violations;
use boatyard_sdk::ActorError;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::address::Protocol;

use crate::State;
use crate::state::{MAX_SIGNERS, Transaction, TxnId};

/// Every violation of spec 04 §1.14.
///
/// That a pending transaction has fewer approvals than the threshold is not among
/// them: a lower threshold breaks it until the next `Approve`. Every one has been
/// approved by its proposer at least.
pub fn check(state: &State, store: &impl Blockstore) -> Vec<String> {
    let mut found = Violations::default();
    let signers = state.signers.len();
    found.require((1..=MAX_SIGNERS).contains(&signers), || {
        format!("{signers} signers")
    });
    let different: BTreeSet<_> = state.signers.iter().map(|a| a.to_bytes()).collect();
    found.require(different.len() == signers, || "a signer twice".into());
    for signer in &state.signers {
        found.require(signer.protocol() == Protocol::ID, || {
            format!("signer {signer} is no ID address")
        });
    }
    let threshold = state.num_approvals_threshold;
    found.require((1..=signers as u64).contains(&threshold), || {
        format!("a threshold of {threshold} with {signers} signers")
    });

    found.require(state.unlock_duration >= 0, || {
        format!("an unlock duration of {} epochs", state.unlock_duration)
    });
    if state.unlock_duration == 0 {
        found.require(state.start_epoch == 0, || {
            format!("nothing is locked, but from epoch {} on", state.start_epoch)
        });
        found.require(state.initial_balance.is_zero(), || {
            format!("{} are locked for no time", state.initial_balance)
        });
    }
    let walked = check_pending(state, store, &mut found);
    found.read("pending transactions", walked);
    found.into_vec()
}

fn check_pending(
    state: &State,
    store: &impl Blockstore,
    found: &mut Violations,
) -> Result<(), ActorError> {
    state.pending_txs.load(store)?.for_each(|id, txn| {
        check_transaction(state, id, txn, found);
        Ok(())
    })
}

fn check_transaction(state: &State, id: TxnId, txn: &Transaction, found: &mut Violations) {
    found.require((0..state.next_tx_id).contains(&id), || {
        format!("transaction {id}, but the next is {}", state.next_tx_id)
    });
    found.require(!txn.approved.is_empty(), || {
        format!("nobody approves transaction {id}")
    });
    let mut seen = BTreeSet::new();
    for approver in &txn.approved {
        found.require(state.is_signer(approver), || {
            format!("{approver} approves transaction {id} but is no signer")
        });
        found.require(seen.insert(approver.to_bytes()), || {
            format!("{approver} approves transaction {id} twice")
        });
    }
}

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;
    use fvm_ipld_encoding::RawBytes;
    use fvm_shared::address::Address;
    use fvm_shared::econ::TokenAmount;

    use super::*;

    #[test]
    fn all_violations_are_reported() {
        let rt = MockRuntime::new();
        let mut state = State::new(rt.store(), vec![Address::new_id(100)], 1).unwrap();
        assert_eq!(check(&state, rt.store()), [""; 0]);

        state.signers.push(Address::new_actor(b"robust"));
        state.num_approvals_threshold = 3;
        state.start_epoch = 1;
        state.initial_balance = TokenAmount::from_atto(1);
        assert_eq!(check(&state, rt.store()).len(), 4);

        let mut pending = state.pending_txs.load(rt.store()).unwrap();
        let stranger = Address::new_id(999);
        let txn = Transaction {
            to: stranger,
            value: TokenAmount::default(),
            method: 0,
            params: RawBytes::default(),
            approved: vec![stranger, stranger],
        };
        pending.set(&0, txn).unwrap();
        state.pending_txs = pending.flush().unwrap();
        // The ID, the stranger twice as no signer, once as seen before.
        assert_eq!(check(&state, rt.store()).len(), 8);

        state.pending_txs = boatyard_sdk::MapRoot::from_cid(boatyard_sdk::EMPTY_STATE);
        assert_eq!(check(&state, rt.store()).len(), 5);
    }
}
