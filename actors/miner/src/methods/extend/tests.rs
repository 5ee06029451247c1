use boatyard_actors_shared::batch::BatchReturn;
use boatyard_actors_shared::ext::power::{UPDATE_CLAIMED_POWER, UpdateClaimedPowerParams};
use boatyard_actors_shared::ext::verifreg::{Claim, GET_CLAIMS, GetClaimsParams, GetClaimsReturn};
use boatyard_actors_shared::{POWER_ACTOR, VERIFREG_ACTOR};
use fvm_shared::bigint::BigInt;
use fvm_shared::error::ExitCode;
use num_traits::Zero;

use super::*;
use crate::methods::world::*;
use crate::schema::SectorOnChainInfo;

const EXTEND: u64 = 32;
const LATER: ChainEpoch = EXPIRATION + 100_000;

/// Sectors 1 to `count`, two in each partition, proven.
fn proven(count: u64) -> World {
    let world = World::new();
    world.commit_and_prove(&(1..=count).collect::<Vec<_>>());
    world
}

/// Sector 1 holds verified data from its beginning on; it alone is in its partition.
fn proven_with_claims() -> World {
    let world = World::new();
    world.commit_and_prove(&[1]);
    let mut record = world.sector(1).unwrap();
    let duration = record.expiration - record.activation;
    record.verified_deal_weight = BigInt::from(SIZE) * duration;
    let (deadline, _) = world.place(1);
    let store = world.rt.store();
    world.edit(|state| {
        let frame = state.frame(
            policy(),
            store,
            fvm_shared::sector::SectorSize::_2KiB,
            deadline,
        );
        let mut partition = crate::schema::Partition::new(store).unwrap();
        let placing = crate::partition::Placing::Again;
        let power = partition
            .add_sectors(frame, placing, std::slice::from_ref(&record))
            .unwrap()
            .0;
        let mut deadlines = state.load_deadlines(store).unwrap();
        let mut changed = deadlines.load(store, deadline).unwrap();
        let mut partitions = amt::open(&changed.partitions, store).unwrap();
        partitions.set(0, partition).unwrap();
        changed.partitions = amt::flush(&mut partitions).unwrap();
        changed.live_power = power;
        deadlines.save(store, deadline, &changed).unwrap();
        state.save_deadlines(store, &deadlines).unwrap();
        let mut sectors = Sectors::load(store, &state.sectors).unwrap();
        sectors.set_all([record.clone()]).unwrap();
        state.sectors = sectors.flush().unwrap();
    });
    world
}

fn declaration(
    place: (u64, u64),
    sectors: &[u64],
    new_expiration: ChainEpoch,
) -> ExpirationExtension2 {
    ExpirationExtension2 {
        deadline: place.0,
        partition: place.1,
        sectors: BitField::try_from_bits(sectors.iter().copied()).unwrap(),
        sectors_with_claims: vec![],
        new_expiration,
    }
}

fn extend_all(world: &World, extensions: Vec<ExpirationExtension2>) -> Result<(), u32> {
    world.call(EXTEND, &ExtendSectorExpiration2Params { extensions })
}

fn claim(size: u64) -> Claim {
    Claim {
        provider: MINER,
        client: 77,
        data: comm_d(1),
        size,
        term_min: 518_400,
        term_max: LATER - START,
        term_start: START,
        sector: 1,
    }
}

fn expect_claims(world: &World, ids: &[u64], answer: &GetClaimsReturn) {
    world
        .rt
        .expect_send(VERIFREG_ACTOR, GET_CLAIMS)
        .params(&GetClaimsParams {
            provider: MINER,
            claim_ids: ids.to_vec(),
        })
        .returns(answer);
}

fn found(claims: Vec<Claim>) -> GetClaimsReturn {
    GetClaimsReturn {
        batch_info: BatchReturn::ok(claims.len() as u32),
        claims,
    }
}

fn with_claims(maintain: &[u64], drop: &[u64], new_expiration: ChainEpoch) -> ExpirationExtension2 {
    ExpirationExtension2 {
        sectors_with_claims: vec![SectorClaim {
            sector_number: 1,
            maintain_claims: maintain.to_vec(),
            drop_claims: drop.to_vec(),
        }],
        ..declaration((0, 0), &[], new_expiration)
    }
}

