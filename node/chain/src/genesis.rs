//! The genesis state and block (spec 09 §1-5).
//!
//! States are written as data; no constructor runs. The actors that later epochs
//! need exist from the start, whether or not their code does already.

use alloy::primitives::Address as EthAddress;
use boatyard_vm::machine::VmError;
use boatyard_vm::state::{InitState, StateTree};
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::CborStore;
use fvm_ipld_hamt::Hamt;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;
use fvm_shared::state::ActorState;
use fvm_shared::{ActorID, EMPTY_ARR_CID, HAMT_BIT_WIDTH};
use multihash_codetable::Code;

use crate::accounts::{Accounts, FIRST_DEV_ACCOUNT, OPERATOR, WORKER};
use crate::block::{BeaconEntry, BlockHeader, ElectionProof, Ticket};
use crate::config::ChainConfig;
use crate::error::ChainError;
use crate::evm_state::EvmState;
use crate::message_meta::{self, MessageMeta};

mod contracts;
mod providers;
pub(crate) mod states;

pub(crate) use providers::add as add_providers;
pub use providers::{GenesisProvider, PRESEAL_LIFETIME, PresealedSector};

use states::{
    CronState, DatacapState, MarketState, MultisigState, PowerState, RewardState, VerifregState,
};

/// FIL that exists, all told.
pub const TOTAL_FIL: u64 = 2_000_000_000;
/// FIL of the reward actor f02.
pub const REWARD_FIL: u64 = 1_100_000_000;
/// FIL of the reserve f090.
pub const RESERVE_FIL: u64 = 300_000_000;
/// FIL of the operator f0100, before it funds the development accounts.
pub const OPERATOR_FIL: u64 = 500_000_000;
/// FIL of the worker f0101.
pub const WORKER_FIL: u64 = 100_000_000;
/// FIL that the owners of all further providers share, from the worker's: enough for
/// the deposits of a small network.
pub const MORE_WORKERS_FIL: u64 = 50_000_000;
/// FIL that counts as vested from the start: what the accounts have.
pub const VESTED_FIL: u64 = OPERATOR_FIL + WORKER_FIL;

/// Root key holder of the verified registry.
pub const VERIFREG_ROOT: ActorID = 80;
/// The reserve.
pub const RESERVE: ActorID = 90;
/// Burnt funds.
pub const BURNT_FUNDS: ActorID = 99;
/// The ID of the first actor that is created on the running chain.
pub const FIRST_FREE_ID: ActorID = 1000;

/// Parent of every Filecoin genesis block, by custom.
const GENESIS_PARENT: &str = "bafyreiaqpwbbyjo4a42saasj36kkrpv4tsherf2e7bvezkert2a7dhonoi";

/// What the genesis state is built from besides the configuration.
#[derive(Debug, Clone, Default)]
pub struct GenesisActors {
    /// Name and code of the sixteen built-in actors, in the manifest's order.
    pub builtin: Vec<(String, Cid)>,
    /// Actors of the devnet only: ID, code, and the block of the state.
    pub extra: Vec<ExtraActor>,
    /// Storage providers with what they have sealed: f01000 and on.
    pub providers: Vec<GenesisProvider>,
}

/// An actor that only a devnet has.
#[derive(Debug, Clone)]
pub struct ExtraActor {
    /// Its ID.
    pub id: ActorID,
    /// Its code.
    pub code: Cid,
    /// DAG-CBOR block of its state.
    pub state: Vec<u8>,
}

/// Writes the genesis state without providers; gives its root, and who will own
/// them.
pub(crate) fn write_state(
    store: &SharedStore,
    config: &ChainConfig,
    accounts: &Accounts,
    actors: &GenesisActors,
) -> Result<(Cid, Vec<ActorID>), ChainError> {
    let mut genesis = Genesis::new(store, actors)?;
    genesis.singletons(&config.network_name)?;
    genesis.accounts(config, accounts)?;
    genesis.contracts()?;
    let owners = genesis.workers(accounts)?;
    for extra in &actors.extra {
        let head = crate::store::block_cid(&extra.state);
        store
            .put_keyed(&head, &extra.state)
            .map_err(ChainError::Store)?;
        genesis.put(extra.id, extra.code, head, TokenAmount::default(), None);
    }
    Ok((genesis.finish()?, owners))
}

