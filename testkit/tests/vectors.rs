//! Every recorded scenario on both machines, one test each.
//!
//! The tests are those of `vectors/INDEX`, which says for each file how many
//! messages it has and whose code they run. A vector of actors that are not written
//! yet is ignored. One more test reads every file and renews the index: a file that
//! no test plays makes it fail.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use boatyard_sdk::{NetworkVariant, Type};
use boatyard_testkit::vectors::format::Vector;
use boatyard_testkit::vectors::{Runner, VectorOutcome, is_written, name, needs, vector_files};
use boatyard_vm::MachineKind;
use libtest_mimic::{Arguments, Failed, Trial};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let index = std::fs::read_to_string(directory().join("INDEX")).unwrap_or_default();
    let mut trials = vec![Trial::test("every_file_is_played", {
        let index = index.clone();
        move || every_file_is_played(&index)
    })];
    for (kind, machine) in [(MachineKind::Native, "native"), (MachineKind::Fvm, "fvm")] {
        let runner = Arc::new(LazyLock::new(move || Runner::new(kind)));
        for line in index.lines() {
            let mut words = line.split_whitespace();
            let vector = words.next().unwrap_or_default().to_owned();
            let unwritten = words
                .skip(1)
                .filter_map(Type::from_name)
                .any(|kind| !written(kind));
            let runner = runner.clone();
            let test = format!("{machine}::{vector}");
            let trial = Trial::test(test, move || plays_as_recorded(&runner, &vector));
            trials.push(trial.with_ignored_flag(unwritten));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn written(kind: Type) -> bool {
    is_written(NetworkVariant::Mainnet, kind)
}

fn plays_as_recorded(runner: &Runner, vector: &str) -> Result<(), Failed> {
    match runner.run_vector(&directory().join(format!("{vector}.json.zst"))) {
        VectorOutcome::Passed { disorders, .. } if disorders.is_empty() => Ok(()),
        other => Err(other.to_string().into()),
    }
}

fn every_file_is_played(index: &str) -> Result<(), Failed> {
    let mut found = String::new();
    for path in vector_files(&directory())? {
        let vector = Vector::load(&path)?;
        let types: Vec<_> = needs::types_run(&vector)
            .iter()
            .map(|kind| kind.name())
            .collect();
        writeln!(
            found,
            "{} {} {}",
            name(&path),
            vector.messages(),
            types.join(" ")
        )?;
        if vector.name != name(&path) || vector.messages() == 0 {
            return Err(format!("{} is called {} inside", path.display(), vector.name).into());
        }
    }
    if found != index {
        std::fs::write(directory().join("INDEX"), found)?;
        return Err("the index has changed: look at vectors/INDEX and commit it".into());
    }
    Ok(())
}
