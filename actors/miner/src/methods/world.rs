//! A miner under the mock, for the tests of methods.

use boatyard_actors_shared::ext::miner::CRON_EVENT_PROVING_DEADLINE;
use boatyard_actors_shared::ext::power::{
    CURRENT_TOTAL_POWER, CurrentTotalPowerReturn, ENROLL_CRON_EVENT, EnrollCronEventParams,
    UPDATE_PLEDGE_TOTAL,
};
use boatyard_actors_shared::ext::reward::{THIS_EPOCH_REWARD, ThisEpochRewardReturn};
use boatyard_actors_shared::{FilterEstimate, POWER_ACTOR, Policy, REWARD_ACTOR};
use boatyard_mock::MockRuntime;
use boatyard_sdk::{ActorError, NetworkVariant, Type};
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_ipld_encoding::from_slice;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::commcid::{data_commitment_v1_to_cid, replica_commitment_v1_to_cid};
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredPoStProof, RegisteredSealProof, SectorNumber, SectorSize};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Miner;
use crate::blocks;
use crate::monies::PledgeInputs;
use crate::schema::{
    Deadline, MinerInfo, Partition, SectorOnChainInfo, SectorPreCommitInfo,
    SectorPreCommitOnChainInfo, State,
};
use crate::types::{
    PieceActivationManifest, PreCommitSectorBatchParams, ProveCommitSectors3Params,
    SectorActivationManifest,
};

pub(crate) const MINER: ActorID = 1_000;
pub(crate) const OWNER: ActorID = 101;
pub(crate) const WORKER: ActorID = 102;
pub(crate) const CONTROL: ActorID = 103;
pub(crate) const STRANGER: ActorID = 999;

/// First epoch of every test; proving periods begin at multiples of 2880, so it is in
/// deadline 34.
pub(crate) const START: ChainEpoch = 100_000 - 100_000 % 2_880 + 2_050;
/// Bytes of a sector.
pub(crate) const SIZE: u64 = 2_048;
/// How sectors are sealed.
pub(crate) const SEAL: RegisteredSealProof = RegisteredSealProof::StackedDRG2KiBV1P1;
/// Epochs from a pre-commit to the last epoch in which it can be proven.
pub(crate) const TO_PROVE: ChainEpoch = 86_400 + 10;
/// When sectors expire unless a test is about it.
pub(crate) const EXPIRATION: ChainEpoch = START + TO_PROVE + 600_000;

/// A miner of 2 KiB sectors on a devnet, called by its worker; partitions have two
/// sectors.
pub(crate) struct World {
    pub rt: MockRuntime,
}

impl World {
    pub fn new() -> Self {
        let rt = MockRuntime::new()
            .variant(NetworkVariant::Devnet)
            .receiver(MINER)
            .caller_of_type(WORKER, Type::Account)
            .circulating_supply(TokenAmount::from_whole(600_000_000))
            .epoch(START)
            .balance(MINER, TokenAmount::from_whole(1_000));
        for id in [OWNER, WORKER, CONTROL, STRANGER] {
            rt.actor(id, Type::Account);
        }
        let store = rt.store();
        let info = MinerInfo::new(
            Address::new_id(OWNER),
            Address::new_id(WORKER),
            vec![Address::new_id(CONTROL)],
            RawBytes::default(),
            vec![],
            RegisteredPoStProof::StackedDRGWindow2KiBV1P1,
        )
        .unwrap();
        let info = blocks::put(store, &info, "info").unwrap();
        let state = State::new(policy(), store, info, 0, 0).unwrap();
        rt.set_state(&state);
        Self { rt }
    }

    pub fn state(&self) -> State {
        self.rt.state()
    }

    /// Changes the state from outside.
    pub fn edit(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        self.rt.set_state(&state);
    }

    /// Changes the identity from outside.
    pub fn edit_info(&self, change: impl FnOnce(&mut MinerInfo)) {
        self.edit(|state| {
            let mut info = state.load_info(self.rt.store()).unwrap();
            change(&mut info);
            state.save_info(self.rt.store(), &info).unwrap();
        });
    }

    pub fn sector(&self, number: SectorNumber) -> Option<SectorOnChainInfo> {
        self.state().get_sector(self.rt.store(), number).unwrap()
    }

    pub fn pre_commits(&self, numbers: &[SectorNumber]) -> Vec<SectorPreCommitOnChainInfo> {
        self.state()
            .find_pre_commits(self.rt.store(), numbers)
            .unwrap()
    }

