//! The reference of the methods is written from the registry.

use std::fmt::Write as _;
use std::path::Path;

use boatyard_rpc::registry::{Method, Paths, Work};

const HEAD: &str = "# JSON-RPC methods

Written by a test of `boatyard-rpc` from the declarations of the methods; do not edit.

One port serves HTTP and WebSocket on `/` and `/rpc/v1`, `/rpc/v0`, `/rpc/v2`. Parameters are an
array; those marked `?` may be left out or null. *stream* needs a WebSocket. A method without
any of its names here is answered with error −32601.
";

fn section(method: &Method) -> &'static str {
    match method.name.split(['_', '.']).next() {
        Some("Filecoin") => "Filecoin",
        Some("boatyard") => "Boatyard",
        Some("eth" | "net" | "web3" | "personal") => "Ethereum",
        _ => "Development",
    }
}

fn entry(method: &Method) -> String {
    let params: Vec<String> = method
        .params
        .iter()
        .map(|param| {
            let mark = if param.optional { "?" } else { "" };
            format!("{}{mark}: {}", param.name, param.shape)
        })
        .collect();
    let mut names = format!("`{}`", method.name);
    for alias in method.aliases {
        write!(names, " · `{alias}`").expect("text grows");
    }
    let mut notes = String::new();
    if let Paths::Only(path) = method.paths {
        write!(notes, " *Only on {}.*", format!("{path:?}").to_lowercase()).expect("text grows");
    }
    if matches!(method.work, Work::Stream(_)) {
        notes.push_str(" *stream*");
    }
    let doc = method.doc.split_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "- {names}  \n  ({}) → {}{notes}  \n  {doc}\n",
        params.join(", "),
        method.result
    )
}

#[test]
fn the_reference_is_what_the_registry_says() {
    let methods = boatyard_rpc::methods();
    let mut text = HEAD.to_owned();
    for title in ["Ethereum", "Filecoin", "Development", "Boatyard"] {
        write!(text, "\n## {title}\n\n").expect("text grows");
        for method in methods.iter().filter(|method| section(method) == title) {
            text.push_str(&entry(method));
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/rpc.md");
    let before = std::fs::read_to_string(&file).unwrap_or_default();
    if before != text {
        std::fs::write(&file, text).expect("docs can be written");
        panic!("docs/reference/rpc.md was out of date and is written anew; commit it");
    }
}

/// Two declarations of one name for one path would make a node fail to start.
#[test]
fn every_name_is_declared_once_and_described() {
    let methods = boatyard_rpc::methods();
    for method in &methods {
        assert!(method.doc.ends_with('.'), "{}: {}", method.name, method.doc);
    }
    boatyard_rpc::registry::Registry::new(methods);
}
