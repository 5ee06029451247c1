//! A small state on two machines.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use boatyard_build::{Options, Workspace};
use boatyard_bundle::Bundle;
use boatyard_probe::{Data, Probe, Step, script};
use boatyard_sdk::NetworkVariant;
use boatyard_testkit::vectors::substitutes::SubstituteVerifier;
use boatyard_vm::context::{ChainView, Context, LookupError, ProofVerifier, Tracing, VerifyError};
use boatyard_vm::machine::{Applied, Machine, Mode};
use boatyard_vm::state::{InitState, StateTree};
use boatyard_vm::store::SharedStore;
use boatyard_vm::trace::CallTrace;
use boatyard_vm::{Engine, EngineOptions, MachineKind};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore as _;
use fvm_ipld_encoding::{CborStore as _, DAG_CBOR, IPLD_RAW, RawBytes};
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
use fvm_shared::{ActorID, EMPTY_ARR_CID, HAMT_BIT_WIDTH};
use multihash_codetable::{Code, MultihashDigest as _};

/// The account that sends.
pub const ALICE: ActorID = 100;
/// The address manager.
pub const EAM: ActorID = 10;
/// A probe.
pub const ONE: ActorID = 1001;
/// Another probe.
pub const TWO: ActorID = 1002;
/// An ID without an actor.
pub const NOBODY: ActorID = 5_000;

pub fn key_address(n: u8) -> Address {
    Address::new_secp256k1(&[n; 65]).unwrap()
}

pub fn f410(n: u8) -> Address {
    Address::new_delegated(EAM, &[n; 20]).unwrap()
}

/// A raw block and its CID.
pub fn put(data: &[u8]) -> (Data, Cid) {
    (Data::new(IPLD_RAW, data), cid_of(IPLD_RAW, data))
}

/// A block that links to others, and its CID.
pub fn link_to(links: &[Cid]) -> (Data, Cid) {
    let data = fvm_ipld_encoding::to_vec(links).unwrap();
    let cid = cid_of(DAG_CBOR, &data);
    (Data::new(DAG_CBOR, data), cid)
}

pub fn blake2b(data: &[u8]) -> [u8; 32] {
    Code::Blake2b256.digest(data).digest().try_into().unwrap()
}

fn cid_of(codec: u64, data: &[u8]) -> Cid {
    Cid::new_v1(codec, Code::Blake2b256.digest(data))
}

/// A key's address and its signature of `text`.
pub fn secp_signature(text: &[u8]) -> (Address, Vec<u8>) {
    let key = k256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let (signature, recovery) = key.sign_prehash_recoverable(&blake2b(text)).unwrap();
    let public = key.verifying_key().to_encoded_point(false);
    let address = Address::new_secp256k1(public.as_bytes()).unwrap();
    (
        address,
        [&signature.to_bytes()[..], &[recovery.to_byte()]].concat(),
    )
}

/// The same of a BLS key.
pub fn bls_signature(text: &[u8]) -> (Address, Vec<u8>) {
    use bls_signatures::Serialize as _;
    let key = bls_signatures::PrivateKey::new([7; 32]);
    let address = Address::new_bls(&key.public_key().as_bytes()).unwrap();
    (address, key.sign(text).as_bytes())
}

/// A call of a probe by Alice.
pub fn message(to: Address, steps: &[Step]) -> Message {
    Message {
        version: 0,
        from: Address::new_id(ALICE),
        to,
        sequence: 0,
        value: TokenAmount::default(),
        method_num: 1 << 24,
        params: RawBytes::new(script(steps).1.into()),
        gas_limit: 10_000_000_000,
        gas_fee_cap: TokenAmount::default(),
        gas_premium: TokenAmount::default(),
    }
}

/// Code of a built-in actor.
pub fn builtin(name: &str) -> Cid {
    bundle().code(name).unwrap()
}

fn bundle() -> &'static Bundle {
    Bundle::embedded(NetworkVariant::Devnet)
}

