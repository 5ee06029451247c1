//! A provider's sectors: on chain and on disk.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use fvm_shared::sector::SectorNumber;
use serde_json::{Value, json};

use super::{Answer, Office, Refusal, number};
use crate::miner::{MinerError, MinerView};
use crate::record::SectorRecord;

/// The routes of this file.
pub fn routes() -> Router<Office> {
    Router::new()
        .route("/sectors", get(all))
        .route("/sectors/{sector}", get(one))
}

async fn all(State(office): State<Office>) -> Result<Answer, Refusal> {
    office
        .work(|office| {
            let view = office.miner()?;
            let places = places(&view)?;
            let records = office.provider.sectors();
            let shown = records
                .iter()
                .map(|record| show(office, &view, &places, record));
            Ok(Answer::ok(shown.collect::<Result<Value, Refusal>>()?))
        })
        .await
}

async fn one(State(office): State<Office>, Path(text): Path<String>) -> Result<Answer, Refusal> {
    let wanted = number(&text, "a sector")?;
    office
        .work(move |office| {
            let records = office.provider.sectors();
            let record = records.iter().find(|record| record.number == wanted);
            let record = record.ok_or_else(|| {
                Refusal::not_found(format!("there is no sector {wanted} here; see /sectors"))
            })?;
            let view = office.miner()?;
            let places = places(&view)?;
            Ok(Answer::ok(show(office, &view, &places, record)?))
        })
        .await
}

/// Where a sector is proven, and how it is.
struct Place {
    deadline: u64,
    partition: u64,
    state: &'static str,
}

/// The places of all sectors that the chain has.
fn places(view: &MinerView) -> Result<BTreeMap<SectorNumber, Place>, MinerError> {
    let mut places = BTreeMap::new();
    let deadlines = view.deadlines()?;
    for deadline in 0..deadlines.due.len() as u64 {
        let partitions = view.partitions(&view.deadline(&deadlines, deadline)?)?;
        for (partition, held) in (0..).zip(partitions) {
            for number in held.sectors.iter() {
                let state = match number {
                    _ if held.terminated.get(number) => "terminated",
                    _ if held.recoveries.get(number) => "recovering",
                    _ if held.faults.get(number) => "faulty",
                    _ => "active",
                };
                let place = Place {
                    deadline,
                    partition,
                    state,
                };
                places.insert(number, place);
            }
        }
    }
    Ok(places)
}

fn show(
    office: &Office,
    view: &MinerView,
    places: &BTreeMap<SectorNumber, Place>,
    record: &SectorRecord,
) -> Result<Value, Refusal> {
    let number = record.number;
    let place = places.get(&number);
    let on_chain = view.sector(number)?;
    let state = match (&on_chain, place) {
        _ if record.failed.is_some() => "failed",
        (Some(_), Some(place)) => place.state,
        (Some(_), None) => "terminated",
        (None, _) if record.released => "terminated",
        (None, _) if view.pre_commit(number)?.is_some() => "pre-committed",
        (None, _) => "sealing",
    };
    let sealed = record.sealed.as_ref();
    let updated = record
        .update
        .as_ref()
        .filter(|update| update.proven)
        .and_then(|update| update.updated.as_ref());
    let sealed_cid = match updated {
        Some(updated) => Some(updated.sealed_cid()),
        None => sealed.map(|sealed| sealed.sealed_cid()),
    };
    let unsealed_cid = match updated {
        Some(updated) => Some(updated.unsealed_cid()),
        None => sealed.map(|sealed| sealed.unsealed_cid()),
    };
    let pieces = record.held().iter().map(|piece| {
        json!({
            "piece_cid": piece.piece.cid.to_string(),
            "size": piece.piece.size.0,
            "order": piece.order,
        })
    });
    Ok(json!({
        "sector": number,
        "state": state,
        "non_interactive": record.non_interactive,
        "sealed_cid": sealed_cid.map(|cid| cid.to_string()),
        "unsealed_cid": unsealed_cid.map(|cid| cid.to_string()),
        "deadline": place.map(|place| place.deadline),
        "partition": place.map(|place| place.partition),
        "activation": on_chain.as_ref().map(|sector| sector.activation),
        "expiration": on_chain
            .as_ref()
            .map_or(record.expiration, |sector| sector.expiration),
        "pieces": pieces.collect::<Vec<_>>(),
        "upgraded": updated.is_some(),
        "files": files(office, view, place, record)?,
        "error": record.failed,
    }))
}

/// Whether the files that proofs are made from are there. Those of a faulty sector are
/// tried: what nobody has noticed is not told.
fn files(
    office: &Office,
    view: &MinerView,
    place: Option<&Place>,
    record: &SectorRecord,
) -> Result<&'static str, Refusal> {
    let dir = office.provider.files().sector(record.number);
    let replica = match &record.update {
        Some(update) if update.proven => dir.update(),
        _ => dir.sealed(),
    };
    if (record.sealed.is_some() || record.is_unknown()) && !replica.exists() {
        return Ok("lost");
    }
    if record.is_unknown() {
        return Ok("corrupt");
    }
    let faulty = place.is_some_and(|place| place.state == "faulty");
    Ok(
        match faulty && !office.provider.is_well(view, record.number)? {
            true => "corrupt",
            false => "whole",
        },
    )
}
