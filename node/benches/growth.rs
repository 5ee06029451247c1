//! What a chain keeps of each transaction, and whether calls and transactions get dearer as
//! it grows. Figures are processor time and memory of the process, so that other programs
//! disturb them little.
//!
//! `cargo bench --profile dev -p boatyard-node --bench growth [-- EPOCHS]`; `BLOCKS=1` lists
//! what the last transaction wrote.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use boatyard_bundle::Bundle;
use boatyard_chain::genesis::GenesisActors;
use boatyard_chain::{
    CallPoint, CallRequest, ChainConfig, ChainHandle, ChainProofs, ChainSetup, EngineMachines, Key,
    TipsetRef, ethereum,
};
use boatyard_proofs::Scheme;
use boatyard_sdk::NetworkVariant;
use boatyard_vm::engine::{Engine, EngineOptions, MachineKind};
use boatyard_vm::store::{MemoryStore, SharedStore};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use tokio::runtime::Runtime;

const TRANSACTIONS: u64 = 4_000;
const SAMPLES: u64 = 1_000;
const RECIPIENT: [u8; 20] = [0xb0; 20];

/// Blocks in memory, counted.
#[derive(Default)]
struct Counting {
    blocks: MemoryStore,
    count: AtomicU64,
    bytes: AtomicU64,
    lists: AtomicBool,
    list: Mutex<Vec<(Cid, Vec<u8>)>>,
}

#[derive(Clone)]
struct Store(Arc<Counting>);

impl Blockstore for Store {
    fn get(&self, cid: &Cid) -> anyhow::Result<Option<Vec<u8>>> {
        self.0.blocks.get(cid)
    }

    fn has(&self, cid: &Cid) -> anyhow::Result<bool> {
        self.0.blocks.has(cid)
    }

    fn put_keyed(&self, cid: &Cid, block: &[u8]) -> anyhow::Result<()> {
        if !self.0.blocks.has(cid)? {
            self.0.count.fetch_add(1, Ordering::Relaxed);
            self.0
                .bytes
                .fetch_add(block.len() as u64, Ordering::Relaxed);
            if self.0.lists.load(Ordering::Relaxed) {
                let mut list = self.0.list.lock().expect("nobody panics with it");
                list.push((*cid, block.to_vec()));
            }
        }
        self.0.blocks.put_keyed(cid, block)
    }
}

/// Processor time of the process in ms, and its memory in KiB.
fn used() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells");
    let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("a number");
    let pages: f64 = ticks(21);
    ((ticks(11) + ticks(12)) * 10.0, pages * 4.0)
}

fn message(from: &Key, to: Option<[u8; 20]>, sequence: u64, input: &[u8], value: u64) -> Message {
    let (to, method_num, params) = ethereum::target(to.map(Into::into).as_ref(), input);
    Message {
        version: 0,
        from: from.address(),
        to,
        sequence,
        value: TokenAmount::from_atto(value),
        method_num,
        params,
        gas_limit: 1_000_000_000,
        gas_fee_cap: TokenAmount::from_atto(1_000_000),
        gas_premium: TokenAmount::from_atto(1_000),
    }
}

async fn send(chain: &ChainHandle, message: Message) {
    let key = &chain.dev_accounts()[0];
    let signed = key
        .sign_message(message, chain.config().chain_id)
        .expect("an account can sign");
    let pushed = chain.push(signed).await.expect("the pool takes it");
    let location = pushed.location.expect("it is mined at once");
    assert!(location.message().receipt.exit_code.is_success());
}

fn main() {
    let epochs: i64 = std::env::args()
        .filter_map(|word| word.parse().ok())
        .next()
        .unwrap_or(20_000);
    let runtime = Runtime::new().expect("a runtime starts");
    let _inside = runtime.enter();
    let bundle = Bundle::embedded(NetworkVariant::Devnet);
    let counting = Arc::new(Counting::default());
    let store = SharedStore::new(Store(counting.clone()));
    bundle.install(&store).expect("memory takes everything");
    let chain = ChainHandle::start(ChainSetup {
        config: ChainConfig::default(),
        store: store.clone(),
        file: None,
        actors: GenesisActors {
            builtin: bundle.actors().to_vec(),
            extra: Vec::new(),
            providers: Vec::new(),
        },
        machines: Arc::new(EngineMachines::new(
            Engine::new(EngineOptions::default()),
            MachineKind::Fvm,
        )),
        verifier: Arc::new(ChainProofs::new(
            Scheme::default().verifier().expect("it needs no files"),
            store,
        )),
    })
    .expect("the chain starts");
    let key = chain.dev_accounts()[0].clone();
    let creator = key.eth_address().expect("an Ethereum account");

    let mut code = hex::decode(include_str!("token.hex").trim()).expect("the file is hex");
    code.extend([0xff; 32]);
    runtime.block_on(send(&chain, message(&key, None, 0, &code, 0)));
    let token: [u8; 20] = creator.create(0).into();
    let mut nonce = 1;
    let mut transfers = |count: u64| {
        let (time, _) = used();
        for _ in 0..count {
            let message = message(&key, Some(RECIPIENT), nonce, &[], 1);
            runtime.block_on(send(&chain, message));
            nonce += 1;
        }
        (used().0 - time) / count as f64
    };
    transfers(200);

    let (_, memory) = used();
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (count, bytes) = (read(&counting.count), read(&counting.bytes));
    transfers(TRANSACTIONS);
    let each = |more: f64| more / TRANSACTIONS as f64;
    println!(
        "of each transfer: {:.1} KiB of memory, {:.1} blocks with {:.1} KiB",
        each(used().1 - memory),
        each((read(&counting.count) - count) as f64),
        each((read(&counting.bytes) - bytes) as f64) / 1024.0,
    );
    if std::env::var_os("BLOCKS").is_some() {
        counting.lists.store(true, Ordering::Relaxed);
        transfers(1);
        counting.lists.store(false, Ordering::Relaxed);
        for (cid, block) in counting.list.lock().expect("nobody panics with it").iter() {
            println!(
                "{cid} {} {}",
                block.len(),
                hex::encode(&block[..block.len().min(60)])
            );
        }
    }

    let balance_of = {
        let mut input = vec![0x70, 0xa0, 0x82, 0x31];
        input.extend([0; 12]);
        input.extend(RECIPIENT);
        message(&key, Some(token), 0, &input, 0)
    };
    println!("\n| blocks | call, ms | estimate, ms | transfer, ms |\n|---|---|---|---|");
    for length in [100, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000] {
        if length > epochs {
            break;
        }
        let missing = length - chain.head().height();
        if missing > 0 {
            runtime
                .block_on(chain.mine(missing as u64))
                .expect("it is mined");
        }
        let (time, _) = used();
        for _ in 0..SAMPLES {
            let head = chain.tipset(&TipsetRef::Head).expect("there is a head");
            let call = CallRequest::new(balance_of.clone(), CallPoint::After(head));
            let applied = runtime.block_on(chain.call(call)).expect("it runs");
            assert!(applied.receipt.exit_code.is_success());
        }
        let call = (used().0 - time) / SAMPLES as f64;
        let (time, _) = used();
        for _ in 0..SAMPLES / 4 {
            let call = runtime.block_on(chain.estimate_gas(
                balance_of.clone(),
                CallPoint::PendingOfSender,
                Default::default(),
            ));
            call.expect("it runs");
        }
        let estimate = (used().0 - time) / (SAMPLES / 4) as f64;
        let transfer = transfers(SAMPLES / 4);
        println!(
            "| {} | {call:.3} | {estimate:.3} | {transfer:.2} |",
            chain.head().height()
        );
    }
}
