use boatyard_actors_shared::BURNT_FUNDS_ACTOR;
use boatyard_mock::Check;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::error::ExitCode;
use fvm_shared::sector::RegisteredAggregateProof;

use super::*;
use crate::methods::world::*;

const PROVE: u64 = 36;
const NI: RegisteredSealProof = RegisteredSealProof::StackedDRG2KiBV1P2_Feat_NiPoRep;
const LATE: ChainEpoch = START + 600_000;

fn sector(number: u64) -> SectorNiActivationInfo {
    SectorNiActivationInfo {
        sealing_number: number,
        sealer_id: MINER,
        sealed_cid: comm_r(number),
        sector_number: number,
        seal_rand_epoch: START - 1,
        expiration: LATE,
    }
}

fn all(sectors: Vec<SectorNiActivationInfo>) -> ProveCommitSectorsNiParams {
    ProveCommitSectorsNiParams {
        sectors,
        aggregate_proof: proof(),
        seal_proof_type: NI,
        aggregate_proof_type: RegisteredAggregateProof::SnarkPackV2,
        proving_deadline: 5,
        require_activation_success: true,
    }
}

fn some(sectors: Vec<SectorNiActivationInfo>) -> ProveCommitSectorsNiParams {
    ProveCommitSectorsNiParams {
        require_activation_success: false,
        ..all(sectors)
    }
}

fn prove(world: &World, params: &ProveCommitSectorsNiParams) -> Result<BatchReturn, u32> {
    world.call_for(PROVE, params)
}

fn codes(codes: &[u32]) -> BatchReturn {
    let codes: Vec<_> = codes.iter().map(|code| ExitCode::new(*code)).collect();
    BatchReturn::of(&codes)
}

#[test]
fn sectors_come_without_being_announced() {
    let world = World::new();
    world.expect_queries();
    world.expect_pledge(&(pledge_of(SIZE) * 3));
    world.expect_cron(last_epoch_of_deadline(START));
    let params = all(vec![sector(3), sector(1), sector(2)]);
    assert_eq!(prove(&world, &params), Ok(codes(&[0, 0, 0])));

    let record = world.sector(2).unwrap();
    assert_eq!(
        record,
        SectorOnChainInfo {
            initial_pledge: pledge_of(SIZE),
            daily_fee: record.daily_fee.clone(),
            ..SectorOnChainInfo::committed(2, NI, comm_r(2), START, LATE)
        }
    );
    assert_eq!([1, 2, 3].map(|n| world.place(n)), [(5, 0), (5, 0), (5, 1)]);
    assert_eq!(world.state().initial_pledge, pledge_of(SIZE) * 3);
    let event = |number| ("sector-activated".to_owned(), number);
    assert_eq!(world.events(), [event(3), event(1), event(2)]);

    let checks = world.rt.checks();
    let [Check::AggregateSeals(check)] = &checks[..] else {
        panic!("{checks:?}");
    };
    assert_eq!((check.miner, check.seal_proof), (MINER, NI));
    let info = &check.infos[0];
    assert_eq!(info.sector_number, 3);
    assert_eq!(info.interactive_randomness.0, vec![1; 32]);
    assert_eq!(info.unsealed_cid, commitments::zero_commd(NI).unwrap());
    let ticket = world.rt.within(|rt| {
        rt.accept_any_caller()?;
        seals::ticket(rt, START - 1, &seals::receiver_entropy(rt)?)
    });
    assert_eq!(info.randomness.0, ticket.unwrap());
}

#[test]
fn checks_come_in_the_sheets_order() {
    let stranger = |world: &World| {
        world.rt.caller(STRANGER);
    };
    let with = |change: fn(&mut ProveCommitSectorsNiParams)| {
        let mut params = all(vec![sector(1)]);
        change(&mut params);
        params
    };
    let world = World::new();
    stranger(&world);
    assert_eq!(prove(&world, &all(vec![])), Err(16), "no sectors");
    let many = all((1..=66).map(sector).collect());
    assert_eq!(prove(&world, &many), Err(16), "too many sectors");
    let long = with(|p| p.aggregate_proof = RawBytes::new(vec![7; 81_961]));
    assert_eq!(prove(&world, &long), Err(16), "a long proof");
    let no_deadline = with(|p| p.proving_deadline = 48);
    assert_eq!(prove(&world, &no_deadline), Err(18), "the caller");

    let world = World::new();
    assert_eq!(prove(&world, &no_deadline), Err(16), "no deadline");
    world.edit_info(|info| info.consensus_fault_elapsed = START);
    for (open_or_next, code) in [(34, 18), (35, 18)] {
        let mut params = all(vec![sector(1)]);
        params.proving_deadline = open_or_next;
        params.seal_proof_type = SEAL;
        assert_eq!(prove(&world, &params), Err(code), "{open_or_next}");
    }
    let wrong_seal = with(|p| p.seal_proof_type = SEAL);
    assert_eq!(prove(&world, &wrong_seal), Err(18), "barred");
    world.edit_info(|info| info.consensus_fault_elapsed = START - 1);
    assert_eq!(prove(&world, &wrong_seal), Err(16), "interactive seal");
    let large = with(|p| p.seal_proof_type = RegisteredSealProof::from(18));
    assert_eq!(prove(&world, &large), Err(16), "a size of other networks");
    let old = with(|p| p.aggregate_proof_type = RegisteredAggregateProof::SnarkPackV1);
    assert_eq!(prove(&world, &old), Err(16), "old aggregation");
    let wrong = with(|p| p.aggregate_proof = wrong_proof());
    assert_eq!(prove(&world, &wrong), Err(16), "a wrong proof");
}

