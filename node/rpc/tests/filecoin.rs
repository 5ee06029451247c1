//! The Filecoin side with a real chain: tipsets, messages, keys, states.

mod common;

use common::contract::{hex, init_code};
use common::{TestNode, number};
use serde_json::{Value, json};

async fn wallet(node: &TestNode) -> Vec<String> {
    let list = node.call("Filecoin.WalletList", json!([])).await.unwrap();
    list.as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

/// An f1 address with some money.
async fn funded(node: &TestNode) -> String {
    let keys = wallet(node).await;
    let address = keys
        .iter()
        .find(|address| address.starts_with("t1"))
        .expect("a t1 key")
        .clone();
    let amount = json!([address, "0x56bc75e2d63100000"]);
    node.call("anvil_setBalance", amount).await.unwrap();
    address
}

fn transfer(from: &str, to: &str) -> Value {
    json!({ "From": from, "To": to, "Value": "7" })
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_find_the_version_and_network_that_they_look_for() {
    let node = TestNode::start().await;
    for (path, version) in [("/rpc/v0", 66_816), ("/rpc/v1", 131_840), ("/", 131_840)] {
        let answer = node
            .call_on(path, "Filecoin.Version", json!([]))
            .await
            .unwrap();
        assert_eq!(answer["APIVersion"], version, "{path}");
        assert_eq!(answer["BlockDelay"], 30);
    }
    assert_eq!(
        node.call("Filecoin.StateNetworkName", json!([]))
            .await
            .unwrap(),
        "devnet"
    );
    assert_eq!(
        node.call("Filecoin.StateNetworkVersion", json!([[]]))
            .await
            .unwrap(),
        28
    );
    let token = node
        .call("Filecoin.AuthNew", json!([["read", "sign"]]))
        .await
        .unwrap();
    assert!(
        node.call("Filecoin.AuthNew", json!([["root"]]))
            .await
            .is_err()
    );
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let token = String::from_utf8(engine.decode(token.as_str().unwrap()).unwrap()).unwrap();
    let allowed = node
        .call("Filecoin.AuthVerify", json!([token]))
        .await
        .unwrap();
    assert_eq!(allowed, json!(["read", "sign"]));
    let allowed = node
        .call("Filecoin.AuthVerify", json!(["strange"]))
        .await
        .unwrap();
    assert_eq!(allowed.as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn tipsets_are_found_by_key_and_height() {
    let node = TestNode::start().await;
    node.call("anvil_mine", json!([2])).await.unwrap();
    node.call("evm_increaseTime", json!([150])).await.unwrap();
    node.call("evm_mine", json!([])).await.unwrap();
    let head = node.call("Filecoin.ChainHead", json!([])).await.unwrap();
    let key = &head["Cids"];
    for (field, of) in [
        ("Miner", "block"),
        ("Ticket", "block"),
        ("ElectionProof", "block"),
        ("Parents", "block"),
        ("ParentStateRoot", "block"),
        ("ParentMessageReceipts", "block"),
        ("Messages", "block"),
        ("BLSAggregate", "block"),
        ("Timestamp", "block"),
        ("BlockSig", "block"),
        ("ForkSignaling", "block"),
        ("ParentBaseFee", "block"),
        ("WinPoStProof", "block"),
        ("BeaconEntries", "block"),
        ("ParentWeight", "block"),
        ("Height", "block"),
    ] {
        assert!(
            head["Blocks"][0].get(field).is_some(),
            "{of} without {field}"
        );
    }
    for params in [json!([key]), json!([null]), json!([[]]), json!([])] {
        let same = node.call("Filecoin.ChainGetTipSet", params).await.unwrap();
        assert_eq!(same, head);
    }
    let height = head["Height"].as_i64().unwrap();
    let by_height = json!([height - 1, key]);
    let before = node
        .call("Filecoin.ChainGetTipSetByHeight", by_height)
        .await
        .unwrap();
    assert_eq!(before["Height"], 2);
    let after = node
        .call("Filecoin.ChainGetTipSetAfterHeight", json!([3, null]))
        .await
        .unwrap();
    assert_eq!(after, head);
    let future = node
        .call("Filecoin.ChainGetTipSetByHeight", json!([height + 1, null]))
        .await;
    assert!(
        future
            .unwrap_err()
            .message
            .contains("height greater than start point")
    );
    let negative = node
        .call("Filecoin.ChainGetTipSetByHeight", json!([-1, null]))
        .await;
    assert!(negative.is_err());

    let block = node
        .call("Filecoin.ChainGetBlock", json!([key[0]]))
        .await
        .unwrap();
    assert_eq!(block, head["Blocks"][0]);
    let raw = node
        .call("Filecoin.ChainReadObj", json!([key[0]]))
        .await
        .unwrap();
    assert!(!raw.as_str().unwrap().is_empty());
    assert_eq!(
        node.call("Filecoin.ChainHasObj", json!([key[0]]))
            .await
            .unwrap(),
        true
    );
    let unknown =
        json!([{ "/": "bafy2bzacecmdb75ovposbdateg7eyhwij65zklgyijgcjwynlklmqazpwlhba" }]);
    assert_eq!(
        node.call("Filecoin.ChainHasObj", unknown.clone())
            .await
            .unwrap(),
        false
    );
    assert!(node.call("Filecoin.ChainReadObj", unknown).await.is_err());
}

/// The flow of iso-filecoin, izari and Glif (spec 12 §7-9).
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_estimated_signed_pushed_and_awaited() {
    let node = TestNode::start().await;
    let from = funded(&node).await;
    let to = "t1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za";
    let message = transfer(&from, to);
    let estimated = node
        .call(
            "Filecoin.GasEstimateMessageGas",
            json!([message, { "MaxFee": "0" }, null]),
        )
        .await
        .unwrap();
    assert!(estimated["GasLimit"].as_i64().unwrap() > 0, "{estimated}");
    for field in ["GasFeeCap", "GasPremium"] {
        assert!(
            estimated[field].as_str().unwrap().parse::<u64>().unwrap() > 0,
            "{field}"
        );
    }
    let nonce = node
        .call("Filecoin.MpoolGetNonce", json!([from]))
        .await
        .unwrap();
    assert_eq!(nonce, 0);
    let signed = node
        .call("Filecoin.WalletSignMessage", json!([from, estimated]))
        .await
        .unwrap();
    let cid = node
        .call("Filecoin.MpoolPush", json!([signed]))
        .await
        .unwrap();
    assert_eq!(cid, signed["CID"]);

    // iso-filecoin's parameters; the tipsets on top are made for the waiter.
    let lookup = node
        .call("Filecoin.StateWaitMsg", json!([cid, 2, 100, false]))
        .await
        .unwrap();
    assert_eq!(lookup["Message"], cid);
    assert_eq!(lookup["Receipt"]["ExitCode"], 0);
    assert!(lookup["Receipt"]["GasUsed"].as_u64().is_some());
    // The tipset named is the child, whose parent receipts hold the message's.
    assert_eq!(lookup["Height"], 2);
    let receipts = node
        .call(
            "Filecoin.ChainGetParentReceipts",
            json!([lookup["TipSet"][0]]),
        )
        .await
        .unwrap();
    assert_eq!(receipts, json!([lookup["Receipt"]]));
    let messages = node
        .call(
            "Filecoin.ChainGetParentMessages",
            json!([lookup["TipSet"][0]]),
        )
        .await
        .unwrap();
    assert_eq!(messages[0]["Cid"], cid);

    assert_eq!(
        node.call("Filecoin.WalletBalance", json!([to]))
            .await
            .unwrap(),
        "7"
    );
    assert_eq!(
        node.call("Filecoin.MpoolGetNonce", json!([from]))
            .await
            .unwrap(),
        1
    );
    let found = node
        .call("Filecoin.StateSearchMsg", json!([null, cid, -1, true]))
        .await
        .unwrap();
    assert_eq!(found, lookup);
    let v0 = node
        .call_on("/rpc/v0", "Filecoin.StateSearchMsg", json!([cid]))
        .await
        .unwrap();
    assert_eq!(v0, lookup);
    let v0 = node
        .call_on("/rpc/v0", "Filecoin.StateWaitMsg", json!([cid, 0]))
        .await
        .unwrap();
    assert_eq!(v0, lookup);
    let message = node
        .call("Filecoin.ChainGetMessage", json!([cid]))
        .await
        .unwrap();
    assert_eq!(message["From"], json!(from));
    assert_eq!(message["Nonce"], 0);

    // A native message is a transaction for Ethereum clients.
    let hash = node
        .call("Filecoin.EthGetTransactionHashByCid", json!([cid]))
        .await
        .unwrap();
    let shown = node
        .call("eth_getTransactionByHash", json!([hash]))
        .await
        .unwrap();
    assert!(
        shown["input"].as_str().unwrap().starts_with("0x868e10c4"),
        "{shown}"
    );
    assert!(
        shown["from"].as_str().unwrap().starts_with("0xff0000"),
        "{shown}"
    );
    let replay = node
        .call("Filecoin.StateReplay", json!([[], cid]))
        .await
        .unwrap();
    assert_eq!(replay["MsgRct"], lookup["Receipt"]);
    assert_eq!(replay["ExecutionTrace"]["Msg"]["Value"], "7");
}

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
async fn actors_and_states_are_read_by_any_address() {
    let node = TestNode::start().await;
    let account = funded(&node).await;
    let id = node
        .call("Filecoin.StateLookupID", json!([account, null]))
        .await
        .unwrap();
    let actor = node
        .call("Filecoin.StateGetActor", json!([id, null]))
        .await
        .unwrap();
    assert_eq!(actor["Balance"], "100000000000000000000");
    assert_eq!(actor["DelegatedAddress"], Value::Null);
    let key = node
        .call("Filecoin.StateAccountKey", json!([id, null]))
        .await
        .unwrap();
    assert_eq!(key, json!(account));
    let robust = node
        .call("Filecoin.StateLookupRobustAddress", json!([id, null]))
        .await
        .unwrap();
    assert_eq!(robust, json!(account));
    let state = node
        .call("Filecoin.StateReadState", json!([account, null]))
        .await
        .unwrap();
    assert_eq!(state["Code"], actor["Code"]);
    assert_eq!(state["State"], json!({ "Address": account }));

    let missing = "t1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za";
    for method in ["StateGetActor", "StateLookupID", "StateReadState"] {
        let method = format!("Filecoin.{method}");
        let error = node
            .call(&method, json!([missing, null]))
            .await
            .unwrap_err();
        assert_eq!(error.code, 11, "{method}");
        assert!(error.message.contains("actor not found"), "{method}");
    }
    assert_eq!(
        node.call("Filecoin.WalletBalance", json!([missing]))
            .await
            .unwrap(),
        "0"
    );
    assert!(
        node.call("Filecoin.MpoolGetNonce", json!([missing]))
            .await
            .is_err()
    );
}

/// `eth_getBalance(a, N)` is after the tipset, `StateGetActor(a, T(N))` before it
/// (spec 10 §2.1).
#[tokio::test(flavor = "multi_thread")]
async fn a_key_means_the_state_before_its_tipset() {
    let node = TestNode::start().await;
    let accounts = node.accounts();
    let to = "0x00000000000000000000000000000000000abcde";
    node.call("evm_mine", json!([])).await.unwrap();
    let transaction = json!([{ "from": accounts[0], "to": to, "value": "0x9" }]);
    let hash = node.call("eth_sendTransaction", transaction).await.unwrap();
    let receipt = node
        .call("eth_getTransactionReceipt", json!([hash]))
        .await
        .unwrap();
    let native = node
        .call("Filecoin.EthAddressToFilecoinAddress", json!([to]))
        .await
        .unwrap();
    let at_tipset = node.call("Filecoin.ChainHead", json!([])).await.unwrap();
    assert_eq!(json!(number(&receipt["blockNumber"])), at_tipset["Height"]);
    let before = node
        .call("Filecoin.StateGetActor", json!([native, at_tipset["Cids"]]))
        .await;
    assert_eq!(before.unwrap_err().code, 11);
    let newest = node
        .call("Filecoin.StateGetActor", json!([native, null]))
        .await
        .unwrap();
    assert_eq!(newest["Balance"], "9");
    node.call("evm_mine", json!([])).await.unwrap();
    let child = node.call("Filecoin.ChainHead", json!([])).await.unwrap();
    let after = node
        .call("Filecoin.StateGetActor", json!([native, child["Cids"]]))
        .await
        .unwrap();
    assert_eq!(after["Balance"], "9");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_is_a_result_and_an_estimate_that_fails_an_error() {
    let node = TestNode::start().await;
    let from = funded(&node).await;
    let unknown_method = json!({ "From": from, "To": "t01", "Method": 99 });
    let result = node
        .call("Filecoin.StateCall", json!([unknown_method, null]))
        .await
        .unwrap();
    assert_ne!(result["MsgRct"]["ExitCode"], 0);
    assert_eq!(result["Msg"]["Method"], 99);
    assert!(
        result["ExecutionTrace"]["Msg"]["From"]
            .as_str()
            .unwrap()
            .starts_with("t0")
    );
    let error = node
        .call(
            "Filecoin.GasEstimateGasLimit",
            json!([unknown_method, null]),
        )
        .await
        .unwrap_err();
    assert_eq!(error.code, 3, "{error:?}");
    let stranger = json!({ "From": "t1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za", "To": "t01" });
    let error = node
        .call("Filecoin.StateCall", json!([stranger, null]))
        .await
        .unwrap_err();
    assert_eq!(error.code, 11);

    let price =
        |blocks: i64| json!([{ "From": from, "To": from, "GasPremium": "5" }, blocks, null]);
    let flat = node
        .call("Filecoin.GasEstimateFeeCap", price(0))
        .await
        .unwrap();
    let grown = node
        .call("Filecoin.GasEstimateFeeCap", price(20))
        .await
        .unwrap();
    let value = |text: &Value| text.as_str().unwrap().parse::<u128>().unwrap();
    assert_eq!(value(&flat), 105);
    assert!(value(&grown) > 1_000 && value(&grown) < 1_100, "{grown}");
    assert!(
        node.call("Filecoin.GasEstimateFeeCap", price(1 << 40))
            .await
            .is_err()
    );
    let premium = json!([2, from, 0, null]);
    assert!(
        value(
            &node
                .call("Filecoin.GasEstimateGasPremium", premium)
                .await
                .unwrap()
        ) > 0
    );
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

#[tokio::test(flavor = "multi_thread")]
async fn miners_are_listed_and_others_are_none() {
    let node = TestNode::start().await;
    let miners = node
        .call("Filecoin.StateListMiners", json!([null]))
        .await
        .unwrap();
    assert!(miners.is_array(), "{miners}");
    let error = node
        .call("Filecoin.StateMinerInfo", json!(["t01", null]))
        .await
        .unwrap_err();
    assert!(error.message.contains("no storage provider"), "{error:?}");
}
