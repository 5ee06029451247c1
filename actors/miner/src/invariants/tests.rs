use fvm_ipld_blockstore::MemoryBlockstore;
use fvm_shared::sector::SectorSize;

use super::*;
use crate::methods::world::{MINER, World, policy};
use crate::methods::world_proving::{declaration, numbers, sectors};
use crate::schema::{Deadline, Partition};

/// Sectors 1 to 4 in partitions of deadlines 0 and 1; 2 is faulty.
fn world() -> World {
    let world = World::proven(4);
    world.expect_power(sectors(-1));
    world.declare_faults(vec![declaration(0, 0, &[2])]).unwrap();
    world
}

fn violations(world: &World) -> Vec<String> {
    let balance = world.rt.balance_of(MINER).unwrap();
    check(&world.state(), world.rt.store(), policy(), &balance).1
}

#[test]
fn others_learn_what_they_have_to_agree_with() {
    let world = world();
    let balance = world.rt.balance_of(MINER).unwrap();
    let state = world.state();
    let (summary, violations) = check(&state, world.rt.store(), policy(), &balance);
    assert_eq!(violations, [""; 0]);
    let summary = summary.unwrap();
    assert_eq!(summary.active_power, sectors(3));
    assert_eq!(summary.initial_pledge, state.initial_pledge);
    assert!(summary.deadline_cron_active);
    let faulty: Vec<_> = summary
        .sectors
        .iter()
        .map(|(number, facts)| (*number, facts.faulty))
        .collect();
    assert_eq!(faulty, [(1, false), (2, true), (3, false), (4, false)]);
    let record = world.sector(3).unwrap();
    assert_eq!(summary.sectors[&3], SectorFacts::of(&record, false));
    assert!(summary.sectors[&3].simple_qa_power);
}

