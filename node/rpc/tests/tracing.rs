//! The inside of transactions, on both machines.

mod common;

use boatyard_chain::ChainConfig;
use boatyard_rpc::ServeOptions;
use boatyard_vm::engine::MachineKind;
use common::contract::{ANSWER, forward, forwarder, hex, init_code, init_code_of, runtime};
use common::{TestNode, number};
use serde_json::{Value, json};

async fn send(node: &TestNode, transaction: Value) -> Value {
    let hash = node
        .call("eth_sendTransaction", json!([transaction]))
        .await
        .unwrap();
    node.call("eth_getTransactionReceipt", json!([hash]))
        .await
        .unwrap()
}

async fn deploy(node: &TestNode, code: &[u8]) -> String {
    let receipt = send(node, json!({ "data": hex(code) })).await;
    receipt["contractAddress"].as_str().unwrap().to_owned()
}

/// A node with a contract that calls others and one that is called.
struct World {
    node: TestNode,
    forwarder: String,
    target: String,
}

impl World {
    async fn on(kind: MachineKind) -> Self {
        let node = TestNode::on(kind, ChainConfig::default(), ServeOptions::default()).await;
        let forwarder = deploy(&node, &init_code_of(&forwarder())).await;
        let target = deploy(&node, &init_code()).await;
        Self {
            node,
            forwarder,
            target,
        }
    }

    /// Sends something through the forwarder, with gas enough to fail.
    async fn through(&self, number: u8, to: &str, input: &[u8]) -> Value {
        let transaction = json!({
            "to": self.forwarder, "data": hex(&forward(number, to, input)), "gas": "0x5f5e100",
        });
        send(&self.node, transaction).await
    }

    async fn trace(&self, receipt: &Value, options: Value) -> Value {
        let params = json!([receipt["transactionHash"], options]);
        self.node
            .call("debug_traceTransaction", params)
            .await
            .unwrap()
    }
}

fn word(value: u8) -> String {
    format!("0x{value:064x}")
}

