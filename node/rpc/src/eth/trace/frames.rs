//! The calls of a message as Ethereum tools know calls.
//!
//! On Filecoin a call between contracts is one message to an actor, a creation three,
//! and a delegated call a message of a contract to itself. Here they become what they
//! are on Ethereum. Calls of and to native actors stay calls: their input is what a
//! contract would get in `handle_filecoin_method`, their output exit code, codec and
//! data.

use std::collections::HashMap;

use alloy::primitives::{Address as EthAddr, B256, Bytes, U256};
use alloy::sol_types::SolValue;
use boatyard_chain::StateView;
use boatyard_chain::ethereum::{EAM, INVOKE_EVM, masked_id, to_ethereum};
use boatyard_vm::trace::{CallTrace, Outcome};
use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{BytesDe, CBOR, DAG_CBOR, from_slice};
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Payload};
use fvm_shared::error::ExitCode;
use fvm_shared::event::ActorEvent;

use crate::error::RpcError;
use crate::eth::convert::{HANDLE_FILECOIN_METHOD, NOBODY, created_contract, topics_and_data};
use crate::params::quantity;

/// Methods of contracts (spec 02) and of the address manager and the init actor (spec 01).
const CONSTRUCTOR: u64 = 1;
const RESURRECT: u64 = 2;
const GET_BYTECODE: u64 = 3;
const GET_BYTECODE_HASH: u64 = 4;
const INVOKE_DELEGATE: u64 = 6;
const CREATE: u64 = 2;
const CREATE2: u64 = 3;
const CREATE_EXTERNAL: u64 = 4;
const INIT: ActorID = 1;
const EXEC4: u64 = 3;

/// A plain transfer of money.
const SEND: u64 = 0;

/// What an instruction or a sender asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A call.
    Call,
    /// A call that may change nothing.
    Static,
    /// Another contract's code on the caller's storage.
    Delegate,
    /// A creation at an address from a nonce.
    Create,
    /// A creation at an address from a salt.
    Create2,
}

impl Kind {
    /// Whether it creates a contract.
    pub fn creates(self) -> bool {
        matches!(self, Kind::Create | Kind::Create2)
    }
}

/// A call with everything inside.
#[derive(Debug, Clone)]
pub struct Frame {
    /// What was asked for.
    pub kind: Kind,
    /// Caller.
    pub from: EthAddr,
    /// Callee; of a delegated call the contract whose code runs; of a creation the new
    /// contract, where its address is known.
    pub to: Option<EthAddr>,
    /// attoFIL.
    pub value: U256,
    /// Gas limit.
    pub gas: u64,
    /// Gas used with all calls inside.
    pub gas_used: u64,
    /// Calldata, or the code that creates.
    pub input: Bytes,
    /// What was returned, of a creation the new contract's code; of a failure its data.
    pub output: Bytes,
    /// Whether it is no matter of the EVM.
    pub native: bool,
    /// Whether it only moves money.
    pub transfer: bool,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Logs of this call itself.
    pub logs: Vec<FrameLog>,
    /// Calls inside, in order.
    pub calls: Vec<Frame>,
}

/// How a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Exit code.
    pub code: ExitCode,
    /// What the actor or the machine said.
    pub words: Option<String>,
}

/// A log, as yet without a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameLog {
    /// Who emitted it.
    pub address: EthAddr,
    /// Topics.
    pub topics: Vec<B256>,
    /// Data.
    pub data: Bytes,
}

/// Makes frames with the actors of two states: after a message and, for what is gone by
/// then, before it.
pub struct Framer {
    after: StateView,
    before: StateView,
    known: HashMap<ActorID, EthAddr>,
    contract_code: Option<Cid>,
}

impl Framer {
    /// For a message between two states.
    ///
    /// # Errors
    /// When the states cannot be read.
    pub fn new(before: StateView, after: StateView) -> Result<Self, RpcError> {
        let contract_code = after.manifest()?.code_of("evm");
        Ok(Self {
            after,
            before,
            known: HashMap::new(),
            contract_code,
        })
    }

    /// How an actor is shown.
    pub fn address(&mut self, id: ActorID) -> Result<EthAddr, RpcError> {
        if let Some(known) = self.known.get(&id) {
            return Ok(*known);
        }
        let shown = self.delegated(id)?.unwrap_or_else(|| masked_id(id));
        self.known.insert(id, shown);
        Ok(shown)
    }

