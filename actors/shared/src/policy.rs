//! The numbers of the protocol that a network may choose (spec 00 §21).

use boatyard_sdk::{NetworkVariant, Runtime};
use fvm_shared::clock::ChainEpoch;

use crate::time::{EPOCHS_IN_DAY, EPOCHS_IN_HOUR, EPOCHS_IN_YEAR};

/// Gives every [`Runtime`] the policy of its network.
pub trait PolicyExt: Runtime {
    /// The policy of the network that the code runs under.
    fn policy(&self) -> &'static Policy {
        Policy::of(self.variant())
    }
}

impl<RT: Runtime> PolicyExt for RT {}

/// A set of proof types by number.
///
/// Looks at the low 32 bits of a number only, as the protocol's code on the chain
/// does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofSet(u32);

impl ProofSet {
    const fn of(numbers: &[u32]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < numbers.len() {
            bits |= 1 << numbers[i];
            i += 1;
        }
        Self(bits)
    }

    /// Whether the proof type is in the set.
    ///
    /// ```
    /// use boatyard_actors_shared::Policy;
    /// use boatyard_sdk::NetworkVariant;
    /// use fvm_shared::sector::RegisteredPoStProof;
    ///
    /// let devnet = Policy::of(NetworkVariant::Devnet);
    /// let proof = RegisteredPoStProof::StackedDRGWindow2KiBV1P1;
    /// assert!(devnet.valid_post_proof_type.contains(proof));
    /// ```
    pub fn contains(&self, proof: impl Into<i64>) -> bool {
        let number = proof.into() as u32;
        number < u32::BITS && self.0 >> number & 1 == 1
    }

    /// The numbers in the set, in order.
    pub fn numbers(&self) -> impl Iterator<Item = i64> + '_ {
        (0..i64::from(u32::BITS)).filter(|number| self.contains(*number))
    }
}

/// A network's choices. Epochs are counts of epochs, sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The names are the protocol's; the sheet's table explains them.
pub struct Policy {
    // Different between networks.
    pub pre_commit_challenge_delay: ChainEpoch,
    pub minimum_verified_allocation_size: u64,
    pub prov_collateral_percent_supply_num: i64,
    pub minimum_consensus_power: u64,
    /// A tenth of `minimum_consensus_power`, rounded down.
    pub create_miner_deposit_power: u64,
    pub valid_post_proof_type: ProofSet,
    pub valid_pre_commit_proof_type: ProofSet,
    pub valid_prove_commit_ni_proof_type: ProofSet,

    // The same everywhere.
    pub max_aggregated_sectors: u64,
    pub min_aggregated_sectors: u64,
    pub max_aggregated_proof_size: usize,
    pub max_replica_update_proof_size: usize,
    pub expired_pre_commit_clean_up_delay: ChainEpoch,
    pub wpost_proving_period: ChainEpoch,
    pub wpost_challenge_window: ChainEpoch,
    pub wpost_period_deadlines: u64,
    pub wpost_max_chain_commit_age: ChainEpoch,
    pub wpost_dispute_window: ChainEpoch,
    pub sectors_max: usize,
    pub max_partitions_per_deadline: u64,
    pub max_control_addresses: usize,
    pub max_peer_id_length: usize,
    pub max_multiaddr_data: usize,
    pub addressed_partitions_max: u64,
    pub addressed_sectors_max: u64,
    pub posted_partitions_max: u64,
    pub max_pre_commit_randomness_lookback: ChainEpoch,
    pub max_aggregated_sectors_ni: u64,
    pub min_aggregated_sectors_ni: u64,
    pub max_prove_commit_ni_randomness_lookback: ChainEpoch,
    pub wpost_challenge_lookback: ChainEpoch,
    pub fault_declaration_cutoff: ChainEpoch,
    pub fault_max_age: ChainEpoch,
    pub worker_key_change_delay: ChainEpoch,
    pub min_sector_expiration: ChainEpoch,
    pub max_sector_expiration_extension: ChainEpoch,
    pub deal_limit_denominator: u64,
    pub consensus_fault_ineligibility_duration: ChainEpoch,
    pub new_sectors_per_period_max: usize,
    pub chain_finality: ChainEpoch,
    pub daily_fee_circulating_supply_qap_multiplier_num: u64,
    pub daily_fee_circulating_supply_qap_multiplier_denom: u128,
    pub daily_fee_block_reward_cap_denom: i64,
    pub minimum_verified_allocation_term: ChainEpoch,
    pub maximum_verified_allocation_term: ChainEpoch,
    pub maximum_verified_allocation_expiration: ChainEpoch,
    pub end_of_life_claim_drop_period: ChainEpoch,
    pub deal_updates_interval: ChainEpoch,
    pub prov_collateral_percent_supply_denom: i64,
    pub market_default_allocation_term_buffer: ChainEpoch,
}

