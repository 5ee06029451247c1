//! Which compiler there is, or what to install.
//!
//! Two kinds will do: one whose sysroot has the standard library built for
//! `wasm32-unknown-unknown` (rustup's target), and one that comes with the
//! library's sources and a Wasm linker (Debian's `rustc-web`, `rust-web-src`,
//! `lld`), with which cargo builds the library first. The first kind is
//! preferred, being faster and the same on every machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::BuildError;

/// The only target the FVM knows.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Names the compiler to use in place of those that are looked for.
pub const RUSTC_VARIABLE: &str = "BOATYARD_WASM_RUSTC";

/// Where Debian's packages put theirs.
const SYSTEM_RUSTC: &str = "/usr/bin/rustc";

/// The oldest compiler that can build the sdk, as (major, minor).
const OLDEST: (u32, u32) = (1, 95);

/// Where a compiler's standard library for Wasm comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandardLibrary {
    /// It lies in the sysroot, built.
    Prebuilt,
    /// Cargo builds it from the sources in the sysroot.
    FromSource,
}

/// A compiler that can make Wasm, and the cargo that runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// The cargo to run.
    pub cargo: PathBuf,
    /// The compiler that cargo is told to use.
    pub rustc: PathBuf,
    /// Its version, as in `1.95.0`.
    pub version: String,
    /// Its root folder.
    pub sysroot: PathBuf,
    /// Where the standard library comes from.
    pub standard: StandardLibrary,
    /// The linker, where it is not the compiler's own.
    pub linker: Option<PathBuf>,
}

impl Toolchain {
    /// Finds the compiler to use for a project in `dir` (whose
    /// `rust-toolchain.toml`, if any, is respected).
    ///
    /// # Errors
    /// [`BuildError::NoToolchain`] says what was looked at and what to install.
    pub fn find(dir: &Path) -> Result<Self, BuildError> {
        let candidates = match std::env::var_os(RUSTC_VARIABLE) {
            Some(rustc) => vec![PathBuf::from(rustc)],
            None => vec![
                std::env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from),
                PathBuf::from(SYSTEM_RUSTC),
            ],
        };
        let found: Vec<_> = candidates
            .into_iter()
            .map(|rustc| Compiler::ask(rustc, dir))
            .collect();
        let cargo = std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
        choose(cargo, found, on_path("wasm-ld"))
    }

    /// One line for people: which compiler, and where its library comes from.
    pub fn describe(&self) -> String {
        let how = match self.standard {
            StandardLibrary::Prebuilt => "its own library for Wasm",
            StandardLibrary::FromSource => "the library built from its sources",
        };
        format!(
            "rustc {} ({}) with {how}",
            self.version,
            self.rustc.display()
        )
    }
}

/// What one compiler can do.
#[derive(Debug, Clone)]
struct Compiler {
    rustc: PathBuf,
    version: String,
    sysroot: PathBuf,
    has_target: bool,
    has_sources: bool,
    has_linker: bool,
}

