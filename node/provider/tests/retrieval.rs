//! What providers keep goes out again: out of waiting pieces, sealed sectors and
//! updated ones; checked, in parts, for nothing and for vouchers.

mod common;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boatyard_actors_shared::ext::init::ExecParams;
use boatyard_chain::{ChainHandle, Found};
use boatyard_dag::block::DAG_PB;
use boatyard_dag::pb::Link;
use boatyard_dag::{Block, Cid, Layout, car, export, import, import_with, unixfs};
use boatyard_paych::{ConstructorParams, LaneState, SignedVoucher};
use boatyard_proofs::piece;
use boatyard_proofs::seal::{self, PieceSource};
use boatyard_provider::http::Server;
use boatyard_provider::record::{SectorPiece, UpdateRecord};
use boatyard_provider::{Order, Provider, ProvidersConfig, Purpose};
use common::client::Client;
use common::gate;
use common::http::{ask, get};
use common::{DAY, serve, start, start_proving, start_with};
use fvm_ipld_encoding::{CborStore as _, RawBytes, from_slice, to_vec};
use fvm_shared::address::Address;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::SectorSize;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const LIMIT: u64 = 16 << 20;

/// An answer to a request.
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn error(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["error"].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends a request without a body.
async fn fetch(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let host = server.local_addr().to_string();
    let mut stream = TcpStream::connect(&host).await.unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: answer[end + 4..].to_vec(),
    }
}

/// A GET that succeeds.
async fn bytes(server: &Server, path: &str) -> Vec<u8> {
    let answer = fetch(server, "GET", path, &[]).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.error());
    answer.body
}

/// A directory with a file of several blocks, as a CAR that fits into 2 KiB.
struct Planets {
    root: Cid,
    mars: Cid,
    file: Vec<u8>,
    car: Vec<u8>,
}

fn planets() -> Planets {
    let file: Vec<u8> = (0..800u32).map(|i| (i * i / 7) as u8).collect();
    let layout = Layout {
        chunk_size: 300,
        links: 174,
    };
    let mars = import_with(file.as_slice(), layout).unwrap();
    let directory = Block::new(
        DAG_PB,
        unixfs::directory(vec![Link {
            cid: mars.root,
            name: Some("mars.jpg".into()),
            size: Some(1_000),
        }]),
    );
    let root = directory.cid;
    let mut blocks = vec![directory];
    blocks.extend(mars.blocks);
    Planets {
        root,
        mars: mars.root,
        file,
        car: car::to_vec(&[root], &blocks),
    }
}

/// Hands data in, has it kept and waits until it is.
async fn keep(chain: &ChainHandle, provider: &Provider, server: &Server, data: &[u8]) -> PieceInfo {
    let info = hand_in(server, data).await;
    have_kept(chain, provider, info.clone(), data.len() as u64).await;
    info
}

async fn hand_in(server: &Server, data: &[u8]) -> PieceInfo {
    let info = piece::of_bytes(data);
    let path = format!("/piece/{}", info.cid);
    let (status, answer) = ask(&server.url(), "PUT", &path, data).await;
    assert_eq!(status, 201, "{answer}");
    info
}

async fn have_kept(chain: &ChainHandle, provider: &Provider, info: PieceInfo, length: u64) {
    let piece = info.cid;
    let purpose = Purpose::Favour { notify: Vec::new() };
    let order = Order::new(info, length, purpose, 1_000, 200 * DAY);
    let id = provider.take(order).unwrap();
    for epoch in 1.. {
        assert!(epoch < 20, "it takes too long");
        chain.advance_to(chain.head().height() + 20).await.unwrap();
        if !provider.files().piece(&piece).exists() {
            break;
        }
    }
    let order = provider.order(id).unwrap();
    assert!(order.has_step("active"), "{order:?}");
}

