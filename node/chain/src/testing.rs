//! A scripted machine, so that the chain can be tested without actors.
//!
//! It keeps the real rules around a message (nonces, gas money, automatic
//! accounts) and replaces what actors do: cron and the reward leave a trace in
//! the state, and a contract call does what its input says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use boatyard_vm::apply::{TreeLedger, admit, inclusion_gas, settle};
use boatyard_vm::context::{Context, ProofVerifier, VerifyError};
use boatyard_vm::machine::{Applied, GasOutputs, Machine, Mode, VmError};
use boatyard_vm::state::{Manifest, StateTree};
use boatyard_vm::store::SharedStore;
use boatyard_vm::trace::{Call, CallTrace, Outcome};
use cid::Cid;
use fvm_ipld_amt::Amt;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::{CborStore, RawBytes};
use fvm_shared::ActorID;
use fvm_shared::address::{Address, Payload};
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use fvm_shared::event::{ActorEvent, Entry, Flags, StampedEvent};
use fvm_shared::message::Message;
use fvm_shared::piece::PieceInfo;
use fvm_shared::receipt::Receipt;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};
use fvm_shared::state::ActorState;
use multihash_codetable::{Code, MultihashDigest};

use crate::config::ChainConfig;
use crate::ethereum::{INVOKE_EVM, cbor_bytes, from_cbor_bytes};
use crate::genesis::GenesisActors;
use crate::handle::{ChainHandle, ChainSetup};
use crate::machines::{Machines, Purpose};
use crate::message::SignedMessage;

/// Gas that every scripted message uses besides its inclusion.
pub(crate) const GAS: u64 = 1_000_000;

const NAMES: [&str; 16] = [
    "system",
    "init",
    "cron",
    "account",
    "storagepower",
    "storageminer",
    "storagemarket",
    "paymentchannel",
    "multisig",
    "reward",
    "verifiedregistry",
    "datacap",
    "placeholder",
    "evm",
    "eam",
    "ethaccount",
];

/// Actors whose code CIDs are digests of their names.
pub(crate) fn actors() -> GenesisActors {
    let builtin = NAMES
        .iter()
        .map(|name| {
            let digest = Code::Blake2b256.digest(name.as_bytes());
            (
                (*name).to_string(),
                Cid::new_v1(fvm_ipld_encoding::IPLD_RAW, digest),
            )
        })
        .collect();
    GenesisActors {
        builtin,
        extra: Vec::new(),
        providers: Vec::new(),
    }
}

/// A chain of scripted machines.
pub(crate) fn chain(config: ChainConfig) -> ChainHandle {
    chain_of(config, Arc::new(Script::default()))
}

/// The same with a look at the machines.
pub(crate) fn chain_of(config: ChainConfig, script: Arc<Script>) -> ChainHandle {
    ChainHandle::start(ChainSetup {
        config,
        store: SharedStore::memory(),
        file: None,
        actors: actors(),
        machines: script,
        verifier: Arc::new(Unreachable),
    })
    .expect("the configuration is good")
}

/// Three accounts; everything else as always.
pub(crate) fn config() -> ChainConfig {
    ChainConfig {
        accounts: 3,
        genesis_timestamp: 1_700_000_000,
        ..ChainConfig::default()
    }
}

/// A message of a development account as it would be signed by a wallet.
pub(crate) fn signed(
    chain: &ChainHandle,
    account: usize,
    nonce: u64,
    change: impl FnOnce(&mut Message),
) -> SignedMessage {
    let key = &chain.dev_accounts()[account];
    let mut message = Message {
        version: 0,
        from: key.address(),
        to: chain.dev_accounts()[2].address(),
        sequence: nonce,
        value: TokenAmount::from_whole(1),
        method_num: INVOKE_EVM,
        params: RawBytes::default(),
        gas_limit: 5_000_000,
        gas_fee_cap: TokenAmount::from_atto(1_000_000),
        gas_premium: TokenAmount::from_atto(200_000),
    };
    change(&mut message);
    let key = chain
        .keyring()
        .get(&message.from)
        .expect("the node has the sender's key");
    key.sign_message(message, chain.config().chain_id)
        .expect("it is a transaction")
}

