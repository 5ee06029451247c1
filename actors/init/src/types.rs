//! Parameters and returns.

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};

pub use boatyard_actors_shared::ext::init::{Exec4Params, ExecParams, ExecReturn};

/// Parameters of the constructor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ConstructorParams {
    /// Name of the network, such as `mainnet`.
    pub network_name: String,
}
