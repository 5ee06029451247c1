//! Storage providers: where they are, and what they ask for.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use boatyard_abi::{parse_address, parse_amount};
use clap::Args;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::actor;
use crate::builtin::id_of;
use crate::failure::{Exit, Failure};
use crate::http::Http;
use crate::multiaddr::Multiaddr;
use crate::rpc::{Rpc, RpcError};

/// Which provider is meant.
#[derive(Debug, Clone, Args)]
pub struct ProviderArgs {
    /// The storage provider: its miner's address, f01000, its URL, or its multiaddr,
    /// /ip4/127.0.0.1/tcp/8700/http [default: the node's own, if it has one that fits]
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
    /// Whose it is to be, if it was found by its miner.
    miner: Option<Address>,
}

impl Provider {
    /// The provider behind a URL.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn at(url: &str, timeout: Duration) -> Result<Self, Failure> {
        Ok(Self {
            http: Http::new(url, timeout)?,
            miner: None,
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
        named(rpc, text)
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
        let about: About = self.get("/")?;
        match self.miner {
            Some(miner) if miner != about.miner => Err(Failure::new(format!(
                "{} serves {}, not {miner}",
                self.http.url(),
                about.miner
            ))
            .help(format!(
                "if that is who you mean, name it by its URL: --provider {}",
                self.http.url()
            ))),
            _ => Ok(about),
        }
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

/// The provider that a user named by URL, multiaddr or miner.
fn named(rpc: &Rpc, text: &str) -> Result<Provider, Failure> {
    if text.contains("://") {
        return Provider::at(text, rpc.timeout());
    }
    if text.starts_with('/') {
        let unusable = |reason| Failure::new("the provider cannot be asked").why(reason);
        let address: Multiaddr = text.parse().map_err(unusable)?;
        return Provider::at(&address.url().map_err(unusable)?, rpc.timeout());
    }
    let address = parse_address(text).map_err(|reason| {
        Failure::new(format!("`{text}` names no storage provider"))
            .why(reason)
            .help(
                "write its URL, http://127.0.0.1:8700, its multiaddr, \
                 /ip4/127.0.0.1/tcp/8700/http, or its miner's address, f01000",
            )
    })?;
    let miner = Address::new_id(id_of(rpc, &address)?);
    let mut provider = of_miner(rpc, miner)?;
    provider.miner = Some(miner);
    Ok(provider)
}

/// The provider of a miner: one that the node runs, or where the chain says that it is.
fn of_miner(rpc: &Rpc, miner: Address) -> Result<Provider, Failure> {
    let run: Vec<Entry> = match rpc.call("boatyard_providers", []) {
        Err(error) if error.is_unknown_method() => Vec::new(),
        other => other?,
    };
    if let Some(entry) = run.iter().find(|entry| entry.miner == miner) {
        return Provider::at(&entry.url, rpc.timeout());
    }
    let published = published(rpc, &miner)?;
    if published.is_empty() {
        return Err(Failure::new(format!(
            "this node does not run the provider of {miner}, which publishes no address"
        ))
        .help(format!(
            "name it by its URL: --provider http://127.0.0.1:8700; who runs it publishes one with \
             `boatyard miner set-addrs {miner} http://127.0.0.1:8700`"
        )));
    }
    let mut reasons = Vec::new();
    let mut exit = Exit::Failed;
    for bytes in &published {
        let url = Multiaddr::from_bytes(bytes)
            .map_err(|reason| format!("0x{}: {reason}", hex::encode(bytes)))
            .and_then(|address| address.url());
        let asked = match url {
            Ok(url) => Provider::at(&url, rpc.timeout()),
            Err(reason) => {
                reasons.push(reason);
                continue;
            }
        };
        match asked.and_then(|provider| provider.get::<Value>("/").map(|_| provider)) {
            Ok(provider) => return Ok(provider),
            Err(failure) => {
                if failure.code() == Exit::Unreachable {
                    exit = Exit::Unreachable;
                }
                reasons.push(failure.to_string());
            }
        }
    }
    Err(Failure::new(format!(
        "the provider of {miner} is not reached where the chain says that it is"
    ))
    .why(reasons.join("; "))
    .help("name it by its URL if it is elsewhere: --provider http://127.0.0.1:8700")
    .exit(exit))
}

/// Multiaddrs that a miner publishes on chain.
fn published(rpc: &Rpc, miner: &Address) -> Result<Vec<Vec<u8>>, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Info {
        multiaddrs: Option<Vec<String>>,
    }
    let asked = [json!(miner.to_string()), Value::Null];
    let info: Info = match rpc.call("Filecoin.StateMinerInfo", asked) {
        Ok(info) => info,
        Err(error @ RpcError::Refused { .. }) => return Err(no_miner(rpc, miner, error)),
        Err(error) => return Err(error.into()),
    };
    let texts = info.multiaddrs.unwrap_or_default();
    let decoded = texts.iter().map(|text| {
        BASE64
            .decode(text)
            .map_err(|error| Failure::new("the node's answer cannot be read").because(error))
    });
    decoded.collect()
}

/// Why nothing is known of a miner.
fn no_miner(rpc: &Rpc, miner: &Address, error: RpcError) -> Failure {
    let help = "`boatyard provider list` shows the storage providers of this node; one of another \
                chain is named by its URL: --provider http://127.0.0.1:8700";
    match actor::find(rpc, miner) {
        Ok(None) => Failure::new(format!("there is no miner {miner} on this chain")).help(help),
        Ok(Some(found)) if found.actor.as_deref() != Some("storageminer") => {
            Failure::new(format!("{miner} is {}, not storageminer", found.name())).help(help)
        }
        _ => Failure::from(error).context(format!("nothing is known of the miner {miner}")),
    }
}