    /// Calls a method; fails with the exit code.
    pub fn call(&self, method: u64, params: &impl Serialize) -> Result<(), u32> {
        code(self.rt.call_with::<Miner>(method, params)).map(|_| ())
    }

    /// Calls a method that returns something; fails with the exit code.
    pub fn call_for<R: DeserializeOwned>(
        &self,
        method: u64,
        params: &impl Serialize,
    ) -> Result<R, u32> {
        code(self.rt.call_for::<Miner, R>(method, params))
    }

    // --- Sends that come in many tests ---

    /// Reward and power are asked for.
    pub fn expect_queries(&self) {
        self.rt
            .expect_send(REWARD_ACTOR, THIS_EPOCH_REWARD)
            .returns(&reward());
        self.rt
            .expect_send(POWER_ACTOR, CURRENT_TOTAL_POWER)
            .returns(&power());
    }

    pub fn expect_pledge(&self, delta: &TokenAmount) {
        self.rt
            .expect_send(POWER_ACTOR, UPDATE_PLEDGE_TOTAL)
            .params(delta);
    }

    pub fn expect_cron(&self, event_epoch: ChainEpoch) {
        let payload = RawBytes::serialize([CRON_EVENT_PROVING_DEADLINE]).unwrap();
        self.rt
            .expect_send(POWER_ACTOR, ENROLL_CRON_EVENT)
            .params(&EnrollCronEventParams {
                event_epoch,
                payload,
            });
    }

    // --- Steps that tests of later methods begin with ---

    /// Pre-commits sectors as [`announced`] says.
    pub fn pre_commit(&self, numbers: impl IntoIterator<Item = SectorNumber>) {
        self.pre_commit_as(numbers.into_iter().map(announced).collect());
    }

    pub fn pre_commit_as(&self, sectors: Vec<SectorPreCommitInfo>) {
        let starts_cron = !self.state().deadline_cron_active;
        self.expect_queries();
        if starts_cron {
            self.expect_cron(last_epoch_of_deadline(self.rt.epoch_now()));
        }
        self.call(28, &PreCommitSectorBatchParams { sectors })
            .unwrap();
        self.rt.events();
    }

    /// Pre-commits sectors of zeros, and proves them when it can be done.
    pub fn commit(&self, numbers: &[SectorNumber]) {
        self.pre_commit(numbers.iter().copied());
        self.rt.epoch(self.rt.epoch_now() + 11);
        self.expect_queries();
        self.expect_pledge(&(pledge_of(SIZE) * numbers.len()));
        self.call(34, &proofs_of(numbers)).unwrap();
        self.rt.events();
    }

    /// Commits sectors, whose first Window PoSt then is as if it had been sent.
    pub fn commit_and_prove(&self, numbers: &[SectorNumber]) {
        self.commit(numbers);
        self.edit_partitions(|partition| {
            partition.unproven = BitField::new();
            partition.unproven_power = Default::default();
        });
    }

    /// Where a sector is: deadline and partition.
    pub fn place(&self, number: SectorNumber) -> (u64, u64) {
        let store = self.rt.store();
        let deadlines = self.state().load_deadlines(store).unwrap();
        for index in 0..48 {
            let deadline = deadlines.load(store, index).unwrap();
            let partitions = crate::amt::open(&deadline.partitions, store).unwrap();
            for place in 0..partitions.count() {
                let partition = partitions.get(place).unwrap().unwrap();
                if partition.sectors.get(number) {
                    return (index, place);
                }
            }
        }
        panic!("sector {number} is nowhere");
    }

    pub fn deadline(&self, index: u64) -> Deadline {
        let store = self.rt.store();
        let deadlines = self.state().load_deadlines(store).unwrap();
        deadlines.load(store, index).unwrap()
    }

    /// Changes all partitions from outside.
    pub fn edit_partitions(&self, mut change: impl FnMut(&mut Partition)) {
        let store = self.rt.store();
        self.edit(|state| {
            let mut deadlines = state.load_deadlines(store).unwrap();
            for index in 0..48 {
                let mut deadline = deadlines.load(store, index).unwrap();
                let mut partitions = crate::amt::open(&deadline.partitions, store).unwrap();
                for place in 0..partitions.count() {
                    let mut partition = partitions.get(place).unwrap().unwrap().clone();
                    change(&mut partition);
                    partitions.set(place, partition).unwrap();
                }
                deadline.partitions = crate::amt::flush(&mut partitions).unwrap();
                deadlines.save(store, index, &deadline).unwrap();
            }
            state.save_deadlines(store, &deadlines).unwrap();
        });
    }