/// The replica of the only sector with data.
fn replica(provider: &Provider) -> PathBuf {
    let sectors = provider.sectors();
    let record = sectors.iter().find(|record| !record.pieces.is_empty());
    provider.files().sector(record.unwrap().number).sealed()
}

fn flip(path: &PathBuf, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_file_comes_out_of_the_sealed_sector_by_path_by_block_and_as_car() {
    let (chain, providers) = start(1);
    let server = serve(&chain, &providers).remove(0);
    let planets = planets();
    let by_path = format!("/ipfs/{}/mars.jpg", planets.root);

    // While it waits, and once only the replica is left.
    let info = hand_in(&server, &planets.car).await;
    assert_eq!(bytes(&server, &by_path).await, planets.file);
    have_kept(
        &chain,
        &providers[0],
        info.clone(),
        planets.car.len() as u64,
    )
    .await;
    assert_eq!(bytes(&server, &by_path).await, planets.file);
    let by_cid = format!("/ipfs/{}", planets.mars);
    let whole = fetch(&server, "GET", &by_cid, &[]).await;
    assert_eq!((whole.status, &whole.body), (200, &planets.file));
    assert_eq!(whole.header("etag"), format!("\"{}\"", planets.mars));
    assert!(whole.header("cache-control").contains("immutable"));

    let known = [("if-none-match", whole.header("etag"))];
    assert_eq!(fetch(&server, "GET", &by_cid, &known).await.status, 304);
    let head = fetch(&server, "HEAD", &by_cid, &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), "800");
    let part = fetch(&server, "GET", &by_cid, &[("range", "bytes=290-609")]).await;
    assert_eq!(
        (part.status, &part.body[..]),
        (206, &planets.file[290..610])
    );
    assert_eq!(part.header("content-range"), "bytes 290-609/800");
    let none = fetch(&server, "GET", &by_cid, &[("range", "bytes=800-")]).await;
    assert_eq!(none.status, 416);

    let raw = [("accept", "application/vnd.ipld.raw")];
    let block = fetch(&server, "GET", &by_path, &raw).await;
    assert_eq!(block.status, 200);
    assert_eq!(block.header("content-type"), raw[0].1);
    boatyard_dag::block::verify(&planets.mars, &block.body).unwrap();
    assert_eq!(
        block.header("x-ipfs-roots"),
        format!("{},{}", planets.root, planets.mars)
    );

    let all = bytes(&server, &format!("{by_path}?format=car")).await;
    assert_eq!(all, planets.car, "the way and the file, depth first");
    let store = car::Store::new(all).unwrap();
    assert_eq!(export(&store, &planets.mars, LIMIT).unwrap(), planets.file);
    let entity = format!("{by_path}?format=car&dag-scope=entity&entity-bytes=-150:*");
    let some = car::Index::new(&bytes(&server, &entity).await).unwrap();
    assert_eq!(some.entries.len(), 3, "directory, file, its last leaf");
    let one = format!("{by_cid}?format=car&dag-scope=block");
    assert_eq!(
        car::Index::new(&bytes(&server, &one).await)
            .unwrap()
            .entries
            .len(),
        1
    );

    let by_piece = format!("/piece/{}", info.cid);
    let whole = fetch(&server, "GET", &by_piece, &[]).await;
    assert_eq!((whole.status, &whole.body), (200, &planets.car));
    let part = fetch(&server, "GET", &by_piece, &[("range", "bytes=-10")]).await;
    assert_eq!(
        (part.status, &part.body[..]),
        (206, &planets.car[planets.car.len() - 10..])
    );
    let head = fetch(&server, "HEAD", &by_piece, &[]).await;
    assert_eq!(head.header("content-length"), planets.car.len().to_string());
    assert_eq!(head.header("x-piece-size"), "2048");
}

