//! How a package becomes a module, the same one on every machine.
//!
//! Cargo compiles the package's library as a cdylib with a profile and flags of
//! ours, whatever the caller's environment or the project's manifest say, in a
//! folder of its own. Nothing of the machine gets into the module: paths are
//! replaced, and sections that name tools are removed.

mod environment;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{Message, Metadata, MetadataCommand, Package, TargetKind};

use crate::check::{Facts, MAX_MODULE_BYTES, check_module};
use crate::error::BuildError;
use crate::sections;
use crate::toolchain::{StandardLibrary, TARGET, Toolchain};

/// Name of the profile; a project may tune it for single packages in its manifest.
const PROFILE: &str = "wasm";

/// What the FVM's engine and gas meter understand, as the compiler names it.
const TARGET_FEATURES: &str =
    "+bulk-memory,+crt-static,+mutable-globals,+sign-ext,-reference-types,-multivalue";

/// How far the compiler goes for speed, at the price of size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OptLevel {
    /// Smallest; the FVM compiles the module soonest.
    #[default]
    Size,
    /// Small, loops not unrolled.
    SizeAndLoops,
    /// Fast, for actors that compute much.
    Speed,
}

impl OptLevel {
    /// As cargo's `opt-level` is written in a manifest: `z`, `s` or `3`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "z" => Some(OptLevel::Size),
            "s" => Some(OptLevel::SizeAndLoops),
            "3" => Some(OptLevel::Speed),
            _ => None,
        }
    }

    fn toml(self) -> &'static str {
        match self {
            OptLevel::Size => "\"z\"",
            OptLevel::SizeAndLoops => "\"s\"",
            OptLevel::Speed => "3",
        }
    }
}

/// Where the compiler's words go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Diagnostics {
    /// Into the error, if there is one.
    #[default]
    Collect,
    /// To standard error, as they come, with cargo's progress.
    Show,
}

/// What can be chosen about a build.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Overrides what the package's manifest says.
    pub opt_level: Option<OptLevel>,
    /// Folder for intermediate results; by default `wasm-build` in the
    /// workspace's target folder, so that cargo's lock there stays free.
    pub target_dir: Option<PathBuf>,
    /// Where the compiler's words go.
    pub diagnostics: Diagnostics,
    /// No network: cargo uses what it has downloaded before.
    pub offline: bool,
    /// Fail if `Cargo.lock` would change.
    pub locked: bool,
    /// No limit of size: for code that is not installed by message.
    pub any_size: bool,
}

/// A package that says of itself that it is an actor, in its manifest:
///
/// ```toml
/// [package.metadata.boatyard]
/// actor = "counter"
/// opt-level = "3"     # optional: "z" (default), "s" or "3"
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The package's name.
    pub package: String,
    /// The actor's name.
    pub name: String,
    /// The package's folder.
    pub dir: PathBuf,
    /// How to optimise it.
    pub opt_level: OptLevel,
}

/// A finished module.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The package it was made of.
    pub package: String,
    /// The module.
    pub wasm: Vec<u8>,
    /// The actor's ABI as JSON, where it was written with `boatyard-sdk`.
    pub abi: Option<String>,
    /// What the check found out about the module.
    pub facts: Facts,
}

/// A cargo workspace (or a package on its own), and the compiler for it.
#[derive(Debug, Clone)]
pub struct Workspace {
    metadata: Metadata,
    /// The package in whose folder the workspace was opened.
    current: Option<String>,
    toolchain: Toolchain,
}

impl Workspace {
    /// Opens the project in `dir`, or above it, as cargo does.
    ///
    /// # Errors
    /// No usable toolchain, or cargo cannot read the project.
    pub fn open(dir: &Path) -> Result<Self, BuildError> {
        Self::open_with(dir, Toolchain::find(dir)?)
    }

    /// Opens the project in `dir` with this toolchain.
    ///
    /// # Errors
    /// Cargo cannot read the project.
    pub fn open_with(dir: &Path, toolchain: Toolchain) -> Result<Self, BuildError> {
        let failed = |reason: String| BuildError::Metadata {
            dir: dir.to_owned(),
            reason,
        };
        let mut command = MetadataCommand::new();
        command
            .cargo_path(&toolchain.cargo)
            .current_dir(dir)
            .env("RUSTC", &toolchain.rustc)
            .other_options(["--filter-platform".to_owned(), TARGET.to_owned()]);
        let metadata = command.exec().map_err(|error| match error {
            cargo_metadata::Error::CargoMetadata { stderr } => failed(stderr.trim().to_owned()),
            other => failed(other.to_string()),
        })?;
        let here = dir
            .canonicalize()
            .map_err(|error| failed(error.to_string()))?;
        let current = metadata
            .workspace_packages()
            .into_iter()
            .find(|package| {
                folder(package)
                    .canonicalize()
                    .is_ok_and(|folder| folder == here)
            })
            .map(|package| package.name.to_string());
        Ok(Workspace {
            metadata,
            current,
            toolchain,
        })
    }

