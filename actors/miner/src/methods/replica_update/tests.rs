use boatyard_actors_shared::ext::power::{UPDATE_CLAIMED_POWER, UpdateClaimedPowerParams};
use boatyard_actors_shared::ext::verifreg::{
    CLAIM_ALLOCATIONS, ClaimAllocationsReturn, SectorClaimSummary,
};
use boatyard_actors_shared::{POWER_ACTOR, VERIFREG_ACTOR};
use boatyard_mock::{Check, VectorRules, Verifier};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::bigint::BigInt;
use fvm_shared::error::ExitCode;
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::{RegisteredAggregateProof, RegisteredSealProof};

use super::*;
use crate::methods::world::*;
use crate::types::{PieceActivationManifest, VerifiedAllocationKey};

const UPDATE: u64 = 35;

/// Sectors 1 to `count`, two in each partition, proven.
fn proven(count: u64) -> World {
    let world = World::new();
    world.commit_and_prove(&(1..=count).collect::<Vec<_>>());
    world
}

fn piece(size: u64, allocation: Option<u64>) -> PieceActivationManifest {
    PieceActivationManifest {
        cid: comm_d(size),
        size: PaddedPieceSize(size),
        verified_allocation_key: allocation.map(|id| VerifiedAllocationKey { client: 77, id }),
        notify: vec![],
    }
}

fn update(world: &World, number: u64) -> SectorUpdateManifest {
    let (deadline, partition) = world.place(number);
    SectorUpdateManifest {
        sector: number,
        deadline,
        partition,
        new_sealed_cid: comm_r(100 + number),
        pieces: vec![piece(1_024, None)],
    }
}

fn all(updates: Vec<SectorUpdateManifest>) -> ProveReplicaUpdates3Params {
    ProveReplicaUpdates3Params {
        sector_proofs: vec![proof(); updates.len()],
        sector_updates: updates,
        aggregate_proof: RawBytes::default(),
        update_proofs_type: RegisteredUpdateProof::StackedDRG2KiBV1,
        aggregate_proof_type: None,
        require_activation_success: true,
        require_notification_success: true,
    }
}

fn some(updates: Vec<SectorUpdateManifest>) -> ProveReplicaUpdates3Params {
    ProveReplicaUpdates3Params {
        require_activation_success: false,
        ..all(updates)
    }
}

fn prove(world: &World, params: &ProveReplicaUpdates3Params) -> Result<BatchReturn, u32> {
    world.call_for(UPDATE, params)
}

fn codes(codes: &[u32]) -> BatchReturn {
    let codes: Vec<_> = codes.iter().map(|code| ExitCode::new(*code)).collect();
    BatchReturn::of(&codes)
}

#[test]
fn zeros_become_data() {
    let world = proven(3);
    let before = [1, 3].map(|n| world.sector(n).unwrap());
    let live = world.deadline(0).live_power;
    let power = SIZE / 2 * 11;
    world.rt.epoch(world.rt.epoch_now() + 100);
    let mut updates = vec![update(&world, 3), update(&world, 1)];
    updates[1].pieces = vec![piece(1_024, Some(5)), piece(512, None)];
    world
        .rt
        .expect_send(VERIFREG_ACTOR, CLAIM_ALLOCATIONS)
        .any_params()
        .returns(&ClaimAllocationsReturn {
            sector_results: BatchReturn::ok(2),
            sector_claims: [0u64, 1_024]
                .map(|space| SectorClaimSummary {
                    claimed_space: space.into(),
                })
                .to_vec(),
        });
    world.expect_queries();
    world.expect_pledge(&(pledge_of(power) - pledge_of(SIZE)));
    world
        .rt
        .expect_send(POWER_ACTOR, UPDATE_CLAIMED_POWER)
        .params(&UpdateClaimedPowerParams {
            raw_byte_delta: BigInt::default(),
            quality_adjusted_delta: (power - SIZE).into(),
        });
    assert_eq!(prove(&world, &all(updates.clone())), Ok(codes(&[0, 0])));

    let now = world.rt.epoch_now();
    let left = EXPIRATION - now;
    let [first, third] = [1, 3].map(|n| world.sector(n).unwrap());
    assert_eq!(
        third,
        SectorOnChainInfo {
            sealed_cid: comm_r(103),
            sector_key_cid: Some(comm_r(3)),
            power_base_epoch: now,
            deal_weight: BigInt::from(1_024) * left,
            ..before[1].clone()
        }
    );
    assert_eq!(first.verified_deal_weight, BigInt::from(1_024) * left);
    assert_eq!(first.deal_weight, BigInt::from(512) * left);
    assert_eq!(first.initial_pledge, pledge_of(power));
    let changed = world.deadline(0);
    assert_eq!(changed.live_power.raw, live.raw);
    assert_eq!(changed.live_power.qa, live.qa + (power - SIZE));
    let fees = &first.daily_fee + &before[0].daily_fee;
    assert_eq!(changed.daily_fee, fees, "sector 2 costs what it did");
    let event = |number| ("sector-updated".to_owned(), number);
    assert_eq!(world.events(), [event(3), event(1)]);

    let checks = world.rt.checks();
    let proofs: Vec<_> = checks
        .iter()
        .filter_map(|check| match check {
            Check::ReplicaUpdate(info) => Some(info),
            _ => None,
        })
        .collect();
    let made = |update: &SectorUpdateManifest| {
        let pieces = pieces::piece_infos(&update.pieces);
        VectorRules.unsealed_sector_cid(SEAL, &pieces).unwrap()
    };
    assert_eq!(proofs[0].old_sealed_cid, comm_r(3));
    assert_eq!(proofs[0].new_sealed_cid, comm_r(103));
    assert_eq!(proofs[0].new_unsealed_cid, made(&updates[0]));
    assert_eq!(proofs[1].new_unsealed_cid, made(&updates[1]));
}

