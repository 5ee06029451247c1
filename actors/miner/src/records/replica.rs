//! A sector of zeros that got data: its new record (spec 05 §16, step 10).

use boatyard_actors_shared::Policy;
use boatyard_sdk::ActorError;
use cid::Cid;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::SectorSize;

use crate::monies::{self, PledgeInputs};
use crate::pieces::DataSpaces;
use crate::power::qa_power_of;
use crate::schema::{SIMPLE_QA_POWER, SectorOnChainInfo};

/// The record of `sector` from `now` on. Its pledge does not fall; its expiration
/// stays, and is not looked at even if it has passed.
///
/// # Errors
/// `USR_ASSERTION_FAILED` (24) in the very epoch in which the sector expires.
pub(crate) fn updated(
    policy: &Policy,
    size: SectorSize,
    sector: &SectorOnChainInfo,
    new_sealed_cid: Cid,
    data: &DataSpaces,
    pledge: &PledgeInputs,
    now: ChainEpoch,
) -> Result<SectorOnChainInfo, ActorError> {
    let duration = sector.expiration - now;
    let deal_weight = &data.unverified * duration;
    let verified_deal_weight = &data.verified * duration;
    let qa_power = qa_power_of(size, duration, &verified_deal_weight)?;
    let daily_fee = if sector.daily_fee.is_zero() {
        monies::daily_fee(policy, &pledge.circulating_supply, &qa_power)
    } else {
        let old_qa_power = qa_power_of(size, duration, &sector.verified_deal_weight)?;
        monies::adjusted_daily_fee(&sector.daily_fee, &old_qa_power, &qa_power)?
    };
    let initial_pledge = pledge.initial_pledge(&qa_power)?;
    Ok(SectorOnChainInfo {
        flags: sector.flags | SIMPLE_QA_POWER,
        sealed_cid: new_sealed_cid,
        sector_key_cid: sector.sector_key_cid.or(Some(sector.sealed_cid)),
        power_base_epoch: now,
        deal_weight,
        verified_deal_weight,
        expected_day_reward: None,
        expected_storage_pledge: None,
        replaced_day_reward: None,
        initial_pledge: initial_pledge.max(sector.initial_pledge.clone()),
        daily_fee,
        ..sector.clone()
    })
}

#[cfg(test)]
mod tests {
    use boatyard_actors_shared::FilterEstimate;
    use boatyard_sdk::NetworkVariant;
    use fvm_shared::bigint::BigInt;
    use fvm_shared::econ::TokenAmount;
    use fvm_shared::sector::RegisteredSealProof;
    use num_traits::Zero;

    use super::*;

    const SIZE: i64 = 32 << 30;

    /// Estimates and supply of the sheet's check values E1.
    fn pledge() -> PledgeInputs {
        PledgeInputs {
            reward: FilterEstimate::from_integers(BigInt::from(36) * 10u64.pow(18), 0),
            network_qa: FilterEstimate::from_integers(BigInt::from(20u128 << 60), 0),
            baseline: BigInt::from(25u128 << 60),
            circulating_supply: TokenAmount::from_whole(600_000_000),
            epochs_since_ramp_start: 1_000,
            ramp_duration_epochs: 1_000,
        }
    }

    fn cid(number: u64) -> Cid {
        Cid::new_v1(number, *Cid::default().hash())
    }

    fn sector() -> SectorOnChainInfo {
        let proof = RegisteredSealProof::StackedDRG32GiBV1P1;
        SectorOnChainInfo {
            expected_day_reward: Some(TokenAmount::from_atto(1)),
            expected_storage_pledge: Some(TokenAmount::from_atto(2)),
            replaced_day_reward: Some(TokenAmount::from_atto(3)),
            initial_pledge: TokenAmount::from_atto(5),
            flags: 2,
            ..SectorOnChainInfo::committed(7, proof, cid(1), 100, 600_000)
        }
    }

    fn update(old: &SectorOnChainInfo, verified: i64, now: ChainEpoch) -> SectorOnChainInfo {
        let data = DataSpaces {
            unverified: 1_024.into(),
            verified: verified.into(),
        };
        let policy = Policy::of(NetworkVariant::Mainnet);
        let size = SectorSize::_32GiB;
        updated(policy, size, old, cid(2), &data, &pledge(), now).unwrap()
    }

    #[test]
    fn weights_count_from_now_on() {
        let new = update(&sector(), 0, 1_000);
        let expected = SectorOnChainInfo {
            sealed_cid: cid(2),
            sector_key_cid: Some(cid(1)),
            deal_weight: BigInt::from(1_024) * 599_000,
            verified_deal_weight: BigInt::zero(),
            power_base_epoch: 1_000,
            expected_day_reward: None,
            expected_storage_pledge: None,
            replaced_day_reward: None,
            flags: 3,
            // Source: spec 05 §26.
            initial_pledge: TokenAmount::from_atto(233_759_880_065_917_968i64),
            daily_fee: TokenAmount::from_atto(3_335_993_870_096i64),
            ..sector()
        };
        assert_eq!(new, expected);
    }

    #[test]
    fn the_first_commr_is_remembered_for_good() {
        let again = SectorOnChainInfo {
            sector_key_cid: Some(cid(9)),
            ..sector()
        };
        assert_eq!(update(&again, 0, 1_000).sector_key_cid, Some(cid(9)));
    }

    #[test]
    fn pledges_only_rise_and_fees_follow_the_power() {
        let rich = SectorOnChainInfo {
            initial_pledge: TokenAmount::from_whole(9),
            daily_fee: TokenAmount::from_atto(77),
            ..sector()
        };
        let new = update(&rich, SIZE, 1_000);
        assert_eq!(new.initial_pledge, rich.initial_pledge);
        assert_eq!(new.daily_fee, TokenAmount::from_atto(770));
    }

    /// Nobody looks whether the sector has expired.
    #[test]
    fn only_the_epoch_of_expiration_is_refused() {
        let late = update(&sector(), SIZE, 600_001);
        assert_eq!(late.verified_deal_weight, BigInt::from(-SIZE));
        assert!(late.initial_pledge > sector().initial_pledge);
        let data = DataSpaces::default();
        let policy = Policy::of(NetworkVariant::Mainnet);
        let size = SectorSize::_32GiB;
        let refused = updated(policy, size, &sector(), cid(2), &data, &pledge(), 600_000);
        assert_eq!(refused.unwrap_err().exit_code().value(), 24);
    }
}
