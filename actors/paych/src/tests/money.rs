//! Whatever is redeemed: what comes out is what went in, and nobody gets more than
//! its share.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const DEPOSIT: i64 = 1_000;

#[derive(Debug, Clone)]
struct Step {
    lane: u64,
    nonce: u64,
    amount: i64,
    merges: Vec<(u64, u64)>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let merge = (0u64..4, 0u64..12);
    let step = (
        0u64..4,
        0u64..12,
        -5i64..600,
        prop::collection::vec(merge, 0..3),
    )
        .prop_map(|(lane, nonce, amount, merges)| Step {
            lane,
            nonce,
            amount,
            merges,
        });
    prop::collection::vec(step, 0..25)
}

/// What the channel has to be like: what is owed, and the lanes.
#[derive(Clone, Default)]
struct Model {
    owed: i64,
    lanes: BTreeMap<u64, (i64, u64)>,
}

impl Model {
    /// The channel after a voucher, or nothing if it is refused.
    fn after(&self, step: &Step) -> Option<Self> {
        let mut next = self.clone();
        let mut before = match next.lanes.get(&step.lane) {
            Some((_, nonce)) if *nonce >= step.nonce => return None,
            Some((redeemed, _)) => *redeemed,
            None => 0,
        };
        for (lane, nonce) in &step.merges {
            if *lane == step.lane {
                return None;
            }
            let merged = next.lanes.get_mut(lane)?;
            if merged.1 >= *nonce {
                return None;
            }
            merged.1 = *nonce;
            before += merged.0;
        }
        next.owed += step.amount - before;
        next.lanes.insert(step.lane, (step.amount, step.nonce));
        (step.amount >= 0 && (0..=DEPOSIT).contains(&next.owed)).then_some(next)
    }
}

proptest! {
    #[test]
    fn what_went_in_comes_out(steps in steps()) {
        let rt = channel();
        let mut model = Model::default();
        for step in steps {
            let merges = step.merges.iter().map(|(lane, nonce)| Merge { lane: *lane, nonce: *nonce });
            let sv = SignedVoucher {
                merges: merges.collect(),
                ..on_lane(step.lane, step.nonce, step.amount)
            };
            match model.after(&step) {
                Some(next) => {
                    prop_assert_eq!(update_signed(&rt, &sv), 0, "{:?}", step);
                    model = next;
                }
                None => prop_assert_eq!(update_signed(&rt, &sv), 16, "{:?}", step),
            }
            prop_assert_eq!(state(&rt).to_send, atto(model.owed));
            for (number, (redeemed, nonce)) in &model.lanes {
                prop_assert_eq!(lane(&rt, *number), Some((atto(*redeemed), *nonce)));
            }
        }
        prop_assert_eq!(settle(&rt), 0);
        rt.epoch(5_000).expect_send(id(PAYEE), 0).value(atto(model.owed));
        rt.expect_send(id(PAYER), 0).value(atto(DEPOSIT - model.owed));
        prop_assert_eq!(collect(&rt), 0);
    }
}
