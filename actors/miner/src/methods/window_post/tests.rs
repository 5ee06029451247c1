use boatyard_mock::Check;
use boatyard_sdk::runtime::RandomnessTag;
use fvm_ipld_encoding::{RawBytes, to_vec};
use fvm_shared::METHOD_SEND;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::sector::RegisteredPoStProof;

use super::*;
use crate::methods::world::*;
use crate::methods::world_proving::*;
use crate::types::{ExpirationExtension2, ExtendSectorExpiration2Params, PoStPartition};

const DISPUTE: u64 = 24;

#[test]
fn the_first_proof_activates_sectors_and_is_not_checked() {
    let world = World::committed(3);
    world.enter(0);
    world.expect_power(sectors(2));
    let mut params = world.post(0, &[(0, &[])]);
    params.proofs = vec![invalid_proof()];
    world.call(SUBMIT, &params).unwrap();

    assert!(world.rt.checks().is_empty());
    let partition = world.partition(0, 0);
    assert!(partition.unproven.is_empty() && partition.unproven_power.is_zero());
    let deadline = world.deadline(0);
    assert_eq!(deadline.partitions_posted, numbers(&[0]));
    let kept = crate::amt::open(&deadline.optimistic_post_submissions, world.rt.store()).unwrap();
    let kept = kept.get(0).unwrap().unwrap();
    assert_eq!(
        (kept.partitions.clone(), kept.proofs.clone()),
        (numbers(&[0]), params.proofs)
    );
    world.check();
}

/// A proof that adds no power is only noted.
#[test]
fn later_proofs_send_nothing() {
    let world = World::proven(2);
    world.enter(0);
    world.call(SUBMIT, &world.post(0, &[(0, &[])])).unwrap();
    world.check();
}

#[test]
fn skipped_sectors_become_faulty() {
    let world = World::proven(2);
    let window = world.enter(0);
    world.expect_power(sectors(-1));
    world.call(SUBMIT, &world.post(0, &[(0, &[2])])).unwrap();
    assert_eq!(world.partition(0, 0).faults, numbers(&[2]));
    let deadline = world.deadline(0);
    assert_eq!(deadline.faulty_power, sectors(1));
    let ends = crate::amt::open(&deadline.expirations_epochs, world.rt.store()).unwrap();
    let faults_end = (window.last() + 120_960) as u64;
    assert_eq!(ends.get(faults_end).unwrap(), Some(&numbers(&[0])));
    world.check();
}

#[test]
fn a_proof_that_recovers_power_is_checked_with_a_stand_in_for_what_is_ignored() {
    let world = World::committed(2);
    world.commit(&[3, 4]);
    // Both in one partition of deadline 0: one faulty, one recovering.
    world.pass_windows(2, true);
    world.expect_power(sectors(-2));
    world
        .declare_faults(vec![declaration(0, 0, &[1, 2])])
        .unwrap();
    world
        .declare_recovered(vec![declaration(0, 0, &[2])])
        .unwrap();
    let window = world.enter(0);

    let mut wrong = world.post(0, &[(0, &[])]);
    wrong.proofs = vec![invalid_proof()];
    assert_eq!(world.call(SUBMIT, &wrong), Err(16));
    world.rt.checks();

    world.expect_power(sectors(1));
    world.call(SUBMIT, &world.post(0, &[(0, &[])])).unwrap();
    let [Check::Post(asked)] = &world.rt.checks()[..] else {
        panic!("one check of a proof");
    };
    let entropy = to_vec(&Address::new_id(MINER)).unwrap();
    let tag = RandomnessTag::WindowedPoStChallengeSeed;
    assert_eq!(asked.randomness.0, drawn(tag, window.challenge, &entropy));
    assert_eq!(asked.prover, MINER);
    assert_eq!(asked.proofs, [valid_proof()]);
    let sectors: Vec<_> = asked
        .challenged_sectors
        .iter()
        .map(|sector| (sector.sector_number, sector.sealed_cid, sector.proof))
        .collect();
    assert_eq!(sectors, [(2, comm_r(2), SEAL), (2, comm_r(2), SEAL)]);

    let deadline = world.deadline(0);
    let nothing = crate::amt::empty(world.rt.store()).unwrap();
    assert_eq!(deadline.optimistic_post_submissions, nothing);
    assert_eq!(world.partition(0, 0).faults, numbers(&[1]));
    world.check();
}

/// A skipped sector stays faulty although it was said to recover.
#[test]
fn what_is_skipped_does_not_recover() {
    let world = World::proven(2);
    world.expect_power(sectors(-1));
    world.declare_faults(vec![declaration(0, 0, &[2])]).unwrap();
    world
        .declare_recovered(vec![declaration(0, 0, &[2])])
        .unwrap();
    world.enter(0);
    world.call(SUBMIT, &world.post(0, &[(0, &[2])])).unwrap();
    assert!(world.rt.checks().is_empty(), "nothing recovered");
    let partition = world.partition(0, 0);
    assert_eq!(partition.faults, numbers(&[2]));
    assert!(partition.recoveries.is_empty());
    world.check();
}

