//! `boatyard paych voucher`
//!
//! A voucher travels as text: base64 of its CBOR, with the alphabet for URLs, as
//! Lotus writes it.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, URL_SAFE, URL_SAFE_NO_PAD};
use boatyard_abi::{format_amount, parse_amount};
use boatyard_chain::{Signature, SignatureKind, keys};
use boatyard_paych::state::MAX_LANE;
use boatyard_paych::{Merge, PaymentChannel, SignedVoucher, State, UpdateChannelStateParams};
use boatyard_sdk::Type;
use clap::{Args, Subcommand};
use fvm_ipld_encoding::{RawBytes, from_slice};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::crypto::signature::SignatureType;
use fvm_shared::econ::TokenAmount;
use multihash_codetable::{Code, MultihashDigest as _};
use serde_json::{Value, json};

use crate::actor;
use crate::builtin::{
    Blocks, Sender, SendingArgs, actor_signature, broken, call, epoch, field, id_of, say_message,
    with_message,
};
use crate::failure::Failure;
use crate::message::encoded;
use crate::output::{Output, say};
use crate::rpc::Rpc;

const TEXT: GeneralPurpose = URL_SAFE;

/// Vouchers: payments that are signed now and redeemed later.
#[derive(Debug, Args)]
pub struct VoucherArgs {
    #[command(subcommand)]
    command: VoucherCommand,
}

#[derive(Debug, Subcommand)]
enum VoucherCommand {
    Create(CreateArgs),
    Verify(VerifyArgs),
    Redeem(RedeemArgs),
}

/// Sign a voucher. Nothing is sent: give the text that it prints to who is paid.
///
/// The amount is all that a lane pays, what it paid before included; a later voucher
/// of the lane takes the place of the ones before it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard paych voucher create f01000 \"2 FIL\"
  boatyard paych voucher create f01000 \"3 FIL\" --lane 1 --nonce 2
  boatyard paych voucher create f01000 \"3 FIL\" --merge 1:5 --merge 2:1
  boatyard paych voucher create f01000 \"3 FIL\" --secret 0x1234    for whoever knows the secret")]
struct CreateArgs {
    /// The channel
    channel: String,

    /// What the lane has paid then, in all
    #[arg(value_parser = parse_amount)]
    amount: TokenAmount,

    /// The lane
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=MAX_LANE))]
    lane: u64,

    /// Number of the voucher in its lane [default: one more than that of the last
    /// one redeemed]
    #[arg(long, value_name = "N")]
    nonce: Option<u64>,

    /// The first epoch in which it is good
    #[arg(long, value_name = "EPOCH", default_value_t = 0)]
    valid_from: ChainEpoch,

    /// The last epoch in which it is good; 0 for no end
    #[arg(long, value_name = "EPOCH", default_value_t = 0)]
    valid_to: ChainEpoch,

    /// A secret that has to be shown with it: bytes, 0x…
    #[arg(long, value_name = "BYTES")]
    secret: Option<String>,

    /// The channel stays open until this epoch; 0 for no matter
    #[arg(long, value_name = "EPOCH", default_value_t = 0)]
    open_until: ChainEpoch,

    /// A lane whose payments are part of the amount, and its new nonce: LANE:NONCE
    #[arg(long, value_name = "LANE:NONCE", value_parser = merge)]
    merge: Vec<Merge>,

    #[command(flatten)]
    signer: crate::signer::SignerArgs,
}

/// Check a voucher: who signed it, and what redeeming it would pay.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard paych voucher verify i0MA6AcAAEAAAEACSA…")]
struct VerifyArgs {
    /// The voucher, as `boatyard paych voucher create` prints it
    voucher: String,
}

/// Redeem a voucher, as the side of the channel that did not sign it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard paych voucher redeem i0MA6AcAAEAAAEACSA… --from 1
  boatyard paych voucher redeem i0MA6AcAAEAAAEACSA… --secret 0x1234 --from 1")]
