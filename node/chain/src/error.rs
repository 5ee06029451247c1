//! What can go wrong.

use boatyard_vm::machine::{Applied, VmError};
use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;

/// Why a question to the chain has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The node is shutting down.
    #[error("the chain has stopped")]
    Stopped,
    /// No tipset has this key or hash.
    #[error("unknown tipset {0}")]
    UnknownTipset(String),
    /// The epoch lies after the head.
    #[error("epoch {epoch} lies after the head at epoch {head}")]
    FutureEpoch {
        /// The epoch asked for.
        epoch: ChainEpoch,
        /// The head's epoch.
        head: ChainEpoch,
    },
    /// Epochs are counted from 0.
    #[error("epoch {0} is negative")]
    NegativeEpoch(ChainEpoch),
    /// No message has this CID or hash.
    #[error("unknown message {0}")]
    UnknownMessage(String),
    /// A block is not in the store.
    #[error("block {0} is not in the store")]
    MissingBlock(Cid),
    /// An address that stands for no actor.
    #[error("actor not found: {0}")]
    ActorNotFound(Address),
    /// A jump longer than anybody wants to wait for.
    #[error("{epochs} epochs are too many for one jump, at most {max} are possible")]
    TooFar {
        /// What was asked for.
        epochs: ChainEpoch,
        /// The limit.
        max: ChainEpoch,
    },
    /// A request made one of the chain's threads panic, which is a bug.
    #[error("the request made the node panic; this is a bug, the log has details")]
    Crashed,
    /// An event search found more than it may return.
    #[error("the filter matches more than {0} events; narrow the range or the filter")]
    TooManyEvents(usize),
    /// Time only goes forward.
    #[error(
        "timestamp {requested} is lower than or equal to the previous block's timestamp {head}"
    )]
    TimestampNotAfterHead {
        /// What was asked for.
        requested: u64,
        /// The head's timestamp.
        head: u64,
    },
    /// A state edit that makes no sense.
    #[error("cannot edit the state: {0}")]
    Edit(String),
    /// A configuration that no chain can start with.
    #[error("configuration: {0}")]
    Config(String),
    /// The state or the machine is broken.
    #[error(transparent)]
    Vm(#[from] VmError),
    /// Blocks of the chain cannot be written or read.
    #[error("block store: {0:#}")]
    Store(anyhow::Error),
}

/// Why gas could not be estimated.
#[derive(Debug, thiserror::Error)]
pub enum EstimateError {
    /// The message fails with any gas limit.
    #[error("failed to estimate gas: the message fails with exit code {}", .0.receipt.exit_code)]
    Failed(Box<Applied>),
    /// It needs more than a block may use.
    #[error("failed to estimate gas: the message runs out of gas at the block gas limit")]
    OutOfGas,
    /// The question has no answer.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Why a message was not taken into the pool. In the order of the checks
/// (spec 10 §2.13).
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// Not a signed Ethereum transaction.
    #[error("cannot decode the transaction: {0}")]
    Malformed(String),
    /// An Ethereum transaction type that Filecoin has no message for.
    #[error("transaction type {0} is not supported; use legacy or EIP-1559 transactions")]
    UnsupportedType(u8),
    /// EIP-2930 and EIP-1559 access lists must be empty.
    #[error("access lists are not supported, the transaction has one of {0} entries")]
    AccessList(usize),
    /// Signed for another chain.
    #[error("the transaction is for chain ID {got}, this chain has {expected}")]
    WrongChainId {
        /// This chain's.
        expected: u64,
        /// The transaction's.
        got: u64,
    },
    /// Larger than a message may be.
    #[error("the message has {size} bytes, at most {max} are allowed")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// The premium is above the fee cap.
    #[error("gas premium {premium} is above the gas fee cap {fee_cap}")]
    PremiumAboveFeeCap {
        /// Premium in attoFIL.
        premium: TokenAmount,
        /// Fee cap in attoFIL.
        fee_cap: TokenAmount,
    },
    /// More gas than a block may use.
    #[error("gas limit {limit} is above a block's gas limit {max}")]
    GasLimitTooHigh {
        /// The message's.
        limit: u64,
        /// A block's.
        max: u64,
    },
    /// Less gas than storing the message costs.
    #[error("gas limit {limit} is too low, storing the message takes {min}")]
    GasLimitTooLow {
        /// The message's.
        limit: u64,
        /// What is needed.
        min: u64,
    },
    /// A receiver that no message may have.
    #[error("invalid receiver {0}")]
    InvalidReceiver(Address),
    /// A negative value, or more than there is.
    #[error("invalid value {0}")]
    InvalidValue(TokenAmount),
    /// Negative fees.
    #[error("negative gas fee cap or premium")]
    NegativeFee,
    /// A field that must have a fixed value.
    #[error("message version {0}, only 0 is known")]
    InvalidVersion(u64),
    /// The fee cap is below the lowest possible base fee.
    #[error("gas fee cap {fee_cap} is below the minimum {min}")]
    FeeCapTooLow {
        /// The message's, in attoFIL.
        fee_cap: TokenAmount,
        /// The lowest base fee.
        min: TokenAmount,
    },
    /// The signature is not the sender's.
    #[error("invalid signature of {sender}: {reason}")]
    InvalidSignature {
        /// Sender.
        sender: Address,
        /// What is wrong.
        reason: String,
    },
    /// Sent without signature by somebody who is not impersonated.
    #[error("no key for {0}, and it is not impersonated")]
    NotImpersonated(Address),
    /// The nonce was used before.
    #[error("nonce {got} is used already, {sender} continues with {next}")]
    NonceTooLow {
        /// Sender.
        sender: Address,
        /// The message's nonce.
        got: u64,
        /// The next free one.
        next: u64,
    },
    /// There is no such sender.
    #[error("sender {0} does not exist; send some FIL to it first")]
    UnknownSender(Address),
    /// An actor of this kind cannot send messages.
    #[error("{0} is neither an account nor an Ethereum account, it cannot send messages")]
    InvalidSender(Address),
    /// Not enough money for gas.
    #[error("{sender} has {balance} but the message may cost {cost}")]
    InsufficientFunds {
        /// Sender.
        sender: Address,
        /// What it has.
        balance: TokenAmount,
        /// Gas fee cap × gas limit.
        cost: TokenAmount,
    },
    /// The very same message waits already.
    #[error("message {0} is in the pool already")]
    AlreadyKnown(Cid),
    /// A message with the same nonce waits, and this one does not pay enough more.
    #[error(
        "nonce {nonce} of {sender} is taken by a pending message; to replace it raise the gas premium from {old} to {min} or more"
    )]
    Underpriced {
        /// Sender.
        sender: Address,
        /// The nonce.
        nonce: u64,
        /// Premium of the pending message.
        old: TokenAmount,
        /// What a replacement must offer.
        min: TokenAmount,
    },
    /// The sender has too many messages waiting.
    #[error("{sender} has {max} messages waiting already")]
    TooManyPending {
        /// Sender.
        sender: Address,
        /// The limit.
        max: usize,
    },
    /// The pool cannot answer.
    #[error(transparent)]
    Chain(#[from] ChainError),
}