type Change = fn(&World, &mut SubmitWindowedPoStParams);

/// Ways to get a submission wrong in the order in which they are looked for.
const MISTAKES: &[(&str, u32, Change)] = &[
    ("no proof", 16, |_, p| p.proofs.clear()),
    ("two proofs", 16, |_, p| p.proofs.push(valid_proof())),
    ("a type of other networks", 16, |_, p| {
        p.proofs[0].post_proof = RegisteredPoStProof::StackedDRGWindow32GiBV1P1;
    }),
    ("no such deadline", 16, |_, p| p.deadline = 48),
    ("too much randomness", 16, |_, p| {
        p.chain_commit_rand = RawBytes::new(vec![0; 33]);
    }),
    ("a stranger", 18, |w, _| {
        w.rt.caller(STRANGER);
    }),
    ("a type of other miners", 16, |_, p| {
        p.proofs[0].post_proof = RegisteredPoStProof::StackedDRGWindow8MiBV1P1;
    }),
    ("too long", 16, |_, p| {
        p.proofs[0].proof_bytes = vec![0; 193]
    }),
    ("too many partitions", 16, |_, p| {
        p.partitions = vec![p.partitions[0].clone(); 4];
    }),
    ("another deadline", 16, |_, p| p.deadline = 1),
    ("tied to an epoch before the challenge", 16, |w, p| {
        p.chain_commit_epoch = w.window(0).challenge - 1;
    }),
    ("tied to the present", 16, |w, p| {
        p.chain_commit_epoch = w.rt.epoch_now();
    }),
    ("tied to another chain", 16, |_, p| {
        p.chain_commit_rand = RawBytes::new(vec![1; 32]);
    }),
    ("too little randomness", 16, |_, p| {
        p.chain_commit_rand = RawBytes::new(p.chain_commit_rand[..31].to_vec());
    }),
    ("no number of a partition", 16, |_, p| {
        p.partitions[0].index = u64::MAX;
    }),
    ("a partition twice", 16, |_, p| {
        p.partitions.push(p.partitions[0].clone());
    }),
    ("no such partition", 17, |_, p| p.partitions[0].index = 1),
    ("one of two not there", 17, |_, p| {
        p.partitions.push(PoStPartition {
            index: 2,
            skipped: numbers(&[]),
        });
    }),
    ("skips another's sector", 16, |_, p| {
        p.partitions[0].skipped = numbers(&[3]);
    }),
    ("nothing left", 16, |_, p| {
        p.partitions[0].skipped = numbers(&[1, 2]);
    }),
    ("no partitions", 16, |_, p| {
        p.partitions.clear();
        p.proofs[0].proof_bytes.clear();
    }),
];

#[test]
fn submissions_with_a_mistake_are_refused() {
    for (what, code, change) in MISTAKES {
        let world = World::proven(4);
        world.enter(0);
        let mut params = world.post(0, &[(0, &[])]);
        change(&world, &mut params);
        assert_eq!(world.call(SUBMIT, &params), Err(*code), "{what}");
    }
}

/// The order is observable: a mistake of form hides that a stranger calls, and that
/// hides all others.
#[test]
fn strangers_hear_of_mistakes_of_form_only() {
    let stranger = MISTAKES.iter().position(|m| m.0 == "a stranger").unwrap();
    for (index, (what, _, change)) in MISTAKES.iter().enumerate() {
        let world = World::proven(4);
        world.enter(0);
        let mut params = world.post(0, &[(0, &[])]);
        change(&world, &mut params);
        world.rt.caller(STRANGER);
        let expected = if index < stranger { 16 } else { 18 };
        assert_eq!(world.call(SUBMIT, &params), Err(expected), "{what}");
    }
}

#[test]
fn a_partition_is_proven_once_a_window() {
    let world = World::proven(2);
    world.enter(0);
    let params = world.post(0, &[(0, &[])]);
    for caller in [OWNER, CONTROL] {
        world.rt.caller(caller);
        let expected = if caller == OWNER { Ok(()) } else { Err(16) };
        assert_eq!(world.call(SUBMIT, &params), expected);
    }
    world.close(0);
    world.enter(0);
    world.call(SUBMIT, &world.post(0, &[(0, &[])])).unwrap();
}

// --- Disputes ---

fn dispute(world: &World, deadline: u64, post_index: u64) -> Result<(), u32> {
    let params = DisputeWindowedPoStParams {
        deadline,
        post_index,
    };
    world.rt.caller(STRANGER);
    world.call(DISPUTE, &params)
}

