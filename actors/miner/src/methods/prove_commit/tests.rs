use boatyard_actors_shared::ext::market::{PieceChange, SECTOR_CONTENT_CHANGED, SectorChanges};
use boatyard_actors_shared::ext::verifreg::{
    AllocationClaim, CLAIM_ALLOCATIONS, ClaimAllocationsParams, ClaimAllocationsReturn,
    SectorAllocationClaims, SectorClaimSummary,
};
use boatyard_actors_shared::{FailCode, MARKET_ACTOR, VERIFREG_ACTOR};
use boatyard_mock::{Check, VectorRules, Verifier};
use cid::Cid;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::AggregateSealVerifyProofAndInfos;

use super::*;
use crate::methods::world::*;
use crate::schema::SectorPreCommitInfo;
use crate::types::{DataActivationNotification, PieceActivationManifest, VerifiedAllocationKey};

const PROVE: u64 = 34;

/// Sectors 1 and up are announced, and may be proven.
fn announced_world(count: u64) -> World {
    let world = World::new();
    world.pre_commit(1..=count);
    world.rt.epoch(START + 11);
    world
}

fn prove(world: &World, params: &ProveCommitSectors3Params) -> Result<BatchReturn, u32> {
    world.call_for(PROVE, params)
}

fn partial(numbers: &[u64]) -> ProveCommitSectors3Params {
    ProveCommitSectors3Params {
        require_activation_success: false,
        ..proofs_of(numbers)
    }
}

fn codes(codes: &[u32]) -> BatchReturn {
    let codes: Vec<_> = codes.iter().map(|code| ExitCode::new(*code)).collect();
    BatchReturn::of(&codes)
}

fn piece(number: u64, size: u64, allocation: Option<u64>) -> PieceActivationManifest {
    PieceActivationManifest {
        cid: comm_d(number),
        size: PaddedPieceSize(size),
        verified_allocation_key: allocation.map(|id| VerifiedAllocationKey { client: 77, id }),
        notify: vec![],
    }
}

fn commd_of(pieces: &[PieceActivationManifest]) -> Cid {
    let pieces = pieces::piece_infos(pieces);
    VectorRules.unsealed_sector_cid(SEAL, &pieces).unwrap()
}

#[test]
fn proven_sectors_are_pledged_for_and_placed() {
    let world = announced_world(3);
    world.expect_queries();
    world.expect_pledge(&(pledge_of(SIZE) * 3));
    let result = prove(&world, &proofs_of(&[3, 1, 2]));
    assert_eq!(result, Ok(codes(&[0, 0, 0])));

    let record = world.sector(2).unwrap();
    let now = START + 11;
    assert_eq!(
        record,
        crate::schema::SectorOnChainInfo {
            initial_pledge: pledge_of(SIZE),
            daily_fee: record.daily_fee.clone(),
            ..crate::schema::SectorOnChainInfo::committed(2, SEAL, comm_r(2), now, EXPIRATION)
        }
    );
    let state = world.state();
    assert_eq!(state.initial_pledge, pledge_of(SIZE) * 3);
    assert_eq!(state.pre_commit_deposits, Default::default());
    assert_eq!(world.pre_commits(&[1, 2, 3]), []);

    // Two fill a partition, by number; the open deadline (34) and the next take none.
    assert_eq!([1, 2, 3].map(|n| world.place(n)), [(0, 0), (0, 0), (1, 0)]);
    let event = |number| ("sector-activated".to_owned(), number);
    assert_eq!(
        world.events(),
        [event(3), event(1), event(2)],
        "in the order of the request"
    );
}

#[test]
fn the_open_and_the_next_deadline_take_no_sectors() {
    let world = World::new();
    // In the first period's last deadlines: 47 is open, 0 is next.
    world.rt.epoch(START - START % 2_880 + 47 * 60);
    let now = world.rt.epoch_now();
    world.pre_commit_as(
        (1..=92)
            .map(|n| SectorPreCommitInfo {
                seal_rand_epoch: now - 1,
                expiration: now + TO_PROVE + 600_000,
                ..announced(n)
            })
            .collect(),
    );
    world.rt.epoch(now + 11);
    let numbers: Vec<_> = (1..=92).collect();
    world.expect_queries();
    world.expect_pledge(&(pledge_of(SIZE) * 92));
    prove(&world, &proofs_of(&numbers)).unwrap();
    for index in 0..48 {
        let expected = if index == 0 || index == 47 { 0 } else { 2 };
        assert_eq!(world.deadline(index).live_sectors, expected, "{index}");
    }
}