struct RedeemArgs {
    /// The voucher, as `boatyard paych voucher create` prints it
    voucher: String,

    /// The secret that the voucher asks for: bytes, 0x…
    #[arg(long, value_name = "BYTES")]
    secret: Option<String>,

    #[command(flatten)]
    sending: SendingArgs,
}

/// Runs the command.
///
/// # Errors
/// It is no voucher, not a good one, or there is no such channel.
pub fn run(rpc: &Rpc, output: Output, args: VoucherArgs) -> Result<(), Failure> {
    match args.command {
        VoucherCommand::Create(args) => create(rpc, output, &args),
        VoucherCommand::Verify(args) => verify(rpc, output, &args),
        VoucherCommand::Redeem(args) => redeem(rpc, output, &args),
    }
}

fn create(rpc: &Rpc, output: Output, args: &CreateArgs) -> Result<(), Failure> {
    let channel = actor::address(&args.channel)?;
    let blocks = Blocks::of(rpc);
    let (info, state): (_, State) = blocks.state(&channel, Type::PaymentChannel)?;
    let key = args.signer.key(rpc, crate::signer::Side::Native)?;
    let signer = Address::new_id(id_of(rpc, &key.address())?);
    if signer != state.from && signer != state.to {
        return Err(
            Failure::new(format!("{} has no part in {channel}", key.address())).help(format!(
                "its sides are {} and {}; --from chooses who signs",
                state.from, state.to
            )),
        );
    }
    let nonce = match args.nonce {
        Some(nonce) => nonce,
        None => {
            let lanes = state.lane_states.load(&blocks).map_err(broken)?;
            let last = lanes.get(args.lane).map_err(broken)?;
            last.map_or(1, |lane| lane.nonce.saturating_add(1))
        }
    };
    let mut voucher = SignedVoucher {
        channel_addr: Address::new_id(info.id()?),
        time_lock_min: args.valid_from,
        time_lock_max: args.valid_to,
        secret_pre_image: match &args.secret {
            Some(secret) => {
                RawBytes::new(Code::Blake2b256.digest(&bytes(secret)?).digest().to_vec())
            }
            None => RawBytes::default(),
        },
        extra: None,
        lane: args.lane,
        nonce,
        amount: args.amount.clone(),
        min_settle_height: args.open_until,
        merges: args.merge.clone(),
        signature: None,
    };
    voucher.signature = Some(actor_signature(
        key.sign(&voucher.signing_bytes().map_err(broken)?),
    ));
    let text = TEXT.encode(encoded(&voucher)?);
    let mut result = described(&voucher);
    result["voucher"] = json!(text);
    output.result(&result, || {
        say!("{text}");
        output.hint(format!(
            "boatyard paych voucher redeem {}… redeems it, --from the other side",
            text.get(..12).unwrap_or(&text)
        ));
    });
    Ok(())
}

/// A voucher of a lane with a number, for an amount in all, good at once and for ever.
///
/// # Errors
/// It cannot be encoded.
pub(in crate::commands) fn plain(
    sender: &Sender<'_>,
    channel: Address,
    (lane, nonce): (u64, u64),
    amount: TokenAmount,
) -> Result<SignedVoucher, Failure> {
    let mut voucher = SignedVoucher {
        channel_addr: channel,
        time_lock_min: 0,
        time_lock_max: 0,
        secret_pre_image: RawBytes::default(),
        extra: None,
        lane,
        nonce,
        amount,
        min_settle_height: 0,
        merges: Vec::new(),
        signature: None,
    };
    voucher.signature = Some(sender.sign(&voucher.signing_bytes().map_err(broken)?));
    Ok(voucher)
}

