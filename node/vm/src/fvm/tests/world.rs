//! A state with just enough in it, and a language of tiny actors.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::{CborStore, RawBytes};
use fvm_ipld_hamt::Hamt;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};
use fvm_shared::state::ActorState;
use fvm_shared::version::NetworkVersion;
use fvm_shared::{ActorID, EMPTY_ARR_CID, HAMT_BIT_WIDTH, METHOD_SEND, MethodNum};
use multihash_codetable::{Code, MultihashDigest};

use crate::context::{ChainView, Context, LookupError, ProofVerifier, Tracing, VerifyError};
use crate::engine::{Engine, MachineKind};
use crate::machine::{Applied, Machine, Mode};
use crate::state::{
    BURNT_FUNDS_ACTOR, EAM_ACTOR, INIT_ACTOR, InitState, REWARD_ACTOR, SYSTEM_ACTOR, StateTree,
};
use crate::store::SharedStore;

/// The account that pays for everything.
pub(crate) const ALICE: ActorID = 100;
/// Where the first actor of a test sits.
pub(crate) const ONE: ActorID = 1001;
/// Where the second one sits.
pub(crate) const TWO: ActorID = 1002;

pub(crate) const EXPLICIT: Mode = Mode::Explicit { chain_length: 200 };

/// Engines reserve a lot of address space: one for all tests.
pub(crate) fn engine() -> Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(Engine::default).clone()
}

pub(crate) fn key_address(n: u8) -> Address {
    Address::new_secp256k1(&[n; 65]).expect("65 bytes are a public key")
}

pub(crate) fn f410(n: u8) -> Address {
    Address::new_delegated(EAM_ACTOR, &[n; 20]).expect("20 bytes fit")
}

pub(crate) fn atto(amount: i64) -> TokenAmount {
    TokenAmount::from_atto(amount)
}

pub(crate) fn cid_of(codec: u64, block: &[u8]) -> Cid {
    Cid::new_v1(codec, Code::Blake2b256.digest(block))
}

/// The types of built-in actors there are, each with a stand-in that succeeds at
/// everything.
const TYPES: [&str; 8] = [
    "system",
    "init",
    "cron",
    "account",
    "reward",
    "placeholder",
    "eam",
    "ethaccount",
];

/// A state that is being set up, and the context of its machines.
pub(crate) struct World {
    pub(crate) store: SharedStore,
    pub(crate) context: Context,
    pub(crate) engine: Engine,
    tree: StateTree<SharedStore>,
    codes: BTreeMap<&'static str, Cid>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_types(|name| actor(&format!("(drop (i32.const {}))", name.len())))
    }

    /// A world whose built-in actors are the given modules.
    pub(crate) fn with_types(module: impl Fn(&str) -> Vec<u8>) -> Self {
        let store = SharedStore::memory();
        let mut tree = StateTree::new(store.clone()).unwrap();
        let mut codes = BTreeMap::new();
        for name in TYPES {
            // Types need codes of their own even where the stand-in is the same.
            let mut wasm = module(name);
            append_custom_section(&mut wasm, name);
            codes.insert(name, put_code(&store, &wasm));
        }
        let list: Vec<(&str, Cid)> = TYPES.iter().map(|name| (*name, codes[name])).collect();
        let list = store.put_cbor(&list, Code::Blake2b256).unwrap();
        let system = store.put_cbor(&(list,), Code::Blake2b256).unwrap();
        let mut map = Hamt::<_, ActorID>::new_with_bit_width(&store, HAMT_BIT_WIDTH);
        map.set(key_address(100).to_bytes().into(), ALICE).unwrap();
        let address_map = map.flush().unwrap();
        let init = InitState {
            address_map,
            next_id: 1100,
            network_name: "test".into(),
        };
        let init = init.save(&store).unwrap();
        store
            .put(
                Code::Blake2b256,
                &fvm_ipld_blockstore::Block::new(0x71, vec![0x80]),
            )
            .unwrap();
        let mut put = |id, name: &str, head, balance| {
            tree.set_actor(id, ActorState::new(codes[name], head, balance, 0, None));
        };
        put(SYSTEM_ACTOR, "system", system, TokenAmount::default());
        put(INIT_ACTOR, "init", init, TokenAmount::default());
        put(
            REWARD_ACTOR,
            "reward",
            EMPTY_ARR_CID,
            TokenAmount::from_whole(1000),
        );
        put(
            BURNT_FUNDS_ACTOR,
            "account",
            EMPTY_ARR_CID,
            TokenAmount::default(),
        );
        put(
            ALICE,
            "account",
            EMPTY_ARR_CID,
            TokenAmount::from_whole(1000),
        );
        Self {
            store,
            context: context(),
            engine: engine(),
            tree,
            codes,
        }
    }

    /// Puts a user's actor into the world.
    pub(crate) fn with_actor(mut self, id: ActorID, wasm: &[u8]) -> Self {
        let code = put_code(&self.store, wasm);
        let state = ActorState::new(code, EMPTY_ARR_CID, TokenAmount::default(), 0, None);
        self.tree.set_actor(id, state);
        self
    }

    pub(crate) fn with_balance(mut self, id: ActorID, balance: TokenAmount) -> Self {
        self.tree
            .modify(id, |actor| {
                actor.balance = balance;
                Ok(())
            })
            .unwrap();
        self
    }

    pub(crate) fn with_head(mut self, id: ActorID, head: Cid) -> Self {
        self.tree
            .modify(id, |actor| {
                actor.state = head;
                Ok(())
            })
            .unwrap();
        self
    }

    pub(crate) fn with_context(mut self, change: impl FnOnce(&mut Context)) -> Self {
        change(&mut self.context);
        self
    }

    pub(crate) fn traced(self, tracing: Tracing) -> Self {
        self.with_context(|context| context.tracing = tracing)
    }

    pub(crate) fn code(&self, name: &str) -> Cid {
        self.codes[name]
    }

    pub(crate) fn root(&mut self) -> Cid {
        self.tree.flush().unwrap()
    }

    pub(crate) fn open(&mut self) -> Box<dyn Machine> {
        let root = self.root();
        self.open_on(root)
    }

    pub(crate) fn open_on(&self, root: Cid) -> Box<dyn Machine> {
        self.engine
            .open(
                MachineKind::Fvm,
                self.store.clone(),
                root,
                self.context.clone(),
            )
            .unwrap()
    }

    /// Opens a machine and calls method 2 of [`ONE`] as Alice, unchecked.
    pub(crate) fn call(&mut self) -> Applied {
        self.open().apply(&to(ONE), Mode::Unchecked).unwrap()
    }
}

