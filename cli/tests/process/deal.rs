//! Files on their way to a storage provider and back, and what goes wrong.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Node, all};
use crate::msig::accounts;

/// A node with a storage provider, and flags of its own.
pub fn node(flags: &[&str]) -> Node {
    let all = [
        &["--quiet", "--providers", "1", "--provider-port", "0"],
        flags,
    ];
    Node::start(&all.concat())
}

/// A file that fits into a sector of 2 KiB.
pub fn file(directory: &TempDir, name: &str, length: usize) -> String {
    let bytes: Vec<u8> = (0..length)
        .map(|index| (index * 7 + length) as u8)
        .collect();
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs a command and gives its lines of JSON.
pub fn json_lines(node: &Node, args: &[&str]) -> Vec<Value> {
    let output = node.run(&[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}\n{}", all(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub fn same(one: &str, other: &Path) {
    assert_eq!(fs::read(one).unwrap(), fs::read(other).unwrap());
}

#[test]
fn a_file_is_stored_looked_at_and_comes_back() {
    let node = node(&[]);
    let directory = TempDir::new().unwrap();
    let mars = file(&directory, "mars.jpg", 1_200);
    let lines = json_lines(&node, &["deal", "make", &mars, "--from", "1"]);
    let deal = lines.last().unwrap();
    assert_eq!(deal["state"], "active");
    assert_eq!(deal["provider"], "f01000");
    assert_eq!(deal["piece_size"], 2_048);
    let (start, end) = (&deal["start_epoch"], &deal["end_epoch"]);
    assert_eq!(end.as_i64().unwrap() - start.as_i64().unwrap(), 180 * 2_880);
    for name in ["deal_id", "sector"] {
        assert!(deal[name].is_u64(), "{name} in {deal}");
    }
    // 954 attoFIL an epoch: half a nanoFIL for a GiB.
    assert_eq!(deal["cost"], (954 * 180 * 2_880).to_string());
    for name in ["ipfs_cid", "piece_cid"] {
        assert!(deal[name].is_string(), "{name} in {deal}");
    }
    let steps: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["step"].as_str())
        .collect();
    for step in [
        "packed",
        "committed",
        "funded",
        "accepted",
        "published",
        "active",
    ] {
        assert!(steps.contains(&step), "{step} in {steps:?}");
    }

    let id = deal["deal_id"].to_string();
    let status = node.json(&["deal", "status", &id]);
    assert_eq!(status["state"], "active");
    assert_eq!(status["ipfs_cid"], deal["ipfs_cid"]);
    assert_eq!(status["sector"], deal["sector"]);
    let order = format!("order:{}", deal["order"]);
    let by_order = node.json(&["deal", "status", &order]);
    assert_eq!(by_order["deal_id"], deal["deal_id"]);
    assert!(node.text(&["deal", "status", &id]).contains("published"));
    let listed = node.json(&["deal", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["state"], "active");
    let f1 = accounts(&node);
    assert_eq!(node.json(&["deal", "list", "--client", &f1[2]]), json!([]));
    let mine = node.json(&["deal", "list", "--client", &f1[1]]);
    assert_eq!(mine[0]["deal_id"], deal["deal_id"]);
    assert_eq!(node.json(&["check"])["violations"], json!([]));

    let back = directory.path().join("back.jpg");
    let out = back.to_str().unwrap();
    for cid in ["ipfs_cid", "piece_cid"] {
        let cid = deal[cid].as_str().unwrap();
        let got = node.json(&["retrieve", cid, "-o", out]);
        assert_eq!((&got["size"], &got["paid"]), (&json!(1_200), &json!("0")));
        same(&mars, &back);
    }
    // Through a node that knows nothing of it, given the provider's address.
    let other = Node::start(&["--quiet"]);
    let (cid, url) = (
        deal["ipfs_cid"].as_str().unwrap(),
        deal["url"].as_str().unwrap(),
    );
    fs::remove_file(&back).unwrap();
    other.json(&["retrieve", cid, "-o", out, "--provider", url]);
    same(&mars, &back);
    let words = other.fails(1, &["retrieve", cid, "-o", out]);
    assert!(
        words.contains("this node has no storage providers"),
        "{words}"
    );
    let words = node.fails(1, &["retrieve", "mars.jpg", "-o", out]);
    assert!(words.contains("is no CID"), "{words}");
    let unknown = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    let words = node.fails(1, &["retrieve", unknown, "-o", out]);
    assert!(words.contains("did not give"), "{words}");

    let words = node.fails(1, &["deal", "status", "77"]);
    assert!(words.contains("there was no deal 77 yet"), "{words}");
}

#[test]
fn what_nobody_keeps_is_refused_with_what_to_do() {
    let node = node(&[]);
    let directory = TempDir::new().unwrap();
    let large = file(&directory, "large.jpg", 5_000);
    let words = node.fails(1, &["deal", "make", &large]);
    assert!(words.contains("--sector-size 8MiB"), "{words}");
    let small = file(&directory, "small.jpg", 100);
    let words = node.fails(1, &["deal", "make", &small, "--duration", "5d"]);
    assert!(words.contains("--duration 180d"), "{words}");
    let words = node.fails(1, &["deal", "make", &small, "--verified"]);
    assert!(words.contains("boatyard verifreg add-client"), "{words}");
    let words = node.fails(1, &["deal", "make", "nowhere.jpg"]);
    assert!(words.contains("nowhere.jpg cannot be read"), "{words}");
    let words = node.fails(1, &["deal", "make", &small, "--provider", "f05"]);
    assert!(words.contains("f05 is storagemarket"), "{words}");
    let words = node.fails(1, &["deal", "make", &small, "--provider", "127.0.0.1:8700"]);
    assert!(words.contains("its multiaddr"), "{words}");
    let lines = json_lines(&node, &["deal", "make", &small, "--no-wait"]);
    assert_eq!(lines.last().unwrap()["deal_id"], Value::Null);
    let alone = Node::start(&["--quiet"]);
    let words = alone.fails(1, &["deal", "make", &small]);
    assert!(words.contains("boatyard node --providers 1"), "{words}");
}

#[test]
fn a_lost_sector_becomes_faulty_and_recovers() {
    let node = node(&[]);
    let directory = TempDir::new().unwrap();
    let mars = file(&directory, "mars.jpg", 500);
    let lines = json_lines(&node, &["deal", "make", &mars]);
    let number = &lines.last().unwrap()["sector"];
    let sector = number.to_string();
    node.json(&["provider", "lose-sector", &sector]);
    let files = |node: &Node| {
        let sectors = node.json(&["provider", "sectors"]);
        let mut all = sectors.as_array().unwrap().iter();
        let found = all.find(|row| row["sector"] == *number);
        found.unwrap()["files"].clone()
    };
    assert_eq!(files(&node), "lost");
    node.json(&["warp", "--days", "2"]);
    let faults = node.json(&["miner", "faults", "f01000"]);
    assert_eq!(faults.as_array().unwrap().len(), 1);
    assert_eq!(faults[0]["sector"], *number);
    let restore = ["provider", "restore-sector", &sector];
    let words = node.fails(1, &restore);
    assert!(
        words.contains("--file FILE hands a file in again"),
        "{words}"
    );
    let restored = node.json(&[&restore[..], &["--file", &mars]].concat());
    assert_eq!(restored["files"], "whole");
    node.json(&["warp", "--days", "2"]);
    assert_eq!(node.json(&["miner", "faults", "f01000"]), json!([]));
    assert_eq!(node.json(&["check"])["violations"], json!([]));

    let words = node.fails(1, &["provider", "lose-sector", "77"]);
    assert!(words.contains("77"), "{words}");
}

#[test]
fn providers_are_listed_stopped_and_told_apart() {
    let node = Node::start(&["--quiet", "--providers", "2", "--provider-port", "0"]);
    let listed = node.json(&["provider", "list"]);
    assert_eq!(listed[0]["miner"], "f01000");
    assert_eq!(listed[1]["sector_size"], 2_048);
    assert!(
        listed[1]["url"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    let words = node.fails(1, &["provider", "stop"]);
    assert!(words.contains("f01000, f01001"), "{words}");
    let stopped = node.json(&["provider", "stop", "--provider", "f01001"]);
    assert_eq!(stopped["stopped"], true);
    assert_eq!(node.json(&["provider", "list"])[1]["stopped"], true);
    node.json(&["provider", "resume", "--provider", "f01001"]);
    assert_eq!(node.json(&["provider", "list"])[1]["stopped"], false);
    let spoilt = node.json(&["provider", "bad-proof", "--provider", "f01000"]);
    assert_eq!(spoilt["bad_proof"], true);
    let well = node.json(&["provider", "bad-proof", "off", "--provider", "f01000"]);
    assert_eq!(well["bad_proof"], false);
    let words = node.fails(1, &["provider", "stop", "--provider", "f099"]);
    assert!(words.contains("f099"), "{words}");
    let nobody = node.fails(4, &["provider", "stop", "--provider", "http://127.0.0.1:1"]);
    assert!(nobody.contains("no storage provider answers"), "{nobody}");
    let alone = Node::start(&["--quiet"]);
    assert_eq!(alone.json(&["provider", "list"]), json!([]));
}

#[test]
fn pledged_capacity_takes_a_file_in() {
    let node = node(&[]);
    let directory = TempDir::new().unwrap();
    let mars = file(&directory, "mars.jpg", 300);
    node.json(&["provider", "pledge"]);
    node.json(&["warp", "--days", "2"]);
    let before = node.json(&["miner", "sectors", "f01000"]);
    assert_eq!(before.as_array().unwrap().len(), 2);
    let make = ["deal", "make", &mars, "--into", "committed-capacity"];
    let lines = json_lines(&node, &make);
    let deal = lines.last().unwrap();
    assert_eq!(deal["state"], "active");
    let sectors = node.json(&["miner", "sectors", "f01000"]);
    let all = sectors.as_array().unwrap();
    assert_eq!(all.len(), 2);
    let used = all
        .iter()
        .find(|row| row["number"] == deal["sector"])
        .unwrap();
    assert_eq!(
        (&used["upgraded"], &used["holds"]),
        (&json!(true), &json!("data"))
    );
}
