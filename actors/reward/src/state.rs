//! What the state holds, and how an epoch passes.

use boatyard_actors_shared::FilterEstimate;
use boatyard_actors_shared::fixed_point::{PRECISION, ratio};
use boatyard_sdk::{AbiType, ActorError};
use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
use fvm_shared::bigint::{BigInt, bigint_ser};
use fvm_shared::clock::{ChainEpoch, EPOCH_UNDEFINED};
use fvm_shared::econ::TokenAmount;
use num_traits::Zero;

use crate::minting::{
    BASELINE_EXPONENT, BASELINE_INITIAL_VALUE, INIT_BASELINE_POWER, baseline_supply, simple_reward,
};

/// What simple minting gives in all.
const SIMPLE_TOTAL_FIL: u64 = 330_000_000;
/// What baseline minting gives in all.
const BASELINE_TOTAL_FIL: u64 = 770_000_000;
/// Where the smoothed reward begins, in attoFIL.
const INITIAL_REWARD_ESTIMATE: u128 = 36_266_260_308_195_979_333;
/// How it moves at first, in attoFIL per epoch.
const INITIAL_REWARD_VELOCITY: i64 = -109_897_758_509;

/// State of the reward actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize_tuple, Deserialize_tuple, AbiType)]
pub struct State {
    /// Sum of the effective baseline up to the effective time, in byte-epochs.
    #[serde(with = "bigint_ser")]
    pub cumsum_baseline: BigInt,
    /// Sum of the power up to now, capped by the baseline, in byte-epochs.
    #[serde(with = "bigint_ser")]
    pub cumsum_realized: BigInt,
    /// First epoch at which the baseline's sum reaches the power's.
    pub effective_network_time: ChainEpoch,
    /// Baseline at the effective time, in bytes.
    #[serde(with = "bigint_ser")]
    pub effective_baseline_power: BigInt,
    /// Reward of the whole epoch, for all its expected winners.
    pub this_epoch_reward: TokenAmount,
    /// The same, filtered, in attoFIL.
    pub this_epoch_reward_smoothed: FilterEstimate,
    /// Baseline at the epoch, in bytes.
    #[serde(with = "bigint_ser")]
    pub this_epoch_baseline_power: BigInt,
    /// Epoch for which the reward was computed.
    pub epoch: ChainEpoch,
    /// Block rewards paid so far, without gas.
    pub total_storage_power_reward: TokenAmount,
    /// What simple minting gives in all.
    pub simple_total: TokenAmount,
    /// What baseline minting gives in all.
    pub baseline_total: TokenAmount,
}

impl State {
    /// The state at genesis of a network with this power in bytes.
    ///
    /// # Errors
    /// None that can occur.
    pub fn new(realized_power: &BigInt) -> Result<Self, ActorError> {
        let mut state = Self {
            cumsum_baseline: BigInt::zero(),
            cumsum_realized: BigInt::zero(),
            effective_network_time: 0,
            effective_baseline_power: BASELINE_INITIAL_VALUE.into(),
            this_epoch_reward: TokenAmount::zero(),
            this_epoch_reward_smoothed: FilterEstimate::from_integers(
                INITIAL_REWARD_ESTIMATE,
                INITIAL_REWARD_VELOCITY,
            ),
            this_epoch_baseline_power: INIT_BASELINE_POWER.into(),
            epoch: EPOCH_UNDEFINED,
            total_storage_power_reward: TokenAmount::zero(),
            simple_total: TokenAmount::from_whole(SIMPLE_TOTAL_FIL),
            baseline_total: TokenAmount::from_whole(BASELINE_TOTAL_FIL),
        };
        state.advance_with_reward(realized_power)?;
        Ok(state)
    }

    /// Lets the epochs up to `current` pass at this power and computes the reward
    /// of the one after. Epochs in between only move the baseline: what they would
    /// have minted is not made up for.
    ///
    /// # Errors
    /// `USR_ASSERTION_FAILED` (24) for a state that no sequence of calls reaches.
    pub fn pass_epochs(&mut self, current: ChainEpoch, power: &BigInt) -> Result<(), ActorError> {
        let before = self.epoch;
        while self.epoch < current {
            self.advance(power);
        }
        self.advance_with_reward(power)?;
        self.this_epoch_reward_smoothed = self
            .this_epoch_reward_smoothed
            .next(self.this_epoch_reward.atto(), self.epoch - before)?;
        Ok(())
    }

