//! What sectors go through besides the plain path: files lost, damaged and made again,
//! wrong proofs, data for committed capacity, capacity proven by one message, longer and
//! shorter lives, blocks signed twice.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boatyard_chain::{BlockHeader, ChainHandle, ExecutedMessage};
use boatyard_miner::types::ReportConsensusFaultParams;
use boatyard_provider::place::{Health, Place};
use boatyard_provider::{ControlError, Placement, Pledge, Provider, SectorRecord};
use common::client::Client;
use common::http::{ask, get};
use common::{DAY, faults, favour, market, miner, power, serve, start, start_in};
use fvm_ipld_encoding::{RawBytes, to_vec};
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::sector::SectorNumber;
use serde_json::{Value, json};

const MINER: u64 = 1000;
const SECTOR: u64 = 2_048;

fn pledge(chain: &ChainHandle, provider: &Provider, pledge: Pledge) -> Vec<SectorNumber> {
    let epoch = chain.next_epoch();
    provider
        .pledge(&chain.head_state(), epoch, &pledge)
        .unwrap()
}

fn place(chain: &ChainHandle, number: SectorNumber) -> Option<Place> {
    Place::find(&miner(chain, MINER), number).unwrap()
}

fn health(chain: &ChainHandle, number: SectorNumber) -> Option<Health> {
    place(chain, number).map(|place| place.health)
}

fn record(provider: &Provider, number: SectorNumber) -> SectorRecord {
    let records = provider.sectors();
    records
        .into_iter()
        .find(|record| record.number == number)
        .unwrap()
}

/// Successful messages of a method to the miner, oldest first, with their epochs.
fn messages(chain: &ChainHandle, method: u64) -> Vec<(ChainEpoch, ExecutedMessage)> {
    let mut found = Vec::new();
    let mut at = Some(chain.head());
    while let Some(tipset) = at {
        for message in tipset.messages.iter() {
            let sent = &message.signed.message;
            let ours = sent.to == Address::new_id(MINER) && sent.method_num == method;
            if ours && message.receipt.exit_code.is_success() {
                found.push((tipset.height(), message.clone()));
            }
        }
        at = chain.parent(&tipset);
    }
    found.reverse();
    found
}

