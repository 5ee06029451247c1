use boatyard_actors_shared::ext::market::{
    ON_MINER_SECTORS_TERMINATE, OnMinerSectorsTerminateParams,
};
use boatyard_actors_shared::ext::miner::CRON_EVENT_PROCESS_EARLY_TERMINATIONS;
use boatyard_actors_shared::ext::power::{ENROLL_CRON_EVENT, EnrollCronEventParams};
use boatyard_actors_shared::{MARKET_ACTOR, POWER_ACTOR};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;

use super::*;
use crate::methods::world::*;
use crate::methods::world_proving::*;

const TERMINATE: u64 = 9;

fn terminate(world: &World, terminations: Vec<SectorDeclaration>) -> Result<bool, u32> {
    let params = TerminateSectorsParams { terminations };
    world
        .call_for(TERMINATE, &params)
        .map(|returned: TerminateSectorsReturn| returned.done)
}

/// What ending a sector of zeros costs so long after it came.
fn fee(world: &World, number: u64, epoch: ChainEpoch) -> TokenAmount {
    let sector = world.sector(number).unwrap();
    let fault_fee = crate::monies::continued_fault_fee(
        &reward().this_epoch_reward_smoothed,
        &power().quality_adj_power_smoothed,
        &sectors(1).qa,
    )
    .unwrap();
    crate::monies::termination_fee(
        &sector.initial_pledge,
        epoch - sector.activation,
        &fault_fee,
    )
}

#[test]
fn ended_sectors_are_settled_and_their_power_goes_last() {
    let world = World::proven(4);
    let now = world.rt.epoch_now() + 300;
    world.rt.epoch(now);
    let pledge = world.sector(1).unwrap().initial_pledge;
    world.expect_queries();
    let fees: TokenAmount = [1, 2, 3]
        .map(|number| fee(&world, number, now))
        .iter()
        .sum();
    world.expect_burn(fees);
    world.expect_pledge(&-(pledge * 3));
    world.expect_power(sectors(-3));
    let declared = vec![declaration(1, 0, &[3]), declaration(0, 0, &[2, 1])];
    assert_eq!(terminate(&world, declared), Ok(true));

    assert_eq!(
        world.events(),
        [1, 2, 3].map(|number| ("sector-terminated".to_string(), number))
    );
    let state = world.state();
    assert!(state.early_terminations.is_empty());
    assert_eq!(world.partition(0, 0).terminated, numbers(&[1, 2]));
    assert_eq!(world.deadline(0).live_sectors, 0);
    assert_eq!(world.deadline(0).total_sectors, 2);
    assert!(
        world.sector(1).is_some(),
        "the record stays until compaction"
    );
    world.check();
}

#[test]
fn faulty_and_unproven_sectors_have_no_power_to_lose() {
    let world = World::proven(2);
    world.expect_power(sectors(-1));
    world.declare_faults(vec![declaration(0, 0, &[1])]).unwrap();
    world.commit(&[3, 4]);
    let (deadline, _) = world.place(3);
    let now = world.rt.epoch_now();
    world.expect_queries();
    let fees = fee(&world, 1, now) + fee(&world, 3, now);
    world.expect_burn(fees);
    let pledge = world.sector(1).unwrap().initial_pledge + world.sector(3).unwrap().initial_pledge;
    world.expect_pledge(&-pledge);
    let declared = vec![declaration(0, 0, &[1]), declaration(deadline, 0, &[3])];
    assert_eq!(terminate(&world, declared), Ok(true));
    world.check();
}

/// The market hears of sectors with data, all at once and after the money.
#[test]
fn the_market_hears_of_sectors_with_data() {
    let world = World::proven(2);
    let store = world.rt.store();
    world.edit(|state| {
        let mut sectors = Sectors::load(store, &state.sectors).unwrap();
        let mut record = sectors.must_get(2).unwrap();
        record.deal_weight = BigInt::from(1);
        sectors.set_all([record]).unwrap();
        state.sectors = sectors.flush().unwrap();
    });
    let now = world.rt.epoch_now();
    let pledge = world.sector(1).unwrap().initial_pledge;
    let expect = |answer: u32| {
        world.rt.caller(WORKER);
        world.expect_queries();
        world.expect_burn(fee(&world, 1, now) + fee(&world, 2, now));
        world.expect_pledge(&-(&pledge * 2));
        world
            .rt
            .expect_send(MARKET_ACTOR, ON_MINER_SECTORS_TERMINATE)
            .params(&OnMinerSectorsTerminateParams {
                epoch: now,
                sectors: numbers(&[2]),
            })
            .exits(answer);
    };
    expect(20);
    let both = vec![declaration(0, 0, &[1, 2])];
    assert_eq!(terminate(&world, both.clone()), Err(20));
    expect(0);
    world.expect_power(sectors(-2));
    assert_eq!(terminate(&world, both), Ok(true));
    world.check();
}

