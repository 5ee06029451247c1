//! Errors of the chain in the words that clients recognise (spec 10 §2.13).
//!
//! Texts begin as Lotus's do, because tools for Filecoin look for them; the
//! phrases that Ethereum tools look for are added behind.

use boatyard_chain::{ChainError, EstimateError, Rejection};

use crate::error::RpcError;
use crate::eth::revert;
use crate::fil::json::address_text;
use crate::node::Node;

impl From<ChainError> for RpcError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::ActorNotFound(address) => RpcError::actor_not_found(address_text(&address)),
            ChainError::FutureEpoch { epoch, head } => RpcError::failure(format!(
                "requested a future epoch (beyond 'latest'): {epoch}, the head is at {head}"
            )),
            ChainError::Stopped
            | ChainError::UnknownTipset(_)
            | ChainError::NegativeEpoch(_)
            | ChainError::UnknownMessage(_)
            | ChainError::MissingBlock(_)
            | ChainError::TooManyEvents(_)
            | ChainError::TimestampNotAfterHead { .. }
            | ChainError::Edit(_)
            | ChainError::TooFar { .. }
            | ChainError::Crashed
            | ChainError::Config(_)
            | ChainError::Vm(_)
            | ChainError::Store(_) => RpcError::failure(error.to_string()),
        }
    }
}

impl From<Rejection> for RpcError {
    fn from(rejection: Rejection) -> Self {
        let plain = rejection.to_string();
        let also = |phrase: &str| Some(format!("{phrase}; {plain}"));
        let (text, hint) = match &rejection {
            Rejection::UnsupportedType(1) => (
                "EIP-2930 transaction is not supported".into(),
                also("transaction type not valid"),
            ),
            Rejection::UnsupportedType(_) => (
                "unsupported transaction type".into(),
                also("transaction type not valid"),
            ),
            Rejection::WrongChainId { .. } => ("invalid chain id".into(), Some(plain)),
            Rejection::TooLarge { size, .. } => (
                format!("mpool message too large ({size}B): message too big"),
                None,
            ),
            Rejection::PremiumAboveFeeCap { .. } => (
                "'GasFeeCap' less than 'GasPremium'".into(),
                also("tip higher than fee cap"),
            ),
            Rejection::GasLimitTooHigh { limit, max } => (
                format!(
                    "'GasLimit' field cannot be greater than a block's gas limit ({limit} > {max})"
                ),
                Some("gas limit reached".into()),
            ),
            Rejection::GasLimitTooLow { limit, min } => (
                format!(
                    "'GasLimit' field cannot be less than the cost of storing a message on chain {limit} < {min}"
                ),
                also("intrinsic gas too low"),
            ),
            Rejection::FeeCapTooLow { .. } => (
                "gas fee cap too low".into(),
                also("fee cap less than block base fee"),
            ),
            Rejection::NonceTooLow { got, next, .. } => (
                format!("minimum expected nonce is {next}, got {got}: message nonce too low"),
                None,
            ),
            // Ethereum's clients know an empty account by its missing funds.
            Rejection::UnknownSender(_) => (
                "failed to look up actor state nonce: actor not found".into(),
                also("insufficient funds"),
            ),
            Rejection::InvalidSender(address) => (
                format!(
                    "sender actor {} is not a valid top-level sender",
                    address_text(address)
                ),
                Some(plain),
            ),
            Rejection::InsufficientFunds { balance, cost, .. } => (
                format!(
                    "failed to check balance: not enough funds (required: {cost}, balance: \
                     {balance}): not enough funds to execute transaction"
                ),
                Some("insufficient funds for gas".into()),
            ),
            Rejection::AlreadyKnown(_) => (
                "message with nonce already exists".into(),
                also("already known"),
            ),
            Rejection::Underpriced { old, min, .. } => (
                format!(
                    "increase GasPremium to {} from {} to trigger replace by fee: replace by fee \
                     has too low GasPremium",
                    min.atto(),
                    old.atto()
                ),
                Some("replacement transaction underpriced".into()),
            ),
            Rejection::TooManyPending { .. } => ("too many pending messages".into(), Some(plain)),
            Rejection::Malformed(_)
            | Rejection::AccessList(_)
            | Rejection::InvalidReceiver(_)
            | Rejection::InvalidValue(_)
            | Rejection::NegativeFee
            | Rejection::InvalidVersion(_)
            | Rejection::InvalidSignature { .. }
            | Rejection::NotImpersonated(_)
            | Rejection::Chain(_) => (plain, None),
        };
        match rejection {
            Rejection::Chain(error) => error.into(),
            _ => RpcError {
                hint,
                ..RpcError::failure(text)
            },
        }
    }
}

/// Why gas could not be estimated, with the revert data of the failed run.
pub fn estimate(error: EstimateError, node: &Node) -> RpcError {
    match error {
        EstimateError::Failed(applied) => {
            revert::failure(&applied, node.options.strict, &node.abis)
                .context("failed to estimate gas")
        }
        EstimateError::OutOfGas => {
            RpcError::out_of_gas("failed to estimate gas: call ran out of gas")
        }
        EstimateError::Chain(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::error::code;
    use fvm_shared::address::Address;
    use fvm_shared::econ::TokenAmount;

    use super::*;

    /// The regular expressions of ethers 6 and viem 2, in words.
    #[test]
    fn ethereum_tools_recognise_why_a_transaction_was_refused() {
        let sender = Address::new_id(100);
        let amount = TokenAmount::from_atto(1);
        for (rejection, words) in [
            (
                Rejection::InsufficientFunds {
                    sender,
                    balance: amount.clone(),
                    cost: amount.clone(),
                },
                vec!["insufficient funds", "not enough funds"],
            ),
            (
                Rejection::NonceTooLow {
                    sender,
                    got: 1,
                    next: 2,
                },
                vec!["nonce too low", "minimum expected nonce is 2, got 1"],
            ),
            (
                Rejection::Underpriced {
                    sender,
                    nonce: 1,
                    old: amount.clone(),
                    min: amount.clone(),
                },
                vec!["replacement transaction underpriced", "replace by fee"],
            ),
            (
                Rejection::GasLimitTooLow { limit: 1, min: 2 },
                vec!["intrinsic gas too low"],
            ),
            (
                Rejection::PremiumAboveFeeCap {
                    premium: amount.clone(),
                    fee_cap: amount.clone(),
                },
                vec!["tip higher than fee cap"],
            ),
            (
                Rejection::UnsupportedType(3),
                vec!["transaction type not valid"],
            ),
        ] {
            let error = RpcError::from(rejection);
            assert_eq!(error.code, code::APPLICATION);
            let shown = error.into_object(false);
            for word in words {
                assert!(shown.message().contains(word), "{word}: {shown}");
            }
        }
    }
}