fn verify(rpc: &Rpc, output: Output, args: &VerifyArgs) -> Result<(), Failure> {
    let voucher = read(&args.voucher)?;
    let checked = check(rpc, &voucher)?;
    let mut result = described(&voucher);
    result["signer"] = json!(checked.signer.map(|signer| signer.to_string()));
    result["pays"] = json!(
        checked
            .pays
            .as_ref()
            .map(|amount| amount.atto().to_string())
    );
    result["problems"] = json!(checked.problems);
    output.result(&result, || {
        field("channel", voucher.channel_addr);
        if let Some(signer) = &checked.signer {
            field("signer", signer);
        }
        field(
            "lane",
            format_args!("{}, nonce {}", voucher.lane, voucher.nonce),
        );
        field("amount", format_amount(&voucher.amount));
        if let Some(pays) = &checked.pays {
            field("pays", format_args!("{} now", format_amount(pays)));
        }
        for problem in &checked.problems {
            field("problem", problem);
        }
    });
    match checked.problems.is_empty() {
        true => Ok(()),
        false => Err(Failure::new("the voucher cannot be redeemed now")
            .why(checked.problems.join("; "))
            .help("ask who pays for another one")),
    }
}

fn redeem(rpc: &Rpc, output: Output, args: &RedeemArgs) -> Result<(), Failure> {
    let voucher = read(&args.voucher)?;
    let channel = voucher.channel_addr;
    let (_, before): (_, State) = Blocks::of(rpc).state(&channel, Type::PaymentChannel)?;
    let sender = args.sending.sender(rpc, output)?;
    let params = UpdateChannelStateParams {
        sv: voucher,
        secret: match &args.secret {
            Some(secret) => RawBytes::new(bytes(secret)?),
            None => RawBytes::default(),
        },
    };
    let draft = call::<PaymentChannel>(channel, "UpdateChannelState", &params)?;
    let sent = sender.send(&draft, "the voucher was not redeemed")?;
    let (_, after): (_, State) = Blocks::of(rpc).state(&channel, Type::PaymentChannel)?;
    let paid = &after.to_send - &before.to_send;
    let result = json!({
        "channel": channel.to_string(),
        "paid": paid.atto().to_string(),
        "owed": after.to_send.atto().to_string(),
    });
    output.result(&with_message(result, &sent), || {
        field("paid", format_amount(&paid));
        field(
            "owed",
            format_args!("{} in all to {}", format_amount(&after.to_send), after.to),
        );
        say_message(&sent);
    });
    Ok(())
}

/// What is known of a voucher.
struct Checked {
    /// The side of the channel that signed it.
    signer: Option<Address>,
    /// What redeeming it adds to what is owed, if it can be redeemed.
    pays: Option<TokenAmount>,
    problems: Vec<String>,
}

/// Looks for all reasons why a voucher could not be redeemed in the next epoch.
fn check(rpc: &Rpc, voucher: &SignedVoucher) -> Result<Checked, Failure> {
    let blocks = Blocks::of(rpc);
    let (info, state): (_, State) = blocks.state(&voucher.channel_addr, Type::PaymentChannel)?;
    let balance = parse_amount(&info.balance)
        .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))?;
    let next = epoch(rpc)? + 1;
    let mut problems = Vec::new();

    let signer = signer(rpc, voucher, &state)?;
    if signer.is_none() {
        problems.push(format!(
            "the signature is neither that of {} nor that of {}",
            state.from, state.to
        ));
    }
    if state.is_settled(next) {
        problems.push(format!("the channel closed in epoch {}", state.settling_at));
    }
    if next < voucher.time_lock_min {
        problems.push(format!(
            "it is good from epoch {} on",
            voucher.time_lock_min
        ));
    }
    if voucher.time_lock_max != 0 && next > voucher.time_lock_max {
        problems.push(format!("it was good until epoch {}", voucher.time_lock_max));
    }
    if voucher.amount.is_negative() {
        problems.push("its amount is negative".into());
    }
    let mut after = state.clone();
    let pays = match after.redeem(&blocks, voucher, &balance) {
        Ok(()) => Some(&after.to_send - &state.to_send),
        Err(error) => {
            problems.push(error.message().to_owned());
            None
        }
    };
    Ok(Checked {
        signer,
        pays,
        problems,
    })
}