#[tokio::test]
async fn what_cannot_be_given_out_is_refused_with_the_reason() {
    let (chain, providers) = start(1);
    let server = serve(&chain, &providers).remove(0);
    let planets = planets();
    hand_in(&server, &planets.car).await;
    let root = planets.root;
    let elsewhere = import(&b"venus"[..]).unwrap().root;
    let not_a_piece = format!("/piece/{root}");
    let other_piece = format!("/piece/{}", piece::of_bytes(b"venus").cid);
    for (path, status, words) in [
        (
            format!("/ipfs/{elsewhere}"),
            404,
            "no piece of this provider",
        ),
        (
            format!("/ipfs/{root}/venus.jpg"),
            404,
            "no entry `venus.jpg`",
        ),
        (format!("/ipfs/{root}/mars.jpg/crater"), 404, "no directory"),
        (format!("/ipfs/{root}"), 406, "is a directory"),
        (format!("/ipfs/{root}?format=tar"), 406, "format=tar"),
        ("/ipfs/mars".into(), 400, "no CID"),
        (
            format!("/ipfs/{root}?format=car&dag-scope=some"),
            400,
            "dag-scope",
        ),
        (not_a_piece, 400, "baga"),
        (other_piece, 404, "is not kept here"),
    ] {
        let answer = fetch(&server, "GET", &path, &[]).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.error());
        assert!(answer.error().contains(words), "{path}: {}", answer.error());
    }
    // The block of nothing is everywhere.
    assert_eq!(bytes(&server, "/ipfs/bafkqaaa").await, b"");
    // What waits is checked as well.
    flip(
        &providers[0]
            .files()
            .piece(&piece::of_bytes(&planets.car).cid),
        700,
    );
    let spoiled = fetch(&server, "GET", &format!("/ipfs/{}", planets.mars), &[]).await;
    assert_eq!(spoiled.status, 500, "{}", spoiled.error());
}

#[tokio::test]
async fn a_corrupt_sector_gives_nothing_out_and_a_lost_one_is_gone() {
    let (chain, providers) = start(1);
    let server = serve(&chain, &providers).remove(0);
    let planets = planets();
    let info = keep(&chain, &providers[0], &server, &planets.car).await;
    let paths = [
        format!("/ipfs/{}", planets.mars),
        format!("/piece/{}", info.cid),
    ];
    let sealed = replica(&providers[0]);
    for damaged in [false, true, false] {
        for path in &paths {
            let answer = fetch(&server, "GET", path, &[]).await;
            match damaged {
                false => assert_eq!(answer.status, 200, "{}", answer.error()),
                true => {
                    assert_eq!(answer.status, 500);
                    assert!(answer.error().contains("damaged"), "{}", answer.error());
                }
            }
        }
        // Damaged, and then as before.
        flip(&sealed, 1_000);
    }
    fs::remove_file(&sealed).unwrap();
    for path in &paths {
        let answer = fetch(&server, "GET", path, &[]).await;
        assert_eq!(answer.status, 410, "{}", answer.error());
        assert!(answer.error().contains("lost"), "{}", answer.error());
    }
}

#[tokio::test]
async fn an_index_that_is_lost_or_wrong_is_made_again() {
    let (chain, providers) = start(1);
    let server = serve(&chain, &providers).remove(0);
    let planets = planets();
    let info = keep(&chain, &providers[0], &server, &planets.car).await;
    let path = format!("/ipfs/{}/mars.jpg", planets.root);
    let folder = providers[0].files().root().join("retrieval/index");
    fs::remove_dir_all(&folder).unwrap();
    let after_restart = serve(&chain, &providers).remove(0);
    assert_eq!(bytes(&after_restart, &path).await, planets.file);

    // Of another piece: its blocks lie elsewhere.
    let other = boatyard_provider::retrieval::index::note(
        providers[0].files(),
        &info.cid,
        &[planets.car.as_slice(), b"\0"].concat(),
    );
    let mut wrong = other.unwrap();
    for spot in &mut wrong.blocks {
        spot.offset += 1;
    }
    fs::write(folder.join(info.cid.to_string()), to_vec(&wrong).unwrap()).unwrap();
    let after_restart = serve(&chain, &providers).remove(0);
    assert_eq!(bytes(&after_restart, &path).await, planets.file);
}