/// Parameters of a call with this input.
pub(crate) fn input(text: &str) -> RawBytes {
    if text.is_empty() {
        RawBytes::default()
    } else {
        cbor_bytes(text.as_bytes())
    }
}

/// Opens scripted machines and counts them.
#[derive(Default)]
pub(crate) struct Script {
    pub opened: AtomicU64,
}

impl Machines for Script {
    fn open(
        &self,
        _: Purpose,
        store: SharedStore,
        root: Cid,
        context: Context,
    ) -> Result<Box<dyn Machine>, VmError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let tree = StateTree::load(store, &root)?;
        let manifest = tree.manifest()?;
        Ok(Box::new(Scripted {
            tree,
            manifest,
            context,
        }))
    }
}

struct Scripted {
    tree: StateTree<SharedStore>,
    manifest: Manifest,
    context: Context,
}

/// What a script did.
struct Ran {
    exit: ExitCode,
    data: Vec<u8>,
    events: Vec<StampedEvent>,
    gas: u64,
}

impl Ran {
    fn ok(data: Vec<u8>) -> Self {
        Self {
            exit: ExitCode::OK,
            data,
            // As the FVM does.
            events: Vec::with_capacity(128),
            gas: GAS,
        }
    }

    fn failed(exit: u32, data: &[u8]) -> Self {
        let data = cbor_bytes(data).to_vec();
        Self {
            exit: ExitCode::new(exit),
            data,
            ..Self::ok(Vec::new())
        }
    }
}

impl Scripted {
    fn ledger(&mut self) -> TreeLedger<'_, SharedStore> {
        TreeLedger {
            tree: &mut self.tree,
            manifest: &self.manifest,
        }
    }

    fn implicit(&mut self, message: &Message) -> Result<Ran, VmError> {
        match message.to.id() {
            // Cron counts its runs in a field that nobody else uses.
            Ok(3) => self.tree.modify(3, |actor| {
                actor.sequence += 1;
                Ok(())
            })?,
            // A reward burns one FIL and the tips.
            Ok(2) => {
                let (_, _, tips, _): (Address, TokenAmount, TokenAmount, i64) =
                    message.params.deserialize().expect("the chain made them");
                self.move_value(2, 99, &(tips + TokenAmount::from_whole(1)))?;
            }
            other => panic!("the chain sends nothing implicit to {other:?}"),
        }
        Ok(Ran::ok(Vec::new()))
    }

    fn move_value(&mut self, from: u64, to: u64, value: &TokenAmount) -> Result<(), VmError> {
        self.tree.modify(from, |actor| {
            actor.balance -= value;
            Ok(())
        })?;
        self.tree.modify(to, |actor| {
            actor.balance += value;
            Ok(())
        })
    }

    fn receiver(&mut self, to: &Address) -> Result<ActorID, VmError> {
        if let Some(id) = self.tree.resolve(to)? {
            return Ok(id);
        }
        let id = self.tree.register(to)?;
        let code = |name| self.manifest.code_of(name).expect("it is listed");
        let actor = match to.payload() {
            Payload::Delegated(_) => ActorState::new_empty(code("placeholder"), Some(*to)),
            _ => {
                let head = self.tree.store().put_cbor(&(to,), Code::Blake2b256);
                let head = head.map_err(VmError::State)?;
                ActorState::new(code("account"), head, TokenAmount::default(), 0, None)
            }
        };
        self.tree.set_actor(id, actor);
        Ok(id)
    }

    fn execute(&mut self, sender: ActorID, message: &Message) -> Result<Ran, VmError> {
        let to = self.receiver(&message.to)?;
        let have = self
            .tree
            .actor(sender)?
            .map(|actor| actor.balance)
            .unwrap_or_default();
        if have < message.value {
            return Ok(Ran::failed(6, b""));
        }
        self.move_value(sender, to, &message.value)?;
        let input = from_cbor_bytes(message.params.bytes()).unwrap_or_default();
        let text = String::from_utf8(input).expect("scripts are text");
        let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
        Ok(match verb {
            "" => Ran::ok(cbor_bytes(&[]).to_vec()),
            "say" => Ran::ok(cbor_bytes(rest.as_bytes()).to_vec()),
            "revert" => Ran::failed(33, rest.as_bytes()),
            "log" => {
                let mut ran = Ran::ok(cbor_bytes(&[]).to_vec());
                for word in rest.split(' ') {
                    ran.events.push(StampedEvent::new(to, log(word)));
                }
                ran
            }
            "need" => {
                let needed: u64 = rest.parse().expect("a number");
                if message.gas_limit < needed {
                    Ran::failed(7, b"")
                } else {
                    Ran::ok(Vec::new())
                }
            }
            "ticket" => {
                let drawn = self
                    .context
                    .chain
                    .ticket_randomness(rest.parse().expect("an epoch"));
                Ran::ok(drawn.expect("the chain has it").to_vec())
            }
            "environment" => {
                Ran::ok(format!("{} {}", self.context.epoch, self.context.timestamp).into_bytes())
            }
            "balance" => {
                let id: u64 = rest.parse().expect("an ID");
                let balance = self
                    .tree
                    .actor(id)?
                    .map(|actor| actor.balance)
                    .unwrap_or_default();
                Ran::ok(balance.atto().to_string().into_bytes())
            }
            "fault" => return Err(VmError::Fatal(anyhow::anyhow!("as the script says"))),
            other => panic!("no script for {other}"),
        })
    }
}

