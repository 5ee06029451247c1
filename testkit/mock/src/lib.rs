//! The mock machine: one actor, everything around it scripted.
//!
//! Runs an actor's methods natively over a real block store (HAMT, AMT and CBOR
//! are real, so heads have their true CIDs) and behaves as a machine does at the
//! actor's edge: failures roll the state back, panics become exit code 24,
//! read-only calls refuse changes, blocks end at 1 MiB. Other actors do not run;
//! the test says which sends it expects and what they answer.
//!
//! | module | answers |
//! |---|---|
//! | [`runtime`] | how a test sets the world up, calls a method and looks at what is left |
//! | [`sends`] | which sends are expected, and how they answer |
//! | [`verify`] | what signature and proof checks say |
//! | [`hostile`] | parameters that make no sense |
//! | [`host`] | what the actor sees: [`boatyard_sdk::Host`] on this world |
//!
//! Absent on purpose: gas metering, and the rule that an actor reads only blocks
//! that it can reach. Both machines of `boatyard-vm` have them.
//!
//! ```
//! use boatyard_mock::MockRuntime;
//! use boatyard_sdk::{AbiType, ActorError, Runtime, actor, raw_params, SendResultExt};
//! use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
//! use fvm_shared::address::Address;
//! use fvm_shared::econ::TokenAmount;
//!
//! /// Passes on what it gets.
//! pub struct Tap;
//!
//! #[derive(Serialize_tuple, Deserialize_tuple, AbiType)]
//! pub struct State {
//!     pub passed_on: TokenAmount,
//! }
//!
//! #[actor(name = "tap", state = State)]
//! impl Tap {
//!     /// Sends the value received to an address.
//!     #[method(2)]
//!     fn pass(rt: &impl Runtime, to: Address) -> Result<TokenAmount, ActorError> {
//!         rt.accept_any_caller()?;
//!         let value = rt.value_received().clone();
//!         rt.send(&to, 0, None, value.clone()).success()?;
//!         rt.transaction(|state: &mut State| {
//!             state.passed_on += value;
//!             Ok(state.passed_on.clone())
//!         })
//!     }
//! }
//!
//! let friend = Address::new_id(200);
//! let rt = MockRuntime::new().epoch(7).value(TokenAmount::from_atto(5));
//! rt.set_state(&State { passed_on: TokenAmount::from_atto(1) });
//! rt.expect_send(friend, 0).value(TokenAmount::from_atto(5));
//! let sum: TokenAmount = rt.call_for::<Tap, _>(2, &friend).unwrap();
//! assert_eq!(sum, TokenAmount::from_atto(6));
//!
//! // The next call carries no value; a send that fails undoes it.
//! rt.expect_send(friend, 0).exits(18);
//! assert_eq!(rt.call_with::<Tap>(2, &friend).unwrap_err().exit_code().value(), 18);
//! assert_eq!(rt.state::<State>().passed_on, TokenAmount::from_atto(6));
//! ```

pub mod host;
pub mod hostile;
pub mod runtime;
pub mod sends;
pub mod verify;
mod world;

pub use host::MockHost;
pub use runtime::MockRuntime;
pub use sends::{ExpectedSend, Request};
pub use verify::{Check, VectorRules, Verifier};
pub use world::code_cid;