#[test]
fn proofs_answer_what_was_announced() {
    let world = announced_world(1);
    world.expect_queries();
    world.expect_pledge(&pledge_of(SIZE));
    prove(&world, &proofs_of(&[1])).unwrap();
    let checks = world.rt.checks();
    let [Check::Seals(seals)] = &checks[..] else {
        panic!("{checks:?}");
    };
    let entropy = hex::decode("4300e807").unwrap();
    let drawn = world
        .rt
        .within(move |rt| {
            rt.accept_any_caller()?;
            let ticket = seals::ticket(rt, START - 1, &entropy)?;
            let challenge = rt.beacon_randomness(
                boatyard_sdk::RandomnessTag::InteractiveSealChallengeSeed,
                START + 10,
                &entropy,
            )?;
            Ok((ticket, challenge))
        })
        .unwrap();
    let seal = &seals[0];
    assert_eq!(seal.randomness.0, drawn.0);
    assert_eq!(seal.interactive_randomness.0, drawn.1);
    assert_eq!((seal.sector_id.miner, seal.sector_id.number), (MINER, 1));
    assert_eq!(seal.sealed_cid, comm_r(1));
    assert_eq!(
        seal.unsealed_cid,
        crate::commitments::zero_commd(SEAL).unwrap()
    );
}

#[test]
fn proofs_come_in_one_of_two_forms() {
    let world = announced_world(5);
    let aggregate = |proof: &[u8], kind| ProveCommitSectors3Params {
        sector_proofs: vec![],
        aggregate_proof: RawBytes::new(proof.to_vec()),
        aggregate_proof_type: kind,
        ..proofs_of(&[1, 2, 3, 4])
    };
    let each = |proofs: Vec<RawBytes>| ProveCommitSectors3Params {
        sector_proofs: proofs,
        ..proofs_of(&[1, 2])
    };
    let v1 = Some(RegisteredAggregateProof::SnarkPackV1);
    let v2 = Some(RegisteredAggregateProof::SnarkPackV2);
    for (what, params) in [
        ("no sectors", proofs_of(&[])),
        ("no proof at all", each(vec![])),
        (
            "both kinds of proof",
            ProveCommitSectors3Params {
                aggregate_proof: proof(),
                ..proofs_of(&[1, 2])
            },
        ),
        (
            "a way of aggregation without need",
            ProveCommitSectors3Params {
                aggregate_proof_type: v2,
                ..proofs_of(&[1, 2])
            },
        ),
        ("too few proofs", each(vec![proof()])),
        ("too many proofs", each(vec![proof(), proof(), proof()])),
        (
            "a long proof",
            each(vec![proof(), RawBytes::new(vec![7; 193])]),
        ),
        ("no way of aggregation", aggregate(&[7], None)),
        ("an old way of aggregation", aggregate(&[7], v1)),
        ("a long aggregate", aggregate(&[7; 81_961], v2)),
        (
            "too few for an aggregate",
            ProveCommitSectors3Params {
                sector_activations: vec![
                    manifest(1, vec![]),
                    manifest(2, vec![]),
                    manifest(3, vec![]),
                ],
                ..aggregate(&[7], v2)
            },
        ),
        ("a wrong aggregate", aggregate(b"i_am_invalid_proof", v2)),
    ] {
        assert_eq!(prove(&world, &params), Err(16), "{what}");
    }
    world.expect_queries();
    world.expect_pledge(&(pledge_of(SIZE) * 4));
    assert_eq!(
        prove(&world, &aggregate(&[7; 81_960], v2)),
        Ok(codes(&[0; 4]))
    );
}

#[test]
fn callers_and_sectors_come_before_proofs() {
    let world = announced_world(1);
    let nothing_right = |numbers: &[u64]| ProveCommitSectors3Params {
        sector_proofs: vec![],
        ..proofs_of(numbers)
    };
    assert_eq!(prove(&world, &nothing_right(&[1, 9])), Err(17));
    assert_eq!(prove(&world, &nothing_right(&[1, 1 << 63])), Err(16));
    world.rt.caller(STRANGER);
    assert_eq!(prove(&world, &nothing_right(&[9])), Err(18));
}

