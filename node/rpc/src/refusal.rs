//! Errors of the chain in the words that clients recognise (spec 10 §2.13).
//!
//! Texts begin as Lotus's do, because tools for Filecoin look for them; the
//! phrases that Ethereum tools look for are added behind.

use boatyard_chain::{ChainError, EstimateError, Rejection};

use crate::error::RpcError;
use crate::eth::revert;
use crate::fil::json::address_text;

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
        let text = match &rejection {
            Rejection::Malformed(_) => plain,
            Rejection::UnsupportedType(1) => format!(
                "EIP-2930 transaction is not supported: transaction type not valid; {plain}"
            ),
            Rejection::UnsupportedType(_) => {
                format!("unsupported transaction type: transaction type not valid; {plain}")
            }
            Rejection::AccessList(_) => plain,
            Rejection::WrongChainId { .. } => format!("invalid chain id: {plain}"),
            Rejection::TooLarge { size, .. } => {
                format!("mpool message too large ({size}B): message too big")
            }
            Rejection::PremiumAboveFeeCap { .. } => {
                format!("'GasFeeCap' less than 'GasPremium': tip higher than fee cap; {plain}")
            }
            Rejection::GasLimitTooHigh { limit, max } => format!(
                "'GasLimit' field cannot be greater than a block's gas limit ({limit} > {max}): \
                 gas limit reached"
            ),
            Rejection::GasLimitTooLow { .. } => format!("intrinsic gas too low: {plain}"),
            Rejection::InvalidReceiver(_)
            | Rejection::InvalidValue(_)
            | Rejection::NegativeFee
            | Rejection::InvalidVersion(_) => plain,
            Rejection::FeeCapTooLow { .. } => {
                format!("gas fee cap too low: fee cap less than block base fee; {plain}")
            }
            Rejection::InvalidSignature { .. } => plain,
            Rejection::NotImpersonated(_) => plain,
            Rejection::NonceTooLow { got, next, .. } => {
                format!("minimum expected nonce is {next}, got {got}: message nonce too low")
            }
            Rejection::UnknownSender(_) => {
                // Ethereum's clients know an empty account by its missing funds.
                format!(
                    "failed to look up actor state nonce: actor not found: insufficient funds; {plain}"
                )
            }
            Rejection::InvalidSender(address) => format!(
                "sender actor {} is not a valid top-level sender; {plain}",
                address_text(address)
            ),
            Rejection::InsufficientFunds { balance, cost, .. } => format!(
                "failed to check balance: not enough funds (required: {cost}, balance: {balance}): \
                 not enough funds to execute transaction; insufficient funds for gas"
            ),
            Rejection::AlreadyKnown(_) => {
                format!("message with nonce already exists: already known; {plain}")
            }
            Rejection::Underpriced { old, min, .. } => format!(
                "increase GasPremium to {} from {} to trigger replace by fee: replace by fee has \
                 too low GasPremium; replacement transaction underpriced",
                min.atto(),
                old.atto()
            ),
            Rejection::TooManyPending { .. } => format!("too many pending messages: {plain}"),
            Rejection::Chain(_) => plain,
        };
        match rejection {
            Rejection::Chain(error) => error.into(),
            _ => RpcError::failure(text),
        }
    }
}

/// Why gas could not be estimated, with the revert data of the failed run.
pub fn estimate(error: EstimateError, strict: bool) -> RpcError {
    match error {
        EstimateError::Failed(applied) => {
            revert::failure(&applied, strict).context("failed to estimate gas")
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
            for word in words {
                assert!(error.message.contains(word), "{word}: {}", error.message);
            }
        }
    }
}
