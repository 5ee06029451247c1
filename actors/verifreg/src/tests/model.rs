//! Whatever is done to the registry: returns and exit codes, sends, events and the whole
//! state are those of the sheet written down once more.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use boatyard_actors_shared::ext::verifreg::GetClaimsParams;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::Response;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::error::ErrorNumber;
use proptest::prelude::*;

use super::*;

mod sheet;

type Exit = u32;
/// The return block's bytes, or the exit code.
type Done = Result<Option<Vec<u8>>, Exit>;

/// From here on, allocations and claims are named by their place among those there are.
const PICK: u64 = 1_000;
/// An ID without an actor.
const NOBODY: ActorID = 9_999;
/// Who gets an account when a message is sent to it.
const NEW: ActorID = 500;

/// An address that nobody will ever have.
fn robust() -> Address {
    Address::new_actor(b"nobody")
}

/// What a callee ends with.
#[derive(Debug, Clone)]
enum Answer {
    Ends(Exit, Option<Vec<u8>>),
    Refused(ErrorNumber),
    /// There is an account from now on.
    Creates(ActorID),
}

impl Answer {
    fn returns(value: &(impl Serialize + ?Sized)) -> Self {
        Self::Ends(0, Some(to_vec(value).unwrap()))
    }

    fn exits(code: Exit) -> Self {
        Self::Ends(code, None)
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Sent {
    to: Address,
    method: MethodNum,
    params: Option<Vec<u8>>,
    read_only: bool,
}

/// Spec 08 §A3 over plain maps, and what the current message does besides.
#[derive(Debug, Clone, Default)]
struct Model {
    now: ChainEpoch,
    verifiers: BTreeMap<ActorID, DataCap>,
    proposal_ids: BTreeMap<(ActorID, ActorID), u64>,
    allocations: BTreeMap<ActorID, BTreeMap<u64, Allocation>>,
    next_id: u64,
    claims: BTreeMap<ActorID, BTreeMap<u64, Claim>>,
    /// Bytes that the token says somebody holds.
    balances: BTreeMap<ActorID, DataCap>,
    /// Addresses that resolve.
    known: BTreeMap<Address, ActorID>,
    sends: Vec<(Sent, Answer)>,
    /// Flags, key and value of every entry.
    events: Vec<Vec<(u64, String, Vec<u8>)>>,
}

impl Model {
    fn send(
        &mut self,
        to: Address,
        method: MethodNum,
        params: Option<Vec<u8>>,
        read_only: bool,
        answer: Answer,
    ) -> Result<(), Exit> {
        let sent = Sent {
            to,
            method,
            params,
            read_only,
        };
        self.sends.push((sent, answer.clone()));
        match answer {
            Answer::Ends(0, _) | Answer::Creates(_) => Ok(()),
            Answer::Ends(code, _) => Err(code),
            Answer::Refused(ErrorNumber::NotFound) => Err(23),
            Answer::Refused(_) => Err(24),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Consent {
    Yes,
    No,
    Nothing,
    Fails,
}

/// A request for an allocation: provider, piece, how much more than the smallest, terms,
/// epochs until it expires.
type Wish = (ActorID, u8, i64, ChainEpoch, ChainEpoch, ChainEpoch);

#[derive(Debug, Clone)]
enum Step {
    Wait(ChainEpoch),
    /// Until an allocation or a claim ends, or the epoch before or after.
    Until(usize, ChainEpoch),
    Balance(ActorID, u64),
    AddVerifier(ActorID, Address, u64),
    RemoveVerifier(ActorID, Address),
    AddClient(ActorID, Address, u64, Exit),
    RemoveDatacap(ActorID, [Address; 3], i64, [Consent; 2], Exit),
    /// Client, wishes, extensions by provider, number and what they are longer than, what
    /// is paid too much, what else is wrong, how the burning ends.
    Receive(
        ActorID,
        Vec<Wish>,
        Vec<(ActorID, u64, Longer)>,
        i64,
        u8,
        Exit,
    ),
    /// Sectors with their lifetime; allocations by number, and what is wrong with them.
    Claim(ActorID, Vec<(ChainEpoch, Vec<(u64, u8)>)>, bool, Exit),
    Extend(ActorID, Vec<(ActorID, u64, Longer)>),
    RemoveAllocations(ActorID, Vec<u64>, Exit),
    RemoveClaims(ActorID, Vec<u64>),
    Get(ActorID, Vec<u64>),
}

/// What a new term is measured by.
#[derive(Debug, Clone, Copy)]
enum Longer {
    /// The old one.
    Old(ChainEpoch),
    /// The longest for new allocations.
    Longest(ChainEpoch),
    /// The longest from now on.
    FromNow(ChainEpoch),
}

fn often<T: Clone + std::fmt::Debug + 'static>(usual: T, rare: Vec<T>) -> impl Strategy<Value = T> {
    prop_oneof![12 => Just(usual), 1 => prop::sample::select(rare)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let anybody = || {
        prop_oneof![
            6 => prop::sample::select(vec![id(VERIFIER), id(VERIFIER_2), id(CLIENT), key(1)]),
            1 => prop::sample::select(vec![id(ROOT), id(NOBODY), id(6), key(2), robust()]),
        ]
    };
    let root = || often(ROOT, vec![VERIFIER, CLIENT]);
    let client = || prop::sample::select(vec![CLIENT, CLIENT_2]);
    let miner = || prop_oneof![8 => Just(MINER), 2 => Just(MINER_2), 1 => Just(CLIENT)];
    let bytes = || prop::sample::select(vec![MIB - 1, MIB, MIB + 1, 5 * MIB]);
    let exit = || often(0u32, vec![16, 19, 33]);
    let number = || prop_oneof![16 => PICK..PICK + 16, 4 => 0u64..20];
    let numbers = || {
        prop_oneof![
            2 => Just(vec![]),
            2 => prop::collection::btree_set(number(), 0..6).prop_map(|ids| ids.into_iter().rev().collect()),
            1 => prop::collection::vec(number(), 0..6),
        ]
    };
    let term =
        |usual: ChainEpoch| often(usual, vec![518_399, 518_400, 600_000, 5_259_485, 5_259_486]);
    let wish = || {
        (
            often(MINER, vec![MINER_2, CLIENT, NOBODY]),
            0u8..3,
            often(0i64, vec![-1, 1, 7]),
            term(518_400),
            term(600_000),
            often(100i64, vec![-1, 0, 172_800, 172_801]),
        )
    };
    let longer = || {
        prop_oneof![
            (-1i64..2).prop_map(Longer::Old),
            (-1i64..2).prop_map(Longer::Longest),
            (-1i64..2).prop_map(Longer::FromNow),
        ]
    };
    let terms = || {
        prop_oneof![
            2 => Just(vec![]),
            1 => prop::collection::vec((miner(), number(), longer()), 1..3),
        ]
    };
    let wishes = || {
        prop_oneof![
            6 => prop::collection::vec(wish(), 0..4),
            1 => prop::collection::vec(
                Just((MINER, 1u8, 0i64, 518_400i64, 518_400i64, 100i64)), 10..20),
        ]
    };
    let step = prop_oneof![
        4 => prop_oneof![
            6 => 0i64..60,
            2 => 90i64..200,
            1 => 518_000i64..700_000,
            1 => Just(5_000_000i64),
        ].prop_map(Step::Wait),
        3 => (0usize..30, -1i64..2).prop_map(|(place, more)| Step::Until(place, more)),
        1 => (prop::sample::select(vec![VERIFIER, CLIENT, NEW]), 0u64..4)
            .prop_map(|(who, n)| Step::Balance(who, n * MIB)),
        2 => (root(), anybody(), bytes()).prop_map(|(by, who, n)| Step::AddVerifier(by, who, n)),
        1 => (root(), anybody()).prop_map(|(by, who)| Step::RemoveVerifier(by, who)),
        2 => (
            prop::sample::select(vec![VERIFIER, VERIFIER_2, CLIENT]),
            prop_oneof![4 => Just(id(CLIENT)), 2 => anybody()],
            bytes(),
            exit(),
        ).prop_map(|(by, who, n, code)| Step::AddClient(by, who, n, code)),
        3 => (
            root(),
            anybody(),
            often(id(VERIFIER), vec![id(NOBODY), key(2), id(VERIFIER_2), id(CLIENT)]),
            often(id(VERIFIER_2), vec![id(NOBODY), key(2), id(VERIFIER), id(CLIENT)]),
            -1i64..3,
            [0, 1].map(|_| often(Consent::Yes, vec![Consent::No, Consent::Nothing, Consent::Fails])),
            exit(),
        ).prop_map(|(by, client, a, b, n, consents, code)| {
            Step::RemoveDatacap(by, [client, a, b], n * MIB as i64, consents, code)
        }),
        6 => (
            client(), wishes(), terms(), often(0i64, vec![-1, 1]), often(0u8, vec![1, 2, 3]), exit(),
        ).prop_map(|(who, wishes, terms, more, wrong, code)| {
            Step::Receive(who, wishes, terms, more, wrong, code)
        }),
        6 => (
            miner(),
            prop::collection::vec(
                (
                    term(518_400),
                    prop::collection::vec((number(), often(0u8, vec![1, 2, 3])), 0..4),
                ),
                0..4,
            ),
            often(false, vec![true]),
            exit(),
        ).prop_map(|(by, sectors, all, code)| Step::Claim(by, sectors, all, code)),
        2 => (client(), terms()).prop_map(|(by, terms)| Step::Extend(by, terms)),
        3 => (client(), numbers(), exit())
            .prop_map(|(who, ids, code)| Step::RemoveAllocations(who, ids, code)),
        3 => (miner(), numbers()).prop_map(|(who, ids)| Step::RemoveClaims(who, ids)),
        1 => (miner(), numbers()).prop_map(|(who, ids)| Step::Get(who, ids)),
    ];
    prop::collection::vec(step, 1..60)
}

/// Answers to come, and sends made.
type Script = Rc<RefCell<(Vec<Answer>, Vec<Sent>)>>;

/// The registry beside the model.
struct Pair {
    rt: MockRuntime,
    model: Model,
    script: Script,
}

impl Pair {
    fn new() -> Self {
        let script = Script::default();
        let shared = script.clone();
        let rt = registry().answer_requests(move |rt, request| {
            let (answers, made) = &mut *shared.borrow_mut();
            let answer = answers.get(made.len()).cloned();
            let params = request.params.as_ref();
            assert!(params.is_none_or(|block| block.codec == CBOR));
            assert!(request.value.is_zero());
            made.push(Sent {
                to: *request.to,
                method: request.method,
                params: params.map(|block| block.data.clone()),
                read_only: request.read_only,
            });
            let (code, data) = match answer {
                None => return Err(ErrorNumber::IllegalArgument),
                Some(Answer::Refused(error)) => return Err(error),
                Some(Answer::Ends(code, data)) => (code, data),
                Some(Answer::Creates(new)) => {
                    rt.actor(new, Type::Account).resolves(*request.to, new);
                    (0, None)
                }
            };
            Ok(Response {
                exit_code: ExitCode::new(code),
                return_data: data.map(|data| IpldBlock { codec: CBOR, data }),
            })
        });
        rt.resolves(key(1), CLIENT);
        let model = Model {
            now: NOW,
            next_id: 1,
            known: BTreeMap::from([(key(1), CLIENT)]),
            ..Model::default()
        };
        Self { rt, model, script }
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
        self.model.sends.clear();
        self.model.events.clear();
        let expected = model(&mut self.model);
        let sends = std::mem::take(&mut self.model.sends);
        if expected.is_err() {
            self.model = before;
        }
        let (sends, answers): (Vec<_>, Vec<_>) = sends.into_iter().unzip();
        *self.script.borrow_mut() = (answers, Vec::new());
        let rt = self.rt.caller(caller);
        let done = match rt.call_with::<VerifiedRegistry>(method, params) {
            Ok(block) => Ok(block.map(|block| block.data)),
            Err(error) => {
                assert_eq!(error.data(), None);
                Err(error.exit_code().value())
            }
        };
        assert_eq!(done, expected);
        assert_eq!(self.script.borrow().1, sends);
        if done.is_ok() {
            assert_eq!(told(&rt), self.model.events);
        }
        assert_eq!(rt.state::<State>(), self.model.state(rt.store()));
    }

    /// The same with the numbers of what there is for places.
    fn named(&self, mut step: Step) -> Step {
        let allocations = Named(numbers_in(&self.model.allocations));
        let claims = Named(numbers_in(&self.model.claims));
        match &mut step {
            Step::Claim(_, sectors, ..) => {
                for (number, _) in sectors.iter_mut().flat_map(|(_, pieces)| pieces) {
                    (_, *number) = allocations.find(CLIENT, *number);
                }
            }
            Step::RemoveAllocations(_, ids, _) => {
                for number in ids {
                    (_, *number) = allocations.find(CLIENT, *number);
                }
            }
            Step::RemoveClaims(_, ids) | Step::Get(_, ids) => {
                for number in ids {
                    (_, *number) = claims.find(MINER, *number);
                }
            }
            Step::Extend(_, terms) | Step::Receive(_, _, terms, ..) => {
                for (provider, number, _) in terms {
                    (*provider, *number) = claims.find(*provider, *number);
                }
            }
            _ => {}
        }
        step
    }

    fn run(&mut self, step: Step) {
        let now = self.model.now;
        let step = self.named(step);
        match step {
            Step::Wait(epochs) => {
                self.model.now += epochs;
                self.rt.epoch(self.model.now);
            }
            Step::Until(place, more) => {
                let allocations = self.model.allocations.values().flat_map(BTreeMap::values);
                let claims = self.model.claims.values().flat_map(BTreeMap::values);
                let edges: BTreeSet<_> = allocations
                    .map(|allocation| allocation.expiration)
                    .chain(claims.map(|claim| claim.term_start + claim.term_max))
                    .map(|epoch| epoch + more)
                    .filter(|epoch| *epoch >= now)
                    .collect();
                if let Some(epoch) = edges.iter().nth(place % edges.len().max(1)) {
                    self.model.now = *epoch;
                    self.rt.epoch(*epoch);
                }
            }
            Step::Balance(who, n) => drop(self.model.balances.insert(who, bytes(n))),
            Step::AddVerifier(by, address, allowance) => {
                let params = verifier(address, allowance);
                self.compare(by, 2, &params, |model| model.add_verifier(by, &params));
            }
            Step::RemoveVerifier(by, address) => {
                self.compare(by, 3, &address, |model| model.remove_verifier(by, &address));
            }
            Step::AddClient(by, address, allowance, code) => {
                let params = AddVerifiedClientParams {
                    address,
                    allowance: bytes(allowance),
                };
                self.compare(by, 4, &params, |model| model.add_client(by, &params, code));
            }
            Step::RemoveDatacap(by, [client, a, b], n, consents, code) => {
                let request = |verifier, byte| RemoveDataCapRequest {
                    verifier,
                    signature: Signature::new_bls(vec![byte; 3]),
                };
                let params = RemoveDataCapParams {
                    verified_client_to_remove: client,
                    data_cap_amount_to_remove: n.into(),
                    verifier_request_1: request(a, 1),
                    verifier_request_2: request(b, 2),
                };
                self.compare(by, 7, &params, |model| {
                    model.remove_datacap(by, &params, consents, code)
                });
            }
            Step::Receive(client, wishes, terms, more, wrong, code) => {
                self.receive(client, &wishes, &terms, more, wrong, code);
            }
            Step::Claim(by, sectors, all_or_nothing, code) => {
                let sectors =
                    (0..)
                        .zip(sectors)
                        .map(|(number, (lifetime, claims))| SectorAllocationClaims {
                            sector: number,
                            expiry: now + lifetime,
                            claims: claims
                                .into_iter()
                                .map(|(n, wrong)| self.piece(n, wrong))
                                .collect(),
                        });
                let params = ClaimAllocationsParams {
                    sectors: sectors.collect(),
                    all_or_nothing,
                };
                self.compare(by, 9, &params, |model| model.claim(by, &params, code));
            }
            Step::Extend(by, terms) => {
                let terms = terms
                    .into_iter()
                    .map(|(provider, claim_id, longer)| ClaimTerm {
                        provider,
                        claim_id,
                        term_max: self.term(provider, claim_id, longer),
                    });
                let terms: Vec<_> = terms.collect();
                let params = ExtendClaimTermsParams {
                    terms: terms.clone(),
                };
                self.compare(by, 11, &params, |model| model.extend_terms(by, &terms));
            }
            Step::RemoveAllocations(client, ids, code) => {
                let params = RemoveExpiredAllocationsParams {
                    client,
                    allocation_ids: ids.clone(),
                };
                self.compare(VERIFIER, 8, &params, |model| {
                    model.remove_allocations(client, &ids, code)
                });
            }
            Step::RemoveClaims(provider, ids) => {
                let params = RemoveExpiredClaimsParams {
                    provider,
                    claim_ids: ids.clone(),
                };
                self.compare(VERIFIER, 12, &params, |model| {
                    model.remove_claims(provider, &ids)
                });
            }
            Step::Get(provider, claim_ids) => {
                let params = GetClaimsParams {
                    provider,
                    claim_ids,
                };
                self.compare(VERIFIER, 10, &params, |model| model.get_claims(&params));
            }
        }
    }

    fn receive(
        &mut self,
        client: ActorID,
        wishes: &[Wish],
        terms: &[(ActorID, u64, Longer)],
        more: i64,
        wrong: u8,
        burn: Exit,
    ) {
        let wish =
            |(provider, byte, size, term_min, term_max, in_epochs): &Wish| AllocationRequest {
                provider: *provider,
                data: piece(*byte),
                size: MIB.saturating_add_signed(*size),
                term_min: *term_min,
                term_max: *term_max,
                expiration: self.model.now + in_epochs,
            };
        let longer = |(provider, claim, longer): &(ActorID, u64, Longer)| {
            extension(*provider, *claim, self.term(*provider, *claim, *longer))
        };
        let requests = AllocationRequests {
            allocations: wishes.iter().map(wish).collect(),
            extensions: terms.iter().map(longer).collect(),
        };
        let new: u64 = requests
            .allocations
            .iter()
            .map(|request| request.size)
            .sum();
        let old = |request: &ClaimExtensionRequest| {
            let of_provider = self.model.claims.get(&request.provider);
            of_provider
                .and_then(|c| c.get(&request.claim))
                .map_or(0, |claim| claim.size)
        };
        let old: u64 = requests.extensions.iter().map(old).sum();
        let paid = TokenAmount::from_whole(i128::from(new + old) + i128::from(more));
        let received = FRC46TokenReceived {
            from: client,
            to: if wrong == 1 { 7 } else { 6 },
            operator: 5,
            // Parts of a byte do not count.
            amount: paid + TokenAmount::from_atto(3),
            operator_data: RawBytes::serialize(&requests).unwrap(),
            token_data: RawBytes::default(),
        };
        let kind = if wrong == 2 { 7 } else { FRC46_TOKEN_TYPE };
        let params = UniversalReceiverParams {
            type_: kind,
            payload: RawBytes::serialize(&received).unwrap(),
        };
        let caller = if wrong == 3 { CLIENT } else { DATACAP_ACTOR_ID };
        self.compare(caller, RECEIVE, &params, |model| {
            model.receive(caller, kind, &received, &requests, burn)
        });
    }

    fn term(&self, provider: ActorID, number: u64, longer: Longer) -> ChainEpoch {
        let of_provider = self.model.claims.get(&provider);
        let claim = of_provider.and_then(|claims| claims.get(&number));
        let (old, start) = claim.map_or((TERM_MIN, NOW), |c| (c.term_max, c.term_start));
        match longer {
            Longer::Old(more) => old + more,
            Longer::Longest(more) => TERM_MAX + more,
            Longer::FromNow(more) => self.model.now + TERM_MAX - start + more,
        }
    }

    /// An allocation as its client made it, or something near it.
    fn piece(&self, number: u64, wrong: u8) -> AllocationClaim {
        let all = self.model.allocations.values().flatten();
        let (client, data, size) = all
            .filter(|(n, _)| **n == number)
            .map(|(_, a)| (a.client, a.data, a.size))
            .next()
            .unwrap_or((CLIENT, piece(1), MIB));
        AllocationClaim {
            client: if wrong == 1 { CLIENT_2 } else { client },
            allocation_id: number,
            data: if wrong == 2 { piece(9) } else { data },
            size: size + u64::from(wrong == 3),
        }
    }
}

/// Owners and numbers of what there is.
struct Named(Vec<(ActorID, u64)>);

impl Named {
    /// What is named by its place, or else what it is.
    fn find(&self, owner: ActorID, number: u64) -> (ActorID, u64) {
        let place = number.checked_sub(PICK).map(|place| place as usize);
        place
            .and_then(|place| self.0.get(place % self.0.len().max(1)))
            .copied()
            .unwrap_or((owner, number))
    }
}

fn numbers_in<T>(owned: &BTreeMap<ActorID, BTreeMap<u64, T>>) -> Vec<(ActorID, u64)> {
    let of_owner = |(owner, numbers): (&ActorID, &BTreeMap<u64, T>)| {
        let owner = *owner;
        numbers
            .keys()
            .map(move |number| (owner, *number))
            .collect::<Vec<_>>()
    };
    owned.iter().flat_map(of_owner).collect()
}

fn told(rt: &MockRuntime) -> Vec<Vec<(u64, String, Vec<u8>)>> {
    let entries = |event: &ActorEvent| {
        let entry = |entry: &Entry| {
            assert_eq!(entry.codec, CBOR);
            (entry.flags.bits(), entry.key.clone(), entry.value.clone())
        };
        event.entries.iter().map(entry).collect()
    };
    rt.events().iter().map(|e| entries(&e.event)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Source: spec 08 §A6.
    #[test]
    fn everything_is_as_the_sheet_says(steps in steps()) {
        let mut pair = Pair::new();
        for verifier in [VERIFIER, VERIFIER_2] {
            pair.run(Step::AddVerifier(ROOT, id(verifier), 20 * MIB));
        }
        for step in steps {
            pair.run(step);
        }
    }
}