/// Two modules of the probe's code that differ in their CID only.
fn modules() -> &'static [(Cid, Vec<u8>); 2] {
    static MODULES: OnceLock<[(Cid, Vec<u8>); 2]> = OnceLock::new();
    MODULES.get_or_init(|| {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("probe");
        let options = Options {
            offline: true,
            ..Options::default()
        };
        let wasm = Workspace::open(&dir)
            .unwrap()
            .build(None, &options)
            .unwrap()
            .wasm;
        let mut other = wasm.clone();
        // An empty custom section called "2".
        other.extend([0, 2, 1, b'2']);
        [wasm, other].map(|wasm| (cid_of(IPLD_RAW, &wasm), wasm))
    })
}

/// CIDs of the probe's code, and of the other module.
pub fn codes() -> (Cid, Cid) {
    let [(p, _), (q, _)] = modules();
    (*p, *q)
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let engine = Engine::new(EngineOptions {
            policy: NetworkVariant::Devnet,
            actor_logs: true,
            ..EngineOptions::default()
        });
        let (p, q) = codes();
        engine.register_native::<Probe>(p);
        engine.register_native::<Probe>(q);
        engine
    })
}

/// A chain that knows epochs from 40 on.
struct Chain;

impl Chain {
    fn known<T>(epoch: ChainEpoch, answer: T) -> Result<T, LookupError> {
        match epoch {
            40.. => Ok(answer),
            _ => Err(LookupError {
                epoch,
                reason: "before this chain began",
            }),
        }
    }
}

impl ChainView for Chain {
    fn ticket_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], LookupError> {
        Self::known(epoch, [epoch as u8; 32])
    }

    fn beacon_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], LookupError> {
        Self::known(epoch, [epoch as u8 ^ 0xff; 32])
    }

    fn tipset_cid(&self, epoch: ChainEpoch) -> Result<Cid, LookupError> {
        Self::known(epoch, cid_of(DAG_CBOR, &epoch.to_be_bytes()))
    }
}

/// Has lost the blocks that proofs refer to.
pub struct Forgetful;

impl Forgetful {
    fn verdict<T>() -> Result<T, VerifyError> {
        Err(VerifyError::MissingBlock(EMPTY_ARR_CID))
    }
}

impl ProofVerifier for Forgetful {
    fn verify_post(&self, _: &WindowPoStVerifyInfo) -> Result<bool, VerifyError> {
        Self::verdict()
    }

    fn batch_verify_seals(&self, _: &[SealVerifyInfo]) -> Result<Vec<bool>, VerifyError> {
        Self::verdict()
    }

