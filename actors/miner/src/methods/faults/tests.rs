use fvm_shared::econ::TokenAmount;

use crate::methods::world::*;
use crate::methods::world_proving::*;
use crate::testing::below;

#[test]
fn a_declared_fault_takes_power_at_once() {
    let world = World::proven(4);
    world.expect_power(sectors(-3));
    world
        .declare_faults(vec![declaration(1, 0, &[3, 4]), declaration(0, 0, &[2])])
        .unwrap();
    assert_eq!(world.partition(0, 0).faults, numbers(&[2]));
    assert_eq!(world.partition(1, 0).faults, numbers(&[3, 4]));
    assert_eq!(world.deadline(1).faulty_power, sectors(2));
    world.check();
    // Again it changes nothing, and nothing is sent.
    world.declare_faults(vec![declaration(0, 0, &[2])]).unwrap();
    world.declare_faults(vec![]).unwrap();
    world.declare_faults(vec![declaration(0, 0, &[])]).unwrap();
    world.check();
}

#[test]
fn a_sector_that_was_never_proven_has_no_power_to_lose() {
    let world = World::committed(2);
    world.declare_faults(vec![declaration(0, 0, &[2])]).unwrap();
    let partition = world.partition(0, 0);
    assert_eq!(partition.unproven, numbers(&[1]));
    assert_eq!(partition.faults, numbers(&[2]));
    world.check();
}

#[test]
fn a_fault_takes_a_recovery_back() {
    let world = World::proven(2);
    world.expect_power(sectors(-1));
    world.declare_faults(vec![declaration(0, 0, &[1])]).unwrap();
    world
        .declare_recovered(vec![declaration(0, 0, &[1, 2])])
        .unwrap();
    assert_eq!(world.partition(0, 0).recoveries, numbers(&[1]));
    world.check();
    world.declare_faults(vec![declaration(0, 0, &[1])]).unwrap();
    let partition = world.partition(0, 0);
    assert!(partition.recoveries.is_empty());
    assert_eq!(partition.faults, numbers(&[1]));
    world.check();
}

/// The same for faults and recoveries: what is addressed comes before who calls.
#[test]
fn declarations_that_are_refused() {
    let too_many = |deadline| {
        let mut declared = declaration(deadline, 0, &[]);
        declared.sectors = below(u64::MAX);
        declared
    };
    for (what, declared, worker, stranger) in [
        ("no deadline", declaration(48, 0, &[1]), 16, 16),
        ("too many sectors", too_many(0), 16, 16),
        ("no partition", declaration(0, 1, &[1]), 17, 18),
        ("no index", declaration(0, u64::MAX, &[1]), 20, 18),
        ("others' sectors", declaration(0, 0, &[3]), 16, 18),
    ] {
        let world = World::proven(4);
        for (caller, code) in [(WORKER, worker), (STRANGER, stranger)] {
            world.rt.caller(caller);
            let declared = vec![declared.clone()];
            assert_eq!(world.declare_faults(declared.clone()), Err(code), "{what}");
            assert_eq!(world.declare_recovered(declared), Err(code), "{what}");
        }
    }
}

#[test]
fn declarations_end_seventy_epochs_before_the_window() {
    let world = World::proven(4);
    world.expect_power(sectors(-1));
    world.declare_faults(vec![declaration(1, 0, &[3])]).unwrap();
    let open = world.window(0).open;
    for (epoch, code) in [
        (open - 70, Err(16)),
        (open, Err(16)),
        (open + 59, Err(16)),
        (open - 71, Ok(())),
        (open + 60, Ok(())),
    ] {
        world.rt.epoch(epoch);
        let declared = vec![declaration(0, 0, &[])];
        assert_eq!(world.declare_faults(declared.clone()), code, "{epoch}");
        assert_eq!(world.declare_recovered(declared), code, "{epoch}");
    }
    // Deadlines are dealt with in order: the missing partition comes first.
    world.rt.epoch(open - 70);
    let both = vec![declaration(1, 7, &[]), declaration(0, 0, &[])];
    assert_eq!(world.declare_faults(both), Err(16));
    world.rt.epoch(open - 10);
    let both = vec![declaration(1, 7, &[]), declaration(20, 7, &[])];
    assert_eq!(world.declare_faults(both), Err(16));
}

#[test]
fn a_recovery_costs_all_debt() {
    let world = World::proven(2);
    let debt = TokenAmount::from_whole(2);
    world.edit(|state| state.fee_debt = debt.clone());
    world.expect_burn(debt);
    world
        .declare_recovered(vec![declaration(0, 0, &[1])])
        .unwrap();
    assert!(world.state().fee_debt.is_zero());
    assert!(world.partition(0, 0).recoveries.is_empty(), "it is well");
    world.check();
}

/// The debt comes before the caller, the caller before the fault.
#[test]
fn debt_is_looked_at_before_the_caller() {
    let world = World::proven(2);
    world.edit(|state| state.fee_debt = TokenAmount::from_whole(2_000));
    for caller in [WORKER, STRANGER] {
        world.rt.caller(caller);
        assert_eq!(world.declare_recovered(vec![]), Err(19));
    }
    world.edit(|state| state.fee_debt = TokenAmount::default());
    let spoken_for = TokenAmount::from_whole(2_000);
    world.edit(|state| state.pre_commit_deposits = spoken_for);
    assert_eq!(world.declare_recovered(vec![]), Err(20));
    world.edit(|state| state.pre_commit_deposits = TokenAmount::default());

    let now = world.rt.epoch_now();
    world.edit_info(|info| info.consensus_fault_elapsed = now);
    world.rt.caller(WORKER);
    assert_eq!(world.declare_recovered(vec![]), Err(18));
    world.declare_faults(vec![]).unwrap();
    world.rt.epoch(now + 1);
    world.declare_recovered(vec![]).unwrap();
}
