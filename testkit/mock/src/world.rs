//! What a mock world holds.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;

use boatyard_sdk::{EMPTY_STATE, NetworkVariant, Type};
use cid::Cid;
use cid::multihash::Multihash;
use fvm_ipld_blockstore::{Blockstore, MemoryBlockstore};
use fvm_ipld_encoding::IPLD_RAW;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ErrorNumber;
use fvm_shared::event::StampedEvent;
use fvm_shared::{ActorID, Response};
use multihash_codetable::{Code, MultihashDigest};

use crate::runtime::MockRuntime;
use crate::sends::{Expected, Request};
use crate::verify::{Check, VectorRules, Verifier};

/// Code CID of a built-in type in a mock world: the identity hash of
/// `fil/test/<name>`, as the recorded vectors have it (spec 00 appendix B).
pub fn code_cid(kind: Type) -> Cid {
    named_code_cid(kind.name())
}

pub(crate) fn named_code_cid(name: &str) -> Cid {
    let digest = Multihash::wrap(0, format!("fil/test/{name}").as_bytes())
        .expect("an actor's name fits into an identity hash");
    Cid::new_v1(IPLD_RAW, digest)
}

#[derive(Debug, Clone)]
pub(crate) struct ActorRecord {
    pub code: Cid,
    pub head: Cid,
    pub balance: TokenAmount,
    pub delegated: Option<Address>,
}

impl ActorRecord {
    pub fn of_code(code: Cid) -> Self {
        Self {
            code,
            head: EMPTY_STATE,
            balance: TokenAmount::default(),
            delegated: None,
        }
    }
}

/// What a failed call must leave as it was.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub actors: BTreeMap<ActorID, ActorRecord>,
    pub addresses: HashMap<Address, ActorID>,
    pub events: Vec<StampedEvent>,
}

/// What the test chose, until it chooses otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub receiver: ActorID,
    pub caller: ActorID,
    pub origin: Option<ActorID>,
    pub origin_address: Option<Address>,
    pub nonce: u64,
    pub gas_premium: TokenAmount,
    pub gas: u64,
    pub epoch: ChainEpoch,
    pub timestamp: u64,
    pub base_fee: TokenAmount,
    pub chain_id: u64,
    pub network_version: u32,
    pub variant: NetworkVariant,
    pub circulating_supply: TokenAmount,
    pub tickets: BTreeMap<ChainEpoch, [u8; 32]>,
    pub beacons: BTreeMap<ChainEpoch, [u8; 32]>,
    pub tipsets: BTreeMap<ChainEpoch, Cid>,
    /// Of the next call only.
    pub value: TokenAmount,
    /// Of the next call only.
    pub read_only: bool,
    /// Of the next upgrade only.
    pub upgrade_failure: Option<Result<Response, ErrorNumber>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            receiver: 1000,
            caller: boatyard_sdk::SYSTEM_ACTOR_ID,
            origin: None,
            origin_address: None,
            nonce: 0,
            gas_premium: TokenAmount::default(),
            gas: u64::from(u32::MAX),
            epoch: 0,
            timestamp: 0,
            base_fee: TokenAmount::default(),
            chain_id: 0,
            network_version: 28,
            variant: NetworkVariant::Mainnet,
            circulating_supply: TokenAmount::default(),
            tickets: BTreeMap::new(),
            beacons: BTreeMap::new(),
            tipsets: BTreeMap::new(),
            value: TokenAmount::default(),
            read_only: false,
            upgrade_failure: None,
        }
    }
}

/// What answers a send that no test wrote down.
pub(crate) type StandIn = dyn Fn(&MockRuntime, &Request<'_>) -> Result<Response, ErrorNumber>;

pub(crate) struct World {
    pub store: MemoryBlockstore,
    pub ledger: RefCell<Ledger>,
    pub settings: RefCell<Settings>,
    pub expected: RefCell<VecDeque<Expected>>,
    pub next_expectation: Cell<u64>,
    /// Answers sends when none is expected.
    pub stand_in: RefCell<Option<Rc<StandIn>>>,
    pub sends_made: Cell<usize>,
    /// Why the test fails, found while the actor was running.
    pub complaint: RefCell<Option<String>>,
    pub verifier: RefCell<Rc<dyn Verifier>>,
    pub checks: RefCell<Vec<Check>>,
    pub gas_charged: Cell<u64>,
    /// Explicit creations so far; a failed call does not take them back.
    pub actors_created: Cell<u64>,
}

impl World {
    pub fn new() -> Self {
        let store = MemoryBlockstore::new();
        let empty = store
            .put(
                Code::Blake2b256,
                &fvm_ipld_blockstore::Block::new(fvm_ipld_encoding::DAG_CBOR, [0x80]),
            )
            .expect("a memory block store takes every block");
        debug_assert_eq!(empty, EMPTY_STATE);
        let mut ledger = Ledger::default();
        for (id, kind) in [
            (0, Type::System),
            (1, Type::Init),
            (2, Type::Reward),
            (3, Type::Cron),
            (4, Type::Power),
            (5, Type::Market),
            (6, Type::VerifiedRegistry),
            (7, Type::DataCap),
            (10, Type::Eam),
            (99, Type::Account),
        ] {
            ledger
                .actors
                .insert(id, ActorRecord::of_code(code_cid(kind)));
        }
        Self {
            store,
            ledger: RefCell::new(ledger),
            settings: RefCell::default(),
            expected: RefCell::default(),
            next_expectation: Cell::new(0),
            stand_in: RefCell::default(),
            sends_made: Cell::new(0),
            complaint: RefCell::default(),
            verifier: RefCell::new(Rc::new(VectorRules)),
            checks: RefCell::default(),
            gas_charged: Cell::new(0),
            actors_created: Cell::new(0),
        }
    }

    /// Ends the actor and, after it, the test.
    pub fn complain(&self, complaint: String) -> ! {
        self.complaint.borrow_mut().get_or_insert(complaint);
        std::panic::resume_unwind(Box::new(Stopped))
    }

    pub fn hash(&self, code: Code, data: &[u8]) -> Vec<u8> {
        code.digest(data).digest().to_vec()
    }

    pub fn resolve(&self, address: &Address) -> Option<ActorID> {
        address
            .id()
            .ok()
            .or_else(|| self.ledger.borrow().addresses.get(address).copied())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let left = self.expected.get_mut();
        if !left.is_empty() && !std::thread::panicking() {
            panic!("no call came after these sends were expected:\n{}", {
                left.iter().map(|e| format!("  {e}\n")).collect::<String>()
            });
        }
    }
}

/// Payload of a panic with which the mock itself ends an actor.
pub(crate) struct Stopped;

/// Payload of a panic with which a successful upgrade ends the old code.
pub(crate) struct Upgraded;
