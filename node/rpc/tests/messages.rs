//! Native messages with a real chain: keys, the pool, refusals.

mod common;

use common::contract::{hex, init_code};
use common::{TestNode, funded, transfer, wallet};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_node_signs_for_its_keys() {
    let node = TestNode::start().await;
    let from = funded(&node).await;
    let to = wallet(&node).await[0].clone();
    let sent = node
        .call(
            "Filecoin.MpoolPushMessage",
            json!([transfer(&from, &to), null]),
        )
        .await
        .unwrap();
    assert_eq!(sent["Signature"]["Type"], 1);
    let found = node
        .call(
            "Filecoin.StateSearchMsg",
            json!([null, sent["CID"], -1, true]),
        )
        .await;
    assert_eq!(found.unwrap()["Receipt"]["ExitCode"], 0);

    // By ID as well.
    let id = node
        .call("Filecoin.StateLookupID", json!([from, null]))
        .await
        .unwrap();
    let sent = node
        .call(
            "Filecoin.MpoolPushMessage",
            json!([transfer(id.as_str().unwrap(), &to), null]),
        )
        .await
        .unwrap();
    assert_eq!(sent["Message"]["From"], json!(from));
    assert_eq!(sent["Message"]["Nonce"], 1);

    let mut with_nonce = transfer(&from, &to);
    with_nonce["Nonce"] = json!(5);
    let error = node
        .call("Filecoin.MpoolPushMessage", json!([with_nonce, null]))
        .await;
    assert!(error.unwrap_err().message.contains("nonce to be 0"));
    let stranger = transfer("t1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za", &to);
    let error = node
        .call("Filecoin.MpoolPushMessage", json!([stranger, null]))
        .await
        .unwrap_err();
    assert!(error.message.contains("key not found"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_actor_may_be_impersonated() {
    let node = TestNode::start().await;
    let message = transfer("t01", "t0100");
    let refused = node
        .call("Filecoin.MpoolPushMessage", json!([message, null]))
        .await;
    assert!(refused.is_err());
    node.call("anvil_setBalance", json!(["t01", 100]))
        .await
        .unwrap();
    node.call("anvil_impersonateAccount", json!(["t01"]))
        .await
        .unwrap();
    let sent = node
        .call("Filecoin.MpoolPushMessage", json!([message, null]))
        .await
        .unwrap();
    let found = node
        .call(
            "Filecoin.StateSearchMsg",
            json!([null, sent["CID"], -1, true]),
        )
        .await;
    assert_eq!(found.unwrap()["Receipt"]["ExitCode"], 0);
    assert_eq!(
        node.call("Filecoin.WalletBalance", json!(["t01"]))
            .await
            .unwrap(),
        "93"
    );
    node.call("anvil_stopImpersonatingAccount", json!(["t01"]))
        .await
        .unwrap();
    assert!(
        node.call("Filecoin.MpoolPushMessage", json!([message, null]))
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_messages_are_refused_with_the_reason() {
    let node = TestNode::start().await;
    let from = funded(&node).await;
    let message = transfer(&from, "t0100");
    let estimated = node
        .call(
            "Filecoin.GasEstimateMessageGas",
            json!([message, null, null]),
        )
        .await
        .unwrap();
    let signed = node
        .call("Filecoin.WalletSignMessage", json!([from, estimated]))
        .await
        .unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut copy = signed.clone();
        change(&mut copy);
        copy
    };
    for (what, broken, words) in [
        (
            "value",
            changed(&|m| m["Message"]["Value"] = json!("8")),
            "signature",
        ),
        (
            "kind",
            changed(&|m| m["Signature"]["Type"] = json!(2)),
            "signature",
        ),
        (
            "no kind",
            changed(&|m| m["Signature"]["Type"] = json!(9)),
            "signature type 9",
        ),
        (
            "length",
            changed(&|m| m["Signature"]["Data"] = json!("AAAA")),
            "signature",
        ),
        (
            "base64",
            changed(&|m| m["Signature"]["Data"] = json!("!")),
            "base64",
        ),
        (
            "sender",
            changed(&|m| m["Message"]["From"] = json!("t0")),
            "",
        ),
        (
            "address",
            changed(&|m| m["Message"]["To"] = json!("t1zzz")),
            "address",
        ),
        (
            "gas",
            changed(&|m| m["Message"]["GasLimit"] = json!(-1)),
            "negative",
        ),
        (
            "amount",
            changed(&|m| m["Message"]["Value"] = json!("x")),
            "attoFIL",
        ),
        (
            "cap",
            changed(&|m| m["Message"]["GasFeeCap"] = json!("1")),
            "",
        ),
    ] {
        let error = node
            .call("Filecoin.MpoolPush", json!([broken]))
            .await
            .unwrap_err();
        assert!(error.message.contains(words), "{what}: {error:?}");
    }
    assert!(node.chain.pending().is_empty());
    assert_eq!(
        node.call("Filecoin.MpoolGetNonce", json!([from]))
            .await
            .unwrap(),
        0
    );
    node.call("Filecoin.MpoolPush", json!([signed]))
        .await
        .expect("the original is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_and_go() {
    let node = TestNode::start().await;
    for (kind, prefix) in [("secp256k1", "t1"), ("bls", "t3"), ("delegated", "t410f")] {
        let address = node
            .call("Filecoin.WalletNew", json!([kind]))
            .await
            .unwrap();
        assert!(address.as_str().unwrap().starts_with(prefix), "{address}");
        let signature = node
            .call("Filecoin.WalletSign", json!([address, "aGVsbG8="]))
            .await
            .unwrap();
        let check = json!([address, "aGVsbG8=", signature]);
        assert_eq!(
            node.call("Filecoin.WalletVerify", check).await.unwrap(),
            true
        );
        let check = json!([address, "aGVsbG9v", signature]);
        assert_eq!(
            node.call("Filecoin.WalletVerify", check).await.unwrap(),
            false
        );

        let exported = node
            .call("Filecoin.WalletExport", json!([address]))
            .await
            .unwrap();
        assert_eq!(exported["Type"], kind);
        node.call("Filecoin.WalletDelete", json!([address]))
            .await
            .unwrap();
        assert_eq!(
            node.call("Filecoin.WalletHas", json!([address]))
                .await
                .unwrap(),
            false
        );
        assert!(
            node.call("Filecoin.WalletSign", json!([address, ""]))
                .await
                .is_err()
        );
        let imported = node
            .call("Filecoin.WalletImport", json!([exported]))
            .await
            .unwrap();
        assert_eq!(imported, address);
        node.call("Filecoin.WalletSetDefault", json!([address]))
            .await
            .unwrap();
        let default = node
            .call("Filecoin.WalletDefaultAddress", json!([]))
            .await
            .unwrap();
        assert_eq!(default, address);
    }
    assert!(
        node.call("Filecoin.WalletNew", json!(["rsa"]))
            .await
            .is_err()
    );
    let short = json!([{ "Type": "bls", "PrivateKey": "AAAA" }]);
    assert!(node.call("Filecoin.WalletImport", short).await.is_err());
    let read = node
        .call("Filecoin.WalletValidateAddress", json!(["f01000"]))
        .await
        .unwrap();
    assert_eq!(read, "t01000");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_shows_what_waits_and_judges_what_may_come() {
    let node = TestNode::on_request().await;
    let from = funded(&node).await;
    let sent = node
        .call(
            "Filecoin.MpoolPushMessage",
            json!([transfer(&from, "t0100"), null]),
        )
        .await
        .unwrap();
    let pending = node
        .call("Filecoin.MpoolPending", json!([null]))
        .await
        .unwrap();
    assert_eq!(pending, json!([sent]));
    assert_eq!(
        node.call("Filecoin.MpoolGetNonce", json!([from]))
            .await
            .unwrap(),
        1
    );
    let verdicts = node
        .call("Filecoin.MpoolCheckPendingMessages", json!([from]))
        .await
        .unwrap();
    let codes: Vec<u64> = verdicts[0]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["Code"].as_u64().unwrap())
        .collect();
    assert_eq!(codes, (1..=12).collect::<Vec<_>>());
    assert!(
        verdicts[0]
            .as_array()
            .unwrap()
            .iter()
            .all(|check| check["OK"] == true),
        "{verdicts}"
    );

    let greedy = json!([[{ "Message": {
        "From": from, "To": "t0100", "GasLimit": 20_000_000_000u64, "GasFeeCap": "1", "GasPremium": "2",
    }, "ValidNonce": false }]]);
    let verdicts = node
        .call("Filecoin.MpoolCheckMessages", greedy)
        .await
        .unwrap();
    let failed: Vec<u64> = verdicts[0]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["OK"] == false)
        .map(|check| check["Code"].as_u64().unwrap())
        .collect();
    assert!(failed.contains(&3) && failed.contains(&5), "{verdicts}");
    assert_eq!(
        node.call(
            "Filecoin.StateSearchMsg",
            json!([null, sent["CID"], -1, true])
        )
        .await
        .unwrap(),
        Value::Null
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn proposals_are_prepared_but_not_sent() {
    let node = TestNode::start().await;
    let prototype = node
        .call(
            "Filecoin.MsigPropose",
            json!(["t080", "t0100", "5", "t0101", 2, null]),
        )
        .await
        .unwrap();
    assert_eq!(prototype["ValidNonce"], false);
    assert_eq!(prototype["Message"]["Method"], 2);
    // [bytes 00 64, bytes 00 05, 2, empty bytes]
    assert_eq!(prototype["Message"]["Params"], "hEIAZEIABQJA");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_deployed_from_a_native_account_is_a_contract() {
    let node = TestNode::start().await;
    let from = funded(&node).await;
    let mut params = vec![0x58, u8::try_from(init_code().len()).unwrap()];
    params.extend(init_code());
    use base64::Engine as _;
    let params = base64::engine::general_purpose::STANDARD.encode(&params);
    let create = json!({ "From": from, "To": "t010", "Method": 4, "Params": params });
    let sent = node
        .call("Filecoin.MpoolPushMessage", json!([create, null]))
        .await
        .unwrap();
    let hash = node
        .call("Filecoin.EthGetTransactionHashByCid", json!([sent["CID"]]))
        .await
        .unwrap();
    let receipt = node
        .call("eth_getTransactionReceipt", json!([hash]))
        .await
        .unwrap();
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    let contract = &receipt["contractAddress"];
    let shown = node
        .call("eth_getTransactionByHash", json!([hash]))
        .await
        .unwrap();
    assert_eq!(shown["input"], json!(hex(&init_code())));
    assert_eq!(shown["to"], Value::Null);
    let answer = node
        .call("eth_call", json!([{ "to": contract, "data": "0x01" }]))
        .await
        .unwrap();
    assert!(answer.as_str().unwrap().ends_with("2a"));
}
