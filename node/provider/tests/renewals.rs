//! Pieces that are kept already, and asked for again without their bytes.

mod common;

use std::collections::BTreeSet;

use boatyard_provider::{Order, Placement, Purpose};
use common::client::Client;
use common::contract;
use common::http::{ask, get};
use common::{DAY, market, serve, start};
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::PieceInfo;
use serde_json::json;

const MINER: u64 = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn a_deal_is_renewed_from_the_providers_own_copy() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let servers = serve(&chain, &providers);
    let url = servers[0].url();
    let client = Client::new(&chain, 0);
    client.add_balance(10).await;
    let data = b"mars".repeat(111);
    let piece = client.put(&url, &data).await;
    let (status, answer) = client.propose(&url, client.proposal(MINER, &piece)).await;
    assert_eq!(status, 202, "{answer}");
    chain.advance_to(60).await.unwrap();
    assert_eq!(get(&url, "/orders/1").await["state"], "active");
    assert!(!provider.files().piece(&piece.cid).exists());

    let (status, answer) = client.propose(&url, client.proposal(MINER, &piece)).await;
    assert_eq!(status, 202, "{answer}");
    // A favour needs no bytes either.
    let body = json!({ "piece_cid": piece.cid.to_string(), "duration": 200 * DAY });
    let (status, answer) = ask(&url, "POST", "/favours", body.to_string().as_bytes()).await;
    assert_eq!(status, 202, "{answer}");
    chain.advance_to(120).await.unwrap();
    let orders = get(&url, "/orders").await;
    for index in 0..3 {
        assert_eq!(orders[index]["state"], "active", "{orders}");
        assert_eq!(orders[index]["length"], data.len());
    }
    assert_ne!(orders[0]["sector"], orders[1]["sector"]);
    for index in 0..2 {
        let deal = orders[index]["deal_id"].as_u64().unwrap();
        assert!(market(&chain).deal_state(deal).unwrap().is_some());
    }
    assert!(!provider.files().piece(&piece.cid).exists());

    // What is damaged is not taken for it: the other copy is, as long as there is one.
    let copy = orders[0]["sector"].as_u64().unwrap();
    provider.corrupt_sector(copy).unwrap();
    let again = |label: &str| boatyard_market::DealProposal {
        label: boatyard_market::Label::Text(label.into()),
        ..client.proposal(MINER, &piece)
    };
    assert_eq!(client.propose(&url, again("third")).await.0, 202);
    chain.advance_to(200).await.unwrap();
    let order = get(&url, "/orders/4").await;
    assert_eq!(order["state"], "active", "{order}");
    let others = [1, 2].map(|index| orders[index]["sector"].as_u64().unwrap());
    let last = order["sector"].as_u64().unwrap();
    for sector in BTreeSet::from([others[0], others[1], last]) {
        // Of the copy in the first one it is known already.
        if sector != copy {
            provider.corrupt_sector(sector).unwrap();
        }
    }
    let (status, answer) = client.propose(&url, again("fourth")).await;
    let error = answer["error"].as_str().unwrap();
    assert!(
        status == 404 && error.contains("cannot be unsealed"),
        "{status} {error}"
    );
    assert!(error.contains("PUT /piece"), "{error}");
    client.put(&url, &data).await;
    assert_eq!(client.propose(&url, again("fourth")).await.0, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allocation_and_a_contract_get_what_a_sector_holds_already() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let servers = serve(&chain, &providers);
    let url = servers[0].url();
    let client = Client::new(&chain, 0);
    client.get_datacap(1 << 20).await;
    // It lies in a sector of committed capacity, behind another piece.
    let pieces: Vec<PieceInfo> = [b"phobos".repeat(100), b"deimos".repeat(30)]
        .iter()
        .map(|data| {
            let info = boatyard_proofs::piece::of_bytes(data);
            provider.files().save_piece(&info.cid, data).unwrap();
            let now = chain.head().height();
            let purpose = Purpose::Favour { notify: Vec::new() };
            let (start, end) = (now + 5 * DAY, now + 100 * DAY);
            let order = Order::new(info.clone(), data.len() as u64, purpose, start, end);
            let placement = Placement::CommittedCapacity;
            provider.take(Order { placement, ..order }).unwrap();
            info
        })
        .collect();
    let wanted = &pieces[1];
    chain.advance_to(200).await.unwrap();
    let order = get(&url, "/orders/2").await;
    assert_eq!(
        (&order["state"], &order["sector"]),
        (&json!("active"), &json!(0))
    );

    client.allocate(MINER, wanted, (180 * DAY, 400 * DAY)).await;
    chain.mine(1).await.unwrap();
    chain.advance_to(260).await.unwrap();
    let order = get(&url, "/orders/3").await;
    assert_eq!(
        (&order["kind"], &order["state"]),
        (&json!("allocation"), &json!("active")),
        "{order}"
    );
    assert_eq!(order["length"], 180);

    // The contract does not say where its data is.
    let deal = boatyard_market::DealProposal {
        client: contract::address(),
        ..client.proposal(MINER, wanted)
    };
    contract::deploy(&chain, &deal, "").await;
    let own = contract::address();
    let escrow = TokenAmount::from_whole(1);
    client.send(common::client::MARKET, escrow, 2, &own).await;
    let input = boatyard_chain::ethereum::cbor_bytes(&[1, 2, 3, 4]);
    let input: fvm_ipld_encoding::BytesDe = input.deserialize().unwrap();
    let input = fvm_ipld_encoding::BytesSer(&input.0);
    let nothing = TokenAmount::default();
    let method = boatyard_chain::ethereum::INVOKE_EVM;
    client.send(own, nothing, method, &input).await;
    chain.mine(1).await.unwrap();
    let epoch = chain.head().height();
    chain.advance_to(epoch + 60).await.unwrap();
    let order = get(&url, "/orders/4").await;
    assert_eq!(
        (&order["origin"], &order["state"]),
        (&json!("contract"), &json!("active")),
        "{order}"
    );
}