#[test]
fn an_empty_list_settles_what_is_left() {
    let world = World::proven(2);
    world.expect_queries();
    assert_eq!(terminate(&world, vec![]), Ok(true));

    // As cron leaves it: ended, but not settled.
    let store = world.rt.store();
    let now = world.rt.epoch_now();
    world.edit(|state| {
        let sectors = Sectors::load(store, &state.sectors).unwrap();
        let frame = state.frame(policy(), store, fvm_shared::sector::SectorSize::_2KiB, 0);
        let mut deadlines = state.load_deadlines(store).unwrap();
        let mut deadline = deadlines.load(store, 0).unwrap();
        let ended = [(0, numbers(&[1]))].into();
        deadline
            .terminate(frame, &ended, &sectors, now - 10)
            .unwrap();
        deadlines.save(store, 0, &deadline).unwrap();
        state.save_deadlines(store, &deadlines).unwrap();
        state.early_terminations |= bits_of([0]).unwrap();
    });
    world.check();
    world.expect_queries();
    world.expect_burn(fee(&world, 1, now - 10));
    world.expect_pledge(&-world.sector(1).unwrap().initial_pledge);
    assert_eq!(terminate(&world, vec![]), Ok(true));
    assert_eq!(world.events(), [("sector-terminated".to_string(), 1)]);
    world.check();
}

/// Of a deadline without anything to end only the mark comes and goes.
#[test]
fn naming_no_sectors_is_legal() {
    let world = World::proven(2);
    world.expect_queries();
    let declared = vec![declaration(0, 0, &[])];
    assert_eq!(terminate(&world, declared), Ok(true));
    assert!(world.state().early_terminations.is_empty());
    world.check();
}

#[test]
fn terminations_that_are_refused() {
    for (what, declared, worker, stranger) in [
        ("no deadline", declaration(48, 0, &[1]), 16, 16),
        ("no partition", declaration(0, 1, &[1]), 17, 18),
        ("no index", declaration(0, u64::MAX, &[1]), 20, 18),
        ("others' sectors", declaration(0, 0, &[3]), 16, 18),
    ] {
        let world = World::proven(4);
        for (caller, code) in [(WORKER, worker), (STRANGER, stranger)] {
            world.rt.caller(caller);
            let refused = terminate(&world, vec![declared.clone()]);
            assert_eq!(refused, Err(code), "{what}");
        }
    }
}

#[test]
fn the_open_deadline_and_the_next_keep_their_sectors() {
    let world = World::proven(2);
    let open = world.window(0).open;
    let declared = vec![declaration(0, 0, &[])];
    for (epoch, expected) in [
        (open - 60, Err(16)),
        (open, Err(16)),
        (open + 59, Err(16)),
        (open - 61, Ok(true)),
        (open + 60, Ok(true)),
    ] {
        world.rt.epoch(epoch);
        if expected.is_ok() {
            world.expect_queries();
        }
        assert_eq!(terminate(&world, declared.clone()), expected, "{epoch}");
    }
}

/// A terminated sector does not live, so it cannot be terminated again.
#[test]
fn a_sector_ends_once() {
    let world = World::proven(2);
    let now = world.rt.epoch_now();
    world.expect_queries();
    world.expect_burn(fee(&world, 1, now));
    world.expect_pledge(&-world.sector(1).unwrap().initial_pledge);
    world.expect_power(sectors(-1));
    let declared = vec![declaration(0, 0, &[1])];
    assert_eq!(terminate(&world, declared.clone()), Ok(true));
    assert_eq!(terminate(&world, declared), Err(16));
}

/// More than a message can settle is left to cron, which is asked once.
#[test]
fn what_is_too_much_for_a_message_is_left_to_cron() {
    let world = World::proven(2);
    let store = world.rt.store();
    // Sectors that ended before, in more partitions than are looked at in one go.
    let pledge = world.state().initial_pledge;
    let sector = world.sector(2).unwrap();
    world.edit(|state| {
        let mut deadlines = state.load_deadlines(store).unwrap();
        let mut deadline = deadlines.load(store, 20).unwrap();
        let mut partitions = crate::amt::open(&deadline.partitions, store).unwrap();
        let empty = crate::schema::Partition::new(store).unwrap();
        for index in 0..=policy().addressed_partitions_max {
            partitions.set(index, empty.clone()).unwrap();
            deadline.early_terminations |= bits_of([index]).unwrap();
        }
        deadline.partitions = crate::amt::flush(&mut partitions).unwrap();
        deadlines.save(store, 20, &deadline).unwrap();
        state.save_deadlines(store, &deadlines).unwrap();
    });
    let now = world.rt.epoch_now();
    world.expect_queries();
    world.expect_burn(fee(&world, 2, now));
    world.expect_pledge(&-sector.initial_pledge.clone());
    let payload = RawBytes::serialize([CRON_EVENT_PROCESS_EARLY_TERMINATIONS]).unwrap();
    world
        .rt
        .expect_send(POWER_ACTOR, ENROLL_CRON_EVENT)
        .params(&EnrollCronEventParams {
            event_epoch: now + 1,
            payload,
        });
    world.expect_power(sectors(-1));
    let declared = vec![declaration(0, 0, &[2]), declaration(20, 0, &[])];
    assert_eq!(terminate(&world, declared), Ok(false));
    assert_eq!(world.state().initial_pledge, pledge - sector.initial_pledge);
    assert_eq!(world.state().early_terminations, numbers(&[20]));

    world.expect_queries();
    assert_eq!(
        terminate(&world, vec![]),
        Ok(true),
        "two partitions were left"
    );
}
