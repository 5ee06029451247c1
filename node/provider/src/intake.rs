//! Which proposals a provider takes: all that `PublishStorageDeals` will check (spec 07
//! §7), and what the provider asks for. A proposal that passes here is published.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;

use boatyard_actors_shared::Policy;
use boatyard_actors_shared::ext::account::{AUTHENTICATE_MESSAGE, AuthenticateMessageParams};
use boatyard_actors_shared::ext::datacap;
use boatyard_actors_shared::ext::power::{CURRENT_TOTAL_POWER, CurrentTotalPowerReturn};
use boatyard_actors_shared::ext::reward::{THIS_EPOCH_REWARD, ThisEpochRewardReturn};
use boatyard_actors_shared::{DATACAP_ACTOR, MARKET_ACTOR, POWER_ACTOR, REWARD_ACTOR};
use boatyard_chain::{CallPoint, CallRequest, ChainError, ChainHandle, StateView};
use boatyard_market::{ClientDealProposal, DealProposal};
use boatyard_proofs::{commitment, piece};
use cid::Cid;
use fvm_ipld_encoding::{DAG_CBOR, RawBytes, to_vec};
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::piece::PieceInfo;
use fvm_shared::receipt::Receipt;
use fvm_shared::{ActorID, METHOD_SEND};
use multihash_codetable::{Code, MultihashDigest};
use serde::de::DeserializeOwned;

use crate::config::{Ask, ProviderConfig};
use crate::files::{Files, FilesError};
use crate::market::MarketView;
use crate::miner::MinerError;
use crate::order::{Order, OrderId};
use crate::publish;

/// Bytes of a GiB, by which prices are given.
const GIB: u64 = 1 << 30;
/// Longest label in bytes (spec 07 §5).
const MAX_LABEL: usize = 256;
/// Longest deal in epochs (spec 07 §5).
const MAX_DURATION: ChainEpoch = 1_278 * 2_880;
/// All FIL that there may ever be; no price and no collateral is above it.
const TOTAL_FIL: u64 = 2_000_000_000;

/// Why a proposal is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is meant for somebody else.
    #[error("the proposal is to provider {named}; this is f0{ours}")]
    OtherProvider {
        /// Whom it names.
        named: Address,
        /// Who this is.
        ours: ActorID,
    },
    /// The client is unknown on chain.
    #[error("the client {0} is no actor; send it some FIL and put money into its escrow first")]
    NoClient(Address),
    /// The label is too long.
    #[error("the label has {0} bytes, the market takes up to {MAX_LABEL}")]
    Label(usize),
    /// The piece's size is none, or does not suit the provider.
    #[error("the piece has {size} bytes; it needs a power of two from {least} to {most}")]
    PieceSize {
        /// Proposed.
        size: u64,
        /// Smallest.
        least: u64,
        /// The sector.
        most: u64,
    },
    /// The CID is that of no piece.
    #[error("{0}")]
    PieceCid(String),
    /// Nobody handed in the bytes.
    #[error("the bytes of piece {piece} are not here; hand them in first: PUT /piece/{piece}")]
    NoBytes {
        /// The piece.
        piece: Cid,
    },
    /// The bytes make another piece if it has the size proposed.
    #[error(
        "the {length} bytes here do not make piece {piece} of {size} bytes; hand them in again \
         with PUT /piece/{piece}?size={size}"
    )]
    OtherSize {
        /// The piece.
        piece: Cid,
        /// Its bytes.
        length: u64,
        /// The size proposed.
        size: u64,
    },
    /// It is to start too soon.
    #[error(
        "it starts at epoch {start}; publishing, sealing and proving take until {least} from \
         epoch {now} on"
    )]
    TooSoon {
        /// Proposed.
        start: ChainEpoch,
        /// The earliest start.
        least: ChainEpoch,
        /// The epoch now.
        now: ChainEpoch,
    },
    /// It does not last long enough, or too long.
    #[error("it lasts {duration} epochs; deals last from {least} to {most} epochs")]
    Duration {
        /// Proposed.
        duration: ChainEpoch,
        /// Shortest.
        least: ChainEpoch,
        /// Longest.
        most: ChainEpoch,
    },
    /// It ends beyond what a sector can last.
    #[error("it ends at epoch {end}; sectors sealed now last until {most} at most")]
    TooLate {
        /// Proposed.
        end: ChainEpoch,
        /// The last possible end.
        most: ChainEpoch,
    },
    /// The price is below the ask.
    #[error("it pays {price} attoFIL an epoch; for this piece {least} are asked")]
    Price {
        /// Proposed, attoFIL.
        price: BigInt,
        /// The least, attoFIL.
        least: BigInt,
    },
    /// An amount is out of bounds.
    #[error("the {what} is {amount} attoFIL, and has to be from {least} to {most}")]
    Amount {
        /// Which.
        what: &'static str,
        /// Proposed.
        amount: BigInt,
        /// The least.
        least: BigInt,
        /// The most.
        most: BigInt,
    },
    /// The client cannot pay.
    #[error(
        "the client {client} has {free} attoFIL free in the market's escrow, and the deal locks \
         {needed}; add the difference: AddBalance of f05"
    )]
    Escrow {
        /// The client.
        client: Address,
        /// What is free, less what deals wait for.
        free: BigInt,
        /// What is needed.
        needed: BigInt,
    },
    /// The client has no datacap.
    #[error("the client {client} has datacap for {has} bytes, and the piece takes {needed}")]
    DataCap {
        /// The client.
        client: Address,
        /// What is there, in bytes.
        has: BigInt,
        /// What is needed.
        needed: u64,
    },
    /// The client did not sign it.
    #[error("the client {client} does not stand behind the signature: {reason}")]
    Consent {
        /// The client.
        client: Address,
        /// What it answered.
        reason: String,
    },
    /// It was published before.
    #[error("the same proposal is a deal already; change the label to make another one")]
    Published,
    /// It was handed in before.
    #[error("the same proposal is order {0} already")]
    Known(u64),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] MinerError),
    /// The order cannot be written.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// What an actor answers to a method.
