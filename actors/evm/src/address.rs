//! Ethereum addresses of actors, and addresses as words (spec 02 §4).

use boatyard_actors_shared::{EAM_ACTOR_ID, EthAddress};
use boatyard_sdk::{ActorError, Host, Runtime, actor_error};
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Payload};
use revm_interpreter::primitives::U256;

/// The low 20 bytes of a word; the others do not matter.
pub(crate) fn from_word(word: U256) -> EthAddress {
    let mut low = [0; 20];
    low.copy_from_slice(&word.to_be_bytes::<32>()[12..]);
    EthAddress(low)
}

/// An address as a word.
pub(crate) fn to_word(address: EthAddress) -> U256 {
    U256::from_be_slice(&address.0)
}

/// The Ethereum address of an actor: its f410 address if it has one, else the
/// address that stands for its ID.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) when its f410 address has other than 20 bytes.
pub(crate) fn of_actor(rt: &impl Runtime, id: ActorID) -> Result<EthAddress, ActorError> {
    let delegated = rt.host().delegated_address(id);
    if let Some(Payload::Delegated(delegated)) = delegated.as_ref().map(Address::payload)
        && delegated.namespace() == EAM_ACTOR_ID
    {
        let bytes = delegated.subaddress().try_into().map_err(|_| {
            actor_error!(
                USR_ASSERTION_FAILED,
                "f0{id} has an f410 address that is no Ethereum address"
            )
        })?;
        return Ok(EthAddress(bytes));
    }
    Ok(EthAddress::from_id(id))
}

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;

    use super::*;

    #[test]
    fn the_high_bytes_of_a_word_do_not_matter() {
        let word = U256::MAX << 160 | U256::from(5);
        assert_eq!(to_word(from_word(word)), U256::from(5));
    }

    #[test]
    fn actors_have_one_ethereum_address() {
        let f410 = EthAddress([7; 20]).to_f410();
        let foreign = Address::new_delegated(11, &[7; 20]).unwrap();
        let long = Address::new_delegated(EAM_ACTOR_ID, &[7; 21]).unwrap();
        for (delegated, expected) in [
            (Some(f410), Ok(EthAddress([7; 20]))),
            (Some(foreign), Ok(EthAddress::from_id(500))),
            (None, Ok(EthAddress::from_id(500))),
            (Some(long), Err(24)),
        ] {
            let rt = MockRuntime::new();
            if let Some(delegated) = delegated {
                rt.delegated(500, delegated);
            }
            let seen = rt.within(|rt| of_actor(rt, 500));
            assert_eq!(seen.map_err(|error| error.exit_code().value()), expected);
        }
    }
}
