//! The files: zstd-compressed JSON, one scenario each.
//!
//! Format: `testkit/vectors/README.md`. Everything is decoded into the types of
//! the machine while reading, so that a file with a typo fails to load instead
//! of failing to match.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boatyard_sdk::NetworkVariant;
use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::{Address, Network};
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::state::ActorState;
use fvm_shared::{ActorID, MethodNum};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::{Deserializer, Error as _};
use serde_json::{Map, Value};

/// The only version of the format.
pub const FORMAT: u64 = 1;

/// A scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// Version of the format.
    pub format: u64,
    /// Base name of the file.
    pub name: String,
    /// Version of the actors that were recorded.
    pub actors_version: u64,
    /// Primitives that some step replaces.
    pub custom_primitives: Vec<String>,
    /// The world before the first step.
    pub pre: World,
    /// Blocks that the world and the `set_actor` steps refer to.
    pub blocks: BTreeMap<Text<Cid>, Bytes>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// The world before the first step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// Current epoch.
    pub epoch: ChainEpoch,
    /// What the circulating-supply system call returns.
    pub circulating_supply: Atto,
    /// Network version.
    pub network_version: u32,
    /// Policy set of the actors.
    pub policy: Policy,
    /// EIP-155 chain ID.
    pub chain_id: u64,
    /// Base fee.
    pub base_fee: Atto,
    /// Timestamp of the tipset.
    pub timestamp: u64,
    /// All actors, ordered by ID.
    pub actors: Vec<Actor>,
}

/// An actor record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Actor ID.
    pub id: ActorID,
    /// Name of its built-in type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Code CID.
    pub code: Text<Cid>,
    /// Head.
    pub head: Text<Cid>,
    /// Sequence number.
    pub nonce: u64,
    /// Balance.
    pub balance: Atto,
    /// f4 address.
    pub delegated: Option<Addr>,
}

impl Actor {
    /// The record as the state tree holds it.
    pub fn record(&self) -> ActorState {
        ActorState::new(
            self.code.0,
            self.head.0,
            self.balance.0.clone(),
            self.nonce,
            self.delegated.map(|address| address.0),
        )
    }
}

/// One step.
#[derive(Debug)]
pub enum Step {
    /// Applies a message.
    Message(Box<Message>),
    /// The current epoch changes.
    SetEpoch(ChainEpoch),
    /// The circulating supply changes.
    SetCirculatingSupply(TokenAmount),
    /// The base fee changes.
    SetBaseFee(TokenAmount),
    /// The timestamp changes.
    SetTimestamp(u64),
    /// An actor is overwritten from outside.
    SetActor(Box<Actor>),
    /// A primitive is replaced from now on.
    OverridePrimitive {
        /// Its name.
        name: String,
        /// What it does instead.
        mode: String,
    },
    /// Everything is as in [`Vector::pre`] again, except replaced primitives.
    Reset,
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Epoch {
            epoch: ChainEpoch,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Amount {
            value: Atto,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Timestamp {
            timestamp: u64,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Primitive {
            name: String,
            mode: String,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}

        // Through a map, because the fields that are allowed depend on `op`.
        let mut fields = Map::<String, Value>::deserialize(deserializer)?;
        let op = fields.remove("op");
        let op = op.as_ref().and_then(Value::as_str).unwrap_or("");
        fn parse<T: DeserializeOwned, E: serde::de::Error>(
            fields: Map<String, Value>,
        ) -> Result<T, E> {
            serde_json::from_value(Value::Object(fields)).map_err(E::custom)
        }
        Ok(match op {
            "message" => Step::Message(parse(fields)?),
            "set_epoch" => Step::SetEpoch(parse::<Epoch, _>(fields)?.epoch),
            "set_circulating_supply" => {
                Step::SetCirculatingSupply(parse::<Amount, _>(fields)?.value.0)
            }
            "set_base_fee" => Step::SetBaseFee(parse::<Amount, _>(fields)?.value.0),
            "set_timestamp" => Step::SetTimestamp(parse::<Timestamp, _>(fields)?.timestamp),
            "set_actor" => Step::SetActor(parse(fields)?),
            "override_primitive" => {
                let Primitive { name, mode } = parse(fields)?;
                Step::OverridePrimitive { name, mode }
            }
            "reset" => {
                parse::<Nothing, _>(fields)?;
                Step::Reset
            }
            other => return Err(D::Error::custom(format!("unknown step `{other}`"))),
        })
    }
}

/// A message and what was observed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Sender as given.
    pub from: Addr,
    /// Receiver as given.
    pub to: Addr,
    /// Value.
    pub value: Atto,
    /// Method number.
    pub method: MethodNum,
    /// Parameters.
    pub params: Option<Block>,
    /// The sender's nonce before the message.
    pub nonce: u64,
    /// Whether the message stands for one of the protocol's own. Information.
    pub implicit: bool,
    /// Epoch in force; redundant, and checked.
    pub epoch: ChainEpoch,
    /// Circulating supply in force; redundant, and checked.
    pub circulating_supply: Atto,
    /// What was observed.
    pub expect: Expect,
}

/// What was observed at a message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Exit code.
    pub exit_code: u32,
    /// Return value or data of the failure.
    #[serde(rename = "return")]
    pub returned: Option<Block>,
    /// Events that remained, in order of emission.
    pub events: Vec<Stamped>,
    /// The call tree.
    pub trace: Call,
    /// Actors that differ from before.
    pub post: Vec<Post>,
}

