//! A miner's sectors and deadlines.

use std::collections::BTreeMap;

use fvm_ipld_bitfield::BitField;
use fvm_shared::sector::SectorNumber;
use serde_json::{Value, json};

use super::answers::{Deadline, Location, Partition, Runs, Sector, Timing};
use super::show::atto;
use super::view::Miner;
use super::{DeadlinesArgs, FaultsArgs, ProvingArgs, SectorsArgs};
use crate::builtin::{Blocks, broken, field};
use crate::failure::Failure;
use crate::message::people_amount;
use crate::output::{Output, say, table};
use crate::rpc::Rpc;

/// All partitions of a miner, in order.
fn partitions(miner: &Miner<'_>, timing: &Timing) -> Result<Vec<(Location, Partition)>, Failure> {
    let mut all = Vec::new();
    for deadline in 0..timing.deadlines {
        for (partition, held) in (0..).zip(miner.partitions(deadline)?) {
            let location = Location {
                deadline,
                partition,
            };
            all.push((location, held));
        }
    }
    Ok(all)
}

pub(super) fn sectors(rpc: &Rpc, output: Output, args: &SectorsArgs) -> Result<(), Failure> {
    let miner = Miner::find(rpc, &args.miner)?;
    let timing = miner.timing()?;
    let partitions = partitions(&miner, &timing)?;
    let place = |number: SectorNumber| {
        let mut all = partitions.iter();
        all.find(|(_, partition)| partition.all_sectors.0.get(number))
    };
    let known: Vec<Sector> = rpc.call(
        "Filecoin.StateMinerSectors",
        [json!(miner.address.to_string()), Value::Null, Value::Null],
    )?;
    let mut rows: BTreeMap<SectorNumber, Value> = announced(rpc, &miner)?;
    for sector in known {
        let number = sector.sector_number;
        let (at, standing) = match place(number) {
            Some((at, partition)) => (Some(*at), partition.standing(number)),
            None => (None, "terminated"),
        };
        let row = json!({
            "number": number,
            "state": standing,
            "deadline": at.map(|at| at.deadline),
            "partition": at.map(|at| at.partition),
            "activation": sector.activation,
            "expiration": sector.expiration,
            "holds": match (&*sector.deal_weight, &*sector.verified_deal_weight) {
                ("0", "0") => "nothing",
                (_, "0") => "data",
                _ => "verified data",
            },
            "pledge": atto(&sector.initial_pledge),
            "daily_fee": atto(&sector.daily_fee),
            "sealed": sector.sealed_cid["/"],
            "upgraded": sector.sector_key_cid.is_some(),
        });
        rows.insert(number, row);
    }
    let rows: Vec<Value> = rows.into_values().collect();
    output.result(&Value::Array(rows.clone()), || {
        if rows.is_empty() {
            return output.hint(format!("{} has no sectors", miner.address));
        }
        let columns = [
            "number",
            "state",
            "deadline",
            "partition",
            "activation",
            "expiration",
            "holds",
            "pledge",
        ];
        say_rows(&columns, &rows);
    });
    Ok(())
}

/// Sectors that were announced and are not proven yet.
fn announced(rpc: &Rpc, miner: &Miner<'_>) -> Result<BTreeMap<SectorNumber, Value>, Failure> {
    let (_, state) = miner.state()?;
    let blocks = Blocks::of(rpc);
    let mut rows = BTreeMap::new();
    let walk = state.pre_committed_sectors.load(&blocks).and_then(|all| {
        all.for_each(|number, found| {
            let row = json!({
                "number": number,
                "state": "pre-committed",
                "deadline": null,
                "partition": null,
                "activation": null,
                "expiration": found.info.expiration,
                "holds": if found.info.unsealed_cid.is_some() { "data" } else { "nothing" },
                "pledge": atto(&found.pre_commit_deposit),
                "daily_fee": "0",
                "sealed": found.info.sealed_cid.to_string(),
                "upgraded": false,
            });
            rows.insert(number, row);
            Ok(())
        })
    });
    walk.map_err(broken)?;
    Ok(rows)
}

/// Rows of JSON as a table; amounts are recognised by their column.
fn say_rows(columns: &[&str], rows: &[Value]) {
    let cell = |row: &Value, column: &str| match &row[column] {
        Value::String(text) if column == "pledge" || column == "daily_fee" => people_amount(text),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Null => "-".into(),
        other => other.to_string(),
    };
    let cells = rows.iter().map(|row| {
        let cells = columns.iter().map(|column| cell(row, column));
        cells.collect()
    });
    let heads: Vec<String> = columns.iter().map(|name| name.replace('_', " ")).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    table(&heads, cells.collect());
}

