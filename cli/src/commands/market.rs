//! `boatyard market`

use std::collections::BTreeMap;

use boatyard_abi::{format_amount, parse_amount};
use boatyard_actors_shared::{MARKET_ACTOR, MARKET_ACTOR_ID};
use boatyard_market::state::BalancesRoot;
use boatyard_market::types::{SettleDealPaymentsReturn, WithdrawBalanceParams};
use boatyard_market::{DealProposal, DealState, Market, State};
use boatyard_sdk::Type;
use clap::{Args, Subcommand};
use fvm_ipld_bitfield::BitField;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::deal::DealID;
use fvm_shared::econ::TokenAmount;
use serde_json::{Value, json};

use crate::actor;
use crate::args::Global;
use crate::builtin::{
    Blocks, SendingArgs, broken, call, epoch, field, id_of, say_message, with_message,
};
use crate::failure::Failure;
use crate::message::{Draft, people_amount, returned};
use crate::output::{Output, grouped, printable, table};
use crate::rpc::Rpc;

/// The storage market: money set aside for deals, and the deals.
///
/// Who wants a deal puts money into the market first; what a deal does not lock can
/// be taken out again.
#[derive(Debug, Args)]
pub struct MarketArgs {
    #[command(subcommand)]
    command: MarketCommand,
}

#[derive(Debug, Subcommand)]
enum MarketCommand {
    AddBalance(AddBalanceArgs),
    Withdraw(WithdrawArgs),
    Balance(BalanceArgs),
    Deals(DealsArgs),
    Deal(DealArgs),
    Settle(SettleArgs),
}

/// Put money into the market.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard market add-balance \"5 FIL\"
  boatyard market add-balance \"5 FIL\" --for f01000    for a provider")]
struct AddBalanceArgs {
    /// How much: "1.5 FIL", "20 nanoFIL", or attoFIL
    #[arg(value_parser = parse_amount)]
    amount: TokenAmount,

    /// For whom [default: the sender]
    #[arg(long = "for", value_name = "ADDRESS")]
    whose: Option<String>,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Take money out of the market, up to what no deal locks.
///
/// A provider's goes to its owner, who has to send this, or its worker.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard market withdraw \"5 FIL\"
  boatyard market withdraw \"5 FIL\" --for f01000 --from f0101    a provider's, by its owner")]
struct WithdrawArgs {
    /// How much at most: "1.5 FIL", "20 nanoFIL", or attoFIL
    #[arg(value_parser = parse_amount)]
    amount: TokenAmount,

    /// Whose [default: the sender's]
    #[arg(long = "for", value_name = "ADDRESS")]
    whose: Option<String>,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Show what somebody has in the market.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard market balance f1…
  boatyard market balance f01000")]
struct BalanceArgs {
    /// A client or a provider
    address: String,
}

/// List the deals.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard market deals
  boatyard market deals --client f1…
  boatyard market deals --provider f01000")]
struct DealsArgs {
    /// Of this client only
    #[arg(long, value_name = "ADDRESS")]
    client: Option<String>,

