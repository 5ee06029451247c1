//! States broken on purpose, and what the checker says of them.

use boatyard_actors_shared::ext::datacap::tokens;
use boatyard_actors_shared::ext::verifreg::Claim;
use boatyard_actors_shared::*;
use boatyard_miner::schema::{VestingFund, VestingFunds};
use boatyard_mock::code_cid;
use boatyard_sdk::{EMPTY_STATE, NetworkVariant, Type};
use boatyard_verifreg::state::Allocation;
use boatyard_vm::state::StateTree;
use boatyard_vm::store::SharedStore;
use fvm_ipld_encoding::{CborStore, RawBytes};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::RegisteredPoStProof;
use fvm_shared::state::ActorState;
use multihash_codetable::Code;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Checker, Report, Surroundings, check};

const EPOCH: i64 = 100;
const ALICE: ActorID = 200;
const BOB: ActorID = 201;
const WALLET: ActorID = 202;
const CHANNEL: ActorID = 203;
const MINER: ActorID = 300;
const PROOF: RegisteredPoStProof = RegisteredPoStProof::StackedDRGWindow2KiBV1P1;

/// A small network in order, to be broken.
struct Network {
    store: SharedStore,
    tree: StateTree<SharedStore>,
    around: Surroundings,
}

fn key(id: ActorID) -> Address {
    Address::new_secp256k1(&[id as u8; 65]).unwrap()
}

fn f410(byte: u8) -> Address {
    Address::new_delegated(10, &[byte; 20]).unwrap()
}

fn fil(amount: u64) -> TokenAmount {
    TokenAmount::from_whole(amount)
}

impl Network {
    fn new() -> Self {
        let store = SharedStore::memory();
        let mut net = Self {
            tree: StateTree::new(store.clone()).unwrap(),
            around: Surroundings {
                supply: Some(fil(2_000_000_000)),
                ..Surroundings::after_epoch(EPOCH, NetworkVariant::Devnet)
            },
            store,
        };
        let manifest: Vec<_> = Type::ALL
            .into_iter()
            .map(|kind| (kind.name(), code_cid(kind)))
            .collect();
        let builtin_actors = net.store.put_cbor(&manifest, Code::Blake2b256).unwrap();
        net.set(0, Type::System, &boatyard_system::State { builtin_actors });
        let init = boatyard_init::State::new(&net.store, "test".into()).unwrap();
        net.set(1, Type::Init, &init);
        let mut reward = boatyard_reward::State::new(&0.into()).unwrap();
        reward.pass_epochs(EPOCH, &0.into()).unwrap();
        net.set(2, Type::Reward, &reward);
        net.pay(2, fil(1_999_999_000));
        let entry = |receiver, method_num| boatyard_cron::Entry {
            receiver,
            method_num,
        };
        let entries = vec![entry(POWER_ACTOR, 5), entry(MARKET_ACTOR, 9)];
        net.set(3, Type::Cron, &boatyard_cron::State { entries });
        let power = boatyard_power::State::new(&net.store).unwrap();
        net.set(4, Type::Power, &power);
        let market = boatyard_market::State::new(&net.store).unwrap();
        net.set(5, Type::Market, &market);
        let registry = boatyard_verifreg::State::new(&net.store, Address::new_id(WALLET)).unwrap();
        net.set(6, Type::VerifiedRegistry, &registry);
        let datacap = boatyard_datacap::State::new(&net.store, VERIFREG_ACTOR).unwrap();
        net.set(7, Type::DataCap, &datacap);
        let codes = boatyard_registry::State::new(&net.store).unwrap();
        net.set(8, Type::System, &codes);
        net.change(8, |actor| actor.code = EMPTY_STATE);
        net.stateless(10, Type::Eam, None);
        let burnt = boatyard_account::State {
            address: BURNT_FUNDS_ACTOR,
        };
        net.set(99, Type::Account, &burnt);
        for id in [ALICE, BOB] {
            net.set(
                id,
                Type::Account,
                &boatyard_account::State { address: key(id) },
            );
            net.map(key(id), id);
            net.pay(id, fil(300));
        }
        let signers = vec![Address::new_id(ALICE)];
        let wallet = boatyard_multisig::State::new(&net.store, signers, 1).unwrap();
        net.set(WALLET, Type::Multisig, &wallet);
        let [from, to] = [ALICE, BOB].map(Address::new_id);
        let channel = boatyard_paych::State::new(&net.store, from, to).unwrap();
        net.set(CHANNEL, Type::PaymentChannel, &channel);
        net.pay(CHANNEL, fil(400));
        // A channel that is gone leaves its address behind.
        net.map(Address::new_actor(b"gone"), 250);
        net.miner();
        net.stateless(204, Type::Placeholder, Some(f410(1)));
        net.stateless(205, Type::EthAccount, Some(f410(2)));
        net.map(f410(1), 204);
        net.map(f410(2), 205);
        net.state(1, |init: &mut boatyard_init::State| init.next_id = 1_000);
        net
    }

