//! Whatever is done to the market: returns and exit codes, sends, events and the whole
//! state, down to entries of nothing, are those of the sheet written down once more.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use boatyard_actors_shared::ext::market::{
    BatchActivateDealsParams, OnMinerSectorsTerminateParams, PieceChange, SectorChanges,
};
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::Response;
use fvm_shared::error::ErrorNumber;
use proptest::prelude::*;

use super::*;

mod sheet;

type Exit = u32;
/// The return block's bytes, or the exit code.
type Done = Result<Option<Vec<u8>>, Exit>;
/// What a callee ends with.
type Answer = (Exit, Option<Vec<u8>>);
type Table = BTreeMap<ActorID, i64>;

/// From here on, deals are named by their place among those that are not activated.
const PICK: DealID = 1_000;
/// An ID without an actor.
const NOBODY: ActorID = 9_999;
const OK: Answer = (0, None);

fn returns(value: &(impl Serialize + ?Sized)) -> Answer {
    (0, Some(to_vec(value).unwrap()))
}

#[derive(Debug, Clone, PartialEq)]
struct Sent {
    to: Address,
    method: MethodNum,
    params: Option<Vec<u8>>,
    value: TokenAmount,
    read_only: bool,
}

/// Spec 07 §3 over plain maps, and what the current message does besides.
#[derive(Debug, Clone, Default)]
struct Model {
    now: ChainEpoch,
    proposals: BTreeMap<DealID, DealProposal>,
    states: BTreeMap<DealID, DealState>,
    pending: BTreeSet<Cid>,
    escrow: Table,
    locked: Table,
    next_id: DealID,
    ops: BTreeMap<ChainEpoch, BTreeSet<DealID>>,
    last_cron: ChainEpoch,
    /// Client collateral, provider collateral, storage fee.
    totals: [i64; 3],
    allocations: BTreeMap<DealID, u64>,
    sectors: BTreeMap<ActorID, BTreeMap<u64, BTreeSet<DealID>>>,
    /// Bytes that clients hold.
    datacap: Table,
    next_allocation: u64,
    sends: Vec<(Sent, Answer)>,
    events: Vec<(String, DealID)>,
}

impl Model {
    fn send(
        &mut self,
        to: Address,
        method: MethodNum,
        params: Option<Vec<u8>>,
        value: i64,
        answer: Answer,
    ) -> Result<(), Exit> {
        let code = answer.0;
        let sent = Sent {
            to,
            method,
            params,
            value: atto(value),
            read_only: false,
        };
        self.sends.push((sent, answer));
        if code == 0 { Ok(()) } else { Err(code) }
    }

    /// A question to a client.
    fn send_read_only(&mut self, to: Address, params: &AuthenticateMessageParams, answer: Answer) {
        let params = Some(to_vec(params).unwrap());
        let sent = Sent {
            to,
            method: AUTHENTICATE_MESSAGE,
            params,
            value: atto(0),
            read_only: true,
        };
        self.sends.push((sent, answer));
    }
}

fn reward() -> Answer {
    returns(&ThisEpochRewardReturn {
        this_epoch_reward_smoothed: FilterEstimate::default(),
        this_epoch_baseline_power: 0.into(),
    })
}

fn power() -> Answer {
    returns(&CurrentTotalPowerReturn {
        raw_byte_power: StoragePower::default(),
        quality_adj_power: StoragePower::default(),
        pledge_collateral: TokenAmount::default(),
        quality_adj_power_smoothed: FilterEstimate::default(),
        ramp_start_epoch: 0,
        ramp_duration_epochs: 0,
    })
}

fn robust(id: ActorID) -> Address {
    Address::new_actor(&id.to_be_bytes())
}

