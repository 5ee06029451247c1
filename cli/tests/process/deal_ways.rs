//! Deals by other ways than the plain one: with datacap into committed capacity, on a
//! node whose epochs pass by the clock, and on one where they pass on request only.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Node, command};
use crate::deal::{file, json_lines, node};
use crate::msig::accounts;

/// A sector as the chain has it.
fn sector(node: &Node, number: &Value) -> Value {
    node.call(
        "Filecoin.StateSectorGetInfo",
        json!(["f01000", number, null]),
    )
}

#[test]
fn a_verified_deal_in_committed_capacity_keeps_its_claim_when_its_sector_lives_longer() {
    let node = node(&["--machine", "native"]);
    let f1 = accounts(&node);
    node.json(&["verifreg", "add-verifier", &f1[1], "1GiB"]);
    node.json(&["verifreg", "add-client", &f1[2], "1MiB", "--from", "1"]);
    node.json(&["provider", "pledge"]);
    node.json(&["warp", "--days", "2"]);
    let directory = TempDir::new().unwrap();
    let mars = file(&directory, "mars.jpg", 700);
    let make = ["deal", "make", &mars, "--from", "2", "--verified"];
    let lines = json_lines(
        &node,
        &[&make[..], &["--into", "committed-capacity"]].concat(),
    );
    let deal = lines.last().unwrap();
    assert_eq!(
        (&deal["state"], &deal["verified"]),
        (&json!("active"), &json!(true))
    );
    let number = &deal["sector"];
    let on_chain = sector(&node, number);
    assert_ne!(on_chain["SectorKeyCID"], Value::Null, "{on_chain}");
    assert_eq!(on_chain["DealWeight"], "0");
    assert_ne!(on_chain["VerifiedDealWeight"], "0");
    let claims = node.json(&["verifreg", "claims", "f01000"]);
    assert_eq!(claims.as_array().unwrap().len(), 1);
    assert_eq!(&claims[0]["sector"], number);
    assert_eq!(claims[0]["size"].to_string().trim_matches('"'), "1024");
    assert_eq!(node.json(&["verifreg", "allocations"]), json!([]));
    let held = node.json(&["verifreg", "datacap", &f1[2]]);
    assert_eq!(held["datacap"], ((1 << 20) - 1_024).to_string());
    let retrieved = directory.path().join("back.jpg");
    let cid = deal["ipfs_cid"].as_str().unwrap();
    node.json(&["retrieve", cid, "-o", retrieved.to_str().unwrap()]);
    crate::deal::same(&mars, &retrieved);

    // Two days of proofs give it its power: ten times that of its bytes for what is
    // verified, half of the sector, and another sector without data.
    node.json(&["warp", "--days", "2"]);
    let power = node.json(&["miner", "info", "f01000"])["power"].clone();
    assert_eq!(power["raw"], "4096");
    let quality: u64 = power["quality_adjusted"].as_str().unwrap().parse().unwrap();
    assert!(quality > 10_000, "{power}");

    // Longer, as far as the claim goes; by either command.
    let claim = node.call("Filecoin.StateGetClaims", json!(["f01000", null]));
    let claim = claim.as_object().unwrap().values().next().unwrap().clone();
    let end = claim["TermStart"].as_i64().unwrap() + claim["TermMax"].as_i64().unwrap();
    let text = number.to_string();
    let (sooner, last, later) = (
        (end - 2_880).to_string(),
        end.to_string(),
        (end + 2_880).to_string(),
    );
    let weight = || sector(&node, number)["VerifiedDealWeight"].clone();
    node.json(&["miner", "extend", "f01000", &text, "--to", &sooner]);
    assert_eq!(sector(&node, number)["Expiration"], end - 2_880);
    assert_ne!(weight(), "0");
    node.json(&["provider", "extend", &text, "--expiration", &last]);
    node.json(&["warp", "--epochs", "2"]);
    assert_eq!(sector(&node, number)["Expiration"], end);
    assert_ne!(weight(), "0");
    let after = node.json(&["verifreg", "claims", "f01000"]);
    assert_eq!(after, claims);

    let words = node.fails(1, &["provider", "extend", &text, "--expiration", &later]);
    for expected in [
        "lasts until epoch",
        &last,
        "have its client extend the claim",
    ] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    let words = node.fails(3, &["miner", "extend", "f01000", &text, "--to", &later]);
    assert!(words.contains("no sector lives longer"), "{words}");
    assert!(words.contains("claim"), "{words}");
    assert!(words.contains(&last), "{words}");
    assert_eq!(sector(&node, number)["Expiration"], end);
    assert_eq!(node.json(&["verifreg", "claims", "f01000"]), claims);
    assert_eq!(node.json(&["check"])["violations"], json!([]));
}