///
/// # Errors
/// In words why it does not.
pub async fn answer<T: DeserializeOwned>(
    chain: &ChainHandle,
    to: Address,
    method_num: u64,
    params: RawBytes,
) -> Result<T, String> {
    let head = CallPoint::After(chain.head());
    let question = CallRequest::new(question(to, method_num, params), head);
    let applied = chain.call(question).await;
    read_answer(applied.map(|applied| (applied.receipt, applied.error)))
}

/// What came of a question: its receipt, and why it failed.
pub(crate) type Outcome = Result<(Receipt, Option<String>), ChainError>;

/// What an actor answered.
///
/// # Errors
/// In words why it did not.
pub(crate) fn read_answer<T: DeserializeOwned>(applied: Outcome) -> Result<T, String> {
    let (receipt, error) = applied.map_err(|error| error.to_string())?;
    if !receipt.exit_code.is_success() {
        let reason = error.unwrap_or_else(|| "no reason is given".into());
        return Err(format!("exit code {}: {reason}", receipt.exit_code));
    }
    receipt
        .return_data
        .deserialize()
        .map_err(|error| format!("its answer cannot be read: {error}"))
}

/// A message that only asks, as the market would.
pub(crate) fn question(to: Address, method_num: u64, params: RawBytes) -> Message {
    debug_assert_ne!(method_num, METHOD_SEND);
    Message {
        version: 0,
        from: MARKET_ACTOR,
        to,
        sequence: 0,
        value: TokenAmount::default(),
        method_num,
        params,
        gas_limit: 0,
        gas_fee_cap: TokenAmount::default(),
        gas_premium: TokenAmount::default(),
    }
}

/// The least collateral of a provider for a piece (spec 07 §5).
///
/// # Errors
/// An actor does not answer.
pub async fn least_collateral(
    chain: &ChainHandle,
    policy: &Policy,
    circulating: &TokenAmount,
    size: u64,
) -> Result<TokenAmount, String> {
    let nothing = RawBytes::default;
    let reward = answer(chain, REWARD_ACTOR, THIS_EPOCH_REWARD, nothing()).await?;
    let power = answer(chain, POWER_ACTOR, CURRENT_TOTAL_POWER, nothing()).await?;
    Ok(collateral(policy, circulating, size, &reward, power))
}

/// The same with a way of asking that does not wait.
///
/// # Errors
/// An actor does not answer.
pub(crate) fn least_collateral_by(
    ask: impl Fn(Address, u64, RawBytes) -> Outcome,
    policy: &Policy,
    circulating: &TokenAmount,
    size: u64,
) -> Result<TokenAmount, String> {
    let nothing = RawBytes::default;
    let reward = read_answer(ask(REWARD_ACTOR, THIS_EPOCH_REWARD, nothing()))?;
    let power = read_answer(ask(POWER_ACTOR, CURRENT_TOTAL_POWER, nothing()))?;
    Ok(collateral(policy, circulating, size, &reward, power))
}

