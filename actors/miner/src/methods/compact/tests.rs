use fvm_ipld_bitfield::BitField;

use super::*;
use crate::blocks;
use crate::methods::world::*;
use crate::methods::world_proving::*;
use crate::testing::below;

const COMPACT: u64 = 19;
const COMPACT_NUMBERS: u64 = 20;

fn compact(world: &World, deadline: u64, partitions: BitField) -> Result<(), u32> {
    let params = CompactPartitionsParams {
        deadline,
        partitions,
    };
    world.call(COMPACT, &params)
}

/// Partition 0 of deadline 0 has sectors 1 and 2, partition 1 sectors 3 and 4; 1 and 4
/// ended long ago; disputes are over.
fn with_dead_sectors() -> World {
    let world = World::committed(2);
    let store = world.rt.store();
    world.pre_commit([3, 4]);
    world.rt.epoch(world.rt.epoch_now() + 11);
    let pre_commits = world.pre_commits(&[3, 4]);
    world.edit(|state| {
        // As if the provider had chosen the deadline.
        let records = pre_commits.iter().map(|pre_commit| {
            crate::schema::SectorOnChainInfo::committed(
                pre_commit.info.sector_number,
                pre_commit.info.seal_proof,
                pre_commit.info.sealed_cid,
                START,
                EXPIRATION,
            )
        });
        let records: Vec<_> = records.collect();
        let mut sectors = Sectors::load(store, &state.sectors).unwrap();
        sectors.set_all(records.clone()).unwrap();
        state.sectors = sectors.flush().unwrap();
        state
            .assign_sectors_to_deadline(
                policy(),
                store,
                START,
                0,
                records,
                2,
                fvm_shared::sector::SectorSize::_2KiB,
            )
            .unwrap();
    });
    world.edit_partitions(|partition| {
        partition.activate_unproven();
    });
    let now = world.rt.epoch_now();
    world.edit(|state| {
        let sectors = Sectors::load(store, &state.sectors).unwrap();
        let frame = state.frame(policy(), store, fvm_shared::sector::SectorSize::_2KiB, 0);
        let mut deadlines = state.load_deadlines(store).unwrap();
        let mut deadline = deadlines.load(store, 0).unwrap();
        let ended = [(0, numbers(&[1])), (1, numbers(&[4]))].into();
        deadline.terminate(frame, &ended, &sectors, now).unwrap();
        deadlines.save(store, 0, &deadline).unwrap();
        state.save_deadlines(store, &deadlines).unwrap();
        state.early_terminations |= numbers(&[0]);
    });
    world
}

/// Forgets that sectors that ended are to be settled.
fn settled() -> World {
    let world = with_dead_sectors();
    let store = world.rt.store();
    world.edit(|state| {
        let (taken, more) = state.pop_early_terminations(policy(), store).unwrap();
        assert!(taken.sectors_processed == 2 && !more);
        let pledge = world.sector(1).unwrap().initial_pledge;
        state.add_initial_pledge(&-pledge).unwrap();
    });
    world.check();
    world
}

#[test]
fn live_sectors_move_together_and_the_dead_are_forgotten() {
    let world = settled();
    let before = world.deadline(0);
    compact(&world, 0, numbers(&[0, 1])).unwrap();
    let after = world.deadline(0);
    assert_eq!((after.live_sectors, after.total_sectors), (2, 2));
    assert_eq!(after.live_power, before.live_power);
    assert_eq!(after.daily_fee, before.daily_fee);
    assert_eq!(world.partition(0, 0).sectors, numbers(&[2, 3]));
    assert!(after.load_partition(world.rt.store(), 1).is_err());
    for (number, is_there) in [(1, false), (2, true), (3, true), (4, false)] {
        assert_eq!(world.sector(number).is_some(), is_there, "{number}");
    }
    world.check();
}

/// The kept partition moves up, and live sectors do not fill it over.
#[test]
fn partitions_that_are_not_listed_stay_as_they_are() {
    let world = settled();
    compact(&world, 0, numbers(&[0])).unwrap();
    assert_eq!(world.partition(0, 0).sectors, numbers(&[3, 4]));
    assert_eq!(world.partition(0, 0).terminated, numbers(&[4]));
    assert_eq!(world.partition(0, 1).sectors, numbers(&[2]));
    assert!(world.sector(1).is_none() && world.sector(4).is_some());
    world.check();
}

