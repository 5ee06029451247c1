//! Datacap is made by minting and unmade by burning, and by nothing else.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Mint(usize, i64),
    Destroy(usize, i64),
    ToGovernor(usize, i64),
    FromGovernor(usize, i64),
    ByOperator(usize, usize, i64),
    Burn(usize, i64),
    BurnFrom(usize, usize, i64),
    Increase(usize, usize, i64),
    Decrease(usize, usize, i64),
}

/// Everybody; the first is the governor.
const ALL: [ActorID; 4] = [6, ALICE, BOB, 102];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (who, other, amount) = (0usize..4, 0usize..4, -1i64..40);
    let step = (0u8..9, who, other, amount).prop_map(|(kind, a, b, n)| match kind {
        0 => Step::Mint(a, n),
        1 => Step::Destroy(a, n),
        2 => Step::ToGovernor(a, n),
        3 => Step::FromGovernor(a, n),
        4 => Step::ByOperator(a, b, n),
        5 => Step::Burn(a, n),
        6 => Step::BurnFrom(a, b, n),
        7 => Step::Increase(a, b, n),
        _ => Step::Decrease(a, b, n),
    });
    prop::collection::vec(step, 0..60)
}

/// What the token has to be like, in whole tokens.
#[derive(Default)]
struct Model {
    balances: BTreeMap<ActorID, i64>,
    allowances: BTreeMap<(ActorID, ActorID), i64>,
}

impl Model {
    fn balance(&self, who: ActorID) -> i64 {
        self.balances.get(&who).copied().unwrap_or(0)
    }

    fn allowance(&self, owner: ActorID, operator: ActorID) -> i64 {
        self.allowances
            .get(&(owner, operator))
            .copied()
            .unwrap_or(0)
    }

    fn change(&mut self, who: ActorID, by: i64) {
        *self.balances.entry(who).or_default() += by;
    }

    fn may_use(&self, owner: ActorID, operator: ActorID, n: i64) -> bool {
        let allowed = self.allowance(owner, operator);
        n >= 0 && owner != operator && allowed > 0 && allowed >= n && self.balance(owner) >= n
    }

    fn use_allowance(&mut self, owner: ActorID, operator: ActorID, n: i64) {
        *self.allowances.entry((owner, operator)).or_default() -= n;
    }
}

fn run(rt: &MockRuntime, model: &mut Model, step: Step) {
    let hook = |from, to, operator, n| {
        expect_hook(rt, id(to), &told(from, to, operator, tokens(n)));
    };
    let done = |expected: bool, result: Result<(), Option<u32>>| {
        assert_eq!(result.is_ok(), expected, "{step:?}: {result:?}");
    };
    match step {
        Step::Mint(a, n) => {
            let to = ALL[a];
            rt.caller(6);
            if n >= 0 {
                hook(7, to, 6, n);
                model.change(to, n);
            }
            done(n >= 0, mint(rt, &minting(id(to), tokens(n))).map(drop));
        }
        Step::Destroy(a, n) => {
            let (owner, ok) = (ALL[a], n >= 0 && model.balance(ALL[a]) >= n);
            rt.caller(6);
            let params = DestroyParams {
                owner: id(owner),
                amount: tokens(n),
            };
            done(ok, call::<BurnReturn>(rt, ext::DESTROY, &params).map(drop));
            if ok {
                model.change(owner, -n);
            }
        }
        Step::ToGovernor(a, n) | Step::FromGovernor(a, n) => {
            let (from, to) = match step {
                Step::ToGovernor(..) => (ALL[a], 6),
                _ => (6, ALL[a]),
            };
            let ok = n >= 0 && model.balance(from) >= n;
            if ok {
                hook(from, to, from, n);
                model.change(from, -n);
                model.change(to, n);
            }
            rt.caller(from);
            let params = TransferParams {
                to: id(to),
                amount: tokens(n),
                operator_data: RawBytes::default(),
            };
            done(
                ok,
                call::<TransferReturn>(rt, ext::TRANSFER, &params).map(drop),
            );
        }
        Step::ByOperator(a, b, n) => {
            let (owner, operator) = (ALL[a], ALL[b]);
            let ok = model.may_use(owner, operator, n);
            if ok {
                hook(owner, 6, operator, n);
                model.use_allowance(owner, operator, n);
                model.change(owner, -n);
                model.change(6, n);
            }
            rt.caller(operator);
            let params = TransferFromParams {
                from: id(owner),
                to: VERIFREG_ACTOR,
                amount: tokens(n),
                operator_data: RawBytes::default(),
            };
            done(
                ok,
                call::<TransferFromReturn>(rt, ext::TRANSFER_FROM, &params).map(drop),
            );
        }
        Step::Burn(a, n) => {
            let ok = n >= 0 && model.balance(ALL[a]) >= n;
            rt.caller(ALL[a]);
            let params = BurnParams { amount: tokens(n) };
            done(ok, call::<BurnReturn>(rt, ext::BURN, &params).map(drop));
            if ok {
                model.change(ALL[a], -n);
            }
        }
        Step::BurnFrom(a, b, n) => {
            let (owner, operator) = (ALL[a], ALL[b]);
            let ok = model.may_use(owner, operator, n);
            rt.caller(operator);
            let params = BurnFromParams {
                owner: id(owner),
                amount: tokens(n),
            };
            done(
                ok,
                call::<BurnFromReturn>(rt, method_number("BurnFrom"), &params).map(drop),
            );
            if ok {
                model.use_allowance(owner, operator, n);
                model.change(owner, -n);
            }
        }
        Step::Increase(a, b, n) | Step::Decrease(a, b, n) if a != b => {
            let (owner, operator) = (ALL[a], ALL[b]);
            let (name, by) = match step {
                Step::Increase(..) => ("IncreaseAllowance", n),
                _ => ("DecreaseAllowance", -n),
            };
            rt.caller(owner);
            let params = IncreaseAllowanceParams {
                operator: id(operator),
                increase: tokens(n),
            };
            done(
                n >= 0,
                call::<TokenAmount>(rt, method_number(name), &params).map(drop),
            );
            if n >= 0 {
                let allowed = model.allowances.entry((owner, operator)).or_default();
                *allowed = (*allowed + by).max(0);
            }
        }
        Step::Increase(..) | Step::Decrease(..) => {}
    }
}

proptest! {
    #[test]
    fn supply_is_what_was_minted_and_not_burnt(steps in steps()) {
        let rt = datacap();
        let mut model = Model::default();
        for step in steps {
            run(&rt, &mut model, step);
            // Supply equals the sum of balances: one of the invariants.
            let state = state(&rt);
            prop_assert_eq!(state.token.supply.clone(), tokens(model.balances.values().sum()));
            for who in ALL {
                prop_assert_eq!(state.balance(rt.store(), who), Ok(tokens(model.balance(who))));
                for operator in ALL {
                    let allowed = state.allowance(rt.store(), who, operator);
                    prop_assert_eq!(allowed, Ok(tokens(model.allowance(who, operator))));
                }
            }
        }
    }
}
