//! A sector that shall live longer: its new record (spec 05 §19, step 3).

use boatyard_actors_shared::Policy;
use boatyard_actors_shared::fixed_point::div_floor;
use boatyard_sdk::{ActorError, Context, ensure, exit_codes::*};
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{SectorSize, StoragePower};
use num_traits::{Signed, Zero};

use crate::lifetimes::check_expiration;
use crate::monies;
use crate::schema::{SIMPLE_QA_POWER, SectorOnChainInfo};

/// The first network version that takes a daily fee of sectors made before it.
const FEES_FOR_OLD_SECTORS: u32 = 26;

/// Claims of a sector, as its declarations name them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ClaimSpaces {
    /// Bytes of all that were looked at.
    pub checked: u64,
    /// Bytes of those that are kept.
    pub maintained: u64,
}

/// The chain around an extension.
pub(crate) struct Surroundings<'a> {
    pub policy: &'a Policy,
    pub now: ChainEpoch,
    pub network_version: u32,
    pub circulating_supply: TokenAmount,
    pub size: SectorSize,
}

impl Surroundings<'_> {
    /// The record of `sector` when it is to live until `expiration`. Its pledge stays.
    ///
    /// `claims` is what the declarations say of the sector's claims; it counts only
    /// for sectors with [`SIMPLE_QA_POWER`] and verified weight.
    ///
    /// # Errors
    /// | exit code | when |
    /// |---|---|
    /// | 16 | the new expiration is before the old one or out of bounds; claims are missing or not those of the sector |
    /// | 18 | the sector has expired; claims are dropped too early |
    /// | 24 | nothing is left of the sector's life |
    pub fn extended(
        &self,
        sector: &SectorOnChainInfo,
        expiration: ChainEpoch,
        claims: Option<&ClaimSpaces>,
    ) -> Result<SectorOnChainInfo, ActorError> {
        self.check(sector, expiration)
            .map_err(|error| error.context(format_args!("sector {}", sector.sector_number)))?;
        let mut extended = if sector.flags & SIMPLE_QA_POWER != 0 {
            self.with_simple_power(sector, expiration, claims)?
        } else {
            self.with_old_power(sector, expiration)?
        };
        extended.daily_fee = self.daily_fee(sector, &extended)?;
        Ok(extended)
    }

    fn check(&self, sector: &SectorOnChainInfo, expiration: ChainEpoch) -> Result<(), ActorError> {
        ensure!(
            sector.expiration >= self.now,
            USR_FORBIDDEN,
            "it expired at {}",
            sector.expiration
        );
        ensure!(
            expiration >= sector.expiration,
            USR_ILLEGAL_ARGUMENT,
            "it lives until {}, and cannot end at {expiration} instead",
            sector.expiration
        );
        check_expiration(
            self.policy,
            self.now,
            sector.activation,
            expiration,
            sector.seal_proof,
        )
    }

    /// Quality by space: claims are accounted for one by one.
    fn with_simple_power(
        &self,
        sector: &SectorOnChainInfo,
        expiration: ChainEpoch,
        claims: Option<&ClaimSpaces>,
    ) -> Result<SectorOnChainInfo, ActorError> {
        let number = sector.sector_number;
        let old_duration = BigInt::from(sector.expiration - sector.power_base_epoch);
        let left = sector.expiration - self.now;
        let mut extended = SectorOnChainInfo {
            expiration,
            power_base_epoch: self.now,
            ..sector.clone()
        };
        if sector.deal_weight.is_positive() {
            extended.deal_weight = div_truncated(&sector.deal_weight * left, &old_duration)?;
        }
        if sector.verified_deal_weight.is_positive() {
            let space = div_truncated(sector.verified_deal_weight.clone(), &old_duration)?;
            let claims = claims.or_exit(
                USR_ILLEGAL_ARGUMENT,
                format_args!("the claims of sector {number} are not declared"),
            )?;
            ensure!(
                BigInt::from(claims.checked) == space,
                USR_ILLEGAL_ARGUMENT,
                "claims of {} bytes are declared for sector {number}, it has {space}",
                claims.checked
            );
            ensure!(
                claims.checked == claims.maintained
                    || left <= self.policy.end_of_life_claim_drop_period,
                USR_FORBIDDEN,
                "sector {number} may drop claims {} epochs before it expires, not {left}",
                self.policy.end_of_life_claim_drop_period
            );
            extended.verified_deal_weight =
                BigInt::from(claims.maintained) * (expiration - self.now);
            forget_rewards(&mut extended);
        }
        Ok(extended)
    }

    /// Quality by space and time: what is left of the weights is spread over the new
    /// life.
    fn with_old_power(
        &self,
        sector: &SectorOnChainInfo,
        expiration: ChainEpoch,
    ) -> Result<SectorOnChainInfo, ActorError> {
        let old_duration = BigInt::from(sector.expiration - sector.power_base_epoch);
        let left = sector.expiration - self.now;
        let rest = |weight: &BigInt| div_floor(&(weight * left), &old_duration);
        let mut extended = SectorOnChainInfo {
            expiration,
            power_base_epoch: self.now,
            deal_weight: rest(&sector.deal_weight)?,
            verified_deal_weight: rest(&sector.verified_deal_weight)?,
            ..sector.clone()
        };
        forget_rewards(&mut extended);
        Ok(extended)
    }

    fn daily_fee(
        &self,
        old: &SectorOnChainInfo,
        new: &SectorOnChainInfo,
    ) -> Result<TokenAmount, ActorError> {
        let new_power: StoragePower = new.qa_power(self.size)?;
        if !old.daily_fee.is_zero() {
            let old_power = old.qa_power(self.size)?;
            return monies::adjusted_daily_fee(&old.daily_fee, &old_power, &new_power);
        }
        if self.network_version < FEES_FOR_OLD_SECTORS {
            return Ok(TokenAmount::zero());
        }
        Ok(monies::daily_fee(
            self.policy,
            &self.circulating_supply,
            &new_power,
        ))
    }
}

