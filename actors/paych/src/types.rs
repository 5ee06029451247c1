//! Parameters, in the sheet's order.

use boatyard_sdk::{AbiType, ActorError, Context, exit_codes::*};
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_ipld_encoding::{RawBytes, to_vec};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::econ::TokenAmount;

/// Parameters of `Constructor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ConstructorParams {
    /// Who pays.
    pub from: Address,
    /// Who is paid.
    pub to: Address,
}

/// Parameters of `UpdateChannelState`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct UpdateChannelStateParams {
    /// The voucher.
    pub sv: SignedVoucher,
    /// What the voucher's hash is the hash of, up to 256 bytes.
    pub secret: RawBytes,
}

/// A promise of the payer, or of the payee to take less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct SignedVoucher {
    /// The channel that it is good for.
    pub channel_addr: Address,
    /// The first epoch in which it is good.
    pub time_lock_min: ChainEpoch,
    /// The last epoch in which it is good; 0 for no end.
    pub time_lock_max: ChainEpoch,
    /// BLAKE2b-256 of a secret that must be shown; empty for none. The protocol's
    /// name for it says otherwise.
    pub secret_pre_image: RawBytes,
    /// A call that must succeed.
    pub extra: Option<ModVerifyParams>,
    /// The lane whose total it states.
    pub lane: u64,
    /// Greater than that of every earlier voucher of the lane.
    pub nonce: u64,
    /// What the lane has redeemed with this voucher in all, in attoFIL.
    pub amount: TokenAmount,
    /// The channel does not settle before; 0 for no matter.
    pub min_settle_height: ChainEpoch,
    /// Lanes whose totals the amount takes in.
    pub merges: Vec<Merge>,
    /// Of the other party than the one that redeems it.
    pub signature: Option<Signature>,
}

impl SignedVoucher {
    /// What the signature signs: the voucher without it.
    ///
    /// # Errors
    /// `USR_SERIALIZATION` (21) when it cannot be encoded.
    pub fn signing_bytes(&self) -> Result<Vec<u8>, ActorError> {
        let unsigned = Self {
            signature: None,
            ..self.clone()
        };
        to_vec(&unsigned).or_exit(USR_SERIALIZATION, "the voucher cannot be encoded")
    }
}

/// A call that must succeed for a voucher to be good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ModVerifyParams {
    /// Who is called.
    pub actor: Address,
    /// Which method.
    pub method: MethodNum,
    /// Encoded parameters.
    pub data: RawBytes,
}

/// A lane that a voucher takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct Merge {
    /// The lane.
    pub lane: u64,
    /// Its new nonce.
    pub nonce: u64,
}
