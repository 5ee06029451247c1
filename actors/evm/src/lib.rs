//! The EVM actor: one Ethereum contract (spec 02).
//!
//! Its bytecode runs in the loop of `revm-interpreter`; slots lie in a KAMT, calls
//! are messages, logs are events. Knows nothing of Ethereum's gas.
//!
//! | module | answers |
//! |---|---|
//! | `methods` | what each method does, check by check |
//! | `interpreter` | what instructions mean on Filecoin |
//! | `precompiles` | the contracts that are built in |
//! | [`state`] | the state object, and when it is written and read again |
//! | [`storage`] | slots |
//! | `address`, [`word`] | Ethereum's addresses and words in Filecoin's terms |
//! | [`types`] | parameters and returns |
//! | [`exit_codes`] | how contracts fail |
//! | [`invariants`] | what must hold of every contract's state |
//!
//! Start at [`EvmActor`], then `methods/invoke.rs`.

mod address;
pub mod exit_codes;
mod interpreter;
pub mod invariants;
mod methods;
mod precompiles;
pub mod state;
pub mod storage;
pub mod types;
pub mod word;

use boatyard_actors_shared::ext::evm::ConstructorParams;
use boatyard_sdk::{ActorError, Runtime, actor};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::MethodNum;

use crate::methods::{construct, handle, invoke, query};
use crate::state::State;
use crate::types::{BytecodeHash, GetStorageAtParams};
use crate::word::Word;

/// An Ethereum contract.
pub struct EvmActor;

#[actor(name = "evm", state = State, exit_codes = exit_codes::NAMES, unrestricted)]
impl EvmActor {
    /// Runs the initcode and keeps its output as the contract. Caller: init.
    #[method(1)]
    fn constructor(rt: &impl Runtime, params: ConstructorParams) -> Result<(), ActorError> {
        construct::constructor(rt, params)
    }

    /// Constructs again what destroyed itself in an earlier message. Caller: EAM.
    #[method(2)]
    fn resurrect(rt: &impl Runtime, params: ConstructorParams) -> Result<(), ActorError> {
        construct::resurrect(rt, params)
    }

    /// Links to the bytecode, null for a dead contract. Caller: any.
    #[method(3)]
    fn get_bytecode(rt: &impl Runtime) -> Result<Option<IpldBlock>, ActorError> {
        query::bytecode(rt)
    }

    /// Gives the Keccak-256 of the bytecode. Caller: any.
    #[method(4)]
    fn get_bytecode_hash(rt: &impl Runtime) -> Result<BytecodeHash, ActorError> {
        query::bytecode_hash(rt)
    }

    /// Gives the value of a slot. Caller: the system actor.
    #[method(5)]
    fn get_storage_at(rt: &impl Runtime, params: GetStorageAtParams) -> Result<Word, ActorError> {
        query::storage_at(rt, params)
    }

    /// Runs another contract's code on this one. Caller: the contract itself.
    #[method(6, raw)]
    fn invoke_contract_delegate(
        rt: &impl Runtime,
        params: Option<IpldBlock>,
    ) -> Result<Option<IpldBlock>, ActorError> {
        invoke::delegate(rt, params)
    }

    /// Runs the contract on calldata. Caller: any.
    #[method(exported = "InvokeEVM", raw)]
    fn invoke_contract(
        rt: &impl Runtime,
        params: Option<IpldBlock>,
    ) -> Result<Option<IpldBlock>, ActorError> {
        invoke::contract(rt, params)
    }

    /// Hands any other method to the contract's `handle_filecoin_method`. Caller: any.
    #[fallback]
    fn handle_filecoin_method(
        rt: &impl Runtime,
        method: MethodNum,
        params: Option<IpldBlock>,
    ) -> Result<Option<IpldBlock>, ActorError> {
        handle::filecoin_method(rt, method, params)
    }
}

#[cfg(test)]
mod tests;

boatyard_sdk::entry!(EvmActor);
