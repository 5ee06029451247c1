//! Storage providers that are there from the start, with sealed sectors and power
//! (spec 09 §4.3, §4.4, option B).
//!
//! Miner and sectors come about by the actors' own methods: `CreateMiner`,
//! `PreCommitSectorBatch2`, and `InternalSectorSetupForPreseal`, which exists for
//! this. What the first Window PoSt would do, activate the sectors' power, is written
//! as data.

use std::sync::{Arc, mpsc};

use boatyard_actors_shared::ext::power;
use boatyard_actors_shared::ext::power::{CreateMinerParams, CreateMinerReturn};
use boatyard_actors_shared::{FilterEstimate, POWER_ACTOR, POWER_ACTOR_ID, Policy};
use boatyard_miner::schema::{PowerPair, SectorPreCommitInfo};
use boatyard_miner::types::{InternalSectorSetupForPresealParams, PreCommitSectorBatchParams};
use boatyard_vm::context::{ChainView, Context, LookupError, ProofVerifier, Tracing};
use boatyard_vm::machine::{Machine, Mode, VmError};
use boatyard_vm::state::StateTree;
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_encoding::{CborStore, RawBytes, from_slice};
use fvm_shared::address::Address;
use fvm_shared::bigint::Zero;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::sector::{RegisteredPoStProof, RegisteredSealProof, SectorNumber};
use fvm_shared::{ActorID, MethodNum};
use multihash_codetable::Code;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::ChainConfig;
use crate::core::NETWORK_VERSION;
use crate::error::ChainError;
use crate::execute;
use crate::machines::{Machines, Purpose};

/// Epochs for which genesis sectors are promised: 1 200 days.
pub const PRESEAL_LIFETIME: ChainEpoch = 1_200 * 2_880;
/// FIL that a provider's owner gives to its miner at genesis.
const FUNDS_FIL: u64 = 10_000;
/// Methods of the miner (spec 05 §2).
const PRE_COMMIT_SECTOR_BATCH2: MethodNum = 28;
const INTERNAL_SECTOR_SETUP_FOR_PRESEAL: MethodNum = 17;
/// Gas limit of the messages of genesis; the machine that runs them meters nothing.
const GAS: u64 = 10_000_000_000;

/// A provider that is there from the start.
#[derive(Debug, Clone)]
pub struct GenesisProvider {
    /// Type of its Window PoSt, which decides its sectors' size.
    pub post_proof: RegisteredPoStProof,
    /// libp2p peer, any bytes.
    pub peer_id: Vec<u8>,
    /// Where it can be reached, binary multiaddrs.
    pub multiaddrs: Vec<Vec<u8>>,
    /// Sectors full of zeros that it has sealed.
    pub sectors: Vec<PresealedSector>,
}

/// A sector full of zeros that was sealed before genesis.
#[derive(Debug, Clone)]
pub struct PresealedSector {
    /// Its number.
    pub number: SectorNumber,
    /// How it was sealed.
    pub seal_proof: RegisteredSealProof,
    /// CommR.
    pub sealed_cid: Cid,
}

/// Creates the providers on a state of epoch 0, and gives the miners' IDs. `owners`
/// are their owners and workers, as many.
fn create(
    machine: &mut dyn Machine,
    owners: &[ActorID],
    providers: &[GenesisProvider],
) -> Result<Vec<ActorID>, ChainError> {
    let mut miners = Vec::new();
    for (owner, provider) in owners.iter().zip(providers) {
        let owner = Address::new_id(*owner);
        let created: CreateMinerReturn = ask(
            machine,
            owner,
            POWER_ACTOR,
            power::CREATE_MINER,
            TokenAmount::from_whole(FUNDS_FIL),
            &CreateMinerParams {
                owner,
                worker: owner,
                window_post_proof_type: provider.post_proof,
                peer: RawBytes::new(provider.peer_id.clone()),
                multiaddrs: provider
                    .multiaddrs
                    .iter()
                    .cloned()
                    .map(RawBytes::new)
                    .collect(),
            },
        )?;
        let id = created.id_address.id().map_err(|error| bad(&error))?;
        if !provider.sectors.is_empty() {
            take_sectors_on(machine, owner, created.id_address, &provider.sectors)?;
        }
        miners.push(id);
    }
    Ok(miners)
}

