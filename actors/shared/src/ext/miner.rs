//! Storage miners (spec 05, 06): what other built-in actors send to them.

use boatyard_sdk::AbiType;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::RegisteredPoStProof;

use crate::smoothing::FilterEstimate;

/// Owner, worker and control addresses.
pub const CONTROL_ADDRESSES: MethodNum = 2;
/// Whether a bare address is owner, worker or control address; gives a bare bool.
pub const IS_CONTROLLING_ADDRESS: MethodNum = 348_244_887;
/// A scheduled event, from the power actor.
pub const ON_DEFERRED_CRON_EVENT: MethodNum = 12;
/// A block's reward, from the reward actor.
pub const APPLY_REWARDS: MethodNum = 14;

/// Parameters of the constructor, from the power actor through the init actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ConstructorParams {
    /// Who commands the miner and its money.
    pub owner: Address,
    /// Whose BLS key signs its blocks and proofs.
    pub worker: Address,
    /// Who may send proofs besides; none when the power actor creates the miner.
    pub control_addresses: Vec<Address>,
    /// Type of its Window PoSt, which decides its sectors' size.
    pub window_post_proof_type: RegisteredPoStProof,
    /// Identity in the peer-to-peer network.
    pub peer_id: RawBytes,
    /// Where the peer is to be reached.
    pub multi_addresses: Vec<RawBytes>,
}

/// Return of [`CONTROL_ADDRESSES`]: all are ID addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ControlAddressesReturn {
    /// Who commands the miner and its money.
    pub owner: Address,
    /// Whose BLS key signs its blocks and proofs.
    pub worker: Address,
    /// Who may send proofs besides.
    pub control_addresses: Vec<Address>,
}

/// A cron event that did something for changes of the worker's key; ignored.
pub const CRON_EVENT_WORKER_KEY_CHANGE: i64 = 0;
/// The end of a deadline.
pub const CRON_EVENT_PROVING_DEADLINE: i64 = 1;
/// More sectors that ended early.
pub const CRON_EVENT_PROCESS_EARLY_TERMINATIONS: i64 = 2;

/// What a miner hands the power actor for [`ON_DEFERRED_CRON_EVENT`], encoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct CronEventPayload {
    /// One of the `CRON_EVENT_…`.
    pub event_type: i64,
}

/// Parameters of [`ON_DEFERRED_CRON_EVENT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct DeferredCronEventParams {
    /// What the miner wanted to be told: an encoded [`CronEventPayload`].
    pub event_payload: RawBytes,
    /// Reward per epoch, filtered, in attoFIL.
    pub reward_smoothed: FilterEstimate,
    /// Quality-adjusted power of the network, filtered, in bytes.
    pub quality_adj_power_smoothed: FilterEstimate,
}

/// Parameters of [`APPLY_REWARDS`].
#[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct ApplyRewardsParams {
    /// What the block earned; sent along.
    pub reward: TokenAmount,
    /// What the miner has to burn of it.
    pub penalty: TokenAmount,
}

#[cfg(test)]
mod tests {
    use boatyard_sdk::method_number;
    use fvm_ipld_encoding::to_vec;

    use super::*;

    #[test]
    fn exported_methods_have_the_numbers_of_their_names() {
        assert_eq!(
            method_number("IsControllingAddress"),
            IS_CONTROLLING_ADDRESS
        );
    }

    /// Source: spec 05 §5.10.
    #[test]
    fn the_event_of_a_deadline_has_two_bytes() {
        let payload = CronEventPayload {
            event_type: CRON_EVENT_PROVING_DEADLINE,
        };
        assert_eq!(to_vec(&payload).unwrap(), [0x81, 0x01]);
    }

    #[test]
    fn the_constructors_parameters_are_in_the_sheets_order() {
        let params = ConstructorParams {
            owner: Address::new_id(100),
            worker: Address::new_id(101),
            control_addresses: vec![],
            window_post_proof_type: RegisteredPoStProof::StackedDRGWindow2KiBV1P1,
            peer_id: RawBytes::new(vec![7]),
            multi_addresses: vec![RawBytes::new(vec![8, 9])],
        };
        assert_eq!(
            to_vec(&params).unwrap(),
            b"\x86\x42\x00\x64\x42\x00\x65\x80\x0a\x41\x07\x81\x42\x08\x09"
        );
    }
}
