//! Every byte of datacap that the registry gets is allocated, claimed, or given back.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// A client sends datacap for allocations of so many MiB, to a miner each.
    Allocate(usize, Vec<(usize, u64)>),
    /// A miner claims allocations by number.
    Claim(usize, Vec<u64>, bool),
    /// Claims of a miner are extended by number.
    Extend(usize, Vec<u64>),
    /// A client's allocations are removed by number.
    Remove(usize, Vec<u64>),
    Wait(ChainEpoch),
}

const CLIENTS: [ActorID; 2] = [CLIENT, CLIENT_2];
const MINERS: [ActorID; 2] = [MINER, MINER_2];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let numbers = || prop::collection::vec(1u64..12, 0..4);
    let step = prop_oneof![
        (0usize..2, prop::collection::vec((0usize..2, 1u64..5), 0..4))
            .prop_map(|(client, pieces)| Step::Allocate(client, pieces)),
        (0usize..2, numbers(), any::<bool>()).prop_map(|(m, ids, all)| Step::Claim(m, ids, all)),
        (0usize..2, numbers()).prop_map(|(m, ids)| Step::Extend(m, ids)),
        (0usize..2, numbers()).prop_map(|(c, ids)| Step::Remove(c, ids)),
        (1i64..EXPIRATION).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..30)
}

/// What the registry should hold: allocations, and the datacap for them.
#[derive(Default)]
struct Model {
    allocations: Vec<(u64, Allocation)>,
    claims: Vec<(u64, Claim)>,
    next: u64,
    held: u64,
}

impl Model {
    fn take(&mut self, number: u64) -> Option<Allocation> {
        let index = self.allocations.iter().position(|(n, _)| *n == number)?;
        Some(self.allocations.remove(index).1)
    }

    fn find(&self, number: u64) -> Option<&Allocation> {
        let found = self.allocations.iter().find(|(n, _)| *n == number);
        found.map(|(_, allocation)| allocation)
    }
}

fn run(rt: &MockRuntime, model: &mut Model, step: Step) {
    let now = rt.epoch_now();
    match step {
        Step::Wait(epochs) => {
            rt.epoch(now + epochs);
        }
        Step::Allocate(client, pieces) => {
            let client = CLIENTS[client];
            let requests: Vec<_> = pieces
                .iter()
                .map(|(miner, mib)| AllocationRequest {
                    expiration: now + EXPIRATION,
                    ..request(MINERS[*miner], 1, mib * MIB)
                })
                .collect();
            for (id, request) in allocate(rt, client, &requests).into_iter().zip(requests) {
                model.next += 1;
                assert_eq!(id, model.next);
                model.held += request.size;
                let made = get_allocation(rt, client, id).unwrap();
                assert_eq!(made.size, request.size);
                model.allocations.push((id, made));
            }
        }
        Step::Claim(miner, mut ids, all_or_nothing) => {
            ids.sort_unstable();
            ids.dedup();
            if ids.is_empty() {
                return;
            }
            let miner = MINERS[miner];
            let claimable = |id: u64| {
                model
                    .find(id)
                    .is_some_and(|a| a.provider == miner && a.expiration >= now)
            };
            // One sector each, described as the allocation is where there is one.
            let sectors: Vec<_> = ids
                .iter()
                .map(|id| {
                    let (client, size) = model
                        .find(*id)
                        .map_or((CLIENT, MIB), |a| (a.client, a.size));
                    sector(rt, *id, &[piece_claim(client, *id, 1, size)])
                })
                .collect();
            let good: Vec<_> = ids.iter().copied().filter(|id| claimable(*id)).collect();
            let total: u64 = good.iter().map(|id| model.find(*id).unwrap().size).sum();
            if all_or_nothing && good.len() < ids.len() {
                assert_eq!(claim_sectors(rt, miner, &sectors, true), Err(Some(16)));
                return;
            }
            if total > 0 {
                expect_burn(rt, total);
            }
            let returned = claim_sectors(rt, miner, &sectors, all_or_nothing).unwrap();
            assert_eq!(returned.sector_results.success_count as usize, good.len());
            model.held -= total;
            for id in good {
                let claim = get_claim(rt, miner, id).unwrap();
                assert_eq!(claim.size, model.take(id).unwrap().size);
                model.claims.push((id, claim));
            }
        }
        Step::Extend(miner, ids) => {
            let miner = MINERS[miner];
            let known = |id: &u64| {
                model
                    .claims
                    .iter()
                    .find(|(n, c)| n == id && c.provider == miner)
            };
            let extensions: Vec<_> = ids
                .iter()
                .filter_map(|id| {
                    let (_, claim) = known(id)?;
                    Some(extension(miner, *id, now + TERM_MAX - claim.term_start))
                })
                .filter(|e| e.term_max > get_claim(rt, miner, e.claim).unwrap().term_max)
                .collect();
            let total = extensions
                .iter()
                .map(|e| known(&e.claim).unwrap().1.size)
                .sum();
            if total > 0 {
                expect_burn(rt, total);
            }
            extend(rt, CLIENT, total, &extensions).unwrap();
        }
        Step::Remove(client, mut ids) => {
            ids.sort_unstable();
            ids.dedup();
            let client = CLIENTS[client];
            let expired: Vec<_> = model
                .allocations
                .iter()
                .filter(|(id, a)| {
                    a.client == client
                        && now >= a.expiration
                        && (ids.is_empty() || ids.contains(id))
                })
                .map(|(id, _)| *id)
                .collect();
            let total = expired.iter().map(|id| model.find(*id).unwrap().size).sum();
            expect_transfer(rt, client, total);
            let params = RemoveExpiredAllocationsParams {
                client,
                allocation_ids: ids,
            };
            rt.caller(CLIENT);
            let returned: RemoveExpiredAllocationsReturn = call(rt, 8, &params).unwrap();
            assert_eq!(returned.datacap_recovered, bytes(total));
            model.held -= total;
            for id in expired {
                model.take(id);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_registry_holds_what_is_allocated(steps in steps()) {
        let rt = registry();
        let mut model = Model::default();
        for step in steps {
            run(&rt, &mut model, step);
            let state = state(&rt);
            let held = |who: ActorID| match who {
                VERIFREG_ACTOR_ID => TokenAmount::from_whole(model.held),
                _ => TokenAmount::default(),
            };
            let violations = invariants::check_others(&state, rt.store(), held, |id| MINERS.contains(&id));
            prop_assert_eq!(violations, [""; 0]);
            for (id, claim) in &model.claims {
                prop_assert!(get_claim(&rt, claim.provider, *id).is_some());
            }
        }
    }
}
