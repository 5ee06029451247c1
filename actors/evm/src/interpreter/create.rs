//! CREATE, CREATE2 through the EAM, and SELFDESTRUCT (spec 02 §8.7, §8.8).

use boatyard_actors_shared::ext::eam::{
    CREATE, CREATE2, Create2Params, CreateParams, Return, Salt,
};
use boatyard_actors_shared::{EAM_ACTOR, EthAddress};
use boatyard_sdk::error::decode_return;
use boatyard_sdk::{ActorError, Runtime, cbor_params};
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::MethodNum;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sys::SendFlags;
use revm_interpreter::InstructionResult;
use revm_interpreter::primitives::{Bytes, U256};

use super::call::returned_bytes;
use super::memory::region;
use super::{Machine, OrAbort, Outcome, Step, abort, capped_gas, pop, push, writable};
use crate::address;
use crate::exit_codes::EVM_CONTRACT_SELFDESTRUCT_FAILED;
use crate::word;

pub(super) fn create<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [value, offset, size] = pop(ctx.interpreter)?;
    create_with(ctx, value, [offset, size], |initcode, nonce| {
        Ok((CREATE, cbor_params(&CreateParams { initcode, nonce })?))
    })
}

pub(super) fn create2<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [value, offset, size, salt] = pop(ctx.interpreter)?;
    create_with(ctx, value, [offset, size], |initcode, _| {
        let salt = Salt(salt.to_be_bytes());
        Ok((CREATE2, cbor_params(&Create2Params { initcode, salt })?))
    })
}

fn create_with<RT: Runtime>(
    ctx: Step<'_, '_, RT>,
    value: U256,
    [offset, size]: [U256; 2],
    message: impl FnOnce(RawBytes, u64) -> Result<(MethodNum, Option<IpldBlock>), ActorError>,
) -> Outcome {
    writable(ctx.host)?;
    let initcode = region(ctx.interpreter, ctx.host, offset, size)?;
    ctx.interpreter.return_data.0 = Bytes::new();
    let endowment = match word::to_sendable(value) {
        Some(value) if value <= ctx.host.rt.current_balance() => value,
        _ => return push(ctx.interpreter, U256::ZERO),
    };
    let initcode = RawBytes::new(ctx.interpreter.memory.slice_range(initcode).to_vec());
    let created = ctx
        .host
        .contract
        .take_nonce()
        .and_then(|nonce| message(initcode, nonce))
        .and_then(|(method, params)| ctx.host.deploy(method, params, endowment));
    match created.or_abort(ctx.host)? {
        Ok(address) => push(ctx.interpreter, address::to_word(address)),
        Err(data) => {
            ctx.interpreter.return_data.0 = data;
            push(ctx.interpreter, U256::ZERO)
        }
    }
}

impl<RT: Runtime> Machine<'_, RT> {
    /// Sends a creation to the EAM; gives the new address, or what a failed one
    /// left.
    fn deploy(
        &mut self,
        method: MethodNum,
        params: Option<IpldBlock>,
        endowment: TokenAmount,
    ) -> Result<Result<EthAddress, Bytes>, ActorError> {
        let gas_limit = capped_gas(self.rt, u64::MAX);
        let sent = self.send(
            &EAM_ACTOR,
            method,
            params,
            endowment,
            Some(gas_limit),
            SendFlags::empty(),
        )?;
        match sent {
            Ok(response) if response.exit_code.is_success() => {
                let created: Return = decode_return(response.return_data)?;
                Ok(Ok(created.eth_address))
            }
            Ok(response) => Ok(Err(returned_bytes(response.return_data))),
            Err(_) => Ok(Err(Bytes::new())),
        }
    }
}

/// Sends all money away and lets the contract die with the message.
pub(super) fn selfdestruct<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [beneficiary] = pop(ctx.interpreter)?;
    writable(ctx.host)?;
    let beneficiary = address::from_word(beneficiary).to_address();
    let balance = ctx.host.rt.current_balance();
    if !ctx.host.transfer(&beneficiary, balance) {
        let error = ActorError::new(
            EVM_CONTRACT_SELFDESTRUCT_FAILED,
            format!("the balance cannot be sent to {beneficiary}"),
        );
        return Err(abort(ctx.host, error));
    }
    ctx.host.contract.bury();
    Err(InstructionResult::SelfDestruct)
}
