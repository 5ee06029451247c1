//! Who pays, by vouchers of payment channels.
//!
//! A provider with a price answers 402 to whoever brings no credit. A voucher comes in
//! the header `X-Payment-Voucher` (base64 of its CBOR) and is taken when the channel
//! would redeem it now: that is tried on the chain's state, so the channel actor itself
//! checks signature, lane, nonce and funds. What was taken and not used up counts for
//! the next request, which brings the same voucher again.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use boatyard_chain::{CallPoint, CallRequest, ChainError};
use boatyard_paych::{SignedVoucher, UpdateChannelStateParams};
use fvm_ipld_encoding::{CborStore, RawBytes, from_slice};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::Counter;
use super::answer::{Content, takes_bytes};
use super::till::Account;
use crate::http::{Answer, Refusal, read};

/// Header of vouchers.
pub const VOUCHER: &str = "x-payment-voucher";
/// `UpdateChannelState` of the channel.
const UPDATE_CHANNEL_STATE: u64 = 2;
/// How long a voucher has to stay good, in epochs: a day, for redeeming it.
const TIME_TO_REDEEM: ChainEpoch = 2_880;
/// The longest voucher, in bytes.
const MAX_VOUCHER: usize = 8 << 10;

/// Gives content out, to whoever has it not already and pays for it.
///
/// # Errors
/// The provider's own trouble. Who does not pay is answered with 402.
pub async fn deliver(
    counter: &Arc<Counter>,
    method: &Method,
    headers: &HeaderMap,
    (content, turn): (Content, OwnedSemaphorePermit),
) -> Result<Response, Refusal> {
    if content.is_known(headers) {
        return Ok(content.not_modified());
    }
    if !takes_bytes(method) {
        return Ok(content.head());
    }
    // Before anything is paid for it.
    let room = counter.room(content.bytes.len()).await?;
    drop(turn);
    let price = &counter.provider.config().retrieval_price;
    if !price.is_positive() {
        return Ok(content.send(room));
    }
    let bytes = content.bytes.len() as u64;
    let cost = TokenAmount::from_atto(price.atto() * bytes);
    match pay(counter, headers, bytes, &cost).await? {
        Ok(()) => Ok(content.send(room)),
        Err(reason) => {
            let worker = counter.provider.config().worker.address();
            let body = json!({
                "error": reason,
                "price_per_byte": price.atto().to_string(),
                "payment_address": worker.to_string(),
                "bytes": bytes,
                "cost": cost.atto().to_string(),
            });
            Ok(Answer(StatusCode::PAYMENT_REQUIRED, body).into_response())
        }
    }
}

