//! The Ethereum side: `eth_*`, `net_*`, `web3_*` and their `Filecoin.Eth…` names
//! (spec 10 §2-3).
//!
//! | module | answers |
//! |---|---|
//! | [`chain`] | chain ID, number, accounts |
//! | [`blocks`] | blocks, transactions, receipts |
//! | [`state`] | balances, nonces, code, storage |
//! | [`calls`] | `eth_call`, `eth_estimateGas` |
//! | [`fees`] | prices |
//! | [`send`] | transactions and signatures |
//! | [`logs`] | which logs a client wants, and finding them |
//! | [`filters`] | what clients poll |
//! | [`subscribe`] | what clients are told |
//! | [`addresses`] | between 0x and t addresses |
//! | [`pool`] | what waits |
//! | [`raw`] | transactions as signed bytes |
//! | [`trace`] | the inside of transactions: `debug_*`, `trace_*` |
//!
//! Blocks are tipsets, executed as soon as they are made: `latest` is the head.

pub mod addresses;
pub mod block_param;
pub mod blocks;
pub mod calls;
pub mod chain;
pub mod convert;
pub mod fees;
pub mod filters;
pub mod logs;
pub mod patience;
pub mod pool;
pub mod raw;
pub mod revert;
pub mod send;
pub mod state;
pub mod subscribe;
pub mod trace;
pub mod transaction;
pub mod types;

use crate::registry::{Method, Presence};

/// All methods of the Ethereum side.
pub fn methods() -> Vec<Method> {
    let mut methods = chain::methods();
    methods.extend(blocks::methods());
    methods.extend(state::methods());
    methods.extend(calls::methods());
    methods.extend(fees::methods());
    methods.extend(send::methods());
    methods.extend(logs::methods());
    methods.extend(filters::methods());
    methods.extend(subscribe::methods());
    methods.extend(addresses::methods());
    methods.extend(pool::methods());
    methods.extend(raw::methods());
    methods.extend(trace::methods());
    // What no Filecoin node has but tools for Ethereum call (spec 10 §3.2).
    methods.into_iter().map(lenient_unless_known).collect()
}

/// Names that Filecoin nodes know, beside those that are declared with a name of theirs.
const KNOWN: [&str; 3] = ["debug_traceTransaction", "trace_call", "rpc.discover"];

fn lenient_unless_known(method: Method) -> Method {
    let known = method
        .names()
        .any(|name| name.starts_with("Filecoin.") || KNOWN.contains(&name));
    match known {
        true => method,
        false => method.only(Presence::Lenient),
    }
}