pub(crate) fn put_code(store: &SharedStore, wasm: &[u8]) -> Cid {
    let code = cid_of(0x55, wasm);
    store.put_keyed(&code, wasm).unwrap();
    code
}

fn append_custom_section(wasm: &mut Vec<u8>, name: &str) {
    wasm.extend([0, name.len() as u8 + 1, name.len() as u8]);
    wasm.extend(name.as_bytes());
}

/// A message from Alice to an actor's method 2.
pub(crate) fn to(id: ActorID) -> Message {
    message(Address::new_id(id), 2)
}

pub(crate) fn message(to: Address, method: MethodNum) -> Message {
    Message {
        version: 0,
        from: Address::new_id(ALICE),
        to,
        sequence: 0,
        value: TokenAmount::default(),
        method_num: method,
        params: RawBytes::default(),
        gas_limit: 10_000_000_000,
        gas_fee_cap: atto(100),
        gas_premium: atto(3),
    }
}

pub(crate) fn transfer(to: Address, amount: TokenAmount) -> Message {
    Message {
        value: amount,
        ..message(to, METHOD_SEND)
    }
}

pub(crate) fn context() -> Context {
    Context {
        epoch: 50,
        timestamp: 1_700_000_000,
        base_fee: atto(10),
        circulating_supply: TokenAmount::from_whole(2_000),
        chain_id: 31_415_926,
        network_version: NetworkVersion::V28,
        chain: Arc::new(Chain),
        verifier: Arc::new(Verifier::default()),
        substitutions: None,
        tracing: Tracing::Off,
        interceptor: None,
    }
}

/// A chain that knows epochs from 40 on.
struct Chain;

impl Chain {
    fn known<T>(epoch: ChainEpoch, answer: T) -> Result<T, LookupError> {
        if epoch < 40 {
            return Err(LookupError {
                epoch,
                reason: "before this chain began",
            });
        }
        Ok(answer)
    }
}

impl ChainView for Chain {
    fn ticket_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], LookupError> {
        Self::known(epoch, [epoch as u8; 32])
    }

    fn beacon_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], LookupError> {
        Self::known(epoch, [epoch as u8 + 100; 32])
    }

    fn tipset_cid(&self, epoch: ChainEpoch) -> Result<Cid, LookupError> {
        Self::known(epoch, cid_of(0x71, &epoch.to_be_bytes()))
    }
}