    /// Of this provider only
    #[arg(long, value_name = "ADDRESS")]
    provider: Option<String>,
}

/// Show a deal.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard market deal 7")]
struct DealArgs {
    /// Its number
    id: DealID,
}

/// Pay providers what their deals have earned so far. Anybody may.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard market settle 7 8 9")]
struct SettleArgs {
    /// Numbers of deals
    #[arg(required = true)]
    ids: Vec<DealID>,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Runs the command.
///
/// # Errors
/// The market refuses, or its state cannot be read.
pub fn run(global: &Global, args: MarketArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    match args.command {
        MarketCommand::AddBalance(args) => add_balance(&rpc, output, &args),
        MarketCommand::Withdraw(args) => withdraw(&rpc, output, &args),
        MarketCommand::Balance(args) => balance(&rpc, output, &args),
        MarketCommand::Deals(args) => deals(&rpc, output, &args),
        MarketCommand::Deal(args) => deal(&rpc, output, &args),
        MarketCommand::Settle(args) => settle(&rpc, output, &args),
    }
}

fn market(blocks: &Blocks<'_>) -> Result<State, Failure> {
    blocks.singleton(MARKET_ACTOR_ID, Type::Market)
}

fn add_balance(rpc: &Rpc, output: Output, args: &AddBalanceArgs) -> Result<(), Failure> {
    let sender = args.sending.sender(rpc, output)?;
    let whose = match &args.whose {
        Some(address) => actor::address(address)?,
        None => sender.address(),
    };
    let draft = Draft {
        value: args.amount.clone(),
        ..call::<Market>(MARKET_ACTOR, "AddBalance", &whose)?
    };
    let sent = sender.send(&draft, "the market did not take the money")?;
    let held = Held::of(rpc, &whose)?;
    output.result(&with_message(held.json(), &sent), || {
        held.say();
        say_message(&sent);
    });
    Ok(())
}

fn withdraw(rpc: &Rpc, output: Output, args: &WithdrawArgs) -> Result<(), Failure> {
    let sender = args.sending.sender(rpc, output)?;
    let whose = match &args.whose {
        Some(address) => actor::address(address)?,
        None => sender.address(),
    };
    let params = WithdrawBalanceParams {
        provider_or_client: whose,
        amount: args.amount.clone(),
    };
    let draft = call::<Market>(MARKET_ACTOR, "WithdrawBalance", &params)?;
    let what = "nothing was taken out of the market";
    let sent = sender.send(&draft, what)?;
    let amount: TokenAmount = returned(&sent, what)?;
    let held = Held::of(rpc, &whose)?;
    let mut result = held.json();
    result["withdrawn"] = json!(amount.atto().to_string());
    output.result(&with_message(result, &sent), || {
        field("withdrawn", format_amount(&amount));
        held.say();
        say_message(&sent);
        if amount < args.amount {
            output.hint("the rest is locked by deals, or was never there");
        }
    });
    Ok(())
}

/// What somebody has in the market.
pub(super) struct Held {
    address: Address,
    all: TokenAmount,
    locked: TokenAmount,
}

impl Held {
    /// What is left for deals, in attoFIL.
    pub(super) fn available(&self) -> TokenAmount {
        &self.all - &self.locked
    }

    /// What an account or a miner has there.
    ///
    /// # Errors
    /// There is no such actor, or the node gives no answer.
    pub(super) fn of(rpc: &Rpc, address: &Address) -> Result<Self, Failure> {
        let address = Address::new_id(id_of(rpc, address)?);
        let blocks = Blocks::of(rpc);
        let state = market(&blocks)?;
        let amount = |table: &BalancesRoot| -> Result<TokenAmount, Failure> {
            let table = table.load(&blocks).map_err(broken)?;
            let found = table.get(&address).map_err(broken)?;
            Ok(found.cloned().unwrap_or_default())
        };
        Ok(Self {
            address,
            all: amount(&state.escrow_table)?,
            locked: amount(&state.locked_table)?,
        })
    }

    fn json(&self) -> Value {
        json!({
            "address": self.address.to_string(),
            "balance": self.all.atto().to_string(),
            "locked": self.locked.atto().to_string(),
            "available": self.available().atto().to_string(),
        })
    }

    fn say(&self) {
        field("address", self.address);
        field("balance", format_amount(&self.all));
        field("locked", format_amount(&self.locked));
        field("available", format_amount(&self.available()));
    }
}

fn balance(rpc: &Rpc, output: Output, args: &BalanceArgs) -> Result<(), Failure> {
    let held = Held::of(rpc, &actor::address(&args.address)?)?;
    output.result(&held.json(), || held.say());
    Ok(())
}

/// A deal as the market has it.
pub(super) struct Deal {
    pub(super) proposal: DealProposal,
    pub(super) state: Option<DealState>,
}

impl Deal {
    /// Where it is in its life.
    pub(super) fn stage(&self, now: ChainEpoch) -> &'static str {
        match &self.state {
            None => "published",
            Some(state) if state.slashed().is_some() => "terminated",
            Some(_) if now < self.proposal.start_epoch => "activated",
            Some(_) if now < self.proposal.end_epoch => "running",
            Some(_) => "ended",
        }
    }

