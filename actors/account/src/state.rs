//! What the state holds.

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::address::Address;

/// State of an account; never changes after construction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// The key's address, f1 or f3; f099 for burnt funds.
    pub address: Address,
}
