//! Wallets with several signers.

use serde_json::{Value, json};

use crate::common::Node;

/// Filecoin addresses of the first accounts.
pub fn accounts(node: &Node) -> Vec<String> {
    let accounts = node.json(&["accounts"]);
    let accounts = accounts.as_array().unwrap().iter();
    accounts
        .map(|account| account["f1"].as_str().unwrap().to_owned())
        .collect()
}

fn create(node: &Node, threshold: &str) -> (String, Vec<String>) {
    let f1 = accounts(node);
    let created = node.json(&[
        "msig",
        "create",
        &f1[0],
        &f1[1],
        &f1[2],
        "--threshold",
        threshold,
        "--value",
        "10 FIL",
    ]);
    (created["id"].as_str().unwrap().to_owned(), f1)
}

#[test]
fn a_transfer_takes_as_many_approvals_as_the_wallet_asks_for() {
    let node = Node::start(&[]);
    let (wallet, f1) = create(&node, "2");
    let before: Value = node.json(&["accounts"])[5]["f1_balance"].clone();
    let proposed = node.json(&["msig", "propose", &wallet, &f1[5], "--value", "4 FIL"]);
    assert_eq!(
        (&proposed["transaction"], &proposed["applied"]),
        (&json!(0), &json!(false))
    );

    let shown = node.json(&["msig", "inspect", &wallet]);
    assert_eq!(shown["threshold"], 2);
    assert_eq!(shown["available"], "10000000000000000000");
    assert_eq!(shown["pending"][0]["method_name"], "transfer");
    assert_eq!(shown["pending"][0]["approved"].as_array().unwrap().len(), 1);
    let text = node.text(&["msig", "inspect", &wallet]);
    assert!(text.contains("2 of 3") && text.contains("4 FIL"), "{text}");

    let stranger = node.fails(3, &["msig", "approve", &wallet, "0", "--from", "7"]);
    assert!(
        stranger.contains("the transaction was not approved"),
        "{stranger}"
    );
    let approved = node.json(&["msig", "approve", &wallet, "0", "--from", "1"]);
    assert_eq!(
        (&approved["applied"], &approved["code"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(before, "10000000000000000000000");
    assert_eq!(
        node.json(&["accounts"])[5]["f1_balance"],
        "10004000000000000000000"
    );
    let gone = node.fails(1, &["msig", "approve", &wallet, "0", "--from", "1"]);
    assert!(gone.contains("may have been executed already"), "{gone}");
    assert_eq!(node.json(&["check"])["violations"], json!([]));
}

#[test]
fn what_the_wallet_does_has_names_and_may_fail() {
    let node = Node::start(&[]);
    let (wallet, f1) = create(&node, "1");
    // A method of a native actor by its name; nobody but the power actor may call it.
    let words = node.fails(
        3,
        &[
            "msig",
            "propose",
            &wallet,
            "f02",
            "UpdateNetworkKPI",
            "null",
        ],
    );
    assert!(
        words.contains("the transaction was executed and failed"),
        "{words}"
    );
    assert!(words.contains("exit code 18"), "{words}");
    let read = node.json(&["msig", "propose", &wallet, "f07", "TotalSupply"]);
    assert_eq!(
        (&read["code"], &read["return"]),
        (&json!(0), &json!("0")),
        "{read}"
    );

    node.json(&["msig", "threshold", &wallet, "2"]);
    let added = node.json(&["msig", "add-signer", &wallet, &f1[3], "--increase"]);
    assert_eq!(added["applied"], false);
    let id = added["transaction"].to_string();
    let pending = node.json(&["msig", "inspect", &wallet])["pending"][0].clone();
    assert_eq!(pending["method_name"], "AddSigner");
    assert_eq!(pending["params"]["increase"], true);
    let words = node.fails(3, &["msig", "cancel", &wallet, &id, "--from", "1"]);
    assert!(words.contains("was not cancelled"), "{words}");
    node.json(&["msig", "approve", &wallet, &id, "--from", "2"]);
    let shown = node.json(&["msig", "inspect", &wallet]);
    assert_eq!(shown["signers"].as_array().unwrap().len(), 4);
    assert_eq!(shown["threshold"], 3);

    let swap = node.json(&["msig", "swap-signer", &wallet, &f1[3], &f1[4]]);
    let cancelled = node.json(&["msig", "cancel", &wallet, &swap["transaction"].to_string()]);
    assert_eq!(cancelled["cancelled"], true);
    let removed = node.json(&["msig", "remove-signer", &wallet, &f1[3], "--decrease"]);
    let id = removed["transaction"].to_string();
    for signer in ["1", "2"] {
        node.json(&["msig", "approve", &wallet, &id, "--from", signer]);
    }
    assert_eq!(node.json(&["msig", "inspect", &wallet])["threshold"], 2);
}

#[test]
fn locked_money_gets_free_little_by_little() {
    let node = Node::start(&[]);
    let f1 = accounts(&node);
    let created = node.json(&["msig", "create", &f1[0]]);
    let wallet = created["robust"].as_str().unwrap();
    node.json(&["send", wallet, "--value", "10 FIL", "--from", "1"]);
    node.json(&["msig", "lock", wallet, "10 FIL", "--unlock", "1000"]);
    let words = node.fails(3, &["msig", "propose", wallet, &f1[1], "--value", "9 FIL"]);
    assert!(
        words.contains("the transaction was not proposed"),
        "{words}"
    );
    let locked = node.json(&["msig", "inspect", wallet]);
    assert_eq!(locked["lock"]["duration"], 1000);
    node.call("boatyard_advance", json!([500]));
    let half = node.json(&["msig", "inspect", wallet]);
    assert!(
        half["locked"].as_str().unwrap().len() < locked["locked"].as_str().unwrap().len()
            || half["locked"] != locked["locked"]
    );
    node.call("boatyard_advance", json!([500]));
    assert_eq!(node.json(&["msig", "inspect", wallet])["locked"], "0");
    let sent = node.json(&["msig", "propose", wallet, &f1[1], "--value", "10 FIL"]);
    assert_eq!(sent["applied"], true);
}

#[test]
fn mistakes_are_explained() {
    let node = Node::start(&[]);
    let (wallet, f1) = create(&node, "2");
    for (args, words) in [
        (
            vec!["msig", "inspect", "f05"],
            "f05 is storagemarket, not multisig",
        ),
        (
            vec!["msig", "inspect", "f0999999"],
            "there is no actor at f0999999",
        ),
        (
            vec!["msig", "propose", &wallet, &f1[0]],
            "there is nothing to propose",
        ),
        (
            vec!["msig", "propose", &wallet, "f02", "Award"],
            "did you mean AwardBlockReward?",
        ),
        (
            vec!["msig", "approve", &wallet, "3"],
            "no transaction 3 waits",
        ),
    ] {
        let said = node.fails(1, &args);
        assert!(said.contains(words), "{args:?}\n{said}");
    }
    let said = node.fails(3, &["msig", "create", &f1[0], "--threshold", "2"]);
    assert!(said.contains("the wallet was not created"), "{said}");
}
