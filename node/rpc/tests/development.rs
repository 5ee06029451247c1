//! Development methods with a real chain, and our own ones.

mod common;

use common::contract::{hex, init_code, runtime};
use common::{TestNode, number};
use serde_json::{Value, json};

async fn epoch(node: &TestNode) -> u64 {
    number(&node.call("eth_blockNumber", json!([])).await.unwrap())
}

async fn latest_timestamp(node: &TestNode) -> u64 {
    let block = node
        .call("eth_getBlockByNumber", json!(["latest"]))
        .await
        .unwrap();
    number(&block["timestamp"])
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_used_up_with_all_later_ones() {
    let node = TestNode::start().await;
    let first = node.call("evm_snapshot", json!([])).await.unwrap();
    node.call("evm_mine", json!([])).await.unwrap();
    let second = node.call("anvil_snapshot", json!([])).await.unwrap();
    node.call("evm_mine", json!([])).await.unwrap();
    assert_eq!(epoch(&node).await, 2);
    assert!(first.as_str().unwrap().starts_with("0x"));
    assert_eq!(node.call("evm_revert", json!([first])).await.unwrap(), true);
    assert_eq!(epoch(&node).await, 0);
    assert_eq!(
        node.call("evm_revert", json!([first])).await.unwrap(),
        false
    );
    assert_eq!(
        node.call("anvil_revert", json!([second])).await.unwrap(),
        false
    );
    assert_eq!(
        node.call("evm_revert", json!(["0xffffffffffffffffffff"]))
            .await
            .unwrap(),
        false
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mining_methods_make_real_blocks_and_time_methods_skip() {
    let node = TestNode::start().await;
    assert_eq!(node.call("evm_mine", json!([])).await.unwrap(), "0x0");
    assert_eq!(
        node.call("hardhat_mine", json!(["0x3"])).await.unwrap(),
        Value::Null
    );
    assert_eq!(epoch(&node).await, 4);
    node.call("anvil_mine", json!([2, "0x3c"])).await.unwrap();
    assert_eq!(epoch(&node).await, 7, "two blocks, two epochs apart");
    node.call("evm_mine", json!([{ "blocks": 2 }]))
        .await
        .unwrap();
    assert_eq!(epoch(&node).await, 9);

    let before = latest_timestamp(&node).await;
    assert_eq!(
        node.call("evm_increaseTime", json!(["0x3e8"]))
            .await
            .unwrap(),
        1_020
    );
    assert_eq!(epoch(&node).await, 9, "takes effect with the next block");
    node.call("evm_mine", json!([])).await.unwrap();
    assert!(latest_timestamp(&node).await >= before + 1_000);

    let target = latest_timestamp(&node).await + 3_000;
    node.call("evm_setNextBlockTimestamp", json!([target]))
        .await
        .unwrap();
    node.call("hardhat_mine", json!([])).await.unwrap();
    assert_eq!(
        latest_timestamp(&node).await,
        target,
        "a multiple of the epoch is hit exactly"
    );
    let past = node
        .call("evm_setNextBlockTimestamp", json!([1]))
        .await
        .unwrap_err();
    assert!(
        past.message.contains("previous block's timestamp"),
        "{past:?}"
    );
    node.call("evm_mine", json!([target + 60])).await.unwrap();
    assert_eq!(latest_timestamp(&node).await, target + 60);
    let many = node
        .call("anvil_mine", json!(["0xffffffff"]))
        .await
        .unwrap_err();
    assert!(many.message.contains("at most"), "{many:?}");
    let answer = node.call("boatyard_advance", json!([100])).await.unwrap();
    assert_eq!(answer["null_rounds"], 99);
}

#[tokio::test(flavor = "multi_thread")]
async fn automine_and_intervals_switch_as_in_anvil() {
    let node = TestNode::start().await;
    let accounts = node.accounts();
    assert_eq!(
        node.call("hardhat_getAutomine", json!([])).await.unwrap(),
        true
    );
    node.call("evm_setAutomine", json!([false])).await.unwrap();
    assert_eq!(
        node.call("anvil_getAutomine", json!([])).await.unwrap(),
        false
    );
    let transaction = json!([{ "from": accounts[0], "to": accounts[1] }]);
    let hash = node.call("eth_sendTransaction", transaction).await.unwrap();
    assert_eq!(epoch(&node).await, 0);
    node.call("evm_setIntervalMining", json!([3600]))
        .await
        .unwrap();
    assert_eq!(
        node.call("anvil_getIntervalMining", json!([]))
            .await
            .unwrap(),
        3600
    );
    node.call("evm_setIntervalMining", json!([0]))
        .await
        .unwrap();
    assert_eq!(
        node.call("anvil_getIntervalMining", json!([]))
            .await
            .unwrap(),
        Value::Null
    );
    let dropped = node
        .call("anvil_dropTransaction", json!([hash]))
        .await
        .unwrap();
    assert_eq!(dropped, hash);
    assert_eq!(
        node.call("hardhat_dropTransaction", json!([hash]))
            .await
            .unwrap(),
        false
    );
    node.call("evm_setAutomine", json!([true])).await.unwrap();
    assert_eq!(epoch(&node).await, 0, "nothing waits any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_edited_from_outside() {
    let node = TestNode::start().await;
    let address = "0x00000000000000000000000000000000000000aa";
    assert_eq!(
        node.call("hardhat_setBalance", json!([address, "0xde0b6b3a7640000"]))
            .await
            .unwrap(),
        Value::Null
    );
    let balance = json!([address]);
    assert_eq!(
        node.call("eth_getBalance", balance.clone()).await.unwrap(),
        "0xde0b6b3a7640000"
    );
    node.call("anvil_addBalance", json!([address, 1]))
        .await
        .unwrap();
    assert_eq!(
        node.call("eth_getBalance", balance).await.unwrap(),
        "0xde0b6b3a7640001"
    );

    let contract = "0x00000000000000000000000000000000000000cc";
    node.call("anvil_setCode", json!([contract, hex(&runtime())]))
        .await
        .unwrap();
    assert_eq!(
        node.call("eth_getCode", json!([contract])).await.unwrap(),
        json!(hex(&runtime()))
    );
    let slot = format!("0x{:064x}", 5);
    let set = node
        .call("anvil_setStorageAt", json!([contract, "0x7", slot]))
        .await
        .unwrap();
    assert_eq!(set, true);
    assert_eq!(
        node.call("eth_getStorageAt", json!([contract, "0x7"]))
            .await
            .unwrap(),
        json!(slot)
    );
    let call = json!([{ "to": contract, "data": "0x01" }]);
    assert!(
        node.call("eth_call", call)
            .await
            .unwrap()
            .as_str()
            .unwrap()
            .ends_with("2a")
    );

    let account = node.accounts()[3].clone();
    node.call("hardhat_setNonce", json!([account, "0x9"]))
        .await
        .unwrap();
    assert_eq!(
        node.call("eth_getTransactionCount", json!([account]))
            .await
            .unwrap(),
        "0x9"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn impersonated_contracts_send() {
    let node = TestNode::start().await;
    let contract = "0x00000000000000000000000000000000000000cc";
    let to = node.accounts()[1].clone();
    node.call("anvil_setCode", json!([contract, "0x00"]))
        .await
        .unwrap();
    node.call("anvil_setBalance", json!([contract, 50]))
        .await
        .unwrap();
    let transaction = json!([{ "from": contract, "to": to, "value": "0x5" }]);
    assert!(
        node.call("eth_sendTransaction", transaction.clone())
            .await
            .is_err()
    );
    node.call("hardhat_impersonateAccount", json!([contract]))
        .await
        .unwrap();
    let hash = node.call("eth_sendTransaction", transaction).await.unwrap();
    let receipt = node
        .call("eth_getTransactionReceipt", json!([hash]))
        .await
        .unwrap();
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["from"], contract);
    assert_eq!(
        node.call("eth_getBalance", json!([contract]))
            .await
            .unwrap(),
        "0x2d"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_begins_anew() {
    let node = TestNode::start().await;
    let before = node.call("anvil_metadata", json!([])).await.unwrap();
    node.call("anvil_mine", json!([2])).await.unwrap();
    node.call("hardhat_reset", json!([])).await.unwrap();
    assert_eq!(epoch(&node).await, 0);
    let after = node.call("anvil_metadata", json!([])).await.unwrap();
    assert_ne!(before["instanceId"], after["instanceId"]);
    assert_eq!(before["latestBlockHash"], after["latestBlockHash"]);
    let fork = json!([{ "forking": { "jsonRpcUrl": "http://x" } }]);
    assert!(node.call("anvil_reset", fork).await.is_err());
    // What viem sends when it was not told of a fork.
    node.call("anvil_mine", json!([2])).await.unwrap();
    let no_fork = json!([{ "forking": { "blockNumber": null } }]);
    node.call("anvil_reset", no_fork).await.unwrap();
    assert_eq!(epoch(&node).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_have_names() {
    let node = TestNode::start().await;
    let from = node.accounts()[0].clone();
    let deploy = json!([{ "from": from, "data": hex(&init_code()) }]);
    let hash = node.call("eth_sendTransaction", deploy).await.unwrap();
    let trace = node
        .call("boatyard_traceMessage", json!([hash]))
        .await
        .unwrap();
    let call = &trace["call"];
    assert_eq!(trace["hash"], hash);
    assert_eq!(trace["exit_code"], 0);
    assert_eq!(call["method_name"], "CreateExternal", "{trace}");
    assert_eq!(call["to"]["actor"], "eam");
    assert_eq!(call["from"]["eth"], json!(from));
    assert!(!call["calls"].as_array().unwrap().is_empty());

    let receipt = node
        .call("eth_getTransactionReceipt", json!([hash]))
        .await
        .unwrap();
    let contract = receipt["contractAddress"].clone();
    let poke = json!([{ "from": from, "to": contract, "data": "0x03" }]);
    let hash = node.call("eth_sendTransaction", poke).await.unwrap();
    let cid = node
        .call("Filecoin.EthGetMessageCidByTransactionHash", json!([hash]))
        .await
        .unwrap();
    let trace = node
        .call(
            "boatyard_traceMessage",
            json!([cid["/"], { "detail": "full" }]),
        )
        .await
        .unwrap();
    assert_eq!(trace["call"]["to"]["actor"], "evm");
    assert_eq!(
        trace["call"]["events"].as_array().unwrap().len(),
        1,
        "{trace}"
    );
    assert!(!trace["call"]["accesses"].as_array().unwrap().is_empty());

    let transfer = hex(&[
        &[0xa9, 0x05, 0x9c, 0xbb][..],
        &[0; 12],
        &[0x11; 20],
        &[0; 31],
        &[5],
    ]
    .concat());
    let message = json!({ "From": "t0100", "To": "t0100", "Value": "1" });
    let tried = node
        .call("boatyard_traceCall", json!([message]))
        .await
        .unwrap();
    assert_eq!(tried["call"]["method_name"], "Send");
    let hash = node
        .call(
            "eth_sendTransaction",
            json!([{ "from": from, "to": contract, "data": transfer }]),
        )
        .await
        .unwrap();
    let trace = node
        .call("boatyard_traceMessage", json!([hash]))
        .await
        .unwrap();
    assert_eq!(trace["call"]["signature"], "transfer(address,uint256)");
    assert_eq!(trace["call"]["params"]["decoded"]["amount"], "5");

    for unknown in [
        json!("0x12"),
        json!("bafy"),
        json!(format!("0x{}", "ab".repeat(32))),
    ] {
        assert!(
            node.call("boatyard_traceMessage", json!([unknown]))
                .await
                .is_err()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_methods_describe_actors_accounts_and_the_node() {
    let node = TestNode::start().await;
    let info = node.call("boatyard_nodeInfo", json!([])).await.unwrap();
    assert_eq!(info["mining"], "on_message");
    assert_eq!(info["epoch"], 0);
    let accounts = node.call("boatyard_accounts", json!([])).await.unwrap();
    assert_eq!(accounts.as_array().unwrap().len(), 10);
    assert_eq!(
        accounts[0]["private_key"],
        "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    );
    let actors = node.call("boatyard_actors", json!([])).await.unwrap();
    assert_eq!(actors.as_array().unwrap().len(), 16);
    let init = node.call("boatyard_resolve", json!(["t01"])).await.unwrap();
    assert_eq!(init["actor"], "init");
    let account = node
        .call("boatyard_resolve", json!([accounts[0]["eth"]]))
        .await
        .unwrap();
    assert_eq!(account["eth"], accounts[0]["eth"]);
    assert_eq!(account["actor"], "ethaccount");
    for wanted in [json!("init"), json!("t01"), init["code"].clone()] {
        let abi = node.call("boatyard_abi", json!([wanted])).await.unwrap();
        assert_eq!(abi["name"], "init", "{wanted}");
        assert!(!abi["abi"]["methods"].as_array().unwrap().is_empty());
    }
    assert!(node.call("boatyard_abi", json!(["nobody"])).await.is_err());
    let state = node
        .call("boatyard_readState", json!(["t01"]))
        .await
        .unwrap();
    assert_eq!(state["state"]["network_name"], "devnet", "{state}");
    let part = node
        .call("boatyard_readState", json!(["t01", ["network_name"]]))
        .await
        .unwrap();
    assert_eq!(part["state"], "devnet");
    assert!(
        node.call("boatyard_readState", json!(["t01", ["nothing"]]))
            .await
            .is_err()
    );
    let abi = json!(["function ping(uint256 number)"]);
    assert_eq!(
        node.call("boatyard_registerContractAbi", abi)
            .await
            .unwrap(),
        true
    );
    assert!(
        node.call("boatyard_registerContractAbi", json!(["function ("]))
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dumped_state_is_taken_over_by_another_node() {
    let node = TestNode::start().await;
    let free = "0x00000000000000000000000000000000000000aa";
    node.call("anvil_setCode", json!([free, hex(&runtime())]))
        .await
        .unwrap();
    node.call("anvil_setBalance", json!([free, "0x7"]))
        .await
        .unwrap();
    node.call("anvil_mine", json!([5])).await.unwrap();
    let dumped = node.call("anvil_dumpState", json!([])).await.unwrap();

    let other = TestNode::start().await;
    let loaded = other.call("anvil_loadState", json!([dumped])).await;
    assert_eq!(loaded.unwrap(), true);
    assert!(epoch(&other).await >= 5, "actors count in epochs");
    let balance = other.call("eth_getBalance", json!([free])).await.unwrap();
    assert_eq!(balance, "0x7");
    let call = json!([{ "to": free, "data": "0x01" }]);
    assert!(other.call("eth_call", call).await.is_ok());
    other.call("evm_mine", json!([])).await.unwrap();

    for wrong in ["0x", "0x00", "0x1f8b0800"] {
        let refused = other.call("anvil_loadState", json!([wrong])).await;
        assert!(refused.is_err(), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_replaces_blocks_and_their_transactions() {
    let node = TestNode::start().await;
    let [from, to] = [node.accounts()[0].clone(), node.accounts()[1].clone()];
    let transfer = |value: &str| json!({ "from": from, "to": to, "value": value });
    let hash = node
        .call("eth_sendTransaction", json!([transfer("0x1")]))
        .await
        .unwrap();
    node.call("evm_mine", json!([])).await.unwrap();
    node.call("anvil_reorg", json!([2, [[transfer("0x2"), 1]]]))
        .await
        .unwrap();
    assert_eq!(epoch(&node).await, 2);
    let gone = node.call("eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(gone.unwrap(), Value::Null);
    let block = node
        .call("eth_getBlockByNumber", json!(["0x2", true]))
        .await
        .unwrap();
    assert_eq!(block["transactions"][0]["value"], "0x2");
    let automine = node.call("anvil_getAutomine", json!([])).await.unwrap();
    assert_eq!(automine, true, "as before");
    let outside = node.call("anvil_reorg", json!([1, [[transfer("0x2"), 1]]]));
    assert_eq!(outside.await.unwrap_err().code, -32602);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_balances_are_set_wherever_the_token_keeps_them() {
    let node = TestNode::start().await;
    // Answers every question with the value of a mapping's slot for the first argument.
    let token_code = [
        0x60, 0x04, 0x35, 0x60, 0x00, 0x52, 0x60, 0x09, 0x60, 0x20, 0x52, 0x60, 0x40, 0x60, 0x00,
        0x20, 0x54, 0x60, 0x00, 0x52, 0x60, 0x20, 0x60, 0x00, 0xf3,
    ];
    let token = "0x00000000000000000000000000000000000000bb";
    node.call("anvil_setCode", json!([token, hex(&token_code)]))
        .await
        .unwrap();
    let holder = node.accounts()[3].clone();
    node.call("anvil_dealERC20", json!([holder, token, "0x3039"]))
        .await
        .unwrap();
    let question = format!("0x70a08231{:0>64}", holder.trim_start_matches("0x"));
    let answer = node
        .call("eth_call", json!([{ "to": token, "data": question }]))
        .await
        .unwrap();
    assert_eq!(answer, format!("0x{:064x}", 12_345));
    let none = node
        .call(
            "anvil_dealERC20",
            json!([holder, node.accounts()[0], "0x1"]),
        )
        .await
        .unwrap_err();
    assert!(none.message.contains("no storage slot"), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_learn_what_the_node_is() {
    let node = TestNode::start().await;
    let info = node.call("anvil_nodeInfo", json!([])).await.unwrap();
    assert_eq!(info["environment"]["chainId"], 31_415_926);
    assert_eq!(info["currentBlockNumber"], "0x0");
    let missing = node.call("hardhat_metadata", json!([])).await.unwrap_err();
    assert_eq!(missing.code, -32601, "or hardhat-viem takes it for Hardhat");
    let before = node.call("anvil_metadata", json!([])).await.unwrap();
    node.call("anvil_reset", json!([])).await.unwrap();
    let after = node.call("anvil_metadata", json!([])).await.unwrap();
    assert_ne!(before["instanceId"], after["instanceId"]);
    for (method, params) in [
        ("anvil_setChainId", json!([1])),
        ("anvil_setMinGasPrice", json!(["0x1"])),
        ("anvil_setRpcUrl", json!(["http://localhost"])),
        ("anvil_setBlockTimestampInterval", json!([7])),
        ("eth_getProof", json!([node.accounts()[0], [], "latest"])),
    ] {
        let refused = node.call(method, params).await.unwrap_err();
        assert!(refused.message.len() > 40, "{method} says why: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_transactions_of_anybody_are_sent() {
    let node = TestNode::start().await;
    let anybody = "0x00000000000000000000000000000000000000cc";
    node.call("anvil_setBalance", json!([anybody, "0xde0b6b3a7640000"]))
        .await
        .unwrap();
    let transaction = json!({ "from": anybody, "to": node.accounts()[1], "value": "0x5" });
    let hash = node
        .call("eth_sendUnsignedTransaction", json!([transaction]))
        .await
        .unwrap();
    let receipt = node.call("eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt.unwrap()["status"], "0x1");
    let refused = node.call("eth_sendTransaction", json!([transaction])).await;
    assert!(refused.is_err(), "impersonation has ended again");
}