/// On the FVM, where calls and gas are real.
#[tokio::test(flavor = "multi_thread")]
async fn calls_look_as_on_ethereum() {
    let world = World::on(MachineKind::Fvm).await;
    let calls = json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true } });

    let receipt = world.through(1, &world.target, &[1]).await;
    let trace = world.trace(&receipt, calls.clone()).await;
    assert_eq!(trace["type"], "CALL");
    assert_eq!(trace["to"], json!(world.forwarder));
    assert_eq!(trace["from"], json!(world.node.accounts()[0]));
    assert_eq!(trace["gasUsed"], receipt["gasUsed"]);
    assert_eq!(trace["output"], word(ANSWER));
    let inner = &trace["calls"][0];
    assert_eq!(inner["type"], "CALL");
    assert_eq!(inner["from"], json!(world.forwarder));
    assert_eq!(inner["to"], json!(world.target));
    assert_eq!(inner["input"], "0x01");
    assert_eq!(inner["output"], word(ANSWER));
    assert!(number(&inner["gasUsed"]) > 0 && number(&inner["gasUsed"]) < number(&trace["gasUsed"]));
    assert_eq!(trace["calls"].as_array().unwrap().len(), 1);

    // Delegated: the target's code logs and stores as the forwarder.
    let receipt = world.through(2, &world.target, &[3]).await;
    let trace = world.trace(&receipt, calls.clone()).await;
    let inner = &trace["calls"][0];
    assert_eq!(inner["type"], "DELEGATECALL");
    assert_eq!(inner["to"], json!(world.target));
    assert_eq!(inner["input"], "0x03");
    assert_eq!(inner["logs"][0]["address"], json!(world.forwarder));
    assert_eq!(inner["logs"][0]["topics"], json!([hex(&[0xaa; 32])]));

    let receipt = world.through(3, &world.target, &[1]).await;
    let trace = world.trace(&receipt, calls.clone()).await;
    assert_eq!(trace["calls"][0]["type"], "STATICCALL");
    assert_eq!(trace["calls"][0].get("value"), None);

    let receipt = world.through(4, &world.target, &init_code()).await;
    let trace = world.trace(&receipt, calls.clone()).await;
    let inner = &trace["calls"][0];
    assert_eq!(inner["type"], "CREATE");
    assert_eq!(inner["input"], hex(&init_code()));
    assert_eq!(inner["output"], hex(&runtime()));
    let created = inner["to"].as_str().unwrap();
    assert!(trace["output"].as_str().unwrap().ends_with(&created[2..]));

    let receipt = world.through(1, &world.target, &[2]).await;
    assert_eq!(receipt["status"], "0x0");
    let trace = world.trace(&receipt, calls).await;
    for frame in [&trace, &trace["calls"][0]] {
        assert_eq!(frame["error"], "execution reverted");
        assert_eq!(frame["revertReason"], "nope");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_a_creation() {
    let world = World::on(MachineKind::Native).await;
    let receipt = send(&world.node, json!({ "data": hex(&init_code()) })).await;
    let trace = world
        .trace(&receipt, json!({ "tracer": "callTracer" }))
        .await;
    assert_eq!(trace["type"], "CREATE");
    assert_eq!(trace["to"], receipt["contractAddress"]);
    assert_eq!(trace["output"], hex(&runtime()));
    assert_eq!(trace.get("calls"), None);
    let flat = world
        .node
        .call("trace_transaction", json!([receipt["transactionHash"]]))
        .await
        .unwrap();
    assert_eq!(flat[0]["type"], "create");
    assert_eq!(flat[0]["result"]["address"], receipt["contractAddress"]);
    assert_eq!(flat[0]["result"]["code"], hex(&runtime()));
}

/// A contract calls a native actor through the precompile; its call and the answer look
/// as the contract's `handle_filecoin_method` would see them.
#[tokio::test(flavor = "multi_thread")]
async fn native_calls_are_shown_between_contracts() {
    let world = World::on(MachineKind::Native).await;
    let precompile = "0xfe00000000000000000000000000000000000005";
    let number_word = |n: u64| {
        let mut word = [0; 32];
        word[24..].copy_from_slice(&n.to_be_bytes());
        word
    };
    // method, value, flags, codec, place of the parameters, actor, length of parameters
    let input: Vec<u8> = [99_999_999, 0, 0, 0, 192, 1, 0]
        .into_iter()
        .flat_map(number_word)
        .collect();
    let receipt = world.through(2, precompile, &input).await;
    assert_eq!(receipt["status"], "0x1");
    let trace = world
        .trace(&receipt, json!({ "tracer": "callTracer" }))
        .await;
    let inner = &trace["calls"][0];
    assert_eq!(inner["to"], "0xff00000000000000000000000000000000000001");
    assert!(inner["input"].as_str().unwrap().starts_with("0x868e10c4"));
    assert!(inner["error"].as_str().unwrap().contains("(22)"), "{inner}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_instruction_is_shown() {
    for kind in [MachineKind::Fvm, MachineKind::Native] {
        let world = World::on(kind).await;
        let receipt = world.through(1, &world.target, &[3]).await;
        let trace = world.trace(&receipt, json!({ "enableMemory": true })).await;
        assert_eq!(trace["failed"], false);
        assert_eq!(trace["gas"], number(&receipt["gasUsed"]));
        assert_eq!(trace.get("differs"), None);
        let steps = trace["structLogs"].as_array().unwrap();
        assert_eq!(steps[0]["pc"], 0);
        assert_eq!(steps[0]["op"], "PUSH1");
        assert_eq!(steps[0]["depth"], 1);
        assert_eq!(steps[1]["stack"], json!(["0x15"]));
        let store = steps.iter().find(|step| step["op"] == "SSTORE").unwrap();
        assert_eq!(store["depth"], 2);
        let slots = &store["storage"];
        assert_eq!(slots[&word(0)], json!(word(ANSWER)));
        let log = steps.iter().find(|step| step["op"] == "LOG1").unwrap();
        assert_eq!(log["memory"], json!([word(ANSWER)]));
        assert_eq!(steps.last().unwrap()["op"], "RETURN");

        let short = json!({ "limit": 3, "disableStack": true, "disableStorage": true });
        let trace = world.trace(&receipt, short).await;
        let steps = trace["structLogs"].as_array().unwrap();
        assert_eq!(steps.len(), 3);
        assert_eq!(steps[2].get("stack"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_instruction_is_named() {
    let world = World::on(MachineKind::Native).await;
    let broken = deploy(&world.node, &init_code_of(&[0x60, 0x05, 0x56])).await;
    let receipt = send(&world.node, json!({ "to": broken, "gas": "0x5f5e100" })).await;
    assert_eq!(receipt["status"], "0x0");
    let trace = world.trace(&receipt, json!({})).await;
    assert_eq!(trace["failed"], true);
    let last = trace["structLogs"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(last["op"], "JUMP");
    assert_eq!(last["error"], "invalid jump destination");
    let calls = world
        .trace(&receipt, json!({ "tracer": "callTracer" }))
        .await;
    assert_eq!(calls["error"], "invalid jump destination");
    let flat = world
        .trace(&receipt, json!({ "tracer": "flatCallTracer" }))
        .await;
    assert_eq!(flat[0]["error"], "invalid jump destination");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_found_and_changed_is_shown() {
    let world = World::on(MachineKind::Fvm).await;
    let receipt = world.through(1, &world.target, &[3]).await;
    let sender = world.node.accounts()[0].clone();

    let found = world
        .trace(&receipt, json!({ "tracer": "prestateTracer" }))
        .await;
    for account in [&sender, &world.forwarder, &world.target] {
        assert!(found.get(account).is_some(), "{account}: {found}");
    }
    assert_eq!(found[&world.target]["code"], hex(&runtime()));
    assert_eq!(found[&world.target]["storage"][&word(0)], json!(word(0)));

    let options = json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } });
    let diff = world.trace(&receipt, options).await;
    let post = &diff["post"];
    assert_eq!(
        post[&world.target]["storage"][&word(0)],
        json!(word(ANSWER))
    );
    assert_eq!(post[&world.target].get("code"), None, "unchanged");
    assert_eq!(post.get(&world.forwarder), None, "unchanged");
    let nonce = |side: &str| diff[side][&sender]["nonce"].as_u64().unwrap();
    assert_eq!(nonce("post"), nonce("pre") + 1);

    let replay = world
        .node
        .call(
            "trace_replayTransaction",
            json!([receipt["transactionHash"], ["trace", "stateDiff"]]),
        )
        .await
        .unwrap();
    let change = &replay["stateDiff"][&world.target]["storage"][&word(0)]["*"];
    assert_eq!(change["from"], word(0));
    assert_eq!(change["to"], word(ANSWER));
    assert_eq!(replay["trace"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_only_tried_are_traced_with_overrides() {
    let world = World::on(MachineKind::Native).await;
    let free = "0x00000000000000000000000000000000000000aa";
    let call = json!({ "to": free, "data": "0x01" });
    let options = json!({
        "tracer": "callTracer",
        "stateOverrides": { free: { "code": hex(&runtime()) } },
    });
    let trace = world
        .node
        .call("debug_traceCall", json!([call, "latest", options]))
        .await
        .unwrap();
    assert_eq!(trace["output"], word(ANSWER));
    let steps = world
        .node
        .call(
            "debug_traceCall",
            json!([{ "to": world.target, "data": "0x02" }, "latest"]),
        )
        .await
        .unwrap();
    assert_eq!(steps["failed"], true);
    assert_eq!(
        steps["structLogs"].as_array().unwrap().last().unwrap()["op"],
        "REVERT"
    );
    let replay = world
        .node
        .call(
            "trace_call",
            json!([{ "to": world.target, "data": "0x01" }, ["trace"], "latest"]),
        )
        .await
        .unwrap();
    assert_eq!(replay["output"], word(ANSWER));
    assert_eq!(replay["vmTrace"], Value::Null);
    let unknown = world
        .node
        .call(
            "debug_traceCall",
            json!([call, "latest", { "tracer": "{}" }]),
        )
        .await
        .unwrap_err();
    assert!(unknown.message.contains("callTracer"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_are_traced_message_by_message() {
    let node = TestNode::on_request().await;
    let [one, other] = [node.accounts()[1].clone(), node.accounts()[2].clone()];
    for from in [&one, &other] {
        let transfer = json!({ "from": from, "to": node.accounts()[3], "value": "0x5" });
        node.call("eth_sendTransaction", json!([transfer]))
            .await
            .unwrap();
    }
    node.call("evm_mine", json!([])).await.unwrap();
    let tracer = json!({ "tracer": "callTracer" });
    let traces = node
        .call("debug_traceBlockByNumber", json!(["latest", tracer]))
        .await
        .unwrap();
    let block = node
        .call("eth_getBlockByNumber", json!(["latest"]))
        .await
        .unwrap();
    for index in 0..2 {
        assert_eq!(traces[index]["txHash"], block["transactions"][index]);
        assert_eq!(traces[index]["result"]["value"], "0x5");
    }
    let by_hash = node
        .call("debug_traceBlockByHash", json!([block["hash"], tracer]))
        .await
        .unwrap();
    assert_eq!(by_hash, traces);

    let flat = node.call("trace_block", json!(["latest"])).await.unwrap();
    assert_eq!(flat.as_array().unwrap().len(), 2);
    assert_eq!(flat[1]["transactionPosition"], 1);
    assert_eq!(flat[1]["blockNumber"], 1);
    assert_eq!(flat[0]["traceAddress"], json!([]));
    let replays = node
        .call(
            "trace_replayBlockTransactions",
            json!(["latest", ["trace"]]),
        )
        .await
        .unwrap();
    assert_eq!(replays[0]["transactionHash"], block["transactions"][0]);
    assert_eq!(replays[0]["stateDiff"], Value::Null);

    let filter = |extra: Value| {
        let mut filter = json!({ "fromBlock": "earliest", "toBlock": "latest" });
        filter
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        node.call("trace_filter", json!([filter]))
    };
    assert_eq!(filter(json!({})).await.unwrap(), flat);
    let of_one = filter(json!({ "fromAddress": [one] })).await.unwrap();
    assert_eq!(of_one.as_array().unwrap().len(), 1);
    assert_eq!(of_one[0]["action"]["from"], json!(one));
    let second = filter(json!({ "after": 1, "count": 1 })).await.unwrap();
    assert_eq!(second[0], flat[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_trace_says_so() {
    let node = TestNode::on_request().await;
    let hash = node
        .call(
            "eth_sendTransaction",
            json!([{ "to": node.accounts()[1], "value": "0x1" }]),
        )
        .await
        .unwrap();
    let pending = node
        .call("debug_traceTransaction", json!([hash]))
        .await
        .unwrap_err();
    assert!(pending.message.contains("pending"), "{pending:?}");
    let unknown = node
        .call("trace_transaction", json!([word(1)]))
        .await
        .unwrap_err();
    assert!(unknown.message.contains("not found"), "{unknown:?}");
}
