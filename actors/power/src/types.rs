//! Parameters and returns.

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::bigint::bigint_ser;
use fvm_shared::sector::StoragePower;

pub use boatyard_actors_shared::ext::power::{
    CreateMinerParams, CreateMinerReturn, CurrentTotalPowerReturn, EnrollCronEventParams,
    UpdateClaimedPowerParams,
};

/// Return of MinerRawPower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct MinerRawPowerReturn {
    /// The miner's raw byte power.
    #[serde(with = "bigint_ser")]
    pub raw_byte_power: StoragePower,
    /// Whether it may mine: it reaches the minimum, or has any power while fewer
    /// than four miners reach it.
    pub meets_consensus_minimum: bool,
}

/// Return of MinerPower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct MinerPowerReturn {
    /// The miner's raw byte power.
    #[serde(with = "bigint_ser")]
    pub raw_byte_power: StoragePower,
    /// Its quality-adjusted power in bytes.
    #[serde(with = "bigint_ser")]
    pub quality_adj_power: StoragePower,
}
