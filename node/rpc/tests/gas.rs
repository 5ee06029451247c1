//! Money for gas, on the machine that measures it.

mod common;

use boatyard_chain::ChainConfig;
use boatyard_rpc::ServeOptions;
use boatyard_vm::engine::MachineKind;
use common::contract::{hex, init_code};
use common::{TestNode, number};
use serde_json::{Value, json};

async fn balance(node: &TestNode, address: &str) -> u128 {
    let answer = node.call("eth_getBalance", json!([address])).await.unwrap();
    u128::from_str_radix(answer.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

/// Sends and checks that the receipt explains to the last atto what it cost.
async fn send(node: &TestNode, from: &str, transaction: Value) -> Value {
    let before = balance(node, from).await;
    let hash = node
        .call("eth_sendTransaction", json!([transaction]))
        .await
        .unwrap();
    let receipt = node
        .call("eth_getTransactionReceipt", json!([hash]))
        .await
        .unwrap();
    let mined = node
        .call("eth_getTransactionByHash", json!([hash]))
        .await
        .unwrap();
    let value = match receipt["status"].as_str() {
        Some("0x1") => u128::from(number(&mined["value"])),
        _ => 0,
    };
    let lost = before - balance(node, from).await - value;
    let used = u128::from(number(&receipt["gasUsed"]));
    assert!(used > 0, "{receipt}");
    // The price is a quotient, rounded down.
    assert_eq!(
        u128::from(number(&receipt["effectiveGasPrice"])),
        lost / used,
        "{receipt}"
    );
    assert!(used <= u128::from(number(&mined["gas"])), "{mined}");
    receipt
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_explain_what_a_transaction_cost() {
    let node = TestNode::on(
        MachineKind::Fvm,
        ChainConfig::default(),
        ServeOptions::default(),
    )
    .await;
    let accounts = node.accounts();
    let from = accounts[0].clone();
    let transfer = json!({ "from": from, "to": accounts[1], "value": "0x5" });
    let receipt = send(&node, &from, transfer).await;
    assert_eq!(receipt["status"], "0x1");

    let receipt = send(
        &node,
        &from,
        json!({ "from": from, "data": hex(&init_code()) }),
    )
    .await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    let contract = receipt["contractAddress"].clone();
    // With the node's own estimates, and with more than is needed.
    let poke = json!({ "from": from, "to": contract, "data": "0x03" });
    assert_eq!(
        send(&node, &from, poke.clone()).await["logs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let mut generous = poke;
    generous["gas"] = json!(1_000_000_000);
    assert_eq!(send(&node, &from, generous).await["status"], "0x1");
    let reverts =
        json!({ "from": from, "to": contract, "data": "0x02", "value": "0x1", "gas": 100_000_000 });
    assert_eq!(send(&node, &from, reverts).await["status"], "0x0");
    // A price of the old kind.
    let legacy = json!({ "from": from, "to": contract, "data": "0x03", "gasPrice": "0x100000" });
    assert_eq!(send(&node, &from, legacy).await["type"], "0x0");

    let call = json!({ "from": from, "to": contract, "data": "0x03" });
    let limit = number(&node.call("eth_estimateGas", json!([call])).await.unwrap());
    let receipt = send(&node, &from, call.clone()).await;
    let used = number(&receipt["gasUsed"]);
    assert!(used <= limit, "{used} of {limit}");
    let mut short = call;
    short["gas"] = json!(used - used / 20);
    let receipt = send(&node, &from, short).await;
    assert_eq!(receipt["status"], "0x0", "out of gas: {receipt}");
    let hash = &receipt["transactionHash"];
    let trace = node
        .call("boatyard_traceMessage", json!([hash]))
        .await
        .unwrap();
    assert_eq!(trace["exit_code"], 7, "{trace}");
}
