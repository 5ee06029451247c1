//! Owner, worker and beneficiary.

use boatyard_miner::Miner as MinerActor;
use boatyard_miner::types::{ChangeBeneficiaryParams, ChangeWorkerAddressParams};
use fvm_shared::address::Address;
use serde_json::json;

use super::answers::Info;
use super::view::Miner;
use super::{SetBeneficiaryArgs, SetOwnerArgs, SetWorkerArgs, show};
use crate::actor;
use crate::builtin::{SendingArgs, bare_call, call, field, id_of, say_message, with_message};
use crate::failure::Failure;
use crate::message::Draft;
use crate::output::Output;
use crate::rpc::Rpc;

/// Sends a message that changes who a miner is, by `own` unless somebody else is
/// named, and tells who it is then. `hint` says what has to follow.
pub(super) fn change(
    miner: &Miner<'_>,
    output: Output,
    sending: &SendingArgs,
    own: Address,
    draft: &Draft,
    what: &str,
    hint: impl FnOnce(&Info) -> Option<String>,
) -> Result<(), Failure> {
    let sender = miner.sender(output, sending, own)?;
    let sent = sender.send(draft, what)?;
    let now: Info = miner.ask("Filecoin.StateMinerInfo")?;
    let mut result = show::who(&now);
    result["id"] = json!(miner.address.to_string());
    output.result(&with_message(result, &sent), || {
        field("miner", miner.address);
        show::say_who(&now);
        say_message(&sent);
        if let Some(hint) = hint(&now) {
            output.hint(hint);
        }
    });
    Ok(())
}

/// The ID address of an account that a user named; it must exist.
fn id_address(rpc: &Rpc, text: &str) -> Result<Address, Failure> {
    let address = actor::address(text)?;
    let id = id_of(rpc, &address).map_err(|failure| {
        failure.help("an address is known to the chain once somebody has sent it something")
    })?;
    Ok(Address::new_id(id))
}

pub(super) fn set_owner(rpc: &Rpc, output: Output, args: &SetOwnerArgs) -> Result<(), Failure> {
    let miner = Miner::find(rpc, &args.miner)?;
    let owner = id_address(rpc, &args.owner)?;
    let draft = call::<MinerActor>(miner.address, "ChangeOwnerAddress", &owner)?;
    let what = "the owner stays the same";
    let owner = miner.info.owner;
    change(&miner, output, &args.sending, owner, &draft, what, |now| {
        let pending = now.pending_owner_address?;
        Some(format!(
            "boatyard miner set-owner {} {pending} --from {pending} takes the miner over",
            miner.address
        ))
    })
}

pub(super) fn set_worker(rpc: &Rpc, output: Output, args: &SetWorkerArgs) -> Result<(), Failure> {
    let miner = Miner::find(rpc, &args.miner)?;
    let what = "the worker stays the same";
    if args.confirm {
        return confirm(&miner, output, args, what);
    }
    if args.worker.is_none() && args.control.is_empty() && !args.no_control {
        return Err(Failure::new("nothing is to change")
            .help("give the new worker, --control ADDRESS, --no-control or --confirm"));
    }
    let controls = match (args.no_control, args.control.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => miner.info.control_addresses.clone(),
        (false, false) => args
            .control
            .iter()
            .map(|text| id_address(rpc, text))
            .collect::<Result<_, _>>()?,
    };
    let params = ChangeWorkerAddressParams {
        new_worker: match &args.worker {
            Some(text) => id_address(rpc, text)?,
            None => miner.info.worker,
        },
        new_control_addresses: controls,
    };
    if let Some(waiting) = miner.info.new_worker
        && args.worker.is_some()
        && waiting != params.new_worker
    {
        return Err(Failure::new(format!("{waiting} waits to become the worker")).help(format!(
            "from epoch {} on, `boatyard miner set-worker {} --confirm` puts it into office; then \
             there can be another",
            miner.info.worker_change_epoch, miner.address
        )));
    }
    let draft = call::<MinerActor>(miner.address, "ChangeWorkerAddress", &params)?;
    let owner = miner.info.owner;
    change(&miner, output, &args.sending, owner, &draft, what, |now| {
        now.new_worker?;
        Some(format!(
            "from epoch {} on, boatyard miner set-worker {} --confirm",
            now.worker_change_epoch, miner.address
        ))
    })
}

fn confirm(
    miner: &Miner<'_>,
    output: Output,
    args: &SetWorkerArgs,
    what: &str,
) -> Result<(), Failure> {
    let Some(worker) = miner.info.new_worker else {
        return Err(Failure::new(format!(
            "nobody waits to become the worker of {}",
            miner.address
        ))
        .help(format!(
            "boatyard miner set-worker {} f3… announces a new one",
            miner.address
        )));
    };
    let (now, from) = (
        miner.timing()?.current_epoch,
        miner.info.worker_change_epoch,
    );
    if now + 1 < from {
        return Err(Failure::new(format!(
            "{worker} becomes the worker in epoch {from}, now is {now}"
        ))
        .help(format!("boatyard warp --to {from}")));
    }
    let draft = bare_call::<MinerActor>(miner.address, "ConfirmChangeWorkerAddress");
    let owner = miner.info.owner;
    change(miner, output, &args.sending, owner, &draft, what, |_| None)
}

pub(super) fn set_beneficiary(
    rpc: &Rpc,
    output: Output,
    args: &SetBeneficiaryArgs,
) -> Result<(), Failure> {
    let miner = Miner::find(rpc, &args.miner)?;
    let params = match &args.beneficiary {
        Some(text) => proposal(&miner, id_address(rpc, text)?, args)?,
        None => consent(&miner)?,
    };
    let draft = call::<MinerActor>(miner.address, "ChangeBeneficiary", &params)?;
    let what = "the beneficiary stays the same";
    let owner = miner.info.owner;
    change(&miner, output, &args.sending, owner, &draft, what, |now| {
        let pending = now.pending_beneficiary_term.as_ref()?;
        let who = match pending.approved_by_nominee {
            false => pending.new_beneficiary,
            true => now.beneficiary,
        };
        Some(format!(
            "boatyard miner set-beneficiary {} --agree --from {who} is still needed",
            miner.address
        ))
    })
}

fn proposal(
    miner: &Miner<'_>,
    beneficiary: Address,
    args: &SetBeneficiaryArgs,
) -> Result<ChangeBeneficiaryParams, Failure> {
    if beneficiary != miner.info.owner && (args.quota.is_none() || args.until.is_none()) {
        return Err(Failure::new("it is not said what the beneficiary may have")
            .help("--quota \"100 FIL\" and --until EPOCH say it; only the owner needs neither"));
    }
    Ok(ChangeBeneficiaryParams {
        new_beneficiary: beneficiary,
        new_quota: args.quota.clone().unwrap_or_default(),
        new_expiration: args.until.unwrap_or(0),
    })
}

fn consent(miner: &Miner<'_>) -> Result<ChangeBeneficiaryParams, Failure> {
    let pending = miner.info.pending_beneficiary_term.as_ref();
    let pending = pending.ok_or_else(|| {
        Failure::new(format!("no beneficiary is proposed for {}", miner.address)).help(format!(
            "the owner proposes one: boatyard miner set-beneficiary {} ADDRESS --quota AMOUNT \
             --until EPOCH",
            miner.address
        ))
    })?;
    Ok(ChangeBeneficiaryParams {
        new_beneficiary: pending.new_beneficiary,
        new_quota: pending.new_quota.clone(),
        new_expiration: pending.new_expiration,
    })
}
