//! Datacap token, f07 (spec 08 part B).

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;

/// New datacap, from the registry.
pub const MINT: MethodNum = 116_935_346;
/// Takes datacap away, for the registry.
pub const DESTROY: MethodNum = 2_624_896_501;
/// What an address holds.
pub const BALANCE: MethodNum = 3_261_979_605;
/// Moves datacap.
pub const TRANSFER: MethodNum = 80_475_954;
/// Moves somebody else's datacap.
pub const TRANSFER_FROM: MethodNum = 3_621_052_141;
/// Burns datacap.
pub const BURN: MethodNum = 1_434_719_642;

/// One byte of datacap in the smallest units of the token: only whole bytes move.
pub const TOKEN_PRECISION: u64 = 1_000_000_000_000_000_000;

/// Bytes of datacap as an amount of the token.
pub fn tokens(datacap_bytes: &BigInt) -> TokenAmount {
    TokenAmount::from_atto(datacap_bytes * TOKEN_PRECISION)
}

/// An amount of the token in bytes of datacap, rounded towards zero.
pub fn datacap_bytes(tokens: &TokenAmount) -> BigInt {
    tokens.atto() / TOKEN_PRECISION
}

/// Parameters of [`MINT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct MintParams {
    /// Who gets it.
    pub to: Address,
    /// How much, in whole tokens.
    pub amount: TokenAmount,
    /// Who may spend all of it for the receiver.
    pub operators: Vec<Address>,
}

/// Return of [`MINT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct MintReturn {
    /// What the receiver had before its hook ran.
    pub balance: TokenAmount,
    /// All there was then.
    pub supply: TokenAmount,
    /// What the receiver's hook returned.
    pub recipient_data: RawBytes,
}

/// Parameters of [`DESTROY`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct DestroyParams {
    /// Who loses it.
    pub owner: Address,
    /// How much, in whole tokens.
    pub amount: TokenAmount,
}

/// Parameters of [`BURN`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct BurnParams {
    /// How much of the caller's, in whole tokens.
    pub amount: TokenAmount,
}

/// Return of [`BURN`] and [`DESTROY`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct BurnReturn {
    /// What the owner has left.
    pub balance: TokenAmount,
}

/// Parameters of [`TRANSFER`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct TransferParams {
    /// Who gets it.
    pub to: Address,
    /// How much of the caller's, in whole tokens.
    pub amount: TokenAmount,
    /// For the receiver's hook.
    pub operator_data: RawBytes,
}

/// Return of [`TRANSFER`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct TransferReturn {
    /// What the sender had left before the receiver's hook ran.
    pub from_balance: TokenAmount,
    /// What the receiver had then.
    pub to_balance: TokenAmount,
    /// What the receiver's hook returned.
    pub recipient_data: RawBytes,
}

/// Parameters of [`TRANSFER_FROM`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct TransferFromParams {
    /// Whose it is.
    pub from: Address,
    /// Who gets it.
    pub to: Address,
    /// How much, in whole tokens.
    pub amount: TokenAmount,
    /// For the receiver's hook.
    pub operator_data: RawBytes,
}

/// Return of [`TRANSFER_FROM`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct TransferFromReturn {
    /// What the owner had left before the receiver's hook ran.
    pub from_balance: TokenAmount,
    /// What the receiver had then.
    pub to_balance: TokenAmount,
    /// What the caller might still spend for the owner.
    pub allowance: TokenAmount,
    /// What the receiver's hook returned.
    pub recipient_data: RawBytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datacap_comes_in_whole_tokens() {
        let bytes = BigInt::from(1u64 << 60);
        assert_eq!(tokens(&bytes), TokenAmount::from_whole(1u64 << 60));
        assert_eq!(datacap_bytes(&tokens(&bytes)), bytes);
        let almost_two = TokenAmount::from_whole(2) - TokenAmount::from_atto(1);
        assert_eq!(datacap_bytes(&almost_two), 1.into());
    }
}
