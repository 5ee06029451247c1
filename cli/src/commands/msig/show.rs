//! `boatyard msig inspect`

use boatyard_abi::{format_amount, parse_amount};
use boatyard_multisig::State;
use boatyard_multisig::state::{Transaction, TxnId};
use boatyard_sdk::Type;
use clap::Args;
use fvm_ipld_blockstore::Blockstore;
use serde_json::{Value, json};

use super::inner::Inner;
use crate::actor;
use crate::builtin::{Blocks, broken, epoch, field};
use crate::failure::Failure;
use crate::output::{Output, printable, say, short, table};
use crate::rpc::Rpc;

/// Show a wallet: signers, money, and the transactions that wait.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard msig inspect f01000
  boatyard msig inspect f080 --json    who governs the verified registry")]
pub struct InspectArgs {
    /// The wallet
    wallet: String,
}

/// Runs the command.
///
/// # Errors
/// There is no such wallet.
pub fn inspect(rpc: &Rpc, output: Output, args: &InspectArgs) -> Result<(), Failure> {
    let address = actor::address(&args.wallet)?;
    let blocks = Blocks::of(rpc);
    let (info, state): (_, State) = blocks.state(&address, Type::Multisig)?;
    let balance = parse_amount(&info.balance)
        .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))?;
    // A message sent now is executed in the next epoch.
    let elapsed = (epoch(rpc)? + 1).saturating_sub(state.start_epoch);
    let locked = state.locked(elapsed);
    let available = (&balance - &locked).max(Default::default());
    let mut waiting = Vec::new();
    for (id, transaction) in pending(&state, &blocks)? {
        waiting.push(described(rpc, id, &transaction)?);
    }
    let id = format!("f0{}", info.id()?);
    let result = json!({
        "id": id,
        "robust": info.robust(),
        "balance": balance.atto().to_string(),
        "locked": locked.atto().to_string(),
        "available": available.atto().to_string(),
        "threshold": state.num_approvals_threshold,
        "signers": state.signers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "lock": match state.unlock_duration {
            0 => Value::Null,
            duration => json!({
                "amount": state.initial_balance.atto().to_string(),
                "start": state.start_epoch,
                "duration": duration,
            }),
        },
        "pending": waiting,
    });
    output.result(&result, || {
        field("wallet", &id);
        if let Some(robust) = info.robust() {
            field("address", robust);
        }
        field("balance", format_amount(&balance));
        if !locked.is_zero() {
            field("locked", format_amount(&locked));
            field("available", format_amount(&available));
        }
        field(
            "approvals",
            format_args!(
                "{} of {}",
                state.num_approvals_threshold,
                state.signers.len()
            ),
        );
        for signer in &state.signers {
            field("signer", signer);
        }
        if waiting.is_empty() {
            return output.hint("no transaction waits for approval");
        }
        say!("");
        table(
            &[
                "number",
                "to",
                "value",
                "method",
                "parameters",
                "approved by",
            ],
            waiting.iter().map(row).collect(),
        );
    });
    Ok(())
}

/// The transactions that wait, by number.
///
/// # Errors
/// They cannot be read.
pub fn pending(
    state: &State,
    store: &impl Blockstore,
) -> Result<Vec<(TxnId, Transaction)>, Failure> {
    let mut pending = Vec::new();
    let mut walk = || {
        state.pending_txs.load(store)?.for_each(|id, transaction| {
            pending.push((id, transaction.clone()));
            Ok(())
        })
    };
    walk().map_err(broken)?;
    pending.sort_by_key(|(id, _)| *id);
    Ok(pending)
}

fn described(rpc: &Rpc, id: TxnId, transaction: &Transaction) -> Result<Value, Failure> {
    let inner = Inner::new(rpc, transaction.to, transaction.method)?;
    let approved = transaction.approved.iter().map(ToString::to_string);
    Ok(json!({
        "id": id,
        "to": transaction.to.to_string(),
        "value": transaction.value.atto().to_string(),
        "method": transaction.method,
        "method_name": inner.name(),
        "params": inner.params(transaction.params.bytes()),
        "approved": approved.collect::<Vec<_>>(),
    }))
}

fn row(transaction: &Value) -> Vec<String> {
    let text = |name: &str| transaction[name].as_str().unwrap_or_default().to_owned();
    let params = match &transaction["params"] {
        Value::Null => String::new(),
        params => printable(&short(params)),
    };
    let approved: Vec<&str> = transaction["approved"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    vec![
        transaction["id"].to_string(),
        text("to"),
        crate::message::people_amount(&text("value")),
        printable(&text("method_name")),
        params,
        approved.join(" "),
    ]
}