#[tokio::test]
async fn data_comes_out_of_an_updated_sector() {
    let (chain, providers) = start(1);
    let server = serve(&chain, &providers).remove(0);
    let planets = planets();
    // The sector of the genesis, updated behind the chain's back.
    let mut record = providers[0].sectors().remove(0);
    let dir = providers[0].files().sector(record.number);
    let info = piece::of_bytes(&planets.car);
    let source = PieceSource {
        data: Box::new(planets.car.as_slice()),
        size: info.size.unpadded(),
        expected: Some(info.cid),
    };
    let size = SectorSize::_2KiB;
    let pieces = seal::stage(&dir.update_unsealed(), size, vec![source]).unwrap();
    let updated = seal::update(&dir, record.sealed.as_ref().unwrap(), &pieces).unwrap();
    fs::remove_file(dir.update_unsealed()).unwrap();
    record.update = Some(UpdateRecord {
        pieces: vec![SectorPiece {
            piece: info.clone(),
            order: 1,
        }],
        updated: Some(updated),
        proven: true,
    });
    providers[0].remember(record).unwrap();
    let path = format!("/ipfs/{}", planets.mars);
    assert_eq!(bytes(&server, &path).await, planets.file);
    // Nobody knows how long the piece was: it comes with its zeros.
    let piece = bytes(&server, &format!("/piece/{}", info.cid)).await;
    assert_eq!(piece::of_bytes(&piece), info);
    flip(&dir.update(), 99);
    let damaged = fetch(&server, "GET", &path, &[]).await;
    assert_eq!(damaged.status, 500, "{}", damaged.error());
}