    fn set(&mut self, id: ActorID, kind: Type, state: &impl Serialize) {
        let head = self.store.put_cbor(state, Code::Blake2b256).unwrap();
        let record = ActorState::new(code_cid(kind), head, TokenAmount::default(), 0, None);
        self.tree.set_actor(id, record);
    }

    /// A miner without sectors, but with its claim and 5 FIL that vest.
    fn miner(&mut self) {
        let policy = Policy::of(NetworkVariant::Devnet);
        let [owner, worker] = [ALICE, BOB].map(Address::new_id);
        let info = boatyard_miner::schema::MinerInfo::new(
            owner,
            worker,
            Vec::new(),
            RawBytes::default(),
            Vec::new(),
            PROOF,
        )
        .unwrap();
        let info = self.store.put_cbor(&info, Code::Blake2b256).unwrap();
        let mut state = boatyard_miner::State::new(policy, &self.store, info, 0, 0).unwrap();
        state.locked_funds = fil(5);
        state.vesting_funds = Some(VestingFunds {
            head: VestingFund {
                epoch: 600,
                amount: fil(5),
            },
            tail: self
                .store
                .put_cbor(&Vec::<VestingFund>::new(), Code::Blake2b256)
                .unwrap(),
        });
        self.set(MINER, Type::Miner, &state);
        self.pay(2, -fil(5));
        self.pay(MINER, fil(5));
        let store = self.store.clone();
        self.power(|power| {
            let mut claims = power.claims.load(&store).unwrap();
            let claim = boatyard_power::Claim::new(PROOF);
            claims.set(&Address::new_id(MINER), claim).unwrap();
            power.claims = claims.flush().unwrap();
            power.miner_count = 1;
        });
    }

    fn power(&mut self, change: impl FnOnce(&mut boatyard_power::State)) {
        self.state(4, change);
    }

    fn claim(&mut self, change: impl FnOnce(&mut boatyard_power::Claim)) {
        let store = self.store.clone();
        self.power(|power| {
            let mut claims = power.claims.load(&store).unwrap();
            let miner = Address::new_id(MINER);
            let mut claim = claims.get(&miner).unwrap().unwrap().clone();
            change(&mut claim);
            power.total_bytes_committed = claim.raw_byte_power.clone();
            power.total_qa_bytes_committed = claim.quality_adj_power.clone();
            claims.set(&miner, claim).unwrap();
            power.claims = claims.flush().unwrap();
        });
    }

    fn stateless(&mut self, id: ActorID, kind: Type, delegated: Option<Address>) {
        let code = code_cid(kind);
        let record = ActorState::new(code, EMPTY_STATE, TokenAmount::default(), 0, delegated);
        self.tree.set_actor(id, record);
    }

    fn change(&mut self, id: ActorID, change: impl FnOnce(&mut ActorState)) {
        let mut record = self.tree.actor(id).unwrap().unwrap();
        change(&mut record);
        self.tree.set_actor(id, record);
    }

    fn pay(&mut self, id: ActorID, amount: TokenAmount) {
        self.change(id, |actor| actor.balance += amount);
    }

