//! The end of deadlines, and the settlement of what ended early.

use boatyard_actors_shared::ext::market::{
    ON_MINER_SECTORS_TERMINATE, OnMinerSectorsTerminateParams,
};
use boatyard_actors_shared::ext::miner::DeferredCronEventParams;
use boatyard_actors_shared::{MARKET_ACTOR, Policy};
use fvm_ipld_bitfield::BitField;
use fvm_shared::sector::{RegisteredSealProof, SectorSize};

use super::*;
use crate::monies;
use crate::schema::{
    SectorOnChainInfo, SectorPreCommitInfo, SectorPreCommitOnChainInfo, WorkerKeyChange,
};
use crate::sectors::Sectors;
use crate::testing;
use crate::vesting;

const ON_EVENT: MethodNum = 12;
const DEADLINE: u8 = 1;
const SETTLEMENT: u8 = 2;

/// Last epoch of the deadline in which the miner was created.
const FIRST_END: ChainEpoch = PERIOD + 37 * 60 + 59;
/// Last epoch of the first deadline of the next day.
pub(super) const NEXT_DAY: ChainEpoch = PERIOD + 2_880 + 59;

fn event(payload: &[u8], network_qa: FilterEstimate) -> DeferredCronEventParams {
    DeferredCronEventParams {
        event_payload: RawBytes::new(payload.to_vec()),
        reward_smoothed: reward_and_power().0,
        quality_adj_power_smoothed: network_qa,
    }
}

/// The power actor calls for an event, under cron.
pub(super) fn fire(rt: &MockRuntime, kind: u8) -> u32 {
    rt.caller(POWER_ACTOR_ID).origin(0);
    code(rt, ON_EVENT, &event(&[0x81, kind], reward_and_power().1))
}

fn policy() -> &'static Policy {
    Policy::of(NetworkVariant::Mainnet)
}

#[test]
fn only_the_power_actor_calls_for_events() {
    for caller in [OWNER, STRANGER, 0] {
        let rt = miner().caller(caller);
        let params = event(&[0x81, 1], FilterEstimate::default());
        assert_eq!(code(&rt, ON_EVENT, &params), 18);
    }
}

#[test]
fn events_are_numbers_in_a_list() {
    let rt = miner().caller(POWER_ACTOR_ID);
    let before = rt.head();
    for (payload, expected) in [
        (&[][..], 20),
        (&[0x01], 20),
        (&[0x82, 1, 1], 20),
        (&[0x81, 0x00], 0),
        (&[0x81, 0x03], 0),
        (&[0x81, 0x20], 0),
    ] {
        let params = event(payload, FilterEstimate::default());
        assert_eq!(code(&rt, ON_EVENT, &params), expected, "{payload:?}");
        assert_eq!(rt.head(), before);
    }
}

#[test]
fn an_idle_deadline_passes_and_the_next_is_enrolled() {
    let rt = miner().epoch(FIRST_END);
    expect_cron(&rt, FIRST_END + 60, DEADLINE);
    assert_eq!(fire(&rt, DEADLINE), 0);
    assert_eq!(state(&rt).current_deadline, 38);
}

#[test]
fn a_day_ends_with_its_last_deadline() {
    let rt = miner().epoch(PERIOD + 2_879);
    expect_cron(&rt, NEXT_DAY, DEADLINE);
    assert_eq!(fire(&rt, DEADLINE), 0);
    let state = state(&rt);
    assert_eq!(
        (state.current_deadline, state.proving_period_start),
        (0, PERIOD + 2_880)
    );
}

#[test]
fn cron_stops_when_nothing_is_at_stake() {
    let rt = miner().epoch(FIRST_END + 2_880 * 200);
    edit(&rt, |state| state.deadline_cron_active = true);
    expect_pledge(&rt, -creation_deposit());
    assert_eq!(fire(&rt, DEADLINE), 0);
    let state = state(&rt);
    assert!(!state.deadline_cron_active);
    assert_eq!(state.vesting_funds, None);
}

