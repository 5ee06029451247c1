//! Built-in actors: their states, read block by block, and messages to them.
//!
//! Parameters, returns and states are the types of the actors' own crates, so what
//! a command says and what an actor understands cannot drift apart.

use std::cell::RefCell;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use boatyard_chain::{Key, SignatureKind};
use boatyard_sdk::{Actor, ActorError, Type};
use cid::Cid;
use clap::Args;
use console::style;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::from_slice;
use fvm_shared::address::{Address, Payload};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::crypto::signature::{Signature, SignatureType};
use fvm_shared::econ::TokenAmount;
use fvm_shared::{ActorID, MethodNum};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::actor::{self, ActorInfo};
use crate::failure::Failure;
use crate::message::{self, Draft, Sending, Sent, encoded, people_amount};
use crate::output::{Output, grouped, say};
use crate::rpc::Rpc;
use crate::signer::{Side, SignerArgs};

/// The node's blocks, fetched one by one as they are needed. Nothing is written.
pub struct Blocks<'a> {
    rpc: &'a Rpc,
    seen: RefCell<HashMap<Cid, Vec<u8>>>,
}

impl<'a> Blocks<'a> {
    /// Those of a node.
    pub fn of(rpc: &'a Rpc) -> Self {
        Self {
            rpc,
            seen: RefCell::default(),
        }
    }

    /// The state of an actor that must be of this type.
    ///
    /// # Errors
    /// There is no such actor, it is another one, or its state cannot be read.
    pub fn state<T: DeserializeOwned>(
        &self,
        address: &Address,
        kind: Type,
    ) -> Result<(ActorInfo, T), Failure> {
        let info = actor::resolve(self.rpc, address)?;
        if info.actor.as_deref() != Some(kind.name()) {
            return Err(Failure::new(format!(
                "{address} is {}, not {}",
                info.name(),
                kind.name()
            )));
        }
        let head = boatyard_abi::parse_cid(&info.head).map_err(unreadable(address))?;
        let block = self
            .get(&head)
            .map_err(|error| unreadable(address)(format!("{error:#}")))?
            .ok_or_else(|| unreadable(address)(format!("the node has no block {head}")))?;
        let state = from_slice(&block).map_err(|error| unreadable(address)(error.to_string()))?;
        Ok((info, state))
    }

    /// The state of an actor that every network has one of.
    ///
    /// # Errors
    /// As [`Self::state`].
    pub fn singleton<T: DeserializeOwned>(&self, id: ActorID, kind: Type) -> Result<T, Failure> {
        Ok(self.state(&Address::new_id(id), kind)?.1)
    }
}

fn unreadable(address: &Address) -> impl Fn(String) -> Failure {
    let address = *address;
    move |why| Failure::new(format!("the state of {address} cannot be read")).why(why)
}

/// What an actor's collections complain about.
pub fn broken(error: ActorError) -> Failure {
    Failure::new("the state cannot be read").why(error.message().to_owned())
}

impl Blockstore for Blocks<'_> {
    fn get(&self, cid: &Cid) -> anyhow::Result<Option<Vec<u8>>> {
        if let Some(block) = self.seen.borrow().get(cid) {
            return Ok(Some(block.clone()));
        }
        let link = json!({ "/": cid.to_string() });
        let text: String = self.rpc.call("Filecoin.ChainReadObj", [link])?;
        let block = BASE64.decode(text)?;
        self.seen.borrow_mut().insert(*cid, block.clone());
        Ok(Some(block))
    }

    fn put_keyed(&self, cid: &Cid, block: &[u8]) -> anyhow::Result<()> {
        // Collections store what they change; nobody sees it.
        self.seen.borrow_mut().insert(*cid, block.to_vec());
        Ok(())
    }
}

/// The ID behind an address.
///
/// # Errors
/// Nobody has this address.
pub fn id_of(rpc: &Rpc, address: &Address) -> Result<ActorID, Failure> {
    if let Payload::ID(id) = address.payload() {
        return Ok(*id);
    }
    let info = actor::resolve(rpc, address)?;
    info.id()
}

/// The epoch of the newest tipset.
///
/// # Errors
/// The node gives no answer.
pub fn epoch(rpc: &Rpc) -> Result<ChainEpoch, Failure> {
    let info: Value = rpc.call("boatyard_nodeInfo", [])?;
    info["epoch"]
        .as_i64()
        .ok_or_else(|| Failure::new("the node does not say which epoch it is"))
}

