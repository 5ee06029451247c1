//! Bytes from a provider, for money if need be.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use boatyard_abi::{format_amount, parse_amount};
use fvm_shared::ActorID;
use fvm_shared::METHOD_SEND;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use hyper::StatusCode;
use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::purse::{Channel, Heard, LANE, Next, Promise, Purse, next};
use crate::actor;
use crate::builtin::{Sender, SendingArgs, id_of};
use crate::commands::paych;
use crate::commands::paych::voucher;
use crate::failure::Failure;
use crate::message::{Draft, encoded};
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
    /// Whether it was opened for this.
    pub opened: bool,
    /// attoFIL that were put into it for this.
    pub added: TokenAmount,
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
    if cost.is_negative() {
        return Err(unreadable(format!("a cost of {}", bill.cost)));
    }
    let sender = sending.sender(rpc, output)?;
    let to = actor::address(&bill.payment_address)?;
    let sides = sides(rpc, &sender, &to)?;
    // Others that pay wait from here on: two vouchers with one number would be one.
    let mut purse = Purse::open()?;
    let payment = Payment {
        rpc,
        provider,
        sender: &sender,
        cost: &cost,
    };
    let (paid, voucher) = match purse.find(rpc, sides)? {
        Some(channel) => payment.go_on(&mut purse, channel)?,
        None => payment.begin(&mut purse, sides, to)?,
    };
    let answer = provider.http().get(path, &[(VOUCHER, &voucher)])?.ok();
    let answer = answer.map_err(|failure| {
        failure
            .context("the provider did not take the payment")
            .help(format!(
                "what is in the channel is not lost: boatyard paych settle {}",
                paid.channel
            ))
    })?;
    Ok((answer.body, Some(paid)))
}

/// The IDs of who pays and who is paid.
fn sides(rpc: &Rpc, sender: &Sender<'_>, to: &Address) -> Result<(ActorID, ActorID), Failure> {
    let from = id_of(rpc, &sender.address()).map_err(|failure| {
        failure
            .context("who pays has no money on this chain")
            .help("--from names another account")
    })?;
    let to = id_of(rpc, to).map_err(|failure| {
        failure
            .context(format!("this chain does not know {to}, who is to be paid"))
            .help("a provider is paid on its own chain: --rpc URL names a node of that")
    })?;
    Ok((from, to))
}

/// A payment on its way.
struct Payment<'a> {
    rpc: &'a Rpc,
    provider: &'a Provider,
    sender: &'a Sender<'a>,
    cost: &'a TokenAmount,
}

impl Payment<'_> {
    /// Opens a channel that holds what is to be paid.
    fn begin(
        &self,
        purse: &mut Purse,
        sides: (ActorID, ActorID),
        to: Address,
    ) -> Result<(Paid, String), Failure> {
        let (sent, created) = paych::open(self.rpc, self.sender, to, self.cost.clone())?;
        let channel = created.id_address;
        let epoch = sent.outcome.map_or(0, |traced| traced.trace.epoch);
        let promise = Promise::opened(self.rpc, sides, id_of(self.rpc, &channel)?, epoch)?;
        // Whatever happens now, the channel is found again.
        purse.keep(promise.clone())?;
        let voucher = self.sign(purse, promise, 1, self.cost)?;
        let paid = Paid {
            amount: self.cost.clone(),
            channel,
            opened: true,
            added: self.cost.clone(),
        };
        Ok((paid, voucher))
    }

    /// Pays through a channel that there is.
    fn go_on(&self, purse: &mut Purse, channel: Channel) -> Result<(Paid, String), Failure> {
        // A provider that tells nothing has seen nothing.
        let told: Value = self.provider.get("/vouchers").unwrap_or_default();
        let heard = Heard::find(&told, channel.promise.address());
        let mut paid = Paid {
            amount: self.cost.clone(),
            channel: channel.promise.address(),
            opened: false,
            added: TokenAmount::default(),
        };
        let (nonce, amount) = match next(&channel, heard.as_ref(), self.cost) {
            Next::Again => return Ok((paid, channel.promise.voucher)),
            Next::Sign { nonce, amount } => (nonce, amount),
        };
        paid.added = channel.missing(&amount);
        if paid.added.is_positive() {
            let draft = Draft {
                to: paid.channel,
                method: METHOD_SEND,
                params: Vec::new(),
                value: paid.added.clone(),
            };
            let what = "the payment channel got no more money";
            self.sender.send(&draft, what)?;
        }
        let voucher = self.sign(purse, channel.promise, nonce, &amount)?;
        Ok((paid, voucher))
    }

    /// Signs a voucher, and keeps it before anybody sees it.
    fn sign(
        &self,
        purse: &mut Purse,
        promise: Promise,
        nonce: u64,
        amount: &TokenAmount,
    ) -> Result<String, Failure> {
        let channel = promise.address();
        let voucher = voucher::plain(self.sender, channel, (LANE, nonce), amount.clone())?;
        let text = BASE64.encode(encoded(&voucher)?);
        purse.keep(promise.signed(nonce, amount, text.clone()))?;
        Ok(text)
    }
}
