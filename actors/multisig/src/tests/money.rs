//! No order of payments gets at what is locked, and none loses or makes money.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Receive(i64),
    Pay(i64),
    Cancel(usize),
    Approve(usize),
    Wait(ChainEpoch),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0i64..500).prop_map(Step::Receive),
        (0i64..500).prop_map(Step::Pay),
        (0usize..8).prop_map(Step::Cancel),
        (0usize..8).prop_map(Step::Approve),
        (0i64..40).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..40)
}

/// What the wallet has to be like: its balance, its lock, what waits.
struct Model {
    balance: i64,
    paid: i64,
    epoch: ChainEpoch,
    initial: i64,
    duration: ChainEpoch,
    waiting: Vec<(TxnId, i64)>,
    next: TxnId,
}

impl Model {
    fn locked(&self) -> i64 {
        if self.epoch >= self.duration {
            return 0;
        }
        let left = self.initial * (self.duration - self.epoch);
        (left + self.duration - 1) / self.duration
    }

    fn may_pay(&self, amount: i64) -> bool {
        amount <= self.balance && (amount == 0 || self.balance - amount >= self.locked())
    }
}

proptest! {
    #[test]
    fn a_wallet_pays_what_is_free_and_nothing_else(
        initial in 0i64..1_000, duration in 1i64..200, steps in steps(),
    ) {
        let rt = world().value(atto(initial));
        let params = ConstructorParams { unlock_duration: duration, ..construction(&[ANNE, BOB], 2) };
        prop_assert_eq!(code(&rt, 1, &params), 0);
        let mut model = Model {
            balance: initial, paid: 0, epoch: 0, initial, duration, waiting: vec![], next: 0,
        };
        for step in steps {
            match step {
                Step::Receive(amount) => {
                    model.balance += amount;
                    rt.balance(WALLET, atto(model.balance));
                }
                Step::Pay(amount) => {
                    let params = ProposeParams { value: atto(amount), ..payment() };
                    let outcome = propose(&rt.caller(ANNE), &params).unwrap();
                    prop_assert!(!outcome.applied);
                    model.waiting.push((outcome.txn_id, amount));
                    model.next += 1;
                }
                Step::Cancel(index) if index < model.waiting.len() => {
                    let (id, _) = model.waiting.remove(index);
                    prop_assert_eq!(cancel(&rt.caller(ANNE), id), 0);
                }
                Step::Approve(index) if index < model.waiting.len() => {
                    let (txn, amount) = model.waiting[index];
                    if model.may_pay(amount) {
                        rt.expect_send(id(CHUCK), 0).value(atto(amount));
                        prop_assert_eq!(approve(&rt.caller(BOB), txn), Ok(ended(true, 0, b"")));
                        model.balance -= amount;
                        model.paid += amount;
                        model.waiting.remove(index);
                    } else {
                        prop_assert_eq!(approve(&rt.caller(BOB), txn), Err(19));
                    }
                }
                Step::Cancel(_) | Step::Approve(_) => {}
                Step::Wait(epochs) => {
                    model.epoch += epochs;
                    rt.epoch(model.epoch);
                }
            }
            prop_assert_eq!(rt.balance_of(WALLET), Some(atto(model.balance)));
            prop_assert_eq!(rt.balance_of(CHUCK), Some(atto(model.paid)));
            prop_assert_eq!(state(&rt).next_tx_id, model.next);
        }
    }
}
