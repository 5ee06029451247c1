//! From an address to an ID, creating the actor if need be (spec 00 §12).

use boatyard_sdk::{ActorError, Host, Runtime, SendResultExt, ensure, exit_codes::*};
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::{ActorID, METHOD_SEND};

/// Whether [`resolve_to_id`] looks if there is an actor behind the ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// An ID address is taken as it is.
    Assumed,
    /// The ID must have an actor.
    Checked,
}

/// The ID behind an address. A key or f410 address that is not on chain yet gets
/// its actor by a transfer of nothing.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | that of the send | the transfer fails; 23 for an unknown f2 |
/// | `USR_ILLEGAL_ARGUMENT` (16) | the address does not resolve even then |
/// | `USR_NOT_FOUND` (17) | existence is checked and the ID has no actor |
///
/// Source: spec 00 §12.
pub fn resolve_to_id(
    rt: &impl Runtime,
    address: &Address,
    existence: Existence,
) -> Result<ActorID, ActorError> {
    let id = match rt.resolve(address) {
        Some(id) => id,
        None => {
            rt.send(address, METHOD_SEND, None, TokenAmount::default())
                .success()
                .map_err(|error| error.context(format_args!("creating an actor for {address}")))?;
            rt.resolve(address).ok_or_else(|| {
                ActorError::new(
                    USR_ILLEGAL_ARGUMENT,
                    format!("address {address} does not resolve"),
                )
            })?
        }
    };
    if existence == Existence::Checked {
        ensure!(
            rt.host().code_cid(id).is_some(),
            USR_NOT_FOUND,
            "there is no actor f0{id}"
        );
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;
    use boatyard_sdk::Type;
    use fvm_shared::error::ErrorNumber;

    use super::*;

    fn key() -> Address {
        Address::new_secp256k1(&[4; 65]).unwrap()
    }

    fn resolve(rt: &MockRuntime, address: Address, existence: Existence) -> Result<ActorID, u32> {
        rt.within(|rt| resolve_to_id(rt, &address, existence))
            .map_err(|error| error.exit_code().value())
    }

    #[test]
    fn known_addresses_resolve_without_a_send() {
        let rt = MockRuntime::new()
            .actor(300, Type::Account)
            .resolves(key(), 300);
        for existence in [Existence::Assumed, Existence::Checked] {
            assert_eq!(resolve(&rt, key(), existence), Ok(300));
        }
        let missing = Address::new_id(301);
        assert_eq!(resolve(&rt, missing, Existence::Assumed), Ok(301));
        assert_eq!(resolve(&rt, missing, Existence::Checked), Err(17));
    }

    #[test]
    fn an_unknown_key_gets_its_account() {
        let rt = MockRuntime::new();
        rt.expect_send(key(), METHOD_SEND).effect(|rt| {
            rt.actor(300, Type::Account).resolves(key(), 300);
        });
        assert_eq!(resolve(&rt, key(), Existence::Checked), Ok(300));
    }

    #[test]
    fn what_cannot_be_created_does_not_resolve() {
        let rt = MockRuntime::new();
        let robust = Address::new_actor(b"nobody");
        rt.expect_send(robust, METHOD_SEND)
            .refused(ErrorNumber::NotFound);
        assert_eq!(resolve(&rt, robust, Existence::Assumed), Err(23));
        rt.expect_send(robust, METHOD_SEND);
        assert_eq!(resolve(&rt, robust, Existence::Assumed), Err(16));
    }
}
