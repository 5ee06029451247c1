//! System actor, f00: links to the list of built-in code; nominal sender of
//! implicit messages. Created at genesis.
//!
//! | method | number | caller | purpose | done in |
//! |---|---|---|---|---|
//! | Constructor | 1 | f00 | begins with an empty list | here |
//!
//! No exit codes of its own, no events. A network upgrade replaces the list from
//! outside; no method changes it.
//!
//! | module | answers |
//! |---|---|
//! | [`state`] | what the state holds |
//! | [`invariants`] | what must hold of it |
//!
//! Source: spec 01 §1.

use boatyard_actors_shared::SYSTEM_ACTOR;
use boatyard_sdk::{ActorError, Runtime, actor};

pub mod invariants;
pub mod state;

pub use state::State;

/// Holds the link to the list of built-in actor code.
pub struct System;

#[actor(name = "system", state = State)]
impl System {
    /// Begins with an empty list of built-in actors.
    ///
    /// # Errors
    /// | exit code | when |
    /// |---|---|
    /// | `USR_FORBIDDEN` (18) | the caller is not f00 |
    /// | `USR_ILLEGAL_STATE` (20) | constructed already, or the list cannot be stored |
    ///
    /// Source: spec 01 §1.
    #[method(1)]
    fn constructor(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.validate_caller_is(&[SYSTEM_ACTOR])?;
        let builtin_actors = rt.put::<[state::BuiltinActor]>(&[])?;
        rt.create(&State { builtin_actors })
    }
}

boatyard_sdk::entry!(System);

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;
    use boatyard_sdk::{EMPTY_STATE, Type};

    use super::*;

    fn system() -> MockRuntime {
        MockRuntime::new().receiver(0).caller(0)
    }

    /// Source: spec 01 §1.
    #[test]
    fn construction_gives_the_protocols_state() {
        let rt = system();
        assert_eq!(rt.call::<System>(1, None), Ok(None));
        assert_eq!(rt.state::<State>().builtin_actors, EMPTY_STATE);
        assert_eq!(
            rt.head().to_string(),
            "bafy2bzacediz3ac65um45ud2yy2teiwu65kvrwq6rmykjdtqizsfjadmttp6g"
        );
        let state: State = rt.state();
        assert_eq!(invariants::check(&state, rt.store()), [""; 0]);
    }

    #[test]
    fn construction_refuses() {
        for (who, caller, code) in [("an account", 100, 18), ("init", 1, 18)] {
            let rt = system().caller_of_type(caller, Type::Account);
            let error = rt.call::<System>(1, None).unwrap_err();
            assert_eq!(error.exit_code().value(), code, "{who}");
        }
        let rt = system();
        rt.call::<System>(1, None).unwrap();
        let error = rt.call::<System>(1, None).unwrap_err();
        assert_eq!(error.exit_code().value(), 20, "constructed already");
        let error = rt.call_with::<System>(1, &()).unwrap_err();
        assert_eq!(error.exit_code().value(), 16, "takes no parameters");
        let error = rt.call::<System>(2, None).unwrap_err();
        assert_eq!(error.exit_code().value(), 22, "no other method");
    }
}