fn take_sectors_on(
    machine: &mut dyn Machine,
    worker: Address,
    miner: Address,
    sectors: &[PresealedSector],
) -> Result<(), ChainError> {
    let sectors: Vec<SectorPreCommitInfo> = sectors
        .iter()
        .map(|sector| SectorPreCommitInfo {
            seal_proof: sector.seal_proof,
            sector_number: sector.number,
            sealed_cid: sector.sealed_cid,
            // Before genesis; nothing is drawn for it.
            seal_rand_epoch: -1,
            deal_ids: Vec::new(),
            expiration: PRESEAL_LIFETIME,
            unsealed_cid: None,
        })
        .collect();
    let numbers = sectors.iter().map(|sector| sector.sector_number).collect();
    tell(
        machine,
        worker,
        miner,
        PRE_COMMIT_SECTOR_BATCH2,
        &PreCommitSectorBatchParams { sectors },
    )?;
    tell(
        machine,
        Address::new_id(0),
        miner,
        INTERNAL_SECTOR_SETUP_FOR_PRESEAL,
        &InternalSectorSetupForPresealParams {
            sectors: numbers,
            reward_smoothed: FilterEstimate::default(),
            reward_baseline_power: Zero::zero(),
            quality_adj_power_smoothed: FilterEstimate::default(),
        },
    )
}

/// Gives the miners the power of their sectors, as their first Window PoSt would.
fn activate(
    store: &SharedStore,
    root: &Cid,
    policy: &Policy,
    miners: &[ActorID],
) -> Result<Cid, ChainError> {
    let mut tree = StateTree::load(store.clone(), root)?;
    let (mut power_actor, mut powers) =
        state::<boatyard_power::State>(&tree, store, POWER_ACTOR_ID)?;
    for id in miners {
        let (mut actor, mut state) = state::<boatyard_miner::schema::State>(&tree, store, *id)?;
        let active = activate_partitions(&mut state, store).map_err(|error| bad(&error))?;
        actor.state = put(store, &state)?;
        tree.set_actor(*id, actor);
        let delta = power::UpdateClaimedPowerParams {
            raw_byte_delta: active.raw,
            quality_adjusted_delta: active.qa,
        };
        claim(&mut powers, policy, store, *id, &delta).map_err(|error| bad(&error))?;
    }
    // What the tick of an epoch would note.
    let (raw, qa) = powers.network_power();
    (
        powers.this_epoch_raw_byte_power,
        powers.this_epoch_quality_adj_power,
    ) = (raw.clone(), qa.clone());
    powers.this_epoch_pledge_collateral = powers.total_pledge_collateral.clone();
    power_actor.state = put(store, &powers)?;
    tree.set_actor(POWER_ACTOR_ID, power_actor);
    Ok(tree.flush()?)
}

fn claim(
    powers: &mut boatyard_power::State,
    policy: &Policy,
    store: &SharedStore,
    miner: ActorID,
    delta: &power::UpdateClaimedPowerParams,
) -> Result<(), boatyard_sdk::ActorError> {
    let miner = Address::new_id(miner);
    let mut claims = powers.claims.load(store)?;
    if let Some(claim) = claims.get(&miner)?.cloned() {
        claims.set(&miner, powers.change_claim(policy, &claim, delta)?)?;
    }
    powers.claims = claims.flush()?;
    Ok(())
}

fn activate_partitions(
    state: &mut boatyard_miner::schema::State,
    store: &SharedStore,
) -> Result<PowerPair, boatyard_sdk::ActorError> {
    let mut active = PowerPair::default();
    let mut deadlines = state.load_deadlines(store)?;
    for index in 0..deadlines.due.len() as u64 {
        let mut deadline = deadlines.load(store, index)?;
        if deadline.live_sectors == 0 {
            continue;
        }
        let mut partitions = deadline.partitions.load(store)?;
        for number in 0..partitions.count() {
            let Some(partition) = partitions.get(number)? else {
                continue;
            };
            let mut partition = partition.clone();
            active += &partition.activate_unproven();
            partitions.set(number, partition)?;
        }
        deadline.partitions = partitions.flush()?;
        deadlines.save(store, index, &deadline)?;
    }
    state.save_deadlines(store, &deadlines)?;
    Ok(active)
}

fn state<T: DeserializeOwned>(
    tree: &StateTree<SharedStore>,
    store: &SharedStore,
    id: ActorID,
) -> Result<(fvm_shared::state::ActorState, T), ChainError> {
    let actor = tree
        .actor(id)?
        .ok_or_else(|| ChainError::ActorNotFound(Address::new_id(id)))?;
    let state = store
        .get_cbor(&actor.state)
        .map_err(ChainError::Store)?
        .ok_or(ChainError::MissingBlock(actor.state))?;
    Ok((actor, state))
}