    fn json(&self, id: DealID, now: ChainEpoch) -> Value {
        let proposal = &self.proposal;
        let atto = |amount: &TokenAmount| amount.atto().to_string();
        json!({
            "id": id,
            "stage": self.stage(now),
            "client": proposal.client.to_string(),
            "provider": proposal.provider.to_string(),
            "piece": proposal.piece_cid.to_string(),
            "piece_size": proposal.piece_size.0,
            "verified": proposal.verified_deal,
            "label": label(proposal),
            "start": proposal.start_epoch,
            "end": proposal.end_epoch,
            "price_per_epoch": atto(&proposal.storage_price_per_epoch),
            "provider_collateral": atto(&proposal.provider_collateral),
            "client_collateral": atto(&proposal.client_collateral),
            "sector": self.state.map(|state| state.sector_number),
            "activated": self.state.map(|state| state.sector_start_epoch),
            "paid_until": self.state.and_then(|state| state.last_updated()),
        })
    }
}

/// A label as text; bytes that are none as `0x…`.
pub(super) fn label(proposal: &DealProposal) -> String {
    match &proposal.label {
        boatyard_market::Label::Text(text) => text.clone(),
        boatyard_market::Label::Bytes(bytes) => format!("0x{}", hex::encode(bytes)),
    }
}

/// The deals that are not over, by number, as far as they are wanted.
///
/// # Errors
/// The state cannot be read.
pub(super) fn all(
    rpc: &Rpc,
    wanted: impl Fn(&DealProposal) -> bool,
) -> Result<BTreeMap<DealID, Deal>, Failure> {
    let blocks = Blocks::of(rpc);
    let state = market(&blocks)?;
    let mut found = BTreeMap::new();
    let mut walk = || {
        let states = state.states.load(&blocks)?;
        state.proposals.load(&blocks)?.for_each(|id, proposal| {
            if wanted(proposal) {
                let deal = Deal {
                    proposal: proposal.clone(),
                    state: states.get(id)?.copied(),
                };
                found.insert(id, deal);
            }
            Ok(())
        })
    };
    walk().map_err(broken)?;
    Ok(found)
}

/// A deal that is not over.
///
/// # Errors
/// It is over, or there was none of this number; the state cannot be read.
pub(super) fn find(rpc: &Rpc, id: DealID) -> Result<Deal, Failure> {
    let blocks = Blocks::of(rpc);
    let state = market(&blocks)?;
    let read = || {
        let proposals = state.proposals.load(&blocks)?;
        let Some(proposal) = proposals.get(id)?.cloned() else {
            return Ok(None);
        };
        let states = state.states.load(&blocks)?;
        let state = states.get(id)?.copied();
        Ok(Some(Deal { proposal, state }))
    };
    read().map_err(broken)?.ok_or_else(|| {
        match id < state.next_id {
            true => Failure::new(format!("deal {id} is over")),
            false => Failure::new(format!("there was no deal {id} yet")),
        }
        .help("`boatyard market deals` lists those that there are and are not over")
    })
}

fn deals(rpc: &Rpc, output: Output, args: &DealsArgs) -> Result<(), Failure> {
    let id = |address: &Option<String>| -> Result<Option<Address>, Failure> {
        let Some(address) = address else {
            return Ok(None);
        };
        let id = id_of(rpc, &actor::address(address)?)?;
        Ok(Some(Address::new_id(id)))
    };
    let (client, provider) = (id(&args.client)?, id(&args.provider)?);
    let now = epoch(rpc)?;
    let found = all(rpc, |deal| {
        client.is_none_or(|client| client == deal.client)
            && provider.is_none_or(|provider| provider == deal.provider)
    })?;
    let rows: Vec<Value> = found.iter().map(|(id, deal)| deal.json(*id, now)).collect();
    output.result(&Value::Array(rows.clone()), || {
        if rows.is_empty() {
            return output.hint("there are no deals");
        }
        let columns = [
            "id",
            "stage",
            "client",
            "provider",
            "start",
            "end",
            "sector",
            "piece_size",
            "label",
        ];
        let cell = |row: &Value, column: &str| match &row[column] {
            Value::String(text) => printable(text),
            Value::Null => "-".into(),
            other => other.to_string(),
        };
        let cells = rows
            .iter()
            .map(|row| columns.iter().map(|column| cell(row, column)).collect());
        table(&columns, cells.collect());
    });
    Ok(())
}

fn deal(rpc: &Rpc, output: Output, args: &DealArgs) -> Result<(), Failure> {
    let now = epoch(rpc)?;
    let deal = find(rpc, args.id)?;
    let result = deal.json(args.id, now);
    output.result(&result, || {
        let text = |name: &str| printable(result[name].as_str().unwrap_or_default());
        field("deal", format_args!("{}, {}", args.id, deal.stage(now)));
        field("client", text("client"));
        field("provider", text("provider"));
        field("piece", text("piece"));
        field(
            "size",
            format_args!("{} bytes", grouped(deal.proposal.piece_size.0)),
        );
        field(
            "verified",
            if deal.proposal.verified_deal {
                "yes"
            } else {
                "no"
            },
        );
        field("label", text("label"));
        field(
            "epochs",
            format_args!(
                "{} to {}",
                deal.proposal.start_epoch, deal.proposal.end_epoch
            ),
        );
        field(
            "price",
            format_args!(
                "{} an epoch, {} in all",
                people_amount(&text("price_per_epoch")),
                format_amount(&deal.proposal.total_storage_fee())
            ),
        );
        field("collateral", people_amount(&text("provider_collateral")));
        if let Some(state) = &deal.state {
            field(
                "sector",
                format_args!(
                    "{}, since epoch {}",
                    state.sector_number, state.sector_start_epoch
                ),
            );
        }
    });
    Ok(())
}

fn settle(rpc: &Rpc, output: Output, args: &SettleArgs) -> Result<(), Failure> {
    let ids = BitField::try_from_bits(args.ids.iter().copied())
        .map_err(|error| Failure::new("these are no numbers of deals").because(error))?;
    let sender = args.sending.sender(rpc, output)?;
    let draft = call::<Market>(MARKET_ACTOR, "SettleDealPayments", &ids)?;
    let what = "no deal was settled";
    let sent = sender.send(&draft, what)?;
    let settled: SettleDealPaymentsReturn = returned(&sent, what)?;
    // Deals come in the order of their numbers.
    let mut order = args.ids.clone();
    order.sort_unstable();
    order.dedup();
    let mut paid = settled.settlements.iter();
    let rows: Vec<Value> = order
        .iter()
        .enumerate()
        .map(|(position, id)| {
            let mut failures = settled.results.fail_codes.iter();
            let failed = failures.find(|failed| failed.index as usize == position);
            let payment = match failed {
                Some(_) => None,
                None => paid.next(),
            };
            json!({
                "deal": id,
                "code": failed.map_or(0, |failed| failed.code.value()),
                "paid": payment.map(|payment| payment.payment.atto().to_string()),
                "over": payment.map(|payment| payment.completed),
            })
        })
        .collect();
    output.result(&with_message(json!({ "deals": rows }), &sent), || {
        let cells = rows.iter().map(|row| {
            let outcome = match (row["code"].as_u64(), row["over"].as_bool()) {
                (Some(32), _) => "there is no such deal, or it is over".to_owned(),
                (Some(0), Some(true)) => "it is over".to_owned(),
                (Some(0), _) => "goes on".to_owned(),
                (code, _) => format!("exit code {}", code.unwrap_or_default()),
            };
            let paid = row["paid"].as_str().map_or("-".into(), people_amount);
            vec![row["deal"].to_string(), paid, outcome]
        });
        table(&["deal", "paid", ""], cells.collect());
        say_message(&sent);
    });
    Ok(())
}
