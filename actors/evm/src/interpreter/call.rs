//! CALL, STATICCALL, DELEGATECALL as sends (spec 02 §8.6).

use boatyard_actors_shared::EthAddress;
use boatyard_actors_shared::ext::evm::{INVOKE_CONTRACT, INVOKE_CONTRACT_DELEGATE};
use boatyard_sdk::{ActorError, Host, Runtime, SendResult};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{BytesDe, CBOR, DAG_CBOR, IPLD_RAW, RawBytes};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::sys::SendFlags;
use revm_interpreter::InstructionResult;
use revm_interpreter::interpreter_types::InputsTr;
use revm_interpreter::primitives::{Bytes, U256};

use super::introspection::Kind;
use super::memory::{region, space};
use super::{Machine, OrAbort, Outcome, Step, pop, push};
use crate::address;
use crate::precompiles;
use crate::types::DelegateCallParams;
use crate::word;

/// Gas of a plain transfer of money in Solidity: what the caller adds, what the
/// callee is left with, and what it is given here instead.
const STIPEND: u64 = 2_300;
const TRANSFER_GAS: u64 = 10_000_000;

/// Which instruction calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// CALL.
    Call,
    /// STATICCALL.
    Static,
    /// DELEGATECALL.
    Delegate,
}

/// What an instruction says about the callee.
struct Callee {
    kind: CallKind,
    address: EthAddress,
    gas: u64,
    /// 0 unless [`CallKind::Call`].
    value: U256,
}

/// What the caller gets to see.
struct Answer {
    succeeded: bool,
    data: Bytes,
}

impl Answer {
    fn empty(succeeded: bool) -> Self {
        Self {
            succeeded,
            data: Bytes::new(),
        }
    }
}

/// The gas limit of a send: as asked for, but at most 63/64 of what is left
/// (EIP-150).
pub(crate) fn capped_gas(rt: &impl Runtime, wanted: u64) -> u64 {
    let available = u128::from(rt.host().gas_available());
    wanted.min((available * 63 / 64) as u64)
}

impl<RT: Runtime> Machine<'_, RT> {
    /// A send that may run code: the contract is stored before it, and read again
    /// after it if it succeeded.
    pub(crate) fn send(
        &mut self,
        to: &Address,
        method: MethodNum,
        params: Option<IpldBlock>,
        value: TokenAmount,
        gas_limit: Option<u64>,
        flags: SendFlags,
    ) -> Result<SendResult, ActorError> {
        self.contract.flush()?;
        let sent = self
            .rt
            .send_with(to, method, params, value, gas_limit, flags);
        if let Ok(response) = &sent
            && response.exit_code.is_success()
        {
            self.contract.reload()?;
        }
        Ok(sent)
    }

    /// [`send`](Self::send) with a value that may be too large for any.
    pub(crate) fn send_word(
        &mut self,
        to: &Address,
        method: MethodNum,
        params: Option<IpldBlock>,
        value: U256,
        gas_limit: Option<u64>,
        flags: SendFlags,
    ) -> Result<SendResult, ActorError> {
        match word::to_sendable(value) {
            Some(value) => self.send(to, method, params, value, gas_limit, flags),
            None => {
                self.contract.flush()?;
                Ok(Err(ErrorNumber::InsufficientFunds))
            }
        }
    }

    fn call(&mut self, callee: &Callee, input: &[u8]) -> Result<Answer, ActorError> {
        let has_value = !callee.value.is_zero();
        let wanted = match (callee.gas, has_value) {
            (0, true) | (STIPEND, false) => TRANSFER_GAS,
            (gas, _) => gas,
        };
        let gas_limit = capped_gas(self.rt, wanted);
        let is_static = callee.kind == CallKind::Static;
        let params = (!input.is_empty()).then(|| IpldBlock {
            codec: IPLD_RAW,
            data: input.to_vec(),
        });
        let sent = self.send_word(
            &callee.address.to_address(),
            INVOKE_CONTRACT,
            params,
            callee.value,
            Some(gas_limit),
            if is_static {
                SendFlags::READ_ONLY
            } else {
                SendFlags::empty()
            },
        )?;
        Ok(match sent {
            Ok(response) => answer(response.exit_code, response.return_data),
            // On Ethereum nobody is there to refuse. A read-only call meets an
            // address that would have to be created first.
            Err(ErrorNumber::NotFound) => Answer::empty(true),
            Err(ErrorNumber::ReadOnly) => Answer::empty(is_static || self.contract.is_read_only()),
            Err(_) => Answer::empty(false),
        })
    }

    /// Runs another contract's code on this one: a message to itself with the code.
    fn delegate(
        &mut self,
        callee: &Callee,
        input: &[u8],
        caller: EthAddress,
        value: U256,
    ) -> Result<Answer, ActorError> {
        let contract = match self.kind_of(callee.address) {
            Kind::Contract(id) => id,
            Kind::Native => return Ok(Answer::empty(false)),
            Kind::Account | Kind::NotFound | Kind::Precompile => return Ok(Answer::empty(true)),
        };
        let Some(code) = self.bytecode_of(contract)? else {
            return Ok(Answer::empty(true));
        };
        let params = DelegateCallParams {
            code,
            input: RawBytes::new(input.to_vec()),
            caller,
            value: word::to_amount(value),
        };
        let params = IpldBlock::serialize_dag_cbor(&params).map_err(|error| {
            ActorError::new(
                ExitCode::USR_ASSERTION_FAILED,
                format!("the delegated call cannot be encoded: {error}"),
            )
        })?;
        let gas_limit = capped_gas(self.rt, callee.gas);
        let receiver = self.rt.receiver();
        let sent = self.send(
            &receiver,
            INVOKE_CONTRACT_DELEGATE,
            params,
            TokenAmount::default(),
            Some(gas_limit),
            SendFlags::empty(),
        )?;
        Ok(match sent {
            Ok(response) => answer(response.exit_code, response.return_data),
            Err(_) => Answer::empty(false),
        })
    }

    fn precompile(&mut self, callee: &Callee, input: &[u8]) -> Result<Answer, ActorError> {
        let request = precompiles::Request {
            kind: callee.kind,
            gas: callee.gas,
            input,
        };
        let output = match precompiles::run(self, callee.address, &request) {
            Ok(output) => output,
            Err(precompiles::Failure::Failed) => return Ok(Answer::empty(false)),
            Err(precompiles::Failure::Abort(error)) => return Err(error),
        };
        if !callee.value.is_zero() {
            let paid = word::to_sendable(callee.value)
                .is_some_and(|value| self.transfer(&callee.address.to_address(), value));
            if !paid {
                return Ok(Answer::empty(false));
            }
        }
        Ok(Answer {
            succeeded: true,
            data: output.into(),
        })
    }
}

