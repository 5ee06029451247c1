//! The Filecoin side: `Filecoin.*` as Lotus answers it (spec 10 §4-6).
//!
//! | module | answers |
//! |---|---|
//! | [`json`] | the dialect: addresses, CIDs, amounts, messages, headers |
//! | [`traces`] | the dialect: execution traces and results |
//! | [`node`] | version, network name, tokens |
//! | [`chain`] | tipsets, blocks, messages, raw objects |
//! | [`notify`] | streams of head changes and pool updates |
//! | [`mpool`] | sending messages, what waits |
//! | [`checks`] | what Lotus's command line asks before it sends |
//! | [`gas`] | estimates and fees |
//! | [`lookup`] | trying, searching and awaiting messages |
//! | [`state`] | actors and their states |
//! | [`miners`] | storage providers |
//! | [`wallet`] | keys |
//! | [`msig`] | proposals of multisigs |
//!
//! State queries without a tipset key read the newest state, the head's own
//! messages included, so that they agree with `eth_*`; with a key they read the
//! tipset's parent state, as the protocol has it (spec 10 §8.3).

pub mod chain;
pub mod checks;
pub mod gas;
pub mod json;
pub mod lookup;
pub mod miners;
pub mod mpool;
pub mod msig;
pub mod node;
pub mod notify;
pub mod state;
pub mod traces;
pub mod wallet;

use crate::registry::Method;

/// All methods of the Filecoin side.
pub fn methods() -> Vec<Method> {
    let mut methods = node::methods();
    methods.extend(chain::methods());
    methods.extend(notify::methods());
    methods.extend(mpool::methods());
    methods.extend(checks::methods());
    methods.extend(gas::methods());
    methods.extend(lookup::methods());
    methods.extend(state::methods());
    methods.extend(miners::methods());
    methods.extend(wallet::methods());
    methods.extend(msig::methods());
    methods
}