/// Source: spec 06 §18, point 35.
#[test]
fn without_power_in_the_network_every_deadline_costs_an_epochs_reward() {
    let rt = miner().epoch(FIRST_END).caller(POWER_ACTOR_ID);
    expect_burn(&rt, creation_deposit());
    expect_pledge(&rt, -creation_deposit());
    let params = event(&[0x81, DEADLINE], FilterEstimate::default());
    assert_eq!(code(&rt, ON_EVENT, &params), 0);
    assert_eq!(state(&rt).fee_debt, fil(36) - creation_deposit());
}

#[test]
fn a_worker_whose_time_has_come_takes_over() {
    for (effective_at, worker) in [(FIRST_END, NEW_WORKER), (FIRST_END + 1, WORKER)] {
        let rt = miner().epoch(FIRST_END);
        edit_info(&rt, |info| {
            info.pending_worker_key = Some(WorkerKeyChange {
                new_worker: id(NEW_WORKER),
                effective_at,
            });
        });
        expect_cron(&rt, FIRST_END + 60, DEADLINE);
        assert_eq!(fire(&rt, DEADLINE), 0);
        assert_eq!(info(&rt).worker, id(worker));
    }
}

pub(super) fn pre_commit(number: u64, deposit: i64) -> SectorPreCommitOnChainInfo {
    let sector = testing::sector(number);
    SectorPreCommitOnChainInfo {
        info: SectorPreCommitInfo {
            seal_proof: RegisteredSealProof::StackedDRG32GiBV1P1,
            sector_number: number,
            sealed_cid: sector.sealed_cid,
            seal_rand_epoch: 0,
            deal_ids: vec![],
            expiration: 0,
            unsealed_cid: None,
        },
        pre_commit_deposit: atto(deposit),
        pre_commit_epoch: BIRTH,
    }
}

#[test]
fn pre_commits_that_were_never_proven_are_burnt() {
    let rt = miner_with(atto(170)).epoch(FIRST_END);
    edit(&rt, |state| {
        let store = rt.store();
        let both = [pre_commit(1, 50), pre_commit(2, 120)];
        state.put_pre_commits(store, both).unwrap();
        state.add_pre_commit_deposit(&atto(170)).unwrap();
        // The third was proven meanwhile.
        let due = [(FIRST_END - 60, 1), (FIRST_END, 3), (FIRST_END + 1, 2)];
        state
            .add_pre_commit_cleanups(policy(), store, &due)
            .unwrap();
    });
    expect_burn(&rt, atto(50));
    expect_pledge(&rt, atto(-50));
    expect_cron(&rt, FIRST_END + 60, DEADLINE);
    assert_eq!(fire(&rt, DEADLINE), 0);
    let state = state(&rt);
    assert_eq!(state.pre_commit_deposits, atto(120));
    let left = state.find_pre_commits(rt.store(), &[1, 2]).unwrap();
    assert_eq!(left.len(), 1);
}

const SIZE: SectorSize = SectorSize::_32GiB;

/// A sector with a pledge of 1 FIL.
fn sector(number: u64, deal_weight: u64) -> SectorOnChainInfo {
    SectorOnChainInfo {
        seal_proof: RegisteredSealProof::StackedDRG32GiBV1P1,
        activation: BIRTH,
        power_base_epoch: BIRTH,
        expiration: BIRTH + 1_500_000,
        deal_weight: deal_weight.into(),
        initial_pledge: fil(1),
        daily_fee: atto(1_000),
        ..testing::sector(number)
    }
}

