//! Messages: tried, signed, sent and waited for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use boatyard_abi::format_amount;
use boatyard_chain::Key;
use cid::Cid;
use fvm_ipld_encoding::{RawBytes, from_slice, to_vec};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};
use crate::output::{Output, printable_value};
use crate::rpc::{Rpc, RpcError};
use crate::trace::MessageTrace;

/// What shall happen; who pays for it is decided apart.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Receiver.
    pub to: Address,
    /// Method number.
    pub method: MethodNum,
    /// Encoded parameters, empty for none.
    pub params: Vec<u8>,
    /// attoFIL.
    pub value: TokenAmount,
}

impl Draft {
    fn message(&self, from: Address) -> Message {
        Message {
            version: 0,
            from,
            to: self.to,
            sequence: 0,
            value: self.value.clone(),
            method_num: self.method,
            params: RawBytes::new(self.params.clone()),
            gas_limit: 0,
            gas_fee_cap: TokenAmount::default(),
            gas_premium: TokenAmount::default(),
        }
    }
}

/// How a message is sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sending {
    /// Gas limit; estimated if none is given.
    pub gas_limit: Option<u64>,
    /// Give back the message's names at once instead of waiting for its receipt.
    pub no_wait: bool,
}

/// A message that the node has taken.
#[derive(Debug, Clone)]
pub struct Sent {
    /// CID.
    pub cid: Cid,
    /// Ethereum hash.
    pub hash: String,
    /// What came of it; none without waiting.
    pub outcome: Option<Traced>,
}

/// A trace, for people and as the node gave it.
#[derive(Debug, Clone)]
pub struct Traced {
    /// For people.
    pub trace: MessageTrace,
    /// For programs.
    pub json: Value,
}

impl Traced {
    /// Reads the node's answer. What is for people is safe to print.
    ///
    /// # Errors
    /// It is no trace.
    pub fn new(json: Value) -> Result<Self, Failure> {
        let trace = serde_json::from_value(printable_value(&json))
            .map_err(|error| Failure::new("the node's trace cannot be read").because(error))?;
        Ok(Self { trace, json })
    }
}

/// Tries a message on the newest state; nothing remains of it.
///
/// # Errors
/// The node gives no answer. A message that fails is no error here.
pub fn simulate(rpc: &Rpc, from: Address, draft: &Draft, full: bool) -> Result<Traced, Failure> {
    let options = json!({ "detail": if full { "full" } else { "calls" } });
    let message = message_json(&draft.message(from));
    Traced::new(rpc.call("boatyard_traceCall", [message, options])?)
}

/// Signs a message, sends it and waits for what comes of it.
///
/// # Errors
/// It would fail (seen while its gas is estimated), or is refused by the node.
/// A message that fails although it was taken is no error here.
pub fn send(
    rpc: &Rpc,
    output: Output,
    key: &Key,
    draft: &Draft,
    sending: Sending,
) -> Result<Sent, Failure> {
    let mut message = draft.message(key.address());
    price(rpc, &mut message, draft, sending.gas_limit)?;
    message.sequence = rpc.call("Filecoin.MpoolGetNonce", [json!(message.from.to_string())])?;
    let chain_id: String = rpc.call("eth_chainId", [])?;
    let chain_id = u64::from_str_radix(chain_id.trim_start_matches("0x"), 16)
        .map_err(|error| Failure::new("the node's chain id cannot be read").because(error))?;
    let signed = key.sign_message(message, chain_id).map_err(|error| {
        Failure::new("the message cannot be signed as an Ethereum transaction")
            .because(error)
            .help("send it from the Filecoin address of the same key: --from f1…")
    })?;
    let pushed: CidJson = rpc
        .call(
            "Filecoin.MpoolPush",
            [json!({
                "Message": message_json(&signed.message),
                "Signature": {
                    "Type": signed.signature.kind as u8,
                    "Data": BASE64.encode(&signed.signature.data),
                },
            })],
        )
        .map_err(|error| Failure::from(error).context("the node refused the message"))?;
    let mut sent = Sent {
        cid: pushed.cid()?,
        hash: signed.eth_hash(chain_id).to_string(),
        outcome: None,
    };
    if !sending.no_wait {
        let spinner = output.spinner("waiting for the message to be executed");
        let traced = wait(rpc, &sent.cid);
        spinner.finish_and_clear();
        sent.outcome = Some(traced.map_err(|failure| {
            failure.context(format!(
                "the message {} was sent, but not seen to be executed",
                sent.cid
            ))
        })?);
    }
    Ok(sent)
}