fn forget_rewards(sector: &mut SectorOnChainInfo) {
    sector.expected_day_reward = None;
    sector.expected_storage_pledge = None;
    sector.replaced_day_reward = None;
}

/// Division toward zero.
fn div_truncated(numerator: BigInt, denominator: &BigInt) -> Result<BigInt, ActorError> {
    ensure!(
        !denominator.is_zero(),
        USR_ASSERTION_FAILED,
        "a sector without duration"
    );
    Ok(numerator / denominator)
}

#[cfg(test)]
mod tests {
    use boatyard_sdk::NetworkVariant;
    use cid::Cid;
    use fvm_shared::sector::RegisteredSealProof;

    use super::*;

    const SIZE: i64 = 32 << 30;
    const YEAR: ChainEpoch = 1_051_200;

    fn now(epoch: ChainEpoch) -> Surroundings<'static> {
        Surroundings {
            policy: Policy::of(NetworkVariant::Mainnet),
            now: epoch,
            network_version: 28,
            circulating_supply: TokenAmount::from_whole(600_000_000),
            size: SectorSize::_32GiB,
        }
    }

    /// A sector of the first year, with the fee of its power and old reward fields.
    fn sector() -> SectorOnChainInfo {
        let proof = RegisteredSealProof::StackedDRG32GiBV1P1;
        SectorOnChainInfo {
            daily_fee: TokenAmount::from_atto(1_000_000),
            initial_pledge: TokenAmount::from_whole(1),
            expected_day_reward: Some(TokenAmount::from_atto(1)),
            expected_storage_pledge: Some(TokenAmount::from_atto(2)),
            replaced_day_reward: Some(TokenAmount::from_atto(3)),
            ..SectorOnChainInfo::committed(7, proof, Cid::default(), 0, YEAR)
        }
    }

    /// Filled with verified data for its life.
    fn verified() -> SectorOnChainInfo {
        SectorOnChainInfo {
            verified_deal_weight: BigInt::from(SIZE) * YEAR,
            ..sector()
        }
    }

    fn claims(checked: i64, maintained: i64) -> ClaimSpaces {
        ClaimSpaces {
            checked: checked as u64,
            maintained: maintained as u64,
        }
    }

    fn forgotten(sector: &SectorOnChainInfo) -> bool {
        sector.expected_day_reward.is_none()
            && sector.expected_storage_pledge.is_none()
            && sector.replaced_day_reward.is_none()
    }

    #[test]
    fn a_sector_of_zeros_only_lives_longer() {
        let extended = now(100_000).extended(&sector(), 2 * YEAR, None).unwrap();
        let expected = SectorOnChainInfo {
            expiration: 2 * YEAR,
            power_base_epoch: 100_000,
            ..sector()
        };
        assert_eq!(extended, expected, "old reward fields are kept as well");
    }

    /// 10 · 951 200 / 1 051 200 is 9.05: the old weight is over 1 051 200 epochs, of
    /// which 951 200 are left.
    #[test]
    fn what_is_left_of_unverified_weight_is_kept_with_either_flag() {
        let weighted = |flags, weight: i64| SectorOnChainInfo {
            deal_weight: BigInt::from(weight),
            flags,
            ..sector()
        };
        for (flags, weight, left) in [
            (SIMPLE_QA_POWER, 10, 9),
            (SIMPLE_QA_POWER, -10, -10),
            (0, 10, 9),
            (0, -10, -10),
        ] {
            let old = weighted(flags, weight);
            let extended = now(100_000).extended(&old, 2 * YEAR, None).unwrap();
            assert_eq!(extended.deal_weight, left.into(), "{flags} {weight}");
            assert_eq!(extended.flags, flags);
            assert_eq!(forgotten(&extended), flags == 0);
        }
    }

    #[test]
    fn maintained_claims_count_for_the_new_life() {
        let extended = now(100_000)
            .extended(&verified(), 2 * YEAR, Some(&claims(SIZE, SIZE)))
            .unwrap();
        let expected = BigInt::from(SIZE) * (2 * YEAR - 100_000);
        assert_eq!(extended.verified_deal_weight, expected);
        assert_eq!(
            extended.daily_fee,
            sector().daily_fee,
            "its power is the same"
        );
        assert!(forgotten(&extended));
    }

    #[test]
    fn claims_are_dropped_in_the_last_month() {
        let month = 86_400;
        let drop = claims(SIZE, SIZE / 2);
        let early = now(YEAR - month - 1).extended(&verified(), 2 * YEAR, Some(&drop));
        assert_eq!(early.unwrap_err().exit_code().value(), 18);
        let late = now(YEAR - month)
            .extended(&verified(), 2 * YEAR, Some(&drop))
            .unwrap();
        assert_eq!(
            late.verified_deal_weight,
            BigInt::from(SIZE / 2) * (YEAR + month)
        );
        // From ten times the size to five and a half times.
        assert_eq!(late.daily_fee, TokenAmount::from_atto(550_000));
    }

    #[test]
    fn every_claim_is_accounted_for() {
        for wrong in [
            None,
            Some(claims(SIZE - 1, SIZE - 1)),
            Some(claims(SIZE + 1, SIZE)),
        ] {
            let refused = now(100_000).extended(&verified(), 2 * YEAR, wrong.as_ref());
            assert_eq!(refused.unwrap_err().exit_code().value(), 16, "{wrong:?}");
        }
    }

    /// The weight moves with the sector, and nobody asks for claims.
    #[test]
    fn old_quality_is_spread_over_the_new_life() {
        let old = SectorOnChainInfo {
            flags: 2,
            ..verified()
        };
        let extended = now(100_000).extended(&old, 2 * YEAR, None).unwrap();
        assert_eq!(
            extended.verified_deal_weight,
            BigInt::from(SIZE) * (YEAR - 100_000)
        );
        assert_eq!(extended.flags, 2);
        assert!(extended.daily_fee < old.daily_fee, "quality has fallen");
        assert!(forgotten(&extended));
    }

    #[test]
    fn sectors_without_fee_get_one_from_network_version_26_on() {
        let old = SectorOnChainInfo {
            daily_fee: TokenAmount::zero(),
            ..sector()
        };
        let at = |network_version| {
            let surroundings = Surroundings {
                network_version,
                ..now(100_000)
            };
            surroundings
                .extended(&old, 2 * YEAR, None)
                .unwrap()
                .daily_fee
        };
        assert_eq!(at(25), TokenAmount::zero());
        assert_eq!(at(26), TokenAmount::from_atto(3_335_993_870_096i64));
    }

    #[test]
    fn expirations_are_checked_before_anything_else() {
        let old = verified();
        for (epoch, expiration, code) in [
            (YEAR + 1, 2 * YEAR, 18),
            (100_000, YEAR - 1, 16),
            (100_000, i64::MIN, 16),
            (100_000, 100_000 + 3_680_641, 16),
            (100_000, i64::MAX, 16),
        ] {
            let refused = now(epoch).extended(&old, expiration, None);
            let got = refused.unwrap_err().exit_code().value();
            assert_eq!(got, code, "{epoch} {expiration}");
        }
        let no_time_left = now(YEAR).extended(&sector(), YEAR, None);
        assert_eq!(no_time_left.unwrap_err().exit_code().value(), 24);
    }
}
