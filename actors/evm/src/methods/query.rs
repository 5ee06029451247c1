//! GetBytecode, GetBytecodeHash, GetStorageAt (spec 02 §6.3, §6.4).

use boatyard_actors_shared::SYSTEM_ACTOR;
use boatyard_sdk::{ActorError, Context, Runtime};
use fvm_ipld_encoding::DAG_CBOR;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::error::ExitCode;

use crate::state::{Contract, State};
use crate::types::{BytecodeHash, GetStorageAtParams};
use crate::word::Word;

/// A link, so that the block is reachable for the caller.
pub(crate) fn bytecode(rt: &impl Runtime) -> Result<Option<IpldBlock>, ActorError> {
    rt.accept_any_caller()?;
    let state: State = rt.state()?;
    let link = (!state.is_dead(rt)).then_some(state.bytecode);
    IpldBlock::serialize(DAG_CBOR, &link)
        .map(Some)
        .or_exit(ExitCode::USR_SERIALIZATION, "the link cannot be encoded")
}

pub(crate) fn bytecode_hash(rt: &impl Runtime) -> Result<BytecodeHash, ActorError> {
    rt.accept_any_caller()?;
    let state: State = rt.state()?;
    Ok(if state.is_dead(rt) {
        BytecodeHash::EMPTY
    } else {
        state.bytecode_hash
    })
}

pub(crate) fn storage_at(
    rt: &impl Runtime,
    params: GetStorageAtParams,
) -> Result<Word, ActorError> {
    rt.validate_caller_is([&SYSTEM_ACTOR])?;
    let value = Contract::load(rt)?.storage().get(params.storage_key.0)?;
    Ok(Word(value))
}
