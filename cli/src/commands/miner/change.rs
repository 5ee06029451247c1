//! Sectors that end sooner or later, and money that leaves.

use std::collections::BTreeMap;
use std::num::ParseIntError;

use boatyard_abi::format_amount;
use boatyard_miner::Miner as MinerActor;
use boatyard_miner::types::{
    ExpirationExtension2, ExtendSectorExpiration2Params, SectorClaim, SectorDeclaration,
    TerminateSectorsParams, TerminateSectorsReturn, WithdrawBalanceParams,
};
use fvm_ipld_bitfield::BitField;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;
use serde::Deserialize;
use serde_json::json;

use super::answers::Location;
use super::view::Miner;
use super::{ExtendArgs, TerminateArgs, WithdrawArgs, numbers};
use crate::builtin::{call, field, say_message, with_message};
use crate::failure::Failure;
use crate::message::returned;
use crate::output::Output;
use crate::rpc::Rpc;

/// Sectors by the place where they are proven.
fn by_place(
    miner: &Miner<'_>,
    sectors: &[SectorNumber],
) -> Result<BTreeMap<Location, Vec<SectorNumber>>, Failure> {
    let mut places: BTreeMap<Location, Vec<SectorNumber>> = BTreeMap::new();
    for sector in sectors {
        let place = miner.location(*sector)?;
        places.entry(place).or_default().push(*sector);
    }
    Ok(places)
}

fn set(sectors: &[SectorNumber]) -> Result<BitField, Failure> {
    BitField::try_from_bits(sectors.iter().copied())
        .map_err(|error| Failure::new("these are no numbers of sectors").because(error))
}

/// Numbers in a sentence.
fn listed(sectors: &[SectorNumber]) -> String {
    let words: Vec<String> = sectors.iter().map(ToString::to_string).collect();
    words.join(", ")
}

pub(super) fn terminate(rpc: &Rpc, output: Output, args: &TerminateArgs) -> Result<(), Failure> {
    let miner = Miner::find(rpc, &args.miner)?;
    let sectors = numbers::all(&args.sectors);
    let terminations = by_place(&miner, &sectors)?
        .into_iter()
        .map(|(place, sectors)| {
            Ok(SectorDeclaration {
                deadline: place.deadline,
                partition: place.partition,
                sectors: set(&sectors)?,
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let sender = miner.sender(output, &args.sending, miner.info.worker)?;
    let params = TerminateSectorsParams { terminations };
    let draft = call::<MinerActor>(miner.address, "TerminateSectors", &params)?;
    let what = "no sector was terminated";
    let (before, _) = miner.state()?;
    let sent = sender.send(&draft, what)?;
    let ended: TerminateSectorsReturn = returned(&sent, what)?;
    let (after, state) = miner.state()?;
    let fee = &before - &after;
    let result = json!({
        "miner": miner.address.to_string(),
        "sectors": sectors,
        "settled": ended.done,
        "paid": fee.atto().to_string(),
        "debt": state.fee_debt.atto().to_string(),
    });
    output.result(&with_message(result, &sent), || {
        field("ended", listed(&sectors));
        field("fee", format_amount(&fee));
        field("debt", format_amount(&state.fee_debt));
        say_message(&sent);
        if !ended.done {
            output.hint("the fee of the rest is taken in the next epochs");
        }
    });
    Ok(())
}

/// A claim of `Filecoin.StateGetClaims`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Claim {
    sector: SectorNumber,
}

/// Numbers of the claims in each sector of a miner.
fn claims(miner: &Miner<'_>) -> Result<BTreeMap<SectorNumber, Vec<u64>>, Failure> {
    let all: BTreeMap<String, Claim> = miner.ask("Filecoin.StateGetClaims")?;
    let mut found: BTreeMap<SectorNumber, Vec<u64>> = BTreeMap::new();
    for (id, claim) in all {
        let id = id.parse().map_err(|error: ParseIntError| {
            Failure::new("the node's answer cannot be read").because(error)
        })?;
        found.entry(claim.sector).or_default().push(id);
    }
    for ids in found.values_mut() {
        ids.sort_unstable();
    }
    Ok(found)
}

pub(super) fn extend(rpc: &Rpc, output: Output, args: &ExtendArgs) -> Result<(), Failure> {
    let miner = Miner::find(rpc, &args.miner)?;
    let sectors = numbers::all(&args.sectors);
    let claims = claims(&miner)?;
    let mut extensions = Vec::new();
    for (place, sectors) in by_place(&miner, &sectors)? {
        let (with, without): (Vec<_>, Vec<_>) = sectors
            .into_iter()
            .partition(|sector| claims.contains_key(sector));
        let with_claims = with.into_iter().map(|sector| {
            let ids = claims.get(&sector).cloned().unwrap_or_default();
            let (maintain_claims, drop_claims) = match args.drop_claims {
                true => (Vec::new(), ids),
                false => (ids, Vec::new()),
            };
            SectorClaim {
                sector_number: sector,
                maintain_claims,
                drop_claims,
            }
        });
        extensions.push(ExpirationExtension2 {
            deadline: place.deadline,
            partition: place.partition,
            sectors: set(&without)?,
            sectors_with_claims: with_claims.collect(),
            new_expiration: args.to,
        });
    }
    let sender = miner.sender(output, &args.sending, miner.info.worker)?;
    let params = ExtendSectorExpiration2Params { extensions };
    let draft = call::<MinerActor>(miner.address, "ExtendSectorExpiration2", &params)?;
    let sent = sender.send(&draft, "no sector lives longer")?;
    let result = json!({
        "miner": miner.address.to_string(),
        "sectors": sectors,
        "expiration": args.to,
    });
    output.result(&with_message(result, &sent), || {
        field("extended", listed(&sectors));
        field("until", format_args!("epoch {}", args.to));
        say_message(&sent);
    });
    Ok(())
}

pub(super) fn withdraw(rpc: &Rpc, output: Output, args: &WithdrawArgs) -> Result<(), Failure> {
    let miner = Miner::find(rpc, &args.miner)?;
    let amount = match &args.amount {
        Some(amount) => amount.clone(),
        // The miner pays what there is.
        None => miner.state()?.0,
    };
    let sender = miner.sender(output, &args.sending, miner.info.owner)?;
    let params = WithdrawBalanceParams {
        amount_requested: amount.clone(),
    };
    let draft = call::<MinerActor>(miner.address, "WithdrawBalance", &params)?;
    let what = "nothing was withdrawn";
    let sent = sender.send(&draft, what)?;
    let withdrawn: TokenAmount = returned(&sent, what)?;
    let (balance, _) = miner.state()?;
    let result = json!({
        "miner": miner.address.to_string(),
        "withdrawn": withdrawn.atto().to_string(),
        "to": miner.info.beneficiary.to_string(),
        "balance": balance.atto().to_string(),
    });
    output.result(&with_message(result, &sent), || {
        field("withdrawn", format_amount(&withdrawn));
        field("to", miner.info.beneficiary);
        field("balance", format_amount(&balance));
        say_message(&sent);
        if args.amount.is_some() && withdrawn < amount {
            output.hint("the rest is pledged, vesting or owed, or was never there");
        }
    });
    Ok(())
}
