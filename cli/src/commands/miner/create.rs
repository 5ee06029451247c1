//! `boatyard miner create`

use boatyard_abi::{format_amount, parse_address, parse_amount};
use boatyard_actors_shared::POWER_ACTOR;
use boatyard_actors_shared::ext::power::{CREATE_MINER, CreateMinerParams, CreateMinerReturn};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::METHOD_SEND;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredPoStProof, SectorSize};
use serde_json::{Value, json};

use super::CreateArgs;
use crate::actor;
use crate::builtin::{Sender, field, say_message, with_message};
use crate::failure::Failure;
use crate::message::{Draft, encoded, returned};
use crate::output::Output;
use crate::rpc::Rpc;

/// FIL that a new worker gets for its messages.
const WORKER_MONEY: i64 = 1;

pub(super) fn run(rpc: &Rpc, output: Output, args: &CreateArgs) -> Result<(), Failure> {
    let sender = args.sending.sender(rpc, output)?;
    let owner = match &args.owner {
        Some(text) => actor::address(text)?,
        None => sender.address(),
    };
    let worker = match &args.worker {
        Some(text) => actor::address(text)?,
        None => new_worker(rpc, &sender)?,
    };
    let size: SectorSize = args.sector_size.into();
    let params = CreateMinerParams {
        owner,
        worker,
        window_post_proof_type: match size {
            SectorSize::_8MiB => RegisteredPoStProof::StackedDRGWindow8MiBV1P1,
            _ => RegisteredPoStProof::StackedDRGWindow2KiBV1P1,
        },
        peer: RawBytes::default(),
        multiaddrs: Vec::new(),
    };
    let deposit = match &args.deposit {
        Some(deposit) => deposit.clone(),
        None => asked(rpc)?,
    };
    let draft = Draft {
        to: POWER_ACTOR,
        method: CREATE_MINER,
        params: encoded(&params)?,
        value: deposit.clone(),
    };
    let what = "the miner was not created";
    let sent = sender.send(&draft, what)?;
    let created: CreateMinerReturn = returned(&sent, what)?;
    let result = json!({
        "id": created.id_address.to_string(),
        "robust": created.robust_address.to_string(),
        "owner": owner.to_string(),
        "worker": worker.to_string(),
        "sector_size": size as u64,
        "deposit": deposit.atto().to_string(),
    });
    output.result(&with_message(result, &sent), || {
        field("miner", created.id_address);
        field("address", created.robust_address);
        field("owner", owner);
        field("worker", worker);
        field("deposit", format_amount(&deposit));
        say_message(&sent);
        output.hint(format!("boatyard miner info {}", created.id_address));
    });
    Ok(())
}

/// What the network asks of a new miner, with something for safety.
fn asked(rpc: &Rpc) -> Result<TokenAmount, Failure> {
    let text: String = rpc.call("Filecoin.StateMinerCreationDeposit", [Value::Null])?;
    parse_amount(&text)
        .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))
}

/// A new key in the node's wallet, with an actor and some money.
fn new_worker(rpc: &Rpc, sender: &Sender<'_>) -> Result<Address, Failure> {
    let text: String = rpc
        .call("Filecoin.WalletNew", [json!("bls")])
        .map_err(|error| {
            Failure::from(error)
                .context("the node makes no key for the worker")
                .help("--worker names an account that has a BLS key")
        })?;
    let worker = parse_address(&text)
        .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))?;
    let money = Draft {
        to: worker,
        method: METHOD_SEND,
        params: Vec::new(),
        value: TokenAmount::from_whole(WORKER_MONEY),
    };
    sender.send(&money, "the new worker got no money")?;
    Ok(worker)
}
