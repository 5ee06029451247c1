//! Who a miner is, its power and its money.

use boatyard_abi::format_amount;
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;
use serde_json::{Value, json};

use super::InfoArgs;
use super::answers::Info;
use super::view::Miner;
use crate::builtin::field;
use crate::failure::Failure;
use crate::message::people_amount;
use crate::output::{Output, grouped, grouped_text};
use crate::rpc::Rpc;

/// For programs.
pub(super) fn atto(amount: &TokenAmount) -> String {
    amount.atto().to_string()
}

/// A member of the node's answer that is text.
fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("0")
}

pub(super) fn info(rpc: &Rpc, output: Output, args: &InfoArgs) -> Result<(), Failure> {
    let miner = Miner::find(rpc, &args.miner)?;
    let power: Value = miner.ask("Filecoin.StateMinerPower")?;
    let count: Value = miner.ask("Filecoin.StateMinerSectorCount")?;
    let available: String = miner.ask("Filecoin.StateMinerAvailableBalance")?;
    let (balance, state) = miner.state()?;
    let info = &miner.info;
    let (raw, quality) = (
        text(&power, "/MinerPower/RawBytePower"),
        text(&power, "/MinerPower/QualityAdjPower"),
    );
    let total = text(&power, "/TotalPower/QualityAdjPower");
    let mut result = who(info);
    let facts = json!({
        "power": { "raw": raw, "quality_adjusted": quality, "network": total },
        "may_mine": power["HasMinPower"],
        "sectors": {
            "live": count["Live"], "active": count["Active"], "faulty": count["Faulty"],
        },
        "balance": atto(&balance),
        "available": available,
        "pledge": atto(&state.initial_pledge),
        "deposits": atto(&state.pre_commit_deposits),
        "vesting": atto(&state.locked_funds),
        "debt": atto(&state.fee_debt),
    });
    result["id"] = json!(miner.address.to_string());
    if let (Some(result), Value::Object(facts)) = (result.as_object_mut(), facts) {
        result.extend(facts);
    }
    output.result(&result, || {
        field("miner", miner.address);
        say_who(info);
        field(
            "sectors",
            format_args!(
                "{} of {} bytes, {} active, {} faulty",
                count["Live"],
                grouped(info.sector_size),
                count["Active"],
                count["Faulty"]
            ),
        );
        field(
            "power",
            format_args!(
                "{} bytes, {} for quality, {}",
                grouped_text(raw),
                grouped_text(quality),
                share(quality, total)
            ),
        );
        field("balance", format_amount(&balance));
        field("available", people_amount(&available));
        field("pledge", format_amount(&state.initial_pledge));
        field("deposits", format_amount(&state.pre_commit_deposits));
        field("vesting", format_amount(&state.locked_funds));
        field("debt", format_amount(&state.fee_debt));
    });
    Ok(())
}

/// A part of the network's power, for people.
fn share(part: &str, total: &str) -> String {
    let number = |text: &str| text.parse::<BigInt>().unwrap_or_default();
    let total = number(total);
    if total == BigInt::default() {
        return "nobody has any".into();
    }
    let thousandths: BigInt = number(part) * 1_000 / total;
    let thousandths = u64::try_from(thousandths).unwrap_or(0);
    format!(
        "{}.{} % of the network's",
        thousandths / 10,
        thousandths % 10
    )
}

/// Identity for programs.
pub(super) fn who(info: &Info) -> Value {
    let text = |address: &Option<_>| address.as_ref().map(ToString::to_string);
    let pending = info.pending_beneficiary_term.as_ref();
    json!({
        "id": null,
        "owner": info.owner.to_string(),
        "pending_owner": text(&info.pending_owner_address),
        "worker": info.worker.to_string(),
        "pending_worker": info.new_worker.as_ref().map(|worker| json!({
            "worker": worker.to_string(),
            "from": info.worker_change_epoch,
        })),
        "control": info.control_addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "beneficiary": {
            "address": info.beneficiary.to_string(),
            "quota": atto(&info.beneficiary_term.quota),
            "used": atto(&info.beneficiary_term.used_quota),
            "until": info.beneficiary_term.expiration,
        },
        "pending_beneficiary": pending.map(|pending| json!({
            "address": pending.new_beneficiary.to_string(),
            "quota": atto(&pending.new_quota),
            "until": pending.new_expiration,
            "beneficiary_agrees": pending.approved_by_beneficiary,
            "nominee_agrees": pending.approved_by_nominee,
        })),
        "multiaddrs": info.multiaddrs,
        "sector_size": info.sector_size,
        "partition_sectors": info.partition_sectors,
    })
}

/// Identity for people.
pub(super) fn say_who(info: &Info) {
    match &info.pending_owner_address {
        Some(pending) => field("owner", format_args!("{}, soon {pending}", info.owner)),
        None => field("owner", info.owner),
    }
    match &info.new_worker {
        Some(worker) => field(
            "worker",
            format_args!(
                "{}, {worker} from epoch {}",
                info.worker, info.worker_change_epoch
            ),
        ),
        None => field("worker", info.worker),
    }
    for control in &info.control_addresses {
        field("control", control);
    }
    for address in &info.multiaddrs {
        field("reached at", address);
    }
    let term = &info.beneficiary_term;
    match info.beneficiary == info.owner {
        true => field("paid", "the owner"),
        false => field(
            "paid",
            format_args!(
                "{} until epoch {}, {} of {} so far",
                info.beneficiary,
                term.expiration,
                format_amount(&term.used_quota),
                format_amount(&term.quota)
            ),
        ),
    }
    if let Some(pending) = &info.pending_beneficiary_term {
        field(
            "proposed",
            format_args!(
                "to pay {} until epoch {}, up to {}",
                pending.new_beneficiary,
                pending.new_expiration,
                format_amount(&pending.new_quota)
            ),
        );
    }
}