/// The code of a type of built-in actors on this network.
///
/// # Errors
/// The node gives no answer.
pub fn code_of(rpc: &Rpc, kind: Type) -> Result<Cid, Failure> {
    let answer: Value = rpc.call("boatyard_abi", [json!(kind.name())])?;
    let text = answer["code"].as_str().unwrap_or_default();
    boatyard_abi::parse_cid(text)
        .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))
}

/// The number of a method by its name in the actor's source.
pub fn method<A: Actor>(name: &str) -> MethodNum {
    let mut methods = A::ABI.methods.iter();
    let found = methods.find(|method| method.name == name);
    found.expect("commands name methods that there are").number
}

/// A call of a built-in actor's method by its name in the actor's source.
///
/// # Errors
/// The parameters cannot be encoded.
pub fn call<A: Actor>(to: Address, name: &str, params: &impl Serialize) -> Result<Draft, Failure> {
    Ok(Draft {
        to,
        method: method::<A>(name),
        params: encoded(params)?,
        value: TokenAmount::default(),
    })
}

/// The same for a method without parameters.
pub fn bare_call<A: Actor>(to: Address, name: &str) -> Draft {
    Draft {
        to,
        method: method::<A>(name),
        params: Vec::new(),
        value: TokenAmount::default(),
    }
}

/// Options of commands that send messages to built-in actors.
#[derive(Debug, Clone, Args)]
pub struct SendingArgs {
    /// Gas limit; estimated if none is given, and then a message that would fail
    /// is not sent
    #[arg(long, value_name = "GAS")]
    gas_limit: Option<u64>,

    #[command(flatten)]
    pub signer: SignerArgs,
}

impl SendingArgs {
    /// Who sends, from a Filecoin address.
    ///
    /// # Errors
    /// There is no such key.
    pub fn sender<'a>(&self, rpc: &'a Rpc, output: Output) -> Result<Sender<'a>, Failure> {
        Ok(self.sender_with(rpc, output, self.signer.key(rpc, Side::Native)?))
    }

    /// Somebody else sends.
    pub fn sender_with<'a>(&self, rpc: &'a Rpc, output: Output, key: Key) -> Sender<'a> {
        Sender {
            rpc,
            output,
            key,
            gas_limit: self.gas_limit,
        }
    }
}

/// Who sends messages, and how.
pub struct Sender<'a> {
    rpc: &'a Rpc,
    output: Output,
    key: Key,
    gas_limit: Option<u64>,
}

impl Sender<'_> {
    /// The address of the key.
    pub fn address(&self) -> Address {
        self.key.address()
    }

    /// Signs bytes that an actor will be shown.
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        actor_signature(self.key.sign(bytes))
    }

    /// Sends a message that must succeed and waits for it.
    ///
    /// # Errors
    /// With `what` did not happen, if the message fails.
    pub fn send(&self, draft: &Draft, what: &str) -> Result<Sent, Failure> {
        let sending = Sending {
            gas_limit: self.gas_limit,
            no_wait: false,
        };
        let sent = message::send(self.rpc, self.output, &self.key, draft, sending)
            .map_err(|failure| failure.context(what))?;
        match &sent.outcome {
            Some(traced) if traced.trace.exit_code != 0 => {
                Err(message::failed(&traced.trace, what).help(format!(
                    "boatyard trace {} shows every call inside",
                    sent.hash
                )))
            }
            _ => Ok(sent),
        }
    }
}

/// A signature as actors take it; those of f410 addresses are none.
pub fn actor_signature(signed: boatyard_chain::Signature) -> Signature {
    Signature {
        sig_type: match signed.kind {
            SignatureKind::Bls => SignatureType::BLS,
            _ => SignatureType::Secp256k1,
        },
        bytes: signed.data,
    }
}

/// A command's result with the message that brought it about, for programs.
pub fn with_message(mut result: Value, sent: &Sent) -> Value {
    result["cid"] = json!(sent.cid.to_string());
    result["hash"] = json!(sent.hash);
    if let Some(traced) = &sent.outcome {
        result["epoch"] = json!(traced.trace.epoch);
        result["gas_used"] = json!(traced.trace.gas_used);
        result["gas_cost"] = json!(traced.trace.gas_cost);
    }
    result
}

/// The message that brought a result about, for people.
pub fn say_message(sent: &Sent) {
    field("message", sent.cid);
    field("hash", &sent.hash);
    if let Some(traced) = &sent.outcome {
        let gas = grouped(traced.trace.gas_used);
        field(
            "gas",
            format_args!("{gas}, {}", people_amount(&traced.trace.gas_cost)),
        );
    }
}

/// A labelled line.
pub fn field(label: &str, value: impl std::fmt::Display) {
    say!("{} {value}", style(format!("{label:<10}")).cyan());
}
