//! Power and pledge over random sequences of calls, against a simple model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What a miner does.
#[derive(Debug, Clone)]
enum Step {
    Create(ActorID),
    Power(ActorID, i64, i64),
    Pledge(ActorID, i64),
    Enroll(ActorID, ChainEpoch),
    /// A tick so many epochs later, at which these called miners fail.
    Tick(ChainEpoch, Vec<ActorID>),
}

fn miner() -> impl Strategy<Value = ActorID> {
    MINER..MINER + 7
}

fn step() -> impl Strategy<Value = Step> {
    let power = -2 * MINIMUM..3 * MINIMUM;
    prop_oneof![
        2 => miner().prop_map(Step::Create),
        6 => (miner(), power, 0..MINIMUM).prop_map(|(who, raw, more)| Step::Power(who, raw, more)),
        2 => (miner(), -3i64..5).prop_map(|(who, change)| Step::Pledge(who, change)),
        2 => (miner(), 0i64..40).prop_map(|(who, epoch)| Step::Enroll(who, epoch)),
        2 => (1i64..9, prop::collection::vec(miner(), 0..3))
            .prop_map(|(epochs, failing)| Step::Tick(epochs, failing)),
    ]
}

/// Powers, pledge and queue as plain maps.
#[derive(Default)]
struct Model {
    claims: BTreeMap<ActorID, (i64, i64)>,
    queue: BTreeMap<ChainEpoch, Vec<ActorID>>,
    pledge: i64,
    count: i64,
    epoch: ChainEpoch,
}

impl Model {
    fn large(&self) -> impl Iterator<Item = &(i64, i64)> {
        self.claims.values().filter(|(raw, _)| *raw >= MINIMUM)
    }

    fn check(&self, rt: &MockRuntime) {
        let large = self.large().copied();
        let (raw, qa) = large.fold((0, 0), |sum, claim| (sum.0 + claim.0, sum.1 + claim.1));
        let all = self.claims.values();
        let committed = all.fold((0, 0), |sum, claim| (sum.0 + claim.0, sum.1 + claim.1));
        assert_eq!(totals(rt), bytes([raw, committed.0, qa, committed.1]));
        let state = state(rt);
        assert_eq!(state.total_pledge_collateral, fil(self.pledge));
        assert_eq!(state.miner_count, self.count);
        assert_eq!(
            state.miner_above_min_power_count,
            self.large().count() as i64
        );
        let waiting = invariants::summary(&state, rt.store()).unwrap().events;
        let expected: usize = self.queue.values().map(Vec::len).sum();
        assert_eq!(waiting.values().map(Vec::len).sum::<usize>(), expected);
    }

    fn network_power(&self) -> i64 {
        if self.large().count() < 4 {
            self.claims.values().map(|(raw, _)| raw).sum()
        } else {
            self.large().map(|(raw, _)| raw).sum()
        }
    }

    fn take(&mut self, rt: &MockRuntime, step: &Step) {
        match step {
            Step::Create(who) if self.claims.contains_key(who) => {}
            Step::Create(who) => {
                create(&rt.caller(ACCOUNT), *who, WINDOW_2KIB);
                self.claims.insert(*who, (0, 0));
                self.count += 1;
            }
            Step::Power(who, raw, more) => {
                // Quality only adds, so that raw power stays below.
                let delta = (*raw, raw + if *raw < 0 { 0 } else { *more });
                let expected = match self.claims.get_mut(who) {
                    None => 17,
                    Some(claim) if claim.0 + delta.0 < 0 || claim.1 + delta.1 < 0 => 20,
                    Some(claim) => {
                        *claim = (claim.0 + delta.0, claim.1 + delta.1);
                        0
                    }
                };
                assert_eq!(change(&rt.caller(*who), delta.0, delta.1), expected);
            }
            Step::Pledge(who, change) => {
                let expected = match self.claims.contains_key(who) {
                    false => 18,
                    true if self.pledge + change < 0 => 20,
                    true => {
                        self.pledge += change;
                        0
                    }
                };
                assert_eq!(pledge(&rt.caller(*who), &fil(*change)), expected);
            }
            Step::Enroll(who, epoch) => {
                assert_eq!(enroll(&rt.caller(*who), *epoch, b""), 0);
                self.queue.entry(*epoch).or_default().push(*who);
            }
            Step::Tick(epochs, failing) => self.tick(rt, *epochs, failing),
        }
    }

    fn tick(&mut self, rt: &MockRuntime, epochs: ChainEpoch, failing: &[ActorID]) {
        self.epoch += epochs;
        expect_reward(rt);
        let later = self.queue.split_off(&(self.epoch + 1));
        let due: Vec<_> = std::mem::replace(&mut self.queue, later)
            .into_values()
            .flatten()
            .filter(|who| self.claims.contains_key(who))
            .collect();
        for who in due {
            let called = expect_callback(rt, who, b"");
            if failing.contains(&who) {
                called.exits(20);
                self.claims.remove(&who);
                self.count -= 1;
            }
        }
        expect_kpi(rt, self.network_power());
        assert_eq!(tick_at(rt, self.epoch), 0);
        let frozen = state(rt).this_epoch_raw_byte_power;
        assert_eq!(frozen, self.network_power().into());
    }
}

proptest! {
    #[test]
    fn sums_follow_any_sequence_of_calls(steps in prop::collection::vec(step(), 1..40)) {
        let rt = power();
        for who in MINER..MINER + 7 {
            rt.actor(who, Type::Miner);
        }
        let mut model = Model::default();
        for step in &steps {
            model.take(&rt, step);
            model.check(&rt);
        }
    }
}
