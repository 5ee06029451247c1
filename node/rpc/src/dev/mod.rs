//! Development methods: `evm_*`, `anvil_*`, `hardhat_*` (spec 10 §7-8).
//!
//! | module | answers |
//! |---|---|
//! | [`accounts`] | impersonation; balances, code, nonces, storage from outside |
//! | [`mining`] | when tipsets are made, and the pool |
//! | [`time`] | jumps |
//! | [`snapshots`] | going back, and states as files |
//! | [`tokens`] | balances of ERC-20 tokens |
//! | [`info`] | what the node is |
//!
//! Answers are anvil's: setters give null, and intervals are in seconds.

pub mod accounts;
pub mod info;
pub mod mining;
pub mod snapshots;
pub mod time;
pub mod tokens;

use boatyard_chain::ethereum::to_filecoin;
use fvm_shared::address::Address;
use serde_json::Value;

use crate::params::{EthAddress, FilAddress};
use crate::registry::{Method, Param, Permission, Presence};

/// All development methods.
pub fn methods() -> Vec<Method> {
    let mut methods = accounts::methods();
    methods.extend(mining::methods());
    methods.extend(snapshots::methods());
    methods.extend(time::methods());
    methods.extend(tokens::methods());
    methods.extend(info::methods());
    let development = |method: Method| method.only(Presence::Development).needs(Permission::Write);
    methods.into_iter().map(development).collect()
}

/// An address of either side: what Ethereum tools send, and providers' owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyAddress(pub Address);

impl Param for AnyAddress {
    const SHAPE: &'static str = "0x or Filecoin address";

    fn read(value: Value) -> Result<Self, String> {
        match &value {
            Value::String(text) if text.starts_with(['f', 't']) => {
                FilAddress::read(value).map(|address| Self(address.0))
            }
            _ => EthAddress::read(value).map(|address| Self(to_filecoin(&address.0))),
        }
    }
}
