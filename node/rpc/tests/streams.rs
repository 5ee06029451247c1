//! What is told over a WebSocket, and what is polled instead.

mod common;

use common::contract::{TOPIC, hex, init_code};
use common::{Socket, TestNode, number};
use serde_json::{Value, json};

async fn contract(node: &TestNode) -> String {
    let from = node.accounts()[0].clone();
    let transaction = json!([{ "from": from, "data": hex(&init_code()) }]);
    let hash = node.call("eth_sendTransaction", transaction).await.unwrap();
    let receipt = node
        .call("eth_getTransactionReceipt", json!([hash]))
        .await
        .unwrap();
    receipt["contractAddress"].as_str().unwrap().to_owned()
}

async fn log(node: &TestNode, contract: &str) -> Value {
    let from = node.accounts()[0].clone();
    let transaction = json!([{ "from": from, "to": contract, "data": "0x03" }]);
    node.call("eth_sendTransaction", transaction).await.unwrap()
}

async fn told(socket: &mut Socket, subscription: &Value) -> Value {
    let frame = socket.notification().await;
    assert_eq!(frame["method"], "eth_subscription", "{frame}");
    assert_eq!(frame["params"]["subscription"], *subscription);
    assert!(frame.get("id").is_none(), "{frame}");
    frame["params"]["result"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_are_told_of_heads_logs_and_pending_transactions() {
    let node = TestNode::start().await;
    let contract = contract(&node).await;
    let mut heads = node.socket("/rpc/v1").await;
    let mut logs = node.socket("/").await;
    let mut pending = node.socket("/").await;
    let head_id = heads
        .call("eth_subscribe", json!(["newHeads"]))
        .await
        .unwrap();
    let filter = json!(["logs", { "address": contract, "topics": [hex(&TOPIC)] }]);
    let log_id = logs.call("eth_subscribe", filter).await.unwrap();
    let pending_id = pending
        .call("eth_subscribe", json!(["newPendingTransactions"]))
        .await
        .unwrap();
    assert!(head_id.as_str().unwrap().starts_with("0x"), "{head_id}");

    let hash = log(&node, &contract).await;
    let head = told(&mut heads, &head_id).await;
    let latest = node
        .call("eth_getBlockByNumber", json!(["latest"]))
        .await
        .unwrap();
    assert_eq!(head["hash"], latest["hash"]);
    let entry = told(&mut logs, &log_id).await;
    assert_eq!(entry["transactionHash"], hash);
    assert_eq!(told(&mut pending, &pending_id).await, hash);

    assert_eq!(
        heads
            .call("eth_unsubscribe", json!([head_id]))
            .await
            .unwrap(),
        true
    );
    assert_eq!(
        heads
            .call("eth_unsubscribe", json!([head_id]))
            .await
            .unwrap(),
        false
    );
    assert_eq!(
        logs.call("eth_unsubscribe", json!([pending_id]))
            .await
            .unwrap(),
        false
    );
    let unknown = heads
        .call("eth_subscribe", json!(["everything"]))
        .await
        .unwrap_err();
    assert!(unknown.message.contains("newHeads"), "{unknown:?}");
    let mut syncing = node.socket("/").await;
    let id = syncing
        .call("eth_subscribe", json!(["syncing"]))
        .await
        .unwrap();
    assert_eq!(told(&mut syncing, &id).await, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_there_are_no_streams() {
    let node = TestNode::start().await;
    for method in ["eth_subscribe", "Filecoin.ChainNotify"] {
        let error = node.call(method, json!(["newHeads"])).await.unwrap_err();
        assert!(error.message.contains("WebSocket"), "{error:?}");
    }
}

/// go-jsonrpc: an integer, values as `xrpc.ch.val`, ended by a notification that
/// names the request (spec 10 §1.4).
#[tokio::test(flavor = "multi_thread")]
async fn chain_notify_is_a_channel() {
    let node = TestNode::start().await;
    let mut socket = node.socket("/rpc/v0").await;
    let request = socket.begin("Filecoin.ChainNotify", json!([])).await;
    let answer = socket.receive().await;
    assert_eq!(answer["id"], request);
    let channel = answer["result"].as_u64().expect("an integer");

    let value = async |socket: &mut Socket| {
        let frame = socket.receive().await;
        assert_eq!(frame["method"], "xrpc.ch.val", "{frame}");
        assert_eq!(frame["params"][0], channel);
        frame["params"][1].clone()
    };
    let current = value(&mut socket).await;
    assert_eq!(current[0]["Type"], "current");
    assert_eq!(current[0]["Val"]["Height"], 0);

    let snapshot = node.call("evm_snapshot", json!([])).await.unwrap();
    node.call("evm_mine", json!([])).await.unwrap();
    let applied = value(&mut socket).await;
    assert_eq!(applied[0]["Type"], "apply");
    assert_eq!(applied[0]["Val"]["Height"], 1);
    assert_eq!(
        node.call("evm_revert", json!([snapshot])).await.unwrap(),
        true
    );
    let reverted = value(&mut socket).await;
    assert_eq!(reverted[0]["Type"], "revert");
    assert_eq!(reverted[0]["Val"], applied[0]["Val"]);

    let cancel = json!({ "jsonrpc": "2.0", "method": "xrpc.cancel", "params": [request] });
    socket.send(&cancel.to_string()).await;
    let closed = socket.receive().await;
    assert_eq!(closed["method"], "xrpc.ch.close", "{closed}");
    assert_eq!(closed["params"], json!([channel]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_can_be_cancelled() {
    let node = TestNode::on_request().await;
    let mut socket = node.socket("/rpc/v1").await;
    let unknown = "bafy2bzacecmdb75ovposbdateg7eyhwij65zklgyijgcjwynlklmqazpwlhba";
    let waiting = socket
        .begin(
            "Filecoin.StateWaitMsg",
            json!([{ "/": unknown }, 0, 10, true]),
        )
        .await;
    // The answer to a later request shows that the first one is being waited for.
    socket.call("eth_chainId", json!([])).await.unwrap();
    let cancel = json!({ "jsonrpc": "2.0", "method": "xrpc.cancel", "params": [waiting] });
    socket.send(&cancel.to_string()).await;
    let answer = socket.receive().await;
    assert_eq!(answer["id"], waiting);
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("cancelled"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_collect_what_happened_since_they_were_asked() {
    let node = TestNode::start().await;
    let contract = contract(&node).await;
    let logs = node
        .call("eth_newFilter", json!([{ "address": contract }]))
        .await
        .unwrap();
    let blocks = node.call("eth_newBlockFilter", json!([])).await.unwrap();
    let pending = node
        .call("eth_newPendingTransactionFilter", json!([]))
        .await
        .unwrap();
    assert_eq!(logs.as_str().unwrap().len(), 66);
    let changes = async |id: &Value| {
        node.call("eth_getFilterChanges", json!([id]))
            .await
            .unwrap()
            .as_array()
            .unwrap()
            .clone()
    };
    assert!(changes(&logs).await.is_empty());

    let hashes = [log(&node, &contract).await, log(&node, &contract).await];
    let found = changes(&logs).await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["transactionHash"], hashes[0]);
    assert_eq!(changes(&pending).await, hashes);
    assert_eq!(changes(&blocks).await.len(), 2);
    assert!(changes(&logs).await.is_empty());

    // All of them again, as often as wanted.
    for _ in 0..2 {
        let range = json!([{ "address": contract, "fromBlock": "0x0" }]);
        let all = node.call("eth_newFilter", range).await.unwrap();
        let logs = node.call("eth_getFilterLogs", json!([all])).await.unwrap();
        assert_eq!(logs.as_array().unwrap().len(), 2);
    }
    assert_eq!(
        node.call("eth_uninstallFilter", json!([logs]))
            .await
            .unwrap(),
        true
    );
    assert_eq!(
        node.call("eth_uninstallFilter", json!([logs]))
            .await
            .unwrap(),
        false
    );
    let gone = node
        .call("eth_getFilterChanges", json!([logs]))
        .await
        .unwrap_err();
    assert!(gone.message.contains("filter not found"), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_blocks_that_are_taken_back_come_as_removed() {
    let node = TestNode::start().await;
    let contract = contract(&node).await;
    let filter = node
        .call("eth_newFilter", json!([{ "address": contract }]))
        .await
        .unwrap();
    let snapshot = node.call("evm_snapshot", json!([])).await.unwrap();
    log(&node, &contract).await;
    node.call("evm_revert", json!([snapshot])).await.unwrap();
    let changes = node
        .call("eth_getFilterChanges", json!([filter]))
        .await
        .unwrap();
    let removed: Vec<bool> = changes
        .as_array()
        .unwrap()
        .iter()
        .map(|log| log["removed"] == true)
        .collect();
    assert_eq!(removed, [false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_survives_more_blocks_than_a_slow_client_reads() {
    let node = TestNode::start().await;
    let mut socket = node.socket("/").await;
    let id = socket
        .call("eth_subscribe", json!(["newHeads"]))
        .await
        .unwrap();
    node.call("anvil_mine", json!([600])).await.unwrap();
    for expected in 1..=600u64 {
        let head = told(&mut socket, &id).await;
        assert_eq!(number(&head["number"]), expected);
    }
}

/// ethers and viem listen to `newHeads` while `tx.wait(3)` waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_listens_for_confirmations_gets_them() {
    let node = TestNode::start().await;
    let accounts = node.accounts();
    let mut socket = node.socket("/").await;
    let id = socket
        .call("eth_subscribe", json!(["newHeads"]))
        .await
        .unwrap();
    let transaction = json!([{ "from": accounts[0], "to": accounts[1] }]);
    let hash = socket
        .call("eth_sendTransaction", transaction)
        .await
        .unwrap();
    let receipt = socket
        .call("eth_getTransactionReceipt", json!([hash]))
        .await
        .unwrap();
    let mined = number(&receipt["blockNumber"]);
    for confirmed in mined..=mined + 2 {
        let head = told(&mut socket, &id).await;
        assert_eq!(number(&head["number"]), confirmed);
    }
    socket.call("eth_unsubscribe", json!([id])).await.unwrap();
}
