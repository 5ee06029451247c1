//! A node with storage providers, and time that passes.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::Node;

/// Raw byte power of the network.
fn power(node: &Node) -> Value {
    node.json(&["state", "f04", "total_bytes_committed"])["state"].clone()
}

#[test]
fn providers_prove_while_time_passes_and_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    let flags = [
        "--quiet",
        "--providers",
        "2",
        "--provider-port",
        "0",
        "--data-dir",
        path,
    ];
    let node = Node::start(&flags);
    assert_eq!(power(&node), "4096");
    let warped = node.json(&["warp", "--days", "2"]);
    assert_eq!(warped["epoch"], 2 * 2_880);
    assert_eq!(power(&node), "4096");
    assert_eq!(node.stop("KILL"), None);

    let node = Node::start(&flags);
    let warped = node.json(&["warp", "--to", "8640"]);
    assert_eq!(
        (&warped["from"], &warped["epoch"]),
        (&5_760.into(), &8_640.into())
    );
    assert_eq!(power(&node), "4096");
    let late = node.fails(1, &["warp", "--to", "5"]);
    assert!(late.contains("past 5"), "{late}");
}

#[test]
fn a_damaged_record_keeps_nobody_from_working_and_is_named() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    let flags = ["--quiet", "--machine", "native", "--provider-port", "0"];
    let flags = [&flags[..], &["--providers", "1", "--data-dir", path]].concat();
    let node = Node::start(&flags);
    node.json(&["provider", "pledge"]);
    node.json(&["warp", "--days", "2"]);
    assert_eq!(node.json(&["miner", "faults", "f01000"]), json!([]));
    assert_eq!(node.stop("TERM"), Some(0));
    let record = directory.path().join("providers/f01000/sectors/1/record");
    let mut bytes = fs::read(&record).unwrap();
    bytes.truncate(bytes.len() - 1);
    fs::write(&record, &bytes).unwrap();

    let node = Node::start(&flags);
    let sectors = node.json(&["provider", "sectors"]);
    assert_eq!(
        (&sectors[0]["state"], &sectors[0]["error"]),
        (&json!("active"), &Value::Null)
    );
    assert_eq!(
        (&sectors[1]["state"], &sectors[1]["files"]),
        (&json!("failed"), &json!("corrupt"))
    );
    let error = sectors[1]["error"].as_str().unwrap();
    assert!(error.contains(record.to_str().unwrap()), "{error}");
    let file = directory.path().join("mars.jpg");
    fs::write(&file, [7; 500]).unwrap();
    node.text(&["deal", "make", file.to_str().unwrap()]);
    node.json(&["warp", "--days", "1"]);
    let faults = node.json(&["miner", "faults", "f01000"]);
    assert_eq!(faults.as_array().unwrap().len(), 1, "{faults}");
    assert_eq!(faults[0]["sector"], 1);
    assert_eq!(fs::read(&record).unwrap(), bytes);
    let words = node.fails(1, &["provider", "restore-sector", "1"]);
    assert!(words.contains("boatyard provider terminate 1"), "{words}");
}