/// Which side of the channel signed a voucher.
fn signer(rpc: &Rpc, voucher: &SignedVoucher, state: &State) -> Result<Option<Address>, Failure> {
    let Some(signature) = &voucher.signature else {
        return Ok(None);
    };
    let signed = Signature {
        kind: match signature.sig_type {
            SignatureType::Secp256k1 => SignatureKind::Secp256k1,
            SignatureType::BLS => SignatureKind::Bls,
        },
        data: signature.bytes.clone(),
    };
    let bytes = voucher.signing_bytes().map_err(broken)?;
    for side in [state.from, state.to] {
        // A side without a key, such as a wallet of several, signs nothing.
        let key: Result<String, _> = rpc.call(
            "Filecoin.StateAccountKey",
            [json!(side.to_string()), Value::Null],
        );
        let Ok(key) = key else { continue };
        let Ok(key) = boatyard_abi::parse_address(&key) else {
            continue;
        };
        if keys::verify(&signed, &bytes, &key).is_ok() {
            return Ok(Some(side));
        }
    }
    Ok(None)
}

/// A voucher, for programs.
fn described(voucher: &SignedVoucher) -> Value {
    json!({
        "channel": voucher.channel_addr.to_string(),
        "lane": voucher.lane,
        "nonce": voucher.nonce,
        "amount": voucher.amount.atto().to_string(),
        "valid_from": voucher.time_lock_min,
        "valid_to": voucher.time_lock_max,
        "open_until": voucher.min_settle_height,
        "secret_hash": (!voucher.secret_pre_image.is_empty())
            .then(|| format!("0x{}", hex::encode(voucher.secret_pre_image.bytes()))),
        "merges": voucher.merges.iter().map(|merge| json!({
            "lane": merge.lane,
            "nonce": merge.nonce,
        })).collect::<Vec<_>>(),
    })
}

fn read(text: &str) -> Result<SignedVoucher, Failure> {
    let no_voucher = |reason: String| {
        Failure::new("this is no voucher")
            .why(reason)
            .help("`boatyard paych voucher create` prints one")
    };
    let bytes = URL_SAFE_NO_PAD
        .decode(text.trim().trim_end_matches('='))
        .map_err(|error| no_voucher(error.to_string()))?;
    from_slice(&bytes).map_err(|error| no_voucher(error.to_string()))
}

fn bytes(text: &str) -> Result<Vec<u8>, Failure> {
    hex::decode(text.trim_start_matches("0x")).map_err(|_| {
        // It may be a mistyped secret, so it is not repeated.
        Failure::new("the secret is malformed").help("write it in hexadecimal: 0x1234")
    })
}

fn merge(text: &str) -> Result<Merge, String> {
    let numbers = text.split_once(':');
    let merge = numbers.and_then(|(lane, nonce)| {
        Some(Merge {
            lane: lane.parse().ok()?,
            nonce: nonce.parse().ok()?,
        })
    });
    merge.ok_or_else(|| "expected LANE:NONCE, such as 1:5".into())
}

#[cfg(test)]
mod tests {
    use fvm_shared::crypto::signature::Signature as VoucherSignature;

    use super::*;

    #[test]
    fn a_voucher_survives_its_way_as_text() {
        let voucher = SignedVoucher {
            channel_addr: Address::new_id(1_000),
            time_lock_min: 0,
            time_lock_max: 0,
            secret_pre_image: RawBytes::default(),
            extra: None,
            lane: 1,
            nonce: 2,
            amount: TokenAmount::from_whole(3),
            min_settle_height: 0,
            merges: vec![merge("4:5").unwrap()],
            signature: Some(VoucherSignature::new_secp256k1(vec![7; 65])),
        };
        let text = TEXT.encode(encoded(&voucher).unwrap());
        assert_eq!(read(&text).unwrap(), voucher);
        // With and without padding, as programs differ.
        assert_eq!(read(text.trim_end_matches('=')).unwrap(), voucher);
        assert!(read("harbour").is_err());
        assert!(merge("4").is_err());
    }
}