fn collateral(
    policy: &Policy,
    circulating: &TokenAmount,
    size: u64,
    reward: &ThisEpochRewardReturn,
    power: CurrentTotalPowerReturn,
) -> TokenAmount {
    let size = BigInt::from(size);
    let network = power
        .raw_byte_power
        .max(reward.this_epoch_baseline_power.clone())
        .max(size.clone());
    let share = circulating.atto() * policy.prov_collateral_percent_supply_num * size;
    let denominator = network * policy.prov_collateral_percent_supply_denom;
    // Both are positive: this rounds down.
    TokenAmount::from_atto(share / denominator)
}

/// Asks the client whether it signed the proposal, and for its datacap if it is to
/// spend any.
///
/// # Errors
/// [`Refused`].
pub async fn ask_client(chain: &ChainHandle, signed: &ClientDealProposal) -> Result<(), Refused> {
    let deal = &signed.proposal;
    let client = deal.client;
    let refused = |reason: String| Refused::Consent { client, reason };
    let params = AuthenticateMessageParams {
        signature: RawBytes::new(signed.client_signature.bytes.clone()),
        message: RawBytes::serialize(deal).map_err(|error| refused(error.to_string()))?,
    };
    let params = RawBytes::serialize(params).map_err(|error| refused(error.to_string()))?;
    let agrees: bool = answer(chain, client, AUTHENTICATE_MESSAGE, params)
        .await
        .map_err(refused)?;
    if !agrees {
        return Err(refused("it answered false".into()));
    }
    if deal.verified_deal {
        let params = RawBytes::serialize(client).map_err(|error| refused(error.to_string()))?;
        let balance: TokenAmount = answer(chain, DATACAP_ACTOR, datacap::BALANCE, params)
            .await
            .map_err(MinerError::State)?;
        let has = balance.atto() / datacap::TOKEN_PRECISION;
        if has < BigInt::from(deal.piece_size.0) {
            return Err(Refused::DataCap {
                client,
                has,
                needed: deal.piece_size.0,
            });
        }
    }
    Ok(())
}

/// What a proposal is measured by.
pub struct Measure<'a> {
    /// Who this is.
    pub config: &'a ProviderConfig,
    /// What it asks for.
    pub ask: Ask,
    /// The state.
    pub state: &'a StateView,
    /// The market in it.
    pub market: &'a MarketView,
    /// The epoch now.
    pub epoch: ChainEpoch,
    /// The least collateral for the piece.
    pub least_collateral: TokenAmount,
}

