//! A network with a storage provider, a client, and any number of deals.

use std::path::Path;
use std::sync::Arc;

use boatyard_actors_shared::ext::market::{
    BATCH_ACTIVATE_DEALS, BatchActivateDealsParams, BatchActivateDealsReturn, CRON_TICK,
    SectorDeals,
};
use boatyard_actors_shared::ext::power::{CREATE_MINER, CreateMinerParams, CreateMinerReturn};
use boatyard_actors_shared::{CRON_ACTOR, MARKET_ACTOR, POWER_ACTOR};
use boatyard_bundle::Bundle;
use boatyard_market::{
    ClientDealProposal, DealProposal, Label, PublishStorageDealsParams, PublishStorageDealsReturn,
};
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
use fvm_ipld_blockstore::Blockstore as _;
use fvm_ipld_encoding::{RawBytes, from_slice, to_vec};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::commcid::piece_commitment_v1_to_cid;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::{RegisteredPoStProof, RegisteredSealProof};
use serde::Serialize;

/// A recording that begins with nothing but the singletons and a rich account.
const GENESIS: &str = "vectors/commit_post_test__skip_sector.json.zst";
const RICH: Address = Address::new_id(102);
const VARIANT: NetworkVariant = NetworkVariant::Mainnet;
const GAS_LIMIT: u64 = 100_000_000_000_000;
/// When everything happens.
const NOW: ChainEpoch = 10_000;
/// When the deals start: no tick comes so far.
const START: ChainEpoch = NOW + 1_000;
const END: ChainEpoch = START + 518_400;
/// Deals in a message, when many are made.
const BATCH: u64 = 500;
/// Deals in a sector.
const SECTOR: usize = 10;

/// The embedded actors, or those of a file.
pub fn engine(bundle: &Bundle) -> Engine {
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

pub fn embedded() -> &'static Bundle {
    Bundle::embedded(VARIANT)
}

/// A state, the epoch that it is in, and who runs it.
#[derive(Clone)]
pub struct World {
    engine: Engine,
    store: SharedStore,
    root: Cid,
    epoch: ChainEpoch,
    owner: Address,
    client: Address,
    provider: Address,
    deals: u64,
}

/// A message to the market.
#[derive(Clone)]
pub struct Call {
    from: Address,
    method: MethodNum,
    params: Vec<u8>,
}

impl World {
    /// A provider and a client with means, and the deals' first epoch processed.
    pub fn new(engine: Engine) -> Self {
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
        let mut world = Self {
            engine,
            store,
            root: tree.flush().expect("memory takes every block"),
            epoch: NOW,
            owner: Address::new_bls(&[7; 48]).expect("a key has 48 bytes"),
            client: Address::new_bls(&[8; 48]).expect("a key has 48 bytes"),
            provider: Address::new_id(0),
            deals: 0,
        };
        let million = TokenAmount::from_whole(1_000_000);
        for account in [world.owner, world.client] {
            world.send(RICH, account, 0, vec![], &million);
        }
        let params = CreateMinerParams {
            owner: world.owner,
            worker: world.owner,
            window_post_proof_type: RegisteredPoStProof::StackedDRGWindow32GiBV1P1,
            peer: RawBytes::default(),
            multiaddrs: vec![],
        };
        let created = world.send(RICH, POWER_ACTOR, CREATE_MINER, encode(&params), &million);
        let created: CreateMinerReturn =
            from_slice(&created).expect("the power actor says which it created");
        world.provider = created.id_address;
        for holder in [world.provider, world.client] {
            world.send(RICH, MARKET_ACTOR, 2, encode(&holder), &million);
        }
        let tick = World::tick();
        world.commit(&tick);
        world
    }

    /// So many deals more, all activated.
    pub fn with_deals(mut self, count: u64) -> Self {
        let goal = self.deals + count;
        while self.deals < goal {
            let publish = self.publish((goal - self.deals).min(BATCH));
            let published: PublishStorageDealsReturn =
                from_slice(&self.commit(&publish)).expect("the market says which it published");
            self.deals += published.ids.len() as u64;
            let activate = self.activate(&published.ids);
            let activated: BatchActivateDealsReturn =
                from_slice(&self.commit(&activate)).expect("the market says which it activated");
            assert!(activated.activation_results.all_ok());
        }
        self
    }

    /// One epoch later.
    pub fn next_epoch(mut self) -> Self {
        self.epoch += 1;
        self
    }