async fn ahead(chain: &ChainHandle, epochs: ChainEpoch) {
    let epoch = chain.head().height() + epochs;
    chain.advance_to(epoch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_and_damaged_sectors_are_faulty_until_they_are_made_again() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let two = Pledge {
        count: 2,
        ..Pledge::default()
    };
    let numbers = pledge(&chain, provider, two);
    ahead(&chain, 2 * DAY).await;
    assert_eq!(power(&chain, MINER), BigInt::from(3 * SECTOR));

    provider.lose_sector(numbers[0]).unwrap();
    provider.corrupt_sector(numbers[1]).unwrap();
    assert!(!provider.files().sector(numbers[0]).sealed().exists());
    assert!(provider.files().sector(numbers[1]).sealed().exists());
    assert!(matches!(
        provider.corrupt_sector(numbers[0]),
        Err(ControlError::Refused(_))
    ));
    assert!(matches!(
        provider.lose_sector(99),
        Err(ControlError::NoSector(99))
    ));
    ahead(&chain, DAY + 100).await;
    assert_eq!(faults(&chain, MINER), 2);
    assert_eq!(power(&chain, MINER), BigInt::from(SECTOR));

    let servers = serve(&chain, &providers);
    for (number, files) in [(numbers[0], "lost"), (numbers[1], "corrupt"), (0, "whole")] {
        let sector = get(&servers[0].url(), &format!("/sectors/{number}")).await;
        assert_eq!(sector["files"], files);
    }

    // What is still damaged is not declared well.
    ahead(&chain, 2 * DAY).await;
    assert_eq!(faults(&chain, MINER), 2);

    for number in &numbers {
        provider.restore_sector(*number).unwrap();
    }
    ahead(&chain, DAY + 100).await;
    assert_eq!(faults(&chain, MINER), 0);
    assert_eq!(power(&chain, MINER), BigInt::from(3 * SECTOR));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sector_that_stays_lost_costs_fees_and_is_terminated_after_42_days() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let number = pledge(&chain, provider, Pledge::default())[0];
    ahead(&chain, 2 * DAY).await;
    provider.lose_sector(number).unwrap();
    ahead(&chain, DAY + 100).await;
    assert_eq!(health(&chain, number), Some(Health::Faulty));

    // When a window of the faulty sector closes the fee is burned, in a null round.
    let place = place(&chain, number).unwrap();
    let view = miner(&chain, MINER);
    let now = chain.head().height();
    let window = view.state.next_window(view.policy(), place.deadline, now);
    let burnt = |chain: &ChainHandle| chain.head_state().balance(&Address::new_id(99)).unwrap();
    chain.advance_to(window.close - 2).await.unwrap();
    let before = burnt(&chain);
    chain.advance_to(window.close - 1).await.unwrap();
    assert!(chain.head().messages.is_empty());
    assert!(burnt(&chain) > before);

    ahead(&chain, 44 * DAY).await;
    assert_eq!(health(&chain, number), Some(Health::Terminated));
    // Hardly more tipsets than windows that something is proven in.
    let tipsets = std::iter::successors(Some(chain.head()), |tipset| chain.parent(tipset));
    let tipsets = tipsets.count();
    assert!(tipsets < 250, "{tipsets} tipsets");
    assert_eq!(power(&chain, MINER), BigInt::from(SECTOR));
    assert_eq!(faults(&chain, MINER), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_window_posts_are_disputed_by_somebody_else_who_is_rewarded() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    ahead(&chain, DAY).await;
    let operator = Address::new_id(100);
    let before = chain.head_state().balance(&operator).unwrap();
    provider.set_mischief(|mischief| mischief.spoils_posts = true);
    ahead(&chain, DAY + 200).await;
    let disputes = messages(&chain, 24);
    assert_eq!(disputes.len(), 1);
    // Right after the window of the proof.
    let view = miner(&chain, MINER);
    let window = view.deadline_at(disputes[0].0 - 1);
    assert_eq!(window.close, disputes[0].0);
    assert_eq!(faults(&chain, MINER), 1);
    assert_eq!(power(&chain, MINER), BigInt::from(0));
    let earned = chain.head_state().balance(&operator).unwrap() - before;
    assert!(earned > TokenAmount::from_whole(3), "{earned}");

    // A wrong proof of what recovers is verified at once, and refused.
    ahead(&chain, 2 * DAY).await;
    assert_eq!(faults(&chain, MINER), 1);
    provider.set_mischief(|mischief| mischief.spoils_posts = false);
    ahead(&chain, DAY + 100).await;
    assert_eq!(faults(&chain, MINER), 0);
    assert_eq!(messages(&chain, 24).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn capacity_is_proven_by_one_message_extended_and_terminated() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let least = 200 * DAY;
    let wanted = Pledge {
        non_interactive: true,
        expiration: Some(300 * DAY),
        ..Pledge::default()
    };
    let number = pledge(&chain, provider, wanted)[0];
    for refused in [
        Pledge { count: 0, ..wanted },
        Pledge {
            expiration: Some(least / 2),
            ..wanted
        },
        Pledge {
            expiration: Some(6 * 365 * DAY),
            ..wanted
        },
    ] {
        let refusal = provider.pledge(&chain.head_state(), 1, &refused);
        assert!(matches!(refusal, Err(ControlError::Refused(_))));
    }
    ahead(&chain, 3).await;
    assert_eq!(messages(&chain, 36).len(), 1);
    assert!(messages(&chain, 28).is_empty());
    let sector = miner(&chain, MINER).sector(number).unwrap().unwrap();
    assert_eq!(sector.expiration, 300 * DAY);
    ahead(&chain, 2 * DAY).await;
    assert_eq!(health(&chain, number), Some(Health::Active));
    assert_eq!(power(&chain, MINER), BigInt::from(2 * SECTOR));

    let refusal = provider.extend(&chain, number, 10 * DAY).await;
    assert!(matches!(refusal, Err(ControlError::Fails { exit: 16, .. })));
    provider.extend(&chain, number, 400 * DAY).await.unwrap();
    ahead(&chain, 1).await;
    let sector = miner(&chain, MINER).sector(number).unwrap().unwrap();
    assert_eq!(sector.expiration, 400 * DAY);
    assert_eq!(record(provider, number).expiration, 400 * DAY);

    // Not while it is about to be proven.
    let place = place(&chain, number).unwrap();
    let view = miner(&chain, MINER);
    let now = chain.head().height();
    let window = view.state.next_window(view.policy(), place.deadline, now);
    chain.advance_to(window.open - 10).await.unwrap();
    let refusal = provider.terminate(&chain, number).await;
    assert!(matches!(refusal, Err(ControlError::Refused(_))));
    chain.advance_to(window.close + 1).await.unwrap();
    provider.terminate(&chain, number).await.unwrap();
    ahead(&chain, 2).await;
    assert_eq!(messages(&chain, 9).len(), 1);
    assert_eq!(power(&chain, MINER), BigInt::from(SECTOR));
    let refusal = provider.terminate(&chain, number).await;
    assert!(matches!(refusal, Err(ControlError::Refused(_))));
    let refusal = provider.extend(&chain, 99, 400 * DAY).await;
    assert!(matches!(refusal, Err(ControlError::NoSector(99))));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_goes_into_committed_capacity_and_is_proven_there() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let data = b"mars".repeat(200);
    let order = favour(&chain, provider, &data, &[], Placement::CommittedCapacity);
    ahead(&chain, 200).await;
    // Sector 0 is proven already and of zeros: it takes the data.
    let order = provider.order(order).unwrap();
    assert!(order.has_step("active"), "{order:?}");
    let number = order.sector.unwrap();
    let kept = record(provider, number);
    let update = kept.update.clone().unwrap();
    assert!(update.proven);
    let on_chain = miner(&chain, MINER).sector(number).unwrap().unwrap();
    assert_eq!(on_chain.sealed_cid, update.updated.unwrap().sealed_cid());
    assert!(on_chain.deal_weight > BigInt::from(0));
    assert!(!provider.files().piece(&order.piece.cid).exists());
    ahead(&chain, 2 * DAY).await;
    assert_eq!(faults(&chain, MINER), 0);

    // Without the bytes it cannot be made again; with them it can.
    provider.corrupt_sector(number).unwrap();
    ahead(&chain, DAY + 100).await;
    assert_eq!(health(&chain, number), Some(Health::Faulty));
    let refusal = provider.restore_sector(number).unwrap_err();
    assert!(refusal.to_string().contains("PUT /piece"), "{refusal}");
    provider
        .files()
        .save_piece(&order.piece.cid, &data)
        .unwrap();
    provider.restore_sector(number).unwrap();
    assert!(!provider.files().piece(&order.piece.cid).exists());
    ahead(&chain, DAY + 100).await;
    assert_eq!(health(&chain, number), Some(Health::Active));
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_wait_for_committed_capacity() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let capacity = Placement::CommittedCapacity;
    let first = favour(&chain, provider, &b"mars".repeat(500), &[], capacity);
    ahead(&chain, 200).await;
    assert_eq!(provider.order(first).unwrap().sector, Some(0));
    let second = favour(&chain, provider, b"phobos", &[], capacity);
    let third = favour(&chain, provider, b"deimos", &[], capacity);
    ahead(&chain, 200).await;
    assert_eq!(provider.order(second).unwrap().sector, None);
    let number = pledge(&chain, provider, Pledge::default())[0];
    ahead(&chain, 3 * DAY).await;
    for order in [second, third] {
        let order = provider.order(order).unwrap();
        assert_eq!(order.sector, Some(number));
        assert!(order.has_step("active"), "{order:?}");
    }
    assert_eq!(messages(&chain, 35).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_goes_on_after_a_restart_and_when_the_chain_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut order = None;
    let mut numbers = Vec::new();
    // A restart every few epochs: in the middle of pre-commit, proof and update.
    for round in 1..=30 {
        let (chain, providers) = start_in(1, Some(folder.path()));
        let provider = &providers[0];
        if round == 1 {
            numbers.extend(pledge(&chain, provider, Pledge::default()));
            let alone = Pledge {
                non_interactive: true,
                ..Pledge::default()
            };
            numbers.extend(pledge(&chain, provider, alone));
            let cc = Placement::CommittedCapacity;
            order = Some(favour(&chain, provider, b"phobos", &[], cc));
        }
        ahead(&chain, if round < 20 { 2 } else { 60 }).await;
        chain.stop().await;
    }
    let (chain, providers) = start_in(1, Some(folder.path()));
    let provider = &providers[0];
    for number in &numbers {
        assert!(miner(&chain, MINER).sector(*number).unwrap().is_some());
    }
    assert_eq!(numbers.len(), 2);
    let order = provider.order(order.unwrap()).unwrap();
    let updated = record(provider, order.sector.unwrap());
    assert!(updated.update.is_some_and(|update| update.proven));

    // The chain goes back before an update and a commit that are done: they are done
    // again, from what the replicas hold.
    let snapshot = chain.snapshot().await.unwrap();
    let late = favour(&chain, provider, b"deimos", &[], Placement::New);
    ahead(&chain, 100).await;
    let number = provider.order(late).unwrap().sector.unwrap();
    assert!(miner(&chain, MINER).sector(number).unwrap().is_some());
    assert!(chain.revert(snapshot).await.unwrap());
    assert!(miner(&chain, MINER).sector(number).unwrap().is_none());
    ahead(&chain, 100).await;
    assert!(miner(&chain, MINER).sector(number).unwrap().is_some());
    chain.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_blocks_of_an_epoch_are_fined() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let none = provider.double_sign(&chain).await;
    assert!(matches!(none, Err(ControlError::Refused(_))));
    chain.mine(3).await.unwrap();
    let operator = Address::new_id(100);
    let before = chain.head_state().balance(&operator).unwrap();
    let sent = provider.double_sign(&chain).await.unwrap();
    chain.mine(1).await.unwrap();
    let reports = messages(&chain, 15);
    assert_eq!(reports[0].1.cid, sent);
    let info = miner(&chain, MINER).info().unwrap();
    assert_eq!(info.consensus_fault_elapsed, reports[0].0 + 900);
    assert!(chain.head_state().balance(&operator).unwrap() > before);
    let again = provider.double_sign(&chain).await;
    assert!(
        matches!(again, Err(ControlError::Fails { exit: 18, .. })),
        "{again:?}"
    );
    // The bar ends.
    ahead(&chain, 1_000).await;
    provider.double_sign(&chain).await.unwrap();
    chain.mine(1).await.unwrap();
    assert_eq!(messages(&chain, 15).len(), 2);
}

/// What a report is about, and its three headers.
type Report = (&'static str, Vec<u8>, Vec<u8>, Vec<u8>);

/// Reports blocks; gives the exit code of the trial.
async fn report(chain: &ChainHandle, blocks: [&[u8]; 3]) -> u32 {
    let [first, second, extra] = blocks.map(|bytes| RawBytes::new(bytes.to_vec()));
    let params = ReportConsensusFaultParams {
        header1: first,
        header2: second,
        header_extra: extra,
    };
    let message = Message {
        version: 0,
        from: Address::new_id(100),
        to: Address::new_id(MINER),
        sequence: 0,
        value: TokenAmount::default(),
        method_num: 15,
        params: RawBytes::serialize(&params).unwrap(),
        gas_limit: 0,
        gas_fee_cap: TokenAmount::default(),
        gas_premium: TokenAmount::default(),
    };
    match chain.send(message).await {
        Ok(_) => 0,
        Err(error) => match ControlError::from(error) {
            ControlError::Fails { exit, .. } => exit,
            other => panic!("{other}"),
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_signed_blocks_of_the_last_900_epochs_are_faults() {
    let (chain, providers) = start(2);
    ahead(&chain, 1_500).await;
    let worker = providers[0].config().worker.clone();
    let head = chain.head().tipset.block().clone();
    let signed = |change: &dyn Fn(&mut BlockHeader)| {
        let mut block = BlockHeader {
            miner: Address::new_id(MINER),
            block_sig: None,
            ..head.clone()
        };
        change(&mut block);
        block.block_sig = Some(worker.sign(&block.signing_bytes()));
        block
    };
    let at = |height: ChainEpoch, timestamp: u64| {
        signed(&|block| {
            block.height = height;
            block.timestamp = timestamp;
        })
        .to_bytes()
    };
    let (first, second) = (at(1_400, 1), at(1_400, 2));
    let mut cases: Vec<Report> = Vec::new();
    let mut case = |what, first: &[u8], second: &[u8], extra: &[u8]| {
        cases.push((what, first.to_vec(), second.to_vec(), extra.to_vec()));
    };
    case("the same block", &first, &first, &[]);
    case("no block", &first, b"mars", &[]);
    case(
        "bytes behind a block",
        &first,
        &[&second[..], &[0]].concat(),
        &[],
    );
    case("no witness", &first, &second, b"mars");
    case("final blocks", &at(500, 1), &at(500, 2), &[]);
    case("the later one first", &at(1_401, 1), &first, &[]);
    case("a block to come", &at(2_000, 1), &at(2_000, 2), &[]);
    let mut unsigned = BlockHeader {
        block_sig: None,
        ..signed(&|block| block.height = 1_400)
    };
    case("an unsigned block", &first, &unsigned.to_bytes(), &[]);
    unsigned.block_sig = Some(providers[1].config().worker.sign(&unsigned.signing_bytes()));
    case("another's signature", &first, &unsigned.to_bytes(), &[]);
    let other = |timestamp: u64| {
        let mut block = signed(&|block| {
            block.miner = Address::new_id(1001);
            block.height = 1_400;
            block.timestamp = timestamp;
        });
        block.block_sig = Some(providers[1].config().worker.sign(&block.signing_bytes()));
        block.to_bytes()
    };
    case("two miners' blocks", &first, &other(1), &[]);
    case("another miner's fault", &other(1), &other(2), &[]);
    for (what, first, second, extra) in cases {
        let exit = report(&chain, [&first, &second, &extra]).await;
        assert_eq!(exit, 16, "{what}");
    }

    // Each kind is a fault: tried, and taken back.
    let own = signed(&|block| block.height = 1_400);
    let sibling = BlockHeader {
        miner: Address::new_id(1001),
        ..own.clone()
    };
    let grinding = signed(&|block| {
        block.height = 1_402;
        block.parents = vec![sibling.cid()];
    });
    let cases: [Report; 3] = [
        ("double fork", first.clone(), second, Vec::new()),
        ("time offset", first, at(1_403, 1), Vec::new()),
        (
            "parent grinding",
            own.to_bytes(),
            grinding.to_bytes(),
            sibling.to_bytes(),
        ),
    ];
    for (what, first, second, extra) in cases {
        let snapshot = chain.snapshot().await.unwrap();
        let exit = report(&chain, [&first, &second, &extra]).await;
        assert_eq!(exit, 0, "{what}");
        chain.mine(1).await.unwrap();
        assert_eq!(messages(&chain, 15).len(), 1, "{what}");
        assert!(chain.revert(snapshot).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sectors_are_controlled_through_the_providers_port() {
    let (chain, providers) = start(1);
    let servers = serve(&chain, &providers);
    let url = servers[0].url();
    let post = async |path: &str, body: Value| {
        let path = format!("/control/{path}");
        ask(&url, "POST", &path, body.to_string().as_bytes()).await
    };
    assert_eq!(
        post("pledge", json!({})).await,
        (200, json!({ "sectors": [1] }))
    );
    ahead(&chain, 2 * DAY).await;
    for (action, files) in [
        ("corrupt-sector", "corrupt"),
        ("lose-sector", "lost"),
        ("restore-sector", "whole"),
    ] {
        let answer = post(action, json!({ "sector": 1 })).await;
        assert_eq!(answer, (200, json!({ "sector": 1, "files": files })));
    }
    assert_eq!(get(&url, "/sectors/1").await["files"], "whole");
    let (status, answer) = post("extend", json!({ "sector": 1, "expiration": 400 * DAY })).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["message"].as_str().unwrap().starts_with("bafy"));
    chain.mine(1).await.unwrap();
    assert_eq!(get(&url, "/sectors/1").await["expiration"], 400 * DAY);
    let (status, answer) = post("double-sign", json!({})).await;
    assert_eq!(status, 200, "{answer}");
    for (action, body, expected, words) in [
        ("lose-sector", json!({ "sector": 9 }), 404, "no sector 9"),
        ("lose-sector", json!({}), 400, "sector"),
        ("pledge", json!({ "count": 0 }), 422, "1 to 64"),
        (
            "extend",
            json!({ "sector": 1, "expiration": 3 }),
            422,
            "exit code 16",
        ),
    ] {
        let (status, answer) = post(action, body).await;
        assert_eq!(status, expected, "{answer}");
        assert!(
            answer["error"].as_str().unwrap().contains(words),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deal_in_committed_capacity_is_slashed_when_its_sector_is_terminated() {
    let (chain, providers) = start(1);
    let provider = &providers[0];
    let servers = serve(&chain, &providers);
    let url = servers[0].url();
    let client = Client::new(&chain, 0);
    client.add_balance(10).await;
    let piece = client.put(&url, &b"mars".repeat(300)).await;
    let signed = client.sign(client.proposal(MINER, &piece));
    let body = json!({
        "proposal": STANDARD.encode(to_vec(&signed).unwrap()),
        "into": "committed-capacity",
    });
    let (status, answer) = ask(&url, "POST", "/deals", body.to_string().as_bytes()).await;
    assert_eq!(status, 202, "{answer}");
    ahead(&chain, 190).await;
    let order = get(&url, "/orders/1").await;
    assert_eq!(
        (&order["state"], &order["sector"]),
        (&json!("active"), &json!(0))
    );
    let deal = order["deal_id"].as_u64().unwrap();
    assert!(market(&chain).deal_state(deal).unwrap().is_some());
    let collateral = market(&chain).locked(MINER).unwrap();
    assert!(collateral > TokenAmount::default());
    assert_eq!(get(&url, "/sectors/0").await["upgraded"], true);

    chain
        .advance_to(signed.proposal.start_epoch + 10)
        .await
        .unwrap();
    // As soon as its deadline is not open or about to be.
    for _ in 0..3 {
        match provider.terminate(&chain, 0).await {
            Ok(_) => {
                chain.mine(1).await.unwrap();
                break;
            }
            Err(ControlError::Refused(_)) => ahead(&chain, 61).await,
            Err(error) => panic!("{error}"),
        }
    }
    ahead(&chain, 2 * DAY).await;
    assert_eq!(messages(&chain, 9).len(), 1);
    assert_eq!(health(&chain, 0), Some(Health::Terminated));
    assert_eq!(get(&url, "/orders/1").await["state"], "slashed");
    assert!(market(&chain).deal_state(deal).unwrap().is_none());
    assert_eq!(
        market(&chain).locked(MINER).unwrap(),
        TokenAmount::default()
    );
}
