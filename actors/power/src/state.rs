//! What the state holds, and which power counts.

use boatyard_actors_shared::{FilterEstimate, Policy};
use boatyard_sdk::nested::MultimapRoot;
use boatyard_sdk::{AbiType, ActorError, Context, MapRoot, ensure, exit_codes::*};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::address::Address;
use fvm_shared::bigint::bigint_ser;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredPoStProof, StoragePower};
use num_traits::{Signed, Zero};

use crate::queue::CronEvent;
use crate::types::UpdateClaimedPowerParams;

/// From so many miners with the minimum power on, the power of others does not
/// count.
pub const CONSENSUS_MINER_MIN_MINERS: i64 = 4;

/// Where the smoothed power begins: 750 000 GiB.
const INITIAL_POWER_ESTIMATE: u64 = 750_000 << 30;
/// How it moves at first: 3 840 GiB per epoch.
const INITIAL_POWER_VELOCITY: u64 = 3_840 << 30;

/// State of the storage power actor. Power is in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// Raw byte power of the claims that reach the minimum.
    #[serde(with = "bigint_ser")]
    pub total_raw_byte_power: StoragePower,
    /// Raw byte power of all claims.
    #[serde(with = "bigint_ser")]
    pub total_bytes_committed: StoragePower,
    /// Quality-adjusted power of the claims that reach the minimum.
    #[serde(with = "bigint_ser")]
    pub total_quality_adj_power: StoragePower,
    /// Quality-adjusted power of all claims.
    #[serde(with = "bigint_ser")]
    pub total_qa_bytes_committed: StoragePower,
    /// What all miners pledged.
    pub total_pledge_collateral: TokenAmount,
    /// The network's raw byte power at the last tick.
    #[serde(with = "bigint_ser")]
    pub this_epoch_raw_byte_power: StoragePower,
    /// Its quality-adjusted power then.
    #[serde(with = "bigint_ser")]
    pub this_epoch_quality_adj_power: StoragePower,
    /// The pledge then.
    pub this_epoch_pledge_collateral: TokenAmount,
    /// The quality-adjusted power, filtered.
    pub this_epoch_qa_power_smoothed: FilterEstimate,
    /// Miners created, less those that lost their claim.
    pub miner_count: i64,
    /// Claims that reach the minimum.
    pub miner_above_min_power_count: i64,
    /// When the pledge rule of FIP-0081 begins to be phased in. Only an upgrade of
    /// the network sets it.
    pub ramp_start_epoch: ChainEpoch,
    /// How many epochs that takes; 0 if the rule is in force.
    pub ramp_duration_epochs: u64,
    /// Epoch → the miners to call back, in the order in which they asked.
    pub cron_event_queue: MultimapRoot<ChainEpoch, CronEvent, 6, 6>,
    /// The first epoch for which somebody may wait to be called.
    pub first_cron_epoch: ChainEpoch,
    /// Miner's ID address → its claim.
    pub claims: MapRoot<Address, Claim>,
    /// Once the proofs to check at the end of the epoch; null since FIP-0084.
    pub proof_validation_batch: Option<Cid>,
}

/// The proven power of a miner, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct Claim {
    /// Type of its Window PoSt, which decides its sectors' size.
    pub window_post_proof_type: RegisteredPoStProof,
    /// Raw byte power.
    #[serde(with = "bigint_ser")]
    pub raw_byte_power: StoragePower,
    /// Quality-adjusted power.
    #[serde(with = "bigint_ser")]
    pub quality_adj_power: StoragePower,
}

impl Claim {
    /// The claim of a new miner.
    pub fn new(window_post_proof_type: RegisteredPoStProof) -> Self {
        Self {
            window_post_proof_type,
            raw_byte_power: StoragePower::zero(),
            quality_adj_power: StoragePower::zero(),
        }
    }

    /// Whether the raw byte power, whatever its quality, reaches the network's
    /// minimum.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) for an unknown proof type, which has no minimum.
    pub fn reaches_minimum(&self, policy: &Policy) -> Result<bool, ActorError> {
        // The minimum is the same for all types.
        if let RegisteredPoStProof::Invalid(number) = self.window_post_proof_type {
            return Err(ActorError::new(
                USR_ILLEGAL_STATE,
                format!("proof type {number} has no minimum power"),
            ));
        }
        Ok(self.raw_byte_power >= policy.minimum_consensus_power.into())
    }
}

impl State {
    /// A network without miners.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the empty maps cannot be stored.
    pub fn new(store: impl Blockstore) -> Result<Self, ActorError> {
        Ok(Self {
            total_raw_byte_power: StoragePower::zero(),
            total_bytes_committed: StoragePower::zero(),
            total_quality_adj_power: StoragePower::zero(),
            total_qa_bytes_committed: StoragePower::zero(),
            total_pledge_collateral: TokenAmount::zero(),
            this_epoch_raw_byte_power: StoragePower::zero(),
            this_epoch_quality_adj_power: StoragePower::zero(),
            this_epoch_pledge_collateral: TokenAmount::zero(),
            this_epoch_qa_power_smoothed: FilterEstimate::from_integers(
                INITIAL_POWER_ESTIMATE,
                INITIAL_POWER_VELOCITY,
            ),
            miner_count: 0,
            miner_above_min_power_count: 0,
            ramp_start_epoch: 0,
            ramp_duration_epochs: 0,
            cron_event_queue: MapRoot::empty(&store)?,
            first_cron_epoch: 0,
            claims: MapRoot::empty(&store)?,
            proof_validation_batch: None,
        })
    }

