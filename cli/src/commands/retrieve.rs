//! `boatyard retrieve`

use std::io::Write as _;
use std::path::PathBuf;

use boatyard_abi::{parse_amount, parse_cid};
use boatyard_dag::{car, export, walk};
use boatyard_proofs::commitment::from_unsealed_cid;
use boatyard_proofs::piece::{self, piece_size};
use cid::Cid;
use clap::Args;
use fvm_shared::econ::TokenAmount;
use hyper::body::Bytes;
use serde_json::json;

use crate::args::Global;
use crate::builtin::{SendingArgs, field};
use crate::failure::Failure;
use crate::output::{Output, grouped};
use crate::provider::{Provider, ProviderArgs, listed};
use crate::rpc::Rpc;

mod pay;
mod purse;

use pay::{Paid, fetch};

/// Largest file that is put together, in bytes.
const MAX_FILE: u64 = 1 << 30;
/// How often the size of a piece is doubled in search of its commitment.
const DOUBLINGS: u32 = 12;

/// Get a file back from a storage provider, by its IPFS CID or by its piece's CID.
///
/// Every byte is checked against the CID, whoever it comes from. Providers that want
/// money for it are paid by a voucher of a payment channel, if --max-price allows it;
/// later payments to the same provider go through the same channel. What was signed is
/// kept in the user's state directory, or in BOATYARD_STATE.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  boatyard retrieve bafybei… -o mars.jpg
  boatyard retrieve baga6ea4seaq… -o mars.jpg
  boatyard retrieve baga6ea4seaq… -o mars.car --raw                    the piece as it is
  boatyard retrieve bafybei… -o mars.jpg --provider http://127.0.0.1:8700
  boatyard retrieve bafybei… -o mars.jpg --provider /ip4/127.0.0.1/tcp/8700/http
  boatyard retrieve bafybei… -o mars.jpg --provider f01000
  boatyard retrieve bafybei… -o mars.jpg --max-price \"0.1 FIL\" --from 2")]
pub struct RetrieveArgs {
    /// IPFS CID, with a path in it if it is a folder's, or CID of a piece
    cid: String,

    /// Where to write the file; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    provider: ProviderArgs,

    /// What it may cost in all: "1.5 FIL", "20 nanoFIL", or attoFIL
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, default_value = "0")]
    max_price: TokenAmount,

    /// Write a piece as it is, not the file in it
    #[arg(long)]
    raw: bool,

    #[command(flatten)]
    sending: SendingArgs,
}

/// What is asked for.
enum Wanted {
    /// A file by its IPFS CID, and the path to it.
    File(Cid, Vec<String>),
    /// A piece by its commitment.
    Piece(Cid),
}

impl Wanted {
    fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim_start_matches("ipfs://");
        let (cid, path) = text.split_once('/').unwrap_or((text, ""));
        let cid = parse_cid(cid).map_err(|reason| {
            Failure::new(format!("`{cid}` is no CID"))
                .why(reason)
                .help("`boatyard deal list` shows those of files that are stored")
        })?;
        let path: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        match from_unsealed_cid(&cid) {
            Ok(_) if path.is_empty() => Ok(Self::Piece(cid)),
            Ok(_) => {
                Err(Failure::new("a piece has no paths in it")
                    .help("name the file by its IPFS CID"))
            }
            Err(_) => Ok(Self::File(cid, path)),
        }
    }

    /// Where a provider serves it.
    fn path(&self) -> String {
        match self {
            Self::File(cid, path) => {
                let path: String = path
                    .iter()
                    .map(|part| format!("/{}", escaped(part)))
                    .collect();
                format!("/ipfs/{cid}{path}?format=car")
            }
            Self::Piece(cid) => format!("/piece/{cid}"),
        }
    }

    /// The file in an answer; every byte of it is checked.
    fn read(&self, body: Bytes, raw: bool) -> Result<Vec<u8>, Failure> {
        match self {
            Self::File(cid, path) => {
                let store = car::Store::new(body).map_err(|error| wrong().because(error))?;
                let path = path.iter().map(String::as_str);
                let end =
                    walk::resolve(&store, cid, path).map_err(|error| wrong().because(error))?;
                export(&store, &end.cid, MAX_FILE).map_err(|error| wrong().because(error))
            }
            Self::Piece(cid) => {
                check_piece(&body, cid)?;
                match raw {
                    true => Ok(body.to_vec()),
                    false => file_in(body, cid),
                }
            }
        }
    }
}

