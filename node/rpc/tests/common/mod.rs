//! A node in this process, and clients that know nothing of its inside.

#![allow(dead_code)] // each test binary uses another part

use std::net::SocketAddr;
use std::sync::Arc;

use boatyard_bundle::Bundle;
use boatyard_chain::genesis::GenesisActors;
use boatyard_chain::{ChainConfig, ChainHandle, ChainSetup, EngineMachines, MiningMode};
use boatyard_rpc::{RunningServer, ServeOptions, serve};
use boatyard_sdk::NetworkVariant;
use boatyard_vm::context::{ProofVerifier, VerifyError};
use boatyard_vm::engine::{Engine, EngineOptions, MachineKind};
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::{
    AggregateSealVerifyProofAndInfos, RegisteredSealProof, ReplicaUpdateInfo, SealVerifyInfo,
    WindowPoStVerifyInfo,
};
use serde_json::{Value, json};
use soketto::handshake::{Client, ServerResponse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

pub mod contract;

/// No test here proves anything.
struct NoProofs;

impl ProofVerifier for NoProofs {
    fn verify_post(&self, _: &WindowPoStVerifyInfo) -> Result<bool, VerifyError> {
        Ok(false)
    }
    fn batch_verify_seals(&self, seals: &[SealVerifyInfo]) -> Result<Vec<bool>, VerifyError> {
        Ok(vec![false; seals.len()])
    }
    fn verify_aggregate_seals(
        &self,
        _: &AggregateSealVerifyProofAndInfos,
    ) -> Result<bool, VerifyError> {
        Ok(false)
    }
    fn verify_replica_update(&self, _: &ReplicaUpdateInfo) -> Result<bool, VerifyError> {
        Ok(false)
    }
    fn unsealed_sector_cid(
        &self,
        _: RegisteredSealProof,
        _: &[PieceInfo],
    ) -> Result<Cid, VerifyError> {
        Err(VerifyError::Malformed("not in these tests".into()))
    }
    fn verify_consensus_fault(
        &self,
        _: &[u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<Option<ConsensusFault>, VerifyError> {
        Ok(None)
    }
}

/// A node that serves.
pub struct TestNode {
    pub chain: ChainHandle,
    pub server: RunningServer,
    pub address: SocketAddr,
    strict: bool,
}

/// An error object.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub code: i64,
    pub message: String,
    pub data: Option<Value>,
}

impl TestNode {
    /// A lenient node that mines on message, on the native machine.
    pub async fn start() -> Self {
        Self::with(ChainConfig::default(), ServeOptions::default()).await
    }

    /// A node that answers as Lotus does.
    pub async fn strict() -> Self {
        let options = ServeOptions {
            strict: true,
            ..ServeOptions::default()
        };
        Self::with(ChainConfig::default(), options).await
    }

    /// A node that mines when asked.
    pub async fn on_request() -> Self {
        let config = ChainConfig {
            mining: MiningMode::OnRequest,
            ..ChainConfig::default()
        };
        Self::with(config, ServeOptions::default()).await
    }

    pub async fn with(config: ChainConfig, options: ServeOptions) -> Self {
        Self::on(MachineKind::Native, config, options).await
    }

    pub async fn on(kind: MachineKind, config: ChainConfig, options: ServeOptions) -> Self {
        let chain = chain(kind, config);
        let options = ServeOptions {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            ..options
        };
        let strict = options.strict;
        let server = serve(chain.clone(), options).await.expect("a free port");
        let address = server.local_addr();
        Self {
            chain,
            server,
            address,
            strict,
        }
    }

    /// Calls a method over HTTP on the path `/`.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, Failure> {
        self.call_on("/", method, params).await
    }

    /// Calls a method over HTTP.
    pub async fn call_on(&self, path: &str, method: &str, params: Value) -> Result<Value, Failure> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (status, body) = self.post(path, &request.to_string()).await;
        let strict = self.strict && matches!(status, 400 | 500);
        assert!(status == 200 || strict, "{method}: {status} {body}");
        outcome(serde_json::from_str(&body).expect("an answer is JSON"))
    }

    /// Posts a body and gives status and body of the answer.
    pub async fn post(&self, path: &str, body: &str) -> (u16, String) {
        let (status, _, body) = self
            .http(&format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await;
        (status, body)
    }

    /// Sends raw HTTP and gives status, headers and body of the answer.
    pub async fn http(&self, request: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address)
            .await
            .expect("the port is open");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("the request is taken");
        let mut answer = Vec::new();
        stream
            .read_to_end(&mut answer)
            .await
            .expect("the answer comes");
        let answer = String::from_utf8(answer).expect("answers are text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let head = head.to_lowercase();
        let body = match head.contains("transfer-encoding: chunked") {
            true => dechunk(body),
            false => body.to_owned(),
        };
        (status.expect("a status line"), head, body)
    }

    /// Opens a WebSocket.
    pub async fn socket(&self, path: &str) -> Socket {
        let stream = TcpStream::connect(self.address)
            .await
            .expect("the port is open");
        let mut client = Client::new(stream.compat(), "x", path);
        match client.handshake().await.expect("a handshake") {
            ServerResponse::Accepted { .. } => {}
            other => panic!("no WebSocket: {other:?}"),
        }
        let (sender, receiver) = client.into_builder().finish();
        Socket {
            sender,
            receiver,
            next_id: 1,
            early: Vec::new(),
        }
    }

    /// Ethereum addresses of the development accounts.
    pub fn accounts(&self) -> Vec<String> {
        let keys = self.chain.dev_accounts().iter();
        keys.map(|key| format!("{:?}", key.eth_address().expect("an f410 key")).to_lowercase())
            .collect()
    }
}

/// A chain with the actors of this build.
pub fn chain(kind: MachineKind, config: ChainConfig) -> ChainHandle {
    let bundle = Bundle::embedded(NetworkVariant::Devnet);
    let store = SharedStore::memory();
    bundle.install(&store).expect("memory takes everything");
    let engine = Engine::new(EngineOptions {
        policy: NetworkVariant::Devnet,
        ..EngineOptions::default()
    });
    ChainHandle::start(ChainSetup {
        config,
        store,
        file: None,
        actors: GenesisActors {
            builtin: bundle.actors().to_vec(),
            extra: Vec::new(),
            providers: Vec::new(),
        },
        machines: Arc::new(EngineMachines::new(engine, kind)),
        verifier: Arc::new(NoProofs),
    })
    .expect("the configuration is good")
}

fn dechunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        body = &rest[size + 2..];
    }
    whole
}

