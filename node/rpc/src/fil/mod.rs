//! The Filecoin side: `Filecoin.*` as Lotus answers it (spec 10 §4-6).
//!
//! | module | answers |
//! |---|---|
//! | [`json`] | the dialect: addresses, CIDs, amounts, messages, headers |
//! | [`traces`] | the dialect: execution traces and results |
//! | [`node`] | version, network name, tokens |
//! | [`chain`] | tipsets, blocks, messages |
//! | [`objects`] | raw blocks |
//! | [`notify`] | streams of head changes and pool updates |
//! | [`mpool`] | sending messages, what waits |
//! | [`checks`] | what Lotus's command line asks before it sends |
//! | [`gas`] | estimates and fees |
//! | [`lookup`] | trying, searching and awaiting messages |
//! | [`compute`] | tipsets executed again, parameters in and out of JSON |
//! | [`actor_events`] | events of actors |
//! | [`random`] | randomness |
//! | [`state`] | actors and their states |
//! | [`typed`] | states in the types of their actors |
//! | [`miners`], [`sectors`] | storage providers |
//! | [`market`], [`datacap`] | deals, verified storage |
//! | [`wallet`] | keys |
//! | [`msig`] | multisigs |
//! | [`network`] | what a node of its own network has not |
//! | [`selector`] | what is different on `/rpc/v2` |
//!
//! State queries without a tipset key read the newest state, the head's own
//! messages included, so that they agree with `eth_*`; with a key they read the
//! tipset's parent state, as the protocol has it (spec 10 §8.3).

pub mod actor_events;
pub mod chain;
pub mod checks;
pub mod compute;
pub mod datacap;
pub mod gas;
pub mod json;
pub mod lookup;
pub mod market;
pub mod miners;
pub mod mpool;
pub mod msig;
pub mod network;
pub mod node;
pub mod notify;
pub mod objects;
pub mod random;
pub mod sectors;
pub mod selector;
pub mod state;
pub mod traces;
pub mod typed;
pub mod wallet;

use crate::registry::Method;

/// All methods of the Filecoin side.
pub fn methods() -> Vec<Method> {
    let mut methods = node::methods();
    methods.extend(chain::methods());
    methods.extend(objects::methods());
    methods.extend(notify::methods());
    methods.extend(mpool::methods());
    methods.extend(checks::methods());
    methods.extend(gas::methods());
    methods.extend(lookup::methods());
    methods.extend(state::methods());
    methods.extend(miners::methods());
    methods.extend(wallet::methods());
    methods.extend(msig::methods());
    methods.extend(msig::cancel_methods());
    methods.extend(compute::methods());
    methods.extend(actor_events::methods());
    methods.extend(random::methods());
    methods.extend(sectors::methods());
    methods.extend(market::methods());
    methods.extend(datacap::methods());
    methods.extend(network::methods());
    methods.extend(selector::methods());
    methods
}
