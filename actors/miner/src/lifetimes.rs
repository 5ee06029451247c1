//! How long sectors may take to come and how long they may stay (spec 05 §4, §5.8).

use boatyard_actors_shared::Policy;
use boatyard_actors_shared::sectors::{SealFamily, seal_family};
use boatyard_actors_shared::time::{EPOCHS_IN_DAY, EPOCHS_IN_YEAR};
use boatyard_sdk::{ActorError, Context, ensure, exit_codes::*};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::{RegisteredSealProof, SectorSize};

/// Sectors hold this many deals at least, however small they are.
const MIN_DEALS_MAX: u64 = 256;

/// Epochs after its pre-commit in which a sector can be proven, the last one included.
///
/// `None` for seals that need no pre-commit, and for unknown ones.
pub fn max_prove_commit_duration(
    policy: &Policy,
    seal_proof: RegisteredSealProof,
) -> Option<ChainEpoch> {
    let days = match seal_family(seal_proof)? {
        SealFamily::V1 => 1,
        SealFamily::V1P1 | SealFamily::Synthetic => 30,
        SealFamily::NonInteractive => return None,
    };
    Some(days * EPOCHS_IN_DAY + policy.pre_commit_challenge_delay)
}

/// Epochs that a sector may live in all, extensions included; `None` for an unknown
/// seal.
pub fn max_lifetime(seal_proof: RegisteredSealProof) -> Option<ChainEpoch> {
    Some(match seal_family(seal_proof)? {
        SealFamily::V1 => 540 * EPOCHS_IN_DAY,
        _ => 5 * EPOCHS_IN_YEAR,
    })
}

/// Checks the expiration of a sector that begins at `activation`, a non-negative
/// epoch.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) when it is too soon or too late.
///
/// Source: spec 05 §5.8.
pub fn check_expiration(
    policy: &Policy,
    now: ChainEpoch,
    activation: ChainEpoch,
    expiration: ChainEpoch,
    seal_proof: RegisteredSealProof,
) -> Result<(), ActorError> {
    ensure!(
        expiration > activation,
        USR_ILLEGAL_ARGUMENT,
        "a sector that begins at {activation} cannot expire at {expiration}"
    );
    let lifetime = expiration - activation;
    ensure!(
        lifetime >= policy.min_sector_expiration,
        USR_ILLEGAL_ARGUMENT,
        "a sector that begins at {activation} and expires at {expiration} lives less than {} epochs",
        policy.min_sector_expiration
    );
    ensure!(
        expiration <= now + policy.max_sector_expiration_extension,
        USR_ILLEGAL_ARGUMENT,
        "expiration {expiration} is more than {} epochs from now, {now}",
        policy.max_sector_expiration_extension
    );
    let longest = max_lifetime(seal_proof).or_exit(
        USR_ILLEGAL_ARGUMENT,
        format_args!("unknown seal proof {}", i64::from(seal_proof)),
    )?;
    ensure!(
        lifetime <= longest,
        USR_ILLEGAL_ARGUMENT,
        "a sector that begins at {activation} and expires at {expiration} lives more than {longest} epochs"
    );
    Ok(())
}

/// How many deals a pre-commit may name.
pub fn max_deals(policy: &Policy, size: SectorSize) -> u64 {
    MIN_DEALS_MAX.max(size as u64 / policy.deal_limit_denominator)
}

#[cfg(test)]
mod tests {
    use boatyard_sdk::NetworkVariant;

    use super::*;

    const V1: RegisteredSealProof = RegisteredSealProof::StackedDRG32GiBV1;
    const V1P1: RegisteredSealProof = RegisteredSealProof::StackedDRG32GiBV1P1;

    /// Source: spec 05 §4.
    #[test]
    fn durations_are_the_sheets() {
        for (variant, delay) in [(NetworkVariant::Mainnet, 150), (NetworkVariant::Devnet, 10)] {
            let policy = Policy::of(variant);
            for (number, duration) in [
                (3, Some(2_880 + delay)),
                (8, Some(86_400 + delay)),
                (13, Some(86_400 + delay)),
                (18, None),
                (20, None),
                (-1, None),
            ] {
                let proof = RegisteredSealProof::from(number);
                assert_eq!(
                    max_prove_commit_duration(policy, proof),
                    duration,
                    "{number}"
                );
            }
        }
        assert_eq!(max_lifetime(V1), Some(1_555_200));
        assert_eq!(max_lifetime(V1P1), Some(5_259_485));
        assert_eq!(max_lifetime(RegisteredSealProof::Invalid(99)), None);
    }

    #[test]
    fn expirations_have_bounds_on_both_sides() {
        let policy = Policy::of(NetworkVariant::Mainnet);
        let check = |now, activation, expiration, proof| {
            check_expiration(policy, now, activation, expiration, proof)
                .map_err(|error| error.exit_code().value())
        };
        for (now, activation, expiration, proof, verdict) in [
            (0, 1_000, 1_000, V1P1, Err(16)),
            (0, 1_000, i64::MIN, V1P1, Err(16)),
            (0, 1_000, 1_000 + 518_399, V1P1, Err(16)),
            (0, 1_000, 1_000 + 518_400, V1P1, Ok(())),
            (500, 1_000, 500 + 3_680_640, V1P1, Ok(())),
            (500, 1_000, 500 + 3_680_641, V1P1, Err(16)),
            (500, 1_000, i64::MAX, V1P1, Err(16)),
            (500, 1_000, 1_000 + 1_555_200, V1, Ok(())),
            (500, 1_000, 1_000 + 1_555_201, V1, Err(16)),
            (4_000_000, 1_000, 1_000 + 5_259_485, V1P1, Ok(())),
            (4_000_000, 1_000, 1_000 + 5_259_486, V1P1, Err(16)),
            (
                500,
                1_000,
                600_000,
                RegisteredSealProof::Invalid(20),
                Err(16),
            ),
        ] {
            assert_eq!(
                check(now, activation, expiration, proof),
                verdict,
                "{now} {activation} {expiration}"
            );
        }
    }

    #[test]
    fn large_sectors_take_more_deals() {
        let policy = Policy::of(NetworkVariant::Mainnet);
        assert_eq!(max_deals(policy, SectorSize::_2KiB), 256);
        assert_eq!(max_deals(policy, SectorSize::_32GiB), 256);
        assert_eq!(max_deals(policy, SectorSize::_64GiB), 512);
    }
}
