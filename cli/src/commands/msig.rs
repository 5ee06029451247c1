//! `boatyard msig`

use boatyard_actors_shared::INIT_ACTOR;
use boatyard_init::{ExecParams, ExecReturn, Init};
use boatyard_multisig::types::{
    AddSignerParams, ApproveReturn, ChangeThresholdParams, ConstructorParams, LockBalanceParams,
    ProposeParams, ProposeReturn, RemoveSignerParams, SwapSignerParams, TxnIdParams,
};
use boatyard_multisig::{Multisig, State};
use boatyard_sdk::Type;
use clap::{Args, Subcommand};
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use serde_json::{Value, json};

use super::target::{ContractArgs, Target};
use crate::actor;
use crate::args::Global;
use crate::builtin::{
    Blocks, Sender, SendingArgs, call, code_of, field, say_message, with_message,
};
use crate::failure::{Exit, Failure};
use crate::message::{Draft, Sent, encoded, returned};
use crate::output::Output;
use crate::rpc::Rpc;

mod inner;
mod show;

use inner::Inner;
use show::pending;

/// Wallets with several signers.
///
/// A transaction of such a wallet is proposed by one signer and executed once as many
/// signers as the wallet asks for have approved it, the proposer being the first.
#[derive(Debug, Args)]
pub struct MsigArgs {
    #[command(subcommand)]
    command: MsigCommand,
}

#[derive(Debug, Subcommand)]
enum MsigCommand {
    Create(CreateArgs),
    Inspect(show::InspectArgs),
    Propose(ProposeArgs),
    Approve(ApproveArgs),
    Cancel(CancelArgs),
    AddSigner(AddSignerArgs),
    RemoveSigner(RemoveSignerArgs),
    SwapSigner(SwapSignerArgs),
    Threshold(ThresholdArgs),
    Lock(LockArgs),
}

/// Create a wallet.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard msig create f1… f1… f1… --threshold 2
  boatyard msig create f1… f1… --value \"100 FIL\"
  boatyard msig create f1… --value \"100 FIL\" --unlock 2880    free little by little, within a day")]
struct CreateArgs {
    /// Who may propose and approve
    #[arg(required = true)]
    signers: Vec<String>,

    /// How many of them a transaction needs [default: all]
    #[arg(short, long, value_name = "N")]
    threshold: Option<u64>,

    /// What the wallet is given: "1.5 FIL", "20 nanoFIL", or attoFIL
    #[arg(long, value_name = "AMOUNT", value_parser = boatyard_abi::parse_amount)]
    value: Option<TokenAmount>,

    /// Lock what it is given, and let it free over this many epochs
    #[arg(long, value_name = "EPOCHS", default_value_t = 0)]
    unlock: ChainEpoch,

    /// The epoch in which that begins
    #[arg(long, value_name = "EPOCH", default_value_t = 0, requires = "unlock")]
    start: ChainEpoch,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Propose a transaction; it is executed at once if one approval is enough.
///
/// Method and parameters are written as for `boatyard send`; without a method it is
/// a transfer.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard msig propose f01000 f1… --value \"5 FIL\"            a transfer
  boatyard msig propose f01000 f01001 Add by=5               a native actor's method
  boatyard msig propose f01000 0x5FbD… transfer 0x7099… 100  a contract's function")]
struct ProposeArgs {
    /// The wallet
    wallet: String,

    /// Receiver of the transaction
    to: String,

    /// Method: name or number; for a contract a function's name or signature
    method: Option<String>,

    /// Parameters
    #[arg(allow_negative_numbers = true)]
    params: Vec<String>,

    /// Value that the wallet pays along: "1.5 FIL", "20 nanoFIL", or attoFIL
    #[arg(long, value_name = "AMOUNT", value_parser = boatyard_abi::parse_amount)]
    value: Option<TokenAmount>,

    #[command(flatten)]
    contract: ContractArgs,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Approve a transaction; the last approval that it needs executes it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard msig approve f01000 0 --from 1")]
struct ApproveArgs {
    #[command(flatten)]
    transaction: TransactionArgs,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Take a transaction back; only who proposed it may.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard msig cancel f01000 0")]
struct CancelArgs {
    #[command(flatten)]
    transaction: TransactionArgs,

