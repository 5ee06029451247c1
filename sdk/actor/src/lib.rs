//! What a Filecoin actor is written with.
//!
//! An actor is a plain Rust crate whose methods take `&impl Runtime`. The same
//! code runs as Wasm on the FVM, natively in a Boatyard node, and in unit tests
//! under a mock (DESIGN §2). Knows nothing of any particular actor.
//!
//! | module | answers |
//! |---|---|
//! | [`runtime`] | what a method can do |
//! | [`dispatch`] | how a call finds its method, and what its result becomes |
//! | [`error`] | how a method fails, and how a callee's failure travels |
//! | [`collections`] | maps and arrays in the state |
//! | [`nested`] | maps of arrays, maps and sets |
//! | [`events`] | what a method tells the world |
//! | [`abi`] | how others learn the actor's methods and shapes |
//! | [`network`] | which policy set the code runs under; built-in actor types |
//! | [`host`] | what a machine has to provide |
//!
//! Start at [`Runtime`] and the [`actor`] attribute:
//!
//! ```
//! use boatyard_sdk::{AbiType, ActorError, Runtime, actor};
//! use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
//!
//! /// Counts.
//! pub struct Counter;
//!
//! #[derive(Serialize_tuple, Deserialize_tuple, AbiType)]
//! pub struct State {
//!     pub count: u64,
//! }
//!
//! #[derive(Serialize_tuple, Deserialize_tuple, AbiType)]
//! pub struct AddParams {
//!     pub by: u64,
//! }
//!
//! #[actor(name = "counter", state = State)]
//! impl Counter {
//!     /// Starts at zero.
//!     #[method(1)]
//!     fn constructor(rt: &impl Runtime) -> Result<(), ActorError> {
//!         rt.accept_any_caller()?;
//!         rt.create(&State { count: 0 })
//!     }
//!
//!     /// Adds and gives the sum.
//!     #[method(exported)]
//!     fn add(rt: &impl Runtime, params: AddParams) -> Result<u64, ActorError> {
//!         rt.accept_any_caller()?;
//!         rt.transaction(|state: &mut State| {
//!             state.count += params.by;
//!             Ok(state.count)
//!         })
//!     }
//! }
//!
//! boatyard_sdk::entry!(Counter);
//! # fn main() {}
//! ```

extern crate self as boatyard_sdk;

pub mod abi;
pub mod collections;
pub mod dispatch;
pub mod error;
pub mod events;
#[cfg(target_arch = "wasm32")]
pub mod fvm;
pub mod host;
pub mod nested;
pub mod network;
pub mod runtime;

pub use abi::{AbiType, ActorAbi, Schema};
pub use boatyard_sdk_macros::{AbiType, actor};
pub use collections::{Array, ArrayRoot, Map, MapKey, MapRoot, SetRoot};
pub use dispatch::{Actor, FIRST_EXPORTED_METHOD, method_number};
pub use error::{ActorError, Context, SendResult, SendResultExt, exit_codes};
pub use events::EventBuilder;
pub use host::{Host, Instruction, MessageContext, NetworkContext};
pub use network::{EAM_ACTOR_ID, EMPTY_STATE, NetworkVariant, SYSTEM_ACTOR_ID, Type};
pub use runtime::{ActorRuntime, RandomnessTag, Runtime, cbor_params, raw_params};

#[doc(hidden)]
pub mod reexports {
    pub use cid;
    pub use fvm_ipld_encoding;
    pub use fvm_shared;
}

/// Makes a crate's actor the entry point of its Wasm module, with its description
/// in the custom section [`abi::SECTION`]. Does nothing on other targets.
#[macro_export]
macro_rules! entry {
    ($actor:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            const ABI: $crate::ActorAbi = <$actor as $crate::Actor>::ABI;

            #[unsafe(link_section = "boatyard:abi")]
            #[used]
            static ABI_JSON: [u8; $crate::abi::json_len(&ABI)] = $crate::abi::json(&ABI);

            #[unsafe(no_mangle)]
            extern "C" fn invoke(params: u32) -> u32 {
                $crate::fvm::invoke::<$actor>(params)
            }

            #[unsafe(no_mangle)]
            extern "C" fn upgrade(params: u32, info: u32) -> u32 {
                $crate::fvm::upgrade::<$actor>(params, info)
            }
        };
    };
}