/// Power and pledge stay the same, so nobody hears of it.
#[test]
fn unverified_data_is_no_news_for_the_network() {
    let world = proven(1);
    world.rt.epoch(world.rt.epoch_now() + 1);
    world.expect_queries();
    let params = all(vec![update(&world, 1)]);
    assert_eq!(prove(&world, &params), Ok(codes(&[0])));
}

/// A sector may be sealed anew without pieces; the event says null.
#[test]
fn an_update_without_pieces_is_one_of_zeros() {
    let world = proven(1);
    let mut empty = update(&world, 1);
    empty.pieces = vec![];
    world.expect_queries();
    assert_eq!(prove(&world, &all(vec![empty])), Ok(codes(&[0])));
    let events = world.rt.events();
    assert_eq!(events[0].event.entries[2].value, [0xf6]);
}

#[test]
fn proofs_come_in_one_form() {
    let world = proven(1);
    let one = || all(vec![update(&world, 1)]);
    let v2 = Some(RegisteredAggregateProof::SnarkPackV2);
    for (what, params) in [
        (
            "both",
            ProveReplicaUpdates3Params {
                aggregate_proof: proof(),
                ..one()
            },
        ),
        (
            "a way of aggregation",
            ProveReplicaUpdates3Params {
                aggregate_proof_type: v2,
                ..one()
            },
        ),
        (
            "neither",
            ProveReplicaUpdates3Params {
                sector_proofs: vec![],
                ..one()
            },
        ),
        (
            "no way of aggregation",
            ProveReplicaUpdates3Params {
                sector_proofs: vec![],
                aggregate_proof: proof(),
                ..one()
            },
        ),
        (
            "an aggregate",
            ProveReplicaUpdates3Params {
                sector_proofs: vec![],
                aggregate_proof: proof(),
                aggregate_proof_type: v2,
                ..one()
            },
        ),
        (
            "too many proofs",
            ProveReplicaUpdates3Params {
                sector_proofs: vec![proof(); 2],
                ..one()
            },
        ),
        (
            "no updates",
            ProveReplicaUpdates3Params {
                sector_proofs: vec![proof()],
                ..all(vec![])
            },
        ),
    ] {
        assert_eq!(prove(&world, &params), Err(16), "{what}");
    }
    let mut nowhere = one();
    nowhere.sector_updates[0].sector = 9;
    assert_eq!(prove(&world, &nowhere), Err(17), "no sector");
    nowhere.sector_updates[0].sector = u64::MAX;
    assert_eq!(prove(&world, &nowhere), Err(20), "no sector can be there");
    world.rt.caller(STRANGER);
    assert_eq!(prove(&world, &nowhere), Err(18), "a stranger");
}

