use boatyard_actors_shared::ext::market::{
    VERIFY_DEALS_FOR_ACTIVATION, VerifyDealsForActivationParams, VerifyDealsForActivationReturn,
};
use boatyard_actors_shared::ext::reward::THIS_EPOCH_REWARD;
use boatyard_actors_shared::{BURNT_FUNDS_ACTOR, MARKET_ACTOR, REWARD_ACTOR};
use num_traits::Zero;

use super::*;
use crate::methods::world::*;

fn pre_commit_of(world: &World, sectors: Vec<SectorPreCommitInfo>) -> Result<(), u32> {
    world.call(28, &PreCommitSectorBatchParams { sectors })
}

#[test]
fn sectors_are_announced_and_deposits_kept() {
    let world = World::new();
    world.expect_queries();
    world.expect_cron(last_epoch_of_deadline(START));
    let explicit = SectorPreCommitInfo {
        unsealed_cid: Some(commitments::zero_commd(SEAL).unwrap()),
        ..announced(3)
    };
    assert_eq!(
        pre_commit_of(&world, vec![announced(7), explicit.clone()]),
        Ok(())
    );

    let stored = world.pre_commits(&[7, 3, 8]);
    let on_chain = |info| SectorPreCommitOnChainInfo {
        info,
        pre_commit_deposit: deposit(),
        pre_commit_epoch: START,
    };
    assert_eq!(
        stored,
        [on_chain(announced(7)), on_chain(explicit)],
        "zeros are stored as they were said"
    );
    let state = world.state();
    assert_eq!(state.pre_commit_deposits, deposit() * 2);
    assert!(state.deadline_cron_active);
    let event = |number| ("sector-precommitted".to_owned(), number);
    assert_eq!(world.events(), [event(3), event(7)], "by number");

    // Cron is enrolled only once; a number is used only once.
    world.expect_queries();
    assert_eq!(pre_commit_of(&world, vec![announced(4)]), Ok(()));
    world.expect_queries();
    assert_eq!(
        pre_commit_of(&world, vec![announced(5), announced(4)]),
        Err(16)
    );
}

/// Kept till the last epoch in which it can be proven and 960 epochs more, rounded up
/// to the end of a deadline.
#[test]
fn deposits_of_sectors_that_are_not_proven_are_lost() {
    let world = World::new();
    world.pre_commit([1, 2]);
    let due = START + TO_PROVE + 960;
    let due = due + (60 - due % 60) % 60;
    let clean_up = |epoch| {
        let mut state = world.state();
        let lost = state
            .clean_up_expired_pre_commits(policy(), world.rt.store(), epoch)
            .unwrap();
        (lost, state.pre_commit_deposits)
    };
    assert_eq!(clean_up(due - 1), (TokenAmount::zero(), deposit() * 2));
    assert_eq!(clean_up(due), (deposit() * 2, TokenAmount::zero()));
}

/// What the batch says is looked at before anybody is asked and before the caller.
#[test]
fn batches_are_checked_before_the_caller() {
    let too_old = START - 3_781;
    let first_expiration = START + TO_PROVE + 518_400;
    type Spoil = fn(&mut SectorPreCommitInfo);
    let cases: [(&str, u32, Spoil); 14] = [
        ("seal of another network", 16, |s| {
            s.seal_proof = RegisteredSealProof::StackedDRG32GiBV1P1;
        }),
        ("no interactive seal", 16, |s| {
            s.seal_proof = RegisteredSealProof::StackedDRG2KiBV1P2_Feat_NiPoRep;
        }),
        ("unknown seal", 16, |s| {
            s.seal_proof = RegisteredSealProof::Invalid(20);
        }),
        ("unknown seal with known low bits", 16, |s| {
            s.seal_proof = RegisteredSealProof::Invalid((1 << 32) + 5);
        }),
        ("number too high", 16, |s| s.sector_number = 1 << 63),
        ("highest number of all", 24, |s| s.sector_number = u64::MAX),
        ("no CommR", 16, |s| s.sealed_cid = comm_d(1)),
        ("no CommD", 16, |s| s.unsealed_cid = Some(comm_r(1))),
        ("ticket of this epoch", 16, |s| s.seal_rand_epoch = START),
        ("old ticket", 16, |s| s.seal_rand_epoch = START - 3_781),
        ("oldest ticket", 16, |s| s.seal_rand_epoch = i64::MIN),
        ("expires too soon", 16, |s| {
            s.expiration = START + TO_PROVE + 518_399;
        }),
        ("expires too late", 16, |s| {
            s.expiration = START + 3_680_641;
        }),
        ("expires before time", 16, |s| s.expiration = i64::MIN),
    ];
    for (what, code, spoil) in cases {
        let world = World::new();
        world.rt.caller(STRANGER);
        let mut spoilt = announced(2);
        spoil(&mut spoilt);
        let refused = pre_commit_of(&world, vec![announced(1), spoilt]);
        assert_eq!(refused, Err(code), "{what}");
    }
    let world = World::new();
    assert_eq!(pre_commit_of(&world, vec![]), Err(16));
    let twice = vec![announced(1), announced(1)];
    assert_eq!(pre_commit_of(&world, twice), Err(16));

    let at_the_limits = |number, seal_rand_epoch, expiration| SectorPreCommitInfo {
        seal_rand_epoch,
        expiration,
        ..announced(number)
    };
    world.pre_commit_as(vec![
        at_the_limits(1, too_old + 1, first_expiration),
        at_the_limits(2, START - 1, START + 3_680_640),
    ]);
}