    fn state<T: Serialize + DeserializeOwned>(&mut self, id: ActorID, change: impl FnOnce(&mut T)) {
        let head = self.tree.actor(id).unwrap().unwrap().state;
        let mut state: T = self.store.get_cbor(&head).unwrap().unwrap();
        change(&mut state);
        let head = self.store.put_cbor(&state, Code::Blake2b256).unwrap();
        self.change(id, |actor| actor.state = head);
    }

    fn map(&mut self, address: Address, id: ActorID) {
        let store = self.store.clone();
        self.state(1, |init: &mut boatyard_init::State| {
            let mut map = init.address_map.load(store).unwrap();
            map.set(&address, id).unwrap();
            init.address_map = map.flush().unwrap();
        });
    }

    fn unmap(&mut self, address: Address) {
        let store = self.store.clone();
        self.state(1, |init: &mut boatyard_init::State| {
            let mut map = init.address_map.load(store).unwrap();
            map.remove(&address).unwrap();
            init.address_map = map.flush().unwrap();
        });
    }

    fn mint(&mut self, owner: ActorID, bytes: u64) {
        let store = self.store.clone();
        self.state(7, |state: &mut boatyard_datacap::State| {
            let amount = tokens(&BigInt::from(bytes));
            state.token.set_balance(&store, owner, &amount).unwrap();
            state.token.supply += amount;
        });
    }

    fn allocate(&mut self, size: u64) {
        let store = self.store.clone();
        self.state(6, |state: &mut boatyard_verifreg::State| {
            let allocation = Allocation {
                client: ALICE,
                provider: MINER,
                data: EMPTY_STATE,
                size,
                term_min: 518_400,
                term_max: 518_400,
                expiration: EPOCH,
            };
            let id = state.next_allocation_id;
            let mut maps = state.load_allocations(&store).unwrap();
            maps.set(&ALICE, &id, allocation).unwrap();
            state.allocations = maps.flush().unwrap();
            state.next_allocation_id += 1;
        });
    }

    fn report(&mut self) -> Report {
        let root = self.tree.flush().unwrap();
        check(&self.store, &root, &self.around)
    }

