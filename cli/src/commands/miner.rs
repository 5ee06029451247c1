//! `boatyard miner`

use boatyard_abi::parse_amount;
use clap::{Args, Subcommand};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;

use crate::args::Global;
use crate::builtin::SendingArgs;
use crate::commands::node::SectorSizeName;
use crate::failure::Failure;

mod addrs;
mod answers;
mod change;
mod create;
mod lists;
mod numbers;
mod roles;
mod show;
mod view;

use numbers::Numbers;

/// Storage miners: the actors that hold storage providers to their promises.
///
/// Who a provider is, which sectors it has, when it has to prove them, and what
/// becomes of its money. For the provider's own doings (its orders, its files, what
/// goes wrong) see `boatyard provider`.
#[derive(Debug, Args)]
pub struct MinerArgs {
    #[command(subcommand)]
    command: MinerCommand,
}

#[derive(Debug, Subcommand)]
enum MinerCommand {
    Create(CreateArgs),
    Info(InfoArgs),
    Sectors(SectorsArgs),
    Deadlines(DeadlinesArgs),
    Proving(ProvingArgs),
    Faults(FaultsArgs),
    Terminate(TerminateArgs),
    Extend(ExtendArgs),
    Withdraw(WithdrawArgs),
    SetOwner(SetOwnerArgs),
    SetWorker(SetWorkerArgs),
    SetBeneficiary(SetBeneficiaryArgs),
    SetAddrs(SetAddrsArgs),
}

/// Create a miner. It has neither sectors nor power yet.
///
/// What the network asks as a deposit is sent along and locked for half a year.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner create
  boatyard miner create --sector-size 8MiB --worker f3…")]
struct CreateArgs {
    /// Who commands the miner and its money [default: the sender]
    #[arg(long, value_name = "ADDRESS")]
    owner: Option<String>,

    /// Whose key signs its proofs: an account with a BLS key, f3… [default: a new
    /// key in the node's wallet, with 1 FIL for its messages]
    #[arg(long, value_name = "ADDRESS")]
    worker: Option<String>,

    /// Bytes in its sectors
    #[arg(long, value_enum, default_value_t = SectorSizeName::KiB2)]
    sector_size: SectorSizeName,

    /// What to send along: "1.5 FIL", "20 nanoFIL", or attoFIL [default: the deposit
    /// that the network asks]
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    deposit: Option<TokenAmount>,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Show who a miner is, its power, its sectors and its money.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner info f01000")]
struct InfoArgs {
    /// The miner
    miner: String,
}

/// List a miner's sectors, and those that it has announced.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner sectors f01000
  boatyard miner sectors f01000 --json | jq -r '.[].sealed'")]
struct SectorsArgs {
    /// The miner
    miner: String,
}

/// List a miner's deadlines: when each is open, and which sectors are proven then.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner deadlines f01000
  boatyard miner deadlines f01000 --all")]
struct DeadlinesArgs {
    /// The miner
    miner: String,

    /// Those without sectors too
    #[arg(long)]
    all: bool,
}

/// Show the deadline that is open now, and how far its proofs are.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner proving f01000")]
struct ProvingArgs {
    /// The miner
    miner: String,
}

/// List a miner's faulty sectors, and whether they are to be proven again.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner faults f01000")]
struct FaultsArgs {
    /// The miner
    miner: String,
}

/// End sectors before their time. It costs a fee, and ends the deals in them.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner terminate f01000 3
  boatyard miner terminate f01000 3 5-9")]
struct TerminateArgs {
    /// The miner
    miner: String,

    /// Numbers of sectors: 3, 5-9
    #[arg(required = true)]
    sectors: Vec<Numbers>,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Let sectors live longer. Claims of verified data in them are kept.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner extend f01000 3 5-9 --to 2000000
  boatyard miner extend f01000 3 --to 2000000 --drop-claims")]
struct ExtendArgs {
    /// The miner
    miner: String,

    /// Numbers of sectors: 3, 5-9
    #[arg(required = true)]
    sectors: Vec<Numbers>,

    /// The epoch in which they end from now on
    #[arg(long, value_name = "EPOCH")]
    to: ChainEpoch,

    /// Give up the claims of verified data in them instead of keeping them
    #[arg(long)]
    drop_claims: bool,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Take money out of a miner, up to what is not spoken for. Goes to the beneficiary.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner withdraw f01000 \"5 FIL\"
  boatyard miner withdraw f01000    all there is")]
struct WithdrawArgs {
    /// The miner
    miner: String,