    #[command(flatten)]
    sending: SendingArgs,
}

#[derive(Debug, Args)]
struct TransactionArgs {
    /// The wallet
    wallet: String,

    /// Number of the transaction, as `boatyard msig inspect` lists it
    id: i64,
}

/// Propose a new signer.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard msig add-signer f01000 f1…
  boatyard msig add-signer f01000 f1… --increase    and one more approval from then on")]
struct AddSignerArgs {
    /// The wallet
    wallet: String,

    /// Who joins
    signer: String,

    /// Need one more approval from then on
    #[arg(long)]
    increase: bool,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Propose that a signer leaves.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard msig remove-signer f01000 f1… --decrease")]
struct RemoveSignerArgs {
    /// The wallet
    wallet: String,

    /// Who leaves
    signer: String,

    /// Need one approval less from then on
    #[arg(long)]
    decrease: bool,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Propose a signer in the place of another one.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard msig swap-signer f01000 f1… f1…")]
struct SwapSignerArgs {
    /// The wallet
    wallet: String,

    /// Who leaves
    old: String,

    /// Who joins
    new: String,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Propose another number of approvals.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard msig threshold f01000 2")]
struct ThresholdArgs {
    /// The wallet
    wallet: String,

    /// Approvals that a transaction needs
    threshold: u64,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Propose to lock an amount and to let it free little by little; once only.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard msig lock f01000 \"100 FIL\" --unlock 2880
  boatyard msig lock f01000 \"100 FIL\" --unlock 2880 --start 5000")]
struct LockArgs {
    /// The wallet
    wallet: String,

    /// How much
    #[arg(value_parser = boatyard_abi::parse_amount)]
    amount: TokenAmount,

    /// Within how many epochs it gets free
    #[arg(long, value_name = "EPOCHS")]
    unlock: ChainEpoch,