    /// Names of the events since the last look, with the sector of each.
    pub fn events(&self) -> Vec<(String, SectorNumber)> {
        self.rt
            .events()
            .into_iter()
            .map(|event| {
                let entries = event.event.entries;
                (
                    from_slice(&entries[0].value).unwrap(),
                    from_slice(&entries[1].value).unwrap(),
                )
            })
            .collect()
    }
}

pub(crate) fn code<T>(result: Result<T, ActorError>) -> Result<T, u32> {
    result.map_err(|error| error.exit_code().value())
}

pub(crate) fn policy() -> &'static Policy {
    Policy::of(NetworkVariant::Devnet)
}

/// The last epoch of the deadline that `epoch` is in.
pub(crate) fn last_epoch_of_deadline(epoch: ChainEpoch) -> ChainEpoch {
    epoch - epoch % 60 + 59
}

/// The estimates of spec 05 §26, E1.
pub(crate) fn reward() -> ThisEpochRewardReturn {
    ThisEpochRewardReturn {
        this_epoch_reward_smoothed: FilterEstimate::from_integers(
            BigInt::from(36) * 10u64.pow(18),
            0,
        ),
        this_epoch_baseline_power: BigInt::from(25u128 << 60),
    }
}

pub(crate) fn power() -> CurrentTotalPowerReturn {
    CurrentTotalPowerReturn {
        raw_byte_power: BigInt::from(20u128 << 60),
        quality_adj_power: BigInt::from(20u128 << 60),
        pledge_collateral: TokenAmount::from_whole(1_000_000),
        quality_adj_power_smoothed: FilterEstimate::from_integers(BigInt::from(20u128 << 60), 0),
        ramp_start_epoch: 0,
        ramp_duration_epochs: 0,
    }
}

pub(crate) fn pledge_inputs() -> PledgeInputs {
    PledgeInputs {
        reward: reward().this_epoch_reward_smoothed,
        network_qa: power().quality_adj_power_smoothed,
        baseline: reward().this_epoch_baseline_power,
        circulating_supply: TokenAmount::from_whole(600_000_000),
        epochs_since_ramp_start: START,
        ramp_duration_epochs: 0,
    }
}

/// The pledge for so much power by quality.
pub(crate) fn pledge_of(qa_power: u64) -> TokenAmount {
    pledge_inputs().initial_pledge(&qa_power.into()).unwrap()
}

/// The deposit for a pre-commit.
pub(crate) fn deposit() -> TokenAmount {
    let power = crate::power::qa_power_max(SectorSize::_2KiB);
    crate::monies::pre_commit_deposit(
        &reward().this_epoch_reward_smoothed,
        &self::power().quality_adj_power_smoothed,
        &power,
    )
    .unwrap()
}

fn digest(kind: u8, number: u64) -> [u8; 32] {
    let mut digest = [kind; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    digest
}

/// A CommR that only this number has.
pub(crate) fn comm_r(number: u64) -> Cid {
    replica_commitment_v1_to_cid(&digest(1, number)).unwrap()
}

/// A CommP or CommD that only this number has.
pub(crate) fn comm_d(number: u64) -> Cid {
    data_commitment_v1_to_cid(&digest(2, number)).unwrap()
}

/// What is said of a sector of zeros before it is proven.
pub(crate) fn announced(number: SectorNumber) -> SectorPreCommitInfo {
    SectorPreCommitInfo {
        seal_proof: SEAL,
        sector_number: number,
        sealed_cid: comm_r(number),
        seal_rand_epoch: START - 1,
        deal_ids: vec![],
        expiration: EXPIRATION,
        unsealed_cid: None,
    }
}

pub(crate) fn manifest(
    number: SectorNumber,
    pieces: Vec<PieceActivationManifest>,
) -> SectorActivationManifest {
    SectorActivationManifest {
        sector_number: number,
        pieces,
    }
}

/// A proof for each sector of zeros; one failure makes all fail.
pub(crate) fn proofs_of(numbers: &[SectorNumber]) -> ProveCommitSectors3Params {
    ProveCommitSectors3Params {
        sector_activations: numbers.iter().map(|n| manifest(*n, vec![])).collect(),
        sector_proofs: numbers.iter().map(|_| proof()).collect(),
        aggregate_proof: RawBytes::default(),
        aggregate_proof_type: None,
        require_activation_success: true,
        require_notification_success: true,
    }
}

/// A proof that the mock takes.
pub(crate) fn proof() -> RawBytes {
    RawBytes::new(vec![7; 192])
}

/// A proof that the mock refuses.
pub(crate) fn wrong_proof() -> RawBytes {
    RawBytes::new(b"i_am_invalid_proof".to_vec())
}
