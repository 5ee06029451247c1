//! A miner's first state (spec 05 §6).

use boatyard_actors_shared::{Policy, QuantSpec};
use boatyard_sdk::{ActorError, MapRoot};
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;

use crate::schema::{Deadlines, State};
use crate::{amt, blocks};

impl State {
    /// A miner without sectors and money, its proving period and deadline being those
    /// of [`first_deadline`].
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when a block cannot be stored.
    pub fn new(
        policy: &Policy,
        store: &impl Blockstore,
        info: Cid,
        proving_period_start: ChainEpoch,
        current_deadline: u64,
    ) -> Result<Self, ActorError> {
        let deadlines = Deadlines::new(policy, store)?;
        Ok(Self {
            info,
            pre_commit_deposits: TokenAmount::default(),
            locked_funds: TokenAmount::default(),
            vesting_funds: None,
            fee_debt: TokenAmount::default(),
            initial_pledge: TokenAmount::default(),
            pre_committed_sectors: MapRoot::empty(store)?,
            pre_committed_sectors_cleanup: amt::empty(store)?,
            allocated_sectors: blocks::put(store, &BitField::new(), "the allocated numbers")?,
            sectors: amt::empty(store)?,
            proving_period_start,
            current_deadline,
            deadlines: blocks::put(store, &deadlines, "the deadlines")?,
            early_terminations: BitField::new(),
            deadline_cron_active: false,
        })
    }
}

/// Where in the day proving periods begin, from a digest of the miner's address and
/// the epoch of its creation.
pub fn proving_period_offset(policy: &Policy, digest: &[u8; 32]) -> ChainEpoch {
    let drawn = digest[..8]
        .iter()
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    (drawn % policy.wpost_proving_period as u64) as ChainEpoch
}

/// First epoch of the proving period that `epoch` is in, negative in the first day of
/// a chain, and the deadline that is open.
pub fn first_deadline(policy: &Policy, epoch: ChainEpoch, offset: ChainEpoch) -> (ChainEpoch, u64) {
    let periods = QuantSpec {
        unit: policy.wpost_proving_period,
        offset,
    };
    let start = periods.down(epoch);
    let index = (epoch - start) / policy.wpost_challenge_window;
    (start, index as u64)
}
