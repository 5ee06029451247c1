//! What cron does every epoch, on a network without miners (spec 09 §10, §13).

use std::sync::Arc;

use boatyard_actors_shared::{MARKET_ACTOR, POWER_ACTOR, REWARD_ACTOR};
use boatyard_bundle::Bundle;
use boatyard_chain::genesis::GenesisActors;
use boatyard_chain::{ChainConfig, ChainHandle, ChainProofs, ChainSetup, EngineMachines};
use boatyard_proofs::Scheme;
use boatyard_sdk::NetworkVariant;
use boatyard_vm::engine::{Engine, EngineOptions, MachineKind};
use boatyard_vm::store::SharedStore;
use fvm_ipld_encoding::from_slice;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use serde::de::DeserializeOwned;

/// A chain of the embedded actors and nobody to mine but its own account.
fn start(machine: MachineKind) -> ChainHandle {
    let bundle = Bundle::embedded(NetworkVariant::Devnet);
    let store = SharedStore::memory();
    bundle.install(&store).unwrap();
    let engine = Engine::new(EngineOptions {
        policy: NetworkVariant::Devnet,
        ..EngineOptions::default()
    });
    let verifier = Scheme::default().verifier().unwrap();
    ChainHandle::start(ChainSetup {
        config: ChainConfig::default(),
        store: store.clone(),
        file: None,
        actors: GenesisActors {
            builtin: bundle.actors().to_vec(),
            extra: Vec::new(),
            providers: Vec::new(),
        },
        machines: Arc::new(EngineMachines::new(engine, machine)),
        verifier: Arc::new(ChainProofs::new(verifier, store)),
    })
    .unwrap()
}

fn state<S: DeserializeOwned>(chain: &ChainHandle, actor: &Address) -> S {
    let (_, block) = chain.head_state().head_block(actor).unwrap();
    from_slice(&block).unwrap()
}

fn head(chain: &ChainHandle, actor: &Address) -> String {
    let (record, _) = chain.head_state().head_block(actor).unwrap();
    record.state.to_string()
}

/// The reward of the next epoch, and for which epochs reward, power and market are
/// ready.
fn ready(chain: &ChainHandle) -> (String, [ChainEpoch; 3]) {
    let reward: boatyard_reward::State = state(chain, &REWARD_ACTOR);
    let power: boatyard_power::State = state(chain, &POWER_ACTOR);
    let market: boatyard_market::State = state(chain, &MARKET_ACTOR);
    (
        reward.this_epoch_reward.atto().to_string(),
        [reward.epoch, power.first_cron_epoch, market.last_cron + 1],
    )
}

#[tokio::test]
async fn the_first_epochs_end_with_the_sheets_numbers() {
    for machine in [MachineKind::Fvm, MachineKind::Native] {
        let chain = start(machine);
        let genesis = ("36266264293777134739".to_owned(), [0, 0, 0]);
        assert_eq!(ready(&chain), genesis);
        for (epoch, minted) in [(1, "36266256322615261933"), (2, "36266252337034982540")] {
            chain.mine(1).await.unwrap();
            let next = epoch + 1;
            assert_eq!(ready(&chain), (minted.to_owned(), [next; 3]));
            if epoch == 1 {
                assert_eq!(
                    head(&chain, &POWER_ACTOR),
                    "bafy2bzacecg5mcycpvihqflutsjroiv4wifqpgad7gxhfhfx2udvn5ahtz6jw"
                );
            }
        }
    }
}

#[tokio::test]
async fn null_rounds_end_as_other_epochs_do() {
    for machine in [MachineKind::Fvm, MachineKind::Native] {
        let (jumping, walking) = (start(machine), start(machine));
        jumping.advance_to(12).await.unwrap();
        walking.mine(12).await.unwrap();
        assert_eq!(ready(&jumping).1, [13; 3]);
        assert_eq!(ready(&jumping), ready(&walking));
        for actor in [POWER_ACTOR, MARKET_ACTOR] {
            assert_eq!(head(&jumping, &actor), head(&walking, &actor));
        }
    }
}
