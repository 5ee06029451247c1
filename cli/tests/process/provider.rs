//! A node with storage providers, and time that passes.

use serde_json::Value;
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
