//! `boatyard verifreg`

use std::collections::BTreeMap;

use boatyard_actors_shared::ext::datacap::datacap_bytes;
use boatyard_actors_shared::ext::verifreg::{Claim, ClaimId};
use boatyard_actors_shared::{DATACAP_ACTOR_ID, VERIFREG_ACTOR, VERIFREG_ACTOR_ID};
use boatyard_sdk::Type;
use boatyard_verifreg::state::Allocation;
use boatyard_verifreg::types::{
    AddVerifiedClientParams, ClaimTerm, ExtendClaimTermsParams, RemoveExpiredAllocationsParams,
    RemoveExpiredAllocationsReturn, RemoveExpiredClaimsParams, RemoveExpiredClaimsReturn,
    VerifierParams,
};
use boatyard_verifreg::{State, VerifiedRegistry};
use clap::{Args, Subcommand};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use serde_json::{Value, json};

use super::msig;
use crate::actor;
use crate::args::Global;
use crate::builtin::{
    Blocks, Sender, SendingArgs, broken, call, epoch, field, id_of, say_message, with_message,
};
use crate::failure::{Exit, Failure};
use crate::message::{Draft, returned};
use crate::output::{Output, grouped_text, table};
use crate::rpc::Rpc;
use crate::signer::wallet_key;

mod bytes;

use bytes::bytes;

/// Verified data: who may hand out datacap, who has some, and what it is spent on.
///
/// The root, a wallet of the network, names verifiers; verifiers give datacap to
/// clients; clients spend it on allocations, which providers turn into claims by
/// storing the data.
#[derive(Debug, Args)]
pub struct VerifregArgs {
    #[command(subcommand)]
    command: VerifregCommand,
}

#[derive(Debug, Subcommand)]
enum VerifregCommand {
    AddVerifier(AddVerifierArgs),
    RemoveVerifier(RemoveVerifierArgs),
    Verifiers(VerifiersArgs),
    AddClient(AddClientArgs),
    Datacap(DatacapArgs),
    Allocations(AllocationsArgs),
    Claims(ClaimsArgs),
    ExtendClaim(ExtendClaimArgs),
    RemoveExpired(RemoveExpiredArgs),
}

/// Let somebody hand out datacap, through the root.
///
/// If the root is a wallet of several signers this proposes it there, as the signer
/// named by --from or else the first signer whose key the node keeps.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard verifreg add-verifier f1… 1TiB
  boatyard verifreg add-verifier f1… 1099511627776 --from f0100")]
struct AddVerifierArgs {
    /// Who becomes a verifier
    verifier: String,

    #[command(flatten)]
    grant: GrantArgs,
}

/// What verifiers and clients get, and from whom.
#[derive(Debug, Args)]
struct GrantArgs {
    /// How much datacap: bytes, or 512MiB, 1TiB, …
    #[arg(value_parser = bytes)]
    datacap: BigInt,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Let a verifier hand out nothing any more, through the root.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard verifreg remove-verifier f1…")]
struct RemoveVerifierArgs {
    /// The verifier
    verifier: String,

    #[command(flatten)]
    sending: SendingArgs,
}

/// List the verifiers and the root.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard verifreg verifiers")]
struct VerifiersArgs {}

/// Give datacap to a client, as a verifier.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard verifreg add-client f1… 10GiB --from 1")]
struct AddClientArgs {
    /// Who gets datacap
    client: String,

    #[command(flatten)]
    grant: GrantArgs,
}

/// Show who has how much datacap.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard verifreg datacap          everybody's
  boatyard verifreg datacap f1…      somebody's")]
struct DatacapArgs {
    /// Whose; everybody's if nobody is named
    address: Option<String>,
}

/// List allocations: datacap set aside for data that is not stored yet.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard verifreg allocations
  boatyard verifreg allocations f1…")]
struct AllocationsArgs {
    /// Of this client only
    client: Option<String>,
}

/// List claims: verified data that providers store.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard verifreg claims
  boatyard verifreg claims f01000")]
struct ClaimsArgs {
    /// Of this provider only
    provider: Option<String>,
}

/// Let a claim count longer, as its client.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard verifreg extend-claim f01000 7 1051200")]
struct ExtendClaimArgs {
    /// The provider
    provider: String,

