//! Estimates and fees of native messages (spec 10 §5.3).

use boatyard_chain::fees::BLOCK_GAS_LIMIT;
use boatyard_chain::{CallPoint, Overrides};
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use serde::Deserialize;

use crate::call::Call;
use crate::error::RpcError;
use crate::fil::json::{AttoJson, MessageJson};
use crate::params::{FilAddress, TipsetParam, param_by_serde};
use crate::refusal;
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The message with gas limit, premium and fee cap filled in where they are zero.
        ["Filecoin.GasEstimateMessageGas"]
        (message: MessageJson, spec: Option<SendSpec>, tipset: TipsetParam) -> "Message" = wait message_gas;

        /// Gas that a message uses, on top of the sender's pending messages.
        ["Filecoin.GasEstimateGasLimit"]
        (message: MessageJson, tipset: TipsetParam) -> "number" = wait gas_limit;

        /// A premium with which a message is mined within some tipsets.
        ["Filecoin.GasEstimateGasPremium"]
        (blocks: u64, sender: FilAddress, limit: Option<i64>, tipset: TipsetParam)
            -> "attoFIL" = compute premium;

        /// A fee cap that suffices though the base fee grows for some tipsets.
        ["Filecoin.GasEstimateFeeCap"]
        (message: MessageJson, blocks: i64, tipset: TipsetParam) -> "attoFIL" = compute fee_cap;
    ]
}

/// Tipsets within which an estimated message should be mined.
const PATIENCE: u64 = 10;
/// Tipsets for which the estimated fee cap should suffice.
const FEE_CAP_BLOCKS: u32 = 20;
/// Most tipsets that a client may ask for; the cap has thousands of digits then.
const MOST_BLOCKS: i64 = 2_000;

/// How a message may be sent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SendSpec {
    /// Most that gas may cost; zero stands for the default.
    pub max_fee: AttoJson,
    /// Raise the fee cap until the message may cost `max_fee`.
    pub maximize_fee_cap: bool,
}

param_by_serde! { SendSpec = "SendSpec" }

/// Most that gas may cost when nothing is said: 0.07 FIL.
fn default_max_fee() -> TokenAmount {
    TokenAmount::from_atto(70_000_000_000_000_000u64)
}

/// Fills in what is zero: gas limit, premium, fee cap.
///
/// # Errors
/// When the message fails.
pub async fn fill(
    call: &Call,
    mut message: Message,
    spec: &SendSpec,
    key: &TipsetParam,
) -> Result<Message, RpcError> {
    let node = &call.node;
    if message.gas_limit == 0 {
        let estimate = node
            .chain
            .estimate_gas(
                message.clone(),
                CallPoint::PendingOfSender,
                Overrides::default(),
            )
            .await
            .map_err(|error| refusal::estimate(error, node))?;
        message.gas_limit = estimate.limit.min(BLOCK_GAS_LIMIT);
    }
    if message.gas_premium.is_zero() {
        message.gas_premium = node.chain.gas_premium(PATIENCE);
    }
    if message.gas_fee_cap.is_zero() {
        message.gas_fee_cap = cap(call, &message.gas_premium, FEE_CAP_BLOCKS, key)?;
    }
    limit_fee(&mut message, spec);
    Ok(message)
}

/// Keeps the price of all gas within what the sender wants to pay.
fn limit_fee(message: &mut Message, spec: &SendSpec) {
    let max_fee = if spec.max_fee.0.is_zero() {
        default_max_fee()
    } else {
        spec.max_fee.0.clone()
    };
    if message.gas_limit == 0 {
        return;
    }
    let affordable = max_fee.atto() / BigInt::from(message.gas_limit);
    if spec.maximize_fee_cap || *message.gas_fee_cap.atto() > affordable {
        message.gas_fee_cap = TokenAmount::from_atto(affordable);
    }
    if message.gas_premium > message.gas_fee_cap {
        message.gas_premium = message.gas_fee_cap.clone();
    }
}

