//! What is wrong with a proposal by itself (spec 07 §5, §7 PublishStorageDeals 5-7).

use boatyard_actors_shared::ext::account::{AUTHENTICATE_MESSAGE, AuthenticateMessageParams};
use boatyard_actors_shared::ext::power::{CURRENT_TOTAL_POWER, CurrentTotalPowerReturn};
use boatyard_actors_shared::ext::reward::{THIS_EPOCH_REWARD, ThisEpochRewardReturn};
use boatyard_actors_shared::time::EPOCHS_IN_DAY;
use boatyard_actors_shared::{POWER_ACTOR, PolicyExt, REWARD_ACTOR};
use boatyard_sdk::{ActorError, Context, Host, Runtime, SendResultExt, cbor_params, exit_codes::*};
use cid::{Cid, Version};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::commcid::{FIL_COMMITMENT_UNSEALED, SHA2_256_TRUNC254_PADDED};
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::PaddedPieceSize;

use crate::deal::DealProposal;
use crate::types::ClientDealProposal;

/// Shortest and longest deal in epochs.
pub const DEAL_DURATION: (ChainEpoch, ChainEpoch) = (180 * EPOCHS_IN_DAY, 1_278 * EPOCHS_IN_DAY);

/// Longest label in bytes.
pub const DEAL_MAX_LABEL_SIZE: usize = 256;

/// All FIL that there may ever be; no price and no collateral is above it.
const TOTAL_FIL: i64 = 2_000_000_000;

/// What proposals are measured by.
pub(super) struct Bounds {
    baseline_power: BigInt,
    raw_power: BigInt,
    supply: TokenAmount,
    /// Share of the supply that all providers' collaterals reach at least.
    share: (i64, i64),
    epoch: ChainEpoch,
    most: TokenAmount,
}

impl Bounds {
    /// Asks for the baseline and for the network's power.
    ///
    /// # Errors
    /// Those of the reward and the power actor.
    pub fn ask(rt: &impl Runtime) -> Result<Self, ActorError> {
        let reward: ThisEpochRewardReturn = rt
            .send(
                &REWARD_ACTOR,
                THIS_EPOCH_REWARD,
                None,
                TokenAmount::default(),
            )
            .value()
            .map_err(|error| error.context("asking for the baseline power"))?;
        let power: CurrentTotalPowerReturn = rt
            .send(
                &POWER_ACTOR,
                CURRENT_TOTAL_POWER,
                None,
                TokenAmount::default(),
            )
            .value()
            .map_err(|error| error.context("asking for the network's power"))?;
        let policy = rt.policy();
        Ok(Self {
            baseline_power: reward.this_epoch_baseline_power,
            raw_power: power.raw_byte_power,
            supply: rt.host().circulating_supply(),
            share: (
                policy.prov_collateral_percent_supply_num,
                policy.prov_collateral_percent_supply_denom,
            ),
            epoch: rt.epoch(),
            most: TokenAmount::from_whole(TOTAL_FIL),
        })
    }

    /// What a provider has to set aside at least for a piece: its share of a share
    /// of the circulating supply, rounded down.
    fn provider_collateral(&self, size: PaddedPieceSize) -> TokenAmount {
        let size = BigInt::from(size.0);
        let (num, denom) = self.share;
        let network = (&self.raw_power).max(&self.baseline_power).max(&size);
        let wanted = &self.supply * num * &size;
        wanted.div_floor(network * BigInt::from(denom))
    }

    /// Why a proposal is no good; the client's consent aside.
    fn refuse(&self, deal: &DealProposal) -> Option<String> {
        let label = deal.label.size_bytes();
        if label > DEAL_MAX_LABEL_SIZE {
            return Some(format!("a label of {label} bytes"));
        }
        if let Err(why) = deal.piece_size.validate() {
            return Some(format!("a piece of {} bytes: {why}", deal.piece_size.0));
        }
        if !is_piece_cid(&deal.piece_cid) {
            return Some(format!("{} is no piece commitment", deal.piece_cid));
        }
        let (start, end) = (deal.start_epoch, deal.end_epoch);
        if end <= start {
            return Some(format!("it ends at {end}, but starts at {start}"));
        }
        if self.epoch > start {
            return Some(format!("its start {start} is over"));
        }
        // Cannot overflow: the start is not before now.
        let duration = deal.duration();
        if !(DEAL_DURATION.0..=DEAL_DURATION.1).contains(&duration) {
            return Some(format!("it lasts {duration} epochs"));
        }
        let nothing = TokenAmount::default();
        let least = self.provider_collateral(deal.piece_size);
        for (what, amount, least) in [
            ("price", &deal.storage_price_per_epoch, &nothing),
            ("provider's collateral", &deal.provider_collateral, &least),
            ("client's collateral", &deal.client_collateral, &nothing),
        ] {
            if amount < least || *amount > self.most {
                return Some(format!(
                    "a {what} of {amount}, not from {least} to {}",
                    self.most
                ));
            }
        }
        None
    }
}

fn is_piece_cid(cid: &Cid) -> bool {
    cid.version() == Version::V1
        && cid.codec() == FIL_COMMITMENT_UNSEALED
        && cid.hash().code() == SHA2_256_TRUNC254_PADDED
        && cid.hash().size() == 32
}

/// The proposals that are good by themselves, with their positions. Every client is
/// asked for its consent first, whatever else is wrong.
///
/// # Errors
/// `USR_SERIALIZATION` (21) when a proposal cannot be encoded.
pub(super) fn validate_all<'a>(
    rt: &impl Runtime,
    deals: &'a [ClientDealProposal],
    bounds: &Bounds,
) -> Result<Vec<(usize, &'a DealProposal)>, ActorError> {
    let mut valid = Vec::with_capacity(deals.len());
    for (index, deal) in deals.iter().enumerate() {
        let refusal = match consents(rt, deal)? {
            true => bounds.refuse(&deal.proposal),
            false => Some("the client's signature is not valid".into()),
        };
        match refusal {
            Some(why) => rt.log(|| format!("proposal {index} is left out: {why}")),
            None => valid.push((index, &deal.proposal)),
        }
    }
    Ok(valid)
}

/// Whether the client says that it signed. It is asked at the address that the
/// proposal has, and for the proposal as it came.
fn consents(rt: &impl Runtime, deal: &ClientDealProposal) -> Result<bool, ActorError> {
    let message = RawBytes::serialize(&deal.proposal)
        .or_exit(USR_SERIALIZATION, "a proposal cannot be encoded")?;
    let params = AuthenticateMessageParams {
        signature: RawBytes::new(deal.client_signature.bytes.clone()),
        message,
    };
    let answer = rt
        .send_read_only(
            &deal.proposal.client,
            AUTHENTICATE_MESSAGE,
            cbor_params(&params)?,
        )
        .value();
    Ok(answer.unwrap_or(false))
}