    // --- Messages ---

    /// The provider publishes so many new deals.
    pub fn publish(&self, count: u64) -> Call {
        let deals = (self.deals..self.deals + count)
            .map(|number| {
                let proposal = self.proposal(number);
                // The vectors' signatures: what is signed.
                let client_signature = Signature::new_bls(encode(&proposal));
                ClientDealProposal {
                    proposal,
                    client_signature,
                }
            })
            .collect();
        Call {
            from: self.owner,
            method: 4,
            params: encode(&PublishStorageDealsParams { deals }),
        }
    }

    /// The end of an epoch.
    pub fn tick() -> Call {
        Call {
            from: CRON_ACTOR,
            method: CRON_TICK,
            params: vec![],
        }
    }

    fn activate(&self, ids: &[DealID]) -> Call {
        let sectors = ids
            .chunks(SECTOR)
            .map(|deals| SectorDeals {
                sector_number: deals[0],
                sector_type: RegisteredSealProof::StackedDRG32GiBV1P1,
                sector_expiry: END,
                deal_ids: deals.to_vec(),
            })
            .collect();
        let params = BatchActivateDealsParams {
            sectors,
            compute_cid: false,
        };
        Call {
            from: self.provider,
            method: BATCH_ACTIVATE_DEALS,
            params: encode(&params),
        }
    }

    fn proposal(&self, number: u64) -> DealProposal {
        let mut digest = [1; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        DealProposal {
            piece_cid: piece_commitment_v1_to_cid(&digest).expect("a digest has 32 bytes"),
            piece_size: PaddedPieceSize(1 << 20),
            verified_deal: false,
            client: self.client,
            provider: self.provider,
            label: Label::Text(format!("deal {number}")),
            start_epoch: START,
            end_epoch: END,
            storage_price_per_epoch: TokenAmount::from_atto(1_000_000),
            provider_collateral: TokenAmount::from_nano(10_000),
            client_collateral: TokenAmount::from_atto(0),
        }
    }

    // --- Running them ---

    /// A machine on this state.
    pub fn machine(&self, kind: MachineKind) -> Box<dyn Machine> {
        let context = Context {
            epoch: self.epoch,
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
        self.engine
            .open(kind, self.store.clone(), self.root, context)
            .expect("a machine opens on its own state")
    }

    /// Runs a message and gives the gas that it used.
    ///
    /// # Panics
    /// When it fails.
    pub fn apply(machine: &mut dyn Machine, call: &Call) -> u64 {
        let nothing = TokenAmount::default();
        let applied = run(
            machine,
            call.from,
            MARKET_ACTOR,
            call.method,
            &call.params,
            &nothing,
        );
        machine.flush().expect("memory takes every block");
        applied.1
    }

    fn commit(&mut self, call: &Call) -> Vec<u8> {
        let params = call.params.clone();
        let nothing = TokenAmount::default();
        self.send(call.from, MARKET_ACTOR, call.method, params, &nothing)
    }

    fn send(
        &mut self,
        from: Address,
        to: Address,
        method: MethodNum,
        params: Vec<u8>,
        value: &TokenAmount,
    ) -> Vec<u8> {
        let mut machine = self.machine(MachineKind::Native);
        let (returned, _) = run(machine.as_mut(), from, to, method, &params, value);
        self.root = machine.flush().expect("memory takes every block");
        returned
    }
}

fn run(
    machine: &mut dyn Machine,
    from: Address,
    to: Address,
    method: MethodNum,
    params: &[u8],
    value: &TokenAmount,
) -> (Vec<u8>, u64) {
    let message = Message {
        version: 0,
        from,
        to,
        sequence: 0,
        value: value.clone(),
        method_num: method,
        params: RawBytes::new(params.to_vec()),
        gas_limit: GAS_LIMIT,
        gas_fee_cap: TokenAmount::default(),
        gas_premium: TokenAmount::default(),
    };
    let applied = machine
        .apply(&message, Mode::Unchecked)
        .expect("the machine is in order");
    assert!(
        applied.receipt.exit_code.is_success(),
        "method {method}: exit code {}: {:?}",
        applied.receipt.exit_code.value(),
        applied.error
    );
    let returned = applied.receipt.return_data.to_vec();
    (returned, applied.receipt.gas_used)
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    to_vec(value).expect("parameters encode")
}