/// Balance, debt, caller, fault: in this order, after the questions.
#[test]
fn funds_come_before_the_caller() {
    let refused = |spoil: fn(&World)| {
        let world = World::new();
        world.expect_queries();
        spoil(&world);
        pre_commit_of(&world, vec![announced(1)])
    };
    let broke = |world: &World| {
        world.rt.caller(STRANGER);
        world.edit(|state| state.initial_pledge = TokenAmount::from_whole(1_001));
    };
    assert_eq!(refused(broke), Err(20));
    let indebted = |world: &World| {
        world.rt.caller(STRANGER);
        world.edit(|state| state.fee_debt = TokenAmount::from_whole(1_001));
    };
    assert_eq!(refused(indebted), Err(19));
    let stranger = |world: &World| {
        world.rt.caller(STRANGER);
    };
    assert_eq!(refused(stranger), Err(18));
    let barred = |world: &World| world.edit_info(|info| info.consensus_fault_elapsed = START);
    assert_eq!(refused(barred), Err(18));
}

/// What is available is what is left when debt is paid.
#[test]
fn debt_is_paid_first() {
    let debt = TokenAmount::from_whole(3);
    for (short, result) in [(0, Ok(())), (1, Err(19))] {
        let world = World::new();
        let balance = &debt + deposit() - TokenAmount::from_atto(short);
        world.rt.balance(MINER, balance);
        world.edit(|state| {
            state.fee_debt = debt.clone();
            state.deadline_cron_active = true;
        });
        world.expect_queries();
        if result.is_ok() {
            world
                .rt
                .expect_send(BURNT_FUNDS_ACTOR, 0)
                .value(debt.clone());
        }
        assert_eq!(pre_commit_of(&world, vec![announced(1)]), result);
    }
}

#[test]
fn owner_worker_and_control_addresses_may_announce() {
    for caller in [OWNER, WORKER, CONTROL] {
        let world = World::new();
        world.rt.caller(caller);
        world.pre_commit([1]);
    }
}

#[test]
fn another_miners_sector_size_is_refused() {
    let world = World::new();
    world.expect_queries();
    let other = SectorPreCommitInfo {
        seal_proof: RegisteredSealProof::StackedDRG8MiBV1P1,
        ..announced(1)
    };
    assert_eq!(pre_commit_of(&world, vec![other]), Err(16));
}

/// With a deal in one sector the market hears of all; it says what the deals make.
#[test]
fn the_market_says_what_deals_make() {
    let zeros = commitments::zero_commd(SEAL).unwrap();
    let cases = [
        (
            "as declared",
            Some(comm_d(1)),
            vec![Some(comm_d(1)), None],
            Ok(()),
        ),
        ("zeros", None, vec![Some(zeros), None], Ok(())),
        (
            "other",
            Some(comm_d(1)),
            vec![Some(comm_d(2)), None],
            Err(16),
        ),
        ("not zeros", None, vec![Some(comm_d(2)), None], Err(16)),
        ("too few answers", None, vec![None], Err(20)),
    ];
    for (what, unsealed_cid, unsealed_cids, result) in cases {
        let world = World::new();
        world.edit(|state| state.deadline_cron_active = true);
        let with_deal = SectorPreCommitInfo {
            unsealed_cid,
            deal_ids: vec![5, 6],
            ..announced(1)
        };
        let batch = vec![with_deal, announced(2)];
        let sectors = batch.iter().map(deals).collect();
        world.expect_queries();
        world
            .rt
            .expect_send(MARKET_ACTOR, VERIFY_DEALS_FOR_ACTIVATION)
            .params(&VerifyDealsForActivationParams { sectors })
            .returns(&VerifyDealsForActivationReturn { unsealed_cids });
        assert_eq!(pre_commit_of(&world, batch), result, "{what}");
    }
}

#[test]
fn a_sector_has_256_deals_at_most() {
    for (count, result) in [(256, Ok(())), (257, Err(16))] {
        let world = World::new();
        world.edit(|state| state.deadline_cron_active = true);
        let sector = SectorPreCommitInfo {
            deal_ids: (0..count).collect(),
            ..announced(1)
        };
        world.expect_queries();
        world
            .rt
            .expect_send(MARKET_ACTOR, VERIFY_DEALS_FOR_ACTIVATION)
            .any_params()
            .returns(&VerifyDealsForActivationReturn {
                unsealed_cids: vec![None],
            });
        assert_eq!(pre_commit_of(&world, vec![sector]), result, "{count}");
    }
}

#[test]
fn a_failing_question_ends_the_message_with_its_code() {
    let world = World::new();
    world
        .rt
        .expect_send(REWARD_ACTOR, THIS_EPOCH_REWARD)
        .exits(33);
    assert_eq!(pre_commit_of(&world, vec![announced(1)]), Err(33));
}