    fn delegated(&self, id: ActorID) -> Result<Option<EthAddr>, RpcError> {
        for view in [&self.after, &self.before] {
            if let Some((_, actor)) = view.actor(&Address::new_id(id))? {
                return Ok(actor.delegated_address.as_ref().and_then(to_ethereum));
            }
        }
        Ok(None)
    }

    /// The tree of a message. `gas` is its limit.
    ///
    /// # Errors
    /// When the states cannot be read.
    pub fn frame(&mut self, trace: &CallTrace, gas: u64) -> Result<Frame, RpcError> {
        self.call(trace, gas, None)
    }

    /// One call. `code_of` is the contract whose bytecode the caller asked for last: a
    /// delegated call comes right after that question.
    fn call(
        &mut self,
        trace: &CallTrace,
        limit: u64,
        code_of: Option<EthAddr>,
    ) -> Result<Frame, RpcError> {
        let call = &trace.call;
        if call.to == Address::new_id(EAM)
            && let Some((kind, init_code)) = creation(trace)
        {
            return self.creation(trace, limit, kind, init_code);
        }
        let delegated = call.method == INVOKE_DELEGATE
            && trace.to_id == Some(call.from)
            && self.is_contract(trace);
        let params = call.params.as_ref();
        let gas = call.gas_limit.unwrap_or(limit).min(limit);
        let mut frame = Frame {
            kind: match (delegated, call.read_only) {
                (true, _) => Kind::Delegate,
                (false, true) => Kind::Static,
                (false, false) => Kind::Call,
            },
            from: self.address(call.from)?,
            to: Some(self.receiver(trace)?),
            value: quantity(&call.value),
            gas,
            gas_used: trace.gas_used,
            input: Bytes::new(),
            output: Bytes::new(),
            native: false,
            transfer: false,
            failure: failure(trace),
            logs: self.logs(trace)?,
            calls: self.inner(trace, gas)?,
        };
        let data = returned(trace);
        if delegated {
            let (input, value) = params.and_then(delegated_input).unwrap_or_default();
            frame.to = code_of.or(frame.to);
            frame.value = value;
            frame.input = input;
            frame.output = contract_bytes(data);
        } else if call.method == INVOKE_EVM {
            frame.input = contract_bytes(params);
            frame.output = contract_bytes(data);
        } else {
            frame.native = true;
            frame.transfer = call.method == SEND && params.is_none();
            frame.input = native_input(call.method, params).into();
            frame.output = native_output(trace.outcome.exit_code(), data).into();
        }
        Ok(frame)
    }

    /// The calls inside a call, without what contracts ask each other below the EVM.
    fn inner(&mut self, trace: &CallTrace, limit: u64) -> Result<Vec<Frame>, RpcError> {
        let contract = self.is_contract(trace);
        let mut code_of = None;
        let mut frames = Vec::new();
        for call in &trace.calls {
            let asks = contract
                && self.is_contract(call)
                && matches!(call.call.method, GET_BYTECODE | GET_BYTECODE_HASH);
            if asks {
                code_of = Some(self.receiver(call)?);
            } else if !call.constructor {
                frames.push(self.call(call, limit, code_of)?);
            }
        }
        Ok(frames)
    }

    fn creation(
        &mut self,
        trace: &CallTrace,
        limit: u64,
        kind: Kind,
        init_code: Vec<u8>,
    ) -> Result<Frame, RpcError> {
        let gas = trace.call.gas_limit.unwrap_or(limit).min(limit);
        let succeeded = trace.outcome.exit_code().is_success();
        let data = returned(trace);
        let mut address = match data {
            Some(data) if succeeded => created_contract(&data.data),
            _ => None,
        };
        // Where the code runs that creates: in the constructor that the init actor
        // calls, or in a dead contract that lives again.
        let mut logs = Vec::new();
        let mut calls = Vec::new();
        for inner in &trace.calls {
            let by_init = inner.call.to == Address::new_id(INIT) && inner.call.method == EXEC4;
            let run = if by_init {
                address = address.or_else(|| intended(inner));
                inner
                    .calls
                    .iter()
                    .find(|call| call.call.method == CONSTRUCTOR && !call.constructor)
            } else if inner.call.method == RESURRECT && self.is_contract(inner) {
                address = address.or(Some(self.receiver(inner)?));
                Some(inner)
            } else {
                None
            };
            if let Some(run) = run {
                logs = self.logs(run)?;
                calls = self.inner(run, gas)?;
            }
        }
        let output = match address {
            Some(address) if succeeded => self.after.eth_code(&address)?.into(),
            _ if succeeded => Bytes::new(),
            _ => contract_bytes(data),
        };
        Ok(Frame {
            kind,
            from: self.address(trace.call.from)?,
            to: address,
            value: quantity(&trace.call.value),
            gas,
            gas_used: trace.gas_used,
            input: init_code.into(),
            output,
            native: false,
            transfer: false,
            failure: failure(trace),
            logs,
            calls,
        })
    }

