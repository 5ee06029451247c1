//! The port as clients meet it: paths, headers, broken requests, batches.

mod common;

use boatyard_chain::ChainConfig;
use boatyard_rpc::{ServeError, ServeOptions, serve};
use common::TestNode;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_path_answers_and_others_say_which_there_are() {
    let node = TestNode::start().await;
    for path in ["/", "/rpc/v0", "/rpc/v1", "/rpc/v1/", "/rpc/v2"] {
        let id = node.call_on(path, "eth_chainId", json!([])).await.unwrap();
        assert_eq!(id, "0x1df5e76", "{path}");
    }
    for path in ["/health/livez", "/health/readyz"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert_eq!(node.http(&request).await.0, 200, "{path}");
    }
    let (status, body) = node.post("/rpc/v9", "{}").await;
    assert_eq!(status, 404);
    assert!(body.contains("/rpc/v1"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_content_type_and_any_token_will_do() {
    let node = TestNode::start().await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"net_version","params":null,"meta":{}}"#;
    for header in [
        "",
        "content-type: text/plain\r\n",
        "authorization: Bearer abc\r\n",
    ] {
        let (status, _, answer) = node
            .http(&format!(
                "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}content-length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await;
        assert_eq!(
            (status, answer.contains("31415926")),
            (200, true),
            "{header} {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_may_ask_from_anywhere() {
    let node = TestNode::start().await;
    let (status, head, _) = node
        .http(
            "OPTIONS /rpc/v1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\norigin: http://wallet\r\n\
             access-control-request-method: POST\r\n\
             access-control-request-headers: authorization, content-type\r\n\r\n",
        )
        .await;
    assert_eq!(status, 200);
    assert!(head.contains("access-control-allow-origin: *"), "{head}");
    assert!(head.contains("authorization"), "{head}");
}

/// go-jsonrpc's status codes.
#[tokio::test(flavor = "multi_thread")]
async fn a_strict_node_has_the_status_codes_of_lotus() {
    let node = TestNode::strict().await;
    for (body, expected) in [
        ("nonsense", 500),
        (r#"{"jsonrpc":"2.0","id":1}"#, 400),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_sendTransaction","params":[{}]}"#,
            500,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["0x99",true]}"#,
            200,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#,
            200,
        ),
    ] {
        let (status, answer) = node.post("/", body).await;
        assert_eq!(status, expected, "{body}: {answer}");
    }
    // What no Filecoin node has.
    let accounts = node.call("eth_accounts", json!([])).await.unwrap();
    assert_eq!(accounts, json!([]));
    for name in ["eth_sign", "txpool_status", "web3_sha3", "debug_traceCall"] {
        let missing = node.call(name, json!([])).await.unwrap_err();
        assert_eq!(missing.code, -32601, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_decides_what_a_client_may_do() {
    let options = ServeOptions {
        token: Some("open sesame".into()),
        ..ServeOptions::default()
    };
    let node = TestNode::with(ChainConfig::default(), options).await;
    let ask = async |method: &str, token: Option<&str>| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": [] }).to_string();
        let header = token.map_or(String::new(), |token| {
            format!("authorization: Bearer {token}\r\n")
        });
        let (status, _, answer) = node
            .http(&format!(
                "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}content-length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await;
        (status, answer)
    };
    let allowed = |(status, answer): &(u16, String)| {
        assert_eq!(*status, 200);
        !answer.contains("missing permission")
    };
    assert!(allowed(&ask("eth_chainId", None).await));
    assert!(!allowed(&ask("evm_mine", None).await));
    assert!(!allowed(&ask("Filecoin.AuthNew", None).await));
    assert!(allowed(&ask("evm_mine", Some("open sesame")).await));
    assert_eq!(ask("eth_chainId", Some("wrong")).await.0, 401);

    // A token for less, and in the URL as for WebSockets of browsers.
    let (_, _, answer) = node
        .http(&{
            let body = json!({
                "jsonrpc": "2.0", "id": 1, "method": "Filecoin.AuthNew", "params": [["read", "write"]],
            })
            .to_string();
            format!(
                "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                 authorization: Bearer open sesame\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
        })
        .await;
    let token: Value = serde_json::from_str(&answer).unwrap();
    let token = base64(token["result"].as_str().unwrap());
    let mut socket = node.socket(&format!("/rpc/v1?token={token}")).await;
    assert!(socket.call("evm_mine", json!([])).await.is_ok());
    let denied = socket.call("eth_sendTransaction", json!([{}])).await;
    assert!(denied.unwrap_err().message.contains("need 'sign'"));
    let allowed = socket
        .call("Filecoin.AuthVerify", json!([token]))
        .await
        .unwrap();
    assert_eq!(allowed, json!(["read", "write"]));
}

fn base64(text: &str) -> String {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn development_methods_can_be_turned_off() {
    let options = ServeOptions {
        development: false,
        ..ServeOptions::default()
    };
    let node = TestNode::with(ChainConfig::default(), options).await;
    for name in [
        "evm_mine",
        "anvil_setBalance",
        "hardhat_reset",
        "evm_snapshot",
    ] {
        let missing = node.call(name, json!([])).await.unwrap_err();
        assert_eq!(missing.code, -32601, "{name}");
    }
    assert!(node.call("eth_accounts", json!([])).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_may_ask_from_some_places_only_if_so_wished() {
    let options = ServeOptions {
        origins: vec!["http://localhost:3000".into()],
        ..ServeOptions::default()
    };
    let node = TestNode::with(ChainConfig::default(), options).await;
    for (origin, allowed) in [
        ("http://localhost:3000", true),
        ("http://evil.example", false),
    ] {
        let (_, head, _) = node
            .http(&format!(
                "OPTIONS / HTTP/1.1\r\nhost: x\r\nconnection: close\r\norigin: {origin}\r\n\
                 access-control-request-method: POST\r\n\r\n"
            ))
            .await;
        let shown = head.contains(&format!("access-control-allow-origin: {origin}"));
        assert_eq!(shown, allowed, "{origin}: {head}");
    }
}

/// Clients retry or hide whatever is no 200 (spec 10 §1.2).
#[tokio::test(flavor = "multi_thread")]
async fn broken_requests_get_an_error_and_status_200() {
    let node = TestNode::start().await;
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let deep_params =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{deep}]}}"#);
    for (body, code) in [
        ("", -32700),
        ("nonsense", -32700),
        ("{", -32700),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"id":1,"method":"eth_chainId"}"#, -32600),
        ("[]", -32600),
        (&deep, -32600),
        (&deep_params, -32602),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{"a":1}}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_fillTransaction","params":[{}]}"#,
            -32601,
        ),
    ] {
        let (status, answer) = node.post("/", body).await;
        let shown: String = body.chars().take(60).collect();
        assert_eq!(status, 200, "{shown}: {answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let answer = answer.get(0).unwrap_or(&answer);
        assert_eq!(answer["error"]["code"], code, "{shown}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_is_named_as_such() {
    let options = ServeOptions {
        max_request_bytes: 1_000,
        ..ServeOptions::default()
    };
    let node = TestNode::with(Default::default(), options).await;
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":["{}"]}}"#,
        "a".repeat(2_000)
    );
    let (status, answer) = node.post("/", &body).await;
    assert_eq!(status, 200);
    assert!(
        answer.contains("too big") && answer.contains("1000"),
        "{answer}"
    );
    assert!(node.call("eth_chainId", json!([])).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_answered_one_by_one_and_in_order() {
    let node = TestNode::start().await;
    let batch = json!([
        { "jsonrpc": "2.0", "id": 1, "method": "eth_chainId" },
        { "jsonrpc": "2.0", "method": "eth_chainId" },
        { "jsonrpc": "2.0", "id": "two", "method": "nobody" },
        { "foo": 1 },
        { "jsonrpc": "2.0", "id": 3, "method": "evm_mine" },
        { "jsonrpc": "2.0", "id": 4, "method": "eth_blockNumber" },
    ]);
    let (_, answer) = node.post("/", &batch.to_string()).await;
    let answers: Vec<Value> = serde_json::from_str(&answer).unwrap();
    assert_eq!(answers.len(), 5, "{answer}");
    assert_eq!(answers[0]["result"], "0x1df5e76");
    assert_eq!(answers[1]["error"]["code"], -32601);
    assert_eq!(answers[1]["id"], "two");
    assert_eq!(answers[2]["error"]["code"], -32600);
    assert_eq!(answers[4]["result"], "0x1");

    let notifications = json!([{ "jsonrpc": "2.0", "method": "eth_chainId" }]);
    // There is nothing to answer; jsonrpsee says null.
    assert_eq!(
        node.post("/", &notifications.to_string()).await,
        (200, "null".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_parameters_take_their_defaults_unless_strict() {
    let account = json!("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    let lenient = TestNode::start().await;
    assert!(
        lenient
            .call("eth_getBalance", json!([account]))
            .await
            .is_ok()
    );
    let missing = lenient.call("eth_getBalance", json!([])).await.unwrap_err();
    assert_eq!(missing.code, -32602);
    assert!(missing.message.contains("address"), "{}", missing.message);

    let strict = TestNode::strict().await;
    let surplus = strict.call("eth_chainId", json!([1])).await.unwrap_err();
    assert_eq!(
        surplus.message,
        "wrong param count (method 'eth_chainId'): 1 != 0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_port_is_an_error_that_says_so() {
    let node = TestNode::start().await;
    let options = ServeOptions {
        address: node.address,
        ..ServeOptions::default()
    };
    let error = serve(node.chain.clone(), options)
        .await
        .err()
        .expect("the port is taken");
    assert!(matches!(error, ServeError::PortBusy { .. }));
    assert!(error.to_string().contains("in use"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_waits_and_frees_the_port() {
    let node = TestNode::on_request().await;
    let mut socket = node.socket("/").await;
    let unknown = "bafy2bzacecmdb75ovposbdateg7eyhwij65zklgyijgcjwynlklmqazpwlhba";
    let waiting = socket
        .begin("Filecoin.StateWaitMsg", json!([{ "/": unknown }, 1]))
        .await;
    // An answer to a later request shows that the first one waits.
    socket.call("eth_chainId", json!([])).await.unwrap();
    let address = node.address;
    let stop = tokio::spawn(node.server.stop());
    let answer = socket.receive().await;
    assert_eq!(answer["id"], waiting);
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("stopping"),
        "{answer}"
    );
    drop(socket);
    stop.await.unwrap();
    std::net::TcpListener::bind(address).expect("the port is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_of_the_first_priority_is_there() {
    let node = TestNode::start().await;
    let names = "eth_chainId net_version web3_clientVersion eth_accounts eth_blockNumber \
        eth_getBlockByNumber eth_getBlockByHash eth_getTransactionByHash eth_getTransactionReceipt \
        eth_getTransactionCount eth_getBalance eth_getCode eth_getStorageAt eth_call \
        eth_estimateGas eth_gasPrice eth_maxPriorityFeePerGas eth_feeHistory \
        eth_sendRawTransaction eth_getLogs eth_newFilter eth_getFilterChanges eth_uninstallFilter \
        eth_subscribe eth_unsubscribe Filecoin.EthAddressToFilecoinAddress \
        Filecoin.FilecoinAddressToEthAddress eth_sendTransaction eth_sign personal_sign \
        eth_signTypedData_v4 Filecoin.Version Filecoin.StateNetworkName Filecoin.ChainHead \
        Filecoin.ChainNotify Filecoin.ChainGetTipSet Filecoin.ChainGetTipSetByHeight \
        Filecoin.ChainGetMessage Filecoin.ChainReadObj Filecoin.ChainHasObj \
        Filecoin.MpoolGetNonce Filecoin.MpoolPush Filecoin.MpoolPushMessage Filecoin.MpoolPending \
        Filecoin.MpoolCheckMessages Filecoin.MpoolCheckPendingMessages \
        Filecoin.GasEstimateMessageGas Filecoin.GasEstimateGasLimit \
        Filecoin.GasEstimateGasPremium Filecoin.GasEstimateFeeCap Filecoin.StateCall \
        Filecoin.StateSearchMsg Filecoin.StateWaitMsg Filecoin.StateGetActor \
        Filecoin.StateReadState Filecoin.StateLookupID Filecoin.StateAccountKey \
        Filecoin.StateLookupRobustAddress Filecoin.StateNetworkVersion Filecoin.StateListMiners \
        Filecoin.StateMinerInfo Filecoin.StateVerifiedRegistryRootKey Filecoin.WalletBalance \
        Filecoin.WalletNew Filecoin.WalletList Filecoin.WalletHas Filecoin.WalletDefaultAddress \
        Filecoin.WalletSetDefault Filecoin.WalletImport Filecoin.WalletExport \
        Filecoin.WalletDelete Filecoin.WalletSign Filecoin.WalletSignMessage Filecoin.MsigPropose \
        Filecoin.NetListening Filecoin.NetVersion anvil_impersonateAccount \
        hardhat_impersonateAccount anvil_stopImpersonatingAccount anvil_setBalance \
        hardhat_setBalance anvil_setCode anvil_setNonce anvil_setStorageAt anvil_reset \
        hardhat_reset evm_snapshot evm_revert evm_mine anvil_mine hardhat_mine evm_setAutomine \
        anvil_getAutomine hardhat_getAutomine evm_setIntervalMining evm_increaseTime \
        evm_setNextBlockTimestamp";
    let known: Vec<&str> = node
        .server
        .registry()
        .methods()
        .flat_map(|method| method.names())
        .collect();
    let missing: Vec<&str> = names
        .split_whitespace()
        .filter(|name| !known.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    // And those of the second.
    let second = "eth_syncing eth_getBlockTransactionCountByNumber \
        eth_getTransactionByBlockNumberAndIndex eth_getBlockReceipts eth_getTransactionHashByCid \
        eth_getMessageCidByTransactionHash eth_newBlockFilter eth_newPendingTransactionFilter \
        eth_getFilterLogs trace_block trace_transaction trace_replayBlockTransactions trace_filter \
        trace_call debug_traceTransaction debug_traceCall eth_signTransaction eth_requestAccounts \
        txpool_status txpool_content txpool_inspect txpool_contentFrom Filecoin.AuthNew \
        Filecoin.AuthVerify Filecoin.ID Filecoin.Session Filecoin.Closing Filecoin.Shutdown \
        Filecoin.StartTime Filecoin.NodeStatus Filecoin.ChainGetTipSetAfterHeight \
        Filecoin.ChainGetFinalizedTipSet Filecoin.ChainGetGenesis Filecoin.ChainGetBlock \
        Filecoin.ChainGetBlockMessages Filecoin.ChainGetMessagesInTipset \
        Filecoin.ChainGetParentMessages Filecoin.ChainGetParentReceipts Filecoin.ChainGetEvents \
        Filecoin.ChainTipSetWeight Filecoin.MpoolPushUntrusted Filecoin.MpoolBatchPushMessage \
        Filecoin.MpoolSelect Filecoin.MpoolSub Filecoin.MpoolClear Filecoin.StateReplay \
        Filecoin.StateCompute Filecoin.StateListMessages Filecoin.StateDecodeParams \
        Filecoin.StateEncodeParams Filecoin.StateListActors Filecoin.StateGetNetworkParams \
        Filecoin.StateActorCodeCIDs Filecoin.StateCirculatingSupply \
        Filecoin.StateVMCirculatingSupplyInternal Filecoin.StateGetRandomnessFromBeacon \
        Filecoin.StateGetRandomnessFromTickets Filecoin.StateGetRandomnessDigestFromBeacon \
        Filecoin.StateGetRandomnessDigestFromTickets Filecoin.StateGetBeaconEntry \
        Filecoin.GetActorEventsRaw Filecoin.SubscribeActorEventsRaw Filecoin.StateMinerPower \
        Filecoin.StateMinerSectors Filecoin.StateMinerActiveSectors \
        Filecoin.StateMinerSectorCount Filecoin.StateMinerProvingDeadline \
        Filecoin.StateMinerDeadlines Filecoin.StateMinerPartitions Filecoin.StateMinerFaults \
        Filecoin.StateMinerRecoveries Filecoin.StateMinerAvailableBalance \
        Filecoin.StateMinerPreCommitDepositForPower Filecoin.StateMinerInitialPledgeCollateral \
        Filecoin.StateMinerInitialPledgeForSector Filecoin.StateMinerCreationDeposit \
        Filecoin.StateMinerAllocated Filecoin.StateMinerSectorAllocated \
        Filecoin.StateSectorGetInfo Filecoin.StateSectorPreCommitInfo \
        Filecoin.StateSectorExpiration Filecoin.StateSectorPartition Filecoin.StateMarketBalance \
        Filecoin.StateMarketStorageDeal Filecoin.StateMarketDeals \
        Filecoin.StateDealProviderCollateralBounds Filecoin.MarketAddBalance \
        Filecoin.MarketWithdraw Filecoin.StateVerifiedClientStatus Filecoin.StateVerifierStatus \
        Filecoin.StateGetAllocation Filecoin.StateGetClaim Filecoin.StateGetAllocations \
        Filecoin.StateGetClaims Filecoin.StateGetAllocationForPendingDeal \
        Filecoin.StateGetAllocationIdForPendingDeal Filecoin.WalletVerify \
        Filecoin.WalletValidateAddress Filecoin.MsigCreate Filecoin.MsigApprove \
        Filecoin.MsigCancel Filecoin.MsigApproveTxnHash Filecoin.MsigCancelTxnHash \
        Filecoin.MsigAddPropose Filecoin.MsigAddApprove Filecoin.MsigAddCancel \
        Filecoin.MsigSwapPropose Filecoin.MsigSwapApprove Filecoin.MsigSwapCancel \
        Filecoin.MsigRemoveSigner Filecoin.MsigGetAvailableBalance Filecoin.MsigGetVested \
        Filecoin.MsigGetVestingSchedule Filecoin.MsigGetPending Filecoin.SyncState \
        Filecoin.NetAddrsListen Filecoin.NetPeers Filecoin.F3IsRunning \
        anvil_autoImpersonateAccount anvil_dumpState anvil_loadState anvil_dropTransaction \
        hardhat_dropTransaction evm_setBlockGasLimit anvil_setNextBlockBaseFeePerGas evm_setTime \
        anvil_nodeInfo anvil_metadata hardhat_metadata";
    let missing: Vec<&str> = second
        .split_whitespace()
        .filter(|name| !known.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    // Every method of a Filecoin node has its Filecoin name as well.
    for name in [
        "EthCall",
        "EthGetLogs",
        "EthSubscribe",
        "EthFeeHistory",
        "EthAccounts",
    ] {
        let name = format!("Filecoin.{name}");
        assert!(known.contains(&name.as_str()), "{name}");
    }
}
