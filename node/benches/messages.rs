//! What a message costs: plain transfer, ERC-20 transfer, contract creation; in
//! the process and through JSON-RPC, each mined into a tipset of its own.
//!
//! `cargo bench -p boatyard-node`. `BOATYARD_REFERENCE_BUNDLE=FILE` adds the gas of
//! the same messages with the actors of another bundle, as a ratio.

use std::path::PathBuf;

use alloy::eips::eip2718::Encodable2718 as _;
use boatyard_chain::{ChainHandle, Key, MiningMode, SignedMessage, ethereum};
use boatyard_node::{BundleSource, Node, NodeConfig};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use jsonrpsee_core::client::ClientT as _;
use jsonrpsee_core::rpc_params;
use jsonrpsee_http_client::HttpClientBuilder;
use tokio::runtime::Runtime;

const GAS_LIMIT: u64 = 1_000_000_000;

/// The token of the client tests (`tests/clients/contracts/Token.sol`), solc 0.8.37
/// with optimiser, with a supply of 10^24 for its creator.
fn token_code() -> Vec<u8> {
    let mut code = hex::decode(include_str!("token.hex").trim()).expect("the file is hex");
    code.extend([0; 16]);
    code.extend(10u128.pow(24).to_be_bytes());
    code
}

/// `transfer(recipient, 1)`.
fn token_transfer(recipient: [u8; 20]) -> Vec<u8> {
    let mut input = vec![0xa9, 0x05, 0x9c, 0xbb];
    input.extend([0; 12]);
    input.extend(recipient);
    input.extend([0; 31]);
    input.push(1);
    input
}

/// A chain and one of its accounts, with the nonce that comes next.
struct Sender {
    chain: ChainHandle,
    key: Key,
    nonce: u64,
}

impl Sender {
    fn new(chain: ChainHandle) -> Self {
        let key = chain.dev_accounts()[0].clone();
        Self {
            chain,
            key,
            nonce: 0,
        }
    }

    fn sign(&mut self, to: Option<[u8; 20]>, input: &[u8], value: u64) -> SignedMessage {
        let to = to.map(Into::into);
        let (to, method_num, params) = ethereum::target(to.as_ref(), input);
        let message = Message {
            version: 0,
            from: self.key.address(),
            to,
            sequence: self.nonce,
            value: TokenAmount::from_atto(value),
            method_num,
            params,
            gas_limit: GAS_LIMIT,
            gas_fee_cap: TokenAmount::from_atto(1_000_000),
            gas_premium: TokenAmount::from_atto(1_000),
        };
        self.nonce += 1;
        let chain_id = self.chain.config().chain_id;
        self.key
            .sign_message(message, chain_id)
            .expect("an account can sign a transaction")
    }

    fn sign_raw(&mut self, to: Option<[u8; 20]>, input: &[u8], value: u64) -> String {
        let signed = self.sign(to, input, value);
        let transaction = ethereum::transaction_of(&signed, self.chain.config().chain_id)
            .expect("it was signed as a transaction");
        format!("0x{}", hex::encode(transaction.encoded_2718()))
    }

    /// Sends and gives the gas used.
    async fn send(&self, message: SignedMessage) -> u64 {
        let pushed = self.chain.push(message).await.expect("the pool takes it");
        let location = pushed.location.expect("it is mined at once");
        let receipt = &location.tipset.messages[location.index].receipt;
        assert!(receipt.exit_code.is_success(), "{receipt:?}");
        receipt.gas_used
    }

    /// Creates the token and gives its address.
    async fn create_token(&mut self) -> [u8; 20] {
        let creator = self
            .key
            .eth_address()
            .expect("the account is an Ethereum one");
        let address = creator.create(self.nonce);
        let message = self.sign(None, &token_code(), 0);
        self.send(message).await;
        address.into()
    }
}

fn config() -> NodeConfig {
    NodeConfig {
        port: 0,
        mining: MiningMode::OnMessage,
        balance: TokenAmount::from_whole(10_000_000),
        ..NodeConfig::default()
    }
}

const RECIPIENT: [u8; 20] = [0xb0; 20];

