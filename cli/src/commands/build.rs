//! `boatyard build`

use std::path::{Path, PathBuf};

use boatyard_abi::Abi;
use boatyard_build::{Artifact, Diagnostics, OptLevel, Options, Workspace};
use cid::Cid;
use clap::Args;
use console::style;
use fvm_ipld_encoding::IPLD_RAW;
use multihash_codetable::{Code, MultihashDigest};
use serde_json::json;

use crate::args::Global;
use crate::failure::Failure;
use crate::output::{Output, grouped, say};

/// Compile a native actor to Wasm.
///
/// Builds the library of a crate that uses boatyard-sdk, checks that the FVM will
/// take the module, and writes it with its ABI beside it. The same source gives
/// the same bytes on every machine. Needs the Wasm target of a Rust toolchain
/// (rustup target add wasm32-unknown-unknown), or Debian's rustc-web.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct BuildArgs {
    /// Folder of the crate, or of its workspace
    #[arg(default_value = ".")]
    dir: PathBuf,

    /// Which package, where the workspace has several actors
    #[arg(short, long, value_name = "NAME")]
    package: Option<String>,

    /// Where to write the module; its ABI goes beside it as .abi.json
    /// [default: target/boatyard/<package>.wasm in the workspace]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    compile: CompileArgs,
}

/// How to compile; `deploy` takes these too.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Compiling")]
pub struct CompileArgs {
    /// z: smallest, s: small, 3: fastest [default: as the crate's manifest says, else z]
    #[arg(long, value_name = "LEVEL", value_parser = opt_level)]
    opt_level: Option<OptLevel>,

    /// Use only what cargo has downloaded before
    #[arg(long)]
    offline: bool,

    /// Fail if Cargo.lock would change
    #[arg(long)]
    locked: bool,
}

const EXAMPLES: &str = "\
Examples:
  boatyard build                                   the crate in this folder
  boatyard build examples/native-counter
  boatyard build . -p escrow -o escrow.wasm
  boatyard abi escrow.wasm                         what it offers
  boatyard deploy escrow.wasm f0101                put it on the devnet";

fn opt_level(text: &str) -> Result<OptLevel, String> {
    OptLevel::from_name(text).ok_or_else(|| "z, s or 3".to_owned())
}

/// Runs the command.
///
/// # Errors
/// The crate does not compile, or the FVM would refuse the module.
pub fn run(global: &Global, args: BuildArgs) -> Result<(), Failure> {
    let output = global.output();
    let (artifact, root) = compile(output, &args.dir, args.package.as_deref(), &args.compile)?;
    let path = args.out.unwrap_or_else(|| {
        root.join("target")
            .join("boatyard")
            .join(format!("{}.wasm", artifact.package))
    });
    write(&path, &artifact.wasm)?;
    let abi_path = match &artifact.abi {
        Some(abi) => {
            let path = path.with_extension("abi.json");
            write(&path, abi.as_bytes())?;
            Some(path)
        }
        None => None,
    };
    let code = code_cid(&artifact.wasm);
    let result = json!({
        "package": artifact.package,
        "wasm": path,
        "abi": abi_path,
        "code": code.to_string(),
        "size_bytes": artifact.wasm.len(),
        "upgrades": artifact.facts.upgrades,
    });
    output.result(&result, || {
        let size = u64::try_from(artifact.wasm.len()).unwrap_or(u64::MAX);
        say!("{}  {} bytes", style(path.display()).bold(), grouped(size));
        say!("{}", style(code).dim());
        match artifact.abi.as_deref().map(Abi::from_json) {
            Some(Ok(abi)) => {
                let names: Vec<&str> = abi
                    .methods
                    .iter()
                    .map(|method| method.name.as_str())
                    .collect();
                say!("{}: {}", abi.name, names.join(", "));
            }
            _ => output.hint("the module carries no ABI: boatyard_sdk::entry!(YourActor) adds it"),
        }
    });
    Ok(())
}

/// Builds the actor in a folder; gives the workspace's root as well.
///
/// # Errors
/// The crate does not compile, or the FVM would refuse the module.
pub fn compile(
    output: Output,
    dir: &Path,
    package: Option<&str>,
    args: &CompileArgs,
) -> Result<(Artifact, PathBuf), Failure> {
    let failed = |error: boatyard_build::BuildError| {
        Failure::new(format!("the actor in {} was not built", dir.display())).because(error)
    };
    let workspace = Workspace::open(dir).map_err(failed)?;
    // Cargo shows its own progress where somebody is looking.
    let watched = !output.quiet && !output.json && console::user_attended_stderr();
    let options = Options {
        opt_level: args.opt_level,
        diagnostics: if watched {
            Diagnostics::Show
        } else {
            Diagnostics::Collect
        },
        offline: args.offline,
        locked: args.locked,
        ..Options::default()
    };
    let artifact = workspace.build(package, &options).map_err(failed)?;
    Ok((artifact, workspace.root().to_owned()))
}

/// CID of a module: version 1, raw, BLAKE2b-256 (spec 00 §1).
pub fn code_cid(wasm: &[u8]) -> Cid {
    Cid::new_v1(IPLD_RAW, Code::Blake2b256.digest(wasm))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(format!("{} cannot be written", path.display()))
            .because(error)
            .help("choose another place with --out")
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, bytes).map_err(failed)
}