impl Compiler {
    fn ask(rustc: PathBuf, dir: &Path) -> Result<Self, String> {
        let run = |argument: &[&str]| {
            let output = Command::new(&rustc)
                .args(argument)
                .current_dir(dir)
                .output()
                .map_err(|error| format!("{}: {error}", rustc.display()))?;
            if !output.status.success() {
                let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                return Err(format!("{}: {reason}", rustc.display()));
            }
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let verbose = run(&["-vV"])?;
        let field = |name: &str| {
            verbose
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(|value| value.trim().to_owned())
                .unwrap_or_default()
        };
        let sysroot = PathBuf::from(run(&["--print", "sysroot"])?);
        let libraries = sysroot.join("lib/rustlib");
        let host_tools = libraries.join(field("host:")).join("bin");
        Ok(Compiler {
            version: field("release:"),
            has_target: holds_std(&libraries.join(TARGET).join("lib")),
            has_sources: libraries.join("src/rust/library/std/Cargo.toml").is_file(),
            has_linker: host_tools.join("rust-lld").is_file(),
            rustc,
            sysroot,
        })
    }

    fn is_old(&self) -> bool {
        let mut parts = self
            .version
            .split('.')
            .map(|part| part.parse::<u32>().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) < OLDEST
    }
}

/// Prefers a built library to sources, and earlier candidates to later ones.
fn choose(
    cargo: PathBuf,
    candidates: Vec<Result<Compiler, String>>,
    wasm_ld: Option<PathBuf>,
) -> Result<Toolchain, BuildError> {
    let mut looked_at = Vec::new();
    let mut from_source = None;
    for candidate in candidates {
        let compiler = match candidate {
            Ok(compiler) => compiler,
            Err(reason) => {
                looked_at.push(reason);
                continue;
            }
        };
        let name = format!("{} {}", compiler.rustc.display(), compiler.version);
        let linker = if compiler.has_linker {
            None
        } else {
            wasm_ld.clone()
        };
        let can_link = compiler.has_linker || linker.is_some();
        if compiler.is_old() {
            looked_at.push(format!("{name}: older than {}.{}", OLDEST.0, OLDEST.1));
        } else if !(compiler.has_target || compiler.has_sources) {
            looked_at.push(format!(
                "{name}: has neither the library for {TARGET} nor the library's sources"
            ));
        } else if !can_link {
            looked_at.push(format!(
                "{name}: no Wasm linker, neither rust-lld nor wasm-ld"
            ));
        } else {
            let toolchain = Toolchain {
                cargo: cargo.clone(),
                rustc: compiler.rustc,
                version: compiler.version,
                sysroot: compiler.sysroot,
                standard: if compiler.has_target {
                    StandardLibrary::Prebuilt
                } else {
                    StandardLibrary::FromSource
                },
                linker,
            };
            if compiler.has_target {
                return Ok(toolchain);
            }
            from_source.get_or_insert(toolchain);
        }
    }
    from_source.ok_or(BuildError::NoToolchain { looked_at })
}

fn holds_std(dir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiler(rustc: &str) -> Compiler {
        Compiler {
            rustc: rustc.into(),
            version: "1.95.0".into(),
            sysroot: "/toolchain".into(),
            has_target: false,
            has_sources: false,
            has_linker: true,
        }
    }

    fn choice(candidates: Vec<Result<Compiler, String>>) -> Result<Toolchain, String> {
        choose("cargo".into(), candidates, Some("/usr/bin/wasm-ld".into()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_built_library_is_preferred_to_sources() {
        let sources = Compiler {
            has_sources: true,
            ..compiler("first")
        };
        let built = Compiler {
            has_target: true,
            ..compiler("second")
        };
        let chosen = choice(vec![Ok(sources), Ok(built)]).unwrap();
        assert_eq!(chosen.rustc, PathBuf::from("second"));
        assert_eq!(chosen.standard, StandardLibrary::Prebuilt);
        assert_eq!(chosen.linker, None);
    }

    #[test]
    fn sources_and_a_system_linker_will_do() {
        let sources = Compiler {
            has_sources: true,
            has_linker: false,
            ..compiler("debian")
        };
        let chosen = choice(vec![Err("rustc: not found".into()), Ok(sources)]).unwrap();
        assert_eq!(chosen.standard, StandardLibrary::FromSource);
        assert_eq!(chosen.linker, Some(PathBuf::from("/usr/bin/wasm-ld")));
    }

    #[test]
    fn what_is_missing_is_listed_with_what_to_install() {
        let old = Compiler {
            version: "1.63.0".into(),
            has_target: true,
            ..compiler("old")
        };
        let message = choice(vec![Ok(compiler("bare")), Ok(old)]).unwrap_err();
        for part in [
            "bare 1.95.0: has neither",
            "old 1.63.0: older than 1.95",
            "rustup target add wasm32-unknown-unknown",
            "apt-get install rustc-web rust-web-src lld",
        ] {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
    }

    #[test]
    fn a_compiler_without_any_linker_is_refused() {
        let lonely = Compiler {
            has_sources: true,
            has_linker: false,
            ..compiler("lonely")
        };
        let refused = choose("cargo".into(), vec![Ok(lonely)], None).unwrap_err();
        assert!(refused.to_string().contains("no Wasm linker"), "{refused}");
    }
}