/// An Ethereum log without topics but one, or with a native entry for "native".
pub(crate) fn log(topic: &str) -> ActorEvent {
    if topic == "native" {
        let flags = Flags::FLAG_INDEXED_ALL;
        let entry = Entry {
            flags,
            key: "$type".into(),
            codec: 0x51,
            value: vec![0x60],
        };
        return ActorEvent::from(vec![entry]);
    }
    let mut value = vec![0; 32];
    value[..topic.len()].copy_from_slice(topic.as_bytes());
    let entry = Entry {
        flags: Flags::FLAG_INDEXED_ALL,
        key: "t1".into(),
        codec: 0x55,
        value,
    };
    ActorEvent::from(vec![entry])
}

impl Machine for Scripted {
    fn apply(&mut self, message: &Message, mode: Mode) -> Result<Applied, VmError> {
        let inclusion = match mode {
            Mode::Explicit { chain_length } => {
                inclusion_gas(self.context.network_version, chain_length)
            }
            Mode::Implicit | Mode::Unchecked => 0,
        };
        let base_fee = self.context.base_fee.clone();
        let sender = match admit(&mut self.ledger(), message, mode, &base_fee, inclusion)? {
            Ok(sender) => sender,
            Err(refusal) => return Ok(refusal.into()),
        };
        let layer = self.tree.begin();
        let mut ran = match mode {
            Mode::Implicit => self.implicit(message)?,
            Mode::Explicit { .. } | Mode::Unchecked => self.execute(sender, message)?,
        };
        ran.gas += inclusion;
        if ran.gas > message.gas_limit {
            ran = Ran {
                gas: message.gas_limit,
                ..Ran::failed(7, b"")
            };
        }
        if ran.exit.is_success() {
            self.tree.commit(layer);
        } else {
            ran.events.clear();
            self.tree.revert(layer);
        }
        let gas = match mode {
            Mode::Explicit { .. } => {
                settle(&mut self.ledger(), sender, message, ran.gas, &base_fee)?
            }
            Mode::Implicit | Mode::Unchecked => GasOutputs::default(),
        };
        let events_root = if ran.events.is_empty() {
            None
        } else {
            // Whoever wants the array in the store puts it there.
            let nowhere = SharedStore::memory();
            let root = Amt::new_from_iter_with_bit_width(nowhere, 5, ran.events.iter().cloned());
            Some(root.map_err(|error| VmError::State(error.into()))?)
        };
        let trace =
            (self.context.tracing != boatyard_vm::context::Tracing::Off).then(|| CallTrace {
                call: Call {
                    from: sender,
                    to: message.to,
                    value: message.value.clone(),
                    method: message.method_num,
                    params: None,
                    gas_limit: Some(message.gas_limit),
                    read_only: false,
                },
                to_id: None,
                code: None,
                constructor: false,
                outcome: Outcome::Returned {
                    exit_code: ran.exit,
                    data: None,
                },
                message: None,
                gas_used: ran.gas,
                events: Vec::new(),
                logs: Vec::new(),
                charges: Vec::new(),
                accesses: Vec::new(),
                calls: Vec::new(),
            });
        Ok(Applied {
            receipt: Receipt {
                exit_code: ran.exit,
                return_data: RawBytes::new(ran.data),
                gas_used: ran.gas,
                events_root,
            },
            return_codec: Some(0x51),
            events: ran.events,
            gas,
            error: None,
            trace,
            refused: false,
        })
    }