fn in_process(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let chain = {
        let _inside = runtime.enter();
        Node::start_chain(&config()).expect("the chain starts")
    };
    let mut sender = Sender::new(chain);
    let token = runtime.block_on(sender.create_token());
    let mut group = c.benchmark_group("in process");
    let mut bench = |name: &str, to: Option<[u8; 20]>, input: Vec<u8>, value: u64| {
        let sender = std::cell::RefCell::new(&mut sender);
        group.bench_function(name, |b| {
            b.iter_batched(
                || sender.borrow_mut().sign(to, &input, value),
                |message| runtime.block_on(sender.borrow().send(message)),
                BatchSize::PerIteration,
            );
        });
    };
    bench("transfer", Some(RECIPIENT), Vec::new(), 1);
    bench("ERC-20 transfer", Some(token), token_transfer(RECIPIENT), 0);
    bench("contract creation", None, token_code(), 0);
}

fn through_rpc(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let node = runtime
        .block_on(Node::start(config()))
        .expect("the node starts");
    let client = HttpClientBuilder::default()
        .build(node.url())
        .expect("the URL is valid");
    let mut sender = Sender::new(node.chain().clone());
    let token = runtime.block_on(sender.create_token());
    let send = async |raw: String| {
        let hash: String = client
            .request("eth_sendRawTransaction", rpc_params![raw])
            .await
            .expect("the transaction is taken");
        let receipt: serde_json::Value = client
            .request("eth_getTransactionReceipt", rpc_params![hash])
            .await
            .expect("the receipt is there");
        assert_eq!(receipt["status"], "0x1");
    };
    let mut group = c.benchmark_group("through RPC, with receipt");
    let mut bench = |name: &str, to: Option<[u8; 20]>, input: Vec<u8>, value: u64| {
        group.bench_function(name, |b| {
            b.iter_batched(
                || sender.sign_raw(to, &input, value),
                |raw| runtime.block_on(send(raw)),
                BatchSize::PerIteration,
            );
        });
    };
    bench("transfer", Some(RECIPIENT), Vec::new(), 1);
    bench("ERC-20 transfer", Some(token), token_transfer(RECIPIENT), 0);
    bench("contract creation", None, token_code(), 0);
    runtime.block_on(node.stop());
}

/// Gas of creating the token, and of the second transfer to the same recipient.
async fn gas(bundle: BundleSource) -> [(&'static str, u64); 3] {
    let chain = Node::start_chain(&NodeConfig { bundle, ..config() }).expect("the chain starts");
    let mut sender = Sender::new(chain);
    let creation = {
        let message = sender.sign(None, &token_code(), 0);
        sender.send(message).await
    };
    let creator = sender
        .key
        .eth_address()
        .expect("the account is an Ethereum one");
    let token: [u8; 20] = creator.create(0).into();
    let mut twice = async |to, input: Vec<u8>, value| {
        let first = sender.sign(Some(to), &input, value);
        sender.send(first).await;
        let second = sender.sign(Some(to), &input, value);
        sender.send(second).await
    };
    let transfer = twice(RECIPIENT, Vec::new(), 1).await;
    let erc20 = twice(token, token_transfer(RECIPIENT), 0).await;
    [
        ("transfer", transfer),
        ("ERC-20 transfer", erc20),
        ("contract creation", creation),
    ]
}

/// Not a time: prints the gas of the same messages, and the ratio to another bundle.
fn gas_table(_: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let ours = runtime.block_on(gas(BundleSource::Embedded));
    let reference = std::env::var_os("BOATYARD_REFERENCE_BUNDLE")
        .map(|path| runtime.block_on(gas(BundleSource::File(PathBuf::from(path)))));
    for (i, (name, gas)) in ours.iter().enumerate() {
        match reference {
            Some(reference) => {
                let ratio = *gas as f64 / reference[i].1 as f64;
                println!(
                    "gas/{name}: {gas}, reference {} (ratio {ratio:.3})",
                    reference[i].1
                );
            }
            None => println!("gas/{name}: {gas}"),
        }
    }
}

criterion_group! {
    name = messages;
    config = Criterion::default().sample_size(50);
    targets = gas_table, in_process, through_rpc
}
criterion_main!(messages);
