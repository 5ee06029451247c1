//! What the state holds.

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;

/// State of the cron actor; never changes after construction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// What is called, in order.
    pub entries: Vec<Entry>,
}

/// A method to call, without parameters and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct Entry {
    /// Whom to call.
    pub receiver: Address,
    /// What to call.
    pub method_num: MethodNum,
}
