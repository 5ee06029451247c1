//! What must hold of every contract's state (spec 02 §13).

use boatyard_sdk::EAM_ACTOR_ID;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::address::{Address, Payload};
use multihash_codetable::{Code, MultihashDigest};

use crate::state::State;
use crate::storage::Slots;
use crate::types::MAX_CODE_SIZE;

/// Everything that is wrong with a contract, in sentences; nothing if all is well.
///
/// `delegated` is the f4 address in the actor's record.
pub fn check(
    store: &(impl Blockstore + Clone),
    state: &State,
    delegated: Option<&Address>,
) -> Vec<String> {
    let mut findings = Vec::new();
    check_address(delegated, &mut findings);
    check_bytecode(store, state, &mut findings);
    if state.nonce == 0 {
        findings.push("the nonce is 0, contracts start with 1".to_owned());
    }
    check_slots(
        "storage",
        Slots::stored(state.contract_state, store.clone()),
        &mut findings,
    );
    if let Some(data) = &state.transient_data {
        let mut slots = Slots::stored(data.transient_data_state, store.clone());
        if slots.is_empty().unwrap_or(false) {
            findings.push("empty transient storage is stored instead of null".to_owned());
        }
        check_slots("transient storage", slots, &mut findings);
    }
    findings
}

fn check_address(delegated: Option<&Address>, findings: &mut Vec<String>) {
    let is_ethereum = delegated.is_some_and(|address| {
        matches!(address.payload(), Payload::Delegated(delegated)
            if delegated.namespace() == EAM_ACTOR_ID && delegated.subaddress().len() == 20)
    });
    if !is_ethereum {
        findings.push(match delegated {
            Some(address) => format!("the delegated address {address} is no Ethereum address"),
            None => "the contract has no delegated address".to_owned(),
        });
    }
}

fn check_bytecode(store: &impl Blockstore, state: &State, findings: &mut Vec<String>) {
    let code = match store.get(&state.bytecode) {
        Ok(Some(code)) => code,
        Ok(None) => {
            findings.push(format!("the bytecode {} is missing", state.bytecode));
            return;
        }
        Err(error) => {
            findings.push(format!(
                "the bytecode {} cannot be read: {error}",
                state.bytecode
            ));
            return;
        }
    };
    if code.len() > MAX_CODE_SIZE {
        findings.push(format!(
            "the bytecode has {} bytes, allowed are {MAX_CODE_SIZE}",
            code.len()
        ));
    }
    if code.first() == Some(&0xef) {
        findings.push("the bytecode begins with 0xef".to_owned());
    }
    let hash = Code::Keccak256.digest(&code);
    if hash.digest() != state.bytecode_hash.0 {
        findings.push("the bytecode has another hash than the state says".to_owned());
    }
}

fn check_slots<S: Blockstore + Clone>(name: &str, mut slots: Slots<S>, findings: &mut Vec<String>) {
    let mut zeros = 0;
    let mut again = Slots::empty(slots.store());
    let walked = slots.for_each(|slot, value| {
        zeros += u64::from(value.is_zero());
        again.set(slot, value).map(drop)
    });
    if let Err(error) = walked {
        findings.push(format!("the {name} cannot be read: {error}"));
        return;
    }
    if zeros > 0 {
        findings.push(format!("the {name} holds {zeros} zeros"));
    }
    // The shape depends on the contents only, so that others get the same root.
    if zeros == 0 && slots.flush().ok() != again.flush().ok() {
        findings.push(format!(
            "the {name} has another shape than its contents give"
        ));
    }
}