    fn verify_aggregate_seals(
        &self,
        _: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, VerifyError> {
        Self::verdict()
    }

    fn verify_replica_update(&self, _: &ReplicaUpdateInfo) -> Result<bool, VerifyError> {
        Self::verdict()
    }

    fn unsealed_sector_cid(
        &self,
        _: RegisteredSealProof,
        _: &[PieceInfo],
    ) -> Result<Cid, VerifyError> {
        Self::verdict()
    }

    fn verify_consensus_fault(
        &self,
        _: &[u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<Option<ConsensusFault>, VerifyError> {
        Self::verdict()
    }
}

fn context() -> Context {
    Context {
        epoch: 50,
        timestamp: 1_700_000_000,
        base_fee: TokenAmount::default(),
        circulating_supply: TokenAmount::from_whole(2_000),
        chain_id: 31_415_926,
        network_version: NetworkVersion::V28,
        chain: Arc::new(Chain),
        verifier: Arc::new(SubstituteVerifier::default()),
        substitutions: None,
        tracing: Tracing::Full,
        interceptor: None,
    }
}

/// Writes the state and gives its root.
fn state(store: &SharedStore) -> Cid {
    bundle().install(store).unwrap();
    for (code, wasm) in modules() {
        store.put_keyed(code, wasm).unwrap();
    }
    store.put_cbor(&[(); 0], Code::Blake2b256).unwrap();
    let system = store
        .put_cbor(&(bundle().manifest_data_cid(),), Code::Blake2b256)
        .unwrap();
    let mut map = Hamt::<_, ActorID>::new_with_bit_width(store, HAMT_BIT_WIDTH);
    map.set(key_address(100).to_bytes().into(), ALICE).unwrap();
    let init = InitState {
        address_map: map.flush().unwrap(),
        next_id: 1_100,
        network_name: "machines".to_owned(),
    };
    let alice = store
        .put_cbor(&(key_address(100),), Code::Blake2b256)
        .unwrap();
    let (probe, _) = codes();
    let mut tree = StateTree::new(store.clone()).unwrap();
    for (id, code, head, balance) in [
        (0, builtin("system"), system, 0),
        (1, builtin("init"), init.save(store).unwrap(), 0),
        (2, builtin("reward"), EMPTY_ARR_CID, 1_000_000),
        (EAM, builtin("eam"), EMPTY_ARR_CID, 0),
        (99, builtin("account"), EMPTY_ARR_CID, 0),
        (ALICE, builtin("account"), alice, 1_000_000_000),
        (ONE, probe, EMPTY_ARR_CID, 1_000_000_000),
        (TWO, probe, EMPTY_ARR_CID, 0),
    ] {
        let record = ActorState::new(code, head, TokenAmount::from_atto(balance), 0, None);
        tree.set_actor(id, record);
    }
    tree.flush().unwrap()
}

/// The same state on both machines, each with a store of its own.
pub struct Pair {
    native: Box<dyn Machine>,
    fvm: Box<dyn Machine>,
}

impl Pair {
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    /// With other surroundings.
    pub fn with(change: impl Fn(&mut Context)) -> Self {
        let open = |kind| {
            let store = SharedStore::memory();
            let root = state(&store);
            let mut context = context();
            change(&mut context);
            engine().open(kind, store, root, context).unwrap()
        };
        Self {
            native: open(MachineKind::Native),
            fvm: open(MachineKind::Fvm),
        }
    }

    /// Applies a message to the native machine only.
    pub fn native(&mut self, message: &Message) -> Applied {
        self.native.apply(message, Mode::Unchecked).unwrap()
    }

    /// Applies a message to both, and gives what came of it.
    pub fn apply_same(&mut self, message: &Message, mode: Mode) -> Result<Applied, String> {
        let native = self
            .native
            .apply(message, mode)
            .map_err(|fault| format!("native {fault}"))?;
        let fvm = self
            .fvm
            .apply(message, mode)
            .map_err(|fault| format!("FVM {fault}"))?;
        let end = |applied: &Applied| (applied.receipt.exit_code, applied.refused);
        if end(&native) != end(&fvm) {
            let words = |applied: &Applied| format!("{:?} {:?}", end(applied), applied.error);
            return Err(format!("native {}\nFVM    {}", words(&native), words(&fvm)));
        }
        let data = |applied: &Applied| (applied.receipt.return_data.clone(), applied.return_codec);
        same("return", data(&native), data(&fvm))?;
        same("events", &native.events, &fvm.events)?;
        same(
            "events root",
            native.receipt.events_root,
            fvm.receipt.events_root,
        )?;
        let trace = |applied: &Applied| applied.trace.clone().map(comparable);
        same("trace", trace(&native), trace(&fvm))?;
        let flushed = |machine: &mut Box<dyn Machine>| machine.flush().map_err(|e| e.to_string());
        same(
            "state root",
            flushed(&mut self.native)?,
            flushed(&mut self.fvm)?,
        )?;
        Ok(native)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, native: T, fvm: T) -> Result<(), String> {
    if native == fvm {
        return Ok(());
    }
    let (native, fvm) = (format!("{native:#?}"), format!("{fvm:#?}"));
    let apart = native
        .lines()
        .zip(fvm.lines())
        .position(|(a, b)| a != b)
        .unwrap_or(0);
    let around = |text: &str| {
        let lines: Vec<_> = text
            .lines()
            .skip(apart.saturating_sub(8))
            .take(16)
            .collect();
        lines.join("\n")
    };
    Err(format!(
        "{what}, from line {apart}\nnative\n{}\nFVM\n{}",
        around(&native),
        around(&fvm)
    ))
}

/// A trace without gas, and without words, which each machine chooses itself.
fn comparable(trace: CallTrace) -> CallTrace {
    CallTrace {
        gas_used: 0,
        charges: Vec::new(),
        message: None,
        calls: trace.calls.into_iter().map(comparable).collect(),
        ..trace
    }
}
