//! `boatyard_check`: whether a state is in order.

use boatyard_chain::genesis::TOTAL_FIL;
use boatyard_invariants::{Report, Surroundings};
use boatyard_sdk::NetworkVariant;
use fvm_shared::econ::TokenAmount;
use serde_json::Value;

use crate::call::Call;
use crate::error::{RpcError, quote};
use crate::eth::block_param::BlockParam;
use crate::registry::{Method, Param, kind, methods};

/// The method of this file.
pub(super) fn methods() -> Vec<Method> {
    methods![
        /// Whether what must hold of every actor and between actors holds after a block.
        ["boatyard_check"]
        (block: BlockParam, network: Option<Network>) -> "Report" = compute check;
    ]
}

/// A network by name, for its policy.
struct Network(NetworkVariant);

impl Param for Network {
    const SHAPE: &'static str = "network";

    fn read(value: Value) -> Result<Self, String> {
        let Value::String(name) = value else {
            return Err(format!(
                "expected the name of a network, got {}",
                kind(&value)
            ));
        };
        NetworkVariant::from_name(&name).map(Self).ok_or_else(|| {
            let known = NetworkVariant::ALL.map(NetworkVariant::name).join(", ");
            format!("expected one of {known}, got \"{}\"", quote(&name))
        })
    }
}

fn check(call: &Call, block: BlockParam, network: Option<Network>) -> Result<Report, RpcError> {
    let node = &call.node;
    let chain = &node.chain;
    let tipset = node.block(block)?;
    let policy = network.map_or(node.options.policy, |network| network.0);
    // What edits brought into being is known of the newest state only.
    let minted = chain.minted_by_edits();
    let is_head = chain.head().state_root == tipset.state_root;
    let supply = TokenAmount::from_whole(TOTAL_FIL) + &minted;
    let around = Surroundings {
        supply: (is_head || minted == TokenAmount::default()).then_some(supply),
        ..Surroundings::after_epoch(tipset.height(), policy)
    };
    Ok(boatyard_invariants::check(
        chain.store(),
        &tipset.state_root,
        &around,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_by_its_name() {
        let read = |text: &str| Network::read(text.into()).map(|network| network.0);
        assert_eq!(read("mainnet"), Ok(NetworkVariant::Mainnet));
        assert!(read("harbour").unwrap_err().contains("calibration"));
        assert!(Network::read(Value::from(1)).is_err());
    }
}