/// The header of the genesis block.
pub(crate) fn header(
    store: &SharedStore,
    config: &ChainConfig,
    state_root: Cid,
) -> Result<BlockHeader, ChainError> {
    let messages = MessageMeta::store(store, &[], &[])?;
    Ok(BlockHeader {
        miner: Address::new_id(0),
        ticket: Some(Ticket {
            vrf_proof: vec![0; 32],
        }),
        election_proof: Some(ElectionProof {
            win_count: 0,
            vrf_proof: Vec::new(),
        }),
        beacon_entries: vec![BeaconEntry {
            round: 0,
            data: vec![0; 32],
        }],
        win_post_proof: Vec::new(),
        parents: vec![Cid::try_from(GENESIS_PARENT).expect("the constant is a CID")],
        parent_weight: BigInt::default(),
        height: 0,
        parent_state_root: state_root,
        parent_message_receipts: message_meta::receipts_root(store, &[])?,
        messages,
        bls_aggregate: None,
        timestamp: config.genesis_timestamp,
        block_sig: None,
        fork_signaling: 0,
        parent_base_fee: config.initial_base_fee.clone(),
    })
}

struct Genesis<'a> {
    store: &'a SharedStore,
    actors: &'a GenesisActors,
    tree: StateTree<SharedStore>,
    addresses: Hamt<SharedStore, ActorID>,
    network_name: String,
    next_id: ActorID,
}

impl<'a> Genesis<'a> {
    fn new(store: &'a SharedStore, actors: &'a GenesisActors) -> Result<Self, ChainError> {
        // A state's empty array stands for "no state" in many places.
        put(store, &[(); 0])?;
        Ok(Self {
            store,
            actors,
            tree: StateTree::new(store.clone())?,
            addresses: Hamt::new_with_bit_width(store.clone(), HAMT_BIT_WIDTH),
            network_name: String::new(),
            next_id: FIRST_DEV_ACCOUNT,
        })
    }

    fn singletons(&mut self, network_name: &str) -> Result<(), ChainError> {
        let store = self.store;
        self.network_name = network_name.into();
        let manifest = put(store, &self.actors.builtin)?;
        self.singleton(0, "system", put(store, &(manifest,))?, 0)?;
        self.singleton(
            2,
            "reward",
            put(store, &RewardState::genesis())?,
            REWARD_FIL,
        )?;
        self.singleton(3, "cron", put(store, &CronState::genesis())?, 0)?;
        self.singleton(
            4,
            "storagepower",
            put(store, &PowerState::genesis(store)?)?,
            0,
        )?;
        self.singleton(
            5,
            "storagemarket",
            put(store, &MarketState::genesis(store)?)?,
            0,
        )?;
        self.singleton(
            6,
            "verifiedregistry",
            put(store, &VerifregState::genesis(store)?)?,
            0,
        )?;
        self.singleton(7, "datacap", put(store, &DatacapState::genesis(store)?)?, 0)?;
        self.singleton(10, "eam", EMPTY_ARR_CID, 0)?;
        let burnt = put(store, &(Address::new_id(BURNT_FUNDS),))?;
        self.singleton(BURNT_FUNDS, "account", burnt, 0)?;
        let multisig = put(store, &MultisigState::one_of_one(store, OPERATOR)?)?;
        self.singleton(VERIFREG_ROOT, "multisig", multisig, 0)?;
        self.singleton(RESERVE, "multisig", multisig, RESERVE_FIL)
    }

