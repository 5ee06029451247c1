//! Contracts that refuse to be told of a piece: the sector and its other orders go on.

mod common;

use alloy::primitives::{Address as EthAddress, Bytes};
use alloy::sol_types::SolValue;
use boatyard_chain::{ChainHandle, StateEdit, ethereum};
use boatyard_provider::Placement;
use common::client::Client;
use common::http::{ask, get};
use common::{favour, market, miner, serve, start};
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use serde_json::json;

const MINER: u64 = 1000;

/// CBOR of what the market's receiver interface answers for one piece.
fn verdict(accepted: bool) -> Vec<u8> {
    vec![0x81, 0x81, if accepted { 0xf5 } else { 0xf4 }]
}

/// A contract that answers every notification so; one that reverts if there is nothing
/// to answer.
async fn deploy(chain: &ChainHandle, name: u8, answer: Option<Vec<u8>>) -> Address {
    let code = match answer {
        // REVERT of nothing.
        None => vec![0x60, 0, 0x60, 0, 0xfd],
        Some(answer) => {
            let answer = (0u32, 0x51u64, Bytes::from(answer)).abi_encode_params();
            let length = u8::try_from(answer.len()).unwrap();
            // CODECOPY of what stands behind, RETURN.
            let mut code = vec![0x60, length, 0x60, 12, 0x60, 0, 0x39];
            code.extend([0x60, length, 0x60, 0, 0xf3]);
            code.extend(answer);
            code
        }
    };
    let address = ethereum::to_filecoin(&EthAddress::repeat_byte(name));
    let edit = StateEdit::Code { address, code };
    chain.edit(vec![edit]).await.unwrap();
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn who_refuses_to_be_told_is_left_out_and_the_sector_is_proven() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let servers = serve(&chain, &providers);
    let url = servers[0].url();
    let client = Client::new(&chain, 0);
    client.add_balance(10).await;
    let content = deploy(&chain, 1, Some(verdict(true))).await;
    let refusing = deploy(&chain, 2, Some(verdict(false))).await;
    let broken = deploy(&chain, 3, None).await;

    // All of them in one sector: four pieces of up to 512 bytes.
    let piece = client.put(&url, &b"mars".repeat(100)).await;
    let (status, answer) = client.propose(&url, client.proposal(MINER, &piece)).await;
    assert_eq!(status, 202, "{answer}");
    chain.mine(1).await.unwrap();
    let new = Placement::New;
    for (data, told) in [(b"a", broken), (b"b", content), (b"c", refusing)] {
        favour(&chain, provider, &data.repeat(300), &[told], new);
    }
    chain.advance_to(60).await.unwrap();
    let orders = get(&url, "/orders").await;
    let states: Vec<_> = (0..4).map(|index| orders[index]["state"].clone()).collect();
    assert_eq!(states, ["active", "failed", "active", "failed"], "{orders}");
    let number = orders[0]["sector"].as_u64().unwrap();
    assert!(
        (0..4).all(|index| orders[index]["sector"] == number),
        "{orders}"
    );
    for index in [1, 3] {
        let error = orders[index]["error"].as_str().unwrap();
        assert!(error.contains("cannot be proven together"), "{error}");
        let steps = orders[index]["steps"].to_string();
        assert!(!steps.contains("active"), "{steps}");
    }
    let deal = orders[0]["deal_id"].as_u64().unwrap();
    assert!(market(&chain).deal_state(deal).unwrap().is_some());
    let view = miner(&chain, MINER);
    assert!(view.sector(number).unwrap().is_some());
    assert_eq!(view.state.pre_commit_deposits, TokenAmount::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_goes_on_without_who_refuses_and_ends_with_nobody_left() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let servers = serve(&chain, &providers);
    let url = servers[0].url();
    let content = deploy(&chain, 1, Some(verdict(true))).await;
    let refusing = deploy(&chain, 2, None).await;
    let capacity = Placement::CommittedCapacity;
    // Alone: the sector stays as it is, for others.
    favour(&chain, provider, b"phobos", &[refusing], capacity);
    chain.advance_to(200).await.unwrap();
    let order = get(&url, "/orders/1").await;
    assert_eq!(order["state"], "failed", "{order}");
    let sector = get(&url, "/sectors/0").await;
    assert_eq!(
        (&sector["upgraded"], &sector["pieces"]),
        (&json!(false), &json!([]))
    );

    favour(&chain, provider, b"deimos", &[refusing], capacity);
    favour(&chain, provider, b"mars", &[content], capacity);
    chain.advance_to(400).await.unwrap();
    assert_eq!(get(&url, "/orders/2").await["state"], "failed");
    let order = get(&url, "/orders/3").await;
    assert_eq!(
        (&order["state"], &order["sector"]),
        (&json!("active"), &json!(0)),
        "{order}"
    );
    assert_eq!(get(&url, "/sectors/0").await["upgraded"], true);
    assert_eq!(ask(&url, "GET", "/orders/4", b"").await.0, 404);
}