#[test]
fn a_file_that_is_kept_already_is_stored_once_more() {
    let node = node(&["--machine", "native"]);
    let directory = TempDir::new().unwrap();
    let mars = file(&directory, "mars.jpg", 1_100);
    let mut sectors = Vec::new();
    for _ in 0..2 {
        let lines = json_lines(&node, &["deal", "make", &mars]);
        let deal = lines.last().unwrap();
        assert_eq!(deal["state"], "active");
        sectors.push(deal["sector"].clone());
    }
    assert_ne!(sectors[0], sectors[1]);
}

#[test]
fn a_deal_is_made_while_epochs_pass_by_the_clock() {
    let node = node(&["--machine", "native", "--block-time", "1"]);
    let directory = TempDir::new().unwrap();
    let mars = file(&directory, "mars.jpg", 1_100);
    let lines = json_lines(&node, &["deal", "make", &mars]);
    let deal = lines.last().unwrap();
    assert_eq!(deal["state"], "active");
    let steps: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["step"].as_str())
        .collect();
    let expected = ["packed", "committed", "funded", "accepted", "published"];
    assert_eq!(steps[..5], expected);
    assert_eq!(steps.last(), Some(&"active"));
}

#[test]
fn a_deal_that_waits_for_epochs_says_so_and_does_not_wait_for_ever() {
    let node = node(&["--machine", "native", "--no-mining"]);
    let directory = TempDir::new().unwrap();
    let mars = file(&directory, "mars.jpg", 1_100);
    let make = ["deal", "make", &mars, "--timeout", "4"];
    // For its payment, then for its order.
    let words = node.fails(1, &make);
    assert!(words.contains("cannot be put into the market"), "{words}");
    assert!(words.contains("until somebody mines"), "{words}");
    node.json(&["warp", "--epochs", "1"]);
    let words = node.fails(1, &make);
    for expected in [
        "no epoch has passed",
        "the deal is accepted",
        "boatyard warp --epochs 30",
        "boatyard deal status order:1",
    ] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    node.json(&["warp", "--epochs", "30"]);
    let status = node.json(&["deal", "status", "order:1"]);
    assert_eq!(status["state"], "active", "{status}");
}

#[test]
fn epochs_that_somebody_else_lets_pass_finish_a_deal() {
    let node = node(&["--machine", "native", "--no-mining"]);
    let directory = TempDir::new().unwrap();
    let mars = file(&directory, "mars.jpg", 1_100);
    let mut child = command(&["deal", "make", &mars, "--json", "--rpc", &node.url])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut steps = Vec::new();
    let mut last = Value::Null;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        last = serde_json::from_str(&line.unwrap()).unwrap();
        let Some(step) = last["step"].as_str() else {
            continue;
        };
        match step {
            "waiting" => {
                assert!(last["help"].as_str().unwrap().contains("boatyard warp"));
                // Its payment comes.
                while node.call("boatyard_nodeInfo", json!([]))["pending"] == 0 {}
                node.json(&["warp", "--epochs", "1"]);
            }
            "accepted" => {
                node.json(&["warp", "--epochs", "30"]);
            }
            _ => {}
        }
        steps.push(step.to_owned());
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(last["state"], "active", "{last}");
    let expected = [
        "packed",
        "committed",
        "waiting",
        "funded",
        "accepted",
        "published",
    ];
    assert_eq!(steps[..6], expected, "{steps:?}");
}

/// What deals lock that are not published yet is known, so each is paid for once.
#[test]
fn deals_that_wait_are_paid_for_once() {
    let node = node(&[]);
    let directory = TempDir::new().unwrap();
    let make = |name: &str, length| {
        let path = file(&directory, name, length);
        json_lines(&node, &["deal", "make", &path, "--no-wait"])
    };
    let funded = |lines: &[Value]| {
        let step = lines.iter().find(|line| line["step"] == "funded").unwrap();
        step["needed"].is_string()
    };
    // The same price for each: pieces of 256 bytes.
    let one = make("0.txt", 50);
    assert!(
        !funded(&one),
        "the first one puts its price into the market"
    );
    let locked = one.last().unwrap()["cost"].as_str().unwrap().to_owned();
    let client = one.last().unwrap()["client"].as_str().unwrap();
    node.json(&[
        "market",
        "add-balance",
        &format!("{locked} attoFIL"),
        "--for",
        client,
    ]);
    node.json(&[
        "market",
        "add-balance",
        &format!("{locked} attoFIL"),
        "--for",
        client,
    ]);
    node.call("evm_setAutomine", json!([false]));
    for (name, length) in [("1.txt", 51), ("2.txt", 52)] {
        assert!(funded(&make(name, length)), "{name} finds its price there");
    }
    node.call("evm_setAutomine", json!([true]));
    node.json(&["warp", "--epochs", "300"]);
    let deals = node.json(&["deal", "list"]);
    let states: Vec<&Value> = deals
        .as_array()
        .unwrap()
        .iter()
        .map(|deal| &deal["state"])
        .collect();
    assert_eq!(states, ["active"; 3]);
    let held = node.json(&["market", "balance", client]);
    assert_eq!(held["available"], "0", "{held}");
}
