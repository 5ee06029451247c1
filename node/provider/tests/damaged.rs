//! Records that were changed on disk: the provider goes on with everything else, and says
//! what is wrong.

mod common;

use std::fs;

use boatyard_provider::{Pledge, SectorRecord};
use common::client::Client;
use common::http::{ask, get};
use common::{DAY, faults, serve, shut, start_in};
use fvm_ipld_encoding::{from_slice, to_vec};
use serde_json::{Value, json};

const MINER: u64 = 1000;

/// Writes a record with CommR all zero; gives what was there.
fn spoil(path: &std::path::Path) -> Vec<u8> {
    let whole = fs::read(path).unwrap();
    let mut record: SectorRecord = from_slice(&whole).unwrap();
    record.sealed.as_mut().unwrap().comm_r = [0; 32];
    let spoilt = to_vec(&record).unwrap();
    assert_ne!(spoilt, whole);
    fs::write(path, spoilt).unwrap();
    whole
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_costs_its_sector_and_nothing_else() {
    let directory = tempfile::TempDir::new().unwrap();
    let record = |number: u64| {
        let sector = format!("providers/f01000/sectors/{number}/record");
        directory.path().join(sector)
    };
    let (chain, providers) = start_in(1, Some(directory.path()));
    let epoch = chain.next_epoch();
    let pledged = providers[0].pledge(&chain.head_state(), epoch, &Pledge::default());
    assert_eq!(pledged.unwrap(), [1]);
    chain.advance_to(2 * DAY).await.unwrap();
    assert_eq!(faults(&chain, MINER), 0);
    drop(providers);
    shut(chain, Vec::new()).await;
    // One that was sealed again from what is known of it, and one that cannot be.
    spoil(&record(0));
    let whole = spoil(&record(1));
    let spoilt = fs::read(record(1)).unwrap();

    let (chain, providers) = start_in(1, Some(directory.path()));
    let servers = serve(&chain, &providers);
    let url = servers[0].url();
    assert!(record(0).with_extension("damaged").exists());
    let first = get(&url, "/sectors/0").await;
    assert_eq!(
        (&first["state"], &first["error"]),
        (&json!("active"), &Value::Null)
    );
    let second = get(&url, "/sectors/1").await;
    assert_eq!(
        (&second["state"], &second["files"]),
        (&json!("failed"), &json!("corrupt"))
    );
    let error = second["error"].as_str().unwrap();
    for words in [record(1).to_str().unwrap(), "all zero", "terminate 1"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    for action in ["restore-sector", "corrupt-sector", "lose-sector"] {
        let path = format!("/control/{action}");
        let (status, answer) = ask(&url, "POST", &path, br#"{"sector":1}"#).await;
        let error = answer["error"].as_str().unwrap();
        assert!(
            status == 422 && error.contains("all zero"),
            "{status} {error}"
        );
    }
    let longer = providers[0].extend(&chain, 1, 400 * DAY).await;
    longer.unwrap();

    // Its number is not given away, and deals are kept.
    let client = Client::new(&chain, 0);
    client.add_balance(10).await;
    let piece = client.put(&url, b"mars").await;
    let (status, answer) = client.propose(&url, client.proposal(MINER, &piece)).await;
    assert_eq!(status, 202, "{answer}");
    chain.advance_to(4 * DAY).await.unwrap();
    let order = get(&url, "/orders/1").await;
    assert_eq!(
        (&order["state"], &order["sector"]),
        (&json!("active"), &json!(2)),
        "{order}"
    );
    assert_eq!(faults(&chain, MINER), 1);
    assert_eq!(fs::read(record(1)).unwrap(), spoilt);

    // With its record it is proven again.
    drop((providers, client));
    shut(chain, servers).await;
    fs::write(record(1), whole).unwrap();
    let (chain, providers) = start_in(1, Some(directory.path()));
    chain.advance_to(6 * DAY).await.unwrap();
    assert_eq!(faults(&chain, MINER), 0);
    drop(providers);
    shut(chain, Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_in_a_sector_without_a_record_gets_another_one() {
    let directory = tempfile::TempDir::new().unwrap();
    let (chain, providers) = start_in(1, Some(directory.path()));
    let servers = serve(&chain, &providers);
    let client = Client::new(&chain, 0);
    client.add_balance(10).await;
    let piece = client.put(&servers[0].url(), b"mars").await;
    let proposal = client.proposal(MINER, &piece);
    assert_eq!(client.propose(&servers[0].url(), proposal).await.0, 202);
    for _ in 0..3 {
        chain.mine(1).await.unwrap();
    }
    let order = get(&servers[0].url(), "/orders/1").await;
    assert_eq!(order["sector"], 1, "{order}");
    assert_ne!(order["state"], "active");
    drop((providers, client));
    shut(chain, servers).await;
    spoil(&directory.path().join("providers/f01000/sectors/1/record"));

    let (chain, providers) = start_in(1, Some(directory.path()));
    let servers = serve(&chain, &providers);
    chain.advance_to(100).await.unwrap();
    let order = get(&servers[0].url(), "/orders/1").await;
    assert_eq!(
        (&order["state"], &order["sector"]),
        (&json!("active"), &json!(2)),
        "{order}"
    );
    drop(providers);
    shut(chain, servers).await;
}