impl Policy {
    /// The policy of a network.
    pub fn of(variant: NetworkVariant) -> &'static Policy {
        match variant {
            NetworkVariant::Mainnet => &MAINNET,
            NetworkVariant::Calibration => &CALIBRATION,
            NetworkVariant::Butterfly => &BUTTERFLY,
            NetworkVariant::Caterpillar => &CATERPILLAR,
            NetworkVariant::Devnet => &DEVNET,
            NetworkVariant::Testing => &TESTING,
        }
    }

    const fn with_consensus_power(mut self, bytes: u64) -> Self {
        self.minimum_consensus_power = bytes;
        self.create_miner_deposit_power = bytes / 10;
        self
    }

    /// The proof types of these sector sizes: 0 is 2 KiB, 1 is 8 MiB, 2 is
    /// 512 MiB, 3 is 32 GiB, 4 is 64 GiB.
    const fn with_sector_sizes<const N: usize>(mut self, sizes: [u32; N]) -> Self {
        let mut window = ProofSet(0);
        let mut interactive = ProofSet(0);
        let mut non_interactive = ProofSet(0);
        let mut i = 0;
        while i < N {
            window.0 |= ProofSet::of(&[10 + sizes[i]]).0;
            interactive.0 |= ProofSet::of(&[5 + sizes[i], 10 + sizes[i]]).0;
            non_interactive.0 |= ProofSet::of(&[15 + sizes[i]]).0;
            i += 1;
        }
        self.valid_post_proof_type = window;
        self.valid_pre_commit_proof_type = interactive;
        self.valid_prove_commit_ni_proof_type = non_interactive;
        self
    }

    const fn with_small_deals(mut self) -> Self {
        self.minimum_verified_allocation_size = 256;
        self
    }

    const fn with_short_precommit(mut self) -> Self {
        self.pre_commit_challenge_delay = 10;
        self
    }

    const fn without_provider_collateral(mut self) -> Self {
        self.prov_collateral_percent_supply_num = 0;
        self
    }
}