    fn advance(&mut self, power: &BigInt) {
        self.epoch += 1;
        self.this_epoch_baseline_power =
            (&self.this_epoch_baseline_power * &*BASELINE_EXPONENT) >> PRECISION;
        self.cumsum_realized += (&self.this_epoch_baseline_power).min(power);
        while self.cumsum_realized > self.cumsum_baseline {
            self.effective_network_time += 1;
            self.effective_baseline_power =
                (&self.effective_baseline_power * &*BASELINE_EXPONENT) >> PRECISION;
            self.cumsum_baseline += &self.effective_baseline_power;
        }
    }

    fn advance_with_reward(&mut self, power: &BigInt) -> Result<(), ActorError> {
        let theta_before = self.theta()?;
        self.advance(power);
        let theta_now = self.theta()?;
        let simple = simple_reward(self.epoch, &self.simple_total)?;
        let baseline = baseline_supply(&theta_now, &self.baseline_total)?
            - baseline_supply(&theta_before, &self.baseline_total)?;
        self.this_epoch_reward = TokenAmount::from_atto((simple + baseline) >> PRECISION);
        Ok(())
    }

    /// Effective network time with its fraction, in Q.128.
    fn theta(&self) -> Result<BigInt, ActorError> {
        if self.effective_network_time == 0 {
            return Ok(BigInt::zero());
        }
        let ahead = &self.cumsum_baseline - &self.cumsum_realized;
        let whole = BigInt::from(self.effective_network_time) << PRECISION;
        Ok(whole - ratio(&ahead, &self.effective_baseline_power)?)
    }
}

#[cfg(test)]
mod tests {
    use boatyard_mock::MockRuntime;

    use super::*;

    fn big(digits: &str) -> BigInt {
        digits.parse().unwrap()
    }

    fn head(state: &State) -> String {
        MockRuntime::new().set_state(state).head().to_string()
    }

    fn genesis(power: u64) -> State {
        State::new(&power.into()).unwrap()
    }

    fn pass(state: &mut State, epoch: ChainEpoch, power: u64) {
        state.pass_epochs(epoch, &power.into()).unwrap();
    }

    fn reward(state: &State) -> String {
        state.this_epoch_reward.atto().to_string()
    }