/// A miner with two sectors in deadline 0, of which one has data, 100 FIL, and nothing
/// locked.
pub(super) fn with_sectors() -> MockRuntime {
    let rt = miner_with(fil(102) - creation_deposit());
    edit(&rt, |state| {
        let store = rt.store();
        let sectors = vec![sector(7, 0), sector(9, 1)];
        let mut records = Sectors::load(store, &state.sectors).unwrap();
        records.set_all(sectors.clone()).unwrap();
        state.sectors = records.flush().unwrap();
        state
            .assign_sectors_to_deadline(policy(), store, BIRTH, 0, sectors, 2_349, SIZE)
            .unwrap();
        state.add_initial_pledge(&fil(2)).unwrap();
        (state.locked_funds, state.vesting_funds) = (atto(0), None);
        state.deadline_cron_active = true;
    });
    rt
}

/// The fee for both sectors while they are faulty.
fn fault_fee(sectors: u64) -> TokenAmount {
    let (reward, power) = reward_and_power();
    monies::continued_fault_fee(&reward, &power, &BigInt::from(sectors << 35)).unwrap()
}

fn faults(rt: &MockRuntime) -> Vec<u64> {
    let state = state(rt);
    let store = rt.store();
    let deadline = state.load_deadlines(store).unwrap().load(store, 0).unwrap();
    let partition = deadline.load_partition(store, 0).unwrap();
    partition.faults.iter().collect()
}

#[test]
fn a_missed_proof_costs_from_the_next_day_on() {
    let rt = with_sectors().epoch(NEXT_DAY);
    expect_burn(&rt, atto(2_000));
    expect_cron(&rt, NEXT_DAY + 60, DEADLINE);
    assert_eq!(fire(&rt, DEADLINE), 0);
    assert_eq!(faults(&rt), [7, 9]);

    rt.epoch(NEXT_DAY + 2_880);
    expect_burn(&rt, fault_fee(2) + atto(2_000));
    expect_cron(&rt, NEXT_DAY + 2_940, DEADLINE);
    assert_eq!(fire(&rt, DEADLINE), 0);
}

#[test]
fn a_proven_sector_that_misses_a_proof_loses_its_power() {
    let rt = with_sectors().epoch(NEXT_DAY);
    edit(&rt, |state| {
        let store = rt.store();
        let mut deadlines = state.load_deadlines(store).unwrap();
        let mut deadline = deadlines.load(store, 0).unwrap();
        let mut partitions = crate::amt::open(&deadline.partitions, store).unwrap();
        let mut partition = partitions.get(0).unwrap().unwrap().clone();
        partition.unproven = BitField::new();
        partition.unproven_power = PowerPair::default();
        partitions.set(0, partition).unwrap();
        deadline.partitions = crate::amt::flush(&mut partitions).unwrap();
        deadlines.save(store, 0, &deadline).unwrap();
        state.save_deadlines(store, &deadlines).unwrap();
    });
    let lost: BigInt = BigInt::from(-2) << 35;
    rt.expect_send(POWER_ACTOR, UPDATE_CLAIMED_POWER)
        .params(&UpdateClaimedPowerParams {
            raw_byte_delta: lost.clone(),
            quality_adjusted_delta: lost,
        });
    expect_burn(&rt, atto(2_000));
    expect_cron(&rt, NEXT_DAY + 60, DEADLINE);
    assert_eq!(fire(&rt, DEADLINE), 0);
}

/// The epoch in which sectors that were never proven end.
const GIVEN_UP: ChainEpoch = NEXT_DAY + 42 * 2_880;

fn termination_fees() -> TokenAmount {
    monies::termination_fee(&fil(1), GIVEN_UP - BIRTH, &fault_fee(1)) * 2u8
}

/// [`with_sectors`], faulty for as long as they may be.
fn given_up() -> MockRuntime {
    let rt = with_sectors().epoch(NEXT_DAY);
    expect_burn(&rt, atto(2_000));
    expect_cron(&rt, NEXT_DAY + 60, DEADLINE);
    assert_eq!(fire(&rt, DEADLINE), 0);
    rt.epoch(GIVEN_UP)
}

