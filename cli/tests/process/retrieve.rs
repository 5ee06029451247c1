//! Files that come back: through other nodes, and for money.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::Node;
use crate::deal::{file, json_lines, node, same};

/// The multiaddr of a URL at an IPv4 address.
fn multiaddr(url: &str) -> String {
    let (host, port) = url
        .trim_start_matches("http://")
        .split_once(':')
        .expect("a host and a port");
    format!("/ip4/{host}/tcp/{port}/http")
}

#[test]
fn a_node_that_it_was_not_stored_through_gets_a_file_by_the_providers_address() {
    let first = node(&[]);
    let directory = TempDir::new().unwrap();
    let mars = file(&directory, "mars.jpg", 1_100);
    let lines = json_lines(&first, &["deal", "make", &mars, "--no-wait"]);
    let deal = lines.last().unwrap();
    let (cid, url) = (
        deal["ipfs_cid"].as_str().unwrap(),
        deal["url"].as_str().unwrap(),
    );
    let address = multiaddr(url);
    let back = directory.path().join("back.jpg");
    let out = back.to_str().unwrap();
    let second = Node::start(&["--quiet"]);
    let get = |provider: &str| {
        let got = second.json(&["retrieve", cid, "-o", out, "--provider", provider]);
        assert_eq!(got["url"], url, "{provider}");
        same(&mars, &back);
        fs::remove_file(&back).unwrap();
    };
    let refused = |code: i32, provider: &str| {
        second.fails(code, &["retrieve", cid, "-o", out, "--provider", provider])
    };
    get(url);
    get(&address);
    get(address.trim_end_matches("/http"));

    // By a miner's address, in every form: first there is none, then it says nothing.
    let words = refused(1, "f09999");
    assert!(words.contains("there is no miner f09999"), "{words}");
    let words = refused(1, "f05");
    assert!(words.contains("f05 is storagemarket"), "{words}");
    let miner = second.json(&["miner", "create", "--from", "1"]);
    let miner = miner["id"].as_str().unwrap();
    let words = refused(1, miner);
    assert!(words.contains("boatyard miner set-addrs"), "{words}");
    let set = |addresses: &[&str]| {
        let args = [&["miner", "set-addrs", miner, "--from", "1"], addresses].concat();
        second.json(&args)
    };
    let told = set(&["/ip4/127.0.0.1/tcp/1"]);
    assert_eq!(told["multiaddrs"], json!(["/ip4/127.0.0.1/tcp/1"]));
    let words = refused(4, miner);
    assert!(words.contains("is not reached where"), "{words}");

    // One of two answers.
    let told = set(&["http://127.0.0.1:1", url]);
    assert_eq!(told["multiaddrs"][1], json!(address));
    assert_eq!(
        second.json(&["miner", "info", miner])["multiaddrs"],
        told["multiaddrs"]
    );
    let id: u64 = miner.trim_start_matches("f0").parse().unwrap();
    get(miner);
    get(&miner.replacen('f', "t", 1));
    get(&format!("0xff{id:038x}"));
    assert_eq!(set(&["--none"])["multiaddrs"], json!([]));
    assert!(refused(1, miner).contains("publishes no address"));
    for wrong in ["https://x.example", "/ip4/0.0.0.0/tcp/1/http", "/tcp/1"] {
        second.fails(1, &["miner", "set-addrs", miner, wrong, "--from", "1"]);
    }
    let words = second.fails(1, &["miner", "set-addrs", "f05", url, "--from", "1"]);
    assert!(words.contains("f05 is storagemarket"), "{words}");
}

fn paid(got: &Value, name: &str) -> u64 {
    got[name].as_str().unwrap().parse().unwrap()
}