/// From the first epoch after the challenge to the last of 30 days.
#[test]
fn sectors_have_a_time_to_be_proven_in() {
    let world = announced_world(2);
    world.rt.epoch(START + 10);
    assert_eq!(prove(&world, &partial(&[1])), Err(18));

    world.rt.epoch(START + TO_PROVE + 1);
    assert_eq!(prove(&world, &partial(&[1])), Err(16), "none is left");

    world.rt.epoch(START + TO_PROVE);
    world.expect_queries();
    world.expect_pledge(&pledge_of(SIZE));
    assert_eq!(prove(&world, &partial(&[1])), Ok(codes(&[0])));
}

/// One announced long ago and one with deals fail alone, or make all fail.
#[test]
fn refused_sectors_fail_alone_unless_all_should_succeed() {
    let world = announced_world(1);
    world.edit(|state| {
        let with_deal = SectorPreCommitInfo {
            deal_ids: vec![1],
            ..announced(2)
        };
        let with_deal = SectorPreCommitOnChainInfo {
            info: with_deal,
            pre_commit_deposit: Default::default(),
            pre_commit_epoch: START,
        };
        state
            .put_pre_commits(world.rt.store(), [with_deal])
            .unwrap();
    });
    let later = START + TO_PROVE + 1;
    world.rt.epoch(later - 11);
    world.pre_commit_as(vec![SectorPreCommitInfo {
        seal_rand_epoch: later - 12,
        expiration: later + TO_PROVE + 600_000,
        ..announced(3)
    }]);
    world.rt.epoch(later);
    assert_eq!(prove(&world, &proofs_of(&[3, 1, 2])), Err(16));

    world.rt.checks();
    world.expect_queries();
    world.expect_pledge(&pledge_of(SIZE));
    let result = prove(&world, &partial(&[1, 2, 3]));
    assert_eq!(result, Ok(codes(&[16, 16, 0])));
    let checks = world.rt.checks();
    let [Check::Seals(seals)] = &checks[..] else {
        panic!("{checks:?}");
    };
    assert_eq!(seals.len(), 1, "only valid ones are looked at");
}

#[test]
fn wrong_proofs_fail_alone_unless_all_should_succeed() {
    let mut params = partial(&[1, 2, 3]);
    params.sector_proofs[1] = wrong_proof();
    let world = announced_world(3);
    world.expect_queries();
    world.expect_pledge(&(pledge_of(SIZE) * 2));
    assert_eq!(prove(&world, &params), Ok(codes(&[0, 16, 0])));
    assert!(world.sector(2).is_none());
    assert_eq!(world.state().pre_commit_deposits, deposit());

    params.sector_activations.truncate(3);
    params.require_activation_success = true;
    assert_eq!(prove(&announced_world(3), &params), Err(16));

    params.require_activation_success = false;
    params.sector_proofs = vec![wrong_proof(); 3];
    assert_eq!(prove(&announced_world(3), &params), Err(16), "none is left");
}

/// The proof of all covers the refused ones as well.
#[test]
fn an_aggregate_covers_refused_sectors() {
    let world = announced_world(3);
    let later = START + 100;
    world.rt.epoch(later);
    world.pre_commit_as(vec![SectorPreCommitInfo {
        seal_rand_epoch: later - 1,
        expiration: later + TO_PROVE + 600_000,
        ..announced(4)
    }]);
    world.rt.epoch(START + TO_PROVE + 1);
    let params = ProveCommitSectors3Params {
        sector_proofs: vec![],
        aggregate_proof: proof(),
        aggregate_proof_type: Some(AGGREGATION),
        ..partial(&[4, 1, 2, 3])
    };
    world.expect_queries();
    world.expect_pledge(&pledge_of(SIZE));
    assert_eq!(prove(&world, &params), Ok(codes(&[0, 16, 16, 16])));
    let checks = world.rt.checks();
    let [Check::AggregateSeals(AggregateSealVerifyProofAndInfos { miner, infos, .. })] =
        &checks[..]
    else {
        panic!("{checks:?}");
    };
    let numbers: Vec<_> = infos.iter().map(|info| info.sector_number).collect();
    assert_eq!((*miner, numbers), (MINER, vec![4, 1, 2, 3]));
}

#[test]
fn checks_that_cannot_be_made_fail_all() {
    struct Broken;
    impl Verifier for Broken {
        fn seals(
            &self,
            _: &[fvm_shared::sector::SealVerifyInfo],
        ) -> Result<Vec<bool>, ErrorNumber> {
            Err(ErrorNumber::IllegalArgument)
        }
    }
    let world = announced_world(1);
    world.rt.verifier(Broken);
    assert_eq!(prove(&world, &partial(&[1])), Err(16));
}

