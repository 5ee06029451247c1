//! Storage power actor, f04 (spec 03 §1).

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::bigint::bigint_ser;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredPoStProof, StoragePower};

use crate::smoothing::FilterEstimate;

/// Creates a miner.
pub const CREATE_MINER: MethodNum = 2;
/// A miner's power changes.
pub const UPDATE_CLAIMED_POWER: MethodNum = 3;
/// A miner wants to be called at an epoch.
pub const ENROLL_CRON_EVENT: MethodNum = 4;
/// The end of an epoch, from cron.
pub const ON_EPOCH_TICK_END: MethodNum = 5;
/// A miner's pledge changes; takes the change as a bare amount, negative or not.
pub const UPDATE_PLEDGE_TOTAL: MethodNum = 6;
/// Power, pledge and their estimates.
pub const CURRENT_TOTAL_POWER: MethodNum = 9;
/// [`CREATE_MINER`] for contracts.
pub const CREATE_MINER_EXPORTED: MethodNum = 1_173_380_165;
/// The network's raw byte power, a bare number.
pub const NETWORK_RAW_POWER: MethodNum = 931_722_534;
/// A miner's raw byte power, and whether it may mine; takes its bare ID.
pub const MINER_RAW_POWER: MethodNum = 3_753_401_894;
/// How many miners there are, a bare number.
pub const MINER_COUNT: MethodNum = 1_987_646_258;
/// How many of them reach the minimum power, a bare number.
pub const MINER_CONSENSUS_COUNT: MethodNum = 196_739_875;
/// A miner's power, raw and quality-adjusted; takes its bare ID.
pub const MINER_POWER: MethodNum = 36_284_446;

/// Parameters of [`CREATE_MINER`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct CreateMinerParams {
    /// Who commands the miner and its money.
    pub owner: Address,
    /// Whose BLS key signs its blocks and proofs.
    pub worker: Address,
    /// Type of its Window PoSt, which decides its sectors' size.
    pub window_post_proof_type: RegisteredPoStProof,
    /// Identity in the peer-to-peer network.
    pub peer: RawBytes,
    /// Where the peer is to be reached.
    pub multiaddrs: Vec<RawBytes>,
}

/// Return of [`CREATE_MINER`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct CreateMinerReturn {
    /// The miner's ID address.
    pub id_address: Address,
    /// Its f2 address, which stays the same after a reorganisation.
    pub robust_address: Address,
}

/// Parameters of [`UPDATE_CLAIMED_POWER`]: changes in bytes, negative or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct UpdateClaimedPowerParams {
    /// Change of the raw byte power.
    #[serde(with = "bigint_ser")]
    pub raw_byte_delta: StoragePower,
    /// Change of the quality-adjusted power.
    #[serde(with = "bigint_ser")]
    pub quality_adjusted_delta: StoragePower,
}

/// Parameters of [`ENROLL_CRON_EVENT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct EnrollCronEventParams {
    /// When the miner wants to be called; at the next tick if it has passed.
    pub event_epoch: ChainEpoch,
    /// What it wants to be told then.
    pub payload: RawBytes,
}

/// Return of [`CURRENT_TOTAL_POWER`]: frozen at the last tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct CurrentTotalPowerReturn {
    /// Raw byte power of the network.
    #[serde(with = "bigint_ser")]
    pub raw_byte_power: StoragePower,
    /// Its quality-adjusted power in bytes.
    #[serde(with = "bigint_ser")]
    pub quality_adj_power: StoragePower,
    /// All pledge collateral.
    pub pledge_collateral: TokenAmount,
    /// The quality-adjusted power, filtered, in bytes.
    pub quality_adj_power_smoothed: FilterEstimate,
    /// When the pledge rule of FIP-0081 begins to be phased in.
    pub ramp_start_epoch: ChainEpoch,
    /// How long that takes; 0 if it is in force.
    pub ramp_duration_epochs: u64,
}

#[cfg(test)]
mod tests {
    use boatyard_sdk::method_number;
    use fvm_ipld_encoding::to_vec;
    use num_traits::Zero;

    use super::*;

    #[test]
    fn exported_methods_have_the_numbers_of_their_names() {
        for (name, number) in [
            ("CreateMiner", CREATE_MINER_EXPORTED),
            ("NetworkRawPower", NETWORK_RAW_POWER),
            ("MinerRawPower", MINER_RAW_POWER),
            ("MinerCount", MINER_COUNT),
            ("MinerConsensusCount", MINER_CONSENSUS_COUNT),
            ("MinerPower", MINER_POWER),
        ] {
            assert_eq!(method_number(name), number, "{name}");
        }
    }

    /// Source: spec 03 §1.5.7.
    #[test]
    fn no_power_has_the_sheets_bytes() {
        let nothing = CurrentTotalPowerReturn {
            raw_byte_power: StoragePower::zero(),
            quality_adj_power: StoragePower::zero(),
            pledge_collateral: TokenAmount::zero(),
            quality_adj_power_smoothed: FilterEstimate::default(),
            ramp_start_epoch: 0,
            ramp_duration_epochs: 0,
        };
        assert_eq!(
            to_vec(&nothing).unwrap(),
            b"\x86\x40\x40\x40\x82\x40\x40\x00\x00"
        );
    }
}
