//! What the end of an epoch costs the power actor while 0, 1 000 and 100 000 miners
//! wait for later epochs, on both machines. The cost must not grow with them.
//!
//! `cargo bench -p boatyard-testkit --bench power`.

use std::path::Path;
use std::sync::Arc;

use boatyard_actors_shared::ext::miner::{CRON_EVENT_PROVING_DEADLINE, CronEventPayload};
use boatyard_actors_shared::ext::power::ON_EPOCH_TICK_END;
use boatyard_actors_shared::{CRON_ACTOR, POWER_ACTOR, POWER_ACTOR_ID};
use boatyard_bundle::Bundle;
use boatyard_power::{Claim, CronEvent, State};
use boatyard_sdk::nested::Multimap;
use boatyard_sdk::{NetworkVariant, Type};
use boatyard_testkit::vectors::format::Vector;
use boatyard_testkit::vectors::substitutes::{
    SubstituteChain, SubstituteVerifier, code_cid, substitutions,
};
use boatyard_vm::context::{Context, Substitutions, Tracing};
use boatyard_vm::engine::{CodeMap, Engine, EngineOptions, MachineKind};
use boatyard_vm::machine::{Machine, Mode};
use boatyard_vm::state::StateTree;
use boatyard_vm::store::SharedStore;
use cid::Cid;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fvm_ipld_blockstore::Blockstore as _;
use fvm_ipld_encoding::{CborStore as _, RawBytes};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::sector::RegisteredPoStProof;
use multihash_codetable::Code;

/// A recording that begins with nothing but the singletons and a rich account.
const GENESIS: &str = "vectors/commit_post_test__skip_sector.json.zst";
const VARIANT: NetworkVariant = NetworkVariant::Mainnet;
/// How many miners wait.
const WAITING: [u64; 3] = [0, 1_000, 100_000];
/// The epoch that ends, for which nobody waits: the first after genesis.
const NOW: ChainEpoch = 1;
/// Deadlines end in the epochs of a proving period.
const PERIOD: ChainEpoch = 2_880;

/// The embedded actors under the recording's code CIDs.
fn engine() -> Engine {
    let bundle = Bundle::embedded(VARIANT);
    let mut code =
        CodeMap::default().with_builtin_actors(Type::ALL.map(|kind| (kind.name(), code_cid(kind))));
    for kind in Type::ALL {
        if let Some(wasm) = bundle.code(kind.name()).and_then(|code| bundle.wasm(&code)) {
            code = code.with_module(code_cid(kind), wasm);
        }
    }
    Engine::new(EngineOptions {
        code,
        policy: VARIANT,
        ..Default::default()
    })
}

/// A network's state.
struct World {
    store: SharedStore,
    root: Cid,
}

impl World {
    /// So many miners wait for the end of a deadline, one each, in the proving
    /// period to come.
    fn new(waiting: u64) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GENESIS);
        let vector = Vector::load(&path).expect("the recording is part of the repository");
        let store = SharedStore::memory();
        for (cid, block) in &vector.blocks {
            store
                .put_keyed(&cid.0, &block.0)
                .expect("memory takes every block");
        }
        let mut tree = StateTree::new(store.clone()).expect("a tree begins");
        for actor in &vector.pre.actors {
            tree.edit_actor(actor.id, Some(actor.record()));
        }
        let mut power = tree
            .actor(POWER_ACTOR_ID)
            .expect("a tree in order")
            .expect("there is a power actor");
        power.state = store
            .put_cbor(&queue(&store, waiting), Code::Blake2b256)
            .expect("memory takes every block");
        tree.edit_actor(POWER_ACTOR_ID, Some(power));
        let root = tree.flush().expect("memory takes every block");
        Self { store, root }
    }

    fn machine(&self, engine: &Engine, kind: MachineKind) -> Box<dyn Machine> {
        let context = Context {
            epoch: NOW,
            timestamp: 0,
            base_fee: TokenAmount::default(),
            circulating_supply: TokenAmount::from_whole(600_000_000),
            chain_id: 314,
            network_version: fvm_shared::version::NetworkVersion::V28,
            chain: Arc::new(SubstituteChain),
            verifier: Arc::new(SubstituteVerifier::default()),
            substitutions: Some(Arc::new(Substitutions {
                unmetered: false,
                ..(*substitutions()).clone()
            })),
            tracing: Tracing::Off,
            interceptor: None,
        };
        engine
            .open(kind, self.store.clone(), self.root, context)
            .expect("a machine opens on its own state")
    }
}

/// The power actor's state with this many miners, one call for each of them.
fn queue(store: &SharedStore, waiting: u64) -> State {
    let mut state = State::new(store).expect("memory takes every block");
    state.first_cron_epoch = NOW;
    state.miner_count = waiting.try_into().expect("not as many");
    let payload = CronEventPayload {
        event_type: CRON_EVENT_PROVING_DEADLINE,
    };
    let payload = RawBytes::serialize(payload).expect("a number encodes");
    let mut claims = state.claims.load(store).expect("it was just stored");
    let mut calls =
        Multimap::load(&state.cron_event_queue, store.clone()).expect("it was just stored");
    for (id, n) in (1_000..).zip(0..state.miner_count) {
        let miner_addr = Address::new_id(id);
        let claim = Claim::new(RegisteredPoStProof::StackedDRGWindow32GiBV1P1);
        claims.set(&miner_addr, claim).expect("maps take every key");
        let event = CronEvent {
            miner_addr,
            callback_payload: payload.clone(),
        };
        calls
            .add(&(NOW + 1 + n % PERIOD), event)
            .expect("maps take every key");
    }
    state.claims = claims.flush().expect("memory takes every block");
    state.cron_event_queue = calls.flush().expect("memory takes every block");
    state
}

/// Ends the epoch and gives the gas that it used.
fn tick(machine: &mut dyn Machine) -> u64 {
    let message = Message {
        version: 0,
        from: CRON_ACTOR,
        to: POWER_ACTOR,
        sequence: 0,
        value: TokenAmount::default(),
        method_num: ON_EPOCH_TICK_END,
        params: RawBytes::default(),
        gas_limit: 100_000_000_000_000,
        gas_fee_cap: TokenAmount::default(),
        gas_premium: TokenAmount::default(),
    };
    let applied = machine
        .apply(&message, Mode::Unchecked)
        .expect("the machine is in order");
    let exit_code = applied.receipt.exit_code;
    assert!(exit_code.is_success(), "{exit_code:?}: {:?}", applied.error);
    machine.flush().expect("memory takes every block");
    applied.receipt.gas_used
}

fn end_of_an_epoch(criterion: &mut Criterion) {
    let engine = engine();
    for waiting in WAITING {
        let world = World::new(waiting);
        let gas = tick(world.machine(&engine, MachineKind::Fvm).as_mut());
        println!("gas/{waiting} waiting: {gas}");
        for (name, kind) in [("fvm", MachineKind::Fvm), ("native", MachineKind::Native)] {
            criterion.bench_function(&format!("{name}/{waiting} waiting"), |bencher| {
                bencher.iter_batched_ref(
                    || world.machine(&engine, kind),
                    |machine| tick(machine.as_mut()),
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

criterion_group!(power, end_of_an_epoch);
criterion_main!(power);