    /// The epoch in which that begins [default: the next one]
    #[arg(long, value_name = "EPOCH")]
    start: Option<ChainEpoch>,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Runs the command.
///
/// # Errors
/// There is no such wallet, or the wallet refuses.
pub fn run(global: &Global, args: MsigArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    let (rpc, wallet) = (&rpc, Wallet { rpc: &rpc, output });
    match args.command {
        MsigCommand::Create(args) => create(rpc, output, &args),
        MsigCommand::Inspect(args) => show::inspect(rpc, output, &args),
        MsigCommand::Propose(args) => {
            let to = actor::address(&args.to)?;
            let value = args.value.unwrap_or_default();
            let draft = match &args.method {
                Some(method) => {
                    Target::method(rpc, to, method, &args.params, value, &args.contract)?.draft
                }
                None if value.is_zero() => {
                    return Err(Failure::new("there is nothing to propose")
                        .help("name a method, or an amount: --value \"1 FIL\""));
                }
                None => Draft {
                    to,
                    method: fvm_shared::METHOD_SEND,
                    params: Vec::new(),
                    value,
                },
            };
            wallet.propose(&args.wallet, &draft, &args.sending)
        }
        MsigCommand::Approve(args) => wallet.approve(&args),
        MsigCommand::Cancel(args) => wallet.cancel(&args),
        MsigCommand::AddSigner(args) => {
            let params = AddSignerParams {
                signer: actor::address(&args.signer)?,
                increase: args.increase,
            };
            wallet.change(&args.wallet, "AddSigner", &params, &args.sending)
        }
        MsigCommand::RemoveSigner(args) => {
            let params = RemoveSignerParams {
                signer: actor::address(&args.signer)?,
                decrease: args.decrease,
            };
            wallet.change(&args.wallet, "RemoveSigner", &params, &args.sending)
        }
        MsigCommand::SwapSigner(args) => {
            let params = SwapSignerParams {
                from: actor::address(&args.old)?,
                to: actor::address(&args.new)?,
            };
            wallet.change(&args.wallet, "SwapSigner", &params, &args.sending)
        }
        MsigCommand::Threshold(args) => {
            let params = ChangeThresholdParams {
                new_threshold: args.threshold,
            };
            let method = "ChangeNumApprovalsThreshold";
            wallet.change(&args.wallet, method, &params, &args.sending)
        }
        MsigCommand::Lock(args) => {
            let start_epoch = match args.start {
                Some(start) => start,
                None => crate::builtin::epoch(rpc)? + 1,
            };
            let params = LockBalanceParams {
                start_epoch,
                unlock_duration: args.unlock,
                amount: args.amount,
            };
            wallet.change(&args.wallet, "LockBalance", &params, &args.sending)
        }
    }
}

fn create(rpc: &Rpc, output: Output, args: &CreateArgs) -> Result<(), Failure> {
    let signers: Vec<Address> = args
        .signers
        .iter()
        .map(|signer| actor::address(signer))
        .collect::<Result<_, _>>()?;
    let params = ConstructorParams {
        num_approvals_threshold: args.threshold.unwrap_or(signers.len() as u64),
        signers,
        unlock_duration: args.unlock,
        start_epoch: args.start,
    };
    let exec = ExecParams {
        code_cid: code_of(rpc, Type::Multisig)?,
        constructor_params: RawBytes::new(encoded(&params)?),
    };
    let sender = args.sending.sender(rpc, output)?;
    let draft = Draft {
        value: args.value.clone().unwrap_or_default(),
        ..call::<Init>(INIT_ACTOR, "Exec", &exec)?
    };
    let sent = sender.send(&draft, "the wallet was not created")?;
    let created: ExecReturn = returned(&sent, "the wallet was not created")?;
    let result = json!({
        "id": created.id_address.to_string(),
        "robust": created.robust_address.to_string(),
    });
    output.result(&with_message(result, &sent), || {
        field("wallet", created.id_address);
        field("address", created.robust_address);
        say_message(&sent);
        output.hint(format!(
            "boatyard msig inspect {} shows it",
            created.id_address
        ));
    });
    Ok(())
}

/// What happens to a wallet.
struct Wallet<'a> {
    rpc: &'a Rpc,
    output: Output,
}

impl Wallet<'_> {
    /// Proposes a call of one of the wallet's own methods.
    fn change(
        &self,
        wallet: &str,
        method: &str,
        params: &impl serde::Serialize,
        sending: &SendingArgs,
    ) -> Result<(), Failure> {
        let address = actor::address(wallet)?;
        let draft = call::<Multisig>(address, method, params)?;
        self.propose(wallet, &draft, sending)
    }

    fn propose(&self, wallet: &str, draft: &Draft, sending: &SendingArgs) -> Result<(), Failure> {
        let wallet = actor::address(wallet)?;
        // Says what is wrong with the wallet before anything is signed.
        Blocks::of(self.rpc).state::<State>(&wallet, Type::Multisig)?;
        let sender = sending.sender(self.rpc, self.output)?;
        let (proposed, sent) = propose(&sender, wallet, draft)?;
        let outcome = Outcome {
            id: proposed.txn_id,
            applied: proposed.applied,
            code: proposed.code.value(),
            returned: proposed.ret,
        };
        let inner = Inner::new(self.rpc, draft.to, draft.method)?;
        self.finish(&wallet, &inner, &outcome, &sent)
    }

    fn approve(&self, args: &ApproveArgs) -> Result<(), Failure> {
        let (wallet, inner, params) = self.transaction(&args.transaction)?;
        let sender = args.sending.sender(self.rpc, self.output)?;
        let draft = call::<Multisig>(wallet, "Approve", &params)?;
        let sent = sender.send(&draft, "the transaction was not approved")?;
        let approved: ApproveReturn = returned(&sent, "the transaction was not approved")?;
        let outcome = Outcome {
            id: args.transaction.id,
            applied: approved.applied,
            code: approved.code.value(),
            returned: approved.ret,
        };
        self.finish(&wallet, &inner, &outcome, &sent)
    }