fn expect_termination(rt: &MockRuntime, epoch: ChainEpoch) -> ExpectedSend<'_> {
    rt.expect_send(MARKET_ACTOR, ON_MINER_SECTORS_TERMINATE)
        .params(&OnMinerSectorsTerminateParams {
            epoch,
            sectors: BitField::try_from_bits([9]).unwrap(),
        })
}

#[test]
fn sectors_that_stay_faulty_end_and_are_settled() {
    let rt = given_up();
    expect_burn(&rt, fault_fee(2));
    expect_cron(&rt, GIVEN_UP + 60, DEADLINE);
    expect_burn(&rt, termination_fees());
    expect_pledge(&rt, fil(-2));
    expect_termination(&rt, GIVEN_UP).exits(16);
    assert_eq!(fire(&rt, DEADLINE), 0, "the market does not matter to cron");

    let state = state(&rt);
    assert_eq!(state.initial_pledge, atto(0));
    assert!(state.early_terminations.is_empty());
    assert!(state.deadline_cron_active, "pledge was at stake until now");
    let ended: Vec<_> = rt
        .events()
        .iter()
        .map(|event| event.event.clone())
        .collect();
    assert_eq!(ended.len(), 2);
    for (event, number) in ended.iter().zip([7, 9]) {
        let entries = &event.entries;
        assert_eq!(
            entries[1].value,
            fvm_ipld_encoding::to_vec(&number).unwrap()
        );
    }
}

#[test]
fn settlement_is_left_to_whoever_began_it() {
    let rt = given_up();
    edit(&rt, |state| {
        state.early_terminations = BitField::try_from_bits([5]).unwrap()
    });
    expect_burn(&rt, fault_fee(2));
    expect_cron(&rt, GIVEN_UP + 60, DEADLINE);
    assert_eq!(fire(&rt, DEADLINE), 0);
    let waiting: Vec<_> = state(&rt).early_terminations.iter().collect();
    assert_eq!(waiting, [0, 5]);

    rt.epoch(GIVEN_UP + 1);
    expect_burn(&rt, termination_fees());
    expect_pledge(&rt, fil(-2));
    expect_termination(&rt, GIVEN_UP + 1);
    assert_eq!(fire(&rt, SETTLEMENT), 0);
    assert!(state(&rt).early_terminations.is_empty());
}

#[test]
fn outside_cron_the_market_has_to_listen() {
    let rt = given_up();
    edit(&rt, |state| {
        state.early_terminations = BitField::try_from_bits([5]).unwrap()
    });
    expect_burn(&rt, fault_fee(2));
    expect_cron(&rt, GIVEN_UP + 60, DEADLINE);
    assert_eq!(fire(&rt, DEADLINE), 0);
    expect_burn(&rt, termination_fees());
    expect_pledge(&rt, fil(-2));
    expect_termination(&rt, GIVEN_UP).exits(16);
    rt.origin(STRANGER);
    let params = event(&[0x81, SETTLEMENT], reward_and_power().1);
    assert_eq!(code(&rt, ON_EVENT, &params), 16);
}

#[test]
fn nothing_to_settle_sends_nothing() {
    let rt = miner();
    edit(&rt, |state| {
        state.early_terminations = BitField::try_from_bits([5]).unwrap()
    });
    assert_eq!(fire(&rt, SETTLEMENT), 0);
    assert!(
        state(&rt).early_terminations.is_empty(),
        "a bit without a queue behind it is cleared"
    );
}

#[test]
fn what_vests_at_the_end_of_a_deadline_leaves_the_networks_pledge() {
    let rt = miner();
    let table = vesting::load(rt.store(), &state(&rt).vesting_funds).unwrap();
    let first = table[0].clone();
    let end = FIRST_END + 2_880 * 2;
    assert!(first.epoch < end && table[1].epoch >= end);
    rt.epoch(end);
    expect_pledge(&rt, -first.amount);
    expect_cron(&rt, end + 60, DEADLINE);
    assert_eq!(fire(&rt, DEADLINE), 0);
}
