//! May this Wasm run on the FVM, and if not, why.
//!
//! The FVM trusts the code in its state: much of what is refused here would panic
//! there, hold locks forever, or cost a message all its gas.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::fvm::engine::{EngineConfig, EnginePool};
use ::fvm::machine::NetworkConfig;
use cid::Cid;
use fvm_ipld_blockstore::{Blockstore, MemoryBlockstore};
use fvm_ipld_encoding::IPLD_RAW;
use fvm_shared::version::NetworkVersion;
use multihash_codetable::{Code, MultihashDigest};
use wasmparser::types::EntityType;
use wasmparser::{FuncType, Parser, Payload, ValType, Validator, WasmFeatures};

use super::syscalls;

/// Why code cannot be an actor's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// There is no such block.
    #[error("there is no code {0} in the block store: install the actor's Wasm first")]
    Missing(Cid),
    /// The store failed.
    #[error("code {code} cannot be read from the block store: {reason}")]
    Unreadable {
        /// The code.
        code: Cid,
        /// What the store said.
        reason: String,
    },
    /// More than an actor may have.
    #[error(
        "the module has {size} bytes and {max} are allowed: build it with `boatyard build`, which \
         optimises for size and strips, or split the actor"
    )]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Not Wasm at all.
    #[error("this is no Wasm module ({0}): give the .wasm file that `boatyard build` wrote")]
    NotWasm(String),
    /// Wasm, but not the subset that the FVM has.
    #[error(
        "the FVM cannot run this module: {0}. Build it with `boatyard build`, which switches off \
         what the FVM lacks (threads, SIMD, multi-value, reference types, tail calls, 64-bit \
         memory)"
    )]
    Feature(String),
    /// Code that would run before any method is called.
    #[error("the module has a start function, which actors may not have: remove it")]
    StartFunction,
    /// An entry point is missing.
    #[error(
        "the module exports no function `invoke(i32) -> i32`: mark the actor with #[actor] and \
         build it as a cdylib"
    )]
    NoInvoke,
    /// An entry point has another type than the FVM calls it with.
    #[error("the module exports `{name}` as {found}, but the FVM calls it as {expected}")]
    EntryPoint {
        /// Its name.
        name: &'static str,
        /// What the FVM expects.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The FVM reads and writes an exported memory.
    #[error("the module exports no memory called `memory`: build it as a cdylib")]
    NoMemory,
    /// Nobody provides an import.
    #[error(
        "the module imports {module}::{name}, which is no syscall of the FVM: an actor has no \
         operating system, JavaScript or WASI; look for the dependency that wants it"
    )]
    UnknownImport {
        /// Module imported from.
        module: String,
        /// Name imported.
        name: String,
    },
    /// A syscall is imported with a type it does not have.
    #[error(
        "the module imports syscall {module}::{name} as {found}, but it is {expected}: use the \
         fvm_sdk that belongs to this FVM"
    )]
    ImportType {
        /// Module imported from.
        module: String,
        /// Name imported.
        name: String,
        /// What the FVM provides.
        expected: String,
        /// What is imported.
        found: String,
    },
    /// It does not compile.
    #[error("the FVM does not accept this module: {0}")]
    Rejected(String),
}

/// Features of Wasm that the FVM's instrumentation and settings let through.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::CALL_INDIRECT_OVERLONG)
    .union(WasmFeatures::FLOATS);

/// Whether the module is small enough.
pub(super) fn check_size(wasm: &[u8], max: usize) -> Result<(), CodeError> {
    if wasm.len() > max {
        return Err(CodeError::TooLarge {
            size: wasm.len(),
            max,
        });
    }
    Ok(())
}

/// Whether the module has the shape of an actor.
pub(super) fn check_structure(wasm: &[u8]) -> Result<(), CodeError> {
    if !Parser::is_core_wasm(wasm) {
        return Err(CodeError::NotWasm(format!(
            "{} bytes without a Wasm header",
            wasm.len()
        )));
    }
    let types = Validator::new_with_features(FEATURES)
        .validate_all(wasm)
        .map_err(|error| CodeError::Feature(error.to_string()))?;
    let types = types.as_ref();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| CodeError::NotWasm(error.to_string()))? {
            Payload::StartSection { .. } => return Err(CodeError::StartFunction),
            _ => continue,
        }
    }

    for (module, name, entity) in types.core_imports().into_iter().flatten() {
        let import = || (module.to_owned(), name.to_owned());
        let Some(expected) = syscalls::parameters(module, name) else {
            let (module, name) = import();
            return Err(CodeError::UnknownImport { module, name });
        };
        let found = match entity {
            EntityType::Func(id) => Signature::of(types[id].unwrap_func()),
            _ => Signature("no function".into()),
        };
        if found != Signature::syscall(expected) {
            let (module, name) = import();
            return Err(CodeError::ImportType {
                module,
                name,
                expected: Signature::syscall(expected).0,
                found: found.0,
            });
        }
    }

    let (mut invoke, mut memory) = (false, false);
    for (name, entity) in types.core_exports().into_iter().flatten() {
        let signature = match entity {
            EntityType::Func(id) => Signature::of(types[id].unwrap_func()),
            EntityType::Memory(_) => Signature("a memory".into()),
            _ => Signature("no function".into()),
        };
        match name {
            "memory" => memory = matches!(entity, EntityType::Memory(_)),
            "invoke" => {
                check_entry("invoke", "(i32) -> (i32)", signature)?;
                invoke = true;
            }
            "upgrade" => check_entry("upgrade", "(i32, i32) -> (i32)", signature)?,
            _ => {}
        }
    }
    if !invoke {
        return Err(CodeError::NoInvoke);
    }
    if !memory {
        return Err(CodeError::NoMemory);
    }
    Ok(())
}

fn check_entry(
    name: &'static str,
    expected: &'static str,
    found: Signature,
) -> Result<(), CodeError> {
    if found.0 == expected {
        return Ok(());
    }
    Err(CodeError::EntryPoint {
        name,
        expected,
        found: found.0,
    })
}

/// Whether the FVM instruments and compiles the module: by trying, in an engine
/// of its own that is thrown away, for a panic there would leave locks poisoned.
pub(super) fn check_by_compiling(wasm: &[u8]) -> Result<(), CodeError> {
    let compile = || -> anyhow::Result<()> {
        let network = NetworkConfig::new(NetworkVersion::V28);
        let pool = EnginePool::new(EngineConfig {
            max_call_depth: 1,
            ..EngineConfig::from(&network)
        })?;
        let code = Cid::new_v1(IPLD_RAW, Code::Blake2b256.digest(wasm));
        let store = MemoryBlockstore::default();
        store.put_keyed(&code, wasm)?;
        pool.acquire().preload(&code, &store)?;
        Ok(())
    };
    match catch_unwind(AssertUnwindSafe(compile)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(CodeError::Rejected(format!("{error:#}"))),
        Err(_) => Err(CodeError::Rejected("its compiler panicked".into())),
    }
}

/// A function type in words.
#[derive(PartialEq, Eq)]
struct Signature(String);

impl Signature {
    fn of(function: &FuncType) -> Self {
        let list = |types: &[ValType]| {
            types
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        Self(format!(
            "({}) -> ({})",
            list(function.params()),
            list(function.results())
        ))
    }

    fn syscall(parameters: &str) -> Self {
        let names: Vec<_> = parameters
            .chars()
            .map(|kind| if kind == 'I' { "i64" } else { "i32" })
            .collect();
        Self(format!("({}) -> (i32)", names.join(", ")))
    }
}