    fn cancel(&self, args: &CancelArgs) -> Result<(), Failure> {
        let (wallet, _, params) = self.transaction(&args.transaction)?;
        let sender = args.sending.sender(self.rpc, self.output)?;
        let draft = call::<Multisig>(wallet, "Cancel", &params)?;
        let sent = sender.send(&draft, "the transaction was not cancelled")?;
        let result = json!({ "transaction": params.id, "cancelled": true });
        self.output.result(&with_message(result, &sent), || {
            field("cancelled", params.id);
            say_message(&sent);
        });
        Ok(())
    }

    /// A transaction that waits, with the hash that makes sure that no other one is
    /// meant.
    fn transaction(
        &self,
        args: &TransactionArgs,
    ) -> Result<(Address, Inner, TxnIdParams), Failure> {
        let wallet = actor::address(&args.wallet)?;
        let blocks = Blocks::of(self.rpc);
        let (_, state): (_, State) = blocks.state(&wallet, Type::Multisig)?;
        let pending = pending(&state, &blocks)?;
        let Some((_, transaction)) = pending.iter().find(|(id, _)| *id == args.id) else {
            let waiting: Vec<String> = pending.iter().map(|(id, _)| id.to_string()).collect();
            return Err(
                Failure::new(format!("no transaction {} waits in {wallet}", args.id)).help(
                    match waiting.is_empty() {
                        true => "none does; it may have been executed already".to_owned(),
                        false => format!("these do: {}", waiting.join(", ")),
                    },
                ),
            );
        };
        let params = TxnIdParams {
            id: args.id,
            proposal_hash: RawBytes::new(inner::proposal_hash(transaction)?),
        };
        let inner = Inner::new(self.rpc, transaction.to, transaction.method)?;
        Ok((wallet, inner, params))
    }

    /// Prints what became of a transaction. One that was executed and failed makes the
    /// command fail, although the message did not.
    fn finish(
        &self,
        wallet: &Address,
        inner: &Inner,
        outcome: &Outcome,
        sent: &Sent,
    ) -> Result<(), Failure> {
        let value = match outcome.applied && outcome.code == 0 {
            true => inner.returned(outcome.returned.bytes()),
            false => Value::Null,
        };
        let result = json!({
            "transaction": outcome.id,
            "applied": outcome.applied,
            "code": outcome.code,
            "return": value,
        });
        self.output.result(&with_message(result, sent), || {
            field("number", outcome.id);
            match outcome.applied {
                true => field("executed", inner.exit(outcome.code)),
                false => field("executed", "not yet, more signers have to approve"),
            }
            if !value.is_null() {
                field(
                    "return",
                    crate::output::printable(&crate::output::short(&value)),
                );
            }
            say_message(sent);
            if !outcome.applied {
                let id = outcome.id;
                self.output
                    .hint(format!("boatyard msig approve {wallet} {id} --from …"));
            }
        });
        match outcome.code {
            0 => Ok(()),
            code => Err(Failure::new("the transaction was executed and failed")
                .why(inner.exit(code))
                .help(format!(
                    "boatyard trace {} shows every call inside; the wallet does not try again",
                    sent.hash
                ))
                .exit(Exit::MessageFailed)),
        }
    }
}

/// What became of a transaction.
struct Outcome {
    id: i64,
    applied: bool,
    code: u32,
    returned: RawBytes,
}

/// Proposes a call to a wallet.
///
/// # Errors
/// The sender is no signer, or the wallet refuses for another reason.
pub fn propose(
    sender: &Sender<'_>,
    wallet: Address,
    draft: &Draft,
) -> Result<(ProposeReturn, Sent), Failure> {
    let params = ProposeParams {
        to: draft.to,
        value: draft.value.clone(),
        method: draft.method,
        params: RawBytes::new(draft.params.clone()),
    };
    let proposal = call::<Multisig>(wallet, "Propose", &params)?;
    let sent = sender.send(&proposal, "the transaction was not proposed")?;
    let proposed = returned(&sent, "the transaction was not proposed")?;
    Ok((proposed, sent))
}