/// Gives one verdict to everything.
#[derive(Default)]
pub(crate) struct Verifier {
    pub(crate) error: Option<VerifyError>,
    pub(crate) panics: bool,
    pub(crate) valid: bool,
}

impl Verifier {
    fn verdict(&self) -> Result<bool, VerifyError> {
        assert!(!self.panics, "told to panic");
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(self.valid),
        }
    }
}

impl ProofVerifier for Verifier {
    fn verify_post(&self, _: &WindowPoStVerifyInfo) -> Result<bool, VerifyError> {
        self.verdict()
    }

    fn batch_verify_seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>, VerifyError> {
        seals.iter().map(|_| self.verdict()).collect()
    }

    fn verify_aggregate_seals(
        &self,
        _: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, VerifyError> {
        self.verdict()
    }

    fn verify_replica_update(&self, _: &ReplicaUpdateInfo) -> Result<bool, VerifyError> {
        self.verdict()
    }

    fn unsealed_sector_cid(
        &self,
        _: RegisteredSealProof,
        pieces: &[PieceInfo],
    ) -> Result<Cid, VerifyError> {
        self.verdict()?;
        Ok(pieces.first().map_or(EMPTY_ARR_CID, |piece| piece.cid))
    }

    fn verify_consensus_fault(
        &self,
        header_1: &[u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<Option<ConsensusFault>, VerifyError> {
        Ok(self.verdict()?.then(|| ConsensusFault {
            target: Address::new_id(u64::from(header_1.first().copied().unwrap_or(0))),
            epoch: 7,
            fault_type: fvm_shared::consensus::ConsensusFaultType::TimeOffsetMining,
        }))
    }
}

/// An actor whose `invoke` is `body`, which may end with an i32 (the ID of the
/// returned block) on the stack; without one it returns nothing.
///
/// Memory below 1024 belongs to the helpers:
///
/// | helper | does |
/// |---|---|
/// | `$method` | gives the method number |
/// | `$fail code` | exits with "it failed" |
/// | `$check errno` | exits with 100 + errno unless that is 0 |
/// | `$block ptr len` | makes a CBOR block, gives its ID |
/// | `$number n` | makes a CBOR block of a 4-byte number (`1a`) |
/// | `$number_in block` | gives the number in such a block |
/// | `$save ptr len` | stores a DAG-CBOR block as state, gives set_root's errno |
/// | `$call addr len method value flags limit` | sends without params, gives errno; exit code at 192, return ID at 196 |
/// | `$emit` | emits an event of one entry `k` = `01`, gives errno |
pub(crate) fn actor(body: &str) -> Vec<u8> {
    actor_with(&[], body)
}

/// The same with bytes in memory, at addresses of the test's choice from 1024 on.
pub(crate) fn actor_with(data: &[(u32, &[u8])], body: &str) -> Vec<u8> {
    module(
        data,
        &format!("(func (export \"invoke\") {ENTRY} {body} {EXIT})"),
    )
}

/// Head of an entry point that is written out.
pub(crate) const ENTRY: &str = "(param $params i32) (result i32) (local $n i32) (local $m i32)";
/// What ends an entry point if the body has not returned.
pub(crate) const EXIT: &str = "(i32.const 0)";

/// A module with all helpers and the functions given.
pub(crate) fn module(data: &[(u32, &[u8])], functions: &str) -> Vec<u8> {
    let data: String = data
        .iter()
        .map(|(at, bytes)| format!("(data (i32.const {at}) \"{}\")", hex(bytes)))
        .collect();
    let text = format!("(module {HELPERS} {data} {functions})");
    match wat::parse_str(&text) {
        Ok(wasm) => wasm,
        Err(error) => panic!("{error}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

const HELPERS: &str = r#"
(import "vm" "exit" (func $exit (param i32 i32 i32 i32) (result i32)))
(import "vm" "message_context" (func $message_context (param i32) (result i32)))
(import "send" "send"
  (func $send (param i32 i32 i32 i64 i32 i64 i64 i64 i64) (result i32)))
(import "ipld" "block_create" (func $block_create (param i32 i64 i32 i32) (result i32)))
(import "ipld" "block_link" (func $block_link (param i32 i32 i64 i32 i32 i32) (result i32)))
(import "ipld" "block_read" (func $block_read (param i32 i32 i32 i32 i32) (result i32)))
(import "ipld" "block_open" (func $block_open (param i32 i32) (result i32)))
(import "self" "root" (func $root (param i32 i32 i32) (result i32)))
(import "self" "set_root" (func $set_root (param i32) (result i32)))
(import "event" "emit_event" (func $emit_event (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "debug" "log" (func $log (param i32 i32) (result i32)))
(import "gas" "available" (func $available (param i32) (result i32)))
(import "crypto" "hash" (func $hash (param i32 i64 i32 i32 i32 i32) (result i32)))
(import "crypto" "verify_signature"
  (func $verify_signature (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "crypto" "verify_post" (func $verify_post (param i32 i32 i32) (result i32)))
(import "crypto" "compute_unsealed_sector_cid"
  (func $unsealed (param i32 i64 i32 i32 i32 i32) (result i32)))
(import "crypto" "verify_consensus_fault"
  (func $consensus_fault (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "crypto" "batch_verify_seals" (func $batch (param i32 i32 i32) (result i32)))
(import "rand" "get_chain_randomness" (func $ticket (param i32 i64) (result i32)))
(import "rand" "get_beacon_randomness" (func $beacon (param i32 i64) (result i32)))
(import "network" "total_fil_circ_supply" (func $supply (param i32) (result i32)))
(import "network" "tipset_cid" (func $tipset_cid (param i32 i64 i32 i32) (result i32)))
(import "actor" "upgrade_actor" (func $upgrade_actor (param i32 i32 i32) (result i32)))
(import "actor" "create_actor" (func $create_actor (param i64 i32 i32 i32) (result i32)))
(memory (export "memory") 1)
(data (i32.const 256) "it failed")
(data (i32.const 272) "\03\00\00\00\00\00\00\00\55\00\00\00\00\00\00\00\01\00\00\00\01\00\00\00k\01")
(func $method (result i64)
  (drop (call $message_context (i32.const 0)))
  (i64.load (i32.const 32)))
(func $fail (param $code i32)
  (drop (call $exit (local.get $code) (i32.const 0) (i32.const 256) (i32.const 9))))
(func $check (param $errno i32)
  (if (local.get $errno)
    (then (call $fail (i32.add (i32.const 100) (local.get $errno))))))
(func $block (param $ptr i32) (param $len i32) (result i32)
  (call $check (call $block_create (i32.const 128) (i64.const 0x51) (local.get $ptr) (local.get $len)))
  (i32.load (i32.const 128)))
(func $number (param $n i32) (result i32)
  (i32.store8 (i32.const 136) (i32.const 0x1a))
  (i32.store8 (i32.const 137) (i32.shr_u (local.get $n) (i32.const 24)))
  (i32.store8 (i32.const 138) (i32.shr_u (local.get $n) (i32.const 16)))
  (i32.store8 (i32.const 139) (i32.shr_u (local.get $n) (i32.const 8)))
  (i32.store8 (i32.const 140) (local.get $n))
  (call $block (i32.const 136) (i32.const 5)))
(func $number_in (param $block i32) (result i32)
  (call $check (call $block_read (i32.const 400) (local.get $block) (i32.const 0)
    (i32.const 404) (i32.const 5)))
  (i32.or
    (i32.or
      (i32.shl (i32.load8_u (i32.const 405)) (i32.const 24))
      (i32.shl (i32.load8_u (i32.const 406)) (i32.const 16)))
    (i32.or
      (i32.shl (i32.load8_u (i32.const 407)) (i32.const 8))
      (i32.load8_u (i32.const 408)))))
(func $save (param $ptr i32) (param $len i32) (result i32)
  (call $check (call $block_create (i32.const 128) (i64.const 0x71) (local.get $ptr) (local.get $len)))
  (call $check (call $block_link (i32.const 132) (i32.load (i32.const 128))
    (i64.const 0xb220) (i32.const 32) (i32.const 320) (i32.const 100)))
  (call $set_root (i32.const 320)))
(func $call (param $to i32) (param $len i32) (param $method i64) (param $value i64)
    (param $flags i64) (param $limit i64) (result i32)
  (call $send (i32.const 192) (local.get $to) (local.get $len) (local.get $method) (i32.const 0)
    (i64.const 0) (local.get $value) (local.get $limit) (local.get $flags)))
(func $emit (result i32)
  (call $emit_event (i32.const 272) (i32.const 1) (i32.const 296) (i32.const 1)
    (i32.const 297) (i32.const 1)))
"#;