/// Sectors 1 and 2, proven last with this proof on trust; the window is over.
fn trusted(proof: PoStProof) -> World {
    let world = World::proven(2);
    world.enter(0);
    let mut params = world.post(0, &[(0, &[])]);
    params.proofs = vec![proof];
    world.call(SUBMIT, &params).unwrap();
    world.close(0);
    world
}

fn penalty(count: i64) -> TokenAmount {
    let reward = reward().this_epoch_reward_smoothed;
    let network = power().quality_adj_power_smoothed;
    crate::monies::invalid_post_penalty(&reward, &network, &sectors(count).qa).unwrap()
}

fn reporters_share() -> TokenAmount {
    TokenAmount::from_whole(4)
}

#[test]
fn a_wrong_proof_costs_the_miner_and_pays_the_reporter() {
    let world = trusted(invalid_proof());
    world.expect_queries();
    world.expect_power(sectors(-2));
    world
        .rt
        .expect_send(Address::new_id(STRANGER), METHOD_SEND)
        .value(reporters_share());
    world.expect_burn(penalty(2));
    dispute(&world, 0, 0).unwrap();

    let partition = world.partition(0, 0);
    assert_eq!(partition.faults, numbers(&[1, 2]));
    assert!(world.state().fee_debt.is_zero());
    world.check();

    world.expect_queries();
    assert_eq!(dispute(&world, 0, 0), Err(16), "the proof is gone");
}

#[test]
fn what_the_reporter_cannot_take_is_burned() {
    let world = trusted(invalid_proof());
    world.expect_queries();
    world.expect_power(sectors(-2));
    world
        .rt
        .expect_send(Address::new_id(STRANGER), METHOD_SEND)
        .value(reporters_share())
        .exits(33);
    world.expect_burn(penalty(2) + reporters_share());
    dispute(&world, 0, 0).unwrap();
}

/// The reporter comes first, then what is burned; the rest is debt.
#[test]
fn a_poor_miner_pays_what_it_has() {
    let world = trusted(invalid_proof());
    let pledge = world.state().initial_pledge;
    let three = TokenAmount::from_whole(3);
    world.rt.balance(MINER, &pledge + &three);
    world.expect_queries();
    world.expect_power(sectors(-2));
    world
        .rt
        .expect_send(Address::new_id(STRANGER), METHOD_SEND)
        .value(three.clone());
    dispute(&world, 0, 0).unwrap();
    let owed = penalty(2) + reporters_share() - three;
    assert_eq!(world.state().fee_debt, owed);

    let world = trusted(invalid_proof());
    world.rt.balance(MINER, pledge);
    world.expect_queries();
    world.expect_power(sectors(-2));
    dispute(&world, 0, 0).unwrap();
    assert_eq!(world.state().fee_debt, penalty(2) + reporters_share());
}

/// Sectors that ended or became faulty since are penalized, but not made faulty.
#[test]
fn the_penalty_is_for_the_power_of_then() {
    let world = trusted(invalid_proof());
    world.expect_power(sectors(-1));
    world.rt.caller(WORKER);
    world.declare_faults(vec![declaration(0, 0, &[1])]).unwrap();
    world.expect_queries();
    world.expect_power(sectors(-1));
    world
        .rt
        .expect_send(Address::new_id(STRANGER), METHOD_SEND)
        .value(reporters_share());
    world.expect_burn(penalty(2));
    dispute(&world, 0, 0).unwrap();
    assert_eq!(world.partition(0, 0).faults, numbers(&[1, 2]));
    world.check();
}

/// A sector that lives longer since is found at its new end, by its old record.
#[test]
fn a_dispute_goes_by_the_records_of_then() {
    let world = trusted(invalid_proof());
    let later = EXPIRATION + 100_000;
    let extension = ExpirationExtension2 {
        deadline: 0,
        partition: 0,
        sectors: numbers(&[1]),
        sectors_with_claims: vec![],
        new_expiration: later,
    };
    world.rt.caller(WORKER);
    let extensions = vec![extension];
    world
        .call(32, &ExtendSectorExpiration2Params { extensions })
        .unwrap();
    expect_success(&world);
    dispute(&world, 0, 0).unwrap();

    let last = world.window(0).last() - 2_880;
    let ends = world.expirations(0, 0);
    let [(epoch, entry)] = &ends[..] else {
        panic!("both end early: {ends:?}");
    };
    assert_eq!(*epoch, last + policy().fault_max_age);
    assert_eq!(entry.early_sectors, numbers(&[1, 2]));
    assert_eq!(entry.faulty_power, sectors(2));
    assert!(entry.on_time_pledge.is_zero(), "due at settlement");
    world.check();
}

