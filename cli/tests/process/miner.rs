//! Storage miners: what they are, and what their owners do.

use serde_json::{Value, json};

use crate::common::Node;
use crate::msig::accounts;

const FIL: u128 = 1_000_000_000_000_000_000;

/// A node with two storage providers, f01000 and f01001.
fn node() -> Node {
    Node::start(&["--quiet", "--providers", "2", "--provider-port", "0"])
}

/// The ID address of an account.
fn id(node: &Node, address: &str) -> String {
    let text = node.call("Filecoin.StateLookupID", json!([address, null]));
    text.as_str().unwrap().replace('t', "f")
}

#[test]
fn miners_are_created_and_looked_at() {
    let node = node();
    let f1 = accounts(&node);
    let info = node.json(&["miner", "info", "f01000"]);
    assert_eq!(info["owner"], "f0101");
    assert_eq!(info["sector_size"], 2_048);
    assert_eq!(info["power"]["raw"], "2048");
    assert_eq!(info["power"]["network"], "4096");
    assert_eq!(info["sectors"]["active"], 1);
    assert!(
        node.text(&["miner", "info", "f01000"])
            .contains("50.0 % of the network's")
    );

    let sectors = node.json(&["miner", "sectors", "f01000"]);
    assert_eq!(sectors.as_array().unwrap().len(), 1);
    assert_eq!(sectors[0]["number"], 0);
    assert_eq!(sectors[0]["state"], "active");
    assert_eq!(sectors[0]["holds"], "nothing");
    assert!(
        sectors[0]["sealed"]
            .as_str()
            .unwrap()
            .starts_with("bagboea")
    );

    let own = node.json(&["miner", "deadlines", "f01000"]);
    assert_eq!(own.as_array().unwrap().len(), 1);
    assert_eq!(own[0]["deadline"], sectors[0]["deadline"]);
    assert_eq!(own[0]["live"], 1);
    let all = node.json(&["miner", "deadlines", "f01000", "--all"]);
    assert_eq!(all.as_array().unwrap().len(), 48);

    let open = own[0]["open"].as_i64().unwrap();
    node.json(&["warp", "--to", &(open + 10).to_string()]);
    let proving = node.json(&["miner", "proving", "f01000"]);
    assert_eq!(proving["deadline"], own[0]["deadline"]);
    assert_eq!(proving["open"], open);
    assert_eq!(proving["partitions"][0]["proven"], true);
    assert_eq!(node.json(&["miner", "faults", "f01000"]), json!([]));

    let created = node.json(&["miner", "create", "--from", "1", "--sector-size", "8MiB"]);
    let miner = created["id"].as_str().unwrap();
    let info = node.json(&["miner", "info", miner]);
    assert_eq!(info["owner"], id(&node, &f1[1]));
    assert_eq!(info["sector_size"], 8 << 20);
    assert_eq!(info["vesting"].as_str().unwrap(), info["balance"]);
    assert_eq!(node.json(&["miner", "sectors", miner]), json!([]));
    assert_eq!(node.json(&["check"])["violations"], json!([]));

    // A worker has to have a BLS key.
    let words = node.fails(3, &["miner", "create", "--worker", &f1[2]]);
    assert!(words.contains("the miner was not created"), "{words}");
    for command in ["info", "sectors", "deadlines", "proving", "faults"] {
        let words = node.fails(1, &["miner", command, "f05"]);
        assert!(words.contains("f05 is storagemarket"), "{words}");
    }
}

#[test]
fn sectors_live_longer_and_end_and_faults_are_listed() {
    let node = node();
    node.json(&["miner", "extend", "f01000", "0", "--to", "3600000"]);
    let sectors = node.json(&["miner", "sectors", "f01000"]);
    assert_eq!(sectors[0]["expiration"], 3_600_000);
    let extend = |to| node.fails(3, &["miner", "extend", "f01000", "0", "--to", to]);
    let words = extend("9000000");
    assert!(words.contains("no sector lives longer"), "{words}");

    let words = node.fails(1, &["miner", "terminate", "f01000", "7"]);
    assert!(words.contains("does not prove a sector 7"), "{words}");
    let words = node.fails(3, &["miner", "terminate", "f01000", "0", "--from", "1"]);
    assert!(words.contains("no sector was terminated"), "{words}");
    let ended = node.json(&["miner", "terminate", "f01000", "0"]);
    assert_eq!(ended["sectors"], json!([0]));
    assert_eq!(ended["settled"], true);
    let sectors = node.json(&["miner", "sectors", "f01000"]);
    assert_eq!(sectors[0]["state"], "terminated");
    assert_eq!(node.json(&["miner", "info", "f01000"])["pledge"], "0");

    // The other provider stops to prove.
    node.json(&["provider", "skip-post", "--provider", "f01001"]);
    node.json(&["warp", "--days", "2"]);
    let faults = node.json(&["miner", "faults", "f01001"]);
    assert_eq!(faults.as_array().unwrap().len(), 1);
    assert_eq!(faults[0]["sector"], 0);
    assert!(faults[0]["recovering"].is_boolean(), "{faults}");
    assert!(faults[0]["ends"].as_i64().unwrap() > 100_000);
    assert_eq!(node.json(&["check"])["violations"], json!([]));
}