    /// The compiler in use.
    pub fn toolchain(&self) -> &Toolchain {
        &self.toolchain
    }

    /// The workspace's root folder.
    pub fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// The packages whose manifest names an actor, by package name.
    ///
    /// # Errors
    /// [`BuildError::BadSettings`] for a setting that means nothing.
    pub fn actors(&self) -> Result<Vec<Actor>, BuildError> {
        let mut actors = Vec::new();
        for package in self.metadata.workspace_packages() {
            if let Settings {
                actor: Some(name),
                opt_level,
            } = Settings::of(package)?
            {
                actors.push(Actor {
                    package: package.name.to_string(),
                    name,
                    dir: folder(package).to_owned(),
                    opt_level: opt_level.unwrap_or_default(),
                });
            }
        }
        actors.sort_by(|a, b| a.package.cmp(&b.package));
        Ok(actors)
    }

    /// Builds a package; without a name the one in the folder that was opened,
    /// the only actor, or the only package.
    ///
    /// # Errors
    /// What is wrong with the project, the code or the module it became.
    pub fn build(&self, package: Option<&str>, options: &Options) -> Result<Artifact, BuildError> {
        let package = self.choose(package)?;
        let name = package.name.to_string();
        if !package
            .targets
            .iter()
            .any(|target| is_library(&target.kind))
        {
            return Err(BuildError::NoLibrary { package: name });
        }
        let opt_level = match options.opt_level {
            Some(level) => level,
            None => Settings::of(package)?.opt_level.unwrap_or_default(),
        };
        let path = self.compile(package, opt_level, options)?;
        let linked = std::fs::read(&path).map_err(|source| BuildError::Read { path, source })?;
        let wasm = sections::strip(&linked)?;
        let limit = (!options.any_size).then_some(MAX_MODULE_BYTES);
        let facts = check_module(&wasm, limit).map_err(|problems| BuildError::Refused {
            package: name.clone(),
            problems,
        })?;
        Ok(Artifact {
            abi: sections::abi(&wasm)?,
            package: name,
            wasm,
            facts,
        })
    }

    fn choose(&self, name: Option<&str>) -> Result<&Package, BuildError> {
        let packages = self.metadata.workspace_packages();
        let names = || {
            let mut names: Vec<_> = packages
                .iter()
                .map(|package| package.name.to_string())
                .collect();
            names.sort();
            names
        };
        if let Some(name) = name.or(self.current.as_deref()) {
            return packages
                .iter()
                .copied()
                .find(|package| package.name == name)
                .ok_or_else(|| BuildError::NoSuchPackage {
                    package: name.into(),
                    packages: names(),
                });
        }
        let actors: Vec<_> = self.actors()?;
        match (&actors[..], &packages[..]) {
            ([actor], _) => self.choose(Some(&actor.package)),
            (_, [package]) => Ok(package),
            _ => Err(BuildError::WhichPackage { packages: names() }),
        }
    }

