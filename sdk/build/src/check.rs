//! Why the FVM would refuse a module.
//!
//! The FVM validates less than it should before it runs a module: an import of
//! the wrong type, for one, is a fatal error of the node and not an exit code
//! of the message. So everything is checked here, and all problems are
//! reported, not the first.

mod syscalls;

use std::collections::BTreeSet;
use std::fmt;

use wasmparser::{
    CompositeInnerType, ElementItems, ExternalKind, FuncType, Parser, Payload, TypeRef, ValType,
    Validator, WasmFeatures,
};

/// Largest module that can be installed, in bytes: the FVM's limit for a block
/// of state, through which code reaches the chain.
pub const MAX_MODULE_BYTES: usize = 1 << 20;

/// Most memory an instance may have, in pages of 64 KiB (512 MiB).
const MAX_MEMORY_PAGES: u64 = 8192;

/// Most entries of a module's function table.
const MAX_TABLE_ENTRIES: u64 = 20_000;

/// What a module's author may use: the first version of Wasm, and of what came
/// later only what the FVM's engine and its gas meter both understand.
const FEATURES: WasmFeatures = WasmFeatures::WASM1
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    // How the linker writes the one table's index, in five bytes.
    .union(WasmFeatures::CALL_INDIRECT_OVERLONG);

/// What a good module is and needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its size in bytes.
    pub size_bytes: usize,
    /// Whether it exports `upgrade`, so that actors can move to it.
    pub upgrades: bool,
    /// The system calls it imports, as `module.name`.
    pub syscalls: BTreeSet<String>,
}

/// One reason for which the FVM would refuse a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Malformed, or uses a feature the FVM does not have.
    Invalid {
        /// The validator's words.
        reason: String,
        /// Where, in bytes from the start.
        offset: u64,
    },
    /// Larger than can be installed.
    TooLarge {
        /// The size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// An export that must be there is not.
    NoExport {
        /// Its name.
        name: &'static str,
    },
    /// An export has another type than the FVM calls it with.
    WrongExport {
        /// Its name.
        name: String,
        /// Its type.
        found: String,
        /// The type it must have.
        wanted: String,
    },
    /// An import that no FVM offers.
    ForeignImport {
        /// Its module.
        module: String,
        /// Its name.
        name: String,
    },
    /// A system call imported with a type it does not have.
    WrongImport {
        /// `module.name`.
        syscall: String,
        /// Its type in the module.
        found: String,
        /// Its type in the FVM.
        wanted: String,
    },
    /// More memory at the start than an instance may have.
    MemoryTooLarge {
        /// In pages of 64 KiB.
        pages: u64,
    },
    /// More table entries than an instance may have.
    TableTooLarge {
        /// How many.
        entries: u64,
    },
    /// An element segment made of expressions, which the FVM cannot instrument.
    ElementExpressions,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Invalid { reason, offset } => write!(
                f,
                "not valid on the FVM, at byte {offset}: {reason}. It knows the first version of \
                 Wasm with bulk memory, sign extension, mutable globals and saturating \
                 conversions; build with `boatyard build`, which sets the compiler's features"
            ),
            Problem::TooLarge { size, limit } => write!(
                f,
                "{size} bytes, of which {limit} can be installed; build with optimisation for \
                 size, drop dependencies, or split the actor"
            ),
            Problem::NoExport {
                name: name @ "memory",
            } => write!(
                f,
                "no memory is exported as `{name}`; build the library as a cdylib, as \
                 `boatyard build` does"
            ),
            Problem::NoExport { name } => write!(
                f,
                "no function is exported as `{name}`; end src/lib.rs with \
                 `boatyard_sdk::entry!(TheActor);`"
            ),
            Problem::WrongExport {
                name,
                found,
                wanted,
            } => {
                write!(f, "export `{name}` is {found}, the FVM wants {wanted}")
            }
            Problem::ForeignImport { module, name } => {
                write!(
                    f,
                    "import {module}.{name} is no system call of the FVM; {}",
                    origin(module)
                )
            }
            Problem::WrongImport {
                syscall,
                found,
                wanted,
            } => write!(
                f,
                "system call {syscall} is imported as {found}, the FVM has {wanted}; \
                 build with the fvm_sdk version that boatyard-sdk uses"
            ),
            Problem::MemoryTooLarge { pages } => write!(
                f,
                "starts with {pages} pages of memory, of which {MAX_MEMORY_PAGES} are allowed; \
                 make static arrays smaller"
            ),
            Problem::TableTooLarge { entries } => write!(
                f,
                "a table of {entries} functions, of which {MAX_TABLE_ENTRIES} are allowed"
            ),
            Problem::ElementExpressions => write!(
                f,
                "an element segment made of expressions, which the FVM cannot meter; \
                 list functions by index (as the Rust compiler does)"
            ),
        }
    }
}

/// What usually brings an import of this module in.
fn origin(module: &str) -> &'static str {
    match module {
        "wasi_snapshot_preview1" | "wasi_unstable" => {
            "the target must be wasm32-unknown-unknown, not one with WASI"
        }
        "__wbindgen_placeholder__" | "wbg" | "__wbindgen_externref_xform__" => {
            "a dependency was built for browsers: switch off its `js` or `wasm-bindgen` feature \
             (often that of getrandom)"
        }
        "env" => "a C library or an undefined symbol: find the dependency with `cargo tree`",
        _ => "see docs/reference for the list of system calls",
    }
}

