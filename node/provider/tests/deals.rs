//! Deals from the offer to their end, through a provider's port.

mod common;

use common::client::{Client, post_deal};
use common::contract;
use common::http::{ask, get};
use common::{DAY, market, serve, shut, start, start_in};
use fvm_shared::econ::TokenAmount;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_deal_becomes_active_with_the_collateral_of_its_provider_locked() {
    let (chain, providers) = start(1);
    let servers = serve(&chain, &providers);
    let url = servers[0].url();
    let about = get(&url, "/").await;
    assert_eq!(about["miner"], "f01000");
    assert_eq!(about["ask"]["max_piece_size"], 2_048);

    let client = Client::new(&chain, 0);
    client.add_balance(10).await;
    let piece = client.put(&url, &b"mars".repeat(300)).await;
    let proposal = client.proposal(1000, &piece);
    let end = proposal.end_epoch;
    let collateral = proposal.provider_collateral.clone();
    let (status, answer) = client.propose(&url, proposal.clone()).await;
    assert_eq!((status, &answer), (202, &json!({ "order": 1 })));
    let order = get(&url, "/orders/1").await;
    assert_eq!(order["state"], "accepted");
    assert_eq!(client.propose(&url, proposal.clone()).await.0, 409);

    chain.advance_to(60).await.unwrap();
    let order = get(&url, "/orders/1").await;
    assert_eq!(order["state"], "active", "{order}");
    assert_eq!(order["length"], 1_200);
    let steps: Vec<_> = order["steps"].as_array().unwrap().iter().collect();
    let names: Vec<_> = steps
        .iter()
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["published", "pre-committed", "active"]);
    assert!(
        steps
            .iter()
            .all(|step| step["message"].is_string() && step["cost"] != "0")
    );
    let deal = order["deal_id"].as_u64().unwrap();
    assert_eq!(get(&url, &format!("/deals/{deal}")).await, order);
    let state = market(&chain).deal_state(deal).unwrap().unwrap();
    assert!(state.sector_start_epoch > 0);
    assert_eq!(order["sector"], state.sector_number);
    assert_eq!(market(&chain).locked(1000).unwrap(), collateral);
    // It cannot be published twice.
    let (status, answer) = client.propose(&url, proposal).await;
    assert_eq!(status, 409, "{answer}");

    let path = format!("/sectors/{}", state.sector_number);
    let sector = get(&url, &path).await;
    assert_eq!(
        (&sector["state"], &sector["files"]),
        (&json!("active"), &json!("whole"))
    );
    assert_eq!(sector["pieces"][0]["order"], 1);

    // It is kept, paid and over.
    chain.advance_to(end + 2 * DAY).await.unwrap();
    assert_eq!(get(&url, "/orders/1").await["state"], "expired");
    let after = market(&chain);
    assert!(after.deal_state(deal).unwrap().is_none());
    assert_eq!(after.locked(1000).unwrap(), TokenAmount::default());
    let earned = TokenAmount::from_atto(1_000) * (180 * DAY);
    assert_eq!(after.free(1000).unwrap(), collateral + earned);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_is_refused_for_what_is_wrong_with_it() {
    let (chain, providers) = start(1);
    let servers = serve(&chain, &providers);
    let url = servers[0].url();
    let client = Client::new(&chain, 0);
    client.add_balance(1).await;
    let piece = client.put(&url, b"mars").await;
    let good = client.proposal(1000, &piece);
    let now = chain.head().height();
    let mut cases = Vec::new();
    let mut case =
        |what: &str, status: u16, change: &dyn Fn(&mut boatyard_market::DealProposal)| {
            let mut proposal = good.clone();
            change(&mut proposal);
            cases.push((what.to_owned(), status, client.sign(proposal)));
        };
    case("this is f01000", 422, &|deal| {
        deal.provider = fvm_shared::address::Address::new_id(99)
    });
    case("starts at epoch", 422, &|deal| deal.start_epoch = now + 3);
    case("epochs; deals last", 422, &|deal| {
        deal.end_epoch = deal.start_epoch + DAY
    });
    case("sectors sealed now last", 422, &|deal| {
        deal.end_epoch = deal.start_epoch + 1_278 * DAY;
    });
    case("provider's collateral", 422, &|deal| {
        deal.provider_collateral = TokenAmount::default();
    });
    case("attoFIL free", 402, &|deal| {
        deal.storage_price_per_epoch = TokenAmount::from_whole(1);
    });
    case("power of two", 422, &|deal| deal.piece_size.0 = 129);
    case("do not make piece", 422, &|deal| deal.piece_size.0 = 256);
    case("PUT /piece", 404, &|deal| {
        deal.piece_cid = boatyard_proofs::piece::of_bytes(b"venus").cid;
    });
    case("datacap for 0 bytes", 402, &|deal| {
        deal.verified_deal = true
    });
    let mut forged = client.sign(good.clone());
    forged.proposal.client_collateral = TokenAmount::from_atto(1);
    cases.push(("signature".into(), 403, forged));
    for (what, status, signed) in cases {
        let (got, answer) = post_deal(&url, &signed).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(
            got == status && error.contains(&what),
            "{what}: {got} {answer}"
        );
    }
    assert_eq!(get(&url, "/orders").await, json!([]));
    assert_eq!(ask(&url, "POST", "/deals", b"{").await.0, 400);
    assert_eq!(
        ask(&url, "POST", "/deals", br#"{"proposal":"mars"}"#)
            .await
            .0,
        400
    );
    assert_eq!(post_deal(&url, &client.sign(good)).await.0, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_are_taken_only_under_their_commitment() {
    let (chain, providers) = start(1);
    let servers = serve(&chain, &providers);
    let url = servers[0].url();
    let piece = boatyard_proofs::piece::of_bytes(b"mars");
    let path = format!("/piece/{}", piece.cid);
    let (status, answer) = ask(&url, "PUT", &path, b"venus").await;
    assert_eq!(status, 422, "{answer}");
    assert!(!providers[0].files().piece(&piece.cid).exists());
    assert_eq!(ask(&url, "PUT", &path, b"").await.0, 400);
    assert_eq!(ask(&url, "PUT", &path, &[7; 2_033]).await.0, 413);
    assert_eq!(
        ask(&url, "PUT", &format!("{path}?size=100"), b"mars")
            .await
            .0,
        400
    );
    assert_eq!(
        ask(&url, "PUT", &format!("{path}?size=4096"), b"mars")
            .await
            .0,
        400
    );
    assert_eq!(ask(&url, "PUT", "/piece/mars", b"mars").await.0, 400);
    assert_eq!(ask(&url, "PUT", &path, b"mars").await.0, 201);
    assert_eq!(ask(&url, "GET", "/nothing", b"").await.0, 404);
    assert_eq!(ask(&url, "GET", "/orders/7", b"").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn deals_of_several_clients_go_to_several_providers_in_one_message_each() {
    let (chain, providers) = start(2);
    let servers = serve(&chain, &providers);
    let mut clients = Vec::new();
    for account in 0..2 {
        let client = Client::new(&chain, account);
        client.add_balance(10).await;
        clients.push(client);
    }
    for (number, client) in clients.iter().enumerate() {
        for (miner, server) in (1000..).zip(&servers) {
            let data = format!("mars of {number}").repeat(20);
            let piece = client.put(&server.url(), data.as_bytes()).await;
            let (status, answer) = client
                .propose(&server.url(), client.proposal(miner, &piece))
                .await;
            assert_eq!(status, 202, "{answer}");
        }
    }
    chain.advance_to(80).await.unwrap();
    for server in &servers {
        let orders = get(&server.url(), "/orders").await;
        let (first, second) = (&orders[0], &orders[1]);
        assert_eq!(
            (&first["state"], &second["state"]),
            (&json!("active"), &json!("active"))
        );
        assert_eq!(first["sector"], second["sector"]);
        assert_eq!(first["steps"][0]["message"], second["steps"][0]["message"]);
        assert_ne!(first["deal_id"], second["deal_id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deal_that_cannot_be_kept_in_time_fails_and_says_why() {
    // Stopped before it is published, after that, and after the pre-commit.
    for tipsets in 0..3 {
        let (chain, providers) = start(1);
        let servers = serve(&chain, &providers);
        let url = servers[0].url();
        let client = Client::new(&chain, 0);
        client.add_balance(10).await;
        let piece = client.put(&url, b"mars").await;
        let proposal = client.proposal(1000, &piece);
        let start = proposal.start_epoch;
        assert_eq!(client.propose(&url, proposal).await.0, 202);
        for _ in 0..tipsets {
            chain.mine(1).await.unwrap();
        }
        assert_eq!(ask(&url, "POST", "/control/stop", b"").await.0, 200);
        let again = client.proposal(1000, &piece);
        let (status, answer) = client.propose(&url, again).await;
        assert_eq!(status, 503, "{answer}");
        chain.advance_to(start + 10).await.unwrap();
        assert_eq!(ask(&url, "POST", "/control/resume", b"").await.0, 200);
        chain.advance_to(start + 20).await.unwrap();
        let order = get(&url, "/orders/1").await;
        assert_eq!(order["state"], "failed");
        let error = order["error"].as_str().unwrap();
        assert!(error.contains(&start.to_string()), "{error}");
        assert_eq!(order["deal_id"].is_null(), tipsets == 0);
        if tipsets == 2 {
            // What is pre-committed is proven all the same, without the deal.
            let sector = get(&url, &format!("/sectors/{}", order["sector"])).await;
            assert_eq!(sector["state"], "active");
        }
    }
}

/// Waits for the bytes of a piece that a provider fetches.
async fn arrival(provider: &boatyard_provider::Provider, piece: &cid::Cid) {
    let arrived = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(5));
        while !provider.files().piece(piece).exists() {
            tick.tick().await;
        }
    };
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, arrived).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_gets_its_deal_from_the_provider_that_it_names_or_from_any() {
    for (named, expected) in [(0, 1), (1000, 1), (1001, 0)] {
        let (chain, providers) = start(2);
        let servers = serve(&chain, &providers);
        let url = servers[0].url();
        let client = Client::new(&chain, 0);
        let piece = client.put(&servers[1].url(), b"mars").await;
        let deal = boatyard_market::DealProposal {
            client: contract::address(),
            ..client.proposal(named, &piece)
        };
        // The other provider gives the bytes out, and is stopped otherwise.
        providers[1].set_mischief(|mischief| mischief.stopped = true);
        let location = format!("{}/piece/{}", servers[1].url(), piece.cid);
        contract::deploy(&chain, &deal, &location).await;
        let own = contract::address();
        client
            .send(common::client::MARKET, TokenAmount::from_whole(1), 2, &own)
            .await;
        let input = boatyard_chain::ethereum::cbor_bytes(&[1, 2, 3, 4]);
        let input: fvm_ipld_encoding::BytesDe = input.deserialize().unwrap();
        let input = fvm_ipld_encoding::BytesSer(&input.0);
        let nothing = TokenAmount::default();
        client
            .send(own, nothing, boatyard_chain::ethereum::INVOKE_EVM, &input)
            .await;
        chain.mine(1).await.unwrap();
        let orders = get(&url, "/orders").await;
        assert_eq!(
            orders.as_array().unwrap().len(),
            expected,
            "{named}: {orders}"
        );
        if expected == 0 {
            continue;
        }
        assert_eq!(orders[0]["error"], json!(null), "{orders}");
        arrival(&providers[0], &piece.cid).await;
        let epoch = chain.head().height();
        chain.advance_to(epoch + 60).await.unwrap();
        let order = get(&url, "/orders/1").await;
        assert_eq!(order["state"], "active", "{order}");
        assert_eq!(order["origin"], "contract");
        let deal = order["deal_id"].as_u64().unwrap();
        assert!(market(&chain).deal_state(deal).unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn datacap_is_claimed_for_allocations_and_verified_deals() {
    let (chain, providers) = start(1);
    let servers = serve(&chain, &providers);
    let url = servers[0].url();
    let client = Client::new(&chain, 0);
    client.add_balance(10).await;
    client.get_datacap(1 << 20).await;
    let data = b"mars".repeat(100);
    let piece = boatyard_proofs::piece::of_bytes(&data);
    let id = chain
        .head_state()
        .resolve(&client.key.address())
        .unwrap()
        .unwrap();

    // The registry tells of it, the bytes come later.
    client.allocate(1000, &piece, (180 * DAY, 400 * DAY)).await;
    chain.mine(1).await.unwrap();
    let order = get(&url, "/orders/1").await;
    assert_eq!(
        (&order["state"], &order["origin"]),
        (&json!("accepted"), &json!("event"))
    );
    assert_eq!(
        (&order["kind"], &order["length"]),
        (&json!("allocation"), &json!(0))
    );
    client.put(&url, &data).await;
    // Who asks for it as well gets the same order.
    let body = json!({ "client": id, "allocation": order["allocation"], "notify": [] });
    let (status, answer) = ask(&url, "POST", "/allocations", body.to_string().as_bytes()).await;
    assert_eq!((status, answer), (202, json!({ "order": 1 })));

    // A verified deal, whose allocation the market makes, is no second order.
    let other = client.put(&url, &b"venus".repeat(100)).await;
    let deal = boatyard_market::DealProposal {
        verified_deal: true,
        ..client.proposal(1000, &other)
    };
    assert_eq!(client.propose(&url, deal).await.0, 202);

    // Too short a term for any sector.
    let small = client.put(&url, &b"moon".repeat(60)).await;
    client.allocate(1000, &small, (180 * DAY, 185 * DAY)).await;
    let registry = boatyard_provider::verifreg::VerifregView::load(&chain.head_state()).unwrap();
    let number = |piece: &fvm_shared::piece::PieceInfo| {
        let found = (1..9).find(|number| {
            let allocation = registry.allocation(id, *number).unwrap();
            allocation.is_some_and(|allocation| allocation.data == piece.cid)
        });
        found.unwrap()
    };
    // The market's own, and the one that is too short.
    for (piece, expected) in [(&other, 409), (&small, 422)] {
        let body = json!({ "client": id, "allocation": number(piece) });
        let (status, answer) = ask(&url, "POST", "/allocations", body.to_string().as_bytes()).await;
        assert_eq!(status, expected, "{answer}");
    }
    let body = json!({ "client": id, "allocation": 99 });
    let (status, _) = ask(&url, "POST", "/allocations", body.to_string().as_bytes()).await;
    assert_eq!(status, 404);

    // A favour needs no chain but for the sector.
    let gift = client.put(&url, &b"sun".repeat(100)).await;
    let body = json!({ "piece_cid": gift.cid.to_string(), "duration": 200 * DAY });
    let (status, answer) = ask(&url, "POST", "/favours", body.to_string().as_bytes()).await;
    assert_eq!(status, 202, "{answer}");

    let epoch = chain.head().height();
    chain.advance_to(epoch + 60).await.unwrap();
    let orders = get(&url, "/orders").await;
    let mut seen: Vec<_> = orders
        .as_array()
        .unwrap()
        .iter()
        .map(|order| {
            (
                order["kind"].as_str().unwrap(),
                order["state"].as_str().unwrap(),
            )
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            ("allocation", "active"),
            ("allocation", "failed"),
            ("deal", "active"),
            ("favour", "active")
        ],
        "{orders}"
    );
    let registry = boatyard_provider::verifreg::VerifregView::load(&chain.head_state()).unwrap();
    for order in orders.as_array().unwrap() {
        if let (Some(allocation), "active") = (
            order["allocation"].as_u64(),
            order["state"].as_str().unwrap(),
        ) {
            assert_eq!(registry.allocation(id, allocation).unwrap(), None);
            assert!(registry.claim(1000, allocation).unwrap().is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reverted_event_brought_goes_with_it() {
    let (chain, providers) = start(1);
    let servers = serve(&chain, &providers);
    let client = Client::new(&chain, 0);
    client.get_datacap(1 << 20).await;
    let snapshot = chain.snapshot().await.unwrap();
    let piece = boatyard_proofs::piece::of_bytes(&b"mars".repeat(100));
    client.allocate(1000, &piece, (180 * DAY, 400 * DAY)).await;
    chain.mine(1).await.unwrap();
    assert_eq!(
        get(&servers[0].url(), "/orders")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(chain.revert(snapshot).await.unwrap());
    assert_eq!(get(&servers[0].url(), "/orders").await, json!([]));
    client.allocate(1000, &piece, (180 * DAY, 400 * DAY)).await;
    chain.mine(1).await.unwrap();
    assert_eq!(
        get(&servers[0].url(), "/orders").await[0]["state"],
        "accepted"
    );
}

/// The provider is stopped after every tipset, each time with all that it holds in
/// memory, and started again on what lies on disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_deal_goes_on_after_a_restart_at_any_step() {
    let directory = tempfile::TempDir::new().unwrap();
    let (chain, providers) = start_in(1, Some(directory.path()));
    let servers = serve(&chain, &providers);
    let client = Client::new(&chain, 0);
    client.add_balance(10).await;
    let piece = client.put(&servers[0].url(), b"mars").await;
    let proposal = client.proposal(1000, &piece);
    assert_eq!(client.propose(&servers[0].url(), proposal).await.0, 202);
    let mut epoch = chain.head().height();
    drop((client, providers));
    shut(chain, servers).await;
    let mut seen = Vec::new();
    for _ in 0..30 {
        let (chain, providers) = start_in(1, Some(directory.path()));
        epoch += 1;
        chain.advance_to(epoch).await.unwrap();
        let servers = serve(&chain, &providers);
        let order = get(&servers[0].url(), "/orders/1").await;
        let state = order["state"].as_str().unwrap().to_owned();
        assert_eq!(order["error"], json!(null));
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        drop(providers);
        shut(chain, servers).await;
    }
    assert_eq!(seen.last().unwrap(), "active", "{seen:?}");
}
