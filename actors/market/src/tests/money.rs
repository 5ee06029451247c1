//! No value is made and none is lost, whatever happens to deals, and everybody has
//! what an independent calculation says.

use std::collections::BTreeMap;

use boatyard_actors_shared::ext::market::OnMinerSectorsTerminateParams;
use proptest::prelude::*;

use super::*;

const CLIENTS: [ActorID; 2] = [CLIENT, CLIENT_2];
const PROVIDERS: [ActorID; 2] = [PROVIDER, PROVIDER_2];

#[derive(Debug, Clone)]
enum Step {
    Deposit(ActorID, i64),
    Withdraw(ActorID, i64),
    /// Deals of a provider: client, price, both collaterals, epochs until the start,
    /// epochs beyond the shortest.
    Publish(usize, Vec<Terms>),
    /// Those of a provider's deals that can be and a bit mask has, in a sector.
    Activate(usize, u64, u64),
    /// Any deals, known or not, activated or not, in a sector.
    ActivateAny(usize, u64, Vec<DealID>),
    /// Those of all deals that a bit mask has.
    Settle(u64),
    Terminate(usize, u64),
    Wait(ChainEpoch),
    Tick,
}

#[derive(Debug, Clone)]
struct Terms {
    client: usize,
    price: i64,
    client_collateral: i64,
    provider_collateral: i64,
    until_start: ChainEpoch,
    longer: ChainEpoch,
}

