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
pub mod revert;
pub mod send;
pub mod state;
pub mod subscribe;
pub mod transaction;
pub mod types;

use crate::registry::Method;

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
    methods
}
