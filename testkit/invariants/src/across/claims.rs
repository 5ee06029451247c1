//! Verified data and the sectors that hold it (spec 00 §22, 05 §24).
//!
//! An extension may drop claims and then counts the others anew, so a sector that
//! was extended after its claims is not held to them.

use std::collections::BTreeMap;

use boatyard_actors_shared::VERIFREG_ACTOR_ID;
use boatyard_actors_shared::ext::verifreg::Claim;
use boatyard_miner::invariants::SectorFacts;
use boatyard_verifreg::invariants::for_each_claim;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::ActorID;
use fvm_shared::bigint::BigInt;
use fvm_shared::sector::SectorNumber;

use crate::actors::Facts;
use crate::checker::{Found, World};

pub(super) fn check<S: Blockstore>(world: &World<'_, S>, found: &mut Found) {
    let Facts::VerifiedRegistry(registry) = world.facts(VERIFREG_ACTOR_ID) else {
        return;
    };
    let mut by_sector: BTreeMap<(ActorID, SectorNumber), Vec<Claim>> = BTreeMap::new();
    let walked = for_each_claim(registry, world.store, |provider, _, claim| {
        let claims = by_sector.entry((provider, claim.sector)).or_default();
        claims.push(claim.clone());
        Ok(())
    });
    if walked.is_err() {
        // Reported as the registry's.
        return;
    }
    for ((provider, number), claims) in by_sector {
        let Facts::Miner(miner) = world.facts(provider) else {
            continue;
        };
        if let Some(sector) = miner.sectors.get(&number) {
            for text in check_sector(sector, &claims) {
                found.add(provider, format!("sector {number}: {text}"));
            }
        }
    }
}

fn check_sector(sector: &SectorFacts, claims: &[Claim]) -> Vec<String> {
    let mut wrong = Vec::new();
    for claim in claims {
        if claim.term_start < sector.activation {
            wrong.push(format!(
                "it was activated at {}, after a claim of {}",
                sector.activation, claim.term_start
            ));
        }
    }
    let extended = claims
        .iter()
        .any(|claim| sector.power_base_epoch > claim.term_start);
    if extended || !sector.simple_qa_power {
        return wrong;
    }
    let mut weight = BigInt::default();
    for claim in claims {
        let Claim {
            term_start,
            term_min,
            term_max,
            ..
        } = *claim;
        let term = sector.expiration.saturating_sub(term_start);
        if !(term_min..=term_max).contains(&term) {
            wrong.push(format!(
                "it expires {term} epochs after the start of a claim for {term_min} to {term_max}"
            ));
        }
        weight += BigInt::from(claim.size) * term;
    }
    if weight != sector.verified_deal_weight {
        wrong.push(format!(
            "its verified weight is {}, its claims give {weight}",
            sector.verified_deal_weight
        ));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sector() -> SectorFacts {
        SectorFacts {
            activation: 100,
            power_base_epoch: 100,
            expiration: 1_100,
            simple_qa_power: true,
            deal_weight: BigInt::default(),
            verified_deal_weight: BigInt::from(2_048_000),
            faulty: false,
        }
    }

    fn claim() -> Claim {
        Claim {
            provider: 1_000,
            client: 200,
            data: boatyard_sdk::EMPTY_STATE,
            size: 2_048,
            term_min: 500,
            term_max: 1_000,
            term_start: 100,
            sector: 7,
        }
    }

    type Break = fn(&mut SectorFacts, &mut Claim);

    #[test]
    fn a_sector_is_held_to_its_claims_until_it_is_extended() {
        let cases: [(&[&str], Break); 6] = [
            (&[], |_, _| {}),
            (&["after a claim of 99"], |sector, claim| {
                claim.term_start = 99;
                sector.power_base_epoch = 99;
                sector.expiration = 1_099;
            }),
            (&["of a claim for 500 to 999"], |_, claim| {
                claim.term_max = 999;
            }),
            (&["its claims give 2047000"], |_, claim| claim.size -= 1),
            (&[], |sector, claim| {
                claim.size -= 1;
                sector.power_base_epoch = 101;
            }),
            (&[], |sector, claim| {
                claim.size -= 1;
                sector.simple_qa_power = false;
            }),
        ];
        for (expected, change) in cases {
            let (mut sector, mut claim) = (sector(), claim());
            change(&mut sector, &mut claim);
            let found = check_sector(&sector, &[claim]);
            assert_eq!(found.len(), expected.len(), "{expected:?}: {found:?}");
            for (words, found) in expected.iter().zip(&found) {
                assert!(found.contains(words), "{words}: {found}");
            }
        }
    }
}
