//! Constructor and Resurrect (spec 02 §6.1, §6.2).

use boatyard_actors_shared::ext::evm::ConstructorParams;
use boatyard_actors_shared::{EAM_ACTOR, INIT_ACTOR};
use boatyard_sdk::{ActorError, Context, Host, Runtime, ensure};
use fvm_shared::EMPTY_ARR_CID;
use fvm_shared::error::ExitCode;
use revm_interpreter::primitives::Bytes;

use super::reverted;
use crate::address;
use crate::interpreter::{self, Ended, Frame};
use crate::state::{Contract, State};
use crate::types::MAX_CODE_SIZE;
use crate::word;

/// The first byte that code may not have (EIP-3541).
const FORBIDDEN_FIRST_BYTE: u8 = 0xef;

pub(crate) fn constructor(rt: &impl Runtime, params: ConstructorParams) -> Result<(), ActorError> {
    rt.validate_caller_is([&INIT_ACTOR])?;
    let root = rt
        .host()
        .root()
        .or_exit(ExitCode::USR_ILLEGAL_STATE, "the actor was deleted")?;
    ensure!(
        root == EMPTY_ARR_CID,
        USR_ILLEGAL_STATE,
        "the contract was constructed before"
    );
    construct(rt, params)
}

pub(crate) fn resurrect(rt: &impl Runtime, params: ConstructorParams) -> Result<(), ActorError> {
    rt.validate_caller_is([&EAM_ACTOR])?;
    let (_, state) = State::load(rt)?;
    ensure!(
        state.is_dead(rt),
        USR_FORBIDDEN,
        "the contract is alive until the end of this message at least"
    );
    construct(rt, params)
}

/// Runs the initcode on an empty contract and stores its output as the code.
fn construct(rt: &impl Runtime, params: ConstructorParams) -> Result<(), ActorError> {
    let address = address::of_actor(rt, rt.message().receiver)?;
    ensure!(
        !address.is_masked_id(),
        USR_FORBIDDEN,
        "a contract needs an f410 address"
    );
    let mut contract = Contract::new(rt);
    if params.initcode.is_empty() {
        return contract.flush();
    }
    let frame = Frame {
        code: Vec::from(params.initcode).into(),
        address,
        caller: params.creator,
        value: word::from_amount(rt.value_received()),
        input: Bytes::new(),
    };
    let (mut contract, ended) = interpreter::run(rt, contract, frame)?;
    let code = match ended {
        Ended::Returned(code) => code,
        Ended::Reverted(output) => return Err(reverted(&output)),
    };
    ensure!(
        code.len() <= MAX_CODE_SIZE,
        USR_ILLEGAL_ARGUMENT,
        "the contract has {} bytes, allowed are {MAX_CODE_SIZE}",
        code.len()
    );
    ensure!(
        code.first() != Some(&FORBIDDEN_FIRST_BYTE),
        USR_ILLEGAL_ARGUMENT,
        "a contract's first byte is not 0xef"
    );
    contract.set_bytecode(&code)?;
    contract.flush()
}