prop_compose! {
    fn terms()(
        client in 0usize..2,
        price in 0i64..4,
        client_collateral in 0i64..3,
        provider_collateral in 0i64..3,
        until_start in 0i64..200,
        longer in 0i64..3,
    ) -> Terms {
        Terms { client, price, client_collateral, provider_collateral, until_start, longer }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let anybody = || prop::sample::select(vec![CLIENT, CLIENT_2, PROVIDER, PROVIDER_2]);
    let numbers = || prop::collection::vec(0u64..10, 0..5);
    let step = prop_oneof![
        2 => (anybody(), 1i64..4_000_000).prop_map(|(who, amount)| Step::Deposit(who, amount)),
        1 => (anybody(), 0i64..1_000_000).prop_map(|(who, amount)| Step::Withdraw(who, amount)),
        3 => (0usize..2, prop::collection::vec(terms(), 1..4))
            .prop_map(|(provider, terms)| Step::Publish(provider, terms)),
        5 => (0usize..2, 0u64..3, any::<u64>()).prop_map(|(p, sector, mask)| Step::Activate(p, sector, mask)),
        1 => (0usize..2, 0u64..3, numbers()).prop_map(|(p, sector, ids)| Step::ActivateAny(p, sector, ids)),
        3 => any::<u64>().prop_map(Step::Settle),
        1 => (0usize..2, 0u64..3).prop_map(|(provider, sector)| Step::Terminate(provider, sector)),
        3 => prop_oneof![
            4 => 0i64..100,
            1 => 80_000i64..90_000,
            1 => 500_000i64..530_000,
        ]
        .prop_map(Step::Wait),
        2 => Just(Step::Tick),
    ];
    prop::collection::vec(step, 1..80)
}

/// What a deal moved in the end: from client to provider, and into the fire.
type Moved = (TokenAmount, TokenAmount);

#[derive(Default)]
struct Model {
    /// Deposits less withdrawals.
    own: BTreeMap<ActorID, TokenAmount>,
    deals: BTreeMap<DealID, (DealProposal, Option<Moved>)>,
    /// Makes every proposal another one.
    copies: usize,
}

fn summary(rt: &MockRuntime) -> invariants::Summary {
    invariants::summary(&rt.state(), rt.store()).unwrap()
}

fn nothing() -> TokenAmount {
    TokenAmount::default()
}

fn free(rt: &MockRuntime, who: ActorID) -> TokenAmount {
    let [escrow, locked] = entries(rt, who).map(Option::unwrap_or_default);
    escrow - locked
}

/// Whether a bit mask has a deal.
fn has(mask: u64, id: DealID) -> bool {
    mask >> (id % 64) & 1 == 1
}

impl Model {
    /// A deal is over; gives what is burnt for it.
    fn end(&mut self, id: DealID, paid: TokenAmount, lost: TokenAmount) -> TokenAmount {
        let (_, ended) = self.deals.get_mut(&id).unwrap();
        assert_eq!(*ended, None);
        *ended = Some((paid, lost.clone()));
        lost
    }

    /// Deals are looked at, by cron or because somebody asks; gives what is burnt.
    fn look(&mut self, rt: &MockRuntime, ids: &[DealID], by_cron: bool) -> TokenAmount {
        let now = rt.epoch_now();
        let alive = summary(rt).deals;
        let mut burnt = nothing();
        for id in BTreeSet::from_iter(ids) {
            let Some(deal) = alive.get(id) else {
                continue;
            };
            let agreed = &deal.proposal;
            burnt += match deal.state {
                None if now >= agreed.start_epoch => {
                    self.end(*id, nothing(), agreed.provider_collateral.clone())
                }
                Some(state) if now >= agreed.end_epoch => {
                    if by_cron && state.last_updated_epoch == -1 {
                        continue;
                    }
                    self.end(*id, agreed.total_storage_fee(), nothing())
                }
                _ => continue,
            };
        }
        burnt
    }

    fn run(&mut self, rt: &MockRuntime, step: Step) {
        let now = rt.epoch_now();
        match step {
            Step::Wait(epochs) => drop(rt.epoch(now + epochs)),
            Step::Deposit(who, amount) => {
                deposit(rt, who, amount);
                *self.own.entry(who).or_default() += atto(amount);
            }
            Step::Withdraw(who, amount) => {
                let taken = free(rt, who).min(atto(amount));
                let mut recipient = who;
                if PROVIDERS.contains(&who) {
                    expect_control_addresses(rt, who);
                    recipient = OWNER;
                }
                rt.caller(recipient);
                rt.expect_send(id(recipient), 0).value(taken.clone());
                let params = WithdrawBalanceParams {
                    provider_or_client: id(who),
                    amount: atto(amount),
                };
                assert_eq!(call(rt, 3, &params), Ok(taken.clone()));
                *self.own.entry(who).or_default() -= taken;
            }
            Step::Publish(provider, terms) => self.publish(rt, PROVIDERS[provider], &terms),
            Step::Activate(provider, number, mask) => {
                let provider = PROVIDERS[provider];
                let can = |deal: &invariants::Deal| {
                    deal.state.is_none()
                        && deal.proposal.start_epoch >= now
                        && deal.proposal.provider == id(provider)
                };
                let ids: Vec<_> = summary(rt)
                    .deals
                    .iter()
                    .filter(|(id, deal)| has(mask, **id) && can(deal))
                    .map(|(id, _)| *id)
                    .collect();
                let sectors = [SectorDeals {
                    sector_expiry: ChainEpoch::MAX,
                    ..sector(number, &ids)
                }];
                rt.caller(provider);
                let returned = batch_activate(rt, &sectors, false).unwrap();
                assert!(returned.activation_results.all_ok());
            }
            Step::ActivateAny(provider, number, ids) => {
                let sectors = [SectorDeals {
                    sector_expiry: ChainEpoch::MAX,
                    ..sector(number, &ids)
                }];
                rt.caller(PROVIDERS[provider]);
                batch_activate(rt, &sectors, false).unwrap();
            }
            Step::Settle(mask) => {
                let all = 0..rt.state::<State>().next_id + 1;
                let ids: Vec<_> = all.filter(|id| has(mask, *id)).collect();
                let burnt = self.look(rt, &ids, false);
                expect_fire(rt, burnt);
                settle(rt, &ids).unwrap();
            }
            Step::Terminate(provider, number) => {
                let provider = PROVIDERS[provider];
                let before = summary(rt);
                let mut burnt = nothing();
                for deal_id in in_sector(rt, provider, number).unwrap_or_default() {
                    let deal = &before.deals[&deal_id].proposal;
                    if deal.end_epoch > now {
                        let paid = deal.price_of(now.max(deal.start_epoch) - deal.start_epoch);
                        burnt += self.end(deal_id, paid, deal.provider_collateral.clone());
                    }
                }
                expect_fire(rt, burnt);
                let params = OnMinerSectorsTerminateParams {
                    epoch: now,
                    sectors: BitField::try_from_bits([number]).unwrap(),
                };
                rt.caller(provider);
                assert_eq!(code(rt, 7, &params), 0);
            }
            Step::Tick => {
                let last = rt.state::<State>().last_cron;
                let due: Vec<_> = self
                    .deals
                    .keys()
                    .copied()
                    .filter(|id| {
                        scheduled(rt, *id)
                            .iter()
                            .any(|e| (last + 1..=now).contains(e))
                    })
                    .collect();
                let burnt = self.look(rt, &due, true);
                expect_fire(rt, burnt);
                tick(rt, now).unwrap();
            }
        }
    }

    fn publish(&mut self, rt: &MockRuntime, provider: ActorID, terms: &[Terms]) {
        let now = rt.epoch_now();
        let proposals: Vec<_> = terms
            .iter()
            .map(|terms| {
                self.copies += 1;
                let start_epoch = now + terms.until_start;
                DealProposal {
                    client: id(CLIENTS[terms.client]),
                    provider: id(provider),
                    label: Label::Text(self.copies.to_string()),
                    start_epoch,
                    end_epoch: start_epoch + DURATION + terms.longer,
                    storage_price_per_epoch: atto(terms.price),
                    client_collateral: atto(terms.client_collateral),
                    provider_collateral: atto(terms.provider_collateral),
                    ..proposal(1)
                }
            })
            .collect();
        rt.caller(WORKER);
        rt.expect_send(id(provider), IS_CONTROLLING_ADDRESS)
            .params(&id(WORKER))
            .returns(&true);
        expect_reward(rt, 0);
        expect_power(rt, 0);
        let mut left: BTreeMap<_, _> = [CLIENT, CLIENT_2, provider]
            .map(|who| (id(who), free(rt, who)))
            .into();
        let mut next = rt.state::<State>().next_id;
        let mut accepted = Vec::new();
        for deal in &proposals {
            expect_signature(rt, deal);
            let needs = deal.client_balance_requirement();
            let enough =
                left[&deal.client] >= needs && left[&deal.provider] >= deal.provider_collateral;
            if enough {
                *left.get_mut(&deal.client).unwrap() -= needs;
                *left.get_mut(&deal.provider).unwrap() -= &deal.provider_collateral;
                accepted.push(deal);
            }
        }
        let published = if accepted.is_empty() {
            Err(Some(16))
        } else {
            Ok(())
        };
        for deal in accepted {
            expect_notice(rt, next, deal);
            self.deals.insert(next, (deal.clone(), None));
            next += 1;
        }
        let returned = call::<PublishStorageDealsReturn>(rt, 4, &params(&proposals));
        assert_eq!(returned.map(|_| ()), published);
    }

    /// Compares with what the market says.
    fn compare(&self, rt: &MockRuntime) {
        state(rt);
        let says = summary(rt);
        let mut expected = self.own.clone();
        let mut burnt = nothing();
        for (id, (deal, ended)) in &self.deals {
            let alive = says.deals.get(id);
            assert_eq!(alive.is_some(), ended.is_none(), "deal {id}");
            let (paid, lost) = match alive {
                None => ended.clone().unwrap(),
                Some(alive) => {
                    let until = alive.state.map_or(-1, |state| state.last_updated_epoch);
                    let start = deal.start_epoch;
                    (deal.price_of(until.max(start) - start), nothing())
                }
            };
            *expected.entry(deal.client.id().unwrap()).or_default() -= &paid;
            *expected.entry(deal.provider.id().unwrap()).or_default() += paid - &lost;
            burnt += lost;
        }
        for (who, amount) in &expected {
            let escrow = entries(rt, *who)[0].clone().unwrap_or_default();
            assert_eq!(escrow, *amount, "f0{who}");
        }
        let total: TokenAmount = expected.values().sum();
        assert_eq!(says.escrow, total);
        assert_eq!(rt.balance_of(MARKET_ACTOR_ID), Some(total));
        assert_eq!(rt.balance_of(BURNT_FUNDS_ACTOR.id().unwrap()), Some(burnt));
    }
}

fn expect_fire(rt: &MockRuntime, amount: TokenAmount) {
    if !amount.is_zero() {
        rt.expect_send(BURNT_FUNDS_ACTOR, 0).value(amount);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_value_is_made_or_lost(steps in steps()) {
        let rt = market();
        let mut model = Model::default();
        for who in [CLIENT, CLIENT_2, PROVIDER, PROVIDER_2] {
            model.run(&rt, Step::Deposit(who, 40_000_000));
        }
        for step in steps {
            model.run(&rt, step);
            model.compare(&rt);
        }
    }
}