fn put(store: &SharedStore, value: &impl Serialize) -> Result<Cid, ChainError> {
    store
        .put_cbor(value, Code::Blake2b256)
        .map_err(ChainError::Store)
}

fn tell(
    machine: &mut dyn Machine,
    from: Address,
    to: Address,
    method: MethodNum,
    params: &impl Serialize,
) -> Result<(), ChainError> {
    send(machine, from, to, method, TokenAmount::zero(), params).map(drop)
}

fn ask<T: DeserializeOwned>(
    machine: &mut dyn Machine,
    from: Address,
    to: Address,
    method: MethodNum,
    value: TokenAmount,
    params: &impl Serialize,
) -> Result<T, ChainError> {
    let answer = send(machine, from, to, method, value, params)?;
    from_slice(&answer).map_err(|error| bad(&error))
}

fn send(
    machine: &mut dyn Machine,
    from: Address,
    to: Address,
    method_num: MethodNum,
    value: TokenAmount,
    params: &impl Serialize,
) -> Result<RawBytes, ChainError> {
    let message = Message {
        version: 0,
        from,
        to,
        sequence: 0,
        value,
        method_num,
        params: RawBytes::serialize(params).map_err(|error| bad(&error))?,
        gas_limit: GAS,
        gas_fee_cap: TokenAmount::zero(),
        gas_premium: TokenAmount::zero(),
    };
    let applied = machine.apply(&message, Mode::Implicit)?;
    if !applied.receipt.exit_code.is_success() {
        return Err(ChainError::Vm(VmError::Fatal(anyhow::anyhow!(
            "method {method_num} of {to} failed at genesis with exit code {}: {}",
            applied.receipt.exit_code,
            applied.error.as_deref().unwrap_or("no reason given"),
        ))));
    }
    Ok(applied.receipt.return_data)
}

/// The surroundings of genesis: nothing was before it.
struct Nothing;

impl ChainView for Nothing {
    fn ticket_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], LookupError> {
        nothing(epoch)
    }

    fn beacon_randomness(&self, epoch: ChainEpoch) -> Result<[u8; 32], LookupError> {
        nothing(epoch)
    }

    fn tipset_cid(&self, epoch: ChainEpoch) -> Result<Cid, LookupError> {
        nothing(epoch)
    }
}

fn nothing<T>(epoch: ChainEpoch) -> Result<T, LookupError> {
    Err(LookupError {
        epoch,
        reason: "there is nothing before genesis",
    })
}

/// Adds the providers to a genesis state and gives its new root.
pub(crate) fn add(
    store: &SharedStore,
    machines: &Arc<dyn Machines>,
    verifier: Arc<dyn ProofVerifier>,
    config: &ChainConfig,
    root: Cid,
    owners: Vec<ActorID>,
    providers: Vec<GenesisProvider>,
) -> Result<Cid, ChainError> {
    let context = Context {
        epoch: 0,
        timestamp: config.genesis_timestamp,
        base_fee: TokenAmount::zero(),
        circulating_supply: execute::circulating(store, &root)?,
        chain_id: config.chain_id,
        network_version: NETWORK_VERSION,
        chain: Arc::new(Nothing),
        verifier,
        substitutions: None,
        tracing: Tracing::Off,
        interceptor: None,
    };
    let policy = Policy::of(config.variant);
    let (answer, answered) = mpsc::channel();
    let (opener, store) = (machines.clone(), store.clone());
    machines.run(Box::new(move || {
        let work = || -> Result<Cid, ChainError> {
            let mut machine = opener.open(Purpose::NullRounds, store.clone(), root, context)?;
            let miners = create(machine.as_mut(), &owners, &providers)?;
            let root = machine.flush()?;
            activate(&store, &root, policy, &miners)
        };
        // The receiver outlives the work.
        let _ = answer.send(work());
    }))?;
    answered
        .recv()
        .map_err(|_| ChainError::Config("the genesis of the providers was given up".into()))?
}

fn bad(error: &dyn std::fmt::Display) -> ChainError {
    ChainError::Vm(VmError::Fatal(anyhow::anyhow!(
        "the genesis of a provider: {error}"
    )))
}
