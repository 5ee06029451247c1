//! What must hold of the state, and across actors.

use boatyard_actors_shared::ext::datacap::tokens;
use boatyard_actors_shared::ext::verifreg::{Claim, ClaimId, DataCap};
use boatyard_actors_shared::{Policy, VERIFREG_ACTOR_ID, Violations};
use boatyard_sdk::ActorError;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::ActorID;
use fvm_shared::address::Protocol;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use num_traits::Signed;

use crate::state::{Allocation, State};

/// Every violation of spec 08 §A8 within the actor, at an epoch. The minimum of
/// term and size are those of the policy under which the entries were made.
pub fn check(
    state: &State,
    store: &impl Blockstore,
    policy: &Policy,
    epoch: ChainEpoch,
) -> Vec<String> {
    let mut found = Violations::default();
    found.require(state.root_key.protocol() == Protocol::ID, || {
        format!("the root key is {}, no ID address", state.root_key)
    });
    let walked = check_verifiers(state, store, &mut found);
    found.read("verifiers", walked);
    let walked = check_proposal_ids(state, store, &mut found);
    found.read("numbers of consents", walked);

    let rules = Rules {
        policy,
        epoch,
        next_id: state.next_allocation_id,
    };
    let walked = for_each_allocation(state, store, |client, id, allocation| {
        rules.check_allocation(client, id, allocation, &mut found);
        Ok(())
    });
    found.read("allocations", walked);
    let walked = for_each_claim(state, store, |provider, id, claim| {
        rules.check_claim(provider, id, claim, &mut found);
        Ok(())
    });
    found.read("claims", walked);
    let walked = check_no_empty_maps(state, store, &mut found);
    found.read("allocations and claims", walked);
    found.into_vec()
}

/// Every violation of spec 08 §A8 that concerns others: the datacap token's balances
/// and the miners behind claims.
pub fn check_others(
    state: &State,
    store: &impl Blockstore,
    datacap_of: impl Fn(ActorID) -> TokenAmount,
    is_miner: impl Fn(ActorID) -> bool,
) -> Vec<String> {
    let mut found = Violations::default();
    let mut allocated = DataCap::default();
    let walked = for_each_allocation(state, store, |_, _, allocation| {
        allocated += allocation.size;
        Ok(())
    });
    if found.read("allocations", walked).is_some() {
        let held = datacap_of(VERIFREG_ACTOR_ID);
        found.require(held == tokens(&allocated), || {
            format!("{allocated} bytes are allocated, but the registry has {held} datacap")
        });
    }
    let walked = state.verifiers.load(store).and_then(|verifiers| {
        verifiers.for_each(|verifier, _| {
            let held = verifier.id().map(&datacap_of).unwrap_or_default();
            found.require(held.is_zero(), || {
                format!("verifier {verifier} has {held} datacap")
            });
            Ok(())
        })
    });
    found.read("verifiers", walked);
    let walked = for_each_claim(state, store, |provider, id, _| {
        found.require(is_miner(provider), || {
            format!("claim {id} is that of f0{provider}, which is no miner")
        });
        Ok(())
    });
    found.read("claims", walked);
    found.into_vec()
}

/// Calls `visit` with every allocation, its client and its number.
///
/// # Errors
/// Those of `visit`; `USR_ILLEGAL_STATE` (20) when they cannot be read.
pub fn for_each_allocation(
    state: &State,
    store: &impl Blockstore,
    mut visit: impl FnMut(ActorID, u64, &Allocation) -> Result<(), ActorError>,
) -> Result<(), ActorError> {
    state.allocations.load(store)?.for_each(|client, inner| {
        inner
            .load(store)?
            .for_each(|id, allocation| visit(client, id, allocation))
    })
}

/// Calls `visit` with every claim, its provider and its number.
///
/// # Errors
/// Those of `visit`; `USR_ILLEGAL_STATE` (20) when they cannot be read.
pub fn for_each_claim(
    state: &State,
    store: &impl Blockstore,
    mut visit: impl FnMut(ActorID, ClaimId, &Claim) -> Result<(), ActorError>,
) -> Result<(), ActorError> {
    state.claims.load(store)?.for_each(|provider, inner| {
        inner
            .load(store)?
            .for_each(|id, claim| visit(provider, id, claim))
    })
}