fn resolve(address: &Address) -> Option<ActorID> {
    address.id().ok().or_else(|| {
        let known = [CLIENT, CLIENT_2, PROVIDER, PROVIDER_2];
        known.into_iter().find(|id| robust(*id) == *address)
    })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Consent {
    Yes,
    No,
    Nothing,
    Fails,
    Nonsense,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum TransferAnswer {
    Honest,
    TooFew,
    Fails,
}

#[derive(Debug, Clone)]
struct Offer {
    proposal: DealProposal,
    consent: Consent,
    /// The client refuses to be told.
    refuses: bool,
}

#[derive(Debug, Clone)]
struct Terms {
    client: Address,
    provider: Address,
    price: i64,
    collaterals: (i64, i64),
    until_start: ChainEpoch,
    longer: ChainEpoch,
    verified: bool,
    piece_size: u64,
    label: usize,
    consent: Consent,
    refuses: bool,
    /// Offer the same as one before.
    again: bool,
}

/// Deals, and what is wrong with the pieces for them.
type Pieces = Vec<(DealID, u8)>;

#[derive(Debug, Clone)]
enum Step {
    Add(ActorID, i64),
    Withdraw(ActorID, i64, ActorID),
    Datacap(ActorID, i64),
    Publish(ActorID, Vec<Terms>, TransferAnswer),
    /// Sectors with their deals, and whether they last long.
    Activate(ActorID, Vec<(u64, bool, Vec<DealID>)>),
    /// The same by pieces, of which some are wrong.
    Change(ActorID, Vec<(u64, bool, Pieces)>),
    Settle(BTreeSet<DealID>),
    /// Sectors that ended so many epochs ago.
    Terminate(ActorID, ChainEpoch, BTreeSet<u64>),
    Tick,
    Wait(ChainEpoch),
    /// Until a deal starts, ends or is looked at, or the epoch before or after.
    Until(usize, ChainEpoch),
    /// As in states from long ago: deals that were paid so many epochs ago, have ended
    /// early so many epochs ago, and are looked at together in so many epochs.
    Legacy(
        Vec<DealID>,
        Option<ChainEpoch>,
        Option<ChainEpoch>,
        ChainEpoch,
    ),
}

fn often<T: Clone + std::fmt::Debug + 'static>(usual: T, rare: Vec<T>) -> impl Strategy<Value = T> {
    prop_oneof![20 => Just(usual), 1 => prop::sample::select(rare)]
}

prop_compose! {
    fn terms()(
        client in prop_oneof![
            16 => prop::sample::select(vec![id(CLIENT), id(CLIENT_2), robust(CLIENT)]),
            1 => prop::sample::select(vec![id(PROVIDER), id(NOBODY), robust(1)]),
        ],
        provider in prop_oneof![
            24 => Just(id(PROVIDER)),
            8 => Just(robust(PROVIDER)),
            2 => Just(id(PROVIDER_2)),
            1 => prop::sample::select(vec![robust(PROVIDER_2), id(CLIENT), id(NOBODY), robust(2)]),
        ],
        price in prop_oneof![30 => 0i64..4, 1 => Just(-1)],
        collaterals in (
            prop_oneof![30 => 0i64..3, 1 => Just(-1)],
            prop_oneof![30 => 0i64..3, 1 => Just(-1)],
        ),
        until_start in prop_oneof![
            1 => Just(-1),
            20 => 0i64..300,
            2 => 170_000i64..180_000,
        ],
        longer in prop_oneof![1 => Just(-1), 30 => 0i64..3, 2 => 3_162_239i64..3_162_242],
        verified in any::<bool>(),
        piece_size in often(KIB, vec![64, 128, 1_000, 1 << 63]),
        label in often(5, vec![256, 257]),
        consent in often(Consent::Yes, vec![
            Consent::No, Consent::Nothing, Consent::Fails, Consent::Nonsense,
        ]),
        refuses in often(false, vec![true]),
        again in often(false, vec![true]),
    ) -> Terms {
        Terms {
            client, provider, price, collaterals, until_start, longer, verified, piece_size,
            label, consent, refuses, again,
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let holder = || prop::sample::select(vec![CLIENT, CLIENT_2, PROVIDER, PROVIDER_2, NOBODY]);
    let caller = || prop::sample::select(vec![CLIENT, OWNER, WORKER, CONTROL, PROVIDER]);
    let miner = || {
        prop_oneof![
            24 => Just(PROVIDER),
            3 => Just(PROVIDER_2),
            1 => Just(CLIENT),
        ]
    };
    let deal = || {
        prop_oneof![
            60 => PICK..PICK + 9,
            20 => 0u64..9,
            1 => prop::sample::select(vec![u64::MAX, u64::MAX - 1]),
        ]
    };
    // A settlement's bitfield cannot have the largest number.
    let deals = || prop::collection::btree_set(0u64..12, 0..9);
    let sector = || 0u64..3;
    let lasts = || often(true, vec![false]);
    let ago = || prop_oneof![4 => Just(0i64), 1 => -3i64..3, 1 => -600_000i64..600_000];
    let step = prop_oneof![
        2 => (holder(), -1i64..4_000_000).prop_map(|(who, v)| Step::Add(who, v)),
        1 => (holder(), -1i64..5_000_000, caller()).prop_map(|(who, v, by)| Step::Withdraw(who, v, by)),
        1 => (prop::sample::select(vec![CLIENT, CLIENT_2]), 0i64..4)
            .prop_map(|(who, n)| Step::Datacap(who, n * KIB as i64)),
        5 => (
            often(WORKER, vec![CLIENT]),
            prop::collection::vec(terms(), 0..6),
            often(TransferAnswer::Honest, vec![TransferAnswer::TooFew, TransferAnswer::Fails]),
        ).prop_map(|(by, terms, answer)| Step::Publish(by, terms, answer)),
        4 => (
            miner(),
            prop::collection::vec((sector(), lasts(), prop::collection::vec(deal(), 0..4)), 0..4),
        ).prop_map(|(by, sectors)| Step::Activate(by, sectors)),
        4 => (
            miner(),
            prop::collection::vec(
                (sector(), lasts(), prop::collection::vec((deal(), often(0u8, vec![1, 2, 3, 4])), 0..4)),
                0..4,
            ),
        ).prop_map(|(by, sectors)| Step::Change(by, sectors)),
        3 => deals().prop_map(Step::Settle),
        2 => (miner(), ago(), prop::collection::btree_set(sector(), 0..3))
            .prop_map(|(by, ago, sectors)| Step::Terminate(by, ago, sectors)),
        3 => Just(Step::Tick),
        4 => prop_oneof![
            8 => 0i64..60,
            1 => 80_000i64..90_000,
            1 => 500_000i64..530_000,
        ].prop_map(Step::Wait),
        3 => (0usize..30, -1i64..2).prop_map(|(place, more)| Step::Until(place, more)),
        1 => (
            prop::collection::vec(0u64..9, 1..6),
            prop::option::of(-2i64..100),
            prop::option::weighted(0.2, -2i64..100),
            1i64..100,
        ).prop_map(|(ids, paid, ended, at)| Step::Legacy(ids, paid, ended, at)),
    ];
    prop::collection::vec(step, 1..60)
}

/// Answers to come, and sends made.
type Script = Rc<RefCell<(Vec<Answer>, Vec<Sent>)>>;

/// The market beside the model.
struct Pair {
    rt: MockRuntime,
    model: Model,
    script: Script,
    offered: Vec<DealProposal>,
}

impl Pair {
    fn new() -> Self {
        let script = Script::default();
        let shared = script.clone();
        let rt = market().answer_requests(move |_, request| {
            let (answers, made) = &mut *shared.borrow_mut();
            let answer = answers.get(made.len()).cloned();
            let params = request.params.as_ref();
            assert!(params.is_none_or(|block| block.codec == CBOR));
            made.push(Sent {
                to: *request.to,
                method: request.method,
                params: params.map(|block| block.data.clone()),
                value: request.value.clone(),
                read_only: request.read_only,
            });
            let (code, data) = answer.ok_or(ErrorNumber::IllegalArgument)?;
            Ok(Response {
                exit_code: ExitCode::new(code),
                return_data: data.map(|data| IpldBlock { codec: CBOR, data }),
            })
        });
        for known in [CLIENT, CLIENT_2, PROVIDER, PROVIDER_2] {
            rt.resolves(robust(known), known);
        }
        // Terms from long ago may break the sums; the escrow's own is not the subject.
        rt.balance(MARKET_ACTOR_ID, TokenAmount::from_whole(1_000));
        let model = Model {
            now: NOW,
            last_cron: -1,
            next_allocation: 1,
            ..Model::default()
        };
        Self {
            rt,
            model,
            script,
            offered: Vec::new(),
        }
    }

    fn proposal(&mut self, terms: &Terms) -> DealProposal {
        if terms.again
            && let Some(before) = self.offered.last()
        {
            return before.clone();
        }
        let start_epoch = self.model.now + terms.until_start;
        let proposal = DealProposal {
            piece_size: PaddedPieceSize(terms.piece_size),
            verified_deal: terms.verified,
            client: terms.client,
            provider: terms.provider,
            label: Label::Bytes(vec![b'x'; terms.label]),
            start_epoch,
            end_epoch: start_epoch + DURATION + terms.longer,
            storage_price_per_epoch: atto(terms.price),
            client_collateral: atto(terms.collaterals.0),
            provider_collateral: atto(terms.collaterals.1),
            ..proposal(7)
        };
        self.offered.push(proposal.clone());
        proposal
    }

    /// Sends a message to both.
    fn compare(
        &mut self,
        caller: ActorID,
        method: MethodNum,
        params: Option<Vec<u8>>,
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
        let block = params.map(|data| IpldBlock { codec: CBOR, data });
        let done = self.rt.caller(caller).call::<Market>(method, block);
        let done = match done {
            Ok(block) => Ok(block.map(|block| block.data)),
            Err(error) => Err(error.exit_code().value()),
        };
        assert_eq!(done, expected);
        assert_eq!(self.script.borrow().1, sends);
        if done.is_ok() {
            assert_eq!(events(&self.rt), self.model.events);
        }
        self.same_state();
    }

    fn same_state(&self) {
        let expected = self.model.state(self.rt.store());
        assert_eq!(self.rt.state::<State>(), expected, "{:#?}", self.model);
    }

    fn run(&mut self, step: Step) {
        let now = self.model.now;
        match step {
            Step::Wait(epochs) => {
                self.model.now += epochs;
                self.rt.epoch(self.model.now);
            }
            Step::Until(place, more) => {
                let deals = self.model.proposals.values();
                let edges: BTreeSet<_> = deals
                    .flat_map(|deal| [deal.start_epoch, deal.end_epoch])
                    .chain(self.model.ops.keys().copied())
                    .map(|epoch| epoch + more)
                    .filter(|epoch| *epoch >= now)
                    .collect();
                if let Some(epoch) = edges.iter().nth(place % edges.len().max(1)) {
                    self.model.now = *epoch;
                    self.rt.epoch(*epoch);
                }
            }
            Step::Datacap(who, bytes) => drop(self.model.datacap.insert(who, bytes)),
            Step::Add(who, v) => {
                self.rt.value(atto(v));
                let params = Some(to_vec(&id(who)).unwrap());
                self.compare(STRANGER, 2, params, |model| model.add_balance(who, v));
            }
            Step::Withdraw(who, v, caller) => {
                let params = WithdrawBalanceParams {
                    provider_or_client: id(who),
                    amount: atto(v),
                };
                let params = Some(to_vec(&params).unwrap());
                self.compare(caller, 3, params, |model| model.withdraw(who, v, caller));
            }
            Step::Publish(caller, terms, answer) => {
                let offers: Vec<_> = terms
                    .iter()
                    .map(|terms| Offer {
                        proposal: self.proposal(terms),
                        consent: terms.consent,
                        refuses: terms.refuses,
                    })
                    .collect();
                let proposals: Vec<_> = offers.iter().map(|o| o.proposal.clone()).collect();
                let params = Some(to_vec(&params(&proposals)).unwrap());
                self.compare(caller, 4, params, |model| {
                    model.publish(caller, &offers, answer)
                });
            }
            Step::Activate(caller, sectors) => {
                let sectors: Vec<_> = sectors
                    .into_iter()
                    .map(|(number, lasts, ids)| SectorDeals {
                        sector_expiry: self.expiry(lasts),
                        ..sector(
                            number,
                            &ids.iter().map(|id| self.pick(*id)).collect::<Vec<_>>(),
                        )
                    })
                    .collect();
                let params = BatchActivateDealsParams {
                    sectors: sectors.clone(),
                    compute_cid: false,
                };
                let params = Some(to_vec(&params).unwrap());
                self.compare(caller, 6, params, |model| model.activate(caller, &sectors));
            }
            Step::Change(caller, sectors) => {
                let sectors: Vec<_> = sectors
                    .into_iter()
                    .map(|(sector, lasts, pieces)| SectorChanges {
                        sector,
                        minimum_commitment_epoch: self.expiry(lasts),
                        added: pieces
                            .into_iter()
                            .map(|(id, wrong)| self.piece(self.pick(id), wrong))
                            .collect(),
                    })
                    .collect();
                let params = Some(to_vec(&sectors).unwrap());
                self.compare(caller, 2_034_386_435, params, |model| {
                    model.change(caller, &sectors)
                });
            }
            Step::Settle(ids) => {
                let bits = BitField::try_from_bits(ids.iter().copied()).unwrap();
                let params = Some(to_vec(&bits).unwrap());
                self.compare(STRANGER, 1_900_091_594, params, |model| model.settle(&ids));
            }
            Step::Terminate(caller, ago, sectors) => {
                let params = OnMinerSectorsTerminateParams {
                    epoch: now - ago,
                    sectors: BitField::try_from_bits(sectors.iter().copied()).unwrap(),
                };
                let params = Some(to_vec(&params).unwrap());
                self.compare(caller, 7, params, |model| {
                    model.terminate(caller, now - ago, &sectors)
                });
            }
            Step::Tick => self.compare(CRON_ACTOR_ID, 9, None, Model::tick),
            Step::Legacy(ids, paid, ended, at) => {
                for id in ids {
                    let Some(state) = self.model.states.get_mut(&id) else {
                        continue;
                    };
                    if let Some(paid) = paid {
                        state.last_updated_epoch = now - paid;
                    }
                    if let Some(ended) = ended {
                        state.slash_epoch = now - ended;
                    }
                    self.model.ops.entry(now + at).or_default().insert(id);
                }
                self.rt.set_state(&self.model.state(self.rt.store()));
            }
        }
        for id in (0..self.model.next_id + 1).chain([u64::MAX]) {
            let params = to_vec(&id).unwrap();
            for (method, expected) in [2_567_238_399, 2_611_213_344]
                .into_iter()
                .zip(self.model.ask(id))
            {
                let block = Some(IpldBlock {
                    codec: CBOR,
                    data: params.clone(),
                });
                let said = self
                    .rt
                    .caller(STRANGER)
                    .read_only()
                    .call::<Market>(method, block);
                let said = said.map(|block| block.map(|block| block.data));
                assert_eq!(said.map_err(|error| error.exit_code().value()), expected);
            }
        }
    }

    fn pick(&self, named: DealID) -> DealID {
        let waits = |id: &&DealID| !self.model.states.contains_key(id);
        let waiting: Vec<_> = self.model.proposals.keys().filter(waits).collect();
        match named.checked_sub(PICK) {
            Some(place) if place < PICK && !waiting.is_empty() => {
                *waiting[place as usize % waiting.len()]
            }
            _ => named,
        }
    }

    fn expiry(&self, lasts: bool) -> ChainEpoch {
        match lasts {
            true => ChainEpoch::MAX,
            false => self.model.now + DURATION,
        }
    }

    /// The piece of a deal, or something near it.
    fn piece(&self, id: DealID, wrong: u8) -> PieceChange {
        let deal = self
            .model
            .proposals
            .get(&id)
            .cloned()
            .unwrap_or(proposal(7));
        let mut payload = to_vec(&id).unwrap();
        match wrong {
            3 => payload.push(0),
            4 => payload = to_vec("7").unwrap(),
            _ => {}
        }
        PieceChange {
            data: if wrong == 1 { piece(8) } else { deal.piece_cid },
            size: PaddedPieceSize(deal.piece_size.0 << u32::from(wrong == 2)),
            payload: RawBytes::new(payload),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Source: spec 07 §6 and §7.
    #[test]
    fn everything_is_as_the_sheet_says(steps in steps()) {
        let mut pair = Pair::new();
        for who in [CLIENT, CLIENT_2, PROVIDER] {
            pair.run(Step::Add(who, 10_000_000));
            pair.run(Step::Datacap(who, 3 * KIB as i64));
        }
        for step in steps {
            pair.run(step);
        }
    }
}
