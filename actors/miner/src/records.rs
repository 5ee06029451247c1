//! What becomes of a sector's record: when it comes (here), gets data, or shall live
//! longer. Formulas without state.
//!
//! | module | the record |
//! |---|---|
//! | [`replica`] | of a sector of zeros that got data |
//! | [`extension`] | of a sector that shall live longer |

use boatyard_actors_shared::Policy;
use boatyard_sdk::{ActorError, ensure};
use cid::Cid;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredSealProof, SectorNumber};
use num_traits::Zero;

use crate::monies::{self, PledgeInputs};
use crate::pieces::DataSpaces;
use crate::power::qa_power_of;
use crate::schema::{MinerInfo, SIMPLE_QA_POWER, SectorOnChainInfo, SectorPreCommitOnChainInfo};

pub(crate) mod extension;
pub(crate) mod replica;

impl SectorOnChainInfo {
    /// A sector of zeros that begins now, without pledge and fee.
    pub fn committed(
        number: SectorNumber,
        seal_proof: RegisteredSealProof,
        sealed_cid: Cid,
        now: ChainEpoch,
        expiration: ChainEpoch,
    ) -> Self {
        Self {
            sector_number: number,
            seal_proof,
            sealed_cid,
            deprecated_deal_ids: vec![],
            activation: now,
            expiration,
            deal_weight: BigInt::zero(),
            verified_deal_weight: BigInt::zero(),
            initial_pledge: TokenAmount::zero(),
            expected_day_reward: None,
            expected_storage_pledge: None,
            power_base_epoch: now,
            replaced_day_reward: None,
            sector_key_cid: None,
            flags: SIMPLE_QA_POWER,
            daily_fee: TokenAmount::zero(),
        }
    }
}

/// The record of a pre-committed sector that is proven now.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) when it would expire too soon.
pub(crate) fn proven(
    policy: &Policy,
    info: &MinerInfo,
    pre_commit: &SectorPreCommitOnChainInfo,
    data: &DataSpaces,
    pledge: &PledgeInputs,
    now: ChainEpoch,
) -> Result<SectorOnChainInfo, ActorError> {
    let declared = &pre_commit.info;
    let duration = declared.expiration - now;
    ensure!(
        duration >= policy.min_sector_expiration,
        USR_ILLEGAL_ARGUMENT,
        "sector {} would live {duration} epochs, less than {}",
        declared.sector_number,
        policy.min_sector_expiration
    );
    let deal_weight = &data.unverified * duration;
    let verified_deal_weight = &data.verified * duration;
    let qa_power = qa_power_of(info.sector_size, duration, &verified_deal_weight)?;
    Ok(SectorOnChainInfo {
        deal_weight,
        verified_deal_weight,
        initial_pledge: pledge.initial_pledge(&qa_power)?,
        daily_fee: monies::daily_fee(policy, &pledge.circulating_supply, &qa_power),
        ..SectorOnChainInfo::committed(
            declared.sector_number,
            declared.seal_proof,
            declared.sealed_cid,
            now,
            declared.expiration,
        )
    })
}
