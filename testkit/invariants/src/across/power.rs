//! Miners and the power actor: their claims, the calls that they wait for, and what
//! they pledge (spec 00 §22, 03 §1.7).

use std::collections::BTreeMap;

use boatyard_actors_shared::POWER_ACTOR_ID;
use boatyard_miner::invariants::Summary;
use boatyard_power::invariants::{MinerFacts, check_miners};
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;

use crate::actors::Facts;
use crate::checker::{Found, World};
use crate::report::Total;

pub(super) fn check<S>(world: &World<'_, S>, found: &mut Found) {
    let Facts::Power(power) = world.facts(POWER_ACTOR_ID) else {
        return;
    };
    let miners: BTreeMap<_, _> = world
        .miners()
        .map(|(id, miner)| {
            let facts = MinerFacts {
                window_post_proof_type: miner.window_post_proof_type,
                raw_byte_power: miner.active_power.raw.clone(),
                quality_adj_power: miner.active_power.qa.clone(),
                deadline_cron_active: miner.deadline_cron_active,
            };
            (id, facts)
        })
        .collect();
    for text in check_miners(power, &miners) {
        found.add(POWER_ACTOR_ID, text);
    }
    // Less than that is counted: the deposit of a miner's creation is locked without
    // being pledge (spec 03 §1.5.5).
    let pledged = sum(world, pledge);
    let counted = &power.total_pledge_collateral;
    found.require(*counted <= pledged, POWER_ACTOR_ID, || {
        format!("{counted} FIL are counted as pledge, miners have {pledged}")
    });
}

pub(super) fn totals<S>(world: &World<'_, S>) -> Vec<Total> {
    let Facts::Power(power) = world.facts(POWER_ACTOR_ID) else {
        return Vec::new();
    };
    let claims = power.claims.values();
    let raw: BigInt = claims.clone().map(|claim| &claim.raw_byte_power).sum();
    let qa: BigInt = claims.map(|claim| &claim.quality_adj_power).sum();
    vec![
        Total::bytes("raw byte power of all claims", raw),
        Total::bytes("quality-adjusted power of all claims", qa),
        Total::fil("pledge counted by power", &power.total_pledge_collateral),
        Total::fil(
            "pledge of miners",
            &sum(world, |miner| miner.initial_pledge.clone()),
        ),
        Total::fil(
            "locked by miners until it vests",
            &sum(world, |miner| miner.locked_funds.clone()),
        ),
        Total::fil(
            "deposits of miners",
            &sum(world, |miner| miner.pre_commit_deposits.clone()),
        ),
        Total::fil(
            "owed by miners",
            &sum(world, |miner| miner.fee_debt.clone()),
        ),
    ]
}

/// Sectors' pledge and rewards that vest: what a miner reports as pledge.
fn pledge(miner: &Summary) -> TokenAmount {
    &miner.initial_pledge + &miner.locked_funds
}

fn sum<S>(world: &World<'_, S>, amount: impl Fn(&Summary) -> TokenAmount) -> TokenAmount {
    world.miners().map(|(_, miner)| amount(miner)).sum()
}
