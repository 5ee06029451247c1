//! `boatyard deploy`

use std::path::Path;

use boatyard_abi::evm::encode_constructor;
use boatyard_abi::{Abi, EvmAbi, Schema, encode};
use boatyard_build::check::MAX_MODULE_BYTES;
use boatyard_chain::Key;
use boatyard_chain::ethereum::{CREATE_EXTERNAL, EAM, cbor_bytes};
use cid::Cid;
use clap::Args;
use console::style;
use fvm_ipld_encoding::{BytesDe, RawBytes};
use fvm_shared::METHOD_CONSTRUCTOR;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use serde_json::{Value, json};

use super::build::{CompileArgs, code_cid, compile};
use super::target::read_evm_abi;
use crate::actor;
use crate::args::Global;
use crate::failure::Failure;
use crate::message::{self, Draft, Sending, Sent, encoded, people_amount, returned};
use crate::output::{Output, grouped, say};
use crate::params;
use crate::rpc::Rpc;
use crate::signer::{Side, SignerArgs};

/// Put a native actor or a contract on the chain.
///
/// A native actor is given as its crate's folder (which is built first), as a
/// Wasm file, or by the CID of code that is installed already. Its code is sent
/// to the devnet's code registry (f08), in several messages if it is large, and
/// an actor is created from it by the init actor, with the parameters of its
/// constructor. A contract is given as an artefact of Foundry, Hardhat or solc,
/// or as a file with init code in hexadecimal. Nothing is written to disk.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct DeployArgs {
    /// A crate's folder, a .wasm file, a code CID; or a contract's .json or .bin
    what: String,

    /// The constructor's parameters
    #[arg(allow_negative_numbers = true)]
    params: Vec<String>,

    /// Value that the new actor starts with: "1.5 FIL", or attoFIL
    #[arg(long, value_name = "AMOUNT", value_parser = boatyard_abi::parse_amount)]
    value: Option<TokenAmount>,

    /// Which package, where the workspace has several actors
    #[arg(short, long, value_name = "NAME")]
    package: Option<String>,

    /// Install the code only; create no actor
    #[arg(long)]
    code_only: bool,

    #[command(flatten)]
    compile: CompileArgs,

    #[command(flatten)]
    signer: SignerArgs,
}

const EXAMPLES: &str = "\
Examples:
  boatyard deploy examples/native-counter          build, install, create
  boatyard deploy escrow.wasm buyer=f0102 --value \"5 FIL\"
  boatyard deploy bafk2bzace… f0103                another actor of installed code
  boatyard deploy out/Token.sol/Token.json 1000    a contract, with its argument

Parameters can be written by position, by name (by=5), as JSON, or in a file (@params.json).
`boatyard abi escrow.wasm` shows what a constructor takes.";

/// ID of the init actor, which creates actors, and the number of its `Exec`.
const INIT: u64 = 1;
const EXEC: u64 = 2;
/// ID of the registry, which takes code.
const REGISTRY: u64 = 8;

/// Most bytes of code in one message. A signed message may have 64 KiB, and no
/// chunk but the last fewer than 32 KiB.
const CHUNK: usize = 60 << 10;

/// Runs the command.
///
/// # Errors
/// The code cannot be built, installed or started.
pub fn run(global: &Global, args: DeployArgs) -> Result<(), Failure> {
    let output = global.output();
    let path = Path::new(&args.what);
    let extension = path.extension().and_then(|extension| extension.to_str());
    match (path.is_dir(), extension) {
        (true, _) => {
            let (artifact, _) = compile(output, path, args.package.as_deref(), &args.compile)?;
            native(global, &args, Some(artifact.wasm))
        }
        (false, Some("json" | "bin" | "hex")) => contract(global, &args, path),
        (false, _) if path.is_file() => {
            let wasm = std::fs::read(path).map_err(|error| {
                Failure::new(format!("{} cannot be read", path.display())).because(error)
            })?;
            native(global, &args, Some(wasm))
        }
        _ if boatyard_abi::parse_cid(&args.what).is_ok() => native(global, &args, None),
        _ => Err(Failure::new(format!("there is no {}", args.what)).help(
            "give a crate's folder, a .wasm file, a contract's .json, or the CID of installed code",
        )),
    }
}

// --- Native actors ---

