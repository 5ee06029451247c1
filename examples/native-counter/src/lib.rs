#![doc = include_str!("../README.md")]

use boatyard_sdk::abi::EventAbi;
use boatyard_sdk::{
    AbiType, ActorError, EventBuilder, MapRoot, Runtime, Schema, actor, actor_error,
};
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::error::ExitCode;

pub mod solidity;

#[cfg(test)]
mod tests;

/// The sum would not fit into 64 bits. Codes from 32 on are an actor's own.
pub const COUNT_TOO_LARGE: ExitCode = ExitCode::new(33);

/// What traces call the codes.
const EXIT_CODES: &[(u32, &str)] = &[(33, "COUNT_TOO_LARGE")];

/// What the actor tells the world.
const EVENTS: &[EventAbi] = &[EventAbi {
    name: "added",
    fields: &[
        ("who", Schema::Uint),
        ("by", Schema::Uint),
        ("sum", Schema::Uint),
    ],
}];

/// What the actor keeps.
#[derive(Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// The sum of everything that was added.
    pub count: u64,
    /// How much each caller added, by ID.
    pub by_caller: MapRoot<u64, u64>,
}

/// Parameters of `Add`.
#[derive(Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct AddParams {
    /// How much to add.
    pub by: u64,
}

/// Parameters of `Report`.
#[derive(Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ReportParams {
    /// A contract with a function `reported(uint64) returns (uint64)`.
    pub to: Address,
}

/// Counts, and remembers who counted.
pub struct Counter;

#[actor(name = "counter", state = State, exit_codes = EXIT_CODES, events = EVENTS)]
impl Counter {
    /// Starts at zero.
    #[method(1)]
    fn constructor(rt: &impl Runtime) -> Result<(), ActorError> {
        rt.accept_any_caller()?;
        let by_caller = MapRoot::empty(rt.store())?;
        rt.create(&State {
            count: 0,
            by_caller,
        })
    }

    /// Adds to the count and gives the sum.
    #[method(exported)]
    fn add(rt: &impl Runtime, params: AddParams) -> Result<u64, ActorError> {
        rt.accept_any_caller()?;
        let caller: ActorID = rt.message().caller;
        let sum = rt.transaction(|state: &mut State| {
            let too_large = || {
                actor_error!(
                    COUNT_TOO_LARGE,
                    "{} and {} are too much",
                    state.count,
                    params.by
                )
            };
            let sum = state.count.checked_add(params.by).ok_or_else(too_large)?;
            let mut by_caller = state.by_caller.load(rt.store())?;
            let so_far = by_caller.get(&caller)?.copied().unwrap_or(0);
            by_caller.set(&caller, so_far + params.by)?;
            state.by_caller = by_caller.flush()?;
            state.count = sum;
            Ok(sum)
        })?;
        EventBuilder::named("added")
            .indexed("who", &caller)
            .field("by", &params.by)
            .field("sum", &sum)
            .emit(rt)?;
        Ok(sum)
    }

    /// Gives the count.
    #[method(exported)]
    fn get(rt: &impl Runtime) -> Result<u64, ActorError> {
        rt.accept_any_caller()?;
        Ok(rt.state::<State>()?.count)
    }

    /// Tells a Solidity contract the count and gives what it answers.
    #[method(exported)]
    fn report(rt: &impl Runtime, params: ReportParams) -> Result<u64, ActorError> {
        rt.accept_any_caller()?;
        let count = rt.state::<State>()?.count;
        // A send must not happen inside a transaction: the contract may call back.
        solidity::call(rt, &params.to, "reported(uint64)", &[count])
    }
}

boatyard_sdk::entry!(Counter);
