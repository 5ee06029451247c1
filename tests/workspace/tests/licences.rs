//! Every crate that we link may be linked.

use std::collections::BTreeSet;
use std::process::Command;

use boatyard_workspace_tests::root;

/// Licences that ask for no more than to be named.
const ALLOWED: [&str; 17] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Crates whose licence asks for more, each with the reason why it is fine.
const EXCEPTIONS: [(&str, &str); 0] = [];

/// Whether one may choose only allowed licences from an SPDX expression.
/// Knows `AND`, `OR`, parentheses and the old `/` for `OR`.
fn allowed(expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let verdict = any_of(&words, &mut at);
    verdict && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize) -> bool {
    let mut verdict = all_of(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        verdict |= all_of(words, at);
    }
    verdict
}

fn all_of(words: &[&str], at: &mut usize) -> bool {
    let mut verdict = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        verdict &= one(words, at);
    }
    verdict
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let verdict = any_of(words, at);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return verdict && closed;
    }
    let mut name = (*word).to_owned();
    if words.get(*at) == Some(&"WITH")
        && let Some(exception) = words.get(*at + 1)
    {
        name = format!("{name} WITH {exception}");
        *at += 2;
    }
    ALLOWED.contains(&name.as_str())
}

/// Name with version, and licence, of everything that is built. Asked of
/// `cargo tree`, for `cargo metadata` also lists what no feature switches on.
fn built() -> BTreeSet<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--prefix",
            "none",
            "--format",
            "{p}|{l}",
        ])
        .args(["--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs this test");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_once('|'))
        .map(|(package, licence)| {
            (
                package.to_owned(),
                licence.trim_end_matches(" (*)").to_owned(),
            )
        })
        .collect()
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    let built = built();
    assert!(built.len() > 100, "only {} crates were found", built.len());
    let mut wrong = Vec::new();
    for (package, licence) in &built {
        let excepted = EXCEPTIONS
            .iter()
            .any(|(name, _)| package.split(' ').next() == Some(name));
        if !allowed(licence) && !excepted {
            wrong.push(format!("{package}: {licence}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "look at these and decide:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn expressions_are_read() {
    for (expression, verdict) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("MIT/Apache-2.0", true),
        ("(MIT OR GPL-3.0) AND ISC", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-3.0 WITH LLVM-exception", false),
        ("(MIT", false),
        ("", false),
    ] {
        assert_eq!(allowed(expression), verdict, "{expression}");
    }
}