fn native(global: &Global, args: &DeployArgs, wasm: Option<Vec<u8>>) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    let (code, abi) = match &wasm {
        Some(wasm) => (code_cid(wasm), checked(wasm, &args.what)?),
        None => {
            let code = boatyard_abi::parse_cid(&args.what).map_err(Failure::new)?;
            (code, actor::abi(&rpc, &args.what)?)
        }
    };
    // Before anything is sent: parameters that do not fit cost a message less.
    let params = constructor_params(abi.as_ref(), &args.params)?;
    let key = args.signer.key(&rpc, Side::Native)?;
    let registry = Registry::open(&rpc, &key)?;
    let installed = registry.is_installed(&code)?;
    match (&wasm, installed) {
        (_, true) => output.hint("this code is installed already"),
        (Some(wasm), false) => registry.install(output, &code, wasm)?,
        (None, false) => {
            return Err(
                Failure::new(format!("the code {code} is not installed here"))
                    .help("deploy its .wasm file or crate"),
            );
        }
    }
    if args.code_only {
        let result = json!({ "code": code.to_string(), "new": !installed });
        output.result(&result, || say!("{} {code}", style("code   ").cyan()));
        return Ok(());
    }
    let exec = Draft {
        to: Address::new_id(INIT),
        method: EXEC,
        params: encoded(&(code, RawBytes::new(params)))?,
        value: args.value.clone().unwrap_or_default(),
    };
    let sent = message::send(&rpc, output, &key, &exec, Sending::default())
        .map_err(|failure| failure.context("the actor was not created"))?;
    let (id, robust): (Address, Address) = returned(&sent, "the actor was not created")?;
    let eth = boatyard_abi::address::to_eth(&id).map(|bytes| format!("0x{}", hex::encode(bytes)));
    let gas = gas(&sent);
    let result = json!({
        "address": id.to_string(),
        "id": id.to_string(),
        "robust": robust.to_string(),
        "eth": eth,
        "code": code.to_string(),
        "actor": abi.as_ref().map(|abi| abi.name.clone()),
        "cid": sent.cid.to_string(),
        "hash": sent.hash,
        "gas_used": gas.0,
        "gas_cost": gas.1,
    });
    output.result(&result, || {
        let name = abi.as_ref().map_or("", |abi| abi.name.as_str());
        say!("{} {} {name}", style("actor  ").cyan(), style(id).bold());
        say!("{} {robust}", style("address").cyan());
        if let Some(eth) = eth {
            say!(
                "{} {eth}  {}",
                style("       ").cyan(),
                style("for contracts").dim()
            );
        }
        say!("{} {code}", style("code   ").cyan());
        say!(
            "{} {}, {}",
            style("gas    ").cyan(),
            grouped(gas.0),
            people_amount(&gas.1)
        );
        output.hint(format!("boatyard abi {id} lists its methods"));
    });
    Ok(())
}

/// Checks a module before it is sent anywhere, and reads its description.
fn checked(wasm: &[u8], what: &str) -> Result<Option<Abi>, Failure> {
    if !wasm.starts_with(b"\0asm") {
        return Err(Failure::new(format!("{what} is no Wasm module"))
            .help("give a crate's folder, a .wasm file, or a contract's .json or .bin"));
    }
    if let Err(problems) = boatyard_build::check_module(wasm, Some(MAX_MODULE_BYTES)) {
        let list: Vec<String> = problems
            .iter()
            .map(|problem| format!("- {problem}"))
            .collect();
        return Err(Failure::new(format!("the FVM would refuse {what}"))
            .why(list.join("\n"))
            .help("`boatyard build` makes modules that the FVM takes"));
    }
    Abi::from_wasm(wasm)
        .map_err(|error| Failure::new(format!("the ABI in {what} cannot be read")).because(error))
}

fn constructor_params(abi: Option<&Abi>, words: &[String]) -> Result<Vec<u8>, Failure> {
    let Some(constructor) = abi.and_then(|abi| abi.method_by_number(METHOD_CONSTRUCTOR)) else {
        let value = params::unknown(words)?;
        return encode(&Schema::Raw, &value).map_err(|error| {
            Failure::new("the constructor's parameters cannot be encoded").because(error)
        });
    };
    let value = params::from_words(&constructor.params, words)?;
    encode(&constructor.params, &value).map_err(|error| {
        let takes = match &constructor.params {
            Schema::Nothing => "it takes none".to_owned(),
            schema => format!(
                "it takes {schema}, after the name of the code\n{}",
                params::HELP
            ),
        };
        Failure::new("the parameters do not fit the constructor")
            .because(error)
            .help(takes)
    })
}

/// The devnet's code registry, through its own description.
struct Registry<'a> {
    rpc: &'a Rpc,
    key: &'a Key,
    abi: Abi,
}

