//! What waits, as Ethereum tools show it: `txpool_*`.
//!
//! Pending is what the next tipsets can take; queued is what lies behind a gap of nonces.

use std::collections::BTreeMap;

use alloy::primitives::{Address as EthAddr, U64};
use boatyard_chain::PoolMessage;
use fvm_shared::address::Address;
use serde::Serialize;

use crate::call::Call;
use crate::error::RpcError;
use crate::eth::convert::Writer;
use crate::eth::types::Transaction;
use crate::params::EthAddress;
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// How many messages wait: those that can be mined, and those behind a gap of nonces.
        ["txpool_status"]
        () -> "pool counts" = compute status;

        /// The messages that wait as transactions, by sender and nonce.
        ["txpool_content"]
        () -> "pool content" = compute content;

        /// The messages of one sender that wait as transactions, by nonce.
        ["txpool_contentFrom"]
        (address: EthAddress) -> "pool content of a sender" = compute content_from;

        /// The messages that wait in a line of text each, by sender and nonce.
        ["txpool_inspect"]
        () -> "pool texts" = compute inspect;
    ]
}

/// Both halves of the pool.
#[derive(Debug, Clone, Default, Serialize)]
struct Halves<T> {
    pending: T,
    queued: T,
}

type ByNonce<T> = BTreeMap<String, T>;
type BySender<T> = BTreeMap<String, ByNonce<T>>;

/// Shows every waiting message with `show`, in halves by sender and nonce.
fn sorted<T>(
    call: &Call,
    mut show: impl FnMut(&Writer, &PoolMessage) -> Result<T, RpcError>,
) -> Result<Halves<BTreeMap<EthAddr, ByNonce<T>>>, RpcError> {
    let node = &call.node;
    let state = node.chain.head_state();
    let writer = node.writer(&node.chain.head());
    let mut halves = Halves {
        pending: BTreeMap::new(),
        queued: BTreeMap::new(),
    };
    // By sender and nonce, so a gap shows when it comes.
    let mut run: Option<(Address, u64)> = None;
    for message in node.chain.pending() {
        let fields = &message.signed.message;
        let next = match run {
            Some((sender, next)) if sender == fields.from => next,
            _ => state.sequence(&fields.from)?,
        };
        let in_run = fields.sequence <= next;
        run = Some((fields.from, if in_run { fields.sequence + 1 } else { next }));
        let sender = state.eth_address(&fields.from)?.unwrap_or(EthAddr::ZERO);
        let half = if in_run {
            &mut halves.pending
        } else {
            &mut halves.queued
        };
        half.entry(sender)
            .or_insert_with(ByNonce::new)
            .insert(fields.sequence.to_string(), show(&writer, &message)?);
    }
    Ok(halves)
}

fn by_text<T>(half: BTreeMap<EthAddr, ByNonce<T>>) -> BySender<T> {
    half.into_iter()
        .map(|(sender, messages)| (sender.to_string(), messages))
        .collect()
}

fn transaction(writer: &Writer, message: &PoolMessage) -> Result<Transaction, RpcError> {
    Ok(writer.transaction(&message.signed, message.eth_hash)?)
}

fn status(call: &Call) -> Result<Halves<U64>, RpcError> {
    let halves = sorted(call, |_, _| Ok(()))?;
    let count = |half: BTreeMap<EthAddr, ByNonce<()>>| {
        U64::from(half.values().map(BTreeMap::len).sum::<usize>())
    };
    Ok(Halves {
        pending: count(halves.pending),
        queued: count(halves.queued),
    })
}

fn content(call: &Call) -> Result<Halves<BySender<Transaction>>, RpcError> {
    let halves = sorted(call, transaction)?;
    Ok(Halves {
        pending: by_text(halves.pending),
        queued: by_text(halves.queued),
    })
}

fn content_from(
    call: &Call,
    address: EthAddress,
) -> Result<Halves<ByNonce<Transaction>>, RpcError> {
    let mut halves = sorted(call, transaction)?;
    Ok(Halves {
        pending: halves.pending.remove(&address.0).unwrap_or_default(),
        queued: halves.queued.remove(&address.0).unwrap_or_default(),
    })
}

fn inspect(call: &Call) -> Result<Halves<BySender<String>>, RpcError> {
    let halves = sorted(call, |writer, message| {
        let shown = transaction(writer, message)?;
        let to = shown
            .to
            .map_or_else(|| "contract creation".to_owned(), |to| to.to_string());
        let price = shown
            .max_fee_per_gas
            .or(shown.gas_price)
            .unwrap_or_default();
        Ok(format!(
            "{to}: {} wei + {} gas × {price} wei",
            shown.value, shown.gas
        ))
    })?;
    Ok(Halves {
        pending: by_text(halves.pending),
        queued: by_text(halves.queued),
    })
}
