//! Many clients at a time, slow ones, and such that never read: the others are served.

mod common;

use common::{Socket, TestNode, outcome};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Whether the node answers, soon.
async fn serves(node: &TestNode) -> bool {
    let answer = node.call("eth_chainId", json!([]));
    let answer = tokio::time::timeout(Duration::from_secs(10), answer).await;
    answer.is_ok_and(|answer| answer.is_ok())
}

async fn half_a_request(node: &TestNode, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_never_end_hold_nobody_up() {
    let node = TestNode::start().await;
    let mut slow = Vec::new();
    for _ in 0..300 {
        slow.push(TcpStream::connect(node.address).await.unwrap());
        slow.push(half_a_request(&node, "POST / HTTP/1.1\r\nhost: x\r\ncontent-le").await);
        let body = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{\"jsonrpc\"";
        slow.push(half_a_request(&node, body).await);
    }
    assert!(serves(&node).await);
    drop(slow);
    assert!(serves(&node).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_beyond_the_limit_is_told_so_until_another_leaves() {
    let options = boatyard_rpc::ServeOptions {
        max_connections: 3,
        ..Default::default()
    };
    let node = TestNode::with(Default::default(), options).await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(node.socket("/").await);
    }
    let request = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":[]}";
    let (status, _) = node.post("/", request).await;
    assert_eq!(status, 429);
    assert!(sockets[0].call("eth_chainId", json!([])).await.is_ok());
    sockets.pop();
    let again = async {
        while node.post("/", request).await.0 != 200 {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), again).await;
    assert!(waited.is_ok(), "the place stays taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_listen_and_all_are_told() {
    const SOCKETS: usize = 200;
    const EACH: usize = 20;
    let node = TestNode::start().await;
    let mut sockets: Vec<Socket> = Vec::new();
    for _ in 0..SOCKETS {
        let mut socket = node.socket("/").await;
        for _ in 0..EACH {
            socket.begin("eth_subscribe", json!(["newHeads"])).await;
        }
        for _ in 0..EACH {
            outcome(socket.receive().await).unwrap();
        }
        sockets.push(socket);
    }
    node.call("evm_mine", json!([])).await.unwrap();
    for socket in &mut sockets {
        for _ in 0..EACH {
            let told = socket.notification().await;
            assert_eq!(told["params"]["result"]["number"], "0x1", "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_cannot_subscribe_without_end() {
    let node = TestNode::start().await;
    let mut socket = node.socket("/").await;
    for _ in 0..10_001 {
        socket.begin("eth_subscribe", json!(["newHeads"])).await;
    }
    let (mut names, mut refusals) = (Vec::new(), Vec::new());
    for _ in 0..10_001 {
        match outcome(socket.receive().await) {
            Ok(name) => names.push(name),
            Err(refused) => refusals.push(refused.message),
        }
    }
    assert_eq!((names.len(), refusals.len()), (10_000, 1));
    assert!(
        refusals[0].contains("too many subscriptions"),
        "{refusals:?}"
    );
    // Others may, and so may this one when it has ended one.
    let mut other = node.socket("/").await;
    let subscribed = other.call("eth_subscribe", json!(["newHeads"])).await;
    assert!(subscribed.is_ok());
    let ended = socket.call("eth_unsubscribe", json!([names[0]])).await;
    assert_eq!(ended.unwrap(), true);
    let again = async {
        while socket
            .call("eth_subscribe", json!(["newHeads"]))
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), again).await;
    assert!(waited.is_ok(), "the subscription still counts");
}

/// Answers pile up in the network's buffers and then a little in the node; its requests are
/// left where they are until it reads.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_is_not_worked_for() {
    const ROUNDS: u64 = 1500;
    let node = TestNode::start().await;
    let mut socket = node.socket("/").await;
    for _ in 0..ROUNDS {
        socket.begin("rpc.discover", json!([])).await;
        socket.begin("evm_mine", json!([])).await;
    }
    let mut height = -1;
    while height != node.chain.head().height() {
        height = node.chain.head().height();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(
        height < 500,
        "{height} of {ROUNDS} requests were worked on without a reader"
    );
    assert!(serves(&node).await);
    drop(socket);
    assert!(serves(&node).await);
}

/// What is no request is answered, too; whoever does not take the answers is not read from.
#[tokio::test(flavor = "multi_thread")]
async fn noise_of_a_client_that_never_reads_stays_with_the_client() {
    const FAR_TOO_MUCH: usize = 32 << 20;
    let node = TestNode::start().await;
    let upgrade = "GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    let mut stream = half_a_request(&node, upgrade).await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    // Frames of one byte, "{" behind a mask of zeros.
    let noise = [0x81, 0x81, 0, 0, 0, 0, b'{'].repeat(10_000);
    let mut sent = 0;
    while sent < FAR_TOO_MUCH {
        let write = stream.write_all(&noise);
        match tokio::time::timeout(Duration::from_secs(3), write).await {
            Ok(written) => written.unwrap(),
            Err(_) => break,
        }
        sent += noise.len();
    }
    assert!(sent < FAR_TOO_MUCH, "all of it was read");
    assert!(serves(&node).await);
    // When it reads, it is read from.
    let (mut from, mut to) = stream.split();
    let mut answers = vec![0; 1 << 20];
    let goes_on = async {
        let mut more = noise.repeat(10);
        more.extend(&noise);
        tokio::select! {
            written = to.write_all(&more) => written.unwrap(),
            _ = async { while from.read(&mut answers).await.unwrap() > 0 {} } => panic!("closed"),
        }
    };
    let went_on = tokio::time::timeout(Duration::from_secs(60), goes_on).await;
    assert!(went_on.is_ok(), "it is not read from any more");
}

/// A call that nothing answers before the third epoch.
fn waiting() -> serde_json::Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "Filecoin.StateGetBeaconEntry", "params": [3] })
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_batches_of_a_connection_are_bounded() {
    let node = TestNode::on_request().await;
    let mut socket = node.socket("/").await;
    let quick = json!({ "jsonrpc": "2.0", "id": 2, "method": "eth_chainId", "params": [] });
    let mut batch = vec![waiting()];
    batch.resize(40_000, quick.clone());
    let batch = json!(batch).to_string();
    socket.send(&batch).await;
    assert!(socket.call("eth_chainId", json!([])).await.is_ok());
    socket.send(&batch).await;
    let refused = outcome(socket.receive().await).unwrap_err();
    assert!(refused.message.contains("too much at once"), "{refused:?}");
    assert!(socket.call("eth_chainId", json!([])).await.is_ok());
    // Another connection may, and so may this one when the first is answered.
    let mut other = node.socket("/").await;
    other.send(&batch).await;
    assert!(other.call("eth_chainId", json!([])).await.is_ok());
    node.call("anvil_mine", json!(["0x3"])).await.unwrap();
    assert_eq!(socket.receive().await.as_array().unwrap().len(), 40_000);
    assert_eq!(other.receive().await.as_array().unwrap().len(), 40_000);
    socket.send(&batch).await;
    assert_eq!(socket.receive().await.as_array().unwrap().len(), 40_000);
    // No batch may be longer than that.
    let (_, body) = node
        .post("/", &json!(vec![quick; 65_537]).to_string())
        .await;
    assert!(body.contains("too large"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_connection_that_wait_for_something_are_bounded() {
    let node = TestNode::on_request().await;
    let mut socket = node.socket("/").await;
    let waiting = waiting().to_string();
    for _ in 0..10_001 {
        socket.send(&waiting).await;
    }
    let refused = outcome(socket.receive().await).unwrap_err();
    assert!(refused.message.contains("too much at once"), "{refused:?}");
    node.call("anvil_mine", json!(["0x3"])).await.unwrap();
    for _ in 0..10_000 {
        outcome(socket.receive().await).unwrap();
    }
    assert!(socket.call("eth_chainId", json!([])).await.is_ok());
}