    fn receiver(&mut self, trace: &CallTrace) -> Result<EthAddr, RpcError> {
        match (trace.to_id, trace.call.to.payload()) {
            (_, Payload::Delegated(_)) => Ok(to_ethereum(&trace.call.to).unwrap_or(NOBODY)),
            (Some(id), _) => self.address(id),
            (None, Payload::ID(id)) => Ok(masked_id(*id)),
            (None, _) => Ok(NOBODY),
        }
    }

    fn is_contract(&self, trace: &CallTrace) -> bool {
        trace.code.is_some() && trace.code == self.contract_code
    }

    fn logs(&mut self, trace: &CallTrace) -> Result<Vec<FrameLog>, RpcError> {
        let Some(emitter) = trace.to_id.filter(|_| !trace.events.is_empty()) else {
            return Ok(Vec::new());
        };
        let address = self.address(emitter)?;
        let shown = trace.events.iter().filter(|event| is_log(event));
        Ok(shown
            .map(|event| {
                let (topics, data) = topics_and_data(event);
                FrameLog {
                    address,
                    topics,
                    data: data.into(),
                }
            })
            .collect())
    }
}

fn is_log(event: &ActorEvent) -> bool {
    boatyard_chain::events::is_log(event)
}

/// Which kind of creation a call of the address manager asks for, and its code.
fn creation(trace: &CallTrace) -> Option<(Kind, Vec<u8>)> {
    let params = &trace.call.params.as_ref()?.data;
    let plain = |bytes: BytesDe| bytes.0;
    Some(match trace.call.method {
        CREATE => {
            let (code, _nonce): (BytesDe, u64) = from_slice(params).ok()?;
            (Kind::Create, plain(code))
        }
        CREATE2 => {
            let (code, _salt): (BytesDe, BytesDe) = from_slice(params).ok()?;
            (Kind::Create2, plain(code))
        }
        CREATE_EXTERNAL => (Kind::Create, plain(from_slice(params).ok()?)),
        _ => return None,
    })
}

/// Where the init actor was to create a contract.
fn intended(exec: &CallTrace) -> Option<EthAddr> {
    let params = &exec.call.params.as_ref()?.data;
    let (_code, _params, address): (Cid, BytesDe, BytesDe) = from_slice(params).ok()?;
    EthAddr::try_from(address.0.as_slice()).ok()
}

/// Calldata and value that delegated code sees.
fn delegated_input(params: &IpldBlock) -> Option<(Bytes, U256)> {
    use fvm_shared::econ::TokenAmount;
    let (_code, input, _caller, value): (Cid, BytesDe, BytesDe, TokenAmount) =
        from_slice(&params.data).ok()?;
    Some((input.0.into(), quantity(&value)))
}

fn returned(trace: &CallTrace) -> Option<&IpldBlock> {
    match &trace.outcome {
        Outcome::Returned { data, .. } => data.as_ref(),
        Outcome::Refused(_) | Outcome::Aborted(_) => None,
    }
}

fn failure(trace: &CallTrace) -> Option<Failure> {
    let code = trace.outcome.exit_code();
    (!code.is_success()).then(|| Failure {
        code,
        words: trace.message.clone(),
    })
}

/// What a block is to a contract: the bytes of a byte string, or the block itself.
fn contract_bytes(block: Option<&IpldBlock>) -> Bytes {
    let Some(block) = block else {
        return Bytes::new();
    };
    if matches!(block.codec, CBOR | DAG_CBOR)
        && let Ok(BytesDe(bytes)) = from_slice(&block.data)
    {
        return bytes.into();
    }
    block.data.clone().into()
}

fn native_input(method: u64, params: Option<&IpldBlock>) -> Vec<u8> {
    let data = params.map_or(Bytes::new(), |block| block.data.clone().into());
    let codec = params.map_or(0, |block| block.codec);
    let mut input = HANDLE_FILECOIN_METHOD.to_vec();
    input.extend((method, codec, data).abi_encode_params());
    input
}

fn native_output(code: ExitCode, data: Option<&IpldBlock>) -> Vec<u8> {
    let codec = data.map_or(0, |block| block.codec);
    let data = data.map_or(Bytes::new(), |block| block.data.clone().into());
    (u64::from(code.value()), codec, data).abi_encode_params()
}
