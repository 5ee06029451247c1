//! A network with one storage miner, to send messages to.

use std::path::Path;
use std::sync::Arc;

use boatyard_actors_shared::FilterEstimate;
use boatyard_actors_shared::Policy;
use boatyard_actors_shared::ext::miner::{
    CRON_EVENT_PROVING_DEADLINE, CronEventPayload, DeferredCronEventParams, ON_DEFERRED_CRON_EVENT,
};
use boatyard_actors_shared::ext::power::{CREATE_MINER, CreateMinerParams, CreateMinerReturn};
use boatyard_bundle::Bundle;
use boatyard_miner::schema::{Deadline, SectorPreCommitInfo, State};
use boatyard_miner::types::{
    PoStPartition, PreCommitSectorBatchParams, ProveCommitSectors3Params,
    ProveCommitSectorsNiParams, SectorActivationManifest, SectorNiActivationInfo,
    SubmitWindowedPoStParams,
};
use boatyard_sdk::{NetworkVariant, Type};
use boatyard_testkit::vectors::format::Vector;
use boatyard_testkit::vectors::substitutes::{
    RANDOMNESS, SubstituteChain, SubstituteVerifier, code_cid, substitutions,
};
use boatyard_vm::context::{Context, Substitutions, Tracing};
use boatyard_vm::engine::{CodeMap, Engine, EngineOptions, MachineKind};
use boatyard_vm::machine::{Machine, Mode};
use boatyard_vm::state::StateTree;
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore as _;
use fvm_ipld_encoding::{RawBytes, from_slice, to_vec};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::commcid::replica_commitment_v1_to_cid;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::sector::{
    PoStProof, RegisteredAggregateProof, RegisteredPoStProof, RegisteredSealProof, SectorNumber,
};
use fvm_shared::{ActorID, MethodNum};
use serde::Serialize;

/// A recording that begins with nothing but the singletons and a rich account.
const GENESIS: &str = "vectors/commit_post_test__skip_sector.json.zst";
const RICH: Address = Address::new_id(102);
const POWER: Address = Address::new_id(4);
const SEAL: RegisteredSealProof = RegisteredSealProof::StackedDRG32GiBV1P1;
const GAS_LIMIT: u64 = 100_000_000_000_000;
/// When the miner is created.
const BIRTH: ChainEpoch = 10_000;
/// Sectors in one message without pre-commit.
const MOST_AT_ONCE: usize = 65;
/// Epochs from a pre-commit to the first in which it can be proven.
const TO_PROVE: ChainEpoch = 151;

/// An engine that runs the actors of a bundle, natively those of this process.
pub fn engine(bundle: &Bundle, policy: NetworkVariant) -> Engine {
    let mut code =
        CodeMap::default().with_builtin_actors(Type::ALL.map(|kind| (kind.name(), code_cid(kind))));
    for kind in Type::ALL {
        if let Some(wasm) = bundle.code(kind.name()).and_then(|code| bundle.wasm(&code)) {
            code = code.with_module(code_cid(kind), wasm);
        }
    }
    Engine::new(EngineOptions {
        code,
        policy,
        ..Default::default()
    })
}

/// A state, the epoch that it is in, and who runs it.
#[derive(Clone)]
pub struct World {
    pub kind: MachineKind,
    engine: Engine,
    store: SharedStore,
    root: Cid,
    pub epoch: ChainEpoch,
    owner: Address,
    miner: ActorID,
}

/// A call to the miner.
#[derive(Clone)]
pub struct Call {
    method: MethodNum,
    params: Vec<u8>,
}

impl Call {
    fn new(method: MethodNum, params: &impl Serialize) -> Self {
        Self {
            method,
            params: to_vec(params).expect("parameters encode"),
        }
    }
}

