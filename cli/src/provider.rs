//! Storage providers: where they are, and what they ask for.

use std::time::Duration;

use boatyard_abi::{parse_address, parse_amount};
use clap::Args;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::actor;
use crate::builtin::id_of;
use crate::failure::Failure;
use crate::http::Http;
use crate::rpc::Rpc;

/// Which provider is meant.
#[derive(Debug, Clone, Args)]
pub struct ProviderArgs {
    /// The storage provider: its miner's address, f01000, or its URL [default: the
    /// node's own, if it has one that fits]
    #[arg(long, value_name = "PROVIDER")]
    pub provider: Option<String>,
}

/// Amounts and addresses of a provider's answers.
fn amount<'de, D: Deserializer<'de>>(from: D) -> Result<TokenAmount, D::Error> {
    let text = String::deserialize(from)?;
    parse_amount(&text).map_err(D::Error::custom)
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Address, D::Error> {
    let text = String::deserialize(from)?;
    parse_address(&text).map_err(D::Error::custom)
}

/// One of `boatyard_providers`.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    /// Its miner.
    #[serde(deserialize_with = "address")]
    pub miner: Address,
    /// Its worker's key address.
    pub worker: String,
    /// Where it serves its clients.
    pub url: String,
    /// Bytes in its sectors.
    pub sector_size: u64,
    /// Whether it was told to do nothing.
    pub stopped: bool,
}

/// The providers that a node runs.
///
/// # Errors
/// The node gives no answer.
pub fn listed(rpc: &Rpc) -> Result<Vec<Entry>, Failure> {
    Ok(rpc.call("boatyard_providers", [])?)
}

/// What a provider asks for.
#[derive(Debug, Clone, Deserialize)]
pub struct Ask {
    /// attoFIL for a GiB of padded bytes and an epoch.
    #[serde(deserialize_with = "amount")]
    pub price_per_gib_epoch: TokenAmount,
    /// The same for verified data.
    #[serde(deserialize_with = "amount")]
    pub verified_price_per_gib_epoch: TokenAmount,
    /// Smallest piece in padded bytes.
    pub min_piece_size: u64,
    /// Largest piece in padded bytes.
    pub max_piece_size: u64,
    /// Shortest deal in epochs.
    pub min_duration: ChainEpoch,
    /// Epochs that publishing, sealing and proving may take.
    pub start_delay: ChainEpoch,
}

/// What a provider says of itself.
#[derive(Debug, Clone, Deserialize)]
pub struct About {
    /// Its miner.
    #[serde(deserialize_with = "address")]
    pub miner: Address,
    /// What it asks for.
    pub ask: Ask,
}

/// Something that happened to an order.
#[derive(Debug, Clone, Deserialize)]
pub struct Step {
    /// What, in a word.
    pub name: String,
    /// When.
    pub epoch: ChainEpoch,
    /// By which message.
    pub message: String,
    /// attoFIL that it cost.
    #[serde(deserialize_with = "amount")]
    pub cost: TokenAmount,
}

/// An order as its provider tells of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Order {
    /// Its number.
    pub order: u64,
    /// Its number on chain, once published.
    pub deal_id: Option<u64>,
    /// Where it went.
    pub sector: Option<u64>,
    /// From when it is paid for.
    pub start_epoch: ChainEpoch,
    /// Whose it is.
    pub client: Option<String>,
    /// What a deal locks of the client's money, in attoFIL.
    pub client_locks: Option<String>,
    /// How far it is, in a word.
    pub state: String,
    /// What happened to it.
    pub steps: Vec<Step>,
    /// What went wrong.
    pub error: Option<String>,
}

/// A provider that can be asked.
pub struct Provider {
    http: Http,
}

impl Provider {
    /// The provider behind a URL.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn at(url: &str, timeout: Duration) -> Result<Self, Failure> {
        Ok(Self {
            http: Http::new(url, timeout)?,
        })
    }

    /// The one that a user named, or the first of the node's that fits.
    ///
    /// # Errors
    /// There is none.
    pub fn find(
        rpc: &Rpc,
        args: &ProviderArgs,
        fits: impl Fn(&Entry) -> bool,
        unfit: &str,
    ) -> Result<Self, Failure> {
        let timeout = rpc.timeout();
        let Some(text) = &args.provider else {
            let all = listed(rpc)?;
            let found = all.iter().find(|entry| !entry.stopped && fits(entry));
            return match found {
                Some(entry) => Self::at(&entry.url, timeout),
                None if all.is_empty() => Err(nobody()),
                None => Err(Failure::new(unfit)
                    .help("`boatyard provider list` shows the storage providers of this node")),
            };
        };
        if text.contains("://") {
            return Self::at(text, timeout);
        }
        Self::at(&url_of(rpc, &actor::address(text)?)?, timeout)
    }

    /// The one that a user named, or the only one of the node.
    ///
    /// # Errors
    /// There is none, or it is not clear which.
    pub fn only(rpc: &Rpc, args: &ProviderArgs) -> Result<Self, Failure> {
        if args.provider.is_none() {
            let all = listed(rpc)?;
            return match &all[..] {
                [] => Err(nobody()),
                [entry] => Self::at(&entry.url, rpc.timeout()),
                several => {
                    let names: Vec<String> = several
                        .iter()
                        .map(|entry| entry.miner.to_string())
                        .collect();
                    Err(Failure::new("this node has several storage providers")
                        .help(format!("choose with --provider: {}", names.join(", "))))
                }
            };
        }
        Self::find(rpc, args, |_| true, "")
    }

    /// How it is asked.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Asks for something that must be there.
    ///
    /// # Errors
    /// It is not, or nobody answers.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.http.get(path, &[])?.ok()?.json()
    }

    /// Has something done.
    ///
    /// # Errors
    /// It refuses, or nobody answers.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.http.post(path, body)?.ok()?.json()
    }

    /// Who it is.
    ///
    /// # Errors
    /// Nobody answers, or somebody else.
    pub fn about(&self) -> Result<About, Failure> {
        self.get("/")
    }

    /// An order.
    ///
    /// # Errors
    /// There is none.
    pub fn order(&self, order: u64) -> Result<Order, Failure> {
        self.get(&format!("/orders/{order}"))
    }
}

fn nobody() -> Failure {
    Failure::new("this node has no storage providers").help(
        "start one with `boatyard node --providers 1`, or name a provider of another node by its \
         URL: --provider http://127.0.0.1:8700",
    )
}

/// Where the provider of a miner is: known to the node, or told on chain.
fn url_of(rpc: &Rpc, address: &Address) -> Result<String, Failure> {
    let miner = Address::new_id(id_of(rpc, address)?);
    let all = listed(rpc)?;
    if let Some(entry) = all.iter().find(|entry| entry.miner == miner) {
        return Ok(entry.url.clone());
    }
    let found = actor::resolve(rpc, &miner)?;
    if found.actor.as_deref() != Some("storageminer") {
        return Err(
            Failure::new(format!("{miner} is {}, not storageminer", found.name()))
                .help("`boatyard provider list` shows the storage providers of this node"),
        );
    }
    Err(
        Failure::new(format!("this node does not run the provider of {miner}")).help(
            "name it by its URL: --provider http://127.0.0.1:8700; `boatyard provider list` shows \
         those of this node",
        ),
    )
}
