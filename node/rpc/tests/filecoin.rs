//! The Filecoin side with a real chain: tipsets, states, the way of a message.

mod common;

use common::{TestNode, funded, number, transfer, wallet};
use serde_json::{Value, json};

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

async fn pushed(node: &TestNode, prototype: &Value) -> Value {
    let mut message = prototype["Message"].clone();
    message["Nonce"] = json!(0);
    let signed = node
        .call("Filecoin.MpoolPushMessage", json!([message, null]))
        .await
        .unwrap();
    node.call("Filecoin.StateWaitMsg", json!([signed["CID"], 0]))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_multisig_is_created_proposed_to_and_approved() {
    let node = TestNode::start().await;
    let one = funded(&node).await;
    let keys: Vec<String> = wallet(&node)
        .await
        .into_iter()
        .filter(|address| address.starts_with("t1"))
        .collect();
    let other = keys.iter().find(|key| **key != one).unwrap();
    let params = json!([2, [one, other], 0, "1000", one, "0"]);
    let prototype = node.call("Filecoin.MsigCreate", params).await.unwrap();
    let created = pushed(&node, &prototype).await;
    assert_eq!(created["Receipt"]["ExitCode"], 0, "{created}");
    let msig = created["ReturnDec"]["RobustAddress"]
        .as_str()
        .unwrap()
        .to_owned();

    let params = json!([msig, "t099", "5", one, 0, null]);
    let prototype = node.call("Filecoin.MsigPropose", params).await.unwrap();
    pushed(&node, &prototype).await;
    let pending = node
        .call("Filecoin.MsigGetPending", json!([msig, null]))
        .await
        .unwrap();
    assert_eq!(pending[0]["Value"], "5");
    assert_eq!(pending[0]["Approved"].as_array().unwrap().len(), 1);

    // With the wrong content the hash does not fit.
    let approve = async |value: &str| {
        let params = json!([msig, 0, one, "t099", value, other, 0, null]);
        node.call("Filecoin.MsigApproveTxnHash", params)
            .await
            .unwrap()
    };
    let mut wrong = approve("6").await["Message"].clone();
    wrong["Nonce"] = json!(0);
    let refused = node
        .call("Filecoin.MpoolPushMessage", json!([wrong, null]))
        .await
        .unwrap_err();
    assert!(refused.message.contains("another hash"), "{refused:?}");
    let approved = pushed(&node, &approve("5").await).await;
    assert_eq!(approved["Receipt"]["ExitCode"], 0);
    let balance = node
        .call("Filecoin.MsigGetAvailableBalance", json!([msig, null]))
        .await
        .unwrap();
    assert_eq!(balance, "995");

    // On the older path the message is sent.
    let cid = node
        .call_on(
            "/rpc/v0",
            "Filecoin.MsigAddPropose",
            json!([msig, one, "t0100", false]),
        )
        .await
        .unwrap();
    assert!(cid["/"].is_string(), "{cid}");
    let pending = node
        .call("Filecoin.MsigGetPending", json!([msig, null]))
        .await
        .unwrap();
    assert_eq!(pending[0]["Method"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_random_depends_on_purpose_and_epoch() {
    let node = TestNode::start().await;
    node.call("anvil_mine", json!([3])).await.unwrap();
    let draw = async |purpose: i64, epoch: i64| {
        let params = json!([purpose, epoch, "AQI=", null]);
        node.call("Filecoin.StateGetRandomnessFromBeacon", params)
            .await
            .unwrap()
    };
    assert_eq!(draw(1, 2).await, draw(1, 2).await);
    assert_ne!(draw(1, 2).await, draw(2, 2).await);
    assert_ne!(draw(1, 2).await, draw(1, 3).await);
    let v0 = node
        .call_on(
            "/rpc/v0",
            "Filecoin.ChainGetRandomnessFromBeacon",
            json!([null, 1, 2, "AQI="]),
        )
        .await
        .unwrap();
    assert_eq!(v0, draw(1, 2).await);
    let future = json!([1, 99, null, null]);
    let refused = node
        .call("Filecoin.StateGetRandomnessFromTickets", future)
        .await
        .unwrap_err();
    assert!(refused.message.contains("future"), "{refused:?}");
    let entry = node
        .call("Filecoin.StateGetBeaconEntry", json!([5]))
        .await
        .unwrap();
    assert_eq!(entry["Round"], 5, "waited for");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_pass_in_and_out_of_json() {
    let node = TestNode::start().await;
    let codes = node
        .call("Filecoin.StateActorCodeCIDs", json!([28]))
        .await
        .unwrap();
    let params = json!({ "To": "t0100", "Value": "5", "Method": 0, "Params": null });
    let bytes = node
        .call(
            "Filecoin.StateEncodeParams",
            json!([codes["multisig"], 2, params]),
        )
        .await
        .unwrap();
    assert_eq!(bytes, "hEIAZEIABQBA");
    let owner = funded(&node).await;
    let create = json!([1, [owner], 0, "0", owner, "0"]);
    let prototype = node.call("Filecoin.MsigCreate", create).await.unwrap();
    let created = pushed(&node, &prototype).await;
    let msig = created["ReturnDec"]["IDAddress"].clone();
    let decoded = node
        .call("Filecoin.StateDecodeParams", json!([msig, 2, bytes, null]))
        .await
        .unwrap();
    assert_eq!(decoded["To"], "t0100");
    let wrong = node
        .call(
            "Filecoin.StateEncodeParams",
            json!([codes["multisig"], 2, { "To": 5 }]),
        )
        .await
        .unwrap_err();
    assert_eq!(wrong.code, -32602);
}

#[tokio::test(flavor = "multi_thread")]
async fn tipsets_are_computed_again_and_their_messages_listed() {
    let node = TestNode::start().await;
    let owner = funded(&node).await;
    let message = common::transfer(&owner, "t099");
    let signed = node
        .call("Filecoin.MpoolPushMessage", json!([message, null]))
        .await
        .unwrap();
    let head = node.call("Filecoin.ChainHead", json!([])).await.unwrap();
    let computed = node
        .call(
            "Filecoin.StateCompute",
            json!([head["Height"], null, head["Cids"]]),
        )
        .await
        .unwrap();
    let trace = computed["Trace"].as_array().unwrap();
    assert_eq!(trace.len(), 3, "the message, the reward, cron");
    assert_eq!(trace[0]["Msg"]["From"], json!(owner));
    let list = node
        .call(
            "Filecoin.StateListMessages",
            json!([{ "From": owner }, null, 0]),
        )
        .await
        .unwrap();
    assert_eq!(list, json!([signed["CID"]]));
    let none = node
        .call(
            "Filecoin.StateListMessages",
            json!([{ "From": owner, "To": "t02" }, null, 0]),
        )
        .await
        .unwrap();
    assert_eq!(none, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_path_selects_tipsets() {
    let node = TestNode::start().await;
    node.call("anvil_mine", json!([3])).await.unwrap();
    node.call("boatyard_advance", json!([10])).await.unwrap();
    let get = async |selector: Value| {
        node.call_on("/rpc/v2", "Filecoin.ChainGetTipSet", json!([selector]))
            .await
    };
    let height = async |selector: Value| get(selector).await.unwrap()["Height"].clone();
    assert_eq!(height(json!({ "tag": "latest" })).await, 13);
    let at = |at: i64, previous: bool| json!({ "height": { "at": at, "previous": previous } });
    assert_eq!(height(at(2, false)).await, 2);
    assert_eq!(height(at(7, true)).await, 3, "a null round");
    assert_eq!(height(at(7, false)).await, 13);
    assert!(get(json!({})).await.is_err());
    assert!(get(json!({ "tag": "latest", "key": [] })).await.is_err());
    let status = node
        .call_on(
            "/rpc/v2",
            "Filecoin.ChainGetTipSetFinalityStatus",
            json!([]),
        )
        .await
        .unwrap();
    assert_eq!(status["head"]["Height"], 13);
    let actor = node
        .call_on(
            "/rpc/v2",
            "Filecoin.StateGetActor",
            json!(["t02", { "tag": "latest" }]),
        )
        .await
        .unwrap();
    assert!(actor["Head"]["/"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_searched_and_told() {
    let node = TestNode::start().await;
    let mut socket = node.socket("/rpc/v1").await;
    let channel = socket
        .call(
            "Filecoin.SubscribeActorEventsRaw",
            json!([{ "fields": {} }]),
        )
        .await
        .unwrap();
    let deployed = node
        .call(
            "eth_sendTransaction",
            json!([{ "data": common::contract::hex(&common::contract::init_code()) }]),
        )
        .await
        .unwrap();
    let receipt = node
        .call("eth_getTransactionReceipt", json!([deployed]))
        .await
        .unwrap();
    let contract = receipt["contractAddress"].clone();
    node.call(
        "eth_sendTransaction",
        json!([{ "to": contract, "data": "0x03" }]),
    )
    .await
    .unwrap();
    let told = socket.notification().await;
    assert_eq!(told["params"][0], channel);
    let event = &told["params"][1];
    assert_eq!(event["entries"][0]["Key"], "t1");
    let found = node
        .call("Filecoin.GetActorEventsRaw", json!([{ "fromHeight": 0 }]))
        .await
        .unwrap();
    assert_eq!(found, json!([event]));
    let filtered = node
        .call(
            "Filecoin.GetActorEventsRaw",
            json!([{ "fromHeight": 0, "fields": { "t1": [{ "codec": 85, "value": "AA==" }] } }]),
        )
        .await
        .unwrap();
    assert_eq!(filtered, json!([]));
    let receipt = node
        .call(
            "Filecoin.StateSearchMsg",
            json!([null, event["msgCid"], -1, true]),
        )
        .await
        .unwrap();
    let root = &receipt["Receipt"]["EventsRoot"];
    let events = node
        .call("Filecoin.ChainGetEvents", json!([root]))
        .await
        .unwrap();
    assert_eq!(events[0]["Entries"], event["entries"]);
}