fn check_verifiers(
    state: &State,
    store: &impl Blockstore,
    found: &mut Violations,
) -> Result<(), ActorError> {
    state.verifiers.load(store)?.for_each(|verifier, cap| {
        found.require(verifier.protocol() == Protocol::ID, || {
            format!("verifier {verifier} is no ID address")
        });
        found.require(verifier != state.root_key, || {
            format!("the root key {verifier} is a verifier")
        });
        found.require(!cap.0.is_negative(), || {
            format!("verifier {verifier} may hand out {} bytes", cap.0)
        });
        Ok(())
    })
}

/// A number that was never used is not stored.
fn check_proposal_ids(
    state: &State,
    store: &impl Blockstore,
    found: &mut Violations,
) -> Result<(), ActorError> {
    let ids = state.remove_data_cap_proposal_ids.load(store)?;
    ids.for_each(|_, next| {
        found.require(next.id > 0, || {
            "a verifier's next consent has number 0".into()
        });
        Ok(())
    })
}

fn check_no_empty_maps(
    state: &State,
    store: &impl Blockstore,
    found: &mut Violations,
) -> Result<(), ActorError> {
    state.allocations.load(store)?.for_each(|client, inner| {
        let empty = inner.load(store)?.is_empty();
        found.require(!empty, || format!("an empty map of f0{client}"));
        Ok(())
    })?;
    state.claims.load(store)?.for_each(|provider, inner| {
        let empty = inner.load(store)?.is_empty();
        found.require(!empty, || format!("an empty map of f0{provider}"));
        Ok(())
    })
}

/// What allocations and claims are measured by.
struct Rules<'a> {
    policy: &'a Policy,
    epoch: ChainEpoch,
    next_id: u64,
}

impl Rules<'_> {
    fn check_allocation(
        &self,
        client: ActorID,
        id: u64,
        allocation: &Allocation,
        found: &mut Violations,
    ) {
        let Allocation {
            size,
            term_min,
            term_max,
            expiration,
            ..
        } = *allocation;
        self.check_entry("allocation", id, size, term_min, term_max, found);
        found.require(allocation.client == client, || {
            format!(
                "allocation {id} of f0{client} names f0{}",
                allocation.client
            )
        });
        found.require(
            term_max <= self.policy.maximum_verified_allocation_term,
            || format!("allocation {id} has a maximum term of {term_max}"),
        );
        let last = self.epoch + self.policy.maximum_verified_allocation_expiration;
        found.require(expiration <= last, || {
            format!("allocation {id} expires at {expiration}, after {last}")
        });
    }

    /// There is no upper bound of the term: extensions exceed it.
    fn check_claim(&self, provider: ActorID, id: u64, claim: &Claim, found: &mut Violations) {
        let Claim {
            size,
            term_min,
            term_max,
            term_start,
            ..
        } = *claim;
        self.check_entry("claim", id, size, term_min, term_max, found);
        found.require(claim.provider == provider, || {
            format!("claim {id} of f0{provider} names f0{}", claim.provider)
        });
        found.require(term_start <= self.epoch, || {
            format!("claim {id} starts at {term_start}, after {}", self.epoch)
        });
    }

    fn check_entry(
        &self,
        kind: &str,
        id: u64,
        size: u64,
        term_min: ChainEpoch,
        term_max: ChainEpoch,
        found: &mut Violations,
    ) {
        found.require((1..self.next_id).contains(&id), || {
            format!("{kind} {id}, but the next number is {}", self.next_id)
        });
        found.require(size >= self.policy.minimum_verified_allocation_size, || {
            format!("{kind} {id} is of {size} bytes")
        });
        found.require(
            term_min >= self.policy.minimum_verified_allocation_term,
            || format!("{kind} {id} has a minimum term of {term_min}"),
        );
        found.require(term_min <= term_max, || {
            format!("{kind} {id} has a minimum term of {term_min} and a maximum of {term_max}")
        });
    }
}

#[cfg(test)]
mod tests;
