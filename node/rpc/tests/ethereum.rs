//! The Ethereum side with a real chain: transfers, a contract, logs, failures.

mod common;

use common::contract::{ANSWER, TOPIC, broken_init_code, hex, init_code, runtime};
use common::{Failure, TestNode, number};
use serde_json::{Value, json};

/// Deploys the contract and gives its address.
async fn deploy(node: &TestNode) -> String {
    let from = &node.accounts()[0];
    let hash = send(node, json!({ "from": from, "data": hex(&init_code()) })).await;
    let receipt = receipt(node, &hash).await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    receipt["contractAddress"]
        .as_str()
        .expect("an address")
        .to_owned()
}

async fn send(node: &TestNode, transaction: Value) -> Value {
    node.call("eth_sendTransaction", json!([transaction]))
        .await
        .expect("it is accepted")
}

async fn receipt(node: &TestNode, hash: &Value) -> Value {
    node.call("eth_getTransactionReceipt", json!([hash]))
        .await
        .expect("a known hash")
}

async fn balance(node: &TestNode, address: &str, block: &str) -> u128 {
    let answer = node
        .call("eth_getBalance", json!([address, block]))
        .await
        .unwrap();
    u128::from_str_radix(answer.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_visible_everywhere_as_soon_as_it_is_accepted() {
    let node = TestNode::start().await;
    let accounts = node.accounts();
    let to = "0x00000000000000000000000000000000000abcde";
    let before = number(&node.call("eth_blockNumber", json!([])).await.unwrap());
    let hash = send(
        &node,
        json!({ "from": accounts[0], "to": to, "value": "0x5" }),
    )
    .await;

    assert_eq!(
        number(&node.call("eth_blockNumber", json!([])).await.unwrap()),
        before + 1
    );
    assert_eq!(balance(&node, to, "latest").await, 5);
    assert_eq!(balance(&node, to, "0x0").await, 0);

    let transaction = node
        .call("eth_getTransactionByHash", json!([hash]))
        .await
        .unwrap();
    let receipt = receipt(&node, &hash).await;
    for (field, value) in [
        ("from", json!(accounts[0])),
        ("to", json!(to)),
        ("value", json!("0x5")),
        ("input", json!("0x")),
        ("type", json!("0x2")),
        ("nonce", json!("0x0")),
        ("accessList", json!([])),
        ("chainId", json!("0x1df5e76")),
    ] {
        assert_eq!(transaction[field], value, "{field}");
    }
    for (field, value) in [
        ("status", json!("0x1")),
        ("transactionHash", hash.clone()),
        ("transactionIndex", json!("0x0")),
        ("contractAddress", Value::Null),
        ("logs", json!([])),
        ("blockHash", transaction["blockHash"].clone()),
        ("blockNumber", transaction["blockNumber"].clone()),
    ] {
        assert_eq!(receipt[field], value, "{field}");
    }

    let block = node
        .call("eth_getBlockByHash", json!([receipt["blockHash"], true]))
        .await
        .unwrap();
    assert_eq!(block["transactions"][0], transaction);
    assert_eq!(block["number"], receipt["blockNumber"]);
    let by_number = node
        .call("eth_getBlockByNumber", json!(["latest"]))
        .await
        .unwrap();
    assert_eq!(by_number["transactions"], json!([hash]));
    assert_eq!(by_number["hash"], block["hash"]);
    let parent = node
        .call("eth_getBlockByHash", json!([block["parentHash"]]))
        .await
        .unwrap();
    assert_eq!(number(&parent["number"]), number(&block["number"]) - 1);

    let nonce = node
        .call("eth_getTransactionCount", json!([accounts[0], "pending"]))
        .await;
    assert_eq!(nonce.unwrap(), "0x1");
    let receipts = node
        .call("eth_getBlockReceipts", json!([block["number"]]))
        .await
        .unwrap();
    assert_eq!(receipts, json!([receipt]));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_names_of_a_method_answer_the_same() {
    let node = TestNode::start().await;
    let account = node.accounts()[0].clone();
    for (one, other, params) in [
        ("eth_chainId", "Filecoin.EthChainId", json!([])),
        ("net_version", "Filecoin.NetVersion", json!([])),
        (
            "web3_clientVersion",
            "Filecoin.Web3ClientVersion",
            json!([]),
        ),
        (
            "eth_getBalance",
            "Filecoin.EthGetBalance",
            json!([account, "latest"]),
        ),
        (
            "eth_getBlockByNumber",
            "Filecoin.EthGetBlockByNumber",
            json!(["latest", true]),
        ),
    ] {
        let one = node.call(one, params.clone()).await.unwrap();
        assert_eq!(one, node.call(other, params).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_is_deployed_called_and_read() {
    let node = TestNode::start().await;
    let contract = deploy(&node).await;
    let code = node.call("eth_getCode", json!([contract])).await.unwrap();
    assert_eq!(code, json!(hex(&runtime())));
    let before = node
        .call("eth_getCode", json!([contract, "0x0"]))
        .await
        .unwrap();
    assert_eq!(before, "0x");

    let answer = node
        .call(
            "eth_call",
            json!([{ "to": contract, "data": "0x01" }, "latest"]),
        )
        .await
        .unwrap();
    assert_eq!(answer, json!(format!("0x{:064x}", ANSWER)));

    let from = node.accounts()[1].clone();
    let hash = send(
        &node,
        json!({ "from": from, "to": contract, "input": "0x03" }),
    )
    .await;
    let receipt = receipt(&node, &hash).await;
    assert_eq!(receipt["status"], "0x1");
    let slot = node
        .call("eth_getStorageAt", json!([contract, "0x0", "latest"]))
        .await
        .unwrap();
    assert_eq!(slot, json!(format!("0x{:064x}", ANSWER)));
    // Nonces of contracts count creations, from 1 on.
    assert_eq!(
        node.call("eth_getTransactionCount", json!([contract]))
            .await
            .unwrap(),
        "0x1"
    );

    let log = &receipt["logs"][0];
    assert_eq!(log["address"], json!(contract));
    assert_eq!(log["topics"], json!([hex(&TOPIC)]));
    assert_eq!(log["data"], json!(format!("0x{:064x}", ANSWER)));
    assert_eq!(log["logIndex"], "0x0");
    assert_eq!(log["removed"], false);
    assert_ne!(
        receipt["logsBloom"],
        json!(format!("0x{}", "0".repeat(512)))
    );

    for (filter, found) in [
        (json!({ "address": contract }), 1),
        (json!({ "fromBlock": "earliest", "toBlock": "0xffff" }), 1),
        (
            json!({ "fromBlock": "earliest", "topics": [hex(&TOPIC)] }),
            1,
        ),
        (
            json!({ "fromBlock": "earliest", "topics": [[hex(&[1; 32]), hex(&TOPIC)]] }),
            1,
        ),
        (
            json!({ "fromBlock": "earliest", "topics": [null, hex(&TOPIC)] }),
            0,
        ),
        (json!({ "fromBlock": "earliest", "address": from }), 0),
        (json!({ "fromBlock": "earliest", "toBlock": "earliest" }), 0),
        (json!({ "fromBlock": "0xfffff" }), 0),
        (json!({ "blockHash": receipt["blockHash"] }), 1),
        (json!({ "fromBlock": "safe", "toBlock": "pending" }), 1),
    ] {
        let logs = node.call("eth_getLogs", json!([filter])).await.unwrap();
        assert_eq!(logs.as_array().unwrap().len(), found, "{filter}");
        if found == 1 {
            assert_eq!(logs[0], *log, "{filter}");
        }
    }
}

/// ethers wants "revert" and hex data, viem and alloy code 3 (spec 12 §13.4).
#[tokio::test(flavor = "multi_thread")]
async fn reverts_carry_their_data_through_calls_estimates_and_sends() {
    let node = TestNode::start().await;
    let contract = deploy(&node).await;
    let from = node.accounts()[0].clone();
    let call = json!([{ "from": from, "to": contract, "data": "0x02" }]);
    for method in ["eth_call", "eth_estimateGas", "eth_sendTransaction"] {
        let error = node.call(method, call.clone()).await.unwrap_err();
        assert_eq!(error.code, 3, "{method}: {error:?}");
        assert!(
            error.message.contains("execution reverted: nope"),
            "{method}: {error:?}"
        );
        let data = error.data.as_ref().and_then(Value::as_str).expect("data");
        assert!(data.starts_with("0x08c379a0"), "{method}: {data}");
    }
    let panic = json!([{ "to": contract, "data": "0x04" }]);
    let error = node.call("eth_call", panic).await.unwrap_err();
    assert!(error.message.contains("0x11"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transaction_has_a_receipt_that_says_so() {
    let node = TestNode::start().await;
    let contract = deploy(&node).await;
    let from = node.accounts()[0].clone();
    let hash = send(
        &node,
        json!({ "from": from, "to": contract, "data": "0x02", "gas": 100_000_000 }),
    )
    .await;
    assert_eq!(receipt(&node, &hash).await["status"], "0x0");

    let hash = send(
        &node,
        json!({ "from": from, "data": hex(&broken_init_code()), "gas": "0x5f5e100" }),
    )
    .await;
    let receipt = receipt(&node, &hash).await;
    assert_eq!(receipt["status"], "0x0");
    assert_eq!(receipt["contractAddress"], Value::Null);
    assert_eq!(receipt["to"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_see_overrides() {
    let node = TestNode::start().await;
    let nobody = "0x00000000000000000000000000000000000000aa";
    // SLOAD of slot 0, returned.
    let storage = "0x60005460005260206000f3";
    let answer = node
        .call(
            "eth_call",
            json!([{ "to": nobody }, "latest", { nobody: {
                "code": storage, "stateDiff": { "0x0": format!("0x{:064x}", 7) },
            } }]),
        )
        .await
        .unwrap();
    assert_eq!(answer, json!(format!("0x{:064x}", 7)));
    // NUMBER as the call sees it.
    let number_code = "0x4360005260206000f3";
    let answer = node
        .call(
            "eth_call",
            json!([{ "to": nobody }, "latest", { nobody: { "code": number_code } }, { "number": "0x99" }]),
        )
        .await
        .unwrap();
    assert_eq!(answer, json!(format!("0x{:064x}", 0x99)));
    assert_eq!(
        node.call("eth_getCode", json!([nobody])).await.unwrap(),
        "0x"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_blocks_and_transactions_are_null_unless_strict() {
    let unknown = format!("0x{}", "ab".repeat(32));
    let lenient = TestNode::start().await;
    for (method, params) in [
        ("eth_getBlockByNumber", json!(["0xffff", false])),
        ("eth_getBlockByHash", json!([unknown, false])),
        ("eth_getTransactionByHash", json!([unknown])),
        ("eth_getTransactionReceipt", json!([unknown])),
    ] {
        assert_eq!(
            lenient.call(method, params).await.unwrap(),
            Value::Null,
            "{method}"
        );
    }
    let future = lenient
        .call("eth_getBalance", json!([lenient.accounts()[0], "0xffff"]))
        .await
        .unwrap_err();
    assert!(
        future.message.contains("requested a future epoch"),
        "{future:?}"
    );

    let strict = TestNode::strict().await;
    assert_eq!(
        strict
            .call("eth_getBlockByNumber", json!(["0xffff", false]))
            .await
            .unwrap_err()
            .code,
        1
    );
    assert_eq!(
        strict
            .call("eth_getBlockByHash", json!([unknown, false]))
            .await
            .unwrap_err()
            .code,
        1
    );
    let earliest = strict
        .call("eth_getBlockByNumber", json!(["earliest", false]))
        .await;
    assert!(earliest.unwrap_err().message.contains("not supported"));
}

#[tokio::test(flavor = "multi_thread")]
async fn null_rounds_are_bridged_for_walkers_unless_strict() {
    for strict in [false, true] {
        let node = if strict {
            TestNode::strict().await
        } else {
            TestNode::start().await
        };
        node.call("evm_increaseTime", json!([300])).await.unwrap();
        node.call("evm_mine", json!([])).await.unwrap();
        let head = number(&node.call("eth_blockNumber", json!([])).await.unwrap());
        assert!(head > 5, "{head}");
        let between = json!([format!("{:#x}", head - 1), false]);
        let answer = node.call("eth_getBlockByNumber", between).await;
        if strict {
            let error = answer.unwrap_err();
            assert_eq!((error.code, error.data), (12, Some(json!(head - 1))));
        } else {
            assert_eq!(answer.unwrap()["number"], "0x0");
        }
        // State is asked for with any number.
        let state = json!([node.accounts()[0], format!("{:#x}", head - 1)]);
        assert!(node.call("eth_getBalance", state).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fees_are_small_positive_and_consistent() {
    let node = TestNode::start().await;
    node.call("anvil_mine", json!([3])).await.unwrap();
    let price = number(&node.call("eth_gasPrice", json!([])).await.unwrap());
    let premium = number(
        &node
            .call("eth_maxPriorityFeePerGas", json!([]))
            .await
            .unwrap(),
    );
    let base = number(&node.call("eth_baseFee", json!([])).await.unwrap());
    assert_eq!(price, base + premium);
    assert!(base >= 100);
    for count in [json!(2), json!("0x2"), json!("2")] {
        let history = node
            .call("eth_feeHistory", json!([count, "latest", [20, 50.5]]))
            .await
            .unwrap();
        assert_eq!(history["oldestBlock"], "0x2");
        assert_eq!(history["baseFeePerGas"].as_array().unwrap().len(), 3);
        assert_eq!(number(&history["baseFeePerGas"][2]), base);
        assert_eq!(history["gasUsedRatio"], json!([0.0, 0.0]));
        assert_eq!(
            history["reward"],
            json!([["0x186a0", "0x186a0"], ["0x186a0", "0x186a0"]])
        );
    }
    let plain = node
        .call("eth_feeHistory", json!([1, "latest"]))
        .await
        .unwrap();
    assert!(plain.get("reward").is_none());
    assert!(
        node.call("eth_feeHistory", json!([2_000, "latest"]))
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_cannot_be_taken_say_why() {
    let node = TestNode::start().await;
    let accounts = node.accounts();
    let failure = async |transaction: Value| -> Failure {
        node.call("eth_sendTransaction", json!([transaction]))
            .await
            .unwrap_err()
    };
    let from = &accounts[0];
    let to = &accounts[1];
    let chain = failure(json!({ "from": from, "to": to, "chainId": "0x1" })).await;
    assert!(chain.message.contains("invalid chain id"), "{chain:?}");
    let stranger = failure(json!({ "from": "0x00000000000000000000000000000000000000ff" })).await;
    assert!(stranger.message.contains("impersonate"), "{stranger:?}");
    let fees = failure(
        json!({ "from": from, "to": to, "gas": "0x2540be400", "maxFeePerGas": "0xde0b6b3a7640000" }),
    )
    .await;
    assert!(fees.message.contains("insufficient funds"), "{fees:?}");
    let gas = failure(json!({ "from": from, "to": to, "gas": 21_000 })).await;
    assert!(gas.message.contains("intrinsic gas too low"), "{gas:?}");

    send(&node, json!({ "from": from, "to": to })).await;
    let nonce = failure(json!({ "from": from, "to": to, "nonce": 0, "gas": 10_000_000 })).await;
    assert!(nonce.message.contains("nonce too low"), "{nonce:?}");
    let access = failure(json!({ "from": from, "to": to, "accessList": [{}] })).await;
    assert!(access.message.contains("access list"), "{access:?}");

    for raw in ["0x", "0x01", "0x02f8", "0x04c0", "0xc0"] {
        let error = node
            .call("eth_sendRawTransaction", json!([raw]))
            .await
            .unwrap_err();
        assert_eq!(error.code, 1, "{raw}: {error:?}");
    }
    // Nothing of it was half applied.
    let count = node
        .call("eth_getTransactionCount", json!([from, "pending"]))
        .await
        .unwrap();
    assert_eq!(count, "0x1");
    assert_eq!(node.chain.pending().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_transaction_is_accepted_raw_in_both_forms() {
    let node = TestNode::start().await;
    let accounts = node.accounts();
    for (nonce, price) in [
        ("0x0", json!({})),
        ("0x1", json!({ "gasPrice": "0x100000" })),
    ] {
        let mut transaction = json!({
            "from": accounts[0], "to": accounts[1], "value": "0x1", "nonce": nonce,
        });
        transaction
            .as_object_mut()
            .unwrap()
            .extend(price.as_object().unwrap().clone());
        let signed = node
            .call("eth_signTransaction", json!([transaction]))
            .await
            .unwrap();
        let hash = node
            .call("eth_sendRawTransaction", json!([signed["raw"]]))
            .await
            .unwrap();
        assert_eq!(hash, signed["tx"]["hash"]);
        let mined = node
            .call("eth_getTransactionByHash", json!([hash]))
            .await
            .unwrap();
        for field in [
            "type", "v", "r", "s", "nonce", "value", "from", "to", "input", "gas",
        ] {
            assert_eq!(mined[field], signed["tx"][field], "{field}");
        }
        let cid = node
            .call("Filecoin.EthGetMessageCidByTransactionHash", json!([hash]))
            .await
            .unwrap();
        let back = node
            .call("Filecoin.EthGetTransactionHashByCid", json!([cid]))
            .await
            .unwrap();
        assert_eq!(back, hash);
        let again = node
            .call("eth_sendRawTransaction", json!([signed["raw"]]))
            .await;
        assert_eq!(again.unwrap_err().code, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_sign_texts_and_typed_data() {
    let node = TestNode::start().await;
    let account = node.accounts()[0].clone();
    let one = node
        .call("personal_sign", json!(["0x6869", account]))
        .await
        .unwrap();
    let other = node
        .call("eth_sign", json!([account, "0x6869"]))
        .await
        .unwrap();
    let text = node
        .call("personal_sign", json!(["hi", account]))
        .await
        .unwrap();
    assert_eq!(one, other);
    assert_eq!(one, text);
    let bytes = one.as_str().unwrap();
    assert_eq!(bytes.len(), 2 + 2 * 65);
    assert!(bytes.ends_with("1b") || bytes.ends_with("1c"), "{bytes}");

    let data = json!({
        "types": {
            "EIP712Domain": [{ "name": "name", "type": "string" }],
            "Mail": [{ "name": "to", "type": "address" }, { "name": "text", "type": "string" }],
        },
        "primaryType": "Mail",
        "domain": { "name": "test" },
        "message": { "to": account, "text": "hi" },
    });
    let object = node
        .call("eth_signTypedData_v4", json!([account, data]))
        .await
        .unwrap();
    let text = node
        .call("eth_signTypedData_v4", json!([account, data.to_string()]))
        .await
        .unwrap();
    assert_eq!(object, text);
    for wrong in [json!("{"), json!({}), json!(5)] {
        let error = node
            .call("eth_signTypedData_v4", json!([account, wrong]))
            .await
            .unwrap_err();
        assert_eq!(error.code, -32602);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_transactions_wait_in_the_pool_until_a_block_is_made() {
    let node = TestNode::on_request().await;
    let accounts = node.accounts();
    let transaction = json!({ "from": accounts[0], "to": accounts[1], "value": "0x7" });
    let first = send(&node, transaction.clone()).await;
    let second = send(&node, transaction).await;
    let waiting = node
        .call("eth_getTransactionByHash", json!([second]))
        .await
        .unwrap();
    assert_eq!(waiting["blockHash"], Value::Null);
    assert_eq!(waiting["blockNumber"], Value::Null);
    assert_eq!(waiting["nonce"], "0x1");
    assert_eq!(receipt(&node, &first).await, Value::Null);
    let count = |block: &'static str| json!([accounts[0], block]);
    assert_eq!(
        node.call("eth_getTransactionCount", count("latest"))
            .await
            .unwrap(),
        "0x0"
    );
    assert_eq!(
        node.call("eth_getTransactionCount", count("pending"))
            .await
            .unwrap(),
        "0x2"
    );
    let before = balance(&node, &accounts[1], "latest").await;
    assert_eq!(balance(&node, &accounts[1], "pending").await, before + 14);

    node.call("evm_mine", json!([])).await.unwrap();
    let receipts = [receipt(&node, &first).await, receipt(&node, &second).await];
    assert_eq!(receipts[0]["blockHash"], receipts[1]["blockHash"]);
    assert_eq!(receipts[1]["transactionIndex"], "0x1");
    assert_eq!(
        number(&receipts[1]["cumulativeGasUsed"]),
        number(&receipts[0]["gasUsed"]) + number(&receipts[1]["gasUsed"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_convert_both_ways() {
    let node = TestNode::start().await;
    let account = node.accounts()[0].clone();
    let native = node
        .call("Filecoin.EthAddressToFilecoinAddress", json!([account]))
        .await
        .unwrap();
    assert!(native.as_str().unwrap().starts_with("t410f"), "{native}");
    let back = node
        .call(
            "Filecoin.FilecoinAddressToEthAddress",
            json!([native, "finalized"]),
        )
        .await
        .unwrap();
    assert_eq!(back, json!(account));
    let masked = node
        .call("Filecoin.FilecoinAddressToEthAddress", json!(["t01000"]))
        .await
        .unwrap();
    assert_eq!(masked, "0xff000000000000000000000000000000000003e8");
    let back = node
        .call("Filecoin.EthAddressToFilecoinAddress", json!([masked]))
        .await
        .unwrap();
    assert_eq!(back, "t01000");
    let nobody = node
        .call(
            "Filecoin.FilecoinAddressToEthAddress",
            json!(["t1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za"]),
        )
        .await
        .unwrap_err();
    assert_eq!(nobody.code, 11);
}

/// `tx.wait(3)` of ethers and `cast send --confirmations 3` poll the number.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_polls_for_confirmations_gets_them() {
    let node = TestNode::start().await;
    let accounts = node.accounts();
    let hash = send(&node, json!({ "from": accounts[0], "to": accounts[1] })).await;
    let mined = number(&receipt(&node, &hash).await["blockNumber"]);
    let mut polls = 0;
    loop {
        let head = number(&node.call("eth_blockNumber", json!([])).await.unwrap());
        if head >= mined + 2 {
            break;
        }
        polls += 1;
        assert!(polls < 100, "still at {head}");
        // The client's own pace; the node goes by it.
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_is_shown_in_two_halves() {
    let node = TestNode::on_request().await;
    let [from, to] = [node.accounts()[0].clone(), node.accounts()[1].clone()];
    let transfer = |nonce: u64| json!({ "from": from, "to": to, "value": "0x1", "nonce": nonce, "gas": "0x5f5e100" });
    for nonce in [0, 1, 3] {
        node.call("eth_sendTransaction", json!([transfer(nonce)]))
            .await
            .unwrap();
    }
    let status = node.call("txpool_status", json!([])).await.unwrap();
    assert_eq!(status, json!({ "pending": "0x2", "queued": "0x1" }));
    let content = node.call("txpool_content", json!([])).await.unwrap();
    let of = |half: &str| {
        content[half]
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .clone()
    };
    assert_eq!(of("pending")["1"]["nonce"], "0x1");
    assert_eq!(of("queued")["3"]["blockHash"], Value::Null);
    let one = node
        .call("txpool_contentFrom", json!([from]))
        .await
        .unwrap();
    assert_eq!(one["pending"], of("pending"));
    let texts = node.call("txpool_inspect", json!([])).await.unwrap();
    let text = texts["queued"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap()["3"]
        .clone();
    assert!(text.as_str().unwrap().contains("1 wei + 100000000 gas"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ethereum_tools_ask_besides_is_answered() {
    let node = TestNode::start().await;
    let raw = node
        .call(
            "eth_signTransaction",
            json!([{ "from": node.accounts()[0], "to": node.accounts()[1], "value": "0x2" }]),
        )
        .await
        .unwrap()["raw"]
        .clone();
    let receipt = node
        .call("eth_sendRawTransactionSync", json!([raw]))
        .await
        .unwrap();
    assert_eq!(receipt["status"], "0x1");
    let hash = &receipt["transactionHash"];
    for (method, params, expected) in [
        ("eth_getRawTransactionByHash", json!([hash]), raw.clone()),
        ("debug_getRawTransaction", json!([hash]), raw.clone()),
        (
            "eth_getRawTransactionByBlockNumberAndIndex",
            json!(["latest", "0x0"]),
            raw.clone(),
        ),
        (
            "eth_getUncleCountByBlockNumber",
            json!(["latest"]),
            json!("0x0"),
        ),
        (
            "eth_getUncleByBlockNumberAndIndex",
            json!(["latest", "0x0"]),
            Value::Null,
        ),
        ("eth_blobBaseFee", json!([]), json!("0x0")),
        (
            "Filecoin.EthGetTransactionReceiptLimited",
            json!([hash, 10]),
            receipt.clone(),
        ),
        (
            "Filecoin.EthGetTransactionByHashLimited",
            json!([format!("0x{:064x}", 1), 10]),
            Value::Null,
        ),
    ] {
        assert_eq!(
            node.call(method, params).await.unwrap(),
            expected,
            "{method}"
        );
    }
    let info = node
        .call("eth_getAccountInfo", json!([node.accounts()[0], "latest"]))
        .await
        .unwrap();
    assert_eq!(info["nonce"], "0x1");
    assert_eq!(info["code"], "0x");
    let list = node
        .call(
            "eth_createAccessList",
            json!([{ "to": node.accounts()[1], "value": "0x1", "from": node.accounts()[0] }]),
        )
        .await
        .unwrap();
    assert_eq!(list["accessList"], json!([]));
    assert!(number(&list["gasUsed"]) > 0 || list["gasUsed"] == "0x0");
}
