//! Whatever a client sends, it gets an answer, and the node lives on.

mod common;

use common::TestNode;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// Values of the kinds that parameters have, right and wrong ones.
fn value() -> impl Strategy<Value = Value> {
    let hash = "[0-9a-f]{64}".prop_map(|digits| json!(format!("0x{digits}")));
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0u64..4).prop_map(Value::from),
        (0u64..40).prop_map(|number| json!(format!("{number:#x}"))),
        "\\PC{0,12}".prop_map(Value::from),
        "[a-z0-9]{0,40}".prop_map(Value::from),
        "0x[0-9a-f]{0,80}".prop_map(Value::from),
        "0x[0-9a-f]{40}".prop_map(Value::from),
        hash,
        "[tf][0-4][a-z2-7]{0,50}".prop_map(Value::from),
        "t0[0-9]{1,20}".prop_map(Value::from),
        Just(json!("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")),
        Just(json!("t0100")),
        Just(json!({ "/": "bafy2bzacecmdb75ovposbdateg7eyhwij65zklgyijgcjwynlklmqazpwlhba" })),
        prop::sample::select(vec![
            "latest", "pending", "earliest", "safe", "newHeads", "logs", "bls"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let names = prop::sample::select(vec![
            "from",
            "to",
            "data",
            "value",
            "gas",
            "nonce",
            "address",
            "topics",
            "fromBlock",
            "toBlock",
            "blockHash",
            "From",
            "To",
            "Value",
            "Method",
            "Params",
            "GasLimit",
            "Message",
            "Signature",
            "Type",
            "Data",
            "PrivateKey",
            "blocks",
            "timestamp",
            "detail",
            "types",
            "primaryType",
            "domain",
            "message",
            "balance",
            "state",
            "stateDiff",
            "/",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((names, inner), 0..6).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

/// Methods that rightly take long or end the fun.
fn patient(name: &str) -> bool {
    matches!(
        name,
        "Filecoin.StateWaitMsg"
            | "Filecoin.StateWaitMsgLimited"
            | "anvil_mine"
            | "hardhat_mine"
            | "evm_mine"
            | "boatyard_advance"
            | "evm_increaseTime"
            | "anvil_increaseTime"
            | "evm_setNextBlockTimestamp"
            | "anvil_setNextBlockTimestamp"
            | "evm_setTime"
            | "anvil_setTime"
            | "evm_setIntervalMining"
            | "anvil_setIntervalMining"
    )
}

#[test]
fn every_method_answers_whatever_its_parameters_are() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let node = runtime.block_on(TestNode::start());
    let names: Vec<&str> = node
        .server
        .registry()
        .methods()
        .map(|method| method.name)
        .filter(|name| !patient(name))
        .collect();
    assert!(names.len() > 100, "only {} methods", names.len());
    let paths = ["/", "/rpc/v0", "/rpc/v2"];
    let mut runner = TestRunner::new(Config::with_cases(40));
    runner
        .run(
            &(prop::collection::vec(value(), 0..5), 0..paths.len()),
            |(params, path)| {
                runtime.block_on(async {
                    for name in &names {
                        let answer = node.call_on(paths[path], name, json!(params)).await;
                        if let Err(error) = answer {
                            prop_assert!(
                                !error.message.contains("failed inside the node"),
                                "{name}: {error:?}"
                            );
                        }
                    }
                    Ok(())
                })
            },
        )
        .unwrap();
    let alive = runtime.block_on(node.call("eth_chainId", json!([])));
    assert_eq!(alive.unwrap(), "0x1df5e76");
}

#[test]
fn any_bytes_as_a_body_get_an_answer() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let node = runtime.block_on(TestNode::start());
    let mut runner = TestRunner::new(Config::with_cases(64));
    let body = prop_oneof![
        "\\PC{0,200}",
        "[\\[\\]{}\",:0-9a-z]{0,200}",
        value().prop_map(|value| value.to_string()),
        value().prop_map(
            |value| json!({ "jsonrpc": "2.0", "id": value, "method": value }).to_string()
        ),
    ];
    runner
        .run(&body, |body| {
            let (status, answer) = runtime.block_on(node.post("/", &body));
            prop_assert_eq!(status, 200, "{}", answer);
            Ok(())
        })
        .unwrap();
}

/// Every check that a transaction fails leaves nothing behind.
#[test]
fn raw_transactions_of_any_bytes_change_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let node = runtime.block_on(TestNode::start());
    let mut runner = TestRunner::new(Config::with_cases(200));
    let raw = prop_oneof![
        "0x[0-9a-f]{0,300}",
        "0x02f8[0-9a-f]{0,300}",
        "0xf8[0-9a-f]{0,300}"
    ];
    runner
        .run(&raw, |raw| {
            let answer = runtime.block_on(node.call("eth_sendRawTransaction", json!([raw])));
            prop_assert!(answer.is_err());
            Ok(())
        })
        .unwrap();
    assert_eq!(node.chain.head().height(), 0);
    assert!(node.chain.pending().is_empty());
}

/// Types that nest without end would use up the stack of whoever reads them.
#[tokio::test(flavor = "multi_thread")]
async fn types_of_any_depth_are_refused_or_read() {
    let node = TestNode::start().await;
    let account = node.accounts()[0].clone();
    let typed = |kind: String| {
        json!([account, {
            "types": {
                "EIP712Domain": [],
                "Mail": [{ "name": "text", "type": kind }],
                "A": [{ "name": "b", "type": "B" }],
                "B": [{ "name": "a", "type": "A" }],
            },
            "primaryType": "Mail", "domain": {}, "message": { "text": [] },
        }])
    };
    for kind in [
        format!("uint256{}", "[]".repeat(200_000)),
        "A".to_owned(),
        "(".repeat(200_000),
    ] {
        let error = node
            .call("eth_signTypedData_v4", typed(kind))
            .await
            .unwrap_err();
        assert_eq!(error.code, -32602);
    }
    for abi in [
        json!(format!("function f({})", "(".repeat(500_000))),
        json!(format!("function f(uint{} a)", "[]".repeat(500_000))),
        json!([{ "type": "function", "name": "f", "stateMutability": "view", "outputs": [],
            "inputs": [{ "name": "a", "type": format!("uint256{}", "[]".repeat(500_000)) }] }]),
        json!(format!("{}{}", "[".repeat(50_000), "]".repeat(50_000))),
    ] {
        let error = node
            .call("boatyard_registerContractAbi", json!([abi]))
            .await
            .unwrap_err();
        assert_eq!(error.code, -32602);
    }
    assert!(node.call("eth_chainId", json!([])).await.is_ok());
}

/// As deep as the machine lets calls nest, and every trace of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_deepest_calls_are_traced() {
    let node = TestNode::start().await;
    let contract = "0xcc000000000000000000000000000000000000cc";
    // CALL(gas, self, 0, 0, 0, 0, 0) STOP
    node.call(
        "anvil_setCode",
        json!([contract, "0x60006000600060006000305af100"]),
    )
    .await
    .unwrap();
    let transaction = json!([{
        "from": node.accounts()[0], "to": contract, "data": "0x01", "gas": 10_000_000_000u64,
    }]);
    let hash = node.call("eth_sendTransaction", transaction).await.unwrap();
    let cid = node
        .call("Filecoin.EthGetMessageCidByTransactionHash", json!([hash]))
        .await
        .unwrap();
    for (method, params) in [
        ("boatyard_traceMessage", json!([hash, { "detail": "full" }])),
        ("Filecoin.StateReplay", json!([null, cid])),
    ] {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (status, body) = node.post("/", &request.to_string()).await;
        assert_eq!(status, 200);
        assert!(
            !body.contains("\"error\":{"),
            "{method}: {}",
            &body[..body.len().min(300)]
        );
        let calls = body.matches("\"read_only\"").count() + body.matches("\"ReadOnly\"").count();
        assert!(
            calls > 100,
            "{method}: {calls} calls: {}",
            &body[..body.len().min(1500)]
        );
    }
    assert!(node.call("eth_chainId", json!([])).await.is_ok());
}
