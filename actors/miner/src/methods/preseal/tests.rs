use boatyard_actors_shared::SYSTEM_ACTOR_ID;
use boatyard_actors_shared::ext::market::{BATCH_ACTIVATE_DEALS, BatchActivateDealsParams};
use boatyard_actors_shared::ext::verifreg::{
    CLAIM_ALLOCATIONS, ClaimAllocationsParams, ClaimAllocationsReturn, SectorClaimSummary,
};
use boatyard_actors_shared::{MARKET_ACTOR, VERIFREG_ACTOR};
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use fvm_shared::piece::PaddedPieceSize;

use super::*;
use crate::methods::world::*;
use crate::schema::SectorPreCommitInfo;

const SET_UP: u64 = 17;

fn params(sectors: &[u64]) -> InternalSectorSetupForPresealParams {
    InternalSectorSetupForPresealParams {
        sectors: sectors.to_vec(),
        reward_smoothed: reward().this_epoch_reward_smoothed,
        reward_baseline_power: reward().this_epoch_baseline_power,
        quality_adj_power_smoothed: power().quality_adj_power_smoothed,
    }
}

/// Sectors 1 and 2, the first with deals 5 and 6.
fn genesis(deals: &[u64]) -> World {
    let world = World::new();
    world.edit(|state| {
        let pre_commits = [(1, deals.to_vec()), (2, vec![])].map(|(number, deal_ids)| {
            SectorPreCommitOnChainInfo {
                info: SectorPreCommitInfo {
                    deal_ids,
                    ..announced(number)
                },
                pre_commit_deposit: TokenAmount::default(),
                pre_commit_epoch: START,
            }
        });
        state
            .put_pre_commits(world.rt.store(), pre_commits)
            .unwrap();
    });
    world.rt.caller(SYSTEM_ACTOR_ID);
    world
}

fn deal(allocation_id: u64, size: u64) -> ActivatedDeal {
    ActivatedDeal {
        client: 77,
        allocation_id,
        data: comm_d(size),
        size: PaddedPieceSize(size),
    }
}

#[test]
fn sectors_of_zeros_need_nobody() {
    let world = genesis(&[]);
    world.expect_pledge(&(pledge_of(SIZE) * 2));
    assert_eq!(world.call(SET_UP, &params(&[9, 2, 1])), Ok(()));
    assert_eq!(world.state().initial_pledge, pledge_of(SIZE) * 2);
    let event = |number| ("sector-activated".to_owned(), number);
    assert_eq!(world.events(), [event(2), event(1)]);
}

/// The sector whose deals fail is left out; of the others' deals, those with an
/// allocation are claimed.
#[test]
fn deals_begin_and_allocations_are_claimed() {
    let world = genesis(&[5, 6]);
    let sectors = world.pre_commits(&[1, 2, 1]);
    let sectors = sectors
        .iter()
        .map(|sector| SectorDeals {
            sector_number: sector.info.sector_number,
            sector_type: SEAL,
            sector_expiry: EXPIRATION,
            deal_ids: sector.info.deal_ids.clone(),
        })
        .take(2)
        .collect();
    world
        .rt
        .expect_send(MARKET_ACTOR, BATCH_ACTIVATE_DEALS)
        .params(&BatchActivateDealsParams {
            sectors,
            compute_cid: false,
        })
        .returns(&BatchActivateDealsReturn {
            activation_results: BatchReturn::of(&[ExitCode::OK, ExitCode::USR_NOT_FOUND]),
            activations: vec![SectorDealActivation {
                activated: vec![deal(0, 512), deal(3, 1_024)],
                unsealed_cid: None,
            }],
        });
    world
        .rt
        .expect_send(VERIFREG_ACTOR, CLAIM_ALLOCATIONS)
        .params(&ClaimAllocationsParams {
            sectors: vec![SectorAllocationClaims {
                sector: 1,
                expiry: EXPIRATION,
                claims: vec![allocation_claim(&deal(3, 1_024))],
            }],
            all_or_nothing: true,
        })
        .returns(&ClaimAllocationsReturn {
            sector_results: BatchReturn::ok(1),
            sector_claims: vec![SectorClaimSummary {
                claimed_space: 1_024.into(),
            }],
        });
    world.expect_pledge(&pledge_of(SIZE / 2 * 11));
    assert_eq!(world.call(SET_UP, &params(&[1, 2])), Ok(()));
    let sector = world.sector(1).unwrap();
    let duration = EXPIRATION - START;
    assert_eq!(sector.deal_weight, (512 * duration).into());
    assert_eq!(sector.verified_deal_weight, (1_024 * duration).into());
    assert!(world.sector(2).is_none());
    assert_eq!(world.rt.events()[0].event.entries.len(), 7, "with pieces");
}

#[test]
fn genesis_helps_nobody_else() {
    let world = genesis(&[]);
    assert_eq!(world.call(SET_UP, &params(&[])), Err(16));
    assert_eq!(world.call(SET_UP, &params(&[9])), Err(16));
    world.rt.caller(OWNER);
    assert_eq!(world.call(SET_UP, &params(&[1])), Err(18));
}
