//! Whatever is done to the token: returns and exit codes, hooks and the whole state are
//! those of the sheet written down once more.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use fvm_ipld_encoding::CBOR;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::Response;
use fvm_shared::error::{ErrorNumber, ExitCode};
use proptest::prelude::*;

use super::*;

mod sheet;

type Exit = u32;
/// The return block's bytes, or the exit code.
type Done = Result<Option<Vec<u8>>, Exit>;

/// An ID without an actor.
const NOBODY: ActorID = 9_999;
const ANSWER: [u8; 2] = [0x18, 0x2a];

fn resolve(address: &Address) -> Option<ActorID> {
    let known = (*address == key(1)).then_some(ALICE);
    address.id().ok().or(known)
}

/// What whoever gets tokens does about it.
#[derive(Debug, Clone, Default)]
enum Receiver {
    #[default]
    Takes,
    Answers,
    Fails(Exit),
    /// Burns so many at once.
    Burns(TokenAmount),
}

/// Spec 08 §B3 over plain maps, and what the current message does besides.
#[derive(Debug, Clone, Default)]
struct Model {
    supply: TokenAmount,
    balances: BTreeMap<ActorID, TokenAmount>,
    allowances: BTreeMap<ActorID, BTreeMap<ActorID, TokenAmount>>,
    read_only: bool,
    receiver: Receiver,
    /// Receivers that were told, and what.
    sends: Vec<(Address, Vec<u8>)>,
}

#[derive(Debug, Clone)]
enum Step {
    Mint(ActorID, Address, TokenAmount, Vec<Address>),
    Destroy(ActorID, Address, TokenAmount),
    Transfer(ActorID, Address, TokenAmount),
    TransferFrom(ActorID, Address, Address, TokenAmount),
    Increase(ActorID, Address, TokenAmount),
    Decrease(ActorID, Address, TokenAmount),
    Revoke(ActorID, Address),
    Burn(ActorID, TokenAmount),
    BurnFrom(ActorID, Address, TokenAmount),
    Balance(Address),
    Allowance(Address, Address),
}

/// A step, what the receiver does about it, and whether it is read-only.
type Message = (Step, Receiver, bool);

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let somebody = || prop::sample::select(vec![6, ALICE, BOB]);
    let governor = || prop_oneof![8 => Just(6u64), 1 => Just(ALICE)];
    let address = || {
        prop_oneof![
            6 => prop::sample::select(vec![id(6), id(ALICE), id(BOB), key(1)]),
            1 => prop::sample::select(vec![id(NOBODY), key(2)]),
        ]
    };
    let to_governor = || prop_oneof![6 => Just(id(6)), 1 => address()];
    let amount = || {
        prop_oneof![
            8 => (0i64..5).prop_map(tokens),
            1 => prop::sample::select(vec![atto(-1), tokens(-1), atto(1), tokens(40)]),
        ]
    };
    let units = || prop_oneof![3 => (0i64..9).prop_map(tokens), 1 => (-1i64..9).prop_map(atto)];
    let step = prop_oneof![
        4 => (governor(), address(), amount(), prop::collection::vec(address(), 0..3))
            .prop_map(|(by, to, v, operators)| Step::Mint(by, to, v, operators)),
        1 => (governor(), address(), amount()).prop_map(|(by, who, v)| Step::Destroy(by, who, v)),
        3 => (somebody(), to_governor(), amount()).prop_map(|(by, to, v)| Step::Transfer(by, to, v)),
        2 => (Just(6), address(), amount()).prop_map(|(by, to, v)| Step::Transfer(by, to, v)),
        4 => (somebody(), address(), to_governor(), amount())
            .prop_map(|(by, from, to, v)| Step::TransferFrom(by, from, to, v)),
        2 => (somebody(), address(), units()).prop_map(|(by, who, v)| Step::Increase(by, who, v)),
        2 => (somebody(), address(), units()).prop_map(|(by, who, v)| Step::Decrease(by, who, v)),
        1 => (somebody(), address()).prop_map(|(by, who)| Step::Revoke(by, who)),
        1 => (somebody(), amount()).prop_map(|(by, v)| Step::Burn(by, v)),
        3 => (somebody(), address(), amount()).prop_map(|(by, who, v)| Step::BurnFrom(by, who, v)),
        1 => address().prop_map(Step::Balance),
        1 => (address(), address()).prop_map(|(who, by)| Step::Allowance(who, by)),
    ];
    let receiver = prop_oneof![
        6 => Just(Receiver::Takes),
        1 => Just(Receiver::Answers),
        1 => prop::sample::select(vec![16, 22, 33]).prop_map(Receiver::Fails),
        2 => amount().prop_map(Receiver::Burns),
    ];
    let read_only = prop_oneof![9 => Just(false), 1 => Just(true)];
    prop::collection::vec((step, receiver, read_only), 0..60)
}

/// A receiver, and what it was told.
type Told = (Address, Vec<u8>);

/// The token beside the model.
struct Pair {
    rt: MockRuntime,
    model: Model,
    /// Receivers that were told, and what.
    made: Rc<RefCell<Vec<Told>>>,
    receiver: Rc<RefCell<Receiver>>,
}

