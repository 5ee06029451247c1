//! Power and reward.

use boatyard_actors_shared::Policy;
use boatyard_actors_shared::ext::power::{
    CREATE_MINER, CreateMinerParams, ENROLL_CRON_EVENT, EnrollCronEventParams, ON_EPOCH_TICK_END,
    UPDATE_CLAIMED_POWER, UPDATE_PLEDGE_TOTAL, UpdateClaimedPowerParams,
};
use boatyard_actors_shared::ext::reward::{
    AWARD_BLOCK_REWARD, AwardBlockRewardParams, THIS_EPOCH_REWARD, UPDATE_NETWORK_KPI,
};
use boatyard_mock::hostile::Choices;
use boatyard_sdk::NetworkVariant;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::bigint::{BigInt, bigint_ser::BigIntSer};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::RegisteredPoStProof;

use crate::cast::{MINER, MINER_2, OWNER, SECTOR_SIZE, WORKER, id};
use crate::input::one_of;
use crate::stage::{Call, Stage, Subject, readable};

pub(crate) struct Power;

fn create_miner() -> Call {
    let params = CreateMinerParams {
        owner: id(OWNER),
        worker: id(WORKER),
        window_post_proof_type: RegisteredPoStProof::StackedDRGWindow2KiBV1P1,
        peer: RawBytes::new(vec![1]),
        multiaddrs: vec![],
    };
    Call::new(OWNER, CREATE_MINER)
        .with(&params)
        .paying(TokenAmount::from_whole(10))
}

fn tick() -> Call {
    Call::new(3, ON_EPOCH_TICK_END)
}

impl Subject for Power {
    type Actor = boatyard_power::Power;
    const ID: ActorID = 4;
    const TRUSTED: &'static [ActorID] = &[0, MINER, MINER_2];

    fn begin(_: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        vec![Call::new(0, 1), create_miner()]
    }

    fn plan(stage: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        let miner = one_of(choices, &[MINER, MINER, MINER_2]);
        let sectors = one_of(choices, &[1, 2, -1, -2, 1 << 20, -(1 << 20)]);
        Some(match choices.below(8) {
            0 => create_miner(),
            1 | 2 => Call::new(miner, UPDATE_CLAIMED_POWER).with(&UpdateClaimedPowerParams {
                raw_byte_delta: BigInt::from(sectors * SECTOR_SIZE as i64),
                quality_adjusted_delta: BigInt::from(
                    sectors * SECTOR_SIZE as i64 * one_of(choices, &[1, 10]),
                ),
            }),
            3 | 4 => Call::new(miner, ENROLL_CRON_EVENT).with(&EnrollCronEventParams {
                event_epoch: stage.now() + one_of(choices, &[-1, 0, 1, 60, 2_880]),
                payload: RawBytes::new(vec![0x81, choices.below(3) as u8]),
            }),
            5 => Call::new(miner, UPDATE_PLEDGE_TOTAL).with(&TokenAmount::from_atto(sectors)),
            _ => tick(),
        })
    }

    /// Not far at once: a tick looks at every epoch since the last one.
    fn advance(stage: &Stage, to: ChainEpoch) {
        stage.rt.epoch(to.min(stage.now() + 8_000));
        stage.call::<Self>(&tick()).expect("cron never fails");
    }

    fn violations(stage: &Stage) -> Vec<String> {
        let policy = Policy::of(NetworkVariant::Devnet);
        readable(stage, |state| {
            boatyard_power::invariants::check(state, stage.rt.store(), policy)
        })
    }
}

pub(crate) struct Reward;

impl Subject for Reward {
    type Actor = boatyard_reward::Reward;
    const ID: ActorID = 2;
    const TRUSTED: &'static [ActorID] = &[0, 4];

    fn begin(stage: &Stage, _: &mut dyn Choices) -> Vec<Call> {
        stage.rt.balance(2, TokenAmount::from_whole(1_100_000_000));
        vec![Call::new(0, 1).with(&BigIntSer(&BigInt::from(1u64 << 50)))]
    }

    fn plan(stage: &Stage, choices: &mut dyn Choices) -> Option<Call> {
        let atto = |amount: u64| TokenAmount::from_atto(amount);
        Some(match choices.below(4) {
            0 | 1 => {
                // The machine pays the fees in with the call.
                let gas_reward = atto(one_of(choices, &[0, 1, 1u64 << 60]));
                let params = AwardBlockRewardParams {
                    miner: id(one_of(choices, &[MINER, OWNER])),
                    penalty: atto(one_of(choices, &[0, 1, 1u64 << 60])),
                    gas_reward: gas_reward.clone(),
                    win_count: one_of(choices, &[1, 5, 0, i64::MAX]),
                };
                Call::new(0, AWARD_BLOCK_REWARD)
                    .with(&params)
                    .paying(gas_reward)
            }
            2 => {
                stage.rt.epoch(stage.now() + 1);
                let power = BigInt::from(1u64 << choices.below(64));
                Call::new(4, UPDATE_NETWORK_KPI).with(&BigIntSer(&power))
            }
            _ => Call::new(OWNER, THIS_EPOCH_REWARD),
        })
    }

    fn violations(stage: &Stage) -> Vec<String> {
        readable(stage, |state: &boatyard_reward::State| {
            boatyard_reward::invariants::check(state, &stage.balance(), state.epoch - 1)
        })
    }
}