impl Measure<'_> {
    /// Checks everything about a proposal but the client's consent and the bytes;
    /// `promised` is what the client's deals will lock that are not published yet.
    ///
    /// # Errors
    /// [`Refused`] with the first thing that is wrong.
    pub fn check(&self, deal: &DealProposal, promised: &TokenAmount) -> Result<(), Refused> {
        let client = self.parties(deal)?;
        self.piece(deal)?;
        self.times(deal)?;
        self.amounts(deal)?;
        let needed = deal.client_balance_requirement();
        let free = self.market.free(client)? - promised;
        if free < needed {
            return Err(Refused::Escrow {
                client: deal.client,
                free: free.atto().clone(),
                needed: needed.atto().clone(),
            });
        }
        let cid = proposal_cid(deal, client, self.config.miner)?;
        match self.market.is_pending(&cid)? {
            true => Err(Refused::Published),
            false => Ok(()),
        }
    }

    fn parties(&self, deal: &DealProposal) -> Result<ActorID, Refused> {
        let ours = self.config.miner;
        let named = deal.provider;
        if self.state.resolve(&named).map_err(MinerError::Chain)? != Some(ours) {
            return Err(Refused::OtherProvider { named, ours });
        }
        let client = self.state.actor(&deal.client).map_err(MinerError::Chain)?;
        let (client, _) = client.ok_or(Refused::NoClient(deal.client))?;
        let label = deal.label.size_bytes();
        match label > MAX_LABEL {
            true => Err(Refused::Label(label)),
            false => Ok(client),
        }
    }

    fn piece(&self, deal: &DealProposal) -> Result<(), Refused> {
        let size = deal.piece_size;
        let (least, most) = (self.ask.min_piece_size, self.ask.max_piece_size);
        if size.validate().is_err() || !(least..=most).contains(&size.0) {
            return Err(Refused::PieceSize {
                size: size.0,
                least,
                most,
            });
        }
        commitment::from_unsealed_cid(&deal.piece_cid)
            .map_err(|error| Refused::PieceCid(error.to_string()))?;
        Ok(())
    }

    fn times(&self, deal: &DealProposal) -> Result<(), Refused> {
        let (start, end, now) = (deal.start_epoch, deal.end_epoch, self.epoch);
        let least = now + self.ask.start_delay;
        if start < least {
            return Err(Refused::TooSoon { start, least, now });
        }
        let duration = end.saturating_sub(start);
        let least = self.ask.min_duration;
        if !(least..=MAX_DURATION).contains(&duration) {
            return Err(Refused::Duration {
                duration,
                least,
                most: MAX_DURATION,
            });
        }
        let most = now + self.ask.max_duration;
        match end > most {
            true => Err(Refused::TooLate { end, most }),
            false => Ok(()),
        }
    }

    fn amounts(&self, deal: &DealProposal) -> Result<(), Refused> {
        let most = TokenAmount::from_whole(TOTAL_FIL);
        let nothing = TokenAmount::default();
        for (what, amount, least) in [
            ("price per epoch", &deal.storage_price_per_epoch, &nothing),
            ("client's collateral", &deal.client_collateral, &nothing),
            (
                "provider's collateral",
                &deal.provider_collateral,
                &self.least_collateral,
            ),
        ] {
            if amount < least || *amount > most {
                return Err(Refused::Amount {
                    what,
                    amount: amount.atto().clone(),
                    least: least.atto().clone(),
                    most: most.atto().clone(),
                });
            }
        }
        let wanted = match deal.verified_deal {
            true => &self.ask.verified_price,
            false => &self.ask.price,
        };
        // Rounded up: nobody stores for less than is asked.
        let least = (wanted.atto() * deal.piece_size.0 + (GIB - 1)) / GIB;
        match *deal.storage_price_per_epoch.atto() < least {
            true => Err(Refused::Price {
                price: deal.storage_price_per_epoch.atto().clone(),
                least,
            }),
            false => Ok(()),
        }
    }
}

/// How many bytes of a piece are here.
///
/// # Errors
/// [`Refused`]: there are none, or they make another piece.
pub fn bytes_of(files: &Files, wanted: &PieceInfo) -> Result<u64, Refused> {
    let (piece, size) = (wanted.cid, wanted.size);
    let missing = |_| Refused::NoBytes { piece };
    let file = File::open(files.piece(&piece)).map_err(missing)?;
    let length = file.metadata().map_err(missing)?.len();
    let made = piece::of_reader(BufReader::new(file), size.unpadded());
    match made.is_ok_and(|made| made.cid == piece) {
        true => Ok(length),
        false => Err(Refused::OtherSize {
            piece,
            length,
            size: size.0,
        }),
    }
}

/// Checks that a proposal may become an order beside those that there are.
///
/// # Errors
/// [`Refused`].
pub(crate) fn fits(
    measure: &Measure<'_>,
    signed: &ClientDealProposal,
    orders: &BTreeMap<OrderId, Order>,
) -> Result<(), Refused> {
    let deal = &signed.proposal;
    let same = |order: &&Order| {
        order.failed.is_none() && order.deal().is_none() && order.proposal().as_ref() == Some(deal)
    };
    if let Some(order) = orders.values().find(same) {
        return Err(Refused::Known(order.id));
    }
    let client = measure.state.resolve(&deal.client);
    let promised = match client.map_err(MinerError::Chain)? {
        Some(client) => publish::promised(orders.values(), measure.state, client),
        None => TokenAmount::default(),
    };
    measure.check(deal, &promised)
}

/// A proposal as the market keeps it, and its CID there.
///
/// # Errors
/// It cannot be encoded.
pub fn proposal_cid(
    deal: &DealProposal,
    client: ActorID,
    provider: ActorID,
) -> Result<Cid, MinerError> {
    let kept = normalised(deal, client, provider);
    let bytes = to_vec(&kept).map_err(|error| MinerError::State(error.to_string()))?;
    Ok(Cid::new_v1(DAG_CBOR, Code::Blake2b256.digest(&bytes)))
}

/// A proposal with ID addresses, as the market keeps it.
pub fn normalised(deal: &DealProposal, client: ActorID, provider: ActorID) -> DealProposal {
    DealProposal {
        client: Address::new_id(client),
        provider: Address::new_id(provider),
        ..deal.clone()
    }
}
