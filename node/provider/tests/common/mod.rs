//! A chain with storage providers in the test's process: real sectors, real proofs,
//! real actors.
#![allow(dead_code, reason = "every test file uses another part of it")]

pub mod client;
pub mod contract;
pub mod gate;
pub mod http;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use boatyard_bundle::Bundle;
use boatyard_chain::genesis::GenesisActors;
use boatyard_chain::{
    ChainConfig, ChainFile, ChainHandle, ChainProofs, ChainSetup, EngineMachines, MiningMode,
};
use boatyard_proofs::{Prover, Scheme, piece};
use boatyard_provider::http::Server;
use boatyard_provider::http::door::Limits;
use boatyard_provider::market::MarketView;
use boatyard_provider::miner::MinerView;
use boatyard_provider::{
    Order, OrderId, Placement, Prepared, Provider, ProvidersConfig, Purpose, genesis,
};
use boatyard_sdk::NetworkVariant;
use boatyard_vm::engine::{Engine, EngineOptions, MachineKind};
use boatyard_vm::store::SharedStore;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;

/// Epochs of a day.
pub const DAY: i64 = 2_880;
/// Policy of the actors.
pub const VARIANT: NetworkVariant = NetworkVariant::Devnet;

/// Starts a chain in memory with so many providers.
pub fn start(count: u32) -> (ChainHandle, Vec<Provider>) {
    start_in(count, None)
}

/// Starts a chain, or goes on with the one in a directory.
pub fn start_in(count: u32, directory: Option<&Path>) -> (ChainHandle, Vec<Provider>) {
    let config = ProvidersConfig {
        count,
        ..ProvidersConfig::default()
    };
    start_with(config, directory)
}

/// The same with other providers than the usual ones, on no ports that the chain knows.
pub fn start_with(
    config: ProvidersConfig,
    directory: Option<&Path>,
) -> (ChainHandle, Vec<Provider>) {
    start_proving(config, directory, &Scheme::Vanilla.prover().unwrap())
}

/// The same with somebody else who makes the proofs, of the scheme that is usual.
pub fn start_proving(
    config: ProvidersConfig,
    directory: Option<&Path>,
    prover: &Arc<dyn Prover>,
) -> (ChainHandle, Vec<Provider>) {
    let bundle = Bundle::embedded(VARIANT);
    let file = directory.map(|directory| ChainFile::open(directory).unwrap());
    let store = match &file {
        Some(file) => file.store(),
        None => SharedStore::memory(),
    };
    bundle.install(&store).unwrap();
    let engine = Engine::new(EngineOptions {
        policy: VARIANT,
        ..EngineOptions::default()
    });
    let config = ProvidersConfig { port: 0, ..config };
    let prepared = genesis::prepare(&config, VARIANT, directory, prover).unwrap();
    let verifier = Scheme::Vanilla.verifier().unwrap();
    let chain = ChainHandle::start(ChainSetup {
        config: ChainConfig {
            genesis_timestamp: 1_700_000_000,
            mining: MiningMode::OnRequest,
            ..ChainConfig::default()
        },
        store: store.clone(),
        file,
        actors: GenesisActors {
            builtin: bundle.actors().to_vec(),
            extra: Vec::new(),
            providers: prepared.iter().map(Prepared::genesis).collect(),
        },
        machines: Arc::new(EngineMachines::new(engine, MachineKind::Native)),
        verifier: Arc::new(ChainProofs::new(verifier, store)),
    })
    .unwrap();
    let providers = genesis::join(prepared, &chain).unwrap();
    (chain, providers)
}

/// Policy of the actors.
pub fn policy() -> &'static boatyard_actors_shared::Policy {
    boatyard_actors_shared::Policy::of(VARIANT)
}

/// A miner in the newest state.
pub fn miner(chain: &ChainHandle, id: u64) -> MinerView {
    MinerView::load(&chain.head_state(), policy(), id).unwrap()
}

/// Has a piece kept for nothing, of which these are told.
pub fn favour(
    chain: &ChainHandle,
    provider: &Provider,
    data: &[u8],
    told: &[Address],
    placement: Placement,
) -> OrderId {
    let info = piece::of_bytes(data);
    provider.files().save_piece(&info.cid, data).unwrap();
    let now = chain.head().height();
    let notify = told
        .iter()
        .map(|address| (*address, RawBytes::default()))
        .collect();
    let order = Order::new(
        info,
        data.len() as u64,
        Purpose::Favour { notify },
        now + 5 * DAY,
        now + 100 * DAY,
    );
    provider.take(Order { placement, ..order }).unwrap()
}

/// Raw byte power of a miner's claim.
pub fn power(chain: &ChainHandle, id: u64) -> BigInt {
    let (_, block) = chain.head_state().head_block(&Address::new_id(4)).unwrap();
    let state: boatyard_power::State = fvm_ipld_encoding::from_slice(&block).unwrap();
    let claim = state.claim_of(chain.store(), &Address::new_id(id)).unwrap();
    claim.map(|claim| claim.raw_byte_power).unwrap_or_default()
}

/// How many sectors of a miner are faulty.
pub fn faults(chain: &ChainHandle, id: u64) -> u64 {
    let view = miner(chain, id);
    let deadlines = view.deadlines().unwrap();
    (0..48)
        .flat_map(|index| {
            let deadline = view.deadline(&deadlines, index).unwrap();
            view.partitions(&deadline).unwrap()
        })
        .map(|partition| partition.faults.len())
        .sum()
}

/// Opens ports for providers; what is served ends with the test.
pub fn serve(chain: &ChainHandle, providers: &[Provider]) -> Vec<Server> {
    serve_with(chain, providers, Limits::default())
}

/// The same with limits of the test's.
pub fn serve_with(chain: &ChainHandle, providers: &[Provider], limits: Limits) -> Vec<Server> {
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let count = providers.len() as u32;
    let listeners = boatyard_provider::http::listen(host, 0, count).unwrap();
    let pairs = providers.iter().zip(listeners);
    pairs
        .map(|(one, port)| Server::start_with(one.clone(), chain.clone(), port, limits).unwrap())
        .collect()
}

/// The market in the newest state.
pub fn market(chain: &ChainHandle) -> MarketView {
    MarketView::load(&chain.head_state()).unwrap()
}

/// Stops everything, so that the chain's directory is free.
pub async fn shut(chain: ChainHandle, servers: Vec<Server>) {
    for server in servers {
        server.stop().await;
    }
    chain.stop().await;
}