#[test]
fn money_comes_out_of_a_miner() {
    let node = node();
    let taken = node.json(&["miner", "withdraw", "f01000", "5 FIL"]);
    assert_eq!(taken["withdrawn"], "5000000000000000000");
    assert_eq!(taken["to"], "f0101");
    let attofil = |amount: &Value| amount.as_str().unwrap().parse::<u128>().unwrap();
    let rest = node.json(&["miner", "withdraw", "f01000"]);
    assert!(attofil(&rest["withdrawn"]) > 9_000 * FIL, "{rest}");
    // But for the reward of the block in which it went.
    let info = node.json(&["miner", "info", "f01000"]);
    assert!(attofil(&info["available"]) < 100 * FIL, "{info}");
    let words = node.fails(3, &["miner", "withdraw", "f01000", "1 FIL", "--from", "1"]);
    assert!(words.contains("nothing was withdrawn"), "{words}");
}

#[test]
fn a_miner_changes_hands() {
    let node = node();
    let f1 = accounts(&node);
    let (heir, friend) = (id(&node, &f1[2]), id(&node, &f1[3]));
    let words = node.fails(3, &["miner", "set-owner", "f01000", &heir, "--from", "3"]);
    assert!(words.contains("the owner stays the same"), "{words}");
    let proposed = node.json(&["miner", "set-owner", "f01000", &heir]);
    assert_eq!(
        (&proposed["owner"], &proposed["pending_owner"]),
        (&json!("f0101"), &json!(heir))
    );
    let taken = node.json(&["miner", "set-owner", "f01000", &heir, "--from", &heir]);
    assert_eq!(
        (&taken["owner"], &taken["pending_owner"]),
        (&json!(heir), &Value::Null)
    );

    let set = |rest: &[&str]| {
        let words = [&["miner", "set-beneficiary", "f01000"], rest].concat();
        node.json(&words)
    };
    let words = node.fails(1, &["miner", "set-beneficiary", "f01000", "--agree"]);
    assert!(words.contains("no beneficiary is proposed"), "{words}");
    let words = node.fails(1, &["miner", "set-beneficiary", "f01000", &friend]);
    assert!(words.contains("what the beneficiary may have"), "{words}");
    let terms = ["--quota", "1 FIL", "--until", "5000"];
    let words = [
        &["miner", "set-beneficiary", "f01000", &friend, "--from", "3"],
        &terms[..],
    ];
    assert!(
        node.fails(3, &words.concat())
            .contains("the beneficiary stays the same")
    );
    let proposed = set(&[&[&*friend], &terms[..]].concat());
    assert_eq!(proposed["pending_beneficiary"]["beneficiary_agrees"], true);
    assert_eq!(proposed["pending_beneficiary"]["nominee_agrees"], false);
    let agreed = set(&["--agree", "--from", "3"]);
    assert_eq!(agreed["beneficiary"]["address"], json!(friend));
    assert_eq!(agreed["pending_beneficiary"], Value::Null);
    let taken = node.json(&["miner", "withdraw", "f01000"]);
    assert_eq!(
        (&taken["withdrawn"], &taken["to"]),
        (&json!("1000000000000000000"), &json!(friend))
    );

    let worker = node.call("Filecoin.WalletNew", json!(["bls"]));
    let worker = worker.as_str().unwrap();
    node.json(&["send", worker, "--value", "1 FIL"]);
    let words = node.fails(1, &["miner", "set-worker", "f01000"]);
    assert!(words.contains("nothing is to change"), "{words}");
    let words = node.fails(3, &["miner", "set-worker", "f01000", &f1[3]]);
    assert!(words.contains("the worker stays the same"), "{words}");
    let announced = node.json(&["miner", "set-worker", "f01000", worker, "--control", &f1[4]]);
    assert_eq!(announced["control"], json!([id(&node, &f1[4])]));
    let words = node.fails(1, &["miner", "set-worker", "f01000", "--confirm"]);
    assert!(words.contains("boatyard warp --to"), "{words}");
    let from = announced["pending_worker"]["from"].to_string();
    node.json(&["warp", "--to", &from]);
    let confirmed = node.json(&["miner", "set-worker", "f01000", "--confirm"]);
    assert_eq!(confirmed["worker"], json!(id(&node, worker)));
    assert_eq!(confirmed["pending_worker"], Value::Null);
    assert_eq!(node.json(&["check"])["violations"], json!([]));
}