#[test]
fn sectors_of_zeros_live_longer_without_any_send() {
    let world = proven(3);
    let before = world.deadline(0);
    let second = world.place(3);
    let declarations = vec![
        declaration((0, 0), &[1], LATER),
        declaration(second, &[3], LATER),
        declaration((0, 0), &[1, 2], LATER + 1),
    ];
    assert_eq!(extend_all(&world, declarations), Ok(()));
    for (number, expiration) in [(1, LATER + 1), (2, LATER + 1), (3, LATER)] {
        let sector = world.sector(number).unwrap();
        assert_eq!(sector.expiration, expiration, "{number}");
        assert_eq!(sector.power_base_epoch, world.rt.epoch_now());
        assert_eq!(sector.initial_pledge, pledge_of(SIZE));
    }
    let after = world.deadline(0);
    assert_eq!(after.live_power, before.live_power);
    assert_eq!(after.daily_fee, before.daily_fee);
    assert_ne!(after.expirations_epochs, before.expirations_epochs);
}

/// One after the other, each from what the one before it left.
#[test]
fn a_later_declaration_sees_the_earlier() {
    let world = proven(1);
    let shorter = vec![
        declaration((0, 0), &[1], LATER),
        declaration((0, 0), &[1], LATER - 1),
    ];
    assert_eq!(extend_all(&world, shorter), Err(16));
}

#[test]
fn what_is_declared_must_be_there() {
    let world = proven(2);
    for (what, declarations, code) in [
        ("no deadline", vec![declaration((48, 0), &[1], LATER)], 16),
        ("no partition", vec![declaration((0, 9), &[1], LATER)], 17),
        (
            "no partition can be there",
            vec![declaration((0, u64::MAX), &[1], LATER)],
            20,
        ),
        ("no sector", vec![declaration((0, 0), &[1, 9], LATER)], 17),
        (
            "a sector of elsewhere",
            vec![declaration((1, 0), &[1], LATER)],
            17,
        ),
        ("too late", vec![declaration((0, 0), &[1], i64::MAX)], 16),
        ("too soon", vec![declaration((0, 0), &[1], i64::MIN)], 16),
    ] {
        assert_eq!(extend_all(&world, declarations), Err(code), "{what}");
    }
    assert_eq!(extend_all(&world, vec![]), Ok(()), "nothing is something");
}

#[test]
fn only_proven_and_healthy_sectors_of_the_partition_are_extended() {
    type Spoil = fn(&mut crate::schema::Partition);
    let spoils: [(&str, Spoil); 3] = [
        ("unproven", |p| {
            p.unproven = BitField::try_from_bits([1]).unwrap()
        }),
        ("faulty", |p| {
            p.faults = BitField::try_from_bits([1]).unwrap()
        }),
        ("terminated", |p| {
            p.terminated = BitField::try_from_bits([1]).unwrap();
        }),
    ];
    for (what, spoil) in spoils {
        let world = proven(1);
        world.edit_partitions(spoil);
        let refused = extend_all(&world, vec![declaration((0, 0), &[1], LATER)]);
        assert_eq!(refused, Err(20), "{what}");
    }
    let world = proven(3);
    let refused = extend_all(&world, vec![declaration((0, 0), &[3], LATER)]);
    assert_eq!(refused, Err(20), "of another partition");
}

/// Claims are asked for before the caller is looked at.
#[test]
fn strangers_are_refused_late() {
    let world = proven_with_claims();
    world.rt.caller(STRANGER);
    expect_claims(&world, &[5], &found(vec![claim(SIZE)]));
    assert_eq!(
        extend_all(&world, vec![with_claims(&[5], &[], LATER)]),
        Err(18)
    );
    let no_deadline = ExpirationExtension2 {
        deadline: 48,
        ..with_claims(&[5], &[], LATER)
    };
    assert_eq!(extend_all(&world, vec![no_deadline.clone()]), Err(16));
    expect_claims(&world, &[], &found(vec![]));
    assert_eq!(
        extend_all(&world, vec![with_claims(&[], &[], LATER), no_deadline]),
        Err(16),
        "declaration by declaration"
    );
}

#[test]
fn claims_are_kept() {
    let world = proven_with_claims();
    let half = SIZE / 2;
    expect_claims(&world, &[5, 6], &found(vec![claim(half), claim(half)]));
    assert_eq!(
        extend_all(&world, vec![with_claims(&[5, 6], &[], LATER)]),
        Ok(())
    );
    let sector = world.sector(1).unwrap();
    let left = LATER - world.rt.epoch_now();
    assert_eq!(sector.verified_deal_weight, BigInt::from(SIZE) * left);
}

