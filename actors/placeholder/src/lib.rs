//! Placeholder: reserves the ID and holds the balance of an f410 address until a
//! contract or an Ethereum account takes its place.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | (all) | any | any | succeeds without data, keeps the value | here |
//!
//! No state, exit codes, events or invariants. Nobody can create one explicitly.
//!
//! Source: spec 01 §6.

use boatyard_sdk::{ActorError, Runtime, actor};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::MethodNum;

/// Accepts everything.
pub struct Placeholder;

#[actor(name = "placeholder", unrestricted)]
impl Placeholder {
    /// Succeeds without data.
    #[fallback]
    fn accept(
        rt: &impl Runtime,
        _method: MethodNum,
        _params: Option<IpldBlock>,
    ) -> Result<(), ActorError> {
        rt.accept_any_caller()
    }
}

boatyard_sdk::entry!(Placeholder);

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;
    use boatyard_sdk::{EMPTY_STATE, Type};
    use fvm_shared::econ::TokenAmount;

    use super::*;

    #[test]
    fn everything_succeeds_and_the_value_stays() {
        let rt = MockRuntime::new();
        let mut balance = 0;
        for caller in [Type::Account, Type::Evm, Type::Multisig, Type::Init] {
            for method in [1, 2, 1_023, 1 << 24, u64::MAX] {
                let rt = rt
                    .caller_of_type(200, caller)
                    .value(TokenAmount::from_atto(3));
                let params = IpldBlock {
                    codec: 0x77,
                    data: vec![0xff],
                };
                assert_eq!(rt.call::<Placeholder>(method, Some(params)), Ok(None));
                assert_eq!(rt.read_only().call::<Placeholder>(method, None), Ok(None));
                balance += 3;
            }
        }
        rt.no_actor(200);
        assert_eq!(
            rt.call::<Placeholder>(7, None),
            Ok(None),
            "no caller at all"
        );
        assert_eq!(rt.balance_of(1000), Some(TokenAmount::from_atto(balance)));
        assert_eq!(rt.head(), EMPTY_STATE);
    }
}