#[test]
fn sectors_sealed_in_different_ways_are_not_proven_together() {
    let world = announced_world(1);
    let now = world.rt.epoch_now();
    world.pre_commit_as(vec![SectorPreCommitInfo {
        seal_proof: RegisteredSealProof::StackedDRG2KiBV1P1_Feat_SyntheticPoRep,
        expiration: now + TO_PROVE + 600_000,
        ..announced(2)
    }]);
    world.rt.epoch(now + 11);
    assert_eq!(prove(&world, &partial(&[1, 2])), Err(20));
}

/// It passes every check but the last: its deposit is there only once.
#[test]
fn a_sector_that_comes_twice_fails_in_the_end() {
    let world = announced_world(1);
    world.expect_queries();
    assert_eq!(prove(&world, &proofs_of(&[1, 1])), Err(20));
}

#[test]
fn a_life_that_became_too_short_fails_all() {
    let world = World::new();
    world.pre_commit_as(vec![SectorPreCommitInfo {
        expiration: START + TO_PROVE + 518_400,
        ..announced(1)
    }]);
    world.edit(|state| {
        let mut pre_commit = world.pre_commits(&[1]).remove(0);
        pre_commit.info.expiration = START + 518_400;
        state.delete_pre_commits(world.rt.store(), &[1]).unwrap();
        state
            .put_pre_commits(world.rt.store(), [pre_commit])
            .unwrap();
    });
    world.rt.epoch(START + 11);
    world.expect_queries();
    assert_eq!(prove(&world, &partial(&[1])), Err(16));
}

#[test]
fn the_pledge_must_be_covered() {
    for (short, result) in [(0, Ok(codes(&[0]))), (1, Err(19))] {
        let world = announced_world(1);
        let balance = pledge_of(SIZE) - TokenAmount::from_atto(short);
        world.rt.balance(MINER, balance);
        world.expect_queries();
        if result.is_ok() {
            world.expect_pledge(&pledge_of(SIZE));
        }
        assert_eq!(prove(&world, &proofs_of(&[1])), result);
    }
}

/// Pieces with datacap are claimed for all sectors at once; those without count as
/// well.
#[test]
fn data_is_claimed_and_weighed() {
    let contents = [
        vec![piece(1, 1_024, Some(5)), piece(2, 512, None)],
        vec![piece(3, 256, None)],
        vec![piece(4, 128, Some(6))],
    ];
    let world = World::new();
    world.pre_commit_as(
        (1..)
            .zip(&contents)
            .map(|(number, pieces)| SectorPreCommitInfo {
                unsealed_cid: Some(commd_of(pieces)),
                ..announced(number)
            })
            .collect(),
    );
    world.rt.epoch(START + 11);
    let mut params = partial(&[1, 2, 3]);
    for (manifest, pieces) in params.sector_activations.iter_mut().zip(&contents) {
        manifest.pieces = pieces.clone();
    }
    let claim = |number, allocation_id, size| AllocationClaim {
        client: 77,
        allocation_id,
        data: comm_d(number),
        size,
    };
    let group = |sector, claims| SectorAllocationClaims {
        sector,
        expiry: EXPIRATION,
        claims,
    };
    let expect_claims = |failed: Vec<FailCode>, spaces: &[u64]| {
        world
            .rt
            .expect_send(VERIFREG_ACTOR, CLAIM_ALLOCATIONS)
            .params(&ClaimAllocationsParams {
                sectors: vec![
                    group(1, vec![claim(1, 5, 1_024)]),
                    group(2, vec![]),
                    group(3, vec![claim(4, 6, 128)]),
                ],
                all_or_nothing: false,
            })
            .returns(&ClaimAllocationsReturn {
                sector_results: BatchReturn {
                    success_count: spaces.len() as u32,
                    fail_codes: failed,
                },
                sector_claims: spaces
                    .iter()
                    .map(|space| SectorClaimSummary {
                        claimed_space: (*space).into(),
                    })
                    .collect(),
            });
    };
    let fail = |index, code| FailCode {
        index,
        code: ExitCode::new(code),
    };
    expect_claims(vec![fail(2, 18)], &[1_024, 0]);
    // Half of sector 1 counts ten times.
    let power = SIZE / 2 * 11;
    world.expect_queries();
    world.expect_pledge(&(pledge_of(power) + pledge_of(SIZE)));
    assert_eq!(prove(&world, &params), Ok(codes(&[0, 0, 18])));

    let duration = EXPIRATION - START - 11;
    let first = world.sector(1).unwrap();
    assert_eq!(first.verified_deal_weight, (1_024 * duration).into());
    assert_eq!(first.deal_weight, (512 * duration).into());
    assert_eq!(first.initial_pledge, pledge_of(power));
    let second = world.sector(2).unwrap();
    assert_eq!(second.verified_deal_weight, 0.into());
    assert_eq!(second.deal_weight, (256 * duration).into());
    assert!(world.sector(3).is_none());

    let events = world.rt.events();
    let keys: Vec<_> = events[0]
        .event
        .entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.flags.bits()))
        .collect();
    assert_eq!(
        keys,
        [
            ("$type", 3),
            ("sector", 3),
            ("unsealed-cid", 3),
            ("piece-cid", 3),
            ("piece-size", 1),
            ("piece-cid", 3),
            ("piece-size", 1)
        ]
    );
}

