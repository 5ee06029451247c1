//! Parameters and returns, in the sheet's order.

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;

use crate::state::TxnId;

/// Parameters of `Constructor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ConstructorParams {
    /// Who may propose and approve: 1 to 256 different actors.
    pub signers: Vec<Address>,
    /// Number of approvals that a transaction needs, 1 to the number of signers.
    pub num_approvals_threshold: u64,
    /// Epochs until the value received is free; 0 locks nothing.
    pub unlock_duration: ChainEpoch,
    /// When the unlocking begins; ignored if nothing is locked.
    pub start_epoch: ChainEpoch,
}

/// Parameters of `Propose`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ProposeParams {
    /// Receiver of the transaction.
    pub to: Address,
    /// Value that it carries, in attoFIL.
    pub value: TokenAmount,
    /// Method that it calls.
    pub method: MethodNum,
    /// Encoded parameters; empty is "no parameters".
    pub params: RawBytes,
}

/// Return of `Propose`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ProposeReturn {
    /// The transaction's ID.
    pub txn_id: TxnId,
    /// Whether it was executed.
    pub applied: bool,
    /// With which exit code it ended; 0 if it was not executed.
    pub code: ExitCode,
    /// What it returned.
    pub ret: RawBytes,
}

/// Parameters of `Approve` and `Cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct TxnIdParams {
    /// The transaction's ID.
    pub id: TxnId,
    /// BLAKE2b-256 of the transaction that the caller means, see
    /// [`ProposalHashData`]; empty for "whatever it is".
    pub proposal_hash: RawBytes,
}

/// Return of `Approve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ApproveReturn {
    /// Whether the transaction was executed.
    pub applied: bool,
    /// With which exit code it ended; 0 if it was not executed.
    pub code: ExitCode,
    /// What it returned.
    pub ret: RawBytes,
}

/// Parameters of `AddSigner`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct AddSignerParams {
    /// The new signer.
    pub signer: Address,
    /// Whether one more approval is needed from now on.
    pub increase: bool,
}

/// Parameters of `RemoveSigner`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct RemoveSignerParams {
    /// Who is no signer any more.
    pub signer: Address,
    /// Whether one approval less is needed from now on.
    pub decrease: bool,
}

/// Parameters of `SwapSigner`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SwapSignerParams {
    /// Who is no signer any more.
    pub from: Address,
    /// The new signer.
    pub to: Address,
}

/// Parameters of `ChangeNumApprovalsThreshold`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ChangeThresholdParams {
    /// Number of approvals that a transaction needs, 1 to the number of signers.
    pub new_threshold: u64,
}

/// Parameters of `LockBalance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct LockBalanceParams {
    /// When the unlocking begins.
    pub start_epoch: ChainEpoch,
    /// Epochs until everything is free; positive.
    pub unlock_duration: ChainEpoch,
    /// What is locked, in attoFIL.
    pub amount: TokenAmount,
}

/// What a proposal hash is the hash of (spec 04 §1.10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ProposalHashData {
    /// The first approver.
    pub requester: Option<Address>,
    /// See [`ProposeParams::to`].
    pub to: Address,
    /// See [`ProposeParams::value`].
    pub value: TokenAmount,
    /// See [`ProposeParams::method`].
    pub method: MethodNum,
    /// See [`ProposeParams::params`].
    pub params: RawBytes,
}