#[test]
fn some_mistakes_are_of_one_sector_and_some_of_all() {
    type Spoil = fn(&mut SectorNiActivationInfo);
    let cases: [(&str, Option<u32>, Spoil); 12] = [
        ("number too high", None, |s| {
            s.sector_number = 1 << 63;
            s.sealing_number = 1 << 63;
        }),
        ("expires too soon", None, |s| s.expiration = START + 518_399),
        ("expires too late", None, |s| {
            s.expiration = START + 3_680_641;
        }),
        ("expired", None, |s| s.expiration = i64::MIN),
        ("another miner's", None, |s| s.sealer_id = MINER + 1),
        ("another number", None, |s| s.sealing_number = 9),
        ("no CommR", None, |s| s.sealed_cid = comm_d(2)),
        ("highest number of all", Some(24), |s| {
            s.sector_number = u64::MAX;
        }),
        ("twice", Some(16), |s| s.sector_number = 1),
        ("ticket of this epoch", Some(16), |s| {
            s.seal_rand_epoch = START;
        }),
        ("ticket to come", Some(16), |s| s.seal_rand_epoch = i64::MAX),
        ("two mistakes", Some(16), |s| {
            s.expiration = 0;
            s.seal_rand_epoch = START;
        }),
    ];
    for (what, hard, spoil) in cases {
        let world = World::new();
        let mut spoilt = sector(2);
        spoil(&mut spoilt);
        let sectors = vec![sector(1), spoilt];
        let code = hard.unwrap_or(16);
        assert_eq!(prove(&world, &all(sectors.clone())), Err(code), "{what}");
        if hard.is_some() {
            assert_eq!(prove(&world, &some(sectors)), Err(code), "{what}");
            continue;
        }
        world.expect_queries();
        world.expect_pledge(&pledge_of(SIZE));
        world.expect_cron(last_epoch_of_deadline(START));
        world.rt.checks();
        let result = prove(&world, &some(sectors.clone()));
        assert_eq!(result, Ok(codes(&[0, 16])), "{what}");
        let checks = world.rt.checks();
        let [Check::AggregateSeals(check)] = &checks[..] else {
            panic!("{checks:?}");
        };
        assert_eq!(check.infos.len(), 2, "the proof is for both");
    }
    let world = World::new();
    let invalid = SectorNiActivationInfo {
        expiration: 0,
        ..sector(1)
    };
    assert_eq!(prove(&world, &some(vec![invalid])), Err(16), "none is left");
}

/// Half a year after its ticket a sector is too old.
#[test]
fn tickets_grow_old() {
    let late = START + 518_400;
    for (age, result) in [
        (518_400, Ok(codes(&[0, 0]))),
        (518_401, Ok(codes(&[0, 16]))),
    ] {
        let world = World::new();
        world.rt.epoch(late);
        let of = |number, seal_rand_epoch| SectorNiActivationInfo {
            seal_rand_epoch,
            expiration: late + 600_000,
            ..sector(number)
        };
        world.expect_queries();
        let count = if age == 518_400 { 2 } else { 1 };
        world.expect_pledge(&(pledge_of(SIZE) * count));
        world.expect_cron(last_epoch_of_deadline(late));
        let sectors = vec![of(1, late - 1), of(2, late - age)];
        assert_eq!(prove(&world, &some(sectors)), result, "{age}");
    }
}

#[test]
fn failed_sectors_use_their_numbers_up() {
    let world = World::new();
    let late = SectorNiActivationInfo {
        expiration: i64::MAX,
        ..sector(2)
    };
    world.expect_queries();
    world.expect_pledge(&pledge_of(SIZE));
    world.expect_cron(last_epoch_of_deadline(START));
    prove(&world, &some(vec![sector(1), late.clone()])).unwrap();
    assert!(world.sector(2).is_none());
    world.expect_queries();
    assert_eq!(prove(&world, &some(vec![sector(2)])), Err(16));
    world.expect_queries();
    assert_eq!(
        prove(&world, &some(vec![sector(3), late])),
        Err(16),
        "a failed one as well"
    );
}

/// The pledge must be covered whatever the debt; then the debt as well.
#[test]
fn pledge_and_debt_are_covered_one_after_the_other() {
    let debt = TokenAmount::from_whole(3);
    for (short, result) in [
        (TokenAmount::default(), Ok(codes(&[0]))),
        (TokenAmount::from_atto(1), Err(19)),
        (&debt + TokenAmount::from_atto(1), Err(19)),
    ] {
        let world = World::new();
        world.rt.balance(MINER, &debt + pledge_of(SIZE) - short);
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
            world.expect_pledge(&pledge_of(SIZE));
        }
        assert_eq!(prove(&world, &all(vec![sector(1)])), result);
    }
}