/// Power that a sector gained since is not lost: it stays active in a partition that
/// has no active sector any more, so this is not a state that [`World::check`] takes.
#[test]
fn power_that_came_since_is_not_disputed() {
    let world = trusted(invalid_proof());
    let qa_power = i64::try_from(SIZE).unwrap() * 10;
    let left = EXPIRATION - world.rt.epoch_now();
    let old = world.sector(1).unwrap();
    let new = SectorOnChainInfo {
        power_base_epoch: world.rt.epoch_now(),
        verified_deal_weight: BigInt::from(SIZE) * left,
        ..old.clone()
    };
    world.replace(0, 0, &old, &new);
    expect_success(&world);
    dispute(&world, 0, 0).unwrap();

    let partition = world.partition(0, 0);
    assert_eq!(partition.faults, numbers(&[1, 2]));
    assert_eq!(partition.faulty_power, sectors(2));
    let kept = partition.active_power();
    assert_eq!(kept.raw, 0.into());
    assert_eq!(kept.qa, (qa_power - i64::try_from(SIZE).unwrap()).into());
    assert_eq!(world.deadline(0).faulty_power, sectors(2));
}

/// A refuted proof leaves a gap; the others keep their numbers.
#[test]
fn proofs_keep_their_numbers() {
    let world = trusted(invalid_proof());
    let store = world.rt.store();
    let mut deadline = world.deadline(0);
    let mut proofs =
        crate::amt::open(&deadline.optimistic_post_submissions_snapshot, store).unwrap();
    let first = proofs.get(0).unwrap().unwrap().clone();
    proofs.set(1, first).unwrap();
    deadline.optimistic_post_submissions_snapshot = crate::amt::flush(&mut proofs).unwrap();
    world.edit(|state| {
        let mut deadlines = state.load_deadlines(store).unwrap();
        deadlines.save(store, 0, &deadline).unwrap();
        state.save_deadlines(store, &deadlines).unwrap();
    });
    expect_success(&world);
    dispute(&world, 0, 0).unwrap();

    // Nobody is faulty twice, but the penalty is for the power of then.
    world.expect_queries();
    world
        .rt
        .expect_send(Address::new_id(STRANGER), METHOD_SEND)
        .value(reporters_share());
    world.expect_burn(penalty(2));
    dispute(&world, 0, 1).unwrap();
    for gone in [0, 1] {
        world.expect_queries();
        assert_eq!(dispute(&world, 0, gone), Err(16));
    }
}

/// What a dispute of the proof of sectors 1 and 2 sends when it succeeds.
fn expect_success(world: &World) {
    world.expect_queries();
    world.expect_power(sectors(-2));
    world
        .rt
        .expect_send(Address::new_id(STRANGER), METHOD_SEND)
        .value(reporters_share());
    world.expect_burn(penalty(2));
}

#[test]
fn disputes_that_fail() {
    let world = trusted(valid_proof());
    assert_eq!(dispute(&world, 48, 0), Err(16), "before anything is asked");
    for (what, deadline, post_index, code) in [
        ("a valid proof", 0, 0, 16),
        ("no proof", 0, 1, 16),
        ("no index", 0, u64::MAX, 20),
        ("no proofs in the deadline", 3, 0, 16),
    ] {
        world.expect_queries();
        let expected = if deadline == 3 { 18 } else { code };
        assert_eq!(
            dispute(&world, deadline, post_index),
            Err(expected),
            "{what}"
        );
    }
    let window = world.window(0);
    for (epoch, code) in [
        (window.open - 2_880 + 60 + 1_799, 16),
        (window.open - 2_880 + 60 + 1_800, 18),
        (window.open, 18),
        (window.close, 16),
    ] {
        world.rt.epoch(epoch);
        world.expect_queries();
        assert_eq!(dispute(&world, 0, 0), Err(code), "{epoch}");
    }
}

/// The challenge is that of the window in which the proof was taken, in the period
/// before if the deadline lies ahead.
#[test]
fn the_proof_is_checked_against_its_own_challenge() {
    let world = trusted(valid_proof());
    let window = world.window(0);
    let challenge = window.challenge - 2_880;
    world.rt.beacon_randomness(challenge, [5; 32]);
    world.rt.epoch(window.open - 2_880 + 1_000);
    world.rt.checks();
    world.expect_queries();
    assert_eq!(dispute(&world, 0, 0), Err(16));
    let [Check::Post(asked)] = &world.rt.checks()[..] else {
        panic!("one check of a proof");
    };
    let entropy = to_vec(&Address::new_id(MINER)).unwrap();
    let tag = RandomnessTag::WindowedPoStChallengeSeed;
    assert_eq!(asked.randomness.0, drawn(tag, challenge, &entropy));
    assert_eq!(asked.challenged_sectors.len(), 2);
}