pub(super) fn deadlines(rpc: &Rpc, output: Output, args: &DeadlinesArgs) -> Result<(), Failure> {
    let miner = Miner::find(rpc, &args.miner)?;
    let timing = miner.timing()?;
    let deadlines: Vec<Deadline> = miner.ask("Filecoin.StateMinerDeadlines")?;
    let mut rows = Vec::new();
    for (index, deadline) in (0..).zip(&deadlines) {
        let partitions = miner.partitions(index)?;
        let count = |of: fn(&Partition) -> &Runs| -> u64 {
            partitions.iter().map(|part| of(part).0.len()).sum()
        };
        if partitions.is_empty() && !args.all {
            continue;
        }
        let (open, close) = timing.window_of(index);
        rows.push(json!({
            "deadline": index,
            "open": open,
            "close": close,
            "is_open": (open..close).contains(&timing.current_epoch),
            "partitions": partitions.len(),
            "live": count(|part| &part.live_sectors),
            "faulty": count(|part| &part.faulty_sectors),
            "recovering": count(|part| &part.recovering_sectors),
            "proven": deadline.post_submissions.0.len(),
            "disputable": deadline.disputable_proof_count,
            "daily_fee": atto(&deadline.daily_fee),
        }));
    }
    output.result(&Value::Array(rows.clone()), || {
        if rows.is_empty() {
            return output.hint(format!(
                "{} has nothing to prove; --all lists its deadlines nevertheless",
                miner.address
            ));
        }
        let columns = [
            "deadline",
            "open",
            "close",
            "partitions",
            "live",
            "faulty",
            "recovering",
            "proven",
            "daily_fee",
        ];
        say_rows(&columns, &rows);
        output.hint(format!("now is epoch {}", timing.current_epoch));
    });
    Ok(())
}

pub(super) fn proving(rpc: &Rpc, output: Output, args: &ProvingArgs) -> Result<(), Failure> {
    let miner = Miner::find(rpc, &args.miner)?;
    let timing = miner.timing()?;
    let deadlines: Vec<Deadline> = miner.ask("Filecoin.StateMinerDeadlines")?;
    let nothing = BitField::new();
    let posted = usize::try_from(timing.index)
        .ok()
        .and_then(|index| deadlines.get(index))
        .map_or(&nothing, |deadline| &deadline.post_submissions.0);
    let rows: Vec<Value> = (0u64..)
        .zip(miner.partitions(timing.index)?)
        .map(|(index, partition)| {
            json!({
                "partition": index,
                "live": partition.live_sectors.0.len(),
                "faulty": partition.faulty_sectors.0.len(),
                "recovering": partition.recovering_sectors.0.len(),
                "proven": posted.get(index),
            })
        })
        .collect();
    let result = json!({
        "epoch": timing.current_epoch,
        "deadline": timing.index,
        "deadlines": timing.deadlines,
        "period_start": timing.period_start,
        "open": timing.open,
        "close": timing.close,
        "challenge": timing.challenge,
        "fault_cutoff": timing.fault_cutoff,
        "partitions": rows,
    });
    output.result(&result, || {
        field("epoch", timing.current_epoch);
        field(
            "deadline",
            format_args!("{} of {}", timing.index, timing.deadlines),
        );
        field(
            "open",
            format_args!("epochs {} to {}", timing.open, timing.close - 1),
        );
        field("challenge", format_args!("of epoch {}", timing.challenge));
        field(
            "faults",
            format_args!("to be declared before epoch {}", timing.fault_cutoff),
        );
        if rows.is_empty() {
            return output.hint("no sector is proven in it");
        }
        say!("");
        let columns = ["partition", "live", "faulty", "recovering", "proven"];
        say_rows(&columns, &rows);
    });
    Ok(())
}

pub(super) fn faults(rpc: &Rpc, output: Output, args: &FaultsArgs) -> Result<(), Failure> {
    let miner = Miner::find(rpc, &args.miner)?;
    let timing = miner.timing()?;
    let faulty: Runs = miner.ask("Filecoin.StateMinerFaults")?;
    let mut rows = Vec::new();
    if !faulty.0.is_empty() {
        for (at, partition) in partitions(&miner, &timing)? {
            for number in partition.faulty_sectors.0.iter() {
                rows.push(json!({
                    "sector": number,
                    "deadline": at.deadline,
                    "partition": at.partition,
                    "recovering": partition.recovering_sectors.0.get(number),
                    "next_proof": timing.window_of(at.deadline).0,
                    "ends": miner.early_end(number)?,
                }));
            }
        }
    }
    output.result(&Value::Array(rows.clone()), || {
        if rows.is_empty() {
            return output.hint(format!("all sectors of {} are well", miner.address));
        }
        let columns = [
            "sector",
            "deadline",
            "partition",
            "recovering",
            "next_proof",
            "ends",
        ];
        say_rows(&columns, &rows);
        output.hint("a sector ends at that epoch unless it is proven again before");
    });
    Ok(())
}