/// Takes the price out of the credit of whose voucher it is; says why not.
async fn pay(
    counter: &Counter,
    headers: &HeaderMap,
    bytes: u64,
    cost: &TokenAmount,
) -> Result<Result<(), String>, Refusal> {
    let Some(header) = headers.get(VOUCHER) else {
        return Ok(Err(format!(
            "these {bytes} bytes cost {} attoFIL: send a voucher of a payment channel to \
             payment_address in the header X-Payment-Voucher (boatyard paych create, boatyard \
             paych voucher create)",
            cost.atto()
        )));
    };
    let voucher = match decode(header.as_bytes()) {
        Ok(voucher) => voucher,
        Err(reason) => return Ok(Err(reason)),
    };
    // Held from here on: credit is spent once.
    let till = counter.till.open().await;
    let channel = match channel(counter, &voucher)? {
        Ok(channel) => channel,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut account = till.account(channel.id, channel.state.from, channel.state.to)?;
    let known = account.lane(voucher.lane).map(|held| &held.best) == Some(&voucher);
    if !known && let Err(reason) = account.take(voucher.clone(), &channel.redeemed(voucher.lane)?) {
        return Ok(Err(reason));
    }
    if !known && let Err(reason) = channel.would_redeem(counter, &voucher).await? {
        return Ok(Err(reason));
    }
    if let Err(reason) = channel.covers(&account)? {
        return Ok(Err(reason));
    }
    let credit = account.credit();
    if credit < *cost {
        return Ok(Err(format!(
            "these {bytes} bytes cost {} attoFIL and the voucher leaves a credit of {}: sign one \
             for {} attoFIL in all on lane {}, or more",
            cost.atto(),
            credit.atto(),
            (&voucher.amount + (cost - &credit)).atto(),
            voucher.lane
        )));
    }
    account.earned += cost;
    account.bytes = account.bytes.saturating_add(bytes);
    till.keep(&account)?;
    Ok(Ok(()))
}

fn decode(header: &[u8]) -> Result<SignedVoucher, String> {
    if header.len() > MAX_VOUCHER {
        return Err(format!("a voucher has {MAX_VOUCHER} characters at most"));
    }
    let bytes = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
        .iter()
        .find_map(|engine| engine.decode(header).ok())
        .ok_or("the voucher in X-Payment-Voucher is not in base64")?;
    let voucher: SignedVoucher = from_slice(&bytes)
        .map_err(|error| format!("X-Payment-Voucher holds no voucher in CBOR: {error}"))?;
    if voucher.signature.is_none() {
        return Err("the voucher is not signed".into());
    }
    if voucher.extra.is_some() || !voucher.merges.is_empty() || !voucher.secret_pre_image.is_empty()
    {
        return Err(
            "only plain vouchers are taken: without secret, merged lanes and calls to others"
                .into(),
        );
    }
    Ok(voucher)
}

/// A payment channel to the provider, as the chain has it.
struct Channel {
    id: ActorID,
    epoch: ChainEpoch,
    balance: TokenAmount,
    state: boatyard_paych::State,
    store: boatyard_chain::SharedStore,
}

/// Finds a payment channel; says why there is none.
fn find(counter: &Counter, address: Address) -> Result<Result<Channel, String>, Refusal> {
    let head = counter.chain.head();
    let view = counter.chain.state(head.state_root);
    let Some((id, actor)) = view.actor(&address)? else {
        return Ok(Err(format!(
            "{address} is no actor; boatyard paych create makes a channel"
        )));
    };
    if !view.manifest()?.is(&actor.code, "paymentchannel") {
        return Ok(Err(format!("{address} is no payment channel")));
    }
    let state: Option<boatyard_paych::State> = view
        .store()
        .get_cbor(&actor.state)
        .map_err(|error| Refusal::internal(&error))?;
    Ok(Ok(Channel {
        id,
        epoch: head.height(),
        balance: actor.balance,
        state: state.ok_or(ChainError::MissingBlock(actor.state))?,
        store: view.store().clone(),
    }))
}

/// The channel of a voucher; says why neither pays here.
fn channel(counter: &Counter, voucher: &SignedVoucher) -> Result<Result<Channel, String>, Refusal> {
    let address = voucher.channel_addr;
    let channel = match find(counter, address)? {
        Ok(channel) => channel,
        Err(reason) => return Ok(Err(reason)),
    };
    let (state, epoch) = (&channel.state, channel.epoch);
    let info = counter
        .provider
        .miner(&counter.chain.head_state())?
        .info()?;
    if ![info.worker, info.owner].contains(&state.to) {
        return Ok(Err(format!(
            "channel {address} pays {}, and this provider is paid at {}",
            state.to,
            counter.provider.config().worker.address()
        )));
    }
    if state.is_settling() {
        return Ok(Err(format!(
            "channel {address} is closing, in epoch {}; open another one",
            state.settling_at
        )));
    }
    if voucher.time_lock_min > epoch {
        return Ok(Err(format!(
            "the voucher is good from epoch {} on, now is {epoch}",
            voucher.time_lock_min
        )));
    }
    if voucher.time_lock_max != 0 && voucher.time_lock_max < epoch.saturating_add(TIME_TO_REDEEM) {
        return Ok(Err(format!(
            "the voucher is good until epoch {}; it has to be so for {TIME_TO_REDEEM} epochs more, \
             now is {epoch}",
            voucher.time_lock_max
        )));
    }
    Ok(Ok(channel))
}

impl Channel {
    /// attoFIL that a lane has redeemed on chain.
    fn redeemed(&self, lane: u64) -> Result<TokenAmount, Refusal> {
        let broken = |error| Refusal::internal(&error);
        let lanes = self.state.lane_states.load(&self.store).map_err(broken)?;
        let state = lanes.get(lane).map_err(broken)?;
        Ok(state
            .map(|state| state.redeemed.clone())
            .unwrap_or_default())
    }

    /// Whether the channel would take the voucher now, from whom it pays.
    async fn would_redeem(
        &self,
        counter: &Counter,
        voucher: &SignedVoucher,
    ) -> Result<Result<(), String>, Refusal> {
        let message = update(self.state.to, self.id, voucher)?;
        let at = CallPoint::After(counter.chain.head());
        let tried = counter.chain.call(CallRequest::new(message, at)).await?;
        let code = tried.receipt.exit_code;
        Ok(match code.is_success() {
            true => Ok(()),
            false => Err(format!(
                "the channel would refuse the voucher: {} ({code})",
                tried.error.unwrap_or_default()
            )),
        })
    }

    /// Whether the channel holds what all vouchers here promise.
    fn covers(&self, account: &Account) -> Result<Result<(), String>, Refusal> {
        let mut owed = self.state.to_send.clone();
        for lane in &account.lanes {
            let open = &lane.best.amount - self.redeemed(lane.lane)?;
            if open.is_positive() {
                owed += open;
            }
        }
        Ok(match owed <= self.balance {
            true => Ok(()),
            false => Err(format!(
                "the channel f0{} holds {} attoFIL and its vouchers come to {} (in epoch {}): send \
                 it more",
                self.id,
                self.balance.atto(),
                owed.atto(),
                self.epoch
            )),
        })
    }
}

/// The message that redeems a voucher.
fn update(from: Address, channel: ActorID, voucher: &SignedVoucher) -> Result<Message, Refusal> {
    let params = UpdateChannelStateParams {
        sv: voucher.clone(),
        secret: RawBytes::default(),
    };
    Ok(Message {
        version: 0,
        from,
        to: Address::new_id(channel),
        sequence: 0,
        value: TokenAmount::default(),
        method_num: UPDATE_CHANNEL_STATE,
        params: RawBytes::serialize(&params).map_err(|error| Refusal::internal(&error))?,
        gas_limit: 0,
        gas_fee_cap: TokenAmount::default(),
        gas_premium: TokenAmount::default(),
    })
}

/// `GET /vouchers`: what was promised and earned, without the signatures.
pub async fn list(State(counter): State<Arc<Counter>>) -> Result<Answer, Refusal> {
    let accounts = counter.till.open().await.accounts()?;
    let price = counter.provider.config().retrieval_price.atto().to_string();
    Ok(Answer::ok(json!({
        "price_per_byte": price,
        "channels": accounts.iter().map(show).collect::<Vec<_>>(),
    })))
}

fn show(account: &Account) -> Value {
    json!({
        "channel": Address::new_id(account.channel).to_string(),
        "from": account.from.to_string(),
        "to": account.to.to_string(),
        "earned": account.earned.atto().to_string(),
        "credit": account.credit().atto().to_string(),
        "bytes": account.bytes,
        "lanes": account.lanes.iter().map(|lane| json!({
            "lane": lane.lane,
            "nonce": lane.best.nonce,
            "amount": lane.best.amount.atto().to_string(),
        })).collect::<Vec<_>>(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// All channels if none is named.
    channel: Option<String>,
}

/// `POST /vouchers/redeem`: has channels redeem the best voucher of each lane.
pub async fn redeem(State(counter): State<Arc<Counter>>, body: Bytes) -> Result<Answer, Refusal> {
    let Which { channel } = read(&body)?;
    let only = match channel {
        None => None,
        Some(text) => Some(
            text.parse::<Address>()
                .map_err(|error| Refusal::bad(format!("\"{text}\" is no address: {error}")))?,
        ),
    };
    let view = counter.chain.head_state();
    let only = match only {
        None => None,
        Some(address) => Some(view.resolve(&address)?.ok_or_else(|| {
            Refusal::not_found(format!(
                "{address} is no actor; GET /vouchers tells the channels"
            ))
        })?),
    };
    let till = counter.till.open().await;
    let mut messages = Vec::new();
    for account in till.accounts()? {
        if only.is_some_and(|only| only != account.channel) {
            continue;
        }
        for lane in &account.lanes {
            let found = find(&counter, Address::new_id(account.channel))?.ok();
            // Collected, and perhaps another's by now.
            let Some(found) = found
                .filter(|found| (found.state.from, found.state.to) == (account.from, account.to))
            else {
                continue;
            };
            if lane.best.amount <= found.redeemed(lane.lane)? {
                continue;
            }
            let message = update(account.to, account.channel, &lane.best)?;
            let pushed = counter.chain.send(message).await.map_err(|error| {
                Refusal::unfit(format!(
                    "channel f0{} does not redeem: {error}",
                    account.channel
                ))
            })?;
            messages.push(json!({
                "channel": Address::new_id(account.channel).to_string(),
                "lane": lane.lane,
                "amount": lane.best.amount.atto().to_string(),
                "message": pushed.cid.to_string(),
            }));
        }
    }
    Ok(Answer::ok(json!({ "redeemed": messages })))
}