impl World {
    /// A miner of sectors of this kind, with means.
    pub fn new(engine: Engine, kind: MachineKind, proof: RegisteredPoStProof) -> Self {
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
            kind,
            engine,
            store,
            root: tree.flush().expect("memory takes every block"),
            epoch: BIRTH,
            owner: Address::new_bls(&[7; 48]).expect("a key has 48 bytes"),
            miner: 0,
        };
        let million = TokenAmount::from_whole(1_000_000);
        world.send(RICH, world.owner, 0, vec![], &million);
        let params = CreateMinerParams {
            owner: world.owner,
            worker: world.owner,
            window_post_proof_type: proof,
            peer: RawBytes::default(),
            multiaddrs: vec![],
        };
        let params = to_vec(&params).expect("parameters encode");
        let created = world.send(RICH, POWER, CREATE_MINER, params, &million);
        let created: CreateMinerReturn =
            from_slice(&created).expect("the power actor says which it created");
        world.miner = created.id_address.id().expect("an ID address");
        world
    }

    /// A machine on this state.
    pub fn machine(&self) -> Box<dyn Machine> {
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
            .open(self.kind, self.store.clone(), self.root, context)
            .expect("a machine opens on its own state")
    }

    fn message(&self, from: Address, to: Address, call: &Call, value: &TokenAmount) -> Message {
        Message {
            version: 0,
            from,
            to,
            sequence: 0,
            value: value.clone(),
            method_num: call.method,
            params: RawBytes::new(call.params.clone()),
            gas_limit: GAS_LIMIT,
            gas_fee_cap: TokenAmount::default(),
            gas_premium: TokenAmount::default(),
        }
    }

    /// Makes a call and gives the gas that it used.
    ///
    /// # Panics
    /// When it fails.
    pub fn apply(&self, machine: &mut dyn Machine, call: &Call) -> u64 {
        let miner = Address::new_id(self.miner);
        let from = match call.method {
            ON_DEFERRED_CRON_EVENT => POWER,
            _ => self.owner,
        };
        let message = self.message(from, miner, call, &TokenAmount::default());
        let applied = machine
            .apply(&message, Mode::Unchecked)
            .expect("the machine is in order");
        assert!(
            applied.receipt.exit_code.is_success(),
            "method {}: exit code {}: {:?}",
            call.method,
            applied.receipt.exit_code.value(),
            applied.error
        );
        machine.flush().expect("memory takes every block");
        applied.receipt.gas_used
    }

    fn send(
        &mut self,
        from: Address,
        to: Address,
        method: MethodNum,
        params: Vec<u8>,
        value: &TokenAmount,
    ) -> Vec<u8> {
        let mut machine = self.machine();
        let call = Call { method, params };
        let applied = machine
            .apply(&self.message(from, to, &call, value), Mode::Unchecked)
            .expect("the machine is in order");
        assert!(
            applied.receipt.exit_code.is_success(),
            "method {method}: {:?}",
            applied.error
        );
        self.root = machine.flush().expect("memory takes every block");
        applied.receipt.return_data.to_vec()
    }

    fn commit_to(&mut self, call: Call) {
        let Call { method, params } = call;
        let miner = Address::new_id(self.miner);
        self.send(self.owner, miner, method, params, &TokenAmount::default());
    }

    // --- Onboarding ---

    pub fn pre_commit_call(&self, numbers: std::ops::Range<SectorNumber>) -> Call {
        let sectors = numbers
            .map(|number| SectorPreCommitInfo {
                seal_proof: SEAL,
                sector_number: number,
                sealed_cid: sealed_cid(number),
                seal_rand_epoch: self.epoch - 1,
                deal_ids: vec![],
                expiration: self.epoch + 1_000_000,
                unsealed_cid: None,
            })
            .collect();
        Call::new(28, &PreCommitSectorBatchParams { sectors })
    }

    pub fn prove_commit_call(numbers: std::ops::Range<SectorNumber>) -> Call {
        let params = ProveCommitSectors3Params {
            sector_proofs: numbers
                .clone()
                .map(|_| RawBytes::new(vec![7; 1_920]))
                .collect(),
            sector_activations: numbers
                .map(|sector_number| SectorActivationManifest {
                    sector_number,
                    pieces: vec![],
                })
                .collect(),
            aggregate_proof: RawBytes::default(),
            aggregate_proof_type: None,
            require_activation_success: true,
            require_notification_success: true,
        };
        Call::new(34, &params)
    }

    /// Goes on to when these sectors are announced and can be proven.
    pub fn announced(mut self, numbers: std::ops::Range<SectorNumber>) -> Self {
        self.commit_to(self.pre_commit_call(numbers));
        self.epoch += TO_PROVE;
        self
    }

    /// Goes on to when these sectors are proven.
    pub fn committed(mut self, numbers: std::ops::Range<SectorNumber>) -> Self {
        self = self.announced(numbers.clone());
        self.commit_to(Self::prove_commit_call(numbers));
        self
    }

    // --- Window PoSt ---

    /// Goes on to the window of the first deadline with sectors; gives its index.
    pub fn window(mut self, policy: &Policy) -> (Self, u64) {
        let machine = self.machine();
        let record = machine.actor(self.miner).expect("a tree in order");
        let head = record.expect("the miner was created").state;
        let state: State = self.block(&head);
        let deadlines = state.load_deadlines(&self.store).expect("they are there");
        for index in 0..policy.wpost_period_deadlines {
            let deadline: Deadline = deadlines.load(&self.store, index).expect("it is there");
            if deadline.live_sectors > 0 {
                self.epoch = state.next_window(policy, index, self.epoch).open + 1;
                return (self, index);
            }
        }
        panic!("the miner has no sectors");
    }

    fn block<T: serde::de::DeserializeOwned>(&self, cid: &Cid) -> T {
        let block = self.store.get(cid).expect("memory answers");
        from_slice(&block.expect("it is there")).expect("it is of this type")
    }

    /// A proof for the deadline's first partition.
    pub fn post_call(&self, deadline: u64) -> Call {
        let params = SubmitWindowedPoStParams {
            deadline,
            partitions: vec![PoStPartition {
                index: 0,
                skipped: Default::default(),
            }],
            proofs: vec![PoStProof {
                post_proof: RegisteredPoStProof::StackedDRGWindow32GiBV1P1,
                proof_bytes: vec![7; 192],
            }],
            chain_commit_epoch: self.epoch - 1,
            chain_commit_rand: RawBytes::new(RANDOMNESS.to_vec()),
        };
        Call::new(5, &params)
    }
}