impl<'a> Registry<'a> {
    fn open(rpc: &'a Rpc, key: &'a Key) -> Result<Self, Failure> {
        let missing = || {
            Failure::new("this network installs no code of users")
                .why("there is no code registry at f08")
                .help("start the devnet without --bundle and --network")
        };
        let info = actor::find(rpc, &Address::new_id(REGISTRY))?.ok_or_else(missing)?;
        let abi = actor::abi(rpc, &info.code)?.ok_or_else(missing)?;
        Ok(Self { rpc, key, abi })
    }

    fn draft(&self, method: &str, params: &Value) -> Result<Draft, Failure> {
        let method = actor::method(&self.abi, method)?;
        let params = encode(&method.params, params).map_err(|error| {
            Failure::new("the code registry's ABI is not as expected").because(error)
        })?;
        Ok(Draft {
            to: Address::new_id(REGISTRY),
            method: method.number,
            params,
            value: TokenAmount::default(),
        })
    }

    /// Asks it something.
    fn call(&self, method: &str, params: &Value) -> Result<Value, Failure> {
        let draft = self.draft(method, params)?;
        let tried = message::simulate(self.rpc, self.key.address(), &draft, false)?;
        match tried.trace.exit_code {
            0 => Ok(tried.trace.returned().cloned().unwrap_or(Value::Null)),
            _ => Err(message::failed(&tried.trace, "the code registry refuses")),
        }
    }

    fn is_installed(&self, code: &Cid) -> Result<bool, Failure> {
        Ok(self.call("IsInstalled", &json!(code.to_string()))? == json!(true))
    }

    /// Sends a module, in as many messages as it takes, and waits for the last.
    fn install(&self, output: Output, code: &Cid, wasm: &[u8]) -> Result<(), Failure> {
        let bar = output.progress(wasm.len() as u64, "installing the code");
        let result = match wasm.len() {
            0..=CHUNK => {
                let whole = json!(format!("0x{}", hex::encode(wasm)));
                self.send(&self.draft("Install", &whole)?, false)
            }
            _ => self.upload(&bar, code, wasm),
        };
        bar.finish_and_clear();
        result.map_err(|failure| failure.context("the code was not installed"))
    }

    fn upload(&self, bar: &indicatif::ProgressBar, code: &Cid, wasm: &[u8]) -> Result<(), Failure> {
        let begin = json!({ "code": code.to_string(), "size": wasm.len() });
        // An upload that was cut off goes on where it ended.
        let progress = self.call("BeginUpload", &begin)?;
        let received = progress["received"]
            .as_u64()
            .and_then(|n| usize::try_from(n).ok());
        let mut offset = received.filter(|offset| *offset <= wasm.len()).unwrap_or(0);
        if offset == 0 {
            self.send(&self.draft("BeginUpload", &begin)?, true)?;
        }
        bar.set_position(offset as u64);
        while offset < wasm.len() {
            let rest = &wasm[offset..];
            let chunk = &rest[..rest.len().min(CHUNK)];
            let append = json!({
                "code": code.to_string(),
                "offset": offset,
                "chunk": format!("0x{}", hex::encode(chunk)),
            });
            self.send(&self.draft("AppendUpload", &append)?, true)?;
            offset += chunk.len();
            bar.set_position(offset as u64);
        }
        self.send(
            &self.draft("CommitUpload", &json!(code.to_string()))?,
            false,
        )
    }

    /// Messages of one sender are executed in order, so only the last is waited
    /// for: if one before it failed, it fails too.
    fn send(&self, draft: &Draft, no_wait: bool) -> Result<(), Failure> {
        let quiet = Output {
            json: false,
            quiet: true,
        };
        let sending = Sending {
            gas_limit: None,
            no_wait,
        };
        let sent = message::send(self.rpc, quiet, self.key, draft, sending)?;
        match &sent.outcome {
            Some(traced) if traced.trace.exit_code != 0 => {
                Err(message::failed(&traced.trace, "the code registry refused"))
            }
            _ => Ok(()),
        }
    }
}

// --- Contracts ---