    fn violations(&mut self) -> Vec<String> {
        let report = self.report();
        report.violations.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn a_network_in_order_violates_nothing_and_is_summed_up() {
    let mut net = Network::new();
    net.mint(VERIFREG_ACTOR_ID, 512);
    net.mint(ALICE, 1_000);
    net.allocate(512);
    assert_eq!(net.violations(), [""; 0]);
    let report = net.report();
    assert!(report.holds());
    assert_eq!(report.actors["account"], 3);
    assert_eq!(report.actors["registry"], 1);
    let total = |name: &str| {
        let mut totals = report.totals.iter();
        totals
            .find(|total| total.name == name)
            .unwrap()
            .value
            .clone()
    };
    assert_eq!(total("all balances"), fil(2_000_000_000).atto().to_string());
    assert_eq!(total("datacap"), "1512");
    assert_eq!(total("datacap allocated"), "512");
}

type Break = fn(&mut Network);

#[test]
fn every_break_is_named() {
    let breaks: [(&str, Break); 33] = [
        (
            "f04 (storagepower): f0300 has an active power of 0 and 0",
            |net| {
                net.claim(|claim| {
                    claim.raw_byte_power += 2_000;
                    claim.quality_adj_power += 2_000;
                });
            },
        ),
        ("f04 (storagepower): f0300 proves with", |net| {
            net.claim(|claim| {
                claim.window_post_proof_type = RegisteredPoStProof::StackedDRGWindow8MiBV1P1;
            });
        }),
        ("f04 (storagepower): miner f0300 has no claim", |net| {
            let empty = boatyard_power::State::new(&net.store).unwrap().claims;
            net.power(|power| power.claims = empty);
        }),
        (
            "f04 (storagepower): f0300 has a claim but is no miner",
            |net| {
                net.tree.delete_actor(MINER);
            },
        ),
        (
            "f04 (storagepower): f0300 waits for 0 deadlines while it is active",
            |net| {
                net.state(MINER, |miner: &mut boatyard_miner::State| {
                    miner.deadline_cron_active = true;
                });
            },
        ),
        (
            "f04 (storagepower): 5.1 FIL are counted as pledge, miners have 5.0",
            |net| {
                net.power(|power| {
                    power.total_pledge_collateral = fil(5) + TokenAmount::from_nano(100_000_000);
                });
            },
        ),
        ("f0300 (storageminer): ", |net| {
            net.state(MINER, |miner: &mut boatyard_miner::State| {
                miner.locked_funds = fil(4);
            });
        }),
        (
            "f05 (storagemarket): 7.0 is in escrow, but there is 0.0",
            |net| {
                let store = net.store.clone();
                net.state(5, |market: &mut boatyard_market::State| {
                    let mut escrow = market.escrow_table.load(&store).unwrap();
                    escrow.set(&Address::new_id(ALICE), fil(7)).unwrap();
                    market.escrow_table = escrow.flush().unwrap();
                });
            },
        ),
        (
            "f06 (verifiedregistry): claim 1 is that of f0200, which is no miner",
            |net| {
                let store = net.store.clone();
                net.state(6, |state: &mut boatyard_verifreg::State| {
                    let claim = Claim {
                        provider: ALICE,
                        client: BOB,
                        data: EMPTY_STATE,
                        size: 512,
                        term_min: 518_400,
                        term_max: 518_400,
                        term_start: 1,
                        sector: 1,
                    };
                    let mut claims = state.load_claims(&store).unwrap();
                    claims.set(&ALICE, &1, claim).unwrap();
                    state.claims = claims.flush().unwrap();
                    state.next_allocation_id = 2;
                });
            },
        ),
        ("f03 (cron): entry 0 is a mere transfer", |net| {
            net.state(3, |cron: &mut boatyard_cron::State| {
                cron.entries[0].method_num = 0;
            });
        }),
        ("f03 (cron): it calls f0777, who does not exist", |net| {
            net.state(3, |cron: &mut boatyard_cron::State| {
                cron.entries[0].receiver = Address::new_id(777);
            });
        }),
        ("f03 (cron): it calls f05 too early", |net| {
            net.state(3, |cron: &mut boatyard_cron::State| cron.entries.reverse());
        }),
        ("f03 (cron): it does not call method 9 of f05", |net| {
            net.state(3, |cron: &mut boatyard_cron::State| {
                cron.entries.truncate(1);
            });
        }),
        ("f02 (reward): the reward is that of epoch 7", |net| {
            net.state(2, |reward: &mut boatyard_reward::State| reward.epoch = 7);
        }),
        ("f02 (reward): the check broke down: attempt to", |net| {
            net.state(2, |reward: &mut boatyard_reward::State| {
                reward.epoch = i64::MAX
            });
        }),
        ("the balances of all actors are 2000000001.0 FIL", |net| {
            net.pay(ALICE, fil(1));
        }),
        ("f0200 (account): its balance is -1.0 FIL", |net| {
            net.pay(ALICE, -fil(301));
            net.pay(BOB, fil(301));
        }),
        ("f0200 (account): its address f1", |net| {
            net.unmap(key(ALICE));
        }),
        ("f0200 (account): its address f1", |net| {
            net.map(key(ALICE), BOB);
        }),
        ("which is no account of this key", |net| {
            net.map(key(7), 777);
        }),
        ("f0204 (placeholder): its address f410f", |net| {
            net.unmap(f410(1));
        }),
        ("is mapped to f0205, which has another address", |net| {
            net.map(f410(3), 205);
        }),
        ("f0203 (paymentchannel): the next ID is 203", |net| {
            net.state(1, |init: &mut boatyard_init::State| init.next_id = 203);
        }),
        ("has the ID 250, the next one is 206", |net| {
            net.state(1, |init: &mut boatyard_init::State| init.next_id = 206);
        }),
        ("f0205 (ethaccount): it has no delegated address", |net| {
            net.change(205, |actor| actor.delegated_address = None);
        }),
        ("f010 (eam): the head is", |net| {
            net.change(10, |actor| actor.state = code_cid(Type::Evm));
        }),
        ("f0200 (user): its code bafkq", |net| {
            net.change(ALICE, |actor| {
                // An identity CID of another text.
                actor.code = "bafkqabdumvzxi".parse().unwrap();
            });
        }),
        ("f0202 (multisig): the state cannot be read: block", |net| {
            let lost = SharedStore::memory().put_cbor(&"lost", Code::Blake2b256);
            net.change(WALLET, |actor| actor.state = lost.unwrap());
        }),
        (
            "f0203 (paymentchannel): 401.0 are owed out of 400.0",
            |net| {
                net.state(CHANNEL, |state: &mut boatyard_paych::State| {
                    state.to_send = fil(401);
                });
            },
        ),
        ("f06 (verifiedregistry): 512 bytes are allocated", |net| {
            net.allocate(512);
        }),
        (
            "f06 (verifiedregistry): its root key f0999 is that of nobody",
            |net| {
                net.state(6, |state: &mut boatyard_verifreg::State| {
                    state.root_key = Address::new_id(999);
                });
            },
        ),
        (
            "f07 (datacap): its governor is f05, not the registry",
            |net| {
                net.state(7, |state: &mut boatyard_datacap::State| {
                    state.governor = MARKET_ACTOR;
                });
            },
        ),
        ("f07 (datacap): ", |net| {
            net.state(7, |state: &mut boatyard_datacap::State| {
                state.token.supply = fil(1);
            });
        }),
    ];
    for (sentence, change) in breaks {
        let mut net = Network::new();
        change(&mut net);
        let found = net.violations();
        assert!(
            found.iter().any(|text| text.contains(sentence)),
            "{sentence}: {found:?}"
        );
    }
}

#[test]
fn code_of_users_is_known_once_it_is_installed() {
    let mut net = Network::new();
    let module = b"a module";
    let code = boatyard_registry::module::code_cid(module);
    net.change(ALICE, |actor| actor.code = code);
    net.unmap(key(ALICE));
    assert_eq!(net.violations().len(), 1, "{:?}", net.violations());

    fvm_ipld_blockstore::Blockstore::put_keyed(&net.store, &code, module).unwrap();
    let store = net.store.clone();
    net.state(8, |state: &mut boatyard_registry::State| {
        let mut installed = state.installed.load(store).unwrap();
        let entry = boatyard_registry::state::Installed {
            installer: BOB,
            size: module.len() as u64,
            epoch: 1,
            code,
        };
        installed.set(&code, entry).unwrap();
        state.installed = installed.flush().unwrap();
    });
    assert_eq!(net.violations(), [""; 0]);
}

#[test]
fn a_root_that_cannot_be_read_is_a_violation_and_no_error() {
    let mut net = Network::new();
    let root = net.store.put_cbor(&"no state", Code::Blake2b256).unwrap();
    let report = check(&net.store, &root, &net.around);
    assert_eq!(report.violations.len(), 1);
    assert!(report.violations[0].actor.is_none());

    // Without a manifest nobody is known, unless one is given.
    net.change(0, |actor| actor.state = EMPTY_STATE);
    assert!(net.report().actors.contains_key("user"));
    let entries = Type::ALL.map(|kind| (kind.name(), code_cid(kind)));
    net.around.manifest = boatyard_vm::state::Manifest::new(entries);
    assert!(!net.report().actors.contains_key("user"));
}

/// What is remembered must never be older than what is there.
#[test]
fn looking_again_finds_what_looking_once_finds() {
    let mut net = Network::new();
    let mut checker = Checker::default();
    let steps: [Break; 6] = [
        |_| {},
        |net| net.pay(CHANNEL, -fil(400)),
        |net| {
            net.state(CHANNEL, |state: &mut boatyard_paych::State| {
                state.to_send = fil(1);
            });
        },
        |net| net.around.last_tick = Some(7),
        |net| net.tree.delete_actor(CHANNEL),
        |net| net.around.epoch = 1,
    ];
    for change in steps {
        change(&mut net);
        let once = net.report();
        let root = net.tree.flush().unwrap();
        assert_eq!(checker.check(&net.store, &root, &net.around), once);
    }
}

#[test]
fn a_report_travels_as_json() {
    let mut net = Network::new();
    net.pay(ALICE, fil(1));
    let report = net.report();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["violations"][0]["across"], true);
    assert_eq!(json["totals"][0]["unit"], "attoFIL");
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
}
