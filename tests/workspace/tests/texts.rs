//! Texts that name things name what is there, and nothing of one machine.

use std::path::Path;

use boatyard_workspace_tests::{files, folder, metadata, root};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Words in backticks that look like a path of this repository.
fn named_paths(text: &str, tops: &[String]) -> Vec<String> {
    // Every second piece between backticks is code.
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| !code.contains(char::is_whitespace) && !code.contains("::"))
        .map(|code| code.trim_end_matches('/'))
        .filter(|code| {
            let top = code.split('/').next().unwrap_or_default();
            code.contains('/') && tops.iter().any(|name| name == top)
        })
        .map(|code| code.trim_end_matches("/*").to_owned())
        .collect()
}

#[test]
fn paths_named_in_the_architecture_exist() {
    let root = root();
    let tops: Vec<String> = std::fs::read_dir(&root)
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let texts = files(&root.join("docs/architecture"), &[".md"]);
    assert!(!texts.is_empty(), "docs/architecture has no text");
    let mut wrong = Vec::new();
    for text in texts {
        for path in named_paths(&read(&text), &tops) {
            // A module may be a file or a folder.
            if !root.join(&path).exists() && !root.join(format!("{path}.rs")).exists() {
                wrong.push(format!(
                    "{}: {path}",
                    text.strip_prefix(&root).unwrap().display()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these are not there:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn paths_are_told_from_other_code() {
    let tops = ["node".to_owned(), "sdk".to_owned()];
    let text = "In `node/vm` and `sdk/actor/`, not `a/b`, `node` or `node/ x`; see `sdk/*`.";
    assert_eq!(named_paths(text, &tops), ["node/vm", "sdk/actor", "sdk"]);
}

#[test]
fn every_crate_opens_with_a_map() {
    let mut wrong = Vec::new();
    for package in metadata().workspace_packages() {
        let opening = package
            .targets
            .iter()
            .filter(|target| target.is_lib() || target.is_proc_macro())
            .map(|target| read(target.src_path.as_std_path()));
        for text in opening {
            let lines = text
                .lines()
                .take_while(|line| line.starts_with("//!"))
                .count();
            let included = text.starts_with("#![doc = include_str!");
            if lines < 3 && !included {
                wrong.push(folder(package));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "lib.rs says too little in: {}",
        wrong.join(", ")
    );
}

#[test]
fn lock_files_name_no_registry_of_one_machine() {
    const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    for file in files(&root(), &["Cargo.lock"]) {
        for line in read(&file)
            .lines()
            .filter(|line| line.starts_with("source = "))
        {
            assert_eq!(line, CRATES_IO, "{}", file.display());
        }
    }
    for file in files(&root(), &["package-lock.json"]) {
        let text = read(&file);
        assert!(
            !text.contains("\"resolved\""),
            "{} names a registry",
            file.display()
        );
    }
}

/// Such a path works for its author only.
#[test]
fn no_path_of_this_machine_is_in_a_source() {
    let mut paths = vec![root().display().to_string()];
    if let Some(home) = std::env::home_dir() {
        paths.extend([".cargo", ".rustup"].map(|dir| home.join(dir).display().to_string()));
    }
    let mut wrong = Vec::new();
    for file in files(
        &root(),
        &[".rs", ".toml", ".md", ".mjs", ".sol", ".json", "Makefile"],
    ) {
        for (number, line) in read(&file).lines().enumerate() {
            if paths.iter().any(|path| line.contains(path.as_str())) {
                wrong.push(format!("{}:{}", file.display(), number + 1));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "a path of this machine is in:\n{}",
        wrong.join("\n")
    );
}
