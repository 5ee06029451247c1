//! `boatyard accounts`

use clap::Args;
use console::style;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::actor::address_text;
use crate::args::Global;
use crate::failure::Failure;
use crate::message::people_amount;
use crate::output::say;

/// List the development accounts.
///
/// Each is one key with two addresses that hold money of their own: the Ethereum
/// one (0x…, which Filecoin writes f410f…) for contracts and Ethereum tools, and
/// the Filecoin one (f1…) for native actors and Filecoin tools. The keys are
/// public: never use them anywhere else.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct AccountsArgs {}

const EXAMPLES: &str = "\
Examples:
  boatyard accounts
  boatyard accounts --json | jq -r '.[0].private_key'";

#[derive(Debug, Deserialize)]
struct Account {
    eth: Option<String>,
    delegated: String,
    secp256k1: Option<String>,
    private_key: String,
    balance: String,
    nonce: u64,
}

/// Runs the command.
///
/// # Errors
/// The node gives no answer.
pub fn run(global: &Global, _args: AccountsArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    let accounts: Vec<Account> = rpc.call("boatyard_accounts", [])?;
    let mut listed = Vec::new();
    for (number, account) in accounts.iter().enumerate() {
        let native = account.secp256k1.as_deref().map(address_text);
        let native_balance: Option<String> = match &native {
            Some(address) => Some(rpc.call("Filecoin.WalletBalance", [json!(address)])?),
            None => None,
        };
        listed.push(json!({
            "number": number,
            "eth": account.eth.as_deref().map(checksummed),
            "f410": address_text(&account.delegated),
            "f1": native,
            "private_key": account.private_key,
            "balance": account.balance,
            "f1_balance": native_balance,
            "nonce": account.nonce,
        }));
    }
    output.result(&Value::Array(listed.clone()), || {
        if listed.is_empty() {
            output.hint("this node was started without development accounts (--accounts 0)");
        }
        for account in &listed {
            print_account(account);
        }
    });
    Ok(())
}

/// An Ethereum address as wallets write it.
fn checksummed(text: &str) -> String {
    text.parse::<alloy::primitives::Address>()
        .map_or_else(|_| text.to_owned(), |address| address.to_checksum(None))
}

/// An account on four lines.
fn print_account(account: &Value) {
    let text = |name: &str| account[name].as_str().unwrap_or("-").to_owned();
    say!(
        "{} {}  {}",
        style(format!("({})", account["number"])).bold(),
        text("eth"),
        people_amount(&text("balance"))
    );
    say!("    {}", style(text("f410")).dim());
    say!("    {}  {}", text("f1"), people_amount(&text("f1_balance")));
    say!("    {} {}", style("key").dim(), text("private_key"));
}
