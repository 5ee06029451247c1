//! States of the singletons at genesis, and what the chain reads of them later.

use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_amt::Amt;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_ipld_hamt::{Hamt, Sha256};
use fvm_shared::address::Address;
use fvm_shared::bigint::{BigInt, bigint_ser};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::StoragePower;
use fvm_shared::{ActorID, HAMT_BIT_WIDTH, MethodNum};

use super::VERIFREG_ROOT;
use crate::error::ChainError;

/// A value that follows a noisy one smoothly; both fields are Q.128 fixed point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct FilterEstimate {
    #[serde(with = "bigint_ser")]
    pub position: BigInt,
    #[serde(with = "bigint_ser")]
    pub velocity: BigInt,
}

/// State of f02 (spec 03 §2.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct RewardState {
    #[serde(with = "bigint_ser")]
    pub cumsum_baseline: BigInt,
    #[serde(with = "bigint_ser")]
    pub cumsum_realized: BigInt,
    pub effective_network_time: ChainEpoch,
    #[serde(with = "bigint_ser")]
    pub effective_baseline_power: StoragePower,
    pub this_epoch_reward: TokenAmount,
    pub this_epoch_reward_smoothed: FilterEstimate,
    #[serde(with = "bigint_ser")]
    pub this_epoch_baseline_power: StoragePower,
    pub epoch: ChainEpoch,
    pub total_storage_power_reward: TokenAmount,
    pub simple_total: TokenAmount,
    pub baseline_total: TokenAmount,
}

impl RewardState {
    /// As after the constructor with power 0.
    pub fn genesis() -> Self {
        Self {
            cumsum_baseline: BigInt::default(),
            cumsum_realized: BigInt::default(),
            effective_network_time: 0,
            effective_baseline_power: BigInt::from(2_888_888_880_000_000_000_u64),
            this_epoch_reward: TokenAmount::from_atto(36_266_264_293_777_134_739_u128),
            this_epoch_reward_smoothed: FilterEstimate {
                position: BigInt::from(36_266_260_308_195_979_333_u128) << 128,
                velocity: BigInt::from(-109_897_758_509_i64) << 128,
            },
            this_epoch_baseline_power: BigInt::from(2_888_888_879_999_999_999_u64),
            epoch: 0,
            total_storage_power_reward: TokenAmount::default(),
            simple_total: TokenAmount::from_whole(330_000_000),
            baseline_total: TokenAmount::from_whole(770_000_000),
        }
    }
}

/// Something that f03 calls every epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct CronEntry {
    pub receiver: Address,
    pub method: MethodNum,
}

/// State of f03.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct CronState {
    pub entries: Vec<CronEntry>,
}

impl CronState {
    /// Power first, then the market: the order changes states.
    pub fn genesis() -> Self {
        let entry = |id, method| CronEntry {
            receiver: Address::new_id(id),
            method,
        };
        Self {
            entries: vec![entry(4, 5), entry(5, 9)],
        }
    }
}

/// State of f04 (spec 03 §1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct PowerState {
    #[serde(with = "bigint_ser")]
    pub total_raw_byte_power: StoragePower,
    #[serde(with = "bigint_ser")]
    pub total_bytes_committed: StoragePower,
    #[serde(with = "bigint_ser")]
    pub total_quality_adj_power: StoragePower,
    #[serde(with = "bigint_ser")]
    pub total_qa_bytes_committed: StoragePower,
    pub total_pledge_collateral: TokenAmount,
    #[serde(with = "bigint_ser")]
    pub this_epoch_raw_byte_power: StoragePower,
    #[serde(with = "bigint_ser")]
    pub this_epoch_quality_adj_power: StoragePower,
    pub this_epoch_pledge_collateral: TokenAmount,
    pub this_epoch_qa_power_smoothed: FilterEstimate,
    pub miner_count: i64,
    pub miner_above_min_power_count: i64,
    pub ramp_start_epoch: ChainEpoch,
    pub ramp_duration_epochs: u64,
    pub cron_event_queue: Cid,
    pub first_cron_epoch: ChainEpoch,
    pub claims: Cid,
    pub proof_validation_batch: Option<Cid>,
}