/// An event with its emitter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamped {
    /// ID of the emitter.
    pub emitter: ActorID,
    /// Entries.
    pub entries: Vec<Entry>,
}

/// One entry of an event.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// 1 key indexed, 2 value indexed.
    pub flags: u64,
    /// Key.
    pub key: String,
    /// Codec of the value.
    pub codec: u64,
    /// Value.
    pub value: Bytes,
}

/// A node of the call tree.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// ID of the caller.
    pub from: ActorID,
    /// Receiver as an ID address where it resolves after the call.
    pub to: Addr,
    /// Receiver exactly as the caller gave it.
    pub to_raw: Addr,
    /// Value.
    pub value: Atto,
    /// Method number.
    pub method: MethodNum,
    /// Parameters.
    pub params: Option<Block>,
    /// Whether the call ran read-only.
    pub read_only: bool,
    /// Gas limit asked for. Information.
    pub gas_limit: Option<u64>,
    /// An account constructor that the machine ran.
    pub constructor: bool,
    /// Exit code.
    pub exit_code: u32,
    /// Name of the error number because of which the call was not made.
    pub error: Option<String>,
    /// Return value or data of the failure.
    #[serde(rename = "return")]
    pub returned: Option<Block>,
    /// Events of this call itself, also those rolled back later. The emitter is
    /// the receiver.
    pub events: Vec<Stamped>,
    /// Nested calls.
    pub calls: Vec<Call>,
}

/// An actor after a message.
#[derive(Debug)]
pub enum Post {
    /// It is like this.
    Is(Box<Actor>),
    /// It is gone.
    Deleted(ActorID),
}

impl Post {
    /// ID of the actor.
    pub fn id(&self) -> ActorID {
        match self {
            Post::Is(actor) => actor.id,
            Post::Deleted(id) => *id,
        }
    }
}

impl<'de> Deserialize<'de> for Post {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Gone {
            id: ActorID,
            deleted: bool,
        }
        let fields = Value::deserialize(deserializer)?;
        if fields.get("deleted").is_none() {
            return serde_json::from_value(fields)
                .map(Post::Is)
                .map_err(D::Error::custom);
        }
        let gone: Gone = serde_json::from_value(fields).map_err(D::Error::custom)?;
        if !gone.deleted {
            return Err(D::Error::custom("`deleted` is false"));
        }
        Ok(Post::Deleted(gone.id))
    }
}

/// A block with its codec.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Codec.
    pub codec: u64,
    /// Content.
    pub data: Bytes,
}

impl From<&Block> for IpldBlock {
    fn from(block: &Block) -> Self {
        IpldBlock {
            codec: block.codec,
            data: block.data.0.clone(),
        }
    }
}

/// A value whose usual text form stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<T>(pub T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map(Text)
            .map_err(|error| D::Error::custom(format!("`{text}`: {error}")))
    }
}

/// An address with the prefix `f`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addr(pub Address);

impl<'de> Deserialize<'de> for Addr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Network::Mainnet
            .parse_address(&text)
            .map(Addr)
            .map_err(|error| D::Error::custom(format!("`{text}`: {error}")))
    }
}

/// An amount in attoFIL, written in decimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atto(pub TokenAmount);

impl<'de> Deserialize<'de> for Atto {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let amount = Text::<BigInt>::deserialize(deserializer)?;
        Ok(Atto(TokenAmount::from_atto(amount.0)))
    }
}

/// Bytes in standard base64 with padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(&text)
            .map(Bytes)
            .map_err(|error| D::Error::custom(format!("`{text}` is not base64: {error}")))
    }
}

/// Name of a policy set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy(pub NetworkVariant);

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        NetworkVariant::from_name(&name)
            .map(Policy)
            .ok_or_else(|| D::Error::custom(format!("unknown policy `{name}`")))
    }
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read or unpacked.
    #[error("{path}: cannot be read: {cause}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The content is not a vector.
    #[error("{path}: is no vector of format 1: {cause}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Where and why.
        cause: serde_json::Error,
    },
}

impl Vector {
    /// How many of the steps are messages.
    pub fn messages(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| matches!(step, Step::Message(_)))
            .count()
    }

    /// Reads a `.json.zst` file.
    ///
    /// # Errors
    /// When the file cannot be read or says something that the format does not
    /// have, unknown fields and steps included.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let file = |cause| LoadError::File {
            path: path.to_owned(),
            cause,
        };
        let packed = std::fs::File::open(path).map_err(file)?;
        let mut json = Vec::new();
        zstd::Decoder::new(BufReader::new(packed))
            .map_err(file)?
            .read_to_end(&mut json)
            .map_err(file)?;
        let vector: Self = serde_json::from_slice(&json).map_err(|cause| LoadError::Content {
            path: path.to_owned(),
            cause,
        })?;
        if vector.format != FORMAT {
            return Err(LoadError::Content {
                path: path.to_owned(),
                cause: serde_json::Error::custom(format!("its format is {}", vector.format)),
            });
        }
        Ok(vector)
    }
}
