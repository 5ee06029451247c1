//! Parameters.

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};

use crate::state::Entry;

/// Parameters of the constructor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ConstructorParams {
    /// What is called every epoch, in order.
    pub entries: Vec<Entry>,
}
