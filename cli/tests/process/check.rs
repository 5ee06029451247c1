//! States of running nodes, of stopped ones, and in files.

use boatyard_vm::state::StateTree;
use boatyard_vm::store::SharedStore;
use fvm_ipld_blockstore::Blockstore as _;
use fvm_ipld_car::{Block, CarHeader, CarReader, CarWriter};
use fvm_shared::econ::TokenAmount;
use serde_json::json;

use crate::common::{Node, all, all_words, command};

#[test]
fn a_devnet_is_in_order_whatever_happens_on_it() {
    let node = Node::start(&[]);
    let report = node.json(&["check"]);
    assert_eq!(report["violations"], json!([]), "{report:#}");
    assert_eq!(report["epoch"], 0);

    node.json(&["send", "f099", "--value", "1 FIL"]);
    node.json(&[
        "send",
        "0x00000000000000000000000000000000b0a7b0a7",
        "--value",
        "1 FIL",
    ]);
    node.call(
        "anvil_setBalance",
        json!(["0x00000000000000000000000000000000b0a7b0a7", "0x10"]),
    );
    node.call("boatyard_advance", json!([3_000]));
    let text = node.text(&["check"]);
    assert!(text.contains("everything holds"), "{text}");
    assert!(text.contains("all balances"), "{text}");
    let before = node.json(&["check", "--block", "1"]);
    assert_eq!(
        (&before["epoch"], &before["violations"]),
        (&json!(1), &json!([]))
    );
    assert!(
        node.fails(1, &["check", "--block", "999999"])
            .contains("future epoch")
    );
    assert!(
        node.fails(2, &["check", "--network", "harbour"])
            .contains("calibration")
    );
}

#[test]
fn the_state_of_a_stopped_node_is_read_from_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let output = command(&["check", "--data-dir", path]).output().unwrap();
    assert!(
        all_words(&output).contains("there is no chain in"),
        "{}",
        all(&output)
    );

    let node = Node::start(&["--data-dir", path]);
    node.json(&["send", "f099", "--value", "1 FIL"]);
    let head = node.json(&["check"]);
    let output = command(&["check", "--data-dir", path]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        all_words(&output).contains("another node uses it"),
        "{}",
        all(&output)
    );
    assert_eq!(node.stop("INT"), Some(0));

    let output = command(&["check", "--data-dir", path, "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", all(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report, head);
}

#[test]
fn a_broken_state_in_a_file_is_told_from_a_good_one() {
    let node = Node::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let good = file("good.json");
    let dumped = node.call("anvil_dumpState", json!([]));
    std::fs::write(&good, dumped.to_string()).unwrap();
    let text = node.text(&["check", "--car", &good]);
    assert!(text.contains("everything holds"), "{text}");

    // Somebody has less than nothing, and an address that nobody knows of.
    let hex = dumped.as_str().unwrap().trim_start_matches("0x").to_owned();
    let packed = hex::decode(hex).unwrap();
    let store = SharedStore::memory();
    let car = CarReader::new(flate2::read::GzDecoder::new(packed.as_slice())).unwrap();
    let blocks: Vec<Block> = car.map(|block| block.unwrap()).collect();
    for block in &blocks {
        store.put_keyed(&block.cid, &block.data).unwrap();
    }
    let root = node.json(&["check"])["root"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let mut tree = StateTree::load(store.clone(), &root).unwrap();
    let mut actor = tree.actor(102).unwrap().unwrap();
    actor.balance = -TokenAmount::from_whole(1);
    tree.set_actor(102, actor);
    tree.delete_actor(103);
    let root = tree.flush().unwrap();
    let broken = file("broken.car");
    let mut written = Vec::new();
    let mut writer = CarWriter::new(CarHeader::new(vec![root], 1), &mut written).unwrap();
    for cid in reachable(&store, root) {
        let data = store.get(&cid).unwrap().unwrap();
        writer.write(Block { cid, data }).unwrap();
    }
    writer.flush().unwrap();
    drop(writer);
    std::fs::write(&broken, written).unwrap();
    let output = command(&["check", "--car", &broken, "--json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", all(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let texts = report["violations"].to_string();
    assert!(texts.contains("its balance is -1.0 FIL"), "{texts}");
    assert!(
        texts.contains("is mapped to f0103, which is no account of this key"),
        "{texts}"
    );
    let words = node.fails(1, &["check", "--car", &broken]);
    assert!(words.contains("2 things do not hold"), "{words}");

    for (name, content, words) in [
        ("nothing.car", &b""[..], "is no CAR file"),
        ("text.car", b"harbour", "is no CAR file"),
        ("hex.json", b"0xzz", "cannot be read"),
        ("pack.gz", b"\x1f\x8bharbour", "is no CAR file"),
    ] {
        let path = file(name);
        std::fs::write(&path, content).unwrap();
        let said = node.fails(1, &["check", "--car", &path]);
        assert!(said.contains(words), "{name}: {said}");
    }
    assert!(
        node.fails(1, &["check", "--car", "nowhere.car"])
            .contains("cannot be read")
    );
}

/// Every block below a root that there is.
fn reachable(store: &SharedStore, root: cid::Cid) -> Vec<cid::Cid> {
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(cid) = open.pop() {
        if found.contains(&cid) {
            continue;
        }
        let Some(block) = store.get(&cid).unwrap() else {
            continue;
        };
        found.push(cid);
        if cid.codec() == fvm_ipld_encoding::DAG_CBOR {
            type Codec = serde_ipld_dagcbor::codec::DagCborCodec;
            open.extend(<Codec as ipld_core::codec::Links>::links(&block).unwrap());
        }
    }
    found
}
