//! InvokeContract and InvokeContractDelegate (spec 02 §6.5, §6.6).

use boatyard_sdk::{ActorError, Context, Host, Runtime, dispatch, ensure};
use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{BytesDe, DAG_CBOR};
use fvm_shared::error::ExitCode;
use revm_interpreter::primitives::Bytes;

use super::{byte_string, reverted};
use crate::address;
use crate::interpreter::{self, Ended, Frame};
use crate::state::Contract;
use crate::types::DelegateCallParams;
use crate::word;

pub(crate) fn contract(
    rt: &impl Runtime,
    params: Option<IpldBlock>,
) -> Result<Option<IpldBlock>, ActorError> {
    rt.accept_any_caller()?;
    let input = match params {
        None => Vec::new(),
        Some(block) => {
            let BytesDe(input) = block.deserialize().or_exit(
                ExitCode::USR_SERIALIZATION,
                "the calldata is no byte string",
            )?;
            input
        }
    };
    let output = run(rt, input.into())?;
    byte_string(&output).map(Some)
}

/// Runs the contract; gives what it returned. A contract without code and a dead
/// one return nothing.
///
/// # Errors
/// `USR_UNSPECIFIED` (23) when the state cannot be read; those of the run.
pub(super) fn run(rt: &impl Runtime, input: Bytes) -> Result<Bytes, ActorError> {
    let contract = load(rt)?;
    let Some(bytecode) = contract.bytecode() else {
        return Ok(Bytes::new());
    };
    let code = load_code(rt, &bytecode.cid)?;
    if code.is_empty() {
        return Ok(Bytes::new());
    }
    let message = rt.message();
    let frame = Frame {
        code,
        address: address::of_actor(rt, message.receiver)?,
        caller: address::of_actor(rt, message.caller)?,
        value: word::from_amount(&message.value),
        input,
    };
    finish(interpreter::run(rt, contract, frame)?)
}

pub(crate) fn delegate(
    rt: &impl Runtime,
    params: Option<IpldBlock>,
) -> Result<Option<IpldBlock>, ActorError> {
    if let Some(block) = &params {
        ensure!(
            block.codec == DAG_CBOR,
            USR_ILLEGAL_ARGUMENT,
            "the parameters have codec {:#x}, not DAG-CBOR",
            block.codec
        );
    }
    let params: DelegateCallParams = dispatch::params(params)?;
    rt.validate_caller_is([&rt.receiver()])?;
    let contract = load(rt)?;
    let code = load_code(rt, &params.code)?;
    if code.is_empty() {
        return byte_string(&[]).map(Some);
    }
    let frame = Frame {
        code,
        address: address::of_actor(rt, rt.message().receiver)?,
        caller: params.caller,
        value: word::from_amount(&params.value),
        input: Vec::from(params.input).into(),
    };
    let output = finish(interpreter::run(rt, contract, frame)?)?;
    byte_string(&output).map(Some)
}

fn finish<RT: Runtime>(
    (mut contract, ended): (Contract<'_, RT>, Ended),
) -> Result<Bytes, ActorError> {
    match ended {
        Ended::Returned(output) => {
            contract.flush()?;
            Ok(output)
        }
        Ended::Reverted(output) => Err(reverted(&output)),
    }
}

fn load<RT: Runtime>(rt: &RT) -> Result<Contract<'_, RT>, ActorError> {
    Contract::load(rt).map_err(|error| error.with_code(ExitCode::USR_UNSPECIFIED))
}

fn load_code(rt: &impl Runtime, cid: &Cid) -> Result<Bytes, ActorError> {
    rt.host()
        .block_get(cid)
        .map(Bytes::from)
        .or_exit(ExitCode::USR_NOT_FOUND, "the bytecode cannot be read")
}
