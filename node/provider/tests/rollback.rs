//! The chain goes back before what was done to a sector with data in it.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boatyard_chain::ChainHandle;
use boatyard_proofs::{piece, seal};
use boatyard_provider::{Order, OrderId, Placement, Pledge, Provider, Purpose, SectorRecord};
use common::client::Client;
use common::http::{ask, get};
use common::{DAY, faults, market, miner, serve, start};
use fvm_ipld_encoding::to_vec;
use serde_json::json;

const MINER: u64 = 1000;

fn favour(chain: &ChainHandle, provider: &Provider, data: &[u8]) -> OrderId {
    let info = piece::of_bytes(data);
    provider.files().save_piece(&info.cid, data).unwrap();
    let now = chain.head().height();
    let purpose = Purpose::Favour { notify: Vec::new() };
    let (start, end) = (now + 5 * DAY, now + 100 * DAY);
    let order = Order::new(info, data.len() as u64, purpose, start, end);
    let placement = Placement::CommittedCapacity;
    provider.take(Order { placement, ..order }).unwrap()
}

fn record(provider: &Provider, number: u64) -> SectorRecord {
    let mut records = provider.sectors().into_iter();
    records.find(|record| record.number == number).unwrap()
}

/// A sector whose update has gone with the commit that it stood on: the number, and two
/// orders with their data.
async fn undone(
    chain: &ChainHandle,
    provider: &Provider,
    damage: bool,
) -> (u64, Vec<(OrderId, Vec<u8>)>) {
    let snapshot = chain.snapshot().await.unwrap();
    // So late that the new ticket is another one.
    chain.advance_to(50).await.unwrap();
    let epoch = chain.next_epoch();
    let pledged = provider.pledge(&chain.head_state(), epoch, &Pledge::default());
    let number = pledged.unwrap()[0];
    chain.advance_to(2 * DAY).await.unwrap();
    let mut orders = Vec::new();
    for data in [b"phobos".repeat(50), b"deimos".repeat(99)] {
        orders.push((favour(chain, provider, &data), data));
    }
    let epoch = chain.head().height();
    chain.advance_to(epoch + 200).await.unwrap();
    for (order, _) in &orders {
        let order = provider.order(*order).unwrap();
        assert_eq!(order.sector, Some(number));
        assert!(order.has_step("active"), "{order:?}");
        assert!(!provider.files().piece(&order.piece.cid).exists());
    }
    if damage {
        provider.corrupt_sector(number).unwrap();
    }
    let before = record(provider, number).sealed.unwrap();
    assert!(chain.revert(snapshot).await.unwrap());
    assert!(miner(chain, MINER).sector(number).unwrap().is_none());
    let epoch = chain.head().height();
    chain.advance_to(epoch + 30).await.unwrap();
    let after = record(provider, number).sealed.unwrap();
    assert_ne!(after.comm_r, before.comm_r, "it is sealed anew");
    (number, orders)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_survives_that_its_sector_is_sealed_anew() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let (number, orders) = undone(&chain, provider, false).await;
    chain.advance_to(3 * DAY).await.unwrap();
    let kept = record(provider, number);
    let update = kept.update.clone().unwrap();
    assert!(update.proven);
    let updated = update.updated.unwrap();
    let on_chain = miner(&chain, MINER).sector(number).unwrap().unwrap();
    assert_eq!(on_chain.sealed_cid, updated.sealed_cid());
    let dir = provider.files().sector(number);
    seal::decode_update(&dir, &updated).unwrap();
    for (order, data) in &orders {
        let order = provider.order(*order).unwrap();
        assert!(order.has_step("active"), "{order:?}");
        let (offset, _) = boatyard_provider::record::place(kept.held(), &order.piece.cid).unwrap();
        let start = offset / 128 * 127;
        let range = start..start + data.len() as u64;
        let found = seal::read_unsealed(&dir.update_unsealed(), range).unwrap();
        assert_eq!(&found, data);
        assert!(!provider.files().piece(&order.piece.cid).exists());
    }
    chain.advance_to(5 * DAY).await.unwrap();
    assert_eq!(faults(&chain, MINER), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_an_update_that_is_lost_is_waited_for() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let (number, orders) = undone(&chain, provider, true).await;
    chain.advance_to(2 * DAY).await.unwrap();
    // The sector itself is proven; its orders are in none.
    assert!(miner(&chain, MINER).sector(number).unwrap().is_some());
    assert_eq!(record(provider, number).update, None);
    for (order, data) in &orders {
        let order = provider.order(*order).unwrap();
        assert_eq!((order.sector, order.failed, order.length), (None, None, 0));
        provider.files().save_piece(&order.piece.cid, data).unwrap();
    }
    chain.advance_to(3 * DAY).await.unwrap();
    for (order, data) in &orders {
        let order = provider.order(*order).unwrap();
        assert!(order.has_step("active"), "{order:?}");
        assert_eq!(order.length, data.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_waits_until_its_deal_is_published_again() {
    for placement in ["committed-capacity", "new"] {
        let (chain, providers) = start(1);
        let servers = serve(&chain, &providers);
        let url = servers[0].url();
        let client = Client::new(&chain, 0);
        client.add_balance(10).await;
        let snapshot = chain.snapshot().await.unwrap();
        let piece = client.put(&url, &b"mars".repeat(300)).await;
        let signed = client.sign(client.proposal(MINER, &piece));
        let body = json!({
            "proposal": STANDARD.encode(to_vec(&signed).unwrap()),
            "into": placement,
        });
        let (status, answer) = ask(&url, "POST", "/deals", body.to_string().as_bytes()).await;
        assert_eq!(status, 202, "{answer}");
        let state = async |expected: &str| {
            let order = get(&url, "/orders/1").await;
            assert_eq!(order["state"], expected, "{order}");
            order["deal_id"].as_u64()
        };
        chain.advance_to(150).await.unwrap();
        assert!(state("active").await.is_some());
        assert!(chain.revert(snapshot).await.unwrap());
        chain.advance_to(150).await.unwrap();
        let deal = state("active").await.unwrap();
        assert!(
            market(&chain).deal_state(deal).unwrap().is_some(),
            "{placement}"
        );
    }
}