    /// Runs cargo and returns where the module lies.
    fn compile(
        &self,
        package: &Package,
        opt_level: OptLevel,
        options: &Options,
    ) -> Result<PathBuf, BuildError> {
        let name = package.name.to_string();
        let mut command = self.command(package, opt_level, options);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(match options.diagnostics {
                Diagnostics::Show => Stdio::inherit(),
                Diagnostics::Collect => Stdio::piped(),
            });
        let program = self.toolchain.cargo.display().to_string();
        let start = |source| BuildError::Start {
            program: program.clone(),
            source,
        };
        let mut child = command.spawn().map_err(start)?;
        // Both pipes are drained at once, or the one that is full stops cargo.
        let words = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut words = Vec::new();
                // A broken pipe only shortens the explanation of an error.
                let _ = stderr.read_to_end(&mut words);
                String::from_utf8_lossy(&words).into_owned()
            })
        });
        let mut module = None;
        if let Some(stdout) = child.stdout.take() {
            for message in
                Message::parse_stream(std::io::BufReader::new(stdout)).map_while(Result::ok)
            {
                let Message::CompilerArtifact(artifact) = message else {
                    continue;
                };
                if artifact.package_id == package.id && is_library(&artifact.target.kind) {
                    module = artifact
                        .filenames
                        .into_iter()
                        .find(|file| file.extension() == Some("wasm"))
                        .or(module);
                }
            }
        }
        let status = child.wait().map_err(start)?;
        let words = words
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        if !status.success() {
            return Err(BuildError::Compile {
                package: name,
                diagnostics: words.trim().to_owned(),
            });
        }
        module
            .map(PathBuf::from)
            .ok_or(BuildError::NoModule { package: name })
    }

    fn command(&self, package: &Package, opt_level: OptLevel, options: &Options) -> Command {
        let target_dir = match &options.target_dir {
            // Cargo runs in the workspace's root, the path is the caller's.
            Some(dir) => std::path::absolute(dir).unwrap_or_else(|_| dir.clone()),
            None => self
                .metadata
                .target_directory
                .join("wasm-build")
                .into_std_path_buf(),
        };
        let mut command = Command::new(&self.toolchain.cargo);
        environment::clean(&mut command);
        command
            .current_dir(self.root())
            .env("RUSTC", &self.toolchain.rustc)
            .env("CARGO_ENCODED_RUSTFLAGS", self.rustflags().join("\x1f"))
            .args(["rustc", "--lib", "--crate-type", "cdylib", "--package"])
            .arg(package.id.to_string())
            .args(["--target", TARGET, "--profile", PROFILE])
            .args(["--message-format", "json-render-diagnostics"])
            .arg("--target-dir")
            .arg(target_dir);
        for setting in [
            "inherits = \"release\"",
            &format!("opt-level = {}", opt_level.toml()),
            "lto = \"fat\"",
            "codegen-units = 1",
            "panic = \"abort\"",
            "strip = true",
            "debug = false",
            "incremental = false",
            "overflow-checks = true",
        ] {
            command
                .arg("--config")
                .arg(format!("profile.{PROFILE}.{setting}"));
        }
        if self.toolchain.standard == StandardLibrary::FromSource {
            command
                .env("RUSTC_BOOTSTRAP", "1")
                .args(["-Z", "build-std=std,panic_abort"]);
        }
        if let Some(linker) = &self.toolchain.linker {
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        if options.offline {
            command.arg("--offline");
        }
        if options.locked {
            command.arg("--locked");
        }
        command
    }

    fn rustflags(&self) -> Vec<String> {
        let mut flags = vec![
            "-C".to_owned(),
            format!("target-feature={TARGET_FEATURES}"),
            "-C".to_owned(),
            "link-arg=--export-table".to_owned(),
        ];
        flags.extend(
            self.remapped()
                .into_iter()
                .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())),
        );
        flags
    }

    /// What stands in the module (in the messages of panics) for the folders
    /// of this machine. Where several fit a path, the compiler takes the last.
    fn remapped(&self) -> Vec<(PathBuf, String)> {
        let mut folders = vec![(self.root().to_owned(), "/src".to_owned())];
        // All registries at once, for the standard library's own dependencies
        // are not in the project's metadata.
        let registries = environment::registries();
        folders.extend(
            registries
                .iter()
                .map(|dir| (dir.clone(), "/deps".to_owned())),
        );
        for package in &self.metadata.packages {
            let folder = folder(package);
            let covered = folder.starts_with(self.root())
                || registries
                    .iter()
                    .any(|registry| folder.starts_with(registry));
            if !covered {
                let name = format!("/deps/{}-{}", package.name, package.version);
                folders.push((folder.to_owned(), name));
            }
        }
        let sources = self.toolchain.sysroot.join("lib/rustlib/src/rust");
        if let Ok(real) = sources.canonicalize() {
            folders.push((real, "/rust".to_owned()));
        }
        folders.push((sources, "/rust".to_owned()));
        folders
    }
}

/// What a package's manifest says under `[package.metadata.boatyard]`.
#[derive(Default)]
struct Settings {
    actor: Option<String>,
    opt_level: Option<OptLevel>,
}

impl Settings {
    fn of(package: &Package) -> Result<Self, BuildError> {
        let bad = |reason: String| BuildError::BadSettings {
            package: package.name.to_string(),
            reason,
        };
        let Some(table) = package.metadata.get("boatyard") else {
            return Ok(Self::default());
        };
        let table = table
            .as_object()
            .ok_or_else(|| bad("is no table".to_owned()))?;
        let mut settings = Settings::default();
        for (key, value) in table {
            match (key.as_str(), value.as_str()) {
                ("actor", Some(name)) => settings.actor = Some(name.to_owned()),
                ("opt-level", Some(level)) if OptLevel::from_name(level).is_some() => {
                    settings.opt_level = OptLevel::from_name(level);
                }
                ("actor", None) => {
                    return Err(bad("actor is the actor's name, a string".to_owned()));
                }
                ("opt-level", _) => {
                    return Err(bad("opt-level is \"z\", \"s\" or \"3\"".to_owned()));
                }
                _ => return Err(bad(format!("there is no setting `{key}`"))),
            }
        }
        Ok(settings)
    }
}

fn folder(package: &Package) -> &Path {
    package
        .manifest_path
        .as_std_path()
        .parent()
        .expect("a manifest lies in a folder")
}

fn is_library(kinds: &[TargetKind]) -> bool {
    kinds.iter().any(|kind| {
        matches!(
            kind,
            TargetKind::Lib
                | TargetKind::RLib
                | TargetKind::CDyLib
                | TargetKind::DyLib
                | TargetKind::StaticLib
        )
    })
}