#[test]
fn nothing_listed_changes_nothing() {
    let world = settled();
    let before = world.state();
    compact(&world, 0, numbers(&[])).unwrap();
    compact(&world, 1, numbers(&[])).unwrap();
    assert_eq!(world.state(), before);
}

#[test]
fn compactions_that_are_refused() {
    let world = settled();
    let most = below(u64::MAX);
    for (what, deadline, partitions, worker, stranger) in [
        ("no deadline", 48, numbers(&[0]), 16, 16),
        ("no such partition", 0, numbers(&[2]), 16, 18),
        ("more than there are", 0, numbers(&[0, 1, 2]), 16, 18),
        ("more than there can be", 0, most, 16, 18),
        ("open", 34, numbers(&[]), 18, 18),
    ] {
        for (caller, code) in [(WORKER, worker), (STRANGER, stranger)] {
            world.rt.caller(caller);
            let refused = compact(&world, deadline, partitions.clone());
            assert_eq!(refused, Err(code), "{what}");
        }
    }
    let unsettled = with_dead_sectors();
    assert_eq!(compact(&unsettled, 0, numbers(&[0])), Err(16));
    compact(&unsettled, 0, numbers(&[])).unwrap();

    let world = settled();
    world.expect_power(sectors(-1));
    world.declare_faults(vec![declaration(0, 0, &[2])]).unwrap();
    assert_eq!(compact(&world, 0, numbers(&[0])), Err(16), "a fault");
    compact(&world, 0, numbers(&[1])).unwrap();

    let world = World::committed(2);
    assert_eq!(compact(&world, 0, numbers(&[0])), Err(16), "unproven");
}

/// Not while it is open, the next, or open to disputes.
#[test]
fn deadlines_are_compacted_at_their_time_only() {
    let world = settled();
    let open = world.window(0).open;
    for (epoch, expected) in [
        (open - 61, Ok(())),
        (open - 60, Err(18)),
        (open + 59, Err(18)),
        (open + 60, Err(18)),
        (open + 60 + 1_799, Err(18)),
        (open + 60 + 1_800, Ok(())),
    ] {
        world.rt.epoch(epoch);
        assert_eq!(compact(&world, 0, numbers(&[])), expected, "{epoch}");
    }
}

fn mask(world: &World, mask_sector_numbers: BitField) -> Result<(), u32> {
    let params = CompactSectorNumbersParams {
        mask_sector_numbers,
    };
    world.call(COMPACT_NUMBERS, &params)
}

#[test]
fn numbers_are_used_up_once_and_for_all() {
    let world = World::committed(2);
    mask(&world, numbers(&[2, 5, i64::MAX as u64])).unwrap();
    let state = world.state();
    let used: BitField = blocks::get(world.rt.store(), &state.allocated_sectors, "used").unwrap();
    assert_eq!(used, numbers(&[1, 2, 5, i64::MAX as u64]));
    world.check();
    let all = below(1 << 63);
    mask(&world, all).unwrap();
}

#[test]
fn masks_that_are_refused() {
    let world = World::committed(2);
    for (caller, code) in [(WORKER, 16), (STRANGER, 16)] {
        world.rt.caller(caller);
        assert_eq!(mask(&world, numbers(&[])), Err(code));
        assert_eq!(mask(&world, numbers(&[1 << 63])), Err(code));
    }
    assert_eq!(mask(&world, numbers(&[7])), Err(18));
    world.rt.caller(WORKER);
    // Each set is short enough, both together are not.
    let spread = |from: u64| -> Vec<u64> { (0..4_000).map(|i| from + i * 1_000_003).collect() };
    mask(&world, numbers(&spread(1_000))).unwrap();
    let mut refused = Ok(());
    for from in 2..20 {
        refused = mask(&world, numbers(&spread(from * 40_000)));
        if refused.is_err() {
            break;
        }
    }
    assert_eq!(refused, Err(21));
}