#[test]
fn retrievals_are_paid_through_one_channel_as_long_as_it_is_open() {
    let node = node(&["--retrieval-price", "1000"]);
    let directory = TempDir::new().unwrap();
    let small = file(&directory, "small.jpg", 500);
    let large = file(&directory, "large.jpg", 1_000);
    let [small_cid, large_cid] = [&small, &large].map(|file| {
        let lines = json_lines(&node, &["deal", "make", file, "--no-wait"]);
        lines.last().unwrap()["ipfs_cid"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    let back = directory.path().join("back.jpg");
    let out = back.to_str().unwrap();
    let words = node.fails(1, &["retrieve", &large_cid, "-o", out]);
    assert!(words.contains("--max-price"), "{words}");
    assert!(!back.exists());
    let get = |cid: &str, from: &str| {
        let paying = ["--max-price", "1 FIL", "--from", from];
        node.json(&[&["retrieve", cid, "-o", out][..], &paying].concat())
    };
    let show = |got: &Value| node.json(&["paych", "show", got["channel"].as_str().unwrap()]);

    let first = get(&small_cid, "2");
    same(&small, &back);
    assert_eq!(first["channel_opened"], true);
    assert_eq!(first["channel_added"], first["paid"]);
    let second = get(&large_cid, "2");
    same(&large, &back);
    assert_eq!(second["channel"], first["channel"]);
    assert_eq!(second["channel_opened"], false);
    assert_eq!(second["channel_added"], second["paid"]);
    let total = paid(&first, "paid") + paid(&second, "paid");
    let channel = show(&first);
    assert_eq!(channel["balance"], total.to_string());
    assert_eq!(
        (&channel["to"], &channel["owed"]),
        (&json!("f0101"), &json!("0"))
    );

    // Somebody else pays through another one.
    let other = get(&small_cid, "3");
    assert_ne!(other["channel"], first["channel"]);

    // Redeemed to the last attoFIL, and gone on with, from what was redeemed.
    let redeem = [
        "provider",
        "redeem",
        "--channel",
        first["channel"].as_str().unwrap(),
    ];
    let redeemed = node.json(&redeem);
    assert_eq!(redeemed["redeemed"][0]["amount"], total.to_string());
    assert_eq!(redeemed["redeemed"].as_array().unwrap().len(), 1);
    node.json(&["warp", "--epochs", "2"]);
    let channel = show(&first);
    assert_eq!(channel["owed"], total.to_string());
    assert_eq!(channel["lanes"].as_array().unwrap().len(), 1);
    assert_eq!(channel["lanes"][0]["nonce"], 2);
    assert_eq!(node.json(&redeem)["redeemed"], json!([]));

    // What is in it already is not put in again.
    let account = node.json(&["accounts"])[2]["f1"]
        .as_str()
        .unwrap()
        .to_owned();
    let address = first["channel"].as_str().unwrap();
    node.json(&["send", address, "--value", "1 FIL", "--from", &account]);
    let third = get(&small_cid, "2");
    assert_eq!(third["channel"], first["channel"]);
    assert_eq!(third["channel_added"], "0");
    let after = total + paid(&third, "paid");
    assert_eq!(
        node.json(&redeem)["redeemed"][0]["amount"],
        after.to_string()
    );
    node.json(&["warp", "--epochs", "2"]);
    assert_eq!(show(&first)["owed"], after.to_string());

    // A channel that closes is not used any more, nor one that is gone.
    node.json(&["paych", "settle", address, "--from", "2"]);
    let fourth = get(&small_cid, "2");
    assert_eq!(fourth["channel_opened"], true);
    assert_ne!(fourth["channel"], first["channel"]);
    assert_eq!(show(&fourth)["balance"], fourth["paid"]);
    node.json(&["warp", "--days", "1"]);
    let closed = node.json(&["paych", "collect", address, "--from", "2"]);
    assert_eq!(closed["paid"]["amount"], after.to_string());
    let fifth = get(&large_cid, "2");
    assert_eq!(fifth["channel"], fourth["channel"]);
    let total = paid(&fourth, "paid") + paid(&fifth, "paid");
    assert_eq!(show(&fifth)["balance"], total.to_string());
    assert_eq!(node.json(&["check"])["violations"], json!([]));
}