fn contract(global: &Global, args: &DeployArgs, path: &Path) -> Result<(), Failure> {
    let (rpc, output) = (global.rpc()?, global.output());
    let mut init_code = read_init_code(path)?;
    let is_artefact = path
        .extension()
        .is_some_and(|extension| extension == "json");
    let abi = match is_artefact {
        true => read_evm_abi(path)?,
        false => EvmAbi::default(),
    };
    let arguments = params::solidity(&args.params)?;
    let encoded = encode_constructor(&abi.constructor(), &arguments)
        .map_err(|error| Failure::new("the arguments do not fit the constructor").because(error))?;
    init_code.extend_from_slice(&encoded);
    let key = args.signer.key(&rpc, Side::Ethereum)?;
    let draft = Draft {
        to: Address::new_id(EAM),
        method: CREATE_EXTERNAL,
        params: cbor_bytes(&init_code).to_vec(),
        value: args.value.clone().unwrap_or_default(),
    };
    let sent = message::send(&rpc, output, &key, &draft, Sending::default())
        .map_err(|failure| failure.context("the contract was not deployed"))?;
    let (id, robust, eth): (u64, Option<Address>, BytesDe) =
        returned(&sent, "the contract was not deployed")?;
    let eth = alloy::primitives::Address::try_from(eth.0.as_slice()).map_err(|error| {
        Failure::new("the new contract's address cannot be read").because(error)
    })?;
    if is_artefact && let Ok(text) = std::fs::read_to_string(path) {
        // From now on traces name its functions, events and errors.
        let _known: bool = rpc.call("boatyard_registerContractAbi", [json!(text)])?;
    }
    let gas = gas(&sent);
    let result = json!({
        "address": eth.to_checksum(None),
        "eth": eth.to_checksum(None),
        "id": format!("f0{id}"),
        "robust": robust.map(|address| address.to_string()),
        "cid": sent.cid.to_string(),
        "hash": sent.hash,
        "gas_used": gas.0,
        "gas_cost": gas.1,
    });
    output.result(&result, || {
        say!(
            "{} {}",
            style("contract").cyan(),
            style(eth.to_checksum(None)).bold()
        );
        say!("{} f0{id}", style("actor   ").cyan());
        say!(
            "{} {}, {}",
            style("gas     ").cyan(),
            grouped(gas.0),
            people_amount(&gas.1)
        );
        output.hint(format!(
            "boatyard call {eth} FUNCTION --abi {} asks it something",
            path.display()
        ));
    });
    Ok(())
}

/// Init code of an artefact (Foundry, Hardhat, solc) or a file of hexadecimal.
fn read_init_code(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("{shown} cannot be read")).because(error))?;
    let artefact = match text.trim_start().starts_with(['{', '[']) {
        true => serde_json::from_str::<Value>(&text)
            .map(Some)
            .map_err(|error| Failure::new(format!("{shown} is not JSON")).because(error))?,
        false => None,
    };
    let code = match artefact {
        Some(artefact) => {
            let places = [
                "/bytecode/object",
                "/bytecode",
                "/evm/bytecode/object",
                "/bin",
            ];
            let found = places
                .iter()
                .find_map(|place| artefact.pointer(place)?.as_str());
            found.map(str::to_owned).ok_or_else(|| {
                Failure::new(format!("{shown} holds no bytecode"))
                    .help("give an artefact such as out/Counter.sol/Counter.json, not a bare ABI")
            })?
        }
        None => text,
    };
    let code = code.trim().trim_start_matches("0x");
    if code.contains("__") {
        return Err(Failure::new(format!("the bytecode in {shown} is not linked"))
            .why("it has places for the addresses of libraries")
            .help("deploy the libraries first and link them, for example with forge build --libraries"));
    }
    if code.is_empty() {
        return Err(Failure::new(format!("the bytecode in {shown} is empty"))
            .help("interfaces and abstract contracts cannot be deployed"));
    }
    hex::decode(code).map_err(|error| {
        Failure::new(format!("the bytecode in {shown} is not hexadecimal")).because(error)
    })
}

// --- Both ---

/// Gas used, and what it cost.
fn gas(sent: &Sent) -> (u64, String) {
    sent.outcome
        .as_ref()
        .map_or_else(Default::default, |traced| {
            (traced.trace.gas_used, traced.trace.gas_cost.clone())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn init_code_is_found_in_every_kind_of_artefact() {
        for text in [
            r#"{"bytecode": {"object": "0x6001"}}"#,
            r#"{"bytecode": "0x6001"}"#,
            r#"{"evm": {"bytecode": {"object": "6001"}}}"#,
            "6001\n",
        ] {
            let (_folder, path) = file("a.json", text);
            assert_eq!(read_init_code(&path).unwrap(), [0x60, 0x01], "{text}");
        }
    }

    #[test]
    fn unusable_bytecode_is_told_apart() {
        for (text, words) in [
            (r#"[]"#, "holds no bytecode"),
            (r#"{"bytecode": "0x"}"#, "is empty"),
            (r#"{"bytecode": "0x60__$0123$__"}"#, "is not linked"),
            ("hello", "is not hexadecimal"),
        ] {
            let (_folder, path) = file("a.json", text);
            let error = read_init_code(&path).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn a_module_is_checked_before_anything_is_sent() {
        let error = checked(b"\0asm\x01\0\0\0", "empty.wasm").unwrap_err();
        assert_eq!(error.to_string(), "the FVM would refuse empty.wasm");
    }
}
