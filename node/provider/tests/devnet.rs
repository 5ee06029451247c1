//! Storage providers on a chain of their own: real sectors, real proofs, real actors.

mod common;

use boatyard_proofs::piece;
use boatyard_provider::{Order, Purpose};
use common::{DAY, faults, miner, power, start};
use fvm_shared::bigint::BigInt;

#[tokio::test]
async fn providers_have_power_from_the_start_and_keep_it_by_proving() {
    let (chain, _providers) = start(2);
    for id in [1000, 1001] {
        assert_eq!(power(&chain, id), BigInt::from(2_048));
    }
    chain.advance_to(3 * DAY).await.unwrap();
    for id in [1000, 1001] {
        assert_eq!(power(&chain, id), BigInt::from(2_048));
        assert_eq!(faults(&chain, id), 0);
    }
}

#[tokio::test]
async fn who_stops_loses_its_power_and_gets_it_back_by_proving_again() {
    let (chain, providers) = start(1);
    providers[0].set_mischief(|mischief| mischief.skips_posts = true);
    chain.advance_to(DAY + 100).await.unwrap();
    assert_eq!(faults(&chain, 1000), 1);
    assert_eq!(power(&chain, 1000), BigInt::from(0));
    providers[0].set_mischief(|mischief| mischief.skips_posts = false);
    chain.advance_to(4 * DAY).await.unwrap();
    assert_eq!(faults(&chain, 1000), 0);
    assert_eq!(power(&chain, 1000), BigInt::from(2_048));
}

#[tokio::test]
async fn an_order_is_sealed_proven_and_kept() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let data = b"mars".repeat(400);
    let info = piece::of_bytes(&data);
    std::fs::write(provider.files().piece(&info.cid), &data).unwrap();
    let length = data.len() as u64;
    let purpose = Purpose::Favour { notify: Vec::new() };
    let order = Order::new(info, length, purpose, 1_000, 200 * DAY);
    let id = provider.take(order).unwrap();
    chain.advance_to(60).await.unwrap();
    let order = provider
        .orders()
        .into_iter()
        .find(|order| order.id == id)
        .unwrap();
    assert!(order.has_step("active"), "{order:?}");
    let number = order.sector.unwrap();
    assert!(miner(&chain, 1000).sector(number).unwrap().is_some());
    chain.advance_to(3 * DAY).await.unwrap();
    assert_eq!(power(&chain, 1000), BigInt::from(4_096));
    assert_eq!(faults(&chain, 1000), 0);
}