impl Pair {
    fn new() -> Self {
        let made = Rc::<RefCell<Vec<_>>>::default();
        let receiver = Rc::<RefCell<Receiver>>::default();
        let (shared, does) = (made.clone(), receiver.clone());
        let rt = datacap().answer_requests(move |rt, request| {
            let params = request.params.as_ref().unwrap();
            assert_eq!((request.method, params.codec), (RECEIVE, CBOR));
            assert!(request.value.is_zero() && !request.read_only);
            let told = (*request.to, params.data.clone());
            shared.borrow_mut().push(told);
            let to = resolve(request.to).unwrap();
            if to == NOBODY {
                return Err(ErrorNumber::NotFound);
            }
            let (code, data) = match &*does.borrow() {
                Receiver::Takes => (0, None),
                Receiver::Answers => (0, Some(ANSWER.to_vec())),
                Receiver::Fails(code) => (*code, Some(ANSWER.to_vec())),
                Receiver::Burns(v) => {
                    let params = BurnParams { amount: v.clone() };
                    let burnt = rt.caller(to).call_with::<DataCap>(ext::BURN, &params);
                    // It takes the tokens all the same.
                    drop(burnt);
                    (0, None)
                }
            };
            Ok(Response {
                exit_code: ExitCode::new(code),
                return_data: data.map(|data| IpldBlock { codec: CBOR, data }),
            })
        });
        rt.resolves(key(1), ALICE);
        Self {
            rt,
            model: Model::default(),
            made,
            receiver,
        }
    }

    /// Sends a message to both.
    fn compare(
        &mut self,
        caller: ActorID,
        method: MethodNum,
        params: &impl Serialize,
        model: impl FnOnce(&mut Model) -> Done,
    ) {
        let before = self.model.clone();
        let expected = model(&mut self.model);
        let sends = std::mem::take(&mut self.model.sends);
        if expected.is_err() {
            self.model = before;
        }
        self.made.borrow_mut().clear();
        if self.model.read_only {
            self.rt.read_only();
        }
        let done = match self.rt.caller(caller).call_with::<DataCap>(method, params) {
            Ok(block) => Ok(block.map(|block| block.data)),
            Err(error) => {
                assert_eq!(error.data(), None);
                Err(error.exit_code().value())
            }
        };
        assert_eq!(done, expected);
        assert_eq!(*self.made.borrow(), sends);
        let state: State = self.rt.state();
        assert_eq!(state, self.model.state(self.rt.store()));
    }

    fn run(&mut self, (step, receiver, read_only): Message) {
        self.model.receiver = receiver.clone();
        self.model.read_only = read_only;
        *self.receiver.borrow_mut() = receiver;
        let number = method_number;
        match step {
            Step::Mint(by, to, amount, operators) => {
                let params = MintParams {
                    to,
                    amount,
                    operators,
                };
                self.compare(by, ext::MINT, &params, |model| model.mint(by, &params));
            }
            Step::Destroy(by, owner, amount) => {
                let params = DestroyParams { owner, amount };
                self.compare(by, ext::DESTROY, &params, |model| {
                    model.destroy(by, &params)
                });
            }
            Step::Transfer(by, to, amount) => {
                let params = TransferParams {
                    to,
                    amount,
                    operator_data: RawBytes::new(vec![7]),
                };
                self.compare(by, ext::TRANSFER, &params, |model| {
                    model.transfer(by, &params)
                });
            }
            Step::TransferFrom(by, from, to, amount) => {
                let params = TransferFromParams {
                    from,
                    to,
                    amount,
                    operator_data: RawBytes::new(vec![8, 8]),
                };
                self.compare(by, ext::TRANSFER_FROM, &params, |model| {
                    model.transfer_from(by, &params)
                });
            }
            Step::Increase(by, operator, v) => {
                let params = IncreaseAllowanceParams {
                    operator,
                    increase: v.clone(),
                };
                self.compare(by, number("IncreaseAllowance"), &params, |model| {
                    model.allow(by, &operator, &v, 1)
                });
            }
            Step::Decrease(by, operator, v) => {
                let params = DecreaseAllowanceParams {
                    operator,
                    decrease: v.clone(),
                };
                self.compare(by, number("DecreaseAllowance"), &params, |model| {
                    model.allow(by, &operator, &v, -1)
                });
            }
            Step::Revoke(by, operator) => {
                let params = RevokeAllowanceParams { operator };
                self.compare(by, number("RevokeAllowance"), &params, |model| {
                    model.revoke(by, &operator)
                });
            }
            Step::Burn(by, amount) => {
                let params = BurnParams {
                    amount: amount.clone(),
                };
                self.compare(by, ext::BURN, &params, |model| model.burn(by, &amount));
            }
            Step::BurnFrom(by, owner, amount) => {
                let params = BurnFromParams { owner, amount };
                self.compare(by, number("BurnFrom"), &params, |model| {
                    model.burn_from(by, &params)
                });
            }
            Step::Balance(owner) => {
                self.compare(BOB, ext::BALANCE, &owner, |model| model.ask_balance(&owner));
            }
            Step::Allowance(owner, operator) => {
                let params = GetAllowanceParams { owner, operator };
                self.compare(BOB, number("Allowance"), &params, |model| {
                    model.ask_allowance(&owner, &operator)
                });
            }
        }
    }
}

proptest! {
    /// Source: spec 08 §B4, §B5.
    #[test]
    fn everything_is_as_the_sheet_says(messages in messages()) {
        let mut pair = Pair::new();
        for message in messages {
            pair.run(message);
        }
    }
}
