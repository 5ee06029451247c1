//! What the state holds, and how an address gets its ID.

use boatyard_actors_shared::FIRST_NON_SINGLETON_ADDR;
use boatyard_sdk::{AbiType, ActorError, MapRoot, ensure};
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::ActorID;
use fvm_shared::address::Address;

/// State of the init actor.
///
/// The machine writes it too: an account or placeholder that comes into being by a
/// transfer takes the next ID and enters its address (spec 00 §12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// f1, f2, f3 or f4 address → ID. Entries are never removed.
    pub address_map: MapRoot<Address, ActorID>,
    /// The next ID to hand out.
    pub next_id: ActorID,
    /// Name of the network.
    pub network_name: String,
}

/// Whether an address had its ID before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// The ID is new.
    New,
    /// The f4 address was known already.
    Existing,
}

impl State {
    /// A state without addresses.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the empty map cannot be stored.
    pub fn new(store: impl Blockstore, network_name: String) -> Result<Self, ActorError> {
        Ok(Self {
            address_map: MapRoot::empty(store)?,
            next_id: FIRST_NON_SINGLETON_ADDR,
            network_name,
        })
    }

    /// Enters a new actor's f2 address and, if it has one, its f4 address, and
    /// gives the ID behind them.
    ///
    /// An f4 address that is known keeps its ID: there is a placeholder or a
    /// former actor behind it.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the f2 address is known, `USR_ILLEGAL_STATE` (20)
    /// when the map cannot be read or written.
    pub fn map_addresses(
        &mut self,
        store: impl Blockstore,
        robust: &Address,
        delegated: Option<&Address>,
    ) -> Result<(ActorID, Mapping), ActorError> {
        let mut map = self.address_map.load(store)?;
        let known = match delegated {
            Some(delegated) => map.get(delegated)?.copied(),
            None => None,
        };
        let (id, mapping) = match known {
            Some(id) => (id, Mapping::Existing),
            None => (self.next_id, Mapping::New),
        };
        if mapping == Mapping::New {
            self.next_id += 1;
            if let Some(delegated) = delegated {
                map.set(delegated, id)?;
            }
        }
        ensure!(
            map.set_if_absent(robust, id)?,
            USR_FORBIDDEN,
            "address {robust} belongs to an actor already"
        );
        self.address_map = map.flush()?;
        Ok((id, mapping))
    }

    /// The ID behind an address; an ID address is itself.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the map cannot be read.
    pub fn resolve(
        &self,
        store: impl Blockstore,
        address: &Address,
    ) -> Result<Option<ActorID>, ActorError> {
        match address.id() {
            Ok(id) => Ok(Some(id)),
            Err(_) => Ok(self.address_map.load(store)?.get(address)?.copied()),
        }
    }
}

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;

    use super::*;

    fn mainnet(rt: &MockRuntime) -> State {
        State::new(rt.store(), "mainnet".into()).unwrap()
    }

    fn robust() -> Address {
        let mut bytes = vec![2];
        bytes.extend([
            0x21, 0x85, 0xa5, 0xb6, 0xcd, 0x6f, 0x36, 0x40, 0x70, 0xc9, 0x63, 0x51, 0xab, 0xf9,
            0x41, 0x41, 0xa8, 0xda, 0xfd, 0xbc,
        ]);
        Address::from_bytes(&bytes).unwrap()
    }

    /// Source: spec 01 §2, "Example".
    #[test]
    fn the_first_address_gets_100() {
        let rt = MockRuntime::new();
        let mut state = mainnet(&rt);
        let mapped = state.map_addresses(rt.store(), &robust(), None);
        assert_eq!(mapped, Ok((100, Mapping::New)));
        assert_eq!(
            rt.set_state(&state).head().to_string(),
            "bafy2bzacedypp33azjd54u2xpck2lje44zd22dvbwdbjeb56savn3wcc26tmo"
        );
        assert_eq!(state.resolve(rt.store(), &robust()), Ok(Some(100)));
        assert_eq!(
            state.resolve(rt.store(), &Address::new_actor(b"other")),
            Ok(None)
        );
    }

    #[test]
    fn a_known_f4_address_keeps_its_id() {
        let rt = MockRuntime::new();
        let mut state = mainnet(&rt);
        let delegated = Address::new_delegated(10, &[7; 20]).unwrap();
        let map = |state: &mut State, name: &[u8], delegated: Option<&Address>| {
            state
                .map_addresses(rt.store(), &Address::new_actor(name), delegated)
                .map_err(|error| error.exit_code().value())
        };
        assert_eq!(
            map(&mut state, b"a", Some(&delegated)),
            Ok((100, Mapping::New))
        );
        assert_eq!(
            map(&mut state, b"b", Some(&delegated)),
            Ok((100, Mapping::Existing))
        );
        assert_eq!(map(&mut state, b"c", None), Ok((101, Mapping::New)));
        assert_eq!(map(&mut state, b"a", None), Err(18), "a known f2 address");
    }
}
