//! Storage providers on a chain of their own: real sectors, real proofs, real actors.

use std::sync::Arc;

use boatyard_bundle::Bundle;
use boatyard_chain::genesis::GenesisActors;
use boatyard_chain::{
    ChainConfig, ChainHandle, ChainProofs, ChainSetup, EngineMachines, MiningMode,
};
use boatyard_proofs::{Scheme, piece};
use boatyard_provider::miner::MinerView;
use boatyard_provider::{Order, Prepared, Provider, ProvidersConfig, Purpose, genesis};
use boatyard_sdk::NetworkVariant;
use boatyard_vm::engine::{Engine, EngineOptions, MachineKind};
use boatyard_vm::store::SharedStore;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;

const DAY: i64 = 2_880;
const VARIANT: NetworkVariant = NetworkVariant::Devnet;

fn start(count: u32) -> (ChainHandle, Vec<Provider>) {
    let bundle = Bundle::embedded(VARIANT);
    let store = SharedStore::memory();
    bundle.install(&store).unwrap();
    let engine = Engine::new(EngineOptions {
        policy: VARIANT,
        ..EngineOptions::default()
    });
    let config = ProvidersConfig {
        count,
        ..ProvidersConfig::default()
    };
    let prover = Scheme::Vanilla.prover().unwrap();
    let prepared = genesis::prepare(&config, VARIANT, None, &prover).unwrap();
    let verifier = Scheme::Vanilla.verifier().unwrap();
    let chain = ChainHandle::start(ChainSetup {
        config: ChainConfig {
            genesis_timestamp: 1_700_000_000,
            mining: MiningMode::OnRequest,
            ..ChainConfig::default()
        },
        store: store.clone(),
        file: None,
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

fn policy() -> &'static boatyard_actors_shared::Policy {
    boatyard_actors_shared::Policy::of(VARIANT)
}

fn miner(chain: &ChainHandle, id: u64) -> MinerView {
    MinerView::load(&chain.head_state(), policy(), id).unwrap()
}

/// Raw byte power of a miner's claim.
fn power(chain: &ChainHandle, id: u64) -> BigInt {
    let (_, block) = chain.head_state().head_block(&Address::new_id(4)).unwrap();
    let state: boatyard_power::State = fvm_ipld_encoding::from_slice(&block).unwrap();
    let claim = state.claim_of(chain.store(), &Address::new_id(id)).unwrap();
    claim.map(|claim| claim.raw_byte_power).unwrap_or_default()
}

fn faults(chain: &ChainHandle, id: u64) -> u64 {
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

#[tokio::test]
async fn providers_have_power_from_the_start_and_keep_it_by_proving() {
    let (chain, _providers) = start(2);
    for id in [1000, 1001] {
        assert_eq!(power(&chain, id), BigInt::from(2_048));
    }
    chain.advance_to(3 * DAY).await.unwrap();
    for id in [1000, 1001] {
        assert_eq!(power(&chain, id), BigInt::from(2_048));
        assert_eq!(faults(&chain, id), 0);
    }
}

#[tokio::test]
async fn who_stops_loses_its_power_and_gets_it_back_by_proving_again() {
    let (chain, providers) = start(1);
    providers[0].set_mischief(|mischief| mischief.skips_posts = true);
    chain.advance_to(DAY + 100).await.unwrap();
    assert_eq!(faults(&chain, 1000), 1);
    assert_eq!(power(&chain, 1000), BigInt::from(0));
    providers[0].set_mischief(|mischief| mischief.skips_posts = false);
    chain.advance_to(4 * DAY).await.unwrap();
    assert_eq!(faults(&chain, 1000), 0);
    assert_eq!(power(&chain, 1000), BigInt::from(2_048));
}

#[tokio::test]
async fn an_order_is_sealed_proven_and_kept() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let data = b"mars".repeat(400);
    let info = piece::of_bytes(&data);
    std::fs::write(provider.files().piece(&info.cid), &data).unwrap();
    let length = data.len() as u64;
    let purpose = Purpose::Favour { notify: Vec::new() };
    let order = Order::new(info, length, purpose, 1_000, 200 * DAY);
    let id = provider.take(order).unwrap();
    chain.advance_to(60).await.unwrap();
    let order = provider
        .orders()
        .into_iter()
        .find(|order| order.id == id)
        .unwrap();
    assert!(order.has_step("active"), "{order:?}");
    let number = order.sector.unwrap();
    assert!(miner(&chain, 1000).sector(number).unwrap().is_some());
    chain.advance_to(3 * DAY).await.unwrap();
    assert_eq!(power(&chain, 1000), BigInt::from(4_096));
    assert_eq!(faults(&chain, 1000), 0);
}