    fn flush(&mut self) -> Result<Cid, VmError> {
        self.tree.flush()
    }

    fn resolve(&self, address: &Address) -> Result<Option<ActorID>, VmError> {
        self.tree.resolve(address)
    }

    fn actor(&self, id: ActorID) -> Result<Option<ActorState>, VmError> {
        self.tree.actor(id)
    }

    fn set_actor(&mut self, id: ActorID, actor: Option<ActorState>) -> Result<(), VmError> {
        match actor {
            Some(actor) => self.tree.set_actor(id, actor),
            None => self.tree.delete_actor(id),
        }
        Ok(())
    }

    fn register(&mut self, address: &Address) -> Result<ActorID, VmError> {
        self.tree.register(address)
    }

    fn enter(&mut self, context: &Context) -> bool {
        // Every third epoch as a machine that cannot, so that tests see both ways.
        if context.epoch % 3 == 0 {
            return false;
        }
        self.context = context.clone();
        true
    }

    fn block(&self, cid: &Cid) -> Result<Option<Vec<u8>>, VmError> {
        self.tree.store().get(cid).map_err(VmError::State)
    }
}

/// The verifier of tests in which nothing is proven.
pub(crate) struct Unreachable;

impl ProofVerifier for Unreachable {
    fn verify_post(&self, _: &WindowPoStVerifyInfo) -> Result<bool, VerifyError> {
        unreachable!("scripts prove nothing")
    }
    fn batch_verify_seals(&self, _: &[SealVerifyInfo]) -> Result<Vec<bool>, VerifyError> {
        unreachable!("scripts prove nothing")
    }
    fn verify_aggregate_seals(
        &self,
        _: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, VerifyError> {
        unreachable!("scripts prove nothing")
    }
    fn verify_replica_update(&self, _: &ReplicaUpdateInfo) -> Result<bool, VerifyError> {
        unreachable!("scripts prove nothing")
    }
    fn unsealed_sector_cid(
        &self,
        _: RegisteredSealProof,
        _: &[PieceInfo],
    ) -> Result<Cid, VerifyError> {
        unreachable!("scripts prove nothing")
    }
    fn verify_consensus_fault(
        &self,
        _: &[u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<Option<ConsensusFault>, VerifyError> {
        unreachable!("scripts prove nothing")
    }
}

/// All balances of a state.
pub(crate) fn balances(chain: &ChainHandle, root: Cid) -> BTreeMap<ActorID, TokenAmount> {
    let actors = chain.state(root).actors().expect("the state is whole");
    actors
        .into_iter()
        .map(|(id, actor)| (id, actor.balance))
        .collect()
}

/// Their sum.
pub(crate) fn total(chain: &ChainHandle, root: Cid) -> TokenAmount {
    balances(chain, root).into_values().sum()
}