    /// Number of the claim
    claim: ClaimId,

    /// Epochs from its start for which it counts at most
    term_max: ChainEpoch,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Remove what has expired: a client's allocations, whose datacap it gets back, or a
/// provider's claims. Anybody may.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard verifreg remove-expired f1…           a client's allocations, all that have expired
  boatyard verifreg remove-expired f1… 3 4
  boatyard verifreg remove-expired f01000 --claims")]
struct RemoveExpiredArgs {
    /// The client, or the provider
    address: String,

    /// Numbers; all that have expired if none is given
    numbers: Vec<u64>,

    /// Remove claims of a provider
    #[arg(long)]
    claims: bool,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Runs the command.
///
/// # Errors
/// The registry refuses, or its state cannot be read.
pub fn run(global: &Global, args: VerifregArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    let rpc = &rpc;
    match args.command {
        VerifregCommand::AddVerifier(args) => {
            let address = actor::address(&args.verifier)?;
            let params = VerifierParams {
                address,
                allowance: args.grant.datacap.clone(),
            };
            let draft = call::<VerifiedRegistry>(VERIFREG_ACTOR, "AddVerifier", &params)?;
            let result = json!({
                "verifier": address.to_string(),
                "datacap": args.grant.datacap.to_string(),
            });
            through_root(rpc, output, &draft, &args.grant.sending, result)
        }
        VerifregCommand::RemoveVerifier(args) => {
            let address = actor::address(&args.verifier)?;
            let draft = call::<VerifiedRegistry>(VERIFREG_ACTOR, "RemoveVerifier", &address)?;
            let result = json!({ "verifier": address.to_string() });
            through_root(rpc, output, &draft, &args.sending, result)
        }
        VerifregCommand::Verifiers(_) => verifiers(rpc, output),
        VerifregCommand::AddClient(args) => add_client(rpc, output, &args),
        VerifregCommand::Datacap(args) => datacap(rpc, output, &args),
        VerifregCommand::Allocations(args) => allocations(rpc, output, &args),
        VerifregCommand::Claims(args) => claims(rpc, output, &args),
        VerifregCommand::ExtendClaim(args) => extend_claim(rpc, output, &args),
        VerifregCommand::RemoveExpired(args) => remove_expired(rpc, output, &args),
    }
}

fn registry(blocks: &Blocks<'_>) -> Result<State, Failure> {
    blocks.singleton(VERIFREG_ACTOR_ID, Type::VerifiedRegistry)
}

/// Sends what only the root may ask for: by the root's own key, or as a proposal to
/// the wallet that is the root.
fn through_root(
    rpc: &Rpc,
    output: Output,
    draft: &Draft,
    sending: &SendingArgs,
    mut result: Value,
) -> Result<(), Failure> {
    let blocks = Blocks::of(rpc);
    let root = registry(&blocks)?.root_key;
    let info = actor::resolve(rpc, &root)?;
    if info.actor.as_deref() != Some(Type::Multisig.name()) {
        let sender = signer_among(rpc, output, sending, &[root])?;
        let sent = sender.send(draft, "the registry refused")?;
        output.result(&with_message(result, &sent), || say_message(&sent));
        return Ok(());
    }
    let (_, wallet): (_, boatyard_multisig::State) = blocks.state(&root, Type::Multisig)?;
    let sender = signer_among(rpc, output, sending, &wallet.signers)?;
    let (proposed, sent) = msig::propose(&sender, root, draft)?;
    result["transaction"] = json!(proposed.txn_id);
    result["applied"] = json!(proposed.applied);
    let code = proposed.code.value();
    result["code"] = json!(code);
    output.result(&with_message(result, &sent), || {
        match (proposed.applied, code) {
            (true, 0) => field("root", format_args!("{root} did it")),
            (true, _) => field("root", format_args!("{root} tried it in vain")),
            (false, _) => field(
                "root",
                format_args!("{root} has it as transaction {}", proposed.txn_id),
            ),
        }
        say_message(&sent);
        if !proposed.applied {
            output.hint(format!(
                "boatyard msig approve {root} {} --from …",
                proposed.txn_id
            ));
        }
    });
    match code {
        0 => Ok(()),
        code => Err(Failure::new("the registry refused")
            .why(format!("exit code {code}"))
            .help(format!("boatyard trace {} shows why", sent.hash))
            .exit(Exit::MessageFailed)),
    }
}

/// Who sends: whom --from names, or else the first of these whose key the node keeps.
fn signer_among<'a>(
    rpc: &'a Rpc,
    output: Output,
    sending: &SendingArgs,
    allowed: &[Address],
) -> Result<Sender<'a>, Failure> {
    if !sending.signer.is_default() {
        return sending.sender(rpc, output);
    }
    for address in allowed {
        let key: Result<String, _> = rpc.call(
            "Filecoin.StateAccountKey",
            [json!(address.to_string()), Value::Null],
        );
        // Another wallet has no key.
        let Ok(key) = key else { continue };
        let Ok(key) = boatyard_abi::parse_address(&key) else {
            continue;
        };
        if let Some(key) = wallet_key(rpc, &key)? {
            return Ok(sending.sender_with(rpc, output, key));
        }
    }
    let names: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    Err(
        Failure::new("the node has no key of the registry's root").help(format!(
            "one of {} must send this: --private-key",
            names.join(", ")
        )),
    )
}

fn verifiers(rpc: &Rpc, output: Output) -> Result<(), Failure> {
    let blocks = Blocks::of(rpc);
    let state = registry(&blocks)?;
    let mut verifiers: Vec<(Address, BigInt)> = Vec::new();
    let mut walk = || {
        state.verifiers.load(&blocks)?.for_each(|address, cap| {
            verifiers.push((address, cap.0.clone()));
            Ok(())
        })
    };
    walk().map_err(broken)?;
    verifiers.sort_by_key(|(address, _)| address.id().unwrap_or_default());
    let result = json!({
        "root": state.root_key.to_string(),
        "verifiers": verifiers.iter().map(|(address, cap)| json!({
            "address": address.to_string(),
            "datacap": cap.to_string(),
        })).collect::<Vec<_>>(),
    });
    output.result(&result, || {
        field("root", state.root_key);
        if verifiers.is_empty() {
            return output.hint("there is no verifier; boatyard verifreg add-verifier names one");
        }
        let rows = verifiers.iter();
        table(
            &["verifier", "may hand out, bytes"],
            rows.map(|(address, cap)| vec![address.to_string(), grouped_text(&cap.to_string())])
                .collect(),
        );
    });
    Ok(())
}

fn add_client(rpc: &Rpc, output: Output, args: &AddClientArgs) -> Result<(), Failure> {
    let address = actor::address(&args.client)?;
    let params = AddVerifiedClientParams {
        address,
        allowance: args.grant.datacap.clone(),
    };
    let sender = args.grant.sending.sender(rpc, output)?;
    let draft = call::<VerifiedRegistry>(VERIFREG_ACTOR, "AddVerifiedClient", &params)?;
    let sent = sender.send(&draft, "the client got no datacap")?;
    let result = json!({
        "client": address.to_string(),
        "datacap": args.grant.datacap.to_string(),
    });
    output.result(&with_message(result, &sent), || {
        field("client", address);
        field(
            "datacap",
            format_args!("{} bytes", grouped_text(&args.grant.datacap.to_string())),
        );
        say_message(&sent);
    });
    Ok(())
}

fn datacap(rpc: &Rpc, output: Output, args: &DatacapArgs) -> Result<(), Failure> {
    let blocks = Blocks::of(rpc);
    let state: boatyard_datacap::State = blocks.singleton(DATACAP_ACTOR_ID, Type::DataCap)?;
    if let Some(address) = &args.address {
        let address = actor::address(address)?;
        let id = id_of(rpc, &address)?;
        let held = datacap_bytes(&state.balance(&blocks, id).map_err(broken)?);
        let result = json!({ "address": format!("f0{id}"), "datacap": held.to_string() });
        output.result(&result, || {
            field("address", format_args!("f0{id}"));
            field(
                "datacap",
                format_args!("{} bytes", grouped_text(&held.to_string())),
            );
        });
        return Ok(());
    }
    let mut held: BTreeMap<ActorID, BigInt> = BTreeMap::new();
    state
        .for_each_balance(&blocks, |owner, amount| {
            held.insert(owner, datacap_bytes(amount));
            Ok(())
        })
        .map_err(broken)?;
    let supply = datacap_bytes(&state.token.supply);
    let result = json!({
        "supply": supply.to_string(),
        "holders": held.iter().map(|(id, held)| json!({
            "address": format!("f0{id}"),
            "datacap": held.to_string(),
        })).collect::<Vec<_>>(),
    });
    output.result(&result, || {
        field(
            "supply",
            format_args!("{} bytes", grouped_text(&supply.to_string())),
        );
        if held.is_empty() {
            return output.hint("nobody has datacap; boatyard verifreg add-client gives some");
        }
        let name = |id: &ActorID| match *id {
            VERIFREG_ACTOR_ID => format!("f0{id}, set aside in allocations"),
            id => format!("f0{id}"),
        };
        table(
            &["holder", "bytes"],
            held.iter()
                .map(|(id, held)| vec![name(id), grouped_text(&held.to_string())])
                .collect(),
        );
    });
    Ok(())
}

/// The ID of an actor that a list is to be limited to.
fn only(rpc: &Rpc, address: Option<&String>) -> Result<Option<ActorID>, Failure> {
    address
        .map(|address| id_of(rpc, &actor::address(address)?))
        .transpose()
}

fn allocations(rpc: &Rpc, output: Output, args: &AllocationsArgs) -> Result<(), Failure> {
    let blocks = Blocks::of(rpc);
    let state = registry(&blocks)?;
    let wanted = only(rpc, args.client.as_ref())?;
    let now = epoch(rpc)?;
    let mut found: BTreeMap<u64, Allocation> = BTreeMap::new();
    boatyard_verifreg::invariants::for_each_allocation(
        &state,
        &blocks,
        |client, id, allocation| {
            if wanted.is_none_or(|wanted| wanted == client) {
                found.insert(id, allocation.clone());
            }
            Ok(())
        },
    )
    .map_err(broken)?;
    let rows: Vec<Value> = found
        .iter()
        .map(|(id, allocation)| {
            json!({
                "id": id,
                "client": format!("f0{}", allocation.client),
                "provider": format!("f0{}", allocation.provider),
                "piece": allocation.data.to_string(),
                "size": allocation.size,
                "term_min": allocation.term_min,
                "term_max": allocation.term_max,
                "expiration": allocation.expiration,
                "expired": allocation.expiration <= now,
            })
        })
        .collect();
    output.result(&Value::Array(rows.clone()), || {
        if rows.is_empty() {
            return output.hint("there are no allocations");
        }
        list(
            &rows,
            &[
                "id",
                "client",
                "provider",
                "size",
                "expiration",
                "expired",
                "piece",
            ],
        );
    });
    Ok(())
}

fn claims(rpc: &Rpc, output: Output, args: &ClaimsArgs) -> Result<(), Failure> {
    let blocks = Blocks::of(rpc);
    let state = registry(&blocks)?;
    let wanted = only(rpc, args.provider.as_ref())?;
    let now = epoch(rpc)?;
    let mut found: BTreeMap<(ActorID, ClaimId), Claim> = BTreeMap::new();
    boatyard_verifreg::invariants::for_each_claim(&state, &blocks, |provider, id, claim| {
        if wanted.is_none_or(|wanted| wanted == provider) {
            found.insert((provider, id), claim.clone());
        }
        Ok(())
    })
    .map_err(broken)?;
    let rows: Vec<Value> = found
        .iter()
        .map(|((_, id), claim)| {
            let end = claim.term_start.saturating_add(claim.term_max);
            json!({
                "id": id,
                "provider": format!("f0{}", claim.provider),
                "client": format!("f0{}", claim.client),
                "piece": claim.data.to_string(),
                "size": claim.size,
                "sector": claim.sector,
                "term_start": claim.term_start,
                "term_min": claim.term_min,
                "term_max": claim.term_max,
                "expiration": end,
                "expired": end <= now,
            })
        })
        .collect();
    output.result(&Value::Array(rows.clone()), || {
        if rows.is_empty() {
            return output.hint("there are no claims");
        }
        list(
            &rows,
            &[
                "id",
                "provider",
                "client",
                "sector",
                "size",
                "expiration",
                "expired",
                "piece",
            ],
        );
    });
    Ok(())
}

/// Members of objects as columns.
fn list(rows: &[Value], columns: &[&str]) {
    let cell = |row: &Value, column: &str| match &row[column] {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        other => other.to_string(),
    };
    let rows = rows.iter().map(|row| {
        let cells = columns.iter().map(|column| cell(row, column));
        cells.collect()
    });
    table(columns, rows.collect());
}

fn extend_claim(rpc: &Rpc, output: Output, args: &ExtendClaimArgs) -> Result<(), Failure> {
    let provider = id_of(rpc, &actor::address(&args.provider)?)?;
    let params = ExtendClaimTermsParams {
        terms: vec![ClaimTerm {
            provider,
            claim_id: args.claim,
            term_max: args.term_max,
        }],
    };
    let sender = args.sending.sender(rpc, output)?;
    let draft = call::<VerifiedRegistry>(VERIFREG_ACTOR, "ExtendClaimTerms", &params)?;
    let what = "the claim was not extended";
    let sent = sender.send(&draft, what)?;
    let batch: boatyard_actors_shared::BatchReturn = returned(&sent, what)?;
    if let Some(failed) = batch.fail_codes.first() {
        // The message itself succeeds whatever becomes of its claims.
        let why = match failed.code.value() {
            17 => "there is no such claim",
            18 => "the sender is not its client",
            _ => "it cannot count so short or so long",
        };
        return Err(Failure::new(what)
            .why(format!("{why} (exit code {})", failed.code.value()))
            .help(format!("boatyard verifreg claims f0{provider} lists them"))
            .exit(Exit::MessageFailed));
    }
    let result = json!({
        "provider": format!("f0{provider}"),
        "claim": args.claim,
        "term_max": args.term_max,
    });
    output.result(&with_message(result, &sent), || {
        field("claim", args.claim);
        field("counts", format_args!("{} epochs at most", args.term_max));
        say_message(&sent);
    });
    Ok(())
}

fn remove_expired(rpc: &Rpc, output: Output, args: &RemoveExpiredArgs) -> Result<(), Failure> {
    let id = id_of(rpc, &actor::address(&args.address)?)?;
    let sender = args.sending.sender(rpc, output)?;
    let what = "nothing was removed";
    let (sent, considered, failed, recovered) = if args.claims {
        let params = RemoveExpiredClaimsParams {
            provider: id,
            claim_ids: args.numbers.clone(),
        };
        let draft = call::<VerifiedRegistry>(VERIFREG_ACTOR, "RemoveExpiredClaims", &params)?;
        let sent = sender.send(&draft, what)?;
        let RemoveExpiredClaimsReturn {
            considered,
            results,
        } = returned(&sent, what)?;
        (sent, considered, results, None)
    } else {
        let params = RemoveExpiredAllocationsParams {
            client: id,
            allocation_ids: args.numbers.clone(),
        };
        let draft = call::<VerifiedRegistry>(VERIFREG_ACTOR, "RemoveExpiredAllocations", &params)?;
        let sent = sender.send(&draft, what)?;
        let RemoveExpiredAllocationsReturn {
            considered,
            results,
            datacap_recovered,
        } = returned(&sent, what)?;
        (sent, considered, results, Some(datacap_recovered))
    };
    let codes: BTreeMap<usize, u32> = failed
        .fail_codes
        .iter()
        .map(|failed| (failed.index as usize, failed.code.value()))
        .collect();
    let rows: Vec<Value> = considered
        .iter()
        .enumerate()
        .map(|(position, number)| {
            let code = codes.get(&position).copied().unwrap_or(0);
            let outcome = match code {
                0 => "removed",
                17 => "there is none of this number",
                18 => "has not expired",
                _ => "failed",
            };
            json!({ "id": number, "code": code, "outcome": outcome })
        })
        .collect();
    let result = json!({
        "considered": rows,
        "datacap_recovered": recovered.as_ref().map(ToString::to_string),
    });
    output.result(&with_message(result, &sent), || {
        if rows.is_empty() {
            output.hint("nothing has expired");
        } else {
            list(&rows, &["id", "outcome"]);
        }
        if let Some(recovered) = &recovered {
            field(
                "recovered",
                format_args!("{} bytes", grouped_text(&recovered.to_string())),
            );
        }
        say_message(&sent);
    });
    Ok(())
}