/// In the last month, and then the power falls at once.
#[test]
fn claims_are_dropped_at_the_end() {
    let world = proven_with_claims();
    let half = SIZE / 2;
    let claims = found(vec![claim(half), claim(half)]);
    expect_claims(&world, &[5, 6], &claims);
    let drop = || vec![with_claims(&[5], &[6], LATER)];
    assert_eq!(extend_all(&world, drop()), Err(18));

    world.rt.epoch(EXPIRATION - 86_400);
    let before = world.deadline(0).live_power;
    expect_claims(&world, &[5, 6], &claims);
    // From ten times the size to half of that and half of the size.
    let lost = BigInt::from(SIZE * 10 - SIZE * 11 / 2);
    world
        .rt
        .expect_send(POWER_ACTOR, UPDATE_CLAIMED_POWER)
        .params(&UpdateClaimedPowerParams {
            raw_byte_delta: BigInt::zero(),
            quality_adjusted_delta: -lost.clone(),
        });
    assert_eq!(extend_all(&world, drop()), Ok(()));
    let after = world.deadline(0).live_power;
    assert_eq!(after.raw, before.raw);
    assert_eq!(after.qa, before.qa - lost);
}

/// A sector may be in several declarations: claims are summed over all of them first.
#[test]
fn claims_of_all_declarations_are_summed() {
    let world = proven_with_claims();
    let half = SIZE / 2;
    expect_claims(&world, &[5], &found(vec![claim(half)]));
    expect_claims(&world, &[6], &found(vec![claim(half)]));
    let apart = vec![with_claims(&[5], &[], LATER), with_claims(&[6], &[], LATER)];
    assert_eq!(extend_all(&world, apart), Ok(()));
}

#[test]
fn claims_must_be_the_sectors_own_and_last_long_enough() {
    let other = |change: fn(&mut Claim)| {
        let mut claim = claim(SIZE);
        change(&mut claim);
        found(vec![claim])
    };
    let missing = GetClaimsReturn {
        batch_info: BatchReturn::of(&[ExitCode::USR_NOT_FOUND]),
        claims: vec![],
    };
    for (what, answer, code) in [
        ("missing", missing, 16),
        ("another miner's", other(|c| c.provider = 7), 16),
        ("another sector's", other(|c| c.sector = 7), 16),
        ("too short", other(|c| c.term_max -= 1), 18),
    ] {
        let world = proven_with_claims();
        expect_claims(&world, &[5], &answer);
        let refused = extend_all(&world, vec![with_claims(&[5], &[], LATER)]);
        assert_eq!(refused, Err(code), "{what}");
    }
    let world = proven_with_claims();
    assert_eq!(
        extend_all(&world, vec![declaration((0, 0), &[1], LATER)]),
        Err(16),
        "not declared"
    );
    expect_claims(&world, &[], &found(vec![]));
    assert_eq!(
        extend_all(&world, vec![with_claims(&[], &[], LATER)]),
        Err(16),
        "declared without claims"
    );
}

#[test]
fn the_highest_number_of_all_is_in_no_set() {
    let world = proven(1);
    expect_claims(&world, &[], &found(vec![]));
    let mut impossible = with_claims(&[], &[], LATER);
    impossible.sectors_with_claims[0].sector_number = u64::MAX;
    assert_eq!(extend_all(&world, vec![impossible]), Err(24));
}

/// Old records get a fee with their first extension.
#[test]
fn old_sectors_get_a_fee() {
    let world = proven(1);
    let fee = world.sector(1).unwrap().daily_fee;
    let store = world.rt.store();
    world.edit(|state| {
        let mut sectors = Sectors::load(store, &state.sectors).unwrap();
        let old = SectorOnChainInfo {
            daily_fee: TokenAmount::zero(),
            ..sectors.must_get(1).unwrap()
        };
        sectors.set_all([old]).unwrap();
        state.sectors = sectors.flush().unwrap();
    });
    let before = world.deadline(0).daily_fee;
    assert_eq!(
        extend_all(&world, vec![declaration((0, 0), &[1], LATER)]),
        Ok(())
    );
    assert_eq!(world.sector(1).unwrap().daily_fee, fee);
    assert_eq!(world.deadline(0).daily_fee, before + fee);
}