const COMMON: Policy = Policy {
    pre_commit_challenge_delay: 150,
    minimum_verified_allocation_size: 1 << 20,
    prov_collateral_percent_supply_num: 1,
    minimum_consensus_power: 0,
    create_miner_deposit_power: 0,
    valid_post_proof_type: ProofSet(0),
    valid_pre_commit_proof_type: ProofSet(0),
    valid_prove_commit_ni_proof_type: ProofSet(0),

    max_aggregated_sectors: 819,
    min_aggregated_sectors: 4,
    max_aggregated_proof_size: 81_960,
    max_replica_update_proof_size: 4_096,
    expired_pre_commit_clean_up_delay: 8 * EPOCHS_IN_HOUR,
    wpost_proving_period: EPOCHS_IN_DAY,
    wpost_challenge_window: EPOCHS_IN_HOUR / 2,
    wpost_period_deadlines: 48,
    wpost_max_chain_commit_age: EPOCHS_IN_HOUR / 2,
    wpost_dispute_window: 2 * FINALITY,
    sectors_max: 32 << 20,
    max_partitions_per_deadline: 3_000,
    max_control_addresses: 10,
    max_peer_id_length: 128,
    max_multiaddr_data: 1_024,
    addressed_partitions_max: 3_000,
    addressed_sectors_max: 25_000,
    posted_partitions_max: 3,
    max_pre_commit_randomness_lookback: EPOCHS_IN_DAY + FINALITY,
    max_aggregated_sectors_ni: 65,
    min_aggregated_sectors_ni: 1,
    max_prove_commit_ni_randomness_lookback: 180 * EPOCHS_IN_DAY,
    wpost_challenge_lookback: 20,
    fault_declaration_cutoff: 70,
    fault_max_age: 42 * EPOCHS_IN_DAY,
    worker_key_change_delay: FINALITY,
    min_sector_expiration: 180 * EPOCHS_IN_DAY,
    max_sector_expiration_extension: 1_278 * EPOCHS_IN_DAY,
    deal_limit_denominator: 1 << 27,
    consensus_fault_ineligibility_duration: FINALITY,
    new_sectors_per_period_max: 128 << 10,
    chain_finality: FINALITY,
    daily_fee_circulating_supply_qap_multiplier_num: 161_817,
    daily_fee_circulating_supply_qap_multiplier_denom: 10u128.pow(30),
    daily_fee_block_reward_cap_denom: 2,
    minimum_verified_allocation_term: 180 * EPOCHS_IN_DAY,
    maximum_verified_allocation_term: 5 * EPOCHS_IN_YEAR,
    maximum_verified_allocation_expiration: 60 * EPOCHS_IN_DAY,
    end_of_life_claim_drop_period: 30 * EPOCHS_IN_DAY,
    deal_updates_interval: 30 * EPOCHS_IN_DAY,
    prov_collateral_percent_supply_denom: 100,
    market_default_allocation_term_buffer: 90 * EPOCHS_IN_DAY,
};

const FINALITY: ChainEpoch = 900;

static MAINNET: Policy = COMMON
    .with_sector_sizes([3, 4])
    .with_consensus_power(10 << 40);

static CALIBRATION: Policy = COMMON
    .with_sector_sizes([3, 4])
    .with_consensus_power(32 << 30);

static BUTTERFLY: Policy = COMMON
    .with_sector_sizes([2, 3, 4])
    .with_consensus_power(2 << 30);

static CATERPILLAR: Policy = COMMON
    .with_sector_sizes([2, 3, 4])
    .with_small_deals()
    .with_short_precommit()
    .with_consensus_power(2 << 10);

static DEVNET: Policy = COMMON
    .with_sector_sizes([0, 1])
    .with_small_deals()
    .with_short_precommit()
    .with_consensus_power(2 << 10);

