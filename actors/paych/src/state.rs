//! What the state holds, and how a voucher changes it.

use boatyard_sdk::{AbiType, ActorError, Array, ArrayRoot, Context, ensure, exit_codes::*};
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;

use crate::types::SignedVoucher;

/// The highest lane.
pub const MAX_LANE: u64 = i64::MAX as u64;

/// Bits per level of the lanes.
const LANE_BITS: u32 = 3;

/// State of a payment channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// Who pays: an ID address.
    pub from: Address,
    /// Who is paid: an ID address.
    pub to: Address,
    /// What `to` gets out of the balance, in attoFIL.
    pub to_send: TokenAmount,
    /// Epoch from which `Collect` works; 0 while the channel is open.
    pub settling_at: ChainEpoch,
    /// The channel does not settle before; 0 for no matter.
    pub min_settle_height: ChainEpoch,
    /// Lane number → what the lane has redeemed. Lanes are never removed.
    pub lane_states: ArrayRoot<LaneState, LANE_BITS>,
}

/// What a lane has redeemed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct LaneState {
    /// In all, in attoFIL.
    pub redeemed: TokenAmount,
    /// Nonce of the last voucher that touched it.
    pub nonce: u64,
}

type Lanes<BS> = Array<BS, LaneState, LANE_BITS>;

impl State {
    /// An open channel that owes nothing.
    ///
    /// # Errors
    /// `USR_ILLEGAL_STATE` (20) when the empty array cannot be stored.
    pub fn new(store: impl Blockstore, from: Address, to: Address) -> Result<Self, ActorError> {
        Ok(Self {
            from,
            to,
            to_send: TokenAmount::default(),
            settling_at: 0,
            min_settle_height: 0,
            lane_states: ArrayRoot::empty(store)?,
        })
    }

    /// Whether the closing period has begun.
    pub fn is_settling(&self) -> bool {
        self.settling_at != 0
    }

    /// Whether the closing period is over.
    pub fn is_settled(&self, epoch: ChainEpoch) -> bool {
        self.is_settling() && epoch >= self.settling_at
    }

    /// Redeems a voucher whose conditions hold, from a balance in attoFIL.
    ///
    /// The amount is the lane's new total: what the lane and the merged lanes have
    /// redeemed before is in it. So a voucher may also take something back, down to
    /// nothing.
    ///
    /// # Errors
    /// | exit code | when |
    /// |---|---|
    /// | `USR_ILLEGAL_ARGUMENT` (16) | a lane out of range, a nonce too low, a lane merged with itself or one that is not there |
    /// | `USR_ILLEGAL_ARGUMENT` (16) | less than nothing or more than the balance would be owed |
    /// | `USR_ILLEGAL_STATE` (20) | the lanes cannot be read or written |
    ///
    /// Source: spec 04 §2.7, step 13.
    pub fn redeem(
        &mut self,
        store: impl Blockstore,
        voucher: &SignedVoucher,
        balance: &TokenAmount,
    ) -> Result<(), ActorError> {
        let mut lanes = self.lane_states.load(store)?;
        let lane = match find_lane(&lanes, voucher.lane)? {
            Some(lane) => {
                ensure!(
                    lane.nonce < voucher.nonce,
                    USR_ILLEGAL_ARGUMENT,
                    "nonce {} of a voucher for lane {}, which is at {}",
                    voucher.nonce,
                    voucher.lane,
                    lane.nonce
                );
                lane.clone()
            }
            None => LaneState::default(),
        };
        let redeemed_before = lane.redeemed + merge(&mut lanes, voucher)?;
        let to_send = &self.to_send + (&voucher.amount - redeemed_before);
        ensure!(
            !to_send.is_negative(),
            USR_ILLEGAL_ARGUMENT,
            "the voucher would leave {to_send} to pay"
        );
        ensure!(
            to_send <= *balance,
            USR_ILLEGAL_ARGUMENT,
            "the voucher would leave {to_send} to pay out of {balance}"
        );
        self.to_send = to_send;
        self.delay_settlement(voucher.min_settle_height);

        let lane = LaneState {
            redeemed: voucher.amount.clone(),
            nonce: voucher.nonce,
        };
        lanes.set(voucher.lane, lane)?;
        self.lane_states = lanes.flush()?;
        Ok(())
    }

    fn delay_settlement(&mut self, height: ChainEpoch) {
        if height == 0 {
            return;
        }
        if self.is_settling() {
            self.settling_at = self.settling_at.max(height);
        }
        self.min_settle_height = self.min_settle_height.max(height);
    }
}

/// What the merged lanes have redeemed. Each gets its new nonce and keeps its
/// total; one that is listed twice counts twice.
fn merge<BS: Blockstore>(
    lanes: &mut Lanes<BS>,
    voucher: &SignedVoucher,
) -> Result<TokenAmount, ActorError> {
    let mut redeemed = TokenAmount::default();
    for merged in &voucher.merges {
        ensure!(
            merged.lane != voucher.lane,
            USR_ILLEGAL_ARGUMENT,
            "lane {} is merged with itself",
            merged.lane
        );
        let mut lane = find_lane(lanes, merged.lane)?.cloned().or_exit(
            USR_ILLEGAL_ARGUMENT,
            format_args!("there is no lane {} to merge", merged.lane),
        )?;
        ensure!(
            lane.nonce < merged.nonce,
            USR_ILLEGAL_ARGUMENT,
            "nonce {} for merging lane {}, which is at {}",
            merged.nonce,
            merged.lane,
            lane.nonce
        );
        redeemed += &lane.redeemed;
        lane.nonce = merged.nonce;
        lanes.set(merged.lane, lane)?;
    }
    Ok(redeemed)
}

fn find_lane<BS: Blockstore>(
    lanes: &Lanes<BS>,
    number: u64,
) -> Result<Option<&LaneState>, ActorError> {
    ensure!(
        number <= MAX_LANE,
        USR_ILLEGAL_ARGUMENT,
        "lane {number} is above {MAX_LANE}"
    );
    lanes.get(number)
}