    /// How much at most: "1.5 FIL", "20 nanoFIL", or attoFIL [default: all there is]
    #[arg(value_parser = parse_amount)]
    amount: Option<TokenAmount>,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Give a miner to somebody else: the owner proposes, the new owner takes it over.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner set-owner f01000 f0105               the owner proposes
  boatyard miner set-owner f01000 f0105 --from f0105  the new owner takes over
  boatyard miner set-owner f01000 f0101               the owner thinks better of it")]
struct SetOwnerArgs {
    /// The miner
    miner: String,

    /// The new owner
    owner: String,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Change whose key signs a miner's proofs, or who else may send its messages.
///
/// A new worker waits for 900 epochs; then --confirm puts it into office.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner set-worker f01000 f3…
  boatyard miner set-worker f01000 --confirm
  boatyard miner set-worker f01000 --control f0105 --control f0106")]
struct SetWorkerArgs {
    /// The miner
    miner: String,

    /// The new worker: an account with a BLS key [default: the one there is]
    #[arg(conflicts_with = "confirm")]
    worker: Option<String>,

    /// An address that may send the miner's messages as well; takes the place of
    /// those there are
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["confirm", "no_control"])]
    control: Vec<String>,

    /// Nobody but owner and worker may send the miner's messages
    #[arg(long, conflicts_with = "confirm")]
    no_control: bool,

    /// Put the worker that was announced into office
    #[arg(long)]
    confirm: bool,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Let somebody else have what is withdrawn: the owner proposes, the beneficiary agrees.
///
/// A beneficiary that still has something to get has to agree to another one as well.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner set-beneficiary f01000 f0105 --quota \"100 FIL\" --until 500000
  boatyard miner set-beneficiary f01000 --agree --from f0105
  boatyard miner set-beneficiary f01000 f0101    the owner again")]
struct SetBeneficiaryArgs {
    /// The miner
    miner: String,

    /// The new beneficiary
    #[arg(required_unless_present = "agree", conflicts_with = "agree")]
    beneficiary: Option<String>,

    /// What it may get in all; needed unless it is the owner
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, conflicts_with = "agree")]
    quota: Option<TokenAmount>,

    /// The first epoch in which it gets nothing any more; needed unless it is the owner
    #[arg(long, value_name = "EPOCH", conflicts_with = "agree")]
    until: Option<ChainEpoch>,

    /// Agree to what the owner has proposed, as the beneficiary or the one to come
    #[arg(long)]
    agree: bool,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Publish where a miner's storage provider is reached; takes the place of what was
/// published before.
///
/// Clients of other nodes that know this chain find the provider by its miner's address
/// then. What `boatyard node --provider-port PORT` opens is published from the start.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard miner set-addrs f01000 http://127.0.0.1:8700
  boatyard miner set-addrs f01000 /ip4/127.0.0.1/tcp/8700/http /dns4/boat.example/tcp/8700/http
  boatyard miner set-addrs f01000 --none")]
struct SetAddrsArgs {
    /// The miner
    miner: String,

    /// URLs or multiaddrs: /ip4/127.0.0.1/tcp/8700/http
    #[arg(required_unless_present = "none", conflicts_with = "none")]
    addresses: Vec<String>,

    /// Publish none
    #[arg(long)]
    none: bool,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Runs the command.
///
/// # Errors
/// There is no such miner, or it refuses.
pub fn run(global: &Global, args: MinerArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    match args.command {
        MinerCommand::Create(args) => create::run(&rpc, output, &args),
        MinerCommand::Info(args) => show::info(&rpc, output, &args),
        MinerCommand::Sectors(args) => lists::sectors(&rpc, output, &args),
        MinerCommand::Deadlines(args) => lists::deadlines(&rpc, output, &args),
        MinerCommand::Proving(args) => lists::proving(&rpc, output, &args),
        MinerCommand::Faults(args) => lists::faults(&rpc, output, &args),
        MinerCommand::Terminate(args) => change::terminate(&rpc, output, &args),
        MinerCommand::Extend(args) => change::extend(&rpc, output, &args),
        MinerCommand::Withdraw(args) => change::withdraw(&rpc, output, &args),
        MinerCommand::SetOwner(args) => roles::set_owner(&rpc, output, &args),
        MinerCommand::SetWorker(args) => roles::set_worker(&rpc, output, &args),
        MinerCommand::SetBeneficiary(args) => roles::set_beneficiary(&rpc, output, &args),
        MinerCommand::SetAddrs(args) => addrs::set(&rpc, output, &args),
    }
}
