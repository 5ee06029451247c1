//! What gas costs (spec 10 §2.12).

use alloy::primitives::{U64, U256};
use boatyard_chain::ExecutedTipset;
use boatyard_chain::fees::BLOCK_GAS_LIMIT;
use fvm_shared::econ::TokenAmount;

use crate::call::Call;
use crate::error::RpcError;
use crate::eth::block_param::BlockParam;
use crate::eth::convert::number;
use crate::eth::types::FeeHistory;
use crate::params::{Quantity, quantity};
use crate::registry::{Method, Param, kind, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Base fee of the next block and a premium, in attoFIL.
        ["eth_gasPrice", "Filecoin.EthGasPrice"]
        () -> "quantity" = compute gas_price;

        /// A premium with which a transaction is mined soon, in attoFIL.
        ["eth_maxPriorityFeePerGas", "Filecoin.EthMaxPriorityFeePerGas"]
        () -> "quantity" = compute premium;

        /// Base fee of the next block, in attoFIL.
        ["eth_baseFee", "Filecoin.EthBaseFee"]
        () -> "quantity" = compute base_fee;

        /// Base fees, use of gas and premiums of the last blocks.
        ["eth_feeHistory", "Filecoin.EthFeeHistory"]
        (count: Quantity, newest: BlockParam, percentiles: Option<Percentiles>)
            -> "fee history" = compute fee_history;
    ]
}

/// Most blocks that `eth_feeHistory` covers.
const MOST_BLOCKS: u64 = 1024;
/// Most percentiles.
const MOST_PERCENTILES: usize = 100;
/// Premium of a block without messages, in attoFIL.
const LOWEST_PREMIUM: u64 = 100_000;

fn gas_price(call: &Call) -> Result<U256, RpcError> {
    Ok(base_fee(call)?.saturating_add(premium(call)?))
}

fn premium(call: &Call) -> Result<U256, RpcError> {
    Ok(quantity(&call.node.chain.gas_premium(1)))
}

fn base_fee(call: &Call) -> Result<U256, RpcError> {
    Ok(quantity(&call.node.chain.next_base_fee()))
}

/// Ascending numbers from 0 to 100.
#[derive(Debug, Clone, PartialEq)]
pub struct Percentiles(Vec<f64>);

impl Param for Percentiles {
    const SHAPE: &'static str = "percentiles";

    fn read(value: serde_json::Value) -> Result<Self, String> {
        let serde_json::Value::Array(items) = value else {
            return Err(format!("expected an array, got {}", kind(&value)));
        };
        if items.len() > MOST_PERCENTILES {
            return Err(format!("more than {MOST_PERCENTILES} percentiles"));
        }
        let numbers: Option<Vec<f64>> = items.iter().map(serde_json::Value::as_f64).collect();
        let numbers = numbers.ok_or("expected numbers")?;
        let in_range = numbers.iter().all(|number| (0.0..=100.0).contains(number));
        if !in_range || numbers.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err("expected ascending numbers from 0 to 100".into());
        }
        Ok(Self(numbers))
    }
}

fn fee_history(
    call: &Call,
    count: Quantity,
    newest: BlockParam,
    percentiles: Option<Percentiles>,
) -> Result<FeeHistory, RpcError> {
    let node = &call.node;
    let count = count.as_u64("block count")?;
    if count > MOST_BLOCKS {
        return Err(RpcError::failure(format!(
            "block count should be at most {MOST_BLOCKS}"
        )));
    }
    let newest = node.block(newest)?;
    let next = quantity(&newest.next_base_fee);
    let mut tipsets = Vec::new();
    let mut at = Some(newest.clone());
    while let Some(tipset) = at.take().filter(|_| (tipsets.len() as u64) < count) {
        at = node.chain.parent(&tipset);
        tipsets.push(tipset);
    }
    tipsets.reverse();
    let oldest = tipsets.first().unwrap_or(&newest);
    let mut base_fee_per_gas: Vec<U256> = tipsets
        .iter()
        .map(|tipset| quantity(tipset.tipset.base_fee()))
        .collect();
    base_fee_per_gas.push(next);
    Ok(FeeHistory {
        oldest_block: U64::from(number(oldest)),
        base_fee_per_gas,
        gas_used_ratio: tipsets.iter().map(|tipset| gas_ratio(tipset)).collect(),
        reward: percentiles.map(|wanted| {
            tipsets
                .iter()
                .map(|tipset| premiums(tipset, &wanted.0))
                .collect()
        }),
    })
}

fn gas_ratio(tipset: &ExecutedTipset) -> f64 {
    let limit = BLOCK_GAS_LIMIT as f64 * tipset.tipset.blocks().len() as f64;
    tipset.gas_used() as f64 / limit
}

/// Effective premiums at percentiles of the gas used.
fn premiums(tipset: &ExecutedTipset, percentiles: &[f64]) -> Vec<U256> {
    let base_fee = tipset.tipset.base_fee();
    let mut paid: Vec<(U256, u64)> = tipset
        .messages
        .iter()
        .map(|message| {
            let signed = &message.signed.message;
            (effective(signed, base_fee), message.receipt.gas_used)
        })
        .collect();
    paid.sort();
    let total = tipset.gas_used() as f64;
    percentiles
        .iter()
        .map(|percentile| {
            let threshold = total * percentile / 100.0;
            let mut sum = 0;
            for (premium, gas) in &paid {
                sum += gas;
                if sum as f64 >= threshold {
                    return *premium;
                }
            }
            paid.last()
                .map_or(U256::from(LOWEST_PREMIUM), |(premium, _)| *premium)
        })
        .collect()
}

/// What of the premium is left under the fee cap.
fn effective(message: &fvm_shared::message::Message, base_fee: &TokenAmount) -> U256 {
    let room = &message.gas_fee_cap - base_fee;
    quantity(&room.min(message.gas_premium.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn percentiles_must_ascend() {
        assert!(Percentiles::read(json!([0, 20.5, 100])).is_ok());
        for wrong in [
            json!([50, 20]),
            json!([101]),
            json!([-1]),
            json!(["a"]),
            json!({}),
        ] {
            assert!(Percentiles::read(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(Percentiles::read(json!(vec![1; 101])).is_err());
    }
}