/// Waits until a message is executed and gives its trace.
///
/// # Errors
/// It is not executed in time.
fn wait(rpc: &Rpc, cid: &Cid) -> Result<Traced, Failure> {
    let _lookup: Value = rpc.call(
        "Filecoin.StateWaitMsg",
        [
            json!({ "/": cid.to_string() }),
            json!(0),
            json!(-1),
            json!(true),
        ],
    )?;
    Traced::new(rpc.call("boatyard_traceMessage", [json!(cid.to_string())])?)
}

/// Fills in gas limit and fees.
fn price(
    rpc: &Rpc,
    message: &mut Message,
    draft: &Draft,
    gas_limit: Option<u64>,
) -> Result<(), Failure> {
    message.gas_limit = gas_limit.unwrap_or(0);
    let estimate = rpc.call::<Gas>(
        "Filecoin.GasEstimateMessageGas",
        [message_json(message), Value::Null, Value::Null],
    );
    let gas = match estimate {
        Ok(gas) => gas,
        Err(error @ RpcError::Refused { .. }) => {
            return Err(would_fail(rpc, message.from, draft, error));
        }
        Err(error) => return Err(error.into()),
    };
    message.gas_limit = gas.gas_limit;
    message.gas_fee_cap = atto(&gas.gas_fee_cap)?;
    message.gas_premium = atto(&gas.gas_premium)?;
    Ok(())
}

/// Why no gas could be estimated: usually because the message fails, and then a
/// trial tells why in the actors' own words.
fn would_fail(rpc: &Rpc, from: Address, draft: &Draft, error: RpcError) -> Failure {
    match simulate(rpc, from, draft, false) {
        Ok(tried) if tried.trace.exit_code != 0 => tried
            .trace
            .failure("the message would fail")
            .help("see inside with `boatyard call … --trace`; --gas-limit N sends it nevertheless"),
        _ => Failure::from(error).context("the gas of the message cannot be estimated"),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Gas {
    gas_limit: u64,
    gas_fee_cap: String,
    gas_premium: String,
}

/// `{"/": "bafy…"}`
#[derive(Debug, Deserialize)]
struct CidJson {
    #[serde(rename = "/")]
    text: String,
}

impl CidJson {
    fn cid(&self) -> Result<Cid, Failure> {
        boatyard_abi::parse_cid(&self.text)
            .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))
    }
}

fn atto(text: &str) -> Result<TokenAmount, Failure> {
    boatyard_abi::parse_amount(text)
        .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))
}

/// Decimal attoFIL of the node, for people.
pub fn people_amount(text: &str) -> String {
    atto(text).map_or_else(|_| text.to_owned(), |amount| format_amount(&amount))
}

/// A message in the Filecoin dialect (spec 10 §4).
fn message_json(message: &Message) -> Value {
    let params = match message.params.is_empty() {
        true => Value::Null,
        false => json!(BASE64.encode(message.params.bytes())),
    };
    json!({
        "Version": message.version,
        "To": message.to.to_string(),
        "From": message.from.to_string(),
        "Nonce": message.sequence,
        "Value": message.value.atto().to_string(),
        "GasLimit": message.gas_limit,
        "GasFeeCap": message.gas_fee_cap.atto().to_string(),
        "GasPremium": message.gas_premium.atto().to_string(),
        "Method": message.method_num,
        "Params": params,
    })
}

/// The failure of a message that was executed, or tried, and ended badly.
pub fn failed(trace: &MessageTrace, what: &str) -> Failure {
    trace.failure(what).exit(Exit::MessageFailed)
}

/// What a message returned.
///
/// # Errors
/// It failed, or returned something else.
pub fn returned<T: DeserializeOwned>(sent: &Sent, what: &str) -> Result<T, Failure> {
    let Some(traced) = &sent.outcome else {
        return Err(Failure::new("the message was not waited for"));
    };
    if traced.trace.exit_code != 0 {
        return Err(failed(&traced.trace, what).help(format!(
            "boatyard trace {} shows every call inside",
            sent.hash
        )));
    }
    let data = traced
        .trace
        .call
        .as_ref()
        .and_then(|call| call.returned.as_ref());
    data.and_then(|data| hex::decode(data.hex.trim_start_matches("0x")).ok())
        .and_then(|bytes| from_slice(&bytes).ok())
        .ok_or_else(|| Failure::new("the message returned something unexpected"))
}

/// Parameters as an actor decodes them.
///
/// # Errors
/// They hold something that CBOR cannot express.
pub fn encoded<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, Failure> {
    to_vec(value).map_err(|error| Failure::new("the parameters cannot be encoded").because(error))
}
