//! Results and execution traces in the Filecoin dialect (spec 10 §4.1).

use boatyard_chain::ExecutedMessage;
use boatyard_vm::machine::{Applied, GasOutputs};
use boatyard_vm::trace::{Call, CallTrace, Outcome, StateAccess};
use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::receipt::Receipt;
use serde::Serialize;

use crate::fil::json::{
    ActorJson, AddressJson, AttoJson, BytesJson, CidJson, MessageJson, ReceiptJson,
};

/// A message that was tried or executed again.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InvocResult {
    msg_cid: CidJson,
    msg: MessageJson,
    msg_rct: ReceiptJson,
    gas_cost: GasCost,
    execution_trace: Option<ExecutionTrace>,
    error: String,
    /// Nanoseconds.
    duration: u64,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct GasCost {
    message: CidJson,
    gas_used: AttoJson,
    base_fee_burn: AttoJson,
    over_estimation_burn: AttoJson,
    miner_penalty: AttoJson,
    miner_tip: AttoJson,
    refund: AttoJson,
    total_cost: AttoJson,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ExecutionTrace {
    msg: MessageTrace,
    msg_rct: ReturnTrace,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_actor: Option<ActorTrace>,
    gas_charges: Vec<GasTrace>,
    subcalls: Option<Vec<ExecutionTrace>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logs: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ipld_ops: Vec<IpldOp>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MessageTrace {
    from: AddressJson,
    to: AddressJson,
    value: AttoJson,
    method: u64,
    params: BytesJson,
    params_codec: u64,
    gas_limit: u64,
    read_only: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReturnTrace {
    exit_code: u32,
    #[serde(rename = "Return")]
    returned: BytesJson,
    return_codec: u64,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ActorTrace {
    id: u64,
    state: Option<ActorJson>,
}

#[derive(Debug, Clone, Serialize)]
struct GasTrace {
    #[serde(rename = "Name")]
    name: String,
    tg: u64,
    cg: u64,
    sg: u64,
    tt: u64,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct IpldOp {
    op: &'static str,
    cid: CidJson,
    size: usize,
}

impl InvocResult {
    /// What came of trying a message.
    pub fn new(
        cid: Cid,
        message: &Message,
        applied: &Applied,
        duration: std::time::Duration,
    ) -> Self {
        Self {
            msg_cid: cid.into(),
            msg: message.into(),
            msg_rct: (&applied.receipt).into(),
            gas_cost: GasCost::new(cid, message, &applied.receipt, &applied.gas),
            execution_trace: applied.trace.as_ref().map(Into::into),
            error: applied.error.clone().unwrap_or_default(),
            duration: u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// The same for a message of the chain, whose receipt and gas are those that
    /// the chain has.
    pub fn of_executed(
        executed: &ExecutedMessage,
        applied: &Applied,
        duration: std::time::Duration,
    ) -> Self {
        let message = &executed.signed.message;
        Self {
            msg_rct: (&executed.receipt).into(),
            gas_cost: GasCost::new(executed.cid, message, &executed.receipt, &executed.gas),
            error: executed.error.clone().unwrap_or_default(),
            ..Self::new(executed.cid, message, applied, duration)
        }
    }
}

impl GasCost {
    fn new(cid: Cid, message: &Message, receipt: &Receipt, gas: &GasOutputs) -> Self {
        let required = &message.gas_fee_cap * message.gas_limit;
        let paid = !gas.refund.is_zero() || !gas.base_fee_burn.is_zero();
        let total = if paid {
            &required - &gas.refund
        } else {
            TokenAmount::default()
        };
        Self {
            message: cid.into(),
            gas_used: TokenAmount::from_atto(receipt.gas_used).into(),
            base_fee_burn: gas.base_fee_burn.clone().into(),
            over_estimation_burn: gas.over_estimation_burn.clone().into(),
            miner_penalty: gas.miner_penalty.clone().into(),
            miner_tip: gas.miner_tip.clone().into(),
            refund: gas.refund.clone().into(),
            total_cost: total.into(),
        }
    }
}

impl From<&CallTrace> for ExecutionTrace {
    fn from(trace: &CallTrace) -> Self {
        Self {
            msg: (&trace.call).into(),
            msg_rct: (&trace.outcome).into(),
            invoked_actor: trace.to_id.map(|id| ActorTrace { id, state: None }),
            gas_charges: trace
                .charges
                .iter()
                .map(|charge| GasTrace {
                    name: charge.name.clone(),
                    tg: charge.compute + charge.other,
                    cg: charge.compute,
                    sg: charge.other,
                    tt: 0,
                })
                .collect(),
            subcalls: (!trace.calls.is_empty())
                .then(|| trace.calls.iter().map(Into::into).collect()),
            logs: trace.logs.clone(),
            ipld_ops: trace.accesses.iter().filter_map(ipld_op).collect(),
        }
    }
}

fn ipld_op(access: &StateAccess) -> Option<IpldOp> {
    let (op, cid, size) = match access {
        StateAccess::Read { cid, size } => ("Get", cid, *size),
        StateAccess::Write { cid, size } => ("Put", cid, *size),
        StateAccess::Head { .. } => return None,
    };
    Some(IpldOp {
        op,
        cid: (*cid).into(),
        size,
    })
}

impl From<&Call> for MessageTrace {
    fn from(call: &Call) -> Self {
        let params = call.params.as_ref();
        Self {
            from: Address::new_id(call.from).into(),
            to: call.to.into(),
            value: call.value.clone().into(),
            method: call.method,
            params: params
                .map(|block| block.data.clone())
                .unwrap_or_default()
                .into(),
            params_codec: params.map_or(0, |block| block.codec),
            gas_limit: call.gas_limit.unwrap_or(u64::MAX),
            read_only: call.read_only,
        }
    }
}

impl From<&Outcome> for ReturnTrace {
    fn from(outcome: &Outcome) -> Self {
        let data = match outcome {
            Outcome::Returned { data, .. } => data.as_ref(),
            Outcome::Refused(_) | Outcome::Aborted(_) => None,
        };
        Self {
            exit_code: outcome.exit_code().value(),
            returned: data
                .map(|block| block.data.clone())
                .unwrap_or_default()
                .into(),
            return_codec: data.map_or(0, |block| block.codec),
        }
    }
}