/// A part of a path as URLs have it.
fn escaped(part: &str) -> String {
    part.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn wrong() -> Failure {
    Failure::new("what the provider gave is not what was asked for")
}

/// Whether bytes are those of a piece, of whatever size it is.
fn check_piece(bytes: &[u8], wanted: &Cid) -> Result<(), Failure> {
    let mut size = piece_size(bytes.len() as u64);
    for _ in 0..DOUBLINGS {
        let made = piece::of_reader(bytes, size).map_err(|error| wrong().because(error))?;
        if made.cid == *wanted {
            return Ok(());
        }
        size.0 = size.0.saturating_mul(2);
    }
    Err(wrong().why(format!(
        "these {} bytes are not those of piece {wanted}",
        grouped(bytes.len() as u64)
    )))
}

/// The file whose CAR a piece is.
fn file_in(piece: Bytes, cid: &Cid) -> Result<Vec<u8>, Failure> {
    let no_file = |reason: String| {
        Failure::new(format!("piece {cid} is not the CAR of one file"))
            .why(reason)
            .help("--raw writes it as it is")
    };
    let store = car::Store::new(piece).map_err(|error| no_file(error.to_string()))?;
    let [root] = store.roots() else {
        return Err(no_file(format!("it has {} roots", store.roots().len())));
    };
    export(&store, root, MAX_FILE).map_err(|error| no_file(error.to_string()))
}

/// Runs the command.
///
/// # Errors
/// Nobody has it, or nobody gives it for the price.
pub fn run(global: &Global, args: RetrieveArgs) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    let wanted = Wanted::parse(&args.cid)?;
    let mut refused = Vec::new();
    let spinner = output.spinner("asking");
    for provider in candidates(&rpc, &args.provider)? {
        let url = provider.http().url().to_owned();
        spinner.set_message(format!("asking {url}"));
        let got = fetch(
            &rpc,
            output,
            &provider,
            &wanted.path(),
            &args.max_price,
            &args.sending,
        )
        .and_then(|(body, paid)| Ok((wanted.read(body, args.raw)?, paid)));
        match got {
            Ok((file, paid)) => {
                spinner.finish_and_clear();
                return deliver(output, &args, &url, &file, paid);
            }
            Err(failure) => refused.push((url, failure)),
        }
    }
    spinner.finish_and_clear();
    Err(nobody(&args.cid, refused))
}

/// The providers that are asked, one after the other.
fn candidates(rpc: &Rpc, args: &ProviderArgs) -> Result<Vec<Provider>, Failure> {
    if args.provider.is_some() {
        return Ok(vec![Provider::only(rpc, args)?]);
    }
    let all = listed(rpc)?;
    if all.is_empty() {
        // Tells what to do.
        Provider::only(rpc, args)?;
    }
    all.iter()
        .map(|entry| Provider::at(&entry.url, rpc.timeout()))
        .collect()
}

/// The failure of all who were asked.
fn nobody(cid: &str, mut refused: Vec<(String, Failure)>) -> Failure {
    let what = format!("nobody gave {cid} out");
    if refused.len() == 1
        && let Some((url, failure)) = refused.pop()
    {
        return failure.context(format!("{url} did not give {cid} out"));
    }
    let reasons: Vec<String> = refused
        .iter()
        .map(|(url, failure)| format!("{url}: {failure}"))
        .collect();
    Failure::new(what)
        .why(reasons.join("; "))
        .help("--provider URL asks somebody else")
}