impl PowerState {
    /// As after the constructor.
    pub fn genesis(store: &SharedStore) -> Result<Self, ChainError> {
        let empty = empty_map(store)?;
        Ok(Self {
            total_raw_byte_power: BigInt::default(),
            total_bytes_committed: BigInt::default(),
            total_quality_adj_power: BigInt::default(),
            total_qa_bytes_committed: BigInt::default(),
            total_pledge_collateral: TokenAmount::default(),
            this_epoch_raw_byte_power: BigInt::default(),
            this_epoch_quality_adj_power: BigInt::default(),
            this_epoch_pledge_collateral: TokenAmount::default(),
            this_epoch_qa_power_smoothed: FilterEstimate {
                position: BigInt::from(750_000_u64 << 30) << 128,
                velocity: BigInt::from(3_840_u64 << 30) << 128,
            },
            miner_count: 0,
            miner_above_min_power_count: 0,
            ramp_start_epoch: 0,
            ramp_duration_epochs: 0,
            cron_event_queue: empty,
            first_cron_epoch: 0,
            claims: empty,
            proof_validation_batch: None,
        })
    }
}

/// State of f05.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct MarketState {
    pub proposals: Cid,
    pub states: Cid,
    pub pending_proposals: Cid,
    pub escrow_table: Cid,
    pub locked_table: Cid,
    pub next_id: u64,
    pub deal_ops_by_epoch: Cid,
    pub last_cron: ChainEpoch,
    pub total_client_locked_collateral: TokenAmount,
    pub total_provider_locked_collateral: TokenAmount,
    pub total_client_storage_fee: TokenAmount,
    pub pending_deal_allocation_ids: Cid,
    pub provider_sectors: Cid,
}

impl MarketState {
    /// As after the constructor.
    pub fn genesis(store: &SharedStore) -> Result<Self, ChainError> {
        let map = empty_map(store)?;
        Ok(Self {
            proposals: empty_array(store, 5)?,
            states: empty_array(store, 6)?,
            pending_proposals: map,
            escrow_table: map,
            locked_table: map,
            next_id: 0,
            deal_ops_by_epoch: map,
            last_cron: -1,
            total_client_locked_collateral: TokenAmount::default(),
            total_provider_locked_collateral: TokenAmount::default(),
            total_client_storage_fee: TokenAmount::default(),
            pending_deal_allocation_ids: map,
            provider_sectors: map,
        })
    }
}

/// State of f06.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct VerifregState {
    pub root_key: Address,
    pub verifiers: Cid,
    pub remove_data_cap_proposal_ids: Cid,
    pub allocations: Cid,
    pub next_allocation_id: u64,
    pub claims: Cid,
}

impl VerifregState {
    /// As after the constructor with root f080.
    pub fn genesis(store: &SharedStore) -> Result<Self, ChainError> {
        let map = empty_map(store)?;
        Ok(Self {
            root_key: Address::new_id(VERIFREG_ROOT),
            verifiers: map,
            remove_data_cap_proposal_ids: map,
            allocations: map,
            next_allocation_id: 1,
            claims: map,
        })
    }
}

/// Balances and allowances of f07.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct TokenState {
    pub supply: TokenAmount,
    pub balances: Cid,
    pub allowances: Cid,
    pub hamt_bit_width: u32,
}

/// State of f07.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct DatacapState {
    pub governor: Address,
    pub token: TokenState,
}

impl DatacapState {
    /// As after the constructor with governor f06.
    pub fn genesis(store: &SharedStore) -> Result<Self, ChainError> {
        let map = empty_map(store)?;
        let token = TokenState {
            supply: TokenAmount::default(),
            balances: map,
            allowances: map,
            hamt_bit_width: 3,
        };
        Ok(Self {
            governor: Address::new_id(6),
            token,
        })
    }
}

/// State of a multisig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub(crate) struct MultisigState {
    pub signers: Vec<Address>,
    pub threshold: u64,
    pub next_transaction: i64,
    pub initial_balance: TokenAmount,
    pub start_epoch: ChainEpoch,
    pub unlock_duration: ChainEpoch,
    pub pending: Cid,
}

impl MultisigState {
    /// One signer who decides alone, nothing locked.
    pub fn one_of_one(store: &SharedStore, signer: ActorID) -> Result<Self, ChainError> {
        Ok(Self {
            signers: vec![Address::new_id(signer)],
            threshold: 1,
            next_transaction: 0,
            initial_balance: TokenAmount::default(),
            start_epoch: 0,
            unlock_duration: 0,
            pending: empty_map(store)?,
        })
    }
}

/// The empty HAMT, which is the same for all bit widths.
fn empty_map(store: &SharedStore) -> Result<Cid, ChainError> {
    Hamt::<_, (), fvm_ipld_hamt::BytesKey, Sha256>::new_with_bit_width(store, HAMT_BIT_WIDTH)
        .flush()
        .map_err(|error| ChainError::Store(error.into()))
}

fn empty_array(store: &SharedStore, bit_width: u32) -> Result<Cid, ChainError> {
    Amt::<(), _>::new_with_bit_width(store, bit_width)
        .flush()
        .map_err(|error| ChainError::Store(error.into()))
}
