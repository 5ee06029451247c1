//! The storage market.

use serde_json::json;

use crate::common::Node;
use crate::msig::accounts;

#[test]
fn money_goes_into_the_market_and_out_again() {
    let node = Node::start(&[]);
    let f1 = accounts(&node);
    let nothing = node.json(&["market", "balance", &f1[1]]);
    assert_eq!(nothing["balance"], "0");
    let added = node.json(&["market", "add-balance", "5 FIL", "--from", "1"]);
    assert_eq!(added["available"], "5000000000000000000");
    // Anybody can give to anybody.
    node.json(&["market", "add-balance", "1 FIL", "--for", &f1[1]]);
    let held = node.json(&["market", "balance", &f1[1]]);
    assert_eq!(held["balance"], "6000000000000000000");
    assert_eq!(node.json(&["check"])["violations"], json!([]));

    let words = node.fails(3, &["market", "withdraw", "1 FIL", "--for", &f1[1]]);
    assert!(words.contains("nothing was taken out"), "{words}");
    let taken = node.json(&["market", "withdraw", "100 FIL", "--from", "1"]);
    assert_eq!(taken["withdrawn"], "6000000000000000000");
    assert_eq!(taken["balance"], "0");

    assert_eq!(node.json(&["market", "deals"]), json!([]));
    assert_eq!(
        node.json(&["market", "deals", "--client", &f1[1]]),
        json!([])
    );
    let words = node.fails(1, &["market", "deal", "7"]);
    assert!(words.contains("there was no deal 7 yet"), "{words}");
    let settled = node.json(&["market", "settle", "7", "9"]);
    assert_eq!(settled["deals"][0]["code"], 32);
    assert_eq!(settled["deals"].as_array().unwrap().len(), 2);
}