/// Writes the file and tells of it.
fn deliver(
    output: Output,
    args: &RetrieveArgs,
    url: &str,
    file: &[u8],
    paid: Option<Paid>,
) -> Result<(), Failure> {
    let unwritten = |error: std::io::Error| {
        Failure::new(format!("{} cannot be written", args.output.display())).because(error)
    };
    let to_stdout = args.output.as_os_str() == "-";
    if to_stdout {
        let mut out = std::io::stdout().lock();
        return out
            .write_all(file)
            .and_then(|()| out.flush())
            .map_err(unwritten);
    }
    std::fs::write(&args.output, file).map_err(unwritten)?;
    let result = json!({
        "cid": args.cid,
        "file": args.output.display().to_string(),
        "size": file.len(),
        "url": url,
        "paid": paid.as_ref().map_or_else(|| "0".to_owned(), |paid| paid.amount.atto().to_string()),
        "channel": paid.as_ref().map(|paid| paid.channel.to_string()),
        "channel_opened": paid.as_ref().is_some_and(|paid| paid.opened),
        "channel_added": paid
            .as_ref()
            .map_or_else(|| "0".to_owned(), |paid| paid.added.atto().to_string()),
    });
    output.result(&result, || {
        field("file", args.output.display());
        field(
            "size",
            format_args!("{} bytes, all checked", grouped(file.len() as u64)),
        );
        field("from", url);
        match &paid {
            Some(paid) => field(
                "paid",
                format_args!(
                    "{} through payment channel {}, {}",
                    boatyard_abi::format_amount(&paid.amount),
                    paid.channel,
                    how(paid)
                ),
            ),
            None => field("paid", "nothing"),
        }
    });
    Ok(())
}

/// What became of the channel, for people.
fn how(paid: &Paid) -> String {
    match paid.opened {
        true => "opened for it".into(),
        false if paid.added.is_positive() => {
            format!(
                "with {} more in it",
                boatyard_abi::format_amount(&paid.added)
            )
        }
        false => "as it was".into(),
    }
}

#[cfg(test)]
mod tests {
    use boatyard_dag::import;

    use super::*;

    #[test]
    fn what_is_asked_for_is_told_by_its_cid() {
        let dag = import(&b"mars"[..]).unwrap();
        let file = Wanted::parse(&format!("ipfs://{}/a b/ü", dag.root)).unwrap();
        assert_eq!(
            file.path(),
            format!("/ipfs/{}/a%20b/%C3%BC?format=car", dag.root)
        );
        let piece = piece::of_bytes(b"mars");
        let wanted = Wanted::parse(&piece.cid.to_string()).unwrap();
        assert_eq!(wanted.path(), format!("/piece/{}", piece.cid));
        assert!(Wanted::parse("mars.jpg").is_err());
        assert!(Wanted::parse(&format!("{}/x", piece.cid)).is_err());
    }

    #[test]
    fn an_answer_is_believed_only_if_it_is_what_its_cid_says() {
        let dag = import(&b"mars"[..]).unwrap();
        let bytes = car::to_vec(&[dag.root], &dag.blocks);
        let file = Wanted::parse(&dag.root.to_string()).unwrap();
        assert_eq!(file.read(bytes.clone().into(), false).unwrap(), b"mars");
        let mut spoilt = bytes.clone();
        *spoilt.last_mut().unwrap() ^= 1;
        assert!(file.read(spoilt.clone().into(), false).is_err());

        // A piece may be larger than its bytes.
        for size in [128u64, 1_024] {
            let size = fvm_shared::piece::PaddedPieceSize(size).unpadded();
            let made = piece::of_reader(&bytes[..], size).unwrap();
            let piece = Wanted::parse(&made.cid.to_string()).unwrap();
            assert_eq!(piece.read(bytes.clone().into(), false).unwrap(), b"mars");
            assert_eq!(piece.read(bytes.clone().into(), true).unwrap(), bytes);
            assert!(piece.read(spoilt.clone().into(), true).is_err());
        }
    }

    #[test]
    fn a_piece_that_is_no_car_is_written_only_as_it_is() {
        let made = piece::of_bytes(b"just bytes");
        let piece = Wanted::parse(&made.cid.to_string()).unwrap();
        let bytes = Bytes::from_static(b"just bytes");
        assert_eq!(piece.read(bytes.clone(), true).unwrap(), b"just bytes");
        let failure = piece.read(bytes, false).unwrap_err().to_json();
        assert_eq!(failure["error"]["help"], "--raw writes it as it is");
    }
}