static TESTING: Policy = COMMON
    .with_sector_sizes([0, 1, 2, 3, 4])
    .with_small_deals()
    .with_short_precommit()
    .with_consensus_power(2 << 10)
    .without_provider_collateral();

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;
    use fvm_shared::sector::RegisteredSealProof;

    use super::*;

    /// The sheet's table of differences, column by column.
    #[test]
    fn networks_differ_as_the_sheet_says() {
        type Column<'a> = (
            NetworkVariant,
            i64,
            u64,
            i64,
            u64,
            u64,
            &'a [i64],
            &'a [i64],
            &'a [i64],
        );
        let columns: [Column; 6] = [
            (
                NetworkVariant::Mainnet,
                150,
                1_048_576,
                1,
                10_995_116_277_760,
                1_099_511_627_776,
                &[13, 14],
                &[8, 9, 13, 14],
                &[18, 19],
            ),
            (
                NetworkVariant::Calibration,
                150,
                1_048_576,
                1,
                34_359_738_368,
                3_435_973_836,
                &[13, 14],
                &[8, 9, 13, 14],
                &[18, 19],
            ),
            (
                NetworkVariant::Butterfly,
                150,
                1_048_576,
                1,
                2_147_483_648,
                214_748_364,
                &[12, 13, 14],
                &[7, 8, 9, 12, 13, 14],
                &[17, 18, 19],
            ),
            (
                NetworkVariant::Caterpillar,
                10,
                256,
                1,
                2_048,
                204,
                &[12, 13, 14],
                &[7, 8, 9, 12, 13, 14],
                &[17, 18, 19],
            ),
            (
                NetworkVariant::Devnet,
                10,
                256,
                1,
                2_048,
                204,
                &[10, 11],
                &[5, 6, 10, 11],
                &[15, 16],
            ),
            (
                NetworkVariant::Testing,
                10,
                256,
                0,
                2_048,
                204,
                &[10, 11, 12, 13, 14],
                &[5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
                &[15, 16, 17, 18, 19],
            ),
        ];
        for (variant, delay, allocation, collateral, power, deposit, post, seal, ni) in columns {
            let policy = Policy::of(variant);
            assert_eq!(
                (
                    policy.pre_commit_challenge_delay,
                    policy.minimum_verified_allocation_size,
                    policy.prov_collateral_percent_supply_num,
                    policy.minimum_consensus_power,
                    policy.create_miner_deposit_power,
                ),
                (delay, allocation, collateral, power, deposit),
                "{variant:?}"
            );
            let sets = [
                (policy.valid_post_proof_type, post),
                (policy.valid_pre_commit_proof_type, seal),
                (policy.valid_prove_commit_ni_proof_type, ni),
            ];
            for (set, numbers) in sets {
                assert_eq!(set.numbers().collect::<Vec<_>>(), numbers, "{variant:?}");
            }
        }
    }

    /// The sheet's table of what is the same everywhere.
    #[test]
    fn the_rest_is_the_same_everywhere() {
        let expected = Policy {
            expired_pre_commit_clean_up_delay: 960,
            wpost_proving_period: 2_880,
            wpost_challenge_window: 60,
            wpost_max_chain_commit_age: 60,
            wpost_dispute_window: 1_800,
            sectors_max: 33_554_432,
            max_pre_commit_randomness_lookback: 3_780,
            max_prove_commit_ni_randomness_lookback: 518_400,
            fault_max_age: 120_960,
            worker_key_change_delay: 900,
            min_sector_expiration: 518_400,
            max_sector_expiration_extension: 3_680_640,
            deal_limit_denominator: 134_217_728,
            consensus_fault_ineligibility_duration: 900,
            new_sectors_per_period_max: 131_072,
            chain_finality: 900,
            daily_fee_circulating_supply_qap_multiplier_denom:
                1_000_000_000_000_000_000_000_000_000_000,
            minimum_verified_allocation_term: 518_400,
            maximum_verified_allocation_term: 5_259_485,
            maximum_verified_allocation_expiration: 172_800,
            end_of_life_claim_drop_period: 86_400,
            deal_updates_interval: 86_400,
            market_default_allocation_term_buffer: 259_200,
            ..COMMON
        };
        assert_eq!(COMMON, expected);
        for variant in NetworkVariant::ALL {
            let policy = Policy::of(variant);
            let without_differences = Policy {
                pre_commit_challenge_delay: COMMON.pre_commit_challenge_delay,
                minimum_verified_allocation_size: COMMON.minimum_verified_allocation_size,
                prov_collateral_percent_supply_num: COMMON.prov_collateral_percent_supply_num,
                minimum_consensus_power: 0,
                create_miner_deposit_power: 0,
                valid_post_proof_type: ProofSet(0),
                valid_pre_commit_proof_type: ProofSet(0),
                valid_prove_commit_ni_proof_type: ProofSet(0),
                ..policy.clone()
            };
            assert_eq!(without_differences, COMMON, "{variant:?}");
        }
    }

    #[test]
    fn only_the_low_32_bits_of_a_proof_type_count() {
        let set = Policy::of(NetworkVariant::Testing).valid_pre_commit_proof_type;
        for (number, member) in [(5, true), (15, false), (32, false), (-1, false)] {
            assert_eq!(set.contains(number), member, "{number}");
        }
        assert!(set.contains(RegisteredSealProof::Invalid((1 << 32) + 5)));
    }

    #[test]
    fn actors_see_the_policy_of_their_network() {
        let rt = MockRuntime::new().variant(NetworkVariant::Devnet);
        let power = rt.within(|rt| Ok(rt.policy().minimum_consensus_power));
        assert_eq!(power, Ok(2_048));
    }
}