    /// The claim of a miner, given by its ID address.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the claims cannot be read.
    pub fn claim_of(
        &self,
        store: impl Blockstore,
        miner: &Address,
    ) -> Result<Option<Claim>, ActorError> {
        Ok(self.claims.load(store)?.get(miner)?.cloned())
    }

    /// Whether a miner with this claim may mine: it reaches the minimum, or has any
    /// power while too few miners reach it.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) for an unknown proof type.
    pub fn may_mine(&self, policy: &Policy, claim: &Claim) -> Result<bool, ActorError> {
        let everybody = self.miner_above_min_power_count < CONSENSUS_MINER_MIN_MINERS;
        let with_any = everybody && claim.raw_byte_power.is_positive();
        Ok(claim.reaches_minimum(policy)? || with_any)
    }

    /// The network's power now, raw and quality-adjusted: that of all claims while
    /// too few reach the minimum, else of those that do.
    pub fn network_power(&self) -> (&StoragePower, &StoragePower) {
        if self.miner_above_min_power_count < CONSENSUS_MINER_MIN_MINERS {
            (&self.total_bytes_committed, &self.total_qa_bytes_committed)
        } else {
            (&self.total_raw_byte_power, &self.total_quality_adj_power)
        }
    }

    /// The claim of a new miner, in place of what the address had.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) for an unknown proof type, or when the claims cannot
    /// be read or written.
    pub fn add_miner(
        &mut self,
        policy: &Policy,
        store: impl Blockstore,
        miner: &Address,
        window_post_proof_type: RegisteredPoStProof,
    ) -> Result<(), ActorError> {
        let claim = Claim::new(window_post_proof_type);
        self.miner_count = add(self.miner_count, 1)?;
        if claim.reaches_minimum(policy)? {
            self.count_at_minimum(1)?;
        }
        let mut claims = self.claims.load(store)?;
        claims.set(miner, claim)?;
        self.claims = claims.flush()?;
        Ok(())
    }

    /// Takes miners away, with their power: a miner that is there more than once
    /// is counted down as often. Their pledge and the calls they wait for stay.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the claims cannot be read or written.
    pub fn remove_miners(
        &mut self,
        policy: &Policy,
        store: impl Blockstore,
        miners: &[Address],
    ) -> Result<(), ActorError> {
        let mut claims = self.claims.load(store)?;
        for miner in miners {
            if let Some(claim) = claims.remove(miner)? {
                let all_of_it = UpdateClaimedPowerParams {
                    raw_byte_delta: -&claim.raw_byte_power,
                    quality_adjusted_delta: -&claim.quality_adj_power,
                };
                self.change_claim(policy, &claim, &all_of_it)?;
            }
            self.miner_count = add(self.miner_count, -1)?;
        }
        self.claims = claims.flush()?;
        Ok(())
    }

    /// What a claim becomes with this change; the sums follow it. A claim that
    /// crosses the minimum moves the network's power by the whole claim.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) for an unknown proof type, or when a power or the
    /// count of claims would be negative.
    pub fn change_claim(
        &mut self,
        policy: &Policy,
        claim: &Claim,
        delta: &UpdateClaimedPowerParams,
    ) -> Result<Claim, ActorError> {
        let (raw_delta, qa_delta) = (&delta.raw_byte_delta, &delta.quality_adjusted_delta);
        self.total_qa_bytes_committed += qa_delta;
        self.total_bytes_committed += raw_delta;
        let changed = Claim {
            window_post_proof_type: claim.window_post_proof_type,
            raw_byte_power: &claim.raw_byte_power + raw_delta,
            quality_adj_power: &claim.quality_adj_power + qa_delta,
        };
        match (
            claim.reaches_minimum(policy)?,
            changed.reaches_minimum(policy)?,
        ) {
            (false, true) => {
                self.count_at_minimum(1)?;
                self.total_quality_adj_power += &changed.quality_adj_power;
                self.total_raw_byte_power += &changed.raw_byte_power;
            }
            (true, false) => {
                self.count_at_minimum(-1)?;
                self.total_quality_adj_power -= &claim.quality_adj_power;
                self.total_raw_byte_power -= &claim.raw_byte_power;
            }
            (true, true) => {
                self.total_quality_adj_power += qa_delta;
                self.total_raw_byte_power += raw_delta;
            }
            (false, false) => {}
        }
        ensure!(
            !changed.raw_byte_power.is_negative() && !changed.quality_adj_power.is_negative(),
            USR_ILLEGAL_STATE,
            "a change by {raw_delta} and {qa_delta} bytes leaves a power of {} and {}",
            changed.raw_byte_power,
            changed.quality_adj_power
        );
        ensure!(
            self.miner_above_min_power_count >= 0,
            USR_ILLEGAL_STATE,
            "{} miners reach the minimum power",
            self.miner_above_min_power_count
        );
        Ok(changed)
    }

    fn count_at_minimum(&mut self, change: i64) -> Result<(), ActorError> {
        self.miner_above_min_power_count = add(self.miner_above_min_power_count, change)?;
        Ok(())
    }
}

fn add(count: i64, change: i64) -> Result<i64, ActorError> {
    count
        .checked_add(change)
        .or_exit(USR_ASSERTION_FAILED, "the count of miners overflows")
}