/// Result or error of an answer.
pub fn outcome(mut answer: Value) -> Result<Value, Failure> {
    assert_eq!(answer["jsonrpc"], "2.0", "{answer}");
    match answer.get_mut("error") {
        Some(error) => Err(Failure {
            code: error["code"].as_i64().expect("a code"),
            message: error["message"].as_str().expect("a message").to_owned(),
            data: error.get("data").cloned(),
        }),
        None => Ok(answer.get_mut("result").expect("result or error").take()),
    }
}

type Stream = Compat<TcpStream>;

/// A WebSocket to the node.
pub struct Socket {
    sender: soketto::Sender<Stream>,
    receiver: soketto::Receiver<Stream>,
    next_id: u64,
    /// Notifications that came while an answer was awaited.
    early: Vec<Value>,
}

impl Socket {
    /// Sends a frame as it is.
    pub async fn send(&mut self, frame: &str) {
        self.sender.send_text(frame).await.expect("an open socket");
        self.sender.flush().await.expect("an open socket");
    }

    /// The next frame.
    pub async fn receive(&mut self) -> Value {
        let mut data = Vec::new();
        loop {
            let wait = std::time::Duration::from_secs(20);
            let received = tokio::time::timeout(wait, self.receiver.receive(&mut data)).await;
            match received.expect("a frame in time").expect("an open socket") {
                soketto::Incoming::Data(_) => break,
                soketto::Incoming::Pong(_) => {}
                soketto::Incoming::Closed(reason) => panic!("closed: {reason:?}"),
            }
        }
        serde_json::from_slice(&data).expect("frames are JSON")
    }

    /// Calls a method and waits for its answer; notifications before it are kept.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        let id = self.begin(method, params).await;
        loop {
            let frame = self.receive().await;
            if frame["id"] == id {
                return outcome(frame);
            }
            self.early.push(frame);
        }
    }

    /// Sends a call without waiting for the answer; gives its id.
    pub async fn begin(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(&request.to_string()).await;
        id
    }

    /// The next notification.
    pub async fn notification(&mut self) -> Value {
        if self.early.is_empty() {
            return self.receive().await;
        }
        self.early.remove(0)
    }
}

/// A `0x` number.
pub fn number(value: &Value) -> u64 {
    let text = value
        .as_str()
        .unwrap_or_else(|| panic!("expected a quantity, got {value}"));
    u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("hex digits")
}

/// Addresses that the node signs for.
pub async fn wallet(node: &TestNode) -> Vec<String> {
    let list = node.call("Filecoin.WalletList", json!([])).await.unwrap();
    list.as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

/// An f1 address with some money.
pub async fn funded(node: &TestNode) -> String {
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

/// A message that carries 7 attoFIL.
pub fn transfer(from: &str, to: &str) -> Value {
    json!({ "From": from, "To": to, "Value": "7" })
}