#[tokio::test]
async fn a_picture_of_7_mb_comes_out_of_a_sector_of_8_mib() {
    let config = ProvidersConfig {
        count: 1,
        sector_size: SectorSize::_8MiB,
        ..ProvidersConfig::default()
    };
    let (chain, providers) = start_with(config, None);
    let server = serve(&chain, &providers).remove(0);
    let mut picture: Vec<u8> = (0..7_000_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    picture[..3].copy_from_slice(b"\xff\xd8\xff");
    let dag = import(picture.as_slice()).unwrap();
    let data = car::to_vec(&[dag.root], &dag.blocks);
    let info = keep(&chain, &providers[0], &server, &data).await;
    let path = format!("/ipfs/{}", dag.root);
    let whole = fetch(&server, "GET", &path, &[]).await;
    assert_eq!(whole.status, 200, "{}", whole.error());
    assert!(whole.body == picture, "the same bytes");
    assert_eq!(whole.header("content-type"), "image/jpeg");
    let all = bytes(&server, &format!("{path}?format=car")).await;
    let store = car::Store::new(all).unwrap();
    assert!(export(&store, &dag.root, LIMIT).unwrap() == picture);
    let part = fetch(&server, "GET", &path, &[("range", "bytes=6999990-")]).await;
    assert_eq!(part.body, picture[6_999_990..]);
    assert!(bytes(&server, &format!("/piece/{}", info.cid)).await == data);
}

/// A payer and its channel to a provider.
struct Payer {
    client: Client,
    channel: Address,
}

impl Payer {
    async fn open(chain: &ChainHandle, account: usize, to: Address, atto: u64) -> Self {
        let client = Client::new(chain, account);
        let manifest = chain.head_state().manifest().unwrap();
        let params = ExecParams {
            code_cid: manifest.code_of("paymentchannel").unwrap(),
            constructor_params: RawBytes::serialize(ConstructorParams {
                from: client.key.address(),
                to,
            })
            .unwrap(),
        };
        let amount = TokenAmount::from_atto(atto);
        let created = client.send(Address::new_id(1), amount, 2, &params).await;
        let (channel, _): (Address, Address) = from_slice(&created).unwrap();
        Self { client, channel }
    }

    fn voucher(&self, lane: u64, nonce: u64, atto: u64) -> SignedVoucher {
        self.sign(SignedVoucher {
            channel_addr: self.channel,
            time_lock_min: 0,
            time_lock_max: 0,
            secret_pre_image: RawBytes::default(),
            extra: None,
            lane,
            nonce,
            amount: TokenAmount::from_atto(atto),
            min_settle_height: 0,
            merges: Vec::new(),
            signature: None,
        })
    }

    fn sign(&self, mut voucher: SignedVoucher) -> SignedVoucher {
        let signature = self.client.key.sign(&voucher.signing_bytes().unwrap());
        voucher.signature = Some(Signature::new_secp256k1(signature.data));
        voucher
    }
}

async fn pay(server: &Server, path: &str, voucher: &SignedVoucher) -> Answer {
    let header = STANDARD.encode(to_vec(voucher).unwrap());
    fetch(server, "GET", path, &[("x-payment-voucher", &header)]).await
}

#[tokio::test]
async fn who_asks_a_price_is_paid_by_vouchers() {
    let config = ProvidersConfig {
        count: 1,
        retrieval_price: TokenAmount::from_atto(2),
        ..ProvidersConfig::default()
    };
    let (chain, providers) = start_with(config, None);
    let server = serve(&chain, &providers).remove(0);
    let planets = planets();
    hand_in(&server, &planets.car).await;
    let path = format!("/ipfs/{}", planets.mars);

    let about = get(&server.url(), "/").await;
    assert_eq!(about["retrieval"]["price_per_byte"], "2");
    let unpaid = fetch(&server, "GET", &path, &[]).await;
    assert_eq!(unpaid.status, 402);
    let terms: Value = serde_json::from_slice(&unpaid.body).unwrap();
    assert_eq!(terms["price_per_byte"], "2");
    assert_eq!(terms["cost"], "1600");
    assert_eq!(terms["payment_address"], about["worker"]);
    let head = fetch(&server, "HEAD", &path, &[]).await;
    assert_eq!((head.status, head.header("content-length")), (200, "800"));

    let worker: Address = terms["payment_address"].as_str().unwrap().parse().unwrap();
    let payer = Payer::open(&chain, 3, worker, 10_000).await;

    // What the channel would not redeem, or could not, buys nothing.
    let mut forged = payer.voucher(0, 1, 5_000);
    forged.amount = TokenAmount::from_atto(6_000);
    let other = Payer::open(&chain, 4, other_address(&chain), 10_000).await;
    let mut merged = payer.voucher(0, 1, 5_000);
    merged
        .merges
        .push(boatyard_paych::Merge { lane: 1, nonce: 1 });
    let mut late = payer.voucher(0, 1, 5_000);
    late.time_lock_max = 100;
    let mut early = payer.voucher(0, 1, 5_000);
    early.time_lock_min = 1_000;
    let mut unsigned = payer.voucher(0, 1, 5_000);
    unsigned.signature = None;
    let mut nobody = payer.voucher(0, 1, 5_000);
    nobody.channel_addr = worker;
    for (voucher, words) in [
        (forged, "refuse"),
        (payer.voucher(0, 1, 10_001), "10001"),
        (payer.voucher(0, 1, 1_599), "1600"),
        (other.voucher(0, 1, 5_000), "is paid at"),
        (payer.sign(merged), "plain"),
        (payer.sign(late), "until epoch 100"),
        (payer.sign(early), "from epoch 1000"),
        (unsigned, "not signed"),
        (payer.sign(nobody), "no payment channel"),
    ] {
        let answer = pay(&server, &path, &voucher).await;
        assert_eq!(answer.status, 402, "{words}");
        assert!(
            answer.error().contains(words),
            "{words}: {}",
            answer.error()
        );
    }
    let vouchers = get(&server.url(), "/vouchers").await;
    assert_eq!(
        vouchers["channels"].as_array().unwrap().len(),
        0,
        "{vouchers}"
    );

    // One for two and a half files buys two.
    let voucher = payer.voucher(0, 1, 4_000);
    for _ in 0..2 {
        let answer = pay(&server, &path, &voucher).await;
        assert_eq!((answer.status, answer.body), (200, planets.file.clone()));
    }
    let short = pay(&server, &path, &voucher).await;
    assert_eq!(short.status, 402);
    assert!(short.error().contains("4800"), "{}", short.error());
    let part = [
        ("range", "bytes=0-399"),
        (
            "x-payment-voucher",
            &STANDARD.encode(to_vec(&voucher).unwrap()),
        ),
    ];
    assert_eq!(
        fetch(&server, "GET", &path, &part).await.status,
        206,
        "for the rest"
    );
    for (voucher, words) in [
        (payer.voucher(0, 1, 9_000), "higher nonce"),
        (payer.voucher(0, 2, 4_000), "for more"),
        (payer.voucher(1, 1, 6_001), "10001"),
    ] {
        let answer = pay(&server, &path, &voucher).await;
        assert_eq!(answer.status, 402, "{words}");
        assert!(
            answer.error().contains(words),
            "{words}: {}",
            answer.error()
        );
    }
    // Another lane of the same channel, after a restart.
    let server = serve(&chain, &providers).remove(0);
    let answer = pay(&server, &path, &payer.voucher(1, 1, 1_600)).await;
    assert_eq!(answer.status, 200, "{}", answer.error());
    let vouchers = get(&server.url(), "/vouchers").await;
    let channel = &vouchers["channels"][0];
    assert_eq!(
        (&channel["earned"], &channel["credit"], &channel["bytes"]),
        (&"5600".into(), &"0".into(), &2_800.into())
    );

    // The provider gets what it earned.
    let (status, redeemed) = ask(&server.url(), "POST", "/vouchers/redeem", b"").await;
    assert_eq!(status, 200, "{redeemed}");
    assert_eq!(redeemed["redeemed"].as_array().unwrap().len(), 2);
    chain.mine(1).await.unwrap();
    for one in redeemed["redeemed"].as_array().unwrap() {
        let cid = one["message"].as_str().unwrap().parse().unwrap();
        assert!(matches!(chain.message(&cid), Some(Found::Mined(_))));
    }
    let state = chain.head_state();
    let (_, actor) = state.actor(&payer.channel).unwrap().unwrap();
    let on_chain: boatyard_paych::State = chain.store().get_cbor(&actor.state).unwrap().unwrap();
    assert_eq!(on_chain.to_send, TokenAmount::from_atto(5_600));
    let lanes = on_chain.lane_states.load(chain.store()).unwrap();
    let lane = LaneState {
        redeemed: TokenAmount::from_atto(4_000),
        nonce: 1,
    };
    assert_eq!(lanes.get(0).unwrap(), Some(&lane));
    let (_, again) = ask(&server.url(), "POST", "/vouchers/redeem", b"").await;
    assert_eq!(again["redeemed"].as_array().unwrap().len(), 0);
    // What was redeemed buys nothing again.
    assert_eq!(pay(&server, &path, &voucher).await.status, 402);
    let more = pay(&server, &path, &payer.voucher(0, 2, 5_600)).await;
    assert_eq!(more.status, 200, "{}", more.error());
}

/// The provider seals while it holds its lock and the chain; both may last.
#[tokio::test]
async fn files_are_given_out_and_orders_shown_while_the_provider_seals() {
    let (prover, gate, mut waiting) = gate::gated();
    let config = ProvidersConfig {
        count: 1,
        retrieval_price: TokenAmount::from_atto(1),
        ..ProvidersConfig::default()
    };
    let (chain, providers) = start_proving(config, None, &prover);
    let server = serve(&chain, &providers).remove(0);
    let provider = &providers[0];
    let planets = planets();
    let info = keep(&chain, provider, &server, &planets.car).await;
    let about = get(&server.url(), "/").await;
    let worker: Address = about["worker"].as_str().unwrap().parse().unwrap();
    let payer = Payer::open(&chain, 3, worker, 10_000).await;

    let other = hand_in(&server, b"something that is sealed now").await;
    let purpose = Purpose::Favour { notify: Vec::new() };
    let order = Order::new(other.clone(), 28, purpose, 1_000, 200 * DAY);
    let id = provider.take(order).unwrap();
    gate.shut(true);
    let advanced = tokio::spawn({
        let chain = chain.clone();
        async move { chain.advance_to(chain.head().height() + 400).await.unwrap() }
    });
    waiting.recv().await.unwrap();

    // Out of the replica, as nothing was asked for before.
    let path = format!("/ipfs/{}/mars.jpg", planets.root);
    let answer = pay(&server, &path, &payer.voucher(0, 1, 800)).await;
    assert_eq!((answer.status, answer.body), (200, planets.file));
    assert_eq!(
        fetch(&server, "HEAD", &format!("/piece/{}", info.cid), &[])
            .await
            .status,
        200
    );
    let shown = get(&server.url(), &format!("/orders/{id}")).await;
    assert_eq!(shown["state"], "pre-committed");
    for path in ["/orders", "/sectors", "/", "/vouchers"] {
        get(&server.url(), path).await;
    }
    let unknown = fetch(&server, "GET", "/deals/7", &[]).await;
    assert_eq!(unknown.status, 404);
    // Bytes are taken as well; only what changes the desk has to wait.
    hand_in(&server, b"something else").await;
    assert!(!advanced.is_finished());

    gate.shut(false);
    advanced.await.unwrap();
    let shown = get(&server.url(), &format!("/orders/{id}")).await;
    assert_eq!(shown["state"], "active");
}

#[tokio::test]
async fn a_voucher_that_comes_many_times_at_once_is_good_for_what_it_states() {
    let config = ProvidersConfig {
        count: 1,
        retrieval_price: TokenAmount::from_atto(1),
        ..ProvidersConfig::default()
    };
    let (chain, providers) = start_with(config, None);
    let server = serve(&chain, &providers).remove(0);
    let planets = planets();
    hand_in(&server, &planets.car).await;
    let about = get(&server.url(), "/").await;
    let worker: Address = about["worker"].as_str().unwrap().parse().unwrap();
    let payer = Payer::open(&chain, 3, worker, 100_000).await;
    let path = format!("/ipfs/{}", planets.mars);
    // Three files and a half; and one for a lower total, which takes nothing away.
    let (best, lower) = (payer.voucher(0, 2, 2_800), payer.voucher(0, 1, 1_600));
    let asked =
        (0..16).map(|number| pay(&server, &path, if number % 4 == 3 { &lower } else { &best }));
    let answers = futures(asked).await;
    let given = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 402).count();
    assert_eq!((given, refused), (3, 13));
    let vouchers = get(&server.url(), "/vouchers").await;
    let channel = &vouchers["channels"][0];
    assert_eq!(
        (&channel["earned"], &channel["credit"]),
        (&"2400".into(), &"400".into())
    );
}

/// Waits for all at once.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in &mut waiting {
            if output.is_none()
                && let std::task::Poll::Ready(done) = future.as_mut().poll(context)
            {
                *output = Some(done);
            }
        }
        match waiting.iter().all(|(_, output)| output.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    waiting
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

/// Of somebody who is no provider.
fn other_address(chain: &ChainHandle) -> Address {
    chain.dev_accounts()[5].address()
}
