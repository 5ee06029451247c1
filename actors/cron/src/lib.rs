//! Cron actor, f03: calls a fixed list of methods at the end of every epoch.
//! Created at genesis.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f00 | sets the list | here |
//! | EpochTick | 2 | f00 | calls everything on it | here |
//!
//! No exit codes of its own, no events.
//!
//! | module | answers |
//! |---|---|
//! | [`state`] | what the state holds |
//! | [`types`] | parameters |
//! | [`invariants`] | what must hold of the state |
//!
//! Source: spec 01 §3.

use boatyard_actors_shared::SYSTEM_ACTOR;
use boatyard_sdk::{ActorError, Runtime, SendResultExt, actor};
use fvm_shared::econ::TokenAmount;

pub mod invariants;
pub mod state;
pub mod types;

pub use state::{Entry, State};
pub use types::ConstructorParams;

/// Calls a list of methods at the end of every epoch.
pub struct Cron;

#[actor(name = "cron", state = State)]
impl Cron {
    /// Sets the list, which is not checked.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the caller is not f00, `USR_ILLEGAL_STATE` (20)
    /// when constructed already.
    #[method(1)]
    fn constructor(rt: &impl Runtime, params: ConstructorParams) -> Result<(), ActorError> {
        rt.validate_caller_is(&[SYSTEM_ACTOR])?;
        rt.create(&State {
            entries: params.entries,
        })
    }

    /// Calls everything on the list, in order, whatever becomes of it.
    ///
    /// # Errors
    /// `USR_FORBIDDEN` (18) when the caller is not f00.
    #[method(2)]
    fn epoch_tick(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.validate_caller_is(&[SYSTEM_ACTOR])?;
        let state: State = rt.state()?;
        for Entry {
            receiver,
            method_num,
        } in state.entries
        {
            // One entry's failure must not keep the others from running.
            if let Err(error) = rt
                .send(&receiver, method_num, None, TokenAmount::default())
                .success()
            {
                rt.log(|| format!("method {method_num} of {receiver}: {error}"));
            }
        }
        Ok(())
    }
}

boatyard_sdk::entry!(Cron);

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;
    use boatyard_sdk::Type;
    use fvm_ipld_encoding::to_vec;
    use fvm_shared::address::Address;
    use fvm_shared::error::ErrorNumber;

    use super::*;

    const POWER: Address = Address::new_id(4);
    const MARKET: Address = Address::new_id(5);

    fn live_entries() -> Vec<Entry> {
        vec![
            Entry {
                receiver: POWER,
                method_num: 5,
            },
            Entry {
                receiver: MARKET,
                method_num: 9,
            },
        ]
    }

    fn cron(entries: Vec<Entry>) -> MockRuntime {
        let rt = MockRuntime::new().receiver(3).caller(0);
        let params = ConstructorParams { entries };
        assert_eq!(rt.call_with::<Cron>(1, &params), Ok(None));
        rt
    }

    /// Source: spec 01 §3.
    #[test]
    fn construction_gives_the_protocols_state() {
        let rt = cron(live_entries());
        let state: State = rt.state();
        assert_eq!(
            to_vec(&state).unwrap(),
            b"\x81\x82\x82\x42\x00\x04\x05\x82\x42\x00\x05\x09"
        );
        assert_eq!(
            rt.head().to_string(),
            "bafy2bzacebs5dwwxmsjmzvoqcamx3qtl2x5qpqgpqxgnzl7scccmbvd37ulvs"
        );
        assert_eq!(to_vec(&cron(vec![]).state::<State>()).unwrap(), b"\x81\x80");
    }

    #[test]
    fn a_tick_calls_everything_in_order_and_writes_nothing() {
        let rt = cron(live_entries());
        let head = rt.head();
        rt.expect_send(POWER, 5);
        rt.expect_send(MARKET, 9);
        assert_eq!(rt.call::<Cron>(2, None), Ok(None));
        assert_eq!(rt.head(), head);
    }

    #[test]
    fn a_failing_entry_does_not_stop_the_others() {
        let rt = cron(live_entries());
        rt.expect_send(POWER, 5).exits(20);
        rt.expect_send(MARKET, 9).refused(ErrorNumber::NotFound);
        assert_eq!(rt.call::<Cron>(2, None), Ok(None));
    }

    /// No transaction, so even a read-only tick works.
    #[test]
    fn a_tick_may_be_read_only() {
        let rt = cron(vec![]).read_only();
        assert_eq!(rt.call::<Cron>(2, None), Ok(None));
    }

    #[test]
    fn only_the_system_actor_calls() {
        let rt = cron(live_entries()).caller_of_type(100, Type::Account);
        let error = rt.call::<Cron>(2, None).unwrap_err();
        assert_eq!(error.exit_code().value(), 18);
        let params = ConstructorParams { entries: vec![] };
        let error = rt.call_with::<Cron>(1, &params).unwrap_err();
        assert_eq!(
            error.exit_code().value(),
            18,
            "before \"constructed already\""
        );
    }

    /// Parameters come before the caller (spec 00 §23).
    #[test]
    fn parameters_are_checked_first() {
        let rt = cron(vec![]).caller_of_type(100, Type::Account);
        let no_entries = rt.call_with::<Cron>(1, &()).unwrap_err();
        assert_eq!(no_entries.exit_code().value(), 21);
        let none = rt.call::<Cron>(1, None).unwrap_err();
        assert_eq!(none.exit_code().value(), 16);
        let some = rt.call_with::<Cron>(2, &()).unwrap_err();
        assert_eq!(some.exit_code().value(), 16);
        let contract = rt.caller_of_type(101, Type::Evm).call::<Cron>(99, None);
        assert_eq!(contract.unwrap_err().exit_code().value(), 18, "the gate");
    }
}
