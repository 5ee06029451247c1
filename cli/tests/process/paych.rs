//! Payment channels.

use serde_json::json;

use crate::common::Node;
use crate::msig::accounts;

#[test]
fn a_channel_is_opened_paid_from_and_closed() {
    let node = Node::start(&[]);
    let f1 = accounts(&node);
    let created = node.json(&["paych", "create", &f1[1], "--value", "10 FIL"]);
    let channel = created["id"].as_str().unwrap();

    let first = node.json(&["paych", "voucher", "create", channel, "2 FIL"]);
    assert_eq!((&first["lane"], &first["nonce"]), (&json!(0), &json!(1)));
    let text = first["voucher"].as_str().unwrap();
    let verified = node.json(&["paych", "voucher", "verify", text]);
    assert_eq!(verified["pays"], "2000000000000000000");
    assert_eq!(verified["problems"], json!([]));
    let redeemed = node.json(&["paych", "voucher", "redeem", text, "--from", "1"]);
    assert_eq!(redeemed["paid"], "2000000000000000000");

    // Once is enough, and the next one continues.
    let words = node.fails(1, &["paych", "voucher", "verify", text]);
    assert!(words.contains("nonce 1 of a voucher for lane 0"), "{words}");
    let words = node.fails(3, &["paych", "voucher", "redeem", text, "--from", "1"]);
    assert!(words.contains("was not redeemed"), "{words}");
    let second = node.text(&[
        "paych", "voucher", "create", channel, "5 FIL", "--secret", "0xbeef", "--quiet",
    ]);
    let second = second.trim();
    let words = node.fails(3, &["paych", "voucher", "redeem", second, "--from", "1"]);
    assert!(words.contains("was not redeemed"), "{words}");
    let redeemed = node.json(&[
        "paych", "voucher", "redeem", second, "--secret", "0xbeef", "--from", "1",
    ]);
    assert_eq!(redeemed["owed"], "5000000000000000000");
    let lane = node.json(&[
        "paych", "voucher", "create", channel, "1 FIL", "--lane", "7",
    ]);
    node.json(&[
        "paych",
        "voucher",
        "redeem",
        lane["voucher"].as_str().unwrap(),
        "--from",
        "1",
    ]);
    let shown = node.json(&["paych", "show", channel]);
    assert_eq!(shown["owed"], "6000000000000000000");
    assert_eq!(shown["lanes"].as_array().unwrap().len(), 2);
    assert_eq!(node.json(&["check"])["violations"], json!([]));

    assert!(
        node.fails(1, &["paych", "collect", channel])
            .contains("is open")
    );
    let settling = node.json(&["paych", "settle", channel, "--from", "1"]);
    assert!(settling["settling_at"].as_i64().unwrap() > 1_440);
    assert!(
        node.fails(1, &["paych", "collect", channel])
            .contains("closes in epoch")
    );
    node.call("boatyard_advance", json!([1_440]));
    let collected = node.json(&["paych", "collect", channel]);
    assert_eq!(collected["paid"]["amount"], "6000000000000000000");
    assert_eq!(collected["returned"]["amount"], "4000000000000000000");
    assert_eq!(
        node.json(&["accounts"])[1]["f1_balance"]
            .as_str()
            .unwrap()
            .len(),
        23
    );
    assert!(
        node.fails(1, &["paych", "show", channel])
            .contains("there is no actor")
    );
    assert_eq!(node.json(&["check"])["violations"], json!([]));
}

#[test]
fn vouchers_of_others_are_worth_nothing() {
    let node = Node::start(&[]);
    let f1 = accounts(&node);
    let created = node.json(&["paych", "create", &f1[1], "--value", "1 FIL"]);
    let channel = created["id"].as_str().unwrap();
    let words = node.fails(
        1,
        &[
            "paych", "voucher", "create", channel, "1 FIL", "--from", "2",
        ],
    );
    assert!(words.contains("has no part in"), "{words}");
    let large = node.json(&["paych", "voucher", "create", channel, "2 FIL"]);
    let words = node.fails(
        1,
        &[
            "paych",
            "voucher",
            "verify",
            large["voucher"].as_str().unwrap(),
        ],
    );
    assert!(
        words.contains("the voucher cannot be redeemed now"),
        "{words}"
    );
    let late = node.json(&[
        "paych",
        "voucher",
        "create",
        channel,
        "1 FIL",
        "--valid-from",
        "500",
        "--valid-to",
        "600",
        "--open-until",
        "900",
        "--merge",
        "3:4",
    ]);
    let words = node.fails(
        1,
        &[
            "paych",
            "voucher",
            "verify",
            late["voucher"].as_str().unwrap(),
        ],
    );
    assert!(words.contains("it is good from epoch 500 on"), "{words}");
    for (args, words) in [
        (
            vec!["paych", "voucher", "verify", "harbour"],
            "this is no voucher",
        ),
        (vec!["paych", "show", "f05"], "f05 is storagemarket"),
        (vec!["paych", "settle", "f02"], "f02 is reward"),
    ] {
        let said = node.fails(1, &args);
        assert!(said.contains(words), "{args:?}\n{said}");
    }
}
