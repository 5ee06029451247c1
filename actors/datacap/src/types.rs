//! Parameters and returns that other built-in actors do not use; the rest is in
//! [`boatyard_actors_shared::ext::datacap`].

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;

/// Parameters of `IncreaseAllowance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct IncreaseAllowanceParams {
    /// Who may spend the caller's datacap.
    pub operator: Address,
    /// How much more; need not be whole tokens.
    pub increase: TokenAmount,
}

/// Parameters of `DecreaseAllowance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct DecreaseAllowanceParams {
    /// Who may spend the caller's datacap.
    pub operator: Address,
    /// How much less; need not be whole tokens.
    pub decrease: TokenAmount,
}

/// Parameters of `RevokeAllowance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct RevokeAllowanceParams {
    /// Who may not spend the caller's datacap any more.
    pub operator: Address,
}

/// Parameters of `Allowance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct GetAllowanceParams {
    /// Whose datacap.
    pub owner: Address,
    /// Who may spend it.
    pub operator: Address,
}

/// Parameters of `BurnFrom`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct BurnFromParams {
    /// Whose datacap.
    pub owner: Address,
    /// How much of it, in whole tokens.
    pub amount: TokenAmount,
}

/// Return of `BurnFrom`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct BurnFromReturn {
    /// What the owner has left.
    pub balance: TokenAmount,
    /// What the caller may still spend of it.
    pub allowance: TokenAmount,
}