/// With its own code if all should succeed, with 16 if it alone fails.
#[test]
fn each_update_is_checked_alone() {
    type Spoil = fn(&World, &mut ProveReplicaUpdates3Params);
    let cases: [(&str, u32, Spoil); 14] = [
        ("twice", 16, |_, p| {
            p.sector_updates[1] = p.sector_updates[0].clone();
        }),
        ("a long proof", 16, |_, p| {
            p.sector_proofs[1] = RawBytes::new(vec![7; 4_097]);
        }),
        ("no deadline", 16, |_, p| p.sector_updates[1].deadline = 48),
        ("no CommR", 16, |_, p| {
            p.sector_updates[1].new_sealed_cid = comm_d(1);
        }),
        ("the open deadline", 16, |_, p| {
            p.sector_updates[1].deadline = 34;
        }),
        ("the next deadline", 16, |_, p| {
            p.sector_updates[1].deadline = 35;
        }),
        ("no partition", 17, |_, p| p.sector_updates[1].partition = 9),
        ("no partition can be there", 20, |_, p| {
            p.sector_updates[1].partition = u64::MAX;
        }),
        ("elsewhere", 17, |_, p| p.sector_updates[1].deadline = 0),
        ("faulty", 16, |w, _| {
            w.edit_partitions(|p| p.faults = &p.sectors & &BitField::try_from_bits([3]).unwrap());
        }),
        ("terminated", 16, |w, _| {
            w.edit_partitions(|p| {
                p.terminated = &p.sectors & &BitField::try_from_bits([3]).unwrap();
            });
        }),
        ("not proven", 16, |w, _| {
            w.edit_partitions(|p| {
                p.unproven = &p.sectors & &BitField::try_from_bits([3]).unwrap();
            });
        }),
        ("full", 16, |w, _| {
            edit_record(w, |record| record.deal_weight = 1.into());
        }),
        ("no update of its seal", 20, |w, _| {
            edit_record(w, |record| {
                record.seal_proof = RegisteredSealProof::Invalid(99)
            });
        }),
    ];
    for (what, code, spoil) in cases {
        let world = proven(3);
        let mut params = all(vec![update(&world, 1), update(&world, 3)]);
        spoil(&world, &mut params);
        assert_eq!(prove(&world, &params), Err(code), "{what}");
        params.require_activation_success = false;
        world.expect_queries();
        assert_eq!(prove(&world, &params), Ok(codes(&[0, 16])), "{what}");
    }

    let world = proven(1);
    let mut other = some(vec![update(&world, 1)]);
    other.update_proofs_type = RegisteredUpdateProof::StackedDRG8MiBV1;
    assert_eq!(prove(&world, &other), Err(16), "none is left");
}

fn edit_record(world: &World, change: fn(&mut SectorOnChainInfo)) {
    let store = world.rt.store();
    world.edit(|state| {
        let mut sectors = Sectors::load(store, &state.sectors).unwrap();
        let mut record = sectors.must_get(3).unwrap();
        change(&mut record);
        sectors.set_all([record]).unwrap();
        state.sectors = sectors.flush().unwrap();
    });
}

#[test]
fn wrong_proofs_fail_alone_unless_all_should_succeed() {
    let world = proven(2);
    let mut params = all(vec![update(&world, 1), update(&world, 2)]);
    params.sector_proofs[0] = wrong_proof();
    assert_eq!(prove(&world, &params), Err(16));
    params.require_activation_success = false;
    world.expect_queries();
    assert_eq!(prove(&world, &params), Ok(codes(&[16, 0])));
    assert_eq!(world.sector(1).unwrap().sealed_cid, comm_r(1));
}

/// Even if the others could succeed.
#[test]
fn pieces_that_make_no_sector_fail_all() {
    struct NoSector;
    impl Verifier for NoSector {
        fn unsealed_sector_cid(
            &self,
            _: RegisteredSealProof,
            _: &[fvm_shared::piece::PieceInfo],
        ) -> Result<Cid, fvm_shared::error::ErrorNumber> {
            Err(fvm_shared::error::ErrorNumber::IllegalArgument)
        }
    }
    let world = proven(1);
    world.rt.verifier(NoSector);
    assert_eq!(prove(&world, &some(vec![update(&world, 1)])), Err(16));
}

#[test]
fn a_higher_pledge_must_be_covered() {
    let power = SIZE / 2 * 11;
    let more = pledge_of(power) - pledge_of(SIZE);
    for (short, result) in [(0, Ok(codes(&[0]))), (1, Err(19))] {
        let world = proven(1);
        let balance = pledge_of(power) - TokenAmount::from_atto(short);
        world.rt.balance(MINER, balance);
        let mut params = all(vec![update(&world, 1)]);
        params.sector_updates[0].pieces = vec![piece(1_024, Some(5))];
        world
            .rt
            .expect_send(VERIFREG_ACTOR, CLAIM_ALLOCATIONS)
            .any_params()
            .returns(&ClaimAllocationsReturn {
                sector_results: BatchReturn::ok(1),
                sector_claims: vec![SectorClaimSummary {
                    claimed_space: 1_024.into(),
                }],
            });
        world.expect_queries();
        if result.is_ok() {
            world.expect_pledge(&more);
            world
                .rt
                .expect_send(POWER_ACTOR, UPDATE_CLAIMED_POWER)
                .any_params();
        }
        assert_eq!(prove(&world, &params), result);
    }
}

/// The pledge does not fall, even if the network asks for less by now.
#[test]
fn a_pledge_does_not_fall() {
    let world = proven(1);
    world.rt.circulating_supply(TokenAmount::from_whole(1_000));
    world.expect_queries();
    let params = all(vec![update(&world, 1)]);
    assert_eq!(prove(&world, &params), Ok(codes(&[0])));
    assert_eq!(world.sector(1).unwrap().initial_pledge, pledge_of(SIZE));
}