fn answer(code: ExitCode, data: Option<IpldBlock>) -> Answer {
    Answer {
        succeeded: code.is_success(),
        data: returned_bytes(data),
    }
}

/// What a returned block is to a contract: the bytes of a byte string, or the block
/// itself.
pub(super) fn returned_bytes(block: Option<IpldBlock>) -> Bytes {
    let Some(block) = block else {
        return Bytes::new();
    };
    if matches!(block.codec, CBOR | DAG_CBOR)
        && let Ok(BytesDe(bytes)) = fvm_ipld_encoding::from_slice(&block.data)
    {
        return bytes.into();
    }
    block.data.into()
}

pub(super) fn call<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [gas, to, value, in_offset, in_size, out_offset, out_size] = pop(ctx.interpreter)?;
    if ctx.host.contract.is_read_only() && !value.is_zero() {
        return Err(InstructionResult::CallNotAllowedInsideStatic);
    }
    let callee = Callee {
        kind: CallKind::Call,
        address: address::from_word(to),
        gas: gas.saturating_to(),
        value,
    };
    enter(ctx, &callee, [in_offset, in_size], [out_offset, out_size])
}

pub(super) fn static_call<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    without_value(ctx, CallKind::Static)
}

pub(super) fn delegate_call<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    without_value(ctx, CallKind::Delegate)
}

fn without_value<RT: Runtime>(ctx: Step<'_, '_, RT>, kind: CallKind) -> Outcome {
    let [gas, to, in_offset, in_size, out_offset, out_size] = pop(ctx.interpreter)?;
    let callee = Callee {
        kind,
        address: address::from_word(to),
        gas: gas.saturating_to(),
        value: U256::ZERO,
    };
    enter(ctx, &callee, [in_offset, in_size], [out_offset, out_size])
}

/// The region for the output is looked at only after the callee has run.
fn enter<RT: Runtime>(
    ctx: Step<'_, '_, RT>,
    callee: &Callee,
    [in_offset, in_size]: [U256; 2],
    [out_offset, out_size]: [U256; 2],
) -> Outcome {
    let input = region(ctx.interpreter, ctx.host, in_offset, in_size)?;
    let answered = {
        let input = ctx.interpreter.memory.slice_range(input);
        if precompiles::is_reserved(callee.address) {
            ctx.host.precompile(callee, &input)
        } else if callee.kind == CallKind::Delegate {
            let caller = EthAddress(ctx.interpreter.input.caller_address().into_array());
            let value = ctx.interpreter.input.call_value();
            ctx.host.delegate(callee, &input, caller, value)
        } else {
            ctx.host.call(callee, &input)
        }
    };
    let answer = answered.or_abort(ctx.host)?;

    ctx.interpreter.return_data.0 = answer.data.clone();
    let output = space(ctx.interpreter, ctx.host, out_offset, out_size)?;
    let length = output.len().min(answer.data.len());
    ctx.interpreter
        .memory
        .set(output.start, &answer.data[..length]);
    push(ctx.interpreter, U256::from(answer.succeeded))
}