impl World {
    // --- The end of a deadline ---

    /// Puts sectors of 2 KiB into a deadline, two to a partition.
    pub fn with_partitions(mut self, deadline: u64, count: u64) -> Self {
        let last = 2 * count;
        for first in (0..last).step_by(MOST_AT_ONCE) {
            let numbers = first..last.min(first + MOST_AT_ONCE as u64);
            let params = ProveCommitSectorsNiParams {
                sectors: numbers
                    .map(|number| SectorNiActivationInfo {
                        sealing_number: number,
                        sealer_id: self.miner,
                        sealed_cid: sealed_cid(number),
                        sector_number: number,
                        seal_rand_epoch: self.epoch - 1,
                        expiration: self.epoch + 1_000_000,
                    })
                    .collect(),
                aggregate_proof: RawBytes::new(vec![7; 192]),
                seal_proof_type: RegisteredSealProof::StackedDRG2KiBV1P2_Feat_NiPoRep,
                aggregate_proof_type: RegisteredAggregateProof::SnarkPackV2,
                proving_deadline: deadline,
                require_activation_success: true,
            };
            self.commit_to(Call::new(36, &params));
        }
        self
    }

    /// Goes on to the last epoch of the window of the first deadline with sectors.
    pub fn window_end(self, policy: &Policy) -> Self {
        let (mut world, _) = self.window(policy);
        world.epoch += policy.wpost_challenge_window - 2;
        world
    }

    /// Cron ends the open deadline.
    pub fn cron_call() -> Call {
        let event = CronEventPayload {
            event_type: CRON_EVENT_PROVING_DEADLINE,
        };
        let params = DeferredCronEventParams {
            event_payload: RawBytes::serialize(event).expect("two bytes"),
            reward_smoothed: FilterEstimate::from_integers(36_000_000_000_000_000_000u128, 0),
            quality_adj_power_smoothed: FilterEstimate::from_integers(20u128 << 60, 0),
        };
        Call::new(ON_DEFERRED_CRON_EVENT, &params)
    }
}

fn sealed_cid(number: SectorNumber) -> Cid {
    let mut digest = [1; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    replica_commitment_v1_to_cid(&digest).expect("a digest has 32 bytes")
}
