//! What must hold of every contract's state (spec 02 §13).

use boatyard_actors_shared::{EAM_ACTOR_ID, Violations};
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::address::{Address, Payload};
use multihash_codetable::{Code, MultihashDigest};

use crate::state::State;
use crate::storage::Slots;
use crate::types::MAX_CODE_SIZE;

/// Every violation in a contract with this state and f4 address.
pub fn check(
    store: &(impl Blockstore + Clone),
    state: &State,
    delegated: Option<&Address>,
) -> Vec<String> {
    let mut found = Violations::default();
    check_address(delegated, &mut found);
    check_bytecode(store, state, &mut found);
    found.require(state.nonce > 0, || {
        "the nonce is 0, contracts start with 1".into()
    });
    let storage = Slots::stored(state.contract_state, store.clone());
    check_slots("storage", storage, &mut found);
    if let Some(data) = &state.transient_data {
        let mut slots = Slots::stored(data.transient_data_state, store.clone());
        found.require(!slots.is_empty().unwrap_or(false), || {
            "empty transient storage is stored instead of null".into()
        });
        check_slots("transient storage", slots, &mut found);
    }
    found.into_vec()
}

fn check_address(delegated: Option<&Address>, found: &mut Violations) {
    match delegated {
        None => found.add("the contract has no delegated address"),
        Some(address) => {
            let is_ethereum = matches!(address.payload(), Payload::Delegated(delegated)
                if delegated.namespace() == EAM_ACTOR_ID && delegated.subaddress().len() == 20);
            found.require(is_ethereum, || {
                format!("the delegated address {address} is no Ethereum address")
            });
        }
    }
}

fn check_bytecode(store: &impl Blockstore, state: &State, found: &mut Violations) {
    let cid = &state.bytecode;
    let code = match store.get(cid) {
        Ok(Some(code)) => code,
        Ok(None) => return found.add(format!("the bytecode {cid} is missing")),
        Err(error) => return found.add(format!("the bytecode {cid} cannot be read: {error}")),
    };
    found.require(code.len() <= MAX_CODE_SIZE, || {
        format!(
            "the bytecode has {} bytes, allowed are {MAX_CODE_SIZE}",
            code.len()
        )
    });
    found.require(code.first() != Some(&0xef), || {
        "the bytecode begins with 0xef".into()
    });
    let hash = Code::Keccak256.digest(&code);
    found.require(hash.digest() == state.bytecode_hash.0, || {
        "the bytecode has another hash than the state says".into()
    });
}

fn check_slots<S: Blockstore + Clone>(name: &str, mut slots: Slots<S>, found: &mut Violations) {
    let mut zeros = 0;
    let mut again = Slots::empty(slots.store());
    let walked = slots.for_each(|slot, value| {
        zeros += u64::from(value.is_zero());
        again.set(slot, value).map(drop)
    });
    if found.read(name, walked).is_none() {
        return;
    }
    found.require(zeros == 0, || format!("the {name} holds {zeros} zeros"));
    // The shape depends on the contents only, so that others get the same root.
    if zeros == 0 {
        found.require(slots.flush().ok() == again.flush().ok(), || {
            format!("the {name} has another shape than its contents give")
        });
    }
}

#[cfg(test)]
mod tests {
    use boatyard_actors_shared::EthAddress;
    use fvm_ipld_blockstore::MemoryBlockstore;
    use fvm_ipld_encoding::CborStore;
    use fvm_ipld_encoding::{BytesSer, IPLD_RAW};
    use revm_interpreter::primitives::U256;

    use super::*;
    use crate::state::{Lifespan, TransientData};
    use crate::types::BytecodeHash;

    fn good(store: &MemoryBlockstore) -> State {
        let code = [0x60, 0x01];
        let bytecode = cid::Cid::new_v1(IPLD_RAW, Code::Blake2b256.digest(&code));
        store.put_keyed(&bytecode, &code).unwrap();
        let mut slots = Slots::empty(store);
        slots.set(U256::from(1), U256::from(2)).unwrap();
        slots.set(U256::from(3), U256::from(4)).unwrap();
        State {
            bytecode,
            bytecode_hash: BytecodeHash(Code::Keccak256.digest(&code).digest().try_into().unwrap()),
            contract_state: slots.flush().unwrap(),
            transient_data: None,
            nonce: 1,
            tombstone: None,
        }
    }

    #[test]
    fn a_good_contract_violates_nothing() {
        let store = MemoryBlockstore::default();
        let f410 = EthAddress([1; 20]).to_f410();
        assert_eq!(check(&&store, &good(&store), Some(&f410)), [""; 0]);
    }

    #[test]
    fn every_violation_is_found() {
        let store = MemoryBlockstore::default();
        let f410 = EthAddress([1; 20]).to_f410();
        let empty = Slots::empty(&store).flush().unwrap();
        // A zero under slot 1, which no contract writes.
        let zero = store
            .put_cbor(
                &(
                    BytesSer(&[1]),
                    [Bucket {
                        v: [(BytesSer(&[1]), BytesSer(&[]))],
                    }],
                ),
                Code::Blake2b256,
            )
            .unwrap();
        let changes: [(&str, Change); 6] = [
            ("the nonce is 0", |state, _, _| state.nonce = 0),
            ("another hash", |state, _, _| {
                state.bytecode_hash = BytecodeHash::EMPTY
            }),
            ("is missing", |state, empty, _| {
                state.bytecode = missing(empty)
            }),
            ("instead of null", |state, empty, _| {
                state.transient_data = Some(TransientData {
                    transient_data_state: empty,
                    transient_data_lifespan: Lifespan {
                        origin: 100,
                        nonce: 0,
                    },
                });
            }),
            ("the storage holds 1 zeros", |state, _, zero| {
                state.contract_state = zero
            }),
            ("storage: ", |state, empty, _| {
                state.contract_state = missing(empty)
            }),
        ];
        for (sentence, change) in changes {
            let mut state = good(&store);
            change(&mut state, empty, zero);
            let found = check(&&store, &state, Some(&f410));
            assert!(
                found.len() == 1 && found[0].contains(sentence),
                "{sentence}: {found:?}"
            );
        }
        assert_eq!(check(&&store, &good(&store), None).len(), 1);
        let id = Address::new_id(5);
        assert_eq!(check(&&store, &good(&store), Some(&id)).len(), 1);
    }

    /// Gets an empty and a zero-holding root of slots.
    type Change = fn(&mut State, cid::Cid, cid::Cid);

    #[derive(serde::Serialize)]
    struct Bucket<'a> {
        v: [(BytesSer<'a>, BytesSer<'a>); 1],
    }

    /// A CID under which nothing lies.
    fn missing(cid: cid::Cid) -> cid::Cid {
        cid::Cid::new_v1(IPLD_RAW, Code::Blake2b256.digest(&cid.to_bytes()))
    }
}