    /// Source: spec 03 §4.2.
    #[test]
    fn the_first_state_has_the_protocols_bytes() {
        let bytes = fvm_ipld_encoding::to_vec(&genesis(0)).unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            concat!(
                "8b4040004900281765215ff9e0004a0001f74ba73a7104d49382581a0001f74b",
                "a39a79deb04500000000000000000000000000000000560119966ab72d000000",
                "000000000000000000000000004900281765215ff9dfff00404d000110f837d8",
                "942a518a0000004d00027cedd7a40462be42000000"
            )
        );
    }

    /// Source: spec 03 §4.2, "Power 0 from genesis on".
    #[test]
    fn a_network_without_power_mints_simply() {
        let mut state = genesis(0);
        assert_eq!(
            (state.epoch, reward(&state).as_str()),
            (0, "36266264293777134739")
        );
        assert_eq!(
            head(&state),
            "bafy2bzaceaslbmsgmgmfi6pn2osvqcfuqinauuyt67zifnefurhpk4zxd2fos"
        );
        for (epoch, minted, baseline, position, velocity, cid) in [
            (
                1,
                "36266256322615261933",
                "2888892689791671414",
                "12340768821065953763744428894346489583398219270631079280640",
                "-37396451347677396871606562373739139597454335279104",
                "bafy2bzacec2d4ad5rvederinh5gtqh5vy5wtcu7e6ub2o6baehve42b5zsapc",
            ),
            (
                2,
                "36266252337034982540",
                "2888894594689391216",
                "12340768781265370619951777245116603688102032871656790809170",
                "-37397189483200302443576428289825858447240215214384",
                "bafy2bzaced743mx4p3iop3vc2pt6fb4oasy457ld5vtjix3nbe4m3skl4ruhy",
            ),
        ] {
            pass(&mut state, epoch, 0);
            assert_eq!(state.epoch, epoch + 1);
            assert_eq!(reward(&state), minted);
            assert_eq!(state.this_epoch_baseline_power, big(baseline));
            assert_eq!(state.this_epoch_reward_smoothed.position, big(position));
            assert_eq!(state.this_epoch_reward_smoothed.velocity, big(velocity));
            assert_eq!(head(&state), cid);
        }
        assert_eq!(state.effective_network_time, 0);
    }

    /// Source: spec 03 §4.2.
    #[test]
    fn a_little_power_is_all_realized() {
        let mut state = genesis(0);
        for (epoch, power, realized, minted, cid) in [
            (
                1,
                20_480,
                40_960u64,
                "36266256322615861833",
                "bafy2bzacebhkpmmi4lejb4sv3k2p4pmlcq7ynladfxi26yhwix2p7zssnwi7s",
            ),
            (
                2,
                20_480,
                61_440,
                "36266252337035582440",
                "bafy2bzacedfcny5ansi6zwpkegkuyeq5vnqob6ie7asgcj4hxdkpktr2zhxko",
            ),
            (
                3,
                40_960,
                102_400,
                "36266248351456340952",
                "bafy2bzacecc2vq34d5ciqalki3wxqonoo5s5ii7pdq4ri7il47hbzwzcakyhw",
            ),
        ] {
            pass(&mut state, epoch, power);
            assert_eq!(state.cumsum_baseline, big("2888890784895207676"));
            assert_eq!(state.cumsum_realized, BigInt::from(realized));
            assert_eq!(state.effective_network_time, 1);
            assert_eq!(reward(&state), minted);
            assert_eq!(head(&state), cid);
        }
    }

    /// Source: spec 03 §4.2: epochs 3 and 4 are null rounds without a tick.
    #[test]
    fn null_rounds_move_the_baseline_without_minting() {
        let mut state = genesis(0);
        for epoch in [1, 2, 5] {
            pass(&mut state, epoch, 1 << 50);
        }
        assert_eq!(state.epoch, 6);
        assert_eq!(state.cumsum_realized, big("6755399441055744"));
        assert_eq!(reward(&state), "36299220197423655367");
        assert_eq!(
            state.this_epoch_reward_smoothed,
            FilterEstimate {
                position: big("12340799792307173729791584618450697350410948595200180344089"),
                velocity: big("-31559574257440742968245313792485720795243379420014"),
            }
        );
        assert_eq!(
            head(&state),
            "bafy2bzacedpvxfmmkzvlnvrwxjmiw5u4lnvhcbw7zg6kucls2vgkd5o2qtcfk"
        );
    }

    /// Source: spec 03 §4.2.
    #[test]
    fn power_at_genesis_counts_at_once() {
        let state = genesis(1 << 50);
        assert_eq!(reward(&state), "36299244110911080488");
        assert_eq!(state.cumsum_baseline, big("2888890784895207676"));
        assert_eq!(state.effective_network_time, 1);
        assert_eq!(
            head(&state),
            "bafy2bzacebvyrjin73ceol4ovojysvdwethhz5zxtzmd5fqtxx6ux3j3n6dni"
        );
    }

    /// Source: spec 03 §4.2.
    #[test]
    fn power_above_the_baseline_counts_up_to_it() {
        let mut state = genesis(0);
        for epoch in 1..=10 {
            pass(&mut state, epoch, 1 << 62);
        }
        assert_eq!(state.effective_network_time, 11);
        assert_eq!(state.cumsum_baseline, big("31777903403360040829"));
        assert_eq!(state.cumsum_realized, big("31777903403360040818"));
        assert_eq!(reward(&state), "120887401508028385371");
        assert_eq!(
            head(&state),
            "bafy2bzacedv6garr5siqdr4ayu6ktkqhpcju7cq7bnxx4wurqst5cxl4tau7g"
        );
    }

    /// With `epoch` ahead of the current epoch one step is made all the same.
    #[test]
    fn every_update_advances_by_one_epoch_at_least() {
        let mut state = genesis(0);
        pass(&mut state, 5, 0);
        assert_eq!(state.epoch, 6);
        pass(&mut state, 6, 0);
        assert_eq!(state.epoch, 7);
        pass(&mut state, 0, 0);
        assert_eq!(state.epoch, 8);
    }
}
