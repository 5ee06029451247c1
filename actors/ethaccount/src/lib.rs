//! Ethereum account: an externally owned f410 address that has sent a message.
//!
//! The machine makes one by switching a placeholder's code (spec 00 §14), without
//! calling the constructor.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f00 | checks that there is an f410 address | here |
//! | (fallback) | ≥ 2^24 | any | succeeds without data | here |
//!
//! No state, exit codes, events or invariants.
//!
//! Source: spec 01 §5.

use boatyard_actors_shared::{EAM_ACTOR_ID, SYSTEM_ACTOR, fallback};
use boatyard_sdk::{ActorError, Host, Runtime, actor, ensure};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::MethodNum;
use fvm_shared::address::Payload;

/// An externally owned Ethereum account.
pub struct EthAccount;

#[actor(name = "ethaccount")]
impl EthAccount {
    /// Checks that there is an f410 address.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the caller is not f00, `USR_ILLEGAL_ARGUMENT` (16)
    /// without a delegated address in namespace 10.
    #[method(1)]
    fn constructor(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.validate_caller_is(&[SYSTEM_ACTOR])?;
        let own = rt.host().delegated_address(rt.message().receiver);
        let is_f410 = own.is_some_and(|address| {
            matches!(address.payload(), Payload::Delegated(d) if d.namespace() == EAM_ACTOR_ID)
        });
        ensure!(
            is_f410,
            USR_ILLEGAL_ARGUMENT,
            "an Ethereum account needs an f410 address"
        );
        Ok(())
    }

    /// Succeeds for every exported method.
    #[fallback]
    fn fallback(
        rt: &impl Runtime,
        method: MethodNum,
        _params: Option<IpldBlock>,
    ) -> Result<(), ActorError> {
        fallback::accept_exported(rt, method)
    }
}

boatyard_sdk::entry!(EthAccount);

#[cfg(test)]
mod tests {
    use boatyard_actors_shared::EthAddress;
    use boatyard_mock::MockRuntime;
    use boatyard_sdk::{EMPTY_STATE, Type};
    use fvm_shared::address::Address;

    use super::*;

    fn ethaccount() -> MockRuntime {
        MockRuntime::new().delegated(1000, EthAddress([7; 20]).to_f410())
    }

    fn code(rt: &MockRuntime, method: MethodNum) -> u32 {
        rt.call::<EthAccount>(method, None)
            .map_or_else(|error| error.exit_code().value(), |_| 0)
    }

    #[test]
    fn construction_needs_the_system_actor_and_an_f410_address() {
        let rt = ethaccount();
        assert_eq!(code(&rt, 1), 0);
        assert_eq!(rt.head(), EMPTY_STATE);
        assert_eq!(code(&rt.caller_of_type(100, Type::Account), 1), 18);
        let foreign = Address::new_delegated(11, &[7; 20]).unwrap();
        assert_eq!(code(&MockRuntime::new().delegated(1000, foreign), 1), 16);
        assert_eq!(code(&MockRuntime::new(), 1), 16);
    }

    #[test]
    fn exported_methods_succeed_and_others_do_not_exist() {
        let rt = ethaccount().caller_of_type(100, Type::Account);
        for (method, exit) in [
            (2, 22),
            ((1 << 24) - 1, 22),
            (1 << 24, 0),
            (2_643_134_072, 0),
        ] {
            assert_eq!(code(&rt, method), exit, "{method}");
            assert_eq!(code(&rt.read_only(), method), exit, "{method}");
        }
        let contract = rt.caller_of_type(101, Type::Evm);
        assert_eq!(code(&contract, 2), 18, "the gate");
        assert_eq!(code(&contract, 1 << 24), 0);
    }
}