/// Base fee × (9/8)^blocks, the factor cut to 1/256, and the premium.
fn cap(
    call: &Call,
    premium: &TokenAmount,
    blocks: u32,
    key: &TipsetParam,
) -> Result<TokenAmount, RpcError> {
    let base_fee = if key.0.is_empty() {
        call.node.chain.next_base_fee()
    } else {
        call.node.tipset(&key.0)?.tipset.base_fee().clone()
    };
    let factor = (BigInt::from(9).pow(blocks) << 8u32) / BigInt::from(8).pow(blocks);
    let grown: BigInt = (base_fee.atto() * factor) >> 8u32;
    Ok(TokenAmount::from_atto(grown) + premium)
}

async fn message_gas(
    call: Call,
    message: MessageJson,
    spec: Option<SendSpec>,
    tipset: TipsetParam,
) -> Result<MessageJson, RpcError> {
    let filled = fill(
        &call,
        message.into_message()?,
        &spec.unwrap_or_default(),
        &tipset,
    )
    .await?;
    Ok((&filled).into())
}

async fn gas_limit(
    call: Call,
    message: MessageJson,
    _tipset: TipsetParam,
) -> Result<u64, RpcError> {
    let node = &call.node;
    let estimate = node
        .chain
        .estimate_gas(
            message.into_message()?,
            CallPoint::PendingOfSender,
            Overrides::default(),
        )
        .await
        .map_err(|error| refusal::estimate(error, node))?;
    Ok(estimate.used)
}

fn premium(
    call: &Call,
    blocks: u64,
    _sender: FilAddress,
    _limit: Option<i64>,
    _tipset: TipsetParam,
) -> Result<AttoJson, RpcError> {
    Ok(call.node.chain.gas_premium(blocks.max(1)).into())
}

fn fee_cap(
    call: &Call,
    message: MessageJson,
    blocks: i64,
    tipset: TipsetParam,
) -> Result<AttoJson, RpcError> {
    let blocks = u32::try_from(blocks)
        .ok()
        .filter(|blocks| i64::from(*blocks) <= MOST_BLOCKS)
        .ok_or_else(|| {
            RpcError::invalid_params(format!("blocks must lie between 0 and {MOST_BLOCKS}"))
        })?;
    Ok(cap(call, &message.gas_premium.0, blocks, &tipset)?.into())
}

#[cfg(test)]
mod tests {
    use fvm_shared::address::Address;

    use super::*;

    fn message(limit: u64, cap: u64, premium: u64) -> Message {
        Message {
            version: 0,
            from: Address::new_id(100),
            to: Address::new_id(101),
            sequence: 0,
            value: TokenAmount::default(),
            method_num: 0,
            params: Default::default(),
            gas_limit: limit,
            gas_fee_cap: TokenAmount::from_atto(cap),
            gas_premium: TokenAmount::from_atto(premium),
        }
    }

    #[test]
    fn the_fee_stays_within_what_the_sender_wants_to_pay() {
        let spec = SendSpec {
            max_fee: TokenAmount::from_atto(1_000u64).into(),
            maximize_fee_cap: false,
        };
        let mut costly = message(100, 50, 40);
        limit_fee(&mut costly, &spec);
        assert_eq!(costly.gas_fee_cap, TokenAmount::from_atto(10));
        assert_eq!(costly.gas_premium, TokenAmount::from_atto(10));

        let mut cheap = message(100, 5, 1);
        limit_fee(&mut cheap, &spec);
        assert_eq!(cheap.gas_fee_cap, TokenAmount::from_atto(5));
        limit_fee(
            &mut cheap,
            &SendSpec {
                maximize_fee_cap: true,
                ..spec
            },
        );
        assert_eq!(cheap.gas_fee_cap, TokenAmount::from_atto(10));
    }
}