/// Checks a module against everything the FVM asks of one.
///
/// `limit` is the largest size in bytes, usually [`MAX_MODULE_BYTES`]; none for
/// modules that are not installed by message, as those of a bundle.
///
/// # Errors
/// Every problem found, at least one.
pub fn check_module(wasm: &[u8], limit: Option<usize>) -> Result<Facts, Vec<Problem>> {
    let mut problems = Vec::new();
    if let Some(limit) = limit.filter(|limit| wasm.len() > *limit) {
        problems.push(Problem::TooLarge {
            size: wasm.len(),
            limit,
        });
    }
    if let Err(error) = Validator::new_with_features(FEATURES).validate_all(wasm) {
        problems.push(invalid(&error));
    }
    let mut survey = Survey::default();
    match survey.read(wasm) {
        // What follows is only worth saying of a module that could be read.
        Ok(()) => survey.judge(&mut problems),
        Err(error) if problems.is_empty() => problems.push(invalid(&error)),
        Err(_) => {}
    }
    if problems.is_empty() {
        Ok(Facts {
            size_bytes: wasm.len(),
            upgrades: survey.upgrades(),
            syscalls: survey.syscalls,
        })
    } else {
        Err(problems)
    }
}

fn invalid(error: &wasmparser::BinaryReaderError) -> Problem {
    Problem::Invalid {
        reason: error.message().to_owned(),
        offset: error.offset(),
    }
}

/// What of a module concerns the FVM.
#[derive(Default)]
struct Survey {
    types: Vec<Option<FuncType>>,
    /// Type index of each function, imported ones first.
    functions: Vec<u32>,
    exports: Vec<(String, ExternalKind, u32)>,
    syscalls: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Survey {
    fn read(&mut self, wasm: &[u8]) -> wasmparser::Result<()> {
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(groups) => {
                    for group in groups {
                        for kind in group?.into_types() {
                            self.types.push(match kind.composite_type.inner {
                                CompositeInnerType::Func(function) => Some(function),
                                _ => None,
                            });
                        }
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import?;
                        self.import(import.module, import.name, import.ty);
                    }
                }
                Payload::FunctionSection(functions) => {
                    for function in functions {
                        self.functions.push(function?);
                    }
                }
                Payload::TableSection(tables) => {
                    for table in tables {
                        let entries = table?.ty.initial;
                        if entries > MAX_TABLE_ENTRIES {
                            self.problems.push(Problem::TableTooLarge { entries });
                        }
                    }
                }
                Payload::MemorySection(memories) => {
                    for memory in memories {
                        let pages = memory?.initial;
                        if pages > MAX_MEMORY_PAGES {
                            self.problems.push(Problem::MemoryTooLarge { pages });
                        }
                    }
                }
                Payload::ElementSection(elements) => {
                    for element in elements {
                        if matches!(element?.items, ElementItems::Expressions(..)) {
                            self.problems.push(Problem::ElementExpressions);
                        }
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        self.exports
                            .push((export.name.to_owned(), export.kind, export.index));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn import(&mut self, module: &str, name: &str, kind: TypeRef) {
        let foreign = || Problem::ForeignImport {
            module: module.into(),
            name: name.into(),
        };
        let TypeRef::Func(index) = kind else {
            self.problems.push(foreign());
            return;
        };
        self.functions.push(index);
        let Some(wanted) = syscalls::parameters(module, name) else {
            self.problems.push(foreign());
            return;
        };
        let wanted = FuncType::new(wanted, [ValType::I32]);
        let syscall = format!("{module}.{name}");
        match self.type_at(index) {
            Some(found) if *found == wanted => {
                self.syscalls.insert(syscall);
            }
            found => self.problems.push(Problem::WrongImport {
                syscall,
                found: found.map_or_else(|| "no function".to_owned(), describe),
                wanted: describe(&wanted),
            }),
        }
    }

    fn type_at(&self, index: u32) -> Option<&FuncType> {
        self.types.get(usize::try_from(index).ok()?)?.as_ref()
    }

    fn export(&self, name: &str) -> Option<(ExternalKind, u32)> {
        let (_, kind, index) = self.exports.iter().find(|(found, ..)| found == name)?;
        Some((*kind, *index))
    }

    fn upgrades(&self) -> bool {
        self.export("upgrade").is_some()
    }

    fn judge(&mut self, problems: &mut Vec<Problem>) {
        problems.append(&mut self.problems);
        if !matches!(self.export("memory"), Some((ExternalKind::Memory, _))) {
            problems.push(Problem::NoExport { name: "memory" });
        }
        match self.export("invoke") {
            None => problems.push(Problem::NoExport { name: "invoke" }),
            Some((kind, index)) => problems.extend(self.entry_point("invoke", kind, index, 1)),
        }
        if let Some((kind, index)) = self.export("upgrade") {
            problems.extend(self.entry_point("upgrade", kind, index, 2));
        }
    }

    fn entry_point(
        &self,
        name: &str,
        kind: ExternalKind,
        index: u32,
        parameters: usize,
    ) -> Option<Problem> {
        let wanted = FuncType::new(vec![ValType::I32; parameters], [ValType::I32]);
        let found = (kind == ExternalKind::Func)
            .then(|| self.functions.get(usize::try_from(index).ok()?))
            .flatten()
            .and_then(|index| self.type_at(*index));
        (found != Some(&wanted)).then(|| Problem::WrongExport {
            name: name.to_owned(),
            found: found.map_or_else(|| "no function".to_owned(), describe),
            wanted: describe(&wanted),
        })
    }
}

fn describe(function: &FuncType) -> String {
    let list = |types: &[ValType]| {
        types
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    format!(
        "({}) -> ({})",
        list(function.params()),
        list(function.results())
    )
}

#[cfg(test)]
mod tests;
