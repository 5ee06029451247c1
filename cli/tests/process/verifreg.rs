//! The verified registry.

use serde_json::json;

use crate::common::Node;
use crate::msig::accounts;

#[test]
fn datacap_goes_from_the_root_to_a_verifier_to_a_client() {
    let node = Node::start(&[]);
    let f1 = accounts(&node);
    let before = node.json(&["verifreg", "verifiers"]);
    assert_eq!(
        (&before["root"], &before["verifiers"]),
        (&json!("f080"), &json!([]))
    );

    let added = node.json(&["verifreg", "add-verifier", &f1[1], "1GiB"]);
    assert_eq!(
        (&added["applied"], &added["code"]),
        (&json!(true), &json!(0))
    );
    let verifiers = node.json(&["verifreg", "verifiers"]);
    assert_eq!(verifiers["verifiers"][0]["datacap"], "1073741824");
    let text = node.text(&["verifreg", "verifiers"]);
    assert!(text.contains("1,073,741,824"), "{text}");

    let words = node.fails(
        3,
        &["verifreg", "add-client", &f1[2], "1MiB", "--from", "3"],
    );
    assert!(words.contains("the client got no datacap"), "{words}");
    node.json(&["verifreg", "add-client", &f1[2], "1MiB", "--from", "1"]);
    let held = node.json(&["verifreg", "datacap", &f1[2]]);
    assert_eq!(held["datacap"], "1048576");
    let all = node.json(&["verifreg", "datacap"]);
    assert_eq!(all["supply"], "1048576");
    assert_eq!(all["holders"].as_array().unwrap().len(), 1);
    assert_eq!(node.json(&["verifreg", "allocations"]), json!([]));
    assert_eq!(node.json(&["verifreg", "claims"]), json!([]));
    assert_eq!(node.json(&["verifreg", "allocations", &f1[2]]), json!([]));

    let removed = node.json(&["verifreg", "remove-expired", &f1[2]]);
    assert_eq!(removed["considered"], json!([]));
    assert_eq!(removed["datacap_recovered"], "0");
    let none = node.json(&["verifreg", "remove-expired", &f1[2], "5"]);
    assert_eq!(none["considered"][0]["code"], 17);
    let claims = node.json(&["verifreg", "remove-expired", "f0101", "--claims"]);
    assert_eq!(claims["considered"], json!([]));
    let words = node.fails(3, &["verifreg", "extend-claim", "f0101", "1", "600000"]);
    assert!(words.contains("there is no such claim"), "{words}");

    node.json(&["verifreg", "remove-verifier", &f1[1]]);
    assert_eq!(
        node.json(&["verifreg", "verifiers"])["verifiers"],
        json!([])
    );
    assert_eq!(node.json(&["check"])["violations"], json!([]));
}

#[test]
fn what_the_registry_refuses_is_told() {
    let node = Node::start(&[]);
    let f1 = accounts(&node);
    // The root's wallet takes the proposal, the registry does not.
    let words = node.fails(3, &["verifreg", "add-verifier", &f1[1], "255"]);
    assert!(words.contains("the registry refused"), "{words}");
    assert!(words.contains("exit code 16"), "{words}");
    let words = node.fails(
        3,
        &["verifreg", "add-verifier", &f1[1], "1GiB", "--from", "4"],
    );
    assert!(words.contains("was not proposed"), "{words}");
    let words = node.fails(2, &["verifreg", "add-verifier", &f1[1], "much"]);
    assert!(words.contains("512MiB"), "{words}");
}