/// A way to break a state, and part of what is said of it.
type Damage<S> = (&'static str, fn(&mut S));

#[test]
fn a_broken_root_is_noticed() {
    let damages: &[Damage<State>] = &[
        ("deposits of -", |s| s.pre_commit_deposits -= atto(1)),
        ("sectors pledge ", |s| s.initial_pledge += atto(1)),
        ("FIL are locked, ", |s| s.locked_funds += atto(1)),
        ("debt of -", |s| s.fee_debt = -atto(1)),
        ("are spoken for", |s| {
            s.initial_pledge += TokenAmount::from_whole(2_000)
        }),
        ("cron is not enrolled", |s| s.deadline_cron_active = false),
        ("the current deadline is 48", |s| s.current_deadline = 48),
        ("not on its raster", |s| s.proving_period_start += 1),
    ];
    for (said, damage) in damages {
        let world = world();
        world.edit(damage);
        expect(&world, said);
    }
}

#[test]
fn a_broken_identity_is_noticed() {
    let key = Address::new_secp256k1(&[4; 65]).unwrap();
    let world = world();
    world.edit_info(|info| {
        info.owner = key;
        info.control_addresses.push(key);
        info.pending_owner_address = Some(key);
        info.sector_size = SectorSize::_8MiB;
        info.window_post_partition_sectors = 3;
    });
    for said in [
        "owner is ",
        "a control address is",
        "is to become it",
        "do not go with",
    ] {
        expect(&world, said);
    }
}

#[test]
fn a_broken_deadline_is_noticed() {
    let damages: &[Damage<Deadline>] = &[
        ("live sectors and sectors", |d| d.live_sectors -= 1),
        ("live sectors and sectors", |d| d.total_sectors += 1),
        ("live power", |d| d.live_power += &sectors(1)),
        ("faulty power", |d| d.faulty_power -= &sectors(1)),
        ("FIL a day", |d| d.daily_fee += atto(1)),
        ("terminations to settle", |d| {
            d.early_terminations = numbers(&[0])
        }),
        ("has proofs of partitions 1", |d| {
            d.partitions_posted = numbers(&[1])
        }),
    ];
    for (said, damage) in damages {
        let world = world();
        edit_deadline(&world, |deadline, _| damage(deadline));
        expect(&world, said);
    }
    let world = world();
    edit_deadline(&world, |deadline, store| {
        deadline.expirations_epochs = amt::empty(store).unwrap();
    });
    expect(&world, "its deadline does not know");
    edit_deadline(&world, |deadline, _| {
        deadline.partitions_snapshot = deadline.partitions;
    });
    edit_partition(&world, |partition| partition.recoveries = numbers(&[2]));
    edit_deadline(&world, |deadline, _| {
        deadline.partitions_snapshot = deadline.partitions;
    });
    expect(&world, "unproven or recovering");
}

#[test]
fn a_broken_partition_is_noticed() {
    let damages: &[Damage<Partition>] = &[
        ("live power", |p| p.live_power += &sectors(1)),
        ("unproven power", |p| p.unproven_power += &sectors(1)),
        ("faulty power", |p| p.faulty_power += &sectors(1)),
        ("recovering power", |p| p.recovering_power += &sectors(1)),
        ("recovering but not faulty", |p| {
            p.recoveries = numbers(&[1])
        }),
        ("faulty but not in it", |p| p.faults = numbers(&[2, 9])),
        ("are faulty and unproven", |p| p.unproven = numbers(&[2])),
        ("terminated and faulty", |p| p.terminated = numbers(&[2])),
        ("are in no partition", |p| p.sectors = numbers(&[1])),
        ("has no record", |p| p.sectors = numbers(&[1, 2, 9])),
        ("and in another", |p| p.sectors = numbers(&[1, 2, 3])),
        ("live and never expire", |p| p.sectors = numbers(&[1, 2, 3])),
        ("expire and do not live", |p| p.terminated = numbers(&[1])),
        ("expire early, but are well", |p| p.faults = numbers(&[])),
    ];
    for (said, damage) in damages {
        let world = world();
        edit_partition(&world, damage);
        expect(&world, said);
    }
}

#[test]
fn broken_records_are_noticed() {
    let damages: &[Damage<SectorOnChainInfo>] = &[
        ("in time at", |s| s.expiration += 2_880),
        ("FIL of pledge", |s| s.initial_pledge += atto(1)),
        ("FIL a day of", |s| s.daily_fee += atto(1)),
        ("active power", |s| s.verified_deal_weight += 1u64 << 40),
        ("counts from", |s| s.activation = s.power_base_epoch + 1),
    ];
    for (said, damage) in damages {
        let world = world();
        let store = world.rt.store();
        world.edit(|state| {
            let mut sectors = Sectors::load(store, &state.sectors).unwrap();
            let mut record = sectors.must_get(1).unwrap();
            damage(&mut record);
            sectors.set_all([record]).unwrap();
            state.sectors = sectors.flush().unwrap();
        });
        expect(&world, said);
    }
    let world = world();
    world.edit(|state| {
        state.allocated_sectors = blocks::put(world.rt.store(), &numbers(&[1]), "used").unwrap();
    });
    expect(&world, "its number not used");
}

#[test]
fn pre_commits_without_cleanup_are_noticed() {
    let world = world();
    world.pre_commit([9]);
    assert_eq!(violations(&world), [""; 0]);
    world.edit(|state| {
        state.pre_committed_sectors_cleanup = amt::empty(world.rt.store()).unwrap();
    });
    expect(&world, "never cleaned up");
}

/// A missing block is one violation, not the end of the check.
#[test]
fn what_cannot_be_read_is_said() {
    let world = world();
    let elsewhere = MemoryBlockstore::new();
    let balance = world.rt.balance_of(MINER).unwrap();
    let (summary, found) = check(&world.state(), &elsewhere, policy(), &balance);
    assert!(summary.is_none());
    assert!(found.len() > 3, "{found:?}");
}

fn atto(amount: u64) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

fn expect(world: &World, said: &str) {
    let found = violations(world);
    assert!(
        found.iter().any(|sentence| sentence.contains(said)),
        "{said}: {found:?}"
    );
}

fn edit_deadline(world: &World, change: impl FnOnce(&mut Deadline, &MemoryBlockstore)) {
    let store = world.rt.store();
    world.edit(|state| {
        let mut deadlines = state.load_deadlines(store).unwrap();
        let mut deadline = deadlines.load(store, 0).unwrap();
        change(&mut deadline, store);
        deadlines.due[0] = blocks::put(store, &deadline, "a deadline").unwrap();
        state.save_deadlines(store, &deadlines).unwrap();
    });
}

fn edit_partition(world: &World, change: impl FnOnce(&mut Partition)) {
    edit_deadline(world, |deadline, store| {
        let mut partitions = amt::open(&deadline.partitions, store).unwrap();
        let mut partition = partitions.get(0).unwrap().unwrap().clone();
        change(&mut partition);
        partitions.set(0, partition).unwrap();
        deadline.partitions = amt::flush(&mut partitions).unwrap();
    });
}