    fn accounts(&mut self, config: &ChainConfig, accounts: &Accounts) -> Result<(), ChainError> {
        let operator = Accounts::operator_balance(config)?;
        self.account(OPERATOR, accounts.operator.address(), operator)?;
        let count = accounts.more_workers.len() as u64;
        let spent = more_worker_fil(accounts) * count;
        let worker = TokenAmount::from_whole(WORKER_FIL - spent);
        self.account(WORKER, accounts.worker.address(), worker)?;
        for key in &accounts.dev_native {
            let id = self.take_id();
            self.account(id, key.address(), config.account_balance.clone())?;
        }
        for key in &accounts.dev {
            let id = self.take_id();
            let code = self.code("ethaccount")?;
            self.map(key.address(), id)?;
            let balance = config.account_balance.clone();
            self.put(id, code, EMPTY_ARR_CID, balance, Some(key.address()));
        }
        Ok(())
    }

    /// Owners of the providers, in their order.
    fn workers(&mut self, accounts: &Accounts) -> Result<Vec<ActorID>, ChainError> {
        let mut owners = vec![WORKER];
        for key in &accounts.more_workers {
            let id = self.take_id();
            let balance = TokenAmount::from_whole(more_worker_fil(accounts));
            self.account(id, key.address(), balance)?;
            owners.push(id);
        }
        Ok(owners)
    }

    fn contracts(&mut self) -> Result<(), ChainError> {
        for contract in contracts::PREINSTALLED {
            let address = Address::new_delegated(
                crate::ethereum::EAM,
                EthAddress::from(contract.address).as_slice(),
            )
            .expect("20 bytes fit into a delegated address");
            let head = EvmState::new(self.store, &contract.code())?.save(self.store)?;
            let id = self.take_id();
            let code = self.code("evm")?;
            self.map(address, id)?;
            self.put(id, code, head, TokenAmount::default(), Some(address));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Cid, ChainError> {
        let init = InitState {
            address_map: self.addresses.flush().map_err(broken)?,
            next_id: FIRST_FREE_ID,
            network_name: std::mem::take(&mut self.network_name),
        };
        let head = init.save(self.store)?;
        let code = self.code("init")?;
        self.put(1, code, head, TokenAmount::default(), None);
        Ok(self.tree.flush()?)
    }

    fn singleton(
        &mut self,
        id: ActorID,
        name: &str,
        head: Cid,
        fil: u64,
    ) -> Result<(), ChainError> {
        let code = self.code(name)?;
        self.put(id, code, head, TokenAmount::from_whole(fil), None);
        Ok(())
    }

    fn account(
        &mut self,
        id: ActorID,
        key: Address,
        balance: TokenAmount,
    ) -> Result<(), ChainError> {
        let code = self.code("account")?;
        let head = put(self.store, &(key,))?;
        self.map(key, id)?;
        self.put(id, code, head, balance, None);
        Ok(())
    }

    fn put(
        &mut self,
        id: ActorID,
        code: Cid,
        head: Cid,
        balance: TokenAmount,
        delegated: Option<Address>,
    ) {
        self.tree
            .set_actor(id, ActorState::new(code, head, balance, 0, delegated));
    }

    fn map(&mut self, address: Address, id: ActorID) -> Result<(), ChainError> {
        self.addresses
            .set(address.to_bytes().into(), id)
            .map_err(broken)?;
        Ok(())
    }

    fn take_id(&mut self) -> ActorID {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    fn code(&self, name: &str) -> Result<Cid, ChainError> {
        let found = self
            .actors
            .builtin
            .iter()
            .find(|(listed, _)| listed == name);
        found.map(|(_, code)| *code).ok_or_else(|| {
            ChainError::Config(format!("the actor bundle has no actor called {name}"))
        })
    }
}

/// FIL of each further provider's owner.
fn more_worker_fil(accounts: &Accounts) -> u64 {
    MORE_WORKERS_FIL / (accounts.more_workers.len() as u64).max(1)
}

fn put<T: serde::Serialize>(store: &SharedStore, value: &T) -> Result<Cid, ChainError> {
    store
        .put_cbor(value, Code::Blake2b256)
        .map_err(ChainError::Store)
}

fn broken(error: fvm_ipld_hamt::Error) -> ChainError {
    ChainError::Vm(VmError::State(error.into()))
}

#[cfg(test)]
mod tests;