/// Whatever else is asked for: pieces that are not the declared ones fail all.
#[test]
fn pieces_must_make_what_was_declared() {
    let world = announced_world(2);
    let mut params = partial(&[1, 2]);
    params.sector_activations[1].pieces = vec![piece(1, 128, None)];
    assert_eq!(prove(&world, &params), Err(16));

    let world = World::new();
    world.pre_commit_as(vec![SectorPreCommitInfo {
        unsealed_cid: Some(comm_d(1)),
        ..announced(1)
    }]);
    world.rt.epoch(START + 11);
    assert_eq!(prove(&world, &partial(&[1])), Err(16), "zeros instead");
}

#[test]
fn a_registry_that_lets_half_claim_is_an_error_if_all_should() {
    let pieces = vec![piece(1, 128, Some(5))];
    let announced_with = |number| SectorPreCommitInfo {
        unsealed_cid: Some(commd_of(&pieces)),
        ..announced(number)
    };
    let world = World::new();
    world.pre_commit_as(vec![announced_with(1), announced_with(2)]);
    world.rt.epoch(START + 11);
    let mut params = proofs_of(&[1, 2]);
    for manifest in &mut params.sector_activations {
        manifest.pieces = pieces.clone();
    }
    let answers = [
        (codes(&[0, 17]), 1, Err(24)),
        (codes(&[17, 17]), 0, Err(16)),
    ];
    for (sector_results, count, result) in answers {
        world
            .rt
            .expect_send(VERIFREG_ACTOR, CLAIM_ALLOCATIONS)
            .any_params()
            .returns(&ClaimAllocationsReturn {
                sector_results,
                sector_claims: vec![SectorClaimSummary::default(); count],
            });
        assert_eq!(prove(&world, &params), result);
    }
    world
        .rt
        .expect_send(VERIFREG_ACTOR, CLAIM_ALLOCATIONS)
        .any_params()
        .exits(17);
    assert_eq!(prove(&world, &params), Err(17));
}

/// They hear when the state is written, and may undo it if they are asked.
#[test]
fn receivers_hear_last() {
    let notified = |payload| PieceActivationManifest {
        notify: vec![DataActivationNotification {
            address: MARKET_ACTOR,
            payload: RawBytes::new(vec![payload]),
        }],
        ..piece(1, 128, None)
    };
    let pieces = vec![notified(9)];
    for (must_succeed, result) in [(false, Ok(codes(&[0]))), (true, Err(1_004))] {
        let world = World::new();
        world.pre_commit_as(vec![SectorPreCommitInfo {
            unsealed_cid: Some(commd_of(&pieces)),
            ..announced(1)
        }]);
        world.rt.epoch(START + 11);
        let mut params = proofs_of(&[1]);
        params.sector_activations[0].pieces = pieces.clone();
        params.require_notification_success = must_succeed;
        world.expect_queries();
        world.expect_pledge(&pledge_of(SIZE));
        world
            .rt
            .expect_send(MARKET_ACTOR, SECTOR_CONTENT_CHANGED)
            .params(&[SectorChanges {
                sector: 1,
                minimum_commitment_epoch: EXPIRATION,
                added: vec![PieceChange {
                    data: comm_d(1),
                    size: PaddedPieceSize(128),
                    payload: RawBytes::new(vec![9]),
                }],
            }])
            .returns(&[[false]]);
        let ok = result.is_ok();
        assert_eq!(prove(&world, &params), result);
        assert_eq!(world.sector(1).is_some(), ok);
    }
}
