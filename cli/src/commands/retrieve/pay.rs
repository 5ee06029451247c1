//! Bytes from a provider, for money if need be.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use boatyard_abi::{format_amount, parse_amount};
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use hyper::StatusCode;
use hyper::body::Bytes;
use serde::Deserialize;

use crate::actor;
use crate::builtin::SendingArgs;
use crate::commands::paych;
use crate::commands::paych::voucher;
use crate::failure::Failure;
use crate::message::encoded;
use crate::output::{Output, grouped};
use crate::provider::Provider;
use crate::rpc::Rpc;

/// Header of vouchers.
const VOUCHER: &str = "x-payment-voucher";

/// What was paid, and how.
pub struct Paid {
    /// attoFIL.
    pub amount: TokenAmount,
    /// The payment channel.
    pub channel: Address,
}

/// What a provider asks for bytes.
#[derive(Deserialize)]
struct Bill {
    payment_address: String,
    bytes: u64,
    cost: String,
}

/// Gets what a provider serves under a path, and pays for it up to `most`.
///
/// # Errors
/// It does not have it, or wants more.
pub fn fetch(
    rpc: &Rpc,
    output: Output,
    provider: &Provider,
    path: &str,
    most: &TokenAmount,
    sending: &SendingArgs,
) -> Result<(Bytes, Option<Paid>), Failure> {
    let answer = provider.http().get(path, &[])?;
    if answer.status != StatusCode::PAYMENT_REQUIRED {
        return Ok((answer.ok()?.body, None));
    }
    let bill: Bill = answer.json()?;
    let unreadable =
        |reason: String| Failure::new("the provider's answer cannot be read").why(reason);
    let cost = parse_amount(&bill.cost).map_err(unreadable)?;
    if cost > *most {
        return Err(Failure::new(format!(
            "{} bytes cost {}",
            grouped(bill.bytes),
            format_amount(&cost)
        ))
        .help(format!(
            "--max-price \"{}\" pays that, from a Filecoin address: --from ACCOUNT",
            format_amount(&cost)
        )));
    }
    let to = actor::address(&bill.payment_address)?;
    let sender = sending.sender(rpc, output)?;
    let (_, created) = paych::open(rpc, &sender, to, cost.clone())?;
    let channel = created.id_address;
    let promise = voucher::first(&sender, channel, cost.clone())?;
    let promise = BASE64.encode(encoded(&promise)?);
    let answer = provider.http().get(path, &[(VOUCHER, &promise)])?.ok();
    let answer = answer.map_err(|failure| {
        failure
            .context("the provider did not take the payment")
            .help(format!(
                "what is in the channel is not lost: boatyard paych settle {channel}"
            ))
    })?;
    Ok((
        answer.body,
        Some(Paid {
            amount: cost,
            channel,
        }),
    ))
}
